/*
 * scatter.h -- what ScatterElements and ScatterND share: the reductions. Duplicates are joined in the order of indices.
 *
 * f16 and bf16 are joined in f32 and rounded once: data and updates are widened for the while.
 */
#ifndef SARD_OPS_SCATTER_H
#define SARD_OPS_SCATTER_H

#include "ops/index.h"

enum { SCATTER_NONE, SCATTER_ADD, SCATTER_MUL, SCATTER_MAX, SCATTER_MIN };

typedef struct scatter {
    int how;
    size_t size; /* bytes of an element of data and updates */
    char *data;  /* to be changed */
    const char *updates;
    void (*fold)(int how, void *to, const void *from, int64_t n); /* NULL: SCATTER_NONE */
    tensor *y;
    float *wide; /* what scatter_end rounds from; NULL: nothing to do */
} scatter;

sard_status scatter_reduction(const attr *a, sard_dtype t, int *how, sard_error *err);
/* Output 0 with input 0's data in it, ready for updates. */
sard_status scatter_begin(op_ctx *c, int how, const tensor *updates, scatter *s, sard_error *err);
/* ... of shape s, with zeros in it; sums of updates of its type. */
sard_status scatter_zeros(op_ctx *c, const shape *dims, const tensor *updates, scatter *s, sard_error *err);
void scatter_end(const scatter *s);
/* n elements of updates from element `from` on to data's element `to` on. */
static inline void scatter_put(const scatter *s, int64_t to, int64_t from, int64_t n) {
    char *d = s->data + (size_t)to * s->size;
    const char *u = s->updates + (size_t)from * s->size;
    if (s->fold)
        s->fold(s->how, d, u, n);
    else
        memcpy(d, u, (size_t)n * s->size);
}

#endif
