/*
 * dim.c -- arithmetic on dimensions: numbers, symbols and canonical expressions of them.
 *
 * An expression is a polynomial over atoms: sums of coefficient * atom * atom ... An atom is a symbol of the file or an
 * opaque call ("div(a,2)", "max(a,b)"). Operands are turned into polynomials, combined, and printed in one canonical
 * order, so equal expressions have equal text and, interned, equal ids. Symbols stand for extents, so they are taken to
 * be >= 0. Whatever grows too large becomes unknown, which is always right.
 *
 *   expr   := "(" ["-"] term { ("+" | "-") term } ")"      term := factor { "*" factor }
 *   factor := digits | plain symbol | `any symbol` | call  call := ("div"|"max"|"min") "(" arg "," arg ")"
 */
#include <stdio.h>
#include <stdlib.h>

#include "graph/graph.h"

enum { MAX_TERMS = 8, MAX_FACTORS = 4, MAX_TEXT = 200 };

typedef struct term {
    int64_t c;
    int n;
    str f[MAX_FACTORS]; /* sorted; slices of interned strings */
} term;

typedef struct poly {
    bool ok; /* false: too large, or overflow */
    int n;
    term t[MAX_TERMS]; /* sorted, distinct, no zero coefficients; the constant term comes last */
} poly;

/* ---- ordering and normal form ------------------------------------------------------------------------------------- */

static int str_order(str a, str b) {
    const size_t n = a.n < b.n ? a.n : b.n;
    const int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int term_order(const term *a, const term *b) {
    if (!a->n || !b->n) return (a->n == 0) - (b->n == 0);
    for (int i = 0; i < a->n && i < b->n; i++) {
        const int c = str_order(a->f[i], b->f[i]);
        if (c) return c;
    }
    return a->n - b->n;
}

/* Adds s * t to p in its place. */
static void poly_put(poly *p, const term *t, int64_t s) {
    int64_t c;
    if (!p->ok || mul_i64(t->c, s, &c)) {
        p->ok = false;
        return;
    }
    if (!c) return;
    int i = 0, order = 1;
    while (i < p->n && (order = term_order(&p->t[i], t)) < 0) i++;
    if (i < p->n && order == 0) {
        if (add_i64(p->t[i].c, c, &p->t[i].c)) p->ok = false;
        if (!p->t[i].c) memmove(&p->t[i], &p->t[i + 1], sizeof(term) * (size_t)(--p->n - i));
        return;
    }
    if (p->n == MAX_TERMS) {
        p->ok = false;
        return;
    }
    memmove(&p->t[i + 1], &p->t[i], sizeof(term) * (size_t)(p->n - i));
    p->t[i] = *t;
    p->t[i].c = c;
    p->n++;
}

static poly poly_const(int64_t v) {
    poly p = {.ok = true};
    poly_put(&p, &(term){.c = 1}, v);
    return p;
}

static poly poly_atom(str a) {
    poly p = {.ok = true, .n = 1};
    p.t[0] = (term){.c = 1, .n = 1, .f = {a}};
    return p;
}

static poly poly_sum(const poly *a, const poly *b, int64_t s) {
    poly r = *a;
    r.ok = a->ok && b->ok;
    for (int i = 0; i < b->n && r.ok; i++) poly_put(&r, &b->t[i], s);
    return r;
}

static bool term_times(const term *a, const term *b, term *r) {
    *r = (term){.n = a->n + b->n};
    if (r->n > MAX_FACTORS || mul_i64(a->c, b->c, &r->c)) return false;
    for (int i = 0, j = 0, k = 0; k < r->n; k++)
        r->f[k] = j == b->n || (i < a->n && str_order(a->f[i], b->f[j]) <= 0) ? a->f[i++] : b->f[j++];
    return true;
}

static poly poly_product(const poly *a, const poly *b) {
    poly r = {.ok = a->ok && b->ok};
    for (int i = 0; i < a->n && r.ok; i++) {
        for (int j = 0; j < b->n && r.ok; j++) {
            term t;
            if (term_times(&a->t[i], &b->t[j], &t))
                poly_put(&r, &t, 1);
            else
                r.ok = false;
        }
    }
    return r;
}

static bool poly_number(const poly *p, int64_t *v) {
    if (!p->ok || p->n > 1 || (p->n == 1 && p->t[0].n)) return false;
    *v = p->n ? p->t[0].c : 0;
    return true;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

typedef struct reader {
    const char *p, *end;
} reader;

static bool plain_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == ':';
}

static bool is_plain(str s) {
    if (!s.n || (s.p[0] >= '0' && s.p[0] <= '9')) return false;
    for (size_t i = 0; i < s.n; i++)
        if (!plain_char(s.p[i])) return false;
    return true;
}

static bool at_call(const char *p, const char *end) {
    return end - p > 4 && (!memcmp(p, "div(", 4) || !memcmp(p, "max(", 4) || !memcmp(p, "min(", 4));
}

/* The end of a call's text: its matching parenthesis, backquoted names skipped; NULL when there is none. */
static const char *call_end(const char *p, const char *end) {
    int depth = 0;
    for (bool quoted = false; p < end; p++) {
        if (*p == '`') quoted = !quoted;
        if (quoted) continue;
        if (*p == '(') depth++;
        if (*p == ')' && --depth == 0) return p + 1;
    }
    return NULL;
}

static bool read_number(reader *r, int64_t *v) {
    const char *from = r->p;
    *v = 0;
    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++)
        if (mul_i64(*v, 10, v) || add_i64(*v, *r->p - '0', v)) return false;
    return r->p > from;
}

