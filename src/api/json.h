/*
 * json.h -- writing JSON: commas and escapes are seen to here, so callers only name what they put.
 */
#ifndef SARD_API_JSON_H
#define SARD_API_JSON_H

#include "base/str.h"

typedef struct json {
    strbuf out;
    bool comma; /* something stands before in this object or list */
} json;

void json_open(json *j, char bracket);  /* '{' or '[' */
void json_close(json *j, char bracket); /* '}' or ']' */
void json_key(json *j, const char *key);
void json_str(json *j, const char *s, size_t n); /* bytes that are not UTF-8 become U+FFFD */
void json_int(json *j, int64_t v);
void json_num(json *j, double v); /* what JSON cannot say (inf, nan) becomes a string */
void json_bool(json *j, bool v);
void json_null(json *j);
/* key and value at once */
void json_key_str(json *j, const char *key, const char *s);
void json_key_int(json *j, const char *key, int64_t v);

#endif
