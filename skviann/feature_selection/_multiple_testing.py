"""From held-out losses to p-values, and from p-values to a selection; arrays only."""

from typing import NamedTuple

import numpy as np
from scipy import stats

# A change of the mean loss by less than this share of it is rounding: networks compute
# in float32, and not to the last digit the same in batches of another size.
_ROUNDING = 1e-6


class RandomisationPValues(NamedTuple):
    """P-values of one column, by `randomisation_pvalues`."""

    over_draws: float
    over_rows: float
    larger: float


def p_over_draws(original, resampled, variance_factor=1.0):
    """P-value of a column, from how much its draws scatter (holdout randomisation).

    The mean loss on the rows as they are is compared with its mean and standard
    deviation on the rows with the column redrawn::

        t = (mean(L) - L_original) / (sd(L) * sqrt(1 + 1 / n_draws))

    where ``L`` are the `n_draws` mean losses. The p-value is the probability of a
    larger value under Student's t with ``n_draws - 1`` degrees of freedom: exact if the
    original loss is one more draw of the same normal distribution. A rank among the
    draws would never be below ``1 / (n_draws + 1)``.

    Parameters
    ----------
    original : array-like of shape (n_rows,)
        Held-out loss of each row.
    resampled : array-like of shape (n_draws, n_rows)
        The same with the column's values redrawn given the other columns.
    variance_factor : float, default=1.0
        See `randomisation_pvalues`.

    Returns
    -------
    pvalue : float
        Small if the network predicts worse without the column's own values. 1 if the
        mean loss stays the same, or is the same in all draws.

    References
    ----------
    W. Tansey, V. Veitch, H. Zhang, R. Rabadan, D. M. Blei (2022), "The holdout
    randomization test for feature selection in black box models", Journal of
    Computational and Graphical Statistics 31(1), 151-162, algorithm 1.

    Examples
    --------
    The original mean loss is 1, those of the draws are 2, 3 and 4:
    ``t = (3 - 1) / sqrt(4 / 3)``, about 1.73, with 2 degrees of freedom.

    >>> from skviann.feature_selection._multiple_testing import p_over_draws
    >>> print(f"{p_over_draws([1, 1], [[2, 2], [3, 3], [3, 5]]):.4f}")
    0.1127
    """
    original, resampled = _as_losses(original, resampled)
    means = resampled.mean(axis=1)
    error = _deviation(means) * np.sqrt(variance_factor * (1 + 1 / len(means)))
    scale = np.abs(original).mean()
    return _upper_tail(means.mean() - original.mean(), error, len(means) - 1, scale)


def p_over_rows(original, resampled, variance_factor=1.0):
    """P-value of a column, from how much its effect scatters over rows.

    A one-sided paired t-test: does the loss of a row, averaged over the draws, exceed
    the loss of the row as it is? (conditional permutation importance)

    Parameters
    ----------
    original : array-like of shape (n_rows,)
        Held-out loss of each row.
    resampled : array-like of shape (n_draws, n_rows)
        The same with the column's values redrawn given the other columns.
    variance_factor : float, default=1.0
        See `randomisation_pvalues`.

    Returns
    -------
    pvalue : float
        Small if the network predicts worse without the column's own values. 1 if the
        mean loss stays the same, or changes by the same amount in all rows.

    References
    ----------
    A. Chamma, D. A. Engemann, B. Thirion (2023), "Statistically valid variable
    importance assessment through conditional permutations", NeurIPS 36, section 4.

    Examples
    --------
    The loss of three rows grows by 1, 2 and 3: ``t = 2 / sqrt(1 / 3)``, about 3.46,
    with 2 degrees of freedom.

    >>> from skviann.feature_selection._multiple_testing import p_over_rows
    >>> print(f"{p_over_rows([1, 1, 1], [[2, 2, 4], [2, 4, 4]]):.4f}")
    0.0371
    """
    original, resampled = _as_losses(original, resampled)
    growth = resampled.mean(axis=0) - original
    error = _deviation(growth) * np.sqrt(variance_factor / len(growth))
    scale = np.abs(original).mean()
    return _upper_tail(growth.mean(), error, len(growth) - 1, scale)


