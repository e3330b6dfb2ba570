"""What users set for all of scikit-learn, or for Python, leaves the library working."""

import warnings

import keras
import numpy as np
import pytest
import sklearn

from conftest import FAST
from skviann import (
    DeepFeatureSelectionClassifier,
    DropoutRankingRegressor,
    TeacherStudentSelector,
    VarianceImportance,
    VIANNClassifier,
    VIANNRegressor,
    VIANNSelector,
)
from skviann.inspection import (
    first_layer_importance,
    garson_importance,
    gradient_importance,
    occlusion_importance,
    olden_importance,
    permutation_importance,
)
from skviann.wrappers import KerasClassifier, KerasRegressor


def build(meta):
    is_classifier = meta["target_type_"] == "binary"
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(4, "relu"),
            keras.layers.Dense(1, "sigmoid" if is_classifier else None),
        ]
    )
    model.compile("adam", "binary_crossentropy" if is_classifier else "mse")
    return model


ESTIMATORS = [
    VIANNClassifier(**FAST, random_state=0),
    VIANNRegressor(**FAST, random_state=0),
    DeepFeatureSelectionClassifier(**FAST, random_state=0),
    DropoutRankingRegressor(**FAST, random_state=0),
    TeacherStudentSelector(n_units=4, n_members=2, n_bins=1, random_state=0),
    KerasClassifier(build, epochs=2, verbose=0, random_state=0),
    KerasRegressor(build, epochs=2, verbose=0, random_state=0),
    VIANNSelector(KerasClassifier(build, epochs=2, verbose=0), random_state=0),
]


@pytest.mark.parametrize("kind", ["pandas", "polars"])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
def test_transform_output(kind, estimator, classes):
    X, y = classes
    with sklearn.config_context(transform_output=kind):
        fitted = sklearn.base.clone(estimator).fit(X, y)
        for method in ("predict", "predict_proba"):
            if hasattr(fitted, method):
                assert isinstance(getattr(fitted, method)(X), np.ndarray)
        if hasattr(fitted, "transform"):
            assert type(fitted.transform(X)).__module__.startswith(kind)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
@pytest.mark.parametrize(
    "function",
    [
        first_layer_importance,
        garson_importance,
        gradient_importance,
        occlusion_importance,
        olden_importance,
        permutation_importance,
    ],
    ids=lambda function: function.__name__,
)
def test_inspection_with_transform_output(kind, function, fitted_classifier, classes):
    expected = function(fitted_classifier, *classes)
    with sklearn.config_context(transform_output=kind):
        found = function(fitted_classifier, *classes)
    assert found.importances_mean.shape == (6,)
    assert found.keys() == expected.keys()


def test_no_warnings_of_our_own(classes):
    X, y = classes
    model = build({"target_type_": "binary"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        VIANNClassifier(**FAST, random_state=0).fit(X, y).predict(X)
        wrapper = KerasClassifier(build, epochs=3, verbose=0)
        VIANNSelector(wrapper, random_state=0).fit(X, y)
        viann = VarianceImportance()
        model.fit(X, y, epochs=3, verbose=0, callbacks=[viann])
    assert viann.importances_.shape == (6,)
