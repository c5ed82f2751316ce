/*
 * SequenceMap -- runs its body for each element of a sequence; what the body gives becomes the elements of the outputs.
 * Further inputs are sequences of the same length, whose elements go along, or tensors that every iteration is given.
 */
#include "ops/sequence.h"

#define TYPES (DT_INT | DT_COMPLEX | DT_BOOL | DT_STRING | DT(SARD_F16) | DT(SARD_F32) | DT(SARD_F64))
static const attr_def map_attrs[] = {ATTR_REQ("body", ATTR_GRAPH)};
static const formal map_in[] = {
    {.name = "input_sequence", .types = TYPES, .kinds = K_SEQ},
    {.name = "additional_inputs",
     .types = TYPES,
     .flags = F_VARIADIC | F_OPTIONAL | F_MIXED,
     .kinds = K_SEQ | K_TENSOR},
};
static const formal map_out[] = {
    {.name = "out_sequence", .types = TYPES, .flags = F_VARIADIC | F_MIXED, .kinds = K_SEQ},
};

static sard_status infer(infer_ctx *c, sard_error *err) {
    const graph *body = node_body(c->g, c->node, 0);
    FAIL_IF(body->n_inputs != c->n_in, err, SARD_INVALID_MODEL, "the body has %u inputs; the node gives it %u",
            body->n_inputs, c->n_in);
    FAIL_IF(c->n_out > body->n_outputs, err, SARD_INVALID_MODEL, "the node has %u outputs, the body gives %u", c->n_out,
            body->n_outputs);
    vtype *in = arena_calloc(c->mem, c->n_in + 1, sizeof *in);
    vtype *out = arena_calloc(c->mem, body->n_outputs + 1, sizeof *out);
    if (!in || !out) return err_nomem(err, (c->n_in + body->n_outputs) * sizeof *in);
    for (uint32_t i = 0; i < c->n_in; i++) {
        in[i] = *c->in[i];
        if (in[i].kind != SARD_KIND_SEQUENCE) continue;
        in[i] = type_inside(c, c->in[i]);
        if (in[i].kind == SARD_KIND_TENSOR) in[i] = type_tensor((sard_dtype)in[i].dtype, -1, NULL);
    }
    TRY(c->body(c, 0, in, c->n_in, out, body->n_outputs, err));
    for (uint32_t i = 0; i < c->n_out; i++) TRY(infer_holder(c, i, SARD_KIND_SEQUENCE, &out[i], err));
    return SARD_OK;
}

typedef struct mapping {
    op_ctx *c;
    uint32_t n_in, n_out;   /* of the body */
    size_t length, done;    /* iterations */
    sard_value **in, **own; /* borrowed inputs of an iteration; tensors every iteration is given (references) */
    sard_value **out;       /* [n_out] of one iteration */
    sard_value **items;     /* [n_out][length] */
} mapping;

static sard_status read_inputs(mapping *m, sard_error *err) {
    const sard_value *seq;
    TRY(sequence_in(m->c, 0, &seq, err));
    m->length = seq->seq.n;
    for (uint32_t i = 1; i < m->n_in; i++) {
        const sard_value *v = op_in_value(m->c, i);
        if (!v || v->kind != SARD_KIND_SEQUENCE) {
            TRY(op_own(m->c, i, &m->own[i], err));
            continue;
        }
        FAIL_IF(v->seq.n != m->length, err, SARD_INVALID_ARGUMENT,
                "input %u is a sequence of %zu elements, input 0 of %zu", i, v->seq.n, m->length);
    }
    return SARD_OK;
}

static sard_status iterate(mapping *m, sard_error *err) {
    char text[200];
    for (; m->done < m->length; m->done++) {
        for (uint32_t i = 0; i < m->n_in; i++)
            m->in[i] = m->own[i] ? m->own[i] : op_in_value(m->c, i)->seq.items[m->done];
        TRY(op_body(m->c, 0, m->in, m->n_in, m->out, m->n_out, err));
        for (uint32_t k = 0; k < m->n_out; k++) m->items[k * m->length + m->done] = m->out[k], m->out[k] = NULL;
        for (uint32_t k = 0; k < m->n_out; k++) {
            const sard_value *v = m->items[k * m->length + m->done], *first = m->items[k * m->length];
            FAIL_IF(!value_is_tensor(v) || v->t.dtype != first->t.dtype, err, SARD_RUNTIME,
                    "output %u of the body is %s for element %zu; one kind of tensor is needed", k,
                    value_text(v, text, sizeof text), m->done);
        }
    }
    return SARD_OK;
}

static sard_status give(mapping *m, sard_error *err) {
    const graph *body = node_body(op_graph(m->c), op_node(m->c), 0);
    for (uint32_t k = 0; k < op_n_out(m->c); k++) {
        sard_value **items = m->items + k * m->length, *seq;
        sard_dtype t = m->length ? (sard_dtype)items[0]->t.dtype
                                 : type_elem_dtype(body->mod, &body->values[body->outputs[k]].type);
        sard_status s = value_sequence(items, m->length, t, &seq, err);
        for (size_t i = 0; i < m->length; i++) items[i] = NULL;
        if (s == SARD_OK) s = op_give(m->c, k, seq, err);
        if (s != SARD_OK) return s;
    }
    return SARD_OK;
}

static sard_status start(mapping *m, sard_error *err) {
    TRY(read_inputs(m, err));
    FAIL_IF(m->length > SIZE_MAX / sizeof *m->items / (m->n_out + 1), err, SARD_LIMIT, "a sequence of %zu elements",
            m->length);
    m->items = mem_calloc(m->length * m->n_out + 1, sizeof *m->items);
    if (!m->items) return err_nomem(err, m->length * m->n_out * sizeof *m->items);
    TRY(iterate(m, err));
    return give(m, err);
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const graph *body = node_body(op_graph(c), op_node(c), 0);
    mapping m = {.c = c, .n_in = body->n_inputs, .n_out = body->n_outputs};
    m.in = mem_calloc(m.n_in + 1, sizeof *m.in);
    m.own = mem_calloc(m.n_in + 1, sizeof *m.own);
    m.out = mem_calloc(m.n_out + 1, sizeof *m.out);
    sard_status s = m.in && m.own && m.out ? start(&m, err) : err_nomem(err, (m.n_in + m.n_out) * sizeof *m.in);
    for (uint32_t i = 0; m.own && i < m.n_in; i++) sard_value_unref(m.own[i]);
    for (size_t i = 0; m.items && i < m.length * m.n_out; i++) sard_value_unref(m.items[i]);
    mem_free(m.in), mem_free(m.own), mem_free(m.out), mem_free(m.items);
    return s;
}

const op_def op_sequencemap = {
    .domain = "",
    .name = "SequenceMap",
    .doc = "runs a body for each element of a sequence",
    OP_SINCE(17),
    OP_ATTRS(map_attrs),
    OP_IN(map_in),
    OP_OUT(map_out),
    .flags = OP_BODY,
    .infer = infer,
    .run = run,
};
