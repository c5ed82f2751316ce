/*
 * sard.h -- the public C API of sard, a library that runs ONNX models on the CPU with one answer: the same bits for the
 * same model, input and options, whatever the number of threads, the batch a row comes in, or the instruction set.
 *
 *     sard_error err;
 *     sard_model *m;
 *     if (sard_model_load("model.onnx", NULL, &m, &err) != SARD_OK) { puts(err.message); return 1; }
 *     const int64_t dims[] = {1, 4};
 *     float data[] = {1, 2, 3, 4};
 *     sard_value *x, *y = NULL;
 *     sard_tensor_wrap(SARD_F32, 2, dims, data, sizeof data, NULL, NULL, &x, &err);
 *     const char *names[] = {"x"};
 *     if (sard_run(m, NULL, names, &x, 1, NULL, &y, 1, &err) != SARD_OK) puts(err.message);
 *     else printf("%f\n", ((const float *)sard_tensor_data(y))[0]);
 *     sard_value_unref(x);
 *     sard_value_unref(y);
 *     sard_model_unref(m);
 *
 * Conventions
 *  - There is nothing to initialise. A function that can fail returns a sard_status and takes a sard_error * last, which
 *    may be NULL. What it makes goes through an `out` pointer, which is written only on success.
 *  - Models, values, pools and operator libraries are refcounted: made with one reference, given back with ..._unref
 *    (NULL is allowed). Options, profiles and builders have one owner: ..._free. Other memory that is handed out (text,
 *    bytes) is given back with sard_free.
 *  - What is handed over (a value into a run, options into a load) is borrowed for the call; whoever keeps it takes a
 *    reference of its own. "borrowed" results live as long as what they were asked of; so do names and types.
 *  - A model may be used by any number of threads at once, a value read by any number. Options, builders and profiles
 *    belong to one thread at a time (runs on several threads may share one profile).
 *  - Names and paths are UTF-8, NUL-terminated.
 */
#ifndef SARD_H
#define SARD_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SARD_API        __attribute__((visibility("default")))
#define SARD_MUST_CHECK __attribute__((warn_unused_result))
#else
#define SARD_API
#define SARD_MUST_CHECK
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- status and errors ------------------------------------------------------------------------------------------ */

typedef enum sard_status {
    SARD_OK = 0,
    SARD_INVALID_ARGUMENT, /* a call's argument: unknown name, wrong dtype, rank or shape, unknown option */
    SARD_NO_SUCH_FILE,     /* the file, or a model's external data, is not there */
    SARD_IO,               /* reading or writing failed; a mapped file was cut short */
    SARD_INVALID_PROTOBUF, /* the bytes are not an ONNX model */
    SARD_INVALID_MODEL,    /* a model that breaks the standard: cycle, ill-typed node, missing input ... */
    SARD_UNSUPPORTED,      /* valid, but an operator, type or version is not offered by this build */
    SARD_OUT_OF_MEMORY,
    SARD_LIMIT, /* the run's memory limit, or a load limit, was reached */
    SARD_CANCELLED,
    SARD_DEADLINE,
    SARD_RUNTIME, /* an operator's run-time rule was broken by the data (index out of range ...) */
    SARD_INTERNAL /* a bug of sard's: please report it */
} sard_status;

/* The caller's error object: fixed size, may be NULL wherever it is taken. Written only on failure. */
typedef struct sard_error {
    sard_status code;
    uint32_t problems;  /* how many problems were found in all (load and check report each to a callback) */
    int32_t detail;     /* what an operator from outside gave as a number of its own for the failure; 0: nothing */
    char message[1012]; /* UTF-8, NUL-terminated; outermost context first */
} sard_error;

/* "INVALID_ARGUMENT" ...; never NULL. */
SARD_API const char *sard_status_name(sard_status s);

/* ---- memory hooks ----------------------------------------------------------------------------------------------- */

/* All three are called from any thread. `alloc` returns memory aligned to 64 bytes or NULL. */
typedef struct sard_allocator {
    void *(*alloc)(void *user, size_t bytes);
    void (*free)(void *user, void *p);
    void *user;
} sard_allocator;

/* ---- element types: the numbers of ONNX's TensorProto.DataType ---------------------------------------------------- */

typedef enum sard_dtype {
    SARD_UNDEFINED = 0,
    SARD_F32 = 1,
    SARD_U8 = 2,
    SARD_I8 = 3,
    SARD_U16 = 4,
    SARD_I16 = 5,
    SARD_I32 = 6,
    SARD_I64 = 7,
    SARD_STRING = 8,
    SARD_BOOL = 9,
    SARD_F16 = 10,
    SARD_F64 = 11,
    SARD_U32 = 12,
    SARD_U64 = 13,
    SARD_C64 = 14,
    SARD_C128 = 15,
    SARD_BF16 = 16,
    SARD_F8E4M3FN = 17,
    SARD_F8E4M3FNUZ = 18,
    SARD_F8E5M2 = 19,
    SARD_F8E5M2FNUZ = 20,
    SARD_U4 = 21,
    SARD_I4 = 22,
    SARD_F4E2M1 = 23,
    SARD_F8E8M0 = 24,
    SARD_U2 = 25,
    SARD_I2 = 26,
    SARD_F6E2M3 = 27,
    SARD_F6E3M2 = 28,
    SARD_DTYPE_COUNT
} sard_dtype;

