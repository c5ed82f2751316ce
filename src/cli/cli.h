/*
 * cli.h -- what the files of the `sard` tool share. The tool sees only the public API.
 *
 * A command is one row: its options, its text for --help, its function. Options are declared once; parsing, help,
 * "did you mean" and shell completion all come from that table.
 */
#ifndef SARD_CLI_CLI_H
#define SARD_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sard/sard.h"

enum { EXIT_OK = 0, EXIT_ERROR = 1, EXIT_USAGE = 2 };

/* ---- commands and their options ----------------------------------------------------------------------------------- */

typedef struct option {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    const char
        *arg; /* what its value is called; NULL: a switch. "FILE" and "DIR" are completed as such, "a|b" as words */
    const char *help;
} option;

typedef struct args args;
typedef struct command {
    const char *name, *summary, *positional, *details, *examples;
    const option *options; /* ends with a row without name */
    int least, most;       /* positional arguments */
    int (*run)(const args *a);
} command;
extern const command *const cli_commands[]; /* NULL-terminated */

typedef struct arg_item {
    const option *opt;
    const char *value;
} arg_item;
struct args {
    const command *cmd;
    arg_item *items;
    size_t n;
    const char **pos;
    size_t n_pos;
};
/* EXIT_OK, or what to exit with after a message (*help: --help was printed). */
int args_parse(const command *c, int argc, char **argv, args *out, bool *help);
void args_free(args *a);
bool args_has(const args *a, const char *name);
const char *args_get(const args *a, const char *name, const char *absent); /* the last one */
/* The k-th value of an option that may be given several times; NULL after the last. */
const char *args_nth(const args *a, const char *name, size_t k);
/* Numbers; false after a message. *out keeps its value when the option is absent. */
bool args_int(const args *a, const char *name, long long least, long long most, long long *out);
bool args_num(const args *a, const char *name, double least, double most, double *out);
bool args_bytes(const args *a, const char *name, uint64_t *out);
void print_help(const command *c, FILE *to);
/* The nearest of the names, or NULL. */
const char *nearest(const char *name, const char *const *names, size_t n);

/* ---- messages ------------------------------------------------------------------------------------------------------- */

void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* "sard: ..." on stderr */
int fail_status(const char *what, sard_status st, const sard_error *e);    /* prints; returns EXIT_ERROR */
/* One line on a terminal's stderr that the next one replaces; NULL clears it. Nothing when stderr is no terminal. */
void progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void progress_end(void);
double now_seconds(void);
extern volatile int cli_interrupted; /* set by the first Ctrl-C */

void *xmalloc(size_t n); /* ends the program when there is no memory: this is a tool, not the library */
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Whole file into memory (NUL added, not counted); false after a message. */
bool read_file(const char *path, char **data, size_t *n);
bool write_file(const char *path, const void *data, size_t n);
bool has_suffix(const char *s, const char *suffix); /* any case */
/* "1.5 GiB", "312", "4.1 G" into buf, which is returned. */
const char *human_bytes(double v, char *buf, size_t n);
const char *human_count(double v, char *buf, size_t n);

/* ---- tables --------------------------------------------------------------------------------------------------------- */

typedef struct table {
    size_t columns, n, cap;
    char **cells;
    const char *align; /* per column 'l' or 'r' */
} table;
void table_init(table *t, const char *align);
void table_cell(table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_print(table *t, FILE *to, const char *indent); /* the first row is the head; frees */

/* ---- models and values ------------------------------------------------------------------------------------------------ */

#define OPTIONS_MODEL                                                                                                  \
    {"threads", 't', "N", "threads of a run, the caller's included (0: what the machine allows)"},                     \
        {"optimize", 'O', "none|basic|extended|all", "optimisation level (default all)"},                              \
        {"memory-limit", 0, "BYTES", "what one run may hold, e.g. 512M or 1GiB"},                                      \
        {"load-timeout", 0, "SECONDS", "ends a load that takes longer"},                                               \
        {"dim", 'd', "NAME=N", "fixes a symbolic dimension"},                                                          \
        {"set", 0, "KEY=VALUE", "any load option of the library, e.g. weights=read"},                                  \
        {"explain", 0, NULL, "tells what the optimiser did, a line per rewrite"}, {                                    \
        "verbose", 'v', NULL, "tells what loading does"                                                                \
    }
/* Options from --threads, --optimize ...; NULL after a message. */
sard_options *model_options(const args *a);
/* Loads; NULL after a message. */
sard_model *load_model(const args *a, const char *path);

/* "float32[N,3,?]", "seq(tensor(int64))" into buf, which is returned. */
const char *type_words(const sard_type *t, char *buf, size_t n);
const char *value_words(const sard_value *v, char *buf, size_t n);
/* Element i as a number, any numeric type; strings and complex give 0. */
double element(const sard_value *v, int64_t i);
void set_element(sard_value *v, int64_t i, double x);
/* Element i as text. */
const char *element_text(const sard_value *v, int64_t i, char *buf, size_t n);

#endif
