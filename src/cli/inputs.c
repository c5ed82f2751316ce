/*
 * inputs.c -- the inputs of a run, from files or made up.
 *
 * The end of a file's name says what it is; the model's declared type says what it becomes. Values made up depend on
 * the seed and the input's name only, so that the same command gives the same answer everywhere.
 */
#include "inputs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "files.h"

enum { RANK_MAX = 16 };

/* ---- shapes ----------------------------------------------------------------------------------------------------------- */

/* --shape NAME=..., or -1 when not given, or -2 after a message. */
static int shape_option(const args *a, const char *name, int64_t *dim) {
    const char *v;
    for (size_t k = 0; (v = args_nth(a, "shape", k)); k++) {
        const char *eq = strrchr(v, '=');
        if (!eq) {
            complain("%s: option '--shape': expected NAME=1x2x3; found '%s'", a->cmd->name, v);
            return -2;
        }
        if (strlen(name) != (size_t)(eq - v) || strncmp(name, v, strlen(name)) != 0) continue;
        int rank = 0;
        for (const char *s = eq + 1; *s;) {
            char *end;
            errno = 0;
            const long long d = strtoll(s, &end, 10);
            if (errno || end == s || d < 0 || rank == RANK_MAX || (*end && *end != 'x' && *end != 'X')) {
                complain("%s: option '--shape': '%s' is no shape such as 1x3x224x224", a->cmd->name, eq + 1);
                return -2;
            }
            dim[rank++] = d;
            s = *end ? end + 1 : end;
        }
        return rank;
    }
    return -1;
}

/* Every --shape names an input of the model. */
static bool check_shapes(const args *a, const sard_model *m) {
    const char *v;
    for (size_t k = 0; (v = args_nth(a, "shape", k)); k++) {
        const char *eq = strrchr(v, '=');
        bool found = false;
        for (size_t i = 0; eq && i < sard_model_inputs(m); i++) {
            const char *name = sard_model_input_name(m, i);
            found |= strlen(name) == (size_t)(eq - v) && strncmp(name, v, strlen(name)) == 0;
        }
        if (eq && !found) {
            complain("%s: option '--shape': the model has no input '%.*s'", a->cmd->name, (int)(eq - v), v);
            return false;
        }
    }
    return true;
}

/* A dimension's number known from inputs given already. */
static int64_t known_dim(const sard_model *m, const inputs *in, const char *symbol) {
    for (size_t i = 0; *symbol && i < sard_model_inputs(m); i++) {
        const sard_type *t = sard_model_input_type(m, i);
        if (!in->values[i] || sard_value_kind(in->values[i]) != SARD_KIND_TENSOR) continue;
        for (int k = 0; k < sard_type_rank(t) && k < sard_tensor_rank(in->values[i]); k++)
            if (strcmp(sard_type_dim_name(t, k), symbol) == 0) return sard_tensor_dims(in->values[i])[k];
    }
    return -1;
}

/* Rank and dimensions of a value to be made; symbols without a number become 1. -1 after a message. */
static int made_shape(const args *a, const sard_model *m, const inputs *in, size_t i, int64_t *dim) {
    const sard_type *t = sard_model_input_type(m, i);
    const char *name = sard_model_input_name(m, i);
    const int given = shape_option(a, name, dim);
    if (given != -1) return given < 0 ? -1 : given;
    const int rank = sard_type_rank(t);
    if (rank < 0) {
        complain("%s: the rank of input '%s' is not known: say --shape %s=...", a->cmd->name, name, name);
        return -1;
    }
    for (int k = 0; k < rank; k++) {
        dim[k] = sard_type_dim(t, k);
        if (dim[k] < 0) dim[k] = known_dim(m, in, sard_type_dim_name(t, k));
        if (dim[k] < 0) dim[k] = 1;
    }
    return rank;
}

/* ---- made up ------------------------------------------------------------------------------------------------------------ */

