/*
 * rank.c -- thresholds as ranks: the ranked form of a forest, see forest.h.
 *
 * The place of a number among a feature's sorted thresholds tells how it compares with each of them: x <= t[k] exactly
 * when fewer than k + 1 thresholds lie below x. Boosted trees are grown on histograms of at most 255 bins a feature, so
 * the places fit into bytes and one comparison serves a whole tile of rows.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/tree/forest.h"

typedef struct list { /* thresholds of every used feature, each sorted, none twice */
    float *v;
    int32_t *at, *n; /* per feature: where its thresholds are and how many */
} list;

static int ascending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Sorts each feature's; false when one has too many for a byte. */
static bool sort_list(const tree_forest *f, list *l) {
    for (int32_t i = 0; i < f->n_used; i++) {
        float *v = l->v + l->at[i];
        int32_t n = 0;
        qsort(v, (size_t)l->n[i], sizeof *v, ascending);
        for (int32_t k = 0; k < l->n[i]; k++)
            if (!k || v[k] > v[n - 1]) v[n++] = v[k];
        l->n[i] = n;
        if (n > TREE_RANKS) return false;
    }
    return true;
}

/* Gathers the thresholds; false when a test is not of the kind x <= t, or a feature has too many. */
static bool collect(const tree_forest *f, const tree_model *m, const int32_t *place, list *l) {
    for (int32_t i = 0; i < m->n_tests; i++) {
        if (m->tests[i].flags & TREE_EQUAL || m->tests[i].v != m->tests[i].v) return false;
        l->n[place[m->tests[i].feature]]++;
    }
    for (int32_t i = 0, at = 0; i < f->n_used; i++) l->at[i] = at, at += l->n[i], l->n[i] = 0;
    for (int32_t i = 0; i < m->n_tests; i++) {
        int32_t k = place[m->tests[i].feature];
        l->v[l->at[k] + l->n[k]++] = (float)m->tests[i].v;
    }
    return sort_list(f, l);
}

/* The sorted thresholds, filled up with infinity, which lies below nothing. */
static sard_status lay_limits(tree_forest *f, const list *l, sard_error *err) {
    size_t n = (size_t)f->n_used;
    f->limits = mem_alloc(n * sizeof *f->limits);
    if (!f->limits) return err_nomem(err, n * sizeof *f->limits);
    for (int32_t i = 0; i < f->n_used; i++) {
        tree_limits *t = &f->limits[i];
        for (int k = 0; k < TREE_RANKS + 1; k++)
            t->v[k % 16][k / 16] = k < l->n[i] ? l->v[l->at[i] + k] : __builtin_inff();
        t->n = l->n[i];
    }
    f->bytes += n * sizeof *f->limits;
    return SARD_OK;
}

/* A test of a tree of more than 32 leaves costs at least twice as much otherwise: two words, or a walk. */
static bool pays(const tree_forest *f, const tree_model *m) {
    int64_t tests = m->n_tests, weight = tests > 31 * (int64_t)m->n_trees ? 2 : 1;
    return f->n_used && tests * weight >= (int64_t)TREE_RANKS_PAY * f->n_used;
}

sard_status tree_ranks_new(tree_forest *f, const tree_model *m, const int32_t *place, sard_error *err) {
    if (f->wide || !pays(f, m)) return SARD_OK;
    size_t tests = (size_t)m->n_tests, used = (size_t)f->n_used;
    list l = {mem_alloc(tests * sizeof *l.v), mem_calloc(used, sizeof *l.at), mem_calloc(used, sizeof *l.n)};
    sard_status s = SARD_OK;
    if (!l.v || !l.at || !l.n)
        s = err_nomem(err, tests * sizeof *l.v);
    else if (collect(f, m, place, &l))
        s = lay_limits(f, &l, err);
    if (s == SARD_OK && f->limits) {
        f->ranked = mem_alloc(tests * sizeof *f->ranked);
        if (!f->ranked) s = err_nomem(err, tests * sizeof *f->ranked);
        f->bytes += tests * sizeof *f->ranked;
    }
    mem_free(l.v), mem_free(l.at), mem_free(l.n);
    return s;
}

int32_t tree_rank(const tree_forest *f, int32_t place, float v) {
    const tree_limits *t = &f->limits[place];
    int32_t from = 0, to = t->n;
    while (from < to) {
        int32_t mid = (from + to) / 2;
        if (t->v[mid % 16][mid / 16] < v)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}
