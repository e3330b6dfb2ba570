"""The search for the columns that networks need: rounds, path, second look, test.

Written once, for any `Learner`.
"""

from itertools import count
from typing import Any, NamedTuple

import numpy as np

from skviann.feature_selection._elimination import (
    GUARD_UNTIL,
    eliminate,
    remaining_after,
)
from skviann.feature_selection._path import (
    choose_size,
    follow_path,
    selection_frequencies,
)
from skviann.feature_selection._progress import cost_of_round
from skviann.feature_selection._significance import feature_pvalues
from skviann.feature_selection._verdict import Findings, Verdict

# step="auto" eliminates from more features than that.
_FEW_FEATURES = 32
# If more are to be kept, there is no second look at them.
_MANY_KEPT = 64


# The first sets of the path are trained at once.
_SIZES_AT_ONCE = 16


class Plan(NamedTuple):
    """What to search for."""

    seed: int
    step: Any = "auto"  # as for `VIANNSelector`
    with_path: bool = True  # whether to look for the number of columns to keep
    n_most: int | None = None  # no more columns will be kept
    at_least: int = 0  # how far to follow the path in any case
    fixed: np.ndarray = np.zeros(0, dtype=int)  # features that are kept in any case
    sampler: Any = None  # None: no test


def search(learner, plan, progress):
    """Rank columns in rounds, follow the path of nested sets, test their use.

    Parameters
    ----------
    learner : Learner
        Trains the networks.
    plan : Plan
        What to search for.
    progress : Progress
        Is told what there is to do, and what is done.

    Returns
    -------
    findings : Findings
    """
    n_features, step, n_fixed = learner.n_features, plan.step, len(plan.fixed)
    if step == "auto":
        step = 0.5 if n_features - n_fixed > _FEW_FEATURES else None
    counts = remaining_after(n_features - n_fixed, step)
    strengths = correlations = None
    if counts:
        correlations = learner.correlations()
        if n_features > GUARD_UNTIL:
            strengths = learner.interaction_strengths()
        learner = learner.for_rounds(plan.seed, plan.fixed)
    in_rounds = [n_fixed + n_left for n_left in (n_features - n_fixed, *counts)]
    path = min(_SIZES_AT_ONCE, n_features)  # one training for all of them
    progress.plan(
        sum(map(cost_of_round, in_rounds))
        + plan.with_path * (_cost_of_sets(path) + 2 * cost_of_round(path))
        + (plan.sampler is not None) * cost_of_round(in_rounds[-1])
    )
    looks = _Looks(learner, plan.seed, n_fixed, progress)
    elimination = eliminate(
        looks.round,
        learner.n_folds,
        n_features,
        counts,
        strengths,
        correlations,
        plan.fixed,
    )
    findings = Findings(
        elimination.importances,
        elimination.n_rounds.mean(axis=0),
        learner.fitted(elimination.first_round),
        fixed=np.isin(np.arange(n_features), plan.fixed),
    )
    if plan.with_path:
        rankings = elimination.rankings
        path = follow_path(
            lambda sizes: looks.path(rankings, sizes),
            n_features,
            plan.n_most,
            plan.at_least,
            n_fixed,
        )
        path, rankings, needs = looks.look_again(rankings, path)
        frequencies = selection_frequencies(rankings, path.n_features)
        findings = findings._replace(
            path=path, frequencies=frequencies, needs=needs, rankings=rankings
        )
    if plan.sampler is not None:
        pvalues = looks.test(elimination, plan.sampler)
        findings = findings._replace(pvalues=pvalues)
    return findings


def search_layers(learner, plan, progress):
    """Search again among the features that were not found, until nothing more helps.

    Each layer sets aside what was found before, so that what tells the same comes next.

    Parameters
    ----------
    learner, plan, progress
        As for `search`.

    Returns
    -------
    findings : Findings
        Of the first search, with the `layers` of all.
    """
    first = found = search(learner, plan, progress)
    features = np.arange(learner.n_features)
    layers, votes = np.zeros((2, learner.n_features))
    for number in count(1):
        verdict = Verdict(found)
        votes[features] = verdict.votes
        chosen = verdict.chosen()
        if number > 1:  # what is left is weak, and noise looks like it to some folds
            chosen &= verdict.votes > verdict.n_folds / 2
        if not chosen.any():
            break
        layers[features[chosen]] = number
        features = np.flatnonzero((layers == 0) | first.fixed)
        if len(features) == len(plan.fixed):
            break
        fixed = np.searchsorted(features, plan.fixed)
        found = search(learner.only(features), plan._replace(fixed=fixed), progress)
    return first._replace(layers=layers, votes=votes)


