/*
 * plan.c -- one stage: shapes and places of everything from a step on, as far as shapes are known.
 *
 * Planning walks the steps, calls each operator's infer with concrete types, and gives its outputs to the memory
 * planner. A first stage depends on the inputs' shapes alone (and on the small integer inputs found to reach shapes), so
 * its plan can be kept. A step whose output shape stays open ends the stage before it: by then its inputs have been
 * computed, and the next stage is planned with their values. What even then stays open decides its shape while it runs.
 */
#include "exec/model.h"

#include <string.h>

/* ---- working memory ----------------------------------------------------------------------------------------------- */

static void *cut(char **p, size_t n, size_t size) {
    void *r = *p;
    *p += (n * size + 15) & ~(size_t)15;
    return r;
}

sard_status planner_init(planner *p, exec_graph *xg, sard_error *err) {
    size_t v = xg->n_vals, in = xg->max_in + 1u, out = xg->max_out + 1u, local = xg->max_local + 1u;
    size_t steps = xg->n_steps + 1u;
    size_t bytes = (v + out + local) * (sizeof(vtype) + sizeof(known)) + v * 12 + steps * 4 +
                   in * (2 * sizeof(void *) + sizeof(known)) + 16 * 16;
    *p = (planner){.xg = xg, .block = mem_calloc(bytes, 1)};
    if (!p->block) return err_nomem(err, bytes);
    char *at = p->block;
    p->ty = cut(&at, v, sizeof(vtype));
    p->out_ty = cut(&at, out, sizeof(vtype));
    p->local_ty = cut(&at, local, sizeof(vtype));
    p->kn = cut(&at, v, sizeof(known));
    p->out_kn = cut(&at, out, sizeof(known));
    p->local_kn = cut(&at, local, sizeof(known));
    p->in_ty = cut(&at, in, sizeof(void *));
    p->in_const = cut(&at, in, sizeof(void *));
    p->in_kn = cut(&at, in, sizeof(known));
    p->stamp = cut(&at, v, 4);
    p->stamp_kn = cut(&at, v, 4);
    p->cls = cut(&at, v, 4);
    p->ends = cut(&at, steps, 4);
    arena_init(&p->mem);
    return SARD_OK;
}

void planner_deinit(planner *p) {
    mem_free(p->block);
    mem_free(p->classes);
    mem_free(p->holes);
    arena_free(&p->mem);
}

sard_status plan_new(const exec_graph *xg, plan **out, sard_error *err) {
    size_t bytes = sizeof(plan) + xg->n_vals * sizeof(pval) + xg->n_outputs * sizeof(size_t) + xg->n_steps * 4u;
    plan *p = mem_calloc(bytes, 1);
    if (!p) return err_nomem(err, bytes);
    atomic_init(&p->refs, 1);
    atomic_init(&p->mem.refs, 1);
    p->n_vals = xg->n_vals;
    p->vals = (pval *)(p + 1);
    p->out_bytes = (size_t *)(p->vals + xg->n_vals);
    p->geom_at = (uint32_t *)(p->out_bytes + xg->n_outputs);
    *out = p;
    return SARD_OK;
}

void plan_unref(plan *p) {
    if (!p || atomic_fetch_sub(&p->refs, 1) != 1) return;
    mem_free(p->dims);
    mem_free(p->made);
    mem_free(p->rebind);
    mem_free(p->own);
    mem_free(p->geom);
    mem_free(p->ints);
    mem_free(p->mem.data);
    mem_free(p);
}

static void plan_reset(plan *p, const exec_graph *xg, uint32_t first) {
    memset(p->vals, 0, p->n_vals * sizeof *p->vals);
    memset(p->geom_at, 0xff, xg->n_steps * sizeof *p->geom_at);
    for (uint32_t i = 0; i < xg->n_outputs; i++) p->out_bytes[i] = SIZE_MAX;
    p->first = p->end = first;
    p->n_dims = p->n_made = p->n_rebind = p->n_own = p->n_geom = p->n_ints = 0;
    if (first == 0) p->n_mem = 0; /* what earlier stages of a run know stays: frame_take empties a later stage's */
    p->arena_bytes = p->own_bytes = p->out_total = 0;
}

/* ---- what is known of values before the stage ---------------------------------------------------------------------- */

