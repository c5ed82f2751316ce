/*
 * util.c -- messages, files, tables: what every command needs.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

volatile int cli_interrupted;

/* ---- messages ------------------------------------------------------------------------------------------------------- */

static bool progress_shown;

void complain(const char *fmt, ...) {
    va_list ap;
    progress_end();
    fputs("sard: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

int fail_status(const char *what, sard_status st, const sard_error *e) {
    const char *text = e && e->message[0] ? e->message : sard_status_name(st);
    if (what)
        complain("%s: %s", what, text);
    else
        complain("%s", text);
    if (e && e->problems > 1) fprintf(stderr, "sard: %u problems in all; 'sard check' lists them\n", e->problems);
    return EXIT_ERROR;
}

void progress(const char *fmt, ...) {
    static int terminal = -1;
    if (terminal < 0) terminal = isatty(2);
    if (!terminal) return;
    va_list ap;
    fputs("\r\033[K", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fflush(stderr);
    progress_shown = true;
}

void progress_end(void) {
    if (progress_shown) fputs("\r\033[K", stderr);
    progress_shown = false;
}

double now_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- memory and files ------------------------------------------------------------------------------------------------ */

void *xrealloc(void *p, size_t n) {
    void *r = realloc(p, n ? n : 1);
    if (!r) {
        complain("out of memory: %zu bytes were wanted", n);
        exit(EXIT_ERROR);
    }
    return r;
}

void *xmalloc(size_t n) { return xrealloc(NULL, n); }

char *xstrdup(const char *s) {
    const size_t n = strlen(s) + 1;
    return memcpy(xmalloc(n), s, n);
}

char *xprintf(const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *s = xmalloc((size_t)(n < 0 ? 0 : n) + 1);
    vsnprintf(s, (size_t)(n < 0 ? 0 : n) + 1, fmt, again);
    va_end(again);
    return s;
}

bool read_file(const char *path, char **data, size_t *n) {
    FILE *f = fopen(path, "rb");
    struct stat info;
    if (!f || fstat(fileno(f), &info) != 0 || S_ISDIR(info.st_mode)) {
        complain("'%s': %s", path, f ? (errno ? strerror(errno) : "is a folder") : strerror(errno));
        if (f) fclose(f);
        return false;
    }
    size_t cap = info.st_size > 0 ? (size_t)info.st_size + 1 : 1 << 16, have = 0, got;
    char *p = xmalloc(cap);
    while ((got = fread(p + have, 1, cap - have, f)) > 0) {
        have += got;
        if (have == cap) p = xrealloc(p, cap *= 2);
    }
    const bool bad = ferror(f);
    fclose(f);
    if (bad) {
        complain("'%s' cannot be read: %s", path, strerror(errno));
        free(p);
        return false;
    }
    p[have] = 0;
    *data = p;
    *n = have;
    return true;
}

bool write_file(const char *path, const void *data, size_t n) {
    FILE *f = strcmp(path, "-") == 0 ? stdout : fopen(path, "wb");
    bool good = f && fwrite(data, 1, n, f) == n;
    if (f && (f == stdout ? fflush(f) : fclose(f)) != 0) good = false;
    if (!good) complain("'%s' cannot be written: %s", path, strerror(errno));
    return good;
}

bool has_suffix(const char *s, const char *suffix) {
    const size_t n = strlen(s), k = strlen(suffix);
    return n >= k && strcasecmp(s + n - k, suffix) == 0;
}

/* ---- numbers for people ---------------------------------------------------------------------------------------------- */

const char *human_bytes(double v, char *buf, size_t n) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int u = 0;
    while (v >= 1024 && u < 4) v /= 1024, u++;
    snprintf(buf, n, u && v < 100 ? "%.1f %s" : "%.0f %s", v, units[u]);
    return buf;
}

const char *human_count(double v, char *buf, size_t n) {
    static const char *const units[] = {"", " K", " M", " G", " T", " P"};
    int u = 0;
    while (v >= 10000 && u < 5) v /= 1000, u++;
    snprintf(buf, n, u && v < 100 ? "%.2f%s" : "%.0f%s", v, units[u]);
    return buf;
}

/* ---- tables --------------------------------------------------------------------------------------------------------- */

void table_init(table *t, const char *align) { *t = (table){.columns = strlen(align), .align = align}; }

void table_cell(table *t, const char *fmt, ...) {
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->cells = xrealloc(t->cells, t->cap * sizeof *t->cells);
    }
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    t->cells[t->n] = xmalloc((size_t)(n < 0 ? 0 : n) + 1);
    vsnprintf(t->cells[t->n], (size_t)(n < 0 ? 0 : n) + 1, fmt, again);
    va_end(again);
    t->n++;
}

/* Characters, not bytes, of UTF-8. */
static size_t text_width(const char *s) {
    size_t n = 0;
    for (; *s; s++) n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

static void print_cell(FILE *to, const char *s, size_t width, bool right, bool last) {
    const size_t n = text_width(s), gap = n < width ? width - n : 0;
    if (right)
        fprintf(to, "%*s%s", (int)gap, "", s);
    else
        fprintf(to, "%s%*s", s, last ? 0 : (int)gap, "");
    fputs(last ? "\n" : "  ", to);
}

void table_print(table *t, FILE *to, const char *indent) {
    size_t *width = xmalloc(t->columns * sizeof *width);
    memset(width, 0, t->columns * sizeof *width);
    for (size_t i = 0; i < t->n; i++) {
        const size_t n = text_width(t->cells[i]);
        if (n > width[i % t->columns]) width[i % t->columns] = n;
    }
    for (size_t i = 0; i < t->n; i++) {
        const size_t c = i % t->columns;
        if (c == 0) fputs(indent, to);
        print_cell(to, t->cells[i], width[c], t->align[c] == 'r', c + 1 == t->columns);
        if (i + 1 == t->columns && t->n > t->columns) {
            fputs(indent, to);
            for (size_t k = 0; k < t->columns; k++) {
                for (size_t d = 0; d < width[k]; d++) fputc('-', to);
                fputs(k + 1 == t->columns ? "\n" : "  ", to);
            }
        }
        free(t->cells[i]);
    }
    free(width);
    free(t->cells);
    *t = (table){0};
}
