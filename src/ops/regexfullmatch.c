/*
 * RegexFullMatch -- whether whole strings match a pattern of RE2's syntax (regex.h says what of it).
 */
#include "ops/common.h"
#include "ops/regex.h"

static const attr_def regex_attrs[] = {ATTR_OPT("pattern", ATTR_STRING)};
static const formal regex_in[] = {{.name = "X", .var = "T1", .types = DT_STRING}};
static const formal regex_out[] = {{.name = "Y", .var = "T2", .types = DT_BOOL}};

static sard_status prepare_regex(op_prep *p, void **state, sard_error *err) {
    const attr *a = prep_attr(p, 0);
    return regex_new(a->type == ATTR_STRING ? a->s : (str){"", 0}, (regex **)state, err);
}

typedef struct regex_job {
    const regex *r;
    const str *x;
    uint8_t *y;
    char *memory;
    size_t bytes;
    run_ctl *ctl;
} regex_job;

static sard_status regex_some(void *arg, int64_t from, int64_t to, int worker, sard_error *err) {
    const regex_job *j = arg;
    void *memory = j->memory + (size_t)worker * j->bytes;
    meter work = {.ctl = j->ctl};
    for (int64_t i = from; i < to; i++) {
        bool matches;
        TRY(regex_full(j->r, j->x[i], memory, &work, &matches, err));
        j->y[i] = matches;
    }
    return SARD_OK;
}

static sard_status run_regex(const void *state, op_ctx *c, sard_error *err) {
    const tensor *x = op_in(c, 0);
    shape s = shape_of(x);
    tensor *y;
    void *memory;
    regex_job j = {.r = state, .x = tensor_data(x), .bytes = (regex_memory(state) + 63) / 64 * 64};
    TRY(op_out(c, 0, SARD_BOOL, &s, &y, err));
    TRY(op_scratch(c, j.bytes * (size_t)par_threads(op_par(c)), &memory, err));
    j.y = tensor_data(y), j.memory = memory, j.ctl = op_par(c)->ctl;
    return par_for(op_par(c), tensor_count(x), 64, regex_some, &j, err);
}

static void drop_regex(void *state) { regex_free(state); }

const op_def op_regexfullmatch = {
    .domain = "",
    .name = "RegexFullMatch",
    .doc = "do whole strings match a pattern?",
    OP_SINCE(20),
    OP_ATTRS(regex_attrs),
    OP_IN(regex_in),
    OP_OUT(regex_out),
    .infer = infer_same_bool,
    .prepare = prepare_regex,
    .run = run_regex,
    .drop = drop_regex,
};
