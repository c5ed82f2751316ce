/*
 * NonMaxSuppression -- of overlapping boxes the ones with the highest scores: per batch and class, best first, a box is
 * taken unless its overlap (intersection over union) with one already taken is above the threshold. Ties: the lower index.
 */
#include "ops/index.h"
#include "ops/meter.h"

enum { CENTRE };
enum { BOXES, SCORES, MOST, OVERLAP, LEAST };
static const attr_def nms_attrs[] = {ATTR_I("center_point_box", 0)};
static const formal nms_in[] = {
    {.name = "boxes", .types = DT(SARD_F32)},
    {.name = "scores", .types = DT(SARD_F32)},
    {.name = "max_output_boxes_per_class", .types = DT(SARD_I64), .flags = F_OPTIONAL},
    {.name = "iou_threshold", .types = DT(SARD_F32), .flags = F_OPTIONAL},
    {.name = "score_threshold", .types = DT(SARD_F32), .flags = F_OPTIONAL},
};
static const formal nms_out[] = {{.name = "selected_indices", .types = DT(SARD_I64)}};

static sard_status infer(infer_ctx *c, sard_error *err) {
    (void)err;
    c->out[0] = type_tensor(SARD_I64, 2, (int64_t[]){DIM_UNKNOWN, 3});
    return SARD_OK;
}

typedef struct box {
    float lo[2], hi[2], area;
} box;

static box box_of(const float *b, bool centre) {
    box r;
    for (int i = 0; i < 2; i++) {
        float p = b[i], q = b[i + 2];
        if (centre) p = b[i] - b[i + 2] / 2, q = b[i] + b[i + 2] / 2;
        r.lo[i] = p < q ? p : q, r.hi[i] = p < q ? q : p;
    }
    r.area = (r.hi[0] - r.lo[0]) * (r.hi[1] - r.lo[1]);
    return r;
}

static bool overlap(const box *a, const box *b, float limit) {
    float side[2];
    for (int i = 0; i < 2; i++) {
        float lo = a->lo[i] > b->lo[i] ? a->lo[i] : b->lo[i], hi = a->hi[i] < b->hi[i] ? a->hi[i] : b->hi[i];
        side[i] = hi - lo;
        if (!(side[i] > 0)) return false;
    }
    float both = side[0] * side[1], all = a->area + b->area - both;
    return both > 0 && a->area > 0 && b->area > 0 && all > 0 && both / all > limit;
}

static bool before(const float *score, int64_t a, int64_t b) {
    return score[a] != score[b] ? score[a] > score[b] : a < b;
}

/* Sinks entry i of a heap whose top is the best. */
static void sink(const float *score, int64_t *h, int64_t n, int64_t i) {
    int64_t e = h[i];
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && before(score, h[child + 1], h[child])) child++;
        if (!before(score, h[child], e)) break;
        h[i] = h[child];
    }
    h[i] = e;
}

typedef struct job {
    const float *scores;
    const box *boxes;
    int64_t n, classes, most;
    bool has_least;
    float least, limit;
    int64_t *heap;   /* n per row */
    int64_t *taken;  /* room per row: what was taken */
    int64_t *counts; /* per row */
    int64_t room;
    run_ctl *ctl;
} job;

/* Rows are pairs of batch and class. */
static sard_status rows(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    const job *j = arg;
    meter m = {.ctl = j->ctl};
    for (int64_t r = from; r < to; r++) {
        const float *score = j->scores + r * j->n;
        const box *boxes = j->boxes + r / j->classes * j->n;
        int64_t *heap = j->heap + worker * j->n, *taken = j->taken + r * j->room, n = 0, k = 0;
        for (int64_t i = 0; i < j->n; i++)
            if (!(score[i] != score[i]) && (!j->has_least || score[i] > j->least)) heap[n++] = i;
        for (int64_t i = n / 2 - 1; i >= 0; i--) sink(score, heap, n, i);
        while (n > 0 && k < j->room) {
            int64_t best = heap[0];
            bool free = true;
            heap[0] = heap[--n];
            if (n) sink(score, heap, n, 0);
            for (int64_t i = 0; i < k && free; i++) free = !overlap(&boxes[best], &boxes[taken[i]], j->limit);
            if (free) taken[k++] = best;
            TRY(meter_add(&m, k + 16, err));
        }
        j->counts[r] = k;
    }
    return SARD_OK;
}

