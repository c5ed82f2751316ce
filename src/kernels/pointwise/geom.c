/*
 * geom.c -- the iteration space of a run: dimensions sorted so that memory is walked in order, and merged.
 *
 * The order of a pointwise operation is free, so dimensions go by falling stride of output 0 (a channels-last output is
 * walked as it lies), and two neighbours become one where every operand steps evenly over both.
 */
#include <string.h>

#include "base/mem.h"
#include "kernels/pointwise/program.h"

bool pw_broadcast(int rank, const int64_t *dims, int in_rank, const int64_t *in_dims, const int64_t *in_strides,
                  int64_t *stride) {
    int64_t dense[PW_MAX_RANK], s = 1;
    if (in_rank > rank || rank > PW_MAX_RANK) return false;
    for (int i = in_rank - 1; i >= 0; i--) dense[i] = s, s *= in_dims[i];
    for (int i = 0; i < rank; i++) {
        int k = i - (rank - in_rank);
        if (k >= 0 && in_dims[k] != dims[i] && in_dims[k] != 1) return false;
        stride[i] = k < 0 || (in_dims[k] == 1 && dims[i] != 1) ? 0 : in_strides ? in_strides[k] : dense[k];
    }
    return true;
}

typedef struct axis {
    int64_t dim;
    int64_t in[PW_MAX_INPUTS], out[PW_MAX_OUTPUTS];
} axis;

static int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

static void read_axes(axis *ax, const pw_program *p, int rank, const int64_t *dims, const int64_t *const *in,
                      const int64_t *const *out) {
    int64_t dense = 1;
    for (int d = rank - 1; d >= 0; d--) {
        ax[d].dim = dims[d];
        for (int i = 0; i < p->n_in; i++) ax[d].in[i] = in && in[i] ? in[i][d] : dense;
        for (int i = 0; i < p->n_out; i++) ax[d].out[i] = out && out[i] ? out[i][d] : dense;
        dense *= dims[d];
    }
}

static bool merges(const pw_program *p, const axis *outer, const axis *inner) {
    for (int i = 0; i < p->n_in; i++)
        if (outer->in[i] != inner->in[i] * inner->dim) return false;
    for (int i = 0; i < p->n_out; i++)
        if (outer->out[i] != inner->out[i] * inner->dim) return false;
    return true;
}

static int collapse(axis *ax, const pw_program *p, int rank) {
    int n = 0;
    for (int d = 0; d < rank; d++) /* extents of 1 go; insertion sort by stride, stable */
        if (ax[d].dim != 1) {
            axis t = ax[d];
            int k = n++;
            for (; k > 0 && magnitude(ax[k - 1].out[0]) < magnitude(t.out[0]); k--) ax[k] = ax[k - 1];
            ax[k] = t;
        }
    int m = 0;
    for (int d = 0; d < n; d++) {
        if (m > 0 && merges(p, &ax[m - 1], &ax[d])) {
            int64_t dim = ax[m - 1].dim * ax[d].dim;
            ax[m - 1] = ax[d];
            ax[m - 1].dim = dim;
        } else {
            ax[m++] = ax[d];
        }
    }
    return m;
}

sard_status pw_geom_init(pw_geom *g, const pw_program *p, int rank, const int64_t *dims,
                         const int64_t *const *in_stride, const int64_t *const *out_stride, sard_error *err) {
    axis ax[PW_MAX_RANK];
    FAIL_IF(rank < 0 || rank > PW_MAX_RANK, err, SARD_UNSUPPORTED, "pointwise: rank %d, at most %d", rank, PW_MAX_RANK);
    memset(g, 0, sizeof *g);
    int64_t total = 1, bytes;
    bool empty = false;
    for (int d = 0; d < rank; d++) empty |= dims[d] == 0;
    for (int d = 0; d < rank && !empty; d++)
        FAIL_IF(dims[d] < 0 || mul_i64(total, dims[d], &total), err, SARD_INVALID_ARGUMENT,
                "pointwise: shape too large");
    FAIL_IF(mul_i64(total, 16, &bytes), err, SARD_INVALID_ARGUMENT, "pointwise: shape too large");
    g->total = empty ? 0 : total;
    if (empty) return SARD_OK;
    read_axes(ax, p, rank, dims, in_stride, out_stride);
    g->rank = collapse(ax, p, rank);
    for (int d = 0; d < g->rank; d++) {
        g->dim[d] = ax[d].dim;
        for (int i = 0; i < p->n_in; i++) g->in[i][d] = ax[d].in[i];
        for (int i = 0; i < p->n_out; i++) g->out[i][d] = ax[d].out[i];
    }
    if (g->rank == 0) { /* one element */
        g->rank = 1, g->dim[0] = 1;
    }
    return SARD_OK;
}
