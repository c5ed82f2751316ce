/*
 * load.c -- a model from the options all commands share.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void print_log(void *user, sard_log_level level, const char *message) {
    (void)user;
    static const char *const names[] = {"verbose", "info", "warning", "error"};
    progress_end();
    fprintf(stderr, "sard: %s: %s\n", names[level], message);
}

static void print_rewrite(void *user, const char *line) {
    (void)user;
    progress_end();
    fprintf(stderr, "%s\n", line);
}

static bool set_option(sard_options *o, const args *a, const char *key, const char *value) {
    sard_error e = {0};
    if (!value || sard_options_set(o, key, value, &e) == SARD_OK) return true;
    complain("%s: %s", a->cmd->name, e.message);
    return false;
}

/* "KEY=VALUE" as a setting of prefix + KEY. */
static bool set_pair(sard_options *o, const args *a, const char *what, const char *prefix, const char *pair) {
    const char *eq = strrchr(pair, '=');
    char key[256];
    if (!eq || snprintf(key, sizeof key, "%s%.*s", prefix, (int)(eq - pair), pair) >= (int)sizeof key) {
        complain("%s: option '--%s': expected NAME=VALUE; found '%s'", a->cmd->name, what, pair);
        return false;
    }
    return set_option(o, a, key, eq + 1);
}

/* --load-timeout, and not more than --timeout, which is for loading and running together. */
static const char *load_timeout(const args *a) {
    const char *load = args_get(a, "load-timeout", NULL), *all = args_get(a, "timeout", NULL);
    return !load || (all && strtod(all, NULL) < strtod(load, NULL)) ? all : load;
}

sard_options *model_options(const args *a) {
    sard_options *o;
    sard_error e = {0};
    if (sard_options_new(&o, &e) != SARD_OK) {
        complain("%s", e.message);
        return NULL;
    }
    bool good = set_option(o, a, "threads", args_get(a, "threads", NULL)) &&
                set_option(o, a, "optimize", args_get(a, "optimize", NULL)) &&
                set_option(o, a, "memory_limit", args_get(a, "memory-limit", NULL)) &&
                set_option(o, a, "load_timeout", load_timeout(a));
    const char *v;
    for (size_t k = 0; good && (v = args_nth(a, "dim", k)); k++) good = set_pair(o, a, "dim", "dim.", v);
    for (size_t k = 0; good && (v = args_nth(a, "set", k)); k++) good = set_pair(o, a, "set", "", v);
    if (args_has(a, "explain")) sard_options_explain(o, print_rewrite, NULL);
    if (args_has(a, "verbose")) sard_options_log(o, SARD_LOG_VERBOSE, print_log, NULL);
    if (good) return o;
    sard_options_free(o);
    return NULL;
}

sard_model *load_model(const args *a, const char *path) {
    sard_options *o = model_options(a);
    if (!o) return NULL;
    sard_model *m = NULL;
    sard_error e = {0};
    progress("loading %s ...", path);
    sard_status st = sard_model_load(path, o, &m, &e);
    progress_end();
    sard_options_free(o);
    if (st == SARD_OK) return m;
    fail_status(NULL, st, &e);
    return NULL;
}
