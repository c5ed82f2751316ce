/*
 * onnx.h -- the ONNX file in memory: plain structs, one per protobuf message, and how to read and write them.
 *
 * The idea: one table row per field (table.c) tells the reader and the writer where a field lives in these structs, so
 * there is one parse loop and one write loop for all messages. Strings and tensor bytes are views into the bytes that
 * were read (the mapped file): nothing is copied that need not be. Arrays live in the store's arena.
 *
 * Conventions of all message structs:
 *  - A zeroed struct is a valid empty message. Lists are a pointer and, right behind it, a count.
 *  - `has` holds bit n when field number n was present in the bytes. A writer of new messages need not set it: a scalar
 *    or string is written when it is not zero or its bit is set; a message pointer when it is not NULL; members of a
 *    oneof (onnx_dim, onnx_type) as `kind` says; an attribute's f, i, s when `type` says so.
 *  - Views are unaligned and not NUL-terminated, and may hold NUL bytes and invalid UTF-8.
 *  - As in protobuf: the last scalar wins, repeated fields concatenate, messages given in pieces merge, unknown fields
 *    (and known ones of the wrong wire type) are skipped. Device configurations are skipped too.
 *  - Nothing here is thread-safe; a model that nobody changes may be read by any number of threads, but
 *    onnx_tensor_bytes changes its store (arena, mapped files).
 */
#ifndef SARD_ONNX_ONNX_H
#define SARD_ONNX_ONNX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#define ONNX_IR_MAX    14  /* the newest IR version accepted: onnx 1.23 */
#define ONNX_DEPTH_MAX 128 /* messages inside messages; protobuf's own limit is 100 */

typedef struct onnx_graph onnx_graph;
typedef struct onnx_type onnx_type;
typedef struct onnx_attr onnx_attr;
typedef struct onnx_sequence onnx_sequence;
typedef struct onnx_map onnx_map;
typedef struct onnx_optional onnx_optional;

/* ---- what the views point into ---- */

typedef struct onnx_bytes {
    const uint8_t *p;
    size_t n;
} onnx_bytes;

typedef struct onnx_data_file { /* a file of external data, mapped or given by the caller */
    str name;                   /* the tensors' "location" */
    onnx_bytes bytes;
    file_map map; /* owned; zero when the caller gave the bytes */
    struct onnx_data_file *next;
} onnx_data_file;

/* Owns the arena and the mappings; everything read through it lives until onnx_store_deinit. */
typedef struct onnx_store {
    arena mem;
    file_map map;       /* of onnx_load_path; zero otherwise */
    const char *folder; /* where external data is looked for; NULL: only among the files given */
    onnx_data_file *files;
} onnx_store;

void onnx_store_init(onnx_store *s);
void onnx_store_deinit(onnx_store *s);
/* Lets tensors read external data beneath `folder` (copied). For models from memory; onnx_load_path does it.
 */
sard_status onnx_store_folder(onnx_store *s, const char *folder, sard_error *err);
/* Gives the bytes of the external file `name` (copied; the bytes are not, they must outlive the store). Files
 * given this way come before those of the folder. */
sard_status onnx_store_file(onnx_store *s, const char *name, const void *data, size_t n, sard_error *err);
/* SARD_IO when a mapped file of the store was cut short (see file_guard_install): what was read does not count. */
sard_status onnx_store_check(const onnx_store *s, sard_error *err);
/* Gives back pages of large mapped files that were read so far (weights that were packed are not read again). */
void onnx_store_cool(const onnx_store *s);

/* ---- messages ---- */

typedef struct onnx_entry { /* StringStringEntryProto */
    uint32_t has;
    str key, value;
} onnx_entry;

typedef struct onnx_opset { /* OperatorSetIdProto */
    uint32_t has;
    int64_t version;
    str domain;
} onnx_opset;

typedef struct onnx_segment {
    uint32_t has;
    int64_t begin, end;
} onnx_segment;

typedef enum onnx_location { ONNX_INSIDE = 0, ONNX_EXTERNAL = 1 } onnx_location;

typedef struct onnx_tensor {
    uint32_t has;
    int32_t data_type;     /* sard_dtype when valid */
    int32_t data_location; /* onnx_location */
    int64_t *dims;
    size_t n_dims;
    str name, doc;
    onnx_bytes raw; /* raw_data */
    /* The typed fields in packed wire form: little-endian floats and doubles, varints for the others. A view
     * when the file holds one packed piece, else put together in the arena. Use onnx_tensor_bytes. */
    onnx_bytes float_data, double_data, int32_data, int64_data, uint64_data;
    str *strings; /* string_data */
    size_t n_strings;
    onnx_segment *segment; /* not supported by anybody: onnx_tensor_bytes refuses it */
    onnx_entry *external;  /* external_data */
    size_t n_external;
    onnx_entry *metadata;
    size_t n_metadata;
} onnx_tensor;

