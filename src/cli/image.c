/*
 * image.c -- photographs as tensors.
 *
 * JPEG and PNG are decoded by libjpeg and libpng (each a build choice); then: size, channels, (pixel * scale - mean) /
 * std, layout. What is not said follows from the input's shape: [.., 3, H, W] is nchw, [.., H, W, 3] is nhwc.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

#ifdef SARD_HAVE_JPEG
#include <setjmp.h>

#include <jpeglib.h>
#endif
#ifdef SARD_HAVE_PNG
#include <png.h>
#endif

enum { SIDE_MAX = 32768 };
#define PIXELS_MAX ((size_t)1 << 28)

static bool too_large(size_t w, size_t h, const char *what) {
    if (w > 0 && h > 0 && w <= SIDE_MAX && h <= SIDE_MAX && w * h <= PIXELS_MAX) return false;
    complain("'%s': a picture of %zu x %zu pixels is too large", what, w, h);
    return true;
}

#ifdef SARD_HAVE_JPEG
typedef struct jpeg_fault {
    struct jpeg_error_mgr base;
    jmp_buf back;
} jpeg_fault;

static void jpeg_failed(j_common_ptr c) { longjmp(((jpeg_fault *)(void *)c->err)->back, 1); }
static void jpeg_silent(j_common_ptr c) { (void)c; }

static bool read_jpeg(const char *data, size_t n, int channels, image *out, const char *what) {
    struct jpeg_decompress_struct d;
    jpeg_fault fault;
    char text[JMSG_LENGTH_MAX];
    d.err = jpeg_std_error(&fault.base);
    fault.base.error_exit = jpeg_failed;
    fault.base.output_message = jpeg_silent;
    if (setjmp(fault.back)) {
        fault.base.format_message((j_common_ptr)&d, text);
        complain("'%s': %s", what, text);
        jpeg_destroy_decompress(&d);
        free(out->pixels);
        out->pixels = NULL;
        return false;
    }
    jpeg_create_decompress(&d);
    jpeg_mem_src(&d, (const unsigned char *)data, n);
    jpeg_read_header(&d, TRUE);
    d.out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    if (too_large(d.image_width, d.image_height, what)) {
        jpeg_destroy_decompress(&d);
        return false;
    }
    jpeg_start_decompress(&d);
    out->width = (int)d.output_width, out->height = (int)d.output_height, out->channels = channels;
    const size_t row = (size_t)out->width * (size_t)channels;
    out->pixels = xmalloc(row * (size_t)out->height);
    while (d.output_scanline < d.output_height) {
        JSAMPROW at = out->pixels + row * d.output_scanline;
        jpeg_read_scanlines(&d, &at, 1);
    }
    jpeg_finish_decompress(&d);
    jpeg_destroy_decompress(&d);
    return true;
}
#else
static bool read_jpeg(const char *data, size_t n, int channels, image *out, const char *what) {
    (void)data, (void)n, (void)channels, (void)out;
    complain("'%s': this sard was built without libjpeg: JPEG files cannot be read", what);
    return false;
}
#endif

#ifdef SARD_HAVE_PNG
static bool read_png(const char *data, size_t n, int channels, image *out, const char *what) {
    png_image png;
    memset(&png, 0, sizeof png);
    png.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_memory(&png, data, n)) {
        complain("'%s': %s", what, png.message);
        return false;
    }
    png.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    if (too_large(png.width, png.height, what)) {
        png_image_free(&png);
        return false;
    }
    const png_color white = {255, 255, 255}; /* behind what is transparent */
    out->width = (int)png.width, out->height = (int)png.height, out->channels = channels;
    out->pixels = xmalloc(PNG_IMAGE_SIZE(png));
    if (png_image_finish_read(&png, &white, out->pixels, 0, NULL)) return true;
    complain("'%s': %s", what, png.message);
    free(out->pixels);
    out->pixels = NULL;
    return false;
}
#else
static bool read_png(const char *data, size_t n, int channels, image *out, const char *what) {
    (void)data, (void)n, (void)channels, (void)out;
    complain("'%s': this sard was built without libpng: PNG files cannot be read", what);
    return false;
}
#endif

bool image_read(const char *data, size_t n, int channels, image *out, const char *what) {
    *out = (image){0};
    if (n >= 3 && memcmp(data, "\xFF\xD8\xFF", 3) == 0) return read_jpeg(data, n, channels, out, what);
    if (n >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0) return read_png(data, n, channels, out, what);
    complain("'%s' is neither a JPEG nor a PNG file", what);
    return false;
}

