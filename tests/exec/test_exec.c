/* test_exec.c -- plans, places, stages, bodies, limits, cancellation, threads, failing allocations. */
#include "exec/fake_ops.inc"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "exec/model.h"

/* A compiled module that owns what it is made of. */
typedef struct fix {
    maker k;
    exec_model *x;
    run_ctl ctl;
    pool *pool;
} fix;

static void compile(fix *f) {
    sard_error err;
    if (exec_compile(f->k.m, NULL, &f->x, &err) != SARD_OK) fail_msg("%s", err.message);
    ctl_init(&f->ctl);
    f->pool = NULL;
}

static void done(fix *f) {
    exec_free(f->x);
    module_free(f->k.m);
    assert_int_equal(fake_live_states, 0);
}

static sard_status run_it(fix *f, sard_value *const *in, sard_value **out, sard_error *err) {
    exec_args a = {.pool = f->pool, .ctl = &f->ctl, .in = in, .out = out};
    sard_status st = exec_run(f->x, &a, err);
    assert_int_equal(atomic_load(&f->ctl.used), 0); /* whatever happened, all was given back */
    return st;
}

static void run_ok(fix *f, sard_value *const *in, sard_value **out) {
    sard_error err;
    if (run_it(f, in, out, &err) != SARD_OK) fail_msg("%s", err.message);
}

static const int64_t any[] = {DIM_UNKNOWN};

/* x -> AddOne -> ... n times */
static fix chain(int n) {
    fix f = {.k = make_module()};
    value_id x = make_input(&f.k, "x", SARD_F32, 1, any), v = x;
    for (int i = 0; i < n; i++) v = make_op(&f.k, "AddOne", &v, 1);
    make_io(&f.k, &x, 1, &v, 1);
    compile(&f);
    return f;
}

static void test_chain(void **state) {
    (void)state;
    fix f = chain(5);
    assert_int_equal(exec_steps(f.x), 5);
    assert_int_equal(exec_packed_bytes(f.x), 80);
    for (int64_t n = 1; n < 40; n++) { /* more shapes than plans are kept */
        float v[40], want[40];
        for (int i = 0; i < n; i++) v[i] = (float)i, want[i] = (float)i + 5;
        sard_value *in = floats(v, n), *out = NULL;
        fake_pointer_reuse = 0;
        run_ok(&f, &in, &out);
        assert_int_equal(fake_pointer_reuse, 4); /* all but the first, which may not write over the input */
        expect_floats(out, want, n);
        expect_floats(in, v, n);
        sard_value_unref(out);
        sard_value_unref(in);
    }
    assert_true(f.x->main->n_plans <= PLANS_KEPT);
    assert_int_equal(f.x->main->n_frames, 1);
    done(&f);
}

static void test_caller_output(void **state) {
    (void)state;
    fix f = chain(2);
    sard_value *in = floats((float[]){1, 2, 3}, 3), *out = floats((float[]){0, 0, 0}, 3), *same = out;
    run_ok(&f, &in, &out);
    assert_ptr_equal(out, same);
    expect_floats(out, (float[]){3, 4, 5}, 3);
    out = in; /* filling the input itself: the answer is right all the same */
    run_ok(&f, &in, &out);
    expect_floats(in, (float[]){3, 4, 5}, 3);
    sard_error err;
    out = floats((float[]){0, 0}, 2);
    assert_int_equal(run_it(&f, &in, &out, &err), SARD_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "f32[3]"));
    assert_non_null(strstr(err.message, "f32[2]"));
    sard_value_unref(out);
    sard_value_unref(same);
    sard_value_unref(in);
    done(&f);
}

/* Outputs that are an input, a constant, a view of an input, the same value twice. */
static void test_passed_through(void **state) {
    (void)state;
    fix f = {.k = make_module()};
    value_id x = make_input(&f.k, "x", SARD_F32, 1, any), c;
    assert_int_equal(graph_const_value(f.k.g, 0, floats((float[]){7}, 1), &c, NULL), SARD_OK);
    value_id view = make_op(&f.k, "View", &x, 1), sum = make_op(&f.k, "AddOne", &x, 1);
    value_id out_ids[] = {x, c, view, sum, sum};
    make_io(&f.k, &x, 1, out_ids, 5);
    compile(&f);
    sard_value *in = floats((float[]){1, 2}, 2), *out[5] = {0};
    run_ok(&f, &in, out);
    TENSOR_AT(&in->t, float)[0] = 50;
    expect_floats(out[0], (float[]){1, 2}, 2);
    expect_floats(out[1], (float[]){7}, 1);
    expect_floats(out[2], (float[]){1, 2}, 2);
    TENSOR_AT(&out[3]->t, float)[0] = 9;
    expect_floats(out[4], (float[]){2, 3}, 2);
    for (int i = 0; i < 5; i++) sard_value_unref(out[i]);
    sard_value_unref(in);
    done(&f);
}