static uint64_t next_random(uint64_t *s) { /* splitmix64 */
    uint64_t z = *s += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static void fill_random(sard_value *v, uint64_t seed, const char *name) {
    for (const char *s = name; *s; s++) seed = seed * 31 + (uint8_t)*s;
    const sard_dtype t = sard_tensor_dtype(v);
    const bool real = t == SARD_F32 || t == SARD_F64 || t == SARD_F16 || t == SARD_BF16 || t >= SARD_F8E4M3FN ||
                      t == SARD_C64 || t == SARD_C128;
    for (int64_t i = 0; i < sard_tensor_count(v); i++) {
        const uint64_t r = next_random(&seed);
        set_element(v, i,
                    real && t != SARD_U4 && t != SARD_I4 && t != SARD_U2 && t != SARD_I2
                        ? (double)(r >> 40) / (1 << 24)
                        : (double)(r >> 63)); /* 0 or 1: a mask, a token, an index that exists */
    }
}

static sard_value *made_value(const args *a, const sard_model *m, const inputs *in, size_t i) {
    const sard_type *t = sard_model_input_type(m, i);
    const char *name = sard_model_input_name(m, i);
    int64_t dim[RANK_MAX];
    sard_value *v = NULL;
    sard_error e = {0};
    if (sard_type_kind(t) != SARD_KIND_TENSOR || sard_type_dtype(t) == SARD_STRING) {
        char words[128];
        complain("%s: input '%s' is %s: give it with --input %s=FILE", a->cmd->name, name,
                 type_words(t, words, sizeof words), name);
        return NULL;
    }
    const int rank = made_shape(a, m, in, i, dim);
    if (rank < 0) return NULL;
    if (sard_tensor_new(sard_type_dtype(t), rank, dim, &v, &e) != SARD_OK) {
        complain("%s: input '%s': %s", a->cmd->name, name, e.message);
        return NULL;
    }
    double fill = 0;
    long long seed = 0;
    const bool good = args_num(a, "fill", -1e300, 1e300, &fill) && args_int(a, "random", 0, INT64_MAX, &seed);
    if (!good) {
        sard_value_unref(v);
        return NULL;
    }
    if (args_has(a, "random"))
        fill_random(v, (uint64_t)seed, name);
    else
        for (int64_t k = 0; k < sard_tensor_count(v); k++) set_element(v, k, fill);
    return v;
}

/* ---- text, JSON, raw bytes ------------------------------------------------------------------------------------------------ */

/* n elements for an input: its shape when that fits, one free axis taking what is left. -1 after a message. */
static int text_shape(const args *a, const sard_model *m, const inputs *in, size_t i, int64_t n, int64_t *dim) {
    const sard_type *t = sard_model_input_type(m, i);
    const char *name = sard_model_input_name(m, i);
    int rank = shape_option(a, name, dim);
    if (rank == -2) return -1;
    if (rank == -1) {
        rank = sard_type_rank(t);
        for (int k = 0; k < rank; k++) {
            dim[k] = sard_type_dim(t, k);
            if (dim[k] < 0) dim[k] = known_dim(m, in, sard_type_dim_name(t, k));
        }
    }
    if (rank < 0) {
        dim[0] = n;
        return 1;
    }
    int free_axis = -1;
    int64_t product = 1;
    for (int k = rank - 1; k >= 0; k--) { /* the last free axis takes the elements, those before it are 1 */
        if (dim[k] < 0 && free_axis < 0)
            free_axis = k;
        else
            product *= dim[k] < 0 ? dim[k] = 1 : dim[k];
    }
    if (free_axis >= 0 && product > 0 && n % product == 0) dim[free_axis] = n / product, product = n;
    if (product == n && (free_axis < 0 || dim[free_axis] >= 0)) return rank;
    char words[160];
    complain("%s: input '%s' is %s; %" PRId64 " elements were found", a->cmd->name, name,
             type_words(t, words, sizeof words), n);
    return -1;
}

static sard_value *new_tensor(sard_dtype t, int rank, const int64_t *dim) {
    sard_value *v = NULL;
    sard_error e = {0};
    if (rank >= 0 && sard_tensor_new(t, rank, dim, &v, &e) != SARD_OK) complain("%s", e.message);
    return v;
}

/* Numbers separated by spaces or commas; for strings, one a line. */
static sard_value *text_value(const args *a, const sard_model *m, const inputs *in, size_t i, char *data,
                              const char *what) {
    const sard_type *t = sard_model_input_type(m, i);
    int64_t dim[RANK_MAX], n = 0;
    if (sard_type_dtype(t) == SARD_STRING) {
        const char **lines = NULL;
        for (char *s = data; *s;) {
            const size_t len = strcspn(s, "\n");
            const bool more = s[len] == '\n';
            s[len] = 0;
            if (len && s[len - 1] == '\r') s[len - 1] = 0;
            lines = xrealloc(lines, (size_t)(n + 1) * sizeof *lines);
            lines[n++] = s;
            s += len + more;
        }
        sard_value *v = NULL;
        sard_error e = {0};
        const int rank = text_shape(a, m, in, i, n, dim);
        if (rank >= 0 && sard_tensor_strings(rank, dim, lines, NULL, &v, &e) != SARD_OK) complain("%s", e.message);
        free(lines);
        return v;
    }
    double *numbers = NULL;
    size_t cap = 0;
    for (char *s = data; *s;) {
        if (isspace((unsigned char)*s) || *s == ',' || *s == ';') {
            s++;
            continue;
        }
        char *end;
        const double x = strtod(s, &end);
        if (end == s) {
            complain("'%s': '%.20s' is no number", what, s);
            free(numbers);
            return NULL;
        }
        if ((size_t)n == cap) numbers = xrealloc(numbers, (cap = cap ? cap * 2 : 256) * sizeof *numbers);
        numbers[n++] = x;
        s = end;
    }
    sard_value *v = new_tensor(sard_type_dtype(t), text_shape(a, m, in, i, n, dim), dim);
    for (int64_t k = 0; v && k < n; k++) set_element(v, k, numbers[k]);
    free(numbers);
    return v;
}

/* Leaves of nested lists in order; the nesting is the shape. */
typedef struct leaves {
    json_t **items;
    size_t n, cap;
    int64_t dim[RANK_MAX];
    int rank;
} leaves;

static bool gather(leaves *l, json_t *j, int depth) {
    if (!json_is_array(j)) {
        if (l->rank < 0) l->rank = depth;
        if (depth != l->rank || json_is_object(j) || json_is_null(j)) return false;
        if (l->n == l->cap) l->items = xrealloc(l->items, (l->cap = l->cap ? l->cap * 2 : 64) * sizeof(json_t *));
        l->items[l->n++] = j;
        return true;
    }
    const int64_t n = (int64_t)json_array_size(j);
    if (depth == RANK_MAX || (l->dim[depth] >= 0 && l->dim[depth] != n)) return false;
    l->dim[depth] = n;
    for (size_t i = 0; i < (size_t)n; i++)
        if (!gather(l, json_array_get(j, i), depth + 1)) return false;
    if (n == 0 && l->rank < 0) l->rank = depth + 1;
    return true;
}

static double json_number(const json_t *j) {
    if (json_is_string(j)) return strtod(json_string_value(j), NULL); /* "nan", "inf" */
    return json_is_boolean(j) ? json_is_true(j) : json_number_value(j);
}

/* A value of type t; maps are objects, sequences lists. */
static sard_value *json_value(json_t *j, const sard_type *t, const char *what) {
    sard_value *v = NULL;
    sard_error e = {0};
    if (sard_type_kind(t) == SARD_KIND_SEQUENCE && json_is_array(j)) {
        const size_t n = json_array_size(j);
        sard_value **items = xmalloc((n + 1) * sizeof *items);
        size_t k = 0;
        while (k < n && (items[k] = json_value(json_array_get(j, k), sard_type_elem(t), what))) k++;
        sard_status st = SARD_OK;
        if (k == n)
            st = n ? sard_sequence_new(items, n, &v, &e)
                   : sard_sequence_empty(sard_type_dtype(sard_type_elem(t)), &v, &e);
        if (st != SARD_OK) complain("'%s': %s", what, e.message);
        while (k > 0) sard_value_unref(items[--k]);
        free(items);
        return v;
    }
    leaves l = {.rank = -1};
    for (int i = 0; i < RANK_MAX; i++) l.dim[i] = -1;
    if (sard_type_kind(t) != SARD_KIND_TENSOR || !gather(&l, j, 0)) {
        char words[128];
        complain("'%s': the JSON is no %s", what, type_words(t, words, sizeof words));
        free(l.items);
        return NULL;
    }
    if (sard_type_dtype(t) == SARD_STRING) {
        const char **s = xmalloc((l.n + 1) * sizeof *s);
        bool good = true;
        for (size_t i = 0; i < l.n; i++) good &= (s[i] = json_string_value(l.items[i])) != NULL;
        if (!good)
            complain("'%s': strings are expected", what);
        else if (sard_tensor_strings(l.rank, l.dim, s, NULL, &v, &e) != SARD_OK)
            complain("%s", e.message);
        free(s);
    } else {
        v = new_tensor(sard_type_dtype(t), l.rank, l.dim);
        for (size_t i = 0; v && i < l.n; i++) {
            if (json_is_integer(l.items[i]) && sard_type_dtype(t) == SARD_I64) {
                const int64_t x = json_integer_value(l.items[i]);
                memcpy((int64_t *)sard_tensor_data_mut(v) + i, &x, sizeof x);
            } else {
                set_element(v, (int64_t)i, json_number(l.items[i]));
            }
        }
    }
    free(l.items);
    return v;
}

static sard_value *json_text_value(const char *text, size_t n, const sard_type *t, const char *what) {
    json_error_t e;
    json_t *j = json_loadb(text, n, JSON_DECODE_ANY, &e);
    if (!j) {
        complain("'%s', line %d: %s", what, e.line, e.text);
        return NULL;
    }
    sard_value *v = json_value(j, t, what);
    json_decref(j);
    return v;
}

static sard_value *raw_value(const args *a, const sard_model *m, const inputs *in, size_t i, const char *data, size_t n,
                             const char *what) {
    const sard_type *t = sard_model_input_type(m, i);
    const int bits = sard_dtype_bits(sard_type_dtype(t));
    int64_t dim[RANK_MAX];
    if (bits == 0 || n * 8 % (size_t)bits != 0) {
        complain("'%s': %zu bytes are no whole number of %s elements", what, n, sard_dtype_name(sard_type_dtype(t)));
        return NULL;
    }
    sard_value *v = new_tensor(sard_type_dtype(t), text_shape(a, m, in, i, (int64_t)(n * 8 / (size_t)bits), dim), dim);
    if (v && n) memcpy(sard_tensor_data_mut(v), data, sard_tensor_bytes(v));
    return v;
}

/* ---- files -------------------------------------------------------------------------------------------------------------- */

sard_value *pb_value(const char *data, size_t n, const sard_type *t, const char *what) {
    sard_value *v = NULL;
    sard_error e = {0};
    const sard_kind k = sard_type_kind(t) == SARD_KIND_UNKNOWN ? SARD_KIND_TENSOR : sard_type_kind(t);
    if (sard_value_parse(k, data, n, &v, &e) == SARD_OK) return v;
    complain("'%s': %s", what, e.message);
    return NULL;
}

static sard_value *npz_value(const char *data, size_t n, const char *member, sard_dtype want, const char *what) {
    size_t size;
    char *body = zip_read(data, n, member, &size, what);
    if (!body) return NULL;
    sard_value *v = npy_read(body, size, want, what);
    free(body);
    return v;
}

/* "FILE.npz" or "FILE.npz:MEMBER". */
static sard_value *npz_path(const char *path, const char *input, sard_dtype want) {
    char *file = xstrdup(path), *colon = strstr(file, ".npz:"), *data;
    const char *key = input;
    size_t n;
    if (colon) {
        key = colon + 5;
        colon[4] = 0;
    }
    char *member = xprintf("%s.npy", key);
    sard_value *v = NULL;
    if (read_file(file, &data, &n)) {
        v = npz_value(data, n, member, want, file);
        free(data);
    }
    free(member);
    free(file);
    return v;
}

static sard_value *file_value(const args *a, const sard_model *m, const inputs *in, size_t i, const char *path) {
    const sard_type *t = sard_model_input_type(m, i);
    if (*path == '[' || *path == '{') return json_text_value(path, strlen(path), t, sard_model_input_name(m, i));
    if (has_suffix(path, ".npz") || strstr(path, ".npz:"))
        return npz_path(path, sard_model_input_name(m, i), sard_type_dtype(t));
    char *data;
    size_t n;
    if (!read_file(path, &data, &n)) return NULL;
    sard_value *v = NULL;
    image_options o;
    if (has_suffix(path, ".npy"))
        v = npy_read(data, n, sard_type_dtype(t), path);
    else if (has_suffix(path, ".pb"))
        v = pb_value(data, n, t, path);
    else if (has_suffix(path, ".json"))
        v = json_text_value(data, n, t, path);
    else if (has_suffix(path, ".txt") || has_suffix(path, ".csv"))
        v = text_value(a, m, in, i, data, path);
    else if (has_suffix(path, ".bin") || has_suffix(path, ".raw"))
        v = raw_value(a, m, in, i, data, n, path);
    else if (has_suffix(path, ".jpg") || has_suffix(path, ".jpeg") || has_suffix(path, ".png"))
        v = image_options_parse(a, &o) ? image_value(data, n, t, &o, path) : NULL;
    else
        complain("'%s': what this is cannot be told from its name (.npy .npz .pb .jpg .png .txt .csv .json .bin .raw)",
                 path);
    free(data);
    return v;
}

/* ---- all inputs ------------------------------------------------------------------------------------------------------------ */

static bool take_option(const args *a, const sard_model *m, inputs *in, const char *item) {
    size_t most = 0, at = SIZE_MAX;
    for (size_t i = 0; i < in->n; i++) { /* names may hold '=': the longest that fits */
        const size_t n = strlen(in->names[i]);
        if (strncmp(item, in->names[i], n) == 0 && item[n] == '=' && n >= most) most = n, at = i;
    }
    if (at == SIZE_MAX && in->n == 1 && !strchr(item, '=')) at = 0, most = (size_t)-1; /* the only one needs no name */
    if (at == SIZE_MAX) {
        const char *eq = strchr(item, '=');
        char *name = xprintf("%.*s", eq ? (int)(eq - item) : (int)strlen(item), item);
        const char *near = nearest(name, in->names, in->n);
        if (!eq)
            complain("%s: option '--input': expected NAME=FILE; found '%s'", a->cmd->name, item);
        else if (near)
            complain("%s: the model has no input '%s'; did you mean '%s'?", a->cmd->name, name, near);
        else
            complain("%s: the model has no input '%s'; 'sard inspect' lists its inputs", a->cmd->name, name);
        free(name);
        return false;
    }
    if (in->values[at]) {
        complain("%s: input '%s' is given twice", a->cmd->name, in->names[at]);
        return false;
    }
    in->values[at] = file_value(a, m, in, at, item + most + 1);
    in->given++;
    return in->values[at] != NULL;
}

size_t count_pb(const char *folder, const char *prefix) {
    DIR *d = opendir(folder);
    size_t n = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        unsigned k;
        char tail[8] = "";
        if (strncmp(e->d_name, prefix, strlen(prefix)) == 0 &&
            sscanf(e->d_name + strlen(prefix), "_%u%7s", &k, tail) == 2 && strcmp(tail, ".pb") == 0 && k < 100000 &&
            k + 1 > n)
            n = k + 1;
    }
    if (d) closedir(d);
    return n;
}

