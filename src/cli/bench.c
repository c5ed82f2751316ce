/*
 * bench.c -- `sard bench`: how long a model takes.
 *
 * Runs until the time is up (and at least as often as asked), after a warm-up; then, in runs of their own so that
 * looking does not disturb the figures, a profile gives the time of every operator.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "inputs.h"

typedef struct plan {
    long long runs, warmup, threads;
    double seconds;
} plan;

static sard_status once(sard_model *m, const inputs *in, sard_profile *p, sard_error *e) {
    const size_t n = sard_model_outputs(m);
    sard_value **out = xmalloc((n + 1) * sizeof *out);
    memset(out, 0, n * sizeof *out);
    const sard_run_options o = {.cancel = &cli_interrupted, .profile = p};
    sard_status st = sard_run(m, &o, in->names, in->values, in->n, NULL, out, n, e);
    for (size_t i = 0; i < n; i++) sard_value_unref(out[i]);
    free(out);
    return st;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The nearest-rank percentile of sorted times. */
static double percentile(const double *t, size_t n, double p) {
    const size_t k = (size_t)ceil(p / 100 * (double)n);
    return t[k ? k - 1 : 0];
}

/* Times of single runs in seconds; NULL after a message. */
static double *measure(sard_model *m, const inputs *in, const plan *p, size_t *n, double *cpu) {
    sard_error e = {0};
    for (long long i = 0; i < p->warmup; i++) {
        progress("warm-up %lld of %lld", i + 1, p->warmup);
        sard_status st = once(m, in, NULL, &e);
        if (st != SARD_OK) return fail_status(NULL, st, &e), NULL;
    }
    double *times = NULL, shown = 0;
    size_t cap = 0;
    *n = 0;
    const double begin = now_seconds();
    const clock_t cpu_begin = clock();
    double now = begin;
    while (p->runs ? *n < (size_t)p->runs : now - begin < p->seconds || *n < 3) {
        if (now - shown > 0.2) progress("run %zu, %.1f s", *n + 1, now - begin), shown = now;
        const double t = now_seconds();
        sard_status st = once(m, in, NULL, &e);
        if (st != SARD_OK) {
            free(times);
            return fail_status(NULL, st, &e), NULL;
        }
        now = now_seconds();
        if (*n == cap) times = xrealloc(times, (cap = cap ? cap * 2 : 1024) * sizeof *times);
        times[(*n)++] = now - t;
    }
    *cpu = (double)(clock() - cpu_begin) / CLOCKS_PER_SEC / (now_seconds() - begin);
    progress_end();
    return times;
}

/* ---- time per operator -------------------------------------------------------------------------------------------------- */

typedef struct op_time {
    char *op;
    size_t steps;
    double us;
} op_time;

static int by_time(const void *a, const void *b) {
    const op_time *x = a, *y = b;
    return (x->us < y->us) - (x->us > y->us);
}

static const char *event_op(const json_t *event) {
    const char *op = json_string_value(json_object_get(json_object_get(event, "args"), "op"));
    return op ? op : json_string_value(json_object_get(event, "name"));
}

static bool is_step(const json_t *event) {
    const char *cat = json_string_value(json_object_get(event, "cat"));
    return json_is_number(json_object_get(event, "dur")) && cat && strcmp(cat, "step") == 0 && event_op(event);
}

static void add_times(const json_t *events, op_time **ops, size_t *n, double *total) {
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        if (!is_step(event)) continue;
        const char *op = event_op(event);
        size_t k = 0;
        while (k < *n && strcmp((*ops)[k].op, op) != 0) k++;
        if (k == *n) {
            *ops = xrealloc(*ops, (*n + 1) * sizeof **ops);
            (*ops)[(*n)++] = (op_time){.op = xstrdup(op)};
        }
        const double us = json_number_value(json_object_get(event, "dur"));
        (*ops)[k].steps++;
        (*ops)[k].us += us;
        *total += us;
    }
}

static int print_operators(sard_model *m, const inputs *in, long long runs) {
    sard_profile *p;
    sard_error e = {0};
    sard_status st = sard_profile_new(&p, &e);
    if (st != SARD_OK) return fail_status(NULL, st, &e);
    for (long long i = 0; i < runs && st == SARD_OK; i++) st = once(m, in, p, &e);
    char *text = NULL;
    if (st == SARD_OK) st = sard_profile_json(p, &text, &e);
    sard_profile_free(p);
    if (st != SARD_OK) return fail_status(NULL, st, &e);
    json_error_t je;
    json_t *doc = json_loads(text, 0, &je);
    sard_free(text);
    json_t *events = json_is_array(doc) ? doc : json_object_get(doc, "traceEvents");
    op_time *ops = NULL;
    size_t n = 0;
    double total = 0;
    add_times(events, &ops, &n, &total);
    qsort(ops, n, sizeof *ops, by_time);
    table t;
    table_init(&t, "lrrr");
    table_cell(&t, "operator");
    table_cell(&t, "steps");
    table_cell(&t, "us per run");
    table_cell(&t, "share");
    for (size_t i = 0; i < n; i++) {
        table_cell(&t, "%s", ops[i].op);
        table_cell(&t, "%zu", ops[i].steps / (size_t)runs);
        table_cell(&t, "%.1f", ops[i].us / (double)runs);
        table_cell(&t, "%.1f %%", total > 0 ? ops[i].us / total * 100 : 0);
        free(ops[i].op);
    }
    printf("\n");
    table_print(&t, stdout, "  ");
    free(ops);
    json_decref(doc);
    return EXIT_OK;
}

