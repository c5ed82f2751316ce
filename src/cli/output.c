/*
 * output.c -- results for people and for files.
 */
#include "output.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "files.h"
#include "inputs.h"

enum { FIRST_SHOWN = 8, ROWS_SHOWN = 16 };

/* ---- printing ------------------------------------------------------------------------------------------------------------ */

static bool numeric(const sard_value *v) {
    const sard_dtype t = sard_tensor_dtype(v);
    return t != SARD_STRING && t != SARD_C64 && t != SARD_C128 && t != SARD_UNDEFINED;
}

static void print_summary(const sard_value *v) {
    const int64_t n = sard_tensor_count(v);
    char text[96];
    printf("  first  ");
    for (int64_t i = 0; i < n && i < FIRST_SHOWN; i++) printf(" %s", element_text(v, i, text, sizeof text));
    printf("%s\n", n > FIRST_SHOWN ? " ..." : "");
    if (!numeric(v) || n < 2) return;
    double low = INFINITY, high = -INFINITY, sum = 0;
    int64_t nan = 0, inf = 0;
    for (int64_t i = 0; i < n; i++) {
        const double x = element(v, i);
        if (isnan(x))
            nan++;
        else if (isinf(x))
            inf++;
        else
            sum += x;
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    printf("  range   %.7g .. %.7g, mean %.7g", low, high, sum / (double)(n - nan - inf ? n - nan - inf : 1));
    if (nan) printf(", %" PRId64 " NaN", nan);
    if (inf) printf(", %" PRId64 " infinite", inf);
    printf("\n");
}

/* Nested lists, a row of the last axis a line. */
static void print_full(const sard_value *v) {
    const int rank = sard_tensor_rank(v);
    const int64_t *dim = sard_tensor_dims(v), n = sard_tensor_count(v);
    int64_t index[16] = {0};
    char text[96];
    printf("  ");
    for (int64_t i = 0; i < n; i++) {
        int opened = 0;
        for (int k = rank - 1; k >= 0 && index[k] == 0; k--) opened++;
        for (int k = 0; k < opened; k++) printf("[");
        printf("%s", element_text(v, i, text, sizeof text));
        int closed = 0;
        for (int k = rank - 1; k >= 0 && ++index[k] == dim[k]; k--) index[k] = 0, closed++;
        for (int k = 0; k < closed; k++) printf("]");
        if (i + 1 < n) printf(closed ? ",\n  " : ", ");
    }
    printf(n ? "\n" : "[]\n");
}

void print_value(const char *name, const sard_value *v, bool full) {
    char words[160];
    printf("%s: %s\n", name, value_words(v, words, sizeof words));
    switch (sard_value_kind(v)) {
    case SARD_KIND_TENSOR:
        if (full)
            print_full(v);
        else if (sard_tensor_count(v) > 0)
            print_summary(v);
        break;
    case SARD_KIND_SEQUENCE:
        for (size_t i = 0; i < sard_sequence_length(v) && (full || i < FIRST_SHOWN); i++) {
            char *item = xprintf("%s[%zu]", name, i);
            print_value(item, sard_sequence_item(v, i), full);
            free(item);
        }
        break;
    case SARD_KIND_MAP: {
        char key[96], value[96];
        const sard_value *keys = sard_map_keys(v), *values = sard_map_values(v);
        for (int64_t i = 0; i < sard_tensor_count(keys) && (full || i < FIRST_SHOWN); i++) {
            const sard_value *item =
                sard_value_kind(values) == SARD_KIND_SEQUENCE ? sard_sequence_item(values, (size_t)i) : NULL;
            printf("  %s: %s\n", element_text(keys, i, key, sizeof key),
                   item ? value_words(item, value, sizeof value) : element_text(values, i, value, sizeof value));
        }
        break;
    }
    case SARD_KIND_OPTIONAL:
        if (sard_optional_get(v)) print_value(name, sard_optional_get(v), full);
        break;
    default:
        break;
    }
}

static void top_row(const sard_value *v, int64_t begin, int64_t n, int k, char **labels, size_t n_labels) {
    bool *taken = xmalloc((size_t)n);
    memset(taken, 0, (size_t)n);
    for (int r = 0; r < k && r < n; r++) {
        int64_t best = -1;
        for (int64_t i = 0; i < n; i++)
            if (!taken[i] && (best < 0 || element(v, begin + i) > element(v, begin + best))) best = i;
        taken[best] = true;
        const bool named = labels && (size_t)best < n_labels;
        printf("  %2d. %10.6f  %6" PRId64 "%s%s\n", r + 1, element(v, begin + best), best, named ? "  " : "",
               named ? labels[best] : "");
    }
    free(taken);
}

void print_top(const char *name, const sard_value *v, int k, char **labels, size_t n_labels) {
    if (sard_value_kind(v) != SARD_KIND_TENSOR || !numeric(v) || sard_tensor_rank(v) == 0) {
        print_value(name, v, false);
        return;
    }
    char words[160];
    const int rank = sard_tensor_rank(v);
    const int64_t n = sard_tensor_dims(v)[rank - 1], rows = n ? sard_tensor_count(v) / n : 0;
    printf("%s: %s, top %d\n", name, value_words(v, words, sizeof words), k);
    for (int64_t r = 0; r < rows && r < ROWS_SHOWN; r++) {
        if (rows > 1) printf("  row %" PRId64 "\n", r);
        top_row(v, r * n, n, k, labels, n_labels);
    }
    if (rows > ROWS_SHOWN) printf("  ... %" PRId64 " more rows\n", rows - ROWS_SHOWN);
}

bool read_labels(const char *path, char ***labels, size_t *n, char **text) {
    size_t size;
    if (!read_file(path, text, &size)) return false;
    *labels = NULL;
    *n = 0;
    for (char *s = *text; *s;) {
        const size_t len = strcspn(s, "\n");
        const bool more = s[len] == '\n';
        *labels = xrealloc(*labels, (*n + 1) * sizeof **labels);
        (*labels)[(*n)++] = s;
        s[len] = 0;
        if (len && s[len - 1] == '\r') s[len - 1] = 0;
        s += len + more;
    }
    return true;
}

/* ---- saving ------------------------------------------------------------------------------------------------------------ */

/* A file name of an output's name: what is unusual in names of files becomes '_'. */
static char *file_name(const char *const *names, size_t i, const char *end) {
    char *s = xprintf("%s", names[i]);
    for (char *p = s; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("._-", *p)) *p = '_';
    for (size_t k = 0; k < i; k++) { /* made unique by its number */
        bool same = strlen(names[k]) == strlen(s);
        for (size_t c = 0; same && s[c]; c++)
            same = names[k][c] == s[c] || (s[c] == '_' && !isalnum((unsigned char)names[k][c]));
        if (!same) continue;
        char *t = xprintf("%s_%zu", s, i);
        free(s);
        s = t;
        break;
    }
    char *r = xprintf("%s%s", *s == '.' ? "_" : "", s), *whole = xprintf("%s%s", r, end);
    free(s);
    free(r);
    return whole;
}

static bool save_pb(const char *folder, const char *name, const sard_value *v, size_t i) {
    void *data;
    size_t n;
    sard_error e = {0};
    if (sard_value_serialize(v, name, &data, &n, &e) != SARD_OK) {
        complain("output '%s': %s", name, e.message);
        return false;
    }
    char *path = xprintf("%s/output_%zu.pb", folder, i);
    const bool good = write_file(path, data, n);
    free(path);
    sard_free(data);
    return good;
}

static bool save_npy(const char *folder, const char *const *names, const sard_value *v, size_t i) {
    char *data, *name = file_name(names, i, ".npy"), *path = xprintf("%s/%s", folder, name);
    size_t n;
    bool good = npy_write(v, &data, &n, names[i]);
    if (good) {
        good = write_file(path, data, n);
        free(data);
    }
    free(name);
    free(path);
    return good;
}

static bool save_npz(const char *folder, const char *const *names, sard_value *const *values, size_t n) {
    zip_writer z = {0};
    bool good = true;
    for (size_t i = 0; i < n && good; i++) {
        char *data, *member = xprintf("%s.npy", names[i]);
        size_t size;
        good = npy_write(values[i], &data, &size, names[i]);
        if (good) {
            good = zip_add(&z, member, data, size);
            if (!good) complain("the outputs are too large for one .npz file: use --format npy");
            free(data);
        }
        free(member);
    }
    zip_finish(&z);
    char *path = xprintf("%s/outputs.npz", folder);
    good = good && write_file(path, z.data, z.n);
    free(path);
    free(z.data);
    return good;
}

bool save_values(const char *folder, const char *format, const char *const *names, sard_value *const *values,
                 size_t n) {
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        complain("'%s': %s", folder, strerror(errno));
        return false;
    }
    if (strcmp(format, "npz") == 0) return save_npz(folder, names, values, n);
    for (size_t i = 0; i < n; i++)
        if (!(strcmp(format, "pb") == 0 ? save_pb(folder, names[i], values[i], i)
                                        : save_npy(folder, names, values[i], i)))
            return false;
    return true;
}

