/*
 * profile.c -- times of steps, of any number of runs and threads, as a Chrome trace.
 *
 * Events hold interned strings only, so a profile may outlive the models it looked at. Steps of bodies lie inside the
 * step that runs them, on the same thread, which is how the trace viewer nests them.
 */
#include <pthread.h>

#include "exec/model.h"

typedef struct event {
    str_id name, op, shapes;
    uint32_t step, depth, thread;
    int64_t from, ns;
} event;

struct exec_profile {
    pthread_mutex_t lock;
    strtab names;
    event *events;
    size_t n, cap;
    pthread_t *threads;
    size_t n_threads, cap_threads;
    int64_t start;
    bool failed; /* an event was lost: out of memory */
};

sard_status exec_profile_new(exec_profile **out, sard_error *err) {
    exec_profile *p = mem_calloc(1, sizeof *p);
    if (!p) return err_nomem(err, sizeof *p);
    if (strtab_init(&p->names)) {
        mem_free(p);
        return err_nomem(err, sizeof *p);
    }
    pthread_mutex_init(&p->lock, NULL);
    p->start = clock_ns();
    *out = p;
    return SARD_OK;
}

void exec_profile_free(exec_profile *p) {
    if (!p) return;
    strtab_free(&p->names);
    pthread_mutex_destroy(&p->lock);
    mem_free(p->events);
    mem_free(p->threads);
    mem_free(p);
}

/* ---- collecting --------------------------------------------------------------------------------------------------- */

static void put_shape(strbuf *b, const frame *f, uint32_t x) {
    char text[256];
    if (x == NO_ID) {
        sb_puts(b, "-");
        return;
    }
    const slot *s = &f->slots[x];
    if (!s->full)
        sb_puts(b, "?");
    else
        sb_puts(b, s->val.kind == SARD_KIND_TENSOR ? tensor_text(&s->val.t, text, sizeof text)
                                                   : value_text(s->v, text, sizeof text));
}

static void put_shapes(strbuf *b, const frame *f, const exec_step *s) {
    for (uint32_t i = 0; i < s->n_in && i < 8; i++) {
        if (i) sb_puts(b, " ");
        put_shape(b, f, s->in[i]);
    }
    sb_puts(b, s->n_in > 8 ? " ... ->" : " ->");
    for (uint32_t i = 0; i < s->n_out && i < 8; i++) {
        sb_puts(b, " ");
        put_shape(b, f, s->out[i]);
    }
}

/* "Conv", or "Fused(Conv Add Relu)". */
static void put_op(strbuf *b, const exec_step *s) {
    if (!s->fused || s->fused->n_nodes == 1) {
        sb_puts(b, s->op->name);
        return;
    }
    sb_puts(b, "Fused(");
    for (uint32_t i = 0; i < s->fused->n_nodes; i++) {
        if (i) sb_puts(b, " ");
        sb_puts(b, s->fused->nodes[i].op->name);
    }
    sb_puts(b, ")");
}

static uint32_t thread_number(exec_profile *p) {
    pthread_t self = pthread_self();
    for (size_t i = 0; i < p->n_threads; i++)
        if (pthread_equal(p->threads[i], self)) return (uint32_t)i;
    if (mem_grow((void **)&p->threads, &p->cap_threads, p->n_threads + 1, sizeof *p->threads)) return 0;
    p->threads[p->n_threads] = self;
    return (uint32_t)p->n_threads++;
}

static str_id keep(exec_profile *p, strbuf *b) {
    const char *s = sb_str(b);
    str_id id = strtab_add(&p->names, s, strlen(s));
    b->n = 0;
    return id;
}

void profile_add(exec_profile *p, const frame *f, const exec_step *s, int64_t from_ns, int64_t to_ns) {
    const module *m = s->outer_g->mod;
    const node *n = s->outer_node;
    const origin *o = n->origin < m->n_origins ? &m->origins[n->origin] : NULL;
    strbuf b = {0};
    event e = {.step = (uint32_t)(s - f->xg->steps), .depth = f->xg->depth, .from = from_ns - p->start};
    e.ns = to_ns - from_ns;
    pthread_mutex_lock(&p->lock);
    if (o && mod_str(m, o->path)[0]) {
        sb_puts(&b, mod_str(m, o->path));
        sb_puts(&b, "/");
    }
    if (o) sb_puts(&b, mod_str(m, o->name));
    if (!b.n) put_op(&b, s);
    e.name = keep(p, &b);
    put_op(&b, s);
    e.op = keep(p, &b);
    put_shapes(&b, f, s);
    e.shapes = keep(p, &b);
    e.thread = thread_number(p);
    bool full = e.name == STR_FAIL || e.op == STR_FAIL || e.shapes == STR_FAIL || b.failed ||
                mem_grow((void **)&p->events, &p->cap, p->n + 1, sizeof *p->events);
    if (full)
        p->failed = true;
    else
        p->events[p->n++] = e;
    pthread_mutex_unlock(&p->lock);
    sb_free(&b);
}

/* ---- giving ------------------------------------------------------------------------------------------------------- */

static void put_json(strbuf *b, const char *s) {
    sb_puts(b, "\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            sb_printf(b, "\\%c", c);
        else if (c < 0x20)
            sb_printf(b, "\\u%04x", c);
        else
            sb_put(b, s, 1);
    }
    sb_puts(b, "\"");
}

sard_status exec_profile_json(const exec_profile *p, strbuf *out, sard_error *err) {
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&p->lock;
    pthread_mutex_lock(lock);
    sb_puts(out, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
    for (size_t i = 0; i < p->n; i++) {
        const event *e = &p->events[i];
        sb_puts(out, i ? ",\n{\"name\":" : "\n{\"name\":");
        put_json(out, strtab_get(&p->names, e->name));
        sb_printf(out, ",\"cat\":\"step\",\"ph\":\"X\",\"pid\":1,\"tid\":%u,\"ts\":%.3f,\"dur\":%.3f,\"args\":{\"op\":",
                  e->thread, (double)e->from / 1e3, (double)e->ns / 1e3);
        put_json(out, strtab_get(&p->names, e->op));
        sb_puts(out, ",\"shapes\":");
        put_json(out, strtab_get(&p->names, e->shapes));
        sb_printf(out, ",\"step\":%u,\"depth\":%u}}", e->step, e->depth);
    }
    sb_puts(out, "\n]}\n");
    bool failed = p->failed || out->failed;
    pthread_mutex_unlock(lock);
    return failed ? err_set(err, SARD_OUT_OF_MEMORY, "out of memory while steps were recorded") : SARD_OK;
}
