/*
 * StringNormalizer -- leaves stop words out, and makes strings lower or upper case.
 *
 * Case is that of Unicode, one code point to one, for Latin, Greek, Cyrillic and Armenian letters whose two forms take
 * equally many bytes, whatever the locale; other letters stay as they are. Bytes that are no UTF-8 stay, too.
 */
#include "ops/common.h"

enum { ACTION, IS_CASE_SENSITIVE, LOCALE, STOPWORDS };
enum { NONE, LOWER, UPPER };
static const attr_def norm_attrs[] = {
    ATTR_S("case_change_action", "NONE"),
    ATTR_I("is_case_sensitive", 0),
    ATTR_OPT("locale", ATTR_STRING),
    ATTR_OPT("stopwords", ATTR_STRINGS),
};
static const formal norm_in[] = {{.name = "X", .types = DT_STRING}};
static const formal norm_out[] = {{.name = "Y", .types = DT_STRING}};

/* Letters in [lo, hi]: upper case + step is lower case; step 1: pairs that begin at the parity of lo. */
typedef struct letters {
    uint16_t lo, hi, step;
} letters;
static const letters cases[] = {
    {0x41, 0x5A, 32},   {0xC0, 0xD6, 32},   {0xD8, 0xDE, 32},   {0x100, 0x12F, 1},   {0x132, 0x137, 1},
    {0x139, 0x148, 1},  {0x14A, 0x177, 1},  {0x179, 0x17E, 1},  {0x388, 0x38A, 37},  {0x391, 0x3A1, 32},
    {0x3A3, 0x3AB, 32}, {0x400, 0x40F, 80}, {0x410, 0x42F, 32}, {0x460, 0x481, 1},   {0x48A, 0x4BF, 1},
    {0x4C1, 0x4CE, 1},  {0x4D0, 0x52F, 1},  {0x531, 0x556, 48}, {0x1E00, 0x1E95, 1}, {0x1EA0, 0x1EFF, 1},
};

static uint32_t change(uint32_t u, int to) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const letters *l = &cases[i];
        if (l->step == 1) {
            if (u < l->lo || u > l->hi) continue;
            bool lower = (u - l->lo) & 1;
            return to == LOWER && !lower ? u + 1 : to == UPPER && lower ? u - 1 : u;
        }
        if (to == LOWER && u >= l->lo && u <= l->hi) return u + l->step;
        if (to == UPPER && u >= l->lo + (uint32_t)l->step && u <= l->hi + (uint32_t)l->step) return u - l->step;
    }
    return u;
}

/* s in that case, into as many bytes. */
static void change_case(str s, int to, char *out) {
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t i = 0; i < s.n;) {
        bool next = i + 1 < s.n && (p[i + 1] & 0xC0) == 0x80, third = next && i + 2 < s.n && (p[i + 2] & 0xC0) == 0x80;
        uint32_t u;
        if (p[i] < 0x80) {
            out[i] = (char)change(p[i], to), i++;
        } else if (p[i] >= 0xC2 && p[i] < 0xE0 && next) {
            u = change((p[i] & 0x1Fu) << 6 | (p[i + 1] & 0x3Fu), to);
            out[i] = (char)(0xC0 | u >> 6), out[i + 1] = (char)(0x80 | (u & 0x3F)), i += 2;
        } else if ((p[i] & 0xF0) == 0xE0 && third) {
            u = change((p[i] & 0x0Fu) << 12 | (p[i + 1] & 0x3Fu) << 6 | (p[i + 2] & 0x3Fu), to);
            out[i] = (char)(0xE0 | u >> 12), out[i + 1] = (char)(0x80 | (u >> 6 & 0x3F));
            out[i + 2] = (char)(0x80 | (u & 0x3F)), i += 3;
        } else {
            out[i] = s.p[i], i++;
        }
    }
}

static sard_status changed(op_ctx *c, str s, int to, str *out, sard_error *err) {
    char *p;
    *out = s;
    if (to == NONE || !s.n) return SARD_OK;
    TRY(op_string_space(c, s.n, &p, err));
    change_case(s, to, p);
    *out = (str){p, s.n};
    return SARD_OK;
}

