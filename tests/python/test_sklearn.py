"""Models that scikit-learn trains and skl2onnx converts: sard's answers beside onnxruntime's and scikit-learn's own.

Every model sees rows it was not trained on. Labels must be equal; numbers agree with onnxruntime within 1e-4 of their
scale, and with scikit-learn (which computes in float64) within 1e-3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from onnx import helper
from sardtools.engines import is_unsupported, load_engine, open_session

pytest.importorskip("sard")
pytest.importorskip("skl2onnx")

from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn import (
    calibration,
    cluster,
    compose,
    datasets,
    decomposition,
    ensemble,
    feature_extraction,
    feature_selection,
    gaussian_process,
    impute,
    linear_model,
    mixture,
    multiclass,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)

pytestmark = pytest.mark.filterwarnings("ignore")  # short trainings do not converge, converters use old names


@dataclass
class Zoo:
    """One model: what it is trained on, how it is converted, and what scikit-learn itself answers."""

    make: Callable[[], Any]
    data: str = "iris"
    options: dict | None = None
    methods: tuple[str, ...] = ()  # of the model, one per output that is compared with scikit-learn
    types: list = field(default_factory=list)  # of the columns; one float matrix when empty
    opset: dict | None = None  # None: the converter's newest


def _classifier(make: Callable[[], Any], data: str = "iris", chances: bool = True) -> Zoo:
    return Zoo(make, data, {"zipmap": False}, ("predict", "predict_proba") if chances else ("predict",))


def _regression(make: Callable[[], Any]) -> Zoo:
    return Zoo(make, "diabetes", None, ("predict",))


def _transform(make: Callable[[], Any], data: str = "iris") -> Zoo:
    return Zoo(make, data, None, ("transform",))


LINEAR = {
    "logistic": _classifier(lambda: linear_model.LogisticRegression(max_iter=500)),
    "logistic_binary": _classifier(lambda: linear_model.LogisticRegression(max_iter=5000), "breast_cancer"),
    "logistic_one_vs_rest": _classifier(
        lambda: multiclass.OneVsRestClassifier(linear_model.LogisticRegression(max_iter=500))
    ),
    "sgd": _classifier(lambda: linear_model.SGDClassifier(loss="log_loss", random_state=0)),
    "perceptron": _classifier(lambda: linear_model.Perceptron(random_state=0), chances=False),
    "ridge_classifier": _classifier(lambda: linear_model.RidgeClassifier(), chances=False),
    "linear": _regression(lambda: linear_model.LinearRegression()),
    "ridge": _regression(lambda: linear_model.Ridge()),
    "lasso": _regression(lambda: linear_model.Lasso(alpha=0.1)),
    "elastic_net": _regression(lambda: linear_model.ElasticNet(alpha=0.1)),
    "bayesian_ridge": _regression(lambda: linear_model.BayesianRidge()),
    "huber": _regression(lambda: linear_model.HuberRegressor(max_iter=1000)),
    "poisson": _regression(lambda: linear_model.PoissonRegressor()),
    "mlp": _classifier(lambda: neural_network.MLPClassifier((16,), max_iter=400, random_state=0)),
    "mlp_regressor": _regression(
        lambda: neural_network.MLPRegressor(hidden_layer_sizes=(16,), max_iter=400, random_state=0)
    ),
}

KERNELS = {
    "svc_rbf": _classifier(lambda: svm.SVC(random_state=0), chances=False),
    "svc_linear": _classifier(lambda: svm.SVC(kernel="linear"), chances=False),
    "svc_poly": _classifier(lambda: svm.SVC(kernel="poly", degree=2), chances=False),
    "svc_binary": _classifier(
        lambda: pipeline.make_pipeline(preprocessing.StandardScaler(), svm.SVC()), "breast_cancer", chances=False
    ),
    "linear_svc": Zoo(lambda: svm.LinearSVC(), methods=("predict",)),
    "nu_svc": _classifier(lambda: svm.NuSVC(), chances=False),
    "svr": _regression(lambda: svm.SVR()),
    "linear_svr": _regression(lambda: svm.LinearSVR(random_state=0)),
    "one_class_svm": Zoo(lambda: svm.OneClassSVM(), methods=("predict",)),
    "nearest": _classifier(lambda: neighbors.KNeighborsClassifier(3)),
    "nearest_regressor": _regression(lambda: neighbors.KNeighborsRegressor(3)),
    "gaussian_naive_bayes": _classifier(lambda: naive_bayes.GaussianNB()),
    "multinomial_naive_bayes": _classifier(lambda: naive_bayes.MultinomialNB()),
    "bernoulli_naive_bayes": _classifier(lambda: naive_bayes.BernoulliNB(binarize=2.0)),
    "gaussian_process": Zoo(
        lambda: gaussian_process.GaussianProcessRegressor(alpha=1.0), "diabetes", methods=("predict",)
    ),
}

TREES = {
    "tree": _classifier(lambda: tree.DecisionTreeClassifier(random_state=0)),
    "tree_regressor": _regression(lambda: tree.DecisionTreeRegressor(max_depth=6, random_state=0)),
    "forest": _classifier(lambda: ensemble.RandomForestClassifier(20, random_state=0), "digits"),
    "forest_regressor": _regression(lambda: ensemble.RandomForestRegressor(20, random_state=0)),
    "extra_trees": _classifier(lambda: ensemble.ExtraTreesClassifier(20, random_state=0)),
    "boosting": _classifier(lambda: ensemble.GradientBoostingClassifier(n_estimators=20, random_state=0)),
    "boosting_binary": _classifier(
        lambda: ensemble.GradientBoostingClassifier(n_estimators=20, random_state=0), "breast_cancer"
    ),
    "boosting_regressor": _regression(lambda: ensemble.GradientBoostingRegressor(n_estimators=20, random_state=0)),
    "bagging": _classifier(lambda: ensemble.BaggingClassifier(n_estimators=5, random_state=0)),
    "ada_boost": _classifier(lambda: ensemble.AdaBoostClassifier(n_estimators=5, random_state=0)),
    "isolation_forest": Zoo(
        lambda: ensemble.IsolationForest(n_estimators=20, random_state=0),
        methods=("predict",),
        opset={"": 17, "ai.onnx.ml": 3},
    ),
    "voting": _classifier(
        lambda: ensemble.VotingClassifier(
            [("a", linear_model.LogisticRegression(max_iter=500)), ("b", tree.DecisionTreeClassifier(max_depth=3))],
            voting="soft",
            flatten_transform=False,
        )
    ),
    "stacking": _classifier(
        lambda: ensemble.StackingClassifier(
            [("a", linear_model.LogisticRegression(max_iter=500)), ("b", tree.DecisionTreeClassifier(max_depth=3))]
        )
    ),
    "calibrated": _classifier(
        lambda: calibration.CalibratedClassifierCV(linear_model.LogisticRegression(max_iter=500), cv=3)
    ),
}

PREPARATION = {
    "standard_scaler": _transform(lambda: preprocessing.StandardScaler()),
    "min_max_scaler": _transform(lambda: preprocessing.MinMaxScaler(clip=True)),
    "max_abs_scaler": _transform(lambda: preprocessing.MaxAbsScaler()),
    "robust_scaler": _transform(lambda: preprocessing.RobustScaler()),
    "normalizer_l2": _transform(lambda: preprocessing.Normalizer()),
    "normalizer_l1": _transform(lambda: preprocessing.Normalizer("l1")),
    "normalizer_max": _transform(lambda: preprocessing.Normalizer("max")),
    "binarizer": _transform(lambda: preprocessing.Binarizer(threshold=3.0)),
    "bins_one_hot": _transform(lambda: preprocessing.KBinsDiscretizer(4, encode="onehot-dense")),
    "bins_ordinal": _transform(lambda: preprocessing.KBinsDiscretizer(4, encode="ordinal")),
    "polynomials": _transform(lambda: preprocessing.PolynomialFeatures(2)),
    "powers": _transform(lambda: preprocessing.PowerTransformer()),
    "imputer_mean": _transform(lambda: impute.SimpleImputer(), "holes"),
    "imputer_constant": _transform(lambda: impute.SimpleImputer(strategy="constant", fill_value=7.0), "holes"),
    "one_hot": _transform(
        lambda: preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False), "small_ints"
    ),
    "ordinal": _transform(lambda: preprocessing.OrdinalEncoder(), "small_ints"),
    "pca": _transform(lambda: decomposition.PCA(2)),
    "pca_whitened": _transform(lambda: decomposition.PCA(2, whiten=True)),
    "truncated_svd": _transform(lambda: decomposition.TruncatedSVD(2)),
    "kernel_pca": _transform(lambda: decomposition.KernelPCA(2, kernel="rbf")),
    "select_best": _transform(lambda: feature_selection.SelectKBest(k=2)),
    "variance": _transform(lambda: feature_selection.VarianceThreshold(0.5)),
    "k_means": Zoo(lambda: cluster.KMeans(3, n_init=4, random_state=0), methods=("predict", "transform")),
    "mini_batch_k_means": Zoo(lambda: cluster.MiniBatchKMeans(3, n_init=4, random_state=0), methods=("predict",)),
    "gaussian_mixture": Zoo(
        lambda: mixture.GaussianMixture(3, random_state=0),
        options={"score_samples": False},
        methods=("predict", "predict_proba"),
    ),
    "union": _transform(lambda: pipeline.make_union(preprocessing.StandardScaler(), decomposition.PCA(2))),
    "columns": _transform(
        lambda: compose.ColumnTransformer(
            [("scaled", preprocessing.StandardScaler(), [0, 1]), ("rest", "passthrough", [2, 3])]
        )
    ),
    "whole_pipeline": _classifier(
        lambda: pipeline.make_pipeline(
            impute.SimpleImputer(),
            preprocessing.StandardScaler(),
            decomposition.PCA(3),
            linear_model.LogisticRegression(max_iter=500),
        ),
        "holes",
    ),
}

WORDS = {
    "tfidf": Zoo(
        lambda: feature_extraction.text.TfidfVectorizer(token_pattern="[a-zA-Z]+"),
        "sentences",
        methods=("transform",),
        types=[("X", StringTensorType([None]))],
    ),
    "tfidf_pairs": Zoo(
        lambda: feature_extraction.text.TfidfVectorizer(ngram_range=(1, 2), token_pattern="[a-zA-Z]+"),
        "sentences",
        methods=("transform",),
        types=[("X", StringTensorType([None]))],
    ),
    "counts": Zoo(
        lambda: feature_extraction.text.CountVectorizer(token_pattern="[a-zA-Z]+"),
        "sentences",
        methods=("transform",),
        types=[("X", StringTensorType([None]))],
    ),
    "tfidf_logistic": Zoo(
        lambda: pipeline.make_pipeline(
            feature_extraction.text.TfidfVectorizer(token_pattern="[a-zA-Z]+"), linear_model.LogisticRegression()
        ),
        "sentences",
        {"zipmap": False},
        ("predict", "predict_proba"),
        [("X", StringTensorType([None]))],
    ),
    "one_hot_strings": Zoo(
        lambda: preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        "colours",
        methods=("transform",),
        types=[("X", StringTensorType([None, 2]))],
    ),
    "ordinal_strings": Zoo(
        lambda: preprocessing.OrdinalEncoder(),
        "colours",
        methods=("transform",),
        types=[("X", StringTensorType([None, 2]))],
    ),
    "string_labels": _classifier(lambda: linear_model.LogisticRegression(max_iter=500), "iris_names"),
    "string_label_forest": _classifier(lambda: ensemble.RandomForestClassifier(10, random_state=0), "iris_names"),
    "label_encoder": Zoo(
        lambda: preprocessing.LabelEncoder(),
        "one_colour",
        methods=("transform",),
        types=[("X", StringTensorType([None]))],
    ),
    "hashing": Zoo(
        lambda: feature_extraction.FeatureHasher(8, input_type="string"),
        "hashed",
        methods=("transform",),
        types=[("X", StringTensorType([None, 1]))],
    ),
}

ALL = {**LINEAR, **KERNELS, **TREES, **PREPARATION, **WORDS}

SENTENCES = [
    "the quick brown fox",
    "jumps over the lazy dog",
    "a model answers once",
    "the same answer twice",
    "quick answers are good",
    "lazy models sleep",
    "the dog sleeps",
    "brown models jump",
    "over and over again",
    "good dogs answer twice",
]


def _data(name: str) -> tuple[Any, Any]:
    """All rows and their targets."""
    rng = np.random.default_rng(0)
    if name in ("iris", "iris_names", "holes"):
        x, y = datasets.load_iris(return_X_y=True)
        x = x.astype(np.float32)
        if name == "holes":
            x[rng.random(x.shape) < 0.1] = np.nan
        return x, np.array(["setosa", "versicolor", "virginica"])[y] if name == "iris_names" else y
    if name == "small_ints":
        return rng.integers(0, 5, (150, 3)).astype(np.int64), None
    if name == "sentences":
        return np.array(SENTENCES * 6), np.tile(np.arange(len(SENTENCES)) % 2, 6)
    if name in ("colours", "one_colour", "hashed"):
        colours = np.array(["red", "green", "blue", "grün"], dtype=object)[rng.integers(0, 4, (60, 2))]
        return {"colours": colours, "one_colour": colours[:, 0], "hashed": colours[:, :1]}[name], None
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return x.astype(np.float32), y


def _train(zoo: Zoo) -> tuple[Any, Any, bytes]:
    """(model, rows it has not seen, the ONNX file)."""
    x, y = _data(zoo.data)
    held_out = np.arange(len(x)) % 3 == 0
    model = zoo.make()
    is_label_encoder = isinstance(model, preprocessing.LabelEncoder)
    model.fit(x[~held_out]) if y is None or is_label_encoder else model.fit(x[~held_out], y[~held_out])
    rows = x[held_out]
    kinds = {np.dtype(np.float32): FloatTensorType, np.dtype(np.int64): Int64TensorType}
    types = zoo.types or [("X", kinds[x.dtype]([None, x.shape[1]]))]
    options = {id(model): zoo.options} if zoo.options else None
    onnx = to_onnx(model, initial_types=types, options=options, target_opset=zoo.opset)
    for node in onnx.graph.node:
        if node.op_type == "StringNormalizer":  # onnxruntime's own default is a locale that small systems lack
            node.attribute.append(helper.make_attribute("locale", "C.UTF-8"))
    return model, rows, onnx.SerializeToString()


def _open_sard(onnx: bytes):
    """sard's session; what it does not offer yet is skipped with its own words, anything else is a failure."""
    try:
        return open_session(load_engine("sard"), onnx)
    except Exception as e:
        if is_unsupported("sard", e):
            pytest.skip(f"unsupported: {e}")
        raise


