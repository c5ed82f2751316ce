/* test_import.c -- models built in memory: names, bodies, functions, initializers, upgrades, and every kind of fault. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/fake_ops.h"
#include "import/import.h"

/* ---- small models ------------------------------------------------------------------------------------------------- */

static arena mem;
static onnx_model model;
static onnx_graph *top;
static char told[8000]; /* all problems, a line each */

static void *list_add(void *list, size_t n, size_t elem) {
    char *p = arena_calloc(&mem, n + 1, elem);
    if (n) memcpy(p, list, n * elem);
    return p;
}
#define ADD(list, n) ((list) = list_add((list), (n), sizeof *(list)), &(list)[(n)++])

static str text(const char *s) { return str_of(arena_strn(&mem, s, strlen(s))); }

/* "a,b,,c" */
static str *names(const char *s, size_t *n) {
    str *list = NULL;
    *n = 0;
    if (!*s) return NULL;
    for (const char *end; s; s = *end ? end + 1 : NULL) {
        end = strchrnul(s, ',');
        str x = {arena_strn(&mem, s, (size_t)(end - s)), (size_t)(end - s)};
        *ADD(list, *n) = x;
    }
    return list;
}

static onnx_graph *new_graph(void) {
    onnx_graph *g = arena_calloc(&mem, 1, sizeof *g);
    g->name = text("g");
    return g;
}

static onnx_node make(const char *op, const char *in, const char *out) {
    onnx_node n = {.op_type = text(op)};
    const char *dot = strrchr(op, '.');
    if (dot) {
        n.domain = (str){n.op_type.p, (size_t)(dot - op)};
        n.op_type = text(dot + 1);
    }
    n.inputs = names(in, &n.n_inputs);
    n.outputs = names(out, &n.n_outputs);
    return n;
}

static onnx_node *add(onnx_graph *g, const char *op, const char *in, const char *out) {
    onnx_node *n = ADD(g->nodes, g->n_nodes);
    *n = make(op, in, out);
    return n;
}

static onnx_attr *attribute(onnx_node *n, const char *name, int type) {
    onnx_attr *a = ADD(n->attrs, n->n_attrs);
    *a = (onnx_attr){.name = text(name), .type = type};
    return a;
}

static onnx_value_info info(const char *name, int dtype, const char *dims) {
    onnx_value_info v = {.name = text(name)};
    v.type = arena_calloc(&mem, 1, sizeof *v.type);
    v.type->kind = ONNX_TYPE_TENSOR;
    v.type->elem_type = dtype;
    if (!dims) return v;
    v.type->shape = arena_calloc(&mem, 1, sizeof *v.type->shape);
    size_t n;
    const str *d = names(dims, &n);
    for (size_t i = 0; i < n; i++) {
        onnx_dim *x = ADD(v.type->shape->dims, v.type->shape->n_dims);
        const bool number = d[i].n && (d[i].p[0] == '-' || (d[i].p[0] >= '0' && d[i].p[0] <= '9'));
        *x = (onnx_dim){.kind = number ? ONNX_DIM_VALUE : ONNX_DIM_PARAM, .param = d[i]};
        if (number) x->value = strtoll(d[i].p, NULL, 10);
    }
    return v;
}

static void input(onnx_graph *g, const char *name, int dtype, const char *dims) {
    *ADD(g->inputs, g->n_inputs) = info(name, dtype, dims);
}
static void output(onnx_graph *g, const char *name, int dtype, const char *dims) {
    *ADD(g->outputs, g->n_outputs) = info(name, dtype, dims);
}
static void output_of(onnx_graph *g, const char *name) {
    *ADD(g->outputs, g->n_outputs) = (onnx_value_info){.name = text(name)};
}

static onnx_tensor floats(const char *name, int64_t n, const float *v) {
    onnx_tensor t = {.name = text(name), .data_type = SARD_F32, .n_dims = 1};
    t.dims = arena_copy(&mem, &n, sizeof n);
    t.raw = (onnx_bytes){arena_copy(&mem, v, (size_t)n * 4), (size_t)n * 4};
    return t;
}

static void initializer(onnx_graph *g, const char *name, int64_t n, const float *v) {
    *ADD(g->initializers, g->n_initializers) = floats(name, n, v);
}

static void opset(const char *domain, int64_t version) {
    *ADD(model.opsets, model.n_opsets) = (onnx_opset){.domain = text(domain), .version = version};
}

