/* winograd.c -- see winograd.h: weights, blocks of tiles, the definition. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/conv/winograd.h"

#define KERNEL(level, name)
#define WINOGRAD(level, name) extern const winograd_kernel name;
#include "kernels/conv/list.inc"
#undef WINOGRAD
const winograd_kernel *const winograd_kernels[] = {
#define WINOGRAD(level, name) &name,
#include "kernels/conv/list.inc"
#undef WINOGRAD
#undef KERNEL
    NULL};

static size_t round64(size_t n) { return (n + 63) & ~(size_t)63; }

int winograd_for(const conv_shape *s) {
    if (s->direct || s->transposed || s->rank != 2 || s->groups != 1 || s->c < 32 || s->oc < 32) return 0;
    for (int d = 0; d < 2; d++)
        if (s->kernel[d] != 3 || s->stride[d] != 1 || s->dilation[d] != 1) return 0;
    const int64_t side = s->out[0] < s->out[1] ? s->out[0] : s->out[1];
    return side >= 28 ? 4 : side >= 14 ? 2 : 0;
}

/* ---- weights -------------------------------------------------------------------------------------------------------- */

static const double to2[4][3] = {{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}};
static const double to4[6][3] = {{1. / 4, 0, 0},
                                 {-1. / 6, -1. / 6, -1. / 6},
                                 {-1. / 6, 1. / 6, -1. / 6},
                                 {1. / 24, 1. / 12, 1. / 6},
                                 {1. / 24, -1. / 12, 1. / 6},
                                 {0, 0, 1}};

size_t winograd_pack_bytes(const conv_shape *s, int r) {
    const size_t one = gemm_pack_bytes(s->c, s->oc, sizeof(float));
    size_t all;
    return one == 0 || mul_size(one, (size_t)((r + 2) * (r + 2)), &all) ? SIZE_MAX : all;
}

static float weight(int r, const float *w, int i, int j) {
    const double *gi = r == 2 ? to2[i] : to4[i], *gj = r == 2 ? to2[j] : to4[j];
    double sum = 0;
    float own[9];
    memcpy(own, w, sizeof own); /* weights lie at any byte of the file */
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++) sum += gi[a] * (double)own[a * 3 + b] * gj[b];
    return (float)sum;
}

void winograd_pack(const conv_shape *s, int r, const float *w, float *out) {
    const int side = r + 2;
    for (int i = 0; i < side * side; i++)
        for (int64_t p = 0; p < gemm_panels(s->oc); p++)
            for (int64_t c = 0; c < s->c; c++, out += GEMM_PANEL)
                for (int64_t j = 0; j < GEMM_PANEL; j++) {
                    const int64_t o = p * GEMM_PANEL + j;
                    out[j] = o < s->oc ? weight(r, w + (o * s->c + c) * 9, i / side, i % side) : 0;
                }
}

/* ---- a run ----------------------------------------------------------------------------------------------------------- */

enum {
    BLOCK_BYTES = 1400000,
    LEAST_TILES = 14
}; /* of transformed tiles and products that stay in the second-level cache */

typedef struct plan {
    const conv_f32 *c;
    const winograd_kernel *kernel;
    int r;
    int64_t across, down, blocks; /* tiles per image; blocks per image */
    int64_t most;                 /* tiles of a block */
    gemm_job_f32 job;             /* the products of a block of `most` tiles */
    size_t v_bytes, m_bytes, y_bytes, worker;
    char *scratch;
} plan;

/* Row i of the product is tile i. */
typedef struct rows {
    const float *v;
    int64_t c;
    const gemm_run *runs;
} rows;

static void tile_rows(const void *arg, void *own, int64_t from, int count, int64_t k0, int64_t k1, gemm_tile_f32 *t) {
    const rows *q = arg;
    int64_t *row = own;
    t->a = q->v;
    t->row = row;
    for (int m = 0; m < count; m++) row[m] = (from + m) * q->c;
    t->run = q->runs + k0 / GEMM_SEGMENT;
    t->runs = (k1 - k0 + GEMM_SEGMENT - 1) / GEMM_SEGMENT;
}

