/*
 * convert.c -- `sard convert`: writes a model back, at a newer opset and, if asked, optimised.
 */
#include <string.h>

#include "cli.h"

static int convert(const args *a, sard_model *m, const char *to) {
    sard_error e = {0};
    const char *external = args_get(a, "external", NULL);
    if (external && strchr(external, '/')) {
        complain("convert: option '--external' is a file name beside the model; found '%s'", external);
        return EXIT_USAGE;
    }
    const int stage = args_has(a, "optimize") ? 1 : 0;
    progress("writing %s ...", to);
    sard_status st = sard_model_write(m, stage, to, external, &e);
    progress_end();
    if (st != SARD_OK) return fail_status(NULL, st, &e);
    sard_model_stats s;
    sard_model_get_stats(m, &s);
    printf("%s: %s, from opset", to, stage ? "optimised" : "as imported");
    for (size_t i = 0; i < sard_model_opsets(m); i++)
        printf(" %s%s%lld", sard_model_opset_domain(m, i), *sard_model_opset_domain(m, i) ? " " : "",
               (long long)sard_model_opset_version(m, i));
    printf(", %llu nodes\n", (unsigned long long)s.nodes);
    return EXIT_OK;
}

static int run_convert(const args *a) {
    sard_model *m = load_model(a, a->pos[0]);
    if (!m) return EXIT_ERROR;
    const int st = convert(a, m, a->pos[1]);
    sard_model_unref(m);
    return st;
}

static const option options[] = {
    {"external", 0, "FILE", "puts big tensors into this file beside the model"}, OPTIONS_MODEL, {0}};
extern const command cmd_convert;
const command cmd_convert = {
    .name = "convert",
    .summary = "writes a model back: newer opset, folded, optimised, with external data",
    .positional = "IN.onnx OUT.onnx",
    .details = "Without --optimize the graph is written as it was read, every operator raised to its newest version.\n"
               "With it, as rewritten at that level: 'basic' folds constants and drops what does nothing.",
    .examples = "  sard convert old.onnx new.onnx\n"
                "  sard convert --optimize basic --dim batch=1 model.onnx folded.onnx\n"
                "  sard convert big.onnx split.onnx --external split.data",
    .options = options,
    .least = 2,
    .most = 2,
    .run = run_convert};
