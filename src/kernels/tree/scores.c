/*
 * scores.c -- rows go through a forest in tiles: slots of some trees, then what they add, in tree order.
 */
#include <string.h>

#include "base/mem.h"
#include "kernels/tree/forest.h"

enum { TILE_MAX = TREE_ROW, TREES = 2 * TREE_BLOCK }; /* rows; trees whose slots are kept at a time */

#define T   float
#define W   w32
#define ADD add_f32
#include "kernels/tree/add.inc"
#define T   double
#define W   w64
#define ADD add_f64
#include "kernels/tree/add.inc"

typedef struct job {
    const tree_kernels *k;
    const tree_forest *f;
    const void *x;
    int64_t n, ld;
    void *scores;
    uint8_t *has;
    char *scratch;
    size_t per_worker;
} job;

typedef struct work { /* one worker's */
    float *xt, *acc;
    int32_t *slot;
    uint8_t *ranks, *leaf; /* of forests that are ranked */
} work;

/* Bytes for one worker; 0 on overflow. */
static size_t worker_bytes(const tree_forest *f) {
    size_t x, acc;
    if (mul_size((size_t)f->n_used, TILE_MAX * sizeof(float), &x)) return 0;
    if (mul_size((size_t)f->n_targets, TILE_MAX * sizeof(float), &acc)) return 0;
    if (!f->simple) acc = 0;
    if (f->wide) x = 0;
    if (f->limits) { /* of two tiles; the ranks of both take as much as the floats of one */
        if (mul_size(x, 3, &x) || mul_size(acc, 2, &acc) || add_size(x, 2 * (size_t)TREE_LEAF_BYTES, &x)) return 0;
    }
    if (add_size(x, acc, &x) || add_size(x, TREES * TILE_MAX * sizeof(int32_t) + 64, &x)) return 0;
    return x & ~(size_t)63;
}

size_t tree_scratch(const tree_forest *f, int threads) {
    size_t one = worker_bytes(f), all;
    return one && !mul_size(one, (size_t)threads, &all) ? all : 0;
}

/* ---- slots ---------------------------------------------------------------------------------------------------------- */

static void turn(const job *j, int64_t row, int rows, float *xt) {
    j->k->columns(j->f, (const float *)j->x + row * j->ld, j->ld, rows, xt);
}

/* Doubles: eight rows go down together, as deep as the tree is. */
static void walk_f64(const tree_forest *f, const tree_info *t, const double *x, int64_t ld, int rows, int32_t *out) {
    const tree_node *node = f->nodes + t->first;
    for (int r0 = 0; r0 < rows; r0 += 8) {
        int32_t p[8] = {0};
        const double *row[8];
        for (int r = 0; r < 8; r++) row[r] = x + (r0 + r < rows ? r0 + r : r0) * ld;
        for (int32_t d = 0; d < t->depth; d++)
            for (int r = 0; r < 8; r++) {
                const tree_node *q = &node[p[r]];
                double a = row[r][q->f & TREE_F_INDEX], v = q->v.f64;
                bool yes = a == v || (!(q->f & TREE_F_EQUAL) && a <= v) || (a != a && q->f & TREE_F_NAN);
                p[r] = q->kid + !yes * (q->kid != p[r]);
            }
        for (int r = 0; r < 8 && r0 + r < rows; r++) out[r0 + r] = t->slot0 + p[r];
    }
}

/* Whether a tile of so many rows is ranked: all of its lanes work, whether rows fill them or not. */
static bool is_ranked(const job *j, int rows) { return j->f->limits && 2 * rows > j->k->tile; }

/* The end of a run of trees that are ranked, or are not, as tree t is. */
static int32_t run_end(const tree_forest *f, int32_t t, int32_t t1) {
    bool ranked = f->tree[t].n_choices >= 0;
    while (t < t1 && (f->tree[t].n_choices >= 0) == ranked) t++;
    return t;
}

static void choose_slots(const job *j, const work *w, int32_t t0, int32_t t1, int rows) {
    const tree_forest *f = j->f;
    for (int32_t t = t0, end; t < t1; t = end) {
        int32_t *out = w->slot + (t - t0) * j->k->tile;
        end = run_end(f, t, t1);
        if (f->tree[t].n_choices >= 0)
            j->k->choose(f, t, end, w->ranks, w->leaf, out);
        else
            j->k->slots(f, t, end, w->xt, rows, out);
    }
}

