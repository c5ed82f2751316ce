/*
 * memplan.c -- places for the values of a stage: which share memory, and offsets in the arena.
 *
 * Values that share memory (a view and its source, an output written over an input that dies) form a class with one
 * lifetime. Classes that outlive the stage get memory of their own, those that hold a graph output lie in it, all
 * others are laid into the arena in order of time, each into the smallest hole that takes it.
 */
#include "exec/model.h"

enum { ALIGN = 64 };
static size_t round_up(size_t n) { return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1); }

/* ---- classes ------------------------------------------------------------------------------------------------------ */

/* May graph output v lie where it is computed? Strings of a run belong to the run, so they leave it as copies. */
static bool may_lie_in_output(const exec_graph *xg, const plan *out, const xval *v, uint8_t dtype) {
    return v->out != NO_ID && out->out_bytes[v->out] == SIZE_MAX && v->order == ORDER_ROW &&
           (dtype != SARD_STRING || xg->depth > 0);
}

static void join(planner *p, plan *out, uint32_t c, uint32_t x) {
    const xval *v = &p->xg->vals[x];
    pclass *cl = &p->classes[c];
    p->cls[x] = c;
    if (v->last > cl->last) cl->last = v->last;
    if (cl->out == NO_ID && may_lie_in_output(p->xg, out, v, out->vals[x].dtype)) {
        cl->out = v->out;
        out->out_bytes[v->out] = cl->bytes;
    }
}

/* The class of input x when output `to` of step k may be written over it. */
static uint32_t dying(planner *p, const plan *out, uint32_t k, uint32_t x, uint32_t to, size_t bytes) {
    if (x == NO_ID || p->cls[x] == NO_ID) return NO_ID;
    uint32_t c = p->cls[x];
    const pval *a = &out->vals[x], *b = &out->vals[to];
    if (p->classes[c].last != k || p->classes[c].bytes != bytes || bytes == 0) return NO_ID;
    if (p->xg->vals[x].order != p->xg->vals[to].order || dtype_subbyte(a->dtype) || dtype_subbyte(b->dtype))
        return NO_ID;
    return dtype_bits(a->dtype) == dtype_bits(b->dtype) ? c : NO_ID;
}

static bool same_shape(const plan *out, uint32_t x, uint32_t y) {
    const pval *a = &out->vals[x], *b = &out->vals[y];
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (out->dims[a->dims + (uint32_t)i] != out->dims[b->dims + (uint32_t)i]) return false;
    return true;
}

static uint32_t in_place(planner *p, const plan *out, const exec_step *s, uint32_t k, uint32_t j, size_t bytes) {
    uint32_t to = s->out[j];
    if (s->kind == STEP_PROGRAM) {
        if (s->n_out > 1) return NO_ID; /* one output's store must not come before another's load */
        for (uint32_t i = 0; i < s->fused->n_operand; i++) {
            uint32_t x = s->fused->operand[i], c = dying(p, out, k, x, to, bytes);
            if (c != NO_ID && same_shape(out, x, to)) return c;
        }
        return NO_ID;
    }
    if (s->kind != STEP_RUN || j != 0 || !(s->op->flags & OP_INPLACE0) || !s->n_in) return NO_ID;
    uint32_t c = dying(p, out, k, s->in[0], to, bytes);
    if (c == NO_ID || out->vals[s->in[0]].dtype != out->vals[to].dtype) return NO_ID;
    for (uint32_t i = 1; i < s->n_in; i++) /* not over something another input still shows */
        if (s->in[i] != NO_ID && p->cls[s->in[i]] == c) return NO_ID;
    return c;
}

sard_status memplan_value(planner *p, plan *out, const exec_step *s, uint32_t k, uint32_t j, size_t bytes,
                          sard_error *err) {
    uint32_t x = s->out[j];
    const xval *v = &p->xg->vals[x];
    if (s->view && j == 0) {
        uint32_t c = p->cls[s->in[0]];
        if (c == NO_ID)
            out->vals[x].place = PLACE_VIEW;
        else
            join(p, out, c, x);
        return SARD_OK;
    }
    uint32_t c = in_place(p, out, s, k, j, bytes);
    if (c == NO_ID) {
        if (mem_grow((void **)&p->classes, &p->cap_classes, p->n_classes + 1, sizeof *p->classes))
            return err_nomem(err, (p->n_classes + 1) * sizeof *p->classes);
        c = (uint32_t)p->n_classes++;
        p->classes[c] = (pclass){.bytes = bytes, .first = k, .last = v->last, .out = NO_ID, .next = NO_ID};
    }
    join(p, out, c, x);
    return SARD_OK;
}

/* ---- the arena ---------------------------------------------------------------------------------------------------- */

static void hole_remove(planner *p, size_t i) {
    for (size_t k = i + 1; k < p->n_holes; k++) p->holes[k - 1] = p->holes[k];
    p->n_holes--;
}

