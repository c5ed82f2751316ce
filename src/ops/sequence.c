/*
 * sequence.c -- SequenceConstruct, SequenceEmpty, SequenceInsert, SequenceErase, SequenceAt, SequenceLength.
 *
 * A sequence holds references, so these operators move no elements: a new sequence shares those of the old one. Only a
 * tensor that lies in the run's own memory is copied once, when it enters a sequence.
 */
#include "ops/sequence.h"

#define TYPES (DT_INT | DT_COMPLEX | DT_BOOL | DT_STRING | DT(SARD_F16) | DT(SARD_F32) | DT(SARD_F64))
#define POSITION                                                                                                       \
    { .name = "position", .types = DT(SARD_I32) | DT(SARD_I64), .flags = F_OPTIONAL }
static const formal seq_in[] = {{.name = "input_sequence", .var = "S", .types = TYPES, .kinds = K_SEQ}};
static const formal seq_out[] = {{.name = "output_sequence", .var = "S", .types = TYPES, .kinds = K_SEQ}};

/* ---- shared -------------------------------------------------------------------------------------------------------- */

vtype type_inside(const infer_ctx *c, const vtype *t) {
    const module *m = c->g->mod;
    return t && t->elem < m->n_types ? m->types[t->elem] : type_unknown();
}

/* Planning a run makes no new types: the output keeps the one it was given at load. */
static sard_status set_holder(infer_ctx *c, uint32_t i, sard_kind kind, const vtype *elem, sard_error *err) {
    c->out[i] = type_unknown();
    c->out[i].kind = (uint8_t)kind;
    if (c->mod) return elem->kind ? mod_type(c->mod, elem, &c->out[i].elem, err) : SARD_OK;
    const value_id v = node_out(c->g, c->node, i);
    if (v != NO_ID && c->g->values[v].type.kind == kind) c->out[i].elem = c->g->values[v].type.elem;
    return SARD_OK;
}

sard_status infer_holder(infer_ctx *c, uint32_t i, sard_kind kind, const vtype *elem, sard_error *err) {
    vtype e = *elem;
    if (e.kind == SARD_KIND_TENSOR) e = type_tensor((sard_dtype)e.dtype, -1, NULL);
    return set_holder(c, i, kind, &e, err);
}

sard_status infer_sequence(infer_ctx *c, uint32_t i, sard_dtype t, sard_error *err) {
    const vtype elem = type_tensor(t, -1, NULL);
    return set_holder(c, i, SARD_KIND_SEQUENCE, &elem, err);
}

sard_status sequence_in(op_ctx *c, uint32_t i, const sard_value **out, sard_error *err) {
    char text[200];
    *out = op_in_value(c, i);
    FAIL_IF(!*out || (*out)->kind != SARD_KIND_SEQUENCE, err, SARD_INVALID_ARGUMENT,
            "input %u is %s; a sequence is needed", i, value_text(*out, text, sizeof text));
    return SARD_OK;
}

sard_status sequence_tensor(const sard_value *seq, size_t k, sard_value **out, sard_error *err) {
    char text[200];
    sard_value *v = seq->seq.items[k];
    FAIL_IF(!value_is_tensor(v), err, SARD_RUNTIME, "element %zu of the sequence is %s; a tensor is needed", k,
            value_text(v, text, sizeof text));
    *out = v;
    return SARD_OK;
}

sard_status give_shared(op_ctx *c, uint32_t i, sard_value *v, sard_error *err) {
    if (!value_is_tensor(v) || (v->t.buf && tensor_is_row(&v->t))) return op_give(c, i, sard_value_ref(v), err);
    sard_value *copy;
    shape s = shape_of(&v->t);
    TRY(op_new_tensor(c, (sard_dtype)v->t.dtype, &s, &copy, err));
    if (v->t.buf) tensor_copy_data(tensor_data(&copy->t), &v->t);
    return op_give(c, i, copy, err);
}

/* The position input i says, counted from the start; `last` is the largest allowed one (-1: there is none). Absent: the
 * end of the sequence. */
static sard_status read_position(op_ctx *c, uint32_t i, size_t n, bool insert, size_t *out, sard_error *err) {
    const tensor *t = op_in(c, i);
    const int64_t top = (int64_t)n - !insert;
    *out = insert ? n : n - 1;
    if (t) {
        FAIL_IF(tensor_count(t) != 1, err, SARD_INVALID_ARGUMENT, "position has %lld elements; 1 is needed",
                (long long)tensor_count(t));
        int64_t k = tensor_get_i64(t, 0);
        FAIL_IF(k < -(int64_t)n || k > top, err, SARD_INVALID_ARGUMENT,
                "position is %lld; the sequence has %zu elements", (long long)k, n);
        *out = (size_t)(k < 0 ? k + (int64_t)n : k);
    }
    FAIL_IF(!insert && !n, err, SARD_INVALID_ARGUMENT, "the sequence has no elements");
    return SARD_OK;
}

