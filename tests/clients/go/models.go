// Sessions and what is known of models: types, metadata, options, files that a session writes, errors.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
)

var models = []check{
	{"version", version},
	{"type_infos", typeInfos},
	{"metadata", metadata},
	{"options", options},
	{"config_entries", configEntries},
	{"from_memory", fromMemory},
	{"external_data", externalData},
	{"profiling", profiling},
	{"optimized_model", optimizedModel},
	{"shared_allocator", sharedAllocator},
	{"environments", environments},
	{"bad_models", badModels},
	{"bad_providers", badProviders},
}

func version() {
	expect(strings.HasPrefix(ort.GetVersion(), "1."), "version %s", ort.GetVersion())
	fine(ort.EnableTelemetry())
	fine(ort.DisableTelemetry())
	fine(ort.SetEnvironmentLogLevel(ort.LoggingLevelError))
}

func typeInfos() {
	files := "classifier classifier_strings tensors two_inputs strings sequence sequence_input map_input overridable conv"
	for _, file := range strings.Fields(files) {
		inputs, outputs, err := ort.GetInputOutputInfo(model(file + ".onnx"))
		fine(err)
		for side, list := range map[string][]ort.InputOutputInfo{"in": inputs, "out": outputs} {
			for i, info := range list {
				answerText("type_infos", fmt.Sprintf("%s.%s%d", file, side, i), info.String())
			}
		}
	}
}

func metadata() {
	about := must(ort.GetModelMetadata(model("two_inputs.onnx")))
	defer about.Destroy()
	answerText("metadata", "producer", must(about.GetProducerName()))
	answerText("metadata", "graph", must(about.GetGraphName()))
	answerText("metadata", "domain", must(about.GetDomain()))
	answerText("metadata", "description", must(about.GetDescription()))
	answerText("metadata", "version", fmt.Sprint(must(about.GetVersion())))
	keys := must(about.GetCustomMetadataMapKeys())
	sort.Strings(keys)
	expect(len(keys) == 3, "%d keys", len(keys))
	for _, key := range keys {
		value, found, err := about.LookupCustomMetadataMap(key)
		fine(err)
		answerText("metadata", "custom_"+key, fmt.Sprint(value, " ", found))
	}
	_, found, err := about.LookupCustomMetadataMap("no such key")
	fine(err)
	expect(!found, "no such key")
	none := must(ort.GetModelMetadata(model("conv.onnx")))
	defer none.Destroy()
	expect(len(must(none.GetCustomMetadataMapKeys())) == 0, "no keys")
}

func newOptions() *ort.SessionOptions { return must(ort.NewSessionOptions()) }

func options() {
	levels := []ort.GraphOptimizationLevel{ort.GraphOptimizationLevelDisableAll, ort.GraphOptimizationLevelEnableBasic,
		ort.GraphOptimizationLevelEnableExtended, ort.GraphOptimizationLevelEnableAll}
	for i, level := range levels {
		o := newOptions()
		fine(o.SetGraphOptimizationLevel(level))
		fine(o.SetIntraOpNumThreads(1 + i%2))
		fine(o.SetInterOpNumThreads(1))
		fine(o.SetCpuMemArena(i%2 == 0))
		fine(o.SetMemPattern(i%2 == 1))
		fine(o.SetExecutionMode(ort.ExecutionModeSequential))
		fine(o.SetLogSeverityLevel(ort.LoggingLevelFatal))
		s := session("tensors.onnx", o, []string{"x"}, []string{"probabilities"})
		fine(o.Destroy())
		answer("options", fmt.Sprint("level", i), run(s, 1, iris())[0])
		s.Destroy()
	}
	o := newOptions()
	defer o.Destroy()
	refused("level", o.SetGraphOptimizationLevel(-24))
	refused("mode", o.SetExecutionMode(17))
}

func configEntries() {
	o := newOptions()
	defer o.Destroy()
	fine(o.AddSessionConfigEntry("session.set_denormal_as_zero", "0"))
	fine(o.AddSessionConfigEntry("my.key", "значение"))
	expect(must(o.HasSessionConfigEntry("my.key")) && !must(o.HasSessionConfigEntry("other")), "has")
	expect(must(o.GetSessionConfigEntry("my.key")) == "значение", "get")
	_, err := o.GetSessionConfigEntry("other")
	refused("absent", err)
}

