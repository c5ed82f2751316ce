/*
 * test_dynamic.c -- random models whose shapes depend on data, with branches and loops: every optimisation level gives
 * the same bits, and nothing stays charged to the run.
 *
 * All values are matrices [rows, 8] of floats with any number of rows: rows are picked by their values, put together,
 * repeated, reshaped by computed shapes, given to branches and loops as captures and carried values.
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

enum { VALUES = 64, COLUMNS = 8 };

typedef struct walk {
    builder b;
    uint64_t state;
    value_id v[VALUES];
    int n, depth;
    sard_error *err;
} walk;

static uint32_t next(walk *w, uint32_t below) {
    w->state = w->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->state >> 33) % below;
}

static value_id pick(walk *w) { return w->v[w->n - 1 - (int)next(w, next(w, 2) && w->n > 3 ? 3 : (uint32_t)w->n)]; }

static void push(walk *w, value_id v) { w->v[w->n++] = v; }

static value_id row(walk *w) { /* a constant row */
    tensor t;
    sard_value *v;
    shape s = {2, {1, COLUMNS}};
    assert_int_equal(tensor_new(&t, SARD_F32, &s, NULL), SARD_OK);
    for (int i = 0; i < COLUMNS; i++) TENSOR_AT(&t, float)[i] = ((float)next(w, 2001) - 1000) / 900;
    assert_int_equal(value_tensor(&t, &v, NULL), SARD_OK);
    return build_const(&w->b, v);
}

/* How many rows x has: int64 [1]. */
static value_id rows_of(walk *w, value_id x) {
    value_id in[3] = {build_1(&w->b, "Shape", x), build_i64s(&w->b, (int64_t[]){0}, 1),
                      build_i64s(&w->b, (int64_t[]){1}, 1)};
    return build_op(&w->b, "Slice", in, 3, NULL, 0);
}

/* The rows whose first element is positive. */
static value_id positive_rows(walk *w, value_id x) {
    value_id at[4] = {x, build_i64s(&w->b, (int64_t[]){0}, 1), build_i64s(&w->b, (int64_t[]){1}, 1),
                      build_i64s(&w->b, (int64_t[]){1}, 1)};
    value_id first = build_reshape(&w->b, build_op(&w->b, "Slice", at, 4, NULL, 0), (int64_t[]){-1}, 1);
    value_id some = build_1(&w->b, "NonZero", build_2(&w->b, "Greater", first, build_scalar(&w->b, SARD_F32, 0)));
    value_id in[2] = {x, build_reshape(&w->b, some, (int64_t[]){-1}, 1)};
    return build_op(&w->b, "Gather", in, 2, NULL, 0);
}

static value_id grow(walk *w, value_id x) { /* x below itself, or repeated */
    if (next(w, 2)) {
        value_id two[2] = {x, pick(w)};
        return build_op(&w->b, "Concat", two, 2, &(attr_arg)ARG_I("axis", 0), 1);
    }
    return build_2(&w->b, "Tile", x, build_i64s(&w->b, (int64_t[]){2, 1}, 2));
}

static value_id expand(walk *w, value_id x) { /* a row as often as x has rows, through a computed shape */
    value_id parts[2] = {rows_of(w, x), build_i64s(&w->b, (int64_t[]){COLUMNS}, 1)};
    value_id to = build_op(&w->b, "Concat", parts, 2, &(attr_arg)ARG_I("axis", 0), 1);
    return build_2(&w->b, "Add", build_2(&w->b, "Expand", row(w), to), x);
}

static value_id reshaped(walk *w, value_id x) { /* to [-1, 4] and back to what it was */
    value_id shape = build_1(&w->b, "Shape", x), t = build_reshape(&w->b, x, (int64_t[]){-1, COLUMNS / 2}, 2);
    return build_2(&w->b, "Reshape", build_1(&w->b, "Tanh", t), shape);
}