static sard_status read_action(const attr *a, int *action, sard_error *err) {
    static const char *const words[] = {"NONE", "LOWER", "UPPER"};
    return attr_word(&a[ACTION], "case_change_action", words, 3, action, err);
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const vtype *x = c->in[0];
    int action;
    TRY(read_action(c->node->attrs, &action, err));
    FAIL_IF(x->rank >= 0 && x->rank != 1 && x->rank != 2, err, SARD_INVALID_ARGUMENT,
            "the input has rank %d; 1 or 2 is needed", x->rank);
    FAIL_IF(x->rank == 2 && dim_known(x->dim[0]) && x->dim[0] != 1, err, SARD_INVALID_ARGUMENT,
            "the input has %lld rows; 1 is needed", (long long)x->dim[0]);
    c->out[0] = type_tensor(SARD_STRING, x->rank, NULL);
    if (x->rank == 2) c->out[0].dim[0] = 1;
    return SARD_OK;
}

typedef struct words { /* stop words; in lower case when case does not matter */
    strtab t;
    bool any, exact;
} words;

static sard_status read_words(op_ctx *c, words *w, sard_error *err) {
    const attr *a = op_attr(c, STOPWORDS);
    w->exact = op_attr(c, IS_CASE_SENSITIVE)->i != 0;
    w->any = a->type == ATTR_STRINGS && a->strs.n;
    for (size_t i = 0; w->any && i < a->strs.n; i++) {
        str s;
        TRY(changed(c, a->strs.v[i], w->exact ? NONE : LOWER, &s, err));
        if (s.n && strtab_add(&w->t, s.p, s.n) == STR_FAIL) return err_nomem(err, s.n);
    }
    return SARD_OK;
}

static bool has_empty(const attr *a) {
    for (size_t i = 0; a->type == ATTR_STRINGS && i < a->strs.n; i++)
        if (!a->strs.v[i].n) return true;
    return false;
}

static sard_status keep_words(op_ctx *c, const words *w, int action, sard_error *err) {
    const tensor *x = op_in(c, 0);
    const int64_t n = tensor_count(x);
    const bool empty = has_empty(op_attr(c, STOPWORDS));
    void *mem;
    TRY(op_scratch(c, (size_t)n * sizeof(str) + 1, &mem, err));
    str *kept = mem, s;
    int64_t k = 0;
    for (int64_t i = 0; i < n; i++) {
        str v = TENSOR_AT(x, str)[i];
        if (w->any) {
            TRY(changed(c, v, w->exact ? NONE : LOWER, &s, err));
            if (s.n ? strtab_find(&w->t, s.p, s.n) != STR_FAIL : empty) continue;
        }
        TRY(changed(c, v, action, &kept[k++], err));
    }
    shape sh = {.rank = x->rank};
    tensor *y;
    sh.dim[0] = 1;
    sh.dim[x->rank - 1] = k ? k : 1; /* nothing left: one empty string */
    TRY(op_out(c, 0, SARD_STRING, &sh, &y, err));
    if (k) memcpy(tensor_data(y), kept, (size_t)k * sizeof *kept);
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    int action;
    char text[200];
    FAIL_IF(!(x->rank == 1 || (x->rank == 2 && x->dim[0] == 1)), err, SARD_INVALID_ARGUMENT,
            "the input is %s; [C] or [1, C] is needed", tensor_text(x, text, sizeof text));
    TRY(read_action(op_node(c)->attrs, &action, err));
    words w = {0};
    if (strtab_init(&w.t)) return err_nomem(err, sizeof w);
    sard_status st = read_words(c, &w, err);
    if (st == SARD_OK) st = keep_words(c, &w, action, err);
    strtab_free(&w.t);
    return st;
}

const op_def op_stringnormalizer = {
    .domain = "",
    .name = "StringNormalizer",
    .doc = "strings without stop words, in lower or upper case",
    OP_SINCE(10),
    OP_ATTRS(norm_attrs),
    OP_IN(norm_in),
    OP_OUT(norm_out),
    .flags = OP_DATA_SHAPE,
    .infer = infer,
    .run = run,
};
