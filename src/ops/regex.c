/*
 * regex.c -- a pattern becomes a program of a non-deterministic automaton; all its states run side by side, in order of
 * preference (Thompson; R. Cox, "Regular Expression Matching: the Virtual Machine Approach", 2009).
 *
 * The parser emits instructions as it reads: an operator behind an atom moves the atom's instructions to make room.
 * Targets of jumps are relative, so that moving and copying a piece keeps it right.
 */
#include "ops/regex.h"

#include "base/mem.h"
#include "ops/text.h"

enum { DEPTH_MAX = 200, REPEAT_MAX = 1000, PROGRAM_MAX = 20000 };
enum { I_CASE = 1, I_DOT_ALL = 2, I_LINES = 4, I_UNGREEDY = 8 }; /* flags */

typedef enum kind {
    CHAR,
    CLASS,
    ANY,
    ANY_BUT_LINE,
    SPLIT,
    JUMP,
    BEGIN,
    END,
    LINE_BEGIN,
    LINE_END,
    WORD,
    NO_WORD,
    MATCH
} kind;
typedef struct inst {
    uint8_t kind, fold, negated;
    uint32_t c;   /* CHAR; CLASS: first of its ranges */
    uint32_t n;   /* CLASS: ranges */
    int32_t x, y; /* SPLIT: preferred and other target; JUMP: x. Relative */
} inst;
typedef struct span {
    uint32_t lo, hi;
} span;

struct regex {
    inst *code;
    size_t n, cap;
    span *spans;
    size_t n_spans, cap_spans;
};

typedef struct parser {
    regex *r;
    const char *start, *p, *end;
    int flags, depth;
    sard_error *err;
} parser;

static sard_status fault(const parser *p, const char *what) {
    return err_set(p->err, SARD_INVALID_MODEL, "pattern \"%.*s\", character %d: %s", (int)(p->end - p->start), p->start,
                   (int)(p->p - p->start) + 1, what);
}

/* ---- emitting --------------------------------------------------------------------------------------------------------- */

static sard_status reserve(parser *p, size_t more) {
    if (p->r->n + more > PROGRAM_MAX) return fault(p, "the pattern is too large");
    if (mem_grow((void **)&p->r->code, &p->r->cap, p->r->n + more, sizeof *p->r->code))
        return err_nomem(p->err, (p->r->n + more) * sizeof *p->r->code);
    return SARD_OK;
}

static sard_status emit(parser *p, inst i) {
    TRY(reserve(p, 1));
    p->r->code[p->r->n++] = i;
    return SARD_OK;
}

/* Room for one instruction before those from `at` on. */
static sard_status insert(parser *p, size_t at, inst i) {
    TRY(reserve(p, 1));
    memmove(p->r->code + at + 1, p->r->code + at, (p->r->n - at) * sizeof *p->r->code);
    p->r->code[at] = i;
    p->r->n++;
    return SARD_OK;
}

static inst split(int32_t into, int32_t past, bool greedy) {
    return (inst){.kind = SPLIT, .x = greedy ? into : past, .y = greedy ? past : into};
}

/* ---- classes ---------------------------------------------------------------------------------------------------------- */

static sard_status add_span(parser *p, uint32_t lo, uint32_t hi) {
    if (mem_grow((void **)&p->r->spans, &p->r->cap_spans, p->r->n_spans + 1, sizeof *p->r->spans))
        return err_nomem(p->err, 64);
    p->r->spans[p->r->n_spans++] = (span){lo, hi};
    return SARD_OK;
}

