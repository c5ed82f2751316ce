/*
 * TfIdfVectorizer -- counts the n-grams of a pool in each row, tokens up to max_skip_count apart.
 *
 * The pool is a trie: an exact hash map from (node, token number) to the next node. A row's tokens become numbers first;
 * then every start and every skip distance is a walk down the trie. Single tokens are counted once, not once per skip.
 * As in other engines, weights go by place in the output.
 */
#include "ops/common.h"
#include "ops/meter.h"

enum { MAX_GRAM, MAX_SKIP, MIN_GRAM, MODE, COUNTS, INDEXES, POOL_INTS, POOL_STRINGS, WEIGHTS };
enum { TF, IDF, TFIDF };
#define NO_TOKEN UINT32_MAX
static const attr_def tfidf_attrs[] = {
    ATTR_REQ("max_gram_length", ATTR_INT), ATTR_REQ("max_skip_count", ATTR_INT),
    ATTR_REQ("min_gram_length", ATTR_INT), ATTR_REQ("mode", ATTR_STRING),
    ATTR_REQ("ngram_counts", ATTR_INTS),   ATTR_REQ("ngram_indexes", ATTR_INTS),
    ATTR_OPT("pool_int64s", ATTR_INTS),    ATTR_OPT("pool_strings", ATTR_STRINGS),
    ATTR_OPT("weights", ATTR_FLOATS),
};
static const formal tfidf_in[] = {{.name = "X", .var = "T", .types = DT_STRING | DT(SARD_I32) | DT(SARD_I64)}};
static const formal tfidf_out[] = {{.name = "Y", .types = DT(SARD_F32)}};

typedef struct pool_trie {
    strtab words;   /* tokens of a pool of strings: their ids */
    map64 ints;     /* tokens of a pool of integers -> their numbers */
    map64 next;     /* node << 32 | token -> node */
    int64_t *place; /* per node: in the output; -1: no n-gram ends here */
    size_t n, cap;
    int64_t width, min, max, skips;
    int mode;
    bool strings;
} pool_trie;

static sard_status widest(const attr *a, int64_t *out, sard_error *err) {
    int64_t most = -1;
    for (size_t i = 0; i < a->ints.n; i++) {
        FAIL_IF(a->ints.v[i] < 0 || a->ints.v[i] == INT64_MAX, err, SARD_INVALID_MODEL, "ngram_indexes[%zu] is %lld", i,
                (long long)a->ints.v[i]);
        if (a->ints.v[i] > most) most = a->ints.v[i];
    }
    FAIL_IF(most < 0, err, SARD_INVALID_MODEL, "attribute 'ngram_indexes' is empty");
    *out = most + 1;
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    int64_t dim[2] = {DIM_UNKNOWN, DIM_UNKNOWN}, width;
    TRY(widest(infer_attr(c, INDEXES), &width, err));
    FAIL_IF(x->rank == 0 || x->rank > 2, err, SARD_INVALID_ARGUMENT, "the input has rank %d; 1 or 2 is needed",
            x->rank);
    if (x->rank == 2) dim[0] = x->dim[0];
    if (x->rank > 0) dim[x->rank - 1] = width;
    c->out[0] = type_tensor(SARD_F32, x->rank, dim);
    return SARD_OK;
}

/* ---- the pool ------------------------------------------------------------------------------------------------------ */

static sard_status token_of(pool_trie *t, const attr *attrs, size_t i, uint32_t *out, sard_error *err) {
    uint64_t number;
    if (t->strings) {
        str s = attrs[POOL_STRINGS].strs.v[i];
        *out = strtab_add(&t->words, s.p ? s.p : "", s.n);
        return *out == STR_FAIL ? err_nomem(err, s.n) : SARD_OK;
    }
    uint64_t key = (uint64_t)attrs[POOL_INTS].ints.v[i];
    if (!map_get(&t->ints, key, &number)) {
        number = t->ints.n;
        if (map_put(&t->ints, key, number)) return err_nomem(err, sizeof key);
    }
    *out = (uint32_t)number;
    return SARD_OK;
}

