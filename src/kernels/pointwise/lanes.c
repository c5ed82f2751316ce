/*
 * lanes.c -- scalar code on lanes: staging of types that no load or store step converts, and the CALL step.
 *
 * In 32-bit lanes a float of any format is a float, an integer of up to 32 bits an int32 (U32: its bits), BOOL 0 or -1;
 * in 64-bit lanes a float is a double, an integer an int64.
 */
#include <string.h>

#include "kernels/pointwise/program.h"

pw_cell pw_from_lane(pw_type t, int lane_bits, const void *lane) {
    pw_cell c = {.i = 0};
    pw_family f = pw_family_of(t);
    if (lane_bits == 64) {
        memcpy(&c.i, lane, 8);
        if (f == PW_FAM_F32) c.f = (float)c.d;
    } else if (f == PW_FAM_F32) {
        memcpy(&c.f, lane, 4);
    } else {
        int32_t i;
        memcpy(&i, lane, 4);
        c.i = t == SARD_U32 ? (int64_t)(uint32_t)i : i;
    }
    if (f == PW_FAM_BOOL) c.i = c.i != 0;
    return c;
}

void pw_to_lane(pw_type t, int lane_bits, void *lane, pw_cell c) {
    pw_family f = pw_family_of(t);
    if (f == PW_FAM_BOOL) c.i = -c.i;
    if (lane_bits == 64) {
        if (f == PW_FAM_F32) c.d = (double)c.f;
        memcpy(lane, &c.i, 8);
    } else if (f == PW_FAM_F32) {
        memcpy(lane, &c.f, 4);
    } else {
        int32_t i = (int32_t)(uint32_t)(uint64_t)c.i;
        memcpy(lane, &i, 4);
    }
}

void pw_call_lanes(const pw_step *s, int lane_bits, int n, void *x, const void *a, const void *b) {
    int size = lane_bits / 8, operands = pw_operands((pw_opcode)s->op);
    pw_type type = (pw_type)s->type, from = (pw_type)s->from;
    char *px = x;
    const char *pa = a, *pb = b;
    for (int i = 0; i < n; i++, px += size, pa += size, pb += size) {
        pw_cell c[3] = {{.i = 0}, {.i = 0}, {.i = 0}};
        c[0] = pw_from_lane(from, lane_bits, px);
        if (operands > 1) c[1] = pw_from_lane(from, lane_bits, pa);
        if (operands > 2) c[2] = pw_from_lane(from, lane_bits, pb);
        pw_to_lane(type, lane_bits, px, pw_eval((pw_opcode)s->op, type, from, s->flags, c));
    }
}

/* ---- staging ---------------------------------------------------------------------------------------------------------- */

/* The common pairs, as loops a compiler makes vectors of: PAIR(memory type, C type, lane C type, expression of x). Returns
 * from the calling function when the types match. */
#define PAIR(mem_type, lane_type, M, L, expression)                                                                    \
    if (t == mem_type && lane == lane_type) {                                                                          \
        const M *from = mem;                                                                                           \
        L *to = lanes;                                                                                                 \
        for (int k = 0; k < n; k++) {                                                                                  \
            const M x = from[k];                                                                                       \
            to[k] = (expression);                                                                                      \
        }                                                                                                              \
        return true;                                                                                                   \
    }
static bool fast_in32(pw_type t, pw_type lane, int n, const void *mem, void *lanes) {
    PAIR(SARD_I64, SARD_F32, int64_t, float, (float)x)
    PAIR(SARD_I64, SARD_I32, int64_t, int32_t, (int32_t)(uint32_t)(uint64_t)x)
    PAIR(SARD_I64, SARD_BOOL, int64_t, int32_t, -(x != 0))
    PAIR(SARD_F64, SARD_F32, double, float, (float)x)
    return false;
}
static bool fast_in64(pw_type t, pw_type lane, int n, const void *mem, void *lanes) {
    PAIR(SARD_F32, SARD_F32, float, double, (double)x)
    PAIR(SARD_I32, SARD_I32, int32_t, int64_t, x)
    PAIR(SARD_BOOL, SARD_BOOL, uint8_t, int64_t, -(int64_t)(x != 0))
    PAIR(SARD_U8, SARD_U8, uint8_t, int64_t, x)
    return false;
}
static bool fast_out32(pw_type t, pw_type lane, int n, void *lanes, const void *mem) { /* from mem (lanes) to lanes */
    PAIR(SARD_I32, SARD_I64, int32_t, int64_t, x)
    PAIR(SARD_BOOL, SARD_I64, int32_t, int64_t, x != 0)
    PAIR(SARD_F32, SARD_F64, float, double, (double)x)
    PAIR(SARD_F32, SARD_I64, float, int64_t,
         x != x          ? 0
         : x >= 0x1p63f  ? INT64_MAX
         : x <= -0x1p63f ? INT64_MIN
                         : (int64_t)x)
    return false;
}
static bool fast_out64(pw_type t, pw_type lane, int n, void *lanes, const void *mem) {
    PAIR(SARD_F32, SARD_F32, double, float, (float)x)
    PAIR(SARD_I32, SARD_I32, int64_t, int32_t, (int32_t)(uint32_t)(uint64_t)x)
    PAIR(SARD_BOOL, SARD_BOOL, int64_t, uint8_t, x != 0)
    return false;
}
#undef PAIR

/* An element gathered by run.c: packed types one to a byte. */
static pw_cell gathered(pw_type t, const void *mem, int k) {
    int n = pw_bits(t);
    if (n >= 8) return pw_load_cell(t, mem, k);
    return pw_load_cell(t, (const uint8_t *)mem + k, 0);
}

void pw_stage_in(const pw_source *s, int lane_bits, int n, const void *mem, void *lanes) {
    pw_type t = (pw_type)s->type, lane = (pw_type)s->lane;
    char *out = lanes;
    if (!s->flags && (lane_bits == 32 ? fast_in32 : fast_in64)(t, lane, n, mem, lanes)) return;
    for (int k = 0; k < n; k++) {
        pw_cell c = gathered(t, mem, k);
        if (lane != t) c = pw_convert(lane, t, s->flags, c);
        pw_to_lane(lane, lane_bits, out + k * (lane_bits / 8), c);
    }
}

void pw_stage_out(const pw_sink *s, int lane_bits, int n, const void *lanes, void *mem) {
    pw_type t = (pw_type)s->type, lane = (pw_type)s->lane;
    const char *in = lanes;
    if (!s->flags && (lane_bits == 32 ? fast_out32 : fast_out64)(lane, t, n, mem, lanes)) return;
    for (int k = 0; k < n; k++) {
        pw_cell c = pw_from_lane(lane, lane_bits, in + k * (lane_bits / 8));
        if (lane != t) c = pw_convert(t, lane, s->flags, c);
        if (pw_bits(t) >= 8)
            pw_store_cell(t, mem, k, c);
        else
            pw_store_cell(t, (uint8_t *)mem + k, 0, c);
    }
}