static bool read_factor(reader *r, term *t) {
    const char *from = r->p;
    if (from == r->end) return false;
    str atom = {from, 0};
    if (*from >= '0' && *from <= '9') {
        int64_t v;
        return read_number(r, &v) && !mul_i64(t->c, v, &t->c);
    }
    if (*from == '`') {
        const char *close = memchr(from + 1, '`', (size_t)(r->end - from - 1));
        if (!close) return false;
        atom = (str){from + 1, (size_t)(close - from - 1)};
        r->p = close + 1;
    } else if (at_call(from, r->end)) {
        r->p = call_end(from, r->end);
        if (!r->p) return false;
        atom.n = (size_t)(r->p - from);
    } else {
        while (r->p < r->end && plain_char(*r->p)) r->p++;
        atom.n = (size_t)(r->p - from);
    }
    term one = {.c = 1, .n = 1, .f = {atom}}, both;
    if (!atom.n || !term_times(t, &one, &both)) return false;
    *t = both;
    return true;
}

/* A parenthesised sum that ends exactly where the reader does; false when the text is something else. */
static bool read_sum(reader r, poly *p) {
    *p = (poly){.ok = true};
    if (r.end - r.p < 2 || *r.p != '(') return false;
    r.p++;
    for (int64_t sign = 1;;) {
        if (r.p < r.end && *r.p == '-') {
            sign = -sign;
            r.p++;
        }
        term t = {.c = 1};
        if (!read_factor(&r, &t)) return false;
        while (r.p < r.end && *r.p == '*') {
            r.p++;
            if (!read_factor(&r, &t)) return false;
        }
        poly_put(p, &t, sign);
        if (!p->ok || r.p == r.end) return false;
        if (*r.p == ')') return r.p + 1 == r.end;
        if (*r.p != '+' && *r.p != '-') return false;
        sign = *r.p++ == '-' ? -1 : 1;
    }
}

static poly poly_of_text(str s) {
    poly p;
    if (s.n && s.p[0] == '(' && read_sum((reader){s.p, s.p + s.n}, &p)) return p;
    return poly_atom(s);
}

