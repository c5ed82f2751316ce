/*
 * group.c -- group and instance normalisation: statistics over the channels of a group. See norm.h.
 *
 * A group whose elements are contiguous is used in place; any other layout is gathered into scratch in logical order
 * (channel outer), normalised there and scattered.
 */
#include <string.h>

#include "base/mem.h"
#include "kernels/norm/kernels.h"
#include "kernels/pointwise/scalar.h"
#include "kernels/pointwise/stage.h"

typedef struct job {
    const norm_group_args *a;
    const norm_kernels *k;
    int64_t groups, n; /* per image; elements of a group */
    bool direct;
} job;

static double param(const job *j, const void *p, int64_t c) {
    pw_cell v = pw_load_cell(j->a->param, p, c);
    return j->a->param == SARD_F64 ? v.d : (double)v.f;
}

/* Group of channels from c on, elements x to y in the type of computation. */
static void one(const job *j, int64_t c, const void *x, void *y) {
    const norm_group_args *a = j->a;
    int64_t in = a->inner;
    bool f64 = a->type == SARD_F64;
    double dm, ds;
    float m, s;
    if (f64)
        j->k->f64.stats(0, x, j->n, a->eps, &dm, &ds);
    else
        j->k->f32.stats(0, x, j->n, (float)a->eps, &m, &s);
    for (int64_t i = 0; i < a->channels_per_group; i++) {
        double g = a->scale ? param(j, a->scale, c + i) : 0, b = a->bias ? param(j, a->bias, c + i) : 0;
        float fg = (float)g, fb = (float)b;
        if (f64)
            j->k->f64.apply1((const double *)x + i * in, (double *)y + i * in, in, dm, ds, a->scale ? &g : NULL,
                             a->bias ? &b : NULL);
        else
            j->k->f32.apply1((const float *)x + i * in, (float *)y + i * in, in, m, s, a->scale ? &fg : NULL,
                             a->bias ? &fb : NULL);
    }
}

static void gather(const job *j, const char *x, char *raw, char *tile) {
    const norm_group_args *a = j->a;
    int size = pw_bits(a->type) / 8;
    for (int64_t c = 0; c < a->channels_per_group; c++)
        pw_gather(a->type, x, c * a->x_stride[1], a->x_stride[2], a->inner, raw + c * a->inner * size);
    norm_widen(j->k, a->type, raw, j->n, tile);
}
static void scatter(const job *j, char *y, char *raw, const char *tile) {
    const norm_group_args *a = j->a;
    int size = pw_bits(a->type) / 8;
    norm_narrow(j->k, a->type, tile, j->n, raw);
    for (int64_t c = 0; c < a->channels_per_group; c++)
        pw_scatter(a->type, y, c * a->y_stride[1], a->y_stride[2], a->inner, raw + c * a->inner * size);
}

static sard_status work(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    const job *j = arg;
    const norm_group_args *a = j->a;
    (void)worker;
    int size = pw_bits(a->type) / 8;
    char *tile = NULL;
    if (!j->direct) {
        size_t bytes;
        if (mul_size((size_t)j->n, 16, &bytes)) return err_nomem(err, SIZE_MAX);
        tile = mem_alloc(bytes);
        if (!tile) return err_nomem(err, bytes);
    }
    for (int64_t k = from; k < to; k++) {
        int64_t b = k / j->groups, c = k % j->groups * a->channels_per_group;
        const char *x = (const char *)a->x + (b * a->x_stride[0] + c * a->x_stride[1]) * size;
        char *y = (char *)a->y + (b * a->y_stride[0] + c * a->y_stride[1]) * size;
        if (j->direct) {
            one(j, c, x, y);
        } else {
            gather(j, x, tile + j->n * 8, tile);
            one(j, c, tile, tile);
            scatter(j, y, tile + j->n * 8, tile);
        }
    }
    mem_free(tile);
    return SARD_OK;
}

static bool dense(const norm_group_args *a, const int64_t *stride) {
    return (a->inner == 1 || stride[2] == 1) && (a->channels_per_group == 1 || stride[1] == a->inner);
}

sard_status norm_group_on(const norm_kernels *k, const norm_group_args *a, const par *threads, sard_error *err) {
    FAIL_IF(!pw_is_float(a->type) || !pw_is_float(a->param), err, SARD_UNSUPPORTED, "normalisation of element type %d",
            (int)a->type);
    FAIL_IF(a->channels_per_group < 1 || a->channels % a->channels_per_group, err, SARD_INVALID_ARGUMENT,
            "group normalisation: %lld channels in groups of %lld", (long long)a->channels,
            (long long)a->channels_per_group);
    job j = {.a = a, .k = k, .groups = a->channels / a->channels_per_group};
    int64_t items;
    FAIL_IF(a->batch < 0 || a->inner < 0 || mul_i64(a->channels_per_group, a->inner, &j.n) ||
                mul_i64(a->batch, j.groups, &items),
            err, SARD_INVALID_ARGUMENT, "group normalisation: shape too large");
    if (items == 0 || j.n == 0) return SARD_OK;
    bool native = a->type == SARD_F32 || a->type == SARD_F64;
    j.direct = native && dense(a, a->x_stride) && dense(a, a->y_stride);
    int64_t grain = j.n < 32768 ? 32768 / j.n : 1;
    if (items <= grain) return work(&j, 0, items, 0, err);
    return par_for(threads, items, grain, work, &j, err);
}

sard_status norm_group(const norm_group_args *a, const par *threads, sard_error *err) {
    return norm_group_on(norm_kernels_best(), a, threads, err);
}
