/*
 * common.c -- see common.h.
 */
#include "ops/common.h"

#include <stdio.h>

static sard_dtype out_type(const op_prep *p) { return (sard_dtype)p->out[0].dtype; }

sard_status emit_code1(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err) {
    (void)err;
    out[0] = pw_op1(b, (pw_opcode)p->node->op->code, out_type(p), in[0]);
    return SARD_OK;
}

sard_status emit_code2(const op_prep *p, pw_builder *b, const pw_val *in, pw_val *out, sard_error *err) {
    (void)err;
    out[0] = pw_op2(b, (pw_opcode)p->node->op->code, out_type(p), in[0], in[1]);
    return SARD_OK;
}

sard_status infer_same_bool(infer_ctx *c, sard_error *err) {
    TRY(infer_same(c, err));
    c->out[0].dtype = SARD_BOOL;
    return SARD_OK;
}

sard_status infer_broadcast_bool(infer_ctx *c, sard_error *err) { return infer_broadcast_to(c, SARD_BOOL, err); }

sard_status upgrade_old_broadcast(draft *d, int since, sard_error *err) {
    return since < 7 ? draft_old_broadcast(d, err) : SARD_OK;
}

sard_status attr_word(const attr *a, const char *name, const char *const *words, int n, int *out, sard_error *err) {
    for (int i = 0; i < n; i++)
        if (str_is(a->s, words[i])) {
            *out = i;
            return SARD_OK;
        }
    char list[256] = "";
    size_t at = 0;
    for (int i = 0; i < n && at < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s\"%s\"", i ? ", " : "", words[i]);
    return err_set(err, SARD_INVALID_MODEL, "attribute '%s' is \"%.*s\"; it must be one of %s", name, (int)a->s.n,
                   a->s.p, list);
}

sard_status read_ints(const tensor *t, const char *what, int64_t *out, int cap, int *n, sard_error *err) {
    int64_t count = tensor_count(t);
    FAIL_IF(t->dtype != SARD_I64 && t->dtype != SARD_I32, err, SARD_INVALID_ARGUMENT,
            "%s has element type %s; int64 or int32 is needed", what, sard_dtype_name((sard_dtype)t->dtype));
    FAIL_IF(count > cap, err, SARD_INVALID_ARGUMENT, "%s has %lld elements; at most %d are possible", what,
            (long long)count, cap);
    for (int64_t i = 0; i < count; i++)
        out[i] = t->dtype == SARD_I64 ? TENSOR_AT(t, int64_t)[i] : TENSOR_AT(t, int32_t)[i];
    *n = (int)count;
    return SARD_OK;
}

bool type_weaken(vtype *a, const vtype *b) {
    bool changed = false;
    if (a->kind == SARD_KIND_TENSOR && a->rank >= 0 && b->kind == SARD_KIND_UNKNOWN) { /* anything may come */
        a->rank = -1;
        return true;
    }
    if (a->kind != SARD_KIND_TENSOR || b->kind != SARD_KIND_TENSOR || a->rank < 0) return false;
    if (a->rank != b->rank) {
        a->rank = -1;
        return true;
    }
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i] && a->dim[i] != DIM_UNKNOWN) a->dim[i] = DIM_UNKNOWN, changed = true;
    return changed;
}