static bool take_folder(const args *a, const sard_model *m, inputs *in, const char *folder) {
    const size_t n = count_pb(folder, "input");
    if (n == 0 && in->n > 0) {
        complain("%s: '%s' holds no input_0.pb", a->cmd->name, folder);
        return false;
    }
    if (n > in->n) {
        complain("%s: '%s' holds %zu inputs, the model has %zu", a->cmd->name, folder, n, in->n);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        char *path = xprintf("%s/input_%zu.pb", folder, i), *data;
        size_t size;
        struct stat s;
        if (stat(path, &s) == 0 && read_file(path, &data, &size)) {
            if (size > 0) in->values[i] = pb_value(data, size, sard_model_input_type(m, i), path);
            free(data);
            in->given += in->values[i] != NULL;
        }
        free(path);
    }
    return true;
}

static bool take_archive(const args *a, const sard_model *m, inputs *in, const char *path) {
    char *data;
    size_t n;
    if (!read_file(path, &data, &n)) return false;
    bool good = true;
    for (size_t i = 0; i < in->n && good; i++) {
        char *member = xprintf("%s.npy", in->names[i]);
        in->values[i] = npz_value(data, n, member, sard_type_dtype(sard_model_input_type(m, i)), path);
        good = in->values[i] != NULL;
        in->given += good;
        free(member);
    }
    (void)a;
    free(data);
    return good;
}

