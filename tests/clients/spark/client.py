"""The Spark client: SynapseML's ONNXModel, unmodified, over one library. client.py WORK MODELS LIB OUT

Prints `PASS spark CHECK` and `FAIL spark CHECK: why`; writes OUT/answers.txt.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from engine import mapped_libraries, open_spark
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.linalg import Vectors
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, FloatType, LongType, StructField, StructType
from synapse.ml.onnx import ONNXModel

ROWS = 60
CHECKS: dict[str, Callable] = {}


def check(function: Callable) -> Callable:
    CHECKS[function.__name__] = function
    return function


class Client:
    """The session, the models, and the answers as they are given."""

    def __init__(self, work: Path, models: Path, lib: str, out: Path) -> None:
        self.lib, self.models, self.out = lib, models, out
        self.spark = open_spark(work, lib)
        self.answers = (out / "answers.txt").open("w")
        self.name = ""
        self.maker = random.Random(20)

    def model(self, name: str) -> ONNXModel:
        """An ONNXModel of the bytes of MODELS/name.onnx, on the CPU."""
        model = ONNXModel().setModelPayload(bytearray((self.models / f"{name}.onnx").read_bytes()))
        return model.setDeviceType("CPU").setMiniBatchSize(16)

    def rows(self, width: int, how: str = "vector", rows: int = ROWS):
        """A table of `id` and `features`: vectors, or arrays of float; the same numbers every time."""
        maker = random.Random(width)
        values = [[float(round(maker.gauss(0, 1), 4)) for _ in range(width)] for _ in range(rows)]
        if how == "vector":
            return self.spark.createDataFrame([(i, Vectors.dense(v)) for i, v in enumerate(values)], ["id", "features"])
        types = StructType([StructField("id", LongType()), StructField("features", ArrayType(FloatType()))])
        return self.spark.createDataFrame([(i, v) for i, v in enumerate(values)], types)

    def tell(self, table, *columns: str) -> list:
        """Writes the columns of a table, sorted by id, as answers; gives the rows back."""
        rows = table.orderBy("id").collect()
        types = dict(table.dtypes)
        for column in columns:
            values = " ".join(show(row[column]) for row in rows)
            dtype = types[column].replace(" ", "")
            self.answers.write(f"{self.name} {column} {dtype} [{len(rows)}] {values}\n")
        return rows


def show(value) -> str:
    if isinstance(value, dict):
        return "map {" + ", ".join(f"{k}: {show(v)}" for k, v in sorted(value.items())) + "}"
    if isinstance(value, list | tuple):
        return " ".join(show(v) for v in value)
    if hasattr(value, "toArray"):
        return " ".join(show(float(v)) for v in value.toArray())
    if isinstance(value, float):
        return f"{value:.9g}"
    return json.dumps(value) if isinstance(value, str) else str(value)


def expect(what: bool, text: str) -> None:
    if not what:
        raise AssertionError(text)


# ---- checks: each takes the client ----


@check
def payload(c: Client) -> None:
    """Rows of vectors through a model given as bytes, the probabilities as a tensor."""
    model = c.model("gbm").setFeedDict({"input": "features"})
    model = model.setFetchDict({"label": "label", "probability": "probabilities"})
    rows = c.tell(model.transform(c.rows(12)), "label", "probability")
    expect(len(rows) == ROWS and len(rows[0]["probability"]) == 2, f"{len(rows)} rows, first {rows[0]}")


@check
def location(c: Client) -> None:
    model = ONNXModel().setModelLocation(str(c.models / "gbm.onnx")).setFeedDict({"input": "features"})
    c.tell(model.setFetchDict({"label": "label", "p": "probabilities"}).transform(c.rows(12)), "label", "p")


@check
def zipmap(c: Client) -> None:
    model = c.model("gbm_zipmap").setFeedDict({"input": "features"})
    model = model.setFetchDict({"label": "label", "probability": "probabilities"})
    table = model.transform(c.rows(12))
    expect(dict(table.dtypes)["probability"] == "map<bigint,float>", f"column type {dict(table.dtypes)['probability']}")
    rows = c.tell(table, "label", "probability")
    expect(sorted(rows[0]["probability"]) == [0, 1], f"keys {rows[0]['probability']}")


@check
def arrays_of_float(c: Client) -> None:
    model = c.model("gbm").setFeedDict({"input": "features"}).setFetchDict({"label": "label", "p": "probabilities"})
    c.tell(model.transform(c.rows(12, "array")), "label", "p")


@check
def mini_batch_sizes(c: Client) -> None:
    """The same answers for batches of 1, 7, 10 (the default) and more than all rows."""
    table, seen = c.rows(12), set()
    for size in (1, 7, 10, 1000):
        model = c.model("gbm_zipmap").setMiniBatchSize(size).setFeedDict({"input": "features"})
        rows = model.setFetchDict({"p": "probabilities"}).transform(table).orderBy("id").collect()
        seen.add(tuple(round(row["p"][1], 5) for row in rows))
    expect(len(seen) == 1, f"{len(seen)} different answers")


@check
def default_batch(c: Client) -> None:
    """Without a mini batch size SynapseML takes ten rows at a time."""
    model = ONNXModel().setModelPayload(bytearray((c.models / "gbm.onnx").read_bytes()))
    model = model.setFeedDict({"input": "features"}).setFetchDict({"label": "label"})
    c.tell(model.transform(c.rows(12, rows=400)), "label")


@check
def softmax_argmax(c: Client) -> None:
    """softMaxDict and argMaxDict over an intermediate value that is fetched."""
    model = c.model("mlp").setFeedDict({"x": "features"}).setFetchDict({"raw": "logits"})
    model = model.setSoftMaxDict({"raw": "probability"}).setArgMaxDict({"raw": "prediction"})
    rows = c.tell(model.transform(c.rows(4)), "raw", "probability", "prediction")
    for row in rows:
        best = max(range(3), key=lambda i, r=row: r["raw"][i])
        expect(row["prediction"] == best, f"{row['prediction']} is not the largest of {row['raw']}")
        expect(abs(sum(row["probability"].toArray()) - 1) < 1e-5, f"{row['probability']} is no distribution")


@check
def argmax_of_map(c: Client) -> None:
    model = c.model("gbm_zipmap").setFeedDict({"input": "features"}).setFetchDict({"p": "probabilities"})
    rows = c.tell(model.setArgMaxDict({"p": "prediction"}).transform(c.rows(12)), "p", "prediction")
    expect(all(r["p"][int(r["prediction"])] == max(r["p"].values()) for r in rows), "not the largest")


@check
def device_unset(c: Client) -> None:
    model = ONNXModel().setModelPayload(bytearray((c.models / "mlp.onnx").read_bytes())).setMiniBatchSize(8)
    c.tell(model.setFeedDict({"x": "features"}).setFetchDict({"s": "scores"}).transform(c.rows(4)), "s")


@check
def device_cpu(c: Client) -> None:
    model = c.model("mlp").setDeviceType("CPU").setFeedDict({"x": "features"}).setFetchDict({"s": "scores"})
    c.tell(model.transform(c.rows(4)), "s")


@check
def optimisation_levels(c: Client) -> None:
    for level in ("NO_OPT", "BASIC_OPT", "EXTENDED_OPT", "ALL_OPT"):
        model = c.model("mlp").setOptimizationLevel(level).setFeedDict({"x": "features"})
        table = model.setFetchDict({level: "scores", f"{level}_best": "best"}).transform(c.rows(4))
        c.tell(table, level, f"{level}_best")


@check
def intermediate_only(c: Client) -> None:
    """A value in the middle alone: SynapseML cuts the graph there, its output is then a name without a type."""
    model = c.model("mlp").setFeedDict({"x": "features"}).setFetchDict({"hidden": "hidden"})
    table = model.transform(c.rows(4))
    expect(dict(table.dtypes)["hidden"] == "array<float>", f"column type {dict(table.dtypes)['hidden']}")
    rows = c.tell(table, "hidden")
    expect(len(rows[0]["hidden"]) == 8, f"{len(rows[0]['hidden'])} values")


@check
def intermediate_and_outputs(c: Client) -> None:
    model = c.model("mlp").setFeedDict({"x": "features"})
    model = model.setFetchDict({"h": "hidden", "raw": "logits", "s": "scores", "b": "best"})
    c.tell(model.transform(c.rows(4)), "h", "raw", "s", "b")


@check
def subset_of_outputs(c: Client) -> None:
    model = c.model("gbm_zipmap").setFeedDict({"input": "features"}).setFetchDict({"label": "label"})
    c.tell(model.transform(c.rows(12)), "label")


@check
def two_inputs(c: Client) -> None:
    """A float and an int64 input from two columns, two outputs."""
    table = c.rows(4).withColumn("w", F.array(F.col("id"), (F.col("id") * 2).cast("long")))
    model = c.model("two_inputs").setFeedDict({"x": "features", "w": "w"}).setFetchDict({"y": "y", "t": "total"})
    c.tell(model.transform(table), "y", "t")


@check
def image(c: Client) -> None:
    """Nested arrays [3][8][8] in; the intermediate feature map, nested arrays again, and the output."""
    maker = random.Random(5)
    nested = StructType(
        [StructField("id", LongType()), StructField("image", ArrayType(ArrayType(ArrayType(FloatType()))))]
    )
    pixels = [
        (i, [[[round(maker.uniform(-1, 1), 3) for _ in range(8)] for _ in range(8)] for _ in range(3)])
        for i in range(9)
    ]
    table = c.spark.createDataFrame(pixels, nested)
    model = c.model("image").setMiniBatchSize(4).setFeedDict({"image": "image"})
    got = model.setFetchDict({"out": "out", "pooled": "pooled"}).transform(table)
    c.tell(got, "out", "pooled")
    cut = model.setFetchDict({"features": "features"}).transform(table)
    rows = c.tell(cut, "features")
    expect(len(rows[0]["features"]) == 4 and len(rows[0]["features"][0]) == 8, "shape of the feature map")


@check
def types_and_names(c: Client) -> None:
    """getModelInputs and getModelOutputs."""
    for name in ("gbm", "gbm_zipmap", "mlp", "image", "open_width"):
        model = c.model(name)
        infos = [str(i) for i in (*model.getModelInputs().values(), *model.getModelOutputs().values())]
        for info in infos:
            word = info.split("name=", 1)[1].split(",", 1)[0]
            c.answers.write(f"types_{name} {word} text [] {json.dumps(info)}\n")


@check
def saved_and_loaded(c: Client) -> None:
    place = str(c.out / "saved")
    model = c.model("mlp").setFeedDict({"x": "features"}).setFetchDict({"raw": "logits"}).setArgMaxDict({"raw": "best"})
    model.save(f"{place}/model")
    c.tell(ONNXModel.load(f"{place}/model").transform(c.rows(4)), "raw", "best")
    fitted = Pipeline(stages=[model]).fit(c.rows(4))
    fitted.save(f"{place}/pipeline")
    rows = PipelineModel.load(f"{place}/pipeline").transform(c.rows(4)).orderBy("id").collect()
    again = model.transform(c.rows(4)).orderBy("id").collect()
    expect([r["raw"] for r in rows] == [r["raw"] for r in again], "the loaded pipeline answers differently")


@check
def many_partitions(c: Client) -> None:
    """A session per task: more tasks than threads, some without rows."""
    table = c.rows(12).repartition(9, "id")
    model = c.model("gbm_zipmap").setFeedDict({"input": "features"}).setFetchDict({"label": "label"})
    c.tell(model.transform(table), "label")


@check
def no_rows(c: Client) -> None:
    model = c.model("gbm_zipmap").setFeedDict({"input": "features"}).setFetchDict({"label": "label"})
    expect(model.transform(c.rows(12).where("id < 0")).collect() == [], "rows from nothing")


def message(call: Callable) -> str:
    """The text of what a call throws, with its causes."""
    try:
        call()
    except Exception as e:
        return str(e)
    raise AssertionError("no error")


@check
def wrong_width(c: Client) -> None:
    """Five numbers where the model's input takes four: SynapseML's own message, which names both."""
    model = c.model("mlp").setFeedDict({"x": "features"}).setFetchDict({"s": "scores"})
    text = message(lambda: model.transform(c.rows(5)).collect())
    expect("does not match input tensor shape [4]. Found shape [5]" in text, text[:300])


@check
def wrong_width_in_run(c: Client) -> None:
    """An input of any width and weights of four rows: the run's OrtException speaks of shape or dimensions."""
    model = c.model("open_width").setFeedDict({"x": "features"}).setFetchDict({"y": "y"})
    c.tell(model.transform(c.rows(4)), "y")
    text = message(lambda: model.transform(c.rows(5)).collect())
    lines = [line for line in text.splitlines() if "OrtException" in line]
    expect(bool(lines), f"no OrtException: {text[:300]}")
    expect("shape" in lines[0].lower() or "dimension" in lines[0].lower(), lines[0][:300])


