/*
 * frame.c -- activations: taken from and given back to their graph's cache, bound to a plan, stage by stage.
 *
 * A frame whose slots are bound to the plan that is wanted needs nothing before it runs but the places of its outputs:
 * that is what makes a small model's run cheap. Between runs a frame keeps its slots and the first part of its arena;
 * the pages beyond go back to the system.
 */
#include "exec/model.h"

#include <string.h>

/* ---- making ------------------------------------------------------------------------------------------------------- */

static sard_status frame_new(exec_graph *xg, frame **out, sard_error *err) {
    size_t bytes = sizeof(frame) + xg->n_vals * sizeof(slot) + xg->n_outputs * sizeof(out_mem);
    frame *f = mem_calloc(bytes, 1);
    if (!f) return err_nomem(err, bytes);
    f->xg = xg;
    f->slots = (slot *)(f + 1);
    f->outs = (out_mem *)(f->slots + xg->n_vals);
    atomic_init(&f->mem.refs, 1);
    for (uint32_t x = 0; x < xg->n_vals; x++)
        if (xg->vals[x].role == X_CONST) slot_borrow(&f->slots[x], xg->vals[x].constant, true);
    *out = f;
    return SARD_OK;
}

void frame_free(frame *f) {
    plan_unref(f->plan);
    plan_unref(f->late);
    if (f->pl_ready) planner_deinit(&f->pl);
    frame_scratch_trim(f, true);
    exec_mem_free(f->xg->x, f->mem.data, 0);
    mem_free(f->held);
    mem_free(f);
}

sard_status frame_take(exec_graph *xg, run *r, frame **out, sard_error *err) {
    pthread_mutex_lock(&xg->lock);
    frame *f = xg->frames;
    if (f) {
        xg->frames = f->next;
        xg->n_frames--;
    }
    pthread_mutex_unlock(&xg->lock);
    if (!f) TRY(frame_new(xg, &f, err));
    f->r = r;
    f->outer = NULL;
    f->outer_step = NULL;
    f->salt = 0;
    if (f->late) f->late->n_mem = 0;
    *out = f;
    return SARD_OK;
}

/* ---- giving back -------------------------------------------------------------------------------------------------- */

static void drop_outputs(frame *f) {
    for (uint32_t i = 0; i < f->xg->n_outputs; i++) {
        if (f->outs[i].buf) buffer_unref(f->outs[i].buf);
        f->outs[i].buf = NULL;
        f->outs[i].offset = 0;
        f->outs[i].user = false;
    }
}

static void drop_held(frame *f, uint32_t before) {
    size_t n = 0;
    for (size_t i = 0; i < f->n_held; i++) {
        if (f->held[i].last < before)
            buffer_unref(f->held[i].buf);
        else
            f->held[n++] = f->held[i];
    }
    f->n_held = n;
}

/* How much of its arena a frame may keep: little, or, once the model has run often, what every run used. */
static size_t arena_allowed(const exec_graph *xg) {
    size_t keep = xg->x->keep;
    return xg->runs >= 32 && xg->least_arena > keep && xg->least_arena != SIZE_MAX ? xg->least_arena : keep;
}

