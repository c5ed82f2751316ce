import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException.OrtErrorCode;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtModelCompilationOptions;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions;
import ai.onnxruntime.TensorInfo;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/** Session options, each seen in what the session does. */
final class Options {
    static void all(Harness h) {
        h.check("optimisation_levels", Options::levels);
        h.check("threads_and_modes", Options::threads);
        h.check("switches", Options::switches);
        h.check("config_entries", Options::configEntries);
        h.check("free_dimension", Options::freeDimension);
        h.check("profiling", Options::profiling);
        h.check("optimised_model_path", Options::optimisedModel);
        h.check("external_initializers", Options::externalInitializers);
        h.check("added_initializer", Options::addedInitializer);
        h.check("provider_cpu", Options::providerCpu);
        h.check("providers_not_there", Options::providersNotThere);
        h.check("device_list", Options::deviceList);
        h.check("compile_model", Options::compileModel);
        h.check("logger_and_levels", Options::logging);
    }

    private static void classify(Harness h, SessionOptions options, String label) throws Exception {
        try (OrtSession s = h.env.createSession(h.path("tensors"), options); OnnxTensor x = h.tensor(Values.IRIS);
                OrtSession.Result r = s.run(Map.of("x", x))) {
            h.tell(label + ".label", r.get("label").get());
            h.tell(label + ".probabilities", r.get("probabilities").get());
        }
    }

    private static void levels(Harness h) throws Exception {
        for (SessionOptions.OptLevel level : SessionOptions.OptLevel.values()) {
            try (SessionOptions o = new SessionOptions()) {
                o.setOptimizationLevel(level);
                classify(h, o, level.name());
            }
        }
    }

    private static void threads(Harness h) throws Exception {
        for (SessionOptions.ExecutionMode mode : SessionOptions.ExecutionMode.values()) {
            for (int n : new int[] {0, 1, 3}) {
                try (SessionOptions o = new SessionOptions()) {
                    o.setExecutionMode(mode);
                    o.setIntraOpNumThreads(n);
                    o.setInterOpNumThreads(n);
                    classify(h, o, mode + "." + n);
                }
            }
        }
    }

    private static void switches(Harness h) throws Exception {
        for (boolean on : new boolean[] {true, false}) {
            try (SessionOptions o = new SessionOptions()) {
                o.setMemoryPatternOptimization(on);
                o.setCPUArenaAllocator(on);
                o.setDeterministicCompute(on);
                classify(h, o, String.valueOf(on));
            }
        }
    }

    private static void configEntries(Harness h) throws Exception {
        try (SessionOptions o = new SessionOptions()) {
            o.addConfigEntry("session.set_denormal_as_zero", "1");
            o.addConfigEntry("session.disable_prepacking", "1");
            o.addConfigEntry("session.intra_op.allow_spinning", "0");
            o.addConfigEntry("a.key.nobody.knows", "ä");
            Harness.same("ä", o.getConfigEntries().get("a.key.nobody.knows"), "entry");
            classify(h, o, "config");
            Harness.fails(OrtErrorCode.ORT_INVALID_ARGUMENT, () -> o.addConfigEntry("", "x"));
        }
    }

    private static void freeDimension(Harness h) throws Exception {
        try (SessionOptions o = new SessionOptions()) {
            o.setSymbolicDimensionValue("batch", 4);
            try (OrtSession s = h.env.createSession(h.path("two_inputs"), o)) {
                long[] shape = ((TensorInfo) s.getInputInfo().get("a").getInfo()).getShape();
                Harness.expect(Arrays.equals(new long[] {4, 3}, shape), "shape " + Arrays.toString(shape));
                try (OrtSession.Result r = s.run(Sessions.ab(h, 4, 2))) {
                    h.tell(r);
                }
                Map<String, OnnxTensor> five = Sessions.ab(h, 5, 2);
                Harness.fails(OrtErrorCode.ORT_INVALID_ARGUMENT, () -> s.run(five));
            }
        }
    }

    private static void profiling(Harness h) throws Exception {
        try (SessionOptions o = new SessionOptions()) {
            o.enableProfiling(h.out.resolve("profile").toString());
            try (OrtSession s = h.env.createSession(h.path("tensors"), o); OnnxTensor x = h.tensor(Values.IRIS)) {
                s.run(Map.of("x", x)).close();
                Harness.expect(s.getProfilingStartTimeInNs() > 0, "start time");
                Path file = Path.of(s.endProfiling());
                String text = Files.readString(file).strip();
                Harness.expect(file.getFileName().toString().startsWith("profile"), "file " + file);
                Harness.expect(text.startsWith("[") && text.endsWith("]") && text.contains("\"dur\""), "no list of events");
                Files.delete(file);
            }
        }
        try (SessionOptions o = new SessionOptions()) {
            o.enableProfiling(h.out.resolve("unused").toString());
            o.disableProfiling();
            classify(h, o, "disabled");
        }
    }

