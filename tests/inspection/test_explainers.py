import sys
import warnings

import keras
import numpy as np
import pytest
from keras import layers
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression

from skviann.inspection import lime_importance, shap_importance


@pytest.fixture
def shap():
    return pytest.importorskip("shap")


@pytest.fixture
def lime_tabular():
    return pytest.importorskip("lime.lime_tabular")


@pytest.fixture(params=[shap_importance, lime_importance], ids=["shap", "lime"])
def explain(request):
    pytest.importorskip(request.param.__name__.removesuffix("_importance"))
    return request.param


@pytest.fixture(scope="module")
def logistic(classes):
    return LogisticRegression().fit(*classes)


@pytest.fixture(scope="module")
def two_lines(quantity):
    X, y = quantity
    return LinearRegression().fit(X, np.column_stack([y, 5 * X[:, 3] - y]))


@pytest.fixture(scope="module")
def recurrent():
    """Adds up tanh of feature 1, half as much for each step back in time."""
    model = keras.Sequential(
        [keras.Input((3, 2)), layers.GRU(1, name="gru"), layers.Dense(1)]
    )
    # Columns: the update gate, always 1/2, the reset gate and the new state.
    kernel = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    model.get_layer("gru").set_weights([kernel, np.zeros((1, 3)), np.zeros((2, 3))])
    model.layers[-1].set_weights([np.ones((1, 1)), np.zeros(1)])
    return model


# shap


def test_shapley_values_of_lines(shap, two_lines, quantity):
    X = quantity[0][:40]
    result = shap_importance(two_lines, X)
    distance = np.abs(X - X.mean(axis=0))
    expected = distance * np.abs(two_lines.coef_).mean(axis=0)
    assert_allclose(result.importances, expected.T, atol=1e-8)
    assert_allclose(result.importances_mean, expected.mean(axis=0), atol=1e-8)
    assert_allclose(result.importances_std, expected.std(axis=0), atol=1e-8)


def test_shapley_values_of_a_classifier(shap, fitted_classifier, classes):
    X = classes[0][:30]
    explainer = shap.ExactExplainer(
        fitted_classifier.predict_proba, shap.maskers.Independent(X, len(X))
    )
    exact = np.abs(explainer(X[:, :], silent=True).values).mean(axis=2)  # over classes
    result = shap_importance(
        fitted_classifier, X, max_samples=30, max_background=30, random_state=0
    )
    assert result.importances.shape == (6, 30)
    assert exact.mean(axis=0).max() > 0.1
    # The explainer that is used looks at two of the 720 orders, there and back.
    assert_allclose(result.importances, exact.T, atol=0.1)
    assert_allclose(result.importances_mean, exact.mean(axis=0), atol=0.005)


def test_shapley_values_by_steps_and_features(shap, recurrent):
    X = np.random.default_rng(0).normal(size=(8, 3, 2))
    assert_allclose(
        recurrent.predict(X, verbose=0)[:, 0],
        np.tanh(X[:, :, 1]) @ [1 / 8, 1 / 4, 1 / 2],
        rtol=1e-4,
    )
    result = shap_importance(recurrent, X)
    terms = np.tanh(X)
    expected = np.abs(terms - terms.mean(axis=0)) * [[1 / 8], [1 / 4], [1 / 2]] * [0, 1]
    assert result.importances.shape == (3, 2, 8)
    assert_allclose(result.importances, np.moveaxis(expected, 0, -1), atol=1e-6)
    assert_allclose(result.importances_mean, expected.mean(axis=0), atol=1e-6)


def test_rows_of_the_background(shap, two_lines, quantity):
    X, _ = quantity
    result = shap_importance(
        two_lines, X, max_samples=120, max_background=1, random_state=0
    )
    # A single row of X, at which nothing differs from the background.
    (row,) = np.flatnonzero(np.all(result.importances < 1e-8, axis=0))
    expected = np.abs(X - X[row]) * np.abs(two_lines.coef_).mean(axis=0)
    assert_allclose(result.importances, expected.T, atol=1e-8)


# lime


def by_lime(explainer, row, predict, labels, n_samples):
    found = explainer.explain_instance(
        row, predict, labels=labels, num_features=len(row), num_samples=n_samples
    ).as_map()
    return np.array([[dict(found[one])[j] for j in range(len(row))] for one in labels])


def test_lime_explains_probabilities(lime_tabular, logistic, classes):
    X = classes[0][:6]
    explainer = lime_tabular.LimeTabularExplainer(X, random_state=7)
    weights = [
        np.abs(by_lime(explainer, row, logistic.predict_proba, [0, 1], 5000))
        for row in X
    ]
    expected = np.mean(weights, axis=1)
    result = lime_importance(
        logistic, X, max_samples=6, n_neighbours=5000, random_state=0
    )
    assert result.importances.shape == (6, 6)
    assert_allclose(result.importances, expected.T, atol=0.05)
    assert_allclose(result.importances_mean, expected.mean(axis=0), atol=0.02)
    assert expected.mean(axis=0).max() > 0.2


