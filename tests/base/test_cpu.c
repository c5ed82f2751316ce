/* test_cpu.c -- the instruction sets found, their order, SARD_ISA, and the floating-point state of a run. */
#include <fenv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cpu.h"

static const char *self;

static void test_levels(void **state) {
    (void)state;
    assert_true(cpu_has(ISA_REF));
    assert_true(cpu_has(cpu_best()));
    assert_null(cpu_isa_error());
    for (int i = 0; i < ISA_COUNT; i++) {
        assert_true(!cpu_has((isa)i) || cpu_hardware_has((isa)i));
        printf("  %-8s hardware %d, used %d\n", isa_name((isa)i), cpu_hardware_has((isa)i), cpu_has((isa)i));
    }
#if defined(__aarch64__)
    assert_true(cpu_has(ISA_NEON));
#else
    assert_int_equal(cpu_hardware_has(ISA_AVX2), __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
    assert_int_equal(cpu_hardware_has(ISA_AVX512), __builtin_cpu_supports("avx512bw") != 0);
#endif
    assert_false(cpu_has(ISA_COUNT));
    assert_false(cpu_has((isa)-1));
    assert_string_equal(isa_name((isa)-1), "unknown");
}

/* Runs this program again under SARD_ISA; it prints the best level and the error. */
static void ask(const char *isa, char *answer, size_t n) {
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fd[1], 1);
        setenv("SARD_ISA", isa, 1);
        execl(self, self, "ask", (char *)NULL);
        _exit(9);
    }
    close(fd[1]);
    size_t at = 0;
    for (ssize_t got; (got = read(fd[0], answer + at, n - 1 - at)) > 0;) at += (size_t)got;
    answer[at] = 0;
    close(fd[0]);
    waitpid(pid, NULL, 0);
}

static void test_environment(void **state) {
    (void)state;
#if defined(__aarch64__)
    skip(); /* an emulated program cannot start itself again */
#endif
    char answer[400];
    for (int i = 0; i < ISA_COUNT; i++) {
        if (!cpu_has((isa)i)) continue;
        ask(isa_name((isa)i), answer, sizeof answer);
        assert_int_equal(strncmp(answer, isa_name((isa)i), strlen(isa_name((isa)i))), 0);
        assert_non_null(strstr(answer, "(none)"));
    }
    ask("", answer, sizeof answer);
    assert_int_equal(strncmp(answer, isa_name(cpu_best()), strlen(isa_name(cpu_best()))), 0);
    ask("mmx", answer, sizeof answer);
    assert_non_null(strstr(answer, "SARD_ISA is 'mmx', expected one of ref, neon"));
}

static void test_fp_state(void **state) {
    (void)state;
    volatile float tiny = 1e-38f, third = 3.0f, one = 1.0f;
    fesetround(FE_UPWARD);
    const float up = one / third;
    unsigned outer = cpu_fp_enter(false);
    const float nearest = one / third;
    assert_true(nearest * 1.0f == 0x1.555556p-2f && tiny / 16 != 0);
    unsigned inner = cpu_fp_enter(true);
    volatile float flushed = tiny / 16;
    cpu_fp_restore(inner);
    assert_true(flushed == 0 && tiny / 16 != 0);
    cpu_fp_restore(outer);
    assert_int_equal(fegetround(), FE_UPWARD);
    fesetround(FE_TONEAREST);
    assert_true(up >= nearest);
}

int main(int argc, char **argv) {
    if (argc > 1) return printf("%s %s", isa_name(cpu_best()), cpu_isa_error() ? cpu_isa_error() : "(none)") < 0;
    self = argv[0];
    unsetenv("SARD_ISA");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_fp_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
