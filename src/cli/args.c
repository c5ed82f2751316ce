/*
 * args.c -- the command line: options by table, help, numbers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const option *find_option(const command *c, const char *name, size_t n) {
    for (const option *o = c->options; o && o->name; o++)
        if (strlen(o->name) == n && strncmp(o->name, name, n) == 0) return o;
    return NULL;
}

static const option *find_letter(const command *c, char letter) {
    for (const option *o = c->options; o && o->name; o++)
        if (o->letter == letter) return o;
    return NULL;
}

/* Levenshtein's distance of names up to 63 characters. */
static int distance(const char *a, const char *b) {
    const size_t na = strnlen(a, 63), nb = strnlen(b, 63);
    int row[64];
    for (size_t j = 0; j <= nb; j++) row[j] = (int)j;
    for (size_t i = 1; i <= na; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            const int change = diagonal + (a[i - 1] != b[j - 1]);
            const int gap = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < gap ? change : gap;
        }
    }
    return row[nb];
}

const char *nearest(const char *name, const char *const *names, size_t n) {
    const char *best = NULL;
    int least = (int)(strlen(name) / 2) + 1;
    if (least > 5) least = 5;
    for (size_t i = 0; i < n; i++) {
        int d = distance(name, names[i]);
        const size_t len = strlen(name);
        if (len >= 3 && strncmp(name, names[i], len) == 0) d = 1; /* an abbreviation */
        if (d > least || (best && d == least)) continue;
        best = names[i];
        least = d;
    }
    return best;
}

static int unknown_option(const command *c, const char *given, size_t n) {
    const char *names[64];
    size_t count = 0;
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)n, given);
    for (const option *o = c->options; o && o->name && count < 63; o++) names[count++] = o->name;
    names[count++] = "help";
    const char *near = nearest(word, names, count);
    if (near)
        complain("%s: unknown option '--%s'; did you mean '--%s'?", c->name, word, near);
    else
        complain("%s: unknown option '--%s'; see 'sard %s --help'", c->name, word, c->name);
    return EXIT_USAGE;
}

static void add_item(args *a, const option *o, const char *value) {
    a->items = xrealloc(a->items, (a->n + 1) * sizeof *a->items);
    a->items[a->n++] = (arg_item){o, value};
}

/* --name, --name=value or --name value. */
static int parse_long(args *out, int argc, char **argv, int *i) {
    const char *text = argv[*i] + 2, *eq = strchr(text, '=');
    const size_t n = eq ? (size_t)(eq - text) : strlen(text);
    const option *o = find_option(out->cmd, text, n);
    if (!o) return unknown_option(out->cmd, text, n);
    const char *value = eq ? eq + 1 : NULL;
    if (!o->arg && value) {
        complain("%s: option '--%s' takes no value", out->cmd->name, o->name);
        return EXIT_USAGE;
    }
    if (o->arg && !value) {
        if (*i + 1 >= argc) {
            complain("%s: option '--%s' needs a value (%s)", out->cmd->name, o->name, o->arg);
            return EXIT_USAGE;
        }
        value = argv[++*i];
    }
    add_item(out, o, value);
    return EXIT_OK;
}

/* -v, -t4 or -t 4. */
static int parse_short(args *out, int argc, char **argv, int *i) {
    const option *o = find_letter(out->cmd, argv[*i][1]);
    if (!o) {
        complain("%s: unknown option '%s'; see 'sard %s --help'", out->cmd->name, argv[*i], out->cmd->name);
        return EXIT_USAGE;
    }
    const char *value = argv[*i][2] ? argv[*i] + 2 : NULL;
    if (o->arg && !value) {
        if (*i + 1 >= argc) {
            complain("%s: option '-%c' needs a value (%s)", out->cmd->name, o->letter, o->arg);
            return EXIT_USAGE;
        }
        value = argv[++*i];
    } else if (!o->arg && value) {
        complain("%s: option '-%c' takes no value", out->cmd->name, o->letter);
        return EXIT_USAGE;
    }
    add_item(out, o, value);
    return EXIT_OK;
}

