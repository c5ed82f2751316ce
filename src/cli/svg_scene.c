/*
 * svg_scene.c -- from a graph to placed boxes.
 *
 * Constants are no boxes of their own, nor is what is computed from constants alone: they are lines of text in the node
 * that uses them. A node with bodies is as large as its bodies, each a scene placed before. What leaves a box leaves it under a label with its shape, so a label is
 * part of the box's own place and cannot lie on anything else.
 */
#include "svg_scene.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_SHOWN = 26, ATTRS_SHOWN = 3, CONSTS_SHOWN = 3, BODY_GAP = 14, PORT_GAP = 60 };

/* ---- text ------------------------------------------------------------------------------------------------------------ */

/* Widths in the wider of the usual sans-serif fonts, so that text never leaves its box. */
static double char_width(unsigned c) {
    if (strchr("ijl.,:;'|!()[]", (int)c)) return 0.40;
    if (strchr("ftr /\\-I1\"*", (int)c)) return c == '1' ? 0.64 : 0.46;
    if (strchr("mwMW@%", (int)c)) return 1.0;
    if (c >= 'A' && c <= 'Z') return 0.74;
    return 0.64;
}

double text_width_px(const char *s, double size) {
    double w = 0;
    for (; *s; s++) {
        const unsigned char c = (unsigned char)*s;
        if ((c & 0xC0) == 0x80) continue;
        w += c < 0x80 ? char_width(c) : c >= 0xE3 ? 1.05 : 0.84;
    }
    return w * size;
}

/* The last part of a path-like name, cut in the middle when it is long; characters are not broken. */
static char *short_name(const char *name) {
    const char *slash = strrchr(name, '/');
    if (slash && slash[1]) name = slash + 1;
    const size_t n = strlen(name);
    if (n <= NAME_SHOWN) return xstrdup(name);
    size_t head = 12, tail = n - 12;
    while (head > 0 && ((unsigned char)name[head] & 0xC0) == 0x80) head--;
    while (tail < n && ((unsigned char)name[tail] & 0xC0) == 0x80) tail++;
    return xprintf("%.*s…%s", (int)head, name, name + tail);
}

static void add_line(scene_box *b, char *text) {
    if (b->n_lines < SCENE_LINES)
        b->lines[b->n_lines++] = text;
    else
        free(text);
}

static void put_json(char *buf, size_t n, size_t *at, const json_t *v) {
    if (*at >= n) return;
    if (json_is_integer(v) && json_integer_value(v) == INT64_MAX)
        *at += (size_t)snprintf(buf + *at, n - *at, "end");
    else if (json_is_integer(v))
        *at += (size_t)snprintf(buf + *at, n - *at, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v))
        *at += (size_t)snprintf(buf + *at, n - *at, "%.4g", json_real_value(v));
    else if (json_is_string(v))
        *at += (size_t)snprintf(buf + *at, n - *at, "%.24s", json_string_value(v));
}

/* "3 3", "[1, -1, 8]" cut when long. */
static void list_text(const json_t *list, size_t length, const char *between, char *buf, size_t n) {
    size_t at = 0;
    buf[0] = 0;
    for (size_t i = 0; i < json_array_size(list) && at < 24 && at + 8 < n; i++) {
        if (i) at += (size_t)snprintf(buf + at, n - at, "%s", between);
        put_json(buf, n, &at, json_array_get(list, i));
        if (at >= 24 && i + 1 < length) at += (size_t)snprintf(buf + at, n - at, "%s…", between);
    }
}

/* Attributes at the values that mean nothing special. */
static bool trivial(const char *name, const json_t *value) {
    static const struct {
        const char *name;
        json_int_t value;
    } plain[] = {{"dilations", 1},
                 {"strides", 1},
                 {"pads", 0},
                 {"output_padding", 0},
                 {"group", 1},
                 {"ceil_mode", 0},
                 {"storage_order", 0},
                 {"count_include_pad", 0},
                 {"noop_with_empty_axes", 0},
                 {"allowzero", 0},
                 {"transA", 0},
                 {"transB", 0},
                 {"keepdims", 1},
                 {"linear_before_reset", 0}};
    if (json_is_string(value)) return strcmp(name, "auto_pad") == 0 && strcmp(json_string_value(value), "NOTSET") == 0;
    if (json_is_real(value))
        return (strcmp(name, "alpha") == 0 || strcmp(name, "beta") == 0) && json_real_value(value) == 1;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (strcmp(name, plain[i].name) != 0) continue;
        if (json_is_integer(value)) return json_integer_value(value) == plain[i].value;
        for (size_t k = 0; k < json_array_size(value); k++)
            if (json_integer_value(json_array_get(value, k)) != plain[i].value) return false;
        return true;
    }
    return false;
}

