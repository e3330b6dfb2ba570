"""Losses of a regressor, against scikit-learn's metrics and linear models."""

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import PoissonRegressor, QuantileRegressor
from sklearn.metrics import (
    d2_absolute_error_score,
    d2_pinball_score,
    d2_tweedie_score,
    mean_absolute_error,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
    r2_score,
)

from conftest import FAST
from skviann import VIANNRegressor
from skviann._losses import make_loss, weighted_quantile
from skviann._target import Target

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 3))
COUNTS = rng.poisson(np.exp(0.8 * X[:, 0] - 0.4 * X[:, 1] + 1))
WEIGHTS = rng.integers(0, 4, 300)

SETTINGS = {
    "squared_error": {},
    "absolute_error": {"loss": "absolute_error"},
    "poisson": {"loss": "poisson"},
    "quantile": {"loss": "quantile", "quantile": 0.9},
}
MEAN_LOSS = {
    "squared_error": mean_squared_error,
    "absolute_error": mean_absolute_error,
    "poisson": lambda y, p, **kw: mean_poisson_deviance(y, p, **kw) / 2,
    "quantile": lambda y, p, **kw: mean_pinball_loss(y, p, alpha=0.9, **kw),
}
SCORE = {
    "squared_error": r2_score,
    "absolute_error": d2_absolute_error_score,
    "poisson": lambda y, p, **kw: d2_tweedie_score(y, p, power=1, **kw),
    "quantile": lambda y, p, **kw: d2_pinball_score(y, p, alpha=0.9, **kw),
}


def loss_of(name):
    return make_loss(name, SETTINGS[name].get("quantile"))


def predictions_of(outputs, name):
    return np.exp(outputs) if name == "poisson" else outputs


@pytest.mark.parametrize("name", SETTINGS)
def test_losses_are_those_of_scikit_learn(name):
    loss = loss_of(name)
    y, outputs = COUNTS.astype("float32"), rng.normal(size=300).astype("float32")
    expected = MEAN_LOSS[name](y, predictions_of(outputs, name))
    assert_allclose(loss.of_values(y, outputs).mean(), expected, rtol=1e-5)
    of_tensors = loss.of_values(tf.constant(y), tf.constant(outputs), tf.math)
    assert_allclose(tf.reduce_mean(of_tensors), expected, rtol=1e-5)
    # Outputs of several members, of two outputs each.
    target = Target("regression", 2, loss=loss)
    y, outputs = y.reshape(150, 2), outputs.reshape(1, 150, 2).repeat(3, axis=0)
    losses = target.row_losses(y, outputs, np.ones(150))
    assert losses.shape == (3, 150)
    assert_allclose(losses.mean(axis=1), [expected] * 3, rtol=1e-5)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_constant_is_scikit_learns_of_copied_rows(name):
    copied = np.repeat(COUNTS, WEIGHTS)
    dummy = {
        "absolute_error": {"strategy": "median"},
        "quantile": {"strategy": "quantile", "quantile": 0.9},
    }.get(name, {"strategy": "mean"})
    best = DummyRegressor(**dummy).fit(copied[:, None], copied).predict([[0]])[0]
    y, constant = COUNTS[:, None].astype(float), None
    constant = predictions_of(loss_of(name).constant(y, WEIGHTS), name)[0]
    mean_losses = [
        MEAN_LOSS[name](COUNTS, np.full(300, one), sample_weight=WEIGHTS)
        for one in (constant, best)
    ]
    assert_allclose(*mean_losses)


def test_weighted_quantiles_are_those_of_copied_rows():
    values = rng.normal(size=(50, 2)).round(1)
    weights = rng.integers(0, 5, 50)
    copied = np.repeat(values, weights, axis=0)
    for level in (0.1, 0.5, 0.77):
        assert_allclose(
            weighted_quantile(values, weights / 7, level),
            np.quantile(copied, level, axis=0, method="averaged_inverted_cdf"),
        )


def test_a_fold_without_events_has_a_finite_constant():
    constant = loss_of("poisson").constant(np.zeros((10, 1)), np.ones(10))
    assert_allclose(constant, np.log(0.05))


@pytest.mark.parametrize("name", SETTINGS)
def test_score_is_scikit_learns(name):
    network = VIANNRegressor(**FAST, **SETTINGS[name], random_state=0)
    network.fit(X, COUNTS, sample_weight=WEIGHTS)
    predicted = network.predict(X)
    kept = WEIGHTS > 0
    for weights in (None, WEIGHTS):
        expected = SCORE[name](COUNTS, predicted, sample_weight=weights)
        assert_allclose(network.score(X, COUNTS, sample_weight=weights), expected)
    assert expected > 0.1
    again = clone(network).fit(X[kept], COUNTS[kept], sample_weight=WEIGHTS[kept])
    assert_allclose(again.predict(X), predicted)
    # The model of Keras predicts the same, in the unit of the networks.
    scaled = network.scaler_.transform(X)
    of_keras = network.model_.predict(scaled, verbose=0)
    of_keras = network.target_scaler_.inverse_transform(of_keras)[:, 0]
    assert_allclose(of_keras, predicted, rtol=1e-4)


