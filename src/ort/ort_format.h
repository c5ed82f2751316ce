/*
 * ort_format.h -- models in ONNX Runtime's own file format (".ort": a FlatBuffer with identifier "ORTM").
 *
 * Such a file holds what an ONNX file holds, already resolved: it is turned into the bytes of an ONNX model, and loaded
 * as one. What only ONNX Runtime can use (stored kernel types, saved optimisations) is left out.
 */
#ifndef SARD_ORT_ORT_FORMAT_H
#define SARD_ORT_ORT_FORMAT_H

#include "sard/sard.h"

/* Non-zero when the bytes say that they are a .ort model. */
int ort_format_is(const void *data, size_t n);
/* The model's bytes as ONNX, freed with free(). Any bytes may be given. SARD_INVALID_PROTOBUF: not a whole .ort file;
 * SARD_UNSUPPORTED: nodes compiled for one device, or weights kept in another file. */
sard_status ort_format_to_onnx(const void *data, size_t n, void **onnx, size_t *bytes, sard_error *err);

#endif