    private static void optimisedModel(Harness h) throws Exception {
        Path file = h.out.resolve("optimised.onnx");
        Files.deleteIfExists(file);
        try (SessionOptions o = new SessionOptions()) {
            o.setOptimizedModelFilePath(file.toString());
            o.setOptimizationLevel(SessionOptions.OptLevel.BASIC_OPT);
            h.env.createSession(h.path("conv"), o).close();
        }
        Harness.expect(Files.size(file) > 100, "no file");
        float[][][][] x = new float[1][1][8][8];
        x[0][0][3][4] = 2;
        try (OrtSession s = h.env.createSession(file.toString()); OrtSession b = h.open("conv"); OnnxTensor t = h.tensor(x);
                OrtSession.Result r = s.run(Map.of("x", t)); OrtSession.Result w = b.run(Map.of("x", t))) {
            h.tell("written", r.get(0));
            h.tell("original", w.get(0));
        }
    }

    private static OnnxTensor weights(Harness h) throws Exception {
        FloatBuffer w = ByteBuffer.allocateDirect(4 * 64 * 8).order(ByteOrder.nativeOrder()).asFloatBuffer();
        for (int i = 0; i < 64 * 8; i++) {
            w.put(i, (i % 7) / 4f - 0.75f);
        }
        return OnnxTensor.createTensor(h.env, w, new long[] {64, 8});
    }

    /** The weights of a model without its external file, given in memory. */
    private static void externalInitializers(Harness h) throws Exception {
        try (SessionOptions o = new SessionOptions(); OnnxTensor w = weights(h)) {
            o.addExternalInitializers(Map.of("w", w));
            try (OrtSession s = h.env.createSession(h.bytes("external"), o); OnnxTensor x = Sessions.row64(h);
                    OrtSession.Result r = s.run(Map.of("x", x))) {
                h.tell(r);
            }
        }
    }

    private static void addedInitializer(Harness h) throws Exception {
        try (SessionOptions o = new SessionOptions(); OnnxTensor w = weights(h)) {
            o.addInitializer("w", w);
            try (OrtSession s = h.env.createSession(h.path("external"), o); OnnxTensor x = Sessions.row64(h);
                    OrtSession.Result r = s.run(Map.of("x", x))) {
                h.tell(r);
            }
        }
    }

    private static void providerCpu(Harness h) throws Exception {
        for (boolean arena : new boolean[] {true, false}) {
            try (SessionOptions o = new SessionOptions()) {
                o.addCPU(arena);
                classify(h, o, "cpu." + arena);
            }
        }
    }

    private static void providersNotThere(Harness h) throws Exception {
        try (SessionOptions o = new SessionOptions()) {
            Harness.Call[] calls = {o::addCUDA, () -> o.addTensorrt(0), () -> o.addOpenVINO(""), o::addROCM,
                () -> o.addQnn(Map.of()), () -> o.addDnnl(true)};
            for (Harness.Call call : calls) {
                try {
                    call.run();
                    throw new AssertionError("a provider that is not there");
                } catch (ai.onnxruntime.OrtException e) {
                    Harness.expect(!e.getMessage().isBlank(), "an empty text");
                }
            }
            classify(h, o, "after");
        }
    }

    private static void deviceList(Harness h) throws Exception {
        try (SessionOptions o = new SessionOptions()) {
            o.addExecutionProvider(h.env.getEpDevices().subList(0, 1), Map.of());
            classify(h, o, "device");
        }
    }

    private static void compileModel(Harness h) throws Exception {
        Path file = h.out.resolve("compiled.onnx");
        Files.deleteIfExists(file);
        try (SessionOptions o = new SessionOptions();
                var c = OrtModelCompilationOptions.createFromSessionOptions(h.env, o)) {
            c.setInputModelPath(h.path("conv"));
            c.setOutputModelPath(file.toString());
            c.compileModel();
        }
        Harness.expect(Files.size(file) > 100, "no file");
        try (OrtSession s = h.env.createSession(file.toString())) {
            Harness.same(1L, s.getNumInputs(), "inputs");
        }
    }

    private static void logging(Harness h) throws Exception {
        try (SessionOptions o = new SessionOptions()) {
            o.setLoggerId("logger");
            o.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
            o.setSessionLogVerbosityLevel(0);
            classify(h, o, "quiet");
        }
    }

    private Options() {}
}
