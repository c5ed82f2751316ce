# share/sard/spark: what a user of Spark is given (docs/spark.md).
#
# SynapseML brings ONNX Runtime 1.8.1, whose Java part asks for a library of the name libonnxruntime.so.1.8.1; so there is
# one of that name, of the same objects as libonnxruntime.so.1. A library found by its own name needs no search path.
if(SARD_SHARED)
  add_library(onnxruntime_spark SHARED $<TARGET_OBJECTS:sard_ort> ${objects})
  get_target_property(ort_link_options onnxruntime LINK_OPTIONS)
  set_target_properties(onnxruntime_spark PROPERTIES OUTPUT_NAME onnxruntime LIBRARY_OUTPUT_DIRECTORY spark
    VERSION 1.8.1 SOVERSION 1.8.1 C_VISIBILITY_PRESET hidden LINK_DEPENDS ${ort_dir}/exports.map)
  target_link_libraries(onnxruntime_spark PRIVATE m Threads::Threads ${CMAKE_DL_LIBS})
  target_link_options(onnxruntime_spark PRIVATE ${ort_link_options})

  set(spark_dir ${CMAKE_INSTALL_DATADIR}/sard/spark)
  install(TARGETS onnxruntime_spark LIBRARY DESTINATION ${spark_dir} NAMELINK_SKIP)
  install(FILES bindings/spark/README.md DESTINATION ${spark_dir})
  # The settings name the library by its full path, which is only known when it is installed.
  set(SPARK_DEFAULTS_IN ${CMAKE_CURRENT_SOURCE_DIR}/bindings/spark/spark-defaults.conf.in)
  install(CODE "
    set(SARD_SPARK_DIR \"\${CMAKE_INSTALL_PREFIX}/${spark_dir}\")
    configure_file(\"${SPARK_DEFAULTS_IN}\" \"\$ENV{DESTDIR}\${SARD_SPARK_DIR}/spark-defaults.conf\" @ONLY)")
endif()