/* Memory of dead values is used again; views keep theirs alive. */
static void test_places(void **state) {
    (void)state;
    fix f = {.k = make_module()};
    value_id x = make_input(&f.k, "x", SARD_F32, 1, any), v = x, keep = 0;
    for (int i = 0; i < 10; i++) { /* Grow and Sum2 are never in place: two buffers alternate */
        value_id two[2] = {v, v};
        v = make_op(&f.k, "Sum2", two, 2);
        if (i == 2) keep = make_op(&f.k, "View", &v, 1);
    }
    value_id two[2] = {v, keep};
    v = make_op(&f.k, "Sum2", two, 2);
    make_io(&f.k, &x, 1, &v, 1);
    compile(&f);
    float vals[1000], want[1000];
    for (int i = 0; i < 1000; i++) vals[i] = 1, want[i] = 1024 + 8;
    sard_value *in = floats(vals, 1000), *out = NULL;
    run_ok(&f, &in, &out);
    expect_floats(out, want, 1000);
    const plan *p = f.x->main->plans[0];
    assert_int_equal(p->end, f.x->main->n_steps);
    assert_int_equal(p->arena_bytes, 3 * 4032); /* the kept one and two in turn */
    exec_size size;
    assert_int_equal(exec_estimate(f.x, &in, &size, NULL), SARD_OK);
    assert_true(size.exact);
    assert_int_equal(size.output_bytes, 4000);
    assert_int_equal(size.arena_bytes, 3 * 4032);
    sard_value_unref(out);
    sard_value_unref(in);
    done(&f);
}

/* A view outlives its source, and an in-place operator may follow only when both are dead. */
static void test_view_then_write(void **state) {
    (void)state;
    fix f = {.k = make_module()};
    value_id x = make_input(&f.k, "x", SARD_F32, 1, any), a = make_op(&f.k, "AddOne", &x, 1);
    value_id v = make_op(&f.k, "View", &a, 1), w = make_op(&f.k, "AddOne", &v, 1);
    value_id two[2] = {w, a}, y = make_op(&f.k, "Sum2", two, 2);
    make_io(&f.k, &x, 1, &y, 1);
    compile(&f);
    sard_value *in = floats((float[]){1, 2}, 2), *out = NULL;
    fake_pointer_reuse = 0;
    run_ok(&f, &in, &out);
    assert_int_equal(fake_pointer_reuse, 0);
    expect_floats(out, (float[]){5, 7}, 2);
    sard_value_unref(out);
    sard_value_unref(in);
    done(&f);
}

/* Values of an earlier stage are alive in later ones; shapes follow the data. */
static void test_stages(void **state) {
    (void)state;
    fix f = {.k = make_module()};
    value_id x = make_input(&f.k, "x", SARD_F32, 1, any), a = make_op(&f.k, "AddOne", &x, 1);
    value_id p = make_op(&f.k, "Pick", &a, 1), g = make_op(&f.k, "Grow", &p, 1), p2 = make_op(&f.k, "Pick", &g, 1);
    value_id b = make_op(&f.k, "AddOne", &p2, 1), c = make_op(&f.k, "AddOne", &a, 1), d = make_op(&f.k, "View", &b, 1);
    value_id outs[] = {d, c, p};
    make_io(&f.k, &x, 1, outs, 3);
    compile(&f);
    for (int round = 0; round < 3; round++) {
        sard_value *in = floats((float[]){1, -5, 3, -1}, 4), *out[3] = {0};
        run_ok(&f, &in, out);
        expect_floats(out[0], (float[]){3, 3, 5, 5}, 4);
        expect_floats(out[1], (float[]){3, -3, 5, 1}, 4);
        expect_floats(out[2], (float[]){2, 4}, 2);
        for (int i = 0; i < 3; i++) sard_value_unref(out[i]);
        sard_value_unref(in);
        in = floats((float[]){-1, -2}, 2); /* nothing is picked */
        out[0] = out[1] = out[2] = NULL;
        run_ok(&f, &in, out);
        expect_floats(out[0], NULL, 0);
        for (int i = 0; i < 3; i++) sard_value_unref(out[i]);
        sard_value_unref(in);
    }
    exec_size size;
    sard_value *in = floats((float[]){1}, 1);
    assert_int_equal(exec_estimate(f.x, &in, &size, NULL), SARD_OK);
    assert_false(size.exact);
    sard_value_unref(in);
    done(&f);
}

