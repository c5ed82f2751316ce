/*
 * options.c -- load options: settings by key, and what is handed over with them.
 *
 * One table row per key says how its value is read; an unknown key is answered with the nearest row.
 */
#include "api/api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const sard_options api_default_options = {.level = OPT_ALL, .spin_us = -1, .stop_after = -1};

sard_status sard_options_new(sard_options **out, sard_error *err) {
    sard_options *o = mem_alloc(sizeof *o);
    if (!o) return err_nomem(err, sizeof *o);
    *o = api_default_options;
    *out = o;
    return SARD_OK;
}

void sard_options_free(sard_options *o) {
    if (!o) return;
    if (o->pool) pool_unref(o->pool);
    for (size_t i = 0; i < o->n_dims; i++) mem_free(o->dims[i].name);
    for (size_t i = 0; i < o->n_inits; i++) {
        mem_free(o->inits[i].name);
        sard_value_unref(o->inits[i].v);
    }
    for (size_t i = 0; i < o->n_files; i++) mem_free(o->files[i].name);
    for (size_t i = 0; i < o->n_libs; i++) sard_op_library_unref(o->libs[i]);
    mem_free(o->folder);
    mem_free(o->dims);
    mem_free(o->inits);
    mem_free(o->files);
    mem_free(o->libs);
    mem_free(o);
}

/* ---- reading values --------------------------------------------------------------------------------------------- */

bool api_parse_bytes(const char *s, uint64_t *out) {
    if (*s < '0' || *s > '9') return false;
    char *end;
    errno = 0;
    unsigned long long v = strtoull(s, &end, 10);
    if (errno) return false;
    static const char units[] = "KMGT";
    uint64_t scale = 1;
    const char *unit = *end ? strchr(units, *end & ~0x20) : NULL;
    if (unit) {
        const char *rest = end + 1;
        const bool thousands = strcmp(rest, "B") == 0 || strcmp(rest, "b") == 0;
        if (*rest && !thousands && strcmp(rest, "iB") != 0 && strcmp(rest, "ib") != 0 && strcmp(rest, "i") != 0)
            return false;
        for (long k = 0; k <= unit - units; k++) scale *= thousands ? 1000 : 1024;
    } else if (*end && strcmp(end, "B") != 0) {
        return false;
    }
    return !__builtin_mul_overflow((uint64_t)v, scale, out);
}

static bool parse_int(const char *s, long long least, long long most, long long *out) {
    char *end;
    errno = 0;
    long long v = strtoll(s, &end, 10);
    if (errno || end == s || *end || v < least || v > most) return false;
    *out = v;
    return true;
}

static bool parse_seconds(const char *s, uint64_t *ns) {
    char *end;
    const double v = strtod(s, &end);
    if (end == s || *end || !(v >= 0 && v <= 1e9)) return false;
    *ns = (uint64_t)(v * 1e9);
    return true;
}

const char *api_nearest(const char *name, const char *const *names, size_t n) {
    const char *best = NULL;
    int least = (int)(strlen(name) > 12 ? 5 : strlen(name) / 2 + 1);
    for (size_t i = 0; i < n; i++) {
        int d = str_distance(name, names[i]);
        if (d <= least) {
            if (!best || d < least) best = names[i];
            least = d;
        }
    }
    return best;
}

typedef enum option_kind { OPTION_CHOICE, OPTION_INT, OPTION_BYTES, OPTION_SECONDS } option_kind;
typedef struct option_row {
    const char *key;
    option_kind kind;
    const char *choices[5]; /* OPTION_CHOICE; its number is the value */
    long long least, most;  /* OPTION_INT */
} option_row;

enum {
    KEY_OPTIMIZE,
    KEY_THREADS,
    KEY_SPIN,
    KEY_WEIGHTS,
    KEY_DENORMALS,
    KEY_MEMORY,
    KEY_LOAD,
    KEY_LOAD_TIME,
    KEY_STOP,
    KEY_UNKNOWN_DIMS,
    KEY_UNKNOWN_INITIALIZERS,
    KEY_COUNT
};
static const option_row rows[KEY_COUNT] = {
    [KEY_OPTIMIZE] = {"optimize", OPTION_CHOICE, {"none", "basic", "extended", "all"}, 0, 0},
    [KEY_THREADS] = {"threads", OPTION_INT, {0}, 0, 1024},
    [KEY_SPIN] = {"spin_us", OPTION_INT, {0}, 0, 1000000},
    [KEY_WEIGHTS] = {"weights", OPTION_CHOICE, {"map", "read"}, 0, 0},
    [KEY_DENORMALS] = {"denormals", OPTION_CHOICE, {"keep", "flush"}, 0, 0},
    [KEY_MEMORY] = {"memory_limit", OPTION_BYTES, {0}, 0, 0},
    [KEY_LOAD] = {"load_limit", OPTION_BYTES, {0}, 0, 0},
    [KEY_LOAD_TIME] = {"load_timeout", OPTION_SECONDS, {0}, 0, 0},
    [KEY_STOP] = {"stop_after", OPTION_INT, {0}, 0, INT32_MAX},
    [KEY_UNKNOWN_DIMS] = {"unknown_dims", OPTION_CHOICE, {"error", "ignore"}, 0, 0},
    [KEY_UNKNOWN_INITIALIZERS] = {"unknown_initializers", OPTION_CHOICE, {"error", "ignore"}, 0, 0},
};

