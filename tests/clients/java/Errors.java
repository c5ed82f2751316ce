import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtException.OrtErrorCode;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;

/** What goes wrong arrives as OrtException with the code of the official library and a text that says what. */
final class Errors {
    static void all(Harness h) {
        h.check("missing_file", x -> load(x, "nope", OrtErrorCode.ORT_NO_SUCHFILE));
        h.check("garbage_file", x -> load(x, "garbage", OrtErrorCode.ORT_INVALID_PROTOBUF));
        h.check("empty_file", Errors::emptyFile);
        h.check("unknown_operator", Errors::unknownOperator);
        h.check("cyclic_model", Errors::cyclic);
        h.check("garbage_bytes", Errors::garbageBytes);
        h.check("wrong_input_name", Errors::wrongInputName);
        h.check("missing_input", Errors::missingInput);
        h.check("wrong_output_name", Errors::wrongOutputName);
        h.check("wrong_type", Errors::wrongType);
        h.check("wrong_rank", Errors::wrongRank);
        h.check("wrong_shape", Errors::wrongShape);
        h.check("wrong_shape_in_run", Errors::wrongShapeInRun);
        h.check("bad_buffers", Errors::badBuffers);
        h.check("custom_op_library_missing", Errors::customOpLibrary);
        h.check("custom_op_unknown", Errors::customOpUnknown);
        h.check("profiling_not_enabled", Errors::profiling);
        h.check("alive_after_errors", Errors::alive);
    }

    private static void load(Harness h, String model, OrtErrorCode code) throws Exception {
        OrtException e = Harness.fails(code, () -> h.open(model));
        Harness.expect(code != OrtErrorCode.ORT_NO_SUCHFILE || e.getMessage().contains("nope"), e.getMessage());
    }

    /** Releases differ in the code: ORT_FAIL, or ORT_INVALID_ARGUMENT. */
    private static void emptyFile(Harness h) throws Exception {
        try {
            h.open("empty");
            throw new AssertionError("no exception");
        } catch (OrtException e) {
            Harness.expect(e.getCode() != OrtErrorCode.ORT_OK && e.getMessage().contains("empty"), e.getMessage());
        }
    }

    private static void unknownOperator(Harness h) throws Exception {
        try {
            h.open("badop");
            throw new AssertionError("no exception");
        } catch (OrtException e) {
            Harness.expect(e.getMessage().contains("NoSuchOperator"), e.getMessage());
            h.tellText("code", e.getCode());
        }
    }

    private static void cyclic(Harness h) throws Exception {
        try {
            h.open("cyclic");
            throw new AssertionError("no exception");
        } catch (OrtException e) {
            Harness.expect(!e.getMessage().isBlank(), "an empty text");
        }
    }

    private static void garbageBytes(Harness h) throws Exception {
        byte[] garbage = Files.readAllBytes(Path.of(h.path("garbage")));
        Harness.fails(OrtErrorCode.ORT_INVALID_PROTOBUF, () -> h.env.createSession(garbage, new SessionOptions()));
        Harness.fails(OrtErrorCode.ORT_INVALID_ARGUMENT, () -> h.env.createSession(new byte[0], new SessionOptions()));
    }

    private static void wrongInputName(Harness h) throws Exception {
        try (OrtSession s = h.open("two_inputs"); OnnxTensor x = h.tensor(new float[][] {{1, 2, 3}})) {
            try {
                s.run(Map.of("nope", x, "b", x));
                throw new AssertionError("no exception");
            } catch (OrtException e) { // the binding looks at the names itself
                Harness.expect(e.getMessage().contains("nope"), e.getMessage());
            }
        }
    }

    /** The code is ORT_FAIL, as the official library's: it only sees it in the node that wants the input. */
    private static void missingInput(Harness h) throws Exception {
        try (OrtSession s = h.open("two_inputs"); OnnxTensor x = h.tensor(new float[][] {{1, 2, 3}})) {
            OrtException e = Harness.fails(OrtErrorCode.ORT_FAIL, () -> s.run(Map.of("a", x)));
            Harness.expect(e.getMessage().matches("(?s).*\\bb\\b.*"), e.getMessage());
        }
    }

