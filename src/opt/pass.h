/*
 * pass.h -- what the passes of this room share: the context, and helpers to look at and change a graph.
 *
 * A pass walks one graph and reports each rewrite through pass_did, which counts it, explains it and says whether the
 * budget (--stop-after) allows it. The driver (opt.c) runs passes over every graph of the module until nothing changes.
 */
#ifndef SARD_OPT_PASS_H
#define SARD_OPT_PASS_H

#include "opt/opt.h"

typedef struct pass {
    module *m;
    const opt_options *o;
    long left;        /* rewrites still allowed; negative: no limit */
    size_t fold_left; /* bytes that folded values may still take */
    uint32_t changes; /* by the pass that runs */
    sard_error *err;
} pass;

/* Asks leave for a rewrite, explaining it; false: the budget is spent, leave the graph alone. */
bool pass_may(pass *p, const graph *g, const node *n, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Explains why something that looked possible was not done. */
void pass_why_not(pass *p, const graph *g, const node *n, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* The passes: one file each. */
sard_status pass_lower(pass *p, graph *g);      /* composed operators into their parts */
sard_status pass_fold(pass *p, graph *g);       /* nodes of constants into constants */
sard_status pass_clean(pass *p, graph *g);      /* identities, captured constants, dead nodes */
sard_status pass_cse(pass *p, graph *g);        /* equal nodes on equal inputs once */
sard_status pass_conv_scale(pass *p, graph *g); /* per-channel constants behind a convolution into its weights */
sard_status pass_layout(pass *p, graph *g);     /* channels-last where kernels gain from it */
sard_status pass_group(pass *p, graph *g);      /* pointwise runs and epilogues into sard.Fused nodes */

/* The tensor of a constant that may be built upon; NULL for others, and for overridable initializers. */
const tensor *const_of(const graph *g, value_id v);
/* The node that makes v; NULL for inputs, captures, constants. */
node *maker(const graph *g, value_id v);
static inline bool is_op(const node *n, const char *name) {
    return n && n->op->domain[0] == 0 && strcmp(n->op->name, name) == 0;
}
/* The one element of a constant of any numeric type; false when it is not such. */
bool const_scalar(const graph *g, value_id v, double *out);
/* Both types known, tensors, and every dimension provably the same. */
bool same_shape(const vtype *a, const vtype *b);
/* Runs as a pointwise program with these types. */
bool is_pointwise(const graph *g, const node *n);

#endif
