/*
 * file.c -- reading and mapping files, containment, writing by rename, and the guard against files cut short.
 *
 * Containment is the kernel's where it can (openat2 with RESOLVE_BENEATH: links are followed as long as they stay
 * inside); else the path is walked one component at a time and no link is followed at all.
 *
 * The guard: mappings are entered in a table of atomics, which a signal handler can read. On a fault inside one of them
 * the rest of the mapping is replaced by zero pages and the entry marked broken; the read then goes on.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

#define READ_UP_TO (64 << 10)        /* smaller files are read: that is faster than a mapping and its faults */
#define PIPE_MAX   ((size_t)4 << 30) /* a pipe may never end */

/* ---- the table of mappings ---- */

#define GUARDED_MAX 2048
#define STARTING    1 /* an entry being filled in: no address */

static struct {
    atomic_uintptr_t start; /* 0: free */
    atomic_uintptr_t end;
    atomic_bool broken;
} guarded[GUARDED_MAX];

/* Enters a mapping; 0 when the table is full. */
static uint32_t guard_enter(const void *data, size_t n) {
    for (uint32_t i = 0; i < GUARDED_MAX; i++) {
        uintptr_t none = 0;
        if (atomic_load_explicit(&guarded[i].start, memory_order_relaxed) != 0) continue;
        if (!atomic_compare_exchange_strong(&guarded[i].start, &none, STARTING)) continue;
        atomic_store(&guarded[i].broken, false);
        atomic_store(&guarded[i].end, (uintptr_t)data + n);
        atomic_store(&guarded[i].start, (uintptr_t)data);
        return i + 1;
    }
    return 0;
}

static void guard_leave(uint32_t guard) {
    if (guard) atomic_store(&guarded[guard - 1].start, 0);
}

sard_status file_map_check(const file_map *m, sard_error *err) {
    FAIL_IF(m->guard && atomic_load_explicit(&guarded[m->guard - 1].broken, memory_order_relaxed), err, SARD_IO,
            "a mapped file of %llu bytes was cut short while in use", (unsigned long long)m->size);
    return SARD_OK;
}

static struct sigaction found_action;
static uintptr_t page_size;

/* Whether the address lies in a mapping of ours, which then reads as zeros from there on. */
static bool guard_mend(uintptr_t at) {
    for (uint32_t i = 0; i < GUARDED_MAX; i++) {
        const uintptr_t start = atomic_load(&guarded[i].start), end = atomic_load(&guarded[i].end);
        if (start <= STARTING || at < start || at >= end) continue;
        const uintptr_t from = at & ~(page_size - 1);
        /* the system call itself: a library's wrapper need not be fit for a signal handler */
        if (syscall(SYS_mmap, from, end - from, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == -1)
            return false;
        atomic_store(&guarded[i].broken, true);
        return true;
    }
    return false;
}

static void on_bus_error(int sig, siginfo_t *info, void *context) {
    const int saved = errno;
    const bool mended = guard_mend((uintptr_t)info->si_addr);
    errno = saved;
    if (mended) return;
    if (found_action.sa_flags & SA_SIGINFO) {
        found_action.sa_sigaction(sig, info, context);
    } else if (found_action.sa_handler != SIG_DFL && found_action.sa_handler != SIG_IGN) {
        found_action.sa_handler(sig);
    } else { /* the read is tried again on return, and then ends the process as it would have */
        signal(SIGBUS, SIG_DFL);
    }
}

sard_status file_guard_install(sard_error *err) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool installed;
    sard_status status = SARD_OK;
    pthread_mutex_lock(&lock);
    if (!installed) {
        struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK};
        sigemptyset(&action.sa_mask);
        page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
        if (sigaction(SIGBUS, NULL, &found_action) || sigaction(SIGBUS, &action, NULL))
            status = err_set(err, SARD_INTERNAL, "the handler of SIGBUS could not be set: %s", strerror(errno));
        else
            installed = true;
    }
    pthread_mutex_unlock(&lock);
    return status;
}

