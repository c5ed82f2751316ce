/*
 * types.h -- the types of the ONNX Runtime C ABI: enumerations by value, structs by layout, callbacks by signature.
 *
 * Names and numbers are the ABI's, since programs compiled against it rely on them; everything opaque to a client is
 * ours and lies in internal.h.
 */
#ifndef SARD_ORT_TYPES_H
#define SARD_ORT_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORT_API_NEWEST = 31 };
#define ORT_VERSION_TEXT "1.31.1"

/* ---- enumerations -------------------------------------------------------------------------------------------------- */

typedef enum OrtErrorCode {
    ORT_OK,
    ORT_FAIL,
    ORT_INVALID_ARGUMENT,
    ORT_NO_SUCHFILE,
    ORT_NO_MODEL,
    ORT_ENGINE_ERROR,
    ORT_RUNTIME_EXCEPTION,
    ORT_INVALID_PROTOBUF,
    ORT_MODEL_LOADED,
    ORT_NOT_IMPLEMENTED,
    ORT_INVALID_GRAPH,
    ORT_EP_FAIL,
    ORT_MODEL_LOAD_CANCELED,
    ORT_MODEL_REQUIRES_COMPILATION,
    ORT_NOT_FOUND,
    ORT_DEVICE_RESET
} OrtErrorCode;

/* As TensorProto.DataType up to 23; then the two orders differ. */
typedef enum ONNXTensorElementDataType {
    ORT_TYPE_UNDEFINED = 0,
    ORT_TYPE_FLOAT = 1,
    ORT_TYPE_STRING = 8,
    ORT_TYPE_FLOAT4E2M1 = 23,
    ORT_TYPE_UINT2 = 24,
    ORT_TYPE_INT2 = 25,
    ORT_TYPE_FLOAT8E8M0 = 26
} ONNXTensorElementDataType;

typedef enum ONNXType {
    ONNX_TYPE_UNKNOWN,
    ONNX_TYPE_TENSOR,
    ONNX_TYPE_SEQUENCE,
    ONNX_TYPE_MAP,
    ONNX_TYPE_OPAQUE,
    ONNX_TYPE_SPARSETENSOR,
    ONNX_TYPE_OPTIONAL
} ONNXType;

typedef enum OrtSparseFormat {
    ORT_SPARSE_UNDEFINED = 0,
    ORT_SPARSE_COO = 1,
    ORT_SPARSE_CSRC = 2,
    ORT_SPARSE_BLOCK_SPARSE = 4
} OrtSparseFormat;

typedef enum OrtSparseIndicesFormat {
    ORT_SPARSE_COO_INDICES,
    ORT_SPARSE_CSR_INNER_INDICES,
    ORT_SPARSE_CSR_OUTER_INDICES,
    ORT_SPARSE_BLOCK_SPARSE_INDICES
} OrtSparseIndicesFormat;

typedef enum OrtLoggingLevel {
    ORT_LOGGING_LEVEL_VERBOSE,
    ORT_LOGGING_LEVEL_INFO,
    ORT_LOGGING_LEVEL_WARNING,
    ORT_LOGGING_LEVEL_ERROR,
    ORT_LOGGING_LEVEL_FATAL
} OrtLoggingLevel;

typedef enum OrtOpAttrType {
    ORT_OP_ATTR_UNDEFINED,
    ORT_OP_ATTR_INT,
    ORT_OP_ATTR_INTS,
    ORT_OP_ATTR_FLOAT,
    ORT_OP_ATTR_FLOATS,
    ORT_OP_ATTR_STRING,
    ORT_OP_ATTR_STRINGS,
    ORT_OP_ATTR_GRAPH,
    ORT_OP_ATTR_TENSOR
} OrtOpAttrType;

typedef enum GraphOptimizationLevel {
    ORT_DISABLE_ALL = 0,
    ORT_ENABLE_BASIC = 1,
    ORT_ENABLE_EXTENDED = 2,
    ORT_ENABLE_LAYOUT = 3,
    ORT_ENABLE_ALL = 99
} GraphOptimizationLevel;

typedef enum ExecutionMode { ORT_SEQUENTIAL, ORT_PARALLEL } ExecutionMode;

typedef enum OrtLanguageProjection { ORT_PROJECTION_C, ORT_PROJECTION_LAST = 6 } OrtLanguageProjection;

typedef enum OrtAllocatorType {
    OrtInvalidAllocator = -1,
    OrtDeviceAllocator = 0,
    OrtArenaAllocator = 1,
    OrtReadOnlyAllocator = 2
} OrtAllocatorType;

typedef enum OrtMemType { OrtMemTypeCPUInput = -2, OrtMemTypeCPUOutput = -1, OrtMemTypeDefault = 0 } OrtMemType;

