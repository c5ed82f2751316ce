/*
 * StringSplit -- each string cut at a delimiter, or at runs of white space; rows are filled up with empty strings.
 *
 * Pieces are slices of the input's bytes. maxsplit below 0 is no limit.
 */
#include "ops/common.h"
#include "ops/meter.h"

enum { DELIMITER, MAXSPLIT };
static const attr_def split_attrs[] = {ATTR_OPT("delimiter", ATTR_STRING), ATTR_OPT("maxsplit", ATTR_INT)};
static const formal split_in[] = {{.name = "X", .var = "T1", .types = DT_STRING}};
static const formal split_out[] = {
    {.name = "Y", .var = "T2", .types = DT_STRING},
    {.name = "Z", .var = "T3", .types = DT(SARD_I64), .flags = F_OPTIONAL},
};

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    FAIL_IF(x->rank == MAX_RANK, err, SARD_UNSUPPORTED, "rank %d", x->rank + 1);
    c->out[0] = type_tensor(SARD_STRING, x->rank < 0 ? -1 : x->rank + 1, NULL);
    for (int i = 0; i < x->rank; i++) c->out[0].dim[i] = x->dim[i];
    if (c->n_out > 1) {
        c->out[1] = *x;
        c->out[1].dtype = SARD_I64;
    }
    return SARD_OK;
}

typedef struct cutter {
    str delimiter; /* empty: white space */
    int64_t max;
} cutter;

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static size_t find(str s, size_t from, str what) {
    for (size_t i = from; i + what.n <= s.n; i++) {
        const char *p = memchr(s.p + i, what.p[0], s.n - what.n + 1 - i);
        if (!p) return SIZE_MAX;
        i = (size_t)(p - s.p);
        if (memcmp(p, what.p, what.n) == 0) return i;
    }
    return SIZE_MAX;
}

/* Cuts s; pieces go to out when it is not NULL. Returns their number. */
static int64_t cut(const cutter *k, str s, str *out) {
    int64_t n = 0;
    size_t from = 0;
    if (k->delimiter.n) {
        for (size_t end; n < k->max && (end = find(s, from, k->delimiter)) != SIZE_MAX; n++) {
            if (out) out[n] = (str){s.p + from, end - from};
            from = end + k->delimiter.n;
        }
        if (out) out[n] = s.n ? (str){s.p + from, s.n - from} : s;
        return n + 1;
    }
    for (;; n++) {
        while (from < s.n && is_space(s.p[from])) from++;
        if (from == s.n) return n;
        size_t end = from;
        while (end < s.n && (n == k->max || !is_space(s.p[end]))) end++;
        if (out) out[n] = (str){s.p + from, end - from};
        from = end;
    }
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    const attr *d = op_attr(c, DELIMITER), *m = op_attr(c, MAXSPLIT);
    cutter k = {.max = m->type == ATTR_INT && m->i >= 0 ? m->i : INT64_MAX};
    if (d->type == ATTR_STRING) k.delimiter = d->s;
    shape s = shape_of(x);
    tensor *y, *z;
    FAIL_IF(x->rank == MAX_RANK, err, SARD_UNSUPPORTED, "rank %d", x->rank + 1);
    TRY(op_out(c, 1, SARD_I64, &s, &z, err));
    int64_t n = tensor_count(x), most = 0, *count = tensor_data(z);
    const str *in = tensor_data(x);
    meter work = {.ctl = op_par(c)->ctl};
    for (int64_t i = 0; i < n; i++) {
        TRY(meter_add(&work, 1 + (int64_t)in[i].n, err));
        count[i] = cut(&k, in[i], NULL);
        if (count[i] > most) most = count[i];
    }
    s.dim[s.rank++] = most;
    FAIL_IF(shape_count(&s) < 0, err, SARD_LIMIT, "the output is too large");
    TRY(op_out(c, 0, SARD_STRING, &s, &y, err));
    for (int64_t i = 0; i < n && most; i++) {
        TRY(meter_add(&work, 1 + (int64_t)in[i].n, err));
        cut(&k, in[i], TENSOR_AT(y, str) + i * most);
    }
    return SARD_OK;
}

const op_def op_stringsplit = {
    .domain = "",
    .name = "StringSplit",
    .doc = "strings cut at a delimiter",
    OP_SINCE(20),
    OP_ATTRS(split_attrs),
    OP_IN(split_in),
    OP_OUT(split_out),
    .flags = OP_DATA_SHAPE,
    .infer = infer,
    .run = run,
};
