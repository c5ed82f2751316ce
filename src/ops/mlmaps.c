/*
 * mlmaps.c -- maps: ZipMap makes one of each row, CastMap and DictVectorizer make rows of them.
 *
 * All maps of a ZipMap share one tensor of keys and one block of values. A map's entries are in the order they came in.
 */
#include <stdlib.h>

#include "ops/ml.h"

/* ---- ZipMap ------------------------------------------------------------------------------------------------------------ */

enum { Z_INTS, Z_STRINGS };
static const attr_def zip_attrs[] = {
    ATTR_OPT("classlabels_int64s", ATTR_INTS),
    ATTR_OPT("classlabels_strings", ATTR_STRINGS),
};
static const formal zip_in[] = {{.name = "X", .types = DT(SARD_F32)}};
static const formal zip_out[] = {{.name = "Z", .var = "T", .types = DT_STRING | DT(SARD_I64), .kinds = K_SEQ}};

static sard_status infer_zip(infer_ctx *c, sard_error *err) {
    ml_labels l;
    TRY(ml_labels_of(infer_attr(c, Z_STRINGS), infer_attr(c, Z_INTS), &l, err));
    FAIL_IF(l.n == 0, err, SARD_INVALID_MODEL, "there are no class labels");
    vtype value = type_tensor(SARD_F32, 0, NULL), map = type_unknown(), seq = type_unknown();
    map.kind = SARD_KIND_MAP, map.dtype = (uint8_t)ml_label_type(&l);
    seq.kind = SARD_KIND_SEQUENCE;
    if (c->mod) {
        TRY(mod_type(c->mod, &value, &map.elem, err));
        TRY(mod_type(c->mod, &map, &seq.elem, err));
    }
    c->out[0] = seq;
    return SARD_OK;
}

static sard_status zip_keys(op_ctx *c, const ml_labels *l, sard_value **out, sard_error *err) {
    shape s = {1, {l->n}};
    TRY(op_new_tensor(c, ml_label_type(l), &s, out, err));
    for (int64_t i = 0; i < l->n; i++) {
        if (!l->strings) {
            TENSOR_AT(&(*out)->t, int64_t)[i] = l->ints->ints.v[i];
            continue;
        }
        str t = l->strings->strs.v[i];
        TRY(op_string(c, t.p, t.n, &TENSOR_AT(&(*out)->t, str)[i], err));
    }
    return SARD_OK;
}

/* Row r as a value: a view of the block. */
static sard_status zip_row(const tensor *block, int64_t r, int64_t n, sard_value **out, sard_error *err) {
    tensor t;
    tensor_view(&t, SARD_F32, &(shape){1, {n}}, buffer_ref(block->buf), (size_t)(r * n) * sizeof(float));
    return value_tensor(&t, out, err);
}

/* The values of all rows lie in one block that only they hold, so that thousands of maps cost little and leave the run
 * as they are. */
static sard_status zip_rows(op_ctx *c, sard_value *keys, const float *x, int64_t rows, int64_t n, sard_value **items,
                            sard_error *err) {
    sard_value *block, *values;
    TRY(op_new_tensor(c, SARD_F32, &(shape){2, {rows, n}}, &block, err));
    memcpy(tensor_data(&block->t), x, (size_t)(rows * n) * sizeof *x);
    sard_status s = SARD_OK;
    for (int64_t r = 0; r < rows && s == SARD_OK; r++) {
        s = zip_row(&block->t, r, n, &values, err);
        if (s == SARD_OK) s = value_map(sard_value_ref(keys), values, &items[r], err);
    }
    sard_value_unref(block);
    return s;
}

