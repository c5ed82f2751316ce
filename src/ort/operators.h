/*
 * operators.h -- for a binding that has the engine of its own and links the C ABI's objects beside it: files of custom
 * operators for ONNX Runtime as operator libraries of the public API.
 */
#ifndef SARD_ORT_OPERATORS_H
#define SARD_ORT_OPERATORS_H

#include "sard/sard.h"

/* Opens the file and has it register its operators; it is closed with the library. */
sard_status ort_operators_open(const char *path, sard_op_library **out, sard_error *err);

#endif