static void attribute_lines(scene_box *b, const json_t *attrs) {
    int shown = 0;
    for (size_t i = 0; i < json_array_size(attrs) && shown < ATTRS_SHOWN; i++) {
        const json_t *a = json_array_get(attrs, i), *value = json_object_get(a, "value");
        const char *name = json_string_value(json_object_get(a, "name"));
        char text[96] = "";
        size_t at = 0;
        if (!name || !value || trivial(name, value)) continue;
        if (strcmp(name, "to") == 0 && json_is_integer(value)) { /* Cast's element type */
            snprintf(text, sizeof text, "%s", sard_dtype_name((sard_dtype)json_integer_value(value)));
        } else if (json_is_array(value)) {
            const json_int_t length = json_integer_value(json_object_get(a, "length"));
            if (length == 0) continue;
            if (length > 16)
                snprintf(text, sizeof text, "%lld values", (long long)length);
            else
                list_text(value, (size_t)length, " ", text, sizeof text);
        } else {
            put_json(text, sizeof text, &at, value);
        }
        add_line(b, xprintf("%s %s", name, text));
        shown++;
    }
}

static void constant_line(scene_box *b, const view_value *v) {
    char shape[96], text[96];
    if (json_is_array(v->data) && json_array_size(v->data) > 0) {
        const size_t n = json_array_size(v->data);
        list_text(v->data, n, ", ", text, sizeof text);
        const bool list = json_array_size(v->dims) > 0;
        add_line(b, xprintf(list ? "= [%s]" : "= %s", text));
        return;
    }
    char *name = short_name(v->name);
    add_line(b, xprintf("%s%s%s", name, *name ? "  " : "", view_shape(v, shape, sizeof shape)));
    free(name);
}

/* ---- boxes ----------------------------------------------------------------------------------------------------------- */

typedef struct work { /* while one scene is made */
    const view_graph *g;
    const view_value *const *outer;
    view_value *derived; /* per value: has a type when it is computed from constants alone */
    scene *s;
    int *from; /* per value: the box it comes from, -1 */
    int *port; /* per value: its label there, -1 when nobody uses it */
    bool *used;
} work;

static const view_value *constant_of(const work *w, int v) {
    if (w->outer && w->outer[v]) return w->outer[v];
    if (w->derived[v].type) return &w->derived[v];
    return w->g->values[v].constant ? &w->g->values[v] : NULL;
}

/* A node whose inputs are all constants makes constants: its outputs are told as "Slice(weight)". */
static bool derive(work *w, const view_node *n) {
    const view_value *first = NULL;
    if (n->n_bodies || n->n_in == 0) return false;
    for (size_t i = 0; i < n->n_in; i++) {
        const view_value *c = n->in[i] >= 0 ? constant_of(w, n->in[i]) : NULL;
        if (n->in[i] >= 0 && !c) return false;
        if (!first) first = c;
    }
    for (size_t i = 0; i < n->n_out; i++)
        for (size_t k = 0; k < w->g->n_outputs; k++)
            if (n->out[i] >= 0 && n->out[i] == w->g->outputs[k]) return false;
    if (!first) return false;
    for (size_t i = 0; i < n->n_out; i++) {
        if (n->out[i] < 0) continue;
        view_value *d = &w->derived[n->out[i]];
        *d = w->g->values[n->out[i]];
        char *inner = strchr(first->name, '(') ? xstrdup("…") : short_name(first->name);
        w->s->texts = xrealloc(w->s->texts, (w->s->n_texts + 1) * sizeof(char *));
        d->name = w->s->texts[w->s->n_texts++] = xprintf("%s(%s)", n->op, *inner ? inner : "…");
        free(inner);
    }
    return true;
}

