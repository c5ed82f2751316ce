/*
 * mutate_model.c -- mutates bytes as an ONNX model: reads it, changes one to three fields, writes it again.
 *
 * libFuzzer calls LLVMFuzzerCustomMutator instead of its own mutation of bytes; what is no model, and one input in
 * thirty-two, is left to that one.
 */
#include "onnx/onnx.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed);

enum { MOST = 2048 };

typedef struct parts { /* what there is to change */
    onnx_node *node[MOST];
    onnx_attr *attr[MOST];
    onnx_tensor *tensor[MOST];
    onnx_value_info *value[MOST];
    str name[MOST];
    size_t n_node, n_attr, n_tensor, n_value, n_name;
    onnx_model *m;
    uint64_t random;
} parts;

static uint32_t draw(parts *p, uint32_t below) {
    p->random = p->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((p->random >> 33) % below);
}

static int64_t number(parts *p) {
    static const int64_t odd[] = {0,       1,         -1,           2,         3,         7,         16,
                                  1 << 20, INT32_MAX, 1ll << 31,    1ll << 40, 1ll << 62, INT64_MAX, INT64_MIN,
                                  -2,      1000,      INT64_MIN + 1};
    return draw(p, 2) ? odd[draw(p, sizeof odd / sizeof odd[0])] : (int64_t)draw(p, 12) - 4;
}

static float real(parts *p) {
    static const float odd[] = {0, -0.0f, 1, -1, 0.5f, 1e30f, -1e30f, 1e-40f, __builtin_inff(), -__builtin_inff()};
    return draw(p, 8) ? odd[draw(p, sizeof odd / sizeof odd[0])] : __builtin_nanf("");
}

/* ---- what there is ---- */

static void collect_name(parts *p, str name) {
    if (p->n_name < MOST) p->name[p->n_name++] = name;
}

static void collect_graph(parts *p, onnx_graph *g, int depth);

static void collect_node(parts *p, onnx_node *n, int depth) {
    if (p->n_node < MOST) p->node[p->n_node++] = n;
    for (size_t i = 0; i < n->n_outputs; i++) collect_name(p, n->outputs[i]);
    for (size_t i = 0; i < n->n_attrs; i++) {
        onnx_attr *a = &n->attrs[i];
        if (p->n_attr < MOST) p->attr[p->n_attr++] = a;
        if (a->t && p->n_tensor < MOST) p->tensor[p->n_tensor++] = a->t;
        if (a->g) collect_graph(p, a->g, depth + 1);
    }
}

static void collect_values(parts *p, onnx_value_info *v, size_t n) {
    for (size_t i = 0; i < n && p->n_value < MOST; i++) {
        p->value[p->n_value++] = &v[i];
        collect_name(p, v[i].name);
    }
}

static void collect_graph(parts *p, onnx_graph *g, int depth) {
    if (depth > 8) return;
    collect_values(p, g->inputs, g->n_inputs);
    collect_values(p, g->outputs, g->n_outputs);
    collect_values(p, g->value_infos, g->n_value_infos);
    for (size_t i = 0; i < g->n_initializers && p->n_tensor < MOST; i++) p->tensor[p->n_tensor++] = &g->initializers[i];
    for (size_t i = 0; i < g->n_nodes; i++) collect_node(p, &g->nodes[i], depth);
}

/* ---- changes ---- */

static void change_wiring(parts *p) {
    if (!p->n_node) return;
    onnx_node *n = p->node[draw(p, (uint32_t)p->n_node)];
    uint32_t kind = draw(p, 7);
    if (kind < 3 && n->n_inputs && p->n_name) {
        n->inputs[draw(p, (uint32_t)n->n_inputs)] = p->name[draw(p, (uint32_t)p->n_name)];
    } else if (kind == 3 && n->n_inputs > 1) {
        uint32_t a = draw(p, (uint32_t)n->n_inputs), b = draw(p, (uint32_t)n->n_inputs);
        str kept = n->inputs[a];
        n->inputs[a] = n->inputs[b];
        n->inputs[b] = kept;
    } else if (kind == 4 && n->n_inputs) {
        n->inputs[draw(p, (uint32_t)n->n_inputs)].n = 0;
    } else if (kind == 5 && n->n_inputs) {
        n->n_inputs--;
    } else if (n->n_outputs > 1) {
        n->n_outputs--;
    }
}

/* clang-format off */
static const char *const other_operators[] = {
    "Add", "MatMul", "Conv", "ConvTranspose", "Gemm", "Reshape", "Expand", "Tile", "Pad", "Slice", "Gather",
    "GatherND", "Concat", "ScatterND", "Split", "GatherElements", "TopK", "NonZero", "Unique", "Resize", "Range",
    "Where", "OneHot", "ScatterElements", "LSTM", "GRU", "Softmax", "ReduceSum", "CumSum", "MaxPool", "Cast",
    "ConstantOfShape", "Einsum", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "ReduceMax", "ArgMax",
    "AveragePool", "Compress", "Trilu", "EyeLike", "ReverseSequence", "Col2Im", "DFT", "STFT", "GridSample",
    "RoiAlign", "MaxUnpool", "Shape", "Size", "Identity", "Dropout", "BitShift", "QuantizeLinear", "DepthToSpace",
    "Loop", "If", "Scan", "Mod", "Pow", "Div", "DequantizeLinear", "LayerNormalization", "BatchNormalization",
    "InstanceNormalization", "GroupNormalization", "Attention",
};
/* clang-format on */

