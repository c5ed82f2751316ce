// What a C# program does with Microsoft.ML.OnnxRuntime: prints PASS and FAIL lines, writes answers.txt.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

static class Client
{
    static readonly string Models = Environment.GetEnvironmentVariable("MODELS");
    static readonly string Out = Environment.GetEnvironmentVariable("OUT");
    static readonly StringBuilder Answers = new StringBuilder();

    static string Model(string name) { return Path.Combine(Models, name); }

    static void Expect(bool good, string what)
    {
        if (!good) throw new Exception("not so: " + what);
    }

    // The exception of the binding that a call must throw, with its text.
    static string Throws(Action call, string what)
    {
        try
        {
            call();
        }
        catch (OnnxRuntimeException e)
        {
            Expect(!string.IsNullOrEmpty(e.Message), "a text");
            return e.Message;
        }
        throw new Exception("no OnnxRuntimeException: " + what);
    }

    static string Text<T>(T value)
    {
        object v = value;
        if (v is string) return "\"" + ((string)v).Replace("\\", "\\\\").Replace("\"", "\\\"") + "\"";
        if (v is float) return ((double)(float)v).ToString("G9", CultureInfo.InvariantCulture);
        if (v is double) return ((double)v).ToString("G9", CultureInfo.InvariantCulture);
        if (v is bool) return (bool)v ? "1" : "0";
        if (v is Float16) return ((Float16)v).value.ToString();
        if (v is BFloat16) return ((BFloat16)v).value.ToString();
        return Convert.ToString(v, CultureInfo.InvariantCulture);
    }

    static string Kind(Type t)
    {
        var names = new Dictionary<Type, string> {
            { typeof(float), "float" }, { typeof(double), "double" }, { typeof(string), "string" }, { typeof(bool), "bool" },
            { typeof(sbyte), "int8" }, { typeof(short), "int16" }, { typeof(int), "int32" }, { typeof(long), "int64" },
            { typeof(byte), "uint8" }, { typeof(ushort), "uint16" }, { typeof(uint), "uint32" }, { typeof(ulong), "uint64" },
            { typeof(Float16), "uint16" }, { typeof(BFloat16), "uint16" } };
        return names[t];
    }

    static void Answer<T>(string check, string output, Tensor<T> t)
    {
        Answers.Append(check + " " + output + " " + Kind(typeof(T)) + " [" + string.Join(",", t.Dimensions.ToArray()) + "] ");
        Answers.Append(string.Join(" ", t.ToArray().Select(Text)) + "\n");
    }

    static void Answer<K>(string check, string output, IEnumerable<IDictionary<K, float>> maps)
    {
        var texts = maps.Select(m => "map {" + string.Join(", ", m.OrderBy(p => Text(p.Key), StringComparer.Ordinal)
                                                                     .Select(p => Text(p.Key) + ": " + Text(p.Value))) + "}");
        Answers.Append(check + " " + output + " sequence " + string.Join(" ", texts) + "\n");
    }

    static DenseTensor<float> Floats(float[] data, params int[] dims) { return new DenseTensor<float>(data, dims); }

    static readonly float[] Iris = { 5.1F, 3.5F, 1.4F, 0.2F, 6.2F, 2.9F, 4.3F, 1.3F, 7.7F, 3, 6.1F, 2.3F };

    static List<NamedOnnxValue> Inputs(params NamedOnnxValue[] values) { return values.ToList(); }

    static NamedOnnxValue In<T>(string name, Tensor<T> t) { return NamedOnnxValue.CreateFromTensor(name, t); }

    // ---- tests ----
    static void Environment_()
    {
        var env = OrtEnv.Instance();
        Expect(env.GetVersionString().StartsWith("1."), "version");
        Expect(env.GetAvailableProviders().Contains("CPUExecutionProvider"), "providers");
        env.EnvLogLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR;
        env.DisableTelemetryEvents();
        var devices = env.GetEpDevices();
        Expect(devices.Count > 0 && devices[0].EpName == "CPUExecutionProvider", "devices");
    }

    static void Classifier()
    {
        using (var session = new InferenceSession(Model("classifier.onnx")))
        using (var results = session.Run(Inputs(In("x", Floats(Iris, 3, 4)))))
        {
            var list = results.ToList();
            Answer("classifier", "label", list[0].AsTensor<long>());
            Answer("classifier", "probabilities", list[1].AsEnumerable<NamedOnnxValue>().Select(m => m.AsDictionary<long, float>()));
        }
    }