static value_id pointwise(walk *w, value_id x) {
    static const char *const one[] = {"Relu", "Sigmoid", "Tanh", "Neg", "Abs"};
    static const char *const two[] = {"Add", "Sub", "Mul", "Max", "Min"};
    if (next(w, 2)) return build_1(&w->b, one[next(w, OP_COUNT(one))], x);
    return build_2(&w->b, two[next(w, OP_COUNT(two))], x, next(w, 2) ? row(w) : x);
}

/* One row of x, which inference does not know to be one, broadcast over another value: guesses of shapes go wrong. */
static value_id one_row(walk *w, value_id x) {
    value_id in[3] = {pick(w), build_i64s(&w->b, (int64_t[]){0}, 1), build_i64s(&w->b, (int64_t[]){1}, 1)};
    value_id one = build_1(&w->b, "Neg", build_1(&w->b, "Tanh", build_op(&w->b, "Slice", in, 3, NULL, 0)));
    value_id y = build_2(&w->b, "Add", build_1(&w->b, "Relu", x), one);
    if (next(w, 2) && w->b.status == SARD_OK && w->n < VALUES - 2) w->v[w->n++] = one;
    return y;
}

static value_id step(walk *w);

/* A body over captures of two values of w; its outputs are set by the caller through *inner. */
static graph *begin_body(walk *w, walk *inner, const value_id *outer, uint32_t n) {
    graph *g;
    value_id caps[4];
    assert_int_equal(graph_new(w->b.mod, &g, NULL), SARD_OK);
    *inner = (walk){.state = w->state + 77, .depth = w->depth + 1, .err = w->err};
    inner->b = builder_at(g, w->b.origin, w->err);
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(graph_value(g, 0, &w->b.g->values[outer[i]].type, &caps[i], NULL), SARD_OK);
        inner->v[inner->n++] = caps[i];
    }
    assert_int_equal(graph_set_captures(g, caps, n, NULL), SARD_OK);
    return g;
}

/* A control node with bodies (in the order of its attributes) and captures. */
static value_id control(walk *w, const char *op, const value_id *in, uint32_t n_in, graph *const *bodies, uint32_t n,
                        const value_id *caps, uint32_t n_caps) {
    attr attrs[2] = {0};
    graph_id ids[2];
    value_id y;
    node_id id;
    vtype t = type_tensor(SARD_F32, 2, (int64_t[]){DIM_UNKNOWN, COLUMNS});
    if (w->b.status != SARD_OK) return NO_ID;
    for (uint32_t i = 0; i < n; i++) ids[i] = bodies[i]->id, attrs[i] = (attr){.type = ATTR_GRAPH, .body = ids[i]};
    assert_int_equal(graph_value(w->b.g, 0, &t, &y, NULL), SARD_OK);
    assert_int_equal(
        graph_node(w->b.g, op_find(w->b.mod->ops, "", op), in, n_in, &y, 1, attrs, n, ids, n, w->b.origin, &id, NULL),
        SARD_OK);
    assert_int_equal(node_set_captures(w->b.g, id, caps, n_caps, NULL), SARD_OK);
    return y;
}

static value_id branch(walk *w) {
    value_id caps[2] = {pick(w), pick(w)};
    if (caps[0] == caps[1]) caps[1] = build_1(&w->b, "Neg", caps[0]);
    graph *bodies[2];
    for (int i = 0; i < 2; i++) {
        walk in;
        bodies[i] = begin_body(w, &in, caps, 2);
        for (uint32_t k = next(w, 3); k > 0; k--) push(&in, step(&in));
        if (in.b.status != SARD_OK) fail_msg("%s", w->err->message);
        assert_int_equal(graph_set_outputs(bodies[i], &in.v[in.n - 1], 1, NULL), SARD_OK);
        w->state += 5;
    }
    value_id n = build_2(&w->b, "Mod", rows_of(w, pick(w)), build_i64s(&w->b, (int64_t[]){2}, 1));
    value_id cond = build_cast(&w->b, n, SARD_BOOL);
    return control(w, "If", &cond, 1, bodies, 2, caps, 2);
}