static const struct {
    char name;
    uint8_t n;
    span s[4];
} SHORT[] = {
    {'d', 1, {{'0', '9'}}},
    {'w', 4, {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
    {'s', 3, {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}},
};
static const struct {
    const char *name;
    uint8_t n;
    span s[4];
} POSIX[] = {
    {"alnum", 3, {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
    {"alpha", 2, {{'A', 'Z'}, {'a', 'z'}}},
    {"ascii", 1, {{0, 0x7f}}},
    {"blank", 2, {{'\t', '\t'}, {' ', ' '}}},
    {"cntrl", 2, {{0, 0x1f}, {0x7f, 0x7f}}},
    {"digit", 1, {{'0', '9'}}},
    {"graph", 1, {{'!', '~'}}},
    {"lower", 1, {{'a', 'z'}}},
    {"print", 1, {{' ', '~'}}},
    {"punct", 4, {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
    {"space", 2, {{'\t', '\r'}, {' ', ' '}}},
    {"upper", 1, {{'A', 'Z'}}},
    {"word", 4, {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
    {"xdigit", 3, {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
};

/* Ranges in rising order, or what lies between them. */
static sard_status add_spans(parser *p, const span *s, int n, bool negated) {
    uint32_t from = 0;
    for (int i = 0; i < n; i++) {
        if (!negated)
            TRY(add_span(p, s[i].lo, s[i].hi));
        else if (s[i].lo > from)
            TRY(add_span(p, from, s[i].lo - 1));
        from = s[i].hi + 1;
    }
    return negated ? add_span(p, from, 0x10ffff) : SARD_OK;
}

/* \d \D \w ...: whether c is one of them. */
static bool add_short(parser *p, char c, sard_status *s) {
    for (int i = 0; i < 3; i++) {
        bool negated = c == SHORT[i].name - 32;
        if (c != SHORT[i].name && !negated) continue;
        *s = add_spans(p, SHORT[i].s, SHORT[i].n, negated);
        return true;
    }
    return false;
}

static int hex(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The character an escape stands for; p is behind the backslash. */
static sard_status escape(parser *p, uint32_t *c) {
    static const char from[] = "afnrtv", to[] = "\a\f\n\r\t\v";
    if (p->p >= p->end) return fault(p, "a backslash at the end");
    char e = *p->p;
    const char *known = memchr(from, e, 6);
    if (known) {
        *c = (uint32_t)to[known - from], p->p++;
    } else if (e == 'x') {
        bool braces = ++p->p < p->end && *p->p == '{';
        int digits = 0, most = braces ? 6 : 2;
        *c = 0;
        for (p->p += braces; p->p < p->end && hex(*p->p) >= 0 && digits < most; digits++)
            *c = *c * 16 + (uint32_t)hex(*p->p++);
        if (digits == 0 || (!braces && digits < 2) || *c > 0x10ffff) return fault(p, "a wrong hexadecimal escape");
        if (braces && (p->p >= p->end || *p->p++ != '}')) return fault(p, "'}' is missing");
    } else if (e >= '0' && e <= '7' && (e == '0' || (p->end - p->p > 1 && p->p[1] >= '0' && p->p[1] <= '7'))) {
        *c = 0;
        for (int i = 0; i < 3 && p->p < p->end && *p->p >= '0' && *p->p <= '7'; i++)
            *c = *c * 8 + (uint32_t)(*p->p++ - '0');
    } else if ((e >= 'a' && e <= 'z') || (e >= 'A' && e <= 'Z') || (e >= '0' && e <= '9')) {
        return fault(p, "an escape that is not offered");
    } else {
        int bytes;
        *c = text_next(p->p, p->end, &bytes);
        p->p += bytes;
    }
    return SARD_OK;
}

static sard_status posix(parser *p, bool *found) {
    const char *q = p->p + 2;
    bool negated = q < p->end && *q == '^';
    *found = false;
    q += negated;
    for (size_t i = 0; i < sizeof POSIX / sizeof *POSIX; i++) {
        size_t n = strlen(POSIX[i].name);
        if ((size_t)(p->end - q) < n + 2 || memcmp(q, POSIX[i].name, n) != 0 || q[n] != ':' || q[n + 1] != ']')
            continue;
        p->p = q + n + 2;
        *found = true;
        return add_spans(p, POSIX[i].s, POSIX[i].n, negated);
    }
    return SARD_OK;
}

static sard_status class_char(parser *p, uint32_t *c) {
    int bytes;
    if (*p->p == '\\') {
        p->p++;
        return escape(p, c);
    }
    *c = text_next(p->p, p->end, &bytes);
    p->p += bytes;
    return SARD_OK;
}

static sard_status class(parser *p) {
    inst i = {.kind = CLASS, .fold = (p->flags & I_CASE) != 0, .c = (uint32_t)p->r->n_spans};
    if (p->p < p->end && *p->p == '^') i.negated = 1, p->p++;
    for (bool first = true;; first = false) {
        uint32_t lo, hi;
        sard_status s = SARD_OK;
        bool found;
        if (p->p >= p->end) return fault(p, "']' is missing");
        if (*p->p == ']' && !first) break;
        if (*p->p == '[' && p->end - p->p > 1 && p->p[1] == ':') {
            TRY(posix(p, &found));
            if (found) continue;
        }
        if (*p->p == '\\' && p->end - p->p > 1 && add_short(p, p->p[1], &s)) {
            TRY(s);
            p->p += 2;
            continue;
        }
        TRY(class_char(p, &lo));
        hi = lo;
        if (p->end - p->p > 1 && p->p[0] == '-' && p->p[1] != ']') {
            p->p++;
            TRY(class_char(p, &hi));
        }
        if (hi < lo) return fault(p, "a range that ends before it begins");
        TRY(add_span(p, lo, hi));
    }
    p->p++;
    i.n = (uint32_t)p->r->n_spans - i.c;
    return emit(p, i);
}

/* ---- the grammar ------------------------------------------------------------------------------------------------------ */

static sard_status alternatives(parser *p);

static sard_status literal(parser *p, uint32_t c) {
    return emit(p, (inst){.kind = CHAR, .fold = (p->flags & I_CASE) != 0, .c = p->flags & I_CASE ? text_lower(c) : c});
}

/* Flags of (?i) and (?i:...); *group: a colon came. */
static sard_status set_flags(parser *p, bool *group) {
    bool on = true;
    for (; p->p < p->end; p->p++) {
        int f = *p->p == 'i'   ? I_CASE
                : *p->p == 's' ? I_DOT_ALL
                : *p->p == 'm' ? I_LINES
                : *p->p == 'U' ? I_UNGREEDY
                               : 0;
        if (f)
            p->flags = on ? p->flags | f : p->flags & ~f;
        else if (*p->p == '-' && on)
            on = false;
        else if (*p->p == ':' || *p->p == ')') {
            *group = *p->p++ == ':';
            return SARD_OK;
        } else
            break;
    }
    return fault(p, "a group that is not offered");
}

static sard_status group(parser *p) {
    int flags = p->flags;
    bool inside = true;
    if (p->end - p->p > 1 && p->p[0] == '?') {
        p->p++;
        bool python = *p->p == 'P' && p->end - p->p > 1 && p->p[1] == '<';
        if (python || (*p->p == '<' && p->end - p->p > 1 && p->p[1] != '=' && p->p[1] != '!')) {
            const char *close = memchr(p->p, '>', (size_t)(p->end - p->p));
            if (!close) return fault(p, "'>' is missing");
            p->p = close + 1;
        } else {
            TRY(set_flags(p, &inside));
            if (!inside) return SARD_OK; /* they stay to the end of the group around */
        }
    }
    if (++p->depth > DEPTH_MAX) return fault(p, "groups are nested too deep");
    TRY(alternatives(p));
    p->depth--;
    p->flags = flags;
    if (p->p >= p->end || *p->p != ')') return fault(p, "')' is missing");
    p->p++;
    return SARD_OK;
}

static sard_status backslash(parser *p) {
    static const char names[] = "AzbB";
    static const kind kinds[] = {BEGIN, END, WORD, NO_WORD};
    uint32_t c, spans = (uint32_t)p->r->n_spans;
    sard_status s = SARD_OK;
    if (p->p >= p->end) return fault(p, "a backslash at the end");
    const char *at = memchr(names, *p->p, 4);
    if (at) {
        p->p++;
        return emit(p, (inst){.kind = (uint8_t)kinds[at - names]});
    }
    if (add_short(p, *p->p, &s)) {
        TRY(s);
        p->p++;
        return emit(p, (inst){.kind = CLASS, .c = spans, .n = (uint32_t)p->r->n_spans - spans});
    }
    TRY(escape(p, &c));
    return literal(p, c);
}

/* *last: where the last literal begins, which a repetition behind \E repeats. */
static sard_status quoted(parser *p, size_t *last, bool *any) {
    *any = false;
    while (p->p < p->end && !(p->end - p->p > 1 && p->p[0] == '\\' && p->p[1] == 'E')) {
        int bytes;
        uint32_t c = text_next(p->p, p->end, &bytes);
        p->p += bytes;
        *last = p->r->n, *any = true;
        TRY(literal(p, c));
    }
    if (p->p < p->end) p->p += 2;
    return SARD_OK;
}

static sard_status atom(parser *p) {
    int bytes;
    char c = *p->p;
    switch (c) {
    case '(':
        p->p++;
        return group(p);
    case '[':
        p->p++;
        return class(p);
    case '\\':
        p->p++;
        return backslash(p);
    case '.':
        p->p++;
        return emit(p, (inst){.kind = p->flags & I_DOT_ALL ? ANY : ANY_BUT_LINE});
    case '^':
        p->p++;
        return emit(p, (inst){.kind = p->flags & I_LINES ? LINE_BEGIN : BEGIN});
    case '$':
        p->p++;
        return emit(p, (inst){.kind = p->flags & I_LINES ? LINE_END : END});
    case '*':
    case '+':
    case '?':
        return fault(p, "nothing stands before a repetition");
    default:
        break;
    }
    uint32_t u = text_next(p->p, p->end, &bytes);
    p->p += bytes;
    return literal(p, u);
}

/* {n}, {n,}, {n,m}: false when it is none, and the brace a literal. */
static bool counts(parser *p, int *lo, int *hi) {
    const char *q = p->p + 1;
    int n[2] = {-1, -1};
    for (int i = 0; i < 2; i++) {
        for (; q < p->end && *q >= '0' && *q <= '9'; q++) {
            n[i] = (n[i] < 0 ? 0 : n[i]) * 10 + (*q - '0');
            if (n[i] > REPEAT_MAX) n[i] = REPEAT_MAX + 1;
        }
        if (i == 0 && n[0] < 0) return false;
        if (i == 0 && q < p->end && *q == '}') {
            n[1] = n[0];
            break;
        }
        if (i == 0 && (q >= p->end || *q++ != ',')) return false;
        if (i == 1 && n[1] < 0) n[1] = INT32_MAX;
    }
    if (q >= p->end || *q != '}') return false;
    p->p = q + 1;
    *lo = n[0], *hi = n[1];
    return true;
}

static sard_status copy_piece(parser *p, size_t at, size_t n) {
    TRY(reserve(p, n));
    memcpy(p->r->code + p->r->n, p->r->code + at, n * sizeof *p->r->code);
    p->r->n += n;
    return SARD_OK;
}

/* The piece from `at` on, repeated lo to hi times (INT32_MAX: without end). */
static sard_status repeat(parser *p, size_t at, int lo, int hi, bool greedy) {
    size_t n = p->r->n - at;
    if (hi == 0) {
        p->r->n = at;
        return SARD_OK;
    }
    for (int i = 1; i < lo; i++) TRY(copy_piece(p, at, n));
    if (hi == INT32_MAX) { /* L: split on, past; piece; jump L. With lo > 0 the last copy: piece; split back, on */
        size_t last = p->r->n - n;
        if (lo > 0) return emit(p, split(-(int32_t)n, 1, greedy));
        TRY(insert(p, last, split(1, (int32_t)n + 2, greedy)));
        return emit(p, (inst){.kind = JUMP, .x = -(int32_t)n - 1});
    }
    /* the rest: each optional, all of them skipped together */
    int optional = hi - lo;
    if (optional == 0) return SARD_OK;
    if (lo == 0) TRY(insert(p, at, split(1, (int32_t)(optional * ((int)n + 1)), greedy)));
    for (int i = lo == 0; i < optional; i++) {
        size_t piece = lo == 0 ? at + 1 : at;
        TRY(emit(p, split(1, (int32_t)((optional - i) * ((int)n + 1)), greedy)));
        TRY(copy_piece(p, piece, n));
    }
    return SARD_OK;
}

static sard_status piece(parser *p) {
    size_t at = p->r->n;
    if (p->end - p->p > 1 && p->p[0] == '\\' && p->p[1] == 'Q') {
        bool any;
        p->p += 2;
        TRY(quoted(p, &at, &any));
        if (!any) return SARD_OK;
    } else {
        TRY(atom(p));
    }
    for (int stacked = 0; p->p < p->end; stacked++) {
        int lo = 0, hi = INT32_MAX;
        if (*p->p == '+')
            lo = 1, p->p++;
        else if (*p->p == '?')
            hi = 1, p->p++;
        else if (*p->p == '*')
            p->p++;
        else if (*p->p != '{' || !counts(p, &lo, &hi))
            return SARD_OK;
        bool lazy = p->p < p->end && *p->p == '?', greedy = lazy == ((p->flags & I_UNGREEDY) != 0);
        p->p += lazy;
        if (stacked) return fault(p, "a repetition of a repetition");
        if (lo > REPEAT_MAX || (hi != INT32_MAX && hi > REPEAT_MAX) || hi < lo)
            return fault(p, "a wrong number of repetitions");
        TRY(repeat(p, at, lo, hi, greedy));
    }
    return SARD_OK;
}

/* Each but the last: split to it or to the next; it; jump behind all. Until the end is known, jumps are chained by c. */
static sard_status alternatives(parser *p) {
    const uint32_t none = UINT32_MAX;
    uint32_t chain = none;
    for (;;) {
        size_t at = p->r->n;
        while (p->p < p->end && *p->p != ')' && *p->p != '|') TRY(piece(p));
        if (p->p >= p->end || *p->p != '|') break;
        p->p++;
        TRY(insert(p, at, split(1, (int32_t)(p->r->n - at) + 2, true)));
        TRY(emit(p, (inst){.kind = JUMP, .c = chain}));
        chain = (uint32_t)p->r->n - 1;
    }
    while (chain != none) {
        inst *jump = &p->r->code[chain];
        jump->x = (int32_t)(p->r->n - chain);
        chain = jump->c;
    }
    return SARD_OK;
}

sard_status regex_new(str pattern, regex **out, sard_error *err) {
    regex *r = mem_calloc(1, sizeof *r);
    if (!r) return err_nomem(err, sizeof *r);
    parser p = {.r = r, .start = pattern.p, .p = pattern.p, .end = pattern.p + pattern.n, .err = err};
    sard_status s = alternatives(&p);
    if (s == SARD_OK && p.p < p.end) s = fault(&p, "')' without '('");
    if (s == SARD_OK) s = emit(&p, (inst){.kind = MATCH});
    if (s != SARD_OK) {
        regex_free(r);
        return s;
    }
    *out = r;
    return SARD_OK;
}

void regex_free(regex *r) {
    if (!r) return;
    mem_free(r->code), mem_free(r->spans), mem_free(r);
}

/* ---- matching --------------------------------------------------------------------------------------------------------- */

typedef struct thread {
    uint32_t pc;
    uint32_t unused;
    size_t start;
} thread;

typedef struct machine {
    const regex *r;
    str text;
    thread *now, *next, *stack;
    uint32_t n_now, n_next;
    bool longest;
    size_t *mark; /* per instruction: the step in which it was added, plus 1 */
    meter *work;
} machine;

size_t regex_memory(const regex *r) { return r->n * (4 * sizeof(thread) + sizeof(size_t)) + 64; }

static void machine_init(machine *m, const regex *r, str text, void *memory, meter *work) {
    *m = (machine){.r = r, .text = text, .now = memory, .work = work};
    m->next = m->now + r->n, m->stack = m->next + r->n;
    m->mark = (size_t *)(void *)(m->stack + 2 * r->n);
    memset(m->mark, 0, r->n * sizeof *m->mark);
}

static bool word_at(str t, size_t i) {
    if (i >= t.n) return false;
    char c = t.p[i];
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool holds(const machine *m, const inst *i, size_t at) {
    bool edge = word_at(m->text, at) != (at > 0 && word_at(m->text, at - 1));
    switch ((kind)i->kind) {
    case BEGIN:
        return at == 0;
    case END:
        return at == m->text.n;
    case LINE_BEGIN:
        return at == 0 || m->text.p[at - 1] == '\n';
    case LINE_END:
        return at == m->text.n || m->text.p[at] == '\n';
    case WORD:
        return edge;
    case NO_WORD:
        return !edge;
    default:
        return false;
    }
}

/* Adds an instruction to the threads of place `at`, following what consumes nothing, the preferred way first. */
static void add(machine *m, thread *list, uint32_t *n, uint32_t pc, size_t start, size_t at) {
    size_t top = 0;
    m->stack[top++] = (thread){.pc = pc};
    while (top) {
        uint32_t q = m->stack[--top].pc;
        const inst *i = &m->r->code[q];
        if (m->mark[q] == at + 1) continue;
        m->mark[q] = at + 1;
        if (i->kind == SPLIT) {
            m->stack[top++] = (thread){.pc = (uint32_t)((int32_t)q + i->y)};
            m->stack[top++] = (thread){.pc = (uint32_t)((int32_t)q + i->x)};
        } else if (i->kind == JUMP) {
            m->stack[top++] = (thread){.pc = (uint32_t)((int32_t)q + i->x)};
        } else if (i->kind >= BEGIN && i->kind <= NO_WORD) {
            if (holds(m, i, at)) m->stack[top++] = (thread){.pc = q + 1};
        } else {
            list[(*n)++] = (thread){.pc = q, .start = start};
        }
    }
}

static bool in_spans(const regex *r, const inst *i, uint32_t c) {
    for (uint32_t k = 0; k < i->n; k++)
        if (c >= r->spans[i->c + k].lo && c <= r->spans[i->c + k].hi) return true;
    return false;
}

static bool takes(const regex *r, const inst *i, uint32_t c) {
    switch ((kind)i->kind) {
    case CHAR:
        return i->fold ? text_lower(c) == i->c : c == i->c;
    case ANY:
        return true;
    case ANY_BUT_LINE:
        return c != '\n';
    case CLASS: {
        bool in = in_spans(r, i, c) || (i->fold && (in_spans(r, i, text_lower(c)) || in_spans(r, i, text_upper(c))));
        return in != (i->negated != 0);
    }
    default:
        return false;
    }
}

/* All threads over the text from `from`; full: only from the start to the very end. */
static sard_status simulate(machine *m, size_t from, bool full, size_t *start, size_t *end, bool *out,
                            sard_error *err) {
    bool found = false;
    int64_t work = m->r->n; /* what init took */
    for (size_t at = from;;) {
        if (!found && (!full || at == 0)) add(m, m->now, &m->n_now, 0, at, at);
        int bytes = 1;
        uint32_t c = at < m->text.n ? text_next(m->text.p + at, m->text.p + m->text.n, &bytes) : 0;
        m->n_next = 0;
        for (uint32_t k = 0; k < m->n_now; k++) {
            const thread t = m->now[k];
            const inst *i = &m->r->code[t.pc];
            work += 4 + i->n;
            if (i->kind == MATCH) {
                if (full && at < m->text.n) continue;
                if (found && t.start > *start) break; /* threads are in the order of their starts */
                found = true, *start = t.start, *end = at;
                if (!m->longest) break; /* those behind it are less preferred */
                continue;
            }
            if (at < m->text.n && takes(m->r, i, c)) add(m, m->next, &m->n_next, t.pc + 1, t.start, at + (size_t)bytes);
        }
        TRY(meter_add(m->work, 4 + work, err));
        work = 0;
        if (at >= m->text.n || (m->n_next == 0 && (found || full))) {
            *out = found;
            return SARD_OK;
        }
        thread *swap = m->now;
        m->now = m->next, m->next = swap, m->n_now = m->n_next;
        at += (size_t)bytes;
    }
}

sard_status regex_full(const regex *r, str text, void *memory, meter *work, bool *matches, sard_error *err) {
    machine m;
    size_t start, end;
    machine_init(&m, r, text, memory, work);
    return simulate(&m, 0, true, &start, &end, matches, err);
}

sard_status regex_find(const regex *r, str text, size_t from, bool longest, size_t *start, size_t *end, void *memory,
                       meter *work, bool *found, sard_error *err) {
    machine m;
    machine_init(&m, r, text, memory, work);
    m.longest = longest;
    return simulate(&m, from, false, start, end, found, err);
}
