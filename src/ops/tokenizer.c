/*
 * Tokenizer (com.microsoft) -- strings cut into tokens: what matches an expression, what lies between separators, or
 * single characters. Rows are filled up to the longest one.
 */
#include "ops/common.h"
#include "ops/regex.h"
#include "ops/text.h"

enum { MARK, LEAST, PAD, SEPARATORS, TOKENEXP };
static const attr_def tokenizer_attrs[] = {
    ATTR_REQ("mark", ATTR_INT),           ATTR_REQ("mincharnum", ATTR_INT),  ATTR_REQ("pad_value", ATTR_STRING),
    ATTR_OPT("separators", ATTR_STRINGS), ATTR_OPT("tokenexp", ATTR_STRING), ATTR_OPT("stopwords", ATTR_STRINGS),
};
static const formal tokenizer_in[] = {{.name = "X", .var = "T", .types = DT_STRING}};
static const formal tokenizer_out[] = {{.name = "Y", .var = "T", .types = DT_STRING}};

typedef struct tokenizer {
    regex **re; /* the separators, or the one expression */
    size_t n;
    bool chars, cut; /* single characters; re are separators */
    size_t memory;   /* of the largest */
} tokenizer;

static void drop(void *state) {
    tokenizer *s = state;
    if (!s) return;
    for (size_t i = 0; i < s->n; i++) regex_free(s->re[i]);
    mem_free(s->re), mem_free(s);
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    FAIL_IF(x->rank == 0 || x->rank > 2, err, SARD_INVALID_ARGUMENT, "X has rank %d; 1 or 2 is needed", x->rank);
    int64_t dim[3] = {DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN};
    for (int i = 0; i < x->rank; i++) dim[i] = x->dim[i];
    bool empty = x->rank > 0 && x->dim[x->rank - 1] == 0, sure = x->rank > 0 && dim_known(x->dim[x->rank - 1]);
    c->out[0] = type_tensor(SARD_STRING, !sure ? -1 : empty ? x->rank : x->rank + 1, dim);
    return SARD_OK;
}

static sard_status prepare(op_prep *p, void **state, sard_error *err) {
    const attr *sep = prep_attr(p, SEPARATORS), *exp = prep_attr(p, TOKENEXP);
    tokenizer *s = mem_calloc(1, sizeof *s);
    if (!s) return err_nomem(err, sizeof *s);
    *state = s;
    FAIL_IF((sep->type == ATTR_STRINGS) == (exp->type == ATTR_STRING), err, SARD_INVALID_MODEL,
            "one of separators and tokenexp is needed");
    s->cut = sep->type == ATTR_STRINGS;
    const str *patterns = s->cut ? sep->strs.v : &exp->s;
    size_t n = s->cut ? sep->strs.n : 1;
    FAIL_IF(n == 0, err, SARD_INVALID_MODEL, "attribute 'separators' is empty");
    s->chars = s->cut ? n == 1 && patterns[0].n == 0 : str_is(patterns[0], ".");
    FAIL_IF(s->chars && prep_attr(p, LEAST)->i > 1, err, SARD_INVALID_MODEL,
            "mincharnum is %lld; tokens are single characters", (long long)prep_attr(p, LEAST)->i);
    if (s->chars) return SARD_OK;
    s->re = mem_calloc(n, sizeof *s->re);
    if (!s->re) return err_nomem(err, n * sizeof *s->re);
    for (; s->n < n; s->n++) {
        TRY(regex_new(patterns[s->n], &s->re[s->n], err));
        if (regex_memory(s->re[s->n]) > s->memory) s->memory = regex_memory(s->re[s->n]);
    }
    return SARD_OK;
}

/* ---- tokens of a string ------------------------------------------------------------------------------------------------- */

typedef struct list {
    str *v;
    size_t n, cap;
} list;

static sard_status push(list *l, str s, sard_error *err) {
    if (mem_grow((void **)&l->v, &l->cap, l->n + 1, sizeof *l->v)) return err_nomem(err, l->n * sizeof *l->v);
    l->v[l->n++] = s;
    return SARD_OK;
}

static int64_t characters(str s) {
    int64_t n = 0;
    for (size_t i = 0; i < s.n; n++) {
        int bytes;
        text_next(s.p + i, s.p + s.n, &bytes);
        i += (size_t)bytes;
    }
    return n;
}

static sard_status push_long(list *l, str s, int64_t least, sard_error *err) {
    return s.n && characters(s) >= least ? push(l, s, err) : SARD_OK;
}

static size_t one_character(str s, size_t at) {
    int bytes = 1;
    if (at < s.n) text_next(s.p + at, s.p + s.n, &bytes);
    return (size_t)bytes;
}

