/*
 * file.h -- mapped files and path containment.
 *
 * A file is mapped privately and read-only; a small one, or a pipe, is read. file_map_beneath opens a relative path inside
 * a folder and refuses every way out of it (absolute paths, "..", links that leave it), also when the folder itself is
 * reached through a link.
 */
#ifndef SARD_BASE_FILE_H
#define SARD_BASE_FILE_H

#include <stdint.h>

#include "base/err.h"

/* May be moved by assignment. All zero: nothing, and file_unmap does nothing. */
typedef struct file_map {
    const uint8_t *data;
    uint64_t size;
    void *owned;    /* what mem_free frees; NULL: mapped */
    uint32_t guard; /* number of the mapping among the guarded ones, from 1 */
} file_map;

/* SARD_NO_SUCH_FILE when it is not there; SARD_IO when it cannot be read or is not a file. */
sard_status file_map_path(const char *path, file_map *out, sard_error *err);
/* Also SARD_INVALID_MODEL when the path leaves the folder. Regular files only. folder "" is the current one. */
sard_status file_map_beneath(const char *folder, const char *relative, file_map *out, sard_error *err);
void file_unmap(file_map *m);
/* Gives back the pages that were read so far; they come again from the file when they are touched. */
void file_map_cool(const file_map *m);
/* Written by rename, so never half a file; what is not a regular file (a terminal, a pipe) is written in place. */
sard_status file_write(const char *path, const void *data, size_t n, sard_error *err);

/*
 * A mapped file that is cut short ends the process at the next read behind its new end. With this guard, a handler of
 * SIGBUS, such a read in a file_map of this library sees zeros instead, on any thread, and from then on file_map_check says
 * SARD_IO; other faults go to the handler found. Not installed by the library itself; once per process is enough.
 */
sard_status file_guard_install(sard_error *err);
/* SARD_IO when the file was cut short while mapped: what was computed from it does not count. A load of one flag. */
sard_status file_map_check(const file_map *m, sard_error *err);

#endif
