"""Selection of columns that tell when an event happens."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import KFold

from conftest import FAST
from skviann import VIANNRegressor, VIANNSelector, VIANNSurvival

RELEVANT = [1, 5, 10, 15]


def make(seed, n_rows=400, share_of_events=0.6, n_columns=20):
    """Weibull's times; as many rows are censored, at random times."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_columns))
    log_hazard = 0.8 * (X[:, 1] - X[:, 5] + X[:, 10]) + np.abs(X[:, 15])
    happened = (rng.exponential(size=n_rows) / np.exp(log_hazard)) ** (1 / 1.5)
    last_seen = rng.exponential(size=n_rows)
    last_seen *= np.quantile(happened / last_seen, share_of_events)
    event = happened <= last_seen
    return X, event, np.minimum(happened, last_seen)


@pytest.fixture(scope="module")
def data():
    X, event, time = make(0)
    y = np.empty(400, dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = event, time
    return X, y


def test_the_default_network_finds_the_columns(data):
    X, y = data
    assert_allclose(y["event"].mean(), 0.6, atol=0.01)
    selector = VIANNSelector(n_repeats=1, random_state=0).fit(X, y)
    assert isinstance(selector.estimator_, VIANNSurvival)
    assert_array_equal(selector.get_support(indices=True), RELEVANT)


def test_thresholds(data):
    X, y = data
    y = pd.DataFrame({"event": y["event"].astype(int), "time": y["time"]})
    selector = VIANNSelector(VIANNSurvival(), threshold="mean", random_state=0)
    assert_array_equal(selector.fit(X, y).get_support(indices=True), RELEVANT)
    selector.set_params(threshold="fdr").fit(X, y)
    # One of them has the least effect, and both of its signs.
    assert {1, 5, 10} <= set(selector.get_support(indices=True)) <= set(RELEVANT)
    assert np.sort(selector.pvalues_)[2] < 1e-3


def test_weights_and_groups(data):
    X, y = data
    # Rows of which half are noise, of little weight; each row is there three times.
    X = np.vstack([X, np.random.default_rng(1).permutation(X)])
    y, weights = np.tile(y, 2), np.repeat([1.0, 1e-6], 400)
    X = np.vstack([X, X + 1e-9, X - 1e-9])
    y, weights = np.tile(y, 3), np.tile(weights, 3)
    selector = VIANNSelector(n_repeats=1, random_state=0)
    selector.fit(X, y, sample_weight=weights, groups=np.tile(np.arange(800), 3))
    assert_array_equal(selector.get_support(indices=True), RELEVANT)


def test_few_events_are_shared_among_folds():
    X, event, time = make(3, n_rows=1200, share_of_events=0.01)
    y = pd.DataFrame({"event": event, "time": time})
    assert event.sum() == 12

    selector = VIANNSelector(VIANNSurvival(**FAST), random_state=0)
    with pytest.warns(UserWarning, match="No column is kept"):
        selector.fit(X, y)
    # Few events count as few rows: four folds, three times.
    assert len([name for name in selector.cv_results_ if "split" in name]) == 12
    # Three events in each fold: its loss without columns is that of about 300 rows.
    firsts = [selector.cv_results_[f"split{i}_test_score"][0] for i in range(12)]
    assert -6 < min(firsts) <= max(firsts) < -3


def test_the_path_begins_with_the_likelihood_without_columns(data):
    X, y = data
    splits = [*KFold(3).split(X)]
    network = VIANNSurvival(**FAST)
    selector = VIANNSelector(network, cv=splits, random_state=0)
    selector.fit(X[:, RELEVANT], y)
    for fold, (_, held_out) in enumerate(splits):
        time, event = y["time"][held_out], y["event"][held_out]
        logs = [np.log(np.sum(time >= one)) for one in time[event]]
        expected = np.sum(logs) / len(held_out) / y["event"].mean()
        found = selector.cv_results_[f"split{fold}_test_score"][0]
        assert_allclose(-found, expected, rtol=1e-5)


def test_among_many_columns_and_in_chunks():
    X, event, time = make(0, n_rows=600, n_columns=80)
    y = pd.DataFrame({"event": event, "time": time})
    selector = VIANNSelector(cv=2, n_repeats=1, random_state=0).fit(X, y)
    assert_array_equal(selector.get_support(indices=True), RELEVANT)
    selector = VIANNSelector(VIANNSurvival(), random_state=0)
    for rows in np.split(np.arange(600), 2):
        selector.partial_fit(X[rows, :20], y.iloc[rows])
    assert set(RELEVANT) <= set(selector.get_support(indices=True))


def test_a_frame_of_booleans_and_numbers_is_no_regression(data):
    X, y = data
    with pytest.raises(ValueError, match="VIANNRegressor predicts no such"):
        VIANNSelector(VIANNRegressor()).fit(X, pd.DataFrame(y))
