/*
 * recurrent_cell.c -- see recurrent.h. Formulas: ONNX operator texts of RNN, GRU and LSTM.
 */
#include "ops/recurrent.h"

enum { RELU, TANH, SIGMOID, AFFINE, LEAKY_RELU, THRESHOLDED_RELU, SCALED_TANH, HARD_SIGMOID, ELU, SOFTSIGN, SOFTPLUS };
static const struct {
    const char *name;
    bool alpha, beta; /* does it have one? */
    float a, b;       /* their defaults */
} kinds[] = {
    [RELU] = {"relu", false, false, 0, 0},
    [TANH] = {"tanh", false, false, 0, 0},
    [SIGMOID] = {"sigmoid", false, false, 0, 0},
    [AFFINE] = {"affine", true, true, 1, 0},
    [LEAKY_RELU] = {"leakyrelu", true, false, 0.01f, 0},
    [THRESHOLDED_RELU] = {"thresholdedrelu", true, false, 1, 0},
    [SCALED_TANH] = {"scaledtanh", true, true, 1, 1},
    [HARD_SIGMOID] = {"hardsigmoid", true, true, 0.2f, 0.5f},
    [ELU] = {"elu", true, false, 1, 0},
    [SOFTSIGN] = {"softsign", false, false, 0, 0},
    [SOFTPLUS] = {"softplus", false, false, 0, 0},
};

int cell_acts(int kind) { return kind == CELL_RNN ? 1 : kind == CELL_LSTM ? 3 : 2; }

/* Names are compared without regard to case. */
static bool same_name(str a, const char *b) {
    if (a.n != strlen(b)) return false;
    for (size_t i = 0; i < a.n; i++) {
        char ch = a.p[i];
        if ((ch >= 'A' && ch <= 'Z' ? ch + ('a' - 'A') : ch) != b[i]) return false;
    }
    return true;
}

sard_status cell_read_acts(int kind, int dir, int dirs, const attr *names, const attr *alpha, const attr *beta,
                           act *out, sard_error *err) {
    int n = cell_acts(kind);
    size_t a = 0, b = 0; /* alphas and betas are taken in turn by those activations that have one */
    bool given = names->type != ATTR_NONE && names->strs.n > 0;
    FAIL_IF(given && names->strs.n != (size_t)(n * dirs), err, SARD_INVALID_MODEL,
            "attribute 'activations' has %zu names; %d are needed", names->strs.n, n * dirs);
    for (int i = 0; i < n * dirs; i++) {
        int k = kind == CELL_RNN || i % n ? TANH : SIGMOID;
        if (given) {
            for (k = 0; k < (int)OP_COUNT(kinds) && !same_name(names->strs.v[i], kinds[k].name);) k++;
            FAIL_IF(k == (int)OP_COUNT(kinds), err, SARD_INVALID_MODEL, "activation '%.*s' is not known",
                    (int)names->strs.v[i].n, names->strs.v[i].p);
        }
        act v = {k, kinds[k].a, kinds[k].b};
        if (kinds[k].alpha && alpha->type != ATTR_NONE && a < alpha->floats.n) v.alpha = alpha->floats.v[a++];
        if (kinds[k].beta && beta->type != ATTR_NONE && b < beta->floats.n) v.beta = beta->floats.v[b++];
        if (i / n == dir) out[i % n] = v;
    }
    return SARD_OK;
}

/* ---- programs ----------------------------------------------------------------------------------------------------- */

static pw_val activate(pw_builder *b, const cell *c, const act *f, pw_val x) {
    pw_type t = c->type;
    double alpha = (double)f->alpha, beta = (double)f->beta;
    switch (f->kind) {
    case RELU:
        return pw_relu(b, t, x);
    case TANH:
        return pw_op1(b, PW_TANH, t, x);
    case SIGMOID:
        return pw_op1(b, PW_SIGMOID, t, x);
    case AFFINE:
        return pw_op2(b, PW_ADD, t, pw_op2(b, PW_MUL, t, pw_const(b, t, alpha), x), pw_const(b, t, beta));
    case LEAKY_RELU:
        return pw_leaky_relu(b, t, x, alpha);
    case THRESHOLDED_RELU:
        return pw_thresholded_relu(b, t, x, alpha);
    case SCALED_TANH:
        x = pw_op1(b, PW_TANH, t, pw_op2(b, PW_MUL, t, pw_const(b, t, beta), x));
        return pw_op2(b, PW_MUL, t, pw_const(b, t, alpha), x);
    case HARD_SIGMOID:
        return pw_hard_sigmoid(b, t, x, alpha, beta);
    case ELU:
        return pw_elu(b, t, x, alpha);
    case SOFTSIGN:
        return pw_softsign(b, t, x);
    default:
        return pw_op1(b, PW_SOFTPLUS, t, x);
    }
}

