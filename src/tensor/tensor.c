/*
 * tensor.c -- buffers, shapes, views, and copies between layouts.
 *
 * A buffer made here is one allocation: a 64-byte header, then the data. Extents come from files, so every product is
 * checked; an extent of 0 makes a tensor empty, but the other extents must still fit together, so that strides do, too.
 */
#include "tensor/tensor.h"

#include <stdio.h>

#include "base/mem.h"

/* ---- buffers ---- */

#define HEADER 64
_Static_assert(sizeof(buffer) <= HEADER, "a buffer's header fits before its first aligned byte");

static buffer *buffer_make(size_t extra) {
    size_t total;
    if (add_size(extra, HEADER, &total)) return NULL;
    buffer *b = mem_alloc(total);
    if (!b) return NULL;
    memset(b, 0, sizeof *b);
    atomic_init(&b->refs, 1);
    return b;
}

buffer *buffer_new(size_t bytes) {
    buffer *b = buffer_make(bytes);
    if (!b) return NULL;
    b->data = (char *)b + HEADER;
    b->bytes = bytes;
    return b;
}

buffer *buffer_wrap(void *data, size_t bytes, sard_release_fn release, void *owner) {
    buffer *b = buffer_make(0);
    if (!b) return NULL;
    b->data = data;
    b->bytes = bytes;
    b->release = release;
    b->owner = owner;
    return b;
}

buffer *buffer_ref(buffer *b) {
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void buffer_unref(buffer *b) {
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1) return;
    if (b->release) b->release(b->owner, b->data, b->bytes);
    mem_free(b);
}

/* ---- shapes ---- */

shape shape_of(const tensor *t) {
    shape s = {.rank = t->rank};
    memcpy(s.dim, t->dim, (size_t)t->rank * sizeof *s.dim);
    return s;
}

int64_t dims_count(const int64_t *dim, int rank) {
    int64_t n = 1;
    bool empty = false;
    for (int i = 0; i < rank; i++) {
        if (dim[i] < 0) return -1;
        if (dim[i] == 0)
            empty = true;
        else if (mul_i64(n, dim[i], &n))
            return -1;
    }
    return empty ? 0 : n;
}

int64_t shape_count(const shape *s) { return dims_count(s->dim, s->rank); }

/* Appends to the text of length *at in buf of n bytes; what does not fit is cut. */
static void text_add(char *buf, size_t n, size_t *at, const char *fmt, ...) PRINTF_LIKE(4, 5);
static void text_add(char *buf, size_t n, size_t *at, const char *fmt, ...) {
    if (*at + 1 >= n) return;
    va_list ap;
    va_start(ap, fmt);
    const int wrote = vsnprintf(buf + *at, n - *at, fmt, ap);
    va_end(ap);
    if (wrote > 0) *at += (size_t)wrote < n - *at ? (size_t)wrote : n - *at - 1;
}

static const char *dims_text(const char *before, const int64_t *dim, int rank, char *buf, size_t n) {
    size_t at = 0;
    if (n) buf[0] = 0;
    text_add(buf, n, &at, "%s[", before);
    for (int i = 0; i < rank; i++) text_add(buf, n, &at, i ? ",%lld" : "%lld", (long long)dim[i]);
    text_add(buf, n, &at, "]");
    return buf;
}

const char *shape_text(const shape *s, char *buf, size_t n) { return dims_text("", s->dim, s->rank, buf, n); }

const char *tensor_text(const tensor *t, char *buf, size_t n) {
    return dims_text(dtype_short(t->dtype), t->dim, t->rank, buf, n);
}

sard_status shape_broadcast(const shape *const *s, int n, shape *out, sard_error *err) {
    shape r = {0};
    for (int k = 0; k < n; k++)
        if (s[k]->rank > r.rank) r.rank = s[k]->rank;
    for (int i = 0; i < r.rank; i++) r.dim[i] = 1;
    for (int k = 0; k < n; k++) {
        for (int i = 0; i < s[k]->rank; i++) {
            const int axis = r.rank - s[k]->rank + i;
            const int64_t have = r.dim[axis], next = s[k]->dim[i];
            FAIL_IF(have != next && have != 1 && next != 1, err, SARD_INVALID_ARGUMENT,
                    "shapes do not broadcast: axis %d (of %d) is %lld and %lld", axis, r.rank, (long long)have,
                    (long long)next);
            if (have == 1) r.dim[axis] = next;
        }
    }
    *out = r;
    return SARD_OK;
}

