/*
 * product.c -- see product.h.
 */
#include "ops/product.h"

#include <math.h>

#include "base/half.h"

void widen_f32(const void *src, sard_dtype t, float *dst, int64_t n) {
    const uint16_t *s = src;
    if (t == SARD_BF16)
        for (int64_t i = 0; i < n; i++) dst[i] = bf16_to_f32(s[i]);
    else
        for (int64_t i = 0; i < n; i++) dst[i] = f16_to_f32(s[i]);
}

void narrow_f32(const float *src, sard_dtype t, void *dst, int64_t n) {
    uint16_t *d = dst;
    for (int64_t i = 0; i < n; i++) d[i] = t == SARD_BF16 ? f32_to_bf16(src[i]) : f32_to_f16(src[i]);
}

/* ---- packing ------------------------------------------------------------------------------------------------------ */

sard_status product_prepare(op_prep *p, uint32_t which, bool transposed, product **out, sard_error *err) {
    *out = NULL;
    const tensor *b = which < p->n_in ? p->in_const[which] : NULL;
    if (!b || b->rank != 2 || (p->flags & PREP_NO_PACK) || !dtype_in(b->dtype, DT_FLOAT)) return SARD_OK;
    int64_t k = b->dim[transposed ? 1 : 0], n = b->dim[transposed ? 0 : 1];
    int64_t rs = transposed ? 1 : b->dim[1], cs = transposed ? b->dim[1] : 1;
    bool wide = b->dtype == SARD_F64;
    size_t bytes = gemm_pack_bytes(k, n, wide ? 8 : 4);
    if (k == 0 || n == 0 || bytes == 0) return SARD_OK;
    product *s = mem_calloc(1, sizeof *s);
    void *pack = s ? mem_alloc(bytes) : NULL;
    float *plain = NULL;
    if (pack && !wide && b->dtype != SARD_F32) {
        plain = mem_alloc((size_t)k * (size_t)n * sizeof *plain);
        if (plain) widen_f32(tensor_data(b), (sard_dtype)b->dtype, plain, k * n);
    }
    if (!pack || (!plain && !wide && b->dtype != SARD_F32)) {
        mem_free(pack), mem_free(s);
        return err_nomem(err, bytes);
    }
    if (wide)
        gemm_pack_f64(k, n, tensor_data(b), rs, cs, 0, gemm_panels(n), pack);
    else
        gemm_pack_f32(k, n, plain ? plain : tensor_data(b), rs, cs, 0, gemm_panels(n), pack);
    mem_free(plain);
    s->packed = pack, s->k = k, s->n = n;
    *p->packed += bytes;
    *out = s;
    return SARD_OK;
}

void product_drop(void *state) {
    product *s = state;
    if (s) mem_free(s->packed);
    mem_free(s);
}

/* ---- the program behind ------------------------------------------------------------------------------------------- */

/* Where an operand stands against output `y`, columns along col_axis. */
static bool place_operand(const tensor *t, const shape *y, int col_axis, pw_operand *o) {
    int64_t count = tensor_count(t);
    o->p = tensor_data(t);
    o->ld = 0;
    if (count == 1) {
        o->place = PW_SCALAR;
        return true;
    }
    shape s = shape_of(t);
    if (shape_eq(&s, y)) {
        o->place = PW_SAME, o->ld = y->dim[col_axis];
        return true;
    }
    int lead = y->rank - t->rank, axis = -1;
    for (int i = 0; i < t->rank; i++) {
        if (t->dim[i] == 1) continue;
        if (axis >= 0 || t->dim[i] != y->dim[i + lead]) return false;
        axis = i + lead;
    }
    o->place = axis == col_axis ? PW_PER_COL : PW_PER_ROW;
    if (axis == col_axis) return true;
    for (int i = 0; i < y->rank; i++) /* per row: the only axis of rows that is not 1 */
        if (i != col_axis && i != axis && y->dim[i] != 1) return false;
    return true;
}

