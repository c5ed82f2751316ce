// The C++ client's harness: the program runs itself once per test.
#include "client.hpp"
#include <cstring>
#include <iostream>
#include <iterator>
#include <sys/wait.h>
#include <unistd.h>

namespace client {
namespace {
struct Test {
    const char *name;
    Run run;
};
std::vector<Test> &tests() {
    static std::vector<Test> all;
    return all;
}

void report(const char *name, const std::string &why) {
    std::string line = why;
    for (char &c : line)
        if (c == '\n') c = ' ';
    std::cout << (why.empty() ? "PASS" : "FAIL") << " cpp " << name << (why.empty() ? "" : ": ") << line << std::endl;
}

int run_one(const Test &test) {
    alarm(120);
    try {
        Ort::Env env(ORT_LOGGING_LEVEL_FATAL, "cpp");
        test.run(env);
    } catch (const std::exception &e) {
        report(test.name, std::string(e.what()) + " ");
        return 1;
    }
    report(test.name, "");
    return 0;
}

std::string quoted(const std::string &text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

template <typename T> void numbers(std::ostream &out, const Ort::Value &value, const char *name, bool bare) {
    const auto info = value.GetTensorTypeAndShapeInfo();
    if (!bare) {
        out << name << " [";
        const auto shape = info.GetShape();
        for (size_t i = 0; i < shape.size(); i++) out << (i ? "," : "") << shape[i];
        out << "]";
    }
    const T *data = value.GetTensorData<T>();
    for (size_t i = 0; i < info.GetElementCount(); i++) out << ' ' << +data[i];
}

void text(std::ostream &out, const Ort::Value &value) {
    out << "string [";
    const auto info = value.GetTensorTypeAndShapeInfo();
    const auto shape = info.GetShape();
    for (size_t i = 0; i < shape.size(); i++) out << (i ? "," : "") << shape[i];
    out << "]";
    for (size_t i = 0; i < info.GetElementCount(); i++) out << ' ' << quoted(value.GetStringTensorElement(i));
}

void put(std::ostream &out, const Ort::Value &value) {
    out.precision(9);
    const auto kind = value.GetTypeInfo().GetONNXType();
    if (kind == ONNX_TYPE_SEQUENCE || kind == ONNX_TYPE_MAP) { // a map as its keys and values
        out << (kind == ONNX_TYPE_MAP ? "map" : "sequence");
        Ort::AllocatorWithDefaultOptions heap;
        for (size_t i = 0; i < value.GetCount(); i++) {
            out << ' ';
            put(out, value.GetValue(int(i), heap));
        }
        return;
    }
    switch (value.GetTensorTypeAndShapeInfo().GetElementType()) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT: return numbers<float>(out, value, "float", false);
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE: return numbers<double>(out, value, "double", false);
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64: return numbers<int64_t>(out, value, "int64", false);
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32: return numbers<int32_t>(out, value, "int32", false);
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL: return numbers<bool>(out, value, "bool", false);
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING: return text(out, value);
    default: out << "other";
    }
}
} // namespace

bool add(const char *name, Run run) {
    tests().push_back({name, std::move(run)});
    return true;
}

void expect(bool good, const char *what, int line) {
    if (!good) throw std::runtime_error("line " + std::to_string(line) + ": " + what);
}

std::string model(const std::string &name) { return std::string(getenv("MODELS")) + "/" + name; }

std::vector<char> bytes(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

static void line(const std::string &content) { std::ofstream(std::string(getenv("OUT")) + "/answers.txt", std::ios::app) << content; }

void answer(const std::string &check, const std::string &output, const Ort::Value &value) {
    std::ostringstream out;
    out << check << ' ' << output << ' ';
    put(out, value);
    out << '\n';
    line(out.str());
}

void answer(const std::string &check, const std::string &output, const std::string &value) {
    line(check + ' ' + output + " string [] " + quoted(value) + '\n');
}

int main(int argc, char **argv) {
    if (argc > 1) {
        for (const Test &test : tests())
            if (!strcmp(test.name, argv[1])) return run_one(test);
        return 2;
    }
    int failed = 0;
    for (const Test &test : tests()) {
        const pid_t child = fork();
        if (!child) {
            execl(argv[0], argv[0], test.name, nullptr);
            _exit(127);
        }
        int status = 0;
        waitpid(child, &status, 0);
        if (WIFSIGNALED(status)) report(test.name, std::string("signal ") + strsignal(WTERMSIG(status)));
        failed += status != 0;
    }
    return failed != 0;
}
} // namespace client

int main(int argc, char **argv) { return client::main(argc, argv); }
