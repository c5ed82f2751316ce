#!/usr/bin/env python3
"""Makes the models that the clients run: models.py FOLDER. All are small, seeded, and old enough (opset 14, IR 7 where
what they hold allows it) for every release of ONNX Runtime that a client brings.

    classifier.onnx            x float [N,4] -> label int64, probabilities seq(map(int64,float)) by ZipMap: iris
    classifier_strings.onnx   color string [N,1], size float [N,1] -> label string, probabilities seq(map(string,float))
    tensors.onnx               the iris classifier without ZipMap: probabilities float [N,3]
    two_inputs.onnx            a float [batch,3], b float [3,n] -> y = a b, z = a + 1; with all metadata
    one_input.onnx             a float [batch,3] -> z = a + 1
    strings.onnx               s string [N] -> t string [N], id int64 [N]
    identity_TYPE.onnx         x TYPE [N] -> y
    sequence.onnx              x float [N] -> s seq(tensor(float)), n int64; sequence_input.onnx: s -> y float, n int64
    optional.onnx              x float [N] -> o optional(tensor(float)), has bool, y; optional_input.onnx: o -> has bool
    map_input.onnx             m map(string,float) -> y float [1,3]; map_input_int.onnx: m map(int64,float)
    overridable.onnx           x float [N,3], w float [3] (an initializer that is an input too) -> y = x w
    external.onnx              x float [N,64] -> y float [N,8]; the weights are in external.bin
    conv.onnx                  x float [N,1,8,8] -> y float [N,4]
    slow.onnx                  x float [128,128] -> y: a Loop that runs for many seconds
    custom.onnx                a, b float [N] -> c: MulAdd of the domain test.custom
    genai/                     a decoder of one layer that onnxruntime-genai can drive, with its configuration
    vad.onnx                   what sherpa-onnx takes for silero's voice activity detector 5: the mean of |input|
    garbage.onnx empty.onnx badop.onnx cyclic.onnx      not models, or not ones that can be loaded
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

OPSETS = [h.make_opsetid("", 14), h.make_opsetid("ai.onnx.ml", 2)]


def tensor(name: str, dtype: int, *dims):
    return h.make_tensor_value_info(name, dtype, list(dims))


def sequence(name: str, dtype: int):
    return h.make_tensor_sequence_value_info(name, dtype, None)


def constant(name: str, value: np.ndarray):
    return numpy_helper.from_array(value, name)


def model(nodes, inputs, outputs, constants=(), name="graph", opsets=OPSETS, ir=7, checked=True):
    made = h.make_model(
        h.make_graph(nodes, name, inputs, outputs, list(constants)),
        opset_imports=opsets,
        producer_name="sard",
        producer_version="1",
    )
    made.ir_version = ir
    if checked:
        onnx.checker.check_model(made)
    return made


def node(op: str, inputs: str, outputs: str, **attributes):
    """One node; names are words, `-` is an input left out."""
    names = ["" if n == "-" else n for n in inputs.split()]
    return h.make_node(op, names, outputs.split(), **attributes)


# ---- classifiers -----------------------------------------------------------------------------------------------------
def classifiers(out: Path) -> None:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    target = {"": 14, "ai.onnx.ml": 2}

    def named(made) -> None:
        """The outputs get the names of the list above; what already has them inside gets others."""
        made.ir_version = 7
        label, probabilities = (v.name for v in made.graph.output)
        changes = {"label": "raw_label", "probabilities": "raw_probabilities"}
        changes |= {label: "label", probabilities: "probabilities"}
        for n in made.graph.node:
            for names in (n.input, n.output):
                for i, old in enumerate(names):
                    names[i] = changes.get(old, old)
        for v in [*made.graph.input, *made.graph.output]:
            v.name = changes.get(v.name, v.name)

    iris = load_iris()
    fitted = LogisticRegression(max_iter=500).fit(iris.data.astype(np.float32), iris.target)
    for file, zipmap in (("classifier", True), ("tensors", False)):
        made = convert_sklearn(
            fitted,
            initial_types=[("x", FloatTensorType([None, 4]))],
            target_opset=target,
            options={id(fitted): {"zipmap": zipmap}},
        )
        named(made)
        onnx.save(made, out / f"{file}.onnx")

    rng = np.random.default_rng(7)
    colors = np.array(["red", "green", "blue"], dtype=object)[rng.integers(0, 3, 120)]
    size = rng.uniform(0, 10, 120)
    score = size + np.where(colors == "red", 4, 0) - np.where(colors == "blue", 3, 0)
    kind = np.array(["small", "middle", "large"], dtype=object)[np.digitize(score, [4, 8])]
    rows = np.stack([colors, size], 1).astype(object)
    pipeline = make_pipeline(
        ColumnTransformer([("color", OneHotEncoder(handle_unknown="ignore"), [0]), ("size", "passthrough", [1])]),
        LogisticRegression(max_iter=500),
    ).fit(rows, kind.astype(str))
    made = convert_sklearn(
        pipeline,
        initial_types=[("color", StringTensorType([None, 1])), ("size", FloatTensorType([None, 1]))],
        target_opset=target,
    )
    named(made)
    onnx.save(made, out / "classifier_strings.onnx")


# ---- tensors, strings, types -----------------------------------------------------------------------------------------
def plain(out: Path) -> None:
    two = model(
        [node("MatMul", "a b", "y"), node("Add", "a one", "z")],
        [tensor("a", T.FLOAT, "batch", 3), tensor("b", T.FLOAT, 3, "n")],
        [tensor("y", T.FLOAT, "batch", "n"), tensor("z", T.FLOAT, "batch", 3)],
        [constant("one", np.float32([1]))],
        name="two_inputs",
    )
    two.doc_string, two.domain, two.model_version = "two matrices in, two out", "sard.test", 7
    two.graph.doc_string = "a product and a sum"
    h.set_model_props(two, {"author": "sard", "empty": "", "ключ": "значение"})
    onnx.save(two, out / "two_inputs.onnx")

    made = model(
        [node("Add", "a one", "z")],
        [tensor("a", T.FLOAT, "batch", 3)],
        [tensor("z", T.FLOAT, "batch", 3)],
        [constant("one", np.float32([1]))],
    )
    onnx.save(made, out / "one_input.onnx")

    encoder = h.make_node(
        "LabelEncoder",
        ["s"],
        ["id"],
        domain="ai.onnx.ml",
        keys_strings=["a", "bb", "žluť", ""],
        values_int64s=[1, 2, 3, 4],
        default_int64=-1,
    )
    strings = [tensor("t", T.STRING, "N"), tensor("id", T.INT64, "N")]
    made = model([node("Identity", "s", "t"), encoder], [tensor("s", T.STRING, "N")], strings)
    onnx.save(made, out / "strings.onnx")

    kinds = "float double float16 bfloat16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool string"
    for kind in kinds.split():
        dtype = getattr(T, kind.upper())
        made = model([node("Identity", "x", "y")], [tensor("x", dtype, "N")], [tensor("y", dtype, "N")])
        onnx.save(made, out / f"identity_{kind}.onnx")

    made = model(
        [node("Mul", "x w", "y")],
        [tensor("x", T.FLOAT, "N", 3), tensor("w", T.FLOAT, 3)],
        [tensor("y", T.FLOAT, "N", 3)],
        [constant("w", np.float32([1, 2, 3]))],
    )
    onnx.save(made, out / "overridable.onnx")

    rng = np.random.default_rng(1)
    weights = constant("w", rng.standard_normal((64, 8)).astype(np.float32))
    made = model(
        [node("MatMul", "x w", "y")], [tensor("x", T.FLOAT, "N", 64)], [tensor("y", T.FLOAT, "N", 8)], [weights]
    )
    (out / "external.bin").unlink(missing_ok=True)
    onnx.save(made, out / "external.onnx", save_as_external_data=True, location="external.bin", size_threshold=0)

    made = model(
        [
            node("Conv", "x k kb", "c", pads=[1, 1, 1, 1]),
            node("Relu", "c", "r"),
            node("GlobalAveragePool", "r", "p"),
            node("Flatten", "p", "f"),
            node("Gemm", "f g gb", "l"),
            node("Softmax", "l", "y"),
        ],
        [tensor("x", T.FLOAT, "N", 1, 8, 8)],
        [tensor("y", T.FLOAT, "N", 4)],
        [
            constant("k", rng.standard_normal((6, 1, 3, 3)).astype(np.float32)),
            constant("kb", rng.standard_normal(6).astype(np.float32)),
            constant("g", rng.standard_normal((6, 4)).astype(np.float32)),
            constant("gb", rng.standard_normal(4).astype(np.float32)),
        ],
    )
    onnx.save(made, out / "conv.onnx")


# ---- sequences, optionals, maps --------------------------------------------------------------------------------------
def containers(out: Path) -> None:
    made = model(
        [node("SplitToSequence", "x", "s"), node("SequenceLength", "s", "n")],
        [tensor("x", T.FLOAT, "N")],
        [sequence("s", T.FLOAT), tensor("n", T.INT64)],
    )
    onnx.save(made, out / "sequence.onnx")
    made = model(
        [node("ConcatFromSequence", "s", "y", axis=0), node("SequenceLength", "s", "n")],
        [sequence("s", T.FLOAT)],
        [tensor("y", T.FLOAT, "N"), tensor("n", T.INT64)],
    )
    onnx.save(made, out / "sequence_input.onnx")

    opsets = [h.make_opsetid("", 15)]
    some = h.make_optional_type_proto(h.make_tensor_type_proto(T.FLOAT, ["N"]))
    made = model(
        [node("Optional", "x", "o"), node("OptionalHasElement", "o", "has"), node("OptionalGetElement", "o", "y")],
        [tensor("x", T.FLOAT, "N")],
        [h.make_value_info("o", some), tensor("has", T.BOOL), tensor("y", T.FLOAT, "N")],
        opsets=opsets,
        ir=8,
    )
    onnx.save(made, out / "optional.onnx")
    made = model(
        [node("OptionalHasElement", "o", "has")],
        [h.make_value_info("o", some)],
        [tensor("has", T.BOOL)],
        opsets=opsets,
        ir=8,
    )
    onnx.save(made, out / "optional_input.onnx")

    for file, key, words in (
        ("map_input", T.STRING, {"string_vocabulary": ["a", "b", "c"]}),
        ("map_input_int", T.INT64, {"int64_vocabulary": [1, 2, 3]}),
    ):
        kind = onnx.TypeProto()
        kind.map_type.key_type = key
        kind.map_type.value_type.CopyFrom(h.make_tensor_type_proto(T.FLOAT, []))
        vectorizer = h.make_node("DictVectorizer", ["m"], ["y"], domain="ai.onnx.ml", **words)
        made = model([vectorizer], [h.make_value_info("m", kind)], [tensor("y", T.FLOAT, 1, 3)])
        onnx.save(made, out / f"{file}.onnx")


# ---- slow, custom, wrong ---------------------------------------------------------------------------------------------
def special(out: Path) -> None:
    body = h.make_graph(
        [node("MatMul", "v w", "p"), node("Tanh", "p", "next"), node("Identity", "go", "go_on")],
        "body",
        [tensor("i", T.INT64), tensor("go", T.BOOL), tensor("v", T.FLOAT, 128, 128)],
        [tensor("go_on", T.BOOL), tensor("next", T.FLOAT, 128, 128)],
    )
    made = model(
        [node("Loop", "trip true x", "y", body=body)],
        [tensor("x", T.FLOAT, 128, 128)],
        [tensor("y", T.FLOAT, 128, 128)],
        [
            constant("trip", np.array(1_000_000, np.int64)),
            constant("true", np.array(True)),
            constant("w", np.eye(128, dtype=np.float32)),
        ],
    )
    onnx.save(made, out / "slow.onnx")

    made = model(
        [
            h.make_node(
                "MulAdd",
                ["a", "b"],
                ["c"],
                name="mul_add",
                domain="test.custom",
                alpha=0.5,
                label="five",
                dims=[1, 2, 3],
            )
        ],
        [tensor("a", T.FLOAT, "N"), tensor("b", T.FLOAT, "N")],
        [tensor("c", T.FLOAT, "N")],
        opsets=[*OPSETS, h.make_opsetid("test.custom", 1)],
    )
    onnx.save(made, out / "custom.onnx")

    (out / "garbage.onnx").write_bytes(b"this is not a model \xff\xfe\xfd" * 8)
    (out / "empty.onnx").write_bytes(b"")
    one, two = [tensor("x", T.FLOAT, "N")], [tensor("y", T.FLOAT, "N")]
    onnx.save(model([node("NoSuchOperator", "x", "y")], one, two, checked=False), out / "badop.onnx")
    circle = [node("Add", "x b", "a"), node("Relu", "a", "b"), node("Neg", "b", "y")]
    onnx.save(model(circle, one, two, checked=False), out / "cyclic.onnx")


# ---- models of larger clients ----------------------------------------------------------------------------------------
VOCABULARY, HEADS, SIZE = 32, 2, 4


def decoder(out: Path) -> None:
    """Logits from the embedding and the sum of all values so far: order matters to nothing but the cache's shape."""
    folder = out / "genai"
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(3)
    hidden = HEADS * SIZE
    names = {
        "embedding": (VOCABULARY, hidden),
        "wk": (hidden, hidden),
        "wv": (hidden, hidden),
        "wo": (hidden, VOCABULARY),
    }
    constants = [constant(n, rng.standard_normal(shape).astype(np.float32)) for n, shape in names.items()]
    constants += [
        constant("split", np.int64([0, 0, HEADS, SIZE])),
        constant("join", np.int64([0, 0, hidden])),
        constant("time", np.int64([2])),
        constant("zero", np.int64([0])),
        constant("one", np.int64([1])),
    ]
    nodes = [node("Gather", "embedding input_ids", "e")]
    for kind in ("key", "value"):
        w = f"w{kind[0]}"
        nodes += [
            node("MatMul", f"e {w}", f"{kind}_flat"),
            node("Reshape", f"{kind}_flat split", f"{kind}_heads"),
            node("Transpose", f"{kind}_heads", f"{kind}_new", perm=[0, 2, 1, 3]),
            node("Concat", f"past_key_values.0.{kind} {kind}_new", f"present.0.{kind}", axis=2),
        ]
    nodes += [
        node("ReduceSum", "present.0.value time", "sum", keepdims=1),
        node("Transpose", "sum", "sum_heads", perm=[0, 2, 1, 3]),
        node("Reshape", "sum_heads join", "context"),
        node("Slice", "context zero one one", "context_row"),
        node("Add", "e context_row", "h"),
        node("MatMul", "h wo", "logits"),
    ]
    past = [tensor(f"past_key_values.0.{k}", T.FLOAT, "batch", HEADS, "past", SIZE) for k in ("key", "value")]
    present = [tensor(f"present.0.{k}", T.FLOAT, "batch", HEADS, "total", SIZE) for k in ("key", "value")]
    ids = [tensor("input_ids", T.INT64, "batch", "sequence"), tensor("attention_mask", T.INT64, "batch", "total")]
    made = model(
        nodes, [*ids, *past], [tensor("logits", T.FLOAT, "batch", "sequence", VOCABULARY), *present], constants
    )
    onnx.save(made, folder / "model.onnx")
    configuration = {
        "model": {
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": 0,
            "context_length": 64,
            "type": "llama",
            "vocab_size": VOCABULARY,
            "decoder": {
                "session_options": {"log_id": "onnxruntime-genai", "provider_options": []},
                "filename": "model.onnx",
                "head_size": SIZE,
                "hidden_size": hidden,
                "num_attention_heads": HEADS,
                "num_hidden_layers": 1,
                "num_key_value_heads": HEADS,
                "inputs": {
                    "input_ids": "input_ids",
                    "attention_mask": "attention_mask",
                    "past_key_names": "past_key_values.%d.key",
                    "past_value_names": "past_key_values.%d.value",
                },
                "outputs": {
                    "logits": "logits",
                    "present_key_names": "present.%d.key",
                    "present_value_names": "present.%d.value",
                },
            },
        },
        "search": {"max_length": 24, "min_length": 0, "do_sample": False, "past_present_share_buffer": False},
    }
    (folder / "genai_config.json").write_text(json.dumps(configuration, indent=1))


def voice_activity(out: Path) -> None:
    made = model(
        [
            node("Abs", "input", "loud"),
            node("ReduceMean", "loud", "mean", axes=[1], keepdims=1),
            node("Mul", "mean ten", "scaled"),
            node("Clip", "scaled low high", "output"),
            node("Identity", "state", "stateN"),
        ],
        [
            tensor("input", T.FLOAT, "batch", "samples"),
            tensor("state", T.FLOAT, 2, "batch", 128),
            tensor("sr", T.INT64),
        ],
        [tensor("output", T.FLOAT, "batch", 1), tensor("stateN", T.FLOAT, 2, "batch", 128)],
        [constant("ten", np.float32(10)), constant("low", np.float32(0)), constant("high", np.float32(1))],
    )
    onnx.save(made, out / "vad.onnx")


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    classifiers(out)
    plain(out)
    containers(out)
    special(out)
    decoder(out)
    voice_activity(out)


if __name__ == "__main__":
    main()
