/*
 * run.c -- runs: names and values are checked as the ABI has it, then handed to the public API.
 *
 * What comes out never shares memory with what went in or with another output, since clients write to either.
 */
#include "ort/config.h"

#include <stdlib.h>
#include <string.h>

/* ---- run options -------------------------------------------------------------------------------------------------- */

OrtStatus *ort_CreateRunOptions(OrtRunOptions **out) {
    NOT_NULL(out);
    OrtRunOptions *o = calloc(1, sizeof *o);
    if (!o) return ort_no_memory(sizeof *o);
    o->log_severity = -1;
    *out = o;
    return NULL;
}

void ort_ReleaseRunOptions(OrtRunOptions *o) {
    if (!o) return;
    free(o->tag);
    free(o->profile_prefix);
    for (size_t i = 0; i < o->n_adapters; i++) ort_adapter_unref(o->adapters[i]);
    free(o->adapters);
    ort_pairs_deinit(&o->config);
    free(o);
}

OrtStatus *ort_RunOptionsSetRunLogVerbosityLevel(OrtRunOptions *o, int level) {
    NOT_NULL(o);
    o->log_verbosity = level;
    return NULL;
}

OrtStatus *ort_RunOptionsSetRunLogSeverityLevel(OrtRunOptions *o, int level) {
    NOT_NULL(o);
    o->log_severity = level;
    return NULL;
}

OrtStatus *ort_RunOptionsSetRunTag(OrtRunOptions *o, const char *tag) {
    NOT_NULL(o);
    char *copy = strdup(tag ? tag : "");
    if (!copy) return ort_no_memory(1);
    free(o->tag);
    o->tag = copy;
    return NULL;
}

OrtStatus *ort_RunOptionsGetRunLogVerbosityLevel(const OrtRunOptions *o, int *out) {
    NOT_NULL(o);
    NOT_NULL(out);
    *out = o->log_verbosity;
    return NULL;
}

OrtStatus *ort_RunOptionsGetRunLogSeverityLevel(const OrtRunOptions *o, int *out) {
    NOT_NULL(o);
    NOT_NULL(out);
    *out = o->log_severity;
    return NULL;
}

OrtStatus *ort_RunOptionsGetRunTag(const OrtRunOptions *o, const char **out) {
    NOT_NULL(o);
    NOT_NULL(out);
    *out = o->tag ? o->tag : "";
    return NULL;
}

OrtStatus *ort_RunOptionsSetTerminate(OrtRunOptions *o) {
    NOT_NULL(o);
    __atomic_store_n(&o->terminate, 1, __ATOMIC_RELAXED);
    return NULL;
}

OrtStatus *ort_RunOptionsUnsetTerminate(OrtRunOptions *o) {
    NOT_NULL(o);
    __atomic_store_n(&o->terminate, 0, __ATOMIC_RELAXED);
    return NULL;
}

/* ---- checks that the ABI makes, with its codes -------------------------------------------------------------------- */

static OrtStatus *check_outputs(const sard_model *m, const char *const *names, size_t n) {
    REQUIRE(n > 0, ORT_INVALID_ARGUMENT, "Run: at least one output should be requested");
    for (size_t i = 0; i < n; i++) {
        REQUIRE(names[i] && *names[i], ORT_INVALID_ARGUMENT, "Run: output name %zu cannot be empty", i);
        size_t at = 0, count = sard_model_outputs(m);
        if (i < count && strcmp(names[i], sard_model_output_name(m, i)) == 0) continue;
        while (at < count && strcmp(names[i], sard_model_output_name(m, at)) != 0) at++;
        REQUIRE(at < count, ORT_INVALID_ARGUMENT,
                "Run: Invalid output name: %s (the model has %zu outputs, the first is '%s')", names[i], count,
                count ? sard_model_output_name(m, 0) : "");
    }
    return NULL;
}

/* ---- the run ------------------------------------------------------------------------------------------------------ */

typedef struct request {
    OrtSession *session;
    const OrtRunOptions *options;
    size_t n_in, n_out;
    const char **in_names; /* n_in */
    sard_value **in;       /* n_in, each with a reference of ours */
    sard_value **out;      /* n_out, each with a reference of ours */
    const char *const *out_names;
    size_t n_fed; /* what the client gave */
    const char *const *fed_names;
    const OrtValue *const *fed;
    sard_profile *profile;
} request;

static bool overlap(const sard_value *a, const sard_value *b) {
    const uintptr_t pa = (uintptr_t)sard_tensor_data(a), pb = (uintptr_t)sard_tensor_data(b);
    const size_t na = sard_tensor_bytes(a), nb = sard_tensor_bytes(b);
    return na && nb && pa < pb + nb && pb < pa + na;
}