    private static void wrongOutputName(Harness h) throws Exception {
        try (OrtSession s = h.open("two_inputs")) {
            Map<String, OnnxTensor> in = Sessions.ab(h, 1, 1);
            try {
                s.run(in, Set.of("nope"));
                throw new AssertionError("no exception");
            } catch (OrtException e) {
                Harness.expect(e.getMessage().contains("nope"), e.getMessage());
            }
        }
    }

    /** Feeds `a` as the first of two inputs; the text must hold what each expression describes. */
    private static void wrong(Harness h, Object a, String... words) throws Exception {
        try (OrtSession s = h.open("two_inputs"); OnnxTensor x = h.tensor(a); OnnxTensor b = h.tensor(new float[3][1])) {
            OrtException e = Harness.fails(OrtErrorCode.ORT_INVALID_ARGUMENT, () -> s.run(Map.of("a", x, "b", b)));
            for (String word : words) {
                Harness.expect(e.getMessage().matches("(?s).*(" + word + ").*"), "no '" + word + "' in: " + e.getMessage());
            }
        }
    }

    private static void wrongType(Harness h) throws Exception {
        wrong(h, new double[1][3], "double|float64", "float");
        wrong(h, new String[][] {{"a", "b", "c"}}, "string", "float");
    }

    private static void wrongRank(Harness h) throws Exception {
        wrong(h, new float[3], "rank", "a");
    }

    private static void wrongShape(Harness h) throws Exception {
        wrong(h, new float[1][4], "dimension", "4", "3");
    }

    /** Dimensions that only meet in the run. */
    private static void wrongShapeInRun(Harness h) throws Exception {
        try (OrtSession s = h.open("overridable"); OnnxTensor x = h.tensor(new float[2][5])) {
            OrtException e = Harness.fails(OrtErrorCode.ORT_INVALID_ARGUMENT, () -> s.run(Map.of("x", x)));
            Harness.expect(e.getMessage().toLowerCase().contains("dimension"), e.getMessage());
        }
    }

    private static void badBuffers(Harness h) throws Exception {
        FloatBuffer six = ByteBuffer.allocateDirect(24).order(ByteOrder.nativeOrder()).asFloatBuffer();
        long[][] shapes = {{2, 4}, {-1, 6}, {7}};
        for (long[] shape : shapes) {
            try {
                OnnxTensor.createTensor(h.env, six, shape);
                throw new AssertionError("no exception");
            } catch (OrtException | IllegalArgumentException e) {
                Harness.expect(!e.getMessage().isBlank(), "an empty text");
            }
        }
        try {
            h.tensor(new float[][] {{1, 2}, {3}});
            throw new AssertionError("no exception");
        } catch (OrtException e) {
            Harness.expect(!e.getMessage().isBlank(), "an empty text");
        }
    }

    private static void customOpLibrary(Harness h) throws Exception {
        try (SessionOptions o = new SessionOptions()) {
            Harness.fails(OrtErrorCode.ORT_FAIL, () -> o.registerCustomOpLibrary("/no/such/library.so"));
        }
    }

    private static void customOpUnknown(Harness h) throws Exception {
        try {
            h.open("custom");
            throw new AssertionError("no exception");
        } catch (OrtException e) {
            Harness.expect(e.getMessage().contains("MulAdd") || e.getMessage().contains("test.custom"), e.getMessage());
        }
    }

    private static void profiling(Harness h) throws Exception {
        try (OrtSession s = h.open("two_inputs")) {
            h.tellText("file", s.endProfiling());
        }
    }

    private static void alive(Harness h) throws Exception {
        try (OrtSession s = h.open("two_inputs"); OrtSession.Result r = s.run(Sessions.ab(h, 1, 1))) {
            h.tell(r);
        }
    }

    private Errors() {}
}