static int setup(void **state) {
    (void)state;
    arena_init(&mem);
    memset(&model, 0, sizeof model);
    onnx_store_init(&model.store);
    model.ir_version = 8;
    model.graph = top = new_graph();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    onnx_store_deinit(&model.store);
    arena_free(&mem);
    return 0;
}

static void tell(void *user, sard_status status, const char *where, const char *message) {
    (void)user;
    const size_t n = strlen(told);
    snprintf(told + n, sizeof told - n, "%s|%s|%s\n", sard_status_name(status), where, message);
}

static sard_status load_with(import_options o, module **m, sard_error *err) {
    problems p = {.fn = tell};
    *told = 0;
    o.ops = &fake_ops;
    o.problems = &p;
    return import_model(&model, &o, m, err);
}

static module *load(void) {
    module *m;
    sard_error err = {0};
    if (load_with((import_options){0}, &m, &err) != SARD_OK) fail_msg("%s", err.message);
    return m;
}

static void refused(const char *message) {
    module *m;
    sard_error err = {0};
    const sard_status st = load_with((import_options){0}, &m, &err);
    assert_int_not_equal(st, SARD_OK);
    assert_int_equal(err.code, st);
    if (!strstr(*told ? told : err.message, message)) fail_msg("'%s%s' has no '%s'", told, err.message, message);
}

static void printed(const module *m, const char *want) {
    strbuf b = {0};
    assert_int_equal(module_print(m, &b, NULL), SARD_OK);
    if (strcmp(sb_str(&b), want) != 0) fail_msg("printed:\n%s\nwanted:\n%s", sb_str(&b), want);
    sb_free(&b);
}

/* ---- what is right ------------------------------------------------------------------------------------------------ */

static void test_plain(void **state) {
    (void)state;
    opset("", 17);
    opset("ai.onnx", 13); /* twice: the highest counts */
    input(top, "x", SARD_F32, "n,2");
    initializer(top, "w", 2, (float[]){1, 2});
    add(top, "Relu", "t", "y"); /* not sorted */
    add(top, "Add", "x,w", "t");
    output(top, "y", SARD_F32, "n,2");
    module *m = load();
    printed(m, "opset \"\" 17\n"
               "graph g(x: f32[n,2]) -> (y) {\n"
               "  const w = f32[2] {1.0, 2.0}\n"
               "  t: f32[n,2] = Add(x, w)\n"
               "  y: f32[n,2] = Relu(t)\n"
               "}\n");
    assert_true(m->constants[0].in_place);
    char where[200];
    assert_string_equal(node_where(module_main(m), &module_main(m)->nodes[0], where, sizeof where),
                        "node #1 (Add, opset 14)");
    module_free(m);
    import_dim n = {.name = "n", .value = 5};
    sard_error err;
    assert_int_equal(load_with((import_options){.dims = &n, .n_dims = 1, .copy_weights = true}, &m, &err), SARD_OK);
    assert_int_equal(module_main(m)->values[0].type.dim[0], 5);
    assert_false(m->constants[0].in_place);
    module_free(m);
}

static void test_initializers(void **state) {
    (void)state;
    opset("", 17);
    input(top, "x", SARD_F32, "2");
    input(top, "w", SARD_F32, NULL);
    initializer(top, "w", 2, (float[]){1, 2});
    add(top, "Add", "x,w", "y");
    output_of(top, "y");
    output_of(top, "w"); /* an output that is an initializer */
    module *m = load();
    printed(m, "opset \"\" 17\n"
               "graph g(x: f32[2], w: f32[2] = f32[2] {1.0, 2.0}) -> (y, w) {\n"
               "  y: f32[2] = Add(x, w)\n"
               "}\n");
    module_free(m);
    model.ir_version = 3; /* there every initializer is an input, too */
    m = load();
    assert_int_equal(module_main(m)->n_inputs, 1);
    assert_false(module_main(m)->values[1].overridable);
    module_free(m);

    sard_value *v;
    sard_error err;
    assert_int_equal(sard_tensor_new(SARD_F32, 1, (int64_t[]){2}, &v, NULL), SARD_OK);
    ((float *)sard_tensor_data_mut(v))[1] = 7;
    import_override over = {"w", v};
    assert_int_equal(load_with((import_options){.overrides = &over, .n_overrides = 1}, &m, &err), SARD_OK);
    assert_ptr_equal(m->constants[0].v, v);
    module_free(m);
    over.name = "v";
    assert_int_equal(load_with((import_options){.overrides = &over, .n_overrides = 1}, &m, &err),
                     SARD_INVALID_ARGUMENT);
    assert_string_equal(err.message, "the model has no initializer 'v'");
    sard_value_unref(v);
    assert_int_equal(sard_tensor_new(SARD_F32, 1, (int64_t[]){3}, &v, NULL), SARD_OK);
    over = (import_override){"w", v};
    assert_int_equal(load_with((import_options){.overrides = &over, .n_overrides = 1}, &m, &err),
                     SARD_INVALID_ARGUMENT);
    assert_string_equal(err.message, "initializer 'w': is f32[2]; the value given instead is f32[3]");
    sard_value_unref(v);
}

