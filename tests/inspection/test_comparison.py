import sys

import joblib
import keras
import numpy as np
import pytest
import scipy.stats
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression

from conftest import FAST
from skviann import VIANNClassifier, VIANNRegressor, VIANNSelector
from skviann.inspection import (
    ComparisonDisplay,
    ImportanceComparison,
    compare_importances,
    garson_importance,
    probe_importance,
    viann_importance,
)
from skviann.wrappers import KerasClassifier

pd = pytest.importorskip("pandas")

FEW = ["viann", "garson", "probe", "random_forest"]


def build():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(4, "relu"),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy")
    return model


@pytest.fixture(scope="module")
def comparison(fitted_classifier, classes):
    return compare_importances(
        *classes, methods=FEW, estimator=fitted_classifier, random_state=0, verbose=0
    )


# What is compared


def test_importances_add_up_to_one(comparison, fitted_classifier, classes):
    assert comparison.frame.columns.tolist() == FEW
    assert comparison.frame.index.tolist() == [f"x{j}" for j in range(6)]
    assert_allclose(comparison.frame.abs().sum(), 1)
    for function in (viann_importance, garson_importance, probe_importance):
        importances = function(fitted_classifier, classes[0]).importances_mean
        name = function.__name__.removesuffix("_importance")
        assert_allclose(comparison.frame[name], importances / importances.sum())
        expected = scipy.stats.rankdata(-importances, method="min")
        assert_array_equal(comparison.ranks[name], expected)
    expected = scipy.stats.rankdata(-comparison.frame["random_forest"])
    assert_array_equal(comparison.ranks["random_forest"], expected)
    assert comparison.errors == {}
    assert comparison.seconds.index.tolist() == FEW
    assert (comparison.seconds >= 0).all()


@pytest.mark.parametrize(
    ("method", "by_scipy"),
    [
        ("pearson", scipy.stats.pearsonr),
        ("spearman", scipy.stats.spearmanr),
        ("kendall", scipy.stats.kendalltau),
    ],
)
def test_correlations(method, by_scipy, comparison):
    correlation = comparison.correlation(method)
    assert correlation.columns.tolist() == correlation.index.tolist() == FEW
    for one in FEW:
        for other in FEW:
            expected = by_scipy(comparison.frame[one], comparison.frame[other])[0]
            assert_allclose(correlation.loc[one, other], expected)
    assert_array_equal(
        comparison.correlation(), comparison.correlation(method="spearman")
    )


def test_ties_zeros_and_what_is_below_zero():
    importances = pd.DataFrame(
        {"ties": [1.0, 2.0, 1.0], "zeros": 0.0, "below": [3.0, -1.0, 0.0]},
        index=["a", "b", "c"],
    )
    seconds = pd.Series(1.0, index=importances.columns)
    comparison = ImportanceComparison(importances, seconds, {"shap": "ImportError: no"})
    assert_array_equal(comparison.frame["ties"], [0.25, 0.5, 0.25])
    assert_array_equal(comparison.frame["zeros"], [0, 0, 0])
    assert_array_equal(comparison.frame["below"], [0.75, -0.25, 0])
    assert_array_equal(comparison.ranks, [[2, 1, 1], [1, 1, 3], [2, 1, 2]])
    assert comparison.correlation()["zeros"].isna().all()
    assert repr(comparison) == (
        "<ImportanceComparison of 3 features by 3 methods; shap failed: "
        "ImportError: no>"
    )


def test_all_methods_find_the_two_columns_that_matter():
    pytest.importorskip("shap")
    pytest.importorskip("lime")
    X = np.random.default_rng(0).normal(size=(60, 4))
    y = (X[:, 0] - X[:, 1] > 0).astype(int)
    classifier = VIANNClassifier(**FAST, random_state=0).fit(X, y)
    everything = compare_importances(
        X, y, estimator=classifier, random_state=0, verbose=0
    )
    assert everything.errors == {}
    assert everything.frame.shape == (4, 19)
    assert_allclose(everything.frame.abs().sum(), 1)
    assert_array_equal(np.sort(everything.ranks.iloc[:2], axis=0), [[1] * 19, [2] * 19])


def test_methods_for_a_quantity(fitted_regressor, quantity):
    methods = ["permutation", "random_forest", "deep_feature_selection", "deep_belief"]
    found = compare_importances(
        *quantity, methods=methods, estimator=fitted_regressor, random_state=0
    )
    assert found.errors == {}
    assert found.frame.columns.tolist() == methods
    # Three times as much variance comes from column 0 as from column 1.
    assert_array_equal(found.ranks.loc[["x0", "x1"]], [[1] * 4, [2] * 4])


# The estimator


def test_a_fitted_estimator_is_used_as_it_is(classes):
    classifier = VIANNClassifier(**FAST, random_state=0).fit(*classes)
    before = dict(vars(classifier))
    predicted = classifier.predict_proba(classes[0])
    methods = ["viann", "probe", "occlusion"]
    found = compare_importances(
        *classes, methods=methods, estimator=classifier, verbose=0
    )
    assert found.errors == {}
    assert_allclose(found.frame["viann"], classifier.feature_importances_)
    after = {name: one for name, one in vars(classifier).items() if name != "_model"}
    assert after.keys() == before.keys()
    assert all(value is before[name] for name, value in after.items())
    assert_array_equal(classifier.predict_proba(classes[0]), predicted)