def _cost_of_sets(n_most):
    """Tell about how long sets of up to so many columns take, in rounds of few."""
    return cost_of_round(n_most) * (1 + n_most / 5)


class _Looks:
    """Asks a learner for one training after the other."""

    def __init__(self, learner, seed, n_fixed, progress):
        self._learner = learner
        self._seed = seed
        self._n_fixed = n_fixed
        self._rng = np.random.default_rng(seed)
        self._progress = progress

    def _next_seed(self):
        return int(self._rng.integers(2**31))

    def round(self, features):
        """Train networks for each fold's features; return them and their shares."""
        networks, shares = self._learner.train_round(features, self._next_seed())
        n_columns = features.shape[1]
        self._progress.step(f"round of {n_columns} columns", cost_of_round(n_columns))
        return networks, shares

    def path(self, rankings, sizes):
        """Train nested sets of the rankings' first features."""
        if sizes == [0]:
            return self._learner.path(rankings, sizes, None)
        path = self._learner.path(rankings, sizes, self._next_seed())
        cost = _cost_of_sets(sizes[-1])
        self._progress.step(f"sets of up to {sizes[-1]} columns", cost)
        return path

    def look_again(self, rankings, path):
        """Put the columns that would be kept in order of need, and follow that, too.

        While a network learns, the weights of columns that are correlated with a strong
        one move along with it: such a column may come before weak ones that are needed,
        and be kept for their sake. Networks that see only what would be kept tell which
        it is, by how much their loss rises when a column is shuffled.

        Parameters
        ----------
        rankings : ndarray of int of shape (n_folds, n_features)
            Most important first.
        path : Path
            The path along them.

        Returns
        -------
        path : Path
            With smaller sets along the other order, if that is better or finds a
            smaller set that will do.
        rankings : ndarray of int of shape (n_folds, n_features)
            With that order in front.
        needs : ndarray of shape (n_features,)
            By how much the loss rises, mean over folds; 0 where it was not looked at.
        """
        needs = np.zeros(rankings.shape)
        n_kept, n_fixed = int(path.n_features[choose_size(path)]), self._n_fixed
        if not 1 < n_kept - n_fixed <= _MANY_KEPT:
            return path, rankings, needs.mean(axis=0)
        kept = np.sort(rankings[:, :n_kept])
        networks, _ = self._learner.train_round(kept, self._next_seed())
        increases = self._learner.increases_by_shuffling(networks, kept, self._seed)
        cost = cost_of_round(n_kept)
        self._progress.step(f"second look at {n_kept} columns", cost)
        is_fixed = np.isin(kept, rankings[0, :n_fixed])
        # The last key counts first.
        order = np.lexsort((-increases, ~is_fixed), axis=1)
        in_order = rankings.copy()
        in_order[:, :n_kept] = np.take_along_axis(kept, order, axis=1)
        sizes = path.n_features[1:][path.n_features[1:] < n_kept]
        again = path.with_smaller(self.path(in_order, sizes.tolist()))
        is_better = again.mean_losses().mean() < path.mean_losses().mean()
        n_again = choose_size(again)
        if n_again == 0 or not (is_better or n_again < choose_size(path)):
            return path, rankings, needs.mean(axis=0)
        # What was looked at comes before what was not.
        increases = np.maximum(increases, np.finfo(float).tiny)
        np.put_along_axis(needs, kept, increases, axis=1)
        return again, in_order, needs.mean(axis=0)

    def test(self, elimination, sampler):
        """P-value of each feature's use by the networks of the last round."""
        losses = self._learner.losses_with_draws(
            elimination.last_round,
            elimination.last_columns,
            elimination.rankings,
            sampler,
            self._seed,
        )
        n_tested = elimination.last_columns.shape[1]
        self._progress.step("test of significance", cost_of_round(n_tested))
        return feature_pvalues(losses, elimination.rankings.shape[1])
