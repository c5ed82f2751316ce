/*
 * lists.c -- `sard ops`, `sard kernels`, `sard version`.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"

static int by_name(const void *a, const void *b) {
    const sard_op_info *x = a, *y = b;
    const int d = strcmp(x->domain, y->domain);
    return d ? d : strcmp(x->name, y->name);
}

static bool wanted(const args *a, const char *name) {
    if (a->n_pos == 0) return true;
    for (size_t i = 0; i < a->n_pos; i++)
        if (strcasecmp(a->pos[i], name) == 0) return true;
    return false;
}

static int run_ops(const args *a) {
    const size_t n = sard_op_count();
    sard_op_info *ops = xmalloc(n * sizeof *ops);
    for (size_t i = 0; i < n; i++) sard_op_get(i, &ops[i]);
    qsort(ops, n, sizeof *ops, by_name);
    const char *domain = args_get(a, "domain", NULL);
    table t;
    table_init(&t, "llll");
    table_cell(&t, "operator");
    table_cell(&t, "kind");
    table_cell(&t, "versions");
    table_cell(&t, "what it does");
    size_t shown = 0;
    for (size_t i = 0; i < n; i++) {
        const char *in = *ops[i].domain ? ops[i].domain : "ai.onnx";
        if (!wanted(a, ops[i].name) || (domain && strcmp(domain, in) != 0)) continue;
        char versions[160];
        size_t at = 0;
        versions[0] = 0;
        for (const int16_t *v = ops[i].since; *v && at + 8 < sizeof versions; v++)
            at += (size_t)snprintf(versions + at, sizeof versions - at, "%s%d", at ? " " : "", *v);
        table_cell(&t, "%s%s%s", *ops[i].domain ? ops[i].domain : "", *ops[i].domain ? "." : "", ops[i].name);
        table_cell(&t, "%s", ops[i].kind);
        table_cell(&t, "%s", versions);
        table_cell(&t, "%s", ops[i].doc);
        shown++;
    }
    free(ops);
    table_print(&t, stdout, "");
    printf("%zu of %zu operators\n", shown, n);
    if (shown) return EXIT_OK;
    complain("ops: no such operator");
    return EXIT_ERROR;
}

static const option ops_options[] = {{"domain", 0, "NAME", "only this domain (ai.onnx, ai.onnx.ml ...)"}, {0}};
extern const command cmd_ops, cmd_kernels, cmd_version;
const command cmd_ops = {.name = "ops",
                         .summary = "lists the operators of this build",
                         .positional = "[NAME ...]",
                         .examples = "  sard ops\n  sard ops Conv MatMul\n  sard ops --domain ai.onnx.ml",
                         .options = ops_options,
                         .most = 1000,
                         .run = run_ops};

static int run_kernels(const args *a) {
    table t;
    table_init(&t, "llll");
    table_cell(&t, "family");
    table_cell(&t, "kernel");
    table_cell(&t, "needs");
    table_cell(&t, "used here");
    for (size_t i = 0; i < sard_kernel_count(); i++) {
        sard_kernel_info k;
        sard_kernel_get(i, &k);
        if (!wanted(a, k.family)) continue;
        table_cell(&t, "%s", k.family);
        table_cell(&t, "%s", k.name);
        table_cell(&t, "%s", k.isa);
        table_cell(&t, "%s", k.chosen ? "yes" : "");
    }
    table_print(&t, stdout, "");
    return EXIT_OK;
}

static const option no_options[] = {{0}};
const command cmd_kernels = {.name = "kernels",
                             .summary = "lists the kernels of this build and which ones this machine uses",
                             .positional = "[FAMILY ...]",
                             .examples = "  sard kernels\n  sard kernels gemm conv\n  SARD_ISA=avx2 sard kernels",
                             .options = no_options,
                             .most = 100,
                             .run = run_kernels};

static int run_version(const args *a) {
    (void)a;
    printf("sard %s\nonnx opset %d, IR version %d\n%zu operators, %zu kernels\n", sard_version(), sard_onnx_opset(),
           sard_onnx_ir_version(), sard_op_count(), sard_kernel_count());
    return EXIT_OK;
}
const command cmd_version = {.name = "version",
                             .summary = "prints the version of sard and of ONNX it knows",
                             .positional = "",
                             .examples = "  sard version",
                             .options = no_options,
                             .run = run_version};