sard_status fused_epilogue(op_ctx *c, const shape *y, int col_axis, pw_epilogue *out, sard_error *err) {
    const op_epilogue *f = op_fused(c);
    memset(out, 0, sizeof *out);
    out->program = f->prog;
    for (uint32_t i = 1; i < f->n_in; i++) {
        if (!f->in[i]) continue;
        FAIL_IF(!place_operand(f->in[i], y, col_axis, &out->in[i]), err, SARD_INTERNAL,
                "operand %u of the program behind the kernel has a shape it cannot take", i);
    }
    for (int i = 0; i < pw_outputs(f->prog); i++) {
        tensor *t;
        TRY(op_out(c, (uint32_t)i, pw_output_type(f->prog, i), y, &t, err));
        out->out[i].p = tensor_data(t), out->out[i].ld = y->dim[col_axis];
    }
    return SARD_OK;
}

static bool limit_value(const pw_epilogue *behind, const pw_limit *l, float *v) {
    if (!l->there) return true;
    *v = l->value;
    if (l->input < 0) return true;
    if (!behind->in[l->input].p || behind->in[l->input].place != PW_SCALAR) return false;
    *v = *(const float *)behind->in[l->input].p;
    return *v == *v; /* a limit that is NaN has other rules */
}

void fused_into(const pw_epilogue *behind, gemm_epilogue_f32 *e) {
    const pw_simple *s = pw_program_simple(behind->program);
    float lo = -INFINITY, hi = INFINITY;
    e->hook = fused_hook, e->hook_arg = behind;
    if (!s || !limit_value(behind, &s->lo, &lo) || !limit_value(behind, &s->hi, &hi)) return;
    gemm_epilogue_f32 with = *e;
    for (int i = 0; i < 2 && s->add[i] >= 0; i++) {
        const pw_operand *o = &behind->in[s->add[i]];
        if (o->p && o->place == PW_PER_COL && !with.bias && !with.add)
            with.bias = o->p, with.bias_rs = 0, with.bias_cs = 1, with.beta = 1;
        else if (o->p && o->place == PW_SAME && !with.add)
            with.add = o->p, with.add_ld = o->ld;
        else
            return;
    }
    *e = with;
    e->hook = NULL;
    e->act = !s->lo.there && !s->hi.there ? GEMM_ACT_NONE : GEMM_ACT_CLIP;
    if (s->lo.there && !s->hi.there && lo == 0 && !signbit(lo)) e->act = GEMM_ACT_RELU;
    e->lo = lo, e->hi = hi;
}

void fused_hook(const void *arg, void *tile, int64_t ld, int64_t row, int64_t col, int64_t rows, int64_t cols) {
    pw_tile(arg, tile, ld, row, col, rows, cols);
}

/* ---- running ------------------------------------------------------------------------------------------------------ */

/* Elements of a tensor's matrices that strides may reach: all of it. */
static sard_status widened(op_ctx *c, const tensor *t, const float **out, sard_error *err) {
    if (t->dtype == SARD_F32) {
        *out = tensor_data(t);
        return SARD_OK;
    }
    void *mem;
    int64_t n = tensor_count(t);
    TRY(op_scratch(c, (size_t)n * sizeof(float), &mem, err));
    widen_f32(tensor_data(t), (sard_dtype)t->dtype, mem, n);
    *out = mem;
    return SARD_OK;
}

#define COMMON(x)                                                                                                      \
    x.m = g->m, x.n = g->n, x.k = g->k, x.a_rs = g->a_rs, x.a_cs = g->a_cs, x.b_rs = g->b_rs, x.b_cs = g->b_cs;        \
    x.c_rs = g->n, x.batch_rank = g->batch_rank;                                                                       \
    memcpy(x.batch_dim, g->batch_dim, sizeof x.batch_dim), memcpy(x.a_batch, g->a_batch, sizeof x.a_batch);            \
    memcpy(x.b_batch, g->b_batch, sizeof x.b_batch), output_batch(g, x.c_batch)

static void output_batch(const product_args *g, int64_t *stride) {
    int64_t s = g->m * g->n;
    for (int i = g->batch_rank - 1; i >= 0; i--) stride[i] = s, s *= g->batch_dim[i];
}

