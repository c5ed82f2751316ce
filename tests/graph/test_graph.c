/* test_graph.c -- modules in text form: parsing, printing, checking, inference, building, copying. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "graph/fake_ops.h"

static module *parse(const char *text) {
    module *m;
    sard_error err = {0};
    if (module_parse(&fake_ops, text, &m, &err) != SARD_OK) fail_msg("%s", err.message);
    return m;
}

static void refused(const char *text, const char *message) {
    module *m = NULL;
    sard_error err = {0};
    assert_int_not_equal(module_parse(&fake_ops, text, &m, &err), SARD_OK);
    if (!strstr(err.message, message)) fail_msg("'%s' has no '%s'", err.message, message);
}

static value_id named(const graph *g, const char *name) {
    for (value_id v = 0; v < g->n_values; v++)
        if (!strcmp(mod_str(g->mod, g->values[v].name), name)) return v;
    fail_msg("no value '%s'", name);
    return NO_ID;
}

#define TYPE_IS(g, name, text)                                                                                         \
    do {                                                                                                               \
        char buf_[200];                                                                                                \
        assert_string_equal(type_text((g)->mod, &(g)->values[named(g, name)].type, buf_, sizeof buf_), text);          \
    } while (0)

static const char whole[] =
    "opset \"\" 17\n"
    "opset \"test\" 2\n"
    "graph main(x: f32[n,3], w: f32[3] = f32[3] {1.0, -2.5, inf}, c: bool[], s: seq(f32[?]), o: opt(map(i64, f32))) -> "
    "(y, z, \"odd name\") {\n"
    "  const k = i64[2] {1, -1}\n"
    "  const words = str[2] {\"a\\\"b\", \"\\x01\"}\n"
    "  %9: f32[n,3] = Add(x, w)\n"
    "  y: f32[n,3], _ = test.Misc(%9, _, k) {alpha = 2.0, mode = \"m\", sizes = [1, 2], scales = [0.5, 1.0], labels = "
    "[\"p\"], table = f32[1] {0.25}, kind = type f32[?]}\n"
    "  z: f32[n,3] = If(c) {else_branch = graph e() captures(x: f32[n,3], y: f32[n,3]) -> (r) {\n"
    "      r: f32[n,3] = Relu(x)\n"
    "    }, then_branch = graph t() captures(x: f32[n,3], y: f32[n,3]) -> (y) {\n"
    "    }} captures(x, y)\n"
    "  \"odd name\": str[2] = Identity(words)\n"
    "}\n";

static void test_round_trip(void **state) {
    (void)state;
    module *m = parse(whole), *again, *copy;
    strbuf a = {0}, b = {0}, c = {0};
    assert_int_equal(module_print(m, &a, NULL), SARD_OK);
    again = parse(sb_str(&a));
    assert_int_equal(module_print(again, &b, NULL), SARD_OK);
    assert_string_equal(sb_str(&a), sb_str(&b));
    assert_int_equal(module_clone(m, &copy, NULL), SARD_OK);
    assert_int_equal(module_print(copy, &c, NULL), SARD_OK);
    assert_string_equal(sb_str(&a), sb_str(&c));
    module_free(m);
    problems p = {0};
    assert_int_equal(graph_check(module_main(copy), &p, NULL), SARD_OK);
    assert_int_equal(graph_infer(module_main(copy), &p, NULL), SARD_OK);
    module_free(copy);
    module_free(again);
    sb_free(&a);
    sb_free(&b);
    sb_free(&c);
}

static void test_inference(void **state) {
    (void)state;
    module *m = parse("graph g(x: f32[n,3], y: f32[3]) -> (a, c) {"
                      "  a = Add(x, y)\n b = Shape(a)\n c = Concat(x, a) {axis = 0}"
                      "  d = Unsqueeze(c, k) const k = i64[1] {-1} }");
    graph *g = module_main(m);
    TYPE_IS(g, "a", "tensor(float)[n,3]");
    TYPE_IS(g, "b", "tensor(int64)[2]");
    TYPE_IS(g, "c", "tensor(float)[(2*n),3]");
    TYPE_IS(g, "d", "tensor(float)[(2*n),3,1]");
    const value *b = &g->values[named(g, "b")];
    assert_int_equal(b->ints.n, 2);
    assert_int_equal(b->ints.v[1], 3);
    assert_string_equal(mod_str(m, DIM_SYM_ID(b->ints.v[0])), "n");
    module_free(m);
}

static void test_bodies(void **state) {
    (void)state;
    module *m = parse("graph g(x: f32[2,3], y: f32[7,3]) -> (r) {"
                      "  r = test.Repeat(x) {body = graph b(i: f32) captures(y) -> (o) { o = Concat(i, y) {axis = 0} }}"
                      "    captures(y) }");
    graph *g = module_main(m);
    TYPE_IS(g, "r", "tensor(float)[?,3]"); /* grows with every iteration */
    TYPE_IS(m->graphs[1], "o", "tensor(float)[?,3]");
    TYPE_IS(m->graphs[1], "y", "tensor(float)[7,3]");
    assert_int_equal(graph_infer(g, NULL, NULL), SARD_OK);
    TYPE_IS(g, "r", "tensor(float)[?,3]");
    uint32_t at;
    assert_int_equal(node_add_capture(g, 0, named(g, "x"), &at, NULL), SARD_OK);
    assert_int_equal(at, 1);
    assert_int_equal(node_add_capture(g, 0, named(g, "y"), &at, NULL), SARD_OK);
    assert_int_equal(at, 0);
    assert_int_equal(m->graphs[1]->n_captures, 2);
    problems p = {0};
    assert_int_equal(graph_check(g, &p, NULL), SARD_OK);
    module_free(m);
}

