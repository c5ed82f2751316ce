/*
 * random.h -- the numbers random operators draw: a counter generator (SplitMix64) keyed by a node and its seed, so that
 * draw i is the same on every machine and for every number of threads.
 */
#ifndef SARD_OPS_RANDOM_H
#define SARD_OPS_RANDOM_H

#include "ops/common.h"

static inline uint64_t random_at(uint64_t seed, uint64_t i) {
    uint64_t z = seed + (i + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* In [0, 1): a multiple of 2^-53. */
static inline double random_unit(uint64_t seed, uint64_t i) { return (double)(random_at(seed, i) >> 11) * 0x1p-53; }

#endif