static value_id loop(walk *w) {
    value_id caps[1] = {pick(w)}, x = pick(w), ins[3], outs[2];
    walk in;
    graph *g = begin_body(w, &in, caps, 1);
    vtype count = type_tensor(SARD_I64, 0, NULL), flag = type_tensor(SARD_BOOL, 0, NULL);
    vtype any = type_tensor(SARD_F32, 2, (int64_t[]){DIM_UNKNOWN, COLUMNS});
    assert_int_equal(graph_value(g, 0, &count, &ins[0], NULL), SARD_OK);
    assert_int_equal(graph_value(g, 0, &flag, &ins[1], NULL), SARD_OK);
    assert_int_equal(graph_value(g, 0, &any, &ins[2], NULL), SARD_OK);
    assert_int_equal(graph_set_inputs(g, ins, 3, NULL), SARD_OK);
    in.v[in.n++] = ins[2];
    for (uint32_t k = 1 + next(w, 3); k > 0; k--) push(&in, step(&in));
    outs[0] = build_1(&in.b, "Identity", ins[1]);
    outs[1] = in.v[in.n - 1];
    if (in.b.status != SARD_OK) fail_msg("%s", w->err->message);
    assert_int_equal(graph_set_outputs(g, outs, 2, NULL), SARD_OK);
    value_id args_in[3] = {build_2(&w->b, "Mod", rows_of(w, pick(w)), build_i64s(&w->b, (int64_t[]){3}, 1)), NO_ID, x};
    args_in[0] = build_op(&w->b, "Squeeze", args_in, 1, NULL, 0);
    w->state += 9;
    return control(w, "Loop", args_in, 3, &g, 1, caps, 1);
}

static value_id step(walk *w) {
    value_id x = pick(w);
    switch (next(w, 14)) {
    case 0:
        return positive_rows(w, x);
    case 1:
        return grow(w, x);
    case 2:
        return expand(w, x);
    case 3:
        return reshaped(w, x);
    case 4:
        return w->depth < 2 ? branch(w) : pointwise(w, x);
    case 6:
    case 7:
        return one_row(w, x);
    case 5:
        return w->depth < 2 ? loop(w) : pointwise(w, x);
    default:
        return pointwise(w, x);
    }
}

static module *make(uint64_t seed, sard_error *err) {
    static op_set all;
    all = (op_set){op_table, op_table_n, NULL};
    module *m;
    walk w = {.state = seed * 7919 + 13, .err = err};
    assert_int_equal(module_new(&all, &m, NULL), SARD_OK);
    origin o = {.next = NO_ID};
    origin_id oid;
    assert_int_equal(mod_origin(m, &o, &oid, NULL), SARD_OK);
    w.b = builder_at(module_main(m), oid, err);
    value_id in;
    str_id n;
    assert_int_equal(mod_intern(m, "n", 1, &n, NULL), SARD_OK);
    vtype t = type_tensor(SARD_F32, 2, (int64_t[]){DIM_SYM(n), COLUMNS});
    assert_int_equal(graph_value(w.b.g, 0, &t, &in, NULL), SARD_OK);
    w.v[w.n++] = in;
    for (int i = 0; i < 4 + (int)(seed % 12); i++) {
        value_id v = step(&w);
        if (w.b.status != SARD_OK) fail_msg("seed %llu: %s", (unsigned long long)seed, err->message);
        push(&w, v);
    }
    value_id outs[2] = {w.v[w.n - 1], w.v[w.n - 2]};
    assert_int_equal(graph_set_inputs(w.b.g, &in, 1, NULL), SARD_OK);
    assert_int_equal(graph_set_outputs(w.b.g, outs, 2, NULL), SARD_OK);
    problems p = {0};
    assert_int_equal(graph_infer(module_main(m), &p, NULL), SARD_OK);
    assert_int_equal(p.count, 0);
    return m;
}

