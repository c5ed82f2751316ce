/*
 * table.c -- the fields of every ONNX message (onnx-ml.proto and onnx-data.proto of onnx 1.23), one row each.
 *
 * Numbers, names and packing are those of the .proto files; left out, and so skipped when read, are the device
 * configurations (ModelProto 26, NodeProto 10).
 */
#include "onnx/table.h"

/* One row: F(field number, kind, name in the .proto, struct, member). L is a list: its count must be the next member. */
#define F(number, k, text, type, member) [number] = {.name = text, .offset = offsetof(type, member), .kind = k}
#define M(number, k, text, type, member, d)                                                                            \
    [number] = {.name = text, .sub = &d, .offset = offsetof(type, member), .kind = k}
#define DESC(desc, type, table)                                                                                        \
    const message_desc desc = {                                                                                        \
        .rows = table, .n_rows = sizeof table / sizeof table[0], .size = sizeof(type), .has = offsetof(type, has)}

_Static_assert(sizeof(str) == sizeof(onnx_bytes) && sizeof(str) == 2 * sizeof(void *) &&
                   offsetof(str, n) == offsetof(onnx_bytes, n),
               "views and lists have one layout: a pointer, then a size");

static const field_row entry_rows[] = {
    F(1, FIELD_STR, "key", onnx_entry, key),
    F(2, FIELD_STR, "value", onnx_entry, value),
};
DESC(desc_entry, onnx_entry, entry_rows);

static const field_row opset_rows[] = {
    F(1, FIELD_STR, "domain", onnx_opset, domain),
    F(2, FIELD_I64, "version", onnx_opset, version),
};
DESC(desc_opset, onnx_opset, opset_rows);

static const field_row segment_rows[] = {
    F(1, FIELD_I64, "begin", onnx_segment, begin),
    F(2, FIELD_I64, "end", onnx_segment, end),
};
DESC(desc_segment, onnx_segment, segment_rows);

static const field_row tensor_rows[] = {
    F(1, FIELD_I64S, "dims", onnx_tensor, dims),
    F(2, FIELD_I32, "data_type", onnx_tensor, data_type),
    M(3, FIELD_MSG, "segment", onnx_tensor, segment, desc_segment),
    F(4, FIELD_FIXED32, "float_data", onnx_tensor, float_data),
    F(5, FIELD_VARINTS, "int32_data", onnx_tensor, int32_data),
    F(6, FIELD_STRS, "string_data", onnx_tensor, strings),
    F(7, FIELD_VARINTS, "int64_data", onnx_tensor, int64_data),
    F(8, FIELD_STR, "name", onnx_tensor, name),
    F(9, FIELD_STR, "raw_data", onnx_tensor, raw),
    F(10, FIELD_FIXED64, "double_data", onnx_tensor, double_data),
    F(11, FIELD_VARINTS, "uint64_data", onnx_tensor, uint64_data),
    F(12, FIELD_STR, "doc_string", onnx_tensor, doc),
    M(13, FIELD_MSGS, "external_data", onnx_tensor, external, desc_entry),
    F(14, FIELD_I32, "data_location", onnx_tensor, data_location),
    M(16, FIELD_MSGS, "metadata_props", onnx_tensor, metadata, desc_entry),
};
DESC(desc_tensor, onnx_tensor, tensor_rows);

static const field_row sparse_rows[] = {
    M(1, FIELD_MSG, "values", onnx_sparse, values, desc_tensor),
    M(2, FIELD_MSG, "indices", onnx_sparse, indices, desc_tensor),
    F(3, FIELD_I64S, "dims", onnx_sparse, dims),
};
DESC(desc_sparse, onnx_sparse, sparse_rows);

static const field_row dim_rows[] = {
    [1] = {.name = "dim_value", .offset = offsetof(onnx_dim, value), .kind = FIELD_I64, .when = ONNX_DIM_VALUE},
    [2] = {.name = "dim_param", .offset = offsetof(onnx_dim, param), .kind = FIELD_STR, .when = ONNX_DIM_PARAM},
    F(3, FIELD_STR, "denotation", onnx_dim, denotation),
};
const message_desc desc_dim = {.rows = dim_rows,
                               .n_rows = 4,
                               .size = sizeof(onnx_dim),
                               .has = offsetof(onnx_dim, has),
                               .discriminator = offsetof(onnx_dim, kind),
                               .one_from = offsetof(onnx_dim, value),
                               .one_until = offsetof(onnx_dim, denotation),
                               .rule = RULE_ONEOF};

