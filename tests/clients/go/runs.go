// Runs: classifiers, strings, containers, types, bindings, threads, termination.
package main

import (
	"encoding/binary"
	"math"
	"strings"
	"sync"
	"time"

	ort "github.com/yalue/onnxruntime_go"
)

var runs = []check{
	{"classifier", classifier},
	{"classifier_tensors", classifierTensors},
	{"string_classifier", stringClassifier},
	{"strings", stringsInAndOut},
	{"two_inputs", twoInputs},
	{"shapes", shapes},
	{"outputs_in_place", outputsInPlace},
	{"dtypes", dtypes},
	{"sequences", sequences},
	{"maps", maps},
	{"scalars", scalars},
	{"optional", optionalGiven},
	{"overridable", overridable},
	{"binding", binding},
	{"threads", threads},
	{"terminate", terminate},
	{"bad_runs", badRuns},
	{"bad_values", badValues},
}

func classifier() {
	s := session("classifier.onnx", nil, []string{"x"}, []string{"label", "probabilities"})
	defer s.Destroy()
	out := run(s, 2, iris())
	answer("classifier", "label", out[0])
	answer("classifier", "probabilities", out[1])
	fine(out[1].Destroy())
}

func classifierTensors() {
	s := session("tensors.onnx", nil, []string{"x"}, []string{"label", "probabilities"})
	defer s.Destroy()
	out := run(s, 2, iris())
	answer("classifier_tensors", "label", out[0])
	answer("classifier_tensors", "probabilities", out[1])
}

func stringClassifier() {
	s := session("classifier_strings.onnx", nil, []string{"color", "size"}, []string{"label", "probabilities"})
	defer s.Destroy()
	out := run(s, 2, texts([]string{"red", "blue", "unseen"}, 3, 1), floats([]float32{1, 2, 9}, 3, 1))
	answer("string_classifier", "label", out[0])
	answer("string_classifier", "probabilities", out[1])
}

func stringsInAndOut() {
	s := session("strings.onnx", nil, []string{"s"}, []string{"t", "id"})
	defer s.Destroy()
	given := []string{"a", "", "žluť", "bb", `a "quoted" \ text`}
	out := run(s, 2, texts(given, 5))
	answer("strings", "t", out[0])
	answer("strings", "id", out[1])
	long := strings.Repeat("x", 100000)
	out = run(s, 2, texts([]string{long}, 1))
	expect(must(out[0].(*ort.StringTensor).GetElement(0)) == long, "a long text")
	t := texts([]string{"a", "b"}, 2)
	fine(t.SetElement(1, "another text"))
	expect(must(t.GetElement(1)) == "another text" && must(t.GetElement(0)) == "a", "one element set")
	own := must(ort.NewStringTensor(ort.NewShape(2)))
	expect(must(own.GetElement(1)) == "", "new strings are empty")
	ids := must(ort.NewEmptyTensor[int64](ort.NewShape(2)))
	fine(s.Run([]ort.Value{t}, []ort.Value{own, ids}))
	answer("strings", "own", own)
}

func twoInputs() {
	s := session("two_inputs.onnx", nil, []string{"b", "a"}, []string{"z", "y"})
	defer s.Destroy()
	out := run(s, 2, floats([]float32{0.5, -1, 2, 0, 1, 3}, 3, 2), floats([]float32{1, 2, 3, 4, 5, 6}, 2, 3))
	answer("two_inputs", "z", out[0])
	answer("two_inputs", "y", out[1])
}

// Sizes that change from run to run.
func shapes() {
	s := session("two_inputs.onnx", nil, []string{"a", "b"}, []string{"y"})
	defer s.Destroy()
	for _, size := range [][2]int64{{1, 1}, {5, 2}, {1, 7}, {33, 17}} {
		a, b := make([]float32, size[0]*3), make([]float32, size[1]*3)
		for i := range a {
			a[i] = 0.25
		}
		for i := range b {
			b[i] = 2
		}
		y := run(s, 1, floats(a, size[0], 3), floats(b, 3, size[1]))[0].(*ort.Tensor[float32])
		expect(y.GetShape().Equals(ort.NewShape(size[:]...)), "shape %v", y.GetShape())
		for _, v := range y.GetData() {
			expect(v == 1.5, "%v", v)
		}
	}
}

func outputsInPlace() {
	x, y := floats([]float32{1, 2, 3}, 3), must(ort.NewEmptyTensor[float32](ort.NewShape(3)))
	s := must(ort.NewAdvancedSession(model("identity_float.onnx"), []string{"x"}, []string{"y"}, []ort.Value{x}, []ort.Value{y}, nil))
	defer s.Destroy()
	fine(s.Run())
	expect(y.GetData()[2] == 3, "it was filled")
	x.GetData()[2] = 9
	fine(s.Run())
	expect(y.GetData()[2] == 9, "and filled again")
}

