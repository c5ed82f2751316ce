/*
 * text.c -- see text.h. Case is simple: one character for one.
 */
#include "ops/text.h"

typedef struct range {
    uint32_t first, last;
    int32_t distance;
    uint8_t step;
} range;
static const range LOWER[] = {
#include "ops/text_lower.inc"
};
static const range UPPER[] = {
#include "ops/text_upper.inc"
};

uint32_t text_next(const char *p, const char *end, int *bytes) {
    const unsigned char *s = (const unsigned char *)p;
    int n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    uint32_t c = n == 1 ? s[0] : s[0] & (0x7fu >> n);
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    *bytes = 1;
    if (n == 1) return c;
    if (s[0] < 0xc2 || s[0] > 0xf4 || end - p < n) return TEXT_BAD;
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) return TEXT_BAD;
        c = c << 6 | (s[i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return TEXT_BAD;
    *bytes = n;
    return c;
}

int text_put(uint32_t c, char *out) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    int n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00u >> n & 0xf0) | c);
    return n;
}

static uint32_t turn(const range *t, size_t n, uint32_t c) {
    size_t lo = 0, hi = n; /* the last range that begins at or before c */
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (t[mid].first <= c)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0) return c;
    const range *r = &t[lo - 1];
    return c <= r->last && (c - r->first) % r->step == 0 ? (uint32_t)((int32_t)c + r->distance) : c;
}

uint32_t text_lower(uint32_t c) {
    if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
    return turn(LOWER, sizeof LOWER / sizeof *LOWER, c);
}

uint32_t text_upper(uint32_t c) {
    if (c < 0x80) return c >= 'a' && c <= 'z' ? c - 32 : c;
    return turn(UPPER, sizeof UPPER / sizeof *UPPER, c);
}

size_t text_case(str s, bool upper, char *out) {
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        int bytes;
        uint32_t c = text_next(s.p + i, s.p + s.n, &bytes);
        if (bytes == 1 && c == TEXT_BAD)
            out[n++] = s.p[i];
        else
            n += (size_t)text_put(upper ? text_upper(c) : text_lower(c), out + n);
        i += (size_t)bytes;
    }
    return n;
}