static poly poly_of(const module *m, int64_t d) {
    if (dim_known(d)) return poly_const(d);
    return poly_of_text(m->names.items[DIM_SYM_ID(d)]);
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

typedef struct writer {
    char p[MAX_TEXT + 1];
    size_t n;
    bool ok;
} writer;

static void put(writer *w, str s) {
    if (!w->ok || s.n > MAX_TEXT - w->n) {
        w->ok = false;
        return;
    }
    memcpy(w->p + w->n, s.p, s.n);
    w->n += s.n;
}

static void put_number(writer *w, int64_t v) {
    char buf[24];
    snprintf(buf, sizeof buf, "%lld", (long long)v);
    put(w, str_of(buf));
}

static void put_atom(writer *w, str a) {
    const bool plain = is_plain(a) || (at_call(a.p, a.p + a.n) && call_end(a.p, a.p + a.n) == a.p + a.n);
    if (plain) {
        put(w, a);
        return;
    }
    if (memchr(a.p, '`', a.n)) w->ok = false;
    put(w, str_of("`"));
    put(w, a);
    put(w, str_of("`"));
}

static void put_poly(writer *w, const poly *p) {
    int64_t number;
    w->ok = w->ok && p->ok;
    if (poly_number(p, &number)) {
        put_number(w, number);
        return;
    }
    if (p->n == 1 && p->t[0].n == 1 && p->t[0].c == 1) {
        put_atom(w, p->t[0].f[0]);
        return;
    }
    put(w, str_of("("));
    for (int i = 0; i < p->n; i++) {
        const term *t = &p->t[i];
        if (t->c == INT64_MIN) w->ok = false;
        if (t->c < 0)
            put(w, str_of("-"));
        else if (i)
            put(w, str_of("+"));
        const int64_t c = t->c < 0 ? -(t->c + 1) + 1 : t->c;
        if (c != 1 || !t->n) put_number(w, c);
        for (int k = 0; k < t->n; k++) {
            if (k || c != 1) put(w, str_of("*"));
            put_atom(w, t->f[k]);
        }
    }
    put(w, str_of(")"));
}

static int64_t dim_of_text(module *m, str s) {
    const str_id id = strtab_add(&m->names, s.p, s.n);
    return id == STR_FAIL ? DIM_UNKNOWN : DIM_SYM(id);
}

static int64_t dim_of_poly(module *m, const poly *p) {
    int64_t number;
    if (!p->ok) return DIM_UNKNOWN;
    if (poly_number(p, &number)) return dim_known(number) ? number : DIM_UNKNOWN;
    if (p->n == 1 && p->t[0].n == 1 && p->t[0].c == 1) return dim_of_text(m, p->t[0].f[0]);
    writer w = {.ok = true};
    put_poly(&w, p);
    return w.ok ? dim_of_text(m, (str){w.p, w.n}) : DIM_UNKNOWN;
}

/* The atom name(a,b) as a polynomial. */
static poly poly_call(module *m, const char *name, const poly *a, const poly *b) {
    writer w = {.ok = true};
    put(&w, str_of(name));
    put(&w, str_of("("));
    put_poly(&w, a);
    put(&w, str_of(","));
    put_poly(&w, b);
    put(&w, str_of(")"));
    const str_id id = w.ok ? strtab_add(&m->names, w.p, w.n) : STR_FAIL;
    if (id == STR_FAIL) return (poly){.ok = false};
    return poly_atom(m->names.items[id]);
}

/* ---- operations --------------------------------------------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static int64_t gcd(int64_t a, int64_t b) {
    while (b) {
        const int64_t r = a % b;
        a = b;
        b = r;
    }
    return a < 0 ? -a : a;
}

/* When p is the single atom div(x,k), perhaps plus a constant, with a number k: x and k. */
static bool split_div(const poly *p, poly *x, int64_t *k) {
    if (!p->n || p->n > 2 || p->t[0].n != 1 || p->t[0].c != 1 || (p->n == 2 && p->t[1].n)) return false;
    const str s = p->t[0].f[0];
    if (s.n < 8 || memcmp(s.p, "div(", 4)) return false;
    size_t comma = s.n;
    while (comma > 4 && s.p[comma - 1] != ',') comma--;
    reader r = {s.p + comma, s.p + s.n - 1};
    if (comma == 4 || !read_number(&r, k) || r.p != r.end || *k <= 0) return false;
    const str inner = {s.p + 4, comma - 5};
    if (inner.n && inner.p[0] == '(') return read_sum((reader){inner.p, inner.p + inner.n}, x);
    term t = {.c = 1};
    r = (reader){inner.p, inner.p + inner.n};
    if (!read_factor(&r, &t) || r.p != r.end) return false;
    *x = (poly){.ok = true};
    poly_put(x, &t, 1);
    return true;
}

/* floor(a / k): what k divides comes out; the rest stays under one div(). */
static poly poly_div_number(module *m, const poly *a, int64_t k) {
    poly whole = {.ok = a->ok}, rest = {.ok = a->ok}, inner;
    int64_t g = k, number, k2;
    for (int i = 0; i < a->n; i++) {
        const term *t = &a->t[i];
        if (t->n && t->c % k) {
            poly_put(&rest, t, 1);
            g = gcd(g, t->c);
        } else {
            term q = *t;
            q.c = floor_div(t->c, k);
            poly_put(&whole, &q, 1);
            q.c = t->c - q.c * k;
            poly_put(&rest, &q, 1);
        }
    }
    if (poly_number(&rest, &number)) return whole; /* 0 <= number < k */
    for (int i = 0; i < rest.n; i++) rest.t[i].c = floor_div(rest.t[i].c, g);
    if (rest.n && !rest.t[rest.n - 1].c) rest.n--; /* a constant smaller than g */
    k /= g;
    int64_t both;
    if (split_div(&rest, &inner, &k2) && !mul_i64(k, k2, &both)) { /* (x / k2 + c) / k is (x + c * k2) / (k * k2) */
        if (rest.n == 2) poly_put(&inner, &rest.t[1], k2);
        const poly deeper = poly_div_number(m, &inner, both);
        return poly_sum(&whole, &deeper, 1);
    }
    const poly by = poly_const(k), call = poly_call(m, "div", &rest, &by);
    return poly_sum(&whole, &call, 1);
}

/* a / b for one term b that divides every term of a. */
static bool poly_div_exact(const poly *a, const term *b, poly *q) {
    *q = (poly){.ok = a->ok};
    for (int i = 0; i < a->n; i++) {
        const term *t = &a->t[i];
        term r = {.c = t->c / b->c};
        int k = 0;
        for (int j = 0; j < t->n; j++) {
            if (k < b->n && str_eq(t->f[j], b->f[k]))
                k++;
            else
                r.f[r.n++] = t->f[j];
        }
        if (k < b->n || t->c % b->c) return false;
        poly_put(q, &r, 1);
    }
    return q->ok;
}

static bool poly_nonneg(const poly *p) {
    for (int i = 0; i < p->n; i++) {
        if (p->t[i].c < 0) return false;
        for (int k = 0; k < p->t[i].n; k++) {
            const str s = p->t[i].f[k];
            if (at_call(s.p, s.p + s.n) && memchr(s.p, '-', s.n)) return false;
        }
    }
    return true;
}

static bool usable(const module *m, int64_t a, int64_t b) {
    return a != DIM_UNKNOWN && b != DIM_UNKNOWN && (m || (dim_known(a) && dim_known(b)));
}

static int64_t checked(int64_t r) { return dim_known(r) ? r : DIM_UNKNOWN; }

int64_t dim_add(module *m, int64_t a, int64_t b) {
    if (!usable(m, a, b)) return DIM_UNKNOWN;
    int64_t r;
    if (dim_known(a) && dim_known(b)) return add_i64(a, b, &r) ? DIM_UNKNOWN : checked(r);
    const poly x = poly_of(m, a), y = poly_of(m, b), s = poly_sum(&x, &y, 1);
    return dim_of_poly(m, &s);
}

int64_t dim_sub(module *m, int64_t a, int64_t b) {
    if (!usable(m, a, b)) return DIM_UNKNOWN;
    int64_t r;
    if (dim_known(a) && dim_known(b)) return __builtin_sub_overflow(a, b, &r) ? DIM_UNKNOWN : checked(r);
    const poly x = poly_of(m, a), y = poly_of(m, b), s = poly_sum(&x, &y, -1);
    return dim_of_poly(m, &s);
}

int64_t dim_mul(module *m, int64_t a, int64_t b) {
    if (a == 0 || b == 0) return 0;
    if (!usable(m, a, b)) return DIM_UNKNOWN;
    int64_t r;
    if (dim_known(a) && dim_known(b)) return mul_i64(a, b, &r) ? DIM_UNKNOWN : checked(r);
    const poly x = poly_of(m, a), y = poly_of(m, b), s = poly_product(&x, &y);
    return dim_of_poly(m, &s);
}

int64_t dim_div(module *m, int64_t a, int64_t b) {
    if (b == 1) return a;
    if (!usable(m, a, b) || (dim_known(b) && b <= 0)) return DIM_UNKNOWN;
    if (dim_known(a) && dim_known(b)) return floor_div(a, b);
    if (a == b) return 1;
    const poly x = poly_of(m, a), y = poly_of(m, b);
    poly q;
    if (dim_known(b))
        q = poly_div_number(m, &x, b);
    else if (y.n != 1 || !poly_div_exact(&x, &y.t[0], &q))
        q = poly_call(m, "div", &x, &y);
    return dim_of_poly(m, &q);
}

int64_t dim_ceil_div(module *m, int64_t a, int64_t b) {
    if (dim_known(a) && dim_known(b) && b > 0) return a / b + (a % b > 0);
    return dim_div(m, dim_add(m, a, dim_sub(m, b, 1)), b);
}

static int64_t dim_extreme(module *m, int64_t a, int64_t b, bool max) {
    if (a == b) return a;
    if (!usable(m, a, b)) return DIM_UNKNOWN;
    if (dim_known(a) && dim_known(b)) return (a > b) == max ? a : b;
    const poly x = poly_of(m, a), y = poly_of(m, b), d = poly_sum(&x, &y, -1), e = poly_sum(&y, &x, -1);
    if (d.ok && poly_nonneg(&d)) return max ? a : b;
    if (e.ok && poly_nonneg(&e)) return max ? b : a;
    writer s = {.ok = true}, t = {.ok = true};
    put_poly(&s, &x);
    put_poly(&t, &y);
    const bool swap = str_order((str){s.p, s.n}, (str){t.p, t.n}) > 0;
    const poly call = poly_call(m, max ? "max" : "min", swap ? &y : &x, swap ? &x : &y);
    return dim_of_poly(m, &call);
}

int64_t dim_max(module *m, int64_t a, int64_t b) { return dim_extreme(m, a, b, true); }
int64_t dim_min(module *m, int64_t a, int64_t b) { return dim_extreme(m, a, b, false); }

bool dim_nonneg(const module *m, int64_t d) {
    if (dim_known(d)) return d >= 0;
    if (d == DIM_UNKNOWN || !m) return false;
    const poly p = poly_of(m, d);
    return p.ok && poly_nonneg(&p);
}

/* Is b the atom min(a,k) with a number k >= 1? Then a broadcasts with b only to a: beyond k they differ and neither is
 * 1. A table of k positions cut to the length of the sequence is such a b. */
static bool capped(const module *m, int64_t a, int64_t b) {
    if (!m || !dim_is_sym(a) || !dim_is_sym(b)) return false;
    const str x = m->names.items[DIM_SYM_ID(a)], y = m->names.items[DIM_SYM_ID(b)];
    if (y.n < x.n + 7 || memcmp(y.p, "min(", 4) || y.p[y.n - 1] != ')') return false;
    int64_t k;
    reader r = {y.p + 4, y.p + y.n - 1};
    if (read_number(&r, &k) && k >= 1 && r.p < r.end && *r.p == ',')
        return str_eq((str){r.p + 1, (size_t)(r.end - r.p - 1)}, x);
    if (memcmp(y.p + 4, x.p, x.n) || y.p[4 + x.n] != ',') return false;
    r.p = y.p + 5 + x.n;
    return read_number(&r, &k) && k >= 1 && r.p == r.end;
}

bool dim_broadcast(module *m, int64_t a, int64_t b, int64_t *out) {
    *out = a;
    if (a == b || b == 1) return true;
    *out = b;
    if (a == 1) return true;
    if (dim_known(a) && dim_known(b)) return false;
    if (dim_known(b)) return true; /* the other one is 1 or the same number */
    *out = dim_known(a) ? a : capped(m, a, b) ? a : capped(m, b, a) ? b : DIM_UNKNOWN;
    return true;
}

bool dim_merge(int64_t a, int64_t b, int64_t *out) {
    *out = a;
    if (dim_known(a)) return !dim_known(b) || a == b;
    if (dim_known(b) || a == DIM_UNKNOWN) *out = b;
    return true;
}
