/*
 * binary.c -- operators of two inputs, with NumPy broadcasting, that are one instruction of a pointwise program.
 *
 *   7: attributes broadcast and axis gave way to NumPy broadcasting (upgrade_old_broadcast); else types were widened.
 */
#include "ops/common.h"

static const formal number_in[] = {{.name = "A", .var = "T", .types = DT_NUMBER},
                                   {.name = "B", .var = "T", .types = DT_NUMBER}};
static const formal bool_in[] = {{.name = "A", .var = "T", .types = DT_BOOL},
                                 {.name = "B", .var = "T", .types = DT_BOOL}};
static const formal int_in[] = {{.name = "A", .var = "T", .types = DT_INT}, {.name = "B", .var = "T", .types = DT_INT}};
static const formal number_out[] = {{.name = "C", .var = "T", .types = DT_NUMBER}};
static const formal int_out[] = {{.name = "C", .var = "T", .types = DT_INT}};
static const formal truth_out[] = {{.name = "C", .var = "T1", .types = DT_BOOL}};

/* Shapes are computed by small graphs of Shape, Add, Mul, Div ...: integer arithmetic on known values goes on. */
static sard_status infer_arith(infer_ctx *c, sard_error *err) {
    TRY(infer_broadcast(c, err));
    const known *a = &c->in_known[0], *b = &c->in_known[1];
    if (!a->v || !b->v || !dtype_in(c->out[0].dtype, DT(SARD_I64) | DT(SARD_I32))) return SARD_OK;
    uint32_t n = a->n > b->n ? a->n : b->n;
    if ((a->n != n && a->n != 1) || (b->n != n && b->n != 1)) return SARD_OK;
    int64_t *v = infer_known_alloc(c, n);
    if (!v) return SARD_OK;
    for (uint32_t i = 0; i < n; i++) {
        int64_t x = a->v[a->n == 1 ? 0 : i], y = b->v[b->n == 1 ? 0 : i];
        switch (c->node->op->code) {
        case PW_ADD:
            v[i] = dim_add(c->mod, x, y);
            break;
        case PW_SUB:
            v[i] = dim_sub(c->mod, x, y);
            break;
        case PW_MUL:
            v[i] = dim_mul(c->mod, x, y);
            break;
        default:
            if (dim_known(x) && dim_known(y))
                v[i] = y && y != -1 ? x / y : DIM_UNKNOWN;
            else
                v[i] = dim_known(y) && y > 0 ? dim_div(c->mod, x, y) : DIM_UNKNOWN; /* dimensions are not negative */
        }
    }
    c->out_known[0] = (known){v, n};
    return SARD_OK;
}

#define BINARY(nm, pw, text, i, o)                                                                                     \
    .name = nm, .doc = text, .code = PW_##pw, OP_IN(i), OP_OUT(o), .domain = "", .emit = emit_code2,                   \
    .upgrade = upgrade_old_broadcast

/* clang-format off */
const op_def op_add = {BINARY("Add", ADD, "a + b", number_in, number_out), OP_SINCE(1, 6, 7, 13, 14),
    .infer = infer_arith, .flags = OP_INPLACE0 | OP_COMMUTES};
const op_def op_sub = {BINARY("Sub", SUB, "a - b", number_in, number_out), OP_SINCE(1, 6, 7, 13, 14),
    .infer = infer_arith, .flags = OP_INPLACE0};
const op_def op_mul = {BINARY("Mul", MUL, "a * b", number_in, number_out), OP_SINCE(1, 6, 7, 13, 14),
    .infer = infer_arith, .flags = OP_INPLACE0 | OP_COMMUTES};
const op_def op_div = {BINARY("Div", DIV, "a / b; integers: toward zero", number_in, number_out), OP_SINCE(1, 6, 7, 13, 14),
    .infer = infer_arith, .flags = OP_INPLACE0};
const op_def op_bitwiseand = {BINARY("BitwiseAnd", BITAND, "a & b", int_in, int_out), OP_SINCE(18),
    .infer = infer_broadcast, .flags = OP_INPLACE0 | OP_COMMUTES};
const op_def op_bitwiseor = {BINARY("BitwiseOr", BITOR, "a | b", int_in, int_out), OP_SINCE(18),
    .infer = infer_broadcast, .flags = OP_INPLACE0 | OP_COMMUTES};
const op_def op_bitwisexor = {BINARY("BitwiseXor", BITXOR, "a ^ b", int_in, int_out), OP_SINCE(18),
    .infer = infer_broadcast, .flags = OP_INPLACE0 | OP_COMMUTES};
const op_def op_and = {BINARY("And", AND, "a and b", bool_in, truth_out), OP_SINCE(1, 7),
    .infer = infer_broadcast_bool, .flags = OP_INPLACE0 | OP_COMMUTES};
const op_def op_or = {BINARY("Or", OR, "a or b", bool_in, truth_out), OP_SINCE(1, 7),
    .infer = infer_broadcast_bool, .flags = OP_INPLACE0 | OP_COMMUTES};
const op_def op_xor = {BINARY("Xor", XOR, "a xor b", bool_in, truth_out), OP_SINCE(1, 7),
    .infer = infer_broadcast_bool, .flags = OP_INPLACE0 | OP_COMMUTES};
const op_def op_less = {BINARY("Less", LT, "a < b", number_in, truth_out), OP_SINCE(1, 7, 9, 13),
    .infer = infer_broadcast_bool, .flags = 0};
const op_def op_lessorequal = {BINARY("LessOrEqual", LE, "a <= b", number_in, truth_out), OP_SINCE(12, 16),
    .infer = infer_broadcast_bool, .flags = 0};
const op_def op_greater = {BINARY("Greater", GT, "a > b", number_in, truth_out), OP_SINCE(1, 7, 9, 13),
    .infer = infer_broadcast_bool, .flags = 0};
const op_def op_greaterorequal = {BINARY("GreaterOrEqual", GE, "a >= b", number_in, truth_out), OP_SINCE(12, 16),
    .infer = infer_broadcast_bool, .flags = 0};
/* clang-format on */
