/*
 * info.c -- what a loaded model says of itself: inputs, outputs, texts, versions, figures.
 */
#include "api/api.h"

#include <stdio.h>

size_t sard_model_inputs(const sard_model *m) { return m->n_in; }
const char *sard_model_input_name(const sard_model *m, size_t i) { return i < m->n_in ? m->in[i].name : NULL; }
const sard_type *sard_model_input_type(const sard_model *m, size_t i) { return i < m->n_in ? m->in[i].type : NULL; }
size_t sard_model_outputs(const sard_model *m) { return m->n_out; }
const char *sard_model_output_name(const sard_model *m, size_t i) { return i < m->n_out ? m->out[i].name : NULL; }
const sard_type *sard_model_output_type(const sard_model *m, size_t i) { return i < m->n_out ? m->out[i].type : NULL; }
size_t sard_model_overridables(const sard_model *m) { return m->n_over; }
const char *sard_model_overridable_name(const sard_model *m, size_t i) {
    return i < m->n_over ? m->over[i].name : NULL;
}
const sard_type *sard_model_overridable_type(const sard_model *m, size_t i) {
    return i < m->n_over ? m->over[i].type : NULL;
}

const sard_type *sard_model_value_type(const sard_model *cm, const char *name) {
    sard_model *m = (sard_model *)(uintptr_t)cm; /* only the cache below changes */
    const value_id v = name ? api_find_value(m, name) : NO_ID;
    if (v == NO_ID) return NULL;
    pthread_mutex_lock(&m->lock);
    if (!m->types[v] && api_type(m->imported, &module_main(m->imported)->values[v].type, NULL, &m->type_mem,
                                 &m->types[v], NULL) != SARD_OK)
        m->types[v] = NULL;
    const sard_type *t = m->types[v];
    pthread_mutex_unlock(&m->lock);
    return t;
}

const char *sard_model_text(const sard_model *m, const char *field) {
    const onnx_model *meta = &m->meta;
    const struct {
        const char *field;
        str s;
    } texts[] = {{"producer_name", meta->producer_name},
                 {"producer_version", meta->producer_version},
                 {"domain", meta->domain},
                 {"doc_string", meta->doc},
                 {"graph_name", meta->graph->name},
                 {"graph_doc_string", meta->graph->doc}};
    for (size_t i = 0; field && i < sizeof texts / sizeof *texts; i++)
        if (strcmp(field, texts[i].field) == 0) return texts[i].s.p;
    return "";
}

int64_t sard_model_version(const sard_model *m) { return m->meta.model_version; }
int64_t sard_model_ir_version(const sard_model *m) { return m->meta.ir_version; }
size_t sard_model_metadata(const sard_model *m) { return m->meta.n_metadata; }
const char *sard_model_metadata_key(const sard_model *m, size_t i) {
    return i < m->meta.n_metadata ? m->meta.metadata[i].key.p : NULL;
}
const char *sard_model_metadata_value(const sard_model *m, size_t i) {
    return i < m->meta.n_metadata ? m->meta.metadata[i].value.p : NULL;
}
size_t sard_model_opsets(const sard_model *m) { return m->meta.n_opsets; }
const char *sard_model_opset_domain(const sard_model *m, size_t i) {
    return i < m->meta.n_opsets ? m->meta.opsets[i].domain.p : NULL;
}
int64_t sard_model_opset_version(const sard_model *m, size_t i) {
    return i < m->meta.n_opsets ? m->meta.opsets[i].version : 0;
}

static uint64_t constant_bytes(const sard_value *v) {
    if (value_is_tensor(v)) return tensor_bytes(&v->t);
    if (v && v->kind == SARD_KIND_SPARSE_TENSOR) return constant_bytes(v->sparse.values);
    return 0;
}

void sard_model_get_stats(const sard_model *m, sard_model_stats *out) {
    *out = (sard_model_stats){0};
    const module *mod = m->imported;
    for (uint32_t g = 0; g < mod->n_graphs; g++) {
        const graph *gr = mod->graphs[g];
        if (!gr) continue;
        for (uint32_t i = 0; i < gr->n_nodes; i++) out->nodes += !gr->nodes[i].dead;
        for (uint32_t v = 0; v < gr->n_values; v++) {
            const const_id c = gr->values[v].constant;
            if (c >= mod->n_constants) continue;
            const sard_value *k = mod->constants[c].v;
            if (value_is_tensor(k)) out->parameters += (uint64_t)tensor_count(&k->t);
            out->weight_bytes += constant_bytes(k);
        }
    }
    out->packed_bytes = exec_packed_bytes(m->exec);
    for (uint32_t c = mod->n_constants; c < m->optimised->n_constants; c++) /* what folding made */
        out->packed_bytes += constant_bytes(m->optimised->constants[c].v);
    out->steps = exec_steps(m->exec);
}

/* ---- stages and texts ---------------------------------------------------------------------------------------------- */

sard_status api_stage(const sard_model *m, int stage, const module **out, sard_error *err) {
    FAIL_IF(stage != 0 && stage != 1, err, SARD_INVALID_ARGUMENT, "stage is %d: expected 0 (imported) or 1 (compiled)",
            stage);
    *out = stage ? m->optimised : m->imported;
    return SARD_OK;
}

sard_status sard_model_dump(const sard_model *m, int stage, char **text, sard_error *err) {
    const module *mod = NULL;
    TRY(api_stage(m, stage, &mod, err));
    strbuf b = {0};
    return sb_take(&b, module_print(mod, &b, err), text, err);
}
