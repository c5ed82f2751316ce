/*
 * test_smoke.c -- imports whole model files.
 *
 * With arguments: each file, its problems printed, and its text form with -p first. Without: every .onnx file beneath
 * the folder that SARD_CASES names; nothing may crash or leak, and a failure must have a message.
 */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "import/import.h"

static bool loud, dump;
static unsigned files, good;

static void tell(void *user, sard_status status, const char *where, const char *message) {
    if (loud) printf("%s: %s: %s%s%s\n", (const char *)user, sard_status_name(status), where, *where ? ": " : "", message);
}

static sard_status import_file(const char *path, sard_error *err) {
    onnx_model src;
    module *m;
    TRY(onnx_load_path(path, &src, err));
    const op_set ops = {op_table, op_table_n, NULL};
    problems p = {.fn = tell, .user = (void *)(uintptr_t)path};
    const import_options o = {.ops = &ops, .problems = &p};
    sard_status st = import_model(&src, &o, &m, err);
    if (st == SARD_OK) {
        strbuf b = {0};
        st = module_print(m, &b, err);
        if (dump) printf("%s", sb_str(&b));
        sb_free(&b);
        module_free(m);
    }
    onnx_model_deinit(&src);
    return st;
}

static int visit(const char *path, const struct stat *info, int kind, struct FTW *at) {
    (void)info;
    (void)at;
    const size_t n = strlen(path);
    if (kind != FTW_F || n < 5 || strcmp(path + n - 5, ".onnx") != 0) return 0;
    sard_error err = {0};
    const sard_status st = import_file(path, &err);
    files++;
    good += st == SARD_OK;
    if (st != SARD_OK) assert_true(err.code == st && *err.message);
    return 0;
}

static void test_folder(void **state) {
    (void)state;
    const char *folder = getenv("SARD_CASES");
    if (!folder) skip();
    assert_int_equal(nftw(folder, visit, 16, FTW_PHYS), 0);
    printf("%u files, %u imported\n", files, good);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_folder)};
    if (argc < 2) return cmocka_run_group_tests(tests, NULL, NULL);
    int failed = 0;
    loud = true;
    for (int i = 1; i < argc; i++) {
        sard_error err = {0};
        if (strcmp(argv[i], "-p") == 0) {
            dump = true;
            continue;
        }
        if (import_file(argv[i], &err) == SARD_OK) continue;
        printf("%s: %s: %s\n", argv[i], sard_status_name(err.code), err.message);
        failed++;
    }
    return failed != 0;
}
