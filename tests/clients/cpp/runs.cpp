// Runs through the official C++ header: classifiers, bindings, custom operators, threads, termination.
#include "client.hpp"
#include <atomic>
#include <chrono>
#include <thread>

using client::model;
using client::thrown;

static Ort::MemoryInfo cpu() { return Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault); }

static Ort::Value tensor(std::vector<float> &data, std::vector<int64_t> shape) {
    return Ort::Value::CreateTensor<float>(cpu(), data.data(), data.size(), shape.data(), shape.size());
}

static std::vector<float> iris{5.1F, 3.5F, 1.4F, 0.2F, 6.2F, 2.9F, 4.3F, 1.3F, 7.7F, 3, 6.1F, 2.3F};

static std::vector<Ort::Value> run(Ort::Session &s, const char *name, const Ort::Value &in, std::vector<const char *> outputs) {
    return s.Run(Ort::RunOptions{nullptr}, &name, &in, 1, outputs.data(), outputs.size());
}

TEST(classifier) {
    Ort::Session s(env, model("classifier.onnx").c_str(), Ort::SessionOptions{});
    auto out = run(s, "x", tensor(iris, {3, 4}), {"label", "probabilities"});
    client::answer("classifier", "label", out[0]);
    client::answer("classifier", "probabilities", out[1]);
}

TEST(string_classifier) {
    Ort::Session s(env, model("classifier_strings.onnx").c_str(), Ort::SessionOptions{});
    Ort::AllocatorWithDefaultOptions heap;
    const int64_t shape[] = {3, 1};
    const char *const color[] = {"red", "blue", "unseen"}, *const names[] = {"color", "size"}, *const outputs[] = {"label", "probabilities"};
    std::vector<float> size{1, 2, 9};
    std::vector<Ort::Value> in;
    in.push_back(Ort::Value::CreateTensor(heap, shape, 2, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING));
    in[0].FillStringTensor(color, 3);
    in.push_back(tensor(size, {3, 1}));
    auto out = s.Run(Ort::RunOptions{}, names, in.data(), 2, outputs, 2);
    client::answer("string_classifier", "label", out[0]);
    client::answer("string_classifier", "probabilities", out[1]);
}

