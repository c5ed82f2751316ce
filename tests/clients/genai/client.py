"""Generates tokens with onnxruntime-genai: greedy, in batches, with sampling, from several threads."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import onnxruntime_genai as og
from check import MODELS, answer, fails, loaded_library_is_expected, main, test

model = og.Model(str(MODELS / "genai"))


def generate(prompts, **options) -> list[list[int]]:
    params = og.GeneratorParams(model)
    params.set_search_options(max_length=24, batch_size=len(prompts), **options)
    generator = og.Generator(model, params)
    generator.append_tokens(np.array(prompts, np.int32))
    while not generator.is_done():
        generator.generate_next_token()
    return [list(map(int, generator.get_sequence(i))) for i in range(len(prompts))]


@test
def library():
    loaded_library_is_expected()
    assert model.type == "llama"


@test
def greedy():
    for i, prompt in enumerate(([1, 5, 9], [3], [7, 7, 7, 7, 8])):
        found = generate([prompt])[0]
        assert found[: len(prompt)] == prompt and len(found) > len(prompt)
        answer("greedy", f"prompt{i}", "int32", [len(found)], found)


@test
def batch():
    for i, found in enumerate(generate([[1, 5, 9], [4, 6, 8]])):
        answer("batch", f"row{i}", "int32", [len(found)], found)


@test
def beams():
    found = generate([[1, 5, 9]], num_beams=3, num_return_sequences=1)[0]
    answer("beams", "row", "int32", [len(found)], found)


@test
def sampling():
    found = generate([[1, 5, 9]], do_sample=True, top_k=5, temperature=0.7, random_seed=11)[0]
    assert found == generate([[1, 5, 9]], do_sample=True, top_k=5, temperature=0.7, random_seed=11)[0]
    answer("sampling", "row", "int32", [len(found)], found)


@test
def logits_and_cache():
    params = og.GeneratorParams(model)
    params.set_search_options(max_length=24)
    generator = og.Generator(model, params)
    generator.append_tokens(np.array([[1, 5, 9]], np.int32))
    logits = np.array(generator.get_logits())
    answer("logits", "first", "float", logits.shape, map(float, logits.ravel()))
    cache = np.array(generator.get_output("present.0.key"))
    assert cache.shape[2] == 3, cache.shape
    answer("logits", "cache", "float", cache.shape, map(float, cache.ravel()))
    generator.append_tokens(np.array([[6]], np.int32))
    logits = np.array(generator.get_logits())
    answer("logits", "continued", "float", logits.shape, map(float, logits.ravel()))


@test
def rewind():
    params = og.GeneratorParams(model)
    params.set_search_options(max_length=24)
    generator = og.Generator(model, params)
    generator.append_tokens(np.array([[1, 5, 9]], np.int32))
    first = np.array(generator.get_logits())
    generator.append_tokens(np.array([[6, 4]], np.int32))
    generator.rewind_to(0)
    generator.append_tokens(np.array([[1, 5, 9]], np.int32))
    assert np.array_equal(np.array(generator.get_logits()), first)


@test
def threads():
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: generate([[1, 5, 9]])[0], range(12)))
    assert all(f == found[0] for f in found)


@test
def errors():
    fails(og.Model, str(MODELS / "nowhere"))
    fails(og.Model, str(MODELS))
    fails(generate, [[1] * 30])


sys.exit(main())
