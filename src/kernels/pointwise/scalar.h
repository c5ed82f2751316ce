/*
 * scalar.h -- the meaning of every instruction, one element at a time; private to this family.
 *
 * A value of an element type travels in a pw_cell: f for F32, F16, BF16, float8 and float4 (decoded), d for F64, i for
 * every other type (I8..I64, U8..U64 by value, U64 by bits, 2- and 4-bit integers; BOOL 0 or 1). The interpreter of ref.c
 * is a loop over pw_eval, and the vector code calls it for the instructions that have no vector form.
 */
#ifndef SARD_KERNELS_POINTWISE_SCALAR_H
#define SARD_KERNELS_POINTWISE_SCALAR_H

#include "kernels/pointwise/pointwise.h"

typedef union pw_cell {
    float f;
    double d;
    int64_t i;
} pw_cell;

typedef enum pw_family { PW_FAM_NONE, PW_FAM_F32, PW_FAM_F64, PW_FAM_INT, PW_FAM_BOOL } pw_family;
pw_family pw_family_of(pw_type t); /* PW_FAM_NONE: not a type of pointwise programs */
int pw_bits(pw_type t);            /* bits of an element in memory: 1 byte for BOOL; 4, 2 for the packed ones */

/* type: of the result; from: type of the operands that are not conditions. */
pw_cell pw_eval(pw_opcode op, pw_type type, pw_type from, unsigned flags, const pw_cell *arg);
pw_cell pw_convert(pw_type to, pw_type from, unsigned flags, pw_cell a); /* PW_CAST */
pw_cell pw_load_cell(pw_type t, const void *base, int64_t index);
void pw_store_cell(pw_type t, void *base, int64_t index, pw_cell c);
int64_t pw_wrap(pw_type t, int64_t x);                 /* an integer type's low bits, extended */
float pw_round_to(pw_type t, float x, unsigned flags); /* F16, BF16, float8 ...: the nearest value of the type */

#endif
