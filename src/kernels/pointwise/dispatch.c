/*
 * dispatch.c -- the rows of list.inc as tables.
 */
#include "kernels/pointwise/program.h"

#define PW_ROW(level, suffix, lanes)                                                                                   \
    extern const pw_fn pw_fn32_##suffix[], pw_fn64_##suffix[];                                                         \
    void pw_enter32_##suffix(const pw_step *, const pw_slot *, int64_t);                                               \
    void pw_enter64_##suffix(const pw_step *, const pw_slot *, int64_t);
#include "kernels/pointwise/list.inc"
#undef PW_ROW

#define PW_ROW(level, suffix, lanes)                                                                                   \
    {{level, lanes, pw_fn32_##suffix, pw_enter32_##suffix},                                                            \
     {level, (lanes + 1) / 2, pw_fn64_##suffix, pw_enter64_##suffix}},
static const pw_code ROWS[][2] = {
#include "kernels/pointwise/list.inc"
};

const pw_code *pw_code_for(isa level, int lane_bits) {
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        if (ROWS[i][0].level == level) return &ROWS[i][lane_bits == 64];
    return NULL;
}
