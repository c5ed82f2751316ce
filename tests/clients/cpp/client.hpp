// The C++ client's harness: a table of tests, each run in a process of its own; expectations; lines of answers.txt.
#pragma once
#include "onnxruntime_cxx_api.h"
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

namespace client {
using Run = std::function<void(Ort::Env &)>;
bool add(const char *name, Run run); // registers a test; true
int main(int argc, char **argv);

void expect(bool good, const char *what, int line); // throws when not good
template <typename F> std::string thrown(F f, int code) { // the text of an Ort::Exception with this code (-1: any)
    try {
        f();
    } catch (const Ort::Exception &e) {
        if (code >= 0 && e.GetOrtErrorCode() != code)
            throw std::runtime_error("code " + std::to_string(e.GetOrtErrorCode()) + ", expected " + std::to_string(code));
        return e.what();
    }
    throw std::runtime_error("no exception, expected code " + std::to_string(code));
}

std::string model(const std::string &name);
std::vector<char> bytes(const std::string &path);
void answer(const std::string &check, const std::string &output, const Ort::Value &value);
void answer(const std::string &check, const std::string &output, const std::string &text);
} // namespace client

#define EXPECT(truth) client::expect(bool(truth), #truth, __LINE__)
#define TEST(name)                                                        \
    static void name(Ort::Env &env);                                      \
    static const bool name##_added = client::add(#name, name);            \
    static void name([[maybe_unused]] Ort::Env &env)
