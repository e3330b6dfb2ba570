import contextlib
import copy
import io
import pickle
import re
import subprocess
import sys
import warnings

import joblib
import keras
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import scipy.stats
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, clone, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    StratifiedKFold,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from conftest import FAST, RecordKernel
from skviann import (
    DeepFeatureSelectionClassifier,
    DropoutRankingClassifier,
    VIANNClassifier,
    VIANNRegressor,
    VIANNSelector,
)
from skviann.wrappers import KerasClassifier, KerasRegressor

SMALL = "random_normal"
NETWORK = VIANNClassifier(**FAST, random_state=0)


def build(meta):
    classifies = meta["target_type_"] == "binary"
    model = keras.Sequential(
        [
            keras.Input((meta["n_features_in_"],)),
            keras.layers.Dense(8, "relu", name="first", kernel_initializer=SMALL),
            keras.layers.Dense(1, "sigmoid" if classifies else "linear"),
        ]
    )
    loss = "binary_crossentropy" if classifies else "mse"
    model.compile(keras.optimizers.Adam(0.02), loss)
    return model


def build_for_keras(X, y):
    classifies = y.shape[1] == 2  # one-hot classes, or a column of numbers
    model = keras.Sequential(
        [
            keras.Input((X.shape[1],)),
            keras.layers.Dense(8, "relu", name="first", kernel_initializer=SMALL),
            keras.layers.Dense(y.shape[1], "softmax" if classifies else "linear"),
        ]
    )
    loss = "categorical_crossentropy" if classifies else "mse"
    model.compile(keras.optimizers.Adam(0.02), loss)
    return model


def keras_wrapper(kind=keras.wrappers.SKLearnClassifier):
    return kind(
        build_for_keras, fit_kwargs={"epochs": 6, "batch_size": 8, "verbose": 0}
    )


def scikeras_wrapper(kind=KerasClassifier, **params):
    return kind(build, epochs=6, batch_size=8, verbose=0, **params)


def of_one_training(estimator, **params):
    """Rank with a single training of a network of one's own, as it is."""
    return VIANNSelector(estimator, threshold="mean", random_state=0, **params)


@pytest.fixture(scope="module")
def fitted(classes):
    selector = VIANNSelector(NETWORK, threshold="mean", n_repeats=2, random_state=0)
    return selector.fit(*classes)


# What is learned


def test_the_columns_that_matter_are_selected(fitted, classes):
    X, _ = classes
    assert_array_equal(fitted.get_support(indices=True), [0, 1])
    assert_array_equal(fitted.transform(X), X[:, :2])
    assert fitted.n_features_in_ == 6


def test_learned_attributes(fitted):
    assert fitted.importances_.shape == (8, 6)  # one member in each of 2 times 4 folds
    assert_allclose(fitted.importances_.sum(axis=1), 1)
    assert_allclose(fitted.feature_importances_, fitted.importances_.mean(axis=0))
    assert_allclose(fitted.importances_std_, fitted.importances_.std(axis=0))
    assert fitted.importances_std_.max() > 0
    assert_allclose(fitted.feature_importances_.sum(), 1)
    assert fitted.threshold_ == pytest.approx(1 / 6)
    ranks = fitted.summary()["rank"]
    assert_array_equal(ranks, [1, 2, 3, 4, 5, 6])
    assert_allclose(
        fitted.summary()["importance"], sorted(fitted.feature_importances_)[::-1]
    )
    assert_allclose(fitted.estimator_.importances_, fitted.importances_)
    assert fitted.n_features_ == 2


def test_without_random_state_the_estimators_own_counts(classes):
    importances = [
        VIANNSelector(network, random_state=random_state).fit(*classes).importances_
        for network, random_state in [
            (NETWORK, None),
            (NETWORK, None),
            (clone(NETWORK).set_params(random_state=1), 0),
            (clone(NETWORK).set_params(random_state=1), None),
        ]
    ]
    assert_array_equal(importances[0], importances[1])
    assert_array_equal(importances[0], importances[2])
    assert (importances[0] != importances[3]).all()


def test_networks_have_not_seen_their_fold(classes):
    # Without the rows of the only fold, the second half, column 5 is what matters.
    X, y = classes
    y = np.r_[(X[:60, 5] > 0), (X[60:, 0] > 0)].astype(int)
    halves = [(np.arange(60), np.arange(60, 120))]
    selector = VIANNSelector(NETWORK, cv=halves, threshold="mean").fit(X, y)
    assert selector.feature_importances_.argmax() == 5
    selector = VIANNSelector(NETWORK, cv=[halves[0][::-1]], threshold="mean").fit(X, y)
    assert selector.feature_importances_.argmax() == 0


def test_a_fold_of_all_rows_is_a_fit_of_the_estimator(classes):
    X, y = classes
    rows = np.arange(len(X))
    selector = VIANNSelector(NETWORK, cv=[(rows, rows)], threshold="mean").fit(X, y)
    assert selector.importances_.shape == (2, 6)
    proba = selector.estimator_.predict_proba(X)
    assert selector.estimator_.score(X, y) > 0.9
    assert_allclose(proba.sum(axis=1), 1)


def test_a_single_training_is_the_wrappers_own_fit(classes):
    wrapper = scikeras_wrapper()
    selector = of_one_training(wrapper).fit(*classes)
    seed = int(np.random.RandomState(0).randint(1, 2**31 - 1))
    by_hand = clone(wrapper).set_params(random_state=seed).fit(*classes)
    assert_allclose(
        selector.estimator_.predict_proba(classes[0]),
        by_hand.predict_proba(classes[0]),
        atol=1e-6,
    )


# Thresholds are SelectFromModel's