void frame_give(frame *f) {
    exec_graph *xg = f->xg;
    if (f->n_owned)
        for (uint32_t x = 0; x < xg->n_vals; x++)
            if (f->slots[x].owned) slot_drop(f, &f->slots[x]);
    drop_outputs(f);
    for (size_t i = 0; i < f->n_held; i++) buffer_unref(f->held[i].buf);
    f->n_held = 0;
    frame_scratch_trim(f, f->scratch && f->scratch->bytes > SCRATCH_KEPT);
    if (f->scratch_charged) ctl_release(f->r->par.ctl, f->scratch->bytes);
    f->scratch_charged = false;
    ctl_release(f->r->par.ctl, f->charged + f->arena_charged);
    f->charged = f->arena_charged = 0;
    f->r = NULL;
    f->outer = NULL;
    pthread_mutex_lock(&xg->lock);
    xg->runs++;
    if (f->mem_used < xg->least_arena) xg->least_arena = f->mem_used;
    size_t allowed = arena_allowed(xg);
    if (f->mem_used > allowed) { /* rare, and long: not under the lock */
        pthread_mutex_unlock(&xg->lock);
        if (!exec_mem_shrink(xg->x, f->mem.data, allowed, f->mem_bytes)) {
            exec_mem_free(xg->x, f->mem.data, 0);
            f->mem.data = NULL;
            f->mem_bytes = 0;
        }
        pthread_mutex_lock(&xg->lock);
    }
    f->mem_used = 0;
    bool keep = xg->n_frames < FRAMES_KEPT;
    if (keep) {
        f->next = xg->frames;
        xg->frames = f;
        xg->n_frames++;
    }
    pthread_mutex_unlock(&xg->lock);
    if (!keep) frame_free(f);
}

/* ---- plans -------------------------------------------------------------------------------------------------------- */

static bool input_matches(const plan *p, uint32_t x, const slot *s) {
    const pval *v = &p->vals[x];
    if (s->val.kind != SARD_KIND_TENSOR) return v->rank < 0;
    const tensor *t = &s->val.t;
    if (v->rank != t->rank || v->dtype != t->dtype) return false;
    const int64_t *d = p->dims + v->dims;
    for (int i = 0; i < t->rank; i++)
        if (d[i] != t->dim[i]) return false;
    return true;
}

static bool ints_match(const plan *p, const frame *f, const uint8_t *use) {
    const exec_graph *xg = f->xg;
    size_t at = 0;
    for (uint32_t i = 0; i < xg->n_inputs; i++) {
        if (!use[i]) continue;
        const slot *s = &f->slots[xg->inputs[i]];
        if (s->val.kind != SARD_KIND_TENSOR || !plan_small_ints(&s->val.t)) continue;
        int64_t n = tensor_count(&s->val.t);
        if (p->n_ints - at < (size_t)n) return false;
        for (int64_t k = 0; k < n; k++)
            if (p->ints[at++] != tensor_get_i64(&s->val.t, k)) return false;
    }
    return at == p->n_ints;
}

static bool plan_matches(const plan *p, const frame *f, const uint8_t *use) {
    const exec_graph *xg = f->xg;
    for (uint32_t i = 0; i < xg->n_inputs; i++)
        if (!input_matches(p, xg->inputs[i], &f->slots[xg->inputs[i]])) return false;
    for (uint32_t i = 0; i < xg->n_captures; i++) {
        uint32_t x = xg->captures[i];
        if (xg->vals[x].role != X_CONST && !input_matches(p, x, &f->slots[x])) return false;
    }
    return use ? ints_match(p, f, use) : p->n_ints == 0;
}

static void set_plan(frame *f, plan *p) { /* takes over the reference */
    plan_unref(f->plan);
    f->plan = p;
    f->bound = NULL;
}

/* Finds the plan in the graph's cache, the most recently used first. */
static bool find_plan(frame *f, const uint8_t *use) {
    exec_graph *xg = f->xg;
    if (f->plan && plan_matches(f->plan, f, use)) return true;
    plan *found = NULL;
    pthread_mutex_lock(&xg->lock);
    for (uint32_t i = 0; i < xg->n_plans && !found; i++) {
        if (!plan_matches(xg->plans[i], f, use)) continue;
        found = xg->plans[i];
        for (uint32_t k = i; k > 0; k--) xg->plans[k] = xg->plans[k - 1];
        xg->plans[0] = found;
        atomic_fetch_add(&found->refs, 1);
    }
    pthread_mutex_unlock(&xg->lock);
    if (found) set_plan(f, found);
    return found != NULL;
}

