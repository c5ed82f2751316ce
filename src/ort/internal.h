/*
 * internal.h -- what the files of the C ABI share: the structs behind its opaque pointers, and how errors are made.
 *
 * Every object wraps one of the public API's and adds what the ABI promises beyond it. Who makes an object frees it
 * with the Release function of its type; each of these takes NULL.
 */
#ifndef SARD_ORT_INTERNAL_H
#define SARD_ORT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "ort/tables.h"
#include "sard/sard.h"

#define ORT_EXPORT __attribute__((visibility("default")))
ORT_EXPORT const OrtApiBase *OrtGetApiBase(void);

/* ---- status ------------------------------------------------------------------------------------------------------- */

/* A status is an error: success is NULL. Freed by whoever it was returned to. */
OrtStatus *ort_fail(OrtErrorCode code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), cold, returns_nonnull));
/* The status for a failed call of the public API; load tells whether a model was being loaded. */
OrtStatus *ort_from_error(sard_status st, const sard_error *err, bool load) __attribute__((cold, returns_nonnull));
OrtStatus *ort_no_memory(size_t bytes) __attribute__((cold, returns_nonnull));
/* For entries that are not offered: NOT_IMPLEMENTED, and why. */
OrtStatus *ort_not_offered(const char *entry) __attribute__((cold, returns_nonnull));