/* "float32", "int4" ...; and the spelling of ONNX types, "float", "int4", as in tensor(float). Never NULL. */
SARD_API const char *sard_dtype_name(sard_dtype t);
SARD_API const char *sard_dtype_onnx_name(sard_dtype t);
SARD_API int sard_dtype_bits(sard_dtype t); /* bits per element in memory; 0 for strings and unknown types */

/* Replaces malloc for the whole process; call before anything else of this library. */
SARD_API sard_status sard_set_allocator(const sard_allocator *a, sard_error *err);

/* A model's file that is cut short while it is mapped ends the process (SIGBUS). With this guard, a handler of SIGBUS for
 * the whole process, a run or load that met the hole returns SARD_IO instead; faults elsewhere go to the handler found. A
 * program that owns its process (a tool, a server) calls it once; option weights=read does without. */
SARD_API sard_status sard_guard_files(sard_error *err);

SARD_API const char *sard_version(void); /* "0.1.0" */
SARD_API int sard_onnx_opset(void);      /* newest opset of the default domain */
SARD_API int sard_onnx_ir_version(void); /* newest IR version */

/* ---- types of values ---------------------------------------------------------------------------------------------- */

typedef enum sard_kind {
    SARD_KIND_UNKNOWN = 0,
    SARD_KIND_TENSOR,
    SARD_KIND_SPARSE_TENSOR,
    SARD_KIND_SEQUENCE,
    SARD_KIND_MAP,
    SARD_KIND_OPTIONAL
} sard_kind;

/* The type of an input or output. Owned by what it was asked of; valid as long as that lives. */
typedef struct sard_type sard_type;
SARD_API sard_kind sard_type_kind(const sard_type *t);
SARD_API sard_dtype sard_type_dtype(const sard_type *t);      /* tensor: element type; map: key type; else UNDEFINED */
SARD_API int sard_type_rank(const sard_type *t);              /* tensor: -1 when unknown */
SARD_API int64_t sard_type_dim(const sard_type *t, int axis); /* -1: symbolic or unknown */
SARD_API const char *sard_type_dim_name(const sard_type *t, int axis);       /* "" when it has no name */
SARD_API const char *sard_type_dim_denotation(const sard_type *t, int axis); /* "" when none */
SARD_API const sard_type *sard_type_elem(const sard_type *t); /* sequence/optional: element; map: value; else NULL */
/* "tensor(float)", "seq(map(int64,tensor(float)))" as ONNX spells it, into buf; returns the length it needs. */
SARD_API size_t sard_type_text(const sard_type *t, char *buf, size_t n);

/* ---- values ------------------------------------------------------------------------------------------------------- */

/* A tensor, sequence, map, optional or sparse tensor. Refcounted; reading one from several threads is safe. A value
 * that went into a run or a container must not be written afterwards. */
typedef struct sard_value sard_value;
typedef void (*sard_release_fn)(void *owner, void *data, size_t bytes);

SARD_API sard_value *sard_value_ref(sard_value *v);
SARD_API void sard_value_unref(sard_value *v); /* NULL is allowed */

/* A zeroed tensor with memory of its own. dims may be NULL for rank 0. Not for strings. */
SARD_API SARD_MUST_CHECK sard_status sard_tensor_new(sard_dtype t, int rank, const int64_t *dims, sard_value **out,
                                                     sard_error *err);
/* A tensor over the caller's memory (row-major, any alignment): `bytes` must be what the shape needs. Sub-byte elements
 * are packed as in ONNX, first element in the low bits. `release` (may be NULL: the caller keeps the memory alive) is
 * called once, on any thread, when the last reference goes. */
SARD_API SARD_MUST_CHECK sard_status sard_tensor_wrap(sard_dtype t, int rank, const int64_t *dims, void *data,
                                                      size_t bytes, sard_release_fn release, void *owner,
                                                      sard_value **out, sard_error *err);
/* A string tensor, copied. lens may be NULL: the strings are NUL-terminated. Strings are bytes, UTF-8 by convention. */
SARD_API SARD_MUST_CHECK sard_status sard_tensor_strings(int rank, const int64_t *dims, const char *const *strings,
                                                         const size_t *lens, sard_value **out, sard_error *err);
/* Reading. Functions of one kind answer 0, NULL or an empty result for values of another. */
SARD_API sard_kind sard_value_kind(const sard_value *v);
SARD_API sard_dtype sard_tensor_dtype(const sard_value *v);
SARD_API int sard_tensor_rank(const sard_value *v);
SARD_API const int64_t *sard_tensor_dims(const sard_value *v);
SARD_API int64_t sard_tensor_count(const sard_value *v);    /* elements */
SARD_API size_t sard_tensor_bytes(const sard_value *v);     /* of the data; 0 for strings */
SARD_API const void *sard_tensor_data(const sard_value *v); /* row-major; NULL for strings */
SARD_API void *sard_tensor_data_mut(sard_value *v);
SARD_API const char *sard_tensor_string(const sard_value *v, int64_t index, size_t *len); /* not NUL-terminated */

