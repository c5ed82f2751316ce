/*
 * test_levels.c -- random models: every optimisation level, number of threads and batch gives the same bits.
 *
 * A model is a seeded walk: matrices and images, pointwise operators with broadcasting, products and convolutions with
 * constant weights, moves. No rewrite that changes arithmetic applies to what is generated here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "exec/exec.h"
#include "opt/opt.h"

enum { VALUES = 64, CHANNELS = 8, SIDE = 6 };

typedef struct walk {
    builder b;
    uint64_t state;
    value_id v[VALUES]; /* float tensors: matrices [n, 8] and images [n, 8, 6, 6] */
    bool image[VALUES];
    int n;
    sard_error err;
} walk;

static uint32_t next(walk *w, uint32_t below) {
    w->state = w->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->state >> 33) % below;
}

static value_id weight(walk *w, int rank, const int64_t *dims) {
    shape s = {.rank = rank};
    for (int i = 0; i < rank; i++) s.dim[i] = dims[i];
    tensor t;
    sard_value *v;
    assert_int_equal(tensor_new(&t, SARD_F32, &s, NULL), SARD_OK);
    for (int64_t i = 0; i < tensor_count(&t); i++) TENSOR_AT(&t, float)[i] = ((float)next(w, 2001) - 1000) / 1500;
    assert_int_equal(value_tensor(&t, &v, NULL), SARD_OK);
    return build_const(&w->b, v);
}

static void push(walk *w, value_id v, bool image) {
    if (w->b.status != SARD_OK) fail_msg("%s", w->err.message);
    w->v[w->n] = v;
    w->image[w->n++] = image;
}

/* A value of the kind wanted; the later ones more often. */
static value_id pick(walk *w, bool image) {
    for (;;) {
        int i = w->n - 1 - (int)next(w, next(w, 2) ? 4 : (uint32_t)w->n);
        if (i >= 0 && w->image[i] == image) return w->v[i];
    }
}

static value_id operand(walk *w, bool image) {
    switch (next(w, 5)) {
    case 0: /* a scalar */
        return weight(w, 0, NULL);
    case 1: /* per channel */
        return image ? weight(w, 3, (int64_t[]){CHANNELS, 1, 1}) : weight(w, 1, (int64_t[]){CHANNELS});
    default:
        return pick(w, image);
    }
}

static value_id pointwise(walk *w, bool image) {
    static const char *const one[] = {"Relu", "Sigmoid", "Tanh", "Neg", "Abs", "Exp", "Identity"};
    static const char *const two[] = {"Add", "Sub", "Mul", "Max", "Min", "Div", "Add", "Mul"};
    value_id a = pick(w, image);
    switch (next(w, 6)) {
    case 0:
    case 1:
        return build_1(&w->b, one[next(w, OP_COUNT(one))], a);
    case 2: { /* through a half float and back: each node rounds */
        value_id h = build_1(&w->b, "Relu", build_cast(&w->b, a, SARD_F16));
        return build_cast(&w->b, build_2(&w->b, "Add", h, h), SARD_F32);
    }
    case 3: {
        value_id c = pick(w, image), p[3] = {build_2(&w->b, "Greater", a, c), c, operand(w, image)};
        return build_op(&w->b, "Where", p, 3, NULL, 0);
    }
    default:
        return build_2(&w->b, two[next(w, OP_COUNT(two))], a, operand(w, image));
    }
}

static value_id heavy(walk *w, bool image) {
    if (!image) return build_2(&w->b, "MatMul", pick(w, false), weight(w, 2, (int64_t[]){CHANNELS, CHANNELS}));
    bool depthwise = next(w, 3) == 0;
    value_id in[3] = {pick(w, true), weight(w, 4, (int64_t[]){CHANNELS, depthwise ? 1 : CHANNELS, 3, 3}),
                      weight(w, 1, (int64_t[]){CHANNELS})};
    const int64_t pads[] = {1, 1, 1, 1};
    attr_arg args[] = {ARG_INTS("pads", pads, 4), ARG_I("group", depthwise ? CHANNELS : 1)};
    value_id y = build_op(&w->b, "Conv", in, next(w, 2) ? 3 : 2, args, 2);
    /* something that no rule folds into the weights stands behind it */
    return next(w, 2) ? build_1(&w->b, "Relu", y) : build_2(&w->b, "Add", y, pick(w, true));
}

