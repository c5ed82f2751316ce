import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxSparseTensor;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.SequenceInfo;
import ai.onnxruntime.TensorInfo;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Values of every kind in and out: tensors of all types, strings, sequences, maps, sparse tensors. */
final class Values {
    static final float[][] IRIS = {
        {5.1f, 3.5f, 1.4f, 0.2f}, {6.2f, 2.9f, 4.3f, 1.3f}, {7.7f, 3.0f, 6.1f, 2.3f}, {5.9f, 3.2f, 4.8f, 1.8f}
    };

    static void all(Harness h) {
        h.check("zipmap", Values::zipmap);
        h.check("zipmap_many_rows", Values::zipmapManyRows);
        h.check("string_classifier", Values::stringClassifier);
        h.check("tensor_classifier", Values::tensorClassifier);
        h.check("strings", Values::strings);
        h.check("string_tensor_shapes", Values::stringShapes);
        h.check("float_arrays", Values::floatArrays);
        h.check("every_type_array", Values::everyTypeArray);
        h.check("every_type_buffer", Values::everyTypeBuffer);
        h.check("half_types", Values::halfTypes);
        h.check("direct_and_heap_buffers", Values::buffers);
        h.check("scalars", Values::scalars);
        h.check("zero_size", Values::zeroSize);
        h.check("sequence", Values::sequence);
        h.check("optional", Values::optional);
        h.check("sparse_coo", Values::sparseCoo);
        h.check("sparse_csr", Values::sparseCsr);
        h.check("values_outlive_session", Values::outlive);
    }

    private static void zipmap(Harness h) throws Exception {
        try (OrtSession s = h.open("classifier"); OnnxTensor x = h.tensor(IRIS); OrtSession.Result r = s.run(Map.of("x", x))) {
            h.tell(r);
            Harness.same(2, r.size(), "outputs");
            Harness.same(OnnxValue.OnnxValueType.ONNX_TYPE_SEQUENCE, r.get(1).getType(), "kind");
            SequenceInfo info = (SequenceInfo) r.get(1).getInfo();
            Harness.expect(info.isSequenceOfMaps() && info.length == IRIS.length, "info " + info);
        }
    }

