/*
 * svg_draw.c -- the picture: placed scenes as SVG.
 *
 * Plain SVG 1.1 without scripts, so that browsers, editors and converters all show it. Everything a node has is in its
 * tooltip. Classes (node, io, body, label, edge) say what each shape is.
 */
#include <stdlib.h>
#include <string.h>

#include "svg_scene.h"

#define FONT "font-family=\"DejaVu Sans, Verdana, Segoe UI, Helvetica, Arial, sans-serif\""
enum { MARGIN = 24, TITLE_H = 58 };

/* ---- classes of operators ------------------------------------------------------------------------------------------------ */

typedef struct op_class {
    const char *name, *fill, *stroke;
    const char *ops; /* names between spaces; a star stands for any end */
} op_class;
static const op_class classes[] = {
    {"products", "#dbe9fb", "#2f6db5",
     " Conv* ConvTranspose DeformConv MatMul* Gemm Einsum QLinearConv QLinearMatMul Attention MultiHeadAttention LSTM "
     "GRU RNN "
     "FusedMatMul DFT STFT "},
    {"normalisation", "#d8f1ee", "#1f8a7d", " *Normalization Softmax LogSoftmax Hardmax LRN LpNormalization Dropout "},
    {"activation", "#fdebd3", "#c9781a",
     " Relu LeakyRelu PRelu Elu Selu Celu Gelu Sigmoid HardSigmoid HardSwish Swish Mish Tanh Softplus Softsign "
     "ThresholdedRelu "
     "Clip Erf Shrink "},
    {"reduction, pooling", "#ecdff7", "#7c4bb0",
     " Reduce* ArgMax ArgMin *Pool GlobalLpPool TopK CumSum NonMaxSuppression MaxRoiPool RoiAlign NonZero Unique "},
    {"shape, movement", "#ececec", "#777777",
     " Reshape Transpose Concat Split Slice Gather* Scatter* Squeeze Unsqueeze Flatten Expand Tile Pad Shape Size "
     "Identity Cast "
     "CastLike DepthToSpace SpaceToDepth Resize Upsample Constant* Range Compress ReverseSequence Trilu EyeLike OneHot "
     "Where "
     "GridSample AffineGrid CenterCropPad TensorScatter "},
    {"control", "#fbdcdc", "#b83b3b",
     " If Loop Scan SequenceMap Sequence* SplitToSequence ConcatFromSequence "
     "Optional* "},
    {"quantisation", "#f3e3d7", "#8d5a33", " QuantizeLinear DequantizeLinear DynamicQuantizeLinear "},
    {"trees, tables, text", "#fbf3c4", "#a08712",
     " Tree* Linear* SVM* LabelEncoder Scaler Imputer Normalizer ZipMap OneHotEncoder DictVectorizer FeatureVectorizer "
     "ArrayFeatureExtractor Binarizer CategoryMapper CastMap Tf* String* RegexFullMatch "},
    {"element by element", "#e2f3dc", "#4a8f34", NULL}, /* all others */
};
enum { CLASS_COUNT = sizeof classes / sizeof *classes };

static bool matches(const char *pattern, size_t n, const char *op) {
    if (pattern[0] == '*')
        return has_suffix(op, "") && strlen(op) >= n - 1 && strncmp(op + strlen(op) - (n - 1), pattern + 1, n - 1) == 0;
    if (pattern[n - 1] == '*') return strncmp(op, pattern, n - 1) == 0;
    return strlen(op) == n && strncmp(op, pattern, n) == 0;
}

static int class_of(const char *op) {
    for (int c = 0; c < CLASS_COUNT && classes[c].ops; c++)
        for (const char *s = classes[c].ops; *s;) {
            const size_t n = strcspn(s, " ");
            if (n && matches(s, n, op)) return c;
            s += n + (s[n] == ' ');
        }
    return CLASS_COUNT - 1;
}

/* ---- text ------------------------------------------------------------------------------------------------------------------ */