static void test_constants(void **state) {
    (void)state;
    opset("", 13);
    attribute(add(top, "Constant", "", "a"), "value_float", ONNX_ATTR_FLOAT)->f = 2.5f;
    onnx_attr *i = attribute(add(top, "Constant", "", "b"), "value_ints", ONNX_ATTR_INTS);
    i->ints = (int64_t[]){4, 5};
    i->n_ints = 2;
    attribute(add(top, "Constant", "", "c"), "value_string", ONNX_ATTR_STRING)->s = text("hi");
    onnx_attr *t = attribute(add(top, "Constant", "", "d"), "value", ONNX_ATTR_TENSOR);
    t->t = arena_calloc(&mem, 1, sizeof *t->t);
    *t->t = floats("", 2, (float[]){8, 9});
    onnx_sparse *s = ADD(top->sparse_initializers, top->n_sparse_initializers);
    s->values = arena_calloc(&mem, 1, sizeof *s->values);
    *s->values = floats("s", 2, (float[]){1, 2});
    s->indices = arena_calloc(&mem, 1, sizeof *s->indices);
    *s->indices = (onnx_tensor){.data_type = SARD_I64,
                                .dims = (int64_t[]){2, 2},
                                .n_dims = 2,
                                .raw = {(const uint8_t *)(int64_t[]){0, 1, 1, 2}, 32}};
    s->dims = (int64_t[]){2, 3};
    s->n_dims = 2;
    for (const char *n = "abcds"; *n; n++) output_of(top, (char[]){*n, 0});
    module *m = load();
    printed(m, "opset \"\" 13\n"
               "graph g() -> (a, b, c, d, s) {\n"
               "  const s = f32[2,3] {0.0, 1.0, 0.0, 0.0, 0.0, 2.0}\n"
               "  const a = f32[] {2.5}\n"
               "  const b = i64[2] {4, 5}\n"
               "  const c = str[] {\"hi\"}\n"
               "  const d = f32[2] {8.0, 9.0}\n"
               "}\n");
    module_free(m);
    s->indices->raw.p = (const uint8_t *)(int64_t[]){0, 1, 1, 3};
    refused("sparse tensor 's': index 3 of entry 1 is outside of axis 1, which has 3");
}

static void test_bodies(void **state) {
    (void)state;
    opset("", 16);
    input(top, "c", SARD_BOOL, "");
    input(top, "x", SARD_F32, "2");
    initializer(top, "w", 2, (float[]){1, 2});
    onnx_node *n = add(top, "If", "c", "y");
    n->name = text("choose");
    onnx_graph *then = new_graph(), *other = new_graph(), *deep = new_graph();
    add(then, "Add", "x,w", "r"); /* captures x, has w of its own */
    output_of(then, "r");
    onnx_node *inner = add(other, "If", "c", "q"); /* x and z pass through two levels */
    attribute(inner, "then_branch", ONNX_ATTR_GRAPH)->g = deep;
    attribute(inner, "else_branch", ONNX_ATTR_GRAPH)->g = deep;
    output_of(other, "q");
    add(deep, "Mul", "x,z", "p");
    output_of(deep, "p");
    attribute(n, "then_branch", ONNX_ATTR_GRAPH)->g = then;
    attribute(n, "else_branch", ONNX_ATTR_GRAPH)->g = other;
    add(top, "Relu", "x", "z"); /* needed by the body, listed behind it */
    output_of(top, "y");
    module *m = load();
    printed(m, "opset \"\" 16\n"
               "graph g(c: bool[], x: f32[2]) -> (y) {\n"
               "  const w = f32[2] {1.0, 2.0}\n"
               "  z: f32[2] = Relu(x)\n"
               "  y: f32[2] = If(c) {else_branch = graph g() captures(x: f32[2], c: bool[], z: f32[2]) -> (q) {\n"
               "    q: f32[2] = If(c) {else_branch = graph g() captures(x: f32[2], z: f32[2]) -> (p) {\n"
               "      p: f32[2] = Mul(x, z)\n"
               "    }, then_branch = graph g() captures(x: f32[2], z: f32[2]) -> (p) {\n"
               "      p: f32[2] = Mul(x, z)\n"
               "    }} captures(x, z)\n"
               "  }, then_branch = graph g() captures(x: f32[2], c: bool[], z: f32[2]) -> (r) {\n"
               "    const w = f32[2] {1.0, 2.0}\n"
               "    r: f32[2] = Add(x, w)\n"
               "  }} captures(x, c, z)\n"
               "}\n");
    const graph *b = m->graphs[module_main(m)->nodes[1].attrs[0].body];
    char where[200];
    assert_string_equal(node_where(b, &b->nodes[0], where, sizeof where),
                        "node #0 of 'choose/else_branch' (If, opset 16)");
    problems p = {0};
    assert_int_equal(graph_check(module_main(m), &p, NULL), SARD_OK);
    module_free(m);
}

