import warnings

import keras
import numpy as np
import pytest
import sklearn.inspection
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC

from conftest import FAST
from skviann import VIANNClassifier, VIANNSelector
from skviann.inspection import (
    noise_importance,
    occlusion_importance,
    permutation_importance,
    probe_importance,
)

BY_SCORE = [permutation_importance, noise_importance, occlusion_importance]
ALL = [*BY_SCORE, probe_importance]
MSE = "neg_mean_squared_error"


def by_name(function):
    return function.__name__


@pytest.fixture(scope="module")
def line():
    """Correlated columns of other units, and a target that they make."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 4))
    X[:, 1] += X[:, 0]
    X = X * [1, 0.1, 30, 5] + [0, -7, 1000, 3]
    return X, X @ [2, -50, 0.05, 0] + 4


@pytest.fixture(scope="module")
def fitted_line(line):
    return LinearRegression().fit(*line)


@pytest.fixture(scope="module")
def logistic(classes):
    return LogisticRegression().fit(*classes)


def assert_mean_and_std(result):
    assert_allclose(result.importances_mean, result.importances.mean(axis=1))
    assert_allclose(result.importances_std, result.importances.std(axis=1))


# Closed forms


def test_occlusion_of_a_line(line, fitted_line):
    X, y = line
    y = y + np.random.default_rng(1).normal(size=len(y))  # not what it was fitted to
    residuals = y - fitted_line.predict(X)
    # Without a feature, residuals grow by the slope times its distance from the mean.
    moved = fitted_line.coef_ * (X - X.mean(axis=0))
    expected = [np.mean((residuals + m) ** 2) - np.mean(residuals**2) for m in moved.T]
    result = occlusion_importance(fitted_line, X, y, scoring=MSE)
    assert result.importances.shape == (4, 1)
    assert_allclose(result.importances[:, 0], expected, rtol=1e-6, atol=1e-8)
    assert_mean_and_std(result)


@pytest.mark.parametrize("noise", [1.0, 0.25])
def test_noise_on_a_line(line, fitted_line, noise):
    X, y = line
    result = noise_importance(
        fitted_line, X, y, scoring=MSE, noise=noise, n_repeats=4, random_state=0
    )
    expected = fitted_line.coef_**2 * noise * X.var(axis=0)
    assert result.importances.shape == (4, 4)
    # The mean of n squared draws has a relative standard deviation of sqrt(2 / n): 1 %.
    expected = np.tile(expected[:3, np.newaxis], 4)
    assert_allclose(result.importances[:3], expected, rtol=0.05)
    assert_allclose(result.importances[3], 0, atol=1e-9)
    assert (result.importances_std[:3] > 0).all()
    assert_mean_and_std(result)


def test_shuffles_of_a_line(line, fitted_line):
    X, y = line
    result = permutation_importance(
        fitted_line, X, y, scoring=MSE, n_repeats=3, random_state=0
    )
    assert result.importances.shape == (4, 3)
    # The distance between two values drawn at random is squared twice the variance.
    expected = 2 * fitted_line.coef_**2 * X.var(axis=0)
    assert_allclose(result.importances_mean, expected, rtol=0.05, atol=1e-9)
    sklearns = sklearn.inspection.permutation_importance(
        fitted_line, X, y, scoring=MSE, n_repeats=3, random_state=0
    )
    assert result.keys() == sklearns.keys()
    assert_allclose(
        result.importances_mean, sklearns.importances_mean, rtol=0.05, atol=1e-9
    )


@pytest.mark.parametrize(
    ("parameters", "scaled"), [({}, True), ({"baseline": "zero"}, False)]
)
def test_probes_of_two_lines(line, parameters, scaled):
    X, y = line
    model = LinearRegression().fit(X, np.column_stack([y, 3 * X[:, 2] - y]))
    expected = np.abs(model.coef_).mean(axis=0) * (X.std(axis=0) if scaled else 1)
    result = probe_importance(model, X, **parameters)
    assert result.importances.shape == (4, 1)
    assert_allclose(result.importances[:, 0], expected, rtol=1e-6, atol=1e-8)
    assert_mean_and_std(result)


def test_a_probe_of_probabilities(logistic, classes):
    X, _ = classes
    mean, deviation = X.mean(axis=0), X.std(axis=0)
    decision = logistic.intercept_ + logistic.coef_[0] @ mean
    switched = decision + logistic.coef_[0] * deviation
    expected = np.abs(1 / (1 + np.exp(-switched)) - 1 / (1 + np.exp(-decision)))
    result = probe_importance(logistic, X)
    assert_allclose(result.importances_mean, expected)


def test_a_probe_of_a_classifier_without_probabilities(classes):
    X, y = classes
    classifier = LinearSVC().fit(X, y)
    classifier.intercept_ = np.array([-0.5])
    classifier.coef_ = np.array([[0.6, 0.4, -3.0, 0.0, 5.0, 0.1]])
    result = probe_importance(classifier, X, baseline="zero")
    # Two features alone change the class.
    assert_array_equal(result.importances_mean, [1, 0, 0, 0, 1, 0])


def test_a_probe_of_a_keras_model(classes):
    X, _ = classes
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(2, "tanh")])
    off = X.mean(axis=0)
    expected = []
    for j in range(6):
        on = off.copy()
        on[j] += X[:, j].std()
        outputs = model.predict(np.stack([off, on]), verbose=0)
        expected.append(np.abs(outputs[1] - outputs[0]).mean())
    assert_allclose(probe_importance(model, X).importances_mean, expected, rtol=1e-4)


def test_occlusion_of_a_network(fitted_classifier, classes):
    X, y = classes
    expected = []
    for j in range(6):
        without = X.copy()
        without[:, j] = X[:, j].mean()
        fall = fitted_classifier.score(X, y) - fitted_classifier.score(without, y)
        expected.append(fall)
    assert expected[0] > 0.1
    result = occlusion_importance(fitted_classifier, X, y)
    assert_allclose(result.importances_mean, expected, atol=1e-12)


def test_the_mean_of_integers_is_not_rounded():
    X = np.array([[0, 5], [1, 0], [1, 2], [1, 0]])
    y = X @ [4.0, 1.0]
    model = LinearRegression().fit(X, y)
    result = occlusion_importance(model, X, y, scoring=MSE)
    assert_allclose(result.importances_mean, [16 * 3 / 16, X[:, 1].var()])


# All functions


@pytest.mark.parametrize("function", ALL, ids=by_name)
def test_a_constant_column_gets_nothing(function, logistic, classes):
    X = classes[0].copy()
    X[:, 1] = 0.1  # the mean of such numbers may differ from them by a rounding error
    scoring = {} if function is probe_importance else {"scoring": "neg_log_loss"}
    result = function(logistic, X, classes[1], random_state=0, **scoring)
    assert result.importances_mean[0] > 0.01
    assert_allclose(result.importances[1], 0, atol=1e-14)


@pytest.mark.parametrize("function", ALL, ids=by_name)
@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_data_frames_reach_an_estimator_that_knows_names(
    function, library, logistic, classes
):
    X, y = classes
    library = pytest.importorskip(library)
    make = library.table if hasattr(library, "table") else library.DataFrame
    frame = make({f"column {j}": X[:, j] for j in range(6)})
    model = LogisticRegression().fit(frame, y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = function(model, frame, y, random_state=0)
    expected = function(logistic, X, y, random_state=0)
    assert_allclose(result.importances, expected.importances)
    assert_array_equal(np.asarray(frame), X)


def test_a_selector_is_asked_for_its_network(classes):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(classes[0]).add_prefix("x")
    selector = VIANNSelector(VIANNClassifier(**FAST), random_state=0)
    selector.fit(frame, classes[1])
    for function in ALL:
        expected = function(selector.estimator_, *classes, random_state=0)
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="X (has|does not have)")
            result = function(selector, frame, classes[1], random_state=0)
        assert_array_equal(result.importances, expected.importances)


@pytest.mark.parametrize("function", ALL, ids=by_name)
@pytest.mark.parametrize("random_state", [0, None])
def test_nothing_else_changes(function, random_state, logistic, classes):
    X, y = (array.copy() for array in classes)
    before = np.random.get_state()
    function(logistic, X, y, random_state=random_state)
    for was, is_now in zip(before, np.random.get_state(), strict=True):
        assert_array_equal(was, is_now)
    assert_array_equal(X, classes[0])
    assert_array_equal(y, classes[1])


@pytest.mark.parametrize(
    "function", [permutation_importance, noise_importance], ids=by_name
)
def test_random_state_makes_results_repeatable(function, logistic, classes):
    def run(random_state):
        result = function(
            logistic, *classes, scoring="neg_log_loss", random_state=random_state
        )
        return result.importances

    assert run(0).shape == (6, 5)
    assert_array_equal(run(0), run(0))
    assert_array_equal(run(0), run(np.random.RandomState(0)))
    assert (run(0) != run(1)).any()
    assert (run(None) != run(None)).any()


@pytest.mark.parametrize(
    ("importance", "settings"),
    [
        (noise_importance, {"noise": 0}),
        (noise_importance, {"noise": np.nan}),
        (noise_importance, {"noise": "much"}),
        (noise_importance, {"n_repeats": 0}),
        (probe_importance, {"baseline": "median"}),
    ],
)
def test_bad_parameters(importance, settings, logistic, classes):
    ((name, value),) = settings.items()
    message = f"'{name}' parameter of {importance.__name__} must be.*Got {value!r}"
    with pytest.raises(ValueError, match=message):
        importance(logistic, *classes, **settings)


@pytest.mark.parametrize("function", ALL, ids=by_name)
def test_missing_values(function, logistic, classes):
    X = classes[0].copy()
    X[3, 2] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        function(logistic, X, classes[1])


@pytest.mark.parametrize("function", ALL, ids=by_name)
def test_not_fitted(function, classes):
    for estimator in (LogisticRegression(), VIANNSelector()):
        with pytest.raises(NotFittedError):
            function(estimator, *classes)