    static void StringClassifier()
    {
        var color = new DenseTensor<string>(new[] { "red", "blue", "unseen" }, new[] { 3, 1 });
        using (var session = new InferenceSession(Model("classifier_strings.onnx")))
        using (var results = session.Run(Inputs(In("color", color), In("size", Floats(new float[] { 1, 2, 9 }, 3, 1)))))
        {
            var list = results.ToList();
            Answer("string_classifier", "label", list[0].AsTensor<string>());
            Answer("string_classifier", "probabilities",
                   list[1].AsEnumerable<NamedOnnxValue>().Select(m => m.AsDictionary<string, float>()));
        }
    }

    static void Strings()
    {
        var text = new DenseTensor<string>(new[] { "a", "", "žluť", "a \"quoted\" \\ text" }, new[] { 4 });
        using (var session = new InferenceSession(Model("strings.onnx")))
        using (var results = session.Run(Inputs(In("s", text))))
        {
            Answer("strings", "t", results.First(r => r.Name == "t").AsTensor<string>());
            Answer("strings", "id", results.First(r => r.Name == "id").AsTensor<long>());
        }
    }

    static void TwoInputs()
    {
        using (var session = new InferenceSession(Model("two_inputs.onnx")))
            foreach (var rows in new[] { 1, 2, 5 })
            {
                var a = Floats(Enumerable.Range(0, rows * 3).Select(i => (float)i).ToArray(), rows, 3);
                var b = Floats(Enumerable.Range(0, 3 * (rows + 1)).Select(i => (float)(i * i)).ToArray(), 3, rows + 1);
                using (var results = session.Run(Inputs(In("a", a), In("b", b)), new[] { "z", "y" }))
                {
                    Answer("two_inputs", "z", results.First().AsTensor<float>());
                    Answer("two_inputs", "y", results.Last().AsTensor<float>());
                }
            }
    }

    static void Metadata()
    {
        using (var session = new InferenceSession(Model("two_inputs.onnx")))
        {
            var a = session.InputMetadata["a"];
            Expect(a.OnnxValueType == OnnxValueType.ONNX_TYPE_TENSOR && a.ElementType == typeof(float), "type of a");
            Expect(string.Join(",", a.Dimensions) == "-1,3" && string.Join(",", a.SymbolicDimensions) == "batch,", "shape of a");
            Expect(string.Join(",", session.InputNames) == "a,b" && string.Join(",", session.OutputNames) == "y,z", "names");
            var meta = session.ModelMetadata;
            Expect(meta.ProducerName == "sard" && meta.GraphName == "two_inputs" && meta.Domain == "sard.test", "metadata");
            Expect(meta.Version == 7 && meta.CustomMetadataMap.Count == 3, "version and map");
            Expect(meta.CustomMetadataMap["ключ"] == "значение" && meta.CustomMetadataMap["empty"] == "", "entries of the map");
            Expect(meta.Description == "two matrices in, two out" && meta.GraphDescription == "a product and a sum", "descriptions");
        }
        using (var session = new InferenceSession(Model("classifier_strings.onnx")))
        {
            var sequence = session.OutputMetadata["probabilities"];
            Expect(sequence.OnnxValueType == OnnxValueType.ONNX_TYPE_SEQUENCE, "a sequence");
            var map = sequence.AsSequenceMetadata().ElementMeta;
            Expect(map.OnnxValueType == OnnxValueType.ONNX_TYPE_MAP, "of maps");
            Expect(map.AsMapMetadata().KeyDataType == TensorElementType.String, "from strings");
            Expect(map.AsMapMetadata().ValueMetadata.ElementType == typeof(float), "to floats");
        }
        using (var session = new InferenceSession(Model("optional.onnx")))
            Expect(session.OutputMetadata["o"].OnnxValueType == OnnxValueType.ONNX_TYPE_OPTIONAL, "an optional");
        using (var session = new InferenceSession(Model("overridable.onnx")))
            Expect(session.InputMetadata.Count == 1 && session.OverridableInitializerMetadata.ContainsKey("w"), "overridable");
    }

    static void Identity<T>(string name, params T[] data)
    {
        using (var session = new InferenceSession(Model("identity_" + name + ".onnx")))
        using (var results = session.Run(Inputs(In("x", new DenseTensor<T>(data, new[] { data.Length })))))
        {
            Expect(results.First().AsTensor<T>().SequenceEqual(data), name);
            Answer("identity", name, results.First().AsTensor<T>());
        }
    }