static void test_upgrades(void **state) {
    (void)state;
    opset("", 6);
    model.ir_version = 3;
    input(top, "x", SARD_F32, "2,3,4");
    input(top, "y", SARD_F32, "3");
    onnx_node *n = add(top, "Add", "x,y", "a");
    attribute(n, "broadcast", ONNX_ATTR_INT)->i = 1;
    attribute(n, "axis", ONNX_ATTR_INT)->i = 1;
    n = add(top, "Unsqueeze", "a", "b");
    onnx_attr *axes = attribute(n, "axes", ONNX_ATTR_INTS);
    axes->ints = (int64_t[]){0};
    axes->n_ints = 1;
    n = add(top, "Relu", "b", "c");
    axes = attribute(n, "consumed_inputs", ONNX_ATTR_INTS);
    axes->ints = (int64_t[]){0};
    axes->n_ints = 1;
    output_of(top, "c");
    module *m = load();
    printed(m, "opset \"\" 6\n"
               "graph g(x: f32[2,3,4], y: f32[3]) -> (c) {\n"
               "  const %3 = i64[1] {1}\n"
               "  const %6 = i64[1] {0}\n"
               "  %4: f32[3,1] = Unsqueeze(y, %3)\n"
               "  a: f32[2,3,4] = Add(x, %4)\n"
               "  b: f32[1,2,3,4] = Unsqueeze(a, %6)\n"
               "  c: f32[1,2,3,4] = Relu(b)\n"
               "}\n");
    module_free(m);
}

static onnx_function *function(const char *name, const char *in, const char *out) {
    onnx_function *f = ADD(model.functions, model.n_functions);
    *f = (onnx_function){.name = text(name), .domain = text("local")};
    f->inputs = names(in, &f->n_inputs);
    f->outputs = names(out, &f->n_outputs);
    *ADD(f->opsets, f->n_opsets) = (onnx_opset){.version = 14};
    *ADD(f->opsets, f->n_opsets) = (onnx_opset){.domain = text("test"), .version = 2};
    return f;
}

static onnx_node *step(onnx_function *f, const char *op, const char *in, const char *out) {
    onnx_node *n = ADD(f->nodes, f->n_nodes);
    *n = make(op, in, out);
    return n;
}

static void test_functions(void **state) {
    (void)state;
    opset("", 17);
    opset("local", 1);
    input(top, "x", SARD_F32, "2");
    onnx_function *f = function("Outer", "a,b", "o,same");
    *ADD(f->attrs, f->n_attrs) = text("alpha");
    onnx_attr *def = ADD(f->attr_protos, f->n_attr_protos);
    *def = (onnx_attr){.name = text("count"), .type = ONNX_ATTR_INT, .i = 9};
    onnx_node *n = step(f, "test.Misc", "a,b", "t");
    attribute(n, "alpha", ONNX_ATTR_FLOAT)->ref_attr_name = text("alpha");
    attribute(n, "count", ONNX_ATTR_INT)->ref_attr_name = text("count");
    step(f, "local.Inner", "t", "o");
    step(f, "Identity", "a", "unused");
    f->outputs[1] = text("a"); /* an input as an output */
    f = function("Inner", "v", "w");
    step(f, "Relu", "v", "w");
    n = add(top, "local.Outer", "x", "y,z");
    n->name = text("call");
    attribute(n, "alpha", ONNX_ATTR_FLOAT)->f = 3;
    output_of(top, "y");
    output_of(top, "z");
    module *m = load();
    printed(m, "opset \"\" 17\n"
               "opset \"local\" 1\n"
               "graph g(x: f32[2]) -> (y, z) {\n"
               "  call/t: f32[2] = test.Misc(x, _) {alpha = 3.0, count = 9}\n"
               "  y: f32[2] = Relu(call/t)\n"
               "  call/unused: f32[2] = Identity(x)\n"
               "  z: f32[2] = Identity(x)\n"
               "}\n");
    char where[200];
    assert_string_equal(node_where(module_main(m), &module_main(m)->nodes[1], where, sizeof where),
                        "node #0 of 'call/Inner#1' (Relu, opset 14)");
    module_free(m);
    step(&model.functions[1], "local.Outer", "v", "");
    refused("the function calls itself");
}

