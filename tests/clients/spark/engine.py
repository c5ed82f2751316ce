"""A Spark session with SynapseML over the official library or another one, for the client's checks and the benchmark.

What chooses the library are settings of Spark alone; SynapseML and its jars stay as they were fetched.
"""

from __future__ import annotations

import os
from pathlib import Path

from pyspark.sql import SparkSession


def library_settings(lib: str) -> dict[str, str]:
    """Spark's settings for a library: `official` (the jar's own), sard's plugin (a jar), a folder with
    spark-defaults.conf, or a folder with libonnxruntime.so.1 and the link libonnxruntime.so.1.8.1."""
    if lib == "official":
        return {}
    folder = Path(lib).resolve()
    if lib.endswith(".jar"):
        return {"spark.jars": str(folder), "spark.plugins": "sard.spark.Library"}
    defaults = folder / "spark-defaults.conf"
    if defaults.exists():
        lines = [line.split(None, 1) for line in defaults.read_text().splitlines()]
        return {words[0]: words[1].strip() for words in lines if len(words) == 2 and not words[0].startswith("#")}
    options = [
        f"-Donnxruntime.native.onnxruntime.path={folder / 'libonnxruntime.so.1'}",
        "-Donnxruntime.native.onnxruntime_providers_shared.skip=true",
        "-Donnxruntime.native.onnxruntime_providers_cuda.skip=true",
    ]
    settings = {}
    for side in ("driver", "executor"):
        settings[f"spark.{side}.extraJavaOptions"] = " ".join(options)
        settings[f"spark.{side}.extraLibraryPath"] = str(folder)
    return settings


def open_spark(work: Path, lib: str, *, threads: int = 2, memory: str = "1500m", java: str = "") -> SparkSession:
    """A local Spark of so many threads; `work` is the folder that setup.sh filled, `java` more options of its JVM."""
    os.environ.pop("PYSPARK_SUBMIT_ARGS", None)
    chosen = library_settings(lib)
    options = f"{chosen.get('spark.driver.extraJavaOptions', '')} {java}".strip()
    if options:
        chosen["spark.driver.extraJavaOptions"] = options
    jars = [str(j) for j in sorted((work / "jars").glob("*.jar"))]
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": memory,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "2",
        "spark.default.parallelism": "2",
        "spark.local.dir": str(work / "local"),
        "spark.sql.warehouse.dir": str(work / "warehouse"),
        **chosen,
        "spark.jars": ",".join([*jars, *filter(None, [chosen.get("spark.jars")])]),
    }
    builder = SparkSession.builder.master(f"local[{threads}]").appName("sard")
    for key, value in settings.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def jvm_pid() -> int:
    """The process of the JVM that this Python started."""
    return SparkSession.getActiveSession().sparkContext._gateway.proc.pid


def mapped_libraries() -> list[str]:
    """The onnxruntime libraries that the JVM has mapped, without its JNI library."""
    with open(f"/proc/{jvm_pid()}/maps") as maps:
        files = {line.split(None, 5)[5].strip().removesuffix(" (deleted)") for line in maps if "onnxruntime" in line}
    return sorted(f for f in files if ".so" in f and "4j_jni" not in f)
