/*
 * run.c -- running a program over an iteration space.
 *
 * Blocks of eight vectors. Two ways to walk: by rows (the inner dimension is long: operands are pointers into it) or
 * flat (it is short: blocks of consecutive elements across rows). An operand that does not lie so that vectors can be
 * loaded from it is staged: gathered into a buffer for one block; the last, partial block of a row stages everything,
 * so that body and tail run the same steps and nothing outside an operand is touched.
 */
#include <string.h>

#include "kernels/pointwise/program.h"
#include "kernels/pointwise/stage.h"

typedef enum mode { DIRECT, SPLAT, PATTERN, STAGED } mode;

enum { PATTERNS = 4, PATTERN_BYTES = 4096 };

typedef struct frame { /* of one thread, on its stack */
    const pw_program *p;
    const pw_geom *g;
    const char *const *in;
    char *const *out;
    int block;     /* elements */
    bool in_place; /* some output is an input's memory */
    int n_patterns;
    uint8_t in_mode[PW_MAX_SOURCES], out_mode[PW_MAX_OUTPUTS];
    int16_t pattern_of[PW_MAX_SOURCES];
    pw_slot slot[PW_MAX_SLOTS];
    char splat[PW_MAX_SOURCES][PW_VEC_MAX] __attribute__((aligned(64)));
    char stage[PW_MAX_SOURCES][PW_BLOCK_BYTES] __attribute__((aligned(64)));
    char sink[PW_MAX_OUTPUTS][PW_BLOCK_BYTES] __attribute__((aligned(64)));
    char temp[PW_MAX_TEMPS][PW_BLOCK_BYTES] __attribute__((aligned(64)));
    char gather[2 * PW_BLOCK_BYTES] __attribute__((aligned(64)));
    char pattern[PATTERNS][PATTERN_BYTES] __attribute__((aligned(64)));
} frame;

static int lane_bytes(const frame *f) { return f->p->lane_bits / 8; }
static int vec_bytes(const frame *f, int elem) { return f->p->code->lanes * elem; }

static void frame_init(frame *f, const pw_program *p, const pw_geom *g, const void *const *in, void *const *out) {
    f->p = p, f->g = g, f->n_patterns = 0;
    f->in = (const char *const *)in, f->out = (char *const *)out;
    f->block = p->code->lanes * PW_UNITS, f->in_place = false;
    for (int i = 0; i < p->n_out; i++)
        for (int k = 0; k < p->n_sources; k++) f->in_place |= (const void *)out[i] == in[p->source[k].input];
    pw_slot *s = f->slot + PW_MAX_SOURCES + PW_MAX_OUTPUTS;
    for (int i = 0; i < p->n_temps; i++) s[i] = (pw_slot){f->temp[i], 0, vec_bytes(f, lane_bytes(f))};
    s += PW_MAX_TEMPS;
    for (int i = 0; i < p->n_consts; i++) s[i] = (pw_slot){p->consts + i * PW_VEC_MAX, 0, 0};
}

/* PW_VEC_MAX bytes of one element of 1, 2, 4 or 8 bytes. */
static void repeat(char *to, const char *one, int size) {
    uint64_t u = 0;
    memcpy(&u, one, (size_t)size);
    for (int bits = size * 8; bits < 64; bits *= 2) u |= u << bits;
    for (int k = 0; k < PW_VEC_MAX; k += 8) memcpy(to + k, &u, 8);
}

/* The slot of source i repeats one element of memory. */
static void set_splat(frame *f, int i, const char *base, int64_t at) {
    const pw_source *s = &f->p->source[i];
    int size = s->staged ? lane_bytes(f) : pw_bits((pw_type)s->type) / 8;
    char one[16];
    pw_gather1((pw_type)s->type, base, at, one);
    if (s->staged) {
        char lane[8];
        pw_stage_in(s, f->p->lane_bits, 1, one, lane);
        memcpy(one, lane, (size_t)size);
    }
    repeat(f->splat[i], one, size);
    f->slot[i] = (pw_slot){f->splat[i], 0, 0};
}

