import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skviann.feature_selection._elimination import (
    accumulate,
    eliminate,
    remaining_after,
    strongest,
)


@pytest.mark.parametrize(
    ("n_features", "step", "expected"),
    [
        (16, 0.5, []),
        (17, 0.5, [16]),
        (100, 0.5, [50, 25, 16]),
        (100, 0.25, [75, 57, 43, 33, 25, 19, 16]),
        (40, 10, [30, 20, 16]),
        (40, 1000, [16]),
        (1000, None, []),
    ],
)
def test_rounds(n_features, step, expected):
    assert remaining_after(n_features, step) == expected


def test_importances_add_up_over_rounds():
    first = np.array([[0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 0.5, 0.5]])
    second = np.array([[0.25, 0.75], [0.5, 0.5]])
    total = accumulate([(np.arange(4), first), (np.array([2, 3]), second)], 4)
    by_hand = np.array([[0.1, 0.2, 0.3 + 0.25, 0.4 + 0.75], [0, 0, 0.5 + 0.5, 1.0]])
    assert_allclose(total, by_hand / 2)


def test_who_stays_longer_never_comes_behind():
    # Feature 0 is dropped although its share is the largest.
    shares = np.array([[0.7, 0.2, 0.05, 0.05]])
    rounds = [(np.arange(4), shares), (np.array([2, 3]), np.array([[0.6, 0.4]]))]
    (total,) = accumulate(rounds, 4)
    assert total[[2, 3]].min() >= total[[0, 1]].max() > 0
    assert_allclose(total[0] / total[1], 0.7 / 0.2)  # their proportion is kept
    assert_allclose(total.sum(), 1)


def test_zeros_stay_zeros():
    rounds = [(np.arange(3), np.zeros((2, 3))), (np.arange(2), np.zeros((2, 2)))]
    assert_array_equal(accumulate(rounds, 3), np.zeros((2, 3)))


def test_the_strongest_and_the_guarded_stay():
    importances = np.linspace(1, 0, 100)
    features = np.arange(100)
    assert_array_equal(strongest(importances, features, 50, None), np.arange(50))
    interactions = np.zeros(100)
    interactions[[97, 99]] = 1
    kept = strongest(importances, features, 50, interactions)
    assert {97, 99} <= set(kept)
    assert len(kept) == 50
    # No guard where few remain.
    few = np.arange(40, 100)
    assert 99 not in strongest(importances, few, 30, interactions)


def test_each_fold_goes_its_own_way():
    # Two folds of one network each: one likes low numbers, the other high ones.
    likes = np.stack([np.linspace(1, 0, 40), np.linspace(0, 1, 40)])
    seen = []

    def train_round(columns):
        seen.append(columns)
        shares = np.take_along_axis(likes, columns, axis=1) + 0.01
        shares /= shares.sum(axis=1, keepdims=True)
        return len(seen), shares[:, np.newaxis]

    found = eliminate(train_round, 2, 40, [20, 16])
    assert [columns.shape for columns in seen] == [(2, 40), (2, 20), (2, 16)]
    assert_array_equal(found.last_columns, [np.arange(16), np.arange(24, 40)])
    assert_array_equal(found.rankings, [np.arange(40), np.arange(40)[::-1]])
    assert_array_equal(found.n_rounds[0], np.repeat([3, 2, 1], [16, 4, 20]))
    assert (found.first_round, found.last_round) == (1, 3)
    assert found.importances.shape == (2, 40)
    assert_allclose(found.importances.sum(axis=1), 1)


def test_half_of_the_places_are_for_correlated_features():
    importances = np.arange(100, 0, -1.0)
    correlations = np.zeros(100)
    correlations[60:] = 0.5
    kept = strongest(importances, np.arange(100), 50, None, correlations)
    # The first half by importance, the others by correlation, ties in their order.
    assert_array_equal(kept, [*range(25), *range(60, 85)])
