/*
 * custom_node.c -- a node of a custom operator: which of the operators of its name takes it, its types, its kernel.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ort/custom.h"
#include "ort/guard.h"

sard_status ort_to_error(OrtStatus *status, sard_error *err) {
    static const sard_status codes[] = {
        [ORT_FAIL] = SARD_RUNTIME,
        [ORT_INVALID_ARGUMENT] = SARD_INVALID_ARGUMENT,
        [ORT_NO_SUCHFILE] = SARD_NO_SUCH_FILE,
        [ORT_INVALID_PROTOBUF] = SARD_INVALID_PROTOBUF,
        [ORT_NOT_IMPLEMENTED] = SARD_UNSUPPORTED,
        [ORT_INVALID_GRAPH] = SARD_INVALID_MODEL,
    };
    if (!status) return SARD_OK;
    const OrtErrorCode code = ort_GetErrorCode(status);
    sard_status st = (size_t)code < sizeof codes / sizeof *codes ? codes[code] : SARD_RUNTIME;
    if (st == SARD_OK) st = SARD_RUNTIME;
    if (err) {
        snprintf(err->message, sizeof err->message, "%s", ort_GetErrorMessage(status));
        err->detail = (int32_t)code;
    }
    ort_ReleaseStatus(status);
    return st;
}

__attribute__((format(printf, 3, 4))) static sard_status refuse(sard_error *err, sard_status st, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    if (err) vsnprintf(err->message, sizeof err->message, fmt, args);
    va_end(args);
    return st;
}

/* ---- choosing ----------------------------------------------------------------------------------------------------- */

/* Room for why an operator does not take a node. */
typedef struct reason {
    char text[240];
} reason;

#define NOT_TAKEN(...)                                                                                                 \
    do {                                                                                                               \
        snprintf(why->text, sizeof why->text, __VA_ARGS__);                                                            \
        return false;                                                                                                  \
    } while (0)

/* UNDEFINED when the type is not known, or not a tensor's. */
static sard_dtype input_type(const sard_node_info *n, size_t i) {
    const sard_type *t = sard_node_input_type(n, i);
    return sard_type_kind(t) == SARD_KIND_TENSOR ? sard_type_dtype(t) : SARD_UNDEFINED;
}

static bool type_taken(const OrtCustomOp *op, const sard_node_info *n, size_t i, reason *why) {
    const ONNXTensorElementDataType want = custom_input_type(op, i);
    const sard_type *t = sard_node_input_type(n, i);
    char found[80];
    sard_type_text(t, found, sizeof found);
    if (sard_type_kind(t) == SARD_KIND_SPARSE_TENSOR)
        NOT_TAKEN("Type '%s' of input %zu (%s) is invalid, a kernel takes no sparse tensors", found, i,
                  sard_node_input_name(n, i));
    if (want == ORT_TYPE_UNDEFINED || sard_type_kind(t) == SARD_KIND_UNKNOWN) return true;
    if (sard_type_kind(t) != SARD_KIND_TENSOR || (sard_type_dtype(t) && ort_type_from(sard_type_dtype(t)) != want))
        NOT_TAKEN("Type '%s' of input %zu (%s) is invalid, tensor(%s) is expected", found, i,
                  sard_node_input_name(n, i), sard_dtype_onnx_name(ort_type_to(want)));
    return true;
}

/* The members of a variadic input that is of one type. */
static bool uniform(const op_side *s, const sard_node_info *n, reason *why) {
    sard_dtype first = SARD_UNDEFINED;
    for (size_t i = s->n - 1; s->variadic && s->uniform && i < sard_node_inputs(n); i++) {
        const sard_dtype t = input_type(n, i);
        if (first && t && t != first)
            NOT_TAKEN("the variadic input is of one type: found tensor(%s) and tensor(%s)", sard_dtype_onnx_name(first),
                      sard_dtype_onnx_name(t));
        if (!first) first = t;
    }
    return true;
}

static bool inputs_taken(const OrtCustomOp *op, const sard_node_info *n, reason *why) {
    const op_side s = custom_inputs(op);
    const size_t have = sard_node_inputs(n);
    if (have < s.least_named) NOT_TAKEN("%zu inputs are given, at least %zu are expected", have, s.least_named);
    if (have > s.n && !s.variadic) NOT_TAKEN("%zu inputs are given, at most %zu are expected", have, s.n);
    for (size_t i = 0; i < have; i++) {
        if (!sard_node_input_name(n, i)) {
            if (i < s.n && custom_input_is(op, i) != INPUT_OUTPUT_REQUIRED) continue;
            NOT_TAKEN("input %zu is left out, it is required", i);
        }
        if (!type_taken(op, n, i, why)) return false;
    }
    return uniform(&s, n, why);
}

static bool takes(const OrtCustomOp *op, const sard_node_info *n, reason *why) {
    const int64_t version = sard_node_opset(n);
    if (version < custom_first_version(op) || version > custom_last_version(op))
        NOT_TAKEN("it serves opset versions %d to %d, the model's is %lld", custom_first_version(op),
                  custom_last_version(op), (long long)version);
    const op_side s = custom_outputs(op);
    const size_t have = sard_node_outputs(n);
    if (have < s.least) NOT_TAKEN("%zu outputs are asked for, at least %zu are made", have, s.least);
    if (have > s.n && !s.variadic) NOT_TAKEN("%zu outputs are asked for, at most %zu are made", have, s.n);
    return inputs_taken(op, n, why);
}

