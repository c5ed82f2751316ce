/*
 * custom.c -- operators of a client's own, by domain.
 */
#include "ort/internal.h"

#include <stdlib.h>
#include <string.h>

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

OrtStatus *ort_CustomOpDomain_Add(OrtCustomOpDomain *d, const OrtCustomOp *op) {
    NOT_NULL(d);
    NOT_NULL(op);
    REQUIRE(op->version >= 1 && op->version <= ORT_API_NEWEST, ORT_INVALID_ARGUMENT,
            "CustomOpDomain_Add: the operator's version %u is outside 1..%d", op->version, ORT_API_NEWEST);
    if (!ort_grow(&d->ops, d->n, &d->cap, sizeof *d->ops)) return ort_no_memory(sizeof *d->ops);
    d->ops[d->n++] = op;
    return NULL;
}

OrtStatus *ort_custom_library(const OrtSessionOptions *o, sard_op_library **out) {
    *out = NULL;
    for (size_t i = 0; i < o->n_domains; i++)
        REQUIRE(o->domains[i]->n == 0, ORT_NOT_IMPLEMENTED, "custom operators (domain '%s') are not offered yet",
                o->domains[i]->name);
    return NULL;
}
