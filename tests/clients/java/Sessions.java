import ai.onnxruntime.MapInfo;
import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxModelMetadata;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException.OrtErrorCode;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.SequenceInfo;
import ai.onnxruntime.TensorInfo;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** What a session tells of its model, and the ways of running it. */
final class Sessions {
    static void all(Harness h) {
        h.check("names_and_types", Sessions::namesAndTypes);
        h.check("type_infos_of_containers", Sessions::containers);
        h.check("metadata", Sessions::metadata);
        h.check("two_inputs", Sessions::twoInputs);
        h.check("dynamic_shapes", Sessions::dynamicShapes);
        h.check("chosen_outputs", Sessions::chosenOutputs);
        h.check("pinned_outputs", Sessions::pinnedOutputs);
        h.check("pinned_and_chosen", Sessions::pinnedAndChosen);
        h.check("overridable_initializer", Sessions::overridable);
        h.check("from_bytes", Sessions::fromBytes);
        h.check("from_direct_buffer", Sessions::fromDirectBuffer);
        h.check("external_data", Sessions::externalData);
        h.check("image_model", Sessions::image);
        h.check("concurrent_runs", Sessions::concurrentRuns);
        h.check("concurrent_sessions", Sessions::concurrentSessions);
        h.check("run_options", Sessions::runOptions);
        h.check("terminate", Sessions::terminate);
        h.check("terminate_set_before", Sessions::terminateBefore);
        h.check("environment", Sessions::environment);
    }

    static Map<String, OnnxTensor> ab(Harness h, int rows, int columns) throws Exception {
        float[][] a = new float[rows][3];
        float[][] b = new float[3][columns];
        for (int i = 0; i < rows * 3; i++) {
            a[i / 3][i % 3] = 0.25f * i - 1;
        }
        for (int i = 0; i < 3 * columns; i++) {
            b[i / columns][i % columns] = 1 - 0.5f * i;
        }
        return Map.of("a", h.tensor(a), "b", h.tensor(b));
    }

    private static void namesAndTypes(Harness h) throws Exception {
        try (OrtSession s = h.open("two_inputs")) {
            Harness.same(List.of("a", "b"), new ArrayList<>(s.getInputNames()), "inputs");
            Harness.same(List.of("y", "z"), new ArrayList<>(s.getOutputNames()), "outputs");
            Harness.same(2L, s.getNumInputs(), "inputs");
            Harness.same(2L, s.getNumOutputs(), "outputs");
            TensorInfo a = (TensorInfo) s.getInputInfo().get("a").getInfo();
            Harness.expect(Arrays.equals(new long[] {-1, 3}, a.getShape()), "shape " + Arrays.toString(a.getShape()));
            Harness.same(List.of("batch", ""), Arrays.asList(a.getDimensionNames()), "names of dimensions");
            for (NodeInfo info : s.getInputInfo().values()) {
                h.tellText(info.getName(), info.getInfo());
            }
            for (NodeInfo info : s.getOutputInfo().values()) {
                h.tellText(info.getName(), info.getInfo());
            }
        }
    }

    private static void containers(Harness h) throws Exception {
        for (String model : new String[] {"classifier", "classifier_strings", "sequence", "map_input", "map_input_int"}) {
            try (OrtSession s = h.open(model)) {
                for (NodeInfo info : s.getInputInfo().values()) {
                    h.tellText(model + "." + info.getName(), info.getInfo());
                }
                for (NodeInfo info : s.getOutputInfo().values()) {
                    h.tellText(model + "." + info.getName(), info.getInfo());
                }
            }
        }
        try (OrtSession s = h.open("classifier_strings"); OrtSession m = h.open("map_input")) {
            SequenceInfo info = (SequenceInfo) s.getOutputInfo().get("probabilities").getInfo();
            Harness.same(OnnxJavaType.STRING, info.mapInfo.keyType, "keys");
            Harness.same(OnnxJavaType.FLOAT, info.mapInfo.valueType, "values");
            MapInfo map = (MapInfo) m.getInputInfo().get("m").getInfo();
            Harness.same(OnnxJavaType.STRING, map.keyType, "keys of the input");
        }
    }

    private static void metadata(Harness h) throws Exception {
        try (OrtSession s = h.open("two_inputs")) {
            OnnxModelMetadata m = s.getMetadata();
            h.tellText("producer", m.getProducerName());
            h.tellText("graph", m.getGraphName());
            h.tellText("graph_description", m.getGraphDescription());
            h.tellText("domain", m.getDomain());
            h.tellText("description", m.getDescription());
            h.tellText("version", m.getVersion());
            Harness.same(Map.of("author", "sard", "empty", "", "ключ", "значение"), m.getCustomMetadata(), "custom metadata");
            Harness.same("значение", m.getCustomMetadataValue("ключ").get(), "value");
            Harness.expect(m.getCustomMetadataValue("absent").isEmpty(), "a value of an absent key");
        }
        try (OrtSession s = h.open("identity_float")) {
            Harness.expect(s.getMetadata().getCustomMetadata().isEmpty(), "custom metadata from nowhere");
        }
    }

