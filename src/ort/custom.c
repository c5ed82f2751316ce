/*
 * custom.c -- operators of a client's own: domains, and a session's domains as one library of the public API.
 */
#include "ort/custom.h"

#include <stdlib.h>
#include <string.h>

/* ---- domains ------------------------------------------------------------------------------------------------------ */

struct OrtCustomOpDomain {
    atomic_uint refs;
    char *name;
    const OrtCustomOp **ops;
    size_t n, cap;
};

void ort_domain_ref(OrtCustomOpDomain *d) { atomic_fetch_add(&d->refs, 1); }

void ort_domain_unref(OrtCustomOpDomain *d) {
    if (!d || atomic_fetch_sub(&d->refs, 1) != 1) return;
    free(d->name);
    free(d->ops);
    free(d);
}

OrtStatus *ort_CreateCustomOpDomain(const char *name, OrtCustomOpDomain **out) {
    NOT_NULL(name);
    NOT_NULL(out);
    OrtCustomOpDomain *d = calloc(1, sizeof *d);
    char *copy = strdup(name);
    if (!d || !copy) {
        free(d);
        free(copy);
        return ort_no_memory(sizeof *d);
    }
    atomic_init(&d->refs, 1);
    d->name = copy;
    *out = d;
    return NULL;
}

void ort_ReleaseCustomOpDomain(OrtCustomOpDomain *d) { ort_domain_unref(d); }

/* A newer version than ours is read as ours: its fields only ever come at the end. */
OrtStatus *ort_CustomOpDomain_Add(OrtCustomOpDomain *d, const OrtCustomOp *op) {
    NOT_NULL(d);
    NOT_NULL(op);
    REQUIRE(op->version >= 1, ORT_INVALID_ARGUMENT, "CustomOpDomain_Add: the operator's version is 0");
    REQUIRE(op->GetName && op->GetInputTypeCount && op->GetOutputTypeCount, ORT_INVALID_ARGUMENT,
            "CustomOpDomain_Add: the operator lacks GetName, GetInputTypeCount or GetOutputTypeCount");
    if (!ort_grow(&d->ops, d->n, &d->cap, sizeof *d->ops)) return ort_no_memory(sizeof *d->ops);
    d->ops[d->n++] = op;
    return NULL;
}

/* ---- reading an OrtCustomOp --------------------------------------------------------------------------------------- */

enum { /* versions from which fields are there */
       HAS_OPTIONAL = 8,
       HAS_VARIADIC = 14,
       HAS_V2 = 16,
       HAS_SHAPES = 17
};

static OrtCustomOpInputOutputCharacteristic characteristic(
    const OrtCustomOp *op, OrtCustomOpInputOutputCharacteristic (*ask)(const OrtCustomOp *op, size_t index), size_t i) {
    if (!ask) return INPUT_OUTPUT_REQUIRED;
    const OrtCustomOpInputOutputCharacteristic c = ask(op, i);
    return c == INPUT_OUTPUT_VARIADIC && op->version < HAS_VARIADIC ? INPUT_OUTPUT_REQUIRED : c;
}

OrtCustomOpInputOutputCharacteristic custom_input_is(const OrtCustomOp *op, size_t i) {
    return characteristic(op, op->version >= HAS_OPTIONAL ? op->GetInputCharacteristic : NULL, i);
}

static OrtCustomOpInputOutputCharacteristic output_is(const OrtCustomOp *op, size_t i) {
    return characteristic(op, op->version >= HAS_OPTIONAL ? op->GetOutputCharacteristic : NULL, i);
}

typedef OrtCustomOpInputOutputCharacteristic (*argument_is)(const OrtCustomOp *op, size_t i);