static sard_status read_value(const option_row *row, const char *value, uint64_t *out, sard_error *err) {
    long long n;
    switch (row->kind) {
    case OPTION_CHOICE: {
        size_t count = 0;
        while (row->choices[count]) {
            if (strcmp(value, row->choices[count]) == 0) {
                *out = count;
                return SARD_OK;
            }
            count++;
        }
        char list[64];
        size_t at = 0;
        for (size_t i = 0; i < count && at < sizeof list; i++)
            at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", row->choices[i]);
        return err_set(err, SARD_INVALID_ARGUMENT, "option '%s': expected one of %s; found '%s'", row->key, list,
                       value);
    }
    case OPTION_INT:
        FAIL_IF(!parse_int(value, row->least, row->most, &n), err, SARD_INVALID_ARGUMENT,
                "option '%s': expected a number in %lld..%lld; found '%s'", row->key, row->least, row->most, value);
        *out = (uint64_t)n;
        return SARD_OK;
    case OPTION_SECONDS: /* as nanoseconds */
        FAIL_IF(!parse_seconds(value, out), err, SARD_INVALID_ARGUMENT,
                "option '%s': expected seconds such as 2.5, up to 1e9; found '%s'", row->key, value);
        return SARD_OK;
    default:
        FAIL_IF(!api_parse_bytes(value, out), err, SARD_INVALID_ARGUMENT,
                "option '%s': expected a number of bytes such as 4096, 512M or 1GiB; found '%s'", row->key, value);
        return SARD_OK;
    }
}

/* key: "dim.NAME" or "dim_denotation.NAME" */
static sard_status set_dim(sard_options *o, const char *key, const char *value, sard_error *err) {
    long long n;
    const bool denotation = key[3] == '_';
    const char *name = strchr(key, '.') + 1;
    FAIL_IF(!*name, err, SARD_INVALID_ARGUMENT, "option '%s': the name of a symbolic dimension is missing", key);
    FAIL_IF(!parse_int(value, 0, INT64_MAX, &n), err, SARD_INVALID_ARGUMENT,
            "option '%s': expected a number of 0 or more; found '%s'", key, value);
    for (size_t i = 0; i < o->n_dims; i++)
        if (o->dims[i].denotation == denotation && strcmp(o->dims[i].name, name) == 0) {
            o->dims[i].value = n;
            return SARD_OK;
        }
    void *dims = o->dims;
    if (mem_grow(&dims, &o->cap_dims, o->n_dims + 1, sizeof *o->dims)) return err_nomem(err, sizeof *o->dims);
    o->dims = dims;
    char *copy = mem_strdup(name);
    if (!copy) return err_nomem(err, strlen(name));
    o->dims[o->n_dims++] = (option_dim){copy, n, denotation};
    return SARD_OK;
}

sard_status sard_options_set(sard_options *o, const char *key, const char *value, sard_error *err) {
    FAIL_IF(!o || !key || !value, err, SARD_INVALID_ARGUMENT, "options, key and value must not be NULL");
    if (strncmp(key, "dim.", 4) == 0 || strncmp(key, "dim_denotation.", 15) == 0) return set_dim(o, key, value, err);
    const char *names[KEY_COUNT + 2];
    int k = 0;
    for (int i = 0; i < KEY_COUNT; i++) names[i] = rows[i].key;
    names[KEY_COUNT] = "dim.NAME";
    names[KEY_COUNT + 1] = "dim_denotation.NAME";
    while (k < KEY_COUNT && strcmp(key, rows[k].key) != 0) k++;
    if (k == KEY_COUNT) {
        const char *near = api_nearest(key, names, KEY_COUNT + 2);
        if (near) return err_set(err, SARD_INVALID_ARGUMENT, "unknown option '%s'; did you mean '%s'?", key, near);
        return err_set(
            err, SARD_INVALID_ARGUMENT,
            "unknown option '%s'; the options are optimize, threads, spin_us, weights, denormals, "
            "memory_limit, load_limit, load_timeout, stop_after, unknown_dims, unknown_initializers, dim.NAME, "
            "dim_denotation.NAME",
            key);
    }
    uint64_t v = 0;
    TRY(read_value(&rows[k], value, &v, err));
    switch (k) {
    case KEY_OPTIMIZE:
        o->level = (opt_level)v;
        break;
    case KEY_THREADS:
        o->threads = (int)v;
        break;
    case KEY_SPIN:
        o->spin_us = (int)v;
        break;
    case KEY_WEIGHTS:
        o->read_weights = v == 1;
        break;
    case KEY_DENORMALS:
        o->flush_denormals = v == 1;
        break;
    case KEY_MEMORY:
        o->memory_limit = v;
        break;
    case KEY_LOAD:
        o->load_limit = v;
        break;
    case KEY_UNKNOWN_DIMS:
        o->ignore_unknown_dims = v == 1;
        break;
    case KEY_UNKNOWN_INITIALIZERS:
        o->ignore_unknown_initializers = v == 1;
        break;
    case KEY_LOAD_TIME:
        o->load_ns = (int64_t)v;
        break;
    default:
        o->stop_after = (long)v;
        break;
    }
    return SARD_OK;
}