/* A shape computed from an input's shape is one plan; one given as an input is part of the plan's key. */
static void test_known_ints(void **state) {
    (void)state;
    fix f = {.k = make_module()};
    value_id x = make_input(&f.k, "x", SARD_F32, 1, any), n = make_input(&f.k, "n", SARD_I64, 1, any);
    value_id unused = make_input(&f.k, "ids", SARD_I64, 1, any);
    value_id d = make_op(&f.k, "Dims", &x, 1), a = make_op(&f.k, "Fill", &d, 1), b = make_op(&f.k, "Fill", &n, 1);
    value_id z[2] = {a, x}, y = make_op(&f.k, "Sum2", z, 2), c = make_op(&f.k, "AddOne", &b, 1);
    value_id ins[] = {x, n, unused}, outs[] = {y, c};
    make_io(&f.k, ins, 3, outs, 2);
    compile(&f);
    for (int64_t k = 1; k < 12; k++) {
        sard_value *in[3] = {floats((float[]){1, 2}, 2), ints((int64_t[]){k % 3 + 1}, 1), ints(&k, 1)}, *out[2] = {0};
        run_ok(&f, in, out);
        expect_floats(out[0], (float[]){2, 3}, 2);
        expect_floats(out[1], (float[]){2, 2, 2}, k % 3 + 1);
        for (int i = 0; i < 3; i++) sard_value_unref(in[i]);
        for (int i = 0; i < 2; i++) sard_value_unref(out[i]);
    }
    assert_int_equal(f.x->main->n_plans, 3);
    for (uint32_t i = 0; i < 3; i++) assert_int_equal(f.x->main->plans[i]->end, f.x->main->n_steps);
    const uint8_t *use = atomic_load(&f.x->main->int_inputs);
    assert_int_equal(use[1], 1);
    assert_int_equal(use[2], 0);
    done(&f);
}

/* Fill's shape is computed from data: the stage ends before it, and all after it is planned. */
static void test_runtime_ints(void **state) {
    (void)state;
    fix f = {.k = make_module()};
    value_id x = make_input(&f.k, "x", SARD_F32, 1, any), p = make_op(&f.k, "Pick", &x, 1);
    value_id d = make_op(&f.k, "Dims", &p, 1), a = make_op(&f.k, "Fill", &d, 1), s[2] = {a, p};
    value_id y = make_op(&f.k, "Sum2", s, 2);
    make_io(&f.k, &x, 1, &y, 1);
    compile(&f);
    sard_value *in = floats((float[]){1, -2, 4}, 3), *out = NULL;
    run_ok(&f, &in, &out);
    expect_floats(out, (float[]){2, 5}, 2);
    sard_value_unref(out);
    sard_value_unref(in);
    done(&f);
}

/* Known integers of one late stage are read in the next ones. */
static void test_known_across_stages(void **state) {
    (void)state;
    fix f = {.k = make_module()};
    value_id x = make_input(&f.k, "x", SARD_F32, 1, any), p = make_op(&f.k, "Pick", &x, 1);
    value_id d1 = make_op(&f.k, "Dims", &p, 1), g = make_op(&f.k, "Grow", &p, 1), p2 = make_op(&f.k, "Pick", &g, 1);
    value_id d2 = make_op(&f.k, "Dims", &p2, 1), p3 = make_op(&f.k, "Pick", &p2, 1), d3 = make_op(&f.k, "Dims", &p3, 1);
    value_id a = make_op(&f.k, "Fill", &d1, 1), b = make_op(&f.k, "Fill", &d2, 1);
    value_id outs[] = {a, b, d1, d2, d3};
    make_io(&f.k, &x, 1, outs, 5);
    compile(&f);
    for (int i = 0; i < 2; i++) {
        sard_value *in = floats((float[]){1, -2, 4}, 3), *out[5] = {0};
        run_ok(&f, &in, out);
        expect_floats(out[0], (float[]){1, 1}, 2);
        expect_floats(out[1], (float[]){1, 1, 1, 1}, 4);
        const int64_t want[] = {2, 4, 4};
        for (int k = 0; k < 3; k++) assert_int_equal(TENSOR_AT(&out[2 + k]->t, int64_t)[0], want[k]);
        for (int k = 0; k < 5; k++) sard_value_unref(out[k]);
        sard_value_unref(in);
    }
    done(&f);
}

