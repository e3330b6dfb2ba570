import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skviann import VIANNRegressor, VIANNSelector
from skviann.feature_selection import _ready_made
from skviann.feature_selection._sample import open_sample


def with_neighbours(seed):
    """Columns with a correlation of 0.7 with the next, five of which matter."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((300, 30))
    for j in range(1, 30):
        X[:, j] = 0.7 * X[:, j - 1] + np.sqrt(1 - 0.7**2) * X[:, j]
    relevant = [5, 12, 13, 20, 25]
    y = X[:, relevant] @ [3, -2, 1.5, 1, -1] + 0.5 * rng.standard_normal(300)
    return X, y, relevant


@pytest.mark.parametrize("seed", [2, 3])
def test_neighbours_of_a_strong_column_are_not_kept(seed, monkeypatch):
    X, y, relevant = with_neighbours(seed)
    selector = VIANNSelector(random_state=0).fit(X, y)
    assert_array_equal(selector.get_support(indices=True), relevant)
    # They are first in the ranking and in importance, and took part once more.
    assert set(np.argsort(selector.ranking_)[:5]) == set(relevant)
    assert set(np.argsort(-selector.feature_importances_)[:5]) == set(relevant)
    assert selector.n_rounds_.max() == 2
    monkeypatch.setattr(_ready_made, "_MANY_KEPT", 0)
    without = VIANNSelector(random_state=0).fit(X, y)
    assert without.n_features_ > 5  # which is what the second look is for
    # Larger sets are those of the first path.
    n_columns = without.n_features_
    assert_array_equal(
        selector.cv_results_["mean_test_score"][n_columns:],
        without.cv_results_["mean_test_score"][n_columns:],
    )


def test_the_loss_rises_by_what_shuffling_costs():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2000, 4))
    y = X[:, 0] + 0.5 * X[:, 1]
    sample, _ = open_sample(VIANNRegressor(), X, y, None, 4, {}, [0])
    features = np.tile([0, 1, 3], (4, 1))
    trained, _ = sample.round(features, 2, seed=0)
    increases = sample.losses_by_shuffling(trained, features, seed=0)
    # A shuffled column with the coefficient b adds an error of variance 2 b^2; y is
    # standardised.
    by_hand = 2 * np.array([1, 0.25, 0]) / 1.25
    assert increases.shape == (4, 3)
    assert_allclose(increases, np.tile(by_hand, (4, 1)), rtol=0.15, atol=0.01)
