/*
 * recurrent.h -- what happens in one step of RNN, GRU and LSTM between the products: a pointwise program per direction.
 */
#ifndef SARD_OPS_RECURRENT_H
#define SARD_OPS_RECURRENT_H

#include "ops/common.h"

enum { CELL_RNN, CELL_GRU, CELL_GRU_LINEAR, CELL_LSTM }; /* GRU_LINEAR: linear_before_reset */

typedef struct act { /* one activation */
    int kind;
    float alpha, beta;
} act;

typedef struct cell {
    int kind;
    sard_dtype type; /* F32 or F64: in which the steps compute */
    act act[3];      /* f, g, h */
    bool has_clip, input_forget;
    float clip;
    bool peephole;
} cell;

/* Activations a direction has: 1, 2 or 3. */
int cell_acts(int kind);
/* Reads those of direction `dir` from the attributes (any may be ATTR_NONE). */
sard_status cell_read_acts(int kind, int dir, int dirs, const attr *names, const attr *alpha, const attr *beta,
                           act *out, sard_error *err);

/*
 * The programs of a step. Inputs are slices [batch, hidden]: G.. of state * R' + Rb, X.. of input * W' + Wb.
 *   RNN         0: G X -> h
 *   GRU_LINEAR  0: Gz Gr Gh Xz Xr Xh h -> h
 *   GRU         0: Gz Gr Xz Xr h -> z, r * h      1: Gh Xh z h -> h    (Gh is of (r * h) * Rh' + Rbh)
 *   LSTM        0: Gi Go Gf Gc Xi Xo Xf Xc c Pi Po Pf -> h, c
 */
sard_status cell_compile(const cell *c, pw_program *out[2], sard_error *err);

#endif