static sard_status run_zip(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    ml_labels l;
    int64_t rows, cols;
    TRY(ml_labels_of(op_attr(c, Z_STRINGS), op_attr(c, Z_INTS), &l, err));
    TRY(ml_matrix(x, &rows, &cols, err));
    FAIL_IF(cols != l.n, err, SARD_INVALID_ARGUMENT, "X has %lld columns; there are %lld class labels", (long long)cols,
            (long long)l.n);
    sard_value *keys = NULL, *seq = NULL, **items = mem_calloc((size_t)rows, sizeof *items);
    if (!items) return err_nomem(err, (size_t)rows * sizeof *items);
    sard_status s = zip_keys(c, &l, &keys, err);
    if (s == SARD_OK) s = zip_rows(c, keys, tensor_data(x), rows, cols, items, err);
    if (s == SARD_OK)
        s = value_sequence(items, (size_t)rows, SARD_UNDEFINED, &seq, err);
    else
        for (int64_t r = 0; r < rows; r++) sard_value_unref(items[r]);
    sard_value_unref(keys);
    mem_free(items);
    return s == SARD_OK ? op_give(c, 0, seq, err) : s;
}

const op_def op_zipmap = {
    .domain = "ai.onnx.ml",
    .name = "ZipMap",
    .doc = "a map of each row",
    OP_SINCE(1),
    OP_ATTRS(zip_attrs),
    OP_IN(zip_in),
    OP_OUT(zip_out),
    .infer = infer_zip,
    .run = run_zip,
};

/* ---- reading maps ------------------------------------------------------------------------------------------------------ */

static sard_status map_of(op_ctx *c, const tensor **keys, const tensor **values, sard_error *err) {
    const sard_value *v = op_in_value(c, 0);
    FAIL_IF(!v || v->kind != SARD_KIND_MAP || !value_is_tensor(v->map.keys) || !value_is_tensor(v->map.values), err,
            SARD_INVALID_ARGUMENT, "X is no map of plain values");
    *keys = &v->map.keys->t, *values = &v->map.values->t;
    FAIL_IF(tensor_count(*keys) != tensor_count(*values), err, SARD_INVALID_ARGUMENT,
            "a map has %lld keys, %lld values", (long long)tensor_count(*keys), (long long)tensor_count(*values));
    return SARD_OK;
}

static sard_dtype map_value_type(const infer_ctx *c) {
    const vtype *x = c->in[0];
    return c->g && x->kind == SARD_KIND_MAP && x->elem != NO_ID ? type_elem_dtype(c->g->mod, &c->g->mod->types[x->elem])
                                                                : SARD_UNDEFINED;
}

/* Element i of a vector is element from of another, of the same type. */
static sard_status put(op_ctx *c, tensor *y, int64_t i, const tensor *x, int64_t from, sard_error *err) {
    size_t size = (size_t)dtype_bits(x->dtype) / 8;
    if (x->dtype != SARD_STRING) {
        memcpy(TENSOR_AT(y, char) + (size_t)i * size, TENSOR_AT(x, char) + (size_t)from * size, size);
        return SARD_OK;
    }
    str s = TENSOR_AT(x, str)[from];
    return op_string(c, s.p, s.n, &TENSOR_AT(y, str)[i], err);
}

/* ---- DictVectorizer ---------------------------------------------------------------------------------------------------- */

enum { D_INTS, D_STRINGS };
static const attr_def dict_attrs[] = {
    ATTR_OPT("int64_vocabulary", ATTR_INTS),
    ATTR_OPT("string_vocabulary", ATTR_STRINGS),
};
static const formal dict_in[] = {{.name = "X", .var = "T1", .types = DT_STRING | DT(SARD_I64), .kinds = K_MAP}};
static const formal dict_out[] = {
    {.name = "Y", .var = "T2", .types = DT_STRING | DT(SARD_F32) | DT(SARD_F64) | DT(SARD_I64)},
};

static sard_status infer_dict(infer_ctx *c, sard_error *err) {
    (void)err;
    const attr *a = c->node->attrs;
    int64_t dim[2] = {1, (int64_t)(attr_n_ints(&a[D_INTS]) + attr_n_strs(&a[D_STRINGS]))};
    c->out[0] = type_tensor(map_value_type(c), 2, dim);
    return SARD_OK;
}

typedef struct vocabulary {
    strtab names;
    uint64_t *place;
    size_t cap;
    map64 numbers;
    int64_t n;
} vocabulary;

static void drop_dict(void *state) {
    vocabulary *v = state;
    if (!v) return;
    strtab_free(&v->names), map_free(&v->numbers);
    mem_free(v->place), mem_free(v);
}

