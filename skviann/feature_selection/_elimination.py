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
    first_round: Any  # its networks, as they were returned
    last_round: Any  # the same
    last_columns: np.ndarray  # (n_folds, n_in_last_round): features in it


def eliminate(
    train_round,
    n_folds,
    n_features,
    counts,
    interactions=None,
    correlations=None,
    fixed=(),
):
    """Train in rounds; each fold drops its weakest features by itself.

    `train_round` takes the features of each fold, (n_folds, n_in_round), to its
    networks and their shares, (n_folds, n_networks, n_in_round). `counts` tell how many
    features are left after each round, see `remaining_after`; `interactions`,
    (n_folds, n_features), are those of `interaction_strengths`, and `correlations` are
    those with the target. Features that are `fixed` take part in all rounds, are not
    counted, and come first in the rankings.
    """
    is_fixed = np.isin(np.arange(n_features), fixed)
    features = np.tile(np.arange(n_features), (n_folds, 1))
    networks, shares = first_round = train_round(features)
    rounds = [[one] for one in zip(features, shares, strict=True)]
    for n_left in counts:
        features = np.array(
            [
                strongest(
                    accumulate(of_fold, n_features, fixed).mean(axis=0),
                    np.setdiff1d(of_fold[-1][0], fixed),
                    n_left,
                    None if interactions is None else interactions[fold],
                    None if correlations is None else correlations[fold],
                )
                for fold, of_fold in enumerate(rounds)
            ]
        )
        features = np.array([np.union1d(of_fold, fixed) for of_fold in features])
        features = features.astype(int)
        networks, shares = train_round(features)
        for of_fold, *one in zip(rounds, features, shares, strict=True):
            of_fold.append(one)
    importances = [accumulate(of_fold, n_features, fixed) for of_fold in rounds]
    n_rounds = [
        np.bincount(np.concatenate([features for features, _ in of_fold]))
        for of_fold in rounds
    ]
    rankings = [
        # The last key counts first.
        np.lexsort((-of_fold.mean(axis=0), -taken, ~is_fixed))
        for of_fold, taken in zip(importances, n_rounds, strict=True)
    ]
    return Elimination(
        np.concatenate(importances),
        np.array(rankings),
        np.array(n_rounds),
        first_round[0],
        networks,
        features,
    )


def remaining_after(n_features, step):
    """How many features are left after each round, the last one left out.

    `step` is how many features a round drops, or which share of those in it; None: all
    stay. 100 of them with a step of 0.5: ``[50, 25, 16]``.
    """
    counts = []
    while step is not None and n_features > CORE_SIZE:
        drop = step if isinstance(step, Integral) else max(1, int(n_features * step))
        n_features = max(CORE_SIZE, n_features - drop)
        counts.append(n_features)
    return counts


def accumulate(rounds, n_features, fixed=()):
    """Average importances over rounds.

    A feature gets its share of the importance in every round that it took part in.
    Where one was dropped in spite of a higher sum than that of another which stayed for
    its interactions, all that were dropped in that round are scaled down: who stays
    longer never comes behind, but for features that are `fixed`.

    Rounds are pairs of features, (n_in_round,), each a subset of those of the round
    before, and of their shares, (n_networks, n_in_round). The result, (n_networks,
    n_features), has a mean over networks that sums to 1, if any share is positive.
    """
    total = np.zeros((len(rounds[0][1]), n_features))
    for features, shares in rounds:
        total[:, features] += shares
    for (before, _), (after, _) in zip(rounds[-2::-1], rounds[:0:-1], strict=True):
        dropped = np.setdiff1d(before, after)
        mean = total.mean(axis=0)
        highest = mean[dropped].max()
        limit = mean[np.setdiff1d(after, fixed)].min()
        if highest > limit:
            total[:, dropped] *= limit / highest
    return total / (total.mean(axis=0).sum() or 1)


def strongest(importances, features, n_left, interactions, correlations=None):
    """Choose the features for the next round, in increasing order.

    Of `features`, those of the last round, the most important ones are left. Half of
    the places are for those with the largest `correlations`: copies of a column share
    a network's attention, and each looks weak. As long as many remain, those with the
    largest `interactions` stay, too, up to a quarter; half if there are no
    correlations. All are of all features, (n_features,); the last two may be None.
    """
    is_guarded = np.zeros(len(features), dtype=bool)
    if interactions is not None and len(features) > GUARD_UNTIL:
        n_guarded = min(_N_GUARDED, n_left // (2 if correlations is None else 4))
        is_guarded[np.argsort(-interactions[features], kind="stable")[:n_guarded]] = 1
    if correlations is not None:
        in_order = np.argsort(-correlations[features], kind="stable")
        is_guarded[in_order[: n_left // 2]] = True
    # The last key of lexsort counts first.
    order = np.lexsort((-importances[features], ~is_guarded))
    return np.sort(features[order[:n_left]])
