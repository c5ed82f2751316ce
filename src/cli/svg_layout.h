/*
 * svg_layout.h -- boxes in layers, edges between them, and no two things on top of each other.
 */
#ifndef SARD_CLI_SVG_LAYOUT_H
#define SARD_CLI_SVG_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct lay_box {
    double w, h; /* given: with everything that must stay free around it */
    double x, y; /* found: the upper left corner */
} lay_box;

typedef struct lay_target {
    int box;
    double dx; /* where the edge ends on its upper side, from the left */
} lay_target;

typedef struct lay_net { /* one value: from a box to others, all further down */
    int from;
    double dx; /* where it leaves the lower side */
    lay_target *to;
    size_t n_to;
} lay_net;

/* A piece of an edge: a curve from (x0, y0) down to (x1, y1) between two layers, or a vertical line; or, from the foot of
 * one column to the head of the next, a way of straight lines: down to `low`, across to x = `gutter`, up to `high`, across
 * to x1, down to y1. */
typedef struct lay_piece {
    int net;
    double x0, y0, x1, y1;
    bool last;  /* ends at a box */
    bool turns; /* to the next column */
    double low, gutter, high;
} lay_piece;

typedef struct lay_result {
    double w, h;
    lay_piece *pieces;
    size_t n, cap;
} lay_result;

/* Places all boxes in a frame that begins at (0, 0); what would be very tall is cut into columns, like a newspaper. The order of boxes and nets decides ties, nothing else does. */
void lay_out(lay_box *boxes, size_t n_boxes, const lay_net *nets, size_t n_nets, lay_result *out);

#endif