@pytest.mark.parametrize(
    ("threshold", "max_features"),
    [
        (None, None),
        ("mean", None),
        ("median", None),
        ("1.25*mean", None),
        ("0.5*median", None),
        (0.1, None),
        (-np.inf, 3),
        (None, 1),
        (-np.inf, 0),
        (-np.inf, lambda X: X.shape[1] // 2),
    ],
)
def test_threshold_and_max_features_mean_what_they_do_in_select_from_model(
    threshold, max_features, fitted, classes
):
    X, _ = classes
    reference = SelectFromModel(
        fitted.estimator_,
        threshold=threshold,
        max_features=max_features,
        prefit=True,
        importance_getter=lambda estimator: fitted.feature_importances_,
    ).fit(X)
    selector = copy.copy(fitted).set_params(
        threshold=threshold, max_features=max_features
    )
    if max_features is not None:
        selector.max_features_ = reference.max_features_
    assert selector.threshold_ == reference.threshold_
    assert_array_equal(selector.get_support(), reference.get_support())


@pytest.mark.parametrize("max_features", [2, lambda X: X.shape[1] // 3])
def test_max_features_counts_in_fit(max_features, classes):
    selector = VIANNSelector(NETWORK, threshold=-np.inf, max_features=max_features)
    assert selector.fit(*classes).max_features_ == 2
    assert selector.get_support().sum() == 2
    selector.set_params(max_features=None).fit(*classes)
    assert not hasattr(selector, "max_features_")
    assert selector.get_support().sum() == 6


# Estimators


@pytest.mark.parametrize(
    "estimator",
    [
        NETWORK,
        scikeras_wrapper(),
        scikeras_wrapper(KerasRegressor),
        keras_wrapper(),
        keras_wrapper(keras.wrappers.SKLearnRegressor),
        VIANNRegressor(**FAST),
    ],
    ids=lambda estimator: type(estimator).__module__ + type(estimator).__name__,
)
def test_every_accepted_estimator_finds_the_columns(estimator, classes, quantity):
    X, y = classes
    if is_regressor(estimator):
        X, y = quantity[0], StandardScaler().fit_transform(quantity[1][:, None])[:, 0]
    selector = VIANNSelector(estimator, threshold="mean", random_state=0).fit(X, y)
    assert selector.feature_importances_.argmax() in (0, 1)
    assert selector.feature_importances_[:2].sum() > 0.5  # of six columns
    assert type(selector.estimator_) is type(estimator)
    assert selector.estimator_ is not estimator
    assert selector.estimator_.predict(X).shape[0] == len(X)


def test_the_wrappers_own_callbacks_run(classes):
    record = RecordKernel("first")
    wrapper = scikeras_wrapper(callbacks=[record])
    selector = of_one_training(wrapper).fit(*classes)
    (trained,) = selector.estimator_.callbacks
    assert len(trained.epochs) == 6
    assert len(record.epochs) == 6  # a single training has the user's own
    assert trained is not record


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        make_pipeline(StandardScaler(), NETWORK),
        "mlp",
    ],
)
def test_other_estimators_are_refused(estimator, classes):
    selector = VIANNSelector(estimator)
    with pytest.raises(TypeError, match="estimator must be None, a VIANNClassifier or"):
        selector.fit(*classes)
    assert vars(selector) == vars(VIANNSelector(estimator))


def test_a_class_in_place_of_an_estimator(classes):
    with pytest.raises(TypeError, match=r"got the class VIANNClassifier. Write VIANN"):
        VIANNSelector(VIANNClassifier).fit(*classes)


TARGETS = {
    "integers": (lambda y: y, VIANNClassifier),
    "unsigned": (lambda y: y.astype(np.uint8), VIANNClassifier),
    "booleans": (lambda y: y == 1, VIANNClassifier),
    "strings": (lambda y: np.array(["no", "yes"])[y], VIANNClassifier),
    "objects": (lambda y: np.array(["no", "yes"], dtype=object)[y], VIANNClassifier),
    "list": (lambda y: y.tolist(), VIANNClassifier),
    "pandas strings": (lambda y: pd.Series(["no", "yes"])[y], VIANNClassifier),
    "pandas categories": (
        lambda y: pd.Series(np.arange(len(y)) % 40).astype("category"),
        VIANNClassifier,
    ),
    "pandas nullable": (lambda y: pd.Series(y).astype("Int64"), VIANNClassifier),
    "polars": (lambda y: pl.Series(y), VIANNClassifier),
    "polars categories": (
        lambda y: pl.Series(np.array(["no", "yes"])[y].tolist(), dtype=pl.Categorical),
        VIANNClassifier,
    ),
    "floats": (lambda y: y + 0.5, VIANNRegressor),
    "whole floats": (lambda y: np.where(y == 1, 151.0, 75.0), VIANNRegressor),
    "objects that are floats": (lambda y: (y + 0.5).astype(object), VIANNRegressor),
    "objects that are integers": (lambda y: y.astype(object), VIANNClassifier),
    "float32": (lambda y: y.astype(np.float32), VIANNRegressor),
    "several outputs": (lambda y: np.column_stack([y, -y]) * 1.5, VIANNRegressor),
}


@pytest.fixture
def quick_default(monkeypatch):
    """The default networks, trained for two epochs."""
    for network in (VIANNClassifier, VIANNRegressor):
        defaults = {**network.__init__.__kwdefaults__, "epochs": 2}
        monkeypatch.setattr(network.__init__, "__kwdefaults__", defaults)


@pytest.mark.parametrize("kind", TARGETS)
def test_the_default_network_follows_the_kind_of_target(kind, classes, quick_default):
    X, y = classes
    convert, expected = TARGETS[kind]
    assert type(VIANNSelector().fit(X, convert(y)).estimator_) is expected


@pytest.mark.parametrize(("n_rows", "n_values"), [(120, 21), (120, 120), (2000, 250)])
def test_integers_that_read_as_a_quantity(n_rows, n_values):
    X = np.zeros((n_rows, 2))
    y = np.arange(n_rows) % n_values
    with pytest.raises(
        ValueError,
        match=rf"{n_values} different integers.*VIANNRegressor.*VIANNClassifier",
    ):
        VIANNSelector().fit(X, y)


@pytest.mark.parametrize(("n_rows", "n_values"), [(20, 20), (500, 50)])
def test_integers_that_read_as_labels(n_rows, n_values, quick_default):
    X = np.random.default_rng(0).normal(size=(n_rows, 2))
    selector = VIANNSelector().fit(X, np.arange(n_rows) % n_values)
    assert len(selector.estimator_.classes_) == n_values


# In scikit-learn's tools


def test_grid_search_over_a_pipeline(classes):
    pipeline = make_pipeline(
        VIANNSelector(clone(NETWORK).set_params(epochs=3), n_repeats=1, random_state=0),
        LogisticRegression(),
    )
    grid = [
        {"viannselector__threshold": ["mean"]},
        {"viannselector__max_features": [1]},
        {"viannselector__estimator__hidden_layer_sizes": [(4,)]},
    ]
    results = [
        GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs, scoring="roc_auc")
        .fit(*classes)
        .cv_results_["mean_test_score"]
        for n_jobs in (1, 2)
    ]
    assert np.isfinite(results[0]).all()
    assert len(set(results[0])) > 1
    assert_array_equal(results[0], results[1])


def test_folds_of_a_network_are_stratified(classes):
    X, y = classes
    order = np.argsort(y, kind="stable")
    search = GridSearchCV(
        make_pipeline(VIANNSelector(NETWORK), clone(NETWORK)),
        {"viannselector__max_features": [2]},
        cv=2,
        scoring="roc_auc",
    )
    scores = search.fit(X[order], y[order]).cv_results_
    by_hand = GridSearchCV(
        search.estimator, search.param_grid, cv=StratifiedKFold(2), scoring="roc_auc"
    ).fit(X[order], y[order])
    assert_array_equal(
        scores["split0_test_score"], by_hand.cv_results_["split0_test_score"]
    )