int args_parse(const command *c, int argc, char **argv, args *out, bool *help) {
    *out = (args){.cmd = c};
    *help = false;
    bool only_pos = false;
    for (int i = 0; i < argc; i++) {
        const char *s = argv[i];
        int st = EXIT_OK;
        if (!only_pos && strcmp(s, "--") == 0) {
            only_pos = true;
        } else if (!only_pos && (strcmp(s, "--help") == 0 || (strcmp(s, "-h") == 0 && !find_letter(c, 'h')))) {
            print_help(c, stdout);
            *help = true;
            return EXIT_OK;
        } else if (!only_pos && strncmp(s, "--", 2) == 0) {
            st = parse_long(out, argc, argv, &i);
        } else if (!only_pos && s[0] == '-' && s[1]) {
            st = parse_short(out, argc, argv, &i);
        } else {
            out->pos = xrealloc(out->pos, (out->n_pos + 1) * sizeof *out->pos);
            out->pos[out->n_pos++] = s;
        }
        if (st != EXIT_OK) return st;
    }
    if (out->n_pos < (size_t)c->least || out->n_pos > (size_t)c->most) {
        complain("%s: expected %s, found %zu argument%s; see 'sard %s --help'", c->name,
                 *c->positional ? c->positional : "no arguments", out->n_pos, out->n_pos == 1 ? "" : "s", c->name);
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

void args_free(args *a) {
    free(a->items);
    free(a->pos);
}

const char *args_nth(const args *a, const char *name, size_t k) {
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->items[i].opt->name, name) == 0 && k-- == 0) return a->items[i].value ? a->items[i].value : "";
    return NULL;
}

bool args_has(const args *a, const char *name) { return args_nth(a, name, 0) != NULL; }

const char *args_get(const args *a, const char *name, const char *absent) {
    const char *v = absent, *next;
    for (size_t k = 0; (next = args_nth(a, name, k)); k++) v = next;
    return v;
}

bool args_int(const args *a, const char *name, long long least, long long most, long long *out) {
    const char *s = args_get(a, name, NULL);
    if (!s) return true;
    char *end;
    errno = 0;
    long long v = strtoll(s, &end, 10);
    if (errno || end == s || *end || v < least || v > most) {
        complain("%s: option '--%s': expected a number in %lld..%lld; found '%s'", a->cmd->name, name, least, most, s);
        return false;
    }
    *out = v;
    return true;
}

bool args_num(const args *a, const char *name, double least, double most, double *out) {
    const char *s = args_get(a, name, NULL);
    if (!s) return true;
    char *end;
    double v = strtod(s, &end);
    if (end == s || *end || !(v >= least && v <= most)) {
        complain("%s: option '--%s': expected a number in %g..%g; found '%s'", a->cmd->name, name, least, most, s);
        return false;
    }
    *out = v;
    return true;
}

bool args_bytes(const args *a, const char *name, uint64_t *out) {
    const char *s = args_get(a, name, NULL);
    if (!s) return true;
    char *end;
    errno = 0;
    unsigned long long v = strtoull(s, &end, 10);
    int shift = 0;
    bool good = !errno && end != s && *s != '-';
    if (good && *end) {
        const char *unit = strchr("KMGT", *end & ~0x20);
        shift = unit ? (int)(unit - "KMGT" + 1) * 10 : 0;
        good = unit && (strcmp(end + 1, "") == 0 || strcmp(end + 1, "iB") == 0 || strcmp(end + 1, "B") == 0);
    }
    if (!good || v > UINT64_MAX >> shift) {
        complain("%s: option '--%s': expected bytes such as 4096, 512M or 1GiB; found '%s'", a->cmd->name, name, s);
        return false;
    }
    *out = (uint64_t)v << shift;
    return true;
}

/* ---- help ----------------------------------------------------------------------------------------------------------- */

void print_help(const command *c, FILE *to) {
    fprintf(to, "sard %s -- %s\n\nUsage: sard %s [options]%s%s\n", c->name, c->summary, c->name,
            *c->positional ? " " : "", c->positional);
    if (c->details) fprintf(to, "\n%s\n", c->details);
    fprintf(to, "\nOptions:\n");
    for (const option *o = c->options; o && o->name; o++) {
        char left[96];
        int n = o->letter ? snprintf(left, sizeof left, "-%c, --%s", o->letter, o->name)
                          : snprintf(left, sizeof left, "    --%s", o->name);
        if (o->arg && n > 0 && (size_t)n < sizeof left) snprintf(left + n, sizeof left - (size_t)n, " %s", o->arg);
        if (strlen(left) > 30)
            fprintf(to, "  %s\n  %-30s %s\n", left, "", o->help);
        else
            fprintf(to, "  %-30s %s\n", left, o->help);
    }
    fprintf(to, "  %-30s %s\n", "-h, --help", "this text");
    if (c->examples) fprintf(to, "\nExamples:\n%s\n", c->examples);
}
