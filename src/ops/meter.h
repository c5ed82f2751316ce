/*
 * meter.h -- long work that par_for cannot see into: counts it, and looks at cancel flag and deadline once in a while.
 *
 * A unit of work is some nanoseconds; what one index of a par_for does should be counted when its cost depends on data.
 */
#ifndef SARD_OPS_METER_H
#define SARD_OPS_METER_H

#include "base/pool.h"

typedef struct meter {
    run_ctl *ctl;
    int64_t done;
} meter;
enum { METER_UNITS = 1 << 16 }; /* between two looks */

static inline sard_status meter_add(meter *m, int64_t work, sard_error *err) {
    m->done += work;
    if (m->done < METER_UNITS) return SARD_OK;
    m->done = 0;
    return ctl_check(m->ctl, err);
}

#endif
