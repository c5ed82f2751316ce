/* rows.c -- see conv_rows.h. */
#include "kernels/conv/conv_rows.h"

static size_t round64(size_t n) { return (n + 63) & ~(size_t)63; }

int64_t conv_taps(const conv_shape *s) {
    int64_t n = 1;
    for (int d = 0; d < s->rank; d++) n *= s->kernel[d];
    return n;
}

static int64_t kernel_sum(const conv_shape *s) {
    int64_t n = 0;
    for (int d = 0; d < s->rank; d++) n += s->kernel[d];
    return n;
}

int64_t conv_runs_most(const conv_shape *s) {
    return conv_taps(s) + conv_taps(s) * (s->c / s->groups) / GEMM_SEGMENT + 2;
}

size_t conv_rows_tables(const conv_shape *s) {
    return round64((size_t)kernel_sum(s) * sizeof(int64_t)) + round64((size_t)conv_runs_most(s) * sizeof(gemm_run));
}

typedef struct own { /* a worker's scratch; then one mask per axis and tap, then runs */
    int64_t row[GEMM_MAX_ROWS];
    uint32_t mask[];
} own;

static size_t masks_bytes(const conv_shape *s) { return round64(sizeof(own) + (size_t)kernel_sum(s) * 4); }
size_t conv_rows_own(const conv_shape *s) {
    return masks_bytes(s) + round64((size_t)conv_runs_most(s) * sizeof(gemm_run));
}

static void axis_init(conv_axis *a, const conv_shape *s, int d, int64_t first, int64_t *at) {
    const int64_t stride = s->stride[d];
    *a = (conv_axis){
        .first = first, .every = s->transposed ? stride : 1, .in = s->in[d], .taps = s->kernel[d], .at = at};
    a->count = s->out[d] > first ? (s->out[d] - first - 1) / a->every + 1 : 0;
    a->base = s->transposed ? (first + s->pad[d]) / stride : -s->pad[d];
    a->step = s->transposed ? 1 : stride;
    int64_t least = 0, most = 0;
    bool any = false;
    for (int64_t t = 0; t < s->kernel[d]; t++) {
        at[t] = t * s->dilation[d];
        if (s->transposed) {
            const int64_t from = (first + s->pad[d]) % stride - at[t];
            at[t] = from % stride ? CONV_NO_TAP : from / stride;
        }
        if (at[t] == CONV_NO_TAP) continue;
        if (!any || at[t] < least) least = at[t];
        if (!any || at[t] > most) most = at[t];
        any = true;
    }
    a->lo = -least, a->hi = s->in[d] - 1 - most;
}

/* The tap at positions i[]: its offset in x; false: it does not exist in this phase. */
static bool tap_offset(const conv_rows *r, const int64_t *i, int64_t *off) {
    *off = 0;
    for (int d = 0; d < r->rank; d++) {
        if (r->axis[d].at[i[d]] == CONV_NO_TAP) return false;
        *off += r->axis[d].at[i[d]] * r->axis[d].stride;
    }
    return true;
}

/* Appends one tap to the list, joined to the last run where they are contiguous and alike. */
static int64_t add_tap(gemm_run *run, int64_t n, int64_t *k, int64_t off, int64_t len, uint32_t valid, bool skip) {
    while (len > 0) {
        const int64_t room = GEMM_SEGMENT - *k % GEMM_SEGMENT, take = len < room ? len : room;
        gemm_run *last = n > 0 ? &run[n - 1] : NULL;
        if (last && !last->end && last->skip == skip &&
            (skip || (last->valid == valid && last->off + last->len == off)))
            last->len += (int32_t)take;
        else
            run[n++] = (gemm_run){.off = off, .len = (int32_t)take, .valid = valid, .skip = skip};
        *k += take, off += take, len -= take;
        run[n - 1].end = *k % GEMM_SEGMENT == 0;
    }
    return n;
}

/* The list of runs; mask: per axis and tap, the rows that have it; NULL: all of them. */
static int64_t list_runs(const conv_rows *r, const uint32_t *mask, gemm_run *run) {
    int64_t i[CONV_MAX_RANK] = {0}, n = 0, k = 0;
    for (;;) {
        int64_t off;
        uint32_t valid = ~0u;
        const uint32_t *m = mask;
        bool skip = !tap_offset(r, i, &off);
        for (int d = 0; mask && d < r->rank; d++) {
            valid &= m[i[d]];
            m += r->axis[d].taps;
        }
        if (!valid && r->leave_out) skip = true;
        n = add_tap(run, n, &k, off, r->depth, skip ? ~0u : valid, skip);
        int d = r->rank - 1;
        while (d >= 0 && ++i[d] == r->axis[d].taps) i[d--] = 0;
        if (d < 0) return n;
    }
}