/* ---- comparing ----------------------------------------------------------------------------------------------------------- */

static bool same_tensor(const char *name, const sard_value *got, const sard_value *want, double rtol, double atol) {
    char a[160], b[160];
    const int rank = sard_tensor_rank(want);
    bool shape = sard_tensor_dtype(got) == sard_tensor_dtype(want) && sard_tensor_rank(got) == rank;
    for (int i = 0; shape && i < rank; i++) shape = sard_tensor_dims(got)[i] == sard_tensor_dims(want)[i];
    if (!shape) {
        printf("%s: expected %s, found %s\n", name, value_words(want, a, sizeof a), value_words(got, b, sizeof b));
        return false;
    }
    int64_t bad = 0, first = 0;
    double worst = 0;
    for (int64_t i = 0; i < sard_tensor_count(want); i++) {
        bool same;
        if (numeric(want)) {
            const double x = element(got, i), y = element(want, i), d = fabs(x - y);
            same = (isnan(x) && isnan(y)) || x == y || d <= atol + rtol * fabs(y);
            if (d > worst) worst = d;
        } else {
            same = strcmp(element_text(got, i, a, sizeof a), element_text(want, i, b, sizeof b)) == 0;
        }
        if (!same && bad++ == 0) first = i;
    }
    if (bad == 0) {
        printf("%s: as expected, largest difference %.3g\n", name, worst);
        return true;
    }
    printf("%s: %" PRId64 " of %" PRId64 " elements differ, by up to %.3g; element %" PRId64
           ": expected %s, found %s\n",
           name, bad, sard_tensor_count(want), worst, first, element_text(want, first, a, sizeof a),
           element_text(got, first, b, sizeof b));
    return false;
}