/* Returns a status from the function unless the pointer is there. */
#define NOT_NULL(p)                                                                                                    \
    if (!(p)) return ort_fail(ORT_INVALID_ARGUMENT, "%s: the argument " #p " is NULL", __func__ + 4)
#define REQUIRE(condition, code, ...)                                                                                  \
    if (!(condition)) return ort_fail(code, __VA_ARGS__)
#define TRY_ORT(call)                                                                                                  \
    do {                                                                                                               \
        OrtStatus *try_status = (call);                                                                                \
        if (try_status) return try_status;                                                                             \
    } while (0)

/* ---- lists of texts ----------------------------------------------------------------------------------------------- */

struct OrtKeyValuePairs { /* sorted by nothing: in the order they were added */
    char **keys, **values;
    size_t n, cap;
};
void ort_pairs_deinit(OrtKeyValuePairs *p);
/* Adds or replaces; false when out of memory. */
bool ort_pairs_set(OrtKeyValuePairs *p, const char *key, const char *value);
const char *ort_pairs_get(const OrtKeyValuePairs *p, const char *key); /* NULL when there is none */
bool ort_pairs_copy(OrtKeyValuePairs *to, const OrtKeyValuePairs *from);
/* A copy of a text that the client frees through `allocator`. */
OrtStatus *ort_text_out(OrtAllocator *allocator, const char *text, char **out);
/* Room for one more of n things of `size` bytes in a growing array; false when out of memory. */
bool ort_grow(void *array, size_t n, size_t *cap, size_t size);

/* ---- environment and logging -------------------------------------------------------------------------------------- */

struct OrtLogger {
    OrtLoggingFunction fn; /* NULL: lines on stderr */
    void *param;
    OrtLoggingLevel least;
    char *id;
};
void ort_log(const OrtLogger *logger, OrtLoggingLevel level, const char *place, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* What the public API calls while loading: user is the OrtLogger. */
void ort_log_from_load(void *user, sard_log_level level, const char *message);

struct OrtThreadingOptions {
    int intra, inter, spin; /* -1: not set; spin 0: workers sleep at once */
    bool flush_denormals;
    OrtCustomCreateThreadFn create;
    void *create_options;
    OrtCustomJoinThreadFn join;
};

/* The process has one environment: making another one returns it, with one more reference. */
struct OrtEnv {
    unsigned refs; /* under the lock of env.c */
    OrtLogger logger;
    sard_pool *pool; /* the global one; NULL: none was asked for */
    OrtKeyValuePairs config;
};
OrtEnv *ort_env_ref(const OrtEnv *env);

/* ---- memory ------------------------------------------------------------------------------------------------------- */

struct OrtMemoryInfo {
    char name[32];
    OrtAllocatorType type;
    int id;
    OrtMemType mem_type;
    OrtMemoryInfoDeviceType device;
    OrtDeviceMemoryType device_mem;
    uint32_t vendor;
    size_t alignment;
};
extern const OrtMemoryInfo ort_cpu_memory; /* "Cpu", device allocator, default memory */
OrtAllocator *ort_default_allocator(void);

/* ---- types -------------------------------------------------------------------------------------------------------- */

struct OrtTensorTypeAndShapeInfo {
    ONNXTensorElementDataType type;
    bool has_shape;
    size_t rank;
    int64_t *dims; /* -1: not known */
    char **names;  /* "" for none; NULL: no dimension has one */
};
struct OrtTypeInfo { /* also OrtMapTypeInfo, OrtSequenceTypeInfo and OrtOptionalTypeInfo, as the kind says */
    ONNXType kind;
    OrtTensorTypeAndShapeInfo tensor; /* of tensors and sparse tensors */
    ONNXTensorElementDataType key;    /* of maps */
    OrtTypeInfo *elem;                /* of sequences, optionals; a map's value type */
    char *denotation;                 /* NULL: none */
};
ONNXTensorElementDataType ort_type_from(sard_dtype t);
sard_dtype ort_type_to(ONNXTensorElementDataType t); /* SARD_UNDEFINED when there is none */
ONNXType ort_kind_from(sard_kind k);
OrtStatus *ort_shape_info(ONNXTensorElementDataType type, int rank, const int64_t *dims,
                          OrtTensorTypeAndShapeInfo *out);
void ort_shape_info_deinit(OrtTensorTypeAndShapeInfo *s);
OrtStatus *ort_type_info_new(const sard_type *t, OrtTypeInfo **out);
OrtStatus *ort_type_info_copy(const OrtTypeInfo *t, OrtTypeInfo **out);

/* ---- values ------------------------------------------------------------------------------------------------------- */

typedef struct ort_string {
    char *p; /* NULL: empty; always ends with NUL besides */
    size_t n;
} ort_string;

/* A tensor of strings is held in one of two forms: as a sard_value that nobody may change any more, or, once a client
 * writes to it, as strings of its own, which each use turns into a sard_value again. */
struct OrtValue {
    atomic_uint shares;  /* owners besides the first: bindings, runs under way */
    sard_value *v;       /* NULL: `strings` holds the value */
    ort_string *strings; /* n_strings of them, in row-major order */
    int64_t *dims;       /* of `strings` */
    size_t n_strings;
    int rank;
    const OrtMemoryInfo *memory; /* NULL: ort_cpu_memory */
    OrtSparseFormat sparse;      /* of sparse tensors */
    void *extra;                 /* sparse.c's: what COO cannot say */
    void (*free_extra)(void *);
};
/* Takes over the reference, also on failure. */
OrtStatus *ort_value_new(sard_value *v, OrtValue **out);
/* The same value with one more owner, who gives it back with ReleaseValue. */
OrtValue *ort_value_share(const OrtValue *v);
/* Puts what `from` holds into `to`, and the other way round; owners stay. */
void ort_value_swap(OrtValue *to, OrtValue *from);
/* The value for a run: a reference to give back. */
OrtStatus *ort_value_get(const OrtValue *v, sard_value **out);
bool ort_value_is_strings(const OrtValue *v);
/* Gives a string tensor its changeable form. */
OrtStatus *ort_value_own_strings(OrtValue *v);
ONNXType ort_value_kind(const OrtValue *v);

/* ---- sessions ----------------------------------------------------------------------------------------------------- */

typedef struct ort_named_value {
    char *name;
    sard_value *v;
} ort_named_value;

typedef struct
    ort_file_bytes { /* external data given as bytes; the client keeps them alive while the session is made */
    char *name;
    const void *data;
    size_t n;
} ort_file_bytes;

typedef struct ort_library ort_library; /* of custom operators (register.c) */
ort_library *ort_library_ref(ort_library *l);
void ort_library_unref(ort_library *l);

struct OrtSessionOptions {
    GraphOptimizationLevel level;
    ExecutionMode mode;
    int intra, inter;                /* 0: as many as there are */
    int log_severity, log_verbosity; /* severity -1: the environment's */
    bool mem_pattern, cpu_arena, own_threads, profile, ort_custom_ops;
    char *log_id, *profile_prefix, *optimized_path;
    OrtLogger logger; /* fn NULL: the environment's */
    bool has_logger;
    OrtKeyValuePairs config;
    OrtKeyValuePairs free_dims;            /* name -> number */
    OrtKeyValuePairs free_dim_denotations; /* denotation -> number */
    OrtCustomOpDomain **domains;           /* each with a reference of ours */
    size_t n_domains, cap_domains;
    ort_library **libraries; /* likewise */
    size_t n_libraries, cap_libraries;
    ort_named_value *initializers;
    size_t n_initializers, cap_initializers;
    ort_file_bytes *files;
    size_t n_files, cap_files;
    OrtCustomCreateThreadFn create_thread;
    void *create_thread_options;
    OrtCustomJoinThreadFn join_thread;
    atomic_bool *cancel_load; /* SessionOptionsSetLoadCancellationFlag */
};

struct OrtSession {
    atomic_uint refs; /* one is the client's, one each of the runs under way */
    sard_model *model;
    OrtEnv *env;
    OrtLogger logger;
    char *profile_prefix;
    sard_profile *profile; /* NULL when not asked for */
    uint64_t profile_start_ns;
    sard_pool *pool;
    int intra; /* as asked for */
};
void ort_session_unref(OrtSession *s);
/* Inputs of a run (feeds.c): the ABI's checks of names, and the values as the engine takes them. `to_names` and `to` have
 * room for *n, which becomes their number; `to` holds references to give back, also after an error (from zeros). */
OrtStatus *ort_feeds_check(const sard_model *m, const char *const *names, const OrtValue *const *values, size_t n);
OrtStatus *ort_feeds_get(const sard_model *m, const char *const *names, const OrtValue *const *values, size_t *n,
                         const char **to_names, sard_value **to);
/* A session for a model already loaded, taken over also on failure. */
OrtStatus *ort_session_wrap(const OrtEnv *env, const OrtSessionOptions *options, sard_model *model, OrtSession **out);
/* A model of a file or of bytes, in ONNX or in ONNX Runtime's format (load.c). */
sard_status ort_load_file(const char *path, const sard_options *options, sard_model **out, sard_error *err);
sard_status ort_load_bytes(const void *data, size_t n, int borrow, const sard_options *options, sard_model **out,
                           sard_error *err);
/* A whole file, freed with free(); err must be there. */
sard_status ort_read_file(const char *path, void **data, size_t *n, sard_error *err);
/* What a session with these options logs to; the id is borrowed. */
OrtLogger ort_session_logger(const OrtEnv *env, const OrtSessionOptions *o);
/* The public API's options for a load; freed with sard_options_free. */
OrtStatus *ort_load_options(const OrtEnv *env, const OrtSessionOptions *o, sard_options **out);

/* Operators of the client's (custom.c): the options' domains as one library, NULL when there are none. The session's
 * logger is copied. */
OrtStatus *ort_custom_library(const OrtLogger *logger, const OrtSessionOptions *o, sard_op_library **out);
void ort_domain_ref(OrtCustomOpDomain *d);
void ort_domain_unref(OrtCustomOpDomain *d);

/* ---- attributes of nodes ------------------------------------------------------------------------------------------ */

/* Refcounted, never changed once made: nodes that take a copy take a reference. */
struct OrtOpAttr {
    atomic_uint refs;
    OrtOpAttrType type;
    char *name;
    size_t n; /* bytes of a string; elements of an array */
    union {
        int64_t i;
        float f;
        int64_t *ints;
        float *floats;
        ort_string s;
        ort_string *strings;
        sard_value *tensor;
        OrtGraph *graph;
    };
};
OrtOpAttr *ort_op_attr_ref(const OrtOpAttr *a);
void ort_op_attr_unref(OrtOpAttr *a); /* NULL is allowed */

struct OrtRunOptions {
    volatile int terminate;
    int log_severity, log_verbosity;
    char *tag;
    OrtKeyValuePairs config;
    const OrtLoraAdapter **adapters; /* each with a reference of ours */
    size_t n_adapters, cap_adapters;
    char *profile_prefix; /* NULL: no profile of this run */
};

/* A run's inputs together with the tensors of its adapters (adapter.c); everything in the lists is borrowed. */
typedef struct ort_inputs {
    const char **names;
    const OrtValue **values;
    size_t n;
} ort_inputs;
OrtStatus *ort_adapters_join(const OrtRunOptions *o, const char *const *names, const OrtValue *const *values, size_t n,
                             ort_inputs *out);
void ort_inputs_deinit(ort_inputs *in);
void ort_adapter_unref(const OrtLoraAdapter *a);

#endif