static void job_init(plan *p, const gemm_kernel_f32 *k, int64_t tiles) {
    const conv_shape *s = p->c->shape;
    static float there; /* only whether there is a C matters to the plan */
    p->job = (gemm_job_f32){.kernel = k,
                            .m = tiles,
                            .n = s->oc,
                            .k = s->c,
                            .c = &there,
                            .ldc = s->oc,
                            .e = GEMM_EPILOGUE_NONE,
                            .rows = tile_rows,
                            .own_bytes = GEMM_MAX_ROWS * sizeof(int64_t),
                            .dense = true};
    gemm_job_plan_f32(&p->job, 1, true);
}

static void plan_init(plan *p, const gemm_kernel_f32 *k, const conv_f32 *c, int r, int threads) {
    const conv_shape *s = c->shape;
    const int64_t values = (r + 2) * (r + 2);
    *p = (plan){.c = c, .r = r};
    const winograd_kernel *const *w = winograd_kernels;
    while (w[1] && (*w)->level != k->level) w++;
    p->kernel = *w;
    p->down = (s->out[0] + r - 1) / r, p->across = (s->out[1] + r - 1) / r;
    const int64_t tiles = p->down * p->across, bytes = values * (int64_t)sizeof(float) * (s->c + s->oc);
    p->blocks = tiles / (BLOCK_BYTES / bytes + 1) + 1;
    const int64_t want = threads > 1 ? (2 * threads + s->n - 1) / s->n : 1;
    if (p->blocks < want) p->blocks = want;
    if (p->blocks > (tiles + LEAST_TILES - 1) / LEAST_TILES) p->blocks = (tiles + LEAST_TILES - 1) / LEAST_TILES;
    p->most = (tiles + p->blocks - 1) / p->blocks;
    job_init(p, k, p->most);
    /* one line more per value: the values of a tile do not fall into the same cache sets */
    p->v_bytes = round64((size_t)(values * (p->most * s->c + 16)) * sizeof(float));
    p->m_bytes = round64((size_t)(values * (p->most * s->oc + 16)) * sizeof(float));
    p->y_bytes = c->y ? 0 : round64((size_t)(r * r * s->oc) * sizeof(float));
    /* a smaller block may be planned otherwise */
    size_t job = p->job.worker_bytes;
    if (p->blocks > 1) {
        plan other = *p;
        job_init(&other, k, p->most - 1);
        if (other.job.worker_bytes > job) job = other.job.worker_bytes;
    }
    p->worker = p->v_bytes + p->m_bytes + p->y_bytes + round64(job) +
                round64((size_t)(s->c / GEMM_SEGMENT + 2) * sizeof(gemm_run));
}

size_t winograd_worker_bytes(const gemm_kernel_f32 *k, const conv_f32 *c, int r, int threads) {
    plan p;
    plan_init(&p, k, c, r, threads);
    return p.worker;
}

static void inputs(const plan *p, int64_t image, int64_t t0, int64_t tiles, float *v, int64_t step) {
    const conv_shape *s = p->c->shape;
    winograd_in q = {
        .x = p->c->x + image * s->in[0] * s->in[1] * s->c, .h = s->in[0], .w = s->in[1], .c = s->c, .v_step = step};
    for (int64_t t = 0; t < tiles; t++) {
        q.row = (t0 + t) / p->across * p->r - s->pad[0];
        q.col = (t0 + t) % p->across * p->r - s->pad[1];
        q.v = v + t * s->c;
        (p->r == 2 ? p->kernel->in2 : p->kernel->in4)(&q);
    }
}

/* Shows the hook outputs [from, to) of `rows` rows of the image: at once when they are whole rows. */
static void show_row(const conv_f32 *c, int64_t image, int64_t row, int64_t from, int64_t to, int64_t rows) {
    const int64_t h = c->shape->out[0], w = c->shape->out[1], oc = c->shape->oc;
    const int64_t pixel = (image * h + row) * w + from, calls = from == 0 && to == w ? 1 : rows;
    for (int64_t i = 0; i < calls; i++)
        c->e.hook(c->e.hook_arg, c->y + (pixel + i * w) * oc, oc, pixel + i * w, 0,
                  calls == 1 ? rows * (to - from) : to - from, oc);
}

