/*
 * model.c -- from bytes to a compiled model: read, import, infer, optimise, compile.
 *
 * The imported graph stays as it is; what is optimised and compiled is a copy. On failure everything that was made is
 * given back by the same function that frees a finished model.
 */
#include "api/api.h"

#include <errno.h>
#include <stdio.h>

#include "base/cpu.h"

#define FOLD_NS    (4 * (int64_t)1000000000) /* how long constant folding may take in all */
#define FOLD_BYTES ((size_t)512 << 20)       /* what it may hold at a time */

void api_fold_limits(run_ctl *fold, opt_options *o, const run_ctl *load) {
    const int64_t now = clock_ns(), left = load->deadline_ns ? (load->deadline_ns - now) / 2 : FOLD_NS;
    ctl_init(fold);
    fold->cancel_user = load->cancel_user;
    fold->deadline_ns = now + (left < FOLD_NS ? left : FOLD_NS);
    fold->limit = load->limit && load->limit / 2 < FOLD_BYTES ? load->limit / 2 : FOLD_BYTES;
    o->eval = exec_eval;
    o->eval_arg = fold;
    o->fold_limit = API_FOLD_LIMIT;
    o->fold_total = fold->limit / 2;
}

/* ---- freeing ---------------------------------------------------------------------------------------------------- */

sard_model *sard_model_ref(sard_model *m) {
    if (m) atomic_fetch_add(&m->refs, 1);
    return m;
}

static void release_source(sard_model *m) {
    if (m->has_src) onnx_model_deinit(&m->src);
    m->has_src = false;
    mem_free(m->bytes);
    m->bytes = NULL;
    build_data_unref(m->built);
    m->built = NULL;
}

void sard_model_unref(sard_model *m) {
    if (!m || atomic_fetch_sub(&m->refs, 1) != 1) return;
    for (int i = 0; i < VARIANTS_KEPT; i++) api_variant_free(m->variants[i]);
    if (m->exec) exec_free(m->exec);
    if (m->optimised) module_free(m->optimised);
    if (m->imported) module_free(m->imported);
    release_source(m);
    if (m->pool) pool_unref(m->pool);
    for (size_t i = 0; i < m->n_libs; i++) sard_op_library_unref(m->libs[i]);
    map_free(&m->by_name);
    mem_free(m->types);
    arena_free(&m->type_mem);
    arena_free(&m->mem);
    pthread_mutex_destroy(&m->lock);
    mem_free(m);
}

/* ---- what a model keeps of file and options ---------------------------------------------------------------------- */

static sard_status keep_str(arena *mem, str s, str *out, sard_error *err) {
    const char *p = arena_strn(mem, s.n ? s.p : "", s.n);
    if (!p) return err_nomem(err, s.n);
    *out = (str){p, s.n};
    return SARD_OK;
}

/* The texts of the file, as an onnx_model without nodes: what writing takes over. */
static sard_status keep_meta(sard_model *m, sard_error *err) {
    const onnx_model *src = &m->src;
    onnx_model *meta = &m->meta;
    meta->ir_version = src->ir_version;
    meta->model_version = src->model_version;
    meta->graph = arena_calloc(&m->mem, 1, sizeof *meta->graph);
    meta->metadata = arena_calloc(&m->mem, src->n_metadata + 1, sizeof *meta->metadata);
    meta->opsets = arena_calloc(&m->mem, src->n_opsets + 1, sizeof *meta->opsets);
    if (!meta->graph || !meta->metadata || !meta->opsets) return err_nomem(err, sizeof *meta->graph);
    TRY(keep_str(&m->mem, src->producer_name, &meta->producer_name, err));
    TRY(keep_str(&m->mem, src->producer_version, &meta->producer_version, err));
    TRY(keep_str(&m->mem, src->domain, &meta->domain, err));
    TRY(keep_str(&m->mem, src->doc, &meta->doc, err));
    TRY(keep_str(&m->mem, src->graph->name, &meta->graph->name, err));
    TRY(keep_str(&m->mem, src->graph->doc, &meta->graph->doc, err));
    for (size_t i = 0; i < src->n_metadata; i++) {
        TRY(keep_str(&m->mem, src->metadata[i].key, &meta->metadata[i].key, err));
        TRY(keep_str(&m->mem, src->metadata[i].value, &meta->metadata[i].value, err));
    }
    meta->n_metadata = src->n_metadata;
    for (size_t i = 0; i < src->n_opsets; i++) {
        TRY(keep_str(&m->mem, src->opsets[i].domain, &meta->opsets[i].domain, err));
        meta->opsets[i].version = src->opsets[i].version;
    }
    meta->n_opsets = src->n_opsets;
    return SARD_OK;
}