/* Containers take their own references of what is put in. */
SARD_API SARD_MUST_CHECK sard_status sard_sequence_new(sard_value *const *items, size_t n, sard_value **out,
                                                       sard_error *err);
/* An empty sequence needs its element type: tensors of `t`. */
SARD_API SARD_MUST_CHECK sard_status sard_sequence_empty(sard_dtype t, sard_value **out, sard_error *err);
SARD_API size_t sard_sequence_length(const sard_value *v);
SARD_API sard_value *sard_sequence_item(const sard_value *v, size_t i); /* borrowed */
/* keys: a rank-1 tensor of integers or strings; values: a rank-1 tensor or a sequence of the same length. */
SARD_API SARD_MUST_CHECK sard_status sard_map_new(sard_value *keys, sard_value *values, sard_value **out,
                                                  sard_error *err);
SARD_API sard_value *sard_map_keys(const sard_value *v);   /* borrowed */
SARD_API sard_value *sard_map_values(const sard_value *v); /* borrowed */
/* item NULL: an optional with nothing in it, of tensors of `t`. */
SARD_API SARD_MUST_CHECK sard_status sard_optional_new(sard_value *item, sard_dtype t, sard_value **out,
                                                       sard_error *err);
SARD_API sard_value *sard_optional_get(const sard_value *v); /* borrowed; NULL when empty */
/* COO: values [nnz], indices int64 [nnz] (linear) or [nnz, rank]. */
SARD_API SARD_MUST_CHECK sard_status sard_sparse_new(int rank, const int64_t *dims, sard_value *values,
                                                     sard_value *indices, sard_value **out, sard_error *err);
SARD_API sard_value *sard_sparse_values(const sard_value *v);  /* borrowed */
SARD_API sard_value *sard_sparse_indices(const sard_value *v); /* borrowed */
SARD_API const int64_t *sard_sparse_dims(const sard_value *v, int *rank);
/* A TensorProto, SequenceProto, MapProto or OptionalProto, as kind says (a ".pb" test file). */
SARD_API SARD_MUST_CHECK sard_status sard_value_parse(sard_kind kind, const void *data, size_t n, sard_value **out,
                                                      sard_error *err);
/* The protobuf bytes of a value, freed with sard_free. name (may be NULL) is stored with it. */
SARD_API SARD_MUST_CHECK sard_status sard_value_serialize(const sard_value *v, const char *name, void **data, size_t *n,
                                                          sard_error *err);
/* Gives back text and bytes that this library handed out; NULL is allowed. */
SARD_API void sard_free(void *p);

/* ---- thread pools ------------------------------------------------------------------------------------------------- */

/* Threads that any number of models share. Without one, a model uses the process's default pool, which is made with the
 * first model and ends with the last. */
typedef struct sard_pool sard_pool;
/* threads: how many take part in a run, the caller's included; 0: what affinity and the container's quota allow. */
SARD_API SARD_MUST_CHECK sard_status sard_pool_new(int threads, sard_pool **out, sard_error *err);
/* Where a pool's workers come from when its user makes them. `create` makes a thread that calls fn(arg) once and returns
 * a handle of the user's, or NULL; it is called threads - 1 times before sard_pool_new_with returns. `join` waits for
 * the end of one thread: once for each, when the last user of the pool has gone. */
typedef struct sard_pool_options {
    size_t size; /* sizeof(sard_pool_options) */
    int threads; /* as above */
    int spin_us; /* how long a worker waits awake inside a run; < 0: the default */
    void *user;
    void *(*create)(void *user, void (*fn)(void *arg), void *arg); /* NULL, with join: threads of sard's own */
    void (*join)(void *user, void *thread);
} sard_pool_options;
SARD_API SARD_MUST_CHECK sard_status sard_pool_new_with(const sard_pool_options *o, sard_pool **out, sard_error *err);
SARD_API void sard_pool_unref(sard_pool *p);
SARD_API int sard_pool_threads(const sard_pool *p);

/* ---- load options ------------------------------------------------------------------------------------------------- */

typedef enum sard_log_level { SARD_LOG_VERBOSE, SARD_LOG_INFO, SARD_LOG_WARNING, SARD_LOG_ERROR } sard_log_level;
typedef void (*sard_log_fn)(void *user, sard_log_level level, const char *message);
/* One problem of a model: status and where ("node 'x' (Conv): ..."). Called during load, on the loading thread. */
typedef void (*sard_problem_fn)(void *user, sard_status status, const char *where, const char *message);

