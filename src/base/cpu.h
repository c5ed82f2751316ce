/*
 * cpu.h -- which instruction sets this process may use.
 *
 * Levels are ordered; a kernel row names the level it needs. SARD_ISA=ref|avx2|avx512|... lowers what is used (an
 * unknown name is reported by cpu_isa_error). Detection is by CPUID / hwcaps only: no /proc, no /sys.
 */
#ifndef SARD_BASE_CPU_H
#define SARD_BASE_CPU_H

#include <stdbool.h>

typedef enum isa {
    ISA_REF = 0, /* plain C: the oracle */
    ISA_NEON,    /* aarch64 with Advanced SIMD */
    ISA_DOTPROD, /* + sdot/udot */
    ISA_AVX2,    /* AVX2 + FMA + F16C + BMI2 */
    ISA_AVXVNNI, /* + AVX-VNNI: 256-bit int8 dot products */
    ISA_AVX512,  /* AVX2 and AVX-512 F, BW, VL, DQ, CD */
    ISA_VNNI,    /* + AVX512_VNNI */
    ISA_AMX,     /* + AMX int8 (tile permission granted by the kernel) */
    ISA_COUNT
} isa;

bool cpu_has(isa i);             /* hardware (or emulator) has it and SARD_ISA allows it */
bool cpu_hardware_has(isa i);    /* regardless of SARD_ISA */
isa cpu_best(void);              /* the highest level with cpu_has */
const char *isa_name(isa i);     /* "ref", "neon", "dotprod", "avx2", "avxvnni", "avx512", "vnni", "amx" */
const char *cpu_isa_error(void); /* NULL, or why SARD_ISA was not understood */

/* Rounding to nearest and denormals on, for the calling thread. Returns the state found, for cpu_fp_restore. */
unsigned cpu_fp_enter(bool flush_denormals);
void cpu_fp_restore(unsigned state);

#endif
