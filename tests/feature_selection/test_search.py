"""The search, with networks and with a learner that finds what it is told."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import rankdata

from skviann import VIANNRegressor, VIANNSelector
from skviann.feature_selection._folds import Splitting
from skviann.feature_selection._learner import Learner
from skviann.feature_selection._packed_rows import PackedRows, _CheckPoints
from skviann.feature_selection._path import Path
from skviann.feature_selection._progress import Progress
from skviann.feature_selection._ready_made import ReadyMade
from skviann.feature_selection._search import Plan, search, search_layers
from skviann.feature_selection._verdict import (
    Cut,
    Findings,
    Verdict,
    merge_findings,
)


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
def test_neighbours_of_a_strong_column_are_not_kept(seed):
    X, y, relevant = with_neighbours(seed)
    selector = VIANNSelector(random_state=0).fit(X, y)
    assert_array_equal(selector.get_support(indices=True), relevant)
    # After one look alone, a neighbour would be, too.
    reasons = selector.summary().set_index("feature")["reason"]
    for other in set(range(30)) - set(relevant):
        assert not reasons[f"x{other}"].startswith(("in 2", "in 3", "in 4"))


def test_the_loss_rises_by_what_shuffling_costs():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2000, 4))
    y = X[:, 0] + 0.5 * X[:, 1]
    # Rows that hardly count follow another column.
    X, y = np.vstack([X, X]), np.concatenate([y, 9 * X[:, 3]])
    weights = np.repeat([1, 1e-6], 2000)
    network = VIANNRegressor()
    problem = network._open(*network._read(X, y, reset=True), weights, reset=True)
    learner = PackedRows.split(ReadyMade(network), problem, Splitting(4, [0]))
    features = np.tile([0, 1, 3], (4, 1))
    networks, _ = learner.train_round(features, seed=0)
    increases = learner.increases_by_shuffling(networks, features, seed=0)
    # A shuffled column with the coefficient b adds an error of variance 2 b^2; y is
    # standardised. Rows without weight count in the mean over rows, which is half.
    by_hand = 2 * np.array([1, 0.25, 0]) / 1.25
    assert increases.shape == (4, 3)
    assert_allclose(increases, np.tile(by_hand, (4, 1)), rtol=0.2, atol=0.02)


class Told(Learner):
    """Two folds that rank, predict and need what they are told."""

    n_folds, n_features = 2, 5

    def __init__(self, rankings, curve, needs=(), again=()):
        self.rankings = np.array(rankings)
        self.losses = dict(enumerate(curve))
        self.needs, self.again = needs, again
        self.asked = []

    def train_round(self, features, seed):
        self.asked.append(("round", features))
        shares = np.zeros((2, 5))
        np.put_along_axis(shares, self.rankings, [[5, 4, 3, 2, 1]], axis=1)
        return "networks", np.take_along_axis(shares, features, axis=1)[:, np.newaxis]

    def path(self, rankings, sizes, seed):
        self.asked.append(("path", rankings[:, : sizes[-1]]))
        return path_of(*([self.losses[size]] * 4 for size in sizes), sizes=sizes)

    def increases_by_shuffling(self, networks, features, seed):
        self.losses.update(enumerate(self.again, start=1))
        return np.array(self.needs)

    def fitted(self, networks):
        return networks

    losses_with_draws = interaction_strengths = None


def path_of(*losses, sizes=None):
    losses = np.array(losses, dtype=float)
    means = losses.mean(axis=1)
    sizes = np.arange(len(losses)) if sizes is None else np.array(sizes)
    return Path(sizes, losses, np.ones(losses.shape[1]), np.tile(means, (2, 1)))


def find(learner):
    return search(learner, Plan(seed=0), Progress(0))


def test_folds_look_again_at_their_own():
    learner = Told(
        [[4, 1, 2, 0, 3], [4, 2, 3, 0, 1]],
        [9, 4, 3, 1, 1, 1],
        needs=[[0.2, 0.0, 0.6], [0.4, 0.1, 0.3]],
        again=[2, 1],
    )
    findings = find(learner)
    # Three would be kept; of each fold's own three, the order of need is followed.
    (_, looked_at), (what, followed) = learner.asked[-2:]
    assert_array_equal(looked_at, [[1, 2, 4], [2, 3, 4]])
    assert what == "path"
    assert_array_equal(followed, [[4, 1], [2, 4]])
    assert_allclose(findings.path.mean_losses(), [9, 2, 1, 1, 1, 1])
    # Features 1 to 4; 0 was not looked at, and 2 of the first fold is of no use.
    assert_allclose(findings.needs, [0, 0.1, 0.2, 0.05, 0.45], atol=1e-300)
    assert Verdict(findings).size == 2


def test_the_first_look_stands_where_the_second_finds_nothing():
    learner = Told(
        [[4, 1, 2, 0, 3]] * 2, [9, 4, 3, 1, 1, 1], [[0.2, 0.0, 0.6]] * 2, [99, 99]
    )
    learner.again = [-99, -99]  # a low mean with a large error
    wild = np.array([[-400.0, 100.0, 100.0, -196.0]] * 2)

    def path(rankings, sizes, seed):
        found = Told.path(learner, rankings, sizes, seed)
        return found._replace(losses=wild) if sizes == [1, 2] else found

    learner.path = path
    findings = find(learner)
    assert_allclose(findings.path.mean_losses(), [9, 4, 3, 1, 1, 1])
    assert_array_equal(findings.needs, np.zeros(5))


def test_the_first_order_stands_where_the_second_is_worse():
    rankings = [[4, 1, 2, 0, 3]] * 2
    needs = [[0.2, 0.0, 0.6]] * 2
    worse = find(Told(rankings, [9, 4, 3, 1, 1, 1], needs, again=[5, 4]))
    assert_allclose(worse.path.mean_losses(), [9, 4, 3, 1, 1, 1])
    assert_array_equal(worse.rankings, rankings)
    # Worse on average, but two columns are enough.
    fewer = find(Told(rankings, [9, 4, 3, 1, 1, 1], needs, again=[8, 1]))
    assert Verdict(fewer).size == 2
    assert_array_equal(fewer.rankings[:, :3], [[4, 1, 2]] * 2)


def test_what_is_kept_is_what_the_folds_voted_for():
    # One fold never saw anything in 4, and gives 1 nearly as much as all others give 4.
    learner = Told([[4, 1, 2, 0, 3]] * 2, [9, 1, 1, 1, 1, 1])
    findings = find(learner)
    shares = np.array([[0.0, 0.3, 0.2, 0.1, 0.4], [0.0, 0.97, 0.02, 0.01, 0.0]])
    assert shares.mean(axis=0).argmax() == 1
    verdict = Verdict(findings._replace(importances=shares))
    cut = Cut("auto", 0.05, None, 0)
    assert_array_equal(verdict.kept(cut), [False, False, False, False, True])
    # Votes first, then importances.
    assert_array_equal(verdict.ranking, [5, 2, 3, 4, 1])
    reasons = verdict.reasons(cut, list("abcde"), ["number"] * 5)
    assert reasons[4] == "first in 2 of 2 folds"
    assert reasons[1] == "first in no fold"


def test_a_choice_that_other_rows_would_not_repeat_is_warned_about():
    def verdict(*rankings):
        needs = [[0.2, 0.1]] * 2
        return Verdict(find(Told(rankings, [9, 4, 1, 1, 1, 1], needs)))

    cut = Cut("auto", 0.05, None, 0)
    alike = verdict([4, 1, 2, 0, 3], [1, 4, 0, 2, 3])
    assert list(alike.warnings(cut)) == []
    assert_array_equal(alike.frequencies, [0, 1, 0, 0, 1])
    # Two columns each, none of them in both: the overlap is 0 of 4.
    (text,) = verdict([4, 1, 2, 0, 3], [2, 0, 4, 1, 3]).warnings(cut)
    assert "of 2 that a fold chooses, two folds have 0 in common" in text
    # Where none is chosen, and one kept all the same, there is nothing to doubt.
    none = Verdict(find(Told([[4, 1, 2, 0, 3]] * 2, [1] * 6)))
    assert list(none.warnings(cut._replace(n_least=1))) == []
    # One in both is one of three, which is just enough.
    assert list(verdict([4, 1, 2, 0, 3], [4, 0, 2, 1, 3]).warnings(cut)) == []


def test_needs_and_votes_of_chunks_are_averaged_by_weight():
    def findings(needs, frequencies):
        shares = np.ones((1, 2)) / 2
        path = path_of([1, 1], [0, 0])
        return Findings(shares, np.ones(2), None, path, frequencies, needs)

    merged = merge_findings(
        [
            findings(np.array([0.4, 0.0]), np.array([[0, 0], [1, 0]])),
            findings(np.zeros(2), np.array([[0, 0], [0, 1]])),
        ],
        [3, 1],
        seed=0,
    )
    assert_allclose(merged.needs, [0.3, 0.0])
    assert_allclose(merged.frequencies, [[0, 0], [0.75, 0.25]])


def test_copies_do_not_push_each_other_out():
    """Three columns make y, each stands in the table six times, beside noise."""
    rng = np.random.default_rng(5)
    factors = rng.normal(size=(400, 3))
    copies = np.repeat(factors, 6, axis=1) + 0.14 * rng.normal(size=(400, 18))
    X = np.hstack([copies, rng.normal(size=(400, 30))])
    y = factors @ [1.5, -1.2, 1.0] + 0.5 * rng.normal(size=400)
    kept = VIANNSelector(random_state=0).fit(X, y).get_support(indices=True)
    assert set(kept[kept < 18] // 6) == {0, 1, 2}
    assert kept.max() < 18


def test_correlations_with_the_target():
    """Of a fold, the strongest of a feature's inputs, on rows trained on."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = np.exp(X[:, 0]) + 0.1 * rng.normal(size=60)
    network = VIANNRegressor(n_bins=1, random_state=0)
    table, target = network._read(X, y, reset=True)
    problem = network._open(table, target, None, reset=True)
    learner = PackedRows.split(ReadyMade(network), problem, Splitting(3, [0]))
    found = learner.correlations()
    for (rows, _), of_fold in zip(learner.folds, found, strict=True):
        ranks = rankdata(y[rows])
        expected = [abs(np.corrcoef(x, ranks)[0, 1]) for x in X[rows].T]
        assert_allclose(of_fold, expected, rtol=1e-4)