/* What a load is told. May be used for several loads, and freed after any of them. */
typedef struct sard_options sard_options;
SARD_API SARD_MUST_CHECK sard_status sard_options_new(sard_options **out, sard_error *err);
SARD_API void sard_options_free(sard_options *o);
/*
 * key              value                   default
 * optimize         none|basic|extended|all all      what ONNX Runtime's levels mean
 * threads          0..1024                 0        own pool of that size; 0: the process's default pool
 * spin_us          0..1000000              50       how long a worker waits awake inside a run
 * weights          map|read                map      map: read in place from the file; read: copied at load
 * denormals        keep|flush              keep     flush: speed for recurrent tails, other bits
 * memory_limit     bytes, or 1GiB ...      0        of one run (0: none); a run option overrides it
 * load_limit       bytes                   0        of what loading may allocate (0: none)
 * load_timeout     seconds                 0        SARD_DEADLINE when not loaded by then (0: none)
 * stop_after       number                  none     stop optimising after so many rewrites (to bisect)
 * dim.NAME         number                  none     fixes the symbolic dimension NAME
 * dim_denotation.D number                  none     fixes dimensions of inputs whose denotation is D
 * unknown_dims     error|ignore            error    when the model has no dimension NAME
 * unknown_initializers  error|ignore       error    when the model has no initializer that is replaced
 * An unknown key or malformed value is SARD_INVALID_ARGUMENT and names the nearest key.
 */
SARD_API SARD_MUST_CHECK sard_status sard_options_set(sard_options *o, const char *key, const char *value,
                                                      sard_error *err);
/* Runs use this pool; NULL takes a former choice back. */
SARD_API SARD_MUST_CHECK sard_status sard_options_pool(sard_options *o, sard_pool *pool, sard_error *err);
/* The memory of runs (intermediate values, what operators need besides, tensors that are returned) comes from this
 * allocator instead of the process's; NULL takes a former choice back. It outlives the model and every value of its runs,
 * and is called from any thread. What is not of a run, as the weights, stays with the process's. */
SARD_API SARD_MUST_CHECK sard_status sard_options_allocator(sard_options *o, const sard_allocator *a, sard_error *err);
/* Messages of at least this level, on the loading thread. */
SARD_API void sard_options_log(sard_options *o, sard_log_level least, sard_log_fn fn, void *user);
/* A load ends with SARD_CANCELLED soon after any thread sets *flag to something but 0; NULL takes it back. */
SARD_API void sard_options_cancel(sard_options *o, volatile int *flag);
/* Every problem of a model, not only the first, which is what the error object tells. */
SARD_API void sard_options_problems(sard_options *o, sard_problem_fn fn, void *user);
/* Replaces the initializer `name` (bound before anything is folded). Same dtype and shape. */
SARD_API SARD_MUST_CHECK sard_status sard_options_initializer(sard_options *o, const char *name, sard_value *v,
                                                              sard_error *err);
/* For models from memory: where their external data lies; either a folder ... */
SARD_API SARD_MUST_CHECK sard_status sard_options_external_folder(sard_options *o, const char *path, sard_error *err);
/* ... or bytes by file name (kept alive by the caller as long as the model). */
SARD_API SARD_MUST_CHECK sard_status sard_options_external_data(sard_options *o, const char *file_name,
                                                                const void *data, size_t n, sard_error *err);
/* Operators from outside (see below); several libraries may be given, the first that has an operator is asked. */
typedef struct sard_op_library sard_op_library;
SARD_API SARD_MUST_CHECK sard_status sard_options_operators(sard_options *o, sard_op_library *lib, sard_error *err);
/* What the optimiser did: one line per rewrite, or why one was not done. */
SARD_API void sard_options_explain(sard_options *o, void (*fn)(void *user, const char *line), void *user);

/* ---- models ------------------------------------------------------------------------------------------------------- */

/* A compiled model never changes; any number of threads may run it at once. Refcounted. */
typedef struct sard_model sard_model;
/* options may be NULL. The file stays mapped as long as the model lives. */
SARD_API SARD_MUST_CHECK sard_status sard_model_load(const char *path, const sard_options *options, sard_model **out,
                                                     sard_error *err);
/* The bytes are copied unless `borrow` is non-zero: then the caller keeps them alive as long as the model. */
SARD_API SARD_MUST_CHECK sard_status sard_model_load_memory(const void *data, size_t n, int borrow,
                                                            const sard_options *options, sard_model **out,
                                                            sard_error *err);
/* Reports every problem to the options' callback; compiles nothing. SARD_OK when there is none. */
SARD_API SARD_MUST_CHECK sard_status sard_model_check(const char *path, const sard_options *options, sard_error *err);
SARD_API sard_model *sard_model_ref(sard_model *m);
SARD_API void sard_model_unref(sard_model *m);

