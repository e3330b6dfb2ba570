"""Elimination in rounds: which features stay in play, how scores of rounds add up."""

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

# Rounds end when no more features are left than that.
CORE_SIZE = 16
# While more than so many features remain, those with the strongest interactions stay,
# so many of them.
GUARD_UNTIL = 64
_N_GUARDED = 32


class Elimination(NamedTuple):
    """What rounds of elimination have found."""

    importances: np.ndarray  # (n_networks, n_features): accumulated over rounds
    rankings: np.ndarray  # (n_folds, n_features): most important first
    n_rounds: np.ndarray  # (n_folds, n_features): that a feature took part in
    first_round: Any  # as the first training returned it
    last_round: Any  # as the last training returned it
    last_columns: np.ndarray  # (n_folds, n_in_last_round): features in it


def eliminate(train_round, n_folds, n_features, counts, interactions=None):
    """Train in rounds; each fold drops its weakest features by itself.

    Parameters
    ----------
    train_round : callable
        From the features of each fold, ndarray of int of shape (n_folds, n_in_round),
        to anything to keep, and their shares, (n_folds, n_networks, n_in_round).
    n_folds, n_features : int
        All folds and features.
    counts : list of int
        How many are left after each round, see `remaining_after`.
    interactions : ndarray of shape (n_folds, n_features), default=None
        Of each fold, from `interaction_strengths`.

    Returns
    -------
    elimination : Elimination
    """
    features = np.tile(np.arange(n_features), (n_folds, 1))
    kept, shares = first_round = train_round(features)
    rounds = [[one] for one in zip(features, shares, strict=True)]
    for n_kept in counts:
        features = np.array(
            [
                strongest(
                    accumulate(of_fold, n_features).mean(axis=0),
                    of_fold[-1][0],
                    n_kept,
                    None if interactions is None else interactions[fold],
                )
                for fold, of_fold in enumerate(rounds)
            ]
        )
        kept, shares = train_round(features)
        for of_fold, one in zip(
            rounds, zip(features, shares, strict=True), strict=True
        ):
            of_fold.append(one)
    importances = [accumulate(of_fold, n_features) for of_fold in rounds]
    n_rounds = [
        np.bincount(np.concatenate([features for features, _ in of_fold]))
        for of_fold in rounds
    ]
    rankings = [
        # The last key counts first.
        np.lexsort((-of_fold.mean(axis=0), -taken))
        for of_fold, taken in zip(importances, n_rounds, strict=True)
    ]
    return Elimination(
        np.concatenate(importances),
        np.array(rankings),
        np.array(n_rounds),
        first_round[0],
        kept,
        features,
    )


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
    >>> from skviann.feature_selection._elimination import remaining_after
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
        From `interaction_strengths`: as long as many features remain, those with the
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
