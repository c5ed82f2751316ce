/*
 * file.h -- mapped files and path containment.
 *
 * A file is mapped privately and read-only. file_open_beneath opens a relative path inside a folder and refuses every
 * way out of it (absolute paths, "..", links that leave it), also when the folder itself is reached through a link.
 */
#ifndef SARD_BASE_FILE_H
#define SARD_BASE_FILE_H

#include <stdint.h>

#include "base/err.h"

typedef struct file_map {
    const uint8_t *data;
    uint64_t size;
    int fd; /* -1 when the bytes were read (not a regular file) or given */
    void *owned;
} file_map;

sard_status file_map_path(const char *path, file_map *out, sard_error *err);
sard_status file_map_beneath(const char *folder, const char *relative, file_map *out, sard_error *err);
void file_unmap(file_map *m);
sard_status file_write(const char *path, const void *data, size_t n, sard_error *err); /* by rename, so never half a file */
/* SIGBUS guard of the tool and the server: a read past a shrunken mapping ends the process's current guarded call with
 * SARD_IO instead of killing it. Not installed by the library itself. */
sard_status file_guard_install(sard_error *err);

#endif
