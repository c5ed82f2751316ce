/* test_file.c -- mapping, containment, writing by rename, files cut short while mapped. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"

static char root[] = "/tmp/sard_file_XXXXXX";

static const char *at(const char *name) {
    static char path[4][300];
    static int turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", root, name);
    return p;
}

static void put(const char *name, const char *text) {
    FILE *f = fopen(at(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int setup(void **state) {
    (void)state;
    if (!mkdtemp(root)) return -1;
    mkdir(at("model"), 0700);
    mkdir(at("model/sub"), 0700);
    mkdir(at("elsewhere"), 0700);
    put("secret", "secret");
    put("elsewhere/data", "secret");
    put("model/data", "weights");
    put("model/sub/data", "deeper");
    put("model/...", "dots");
    put("model/empty", "");
    int bad = symlink("../secret", at("model/out")) | symlink(at("secret"), at("model/absolute"));
    bad |= symlink("../elsewhere", at("model/folder_out")) | symlink("sub/data", at("model/in"));
    bad |= symlink("model", at("linked")) | symlink("loop", at("model/loop")) |
           symlink("/proc/self/root", at("model/magic"));
    bad |= mkfifo(at("model/fifo"), 0600);
    return bad;
}

static int teardown(void **state) {
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

static void test_map(void **state) {
    (void)state;
    file_map m;
    sard_error err;
    assert_int_equal(file_map_path(at("model/data"), &m, &err), SARD_OK);
    assert_int_equal(m.size, 7);
    assert_memory_equal(m.data, "weights", 7);
    file_unmap(&m);
    file_unmap(&m);
    assert_int_equal(file_map_path(at("model/empty"), &m, &err), SARD_OK);
    assert_int_equal(m.size, 0);
    assert_non_null(m.data);
    file_unmap(&m);
    assert_int_equal(file_map_path(at("nothing"), &m, &err), SARD_NO_SUCH_FILE);
    assert_non_null(strstr(err.message, "nothing"));
    assert_int_equal(file_map_path(at("model/data/x"), &m, &err), SARD_NO_SUCH_FILE);
    assert_int_equal(file_map_path(at("model"), &m, &err), SARD_IO);
    assert_non_null(strstr(err.message, "is a folder"));
    assert_int_equal(file_map_path("/dev/zero", &m, &err), SARD_IO);
    assert_int_equal(file_map_path("", &m, &err), SARD_NO_SUCH_FILE);
    mem_fail_after(1);
    assert_int_equal(file_map_path(at("model/data"), &m, &err), SARD_OUT_OF_MEMORY);
    mem_fail_after(0);
}

static void *write_fifo(void *arg) {
    (void)arg;
    FILE *f = fopen(at("model/fifo"), "w");
    for (int i = 0; i < 200000; i++) fputc(i % 251, f);
    fclose(f);
    return NULL;
}

static void test_pipe(void **state) {
    (void)state;
    pthread_t t;
    file_map m;
    const char *path = at("model/fifo");
    assert_int_equal(pthread_create(&t, NULL, write_fifo, NULL), 0);
    assert_int_equal(file_map_path(path, &m, NULL), SARD_OK);
    pthread_join(t, NULL);
    assert_int_equal(m.size, 200000);
    for (int i = 0; i < 200000; i++) assert_int_equal(m.data[i], i % 251);
    file_unmap(&m);
}

static void inside(const char *folder, const char *name, const char *want) {
    file_map m;
    sard_error err;
    if (file_map_beneath(folder, name, &m, &err) != SARD_OK) fail_msg("%s: %s", name, err.message);
    assert_int_equal(m.size, strlen(want));
    assert_memory_equal(m.data, want, m.size);
    file_unmap(&m);
}

static void refused(const char *folder, const char *name, sard_status want) {
    file_map m;
    sard_error err;
    sard_status s = file_map_beneath(folder, name, &m, &err);
    if (s != want) fail_msg("%s: %s, %s", name, sard_status_name(s), s ? err.message : "");
    assert_null(m.data);
}

static void test_beneath(void **state) {
    (void)state;
    static const char *const folders[] = {"model", "linked", "model/", "elsewhere/../model"};
    for (size_t i = 0; i < 4; i++) {
        const char *f = at(folders[i]);
        inside(f, "data", "weights");
        inside(f, "./data", "weights");
        inside(f, "sub/data", "deeper");
        inside(f, "sub//./data", "deeper");
        inside(f, "...", "dots");
        refused(f, "", SARD_INVALID_MODEL);
        refused(f, "../secret", SARD_INVALID_MODEL);
        refused(f, "sub/../data", SARD_INVALID_MODEL);
        refused(f, "sub/..", SARD_INVALID_MODEL);
        refused(f, "..", SARD_INVALID_MODEL);
        refused(f, at("model/data"), SARD_INVALID_MODEL);
        refused(f, "/", SARD_INVALID_MODEL);
        refused(f, "loop", SARD_INVALID_MODEL);
        refused(f, "nothing", SARD_NO_SUCH_FILE);
        refused(f, "data/x", SARD_NO_SUCH_FILE);
        refused(f, "sub", SARD_IO);
        refused(f, ".", SARD_IO);
        refused(f, "fifo", SARD_IO); /* and does not wait */
        file_map m;
        assert_int_not_equal(file_map_beneath(f, "out", &m, NULL), SARD_OK);
        assert_int_not_equal(file_map_beneath(f, "absolute", &m, NULL), SARD_OK);
        assert_int_not_equal(file_map_beneath(f, "folder_out/data", &m, NULL), SARD_OK);
        assert_int_not_equal(file_map_beneath(f, "magic/etc/passwd", &m, NULL), SARD_OK);
    }
    refused(at("nothing"), "data", SARD_NO_SUCH_FILE);
    char longer[5000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    refused(at("model"), longer, SARD_IO);
    char here[4096];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(at("model")), 0);
    inside("", "data", "weights");
    assert_int_equal(chdir(here), 0);
}

