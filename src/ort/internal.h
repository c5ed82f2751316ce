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
/* For entries that are not offered: why, with NOT_IMPLEMENTED, or FAIL for those of providers that are not there. */
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
    char *affinities; /* NULL: workers run anywhere */
};

/* A pool and what its workers are made with (threads.c). Its owner alone has a reference that lasts, so that workers
 * are joined when the owner goes. */
typedef struct ort_threads {
    sard_pool *pool; /* NULL: none of its own */
    struct ort_maker *maker;
} ort_threads;
typedef struct ort_thread_spec {
    int intra, spin_us;     /* 0: as many as there are; < 0: the default */
    const char *affinities; /* "1,2;3-4" or NULL */
    OrtCustomCreateThreadFn create;
    void *create_options;
    OrtCustomJoinThreadFn join;
} ort_thread_spec;
OrtStatus *ort_threads_init(ort_threads *t, const ort_thread_spec *spec, const OrtLogger *logger);
void ort_threads_deinit(ort_threads *t);

/* The process has one environment: making another one returns it, with one more reference. */
struct OrtEnv {
    unsigned refs; /* under the lock of env.c */
    OrtLogger logger;
    ort_threads threads; /* the global pool, if one was asked for */
    bool flush_denormals;
    struct ort_shared_allocator *allocators; /* under the lock; the newest first */
    OrtKeyValuePairs config;
};
void ort_env_lock(void);
void ort_env_unlock(void);
void ort_env_free_allocators(OrtEnv *env);
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
typedef struct ort_shared_allocator {
    struct ort_shared_allocator *next;
    OrtMemoryInfo info;
    OrtAllocator *a;    /* NULL: not shared any more */
    OrtAllocator *ours; /* freed with the environment; NULL: a client's */
} ort_shared_allocator;
extern const OrtMemoryInfo ort_cpu_memory; /* "Cpu", device allocator, default memory */
OrtAllocator *ort_default_allocator(void);
/* The allocator that serves a session's runs, when its options ask for the environment's and there is one. */
bool ort_run_memory(const OrtEnv *env, const OrtSessionOptions *o, sard_allocator *out);

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
    bool borrowed;               /* the memory is the client's, who keeps it alive as long as the value */
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
/* Puts the values of a sparse tensor into *out, borrowed. */
OrtStatus *ort_sparse_strings(const char *who, const OrtValue *v, OrtValue *out);
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
    volatile int cancel_load;   /* set by any thread while a session is made */
    EpSelectionDelegate select; /* asked which device to use when a session is made; NULL: nobody */
    void *select_state;
};

typedef struct ort_event { /* of a session: a load, a run */
    const char *name;
    uint64_t from_ns, to_ns;
    long thread;
} ort_event;
typedef struct ort_profile { /* profile.c; all zero: there is none */
    atomic_bool on;
    char *prefix;
    sard_profile *steps;
    uint64_t start_ns;
    pthread_mutex_t lock; /* of the events */
    ort_event *events;
    size_t n, cap;
} ort_profile;
uint64_t ort_now_ns(void);
OrtStatus *ort_profile_start(ort_profile *p, const char *prefix);
void ort_profile_deinit(ort_profile *p);
void ort_profile_event(ort_profile *p, const char *name, uint64_t from_ns, uint64_t to_ns); /* name: a literal */
/* Writes the file and ends the profile; *file is freed with free(). */
OrtStatus *ort_profile_write(ort_profile *p, char **file);
/* Writes the file of a session that goes without having been told to; what fails is logged. */
void ort_profile_close(ort_profile *p, const OrtLogger *logger);

