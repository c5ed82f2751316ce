/*
 * MaxUnpool -- puts what MaxPool took back where its indices say, zeros elsewhere. Indices are of the shape that kernel,
 * strides and pads imply; output_shape may be larger, and is filled up with zeros.
 */
#include "ops/index.h"
#include "ops/window.h"

enum { KERNEL, PADS, STRIDES };
static const attr_def unpool_attrs[] = {ATTR_REQ("kernel_shape", ATTR_INTS), ATTR_OPT("pads", ATTR_INTS),
                                        ATTR_OPT("strides", ATTR_INTS)};
static const window_attrs unpool_window = {-1, -1, KERNEL, PADS, STRIDES, -1};
static const formal unpool_in[] = {
    {.name = "X", .var = "T1", .types = DT_FLOAT},
    {.name = "I", .var = "T2", .types = DT(SARD_I64)},
    {.name = "output_shape", .var = "T2", .types = DT(SARD_I64), .flags = F_OPTIONAL},
};
static const formal unpool_out[] = {{.name = "output", .var = "T1", .types = DT_FLOAT}};

/* The shape the indices are of. */
static sard_status natural(module *m, const attr *attrs, const int64_t *x, int rank, int64_t *out, sard_error *err) {
    window w;
    FAIL_IF(rank < 3, err, SARD_INVALID_ARGUMENT, "X has rank %d; 3 is the least", rank);
    TRY(window_read(attrs, &unpool_window, rank - 2, NULL, &w, err));
    out[0] = x[0], out[1] = x[1];
    for (int i = 0; i < w.rank; i++) {
        int64_t more = w.kernel[i] - w.pad[i] - w.pad_end[i];
        out[i + 2] = dim_add(m, dim_mul(m, dim_sub(m, x[i + 2], 1), w.stride[i]), more);
        FAIL_IF(dim_known(out[i + 2]) && out[i + 2] < 0, err, SARD_INVALID_ARGUMENT, "axis %d would have %lld elements",
                i + 2, (long long)out[i + 2]);
    }
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    c->out[0] = type_tensor((sard_dtype)x->dtype, x->rank, NULL);
    if (x->rank < 0) return SARD_OK;
    if (!infer_has(c, 2)) return natural(c->mod, c->node->attrs, x->dim, x->rank, c->out[0].dim, err);
    const known *k = &c->in_known[2];
    if (!k->v) return SARD_OK;
    FAIL_IF(k->n != (uint32_t)x->rank, err, SARD_INVALID_ARGUMENT, "output_shape has %u elements; %d are needed", k->n,
            x->rank);
    memcpy(c->out[0].dim, k->v, k->n * sizeof *k->v);
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0), *at = op_in(c, 1), *want = op_in(c, 2);
    shape inner = {.rank = x->rank}, s, sx = shape_of(x), si = shape_of(at);
    tensor *y;
    int n;
    FAIL_IF(!shape_eq(&sx, &si), err, SARD_INVALID_ARGUMENT, "X and I differ in shape");
    TRY(natural(NULL, op_node(c)->attrs, x->dim, x->rank, inner.dim, err));
    s = inner;
    if (want) {
        TRY(read_ints(want, "output_shape", s.dim, MAX_RANK, &n, err));
        FAIL_IF(n != x->rank, err, SARD_INVALID_ARGUMENT, "output_shape has %d elements; %d are needed", n, x->rank);
        for (int i = 0; i < n; i++)
            FAIL_IF(s.dim[i] < inner.dim[i], err, SARD_INVALID_ARGUMENT,
                    "output_shape has %lld on axis %d; at least %lld are needed", (long long)s.dim[i], i,
                    (long long)inner.dim[i]);
    }
    int64_t room = shape_count(&inner), count = tensor_count(x), stride[MAX_RANK], pos[MAX_RANK];
    FAIL_IF(room < 0 || shape_count(&s) < 0, err, SARD_LIMIT, "the output is too large");
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    memset(tensor_data(y), 0, tensor_bytes(y));
    tensor_row_strides(s.dim, s.rank, stride);
    size_t size = element_size(x);
    for (int64_t i = 0; i < count; i++) {
        int64_t k = TENSOR_AT(at, int64_t)[i];
        FAIL_IF(k < 0 || k >= room, err, SARD_RUNTIME, "I[%lld] is %lld; there are %lld elements", (long long)i,
                (long long)k, (long long)room);
        k = index_seek(s.rank, inner.dim, k, pos, stride);
        copy_element(TENSOR_AT(y, char) + (size_t)k * size, TENSOR_AT(x, char) + (size_t)i * size, size);
    }
    return SARD_OK;
}

const op_def op_maxunpool = {
    .domain = "",
    .name = "MaxUnpool",
    .doc = "puts what MaxPool took back in its place",
    OP_SINCE(9, 11, 22),
    OP_ATTRS(unpool_attrs),
    OP_IN(unpool_in),
    OP_OUT(unpool_out),
    .infer = infer,
    .run = run,
};