def test_each_set_has_the_losses_of_its_best_check_point():
    # Two sets, one fold of two rows; the second row counts three times.
    looks = [[[4, 4], [2, 2]], [[1, 3], [5, 1]], [[9, 2], [3, 3]], [[9, 9], [9, 9]]]
    looks = iter(looks + 3 * looks[-1:])
    watch = _CheckPoints(
        lambda _: [np.array(next(looks), dtype=float)], [np.array([1, 3])]
    )
    epochs = [epoch for epoch in range(1, 7) if watch(epoch, 6, None)]
    # Means by hand: 4, 2.5, 3.75, 9 and 2, 2, 3, 9.
    assert_allclose(watch.best, [[[1, 3], [2, 2]]])
    assert epochs[0] == 4  # the second look without a lower sum


class InLayers(Told):
    """Of what is left, the first two features help, down to the last one."""

    def __init__(self, *args):
        super().__init__(*args)
        self.seen = []

    def only(self, features):
        some = super().only(features)
        self.seen.append(features.tolist())
        ranking = np.arange(len(features))
        self.rankings = np.tile(ranking, (2, 1))
        return some

    def train_round(self, features, seed):
        shares = np.ones(features.shape) / features.shape[1]
        return "networks", shares[:, np.newaxis]


def test_what_is_found_is_set_aside():
    # Three layers: the losses fall with the first feature of what is left, but not
    # any more when a single one is left.
    curves = iter([[9, 1, 1, 1, 1, 1], [9, 1, 1, 1, 1], [9, 9.5, 9.5, 9.5]])
    learner = InLayers([[0, 1, 2, 3, 4]] * 2, next(curves))

    def path(rankings, sizes, seed):
        if sizes == [0] and learner.seen:
            learner.losses = dict(enumerate(next(curves)))
        return Told.path(learner, rankings, sizes, seed)

    learner.path = path
    findings = search_layers(learner, Plan(seed=0), Progress(0))
    assert_array_equal(findings.layers, [1, 2, 0, 0, 0])
    assert learner.seen == [[1, 2, 3, 4], [2, 3, 4]]
    verdict = Verdict(findings)
    assert_array_equal(
        verdict.kept(Cut("all-relevant", 0.05, None, 0)), findings.layers > 0
    )
    assert_array_equal(verdict.ranking[:2], [1, 2])
