"""Operators of onnxruntime-extensions in the engine that is named: extensions_cases.py MODULE. Prints outputs as JSON.

A process of its own for each engine, because that library holds one engine's functions for all its sessions.
"""

import importlib
import json
import sys

import numpy as np
import onnxruntime_extensions
from onnx import TensorProto as T
from onnx import helper as h

DTYPES = {"float32": T.FLOAT, "int64": T.INT64, "object": T.STRING, "bool": T.BOOL}
MERGES = ["h e", "l l", "he ll", "hell o", "Ġ w", "o r", "Ġw or", "l d", "Ġwor ld"]
GPT2 = {w: i for i, w in enumerate([*"helowrdĠ!a", *(m.replace(" ", "") for m in MERGES), "<|endoftext|>"])}
CLIP_WORDS = [
    "h",
    "e",
    "l",
    "o",
    "h</w>",
    "o</w>",
    "he",
    "hel",
    "lo</w>",
    "hello</w>",
    "<|startoftext|>",
    "<|endoftext|>",
]
CLIP = {w: i for i, w in enumerate(CLIP_WORDS)}
WORDS = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\ncat"
WORDPIECE = {
    "vocab": json.dumps({"cat": 0, "##sat": 1, "[UNK]": 2}),
    "unknown_token": "[UNK]",
    "suffix_indicator": "##",
    "max_input_chars_per_word": 200,
}


def words(*texts):
    return np.array(texts, object)


def ints(*values):
    return np.array(values, np.int64)


TEXT = words("hello world!", "Hell", "a b  c")
SIGNED = np.array([[2, -1], [1, -3]], np.float32)
CASES = [  # operator, inputs, attributes, types of the outputs
    ("StringUpper", [TEXT], {}, [T.STRING]),
    ("StringLower", [TEXT], {}, [T.STRING]),
    ("StringLength", [TEXT], {}, [T.INT64]),
    ("StringStrip", [TEXT], {}, [T.STRING]),
    ("StringSplit", [TEXT, words(" "), np.array([True])], {}, [T.INT64, T.STRING, T.INT64]),
    ("StringJoin", [words("a", "b", "c", "d").reshape(2, 2), words("-"), ints(1)], {}, [T.STRING]),
    ("StringConcat", [TEXT, TEXT], {}, [T.STRING]),
    ("StringEqual", [TEXT, words("hello world!", "x", "a b  c")], {}, [T.BOOL]),
    ("StringToHashBucketFast", [TEXT, ints(7)], {}, [T.INT64]),
    ("StringRegexReplace", [TEXT, words("l+"), words("L")], {"global_replace": 1}, [T.STRING]),
    ("StringRegexSplitWithOffsets", [TEXT, words(r"\s"), words("")], {}, [T.STRING, T.INT64, T.INT64, T.INT64]),
    ("StringMapping", [TEXT], {"map": "Hell\tHEAVEN\nq\tw"}, [T.STRING]),
    ("MaskedFill", [TEXT, np.array([True, False, True])], {}, [T.STRING]),
    ("VectorToString", [ints(1, 2, 9)], {"map": "one\t1\ntwo\t2", "unk": "?"}, [T.STRING]),
    (
        "GPT2Tokenizer",
        [TEXT],
        {"vocab": json.dumps(GPT2), "merges": "\n".join(["#version: 0.2", *MERGES])},
        [T.INT64] * 2,
    ),
    (
        "CLIPTokenizer",
        [words("hello")],
        {"vocab": json.dumps(CLIP), "merges": "#version: 0.2\nh e\nhe l\nl o</w>\nhel lo</w>"},
        [T.INT64] * 2,
    ),
    ("BertTokenizer", [words("a cat")], {"vocab_file": WORDS}, [T.INT64] * 3),
    ("BasicTokenizer", [words("A cat, sat.")], {}, [T.STRING]),
    ("WordpieceTokenizer", [words("catsat"), ints(0, 1)], WORDPIECE, [T.STRING, T.INT64, T.INT64, T.INT64]),
    ("Inverse", [np.array([[2, 1], [1, 3]], np.float32)], {}, [T.FLOAT]),
    ("NegPos", [SIGNED], {}, [T.FLOAT] * 2),
    ("SegmentSum", [np.arange(6, dtype=np.float32).reshape(3, 2), ints(0, 0, 1)], {}, [T.FLOAT]),
    ("RaggedTensorToDense", [ints(0, 2, 5), ints(1, 2, 3, 4, 5), ints(-1), ints(0)], {}, [T.INT64]),
    ("StringToVector", [words("a", "z")], {"map": "a\t0 0 1", "unmapping_value": "-1 -1 -1"}, [T.INT64]),  # throws
]


def run(engine, op, values, attributes, types):
    inputs = [h.make_tensor_value_info(f"x{i}", DTYPES[v.dtype.name], [None] * v.ndim) for i, v in enumerate(values)]
    outputs = [h.make_tensor_value_info(f"y{i}", t, None) for i, t in enumerate(types)]
    node = h.make_node(op, [x.name for x in inputs], [y.name for y in outputs], domain="ai.onnx.contrib", **attributes)
    model = h.make_model(
        h.make_graph([node], op, inputs, outputs),
        opset_imports=[h.make_opsetid("", 17), h.make_opsetid("ai.onnx.contrib", 1)],
        ir_version=8,
    )
    options = engine.SessionOptions()
    options.log_severity_level = 4
    options.register_custom_ops_library(onnxruntime_extensions.get_library_path())
    try:
        session = engine.InferenceSession(model.SerializeToString(), options)
        return [y.tolist() for y in session.run(None, {x.name: v for x, v in zip(inputs, values)})]
    except Exception as e:
        return type(e).__name__


if __name__ == "__main__":
    module = importlib.import_module(sys.argv[1])
    print(json.dumps([[case[0], run(module, *case)] for case in CASES]))
