"""Second half of the demo: models trained here on scikit-learn's own real data sets, converted to ONNX, and the
held-out rows scored as a table.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from sardtools import timing
from sardtools.engines import open_session
from sardtools.table import text_table


@dataclass
class Job:
    """One data set, one model, and how it becomes ONNX."""

    data: str
    what: str
    make: Callable[[], Any]
    convert: Callable[[Any, int], bytes]


@dataclass
class Trained:
    """A trained and converted model with the rows it has not seen."""

    job: Job
    model: Any
    onnx: bytes
    rows: np.ndarray
    truth: np.ndarray
    names: list[str]  # of the classes; empty for a regression

    @property
    def score(self) -> Callable[[np.ndarray], float]:
        """Accuracy of labels, or R2 of values, against the truth."""
        from sklearn.metrics import accuracy_score, r2_score

        metric = accuracy_score if self.names else r2_score
        return lambda answer: metric(self.truth, answer)


def show(engine: ModuleType, peer: ModuleType) -> bool:
    """Prints this half; returns whether engine, peer and the training library agree on every held-out row."""
    print("\n== Tables: models trained here on scikit-learn's data, the held-out rows scored\n", flush=True)
    ours, theirs = engine.__name__, peer.__name__
    head = [
        "data set",
        "model",
        "rows",
        "score",
        ours,
        theirs,
        "agree",
        "largest diff",
        f"{ours} time",
        f"{theirs} time",
        "ratio",
    ]
    table, good = [], True
    for number, job in enumerate(jobs()):
        print(f"  training {job.what} on {job.data} ...", flush=True)
        trained = _train(job)
        row, agree, answer = _compare(trained, engine, peer)
        table.append(row)
        good = good and agree
        if number == 0:
            example = (trained, answer)
    print("\n" + text_table(head, table))
    print(
        "  (score: accuracy, or R2 for a regression, of the training library itself, then of each engine;\n"
        "   largest diff: of a probability, or relative of a value; times: all held-out rows at once, one thread)"
    )
    _show_rows(*example)
    return good


def jobs() -> list[Job]:
    """What is trained: scikit-learn pipelines and gradient-boosted trees of two libraries."""
    from lightgbm import LGBMClassifier
    from sklearn.decomposition import PCA
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    boosted = dict(n_estimators=200, num_leaves=15, random_state=0, n_jobs=1, verbose=-1)
    return [
        Job(
            "breast_cancer",
            "StandardScaler + LogisticRegression",
            lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
            _by_skl2onnx,
        ),
        Job(
            "digits",
            "StandardScaler + PCA + MLP",
            lambda: make_pipeline(StandardScaler(), PCA(32), MLPClassifier((64,), max_iter=120, random_state=0)),
            _by_skl2onnx,
        ),
        Job("wine", "RandomForest, 100 trees", lambda: RandomForestClassifier(100, random_state=0), _by_skl2onnx),
        Job(
            "wine", "GradientBoosting, 100 trees x 3", lambda: GradientBoostingClassifier(random_state=0), _by_skl2onnx
        ),
        Job("diabetes", "GradientBoosting, 100 trees", lambda: GradientBoostingRegressor(random_state=0), _by_skl2onnx),
        Job("breast_cancer", "LightGBM, 200 trees", lambda: LGBMClassifier(**boosted), _by_onnxmltools),
        Job("digits", "LightGBM, 200 trees x 10", lambda: LGBMClassifier(**boosted), _by_onnxmltools),
    ]


def _by_skl2onnx(model: Any, columns: int) -> bytes:
    from skl2onnx import to_onnx

    options = {"zipmap": False} if hasattr(model, "classes_") else None
    return to_onnx(model, np.zeros((1, columns), np.float32), options=options).SerializeToString()


def _by_onnxmltools(model: Any, columns: int) -> bytes:
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    kinds = [("X", FloatTensorType([None, columns]))]
    return convert_lightgbm(model, initial_types=kinds, zipmap=False).SerializeToString()


def _train(job: Job) -> Trained:
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    data = getattr(datasets, f"load_{job.data}")()
    x = data.data.astype(np.float32)
    fit_x, rows, fit_y, truth = train_test_split(x, data.target, test_size=0.3, random_state=0)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # converters and short trainings talk; what counts is checked below
        model = job.make().fit(fit_x, fit_y)
        onnx = job.convert(model, x.shape[1])
    names = [str(n) for n in data.target_names] if hasattr(model, "classes_") else []
    return Trained(job, model, onnx, rows, truth, names)


def _answer(session, rows: np.ndarray) -> list[np.ndarray]:
    """[labels, probabilities] of a classifier, [values] of a regression."""
    return session.run(None, {session.get_inputs()[0].name: rows})


def _compare(trained: Trained, engine: ModuleType, peer: ModuleType) -> tuple[list, bool, list[np.ndarray]]:
    """The table's row, whether all agree, and the engine's answer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own = trained.model.predict(trained.rows)
    sessions = {e.__name__: open_session(e, trained.onnx) for e in (peer, engine)}
    calls = {name: (lambda s=s: _answer(s, trained.rows)) for name, s in sessions.items()}
    ours, theirs = calls[engine.__name__](), calls[peer.__name__]()
    samples = timing.interleave(calls, seconds=1.0, sample=0.005)

    labels, peer_labels = ours[0].ravel(), theirs[0].ravel()
    diff = np.abs(ours[-1].astype(np.float64) - theirs[-1])
    if trained.names:
        same = (labels == peer_labels) & (labels == own)
    else:
        diff = diff / np.abs(theirs[-1]).max()
        same = np.isclose(labels, peer_labels, rtol=1e-5) & np.isclose(labels, own, rtol=1e-4)
    ours_t, theirs_t = samples[engine.__name__], samples[peer.__name__]
    row = [
        trained.job.data,
        trained.job.what,
        len(trained.rows),
        f"{trained.score(own):.4f}",
        f"{trained.score(labels):.4f}",
        f"{trained.score(peer_labels):.4f}",
        f"{same.sum()} of {len(same)}",
        f"{diff.max():.1e}",
        timing.show_time(ours_t.median),
        timing.show_time(theirs_t.median),
        f"{ours_t.median / theirs_t.median:.2f}",
    ]
    return row, bool(same.all()), ours


def _show_rows(trained: Trained, answer: list[np.ndarray]) -> None:
    """The first held-out rows of one data set with what the engine says about them."""
    labels, chances = answer
    table = [
        [
            i,
            trained.names[trained.truth[i]],
            trained.names[labels[i]],
            f"{chances[i].max():.4f}",
            "yes" if labels[i] == trained.truth[i] else "no",
        ]
        for i in range(10)
    ]
    print(f"\n  the first of {len(trained.rows)} held-out rows of {trained.job.data}:\n")
    print(text_table(["row", "truth", "answer", "probability", "right"], table), flush=True)