def test_pipeline_with_memory_fits_once(classes, tmp_path, capfd):
    def pipeline(C):
        return make_pipeline(
            VIANNSelector(NETWORK, random_state=0, verbose=2),
            LogisticRegression(C=C),
            memory=str(tmp_path),
        )

    first = pipeline(1.0).fit(*classes)
    second = pipeline(0.1).fit(*classes)
    assert capfd.readouterr().out.count("[VIANNSelector] round") == 1
    assert_array_equal(first[0].get_support(), second[0].get_support())
    assert first.score(*classes) > 0.9


def test_clone_keeps_fit_kwargs_of_keras_wrappers(classes):
    pipeline = make_pipeline(of_one_training(keras_wrapper()), LogisticRegression())
    copied = clone(pipeline)
    wrapper = copied[0].estimator
    assert wrapper.fit_kwargs == pipeline[0].estimator.fit_kwargs
    assert wrapper.fit_kwargs is not pipeline[0].estimator.fit_kwargs
    copied.fit(*classes)
    assert len(copied[0].estimator_.history_.epoch) == 6


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_frames_in_and_out(container, classes, fitted):
    X, y = classes
    names = [f"column {letter}" for letter in "abcdef"]
    make = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[container]
    frame = make(dict(zip(names, X.T, strict=True)))
    selector = clone(fitted).set_output(transform=container).fit(frame, y)
    assert_array_equal(selector.feature_names_in_, names)
    assert_array_equal(selector.get_feature_names_out(), names[:2])
    assert_array_equal(selector.feature_importances_, fitted.feature_importances_)
    selected = selector.transform(frame)
    assert isinstance(selected, make)
    assert list(selected.columns) == names[:2]


def test_inverse_transform(fitted, classes):
    X, _ = classes
    restored = fitted.inverse_transform(fitted.transform(X))
    assert_array_equal(restored[:, :2], X[:, :2])
    assert_array_equal(restored[:, 2:], 0)


def test_get_feature_names_out_without_names(fitted):
    assert_array_equal(fitted.get_feature_names_out(), ["x0", "x1"])


@pytest.mark.parametrize("estimator", [NETWORK, scikeras_wrapper(), keras_wrapper()])
def test_sample_weight_reaches_the_network(estimator, classes):
    # Rows of the second half tell of column 5; without weight they do not count.
    X, y = classes
    both_X = np.vstack([X, X])
    both_y = np.r_[y, (X[:, 5] > 0).astype(int)]
    weights = np.r_[np.zeros(len(y)), np.ones(len(y))]
    selector = VIANNSelector(estimator, threshold="mean", random_state=0)
    selector.fit(both_X, both_y, sample_weight=weights)
    assert selector.feature_importances_.argmax() == 5


def test_metadata_routing(classes):
    X, y = classes
    weights = (np.arange(len(y)) % 2).astype(float)
    network = clone(NETWORK)
    expected = VIANNSelector(network).fit(X, y, sample_weight=weights)
    with sklearn.config_context(enable_metadata_routing=True):
        requesting = clone(network).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(VIANNSelector(requesting), LogisticRegression())
        pipeline[1].set_fit_request(sample_weight=False)
        pipeline.fit(X, y, sample_weight=weights)
        assert_array_equal(
            pipeline[0].feature_importances_, expected.feature_importances_
        )
        with pytest.raises(ValueError, match="sample_weight.*not explicitly set"):
            VIANNSelector(network).fit(X, y, sample_weight=weights)
        routing = VIANNSelector().get_metadata_routing()
        assert routing.consumes("fit", ["sample_weight"]) == {"sample_weight"}


def test_there_is_no_partial_fit():
    assert not hasattr(VIANNSelector(scikeras_wrapper()), "partial_fit")


# Kinds of data


def test_sparse_input_of_a_scikeras_network(classes):
    X, y = classes
    X = np.where(np.abs(X) < 0.5, 0, X)
    wrapper = scikeras_wrapper(random_state=0, shuffle=False)
    dense = of_one_training(wrapper).fit(X, y)
    for kind in (scipy.sparse.csr_matrix, scipy.sparse.csc_array):
        sparse = of_one_training(wrapper).fit(kind(X), y)
        assert_allclose(
            sparse.feature_importances_, dense.feature_importances_, rtol=1e-3
        )
        assert_allclose(sparse.transform(kind(X)).toarray(), dense.transform(X))


CONVERSIONS = {
    "float32": lambda X: X.astype(np.float32),
    "float16": lambda X: X.astype(np.float16),
    "integers": lambda X: np.round(4 * X).astype(int),
    "booleans": lambda X: X > 0,
    "Fortran order": np.asfortranarray,
    "not contiguous": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "list": lambda X: X.tolist(),
    "objects": lambda X: X.astype(object),
}


@pytest.mark.parametrize("estimator", [NETWORK, scikeras_wrapper(random_state=0)])
@pytest.mark.parametrize("kind", CONVERSIONS)
def test_kinds_of_numbers(kind, estimator, classes):
    X, y = classes
    converted = CONVERSIONS[kind](X)
    before = copy.deepcopy(converted)
    selector = VIANNSelector(estimator, threshold="mean").fit(converted, y)
    assert_array_equal(selector.get_support(indices=True), [0, 1])
    assert_array_equal(converted, before)
    as_float = clone(selector).fit(np.asarray(converted, dtype=float), y)
    assert_allclose(
        selector.feature_importances_, as_float.feature_importances_, rtol=1e-2
    )


def test_read_only_and_memory_mapped_arrays(classes, fitted, tmp_path):
    X, y = classes
    for name, array in (("X", X), ("y", y)):
        np.save(tmp_path / f"{name}.npy", array)
    mapped = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("X", "y")]
    selector = clone(fitted).fit(*mapped)
    assert_array_equal(selector.feature_importances_, fitted.feature_importances_)


EDGES = {
    "one feature": lambda X, y: (X[:, :1], y),
    "one row a class": lambda X, y: (X[:4], ["a", "b", "c", "d"]),
    "fewer rows than a batch": lambda X, y: (X[:5], [0, 1, 0, 1, 0]),
    "constant columns": lambda X, y: (np.where([1, 1, 1, 0, 0, 0], X, 7.3e6), y),
    "all zeros": lambda X, y: (0 * X, y),
    "duplicated columns": lambda X, y: (np.hstack([X, X]), y),
}