static sard_status run_f32(const product *s, op_ctx *c, const product_args *g, sard_error *err) {
    gemm_f32 x = {.e = GEMM_EPILOGUE_NONE};
    COMMON(x);
    pw_epilogue behind;
    tensor *y = NULL;
    sard_dtype t = (sard_dtype)g->a->dtype;
    TRY(widened(c, g->a, &x.a, err));
    if (s)
        x.packed = s->packed;
    else
        TRY(widened(c, g->b, &x.b, err));
    x.e.alpha = g->alpha, x.e.beta = g->beta;
    if (g->bias) TRY(widened(c, g->bias, &x.e.bias, err));
    x.e.bias_rs = g->bias_rs, x.e.bias_cs = g->bias_cs;
    if (op_fused(c)) {
        TRY(fused_epilogue(c, &g->out, g->out.rank - 1, &behind, err));
        fused_into(&behind, &x.e);
        if (pw_output_type(behind.program, 0) == SARD_F32) x.c = behind.out[0].p;
    } else {
        TRY(op_out(c, 0, t, &g->out, &y, err));
        x.c = tensor_data(y);
        void *mem;
        if (t != SARD_F32) {
            TRY(op_scratch(c, (size_t)tensor_count(y) * sizeof(float), &mem, err));
            x.c = mem;
        }
    }
    void *scratch;
    size_t bytes = gemm_scratch_f32(&x, par_threads(op_par(c)));
    FAIL_IF(bytes == SIZE_MAX, err, SARD_OUT_OF_MEMORY, "the matrices are too large");
    TRY(op_scratch(c, bytes, &scratch, err));
    TRY(gemm_run_f32(&x, op_par(c), scratch, err));
    if (y && t != SARD_F32) narrow_f32(x.c, t, tensor_data(y), tensor_count(y));
    return SARD_OK;
}

static sard_status run_f64(const product *s, op_ctx *c, const product_args *g, sard_error *err) {
    gemm_f64 x = {.e = GEMM_EPILOGUE_NONE};
    COMMON(x);
    tensor *y;
    x.a = tensor_data(g->a);
    if (s)
        x.packed = s->packed;
    else
        x.b = tensor_data(g->b);
    x.e.alpha = (double)g->alpha, x.e.beta = (double)g->beta;
    if (g->bias) x.e.bias = tensor_data(g->bias);
    x.e.bias_rs = g->bias_rs, x.e.bias_cs = g->bias_cs;
    TRY(op_out(c, 0, SARD_F64, &g->out, &y, err));
    x.c = tensor_data(y);
    void *scratch;
    size_t bytes = gemm_scratch_f64(&x, par_threads(op_par(c)));
    FAIL_IF(bytes == SIZE_MAX, err, SARD_OUT_OF_MEMORY, "the matrices are too large");
    TRY(op_scratch(c, bytes, &scratch, err));
    return gemm_run_f64(&x, op_par(c), scratch, err);
}

/* alpha and beta are floats in the standard: factors of integers are taken in double and cut toward zero. */
static void scale_ints(const product_args *g, tensor *y) {
    int64_t n = tensor_count(y);
    for (int64_t i = 0; i < n; i++) {
        int64_t v = tensor_get_i64(y, i), b = 0, row = i / g->n, col = i % g->n;
        if (g->alpha != 1) v = (int64_t)((double)g->alpha * (double)v);
        if (g->bias) b = tensor_get_i64(g->bias, row * g->bias_rs + col * g->bias_cs);
        if (g->beta != 1) b = (int64_t)((double)g->beta * (double)b);
        uint64_t sum = (uint64_t)v + (uint64_t)b;
        memcpy(TENSOR_AT(y, char) + i * (dtype_bits(y->dtype) / 8), &sum, (size_t)dtype_bits(y->dtype) / 8);
    }
}

static sard_status run_int(op_ctx *c, const product_args *g, sard_error *err) {
    gemm_int x = {0};
    COMMON(x);
    tensor *y;
    TRY(op_out(c, 0, (sard_dtype)g->a->dtype, &g->out, &y, err));
    x.a = tensor_data(g->a), x.b = tensor_data(g->b), x.c = tensor_data(y);
    TRY(dtype_bits(y->dtype) == 32 ? gemm_run_i32(&x, op_par(c), err) : gemm_run_i64(&x, op_par(c), err));
    if (g->bias || g->alpha != 1) scale_ints(g, y);
    return SARD_OK;
}

sard_status product_run(const product *s, op_ctx *c, const product_args *g, sard_error *err) {
    switch (g->a->dtype) {
    case SARD_F32:
    case SARD_F16:
    case SARD_BF16:
        return run_f32(s, c, g, err);
    case SARD_F64:
        return run_f64(s, c, g, err);
    default:
        return run_int(c, g, err);
    }
}