/* Inputs exclude initializers; those that are also inputs (IR 4 on) are the overridable ones. */
SARD_API size_t sard_model_inputs(const sard_model *m);
SARD_API const char *sard_model_input_name(const sard_model *m, size_t i);
SARD_API const sard_type *sard_model_input_type(const sard_model *m, size_t i);
SARD_API size_t sard_model_outputs(const sard_model *m);
SARD_API const char *sard_model_output_name(const sard_model *m, size_t i);
SARD_API const sard_type *sard_model_output_type(const sard_model *m, size_t i);
SARD_API size_t sard_model_overridables(const sard_model *m);
SARD_API const char *sard_model_overridable_name(const sard_model *m, size_t i);
SARD_API const sard_type *sard_model_overridable_type(const sard_model *m, size_t i);
/* Type of any value of the main graph, by its name in the file; NULL when there is none of that name. */
SARD_API const sard_type *sard_model_value_type(const sard_model *m, const char *name);

/* field: "producer_name", "producer_version", "domain", "doc_string", "graph_name", "graph_doc_string"; "" if absent */
SARD_API const char *sard_model_text(const sard_model *m, const char *field);
SARD_API int64_t sard_model_version(const sard_model *m); /* the file's model_version */
SARD_API int64_t sard_model_ir_version(const sard_model *m);
SARD_API size_t sard_model_metadata(const sard_model *m); /* custom key-value pairs */
SARD_API const char *sard_model_metadata_key(const sard_model *m, size_t i);
SARD_API const char *sard_model_metadata_value(const sard_model *m, size_t i);
SARD_API size_t sard_model_opsets(const sard_model *m); /* as imported by the file */
SARD_API const char *sard_model_opset_domain(const sard_model *m, size_t i);
SARD_API int64_t sard_model_opset_version(const sard_model *m, size_t i);

typedef struct sard_model_stats {
    uint64_t parameters;   /* elements of all initializers */
    uint64_t weight_bytes; /* of all initializers */
    uint64_t packed_bytes; /* held besides the mapped file: packed weights and folded constants */
    uint64_t nodes;        /* of the file, bodies included */
    uint64_t steps;        /* of the compiled model, bodies included */
} sard_model_stats;
/* Sizes of a model as it lies in memory. */
SARD_API void sard_model_get_stats(const sard_model *m, sard_model_stats *out);

/* JSON of everything `sard inspect` prints: nodes, operators, shapes, FLOPs and bytes per node for the shapes given
 * ("x=1x3x224x224,y=8" or NULL). stage 0: the model as imported, 1: as compiled. Freed with sard_free. */
SARD_API SARD_MUST_CHECK sard_status sard_model_describe(const sard_model *m, const char *shapes, int stage,
                                                         char **json, sard_error *err);
/* Text form of the graph, for people. Freed with sard_free. */
SARD_API SARD_MUST_CHECK sard_status sard_model_dump(const sard_model *m, int stage, char **text, sard_error *err);

/* The nodes of the main graph in an order in which they can run, stage as above; groups of the optimiser are told as the
 * nodes they hold. name: as in the file, behind the function's that it was part of; "" when it has none; several nodes have
 * one where one of the file became several. domain: "" for ONNX's own. The texts live as long as the call of fn. */
SARD_API SARD_MUST_CHECK sard_status sard_model_nodes(const sard_model *m, int stage,
                                                      void (*fn)(void *user, const char *name, const char *domain,
                                                                 const char *op),
                                                      void *user, sard_error *err);

/* Writes the model as ONNX: stage 0 as imported (opset raised), 1 optimised. With external != NULL, big tensors go to
 * that file name beside `path`. */
SARD_API SARD_MUST_CHECK sard_status sard_model_write(const sard_model *m, int stage, const char *path,
                                                      const char *external, sard_error *err);
/* The same, with the tensors of at least min_bytes in `external` (sard_model_write: of 1024). */
SARD_API SARD_MUST_CHECK sard_status sard_model_write_split(const sard_model *m, int stage, const char *path,
                                                            const char *external, size_t min_bytes, sard_error *err);
/* The same as bytes, freed with sard_free. */
SARD_API SARD_MUST_CHECK sard_status sard_model_serialize(const sard_model *m, int stage, void **data, size_t *n,
                                                          sard_error *err);
/* Where a tensor's bytes lie outside of a model: the file's path as the model tells it, relative to the model's folder. */
typedef struct sard_place {
    const char *file;
    uint64_t offset, bytes;
} sard_place;
/* Asked for every constant of a model that is written, those of bodies too. from: where the model that was loaded has these
 * bytes, NULL when they are in it or were computed. to->file is NULL on entry; left so, the tensor goes into the model. Set,
 * the model refers to that place: the function has put the tensor's bytes (row-major, as sard_tensor_data has them) there.
 * The text must live until the next call or the end. value is borrowed for the call. On failure writes to err or not. */
typedef sard_status (*sard_place_fn)(void *user, const char *name, sard_value *value, const sard_place *from,
                                     sard_place *to, sard_error *err);
SARD_API SARD_MUST_CHECK sard_status sard_model_write_placed(const sard_model *m, int stage, const char *path,
                                                             sard_place_fn place, void *user, sard_error *err);
/* The same as bytes, freed with sard_free. */
SARD_API SARD_MUST_CHECK sard_status sard_model_serialize_placed(const sard_model *m, int stage, sard_place_fn place,
                                                                 void *user, void **data, size_t *n, sard_error *err);

