/*
 * type.h -- what is known of a value before it exists: kind, element type, dimensions.
 *
 * A dimension is a number (>= 0), a symbol or unknown. A symbol is the id of its text in the module's string
 * table: "batch", "(batch*12)". Arithmetic on dimensions makes canonical text, so equal expressions are equal ids.
 * The same coding serves small integer values that reach shapes ("known ints"), which may also be negative.
 */
#ifndef SARD_GRAPH_TYPE_H
#define SARD_GRAPH_TYPE_H

#include "base/str.h"
#include "tensor/tensor.h"

#define DIM_UNKNOWN   INT64_MIN
#define DIM_SYM(id)   (INT64_MIN + 1 + (int64_t)(id))
#define DIM_SYM_ID(d) ((str_id)((d)-INT64_MIN - 1))
static inline bool dim_known(int64_t d) { return d > INT64_MIN + UINT32_MAX; } /* a plain number */
static inline bool dim_is_sym(int64_t d) { return !dim_known(d) && d != DIM_UNKNOWN; }

typedef uint32_t type_id; /* index into module->types; NO_ID: none */

typedef struct vtype {
    uint8_t kind;  /* sard_kind; SARD_KIND_UNKNOWN: nothing known */
    uint8_t dtype; /* tensor: element type, map: key type; 0: unknown */
    int8_t rank;   /* tensor: -1 unknown */
    type_id elem;  /* sequence, optional: element; map: value */
    int64_t dim[MAX_RANK];
} vtype;

/* Small integer tensors whose values are known (or symbolic) before the run: shapes, axes, sizes. */
enum { KNOWN_MAX = 256 };
typedef struct known {
    const int64_t *v; /* NULL: not known. Elements may be DIM_UNKNOWN or symbols */
    uint32_t n;
} known;

static inline vtype type_unknown(void) { return (vtype){.rank = -1, .elem = UINT32_MAX}; }
vtype type_tensor(sard_dtype t, int rank, const int64_t *dim); /* dim NULL: all unknown */
vtype type_of_tensor(const tensor *t);
bool type_static(const vtype *t);            /* a tensor with rank and all dimensions known */
bool type_shape(const vtype *t, shape *out); /* false unless type_static */

struct module;
/* Expressions; m NULL (at plan time): unknown unless both are numbers. Overflow gives unknown. */
int64_t dim_add(struct module *m, int64_t a, int64_t b);
int64_t dim_sub(struct module *m, int64_t a, int64_t b);
int64_t dim_mul(struct module *m, int64_t a, int64_t b);
int64_t dim_div(struct module *m, int64_t a, int64_t b); /* floor; b > 0 */
int64_t dim_ceil_div(struct module *m, int64_t a, int64_t b);
int64_t dim_max(struct module *m, int64_t a, int64_t b);
int64_t dim_min(struct module *m, int64_t a, int64_t b);
bool dim_nonneg(const struct module *m, int64_t d); /* surely >= 0? (symbols stand for extents) */
/* One dimension of a broadcast: 1 gives way; two different numbers > 1 are an error (false). */
bool dim_broadcast(struct module *m, int64_t a, int64_t b, int64_t *out);
/* What both say together (a number beats a symbol beats unknown); false when two numbers differ. */
bool dim_merge(int64_t a, int64_t b, int64_t *out);
/* Refines *a by b; false (and which is unchanged) when they contradict. */
bool type_merge(struct module *m, vtype *a, const vtype *b);
/* The element type inside: of a tensor, of a sequence's or optional's tensors, of a map's keys; 0: unknown. */
sard_dtype type_elem_dtype(const struct module *m, const vtype *t);
/* "tensor(float)[batch,3,?]" into buf, which is returned. */
const char *type_text(const struct module *m, const vtype *t, char *buf, size_t n);

#endif
