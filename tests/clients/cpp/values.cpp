// Values of every kind through the official C++ header.
#include "client.hpp"
#include <cstring>

using client::thrown;

static Ort::MemoryInfo cpu() { return Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault); }

TEST(tensor_over_data) {
    float data[] = {1, 2, 3, 4, 5, 6};
    const int64_t shape[] = {2, 3};
    auto v = Ort::Value::CreateTensor<float>(cpu(), data, 6, shape, 2);
    EXPECT(v.IsTensor() && v.HasValue() && !v.IsSparseTensor());
    EXPECT(v.GetTensorMutableData<float>() == data && v.GetTensorData<float>() == data);
    EXPECT(v.At<float>({1, 1}) == 5);
    v.At<float>({0, 0}) = 9;
    EXPECT(data[0] == 9);
    const auto info = v.GetTensorTypeAndShapeInfo();
    EXPECT(info.GetElementCount() == 6 && info.GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
    EXPECT(v.GetTensorMemoryInfo().GetAllocatorName() == "Cpu");
    EXPECT(v.GetTensorSizeInBytes() == sizeof data);
    EXPECT(v.GetTypeInfo().GetONNXType() == ONNX_TYPE_TENSOR);
    thrown([&] { Ort::Value::CreateTensor<float>(cpu(), data, 2, shape, 2); }, ORT_INVALID_ARGUMENT);
}

TEST(tensor_of_allocator) {
    Ort::AllocatorWithDefaultOptions heap;
    const int64_t shape[] = {4};
    auto v = Ort::Value::CreateTensor<int64_t>(heap, shape, 1);
    for (int i = 0; i < 4; i++) v.GetTensorMutableData<int64_t>()[i] = i * i;
    client::answer("tensor", "int64", v);
    auto half = Ort::Value::CreateTensor<Ort::Float16_t>(heap, shape, 1);
    half.GetTensorMutableData<Ort::Float16_t>()[0] = Ort::Float16_t(1.5F);
    EXPECT(half.GetTensorData<Ort::Float16_t>()[0].ToFloat() == 1.5F);
    auto brain = Ort::Value::CreateTensor<Ort::BFloat16_t>(heap, shape, 1);
    EXPECT(brain.GetTensorTypeAndShapeInfo().GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16);
    auto flag = Ort::Value::CreateTensor<bool>(heap, shape, 1);
    EXPECT(flag.GetTensorTypeAndShapeInfo().GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL);
}

TEST(string_tensor) {
    Ort::AllocatorWithDefaultOptions heap;
    const int64_t shape[] = {3};
    const char *const text[] = {"one", "", "žluť"};
    auto v = Ort::Value::CreateTensor(heap, shape, 1, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
    v.FillStringTensor(text, 3);
    EXPECT(v.GetStringTensorDataLength() == 3 + strlen("žluť"));
    EXPECT(v.GetStringTensorElementLength(0) == 3);
    EXPECT(v.GetStringTensorElement(2) == "žluť");
    v.FillStringTensorElement("changed", 1);
    std::vector<char> all(v.GetStringTensorDataLength());
    size_t offsets[3];
    v.GetStringTensorContent(all.data(), all.size(), offsets, 3);
    EXPECT(offsets[1] == 3 && offsets[2] == 10);
    memcpy(v.GetResizedStringTensorElementBuffer(0, 2), "xy", 2);
    client::answer("strings", "v", v);
    thrown([&] { v.FillStringTensor(text, 2); }, ORT_INVALID_ARGUMENT);
    thrown([&] { v.GetStringTensorElement(9); }, ORT_INVALID_ARGUMENT);
}

TEST(sequence_and_map) {
    int64_t keys[] = {3, 1};
    float values[] = {0.25F, 0.75F};
    const int64_t shape[] = {2};
    auto k = Ort::Value::CreateTensor<int64_t>(cpu(), keys, 2, shape, 1);
    auto v = Ort::Value::CreateTensor<float>(cpu(), values, 2, shape, 1);
    auto map = Ort::Value::CreateMap(k, v);
    EXPECT(map.GetCount() == 2);
    client::answer("containers", "map", map);
    std::vector<Ort::Value> maps;
    maps.push_back(std::move(map));
    auto sequence = Ort::Value::CreateSequence(maps);
    EXPECT(sequence.GetTypeInfo().GetONNXType() == ONNX_TYPE_SEQUENCE && sequence.GetCount() == 1);
    client::answer("containers", "sequence", sequence);
    Ort::AllocatorWithDefaultOptions heap;
    thrown([&] { (void)sequence.GetValue(7, heap); }, -1);
    thrown([&] { (void)v.GetCount(); }, ORT_FAIL);
}

TEST(type_info) {
    const int64_t dims[] = {-1, 4};
    const std::vector<int64_t> shape(dims, dims + 2);
    const std::vector<std::string> names{"rows", ""};
    Ort::TensorTypeAndShapeInfo info(ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, shape, &names);
    EXPECT(info.GetShape() == shape);
    EXPECT(std::string(info.GetSymbolicDimensions()[0]) == "rows");
    EXPECT(info.GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32);
}

TEST(key_value_pairs) {
    Ort::KeyValuePairs pairs;
    pairs.Add("one", "1");
    pairs.Add("two", "2");
    EXPECT(std::string(pairs.GetValue("two")) == "2" && !pairs.GetValue("three"));
    pairs.Remove("one");
    EXPECT(pairs.GetKeyValuePairs().size() == 1);
    const Ort::KeyValuePairs from(std::unordered_map<std::string, std::string>{{"a", "b"}});
    EXPECT(std::string(from.GetValue("a")) == "b");
}

TEST(sparse_tensor) {
    float values[] = {1, 2};
    int64_t at[] = {1, 5};
    const int64_t dense[] = {2, 3}, nonzero[] = {2};
    auto v = Ort::Value::CreateSparseTensor<float>(cpu(), values, Ort::detail::Shape{dense, 2}, Ort::detail::Shape{nonzero, 1});
    v.UseCooIndices(at, 2);
    EXPECT(v.IsSparseTensor() && v.GetSparseFormat() == ORT_SPARSE_COO);
    EXPECT(v.GetSparseTensorValues<float>() == values);
    size_t n = 0;
    EXPECT(v.GetSparseTensorIndicesData<int64_t>(ORT_SPARSE_COO_INDICES, n)[1] == 5 && n == 2);
    EXPECT(v.GetSparseTensorValuesTypeAndShapeInfo().GetElementCount() == 2);
    EXPECT(v.GetTypeInfo().GetONNXType() == ONNX_TYPE_SPARSETENSOR);
}

TEST(attributes) {
    const float f[] = {1, 2};
    Ort::OpAttr attribute("values", f, 2, ORT_OP_ATTR_FLOATS);
    EXPECT(attribute.GetName() == "values" && attribute.GetType() == ORT_OP_ATTR_FLOATS);
    std::vector<float> back;
    EXPECT(attribute.GetValueArray(back).IsOK() && back.size() == 2 && back[1] == 2);
    Ort::OpAttr text("text", "abc", 3, ORT_OP_ATTR_STRING);
    std::string value;
    EXPECT(text.GetValue(value).IsOK() && value == "abc");
}
