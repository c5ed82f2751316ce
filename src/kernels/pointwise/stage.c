/*
 * stage.c -- gather and scatter. See stage.h.
 */
#include "kernels/pointwise/stage.h"

#include <string.h>

#include "kernels/pointwise/scalar.h"

int64_t pw_offset(const int64_t *dim, const int64_t *stride, int n, int64_t number) {
    int64_t at = 0;
    for (int d = n - 1; d >= 0; d--) at += number % dim[d] * stride[d], number /= dim[d];
    return at;
}

char *pw_address(const char *p, int64_t bytes) {
    char *q;
    const char *at = p + bytes;
    memcpy(&q, &at, sizeof q);
    return q;
}

static int unit(pw_type t) { return pw_bits(t) < 8 ? 1 : pw_bits(t) / 8; }

static uint8_t unpack(const uint8_t *b, int bits, int64_t k) {
    return (uint8_t)(b[k * bits >> 3] >> (k * bits & 7) & ((1 << bits) - 1));
}

/* Copies n elements of `size` bytes between strided places (strides in elements). */
static void copy(char *to, int64_t to_stride, const char *from, int64_t from_stride, int64_t n, int size) {
    if (to_stride == 1 && from_stride == 1) {
        memcpy(to, from, (size_t)(n * size));
        return;
    }
    if (from_stride == 0 && to_stride == 1 && n > 8) { /* one element repeated: by doubling */
        int64_t done = 1;
        memcpy(to, from, (size_t)size);
        for (; 2 * done <= n; done *= 2) memcpy(to + done * size, to, (size_t)(done * size));
        memcpy(to + done * size, to, (size_t)((n - done) * size));
        return;
    }
    switch (size) {
#define CASE(z)                                                                                                        \
    case z:                                                                                                            \
        for (int64_t k = 0; k < n; k++) memcpy(to + k * to_stride * z, from + k * from_stride * z, z);                 \
        break
        CASE(1);
        CASE(2);
        CASE(4);
        CASE(8);
#undef CASE
    default:
        break;
    }
}

void pw_gather(pw_type t, const void *base, int64_t at, int64_t stride, int64_t n, void *to) {
    int bits = pw_bits(t);
    if (bits < 8) {
        for (int64_t k = 0; k < n; k++) ((uint8_t *)to)[k] = unpack(base, bits, at + k * stride);
    } else {
        copy(to, 1, (const char *)base + at * (bits / 8), stride, n, bits / 8);
    }
}

void pw_gather1(pw_type t, const void *base, int64_t at, void *to) { pw_gather(t, base, at, 1, 1, to); }

void pw_scatter(pw_type t, void *base, int64_t at, int64_t stride, int64_t n, const void *from) {
    int bits = pw_bits(t);
    if (bits < 8) {
        for (int64_t k = 0; k < n; k++) {
            int64_t e = (at + k * stride) * bits;
            uint8_t *b = (uint8_t *)base + (e >> 3), mask = (uint8_t)((1 << bits) - 1);
            *b = (uint8_t)((*b & ~(mask << (e & 7))) | (((const uint8_t *)from)[k] & mask) << (e & 7));
        }
    } else {
        copy((char *)base + at * (bits / 8), stride, from, 1, n, bits / 8);
    }
}

/* Runs along the inner dimension: position of `at`, then row after row. */
typedef struct walk {
    int64_t index[PW_MAX_RANK], at;
} walk;

static void walk_start(walk *w, int rank, const int64_t *dim, const int64_t *stride, int64_t at) {
    w->at = 0;
    for (int d = rank - 1; d >= 0; d--) {
        w->index[d] = at % dim[d], at /= dim[d];
        w->at += w->index[d] * stride[d];
    }
}

static void walk_on(walk *w, int rank, const int64_t *dim, const int64_t *stride, int64_t n) { /* within the row */
    int d = rank - 1;
    w->index[d] += n, w->at += n * stride[d];
    for (; d > 0 && w->index[d] == dim[d]; d--) {
        w->at += stride[d - 1] - dim[d] * stride[d];
        w->index[d] = 0, w->index[d - 1]++;
    }
}

void pw_gather_nd(pw_type t, int rank, const int64_t *dim, const int64_t *stride, const void *base, int64_t at,
                  int64_t n, void *to) {
    walk w;
    walk_start(&w, rank, dim, stride, at);
    for (int64_t k = 0, m; k < n; k += m) {
        m = dim[rank - 1] - w.index[rank - 1];
        if (m > n - k) m = n - k;
        pw_gather(t, base, w.at, stride[rank - 1], m, (char *)to + k * unit(t));
        walk_on(&w, rank, dim, stride, m);
    }
}

void pw_scatter_nd(pw_type t, int rank, const int64_t *dim, const int64_t *stride, void *base, int64_t at, int64_t n,
                   const void *from) {
    walk w;
    walk_start(&w, rank, dim, stride, at);
    for (int64_t k = 0, m; k < n; k += m) {
        m = dim[rank - 1] - w.index[rank - 1];
        if (m > n - k) m = n - k;
        pw_scatter(t, base, w.at, stride[rank - 1], m, (const char *)from + k * unit(t));
        walk_on(&w, rank, dim, stride, m);
    }
}