void conv_rows_init(conv_rows *r, const conv_shape *s, const int64_t *first, bool finite, void *tables) {
    *r = (conv_rows){.rank = s->rank, .depth = s->c / s->groups, .leave_out = finite || s->transposed, .pitch = s->c};
    int64_t *at = tables, stride = s->c;
    bool plain = true;
    for (int d = 0; d < s->rank; d++) {
        axis_init(&r->axis[d], s, d, first[d], at);
        at += s->kernel[d];
    }
    for (int d = s->rank - 1; d >= 0; d--) {
        r->axis[d].stride = stride;
        stride *= s->in[d];
        plain = plain && s->kernel[d] == 1 && s->stride[d] == 1 && s->pad[d] == 0 && s->in[d] == s->out[d];
    }
    r->image = stride;
    r->plain = plain;
    gemm_run *inner = (gemm_run *)(void *)((char *)tables + round64((size_t)kernel_sum(s) * sizeof(int64_t)));
    r->inner_n = list_runs(r, NULL, inner);
    r->inner = inner;
}

int64_t conv_rows_count(const conv_rows *r, int64_t images) {
    for (int d = 0; d < r->rank; d++) images *= r->axis[d].count;
    return images;
}

int64_t conv_rows_pixel(const conv_rows *r, const conv_shape *s, int64_t row) {
    int64_t pixel = 0, scale = 1;
    for (int d = r->rank - 1; d >= 0; d--) {
        pixel += (r->axis[d].first + row % r->axis[d].count * r->axis[d].every) * scale;
        row /= r->axis[d].count;
        scale *= s->out[d];
    }
    return row * scale + pixel;
}

/* Row m of the tile has these taps of axis d. */
static void mark(const conv_axis *a, int64_t base, int m, uint32_t *mask) {
    if (base >= a->lo && base <= a->hi) {
        for (int64_t t = 0; t < a->taps; t++) mask[t] |= 1u << m;
        return;
    }
    for (int64_t t = 0; t < a->taps; t++) {
        if (a->at[t] == CONV_NO_TAP) continue;
        const int64_t p = base + a->at[t];
        mask[t] |= (uint32_t)(p >= 0 && p < a->in) << m;
    }
}

void conv_rows_get(const void *arg, void *scratch, int64_t from, int count, int64_t k0, int64_t k1, gemm_tile_f32 *t) {
    const conv_rows *r = arg;
    own *o = scratch;
    t->a = r->x;
    t->row = o->row;
    t->run = r->inner;
    t->runs = r->inner_n;
    if (r->plain) {
        for (int m = 0; m < count; m++) o->row[m] = (from + m) * r->pitch;
        t->run += k0 / GEMM_SEGMENT;
        t->runs = (k1 - k0 + GEMM_SEGMENT - 1) / GEMM_SEGMENT;
        return;
    }
    int64_t q[CONV_MAX_RANK], rest = from;
    int64_t base[GEMM_MAX_ROWS][CONV_MAX_RANK];
    bool inside = true;
    for (int d = r->rank - 1; d >= 0; d--) {
        q[d] = rest % r->axis[d].count;
        rest /= r->axis[d].count;
    }
    for (int m = 0; m < count; m++) {
        int64_t off = rest * r->image;
        for (int d = 0; d < r->rank; d++) {
            const conv_axis *a = &r->axis[d];
            const int64_t b = a->base + q[d] * a->step;
            base[m][d] = b;
            inside &= b >= a->lo && b <= a->hi;
            off += b * a->stride;
        }
        o->row[m] = off;
        int d = r->rank - 1;
        while (d >= 0 && ++q[d] == r->axis[d].count) q[d--] = 0;
        if (d < 0) rest++;
    }
    if (inside) return;
    uint32_t *mask = o->mask;
    int64_t taps = 0;
    for (int d = 0; d < r->rank; d++) taps += r->axis[d].taps;
    for (int64_t i = 0; i < taps; i++) mask[i] = 0;
    for (int d = 0; d < r->rank; d++) {
        for (int m = 0; m < count; m++) mark(&r->axis[d], base[m][d], m, mask);
        mask += r->axis[d].taps;
    }
    gemm_run *run = (gemm_run *)(void *)((char *)scratch + round64(sizeof(own) + (size_t)taps * 4));
    t->runs = list_runs(r, o->mask, run);
    t->run = run;
}
