import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skviann._elimination import (
    accumulate,
    interaction_strength,
    remaining_after,
    strongest,
)

rng = np.random.default_rng(0)


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


@pytest.mark.parametrize("kind", ["classes", "quantity", "three classes", "outputs"])
def test_interactions_by_hand(kind):
    X = rng.normal(size=(300, 6))
    quantity = X[:, 1] * X[:, 4] + 0.1 * rng.normal(size=300)
    y = {
        "classes": (quantity > 0).astype(int),
        "quantity": quantity,
        "three classes": np.digitize(quantity, [-0.5, 0.5]),
        "outputs": np.column_stack([quantity, X[:, 0] * X[:, 2]]),
    }[kind]
    Z = np.clip(X, *np.quantile(X, [0.01, 0.99], axis=0))
    Z = (Z - Z.mean(axis=0)) / Z.std(axis=0)
    targets = y.reshape(300, -1)
    if y.dtype.kind == "i":
        targets = (y[:, None] == np.unique(y)).astype(float)
    targets = (targets - targets.mean(axis=0)) / targets.std(axis=0)
    expected = [
        max(
            abs((t * Z[:, i] * Z[:, j]).mean())
            for t in targets.T
            for j in range(6)
            if j != i
        )
        for i in range(6)
    ]
    strength = interaction_strength(X, y)
    assert_allclose(strength, expected, rtol=1e-4)
    assert {1, 4} <= set(np.argsort(strength)[-4:])


def test_blocks_do_not_matter(monkeypatch):
    X = rng.normal(size=(50, 11))
    whole = interaction_strength(X, X[:, 0])
    monkeypatch.setattr("skviann._elimination._COLUMNS_AT_A_TIME", 3)
    assert_allclose(interaction_strength(X, X[:, 0]), whole, rtol=1e-5)


def test_difficult_columns_have_no_interactions():
    X = rng.normal(size=(60, 4))
    X[:, 2] = 5.0
    X[:, 3] = 1e300 * np.sign(X[:, 3])
    strength = interaction_strength(X, X[:, 0])
    assert np.isfinite(strength).all()
    assert strength[2] == 0