@pytest.mark.parametrize("estimator", [NETWORK, scikeras_wrapper()])
@pytest.mark.parametrize("edge", EDGES)
def test_edges(edge, estimator, classes):
    if edge == "one row a class" and estimator is not NETWORK:
        pytest.skip("the network in this test is for two classes")
    X, y = EDGES[edge](*classes)
    selector = VIANNSelector(estimator, threshold="mean", random_state=0).fit(X, y)
    importances = selector.feature_importances_
    assert np.isfinite(importances).all()
    assert (importances >= 0).all()
    if edge == "all zeros":
        assert_array_equal(importances, 0)
        return
    assert_allclose(importances.sum(), 1)
    if edge == "constant columns" and estimator is NETWORK:
        assert_array_equal(importances[3:], 0)
    if edge == "duplicated columns":
        assert set(selector.summary()["feature"][:4]) == {"x0", "x1", "x6", "x7"}


# Copies


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]
)
@pytest.mark.parametrize("estimator", [NETWORK, scikeras_wrapper(), keras_wrapper()])
def test_copies_select_the_same(estimator, copied, classes):
    if hasattr(estimator, "callbacks"):
        stop = keras.callbacks.EarlyStopping("loss", patience=2)
        estimator = clone(estimator).set_params(callbacks=[stop])
    selector = VIANNSelector(estimator, threshold="mean", random_state=0)
    selector.fit(*classes)
    twin = copied(selector)
    assert_array_equal(twin.feature_importances_, selector.feature_importances_)
    assert_array_equal(twin.transform(classes[0]), selector.transform(classes[0]))
    assert_array_equal(
        twin.estimator_.predict(classes[0]), selector.estimator_.predict(classes[0])
    )
    unfitted = copied(VIANNSelector(NETWORK, threshold="median"))
    assert unfitted.threshold == "median"
    assert not hasattr(clone(twin), "feature_importances_")