/* ---- views ---- */

/* One axis further out: the stride behind it. Unsigned, since an unchecked shape must not be undefined behaviour. */
static int64_t stride_step(int64_t stride, int64_t dim) {
    return (int64_t)((uint64_t)stride * (uint64_t)(dim > 1 ? dim : 1));
}

void tensor_row_strides(const int64_t *dim, int rank, int64_t *stride) {
    int64_t s = 1;
    for (int i = rank - 1; i >= 0; i--) {
        stride[i] = s;
        s = stride_step(s, dim[i]);
    }
}

void tensor_last_strides(const int64_t *dim, int rank, int64_t *stride) {
    if (rank < 3) {
        tensor_row_strides(dim, rank, stride);
        return;
    }
    stride[1] = 1;
    int64_t s = stride_step(1, dim[1]);
    for (int i = rank - 1; i >= 2; i--) {
        stride[i] = s;
        s = stride_step(s, dim[i]);
    }
    stride[0] = s;
}

void tensor_view(tensor *t, sard_dtype dtype, const shape *s, buffer *buf, size_t offset) {
    *t = (tensor){.buf = buf, .offset = offset, .dtype = (uint8_t)dtype, .rank = (uint8_t)s->rank};
    memcpy(t->dim, s->dim, (size_t)s->rank * sizeof *t->dim);
    tensor_row_strides(t->dim, t->rank, t->stride);
}

static bool has_strides(const tensor *t, void (*strides)(const int64_t *, int, int64_t *)) {
    int64_t want[MAX_RANK];
    strides(t->dim, t->rank, want);
    for (int i = 0; i < t->rank; i++)
        if (t->dim[i] == 0) return true;
    for (int i = 0; i < t->rank; i++)
        if (t->dim[i] != 1 && t->stride[i] != want[i]) return false;
    return true;
}

bool tensor_is_row(const tensor *t) { return has_strides(t, tensor_row_strides); }
bool tensor_is_last(const tensor *t) { return t->rank >= 3 && has_strides(t, tensor_last_strides); }

int64_t tensor_count(const tensor *t) { return dims_count(t->dim, t->rank); }

size_t tensor_bytes(const tensor *t) {
    size_t bytes;
    return dtype_bytes(t->dtype, tensor_count(t), &bytes) ? 0 : bytes;
}

static sard_status sized(sard_dtype dtype, const shape *s, size_t *bytes, sard_error *err) {
    FAIL_IF(!dtype_valid((int)dtype), err, SARD_INVALID_ARGUMENT, "element type %d is not one of ONNX's", (int)dtype);
    FAIL_IF(s->rank < 0 || s->rank > MAX_RANK, err, SARD_UNSUPPORTED, "rank %d, expected at most %d", s->rank,
            (int)MAX_RANK);
    if (dtype_bytes((int)dtype, shape_count(s), bytes) || *bytes > PTRDIFF_MAX) {
        char text[400];
        return err_set(err, SARD_INVALID_ARGUMENT, "%s%s has a negative extent or more bytes than memory can hold",
                       dtype_short((int)dtype), shape_text(s, text, sizeof text));
    }
    return SARD_OK;
}

sard_status tensor_new(tensor *out, sard_dtype dtype, const shape *s, sard_error *err) {
    size_t bytes;
    TRY(sized(dtype, s, &bytes, err));
    buffer *b = buffer_new(bytes);
    if (!b) return err_nomem(err, bytes);
    if (dtype == SARD_STRING) memset(b->data, 0, bytes);
    tensor_view(out, dtype, s, b, 0);
    return SARD_OK;
}

void tensor_drop(tensor *t) {
    buffer_unref(t->buf);
    t->buf = NULL;
}

/* ---- copies ---- */

typedef struct walk { /* the axes of a copy, neighbours that lie together merged into one */
    int rank;
    int64_t dim[MAX_RANK], stride[MAX_RANK];
} walk;