static void type_set(vtype *t, const tensor *from) {
    t->kind = SARD_KIND_TENSOR;
    t->dtype = from->dtype;
    t->rank = (int8_t)from->rank;
    t->elem = NO_ID;
    for (int i = 0; i < from->rank; i++) t->dim[i] = from->dim[i];
}

const vtype *plan_type(planner *p, uint32_t x) {
    if (p->stamp[x] == p->now) return &p->ty[x];
    p->stamp[x] = p->now;
    const xval *v = &p->xg->vals[x];
    vtype *t = &p->ty[x];
    if (v->role == X_CONST) {
        *t = *v->type;
        return t;
    }
    if (!p->f) { /* a body's value that nothing is known of */
        *t = type_unknown();
        return t;
    }
    const slot *s = &p->f->slots[x];
    if (s->full && s->val.kind == SARD_KIND_TENSOR) {
        type_set(t, &s->val.t);
        return t;
    }
    *t = type_unknown();
    t->kind = s->full && s->v ? s->v->kind : v->kind;
    t->dtype = s->full && s->v && t->kind != SARD_KIND_MAP ? s->v->dtype : v->type->dtype;
    t->elem = v->type->elem;
    return t;
}

/* May the values of x be looked at? Constants always; in a later stage everything that was computed before it; in the
 * first, what the plan's key holds. */
static const tensor *data_now(planner *p, uint32_t x) {
    const xval *v = &p->xg->vals[x];
    if (v->role == X_CONST) return v->kind == SARD_KIND_TENSOR ? &v->constant->t : NULL;
    if (!p->f || (v->role == X_STEP && v->def >= p->first)) return NULL;
    const slot *s = &p->f->slots[x];
    if (!s->full || s->val.kind != SARD_KIND_TENSOR || !s->val.t.buf) return NULL;
    if (p->values) return &s->val.t;
    if (v->role != X_INPUT || !p->use_ints) return NULL;
    for (uint32_t i = 0; i < p->xg->n_inputs; i++)
        if (p->xg->inputs[i] == x) return p->use_ints[i] ? &s->val.t : NULL;
    return NULL;
}

bool plan_small_ints(const tensor *t) {
    return dtype_in(t->dtype, DT_INT | DT_BOOL) && t->rank <= 1 && tensor_count(t) <= KNOWN_MAX;
}

known plan_known(planner *p, uint32_t x) {
    if (p->stamp_kn[x] == p->now) return p->kn[x];
    p->stamp_kn[x] = p->now;
    p->kn[x] = p->xg->vals[x].ints;
    if (p->xg->vals[x].role == X_CONST) return p->kn[x];
    const tensor *t = data_now(p, x);
    if (!t || !plan_small_ints(t)) return p->kn[x];
    uint32_t n = (uint32_t)tensor_count(t);
    int64_t *v = arena_alloc(&p->mem, n * sizeof *v);
    if (!v) return p->kn[x];
    for (uint32_t i = 0; i < n; i++) v[i] = tensor_get_i64(t, i);
    return p->kn[x] = (known){v, n};
}

static void input_now(planner *p, uint32_t i, uint32_t x) {
    if (x == NO_ID) {
        p->in_ty[i] = NULL;
        p->in_kn[i] = (known){0};
        p->in_const[i] = NULL;
        return;
    }
    p->in_ty[i] = plan_type(p, x);
    p->in_kn[i] = plan_known(p, x);
    p->in_const[i] = data_now(p, x);
}

/* ---- inference ---------------------------------------------------------------------------------------------------- */

static sard_status infer_node(planner *p, const graph *g, const node *n, uint32_t n_in, uint32_t n_out,
                              sard_error *err) {
    infer_ctx c = {.g = g,
                   .node = n,
                   .in = p->in_ty,
                   .in_known = p->in_kn,
                   .in_const = p->in_const,
                   .n_in = n_in,
                   .out = p->out_ty,
                   .out_known = p->out_kn,
                   .n_out = n_out,
                   .mem = &p->mem,
                   .body = plan_body_types,
                   .arg = p};
    for (uint32_t i = 0; i < n_out; i++) p->out_kn[i] = (known){0};
    return n->op->infer ? n->op->infer(&c, err) : infer_same(&c, err);
}

static void preset(vtype *t, const vtype *declared) {
    t->kind = declared->kind;
    t->dtype = declared->dtype;
    t->rank = -1;
    t->elem = declared->elem;
}