def test_a_saved_pipeline_predicts_the_same_in_a_fresh_process(classes, tmp_path):
    X, y = classes
    pipeline = make_pipeline(VIANNSelector(NETWORK), clone(NETWORK)).fit(X, y)
    joblib.dump(pipeline, tmp_path / "pipeline.joblib")
    np.save(tmp_path / "X.npy", X)
    code = """
import joblib, numpy as np
pipeline = joblib.load("pipeline.joblib")
np.save("proba.npy", pipeline.predict_proba(np.load("X.npy")))
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    assert_array_equal(np.load(tmp_path / "proba.npy"), pipeline.predict_proba(X))


# Warnings and errors


def scale_warnings(selector, X, y):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        selector.fit(X, y)
    caught = [one for one in caught if "StandardScaler" in str(one.message)]
    assert {one.filename for one in caught} <= {__file__}  # the line that calls fit
    return [str(one.message) for one in caught]


def test_columns_of_different_scale_are_warned_about_once(classes):
    X, y = classes
    scaled = X * [1, 1, 1, 1, 1, 150]
    (message,) = scale_warnings(
        of_one_training(scikeras_wrapper(), n_repeats=2), scaled, y
    )
    deviations = scaled.std(axis=0)
    assert f"from {deviations.min():.3g} to {deviations.max():.3g}" in message
    assert len(scale_warnings(of_one_training(keras_wrapper()), scaled, y)) == 1


def test_no_warning_about_scale_without_need(classes):
    X, y = classes
    scaled = X * [1, 1, 1, 1, 1, 150]
    assert (
        scale_warnings(of_one_training(scikeras_wrapper()), X * [1, 1, 1, 1, 1, 50], y)
        == []
    )
    assert scale_warnings(VIANNSelector(NETWORK), scaled, y) == []
    with_constant = np.where([1, 1, 1, 1, 1, 0], X, 3.0)
    assert scale_warnings(of_one_training(scikeras_wrapper()), with_constant, y) == []

    def build_scaling():
        model = keras.Sequential(
            [
                keras.Input((6,)),
                keras.layers.BatchNormalization(),
                keras.layers.Dense(1),
            ]
        )
        model.compile("adam", "mse")
        return model

    wrapper = KerasRegressor(build_scaling, epochs=2, verbose=0)
    assert scale_warnings(of_one_training(wrapper), scaled, y) == []


X = np.random.default_rng(0).normal(size=(30, 4))
Y = np.arange(30) % 2
NAN, INFINITE, STRINGS = X.copy(), X.copy(), X.astype(object)
NAN[0, 0], INFINITE[0, 0], STRINGS[0, 0] = np.nan, np.inf, "red"

BAD_FITS = {
    "infinity": ({}, (INFINITE, Y), "Input X contains infinity"),
    "strings": ({}, (STRINGS, Y), "Column 0 holds numbers .* mixed with text .*'red'"),
    "one class": ({}, (X, np.ones(30, dtype=int)), "one class only"),
    "lengths": ({}, (X, Y[:-1]), "inconsistent numbers of samples"),
    "weights' length": ({}, (X, Y), "sample_weight.*shape"),
    "no rows": ({}, (X[:0], Y[:0]), "0 sample"),
    "no columns": ({}, (X[:, :0], Y), r"0 feature\(s\)"),
    "no y": ({}, (X, None), "requires y to be passed"),
    "3-D": ({}, (X[:, :, None], Y), "dim 3"),
    "NaN in y": ({}, (X, np.where(Y, np.nan, 1.0)), "Input y contains NaN"),
    "threshold": ({"threshold": "middle"}, (X, Y), "threshold must.*'middle'"),
    "factor": ({"threshold": "two*mean"}, (X, Y), r"threshold must.*'two\*mean'"),
    "threshold's type": ({"threshold": [1]}, (X, Y), "'threshold' parameter"),
    "max_features": ({"max_features": -1}, (X, Y), "'max_features' parameter.*Got -1"),
    "callable": ({"max_features": lambda X: -1}, (X, Y), "max_features == -1"),
    "n_repeats": ({"n_repeats": 0}, (X, Y), "'n_repeats' parameter.*Got 0"),
    "step": ({"step": 0}, (X, Y), "'step' parameter.*Got 0"),
    "step's share": ({"step": 1.5}, (X, Y), "'step' parameter.*Got 1.5"),
    "n_jobs": ({"n_jobs": "all"}, (X, Y), "'n_jobs' parameter"),
    "random_state": ({"random_state": "a"}, (X, Y), "'random_state' parameter"),
    "epochs": ({"estimator": VIANNClassifier(epochs=1)}, (X, Y), "'epochs' parameter"),
    "epochs of scikeras": (
        {"estimator": KerasClassifier(build, epochs=1, verbose=0)},
        (X, Y),
        "at least 2 updates",
    ),
    "first layer": (
        {"estimator": scikeras_wrapper()},
        (np.hstack([X, X]), Y),
        "incompatible|inputs of shape",
    ),
}


@pytest.mark.parametrize("case", BAD_FITS)
def test_bad_input_fails_before_training(case, capfd):
    params, data, message = BAD_FITS[case]
    estimator = params.get("estimator")
    if estimator is None:
        estimator = VIANNClassifier()
    if case == "first layer":
        estimator = KerasClassifier(
            lambda: build({"n_features_in_": 4, "target_type_": "binary"}), epochs=3
        )
    fit_params = {"sample_weight": np.ones(3)} if case == "weights' length" else {}
    selector = VIANNSelector(**{**params, "estimator": estimator, "verbose": 2})
    unfitted = dict(vars(selector))
    with pytest.raises((ValueError, TypeError), match=message):
        selector.fit(*data, **fit_params)
    assert vars(selector) == unfitted
    assert "round of" not in capfd.readouterr().out


def test_unfitted_and_wrong_width(fitted):
    with pytest.raises(NotFittedError):
        VIANNSelector().transform(X)
    with pytest.raises(NotFittedError):
        VIANNSelector().get_support()
    with pytest.raises(
        ValueError, match="X has 4 features, but VIANNSelector is expecting 6"
    ):
        fitted.transform(X)


def test_a_failed_fit_keeps_what_was_learned_before(fitted):
    selector = copy.deepcopy(fitted)
    with pytest.raises(ValueError, match="contains infinity"):
        selector.fit(INFINITE, Y)
    assert selector.n_features_in_ == 6
    assert_array_equal(selector.feature_importances_, fitted.feature_importances_)


class Interrupts(io.StringIO):
    """Where lines are printed, as Ctrl-C comes."""

    def write(self, text):
        raise KeyboardInterrupt


def test_interrupted_fit_can_be_repeated(classes, fitted):
    selector = clone(fitted).set_params(verbose=2)
    with contextlib.redirect_stdout(Interrupts()), pytest.raises(KeyboardInterrupt):
        selector.fit(*classes)
    assert not hasattr(selector, "feature_importances_")
    selector.fit(*classes)
    assert_array_equal(selector.importances_, fitted.importances_)


def test_nothing_of_the_callers_changes(classes):
    X, y = (array.copy() for array in classes)
    weights = np.ones(len(y))
    network = clone(NETWORK)
    selector = VIANNSelector(network, random_state=0)
    selector.fit(X, y, sample_weight=weights)
    assert_array_equal(X, classes[0])
    assert_array_equal(y, classes[1])
    assert_array_equal(weights, 1)
    assert selector.estimator is network
    assert vars(network) == vars(clone(NETWORK))


# Elimination


@pytest.fixture(scope="module")
def wide():
    """Of 80 columns, two make the class together, and one alone a little."""
    X = np.random.default_rng(0).normal(size=(400, 80)).astype(np.float32)
    return X, (X[:, 7] * X[:, 60] + 0.5 * X[:, 30] > 0).astype(int)


@pytest.fixture(scope="module")
def cut(wide):
    return VIANNSelector(random_state=0).fit(*wide)


def test_elimination_finds_an_interaction(cut):
    assert set(cut.feature_importances_.argsort()[-3:]) == {7, 30, 60}


def test_importances_and_ranking_agree(cut):
    importances, ranking = cut.feature_importances_, cut.ranking_
    assert sorted(ranking) == [1, 1, 1, *range(2, 79)]
    assert_array_equal(ranking == 1, cut.support_)
    # Of those that are kept, a second look decides the order.
    n_kept = cut.n_features_
    assert set(np.argsort(ranking)[:n_kept]) == set(np.argsort(-importances)[:n_kept])
    in_order = importances[np.argsort(ranking)][n_kept:]
    assert_array_equal(in_order, -np.sort(-in_order))
    assert_allclose(importances.sum(), 1)
    assert cut.importances_.shape == (24, 80)
    assert_allclose(cut.importances_.mean(axis=0), importances)
    assert cut.estimator_.n_features_in_ == 80


@pytest.mark.parametrize(
    ("step", "counts"), [(0.5, [80, 40, 20, 16]), (40, [80, 40, 16])]
)
def test_verbose_shows_the_rounds(step, counts, wide, capsys):
    network = VIANNClassifier(**FAST, random_state=0)
    VIANNSelector(network, step=step, threshold="mean", verbose=2).fit(*wide)
    printed = capsys.readouterr()
    lines = re.findall(r"\[VIANNSelector\] (.*)", printed.out + printed.err)
    assert [line.strip() for line in lines] == [
        f"round of {count} columns" for count in counts
    ]


def test_without_verbose_nothing_is_printed(classes, capsys):
    VIANNSelector(NETWORK).fit(*classes)
    assert capsys.readouterr() == ("", "")


def test_rounds_see_only_the_features_that_are_left(wide):
    selector = VIANNSelector(NETWORK, step=0.5, threshold="mean").fit(*wide)
    n_rounds = 4 * selector.summary()["rounds"]  # of all folds
    assert_allclose(n_rounds.sum(), 4 * (80 + 40 + 20 + 16))
    assert_array_equal(n_rounds, np.round(n_rounds))
    assert n_rounds.min() == 4
    assert (n_rounds == 16).sum() < 16  # each fold drops its own


def test_unseeded_fits_differ(classes):
    network = clone(NETWORK).set_params(random_state=None)
    one, other = (
        VIANNSelector(network, threshold="mean").fit(*classes) for _ in range(2)
    )
    assert (one.importances_ != other.importances_).any()


def test_no_elimination_of_few_features_or_in_networks_of_ones_own(classes, wide):
    few = VIANNSelector(NETWORK, threshold="mean").fit(*classes)
    assert_array_equal(few.summary()["rounds"], 1)
    own = of_one_training(scikeras_wrapper()).fit(*wide)
    assert_array_equal(own.summary()["rounds"], 1)
    assert clone(own).set_params(step=64).fit(*wide).summary()["rounds"].max() == 2


def test_elimination_on_sparse_input(wide):
    X, y = wide
    X = np.where(np.abs(X) < 0.5, 0, X)
    wrapper = scikeras_wrapper(random_state=0, shuffle=False)
    dense = of_one_training(wrapper, step=64).fit(X, y)
    sparse = of_one_training(wrapper, step=64).fit(scipy.sparse.csr_array(X), y)
    # Products of columns are looked at in dense tables only, so rounds may differ.
    assert_allclose(sparse.importances_.sum(), 1)
    n_rounds = [np.sort(one.summary()["rounds"]) for one in (sparse, dense)]
    assert_array_equal(*n_rounds)
    assert {7, 30, 60} & set(sparse.feature_importances_.argsort()[-3:])


@pytest.mark.parametrize(
    "network",
    [DropoutRankingClassifier(n_members=2), DeepFeatureSelectionClassifier()],
)
def test_learned_networks_are_ready_made_too(network, classes):
    selector = VIANNSelector(network, random_state=0).fit(*classes)
    assert set(selector.summary()["feature"][:2]) == {"x0", "x1"}
    assert "mean_test_score" in selector.cv_results_


# The cut


def test_the_columns_that_help_are_kept(cut):
    assert_array_equal(cut.get_support(indices=True), [7, 30, 60])
    assert cut.n_features_ == 3
    assert cut.threshold_ == cut.feature_importances_[[7, 30, 60]].min()


def test_cv_results_are_laid_out_as_in_rfecv(cut, wide):
    results = cut.cv_results_
    folds = [f"split{number}_test_score" for number in range(12)]
    assert set(results) == {
        "n_features",
        "mean_test_score",
        "std_test_score",
        "std_error",
        *folds,
    }
    scores = np.array([results[fold] for fold in folds])
    assert_allclose(results["std_test_score"], scores.std(axis=0))
    # Folds of 100 rows each: the mean over rows is the mean over folds.
    assert_allclose(results["mean_test_score"], scores.mean(axis=0))
    assert_array_equal(results["n_features"][:9], np.arange(9))
    assert results["std_error"][results["mean_test_score"].argmax()] == 0
    # Without any column, the base rate of three quarters of the rows, stratified.
    share = wide[1].mean()
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert_allclose(-results["mean_test_score"][0], entropy, atol=1e-3)


@pytest.mark.parametrize("threshold", ["auto", "fdr", "fwer"])
def test_nothing_is_kept_where_nothing_matters(threshold, wide):
    X, y = wide
    selector = VIANNSelector(threshold=threshold, random_state=1)
    with pytest.warns(UserWarning, match="(?i)no column.*min_features_to_select"):
        selector.fit(X[:, :20], np.random.default_rng(1).permutation(y))
    assert selector.n_features_ == 0
    with pytest.warns(UserWarning, match="No features were selected"):
        assert selector.transform(X[:, :20]).shape == (400, 0)
    selector.set_params(min_features_to_select=1)
    first = selector.summary()["feature"][0]
    assert_array_equal(selector.get_feature_names_out(), [first])


@pytest.mark.parametrize(
    ("n_rows", "n_positive", "params", "n_folds"),
    [
        (999, 450, {}, 12),
        (1000, 450, {}, 4),
        (1000, 99, {}, 12),
        (999, 450, {"n_repeats": 1}, 4),
        (999, 450, {"cv": KFold(3)}, 3),
    ],
)
def test_few_rows_are_split_three_times(n_rows, n_positive, params, n_folds):
    X = np.random.default_rng(0).normal(size=(n_rows, 3))
    y = np.arange(n_rows) < n_positive
    X[:, 0] += 2 * y
    network = VIANNClassifier(epochs=2)
    selector = VIANNSelector(network, random_state=0, **params).fit(X, y)
    splits = [name for name in selector.cv_results_ if name.startswith("split")]
    assert len(splits) == n_folds


def test_rows_of_a_chunk_are_split_once():
    X = np.random.default_rng(0).normal(size=(50, 3))
    network = VIANNClassifier(epochs=2)
    selector = VIANNSelector(network, min_features_to_select=1, random_state=0)
    selector.partial_fit(X, X[:, 0] > 0)
    assert selector.importances_.shape == (8, 3)


def test_selection_frequencies_are_shares_of_folds(cut, wide):
    frequencies = cut.selection_frequency_
    # Each of twelve folds chooses as many columns as are kept.
    assert_allclose(frequencies.sum(), cut.n_features_, rtol=1e-5)
    assert_allclose(12 * frequencies, np.round(12 * frequencies), atol=1e-4)
    assert_array_equal(frequencies[cut.get_support()], 1)
    table = cut.summary()
    of_features = dict(zip(table["feature"], table["frequency"], strict=True))
    assert of_features["x3"] == frequencies[3]
    tested = VIANNSelector(threshold="mean", random_state=0).fit(*wide)
    assert not hasattr(tested, "selection_frequency_")
    assert "frequency" not in tested.summary()


def test_columns_that_take_turns_are_named():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(200, 1))
    X = np.hstack(
        [signal + 0.05 * rng.normal(size=(200, 2)), rng.normal(size=(200, 3))]
    )
    selector = VIANNSelector(max_features=1, random_state=0).fit(X, signal[:, 0] > 0)
    reasons = selector.summary().set_index("feature")["reason"]
    assert reasons["x0"].endswith("; takes turns with x1")
    assert reasons["x1"].endswith("; takes turns with x0")
    assert "turns" not in reasons["x2"]


@pytest.fixture(scope="module")
def line():
    """A quantity that is about normal, and depends on the first two of ten columns."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 10))
    return X, 20 + 5 * (X[:, 0] - X[:, 1]) + rng.normal(size=300)