static sard_value *input(int64_t rows, uint64_t seed) {
    tensor t;
    sard_value *v;
    shape s = {2, {rows, COLUMNS}};
    assert_int_equal(tensor_new(&t, SARD_F32, &s, NULL), SARD_OK);
    for (int64_t i = 0; i < tensor_count(&t); i++)
        TENSOR_AT(&t, float)[i] = (float)((i * 7919 + (int64_t)seed * 31) % 2003 - 1000) / 700;
    assert_int_equal(value_tensor(&t, &v, NULL), SARD_OK);
    return v;
}

static bool same(const sard_value *a, const sard_value *b) {
    shape s = shape_of(&a->t), t = shape_of(&b->t);
    if (!shape_eq(&s, &t)) return false;
    const float *p = TENSOR_AT(&a->t, float), *q = TENSOR_AT(&b->t, float);
    for (int64_t i = 0; i < tensor_count(&a->t); i++)
        if (memcmp(&p[i], &q[i], sizeof *p) && !(p[i] != p[i] && q[i] != q[i])) return false;
    return true;
}

enum { SIZES = 3 };
static const int64_t sizes[SIZES] = {3, 0, 6};

static long good_runs, all_runs;

static void check_seed(uint64_t seed) {
    sard_value *want[SIZES][2] = {0};
    sard_status first[SIZES] = {0};
    for (int level = OPT_NONE; level <= OPT_ALL; level++) {
        sard_error err;
        module *m = make(seed, &err);
        opt_options o = {.level = (opt_level)level, .eval = exec_eval, .fold_limit = 1 << 20, .stop_after = -1};
        exec_model *x;
        if (opt_run(m, &o, &err) != SARD_OK) fail_msg("seed %llu: %s", (unsigned long long)seed, err.message);
        if (exec_compile(m, NULL, &x, &err) != SARD_OK)
            fail_msg("seed %llu: %s", (unsigned long long)seed, err.message);
        for (int i = 0; i < 2 * SIZES; i++) {
            sard_value *in = input(sizes[i % SIZES], seed), *out[2] = {0};
            run_ctl ctl;
            ctl_init(&ctl);
            ctl.limit = 64 << 20;
            exec_args a = {.ctl = &ctl, .in = &in, .out = out};
            sard_status st = exec_run(x, &a, &err);
            assert_int_equal(atomic_load(&ctl.used), 0);
            if (level == OPT_NONE && i < SIZES) {
                first[i] = st;
                if (st != SARD_OK && st != SARD_LIMIT && st != SARD_INVALID_ARGUMENT && st != SARD_INVALID_MODEL)
                    fail_msg("seed %llu: %s", (unsigned long long)seed, err.message);
            }
            good_runs += st == SARD_OK;
            all_runs++;
            if (st != first[i % SIZES])
                fail_msg("seed %llu, level %d, %lld rows: %s", (unsigned long long)seed, level,
                         (long long)sizes[i % SIZES], st ? err.message : "no error");
            for (int k = 0; k < 2; k++) {
                if (level == OPT_NONE && i < SIZES) {
                    want[i][k] = out[k];
                    continue;
                }
                if (st == SARD_OK && !same(want[i % SIZES][k], out[k]))
                    fail_msg("seed %llu, level %d: output %d differs", (unsigned long long)seed, level, k);
                sard_value_unref(out[k]);
            }
            sard_value_unref(in);
        }
        exec_free(x);
        module_free(m);
    }
    for (int i = 0; i < 2 * SIZES; i++) sard_value_unref(want[i / 2][i % 2]);
}

static void test_random_models(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) check_seed(seed);
    assert_true(good_runs * 2 > all_runs); /* rows that do not fit are refused, but not too often */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_models)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
