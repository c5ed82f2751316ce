/*
 * MelWeightMatrix -- triangles that gather the bins of a spectrum into bands evenly spaced on the mel scale.
 *
 * Computed in double, rounded once.
 */
#include "kernels/pointwise/math64.h"
#include "ops/common.h"

enum { OUTPUT_TYPE };
enum { BANDS, LENGTH, RATE, LOWER, UPPER };
#define INDEX (DT(SARD_I32) | DT(SARD_I64))
static const attr_def mel_attrs[] = {ATTR_I("output_datatype", 1)};
static const formal mel_in[] = {
    {.name = "num_mel_bins", .var = "T1", .types = INDEX, .flags = F_CONST},
    {.name = "dft_length", .var = "T1", .types = INDEX, .flags = F_CONST},
    {.name = "sample_rate", .var = "T1", .types = INDEX},
    {.name = "lower_edge_hertz", .var = "T2", .types = DT_FLOAT},
    {.name = "upper_edge_hertz", .var = "T2", .types = DT_FLOAT},
};
static const formal mel_out[] = {{.name = "output", .var = "T3", .types = DT_NUMBER}};

static sard_status type_of(const attr *a, sard_dtype *out, sard_error *err) {
    FAIL_IF(a->i <= 0 || a->i >= SARD_DTYPE_COUNT || !dtype_in((int)a->i, DT_NUMBER), err, SARD_INVALID_MODEL,
            "attribute 'output_datatype' is %lld, which is no type of numbers", (long long)a->i);
    *out = (sard_dtype)a->i;
    return SARD_OK;
}

static sard_status infer(infer_ctx *c, sard_error *err) {
    const known *bands = &c->in_known[BANDS], *n = &c->in_known[LENGTH];
    int64_t dim[] = {n->v && n->n == 1 ? dim_add(c->mod, dim_div(c->mod, n->v[0], 2), 1) : DIM_UNKNOWN,
                     bands->v && bands->n == 1 ? bands->v[0] : DIM_UNKNOWN};
    sard_dtype t = SARD_F32;
    TRY(type_of(infer_attr(c, OUTPUT_TYPE), &t, err));
    for (int i = 0; i < 2; i++)
        FAIL_IF(dim_known(dim[i]) && dim[i] < 0, err, SARD_INVALID_ARGUMENT, "an extent of %lld", (long long)dim[i]);
    c->out[0] = type_tensor(t, 2, dim);
    return SARD_OK;
}

static const double ln10 = 2.30258509299404568402;

/* The bin at which point i of bands + 2 lies, kept within the spectrum. */
static int64_t bin_of(int64_t i, double low, double step, int64_t length, int64_t rate) {
    double hertz = 700 * m64_expm1((low + (double)i * step) / 2595 * ln10);
    double bin = m64_floor((double)(length + 1) * hertz / (double)rate);
    int64_t most = length / 2;
    return bin > 0 ? bin < (double)most ? (int64_t)bin : most : 0;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    int64_t v[3];
    double edge[2];
    for (uint32_t i = BANDS; i <= UPPER; i++) {
        const tensor *t = op_in(c, i);
        FAIL_IF(tensor_count(t) != 1, err, SARD_INVALID_ARGUMENT, "input %u has %lld elements; 1 is needed", i,
                (long long)tensor_count(t));
        if (i < LOWER)
            v[i] = tensor_get_i64(t, 0);
        else
            edge[i - LOWER] = tensor_get_f64(t, 0);
    }
    FAIL_IF(v[BANDS] < 0 || v[LENGTH] < 0 || v[RATE] < 1 || v[LENGTH] > INT32_MAX || v[BANDS] > INT32_MAX, err,
            SARD_INVALID_ARGUMENT, "num_mel_bins %lld, dft_length %lld, sample_rate %lld", (long long)v[BANDS],
            (long long)v[LENGTH], (long long)v[RATE]);
    FAIL_IF(!(edge[0] >= 0 && edge[1] >= edge[0] && edge[1] < 1e15), err, SARD_INVALID_ARGUMENT, "edges %g and %g",
            edge[0], edge[1]);
    sard_dtype t = SARD_F32;
    shape s = {2, {v[LENGTH] / 2 + 1, v[BANDS]}};
    tensor *y;
    TRY(type_of(op_attr(c, OUTPUT_TYPE), &t, err));
    TRY(op_out(c, 0, t, &s, &y, err));
    memset(tensor_data(y), 0, tensor_bytes(y));
    double low = 2595 * m64_log1p(edge[0] / 700) / ln10, high = 2595 * m64_log1p(edge[1] / 700) / ln10;
    double step = (high - low) / (double)(v[BANDS] + 2);
    for (int64_t i = 0; i < v[BANDS]; i++) {
        int64_t left = bin_of(i, low, step, v[LENGTH], v[RATE]), mid = bin_of(i + 1, low, step, v[LENGTH], v[RATE]);
        int64_t right = bin_of(i + 2, low, step, v[LENGTH], v[RATE]);
        if (left == mid) tensor_set_f64(y, mid * v[BANDS] + i, 1);
        for (int64_t k = left; left < mid && k <= mid; k++)
            tensor_set_f64(y, k * v[BANDS] + i, (double)(k - left) / (double)(mid - left));
        for (int64_t k = mid; k < right; k++)
            tensor_set_f64(y, k * v[BANDS] + i, (double)(right - k) / (double)(right - mid));
    }
    return SARD_OK;
}

const op_def op_melweightmatrix = {
    .domain = "",
    .name = "MelWeightMatrix",
    .doc = "weights that gather a spectrum into mel bands",
    OP_SINCE(17),
    OP_ATTRS(mel_attrs),
    OP_IN(mel_in),
    OP_OUT(mel_out),
    .infer = infer,
    .run = run,
};