typedef struct onnx_sparse {
    uint32_t has;
    onnx_tensor *values, *indices; /* NULL when absent */
    int64_t *dims;
    size_t n_dims;
} onnx_sparse;

typedef enum onnx_dim_kind { ONNX_DIM_UNKNOWN = 0, ONNX_DIM_VALUE = 1, ONNX_DIM_PARAM = 2 } onnx_dim_kind;

typedef struct onnx_dim {
    uint32_t has;
    uint32_t kind; /* onnx_dim_kind: which of the next two is given */
    int64_t value;
    str param;
    str denotation;
} onnx_dim;

typedef struct onnx_shape {
    uint32_t has;
    onnx_dim *dims;
    size_t n_dims;
} onnx_shape;

typedef enum onnx_type_kind { /* the oneof's field numbers */
                              ONNX_TYPE_NONE = 0,
                              ONNX_TYPE_TENSOR = 1,
                              ONNX_TYPE_SEQUENCE = 4,
                              ONNX_TYPE_MAP = 5,
                              ONNX_TYPE_OPAQUE = 7,
                              ONNX_TYPE_SPARSE = 8,
                              ONNX_TYPE_OPTIONAL = 9
} onnx_type_kind;

struct onnx_type {
    uint32_t has;
    uint32_t kind; /* onnx_type_kind */
    str denotation;
    uint32_t inner_has; /* `has` of the message that kind names; its fields: */
    int32_t elem_type;  /* tensor, sparse tensor */
    int32_t key_type;   /* map */
    onnx_shape *shape;  /* tensor, sparse tensor; NULL: rank unknown */
    onnx_type *elem;    /* sequence, optional: element; map: value */
    str domain, name;   /* opaque */
};

typedef struct onnx_value_info {
    uint32_t has;
    str name, doc;
    onnx_type *type; /* NULL when absent */
    onnx_entry *metadata;
    size_t n_metadata;
} onnx_value_info;

typedef enum onnx_attr_type {
    ONNX_ATTR_UNDEFINED = 0,
    ONNX_ATTR_FLOAT = 1,
    ONNX_ATTR_INT = 2,
    ONNX_ATTR_STRING = 3,
    ONNX_ATTR_TENSOR = 4,
    ONNX_ATTR_GRAPH = 5,
    ONNX_ATTR_FLOATS = 6,
    ONNX_ATTR_INTS = 7,
    ONNX_ATTR_STRINGS = 8,
    ONNX_ATTR_TENSORS = 9,
    ONNX_ATTR_GRAPHS = 10,
    ONNX_ATTR_SPARSE = 11,
    ONNX_ATTR_SPARSES = 12,
    ONNX_ATTR_TYPE = 13,
    ONNX_ATTR_TYPES = 14
} onnx_attr_type;

struct onnx_attr {
    uint32_t has;
    int32_t type; /* as stored; onnx_attr_kind knows what files without it mean */
    str name, ref_attr_name, doc;
    float f;
    int64_t i;
    str s;
    onnx_tensor *t;
    onnx_graph *g;
    onnx_sparse *sparse;
    onnx_type *tp;
    float *floats;
    size_t n_floats;
    int64_t *ints;
    size_t n_ints;
    str *strings;
    size_t n_strings;
    onnx_tensor *tensors;
    size_t n_tensors;
    onnx_graph *graphs;
    size_t n_graphs;
    onnx_sparse *sparses;
    size_t n_sparses;
    onnx_type *types;
    size_t n_types;
};

typedef struct onnx_node {
    uint32_t has;
    str name, op_type, domain, overload, doc;
    str *inputs; /* an empty name: not given */
    size_t n_inputs;
    str *outputs;
    size_t n_outputs;
    onnx_attr *attrs;
    size_t n_attrs;
    onnx_entry *metadata;
    size_t n_metadata;
} onnx_node;

typedef struct onnx_annotation { /* TensorAnnotation */
    uint32_t has;
    str tensor;
    onnx_entry *params; /* quant_parameter_tensor_names */
    size_t n_params;
} onnx_annotation;

struct onnx_graph {
    uint32_t has;
    str name, doc;
    onnx_node *nodes;
    size_t n_nodes;
    onnx_tensor *initializers;
    size_t n_initializers;
    onnx_sparse *sparse_initializers;
    size_t n_sparse_initializers;
    onnx_value_info *inputs;
    size_t n_inputs;
    onnx_value_info *outputs;
    size_t n_outputs;
    onnx_value_info *value_infos;
    size_t n_value_infos;
    onnx_annotation *annotations; /* quantization_annotation */
    size_t n_annotations;
    onnx_entry *metadata;
    size_t n_metadata;
};

