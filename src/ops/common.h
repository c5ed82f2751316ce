/*
 * common.h -- what several operators' files share: emitters, upgrades, small checks.
 *
 * Only what at least two files use stands here; an operator's own things stay in its file.
 */
#ifndef SARD_OPS_COMMON_H
#define SARD_OPS_COMMON_H

#include "graph/op.h"
#include "kernels/pointwise/pointwise.h"

/* emit of a pointwise operator that is one instruction: op->code is the pw_opcode, its type the output's. */
sard_status emit_code1(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err);
sard_status emit_code2(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err);

/* infer: output 0 has input 0's shape and element type BOOL. */
sard_status infer_same_bool(infer_ctx *c, sard_error *err);
/* infer: broadcast of all inputs, element type BOOL. */
sard_status infer_broadcast_bool(infer_ctx *c, sard_error *err);

/* upgrade: opset 1..6 arithmetic with attributes broadcast and axis. */
sard_status upgrade_old_broadcast(draft *d, int since, sard_error *err);

/* An attribute that must be one of a list of words: its place in the list. */
sard_status attr_word(const attr *a, const char *name, const char *const *words, int n, int *out, sard_error *err);

/* Reads a whole integer tensor (int32 or int64) into out, which holds cap; *n is its length. */
sard_status read_ints(const tensor *t, const char *what, int64_t *out, int cap, int *n, sard_error *err);

/* Element i of numbers or bools as text, as Cast writes it: its length. Strings as numbers of y's type, as Cast reads
 * them; x and y are of one length. */
int cast_number_text(const tensor *t, int64_t i, char *out, size_t cap);
sard_status cast_strings(const tensor *x, tensor *y, sard_error *err);

/* *a becomes what holds of both (carried values of bodies); true when it lost something. */
bool type_weaken(vtype *a, const vtype *b);

/* ok when the tensor has the rank (or is NULL). */
static inline bool type_ranked(const vtype *t) { return t && t->kind == SARD_KIND_TENSOR && t->rank >= 0; }

#endif