def test_one_row_does_not_decide(line):
    X, y = line
    assert VIANNSelector(random_state=0).fit(X, y).target_scale_ == "raw"
    wild = y.copy()
    wild[7] = 5000
    selector = VIANNSelector(random_state=0).fit(X, wild)
    assert_array_equal(selector.get_support(indices=True), [0, 1])
    assert selector.target_scale_ == "normal scores"
    # Predictions are on the scale of y, not on that of the scores.
    others = np.arange(300) != 7
    predicted = selector.estimator_.predict(X)
    assert r2_score(y[others], predicted[others]) > 0.9


def test_only_skewed_ones_of_several_quantities_change(line):
    X, y = line
    both = np.column_stack([y, np.exp(y / 3)])
    weights = np.ones(300)
    both[:5], weights[:5] = 1e9, 0  # count nowhere
    selector = VIANNSelector(random_state=0).fit(X, both, sample_weight=weights)
    assert selector.target_scale_ == "normal scores"
    assert_array_equal(selector.get_support(indices=True), [0, 1])
    scaler = selector.estimator_.target_scaler_
    assert_allclose(scaler.mean_[0], y[5:].mean())  # as it is
    assert_allclose(scaler.mean_[1], 0, atol=1e-6)  # the mean of normal scores
    first, second = selector.estimator_.predict(X[5:]).T
    assert r2_score(y[5:], first) > 0.9
    assert r2_score(y[5:] / 3, np.log(second)) > 0.9


def test_large_values_that_can_be_predicted_stay_as_they_are(line):
    X, y = line
    # The few large ones are known from a column, the order of all others is not.
    y = 20 * (X[:, 4] > 1.3) + np.random.default_rng(1).normal(size=300)
    selector = VIANNSelector(random_state=0).fit(X, y)
    assert selector.target_scale_ == "raw"
    assert_array_equal(selector.get_support(indices=True), [4])


