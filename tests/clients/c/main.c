/* A plain C program over the official header: what a client of the C ABI may rely on, test by test. */
#include "tests.h"

int main(int argc, char **argv) {
    static client_test all[200];
    size_t n = 0;
    const client_test *const table[] = {value_tests, session_tests, run_tests, error_tests, custom_tests};
    const size_t size[] = {value_tests_n, session_tests_n, run_tests_n, error_tests_n, custom_tests_n};
    for (size_t t = 0; t < TABLE_SIZE(table); t++)
        for (size_t i = 0; i < size[t] && n < TABLE_SIZE(all); i++) all[n++] = table[t][i];
    return client_main(argc, argv, all, n);
}