sard_status group_choose(const op_group *g, const sard_node_info *n, const OrtCustomOp **out, sard_error *err) {
    reason first, other;
    for (size_t i = 0; i < g->n; i++) {
        if (!takes(g->ops[i], n, i ? &other : &first)) continue;
        *out = g->ops[i];
        return SARD_OK;
    }
    if (g->n == 1) return refuse(err, SARD_INVALID_MODEL, "%s", first.text);
    return refuse(err, SARD_INVALID_MODEL, "none of the %zu operators of this name takes the node; the first: %s", g->n,
                  first.text);
}

/* ---- types -------------------------------------------------------------------------------------------------------- */

sard_dtype custom_output_of(const OrtCustomOp *op, const sard_node_info *n, size_t i) {
    const ONNXTensorElementDataType t = custom_output_type(op, i);
    if (t != ORT_TYPE_UNDEFINED) return ort_type_to(t);
    for (size_t k = 0; k < sard_node_inputs(n); k++)
        if (custom_input_type(op, k) == ORT_TYPE_UNDEFINED && input_type(n, k)) return input_type(n, k);
    return SARD_UNDEFINED;
}

/* Several operators and an input of unknown type: which one it will be is not known yet. */
static bool undecided(const op_group *g, const sard_node_info *n) {
    for (size_t i = 0; g->n > 1 && i < sard_node_inputs(n); i++) {
        const sard_type *t = sard_node_input_type(n, i);
        if (sard_node_input_name(n, i) &&
            (sard_type_kind(t) == SARD_KIND_UNKNOWN || (sard_type_kind(t) == SARD_KIND_TENSOR && !sard_type_dtype(t))))
            return true;
    }
    return false;
}

sard_status group_infer(void *user, const sard_node_info *n,
                        sard_status (*set)(void *arg, size_t i, sard_dtype t, int rank, const int64_t *dims), void *arg,
                        sard_error *err) {
    const op_group *g = user;
    const OrtCustomOp *op;
    if (undecided(g, n)) return SARD_OK;
    sard_status st = group_choose(g, n, &op, err);
    for (size_t i = 0; st == SARD_OK && i < sard_node_outputs(n); i++) {
        const sard_dtype t = custom_output_of(op, n, i);
        if (t) st = set(arg, i, t, -1, NULL);
    }
    if (st == SARD_OK && custom_has_shapes(op)) st = ort_to_error(custom_infer_shapes(op, n, set, arg), err);
    return st;
}

/* ---- kernels ------------------------------------------------------------------------------------------------------ */

static OrtStatus *make_kernel(void *arg) {
    custom_kernel *k = arg;
    const OrtCustomOp *op = k->op;
    if (custom_has_v2(op) && op->CreateKernelV2) return op->CreateKernelV2(op, &ort_table, k->info, &k->kernel);
    REQUIRE(op->CreateKernel, ORT_INVALID_ARGUMENT, "the operator has no CreateKernel");
    k->kernel = op->CreateKernel(op, &ort_table, k->info);
    return NULL;
}

static void kernel_free(custom_kernel *k) {
    ort_ReleaseKernelInfo(k->info);
    free(k->out_types);
    free(k);
}

sard_status group_create(void *user, const sard_node_info *n, void **state, sard_error *err) {
    const op_group *g = user;
    const OrtCustomOp *op;
    const sard_status st = group_choose(g, n, &op, err);
    if (st != SARD_OK) return st;
    const size_t n_out = sard_node_outputs(n);
    custom_kernel *k = calloc(1, sizeof *k);
    if (!k) return ort_to_error(ort_no_memory(sizeof *k), err);
    k->op = op;
    k->out_types = calloc(n_out + 1, sizeof *k->out_types);
    OrtStatus *bad = k->out_types ? kernel_info_new(g, op, n, &k->info) : ort_no_memory(n_out);
    for (size_t i = 0; !bad && i < n_out; i++) k->out_types[i] = custom_output_of(op, n, i);
    if (!bad) bad = ort_guarded(make_kernel, k);
    if (bad) {
        kernel_free(k);
        return ort_to_error(bad, err);
    }
    *state = k;
    return SARD_OK;
}

static OrtStatus *destroy_kernel(void *arg) {
    const custom_kernel *k = arg;
    if (k->op->KernelDestroy) k->op->KernelDestroy(k->kernel);
    return NULL;
}

void group_destroy(void *user, void *state) {
    (void)user;
    custom_kernel *k = state;
    if (!k) return;
    OrtStatus *bad = ort_guarded(destroy_kernel, k);
    if (bad) ort_log(&k->info->set->logger, ORT_LOGGING_LEVEL_ERROR, "KernelDestroy", "%s", ort_GetErrorMessage(bad));
    ort_ReleaseStatus(bad);
    kernel_free(k);
}