static sard_status infer_plain(planner *p, const exec_step *s, sard_error *err) {
    for (uint32_t i = 0; i < s->n_in; i++) input_now(p, i, s->in[i]);
    for (uint32_t i = 0; i < s->n_out; i++) {
        value_id v = node_out(s->g, s->node, i);
        if (v == NO_ID)
            p->out_ty[i] = type_unknown();
        else
            preset(&p->out_ty[i], &s->g->values[v].type);
    }
    return infer_node(p, s->g, s->node, s->n_in, s->n_out, err);
}

/* The shortcut for groups of broadcasting operators; false: look node by node. */
static bool infer_at_once(planner *p, const fused *f) {
    vtype *t = &p->out_ty[0];
    *t = (vtype){.kind = SARD_KIND_TENSOR, .dtype = f->inner_type[f->out[0] - f->n_ext], .rank = 0, .elem = NO_ID};
    p->out_kn[0] = (known){0};
    for (uint32_t i = 0; i < f->n_ext; i++) {
        const vtype *a = plan_type(p, f->ext[i]);
        if (a->rank < 0) return false;
        int up = a->rank - t->rank;
        if (up > 0) {
            for (int k = t->rank; k-- > 0;) t->dim[k + up] = t->dim[k];
            for (int k = 0; k < up; k++) t->dim[k] = 1;
            t->rank = a->rank;
        }
        int64_t *d = t->dim + (t->rank - a->rank);
        for (int k = 0; k < a->rank; k++) {
            if (a->dim[k] == d[k] || a->dim[k] == 1) continue;
            if (d[k] != 1) return false;
            d[k] = a->dim[k];
        }
    }
    return type_static(t);
}

static sard_status infer_fused(planner *p, const exec_step *s, sard_error *err) {
    const fused *f = s->fused;
    if (f->broadcasts && infer_at_once(p, f)) return SARD_OK;
    for (uint32_t i = 0; i < f->n_ext; i++) {
        p->local_ty[i] = *plan_type(p, f->ext[i]);
        p->local_kn[i] = plan_known(p, f->ext[i]);
    }
    for (uint32_t i = 0; i < f->n_nodes; i++) {
        const fused_node *n = &f->nodes[i];
        for (uint32_t j = 0; j < n->n_in; j++) {
            uint32_t l = n->in[j];
            p->in_ty[j] = l == NO_ID ? NULL : &p->local_ty[l];
            p->in_kn[j] = l == NO_ID ? (known){0} : p->local_kn[l];
            p->in_const[j] = l == NO_ID || l >= f->n_ext ? NULL : data_now(p, f->ext[l]);
        }
        uint32_t n_in = n->n_in;
        while (n_in && !p->in_ty[n_in - 1]) n_in--;
        for (uint32_t j = 0; j < n->n_out; j++) {
            p->out_ty[j] = type_unknown();
            if (n->out[j] == NO_ID) continue;
            p->out_ty[j].kind = SARD_KIND_TENSOR;
            p->out_ty[j].dtype = f->inner_type[n->out[j] - f->n_ext];
        }
        TRY(infer_node(p, f->g, n->n, n_in, n->n_out, err));
        for (uint32_t j = 0; j < n->n_out; j++) {
            if (n->out[j] == NO_ID) continue;
            p->local_ty[n->out[j]] = p->out_ty[j];
            p->local_kn[n->out[j]] = p->out_kn[j];
        }
    }
    for (uint32_t i = 0; i < f->n_out; i++) {
        p->out_ty[i] = p->local_ty[f->out[i]];
        p->out_kn[i] = p->local_kn[f->out[i]];
    }
    return SARD_OK;
}

sard_status plan_infer_step(planner *p, const exec_step *s, sard_error *err) {
    p->step = s;
    return s->fused ? infer_fused(p, s, err) : infer_plain(p, s, err);
}

sard_status plan_step_types(planner *p, frame *f, const exec_step *s, const vtype **out, sard_error *err) {
    p->f = f;
    p->values = true;
    p->first = (uint32_t)(s - f->xg->steps);
    p->now++;
    arena_reset(&p->mem);
    TRY(plan_infer_step(p, s, err));
    *out = p->out_ty;
    return SARD_OK;
}

/* ---- geometry of programs ------------------------------------------------------------------------------------------- */