typedef struct onnx_function {
    uint32_t has;
    str name, domain, overload, doc;
    str *inputs;
    size_t n_inputs;
    str *outputs;
    size_t n_outputs;
    str *attrs; /* names of attributes without a default */
    size_t n_attrs;
    onnx_attr *attr_protos; /* those with one */
    size_t n_attr_protos;
    onnx_node *nodes;
    size_t n_nodes;
    onnx_opset *opsets;
    size_t n_opsets;
    onnx_value_info *value_infos;
    size_t n_value_infos;
    onnx_entry *metadata;
    size_t n_metadata;
} onnx_function;

typedef struct onnx_training { /* TrainingInfoProto: kept, never used */
    uint32_t has;
    onnx_graph *initialization, *algorithm;
    onnx_entry *initialization_binding;
    size_t n_initialization_binding;
    onnx_entry *update_binding;
    size_t n_update_binding;
} onnx_training;

typedef struct onnx_model {
    uint32_t has;
    int64_t ir_version, model_version;
    str producer_name, producer_version, domain, doc;
    onnx_opset *opsets;
    size_t n_opsets;
    onnx_graph *graph;
    onnx_entry *metadata;
    size_t n_metadata;
    onnx_function *functions;
    size_t n_functions;
    onnx_training *training;
    size_t n_training;
    onnx_store store; /* not part of the message */
} onnx_model;

/* The values of test data files (onnx-data.proto). */
typedef enum onnx_elem { /* elem_type of sequences and optionals */
                         ONNX_ELEM_UNDEFINED = 0,
                         ONNX_ELEM_TENSOR = 1,
                         ONNX_ELEM_SPARSE = 2,
                         ONNX_ELEM_SEQUENCE = 3,
                         ONNX_ELEM_MAP = 4,
                         ONNX_ELEM_OPTIONAL = 5
} onnx_elem;

struct onnx_sequence {
    uint32_t has;
    int32_t elem_type; /* onnx_elem: which list holds the elements */
    str name;
    onnx_tensor *tensors;
    size_t n_tensors;
    onnx_sparse *sparses;
    size_t n_sparses;
    onnx_sequence *sequences;
    size_t n_sequences;
    onnx_map *maps;
    size_t n_maps;
    onnx_optional *optionals;
    size_t n_optionals;
};

struct onnx_map {
    uint32_t has;
    int32_t key_type; /* sard_dtype */
    str name;
    int64_t *keys;
    size_t n_keys;
    str *string_keys;
    size_t n_string_keys;
    onnx_sequence *values;
};

struct onnx_optional {
    uint32_t has;
    int32_t elem_type; /* onnx_elem; the pointer it names is NULL for an empty optional */
    str name;
    onnx_tensor *tensor;
    onnx_sparse *sparse;
    onnx_sequence *sequence;
    onnx_map *map;
    onnx_optional *optional;
};

/* ---- reading ---- */

/* Reads a model. *out is written as a whole, its store too; on failure nothing is left to free. The bytes
 * must stay until onnx_model_deinit. Errors: SARD_INVALID_PROTOBUF with path and byte offset,
 * SARD_INVALID_MODEL (no IR version, no graph, no opset import), SARD_UNSUPPORTED (newer IR than
 * ONNX_IR_MAX), SARD_LIMIT (far more elements than a sensible file of that size has), SARD_OUT_OF_MEMORY. */
SARD_MUST_CHECK sard_status onnx_read(const uint8_t *data, uint64_t n, onnx_model *out, sard_error *err);
/* Maps the file and reads it; external data is looked for beneath its folder. */
SARD_MUST_CHECK sard_status onnx_load_path(const char *path, onnx_model *out, sard_error *err);
void onnx_model_deinit(onnx_model *m);

/* Standalone messages, into a store the caller has initialised. The bytes must outlive the store. */
SARD_MUST_CHECK sard_status onnx_read_tensor(onnx_store *s, const uint8_t *data, uint64_t n, onnx_tensor *out,
                                             sard_error *err);
SARD_MUST_CHECK sard_status onnx_read_sparse(onnx_store *s, const uint8_t *data, uint64_t n, onnx_sparse *out,
                                             sard_error *err);
SARD_MUST_CHECK sard_status onnx_read_sequence(onnx_store *s, const uint8_t *data, uint64_t n, onnx_sequence *out,
                                               sard_error *err);
SARD_MUST_CHECK sard_status onnx_read_map(onnx_store *s, const uint8_t *data, uint64_t n, onnx_map *out,
                                          sard_error *err);
SARD_MUST_CHECK sard_status onnx_read_optional(onnx_store *s, const uint8_t *data, uint64_t n, onnx_optional *out,
                                               sard_error *err);
SARD_MUST_CHECK sard_status onnx_read_type(onnx_store *s, const uint8_t *data, uint64_t n, onnx_type *out,
                                           sard_error *err);

/* ---- what the fields mean ---- */

