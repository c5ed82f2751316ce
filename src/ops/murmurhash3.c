/*
 * MurmurHash3 (com.microsoft) -- 32-bit hashes of numbers' bytes (little endian) and of strings, by Austin Appleby's
 * MurmurHash3_x86_32.
 */
#include "ops/common.h"

enum { POSITIVE, SEED };
static const attr_def hash_attrs[] = {ATTR_I("positive", 1), ATTR_I("seed", 0)};
static const formal hash_in[] = {
    {.name = "X",
     .var = "T1",
     .types = DT_STRING | DT(SARD_I32) | DT(SARD_U32) | DT(SARD_I64) | DT(SARD_U64) | DT(SARD_F32) | DT(SARD_F64)},
};
static const formal hash_out[] = {{.name = "Y", .var = "T2", .types = DT(SARD_I32) | DT(SARD_U32)}};

static sard_status infer(infer_ctx *c, sard_error *err) {
    TRY(infer_same(c, err));
    c->out[0].dtype = infer_attr(c, POSITIVE)->i ? SARD_U32 : SARD_I32;
    return SARD_OK;
}

static uint32_t turn(uint32_t x, int n) { return x << n | x >> (32 - n); }

static uint32_t mix(uint32_t k) { return turn(k * 0xcc9e2d51u, 15) * 0x1b873593u; }

static uint32_t hash(const char *data, size_t n, uint32_t h) {
    const unsigned char *p = (const unsigned char *)data;
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        uint32_t k = p[i] | (uint32_t)p[i + 1] << 8 | (uint32_t)p[i + 2] << 16 | (uint32_t)p[i + 3] << 24;
        h = turn(h ^ mix(k), 13) * 5 + 0xe6546b64u;
    }
    uint32_t rest = 0;
    for (size_t k = n; k > i; k--) rest = rest << 8 | p[k - 1];
    h ^= mix(rest) ^ (uint32_t)n;
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    return h ^ h >> 16;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *x = op_in(c, 0);
    shape s = shape_of(x);
    tensor *y;
    size_t size = (size_t)dtype_bits(x->dtype) / 8;
    uint32_t seed = (uint32_t)op_attr(c, SEED)->i;
    TRY(op_out(c, 0, op_attr(c, POSITIVE)->i ? SARD_U32 : SARD_I32, &s, &y, err));
    for (int64_t i = 0, n = tensor_count(x); i < n; i++) {
        str b = x->dtype == SARD_STRING ? TENSOR_AT(x, str)[i] : (str){TENSOR_AT(x, char) + (size_t)i * size, size};
        TENSOR_AT(y, uint32_t)[i] = hash(b.p, b.n, seed);
    }
    return SARD_OK;
}

const op_def op_murmurhash3 = {
    .domain = "com.microsoft",
    .name = "MurmurHash3",
    .doc = "32-bit hashes",
    OP_SINCE(1),
    OP_ATTRS(hash_attrs),
    OP_IN(hash_in),
    OP_OUT(hash_out),
    .infer = infer,
    .run = run,
};