static void change_operator(parts *p) {
    const uint32_t n = sizeof other_operators / sizeof other_operators[0];
    if (p->n_node) p->node[draw(p, (uint32_t)p->n_node)]->op_type = str_of(other_operators[draw(p, n)]);
}

static void change_attr(parts *p) {
    if (!p->n_attr) return;
    onnx_attr *a = p->attr[draw(p, (uint32_t)p->n_attr)];
    if (!draw(p, 12)) a->type = (int32_t)draw(p, 15);
    switch (a->type) {
    case ONNX_ATTR_INT:
        a->i = number(p);
        break;
    case ONNX_ATTR_FLOAT:
        a->f = real(p);
        break;
    case ONNX_ATTR_INTS:
        if (a->n_ints && draw(p, 4))
            a->ints[draw(p, (uint32_t)a->n_ints)] = number(p);
        else if (a->n_ints)
            a->n_ints--;
        break;
    case ONNX_ATTR_FLOATS:
        if (a->n_floats) a->floats[draw(p, (uint32_t)a->n_floats)] = real(p);
        break;
    case ONNX_ATTR_STRING:
        if (a->s.n) a->s.n--;
        break;
    default:
        break;
    }
}

/* Raw data is a view into the input: a changed copy goes into the arena. */
static void change_data(parts *p, onnx_tensor *t) {
    if (!t->raw.n || t->raw.n > 1 << 16) return;
    uint8_t *copy = arena_copy(&p->m->store.mem, t->raw.p, t->raw.n);
    if (!copy) return;
    t->raw.p = copy;
    if (t->data_type == SARD_I64 && t->raw.n >= 8) {
        int64_t v = number(p);
        memcpy(copy + 8 * draw(p, (uint32_t)(t->raw.n / 8)), &v, 8);
    } else if (t->data_type == SARD_F32 && t->raw.n >= 4) {
        float v = real(p);
        memcpy(copy + 4 * draw(p, (uint32_t)(t->raw.n / 4)), &v, 4);
    } else {
        copy[draw(p, (uint32_t)t->raw.n)] = (uint8_t)draw(p, 256);
    }
}

static void change_tensor(parts *p) {
    if (!p->n_tensor) return;
    onnx_tensor *t = p->tensor[draw(p, (uint32_t)p->n_tensor)];
    uint32_t kind = draw(p, 8);
    if (kind == 0) t->data_type = (int32_t)draw(p, 30);
    if (kind == 1 && t->n_dims) t->dims[draw(p, (uint32_t)t->n_dims)] = number(p);
    if (kind == 2 && t->n_dims) t->n_dims--;
    if (kind == 3 && t->n_dims > 1) { /* another shape of the same size */
        uint32_t a = draw(p, (uint32_t)t->n_dims);
        int64_t kept = t->dims[a];
        t->dims[a] = t->dims[0];
        t->dims[0] = kept;
    }
    if (kind > 3) change_data(p, t);
}

static void change_value(parts *p) {
    if (!p->n_value) return;
    onnx_type *t = p->value[draw(p, (uint32_t)p->n_value)]->type;
    if (!t) return;
    uint32_t kind = draw(p, 6);
    if (kind == 0) t->elem_type = (int32_t)draw(p, 18);
    if (!t->shape || !t->shape->n_dims) return;
    onnx_dim *d = &t->shape->dims[draw(p, (uint32_t)t->shape->n_dims)];
    if (kind == 1) t->shape = NULL;
    if (kind == 2) t->shape->n_dims--;
    if (kind == 3) d->kind = ONNX_DIM_UNKNOWN;
    if (kind > 3) {
        d->kind = ONNX_DIM_VALUE;
        d->value = draw(p, 2) ? (int64_t)draw(p, 5) : number(p);
    }
}

static void change_lists(parts *p) {
    onnx_graph *g = p->m->graph;
    uint32_t kind = draw(p, 5);
    if (kind == 0 && g->n_nodes > 1) g->n_nodes--;
    if (kind == 1 && g->n_inputs) g->n_inputs--;
    if (kind == 2 && g->n_initializers) g->n_initializers--;
    if (kind == 3 && g->n_outputs > 1) g->n_outputs--;
    if (kind == 4 && p->m->n_opsets) p->m->opsets[0].version = draw(p, 30);
}

static void change(parts *p) {
    static void (*const changes[])(parts *) = {change_wiring, change_wiring, change_operator, change_attr,
                                               change_attr,   change_attr,   change_tensor,   change_tensor,
                                               change_value,  change_lists};
    changes[draw(p, sizeof changes / sizeof changes[0])](p);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed) {
    static parts p;
    onnx_model m;
    sard_error err;
    memset(&p, 0, sizeof p);
    p.random = seed;
    if (!draw(&p, 32) || onnx_read(data, n, &m, &err) != SARD_OK) return LLVMFuzzerMutate(data, n, max);
    p.m = &m;
    collect_graph(&p, m.graph, 0);
    for (uint32_t k = 1 + draw(&p, 3); k > 0; k--) change(&p);
    uint8_t *out;
    size_t out_n;
    if (onnx_write_mem(&m, NULL, &out, &out_n, &err) == SARD_OK) {
        if (out_n <= max) {
            memcpy(data, out, out_n);
            n = out_n;
        }
        mem_free(out);
    }
    onnx_model_deinit(&m);
    return n;
}
