/*
 * labelencoder.c -- tables of keys: LabelEncoder and CategoryMapper give a value for each key, OneHotEncoder a 1 in its
 * place. The table is hashed once: strings interned, numbers by their bits (all NaN alike, -0 as +0).
 *
 *   LabelEncoder 2: lists of keys and values (before: classes_strings, an element's place)    4: tensors
 */
#include "ops/ml.h"

#define LABELS (DT_STRING | DT(SARD_F32) | DT(SARD_F64) | DT(SARD_I16) | DT(SARD_I32) | DT(SARD_I64))

typedef struct keys { /* key -> place */
    strtab names;
    bool strings;
    uint64_t *place; /* per name */
    size_t cap;
    map64 numbers;
} keys;

static uint64_t number_key(double d, int64_t i, bool real) {
    uint64_t u;
    if (!real) return (uint64_t)i;
    if (d != d) return UINT64_C(0x7ff8) << 48;
    if (d == 0) d = 0;
    memcpy(&u, &d, sizeof u);
    return u;
}

static sard_status keys_number(keys *k, uint64_t key, uint64_t place, sard_error *err) {
    return map_put(&k->numbers, key, place) ? err_nomem(err, 64) : SARD_OK;
}

static sard_status keys_string(keys *k, str s, uint64_t place, sard_error *err) {
    str_id id = strtab_add(&k->names, s.p, s.n);
    if (id == STR_FAIL || mem_grow((void **)&k->place, &k->cap, (size_t)id + 1, sizeof *k->place))
        return err_nomem(err, s.n);
    k->place[id] = place;
    return SARD_OK;
}

static sard_status keys_init(keys *k, bool strings, sard_error *err) {
    k->strings = strings;
    if (strtab_init(&k->names)) return err_nomem(err, 64);
    return strings ? keys_string(k, (str){"", 0}, UINT64_MAX, err) : SARD_OK; /* name 0 is there already */
}

static void keys_free(keys *k) {
    strtab_free(&k->names);
    map_free(&k->numbers);
    mem_free(k->place);
}

/* Place of element i of x; UINT64_MAX when it is no key. */
static uint64_t keys_find(const keys *k, const tensor *x, int64_t i, bool whole) {
    uint64_t at = UINT64_MAX;
    if (k->strings) {
        str s = TENSOR_AT(x, str)[i];
        str_id id = strtab_find(&k->names, s.p ? s.p : "", s.n);
        return id == STR_FAIL ? UINT64_MAX : k->place[id];
    }
    bool real = !whole && (x->dtype == SARD_F32 || x->dtype == SARD_F64);
    uint64_t key = real ? number_key(tensor_get_f64(x, i), 0, true) : number_key(0, tensor_get_i64(x, i), false);
    return map_get(&k->numbers, key, &at) ? at : UINT64_MAX;
}

/* ---- LabelEncoder and CategoryMapper ---------------------------------------------------------------------------------- */

typedef struct column { /* keys or values: one of these */
    const attr *strs, *ints, *floats;
    const tensor *t;
    size_t n;
    sard_dtype type;
} column;

static void column_of(const module *m, const attr *strs, const attr *ints, const attr *floats, const attr *t,
                      column *out, int *given) {
    *out = (column){0};
    *given = 0;
    if (strs && strs->type == ATTR_STRINGS)
        *out = (column){.strs = strs, .n = strs->strs.n, .type = SARD_STRING}, ++*given;
    if (ints && ints->type == ATTR_INTS) *out = (column){.ints = ints, .n = ints->ints.n, .type = SARD_I64}, ++*given;
    if (floats && floats->type == ATTR_FLOATS)
        *out = (column){.floats = floats, .n = floats->floats.n, .type = SARD_F32}, ++*given;
    const tensor *c = t && t->type == ATTR_TENSOR ? mod_const_tensor(m, t->tensor) : NULL;
    if (c) *out = (column){.t = c, .n = (size_t)tensor_count(c), .type = (sard_dtype)c->dtype}, ++*given;
}