/* Characters XML 1.0 has no place for become '?'. */
static void put_text(FILE *f, const char *s) {
    for (; *s; s++) {
        const unsigned char c = (unsigned char)*s;
        if (c == '&')
            fputs("&amp;", f);
        else if (c == '<')
            fputs("&lt;", f);
        else if (c == '>')
            fputs("&gt;", f);
        else if (c == '"')
            fputs("&quot;", f);
        else if (c < 0x20 && c != '\n' && c != '\t')
            fputc('?', f);
        else if (c == 0xEF && (unsigned char)s[1] == 0xBF && (unsigned char)s[2] >= 0xBE)
            fputc('?', f), s += 2;
        else
            fputc(c, f);
    }
}

static void draw_text(FILE *f, double x, double y, double size, const char *extra, const char *s) {
    fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%g\" %s>", x, y, size, extra);
    put_text(f, s);
    fputs("</text>\n", f);
}

static void put_tooltip(FILE *f, const view_graph *g, const view_node *n) {
    char shape[96];
    (void)g;
    fputs("<title>", f);
    put_text(f, n->op);
    if (*n->domain) fputs(" (", f), put_text(f, n->domain), fputs(")", f);
    if (*n->name) fputs("\n", f), put_text(f, n->name);
    for (size_t i = 0; i < json_array_size(n->attributes); i++) {
        const json_t *a = json_array_get(n->attributes, i), *v = json_object_get(a, "value");
        char *text = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
        fputs("\n", f);
        put_text(f, json_string_value(json_object_get(a, "name")));
        fputs(" = ", f);
        if (text) put_text(f, text);
        free(text);
    }
    for (size_t i = 0; i < n->n_in; i++) {
        if (n->in[i] < 0) continue;
        const view_value *v = &g->values[n->in[i]];
        fputs("\nin: ", f);
        put_text(f, v->name);
        fputs(" ", f);
        put_text(f, view_shape(v, shape, sizeof shape));
    }
    for (size_t i = 0; i < n->n_out; i++) {
        if (n->out[i] < 0) continue;
        const view_value *v = &g->values[n->out[i]];
        fputs("\nout: ", f);
        put_text(f, v->name);
        fputs(" ", f);
        put_text(f, view_shape(v, shape, sizeof shape));
    }
    char count[32];
    if (n->flops > 0) fprintf(f, "\n%s operations", human_count(n->flops, count, sizeof count));
    fputs("</title>\n", f);
}

/* ---- drawing --------------------------------------------------------------------------------------------------------------- */

static void draw_scene(FILE *f, const view_graph *g, const scene *s, double x, double y, bool *seen);

/* The way to the next column, with round corners. */
static void draw_turn(FILE *f, const lay_piece *p, double x, double y) {
    enum { ROUND = 4 };
    const double g = x + p->gutter, low = y + p->low, high = y + p->high, x0 = x + p->x0, x1 = x + p->x1;
    const double into = p->x1 > p->gutter ? ROUND : -ROUND, out = p->gutter > p->x0 ? ROUND : -ROUND;
    fprintf(f,
            "M%.1f %.1fV%.1fQ%.1f %.1f %.1f %.1fH%.1fQ%.1f %.1f %.1f %.1fV%.1fQ%.1f %.1f %.1f %.1fH%.1fQ%.1f %.1f %.1f "
            "%.1fV%.1f",
            x0, y + p->y0, low - ROUND, x0, low, x0 + out, low, g - out, g, low, g, low - ROUND, high + ROUND, g, high,
            g + into, high, x1 - into, x1, high, x1, high + ROUND, y + p->y1);
}

