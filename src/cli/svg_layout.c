/*
 * svg_layout.c -- layered drawing of graphs after Sugiyama, Tagawa and Toda (1981).
 *
 * 1. Layers: the longest way from the sources; what nothing enters is pulled down beside its first user.
 * 2. A value that is used further down passes through the layers between in one lane of its own (not one per user), so
 *    that an edge never runs behind a box.
 * 3. Order in each layer: medians of the neighbours, down and up in turn; the order with the fewest crossings stays.
 * 4. Abscissas: each layer in turn is put where its neighbours want it, as near as the minimal distances allow: a
 *    least-squares problem that isotonic regression (pool adjacent violators) solves exactly. Then chains (lanes, and
 *    boxes with one way in and out) are straightened as far as their neighbours leave room.
 * 5. A tall drawing is cut between layers that few edges join; the pieces stand beside each other.
 */
#include "svg_layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { GAP_BOX = 18, GAP_LANE = 12, LANE = 4, SWEEPS = 12, PLACEMENTS = 40, STRAIGHTEN = 12, BIG = 20000 };

typedef struct vertex {  /* a box or a stretch of lane */
    int box, net, layer; /* box -1: lane of net */
    double w, x;
    int pos;
} vertex;

typedef struct arc { /* between neighbouring layers */
    int from, to;
    double dx0, dx1; /* where on the vertices */
    int net;
} arc;

typedef struct layout {
    lay_box *boxes;
    const lay_net *nets;
    size_t n_boxes, n_nets;
    vertex *v;
    size_t n, cap;
    arc *a;
    size_t n_arcs, cap_arcs;
    int *first_down, *down, *first_up, *up; /* arcs leaving and entering each vertex */
    int n_layers;
    int **layer; /* vertices of each layer, in order */
    int *size;
} layout;

/* ---- 1. layers ------------------------------------------------------------------------------------------------------- */

/* Boxes come in an order in which edges go forward, except that the caller may put sources anywhere: repeated until
 * nothing moves, at most once per box. */
static void assign_layers(layout *l) {
    for (size_t round = 0; round <= l->n_boxes; round++) {
        bool moved = false;
        for (size_t e = 0; e < l->n_nets; e++)
            for (size_t k = 0; k < l->nets[e].n_to; k++) {
                const int below = l->v[l->nets[e].from].layer + 1;
                vertex *to = &l->v[l->nets[e].to[k].box];
                if (to->layer < below) to->layer = below, moved = true;
            }
        if (!moved) break;
    }
    bool *entered = xmalloc(l->n_boxes + 1);
    int *lowest = xmalloc((l->n_boxes + 1) * sizeof *lowest);
    memset(entered, 0, l->n_boxes);
    for (size_t i = 0; i < l->n_boxes; i++) lowest[i] = -1;
    for (size_t e = 0; e < l->n_nets; e++)
        for (size_t k = 0; k < l->nets[e].n_to; k++) {
            const int to = l->nets[e].to[k].box, from = l->nets[e].from;
            entered[to] = true;
            if (lowest[from] < 0 || l->v[to].layer < lowest[from]) lowest[from] = l->v[to].layer;
        }
    for (size_t i = 0; i < l->n_boxes; i++)
        if (!entered[i] && lowest[i] > 0) l->v[i].layer = lowest[i] - 1;
    free(entered);
    free(lowest);
}

/* ---- 2. lanes -------------------------------------------------------------------------------------------------------- */

static void add_arc(layout *l, int from, double dx0, int to, double dx1, int net) {
    if (l->n_arcs == l->cap_arcs)
        l->a = xrealloc(l->a, (l->cap_arcs = l->cap_arcs ? l->cap_arcs * 2 : 256) * sizeof *l->a);
    l->a[l->n_arcs++] = (arc){from, to, dx0, dx1, net};
}

static int add_lane(layout *l, int net, int layer) {
    if (l->n == l->cap) l->v = xrealloc(l->v, (l->cap *= 2) * sizeof *l->v);
    l->v[l->n] = (vertex){.box = -1, .net = net, .layer = layer, .w = LANE};
    return (int)l->n++;
}

