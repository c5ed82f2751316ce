/*
 * module.c -- the C half of the Python package: values, models and runs over the public API, on Python's limited API.
 *
 * It knows no NumPy: memory comes in as an address with the object that owns it, and goes out through
 * __array_interface__ of a Value, which keeps the sard_value alive; sard/_convert.py does the rest. Loading and running
 * release the GIL.
 */
#pragma GCC diagnostic ignored "-Wpedantic" /* slots are void *, also those that hold functions */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030a0000
#include <Python.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ort/operators.h"
#include "sard/sard.h"

static PyObject *exceptions[SARD_INTERNAL + 1]; /* by status; set once by the Python half */
static PyTypeObject *value_type, *model_type;

static PyObject *raise_status(sard_status s, const sard_error *err) {
    PyObject *type = s > 0 && s <= SARD_INTERNAL && exceptions[s] ? exceptions[s] : PyExc_RuntimeError;
    if (s == SARD_OUT_OF_MEMORY) type = PyExc_MemoryError;
    PyErr_Format(type, "%s", err->message);
    return NULL;
}

/* ---- Value --------------------------------------------------------------------------------------------------------- */

typedef struct value_object {
    PyObject_HEAD sard_value *v;
} value_object;

static sard_value *value_of(PyObject *o) { return ((value_object *)o)->v; }

/* Takes over the reference. */
static PyObject *value_wrap(sard_value *v) {
    allocfunc alloc = (allocfunc)PyType_GetSlot(value_type, Py_tp_alloc);
    value_object *o = (value_object *)alloc(value_type, 0);
    if (!o) {
        sard_value_unref(v);
        return NULL;
    }
    o->v = v;
    return (PyObject *)o;
}

static void value_dealloc(PyObject *o) {
    PyTypeObject *t = Py_TYPE(o);
    sard_value_unref(value_of(o));
    ((freefunc)PyType_GetSlot(t, Py_tp_free))(o);
    Py_DECREF(t);
}

static void release_owner(void *owner, void *data, size_t bytes) {
    (void)data, (void)bytes;
    if (!Py_IsInitialized()) return;
    PyGILState_STATE g = PyGILState_Ensure();
    Py_DECREF((PyObject *)owner);
    PyGILState_Release(g);
}

/* A tuple of ints -> dims; -1 with an exception set when it is not one. */
static int read_dims(PyObject *t, int64_t *dims, int cap) {
    Py_ssize_t n = PyTuple_Size(t);
    if (n < 0) return -1;
    if (n > cap) {
        PyErr_Format(PyExc_ValueError, "rank %zd; at most %d is possible", n, cap);
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        dims[i] = PyLong_AsLongLong(PyTuple_GetItem(t, i));
        if (dims[i] == -1 && PyErr_Occurred()) return -1;
    }
    return (int)n;
}
enum { RANK_MAX = 64 };

/* wrap(dtype, dims, address, nbytes, owner): a tensor over somebody else's memory. */
static PyObject *value_from_memory(PyObject *self, PyObject *args) {
    (void)self;
    int dtype, rank;
    PyObject *dims_arg, *owner;
    unsigned long long address;
    Py_ssize_t bytes;
    int64_t dims[RANK_MAX];
    if (!PyArg_ParseTuple(args, "iO!KnO", &dtype, &PyTuple_Type, &dims_arg, &address, &bytes, &owner)) return NULL;
    if ((rank = read_dims(dims_arg, dims, RANK_MAX)) < 0) return NULL;
    sard_value *v;
    sard_error err;
    Py_INCREF(owner);
    sard_status s = sard_tensor_wrap((sard_dtype)dtype, rank, dims, (void *)(uintptr_t)address, (size_t)bytes,
                                     release_owner, owner, &v, &err);
    if (s != SARD_OK) {
        Py_DECREF(owner);
        return raise_status(s, &err);
    }
    return value_wrap(v);
}

static PyObject *value_new_tensor(PyObject *self, PyObject *args) {
    (void)self;
    int dtype, rank;
    PyObject *dims_arg;
    int64_t dims[RANK_MAX];
    if (!PyArg_ParseTuple(args, "iO!", &dtype, &PyTuple_Type, &dims_arg)) return NULL;
    if ((rank = read_dims(dims_arg, dims, RANK_MAX)) < 0) return NULL;
    sard_value *v;
    sard_error err;
    sard_status s = sard_tensor_new((sard_dtype)dtype, rank, dims, &v, &err);
    return s == SARD_OK ? value_wrap(v) : raise_status(s, &err);
}