static walk walk_of(const tensor *t) {
    walk w = {0};
    for (int i = 0; i < t->rank; i++) {
        if (t->dim[i] == 1) continue;
        const int last = w.rank - 1;
        if (last >= 0 && w.stride[last] == t->stride[i] * t->dim[i]) {
            w.dim[last] *= t->dim[i];
            w.stride[last] = t->stride[i];
        } else {
            w.dim[w.rank] = t->dim[i];
            w.stride[w.rank++] = t->stride[i];
        }
    }
    if (w.rank == 0) w = (walk){1, {1}, {1}};
    return w;
}

/* n elements of `size` bytes that lie `step` bytes apart. The constant sizes let the compiler make moves of memcpy. */
static void gather_line(char *restrict dst, const char *src, int64_t n, int64_t step, size_t size) {
#define LINE(bytes)                                                                                                    \
    for (int64_t i = 0; i < n; i++) memcpy(dst + i * (bytes), src + i * step, (bytes))
    switch (size) {
    case 1:
        LINE(1);
        break;
    case 2:
        LINE(2);
        break;
    case 4:
        LINE(4);
        break;
    case 8:
        LINE(8);
        break;
    default:
        LINE(16);
        break;
    }
#undef LINE
}

bool tensor_at_odd_address(const tensor *t) { return dtype_odd_address(t->dtype, tensor_data(t)); }

void tensor_copy_data(void *dst, const tensor *src) {
    const size_t bytes = tensor_bytes(src);
    if (bytes == 0) return;
    if (dtype_subbyte(src->dtype) || tensor_is_row(src)) {
        memcpy(dst, tensor_data(src), bytes);
        return;
    }
    const int64_t size = dtype_bits(src->dtype) / 8;
    const walk w = walk_of(src);
    const int inner = w.rank - 1;
    const int64_t line = w.dim[inner] * size, step = w.stride[inner] * size;
    int64_t at[MAX_RANK] = {0};
    const char *from = tensor_data(src);
    for (char *to = dst, *end = to + bytes; to < end; to += line) {
        if (step == size)
            memcpy(to, from, (size_t)line);
        else
            gather_line(to, from, w.dim[inner], step, (size_t)size);
        for (int i = inner - 1; i >= 0; i--) { /* the next line: an odometer over the outer axes */
            from += w.stride[i] * size;
            if (++at[i] < w.dim[i]) break;
            from -= w.stride[i] * size * w.dim[i];
            at[i] = 0;
        }
    }
}

/* Strings: the slices and, behind them, all their bytes. */
static sard_status clone_strings(tensor *out, const tensor *src, sard_error *err) {
    const shape s = shape_of(src);
    const size_t slices = tensor_bytes(src);
    const int64_t n = tensor_count(src);
    tensor flat;
    TRY(tensor_new(&flat, SARD_STRING, &s, err));
    tensor_copy_data(tensor_data(&flat), src);
    const str *from = tensor_data(&flat);
    size_t total = slices;
    for (int64_t i = 0; i < n; i++) {
        if (add_size(total, from[i].n, &total)) {
            tensor_drop(&flat);
            return err_nomem(err, SIZE_MAX);
        }
    }
    buffer *b = buffer_new(total);
    if (!b) {
        tensor_drop(&flat);
        return err_nomem(err, total);
    }
    str *to = b->data;
    char *bytes = (char *)b->data + slices;
    for (int64_t i = 0; i < n; i++) {
        if (from[i].n) memcpy(bytes, from[i].p, from[i].n);
        to[i] = (str){bytes, from[i].n};
        bytes += from[i].n;
    }
    tensor_drop(&flat);
    tensor_view(out, SARD_STRING, &s, b, 0);
    return SARD_OK;
}

sard_status tensor_clone(tensor *out, const tensor *src, sard_error *err) {
    if (src->dtype == SARD_STRING && src->buf) return clone_strings(out, src, err);
    const shape s = shape_of(src);
    tensor t;
    TRY(tensor_new(&t, (sard_dtype)src->dtype, &s, err));
    if (src->buf) tensor_copy_data(tensor_data(&t), src);
    *out = t;
    return SARD_OK;
}