struct OrtSession {
    atomic_uint refs; /* one is the client's, one each of the runs under way */
    sard_model *model;
    struct ort_shared_model *shared; /* what the model lies in, when it is shared */
    OrtEnv *env;
    OrtLogger logger;
    ort_profile profile;
    ort_threads threads;
    sard_pool *pool;         /* for runs, not counted: its own or the environment's; NULL: the model's */
    struct ort_async *async; /* NULL before the first RunAsync */
    bool env_allocators;
    struct ort_assignment *assignment; /* which nodes run where; NULL: not recorded */
    OrtSessionOptions *editing;        /* of a session of the model editor that is not final; else NULL */
};
void ort_session_unref(OrtSession *s);
OrtStatus *ort_session_threads(OrtSession *s, const OrtSessionOptions *o);
/* Tells where the model's nodes run, when the options ask for it (assignment.c). */
OrtStatus *ort_assignment_record(OrtSession *s, const OrtSessionOptions *o);
void ort_assignment_free(struct ort_assignment *a); /* NULL is allowed */
int ort_session_thread_count(const OrtSession *s);  /* that take part in a run, the caller's included */
void ort_async_close(OrtSession *s);                /* waits for every RunAsync under way */
void ort_async_unref(struct ort_async *a);
/* Inputs of a run (feeds.c): the ABI's checks of names, and the values as the engine takes them. `to_names` and `to` have
 * room for *n, which becomes their number; `to` holds references to give back, also after an error (from zeros). */
OrtStatus *ort_feeds_check(const sard_model *m, const char *const *names, const OrtValue *const *values, size_t n);
OrtStatus *ort_feeds_get(const sard_model *m, const char *const *names, const OrtValue *const *values, size_t *n,
                         const char **to_names, sard_value **to);
/* A session for a model already loaded, taken over also on failure. */
OrtStatus *ort_session_wrap(const OrtEnv *env, const OrtSessionOptions *options, sard_model *model, OrtSession **out);
/* What a model says of itself; takes references. shared may be NULL. */
OrtStatus *ort_metadata_new(sard_model *model, struct ort_shared_model *shared, OrtModelMetadata **out);
/* Ends the editing of a session: another model, taken over, and other options. After a failure it is edited still. */
OrtStatus *ort_session_finalize(OrtSession *s, const OrtSessionOptions *options, sard_model *model);
typedef struct ort_source { /* where a model comes from */
    const char *path;       /* NULL: from bytes */
    const void *data;
    size_t n;
} ort_source;
/* A session; with a container (may be NULL) it shares its model. options may be NULL. */
OrtStatus *ort_session_load(const OrtEnv *env, const ort_source *from, const OrtSessionOptions *options,
                            OrtPrepackedWeightsContainer *container, OrtSession **out);
/* What a session is to be made of, and with. */
typedef struct ort_shared_request {
    const OrtEnv *env;
    const ort_source *from;
    const OrtSessionOptions *options;
    const sard_options *to_load; /* the same for the public API */
    const bool *said;            /* whether loading had something to say, when it is done */
    bool contained;              /* with a container */
} ort_shared_request;
/* A model of that source and these options, compiled if none is in use: a reference; NULL when it is not shared. */
OrtStatus *ort_shared_load(const ort_shared_request *r, struct ort_shared_model **out);
/* A container keeps a model for sessions to come. */
OrtStatus *ort_container_keep(OrtPrepackedWeightsContainer *c, struct ort_shared_model *m);
sard_model *ort_shared_get(const struct ort_shared_model *m); /* a reference */
void ort_shared_ref(struct ort_shared_model *m);              /* NULL is allowed, here and below */
void ort_shared_unref(struct ort_shared_model *m);
/* A model of a file or of bytes, in ONNX or in ONNX Runtime's format (load.c). */
sard_status ort_load_file(const char *path, const sard_options *options, sard_model **out, sard_error *err);
sard_status ort_load_bytes(const void *data, size_t n, int borrow, const sard_options *options, sard_model **out,
                           sard_error *err);
/* A whole file, freed with free(); err must be there. */
sard_status ort_read_file(const char *path, void **data, size_t *n, sard_error *err);
/* What a session with these options logs to; the id is borrowed. */
OrtLogger ort_session_logger(const OrtEnv *env, const OrtSessionOptions *o);
/* Whether a configuration key is "1". */
bool ort_config_on(const OrtSessionOptions *o, const char *key);
bool ort_flushes_denormals(const OrtEnv *env, const OrtSessionOptions *o);
/* The public API's options for a load; freed with sard_options_free. */
OrtStatus *ort_load_options(const OrtEnv *env, const OrtSessionOptions *o, sard_options **out);

/* Asks the options' delegate for a device: there is one (providers.c). */
OrtStatus *ort_select_device(const OrtSessionOptions *o);

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