static void outputs(const plan *p, int64_t image, int64_t t0, int64_t tiles, const float *m, int64_t step,
                    float *hidden) {
    const conv_f32 *c = p->c;
    const conv_shape *s = c->shape;
    const int64_t oc = s->oc, h = s->out[0], w = s->out[1];
    winograd_out q = {.m_step = step,
                      .oc = oc,
                      .bias = c->e.bias,
                      .act = c->e.act,
                      .lo = c->e.lo,
                      .hi = c->e.hi,
                      .add_row = w * oc,
                      .y_row = c->y ? w * oc : p->r * oc};
    int64_t from = 0; /* where this row of tiles begins in the block */
    for (int64_t t = 0; t < tiles; t++) {
        const int64_t row = (t0 + t) / p->across * p->r, col = (t0 + t) % p->across * p->r;
        const int64_t pixel = (image * h + row) * w + col;
        if (t == 0 || col == 0) from = col;
        q.rows = (int)(h - row < p->r ? h - row : p->r), q.cols = (int)(w - col < p->r ? w - col : p->r);
        q.m = m + t * oc;
        q.y = c->y ? c->y + pixel * oc : hidden;
        q.add = c->e.add ? c->e.add + pixel * oc : NULL;
        (p->r == 2 ? p->kernel->out2 : p->kernel->out4)(&q);
        if (!c->e.hook) continue;
        for (int i = 0; !c->y && i < q.rows; i++)
            c->e.hook(c->e.hook_arg, hidden + i * q.y_row, oc, pixel + i * w, 0, q.cols, oc);
        if (c->y && (col + p->r >= w || t + 1 == tiles)) show_row(c, image, row, from, col + q.cols, q.rows);
    }
}

static sard_status part(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)err;
    const plan *p = arg;
    const conv_shape *s = p->c->shape;
    char *scratch = p->scratch + (size_t)worker * p->worker;
    float *v = (float *)(void *)scratch, *m = (float *)(void *)(scratch + p->v_bytes);
    float *hidden = (float *)(void *)(scratch + p->v_bytes + p->m_bytes);
    gemm_run *runs = (gemm_run *)(void *)((char *)hidden + p->y_bytes);
    char *own = (char *)runs + round64((size_t)(s->c / GEMM_SEGMENT + 2) * sizeof(gemm_run));
    const int64_t tiles = p->down * p->across, values = (p->r + 2) * (p->r + 2);
    gemm_runs(runs, 0, s->c, 0);
    for (int64_t i = from; i < to; i++) {
        const int64_t image = i / p->blocks, t0 = tiles * (i % p->blocks) / p->blocks;
        const int64_t n = tiles * (i % p->blocks + 1) / p->blocks - t0;
        const int64_t v_step = n * s->c + 16, m_step = n * s->oc + 16;
        inputs(p, image, t0, n, v, v_step);
        plan here = *p;
        if (n != p->job.m) job_init(&here, p->job.kernel, n);
        gemm_job_f32 *j = &here.job;
        for (int64_t x = 0; x < values; x++) {
            rows q = {v + x * v_step, s->c, runs};
            j->arg = &q;
            j->a0 = q.v;
            j->b = p->c->pack->w + x * j->panels * s->c * GEMM_PANEL;
            j->c = m + x * m_step;
            for (int64_t t = 0; t < gemm_job_tasks_f32(j); t++) gemm_job_task_f32(j, t, own);
        }
        outputs(p, image, t0, n, m, m_step, hidden);
    }
    return SARD_OK;
}

sard_status winograd_run(const gemm_kernel_f32 *k, const conv_f32 *c, int r, const par *par, void *scratch,
                         size_t worker_bytes, sard_error *err) {
    plan p;
    plan_init(&p, k, c, r, par_threads(par));
    FAIL_IF(p.worker > worker_bytes, err, SARD_INTERNAL, "winograd: scratch of %zu bytes, %zu wanted", worker_bytes,
            p.worker);
    p.scratch = scratch;
    return par_for(par, c->shape->n * p.blocks, 1, part, &p, err);
}

/* ---- the definition -------------------------------------------------------------------------------------------------- */

static void in_one(int r, const float *d, float *t) {
    if (r == 2) {
        t[0] = d[0] - d[2], t[1] = d[1] + d[2], t[2] = d[2] - d[1], t[3] = d[1] - d[3];
        return;
    }
    const float a = fmaf(-4, d[2], d[4]), b = fmaf(-4, d[1], d[3]), c = d[4] - d[2], e = d[3] - d[1];
    t[0] = fmaf(4, d[0], fmaf(-5, d[2], d[4]));
    t[1] = a + b, t[2] = a - b;
    t[3] = fmaf(2, e, c), t[4] = fmaf(-2, e, c);
    t[5] = fmaf(4, d[1], fmaf(-5, d[3], d[5]));
}