/* ---- runs --------------------------------------------------------------------------------------------------------- */

typedef struct sard_profile sard_profile; /* collects per-step times of any number of runs */
SARD_API SARD_MUST_CHECK sard_status sard_profile_new(sard_profile **out, sard_error *err);
SARD_API void sard_profile_free(sard_profile *p);
/* Chrome trace JSON; freed with sard_free. */
SARD_API SARD_MUST_CHECK sard_status sard_profile_json(const sard_profile *p, char **json, sard_error *err);

/* Zero-initialise; every field is optional. */
typedef struct sard_run_options {
    double timeout_s;      /* > 0: SARD_DEADLINE when not done by then; looked at inside long kernels too */
    volatile int *cancel;  /* non-NULL: the run ends with SARD_CANCELLED soon after any thread sets it */
    uint64_t memory_limit; /* bytes of intermediate values and outputs; 0: the model's */
    sard_profile *profile;
    sard_pool *pool; /* instead of the model's */
} sard_run_options;

/*
 * Runs the model. input_names/inputs: n_in pairs; every input without default must be there, none twice. output_names:
 * any values of the main graph (an intermediate one, too); NULL: all outputs, n_out must equal their number.
 * outputs[i] on entry: NULL (a new value is returned, the caller unrefs it) or a tensor of the caller's whose dtype and
 * shape must be the result's: it is filled. On failure no outputs[i] that was NULL is set. options may be NULL.
 */
SARD_API SARD_MUST_CHECK sard_status sard_run(sard_model *m, const sard_run_options *options,
                                              const char *const *input_names, sard_value *const *inputs, size_t n_in,
                                              const char *const *output_names, sard_value **outputs, size_t n_out,
                                              sard_error *err);

typedef struct sard_estimate {
    uint64_t flops;       /* multiply and add count as two */
    uint64_t arena_bytes; /* intermediate values */
    uint64_t output_bytes;
    int exact; /* 0: some shapes depend on data and are not counted */
} sard_estimate;
/* What a run with inputs of these shapes would take; inputs' data is used only where it is a small integer tensor that
 * decides shapes. */
SARD_API SARD_MUST_CHECK sard_status sard_model_estimate(sard_model *m, const char *const *input_names,
                                                         sard_value *const *inputs, size_t n_in, sard_estimate *out,
                                                         sard_error *err);

/* ---- building a model node by node -------------------------------------------------------------------------------- */

/* Not thread-safe. Names are copied, tensors are kept by reference. The first failure is kept: every later call returns
 * it too, so only the last one need be looked at. A model may be built several times, and the builder freed after. */
typedef struct sard_builder sard_builder;
SARD_API SARD_MUST_CHECK sard_status sard_builder_new(const char *graph_name, sard_builder **out, sard_error *err);
SARD_API void sard_builder_free(sard_builder *b);
/* Which version of a domain's operators the nodes mean; "" (the default domain) is the newest one unless told. */
SARD_API sard_status sard_builder_opset(sard_builder *b, const char *domain, int64_t version, sard_error *err);
/* dims: -1 unknown; dim_names[i] (may be NULL) a symbolic name. rank -1: unknown. */
SARD_API sard_status sard_builder_input(sard_builder *b, const char *name, sard_dtype t, int rank, const int64_t *dims,
                                        const char *const *dim_names, sard_error *err);
/* A constant; with an input of the same name, that input's default. The tensor must not be written afterwards. */
SARD_API sard_status sard_builder_initializer(sard_builder *b, const char *name, sard_value *tensor, sard_error *err);
/* Begins a node; the attribute calls that follow belong to it. An empty name leaves an optional input or output out. */
SARD_API sard_status sard_builder_node(sard_builder *b, const char *domain, const char *op, const char *name,
                                       const char *const *inputs, size_t n_in, const char *const *outputs, size_t n_out,
                                       sard_error *err);
SARD_API sard_status sard_builder_attr_int(sard_builder *b, const char *name, int64_t v, sard_error *err);
SARD_API sard_status sard_builder_attr_float(sard_builder *b, const char *name, float v, sard_error *err);
SARD_API sard_status sard_builder_attr_string(sard_builder *b, const char *name, const char *v, size_t n,
                                              sard_error *err);
SARD_API sard_status sard_builder_attr_ints(sard_builder *b, const char *name, const int64_t *v, size_t n,
                                            sard_error *err);
SARD_API sard_status sard_builder_attr_floats(sard_builder *b, const char *name, const float *v, size_t n,
                                              sard_error *err);
SARD_API sard_status sard_builder_attr_strings(sard_builder *b, const char *name, const char *const *v, size_t n,
                                               sard_error *err);
SARD_API sard_status sard_builder_attr_tensor(sard_builder *b, const char *name, sard_value *v, sard_error *err);
/* A body: a builder of its own, taken over (freed) by b. */
SARD_API sard_status sard_builder_attr_graph(sard_builder *b, const char *name, sard_builder *body, sard_error *err);
SARD_API sard_status sard_builder_output(sard_builder *b, const char *name, sard_dtype t, int rank, const int64_t *dims,
                                         const char *const *dim_names, sard_error *err); /* t UNDEFINED: inferred */