def _feed(session, rows: Any) -> dict[str, Any]:
    first = session.get_inputs()[0]
    return {first.name: rows.astype(object) if rows.dtype.kind in "UO" else rows}


def _numbers(x: Any) -> np.ndarray:
    """A dense array, one row per row, whatever a model or engine gave."""
    if hasattr(x, "toarray"):
        x = x.toarray()
    if isinstance(x, list) and x and isinstance(x[0], dict):
        x = [[row[key] for key in sorted(row)] for row in x]
    x = np.asarray(x)
    return x.reshape(len(x), -1)


def _assert_close(got: Any, want: Any, tolerance: float, what: str) -> None:
    got, want = _numbers(got), _numbers(want)
    if want.dtype.kind in "OUSTib":
        np.testing.assert_array_equal(got, want, err_msg=what)
        return
    assert got.shape == want.shape, what
    scale = max(1.0, float(np.nanmax(np.abs(want))))
    np.testing.assert_allclose(got.astype(np.float64), want, rtol=tolerance, atol=tolerance * scale, err_msg=what)


@pytest.mark.parametrize("name", list(ALL))
def test_model(name: str) -> None:
    zoo = ALL[name]
    model, rows, onnx = _train(zoo)
    peer = open_session(load_engine("onnxruntime"), onnx)
    theirs = peer.run(None, _feed(peer, rows))
    session = _open_sard(onnx)
    ours = session.run(None, _feed(session, rows))
    assert len(ours) == len(theirs)
    for output, a, b in zip(session.get_outputs(), ours, theirs):
        assert np.asarray(a).dtype == np.asarray(b).dtype, output.name
        _assert_close(a, b, 1e-4, f"{output.name}, beside onnxruntime")
    for method, answer in zip(zoo.methods, ours):
        _assert_close(answer, getattr(model, method)(rows), 1e-3, f"{method}, beside scikit-learn")


@pytest.mark.parametrize("labels", ["iris", "iris_names"])
def test_zip_map(labels: str) -> None:
    """By default skl2onnx ends a classifier in ZipMap: a sequence of maps, from labels of either kind."""
    model, rows, onnx = _train(Zoo(lambda: linear_model.LogisticRegression(max_iter=500), labels))
    session = _open_sard(onnx)
    label, chances = session.run(None, _feed(session, rows))
    assert list(chances[0]) == list(model.classes_)
    assert all(isinstance(value, float) for value in chances[0].values())
    assert label.tolist() == model.predict(rows).tolist()
    _assert_close(chances, model.predict_proba(rows), 1e-5, "chances")


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_batches(rows: int) -> None:
    """Any number of rows, none included."""
    _, x, onnx = _train(TREES["boosting"])
    session = _open_sard(onnx)
    label, chances = session.run(None, _feed(session, x[:rows]))
    assert label.shape == (rows,) and chances.shape == (rows, 3)
