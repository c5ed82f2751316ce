/*
 * recurrent.c -- RNN, GRU, LSTM.
 *
 *   7: output_sequence went    14: layout    (GRU 3: linear_before_reset)
 *
 * X * W' + Wb of all steps is one product. Then, step by step, h * R' + Rb, and the rest by a pointwise program
 * (recurrent.h). W and R, when constant, are packed once. f16 and bf16 are read into f32, computed there and rounded
 * once, on leaving. Rows of the batch whose sequence is over keep their state; a reversed sequence begins at its own end.
 */
#include "ops/recurrent.h"

#include "ops/product.h"

enum { X, W, R, B, LENS, H0, C0, P };
/* Attributes, in the order of each operator's table; those that only one operator has come last. */
enum { ALPHA, BETA, ACTIVATIONS, CLIP, DIRECTION, HIDDEN, LAYOUT, SPECIAL };
#define COMMON_ATTRS                                                                                                   \
    ATTR_OPT("activation_alpha", ATTR_FLOATS), ATTR_OPT("activation_beta", ATTR_FLOATS),                               \
        ATTR_OPT("activations", ATTR_STRINGS), ATTR_OPT("clip", ATTR_FLOAT), ATTR_S("direction", "forward"),           \
        ATTR_OPT("hidden_size", ATTR_INT), ATTR_I("layout", 0)
static const attr_def rnn_attrs[] = {COMMON_ATTRS};
static const attr_def gru_attrs[] = {COMMON_ATTRS, ATTR_I("linear_before_reset", 0)};
static const attr_def lstm_attrs[] = {COMMON_ATTRS, ATTR_I("input_forget", 0)};
#define FLOAT_IN(nm, f)                                                                                                \
    { .name = nm, .var = "T", .types = DT_FLOAT, .flags = f }
#define COMMON_IN                                                                                                      \
    FLOAT_IN("X", 0), FLOAT_IN("W", F_CONST), FLOAT_IN("R", F_CONST), FLOAT_IN("B", F_OPTIONAL | F_CONST),             \
        {.name = "sequence_lens", .var = "T1", .types = DT(SARD_I32), .flags = F_OPTIONAL},                            \
        FLOAT_IN("initial_h", F_OPTIONAL)
static const formal rnn_in[] = {COMMON_IN};
static const formal lstm_in[] = {COMMON_IN, FLOAT_IN("initial_c", F_OPTIONAL), FLOAT_IN("P", F_OPTIONAL)};
static const formal rnn_out[] = {FLOAT_IN("Y", F_OPTIONAL), FLOAT_IN("Y_h", F_OPTIONAL)};
static const formal lstm_out[] = {FLOAT_IN("Y", F_OPTIONAL), FLOAT_IN("Y_h", F_OPTIONAL), FLOAT_IN("Y_c", F_OPTIONAL)};

static sard_status upgrade(draft *d, int since, sard_error *err) {
    (void)err;
    if (since < 7) draft_drop(d, "output_sequence");
    const attr *a = draft_attr(d, "direction");
    if (since < 3 && a && a->type == ATTR_STRING && str_is(a->s, "foward")) /* so spelt in GRU 1 */
        return draft_set_string(d, "direction", "forward");
    return SARD_OK;
}

enum { FORWARD, REVERSE, BIDIRECTIONAL };
static sard_status direction(const attr *a, int *out, sard_error *err) {
    static const char *const words[] = {"forward", "reverse", "bidirectional"};
    return attr_word(a, "direction", words, 3, out, err);
}

/* Gates: slices of hidden rows in W and R. */
static int gates_of(int kind) { return kind == CELL_RNN ? 1 : kind == CELL_LSTM ? 4 : 3; }
static int kind_of(const node *n) {
    int kind = n->op->code;
    return kind == CELL_GRU && n->attrs[SPECIAL].i != 0 ? CELL_GRU_LINEAR : kind;
}

/* ---- types --------------------------------------------------------------------------------------------------------- */