static void test_faults(void **state) {
    (void)state;
    refused("graph g(x: f32[2], y: f32[3]) -> (z) { z = Add(x, y) }", "do not broadcast: tensor(float)[2]");
    refused("graph g(x: f32, y: i64) -> (z) { z = Add(x, y) }",
            "input 1 (B, 'y') is tensor(int64), but input 0 ('x') is tensor(float): both are T");
    refused("graph g(x: str) -> (z) { z = Relu(x) }", "input 0 (X, 'x') is tensor(string); Relu takes float, uint8");
    refused("graph g(x: seq(f32)) -> (z) { z = Relu(x) }", "is seq(tensor(float)); a tensor is needed");
    refused("graph g(x: f32) -> (z) { z = Add(x) }", "input 1 (B) is missing");
    refused("graph g(x: f32) -> (z) { z = Relu(x, x) }", "2 inputs; Relu has at most 1");
    refused("graph g(x: f32) -> (z) { z = Relu(y) }", "input 0 ('y') is not defined by anything");
    refused("graph g(x: f32) -> (z) { }", "graph output 'z' is not defined");
    refused("graph g(x: f32) -> (x) { x = Relu(x) }", "'x' is defined more than once");
    refused("graph g(x: f32) -> (a) { a = Add(x, b) b = Relu(a) }", "is part of a cycle");
    refused("graph g(x: f32) -> (a) { a = Concat(x, x) }", "line 1: Concat: attribute 'axis' is missing");
    refused("graph g(x: f32) -> (a) { a = Concat(x, x) {axes = 1} }", "unknown attribute 'axes'; did you mean 'axis'?");
    refused("graph g(x: f32) -> (a) { a = Concat(x, x) {axis = \"1\"} }",
            "attribute 'axis' is of type STRING; INT is needed");
    refused("graph g(x: f32[2]) -> (a) { a = Concat(x, x) {axis = 1} }", "axis 1 out of range for rank 1");
    refused("graph g(x: f32) -> (z) {\n z: i64 = Relu(x) }", "is tensor(float), but is declared as tensor(int64)");
    refused("graph g(x: f32) -> (z) {\n z = Nope(x) }", "line 2: a known operator is needed, found 'Nope'");
    refused("graph g(x: f32) -> (z) {\n z = Relu(x }", "is needed");
    refused("graph g(x: f32[2) -> (z) {", "line 1: ']' is needed, found ')'");
    refused("graph g(", "the text ends");
    refused("graph g() -> () { const a = f32[2] {1} }", "',' is needed, found '}'");
    refused(
        "graph g(c: bool) -> (z) { z = If(c) {else_branch = graph a() -> () {}, then_branch = graph b() -> () {}} }",
        "body 'a' has 0 outputs; 1 are needed");
}

static void test_deep(void **state) {
    (void)state;
    strbuf b = {0};
    sb_puts(&b, "graph g(c: bool) -> (r) {");
    for (int i = 0; i < 40; i++) sb_puts(&b, "r = If(c) {else_branch = graph b() captures(c) -> (r) {");
    refused(sb_str(&b), "nested deeper than 32");
    b.n = 0;
    sb_puts(&b, "graph g(x: f32[2]) -> (r) { r = test.Repeat(x) {body = "); /* a level infers the next one twice */
    for (int i = 0; i < 24; i++)
        sb_puts(&b, "graph b(x: f32) -> (r) { const k = f32[1] {1} t = test.Repeat(k) {body = ");
    sb_puts(&b, "graph b(x: f32) -> (r) { r = Concat(x, x) {axis = 0} }");
    for (int i = 0; i < 24; i++) sb_puts(&b, "} r = Concat(x, t) {axis = 0} }");
    sb_puts(&b, "} }");
    refused(sb_str(&b), "inferring their types takes more than");
    sb_free(&b);
}