static scene_box *add_box(work *w, box_kind kind, const char *name) {
    const bool whole = !w->s->title && strlen(name) <= 48; /* names of the model itself, not of a body */
    scene_box *b = &w->s->boxes[w->s->n++];
    *b = (scene_box){.kind = kind, .name = whole ? xstrdup(name) : short_name(name)};
    return b;
}

static void add_output(work *w, scene_box *b, int v) {
    if (v < 0 || !w->used[v]) return;
    b->labels = xrealloc(b->labels, (b->n_labels + 1) * sizeof *b->labels);
    scene_label *l = &b->labels[b->n_labels];
    view_shape(&w->g->values[v], l->text, sizeof l->text);
    l->w = text_width_px(l->text, 10) + 6;
    w->from[v] = (int)(b - w->s->boxes);
    w->port[v] = (int)b->n_labels++;
}

static void size_box(scene_box *b, double inner_w, double inner_h) {
    const bool node = b->kind == BOX_NODE;
    double w = node ? text_width_px(b->node->op, 12.5) + 22 : text_width_px(b->name, 11) + 26;
    for (int i = 0; i < b->n_lines; i++) {
        const double line = text_width_px(b->lines[i], 10) + 18;
        w = line > w ? line : w;
    }
    w = w < 54 ? 54 : w;
    b->w = inner_w > w ? inner_w : w;
    b->h = HEAD_H + b->n_lines * LINE_H + (b->n_lines ? 5 : 0) + inner_h;
    double labels = 0;
    for (size_t i = 0; i < b->n_labels; i++) labels += b->labels[i].w + (i ? 8 : 0);
    const double whole = labels > b->w ? labels : b->w;
    b->inset = (whole - b->w) / 2;
    double x = (whole - labels) / 2;
    if (b->n_labels > 1 && labels < b->w) x = 0; /* several: over the whole width */
    double spread = b->n_labels > 1 && labels < b->w ? (b->w - labels) / (double)(b->n_labels - 1) : 0;
    if (spread > PORT_GAP) { /* in the middle of a wide box, so that what follows stands together */
        spread = PORT_GAP;
        x = (whole - labels - spread * (double)(b->n_labels - 1)) / 2;
    }
    for (size_t i = 0; i < b->n_labels; i++) {
        b->labels[i].x = x;
        x += b->labels[i].w + 8 + spread;
    }
}

/* Beside each other or one below the other, whichever is nearer to the shape of a screen. */
static void place_bodies(scene_box *b, double *inner_w, double *inner_h) {
    double sum_w = 0, sum_h = 0, most_w = 0, most_h = 0;
    for (size_t i = 0; i < b->n_bodies; i++) {
        const scene *s = &b->bodies[i];
        sum_w += s->w + (i ? BODY_GAP : 0);
        sum_h += s->h + (i ? BODY_GAP : 0);
        most_w = s->w > most_w ? s->w : most_w;
        most_h = s->h > most_h ? s->h : most_h;
    }
    const double wide = sum_w > 1.4 * most_h ? sum_w : 1.4 * most_h, tall = most_w > 1.4 * sum_h ? most_w : 1.4 * sum_h;
    const bool row = wide <= tall;
    double at = 0;
    for (size_t i = 0; i < b->n_bodies; i++) {
        scene *s = &b->bodies[i];
        s->x = row ? at : 0;
        s->y = row ? 0 : at;
        at += (row ? s->w : s->h) + BODY_GAP;
    }
    *inner_w = (row ? sum_w : most_w) + 2 * SCENE_PAD;
    *inner_h = (row ? most_h : sum_h) + SCENE_PAD;
}

static void make_bodies(work *w, scene_box *b, double *inner_w, double *inner_h) {
    const view_node *n = b->node;
    *inner_w = *inner_h = 0;
    if (n->n_bodies == 0) return;
    b->bodies = xmalloc(n->n_bodies * sizeof *b->bodies);
    b->n_bodies = n->n_bodies;
    for (size_t i = 0; i < n->n_bodies; i++) {
        const view_graph *body = &n->bodies[i];
        const view_value **outer = xmalloc((body->n_values + 1) * sizeof *outer);
        memset(outer, 0, (body->n_values + 1) * sizeof *outer);
        for (size_t c = 0; c < body->n_captures && c < n->n_captures; c++)
            if (body->captures[c] >= 0 && n->captures[c] >= 0)
                outer[body->captures[c]] = constant_of(w, n->captures[c]);
        scene_make(body, outer, n->body_names[i], &b->bodies[i]);
        free(outer);
    }
    place_bodies(b, inner_w, inner_h);
}

