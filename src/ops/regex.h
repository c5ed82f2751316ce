/*
 * regex.h -- regular expressions of RE2's syntax, matched in time linear in the text.
 *
 * Offered: literals, . and classes (ranges, \d \w \s and their negations, [:alpha:] ...), groups (capturing or not,
 * named, with flags i s m U), |, * + ? {n,m} greedy or not, ^ $ \A \z \b \B, escapes, \Q..\E. A class or escape of
 * Unicode properties (\pN) is refused. Characters are those of UTF-8; \d \w \s are ASCII, as in RE2.
 */
#ifndef SARD_OPS_REGEX_H
#define SARD_OPS_REGEX_H

#include "base/err.h"
#include "base/str.h"
#include "ops/meter.h"

typedef struct regex regex;
sard_status regex_new(str pattern, regex **out, sard_error *err); /* SARD_INVALID_MODEL says where */
void regex_free(regex *r);                                        /* NULL is fine */
/* Bytes of memory, 8-byte aligned, that matching needs. */
size_t regex_memory(const regex *r);
/* Both fail only where the meter's run has to end. */
sard_status regex_full(const regex *r, str text, void *memory, meter *work, bool *matches, sard_error *err);
/* The leftmost match from byte `from` on: [*start, *end). Of those the longest, or the one Perl would choose. */
sard_status regex_find(const regex *r, str text, size_t from, bool longest, size_t *start, size_t *end, void *memory,
                       meter *work, bool *found, sard_error *err);

#endif
