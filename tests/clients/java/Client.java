import ai.onnxruntime.OrtEnvironment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** The Java client over one library: Client MODELS OUT LIBRARY, where LIBRARY is the file it must run on, or `official`. */
public final class Client {
    public static void main(String[] args) throws Exception {
        Harness h = new Harness(Path.of(args[0]), Path.of(args[1]));
        Values.all(h);
        Sessions.all(h);
        Options.all(h);
        Errors.all(h);
        h.check("library", x -> library(x, args[2]));
        System.exit(h.end() == 0 ? 0 : 1);
    }

    /** The process has mapped the library under test, and no other. */
    private static void library(Harness h, String wanted) throws Exception {
        List<String> mapped = Files.readAllLines(Path.of("/proc/self/maps")).stream()
                .filter(line -> line.contains("onnxruntime") && line.contains(".so") && !line.contains("4j_jni"))
                .map(line -> line.substring(line.indexOf('/')).replace(" (deleted)", ""))
                .distinct().collect(Collectors.toList());
        Harness.same(1, mapped.size(), "libraries mapped " + mapped);
        boolean right = wanted.equals("official") ? mapped.get(0).contains("/onnxruntime-java")
                : mapped.get(0).equals(Path.of(wanted).toRealPath().toString());
        Harness.expect(right, "mapped " + mapped + ", wanted " + wanted);
        Harness.expect(OrtEnvironment.getAvailableProviders().toString().contains("CPU"), "no CPU provider");
        Harness.expect(h.env.getVersion().matches("1\\.\\d+\\..*"), "version " + h.env.getVersion());
    }
}