static sard_status check_rank(const vtype *t, const char *name, int rank, sard_error *err) {
    FAIL_IF(t && t->rank >= 0 && t->rank != rank, err, SARD_INVALID_ARGUMENT, "%s has rank %d; %d is needed", name,
            t->rank, rank);
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[X], *r = c->in[R];
    int dir;
    bool batch_first = infer_attr(c, LAYOUT)->i != 0;
    TRY(direction(infer_attr(c, DIRECTION), &dir, err));
    TRY(check_rank(x, "X", 3, err));
    TRY(check_rank(c->in[W], "W", 3, err));
    TRY(check_rank(r, "R", 3, err));
    int64_t dirs = dir == BIDIRECTIONAL ? 2 : 1, hidden = r->rank == 3 ? r->dim[2] : DIM_UNKNOWN;
    const attr *size = infer_attr(c, HIDDEN);
    int64_t columns = hidden;
    FAIL_IF(size->type != ATTR_NONE && !dim_merge(size->i, columns, &hidden), err, SARD_INVALID_MODEL,
            "attribute 'hidden_size' is %lld, R has %lld columns", (long long)size->i, (long long)columns);
    int64_t seq = x->rank == 3 ? x->dim[batch_first] : DIM_UNKNOWN;
    int64_t batch = x->rank == 3 ? x->dim[!batch_first] : DIM_UNKNOWN;
    sard_dtype t = (sard_dtype)x->dtype;
    for (uint32_t i = 1; i < c->n_out; i++)
        c->out[i] = type_tensor(t, 3, (int64_t[]){batch_first ? batch : dirs, batch_first ? dirs : batch, hidden});
    int64_t first[] = {seq, dirs, batch, hidden}, second[] = {batch, seq, dirs, hidden};
    if (c->n_out) c->out[0] = type_tensor(t, 4, batch_first ? second : first);
    return SARD_OK;
}

/* ---- compiling ----------------------------------------------------------------------------------------------------- */

typedef struct state {
    pw_program *prog[2][2]; /* by direction and part of the step */
    void *w[2], *r[2][2];   /* packed; NULL: not constant */
} state;

static void drop(void *p) {
    state *s = p;
    for (int d = 0; s && d < 2; d++) {
        mem_free(s->w[d]);
        for (int i = 0; i < 2; i++) pw_free(s->prog[d][i]), mem_free(s->r[d][i]);
    }
    mem_free(s);
}

static size_t packed_bytes(bool wide, int64_t k, int64_t n) { return gemm_pack_bytes(k, n, wide ? 8 : 4); }

/* plain: [n, k], f32 or f64. */
static void pack_into(bool wide, const void *plain, int64_t k, int64_t n, void *out) {
    if (wide)
        gemm_pack_f64(k, n, plain, 1, k, 0, gemm_panels(n), out);
    else
        gemm_pack_f32(k, n, plain, 1, k, 0, gemm_panels(n), out);
}

/* Rows of R that part `part` of a step multiplies: [*from, *from + n) of the gates. */
static int part_gates(int kind, int part, int *from) {
    *from = part ? 2 : 0;
    return kind == CELL_GRU ? (part ? 1 : 2) : gates_of(kind);
}

static const char *rows_of(bool wide, const void *plain, int64_t row, int64_t k) {
    return (const char *)plain + (size_t)(row * k) * (wide ? 8 : 4);
}

static sard_status pack_const(op_prep *p, bool wide, const void *plain, int64_t k, int64_t n, void **out,
                              sard_error *err) {
    size_t bytes = packed_bytes(wide, k, n);
    if (k == 0 || n == 0) return SARD_OK;
    FAIL_IF(bytes == 0, err, SARD_OUT_OF_MEMORY, "the weights are too large");
    *out = mem_alloc(bytes);
    if (!*out) return err_nomem(err, bytes);
    pack_into(wide, plain, k, n, *out);
    *p->packed += bytes;
    return SARD_OK;
}

