/*
 * scatter.c -- see scatter.h.
 */
#include "ops/scatter.h"

#include "ops/product.h"

#define UNORDERED(a) false
#define T            int8_t
#define U            uint8_t
#define G(n)         n##_i8
#include "ops/scatter_fold.inc"
#define T    uint8_t
#define U    uint8_t
#define G(n) n##_u8
#include "ops/scatter_fold.inc"
#define T    int16_t
#define U    uint16_t
#define G(n) n##_i16
#include "ops/scatter_fold.inc"
#define T    uint16_t
#define U    uint32_t
#define G(n) n##_u16
#include "ops/scatter_fold.inc"
#define T    int32_t
#define U    uint32_t
#define G(n) n##_i32
#include "ops/scatter_fold.inc"
#define T    uint32_t
#define U    uint32_t
#define G(n) n##_u32
#include "ops/scatter_fold.inc"
#define T    int64_t
#define U    uint64_t
#define G(n) n##_i64
#include "ops/scatter_fold.inc"
#define T    uint64_t
#define U    uint64_t
#define G(n) n##_u64
#include "ops/scatter_fold.inc"
#undef UNORDERED
#define UNORDERED(a) ((a) != (a))
#define T            float
#define U            float
#define G(n)         n##_f32
#include "ops/scatter_fold.inc"
#define T    double
#define U    double
#define G(n) n##_f64
#include "ops/scatter_fold.inc"

sard_status scatter_reduction(const attr *a, sard_dtype t, int *how, sard_error *err) {
    static const char *const words[] = {"none", "add", "mul", "max", "min"};
    TRY(attr_word(a, "reduction", words, 5, how, err));
    FAIL_IF(*how && t && !dtype_in(t, DT_NUMBER | DT_BOOL), err, SARD_UNSUPPORTED, "reduction \"%s\" of %s",
            words[*how], sard_dtype_name(t));
    return SARD_OK;
}

/* Booleans: add and max are or, mul and min are and. */
static void fold_bool(int how, void *to, const void *from, int64_t n) {
    uint8_t *d = to;
    const uint8_t *s = from;
    bool any = how == SCATTER_ADD || how == SCATTER_MAX;
    for (int64_t i = 0; i < n; i++) d[i] = any ? d[i] | s[i] : d[i] & s[i];
}

static void (*const folds[SARD_DTYPE_COUNT])(int, void *, const void *, int64_t) = {
    [SARD_I8] = fold_i8,   [SARD_U8] = fold_u8,    [SARD_I16] = fold_i16,  [SARD_U16] = fold_u16, [SARD_I32] = fold_i32,
    [SARD_U32] = fold_u32, [SARD_I64] = fold_i64,  [SARD_U64] = fold_u64,  [SARD_F32] = fold_f32, [SARD_F64] = fold_f64,
    [SARD_F16] = fold_f32, [SARD_BF16] = fold_f32, [SARD_BOOL] = fold_bool};

/* data NULL: zeros */
static sard_status begin(op_ctx *c, int how, const shape *dims, const tensor *data, const tensor *updates, scatter *s,
                         sard_error *err) {
    sard_dtype t = (sard_dtype)updates->dtype;
    *s = (scatter){.how = how, .size = element_size(updates), .fold = how ? folds[t] : NULL};
    TRY(op_out(c, 0, t, dims, &s->y, err));
    s->data = tensor_data(s->y), s->updates = tensor_data(updates);
    int64_t n = tensor_count(s->y), k = tensor_count(updates);
    if (how && (t == SARD_F16 || t == SARD_BF16)) {
        void *wide, *more;
        TRY(op_scratch(c, (size_t)n * sizeof(float), &wide, err));
        TRY(op_scratch(c, (size_t)k * sizeof(float), &more, err));
        if (data) widen_f32(tensor_data(data), t, wide, n);
        widen_f32(tensor_data(updates), t, more, k);
        s->wide = wide, s->data = wide, s->updates = more, s->size = sizeof(float);
        if (data) return SARD_OK;
    }
    if (!data)
        memset(s->data, 0, (size_t)n * s->size);
    else if (s->data != tensor_data(data))
        memcpy(s->data, tensor_data(data), tensor_bytes(data));
    return SARD_OK;
}

sard_status scatter_begin(op_ctx *c, int how, const tensor *updates, scatter *s, sard_error *err) {
    shape dims = shape_of(op_in(c, 0));
    return begin(c, how, &dims, op_in(c, 0), updates, s, err);
}

sard_status scatter_zeros(op_ctx *c, const shape *dims, const tensor *updates, scatter *s, sard_error *err) {
    return begin(c, SCATTER_ADD, dims, NULL, updates, s, err);
}

void scatter_end(const scatter *s) {
    if (s->wide) narrow_f32(s->wide, (sard_dtype)s->y->dtype, tensor_data(s->y), tensor_count(s->y));
}
