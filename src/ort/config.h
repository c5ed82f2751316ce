/*
 * config.h -- the table of configuration keys, for the code that follows them and for the test that walks it.
 */
#ifndef SARD_ORT_CONFIG_H
#define SARD_ORT_CONFIG_H

#include "ort/internal.h"

typedef enum ort_config_scope { ORT_CONFIG_SESSION, ORT_CONFIG_RUN } ort_config_scope;
typedef enum ort_config_what { ORT_CONFIG_FOLLOWED, ORT_CONFIG_NO_EFFECT, ORT_CONFIG_REFUSED } ort_config_what;
typedef struct ort_config_row {
    ort_config_scope scope;
    const char *key;
    ort_config_what what;
    const char *plain; /* the value that asks for nothing */
    const char *why;
} ort_config_row;
extern const ort_config_row ort_config_rows[];
extern const size_t ort_config_n;

/* What is refused is an error; an unknown key that looks like one of these is told to the log. */
OrtStatus *ort_config_check(const OrtLogger *logger, const OrtSessionOptions *o);
/* The entries of a run's options. */
OrtStatus *ort_config_run(const OrtRunOptions *o);

#endif