func through[T ort.TensorData](kind string, values ...T) {
	s := session("identity_"+kind+".onnx", nil, []string{"x"}, []string{"y"})
	defer s.Destroy()
	y := run(s, 1, must(ort.NewTensor(ort.NewShape(int64(len(values))), values)))[0].(*ort.Tensor[T])
	for i, v := range y.GetData() {
		expect(v == values[i], "%s: %v", kind, v)
	}
	answer("dtypes", kind, y)
}

// Types that Go has no element for, as bytes.
func throughBytes(kind string, dtype ort.TensorElementDataType, values ...uint16) {
	bytes := make([]byte, 2*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint16(bytes[2*i:], v)
	}
	shape := ort.NewShape(int64(len(values)))
	in := must(ort.NewCustomDataTensor(shape, bytes, dtype))
	out := must(ort.NewCustomDataTensor(shape, make([]byte, len(bytes)), dtype))
	s := session("identity_"+kind+".onnx", nil, []string{"x"}, []string{"y"})
	defer s.Destroy()
	fine(s.Run([]ort.Value{in}, []ort.Value{out}))
	expect(string(out.GetData()) == string(bytes), "%s: %v", kind, out.GetData())
}

func dtypes() {
	through("float", 1.5, float32(math.Copysign(0, -1)), math.MaxFloat32, 1.17549435e-38)
	through("double", 1.5, -2.25, 1e300)
	through[int8]("int8", math.MinInt8, -1, 0, math.MaxInt8)
	through[int16]("int16", math.MinInt16, -1, 0, math.MaxInt16)
	through[int32]("int32", math.MinInt32, -1, 0, math.MaxInt32)
	through[int64]("int64", math.MinInt64, -1, 0, math.MaxInt64)
	through[uint8]("uint8", 0, 1, math.MaxUint8)
	through[uint16]("uint16", 0, 1, math.MaxUint16)
	through[uint32]("uint32", 0, 1, math.MaxUint32)
	through[uint64]("uint64", 0, 1, math.MaxUint64)
	through("bool", true, false, true)
	throughBytes("float16", ort.TensorElementDataTypeFloat16, 0x3800, 0xc000, 0x7bff)
	throughBytes("bfloat16", ort.TensorElementDataTypeBFloat16, 0x3f00, 0xc000, 0x7f7f)
}

func sequences() {
	split := session("sequence.onnx", nil, []string{"x"}, []string{"s", "n"})
	defer split.Destroy()
	join := session("sequence_input.onnx", nil, []string{"s"}, []string{"y"})
	defer join.Destroy()
	out := []ort.Value{nil, must(ort.NewEmptyScalar[int64]())} // this binding makes no scalars by itself
	fine(split.Run([]ort.Value{floats([]float32{1, 2, 3, 4}, 4)}, out))
	answer("sequences", "s", out[0])
	answer("sequences", "n", out[1])
	answer("sequences", "y", run(join, 1, out[0])[0])
	own := must(ort.NewSequence([]ort.Value{floats([]float32{7, 8}, 2), floats([]float32{9}, 1)}))
	defer own.Destroy()
	answer("sequences", "own", run(join, 1, own)[0])
}

func maps() {
	byText := session("map_input.onnx", nil, []string{"m"}, []string{"y"})
	defer byText.Destroy()
	m := must(ort.NewMap(texts([]string{"b", "c", "zz"}, 3), floats([]float32{2.5, 4, 9}, 3)))
	answer("maps", "given", m)
	answer("maps", "string", run(byText, 1, m)[0])
	byNumber := session("map_input_int.onnx", nil, []string{"m"}, []string{"y"})
	defer byNumber.Destroy()
	answer("maps", "int64", run(byNumber, 1, must(ort.NewMapFromGoMap(map[int64]float32{3: 1, 1: -2})))[0])
}

func scalars() {
	s := must(ort.NewScalar(float32(2.5)))
	expect(len(s.GetShape()) == 0 && s.GetData() == 2.5, "a scalar")
	s.Set(3)
	expect(s.GetData() == 3, "set")
	fine(s.Destroy())
}

func optionalGiven() {
	s := session("optional.onnx", nil, []string{"x"}, []string{"has", "y"})
	defer s.Destroy()
	out := []ort.Value{must(ort.NewEmptyScalar[bool]()), nil}
	fine(s.Run([]ort.Value{floats([]float32{1, 2}, 2)}, out))
	answer("optional", "has", out[0])
	answer("optional", "y", out[1])
}

func overridable() {
	x := floats([]float32{1, 1, 1, 2, 2, 2}, 2, 3)
	s := session("overridable.onnx", nil, []string{"x"}, []string{"y"})
	defer s.Destroy()
	answer("overridable", "default", run(s, 1, x)[0])
	both := session("overridable.onnx", nil, []string{"x", "w"}, []string{"y"})
	defer both.Destroy()
	answer("overridable", "given", run(both, 1, x, floats([]float32{5, 6, 7}, 3))[0])
}