static sard_status keep_libraries(sard_model *m, const sard_options *o, sard_error *err) {
    m->sets = arena_calloc(&m->mem, o->n_libs + 1, sizeof *m->sets);
    m->libs = arena_calloc(&m->mem, o->n_libs + 1, sizeof *m->libs);
    if (!m->sets || !m->libs) return err_nomem(err, (o->n_libs + 1) * sizeof *m->sets);
    for (size_t i = 0; i < o->n_libs; i++) {
        sard_op_library *lib = o->libs[i];
        const op_def **ops = arena_copy(&m->mem, lib->ops, lib->n * sizeof *ops);
        if (!ops) return err_nomem(err, lib->n * sizeof *ops);
        m->sets[i] = (op_set){ops, (uint32_t)lib->n, &m->sets[i + 1]};
        atomic_fetch_add(&lib->refs, 1);
        m->libs[m->n_libs++] = lib;
    }
    m->sets[o->n_libs] = (op_set){op_table, op_table_n, NULL};
    return SARD_OK;
}

static sard_status keep_pool(sard_model *m, const sard_options *o, sard_error *err) {
    if (o->pool) {
        m->pool = pool_ref(o->pool);
        return SARD_OK;
    }
    if (o->threads == 0 && o->spin_us < 0) return pool_default(&m->pool, err);
    TRY(pool_new(o->threads, &m->pool, err));
    if (o->spin_us >= 0) pool_spin_us(m->pool, o->spin_us);
    return SARD_OK;
}

/* ---- inputs, outputs, names --------------------------------------------------------------------------------------- */

/* The file's declaration of each name, for denotations: str_id -> index. */
static sard_status index_decls(const module *mod, const onnx_value_info *infos, size_t n, map64 *out, sard_error *err) {
    for (size_t i = 0; i < n; i++) {
        str_id id = strtab_find(&mod->names, infos[i].name.p, infos[i].name.n);
        if (id != STR_FAIL && map_put(out, id, i)) return err_nomem(err, n * 16);
    }
    return SARD_OK;
}

static sard_status make_io(sard_model *m, value_id v, uint32_t index, const onnx_value_info *infos, const map64 *decls,
                           model_io *out, sard_error *err) {
    const module *mod = m->imported;
    const value *val = &module_main(mod)->values[v];
    uint64_t at;
    const onnx_type *decl = map_get(decls, val->name, &at) ? infos[at].type : NULL;
    out->name = mod_str(mod, val->name);
    out->value = v;
    out->index = index;
    return api_type(mod, &val->type, decl, &m->mem, &out->type, err);
}

static sard_status list_inputs(sard_model *m, const map64 *decls, sard_error *err) {
    const graph *g = module_main(m->imported);
    m->n_graph_in = g->n_inputs;
    m->in = arena_calloc(&m->mem, (size_t)g->n_inputs + 1, sizeof *m->in);
    m->over = arena_calloc(&m->mem, (size_t)g->n_inputs + 1, sizeof *m->over);
    if (!m->in || !m->over) return err_nomem(err, (g->n_inputs + 1) * sizeof *m->in);
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const bool has_default = g->values[g->inputs[i]].constant != NO_ID;
        model_io *io = has_default ? &m->over[m->n_over++] : &m->in[m->n_in++];
        TRY(make_io(m, g->inputs[i], i, m->src.graph->inputs, decls, io, err));
    }
    m->overridable = m->n_over > 0;
    return SARD_OK;
}

static sard_status list_outputs(sard_model *m, const map64 *decls, sard_error *err) {
    const graph *g = module_main(m->imported);
    m->out = arena_calloc(&m->mem, (size_t)g->n_outputs + 1, sizeof *m->out);
    if (!m->out) return err_nomem(err, (g->n_outputs + 1) * sizeof *m->out);
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        TRY(make_io(m, g->outputs[i], i, m->src.graph->outputs, decls, &m->out[i], err));
        /* the file's name: two outputs may have become one value */
        if (i < m->src.graph->n_outputs) {
            str name = {0};
            TRY(keep_str(&m->mem, m->src.graph->outputs[i].name, &name, err));
            m->out[i].name = name.p;
        }
    }
    m->n_out = g->n_outputs;
    return SARD_OK;
}