static const field_row shape_rows[] = {
    M(1, FIELD_MSGS, "dim", onnx_shape, dims, desc_dim),
};
DESC(desc_shape, onnx_shape, shape_rows);

/* TypeProto's oneof: each member is a message of its own whose fields live in onnx_type. */
#define INNER(desc, table)                                                                                             \
    static const message_desc desc = {.rows = table,                                                                   \
                                      .n_rows = sizeof table / sizeof table[0],                                        \
                                      .size = sizeof(onnx_type),                                                       \
                                      .has = offsetof(onnx_type, inner_has)}
static const field_row tensor_type_rows[] = {
    F(1, FIELD_I32, "elem_type", onnx_type, elem_type),
    M(2, FIELD_MSG, "shape", onnx_type, shape, desc_shape),
};
INNER(desc_tensor_type, tensor_type_rows);
static const field_row elem_type_rows[] = {
    M(1, FIELD_MSG, "elem_type", onnx_type, elem, desc_type),
};
INNER(desc_elem_type, elem_type_rows);
static const field_row map_type_rows[] = {
    F(1, FIELD_I32, "key_type", onnx_type, key_type),
    M(2, FIELD_MSG, "value_type", onnx_type, elem, desc_type),
};
INNER(desc_map_type, map_type_rows);
static const field_row opaque_type_rows[] = {
    F(1, FIELD_STR, "domain", onnx_type, domain),
    F(2, FIELD_STR, "name", onnx_type, name),
};
INNER(desc_opaque_type, opaque_type_rows);

#define T(number, text, d) [number] = {.name = text, .sub = &d, .kind = FIELD_INNER, .when = number}
static const field_row type_rows[] = {
    T(ONNX_TYPE_TENSOR, "tensor_type", desc_tensor_type),
    T(ONNX_TYPE_SEQUENCE, "sequence_type", desc_elem_type),
    T(ONNX_TYPE_MAP, "map_type", desc_map_type),
    F(6, FIELD_STR, "denotation", onnx_type, denotation),
    T(ONNX_TYPE_OPAQUE, "opaque_type", desc_opaque_type),
    T(ONNX_TYPE_SPARSE, "sparse_tensor_type", desc_tensor_type),
    T(ONNX_TYPE_OPTIONAL, "optional_type", desc_elem_type),
};
const message_desc desc_type = {.rows = type_rows,
                                .n_rows = sizeof type_rows / sizeof type_rows[0],
                                .size = sizeof(onnx_type),
                                .has = offsetof(onnx_type, has),
                                .discriminator = offsetof(onnx_type, kind),
                                .one_from = offsetof(onnx_type, inner_has),
                                .one_until = sizeof(onnx_type),
                                .rule = RULE_ONEOF};

static const field_row value_info_rows[] = {
    F(1, FIELD_STR, "name", onnx_value_info, name),
    M(2, FIELD_MSG, "type", onnx_value_info, type, desc_type),
    F(3, FIELD_STR, "doc_string", onnx_value_info, doc),
    M(4, FIELD_MSGS, "metadata_props", onnx_value_info, metadata, desc_entry),
};
DESC(desc_value_info, onnx_value_info, value_info_rows);

