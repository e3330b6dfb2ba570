"""Other people's tools, and what they do to an estimator."""

import keras
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from conftest import FAST, build, of_keras
from skviann import (
    DeepBeliefRanking,
    DeepFeatureSelectionClassifier,
    DropoutRankingClassifier,
    TeacherStudentSelector,
    VIANNClassifier,
    VIANNRegressor,
    VIANNSelector,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 6))
Y = (X[:, 0] > 0).astype(int)


# Networks that are fitted already


@pytest.fixture(scope="module")
def fitted():
    return VIANNClassifier(**FAST, random_state=0).fit(X, Y)


def test_a_frozen_network_is_cut_without_training(fitted):
    selector = VIANNSelector(FrozenEstimator(fitted)).fit(X, Y)
    importances = fitted.feature_importances_
    assert selector.estimator_ is fitted
    assert_array_equal(selector.feature_importances_, importances)
    assert_array_equal(selector.get_support(), importances >= importances.mean())
    most = VIANNSelector(FrozenEstimator(fitted), threshold=-np.inf, max_features=2)
    assert_array_equal(most.fit(X, Y).get_support().sum(), 2)
    again = clone(selector).fit(X, Y)
    assert_array_equal(again.get_support(), selector.get_support())


@pytest.mark.parametrize(
    ("network", "threshold", "n_columns", "error", "message"),
    [
        (VIANNClassifier(), "auto", 6, ValueError, "not fitted"),
        (of_keras(), "auto", 6, TypeError, "must hold a fitted"),
        (None, "held-out", 6, ValueError, "threshold='held-out' trains networks"),
        (None, "mean", 3, ValueError, "3 features"),
    ],
)
def test_frozen_networks_that_cannot_be_cut(
    fitted, network, threshold, n_columns, error, message
):
    selector = VIANNSelector(FrozenEstimator(network or fitted), threshold=threshold)
    with pytest.raises(error, match=message):
        selector.fit(X[:, :n_columns], Y)


# Searches


def test_a_search_over_a_network_that_is_not_there_is_told_what_to_write():
    search = GridSearchCV(
        make_pipeline(VIANNSelector(), VIANNClassifier(**FAST)),
        {"viannselector__estimator__n_members": [1, 2]},
        cv=2,
    )
    with pytest.raises(ValueError, match=r"VIANNSelector\(VIANNClassifier\(\)\)"):
        search.fit(X, Y)
    selector = VIANNSelector().set_params(
        estimator=VIANNClassifier(), estimator__n_members=3
    )
    assert selector.estimator.n_members == 3


class Reporter(keras.callbacks.Callback):
    """Tells somebody outside about each epoch, and is not changed by a copy."""

    def __init__(self):
        super().__init__()
        self.epochs = []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(epoch)


@pytest.mark.parametrize("name", ["callbacks", "fit__callbacks"])
def test_callbacks_of_a_single_training_are_the_users_own(name):
    reporter = Reporter()
    VIANNSelector(of_keras(**{name: [reporter]}), threshold="mean").fit(X, Y)
    assert reporter.epochs == [0, 1, 2]
    network = of_keras(**{name: [reporter]})
    VIANNSelector(network, threshold="mean", n_repeats=2).fit(X, Y)
    assert reporter.epochs == [0, 1, 2]


def test_callbacks_of_keras_own_wrapper_are_the_users_own():
    reporter = Reporter()
    wrapper = keras.wrappers.SKLearnRegressor(
        lambda X, y: build(),
        fit_kwargs={"epochs": 3, "verbose": 0, "callbacks": [reporter]},
    )
    VIANNSelector(wrapper, threshold="mean").fit(X, Y.astype(float))
    assert reporter.epochs == [0, 1, 2]
    assert wrapper.fit_kwargs["callbacks"] == [reporter]


def test_optuna_prunes():
    optuna = pytest.importorskip("optuna")
    pruning = pytest.importorskip("optuna_integration.keras").KerasPruningCallback
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    class AfterTwo(optuna.pruners.BasePruner):
        def prune(self, study, trial):
            return len(trial.intermediate_values) == 2

    def objective(trial):
        network = of_keras(callbacks=[pruning(trial, "loss")])
        selector = VIANNSelector(network, threshold="mean")
        return selector.fit(X, Y).n_features_

    study = optuna.create_study(pruner=AfterTwo())
    study.optimize(objective, n_trials=1)
    (trial,) = study.trials
    assert trial.state == optuna.trial.TrialState.PRUNED
    assert list(trial.intermediate_values) == [0, 1]


# Saving


@pytest.mark.parametrize(
    "estimator",
    [
        VIANNClassifier(**FAST, random_state=0),
        VIANNRegressor(**FAST, random_state=0),
        DeepFeatureSelectionClassifier(**FAST, random_state=0),
        DropoutRankingClassifier(**FAST, random_state=0),
        VIANNSelector(VIANNClassifier(**FAST), random_state=0),
        TeacherStudentSelector(VIANNClassifier(**FAST), random_state=0),
        DeepBeliefRanking(random_state=0),
        of_keras(),
        VIANNSelector(of_keras(), threshold="mean", random_state=0),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_skops_saves_and_loads(estimator):
    io = pytest.importorskip("skops.io")
    fitted = clone(estimator).fit(X, Y)
    saved = io.dumps(fitted)
    loaded = io.loads(saved, trusted=io.get_untrusted_types(data=saved))
    for method in ("predict", "transform"):
        if hasattr(fitted, method):
            found, expected = (getattr(one, method)(X) for one in (loaded, fitted))
            assert_array_equal(found, expected)
    if hasattr(fitted, "feature_importances_"):
        assert_array_equal(loaded.feature_importances_, fitted.feature_importances_)


def test_skops_saves_what_was_learned_of_a_table():
    io = pytest.importorskip("skops.io")
    table = pd.DataFrame({"a": X[:, 0], "b": np.where(X[:, 1] > 0, "x", "y")})
    fitted = VIANNClassifier(**FAST, random_state=0).fit(table, Y)
    saved = io.dumps(fitted)
    loaded = io.loads(saved, trusted=io.get_untrusted_types(data=saved))
    assert_array_equal(loaded.predict(table), fitted.predict(table))


# Other selectors


class ForBoruta(VIANNClassifier):
    """The recipe of the page for those who come from elsewhere."""

    def set_params(self, n_estimators=None, **params):
        return super().set_params(**params)


def test_boruta_takes_the_recipe():
    boruta = pytest.importorskip("boruta")
    selector = boruta.BorutaPy(
        ForBoruta(**FAST, random_state=0), n_estimators=1, max_iter=12, random_state=0
    )
    selector.fit(X, Y)
    assert selector.support_[0]
