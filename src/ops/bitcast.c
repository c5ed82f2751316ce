/*
 * BitCast -- the same bits as elements of another type of the same width.
 */
#include "ops/common.h"

enum { TO };
#define TYPES (DT_NUMBER | DT_FLOAT8 | DT_SUBBYTE | DT_COMPLEX | DT_BOOL)
static const attr_def bitcast_attrs[] = {ATTR_REQ("to", ATTR_INT)};
static const formal bitcast_in[] = {{.name = "input", .var = "T1", .types = TYPES}};
static const formal bitcast_out[] = {{.name = "output", .var = "T2", .types = TYPES}};

static sard_status target(const attr *a, int from, sard_dtype *out, sard_error *err) {
    FAIL_IF(a->i <= 0 || a->i >= SARD_DTYPE_COUNT || !dtype_in((int)a->i, TYPES), err, SARD_INVALID_MODEL,
            "attribute 'to' is %lld, which is no type to cast to", (long long)a->i);
    *out = (sard_dtype)a->i;
    FAIL_IF(from && dtype_bits(from) != dtype_bits(*out), err, SARD_INVALID_MODEL, "%s has %d bits, %s %d",
            sard_dtype_name((sard_dtype)from), dtype_bits(from), sard_dtype_name(*out), dtype_bits(*out));
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    sard_dtype t;
    TRY(target(infer_attr(c, TO), c->in[0]->dtype, &t, err));
    c->out[0] = type_tensor(t, c->in[0]->rank, c->in[0]->dim);
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    sard_dtype t;
    shape s = shape_of(x);
    tensor *y;
    TRY(target(op_attr(c, TO), x->dtype, &t, err));
    TRY(op_out(c, 0, t, &s, &y, err));
    memcpy(tensor_data(y), tensor_data(x), tensor_bytes(x));
    return SARD_OK;
}

const op_def op_bitcast = {
    .domain = "",
    .name = "BitCast",
    .doc = "the same bits as another type",
    OP_SINCE(26),
    OP_ATTRS(bitcast_attrs),
    OP_IN(bitcast_in),
    OP_OUT(bitcast_out),
    .infer = infer,
    .run = run,
};
