/*
 * value.h -- sard_value: everything a model can take or give, refcounted and immutable once shared.
 *
 * A sequence holds references; inserting makes a new array that shares the elements, or grows the old one in
 * place when nobody else holds it. A map is two values of equal length. An optional is one value or none.
 */
#ifndef SARD_TENSOR_VALUE_H
#define SARD_TENSOR_VALUE_H

#include "tensor/tensor.h"

struct sard_value {
    atomic_uint refs;
    uint8_t kind;  /* sard_kind */
    uint8_t dtype; /* element type of a sequence or optional of tensors (needed when empty) */
    union {
        tensor t;
        struct {
            sard_value **items;
            size_t n, cap;
        } seq;
        struct {
            sard_value *keys, *values;
        } map;
        struct {
            sard_value *item;
        } opt;
        struct {
            shape dims;
            sard_value *values, *indices;
        } sparse;
    };
};

/* All take over (never add to) the references given, also on failure; the array `items` itself stays the caller's.
 * sard_value_ref and sard_value_unref are implemented here. */
sard_status value_tensor(tensor *take, sard_value **out, sard_error *err);
sard_status value_sequence(sard_value **items, size_t n, sard_dtype elem, sard_value **out, sard_error *err);
sard_status value_map(sard_value *keys, sard_value *values, sard_value **out, sard_error *err);
sard_status value_optional(sard_value *item, sard_dtype elem, sard_value **out, sard_error *err);
sard_status value_sparse(const shape *dims, sard_value *values, sard_value *indices, sard_value **out, sard_error *err);
static inline bool value_is_tensor(const sard_value *v) { return v && v->kind == SARD_KIND_TENSOR; }
/* A deep copy that owns everything. */
sard_status value_clone(const sard_value *v, sard_value **out, sard_error *err);
/* "f32[2,3]", "seq(3)", "map(i64,2)", "optional()" into buf, which is returned. */
const char *value_text(const sard_value *v, char *buf, size_t n);

#endif
