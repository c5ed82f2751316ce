// Environments, options, sessions and what they say of a model, through the official C++ header.
#include "client.hpp"
#include <atomic>
#include <sys/stat.h>

using client::model;
using client::thrown;

TEST(version) {
    EXPECT(Ort::GetVersionString().rfind("1.", 0) == 0);
    EXPECT(!Ort::GetBuildInfoString().empty());
    bool found = false;
    for (const std::string &name : Ort::GetAvailableProviders()) found |= name == "CPUExecutionProvider";
    EXPECT(found);
}

TEST(environment) {
    Ort::Env second(ORT_LOGGING_LEVEL_WARNING, "second");
    EXPECT(static_cast<OrtEnv *>(second) == static_cast<OrtEnv *>(env));
    env.DisableTelemetryEvents().EnableTelemetryEvents().UpdateEnvWithCustomLogLevel(ORT_LOGGING_LEVEL_ERROR);
    Ort::ThreadingOptions threads;
    threads.SetGlobalIntraOpNumThreads(2).SetGlobalInterOpNumThreads(1).SetGlobalSpinControl(0).SetGlobalDenormalAsZero();
    Ort::Env pools(threads, ORT_LOGGING_LEVEL_WARNING, "pools");
}

TEST(devices) {
    const auto devices = env.GetEpDevices();
    EXPECT(!devices.empty());
    EXPECT(std::string(devices[0].EpName()) == "CPUExecutionProvider");
    EXPECT(devices[0].Device().Type() == OrtHardwareDeviceType_CPU);
    EXPECT(devices[0].EpVendor() != nullptr);
    (void)devices[0].EpMetadata().GetKeyValuePairs();
    Ort::SessionOptions options;
    options.AppendExecutionProvider_V2(env, {devices[0]}, std::unordered_map<std::string, std::string>{});
    Ort::Session s(env, model("conv.onnx").c_str(), options);
}

TEST(status_object) {
    Ort::Status good, bad("a text", ORT_EP_FAIL);
    EXPECT(good.IsOK() && !bad.IsOK());
    EXPECT(bad.GetErrorCode() == ORT_EP_FAIL && bad.GetErrorMessage() == "a text");
    Ort::Status from(std::runtime_error("of an exception"));
    EXPECT(from.GetErrorMessage() == "of an exception");
}

TEST(memory_info) {
    const auto cpu = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
    const Ort::MemoryInfo same("Cpu", OrtDeviceAllocator, 0, OrtMemTypeDefault);
    EXPECT(cpu == same);
    EXPECT(cpu.GetAllocatorName() == "Cpu" && cpu.GetDeviceId() == 0);
    EXPECT(cpu.GetAllocatorType() == OrtDeviceAllocator && cpu.GetMemoryType() == OrtMemTypeDefault);
    EXPECT(cpu.GetDeviceType() == OrtMemoryInfoDeviceType_CPU);
    EXPECT(cpu.GetDeviceMemoryType() == OrtDeviceMemoryType_DEFAULT);
    const Ort::MemoryInfo arena("Cpu", OrtArenaAllocator, 0, OrtMemTypeDefault);
    EXPECT(!(cpu == arena));
}

TEST(allocators) {
    Ort::AllocatorWithDefaultOptions heap;
    EXPECT(heap.GetInfo().GetAllocatorName() == "Cpu");
    void *p = heap.Alloc(64);
    EXPECT(p);
    heap.Free(p);
    { Ort::MemoryAllocation owned = heap.GetAllocation(128); EXPECT(owned.get() && owned.size() == 128); }
    (void)heap.GetStats().GetKeyValuePairs();
    Ort::Session s(env, model("conv.onnx").c_str(), Ort::SessionOptions{});
    Ort::Allocator own(s, Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault));
    p = own.Alloc(100);
    own.Free(p);
    Ort::ArenaCfg arena(0, -1, -1, -1);
    const auto cpu = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    env.CreateAndRegisterAllocator(cpu, arena);
    Ort::SessionOptions shared;
    shared.AddConfigEntry("session.use_env_allocators", "1");
    Ort::Session with_shared(env, model("conv.onnx").c_str(), shared);
}

