/* test_memory.c -- an allocator given to a model: what its runs take of it, and that all of it comes back. */
#include "api_test.h"

typedef struct counter {
    long out, calls, fail_at; /* blocks that are out; the call that fails, counted from 1, or 0 */
} counter;

static void *take(void *user, size_t bytes) {
    counter *c = user;
    void *p = NULL;
    if (++c->calls == c->fail_at || posix_memalign(&p, 64, bytes)) return NULL;
    memset(p, 0xa5, bytes);
    c->out++;
    return p;
}

static void give(void *user, void *p) {
    if (p) ((counter *)user)->out--;
    free(p);
}

/* x[N,4] -> places = NonZero(x) (how many is seen in the run), total = sum of them as floats, y = Softmax(x x^T) */
static sard_model *make(const sard_options *o) {
    sard_error err;
    sard_builder *b = NULL;
    sard_model *m = NULL;
    OK(sard_builder_new("memory", &b, &err));
    sard_builder_input(b, "x", SARD_F32, 2, DIMS(-1, 4), NAMES("N", NULL), NULL);
    sard_builder_node(b, "", "NonZero", "nonzero", NAMES("x"), 1, NAMES("places"), 1, NULL);
    sard_builder_node(b, "", "Cast", "cast", NAMES("places"), 1, NAMES("numbers"), 1, NULL);
    sard_builder_attr_int(b, "to", SARD_F32, NULL);
    sard_builder_node(b, "", "ReduceSum", "sum", NAMES("numbers"), 1, NAMES("total"), 1, NULL);
    sard_builder_node(b, "", "Transpose", "turn", NAMES("x"), 1, NAMES("xt"), 1, NULL);
    sard_builder_node(b, "", "MatMul", "mul", NAMES("x", "xt"), 2, NAMES("products"), 1, NULL);
    sard_builder_node(b, "", "Softmax", "softmax", NAMES("products"), 1, NAMES("y"), 1, NULL);
    OK(sard_builder_output(b, "places", SARD_UNDEFINED, 0, NULL, NULL, &err));
    OK(sard_builder_output(b, "total", SARD_UNDEFINED, 0, NULL, NULL, &err));
    OK(sard_builder_output(b, "y", SARD_UNDEFINED, 0, NULL, NULL, &err));
    OK(sard_builder_build(b, o, &m, &err));
    sard_builder_free(b);
    return m;
}

static sard_status score(sard_model *m, int64_t rows, sard_value **out, sard_error *err) {
    sard_value *x = floats(2, DIMS(rows, 4), NULL);
    float *data = sard_tensor_data_mut(x);
    for (int64_t i = 0; i < rows * 4; i++) data[i] = (float)(i % 3);
    memset(out, 0, 3 * sizeof *out);
    sard_status st = sard_run(m, NULL, NAMES("x"), &x, 1, NAMES("places", "total", "y"), out, 3, err);
    sard_value_unref(x);
    return st;
}

static sard_options *options_with(counter *c) {
    sard_error err;
    sard_options *o = NULL;
    OK(sard_options_new(&o, &err));
    OK(sard_options_allocator(o, &(sard_allocator){take, give, c}, &err));
    OK(sard_options_set(o, "threads", "1", &err)); /* the counter is not made for more */
    return o;
}

static void same_answers(sard_value *const *a, sard_value *const *b) {
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sard_tensor_bytes(a[i]), sard_tensor_bytes(b[i]));
        assert_memory_equal(sard_tensor_data(a[i]), sard_tensor_data(b[i]), sard_tensor_bytes(a[i]));
    }
}

static void drop(sard_value **values) {
    for (int i = 0; i < 3; i++) sard_value_unref(values[i]);
}

/* Values outlive the model and still know where they came from. */
static void test_all_comes_back(void **state) {
    (void)state;
    sard_error err;
    counter c = {0};
    sard_options *o = options_with(&c);
    sard_model *plain = make(NULL), *m = make(o);
    sard_options_free(o);
    assert_int_equal(c.calls, 0); /* loading takes nothing of it */
    sard_value *want[3], *got[3];
    const int64_t rows[] = {3, 700, 2, 0, 50}; /* 700: more than is kept between runs */
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        const long calls = c.calls;
        OK(score(plain, rows[k], want, &err));
        OK(score(m, rows[k], got, &err));
        same_answers(want, got);
        assert_true(c.calls >= calls + 3); /* the outputs at least */
        drop(want);
        if (k + 1 < sizeof rows / sizeof *rows) drop(got);
    }
    assert_true(c.out > 3);
    sard_model_unref(plain);
    sard_model_unref(m);
    assert_true(c.out <= 3 && c.out > 0);
    drop(got);
    assert_int_equal(c.out, 0);
}

static void test_none_left(void **state) {
    (void)state;
    sard_error err;
    counter c = {0};
    sard_options *o = options_with(&c);
    sard_model *m = make(o);
    sard_options_free(o);
    sard_value *out[3];
    OK(score(m, 20, out, &err));
    drop(out);
    for (long n = 1;; n++) {
        c.fail_at = c.calls + n;
        const sard_status st = score(m, 20 + n, out, &err); /* another shape: the arena is made anew */
        if (st == SARD_OK) {
            drop(out);
            assert_true(n > 3);
            break;
        }
        assert_int_equal(st, SARD_OUT_OF_MEMORY);
        assert_string_not_equal(err.message, "");
    }
    sard_model_unref(m);
    assert_int_equal(c.out, 0);
}

static void test_wrong_calls(void **state) {
    (void)state;
    sard_error err;
    counter c = {0};
    sard_options *o = options_with(&c);
    FAILS(SARD_INVALID_ARGUMENT, "options is NULL", sard_options_allocator(NULL, NULL, &err));
    FAILS(SARD_INVALID_ARGUMENT, "both of its functions",
          sard_options_allocator(o, &(sard_allocator){take, NULL, NULL}, &err));
    OK(sard_options_allocator(o, NULL, &err)); /* taken back */
    sard_model *m = make(o);
    sard_value *out[3];
    OK(score(m, 5, out, &err));
    assert_int_equal(c.calls, 0);
    drop(out);
    sard_model_unref(m);
    sard_options_free(o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_comes_back),
        cmocka_unit_test(test_none_left),
        cmocka_unit_test(test_wrong_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