static graph_id body_of(fix *f, int adds, value_id outer, node_id *unused) {
    (void)unused, (void)outer;
    maker b = make_body(&f->k);
    value_id x = make_input(&b, "v", SARD_F32, 1, any), v = x;
    for (int i = 0; i < adds; i++) v = make_op(&b, "AddOne", &v, 1);
    make_io(&b, &x, 1, &v, 1);
    return b.g->id;
}

static void test_loop(void **state) {
    (void)state;
    fix f = {.k = make_module()};
    value_id n = make_input(&f.k, "n", SARD_I64, 1, any), x = make_input(&f.k, "x", SARD_F32, 1, any);
    graph_id body = body_of(&f, 2, x, NULL);
    value_id in_ids[] = {n, x}, y = make_value(&f.k), z;
    make_node(&f.k, "Repeat", in_ids, 2, &y, 1, &body, 1);
    z = make_op(&f.k, "AddOne", &y, 1);
    make_io(&f.k, in_ids, 2, &z, 1);
    compile(&f);
    assert_int_equal(exec_steps(f.x), 4);
    for (int64_t k = 0; k < 5; k++) {
        sard_value *in[2] = {ints(&k, 1), floats((float[]){1, 2}, 2)}, *out = NULL;
        run_ok(&f, in, &out);
        expect_floats(out, (float[]){2 + 2 * (float)k, 3 + 2 * (float)k}, 2);
        expect_floats(in[1], (float[]){1, 2}, 2);
        sard_value_unref(out);
        sard_value_unref(in[0]);
        sard_value_unref(in[1]);
    }
    /* a thousand iterations stay within the memory of a few */
    const int64_t many = 1000;
    float *big = mem_calloc(10000, sizeof *big);
    sard_value *in[2] = {ints(&many, 1), floats(big, 10000)}, *out = NULL;
    f.ctl.limit = 10 * 40000;
    run_ok(&f, in, &out);
    assert_true(TENSOR_AT(&out->t, float)[9999] == 2001);
    mem_free(big);
    sard_value_unref(out);
    sard_value_unref(in[0]);
    sard_value_unref(in[1]);
    done(&f);
}

/* Branches read outer values, one of them computed, through captures; a branch may pass one through. */
static void test_branches(void **state) {
    (void)state;
    fix f = {.k = make_module()};
    value_id x = make_input(&f.k, "x", SARD_F32, 1, any), a = make_op(&f.k, "AddOne", &x, 1);
    maker yes = make_body(&f.k), no = make_body(&f.k);
    value_id y = make_value(&f.k);
    graph_id bodies[] = {yes.g->id, no.g->id};
    node_id n = make_node(&f.k, "Choose", &x, 1, &y, 1, bodies, 2);
    uint32_t at;
    assert_int_equal(node_add_capture(f.k.g, n, a, &at, NULL), SARD_OK);
    value_id two[2] = {yes.g->captures[0], yes.g->captures[0]}, s = make_op(&yes, "Sum2", two, 2);
    make_io(&yes, NULL, 0, &s, 1);
    make_io(&no, NULL, 0, no.g->captures, 1);
    value_id z[2] = {y, a}, r = make_op(&f.k, "Sum2", z, 2);
    make_io(&f.k, &x, 1, &r, 1);
    compile(&f);
    for (int i = 0; i < 4; i++) {
        float v = i % 2 ? 1 : -1;
        sard_value *in = floats(&v, 1), *out = NULL;
        run_ok(&f, &in, &out);
        expect_floats(out, (float[]){i % 2 ? 6 : 0}, 1);
        sard_value_unref(out);
        sard_value_unref(in);
    }
    done(&f);
}

