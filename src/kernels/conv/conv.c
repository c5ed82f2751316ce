/*
 * conv.c -- convolutions on gemm's tiles: packing of weights, layouts, groups and phases (see conv.h).
 */
#include <string.h>

#include "base/mem.h"
#include "kernels/conv/conv_rows.h"
#include "kernels/conv/depthwise.h"
#include "kernels/conv/winograd.h"

static size_t round64(size_t n) { return (n + 63) & ~(size_t)63; }
static int64_t product(const int64_t *d, int n) {
    int64_t r = 1;
    for (int i = 0; i < n; i++) r *= d[i];
    return r;
}

/* ---- sizes ---------------------------------------------------------------------------------------------------------- */

static bool too_large(const int64_t *d, int n, int64_t times, int64_t times2) {
    int64_t r;
    if (mul_i64(times, times2, &r)) return true;
    for (int i = 0; i < n; i++)
        if (d[i] != 0 && (mul_i64(r, d[i], &r) || r >= (int64_t)1 << 60)) return true;
    return r >= (int64_t)1 << 60;
}

static sard_status check_axis(const conv_shape *s, int d, sard_error *err) {
    FAIL_IF(s->in[d] < 0 || s->out[d] < 0 || s->kernel[d] < 1 || s->stride[d] < 1 || s->dilation[d] < 1 ||
                s->pad[d] < 0,
            err, SARD_INVALID_ARGUMENT,
            "convolution: axis %d has input %lld, output %lld, kernel %lld, stride %lld, dilation %lld, pad %lld", d,
            (long long)s->in[d], (long long)s->out[d], (long long)s->kernel[d], (long long)s->stride[d],
            (long long)s->dilation[d], (long long)s->pad[d]);
    int64_t reach, taps;
    const bool over = mul_i64(s->out[d], s->stride[d], &reach) || mul_i64(s->kernel[d], s->dilation[d], &taps) ||
                      add_i64(reach, taps, &reach) || add_i64(reach, s->pad[d], &reach) || reach >= (int64_t)1 << 60;
    FAIL_IF(over, err, SARD_INVALID_ARGUMENT, "convolution: axis %d is too long", d);
    return SARD_OK;
}

sard_status conv_check(const conv_shape *s, sard_error *err) {
    FAIL_IF(s->rank < 1 || s->rank > CONV_MAX_RANK, err, SARD_INVALID_ARGUMENT,
            "convolution over %d spatial axes; 1 to %d are possible", s->rank, CONV_MAX_RANK);
    FAIL_IF(s->n < 0 || s->c < 1 || s->oc < 1 || s->groups < 1 || s->c % s->groups || s->oc % s->groups, err,
            SARD_INVALID_ARGUMENT, "convolution of %lld to %lld channels in %lld groups", (long long)s->c,
            (long long)s->oc, (long long)s->groups);
    for (int d = 0; d < s->rank; d++) TRY(check_axis(s, d, err));
    const int64_t n = s->n > 0 ? s->n : 1;
    FAIL_IF(too_large(s->in, s->rank, n, s->c) || too_large(s->out, s->rank, n, s->oc) ||
                too_large(s->kernel, s->rank, s->oc / s->groups, s->c + GEMM_PANEL),
            err, SARD_INVALID_ARGUMENT, "convolution: a tensor would be too large");
    return SARD_OK;
}

/* ---- weights -------------------------------------------------------------------------------------------------------- */

static conv_algorithm choose(const conv_shape *s) {
    if (depthwise_for(s)) return CONV_ALGO_DEPTHWISE;
    const int r = winograd_for(s);
    return r == 4 ? CONV_ALGO_WINOGRAD4 : r == 2 ? CONV_ALGO_WINOGRAD2 : CONV_ALGO_TILE;
}

size_t conv_pack_bytes(const conv_shape *s) {
    const int64_t taps = conv_taps(s);
    size_t r;
    if (winograd_for(s)) return winograd_pack_bytes(s, winograd_for(s)); /* more than the direct pack's */
    if (depthwise_for(s) && s->groups == s->c)
        return mul_size((size_t)taps, (size_t)s->c * sizeof(float), &r) ? SIZE_MAX : r;
    const size_t one = gemm_pack_bytes(taps * (s->c / s->groups), s->oc / s->groups, sizeof(float));
    return one == 0 || mul_size(one, (size_t)s->groups, &r) ? SIZE_MAX : r;
}

