// What a Go program does with github.com/yalue/onnxruntime_go. Each check runs in a process of its own, so that one that
// crashes takes nothing with it; prints PASS and FAIL lines, writes answers.txt.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"sort"
	"strconv"
	"strings"
	"time"

	ort "github.com/yalue/onnxruntime_go"
)

type check struct {
	name string
	run  func()
}

// wrong is what a check that is not so panics with.
type wrong string

func expect(good bool, format string, args ...any) {
	if !good {
		panic(wrong(fmt.Sprintf(format, args...)))
	}
}

// must passes a result on, when there was no error.
func must[T any](value T, err error) T {
	expect(err == nil, "%v", err)
	return value
}

func fine(err error) { expect(err == nil, "%v", err) }

func model(name string) string { return os.Getenv("MODELS") + "/" + name }
func made(name string) string  { return os.Getenv("OUT") + "/" + name }

func line(text string) {
	file := must(os.OpenFile(made("answers.txt"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644))
	defer file.Close()
	must(fmt.Fprintln(file, text))
}

func answer(check, output string, value ort.Value) { line(check + " " + output + " " + text(value)) }

func answerText(check, output, value string) {
	line(check + " " + output + " string [] " + strconv.Quote(value))
}

func tensor[T ort.TensorData](name string, t *ort.Tensor[T], one func(T) string) string {
	words := []string{name, strings.ReplaceAll(t.GetShape().String(), " ", ",")}
	for _, v := range t.GetData() {
		words = append(words, one(v))
	}
	return strings.Join(words, " ")
}

func whole[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](v T) string {
	return fmt.Sprintf("%d", v)
}

// text is a value's dtype, shape and elements.
func text(value ort.Value) string {
	switch v := value.(type) {
	case *ort.Tensor[float32]:
		return tensor("float", v, func(f float32) string { return fmt.Sprintf("%.9g", f) })
	case *ort.Tensor[float64]:
		return tensor("double", v, func(f float64) string { return fmt.Sprintf("%.9g", f) })
	case *ort.Tensor[bool]:
		return tensor("bool", v, func(b bool) string { return map[bool]string{true: "1", false: "0"}[b] })
	case *ort.Tensor[int8]:
		return tensor("int8", v, whole[int8])
	case *ort.Tensor[int16]:
		return tensor("int16", v, whole[int16])
	case *ort.Tensor[int32]:
		return tensor("int32", v, whole[int32])
	case *ort.Tensor[int64]:
		return tensor("int64", v, whole[int64])
	case *ort.Tensor[uint8]:
		return tensor("uint8", v, whole[uint8])
	case *ort.Tensor[uint16]:
		return tensor("uint16", v, whole[uint16])
	case *ort.Tensor[uint32]:
		return tensor("uint32", v, whole[uint32])
	case *ort.Tensor[uint64]:
		return tensor("uint64", v, whole[uint64])
	case *ort.Scalar[int64]:
		return fmt.Sprint("int64 [] ", v.GetData())
	case *ort.Scalar[bool]:
		return fmt.Sprint("bool [] ", v.GetData())
	case *ort.StringTensor:
		words := []string{"string", strings.ReplaceAll(v.GetShape().String(), " ", ",")}
		for _, s := range must(v.GetContents()) {
			words = append(words, strconv.Quote(s))
		}
		return strings.Join(words, " ")
	case *ort.Sequence:
		words := []string{"sequence", "[]"}
		for _, item := range must(v.GetValues()) {
			words = append(words, text(item))
		}
		return strings.Join(words, " ")
	case *ort.Map:
		return mapText(v)
	}
	panic(wrong(fmt.Sprintf("a value of type %T", value)))
}

func mapText(m *ort.Map) string {
	keys, values, err := m.GetKeysAndValues()
	fine(err)
	var names []string
	switch k := keys.(type) {
	case *ort.Tensor[int64]:
		for _, v := range k.GetData() {
			names = append(names, strconv.FormatInt(v, 10))
		}
	case *ort.StringTensor:
		for _, s := range must(k.GetContents()) {
			names = append(names, strconv.Quote(s))
		}
	}
	numbers := values.(*ort.Tensor[float32]).GetData()
	expect(len(names) == len(numbers), "%d keys, %d values", len(names), len(numbers))
	entries := make([]string, len(names))
	for i := range names {
		entries[i] = fmt.Sprintf("%s: %.9g", names[i], numbers[i])
	}
	sort.Strings(entries)
	return "map {" + strings.Join(entries, ", ") + "}"
}

// session is one with the outputs made by the library.
func session(file string, options *ort.SessionOptions, inputs, outputs []string) *ort.DynamicAdvancedSession {
	return must(ort.NewDynamicAdvancedSession(model(file), inputs, outputs, options))
}

// run gives a run's outputs, which the library makes.
func run(s *ort.DynamicAdvancedSession, outputs int, inputs ...ort.Value) []ort.Value {
	out := make([]ort.Value, outputs)
	fine(s.Run(inputs, out))
	return out
}

func floats(values []float32, dims ...int64) *ort.Tensor[float32] {
	return must(ort.NewTensor(ort.NewShape(dims...), values))
}

func texts(values []string, dims ...int64) *ort.StringTensor {
	t := must(ort.NewStringTensor(ort.NewShape(dims...)))
	fine(t.SetContents(values))
	return t
}

func iris() *ort.Tensor[float32] {
	return floats([]float32{5.1, 3.5, 1.4, 0.2, 6.2, 2.9, 4.3, 1.3, 7.7, 3, 6.1, 2.3}, 3, 4)
}

func runOne(c check) (failed bool) {
	time.AfterFunc(2*time.Minute, func() {
		fmt.Printf("FAIL go %s: not done after two minutes\n", c.name)
		os.Exit(1)
	})
	defer func() {
		if why := recover(); why != nil {
			fmt.Printf("FAIL go %s: %s\n", c.name, strings.ReplaceAll(fmt.Sprint(why), "\n", " "))
			failed = true
		}
	}()
	ort.SetSharedLibraryPath(os.Getenv("LIBRARY"))
	fine(ort.InitializeEnvironment(ort.WithLogLevelFatal()))
	c.run()
	fine(ort.DestroyEnvironment())
	fmt.Println("PASS go", c.name)
	return false
}

func main() {
	all := append(append([]check{}, runs...), models...)
	if len(os.Args) > 1 {
		for _, c := range all {
			if c.name == os.Args[1] && runOne(c) {
				os.Exit(1)
			}
		}
		return
	}
	code := 0
	for _, c := range all {
		command := exec.Command(os.Args[0], c.name)
		command.Stderr = os.Stderr
		out, err := command.Output()
		said := ""
		for _, l := range strings.Split(string(out), "\n") {
			if strings.HasPrefix(l, "PASS ") || strings.HasPrefix(l, "FAIL ") {
				said = l
			}
		}
		if said == "" || err != nil && strings.HasPrefix(said, "PASS ") {
			said = fmt.Sprintf("FAIL go %s: the process ended: %v", c.name, err)
		}
		fmt.Println(said)
		if !strings.HasPrefix(said, "PASS ") {
			code = 1
		}
	}
	os.Exit(code)
}