def randomisation_pvalues(original, resampled, variance_factor=1.0):
    """Both p-values of a column, and the larger one.

    `p_over_draws` takes the rows as given, `p_over_rows` the draws. A column must pass
    both: the larger one is a valid p-value whenever one of the two is.

    Parameters
    ----------
    original : array-like of shape (n_rows,)
        Held-out loss of each row.
    resampled : array-like of shape (n_draws, n_rows)
        The same with the column's values redrawn given the other columns.
    variance_factor : float, default=1.0
        How many times as much as among draws, or rows, the mean loss varies by chance.

    Returns
    -------
    pvalues : RandomisationPValues
        The named tuple ``(over_draws, over_rows, larger)``.

    Examples
    --------
    >>> from skviann.feature_selection._multiple_testing import randomisation_pvalues
    >>> pvalues = randomisation_pvalues([1, 1, 1], [[2, 2, 4], [2, 4, 4]])
    >>> print(f"{pvalues.over_draws:.4f} {pvalues.over_rows:.4f} {pvalues.larger:.4f}")
    0.0895 0.0371 0.0895
    """
    over_draws = p_over_draws(original, resampled, variance_factor)
    over_rows = p_over_rows(original, resampled, variance_factor)
    return RandomisationPValues(over_draws, over_rows, max(over_draws, over_rows))


def benjamini_hochberg(pvalues, alpha):
    """Select while at most a share `alpha` of the selected is expected to be false.

    With the p-values sorted, all up to the last ``p[i] <= alpha * i / n_tests`` are
    selected. This controls the false discovery rate of independent and of positively
    dependent tests.

    Parameters
    ----------
    pvalues : array-like of shape (n_tests,)
        Between 0 and 1.
    alpha : float
        The false discovery rate, between 0 and 1.

    Returns
    -------
    selected : ndarray of bool of shape (n_tests,)
        Which null hypotheses are rejected.

    References
    ----------
    Y. Benjamini, Y. Hochberg (1995), "Controlling the false discovery rate", Journal
    of the Royal Statistical Society B 57(1), 289-300.

    Examples
    --------
    0.02 is above its own bound, 0.05 / 3, but 0.03 is below ``0.05 * 2 / 3``, and takes
    it along.

    >>> from skviann.feature_selection._multiple_testing import benjamini_hochberg
    >>> benjamini_hochberg([0.02, 0.03, 0.8], alpha=0.05)
    array([ True,  True, False])
    """
    return stats.false_discovery_control(pvalues, method="bh") <= alpha


def holm(pvalues, alpha):
    """Select while any false one among the selected has a probability of `alpha`.

    With the p-values sorted, all before the first ``p[i] > alpha / (n_tests - i + 1)``
    are selected. This controls the family-wise error rate, however the tests depend on
    each other.

    Parameters
    ----------
    pvalues : array-like of shape (n_tests,)
        Between 0 and 1.
    alpha : float
        The family-wise error rate, between 0 and 1.

    Returns
    -------
    selected : ndarray of bool of shape (n_tests,)
        Which null hypotheses are rejected.

    References
    ----------
    S. Holm (1979), "A simple sequentially rejective multiple test procedure",
    Scandinavian Journal of Statistics 6(2), 65-70.

    Examples
    --------
    0.03 would pass alone, yet 0.02 stops at ``0.05 / 3`` before it.

    >>> from skviann.feature_selection._multiple_testing import holm
    >>> holm([0.02, 0.03, 0.8], alpha=0.05)
    array([False, False, False])
    >>> holm([0.01, 0.02, 0.8], alpha=0.05)
    array([ True,  True, False])
    """
    pvalues = np.asarray(pvalues, dtype=np.float64)
    order = np.argsort(pvalues, kind="stable")
    bounds = alpha / np.arange(len(pvalues), 0, -1)
    selected = np.zeros(len(pvalues), dtype=bool)
    selected[order] = np.logical_and.accumulate(pvalues[order] <= bounds)
    return selected


def _as_losses(original, resampled):
    return np.asarray(original, np.float64), np.asarray(resampled, np.float64)


def _deviation(values):
    return values.std(ddof=1) if len(values) > 1 else 0.0


def _upper_tail(difference, error, degrees, scale):
    """P-value of ``difference > 0``; 1 without a change, or without any scatter."""
    smallest = _ROUNDING * scale
    if abs(difference) <= smallest or error <= 1e-9 * abs(difference):
        return 1.0
    return float(stats.t.sf(difference / error, degrees))
