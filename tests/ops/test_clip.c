/*
 * test_clip.c -- what Clip promises beyond the official cases: NaN stays NaN, a crossed pair of bounds gives the upper
 * one, absent bounds do not limit; the same bits at every optimisation level and length.
 */
#include <math.h>

#include "api/api_test.h"

enum { MOST = 67 };

/* y = Clip(x, lo, hi) on n floats; NULL: that bound is absent. */
static void clip(const char *level, int64_t n, const float *x, const float *lo, const float *hi, float *y) {
    sard_error err;
    sard_builder *b;
    sard_options *o;
    sard_model *m;
    OK(sard_options_new(&o, &err));
    OK(sard_options_set(o, "optimize", level, &err));
    OK(sard_builder_new("clip", &b, &err));
    OK(sard_builder_input(b, "x", SARD_F32, 1, DIMS(-1), NULL, &err));
    sard_value *in = floats(1, &n, x), *bound[2] = {lo ? floats(0, NULL, lo) : NULL, hi ? floats(0, NULL, hi) : NULL};
    const char *const names[3] = {"x", lo ? "lo" : "", hi ? "hi" : ""};
    for (int i = 0; i < 2; i++)
        if (bound[i]) OK(sard_builder_initializer(b, names[i + 1], bound[i], &err));
    OK(sard_builder_node(b, "", "Clip", "", names, 3, NAMES("y"), 1, &err));
    OK(sard_builder_output(b, "y", SARD_F32, 1, DIMS(-1), NULL, &err));
    OK(sard_builder_build(b, o, &m, &err));
    sard_value *out = NULL;
    OK(sard_run(m, NULL, NAMES("x"), &in, 1, NULL, &out, 1, &err));
    assert_int_equal(sard_tensor_count(out), n);
    memcpy(y, sard_tensor_data(out), (size_t)n * sizeof *y);
    sard_value_unref(out);
    sard_value_unref(in);
    sard_value_unref(bound[0]);
    sard_value_unref(bound[1]);
    sard_model_unref(m);
    sard_builder_free(b);
    sard_options_free(o);
}

static void test_bounds(void **state) {
    (void)state;
    static const float lo[] = {-1}, hi[] = {2}, specials[] = {-3, -1, -0.0f, 0, 1.5f, 2, 7, -INFINITY, INFINITY, NAN};
    for (int64_t n = 1; n <= MOST; n += 6)
        for (int way = 0; way < 8; way++) { /* bounds absent or there, lowest level or highest */
            float x[MOST], y[MOST];
            for (int64_t i = 0; i < n; i++) x[i] = specials[(i + way) % 10];
            clip(way & 4 ? "none" : "all", n, x, way & 1 ? lo : NULL, way & 2 ? hi : NULL, y);
            for (int64_t i = 0; i < n; i++) {
                float want = x[i];
                if (way & 1 && want < *lo) want = *lo;
                if (way & 2 && want > *hi) want = *hi;
                if (isnan(want))
                    assert_true(isnan(y[i]));
                else
                    assert_memory_equal(&y[i], &want, sizeof want);
            }
        }
}

static void test_crossed(void **state) {
    (void)state;
    float y[3];
    clip("all", 3, FLOATS(-9, 3, 9), FLOATS(5), FLOATS(2), y);
    assert_memory_equal(y, FLOATS(2, 2, 2), sizeof y);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bounds), cmocka_unit_test(test_crossed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