static void dense_strides(const vtype *t, uint8_t order, int64_t *stride) {
    if (order == ORDER_LAST && t->rank >= 3)
        tensor_last_strides(t->dim, t->rank, stride);
    else
        tensor_row_strides(t->dim, t->rank, stride);
}

static bool same_dims(const vtype *a, const vtype *b) {
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

sard_status plan_geometry(const exec_graph *xg, const exec_step *s, const pw_program *prog, const uint32_t *operand,
                          uint32_t n_operand, const vtype *(*type)(void *, uint32_t), void *arg, pw_geom *g,
                          sard_error *err) {
    int64_t in_mem[PW_MAX_INPUTS][MAX_RANK], out_mem[PW_MAX_OUTPUTS][MAX_RANK];
    const int64_t *in[PW_MAX_INPUTS] = {0}, *out[PW_MAX_OUTPUTS] = {0};
    uint32_t x0 = s->out[0];
    const vtype *o = type(arg, x0);
    for (uint32_t j = 0; j < s->n_out; j++) {
        const vtype *t = type(arg, s->out[j]);
        FAIL_IF(!same_dims(t, o), err, SARD_RUNTIME, "a shape that the model declares for an output does not hold");
        if (xg->vals[s->out[j]].order != ORDER_LAST) continue;
        dense_strides(t, ORDER_LAST, out_mem[j]);
        out[j] = out_mem[j];
    }
    for (uint32_t i = 0; i < n_operand; i++) {
        uint32_t x = operand[i];
        if (x == NO_ID) continue;
        const vtype *t = type(arg, x);
        FAIL_IF(t->dtype != pw_input_type(prog, (int)i), err, SARD_INVALID_ARGUMENT, "expected %s, found %s",
                dtype_short(pw_input_type(prog, (int)i)), dtype_short(t->dtype));
        uint8_t order = xg->vals[x].order;
        if (order != ORDER_LAST && same_dims(t, o)) continue;
        int64_t own[MAX_RANK];
        dense_strides(t, order, own);
        if (!pw_broadcast(o->rank, o->dim, t->rank, t->dim, own, in_mem[i])) {
            shape a = {.rank = t->rank}, b = {.rank = o->rank};
            char ta[160], tb[160];
            memcpy(a.dim, t->dim, (size_t)t->rank * sizeof *a.dim);
            memcpy(b.dim, o->dim, (size_t)o->rank * sizeof *b.dim);
            return err_set(err, SARD_INVALID_ARGUMENT, "%s does not broadcast to %s", shape_text(&a, ta, sizeof ta),
                           shape_text(&b, tb, sizeof tb));
        }
        in[i] = in_mem[i];
    }
    return pw_geom_init(g, prog, o->rank, o->dim, in, out, err);
}

static const vtype *geom_type(void *arg, uint32_t x) { return plan_type(arg, x); }

/* Kept packed: rank and flags, total, dims, strides of the inputs and outputs there are. */
static sard_status keep_geometry(planner *p, plan *out, uint32_t k, sard_error *err) {
    const exec_step *s = &p->xg->steps[k];
    const fused *f = s->fused;
    pw_geom g;
    TRY(plan_geometry(p->xg, s, f->prog, f->operand, f->n_operand, geom_type, p, &g, err));
    size_t n = 2 + (size_t)g.rank * (1 + f->n_operand + s->n_out);
    if (mem_grow((void **)&out->geom, &out->cap_geom, out->n_geom + n, sizeof *out->geom))
        return err_nomem(err, (out->n_geom + n) * sizeof *out->geom);
    out->geom_at[k] = (uint32_t)out->n_geom;
    int64_t *w = out->geom + out->n_geom;
    out->n_geom += n;
    size_t row = (size_t)g.rank * sizeof *w;
    *w++ = (int64_t)g.rank << 32 | (uint32_t)g.flags;
    *w++ = g.total;
    memcpy(w, g.dim, row);
    for (uint32_t i = 0; i < f->n_operand; i++) memcpy(w += g.rank, g.in[i], row);
    for (uint32_t i = 0; i < s->n_out; i++) memcpy(w += g.rank, g.out[i], row);
    return SARD_OK;
}

void plan_unpack_geometry(const plan *p, uint32_t k, uint32_t n_in, uint32_t n_out, pw_geom *g) {
    const int64_t *w = p->geom + p->geom_at[k];
    g->rank = (int32_t)(w[0] >> 32);
    g->flags = (int32_t)(uint32_t)w[0];
    g->total = w[1];
    w += 2;
    for (int r = 0; r < g->rank; r++) g->dim[r] = *w++;
    for (uint32_t i = 0; i < n_in; i++)
        for (int r = 0; r < g->rank; r++) g->in[i][r] = *w++;
    for (uint32_t i = 0; i < n_out; i++)
        for (int r = 0; r < g->rank; r++) g->out[i][r] = *w++;
}

/* ---- the walk ----------------------------------------------------------------------------------------------------- */

sard_status plan_output_type(const xval *v, uint32_t j, vtype *t, bool *open, sard_error *err) {
    if (t->kind == SARD_KIND_UNKNOWN) t->kind = v->kind;
    if (t->kind == SARD_KIND_TENSOR && !t->dtype) t->dtype = v->dtype;
    if (t->kind != SARD_KIND_TENSOR) {
        *open = *open || t->kind == SARD_KIND_UNKNOWN;
        return SARD_OK;
    }
    FAIL_IF(v->dtype && t->dtype != v->dtype, err, SARD_INVALID_MODEL, "output %u is %s, declared as %s", j,
            dtype_short(t->dtype), dtype_short(v->dtype));
    FAIL_IF(v->kind == SARD_KIND_TENSOR && v->type->rank >= 0 && t->rank >= 0 && v->type->rank != t->rank, err,
            SARD_INVALID_MODEL, "output %u has rank %d, declared as %d", j, t->rank, v->type->rank);
    *open = *open || !t->dtype || !type_static(t);
    return SARD_OK;
}

/* Are all of a step's results small integers that inference has found? Then nothing needs to run: shape arithmetic. */
static bool all_known(const planner *p, const exec_step *s) {
    bool any = false;
    for (uint32_t j = 0; j < s->n_out; j++) {
        if (s->out[j] == NO_ID) continue;
        const vtype *t = &p->out_ty[j];
        const known *k = &p->out_kn[j];
        if (!k->v || t->kind != SARD_KIND_TENSOR || !dtype_in(t->dtype, DT_INT | DT_BOOL) || !type_static(t) ||
            dims_count(t->dim, t->rank) != k->n)
            return false;
        for (uint32_t i = 0; i < k->n; i++)
            if (!dim_known(k->v[i])) return false;
        any = true;
    }
    return any && !(s->op->flags & (OP_RANDOM | OP_BODY));
}

/* Writes a known result into the plan. */
static sard_status keep_known(plan *out, pval *v, const known *k, size_t bytes, sard_error *err) {
    size_t at = (out->n_mem + 15) & ~(size_t)15;
    if (mem_grow(&out->mem.data, &out->cap_mem, at + bytes, 1)) return err_nomem(err, at + bytes);
    size_t one = (size_t)dtype_bits(v->dtype) / 8;
    char *to = (char *)out->mem.data + at;
    for (uint32_t i = 0; i < k->n; i++) /* little-endian: the low bytes */
        memcpy(to + i * one, &k->v[i], one);
    v->place = PLACE_KNOWN;
    v->offset = at;
    out->mem.bytes = out->n_mem = at + bytes;
    return SARD_OK;
}

static sard_status place_output(planner *p, plan *out, uint32_t k, uint32_t j, sard_error *err) {
    const exec_step *s = &p->xg->steps[k];
    uint32_t x = s->out[j];
    const vtype *t = &p->out_ty[j];
    p->stamp[x] = p->stamp_kn[x] = p->now;
    p->ty[x] = *t;
    p->kn[x] = p->out_kn[j];
    pval *v = &out->vals[x];
    if (mem_grow((void **)&out->made, &out->cap_made, out->n_made + 1, sizeof *out->made))
        return err_nomem(err, (out->n_made + 1) * sizeof *out->made);
    out->made[out->n_made++] = x;
    p->cls[x] = NO_ID;
    v->place = PLACE_DYNAMIC;
    v->rank = -1;
    if (t->kind != SARD_KIND_TENSOR || !t->dtype || !type_static(t)) return SARD_OK;
    v->dtype = t->dtype;
    v->rank = t->rank;
    v->dims = (uint32_t)out->n_dims;
    if (mem_grow((void **)&out->dims, &out->cap_dims, out->n_dims + (size_t)t->rank, sizeof *out->dims))
        return err_nomem(err, (out->n_dims + (size_t)t->rank) * sizeof *out->dims);
    for (int i = 0; i < t->rank; i++) out->dims[out->n_dims++] = t->dim[i];
    size_t bytes;
    if (dims_count(t->dim, t->rank) < 0 || dtype_bytes(t->dtype, dims_count(t->dim, t->rank), &bytes) ||
        bytes > PTRDIFF_MAX / 4) {
        shape sh;
        char text[200];
        type_shape(t, &sh);
        return err_set(err, SARD_LIMIT, "output %u: %s%s is more than memory can be", j, dtype_short(t->dtype),
                       shape_text(&sh, text, sizeof text));
    }
    if (s->n_bodies) return SARD_OK; /* bodies give values in memory of their own */
    if (out->geom_at[k] == STEP_SKIPPED) return keep_known(out, v, &p->out_kn[j], bytes, err);
    return memplan_value(p, out, s, k, j, bytes, err);
}

/* Inputs' descriptions, so that the plan can be found again. */
static sard_status describe_inputs(planner *p, plan *out, sard_error *err) {
    const exec_graph *xg = p->xg;
    for (uint32_t i = 0; i < xg->n_inputs + xg->n_captures; i++) {
        uint32_t x = i < xg->n_inputs ? xg->inputs[i] : xg->captures[i - xg->n_inputs];
        if (xg->vals[x].role == X_CONST) continue;
        const vtype *t = plan_type(p, x);
        pval *v = &out->vals[x];
        v->dtype = t->dtype;
        v->rank = t->kind == SARD_KIND_TENSOR ? t->rank : -1;
        v->dims = (uint32_t)out->n_dims;
        if (v->rank <= 0) continue;
        if (mem_grow((void **)&out->dims, &out->cap_dims, out->n_dims + (size_t)v->rank, sizeof *out->dims))
            return err_nomem(err, (out->n_dims + (size_t)v->rank) * sizeof *out->dims);
        for (int d = 0; d < v->rank; d++) out->dims[out->n_dims++] = t->dim[d];
    }
    return SARD_OK;
}

static sard_status plan_steps(planner *p, frame *f, plan *out, sard_error *err) {
    exec_graph *xg = p->xg;
    uint32_t k = p->first;
    for (bool last = false; k < xg->n_steps && !last; k++) {
        const exec_step *s = &xg->steps[k];
        sard_status st = plan_infer_step(p, s, err);
        bool open = false;
        for (uint32_t j = 0; st == SARD_OK && j < s->n_out; j++)
            if (s->out[j] != NO_ID) st = plan_output_type(&xg->vals[s->out[j]], j, &p->out_ty[j], &open, err);
        if (st == SARD_OK && open) {
            if (k > p->first && !(s->op->flags & OP_DATA_SHAPE)) break;
            last = true;
        }
        if (st == SARD_OK && all_known(p, s)) out->geom_at[k] = STEP_SKIPPED;
        for (uint32_t j = 0; st == SARD_OK && j < s->n_out; j++)
            if (s->out[j] != NO_ID) st = place_output(p, out, k, j, err);
        if (st == SARD_OK && s->kind == STEP_PROGRAM && s->fused->prog && !open && out->geom_at[k] == NO_ID) {
            st = keep_geometry(p, out, k, err);
            if (st != SARD_OK && s->fused->n_nodes > 1) f->r->group_failed = true;
        }
        if (st != SARD_OK) return step_error(f, s, st, err);
    }
    out->end = k;
    return SARD_OK;
}

sard_status plan_stage(planner *p, frame *f, uint32_t first, plan *out, sard_error *err) {
    p->f = f;
    p->values = first > 0;
    p->first = first;
    if (++p->now == 0) { /* stamps of four billion plans ago */
        memset(p->stamp, 0, p->xg->n_vals * 4u);
        memset(p->stamp_kn, 0, p->xg->n_vals * 4u);
        p->now = 1;
    }
    p->work = 0;
    arena_reset(&p->mem);
    memset(p->cls, 0xff, p->xg->n_vals * 4u);
    p->n_classes = 0;
    plan_reset(out, p->xg, first);
    if (first == 0) TRY(describe_inputs(p, out, err));
    TRY(plan_steps(p, f, out, err));
    return memplan_places(p, out, err);
}