/* ---- what is handed over ---------------------------------------------------------------------------------------- */

sard_status sard_options_pool(sard_options *o, sard_pool *p, sard_error *err) {
    FAIL_IF(!o, err, SARD_INVALID_ARGUMENT, "options is NULL");
    if (o->pool) pool_unref(o->pool);
    o->pool = p ? pool_ref((pool *)p) : NULL;
    return SARD_OK;
}

sard_status sard_options_allocator(sard_options *o, const sard_allocator *a, sard_error *err) {
    FAIL_IF(!o, err, SARD_INVALID_ARGUMENT, "options is NULL");
    FAIL_IF(a && (!a->alloc || !a->free), err, SARD_INVALID_ARGUMENT, "an allocator needs both of its functions");
    o->memory = a ? *a : (sard_allocator){0};
    return SARD_OK;
}

void sard_options_log(sard_options *o, sard_log_level least, sard_log_fn fn, void *user) {
    o->log_least = least;
    o->log = fn;
    o->log_user = user;
}

void sard_options_cancel(sard_options *o, volatile int *flag) { o->cancel = flag; }

void sard_options_problems(sard_options *o, sard_problem_fn fn, void *user) {
    o->problem = fn;
    o->problem_user = user;
}

void sard_options_explain(sard_options *o, void (*fn)(void *user, const char *line), void *user) {
    o->explain = fn;
    o->explain_user = user;
}

sard_status sard_options_initializer(sard_options *o, const char *name, sard_value *v, sard_error *err) {
    FAIL_IF(!o || !name || !*name, err, SARD_INVALID_ARGUMENT, "the initializer's name is missing");
    FAIL_IF(!value_is_tensor(v), err, SARD_INVALID_ARGUMENT, "initializer '%s': a tensor is expected", name);
    for (size_t i = 0; i < o->n_inits; i++)
        if (strcmp(o->inits[i].name, name) == 0) {
            sard_value_ref(v);
            sard_value_unref(o->inits[i].v);
            o->inits[i].v = v;
            return SARD_OK;
        }
    void *inits = o->inits;
    if (mem_grow(&inits, &o->cap_inits, o->n_inits + 1, sizeof *o->inits)) return err_nomem(err, sizeof *o->inits);
    o->inits = inits;
    char *copy = mem_strdup(name);
    if (!copy) return err_nomem(err, strlen(name));
    o->inits[o->n_inits++] = (option_init){copy, sard_value_ref(v)};
    return SARD_OK;
}

sard_status sard_options_external_folder(sard_options *o, const char *path, sard_error *err) {
    FAIL_IF(!o || !path, err, SARD_INVALID_ARGUMENT, "the folder's path is missing");
    char *copy = mem_strdup(path);
    if (!copy) return err_nomem(err, strlen(path));
    mem_free(o->folder);
    o->folder = copy;
    return SARD_OK;
}

sard_status sard_options_external_data(sard_options *o, const char *file_name, const void *data, size_t n,
                                       sard_error *err) {
    FAIL_IF(!o || !file_name || (!data && n), err, SARD_INVALID_ARGUMENT, "the file's name or its bytes are missing");
    void *files = o->files;
    if (mem_grow(&files, &o->cap_files, o->n_files + 1, sizeof *o->files)) return err_nomem(err, sizeof *o->files);
    o->files = files;
    char *copy = mem_strdup(file_name);
    if (!copy) return err_nomem(err, strlen(file_name));
    o->files[o->n_files++] = (option_file){copy, data, n};
    return SARD_OK;
}

sard_status sard_options_operators(sard_options *o, sard_op_library *lib, sard_error *err) {
    FAIL_IF(!o || !lib, err, SARD_INVALID_ARGUMENT, "the operator library is NULL");
    void *libs = o->libs;
    if (mem_grow(&libs, &o->cap_libs, o->n_libs + 1, sizeof(sard_op_library *)))
        return err_nomem(err, sizeof(sard_op_library *));
    o->libs = libs;
    atomic_fetch_add(&lib->refs, 1);
    o->libs[o->n_libs++] = lib;
    return SARD_OK;
}

void api_log(const sard_options *o, sard_log_level level, const char *fmt, ...) {
    if (!o->log || level < o->log_least) return;
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    o->log(o->log_user, level, text);
}
