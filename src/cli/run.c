/*
 * run.c -- `sard run`: one run, with inputs from files, results for people or files.
 */
#include <stdlib.h>
#include <string.h>

#include "inputs.h"
#include "output.h"

typedef struct job {
    const args *a;
    double begin; /* of loading */
    sard_model *m;
    inputs in;
    const char **names; /* of what is asked for */
    const sard_type **types;
    sard_value **out;
    size_t n;
} job;

/* The model's outputs, or those and other values named by --fetch. */
static bool find_outputs(job *j) {
    const size_t model_n = sard_model_outputs(j->m);
    size_t fetched = 0;
    while (args_nth(j->a, "fetch", fetched)) fetched++;
    j->n = fetched ? fetched : model_n;
    j->names = xmalloc((j->n + 1) * sizeof *j->names);
    j->types = xmalloc((j->n + 1) * sizeof(sard_type *));
    j->out = xmalloc((j->n + 1) * sizeof *j->out);
    for (size_t i = 0; i < j->n; i++) {
        j->names[i] = fetched ? args_nth(j->a, "fetch", i) : sard_model_output_name(j->m, i);
        j->types[i] = fetched ? sard_model_value_type(j->m, j->names[i]) : sard_model_output_type(j->m, i);
        j->out[i] = NULL;
    }
    return true;
}

static bool write_profile(const sard_profile *p, const char *path) {
    char *json;
    sard_error e = {0};
    if (sard_profile_json(p, &json, &e) != SARD_OK) {
        complain("%s", e.message);
        return false;
    }
    const bool good = write_file(path, json, strlen(json));
    sard_free(json);
    return good;
}

static int execute(job *j) {
    sard_run_options o = {.cancel = &cli_interrupted};
    sard_error e = {0};
    double timeout = 0;
    const char *trace = args_get(j->a, "profile", NULL);
    if (!args_num(j->a, "timeout", 0, 1e9, &timeout)) return EXIT_USAGE;
    if (timeout > 0) { /* what loading left; an end that has passed is said so by the run */
        const double left = timeout - (now_seconds() - j->begin);
        o.timeout_s = left > 0 ? left : 1e-9;
    }
    if (trace && sard_profile_new(&o.profile, &e) != SARD_OK) return fail_status(NULL, SARD_INTERNAL, &e);
    progress("running ...");
    const double begin = now_seconds();
    inputs_drop_absent(&j->in); /* the library names what is missing */
    sard_status st = sard_run(j->m, &o, j->in.names, j->in.values, j->in.n, j->names, j->out, j->n, &e);
    const double took = now_seconds() - begin;
    progress_end();
    int result = EXIT_OK;
    if (st != SARD_OK)
        result = fail_status(NULL, st, &e);
    else if (args_has(j->a, "time"))
        fprintf(stderr, "run: %.3f ms\n", took * 1e3);
    if (trace && st == SARD_OK && !write_profile(o.profile, trace)) result = EXIT_ERROR;
    sard_profile_free(o.profile);
    return result;
}

static int print_results(const job *j) {
    long long top = 0;
    char **labels = NULL, *text = NULL;
    size_t n_labels = 0;
    const char *print = args_get(j->a, "print", "summary"), *file = args_get(j->a, "labels", NULL);
    if (!args_int(j->a, "top", 1, 1000000, &top)) return EXIT_USAGE;
    if (file && !read_labels(file, &labels, &n_labels, &text)) return EXIT_ERROR;
    if (file && !top) top = 5;
    for (size_t i = 0; i < j->n; i++) {
        if (top)
            print_top(j->names[i], j->out[i], (int)top, labels, n_labels);
        else if (strcmp(print, "none") != 0)
            print_value(j->names[i], j->out[i], strcmp(print, "full") == 0);
    }
    free(labels);
    free(text);
    return EXIT_OK;
}

