/*
 * roundtrip.c -- reads ONNX files and writes them back, for tests that compare with another implementation.
 *
 * Each line of the standard input is "KIND IN OUT": KIND is model, tensor, sequence, map or optional (OUT gets the bytes
 * that the writer makes), or data (IN is a TensorProto, OUT gets its elements' bytes). Each answer is a line: "ok" or
 * "error STATUS message".
 */
#include <stdio.h>

#include "onnx/onnx.h"

typedef struct job {
    char *kind, *in, *out;
} job;

static sard_status write_value(const char *kind, onnx_store *s, const onnx_sink *sink, sard_error *err) {
    if (strcmp(kind, "sequence") == 0) {
        onnx_sequence v;
        TRY(onnx_read_sequence(s, s->map.data, s->map.size, &v, err));
        return onnx_write_sequence(&v, sink, err);
    }
    if (strcmp(kind, "map") == 0) {
        onnx_map v;
        TRY(onnx_read_map(s, s->map.data, s->map.size, &v, err));
        return onnx_write_map(&v, sink, err);
    }
    if (strcmp(kind, "optional") == 0) {
        onnx_optional v;
        TRY(onnx_read_optional(s, s->map.data, s->map.size, &v, err));
        return onnx_write_optional(&v, sink, err);
    }
    onnx_tensor v;
    TRY(onnx_read_tensor(s, s->map.data, s->map.size, &v, err));
    if (strcmp(kind, "tensor") == 0) return onnx_write_tensor(&v, sink, err);
    FAIL_IF(strcmp(kind, "data") != 0, err, SARD_INVALID_ARGUMENT, "%s: unknown kind", kind);
    onnx_bytes bytes;
    TRY(onnx_tensor_bytes(s, &v, &bytes, err));
    return sink->write(sink->user, bytes.p, bytes.n, err);
}

static sard_status run_value(const job *j, const onnx_sink *sink, sard_error *err) {
    onnx_store s;
    onnx_store_init(&s);
    sard_status st = file_map_path(j->in, &s.map, err);
    if (st == SARD_OK) st = write_value(j->kind, &s, sink, err);
    onnx_store_deinit(&s);
    return st;
}

static sard_status run(const job *j, sard_error *err) {
    FILE *f = fopen(j->out, "wb");
    FAIL_IF(!f, err, SARD_IO, "%s cannot be written", j->out);
    const onnx_sink sink = {onnx_file_write, f};
    sard_status st;
    if (strcmp(j->kind, "model") == 0) {
        onnx_model m;
        st = onnx_load_path(j->in, &m, err);
        if (st == SARD_OK) {
            st = onnx_write(&m, NULL, &sink, err);
            onnx_model_deinit(&m);
        }
    } else {
        st = run_value(j, &sink, err);
    }
    fclose(f);
    return st;
}

int main(void) {
    char line[8192];
    while (fgets(line, sizeof line, stdin)) {
        sard_error err = {0};
        char kind[16], in[4096], out[4096];
        if (sscanf(line, "%15s %4095s %4095s", kind, in, out) != 3) return 2;
        job j = {kind, in, out};
        sard_status st = run(&j, &err);
        if (st == SARD_OK)
            puts("ok");
        else
            printf("error %s %s\n", sard_status_name(st), err.message);
        fflush(stdout);
    }
    return 0;
}