/* ---- reading ---- */

static sard_status io_error(sard_error *err, const char *what, const char *path, int code) {
    sard_status s = code == ENOENT || code == ENOTDIR ? SARD_NO_SUCH_FILE
                    : code == ENOMEM                  ? SARD_OUT_OF_MEMORY
                                                      : SARD_IO;
    return err_set(err, s, "%s '%s': %s", what, path, strerror(code));
}

/* Reads n bytes into memory of its own; the file has at least that many, or was cut short. */
static sard_status read_file(int fd, size_t n, const char *path, file_map *out, sard_error *err) {
    uint8_t *p = mem_alloc(n);
    if (!p) return err_nomem(err, n);
    for (size_t at = 0; at < n;) {
        const ssize_t got = read(fd, p + at, n - at);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            mem_free(p);
            if (got < 0) return io_error(err, "cannot read", path, errno);
            return err_set(err, SARD_IO, "'%s' ended after %zu of its %zu bytes", path, at, n);
        }
        at += (size_t)got;
    }
    *out = (file_map){.data = p, .size = n, .owned = p};
    return SARD_OK;
}

static sard_status read_pipe(int fd, const char *path, file_map *out, sard_error *err) {
    void *p = NULL;
    size_t n = 0, cap = 0;
    for (;;) {
        if (n == PIPE_MAX || mem_grow(&p, &cap, n + READ_UP_TO, 1)) {
            mem_free(p);
            return n == PIPE_MAX ? err_set(err, SARD_LIMIT, "'%s' gives more than %zu bytes", path, n)
                                 : err_nomem(err, n + READ_UP_TO);
        }
        const ssize_t got = read(fd, (char *)p + n, READ_UP_TO);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            mem_free(p);
            return io_error(err, "cannot read", path, errno);
        }
        if (got == 0) break;
        n += (size_t)got;
    }
    *out = (file_map){.data = p, .size = n, .owned = p};
    return SARD_OK;
}

/* Takes over fd. */
static sard_status map_fd(int fd, const char *path, bool pipes, file_map *out, sard_error *err) {
    struct stat st;
    sard_status status;
    if (fstat(fd, &st)) {
        status = io_error(err, "cannot read", path, errno);
    } else if (S_ISFIFO(st.st_mode) && pipes) {
        status = read_pipe(fd, path, out, err);
    } else if (!S_ISREG(st.st_mode)) {
        status = err_set(err, SARD_IO, "'%s' is %s", path, S_ISDIR(st.st_mode) ? "a folder" : "not a regular file");
    } else if ((uint64_t)st.st_size > PTRDIFF_MAX) {
        status = err_set(err, SARD_LIMIT, "'%s' has more bytes than memory can hold", path);
    } else if (st.st_size <= READ_UP_TO) {
        status = read_file(fd, (size_t)st.st_size, path, out, err);
    } else {
        const size_t n = (size_t)st.st_size;
        void *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
        const int code = errno;
        const uint32_t guard = p == MAP_FAILED ? 0 : guard_enter(p, n);
        if (p != MAP_FAILED && !guard) munmap(p, n);
        if (guard) {
            *out = (file_map){.data = p, .size = n, .guard = guard};
            status = SARD_OK;
        } else if (p != MAP_FAILED || code == ENODEV) { /* too many to guard, or a file system without mappings */
            status = read_file(fd, n, path, out, err);
        } else {
            status = io_error(err, "cannot map", path, code);
        }
    }
    close(fd);
    return status;
}