TEST(strings_in_and_out) {
    Ort::Session s(env, model("strings.onnx").c_str(), Ort::SessionOptions{});
    Ort::AllocatorWithDefaultOptions heap;
    const int64_t shape[] = {3};
    const char *const text[] = {"a", "", "žluť"};
    auto in = Ort::Value::CreateTensor(heap, shape, 1, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
    in.FillStringTensor(text, 3);
    auto out = run(s, "s", in, {"t", "id"});
    client::answer("strings_run", "t", out[0]);
    client::answer("strings_run", "id", out[1]);
}

TEST(containers) {
    std::vector<float> x{1, 2, 3};
    Ort::Session split(env, model("sequence.onnx").c_str(), Ort::SessionOptions{}), join(env, model("sequence_input.onnx").c_str(), Ort::SessionOptions{});
    auto out = run(split, "x", tensor(x, {3}), {"s", "n"});
    client::answer("containers_run", "s", out[0]);
    auto back = run(join, "s", out[0], {"y", "n"});
    client::answer("containers_run", "y", back[0]);
    int64_t keys[] = {2, 3, 9};
    const int64_t shape[] = {3};
    auto map = Ort::Value::CreateMap(Ort::Value::CreateTensor<int64_t>(cpu(), keys, 3, shape, 1), tensor(x, {3}));
    Ort::Session maps(env, model("map_input_int.onnx").c_str(), Ort::SessionOptions{});
    client::answer("containers_run", "map", run(maps, "m", map, {"y"})[0]);
}

TEST(outputs_in_place) {
    std::vector<float> x{1, 2, 3}, y(3, -1);
    Ort::Session s(env, model("identity_float.onnx").c_str(), Ort::SessionOptions{});
    auto in = tensor(x, {3}), out = tensor(y, {3});
    const char *const input = "x", *const output = "y";
    s.Run(Ort::RunOptions{nullptr}, &input, &in, 1, &output, &out, 1);
    EXPECT(y == x);
}

TEST(binding) {
    std::vector<float> a{1, 2, 3}, z(3);
    Ort::Session s(env, model("one_input.onnx").c_str(), Ort::SessionOptions{});
    Ort::IoBinding binding(s);
    binding.BindInput("a", tensor(a, {1, 3}));
    binding.BindOutput("z", tensor(z, {1, 3}));
    binding.SynchronizeInputs();
    s.Run(Ort::RunOptions{}, binding);
    binding.SynchronizeOutputs();
    EXPECT((z == std::vector<float>{2, 3, 4}));
    binding.ClearBoundOutputs();
    binding.BindOutput("z", cpu());
    s.Run(Ort::RunOptions{}, binding);
    EXPECT(binding.GetOutputNames() == std::vector<std::string>{"z"});
    EXPECT(binding.GetOutputValues()[0].GetTensorData<float>()[2] == 4);
    binding.ClearBoundInputs();
    binding.ClearBoundOutputs();
    EXPECT(binding.GetOutputValues().empty());
}

TEST(run_errors) {
    std::vector<float> x(12);
    Ort::Session s(env, model("one_input.onnx").c_str(), Ort::SessionOptions{});
    EXPECT(!thrown([&] { run(s, "a", tensor(x, {3, 4}), {"z"}); }, ORT_INVALID_ARGUMENT).empty());
    EXPECT(!thrown([&] { run(s, "a", tensor(x, {12}), {"z"}); }, ORT_INVALID_ARGUMENT).empty());
    EXPECT(!thrown([&] { run(s, "b", tensor(x, {4, 3}), {"z"}); }, ORT_INVALID_ARGUMENT).empty());
    EXPECT(!thrown([&] { run(s, "a", tensor(x, {4, 3}), {"none"}); }, ORT_INVALID_ARGUMENT).empty());
}

TEST(run_options) {
    Ort::RunOptions options;
    options.SetRunTag("tag").SetRunLogSeverityLevel(2).SetRunLogVerbosityLevel(4).AddConfigEntry("a", "b");
    EXPECT(std::string(options.GetRunTag()) == "tag" && options.GetRunLogSeverityLevel() == 2 && options.GetRunLogVerbosityLevel() == 4);
    EXPECT(std::string(options.GetConfigEntry("a")) == "b");
}

TEST(terminate) {
    std::vector<float> x(128 * 128);
    Ort::Session s(env, model("slow.onnx").c_str(), Ort::SessionOptions{});
    Ort::RunOptions options;
    const char *const input = "x", *const output = "y";
    auto in = tensor(x, {128, 128});
    const auto began = std::chrono::steady_clock::now();
    std::thread stopper([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        options.SetTerminate();
    });
    const std::string text = thrown([&] { s.Run(options, &input, &in, 1, &output, 1); }, ORT_FAIL);
    stopper.join();
    EXPECT(!text.empty() && std::chrono::steady_clock::now() - began < std::chrono::seconds(10));
    thrown([&] { s.Run(options, &input, &in, 1, &output, 1); }, ORT_FAIL); // the flag stays
    options.UnsetTerminate();
}

TEST(threads) {
    Ort::Session s(env, model("conv.onnx").c_str(), Ort::SessionOptions{});
    std::atomic<int> wrong{0};
    std::vector<std::thread> all;
    std::vector<float> x(64, 0.5F);
    const float expected = run(s, "x", tensor(x, {1, 1, 8, 8}), {"y"})[0].GetTensorData<float>()[0];
    for (int t = 0; t < 4; t++)
        all.emplace_back([&] {
            for (int i = 0; i < 100; i++)
                if (run(s, "x", tensor(x, {1, 1, 8, 8}), {"y"})[0].GetTensorData<float>()[0] != expected) ++wrong;
        });
    for (auto &t : all) t.join();
    EXPECT(wrong == 0);
}

TEST(async) {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(2);
    Ort::Session s(env, model("conv.onnx").c_str(), options);
    std::vector<float> x(64, 0.5F);
    auto in = tensor(x, {1, 1, 8, 8});
    Ort::Value out{nullptr};
    const char *const input = "x", *const output = "y";
    std::atomic<bool> done{false};
    s.RunAsync(Ort::RunOptions{nullptr}, &input, &in, 1, &output, &out, 1,
               [](void *user, OrtValue **, size_t, OrtStatusPtr status) {
                   Ort::Status owned(status);
                   *static_cast<std::atomic<bool> *>(user) = owned.IsOK();
               }, &done);
    for (int i = 0; i < 2000 && !done; i++) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT(done);
    client::answer("async", "y", out);
}

struct MulAddKernel {
    MulAddKernel(const OrtApi &, const OrtKernelInfo *info) {
        const Ort::ConstKernelInfo about{info};
        alpha = about.GetAttribute<float>("alpha");
        EXPECT(about.GetAttribute<std::string>("label") == "five");
        EXPECT((about.GetAttributes<int64_t>("dims") == std::vector<int64_t>{1, 2, 3}));
        EXPECT(about.GetInputCount() == 2 && about.GetOutputCount() == 1 && about.GetNodeName() == "mul_add");
        EXPECT(about.GetInputName(1) == "b" && about.GetOutputName(0) == "c");
    }
    void Compute(OrtKernelContext *context) {
        Ort::KernelContext c(context);
        const auto a = c.GetInput(0), b = c.GetInput(1);
        const auto shape = a.GetTensorTypeAndShapeInfo().GetShape();
        auto out = c.GetOutput(0, shape.data(), shape.size());
        for (int64_t i = 0; i < shape[0]; i++)
            out.GetTensorMutableData<float>()[i] = a.GetTensorData<float>()[i] * b.GetTensorData<float>()[i] + alpha;
    }
    float alpha;
};

struct MulAdd : Ort::CustomOpBase<MulAdd, MulAddKernel> {
    void *CreateKernel(const OrtApi &api, const OrtKernelInfo *info) const { return new MulAddKernel(api, info); }
    const char *GetName() const { return "MulAdd"; }
    size_t GetInputTypeCount() const { return 2; }
    ONNXTensorElementDataType GetInputType(size_t) const { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; }
    size_t GetOutputTypeCount() const { return 1; }
    ONNXTensorElementDataType GetOutputType(size_t) const { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; }
    static Ort::Status InferOutputShape(Ort::ShapeInferContext &context) {
        return context.SetOutputShape(0, context.GetInputShape(0));
    }
};

TEST(custom_operator) {
    const MulAdd op;
    Ort::CustomOpDomain domain("test.custom");
    domain.Add(&op);
    Ort::SessionOptions options;
    options.Add(domain);
    Ort::Session s(env, model("custom.onnx").c_str(), options);
    std::vector<float> a{1, 2, 3}, b{4, 5, 6};
    std::vector<Ort::Value> in;
    in.push_back(tensor(a, {3}));
    in.push_back(tensor(b, {3}));
    const char *const names[] = {"a", "b"}, *const output = "c";
    client::answer("custom", "c", s.Run(Ort::RunOptions{nullptr}, names, in.data(), 2, &output, 1)[0]);
}