typedef struct matcher { /* what matching works with */
    void *memory;
    meter *work;
} matcher;

/* What matches, or what lies between matches, to *out. Matches of nothing move on by one character. */
static sard_status matches(const regex *r, str s, bool cut, int64_t least, const matcher *m, list *out,
                           sard_error *err) {
    size_t at = 0, done = 0, from, to;
    while (at <= s.n) {
        bool found;
        TRY(regex_find(r, s, at, true, &from, &to, m->memory, m->work, &found, err));
        if (!found) break;
        bool nothing = to == from;
        str token = cut ? (str){s.p + done, from - done} : (str){s.p + from, to - from};
        if (!nothing) {
            TRY(push_long(out, token, least, err));
            done = to;
        }
        at = nothing ? to + one_character(s, to) : to;
    }
    return cut ? push_long(out, (str){s.p + done, s.n - done}, least, err) : SARD_OK;
}

/* Adds the tokens of s to *all; `work` is a list to work in. */
static sard_status tokenize(const tokenizer *t, str s, int64_t least, const matcher *m, list *all, list *work,
                            sard_error *err) {
    for (size_t i = 0; t->chars && i < s.n;) {
        size_t bytes = one_character(s, i);
        TRY(push(all, (str){s.p + i, bytes}, err));
        i += bytes;
    }
    if (t->chars) return SARD_OK;
    size_t first = all->n;
    if (!t->cut) return matches(t->re[0], s, false, least, m, all, err);
    TRY(push(all, s, err));
    for (size_t i = 0; i < t->n; i++) { /* each separator cuts what the ones before it left */
        work->n = 0;
        for (size_t k = first; k < all->n; k++) TRY(matches(t->re[i], all->v[k], true, least, m, work, err));
        all->n = first;
        for (size_t k = 0; k < work->n; k++) TRY(push(all, work->v[k], err));
    }
    return SARD_OK;
}

static sard_status fill(const tokenizer *t, op_ctx *c, list *all, list *work, size_t *ends, sard_error *err) {
    const tensor *x = op_in(c, 0);
    int64_t n = tensor_count(x), width = 0, mark = op_attr(c, MARK)->i != 0;
    meter looks = {.ctl = op_par(c)->ctl};
    matcher m = {.work = &looks};
    TRY(op_scratch(c, t->memory, &m.memory, err));
    for (int64_t i = 0; i < n; i++) {
        size_t before = all->n;
        TRY(tokenize(t, TENSOR_AT(x, str)[i], op_attr(c, LEAST)->i, &m, all, work, err));
        ends[i] = all->n;
        if ((int64_t)(all->n - before) > width) width = (int64_t)(all->n - before);
    }
    shape s = shape_of(x);
    tensor *y;
    if (s.dim[s.rank - 1] == 0) return op_out(c, 0, SARD_STRING, &s, &y, err);
    if (width == 0) mark = 0; /* no tokens at all: no marks either */
    width += 2 * mark;
    s.dim[s.rank++] = width;
    TRY(op_out(c, 0, SARD_STRING, &s, &y, err));
    str begin, end, pad = op_attr(c, PAD)->s;
    TRY(op_string(c, "\2", 1, &begin, err));
    TRY(op_string(c, "\3", 1, &end, err));
    TRY(op_string(c, pad.p, pad.n, &pad, err));
    for (int64_t i = 0; i < n; i++) {
        str *row = TENSOR_AT(y, str) + i * width, *last = row + width;
        if (mark) *row++ = begin;
        for (size_t k = i ? ends[i - 1] : 0; k < ends[i]; k++) TRY(op_string(c, all->v[k].p, all->v[k].n, row++, err));
        if (mark) *row++ = end;
        while (row < last) *row++ = pad;
    }
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    const tensor *x = op_in(c, 0);
    list all = {0}, work = {0};
    void *ends;
    FAIL_IF(x->rank < 1 || x->rank > 2, err, SARD_INVALID_ARGUMENT, "X has rank %d; 1 or 2 is needed", x->rank);
    TRY(op_scratch(c, (size_t)tensor_count(x) * sizeof(size_t), &ends, err));
    sard_status s = fill(state, c, &all, &work, ends, err);
    mem_free(all.v), mem_free(work.v);
    return s;
}

const op_def op_tokenizer = {
    .domain = "com.microsoft",
    .name = "Tokenizer",
    .doc = "strings cut into tokens",
    OP_SINCE(1),
    OP_ATTRS(tokenizer_attrs),
    OP_IN(tokenizer_in),
    OP_OUT(tokenizer_out),
    .flags = OP_DATA_SHAPE,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .drop = drop,
};
