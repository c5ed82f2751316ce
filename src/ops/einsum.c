/*
 * Einsum -- sums of products over named axes.
 *
 * Operands are joined from left to right, each time by one batched product of matrices: axes that both have and that are
 * still needed are its batch, those both have and nobody needs any more are summed by it. Axes of one operand that
 * nobody else needs are summed before. So the sums have the orders of MatMul and ReduceSum. f16 and bf16 are computed in
 * f32 and rounded once; integers in 64 bits, cut to their type at the end.
 */
#include "kernels/gemm/gemm.h"
#include "kernels/move/move.h"
#include "kernels/reduce/reduce.h"
#include "ops/index.h"
#include "ops/product.h"

enum { EQUATION };
enum { OPERANDS_MAX = 64, DOTS = 64, LABELS = DOTS + MAX_RANK }; /* labels: letters (A = 0 ...), then those of "..." */
static const attr_def einsum_attrs[] = {ATTR_REQ("equation", ATTR_STRING)};
static const formal einsum_in[] = {{.name = "Inputs", .var = "T", .types = DT_NUMBER, .flags = F_VARIADIC}};
static const formal einsum_out[] = {{.name = "Output", .var = "T", .types = DT_NUMBER}};

typedef struct term {
    int n;
    uint8_t label[MAX_RANK];
} term;

/* Reads one term up to a comma, an arrow or the end. rank: of its operand, or -1 - the axes of "..." (the output). */
static sard_status read_term(str e, size_t *at, int rank, term *t, sard_error *err) {
    int dots_at = -1, letters = 0;
    for (size_t i = *at; i < e.n && e.p[i] != ',' && e.p[i] != '-'; i++)
        letters += (e.p[i] >= 'a' && e.p[i] <= 'z') || (e.p[i] >= 'A' && e.p[i] <= 'Z');
    int dots = rank < 0 ? -1 - rank : rank - letters;
    t->n = 0;
    for (; *at < e.n && e.p[*at] != ',' && e.p[*at] != '-'; ++*at) {
        char ch = e.p[*at];
        if (ch == ' ') continue;
        if (ch == '.') {
            FAIL_IF(dots_at >= 0 || *at + 2 >= e.n || e.p[*at + 1] != '.' || e.p[*at + 2] != '.', err,
                    SARD_INVALID_MODEL, "the equation has dots that are no \"...\"");
            *at += 2, dots_at = t->n;
            FAIL_IF(dots < 0 || t->n + dots > MAX_RANK, err, SARD_INVALID_ARGUMENT,
                    "a term has %d letters, its operand rank %d", letters, rank);
            for (int i = 0; i < dots; i++)
                t->label[t->n++] = (uint8_t)(DOTS + MAX_RANK - dots + i); /* from the right */
            continue;
        }
        bool low = ch >= 'a' && ch <= 'z', high = ch >= 'A' && ch <= 'Z';
        FAIL_IF(!low && !high, err, SARD_INVALID_MODEL, "the equation has '%c'", ch);
        FAIL_IF(t->n == MAX_RANK, err, SARD_UNSUPPORTED, "a term of more than %d axes", MAX_RANK);
        t->label[t->n++] = (uint8_t)(high ? ch - 'A' : ch - 'a' + 26);
    }
    FAIL_IF(rank >= 0 && t->n != rank, err, SARD_INVALID_ARGUMENT, "a term has %d axes, its operand %d", t->n, rank);
    return SARD_OK;
}

typedef struct equation {
    int n; /* operands */
    term in[OPERANDS_MAX], out;
    int64_t dim[LABELS]; /* extents of the labels that occur */
} equation;

/* Without an arrow: "...", then the letters that occur once, capitals first. */
static sard_status implicit(equation *q, int dots, sard_error *err) {
    int count[LABELS] = {0};
    for (int i = 0; i < q->n; i++)
        for (int k = 0; k < q->in[i].n; k++) count[q->in[i].label[k]]++;
    q->out.n = 0;
    for (int i = 0; i < dots; i++) q->out.label[q->out.n++] = (uint8_t)(DOTS + MAX_RANK - dots + i);
    for (int l = 0; l < DOTS; l++) {
        if (count[l] != 1) continue;
        FAIL_IF(q->out.n == MAX_RANK, err, SARD_UNSUPPORTED, "an output of more than %d axes", MAX_RANK);
        q->out.label[q->out.n++] = (uint8_t)l;
    }
    return SARD_OK;
}