static void make_lanes(layout *l) {
    for (size_t e = 0; e < l->n_nets; e++) {
        const lay_net *net = &l->nets[e];
        int last = -1, at = net->from, layer = l->v[net->from].layer;
        double dx = net->dx;
        for (size_t k = 0; k < net->n_to; k++)
            if (l->v[net->to[k].box].layer > last) last = l->v[net->to[k].box].layer;
        while (layer < last) {
            for (size_t k = 0; k < net->n_to; k++)
                if (l->v[net->to[k].box].layer == layer + 1) add_arc(l, at, dx, net->to[k].box, net->to[k].dx, (int)e);
            if (++layer == last) break;
            const int lane = add_lane(l, (int)e, layer);
            add_arc(l, at, dx, lane, LANE / 2.0, (int)e);
            at = lane;
            dx = LANE / 2.0;
        }
    }
}

static int *index_arcs(const layout *l, bool down, int **first) {
    int *count = xmalloc((l->n + 2) * sizeof *count), *list = xmalloc((l->n_arcs + 1) * sizeof *list);
    memset(count, 0, (l->n + 2) * sizeof *count);
    for (size_t i = 0; i < l->n_arcs; i++) count[(down ? l->a[i].from : l->a[i].to) + 1]++;
    for (size_t i = 0; i < l->n; i++) count[i + 1] += count[i];
    int *at = xmalloc((l->n + 1) * sizeof *at);
    memcpy(at, count, (l->n + 1) * sizeof *at);
    for (size_t i = 0; i < l->n_arcs; i++) list[at[down ? l->a[i].from : l->a[i].to]++] = (int)i;
    free(at);
    *first = count;
    return list;
}

static void make_layers(layout *l) {
    l->n_layers = 0;
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i].layer + 1 > l->n_layers) l->n_layers = l->v[i].layer + 1;
    l->layer = xmalloc(((size_t)l->n_layers + 1) * sizeof *l->layer);
    l->size = xmalloc(((size_t)l->n_layers + 1) * sizeof *l->size);
    memset(l->size, 0, ((size_t)l->n_layers + 1) * sizeof *l->size);
    for (size_t i = 0; i < l->n; i++) l->size[l->v[i].layer]++;
    for (int k = 0; k < l->n_layers; k++)
        l->layer[k] = xmalloc(((size_t)l->size[k] + 1) * sizeof **l->layer), l->size[k] = 0;
    for (size_t i = 0; i < l->n; i++) {
        vertex *v = &l->v[i];
        v->pos = l->size[v->layer]++;
        l->layer[v->layer][v->pos] = (int)i;
    }
}

/* ---- 3. order -------------------------------------------------------------------------------------------------------- */

typedef struct keyed {
    double key;
    int vertex, pos;
} keyed;

static int by_key(const void *a, const void *b) {
    const keyed *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->pos - y->pos;
}