typedef enum OrtDeviceMemoryType {
    OrtDeviceMemoryType_DEFAULT = 0,
    OrtDeviceMemoryType_HOST_ACCESSIBLE = 5
} OrtDeviceMemoryType;

typedef enum OrtMemoryInfoDeviceType {
    OrtMemoryInfoDeviceType_CPU,
    OrtMemoryInfoDeviceType_GPU,
    OrtMemoryInfoDeviceType_FPGA,
    OrtMemoryInfoDeviceType_NPU
} OrtMemoryInfoDeviceType;

typedef enum OrtHardwareDeviceType {
    OrtHardwareDeviceType_CPU,
    OrtHardwareDeviceType_GPU,
    OrtHardwareDeviceType_NPU
} OrtHardwareDeviceType;

typedef enum OrtExecutionProviderDevicePolicy {
    OrtExecutionProviderDevicePolicy_DEFAULT,
    OrtExecutionProviderDevicePolicy_PREFER_CPU,
    OrtExecutionProviderDevicePolicy_PREFER_NPU,
    OrtExecutionProviderDevicePolicy_PREFER_GPU,
    OrtExecutionProviderDevicePolicy_MAX_PERFORMANCE,
    OrtExecutionProviderDevicePolicy_MAX_EFFICIENCY,
    OrtExecutionProviderDevicePolicy_MIN_OVERALL_POWER
} OrtExecutionProviderDevicePolicy;

typedef enum OrtCompiledModelCompatibility {
    OrtCompiledModelCompatibility_EP_NOT_APPLICABLE,
    OrtCompiledModelCompatibility_EP_SUPPORTED_OPTIMAL,
    OrtCompiledModelCompatibility_EP_SUPPORTED_PREFER_RECOMPILATION,
    OrtCompiledModelCompatibility_EP_UNSUPPORTED
} OrtCompiledModelCompatibility;

typedef enum OrtCustomOpInputOutputCharacteristic {
    INPUT_OUTPUT_REQUIRED,
    INPUT_OUTPUT_OPTIONAL,
    INPUT_OUTPUT_VARIADIC
} OrtCustomOpInputOutputCharacteristic;

/* Flags of OrtCompileApi. */
enum { OrtCompileApiFlags_ERROR_IF_NO_NODES_COMPILED = 1, OrtCompileApiFlags_ERROR_IF_OUTPUT_FILE_EXISTS = 2 };

/* Only passed on to entries that are not offered. */
typedef int OrtExternalMemoryHandleType, OrtExternalSemaphoreType, OrtProfilingEventCategory;

/* ---- what clients see only as pointers, and structs with a layout -------------------------------------------------- */