    static void ElementTypes()
    {
        Identity("float", 1.5F, -2, float.MaxValue);
        Identity("double", 1.5, -2, 1e300);
        Identity("int8", (sbyte)1, sbyte.MinValue, sbyte.MaxValue);
        Identity("int16", (short)1, short.MinValue, short.MaxValue);
        Identity("int32", 1, int.MinValue, int.MaxValue);
        Identity("int64", 1L, long.MinValue, long.MaxValue);
        Identity("uint8", (byte)1, byte.MinValue, byte.MaxValue);
        Identity("uint16", (ushort)1, ushort.MinValue, ushort.MaxValue);
        Identity("uint32", 1U, uint.MinValue, uint.MaxValue);
        Identity("uint64", 1UL, ulong.MinValue, ulong.MaxValue);
        Identity("bool", true, false, true);
        Identity("float16", new Float16(0x3c00), new Float16(0xc000));
        Identity("bfloat16", new BFloat16(0x3f80), new BFloat16(0xc000));
        Identity("string", "x", "", "ü");
    }

    static void OrtValues()
    {
        using (var session = new InferenceSession(Model("one_input.onnx")))
        using (var a = OrtValue.CreateTensorValueFromMemory(new float[] { 1, 2, 3 }, new long[] { 1, 3 }))
        using (var options = new RunOptions())
        {
            Expect(a.IsTensor && a.GetTensorTypeAndShape().ElementCount == 3, "a tensor");
            using (var results = session.Run(options, new Dictionary<string, OrtValue> { { "a", a } }, new[] { "z" }))
                Expect(string.Join(",", results[0].GetTensorDataAsSpan<float>().ToArray()) == "2,3,4", "the answer");
            var memory = new float[3];
            using (var z = OrtValue.CreateTensorValueFromMemory(memory, new long[] { 1, 3 }))
                session.Run(options, new[] { "a" }, new[] { a }, new[] { "z" }, new[] { z });
            Expect(memory[2] == 4, "in place");
        }
        using (var text = OrtValue.CreateTensorWithEmptyStrings(OrtAllocator.DefaultInstance, new long[] { 2 }))
        {
            text.StringTensorSetElementAt("žluť".AsSpan(), 0);
            text.StringTensorSetElementAt("", 1);
            Expect(text.GetStringElement(0) == "žluť" && text.GetStringElement(1) == "", "strings");
            Expect(text.GetStringTensorAsArray().Length == 2, "all of them");
        }
        using (var map = OrtValue.CreateMap(new long[] { 2, 1 }, new float[] { 0.5F, 0.25F }))
            map.ProcessMap((keys, values) => Expect(keys.GetTensorDataAsSpan<long>()[0] == 1, "keys ascend"), OrtAllocator.DefaultInstance);
    }

    static void Containers()
    {
        using (var split = new InferenceSession(Model("sequence.onnx")))
        using (var join = new InferenceSession(Model("sequence_input.onnx")))
        using (var results = split.Run(Inputs(In("x", Floats(new float[] { 3, 1, 2 }, 3)))))
        {
            var parts = results.First().AsEnumerable<NamedOnnxValue>().ToList();
            Expect(parts.Count == 3 && parts[1].AsTensor<float>().ToArray()[0] == 1, "three parts");
            using (var back = join.Run(Inputs(NamedOnnxValue.CreateFromSequence("s", parts))))
                Answer("containers", "y", back.First().AsTensor<float>());
        }
        var map = new Dictionary<string, float> { { "c", 5 }, { "zz", 6 }, { "a", 7 } };
        using (var session = new InferenceSession(Model("map_input.onnx")))
        using (var results = session.Run(Inputs(NamedOnnxValue.CreateFromMap<string, float>("m", map))))
            Answer("containers", "map", results.First().AsTensor<float>());
    }

    static void FromMemory()
    {
        var bytes = File.ReadAllBytes(Model("conv.onnx"));
        var x = Floats(Enumerable.Range(0, 64).Select(i => i / 64F).ToArray(), 1, 1, 8, 8);
        using (var session = new InferenceSession(bytes))
        {
            Array.Clear(bytes, 0, bytes.Length);
            using (var results = session.Run(Inputs(In("x", x)))) Answer("conv", "y", results.First().AsTensor<float>());
        }
        using (var box = new PrePackedWeightsContainer())
        using (var options = new SessionOptions())
        using (var one = new InferenceSession(Model("conv.onnx"), options, box))
        using (var two = new InferenceSession(Model("conv.onnx"), options, box))
            Expect(two.InputNames.Count == 1, "two sessions of one container");
    }