@pytest.mark.parametrize("name", ["poisson", "absolute_error", "quantile"])
def test_a_linear_network_is_the_linear_model(name):
    network = VIANNRegressor(
        (),
        n_members=1,
        n_bins=1,
        learning_rate=0.01,
        batch_size=300,
        epochs=600,
        random_state=0,
        **SETTINGS[name],
    ).fit(X, COUNTS)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    linear = {
        # The network's penalty, 0.001 times the squared weights, in sklearn's unit.
        "poisson": PoissonRegressor(alpha=2e-3 * COUNTS.mean(), tol=1e-8),
        "absolute_error": QuantileRegressor(alpha=0),
        "quantile": QuantileRegressor(alpha=0, quantile=0.9),
    }[name].fit(scaled, COUNTS)
    mean_loss = MEAN_LOSS[name]
    losses = [
        mean_loss(COUNTS, one) for one in (network.predict(X), linear.predict(scaled))
    ]
    assert_allclose(*losses, rtol=0.01)
    if name == "poisson":
        assert_allclose(network.predict(X), linear.predict(scaled), rtol=0.01)


def test_counts_are_predicted_as_well_as_by_trees():
    new = np.random.default_rng(1).normal(size=(1000, 3))
    truth = np.exp(0.8 * new[:, 0] - 0.4 * new[:, 1] + 1)
    network = VIANNRegressor(loss="poisson", random_state=0).fit(X, COUNTS)
    trees = HistGradientBoostingRegressor(loss="poisson", max_iter=30).fit(X, COUNTS)
    ours, theirs = (
        d2_tweedie_score(truth, one.predict(new), power=1) for one in (network, trees)
    )
    assert ours > max(theirs, 0.8)
    assert network.predict(10 * new).min() > 0


def test_one_row_decides_nothing_of_absolute_errors():
    y = X[:, 0].copy()
    y[0] = 1e9
    network = VIANNRegressor(**FAST, loss="absolute_error", random_state=0).fit(X, y)
    assert np.median(np.abs(network.predict(X) - X[:, 0])) < 0.2
    assert_allclose(network.target_scaler_.mean_, np.median(y))
    distance = np.median(np.abs(y - np.median(y)))
    assert_allclose(network.target_scaler_.scale_, 1.4826 * distance, rtol=1e-4)


def test_several_outputs():
    both = np.column_stack([COUNTS, rng.poisson(np.exp(X[:, 2]))])
    network = VIANNRegressor(**FAST, loss="poisson", random_state=0).fit(X, both)
    predicted = network.predict(X)
    assert predicted.shape == (300, 2)
    scores = [d2_tweedie_score(both[:, j], predicted[:, j], power=1) for j in (0, 1)]
    assert min(scores) > 0.2
    assert_allclose(network.score(X, both), np.mean(scores))
    assert_allclose(network.target_scaler_.scale_, both.mean(axis=0))


def test_early_stopping_looks_at_the_loss():
    network = VIANNRegressor(
        **FAST, loss="poisson", early_stopping=True, random_state=0
    ).fit(X, COUNTS)
    # Half the deviance in units of the mean; a constant's is about as much on all rows.
    constant = mean_poisson_deviance(COUNTS, np.full(300, COUNTS.mean()))
    constant /= 2 * COUNTS.mean()
    values = network.history_["val_loss"]
    assert 0 < min(values) < values[0] < 1.5 * constant


def test_chunks_of_counts():
    network = VIANNRegressor(**FAST, loss="poisson", random_state=0)
    for rows in np.split(np.arange(300), 3):
        network.partial_fit(X[rows], COUNTS[rows])
    network.partial_fit(X[:20], np.zeros(20))  # a chunk may hold zeros alone
    with pytest.raises(ValueError, match="poisson.*-1"):
        network.partial_fit(X[:2], [-1.0, 1])
    assert network.predict(X).min() > 0


@pytest.mark.parametrize(
    ("params", "y", "message"),
    [
        ({"loss": "poisson"}, -COUNTS, "loss='poisson' takes .* 0 or more, .* -"),
        ({"loss": "poisson"}, 0 * COUNTS, "loss='poisson' needs a positive sum"),
        ({"loss": "quantile"}, COUNTS, "quantile=None do not go together"),
        ({"quantile": 0.5}, COUNTS, "'squared_error' and quantile=0.5 do not go"),
        ({"loss": "quantile", "quantile": 1.0}, COUNTS, "'quantile' parameter"),
        ({"loss": "gamma"}, COUNTS, "'loss' parameter"),
    ],
)
def test_what_does_not_go_together(params, y, message):
    with pytest.raises(ValueError, match=message):
        VIANNRegressor(**params).fit(X, y)
