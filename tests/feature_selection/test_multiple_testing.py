import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from skviann.feature_selection._multiple_testing import (
    benjamini_hochberg,
    holm,
    p_over_draws,
    p_over_rows,
    randomisation_pvalues,
)

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
    selected = select(PUBLISHED[shuffled], alpha=0.05)
    assert selected.dtype == bool
    assert_array_equal(selected, shuffled < n_selected)


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
        assert_array_equal(select(pvalues, alpha), by_hand(pvalues, alpha))


@pytest.mark.parametrize("select", [benjamini_hochberg, holm])
def test_nothing_and_everything(select):
    assert_array_equal(select(np.ones(5), 0.05), np.zeros(5, dtype=bool))
    assert_array_equal(select(np.zeros(5), 0.05), np.ones(5, dtype=bool))
    assert_array_equal(select([], 0.05), np.zeros(0, dtype=bool))


def test_pvalues_are_scipys_t_tests():
    rng = np.random.default_rng(0)
    original = rng.exponential(size=40)
    resampled = original + rng.normal(0.05, 0.3, size=(30, 40))
    pvalues = randomisation_pvalues(original, resampled)
    paired = stats.ttest_rel(resampled.mean(axis=0), original, alternative="greater")
    assert_allclose(pvalues.over_rows, paired.pvalue, rtol=1e-9)
    # A new draw in a t-distribution's prediction interval: a two-sample test with one
    # observation on one side.
    predicted = stats.ttest_ind(
        resampled.mean(axis=1), [original.mean()], alternative="greater"
    )
    assert_allclose(pvalues.over_draws, predicted.pvalue, rtol=1e-9)
    assert pvalues.larger == max(pvalues.over_draws, pvalues.over_rows)


def test_exchangeable_losses_have_uniform_pvalues():
    rng = np.random.default_rng(0)
    losses = rng.normal(5, 1, size=(2000, 11, 1))
    pvalues = [p_over_draws(each[0], each[1:]) for each in losses]
    assert stats.kstest(pvalues, "uniform").pvalue > 0.01


def test_needed_and_useless_columns():
    rng = np.random.default_rng(0)
    original = rng.exponential(size=100)
    worse = original + rng.normal(0.5, 0.3, size=(30, 100))
    better = original + rng.normal(-0.5, 0.3, size=(30, 100))
    assert randomisation_pvalues(original, worse).larger < 1e-6
    assert min(randomisation_pvalues(original, better)) > 1 - 1e-6


LOSSES = np.array([0.5, 1.0, 0.25, 2.0])


@pytest.mark.parametrize(
    "resampled",
    [
        np.tile(LOSSES, (30, 1)),
        np.tile(LOSSES, (30, 1)) * (1 + 1e-8),
        np.tile(LOSSES, (30, 1)) + 0.1,
        np.tile(LOSSES, (1, 1)),
    ],
    ids=["the same", "up to rounding", "the same change everywhere", "a single draw"],
)
def test_nothing_to_tell_is_not_significant(resampled):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert randomisation_pvalues(LOSSES, resampled) == (1, 1, 1)
        assert randomisation_pvalues(np.zeros(4), np.zeros((30, 4))) == (1, 1, 1)
        assert randomisation_pvalues([0.5], [[0.5], [0.7]]).over_rows == 1


def test_a_single_draw_still_tells_over_rows():
    resampled = [LOSSES + np.array([0.1, 0.2, 0.3, 0.4])]
    assert p_over_draws(LOSSES, resampled) == 1
    assert_allclose(
        p_over_rows(LOSSES, resampled),
        stats.ttest_1samp([0.1, 0.2, 0.3, 0.4], 0, alternative="greater").pvalue,
    )


def test_a_variance_that_is_larger_than_that_of_the_draws():
    rng = np.random.default_rng(0)
    original, resampled = rng.normal(size=50), rng.normal(0.3, 1, size=(30, 50))
    once = randomisation_pvalues(original, resampled)
    twice = randomisation_pvalues(original, resampled, variance_factor=2.0)
    for p, q, degrees in ((once[0], twice[0], 29), (once[1], twice[1], 49)):
        t = stats.t.isf(p, degrees)
        assert q == pytest.approx(stats.t.sf(t / np.sqrt(2), degrees))
