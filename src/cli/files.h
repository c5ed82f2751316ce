/*
 * files.h -- values in files: .npy, .npz, protobuf, images, text, JSON.
 */
#ifndef SARD_CLI_FILES_H
#define SARD_CLI_FILES_H

#include "cli.h"

/* All return a new value, or NULL after a message. `what` names the file in messages. */

/* NumPy's format, versions 1 to 3. want (UNDEFINED: none) is the type the model asks for: bfloat16, float8 and 4-bit
 * types, which NumPy has no names for, are read as such from raw or integer arrays. */
sard_value *npy_read(const char *data, size_t n, sard_dtype want, const char *what);
/* A tensor as .npy into *out (free it); false after a message. */
bool npy_write(const sard_value *v, char **out, size_t *n, const char *what);

/* One member of a zip archive (.npz), found by name: its bytes (free them), or NULL after a message. */
char *zip_read(const char *data, size_t n, const char *member, size_t *size, const char *what);
/* Calls fn for every member's name. False after a message. */
bool zip_list(const char *data, size_t n, void (*fn)(void *user, const char *name), void *user, const char *what);
/* A growing archive of stored members. */
typedef struct zip_writer {
    char *data, *directory;
    size_t n, n_directory;
    unsigned members;
} zip_writer;
bool zip_add(zip_writer *z, const char *name, const char *data, size_t n); /* false: beyond 4 GiB */
void zip_finish(zip_writer *z);                                            /* data, n: the whole archive */

/* Pixels, 8 bits each, rows from the top, interleaved. */
typedef struct image {
    int width, height, channels; /* 1 or 3 */
    uint8_t *pixels;
} image;
bool image_read(const char *data, size_t n, int channels, image *out, const char *what);

/* How pixels become a tensor. */
typedef struct image_options {
    const char *layout; /* "nchw", "nhwc", or NULL: from the input's shape */
    int width, height;  /* 0: from the input's shape, else the picture's own */
    const char *fit;    /* "stretch", "crop" or "pad" */
    const char *resize; /* "linear" or "nearest" */
    double scale;       /* times pixel value */
    double mean[3], std[3];
    const char *color; /* "rgb", "bgr" or "gray"; NULL: from the input's shape */
} image_options;
bool image_options_parse(const args *a, image_options *out);
sard_value *image_value(const char *data, size_t n, const sard_type *t, const image_options *o, const char *what);

#endif