static bool all_finite(const float *p, int64_t n) {
    uint32_t bad = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, p + i, 4);
        bad |= (u & 0x7f800000) == 0x7f800000;
    }
    return !bad;
}

void conv_pack_weights(const conv_shape *s, const float *w, float *out, conv_pack *pack) {
    const int64_t taps = conv_taps(s), cg = s->c / s->groups, og = s->oc / s->groups, k = taps * cg;
    *pack = (conv_pack){.algorithm = choose(s), .w = out, .finite = all_finite(w, s->oc * cg * taps)};
    const int r = winograd_for(s);
    if (!pack->finite && (r || cg > 1)) pack->algorithm = CONV_ALGO_TILE;
    if (r && pack->finite) {
        winograd_pack(s, r, w, out);
        return;
    }
    if (pack->algorithm == CONV_ALGO_DEPTHWISE) {
        for (int64_t t = 0; t < taps; t++)
            for (int64_t q = 0; q < cg; q++)
                for (int64_t o = 0; o < s->oc; o++) memcpy(out++, w + ((o * cg + q) * taps + t), sizeof *w);
        return;
    }
    /* element (tap, channel of the group, output of the group) of group g */
    const int64_t q_step = s->transposed ? og * taps : taps, o_step = s->transposed ? taps : cg * taps;
    for (int64_t g = 0; g < s->groups; g++) {
        const float *from = w + g * (s->transposed ? cg : og) * (s->transposed ? og : cg) * taps;
        float *to = out + g * gemm_panels(og) * k * GEMM_PANEL;
        for (int64_t p = 0; p < gemm_panels(og); p++)
            for (int64_t t = 0; t < taps; t++)
                for (int64_t q = 0; q < cg; q++, to += GEMM_PANEL)
                    for (int64_t j = 0; j < GEMM_PANEL; j++) {
                        const int64_t o = p * GEMM_PANEL + j;
                        to[j] = 0;
                        if (o < og) memcpy(&to[j], from + (o * o_step + q * q_step + t), sizeof *to); /* at any byte */
                    }
    }
}

/* ---- plan ----------------------------------------------------------------------------------------------------------- */

typedef struct plan {
    const conv_shape *s;
    int64_t in_pixels, out_pixels;
    bool turn_x, turn_y, turn_add;
    bool depthwise;
    int winograd; /* 0, 2 or 4 */
    size_t tables, x_bytes, y_bytes, add_bytes, worker, total;
} plan;

static bool nothing(const conv_shape *s) { return s->n == 0 || product(s->out, s->rank) == 0; }

/* The job of one phase and group 0. */
static void job_init(gemm_job_f32 *j, const gemm_kernel_f32 *kernel, const conv_f32 *c, bool hidden, int64_t rows,
                     bool plain, int threads) {
    const conv_shape *s = c->shape;
    const int64_t cg = s->c / s->groups, og = s->oc / s->groups;
    *j = (gemm_job_f32){.kernel = kernel, .m = rows, .n = og, .k = conv_taps(s) * cg, .ldc = s->oc, .e = c->e};
    j->c = hidden ? NULL : c->y;
    j->e.alpha = j->e.beta = 1;
    j->e.bias_rs = 0, j->e.bias_cs = 1;
    j->e.add_ld = s->oc;
    j->own_bytes = round64(conv_rows_own(s));
    j->dense = plain && s->groups == 1;
    j->rows = conv_rows_get;
    j->single = s->transposed && !c->pack->finite; /* 0 * inf would show */
    const int64_t each = threads > s->groups ? (threads + s->groups - 1) / s->groups : 1;
    gemm_job_plan_f32(j, (int)each, plain);
}

static bool is_plain(const conv_shape *s) {
    for (int d = 0; d < s->rank; d++)
        if (s->kernel[d] != 1 || s->stride[d] != 1 || s->pad[d] != 0 || s->in[d] != s->out[d]) return false;
    return true;
}

/* Outputs of one phase do not lie evenly in y: they are computed aside. */
static bool has_phases(const conv_shape *s) {
    for (int d = 0; d < s->rank; d++)
        if (s->transposed && s->stride[d] > 1) return true;
    return false;
}