/* Both packs of a direction's constant weights; t is W or R, [dirs, gates * hidden, k]. */
static sard_status pack_weights(op_prep *p, int kind, const tensor *t, bool recurrent, state *s, sard_error *err) {
    bool wide = t->dtype == SARD_F64;
    int64_t rows = t->dim[1], k = t->dim[2], count = tensor_count(t), hidden = rows / gates_of(kind);
    const void *plain = tensor_data(t);
    float *widened = NULL;
    sard_status status = SARD_OK;
    if (count == 0 || t->rank != 3) return SARD_OK;
    if (!wide && t->dtype != SARD_F32) {
        widened = mem_alloc((size_t)count * sizeof *widened);
        if (!widened) return err_nomem(err, (size_t)count * sizeof *widened);
        widen_f32(plain, (sard_dtype)t->dtype, widened, count);
        plain = widened;
    }
    for (int d = 0; d < (int)t->dim[0] && d < 2 && status == SARD_OK; d++) {
        if (!recurrent) {
            status = pack_const(p, wide, rows_of(wide, plain, d * rows, k), k, rows, &s->w[d], err);
            continue;
        }
        for (int i = 0, from; i < (kind == CELL_GRU ? 2 : 1) && status == SARD_OK; i++) {
            int64_t n = part_gates(kind, i, &from) * hidden;
            status = pack_const(p, wide, rows_of(wide, plain, d * rows + from * hidden, k), k, n, &s->r[d][i], err);
        }
    }
    mem_free(widened);
    return status;
}

static sard_status compile_cells(op_prep *p, int kind, state *s, sard_error *err) {
    const attr *a = p->node->attrs;
    int dir;
    TRY(direction(&a[DIRECTION], &dir, err));
    cell c = {.kind = kind, .type = pw_wide((sard_dtype)p->in[X]->dtype), .has_clip = a[CLIP].type != ATTR_NONE};
    if (c.has_clip) c.clip = a[CLIP].f;
    FAIL_IF(c.has_clip && !(c.clip > 0), err, SARD_INVALID_MODEL, "attribute 'clip' is %g; it must be above 0",
            (double)c.clip);
    c.peephole = p->n_in > P && p->in[P];
    c.input_forget = kind == CELL_LSTM && a[SPECIAL].i != 0;
    int dirs = dir == BIDIRECTIONAL ? 2 : 1;
    for (int d = 0; d < dirs; d++) {
        TRY(cell_read_acts(kind, d, dirs, &a[ACTIVATIONS], &a[ALPHA], &a[BETA], c.act, err));
        TRY(cell_compile(&c, s->prog[d], err));
    }
    return SARD_OK;
}

static sard_status prepare(op_prep *p, void **out, sard_error *err) {
    int kind = kind_of(p->node);
    state *s = mem_calloc(1, sizeof *s);
    if (!s) return err_nomem(err, sizeof *s);
    sard_status status = compile_cells(p, kind, s, err);
    for (uint32_t i = W; i <= R && status == SARD_OK; i++)
        if (p->in_const[i] && !(p->flags & PREP_NO_PACK) && p->in_const[i]->rank == 3 &&
            p->in_const[i]->dim[1] % gates_of(kind) == 0)
            status = pack_weights(p, kind, p->in_const[i], i == R, s, err);
    if (status == SARD_OK)
        *out = s;
    else
        drop(s);
    return status;
}

/* ---- running ------------------------------------------------------------------------------------------------------ */

typedef struct layer {
    op_ctx *c;
    const state *s;
    int kind, dirs, gates;
    bool wide, batch_first; /* wide: doubles */
    size_t size;            /* of the elements it computes with */
    int64_t seq, batch, input, hidden;
    const void *x, *w, *r, *b, *h0, *c0, *p; /* in those elements; NULL: absent, or packed (w, r) */
    const int32_t *lens;
    bool ragged;      /* the sequences differ in length, or end early */
    char *gx;         /* [seq * batch, gates * hidden] in the order of X */
    char *g, *turned; /* [batch, gates * hidden]: products; gx of a step when it must be gathered */
    char *h, *cell, *h_new, *c_new, *z, *rh; /* [batch, hidden] */
    void *scratch;                           /* of the products */
    size_t scratch_bytes;
} layer;

/* out [m, n] = a [m, k] * packed + bias */
static sard_status multiply(layer *l, const void *a, int64_t m, int64_t k, int64_t n, const void *packed,
                            const void *bias, void *out, bool size_only, sard_error *err) {
    int threads = par_threads(op_par(l->c));
    size_t need;
#define SIZES(q)                                                                                                       \
    q.m = m, q.n = n, q.k = k, q.a = a, q.a_rs = k, q.a_cs = 1, q.packed = packed, q.c = out, q.c_rs = n;              \
    q.e.bias = bias, q.e.bias_cs = 1
    gemm_f32 f = {.e = GEMM_EPILOGUE_NONE};
    gemm_f64 d = {.e = GEMM_EPILOGUE_NONE};
    SIZES(f);
    SIZES(d);
#undef SIZES
    if (!size_only) {
        if (n == 0 || m == 0) return SARD_OK;
        return l->wide ? gemm_run_f64(&d, op_par(l->c), l->scratch, err)
                       : gemm_run_f32(&f, op_par(l->c), l->scratch, err);
    }
    need = l->wide ? gemm_scratch_f64(&d, threads) : gemm_scratch_f32(&f, threads);
    FAIL_IF(need == SIZE_MAX, err, SARD_OUT_OF_MEMORY, "the layer is too large");
    if (need > l->scratch_bytes) l->scratch_bytes = need;
    return SARD_OK;
}