static sard_status list_values(sard_model *m, sard_error *err) {
    const graph *g = module_main(m->imported);
    for (uint32_t v = 0; v < g->n_values; v++) {
        const value *val = &g->values[v];
        if (val->name == 0 || (val->def == NO_ID && val->constant == NO_ID)) continue;
        if (map_put(&m->by_name, val->name, v)) return err_nomem(err, g->n_values);
    }
    for (uint32_t i = 0; i < g->n_inputs; i++)
        if (map_put(&m->by_name, g->values[g->inputs[i]].name, g->inputs[i])) return err_nomem(err, g->n_inputs);
    m->types = mem_calloc((size_t)g->n_values + 1, sizeof *m->types);
    return m->types ? SARD_OK : err_nomem(err, g->n_values * sizeof *m->types);
}

static sard_status list_names(sard_model *m, sard_error *err) {
    map64 ins = {0}, outs = {0};
    const onnx_graph *g = m->src.graph;
    sard_status st = index_decls(m->imported, g->inputs, g->n_inputs, &ins, err);
    if (st == SARD_OK) st = index_decls(m->imported, g->outputs, g->n_outputs, &outs, err);
    if (st == SARD_OK) st = list_inputs(m, &ins, err);
    if (st == SARD_OK) st = list_outputs(m, &outs, err);
    if (st == SARD_OK) st = list_values(m, err);
    map_free(&ins);
    map_free(&outs);
    return st;
}

value_id api_find_value(const sard_model *m, const char *name) {
    uint64_t v;
    str_id id = strtab_find(&m->imported->names, name, strlen(name));
    return id != STR_FAIL && id != 0 && map_get(&m->by_name, id, &v) ? (value_id)v : NO_ID;
}

/* ---- the way of a model ------------------------------------------------------------------------------------------- */

/* Everything up to a checked graph whose types are known. */
static sard_status import_checked(sard_model *m, const sard_options *o, run_ctl *ctl, sard_error *err) {
    problems found = {.fn = o->problem, .user = o->problem_user};
    import_override *inits = arena_calloc(&m->mem, o->n_inits + 1, sizeof *inits);
    import_dim *dims = arena_calloc(&m->mem, o->n_dims + 1, sizeof *dims);
    if (!inits || !dims) return err_nomem(err, o->n_inits * sizeof *inits);
    for (size_t i = 0; i < o->n_inits; i++) inits[i] = (import_override){o->inits[i].name, o->inits[i].v};
    for (size_t i = 0; i < o->n_dims; i++)
        dims[i] = (import_dim){o->dims[i].name, o->dims[i].value, o->dims[i].denotation};
    const import_options io = {.ops = m->sets,
                               .problems = &found,
                               .overrides = inits,
                               .n_overrides = o->n_inits,
                               .dims = dims,
                               .n_dims = o->n_dims,
                               .ignore_unknown_dims = o->ignore_unknown_dims,
                               .ignore_unknown_initializers = o->ignore_unknown_initializers,
                               .copy_weights = o->read_weights,
                               .ctl = ctl};
    TRY(import_model(&m->src, &io, &m->imported, err));
    TRY(graph_check(module_main(m->imported), &found, err));
    TRY(problems_result(&found, err));
    TRY(graph_infer(module_main(m->imported), &found, err));
    return problems_result(&found, err);
}

/* What a load looks at between its stages: its limit and its cancel flag. */
static sard_status check_load(const sard_model *m, const sard_options *o, sard_error *err) {
    FAIL_IF(o->cancel && __atomic_load_n(o->cancel, __ATOMIC_RELAXED), err, SARD_CANCELLED, "loading was cancelled");
    uint64_t held = (uint64_t)m->mem.held + m->src.store.mem.held;
    if (m->imported) held += m->imported->mem.held + m->imported->names.mem.held;
    if (m->optimised) held += m->optimised->mem.held;
    if (m->exec) held += exec_packed_bytes(m->exec);
    FAIL_IF(o->load_limit && held > o->load_limit, err, SARD_LIMIT,
            "loading takes %llu bytes so far, the limit is %llu", (unsigned long long)held,
            (unsigned long long)o->load_limit);
    return SARD_OK;
}

exec_options api_exec_options(const sard_model *m) {
    return (exec_options){m->flush_denormals, m->overridable, m->memory};
}