def test_max_features_caps_the_cut(wide):
    selector = VIANNSelector(max_features=2, random_state=0).fit(*wide)
    assert_array_equal(selector.cv_results_["n_features"], [0, 1, 2])
    assert selector.n_features_ == 2
    assert sorted(selector.ranking_)[:4] == [1, 1, 2, 3]


def test_max_features_may_change_after_fit(cut):
    fewer = copy.copy(cut).set_params(max_features=1)
    assert_array_equal(fewer.get_feature_names_out(), [cut.summary()["feature"][0]])


def test_many_columns_can_be_kept():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 60))
    y = X[:, :40].sum(axis=1) + 0.1 * rng.normal(size=1500)
    selector = VIANNSelector(random_state=0).fit(X, y)
    assert selector.get_support()[:40].all()
    assert selector.n_features_ <= 48


def test_constant_columns_are_never_kept(classes):
    (X, y), value = classes, 7.3e6
    with pytest.warns(UserWarning, match="No column is kept"):
        selector = VIANNSelector(random_state=0).fit(np.full_like(X, value), y)
    assert selector.n_features_ == 0
    half = np.where([1, 1, 1, 0, 0, 0], X, value)
    selector = VIANNSelector(random_state=0, min_features_to_select=3).fit(half, y)
    assert_array_equal(selector.get_support(indices=True), [0, 1, 2])


def test_fewer_rows_than_folds(classes):
    X, _ = classes
    with pytest.raises(
        ValueError, match="cv=4 folds need at least as many rows, got 3"
    ):
        VIANNSelector().fit(X[:3], [0, 1, 0])
    selector = VIANNSelector(cv=2, threshold="mean").fit(X[:3], [0, 1, 0])
    assert_allclose(selector.feature_importances_.sum(), 1)


def test_a_class_with_fewer_rows_than_folds(wide):
    X, y = wide
    y = y.copy()
    y[[3, 388]] = 2
    with pytest.warns(UserWarning, match="least populated class in y has only 2"):
        selector = VIANNSelector(random_state=0).fit(X, y)
    assert np.isfinite(selector.cv_results_["mean_test_score"]).all()
    assert_array_equal(selector.get_support(indices=True), [7, 30, 60])


def test_groups_are_kept_together(classes):
    X, y = classes
    groups = np.arange(len(X)) // 10
    selector = VIANNSelector(NETWORK, cv=GroupKFold(3), threshold="held-out")
    with_groups = clone(selector).fit(X, y, groups=groups)
    folds = list(GroupKFold(3).split(X, y, groups))
    by_hand = clone(selector).set_params(cv=folds).fit(X, y)
    assert_array_equal(with_groups.importances_, by_hand.importances_)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = clone(selector).set_params(cv=GroupKFold(3)).fit(X, y, groups=groups)
    assert_array_equal(routed.importances_, by_hand.importances_)


def test_rows_of_a_person_share_a_fold():
    """Columns that tell persons apart say nothing of persons that were not seen."""
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(40), 8)
    y = rng.integers(0, 2, 40)[person]
    X = rng.normal(size=(40, 6))[person] + 0.1 * rng.normal(size=(320, 6))
    selector = VIANNSelector(random_state=0)
    with pytest.warns(UserWarning, match="No column is kept"):
        assert clone(selector).fit(X, y, groups=person).n_features_ == 0
    with (
        sklearn.config_context(enable_metadata_routing=True),
        pytest.warns(UserWarning, match="No column is kept"),
    ):
        assert clone(selector).fit(X, y, groups=person).n_features_ == 0
    # With a network of one's own, too; and a test counts persons, not rows.
    own = VIANNSelector(scikeras_wrapper(), max_features=1, n_repeats=1, random_state=0)
    for selector in (own, VIANNSelector(threshold="fdr", random_state=0)):
        with pytest.warns(UserWarning, match="kept"):
            assert selector.fit(X, y, groups=person).n_features_ == 0


@pytest.mark.parametrize("kind", ["copied", "oversampled"])
def test_rows_that_stand_several_times_in_a_table(kind):
    """Noise that is learned by heart does not help on copies of the same rows."""
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(300, 30)), (np.arange(300) < 30).astype(int)
    rows = np.r_[np.arange(300), rng.integers(0, 30, 240)]
    if kind == "copied":
        y, rows = rng.integers(0, 2, 300), rng.integers(0, 100, 400)
    with pytest.warns(UserWarning, match="No column is kept"):
        assert VIANNSelector(random_state=0).fit(X[rows], y[rows]).n_features_ == 0


@pytest.mark.parametrize("seed", [3])  # in which another column was kept
def test_what_is_kept_is_what_was_measured(seed):
    """A column that separates two classes, among a thousand, in few rows."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(30, 1000)), np.arange(30) % 2
    X[:, 0] += 6 * y
    selector = VIANNSelector(random_state=0).fit(X, y)
    assert_array_equal(selector.get_support(indices=True), [0])
    reason = selector.summary()["reason"][0]
    assert re.fullmatch(r"first in (9|10|11|12) of 12 folds", reason)


def test_all_rows_of_unequal_folds_count():
    """Folds of 298, 298 and 4 rows test nearly as well as three of 200."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 6))
    y = X[:, 0] + 0.5 * rng.normal(size=600)
    groups = np.repeat([0, 1, 2], [298, 298, 4])
    cv = LeaveOneGroupOut()
    tested = VIANNSelector(threshold="fdr", cv=cv, random_state=0)
    tested.fit(X, y, groups=groups)
    assert_array_equal(tested.get_support(indices=True), [0])
    assert tested.pvalues_[0] < 1e-8
    assert tested.pvalues_[1:].min() > 0.05


WITHOUT_EFFECT = {
    "own network": (scikeras_wrapper(), "mean", {"groups": np.zeros(120)}),
    "frozen, weights": ("frozen", "auto", {"sample_weight": np.ones(120)}),
    "frozen, groups": ("frozen", "auto", {"groups": np.ones(120)}),
}


@pytest.mark.parametrize("case", WITHOUT_EFFECT)
def test_no_parameter_of_fit_is_without_effect(case, classes, fitted_classifier):
    estimator, threshold, params = WITHOUT_EFFECT[case]
    if estimator == "frozen":
        estimator = FrozenEstimator(fitted_classifier)
    selector = VIANNSelector(estimator, threshold=threshold)
    with pytest.raises(TypeError, match=f"fit's {re.escape(str([*params]))} would"):
        selector.fit(*classes, **params)
    selector.fit(*classes, **dict.fromkeys(params))