/* A plan that falls out of the cache is the next one's memory. */
static void publish_plan(exec_graph *xg, plan *p) {
    plan *old = NULL;
    atomic_fetch_add(&p->refs, 1);
    pthread_mutex_lock(&xg->lock);
    if (xg->n_plans == PLANS_KEPT) old = xg->plans[--xg->n_plans];
    for (uint32_t k = xg->n_plans++; k > 0; k--) xg->plans[k] = xg->plans[k - 1];
    xg->plans[0] = p;
    if (old && !xg->spare && atomic_load(&old->refs) == 1) { /* the cache's own was the last reference */
        xg->spare = old;
        old = NULL;
    }
    pthread_mutex_unlock(&xg->lock);
    plan_unref(old);
}

static sard_status fresh_plan(exec_graph *xg, plan **out, sard_error *err) {
    pthread_mutex_lock(&xg->lock);
    *out = xg->spare;
    xg->spare = NULL;
    pthread_mutex_unlock(&xg->lock);
    return *out ? SARD_OK : plan_new(xg, out, err);
}

sard_status frame_planner(frame *f, sard_error *err) {
    if (f->pl_ready) return SARD_OK;
    TRY(planner_init(&f->pl, f->xg, err));
    f->pl_ready = true;
    return SARD_OK;
}

static sard_status plan_first(frame *f, const uint8_t *use, plan *p, sard_error *err) {
    f->pl.use_ints = use;
    sard_status st = plan_stage(&f->pl, f, 0, p, err);
    f->pl.use_ints = NULL;
    return st;
}

/* A first plan came to an end early: would it reach further if it saw the values of integer inputs? Found out once, for
 * the inputs of the first run that gets here; the fewest inputs that reach as far. */
static sard_status find_int_inputs(frame *f, plan *p, sard_error *err) {
    exec_graph *xg = f->xg;
    uint8_t *use = mem_calloc(xg->n_inputs + 1u, 1);
    if (!use) return err_nomem(err, xg->n_inputs);
    uint32_t n = 0, without = p->end;
    for (uint32_t i = 0; i < xg->n_inputs; i++) {
        const slot *s = &f->slots[xg->inputs[i]];
        use[i] = s->val.kind == SARD_KIND_TENSOR && plan_small_ints(&s->val.t);
        n += use[i];
    }
    sard_status st = n ? plan_first(f, use, p, err) : SARD_OK;
    if (st == SARD_OK && n && p->end > without) {
        uint32_t reach = p->end;
        for (uint32_t i = 0; st == SARD_OK && i < xg->n_inputs; i++) {
            if (!use[i]) continue;
            use[i] = 0;
            st = plan_first(f, use, p, err);
            if (p->end < reach) use[i] = 1;
        }
    } else {
        memset(use, 0, xg->n_inputs);
    }
    uint8_t *none = NULL;
    if (st != SARD_OK || !atomic_compare_exchange_strong(&xg->int_inputs, &none, use)) mem_free(use);
    return st;
}

static sard_status keep_ints(const frame *f, plan *p, const uint8_t *use, sard_error *err) {
    const exec_graph *xg = f->xg;
    for (uint32_t i = 0; i < xg->n_inputs; i++) {
        const tensor *t = &f->slots[xg->inputs[i]].val.t;
        if (!use[i] || f->slots[xg->inputs[i]].val.kind != SARD_KIND_TENSOR || !plan_small_ints(t)) continue;
        size_t n = (size_t)tensor_count(t);
        if (mem_grow((void **)&p->ints, &p->cap_ints, p->n_ints + n, sizeof *p->ints))
            return err_nomem(err, (p->n_ints + n) * sizeof *p->ints);
        for (size_t k = 0; k < n; k++) p->ints[p->n_ints++] = tensor_get_i64(t, (int64_t)k);
    }
    return SARD_OK;
}

