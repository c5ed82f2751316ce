"""One Spark with one library, for bench/spark.py: spark_worker.py WORK LIB THREADS MEMORY ROWS TASKS

MEMORY is the heap's MiB. What Spark says goes to WORK/bench.log.

Serves questions on stdin, one JSON line each: {"do": "time", "model", "maps", "batch"} gives the seconds of scoring the
whole table once, {"do": "answers", ...} the labels and probabilities of the first rows and sums over all.
"""

from __future__ import annotations

import math
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "clients" / "spark"), str(ROOT / "scripts")]

from engine import jvm_pid, mapped_libraries, open_spark
from pyspark.sql import Column
from pyspark.sql import functions as F
from sardtools.workers import serve
from synapse.ml.onnx import ONNXModel

COLUMNS = 95
COMPARED = 20_000  # rows whose answers are compared one by one


def heap_options(memory: int) -> str:
    """A heap of `memory` MiB that is there from the start, two thirds of it for what dies young.

    A heap that grows while it is measured, or whose young part is small beside a batch's millions of boxed numbers,
    costs a third of Spark's time, and differs from run to run.
    """
    young = memory * 2 // 3
    fixed = "-XX:+UseParallelGC -XX:-UseAdaptiveSizePolicy -XX:+AlwaysPreTouch -XX:+UseTransparentHugePages"
    return f"-Xms{memory}m -Xmn{young}m {fixed}"


def open_table(spark, rows: int, tasks: int):
    """`id` and `features`, vectors of 95 normal numbers (Box and Muller's, of hashes), as what the models were trained on;
    the same for every session, as rows in memory."""

    def uniform(i, which: int):
        return (F.shiftrightunsigned(F.xxhash64("id", i, F.lit(which)), 11) + 0.5) / 2.0**53

    def normal(i):
        return F.sqrt(-2 * F.log(uniform(i, 0))) * F.cos(2 * math.pi * uniform(i, 1))

    numbers = F.transform(F.sequence(F.lit(0), F.lit(COLUMNS - 1)), normal)
    # pyspark.ml.functions.array_to_vector by its JVM name: that module wants pandas
    vector = Column(spark._jvm.org.apache.spark.ml.functions.array_to_vector(numbers._jc))
    return spark.range(0, rows, 1, tasks).select("id", vector.alias("features")).localCheckpoint()


def score(table, question: dict):
    """The table with `label` and `p`, the probability of class 1 (or `y` of the model that does nothing)."""
    model = ONNXModel().setModelPayload(bytearray(Path(question["model"]).read_bytes())).setDeviceType("CPU")
    model = model.setMiniBatchSize(question["batch"]).setFeedDict({"input": "features"})
    return model.setFetchDict(question["fetch"]).transform(table)


def peak_memory(pid: int, reset: bool = False) -> int:
    """The most resident bytes of a process since the last reset."""
    if reset:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def main() -> None:
    work, lib = Path(sys.argv[1]), sys.argv[2]
    threads, memory, rows, tasks = map(int, sys.argv[3:7])
    os.dup2(os.open(work / "bench.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)  # Spark's messages
    spark = open_spark(work, lib, threads=threads, memory=f"{memory}m", java=heap_options(memory))
    table = open_table(spark, rows, tasks)

    def answer(question: dict) -> dict:
        scored = score(table, question)
        if question["do"] == "time":
            peak_memory(jvm_pid(), reset=True)
            start = time.perf_counter()
            scored.write.format("noop").mode("overwrite").save()
            return {"seconds": time.perf_counter() - start, "peak": peak_memory(jvm_pid())}
        probability = F.col("p").getItem(F.lit(1).cast("long") if question["maps"] else 1).cast("double")
        scored = scored.select("id", "label", probability.alias("p"))
        first = scored.where(F.col("id") < COMPARED).orderBy("id").collect()
        sums = scored.agg(F.count("id"), F.sum("label"), F.sum("p"), F.sum(F.col("p") * (F.col("id") % 1009))).collect()
        return {
            "labels": [row["label"] for row in first],
            "p": [row["p"] for row in first],
            "sums": list(sums[0]),
            "library": mapped_libraries(),
        }

    serve(answer)


if __name__ == "__main__":
    main()
