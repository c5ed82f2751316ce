/* The C client's tests by file; each file defines a table that main.c puts together. */
#ifndef TESTS_H
#define TESTS_H
#include "client.h"
extern const client_test value_tests[], session_tests[], run_tests[], error_tests[], custom_tests[];
extern const size_t value_tests_n, session_tests_n, run_tests_n, error_tests_n, custom_tests_n;
#define TABLE_SIZE(table) (sizeof(table) / sizeof *(table))
#endif