    /** Thousands of maps read one by one, which must neither leak nor depend on the order of closing. */
    private static void zipmapManyRows(Harness h) throws Exception {
        float[][] rows = new float[5000][];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = IRIS[i % IRIS.length];
        }
        try (OrtSession s = h.open("classifier"); OnnxTensor x = h.tensor(rows)) {
            List<?> maps;
            try (OrtSession.Result r = s.run(Map.of("x", x))) {
                maps = (List<?>) r.get("probabilities").get().getValue();
            }
            Harness.same(rows.length, maps.size(), "maps");
            for (int i = 0; i < maps.size(); i += 977) {
                h.tell("row" + i, (OnnxValue) maps.get(i));
            }
            for (Object map : maps) {
                ((OnnxValue) map).close();
            }
        }
    }

    private static void stringClassifier(Harness h) throws Exception {
        String[][] colors = {{"red"}, {"green"}, {"blue"}, {"purple"}};
        float[][] sizes = {{1}, {5}, {9}, {7.5f}};
        try (OrtSession s = h.open("classifier_strings"); OnnxTensor c = h.tensor(colors); OnnxTensor z = h.tensor(sizes);
                OrtSession.Result r = s.run(Map.of("color", c, "size", z))) {
            h.tell(r);
        }
    }

    private static void tensorClassifier(Harness h) throws Exception {
        try (OrtSession s = h.open("tensors"); OnnxTensor x = h.tensor(IRIS); OrtSession.Result r = s.run(Map.of("x", x))) {
            h.tell(r);
            Harness.expect(r.get("probabilities").get().getValue() instanceof float[][], "no float[][]");
            Harness.expect(r.get("nothing").isEmpty(), "an output that is not there");
        }
    }

    private static void strings(Harness h) throws Exception {
        String[] words = {"a", "bb", "", "žluť", "日本語", "ein \"Wort\"", "x".repeat(3000)};
        try (OrtSession s = h.open("strings"); OnnxTensor x = h.tensor(words); OrtSession.Result r = s.run(Map.of("s", x))) {
            h.tell(r);
            Harness.expect(Arrays.equals(words, (String[]) r.get("t").get().getValue()), "not what was given");
        }
    }

    private static void stringShapes(Harness h) throws Exception {
        String[] flat = {"a", "b", "c", "d", "e", "f"};
        try (OnnxTensor t = OnnxTensor.createTensor(h.env, flat, new long[] {2, 3});
                OnnxTensor u = h.tensor(new String[][] {{"x", "yy"}, {"zzz", ""}})) {
            Harness.expect(Arrays.deepEquals(new String[][] {{"a", "b", "c"}, {"d", "e", "f"}}, (String[][]) t.getValue()), "2x3");
            Harness.expect(Arrays.deepEquals(new String[][] {{"x", "yy"}, {"zzz", ""}}, (String[][]) u.getValue()), "2x2");
        }
    }

    private static void floatArrays(Harness h) throws Exception {
        float[][][] cube = {{{1, 2}, {3, 4}, {5, 6}}, {{7, 8}, {9, 10}, {11, 12}}};
        try (OnnxTensor t = h.tensor(cube)) {
            Harness.expect(Arrays.equals(new long[] {2, 3, 2}, t.getInfo().getShape()), "shape");
            Harness.expect(Arrays.deepEquals(cube, (float[][][]) t.getValue()), "values");
        }
    }

    private static void everyTypeArray(Harness h) throws Exception {
        Object[] arrays = {
            new float[] {1.5f, -0f, Float.MAX_VALUE}, new double[] {1e300, -2, 0}, new byte[] {-128, 0, 127},
            new short[] {-32768, 0, 32767}, new int[] {Integer.MIN_VALUE, 0, Integer.MAX_VALUE},
            new long[] {Long.MIN_VALUE, 0, Long.MAX_VALUE}, new boolean[] {true, false, true}, new String[] {"p", "q", "r"}
        };
        String[] names = {"float", "double", "int8", "int16", "int32", "int64", "bool", "string"};
        for (int i = 0; i < names.length; i++) {
            try (OrtSession s = h.open("identity_" + names[i]); OnnxTensor x = h.tensor(arrays[i]);
                    OrtSession.Result r = s.run(Map.of("x", x))) {
                h.tell(names[i], r.get(0));
                OnnxJavaType type = ((TensorInfo) s.getInputInfo().get("x").getInfo()).type;
                Harness.same(names[i].toUpperCase(), type.name(), "type of the input");
                Harness.expect(Arrays.deepEquals(new Object[] {arrays[i]}, new Object[] {r.get(0).getValue()}), names[i]);
            }
        }
    }

    /** Every OnnxJavaType that a buffer can hold, to the bit. */
    private static void everyTypeBuffer(Harness h) throws Exception {
        OnnxJavaType[] types = {
            OnnxJavaType.FLOAT, OnnxJavaType.DOUBLE, OnnxJavaType.INT8, OnnxJavaType.INT16, OnnxJavaType.INT32,
            OnnxJavaType.INT64, OnnxJavaType.UINT8, OnnxJavaType.BOOL, OnnxJavaType.FLOAT16, OnnxJavaType.BFLOAT16
        };
        for (OnnxJavaType type : types) {
            ByteBuffer data = ByteBuffer.allocateDirect(3 * type.size).order(ByteOrder.nativeOrder());
            for (int i = 0; i < data.capacity(); i++) {
                data.put(i, (byte) (type == OnnxJavaType.BOOL ? i % 2 : 17 + 23 * i));
            }
            try (OrtSession s = h.open("identity_" + type.name().toLowerCase());
                    OnnxTensor x = OnnxTensor.createTensor(h.env, data, new long[] {3}, type);
                    OrtSession.Result r = s.run(Map.of("x", x))) {
                ByteBuffer got = ((OnnxTensor) r.get(0)).getByteBuffer();
                Harness.same(type, ((OnnxTensor) r.get(0)).getInfo().type, "type");
                for (int i = 0; i < data.capacity(); i++) {
                    Harness.expect(got.get(i) == data.get(i), type + ": byte " + i + " is " + got.get(i));
                }
            }
        }
        for (String name : new String[] {"uint16", "uint32", "uint64"}) { // types that Java has no name for
            try (OrtSession s = h.open("identity_" + name)) {
                h.tellText(name, s.getInputInfo().get("x").getInfo());
            }
        }
    }

    private static void halfTypes(Harness h) throws Exception {
        for (OnnxJavaType type : new OnnxJavaType[] {OnnxJavaType.FLOAT16, OnnxJavaType.BFLOAT16}) {
            short[] bits = {(short) (type == OnnxJavaType.FLOAT16 ? 0x3e00 : 0x3fc0), 0, (short) 0xc000};
            try (OrtSession s = h.open("identity_" + type.name().toLowerCase());
                    OnnxTensor x = OnnxTensor.createTensor(h.env, ShortBuffer.wrap(bits), new long[] {3}, type);
                    OrtSession.Result r = s.run(Map.of("x", x))) {
                float[] got = (float[]) r.get(0).getValue();
                h.tell(type.name(), r.get(0));
                Harness.expect(Arrays.equals(new float[] {1.5f, 0, -2}, got), Arrays.toString(got));
            }
        }
    }

    private static void buffers(Harness h) throws Exception {
        long[] shape = {2, 2};
        try (OnnxTensor f = OnnxTensor.createTensor(h.env, FloatBuffer.wrap(new float[] {1, 2, 3, 4}), shape);
                OnnxTensor d = OnnxTensor.createTensor(h.env, DoubleBuffer.wrap(new double[] {1, 2, 3, 4}), shape);
                OnnxTensor i = OnnxTensor.createTensor(h.env, IntBuffer.wrap(new int[] {1, 2, 3, 4}), shape);
                OnnxTensor l = OnnxTensor.createTensor(h.env, LongBuffer.wrap(new long[] {1, 2, 3, 4}), shape);
                OnnxTensor s = OnnxTensor.createTensor(h.env, ShortBuffer.wrap(new short[] {1, 2, 3, 4}), shape);
                OnnxTensor b = OnnxTensor.createTensor(h.env, ByteBuffer.wrap(new byte[] {1, 2, 3, 4}), shape)) {
            for (OnnxTensor t : List.of(f, d, i, l, s, b)) {
                h.tell(t.getInfo().type.name(), t);
            }
        }
        FloatBuffer direct = ByteBuffer.allocateDirect(16).order(ByteOrder.nativeOrder()).asFloatBuffer();
        direct.put(new float[] {9, 8, 7, 6}).rewind();
        try (OnnxTensor t = OnnxTensor.createTensor(h.env, direct, new long[] {4})) {
            direct.put(0, 5); // a direct buffer is not copied
            Harness.expect(Arrays.equals(new float[] {5, 8, 7, 6}, (float[]) t.getValue()), "a copy");
        }
    }

    private static void scalars(Harness h) throws Exception {
        for (Object value : new Object[] {1.5f, 2.5, (byte) 3, (short) 4, 5, 6L, true, "seven"}) {
            try (OnnxTensor t = h.tensor(value)) {
                Harness.expect(t.getInfo().isScalar(), "no scalar");
                Harness.same(value, t.getValue(), "value");
            }
        }
    }

    private static void zeroSize(Harness h) throws Exception {
        FloatBuffer none = ByteBuffer.allocateDirect(0).asFloatBuffer();
        try (OrtSession s = h.open("identity_float"); OnnxTensor x = OnnxTensor.createTensor(h.env, none, new long[] {0});
                OrtSession.Result r = s.run(Map.of("x", x))) {
            Harness.same(0, ((float[]) r.get(0).getValue()).length, "length");
        }
    }

    private static void sequence(Harness h) throws Exception {
        try (OrtSession s = h.open("sequence"); OnnxTensor x = h.tensor(new float[] {1, 2, 3});
                OrtSession.Result r = s.run(Map.of("x", x))) {
            h.tell(r);
            SequenceInfo info = (SequenceInfo) s.getOutputInfo().get("s").getInfo();
            Harness.expect(!info.isSequenceOfMaps() && info.sequenceType == OnnxJavaType.FLOAT, "info " + info);
        }
        try (OrtSession s = h.open("sequence_input")) {
            NodeInfo info = s.getInputInfo().get("s");
            Harness.expect(info.getInfo() instanceof SequenceInfo, "info " + info);
        }
    }

    /** The binding has no optional values: the type is refused or read as what is inside, the tensors are fetched. */
    private static void optional(Harness h) throws Exception {
        try (OrtSession s = h.open("optional"); OnnxTensor x = h.tensor(new float[] {4, 5});
                OrtSession.Result r = s.run(Map.of("x", x), java.util.Set.of("has", "y"))) {
            h.tell("has", r.get("has").get());
            h.tell("y", r.get("y").get());
        }
    }

    private static void sparseCoo(Harness h) throws Exception {
        LongBuffer at = direct(6);
        at.put(new long[] {0, 1, 1, 0, 2, 3}).rewind();
        FloatBuffer values = ByteBuffer.allocateDirect(12).order(ByteOrder.nativeOrder()).asFloatBuffer();
        values.put(new float[] {1, 2, 3}).rewind();
        var coo = new OnnxSparseTensor.COOTensor(at, new long[] {3, 2}, values, new long[] {3, 4}, OnnxJavaType.FLOAT, 3);
        try (OnnxSparseTensor t = OnnxSparseTensor.createSparseTensor(h.env, coo)) {
            Harness.same(OnnxSparseTensor.SparseTensorType.COO, t.getSparseTensorType(), "format");
            var back = t.getValue();
            float[] got = new float[3];
            ((FloatBuffer) back.getValues()).get(got);
            long[] indices = new long[6];
            ((LongBuffer) back.getIndices()).get(indices);
            Harness.expect(Arrays.equals(new float[] {1, 2, 3}, got), Arrays.toString(got));
            Harness.expect(Arrays.equals(new long[] {0, 1, 1, 0, 2, 3}, indices), Arrays.toString(indices));
            h.tellText("info", t.getInfo());
        }
    }

    private static void sparseCsr(Harness h) throws Exception {
        LongBuffer outer = direct(4);
        outer.put(new long[] {0, 1, 2, 3}).rewind();
        LongBuffer inner = direct(3);
        inner.put(new long[] {1, 0, 3}).rewind();
        FloatBuffer values = ByteBuffer.allocateDirect(12).order(ByteOrder.nativeOrder()).asFloatBuffer();
        values.put(new float[] {1, 2, 3}).rewind();
        var csr = new OnnxSparseTensor.CSRCTensor(outer, inner, values, new long[] {3, 4}, OnnxJavaType.FLOAT, 3);
        try (OnnxSparseTensor t = OnnxSparseTensor.createSparseTensor(h.env, csr)) {
            Harness.same(OnnxSparseTensor.SparseTensorType.CSRC, t.getSparseTensorType(), "format");
            long[] got = new long[4];
            ((LongBuffer) t.getIndicesBuffer()).get(got);
            Harness.expect(Arrays.equals(new long[] {0, 1, 2, 3}, got), Arrays.toString(got));
            t.getInnerIndicesBuffer().get(got, 0, 3);
            Harness.expect(Arrays.equals(new long[] {1, 0, 3}, Arrays.copyOf(got, 3)), Arrays.toString(got));
        }
    }

    private static LongBuffer direct(int count) {
        return ByteBuffer.allocateDirect(8 * count).order(ByteOrder.nativeOrder()).asLongBuffer();
    }

    private static void outlive(Harness h) throws Exception {
        OrtSession.Result r;
        try (OrtSession s = h.open("classifier"); OnnxTensor x = h.tensor(IRIS)) {
            r = s.run(Map.of("x", x));
        }
        h.tell(r);
        r.close();
        try {
            r.get(0);
            throw new AssertionError("a closed result gives values");
        } catch (IllegalStateException e) {
            Harness.expect(e.getMessage().contains("closed"), e.getMessage());
        }
    }

    private Values() {}
}
