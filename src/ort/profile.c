/*
 * profile.c -- profiles of a session or of one run, written as the list of events that ONNX Runtime writes: the session's
 * own events, then one of each node's execution.
 */
#include "ort/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t ort_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

OrtStatus *ort_profile_start(ort_profile *p, const char *prefix) {
    sard_error err;
    p->start_ns = ort_now_ns();
    pthread_mutex_init(&p->lock, NULL);
    p->prefix = strdup(prefix);
    if (!p->prefix) return ort_no_memory(strlen(prefix));
    const sard_status st = sard_profile_new(&p->steps, &err);
    if (st != SARD_OK) return ort_from_error(st, &err, false);
    atomic_store(&p->on, true);
    return NULL;
}

void ort_profile_deinit(ort_profile *p) {
    if (!p->prefix) return;
    sard_profile_free(p->steps);
    pthread_mutex_destroy(&p->lock);
    free(p->prefix);
    free(p->events);
}

void ort_profile_event(ort_profile *p, const char *name, uint64_t from_ns, uint64_t to_ns) {
    if (!atomic_load(&p->on)) return;
    pthread_mutex_lock(&p->lock);
    if (ort_grow(&p->events, p->n, &p->cap, sizeof *p->events))
        p->events[p->n++] = (ort_event){name, from_ns, to_ns, (long)gettid()};
    pthread_mutex_unlock(&p->lock);
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static void write_events(FILE *f, ort_profile *p) {
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->n; i++) {
        const ort_event *e = &p->events[i];
        const double ts = e->from_ns > p->start_ns ? (double)(e->from_ns - p->start_ns) / 1e3 : 0;
        fprintf(f,
                "%s\n{\"cat\" : \"Session\",\"pid\" :%ld,\"tid\" :%ld,\"dur\" :%.3f,\"ts\" :%.3f,\"ph\" : \"X\","
                "\"name\" :\"%s\",\"args\" : {}}",
                i ? "," : "", (long)getpid(), e->thread, (double)(e->to_ns - e->from_ns) / 1e3, ts, e->name);
    }
    pthread_mutex_unlock(&p->lock);
}

/* One event of the engine's: {"name":"N","cat":"step",...,"args":{"op":"O",...}} becomes the ABI's. A quote inside a
 * name is escaped, so the places looked for cannot lie in it. */
static void write_node(FILE *f, const char *line, size_t n) {
    static const char name_is[] = "{\"name\":\"", cat[] = "\",\"cat\":\"step\",", args[] = "\"args\":{\"op\":";
    const char *name = line + sizeof name_is - 1, *end = memmem(line, n, cat, sizeof cat - 1);
    const char *op = end ? memmem(end, n - (size_t)(end - line), args, sizeof args - 1) : NULL;
    if (!op) return;
    const char *rest = end + sizeof cat - 1, *after = op + sizeof args - 1;
    fprintf(f, ",\n{\"cat\" : \"Node\",\"name\" :\"%.*s_kernel_time\",%.*s", (int)(end - name), name, (int)(op - rest),
            rest);
    fprintf(f, "\"args\" : {\"provider\" : \"CPUExecutionProvider\",\"op_name\" : %.*s", (int)(line + n - after),
            after);
}

static void write_nodes(FILE *f, const char *json) {
    for (const char *line = strstr(json, "\n{\"name\""); line;) {
        line++;
        const char *next = strchr(line, '\n');
        size_t n = next ? (size_t)(next - line) : strlen(line);
        while (n && line[n - 1] == ',') n--;
        if (strncmp(line, "{\"name\"", 7) == 0) write_node(f, line, n);
        line = next;
        if (line && strncmp(line, "\n{\"name\"", 8) != 0) break;
    }
}

static bool file_name(const char *prefix, char *out, size_t n) {
    struct timespec now;
    struct tm t;
    char text[32];
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &t);
    strftime(text, sizeof text, "%Y-%m-%d_%H-%M-%S", &t);
    return (size_t)snprintf(out, n, "%s_%s_%03ld.json", prefix, text, now.tv_nsec / 1000000) < n;
}

OrtStatus *ort_profile_write(ort_profile *p, char **file) {
    sard_error err;
    char path[4096], *json;
    atomic_store(&p->on, false);
    REQUIRE(file_name(p->prefix, path, sizeof path), ORT_INVALID_ARGUMENT, "profile: the file's prefix is too long");
    const sard_status st = sard_profile_json(p->steps, &json, &err);
    if (st != SARD_OK) return ort_from_error(st, &err, false);
    FILE *f = fopen(path, "w");
    if (f) {
        fputs("[", f);
        write_events(f, p);
        write_nodes(f, json);
        fputs("\n]\n", f);
    }
    sard_free(json);
    const bool failed = !f || ferror(f);
    if ((f && fclose(f)) || failed)
        return ort_fail(ORT_FAIL, "profile: '%s' cannot be written: %s", path, strerror(errno));
    *file = strdup(path);
    return *file ? NULL : ort_no_memory(strlen(path));
}

void ort_profile_close(ort_profile *p, const OrtLogger *logger) {
    char *file = NULL;
    if (!atomic_exchange(&p->on, false)) return;
    OrtStatus *st = ort_profile_write(p, &file);
    if (st) ort_log(logger, ORT_LOGGING_LEVEL_ERROR, "ReleaseSession", "%s", ort_GetErrorMessage(st));
    ort_ReleaseStatus(st);
    free(file);
}

/* ---- entries ------------------------------------------------------------------------------------------------------ */

/* The file's name, or "" when nothing is being recorded (any more). */
OrtStatus *ort_SessionEndProfiling(OrtSession *s, OrtAllocator *allocator, char **out) {
    NOT_NULL(s);
    NOT_NULL(allocator);
    NOT_NULL(out);
    if (!atomic_exchange(&s->profile.on, false)) return ort_text_out(allocator, "", out);
    char *file;
    TRY_ORT(ort_profile_write(&s->profile, &file));
    OrtStatus *st = ort_text_out(allocator, file, out);
    free(file);
    return st;
}

OrtStatus *ort_SessionGetProfilingStartTimeNs(const OrtSession *s, uint64_t *out) {
    NOT_NULL(s);
    NOT_NULL(out);
    *out = s->profile.start_ns;
    return NULL;
}

OrtStatus *ort_RunOptionsEnableProfiling(OrtRunOptions *o, const char *prefix) {
    NOT_NULL(o);
    NOT_NULL(prefix);
    char *copy = strdup(prefix);
    if (!copy) return ort_no_memory(strlen(prefix));
    free(o->profile_prefix);
    o->profile_prefix = copy;
    return NULL;
}

OrtStatus *ort_RunOptionsDisableProfiling(OrtRunOptions *o) {
    NOT_NULL(o);
    free(o->profile_prefix);
    o->profile_prefix = NULL;
    return NULL;
}
