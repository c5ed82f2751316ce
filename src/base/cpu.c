/*
 * cpu.c -- what the processor and the operating system offer, found once per process.
 *
 * On x86 an instruction set counts only when the system also saves its registers (XCR0); AMX needs the
 * kernel's leave besides, which is asked for only when SARD_ISA allows AMX at all.
 */
#include "base/cpu.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[ISA_COUNT] = {
    [ISA_REF] = "ref",         [ISA_NEON] = "neon",     [ISA_DOTPROD] = "dotprod", [ISA_AVX2] = "avx2",
    [ISA_AVXVNNI] = "avxvnni", [ISA_AVX512] = "avx512", [ISA_VNNI] = "vnni",       [ISA_AMX] = "amx",
};

#define BIT(i) (1u << (i))

#if defined(__x86_64__)

#include <cpuid.h>
#include <sys/syscall.h>

#define ARCH_GET_XCOMP_SUPP 0x1021
#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_XTILEDATA  18

static uint64_t xcr0(void) {
    uint32_t lo, hi;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (uint64_t)hi << 32 | lo;
}

static bool all(uint64_t have, uint64_t want) { return (have & want) == want; }

static unsigned detect(void) {
    uint32_t a, b, c, d, b7, c7, d7, a71, c_ext;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return BIT(ISA_REF);
    const uint32_t c1 = c;
    if (!(c1 & 1u << 27)) return BIT(ISA_REF); /* OSXSAVE: xgetbv may be used */
    if (!__get_cpuid_count(7, 0, &a, &b7, &c7, &d7)) return BIT(ISA_REF);
    a71 = a >= 1 && __get_cpuid_count(7, 1, &a71, &b, &c, &d) ? a71 : 0;
    c_ext = __get_cpuid(0x80000001u, &a, &b, &c_ext, &d) ? c_ext : 0;
    const uint64_t saved = xcr0();
    unsigned r = BIT(ISA_REF);
    const bool avx2 = all(saved, 0x6) && all(c1, 1u << 12 | 1u << 23 | 1u << 28 | 1u << 29) /* FMA POPCNT AVX F16C */
                      && all(b7, 1u << 3 | 1u << 5 | 1u << 8)                               /* BMI1 AVX2 BMI2 */
                      && (c_ext & 1u << 5);                                                 /* LZCNT */
    if (!avx2) return r;
    r |= BIT(ISA_AVX2);
    if (a71 & 1u << 4) r |= BIT(ISA_AVXVNNI);
    const bool avx512 =
        all(saved, 0xE6) && all(b7, 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31); /* F DQ CD BW VL */
    if (!avx512) return r;
    r |= BIT(ISA_AVX512);
    if (c7 & 1u << 11) r |= BIT(ISA_VNNI);
    uint64_t offered = 0;
    if ((r & BIT(ISA_VNNI)) && all(saved, 3u << 17) && all(d7, 3u << 24) /* TILE INT8 */
        && syscall(SYS_arch_prctl, ARCH_GET_XCOMP_SUPP, &offered) == 0 && (offered & 1u << XFEATURE_XTILEDATA))
        r |= BIT(ISA_AMX);
    return r;
}

static bool amx_granted(void) { return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0; }

#define MXCSR_DAZ   0x0040u
#define MXCSR_MASKS 0x1F80u /* every exception masked, as a program starts */
#define MXCSR_FTZ   0x8000u

unsigned cpu_fp_enter(bool flush_denormals) {
    unsigned found = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(MXCSR_MASKS | (flush_denormals ? MXCSR_DAZ | MXCSR_FTZ : 0));
    return found;
}

void cpu_fp_restore(unsigned state) { __builtin_ia32_ldmxcsr(state); }

#elif defined(__aarch64__)

#include <sys/auxv.h>

static unsigned detect(void) {
    unsigned long cap = getauxval(AT_HWCAP);
    unsigned r = BIT(ISA_REF);
    if (cap & 1ul << 1) r |= BIT(ISA_NEON);
    if ((cap & 1ul << 1) && (cap & 1ul << 20)) r |= BIT(ISA_DOTPROD);
    return r;
}

static bool amx_granted(void) { return false; }

#define FPCR_FZ (1ul << 24)

unsigned cpu_fp_enter(bool flush_denormals) {
    unsigned long found, want = flush_denormals ? FPCR_FZ : 0;
    __asm__ volatile("mrs %0, fpcr" : "=r"(found));
    __asm__ volatile("msr fpcr, %0" : : "r"(want));
    return (unsigned)found;
}

void cpu_fp_restore(unsigned state) {
    unsigned long want = state;
    __asm__ volatile("msr fpcr, %0" : : "r"(want));
}

#else

static unsigned detect(void) { return BIT(ISA_REF); }

static bool amx_granted(void) { return false; }

unsigned cpu_fp_enter(bool flush_denormals) {
    (void)flush_denormals;
    return 0;
}

void cpu_fp_restore(unsigned state) { (void)state; }

#endif

static struct {
    pthread_once_t once;
    unsigned hardware, allowed;
    char error[200];
} found = {.once = PTHREAD_ONCE_INIT};

/* The levels up to the one SARD_ISA names; all of them when it is unset, empty or not understood. */
static unsigned levels_wanted(void) {
    const char *want = getenv("SARD_ISA");
    if (!want || !*want) return ~0u;
    for (unsigned i = 0; i < ISA_COUNT; i++)
        if (!strcmp(want, names[i])) return BIT(i + 1) - 1;
    int n = snprintf(found.error, sizeof found.error, "SARD_ISA is '%.40s', expected one of", want);
    for (unsigned i = 0; i < ISA_COUNT && n > 0 && (size_t)n < sizeof found.error; i++)
        n += snprintf(found.error + n, sizeof found.error - (size_t)n, "%s %s", i ? "," : "", names[i]);
    return ~0u;
}

static void find(void) {
    found.hardware = detect();
    found.allowed = found.hardware & levels_wanted();
    if ((found.allowed & BIT(ISA_AMX)) && !amx_granted()) found.allowed &= ~BIT(ISA_AMX);
}

bool cpu_has(isa i) {
    pthread_once(&found.once, find);
    return (unsigned)i < ISA_COUNT && (found.allowed & BIT(i));
}

bool cpu_hardware_has(isa i) {
    pthread_once(&found.once, find);
    return (unsigned)i < ISA_COUNT && (found.hardware & BIT(i));
}

isa cpu_best(void) {
    for (int i = ISA_COUNT - 1; i > ISA_REF; i--)
        if (cpu_has((isa)i)) return (isa)i;
    return ISA_REF;
}

const char *isa_name(isa i) { return (unsigned)i < ISA_COUNT ? names[i] : "unknown"; }

const char *cpu_isa_error(void) {
    pthread_once(&found.once, find);
    return found.error[0] ? found.error : NULL;
}