static sard_status parse(str e, int n, const int *ranks, equation *q, sard_error *err) {
    size_t at = 0;
    int dots = 0;
    FAIL_IF(n < 1 || n > OPERANDS_MAX, err, SARD_UNSUPPORTED, "%d operands; 1 to %d are offered", n, OPERANDS_MAX);
    q->n = n;
    for (int i = 0; i < n; i++) {
        TRY(read_term(e, &at, ranks[i], &q->in[i], err));
        int here = 0;
        for (int k = 0; k < q->in[i].n; k++) here += q->in[i].label[k] >= DOTS;
        if (here > dots) dots = here;
        bool more = at < e.n && e.p[at] == ',';
        FAIL_IF(more != (i + 1 < n), err, SARD_INVALID_MODEL, "the equation has %s terms than there are operands (%d)",
                more ? "more" : "fewer", n);
        at += more;
    }
    if (at == e.n) return implicit(q, dots, err);
    FAIL_IF(at + 1 >= e.n || e.p[at] != '-' || e.p[at + 1] != '>', err, SARD_INVALID_MODEL,
            "the equation has '%c' where \"->\" was expected", e.p[at]);
    at += 2;
    TRY(read_term(e, &at, -1 - dots, &q->out, err));
    FAIL_IF(at != e.n, err, SARD_INVALID_MODEL, "the equation goes on behind its output");
    uint64_t seen[2] = {0};
    for (int k = 0; k < q->out.n; k++) {
        int l = q->out.label[k];
        FAIL_IF(seen[l >> 6] >> (l & 63) & 1, err, SARD_INVALID_MODEL, "the output names an axis twice");
        seen[l >> 6] |= (uint64_t)1 << (l & 63);
    }
    return SARD_OK;
}

/* Extents of the labels; axes of extent 1 give way. Unknown ones (inference) stay unknown. */
static sard_status extents(module *m, equation *q, const int64_t *const *dims, sard_error *err) {
    bool known_label[LABELS] = {false};
    for (int i = 0; i < q->n; i++)
        for (int k = 0; k < q->in[i].n; k++) {
            int l = q->in[i].label[k];
            int64_t d = dims[i][k];
            if (!known_label[l]) q->dim[l] = d;
            FAIL_IF(known_label[l] && !dim_broadcast(m, q->dim[l], d, &q->dim[l]), err, SARD_INVALID_ARGUMENT,
                    "operand %d has extent %lld where others have %lld", i, (long long)d, (long long)q->dim[l]);
            known_label[l] = true;
        }
    for (int k = 0; k < q->out.n; k++)
        FAIL_IF(!known_label[q->out.label[k]], err, SARD_INVALID_MODEL, "the output names an axis that no operand has");
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    int ranks[OPERANDS_MAX];
    const int64_t *dims[OPERANDS_MAX];
    equation q;
    FAIL_IF(c->n_in > OPERANDS_MAX, err, SARD_UNSUPPORTED, "%u operands; at most %d are offered", c->n_in,
            OPERANDS_MAX);
    c->out[0] = type_tensor((sard_dtype)c->in[0]->dtype, -1, NULL);
    for (uint32_t i = 0; i < c->n_in; i++) {
        if (c->in[i]->rank < 0) return SARD_OK;
        ranks[i] = c->in[i]->rank, dims[i] = c->in[i]->dim;
    }
    TRY(parse(infer_attr(c, EQUATION)->s, (int)c->n_in, ranks, &q, err));
    TRY(extents(c->mod, &q, dims, err));
    c->out[0] = type_tensor((sard_dtype)c->in[0]->dtype, q.out.n, NULL);
    for (int k = 0; k < q.out.n; k++) c->out[0].dim[k] = q.dim[q.out.label[k]];
    return SARD_OK;
}