/* Replaces *v by a copy with memory of its own. */
static OrtStatus *make_own(sard_value **v) {
    sard_value *copy;
    sard_error err;
    const sard_status st =
        sard_tensor_new(sard_tensor_dtype(*v), sard_tensor_rank(*v), sard_tensor_dims(*v), &copy, &err);
    if (st != SARD_OK) return ort_from_error(st, &err, false);
    memcpy(sard_tensor_data_mut(copy), sard_tensor_data(*v), sard_tensor_bytes(*v));
    sard_value_unref(*v);
    *v = copy;
    return NULL;
}

static OrtStatus *separate(request *r, OrtValue *const *given_out) {
    for (size_t i = 0; i < r->n_out; i++) {
        bool shared = false;
        if (given_out[i]) continue;
        for (size_t k = 0; k < r->n_in && !shared; k++) shared = overlap(r->out[i], r->in[k]);
        for (size_t k = 0; k < i && !shared; k++) shared = overlap(r->out[i], r->out[k]);
        if (shared) TRY_ORT(make_own(&r->out[i]));
    }
    return NULL;
}

/* Strings cannot be filled by the engine: a client's tensor takes the result's strings over. */
static OrtStatus *give_strings(OrtValue *to, sard_value **from) {
    const OrtValue result = {.v = *from};
    REQUIRE(sard_value_kind(*from) == SARD_KIND_TENSOR && ort_value_is_strings(&result), ORT_INVALID_ARGUMENT,
            "Run: the output given is a tensor of strings, the result is not");
    OrtValue *fresh;
    TRY_ORT(ort_value_new(sard_value_ref(*from), &fresh));
    ort_value_swap(to, fresh);
    ort_ReleaseValue(fresh);
    return NULL;
}

/* A sparse output. One that bears an input's name is that input: the client's value comes out again, in its own format,
 * of which the engine has only the coordinates, and of blocks nothing. */
static OrtStatus *give_sparse(const request *r, size_t i, OrtValue **out) {
    bool blocks = false;
    for (size_t k = r->n_fed; k--;) { /* of inputs of one name the last counts */
        if (strcmp(r->fed_names[k], r->out_names[i]) == 0) {
            *out = ort_value_share(r->fed[k]);
            return NULL;
        }
        blocks |= r->fed[k]->sparse == ORT_SPARSE_BLOCK_SPARSE;
    }
    REQUIRE(
        !blocks, ORT_NOT_IMPLEMENTED,
        "Run: output '%s' is made from sparse tensors, one of which is of blocks: expected coordinates or compressed "
        "rows",
        r->out_names[i]);
    return ort_value_new(sard_value_ref(r->out[i]), out);
}

static OrtStatus *deliver(request *r, OrtValue **outputs) {
    TRY_ORT(separate(r, outputs));
    for (size_t i = 0; i < r->n_out; i++)
        if (outputs[i] && ort_value_is_strings(outputs[i])) TRY_ORT(give_strings(outputs[i], &r->out[i]));
    for (size_t i = 0; i < r->n_out; i++) {
        if (outputs[i]) continue;
        sard_value *v = r->out[i];
        OrtStatus *st = NULL;
        if (sard_value_kind(v) == SARD_KIND_SPARSE_TENSOR) {
            st = give_sparse(r, i, &outputs[i]);
            sard_value_unref(v);
        } else {
            st = ort_value_new(v, &outputs[i]);
        }
        r->out[i] = NULL;
        if (!st) continue;
        while (i--) { /* on failure nothing is handed out that was not given */
            if (!r->out[i]) ort_ReleaseValue(outputs[i]), outputs[i] = NULL;
        }
        return st;
    }
    return NULL;
}

/* A failed run is told to the log at the run's own severity, with its tag. */
static OrtStatus *failed(const request *r, sard_status st, const sard_error *err) {
    OrtLogger logger = r->session->logger;
    const OrtRunOptions *o = r->options;
    if (o && o->log_severity >= 0) logger.least = (OrtLoggingLevel)o->log_severity;
    ort_log(&logger, ORT_LOGGING_LEVEL_ERROR, "run", "%s%s%s", o && o->tag ? o->tag : "",
            o && o->tag && *o->tag ? ": " : "", err->message);
    return ort_from_error(st, err, false);
}

static OrtStatus *run(request *r, const char *const *input_names, const OrtValue *const *inputs,
                      const char *const *output_names, OrtValue **outputs) {
    sard_error err;
    OrtSession *s = r->session;
    sard_run_options o = {.profile = r->profile, .pool = s->pool};
    TRY_ORT(ort_feeds_get(s->model, input_names, inputs, &r->n_in, r->in_names, r->in));
    for (size_t i = 0; i < r->n_out; i++) {
        if (!outputs[i] || ort_value_is_strings(outputs[i])) continue;
        r->out[i] = sard_value_ref(outputs[i]->v);
    }
    if (r->options) o.cancel = (volatile int *)(uintptr_t)&r->options->terminate;
    const sard_status st = sard_run(s->model, &o, r->in_names, r->in, r->n_in, output_names, r->out, r->n_out, &err);
    if (st == SARD_CANCELLED) return ort_fail(ORT_FAIL, "Exiting due to terminate flag being set to true.");
    return st == SARD_OK ? deliver(r, outputs) : failed(r, st, &err);
}