/* A place of n bytes: the smallest hole that takes it, else the end of the arena (with a hole that touches it). */
static sard_status hole_take(planner *p, size_t n, size_t *top, size_t *at, sard_error *err) {
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < p->n_holes; i++)
        if (p->holes[i].bytes >= n && (best == SIZE_MAX || p->holes[i].bytes < p->holes[best].bytes)) best = i;
    if (best != SIZE_MAX) {
        *at = p->holes[best].at;
        p->holes[best].at += n;
        p->holes[best].bytes -= n;
        if (!p->holes[best].bytes) hole_remove(p, best);
        return SARD_OK;
    }
    *at = *top;
    if (p->n_holes && p->holes[p->n_holes - 1].at + p->holes[p->n_holes - 1].bytes == *top) {
        *at = p->holes[p->n_holes - 1].at;
        p->n_holes--;
    }
    size_t end;
    FAIL_IF(add_size(*at, n, &end) || end > PTRDIFF_MAX / 2, err, SARD_LIMIT,
            "intermediate values are more than memory can be");
    *top = end;
    return SARD_OK;
}

static sard_status hole_put(planner *p, size_t at, size_t n, sard_error *err) {
    if (mem_grow((void **)&p->holes, &p->cap_holes, p->n_holes + 1, sizeof *p->holes))
        return err_nomem(err, (p->n_holes + 1) * sizeof *p->holes);
    size_t i = p->n_holes;
    while (i && p->holes[i - 1].at > at) i--;
    bool left = i && p->holes[i - 1].at + p->holes[i - 1].bytes == at;
    bool right = i < p->n_holes && at + n == p->holes[i].at;
    if (left) {
        p->holes[i - 1].bytes += n;
        if (!right) return SARD_OK;
        p->holes[i - 1].bytes += p->holes[i].bytes;
        hole_remove(p, i);
        return SARD_OK;
    }
    if (right) {
        p->holes[i].at = at;
        p->holes[i].bytes += n;
        return SARD_OK;
    }
    for (size_t k = p->n_holes; k > i; k--) p->holes[k] = p->holes[k - 1];
    p->holes[i] = (hole){at, n};
    p->n_holes++;
    return SARD_OK;
}

/* A class that lives on gets an entry of plan.own. */
static sard_status own_class(pclass *c, plan *out, sard_error *err) {
    c->place = PLACE_OWN;
    if (mem_grow((void **)&out->own, &out->cap_own, out->n_own + 1, sizeof *out->own))
        return err_nomem(err, (out->n_own + 1) * sizeof *out->own);
    c->offset = out->n_own;
    out->own[out->n_own++] = (plan_own){c->bytes, c->last};
    FAIL_IF(add_size(out->own_bytes, c->bytes, &out->own_bytes), err, SARD_LIMIT,
            "intermediate values are more than memory can be");
    return SARD_OK;
}

static sard_status lay_out(planner *p, plan *out, sard_error *err) {
    uint32_t n = out->end - out->first;
    size_t top = 0, next = 0;
    p->n_holes = 0;
    for (uint32_t i = 0; i < n; i++) p->ends[i] = NO_ID;
    for (uint32_t i = 0; i < n; i++) {
        for (; next < p->n_classes && p->classes[next].first == out->first + i; next++) {
            pclass *c = &p->classes[next];
            if (c->out != NO_ID) {
                c->place = PLACE_OUT;
                FAIL_IF(add_size(out->out_total, c->bytes, &out->out_total), err, SARD_LIMIT,
                        "outputs are more than memory can be");
                continue;
            }
            if (c->last >= out->end && out->end < p->xg->n_steps) {
                TRY(own_class(c, out, err));
                continue;
            }
            c->place = PLACE_ARENA;
            if (!c->bytes) continue;
            TRY(hole_take(p, round_up(c->bytes), &top, &c->offset, err));
            uint32_t end = (c->last < out->end ? c->last : out->end - 1) - out->first;
            c->next = p->ends[end];
            p->ends[end] = (uint32_t)next;
        }
        for (uint32_t e = p->ends[i]; e != NO_ID; e = p->classes[e].next)
            TRY(hole_put(p, p->classes[e].offset, round_up(p->classes[e].bytes), err));
    }
    out->arena_bytes = top;
    return SARD_OK;
}

sard_status memplan_places(planner *p, plan *out, sard_error *err) {
    TRY(lay_out(p, out, err));
    for (size_t i = 0; i < out->n_made; i++) {
        uint32_t x = out->made[i];
        pval *v = &out->vals[x];
        if (v->place == PLACE_KNOWN) continue;
        if (p->cls[x] != NO_ID) {
            const pclass *c = &p->classes[p->cls[x]];
            v->place = c->place;
            if (c->place == PLACE_ARENA) {
                v->offset = c->offset;
                continue;
            }
            v->own = c->place == PLACE_OUT ? c->out : (uint32_t)c->offset;
        }
        if (mem_grow((void **)&out->rebind, &out->cap_rebind, out->n_rebind + 1, sizeof *out->rebind))
            return err_nomem(err, (out->n_rebind + 1) * sizeof *out->rebind);
        out->rebind[out->n_rebind++] = x;
    }
    return SARD_OK;
}