static void find_slots(const job *j, const work *w, int32_t t0, int32_t t1, int64_t row, int rows) {
    const tree_forest *f = j->f;
    if (is_ranked(j, rows)) {
        choose_slots(j, w, t0, t1, rows);
        return;
    }
    if (!f->wide) {
        j->k->slots(f, t0, t1, w->xt, rows, w->slot);
        return;
    }
    for (int32_t t = t0; t < t1; t++)
        walk_f64(f, &f->tree[t], (const double *)j->x + row * j->ld, j->ld, rows, w->slot + (t - t0) * j->k->tile);
}

/* ---- a tile --------------------------------------------------------------------------------------------------------- */

/* Trees [t0, t1), at most TREES of them, by their slots. */
static void add_trees(const job *j, const work *w, int32_t t0, int32_t t1, int64_t row, int rows) {
    const tree_forest *f = j->f;
    int tile = j->k->tile;
    find_slots(j, w, t0, t1, row, rows);
    for (int32_t t = t0; t < t1; t++) {
        int32_t *slot = w->slot + (t - t0) * tile;
        for (int r = (rows + tile / 4 - 1) / (tile / 4) * (tile / 4); r < tile; r++) slot[r] = 0;
        j->k->add(f->slot_value, slot, w->acc + (int64_t)f->tree[t].target * tile);
    }
}

/* What a worker has for tile i of a pair; choices of single tiles may use the first's leaves. */
static work of_tile(const job *j, const work *w, int i) {
    work one = *w;
    one.xt += (int64_t)i * j->f->n_used * j->k->tile, one.acc += (int64_t)i * j->f->n_targets * j->k->tile;
    if (j->f->limits) one.ranks += (size_t)i * tree_ranks_bytes(j->f);
    return one;
}

static void store_sums(const job *j, const float *acc, int64_t row, int rows) {
    const tree_forest *f = j->f;
    float *y = (float *)j->scores + row * f->n_targets;
    for (int r = 0; r < rows; r++)
        for (int32_t c = 0; c < f->n_targets; c++) y[(int64_t)r * f->n_targets + c] = acc[(int64_t)c * j->k->tile + r];
    uint8_t *has = j->has ? j->has + row * f->n_targets : NULL;
    for (int32_t t = 0; has && t < f->n_trees; t++) has[f->tree[t].target] = 1;
    for (int r = 1; has && r < rows; r++) memcpy(has + (int64_t)r * f->n_targets, has, (size_t)f->n_targets);
}

/* Rows of one tile, or of two when both are ranked. */
static void simple_tiles(const job *j, const work *w, int64_t row, int rows) {
    const tree_forest *f = j->f;
    int tile = j->k->tile, tiles = rows > tile ? 2 : 1, count[2] = {rows < tile ? rows : tile, rows - tile};
    bool ranked = is_ranked(j, rows);
    work of[2] = {*w, of_tile(j, w, 1)};
    for (int i = 0; i < tiles; i++) {
        memset(of[i].acc, 0, (size_t)f->n_targets * (size_t)tile * sizeof *w->acc);
        turn(j, row + i * tile, count[i], of[i].xt);
        if (ranked) j->k->ranks(f, of[i].xt, of[i].ranks);
    }
    for (int32_t t = 0, end; t < f->n_trees; t = end) {
        end = f->n_trees - t < TREES ? f->n_trees : t + TREES;
        if (ranked) end = run_end(f, t, end);
        if (ranked && f->tree[t].n_choices >= 0)
            j->k->choose_sum(f, t, end, w->ranks, w->leaf, tiles, w->acc);
        else
            for (int i = 0; i < tiles; i++) add_trees(j, &of[i], t, end, row + i * tile, count[i]);
    }
    for (int i = 0; i < tiles; i++) store_sums(j, of[i].acc, row + i * tile, count[i]);
}

static void general_tile(const job *j, const work *w, int64_t row, int rows) {
    const tree_forest *f = j->f;
    int tile = j->k->tile;
    if (!f->wide) turn(j, row, rows, w->xt);
    if (is_ranked(j, rows)) j->k->ranks(f, w->xt, w->ranks);
    for (int32_t t0 = 0; t0 < f->n_trees; t0 += TREES) {
        int32_t t1 = f->n_trees - t0 < TREES ? f->n_trees : t0 + TREES;
        find_slots(j, w, t0, t1, row, rows);
        uint8_t *has = j->has ? j->has + row * f->n_targets : NULL;
        for (int32_t t = t0; t < t1; t++) {
            const int32_t *slot = w->slot + (t - t0) * tile;
            if (f->wide)
                add_f64(f, &f->tree[t], rows, slot, (double *)j->scores + row * f->n_targets, has);
            else
                add_f32(f, &f->tree[t], rows, slot, (float *)j->scores + row * f->n_targets, has);
        }
    }
}

