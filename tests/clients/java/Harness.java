import ai.onnxruntime.OnnxMap;
import ai.onnxruntime.OnnxSequence;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.io.PrintWriter;
import java.lang.reflect.Array;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Runs checks by name, says PASS or FAIL of each, and writes what the sessions answered. */
final class Harness {
    interface Check {
        void run(Harness h) throws Exception;
    }

    interface Call {
        void run() throws Exception;
    }

    final OrtEnvironment env = OrtEnvironment.getEnvironment();
    final Path models;
    final Path out;
    private final PrintWriter answers;
    private String name = "";
    private int failed;

    Harness(Path models, Path out) throws Exception {
        this.models = models;
        this.out = out;
        answers = new PrintWriter(Files.newBufferedWriter(out.resolve("answers.txt")));
    }

    /** Closes the answers; how many checks failed. */
    int end() {
        answers.close();
        return failed;
    }

    void check(String check, Check body) {
        name = check;
        try {
            body.run(this);
            System.out.println("PASS java " + check);
        } catch (Throwable e) {
            failed++;
            e.printStackTrace();
            System.out.println("FAIL java " + check + ": " + e.toString().replaceAll("\\s+", " "));
        }
        System.out.flush();
    }

    String path(String model) {
        return models.resolve(model + ".onnx").toString();
    }

    byte[] bytes(String model) throws Exception {
        return Files.readAllBytes(models.resolve(model + ".onnx"));
    }

    OrtSession open(String model) throws OrtException {
        return env.createSession(path(model));
    }

    OnnxTensor tensor(Object array) throws OrtException {
        return OnnxTensor.createTensor(env, array);
    }

    // ---- expectations ----

    static void expect(boolean what, String text) {
        if (!what) {
            throw new AssertionError(text);
        }
    }

    static void same(Object wanted, Object got, String text) {
        expect(wanted.equals(got), text + ": expected " + wanted + ", found " + got);
    }

    /** The exception of a call that must fail as OrtException with this code and a text that is not empty. */
    static OrtException fails(OrtException.OrtErrorCode code, Call call) throws Exception {
        try {
            call.run();
        } catch (OrtException e) {
            expect(code == e.getCode(), "expected code " + code + ", found " + e.getCode() + ": " + e.getMessage());
            String text = e.getMessage().replaceFirst("Error code - [A-Z_]+ - message: ?", "");
            expect(!text.isBlank(), "an empty text");
            return e;
        }
        throw new AssertionError("no exception, expected " + code);
    }

    // ---- answers ----

    /** Writes every output of a run. */
    void tell(OrtSession.Result result) throws OrtException {
        for (Map.Entry<String, OnnxValue> entry : result) {
            tell(entry.getKey(), entry.getValue());
        }
    }

    void tell(String output, OnnxValue value) throws OrtException {
        if (value instanceof OnnxTensor) {
            TensorInfo info = ((OnnxTensor) value).getInfo();
            List<String> words = new ArrayList<>();
            flatten(value.getValue(), words);
            answers.println(name + " " + output + " " + info.type.toString().toLowerCase() + " " + shape(info.getShape())
                    + " " + String.join(" ", words));
        } else if (value instanceof OnnxSequence) {
            List<? extends OnnxValue> items = ((OnnxSequence) value).getValue();
            answers.println(name + " " + output + " sequence [" + items.size() + "]");
            for (int i = 0; i < items.size(); i++) {
                tell(output + "." + i, items.get(i));
                items.get(i).close();
            }
        } else if (value instanceof OnnxMap) {
            answers.println(name + " " + output + " " + map(((OnnxMap) value).getValue()));
        } else {
            throw new AssertionError("a value of kind " + value.getType());
        }
    }

    /** Writes a line of text as an answer. */
    void tellText(String output, Object text) {
        answers.println(name + " " + output + " text [] " + quote(String.valueOf(text)));
    }

    private static String shape(long[] dims) {
        List<String> words = new ArrayList<>();
        for (long d : dims) {
            words.add(Long.toString(d));
        }
        return "[" + String.join(",", words) + "]";
    }

    private static String map(Map<?, ?> map) {
        TreeMap<Object, Object> sorted = new TreeMap<>(map);
        List<String> words = new ArrayList<>();
        for (Map.Entry<Object, Object> e : sorted.entrySet()) {
            words.add(word(e.getKey()) + ": " + word(e.getValue()));
        }
        return "map {" + String.join(", ", words) + "}";
    }

    private static void flatten(Object value, List<String> words) {
        if (value != null && value.getClass().isArray()) {
            for (int i = 0; i < Array.getLength(value); i++) {
                flatten(Array.get(value, i), words);
            }
        } else {
            words.add(word(value));
        }
    }

    private static String word(Object value) {
        return value instanceof String ? quote((String) value) : String.valueOf(value);
    }

    private static String quote(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
    }
}