bool inputs_make(const args *a, const sard_model *m, inputs *in) {
    *in = (inputs){.n = sard_model_inputs(m)};
    in->names = xmalloc((in->n + 1) * sizeof *in->names);
    in->values = xmalloc((in->n + 1) * sizeof *in->values);
    for (size_t i = 0; i < in->n; i++) in->names[i] = sard_model_input_name(m, i), in->values[i] = NULL;
    if (!check_shapes(a, m)) return false;
    const char *all = args_get(a, "inputs", NULL), *item;
    if (all && !(has_suffix(all, ".npz") ? take_archive(a, m, in, all) : take_folder(a, m, in, all))) return false;
    for (size_t k = 0; (item = args_nth(a, "input", k)); k++)
        if (!take_option(a, m, in, item)) return false;
    const bool make_up = args_has(a, "random") || args_has(a, "fill");
    for (size_t i = 0; i < in->n && make_up; i++) {
        if (in->values[i]) continue;
        in->values[i] = made_value(a, m, in, i);
        if (!in->values[i]) return false;
    }
    return true;
}

void inputs_drop_absent(inputs *in) {
    size_t n = 0;
    for (size_t i = 0; i < in->n; i++) {
        if (!in->values[i]) continue;
        in->names[n] = in->names[i];
        in->values[n++] = in->values[i];
    }
    in->n = n;
}

void inputs_free(inputs *in) {
    for (size_t i = 0; i < in->n; i++) sard_value_unref(in->values[i]);
    free(in->names);
    free(in->values);
}
