/*
 * slot.c -- run-time values: slots, and the scratch memory of steps.
 *
 * A slot borrows (from the arena, an input, a constant, another slot it is a view of) or owns one reference.
 */
#include "exec/model.h"

#include <string.h>

/* ---- slots -------------------------------------------------------------------------------------------------------- */

static void tensor_assign(tensor *t, const tensor *from) {
    t->buf = from->buf;
    t->offset = from->offset;
    t->dtype = from->dtype;
    t->rank = from->rank;
    enum { FEW = 4 }; /* copies of a fixed size cost least */
    if (from->rank <= FEW) {
        memcpy(t->dim, from->dim, FEW * sizeof *t->dim);
        memcpy(t->stride, from->stride, FEW * sizeof *t->stride);
    } else {
        memcpy(t->dim, from->dim, sizeof t->dim);
        memcpy(t->stride, from->stride, sizeof t->stride);
    }
}

void slot_shape(tensor *t, uint8_t dtype, int rank, const int64_t *dims, uint8_t order) {
    t->dtype = dtype;
    t->rank = (uint8_t)rank;
    for (int i = 0; i < rank; i++) t->dim[i] = dims[i];
    if (order == ORDER_LAST && rank >= 3)
        tensor_last_strides(dims, rank, t->stride);
    else
        tensor_row_strides(dims, rank, t->stride);
}

void slot_drop(frame *f, slot *s) {
    if (s->owned) {
        if (s->v)
            sard_value_unref(s->v);
        else
            buffer_unref(s->val.t.buf);
        s->owned = false;
        f->n_owned--;
    }
    s->v = NULL;
    s->full = false;
}

static void slot_show(slot *s, const sard_value *v) {
    s->v = (sard_value *)(uintptr_t)v;
    s->val.kind = v->kind;
    if (v->kind == SARD_KIND_TENSOR) tensor_assign(&s->val.t, &v->t);
    s->full = true;
}

void slot_borrow(slot *s, const sard_value *v, bool share) {
    slot_show(s, v);
    s->owned = false;
    s->share = share;
}

void slot_take(frame *f, slot *s, sard_value *take) {
    slot_drop(f, s);
    slot_show(s, take);
    s->owned = s->share = true;
    f->n_owned++;
}

static bool is_heap(const sard_value *v) { return v && atomic_load_explicit(&v->refs, memory_order_relaxed) != 0; }

static sard_status copy_of(run *r, const tensor *from, sard_value **out, sard_error *err) {
    tensor t = {0};
    slot_shape(&t, from->dtype, from->rank, from->dim, ORDER_ROW);
    TRY(run_buffer(r, tensor_bytes(from), &t.buf, err));
    tensor_copy_data(tensor_data(&t), from);
    return value_tensor(&t, out, err);
}

/* Was the memory made by this activation, outside its arena? Once it has ended, nobody writes it. */
static bool made_here(const frame *f, const slot *s) {
    if (s->owned) return true;
    for (uint32_t k = 0; k < f->xg->n_outputs; k++)
        if (f->outs[k].buf == s->val.t.buf) return true;
    for (size_t i = 0; i < f->n_held; i++)
        if (f->held[i].buf == s->val.t.buf) return true;
    return false;
}

sard_status slot_keep(run *r, const frame *f, const slot *s, bool done, sard_value **out, sard_error *err) {
    FAIL_IF(!s->full, err, SARD_INTERNAL, "a value that is not there");
    const tensor *t = &s->val.t;
    if (s->val.kind != SARD_KIND_TENSOR || (s->share && is_heap(s->v) && tensor_is_row(t))) {
        *out = sard_value_ref(s->v);
        return SARD_OK;
    }
    if (!tensor_is_row(t) || !(s->share || (done && made_here(f, s)))) return copy_of(r, t, out, err);
    tensor shared = *t;
    buffer_ref(shared.buf);
    return value_tensor(&shared, out, err);
}

sard_status check_type(const exec_graph *xg, uint32_t x, const tensor *t, sard_error *err) {
    const xval *v = &xg->vals[x];
    FAIL_IF(v->kind != SARD_KIND_TENSOR && v->kind != SARD_KIND_UNKNOWN, err, SARD_RUNTIME,
            "a tensor where the model has another kind of value");
    FAIL_IF(v->dtype && v->dtype != t->dtype, err, SARD_RUNTIME, "expected elements of %s, found %s",
            dtype_short(v->dtype), dtype_short(t->dtype));
    FAIL_IF(v->kind == SARD_KIND_TENSOR && v->type->rank >= 0 && v->type->rank != t->rank, err, SARD_RUNTIME,
            "expected rank %d, found %d", v->type->rank, t->rank);
    return SARD_OK;
}

sard_status check_value(const exec_graph *xg, uint32_t x, const sard_value *v, sard_error *err) {
    if (v->kind == SARD_KIND_TENSOR) return check_type(xg, x, &v->t, err);
    const xval *want = &xg->vals[x];
    FAIL_IF(want->kind != SARD_KIND_UNKNOWN && want->kind != v->kind, err, SARD_RUNTIME,
            "a value of another kind than the model says");
    return SARD_OK;
}

/* ---- scratch ------------------------------------------------------------------------------------------------------ */

/* A step's scratch is cut from one chunk; a step that needs more gets further ones, and the next time one of the whole
 * size. */
enum { CHUNK_HEAD = 64 };
_Static_assert(sizeof(scratch_chunk) <= CHUNK_HEAD, "a chunk's head lies before its first aligned byte");

sard_status frame_scratch(frame *f, size_t bytes, void **out, sard_error *err) {
    FAIL_IF(bytes > PTRDIFF_MAX / 2, err, SARD_LIMIT, "scratch memory of %zu bytes", bytes);
    size_t n = (bytes + 63) & ~(size_t)63;
    scratch_chunk *c = f->scratch;
    if (c && !f->scratch_charged) {
        TRY(ctl_charge(f->r->par.ctl, c->bytes, err));
        f->scratch_charged = true;
    }
    if (!c || c->bytes - c->used < n) {
        size_t want = !c && f->scratch_want > n ? f->scratch_want : n;
        if (want < 4096) want = 4096;
        TRY(ctl_charge(f->r->par.ctl, want, err));
        scratch_chunk *more = exec_mem(f->xg->x, CHUNK_HEAD + want);
        if (!more) {
            ctl_release(f->r->par.ctl, want);
            return err_nomem(err, want);
        }
        *more = (scratch_chunk){.next = c, .bytes = want};
        f->scratch = c = more;
        f->scratch_charged = true;
    }
    *out = (char *)c + CHUNK_HEAD + c->used;
    c->used += n;
    return SARD_OK;
}

void frame_scratch_trim(frame *f, bool all) {
    while (f->scratch && (all || f->scratch->next)) {
        scratch_chunk *c = f->scratch;
        f->scratch = c->next;
        if (f->scratch_charged) ctl_release(f->r->par.ctl, c->bytes);
        exec_mem_free(f->xg->x, c, c->bytes > SCRATCH_KEPT ? c->bytes : 0);
    }
    if (!f->scratch) f->scratch_charged = false;
}

void frame_scratch_reset(frame *f) {
    scratch_chunk *c = f->scratch;
    if (!c || !c->used) return;
    if (!c->next) {
        c->used = 0;
        return;
    }
    size_t total = 0;
    for (; c; c = c->next) total += c->used;
    if (total > f->scratch_want) f->scratch_want = total;
    frame_scratch_trim(f, true);
}
