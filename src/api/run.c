/*
 * run.c -- one run: names to slots, the main model and, for values that are no outputs, a variant.
 *
 * What was asked for is kept as one slot per distinct value; outputs of the main model always come from it, so their
 * bits do not depend on what else is fetched.
 */
#include "api/api.h"

#include <stdio.h>

typedef struct want { /* one of the caller's outputs */
    uint32_t main;    /* output of the main model, or NO_ID */
    value_id value;   /* else: the value, and */
    uint32_t slot;    /* its place in the variant */
    bool direct;      /* the caller's tensor is filled by the engine itself */
} want;

typedef struct request {
    sard_model *m;
    arena mem;
    sard_value **in;      /* per graph input */
    sard_value **aligned; /* per graph input: a copy of ours of one at an odd address, or NULL */
    want *wants;
    size_t n;
    sard_value **main_out; /* per output of the main model */
    bool any_main;
    value_id *fetch; /* distinct, ascending */
    sard_value **fetch_out;
    uint32_t n_fetch;
} request;

/* ---- what is asked for -------------------------------------------------------------------------------------------- */

static uint32_t find_output(const sard_model *m, const char *name, size_t guess) {
    if (guess < m->n_out && strcmp(m->out[guess].name, name) == 0) return (uint32_t)guess;
    for (uint32_t i = 0; i < m->n_out; i++)
        if (strcmp(m->out[i].name, name) == 0) return i;
    return NO_ID;
}

