/*
 * isa_name.h -- names of functions that are compiled once per instruction set.
 *
 * The build compiles kernels/<family>/vec*.c several times with ISA_SUFFIX set to ref, avx2, avx512, neon ...; a function
 * defined there as K(exp_f32) is exp_f32_avx2 in one object and exp_f32_avx512 in the next.
 */
#ifndef SARD_BASE_ISA_NAME_H
#define SARD_BASE_ISA_NAME_H

#define CAT_(a, b) a##_##b
#define CAT(a, b)  CAT_(a, b)
#ifdef ISA_SUFFIX
#define K(name) CAT(name, ISA_SUFFIX)
#endif

#endif
