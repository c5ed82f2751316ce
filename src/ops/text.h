/*
 * text.h -- UTF-8 and letters' case, the same in every locale, for operators on strings.
 */
#ifndef SARD_OPS_TEXT_H
#define SARD_OPS_TEXT_H

#include "base/str.h"

enum { TEXT_BAD = 0xfffd }; /* what a byte that is no UTF-8 counts as */
/* The character at p < end and its bytes; a byte that begins none is TEXT_BAD, one byte long. */
uint32_t text_next(const char *p, const char *end, int *bytes);
int text_put(uint32_t c, char *out); /* up to 4 bytes */
uint32_t text_lower(uint32_t c);
uint32_t text_upper(uint32_t c);
/* The string with every character put through text_lower or text_upper, bytes that are no UTF-8 as they are. out holds
 * 3 bytes for each of s; the length is returned. */
size_t text_case(str s, bool upper, char *out);

#endif