static void make_node(work *w, const view_node *n) {
    if (derive(w, n)) return;
    scene_box *b = add_box(w, BOX_NODE, n->name);
    b->node = n;
    attribute_lines(b, n->attributes);
    size_t constants = 0;
    for (size_t i = 0; i < n->n_in; i++) {
        const view_value *c = n->in[i] >= 0 ? constant_of(w, n->in[i]) : NULL;
        if (c && constants++ < CONSTS_SHOWN) constant_line(b, c);
    }
    if (constants > CONSTS_SHOWN) add_line(b, xprintf("… %zu more", constants - CONSTS_SHOWN));
    for (size_t i = 0; i < n->n_out; i++) add_output(w, b, n->out[i]);
    double inner_w, inner_h;
    make_bodies(w, b, &inner_w, &inner_h);
    size_box(b, inner_w, inner_h);
}

static void make_source(work *w, box_kind kind, int v) {
    if (v < 0 || w->from[v] >= 0 || constant_of(w, v)) return; /* a default is shown where it is used */
    if (kind == BOX_CAPTURE && !w->used[v]) return;
    scene_box *b = add_box(w, kind, w->g->values[v].name);
    add_output(w, b, v);
    size_box(b, 0, 0);
}

static void mark_used(work *w) {
    const view_graph *g = w->g;
    for (size_t i = 0; i < g->n_nodes; i++) {
        for (size_t k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] >= 0) w->used[g->nodes[i].in[k]] = true;
        for (size_t k = 0; k < g->nodes[i].n_captures; k++)
            if (g->nodes[i].captures[k] >= 0) w->used[g->nodes[i].captures[k]] = true;
    }
    for (size_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] >= 0) w->used[g->outputs[i]] = true;
}

/* ---- edges ----------------------------------------------------------------------------------------------------------- */

/* Nets by value; their numbers are kept in net_of. */
static void add_target(work *w, int *net_of, int v, int box, double dx) {
    if (v < 0 || w->from[v] < 0) return;
    scene *s = w->s;
    if (net_of[v] < 0) {
        const scene_box *b = &s->boxes[w->from[v]];
        const scene_label *l = &b->labels[w->port[v]];
        s->nets = xrealloc(s->nets, (s->n_nets + 1) * sizeof *s->nets);
        s->nets[s->n_nets] = (lay_net){.from = w->from[v], .dx = l->x + l->w / 2};
        net_of[v] = (int)s->n_nets++;
    }
    lay_net *net = &s->nets[net_of[v]];
    net->to = xrealloc(net->to, (net->n_to + 1) * sizeof *net->to);
    net->to[net->n_to++] = (lay_target){box, dx};
}

/* What enters a node, spread over its upper side, of a wide one over its middle. */
static void add_inputs(work *w, int *net_of, int box, int *seen) {
    const scene_box *b = &w->s->boxes[box];
    const view_node *n = b->node;
    const size_t all = n->n_in + n->n_captures;
    int *ids = xmalloc((all + 1) * sizeof *ids);
    size_t count = 0;
    for (size_t i = 0; i < all; i++) {
        const int v = i < n->n_in ? n->in[i] : n->captures[i - n->n_in];
        if (v < 0 || w->from[v] < 0 || seen[v] == box + 1) continue; /* one edge, also when it is used twice */
        seen[v] = box + 1;
        ids[count++] = v;
    }
    const double most = ((double)count + 1) * PORT_GAP, span = b->w < most ? b->w : most;
    const double begin = b->inset + (b->w - span) / 2;
    for (size_t i = 0; i < count; i++)
        add_target(w, net_of, ids[i], box, begin + span * ((double)i + 1) / ((double)count + 1));
    free(ids);
}