func fromMemory() {
	data := must(os.ReadFile(model("tensors.onnx")))
	s := must(ort.NewDynamicAdvancedSessionWithONNXData(data, []string{"x"}, []string{"label"}, nil))
	defer s.Destroy()
	for i := range data {
		data[i] = 0
	}
	answer("from_memory", "label", run(s, 1, iris())[0])
}

func externalData() {
	s := session("external.onnx", nil, []string{"x"}, []string{"y"})
	defer s.Destroy()
	x := make([]float32, 64)
	for i := range x {
		x[i] = float32(i) / 64
	}
	answer("external_data", "y", run(s, 1, floats(x, 1, 64))[0])
}

// The profile is written when the session goes: this binding cannot end it sooner.
func profiling() {
	o := newOptions()
	defer o.Destroy()
	fine(o.EnableProfiling(made("go_profile")))
	s := session("conv.onnx", o, []string{"x"}, []string{"y"})
	run(s, 1, floats(make([]float32, 64), 1, 1, 8, 8))
	fine(s.Destroy())
	files := must(filepath.Glob(made("go_profile") + "*"))
	expect(len(files) == 1, "%d files", len(files))
	data := string(must(os.ReadFile(files[0])))
	expect(strings.HasPrefix(strings.TrimSpace(data), "[") && strings.Contains(data, "Conv"), "a profile")
	fine(o.DisableProfiling())
}

func optimizedModel() {
	x := floats(make([]float32, 64), 1, 1, 8, 8)
	o := newOptions()
	defer o.Destroy()
	path := made("go_optimized.onnx")
	fine(o.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableBasic))
	fine(o.SetOptimizedModelFilePath(path))
	s := session("conv.onnx", o, []string{"x"}, []string{"y"})
	answer("optimized_model", "y", run(s, 1, x)[0])
	s.Destroy()
	again := must(ort.NewDynamicAdvancedSession(path, []string{"x"}, []string{"y"}, nil))
	defer again.Destroy()
	answer("optimized_model", "again", run(again, 1, x)[0])
}

func sharedAllocator() {
	memory := must(ort.GetMemoryInfo())
	arena := must(ort.NewArenaCfg(0, -1, -1, -1))
	defer arena.Destroy()
	fine(ort.CreateAndRegisterAllocator(memory, arena))
	o := newOptions()
	defer o.Destroy()
	fine(o.AddSessionConfigEntry("session.use_env_allocators", "1"))
	for i := 0; i < 2; i++ {
		s := session("tensors.onnx", o, []string{"x"}, []string{"label"})
		answer("shared_allocator", fmt.Sprint("label", i), run(s, 1, iris())[0])
		s.Destroy()
	}
	fine(ort.UnregisterAllocator(memory))
}

// The library is loaded and unloaded with each environment.
func environments() {
	for i := 0; i < 5; i++ {
		fine(ort.DestroyEnvironment())
		expect(!ort.IsInitialized(), "gone")
		fine(ort.InitializeEnvironment())
		s := session("conv.onnx", nil, []string{"x"}, []string{"y"})
		run(s, 1, floats(make([]float32, 640), 10, 1, 8, 8))
		s.Destroy()
	}
}

func badModels() {
	files := "missing garbage empty badop cyclic custom"
	for _, file := range strings.Fields(files) {
		_, err := ort.NewDynamicAdvancedSession(model(file+".onnx"), []string{"x"}, []string{"y"}, nil)
		refused(file, err)
		_, _, err = ort.GetInputOutputInfo(model(file + ".onnx"))
		refused(file, err)
	}
	whole := must(os.ReadFile(model("conv.onnx")))
	for _, data := range [][]byte{[]byte("no model \xff\xff"), whole[:len(whole)/2]} {
		_, err := ort.NewDynamicAdvancedSessionWithONNXData(data, []string{"x"}, []string{"y"}, nil)
		refused("bytes", err)
	}
}

func badProviders() {
	o := newOptions()
	defer o.Destroy()
	refused("provider", o.AppendExecutionProvider("Bogus", nil))
	refused("library", ort.RegisterExecutionProviderLibrary("bogus", "/no/such/library.so"))
	_, err := ort.NewCUDAProviderOptions()
	refused("CUDA", err)
	_, err = ort.NewTensorRTProviderOptions()
	refused("TensorRT", err)
}