static sard_status unknown_output(const sard_model *m, const char *name, sard_error *err) {
    char names[512];
    size_t at = 0;
    names[0] = 0;
    for (uint32_t i = 0; i < m->n_out && at + strlen(m->out[i].name) + 12 < sizeof names; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s'%s'", i ? ", " : "", m->out[i].name);
    return err_set(err, SARD_INVALID_ARGUMENT,
                   "unknown output '%s'; the outputs are %s, and any value of the main graph "
                   "can be fetched by its name",
                   name, names);
}

static sard_status add_fetch(request *r, value_id v, sard_error *err) {
    if (!r->fetch) {
        r->fetch = arena_calloc(&r->mem, r->n, sizeof *r->fetch);
        r->fetch_out = arena_calloc(&r->mem, r->n, sizeof(sard_value *));
        if (!r->fetch || !r->fetch_out) return err_nomem(err, r->n * 12);
    }
    uint32_t at = 0;
    while (at < r->n_fetch && r->fetch[at] < v) at++;
    if (at < r->n_fetch && r->fetch[at] == v) return SARD_OK;
    memmove(r->fetch + at + 1, r->fetch + at, (r->n_fetch - at) * sizeof *r->fetch);
    r->fetch[at] = v;
    r->n_fetch++;
    return SARD_OK;
}

static sard_status find_wants(request *r, const char *const *names, sard_error *err) {
    for (size_t i = 0; i < r->n; i++) {
        want *w = &r->wants[i];
        *w = (want){.main = (uint32_t)i, .value = NO_ID};
        if (names) {
            FAIL_IF(!names[i], err, SARD_INVALID_ARGUMENT, "the name of output %zu is NULL", i);
            w->main = find_output(r->m, names[i], i);
        }
        if (w->main != NO_ID) {
            r->any_main = true;
            continue;
        }
        w->value = api_find_value(r->m, names[i]);
        if (w->value == NO_ID) return unknown_output(r->m, names[i], err);
        TRY(add_fetch(r, w->value, err));
    }
    for (size_t i = 0; i < r->n; i++)
        while (r->wants[i].value != NO_ID && r->fetch[r->wants[i].slot] != r->wants[i].value) r->wants[i].slot++;
    return SARD_OK;
}

/* ---- the caller's own tensors ------------------------------------------------------------------------------------- */

static sard_status check_own(const request *r, const want *w, const sard_value *v, sard_error *err) {
    const sard_type *t = w->main != NO_ID ? r->m->out[w->main].type : NULL;
    const char *name = w->main != NO_ID ? r->m->out[w->main].name
                                        : mod_str(r->m->imported, module_main(r->m->imported)->values[w->value].name);
    FAIL_IF(!value_is_tensor(v), err, SARD_INVALID_ARGUMENT, "output '%s': only a tensor can be filled", name);
    FAIL_IF(v->t.dtype == SARD_STRING, err, SARD_INVALID_ARGUMENT, "output '%s': a string tensor cannot be filled",
            name);
    if (!t || t->kind != SARD_KIND_TENSOR) return SARD_OK;
    FAIL_IF(t->dtype && t->dtype != v->t.dtype, err, SARD_INVALID_ARGUMENT,
            "output '%s': the tensor to fill is of type %s, the output is %s", name, sard_dtype_name(v->t.dtype),
            sard_dtype_name(t->dtype));
    FAIL_IF(t->rank >= 0 && t->rank != v->t.rank, err, SARD_INVALID_ARGUMENT,
            "output '%s': the tensor to fill has rank %d, the output %d", name, v->t.rank, t->rank);
    for (int i = 0; i < t->rank; i++)
        FAIL_IF(t->dim[i] >= 0 && t->dim[i] != v->t.dim[i], err, SARD_INVALID_ARGUMENT,
                "output '%s', axis %d: the tensor to fill has %lld, the output %lld", name, i, (long long)v->t.dim[i],
                (long long)t->dim[i]);
    return SARD_OK;
}

static bool overlap(const sard_value *a, const sard_value *b) {
    const uintptr_t pa = (uintptr_t)sard_tensor_data(a), pb = (uintptr_t)sard_tensor_data(b);
    const size_t na = sard_tensor_bytes(a), nb = sard_tensor_bytes(b);
    return na && nb && pa < pb + nb && pb < pa + na;
}

/* The engine fills a tensor itself unless that could spoil an input or another output; then it is copied to. */
static void place_own(request *r, sard_value *const *outputs) {
    for (size_t i = 0; i < r->n; i++) {
        want *w = &r->wants[i];
        sard_value **slot = w->main != NO_ID ? &r->main_out[w->main] : &r->fetch_out[w->slot];
        if (!outputs[i] || *slot) continue;
        w->direct = !tensor_at_odd_address(&outputs[i]->t);
        for (uint32_t k = 0; k < r->m->n_graph_in && w->direct; k++)
            w->direct = !r->in[k] || !value_is_tensor(r->in[k]) || !overlap(r->in[k], outputs[i]);
        for (size_t k = 0; k < i && w->direct; k++) w->direct = !outputs[k] || !overlap(outputs[k], outputs[i]);
        if (w->direct) *slot = outputs[i];
    }
}

static sard_status copy_own(sard_value *to, const sard_value *from, size_t i, sard_error *err) {
    char want_text[160], found[160];
    shape a, b;
    bool same = value_is_tensor(from) && from->t.dtype == to->t.dtype;
    if (same) a = shape_of(&to->t), b = shape_of(&from->t), same = shape_eq(&a, &b);
    FAIL_IF(!same, err, SARD_INVALID_ARGUMENT, "output %zu: the tensor to fill is %s, the result %s", i,
            value_text(to, want_text, sizeof want_text), value_text(from, found, sizeof found));
    tensor_copy_data(tensor_data(&to->t), &from->t);
    return SARD_OK;
}

/* A caller's tensor may lie at any byte; operators read elements through pointers of their type. */
static sard_status align_inputs(request *r, sard_error *err) {
    for (uint32_t k = 0; k < r->m->n_graph_in; k++) {
        if (!value_is_tensor(r->in[k]) || !tensor_at_odd_address(&r->in[k]->t)) continue;
        TRY(value_clone(r->in[k], &r->aligned[k], err));
        r->in[k] = r->aligned[k];
    }
    return SARD_OK;
}

/* ---- the run ------------------------------------------------------------------------------------------------------ */

static sard_status execute(request *r, const sard_run_options *o, sard_error *err) {
    run_ctl ctl;
    ctl_init(&ctl);
    ctl.limit = (size_t)(o && o->memory_limit ? o->memory_limit : r->m->memory_limit);
    exec_args a = {.pool = r->m->pool, .ctl = &ctl, .in = r->in};
    if (o) {
        if (o->timeout_s > 0 && o->timeout_s < 9e9) ctl.deadline_ns = clock_ns() + (int64_t)(o->timeout_s * 1e9);
        ctl.cancel_user = (atomic_int *)(uintptr_t)o->cancel; /* an int that another thread sets */
        a.profile = (exec_profile *)o->profile;
        if (o->pool) a.pool = (pool *)o->pool;
    }
    if (r->any_main) {
        a.out = r->main_out;
        TRY(exec_run(r->m->exec, &a, err));
    }
    if (!r->n_fetch) return SARD_OK;
    variant *v;
    run_ctl load; /* memory_limit is of values, not of graphs */
    ctl_init(&load);
    load.deadline_ns = ctl.deadline_ns;
    load.cancel_user = ctl.cancel_user;
    TRY(api_variant(r->m, r->fetch, r->n_fetch, &load, &v, err));
    a.out = r->fetch_out;
    sard_status st = exec_run(v->exec, &a, err);
    api_variant_release(r->m, v);
    return st;
}

static bool is_own(const sard_value *v, sard_value *const *outputs, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (outputs[i] == v) return true;
    return false;
}

/* Gives the results out: copies into the caller's tensors first, since that may fail, then hands over references. */
static sard_status deliver(request *r, sard_value **outputs, sard_error *err) {
    for (size_t i = 0; i < r->n; i++) {
        const want *w = &r->wants[i];
        const sard_value *got = w->main != NO_ID ? r->main_out[w->main] : r->fetch_out[w->slot];
        if (outputs[i] && !w->direct) TRY(copy_own(outputs[i], got, i, err));
    }
    for (size_t i = 0; i < r->n; i++) {
        const want *w = &r->wants[i];
        if (!outputs[i]) outputs[i] = sard_value_ref(w->main != NO_ID ? r->main_out[w->main] : r->fetch_out[w->slot]);
    }
    return SARD_OK;
}

static sard_status run(request *r, const sard_run_options *o, const char *const *input_names, sard_value *const *inputs,
                       size_t n_in, const char *const *output_names, sard_value **outputs, sard_error *err) {
    const sard_model *m = r->m;
    r->in = arena_calloc(&r->mem, (size_t)m->n_graph_in + 1, sizeof *r->in);
    r->aligned = arena_calloc(&r->mem, (size_t)m->n_graph_in + 1, sizeof *r->aligned);
    r->wants = arena_calloc(&r->mem, r->n + 1, sizeof *r->wants);
    r->main_out = arena_calloc(&r->mem, (size_t)m->n_out + 1, sizeof *r->main_out);
    sard_value **own = arena_copy(&r->mem, outputs, r->n * sizeof *own); /* the caller's tensors */
    if (!r->in || !r->aligned || !r->wants || !r->main_out || !own) return err_nomem(err, r->n * sizeof *own);
    TRY(api_bind_inputs(m, input_names, inputs, n_in, r->in, err));
    TRY(find_wants(r, output_names, err));
    for (size_t i = 0; i < r->n; i++)
        if (own[i]) TRY(check_own(r, &r->wants[i], own[i], err));
    place_own(r, own);
    sard_status st = align_inputs(r, err);
    if (st == SARD_OK) st = execute(r, o, err);
    if (st == SARD_OK && m->has_src) st = onnx_store_check(&m->src.store, err);
    if (st == SARD_OK) st = deliver(r, outputs, err);
    for (uint32_t i = 0; i < m->n_graph_in; i++) sard_value_unref(r->aligned[i]);
    for (uint32_t i = 0; i < m->n_out; i++)
        if (!is_own(r->main_out[i], own, r->n)) sard_value_unref(r->main_out[i]);
    for (uint32_t i = 0; i < r->n_fetch; i++)
        if (!is_own(r->fetch_out[i], own, r->n)) sard_value_unref(r->fetch_out[i]);
    return st;
}

sard_status sard_run(sard_model *m, const sard_run_options *options, const char *const *input_names,
                     sard_value *const *inputs, size_t n_in, const char *const *output_names, sard_value **outputs,
                     size_t n_out, sard_error *err) {
    FAIL_IF(!m, err, SARD_INVALID_ARGUMENT, "run: the model is NULL");
    FAIL_IF(!outputs && n_out, err, SARD_INVALID_ARGUMENT, "run: outputs is NULL");
    FAIL_IF(!output_names && n_out != m->n_out, err, SARD_INVALID_ARGUMENT,
            "run: the model has %u outputs, room for %zu was given", m->n_out, n_out);
    request r = {.m = m, .n = n_out};
    arena_init(&r.mem);
    sard_status st = run(&r, options, input_names, inputs, n_in, output_names, outputs, err);
    arena_free(&r.mem);
    if (st == SARD_OK || (err && strncmp(err->message, "run: ", 5) == 0)) return st; /* the executor says so itself */
    return err_context(err, st, "run");
}

sard_status sard_model_estimate(sard_model *m, const char *const *input_names, sard_value *const *inputs, size_t n_in,
                                sard_estimate *out, sard_error *err) {
    FAIL_IF(!m, err, SARD_INVALID_ARGUMENT, "estimate: the model is NULL");
    sard_value **in = mem_alloc(((size_t)m->n_graph_in + 1) * sizeof *in);
    if (!in) return err_nomem(err, m->n_graph_in * sizeof *in);
    exec_size size = {0};
    sard_status st = api_bind_inputs(m, input_names, inputs, n_in, in, err);
    if (st == SARD_OK) st = exec_estimate(m->exec, in, &size, err);
    mem_free(in);
    if (st != SARD_OK) return err_context(err, st, "estimate");
    *out = (sard_estimate){.flops = (uint64_t)size.flops,
                           .arena_bytes = size.arena_bytes,
                           .output_bytes = size.output_bytes,
                           .exact = size.exact};
    return SARD_OK;
}

/* ---- profiles ----------------------------------------------------------------------------------------------------- */

sard_status sard_profile_new(sard_profile **out, sard_error *err) {
    exec_profile *p;
    TRY(exec_profile_new(&p, err));
    *out = (sard_profile *)p;
    return SARD_OK;
}

void sard_profile_free(sard_profile *p) {
    if (p) exec_profile_free((exec_profile *)p);
}

sard_status sard_profile_json(const sard_profile *p, char **json, sard_error *err) {
    FAIL_IF(!p, err, SARD_INVALID_ARGUMENT, "the profile is NULL");
    strbuf b = {0};
    return sb_take(&b, exec_profile_json((const exec_profile *)p, &b, err), json, err);
}
