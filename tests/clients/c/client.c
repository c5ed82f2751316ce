/* The C clients' harness. The program runs itself once per test (its argument is the test's name), so that a crash, a hang
 * or a leftover thread of one test is that test's failure and nothing else. */
#include "client.h"
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 120 }; /* a test may take */

const OrtApi *ort;
OrtEnv *env;
OrtAllocator *heap;
OrtMemoryInfo *cpu;

static char failure[400];
static const char *current;
static FILE *answers;

static const char *client_name(void) {
    const char *name = getenv("CLIENT");
    return name ? name : "c";
}

/* ---- checks -------------------------------------------------------------------------------------------------------- */
void client_fail(const char *format, ...) {
    va_list list;
    if (failure[0]) return;
    va_start(list, format);
    vsnprintf(failure, sizeof failure, format, list);
    va_end(list);
    for (char *c = failure; *c; c++)
        if (*c == '\n') *c = ' ';
}

int client_expect(int truth, const char *what, const char *file, int line) {
    const char *base = strrchr(file, '/');
    if (!truth) client_fail("%s:%d: %s", base ? base + 1 : file, line, what);
    return truth;
}

void client_part(const char *name, int good, const char *why) {
    if (good)
        printf("PASS %s %s\n", client_name(), name);
    else
        printf("FAIL %s %s: %s\n", client_name(), name, why);
    fflush(stdout);
}

static void end_test(void) {
    client_part(current, !failure[0], failure);
    if (answers) fclose(answers);
    _exit(failure[0] != 0);
}

void client_good(OrtStatus *status, const char *what, int line) {
    if (!status) return;
    client_fail("line %d: %.120s: %d %.200s", line, what, (int)ort->GetErrorCode(status), ort->GetErrorMessage(status));
    ort->ReleaseStatus(status);
    end_test();
}

void client_bad(OrtStatus *status, int code, const char *what, int line) {
    if (!status) {
        client_fail("line %d: %.120s: no error, expected code %d", line, what, code);
        return;
    }
    const int found = (int)ort->GetErrorCode(status);
    const char *text = ort->GetErrorMessage(status);
    if (found != code) client_fail("line %d: %.120s: code %d, expected %d (%.120s)", line, what, found, code, text);
    if (!text || !*text) client_fail("line %d: %.120s: an error without text", line, what);
    ort->ReleaseStatus(status);
}

/* ---- the program --------------------------------------------------------------------------------------------------- */
static int run_one(const client_test *test) {
    const OrtApiBase *base = OrtGetApiBase();
    const char *out = getenv("OUT");
    char path[1000];
    current = test->name;
    alarm(SECONDS);
    ort = base->GetApi(ORT_API_VERSION);
    if (!ort) {
        client_fail("GetApi(%d) is NULL", ORT_API_VERSION);
        end_test();
    }
    snprintf(path, sizeof path, "%s/answers.txt", out ? out : ".");
    answers = fopen(path, "a");
    GOOD(ort->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "client", &env));
    GOOD(ort->GetAllocatorWithDefaultOptions(&heap));
    GOOD(ort->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &cpu));
    test->run();
    ort->ReleaseMemoryInfo(cpu);
    ort->ReleaseEnv(env);
    end_test();
    return 0;
}

static int run_all(char *program, const client_test *tests, size_t n) {
    int failed = 0;
    for (size_t i = 0; i < n; i++) {
        const pid_t child = fork();
        int status = 0;
        if (!child) {
            execl(program, program, tests[i].name, (char *)NULL);
            _exit(127);
        }
        waitpid(child, &status, 0);
        if (WIFSIGNALED(status)) {
            char why[100];
            snprintf(why, sizeof why, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
            client_part(tests[i].name, 0, why);
        }
        failed += status != 0;
    }
    return failed != 0;
}

int client_main(int argc, char **argv, const client_test *tests, size_t n) {
    if (argc < 2) return run_all(argv[0], tests, n);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(argv[1], tests[i].name)) return run_one(&tests[i]);
    fprintf(stderr, "no test %s\n", argv[1]);
    return 2;
}