static void test_sequences(void **state) {
    (void)state;
    fix f = {.k = make_module()};
    value_id x = make_input(&f.k, "x", SARD_F32, 1, any), a = make_op(&f.k, "AddOne", &x, 1);
    value_id both[] = {x, a, a}, s = make_op(&f.k, "Pair", both, 3), e = make_op(&f.k, "First", &s, 1);
    value_id y = make_op(&f.k, "AddOne", &e, 1), outs[] = {s, y};
    make_io(&f.k, &x, 1, outs, 2);
    compile(&f);
    sard_value *in = floats((float[]){1, 2}, 2), *out[2] = {0};
    run_ok(&f, &in, out);
    TENSOR_AT(&in->t, float)[0] = 70;
    assert_int_equal(out[0]->kind, SARD_KIND_SEQUENCE);
    assert_int_equal(out[0]->seq.n, 3);
    expect_floats(out[0]->seq.items[0], (float[]){1, 2}, 2);
    expect_floats(out[0]->seq.items[2], (float[]){2, 3}, 2);
    expect_floats(out[1], (float[]){2, 3}, 2);
    sard_value_unref(out[0]);
    sard_value_unref(out[1]);
    sard_value_unref(in);
    done(&f);
}

static void test_scratch_and_seeds(void **state) {
    (void)state;
    fix f = {.k = make_module()};
    value_id n = make_input(&f.k, "n", SARD_I64, 1, any), x = make_input(&f.k, "x", SARD_F32, 1, any);
    value_id a = make_op(&f.k, "Scratch", &x, 1), r1 = make_op(&f.k, "Noise", &x, 1),
             r2 = make_op(&f.k, "Noise", &x, 1);
    value_id ins[] = {n, x}, outs[] = {a, r1, r2};
    make_io(&f.k, ins, 2, outs, 3);
    compile(&f);
    float first[2] = {0};
    for (int i = 0; i < 3; i++) {
        int64_t k = 1;
        sard_value *in[] = {ints(&k, 1), floats((float[]){1}, 1)}, *out[3] = {0};
        run_ok(&f, in, out);
        expect_floats(out[0], (float[]){3}, 1);
        for (int j = 0; j < 2; j++) {
            if (i == 0) first[j] = TENSOR_AT(&out[1 + j]->t, float)[0];
            expect_floats(out[1 + j], &first[j], 1); /* a node's numbers are its own, and the same in every run */
        }
        for (int j = 0; j < 3; j++) sard_value_unref(out[j]);
        sard_value_unref(in[0]);
        sard_value_unref(in[1]);
    }
    assert_true(first[0] != first[1]);
    done(&f);
}

static void test_limits(void **state) {
    (void)state;
    fix f = chain(3);
    float v[1000] = {0};
    sard_value *in = floats(v, 1000), *out = NULL;
    sard_error err;
    f.ctl.limit = 3000;
    assert_int_equal(run_it(&f, &in, &out, &err), SARD_LIMIT);
    assert_null(out);
    assert_non_null(strstr(err.message, "4000"));
    assert_non_null(strstr(err.message, "3000"));
    f.ctl.limit = 4000;
    run_ok(&f, &in, &out);
    sard_value_unref(out);
    out = NULL;
    atomic_store(&f.ctl.cancel, 1);
    assert_int_equal(run_it(&f, &in, &out, &err), SARD_CANCELLED);
    atomic_store(&f.ctl.cancel, 0);
    f.ctl.deadline_ns = clock_ns() - 1;
    assert_int_equal(run_it(&f, &in, &out, &err), SARD_DEADLINE);
    assert_null(out);
    sard_value_unref(in);
    done(&f);
}

static void test_cancel_inside(void **state) {
    (void)state;
    fix f = {.k = make_module()};
    value_id x = make_input(&f.k, "x", SARD_F32, 1, any), a = make_op(&f.k, "Stop", &x, 1);
    value_id b = make_op(&f.k, "AddOne", &a, 1);
    make_io(&f.k, &x, 1, &b, 1);
    compile(&f);
    int flag = 0;
    fake_stop_flag = &flag;
    f.ctl.cancel_user = (atomic_int *)(void *)&flag;
    sard_value *in = floats((float[]){1}, 1), *out = NULL;
    sard_error err;
    assert_int_equal(run_it(&f, &in, &out, &err), SARD_CANCELLED);
    fake_stop_flag = NULL;
    sard_value_unref(in);
    done(&f);
}

