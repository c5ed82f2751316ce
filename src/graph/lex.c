/* lex.c -- tokens of the text form. */
#include "graph/lex.h"

#include <errno.h>
#include <stdlib.h>

static bool word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '/';
}

static bool digit(char c) { return c >= '0' && c <= '9'; }

static int hex(char c) { return digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

static void lex_string(lexer *l) {
    l->unquoted.n = 0;
    l->p++;
    while (*l->p && *l->p != '"') {
        char c = *l->p++;
        if (c == '\\' && *l->p == 'x' && hex(l->p[1]) >= 0 && hex(l->p[2]) >= 0) {
            c = (char)(hex(l->p[1]) * 16 + hex(l->p[2]));
            l->p += 3;
        } else if (c == '\\' && *l->p) {
            c = *l->p++;
        }
        sb_put(&l->unquoted, &c, 1);
    }
    l->kind = *l->p == '"' && !l->unquoted.failed ? TOK_STRING : TOK_BAD;
    if (*l->p) l->p++;
    l->text = (str){sb_str(&l->unquoted), l->unquoted.n};
}

/* A word that is a number, such as 12, 1.5, 1e-3; the sign is taken already. */
static void lex_word_or_number(lexer *l, const char *from) {
    const bool number = digit(*l->p);
    while (word_char(*l->p) || (number && (*l->p == '+' || *l->p == '-') && (l->p[-1] == 'e' || l->p[-1] == 'E')))
        l->p++;
    l->text = (str){from, (size_t)(l->p - from)};
    const str bare = from[0] == '-' ? (str){from + 1, l->text.n - 1} : l->text;
    const bool special = str_is(bare, "inf") || str_is(bare, "nan");
    l->kind = number || special ? TOK_NUMBER : TOK_WORD;
    l->real = special || memchr(bare.p, '.', bare.n) || memchr(bare.p, 'e', bare.n);
}

void lex_next(lexer *l) {
    for (;; l->p++) {
        if (*l->p == '\n') l->line++;
        if (*l->p == '#')
            while (l->p[1] && l->p[1] != '\n') l->p++;
        else if (*l->p != ' ' && *l->p != '\t' && *l->p != '\n' && *l->p != '\r')
            break;
    }
    const char *from = l->p;
    l->text = (str){from, 1};
    l->kind = TOK_PUNCT;
    l->punct = *from;
    if (!*from) {
        l->kind = TOK_END;
        l->text.n = 0;
    } else if (*from == '"') {
        lex_string(l);
    } else if (*from == '-' && from[1] == '>') {
        l->p += 2;
        l->punct = '>';
        l->text.n = 2;
    } else if (word_char(*from)) {
        lex_word_or_number(l, from);
    } else if (*from == '-' && (digit(from[1]) || from[1] == 'i' || from[1] == 'n')) {
        l->p++;
        lex_word_or_number(l, from);
        if (l->kind != TOK_NUMBER) l->kind = TOK_BAD;
    } else if (*from == '%' && digit(from[1])) {
        for (l->p++; digit(*l->p);) l->p++;
        l->text = (str){from, (size_t)(l->p - from)};
        l->kind = TOK_WORD;
    } else {
        l->p++;
        if (!strchr("(){}[],:=?", *from)) l->kind = TOK_BAD;
    }
}

bool lex_is(const lexer *l, char punct) { return l->kind == TOK_PUNCT && l->punct == punct; }
bool lex_word(const lexer *l, const char *word) { return l->kind == TOK_WORD && str_is(l->text, word); }

bool lex_take(lexer *l, char punct) {
    if (!lex_is(l, punct)) return false;
    lex_next(l);
    return true;
}

sard_status lex_error(const lexer *l, const char *what, sard_error *err) {
    if (l->unquoted.failed) return err_nomem(err, l->unquoted.n);
    if (l->kind == TOK_END)
        return err_set(err, SARD_INVALID_ARGUMENT, "line %d: %s is needed, the text ends", l->line, what);
    const int n = l->text.n > 60 ? 60 : (int)l->text.n;
    return err_set(err, SARD_INVALID_ARGUMENT, "line %d: %s is needed, found '%.*s'", l->line, what, n, l->text.p);
}

sard_status lex_expect(lexer *l, char punct, sard_error *err) {
    const char what[] = {'\'', punct == '>' ? '-' : punct, punct == '>' ? '>' : '\'', punct == '>' ? '\'' : 0, 0};
    return lex_take(l, punct) ? SARD_OK : lex_error(l, what, err);
}

sard_status lex_int(lexer *l, int64_t *out, sard_error *err) {
    char text[32], *end;
    if (l->kind != TOK_NUMBER || l->real || l->text.n >= sizeof text) return lex_error(l, "an integer", err);
    memcpy(text, l->text.p, l->text.n);
    text[l->text.n] = 0;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (errno && text[0] != '-') { /* the upper half of uint64 */
        errno = 0;
        *out = (int64_t)strtoull(text, &end, 10);
    }
    if (*end || errno) return lex_error(l, "an integer", err);
    lex_next(l);
    return SARD_OK;
}

sard_status lex_real(lexer *l, double *out, sard_error *err) {
    char text[64], *end;
    if (l->kind != TOK_NUMBER || l->text.n >= sizeof text) return lex_error(l, "a number", err);
    memcpy(text, l->text.p, l->text.n);
    text[l->text.n] = 0;
    *out = strtod(text, &end);
    if (*end) return lex_error(l, "a number", err);
    lex_next(l);
    return SARD_OK;
}