/* ---- running ------------------------------------------------------------------------------------------------------- */

typedef struct operand { /* distinct labels and how they lie; an element type of F32, F64 or I64 once arranged */
    int n;
    uint8_t label[MAX_RANK];
    int64_t stride[LABELS]; /* by label; 0 also where it is broadcast */
    sard_dtype type;
    const void *p;
} operand;

typedef struct machine {
    op_ctx *c;
    const equation *q;
    sard_dtype wide;
} machine;

static bool has(const operand *o, int label) {
    for (int i = 0; i < o->n; i++)
        if (o->label[i] == label) return true;
    return false;
}

static void load(const machine *m, int i, operand *o) {
    const tensor *t = op_in(m->c, (uint32_t)i);
    const term *e = &m->q->in[i];
    *o = (operand){.type = (sard_dtype)t->dtype, .p = tensor_data(t)};
    for (int k = 0; k < e->n; k++) {
        int l = e->label[k];
        if (!has(o, l)) o->label[o->n++] = (uint8_t)l;
        if (t->dim[k] != 1) o->stride[l] += t->stride[k]; /* a repeated label walks the diagonal */
    }
}

static sard_status space(const machine *m, int64_t n, size_t size, void **out, sard_error *err) {
    size_t bytes;
    FAIL_IF(n < 0 || mul_size((size_t)n, size, &bytes), err, SARD_LIMIT, "an intermediate result is too large");
    return op_scratch(m->c, bytes, out, err);
}

static void widen(const void *from, sard_dtype t, void *to, int64_t n) {
    tensor one = {.dtype = (uint8_t)t};
    buffer b = {.data = (void *)(uintptr_t)from};
    one.buf = &b;
    if (t == SARD_F16 || t == SARD_BF16)
        widen_f32(from, t, to, n);
    else
        for (int64_t i = 0; i < n; i++) ((int64_t *)to)[i] = tensor_get_i64(&one, i);
}

/* o, densely in the order of labels[n], in the wide type. Labels it lacks are broadcast. */
static sard_status arrange(const machine *m, operand *o, const uint8_t *labels, int n, sard_error *err) {
    move_box b = {.rank = n};
    int64_t count = 1;
    bool dense = true;
    FAIL_IF(n > MAX_RANK, err, SARD_UNSUPPORTED, "an intermediate result of %d axes; at most %d are offered", n,
            MAX_RANK);
    for (int i = n - 1; i >= 0; i--) {
        b.dim[i] = m->q->dim[labels[i]], b.src[i] = has(o, labels[i]) ? o->stride[labels[i]] : 0, b.dst[i] = count;
        dense &= b.dim[i] <= 1 || b.src[i] == b.dst[i];
        FAIL_IF(mul_i64(count, b.dim[i], &count), err, SARD_LIMIT, "an intermediate result is too large");
    }
    void *to;
    size_t size = (size_t)dtype_bits(o->type) / 8;
    if (!dense) {
        TRY(space(m, count, size, &to, err));
        if (count) TRY(move_copy(&b, size, o->p, to, op_par(m->c), err));
        o->p = to;
    }
    if (o->type != m->wide) {
        TRY(space(m, count, (size_t)dtype_bits(m->wide) / 8, &to, err));
        widen(o->p, o->type, to, count);
        o->p = to, o->type = m->wide;
    }
    memset(o->stride, 0, sizeof o->stride);
    for (int i = 0; i < n; i++) o->label[i] = labels[i], o->stride[labels[i]] = b.dim[i] == 1 ? 0 : b.dst[i];
    o->n = n;
    return SARD_OK;
}

/* Is the label needed by the output or an operand from `next` on? */
static bool needed(const equation *q, int label, int next) {
    for (int k = 0; k < q->out.n; k++)
        if (q->out.label[k] == label) return true;
    for (int i = next; i < q->n; i++)
        for (int k = 0; k < q->in[i].n; k++)
            if (q->in[i].label[k] == label) return true;
    return false;
}

