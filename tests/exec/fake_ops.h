/*
 * fake_ops.h -- small operators for the executor's tests, and modules made of them.
 *
 *   AddOne  f32, in place      Sum2   f32 a + b, same shapes    View   [n] of anything (OP_VIEW0)
 *   Grow    f32 [n] -> [2n]    Pick   the positive elements (OP_DATA_SHAPE)
 *   Fill    f32 of the shape its int64 input says, all 1        Dims   the shape of its input, int64
 *   Choose  runs body 0 or 1   Repeat runs its body n times on a carried value
 *   Scratch uses scratch memory                                  Stop   sets the run's cancel flag
 *   Pair    a sequence of its inputs                             First  the first element of a sequence
 *   Noise   one f32: its seed's low bits
 */
#ifndef TESTS_EXEC_FAKE_OPS_H
#define TESTS_EXEC_FAKE_OPS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "exec/exec.h"

extern const op_set fake_set;
extern _Atomic(long) fake_pointer_reuse; /* AddOne: outputs that were their input's memory */
extern _Atomic(long) fake_live_states;   /* prepared and not dropped */
extern _Atomic(int *) fake_stop_flag;

typedef struct maker { /* a module under construction; every step is asserted */
    module *m;
    graph *g;
} maker;

maker make_module(void);
maker make_body(maker *of); /* an empty body graph of the same module */
value_id make_input(maker *k, const char *name, sard_dtype t, int rank, const int64_t *dims);
value_id make_op(maker *k, const char *op, const value_id *in, uint32_t n_in); /* one output */
node_id make_node(maker *k, const char *op, const value_id *in, uint32_t n_in, const value_id *out, uint32_t n_out,
                  const graph_id *bodies, uint32_t n_bodies);
value_id make_value(maker *k);
value_id make_ints(maker *k, const int64_t *v, size_t n);
void make_io(maker *k, const value_id *in, uint32_t n_in, const value_id *out, uint32_t n_out);

sard_value *floats(const float *v, int64_t n);
sard_value *ints(const int64_t *v, int64_t n);
void expect_floats(const sard_value *v, const float *want, int64_t n);

#endif