/* The elements of a tensor in the type the layer computes in. */
static sard_status plain(layer *l, uint32_t i, const void **out, sard_error *err) {
    const tensor *t = op_in(l->c, i);
    void *mem;
    *out = t ? tensor_data(t) : NULL;
    if (!t || t->dtype == SARD_F32 || t->dtype == SARD_F64) return SARD_OK;
    TRY(op_scratch(l->c, (size_t)tensor_count(t) * sizeof(float), &mem, err));
    widen_f32(tensor_data(t), (sard_dtype)t->dtype, mem, tensor_count(t));
    *out = mem;
    return SARD_OK;
}

static sard_status check(op_ctx *c, uint32_t i, const char *name, int rank, const int64_t *want, sard_error *err) {
    const tensor *t = op_in(c, i);
    if (!t) return SARD_OK;
    shape s = {.rank = rank};
    memcpy(s.dim, want, (size_t)rank * sizeof *want);
    shape have = shape_of(t);
    char a[96], b[96];
    FAIL_IF(!shape_eq(&s, &have), err, SARD_INVALID_ARGUMENT, "%s has shape %s; %s is needed", name,
            shape_text(&have, a, sizeof a), shape_text(&s, b, sizeof b));
    return SARD_OK;
}

static sard_status measure(layer *l, sard_error *err) {
    const tensor *x = op_in(l->c, X), *r = op_in(l->c, R), *lens = op_in(l->c, LENS);
    FAIL_IF(x->rank != 3 || r->rank != 3, err, SARD_INVALID_ARGUMENT, "X has rank %d and R %d; 3 is needed", x->rank,
            r->rank);
    l->wide = x->dtype == SARD_F64, l->size = l->wide ? 8 : 4;
    l->seq = x->dim[l->batch_first], l->batch = x->dim[!l->batch_first], l->input = x->dim[2], l->hidden = r->dim[2];
    int64_t d = l->dirs, h = l->hidden, g = l->gates * h, b = l->batch;
    int64_t state[] = {l->batch_first ? b : d, l->batch_first ? d : b, h};
    FAIL_IF(h > INT32_MAX, err, SARD_LIMIT, "%lld hidden units", (long long)h);
    TRY(check(l->c, W, "W", 3, (int64_t[]){d, g, l->input}, err));
    TRY(check(l->c, R, "R", 3, (int64_t[]){d, g, h}, err));
    TRY(check(l->c, B, "B", 2, (int64_t[]){d, 2 * g}, err));
    TRY(check(l->c, LENS, "sequence_lens", 1, &b, err));
    TRY(check(l->c, H0, "initial_h", 3, state, err));
    TRY(check(l->c, C0, "initial_c", 3, state, err));
    TRY(check(l->c, P, "P", 2, (int64_t[]){d, 3 * h}, err));
    for (int64_t i = 0; lens && i < b; i++) {
        int32_t n = TENSOR_AT(lens, int32_t)[i];
        FAIL_IF(n < 0 || n > l->seq, err, SARD_INVALID_ARGUMENT, "sequence_lens[%lld] is %d; there are %lld steps",
                (long long)i, n, (long long)l->seq);
        l->ragged |= n != l->seq;
    }
    l->lens = lens ? TENSOR_AT(lens, int32_t) : NULL;
    return SARD_OK;
}

static sard_status zeros(layer *l, int64_t rows, int64_t columns, char **out, sard_error *err) {
    size_t n;
    void *mem;
    FAIL_IF(mul_size((size_t)rows, (size_t)columns, &n) || mul_size(n, l->size, &n), err, SARD_OUT_OF_MEMORY,
            "the layer is too large");
    TRY(op_scratch(l->c, n, &mem, err));
    memset(mem, 0, n);
    *out = mem;
    return SARD_OK;
}