static void make_edges(work *w, size_t first_output) {
    const view_graph *g = w->g;
    int *net_of = xmalloc((g->n_values + 1) * sizeof *net_of), *seen = xmalloc((g->n_values + 1) * sizeof *seen);
    for (size_t i = 0; i < g->n_values; i++) net_of[i] = -1, seen[i] = 0;
    for (size_t i = 0; i < w->s->n; i++)
        if (w->s->boxes[i].kind == BOX_NODE) add_inputs(w, net_of, (int)i, seen);
    for (size_t i = 0, box = first_output; i < g->n_outputs; i++) {
        if (g->outputs[i] < 0) continue;
        const scene_box *b = &w->s->boxes[box];
        add_target(w, net_of, g->outputs[i], (int)box++, b->inset + b->w / 2);
    }
    free(net_of);
    free(seen);
}

/* ---- scenes ---------------------------------------------------------------------------------------------------------- */

void scene_make(const view_graph *g, const view_value *const *outer, const char *title, scene *s) {
    const size_t most = g->n_inputs + g->n_captures + g->n_nodes + g->n_outputs;
    *s = (scene){.title = title};
    s->boxes = xmalloc((most + 1) * sizeof *s->boxes);
    work w = {.g = g, .outer = outer, .s = s};
    w.derived = xmalloc((g->n_values + 1) * sizeof *w.derived);
    w.from = xmalloc((g->n_values + 1) * sizeof *w.from);
    w.port = xmalloc((g->n_values + 1) * sizeof *w.port);
    w.used = xmalloc(g->n_values + 1);
    memset(w.derived, 0, (g->n_values + 1) * sizeof *w.derived);
    for (size_t i = 0; i < g->n_values; i++) w.from[i] = w.port[i] = -1, w.used[i] = false;
    mark_used(&w);
    for (size_t i = 0; i < g->n_inputs; i++) make_source(&w, BOX_INPUT, g->inputs[i]);
    for (size_t i = 0; i < g->n_captures; i++) make_source(&w, BOX_CAPTURE, g->captures[i]);
    for (size_t i = 0; i < g->n_nodes; i++) make_node(&w, &g->nodes[i]);
    const size_t first_output = s->n;
    for (size_t i = 0; i < g->n_outputs; i++) {
        if (g->outputs[i] < 0) continue;
        scene_box *b = add_box(&w, BOX_OUTPUT, g->values[g->outputs[i]].name);
        const view_value *c = constant_of(&w, g->outputs[i]);
        if (c && w.from[g->outputs[i]] < 0) constant_line(b, c);
        size_box(b, 0, 0);
    }
    make_edges(&w, first_output);
    free(w.derived);
    free(w.from);
    free(w.port);
    free(w.used);
    s->places = xmalloc((s->n + 1) * sizeof *s->places);
    for (size_t i = 0; i < s->n; i++) {
        const scene_box *b = &s->boxes[i];
        double whole = b->inset * 2 + b->w;
        s->places[i] = (lay_box){.w = whole, .h = b->h + (b->n_labels ? LABEL_H : 0)};
    }
    lay_out(s->places, s->n, s->nets, s->n_nets, &s->lay);
    const double title_w = title ? text_width_px(title, 11) + 2 * SCENE_PAD : 0;
    s->w = s->lay.w + 2 * SCENE_PAD;
    s->w = s->w < title_w ? title_w : s->w;
    s->h = s->lay.h + SCENE_PAD + (title ? SCENE_TITLE : SCENE_PAD);
}

void scene_free(scene *s) {
    for (size_t i = 0; i < s->n; i++) {
        scene_box *b = &s->boxes[i];
        for (int k = 0; k < b->n_lines; k++) free(b->lines[k]);
        for (size_t k = 0; k < b->n_bodies; k++) scene_free(&b->bodies[k]);
        free(b->name);
        free(b->labels);
        free(b->bodies);
    }
    for (size_t i = 0; i < s->n_nets; i++) free(s->nets[i].to);
    for (size_t i = 0; i < s->n_texts; i++) free(s->texts[i]);
    free(s->texts);
    free(s->boxes);
    free(s->places);
    free(s->nets);
    free(s->lay.pieces);
}
