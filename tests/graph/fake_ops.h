/* fake_ops.h -- a small operator set for tests of the graph and import rooms: types only, nothing runs. */
#ifndef TESTS_GRAPH_FAKE_OPS_H
#define TESTS_GRAPH_FAKE_OPS_H

#include "graph/op.h"

extern const op_set fake_ops;

#endif