static void test_order_and_edit(void **state) {
    (void)state;
    module *m = parse("graph g(x: f32) -> (d) { d = Add(c, b) c = Relu(b) b = Relu(x) }");
    graph *g = module_main(m);
    node_id *order;
    uint32_t n;
    assert_int_equal(graph_order(g, &order, &n, NULL), SARD_OK);
    assert_int_equal(n, 3);
    assert_true(order[0] == 2 && order[1] == 1 && order[2] == 0);
    mem_free(order);
    const value_id b = named(g, "b"), x = named(g, "x"), d = named(g, "d");
    assert_int_equal(graph_uses(g, b), 2);
    uint32_t uses[8];
    graph_count_uses(g, uses);
    assert_true(uses[b] == 2 && uses[x] == 1 && uses[d] == 1);
    graph_replace(g, b, x);
    assert_int_equal(graph_uses(g, b), 0);
    node_kill(g, 2);
    assert_int_equal(g->values[b].def, NO_ID);
    graph_compact(g);
    assert_int_equal(g->n_nodes, 2);
    assert_int_equal(g->values[d].def, 0);
    assert_true(graph_is_output(g, d) && !graph_is_output(g, x));
    graph_replace(g, d, x);
    assert_true(graph_is_output(g, x));
    assert_string_equal(mod_str(m, g->output_names[0]), "d");
    module_free(m);
}

static void test_builder(void **state) {
    (void)state;
    module *m = parse("graph g(x: f32[n,4], y: f32[4]) -> (x) { }");
    graph *g = module_main(m);
    sard_error err = {0};
    builder b = builder_at(g, NO_ID, &err);
    const value_id x = named(g, "x");
    value_id s = build_2(&b, "Add", x, build_scalar(&b, SARD_F32, 2)), u;
    u = build_op(&b, "Unsqueeze", (value_id[]){s, build_i64s(&b, (int64_t[]){0}, 1)}, 2, NULL, 0);
    assert_int_equal(builder_result(&b), SARD_OK);
    char buf[100];
    assert_string_equal(type_text(m, &g->values[u].type, buf, sizeof buf), "tensor(float)[1,n,4]");
    const attr_arg args[] = {ARG_F("alpha", 3), ARG_S("mode", "q"), ARG_INTS("sizes", ((int64_t[]){1, 2}), 2)};
    value_id outs[2] = {NO_ID, NO_ID};
    assert_int_equal(build_node(&b, "test.Misc", &x, 1, outs, 2, args, 3), SARD_OK);
    const node *n = &g->nodes[g->values[outs[1]].def];
    assert_true(node_attr(n, 0)->f == 3 && !node_attr(n, 0)->defaulted);
    assert_true(node_attr(n, 1)->i == 3 && node_attr(n, 1)->defaulted);
    assert_int_equal(node_attr(n, 3)->ints.v[1], 2);
    assert_int_equal(node_attr(n, 4)->type, ATTR_NONE);
    assert_int_equal(g->values[outs[1]].type.dtype, SARD_I64);
    assert_int_equal(build_1(&b, "Nope", x), NO_ID);
    assert_int_equal(builder_result(&b), SARD_UNSUPPORTED);
    assert_string_equal(err.message, "operator 'Nope' is not offered");
    assert_int_equal(build_1(&b, "Relu", x), NO_ID);
    b = builder_at(g, NO_ID, &err);
    assert_int_equal(build_op(&b, "Relu", &x, 1, args, 1), NO_ID);
    assert_non_null(strstr(err.message, "unknown attribute 'alpha'; Relu has none"));
    module_free(m);
}

/* One of each call fails in turn; nothing may leak or crash. */
static void test_out_of_memory(void **state) {
    (void)state;
    for (long n = 1; n < 2000; n++) {
        module *m = NULL, *c = NULL;
        strbuf b = {0};
        mem_fail_after(n);
        sard_status st = module_parse(&fake_ops, whole, &m, NULL);
        if (st == SARD_OK) st = module_print(m, &b, NULL);
        if (st == SARD_OK) st = module_clone(m, &c, NULL);
        mem_fail_after(0);
        sb_free(&b);
        module_free(m);
        module_free(c);
        if (st == SARD_OK) return;
        assert_int_equal(st, SARD_OUT_OF_MEMORY);
    }
    fail_msg("never succeeded");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_inference),     cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_faults),     cmocka_unit_test(test_deep),          cmocka_unit_test(test_order_and_edit),
        cmocka_unit_test(test_builder),    cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
