import numpy as np
import pytest
from numpy.testing import assert_allclose

from skviann.feature_selection._interactions import interaction_strengths

rng = np.random.default_rng(0)


def by_hand(X, y, rows=None):
    """The formula; rows that are not seen count nothing, columns are scaled by all."""
    rows = np.arange(len(X)) if rows is None else rows
    Z = np.clip(X, *np.quantile(X, [0.01, 0.99], axis=0))
    Z = (Z - Z.mean(axis=0)) / Z.std(axis=0)
    targets = y.reshape(len(y), -1)
    if y.dtype.kind == "i":
        targets = (y[:, None] == np.unique(y)).astype(float)
    targets = (targets - targets.mean(axis=0)) / targets.std(axis=0)
    products = [abs((t[:, None] * Z)[rows].T @ Z[rows]) / len(rows) for t in targets.T]
    others = ~np.eye(X.shape[1], dtype=bool)
    return np.max(products, axis=0, where=others, initial=0).max(axis=0)


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
    strengths = interaction_strengths(X, y)
    assert strengths.shape == (1, 6)
    assert_allclose(strengths[0], by_hand(X, y), rtol=1e-4)
    assert {1, 4} <= set(np.argsort(strengths[0])[-4:])


def test_a_fold_sees_its_rows_only():
    X = rng.normal(size=(200, 5))
    y = X[:, 1] * X[:, 3]
    seen = rng.random((3, 200)) < 0.7
    expected = [by_hand(X, y, np.flatnonzero(rows)) for rows in seen]
    assert_allclose(interaction_strengths(X, y, seen), expected, rtol=1e-4)


def test_many_columns():
    X = rng.normal(size=(50, 1030))  # more than are looked at together
    strengths = interaction_strengths(X, X[:, 0])
    assert_allclose(strengths[0], by_hand(X, X[:, 0]), rtol=1e-4)


def test_difficult_columns_have_no_interactions():
    X = rng.normal(size=(60, 4))
    X[:, 2] = 5.0
    X[:, 3] = 1e300 * np.sign(X[:, 3])
    (strengths,) = interaction_strengths(X, X[:, 0])
    assert np.isfinite(strengths).all()
    assert strengths[2] == 0
