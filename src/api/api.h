/*
 * api.h -- what the files behind the public API share.
 *
 * A model keeps the file's mapping, the imported graph (never changed: dumps, writing and variants start from it) and
 * one compiled model. Fetching a value that is not an output compiles a variant whose outputs are the values asked for;
 * a few of those are kept. Everything but the caches behind `lock` is read-only once a model has been given out.
 */
#ifndef SARD_API_API_H
#define SARD_API_API_H

#include <pthread.h>

#include "exec/exec.h"
#include "graph/op.h"
#include "import/import.h"
#include "onnx/onnx.h"
#include "opt/opt.h"

/* ---- options ---------------------------------------------------------------------------------------------------- */

typedef struct option_dim {
    char *name;
    int64_t value;
    bool denotation; /* the name is one of these */
} option_dim;
typedef struct option_init {
    char *name;
    sard_value *v;
} option_init;
typedef struct option_file { /* external data given as bytes */
    char *name;
    const void *data;
    size_t n;
} option_file;

struct sard_options {
    opt_level level;
    int threads, spin_us; /* spin_us < 0: not set */
    bool read_weights, flush_denormals, ignore_unknown_dims, ignore_unknown_initializers;
    uint64_t memory_limit, load_limit;
    int64_t load_ns; /* 0: no limit */
    long stop_after; /* < 0: none */
    pool *pool;      /* NULL: not given */
    sard_allocator memory;
    volatile int *cancel;
    sard_log_level log_least;
    sard_log_fn log;
    void *log_user;
    sard_problem_fn problem;
    void *problem_user;
    void (*explain)(void *user, const char *line);
    void *explain_user;
    char *folder; /* of external data; NULL: none */
    option_dim *dims;
    size_t n_dims, cap_dims;
    option_init *inits;
    size_t n_inits, cap_inits;
    option_file *files;
    size_t n_files, cap_files;
    sard_op_library **libs;
    size_t n_libs, cap_libs;
};
extern const sard_options api_default_options;
void api_log(const sard_options *o, sard_log_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* "12", "64KiB", "1G", "500MB" (thousands) as bytes; false when malformed or too big. */
bool api_parse_bytes(const char *s, uint64_t *out);
/* The nearest of n names to `name`, or NULL when none is near. */
const char *api_nearest(const char *name, const char *const *names, size_t n);

/* ---- types ------------------------------------------------------------------------------------------------------ */

struct sard_type {
    uint8_t kind, dtype;
    int rank; /* -1: unknown */
    int64_t *dim;
    const char **name, **denotation; /* never NULL; "" for none */
    const sard_type *elem;
};
/* A public type in `mem`. decl (may be NULL) gives the denotations. */
sard_status api_type(const module *m, const vtype *t, const onnx_type *decl, arena *mem, const sard_type **out,
                     sard_error *err);

/* A tensor's data as files hold it: in place, or in `mem` when it must be packed. Not for strings. */
sard_status api_file_bytes(const tensor *t, arena *mem, onnx_bytes *out, sard_error *err);

/* ---- operators from outside ------------------------------------------------------------------------------------- */

struct sard_op_library {
    atomic_uint refs;
    op_def **ops; /* each stays where it is: models point at it */
    size_t n, cap;
    void (*release)(void *owner); /* may be NULL */
    void *owner;
};

/* ---- a built model's memory ------------------------------------------------------------------------------------- */

/* What a model made by a builder points into; shared by builder and model. */
typedef struct build_data {
    atomic_uint refs;
    arena mem;
    sard_value **values; /* tensors whose data is used in place */
    size_t n_values, cap_values;
    struct build_data **children; /* of bodies */
    size_t n_children, cap_children;
    sard_model *base; /* what it extends; NULL: nothing */
} build_data;
void build_data_unref(build_data *d);

/* ---- models ----------------------------------------------------------------------------------------------------- */

typedef struct model_io { /* one input, output or overridable initializer */
    const char *name;
    const sard_type *type;
    value_id value; /* of the imported main graph */
    uint32_t index; /* among the main graph's inputs or outputs */
} model_io;

typedef struct variant { /* compiled for some outputs; refcounted under the model's lock */
    uint32_t refs;
    module *mod;
    exec_model *exec;
    value_id *out; /* values of the imported graph, ascending */
    uint32_t n_out;
    uint64_t last_use;
} variant;
enum { VARIANTS_KEPT = 8 };

struct sard_model {
    atomic_uint refs;
    arena mem;
    char *path;     /* "" for models from memory */
    onnx_model src; /* the file; has_src tells whether it is still held */
    bool has_src;
    void *bytes; /* a copy of a model from memory */
    build_data *built;
    onnx_model meta; /* what writing needs of the file besides the graph: strings in mem */
    op_set *sets;    /* chain of the libraries' operators */
    sard_op_library **libs;
    size_t n_libs;
    module *imported, *optimised;
    exec_model *exec;
    opt_level level;
    bool flush_denormals, overridable;
    sard_allocator memory; /* of runs; no functions: the process's */
    uint64_t memory_limit;
    pool *pool;
    model_io *in, *out, *over; /* over: initializers that are inputs, too */
    uint32_t n_in, n_out, n_over;
    uint32_t n_graph_in;  /* inputs of the main graph, the overridable ones included */
    map64 by_name;        /* str_id -> value_id of the main graph */
    pthread_mutex_t lock; /* of what follows */
    arena type_mem;
    const sard_type **types; /* per value, made when asked for */
    variant *variants[VARIANTS_KEPT];
    uint64_t clock;
};

/* The value of that name in the imported main graph, or NO_ID. */
value_id api_find_value(const sard_model *m, const char *name);
/* 0: the graph as imported, 1: as optimised; anything else is an error. */
sard_status api_stage(const sard_model *m, int stage, const module **out, sard_error *err);
/* Compiles a copy of the imported graph, at level basic, with these outputs, within ctl's limits; a reference to give back. */
sard_status api_variant(sard_model *m, const value_id *out, uint32_t n, run_ctl *ctl, variant **v, sard_error *err);
void api_variant_release(sard_model *m, variant *v);
void api_variant_free(variant *v);
/* How constant folding is done and what it may take: a few seconds and some memory, of a load (or a run that compiles)
 * with limits of its own at most half of what is left. What was not folded in time is computed by each run. */
void api_fold_limits(run_ctl *fold, opt_options *o, const run_ctl *load);
exec_options api_exec_options(const sard_model *m);
enum { API_FOLD_LIMIT = 64 << 20 }; /* bytes of one folded value */

/* A model from an onnx_model that is read already: taken over, also on failure. `built` and `bytes` (either may be
 * NULL) are what it points into and are taken over, too. */
sard_status api_model_make(onnx_model *src, const char *path, void *bytes, build_data *built, const sard_options *o,
                           sard_model **out, sard_error *err);

/* Matches names and values with the main graph's inputs and checks them all; in has one slot per graph input. */
sard_status api_bind_inputs(const sard_model *m, const char *const *names, sard_value *const *values, size_t n,
                            sard_value **in, sard_error *err);

#endif
