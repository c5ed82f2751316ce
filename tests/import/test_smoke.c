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
    if (loud)
        printf("%s: %s: %s%s%s\n", (const char *)user, sard_status_name(status), where, *where ? ": " : "", message);
}

/* Writes the module and reads that back; *text is the new module's. */
static sard_status rewrite(const module *m, const import_options *o, module **out, strbuf *text, sard_error *err) {
    arena mem;
    onnx_model model, again;
    uint8_t *bytes = NULL;
    size_t n;
    arena_init(&mem);
    sard_status st = export_model(m, NULL, &mem, &model, err);
    if (st == SARD_OK) st = onnx_write_mem(&model, NULL, &bytes, &n, err);
    arena_free(&mem);
    if (st == SARD_OK) st = onnx_read(bytes, n, &again, err);
    if (st == SARD_OK) {
        import_options copy = *o;
        copy.copy_weights = true;
        st = import_model(&again, &copy, out, err);
        onnx_model_deinit(&again);
        if (st == SARD_OK && (st = module_print(*out, text, err)) != SARD_OK) module_free(*out);
    }
    mem_free(bytes);
    return st == SARD_OK ? st : err_context(err, st, "written and read back");
}

/* What is written and read twice is the same the second time. */
static sard_status round_trip(const module *m, const import_options *o, sard_error *err) {
    module *once, *twice;
    strbuf a = {0}, b = {0};
    sard_status st = rewrite(m, o, &once, &a, err);
    if (st == SARD_OK) {
        st = rewrite(once, o, &twice, &b, err);
        module_free(once);
    }
    if (st == SARD_OK) {
        if (strcmp(sb_str(&a), sb_str(&b)) != 0)
            st = err_set(err, SARD_INTERNAL, "once:\n%.400s\ntwice:\n%.400s", sb_str(&a), sb_str(&b));
        module_free(twice);
    }
    sb_free(&a);
    sb_free(&b);
    return st;
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
        if (st == SARD_OK) st = round_trip(m, &o, err);
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
    if (st == SARD_INTERNAL || strstr(err.message, "written and read back")) fail_msg("%s: %s", path, err.message);
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