static value_id moved(walk *w, bool image) {
    value_id a = pick(w, image);
    if (image) { /* rows and columns exchanged */
        const int64_t perm[] = {0, 1, 3, 2};
        return build_op(&w->b, "Transpose", &a, 1, &(attr_arg)ARG_INTS("perm", perm, 4), 1);
    }
    const int64_t there[] = {-1, 2, CHANNELS / 2}, back[] = {-1, CHANNELS};
    return build_reshape(&w->b, build_1(&w->b, "Tanh", build_reshape(&w->b, a, there, 3)), back, 2);
}

static module *make(uint64_t seed, int steps) {
    static op_set all;
    all = (op_set){op_table, op_table_n, NULL};
    module *m;
    walk w = {.state = seed * 7919 + 13};
    assert_int_equal(module_new(&all, &m, NULL), SARD_OK);
    origin o = {.next = NO_ID};
    origin_id oid;
    assert_int_equal(mod_origin(m, &o, &oid, NULL), SARD_OK);
    w.b = builder_at(module_main(m), oid, &w.err);
    value_id in[2];
    str_id n;
    assert_int_equal(mod_intern(m, "n", 1, &n, NULL), SARD_OK);
    vtype t0 = type_tensor(SARD_F32, 2, (int64_t[]){DIM_SYM(n), CHANNELS});
    vtype t1 = type_tensor(SARD_F32, 4, (int64_t[]){DIM_SYM(n), CHANNELS, SIDE, SIDE});
    assert_int_equal(graph_value(w.b.g, 0, &t0, &in[0], NULL), SARD_OK);
    assert_int_equal(graph_value(w.b.g, 0, &t1, &in[1], NULL), SARD_OK);
    push(&w, in[0], false);
    push(&w, in[1], true);
    for (int i = 0; i < steps; i++) {
        bool image = next(&w, 2);
        uint32_t what = next(&w, 8);
        push(&w, what == 0 ? moved(&w, image) : what == 1 ? heavy(&w, image) : pointwise(&w, image), image);
    }
    value_id outs[4] = {w.v[w.n - 1], w.v[w.n - 2], pick(&w, false), pick(&w, true)};
    assert_int_equal(graph_set_inputs(w.b.g, in, 2, NULL), SARD_OK);
    assert_int_equal(graph_set_outputs(w.b.g, outs, 4, NULL), SARD_OK);
    return m;
}

static sard_value *input(int rank, const int64_t *dims, int64_t skip) {
    shape s = {.rank = rank};
    for (int i = 0; i < rank; i++) s.dim[i] = dims[i];
    tensor t;
    sard_value *v;
    assert_int_equal(tensor_new(&t, SARD_F32, &s, NULL), SARD_OK);
    for (int64_t i = 0; i < tensor_count(&t); i++)
        TENSOR_AT(&t, float)[i] = (float)(((i + skip) * 7919 + 31) % 2003 - 1000) / 700;
    assert_int_equal(value_tensor(&t, &v, NULL), SARD_OK);
    return v;
}

/* Rows from..from+n of a long batch. */
static void run(exec_model *x, pool *p, int64_t from, int64_t n, sard_value **out) {
    const int64_t px = CHANNELS * SIDE * SIDE;
    sard_value *in[2] = {input(2, (int64_t[]){n, CHANNELS}, from * CHANNELS),
                         input(4, (int64_t[]){n, CHANNELS, SIDE, SIDE}, from * px)};
    run_ctl ctl;
    ctl_init(&ctl);
    sard_error err;
    exec_args a = {.pool = p, .ctl = &ctl, .in = in, .out = out};
    if (exec_run(x, &a, &err) != SARD_OK) fail_msg("%s", err.message);
    assert_int_equal(atomic_load(&ctl.used), 0);
    sard_value_unref(in[0]);
    sard_value_unref(in[1]);
}