    private static void twoInputs(Harness h) throws Exception {
        try (OrtSession s = h.open("two_inputs"); OrtSession.Result r = s.run(ab(h, 2, 5))) {
            h.tell(r);
        }
    }

    private static void dynamicShapes(Harness h) throws Exception {
        try (OrtSession s = h.open("two_inputs")) {
            for (int n : new int[] {1, 7, 2, 64, 1}) {
                try (OrtSession.Result r = s.run(ab(h, n, n + 1))) {
                    h.tell("y" + n, r.get(0));
                    h.tell("z" + n, r.get(1));
                }
            }
        }
    }

    private static void chosenOutputs(Harness h) throws Exception {
        try (OrtSession s = h.open("two_inputs"); OrtSession.Result r = s.run(ab(h, 2, 2), Set.of("z"))) {
            Harness.same(1, r.size(), "outputs");
            h.tell(r);
        }
    }

    private static OnnxTensor room(Harness h, float[] into, FloatBuffer[] buffer, long... shape) throws Exception {
        buffer[0] = ByteBuffer.allocateDirect(4 * into.length).order(ByteOrder.nativeOrder()).asFloatBuffer();
        return OnnxTensor.createTensor(h.env, buffer[0], shape);
    }

    private static void pinnedOutputs(Harness h) throws Exception {
        FloatBuffer[] buffer = new FloatBuffer[1];
        try (OrtSession s = h.open("two_inputs"); OnnxTensor z = room(h, new float[6], buffer, 2, 3);
                OnnxTensor y = room(h, new float[4], new FloatBuffer[1], 2, 2)) {
            for (int turn = 0; turn < 3; turn++) {
                buffer[0].put(0, -77);
                try (OrtSession.Result r = s.run(ab(h, 2, 2), Map.of("z", z, "y", y))) {
                    Harness.expect(!r.isResultOwner(0), "the result owns what was given");
                    h.tell("turn" + turn + ".z", z);
                    h.tell("turn" + turn + ".y", y);
                }
                Harness.same(0f, buffer[0].get(0), "the buffer's first value");
            }
        }
        try (OrtSession s = h.open("two_inputs"); OnnxTensor z = room(h, new float[9], buffer, 3, 3)) {
            Map<String, OnnxTensor> in = ab(h, 2, 2);
            Harness.fails(OrtErrorCode.ORT_INVALID_ARGUMENT, () -> s.run(in, Map.of("z", z)));
        }
    }

    private static void pinnedAndChosen(Harness h) throws Exception {
        FloatBuffer[] buffer = new FloatBuffer[1];
        try (OrtSession s = h.open("two_inputs"); OnnxTensor z = room(h, new float[6], buffer, 2, 3);
                OrtSession.Result r = s.run(ab(h, 2, 2), Set.of("y"), Map.of("z", z))) {
            Harness.same(2, r.size(), "outputs");
            h.tell("y", r.get("y").get());
            h.tell("z", r.get("z").get());
        }
    }

    private static void overridable(Harness h) throws Exception {
        float[][] x = {{1, 1, 1}, {2, 4, 8}};
        try (OrtSession s = h.open("overridable"); OnnxTensor t = h.tensor(x); OrtSession.Result r = s.run(Map.of("x", t))) {
            Harness.same(List.of("x"), new ArrayList<>(s.getInputNames()), "inputs");
            h.tell(r);
        }
    }

    private static void fromBytes(Harness h) throws Exception {
        byte[] bytes = h.bytes("classifier");
        try (OrtSession s = h.env.createSession(bytes, new OrtSession.SessionOptions())) {
            Arrays.fill(bytes, (byte) 0);
            try (OnnxTensor x = h.tensor(Values.IRIS); OrtSession.Result r = s.run(Map.of("x", x))) {
                h.tell(r);
            }
        }
    }

    private static void fromDirectBuffer(Harness h) throws Exception {
        byte[] bytes = h.bytes("tensors");
        ByteBuffer buffer = ByteBuffer.allocateDirect(bytes.length);
        buffer.put(bytes).rewind();
        try (OrtSession s = h.env.createSession(buffer)) {
            for (int i = 0; i < bytes.length; i++) {
                buffer.put(i, (byte) 0);
            }
            try (OnnxTensor x = h.tensor(Values.IRIS); OrtSession.Result r = s.run(Map.of("x", x))) {
                h.tell(r);
            }
        }
    }

    static OnnxTensor row64(Harness h) throws Exception {
        float[][] x = new float[2][64];
        for (int i = 0; i < 128; i++) {
            x[i / 64][i % 64] = (i % 13) / 8f - 0.5f;
        }
        return h.tensor(x);
    }

