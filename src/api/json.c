/*
 * json.c -- writing JSON (RFC 8259).
 */
#include "api/json.h"

#include <math.h>

static void before_value(json *j) {
    if (j->comma) sb_put(&j->out, ",", 1);
    j->comma = true;
}

void json_open(json *j, char bracket) {
    before_value(j);
    sb_put(&j->out, &bracket, 1);
    j->comma = false;
}

void json_close(json *j, char bracket) {
    sb_put(&j->out, &bracket, 1);
    j->comma = true;
}

/* Length of the UTF-8 character at s, 0 when it is none (RFC 3629: no overlong forms, no surrogates). */
static size_t utf8_length(const unsigned char *s, size_t n) {
    if (s[0] < 0x80) return 1;
    const size_t len = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || len > n) return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
        (s[0] == 0xF4 && s[1] > 0x8F))
        return 0;
    return len;
}

static void put_quoted(strbuf *b, const char *s, size_t n) {
    sb_put(b, "\"", 1);
    size_t at = 0, begin = 0;
    while (at < n) {
        const unsigned char c = (unsigned char)s[at];
        const size_t len = utf8_length((const unsigned char *)s + at, n - at);
        if (len > 0 && c >= 0x20 && c != '"' && c != '\\' && c != 0x7F) {
            at += len;
            continue;
        }
        sb_put(b, s + begin, at - begin);
        if (len == 0)
            sb_puts(b, "\\ufffd");
        else if (c == '"' || c == '\\')
            sb_printf(b, "\\%c", c);
        else if (c == '\n')
            sb_puts(b, "\\n");
        else if (c == '\t')
            sb_puts(b, "\\t");
        else
            sb_printf(b, "\\u%04x", c);
        begin = ++at;
    }
    sb_put(b, s + begin, n - begin);
    sb_put(b, "\"", 1);
}

void json_key(json *j, const char *key) {
    before_value(j);
    put_quoted(&j->out, key, strlen(key));
    sb_put(&j->out, ":", 1);
    j->comma = false;
}

void json_str(json *j, const char *s, size_t n) {
    before_value(j);
    put_quoted(&j->out, s, n);
}

void json_int(json *j, int64_t v) {
    before_value(j);
    sb_printf(&j->out, "%lld", (long long)v);
}

void json_num(json *j, double v) {
    if (!isfinite(v)) {
        const char *s = v != v ? "nan" : v > 0 ? "inf" : "-inf";
        json_str(j, s, strlen(s));
        return;
    }
    before_value(j);
    sb_printf(&j->out, v == floor(v) && fabs(v) < 1e15 ? "%.0f" : "%.9g", v);
}

void json_bool(json *j, bool v) {
    before_value(j);
    sb_puts(&j->out, v ? "true" : "false");
}

void json_null(json *j) {
    before_value(j);
    sb_puts(&j->out, "null");
}

void json_key_str(json *j, const char *key, const char *s) {
    json_key(j, key);
    json_str(j, s, strlen(s));
}

void json_key_int(json *j, const char *key, int64_t v) {
    json_key(j, key);
    json_int(j, v);
}
