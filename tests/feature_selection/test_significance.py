"""The test on a network that is known: it predicts y by the columns that it uses."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from skviann.feature_selection import ConditionalSampler
from skviann.feature_selection._significance import (
    ConditionalDraws,
    feature_pvalues,
    losses_with_draws,
)

N_FOLDS, N_TRAIN, N_ROWS = 2, 200, 100


def draw(seed, uses):
    """Two folds of 5 columns, and the losses of networks that use some of them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N_FOLDS, N_TRAIN + N_ROWS, 5))
    X[..., 1] = 0.8 * X[..., 0] + 0.6 * X[..., 1]  # correlated with what matters
    y = X[..., 0] + 0.5 * rng.normal(size=X.shape[:2])
    data = [(of_fold[:N_TRAIN], of_fold[N_TRAIN:]) for of_fold in X]
    y = y[:, N_TRAIN:]

    def losses_of(tested, number=None, drawn=None):
        values = np.stack(
            [
                held_out[:, of_fold]
                for (_, held_out), of_fold in zip(data, tested, strict=True)
            ]
        )[:, None]
        if number is not None:
            values = np.repeat(values, len(drawn[0]), axis=1)
            values[..., number] = np.stack(drawn)[..., 0]
        return list((y[:, None] - values @ uses) ** 2)

    return data, losses_of


def pvalues(seed, uses, tested):
    data, losses_of = draw(seed, np.asarray(uses, dtype=float))
    draws = [
        ConditionalDraws(
            ConditionalSampler(),
            *of_fold,
            np.zeros(0, dtype=int),
            np.array(columns)[:, None],
        )
        for of_fold, columns in zip(data, tested, strict=True)
    ]
    losses = losses_with_draws(
        partial(losses_of, tested), draws, np.asarray(tested), seed
    )
    return feature_pvalues(losses, 7)


def test_what_is_used_and_helps_is_significant():
    found = pvalues(0, [1, 0, 0], [[0, 1, 2]] * 2)
    assert found[0] < 1e-6
    # Columns that make no difference, or that no fold tests.
    assert_array_equal(found[1:], 1)


def test_folds_test_columns_of_their_own():
    found = pvalues(0, [1, 0.01], [[0, 2], [0, 3]])
    assert found[0] < 1e-6
    assert ((found[2:4] > 0.001) & (found[2:4] < 1)).all()
    assert_array_equal(found[[1, 4, 5, 6]], 1)


def test_columns_that_only_mislead_are_uniform():
    # The networks use column 1, which says nothing beyond column 0, and column 2.
    found = [pvalues(seed, [0.8, 0.2, 0.2], [[0, 1, 2]] * 2)[1:3] for seed in range(60)]
    of_noise = np.array(found)[:, 1]
    assert stats.binomtest(int((of_noise < 0.1).sum()), 60, 0.1).pvalue > 0.01


@pytest.mark.parametrize("seed", [0, 1])
def test_same_seed_same_pvalues(seed):
    uses, tested = [1, 0.1, 0.1], [[0, 1, 2]] * 2
    assert_allclose(
        pvalues(seed, uses, tested), pvalues(seed, uses, tested), rtol=0, atol=0
    )
