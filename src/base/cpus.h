/*
 * cpus.h -- how many processors the control group grants; apart from pool.h so that a test can lay out its own files.
 */
#ifndef SARD_BASE_CPUS_H
#define SARD_BASE_CPUS_H

/*
 * The smallest CPU quota, in processors rounded up, of the process's control group and those above it, versions 1 and 2;
 * 0: none. proc_cgroup is /proc/self/cgroup, root is where the hierarchies are mounted (/sys/fs/cgroup).
 */
int cpus_quota(const char *proc_cgroup, const char *root);

#endif