/* An activation of a sum; only the sum's terms are clipped, not the cell's state. */
static pw_val gate(pw_builder *b, const cell *c, int f, pw_val x) {
    if (c->has_clip) {
        double v = (double)c->clip;
        x = pw_clip(b, c->type, x, pw_const(b, c->type, -v), pw_const(b, c->type, v));
    }
    return activate(b, c, &c->act[f], x);
}

static void inputs(pw_builder *b, pw_type t, pw_val *in, int n) {
    for (int i = 0; i < n; i++) in[i] = pw_input(b, t);
}

/* (1 - z) * n + z * h */
static pw_val blend(pw_builder *b, pw_type t, pw_val z, pw_val n, pw_val h) {
    pw_val keep = pw_op2(b, PW_SUB, t, pw_const(b, t, 1), z);
    return pw_op2(b, PW_ADD, t, pw_op2(b, PW_MUL, t, keep, n), pw_op2(b, PW_MUL, t, z, h));
}

static void rnn(pw_builder *b, const cell *c) {
    pw_val in[2];
    inputs(b, c->type, in, 2);
    pw_output(b, gate(b, c, 0, pw_op2(b, PW_ADD, c->type, in[0], in[1])));
}

static void gru_linear(pw_builder *b, const cell *c) {
    pw_type t = c->type;
    enum { GZ, GR, GH, XZ, XR, XH, H, N };
    pw_val in[N];
    inputs(b, t, in, N);
    pw_val z = gate(b, c, 0, pw_op2(b, PW_ADD, t, in[GZ], in[XZ]));
    pw_val r = gate(b, c, 0, pw_op2(b, PW_ADD, t, in[GR], in[XR]));
    pw_val n = gate(b, c, 1, pw_op2(b, PW_ADD, t, pw_op2(b, PW_MUL, t, r, in[GH]), in[XH]));
    pw_output(b, blend(b, t, z, n, in[H]));
}

static void gru_gates(pw_builder *b, const cell *c) {
    pw_type t = c->type;
    enum { GZ, GR, XZ, XR, H, N };
    pw_val in[N];
    inputs(b, t, in, N);
    pw_output(b, gate(b, c, 0, pw_op2(b, PW_ADD, t, in[GZ], in[XZ])));
    pw_val r = gate(b, c, 0, pw_op2(b, PW_ADD, t, in[GR], in[XR]));
    pw_output(b, pw_op2(b, PW_MUL, t, r, in[H]));
}

static void gru_state(pw_builder *b, const cell *c) {
    pw_val in[4]; /* Gh Xh z h */
    inputs(b, c->type, in, 4);
    pw_val n = gate(b, c, 1, pw_op2(b, PW_ADD, c->type, in[0], in[1]));
    pw_output(b, blend(b, c->type, in[2], n, in[3]));
}

static void lstm(pw_builder *b, const cell *c) {
    pw_type t = c->type;
    enum { I, O, F, C, X, CELL = 8, P, N = 12 };
    pw_val in[N], sum[4];
    inputs(b, t, in, N);
    for (int i = I; i <= C; i++) sum[i] = pw_op2(b, PW_ADD, t, in[i], in[i + X]);
    if (c->peephole)
        for (int i = I; i <= F; i += F - I)
            sum[i] = pw_op2(b, PW_ADD, t, sum[i], pw_op2(b, PW_MUL, t, in[P + i], in[CELL]));
    pw_val i = gate(b, c, 0, sum[I]);
    pw_val f = c->input_forget ? pw_op2(b, PW_SUB, t, pw_const(b, t, 1), i) : gate(b, c, 0, sum[F]);
    pw_val fresh = gate(b, c, 1, sum[C]);
    pw_val state = pw_op2(b, PW_ADD, t, pw_op2(b, PW_MUL, t, f, in[CELL]), pw_op2(b, PW_MUL, t, i, fresh));
    if (c->peephole) sum[O] = pw_op2(b, PW_ADD, t, sum[O], pw_op2(b, PW_MUL, t, in[P + O], state));
    pw_val o = gate(b, c, 0, sum[O]);
    pw_output(b, pw_op2(b, PW_MUL, t, o, activate(b, c, &c->act[2], state)));
    pw_output(b, state);
}

sard_status cell_compile(const cell *c, pw_program *out[2], sard_error *err) {
    pw_builder b;
    pw_init(&b);
    if (c->kind == CELL_RNN) rnn(&b, c);
    if (c->kind == CELL_GRU_LINEAR) gru_linear(&b, c);
    if (c->kind == CELL_GRU) gru_gates(&b, c);
    if (c->kind == CELL_LSTM) lstm(&b, c);
    TRY(pw_compile(&b, &out[0], err));
    if (c->kind != CELL_GRU) return SARD_OK;
    pw_init(&b);
    gru_state(&b, c);
    return pw_compile(&b, &out[1], err);
}