static int run_job(job *j) {
    const char *print = args_get(j->a, "print", "summary"), *format = args_get(j->a, "format", "npy");
    if (strcmp(print, "summary") != 0 && strcmp(print, "full") != 0 && strcmp(print, "none") != 0) {
        complain("run: option '--print': expected summary, full or none; found '%s'", print);
        return EXIT_USAGE;
    }
    if (strcmp(format, "npy") != 0 && strcmp(format, "npz") != 0 && strcmp(format, "pb") != 0) {
        complain("run: option '--format': expected npy, npz or pb; found '%s'", format);
        return EXIT_USAGE;
    }
    const char *folder = args_get(j->a, "inputs", NULL);
    if (args_has(j->a, "compare") && (!folder || has_suffix(folder, ".npz"))) {
        complain("run: option '--compare' compares with the output_N.pb of the folder given with --inputs");
        return EXIT_USAGE;
    }
    double rtol = 1e-3, atol = 1e-7; /* what ONNX's own tests allow */
    if (!args_num(j->a, "rtol", 0, 1e9, &rtol) || !args_num(j->a, "atol", 0, 1e9, &atol)) return EXIT_USAGE;
    if (!inputs_make(j->a, j->m, &j->in)) return EXIT_ERROR;
    find_outputs(j);
    int st = execute(j);
    if (st == EXIT_OK) st = print_results(j);
    const char *save = args_get(j->a, "output", NULL);
    if (st == EXIT_OK && save && !save_values(save, format, j->names, j->out, j->n)) st = EXIT_ERROR;
    if (st == EXIT_OK && args_has(j->a, "compare") &&
        !compare_values(folder, j->names, j->out, j->types, j->n, rtol, atol))
        st = EXIT_ERROR;
    for (size_t i = 0; i < j->n; i++) sard_value_unref(j->out[i]);
    free(j->names);
    free(j->types);
    free(j->out);
    return st;
}

static int run_run(const args *a) {
    job j = {.a = a, .begin = now_seconds()};
    j.m = load_model(a, a->pos[0]);
    if (!j.m) return EXIT_ERROR;
    const int st = run_job(&j);
    inputs_free(&j.in);
    sard_model_unref(j.m);
    return st;
}

static const option options[] = {
    OPTIONS_INPUT,
    {"fetch", 0, "NAME", "what to compute: an output or any value inside (default: all outputs)"},
    {"print", 'p', "summary|full|none", "how results are printed (default summary)"},
    {"top", 0, "K", "the K highest of each row"},
    {"labels", 0, "FILE", "names for --top, one a line"},
    {"output", 'o', "DIR", "saves the results there"},
    {"format", 0, "npy|npz|pb", "of what is saved (default npy)"},
    {"compare", 0, NULL, "compares with the output_N.pb beside the inputs"},
    {"rtol", 0, "X", "relative tolerance of --compare (default 1e-3)"},
    {"atol", 0, "X", "absolute tolerance of --compare (default 1e-7)"},
    {"timeout", 0, "SECONDS", "ends the command when loading and running take longer"},
    {"profile", 0, "FILE", "times of every step as a Chrome trace"},
    {"time", 0, NULL, "prints how long the run took"},
    OPTIONS_MODEL,
    {0}};
extern const command cmd_run;
const command cmd_run = {
    .name = "run",
    .summary = "runs a model on files or on made-up inputs",
    .positional = "MODEL.onnx",
    .details = "Every input must be given, by --input or --inputs, unless --random or --fill makes up the rest;\n"
               "symbolic dimensions are then 1 where neither --shape, --dim nor another input says more.\n"
               "With one input its name may be left out.",
    .examples = "  sard run model.onnx --random 1\n"
                "  sard run resnet50.onnx --input cat.jpg --scale 1/255 --mean 0.485,0.456,0.406 \\\n"
                "      --std 0.229,0.224,0.225 --fit crop --labels imagenet.txt --top 5\n"
                "  sard run model.onnx --input x=x.npy --input 'n=[3]' --output results --format npz\n"
                "  sard run model.onnx --inputs test_data_set_0 --compare\n"
                "  sard run bert.onnx --fill 1 --shape ids=8x128 --profile trace.json",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run_run};