static sard_status fill_plan(frame *f, plan *p, sard_error *err) {
    exec_graph *xg = f->xg;
    const uint8_t *use = atomic_load(&xg->int_inputs);
    TRY(plan_first(f, use, p, err));
    if (!use && p->end < xg->n_steps && xg->depth == 0 && xg->n_inputs) {
        TRY(find_int_inputs(f, p, err));
        use = atomic_load(&xg->int_inputs);
        TRY(plan_first(f, use, p, err));
    }
    return use ? keep_ints(f, p, use, err) : SARD_OK;
}

sard_status frame_plan(frame *f, sard_error *err) {
    if (find_plan(f, atomic_load(&f->xg->int_inputs))) return SARD_OK;
    TRY(frame_planner(f, err));
    plan *p;
    TRY(fresh_plan(f->xg, &p, err));
    sard_status st = fill_plan(f, p, err);
    if (st != SARD_OK) {
        plan_unref(p);
        return st;
    }
    publish_plan(f->xg, p);
    set_plan(f, p);
    return SARD_OK;
}

sard_status frame_late(frame *f, uint32_t first, sard_error *err) {
    TRY(frame_planner(f, err));
    if (!f->late) TRY(plan_new(f->xg, &f->late, err));
    f->bound = NULL;
    return plan_stage(&f->pl, f, first, f->late, err);
}

/* ---- a stage's memory --------------------------------------------------------------------------------------------- */

static const char *output_name(const exec_graph *xg, uint32_t k) {
    const graph *g = xg->x->m ? xg->x->m->graphs[0] : NULL;
    return g && k < g->n_outputs ? mod_str(xg->x->m, g->values[g->outputs[k]].name) : "";
}

/* The caller's tensor for output k must be what is computed. */
static sard_status check_user_output(const frame *f, const plan *p, uint32_t k, sard_error *err) {
    const pval *v = &p->vals[f->xg->outputs[k]];
    const tensor *t = &f->outs[k].t;
    shape want = {.rank = v->rank}, have = shape_of(t);
    for (int i = 0; i < v->rank; i++) want.dim[i] = p->dims[v->dims + (uint32_t)i];
    if (t->dtype == v->dtype && shape_eq(&want, &have)) return SARD_OK;
    char a[200], b[200];
    return err_set(err, SARD_INVALID_ARGUMENT, "output '%s' is %s%s, the tensor given for it %s%s",
                   output_name(f->xg, k), dtype_short(v->dtype), shape_text(&want, a, sizeof a), dtype_short(t->dtype),
                   shape_text(&have, b, sizeof b));
}

static sard_status output_memory(frame *f, const plan *p, sard_error *err) {
    for (uint32_t k = 0; k < f->xg->n_outputs; k++) {
        if (p->out_bytes[k] == SIZE_MAX) continue;
        if (f->outs[k].user) {
            TRY(check_user_output(f, p, k, err));
            continue;
        }
        size_t bytes = p->out_bytes[k];
        if (f->xg->depth) {
            TRY(run_buffer(f->r, bytes, &f->outs[k].buf, err));
            continue;
        }
        TRY(ctl_charge(f->r->par.ctl, bytes, err));
        f->charged += bytes;
        f->outs[k].buf = exec_mem_output(f->xg->x, bytes);
        if (!f->outs[k].buf) return err_nomem(err, bytes);
    }
    return SARD_OK;
}

static sard_status own_memory(frame *f, const plan *p, sard_error *err) {
    f->held_base = f->n_held;
    if (!p->n_own) return SARD_OK;
    if (mem_grow((void **)&f->held, &f->cap_held, f->n_held + p->n_own, sizeof *f->held))
        return err_nomem(err, (f->n_held + p->n_own) * sizeof *f->held);
    for (size_t i = 0; i < p->n_own; i++) {
        buffer *b;
        TRY(run_buffer(f->r, p->own[i].bytes, &b, err));
        f->held[f->n_held++] = (held){b, p->own[i].last};
    }
    return SARD_OK;
}