/* The next phase (first output per axis); false: that was the last one. */
static bool next_phase(const conv_shape *s, int64_t *first) {
    for (int d = s->rank - 1; d >= 0; d--) {
        const int64_t n = !s->transposed ? 1 : s->stride[d] < s->out[d] ? s->stride[d] : s->out[d];
        if (++first[d] < n) return true;
        first[d] = 0;
    }
    return false;
}

static int64_t phase_rows(const conv_shape *s, const int64_t *first) {
    int64_t rows = s->n;
    for (int d = 0; d < s->rank; d++) rows *= s->transposed ? (s->out[d] - first[d] - 1) / s->stride[d] + 1 : s->out[d];
    return rows;
}

static size_t times(size_t a, int64_t b) {
    size_t r;
    return mul_size(a, (size_t)b, &r) ? SIZE_MAX : r;
}

static void plan_init(plan *p, const gemm_kernel_f32 *kernel, const conv_f32 *c, int threads) {
    const conv_shape *s = c->shape;
    *p = (plan){.s = s, .in_pixels = product(s->in, s->rank), .out_pixels = product(s->out, s->rank)};
    p->depthwise = c->pack->algorithm == CONV_ALGO_DEPTHWISE;
    p->winograd = c->pack->algorithm == CONV_ALGO_WINOGRAD4 ? 4 : c->pack->algorithm == CONV_ALGO_WINOGRAD2 ? 2 : 0;
    p->turn_x = c->x_order == CONV_ROW && s->c > 1 && p->in_pixels > 1;
    p->turn_y = c->y_order == CONV_ROW && s->oc > 1 && p->out_pixels > 1;
    p->turn_add = p->turn_y && c->e.add;
    if (p->turn_x) p->x_bytes = round64(times((size_t)(s->n * s->c) * sizeof(float), p->in_pixels));
    if (p->turn_y) p->y_bytes = round64(times((size_t)(s->n * s->oc) * sizeof(float), p->out_pixels));
    if (p->turn_add) p->add_bytes = p->y_bytes;
    if (p->depthwise) {
        p->worker = depthwise_worker_bytes(s, !c->y);
    } else if (p->winograd) {
        p->worker = winograd_worker_bytes(kernel, c, p->winograd, threads);
    } else {
        p->tables = conv_rows_tables(s);
        int64_t first[CONV_MAX_RANK] = {0};
        do {
            gemm_job_f32 j;
            job_init(&j, kernel, c, has_phases(s), phase_rows(s, first), is_plain(s), threads);
            if (j.worker_bytes > p->worker) p->worker = j.worker_bytes;
        } while (next_phase(s, first));
    }
    const size_t part[] = {p->tables, p->x_bytes, p->y_bytes, p->add_bytes, times(p->worker, threads)};
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        if (p->total != SIZE_MAX && (part[i] == SIZE_MAX || add_size(p->total, part[i], &p->total)))
            p->total = SIZE_MAX;
}

size_t conv_scratch_with(const gemm_kernel_f32 *kernel, const conv_f32 *c, int threads) {
    if (nothing(c->shape)) return 0;
    plan p;
    plan_init(&p, kernel, c, threads < 1 ? 1 : threads);
    return p.total;
}

size_t conv_scratch_f32(const conv_f32 *c, int threads) {
    return conv_scratch_with(gemm_kernel_best_f32(), c, threads);
}

/* ---- tiles ---------------------------------------------------------------------------------------------------------- */

typedef struct tiles { /* one phase under way */
    const conv_f32 *c; /* with channels-last operands */
    const plan *p;
    gemm_job_f32 job;
    conv_rows rows;
    char *workers;
} tiles;

static sard_status run_tasks(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)err;
    const tiles *q = arg;
    const conv_shape *s = q->p->s;
    const int64_t each = gemm_job_tasks_f32(&q->job), og = s->oc / s->groups;
    for (int64_t i = from; i < to; i++) {
        const int64_t g = i / each;
        conv_rows rows = q->rows;
        gemm_job_f32 j = q->job;
        rows.x += g * rows.depth;
        j.arg = &rows;
        j.a0 = rows.x;
        j.b = q->c->pack->w + g * j.panels * j.k * GEMM_PANEL;
        j.col0 = g * og;
        if (j.c) j.c += g * og;
        gemm_job_task_f32(&j, i % each, q->workers + (size_t)worker * q->p->worker);
    }
    return SARD_OK;
}

