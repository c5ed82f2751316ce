/*
 * check.c -- `sard check`: every problem of a model, with its place.
 */
#include <string.h>

#include "cli.h"

typedef struct tally {
    size_t n;
    bool quiet;
} tally;

static void tell(void *user, sard_status st, const char *where, const char *message) {
    tally *t = user;
    t->n++;
    if (!t->quiet) printf("  %s: %s: %s\n", sard_status_name(st), where && *where ? where : "model", message);
}

static int check_one(const args *a, const char *path) {
    tally t = {.quiet = args_has(a, "quiet")};
    sard_error e = {0};
    sard_options *o = model_options(a);
    if (!o) return EXIT_USAGE;
    sard_options_problems(o, tell, &t);
    sard_status st = sard_model_check(path, o, &e);
    if (st == SARD_OK && args_has(a, "compile")) { /* what optimising and compiling object to */
        sard_model *m = NULL;
        st = sard_model_load(path, o, &m, &e);
        sard_model_unref(m);
    }
    sard_options_free(o);
    if (st == SARD_OK) {
        printf("%s: no problems\n", path);
        return EXIT_OK;
    }
    if (t.n == 0) printf("  %s: %s\n", sard_status_name(st), e.message);
    printf("%s: %zu problem%s\n", path, t.n ? t.n : 1, t.n > 1 ? "s" : "");
    return EXIT_ERROR;
}

static int run_check(const args *a) {
    int st = EXIT_OK;
    for (size_t i = 0; i < a->n_pos; i++) {
        const int one = check_one(a, a->pos[i]);
        if (one > st) st = one;
    }
    return st;
}

static const option options[] = {{"compile", 0, NULL, "also optimises and compiles the model"},
                                 {"quiet", 'q', NULL, "only the number of problems"},
                                 OPTIONS_MODEL,
                                 {0}};
extern const command cmd_check;
const command cmd_check = {.name = "check",
                           .summary = "validates models and lists every problem with its place",
                           .positional = "MODEL.onnx ...",
                           .examples = "  sard check model.onnx\n  sard check --quiet models/*.onnx",
                           .options = options,
                           .least = 1,
                           .most = 100000,
                           .run = run_check};