/* strings(dims, [bytes, ...]) */
static PyObject *value_from_strings(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *dims_arg, *list;
    int64_t dims[RANK_MAX];
    int rank;
    if (!PyArg_ParseTuple(args, "O!O!", &PyTuple_Type, &dims_arg, &PyList_Type, &list)) return NULL;
    if ((rank = read_dims(dims_arg, dims, RANK_MAX)) < 0) return NULL;
    Py_ssize_t n = PyList_Size(list);
    const char **p = PyMem_Malloc((size_t)(n + 1) * sizeof *p);
    size_t *lens = PyMem_Malloc((size_t)(n + 1) * sizeof *lens);
    bool ok = p && lens;
    if (!ok) PyErr_NoMemory();
    for (Py_ssize_t i = 0; ok && i < n; i++) {
        char *s;
        Py_ssize_t len;
        ok = PyBytes_AsStringAndSize(PyList_GetItem(list, i), &s, &len) == 0;
        p[i] = s, lens[i] = (size_t)len;
    }
    sard_value *v = NULL;
    sard_error err;
    sard_status s = ok ? sard_tensor_strings(rank, dims, p, lens, &v, &err) : SARD_OK;
    PyMem_Free(p);
    PyMem_Free(lens);
    if (!ok) return NULL;
    return s == SARD_OK ? value_wrap(v) : raise_status(s, &err);
}

/* A list of Values -> array of borrowed references; NULL with an exception set. */
static sard_value **value_list(PyObject *list, Py_ssize_t *n) {
    *n = PyList_Size(list);
    sard_value **v = PyMem_Malloc((size_t)(*n + 1) * sizeof *v);
    if (!v) return (sard_value **)PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < *n; i++) {
        PyObject *o = PyList_GetItem(list, i);
        if (o == Py_None) {
            v[i] = NULL;
        } else if (PyObject_TypeCheck(o, value_type)) {
            v[i] = value_of(o);
        } else {
            PyErr_SetString(PyExc_TypeError, "a list of Value objects is needed");
            PyMem_Free(v);
            return NULL;
        }
    }
    return v;
}

static PyObject *value_sequence(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *list;
    int dtype;
    if (!PyArg_ParseTuple(args, "O!i", &PyList_Type, &list, &dtype)) return NULL;
    Py_ssize_t n;
    sard_value **items = value_list(list, &n), *v;
    sard_error err;
    if (!items) return NULL;
    sard_status s =
        n ? sard_sequence_new(items, (size_t)n, &v, &err) : sard_sequence_empty((sard_dtype)dtype, &v, &err);
    PyMem_Free(items);
    return s == SARD_OK ? value_wrap(v) : raise_status(s, &err);
}

static PyObject *value_map(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *keys, *values;
    sard_value *v;
    sard_error err;
    if (!PyArg_ParseTuple(args, "O!O!", value_type, &keys, value_type, &values)) return NULL;
    sard_status s = sard_map_new(value_of(keys), value_of(values), &v, &err);
    return s == SARD_OK ? value_wrap(v) : raise_status(s, &err);
}

static PyObject *value_optional(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *item;
    int dtype;
    sard_value *v;
    sard_error err;
    if (!PyArg_ParseTuple(args, "Oi", &item, &dtype)) return NULL;
    if (item != Py_None && !PyObject_TypeCheck(item, value_type)) {
        PyErr_SetString(PyExc_TypeError, "a Value or None is needed");
        return NULL;
    }
    sard_status s = sard_optional_new(item == Py_None ? NULL : value_of(item), (sard_dtype)dtype, &v, &err);
    return s == SARD_OK ? value_wrap(v) : raise_status(s, &err);
}

