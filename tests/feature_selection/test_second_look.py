import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skviann import VIANNRegressor, VIANNSelector
from skviann.feature_selection import _ready_made
from skviann.feature_selection._findings import Findings, merge_findings
from skviann.feature_selection._path import Path, choose_size
from skviann.feature_selection._ready_made import _Trainings
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
    reasons = selector.summary().set_index("feature")["reason"]

    monkeypatch.setattr(_ready_made, "_MANY_KEPT", 0)
    without = VIANNSelector(random_state=0).fit(X, y)
    before = without.get_support(indices=True)
    assert set(before) > set(relevant)  # which is what the second look is for
    # Importances and larger sets are those of the first look.
    assert_array_equal(selector.importances_, without.importances_)
    for scores in ("mean_test_score", "split0_test_score"):
        assert_array_equal(
            selector.cv_results_[scores][len(before) :],
            without.cv_results_[scores][len(before) :],
        )
    for neighbour in set(before) - set(relevant):
        assert reasons[f"x{neighbour}"].endswith("beside those kept")


def test_the_loss_rises_by_what_shuffling_costs():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2000, 4))
    y = X[:, 0] + 0.5 * X[:, 1]
    # Rows that hardly count follow another column.
    X, y = np.vstack([X, X]), np.concatenate([y, 9 * X[:, 3]])
    weights = np.repeat([1, 1e-6], 2000)
    sample, _ = open_sample(VIANNRegressor(), X, y, weights, 4, {}, [0])
    features = np.tile([0, 1, 3], (4, 1))
    trained, _ = sample.round(features, 2, seed=0)
    increases = sample.increases_by_shuffling(trained, features, seed=0)
    # A shuffled column with the coefficient b adds an error of variance 2 b^2; y is
    # standardised. Rows without weight count in the mean over rows, which is half.
    by_hand = 2 * np.array([1, 0.25, 0]) / 1.25
    assert increases.shape == (4, 3)
    assert_allclose(increases, np.tile(by_hand, (4, 1)), rtol=0.2, atol=0.02)


def path_of(*losses):
    losses = np.array(losses, dtype=float)
    means = losses.mean(axis=1)[None]
    return Path(np.arange(len(losses)), losses, np.ones(losses.shape[1]), means)


class Samples:
    """Two folds that look at what they are told, and find what they are told."""

    n_folds, n_features, weights = 2, 5, [1.0]

    def __init__(self, needs, losses):
        self.needs, self.losses = needs, losses

    def round(self, features, n_each, seed):
        self.looked_at = features
        return [None], [None]

    def each(self, method, *args, of_each=None):
        if method == "increases_by_shuffling":
            return [np.array(self.needs)]
        self.followed = args[0]
        return [path_of(*self.losses)]


class Silent:
    def step(self, text):
        pass


def look(needs, losses, rankings):
    samples = Samples(needs, losses)
    first = path_of([9, 9, 9, 9], [4] * 4, [3] * 4, [1] * 4, [1] * 4, [1] * 4)
    assert choose_size(first) == 3
    trainings = _Trainings(samples, 1, 0, Silent(), in_blocks=False)
    return samples, first, *trainings.look_again(np.array(rankings), first)


def test_folds_look_at_their_own_and_are_averaged():
    rankings = [[4, 1, 2, 0, 3], [4, 2, 3, 0, 1]]
    needs = [[0.2, 0.0, 0.6], [0.4, 0.1, 0.3]]
    samples, first, path, needs = look(needs, [[2] * 4, [1] * 4], rankings)
    assert_array_equal(samples.looked_at, [[1, 2, 4], [2, 3, 4]])
    assert_array_equal(samples.followed, [[4, 1], [2, 4]])
    # Features 1 to 4; 0 was not looked at, and 2 of the first fold is of no use.
    assert_allclose(needs, [0, 0.1, 0.2, 0.05, 0.45], atol=1e-300)
    assert_allclose(path.mean_losses(), [9, 2, 1, 1, 1, 1])
    assert choose_size(path) == 2
    assert_allclose(first.mean_losses(), [9, 4, 3, 1, 1, 1])


def test_the_first_look_stands_where_the_second_finds_nothing():
    wild = [[-99, 99, 99, -98]] * 2  # a low mean with a large error
    rankings = [[4, 1, 2, 0, 3]] * 2
    _, first, path, needs = look([[0.2, 0.0, 0.6]] * 2, wild, rankings)
    assert path is first
    assert_array_equal(needs, np.zeros(5))


def test_needs_of_chunks_are_averaged_by_weight():
    def findings(needs):
        return Findings(
            np.ones((1, 2)) / 2, np.ones(2), None, path_of([1, 1], [0, 0]), None, needs
        )

    merged = merge_findings(
        [findings(np.array([0.4, 0.0])), findings(np.zeros(2))], [3, 1], seed=0
    )
    assert_allclose(merged.needs, [0.3, 0.0])