/* What an old kernel answers, or a filter from before the call existed. */
static bool forbid_openat2(int answer) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* The same without openat2; a link is then never followed, not even inside. */
static void test_beneath_by_walking(void **state) {
    for (int answer = ENOSYS;; answer = EPERM) {
        pid_t child = fork();
        if (child == 0) {
            file_map m;
            sard_error err;
            if (!forbid_openat2(answer)) _exit(77);
            test_beneath(state);
            _exit(file_map_beneath(at("model"), "in", &m, &err) != SARD_INVALID_MODEL);
        }
        int status;
        waitpid(child, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77) skip(); /* no filters here, as in an emulator */
        assert_int_equal(status, 0);
        if (answer == EPERM) break;
    }
}

static void test_link_inside(void **state) {
    (void)state;
    struct open_how how = {.flags = O_PATH, .resolve = RESOLVE_BENEATH};
    long fd = syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how);
    if (fd < 0) skip(); /* an emulator or an old kernel */
    close((int)fd);
    inside(at("model"), "in", "deeper");
}

static void test_write(void **state) {
    (void)state;
    sard_error err;
    file_map m;
    const char *path = at("model/sub/new");
    for (int i = 1; i < 3; i++) {
        assert_int_equal(file_write(path, "0123456789", (size_t)i * 5, &err), SARD_OK);
        assert_int_equal(file_map_path(path, &m, &err), SARD_OK);
        assert_int_equal(m.size, i * 5);
        file_unmap(&m);
    }
    assert_int_equal(file_write(at("nowhere/new"), "x", 1, &err), SARD_NO_SUCH_FILE);
    assert_int_equal(file_write(at("model"), "x", 1, &err), SARD_IO);
    assert_int_equal(file_write("/dev/null", "x", 1, &err), SARD_OK);
    struct stat st;
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
    char command[200];
    snprintf(command, sizeof command, "test \"$(ls %s | tr '\\n' ' ')\" = 'data new '", at("model/sub"));
    assert_int_equal(system(command), 0); /* nothing is left beside it */
}

/* ---- the guard ---- */

static void *read_all(void *arg) {
    const file_map *m = arg;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < m->size; i += 64) sum += ((const volatile uint8_t *)m->data)[i];
    return (void *)(uintptr_t)sum;
}

static void test_cut_short(void **state) {
    (void)state;
    const size_t n = 1 << 20;
    char *ones = malloc(n);
    memset(ones, 1, n);
    file_map m, other;
    sard_error err;
    assert_int_equal(file_write(at("big"), ones, n, &err), SARD_OK);
    assert_int_equal(file_write(at("other"), ones, n, &err), SARD_OK);
    free(ones);
    assert_int_equal(file_guard_install(&err), SARD_OK);
    assert_int_equal(file_guard_install(&err), SARD_OK);
    assert_int_equal(file_map_path(at("big"), &m, &err), SARD_OK);
    assert_int_equal(file_map_path(at("other"), &other, &err), SARD_OK);
    assert_int_equal((uintptr_t)read_all(&m), n / 64);
    assert_int_equal(file_map_check(&m, &err), SARD_OK);
    assert_int_equal(truncate(at("big"), 8192), 0);
    pthread_t t[3];
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&t[i], NULL, read_all, &m), 0);
    for (int i = 0; i < 3; i++) {
        void *sum;
        pthread_join(t[i], &sum);
        assert_int_equal((uintptr_t)sum, 8192 / 64);
    }
    assert_int_equal(file_map_check(&m, &err), SARD_IO);
    assert_string_equal(err.message, "a mapped file of 1048576 bytes was cut short while in use");
    assert_int_equal(file_map_check(&other, &err), SARD_OK);
    file_unmap(&m);
    file_unmap(&other);
    assert_int_equal(file_map_path(at("other"), &m, &err), SARD_OK); /* an entry used again is whole */
    assert_int_equal(file_map_check(&m, &err), SARD_OK);
    file_unmap(&m);
}

static void own_handler(int sig) { _exit(sig == SIGBUS ? 7 : 8); }

/* A child reads behind the end of a mapping that is not the library's, with the guard on; its wait status. */
static int foreign_fault(bool handled) {
    pid_t child = fork();
    if (child == 0) {
        char name[] = "/tmp/sard_fault_XXXXXX";
        int fd = mkstemp(name);
        unlink(name);
        signal(SIGBUS, handled ? own_handler : SIG_DFL);
        if (file_guard_install(NULL) != SARD_OK || ftruncate(fd, 8192)) _exit(9);
        volatile char *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0);
        if (ftruncate(fd, 0)) _exit(10);
        _exit(p[4096]);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status;
}

static int status_handled, status_plain; /* found before the test framework sets handlers of its own */

/* Another mapping's fault goes to the handler that was there, or ends the process as ever. */
static void test_other_faults(void **state) {
    (void)state;
    assert_true(WIFEXITED(status_handled) && WEXITSTATUS(status_handled) == 7);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    assert_true(status_plain != 0);
#else
    assert_true(WIFSIGNALED(status_plain) && WTERMSIG(status_plain) == SIGBUS);
#endif
}

int main(void) {
    status_handled = foreign_fault(true);
    status_plain = foreign_fault(false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map),         cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_beneath),     cmocka_unit_test(test_beneath_by_walking),
        cmocka_unit_test(test_link_inside), cmocka_unit_test(test_write),
        cmocka_unit_test(test_cut_short),   cmocka_unit_test(test_other_faults),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