/* What the stage takes must be there before it begins. */
static sard_status check_need(const frame *f, const plan *p, sard_error *err) {
    run_ctl *ctl = f->r->par.ctl;
    if (!ctl || !ctl->limit) return SARD_OK;
    size_t more = p->arena_bytes > f->arena_charged ? p->arena_bytes - f->arena_charged : 0, need, all;
    size_t used = atomic_load(&ctl->used);
    if (add_size(more, p->own_bytes, &need) || add_size(need, p->out_total, &need) || add_size(need, used, &all) ||
        all > ctl->limit)
        return err_set(err, SARD_LIMIT,
                       "the next %u steps need %zu bytes (%zu for intermediate values, %zu for outputs); "
                       "%zu are in use and the run's memory limit is %zu",
                       p->end - p->first, more + p->own_bytes + p->out_total, more + p->own_bytes, p->out_total, used,
                       ctl->limit);
    return SARD_OK;
}

static sard_status arena_memory(frame *f, size_t bytes, sard_error *err) {
    if (bytes > f->arena_charged) {
        TRY(ctl_charge(f->r->par.ctl, bytes - f->arena_charged, err));
        f->arena_charged = bytes;
    }
    if (bytes > f->mem_used) f->mem_used = bytes;
    if (bytes <= f->mem_bytes) return SARD_OK;
    exec_mem_free(f->xg->x, f->mem.data, f->mem_bytes > f->xg->x->keep ? f->mem_bytes : 0);
    f->mem_bytes = 0;
    f->mem.data = exec_mem(f->xg->x, bytes);
    if (!f->mem.data) return err_nomem(err, bytes);
    f->mem_bytes = f->mem.bytes = bytes;
    return SARD_OK;
}

/* ---- binding slots ------------------------------------------------------------------------------------------------ */

static void bind_memory(frame *f, const plan *p, const pval *v, slot *s) {
    s->full = true;
    s->owned = s->share = false;
    s->v = NULL;
    switch (v->place) {
    case PLACE_ARENA:
        s->val.t.buf = &f->mem;
        s->val.t.offset = v->offset;
        return;
    case PLACE_KNOWN:
        s->val.t.buf = (buffer *)(uintptr_t)&p->mem;
        s->val.t.offset = v->offset;
        return;
    case PLACE_OWN:
        s->val.t.buf = f->held[f->held_base + v->own].buf;
        s->val.t.offset = 0;
        return;
    case PLACE_OUT:
        s->val.t.buf = f->outs[v->own].buf;
        s->val.t.offset = f->outs[v->own].offset;
        return;
    default:
        s->full = false;
    }
}

static void bind_slots(frame *f, const plan *p) {
    for (size_t i = 0; i < p->n_made; i++) {
        uint32_t x = p->made[i];
        const pval *v = &p->vals[x];
        slot *s = &f->slots[x];
        s->val.kind = SARD_KIND_TENSOR;
        if (v->place != PLACE_DYNAMIC)
            slot_shape(&s->val.t, v->dtype, v->rank, p->dims + v->dims, f->xg->vals[x].order);
        bind_memory(f, p, v, s);
    }
}

sard_status frame_begin(frame *f, const plan *p, sard_error *err) {
    f->stage = p;
    TRY(check_need(f, p, err));
    TRY(arena_memory(f, p->arena_bytes, err));
    TRY(own_memory(f, p, err));
    TRY(output_memory(f, p, err));
    if (f->bound == p) {
        for (size_t i = 0; i < p->n_rebind; i++) {
            uint32_t x = p->rebind[i];
            bind_memory(f, p, &p->vals[x], &f->slots[x]);
        }
        return SARD_OK;
    }
    bind_slots(f, p);
    f->bound = p == f->plan ? p : NULL;
    return SARD_OK;
}

/* Gives back what the steps after the stage do not read. */
void frame_stage_end(frame *f) { drop_held(f, f->stage->end); }