static PyObject *value_sparse(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *dims_arg, *values, *indices;
    int64_t dims[RANK_MAX];
    int rank;
    sard_value *v;
    sard_error err;
    if (!PyArg_ParseTuple(args, "O!O!O!", &PyTuple_Type, &dims_arg, value_type, &values, value_type, &indices))
        return NULL;
    if ((rank = read_dims(dims_arg, dims, RANK_MAX)) < 0) return NULL;
    sard_status s = sard_sparse_new(rank, dims, value_of(values), value_of(indices), &v, &err);
    return s == SARD_OK ? value_wrap(v) : raise_status(s, &err);
}

static PyObject *dims_tuple(const int64_t *dims, int rank) {
    PyObject *t = PyTuple_New(rank);
    for (int i = 0; t && i < rank; i++) PyTuple_SetItem(t, i, PyLong_FromLongLong(dims[i]));
    return t;
}

static PyObject *value_get_kind(PyObject *o, void *u) { return (void)u, PyLong_FromLong(sard_value_kind(value_of(o))); }
static PyObject *value_get_dtype(PyObject *o, void *u) {
    return (void)u, PyLong_FromLong(sard_tensor_dtype(value_of(o)));
}
static PyObject *value_get_shape(PyObject *o, void *u) {
    (void)u;
    sard_value *v = value_of(o);
    int rank;
    if (sard_value_kind(v) == SARD_KIND_SPARSE_TENSOR) {
        const int64_t *dims = sard_sparse_dims(v, &rank);
        return dims_tuple(dims, rank);
    }
    return dims_tuple(sard_tensor_dims(v), sard_tensor_rank(v));
}
static PyObject *value_get_nbytes(PyObject *o, void *u) {
    return (void)u, PyLong_FromSize_t(sard_tensor_bytes(value_of(o)));
}
static PyObject *value_get_address(PyObject *o, void *u) {
    (void)u;
    return PyLong_FromUnsignedLongLong((uintptr_t)sard_tensor_data(value_of(o)));
}

/* The element types NumPy has; the others are shown as unsigned integers of their size (packed ones as bytes). */
static const char *typestr(sard_dtype t) {
    switch (t) {
    case SARD_F32:
        return "<f4";
    case SARD_F64:
        return "<f8";
    case SARD_F16:
        return "<f2";
    case SARD_U8:
        return "|u1";
    case SARD_I8:
        return "|i1";
    case SARD_U16:
    case SARD_BF16:
        return "<u2";
    case SARD_I16:
        return "<i2";
    case SARD_U32:
        return "<u4";
    case SARD_I32:
        return "<i4";
    case SARD_U64:
        return "<u8";
    case SARD_I64:
        return "<i8";
    case SARD_BOOL:
        return "|b1";
    case SARD_C64:
        return "<c8";
    case SARD_C128:
        return "<c16";
    default:
        return "|u1";
    }
}

static PyObject *value_array_interface(PyObject *o, void *u) {
    (void)u;
    sard_value *v = value_of(o);
    if (sard_value_kind(v) != SARD_KIND_TENSOR || sard_tensor_dtype(v) == SARD_STRING) {
        PyErr_SetString(PyExc_AttributeError, "__array_interface__");
        return NULL;
    }
    int bits = sard_dtype_bits(sard_tensor_dtype(v));
    PyObject *shape = bits % 8 ? Py_BuildValue("(n)", (Py_ssize_t)sard_tensor_bytes(v)) : value_get_shape(o, NULL);
    if (!shape) return NULL;
    static const char none[64];
    const void *p = sard_tensor_data(v);
    return Py_BuildValue("{s:N,s:s,s:(KO),s:i}", "shape", shape, "typestr", typestr(sard_tensor_dtype(v)), "data",
                         (unsigned long long)(uintptr_t)(p ? p : none), Py_False, "version", 3);
}

