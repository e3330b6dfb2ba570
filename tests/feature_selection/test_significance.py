"""The test on a network that is known: it predicts y by the columns that it uses."""

import warnings
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from skviann.feature_selection import ConditionalSampler
from skviann.feature_selection._significance import (
    ConditionalDraws,
    benjamini_hochberg,
    feature_pvalues,
    holm,
    losses_with_draws,
    randomisation_pvalue,
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


# Arithmetic

# Benjamini & Hochberg (1995), section 4.1: fifteen tests, of which their procedure
# rejects four and Holm's three at 0.05.
PUBLISHED = np.array(
    [
        *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
        *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
    ]
)


@pytest.mark.parametrize(("select", "n_selected"), [(benjamini_hochberg, 4), (holm, 3)])
def test_published_example(select, n_selected):
    shuffled = np.random.default_rng(0).permutation(len(PUBLISHED))
    assert_array_equal(select(PUBLISHED[shuffled]) <= 0.05, shuffled < n_selected)


def benjamini_hochberg_by_hand(pvalues, alpha):
    for k in range(len(pvalues), 0, -1):
        bound = alpha * k / len(pvalues)
        if np.sum(pvalues <= bound) >= k:
            return pvalues <= bound
    return np.zeros(len(pvalues), dtype=bool)


def holm_by_hand(pvalues, alpha):
    selected = np.zeros(len(pvalues), dtype=bool)
    while not selected.all():
        smallest = np.min(pvalues[~selected])
        if smallest > alpha / np.sum(~selected):
            break
        selected[np.flatnonzero(~selected & (pvalues == smallest))[0]] = True
    return selected


@pytest.mark.parametrize(
    ("select", "by_hand"),
    [(benjamini_hochberg, benjamini_hochberg_by_hand), (holm, holm_by_hand)],
)
@pytest.mark.parametrize("seed", range(20))
def test_selection_by_hand(select, by_hand, seed):
    pvalues = np.random.default_rng(seed).uniform(size=30) ** 4
    for alpha in (0.01, 0.05, 0.2):
        assert_array_equal(select(pvalues) <= alpha, by_hand(pvalues, alpha))


@pytest.mark.parametrize("select", [benjamini_hochberg, holm])
def test_nothing_and_everything(select):
    assert_array_equal(select(np.ones(5)), 1)
    assert_array_equal(select(np.zeros(5)), 0)
    assert_array_equal(select([]), [])


@pytest.mark.parametrize("n_rows", [4, 400])
def test_a_pvalue_is_the_larger_one_of_two_t_tests(n_rows):
    rng = np.random.default_rng(0)
    original = rng.exponential(size=n_rows)
    resampled = original + rng.normal(0.2, 0.3, size=(10, n_rows))
    paired = stats.ttest_rel(resampled.mean(axis=0), original, alternative="greater")
    # A new draw in a t-distribution's prediction interval: a two-sample test with one
    # observation on one side.
    predicted = stats.ttest_ind(
        resampled.mean(axis=1), [original.mean()], alternative="greater"
    )
    assert_allclose(
        randomisation_pvalue(original, resampled),
        max(paired.pvalue, predicted.pvalue),
        rtol=1e-9,
    )


def test_exchangeable_losses_have_small_pvalues_no_more_often_than_they_say():
    rng = np.random.default_rng(0)
    losses = rng.normal(5, 1, size=(2000, 11, 20))
    pvalues = np.array([randomisation_pvalue(one[0], one[1:]) for one in losses])
    for level in (0.01, 0.1, 0.5):
        assert np.mean(pvalues <= level) < level + 2 * np.sqrt(level / 2000)


def test_needed_and_useless_columns():
    rng = np.random.default_rng(0)
    original = rng.exponential(size=100)
    worse = original + rng.normal(0.5, 0.3, size=(30, 100))
    better = original + rng.normal(-0.5, 0.3, size=(30, 100))
    assert randomisation_pvalue(original, worse) < 1e-6
    assert randomisation_pvalue(original, better) > 1 - 1e-6


LOSSES = np.array([0.5, 1.0, 0.25, 2.0])


@pytest.mark.parametrize(
    "resampled",
    [
        np.tile(LOSSES, (30, 1)),
        np.tile(LOSSES, (30, 1)) * (1 + 1e-8),
        np.tile(LOSSES, (30, 1)) + 0.1,
        [LOSSES + np.array([0.1, 0.2, 0.3, 0.4])],
    ],
    ids=["the same", "up to rounding", "the same change everywhere", "a single draw"],
)
def test_nothing_to_tell_is_not_significant(resampled):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert randomisation_pvalue(LOSSES, resampled) == 1
        assert randomisation_pvalue(np.zeros(4), np.zeros((30, 4))) == 1
        assert randomisation_pvalue([0.5], [[0.5], [0.7]]) == 1


def test_a_variance_that_is_larger_than_that_of_the_draws():
    rng = np.random.default_rng(0)
    original, resampled = rng.normal(size=50), rng.normal(0.3, 1, size=(30, 50))
    rows = stats.ttest_rel(resampled.mean(axis=0), original).statistic
    draws = stats.ttest_ind(resampled.mean(axis=1), [original.mean()]).statistic
    expected = stats.t.sf(np.array([rows, draws]) / np.sqrt(2), [49, 29]).max()
    assert randomisation_pvalue(original, resampled, 2.0) == pytest.approx(expected)