/* ---- options --------------------------------------------------------------------------------------------------------- */

static bool three(const args *a, const char *name, double *out) {
    const char *s = args_get(a, name, NULL);
    if (!s) return true;
    int n = 0;
    while (n < 3) {
        char *end;
        out[n++] = strtod(s, &end);
        if (end == s || (*end && *end != ',')) break;
        if (!*end) {
            for (; n < 3; n++) out[n] = out[0];
            return true;
        }
        s = end + 1;
    }
    complain("%s: option '--%s': expected one number or three, such as 0.485,0.456,0.406; found '%s'", a->cmd->name,
             name, args_get(a, name, ""));
    return false;
}

static bool one_of(const args *a, const char *name, const char *const *words, const char **out) {
    const char *s = args_get(a, name, NULL);
    if (!s) return true;
    for (int i = 0; words[i]; i++)
        if (strcmp(s, words[i]) == 0) {
            *out = s;
            return true;
        }
    complain("%s: option '--%s': expected %s, %s%s%s; found '%s'", a->cmd->name, name, words[0], words[1],
             words[2] ? " or " : "", words[2] ? words[2] : "", s);
    return false;
}

bool image_options_parse(const args *a, image_options *o) {
    static const char *const layouts[] = {"nchw", "nhwc", NULL}, *const fits[] = {"stretch", "crop", "pad", NULL},
                             *const resizes[] = {"linear", "nearest", NULL},
                             *const colors[] = {"rgb", "bgr", "gray", NULL};
    *o = (image_options){.fit = "stretch", .resize = "linear", .scale = 1, .std = {1, 1, 1}};
    const char *size = args_get(a, "size", NULL);
    if (size && (sscanf(size, "%dx%d", &o->width, &o->height) != 2 || o->width < 1 || o->height < 1 ||
                 o->width > SIDE_MAX || o->height > SIDE_MAX)) {
        complain("%s: option '--size': expected WIDTHxHEIGHT; found '%s'", a->cmd->name, size);
        return false;
    }
    const char *scale = args_get(a, "scale", NULL);
    double top = 1, bottom = 1;
    if (scale) {
        const int parts = sscanf(scale, "%lf/%lf", &top, &bottom);
        if (parts < 1 || bottom == 0) {
            complain("%s: option '--scale': expected a number or a fraction such as 1/255; found '%s'", a->cmd->name,
                     scale);
            return false;
        }
        o->scale = top / bottom;
    }
    return one_of(a, "layout", layouts, &o->layout) && one_of(a, "fit", fits, &o->fit) &&
           one_of(a, "resize", resizes, &o->resize) && one_of(a, "color", colors, &o->color) &&
           three(a, "mean", o->mean) && three(a, "std", o->std);
}

/* ---- pixels to numbers ------------------------------------------------------------------------------------------------- */

/* Colour c of the picture at a point, edges repeated; linear between the four pixels around it. */
static double sample(const image *p, double x, double y, int c, bool linear) {
    const double w = p->width - 1, h = p->height - 1;
    x = x < 0 ? 0 : x > w ? w : x;
    y = y < 0 ? 0 : y > h ? h : y;
    const size_t stride = (size_t)p->width * (size_t)p->channels, n = (size_t)p->channels;
    if (!linear) return p->pixels[(size_t)(y + 0.5) * stride + (size_t)(x + 0.5) * n + (size_t)c];
    const size_t x0 = (size_t)x, y0 = (size_t)y, x1 = x0 + (x0 < (size_t)w), y1 = y0 + (y0 < (size_t)h);
    const double fx = x - (double)x0, fy = y - (double)y0;
    const uint8_t *a = p->pixels + y0 * stride + (size_t)c, *b = p->pixels + y1 * stride + (size_t)c;
    return (a[x0 * n] * (1 - fx) + a[x1 * n] * fx) * (1 - fy) + (b[x0 * n] * (1 - fx) + b[x1 * n] * fx) * fy;
}

/* Which part of the picture fills the tensor: source = offset + (target + 0.5) * step - 0.5. */
typedef struct mapping {
    double x0, y0, dx, dy;
} mapping;