static sard_status new_node(pool_trie *t, sard_error *err) {
    FAIL_IF(t->n >= UINT32_MAX, err, SARD_LIMIT, "a pool of %zu tokens", t->n);
    if (mem_grow((void **)&t->place, &t->cap, t->n + 1, sizeof *t->place)) return err_nomem(err, sizeof *t->place);
    t->place[t->n++] = -1;
    return SARD_OK;
}

/* The n-gram of `length` tokens from pool[at] on ends with that place in the output. */
static sard_status add_gram(pool_trie *t, const attr *attrs, size_t at, size_t length, int64_t place, sard_error *err) {
    uint64_t node = 0, to;
    for (size_t i = 0; i < length; i++) {
        uint32_t token;
        TRY(token_of(t, attrs, at + i, &token, err));
        if (!map_get(&t->next, node << 32 | token, &to)) {
            to = t->n;
            TRY(new_node(t, err));
            if (map_put(&t->next, node << 32 | token, to)) return err_nomem(err, sizeof to);
        }
        node = to;
    }
    t->place[node] = place;
    return SARD_OK;
}

static sard_status add_pool(pool_trie *t, const attr *attrs, sard_error *err) {
    size_t n = t->strings ? attrs[POOL_STRINGS].strs.n : attrs[POOL_INTS].ints.n, gram = 0;
    const attr *counts = &attrs[COUNTS], *places = &attrs[INDEXES];
    TRY(new_node(t, err));
    for (size_t k = 0; k < counts->ints.n; k++) {
        int64_t from = counts->ints.v[k], to = k + 1 < counts->ints.n ? counts->ints.v[k + 1] : (int64_t)n;
        size_t length = k + 1;
        FAIL_IF(from < 0 || from > to || to > (int64_t)n, err, SARD_INVALID_MODEL,
                "ngram_counts[%zu] is %lld; the next one is %lld, the pool has %zu tokens", k, (long long)from,
                (long long)to, n);
        FAIL_IF((uint64_t)(to - from) % length, err, SARD_INVALID_MODEL,
                "%lld tokens of the pool are no whole number of %zu-grams", (long long)(to - from), length);
        for (int64_t at = from; at < to; at += (int64_t)length, gram++) {
            FAIL_IF(gram >= places->ints.n, err, SARD_INVALID_MODEL,
                    "attribute 'ngram_indexes' has %zu elements; the pool has more n-grams", places->ints.n);
            if ((int64_t)length >= t->min && (int64_t)length <= t->max)
                TRY(add_gram(t, attrs, (size_t)at, length, places->ints.v[gram], err));
        }
    }
    return SARD_OK;
}

static void drop(void *state) {
    pool_trie *t = state;
    if (!t) return;
    strtab_free(&t->words);
    map_free(&t->ints), map_free(&t->next);
    mem_free(t->place);
    mem_free(t);
}

static sard_status fill_trie(pool_trie *t, const attr *a, sard_error *err) {
    static const char *const modes[] = {"TF", "IDF", "TFIDF"};
    bool ints = a[POOL_INTS].type == ATTR_INTS && a[POOL_INTS].ints.n;
    t->strings = a[POOL_STRINGS].type == ATTR_STRINGS && a[POOL_STRINGS].strs.n;
    FAIL_IF(t->strings == ints, err, SARD_INVALID_MODEL,
            "one of the attributes 'pool_strings' and 'pool_int64s' is needed; %s given",
            ints ? "both are" : "none is");
    t->min = a[MIN_GRAM].i, t->max = a[MAX_GRAM].i, t->skips = a[MAX_SKIP].i;
    FAIL_IF(t->min < 1 || t->max < t->min, err, SARD_INVALID_MODEL, "min_gram_length is %lld and max_gram_length %lld",
            (long long)t->min, (long long)t->max);
    FAIL_IF(t->skips < 0 || t->skips == INT64_MAX, err, SARD_INVALID_MODEL, "max_skip_count is %lld",
            (long long)t->skips);
    TRY(attr_word(&a[MODE], "mode", modes, 3, &t->mode, err));
    TRY(widest(&a[INDEXES], &t->width, err));
    FAIL_IF(a[WEIGHTS].type == ATTR_FLOATS && a[WEIGHTS].floats.n && (int64_t)a[WEIGHTS].floats.n < t->width, err,
            SARD_INVALID_MODEL, "attribute 'weights' has %zu elements; the output has %lld", a[WEIGHTS].floats.n,
            (long long)t->width);
    return add_pool(t, a, err);
}

