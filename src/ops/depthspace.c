/*
 * depthspace.c -- DepthToSpace and SpaceToDepth: blocks of pixels to channels and back; one copy of a six-dimensional box.
 *
 *   DepthToSpace 11: mode    SpaceToDepth 28: mode
 */
#include "kernels/move/move.h"
#include "ops/index.h"

enum { BLOCK, MODE };
enum { TO_SPACE, TO_DEPTH }; /* op->code */
#define TYPES (DT_NUMBER | DT_COMPLEX | DT_BOOL | DT_STRING)
static const attr_def block_attrs[] = {ATTR_REQ("blocksize", ATTR_INT), ATTR_S("mode", "DCR")};
static const formal block_in[] = {{.name = "input", .var = "T", .types = TYPES}};
static const formal block_out[] = {{.name = "output", .var = "T", .types = TYPES}};

static sard_status check(const attr *attrs, int rank, int *mode, sard_error *err) {
    static const char *const words[] = {"DCR", "CRD"};
    FAIL_IF(rank >= 0 && rank != 4, err, SARD_INVALID_ARGUMENT, "the input has rank %d; 4 is needed", rank);
    FAIL_IF(attrs[BLOCK].i < 1 || attrs[BLOCK].i > 1 << 20, err, SARD_INVALID_MODEL, "attribute 'blocksize' is %lld",
            (long long)attrs[BLOCK].i);
    return attr_word(&attrs[MODE], "mode", words, 2, mode, err);
}

static sard_status divide(module *m, int64_t d, int64_t by, int axis, int64_t *out, sard_error *err) {
    FAIL_IF(dim_known(d) && d % by, err, SARD_INVALID_ARGUMENT, "extent %lld of axis %d is no multiple of %lld",
            (long long)d, axis, (long long)by);
    *out = dim_div(m, d, by);
    return SARD_OK;
}

static sard_status dims(module *m, const op_def *op, int64_t b, const int64_t *x, int64_t *y, sard_error *err) {
    y[0] = x[0];
    if (op->code == TO_SPACE) {
        y[2] = dim_mul(m, x[2], b), y[3] = dim_mul(m, x[3], b);
        return divide(m, x[1], b * b, 1, &y[1], err);
    }
    y[1] = dim_mul(m, x[1], b * b);
    TRY(divide(m, x[2], b, 2, &y[2], err));
    return divide(m, x[3], b, 3, &y[3], err);
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    int mode;
    TRY(check(c->node->attrs, x->rank, &mode, err));
    c->out[0] = type_tensor((sard_dtype)x->dtype, 4, NULL);
    return x->rank < 0 ? SARD_OK : dims(c->mod, c->node->op, infer_attr(c, BLOCK)->i, x->dim, c->out[0].dim, err);
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    const op_def *op = op_node(c)->op;
    int64_t k = op_attr(c, BLOCK)->i;
    int mode;
    shape s = {.rank = 4};
    tensor *y;
    TRY(check(op_node(c)->attrs, x->rank, &mode, err));
    TRY(dims(NULL, op, k, x->dim, s.dim, err));
    TRY(op_out(c, 0, (sard_dtype)x->dtype, &s, &y, err));
    if (tensor_count(y) == 0) return SARD_OK;
    const tensor *image = op->code == TO_SPACE ? y : x, *deep = op->code == TO_SPACE ? x : y;
    int64_t channels = image->dim[1];
    move_box b = {.rank = 6, .dim = {x->dim[0], channels, k, k, deep->dim[2], deep->dim[3]}};
    int64_t *si = op->code == TO_SPACE ? b.dst : b.src, *sd = op->code == TO_SPACE ? b.src : b.dst;
    const int64_t *ti = image->stride, *td = deep->stride;
    memcpy(si, (int64_t[]){ti[0], ti[1], ti[2], ti[3], ti[2] * k, ti[3] * k}, 6 * sizeof *si);
    if (mode == 0) /* blocks outer, channels inner */
        memcpy(sd, (int64_t[]){td[0], td[1], td[1] * channels * k, td[1] * channels, td[2], td[3]}, 6 * sizeof *sd);
    else
        memcpy(sd, (int64_t[]){td[0], td[1] * k * k, td[1] * k, td[1], td[2], td[3]}, 6 * sizeof *sd);
    return move_copy(&b, element_size(x), tensor_data(x), tensor_data(y), op_par(c), err);
}

#define BLOCKS(nm, text, c)                                                                                            \
    .domain = "", .name = nm, .doc = text, .code = c, OP_ATTRS(block_attrs), OP_IN(block_in), OP_OUT(block_out),       \
    .infer = infer, .run = run, .flags = OP_STRIDED | OP_LAST
const op_def op_depthtospace = {BLOCKS("DepthToSpace", "channels become blocks of pixels", TO_SPACE),
                                OP_SINCE(1, 11, 13, 28)};
const op_def op_spacetodepth = {BLOCKS("SpaceToDepth", "blocks of pixels become channels", TO_DEPTH),
                                OP_SINCE(1, 13, 28)};
