/*
 * lex.h -- tokens of the text form (print.c tells the grammar).
 */
#ifndef SARD_GRAPH_LEX_H
#define SARD_GRAPH_LEX_H

#include "base/err.h"
#include "base/str.h"

typedef enum token_kind {
    TOK_END,
    TOK_WORD,   /* name, operator, keyword, %7 */
    TOK_STRING, /* quoted; text is without quotes and escapes */
    TOK_NUMBER, /* integers, floats, inf, nan */
    TOK_PUNCT,  /* one character, or -> as '>' */
    TOK_BAD
} token_kind;

typedef struct lexer {
    const char *p;
    int line;
    token_kind kind; /* the current token */
    char punct;
    bool real; /* a number that is no integer */
    str text;  /* of the current token */
    strbuf unquoted;
} lexer;

void lex_next(lexer *l);
bool lex_is(const lexer *l, char punct);
bool lex_word(const lexer *l, const char *word);
/* Takes the current token when it is that one. */
bool lex_take(lexer *l, char punct);
sard_status lex_expect(lexer *l, char punct, sard_error *err);
/* SARD_INVALID_ARGUMENT: "line 3: WHAT is needed, found 'x'" */
sard_status lex_error(const lexer *l, const char *what, sard_error *err);
sard_status lex_int(lexer *l, int64_t *out, sard_error *err);
sard_status lex_real(lexer *l, double *out, sard_error *err);

#endif