static void draw_edges(FILE *f, const scene *s, double x, double y) {
    for (size_t i = 0; i < s->lay.n; i++) {
        const lay_piece *p = &s->lay.pieces[i];
        const double x0 = x + p->x0, y0 = y + p->y0, x1 = x + p->x1, y1 = y + p->y1, d = (y1 - y0) * 0.55;
        fputs("<path class=\"edge\" d=\"", f);
        if (p->turns)
            draw_turn(f, p, x, y);
        else if (p->x0 == p->x1)
            fprintf(f, "M%.1f %.1fV%.1f", x0, y0, y1);
        else
            fprintf(f, "M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f", x0, y0, x0, y0 + d, x1, y1 - d, x1, y1);
        fprintf(f, "\"%s/>\n", p->last ? " marker-end=\"url(#arrow)\"" : "");
    }
}

static void draw_labels(FILE *f, const scene_box *b, double x, double y) {
    for (size_t i = 0; i < b->n_labels; i++) {
        const scene_label *l = &b->labels[i];
        fprintf(f, "<rect class=\"label\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\"/>\n", x + l->x,
                y + b->h + 1, l->w, LABEL_H - 2);
        draw_text(f, x + l->x + l->w / 2, y + b->h + LABEL_H - 4, 10, "class=\"shape\"", l->text);
    }
}

static void draw_io(FILE *f, const scene_box *b, double x, double y) {
    const double left = x + b->inset;
    fprintf(f, "<rect class=\"io%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"%.1f\"/>\n",
            b->kind == BOX_CAPTURE ? " captured" : "", left, y, b->w, b->h, b->n_lines ? 9 : b->h / 2);
    draw_text(f, left + b->w / 2, y + 15, 11, "class=\"ioname\"", *b->name ? b->name : "(no name)");
    for (int i = 0; i < b->n_lines; i++)
        draw_text(f, left + b->w / 2, y + HEAD_H + 8 + i * LINE_H, 10, "class=\"shape\"", b->lines[i]);
}

static void draw_node(FILE *f, const view_graph *g, const scene_box *b, double x, double y, bool *seen) {
    const int c = class_of(b->node->op);
    const double left = x + b->inset;
    seen[c] = true;
    fputs("<g>\n", f);
    put_tooltip(f, g, b->node);
    fprintf(f,
            "<rect class=\"node\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"4\" fill=\"%s\" "
            "stroke=\"%s\"/>\n",
            left, y, b->w, b->h, classes[c].fill, classes[c].stroke);
    draw_text(f, left + b->w / 2, y + 15.5, 12.5, "class=\"op\"", b->node->op);
    for (int i = 0; i < b->n_lines; i++)
        draw_text(f, left + b->w / 2, y + HEAD_H + 8 + i * LINE_H, 10, "class=\"line\"", b->lines[i]);
    fputs("</g>\n", f);
    const double top = y + HEAD_H + b->n_lines * LINE_H + (b->n_lines ? 5 : 0);
    for (size_t i = 0; i < b->n_bodies; i++) {
        const scene *s = &b->bodies[i];
        const double sx = left + SCENE_PAD + s->x, sy = top + s->y;
        fprintf(f, "<rect class=\"body\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"4\"/>\n", sx, sy,
                s->w, s->h);
        draw_text(f, sx + 8, sy + 14, 11, "class=\"title\"", s->title);
        draw_scene(f, &b->node->bodies[i], s, sx + SCENE_PAD, sy + SCENE_TITLE, seen);
    }
}

static void draw_scene(FILE *f, const view_graph *g, const scene *s, double x, double y, bool *seen) {
    draw_edges(f, s, x, y);
    for (size_t i = 0; i < s->n; i++) {
        const scene_box *b = &s->boxes[i];
        const double bx = x + s->places[i].x, by = y + s->places[i].y;
        if (b->kind == BOX_NODE)
            draw_node(f, g, b, bx, by, seen);
        else
            draw_io(f, b, bx, by);
        draw_labels(f, b, bx, by);
    }
}