/* n gathered elements in `raw` become the block of source i (the rest of it is zero). */
static void set_stage(frame *f, int i, const void *raw, int n) {
    const pw_source *s = &f->p->source[i];
    int size = s->staged ? lane_bytes(f) : pw_bits((pw_type)s->type) / 8;
    char *to = f->stage[i];
    if (s->staged)
        pw_stage_in(s, f->p->lane_bits, n, raw, to);
    else if (raw != to)
        memcpy(to, raw, (size_t)(n * size));
    if (n < f->block) memset(to + n * size, 0, (size_t)((f->block - n) * size));
    f->slot[i] = (pw_slot){to, 0, vec_bytes(f, size)};
}

static void enter(const frame *f, int64_t o) { f->p->code->enter(f->p->steps, f->slot, o); }

static int sink_bytes(const frame *f, int i) {
    return f->p->sink[i].staged ? lane_bytes(f) : pw_bits((pw_type)f->p->sink[i].type) / 8;
}

static void set_sink(frame *f, int i) {
    f->slot[PW_MAX_SOURCES + i] = (pw_slot){f->sink[i], 0, vec_bytes(f, sink_bytes(f, i))};
}

/* The memory form of what a block left in sink i, one element per pw_gathered_bytes. */
static const void *drain(frame *f, int i, int n) {
    const pw_sink *s = &f->p->sink[i];
    if (!s->staged) return f->sink[i];
    pw_stage_out(s, f->p->lane_bits, n, f->sink[i], f->gather);
    return f->gather;
}

/* ---- by rows ---------------------------------------------------------------------------------------------------------- */

typedef struct row { /* of elements along the inner dimension */
    const char *in[PW_MAX_SOURCES];
    int64_t in_at[PW_MAX_SOURCES], in_stride[PW_MAX_SOURCES]; /* elements */
    int64_t out_at[PW_MAX_OUTPUTS], out_stride[PW_MAX_OUTPUTS];
} row;

static void row_block(frame *f, const row *r, int64_t o, int n) { /* with staging; n <= block */
    const pw_program *p = f->p;
    for (int i = 0; i < p->n_sources; i++) {
        pw_type t = (pw_type)p->source[i].type;
        if (f->in_mode[i] == SPLAT || (f->in_mode[i] == DIRECT && n == f->block)) continue;
        pw_gather(t, r->in[i], r->in_at[i] + o * r->in_stride[i], r->in_stride[i], n, f->gather);
        set_stage(f, i, f->gather, n);
    }
    for (int i = 0; i < p->n_out; i++)
        if (f->out_mode[i] == STAGED || n < f->block) set_sink(f, i);
    enter(f, o);
    for (int i = 0; i < p->n_out; i++)
        if (f->out_mode[i] == STAGED || n < f->block)
            pw_scatter((pw_type)p->sink[i].type, f->out[i], r->out_at[i] + o * r->out_stride[i], r->out_stride[i], n,
                       drain(f, i, n));
}