/* ---- models and tensors -------------------------------------------------------------------------------------------- */
const char *model_path(const char *name) {
    static char path[4][1000];
    static int next;
    char *to = path[next++ % 4];
    const char *folder = getenv("MODELS");
    snprintf(to, sizeof path[0], "%s/%s", folder ? folder : ".", name);
    return to;
}

void *file_bytes(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    char *data = malloc(*size + 1);
    if (!data || fread(data, 1, *size, f) != *size) client_fail("%s cannot be read", path);
    fclose(f);
    return data;
}

OrtSession *session_with(const char *model, const OrtSessionOptions *options) {
    OrtSession *s = NULL;
    GOOD(ort->CreateSession(env, model_path(model), options, &s));
    return s;
}

OrtSession *session_of(const char *model) {
    OrtSessionOptions *options = NULL;
    GOOD(ort->CreateSessionOptions(&options));
    OrtSession *s = session_with(model, options);
    ort->ReleaseSessionOptions(options);
    return s;
}

OrtValue *tensor_over(ONNXTensorElementDataType type, void *data, size_t bytes, const int64_t *dims, size_t rank) {
    OrtValue *v = NULL;
    GOOD(ort->CreateTensorWithDataAsOrtValue(cpu, data, bytes, dims, rank, type, &v));
    return v;
}

OrtValue *floats(float *data, int64_t n) {
    return tensor_over(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, data, (size_t)n * sizeof *data, &n, 1);
}

OrtValue *floats2(float *data, int64_t rows, int64_t columns) {
    const int64_t dims[] = {rows, columns};
    return tensor_over(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, data, (size_t)(rows * columns) * sizeof *data, dims, 2);
}

OrtValue *strings(const char *const *text, const int64_t *dims, size_t rank) {
    OrtValue *v = NULL;
    GOOD(ort->CreateTensorAsOrtValue(heap, dims, rank, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, &v));
    GOOD(ort->FillStringTensor(v, text, element_count(v)));
    return v;
}

float *float_data(OrtValue *value) {
    void *data = NULL;
    GOOD(ort->GetTensorMutableData(value, &data));
    return data;
}

size_t element_count(const OrtValue *value) {
    OrtTensorTypeAndShapeInfo *info = NULL;
    size_t n = 0;
    GOOD(ort->GetTensorTypeAndShape(value, &info));
    GOOD(ort->GetTensorShapeElementCount(info, &n));
    ort->ReleaseTensorTypeAndShapeInfo(info);
    return n;
}

/* ---- answers ------------------------------------------------------------------------------------------------------- */
static void put_quoted(const char *text, size_t n) {
    fputc('"', answers);
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            fprintf(answers, "\\%c", c);
        else if (c < 32)
            fprintf(answers, "\\u%04x", c);
        else
            fputc(c, answers);
    }
    fputc('"', answers);
}

static void put_string(const OrtValue *value, size_t i) {
    size_t n = 0;
    GOOD(ort->GetStringTensorElementLength(value, i, &n));
    char *text = malloc(n + 1);
    GOOD(ort->GetStringTensorElement(value, n, i, text));
    put_quoted(text, n);
    free(text);
}

static const char *type_name(ONNXTensorElementDataType type) {
    static const char *const name[] = {"undefined", "float",  "uint8",     "int8",       "uint16",  "int16",
                                       "int32",     "int64",  "string",    "bool",       "float16", "double",
                                       "uint32",    "uint64", "complex64", "complex128", "bfloat16"};
    return (size_t)type < sizeof name / sizeof *name ? name[type] : "other";
}

static void put_element(const OrtValue *value, const void *data, ONNXTensorElementDataType type, size_t i) {
    switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
        fprintf(answers, "%.9g", (double)((const float *)data)[i]);
        break;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE:
        fprintf(answers, "%.9g", ((const double *)data)[i]);
        break;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING:
        put_string(value, i);
        break;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8:
        fprintf(answers, "%d", ((const int8_t *)data)[i]);
        break;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8:
        fprintf(answers, "%d", ((const uint8_t *)data)[i]);
        break;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16:
        fprintf(answers, "%d", ((const int16_t *)data)[i]);
        break;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16: /* the bits */
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16:
        fprintf(answers, "%d", ((const uint16_t *)data)[i]);
        break;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
        fprintf(answers, "%d", ((const int32_t *)data)[i]);
        break;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32:
        fprintf(answers, "%" PRIu32, ((const uint32_t *)data)[i]);
        break;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
        fprintf(answers, "%" PRId64, ((const int64_t *)data)[i]);
        break;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64:
        fprintf(answers, "%" PRIu64, ((const uint64_t *)data)[i]);
        break;
    default:
        fprintf(answers, "?");
    }
}

