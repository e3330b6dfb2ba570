import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold, ShuffleSplit, cross_val_score

from conftest import FAST
from skviann import VIANNClassifier, VIANNSelector
from skviann.inspection import drop_column_importance, random_forest_importance

# Without a feature


@pytest.mark.parametrize(
    ("estimator", "parameters"),
    [
        (LogisticRegression(), {}),
        (LogisticRegression(), {"scoring": "neg_log_loss", "cv": 4}),
        (LinearRegression(), {"cv": KFold(5, shuffle=True, random_state=0)}),
    ],
    ids=["defaults", "log loss", "regression"],
)
def test_the_score_without_a_feature(estimator, parameters, classes):
    X, y = classes[0][:, :3], classes[1]

    def scores(X):
        return cross_val_score(estimator, X, y, **{"cv": 3, **parameters})

    expected = [scores(X) - scores(np.delete(X, j, axis=1)) for j in range(3)]
    result = drop_column_importance(estimator, X, y, **parameters)
    assert result.importances[0].min() > 0.1
    assert_allclose(result.importances, expected, atol=1e-12)
    assert_allclose(result.importances_mean, np.mean(expected, axis=1), atol=1e-12)
    assert_allclose(result.importances_std, np.std(expected, axis=1), atol=1e-12)
    assert not hasattr(estimator, "coef_")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_column_is_dropped_from_a_data_frame(library, classes):
    X, y = classes[0][:, :3], classes[1]
    make = pytest.importorskip(library).DataFrame
    frame = make({f"column {j}": X[:, j] for j in range(3)})
    seen = set()

    class Watch(LogisticRegression):
        def fit(self, X, y):
            seen.add(tuple(X.columns))
            return super().fit(X, y)

    result = drop_column_importance(Watch(), frame, y)
    expected = drop_column_importance(LogisticRegression(), X, y)
    assert_array_equal(result.importances, expected.importances)
    names = ("column 0", "column 1", "column 2")
    assert seen == {names, names[1:], names[:2], names[::2]}


def test_random_state_seeds_the_fits(classes):
    X, y = classes[0][:, :2], classes[1]
    forest = RandomForestClassifier(n_estimators=3, max_depth=2)

    def run(random_state):
        result = drop_column_importance(
            forest, X, y, scoring="neg_log_loss", random_state=random_state
        )
        return result.importances

    assert_array_equal(run(0), run(0))
    assert (run(0) != run(1)).any()
    assert (run(None) != run(None)).any()
    assert forest.random_state is None
    forest.set_params(random_state=5)
    assert_array_equal(run(None), run(None))  # the estimator's own


def test_a_selectors_network_is_fitted_without_a_feature(classes):
    X, y = classes[0][:, :2], classes[1]
    network = VIANNClassifier(**FAST)
    selector = VIANNSelector(network)
    with pytest.raises(NotFittedError):
        drop_column_importance(selector, X, y)
    selector.fit(X, y)
    result, expected = (
        drop_column_importance(estimator, X, y, cv=2, random_state=0)
        for estimator in (selector, network)
    )
    assert result.importances.min() > 0.1
    assert_array_equal(result.importances, expected.importances)


class CountEpochs(keras.callbacks.Callback):
    epochs = []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(epoch)


def build(X, y):
    model = keras.Sequential([keras.layers.Dense(y.shape[1], "softmax")])
    model.compile("adam", "categorical_crossentropy")
    return model


def test_a_keras_wrapper_keeps_what_it_passes_to_fit(classes):
    X, y = classes[0][:, :2], classes[1]
    CountEpochs.epochs.clear()
    fit_kwargs = {"epochs": 3, "verbose": 0, "callbacks": [CountEpochs()]}
    wrapper = keras.wrappers.SKLearnClassifier(build, fit_kwargs=fit_kwargs)
    drop_column_importance(wrapper, X, y, cv=ShuffleSplit(1, random_state=0))
    assert CountEpochs.epochs == [0, 1, 2] * 3  # with both columns, and without one


def test_a_single_feature_cannot_be_dropped(classes):
    X, y = classes
    with pytest.raises(ValueError, match="X must have at least 2 features.*got 1"):
        drop_column_importance(LogisticRegression(), X[:, :1], y)


def test_a_fit_that_fails(classes):
    with pytest.raises(ValueError, match="C.*-1"):
        drop_column_importance(LogisticRegression(C=-1), *classes)


# A random forest


@pytest.mark.parametrize(
    ("estimator", "forest"),
    [
        (LogisticRegression(), RandomForestClassifier),
        (VIANNClassifier(), RandomForestClassifier),
        (LinearRegression(), RandomForestRegressor),
    ],
    ids=["classifier", "network", "regressor"],
)
def test_importances_of_a_forest(estimator, forest, classes):
    seed = np.random.RandomState(0).randint(1, 2**31 - 1)
    forest = forest(n_estimators=20, random_state=seed).fit(*classes)
    result = random_forest_importance(
        estimator, *classes, n_estimators=20, random_state=0
    )
    assert result.importances.shape == (6, 20)
    assert_allclose(result.importances.sum(axis=0), 1)
    assert_allclose(result.importances_mean, forest.feature_importances_, rtol=1e-10)
    trees = [tree.feature_importances_ for tree in forest.estimators_]
    assert_allclose(result.importances_std, np.std(trees, axis=0))


def test_a_forest_for_a_selector_is_that_for_its_network(classes):
    X, y = classes
    labels = np.array(["no", "yes"])[y]
    selector = VIANNSelector(VIANNClassifier(**FAST), random_state=0).fit(X, labels)
    result, expected = (
        random_forest_importance(
            estimator, X, labels, n_estimators=5, random_state=0
        ).importances
        for estimator in (selector, selector.estimator_)
    )
    assert_array_equal(result, expected)


def test_random_state_seeds_the_forest(classes):
    def run(random_state):
        return random_forest_importance(
            LogisticRegression(), *classes, n_estimators=3, random_state=random_state
        ).importances

    before = np.random.get_state()
    assert_array_equal(run(0), run(0))
    assert (run(0) != run(1)).any()
    assert (run(None) != run(None)).any()
    assert_array_equal(np.random.get_state()[1], before[1])
