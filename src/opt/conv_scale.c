/*
 * conv_scale.c -- a convolution followed by constants per output channel (what batch normalisation becomes): a factor
 * goes into the weights, a summand into the bias.
 *
 * A factor, and a summand where there is a bias already, change the arithmetic (products are rounded elsewhere): that is
 * why this is a pass of level extended. A summand that becomes the only bias keeps the bits.
 */
#include "opt/pass.h"

/* The constant operand of a binary node on `x`, when it is one number or one per channel of y's axis 1. */
static const tensor *per_channel(const graph *g, const node *n, value_id x, const vtype *y) {
    value_id other = node_in(g, n, 0) == x ? node_in(g, n, 1) : node_in(g, n, 0);
    const tensor *t = const_of(g, other);
    if (!t || other == x || t->dtype != SARD_F32 || y->rank < 3 || t->rank > y->rank || !dim_known(y->dim[1]))
        return NULL;
    int lead = y->rank - t->rank;
    for (int i = 0; i < t->rank; i++)
        if (t->dim[i] != 1 && (i + lead != 1 || t->dim[i] != y->dim[1])) return NULL;
    return t;
}

/* Takes over the tensor. */
static sard_status new_constant(graph *g, tensor *t, value_id *out, sard_error *err) {
    sard_value *v;
    TRY(value_tensor(t, &v, err));
    return graph_const_value(g, 0, v, out, err);
}

static float at(const tensor *t, int64_t channel) {
    float x;
    memcpy(&x, TENSOR_AT(t, float) + (tensor_count(t) == 1 ? 0 : channel), sizeof x); /* at any byte of the file */
    return x;
}

/* Weights [oc, ...] (or, transposed, [c, oc / group, ...]) times one factor per output channel. */
static sard_status scaled_weights(graph *g, const tensor *w, const tensor *factor, bool transposed, int64_t group,
                                  value_id *out, sard_error *err) {
    tensor t;
    shape s = shape_of(w);
    TRY(tensor_new(&t, SARD_F32, &s, err));
    int64_t inner = dims_count(w->dim + (transposed ? 2 : 1), w->rank - (transposed ? 2 : 1));
    int64_t rows = inner ? tensor_count(w) / inner : 0;
    const float *from = tensor_data(w);
    float *to = tensor_data(&t);
    for (int64_t r = 0; r < rows; r++, from += inner, to += inner) {
        int64_t o = r;
        if (transposed) o = r / w->dim[1] / (w->dim[0] / group) * w->dim[1] + r % w->dim[1];
        float f = at(factor, o);
        memcpy(to, from, (size_t)inner * sizeof *to); /* weights lie at any byte of the file */
        for (int64_t i = 0; i < inner; i++) to[i] *= f;
    }
    return new_constant(g, &t, out, err);
}

static sard_status new_bias(graph *g, const tensor *old, const tensor *c, int code, int64_t channels, value_id *out,
                            sard_error *err) {
    tensor t;
    shape s = {.rank = 1, .dim = {channels}};
    TRY(tensor_new(&t, SARD_F32, &s, err));
    for (int64_t i = 0; i < channels; i++) {
        float b = old ? TENSOR_AT(old, float)[i] : 0, k = at(c, i);
        TENSOR_AT(&t, float)[i] = code == '*' ? b * k : code == '-' ? (old ? b - k : -k) : old ? b + k : k;
    }
    return new_constant(g, &t, out, err);
}