    static void Options()
    {
        var path = Path.Combine(Out, "csharp_optimized.onnx");
        using (var options = new SessionOptions())
        {
            options.GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_BASIC;
            options.ExecutionMode = ExecutionMode.ORT_SEQUENTIAL;
            options.IntraOpNumThreads = 2;
            options.InterOpNumThreads = 1;
            options.EnableCpuMemArena = false;
            options.EnableMemoryPattern = false;
            options.LogId = "csharp";
            options.LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR;
            options.LogVerbosityLevel = 0;
            options.OptimizedModelFilePath = path;
            options.AddSessionConfigEntry("session.set_denormal_as_zero", "1");
            options.AddFreeDimensionOverrideByName("N", 1);
            using (var session = new InferenceSession(Model("conv.onnx"), options))
                Expect(session.InputMetadata["x"].Dimensions[0] == 1, "the fixed dimension");
            Expect(new FileInfo(path).Length > 100, "the optimised model");
            Throws(() => options.AppendExecutionProvider("Bogus"), "unknown provider");
        }
    }

    static void AddInitializer()
    {
        using (var options = new SessionOptions())
        using (var w = OrtValue.CreateTensorValueFromMemory(new float[] { 5, 6, 7 }, new long[] { 3 }))
        {
            options.AddInitializer("w", w);
            using (var session = new InferenceSession(Model("overridable.onnx"), options))
            using (var results = session.Run(Inputs(In("x", Floats(new float[] { 1, 1, 1 }, 1, 3)))))
                Answer("initializer", "y", results.First().AsTensor<float>());
        }
    }

    static void Profiling()
    {
        using (var options = new SessionOptions { ProfileOutputPathPrefix = Path.Combine(Out, "csharp_profile"), EnableProfiling = true })
        using (var session = new InferenceSession(Model("one_input.onnx"), options))
        {
            session.Run(Inputs(In("a", Floats(new float[3], 1, 3)))).Dispose();
            Expect(session.ProfilingStartTimeNs > 0, "start time");
            Expect(File.ReadAllText(session.EndProfiling()).StartsWith("["), "the profile");
        }
    }

    static void Binding()
    {
        var memory = new float[3];
        using (var session = new InferenceSession(Model("one_input.onnx")))
        using (var binding = session.CreateIoBinding())
        using (var options = new RunOptions())
        using (var a = OrtValue.CreateTensorValueFromMemory(new float[] { 1, 2, 3 }, new long[] { 1, 3 }))
        using (var z = OrtValue.CreateTensorValueFromMemory(memory, new long[] { 1, 3 }))
        {
            binding.BindInput("a", a);
            binding.BindOutput("z", z);
            binding.SynchronizeBoundInputs();
            session.RunWithBinding(options, binding);
            binding.SynchronizeBoundOutputs();
            Expect(memory[0] == 2, "bound memory");
            binding.ClearBoundOutputs();
            binding.BindOutputToDevice("z", OrtMemoryInfo.DefaultInstance);
            using (var results = session.RunWithBoundResults(options, binding)) Expect(results[0].GetTensorDataAsSpan<float>()[2] == 4, "bound device");
            Expect(binding.GetOutputNames()[0] == "z", "bound names");
        }
    }

    static void LoadErrors()
    {
        foreach (var name in new[] { "nope.onnx", "garbage.onnx", "empty.onnx", "badop.onnx", "cyclic.onnx", "custom.onnx" })
            Throws(() => new InferenceSession(Model(name)).Dispose(), name);
        Throws(() => new InferenceSession(new byte[] { 1, 2, 3 }).Dispose(), "garbage bytes");
    }