/* n elements from element `from` of row number `number`. */
static void run_row(frame *f, int64_t number, int64_t from, int64_t n) {
    const pw_program *p = f->p;
    const pw_geom *g = f->g;
    int last = g->rank - 1;
    bool staged = false;
    row r;
    for (int i = 0; i < p->n_sources; i++) {
        const pw_source *s = &p->source[i];
        const int64_t *st = g->in[s->input];
        r.in[i] = f->in[s->input], r.in_stride[i] = st[last];
        r.in_at[i] = pw_offset(g->dim, st, last, number) + from * st[last];
        f->in_mode[i] = st[last] == 0 ? SPLAT : st[last] == 1 && !s->staged ? DIRECT : STAGED;
        int size = pw_bits((pw_type)s->type) / 8;
        if (f->in_mode[i] == SPLAT) set_splat(f, i, r.in[i], r.in_at[i]);
        if (f->in_mode[i] == DIRECT)
            f->slot[i] = (pw_slot){pw_address(r.in[i], r.in_at[i] * size), size, vec_bytes(f, size)};
        staged |= f->in_mode[i] == STAGED;
    }
    for (int i = 0; i < p->n_out; i++) {
        const int64_t *st = g->out[i];
        r.out_stride[i] = st[last], r.out_at[i] = pw_offset(g->dim, st, last, number) + from * st[last];
        f->out_mode[i] = st[last] == 1 && !p->sink[i].staged ? DIRECT : STAGED;
        int size = pw_bits((pw_type)p->sink[i].type) / 8;
        if (f->out_mode[i] == DIRECT)
            f->slot[PW_MAX_SOURCES + i] = (pw_slot){f->out[i] + r.out_at[i] * size, size, vec_bytes(f, size)};
        staged |= f->out_mode[i] == STAGED;
    }
    int64_t o = 0;
    if (!staged && n >= f->block && !f->in_place) { /* the last block overlaps the one before: the same values again */
        for (; o + f->block < n; o += f->block) enter(f, o);
        enter(f, n - f->block);
        return;
    }
    if (staged)
        for (; o + f->block <= n; o += f->block) row_block(f, &r, o, f->block);
    else
        for (; o + f->block <= n; o += f->block) enter(f, o);
    if (o < n) row_block(f, &r, o, (int)(n - o));
}

/* ---- flat -------------------------------------------------------------------------------------------------------------- */

static bool is_dense(const pw_geom *g, const int64_t *st) {
    int64_t s = 1;
    for (int d = g->rank - 1; d >= 0; d--) {
        if (st[d] != s) return false;
        s *= g->dim[d];
    }
    return true;
}
static bool is_zero(const int64_t *st, int n) {
    for (int d = 0; d < n; d++)
        if (st[d]) return false;
    return true;
}

/* The inner row repeated until a block can be read from any place in it; false when it does not fit. */
static bool set_pattern(frame *f, int i, const int64_t *st) {
    const pw_source *s = &f->p->source[i];
    int last = f->g->rank - 1, size = pw_bits((pw_type)s->type) / 8;
    int64_t n = f->g->dim[last];
    if (s->staged || st[last] != 1 || !is_zero(st, last) || f->n_patterns == PATTERNS) return false;
    if ((n + f->block) * size > PATTERN_BYTES) return false;
    f->pattern_of[i] = (int16_t)f->n_patterns;
    char *to = f->pattern[f->n_patterns++];
    for (int64_t k = 0; k < n + f->block; k += n) {
        int64_t m = n < n + f->block - k ? n : n + f->block - k;
        memcpy(to + k * size, f->in[s->input], (size_t)(m * size));
    }
    return true;
}

static void flat_modes(frame *f) {
    const pw_program *p = f->p;
    const pw_geom *g = f->g;
    for (int i = 0; i < p->n_sources; i++) {
        const pw_source *s = &p->source[i];
        const int64_t *st = g->in[s->input];
        if (is_zero(st, g->rank))
            f->in_mode[i] = SPLAT, set_splat(f, i, f->in[s->input], 0);
        else if (!s->staged && is_dense(g, st))
            f->in_mode[i] = DIRECT;
        else
            f->in_mode[i] = set_pattern(f, i, st) ? PATTERN : STAGED;
    }
    for (int i = 0; i < p->n_out; i++) f->out_mode[i] = !p->sink[i].staged && is_dense(g, g->out[i]) ? DIRECT : STAGED;
}

