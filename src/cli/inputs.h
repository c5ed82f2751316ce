/*
 * inputs.h -- the inputs of a run, from files or made up.
 */
#ifndef SARD_CLI_INPUTS_H
#define SARD_CLI_INPUTS_H

#include "cli.h"

#define OPTIONS_INPUT                                                                                                  \
    {"input", 'i', "NAME=FILE",                                                                                        \
     "input from .npy, .npz, .pb, .jpg, .png, .txt, .json, .bin, or JSON itself: NAME=[1,2]"},                         \
        {"inputs", 'I', "DIR|FILE.npz",                                                                                \
         "all inputs: a test folder with input_N.pb, or an archive with one array each"},                              \
        {"shape", 's', "NAME=1x3x224x224", "shape of an input that is made up or read from text"},                     \
        {"random", 'r', "SEED", "makes up the inputs not given: numbers in 0..1, integers 0 or 1"},                    \
        {"fill", 'f', "NUMBER", "makes up the inputs not given: this number everywhere"},                              \
        {"layout", 0, "nchw|nhwc", "pictures: order of the axes (default: from the input's shape)"},                   \
        {"size", 0, "WxH", "pictures: size (default: the input's, else the picture's)"},                               \
        {"fit", 0, "stretch|crop|pad", "pictures: how another aspect ratio is met (default stretch)"},                 \
        {"resize", 0, "linear|nearest", "pictures: interpolation (default linear)"},                                   \
        {"color", 0, "rgb|bgr|gray", "pictures: channels (default: from the input's shape)"},                          \
        {"scale", 0, "X", "pictures: times each pixel value 0..255, e.g. 1/255"},                                      \
        {"mean", 0, "A,B,C", "pictures: subtracted per channel, after scaling"}, {                                     \
        "std", 0, "A,B,C", "pictures: divided by, after the mean"                                                      \
    }

typedef struct inputs {
    size_t n;
    const char **names;
    sard_value **values;
    size_t given; /* by the caller; the others were made up */
} inputs;

/* False after a message. */
bool inputs_make(const args *a, const sard_model *m, inputs *out);
/* Takes out those that have no value. */
void inputs_drop_absent(inputs *in);
void inputs_free(inputs *in);
/* A value from the bytes of a .pb file of the kind that t says; NULL after a message. */
sard_value *pb_value(const char *data, size_t n, const sard_type *t, const char *what);
/* The highest N + 1 of files PREFIX_N.pb in the folder. */
size_t count_pb(const char *folder, const char *prefix);

#endif