/* Types beyond dense tensors, for the two functions below; they live as long as the builder. NULL: the argument was bad
 * or memory ran out, which the next call that returns a status tells. kind TENSOR or SPARSE_TENSOR. */
SARD_API const sard_type *sard_builder_tensor_type(sard_builder *b, sard_kind kind, sard_dtype t, int rank,
                                                   const int64_t *dims, const char *const *dim_names);
/* kind SEQUENCE or OPTIONAL: of elem (key is not looked at); MAP: from key to elem. */
SARD_API const sard_type *sard_builder_type_of(sard_builder *b, sard_kind kind, sard_dtype key, const sard_type *elem);
/* Any type: one of the builder's or of any model. It is copied. */
SARD_API sard_status sard_builder_input_typed(sard_builder *b, const char *name, const sard_type *t, sard_error *err);
SARD_API sard_status sard_builder_output_typed(sard_builder *b, const char *name, const sard_type *t, sard_error *err);
/* Forgets the inputs or outputs given so far. */
SARD_API sard_status sard_builder_clear_inputs(sard_builder *b, sard_error *err);
SARD_API sard_status sard_builder_clear_outputs(sard_builder *b, sard_error *err);
/* A builder that begins with all that the model's file holds: nodes may be added (before or behind the others: order
 * does not matter), inputs and outputs replaced. The builder and what is built keep the model alive. SARD_UNSUPPORTED
 * for a model loaded with weights=read, which does not keep its file. */
SARD_API SARD_MUST_CHECK sard_status sard_builder_extend(sard_model *m, sard_builder **out, sard_error *err);
/* A custom key-value pair of the model. */
SARD_API sard_status sard_builder_metadata(sard_builder *b, const char *key, const char *value, sard_error *err);
/* The model as if it had been loaded from a file with these options (may be NULL). */
SARD_API SARD_MUST_CHECK sard_status sard_builder_build(sard_builder *b, const sard_options *options, sard_model **out,
                                                        sard_error *err);

/* ---- operators from outside --------------------------------------------------------------------------------------- */

typedef enum sard_attr_kind {                     /* the numbers of ONNX's AttributeProto.AttributeType */
                              SARD_ATTR_NONE = 0, /* there is no such attribute */
                              SARD_ATTR_FLOAT = 1,
                              SARD_ATTR_INT = 2,
                              SARD_ATTR_STRING = 3,
                              SARD_ATTR_TENSOR = 4,
                              SARD_ATTR_GRAPH = 5,
                              SARD_ATTR_FLOATS = 6,
                              SARD_ATTR_INTS = 7,
                              SARD_ATTR_STRINGS = 8,
                              SARD_ATTR_TENSORS = 9,
                              SARD_ATTR_GRAPHS = 10,
                              SARD_ATTR_SPARSE_TENSOR = 11,
                              SARD_ATTR_TYPE = 13
} sard_attr_kind;

typedef struct sard_node_info sard_node_info; /* a node while its types are inferred or its kernel is made */
SARD_API const char *sard_node_name(const sard_node_info *n);
SARD_API int64_t sard_node_opset(const sard_node_info *n); /* the version of its domain that the model imports */
SARD_API size_t sard_node_inputs(const sard_node_info *n); /* absent optional ones counted */
SARD_API size_t sard_node_outputs(const sard_node_info *n);
/* NULL for an input or output that is left out; "" for one that the compiler made. */
SARD_API const char *sard_node_input_name(const sard_node_info *n, size_t i);
SARD_API const char *sard_node_output_name(const sard_node_info *n, size_t i);
SARD_API const sard_type *sard_node_input_type(const sard_node_info *n, size_t i); /* NULL when absent */
/* As inferred: only while the kernel is made, NULL else and when the output is left out. */
SARD_API const sard_type *sard_node_output_type(const sard_node_info *n, size_t i);
/* The input's value when it is a constant tensor (borrowed, valid as long as the model); NULL else. */
SARD_API sard_value *sard_node_input_constant(const sard_node_info *n, size_t i);
/* Attributes by place, then by name: INVALID_ARGUMENT when there is none of that name and kind. */
SARD_API size_t sard_node_attrs(const sard_node_info *n);
SARD_API const char *sard_node_attr_name(const sard_node_info *n, size_t i); /* NULL beyond the end */
SARD_API sard_attr_kind sard_node_attr_kind(const sard_node_info *n, const char *name);
SARD_API sard_status sard_node_attr_int(const sard_node_info *n, const char *name, int64_t *v);
SARD_API sard_status sard_node_attr_float(const sard_node_info *n, const char *name, float *v);
SARD_API sard_status sard_node_attr_string(const sard_node_info *n, const char *name, const char **v, size_t *len);
SARD_API sard_status sard_node_attr_ints(const sard_node_info *n, const char *name, const int64_t **v, size_t *len);
SARD_API sard_status sard_node_attr_floats(const sard_node_info *n, const char *name, const float **v, size_t *len);
SARD_API sard_status sard_node_attr_strings(const sard_node_info *n, const char *name, size_t *count);
SARD_API sard_status sard_node_attr_strings_at(const sard_node_info *n, const char *name, size_t i, const char **v,
                                               size_t *len);