static sard_status gather_operands(layer *l, sard_error *err) {
    int64_t b = l->batch, h = l->hidden, g = l->gates * h;
    TRY(plain(l, X, &l->x, err));
    if (!l->s->w[0]) TRY(plain(l, W, &l->w, err));
    if (!l->s->r[0][0]) TRY(plain(l, R, &l->r, err));
    TRY(plain(l, B, &l->b, err));
    TRY(plain(l, H0, &l->h0, err));
    TRY(plain(l, C0, &l->c0, err));
    TRY(plain(l, P, &l->p, err));
    char **const small[] = {&l->h, &l->cell, &l->h_new, &l->c_new, &l->z, &l->rh};
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) TRY(zeros(l, b, h, small[i], err));
    TRY(zeros(l, l->seq * b, g, &l->gx, err));
    TRY(zeros(l, b, g, &l->g, err));
    TRY(zeros(l, b, g, &l->turned, err));
    TRY(multiply(l, l->x, l->seq * b, l->input, g, l->gx, NULL, l->gx, true, err));
    TRY(multiply(l, l->h, b, h, g, l->gx, NULL, l->g, true, err));
    if (l->kind == CELL_GRU) TRY(multiply(l, l->h, b, h, h, l->gx, NULL, l->g, true, err));
    return op_scratch(l->c, l->scratch_bytes, &l->scratch, err);
}

/* Packed rows [from, from + n) of direction d: those made once, or made now. */
static sard_status weights(layer *l, void *ready, const void *t, int64_t d, int64_t from, int64_t n, int64_t k,
                           const void **out, sard_error *err) {
    void *mem = ready;
    if (!ready && n > 0 && k > 0) {
        size_t bytes = packed_bytes(l->wide, k, n);
        FAIL_IF(bytes == 0, err, SARD_OUT_OF_MEMORY, "the weights are too large");
        TRY(op_scratch(l->c, bytes, &mem, err));
        pack_into(l->wide, rows_of(l->wide, t, d * l->gates * l->hidden + from, k), k, n, mem);
    }
    *out = mem ? mem : l->g;
    return SARD_OK;
}

typedef struct way { /* one direction */
    int d;
    bool reverse;
    const void *r[2];
    const char *rb; /* recurrent bias; NULL: none */
    pw_geom geom[2];
} way;

static char *slice(const layer *l, char *p, int64_t gate) {
    return p ? p + (size_t)(gate * l->hidden) * l->size : NULL;
}

/* Strides of the programs' operands; ldx: elements between rows of gx. */
static sard_status geometry(layer *l, way *q, int64_t ldx, sard_error *err) {
    int64_t h = l->hidden, g = l->gates * h, dims[2] = {l->batch, h};
    const int64_t big[2] = {g, 1}, two[2] = {2 * h, 1}, x[2] = {ldx, 1}, one[2] = {h, 1}, column[2] = {0, 1};
    const int64_t *const out[2] = {one, one};
    const int64_t *const rnn[] = {big, x}, *const linear[] = {big, big, big, x, x, x, one};
    const int64_t *const gates[] = {two, two, x, x, one}, *const last[] = {one, x, one, one};
    const int64_t *const lstm[] = {big, big, big, big, x, x, x, x, one, column, column, column};
    const int64_t *const *const in[] = {
        [CELL_RNN] = rnn, [CELL_GRU] = gates, [CELL_GRU_LINEAR] = linear, [CELL_LSTM] = lstm};
    TRY(pw_geom_init(&q->geom[0], l->s->prog[q->d][0], 2, dims, in[l->kind], out, err));
    return l->kind == CELL_GRU ? pw_geom_init(&q->geom[1], l->s->prog[q->d][1], 2, dims, last, out, err) : SARD_OK;
}