static void flat_block(frame *f, int64_t at, int n) {
    const pw_program *p = f->p;
    const pw_geom *g = f->g;
    bool whole = n == f->block;
    for (int i = 0; i < p->n_sources; i++) {
        const pw_source *s = &p->source[i];
        int size = pw_bits((pw_type)s->type) / 8;
        if (f->in_mode[i] == SPLAT) continue;
        if (f->in_mode[i] == PATTERN) {
            char *from = f->pattern[f->pattern_of[i]] + at % g->dim[g->rank - 1] * size;
            f->slot[i] = (pw_slot){from, 0, vec_bytes(f, size)};
        } else if (f->in_mode[i] == DIRECT && whole) {
            f->slot[i] = (pw_slot){pw_address(f->in[s->input], at * size), 0, vec_bytes(f, size)};
        } else {
            pw_gather_nd((pw_type)s->type, g->rank, g->dim, g->in[s->input], f->in[s->input], at, n, f->gather);
            set_stage(f, i, f->gather, n);
        }
    }
    for (int i = 0; i < p->n_out; i++) {
        int size = pw_bits((pw_type)p->sink[i].type) / 8;
        if (f->out_mode[i] == STAGED || !whole)
            set_sink(f, i);
        else
            f->slot[PW_MAX_SOURCES + i] = (pw_slot){f->out[i] + at * size, 0, vec_bytes(f, size)};
    }
    enter(f, 0);
    for (int i = 0; i < p->n_out; i++)
        if (f->out_mode[i] == STAGED || !whole)
            pw_scatter_nd((pw_type)p->sink[i].type, g->rank, g->dim, g->out[i], f->out[i], at, n, drain(f, i, n));
}

static void run_flat(frame *f, int64_t from, int64_t to) {
    for (int64_t at = from; at < to; at += f->block) flat_block(f, at, to - at < f->block ? (int)(to - at) : f->block);
}

/* ---- all of it ---------------------------------------------------------------------------------------------------------- */

typedef struct job {
    const pw_program *p;
    const pw_geom *g;
    const void *const *in;
    void *const *out;
    bool flat;
    int64_t grain;  /* elements of one piece of a row, or of the flat space */
    int64_t pieces; /* of one row */
} job;

/* Pieces [from, to). Chunk borders come from shapes alone; results do not depend on them anyway. */
static sard_status work(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    const job *j = arg;
    (void)worker, (void)err;
    frame f;
    frame_init(&f, j->p, j->g, j->in, j->out);
    if (j->flat) {
        int64_t end = to * j->grain;
        flat_modes(&f);
        run_flat(&f, from * j->grain, end < j->g->total ? end : j->g->total);
        return SARD_OK;
    }
    int64_t inner = j->g->dim[j->g->rank - 1];
    for (int64_t k = from; k < to; k++) {
        int64_t r = k / j->pieces, at = k % j->pieces * j->grain;
        run_row(&f, r, at, inner - at < j->grain ? inner - at : j->grain);
    }
    return SARD_OK;
}

static bool packed(const pw_program *p) {
    for (int i = 0; i < p->n_out; i++)
        if (pw_bits((pw_type)p->sink[i].type) < 8) return true;
    return false;
}

sard_status pw_run(const pw_program *p, const pw_geom *g, const void *const *in, void *const *out, const par *threads,
                   sard_error *err) {
    if (g->total == 0) return SARD_OK;
    int64_t inner = g->dim[g->rank - 1], block = (int64_t)p->code->lanes * PW_UNITS;
    job j = {.p = p, .g = g, .in = in, .out = out, .pieces = 1};
    /* a few tens of microseconds a piece, for any number of threads */
    int64_t grain = 262144 / (p->cost < 4 ? 4 : p->cost);
    j.grain = grain < 2048 ? 2048 : grain & ~(int64_t)2047;
    j.flat = (g->rank > 1 && inner < block) || packed(p);
    int64_t items, chunk = 1;
    if (j.flat) {
        items = (g->total + j.grain - 1) / j.grain;
    } else {
        j.pieces = (inner + j.grain - 1) / j.grain;
        items = g->total / inner * j.pieces;
        if (inner < j.grain) chunk = j.grain / inner;
    }
    if (items <= chunk) return work(&j, 0, items, 0, err);
    return par_for(threads, items, chunk, work, &j, err);
}
