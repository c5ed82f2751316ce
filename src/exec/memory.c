/*
 * memory.c -- the memory of runs: where it comes from, and what it is charged to.
 *
 * It comes from the process's allocator, or from the one that the model was loaded with. Memory of its own that a run
 * makes is charged until it is freed, wherever that happens: its buffers know the run's account, which the run cuts off
 * when it ends. Large blocks that nobody needs for now go back to the system page by page.
 */
#include "exec/model.h"

#include <sys/mman.h>
#include <unistd.h>

/* ---- blocks ------------------------------------------------------------------------------------------------------- */

static void *block_new(const sard_allocator *from, size_t bytes) {
    return from->alloc ? from->alloc(from->user, bytes ? bytes : 1) : mem_alloc(bytes);
}

static void block_free(const sard_allocator *from, void *p) {
    if (!p) return;
    if (from->alloc)
        from->free(from->user, p);
    else
        mem_free(p);
}

/* Whole pages of [from, to) of a block whose contents nobody needs any more go back to the system at once: freeing alone
 * leaves them with the allocator. */
static void give_back_pages(void *p, size_t from, size_t to) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t a = ((uintptr_t)p + from + page - 1) & ~(uintptr_t)(page - 1),
              b = ((uintptr_t)p + to) & ~(uintptr_t)(page - 1);
    if (b > a) (void)madvise((void *)a, b - a, MADV_DONTNEED);
}

void *exec_mem(const exec_model *x, size_t bytes) { return block_new(&x->opt.memory, bytes); }

void exec_mem_free(const exec_model *x, void *p, size_t bytes) {
    if (p && bytes && !x->opt.memory.alloc) give_back_pages(p, 0, bytes);
    block_free(&x->opt.memory, p);
}

/* Pages of an allocator from outside are not ours to give away. */
bool exec_mem_shrink(const exec_model *x, void *p, size_t keep, size_t bytes) {
    if (x->opt.memory.alloc) return false;
    give_back_pages(p, keep, bytes);
    return true;
}

/* ---- buffers of a run --------------------------------------------------------------------------------------------- */

enum { BUFFER_COST = 512 }; /* what a value costs besides its bytes, so that many empty ones are seen too */

static void run_mem_unref(run_mem *m) {
    if (atomic_fetch_sub(&m->refs, 1) == 1) mem_free(m);
}

static void run_release(void *owner, void *data, size_t bytes) {
    run_mem *m = owner;
    block_free(&m->from, data);
    atomic_fetch_sub(&m->charged, bytes + BUFFER_COST);
    if (m->ctl) ctl_release(m->ctl, bytes + BUFFER_COST);
    run_mem_unref(m);
}

sard_status run_buffer(run *r, size_t bytes, buffer **out, sard_error *err) {
    if (!r->mem) {
        r->mem = mem_alloc(sizeof *r->mem);
        if (!r->mem) return err_nomem(err, sizeof *r->mem);
        atomic_init(&r->mem->refs, 1);
        atomic_init(&r->mem->charged, 0);
        r->mem->ctl = r->par.ctl;
        r->mem->from = r->x->opt.memory;
    }
    TRY(ctl_charge(r->par.ctl, bytes + BUFFER_COST, err));
    void *data = exec_mem(r->x, bytes);
    buffer *b = data ? buffer_wrap(data, bytes, run_release, r->mem) : NULL;
    if (!b) {
        exec_mem_free(r->x, data, 0);
        ctl_release(r->par.ctl, bytes + BUFFER_COST);
        return err_nomem(err, bytes);
    }
    atomic_fetch_add(&r->mem->refs, 1);
    atomic_fetch_add(&r->mem->charged, bytes + BUFFER_COST);
    *out = b;
    return SARD_OK;
}

bool run_owns(const run *r, const buffer *b) { return b && b->release == run_release && b->owner == r->mem; }

void run_mem_end(run *r) {
    if (!r->mem) return;
    r->mem->ctl = NULL;
    ctl_release(r->par.ctl, atomic_load(&r->mem->charged)); /* what leaves the run is no longer its own */
    run_mem_unref(r->mem);
    r->mem = NULL;
}

/* ---- outputs ------------------------------------------------------------------------------------------------------ */

/* A buffer that outlives the model knows the allocator it came from. */
static void output_release(void *owner, void *data, size_t bytes) {
    (void)bytes;
    block_free(owner, data);
    mem_free(owner);
}

buffer *exec_mem_output(const exec_model *x, size_t bytes) {
    if (!x->opt.memory.alloc) return buffer_new(bytes);
    sard_allocator *from = mem_alloc(sizeof *from);
    if (!from) return NULL;
    *from = x->opt.memory;
    void *data = block_new(from, bytes);
    buffer *b = data ? buffer_wrap(data, bytes, output_release, from) : NULL;
    if (b) return b;
    block_free(from, data);
    mem_free(from);
    return NULL;
}