@pytest.mark.parametrize(
    "estimator",
    [
        VIANNClassifier(**FAST),
        VIANNSelector(VIANNClassifier(**FAST)),
        KerasClassifier(build, epochs=8, batch_size=8, verbose=0),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_a_clone_of_an_unfitted_estimator_is_fitted(estimator, classes):
    before = dict(vars(estimator))

    def run(random_state):
        return compare_importances(
            *classes,
            methods=FEW,
            estimator=estimator,
            random_state=random_state,
            verbose=0,
        )

    first, again, other = run(0), run(0), run(1)
    assert first.errors == {}
    assert first.frame.columns.tolist() == FEW
    pd.testing.assert_frame_equal(first.frame, again.frame)
    assert (first.frame != other.frame).any(axis=None)
    assert vars(estimator) == before


def test_the_estimators_own_random_state_counts(classes):
    classifier = VIANNClassifier(**FAST, random_state=5)
    one, other = (
        compare_importances(
            *classes, methods=["viann"], estimator=classifier, random_state=seed
        )
        for seed in (0, 1)
    )
    pd.testing.assert_frame_equal(one.frame, other.frame)


def test_without_an_estimator_a_selector_is_fitted(classes):
    X, y = classes
    labels = np.array(["no", "yes"])[y]
    found = compare_importances(
        X, labels, methods=["viann", "occlusion", "random_forest"], random_state=0
    )
    assert found.errors == {}
    assert_array_equal(np.sort(found.ranks.iloc[:2], axis=0), [[1] * 3, [2] * 3])


# Names, progress and mistakes


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_names_of_a_data_frames_columns(library, fitted_classifier, classes):
    X, y = classes
    make = pytest.importorskip(library).DataFrame
    frame = make({name: X[:, j] for j, name in enumerate("uvwxyz")})
    settings = {"methods": ["viann"], "estimator": fitted_classifier}
    named = compare_importances(frame, y, **settings)
    assert named.frame.index.tolist() == named.ranks.index.tolist() == list("uvwxyz")
    given = compare_importances(frame, y, feature_names=list("abcdef"), **settings)
    assert given.frame.index.tolist() == list("abcdef")
    assert_array_equal(given.frame, named.frame)


def test_one_line_a_method_is_printed(fitted_classifier, classes, capsys):
    settings = {"methods": ["viann", "garson"], "estimator": fitted_classifier}
    compare_importances(*classes, **settings)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(" 1/2 viann: ")
    assert second.startswith(" 2/2 garson: ")
    compare_importances(*classes, **settings, verbose=0)
    assert capsys.readouterr() == ("", "")


def test_a_method_that_fails_does_not_stop_the_others(
    fitted_classifier, classes, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "shap", None)
    found = compare_importances(
        *classes, methods=["viann", "shap", "probe"], estimator=fitted_classifier
    )
    assert list(found.errors) == ["shap"]
    message = found.errors["shap"]
    assert message.startswith("ImportError: shap_importance needs the package shap")
    assert f" 2/3 shap: failed: {message}\n" in capsys.readouterr().out
    assert found.frame.columns.tolist() == ["viann", "probe"]
    assert found.seconds.index.tolist() == ["viann", "shap", "probe"]
    assert found.seconds.notna().all()
    assert f"by 2 methods; shap failed: {message}" in repr(found)


def test_a_fitted_network_that_did_not_measure_viann(classes):
    wrapper = KerasClassifier(build, epochs=2, verbose=0).fit(*classes)
    found = compare_importances(*classes, methods=["viann", "probe"], estimator=wrapper)
    assert list(found.errors) == ["viann"]
    assert "put a scikeras or Keras wrapper into a VIANNSelector" in str(found.errors)
    assert found.frame.columns.tolist() == ["probe"]


def test_columns_come_in_the_order_of_the_methods(fitted_classifier, classes):
    methods = ["random_forest", "viann", "first_layer"]  # the forest takes longest
    with joblib.parallel_config("threading", n_jobs=2):
        found = compare_importances(
            *classes, methods=methods, estimator=fitted_classifier
        )
    assert found.frame.columns.tolist() == found.ranks.columns.tolist() == methods
    assert found.seconds.index.tolist() == methods


@pytest.mark.parametrize("methods", ["viann", ["viann", "viann"]])
def test_a_method_is_asked_once(methods, fitted_classifier, classes):
    found = compare_importances(*classes, methods=methods, estimator=fitted_classifier)
    assert found.frame.columns.tolist() == ["viann"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"methods": ["viann", "magic"]}, "methods must be 'all' or a list.*'magic'"),
        ({"methods": "magic"}, "methods must be 'all' or a list of.*'magic'"),
        ({"methods": []}, "methods must be 'all' or a list of some of.*got \\[\\]"),
        ({"feature_names": ["a"]}, "feature_names must have a name for each of the 6"),
    ],
    ids=["unknown method", "unknown string", "no method", "feature_names"],
)
def test_mistakes_are_found_before_anything_is_fitted(parameters, message, classes):
    class Unfittable(VIANNRegressor):
        def fit(self, X, y):
            pytest.fail("it was fitted")

    with pytest.raises(ValueError, match=message):
        compare_importances(*classes, estimator=Unfittable(), **parameters)


def test_estimators_that_cannot_be_fitted_with_viann(classes):
    with pytest.raises(TypeError, match="estimator must be .*LogisticRegression"):
        compare_importances(*classes, methods=FEW, estimator=LogisticRegression())


@pytest.mark.parametrize("parameters", [{}, {"max_features": 3, "method": "kendall"}])
def test_plot_draws_ranks_and_correlations(parameters, comparison):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    display = comparison.plot(**parameters)
    matplotlib.pyplot.close(display.figure_)
    assert isinstance(display, ComparisonDisplay)
    ranks, correlation = (image.get_array() for image in display.images_)
    assert ranks.shape == (parameters.get("max_features", 6), 4)
    assert set(map(tuple, ranks)) <= set(map(tuple, comparison.ranks.to_numpy()))
    method = parameters.get("method", "spearman")
    assert_array_equal(correlation, comparison.correlation(method))