/* The rest of the epilogue, and the way to y, for a tile whose pixels lie apart. */
static void scatter(const void *arg, void *tile, int64_t ld, int64_t row, int64_t col, int64_t rows, int64_t cols) {
    const tiles *q = arg;
    const gemm_epilogue_f32 *e = &q->c->e;
    const int64_t oc = q->p->s->oc;
    for (int64_t i = 0; i < rows; i++) {
        float *from = (float *)tile + i * ld;
        const int64_t pixel = conv_rows_pixel(&q->rows, q->p->s, row + i);
        float *to = q->c->y ? q->c->y + pixel * oc + col : from;
        const float *add = e->add ? e->add + pixel * oc + col : NULL;
        for (int64_t k = 0; k < cols; k++) {
            float x = from[k];
            if (add) x += add[k];
            if (e->act != GEMM_ACT_NONE) {
                const float lo = e->act == GEMM_ACT_CLIP ? e->lo : 0;
                x = lo > x ? lo : x;
            }
            if (e->act == GEMM_ACT_CLIP) x = e->hi < x ? e->hi : x;
            to[k] = x;
        }
        if (e->hook) e->hook(e->hook_arg, to, oc, pixel, col, 1, cols);
    }
}

static sard_status run_phase(tiles *q, const gemm_kernel_f32 *kernel, const int64_t *first, void *tables,
                             const par *par, sard_error *err) {
    const conv_shape *s = q->p->s;
    const bool apart = has_phases(s);
    conv_rows_init(&q->rows, s, first, q->c->pack->finite, tables);
    q->rows.x = q->c->x;
    const int64_t rows = conv_rows_count(&q->rows, s->n);
    job_init(&q->job, kernel, q->c, apart, rows, q->rows.plain, par_threads(par));
    if (apart) {
        q->job.e.add = NULL;
        q->job.e.act = GEMM_ACT_NONE;
        q->job.e.hook = scatter;
        q->job.e.hook_arg = q;
    }
    const int64_t tasks = s->groups * gemm_job_tasks_f32(&q->job);
    const double work = (double)rows * (double)s->oc * (double)q->job.k / (double)tasks;
    return par_for(par, tasks, work > 1e5 ? 1 : (int64_t)(1e5 / (work + 1)) + 1, run_tasks, q, err);
}

sard_status conv_run_with(const gemm_kernel_f32 *kernel, const conv_f32 *given, const par *par, void *scratch,
                          sard_error *err) {
    const conv_shape *s = given->shape;
    if (nothing(s)) return SARD_OK;
    FAIL_IF(given->e.hook ? given->y_order != CONV_LAST : !given->y, err, SARD_INTERNAL,
            "conv: a hook needs a channels-last output, and no output a hook");
    plan p;
    plan_init(&p, kernel, given, par_threads(par));
    char *at = scratch;
    void *tables = at;
    conv_f32 c = *given;
    at += p.tables;
    if (p.turn_x) {
        TRY(conv_to_last(s->n, s->c, p.in_pixels, given->x, (float *)(void *)at, par, err));
        c.x = (float *)(void *)at;
        at += p.x_bytes;
    }
    if (p.turn_add) {
        TRY(conv_to_last(s->n, s->oc, p.out_pixels, given->e.add, (float *)(void *)at, par, err));
        c.e.add = (float *)(void *)at;
        at += p.add_bytes;
    }
    if (p.turn_y) {
        c.y = (float *)(void *)at;
        at += p.y_bytes;
    }
    if (p.depthwise) {
        TRY(depthwise_run(depthwise_kernel_for(kernel->level), &c, par, at, p.worker, err));
    } else if (p.winograd) {
        TRY(winograd_run(kernel, &c, p.winograd, par, at, p.worker, err));
    } else {
        tiles q = {.c = &c, .p = &p, .workers = at};
        int64_t first[CONV_MAX_RANK] = {0};
        do TRY(run_phase(&q, kernel, first, tables, par, err));
        while (next_phase(s, first));
    }
    if (p.turn_y) TRY(conv_to_row(s->n, s->oc, p.out_pixels, c.y, given->y, par, err));
    return SARD_OK;
}

sard_status conv_run_f32(const conv_f32 *c, const par *par, void *scratch, sard_error *err) {
    return conv_run_with(gemm_kernel_best_f32(), c, par, scratch, err);
}
