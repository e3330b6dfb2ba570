"""Selection by the loss of the regressor."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import mean_pinball_loss, mean_poisson_deviance
from sklearn.model_selection import KFold

from conftest import FAST
from skviann import VIANNRegressor, VIANNSelector


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).normal(size=(600, 20))


def counts_of(X):
    mean = np.exp(0.6 * X[:, 2] - 0.6 * X[:, 7] + 0.6 * X[:, 11] + 0.6 * X[:, 16])
    return np.random.default_rng(1).poisson(mean)


@pytest.mark.parametrize("threshold", ["auto", "fdr"])
def test_counts(X, threshold):
    selector = VIANNSelector(
        VIANNRegressor(loss="poisson"), threshold=threshold, random_state=0
    ).fit(X, counts_of(X))
    assert_array_equal(selector.get_support(indices=True), [2, 7, 11, 16])
    assert selector.target_scale_ == "raw"


def test_heavy_tails(X):
    noise = np.random.default_rng(1).standard_cauchy(600)
    y = X[:, 0] - X[:, 5] + X[:, 9] + 0.3 * noise
    network = VIANNRegressor(loss="absolute_error")
    selector = VIANNSelector(network, n_repeats=1, random_state=0).fit(X, y)
    assert_array_equal(selector.get_support(indices=True), [0, 5, 9])
    assert selector.target_scale_ == "raw"


def test_a_column_that_matters_for_the_spread_alone(X):
    noise = np.random.default_rng(1).normal(size=600)
    y = X[:, 3] + np.exp(0.8 * X[:, 4]) * noise
    kept = [
        VIANNSelector(network, n_repeats=1, random_state=0).fit(X, y).get_support()
        for network in (
            VIANNRegressor(loss="quantile", quantile=0.9),
            VIANNRegressor(loss="absolute_error"),
        )
    ]
    assert_array_equal(np.flatnonzero(kept[0]), [3, 4])
    assert_array_equal(np.flatnonzero(kept[1]), [3])


@pytest.mark.parametrize("name", ["poisson", "quantile"])
def test_the_path_begins_with_the_loss_of_a_constant(X, name):
    y, splits = counts_of(X), [*KFold(3).split(X)]
    quantile = 0.8 if name == "quantile" else None
    network = VIANNRegressor(**FAST, loss=name, quantile=quantile)
    selector = VIANNSelector(network, cv=splits, random_state=0).fit(X[:, :4], y)
    for fold, (trained_on, held_out) in enumerate(splits):
        if name == "poisson":
            mean = np.full(len(held_out), y[trained_on].mean())
            expected = mean_poisson_deviance(y[held_out], mean) / 2 / y.mean()
        else:
            constant = np.quantile(y[trained_on], 0.8, method="averaged_inverted_cdf")
            constant = np.full(len(held_out), constant)
            expected = mean_pinball_loss(y[held_out], constant, alpha=0.8)
            expected /= 1.4826 * np.median(np.abs(y - np.median(y)))
        found = selector.cv_results_[f"split{fold}_test_score"][0]
        assert_allclose(-found, expected, rtol=1e-4)


def test_among_many_columns():
    # Eliminated in rounds, with the guards for correlated columns and for products.
    X = np.random.default_rng(0).normal(size=(600, 80))
    spread = np.exp(0.8 * X[:, 4])
    y = 2 * X[:, 3] + spread * np.random.default_rng(1).normal(size=600)
    network = VIANNRegressor(loss="quantile", quantile=0.9)
    selector = VIANNSelector(network, cv=3, n_repeats=1, random_state=0).fit(X, y)
    assert_array_equal(selector.get_support(indices=True), [3, 4])


def test_chunks_of_counts(X):
    selector = VIANNSelector(VIANNRegressor(loss="poisson"), random_state=0)
    y = counts_of(X)
    for rows in np.split(np.arange(600), 2):
        selector.partial_fit(X[rows], y[rows])
    assert {2, 7, 11, 16} <= set(selector.get_support(indices=True))
    assert selector.estimator_.predict(X).min() > 0