/* ---- SequenceConstruct, SequenceEmpty ------------------------------------------------------------------------------ */

static const formal construct_in[] = {{.name = "inputs", .var = "T", .types = TYPES, .flags = F_VARIADIC}};

static sard_status infer_construct(infer_ctx *c, sard_error *err) {
    return infer_sequence(c, 0, (sard_dtype)c->in[0]->dtype, err);
}

static sard_status run_construct(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    uint32_t n = op_n_in(c), k = 0;
    void *mem;
    TRY(op_scratch(c, n * sizeof(sard_value *), &mem, err));
    sard_value **items = mem, *seq;
    sard_status s = SARD_OK;
    for (; k < n && s == SARD_OK; k++) s = op_own(c, k, &items[k], err);
    if (s != SARD_OK) {
        while (--k) sard_value_unref(items[k - 1]);
        return s;
    }
    TRY(value_sequence(items, n, (sard_dtype)op_in(c, 0)->dtype, &seq, err));
    return op_give(c, 0, seq, err);
}

const op_def op_sequenceconstruct = {
    .domain = "",
    .name = "SequenceConstruct",
    .doc = "a sequence of the inputs",
    OP_SINCE(11),
    OP_IN(construct_in),
    OP_OUT(seq_out),
    .infer = infer_construct,
    .run = run_construct,
};

enum { DTYPE };
static const attr_def empty_attrs[] = {ATTR_I("dtype", SARD_F32)};

static sard_status infer_empty(infer_ctx *c, sard_error *err) {
    int64_t t = infer_attr(c, DTYPE)->i;
    FAIL_IF(t < 0 || t >= SARD_DTYPE_COUNT || !dtype_in((int)t, TYPES), err, SARD_INVALID_MODEL,
            "attribute 'dtype' is %lld, which is no element type of sequences", (long long)t);
    return infer_sequence(c, 0, (sard_dtype)t, err);
}

static sard_status run_empty(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    sard_value *seq;
    TRY(value_sequence(NULL, 0, (sard_dtype)op_attr(c, DTYPE)->i, &seq, err));
    return op_give(c, 0, seq, err);
}

const op_def op_sequenceempty = {
    .domain = "",
    .name = "SequenceEmpty",
    .doc = "a sequence without elements",
    OP_SINCE(11),
    OP_ATTRS(empty_attrs),
    OP_OUT(seq_out),
    .infer = infer_empty,
    .run = run_empty,
};

/* ---- SequenceInsert, SequenceErase --------------------------------------------------------------------------------- */

static const formal insert_in[] = {
    {.name = "input_sequence", .var = "S", .types = TYPES, .kinds = K_SEQ},
    {.name = "tensor", .var = "T", .types = TYPES},
    POSITION,
};
static const formal erase_in[] = {{.name = "input_sequence", .var = "S", .types = TYPES, .kinds = K_SEQ}, POSITION};

static sard_status infer_like_sequence(infer_ctx *c, sard_error *err) {
    vtype elem = type_inside(c, c->in[0]);
    if (!elem.kind && c->node->op->n_in == OP_COUNT(insert_in)) elem = *c->in[1];
    sard_dtype t = (sard_dtype)elem.dtype;
    FAIL_IF(c->node->op->n_in == OP_COUNT(insert_in) && t && c->in[1]->dtype && t != c->in[1]->dtype, err,
            SARD_INVALID_MODEL, "a tensor of %s is inserted into a sequence of %s", dtype_short(c->in[1]->dtype),
            dtype_short(t));
    return infer_holder(c, 0, SARD_KIND_SEQUENCE, &elem, err);
}

/* A sequence that shares seq's elements: without the one at `drop` (none: SIZE_MAX), with `extra` (taken over; NULL:
 * none) at `at`. */