    static void RunErrors()
    {
        using (var session = new InferenceSession(Model("one_input.onnx")))
        using (var options = new RunOptions())
        {
            Action<OrtValue, string, string> run = (v, input, output) =>
                session.Run(options, new[] { input }, new[] { v }, new[] { output }).Dispose();
            using (var wide = OrtValue.CreateTensorValueFromMemory(new float[4], new long[] { 1, 4 }))
            using (var line = OrtValue.CreateTensorValueFromMemory(new float[3], new long[] { 3 }))
            using (var doubles = OrtValue.CreateTensorValueFromMemory(new double[3], new long[] { 1, 3 }))
            using (var good = OrtValue.CreateTensorValueFromMemory(new float[3], new long[] { 1, 3 }))
            {
                Throws(() => run(wide, "a", "z"), "wrong dimension");
                Throws(() => run(line, "a", "z"), "wrong rank");
                Throws(() => run(doubles, "a", "z"), "wrong type");
                Throws(() => run(good, "bogus", "z"), "wrong name");
                Throws(() => run(good, "a", "bogus"), "wrong output");
            }
        }
    }

    static void Terminate()
    {
        using (var session = new InferenceSession(Model("slow.onnx")))
        using (var options = new RunOptions())
        using (var x = OrtValue.CreateTensorValueFromMemory(new float[128 * 128], new long[] { 128, 128 }))
        {
            var watch = Stopwatch.StartNew();
            var stopper = new Thread(() => { Thread.Sleep(300); options.Terminate = true; });
            stopper.Start();
            Throws(() => session.Run(options, new[] { "x" }, new[] { x }, new[] { "y" }).Dispose(), "terminated");
            stopper.Join();
            Expect(watch.ElapsedMilliseconds < 10000, "soon");
            options.Terminate = false;
        }
    }

    static void RunOptions_()
    {
        using (var options = new RunOptions())
        {
            options.LogId = "tag";
            options.LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR;
            options.LogVerbosityLevel = 2;
            options.AddRunConfigEntry("memory.enable_memory_arena_shrinkage", "cpu:0");
            Expect(options.LogId == "tag", "the tag");
        }
    }

    static void Concurrent()
    {
        var wrong = 0;
        using (var session = new InferenceSession(Model("tensors.onnx")))
        {
            var threads = Enumerable.Range(0, 4).Select(t => new Thread(() => {
                for (var i = 0; i < 50; i++)
                    using (var results = session.Run(Inputs(In("x", Floats(Iris, 3, 4))), new[] { "label" }))
                        if (string.Join(",", results.First().AsTensor<long>().ToArray()) != "0,1,2") Interlocked.Increment(ref wrong);
            })).ToList();
            threads.ForEach(t => t.Start());
            threads.ForEach(t => t.Join());
        }
        Expect(wrong == 0, "the same labels each time");
    }

    static void Memory()
    {
        using (var session = new InferenceSession(Model("conv.onnx")))
        using (var info = new OrtMemoryInfo(OrtMemoryInfo.allocatorCPU, OrtAllocatorType.ArenaAllocator, 0, OrtMemType.Default))
        using (var allocator = new OrtAllocator(session, info))
        using (var block = allocator.Allocate(100))
        {
            Expect(info.Name == "Cpu" && info.Id == 0, "memory info");
            Expect(OrtAllocator.DefaultInstance.Info.Name == "Cpu", "of the default allocator");
            Expect(block.Size == 100, "a block");
        }
    }

    static int Main()
    {
        var tests = new Dictionary<string, Action> {
            { "environment", Environment_ }, { "classifier", Classifier }, { "string_classifier", StringClassifier },
            { "strings", Strings }, { "two_inputs", TwoInputs }, { "metadata", Metadata }, { "element_types", ElementTypes },
            { "ort_values", OrtValues }, { "containers", Containers }, { "from_memory", FromMemory }, { "options", Options },
            { "add_initializer", AddInitializer }, { "profiling", Profiling }, { "binding", Binding }, { "load_errors", LoadErrors },
            { "run_errors", RunErrors }, { "terminate", Terminate }, { "run_options", RunOptions_ }, { "concurrent_runs", Concurrent },
            { "memory", Memory } };
        var failed = 0;
        foreach (var test in tests)
            try
            {
                test.Value();
                Console.WriteLine("PASS csharp " + test.Key);
            }
            catch (Exception e)
            {
                failed++;
                while (e.InnerException != null) e = e.InnerException;
                var text = e.GetType().Name + ": " + e.Message.Replace('\n', ' ');
                Console.WriteLine("FAIL csharp " + test.Key + ": " + text.Substring(0, Math.Min(text.Length, 300)));
            }
        File.WriteAllText(Path.Combine(Out, "answers.txt"), Answers.ToString());
        return failed == 0 ? 0 : 1;
    }
}
