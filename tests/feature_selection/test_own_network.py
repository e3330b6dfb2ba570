"""A user's own Keras network behind the search."""

import keras
import numpy as np
import pytest
import scikeras.wrappers
import scipy.stats
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold

from skviann import VIANNSelector
from skviann.feature_selection._folds import Splitting
from skviann.feature_selection._own_network import OwnNetwork
from skviann.wrappers import KerasClassifier, KerasRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(240, 4))
Y = (X[:, 0] + 0.5 * X[:, 2] > 0).astype(int)


def build(meta, n_outputs=1, activation="sigmoid", loss="binary_crossentropy"):
    model = keras.Sequential(
        [
            keras.Input((meta["n_features_in_"],)),
            keras.layers.Dense(8, "relu", kernel_initializer="random_normal"),
            keras.layers.Dense(n_outputs, activation),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), loss)
    return model


def selector(network=KerasClassifier, max_features=1, **settings):
    network = network(build, epochs=8, batch_size=16, verbose=0, **settings)
    return VIANNSelector(
        network,
        threshold="held-out",
        max_features=max_features,
        cv=2,
        random_state=0,
    )


def test_rows_without_weight_count_nowhere():
    weights = np.repeat([1.0, 0.0], [120, 120])
    reversed_beyond = np.where(weights > 0, Y, 1 - Y)
    weighted = selector().fit(X, reversed_beyond, sample_weight=weights)
    without = selector().fit(X[:120], Y[:120], sample_weight=weights[:120])
    assert_array_equal(weighted.get_support(indices=True), [0])
    assert_array_equal(
        weighted.cv_results_["mean_test_score"], without.cv_results_["mean_test_score"]
    )


def test_scikeras_own_classifier_is_one():
    """scikit-learn does not see that from its tags."""
    network = scikeras.wrappers.KerasClassifier(
        build, epochs=8, batch_size=16, verbose=0
    )
    found = selector().set_params(estimator=network).fit(X, np.array(["no", "yes"])[Y])
    assert 0 in found.get_support(indices=True)
    shares = [Y.mean(), 1 - Y.mean()]
    entropy = scipy.stats.entropy(shares)
    assert_allclose(-found.cv_results_["mean_test_score"][0], entropy, rtol=0.01)


def test_a_column_as_target():
    with pytest.warns(UserWarning, match="column-vector y was passed"):
        classes = selector().fit(X, Y[:, None])
    assert_array_equal(classes.importances_, selector().fit(X, Y).importances_)
    of_quantity = {"model__activation": "linear", "model__loss": "mse"}
    quantity = selector(KerasRegressor, **of_quantity)
    y = X[:, 0] - X[:, 2]
    expected = clone(quantity).fit(X, y).importances_
    assert_array_equal(quantity.fit(X, y[:, None]).importances_, expected)


def test_several_labels():
    labels = np.stack([X[:, 0] > 0, X[:, 2] > 0], axis=1).astype(int)
    selected = selector(max_features=2, model__n_outputs=2).fit(X, labels)
    assert set(selected.get_support(indices=True)) >= {0, 2}
    # Of a constant, the mean over labels of their entropy.
    entropies = []
    for train, test in KFold(2, shuffle=True, random_state=1).split(X):
        shares = labels[train].mean(axis=0)
        of_rows = labels[test] * np.log(shares) + (1 - labels[test]) * np.log1p(-shares)
        entropies.append(of_rows.mean())
    scores = selected.cv_results_["mean_test_score"]
    assert_allclose(scores[0], np.mean(entropies), rtol=0.01)
    assert scores.max() > scores[0] + 0.2


def test_the_second_look_shuffles_what_the_networks_see():
    """A linear network: shuffling a column costs what its coefficient says."""
    y = 3 * X[:, 0] + X[:, 2] + 0.1 * RNG.normal(size=240)

    def linear(meta):
        model = keras.Sequential(
            [keras.Input((meta["n_features_in_"],)), keras.layers.Dense(1)]
        )
        model.compile(keras.optimizers.Adam(0.1), "mse")
        return model

    learner = OwnNetwork(
        KerasRegressor(linear, epochs=30, batch_size=16, verbose=0),
        X,
        y,
        {},
        Splitting(2, [0]),
        n_repeats=1,
        n_jobs=None,
        random_state=0,
        share_callbacks=False,
    )
    features = np.tile([0, 1, 2], (2, 1))
    networks, _ = learner.train_round(features, seed=0)
    found = learner.increases_by_shuffling(networks, features, seed=0)
    by_hand = 2 * LinearRegression().fit(X[:, :3], y).coef_ ** 2 / y.var()
    assert_allclose(found.mean(axis=0), by_hand, rtol=0.25, atol=0.01)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(240), "at least one"),
        (np.full(240, -1.0), "Negative"),
    ],
)
def test_bad_weights_fail_before_training(weights, message):
    with pytest.raises(ValueError, match=message):
        selector().fit(X, Y, sample_weight=weights)