static op_side read_side(const OrtCustomOp *op, size_t n, argument_is is, int (*min_arity)(const OrtCustomOp *op),
                         int (*homogeneity)(const OrtCustomOp *op)) {
    op_side s = {.n = n};
    bool all = true; /* required so far */
    for (size_t i = 0; i < n; i++) {
        const OrtCustomOpInputOutputCharacteristic c = is(op, i);
        size_t least = c == INPUT_OUTPUT_REQUIRED;
        if (c == INPUT_OUTPUT_VARIADIC && i + 1 == n) {
            const int arity = min_arity ? min_arity(op) : 1;
            least = arity > 0 ? (size_t)arity : 0;
            s.variadic = true;
            s.uniform = !homogeneity || homogeneity(op);
        }
        all = all && (c == INPUT_OUTPUT_REQUIRED || s.variadic);
        if (least) s.least_named = i + least;
        if (all) s.least = i + least;
    }
    return s;
}

op_side custom_inputs(const OrtCustomOp *op) {
    const bool variadic = op->version >= HAS_VARIADIC;
    return read_side(op, op->GetInputTypeCount(op), custom_input_is, variadic ? op->GetVariadicInputMinArity : NULL,
                     variadic ? op->GetVariadicInputHomogeneity : NULL);
}

op_side custom_outputs(const OrtCustomOp *op) {
    const bool variadic = op->version >= HAS_VARIADIC;
    return read_side(op, op->GetOutputTypeCount(op), output_is, variadic ? op->GetVariadicOutputMinArity : NULL,
                     variadic ? op->GetVariadicOutputHomogeneity : NULL);
}

ONNXTensorElementDataType custom_input_type(const OrtCustomOp *op, size_t i) {
    const size_t n = op->GetInputTypeCount(op);
    return n ? op->GetInputType(op, i < n ? i : n - 1) : ORT_TYPE_UNDEFINED;
}

ONNXTensorElementDataType custom_output_type(const OrtCustomOp *op, size_t i) {
    const size_t n = op->GetOutputTypeCount(op);
    return n ? op->GetOutputType(op, i < n ? i : n - 1) : ORT_TYPE_UNDEFINED;
}

int custom_first_version(const OrtCustomOp *op) {
    const int v = op->version >= HAS_SHAPES && op->GetStartVersion ? op->GetStartVersion(op) : 1;
    return v < 1 ? 1 : v > INT16_MAX ? INT16_MAX : v;
}

int custom_last_version(const OrtCustomOp *op) {
    const int end = op->version >= HAS_SHAPES && op->GetEndVersion ? op->GetEndVersion(op) : INT32_MAX;
    return end < 0 ? INT32_MAX : end; /* the largest number that has no sign is meant as no end */
}

bool custom_has_shapes(const OrtCustomOp *op) { return op->version >= HAS_SHAPES && op->InferOutputShapeFn; }

bool custom_has_v2(const OrtCustomOp *op) { return op->version >= HAS_V2; }

/* ---- a session's operators ---------------------------------------------------------------------------------------- */

static void set_free(void *owner) {
    custom_set *s = owner;
    for (size_t i = 0; i < s->n_groups; i++) {
        free(s->groups[i]->ops);
        free(s->groups[i]);
    }
    free(s->groups);
    for (size_t i = 0; i < s->n_domains; i++) ort_domain_unref(s->domains[i]);
    free(s->domains);
    ort_pairs_deinit(&s->config);
    free(s->logger.id);
    for (size_t i = 0; i < s->n_libraries; i++) ort_library_unref(s->libraries[i]); /* last: the operators lie there */
    free(s->libraries);
    free(s);
}

static OrtStatus *group_of(custom_set *s, const char *domain, const char *name, op_group **out) {
    for (size_t i = 0; i < s->n_groups; i++) {
        *out = s->groups[i];
        if (strcmp((*out)->name, name) == 0 && strcmp((*out)->domain, domain) == 0) return NULL;
    }
    op_group *g = calloc(1, sizeof *g);
    if (!g || !ort_grow(&s->groups, s->n_groups, &s->cap_groups, sizeof *s->groups)) {
        free(g);
        return ort_no_memory(sizeof *g);
    }
    *g = (op_group){.set = s, .domain = domain, .name = name};
    *out = s->groups[s->n_groups++] = g;
    return NULL;
}

