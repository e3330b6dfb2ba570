"""What a user sets for all of scikit-learn or Python leaves the library working."""

import logging
import warnings
from functools import cache

import keras
import numpy as np
import pandas
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from conftest import FAST
from skviann import (
    DeepBeliefRanking,
    DeepFeatureSelectionClassifier,
    DropoutRankingRegressor,
    TeacherStudentSelector,
    VarianceImportance,
    VIANNClassifier,
    VIANNRegressor,
    VIANNSelector,
)
from skviann.inspection import compare_importances
from skviann.wrappers import KerasClassifier, KerasRegressor

CONTAINERS = ["pandas", "polars"]


def build(meta):
    is_classifier = meta["target_type_"] == "binary"
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(4, "relu"),
            keras.layers.Dense(1, "sigmoid" if is_classifier else None),
        ]
    )
    model.compile("sgd", "binary_crossentropy" if is_classifier else "mse")
    return model


OF_KERAS = {"epochs": 2, "verbose": 0, "random_state": 0}
ESTIMATORS = {
    "VIANNClassifier": VIANNClassifier(**FAST, random_state=0),
    "VIANNRegressor": VIANNRegressor(**FAST, random_state=0),
    "DeepFeatureSelectionClassifier": DeepFeatureSelectionClassifier(
        **FAST, random_state=0
    ),
    "DropoutRankingRegressor": DropoutRankingRegressor(**FAST, random_state=0),
    "VIANNSelector": VIANNSelector(VIANNClassifier(**FAST), random_state=0),
    "VIANNSelector, fdr": VIANNSelector(
        VIANNClassifier(**FAST), threshold="fdr", random_state=0
    ),
    "VIANNSelector of a wrapper": VIANNSelector(
        KerasClassifier(build, epochs=2, verbose=0), threshold="mean", random_state=0
    ),
    "TeacherStudentSelector": TeacherStudentSelector(
        n_units=4, n_members=2, n_bins=1, random_state=0
    ),
    "DeepBeliefRanking": DeepBeliefRanking((4,), n_repeats=1, random_state=0),
    "KerasClassifier": KerasClassifier(build, **OF_KERAS),
    "KerasRegressor": KerasRegressor(build, **OF_KERAS),
}


def what_it_finds(name, X, y):
    """Fit an estimator; return all numbers that users get of it, by method."""
    fitted = clone(ESTIMATORS[name]).fit(X, y)
    found = {
        method: getattr(fitted, method)(X)
        for method in ("predict", "predict_proba", "transform")
        if hasattr(fitted, method)
    }
    if hasattr(fitted, "feature_importances_"):
        found["importances"] = fitted.feature_importances_
    return found


@pytest.fixture(scope="module")
def without_settings(classes):
    return cache(lambda name: what_it_finds(name, *classes))


@pytest.mark.parametrize(
    ("name", "container"),
    [
        (name, container)
        for name, estimator in ESTIMATORS.items()
        for container in CONTAINERS
        if container == "pandas" or hasattr(estimator, "transform")
    ],
)
def test_the_output_of_transform(name, container, classes, without_settings):
    expected = without_settings(name)
    with config_context(transform_output=container):
        found = what_it_finds(name, *classes)
    assert found.keys() == expected.keys()
    for method, values in found.items():
        kind = container if method == "transform" else "numpy"
        assert type(values).__module__.partition(".")[0] == kind
        assert_array_equal(np.asarray(values), expected[method])


INSPECTION = [
    "viann",
    "first_layer",
    "garson",
    "olden",
    "probe",
    "saliency",
    "gradient_x_input",
    "integrated_gradients",
    "random_forest",
    "noise",
    "occlusion",
    "permutation",
    "drop_column",
    "lime",
]


@pytest.fixture(scope="module")
def wrapper(classes):
    return KerasClassifier(build, **OF_KERAS).fit(*classes)


@pytest.fixture(scope="module")
def compared(classes, fitted_classifier, wrapper):
    """Find importances of a few rows, of an estimator and with a wrapper around it."""
    X, y = classes
    X, y = X[:12], y[:12]

    @cache
    def compare(kind, container):
        estimator = {"VIANN": fitted_classifier, "Keras": wrapper}[kind]
        # Of the slow ones, of the wrapper, the network's predictions tell enough.
        methods = INSPECTION if kind == "VIANN" else ["olden", "probe", "occlusion"]
        with config_context(transform_output=container):
            found = compare_importances(
                X, y, methods=methods, estimator=estimator, random_state=0, verbose=0
            )
        assert found.errors == {}
        return found.frame

    return compare


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("kind", ["VIANN", "Keras"])
def test_inspection_with_the_output_of_transform(kind, container, compared):
    expected = compared(kind, "default")
    assert_frame_equal(compared(kind, container), expected, rtol=1e-5)


# Warnings


@pytest.fixture
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.usefixtures("no_warnings")
@pytest.mark.parametrize(
    "name",
    [
        "VIANNClassifier",
        "VIANNRegressor",
        "VIANNSelector",
        "VIANNSelector, fdr",
        "VIANNSelector of a wrapper",
        "TeacherStudentSelector",
        "KerasClassifier",
    ],
)
def test_nothing_warns(name, classes):
    found = what_it_finds(name, *classes)
    assert all(np.isfinite(values).all() for values in found.values())


@pytest.mark.usefixtures("no_warnings")
@pytest.mark.parametrize("update", ["epoch", 2])
def test_the_callback_does_not_warn(update, classes):
    model, viann = build({"target_type_": "binary"}), VarianceImportance(update=update)
    model.fit(*classes, epochs=2, verbose=0, callbacks=[viann])
    assert viann.importances_.shape == (6,)


@pytest.mark.usefixtures("no_warnings")
def test_the_networks_of_a_selector_know_the_names(classes, fitted_selector):
    X, y = classes
    frame = pandas.DataFrame(X, columns=list("abcdef"))
    selector = clone(fitted_selector)
    network = selector.fit(frame, y).estimator_
    assert_array_equal(network.feature_names_in_, frame.columns)
    named = network.predict_proba(frame)
    plain = fitted_selector.estimator_
    assert not hasattr(plain, "feature_names_in_")
    assert_array_equal(plain.predict_proba(X), named)
    methods = ["viann", "probe", "noise", "permutation", "saliency"]
    found, expected = (
        compare_importances(
            data[:20], y[:20], methods=methods, estimator=one, random_state=0, verbose=0
        )
        for data, one in [(frame, selector), (X, fitted_selector)]
    )
    assert found.errors == {}
    assert_allclose(found.frame, expected.frame, rtol=1e-5)


def test_cross_validation_does_not_retrace(classes):
    messages = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = tf.get_logger()
    logger.addHandler(handler)
    try:
        network = VIANNClassifier(**FAST, random_state=0)
        scores = cross_val_score(network, *classes, cv=7)
    finally:
        logger.removeHandler(handler)
    assert len(scores) == 7
    assert messages == []