/* Same bits, NaN payloads aside; `b` is rows of `a` from row `from` on. */
static void same(const sard_value *a, const sard_value *b, int64_t from, const char *what, uint64_t seed) {
    int64_t n = tensor_count(&b->t), row = b->t.dim[0] ? n / b->t.dim[0] : 0;
    const float *p = TENSOR_AT(&a->t, float) + from * row, *q = TENSOR_AT(&b->t, float);
    for (int64_t i = 0; i < n; i++)
        if (memcmp(&p[i], &q[i], sizeof *p) && !(p[i] != p[i] && q[i] != q[i]))
            fail_msg("seed %llu, %s: element %lld is %a, was %a", (unsigned long long)seed, what, (long long)i,
                     (double)q[i], (double)p[i]);
}

static void check_seed(uint64_t seed, pool *many) {
    sard_value *want[4] = {0};
    enum { ROWS = 5 };
    for (int level = OPT_NONE; level <= OPT_ALL; level++) {
        module *m = make(seed, 6 + (int)(seed % 20));
        opt_options o = {.level = (opt_level)level, .eval = exec_eval, .fold_limit = 1 << 20, .stop_after = -1};
        sard_error err;
        exec_model *x;
        char what[64];
        if (opt_run(m, &o, &err) != SARD_OK) fail_msg("seed %llu: %s", (unsigned long long)seed, err.message);
        if (exec_compile(m, NULL, &x, &err) != SARD_OK)
            fail_msg("seed %llu: %s", (unsigned long long)seed, err.message);
        snprintf(what, sizeof what, "level %d", level);
        for (int round = 0; round < 2; round++) {
            sard_value *out[4] = {0};
            run(x, round ? many : NULL, 0, ROWS, out);
            for (int i = 0; i < 4; i++) {
                if (!want[i]) {
                    want[i] = out[i];
                    continue;
                }
                same(want[i], out[i], 0, what, seed);
                sard_value_unref(out[i]);
            }
        }
        sard_value *out[4] = {0};
        run(x, many, 3, 1, out);
        snprintf(what, sizeof what, "level %d, one row", level);
        for (int i = 0; i < 4; i++) {
            same(want[i], out[i], 3, what, seed);
            sard_value_unref(out[i]);
        }
        exec_free(x);
        module_free(m);
    }
    for (int i = 0; i < 4; i++) sard_value_unref(want[i]);
}

static void test_random_models(void **state) {
    (void)state;
    pool *many;
    assert_int_equal(pool_new(3, &many, NULL), SARD_OK);
    for (uint64_t seed = 1; seed <= 300; seed++) check_seed(seed, many);
    pool_unref(many);
}

/* Two inputs share the name of a dimension and differ in it: the group formed by the name does not hold, the answer is
 * right all the same. */
