"""The `sard` tool: what it prints, writes and refuses."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
from onnx import TensorProto as T, helper as h, numpy_helper as nh  # noqa: E402

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))
import svg_check  # noqa: E402

TOOL = Path(os.environ.get("SARD_TOOL", REPO / "build" / "release" / "sard"))
pytestmark = pytest.mark.skipif(not TOOL.exists(), reason="the tool is not built")


def sard(*args, ok: int | None = 0, **kw):
    r = subprocess.run([TOOL, *map(str, args)], capture_output=True, text=True, timeout=120, **kw)
    if ok is not None:
        assert r.returncode == ok, r.stderr + r.stdout
    return r


def save(path: Path, nodes, inputs, outputs, inits=(), opset=17, name="g", **kw) -> Path:
    g = h.make_graph(nodes, name, inputs, outputs, list(inits))
    onnx.save(h.make_model(g, opset_imports=[h.make_opsetid("", opset)], ir_version=8, **kw), path)
    return path


@pytest.fixture
def mlp(tmp_path: Path) -> Path:
    """y = Relu(x w + b); w = 0.0 .. 1.1, b = (1, -5, 2)."""
    return save(tmp_path / "mlp.onnx", [
        h.make_node("MatMul", ["x", "w"], ["m"], name="mm"), h.make_node("Add", ["m", "b"], ["a"], name="add"),
        h.make_node("Relu", ["a"], ["y"], name="relu")], [h.make_tensor_value_info("x", T.FLOAT, ["N", 4])],
        [h.make_tensor_value_info("y", T.FLOAT, ["N", 3])],
        [nh.from_array(np.arange(12, dtype=np.float32).reshape(4, 3) / 10, "w"),
         nh.from_array(np.array([1, -5, 2], np.float32), "b")])


X = np.arange(8, dtype=np.float32).reshape(2, 4)
Y = np.maximum(X @ (np.arange(12, dtype=np.float32).reshape(4, 3) / 10) + np.float32([1, -5, 2]), 0)


def identity(path: Path, t: int, shape, op="Identity") -> Path:
    return save(path, [h.make_node(op, ["x"], ["y"])], [h.make_tensor_value_info("x", t, shape)],
                [h.make_tensor_value_info("y", t, None)])


# ---- the command line -----------------------------------------------------------------------------------------------


def test_help_everywhere():
    top = sard("--help").stdout
    for command in "inspect run bench check convert ops kernels version completion".split():
        assert command in top
        text = sard(command, "--help").stdout
        assert "Usage: sard " + command in text and "Examples:" in text
        assert sard("help", command).stdout == text


@pytest.mark.parametrize("args, text", [
    (["insepct"], "did you mean 'inspect'"),
    (["run", "m.onnx", "--inptu", "x"], "did you mean '--input'"),
    (["run", "m.onnx", "--input"], "needs a value"),
    (["run"], "expected MODEL.onnx"),
    (["bench", "m.onnx", "--runs", "many"], "expected a number"),
    (["check", "--quiet=1", "m.onnx"], "takes no value"),
    (["completion", "csh"], "expected bash, zsh or fish"),
])
def test_wrong_calls(args, text):
    r = sard(*args, ok=2)
    assert text in r.stderr and r.stdout == ""


def test_wrong_model_options(mlp):
    assert "found 'best'" in sard("run", mlp, "--optimize", "best", ok=1).stderr
    assert "did you mean 'weights'" in sard("run", mlp, "--set", "weight=read", ok=1).stderr
    assert "No such file" in sard("run", "nowhere.onnx", ok=1).stderr
    r = sard("run", mlp, "--random", 1, ok=1, env={**os.environ, "SARD_ISA": "avx3"})
    assert "avx3" in r.stderr


def test_completion_scripts():
    for shell in ("bash", "zsh", "fish"):
        text = sard("completion", shell).stdout
        assert "memory-limit" in text and "inspect" in text
    subprocess.run(["bash", "-n"], input=sard("completion", "bash").stdout, text=True, check=True)
    words = subprocess.run(["bash", "-c", sard("completion", "bash").stdout + "\nCOMP_WORDS=(sard run --opt); COMP_CWORD=2; "
                            "_sard; echo ${COMPREPLY[@]}"], capture_output=True, text=True).stdout
    assert words.strip() == "--optimize"


# ---- run ------------------------------------------------------------------------------------------------------------


def test_inputs_of_every_kind(mlp, tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "f.npy", np.asfortranarray(X).astype(">f4"))
    np.savez(tmp_path / "plain.npz", x=X)
    np.savez_compressed(tmp_path / "small.npz", x=X, other=X)
    (tmp_path / "x.json").write_text(json.dumps(X.tolist()))
    (tmp_path / "x.txt").write_text("0 1 2 3\n4, 5, 6, 7\n")
    (tmp_path / "x.bin").write_bytes(X.tobytes())
    (tmp_path / "x.pb").write_bytes(nh.from_array(X, "x").SerializeToString())
    files = ["x.npy", "f.npy", "plain.npz", "small.npz", "small.npz:other", "x.json", "x.txt", "x.bin", "x.pb"]
    for k, name in enumerate(files):
        out = tmp_path / f"out{k}"
        sard("run", mlp, "--input", f"x={tmp_path / name}", "--output", out, "--print", "none")
        np.testing.assert_allclose(np.load(out / "y.npy"), Y, rtol=1e-5)
    for extra in (["--input", "x=" + json.dumps(X.tolist())], ["--input", tmp_path / "x.npy"],
                  ["--inputs", tmp_path / "plain.npz"]):
        sard("run", mlp, *extra, "--output", tmp_path / "o", "--format", "npz")
        np.testing.assert_allclose(np.load(tmp_path / "o" / "outputs.npz")["y"], Y, rtol=1e-5)


def test_wrong_inputs(mlp, tmp_path):
    np.save(tmp_path / "x.npy", X.astype(np.float64))
    assert "expected float32[N,4], found float64[2,4]" in sard("run", mlp, "-i", tmp_path / "x.npy", ok=1).stderr
    assert "did you mean 'x'" in sard("run", mlp, "--input", "X=x.npy", ok=1).stderr
    assert "missing: 'x'" in sard("run", mlp, ok=1).stderr
    for name, data in [("cut.npy", b"\x93NUMPY\x01\x00\xff"), ("long.npy", (tmp_path / "x.npy").read_bytes()[:140]),
                       ("bad.npz", b"PK"), ("x.txt", b"1 2 three"), ("x.json", b"[[1,2],[3]]"), ("x.what", b"?"), ("x.pb", b"\xff\xff"),
                       ("x.bin", b"12345"), ("x.png", b"no picture"), ("x.jpg", b"\xff\xd8\xff\xe0 broken")]:
        (tmp_path / name).write_bytes(data)
        r = sard("run", mlp, "--input", f"x={tmp_path / name}", ok=1)
        assert r.stderr.startswith("sard: ") and r.stdout == "", name


@pytest.mark.parametrize("t", [T.FLOAT, T.DOUBLE, T.FLOAT16, T.INT8, T.INT16, T.INT32, T.INT64, T.UINT8, T.UINT16, T.UINT32,
                               T.UINT64, T.BOOL, T.COMPLEX64, T.COMPLEX128])
def test_npy_types(t, tmp_path):
    model = identity(tmp_path / "m.onnx", t, [None, 3])
    x = (np.arange(6).reshape(2, 3) % 2).astype(h.tensor_dtype_to_np_dtype(t))
    np.save(tmp_path / "x.npy", x)
    sard("run", model, "-i", tmp_path / "x.npy", "-o", tmp_path, "--print", "full")
    y = np.load(tmp_path / "y.npy")
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y, x)


def test_strings(tmp_path):
    model = identity(tmp_path / "m.onnx", T.STRING, [None])
    x = np.array(["a", "grün", "", "日本"])
    np.save(tmp_path / "x.npy", x)
    (tmp_path / "x.txt").write_text("\n".join(x) + "\n", encoding="utf-8")
    for name in ("x.npy", "x.txt"):
        sard("run", model, "-i", tmp_path / name, "-o", tmp_path)
        np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), x)


def test_test_folder(mlp, tmp_path):
    (tmp_path / "input_0.pb").write_bytes(nh.from_array(X, "x").SerializeToString())
    (tmp_path / "output_0.pb").write_bytes(nh.from_array(Y, "y").SerializeToString())
    assert "as expected" in sard("run", mlp, "--inputs", tmp_path, "--compare").stdout
    (tmp_path / "output_0.pb").write_bytes(nh.from_array(Y + 1, "y").SerializeToString())
    r = sard("run", mlp, "--inputs", tmp_path, "--compare", ok=1)
    assert "6 of 6 elements differ" in r.stdout
    sard("run", mlp, "--inputs", tmp_path, "-o", tmp_path / "pb", "--format", "pb")
    got = onnx.TensorProto.FromString((tmp_path / "pb" / "output_0.pb").read_bytes())
    np.testing.assert_allclose(nh.to_array(got), Y, rtol=1e-5)


def test_made_up_inputs(mlp):
    a, b = (sard("run", mlp, "--random", 1, "--shape", "x=5x4", "--print", "full").stdout for _ in range(2))
    assert a == b and "float32[5,3]" in a
    assert a != sard("run", mlp, "--random", 2, "--shape", "x=5x4", "--print", "full").stdout
    assert "float32[7,3]" in sard("run", mlp, "--fill", 0, "--dim", "N=7").stdout
    assert "no input 'q'" in sard("run", mlp, "--random", 1, "--shape", "q=1", ok=1).stderr


def test_fetch_top_profile(mlp, tmp_path):
    np.save(tmp_path / "x.npy", X)
    assert "15.8" in sard("run", mlp, "-i", tmp_path / "x.npy", "--fetch", "m", "--print", "full").stdout
    (tmp_path / "labels.txt").write_text("ant\nbee\ncat\n")
    out = sard("run", mlp, "-i", tmp_path / "x.npy", "--top", 1, "--labels", tmp_path / "labels.txt").stdout
    assert out.count("cat") == 2
    sard("run", mlp, "-i", tmp_path / "x.npy", "--profile", tmp_path / "trace.json", "--threads", 1)
    events = json.loads((tmp_path / "trace.json").read_text())
    assert any(e.get("dur") is not None for e in (events["traceEvents"] if isinstance(events, dict) else events))
    assert "LIMIT" in sard("run", mlp, "--random", 1, "--memory-limit", 4, ok=1).stderr.upper()


def test_pictures(tmp_path):
    image = pytest.importorskip("PIL.Image")
    pixels = (np.arange(6 * 4 * 3) * 3).astype(np.uint8).reshape(4, 6, 3)
    image.fromarray(pixels).save(tmp_path / "p.png")
    image.fromarray(pixels).save(tmp_path / "p.jpg", quality=100, subsampling=0)
    nchw = identity(tmp_path / "nchw.onnx", T.FLOAT, [1, 3, None, None])
    nhwc = identity(tmp_path / "nhwc.onnx", T.UINT8, [1, None, None, 3])
    r = sard("run", nchw, "-i", tmp_path / "p.png", "-o", tmp_path, "--scale", "1/255", "--mean", "0.5", "--std", "0.5,0.5,0.5", ok=None)
    if "built without" in r.stderr:
        pytest.skip(r.stderr)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), (pixels.transpose(2, 0, 1)[None] / 255 - 0.5) / 0.5, atol=1e-6)
    sard("run", nhwc, "-i", tmp_path / "p.png", "-o", tmp_path, "--color", "bgr")
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), pixels[None, :, :, ::-1])
    sard("run", nhwc, "-i", tmp_path / "p.jpg", "-o", tmp_path)
    assert np.abs(np.load(tmp_path / "y.npy").astype(int) - pixels[None]).max() <= 12
    sard("run", nchw, "-i", tmp_path / "p.png", "-o", tmp_path, "--size", "3x2", "--fit", "crop")
    assert np.load(tmp_path / "y.npy").shape == (1, 3, 2, 3)
    sard("run", nchw, "-i", tmp_path / "p.png", "-o", tmp_path, "--size", "12x8", "--resize", "nearest")
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy")[0, :, ::2, ::2], pixels.transpose(2, 0, 1))


# ---- the other commands ---------------------------------------------------------------------------------------------


def test_inspect(mlp):
    text = sard("inspect", mlp, "--nodes", "--shape", "x=8x4").stdout
    assert "[8, 4]" in text and "MatMul" in text and "15 (60 B)" in text
    d = json.loads(sard("inspect", mlp, "--json", "--shape", "x=8x4").stdout)
    assert d["stats"]["exact"] and d["stats"]["flops"] >= 2 * 8 * 4 * 3
    assert [n["op"] for n in d["graph"]["nodes"]] == ["MatMul", "Add", "Relu"]
    assert "MatMul" in sard("inspect", mlp, "--dump", "--stage", "compiled").stdout
    assert "axis 1 is 4" in sard("inspect", mlp, "--shape", "x=8x5", ok=1).stderr


def test_bench(mlp):
    d = json.loads(sard("bench", mlp, "--runs", 20, "--json").stdout)
    assert d["runs"] == 20 and 0 < d["min_ms"] <= d["p50_ms"] <= d["p90_ms"] <= d["p99_ms"] <= d["max_ms"]
    text = sard("bench", mlp, "--seconds", 0.05, "--ops", "--threads", 1).stdout
    assert "MatMul" in text and "p99" in text


def test_check(mlp, tmp_path):
    assert "no problems" in sard("check", mlp).stdout
    bad = save(tmp_path / "bad.onnx", [h.make_node("Nonsense", ["x"], ["p"], name="one"), h.make_node("Relu", ["gone"], ["y"], name="two")],
               [h.make_tensor_value_info("x", T.FLOAT, [1])], [h.make_tensor_value_info("y", T.FLOAT, [1])])
    out = sard("check", bad, ok=1).stdout
    assert "Nonsense" in out and "gone" in out and "2 problems" in out
    (tmp_path / "cut.onnx").write_bytes(mlp.read_bytes()[:-9])
    assert "INVALID" in sard("check", tmp_path / "cut.onnx", ok=1).stdout


def test_convert(mlp, tmp_path):
    sard("convert", mlp, tmp_path / "new.onnx")
    m = onnx.load(tmp_path / "new.onnx")
    onnx.checker.check_model(m, full_check=True)
    np.save(tmp_path / "x.npy", X)
    for level in ("none", "basic", "all"):
        sard("convert", mlp, tmp_path / "opt.onnx", "--optimize", level)
        onnx.checker.check_model(onnx.load(tmp_path / "opt.onnx"))
        sard("run", tmp_path / "opt.onnx", "-i", tmp_path / "x.npy", "-o", tmp_path)
        np.testing.assert_allclose(np.load(tmp_path / "y.npy"), Y, rtol=1e-5)
    big = save(tmp_path / "big.onnx", [h.make_node("MatMul", ["x", "w"], ["y"])], [h.make_tensor_value_info("x", T.FLOAT, [1, 64])],
               [h.make_tensor_value_info("y", T.FLOAT, [1, 64])], [nh.from_array(np.ones((64, 64), np.float32), "w")])
    sard("convert", big, tmp_path / "split.onnx", "--external", "split.data")
    assert (tmp_path / "split.data").stat().st_size >= 64 * 64 * 4 and (tmp_path / "split.onnx").stat().st_size < 2000
    assert "64" in sard("run", tmp_path / "split.onnx", "--fill", 1).stdout


def test_lists():
    assert "Relu" in sard("ops", "Relu").stdout
    assert "no such operator" in sard("ops", "Nonsense", ok=1).stderr
    assert "yes" in sard("kernels").stdout
    ref = sard("kernels", env={**os.environ, "SARD_ISA": "ref"}).stdout
    assert all("ref" in line for line in ref.splitlines() if line.endswith("yes"))
    assert "opset" in sard("version").stdout


# ---- pictures of graphs ---------------------------------------------------------------------------------------------


def random_graph(path: Path, seed: int, n: int) -> Path:
    """Adds and splits between random earlier values, some with bodies that see outer values."""
    rng = np.random.default_rng(seed)
    nodes, values = [], ["x", "y"]
    for i in range(n):
        picks = [values[j] for j in rng.integers(max(0, len(values) - 12), len(values), 2)]
        out = f"v{i}"
        if rng.random() < 0.08:
            then = h.make_graph([h.make_node("Add", [picks[0], "k"], [f"t{i}"])], "t", [], [h.make_tensor_value_info(f"t{i}", T.FLOAT, None)])
            other = h.make_graph([h.make_node("Mul", picks, [f"q{i}"]), h.make_node("Neg", [f"q{i}"], [f"e{i}"])], "e", [],
                                 [h.make_tensor_value_info(f"e{i}", T.FLOAT, None)])
            nodes.append(h.make_node("If", ["c"], [out], then_branch=then, else_branch=other))
        elif rng.random() < 0.15:
            nodes.append(h.make_node("Add", [picks[0], "k"], [out], name=f"a/very/long/name/of/node/number/{i}"))
        else:
            nodes.append(h.make_node(["Add", "Mul", "Sub", "Max"][rng.integers(4)], picks, [out]))
        values.append(out)
    ends = [v for v in values if not any(v in m.input for m in nodes)][-3:]
    return save(path, nodes, [h.make_tensor_value_info("c", T.BOOL, []), h.make_tensor_value_info("x", T.FLOAT, ["N", 2]),
                              h.make_tensor_value_info("y", T.FLOAT, ["N", 2])],
                [h.make_tensor_value_info(v, T.FLOAT, None) for v in ends], [nh.from_array(np.array([1.5], np.float32), "k")])


@pytest.mark.parametrize("seed, n", [(1, 12), (2, 40), (3, 120), (4, 300)])
def test_pictures_do_not_overlap(seed, n, tmp_path):
    model = random_graph(tmp_path / "m.onnx", seed, n)
    for stage in ("imported", "compiled"):
        sard("inspect", model, "--svg", tmp_path / "m.svg", "--stage", stage)
        rects, edges, _ = svg_check.read(tmp_path / "m.svg")
        assert len(rects) > n / 8 and edges
        assert svg_check.faults(tmp_path / "m.svg") == []


def test_pictures_of_real_models(tmp_path):
    """What the wheels of magika and silero-vad ship, where they are installed."""
    import importlib.util
    models = []
    for package in ("magika", "silero_vad"):
        spec = importlib.util.find_spec(package)
        if spec and spec.submodule_search_locations:
            models += sorted(Path(spec.submodule_search_locations[0]).rglob("*.onnx"))[:2]
    drawn = 0
    for m in models:
        if sard("check", m, ok=None).returncode == 0:
            sard("inspect", m, "--svg", tmp_path / "m.svg")
            assert svg_check.faults(tmp_path / "m.svg") == []
            drawn += 1
    if not drawn:
        pytest.skip("no model is installed")


def test_picture_of_a_hostile_name(tmp_path):
    name = '<script>"&\x01\x7f' + "é" * 300
    model = save(tmp_path / "m.onnx", [h.make_node("Relu", [name], ["y"], name=name)], [h.make_tensor_value_info(name, T.FLOAT, [name])],
                 [h.make_tensor_value_info("y", T.FLOAT, None)], name=name)
    sard("inspect", model, "--svg", tmp_path / "m.svg")
    assert svg_check.faults(tmp_path / "m.svg") == []
    json.loads(sard("inspect", model, "--json").stdout)