static sard_status absorb(pass *p, graph *g, node_id conv, node_id next, const tensor *c, int code) {
    const node n = g->nodes[conv];
    value_id w = node_in(g, &n, 1), b = node_in(g, &n, 2), y = node_out(g, &g->nodes[next], 0), made;
    const tensor *tw = const_of(g, w), *tb = b == NO_ID ? NULL : const_of(g, b);
    bool transposed = is_op(&n, "ConvTranspose");
    int64_t group = 1, channels = g->values[node_out(g, &n, 0)].type.dim[1];
    for (uint32_t i = 0; i < n.n_attrs; i++)
        if (strcmp(mod_str(g->mod, n.attrs[i].name), "group") == 0) group = n.attrs[i].i;
    value_id in[3] = {node_in(g, &n, 0), w, b};
    if (code == '*') TRY(scaled_weights(g, tw, c, transposed, group, &in[1], p->err));
    if (code != '*' || tb) {
        TRY(new_bias(g, tb, c, code, channels, &made, p->err));
        in[2] = made;
    }
    node_id id;
    node_kill(g, conv);
    node_kill(g, next);
    return graph_node(g, n.op, in, in[2] == NO_ID ? 2 : 3, &y, 1, n.attrs, n.n_attrs, NULL, 0, n.origin, &id, p->err);
}

static int code_of(const graph *g, const node *n, value_id x) {
    if (is_op(n, "Mul")) return '*';
    if (is_op(n, "Add")) return '+';
    if (is_op(n, "Sub") && node_in(g, n, 0) == x) return '-';
    return 0;
}

/* The only user of v; NO_ID when there are more or it leaves the graph. */
static node_id only_user(const graph *g, const uint32_t *uses, const node_id *user, value_id v) {
    return uses[v] == 1 && !graph_is_output(g, v) ? user[v] : NO_ID;
}

static sard_status visit(pass *p, graph *g, node_id id, const uint32_t *uses, const node_id *user, bool *did) {
    const node *n = &g->nodes[id];
    if (n->dead || !(is_op(n, "Conv") || is_op(n, "ConvTranspose"))) return SARD_OK;
    value_id y = node_out(g, n, 0), w = node_in(g, n, 1), b = node_in(g, n, 2);
    const tensor *tw = const_of(g, w);
    if (y == NO_ID || !tw || tw->dtype != SARD_F32 || (b != NO_ID && !const_of(g, b))) return SARD_OK;
    node_id next = only_user(g, uses, user, y);
    if (next == NO_ID || g->nodes[next].dead) return SARD_OK;
    int code = code_of(g, &g->nodes[next], y);
    const tensor *c = code ? per_channel(g, &g->nodes[next], y, &g->values[y].type) : NULL;
    value_id z = node_out(g, &g->nodes[next], 0);
    if (!c || z == NO_ID || !same_shape(&g->values[y].type, &g->values[z].type)) return SARD_OK;
    if (!pass_may(p, g, n, "takes the %s per channel behind it into its %s", code == '*' ? "factor" : "summand",
                  code == '*' ? "weights" : "bias"))
        return SARD_OK;
    *did = true;
    return absorb(p, g, id, next, c, code);
}

sard_status pass_conv_scale(pass *p, graph *g) {
    for (bool did = true; did;) { /* one rewrite, then the uses are counted anew */
        did = false;
        uint32_t *uses = mem_calloc(g->n_values + 1, sizeof *uses);
        node_id *user = mem_calloc(g->n_values + 1, sizeof *user);
        sard_status s = uses && user ? SARD_OK : err_nomem(p->err, g->n_values * sizeof *uses);
        if (s == SARD_OK) s = mod_check(g->mod, p->err);
        if (s == SARD_OK) graph_count_uses(g, uses);
        for (uint32_t i = 0; i < g->n_nodes && s == SARD_OK; i++)
            for (uint32_t k = 0; !g->nodes[i].dead && k < g->nodes[i].in.n; k++)
                if (node_in(g, &g->nodes[i], k) != NO_ID) user[node_in(g, &g->nodes[i], k)] = i;
        uint32_t n = g->n_nodes;
        for (uint32_t i = 0; i < n && s == SARD_OK; i++) { /* rewrites of different convolutions do not touch */
            bool one = false;
            if (!g->nodes[i].dead) s = visit(p, g, i, uses, user, &one);
            did |= one;
        }
        mem_free(uses), mem_free(user);
        TRY(s);
    }
    return SARD_OK;
}