/* Sums o over its labels that neither `other` (may be NULL) nor anyone from `next` on needs. */
static sard_status sum_alone(const machine *m, operand *o, const operand *other, int next, sard_error *err) {
    uint8_t order[MAX_RANK];
    int kept = 0, n = 0;
    int64_t rows = 1, length = 1;
    void *to;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < o->n; i++) {
            bool stays = needed(m->q, o->label[i], next) || (other && has(other, o->label[i]));
            if (stays == (pass == 0)) order[n++] = o->label[i];
        }
        if (pass == 0) kept = n;
    }
    if (kept == n) return SARD_OK;
    TRY(arrange(m, o, order, n, err));
    for (int i = 0; i < n; i++) *(i < kept ? &rows : &length) *= m->q->dim[order[i]];
    TRY(space(m, rows, (size_t)dtype_bits(m->wide) / 8, &to, err));
    reduce_args a = {.op = REDUCE_SUM, .type = m->wide, .rank = 2, .dim = {rows, length}, .in = o->p, .out = to};
    a.in_stride[0] = length, a.in_stride[1] = 1, a.out_stride[0] = 1, a.reduced[1] = true;
    if (rows) TRY(reduce_run(&a, op_par(m->c), err));
    operand r = {.n = kept, .type = m->wide, .p = to};
    int64_t step = 1;
    for (int i = kept - 1; i >= 0; i--) {
        r.label[i] = order[i], r.stride[order[i]] = m->q->dim[order[i]] == 1 ? 0 : step;
        step *= m->q->dim[order[i]];
    }
    *o = r;
    return SARD_OK;
}

static int64_t product_of(const equation *q, const uint8_t *l, int n) {
    int64_t r = 1;
    for (int i = 0; i < n; i++) r *= q->dim[l[i]];
    return r;
}

static sard_status multiply(const machine *m, const operand *a, const operand *b, int64_t batch, int64_t rows,
                            int64_t k, int64_t columns, void *out, sard_error *err) {
    void *scratch;
    size_t bytes;
#define FIELDS(g)                                                                                                      \
    g.m = rows, g.n = columns, g.k = k, g.a = a->p, g.a_rs = k, g.a_cs = 1, g.b = b->p, g.b_rs = columns, g.b_cs = 1;  \
    g.c = out, g.c_rs = columns, g.batch_rank = 1, g.batch_dim[0] = batch, g.a_batch[0] = rows * k;                    \
    g.b_batch[0] = k * columns, g.c_batch[0] = rows * columns
    if (m->wide == SARD_I64) {
        gemm_int g = {0};
        FIELDS(g);
        return gemm_run_i64(&g, op_par(m->c), err);
    }
    gemm_f32 f = {.e = GEMM_EPILOGUE_NONE};
    gemm_f64 d = {.e = GEMM_EPILOGUE_NONE};
    FIELDS(f);
    FIELDS(d);
#undef FIELDS
    bool wide = m->wide == SARD_F64;
    bytes = wide ? gemm_scratch_f64(&d, par_threads(op_par(m->c))) : gemm_scratch_f32(&f, par_threads(op_par(m->c)));
    FAIL_IF(bytes == SIZE_MAX, err, SARD_OUT_OF_MEMORY, "the matrices are too large");
    TRY(op_scratch(m->c, bytes, &scratch, err));
    return wide ? gemm_run_f64(&d, op_par(m->c), scratch, err) : gemm_run_f32(&f, op_par(m->c), scratch, err);
}