static sard_status compile(sard_model *m, const sard_options *o, run_ctl *ctl, sard_error *err) {
    run_ctl fold;
    opt_options oo = {
        .level = o->level, .stop_after = o->stop_after, .explain = o->explain, .explain_user = o->explain_user};
    TRY(module_clone(m->imported, &m->optimised, err));
    m->optimised->ctl = ctl;
    api_fold_limits(&fold, &oo, ctl);
    TRY(opt_run(m->optimised, &oo, err));
    TRY(check_load(m, o, err));
    const exec_options eo = api_exec_options(m);
    TRY(exec_compile(m->optimised, &eo, &m->exec, err));
    TRY(onnx_store_check(&m->src.store, err));
    onnx_store_cool(&m->src.store);
    return check_load(m, o, err);
}

static sard_status model_fill(sard_model *m, const sard_options *o, run_ctl *ctl, sard_error *err) {
    FAIL_IF(cpu_isa_error(), err, SARD_INVALID_ARGUMENT, "%s", cpu_isa_error());
    m->level = o->level;
    m->flush_denormals = o->flush_denormals;
    m->memory = o->memory;
    m->memory_limit = o->memory_limit;
    TRY(keep_libraries(m, o, err));
    TRY(keep_meta(m, err));
    TRY(check_load(m, o, err));
    TRY(import_checked(m, o, ctl, err));
    TRY(list_names(m, err));
    return check_load(m, o, err);
}

/* What a load may take from now on. */
static run_ctl load_limits(const sard_options *o) {
    run_ctl ctl;
    ctl_init(&ctl);
    ctl.limit = (size_t)o->load_limit;
    ctl.cancel_user = (atomic_int *)(uintptr_t)o->cancel; /* an int that another thread sets */
    if (o->load_ns) ctl.deadline_ns = clock_ns() + o->load_ns;
    return ctl;
}

/* An empty model that owns what it is made of. */
static sard_status model_begin(onnx_model *src, const char *path, void *bytes, build_data *built, sard_model **out,
                               sard_error *err) {
    sard_model *m = mem_calloc(1, sizeof *m);
    if (!m) {
        onnx_model_deinit(src);
        mem_free(bytes);
        build_data_unref(built);
        return err_nomem(err, sizeof *m);
    }
    atomic_init(&m->refs, 1);
    arena_init(&m->mem);
    arena_init(&m->type_mem);
    pthread_mutex_init(&m->lock, NULL);
    m->src = *src;
    m->has_src = true;
    m->bytes = bytes;
    m->built = built;
    *out = m;
    m->path = arena_strn(&m->mem, path, strlen(path));
    return m->path ? SARD_OK : err_nomem(err, strlen(path));
}

