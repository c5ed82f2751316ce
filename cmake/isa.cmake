# Compiler flags per instruction set: the one place that knows them.
#
# SARD_ARCH      x86 | arm64 | other
# SARD_VEC_ISAS  the levels at which every kernels/<family>/vec*.c is compiled (besides ref, which is plain C)
# SARD_ISAS      all levels; kernels/<family>/<arch>_<isa>*.c is compiled with that level's flags only
# SARD_FLAGS_<isa>

string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" processor)
set(SARD_FLAGS_ref "")
if(processor MATCHES "^(x86_64|amd64)$")
  set(SARD_ARCH x86)
  set(SARD_VEC_ISAS avx2 avx512)
  set(SARD_ISAS avx2 avxvnni avx512 vnni amx)
  set(SARD_FLAGS_avx2 -mavx2 -mfma -mf16c -mbmi -mbmi2 -mlzcnt -mpopcnt)
  set(SARD_FLAGS_avxvnni ${SARD_FLAGS_avx2} -mavxvnni)
  set(SARD_FLAGS_avx512 ${SARD_FLAGS_avx2} -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512cd
                        -mprefer-vector-width=512)
  set(SARD_FLAGS_vnni ${SARD_FLAGS_avx512} -mavx512vnni)
  set(SARD_FLAGS_amx ${SARD_FLAGS_avx512} -mamx-tile -mamx-int8)
elseif(processor MATCHES "^(aarch64|arm64)$")
  set(SARD_ARCH arm64)
  set(SARD_VEC_ISAS neon)
  set(SARD_ISAS neon dotprod)
  set(SARD_FLAGS_neon -march=armv8-a)
  set(SARD_FLAGS_dotprod -march=armv8.2-a+dotprod)
else()
  set(SARD_ARCH other)
  set(SARD_VEC_ISAS "")
  set(SARD_ISAS "")
endif()