static void out_one(int r, const float *m, float *y) {
    if (r == 2) {
        y[0] = (m[0] + m[1]) + m[2], y[1] = (m[1] - m[2]) - m[3];
        return;
    }
    const float s = m[1] + m[2], d = m[1] - m[2], p = m[3] + m[4], q = m[3] - m[4];
    y[0] = (m[0] + s) + p, y[1] = fmaf(2, q, d), y[2] = fmaf(4, p, s), y[3] = fmaf(8, q, d) + m[5];
}

/* A square of side n by columns, then by rows; the result has side `to`. */
static void both_ways(int r, int n, int to, void (*one)(int, const float *, float *), float sq[6][6]) {
    float t[6][6], d[6], o[6] = {0};
    for (int j = 0; j < n; j++) {
        for (int i = 0; i < n; i++) d[i] = sq[i][j];
        one(r, d, o);
        for (int i = 0; i < to; i++) t[i][j] = o[i];
    }
    for (int i = 0; i < to; i++) one(r, t[i], sq[i]);
}

/* The transformed products of one output channel for the tile at (row, col), brought back: sq[r][r]. */
static void ref_tile(const conv_f32 *c, int r, const float *w, const float *x, int64_t row, int64_t col,
                     float sq[6][6]) {
    const conv_shape *s = c->shape;
    const int side = r + 2;
    float total[6][6] = {{0}}, chain[6][6] = {{0}};
    for (int64_t q = 0; q < s->c; q++) {
        float in[6][6];
        for (int i = 0; i < side; i++)
            for (int j = 0; j < side; j++) {
                const int64_t y = row - s->pad[0] + i, z = col - s->pad[1] + j;
                const bool inside = y >= 0 && y < s->in[0] && z >= 0 && z < s->in[1];
                const int64_t px = y * s->in[1] + z;
                in[i][j] = !inside ? 0 : x[c->x_order == CONV_LAST ? px * s->c + q : q * s->in[0] * s->in[1] + px];
            }
        both_ways(r, side, side, in_one, in);
        for (int i = 0; i < side; i++)
            for (int j = 0; j < side; j++) {
                chain[i][j] = fmaf(in[i][j], weight(r, w + q * 9, i, j), chain[i][j]);
                if ((q + 1) % GEMM_SEGMENT && q + 1 < s->c) continue;
                total[i][j] += chain[i][j];
                chain[i][j] = 0;
            }
    }
    for (int i = 0; i < side; i++)
        for (int j = 0; j < side; j++) sq[i][j] = total[i][j];
    both_ways(r, side, r, out_one, sq);
}

static void ref_store(const conv_f32 *c, float v, int64_t n, int64_t px, int64_t o) {
    const conv_shape *s = c->shape;
    const int64_t pixels = s->out[0] * s->out[1];
    const int64_t at = c->y_order == CONV_LAST ? (n * pixels + px) * s->oc + o : (n * s->oc + o) * pixels + px;
    if (c->e.bias) v += c->e.bias[o];
    if (c->e.add) v += c->e.add[at];
    const float lo = c->e.act == GEMM_ACT_CLIP ? c->e.lo : 0;
    if (c->e.act != GEMM_ACT_NONE) v = lo > v ? lo : v;
    if (c->e.act == GEMM_ACT_CLIP) v = c->e.hi < v ? c->e.hi : v;
    if (c->y) c->y[at] = v;
    if (c->e.hook) c->e.hook(c->e.hook_arg, c->y ? &c->y[at] : &v, s->oc, n * pixels + px, o, 1, 1);
}

void winograd_ref(const conv_f32 *c, int r, const float *w) {
    const conv_shape *s = c->shape;
    for (int64_t n = 0; n < s->n; n++)
        for (int64_t o = 0; o < s->oc; o++)
            for (int64_t row = 0; row < s->out[0]; row += r)
                for (int64_t col = 0; col < s->out[1]; col += r) {
                    float sq[6][6];
                    ref_tile(c, r, w + o * s->c * 9, c->x + n * s->c * s->in[0] * s->in[1], row, col, sq);
                    for (int i = 0; i < r && row + i < s->out[0]; i++)
                        for (int j = 0; j < r && col + j < s->out[1]; j++)
                            ref_store(c, sq[i][j], n, (row + i) * s->out[1] + col + j, o);
                }
}
