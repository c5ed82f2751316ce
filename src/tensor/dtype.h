/*
 * dtype.h -- element types: sizes, classes and sets.
 *
 * A dtype_set is one bit per element type, so that an operator's type constraint is a number.
 */
#ifndef SARD_TENSOR_DTYPE_H
#define SARD_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "sard/sard.h"

typedef uint32_t dtype_set;
#define DT(t) ((dtype_set)1 << (t))

#define DT_INT_SIGNED   (DT(SARD_I8) | DT(SARD_I16) | DT(SARD_I32) | DT(SARD_I64))
#define DT_INT_UNSIGNED (DT(SARD_U8) | DT(SARD_U16) | DT(SARD_U32) | DT(SARD_U64))
#define DT_INT          (DT_INT_SIGNED | DT_INT_UNSIGNED)
#define DT_FLOAT        (DT(SARD_F32) | DT(SARD_F64) | DT(SARD_F16) | DT(SARD_BF16))
#define DT_NUMBER       (DT_INT | DT_FLOAT) /* what arithmetic takes */
#define DT_BOOL         DT(SARD_BOOL)
#define DT_STRING       DT(SARD_STRING)
#define DT_COMPLEX      (DT(SARD_C64) | DT(SARD_C128))
#define DT_FLOAT8       (DT(SARD_F8E4M3FN) | DT(SARD_F8E4M3FNUZ) | DT(SARD_F8E5M2) | DT(SARD_F8E5M2FNUZ) | DT(SARD_F8E8M0))
#define DT_SUBBYTE      (DT(SARD_U4) | DT(SARD_I4) | DT(SARD_F4E2M1) | DT(SARD_U2) | DT(SARD_I2))
#define DT_FLOAT6       (DT(SARD_F6E2M3) | DT(SARD_F6E3M2))
#define DT_ALL          (DT_NUMBER | DT_BOOL | DT_STRING | DT_COMPLEX | DT_FLOAT8 | DT_SUBBYTE | DT_FLOAT6)

static inline bool dtype_in(int t, dtype_set s) { return t > 0 && t < SARD_DTYPE_COUNT && (s >> t & 1); }
bool dtype_valid(int t);
/* Whether a pointer to elements of type t may not point there (data in a file begins at any byte). */
bool dtype_odd_address(int t, const void *p);
int dtype_bits(int t); /* bits an element takes in memory; a string takes 128 (a str); 0: not valid */
static inline bool dtype_subbyte(int t) { return dtype_in(t, DT_SUBBYTE); } /* packed, never strided */
bool dtype_signed(int t);
/* Bytes of `count` dense elements; non-zero on overflow or an invalid type. */
int dtype_bytes(int t, int64_t count, size_t *bytes);
const char *dtype_short(int t); /* "f32", "i64", "str" ... for shapes in messages */

#endif