static void test_errors(void **state) {
    (void)state;
    fix f = {.k = make_module()};
    value_id x = make_input(&f.k, "x", SARD_I64, 1, any), a = make_op(&f.k, "Fill", &x, 1);
    make_io(&f.k, &x, 1, &a, 1);
    compile(&f);
    sard_value *in = ints((int64_t[]){1 << 20, 1 << 20, 1 << 20, 1 << 20}, 4), *out = NULL;
    sard_error err;
    assert_int_equal(run_it(&f, &in, &out, &err), SARD_LIMIT);
    assert_non_null(strstr(err.message, "run: node 'Fill' (Fill"));
    assert_non_null(strstr(err.message, "input shapes: i64[4]"));
    sard_value_unref(in);
    in = floats((float[]){1}, 1);
    assert_int_equal(run_it(&f, &in, &out, &err), SARD_INVALID_ARGUMENT);
    sard_value_unref(in);
    done(&f);
}

static void test_profile(void **state) {
    (void)state;
    fix f = chain(3);
    exec_profile *p;
    assert_int_equal(exec_profile_new(&p, NULL), SARD_OK);
    sard_value *in = floats((float[]){1}, 1), *out = NULL;
    exec_args a = {.ctl = &f.ctl, .profile = p, .in = &in, .out = &out};
    assert_int_equal(exec_run(f.x, &a, NULL), SARD_OK);
    strbuf b = {0};
    assert_int_equal(exec_profile_json(p, &b, NULL), SARD_OK);
    assert_non_null(strstr(sb_str(&b), "\"op\":\"AddOne\",\"shapes\":\"f32[1] -> f32[1]\",\"step\":2"));
    sb_free(&b);
    exec_profile_free(p);
    sard_value_unref(in);
    sard_value_unref(out);
    done(&f);
}

static void test_eval(void **state) {
    (void)state;
    maker k = make_module();
    value_id x = make_input(&k, "x", SARD_F32, 1, any), y = make_op(&k, "Pick", &x, 1);
    make_io(&k, &x, 1, &y, 1);
    sard_value *in = floats((float[]){1, -1, 5}, 3), *out = NULL;
    assert_int_equal(exec_eval(NULL, k.g, 0, &in, 1, &out, 1, NULL), SARD_OK);
    expect_floats(out, (float[]){1, 5}, 2);
    sard_value_unref(out);
    run_ctl ctl;
    ctl_init(&ctl);
    ctl.limit = 4;
    assert_int_equal(exec_eval(&ctl, k.g, 0, &in, 1, &out, 1, NULL), SARD_LIMIT);
    assert_null(out);
    sard_value_unref(in);
    module_free(k.m);
}

/* ---- threads ------------------------------------------------------------------------------------------------------ */

static fix *shared;