static mapping fit_picture(const image *p, int width, int height, const char *fit) {
    mapping m = {0, 0, (double)p->width / width, (double)p->height / height};
    if (strcmp(fit, "stretch") != 0) {
        const bool crop = strcmp(fit, "crop") == 0;
        const double step = (m.dx < m.dy) == crop ? m.dx : m.dy; /* crop: the smaller one; pad: the larger */
        m.x0 = (p->width - step * width) / 2;
        m.y0 = (p->height - step * height) / 2;
        m.dx = m.dy = step;
    }
    return m;
}

typedef struct plan { /* where height, width and channels lie in the tensor */
    int rank, channels, width, height;
    int64_t dim[16];
    int64_t step_c, step_y, step_x;
} plan;

static bool plan_shape(const sard_type *t, const image_options *o, const image *p, int channels, bool nhwc, plan *out,
                       const char *what) {
    int rank = sard_type_rank(t);
    if (rank < 0) rank = 4;
    if (rank < 2 || rank > 5) {
        complain("'%s': a picture cannot fill an input of rank %d", what, rank);
        return false;
    }
    *out = (plan){.rank = rank, .channels = channels};
    const int y = rank == 2 ? 0 : nhwc ? rank - 3 : rank - 2, c = rank == 2 ? -1 : nhwc ? rank - 1 : rank - 3;
    out->height = o->height ? o->height : (int)(sard_type_dim(t, y) > 0 ? sard_type_dim(t, y) : p->height);
    out->width = o->width ? o->width : (int)(sard_type_dim(t, y + 1) > 0 ? sard_type_dim(t, y + 1) : p->width);
    if (too_large((size_t)out->width, (size_t)out->height, what)) return false;
    for (int i = 0; i < rank; i++) out->dim[i] = 1;
    out->dim[y] = out->height;
    out->dim[y + 1] = out->width;
    if (c >= 0) out->dim[c] = channels;
    out->step_x = nhwc && rank > 2 ? channels : 1;
    out->step_y = out->step_x * out->width;
    out->step_c = nhwc && rank > 2 ? 1 : (int64_t)out->width * out->height;
    return true;
}

/* nhwc when said so, or when the shape's last axis is 1 or 3 and the one before width and height is not. */
static bool is_nhwc(const sard_type *t, const image_options *o) {
    const int rank = sard_type_rank(t);
    if (o->layout) return strcmp(o->layout, "nhwc") == 0;
    if (rank < 3) return false;
    const int64_t last = sard_type_dim(t, rank - 1), third = sard_type_dim(t, rank - 3);
    return (last == 3 || last == 1) && third != 3 && third != 1;
}

sard_value *image_value(const char *data, size_t n, const sard_type *t, const image_options *o, const char *what) {
    const bool nhwc = is_nhwc(t, o);
    const int rank = sard_type_rank(t);
    const int64_t declared = rank >= 3 ? sard_type_dim(t, nhwc ? rank - 1 : rank - 3) : rank == 2 ? 1 : -1;
    const int channels = o->color ? (strcmp(o->color, "gray") == 0 ? 1 : 3) : declared == 1 ? 1 : 3;
    image p;
    plan pl;
    sard_value *v = NULL;
    sard_error e = {0};
    if (!image_read(data, n, channels, &p, what)) return NULL;
    if (!plan_shape(t, o, &p, channels, nhwc, &pl, what)) {
        free(p.pixels);
        return NULL;
    }
    if (sard_tensor_new(sard_type_dtype(t), pl.rank, pl.dim, &v, &e) != SARD_OK) {
        complain("'%s': %s", what, e.message);
        free(p.pixels);
        return NULL;
    }
    const mapping m = fit_picture(&p, pl.width, pl.height, o->fit);
    const bool linear = strcmp(o->resize, "linear") == 0, bgr = o->color && strcmp(o->color, "bgr") == 0;
    for (int c = 0; c < channels; c++) {
        const int from = bgr ? channels - 1 - c : c;
        for (int y = 0; y < pl.height; y++) {
            const double sy = m.y0 + (y + 0.5) * m.dy - 0.5;
            for (int x = 0; x < pl.width; x++) {
                const double sx = m.x0 + (x + 0.5) * m.dx - 0.5;
                const bool outside = sx < -0.5 || sy < -0.5 || sx > p.width - 0.5 || sy > p.height - 0.5;
                const double pixel = outside ? 0 : sample(&p, sx, sy, from, linear);
                set_element(v, c * pl.step_c + y * pl.step_y + x * pl.step_x,
                            (pixel * o->scale - o->mean[c]) / o->std[c]);
            }
        }
    }
    free(p.pixels);
    return v;
}
