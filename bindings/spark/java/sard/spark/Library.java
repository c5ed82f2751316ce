package sard.spark;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import org.apache.spark.SparkContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;

/**
 * A Spark plugin that puts sard under SynapseML's ONNXModel in the driver and in every executor. The native library
 * travels in this plugin's jar; each JVM unpacks it when it starts and names it to ONNX Runtime's Java part, which loads
 * it when it is first used. Where the property that names a library is set already, the user's choice stays.
 */
public final class Library implements SparkPlugin {
    private static final String PROPERTIES = "onnxruntime.native.";
    private static final String PATH = PROPERTIES + "onnxruntime.path";
    private static final String FILE = "libonnxruntime.so.1.8.1";

    @Override
    public DriverPlugin driverPlugin() {
        return new DriverPlugin() {
            @Override
            public Map<String, String> init(SparkContext context, PluginContext plugin) {
                use();
                return Collections.emptyMap();
            }
        };
    }

    @Override
    public ExecutorPlugin executorPlugin() {
        return new ExecutorPlugin() {
            @Override
            public void init(PluginContext plugin, Map<String, String> extra) {
                use();
            }
        };
    }

    /** Unpacks the library and sets the properties, once in a process. */
    private static synchronized void use() {
        if (System.getProperty(PATH) != null) {
            return;
        }
        System.setProperty(PATH, unpack().toString());
        // The official package's other libraries (CUDA's) belong to the one that is not loaded now.
        System.setProperty(PROPERTIES + "onnxruntime_providers_shared.skip", "true");
        System.setProperty(PROPERTIES + "onnxruntime_providers_cuda.skip", "true");
    }

    private static File unpack() {
        String resource = "/sard/native/" + System.getProperty("os.name").toLowerCase().split(" ")[0] + "-"
                + System.getProperty("os.arch") + "/" + FILE;
        try (InputStream in = Library.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalStateException("sard's jar holds no library for this machine: " + resource);
            }
            Path folder = Files.createTempDirectory("sard-spark");
            File file = folder.resolve(FILE).toFile();
            folder.toFile().deleteOnExit();
            file.deleteOnExit(); // deleted before its folder: the order is the reverse of the calls'
            Files.copy(in, file.toPath());
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException("sard's library cannot be unpacked", e);
        }
    }
}