/* One step for the whole batch; gx: its first row. New states go to h_new and c_new. */
static sard_status step(layer *l, way *q, char *gx, sard_error *err) {
    int64_t b = l->batch, h = l->hidden;
    const par *par = op_par(l->c);
    pw_program *const *prog = l->s->prog[q->d];
    const char *rb = q->rb;
    int from, n = part_gates(l->kind, 0, &from);
    TRY(multiply(l, l->h, b, h, n * h, q->r[0], rb, l->g, false, err));
    char *g = l->g;
    if (l->kind == CELL_GRU) {
        const void *in[] = {g, slice(l, g, 1), gx, slice(l, gx, 1), l->h};
        TRY(pw_run(prog[0], &q->geom[0], in, (void *[]){l->z, l->rh}, par, err));
        TRY(multiply(l, l->rh, b, h, h, q->r[1], rb ? rb + (size_t)(2 * h) * l->size : NULL, g, false, err));
        const void *late[] = {g, slice(l, gx, 2), l->z, l->h};
        return pw_run(prog[1], &q->geom[1], late, (void *[]){l->h_new}, par, err);
    }
    const void *in[12];
    int k = 0;
    for (int i = 0; i < l->gates; i++) in[k++] = slice(l, g, i);
    for (int i = 0; i < l->gates; i++) in[k++] = slice(l, gx, i);
    in[k++] = l->kind == CELL_LSTM ? l->cell : l->h;
    char *p = l->p ? (char *)(uintptr_t)l->p + (size_t)(q->d * 3 * h) * l->size : NULL;
    if (l->kind == CELL_LSTM)
        for (int i = 0; i < 3; i++) in[k++] = slice(l, p, i);
    return pw_run(prog[0], &q->geom[0], in, (void *[]){l->h_new, l->c_new}, par, err);
}

static void store(const layer *l, tensor *y, int64_t at, const void *from) {
    if (!y) return;
    if (y->dtype == SARD_F32 || y->dtype == SARD_F64)
        memcpy(TENSOR_AT(y, char) + (size_t)at * l->size, from, (size_t)l->hidden * l->size);
    else
        narrow_f32(from, (sard_dtype)y->dtype, TENSOR_AT(y, uint16_t) + at, l->hidden);
}

/* Element of Y where step t of row b begins, and of Y_h and Y_c for row b. */
static int64_t y_at(const layer *l, int d, int64_t t, int64_t b) {
    return (l->batch_first ? (b * l->seq + t) * l->dirs + d : (t * l->dirs + d) * l->batch + b) * l->hidden;
}
static int64_t state_at(const layer *l, int d, int64_t b) {
    return (l->batch_first ? b * l->dirs + d : d * l->batch + b) * l->hidden;
}

/* Where row b is in step s; -1: its sequence is over. */
static int64_t time_of(const layer *l, const way *q, int64_t s, int64_t b) {
    int64_t n = l->lens ? l->lens[b] : l->seq;
    return s >= n ? -1 : q->reverse ? n - 1 - s : s;
}

/* After a step: states of the rows that are not over, and their output. */
static void keep(layer *l, const way *q, int64_t s, tensor *y) {
    size_t row = (size_t)l->hidden * l->size;
    for (int64_t b = 0; b < l->batch; b++) {
        int64_t t = time_of(l, q, s, b);
        if (t < 0) continue;
        memcpy(l->h + (size_t)b * row, l->h_new + (size_t)b * row, row);
        if (l->kind == CELL_LSTM) memcpy(l->cell + (size_t)b * row, l->c_new + (size_t)b * row, row);
        store(l, y, y_at(l, q->d, t, b), l->h + (size_t)b * row);
    }
}

static void begin(layer *l, int d) {
    size_t row = (size_t)l->hidden * l->size;
    memset(l->h, 0, (size_t)l->batch * row), memset(l->cell, 0, (size_t)l->batch * row);
    for (int64_t b = 0; b < l->batch; b++) {
        size_t at = (size_t)state_at(l, d, b) * l->size;
        if (l->h0) memcpy(l->h + (size_t)b * row, (const char *)l->h0 + at, row);
        if (l->c0) memcpy(l->cell + (size_t)b * row, (const char *)l->c0 + at, row);
    }
}

