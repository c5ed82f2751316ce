/*
 * Regular expressions: what matches whole strings, which match is found, which patterns are refused, and that hostile
 * ones take linear time.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdlib.h>

#include "base/mem.h"
#include "ops/regex.h"
#include "ops/text.h"

static regex *compile(const char *pattern) {
    regex *r = NULL;
    sard_error err;
    if (regex_new(str_of(pattern), &r, &err) != SARD_OK) fail_msg("%s", err.message);
    return r;
}

static void expect_full(const char *pattern, const char *text, bool want) {
    regex *r = compile(pattern);
    void *memory = malloc(regex_memory(r));
    meter work = {0};
    bool matches;
    assert_int_equal(regex_full(r, str_of(text), memory, &work, &matches, NULL), SARD_OK);
    if (matches != want) fail_msg("\"%s\" on \"%s\": not %d", pattern, text, want);
    free(memory);
    regex_free(r);
}

static void test_full(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *yes, *no;
    } CASES[] = {
        {"", "", "a"},
        {"abc", "abc", "abcd"},
        {"a*", "aaa", "aab"},
        {"a+b?", "aa", ""},
        {"a{2,3}", "aaa", "aaaa"},
        {"a{2}", "aa", "aaa"},
        {"a{2,}b", "aaaaab", "ab"},
        {"(?:ab){0,2}c", "ababc", "abababc"},
        {"x{0}y", "y", "xy"},
        {"(a|bc|)d", "bcd", "bd"},
        {"(|a)+", "aa", "b"},
        {"(a*)*b", "aab", "a"},
        {"((a|ab)(c|bcd))*", "abcdac", "abd"},
        {"[^a-c]+", "xyz", "xbz"},
        {"[]a-]+", "]-a", "b"},
        {"[\\d_]+", "1_2", "1a"},
        {"[[:alpha:][:digit:]]+", "a1", "a-"},
        {"\\D\\W\\S", "a-b", "1-b"},
        {"a.c", "abc", "a\nc"},
        {"(?s)a.c", "a\nc", "ac"},
        {"(?i)aBc", "AbC", "abd"},
        {"(?i:a)b", "Ab", "AB"},
        {"(?i)[a-c]\xc3\xa9", "B\xc3\x89", "D\xc3\x89"},
        {"(?P<year>\\d{4})-(?<m>\\d\\d)", "2024-01", "2024-1"},
        {"\\ba\\b b\\B\\w", "a bc", "a b"},
        {"^a$", "a", "aa"},
        {"\\Aa\\z", "a", "b"},
        {"\\x41\\x{e9}", "A\xc3\xa9", "A"},
        {"\\Q.*\\E\\.", ".*.", "aa."},
        {"a{,2}", "a{,2}", "aa"},
        {"\xe6\x97\xa5.", "\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        expect_full(CASES[i].pattern, CASES[i].yes, true);
        expect_full(CASES[i].pattern, CASES[i].no, false);
    }
}

static void expect_find_by(bool longest, const char *pattern, const char *text, size_t from, int start, int end) {
    regex *r = compile(pattern);
    void *memory = malloc(regex_memory(r));
    size_t s = 0, e = 0;
    meter work = {0};
    bool found;
    assert_int_equal(regex_find(r, str_of(text), from, longest, &s, &e, memory, &work, &found, NULL), SARD_OK);
    if (found != (start >= 0) || (found && ((int)s != start || (int)e != end)))
        fail_msg("\"%s\" in \"%s\": %d [%zu, %zu)", pattern, text, found, s, e);
    free(memory);
    regex_free(r);
}

static void expect_find(const char *pattern, const char *text, size_t from, int start, int end) {
    expect_find_by(false, pattern, text, from, start, end);
}

static void test_find(void **state) {
    (void)state;
    expect_find_by(true, "a|ab", "xab", 0, 1, 3);
    expect_find_by(true, "abcd|c", "abcd", 0, 0, 4);
    expect_find("abcd|c", "abcd", 0, 0, 4);
    expect_find("abcd|c", "abce", 0, 2, 3);
    expect_find_by(true, "a+?", "baaa", 0, 1, 4);
    expect_find_by(true, "b|a(cd)*", "acdcdb", 0, 0, 5);
    expect_find_by(true, "(ab|abcd)(e)?", "abcabcde", 0, 0, 2);
    expect_find("[a-z]+", "12 abc de", 0, 3, 6);
    expect_find("[a-z]+", "12 abc de", 6, 7, 9);
    expect_find("[a-z]+", "12", 0, -1, -1);
    expect_find("a|ab", "xab", 0, 1, 2); /* the first alternative, not the longest */
    expect_find("ab|a", "xab", 0, 1, 3);
    expect_find("a+?", "aaa", 0, 0, 1);
    expect_find("a+", "baaab", 0, 1, 4);
    expect_find("(?U)a+", "aaa", 0, 0, 1);
    expect_find("^b", "ab", 1, -1, -1);
    expect_find("(?m)^b$", "a\nb\nc", 0, 2, 3);
    expect_find("x*", "ab", 1, 1, 1);
}