/* a becomes a * b; next: the first operand after b. */
static sard_status join(const machine *m, operand *a, operand *b, int next, sard_error *err) {
    uint8_t batch[LABELS], left[LABELS], right[LABELS], sum[LABELS], order[4 * MAX_RANK];
    int nb = 0, nl = 0, nr = 0, ns = 0;
    TRY(sum_alone(m, a, b, next, err));
    TRY(sum_alone(m, b, a, next, err));
    for (int i = 0; i < a->n; i++) {
        int l = a->label[i];
        if (!has(b, l))
            left[nl++] = (uint8_t)l;
        else if (needed(m->q, l, next))
            batch[nb++] = (uint8_t)l;
        else
            sum[ns++] = (uint8_t)l;
    }
    for (int i = 0; i < b->n; i++)
        if (!has(a, b->label[i])) right[nr++] = b->label[i];
    memcpy(order, batch, (size_t)nb), memcpy(order + nb, left, (size_t)nl), memcpy(order + nb + nl, sum, (size_t)ns);
    TRY(arrange(m, a, order, nb + nl + ns, err));
    memcpy(order + nb, sum, (size_t)ns), memcpy(order + nb + ns, right, (size_t)nr);
    TRY(arrange(m, b, order, nb + ns + nr, err));
    FAIL_IF(nb + nl + nr > MAX_RANK, err, SARD_UNSUPPORTED, "an intermediate result of %d axes", nb + nl + nr);
    operand r = {.n = nb + nl + nr, .type = m->wide};
    memcpy(r.label, batch, (size_t)nb), memcpy(r.label + nb, left, (size_t)nl);
    memcpy(r.label + nb + nl, right, (size_t)nr);
    int64_t step = 1;
    void *to;
    for (int i = r.n - 1; i >= 0; i--) {
        r.stride[r.label[i]] = m->q->dim[r.label[i]] == 1 ? 0 : step;
        FAIL_IF(mul_i64(step, m->q->dim[r.label[i]], &step), err, SARD_LIMIT, "an intermediate result is too large");
    }
    TRY(space(m, step, (size_t)dtype_bits(m->wide) / 8, &to, err));
    r.p = to;
    if (step)
        TRY(multiply(m, a, b, product_of(m->q, batch, nb), product_of(m->q, left, nl), product_of(m->q, sum, ns),
                     product_of(m->q, right, nr), to, err));
    *a = r;
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    int ranks[OPERANDS_MAX], n = (int)op_n_in(c);
    const int64_t *dims[OPERANDS_MAX];
    equation q;
    FAIL_IF(n > OPERANDS_MAX, err, SARD_UNSUPPORTED, "%d operands", n);
    for (int i = 0; i < n; i++) ranks[i] = op_in(c, (uint32_t)i)->rank, dims[i] = op_in(c, (uint32_t)i)->dim;
    TRY(parse(op_attr(c, EQUATION)->s, n, ranks, &q, err));
    TRY(extents(NULL, &q, dims, err));
    sard_dtype t = (sard_dtype)op_in(c, 0)->dtype;
    machine m = {c, &q, dtype_in(t, DT_INT) ? SARD_I64 : t == SARD_F64 ? SARD_F64 : SARD_F32};
    operand a, b;
    load(&m, 0, &a);
    for (int i = 1; i < n; i++) {
        load(&m, i, &b);
        TRY(join(&m, &a, &b, i + 1, err));
    }
    TRY(sum_alone(&m, &a, NULL, n, err));
    TRY(arrange(&m, &a, q.out.label, q.out.n, err));
    shape s = {.rank = q.out.n};
    tensor *y;
    for (int k = 0; k < s.rank; k++) s.dim[k] = q.dim[q.out.label[k]];
    TRY(op_out(c, 0, t, &s, &y, err));
    int64_t count = tensor_count(y);
    size_t size = element_size(y);
    if (t == m.wide)
        memcpy(tensor_data(y), a.p, tensor_bytes(y));
    else if (m.wide == SARD_F32)
        narrow_f32(a.p, t, tensor_data(y), count);
    else /* the low bytes: little endian */
        for (int64_t i = 0; i < count; i++)
            memcpy(TENSOR_AT(y, char) + (size_t)i * size, (const int64_t *)a.p + i, size);
    return SARD_OK;
}

const op_def op_einsum = {
    .domain = "",
    .name = "Einsum",
    .doc = "sums of products over named axes",
    OP_SINCE(12, 28),
    OP_ATTRS(einsum_attrs),
    OP_IN(einsum_in),
    OP_OUT(einsum_out),
    .infer = infer,
    .run = run,
};
