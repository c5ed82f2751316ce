/*
 * tile.c -- a program as epilogue of a heavy kernel, on rectangles of its output that are still in cache.
 *
 * A block of eight vectors lies as eight rows of one vector (the stride between vectors is then the row stride, and
 * nothing is copied), or, where fewer rows are left, along a row. Partial blocks go through buffers.
 */
#include <string.h>

#include "kernels/pointwise/program.h"
#include "kernels/pointwise/stage.h"

typedef struct frame {
    const pw_epilogue *e;
    const pw_program *p;
    char *tile;
    int64_t ld_tile, row, col; /* of the tile's first element */
    int lanes;
    pw_slot slot[PW_MAX_SLOTS];
    char stage[PW_MAX_SOURCES][PW_BLOCK_BYTES] __attribute__((aligned(64)));
    char sink[PW_MAX_OUTPUTS][PW_BLOCK_BYTES] __attribute__((aligned(64)));
    char temp[PW_MAX_TEMPS][PW_BLOCK_BYTES] __attribute__((aligned(64)));
} frame;

typedef struct block { /* relative to the tile */
    int64_t r, c;
    int rows, cols; /* tall: up to 8 x lanes; wide: 1 x up to 8 * lanes */
    bool wide, whole;
} block;

bool pw_tile_ok(const pw_program *p) {
    if (p->lane_bits != 32 || p->n_in < 1 || (p->in_type[0] != SARD_F32 && p->in_type[0] != SARD_I32)) return false;
    for (int i = 0; i < p->n_sources; i++)
        if (p->source[i].staged) return false;
    for (int i = 0; i < p->n_out; i++)
        if (p->sink[i].staged) return false;
    return true;
}

static int elem(uint8_t type) { return pw_bits((pw_type)type) / 8; }

/* A rectangle between memory and a block buffer, in which each row starts a vector. */
static void copy_in(const frame *f, const block *b, char *to, const char *from, int64_t ld, int size) {
    memset(to, 0, (size_t)(PW_UNITS * f->lanes * size));
    for (int i = 0; i < b->rows; i++) memcpy(to + i * f->lanes * size, from + i * ld * size, (size_t)(b->cols * size));
}
static void copy_out(const frame *f, const block *b, const char *from, char *to, int64_t ld, int size) {
    for (int i = 0; i < b->rows; i++) memcpy(to + i * ld * size, from + i * f->lanes * size, (size_t)(b->cols * size));
}

static void repeat(char *to, const char *one, int size, int n) {
    for (int k = 0; k < n; k++) memcpy(to + k * size, one, (size_t)size);
}

static pw_slot rectangle(frame *f, const block *b, int i, char *p, int64_t ld, int size) {
    if (b->whole) return (pw_slot){p, 0, (b->wide ? f->lanes : ld) * size};
    copy_in(f, b, f->stage[i], p, ld, size);
    return (pw_slot){f->stage[i], 0, f->lanes * size};
}

static void set_source(frame *f, const block *b, int i) {
    const pw_source *s = &f->p->source[i];
    const pw_operand *o = &f->e->in[s->input];
    int size = elem(s->type);
    int64_t r = f->row + b->r, c = f->col + b->c;
    pw_slot *slot = &f->slot[i];
    if (s->input == 0) {
        *slot = rectangle(f, b, i, f->tile + (b->r * f->ld_tile + b->c) * size, f->ld_tile, size);
    } else if (o->place == PW_SAME) {
        *slot = rectangle(f, b, i, pw_address(o->p, (r * o->ld + c) * size), o->ld, size);
    } else if (o->place == PW_PER_ROW) {
        for (int k = 0; k < b->rows; k++)
            repeat(f->stage[i] + k * f->lanes * size, (const char *)o->p + (r + k) * size, size, f->lanes);
        *slot = (pw_slot){f->stage[i], 0, b->wide ? 0 : f->lanes * size};
        if (b->rows < PW_UNITS && !b->wide)
            memset(f->stage[i] + b->rows * f->lanes * size, 0, (size_t)((PW_UNITS - b->rows) * f->lanes * size));
    } else if (o->place == PW_PER_COL) {
        const char *from = (const char *)o->p + c * size;
        int full = b->wide ? PW_UNITS * f->lanes : f->lanes;
        *slot = (pw_slot){pw_address(from, 0), 0, b->wide ? f->lanes * size : 0};
        if (b->cols < full) {
            memset(f->stage[i], 0, (size_t)(full * size));
            memcpy(f->stage[i], from, (size_t)(b->cols * size));
            slot->p = f->stage[i];
        }
    }
}