static void *many_runs(void *arg) {
    long id = (long)(intptr_t)arg;
    for (int i = 0; i < 200; i++) {
        int64_t n = 1 + (id * 7 + i) % 11;
        float v[16], want[16];
        int64_t picked = 0;
        for (int64_t j = 0; j < n; j++) {
            v[j] = (float)((j + i) % 3 - 1);
            if (v[j] + 1 > 0) want[picked++] = v[j] + 2;
        }
        sard_value *in = floats(v, n), *out = NULL;
        run_ctl ctl;
        ctl_init(&ctl);
        exec_args a = {.ctl = &ctl, .in = &in, .out = &out};
        if (exec_run(shared->x, &a, NULL) != SARD_OK) return arg;
        for (int64_t j = 0; j < picked; j++)
            if (TENSOR_AT(&out->t, float)[j] != want[j]) return arg;
        if (tensor_count(&out->t) != picked) return arg;
        sard_value_unref(out);
        sard_value_unref(in);
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    fix f = {.k = make_module()};
    value_id x = make_input(&f.k, "x", SARD_F32, 1, any), a = make_op(&f.k, "AddOne", &x, 1);
    value_id p = make_op(&f.k, "Pick", &a, 1), b = make_op(&f.k, "AddOne", &p, 1);
    make_io(&f.k, &x, 1, &b, 1);
    compile(&f);
    shared = &f;
    pthread_t t[4];
    for (long i = 0; i < 4; i++) assert_int_equal(pthread_create(&t[i], NULL, many_runs, (void *)(intptr_t)(i + 1)), 0);
    for (int i = 0; i < 4; i++) {
        void *bad;
        pthread_join(t[i], &bad);
        assert_null(bad);
    }
    done(&f);
}

/* ---- memory ------------------------------------------------------------------------------------------------------- */

/* Every allocation of compiling and running fails in turn: an error, nothing lost. */
static void test_failing_allocations(void **state) {
    (void)state;
    maker k = make_module();
    value_id n = make_input(&k, "n", SARD_I64, 1, any), x = make_input(&k, "x", SARD_F32, 1, any);
    fix f = {.k = k};
    graph_id body = body_of(&f, 2, x, NULL);
    value_id a = make_op(&k, "AddOne", &x, 1), p = make_op(&k, "Pick", &a, 1), s = make_op(&k, "Scratch", &p, 1);
    value_id ins[] = {n, s}, y = make_value(&k), pair, outs[3];
    make_node(&k, "Repeat", ins, 2, &y, 1, &body, 1);
    value_id both[] = {y, a};
    pair = make_op(&k, "Pair", both, 2);
    outs[0] = pair, outs[1] = y, outs[2] = a;
    ins[1] = x;
    make_io(&k, ins, 2, outs, 3);
    const int64_t two = 2;
    sard_value *in[2] = {ints(&two, 1), floats((float[]){1, -4, 2}, 3)};
    bool through = false;
    for (long at = 1; !through; at++) {
        assert_true(at < 2000);
        exec_model *m = NULL;
        sard_value *out[3] = {0};
        run_ctl ctl;
        ctl_init(&ctl);
        sard_error err = {0};
        mem_fail_after(at);
        sard_status st = exec_compile(k.m, NULL, &m, &err);
        exec_args args = {.ctl = &ctl, .in = in, .out = out};
        if (st == SARD_OK) st = exec_run(m, &args, &err);
        long seen = mem_fail_after(0);
        through = seen < at;
        if (st != SARD_OK) {
            assert_int_equal(st, SARD_OUT_OF_MEMORY);
            assert_null(out[0]);
            if (m) { /* the model is whole: the next run goes through */
                assert_int_equal(exec_run(m, &args, &err), SARD_OK);
            }
        }
        if (m) expect_floats(out[1], (float[]){7, 7}, 2);
        for (int i = 0; i < 3; i++) sard_value_unref(out[i]);
        assert_int_equal(atomic_load(&ctl.used), 0);
        exec_free(m);
        assert_int_equal(fake_live_states, 0);
    }
    sard_value_unref(in[0]);
    sard_value_unref(in[1]);
    module_free(k.m);
}

static size_t resident(void) {
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%*d %ld", &pages) != 1) pages = 0;
    if (f) fclose(f);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* After a large batch the memory goes back to the system (sanitizers' allocators keep what is freed). */
static void test_memory_goes_back(void **state) {
    (void)state;
    fix f = {.k = make_module()};
    value_id x = make_input(&f.k, "x", SARD_F32, 1, any), v = x;
    for (int i = 0; i < 6; i++) {
        value_id two[2] = {v, v};
        v = make_op(&f.k, "Sum2", two, 2);
    }
    value_id g = make_op(&f.k, "Pick", &v, 1);
    make_io(&f.k, &x, 1, &g, 1);
    compile(&f);
    sard_value *small = floats((float[]){-1}, 1), *out = NULL;
    run_ok(&f, &small, &out);
    sard_value_unref(out);
    size_t before = resident(), n = 5 << 20;
    float *zero = mem_calloc(n, sizeof *zero);
    assert_non_null(zero);
    sard_value *big = floats(zero, (int64_t)n);
    out = NULL;
    run_ok(&f, &big, &out);
    sard_value_unref(out);
    sard_value_unref(big);
    mem_free(zero);
    size_t after = resident();
    if (before && !SANITIZED) assert_true(after < before + (8 << 20));
    sard_value_unref(small);
    done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_caller_output),
        cmocka_unit_test(test_passed_through),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_view_then_write),
        cmocka_unit_test(test_stages),
        cmocka_unit_test(test_known_ints),
        cmocka_unit_test(test_runtime_ints),
        cmocka_unit_test(test_known_across_stages),
        cmocka_unit_test(test_loop),
        cmocka_unit_test(test_branches),
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_scratch_and_seeds),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_cancel_inside),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_profile),
        cmocka_unit_test(test_eval),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_memory_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
