# libonnxruntime.so.1: the ONNX Runtime C ABI over the public API, with the engine inside.
set(ort_dir ${CMAKE_CURRENT_SOURCE_DIR}/src/ort)
file(GLOB ort_sources CONFIGURE_DEPENDS ${ort_dir}/*.c)
file(GLOB ort_rows CONFIGURE_DEPENDS ${ort_dir}/*.def)
set(ort_absent ${CMAKE_CURRENT_BINARY_DIR}/gen/ort_absent.c)
sard_stamp(ort_stamp ${ort_absent} ${ort_sources} ${ort_rows})
add_custom_command(OUTPUT ${ort_stamp} BYPRODUCTS ${ort_absent}
  COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/scripts/gen-ort.sh ${ort_dir} ${ort_absent}
  COMMAND ${CMAKE_COMMAND} -E touch ${ort_stamp}
  DEPENDS ${ort_sources} ${ort_rows} ${CMAKE_CURRENT_SOURCE_DIR}/scripts/gen-ort.sh
  COMMENT "Entries of the C ABI that are not offered" VERBATIM)
add_library(sard_ort OBJECT ${ort_sources} ${ort_absent} ${ort_stamp})
target_link_libraries(sard_ort PRIVATE sard_flags)
# -Wno-unused-parameter: stubs have none of their arguments in use
set_source_files_properties(${ort_absent} PROPERTIES COMPILE_OPTIONS -Wno-unused-parameter)

if(SARD_SHARED)
  # No version nodes: every client names another one. -z nodelete: clients unload the library while threads of a pool sleep.
  add_library(onnxruntime SHARED $<TARGET_OBJECTS:sard_ort> ${objects})
  set_target_properties(onnxruntime PROPERTIES VERSION 1 SOVERSION 1 C_VISIBILITY_PRESET hidden
    LINK_DEPENDS ${ort_dir}/exports.map)
  target_link_libraries(onnxruntime PRIVATE m Threads::Threads ${CMAKE_DL_LIBS})
  target_link_options(onnxruntime PRIVATE -Wl,--as-needed -Wl,-z,relro -Wl,-z,now -Wl,-z,defs -Wl,-z,nodelete
    -Wl,--version-script=${ort_dir}/exports.map)
endif()