sard_status api_model_make(onnx_model *src, const char *path, void *bytes, build_data *built, const sard_options *o,
                           sard_model **out, sard_error *err) {
    sard_model *m = NULL;
    const int64_t begin = clock_ns();
    run_ctl ctl = load_limits(o);
    sard_status st = model_begin(src, path, bytes, built, &m, err);
    if (st == SARD_OK) st = model_fill(m, o, &ctl, err);
    if (st == SARD_OK) st = keep_pool(m, o, err);
    if (st == SARD_OK) st = compile(m, o, &ctl, err);
    if (st == SARD_OK) m->imported->ctl = m->optimised->ctl = NULL;
    if (st != SARD_OK) {
        api_log(o, SARD_LOG_ERROR, "loading '%s' failed: %s", path, err ? err->message : sard_status_name(st));
        sard_model_unref(m);
        return st;
    }
    if (o->read_weights) release_source(m); /* constants and names are copies */
    api_log(o, SARD_LOG_INFO, "loaded '%s' in %.1f ms: %llu steps, %zu bytes besides the file", path,
            (double)(clock_ns() - begin) / 1e6, (unsigned long long)exec_steps(m->exec), exec_packed_bytes(m->exec));
    *out = m;
    return SARD_OK;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static sard_status give_files(onnx_model *src, const sard_options *o, sard_error *err) {
    if (o->folder) TRY(onnx_store_folder(&src->store, o->folder, err));
    for (size_t i = 0; i < o->n_files; i++)
        TRY(onnx_store_file(&src->store, o->files[i].name, o->files[i].data, o->files[i].n, err));
    return SARD_OK;
}

/* The whole of a file in memory of its own: no mapping that could be cut short later. */
static sard_status read_all(FILE *f, const char *path, uint8_t **out, size_t *n, sard_error *err) {
    void *p = NULL;
    size_t cap = 0, have = 0, got;
    do {
        if (mem_grow(&p, &cap, have + (1 << 16), 1)) {
            mem_free(p);
            return err_nomem(err, have);
        }
        got = fread((char *)p + have, 1, cap - have, f);
        have += got;
    } while (got > 0);
    if (ferror(f)) {
        mem_free(p);
        return err_set(err, SARD_IO, "'%s' cannot be read: %s", path, strerror(errno));
    }
    *out = p;
    *n = have;
    return SARD_OK;
}

static sard_status read_copy(const char *path, onnx_model *src, void **bytes, sard_error *err) {
    FILE *f = fopen(path, "rb");
    if (!f)
        return err_set(err, errno == ENOENT || errno == ENOTDIR ? SARD_NO_SUCH_FILE : SARD_IO, "'%s': %s", path,
                       strerror(errno));
    uint8_t *data = NULL;
    size_t n = 0;
    sard_status st = read_all(f, path, &data, &n, err);
    fclose(f);
    if (st != SARD_OK) return st;
    st = onnx_read(data, n, src, err);
    if (st != SARD_OK) {
        mem_free(data);
        return st;
    }
    *bytes = data;
    const char *slash = strrchr(path, '/');
    char *folder = slash ? mem_strdup(path) : mem_strdup(".");
    st = folder ? SARD_OK : err_nomem(err, strlen(path));
    if (st == SARD_OK) {
        if (slash) folder[slash == path ? 1 : slash - path] = 0;
        st = onnx_store_folder(&src->store, folder, err);
    }
    mem_free(folder);
    if (st != SARD_OK) {
        onnx_model_deinit(src);
        mem_free(data);
    }
    return st;
}

static sard_status open_path(const char *path, const sard_options *o, onnx_model *src, void **bytes, sard_error *err) {
    *bytes = NULL;
    if (o->read_weights)
        TRY(read_copy(path, src, bytes, err));
    else
        TRY(onnx_load_path(path, src, err));
    sard_status st = give_files(src, o, err);
    if (st != SARD_OK) {
        onnx_model_deinit(src);
        mem_free(*bytes);
    }
    return st;
}

sard_status sard_model_load(const char *path, const sard_options *options, sard_model **out, sard_error *err) {
    const sard_options *o = options ? options : &api_default_options;
    FAIL_IF(!path, err, SARD_INVALID_ARGUMENT, "load: the path is NULL");
    onnx_model src;
    void *bytes;
    sard_status st = open_path(path, o, &src, &bytes, err);
    if (st == SARD_OK) st = api_model_make(&src, path, bytes, NULL, o, out, err);
    return st == SARD_OK ? SARD_OK : err_context(err, st, "load '%s'", path);
}

sard_status sard_model_load_memory(const void *data, size_t n, int borrow, const sard_options *options,
                                   sard_model **out, sard_error *err) {
    const sard_options *o = options ? options : &api_default_options;
    FAIL_IF(!data && n, err, SARD_INVALID_ARGUMENT, "load: data is NULL");
    void *copy = NULL;
    if (!borrow && !o->read_weights) {
        copy = mem_alloc(n);
        if (!copy) return err_nomem(err, n);
        if (n) memcpy(copy, data, n);
        data = copy;
    }
    onnx_model src;
    sard_status st = onnx_read(data, n, &src, err);
    if (st != SARD_OK) {
        mem_free(copy);
        return err_context(err, st, "load from memory");
    }
    st = give_files(&src, o, err);
    if (st != SARD_OK) {
        onnx_model_deinit(&src);
        mem_free(copy);
    } else {
        st = api_model_make(&src, "", copy, NULL, o, out, err);
    }
    return st == SARD_OK ? SARD_OK : err_context(err, st, "load from memory");
}

sard_status sard_model_check(const char *path, const sard_options *options, sard_error *err) {
    const sard_options *o = options ? options : &api_default_options;
    FAIL_IF(!path, err, SARD_INVALID_ARGUMENT, "check: the path is NULL");
    onnx_model src;
    void *bytes;
    sard_error local, *e = err ? err : &local;
    sard_status st = open_path(path, o, &src, &bytes, e);
    if (st != SARD_OK) {
        if (o->problem) o->problem(o->problem_user, st, "file", e->message);
        return err_context(err, st, "check '%s'", path);
    }
    sard_model *m = NULL;
    run_ctl ctl = load_limits(o);
    st = model_begin(&src, path, bytes, NULL, &m, e);
    if (st == SARD_OK) st = model_fill(m, o, &ctl, e);
    sard_model_unref(m);
    return st == SARD_OK ? SARD_OK : err_context(err, st, "check '%s'", path);
}
