/*
 * load.c -- where a session's model comes from: a file or bytes, in ONNX or in ONNX Runtime's own format, which is told
 * by its first bytes. (The configuration key session.load_model_format may say so too; the bytes decide.)
 */
#include "ort/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ort/ort_format.h"

static sard_status file_error(sard_error *err, const char *path, const char *what) {
    err->code = SARD_IO;
    err->problems = 1;
    snprintf(err->message, sizeof err->message, "%s: %s: %s", path, what, strerror(errno));
    return SARD_IO;
}

sard_status ort_read_file(const char *path, void **data, size_t *n, sard_error *err) {
    FILE *f = fopen(path, "rb");
    if (!f) {
        file_error(err, path, "cannot be opened");
        return err->code = errno == ENOENT ? SARD_NO_SUCH_FILE : SARD_IO;
    }
    char *bytes = NULL;
    size_t used = 0, cap = 65536, got = 0;
    do { /* until the end: a file's size may be a lie */
        char *more = used == cap || !bytes ? realloc(bytes, cap *= 2) : bytes;
        if (!more) {
            file_error(err, path, "cannot be read");
            err->code = SARD_OUT_OF_MEMORY;
            break;
        }
        bytes = more;
        got = fread(bytes + used, 1, cap - used, f);
        used += got;
    } while (got);
    const bool whole = !got && bytes && !ferror(f);
    if (!whole && bytes && ferror(f)) file_error(err, path, "cannot be read");
    fclose(f);
    if (!whole) {
        free(bytes);
        return err->code;
    }
    *data = bytes;
    *n = used;
    return SARD_OK;
}

static bool is_ort_file(const char *path) {
    char head[8];
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    const bool is = fread(head, 1, sizeof head, f) == sizeof head && ort_format_is(head, sizeof head);
    fclose(f);
    return is;
}

static sard_status load_ort(const void *data, size_t n, const sard_options *options, sard_model **out,
                            sard_error *err) {
    void *onnx;
    size_t bytes;
    sard_status st = ort_format_to_onnx(data, n, &onnx, &bytes, err);
    if (st != SARD_OK) return st;
    st = sard_model_load_memory(onnx, bytes, 0, options, out, err);
    free(onnx);
    return st;
}

sard_status ort_load_file(const char *path, const sard_options *options, sard_model **out, sard_error *err) {
    if (!is_ort_file(path)) return sard_model_load(path, options, out, err);
    void *data;
    size_t n;
    sard_status st = ort_read_file(path, &data, &n, err);
    if (st != SARD_OK) return st;
    st = load_ort(data, n, options, out, err);
    free(data);
    return st;
}

sard_status ort_load_bytes(const void *data, size_t n, int borrow, const sard_options *options, sard_model **out,
                           sard_error *err) {
    if (ort_format_is(data, n)) return load_ort(data, n, options, out, err);
    return sard_model_load_memory(data, n, borrow, options, out, err);
}