static sard_status prepare_dict(op_prep *p, void **state, sard_error *err) {
    const attr *ints = prep_attr(p, D_INTS), *strs = prep_attr(p, D_STRINGS);
    FAIL_IF((ints->type == ATTR_INTS) == (strs->type == ATTR_STRINGS), err, SARD_INVALID_MODEL,
            "one of int64_vocabulary and string_vocabulary is needed");
    vocabulary *v = mem_calloc(1, sizeof *v);
    if (!v) return err_nomem(err, sizeof *v);
    *state = v;
    if (strtab_init(&v->names)) return err_nomem(err, 64);
    v->n = (int64_t)(attr_n_ints(ints) + attr_n_strs(strs));
    for (size_t i = 0; i < attr_n_ints(ints); i++)
        if (map_put(&v->numbers, (uint64_t)ints->ints.v[i], i)) return err_nomem(err, 64);
    for (size_t i = 0; i < attr_n_strs(strs); i++) {
        str_id id = strtab_add(&v->names, strs->strs.v[i].p, strs->strs.v[i].n);
        if (id == STR_FAIL || mem_grow((void **)&v->place, &v->cap, (size_t)id + 1, sizeof *v->place))
            return err_nomem(err, 64);
        if (map_put(&v->numbers, id, i)) return err_nomem(err, 64); /* by name's number */
    }
    return SARD_OK;
}

static sard_status run_dict(const void *state, op_ctx *c, sard_error *err) {
    const vocabulary *v = state;
    const tensor *keys, *values;
    shape s = {2, {1, v->n}};
    tensor *y;
    bool strings = op_attr(c, D_STRINGS)->type == ATTR_STRINGS;
    TRY(map_of(c, &keys, &values, err));
    FAIL_IF(keys->dtype != (strings ? SARD_STRING : SARD_I64), err, SARD_INVALID_ARGUMENT,
            "the map's keys are of type %s; the vocabulary is not", sard_dtype_name((sard_dtype)keys->dtype));
    FAIL_IF(!dtype_in(values->dtype, dict_out[0].types), err, SARD_INVALID_ARGUMENT, "the map's values are of type %s",
            sard_dtype_name((sard_dtype)values->dtype));
    TRY(op_out(c, 0, (sard_dtype)values->dtype, &s, &y, err));
    memset(tensor_data(y), 0, tensor_bytes(y));
    for (int64_t i = 0, n = tensor_count(keys); i < n; i++) {
        uint64_t key = strings ? 0 : (uint64_t)TENSOR_AT(keys, int64_t)[i], at;
        if (strings) {
            str t = TENSOR_AT(keys, str)[i];
            str_id id = strtab_find(&v->names, t.p ? t.p : "", t.n);
            if (id == STR_FAIL) continue;
            key = id;
        }
        if (map_get(&v->numbers, key, &at)) TRY(put(c, y, (int64_t)at, values, i, err));
    }
    return SARD_OK;
}

const op_def op_dictvectorizer = {
    .domain = "ai.onnx.ml",
    .name = "DictVectorizer",
    .doc = "a map's values by a vocabulary",
    OP_SINCE(1),
    OP_ATTRS(dict_attrs),
    OP_IN(dict_in),
    OP_OUT(dict_out),
    .infer = infer_dict,
    .prepare = prepare_dict,
    .run = run_dict,
    .drop = drop_dict,
};

/* ---- CastMap ----------------------------------------------------------------------------------------------------------- */

enum { TO, FORM, MAX_MAP };
static const attr_def cast_attrs[] = {ATTR_S("cast_to", "TO_FLOAT"), ATTR_S("map_form", "DENSE"), ATTR_I("max_map", 1)};
static const formal cast_in[] = {{.name = "X", .var = "T1", .types = DT(SARD_I64), .kinds = K_MAP}};
static const formal cast_out[] = {{.name = "Y", .var = "T2", .types = DT_STRING | DT(SARD_F32) | DT(SARD_I64)}};

