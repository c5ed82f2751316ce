/*
 * svg_scene.h -- a graph as boxes with text, placed: what the picture is drawn from.
 */
#ifndef SARD_CLI_SVG_SCENE_H
#define SARD_CLI_SVG_SCENE_H

#include "svg_layout.h"
#include "view.h"

enum { SCENE_LINES = 8, SCENE_TITLE = 20, SCENE_PAD = 12, LABEL_H = 15, LINE_H = 13, HEAD_H = 22 };

typedef enum box_kind { BOX_INPUT, BOX_CAPTURE, BOX_NODE, BOX_OUTPUT } box_kind;
typedef struct scene_label { /* what leaves a box: the text under its port */
    char text[96];
    double x, w; /* from the box's left */
} scene_label;

typedef struct scene scene;
typedef struct scene_box {
    box_kind kind;
    const view_node *node; /* BOX_NODE */
    char *name;            /* of inputs and outputs, as it is shown */
    char *lines[SCENE_LINES];
    int n_lines;
    double w, h, inset; /* the visible box; how far it is from the left of what it occupies */
    scene_label *labels;
    size_t n_labels;
    scene *bodies;
    size_t n_bodies;
} scene_box;

struct scene {
    const char *title;
    scene_box *boxes;
    lay_box *places; /* one per box: relative to the scene */
    size_t n;
    lay_net *nets;
    size_t n_nets;
    lay_result lay;
    char **texts; /* names that had to be made */
    size_t n_texts;
    double w, h; /* with title and padding when it is a body */
    double x, y; /* a body's place in its node */
};

/* outer: per value of g, the constant of an outer graph it stands for (NULL: none); may itself be NULL. */
void scene_make(const view_graph *g, const view_value *const *outer, const char *title, scene *out);
void scene_free(scene *s);
double text_width_px(const char *s, double size);

#endif
