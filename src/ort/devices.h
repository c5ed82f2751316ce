/*
 * devices.h -- the one device there is, as the ABI shows it.
 */
#ifndef SARD_ORT_DEVICES_H
#define SARD_ORT_DEVICES_H

#include "ort/internal.h"

#define CPU_PROVIDER "CPUExecutionProvider"

const OrtEpDevice *ort_cpu_device(void);

#endif
