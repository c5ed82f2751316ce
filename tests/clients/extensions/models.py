#!/usr/bin/env python3
"""Models of one operator of ai.onnx.contrib each, for the extensions client: models.py FOLDER."""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "the",
    "cat",
    "sat",
    "on",
    "mat",
    "##s",
    "##ting",
    "a",
    ".",
    ",",
    "un",
    "##do",
]
LETTERS = ["h", "e", "l", "o", "w", "r", "d", "Ġ", "!", "a"]
MERGES = ["h e", "l l", "he ll", "hell o", "Ġ w", "o r", "Ġw or", "l d", "Ġwor ld"]


def strings(name: str, *dims):
    return h.make_tensor_value_info(name, T.STRING, list(dims))


def ints(name: str, *dims):
    return h.make_tensor_value_info(name, T.INT64, list(dims))


def save(folder: Path, name: str, nodes, inputs, outputs, constants=()) -> None:
    made = h.make_model(
        h.make_graph(nodes, name, inputs, outputs, list(constants)),
        opset_imports=[h.make_opsetid("", 17), h.make_opsetid("ai.onnx.contrib", 1)],
    )
    made.ir_version = 8
    onnx.save(made, folder / f"{name}.onnx")


def contrib(op: str, inputs: str, outputs: str, **attributes):
    return h.make_node(op, inputs.split(), outputs.split(), domain="ai.onnx.contrib", **attributes)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    text = [strings("text", "N")]
    bert = contrib(
        "BertTokenizer", "text", "ids types mask", vocab_file="\n".join(WORDS), do_lower_case=1, strip_accents=1
    )
    save(folder, "bert", [bert], [strings("text", "N")], [ints("ids", "T"), ints("types", "T"), ints("mask", "T")])
    vocabulary = {word: i for i, word in enumerate(LETTERS + [m.replace(" ", "") for m in MERGES] + ["<|endoftext|>"])}
    gpt2 = contrib(
        "GPT2Tokenizer", "text", "ids mask", vocab=json.dumps(vocabulary), merges="#version: 0.2\n" + "\n".join(MERGES)
    )
    save(folder, "gpt2", [gpt2], text, [ints("ids", "N", "T"), ints("mask", "N", "T")])
    save(folder, "upper", [contrib("StringUpper", "text", "out")], text, [strings("out", "N")])
    save(folder, "length", [contrib("StringLength", "text", "out")], text, [ints("out", "N")])
    pattern = [
        numpy_helper.from_array(np.array([r"(\d+)-(\d+)"], object), "pattern"),
        numpy_helper.from_array(np.array([r"\2:\1"], object), "rewrite"),
    ]
    replace = contrib("StringRegexReplace", "text pattern rewrite", "out", global_replace=1)
    save(folder, "regex", [replace], text, [strings("out", "N")], pattern)
    save(
        folder,
        "regex_input",
        [replace],
        [*text, strings("pattern", "P"), strings("rewrite", "R")],
        [strings("out", "N")],
    )
    square = [h.make_tensor_value_info("x", T.FLOAT, ["N", "N"])], [h.make_tensor_value_info("y", T.FLOAT, ["N", "N"])]
    save(folder, "inverse", [contrib("Inverse", "x", "y")], *square)
    # an operator of the library between operators of the engine
    nodes = [
        h.make_node("Identity", ["text"], ["same"]),
        contrib("StringLength", "same", "n"),
        h.make_node("Add", ["n", "n"], ["out"]),
    ]
    save(folder, "mixed", nodes, text, [ints("out", "N")])


main()
