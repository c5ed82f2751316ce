/*
 * output.h -- results for people and for files.
 */
#ifndef SARD_CLI_OUTPUT_H
#define SARD_CLI_OUTPUT_H

#include "cli.h"

/* One line and a few figures, or with full every element. */
void print_value(const char *name, const sard_value *v, bool full);
/* The k highest along the last axis, with the lines of a labels file (may be NULL). */
void print_top(const char *name, const sard_value *v, int k, char **labels, size_t n_labels);
/* Lines of a text file; the first points at the text, to be freed. False after a message. */
bool read_labels(const char *path, char ***labels, size_t *n, char **text);
/* Saves all as DIR/NAME.npy, DIR/outputs.npz or DIR/output_N.pb. False after a message. */
bool save_values(const char *folder, const char *format, const char *const *names, sard_value *const *values, size_t n);
/* Compares with what a test folder expects. False (and prints where) when something differs. */
bool compare_values(const char *folder, const char *const *names, sard_value *const *values,
                    const sard_type *const *types, size_t n, double rtol, double atol);

#endif