static sard_status scalar(op_ctx *c, uint32_t i, const char *name, const tensor **out, sard_error *err) {
    *out = op_in(c, i);
    FAIL_IF(*out && tensor_count(*out) != 1, err, SARD_INVALID_ARGUMENT, "%s has %lld elements; 1 is needed", name,
            (long long)tensor_count(*out));
    return SARD_OK;
}

static sard_status give(op_ctx *c, const job *j, int64_t n_rows, sard_error *err) {
    int64_t total = 0;
    for (int64_t r = 0; r < n_rows; r++) total += j->counts[r];
    shape s = {2, {total, 3}};
    tensor *y;
    TRY(op_out(c, 0, SARD_I64, &s, &y, err));
    int64_t *to = tensor_data(y);
    for (int64_t r = 0; r < n_rows; r++)
        for (int64_t i = 0; i < j->counts[r]; i++, to += 3)
            to[0] = r / j->classes, to[1] = r % j->classes, to[2] = j->taken[r * j->room + i];
    return SARD_OK;
}

static sard_status run(const void *state, op_ctx *c, sard_error *err) {
    (void)state;
    const tensor *b = op_in(c, BOXES), *s = op_in(c, SCORES), *most, *limit, *least;
    TRY(scalar(c, MOST, "max_output_boxes_per_class", &most, err));
    TRY(scalar(c, OVERLAP, "iou_threshold", &limit, err));
    TRY(scalar(c, LEAST, "score_threshold", &least, err));
    FAIL_IF(b->rank != 3 || s->rank != 3 || b->dim[2] != 4 || b->dim[0] != s->dim[0] || b->dim[1] != s->dim[2], err,
            SARD_INVALID_ARGUMENT, "boxes must be [batch, n, 4] and scores [batch, classes, n]");
    job j = {.scores = tensor_data(s),
             .n = b->dim[1],
             .classes = s->dim[1],
             .has_least = least != NULL,
             .ctl = op_par(c)->ctl};
    j.most = most ? *TENSOR_AT(most, int64_t) : 0;
    j.limit = limit ? *TENSOR_AT(limit, float) : 0, j.least = least ? *TENSOR_AT(least, float) : 0;
    FAIL_IF(!(j.limit >= 0 && j.limit <= 1), err, SARD_INVALID_ARGUMENT, "iou_threshold is %g; it must be in [0, 1]",
            (double)j.limit);
    j.room = j.most < 0 ? 0 : j.most < j.n ? j.most : j.n;
    int64_t n_rows = b->dim[0] * j.classes, n_boxes = b->dim[0] * j.n;
    size_t bytes;
    void *mem;
    FAIL_IF(mul_size((size_t)n_rows, (size_t)j.room, &bytes) || mul_size(bytes, 8, &bytes), err, SARD_LIMIT,
            "too many boxes");
    TRY(op_scratch(c, bytes, &mem, err));
    j.taken = mem;
    TRY(op_scratch(c, (size_t)par_threads(op_par(c)) * (size_t)j.n * sizeof *j.heap, &mem, err));
    j.heap = mem;
    TRY(op_scratch(c, (size_t)n_rows * sizeof *j.counts, &mem, err));
    j.counts = mem;
    TRY(op_scratch(c, (size_t)n_boxes * sizeof(box), &mem, err));
    box *boxes = mem;
    for (int64_t i = 0; i < n_boxes; i++) boxes[i] = box_of(TENSOR_AT(b, float) + 4 * i, op_attr(c, CENTRE)->i != 0);
    j.boxes = boxes;
    TRY(par_for(op_par(c), n_rows, 1, rows, &j, err));
    return give(c, &j, n_rows, err);
}

const op_def op_nonmaxsuppression = {
    .domain = "",
    .name = "NonMaxSuppression",
    .doc = "the best of overlapping boxes",
    OP_SINCE(10, 11),
    OP_ATTRS(nms_attrs),
    OP_IN(nms_in),
    OP_OUT(nms_out),
    .flags = OP_DATA_SHAPE,
    .infer = infer,
    .run = run,
};