static bool same_value(const char *name, const sard_value *got, const sard_value *want, double rtol, double atol,
                       int depth) {
    const sard_kind k = sard_value_kind(want);
    char a[160], b[160];
    if (k == SARD_KIND_OPTIONAL && sard_value_kind(got) == k && sard_optional_get(want) && sard_optional_get(got))
        return same_value(name, sard_optional_get(got), sard_optional_get(want), rtol, atol, depth);
    if (k != sard_value_kind(got) || sard_sequence_length(got) != sard_sequence_length(want) || depth > 32) {
        printf("%s: expected %s, found %s\n", name, value_words(want, a, sizeof a), value_words(got, b, sizeof b));
        return false;
    }
    if (k == SARD_KIND_TENSOR) return same_tensor(name, got, want, rtol, atol);
    if (k == SARD_KIND_MAP)
        return same_value(name, sard_map_keys(got), sard_map_keys(want), rtol, atol, depth + 1) &&
               same_value(name, sard_map_values(got), sard_map_values(want), rtol, atol, depth + 1);
    bool good = true;
    for (size_t i = 0; i < sard_sequence_length(want); i++) {
        char *item = xprintf("%s[%zu]", name, i);
        good &= same_value(item, sard_sequence_item(got, i), sard_sequence_item(want, i), rtol, atol, depth + 1);
        free(item);
    }
    return good;
}

bool compare_values(const char *folder, const char *const *names, sard_value *const *values,
                    const sard_type *const *types, size_t n, double rtol, double atol) {
    bool good = true;
    for (size_t i = 0; i < n; i++) {
        char *path = xprintf("%s/output_%zu.pb", folder, i), *data;
        size_t size;
        sard_value *want = NULL;
        if (read_file(path, &data, &size)) {
            want = pb_value(data, size, types[i], path);
            free(data);
        }
        good &= want && same_value(names[i], values[i], want, rtol, atol, 0);
        sard_value_unref(want);
        free(path);
    }
    return good;
}