static void run_block(frame *f, const block *b) {
    const pw_program *p = f->p;
    char *to[PW_MAX_OUTPUTS];
    int64_t ld[PW_MAX_OUTPUTS];
    for (int i = 0; i < p->n_sources; i++) set_source(f, b, i);
    for (int i = 0; i < p->n_out; i++) {
        int size = elem(p->sink[i].type);
        bool own = f->e->out[i].p == NULL;
        ld[i] = own ? f->ld_tile : f->e->out[i].ld;
        to[i] = own ? f->tile + (b->r * ld[i] + b->c) * size
                    : (char *)f->e->out[i].p + ((f->row + b->r) * ld[i] + f->col + b->c) * size;
        f->slot[PW_MAX_SOURCES + i] = b->whole ? (pw_slot){to[i], 0, (b->wide ? f->lanes : ld[i]) * size}
                                               : (pw_slot){f->sink[i], 0, f->lanes * size};
    }
    p->code->enter(p->steps, f->slot, 0);
    for (int i = 0; i < p->n_out && !b->whole; i++) copy_out(f, b, f->sink[i], to[i], ld[i], elem(p->sink[i].type));
}

static void frame_init(frame *f, const pw_epilogue *e) {
    const pw_program *p = e->program;
    f->e = e, f->p = p, f->lanes = p->code->lanes;
    pw_slot *s = f->slot + PW_MAX_SOURCES + PW_MAX_OUTPUTS;
    for (int i = 0; i < p->n_temps; i++) s[i] = (pw_slot){f->temp[i], 0, f->lanes * 4};
    s += PW_MAX_TEMPS;
    for (int i = 0; i < p->n_consts; i++) s[i] = (pw_slot){p->consts + i * PW_VEC_MAX, 0, 0};
    for (int i = 0; i < p->n_sources; i++) {
        const pw_operand *o = &e->in[p->source[i].input];
        if (p->source[i].input == 0 || o->place != PW_SCALAR) continue;
        repeat(f->stage[i], o->p, elem(p->source[i].type), f->lanes);
        f->slot[i] = (pw_slot){f->stage[i], 0, 0};
    }
}

static int least(int64_t a, int b) { return a < b ? (int)a : b; }

void pw_tile(const pw_epilogue *e, void *tile, int64_t ld_tile, int64_t row, int64_t col, int64_t rows, int64_t cols) {
    frame f;
    frame_init(&f, e);
    f.tile = tile, f.ld_tile = ld_tile, f.row = row, f.col = col;
    const int wide = PW_UNITS * f.lanes;
    for (int64_t r = 0; r < rows;) {
        block b = {.r = r, .rows = least(rows - r, PW_UNITS)};
        if (b.rows < PW_UNITS && cols >= wide) b.rows = 1, b.wide = true;
        int step = b.wide ? wide : f.lanes;
        for (b.c = 0; b.c < cols; b.c += step) {
            b.cols = least(cols - b.c, step);
            b.whole = b.cols == step && (b.wide || b.rows == PW_UNITS);
            run_block(&f, &b);
        }
        r += b.rows;
    }
}

void pw_tile_hook(const void *epilogue, void *tile, int64_t ld_tile, int64_t row, int64_t col, int64_t rows,
                  int64_t cols) {
    pw_tile(epilogue, tile, ld_tile, row, col, rows, cols);
}