static str column_str(const column *c, size_t i) { return c->strs ? c->strs->strs.v[i] : TENSOR_AT(c->t, str)[i]; }

static sard_status keys_of(keys *k, const column *c, sard_error *err) {
    TRY(keys_init(k, c->type == SARD_STRING, err));
    for (size_t i = 0; i < c->n; i++) {
        if (c->type == SARD_STRING)
            TRY(keys_string(k, column_str(c, i), i, err));
        else if (c->ints)
            TRY(keys_number(k, number_key(0, c->ints->ints.v[i], false), i, err));
        else if (c->floats)
            TRY(keys_number(k, number_key((double)c->floats->floats.v[i], 0, true), i, err));
        else if (dtype_in(c->type, DT_FLOAT))
            TRY(keys_number(k, number_key(tensor_get_f64(c->t, (int64_t)i), 0, true), i, err));
        else
            TRY(keys_number(k, number_key(0, tensor_get_i64(c->t, (int64_t)i), false), i, err));
    }
    return SARD_OK;
}

/* Element i of a tensor: a string, or a number of its type. */
static void set_number(tensor *y, int64_t i, const column *c, size_t from) {
    if (c->t)
        memcpy(TENSOR_AT(y, char) + (size_t)i * (size_t)dtype_bits(y->dtype) / 8,
               TENSOR_AT(c->t, char) + from * (size_t)dtype_bits(y->dtype) / 8, (size_t)dtype_bits(y->dtype) / 8);
    else if (c->ints)
        TENSOR_AT(y, int64_t)[i] = c->ints->ints.v[from];
    else
        TENSOR_AT(y, float)[i] = c->floats->floats.v[from];
}

typedef struct encoder {
    keys keys;
    column values;
    column other; /* the default: one element of a tensor */
    str other_str;
    int64_t other_int;
    float other_float;
} encoder;

static void encoder_drop(void *state) {
    encoder *e = state;
    if (!e) return;
    keys_free(&e->keys);
    mem_free(e);
}

static sard_status encode(const encoder *e, op_ctx *c, sard_error *err) {
    const tensor *x = op_in(c, 0);
    shape s = shape_of(x);
    tensor *y;
    str *made = NULL;
    bool real = dtype_in(x->dtype, DT(SARD_F32) | DT(SARD_F64));
    TRY(op_out(c, 0, e->values.type, &s, &y, err));
    if (e->values.type == SARD_STRING) { /* each string once; the default is the last one */
        void *mem;
        TRY(op_scratch(c, (e->values.n + 1) * sizeof(str), &mem, err));
        made = memset(mem, 0, (e->values.n + 1) * sizeof(str));
    }
    for (int64_t i = 0, n = tensor_count(x); i < n; i++) {
        uint64_t at = keys_find(&e->keys, x, i, !real);
        bool found = at != UINT64_MAX;
        if (made) {
            str *m = &made[found ? at : e->values.n], from = found ? column_str(&e->values, at) : e->other_str;
            if (!m->p) TRY(op_string(c, from.p, from.n, m, err));
            TENSOR_AT(y, str)[i] = *m;
        } else if (found) {
            set_number(y, i, &e->values, at);
        } else if (e->other.t) {
            set_number(y, i, &e->other, 0);
        } else if (y->dtype == SARD_I64) {
            TENSOR_AT(y, int64_t)[i] = e->other_int;
        } else {
            tensor_set_f64(y, i, dtype_in(y->dtype, DT_FLOAT) ? (double)e->other_float : (double)e->other_int);
        }
    }
    return SARD_OK;
}

static sard_status run_encoder(const void *state, op_ctx *c, sard_error *err) { return encode(state, c, err); }