static const field_row attr_rows[] = {
    F(1, FIELD_STR, "name", onnx_attr, name),
    [2] = {.name = "f", .offset = offsetof(onnx_attr, f), .kind = FIELD_F32, .when = ONNX_ATTR_FLOAT},
    [3] = {.name = "i", .offset = offsetof(onnx_attr, i), .kind = FIELD_I64, .when = ONNX_ATTR_INT},
    [4] = {.name = "s", .offset = offsetof(onnx_attr, s), .kind = FIELD_STR, .when = ONNX_ATTR_STRING},
    M(5, FIELD_MSG, "t", onnx_attr, t, desc_tensor),
    M(6, FIELD_MSG, "g", onnx_attr, g, desc_graph),
    F(7, FIELD_F32S, "floats", onnx_attr, floats),
    F(8, FIELD_I64S, "ints", onnx_attr, ints),
    F(9, FIELD_STRS, "strings", onnx_attr, strings),
    M(10, FIELD_MSGS, "tensors", onnx_attr, tensors, desc_tensor),
    M(11, FIELD_MSGS, "graphs", onnx_attr, graphs, desc_graph),
    F(13, FIELD_STR, "doc_string", onnx_attr, doc),
    M(14, FIELD_MSG, "tp", onnx_attr, tp, desc_type),
    M(15, FIELD_MSGS, "type_protos", onnx_attr, types, desc_type),
    F(20, FIELD_I32, "type", onnx_attr, type),
    F(21, FIELD_STR, "ref_attr_name", onnx_attr, ref_attr_name),
    M(22, FIELD_MSG, "sparse_tensor", onnx_attr, sparse, desc_sparse),
    M(23, FIELD_MSGS, "sparse_tensors", onnx_attr, sparses, desc_sparse),
};
const message_desc desc_attr = {.rows = attr_rows,
                                .n_rows = sizeof attr_rows / sizeof attr_rows[0],
                                .size = sizeof(onnx_attr),
                                .has = offsetof(onnx_attr, has),
                                .discriminator = offsetof(onnx_attr, type),
                                .rule = RULE_TYPED};

static const field_row node_rows[] = {
    F(1, FIELD_STRS, "input", onnx_node, inputs),
    F(2, FIELD_STRS, "output", onnx_node, outputs),
    F(3, FIELD_STR, "name", onnx_node, name),
    F(4, FIELD_STR, "op_type", onnx_node, op_type),
    M(5, FIELD_MSGS, "attribute", onnx_node, attrs, desc_attr),
    F(6, FIELD_STR, "doc_string", onnx_node, doc),
    F(7, FIELD_STR, "domain", onnx_node, domain),
    F(8, FIELD_STR, "overload", onnx_node, overload),
    M(9, FIELD_MSGS, "metadata_props", onnx_node, metadata, desc_entry),
};
DESC(desc_node, onnx_node, node_rows);

static const field_row annotation_rows[] = {
    F(1, FIELD_STR, "tensor_name", onnx_annotation, tensor),
    M(2, FIELD_MSGS, "quant_parameter_tensor_names", onnx_annotation, params, desc_entry),
};
DESC(desc_annotation, onnx_annotation, annotation_rows);

static const field_row graph_rows[] = {
    M(1, FIELD_MSGS, "node", onnx_graph, nodes, desc_node),
    F(2, FIELD_STR, "name", onnx_graph, name),
    M(5, FIELD_MSGS, "initializer", onnx_graph, initializers, desc_tensor),
    F(10, FIELD_STR, "doc_string", onnx_graph, doc),
    M(11, FIELD_MSGS, "input", onnx_graph, inputs, desc_value_info),
    M(12, FIELD_MSGS, "output", onnx_graph, outputs, desc_value_info),
    M(13, FIELD_MSGS, "value_info", onnx_graph, value_infos, desc_value_info),
    M(14, FIELD_MSGS, "quantization_annotation", onnx_graph, annotations, desc_annotation),
    M(15, FIELD_MSGS, "sparse_initializer", onnx_graph, sparse_initializers, desc_sparse),
    M(16, FIELD_MSGS, "metadata_props", onnx_graph, metadata, desc_entry),
};
DESC(desc_graph, onnx_graph, graph_rows);

