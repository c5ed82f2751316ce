# Fuzz targets: fuzz/fuzz_<name>.c, with inputs in fuzz/corpus/<name>/. With SARD_FUZZER (clang) they are libFuzzer
# programs; else fuzz/replay.c runs the corpus and changes of it, as the test fuzz_<name>. A mutator is
# fuzz/mutate_<name>.c.
option(SARD_FUZZER "build the fuzz targets with libFuzzer" OFF)
file(GLOB fuzz_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_*.c)
foreach(source ${fuzz_sources})
  get_filename_component(name ${source} NAME_WE)
  string(REGEX REPLACE "^fuzz_" "" short ${name})
  file(GLOB mutator ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/mutate_${short}.c)
  if(SARD_FUZZER)
    add_executable(${name} ${source} ${mutator})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} ${source} ${mutator} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/replay.c)
    add_test(NAME ${name} COMMAND ${name} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${short})
    set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS fuzz)
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/fuzz)
  if(short MATCHES "^(ort_format|adapter)$") # of the C ABI, which is not part of the core
    target_sources(${name} PRIVATE $<TARGET_OBJECTS:sard_ort>)
  endif()
  target_link_libraries(${name} PRIVATE sard_core)
endforeach()
