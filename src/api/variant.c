/*
 * variant.c -- compiled models for values that are not outputs.
 *
 * A variant is the imported graph with other outputs, optimised at level basic and compiled. The few used last are
 * kept; compiling happens outside the lock, so two threads may make the same variant at once and one is thrown away.
 */
#include "api/api.h"

void api_variant_free(variant *v) {
    if (!v) return;
    if (v->exec) exec_free(v->exec);
    if (v->mod) module_free(v->mod);
    mem_free(v->out);
    mem_free(v);
}

/* Under the lock. */
static variant *find_variant(sard_model *m, const value_id *out, uint32_t n) {
    for (int i = 0; i < VARIANTS_KEPT; i++) {
        variant *v = m->variants[i];
        if (!v || v->n_out != n || memcmp(v->out, out, n * sizeof *out) != 0) continue;
        v->refs++;
        v->last_use = ++m->clock;
        return v;
    }
    return NULL;
}

static sard_status make_variant(const sard_model *m, const value_id *out, uint32_t n, run_ctl *ctl, variant *v,
                                sard_error *err) {
    run_ctl fold;
    opt_options oo = {.level = m->level < OPT_BASIC ? m->level : OPT_BASIC, .stop_after = -1};
    api_fold_limits(&fold, &oo, ctl);
    v->out = mem_alloc(n * sizeof *out);
    if (!v->out) return err_nomem(err, n * sizeof *out);
    memcpy(v->out, out, n * sizeof *out);
    v->n_out = n;
    v->refs = 1;
    TRY(module_clone(m->imported, &v->mod, err));
    v->mod->ctl = ctl;
    TRY(graph_set_outputs(module_main(v->mod), out, n, err));
    TRY(opt_run(v->mod, &oo, err));
    const exec_options eo = api_exec_options(m);
    TRY(exec_compile(v->mod, &eo, &v->exec, err));
    v->mod->ctl = NULL;
    return SARD_OK;
}

/* Puts v into the cache in place of the one unused the longest; under the lock. Returns what fell out, to be freed. */
static variant *keep_variant(sard_model *m, variant *v) {
    int at = 0;
    for (int i = 0; i < VARIANTS_KEPT; i++) {
        if (!m->variants[i]) {
            at = i;
            break;
        }
        if (m->variants[i]->last_use < m->variants[at]->last_use) at = i;
    }
    variant *old = m->variants[at];
    m->variants[at] = v;
    v->refs++;
    v->last_use = ++m->clock;
    return old && --old->refs == 0 ? old : NULL;
}

sard_status api_variant(sard_model *m, const value_id *out, uint32_t n, run_ctl *ctl, variant **result,
                        sard_error *err) {
    pthread_mutex_lock(&m->lock);
    variant *v = find_variant(m, out, n);
    pthread_mutex_unlock(&m->lock);
    if (!v) {
        variant *fresh = mem_calloc(1, sizeof *fresh), *old = NULL;
        if (!fresh) return err_nomem(err, sizeof *fresh);
        sard_status st = make_variant(m, out, n, ctl, fresh, err);
        if (st != SARD_OK) {
            api_variant_free(fresh);
            return st;
        }
        pthread_mutex_lock(&m->lock);
        v = find_variant(m, out, n); /* somebody else was quicker? */
        if (v) {
            old = fresh;
        } else {
            old = keep_variant(m, fresh);
            v = fresh;
        }
        pthread_mutex_unlock(&m->lock);
        api_variant_free(old);
    }
    *result = v;
    return SARD_OK;
}

void api_variant_release(sard_model *m, variant *v) {
    pthread_mutex_lock(&m->lock);
    const bool last = --v->refs == 0;
    pthread_mutex_unlock(&m->lock);
    if (last) api_variant_free(v);
}