SARD_API sard_status sard_node_attr_tensor(const sard_node_info *n, const char *name, sard_value **borrowed);

typedef struct sard_op_ctx sard_op_ctx; /* one execution of a node; nothing of it may be kept beyond the call */
SARD_API sard_value *sard_op_input(sard_op_ctx *c, size_t i); /* borrowed; NULL when absent */
/* A tensor for output i, to be filled before the kernel returns; borrowed. NULL in *out when output i is not wanted. */
SARD_API SARD_MUST_CHECK sard_status sard_op_output(sard_op_ctx *c, size_t i, sard_dtype t, int rank,
                                                    const int64_t *dims, sard_value **out, sard_error *err);
/* The tensor that the run's caller gave to be filled with output i, now that output; borrowed. NULL when none was given. */
SARD_API SARD_MUST_CHECK sard_status sard_op_given(sard_op_ctx *c, size_t i, sard_value **out, sard_error *err);
/* Any finished value as output i: takes over the reference. */
SARD_API SARD_MUST_CHECK sard_status sard_op_give(sard_op_ctx *c, size_t i, sard_value *v, sard_error *err);
/* Memory, aligned to 64 bytes, until the kernel returns; only on the thread that called run. */
SARD_API SARD_MUST_CHECK sard_status sard_op_scratch(sard_op_ctx *c, size_t bytes, void **out, sard_error *err);
/* Works on [0, n) in pieces of `grain` indices on the run's threads, the caller's among them; ends early when the run is
 * cancelled or a piece fails (the lowest one's error wins). */
SARD_API SARD_MUST_CHECK sard_status sard_op_parallel(sard_op_ctx *c, int64_t n, int64_t grain,
                                                      sard_status (*fn)(void *arg, int64_t from, int64_t to,
                                                                        sard_error *err),
                                                      void *arg, sard_error *err);
SARD_API sard_pool *sard_op_pool(sard_op_ctx *c); /* the run's, borrowed: for a model run inside a kernel */

/* Zero-initialise, fill in and register; the struct is copied, strings and tables must live as long as the library.
 * Operators may have any attributes. Callbacks run on any thread, several at once. On failure they write to err (which
 * may be NULL) what sard_error tells, or leave it as it is. */
typedef struct sard_op_desc {
    size_t size; /* sizeof(sard_op_desc) */
    const char *domain, *name;
    int since;             /* first opset version of the domain it serves; usually 1 */
    size_t min_in, max_in; /* max SIZE_MAX: variadic */
    size_t min_out, max_out;
    void *user;
    /* May be NULL: output types unknown before the run. Sets dtype and dims (-1 unknown) of output i via set. */
    sard_status (*infer)(void *user, const sard_node_info *n,
                         sard_status (*set)(void *arg, size_t i, sard_dtype t, int rank, const int64_t *dims),
                         void *arg, sard_error *err);
    sard_status (*create)(void *user, const sard_node_info *n, void **state, sard_error *err); /* may be NULL */
    sard_status (*run)(void *user, void *state, sard_op_ctx *c, sard_error *err);
    void (*destroy)(void *user, void *state); /* may be NULL */
    /* Non-zero: what infer says of dimensions is a hint for those who read the model's types; the run takes what comes.
     * infer is then called only while a model is loaded. Zero: outputs must be as inferred. */
    int loose_shapes;
} sard_op_desc;

SARD_API SARD_MUST_CHECK sard_status sard_op_library_new(sard_op_library **out, sard_error *err);
SARD_API SARD_MUST_CHECK sard_status sard_op_library_add(sard_op_library *lib, const sard_op_desc *desc,
                                                         sard_error *err);
SARD_API void sard_op_library_unref(sard_op_library *lib); /* models loaded with it keep their own reference */
/* `release` is called once, when the last reference goes and no kernel is left: for what the operators' `user` point at. */
SARD_API void sard_op_library_owner(sard_op_library *lib, void (*release)(void *owner), void *owner);

/* ---- what this build offers --------------------------------------------------------------------------------------- */

typedef struct sard_op_info {
    const char *domain, *name, *doc;
    const int16_t *since; /* versions known, oldest first, 0-terminated */
    const char *kind;     /* "primitive", "composed", "control", "pointwise" */
} sard_op_info;
/* The operators built in, in no particular order. */
SARD_API size_t sard_op_count(void);
SARD_API void sard_op_get(size_t i, sard_op_info *out);
typedef struct sard_kernel_info {
    const char *family, *name, *isa;
    int chosen; /* this process would use it */
} sard_kernel_info;
/* The kernels built in; per family the best first. */
SARD_API size_t sard_kernel_count(void);
SARD_API void sard_kernel_get(size_t i, sard_kernel_info *out);

#ifdef __cplusplus
}
#endif
#endif