typedef struct OrtAllocator OrtAllocator;
typedef struct OrtApi OrtApi;
typedef struct OrtApiBase OrtApiBase;
typedef struct OrtArenaCfg OrtArenaCfg;
typedef struct OrtCANNProviderOptions OrtCANNProviderOptions;
typedef struct OrtCUDAProviderOptions OrtCUDAProviderOptions;
typedef struct OrtCUDAProviderOptionsV2 OrtCUDAProviderOptionsV2;
typedef struct OrtCompileApi OrtCompileApi;
typedef struct OrtCustomOp OrtCustomOp;
typedef struct OrtCustomOpDomain OrtCustomOpDomain;
typedef struct OrtDataType OrtDataType;
typedef struct OrtDeviceEpIncompatibilityDetails OrtDeviceEpIncompatibilityDetails;
typedef struct OrtDnnlProviderOptions OrtDnnlProviderOptions;
typedef struct OrtEnv OrtEnv;
typedef struct OrtEnvCreationOptions OrtEnvCreationOptions;
typedef struct OrtEp OrtEp;
typedef struct OrtEpApi OrtEpApi;
typedef struct OrtEpAssignedNode OrtEpAssignedNode;
typedef struct OrtEpAssignedSubgraph OrtEpAssignedSubgraph;
typedef struct OrtEpDevice OrtEpDevice;
typedef struct OrtEpFactory OrtEpFactory;
typedef struct OrtEpGraphSupportInfo OrtEpGraphSupportInfo;
typedef struct OrtExternalInitializerInfo OrtExternalInitializerInfo;
typedef struct OrtExternalMemoryDescriptor OrtExternalMemoryDescriptor;
typedef struct OrtExternalMemoryHandle OrtExternalMemoryHandle;
typedef struct OrtExternalResourceImporter OrtExternalResourceImporter;
typedef struct OrtExternalSemaphoreDescriptor OrtExternalSemaphoreDescriptor;
typedef struct OrtExternalSemaphoreHandle OrtExternalSemaphoreHandle;
typedef struct OrtExternalTensorDescriptor OrtExternalTensorDescriptor;
typedef struct OrtGraph OrtGraph;
typedef struct OrtGraphicsInteropConfig OrtGraphicsInteropConfig;
typedef struct OrtHardwareDevice OrtHardwareDevice;
typedef struct OrtInteropApi OrtInteropApi;
typedef struct OrtIoBinding OrtIoBinding;
typedef struct OrtKernelContext OrtKernelContext;
typedef struct OrtKernelDef OrtKernelDef;
typedef struct OrtKernelDefBuilder OrtKernelDefBuilder;
typedef struct OrtKernelImpl OrtKernelImpl;
typedef struct OrtKernelInfo OrtKernelInfo;
typedef struct OrtKernelRegistry OrtKernelRegistry;
typedef struct OrtKeyValuePairs OrtKeyValuePairs;
typedef struct OrtLogger OrtLogger;
typedef struct OrtLoopKernelHelper OrtLoopKernelHelper;
typedef struct OrtLoraAdapter OrtLoraAdapter;
typedef struct OrtMIGraphXProviderOptions OrtMIGraphXProviderOptions;
typedef struct OrtMapTypeInfo OrtMapTypeInfo;
typedef struct OrtMemoryDevice OrtMemoryDevice;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtModel OrtModel;
typedef struct OrtModelCompilationOptions OrtModelCompilationOptions;
typedef struct OrtModelEditorApi OrtModelEditorApi;
typedef struct OrtModelMetadata OrtModelMetadata;
typedef struct OrtModelPackageApi OrtModelPackageApi;
typedef struct OrtModelPackageComponentContext OrtModelPackageComponentContext;
typedef struct OrtModelPackageContext OrtModelPackageContext;
typedef struct OrtModelPackageOptions OrtModelPackageOptions;
typedef struct OrtNode OrtNode;
typedef struct OrtNodeComputeContext OrtNodeComputeContext;
typedef struct OrtNodeFusionOptions OrtNodeFusionOptions;
typedef struct OrtOp OrtOp;
typedef struct OrtOpAttr OrtOpAttr;
typedef struct OrtOpSchema OrtOpSchema;
typedef struct OrtOpSchemaTypeConstraint OrtOpSchemaTypeConstraint;
typedef struct OrtOpenVINOProviderOptions OrtOpenVINOProviderOptions;
typedef struct OrtOptionalTypeInfo OrtOptionalTypeInfo;
typedef struct OrtPrepackedWeightsContainer OrtPrepackedWeightsContainer;
typedef struct OrtProfilingEvent OrtProfilingEvent;
typedef struct OrtProfilingEventsContainer OrtProfilingEventsContainer;
typedef struct OrtROCMProviderOptions OrtROCMProviderOptions;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtScanKernelHelper OrtScanKernelHelper;
typedef struct OrtSequenceTypeInfo OrtSequenceTypeInfo;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtShapeInferContext OrtShapeInferContext;
typedef struct OrtSharedPrePackedWeightCache OrtSharedPrePackedWeightCache;
typedef struct OrtStatus OrtStatus;
typedef struct OrtSyncStream OrtSyncStream;
typedef struct OrtSyncStreamImpl OrtSyncStreamImpl;
typedef struct OrtTensorRTProviderOptions OrtTensorRTProviderOptions;
typedef struct OrtTensorRTProviderOptionsV2 OrtTensorRTProviderOptionsV2;
typedef struct OrtTensorTypeAndShapeInfo OrtTensorTypeAndShapeInfo;
typedef struct OrtThreadPoolCallbacksConfig OrtThreadPoolCallbacksConfig;
typedef struct OrtThreadingOptions OrtThreadingOptions;
typedef struct OrtTrainingApi OrtTrainingApi;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtValue OrtValue;
typedef struct OrtValueInfo OrtValueInfo;

/* Made by us or by a client; `version` tells which fields exist: 18 up to Reserve, 23 up to AllocOnStream, 25 all. */
struct OrtAllocator {
    uint32_t version;
    void *(*Alloc)(OrtAllocator *self, size_t size);
    void (*Free)(OrtAllocator *self, void *p);
    const OrtMemoryInfo *(*Info)(const OrtAllocator *self);
    void *(*Reserve)(OrtAllocator *self, size_t size);
    OrtStatus *(*GetStats)(const OrtAllocator *self, OrtKeyValuePairs **out);
    void *(*AllocOnStream)(OrtAllocator *self, size_t size, OrtSyncStream *stream);
    OrtStatus *(*Shrink)(OrtAllocator *self);
};