enum {
    D_FLOAT,
    D_INT,
    D_STRING,
    D_TENSOR,
    K_FLOATS,
    K_INTS,
    K_STRINGS,
    K_TENSOR_,
    V_FLOATS,
    V_INTS,
    V_STRINGS,
    V_TENSOR
};
static const attr_def encoder_attrs[] = {
    ATTR_F("default_float", -0.0f),           ATTR_I("default_int64", -1),
    ATTR_S("default_string", "_Unused"),      ATTR_OPT("default_tensor", ATTR_TENSOR),
    ATTR_OPT("keys_floats", ATTR_FLOATS),     ATTR_OPT("keys_int64s", ATTR_INTS),
    ATTR_OPT("keys_strings", ATTR_STRINGS),   ATTR_OPT("keys_tensor", ATTR_TENSOR),
    ATTR_OPT("values_floats", ATTR_FLOATS),   ATTR_OPT("values_int64s", ATTR_INTS),
    ATTR_OPT("values_strings", ATTR_STRINGS), ATTR_OPT("values_tensor", ATTR_TENSOR),
};
static const formal encoder_in[] = {{.name = "X", .var = "T1", .types = LABELS}};
static const formal encoder_out[] = {{.name = "Y", .var = "T2", .types = LABELS}};

/* classes_strings: a string is encoded by its place, a number back into the string at that place. */
static sard_status upgrade_encoder(draft *d, int since, sard_error *err) {
    const attr *classes = draft_attr(d, "classes_strings");
    if (since >= 2 || !classes || classes->type != ATTR_STRINGS) return SARD_OK;
    size_t n = classes->strs.n;
    bool to_int = draft_in_type(d, 0)->dtype == SARD_STRING;
    int64_t *place = mem_alloc((n + 1) * sizeof *place);
    if (!place) return err_nomem(err, n * sizeof *place);
    for (size_t i = 0; i < n; i++) place[i] = (int64_t)i;
    sard_status s = draft_rename(d, "classes_strings", to_int ? "keys_strings" : "values_strings");
    if (s == SARD_OK) s = draft_set_ints(d, to_int ? "values_int64s" : "keys_int64s", place, n);
    mem_free(place);
    return s;
}

static sard_status encoder_columns(const module *m, const attr *a, column *k, column *v, sard_error *err) {
    int n_keys, n_values;
    column_of(m, &a[K_STRINGS], &a[K_INTS], &a[K_FLOATS], &a[K_TENSOR_], k, &n_keys);
    column_of(m, &a[V_STRINGS], &a[V_INTS], &a[V_FLOATS], &a[V_TENSOR], v, &n_values);
    FAIL_IF(n_keys != 1 || n_values != 1, err, SARD_INVALID_MODEL,
            "%d lists of keys and %d of values are given; one of each is needed", n_keys, n_values);
    FAIL_IF(k->n != v->n, err, SARD_INVALID_MODEL, "there are %zu keys and %zu values", k->n, v->n);
    FAIL_IF(!dtype_in(k->type, LABELS) || !dtype_in(v->type, LABELS), err, SARD_UNSUPPORTED, "labels of type %s or %s",
            sard_dtype_name(k->type), sard_dtype_name(v->type));
    return SARD_OK;
}

/* The type of a column's attributes alone: constants are not there while a run is planned. */
static sard_status infer_encoder(infer_ctx *c, sard_error *err) {
    const attr *a = c->node->attrs;
    TRY(infer_same(c, err));
    const tensor *t = a[V_TENSOR].type == ATTR_TENSOR ? mod_const_tensor(c->g->mod, a[V_TENSOR].tensor) : NULL;
    c->out[0].dtype = (uint8_t)(a[V_STRINGS].type == ATTR_STRINGS ? SARD_STRING
                                : a[V_INTS].type == ATTR_INTS     ? SARD_I64
                                : a[V_FLOATS].type == ATTR_FLOATS ? SARD_F32
                                : t                               ? (sard_dtype)t->dtype
                                                                  : SARD_UNDEFINED);
    return SARD_OK;
}