static sard_status prepare(op_prep *p, void **state, sard_error *err) {
    pool_trie *t = mem_calloc(1, sizeof *t);
    if (!t || strtab_init(&t->words)) {
        mem_free(t);
        return err_nomem(err, sizeof *t);
    }
    sard_status s = fill_trie(t, p->node->attrs, err);
    if (s != SARD_OK)
        drop(t);
    else
        *state = t;
    return s;
}

/* ---- counting ------------------------------------------------------------------------------------------------------ */

static uint32_t token_at(const pool_trie *t, const tensor *x, int64_t i) {
    uint64_t number;
    if (x->dtype == SARD_STRING) {
        str s = TENSOR_AT(x, str)[i];
        return strtab_find(&t->words, s.p ? s.p : "", s.n); /* STR_FAIL is NO_TOKEN */
    }
    int64_t v = x->dtype == SARD_I64 ? TENSOR_AT(x, int64_t)[i] : TENSOR_AT(x, int32_t)[i];
    return map_get(&t->ints, (uint64_t)v, &number) ? (uint32_t)number : NO_TOKEN;
}

static sard_status count_row(const pool_trie *t, const uint32_t *token, int64_t n, float *y, meter *m,
                             sard_error *err) {
    int64_t least = t->min;
    for (int64_t distance = 1; distance <= t->skips + 1; distance++) {
        if (least > 1 && (distance > n || least - 1 > (n - 1) / distance)) break; /* none fits any more */
        for (int64_t start = 0; start < n; start++) {
            uint64_t node = 0;
            int64_t size = 1;
            TRY(meter_add(m, 16, err));
            for (int64_t i = start; i < n && size <= t->max; i += distance, size++) {
                if (token[i] == NO_TOKEN || !map_get(&t->next, node << 32 | token[i], &node)) break;
                TRY(meter_add(m, 16, err));
                if (size >= least && t->place[node] >= 0) y[t->place[node]] += 1;
            }
        }
        if (least == 1 && ++least > t->max) break;
    }
    return SARD_OK;
}

static void weigh(const pool_trie *t, const attr *w, float *y) {
    const bool given = w->type == ATTR_FLOATS && w->floats.n;
    for (int64_t i = 0; i < t->width && t->mode != TF; i++) {
        float f = t->mode == IDF ? (float)(y[i] > 0) : y[i];
        y[i] = given ? f * w->floats.v[i] : f;
    }
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    const pool_trie *t = state;
    const tensor *x = op_in(c, 0);
    FAIL_IF(x->rank != 1 && x->rank != 2, err, SARD_INVALID_ARGUMENT, "the input has rank %d; 1 or 2 is needed",
            x->rank);
    FAIL_IF((x->dtype == SARD_STRING) != t->strings, err, SARD_INVALID_ARGUMENT, "the input is of %s; the pool of %s",
            dtype_short(x->dtype), t->strings ? "strings" : "integers");
    shape s = {.rank = x->rank};
    int64_t rows = x->rank == 2 ? x->dim[0] : 1, n = x->dim[x->rank - 1];
    s.dim[0] = rows;
    s.dim[x->rank - 1] = t->width;
    tensor *y;
    void *mem;
    TRY(op_out(c, 0, SARD_F32, &s, &y, err));
    TRY(op_scratch(c, (size_t)n * sizeof(uint32_t) + 1, &mem, err));
    uint32_t *token = mem;
    if (tensor_count(y)) memset(tensor_data(y), 0, tensor_bytes(y));
    meter m = {.ctl = op_par(c)->ctl};
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = 0; i < n; i++) token[i] = token_at(t, x, r * n + i);
        TRY(count_row(t, token, n, TENSOR_AT(y, float) + r * t->width, &m, err));
        weigh(t, op_attr(c, WEIGHTS), TENSOR_AT(y, float) + r * t->width);
    }
    return SARD_OK;
}

const op_def op_tfidfvectorizer = {
    .domain = "",
    .name = "TfIdfVectorizer",
    .doc = "counts of n-grams",
    OP_SINCE(9),
    OP_ATTRS(tfidf_attrs),
    OP_IN(tfidf_in),
    OP_OUT(tfidf_out),
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .drop = drop,
};
