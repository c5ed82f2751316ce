/*
 * custom.h -- what the files of custom operators share.
 *
 * A session's domains become one custom_set, which owns one op_group per operator name of a domain: the group is what
 * the public API knows, and its members are the client's OrtCustomOps of that name, told apart by the types of a node's
 * inputs and by the opset version. The set lives until the last model made with it has dropped its kernels.
 */
#ifndef SARD_ORT_CUSTOM_H
#define SARD_ORT_CUSTOM_H

#include "ort/internal.h"

/* ---- reading an OrtCustomOp: what its version does not hold has the value of a member left out ------------------- */

/* One side of an operator: its inputs or its outputs. */
typedef struct op_side {
    size_t n;               /* formals */
    size_t least;           /* arguments there must be at least */
    size_t least_named;     /* ... when optional ones before them may be left out by an empty name */
    bool variadic, uniform; /* the last formal takes any number; of one type */
} op_side;
op_side custom_inputs(const OrtCustomOp *op);
op_side custom_outputs(const OrtCustomOp *op);
OrtCustomOpInputOutputCharacteristic custom_input_is(const OrtCustomOp *op, size_t i);
/* Types of arguments: those beyond the formals belong to the last one. */
ONNXTensorElementDataType custom_input_type(const OrtCustomOp *op, size_t i);
ONNXTensorElementDataType custom_output_type(const OrtCustomOp *op, size_t i);
int custom_first_version(const OrtCustomOp *op);
int custom_last_version(const OrtCustomOp *op);
bool custom_has_shapes(const OrtCustomOp *op); /* InferOutputShapeFn */
bool custom_has_v2(const OrtCustomOp *op);     /* CreateKernelV2 and KernelComputeV2 may be there */

/* ---- a session's operators ---------------------------------------------------------------------------------------- */

/* A loaded library; closed with the last reference, unless the client does that. */
struct ort_library {
    atomic_uint refs;
    void *handle;
};

typedef struct custom_set custom_set;
typedef struct op_group {
    custom_set *set;
    const char *domain, *name; /* the domain's, the first member's */
    const OrtCustomOp **ops;   /* in the order they were added */
    size_t n, cap;
} op_group;

struct custom_set {
    OrtLogger logger; /* of the session */
    OrtKeyValuePairs config;
    OrtCustomOpDomain **domains; /* references */
    size_t n_domains;
    ort_library **libraries; /* references */
    size_t n_libraries;
    op_group **groups;
    size_t n_groups, cap_groups;
};

/* The first member that takes a node's inputs and its opset version; the error tells why there is none. */
sard_status group_choose(const op_group *g, const sard_node_info *n, const OrtCustomOp **out, sard_error *err);
/* Element type of output i for these inputs: an operator that leaves it open gives that of its first open input. */
sard_dtype custom_output_of(const OrtCustomOp *op, const sard_node_info *n, size_t i);
/* Runs InferOutputShapeFn (shape_infer.c). */
OrtStatus *custom_infer_shapes(const OrtCustomOp *op, const sard_node_info *n,
                               sard_status (*set)(void *arg, size_t i, sard_dtype t, int rank, const int64_t *dims),
                               void *arg);
/* Callbacks of the group's sard_op_desc; user is the op_group. */
sard_status group_infer(void *user, const sard_node_info *n,
                        sard_status (*set)(void *arg, size_t i, sard_dtype t, int rank, const int64_t *dims), void *arg,
                        sard_error *err);
sard_status group_create(void *user, const sard_node_info *n, void **state, sard_error *err);
sard_status group_run(void *user, void *state, sard_op_ctx *c, sard_error *err);
void group_destroy(void *user, void *state);

sard_pool *custom_pool(const OrtKernelContext *c); /* of the run, borrowed */

/* A status as an error of the public API, which keeps its code and text; the status is released. */
sard_status ort_to_error(OrtStatus *status, sard_error *err);

/* ---- kernels ------------------------------------------------------------------------------------------------------ */

typedef struct info_arg { /* an input or output of a node */
    char *name;           /* NULL: left out */
    OrtTypeInfo *type;    /* NULL: left out, or not known */
    OrtValue *constant;   /* NULL: none */
} info_arg;

/* A node's description, independent of the model that is being loaded, so that a kernel may keep a copy. */
struct OrtKernelInfo {
    atomic_uint refs;
    custom_set *set; /* not a reference: kernels go before the set */
    char *node_name;
    const char *domain, *type; /* the group's */
    int since;
    info_arg *in, *out;
    size_t n_in, n_out;
    OrtOpAttr **attrs;
    size_t n_attrs;
};
OrtStatus *kernel_info_new(const op_group *g, const OrtCustomOp *op, const sard_node_info *n, OrtKernelInfo **out);
OrtStatus *op_attr_from_node(const sard_node_info *n, const char *name, OrtOpAttr **out);

typedef struct custom_kernel {
    const OrtCustomOp *op;
    void *kernel;
    OrtKernelInfo *info;
    sard_dtype *out_types; /* per output of the node */
} custom_kernel;

#endif