static PyObject *value_strings(PyObject *o, PyObject *unused) {
    (void)unused;
    sard_value *v = value_of(o);
    int64_t n = sard_tensor_count(v);
    PyObject *list = PyList_New((Py_ssize_t)n);
    for (int64_t i = 0; list && i < n; i++) {
        size_t len;
        const char *s = sard_tensor_string(v, i, &len);
        PyObject *b = PyBytes_FromStringAndSize(s, (Py_ssize_t)len);
        if (!b || PyList_SetItem(list, (Py_ssize_t)i, b)) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

static PyObject *borrowed(sard_value *v) {
    if (!v) Py_RETURN_NONE;
    return value_wrap(sard_value_ref(v));
}

static PyObject *value_items(PyObject *o, PyObject *unused) {
    (void)unused;
    size_t n = sard_sequence_length(value_of(o));
    PyObject *list = PyList_New((Py_ssize_t)n);
    for (size_t i = 0; list && i < n; i++)
        PyList_SetItem(list, (Py_ssize_t)i, borrowed(sard_sequence_item(value_of(o), i)));
    return list;
}
static PyObject *value_keys(PyObject *o, PyObject *u) { return (void)u, borrowed(sard_map_keys(value_of(o))); }
static PyObject *value_values(PyObject *o, PyObject *u) {
    (void)u;
    bool sparse = sard_value_kind(value_of(o)) == SARD_KIND_SPARSE_TENSOR;
    return borrowed(sparse ? sard_sparse_values(value_of(o)) : sard_map_values(value_of(o)));
}
static PyObject *value_indices(PyObject *o, PyObject *u) { return (void)u, borrowed(sard_sparse_indices(value_of(o))); }
static PyObject *value_get(PyObject *o, PyObject *u) { return (void)u, borrowed(sard_optional_get(value_of(o))); }

static PyObject *value_parse(PyObject *self, PyObject *args) {
    (void)self;
    int kind;
    const char *p;
    Py_ssize_t n;
    sard_value *v;
    sard_error err;
    if (!PyArg_ParseTuple(args, "iy#", &kind, &p, &n)) return NULL;
    sard_status s = sard_value_parse((sard_kind)kind, p, (size_t)n, &v, &err);
    return s == SARD_OK ? value_wrap(v) : raise_status(s, &err);
}

static PyMethodDef value_methods[] = {
    {"strings", value_strings, METH_NOARGS, "all elements of a string tensor, as bytes"},
    {"items", value_items, METH_NOARGS, "the elements of a sequence"},
    {"keys", value_keys, METH_NOARGS, "the keys of a map"},
    {"values", value_values, METH_NOARGS, "the values of a map or sparse tensor"},
    {"indices", value_indices, METH_NOARGS, "the indices of a sparse tensor"},
    {"get", value_get, METH_NOARGS, "what an optional holds, or None"},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef value_getset[] = {
    {"kind", value_get_kind, NULL, NULL, NULL},
    {"dtype", value_get_dtype, NULL, NULL, NULL},
    {"shape", value_get_shape, NULL, NULL, NULL},
    {"nbytes", value_get_nbytes, NULL, NULL, NULL},
    {"address", value_get_address, NULL, NULL, NULL},
    {"__array_interface__", value_array_interface, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot value_slots[] = {
    {Py_tp_dealloc, value_dealloc},
    {Py_tp_methods, value_methods},
    {Py_tp_getset, value_getset},
    {Py_tp_doc, (void *)(uintptr_t) "a tensor, sequence, map, optional or sparse tensor"},
    {0, NULL},
};
static PyType_Spec value_spec = {
    .name = "sard._sard.Value",
    .basicsize = sizeof(value_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = value_slots,
};

/* ---- Model ---------------------------------------------------------------------------------------------------------- */

typedef struct model_object {
    PyObject_HEAD sard_model *m;
} model_object;
static sard_model *model_of(PyObject *o) { return ((model_object *)o)->m; }

static void model_dealloc(PyObject *o) {
    PyTypeObject *t = Py_TYPE(o);
    sard_model_unref(model_of(o));
    ((freefunc)PyType_GetSlot(t, Py_tp_free))(o);
    Py_DECREF(t);
}

static void log_to_stderr(void *user, sard_log_level level, const char *message) {
    (void)user;
    PyGILState_STATE g = PyGILState_Ensure(); /* loading released it */
    static const char *const names[] = {"verbose", "info", "warning", "error"};
    PySys_WriteStderr("sard %s: %.900s\n", names[level], message);
    PyGILState_Release(g);
}

static void operators_free(PyObject *capsule) {
    sard_op_library_unref(PyCapsule_GetPointer(capsule, "sard.operators"));
}

/* operators(path): a library of custom operators for ONNX Runtime. */
static PyObject *operators_open(PyObject *self, PyObject *path_arg) {
    (void)self;
    PyObject *encoded;
    sard_op_library *lib = NULL;
    sard_error err = {.message = ""};
    sard_status s;
    if (!PyUnicode_FSConverter(path_arg, &encoded)) return NULL;
    const char *path = PyBytes_AsString(encoded);
    Py_BEGIN_ALLOW_THREADS s = ort_operators_open(path, &lib, &err);
    Py_END_ALLOW_THREADS Py_DECREF(encoded);
    if (s != SARD_OK) return raise_status(s, &err);
    PyObject *capsule = PyCapsule_New(lib, "sard.operators", operators_free);
    if (!capsule) sard_op_library_unref(lib);
    return capsule;
}

/* libraries: [what operators() gave] */
static sard_status read_libraries(PyObject *libraries, sard_options *o, sard_error *err) {
    sard_status s = SARD_OK;
    for (Py_ssize_t i = 0; s == SARD_OK && i < PyList_Size(libraries); i++) {
        sard_op_library *lib = PyCapsule_GetPointer(PyList_GetItem(libraries, i), "sard.operators");
        if (!lib) return SARD_INTERNAL;
        s = sard_options_operators(o, lib, err);
    }
    return s;
}

/* settings: [(key, value)], initializers: [(name, Value)], data: [(file name, bytes)], folder: str or None. */
static sard_status read_options(PyObject *settings, PyObject *inits, PyObject *data, PyObject *libraries,
                                const char *folder, sard_options *o, sard_error *err) {
    sard_status s = folder ? sard_options_external_folder(o, folder, err) : SARD_OK;
    if (s == SARD_OK) s = read_libraries(libraries, o, err);
    for (Py_ssize_t i = 0; s == SARD_OK && i < PyList_Size(settings); i++) {
        const char *key, *value;
        if (!PyArg_ParseTuple(PyList_GetItem(settings, i), "ss", &key, &value)) return SARD_INTERNAL;
        s = sard_options_set(o, key, value, err);
    }
    for (Py_ssize_t i = 0; s == SARD_OK && i < PyList_Size(inits); i++) {
        const char *name;
        PyObject *v;
        if (!PyArg_ParseTuple(PyList_GetItem(inits, i), "sO!", &name, value_type, &v)) return SARD_INTERNAL;
        s = sard_options_initializer(o, name, value_of(v), err);
    }
    for (Py_ssize_t i = 0; s == SARD_OK && i < PyList_Size(data); i++) {
        const char *name, *p;
        Py_ssize_t n;
        if (!PyArg_ParseTuple(PyList_GetItem(data, i), "sy#", &name, &p, &n)) return SARD_INTERNAL;
        s = sard_options_external_data(o, name, p, (size_t)n, err);
    }
    return s;
}

/* load(path | None, bytes | None, settings, initializers, external data, operators, folder | None, log level) */
static PyObject *model_load(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *path_arg, *bytes, *settings, *inits, *data, *libraries;
    const char *folder;
    int level;
    if (!PyArg_ParseTuple(args, "OOO!O!O!O!zi", &path_arg, &bytes, &PyList_Type, &settings, &PyList_Type, &inits,
                          &PyList_Type, &data, &PyList_Type, &libraries, &folder, &level))
        return NULL;
    sard_options *o;
    sard_error err = {.message = ""};
    sard_status s = sard_options_new(&o, &err);
    if (s != SARD_OK) return raise_status(s, &err);
    if (level < 0)
        sard_options_log(o, SARD_LOG_ERROR, NULL, NULL);
    else if (level <= SARD_LOG_INFO)
        sard_options_log(o, (sard_log_level)level, log_to_stderr, NULL);
    s = read_options(settings, inits, data, libraries, folder, o, &err);
    if (PyErr_Occurred()) {
        sard_options_free(o);
        return NULL;
    }
    sard_model *m = NULL;
    if (s == SARD_OK && path_arg != Py_None) {
        PyObject *encoded;
        if (!PyUnicode_FSConverter(path_arg, &encoded)) {
            sard_options_free(o);
            return NULL;
        }
        const char *path = PyBytes_AsString(encoded);
        Py_BEGIN_ALLOW_THREADS s = sard_model_load(path, o, &m, &err);
        Py_END_ALLOW_THREADS Py_DECREF(encoded);
    } else if (s == SARD_OK) {
        char *p;
        Py_ssize_t n;
        if (PyBytes_AsStringAndSize(bytes, &p, &n)) {
            sard_options_free(o);
            return NULL;
        }
        Py_BEGIN_ALLOW_THREADS s = sard_model_load_memory(p, (size_t)n, 0, o, &m, &err);
        Py_END_ALLOW_THREADS
    }
    sard_options_free(o);
    if (s != SARD_OK) return raise_status(s, &err);
    allocfunc alloc = (allocfunc)PyType_GetSlot(model_type, Py_tp_alloc);
    model_object *r = (model_object *)alloc(model_type, 0);
    if (!r) {
        sard_model_unref(m);
        return NULL;
    }
    r->m = m;
    return (PyObject *)r;
}

/* A list of str -> array of UTF-8 strings that live as long as the list. */
static const char **name_list(PyObject *list, Py_ssize_t *n) {
    *n = PyList_Size(list);
    const char **p = PyMem_Malloc((size_t)(*n + 1) * sizeof *p);
    if (!p) return (const char **)PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < *n; i++) {
        p[i] = PyUnicode_AsUTF8AndSize(PyList_GetItem(list, i), NULL);
        if (!p[i]) {
            PyMem_Free(p);
            return NULL;
        }
    }
    return p;
}

typedef struct call { /* one run: arrays that are freed together */
    const char **in_names, **out_names;
    sard_value **in, **out;
    Py_ssize_t n_in, n_out, n;
} call;

static void call_free(call *c) {
    PyMem_Free(c->in_names), PyMem_Free(c->in), PyMem_Free(c->out_names), PyMem_Free(c->out);
}

/* run(input names, inputs, output names | None, outputs given: [Value | None], timeout, cancel address, memory limit,
 * profile capsule | None) -> [Value] */
static PyObject *model_run(PyObject *self, PyObject *args) {
    PyObject *names, *inputs, *outs, *given, *profile;
    double timeout;
    unsigned long long cancel, limit;
    call c = {0};
    if (!PyArg_ParseTuple(args, "O!O!OO!dKKO", &PyList_Type, &names, &PyList_Type, &inputs, &outs, &PyList_Type, &given,
                          &timeout, &cancel, &limit, &profile))
        return NULL;
    c.in_names = name_list(names, &c.n);
    c.in = c.in_names ? value_list(inputs, &c.n_in) : NULL;
    c.out = c.in ? value_list(given, &c.n_out) : NULL;
    bool ok = c.out != NULL;
    if (ok && outs != Py_None) ok = (c.out_names = name_list(outs, &c.n)) != NULL;
    if (!ok) {
        call_free(&c);
        return NULL;
    }
    sard_run_options o = {.timeout_s = timeout, .cancel = (volatile int *)(uintptr_t)cancel, .memory_limit = limit};
    if (profile != Py_None) o.profile = PyCapsule_GetPointer(profile, "sard.profile");
    for (Py_ssize_t i = 0; i < c.n_out; i++) /* ours until they are handed out */
        if (c.out[i]) sard_value_ref(c.out[i]);
    sard_error err = {.message = ""};
    sard_status s;
    Py_BEGIN_ALLOW_THREADS s =
        sard_run(model_of(self), &o, c.in_names, c.in, (size_t)c.n_in, c.out_names, c.out, (size_t)c.n_out, &err);
    Py_END_ALLOW_THREADS PyObject *list = s == SARD_OK ? PyList_New(c.n_out) : NULL;
    for (Py_ssize_t i = 0; i < c.n_out; i++) {
        if (list)
            PyList_SetItem(list, i, value_wrap(c.out[i]));
        else
            sard_value_unref(c.out[i]);
    }
    call_free(&c);
    return s == SARD_OK ? list : raise_status(s, &err);
}

/* (name, kind, dtype, shape: list of int | str | None, text) */
static PyObject *describe(const char *name, const sard_type *t) {
    char text[512] = "";
    sard_type_text(t, text, sizeof text);
    int rank = sard_type_kind(t) == SARD_KIND_TENSOR ? sard_type_rank(t) : -1;
    PyObject *shape = rank < 0 ? Py_None : PyList_New(rank);
    if (rank < 0) Py_INCREF(shape);
    for (int i = 0; shape && i < rank; i++) {
        int64_t d = sard_type_dim(t, i);
        const char *s = sard_type_dim_name(t, i);
        PyObject *o;
        if (d >= 0)
            o = PyLong_FromLongLong(d);
        else if (s[0])
            o = PyUnicode_FromString(s);
        else
            o = Py_None, Py_INCREF(o);
        PyList_SetItem(shape, i, o);
    }
    return Py_BuildValue("(siiNs)", name, (int)sard_type_kind(t), (int)sard_type_dtype(t), shape, text);
}

static PyObject *model_ports(PyObject *self, PyObject *args) {
    int which;
    if (!PyArg_ParseTuple(args, "i", &which)) return NULL;
    const sard_model *m = model_of(self);
    size_t n = which == 0 ? sard_model_inputs(m) : which == 1 ? sard_model_outputs(m) : sard_model_overridables(m);
    PyObject *list = PyList_New((Py_ssize_t)n);
    for (size_t i = 0; list && i < n; i++) {
        PyObject *d = which == 0   ? describe(sard_model_input_name(m, i), sard_model_input_type(m, i))
                      : which == 1 ? describe(sard_model_output_name(m, i), sard_model_output_type(m, i))
                                   : describe(sard_model_overridable_name(m, i), sard_model_overridable_type(m, i));
        if (!d) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SetItem(list, (Py_ssize_t)i, d);
    }
    return list;
}

/* Text of a file, which need not be UTF-8. */
static PyObject *lenient(const char *s) { return PyUnicode_DecodeUTF8(s, (Py_ssize_t)strlen(s), "replace"); }

static PyObject *model_meta(PyObject *self, PyObject *unused) {
    (void)unused;
    static const char *const fields[] = {"producer_name", "producer_version", "domain",
                                         "doc_string",    "graph_name",       "graph_doc_string"};
    const sard_model *m = model_of(self);
    PyObject *d = PyDict_New(), *custom = PyDict_New();
    if (!d || !custom) return NULL;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        PyObject *s = lenient(sard_model_text(m, fields[i]));
        if (s) PyDict_SetItemString(d, fields[i], s);
        Py_XDECREF(s);
    }
    for (size_t i = 0; i < sard_model_metadata(m); i++) {
        PyObject *key = lenient(sard_model_metadata_key(m, i)), *s = lenient(sard_model_metadata_value(m, i));
        if (key && s) PyDict_SetItem(custom, key, s);
        Py_XDECREF(key);
        Py_XDECREF(s);
    }
    PyObject *version = PyLong_FromLongLong(sard_model_version(m));
    PyDict_SetItemString(d, "version", version);
    PyDict_SetItemString(d, "custom", custom);
    Py_XDECREF(version);
    Py_DECREF(custom);
    if (PyErr_Occurred()) { /* no memory */
        Py_DECREF(d);
        return NULL;
    }
    return d;
}

static PyObject *model_write(PyObject *self, PyObject *args) {
    int stage;
    PyObject *path;
    const char *external;
    if (!PyArg_ParseTuple(args, "iO&z", &stage, PyUnicode_FSConverter, &path, &external)) return NULL;
    sard_error err;
    sard_status s = sard_model_write(model_of(self), stage, PyBytes_AsString(path), external, &err);
    Py_DECREF(path);
    if (s != SARD_OK) return raise_status(s, &err);
    Py_RETURN_NONE;
}

static PyObject *model_stats(PyObject *self, PyObject *unused) {
    (void)unused;
    sard_model_stats s;
    sard_model_get_stats(model_of(self), &s);
    return Py_BuildValue("{s:K,s:K,s:K,s:K,s:K}", "parameters", (unsigned long long)s.parameters, "weight_bytes",
                         (unsigned long long)s.weight_bytes, "packed_bytes", (unsigned long long)s.packed_bytes,
                         "nodes", (unsigned long long)s.nodes, "steps", (unsigned long long)s.steps);
}

static PyMethodDef model_methods[] = {
    {"run", model_run, METH_VARARGS, "runs the model"},
    {"ports", model_ports, METH_VARARGS, "descriptions of inputs (0), outputs (1), overridable initializers (2)"},
    {"meta", model_meta, METH_NOARGS, "producer, domain, descriptions, version, custom metadata"},
    {"write", model_write, METH_VARARGS, "writes the model as ONNX: write(stage, path, external)"},
    {"stats", model_stats, METH_NOARGS, "sizes"},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot model_slots[] = {
    {Py_tp_dealloc, model_dealloc},
    {Py_tp_methods, model_methods},
    {Py_tp_doc, (void *)(uintptr_t) "a compiled model; any number of threads may run it"},
    {0, NULL},
};
static PyType_Spec model_spec = {
    .name = "sard._sard.Model",
    .basicsize = sizeof(model_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = model_slots,
};

/* ---- the module ------------------------------------------------------------------------------------------------------ */

static void profile_capsule_free(PyObject *c) { sard_profile_free(PyCapsule_GetPointer(c, "sard.profile")); }

static PyObject *profile_new(PyObject *self, PyObject *unused) {
    (void)self, (void)unused;
    sard_profile *p;
    sard_error err;
    sard_status s = sard_profile_new(&p, &err);
    return s == SARD_OK ? PyCapsule_New(p, "sard.profile", profile_capsule_free) : raise_status(s, &err);
}

static PyObject *profile_json(PyObject *self, PyObject *c) {
    (void)self;
    sard_profile *p = PyCapsule_GetPointer(c, "sard.profile");
    char *json;
    sard_error err;
    if (!p) return NULL;
    sard_status s = sard_profile_json(p, &json, &err);
    if (s != SARD_OK) return raise_status(s, &err);
    PyObject *text = PyUnicode_FromString(json);
    sard_free(json);
    return text;
}

static PyObject *set_exceptions(PyObject *self, PyObject *tuple) {
    (void)self;
    Py_ssize_t n = PyTuple_Size(tuple);
    if (n < 0) return NULL;
    for (Py_ssize_t i = 0; i < n && i <= SARD_INTERNAL; i++) {
        PyObject *o = PyTuple_GetItem(tuple, i);
        Py_INCREF(o);
        Py_XDECREF(exceptions[i]);
        exceptions[i] = o;
    }
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"wrap", value_from_memory, METH_VARARGS, "wrap(dtype, dims, address, nbytes, owner) -> Value"},
    {"new", value_new_tensor, METH_VARARGS, "new(dtype, dims) -> Value"},
    {"strings", value_from_strings, METH_VARARGS, "strings(dims, [bytes]) -> Value"},
    {"sequence", value_sequence, METH_VARARGS, "sequence([Value], dtype) -> Value"},
    {"map", value_map, METH_VARARGS, "map(keys, values) -> Value"},
    {"optional", value_optional, METH_VARARGS, "optional(Value | None, dtype) -> Value"},
    {"sparse", value_sparse, METH_VARARGS, "sparse(dims, values, indices) -> Value"},
    {"parse", value_parse, METH_VARARGS, "parse(kind, bytes) -> Value"},
    {"operators", operators_open, METH_O, "operators(path): a library of custom operators"},
    {"load", model_load, METH_VARARGS,
     "load(path, bytes, settings, initializers, data, operators, folder, log level) -> Model"},
    {"profile_new", profile_new, METH_NOARGS, "a collector of step times"},
    {"profile_json", profile_json, METH_O, "Chrome trace JSON of a collector"},
    {"set_exceptions", set_exceptions, METH_O, "exception classes by status"},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_sard", "sard's engine", -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__sard(void);
PyMODINIT_FUNC PyInit__sard(void) {
    PyObject *m = PyModule_Create(&definition);
    if (!m) return NULL;
    value_type = (PyTypeObject *)PyType_FromSpec(&value_spec);
    model_type = (PyTypeObject *)PyType_FromSpec(&model_spec);
    if (!value_type || !model_type) return NULL;
    PyModule_AddObjectRef(m, "Value", (PyObject *)value_type);
    PyModule_AddObjectRef(m, "Model", (PyObject *)model_type);
    PyModule_AddStringConstant(m, "version", sard_version());
    PyModule_AddIntConstant(m, "onnx_opset", sard_onnx_opset());
    PyModule_AddIntConstant(m, "onnx_ir_version", sard_onnx_ir_version());
    return m;
}
