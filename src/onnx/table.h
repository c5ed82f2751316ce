/*
 * table.h -- descriptors of the ONNX messages: what the reader and the writer share.
 *
 * A descriptor's rows are indexed by field number, so finding a field is one load and a walk over the rows is in the
 * order of field numbers. All field numbers are below 32: bit n of a message's `has` is field n.
 */
#ifndef SARD_ONNX_TABLE_H
#define SARD_ONNX_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "onnx/onnx.h"

typedef enum field_kind {
    FIELD_NONE = 0, /* an unused number */
    FIELD_I64,      /* varint -> int64_t */
    FIELD_I32,      /* varint -> int32_t; enumerations too */
    FIELD_F32,      /* fixed32 -> float */
    FIELD_STR,      /* bytes -> str, a view (onnx_bytes has the same layout) */
    FIELD_MSG,      /* message -> pointer into the arena */
    FIELD_INNER,    /* message whose fields live in the same struct as its parent's */
    FIELD_STRS,     /* lists, a pointer and a count: str, */
    FIELD_MSGS,     /* messages, */
    FIELD_I64S,     /* decoded int64_t, */
    FIELD_F32S,     /* decoded float (these two are written unpacked, as the .proto says) */
    FIELD_VARINTS,  /* numbers kept and written in packed wire form, as onnx_bytes: varints, */
    FIELD_FIXED32,  /* 4 bytes, */
    FIELD_FIXED64   /* 8 bytes */
} field_kind;

typedef struct message_desc message_desc;

typedef struct field_row {
    const char *name;        /* as in the .proto, for paths in errors */
    const message_desc *sub; /* of FIELD_MSG, FIELD_INNER, FIELD_MSGS */
    uint16_t offset;         /* in the struct; of a list: of the pointer, its count follows */
    uint8_t kind;            /* field_kind */
    uint8_t when;            /* non-zero: belongs to this value of the message's discriminator */
} field_row;

typedef enum desc_rule {
    RULE_NONE = 0,
    RULE_ONEOF, /* rows with `when` are members of a oneof: reading sets the discriminator, setting another clears */
    RULE_TYPED  /* rows with `when` are written whenever the discriminator has that value */
} desc_rule;

struct message_desc {
    const field_row *rows; /* indexed by field number */
    uint16_t n_rows;
    uint16_t size;                /* of the struct */
    uint16_t has;                 /* offset of its `has` */
    uint16_t discriminator;       /* offset of a uint32_t or int32_t */
    uint16_t one_from, one_until; /* RULE_ONEOF: where its members live */
    uint8_t rule;                 /* desc_rule */
};

extern const message_desc desc_model, desc_graph, desc_node, desc_attr, desc_tensor, desc_sparse, desc_type, desc_shape,
    desc_dim, desc_value_info, desc_entry, desc_opset, desc_segment, desc_annotation, desc_function, desc_training,
    desc_sequence, desc_map, desc_optional;

#endif