typedef void (*OrtLoggingFunction)(void *param, OrtLoggingLevel severity, const char *category, const char *logid,
                                   const char *code_location, const char *message);
typedef void (*OrtThreadWorkerFn)(void *);
typedef const struct OrtCustomHandleType *OrtCustomThreadHandle;
typedef OrtCustomThreadHandle (*OrtCustomCreateThreadFn)(void *options, OrtThreadWorkerFn fn, void *param);
typedef void (*OrtCustomJoinThreadFn)(OrtCustomThreadHandle);
typedef OrtStatus *(*RegisterCustomOpsFn)(OrtSessionOptions *, const OrtApiBase *);
typedef void (*RunAsyncCallbackFn)(void *user, OrtValue **outputs, size_t n, OrtStatus *status);
typedef OrtStatus *(*EpSelectionDelegate)(const OrtEpDevice **devices, size_t n, const OrtKeyValuePairs *model_metadata,
                                          const OrtKeyValuePairs *runtime_metadata, const OrtEpDevice **selected,
                                          size_t max_selected, size_t *n_selected, void *state);
typedef OrtStatus *(*OrtWriteBufferFunc)(void *state, const void *buffer, size_t n);
typedef OrtStatus *(*OrtReadNamedBufferFunc)(void *state, const char *name, OrtAllocator *allocator, void **buffer,
                                             size_t *n);
typedef OrtStatus *(*OrtGetInitializerLocationFunc)(void *state, const char *name, const OrtValue *value,
                                                    const OrtExternalInitializerInfo *info,
                                                    OrtExternalInitializerInfo **new_info);
typedef OrtStatus *(*OrtKernelCreateFunc)(void *state, const OrtKernelInfo *info, OrtKernelImpl **out);
typedef void (*OrtExperimentalFnPtr)(void);

struct OrtThreadPoolCallbacksConfig {
    uint32_t version;
    void *(*on_enqueue)(void *user);
    void (*on_start_work)(void *user, void *data);
    void (*on_stop_work)(void *user, void *data);
    void (*on_abandon)(void *user, void *data);
    void *user;
};

struct OrtEnvCreationOptions {
    uint32_t version;
    int32_t logging_severity_level;
    const char *log_id;
    OrtLoggingFunction logging_function;
    void *logging_param;
    const OrtThreadingOptions *threading_options;
    const OrtKeyValuePairs *config_entries;
};

/* A client's operator; read as far as its version says: 16 up to KernelComputeV2 (by name: CreateKernelV2,
 * KernelComputeV2), 17 up to GetEndVersion, 18 all. */
struct OrtCustomOp {
    uint32_t version;
    void *(*CreateKernel)(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info);
    const char *(*GetName)(const OrtCustomOp *op);
    const char *(*GetExecutionProviderType)(const OrtCustomOp *op);
    ONNXTensorElementDataType (*GetInputType)(const OrtCustomOp *op, size_t index);
    size_t (*GetInputTypeCount)(const OrtCustomOp *op);
    ONNXTensorElementDataType (*GetOutputType)(const OrtCustomOp *op, size_t index);
    size_t (*GetOutputTypeCount)(const OrtCustomOp *op);
    void (*KernelCompute)(void *kernel, OrtKernelContext *context);
    void (*KernelDestroy)(void *kernel);
    OrtCustomOpInputOutputCharacteristic (*GetInputCharacteristic)(const OrtCustomOp *op, size_t index);
    OrtCustomOpInputOutputCharacteristic (*GetOutputCharacteristic)(const OrtCustomOp *op, size_t index);
    OrtMemType (*GetInputMemoryType)(const OrtCustomOp *op, size_t index);
    int (*GetVariadicInputMinArity)(const OrtCustomOp *op);
    int (*GetVariadicInputHomogeneity)(const OrtCustomOp *op);
    int (*GetVariadicOutputMinArity)(const OrtCustomOp *op);
    int (*GetVariadicOutputHomogeneity)(const OrtCustomOp *op);
    OrtStatus *(*CreateKernelV2)(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **kernel);
    OrtStatus *(*KernelComputeV2)(void *kernel, OrtKernelContext *context);
    OrtStatus *(*InferOutputShapeFn)(const OrtCustomOp *op, OrtShapeInferContext *context);
    int (*GetStartVersion)(const OrtCustomOp *op);
    int (*GetEndVersion)(const OrtCustomOp *op);
    size_t (*GetMayInplace)(int **input_index, int **output_index);
    void (*ReleaseMayInplace)(int *input_index, int *output_index);
    size_t (*GetAliasMap)(int **input_index, int **output_index);
    void (*ReleaseAliasMap)(int *input_index, int *output_index);
};

#endif