TEST(session_options) {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(2).SetInterOpNumThreads(1).SetGraphOptimizationLevel(ORT_ENABLE_ALL).SetDeterministicCompute(true);
    options.EnableCpuMemArena().DisableCpuMemArena().EnableMemPattern().DisableMemPattern();
    options.SetExecutionMode(ORT_SEQUENTIAL).SetLogId("id").SetLogSeverityLevel(3).DisableProfiling();
    options.AddConfigEntry("session.load_model_format", "ONNX");
    EXPECT(options.HasConfigEntry("session.load_model_format") && !options.HasConfigEntry("none"));
    EXPECT(options.GetConfigEntry("session.load_model_format") == "ONNX");
    EXPECT(options.GetConfigEntryOrDefault("none", "other") == "other");
    thrown([&] { options.GetConfigEntry("none"); }, ORT_INVALID_ARGUMENT);
    thrown([&] { options.AppendExecutionProvider("Bogus", {}); }, ORT_INVALID_ARGUMENT);
    Ort::SessionOptions copy = options.Clone();
    EXPECT(copy.HasConfigEntry("session.load_model_format"));
    EXPECT(copy.GetExecutionMode() == ORT_SEQUENTIAL);
    Ort::Session s(env, model("conv.onnx").c_str(), copy);
}