static void test_refused(void **state) {
    (void)state;
    static const char *const BAD[] = {"(",    "a)",      "[a", "[z-a]",           "a**",    "\\pN",   "(?=a)",
                                      "*a",   "a{1001}", "\\", "(a{1000}){1000}", "(?<=a)", "a{3,2}", "\\x1",
                                      "(?P<n"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        regex *r = NULL;
        sard_error err;
        if (regex_new(str_of(BAD[i]), &r, &err) != SARD_INVALID_MODEL) fail_msg("\"%s\" is taken", BAD[i]);
        assert_null(r);
    }
    char deep[4001];
    memset(deep, '(', 2000), memset(deep + 2000, ')', 2000), deep[4000] = 0;
    regex *r = NULL;
    assert_int_equal(regex_new(str_of(deep), &r, NULL), SARD_INVALID_MODEL);
}

/* What makes backtracking matchers run for ever; and many alternatives. */
static void test_hostile(void **state) {
    (void)state;
    char text[5001];
    memset(text, 'a', 5000), text[5000] = 0;
    expect_full("(a*)*b", text, false);
    expect_full("(a|a|a)*(a|aa)*b", text, false);
    expect_full("(?:a?){500}a{500}", text, false);
    strbuf b = {0};
    for (int i = 0; i < 1000; i++) sb_printf(&b, "%sw%d", i ? "|" : "", i);
    expect_full(sb_str(&b), "w999", true);
    expect_full(sb_str(&b), "w1000", false);
    sb_free(&b);
}

/* A match looks at its run's deadline. */
static void test_deadline(void **state) {
    (void)state;
    char text[5001];
    memset(text, 'a', 5000), text[5000] = 0;
    regex *r = compile("(a|a|a)*(a|aa)*b");
    void *memory = malloc(regex_memory(r));
    run_ctl late;
    ctl_init(&late);
    late.deadline_ns = 1;
    meter work = {.ctl = &late};
    bool matches;
    assert_int_equal(regex_full(r, str_of(text), memory, &work, &matches, NULL), SARD_DEADLINE);
    free(memory);
    regex_free(r);
}

static void test_case(void **state) {
    (void)state;
    char out[64];
    size_t n = text_case(str_of("Stra\xc3\x9f"
                                "e \xc3\x84\xd0\x96\xff!"),
                         false, out);
    assert_memory_equal(out,
                        "stra\xc3\x9f"
                        "e \xc3\xa4\xd0\xb6\xff!",
                        n);
    n = text_case(str_of("\xc3\xa9\xce\xb1z"), true, out);
    assert_int_equal(n, 5);
    assert_memory_equal(out, "\xc3\x89\xce\x91Z", n);
    for (uint32_t c = 1; c < 0x110000; c += c < 0x3000 ? 1 : 97) {
        if (c >= 0xd800 && c < 0xe000) continue;
        int bytes, put = text_put(c, out);
        assert_int_equal(text_next(out, out + put, &bytes), c);
        assert_int_equal(bytes, put);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_full),     cmocka_unit_test(test_find),
                                       cmocka_unit_test(test_refused),  cmocka_unit_test(test_hostile),
                                       cmocka_unit_test(test_deadline), cmocka_unit_test(test_case)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