static sard_status run_way(layer *l, way *q, tensor *const *y, sard_error *err) {
    int64_t b = l->batch, h = l->hidden, g = l->gates * h, d = q->d;
    const char *bias = l->b ? (const char *)l->b + (size_t)(d * 2 * g) * l->size : NULL;
    const void *w;
    TRY(weights(l, l->s->w[d], l->w, d, 0, g, l->input, &w, err));
    for (int i = 0, from; i < (l->kind == CELL_GRU ? 2 : 1); i++) {
        int64_t n = part_gates(l->kind, i, &from) * h;
        TRY(weights(l, l->s->r[d][i], l->r, d, from * h, n, h, &q->r[i], err));
    }
    q->rb = bias ? bias + (size_t)g * l->size : NULL;
    TRY(multiply(l, l->x, l->seq * b, l->input, g, w, bias, l->gx, false, err));
    bool turn = q->reverse && l->ragged; /* each row is at a time of its own */
    int64_t row = l->batch_first ? l->seq * g : g, next = l->batch_first ? g : b * g;
    TRY(geometry(l, q, turn ? g : row, err));
    begin(l, q->d);
    for (int64_t s = 0; s < l->seq; s++) {
        char *gx = l->gx + (size_t)((q->reverse ? l->seq - 1 - s : s) * next) * l->size;
        for (int64_t i = 0; turn && i < b; i++) {
            int64_t t = time_of(l, q, s, i);
            if (t < 0) t = 0;
            memcpy(l->turned + (size_t)(i * g) * l->size, l->gx + (size_t)(i * row + t * next) * l->size,
                   (size_t)g * l->size);
        }
        TRY(step(l, q, turn ? l->turned : gx, err));
        keep(l, q, s, y[0]);
    }
    for (int64_t i = 0; i < b; i++) {
        store(l, y[1], state_at(l, q->d, i), l->h + (size_t)(i * h) * l->size);
        store(l, y[2], state_at(l, q->d, i), l->cell + (size_t)(i * h) * l->size);
    }
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    const node *n = op_node(c);
    int dir, kind = kind_of(n);
    TRY(direction(&n->attrs[DIRECTION], &dir, err));
    layer l = {.c = c, .s = state, .kind = kind, .dirs = dir == BIDIRECTIONAL ? 2 : 1, .gates = gates_of(kind)};
    l.batch_first = n->attrs[LAYOUT].i != 0;
    TRY(measure(&l, err));
    tensor *y[3] = {NULL, NULL, NULL};
    for (uint32_t i = 0; i < op_n_out(c) && i < 3; i++) {
        shape first = {4, {l.seq, l.dirs, l.batch, l.hidden}}, second = {4, {l.batch, l.seq, l.dirs, l.hidden}};
        shape rest = {3, {l.batch_first ? l.batch : l.dirs, l.batch_first ? l.dirs : l.batch, l.hidden}};
        if (!op_wants(c, i)) continue;
        TRY(op_out(c, i, (sard_dtype)op_in(c, X)->dtype, i ? &rest : l.batch_first ? &second : &first, &y[i], err));
    }
    if (y[0] && l.ragged) memset(tensor_data(y[0]), 0, tensor_bytes(y[0]));
    if (l.batch == 0 || l.hidden == 0) return SARD_OK;
    TRY(gather_operands(&l, err));
    for (int d = 0; d < l.dirs; d++) {
        way q = {.d = d, .reverse = dir == REVERSE || d == 1};
        TRY(run_way(&l, &q, y, err));
    }
    return SARD_OK;
}

static double flops(const op_prep *p, const vtype *in, const vtype *out) {
    (void)out;
    double n = 2;
    if (in[X].rank != 3 || in[R].rank != 3) return 0;
    n *= (double)in[X].dim[0] * (double)in[X].dim[1] * (double)in[R].dim[0] * gates_of(kind_of(p->node));
    return n * (double)in[R].dim[2] * ((double)in[X].dim[2] + (double)in[R].dim[2]);
}

#define RECURRENT(nm, text, c, l, a)                                                                                   \
    .domain = "", .name = nm, .doc = text, .code = c, OP_ATTRS(a), OP_IN(l##_in), OP_OUT(l##_out), .upgrade = upgrade, \
    .infer = infer, .prepare = prepare, .run = run, .drop = drop, .flops = flops

const op_def op_rnn = {RECURRENT("RNN", "simple recurrent layer", CELL_RNN, rnn, rnn_attrs), OP_SINCE(1, 7, 14, 22)};
const op_def op_gru = {RECURRENT("GRU", "gated recurrent layer", CELL_GRU, rnn, gru_attrs), OP_SINCE(1, 3, 7, 14, 22)};
const op_def op_lstm = {RECURRENT("LSTM", "long short-term memory layer", CELL_LSTM, lstm, lstm_attrs),
                        OP_SINCE(1, 7, 14, 22)};