TEST(names_and_shapes) {
    Ort::Session s(env, model("two_inputs.onnx").c_str(), Ort::SessionOptions{});
    Ort::AllocatorWithDefaultOptions heap;
    EXPECT(s.GetInputCount() == 2 && s.GetOutputCount() == 2 && s.GetOverridableInitializerCount() == 0);
    EXPECT(std::string(s.GetInputNameAllocated(0, heap).get()) == "a");
    EXPECT(std::string(s.GetOutputNameAllocated(1, heap).get()) == "z");
    EXPECT((s.GetInputNames() == std::vector<std::string>{"a", "b"}));
    EXPECT((s.GetOutputNames() == std::vector<std::string>{"y", "z"}));
    const auto type = s.GetInputTypeInfo(0);
    const auto info = type.GetTensorTypeAndShapeInfo();
    EXPECT(type.GetONNXType() == ONNX_TYPE_TENSOR);
    EXPECT(info.GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
    EXPECT((info.GetShape() == std::vector<int64_t>{-1, 3}));
    EXPECT(info.GetDimensionsCount() == 2 && info.HasShape());
    EXPECT(std::string(info.GetSymbolicDimensions()[0]) == "batch");
    EXPECT(s.GetMemoryInfoForInputs().size() == 2 && s.GetMemoryInfoForOutputs().size() == 2);
    EXPECT(s.GetEpDeviceForInputs().size() == 2);
    thrown([&] { s.GetInputTypeInfo(5); }, -1);
}

TEST(nested_types) {
    Ort::Session s(env, model("classifier_strings.onnx").c_str(), Ort::SessionOptions{});
    const auto type = s.GetOutputTypeInfo(1);
    EXPECT(type.GetONNXType() == ONNX_TYPE_SEQUENCE);
    const auto element = type.GetSequenceTypeInfo().GetSequenceElementType();
    EXPECT(element.GetONNXType() == ONNX_TYPE_MAP);
    const auto map = element.GetMapTypeInfo();
    EXPECT(map.GetMapKeyType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
    EXPECT(map.GetMapValueType().GetTensorTypeAndShapeInfo().GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
    Ort::Session o(env, model("optional.onnx").c_str(), Ort::SessionOptions{});
    const auto optional = o.GetOutputTypeInfo(0);
    EXPECT(optional.GetONNXType() == ONNX_TYPE_OPTIONAL);
    EXPECT(optional.GetOptionalTypeInfo().GetOptionalElementType().GetONNXType() == ONNX_TYPE_TENSOR);
}

TEST(metadata) {
    Ort::Session s(env, model("two_inputs.onnx").c_str(), Ort::SessionOptions{});
    const auto meta = s.GetModelMetadata();
    Ort::AllocatorWithDefaultOptions heap;
    EXPECT(std::string(meta.GetProducerNameAllocated(heap).get()) == "sard");
    EXPECT(std::string(meta.GetGraphNameAllocated(heap).get()) == "two_inputs");
    EXPECT(std::string(meta.GetDomainAllocated(heap).get()) == "sard.test");
    EXPECT(meta.GetVersion() == 7);
    client::answer("metadata", "description", meta.GetDescriptionAllocated(heap).get());
    client::answer("metadata", "graph_description", meta.GetGraphDescriptionAllocated(heap).get());
    EXPECT(meta.GetCustomMetadataMapKeysAllocated(heap).size() == 3);
    EXPECT(std::string(meta.LookupCustomMetadataMapAllocated("author", heap).get()) == "sard");
    EXPECT(!meta.LookupCustomMetadataMapAllocated("none", heap));
}

TEST(overridable_initializers) {
    Ort::Session s(env, model("overridable.onnx").c_str(), Ort::SessionOptions{});
    Ort::AllocatorWithDefaultOptions heap;
    EXPECT(s.GetInputCount() == 1 && s.GetOverridableInitializerCount() == 1);
    EXPECT(std::string(s.GetOverridableInitializerNameAllocated(0, heap).get()) == "w");
    EXPECT(s.GetOverridableInitializerTypeInfo(0).GetONNXType() == ONNX_TYPE_TENSOR);
}

TEST(free_dimensions) {
    Ort::SessionOptions options;
    options.AddFreeDimensionOverrideByName("batch", 5);
    Ort::Session s(env, model("two_inputs.onnx").c_str(), options);
    EXPECT((s.GetInputTypeInfo(0).GetTensorTypeAndShapeInfo().GetShape() == std::vector<int64_t>{5, 3}));
}

TEST(session_from_memory) {
    auto bytes = client::bytes(model("conv.onnx"));
    Ort::Session s(env, bytes.data(), bytes.size(), Ort::SessionOptions{});
    EXPECT(s.GetInputCount() == 1);
    Ort::PrepackedWeightsContainer box;
    Ort::Session shared(env, bytes.data(), bytes.size(), Ort::SessionOptions{}, box);
    Ort::Session again(env, model("conv.onnx").c_str(), Ort::SessionOptions{}, box);
}

TEST(external_files_in_memory) {
    auto file = client::bytes(model("external.bin")), bytes = client::bytes(model("external.onnx"));
    Ort::SessionOptions options;
    options.AddExternalInitializersFromFilesInMemory({"external.bin"}, {file.data()}, {file.size()});
    Ort::Session s(env, bytes.data(), bytes.size(), options);
}

TEST(optimized_model) {
    const std::string path = std::string(getenv("OUT")) + "/cpp_optimized.onnx";
    Ort::SessionOptions options;
    options.SetOptimizedModelFilePath(path.c_str()).SetGraphOptimizationLevel(ORT_ENABLE_BASIC);
    { Ort::Session s(env, model("conv.onnx").c_str(), options); }
    Ort::Session s(env, path.c_str(), Ort::SessionOptions{}); // what was written can be loaded
    EXPECT(s.GetInputNames() == std::vector<std::string>{"x"});
}

TEST(profiling) {
    const std::string prefix = std::string(getenv("OUT")) + "/cpp_profile";
    Ort::SessionOptions options;
    options.EnableProfiling(prefix.c_str());
    Ort::Session s(env, model("conv.onnx").c_str(), options);
    EXPECT(s.GetProfilingStartTimeNs() > 0);
    Ort::AllocatorWithDefaultOptions heap;
    const std::string file = s.EndProfilingAllocated(heap).get();
    EXPECT(file.rfind(prefix, 0) == 0);
    EXPECT(client::bytes(file).size() > 2);
}

TEST(load_errors) {
    const auto load = [&](const char *name) { Ort::Session s(env, model(name).c_str(), Ort::SessionOptions{}); };
    EXPECT(!thrown([&] { load("nope.onnx"); }, ORT_NO_SUCHFILE).empty());
    EXPECT(!thrown([&] { load("garbage.onnx"); }, ORT_INVALID_PROTOBUF).empty());
    EXPECT(!thrown([&] { load("badop.onnx"); }, ORT_INVALID_GRAPH).empty());
    thrown([&] { Ort::Session s(env, "", size_t(0), Ort::SessionOptions{}); }, ORT_INVALID_ARGUMENT);
}

TEST(logging_function) {
    std::atomic<int> lines{0};
    const OrtLoggingFunction count = [](void *p, OrtLoggingLevel, const char *, const char *, const char *, const char *) {
        ++*static_cast<std::atomic<int> *>(p);
    };
    Ort::SessionOptions options;
    options.SetLogSeverityLevel(0);
    Ort::ThrowOnError(Ort::GetApi().SetUserLoggingFunction(options, count, &lines));
    Ort::Session s(env, model("conv.onnx").c_str(), options);
    EXPECT(lines > 0);
}