func binding() {
	s := session("two_inputs.onnx", nil, []string{"a", "b"}, []string{"y", "z"})
	defer s.Destroy()
	b := must(s.CreateIoBinding())
	defer b.Destroy()
	z := must(ort.NewEmptyTensor[float32](ort.NewShape(1, 3)))
	fine(b.BindInput("a", floats([]float32{1, 2, 3}, 1, 3)))
	fine(b.BindInput("b", floats([]float32{1, 0, 1, 0, 1, 2}, 3, 2)))
	fine(b.BindOutput("z", z))
	fine(s.RunWithBinding(b))
	answer("binding", "z", z)
	names := must(b.GetBoundOutputNames())
	expect(len(names) == 1 && names[0] == "z", "names %v", names)
	expect(len(must(b.GetBoundOutputValues())) == 1, "one output")
	b.ClearBoundOutputs()
	b.ClearBoundInputs()
	expect(s.RunWithBinding(b) != nil, "nothing is bound")
}

func threads() {
	s := session("tensors.onnx", nil, []string{"x"}, []string{"probabilities"})
	defer s.Destroy()
	expected := text(run(s, 1, iris())[0])
	var group sync.WaitGroup
	faults := make(chan string, 8)
	for t := 0; t < 8; t++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := 0; i < 50; i++ {
				in, out := iris(), []ort.Value{nil}
				if err := s.Run([]ort.Value{in}, out); err != nil {
					faults <- err.Error()
					return
				}
				if got := text(out[0]); got != expected {
					faults <- got
					return
				}
				in.Destroy()
				out[0].Destroy()
			}
		}()
	}
	group.Wait()
	close(faults)
	for fault := range faults {
		expect(false, "%s", fault)
	}
}

func terminate() {
	s := session("slow.onnx", nil, []string{"x"}, []string{"y"})
	defer s.Destroy()
	options := must(ort.NewRunOptions())
	defer options.Destroy()
	x := floats(make([]float32, 128*128), 128, 128)
	began := time.Now()
	time.AfterFunc(300*time.Millisecond, func() { options.Terminate() })
	err := s.RunWithOptions([]ort.Value{x}, []ort.Value{nil}, options)
	expect(err != nil && err.Error() != "", "it ends with an error")
	expect(time.Since(began) < 20*time.Second, "soon: %v", time.Since(began))
	quick := session("tensors.onnx", nil, []string{"x"}, []string{"label"})
	defer quick.Destroy()
	expect(quick.RunWithOptions([]ort.Value{iris()}, []ort.Value{nil}, options) != nil, "the flag stays")
	fine(options.UnsetTerminate())
	fine(quick.RunWithOptions([]ort.Value{iris()}, []ort.Value{nil}, options))
}

func refused(what string, err error) {
	expect(err != nil, "%s: no error", what)
	expect(err.Error() != "", "%s: an error without a text", what)
}

func badRuns() {
	s := session("tensors.onnx", nil, []string{"x"}, []string{"label", "probabilities"})
	defer s.Destroy()
	try := func(in ort.Value) error { return s.Run([]ort.Value{in}, []ort.Value{nil, nil}) }
	refused("width", try(floats(make([]float32, 15), 3, 5)))
	refused("rank", try(floats(make([]float32, 12), 12)))
	refused("dtype", try(must(ort.NewTensor(ort.NewShape(1, 4), make([]float64, 4)))))
	refused("strings", try(texts([]string{"a", "b", "c", "d"}, 1, 4)))
	refused("number of inputs", s.Run([]ort.Value{iris(), iris()}, []ort.Value{nil, nil}))
	wide := must(ort.NewEmptyTensor[float32](ort.NewShape(3, 9)))
	refused("output shape", s.Run([]ort.Value{iris()}, []ort.Value{nil, wide}))
	fine(try(iris()))
	for _, names := range [][2]string{{"nope", "label"}, {"x", "nope"}} {
		named, err := ort.NewDynamicAdvancedSession(model("tensors.onnx"), []string{names[0]}, []string{names[1]}, nil)
		if err == nil {
			err = named.Run([]ort.Value{iris()}, []ort.Value{nil})
			named.Destroy()
		}
		refused("name", err)
	}
	two := session("two_inputs.onnx", nil, []string{"a", "b"}, []string{"y"})
	defer two.Destroy()
	refused("inner size", two.Run([]ort.Value{floats(make([]float32, 3), 1, 3), floats(make([]float32, 8), 4, 2)}, []ort.Value{nil}))
}

func badValues() {
	_, err := ort.NewTensor(ort.NewShape(2, 3), make([]float32, 5))
	refused("too few", err)
	_, err = ort.NewTensor(ort.NewShape(-2, 3), make([]float32, 6))
	refused("negative", err)
	_, err = ort.NewCustomDataTensor(ort.NewShape(1), make([]byte, 8), 12345)
	refused("dtype", err)
	_, err = ort.NewSequence([]ort.Value{floats([]float32{1}, 1), must(ort.NewTensor(ort.NewShape(1), []int64{1}))})
	refused("mixed sequence", err)
	_, err = ort.NewMap(floats([]float32{1}, 1), floats([]float32{1}, 1))
	refused("float keys", err)
	refused("number of strings", must(ort.NewStringTensor(ort.NewShape(2))).SetContents([]string{"one"}))
	refused("index", texts([]string{"a"}, 1).SetElement(7, "b"))
}