@check
def wrong_feed_name(c: Client) -> None:
    model = c.model("mlp").setFeedDict({"nope": "features"}).setFetchDict({"s": "scores"})
    expect(bool(message(lambda: model.transform(c.rows(4)).collect())), "an empty text")


@check
def wrong_fetch_name(c: Client) -> None:
    model = c.model("mlp").setFeedDict({"x": "features"}).setFetchDict({"s": "nope"})
    expect(bool(message(lambda: model.transform(c.rows(4)).collect())), "an empty text")


@check
def garbage_model(c: Client) -> None:
    model = ONNXModel().setModelPayload(bytearray(b"this is no model")).setFeedDict({"x": "features"})
    model = model.setFetchDict({"s": "scores"})
    text = message(lambda: model.transform(c.rows(4)).collect())
    expect("rotobuf" in text or "OrtException" in text, text[:200])


@check
def library(c: Client) -> None:
    """The JVM has mapped the library under test, and no other."""
    mapped = mapped_libraries()
    if c.lib == "official":
        expect(len(mapped) == 1 and "/onnxruntime-java" in mapped[0], f"mapped: {mapped}")
    elif c.lib.endswith(".jar"):
        expect(len(mapped) == 1 and "/sard-spark" in mapped[0], f"mapped: {mapped}")
    else:
        folder = Path(c.lib).resolve()
        files = [folder / "libonnxruntime.so.1.8.1", folder / "libonnxruntime.so.1"]
        expect(mapped == [str(next(f for f in files if f.exists()).resolve())], f"mapped: {mapped}")


def main() -> int:
    work, models, lib, out = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    shutil.rmtree(out / "saved", ignore_errors=True)
    client = Client(work, models, lib, out)
    failed = 0
    for name, function in CHECKS.items():
        if len(sys.argv) > 5 and name not in sys.argv[5:]:
            continue
        client.name = name
        try:
            function(client)
            print(f"PASS spark {name}", flush=True)
        except Exception as e:
            failed += 1
            traceback.print_exc()
            print(f"FAIL spark {name}: {' '.join(str(e).split())[:400]}", flush=True)
    client.answers.close()
    client.spark.stop()
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