/* "ai.onnx" is the empty domain. */
str onnx_domain(str domain);
/* The version of `domain` that a list of imports gives (the last one when it is there twice: skl2onnx writes
 * '' twice); 0 when it is not there. For a model of IR < 3 without imports: onnx_model_opset gives 1 for the
 * empty domain. */
int64_t onnx_opset_version(const onnx_opset *opsets, size_t n, str domain);
int64_t onnx_model_opset(const onnx_model *m, str domain);
/* The attribute's type; where it is not stored (IR version 1) the one of the field that is there. */
onnx_attr_type onnx_attr_kind(const onnx_attr *a);
const char *onnx_attr_type_name(onnx_attr_type t); /* "INT", "FLOATS" ...; "?" for an unknown one */

/* A name for a message: at most ONNX_SHOW - 1 bytes of valid UTF-8, odd bytes as '?'. Returns buf. */
enum { ONNX_SHOW = 96 };
const char *onnx_show(str name, char *buf);

/* The number of elements: product of dims, 1 without any. SARD_INVALID_MODEL for a negative one or an
 * overflow. */
SARD_MUST_CHECK sard_status onnx_tensor_count(const onnx_tensor *t, int64_t *count, sard_error *err);
/* Bytes of `count` elements in a file; non-zero on overflow or for a type that has none. Equal to dtype_bytes but for
 * float6, of which four take three bytes. */
int onnx_file_bytes(int32_t data_type, int64_t count, size_t *bytes);
/* The element data in ONNX's packed little-endian layout: the raw data in place, external data in its
 * mapping, or typed fields decoded into the arena. Any alignment; exactly as long as dims and type ask for,
 * else an error that names the tensor, what was expected and what was found. Strings are refused: they are in
 * t->strings (onnx_tensor_strings checks their number). */
SARD_MUST_CHECK sard_status onnx_tensor_bytes(onnx_store *s, const onnx_tensor *t, onnx_bytes *out, sard_error *err);
SARD_MUST_CHECK sard_status onnx_tensor_strings(const onnx_tensor *t, const str **out, size_t *n, sard_error *err);

/* ---- writing ---- */

typedef struct onnx_sink {
    sard_status (*write)(void *user, const void *p, size_t n, sard_error *err);
    void *user;
} onnx_sink;

typedef struct onnx_write_opts {
    /* Tensors of at least external_min bytes go to this sink, as the file external_name beside the model: in
     * order, each at a multiple of 64, of 4096 when it is at least 4096 long. NULL: tensors stay as they are.
     */
    const onnx_sink *external;
    const char *external_name;
    size_t external_min;
    bool embed;      /* external tensors are put inside (or into `external`) instead of keeping their reference */
    bool allow_huge; /* 2 GiB and more inside: onnx_read takes it, protobuf's own readers do not */
} onnx_write_opts;

/* Writes the model's canonical bytes: fields in the order of their numbers, numbers packed where the standard
 * packs them. Reading them gives an equal model. opts may be NULL. Writing new external files or embedding
 * reads the tensors through m->store (which then changes). */
SARD_MUST_CHECK sard_status onnx_write(onnx_model *m, const onnx_write_opts *opts, const onnx_sink *sink,
                                       sard_error *err);
/* To a file, by rename; with external_name (a plain file name, may be NULL) tensors of external_min bytes and
 * more go to that file in the same folder, the smaller ones inside; without it, tensors stay where they are. */
SARD_MUST_CHECK sard_status onnx_write_path(onnx_model *m, const char *path, const char *external_name,
                                            size_t external_min, sard_error *err);
/* To memory: *out (mem_free it) of *n bytes. */
SARD_MUST_CHECK sard_status onnx_write_mem(onnx_model *m, const onnx_write_opts *opts, uint8_t **out, size_t *n,
                                           sard_error *err);
/* The same for one standalone value. */
SARD_MUST_CHECK sard_status onnx_write_tensor(const onnx_tensor *t, const onnx_sink *sink, sard_error *err);
SARD_MUST_CHECK sard_status onnx_write_sequence(const onnx_sequence *t, const onnx_sink *sink, sard_error *err);
SARD_MUST_CHECK sard_status onnx_write_map(const onnx_map *t, const onnx_sink *sink, sard_error *err);
SARD_MUST_CHECK sard_status onnx_write_optional(const onnx_optional *t, const onnx_sink *sink, sard_error *err);

/* A sink that collects in memory: user is an onnx_buffer, whose data the caller mem_frees. */
typedef struct onnx_buffer {
    uint8_t *data;
    size_t n, cap;
} onnx_buffer;
sard_status onnx_buffer_write(void *user, const void *p, size_t n, sard_error *err);
/* A sink to a stdio stream: user is a FILE *. */
sard_status onnx_file_write(void *user, const void *p, size_t n, sard_error *err);

#endif