static sard_status edited(op_ctx *c, const sard_value *seq, size_t drop, sard_value *extra, size_t at,
                          sard_error *err) {
    size_t n = seq->seq.n + (extra != NULL) - (drop != SIZE_MAX), k = 0;
    void *mem;
    sard_status s = op_scratch(c, n * sizeof(sard_value *), &mem, err);
    if (s != SARD_OK) {
        sard_value_unref(extra);
        return s;
    }
    sard_value **items = mem, *out;
    for (size_t i = 0; i <= seq->seq.n; i++) {
        if (extra && i == at) items[k++] = extra;
        if (i < seq->seq.n && i != drop) items[k++] = sard_value_ref(seq->seq.items[i]);
    }
    sard_dtype t = extra && value_is_tensor(extra) ? (sard_dtype)extra->t.dtype : (sard_dtype)seq->dtype;
    TRY(value_sequence(items, n, t, &out, err));
    return op_give(c, 0, out, err);
}

static sard_status run_insert(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const sard_value *seq;
    const tensor *x = op_in(c, 1);
    sard_value *extra, *first;
    size_t at;
    TRY(sequence_in(c, 0, &seq, err));
    TRY(read_position(c, 2, seq->seq.n, true, &at, err));
    FAIL_IF(seq->dtype && seq->dtype != x->dtype, err, SARD_INVALID_ARGUMENT,
            "a tensor of %s is inserted into a sequence of %s", dtype_short(x->dtype), dtype_short(seq->dtype));
    if (seq->seq.n) {
        TRY(sequence_tensor(seq, 0, &first, err));
        FAIL_IF(first->t.dtype != x->dtype, err, SARD_INVALID_ARGUMENT,
                "a tensor of %s is inserted into a sequence of %s", dtype_short(x->dtype), dtype_short(first->t.dtype));
    }
    TRY(op_own(c, 1, &extra, err));
    return edited(c, seq, SIZE_MAX, extra, at, err);
}

const op_def op_sequenceinsert = {
    .domain = "",
    .name = "SequenceInsert",
    .doc = "a sequence with one more tensor",
    OP_SINCE(11),
    OP_IN(insert_in),
    OP_OUT(seq_out),
    .infer = infer_like_sequence,
    .run = run_insert,
};

static sard_status run_erase(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const sard_value *seq;
    size_t at;
    TRY(sequence_in(c, 0, &seq, err));
    TRY(read_position(c, 1, seq->seq.n, false, &at, err));
    return edited(c, seq, at, NULL, 0, err);
}

const op_def op_sequenceerase = {
    .domain = "",
    .name = "SequenceErase",
    .doc = "a sequence without one of its elements",
    OP_SINCE(11),
    OP_IN(erase_in),
    OP_OUT(seq_out),
    .infer = infer_like_sequence,
    .run = run_erase,
};

/* ---- SequenceAt, SequenceLength ------------------------------------------------------------------------------------ */

static const formal at_in[] = {
    {.name = "input_sequence", .var = "S", .types = TYPES, .kinds = K_SEQ},
    {.name = "position", .types = DT(SARD_I32) | DT(SARD_I64)},
};
static const formal at_out[] = {{.name = "tensor", .types = TYPES}};
static const formal length_out[] = {{.name = "length", .types = DT(SARD_I64)}};

static sard_status infer_at(infer_ctx *c, sard_error *err) {
    (void)err;
    c->out[0] = type_tensor((sard_dtype)type_inside(c, c->in[0]).dtype, -1, NULL);
    return SARD_OK;
}

static sard_status run_at(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const sard_value *seq;
    sard_value *v;
    size_t at;
    TRY(sequence_in(c, 0, &seq, err));
    TRY(read_position(c, 1, seq->seq.n, false, &at, err));
    TRY(sequence_tensor(seq, at, &v, err));
    return give_shared(c, 0, v, err);
}

const op_def op_sequenceat = {
    .domain = "",
    .name = "SequenceAt",
    .doc = "one element of a sequence",
    OP_SINCE(11),
    OP_IN(at_in),
    OP_OUT(at_out),
    .flags = OP_DATA_SHAPE,
    .infer = infer_at,
    .run = run_at,
};

static sard_status infer_length(infer_ctx *c, sard_error *err) {
    (void)err;
    c->out[0] = type_tensor(SARD_I64, 0, NULL);
    return SARD_OK;
}

static sard_status run_length(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const sard_value *seq;
    tensor *y;
    const shape s = {0};
    TRY(sequence_in(c, 0, &seq, err));
    TRY(op_out(c, 0, SARD_I64, &s, &y, err));
    *TENSOR_AT(y, int64_t) = (int64_t)seq->seq.n;
    return SARD_OK;
}

const op_def op_sequencelength = {
    .domain = "",
    .name = "SequenceLength",
    .doc = "how many elements a sequence has",
    OP_SINCE(11),
    OP_IN(seq_in),
    OP_OUT(length_out),
    .infer = infer_length,
    .run = run_length,
};