/* dtype, shape and values of a tensor; `bare` leaves out dtype and shape */
static void put_tensor(const OrtValue *value, int bare) {
    OrtTensorTypeAndShapeInfo *info = NULL;
    ONNXTensorElementDataType type;
    size_t rank = 0;
    int64_t dims[16];
    void *data = NULL;
    GOOD(ort->GetTensorTypeAndShape(value, &info));
    GOOD(ort->GetTensorElementType(info, &type));
    GOOD(ort->GetDimensionsCount(info, &rank));
    if (!EXPECT(rank <= 16)) return;
    GOOD(ort->GetDimensions(info, dims, rank));
    ort->ReleaseTensorTypeAndShapeInfo(info);
    if (!bare) {
        fprintf(answers, "%s [", type_name(type));
        for (size_t i = 0; i < rank; i++) fprintf(answers, "%s%" PRId64, i ? "," : "", dims[i]);
        fputs("]", answers);
    }
    if (type != ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING) GOOD(ort->GetTensorMutableData((OrtValue *)value, &data));
    const size_t n = element_count(value);
    for (size_t i = 0; i < n; i++) {
        if (!bare || i) fputc(' ', answers);
        put_element(value, data, type, i);
    }
}

static void put_map(const OrtValue *value) {
    OrtValue *part[2] = {NULL, NULL};
    OrtTensorTypeAndShapeInfo *info = NULL;
    ONNXTensorElementDataType type[2];
    void *data[2] = {NULL, NULL};
    for (int k = 0; k < 2; k++) {
        GOOD(ort->GetValue(value, k, heap, &part[k]));
        GOOD(ort->GetTensorTypeAndShape(part[k], &info));
        GOOD(ort->GetTensorElementType(info, &type[k]));
        ort->ReleaseTensorTypeAndShapeInfo(info);
        if (type[k] != ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING) GOOD(ort->GetTensorMutableData(part[k], &data[k]));
    }
    const size_t n = element_count(part[0]);
    fputs("map {", answers);
    for (size_t i = 0; i < n; i++) {
        fputs(i ? ", " : "", answers);
        put_element(part[0], data[0], type[0], i);
        fputs(": ", answers);
        put_element(part[1], data[1], type[1], i);
    }
    fputs("}", answers);
    ort->ReleaseValue(part[0]);
    ort->ReleaseValue(part[1]);
}

static void put_value(const OrtValue *value) {
    enum ONNXType kind;
    size_t n = 0;
    GOOD(ort->GetValueType(value, &kind));
    if (kind == ONNX_TYPE_TENSOR) {
        put_tensor(value, 0);
    } else if (kind == ONNX_TYPE_MAP) {
        put_map(value);
    } else if (kind == ONNX_TYPE_SEQUENCE) {
        GOOD(ort->GetValueCount(value, &n));
        fprintf(answers, "sequence [%zu]", n);
        for (size_t i = 0; i < n; i++) {
            OrtValue *element = NULL;
            GOOD(ort->GetValue(value, (int)i, heap, &element));
            fputc(' ', answers);
            put_value(element);
            ort->ReleaseValue(element);
        }
    } else {
        fprintf(answers, "kind %d", (int)kind);
    }
}

void answer_value(const char *check, const char *output, const OrtValue *value) {
    fprintf(answers, "%s %s ", check, output);
    put_value(value);
    fputc('\n', answers);
}

void answer_text(const char *check, const char *output, const char *text) {
    fprintf(answers, "%s %s string [] ", check, output);
    put_quoted(text, strlen(text));
    fputc('\n', answers);
}

void answer_int(const char *check, const char *output, int64_t number) {
    fprintf(answers, "%s %s int64 [] %" PRId64 "\n", check, output, number);
}