static const field_row function_rows[] = {
    F(1, FIELD_STR, "name", onnx_function, name),
    F(4, FIELD_STRS, "input", onnx_function, inputs),
    F(5, FIELD_STRS, "output", onnx_function, outputs),
    F(6, FIELD_STRS, "attribute", onnx_function, attrs),
    M(7, FIELD_MSGS, "node", onnx_function, nodes, desc_node),
    F(8, FIELD_STR, "doc_string", onnx_function, doc),
    M(9, FIELD_MSGS, "opset_import", onnx_function, opsets, desc_opset),
    F(10, FIELD_STR, "domain", onnx_function, domain),
    M(11, FIELD_MSGS, "attribute_proto", onnx_function, attr_protos, desc_attr),
    M(12, FIELD_MSGS, "value_info", onnx_function, value_infos, desc_value_info),
    F(13, FIELD_STR, "overload", onnx_function, overload),
    M(14, FIELD_MSGS, "metadata_props", onnx_function, metadata, desc_entry),
};
DESC(desc_function, onnx_function, function_rows);

static const field_row training_rows[] = {
    M(1, FIELD_MSG, "initialization", onnx_training, initialization, desc_graph),
    M(2, FIELD_MSG, "algorithm", onnx_training, algorithm, desc_graph),
    M(3, FIELD_MSGS, "initialization_binding", onnx_training, initialization_binding, desc_entry),
    M(4, FIELD_MSGS, "update_binding", onnx_training, update_binding, desc_entry),
};
DESC(desc_training, onnx_training, training_rows);

static const field_row model_rows[] = {
    F(1, FIELD_I64, "ir_version", onnx_model, ir_version),
    F(2, FIELD_STR, "producer_name", onnx_model, producer_name),
    F(3, FIELD_STR, "producer_version", onnx_model, producer_version),
    F(4, FIELD_STR, "domain", onnx_model, domain),
    F(5, FIELD_I64, "model_version", onnx_model, model_version),
    F(6, FIELD_STR, "doc_string", onnx_model, doc),
    M(7, FIELD_MSG, "graph", onnx_model, graph, desc_graph),
    M(8, FIELD_MSGS, "opset_import", onnx_model, opsets, desc_opset),
    M(14, FIELD_MSGS, "metadata_props", onnx_model, metadata, desc_entry),
    M(20, FIELD_MSGS, "training_info", onnx_model, training, desc_training),
    M(25, FIELD_MSGS, "functions", onnx_model, functions, desc_function),
};
DESC(desc_model, onnx_model, model_rows);

/* ---- onnx-data.proto ---- */

static const field_row sequence_rows[] = {
    F(1, FIELD_STR, "name", onnx_sequence, name),
    F(2, FIELD_I32, "elem_type", onnx_sequence, elem_type),
    M(3, FIELD_MSGS, "tensor_values", onnx_sequence, tensors, desc_tensor),
    M(4, FIELD_MSGS, "sparse_tensor_values", onnx_sequence, sparses, desc_sparse),
    M(5, FIELD_MSGS, "sequence_values", onnx_sequence, sequences, desc_sequence),
    M(6, FIELD_MSGS, "map_values", onnx_sequence, maps, desc_map),
    M(7, FIELD_MSGS, "optional_values", onnx_sequence, optionals, desc_optional),
};
DESC(desc_sequence, onnx_sequence, sequence_rows);

static const field_row map_rows[] = {
    F(1, FIELD_STR, "name", onnx_map, name),
    F(2, FIELD_I32, "key_type", onnx_map, key_type),
    F(3, FIELD_I64S, "keys", onnx_map, keys),
    F(4, FIELD_STRS, "string_keys", onnx_map, string_keys),
    M(5, FIELD_MSG, "values", onnx_map, values, desc_sequence),
};
DESC(desc_map, onnx_map, map_rows);

static const field_row optional_rows[] = {
    F(1, FIELD_STR, "name", onnx_optional, name),
    F(2, FIELD_I32, "elem_type", onnx_optional, elem_type),
    M(3, FIELD_MSG, "tensor_value", onnx_optional, tensor, desc_tensor),
    M(4, FIELD_MSG, "sparse_tensor_value", onnx_optional, sparse, desc_sparse),
    M(5, FIELD_MSG, "sequence_value", onnx_optional, sequence, desc_sequence),
    M(6, FIELD_MSG, "map_value", onnx_optional, map, desc_map),
    M(7, FIELD_MSG, "optional_value", onnx_optional, optional, desc_optional),
};
DESC(desc_optional, onnx_optional, optional_rows);
