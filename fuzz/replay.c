/*
 * replay.c -- runs a fuzz target over files without libFuzzer: `fuzz_onnx FILE|FOLDER...`. Each input is given whole,
 * cut short at 64 places and with 256 seeded changes, in an allocation of exactly its size. So every corpus is an
 * ordinary test, with any compiler. A target with a mutator of its own (LLVMFuzzerCustomMutator) gets SARD_FUZZ_ROUNDS
 * (256) of its mutations as well, each on top of the one before, from the whole input again after every fourth. A
 * failing input is left in fuzz-failed.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed) __attribute__((weak));
size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t max);

static size_t inputs;
static uint64_t state = 1;
static const uint8_t *present; /* the input being tried */
static size_t present_n;

/* Writes the input that did it to fuzz-failed, then goes on to die of the signal. */
static void on_crash(int number) {
    int f = open("fuzz-failed", O_CREAT | O_WRONLY | O_TRUNC, 0644);
    if (f >= 0 && write(f, present, present_n) >= 0) close(f);
    signal(number, SIG_DFL);
    raise(number);
}

static void give(const uint8_t *data, size_t n) {
    uint8_t *exact = malloc(n ? n : 1);
    if (!exact) exit(2);
    if (n) memcpy(exact, data, n);
    present = exact;
    present_n = n;
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    inputs++;
}

static uint32_t next_random(uint64_t *at) {
    *at = *at * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*at >> 33);
}

/* What libFuzzer gives to custom mutators; here one changed byte. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t max) {
    (void)max;
    if (n) data[next_random(&state) % n] = (uint8_t)next_random(&state);
    return n;
}

static void give_mutations(const uint8_t *data, size_t n) {
    size_t max = n + 4096, now = n;
    uint8_t *copy = malloc(max);
    if (!copy) exit(2);
    const char *wanted = getenv("SARD_FUZZ_ROUNDS");
    unsigned rounds = wanted ? (unsigned)strtoul(wanted, NULL, 10) : 256;
    for (unsigned i = 0; i < rounds; i++) {
        if (i % 4 == 0) memcpy(copy, data, now = n);
        now = LLVMFuzzerCustomMutator(copy, now, max, i);
        give(copy, now);
    }
    free(copy);
}

static void give_variants(uint8_t *data, size_t n) {
    give(data, n);
    if (n == 0) return;
    if (LLVMFuzzerCustomMutator) give_mutations(data, n);
    for (size_t i = 0; i < 64; i++) give(data, n * i / 64);
    uint64_t random = n;
    for (int i = 0; i < 256; i++) {
        size_t at = next_random(&random) % n;
        uint8_t old = data[at];
        data[at] = i % 2 ? (uint8_t)next_random(&random) : (uint8_t)(old ^ 1u << next_random(&random) % 8);
        give(data, n);
        if (i % 4) data[at] = old; /* one in four stays: changes add up */
    }
}

static void replay_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(2);
    }
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    rewind(f);
    uint8_t *data = malloc(n > 0 ? (size_t)n : 1);
    if (n < 0 || !data || fread(data, 1, (size_t)n, f) != (size_t)n) exit(2);
    fclose(f);
    give_variants(data, (size_t)n);
    free(data);
}

static void replay(const char *path) {
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
        replay_file(path);
        return;
    }
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);
    if (n < 0) {
        perror(path);
        exit(2);
    }
    for (int i = 0; i < n; i++) {
        char inner[4096];
        snprintf(inner, sizeof inner, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.') replay(inner);
        free(names[i]);
    }
    free(names);
}

int main(int argc, char **argv) {
    const int deadly[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++) signal(deadly[i], on_crash);
    for (int i = 1; i < argc; i++) replay(argv[i]);
    printf("%zu inputs\n", inputs);
    return inputs == 0;
}