def test_targets_and_groups_of_another_length(classes, fitted_classifier):
    X, y = classes
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        VIANNSelector(FrozenEstimator(fitted_classifier)).fit(X, y[:-1])
    with pytest.raises(ValueError, match="groups must have one label.* 120 rows"):
        VIANNSelector(NETWORK).fit(X, y, groups=y[:-1])
    for missing in (None, np.nan, pd.NA):
        groups = pd.Series([missing, *y[1:]], dtype=object)
        with pytest.raises(ValueError, match="but 1 of 120 are missing"):
            VIANNSelector(NETWORK).fit(X, y, groups=groups)


def test_most_and_least_features_beyond_the_table(classes):
    selector = VIANNSelector(NETWORK, threshold="mean", max_features=7)
    assert selector.fit(*classes).max_features_ == 7
    expected = selector.feature_importances_ >= selector.feature_importances_.mean()
    assert_array_equal(selector.get_support(), expected)
    with pytest.warns(UserWarning, match="max_features is 0"):
        VIANNSelector(NETWORK, max_features=0).fit(*classes)
    with pytest.warns(UserWarning, match="Found min_features_to_select=7 > n_features"):
        selector = VIANNSelector(NETWORK, min_features_to_select=7).fit(*classes)
    assert selector.get_support().all()


def test_groups_of_rows_without_weight(classes):
    X, y = classes
    weights = (np.arange(len(X)) % 3 > 0).astype(float)
    groups = np.arange(len(X)) // 10
    selector = VIANNSelector(NETWORK, cv=GroupKFold(3), threshold="mean")
    weighted = clone(selector).fit(X, y, groups=groups, sample_weight=weights)
    used = weights > 0
    without = clone(selector).fit(X[used], y[used], groups=groups[used])
    assert_array_equal(weighted.importances_, without.importances_)


def test_a_threshold_of_another_kind_needs_another_fit(fitted, cut):
    with pytest.raises(NotFittedError, match="threshold='fdr' was set after fit"):
        copy.copy(cut).set_params(threshold="fdr").get_support()
    with pytest.raises(NotFittedError, match="threshold='auto' was set after fit"):
        copy.copy(fitted).set_params(threshold="auto").get_support()
    assert copy.copy(cut).set_params(threshold="mean").threshold_ == pytest.approx(
        1 / 80
    )


# Significance


@pytest.fixture(scope="module")
def tested(wide):
    return VIANNSelector(threshold="fdr", random_state=1).fit(*wide)


def test_significant_columns_are_kept(tested):
    assert_array_equal(tested.get_support(indices=True), [7, 30, 60])
    assert tested.pvalues_.shape == tested.qvalues_.shape == (80,)
    assert tested.pvalues_[[7, 30, 60]].max() < 0.001
    table = tested.summary()
    assert table["pvalue"][table["rounds"] < 4].max() == 1
    corrected = scipy.stats.false_discovery_control(tested.pvalues_)
    assert_allclose(tested.qvalues_, corrected)
    for alpha in (0.01, 0.2, 0.9):
        kept = copy.copy(tested).set_params(alpha=alpha).get_support()
        assert_array_equal(kept, corrected <= alpha)


def test_family_wise_error(tested):
    selector = copy.copy(tested).set_params(threshold="fwer")
    assert_array_equal(selector.get_support(indices=True), [7, 30, 60])
    # Adjusted p-values: one is never below that of a smaller p-value.
    holm = np.maximum.accumulate(np.sort(tested.pvalues_) * np.arange(80, 0, -1))
    assert holm[2] < 0.05 < holm[3]
    assert_allclose(np.sort(selector.qvalues_), np.minimum(holm, 1))
    for alpha in [*0.9 * holm[:3], *1.1 * holm[:3]]:
        n_kept = (holm <= alpha).sum()
        assert selector.set_params(alpha=alpha).get_support().sum() == n_kept


class OtherRows(BaseEstimator):
    """Draws a column from the rows trained on, whatever the other columns are."""

    def fit(self, X, y=None):
        self.X_ = X
        return self

    def sample(self, X, column, n_draws, random_state):
        rng = np.random.RandomState(random_state)
        return rng.choice(self.X_[:, column], (n_draws, len(X)))


def test_a_sampler_of_ones_own(wide):
    X, y = wide
    sampler = OtherRows()
    selector = VIANNSelector(threshold="fdr", sampler=sampler, random_state=0)
    assert set(selector.fit(X, y).get_support(indices=True)) >= {7, 30, 60}
    assert not hasattr(sampler, "X_")


# In words


def test_summary(cut, tested, wide):
    table = cut.summary()
    assert list(table["rank"]) == list(range(1, 81))
    assert set(table["feature"][table["kept"]]) == {"x7", "x30", "x60"}
    numbers = table["feature"].str.removeprefix("x").astype(int)
    assert_allclose(table["importance"], cut.feature_importances_[numbers])
    assert_array_equal(np.diff(cut.ranking_[numbers[2:]]), 1)
    assert table["reason"].str.contains("rounds").sum() > 40
    found = "among the first 3 in 12 of 12 folds"
    assert (table["reason"][table["kept"]] == found).all()
    assert "pvalue" in tested.summary().columns
    constant = np.where(np.arange(80) == 3, 1.0, wide[0])
    names = pd.DataFrame(constant).add_prefix("column ")
    named = VIANNSelector(NETWORK, threshold="mean").fit(names, wide[1]).summary()
    last = named[named["feature"] == "column 3"].iloc[0]
    assert last["read as"] == "constant"
    assert last["reason"] == "constant"
    assert (table["read as"] == "number").all()
    assert not last["kept"]


def test_reasons_tell_of_limits(tested, cut):
    kept = tested.get_support().sum()
    more = copy.copy(tested).set_params(min_features_to_select=kept + 1)
    table = more.summary()
    (added,) = table[table["kept"] & (table["pvalue"] > 0.05)].itertuples()
    limit = f"min_features_to_select={kept + 1}"
    assert added.reason == (
        f"not significant: p = {added.pvalue:.2g} alone, but q = {added.qvalue:.2g} "
        f"among 80 tests is above 0.05; kept for {limit}"
    )
    fewer = copy.copy(cut).set_params(threshold=-np.inf, max_features=2).summary()
    left_out = fewer["reason"].str.endswith("; left out for max_features=2")
    assert_array_equal(left_out, ~fewer["kept"])
    # A least number counts with thresholds of importances, too.
    least = copy.copy(cut).set_params(threshold=1.0, min_features_to_select=2)
    first = np.sort(np.argsort(-cut.feature_importances_)[:2])
    assert_array_equal(least.get_support(indices=True), first)
    with pytest.raises(ValueError, match="min_features_to_select=3 is more than max"):
        VIANNSelector(max_features=2, min_features_to_select=3).fit(X, Y)


def test_summary_without_pandas(cut, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    table = cut.summary()
    assert_array_equal(table["rank"], np.arange(1, 81))
    assert table["kept"].sum() == 3
