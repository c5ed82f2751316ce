/*
 * window.c -- see window.h. Formulas: ONNX operator texts of Conv, MaxPool and AveragePool.
 */
#include "ops/window.h"

static sard_status list_of(const attr *a, const char *name, size_t n, sard_error *err) {
    FAIL_IF(a->type != ATTR_NONE && a->ints.n != n, err, SARD_INVALID_MODEL,
            "attribute '%s' has %zu numbers; %zu are needed", name, a->ints.n, n);
    return SARD_OK;
}

static const attr *maybe(const attr *attrs, int i) {
    static const attr none = {.type = ATTR_NONE};
    return i < 0 ? &none : &attrs[i];
}

sard_status window_read(const attr *attrs, const window_attrs *at, int rank, const int64_t *kernel, window *w,
                        sard_error *err) {
    static const char *const words[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};
    const attr *k = maybe(attrs, at->kernel_shape), *s = maybe(attrs, at->strides), *d = maybe(attrs, at->dilations);
    const attr *p = maybe(attrs, at->pads), *a = maybe(attrs, at->auto_pad), *c = maybe(attrs, at->ceil_mode);
    FAIL_IF(rank < 1 || rank > WINDOW_MAX, err, SARD_UNSUPPORTED, "%d spatial axes; 1 to %d are offered", rank,
            WINDOW_MAX);
    *w = (window){.rank = rank, .ceil = c->type == ATTR_INT && c->i != 0};
    if (a->type == ATTR_STRING && a->s.n) TRY(attr_word(a, "auto_pad", words, 4, &w->auto_pad, err));
    TRY(list_of(k, "kernel_shape", (size_t)rank, err));
    TRY(list_of(s, "strides", (size_t)rank, err));
    TRY(list_of(d, "dilations", (size_t)rank, err));
    TRY(list_of(p, "pads", 2 * (size_t)rank, err));
    FAIL_IF(k->type == ATTR_NONE && !kernel, err, SARD_INVALID_MODEL, "attribute 'kernel_shape' is missing");
    for (int i = 0; i < rank; i++) {
        w->kernel[i] = k->type == ATTR_NONE ? kernel[i] : k->ints.v[i];
        w->stride[i] = s->type == ATTR_NONE ? 1 : s->ints.v[i];
        w->dilation[i] = d->type == ATTR_NONE ? 1 : d->ints.v[i];
        if (p->type != ATTR_NONE && w->auto_pad == WINDOW_NOTSET)
            w->pad[i] = p->ints.v[i], w->pad_end[i] = p->ints.v[i + rank];
        FAIL_IF(k->type != ATTR_NONE && kernel && dim_known(kernel[i]) && kernel[i] != k->ints.v[i], err,
                SARD_INVALID_MODEL, "kernel_shape[%d] is %lld, the weights have %lld", i, (long long)k->ints.v[i],
                (long long)kernel[i]);
        bool open = w->kernel[i] == DIM_UNKNOWN;
        FAIL_IF(!open && (w->kernel[i] < 1 || w->kernel[i] > INT32_MAX), err, SARD_INVALID_MODEL,
                "kernel extent %lld on axis %d", (long long)w->kernel[i], i);
        FAIL_IF(w->stride[i] < 1 || w->stride[i] > INT32_MAX, err, SARD_INVALID_MODEL, "stride %lld on axis %d",
                (long long)w->stride[i], i);
        FAIL_IF(w->dilation[i] < 1 || w->dilation[i] > INT32_MAX, err, SARD_INVALID_MODEL, "dilation %lld on axis %d",
                (long long)w->dilation[i], i);
        FAIL_IF(w->pad[i] < 0 || w->pad_end[i] < 0 || w->pad[i] > INT32_MAX || w->pad_end[i] > INT32_MAX, err,
                SARD_INVALID_MODEL, "pads %lld and %lld on axis %d", (long long)w->pad[i], (long long)w->pad_end[i], i);
    }
    return SARD_OK;
}

/* SAME: ceil(in / stride) outputs, the padding they need split between both sides. */
static void same_pads(window *w, int i, int64_t in, int64_t span, int64_t *out) {
    int64_t s = w->stride[i];
    *out = (in + s - 1) / s;
    int64_t need = (*out - 1) * s + span - in;
    if (need < 0) need = 0;
    w->pad[i] = w->auto_pad == WINDOW_SAME_UPPER ? need / 2 : need - need / 2;
    w->pad_end[i] = need - w->pad[i];
}

sard_status window_out(module *m, window *w, int i, int64_t in, int64_t *out, sard_error *err) {
    int64_t s = w->stride[i];
    if (w->kernel[i] == DIM_UNKNOWN || !dim_known(in)) {
        bool same = w->auto_pad == WINDOW_SAME_UPPER || w->auto_pad == WINDOW_SAME_LOWER;
        *out = DIM_UNKNOWN;
        if (same && s == 1)
            *out = in;
        else if (!same && w->kernel[i] != DIM_UNKNOWN && !w->ceil) {
            int64_t rest = w->pad[i] + w->pad_end[i] - ((w->kernel[i] - 1) * w->dilation[i] + 1);
            *out = dim_add(m, dim_div(m, dim_add(m, in, rest), s), 1);
        }
        return SARD_OK;
    }
    int64_t span = (w->kernel[i] - 1) * w->dilation[i] + 1; /* both below 2^31: no overflow */
    if (w->auto_pad == WINDOW_SAME_UPPER || w->auto_pad == WINDOW_SAME_LOWER) {
        same_pads(w, i, in, span, out);
        return SARD_OK;
    }
    int64_t room = in + w->pad[i] + w->pad_end[i] - span;
    FAIL_IF(room < 0 && in > 0, err, SARD_INVALID_ARGUMENT,
            "a kernel that spans %lld does not fit axis %d: extent %lld, padding %lld + %lld", (long long)span, i,
            (long long)in, (long long)w->pad[i], (long long)w->pad_end[i]);
    if (room < 0) room = -s;
    *out = (w->ceil ? (room + s - 1) / s : room / s) + 1;
    /* with ceil, a window that would begin in the padding behind the end is left out */
    if (w->ceil && *out > 1 && (*out - 1) * s >= in + w->pad[i]) --*out;
    return SARD_OK;
}
