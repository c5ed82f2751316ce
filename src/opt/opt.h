/*
 * opt.h -- graph rewriting: a list of passes over a module, at four levels.
 *
 *   none      only what running needs (lowering of composed operators, grouping of single pointwise nodes)
 *   basic     constant folding, identity and dead-node removal, common subexpressions: the same bits
 *   extended  + fusions: pointwise grouping, epilogues, conv + batch-norm folding, attention-like patterns
 *   all       + layout (channels-last), and what else is specific to this machine's kernels
 * The result of a level equals the unoptimised graph bit for bit wherever no rule changed the arithmetic; rules that do
 * are marked in their tables.
 */
#ifndef SARD_OPT_OPT_H
#define SARD_OPT_OPT_H

#include "graph/op.h"

typedef enum opt_level { OPT_NONE, OPT_BASIC, OPT_EXTENDED, OPT_ALL } opt_level;

typedef struct opt_options {
    opt_level level;
    graph_eval_fn eval; /* for constant folding */
    void *eval_arg;
    size_t fold_limit;                             /* no folded value larger than this (bytes) */
    size_t fold_total;                             /* nor all together larger than this and the constants there were */
    long stop_after;                               /* rewrites; < 0: no limit */
    void (*explain)(void *user, const char *line); /* may be NULL */
    void *explain_user;
} opt_options;

/* Rewrites in place; types are inferred on the way. */
sard_status opt_run(module *m, const opt_options *o, sard_error *err);

#endif