static int by_number(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median of the neighbours' places in the next layer, ports included; -1 without neighbours. */
static double median(const layout *l, int v, bool upper, double *scratch) {
    const int *first = upper ? l->first_up : l->first_down, *list = upper ? l->up : l->down;
    const int n = first[v + 1] - first[v];
    if (n == 0) return -1;
    for (int i = 0; i < n; i++) {
        const arc *a = &l->a[list[first[v] + i]];
        const vertex *o = &l->v[upper ? a->from : a->to];
        scratch[i] = o->pos + (upper ? a->dx0 : a->dx1) / (o->w + 1);
    }
    qsort(scratch, (size_t)n, sizeof *scratch, by_number);
    return n % 2 ? scratch[n / 2] : (scratch[n / 2 - 1] + scratch[n / 2]) / 2;
}

static void sort_layer(layout *l, int k, bool upper, keyed *keys, double *scratch) {
    const int n = l->size[k];
    for (int i = 0; i < n; i++) {
        const int v = l->layer[k][i];
        const double m = median(l, v, upper, scratch);
        keys[i] = (keyed){m < 0 ? i : m, v, i};
    }
    qsort(keys, (size_t)n, sizeof *keys, by_key);
    for (int i = 0; i < n; i++) {
        l->layer[k][i] = keys[i].vertex;
        l->v[keys[i].vertex].pos = i;
    }
}

typedef struct ends {
    double top, bottom;
} ends;

static int by_ends(const void *a, const void *b) {
    const ends *x = a, *y = b;
    if (x->top != y->top) return x->top < y->top ? -1 : 1;
    return (x->bottom > y->bottom) - (x->bottom < y->bottom);
}

/* Inversions of the lower ends in the order of the upper ones, by merging. */
static double inversions(ends *e, ends *tmp, size_t n) {
    if (n < 2) return 0;
    const size_t half = n / 2;
    double count = inversions(e, tmp, half) + inversions(e + half, tmp, n - half);
    size_t i = 0, j = half, k = 0;
    while (i < half || j < n) {
        if (j == n || (i < half && e[i].bottom <= e[j].bottom)) {
            tmp[k++] = e[i++];
        } else {
            count += (double)(half - i);
            tmp[k++] = e[j++];
        }
    }
    memcpy(e, tmp, n * sizeof *e);
    return count;
}

static double crossings(const layout *l, ends *e, ends *tmp) {
    double count = 0;
    for (int k = 0; k + 1 < l->n_layers; k++) {
        size_t n = 0;
        for (int i = 0; i < l->size[k]; i++) {
            const int v = l->layer[k][i];
            for (int j = l->first_down[v]; j < l->first_down[v + 1]; j++) {
                const arc *a = &l->a[l->down[j]];
                e[n++] = (ends){l->v[a->from].pos + a->dx0 / (l->v[a->from].w + 1),
                                l->v[a->to].pos + a->dx1 / (l->v[a->to].w + 1)};
            }
        }
        qsort(e, n, sizeof *e, by_ends);
        count += inversions(e, tmp, n);
    }
    return count;
}

static void order_layers(layout *l) {
    keyed *keys = xmalloc((l->n + 1) * sizeof *keys);
    double *scratch = xmalloc((l->n_arcs + 1) * sizeof *scratch);
    ends *e = xmalloc((l->n_arcs + 1) * sizeof *e), *tmp = xmalloc((l->n_arcs + 1) * sizeof *tmp);
    int *best = xmalloc((l->n + 1) * sizeof *best);
    for (size_t i = 0; i < l->n; i++) best[i] = l->v[i].pos;
    double least = crossings(l, e, tmp);
    const int sweeps = l->n > BIG ? 2 : SWEEPS;
    for (int s = 0; s < sweeps && least > 0; s++) {
        for (int k = 1; s % 2 == 0 && k < l->n_layers; k++) sort_layer(l, k, true, keys, scratch);
        for (int k = l->n_layers - 2; s % 2 == 1 && k >= 0; k--) sort_layer(l, k, false, keys, scratch);
        const double now = crossings(l, e, tmp);
        if (now >= least) continue;
        least = now;
        for (size_t i = 0; i < l->n; i++) best[i] = l->v[i].pos;
    }
    for (size_t i = 0; i < l->n; i++) {
        l->v[i].pos = best[i];
        l->layer[l->v[i].layer][best[i]] = (int)i;
    }
    free(keys);
    free(scratch);
    free(e);
    free(tmp);
    free(best);
}

/* ---- 4. abscissas ------------------------------------------------------------------------------------------------------ */

static double distance_to_next(const layout *l, int a, int b) {
    return l->v[a].w + (l->v[a].box < 0 || l->v[b].box < 0 ? GAP_LANE : GAP_BOX);
}

/* Where the neighbours want the left edge of v to be, and how much. */
static double wish(const layout *l, int v, bool upper, bool lower, double *weight) {
    double sum = 0;
    *weight = 0;
    for (int side = 0; side < 2; side++) {
        if (side == 0 ? !upper : !lower) continue;
        const int *first = side == 0 ? l->first_up : l->first_down, *list = side == 0 ? l->up : l->down;
        for (int i = first[v]; i < first[v + 1]; i++) {
            const arc *a = &l->a[list[i]];
            const bool lanes = l->v[a->from].box < 0 && l->v[a->to].box < 0;
            const double w = lanes ? 8 : l->v[a->from].box < 0 || l->v[a->to].box < 0 ? 2 : 1;
            const double x = side == 0 ? l->v[a->from].x + a->dx0 - a->dx1 : l->v[a->to].x + a->dx1 - a->dx0;
            sum += w * x;
            *weight += w;
        }
    }
    return *weight > 0 ? sum / *weight : 0;
}

typedef struct pool {
    double mean, weight;
    int n;
} pool;

/* The least-squares placement of one layer that keeps the order and the minimal distances. */
static void place_layer(layout *l, int k, bool upper, bool lower, pool *pools) {
    const int n = l->size[k];
    double offset = 0;
    int top = 0;
    for (int i = 0; i < n; i++) {
        const int v = l->layer[k][i];
        double weight, x = wish(l, v, upper, lower, &weight);
        if (weight == 0) weight = 0.01, x = l->v[v].x; /* nothing pulls: stay */
        pools[top++] = (pool){x - offset, weight, 1};
        while (top > 1 && pools[top - 2].mean > pools[top - 1].mean) {
            pool *p = &pools[top - 2], *q = &pools[top - 1];
            p->mean = (p->mean * p->weight + q->mean * q->weight) / (p->weight + q->weight);
            p->weight += q->weight;
            p->n += q->n;
            top--;
        }
        if (i + 1 < n) offset += distance_to_next(l, v, l->layer[k][i + 1]);
    }
    offset = 0;
    for (int p = 0, i = 0; p < top; p++)
        for (int c = 0; c < pools[p].n; c++, i++) {
            const int v = l->layer[k][i];
            l->v[v].x = pools[p].mean + offset;
            if (i + 1 < n) offset += distance_to_next(l, v, l->layer[k][i + 1]);
        }
}

/* The arc below v that should be vertical: of a lane the one to its lane, else the only one, if it is that at its other
 * end, too. */
static int straight_arc(const layout *l, int v) {
    const int n = l->first_down[v + 1] - l->first_down[v];
    for (int j = 0; j < n; j++) {
        const int i = l->down[l->first_down[v] + j], to = l->a[i].to;
        const bool only_in = l->first_up[to + 1] - l->first_up[to] == 1;
        if (l->v[v].box < 0 && l->v[to].box < 0) return i;
        if (n == 1 && only_in) return i;
    }
    return -1;
}

/* How far v may go to the left and right without touching its neighbours. */
static void free_room(const layout *l, int v, double *low, double *high) {
    const vertex *x = &l->v[v];
    *low = -INFINITY;
    *high = INFINITY;
    if (x->pos > 0) {
        const int p = l->layer[x->layer][x->pos - 1];
        *low = l->v[p].x + distance_to_next(l, p, v);
    }
    if (x->pos + 1 < l->size[x->layer]) {
        const int p = l->layer[x->layer][x->pos + 1];
        *high = l->v[p].x - distance_to_next(l, v, p);
    }
}

/* Puts vertices [from, to) of a chain at one abscissa (of their ports: offset is from the left of each). */
static void align(layout *l, const int *chain, const double *offset, int from, int to, double low, double high) {
    double sum = 0;
    for (int i = from; i < to; i++) sum += l->v[chain[i]].x + offset[i];
    double x = sum / (to - from);
    x = x < low ? low : x > high ? high : x;
    for (int i = from; i < to; i++) l->v[chain[i]].x = x - offset[i];
}

static void straighten(layout *l, int rounds) {
    int *next = xmalloc((l->n + 1) * sizeof *next), *chain = xmalloc((l->n + 1) * sizeof *chain);
    bool *inner = xmalloc(l->n + 1);
    double *offset = xmalloc((l->n + 1) * sizeof *offset);
    memset(inner, 0, l->n);
    for (size_t v = 0; v < l->n; v++) {
        next[v] = straight_arc(l, (int)v);
        if (next[v] >= 0) inner[l->a[next[v]].to] = true;
    }
    for (int r = 0; r < rounds; r++)
        for (size_t v = 0; v < l->n; v++) {
            if (inner[v] || next[v] < 0) continue; /* only where a chain begins */
            int n = 0;
            chain[0] = (int)v;
            offset[0] = 0;
            for (int i = next[v]; i >= 0; i = next[l->a[i].to]) {
                offset[n + 1] = offset[n] + l->a[i].dx1 - l->a[i].dx0;
                chain[++n] = l->a[i].to;
            }
            double low = -INFINITY, high = INFINITY;
            int from = 0;
            for (int i = 0; i <= n; i++) { /* as long a piece as fits at one abscissa, then the next */
                double a, b;
                free_room(l, chain[i], &a, &b);
                a += offset[i], b += offset[i];
                if (i > from && ((a > low ? a : low) > (b < high ? b : high))) {
                    align(l, chain, offset, from, i, low, high);
                    from = i;
                    low = -INFINITY, high = INFINITY;
                }
                low = a > low ? a : low;
                high = b < high ? b : high;
            }
            align(l, chain, offset, from, n + 1, low, high);
        }
    free(next);
    free(chain);
    free(inner);
    free(offset);
}

static void place(layout *l) {
    pool *pools = xmalloc((l->n + 1) * sizeof *pools);
    for (int k = 0; k < l->n_layers; k++) { /* packed and centred to begin with */
        double x = 0;
        for (int i = 0; i < l->size[k]; i++) {
            const int v = l->layer[k][i];
            l->v[v].x = x;
            x += i + 1 < l->size[k] ? distance_to_next(l, v, l->layer[k][i + 1]) : l->v[v].w;
        }
        for (int i = 0; i < l->size[k]; i++) l->v[l->layer[k][i]].x -= x / 2;
    }
    const int rounds = l->n > BIG ? 4 : PLACEMENTS;
    for (int r = 0; r < rounds; r++) {
        const bool both = r >= rounds / 2; /* first for the coarse shape, then for the balance */
        for (int k = 1; r % 2 == 0 && k < l->n_layers; k++) place_layer(l, k, true, both, pools);
        for (int k = l->n_layers - (both ? 1 : 2); r % 2 == 1 && k >= 0; k--) place_layer(l, k, both, true, pools);
    }
    free(pools);
    straighten(l, l->n > BIG ? 2 : STRAIGHTEN);
    double left = INFINITY;
    for (size_t i = 0; i < l->n; i++) left = l->v[i].x < left ? l->v[i].x : left;
    for (size_t i = 0; i < l->n; i++) l->v[i].x -= left;
}

/* ---- 5. columns ------------------------------------------------------------------------------------------------------ */

enum { TALL = 2200, BUS = 7, GUTTER = 34 };

typedef struct rows {                   /* of each layer */
    double *height, *gap, *top, *shift; /* the gap below; where it begins; how far its column moves to the right */
    int *joins;                         /* values that go on into the next layer */
    bool *cut;                          /* the next layer begins a column */
} rows;

/* Room between two layers: more where edges have far to go. */
static double gap_below(const layout *l, int k) {
    double far = 0;
    int n = 0;
    for (int i = 0; i < l->size[k]; i++) {
        const int v = l->layer[k][i];
        for (int j = l->first_down[v]; j < l->first_down[v + 1]; j++) {
            const arc *a = &l->a[l->down[j]];
            const double d = fabs(l->v[a->from].x + a->dx0 - l->v[a->to].x - a->dx1);
            far = d > far ? d : far;
            n++;
        }
    }
    const double gap = 16 + far * 0.12 + n * 0.5;
    return n == 0 ? GAP_BOX : gap > 90 ? 90 : gap;
}

static void measure_rows(const layout *l, rows *r) {
    int *seen = xmalloc((l->n_nets + 1) * sizeof *seen);
    for (size_t e = 0; e < l->n_nets; e++) seen[e] = -1;
    for (int k = 0; k < l->n_layers; k++) {
        r->height[k] = 0;
        r->joins[k] = 0;
        r->cut[k] = false;
        r->shift[k] = 0;
        r->gap[k] = gap_below(l, k);
        for (int i = 0; i < l->size[k]; i++) {
            const int v = l->layer[k][i];
            if (l->v[v].box >= 0 && l->boxes[l->v[v].box].h > r->height[k]) r->height[k] = l->boxes[l->v[v].box].h;
            for (int j = l->first_down[v]; j < l->first_down[v + 1]; j++) {
                const int net = l->a[l->down[j]].net;
                r->joins[k] += seen[net] != k;
                seen[net] = k;
            }
        }
    }
    free(seen);
}

static void extent(const layout *l, int from, int to, double *left, double *right) {
    *left = INFINITY;
    *right = -INFINITY;
    for (int k = from; k < to; k++)
        for (int i = 0; i < l->size[k]; i++) {
            const vertex *v = &l->v[l->layer[k][i]];
            *left = v->x < *left ? v->x : *left;
            *right = v->x + v->w > *right ? v->x + v->w : *right;
        }
}

/* Marks the layers below which the drawing is cut, so that the whole gets half as wide again as it is high. */
static void choose_cuts(const layout *l, rows *r) {
    double total = 0, left, right;
    for (int k = 0; k < l->n_layers; k++) total += r->height[k] + r->gap[k];
    extent(l, 0, l->n_layers, &left, &right);
    const int columns = (int)(sqrt(1.5 * total / (right - left + GUTTER)) + 0.5);
    if (total < TALL || columns < 2) return;
    const double aim = total / columns;
    double y = 0;
    int best = -1;
    double least = INFINITY;
    for (int k = 0; k + 1 < l->n_layers; k++) {
        y += r->height[k] + r->gap[k];
        if (y > 0.7 * aim) { /* few edges, and near the aim */
            const double cost = r->joins[k] + 4 * fabs(y - aim) / aim;
            if (cost < least) least = cost, best = k;
        }
        if (y < 1.15 * aim || best < 0) continue;
        r->cut[best] = true;
        y = 0;
        for (int i = best + 1; i <= k; i++) y += r->height[i] + r->gap[i];
        best = -1;
        least = INFINITY;
    }
}

/* Tops of the layers and shifts of the columns. */
static void stack_rows(const layout *l, rows *r, lay_result *out) {
    int most = 0;
    bool any = false;
    for (int k = 0; k < l->n_layers; k++)
        if (r->cut[k]) any = true, most = r->joins[k] > most ? r->joins[k] : most;
    const double head = any ? (most + 1) * BUS : 0;
    double x = 0;
    out->w = out->h = 0;
    for (int from = 0, to; from < l->n_layers; from = to) {
        double y = head, left, right;
        for (to = from; to < l->n_layers; to++) {
            r->top[to] = y;
            y += r->height[to];
            if (r->cut[to]) break;
            y += r->gap[to];
        }
        const bool more = to < l->n_layers;
        to += more;
        const double foot = r->top[to - 1] + r->height[to - 1] + (more ? (r->joins[to - 1] + 1) * BUS : 0);
        out->h = foot > out->h ? foot : out->h;
        extent(l, from, to, &left, &right);
        for (int k = from; k < to; k++) r->shift[k] = x - left;
        out->w = x + right - left;
        x = out->w + (more ? GUTTER + r->joins[to - 1] * BUS : 0);
    }
}

/* ---- results ------------------------------------------------------------------------------------------------------------ */

static void add_piece(lay_result *r, lay_piece p) {
    if (r->n == r->cap) r->pieces = xrealloc(r->pieces, (r->cap = r->cap ? r->cap * 2 : 256) * sizeof *r->pieces);
    r->pieces[r->n++] = p;
}

/* The k-th value that goes on into the next column; each has tracks of its own. */
static lay_piece turn(const layout *l, const rows *r, lay_piece p, int layer, int k) {
    double left, right;
    int from = layer;
    while (from > 0 && !r->cut[from - 1]) from--;
    extent(l, from, layer + 1, &left, &right);
    p.turns = true;
    p.low = r->top[layer] + r->height[layer] + (k + 1) * BUS;
    p.gutter = right + r->shift[layer] + GUTTER / 2.0 + k * BUS;
    p.high = r->top[layer + 1] - (r->joins[layer] - k) * BUS;
    return p;
}

static void add_arcs(const layout *l, const rows *r, lay_result *out) {
    int *track = xmalloc((l->n_nets + 1) * sizeof *track), *layer = xmalloc((l->n_nets + 1) * sizeof *layer);
    int *used = xmalloc(((size_t)l->n_layers + 1) * sizeof *used);
    for (size_t e = 0; e < l->n_nets; e++) layer[e] = -1;
    memset(used, 0, ((size_t)l->n_layers + 1) * sizeof *used);
    for (size_t i = 0; i < l->n_arcs; i++) {
        const arc *a = &l->a[i];
        const vertex *from = &l->v[a->from], *to = &l->v[a->to];
        const int k = from->layer;
        const double foot = r->top[k] + r->height[k];
        lay_piece p = {.net = a->net,
                       .x0 = from->x + a->dx0 + r->shift[k],
                       .y0 = from->box < 0 ? foot : r->top[k] + l->boxes[from->box].h,
                       .y1 = foot};
        p.x1 = p.x0;
        if (p.y0 < foot) add_piece(out, p);
        p.y0 = foot;
        p.x1 = to->x + a->dx1 + r->shift[k + 1];
        p.y1 = r->top[k + 1];
        p.last = to->box >= 0;
        if (r->cut[k] && layer[a->net] != k) layer[a->net] = k, track[a->net] = used[k]++;
        add_piece(out, r->cut[k] ? turn(l, r, p, k, track[a->net]) : p);
    }
    free(track);
    free(layer);
    free(used);
}

static void give_results(layout *l, lay_result *out) {
    const size_t n = (size_t)l->n_layers + 1;
    double *numbers = xmalloc(4 * n * sizeof *numbers);
    rows r = {numbers, numbers + n, numbers + 2 * n, numbers + 3 * n, xmalloc(n * sizeof(int)), xmalloc(n)};
    measure_rows(l, &r);
    choose_cuts(l, &r);
    stack_rows(l, &r, out);
    for (size_t i = 0; i < l->n; i++) {
        const vertex *v = &l->v[i];
        const double x = v->x + r.shift[v->layer], y = r.top[v->layer];
        if (v->box >= 0)
            l->boxes[v->box].x = x, l->boxes[v->box].y = y;
        else if (r.height[v->layer] > 0)
            add_piece(
                out,
                (lay_piece){
                    .net = v->net, .x0 = x + LANE / 2.0, .y0 = y, .x1 = x + LANE / 2.0, .y1 = y + r.height[v->layer]});
    }
    add_arcs(l, &r, out);
    free(numbers);
    free(r.joins);
    free(r.cut);
}

void lay_out(lay_box *boxes, size_t n_boxes, const lay_net *nets, size_t n_nets, lay_result *out) {
    layout l = {
        .boxes = boxes, .nets = nets, .n_boxes = n_boxes, .n_nets = n_nets, .n = n_boxes, .cap = n_boxes * 2 + 16};
    *out = (lay_result){0};
    if (n_boxes == 0) return;
    l.v = xmalloc(l.cap * sizeof *l.v);
    for (size_t i = 0; i < n_boxes; i++) l.v[i] = (vertex){.box = (int)i, .net = -1, .w = boxes[i].w};
    assign_layers(&l);
    make_lanes(&l);
    make_layers(&l);
    l.down = index_arcs(&l, true, &l.first_down);
    l.up = index_arcs(&l, false, &l.first_up);
    order_layers(&l);
    place(&l);
    give_results(&l, out);
    for (int k = 0; k < l.n_layers; k++) free(l.layer[k]);
    free(l.layer);
    free(l.size);
    free(l.v);
    free(l.a);
    free(l.first_down);
    free(l.first_up);
    free(l.down);
    free(l.up);
}