/* ---- the command ---------------------------------------------------------------------------------------------------------- */

static void print_times(const sard_model *m, const inputs *in, double *t, size_t n, double load, double first,
                        double cpu) {
    char buf[64], words[160];
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += t[i];
    qsort(t, n, sizeof *t, by_value);
    sard_model_stats s;
    sard_model_get_stats(m, &s);
    printf("load       %.2f ms, ", load * 1e3);
    printf("%s of weights, ", human_bytes((double)s.weight_bytes, buf, sizeof buf));
    printf("%s besides the file\n", human_bytes((double)s.packed_bytes, buf, sizeof buf));
    for (size_t i = 0; i < in->n; i++)
        printf("input      %s: %s\n", in->names[i], value_words(in->values[i], words, sizeof words));
    printf("first run  %.3f ms\n", first * 1e3);
    printf("runs       %zu\n", n);
    printf("latency    min %.4f  p50 %.4f  p90 %.4f  p99 %.4f  max %.4f  mean %.4f ms\n", t[0] * 1e3,
           percentile(t, n, 50) * 1e3, percentile(t, n, 90) * 1e3, percentile(t, n, 99) * 1e3, t[n - 1] * 1e3,
           sum / (double)n * 1e3);
    printf("throughput %.1f runs/s, %.2f CPUs busy\n", (double)n / sum, cpu);
}

static void print_json(double *t, size_t n, double load, double first, double cpu) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += t[i];
    qsort(t, n, sizeof *t, by_value);
    json_t *j =
        json_pack("{s:f,s:f,s:I,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f}", "load_ms", load * 1e3, "first_ms", first * 1e3,
                  "runs", (json_int_t)n, "min_ms", t[0] * 1e3, "p50_ms", percentile(t, n, 50) * 1e3, "p90_ms",
                  percentile(t, n, 90) * 1e3, "p99_ms", percentile(t, n, 99) * 1e3, "max_ms", t[n - 1] * 1e3, "mean_ms",
                  sum / (double)n * 1e3, "runs_per_s", (double)n / sum, "cpus", cpu);
    if (!j) return;
    json_dumpf(j, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    printf("\n");
    json_decref(j);
}

static int bench(const args *a, sard_model *m, const plan *p, double load) {
    inputs in = {0};
    if (!inputs_make(a, m, &in)) {
        inputs_free(&in);
        return EXIT_ERROR;
    }
    inputs_drop_absent(&in);
    sard_error e = {0};
    const double begin = now_seconds();
    sard_status st = once(m, &in, NULL, &e);
    const double first = now_seconds() - begin;
    int result = EXIT_ERROR;
    if (st != SARD_OK) {
        fail_status(NULL, st, &e);
    } else {
        size_t n;
        double cpu;
        double *times = measure(m, &in, p, &n, &cpu);
        if (times) {
            result = EXIT_OK;
            if (args_has(a, "json"))
                print_json(times, n, load, first, cpu);
            else
                print_times(m, &in, times, n, load, first, cpu);
            if (args_has(a, "ops")) result = print_operators(m, &in, n < 10 ? (long long)n : 10);
        }
        free(times);
    }
    inputs_free(&in);
    return result;
}

static int run_bench(const args *a) {
    plan p = {.warmup = 3, .seconds = 3};
    if (!args_int(a, "runs", 1, 1000000000, &p.runs) || !args_int(a, "warmup", 0, 1000000, &p.warmup) ||
        !args_num(a, "seconds", 0.001, 1e6, &p.seconds))
        return EXIT_USAGE;
    /* without inputs all are made up */
    args with = *a;
    static const option random = {"random", 0, "SEED", ""};
    with.items = xmalloc((a->n + 1) * sizeof *with.items);
    if (a->n) memcpy(with.items, a->items, a->n * sizeof *with.items);
    if (!args_has(a, "random") && !args_has(a, "fill")) with.items[with.n++] = (arg_item){&random, "1"};
    const double begin = now_seconds();
    sard_model *m = load_model(a, a->pos[0]);
    const double load = now_seconds() - begin;
    const int st = m ? bench(&with, m, &p, load) : EXIT_ERROR;
    sard_model_unref(m);
    free(with.items);
    return st;
}

static const option options[] = {OPTIONS_INPUT,
                                 {"seconds", 0, "S", "measures so long (default 3)"},
                                 {"runs", 'n', "N", "or so many runs"},
                                 {"warmup", 'w', "N", "runs before that (default 3)"},
                                 {"ops", 0, NULL, "time per operator"},
                                 {"json", 0, NULL, "figures as JSON"},
                                 OPTIONS_MODEL,
                                 {0}};
extern const command cmd_bench;
const command cmd_bench = {.name = "bench",
                           .summary = "measures latency and throughput, with times per operator",
                           .positional = "MODEL.onnx",
                           .details = "Inputs that are not given are made up as with 'sard run --random 1'.",
                           .examples = "  sard bench model.onnx --threads 1 --ops\n"
                                       "  sard bench bert.onnx --shape ids=8x128 --shape mask=8x128 --seconds 10\n"
                                       "  sard bench model.onnx --runs 1000 --json",
                           .options = options,
                           .least = 1,
                           .most = 1,
                           .run = run_bench};