static const char style[] =
    "<style>\n.edge{fill:none;stroke:#9a9a9a;stroke-width:1.1}\n.node{stroke-width:1.2}\n"
    ".body{fill:#ffffff;fill-opacity:.75;stroke:#a0a0a0;stroke-dasharray:4 3}\n"
    ".io{fill:#ffffff;stroke:#333333;stroke-width:1.3}\n.captured{stroke-dasharray:3 "
    "3}\n.label{fill:#ffffff;fill-opacity:.85}\n"
    "text{text-anchor:middle;fill:#1d1d1d}\n.op{font-weight:bold}\n.line{fill:#4a4a4a}\n.shape{fill:#5c5c5c}\n"
    ".ioname{font-weight:bold;fill:#333333}\n.title,.head{text-anchor:start}\n.title{font-style:italic;fill:#555555}\n<"
    "/style>\n"
    "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"6\" markerHeight=\"6\" "
    "orient=\"auto\">"
    "<path d=\"M0 0.5L8 4L0 7.5z\" fill=\"#8a8a8a\"/></marker></defs>\n";

static void draw_head(FILE *f, const json_t *d, const view_graph *g, double x) {
    const char *file = json_string_value(json_object_get(d, "file"));
    const char *slash = file ? strrchr(file, '/') : NULL;
    const json_t *stats = json_object_get(d, "stats");
    const char *name = slash ? slash + 1 : file && *file ? file : *g->name ? g->name : "model";
    char a[32], b[32], *text;
    draw_text(f, x, 26, 16, "class=\"head\" font-weight=\"bold\"", name);
    text = xprintf("%lld nodes, %s parameters, %s operations%s",
                   (long long)json_integer_value(json_object_get(stats, "nodes")),
                   human_count((double)json_integer_value(json_object_get(stats, "parameters")), a, sizeof a),
                   human_count(json_number_value(json_object_get(stats, "flops")), b, sizeof b),
                   json_is_true(json_object_get(stats, "exact")) ? "" : " (where shapes are known)");
    draw_text(f, x, 44, 11, "class=\"head\"", text);
    free(text);
}

/* Colours that were used, below the graph, in as many lines as the width needs; returns where they end. */
static double draw_legend(FILE *f, const bool *seen, double x, double y, double right) {
    const double left = x;
    for (int c = 0; c < CLASS_COUNT; c++) {
        if (!seen[c]) continue;
        const double w = 30 + text_width_px(classes[c].name, 10);
        if (x > left && x + w > right) x = left, y += 18;
        fprintf(f, "<rect x=\"%.1f\" y=\"%.1f\" width=\"11\" height=\"11\" rx=\"2\" fill=\"%s\" stroke=\"%s\"/>\n", x,
                y, classes[c].fill, classes[c].stroke);
        draw_text(f, x + 16, y + 9.5, 10, "class=\"head\"", classes[c].name);
        x += w;
    }
    return y + 11;
}

static FILE *open_text(char **text, size_t *n) {
    FILE *f = open_memstream(text, n);
    if (f) return f;
    complain("out of memory");
    exit(EXIT_ERROR);
}

char *svg_picture(const json_t *d, const view_graph *g, size_t *n) {
    enum { LEAST = 380 }; /* what the title needs; a narrower graph stands in the middle of it */
    scene s;
    char *body = NULL, *out = NULL;
    size_t body_n = 0;
    bool seen[CLASS_COUNT] = {false};
    scene_make(g, NULL, NULL, &s);
    FILE *f = open_text(&body, &body_n);
    draw_head(f, d, g, MARGIN);
    const double inner = s.lay.w > LEAST ? s.lay.w : LEAST;
    draw_scene(f, g, &s, MARGIN + (inner - s.lay.w) / 2, TITLE_H, seen);
    const double w = inner + 2 * MARGIN;
    const double h = draw_legend(f, seen, MARGIN, TITLE_H + s.lay.h + 22, w - MARGIN) + MARGIN;
    fclose(f);
    f = open_text(&out, n);
    fprintf(f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" " FONT
            ">\n%s",
            w, h, w, h, style);
    fprintf(f, "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n%s</svg>\n", body);
    fclose(f);
    free(body);
    scene_free(&s);
    return out;
}