/* A run with a profile of its own, written when it is done. */
static OrtStatus *run_profiled(request *r, const char *const *input_names, const OrtValue *const *inputs,
                               const char *const *output_names, OrtValue **outputs) {
    ort_profile p = {0};
    char *file = NULL;
    const uint64_t begin = ort_now_ns();
    OrtStatus *st = ort_profile_start(&p, r->options->profile_prefix);
    r->profile = p.steps;
    if (!st) st = run(r, input_names, inputs, output_names, outputs);
    ort_profile_event(&p, "model_run", begin, ort_now_ns());
    OrtStatus *written = st ? NULL : ort_profile_write(&p, &file);
    if (written) /* the run itself went well */
        ort_log(&r->session->logger, ORT_LOGGING_LEVEL_ERROR, "run", "%s", ort_GetErrorMessage(written));
    ort_ReleaseStatus(written);
    free(file);
    ort_profile_deinit(&p);
    return st;
}

/* A run whose steps, if they are being recorded, go to the session's profile. */
static OrtStatus *run_plain(request *r, const char *const *input_names, const OrtValue *const *inputs,
                            const char *const *output_names, OrtValue **outputs) {
    ort_profile *p = &r->session->profile;
    if (!atomic_load(&p->on)) return run(r, input_names, inputs, output_names, outputs);
    const uint64_t begin = ort_now_ns();
    r->profile = p->steps;
    OrtStatus *st = run(r, input_names, inputs, output_names, outputs);
    ort_profile_event(p, "model_run", begin, ort_now_ns());
    return st;
}

static OrtStatus *run_checked(OrtSession *session, const OrtRunOptions *options, const char *const *input_names,
                              const OrtValue *const *inputs, size_t n_in, const char *const *output_names, size_t n_out,
                              OrtValue **outputs) {
    REQUIRE(!session->editing, ORT_FAIL, "Run: the session is being edited: FinalizeModelEditorSession comes first");
    TRY_ORT(ort_feeds_check(session->model, input_names, inputs, n_in));
    TRY_ORT(check_outputs(session->model, output_names, n_out));
    void *room[64] = {0}; /* most runs have few inputs and outputs */
    const size_t need = n_in > SIZE_MAX / 64 || n_out > SIZE_MAX / 64 ? SIZE_MAX : 2 * n_in + n_out;
    void **slots = need <= 64 ? room : calloc(need == SIZE_MAX ? 0 : need, sizeof *slots);
    if (!slots) return ort_no_memory(need);
    request r = {.session = session,
                 .options = options,
                 .n_in = n_in,
                 .n_out = n_out,
                 .out_names = output_names,
                 .n_fed = n_in,
                 .fed_names = input_names,
                 .fed = inputs,
                 .in_names = (const char **)(uintptr_t)slots,
                 .in = (sard_value **)slots + n_in,
                 .out = (sard_value **)slots + 2 * n_in};
    atomic_fetch_add(&session->refs, 1);
    OrtStatus *st = options && options->profile_prefix ? run_profiled(&r, input_names, inputs, output_names, outputs)
                                                       : run_plain(&r, input_names, inputs, output_names, outputs);
    for (size_t i = 0; i < n_in; i++) sard_value_unref(r.in[i]);
    for (size_t i = 0; i < n_out; i++) sard_value_unref(r.out[i]);
    ort_session_unref(session);
    if (slots != room) free(slots);
    return st;
}

OrtStatus *ort_Run(OrtSession *session, const OrtRunOptions *options, const char *const *input_names,
                   const OrtValue *const *inputs, size_t n_in, const char *const *output_names, size_t n_out,
                   OrtValue **outputs) {
    NOT_NULL(session);
    if (n_in) NOT_NULL(input_names);
    if (n_in) NOT_NULL(inputs);
    if (n_out) NOT_NULL(output_names);
    if (n_out) NOT_NULL(outputs);
    if (options && __atomic_load_n(&options->terminate, __ATOMIC_RELAXED))
        return ort_fail(ORT_FAIL, "Exiting due to terminate flag being set to true.");
    if (options && options->config.n) TRY_ORT(ort_config_run(options));
    if (!options || !options->n_adapters)
        return run_checked(session, options, input_names, inputs, n_in, output_names, n_out, outputs);
    ort_inputs all;
    TRY_ORT(ort_adapters_join(options, input_names, inputs, n_in, &all));
    OrtStatus *st = run_checked(session, options, all.names, all.values, all.n, output_names, n_out, outputs);
    ort_inputs_deinit(&all);
    return st;
}