static sard_status prepare_encoder(op_prep *p, void **state, sard_error *err) {
    const attr *a = p->node->attrs;
    encoder *e = mem_calloc(1, sizeof *e);
    if (!e) return err_nomem(err, sizeof *e);
    *state = e;
    column k;
    int given;
    TRY(encoder_columns(p->mod, a, &k, &e->values, err));
    FAIL_IF(k.type != (sard_dtype)p->in[0]->dtype, err, SARD_INVALID_MODEL, "the keys are of type %s, X is of %s",
            sard_dtype_name(k.type), sard_dtype_name((sard_dtype)p->in[0]->dtype));
    column_of(p->mod, NULL, NULL, NULL, &a[D_TENSOR], &e->other, &given);
    FAIL_IF(given && (e->other.n != 1 || e->other.type != e->values.type), err, SARD_INVALID_MODEL,
            "default_tensor must have one element of type %s", sard_dtype_name(e->values.type));
    e->other_str = given && e->values.type == SARD_STRING ? column_str(&e->other, 0) : a[D_STRING].s;
    e->other_int = a[D_INT].i, e->other_float = a[D_FLOAT].f;
    return keys_of(&e->keys, &k, err);
}

const op_def op_labelencoder = {
    .domain = "ai.onnx.ml",
    .name = "LabelEncoder",
    .doc = "a value for each key",
    OP_SINCE(1, 2, 4),
    OP_ATTRS(encoder_attrs),
    OP_IN(encoder_in),
    OP_OUT(encoder_out),
    .upgrade = upgrade_encoder,
    .infer = infer_encoder,
    .prepare = prepare_encoder,
    .run = run_encoder,
    .drop = encoder_drop,
};

enum { M_INTS, M_STRINGS, M_DEFAULT_INT, M_DEFAULT_STRING };
static const attr_def mapper_attrs[] = {
    ATTR_OPT("cats_int64s", ATTR_INTS),
    ATTR_OPT("cats_strings", ATTR_STRINGS),
    ATTR_I("default_int64", -1),
    ATTR_S("default_string", "_Unused"),
};
static const formal mapper_in[] = {{.name = "X", .var = "T1", .types = DT_STRING | DT(SARD_I64)}};
static const formal mapper_out[] = {{.name = "Y", .var = "T2", .types = DT_STRING | DT(SARD_I64)}};

static sard_status infer_mapper(infer_ctx *c, sard_error *err) {
    TRY(infer_same(c, err));
    c->out[0].dtype = c->in[0]->dtype == SARD_STRING ? SARD_I64 : SARD_STRING;
    return SARD_OK;
}

static sard_status prepare_mapper(op_prep *p, void **state, sard_error *err) {
    const attr *a = p->node->attrs;
    encoder *e = mem_calloc(1, sizeof *e);
    if (!e) return err_nomem(err, sizeof *e);
    *state = e;
    column s = {.strs = &a[M_STRINGS], .n = attr_n_strs(&a[M_STRINGS]), .type = SARD_STRING};
    column i = {.ints = &a[M_INTS], .n = attr_n_ints(&a[M_INTS]), .type = SARD_I64};
    FAIL_IF(s.n != i.n, err, SARD_INVALID_MODEL, "there are %zu strings and %zu integers", s.n, i.n);
    e->values = p->in[0]->dtype == SARD_STRING ? i : s;
    e->other_str = a[M_DEFAULT_STRING].s, e->other_int = a[M_DEFAULT_INT].i;
    return keys_of(&e->keys, p->in[0]->dtype == SARD_STRING ? &s : &i, err);
}

const op_def op_categorymapper = {
    .domain = "ai.onnx.ml",
    .name = "CategoryMapper",
    .doc = "strings to integers and back",
    OP_SINCE(1),
    OP_ATTRS(mapper_attrs),
    OP_IN(mapper_in),
    OP_OUT(mapper_out),
    .infer = infer_mapper,
    .prepare = prepare_mapper,
    .run = run_encoder,
    .drop = encoder_drop,
};

/* ---- OneHotEncoder ---------------------------------------------------------------------------------------------------- */