static void test_loose_names(void **state) {
    (void)state;
    static op_set all;
    all = (op_set){op_table, op_table_n, NULL};
    for (int level = OPT_NONE; level <= OPT_ALL; level++) {
        module *m;
        assert_int_equal(module_new(&all, &m, NULL), SARD_OK);
        origin o = {.next = NO_ID};
        origin_id oid;
        str_id n;
        value_id in[2], w;
        assert_int_equal(mod_origin(m, &o, &oid, NULL), SARD_OK);
        builder b = builder_at(module_main(m), oid, NULL);
        assert_int_equal(mod_intern(m, "n", 1, &n, NULL), SARD_OK);
        vtype t = type_tensor(SARD_F32, 2, (int64_t[]){DIM_SYM(n), CHANNELS});
        for (int i = 0; i < 2; i++) assert_int_equal(graph_value(b.g, 0, &t, &in[i], NULL), SARD_OK);
        walk k = {.b = b, .state = 5};
        w = weight(&k, 2, (int64_t[]){CHANNELS, CHANNELS});
        value_id r = build_1(&b, "Relu", in[1]), y = build_2(&b, "Add", build_1(&b, "Tanh", in[0]), r);
        value_id p = build_2(&b, "Add", build_2(&b, "MatMul", in[0], w), in[1]), outs[3] = {r, y, p};
        assert_int_equal(builder_result(&b), SARD_OK);
        assert_int_equal(graph_set_inputs(b.g, in, 2, NULL), SARD_OK);
        assert_int_equal(graph_set_outputs(b.g, outs, 3, NULL), SARD_OK);
        opt_options oo = {.level = (opt_level)level, .eval = exec_eval, .fold_limit = 1 << 20, .stop_after = -1};
        exec_model *x;
        assert_int_equal(opt_run(m, &oo, NULL), SARD_OK);
        assert_int_equal(exec_compile(m, NULL, &x, NULL), SARD_OK);
        for (int64_t rows = 1; rows < 4; rows++) {
            sard_value *v[2] = {input(2, (int64_t[]){rows, CHANNELS}, 0), input(2, (int64_t[]){1, CHANNELS}, 9)},
                       *out[3] = {0};
            run_ctl ctl;
            ctl_init(&ctl);
            sard_error err = {0};
            exec_args a = {.ctl = &ctl, .in = v, .out = out};
            if (exec_run(x, &a, &err) != SARD_OK)
                fail_msg("level %d, %lld rows: %s", level, (long long)rows, err.message);
            assert_int_equal(out[0]->t.dim[0], 1);
            assert_int_equal(out[1]->t.dim[0], rows);
            assert_int_equal(out[2]->t.dim[0], rows);
            assert_int_equal(atomic_load(&ctl.used), 0);
            for (int i = 0; i < 3; i++) sard_value_unref(out[i]);
            sard_value_unref(v[0]);
            sard_value_unref(v[1]);
        }
        exec_free(x);
        module_free(m);
    }
}

/* Every third allocation of optimising, compiling and running fails in turn: an error, nothing lost. */
static void test_failing_allocations(void **state) {
    (void)state;
    sard_value *in[2] = {input(2, (int64_t[]){2, CHANNELS}, 0), input(4, (int64_t[]){2, CHANNELS, SIDE, SIDE}, 0)};
    for (uint64_t seed = 3; seed < 60; seed += 19) {
        bool through = false;
        for (long at = 1 + (long)(seed % 3); !through; at += 3) {
            module *m = make(seed, 20);
            opt_options o = {.level = OPT_ALL, .eval = exec_eval, .fold_limit = 1 << 20, .stop_after = -1};
            sard_error err;
            exec_model *x = NULL;
            sard_value *out[4] = {0};
            run_ctl ctl;
            ctl_init(&ctl);
            exec_args a = {.ctl = &ctl, .in = in, .out = out};
            mem_fail_after(at);
            sard_status st = opt_run(m, &o, &err);
            if (st == SARD_OK) st = exec_compile(m, NULL, &x, &err);
            if (st == SARD_OK) st = exec_run(x, &a, &err);
            through = mem_fail_after(0) < at;
            if (st != SARD_OK && st != SARD_OUT_OF_MEMORY) fail_msg("allocation %ld: %s", at, err.message);
            for (int i = 0; i < 4; i++) sard_value_unref(out[i]);
            assert_int_equal(atomic_load(&ctl.used), 0);
            exec_free(x);
            module_free(m);
        }
    }
    sard_value_unref(in[0]);
    sard_value_unref(in[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_models), cmocka_unit_test(test_loose_names),
                                       cmocka_unit_test(test_failing_allocations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
