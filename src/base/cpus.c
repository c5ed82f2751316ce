/*
 * cpus.c -- how many processors this process may use: its affinity, cut to the control groups' quota.
 *
 * A line of /proc/self/cgroup is "id:controllers:/path". Version 2 has no controllers and keeps "quota period" in
 * <root>/path/cpu.max; version 1 lists "cpu" and keeps two files under <root>/cpu/path. Inside a container the path may
 * be the host's and not be there; every folder from it up to the root is asked, and the smallest answer counts.
 */
#include "base/cpus.h"

#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"

/* The first line of a small file, without its end; false when there is none. */
static bool read_line(const char *path, char *line, int n) {
    FILE *f = fopen(path, "re");
    if (!f) return false;
    bool ok = fgets(line, n, f) != NULL;
    fclose(f);
    if (ok) line[strcspn(line, "\n")] = 0;
    return ok;
}

/* "max 100000", "150000 100000": processors, rounded up; 0: no limit, or not understood. */
static int quota_of(const char *text) {
    int64_t quota, period;
    if (sscanf(text, "%" SCNd64 " %" SCNd64, &quota, &period) != 2 || quota <= 0 || period <= 0) return 0;
    int64_t cpus = quota / period + (quota % period != 0);
    return cpus > INT_MAX ? INT_MAX : (int)cpus;
}

static int quota_v2(const char *folder) {
    char path[PATH_MAX], line[100];
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    return read_line(path, line, sizeof line) ? quota_of(line) : 0;
}

static int quota_v1(const char *folder) {
    char path[PATH_MAX], quota[50], period[50], both[101];
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
    if (!read_line(path, quota, sizeof quota)) return 0;
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    if (!read_line(path, period, sizeof period)) return 0;
    snprintf(both, sizeof both, "%s %s", quota, period);
    return quota_of(both);
}

static int smaller(int a, int b) { return a == 0 || (b != 0 && b < a) ? b : a; }

/* The smallest quota of <mount>/path and the folders above it, the mount itself included. */
static int quota_upwards(const char *mount, const char *path, int (*quota)(const char *folder)) {
    char folder[PATH_MAX - 32];
    int n = snprintf(folder, sizeof folder, "%s%s", mount, path), least = 0;
    if (n < 0 || (size_t)n >= sizeof folder) return 0;
    for (;;) {
        least = smaller(least, quota(folder));
        char *slash = strrchr(folder, '/');
        if (!slash || slash < folder + strlen(mount)) return least;
        *slash = 0;
    }
}

static bool lists_cpu(const char *controllers) {
    for (const char *p = controllers; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        if (strcspn(p, ",") == 3 && !strncmp(p, "cpu", 3)) return true;
    return false;
}

int cpus_quota(const char *proc_cgroup, const char *root) {
    FILE *f = fopen(proc_cgroup, "re");
    if (!f) return 0;
    char line[PATH_MAX], mount[PATH_MAX];
    int least = 0;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(++controllers, ':') : NULL;
        if (!path) continue;
        *path++ = 0;
        if (!*controllers) {
            least = smaller(least, quota_upwards(root, path, quota_v2));
            snprintf(mount, sizeof mount, "%s/unified", root); /* where both versions are mounted */
            least = smaller(least, quota_upwards(mount, path, quota_v2));
        } else if (lists_cpu(controllers)) {
            snprintf(mount, sizeof mount, "%s/cpu", root); /* a link to cpu,cpuacct where the two go together */
            least = smaller(least, quota_upwards(mount, path, quota_v1));
        }
    }
    fclose(f);
    return least;
}

/* Processors of the calling thread's affinity mask; the mask grows until the kernel's fits. */
static int affinity(void) {
    for (int max = 1024; max <= 1 << 18; max *= 4) {
        const size_t bytes = CPU_ALLOC_SIZE(max);
        cpu_set_t *set = mem_calloc(1, bytes);
        if (!set) return 1;
        int n = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
        mem_free(set);
        if (n > 0) return n;
    }
    return 1;
}

int pool_usable_cpus(void) {
    int cpus = affinity(), quota = cpus_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    return quota && quota < cpus ? quota : cpus;
}
