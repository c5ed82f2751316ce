/*
 * guard.h -- a call of a client's function from which no C++ exception escapes.
 *
 * Kernels written with the C++ header fail by throwing, which a C caller cannot catch: guarded_call is a frame that the
 * unwinder takes for one with a handler. Where there is no such frame (other processors), it is a plain call.
 */
#ifndef SARD_ORT_GUARD_H
#define SARD_ORT_GUARD_H

#include "ort/internal.h"

/* What fn gives; a status with the exception's text when it throws. */
OrtStatus *ort_guarded(OrtStatus *(*fn)(void *arg), void *arg);

#endif