enum { H_INTS, H_STRINGS, H_ZEROS };
static const attr_def hot_attrs[] = {
    ATTR_OPT("cats_int64s", ATTR_INTS),
    ATTR_OPT("cats_strings", ATTR_STRINGS),
    ATTR_I("zeros", 1),
};
static const formal hot_in[] = {{.name = "X", .var = "T", .types = ML_INPUT | DT_STRING}};
static const formal hot_out[] = {{.name = "Y", .types = DT(SARD_F32)}};

static sard_status infer_hot(infer_ctx *c, sard_error *err) {
    const attr *a = c->node->attrs;
    const vtype *x = c->in[0];
    int64_t dim[MAX_RANK];
    FAIL_IF(x->rank >= MAX_RANK, err, SARD_UNSUPPORTED, "rank %d; at most %d is offered", x->rank + 1, MAX_RANK);
    for (int i = 0; i < x->rank; i++) dim[i] = x->dim[i];
    if (x->rank >= 0) dim[x->rank] = (int64_t)(attr_n_ints(&a[H_INTS]) + attr_n_strs(&a[H_STRINGS]));
    c->out[0] = type_tensor(SARD_F32, x->rank < 0 ? -1 : x->rank + 1, dim);
    return SARD_OK;
}

typedef struct hot {
    keys keys;
    int64_t n;
} hot;

static void drop_hot(void *state) {
    hot *h = state;
    if (h) keys_free(&h->keys);
    mem_free(h);
}

static sard_status prepare_hot(op_prep *p, void **state, sard_error *err) {
    const attr *ints = prep_attr(p, H_INTS), *strs = prep_attr(p, H_STRINGS);
    bool strings = p->in[0]->dtype == SARD_STRING;
    hot *h = mem_calloc(1, sizeof *h);
    if (!h) return err_nomem(err, sizeof *h);
    *state = h;
    FAIL_IF((ints->type == ATTR_INTS) == (strs->type == ATTR_STRINGS), err, SARD_INVALID_MODEL,
            "one of cats_int64s and cats_strings is needed");
    FAIL_IF(strings != (strs->type == ATTR_STRINGS), err, SARD_INVALID_MODEL,
            "the categories and X must both be strings, or numbers");
    column k = {.strs = strings ? strs : NULL, .ints = strings ? NULL : ints, .type = strings ? SARD_STRING : SARD_I64};
    k.n = strings ? strs->strs.n : ints->ints.n;
    h->n = (int64_t)k.n;
    return keys_of(&h->keys, &k, err);
}

static sard_status run_hot(const void *state, op_ctx *c, sard_error *err) {
    const hot *h = state;
    const tensor *x = op_in(c, 0);
    shape s = shape_of(x);
    FAIL_IF(s.rank >= MAX_RANK, err, SARD_UNSUPPORTED, "rank %d; at most %d is offered", s.rank + 1, MAX_RANK);
    s.dim[s.rank++] = h->n;
    tensor *y;
    TRY(op_out(c, 0, SARD_F32, &s, &y, err));
    memset(tensor_data(y), 0, tensor_bytes(y));
    for (int64_t i = 0, n = tensor_count(x); i < n; i++) {
        uint64_t at = keys_find(&h->keys, x, i, true);
        FAIL_IF(at == UINT64_MAX && !op_attr(c, H_ZEROS)->i, err, SARD_RUNTIME,
                "element %lld of X is none of the %lld categories", (long long)i, (long long)h->n);
        if (at != UINT64_MAX) TENSOR_AT(y, float)[i * h->n + (int64_t)at] = 1;
    }
    return SARD_OK;
}

const op_def op_onehotencoder = {
    .domain = "ai.onnx.ml",
    .name = "OneHotEncoder",
    .doc = "1 in the place of a category",
    OP_SINCE(1),
    OP_ATTRS(hot_attrs),
    OP_IN(hot_in),
    OP_OUT(hot_out),
    .infer = infer_hot,
    .prepare = prepare_hot,
    .run = run_hot,
    .drop = drop_hot,
};
