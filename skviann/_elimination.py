"""Elimination in rounds: which features stay in play, how scores of rounds add up."""

from numbers import Integral

import numpy as np

from skviann._validation import spread_rows, take_rows

# Rounds end when no more features are left than that.
CORE_SIZE = 16
# While more than so many features remain, those with the strongest interactions stay,
# so many of them.
GUARD_UNTIL = 64
_N_GUARDED = 32
# Bounds on the search for interactions: rows, targets and arithmetic operations of the
# matrix products, and columns of a product that are held at a time.
_MAX_ROWS = 10_000
_MIN_ROWS = 500
_MAX_TARGETS = 8
_MAX_OPERATIONS = 2e12
_COLUMNS_AT_A_TIME = 1024


def remaining_after(n_features, step):
    """How many features are left after each round, the last one left out.

    Parameters
    ----------
    n_features : int
        Features of the first round.
    step : int, float or None
        How many features a round drops, or which share of those in it.

    Returns
    -------
    counts : list of int
        Empty if there is one round only.

    Examples
    --------
    >>> from skviann._elimination import remaining_after
    >>> remaining_after(100, 0.5)
    [50, 25, 16]
    >>> remaining_after(30, 5)
    [25, 20, 16]
    >>> remaining_after(100, None)
    []
    """
    counts = []
    while step is not None and n_features > CORE_SIZE:
        drop = step if isinstance(step, Integral) else max(1, int(n_features * step))
        n_features = max(CORE_SIZE, n_features - drop)
        counts.append(n_features)
    return counts


def accumulate(rounds, n_features):
    """Average importances over rounds.

    A feature gets its share of the importance in every round that it took part in.
    Where one was dropped in spite of a higher sum than that of another which stayed for
    its interactions, all that were dropped in that round are scaled down: who stays
    longer never comes behind.

    Parameters
    ----------
    rounds : list of (features, shares)
        The features in a round, ndarray of int of shape (n_in_round,), each a subset of
        those of the round before, and their shares, (n_networks, n_in_round).
    n_features : int
        All features.

    Returns
    -------
    importances : ndarray of shape (n_networks, n_features)
        Their mean over networks sums to 1, if any share is positive.
    """
    total = np.zeros((len(rounds[0][1]), n_features))
    for features, shares in rounds:
        total[:, features] += shares
    for (before, _), (after, _) in zip(rounds[-2::-1], rounds[:0:-1], strict=True):
        dropped = np.setdiff1d(before, after)
        mean = total.mean(axis=0)
        highest, limit = mean[dropped].max(), mean[after].min()
        if highest > limit:
            total[:, dropped] *= limit / highest
    return total / (total.mean(axis=0).sum() or 1)


def strongest(importances, features, n_kept, interactions):
    """Choose the features for the next round.

    Parameters
    ----------
    importances : ndarray of shape (n_features,)
        Of all features, so far.
    features : ndarray of int
        Those that took part in the last round.
    n_kept : int
        How many to keep.
    interactions : ndarray of shape (n_features,) or None
        From `interaction_strength`: as long as many features remain, those with the
        largest are kept in any case, up to half of `n_kept`.

    Returns
    -------
    kept : ndarray of int of shape (n_kept,)
        In increasing order.
    """
    is_guarded = np.zeros(len(features), dtype=bool)
    if interactions is not None and len(features) > GUARD_UNTIL:
        n_guarded = min(_N_GUARDED, n_kept // 2)
        is_guarded[np.argsort(-interactions[features], kind="stable")[:n_guarded]] = 1
    # The last key of lexsort counts first.
    order = np.lexsort((-importances[features], ~is_guarded))
    return np.sort(features[order[:n_kept]])


def interaction_strength(X, y):
    """Find for each feature its strongest interaction with another one.

    That is the largest ``|mean(y * x_i * x_j)|`` over all ``j != i``, of standardised
    columns and targets: where columns are independent, the correlation of `y` with
    their product. Values are clipped at 1 % and 99 % first. Among hundreds of columns,
    a network hardly finds two that matter only together.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite numbers. Of many rows, only some at equal distances are used.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Numbers, or labels of classes, each of which is a target then. Of many targets,
        the most frequent classes or first outputs are used.

    Returns
    -------
    strength : ndarray of shape (n_features,)
        0 is none.

    Examples
    --------
    >>> import numpy as np
    >>> from skviann._elimination import interaction_strength
    >>> X = np.random.default_rng(0).normal(size=(500, 4))
    >>> strength = interaction_strength(X, X[:, 1] * X[:, 3] > 0)
    >>> sorted(strength.argsort()[-2:].tolist())
    [1, 3]
    """
    n_features = X.shape[1]
    targets = _targets(y)
    affordable = _MAX_OPERATIONS / (2 * n_features**2 * targets.shape[1])
    n_rows = int(np.clip(affordable, _MIN_ROWS, _MAX_ROWS))
    some = spread_rows(len(X), n_rows)
    Z = take_rows(X, some).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        Z = _standardise(np.clip(Z, *np.quantile(Z, [0.01, 0.99], axis=0)))
    Z = Z.astype(np.float32)
    strength = np.zeros(n_features, dtype=np.float32)
    for target in _standardise(targets[some]).T.astype(np.float32):
        weighted = Z * target[:, np.newaxis]
        for first in range(0, n_features, _COLUMNS_AT_A_TIME):
            columns = np.arange(first, min(first + _COLUMNS_AT_A_TIME, n_features))
            product = np.abs(weighted[:, columns].T @ Z)
            product[np.arange(len(columns)), columns] = 0
            strength[columns] = np.maximum(strength[columns], product.max(axis=1))
    return strength / len(Z)


def _targets(y):
    """Columns of numbers: outputs, or an indicator of each class."""
    if y.ndim == 2 or y.dtype.kind == "f":
        return y.reshape(len(y), -1)[:, :_MAX_TARGETS].astype(np.float64)
    labels, counts = np.unique(y, return_counts=True)
    labels = labels[np.argsort(-counts, kind="stable")[:_MAX_TARGETS]]
    if len(labels) == 2:
        labels = labels[:1]  # the other one says the same
    return (y[:, np.newaxis] == labels).astype(np.float64)


def _standardise(columns):
    """Bring columns to mean 0 and variance 1; those that do not vary become zeros."""
    columns = columns - columns.mean(axis=0)
    deviation = columns.std(axis=0)
    usable = np.isfinite(deviation) & (deviation > 0)
    return np.where(usable, columns / np.where(usable, deviation, 1), 0)