sard_status file_map_path(const char *path, file_map *out, sard_error *err) {
    *out = (file_map){0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return io_error(err, "cannot open", path, errno);
    return map_fd(fd, path, true, out, err);
}

void file_map_cool(const file_map *m) {
    if (m->guard) madvise((void *)(uintptr_t)m->data, (size_t)m->size, MADV_DONTNEED);
}

void file_unmap(file_map *m) {
    if (m->guard) {
        guard_leave(m->guard);
        munmap((void *)(uintptr_t)m->data, (size_t)m->size);
    }
    mem_free(m->owned);
    *m = (file_map){0};
}

/* ---- containment ---- */

#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) /* a pipe must not make the open wait */

/* Component by component, no links. The path has no ".." and is not absolute. -1 and errno on failure. */
static int open_walking(int folder, const char *relative) {
    char name[NAME_MAX + 1];
    int at = dup(folder);
    while (at >= 0) {
        relative += strspn(relative, "/");
        const size_t n = strcspn(relative, "/"), rest = strspn(relative + n, "/");
        const bool last = relative[n + rest] == 0;
        if (n > NAME_MAX) {
            close(at);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, relative, n);
        name[n] = 0;
        const int next =
            openat(at, name, last ? OPEN_FLAGS | O_NOFOLLOW : O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
        const int code = errno;
        close(at);
        errno = code;
        if (last || next < 0) return next;
        at = next;
        relative += n + rest;
    }
    return -1;
}

static int open_beneath(int folder, const char *relative) {
    const struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    for (int tries = 0; tries < 100; tries++) {
        const long fd = syscall(SYS_openat2, folder, relative, &how, sizeof how);
        if (fd >= 0) return (int)fd;
        if (errno != EAGAIN) break; /* something was renamed while the kernel looked */
    }
    if (errno != ENOSYS && errno != EPERM) return -1; /* an old kernel, or a filter that does not know the call */
    return open_walking(folder, relative);
}

static bool stays_inside(const char *relative) {
    if (*relative == '/' || *relative == 0) return false;
    for (const char *p = relative; *p;) {
        const size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.') return false;
        p += n + strspn(p + n, "/");
    }
    return true;
}

sard_status file_map_beneath(const char *folder, const char *relative, file_map *out, sard_error *err) {
    *out = (file_map){0};
    FAIL_IF(!stays_inside(relative), err, SARD_INVALID_MODEL,
            "the path '%s' is not inside the model's folder (expected a relative path without '..')", relative);
    if (!*folder) folder = ".";
    const int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (at < 0) return io_error(err, "cannot open the folder", folder, errno);
    const int fd = open_beneath(at, relative);
    const int code = errno;
    close(at);
    FAIL_IF(fd < 0 && (code == EXDEV || code == ELOOP), err, SARD_INVALID_MODEL,
            "the path '%s' is not inside the model's folder: a link on it leads elsewhere", relative);
    if (fd < 0) return io_error(err, "cannot open", relative, code);
    return map_fd(fd, relative, false, out, err);
}

/* ---- writing ---- */

static int write_all(int fd, const void *data, size_t n) {
    const char *p = data;
    while (n > 0) {
        const ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return -1;
        p += put;
        n -= (size_t)put;
    }
    return 0;
}

/* A new file beside `path`, its name in `name`; -1 and errno on failure. */
static int open_beside(const char *path, char *name, size_t size) {
    for (int tries = 0; tries < 100; tries++) {
        uint64_t random = (uint64_t)getpid() << 32 | (unsigned)tries;
        if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0) random += (uintptr_t)&random;
        const int n = snprintf(name, size, "%s.%016llx.part", path, (unsigned long long)random);
        if (n < 0 || (size_t)n >= size) {
            errno = ENAMETOOLONG;
            return -1;
        }
        const int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

sard_status file_write(const char *path, const void *data, size_t n, sard_error *err) {
    char name[PATH_MAX];
    struct stat st;
    const bool in_place = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
    const int fd = in_place ? open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY) : open_beside(path, name, sizeof name);
    if (fd < 0) return io_error(err, "cannot write", path, errno);
    int code = write_all(fd, data, n) ? errno : 0;
    if (!in_place && !code && fsync(fd)) code = errno; /* the bytes before the name */
    if (close(fd) && !code) code = errno;
    if (!in_place && !code && rename(name, path)) code = errno;
    if (!in_place && code) unlink(name);
    return code ? io_error(err, "cannot write", path, code) : SARD_OK;
}