/* ---- what is wrong ------------------------------------------------------------------------------------------------ */

static void test_all_unsupported(void **state) {
    (void)state;
    opset("", 17);
    opset("com.x", 1);
    input(top, "x", SARD_F32, "2");
    add(top, "Foo", "x", "a")->name = text("first");
    add(top, "Foo", "a", "b");
    add(top, "com.x.Bar", "b", "c");
    output_of(top, "c");
    refused("UNSUPPORTED||operator Foo (opset 17) is not supported: 2 nodes, first node 'first' (Foo)\n"
            "UNSUPPORTED||operator com.x.Bar (opset 1) is not supported: 1 node, first node #2 (com.x.Bar)\n");
}

static void test_faults(void **state) {
    (void)state;
    opset("", 17);
    input(top, "x", SARD_F32, "2");
    add(top, "Relu", "nope", "a")->name = text("n1");
    add(top, "Relu", "x", "b");
    add(top, "Relu", "x", "b");
    add(top, "Add", "x", "c");
    attribute(add(top, "Relu", "x", "d"), "alpha", ONNX_ATTR_INT);
    attribute(add(top, "Concat", "x,x", "e"), "axes", ONNX_ATTR_INT);
    add(top, "other.Relu", "x", "f");
    attribute(add(top, "Relu", "x", "h"), "k", ONNX_ATTR_FLOAT)->ref_attr_name = text("k");
    add(top, "Constant", "", "i");
    output_of(top, "lost");
    initializer(top, "x", 2, (float[]){1, 2});
    initializer(top, "x", 2, (float[]){1, 2});
    *ADD(top->initializers, top->n_initializers) =
        (onnx_tensor){.name = text("big"), .data_type = SARD_F32, .n_dims = 17};
    *ADD(top->initializers, top->n_initializers) =
        (onnx_tensor){.name = text("short"), .data_type = SARD_F32, .n_dims = 1, .dims = (int64_t[]){3}};
    refused("");
    static const char *const all[] = {
        "INVALID_MODEL|initializer 'x'|is there twice",
        "INVALID_MODEL|node 'n1' (Relu)|input 0 ('nope') is not defined by anything",
        "INVALID_MODEL|node #2 (Relu)|'b' is defined already",
        "input 1 (B) is missing",
        "INVALID_MODEL|node #4 (Relu)|unknown attribute 'alpha'; Relu has none",
        "INVALID_MODEL|node #5 (Concat)|unknown attribute 'axes'; did you mean 'axis'?",
        "INVALID_MODEL|node #5 (Concat)|attribute 'axis' is missing",
        "INVALID_MODEL|node #6 (other.Relu)|the model imports no opset of the domain 'other'",
        "refers to the attribute 'k', which means nothing outside of a function",
        "INVALID_MODEL|node #8 (Constant)|a Constant has one output and one attribute",
        "INVALID_MODEL||graph output 'lost' is not defined by anything",
        "UNSUPPORTED|initializer 'big'|tensor 'big' has rank 17; at most 16 is supported",
        "INVALID_MODEL|initializer 'short'|",
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (!strstr(told, all[i])) fail_msg("'%s' has no '%s'", told, all[i]);
}

static void test_versions(void **state) {
    (void)state;
    opset("", 29);
    input(top, "x", SARD_F32, "2");
    output_of(top, "x");
    refused("UNSUPPORTED||the model imports opset 29 of 'ai.onnx'; up to 28 is supported");
    model.opsets[0].version = 13;
    opset("test", 1);
    model.opsets[1].version = 0;
    add(top, "test.Misc", "x", "y");
    refused("imports no opset of the domain 'test'");
}

static void test_cycles(void **state) {
    (void)state;
    opset("", 17);
    input(top, "x", SARD_F32, "2");
    add(top, "Add", "x,b", "a");
    add(top, "Relu", "a", "b");
    output_of(top, "a");
    refused("INVALID_MODEL|node #0 (Add)|is part of a cycle");
    top->n_nodes = 0;
    top->nodes = NULL;
    add(top, "Relu", "a", "a");
    refused("INVALID_MODEL|node #0 (Relu)|is part of a cycle");
}

static void test_depth(void **state) {
    (void)state;
    opset("", 17);
    input(top, "c", SARD_BOOL, "");
    onnx_graph *g = top, *leaf = new_graph();
    output_of(leaf, "c");
    for (int i = 0; i < 40; i++) {
        char name[20];
        snprintf(name, sizeof name, "v%d", i);
        onnx_node *n = add(g, "If", "c", name);
        output_of(g, name);
        onnx_graph *b = new_graph();
        attribute(n, "then_branch", ONNX_ATTR_GRAPH)->g = leaf;
        attribute(n, "else_branch", ONNX_ATTR_GRAPH)->g = b;
        g = b;
    }
    output_of(g, "c");
    refused("bodies are nested deeper than 32");
}

/* Functions that call the next one twice each: 2^20 nodes and more are refused at once. */
static void test_function_bomb(void **state) {
    (void)state;
    opset("", 17);
    opset("local", 1);
    input(top, "x", SARD_F32, "2");
    for (int i = 0; i < 40; i++) {
        char name[20], next[30];
        snprintf(name, sizeof name, "F%d", i);
        snprintf(next, sizeof next, i == 39 ? "Relu" : "local.F%d", i + 1);
        onnx_function *f = function(name, "a", "c");
        step(f, next, "a", "b");
        step(f, next, "b", "c");
    }
    add(top, "local.F0", "x", "y");
    output_of(top, "y");
    refused("become more than");
}

static void test_many_nodes(void **state) {
    (void)state;
    enum { N = 200000 };
    opset("", 17);
    input(top, "x", SARD_F32, "2");
    top->nodes = arena_calloc(&mem, N, sizeof *top->nodes);
    for (int i = N; i-- > 0;) { /* the last first */
        char in[20], out[20];
        snprintf(in, sizeof in, "v%d", i);
        snprintf(out, sizeof out, "v%d", i + 1);
        top->nodes[top->n_nodes++] = make("Relu", i ? in : "x", i == N - 1 ? "y" : out);
    }
    output_of(top, "y");
    module *m = load();
    assert_int_equal(module_main(m)->n_nodes, N);
    module_free(m);
}

static void test_out_of_memory(void **state) {
    (void)state;
    opset("", 16);
    input(top, "c", SARD_BOOL, "");
    input(top, "x", SARD_F32, "n");
    initializer(top, "w", 2, (float[]){1, 2});
    onnx_node *n = add(top, "If", "c", "y");
    onnx_graph *b = new_graph();
    add(b, "Add", "x,w", "r");
    output_of(b, "r");
    attribute(n, "then_branch", ONNX_ATTR_GRAPH)->g = b;
    attribute(n, "else_branch", ONNX_ATTR_GRAPH)->g = b;
    output_of(top, "y");
    for (long i = 1; i < 2000; i++) {
        module *m = NULL;
        arena out;
        onnx_model written;
        arena_init(&out);
        problems p = {0};
        import_options o = {.ops = &fake_ops, .problems = &p};
        mem_fail_after(i);
        sard_status st = import_model(&model, &o, &m, NULL);
        if (st == SARD_OK) {
            st = export_model(m, NULL, &out, &written, NULL);
            module_free(m);
        }
        mem_fail_after(0);
        arena_free(&out);
        if (st == SARD_OK) return;
        assert_int_equal(st, SARD_OUT_OF_MEMORY);
    }
    fail_msg("never succeeded");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_plain),      CASE(test_initializers),  CASE(test_constants),       CASE(test_bodies),
        CASE(test_upgrades),   CASE(test_functions),     CASE(test_all_unsupported), CASE(test_faults),
        CASE(test_versions),   CASE(test_cycles),        CASE(test_depth),           CASE(test_function_bomb),
        CASE(test_many_nodes), CASE(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