static sard_status cast_settings(const attr *a, sard_dtype *to, bool *sparse, sard_error *err) {
    static const char *const types[] = {"TO_FLOAT", "TO_STRING", "TO_INT64"}, *const forms[] = {"DENSE", "SPARSE"};
    static const sard_dtype of[] = {SARD_F32, SARD_STRING, SARD_I64};
    int t, f;
    TRY(attr_word(&a[TO], "cast_to", types, 3, &t, err));
    TRY(attr_word(&a[FORM], "map_form", forms, 2, &f, err));
    *to = of[t], *sparse = f == 1;
    FAIL_IF(*sparse && a[MAX_MAP].i < 1, err, SARD_INVALID_MODEL, "max_map is %lld; it must be positive",
            (long long)a[MAX_MAP].i);
    return SARD_OK;
}

static sard_status infer_cast(infer_ctx *c, sard_error *err) {
    sard_dtype to;
    bool sparse;
    TRY(cast_settings(c->node->attrs, &to, &sparse, err));
    int64_t dim[2] = {1, sparse ? infer_attr(c, MAX_MAP)->i : DIM_UNKNOWN};
    c->out[0] = type_tensor(to, 2, dim);
    return SARD_OK;
}

typedef struct entry {
    int64_t key, at;
} entry;

static int by_key(const void *a, const void *b) {
    const entry *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key ? 1 : x->at < y->at ? -1 : x->at > y->at;
}

static sard_status cast_element(op_ctx *c, tensor *y, int64_t i, const tensor *x, int64_t from, sard_error *err) {
    char text[64];
    if (x->dtype == y->dtype) return put(c, y, i, x, from, err);
    if (y->dtype == SARD_STRING) {
        int n = cast_number_text(x, from, text, sizeof text);
        return op_string(c, text, (size_t)n, &TENSOR_AT(y, str)[i], err);
    }
    if (x->dtype == SARD_STRING) {
        tensor one = *x, to = *y;
        one.rank = to.rank = 0;
        one.offset += (size_t)from * sizeof(str), to.offset += (size_t)i * (size_t)dtype_bits(y->dtype) / 8;
        return cast_strings(&one, &to, err);
    }
    if (y->dtype == SARD_I64)
        TENSOR_AT(y, int64_t)[i] = tensor_get_i64(x, from);
    else
        tensor_set_f64(y, i, tensor_get_f64(x, from));
    return SARD_OK;
}

static sard_status run_cast(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *keys, *values;
    sard_dtype to;
    bool sparse;
    void *mem;
    tensor *y;
    TRY(cast_settings(op_node(c)->attrs, &to, &sparse, err));
    TRY(map_of(c, &keys, &values, err));
    FAIL_IF(keys->dtype != SARD_I64, err, SARD_INVALID_ARGUMENT, "the map's keys are of type %s; int64 is needed",
            sard_dtype_name((sard_dtype)keys->dtype));
    int64_t n = tensor_count(keys);
    TRY(op_scratch(c, (size_t)n * sizeof(entry), &mem, err));
    entry *e = mem;
    for (int64_t i = 0; i < n; i++) e[i] = (entry){TENSOR_AT(keys, int64_t)[i], i};
    qsort(e, (size_t)n, sizeof *e, by_key);
    shape s = {2, {1, sparse ? op_attr(c, MAX_MAP)->i : n}};
    TRY(op_out(c, 0, to, &s, &y, err));
    memset(tensor_data(y), 0, tensor_bytes(y));
    for (int64_t i = 0; i < n; i++) {
        FAIL_IF(sparse && (e[i].key < 0 || e[i].key >= s.dim[1]), err, SARD_INVALID_ARGUMENT,
                "a map's key is %lld; max_map is %lld", (long long)e[i].key, (long long)s.dim[1]);
        TRY(cast_element(c, y, sparse ? e[i].key : i, values, e[i].at, err));
    }
    return SARD_OK;
}

const op_def op_castmap = {
    .domain = "ai.onnx.ml",
    .name = "CastMap",
    .doc = "a map's values as a row",
    OP_SINCE(1),
    OP_ATTRS(cast_attrs),
    OP_IN(cast_in),
    OP_OUT(cast_out),
    .infer = infer_cast,
    .run = run_cast,
};
