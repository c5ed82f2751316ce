/*
 * sequence.h -- what operators on sequences and optionals share: types, elements, positions.
 *
 * Of an element only its kind and element type are ever inferred, never its shape: elements may differ in it.
 */
#ifndef SARD_OPS_SEQUENCE_H
#define SARD_OPS_SEQUENCE_H

#include "ops/common.h"

/* What a sequence's, optional's or map's type says of what is inside. */
vtype type_inside(const infer_ctx *c, const vtype *t);
/* Output i is a sequence of tensors of element type t (0: unknown). */
sard_status infer_sequence(infer_ctx *c, uint32_t i, sard_dtype t, sard_error *err);
/* Output i is a `kind` (sequence, optional) of `elem`, shapes forgotten. */
sard_status infer_holder(infer_ctx *c, uint32_t i, sard_kind kind, const vtype *elem, sard_error *err);

/* Input i, a sequence (borrowed). */
sard_status sequence_in(op_ctx *c, uint32_t i, const sard_value **out, sard_error *err);
/* Element k of a sequence, which must be a tensor (borrowed; it may be kept with another reference). */
sard_status sequence_tensor(const sard_value *seq, size_t k, sard_value **out, sard_error *err);
/* Output i is v: one more reference, or a copy of a tensor that is not row-major. */
sard_status give_shared(op_ctx *c, uint32_t i, sard_value *v, sard_error *err);

#endif