/* Operators for other devices are not for this build: a model that has another one of that name takes it. */
static bool for_cpu(const OrtCustomOp *op) {
    const char *provider = op->GetExecutionProviderType ? op->GetExecutionProviderType(op) : NULL;
    return !provider || !*provider || strcmp(provider, "CPUExecutionProvider") == 0;
}

static OrtStatus *add_domain(custom_set *s, OrtCustomOpDomain *d) {
    ort_domain_ref(d);
    s->domains[s->n_domains++] = d;
    for (size_t i = 0; i < d->n; i++) {
        const char *name = d->ops[i]->GetName(d->ops[i]);
        op_group *g;
        REQUIRE(name && *name, ORT_INVALID_ARGUMENT, "operator %zu of the custom domain '%s' has no name", i, d->name);
        if (!for_cpu(d->ops[i])) continue;
        TRY_ORT(group_of(s, d->name, name, &g));
        if (!ort_grow(&g->ops, g->n, &g->cap, sizeof *g->ops)) return ort_no_memory(sizeof *g->ops);
        g->ops[g->n++] = d->ops[i];
    }
    return NULL;
}

static OrtStatus *fill_set(custom_set *s, const OrtLogger *logger, const OrtSessionOptions *o) {
    s->logger = *logger;
    s->logger.id = strdup(logger->id ? logger->id : "");
    s->domains = calloc(o->n_domains, sizeof *s->domains);
    s->libraries = calloc(o->n_libraries + 1, sizeof *s->libraries);
    if (!s->logger.id || !s->domains || !s->libraries || !ort_pairs_copy(&s->config, &o->config))
        return ort_no_memory(sizeof *s);
    for (size_t i = 0; i < o->n_libraries; i++) s->libraries[s->n_libraries++] = ort_library_ref(o->libraries[i]);
    for (size_t i = 0; i < o->n_domains; i++) TRY_ORT(add_domain(s, o->domains[i]));
    return NULL;
}

/* What all members of a group have in common; the rest is asked of the member that a node chooses. */
static sard_status add_group(sard_op_library *lib, op_group *g, sard_error *err) {
    sard_op_desc d = {.size = sizeof d,
                      .domain = g->domain,
                      .name = g->name,
                      .since = INT16_MAX,
                      .min_in = SIZE_MAX,
                      .min_out = SIZE_MAX,
                      .user = g,
                      .infer = group_infer,
                      .create = group_create,
                      .run = group_run,
                      .destroy = group_destroy,
                      .loose_shapes = 1};
    for (size_t i = 0; i < g->n; i++) {
        const op_side in = custom_inputs(g->ops[i]), out = custom_outputs(g->ops[i]);
        const size_t most_in = in.variadic ? SIZE_MAX : in.n, most_out = out.variadic ? SIZE_MAX : out.n;
        if (in.least < d.min_in) d.min_in = in.least;
        if (most_in > d.max_in) d.max_in = most_in;
        if (out.least < d.min_out) d.min_out = out.least;
        if (most_out > d.max_out) d.max_out = most_out;
        if (custom_first_version(g->ops[i]) < d.since) d.since = custom_first_version(g->ops[i]);
    }
    return sard_op_library_add(lib, &d, err);
}

OrtStatus *ort_custom_library(const OrtLogger *logger, const OrtSessionOptions *o, sard_op_library **out) {
    sard_op_library *lib;
    sard_error err;
    *out = NULL;
    if (!o->n_domains) return NULL;
    custom_set *s = calloc(1, sizeof *s);
    if (!s) return ort_no_memory(sizeof *s);
    OrtStatus *bad = fill_set(s, logger, o);
    sard_status st = bad ? SARD_OK : sard_op_library_new(&lib, &err);
    if (bad || st != SARD_OK) {
        set_free(s);
        return bad ? bad : ort_from_error(st, &err, false);
    }
    sard_op_library_owner(lib, set_free, s);
    for (size_t i = 0; i < s->n_groups && st == SARD_OK; i++) st = add_group(lib, s->groups[i], &err);
    if (st != SARD_OK) {
        sard_op_library_unref(lib);
        return ort_from_error(st, &err, false);
    }
    *out = lib;
    return NULL;
}