def test_lime_explains_quantities(lime_tabular, two_lines, quantity):
    X = quantity[0][:6]
    explainer = lime_tabular.LimeTabularExplainer(X, mode="regression", random_state=7)
    weights = [
        [
            np.abs(by_lime(explainer, row, predict, [1], 5000)[0])
            for predict in (
                lambda rows: two_lines.predict(rows)[:, 0],
                lambda rows: two_lines.predict(rows)[:, 1],
            )
        ]
        for row in X
    ]
    expected = np.mean(weights, axis=1)
    result = lime_importance(
        two_lines, X, max_samples=6, n_neighbours=5000, random_state=0
    )
    assert_allclose(result.importances, expected.T, atol=4)
    assert_allclose(result.importances_mean, expected.mean(axis=0), atol=1)
    assert expected.mean(axis=0).max() > 20


def test_lime_by_steps_and_features(lime_tabular, recurrent):
    X = np.random.default_rng(0).normal(size=(40, 3, 2))
    result = lime_importance(
        recurrent, X, max_samples=10, n_neighbours=300, random_state=0
    )
    assert result.importances.shape == (3, 2, 10)
    # The last step of feature 1 counts most, then the steps before it.
    most_important_first = np.argsort(-result.importances_mean, axis=None)
    assert most_important_first[:3].tolist() == [5, 3, 1]
    assert result.importances_mean[0, 1] > 2 * result.importances_mean[:, 0].max()


# Both


def test_some_rows_are_explained(explain, logistic, classes):
    def run(random_state):
        return explain(
            logistic, classes[0], max_samples=2, random_state=random_state
        ).importances

    assert run(0).shape == (6, 2)
    assert_array_equal(run(0), run(0))
    assert (run(0) != run(1)).any()
    assert (run(None) != run(None)).any()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_reach_an_estimator_that_knows_names(
    explain, library, logistic, classes
):
    X, y = classes
    make = pytest.importorskip(library).DataFrame
    frame = make({f"column {j}": X[:, j] for j in range(6)})
    model = LogisticRegression().fit(frame, y)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="X (has|does not have)")
        result = explain(model, frame, max_samples=2, random_state=0)
    expected = explain(logistic, X, max_samples=2, random_state=0)
    assert_allclose(result.importances, expected.importances)
    assert_array_equal(frame.to_numpy(), X)


def test_a_selector_is_asked_for_its_network(explain, fitted_selector, classes):
    result, expected = (
        explain(estimator, classes[0], max_samples=2, random_state=0)
        for estimator in (fitted_selector, fitted_selector.estimator_)
    )
    assert_array_equal(result.importances, expected.importances)


@pytest.mark.parametrize("random_state", [0, None])
def test_nothing_else_changes(explain, random_state, logistic, classes):
    X = classes[0].copy()
    before = np.random.get_state()
    explain(logistic, X, max_samples=2, random_state=random_state)
    for was, is_now in zip(before, np.random.get_state(), strict=True):
        assert_array_equal(was, is_now)
    assert_array_equal(X, classes[0])


def test_progress(explain, logistic, classes, capsys):
    explain(logistic, classes[0], max_samples=3, verbose=0)
    shown = capsys.readouterr()
    assert shown.out == shown.err == ""
    explain(logistic, classes[0], max_samples=3, verbose=1)
    assert "3/3" in capsys.readouterr().err


@pytest.mark.parametrize("function", [shap_importance, lime_importance])
def test_without_the_package(function, logistic, classes, monkeypatch):
    for name in ("shap", "lime", "lime.lime_tabular"):
        monkeypatch.setitem(sys.modules, name, None)
    name = function.__name__.removesuffix("_importance")
    message = rf'{name}_importance needs the package {name},.*"skviann\[compare\]"'
    with pytest.raises(ImportError, match=message):
        function(logistic, classes[0])


def test_mistakes(explain, logistic, classes):
    X = classes[0].copy()
    X[3, 2] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        explain(logistic, X)
    with pytest.raises(NotFittedError):
        explain(LogisticRegression(), classes[0])


@pytest.mark.parametrize(
    ("importance", "settings"),
    [
        (shap_importance, {"max_samples": 0}),
        (shap_importance, {"max_background": 0}),
        (lime_importance, {"n_neighbours": 1.5}),
    ],
)
def test_bad_parameters(importance, settings, fitted_classifier, classes):
    ((name, value),) = settings.items()
    message = f"'{name}' parameter of {importance.__name__} must be.*Got {value!r}"
    with pytest.raises(ValueError, match=message):
        importance(fitted_classifier, *classes, **settings)