    private static void externalData(Harness h) throws Exception {
        try (OrtSession s = h.open("external"); OnnxTensor x = row64(h); OrtSession.Result r = s.run(Map.of("x", x))) {
            h.tell(r);
        }
    }

    private static void image(Harness h) throws Exception {
        float[][][][] x = new float[3][1][8][8];
        for (int i = 0; i < 192; i++) {
            x[i / 64][0][i / 8 % 8][i % 8] = (i * 37 % 101) / 50f - 1;
        }
        try (OrtSession s = h.open("conv"); OnnxTensor t = h.tensor(x); OrtSession.Result r = s.run(Map.of("x", t))) {
            h.tell(r);
        }
    }

    private static float[][] score(OrtSession s, Harness h, int first) throws Exception {
        float[][] rows = new float[10][];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = Values.IRIS[(first + i) % Values.IRIS.length];
        }
        try (OnnxTensor x = h.tensor(rows); OrtSession.Result r = s.run(Map.of("x", x), Set.of("probabilities"))) {
            return (float[][]) r.get(0).getValue();
        }
    }

    private static void inThreads(int threads, Harness.Call call) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        List<Future<?>> jobs = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            jobs.add(pool.submit(() -> {
                call.run();
                return null;
            }));
        }
        for (Future<?> job : jobs) {
            job.get();
        }
        pool.shutdown();
    }

    private static void concurrentRuns(Harness h) throws Exception {
        try (OrtSession s = h.open("tensors")) {
            float[][][] wanted = new float[4][][];
            for (int i = 0; i < 4; i++) {
                wanted[i] = score(s, h, i);
            }
            inThreads(4, () -> {
                for (int i = 0; i < 100; i++) {
                    Harness.expect(Arrays.deepEquals(wanted[i % 4], score(s, h, i % 4)), "another answer in run " + i);
                }
            });
        }
    }

    private static void concurrentSessions(Harness h) throws Exception {
        inThreads(4, () -> {
            for (int i = 0; i < 10; i++) {
                try (OrtSession s = h.open("tensors")) {
                    Harness.same(10, score(s, h, i).length, "rows");
                }
            }
        });
    }

    private static void runOptions(Harness h) throws Exception {
        try (OrtSession.RunOptions o = new OrtSession.RunOptions()) {
            o.setRunTag("a run");
            Harness.same("a run", o.getRunTag(), "tag");
            o.setLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
            Harness.same(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, o.getLogLevel(), "log level");
            o.setLogVerbosityLevel(3);
            Harness.same(3, o.getLogVerbosityLevel(), "verbosity");
            o.addRunConfigEntry("memory.enable_memory_arena_shrinkage", "cpu:0");
            try (OrtSession s = h.open("two_inputs"); OrtSession.Result r = s.run(ab(h, 2, 2), Set.of("y", "z"), o)) {
                h.tell("y", r.get("y").get());
            }
        }
    }

    /** A run of many seconds ends soon after another thread asks for it. */
    private static void terminate(Harness h) throws Exception {
        float[][] x = new float[128][128];
        try (OrtSession s = h.open("slow"); OrtSession.RunOptions o = new OrtSession.RunOptions(); OnnxTensor t = h.tensor(x)) {
            Thread other = new Thread(() -> {
                try {
                    Thread.sleep(300);
                    o.setTerminate(true);
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            });
            long start = System.nanoTime();
            other.start();
            Exception e = Harness.fails(OrtErrorCode.ORT_FAIL, () -> s.run(Map.of("x", t), o));
            other.join();
            Harness.expect(System.nanoTime() - start < 5_000_000_000L, "it took seconds");
            Harness.expect(e.getMessage().toLowerCase().contains("terminate"), e.getMessage());
        }
    }

    private static void terminateBefore(Harness h) throws Exception {
        try (OrtSession s = h.open("two_inputs"); OrtSession.RunOptions o = new OrtSession.RunOptions()) {
            Map<String, OnnxTensor> in = ab(h, 2, 2);
            o.setTerminate(true);
            Harness.fails(OrtErrorCode.ORT_FAIL, () -> s.run(in, o));
            o.setTerminate(false);
            s.run(in, o).close();
        }
    }

    private static void environment(Harness h) throws Exception {
        Harness.expect(OrtEnvironment.getEnvironment() == h.env, "two environments");
        h.env.setTelemetry(false);
        h.env.close();
        try (OrtSession s = h.open("two_inputs")) {
            Harness.same(2L, s.getNumInputs(), "inputs");
        }
        var devices = h.env.getEpDevices();
        Harness.same("CPUExecutionProvider", devices.get(0).getEpName(), "first device");
        Harness.expect(devices.get(0).getEpVendor() != null && devices.get(0).getDevice().getType() != null, "vendor, type");
    }

    private Sessions() {}
}