/* One row, a lane for each tree of a block. */
static void single_row(const job *j, const work *w, int64_t row) {
    const tree_forest *f = j->f;
    const float *x = (const float *)j->x + row * j->ld;
    float *x2 = w->xt, *y = (float *)j->scores + row * f->n_targets;
    uint8_t *has = j->has ? j->has + row * f->n_targets : NULL;
    for (int32_t i = 0; i < f->n_used; i++) {
        float a = x[f->used[i]];
        x2[i] = a, x2[f->n_used + i] = a == a ? a : -__builtin_inff();
    }
    for (int32_t b = 0; b * TREE_BLOCK < f->n_trees; b++) {
        int32_t t0 = b * TREE_BLOCK, n = f->n_trees - t0 < TREE_BLOCK ? f->n_trees - t0 : TREE_BLOCK;
        const tree_side *s = f->side + f->side_at[b];
        j->k->side(s, f->side_at[b + 1] - f->side_at[b], x2, w->slot);
        for (int32_t i = 0; i < n; i++) {
            const tree_info *t = &f->tree[t0 + i];
            int32_t slot = t->slot0 + w->slot[i];
            if (f->simple) {
                y[t->target] += f->slot_value[slot];
                if (has) has[t->target] = 1;
            } else {
                add_f32(f, t, 1, &slot, y, has);
            }
        }
    }
}

/* One worker's memory: ranked forests have two tiles' and rows of leaves. */
static work lay_out(const job *j, int worker) {
    const tree_forest *f = j->f;
    int64_t tiles = f->limits ? 2 : 1;
    work w = {.slot = (int32_t *)(void *)(j->scratch + (size_t)worker * j->per_worker)};
    w.xt = (float *)(void *)(w.slot + TREES * TILE_MAX), w.acc = w.xt + tiles * f->n_used * TILE_MAX;
    if (!f->limits) return w;
    w.leaf = (uint8_t *)(w.acc + (f->simple ? tiles * f->n_targets * TILE_MAX : 0));
    w.ranks = w.leaf + 2 * (size_t)TREE_LEAF_BYTES;
    for (int i = 0; i < 2; i++)
        for (int l = 0; l < f->most_leaves; l++)
            memset(w.leaf + i * (size_t)TREE_LEAF_BYTES + (size_t)l * TREE_ROW, l, TREE_ROW);
    return w;
}

static sard_status some(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    (void)err;
    const job *j = arg;
    const tree_forest *f = j->f;
    int tile = j->k->tile, lanes = tile / 4;
    work w = lay_out(j, worker);
    int64_t end = to * tile < j->n ? to * tile : j->n;
    for (int64_t row = from * tile, rows; row < end; row += rows) {
        rows = end - row < tile ? end - row : tile;
        if (!f->wide && f->all_side && (rows == 1 || rows * 5 <= lanes)) {
            for (int64_t r = 0; r < rows; r++) single_row(j, &w, row + r);
        } else if (f->simple) {
            if (2 * (end - row) > 3 * tile && f->limits) rows = end - row < 2 * tile ? end - row : 2 * tile;
            simple_tiles(j, &w, row, (int)rows);
        } else {
            general_tile(j, &w, row, (int)rows);
        }
    }
    return SARD_OK;
}

sard_status tree_scores_on(const tree_kernels *k, const tree_forest *f, const void *x, int64_t n, int64_t ld,
                           void *scores, uint8_t *has, void *scratch, const par *threads, sard_error *err) {
    job j = {k, f, x, n, ld, scores, has, scratch, worker_bytes(f)};
    size_t cells = (size_t)n * (size_t)f->n_targets;
    memset(scores, 0, cells * (f->wide ? sizeof(double) : sizeof(float)));
    if (has) memset(has, 0, cells);
    int64_t tiles = (n + k->tile - 1) / k->tile, every = threads && threads->pool ? pool_threads(threads->pool) : 1;
    return par_for(threads, tiles, tiles > every ? 2 : 1, some, &j, err);
}

sard_status tree_scores(const tree_forest *f, const void *x, int64_t n, int64_t ld, void *scores, uint8_t *has,
                        void *scratch, const par *threads, sard_error *err) {
    return tree_scores_on(tree_kernels_best(), f, x, n, ld, scores, has, scratch, threads, err);
}
