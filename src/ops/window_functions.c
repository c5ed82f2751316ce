/*
 * window_functions.c -- HannWindow, HammingWindow, BlackmanWindow: a0 - a1 cos(2 pi n / N) + a2 cos(4 pi n / N), where N
 * is the size (periodic) or one less. Computed in double, rounded once.
 */
#include "kernels/pointwise/math64.h"
#include "ops/common.h"

enum { OUTPUT_TYPE, PERIODIC };
static const attr_def wave_attrs[] = {ATTR_I("output_datatype", 1), ATTR_I("periodic", 1)};
static const formal wave_in[] = {{.name = "size", .var = "T1", .types = DT(SARD_I32) | DT(SARD_I64), .flags = F_CONST}};
static const formal wave_out[] = {{.name = "output", .var = "T2", .types = DT_NUMBER}};

static sard_status type_of(const attr *a, sard_dtype *out, sard_error *err) {
    FAIL_IF(a->i <= 0 || a->i >= SARD_DTYPE_COUNT || !dtype_in((int)a->i, DT_NUMBER), err, SARD_INVALID_MODEL,
            "attribute 'output_datatype' is %lld, which is no type of numbers", (long long)a->i);
    *out = (sard_dtype)a->i;
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const known *k = &c->in_known[0];
    int64_t n = k->v && k->n == 1 ? k->v[0] : DIM_UNKNOWN;
    sard_dtype t = SARD_F32;
    TRY(type_of(infer_attr(c, OUTPUT_TYPE), &t, err));
    FAIL_IF(dim_known(n) && n < 0, err, SARD_INVALID_ARGUMENT, "size is %lld", (long long)n);
    c->out[0] = type_tensor(t, 1, &n);
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    static const double factor[][3] = {{0.5, 0.5, 0}, {25.0 / 46, 21.0 / 46, 0}, {0.42, 0.5, 0.08}};
    const double *a = factor[op_node(c)->op->code];
    int64_t size;
    int n;
    (void)state;
    sard_dtype t = SARD_F32;
    tensor *y;
    TRY(type_of(op_attr(c, OUTPUT_TYPE), &t, err));
    TRY(read_ints(op_in(c, 0), "size", &size, 1, &n, err));
    FAIL_IF(n != 1 || size < 0, err, SARD_INVALID_ARGUMENT, "size is %lld", n ? (long long)size : 0);
    shape s = {1, {size}};
    TRY(op_out(c, 0, t, &s, &y, err));
    double whole = (double)(op_attr(c, PERIODIC)->i || size == 1 ? size : size - 1);
    for (int64_t i = 0; i < size; i++) {
        double x = 2 * 3.14159265358979323846 * (double)i / whole;
        tensor_set_f64(y, i, a[0] - a[1] * m64_cos(x) + a[2] * m64_cos(2 * x));
    }
    return SARD_OK;
}

#define WINDOW(nm, c)                                                                                                  \
    .domain = "", .name = nm, .doc = "window function", .code = c, OP_SINCE(17), OP_ATTRS(wave_attrs), OP_IN(wave_in), \
    OP_OUT(wave_out), .infer = infer, .run = run
const op_def op_hannwindow = {WINDOW("HannWindow", 0)};
const op_def op_hammingwindow = {WINDOW("HammingWindow", 1)};
const op_def op_blackmanwindow = {WINDOW("BlackmanWindow", 2)};
