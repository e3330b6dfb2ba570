"""What dropped features tell, and which of those that are kept tell the same."""

from typing import NamedTuple

import numpy as np
from scipy import linalg, stats

from skviann._groups import CORRELATED, clusters_of
from skviann._validation import spread_rows
from skviann.feature_selection._interactions import targets_of
from skviann.feature_selection._significance import benjamini_hochberg

# A feature stands in for another one if it tells that share of its variance.
STANDS_IN = 0.5
_MANY_FEATURES = 20_000  # of more, nothing is looked at
_N_BINS = 16
_MAX_ROWS = 4000
_MAX_VALUES = 2**23
# Of more features that are kept, the first ones are looked at.
MAX_KEPT = 64
# Among more features, no clusters of correlated ones are looked for.
_MANY_CLUSTERED = 2000
# An additive model aims at so many rows for each of its terms; with fewer than the
# second number, shares are not told from chance.
_ROWS_A_TERM = 10
_ROWS_OF_A_TERM = 4


class Companions(NamedTuple):
    """What is known of features beside each other.

    Shares are correlation ratios: of the variance of a number's ranks, or of the
    indicators of a category's levels, how much lies between the bins of another
    feature. They are adjusted for the number of bins.
    """

    kept: np.ndarray  # (n_kept,): the features that this was looked at for
    stands_in: np.ndarray  # (n_features, n_kept): share of a kept one that each tells
    carried: np.ndarray  # (n_features, n_kept): share of each that a kept one tells
    carried_by_all: np.ndarray  # (n_features,): share that those kept tell together
    relation: np.ndarray  # (n_features,): p-value of a relation to the target, adjusted
    is_constant: np.ndarray  # (n_features,)
    # (n_features,): whether it is in a cluster of correlated columns that were tested
    is_clustered: np.ndarray
    # (n_features,): which correlated feature folds choose in its place; -1: none
    partners: np.ndarray

    def is_carried(self):
        """Whether those kept tell at least half of each feature: (n_features,)."""
        shares = np.column_stack([self.carried, self.carried_by_all])
        return shares.max(axis=1) >= STANDS_IN


def find_companions(problem, rows, kept, choices=None, pvalues=None):
    """Look at features beside those that are kept, and beside the target.

    Parameters
    ----------
    problem : Problem
        Rows, targets and columns.
    rows : ndarray of int
        Rows that tell different things; of very many, some are looked at.
    kept : ndarray of int
        Features that are kept; of more than 64, the first ones are looked at.
    choices : ndarray of bool of shape (n_folds, n_features), default=None
        What each fold chooses.
    pvalues : ndarray of shape (n_features,), default=None
        Of a test.

    Returns
    -------
    companions : Companions or None
        None of more than 20,000 features.
    """
    if problem.n_features > _MANY_FEATURES:
        return None
    n_features, kept = problem.n_features, kept[:MAX_KEPT]
    n_rows = min(_MAX_ROWS, max(100, _MAX_VALUES // problem.X.shape[1]))
    rows = rows[spread_rows(len(rows), n_rows)]
    table = _Binned(problem, rows)
    y = targets_of(problem.responses())[rows]
    alone = [table.told_together([feature]) for feature in kept]
    clustered = np.zeros(0, dtype=int)
    if pvalues is not None:
        clustered = np.concatenate([clustered, *_clusters(problem, pvalues < 1)])
    return Companions(
        kept,
        table.told_alone(kept),
        np.reshape(alone, (len(kept), n_features)).T,
        table.told_together(kept),
        table.relation(y),
        table.is_constant,
        np.isin(np.arange(n_features), clustered),
        _take_turns(problem, choices),
    )


class _Binned:
    """Columns in bins: numbers by their ranks, categories by their levels.

    What is to be explained are responses, of which each feature has one or more.
    """

    def __init__(self, problem, rows):
        n_columns = problem.X.shape[1]
        values = problem.coded(rows, np.arange(n_columns))
        weights = problem.weights_of(rows).astype(np.float64)
        self.feature_of_column = problem.feature_of_column
        self.n_features = problem.n_features
        self.n_rows = len(rows)
        n_bins = int(np.clip(self.n_rows // _ROWS_A_TERM, 2, _N_BINS))
        self.weights = weights / weights.sum()
        ranks = stats.rankdata(values, axis=0, nan_policy="omit")
        is_missing = np.isnan(ranks)
        n_known = np.maximum((~is_missing).sum(axis=0), 1)
        # Equal values have the same rank, and share a bin; gaps have one of their own.
        codes = np.ceil(n_bins * (ranks - 0.5) / n_known) - 1
        self.codes = np.where(is_missing, _N_BINS, codes).astype(np.int8)
        for column in problem.categories:
            self.codes[:, column] = _most_frequent(values[:, column])
        every = range(_N_BINS + 1)
        self.n_bins = sum((self.codes == bin).any(axis=0).astype(int) for bin in every)
        self.is_constant = np.ones(self.n_features, dtype=bool)
        self.is_constant[self.feature_of_column[self.n_bins > 1]] = False
        # Gaps are in the middle.
        ranks = np.where(is_missing, (n_known + 1) / 2, ranks)
        responses, columns = [ranks], [np.arange(n_columns)]
        for column in problem.categories:
            levels = np.unique(self.codes[:, column])
            responses.append((self.codes[:, [column]] == levels).astype(float))
            columns.append(np.full(len(levels), column))
        responses, column = np.hstack(responses), np.concatenate(columns)
        responses = self._centred(responses)
        responses[:, problem.categories] = 0  # their codes are no ranks
        self.feature = self.feature_of_column[column]
        total = np.bincount(self.feature, np.square(responses).sum(axis=0))
        self.responses = (
            responses / np.sqrt(np.where(total > 0, total, 1))[self.feature]
        )

    def _centred(self, values):
        """Take off means, and multiply by roots of weights."""
        return (values - self.weights @ values) * np.sqrt(self.weights)[:, np.newaxis]

    def _between(self, responses):
        """Sum squares between the bins of each column: (n_columns, n_responses)."""
        weighted = np.sqrt(self.weights)[:, np.newaxis] * responses
        squares = np.zeros((self.codes.shape[1], responses.shape[1]))
        for bin in range(_N_BINS + 1):
            is_in = (self.codes == bin).astype(np.float64)
            total = self.weights @ is_in
            means = np.square(is_in.T @ weighted)
            squares += means / np.where(total > 0, total, 1)[:, np.newaxis]
        return squares

    def _adjusted(self, shares, n_terms):
        """Take off what so many terms, the mean left out, explain of anything.

        With too few rows for the terms, nothing is left that could be told from chance.
        """
        n_left = self.n_rows - 1 - n_terms
        adjusted = 1 - (1 - shares) * (self.n_rows - 1) / np.maximum(n_left, 1)
        is_enough = n_terms * _ROWS_OF_A_TERM <= self.n_rows
        return np.clip(np.where(is_enough, adjusted, 0), 0, 1)

    def told_alone(self, features):
        """Tell which share of some features each feature explains by its bins.

        Of several columns, that of the best one: (n_features, n_some).
        """
        is_some = np.isin(self.feature, features)
        shares = self._between(self.responses[:, is_some])
        told = np.zeros((self.n_features, len(features)))
        for number, feature in enumerate(features):
            of_feature = shares[:, self.feature[is_some] == feature].sum(axis=1)
            of_feature = self._adjusted(of_feature, self.n_bins - 1)
            np.maximum.at(told[:, number], self.feature_of_column, of_feature)
        return told

    def told_together(self, features):
        """Tell which share of each feature some explain, by a sum of their bins.

        With few rows, bins are joined: (n_features,).
        """
        columns = np.flatnonzero(np.isin(self.feature_of_column, features))
        if not 0 < len(columns) <= self.n_rows // _ROWS_OF_A_TERM:
            return np.zeros(self.n_features)
        n_each = self.n_rows // (_ROWS_A_TERM * len(columns))
        joined = max(1, -(-_N_BINS // max(n_each, 2)))
        dummies = [
            self.codes[:, [column]] // joined
            == np.unique(self.codes[:, column] // joined)
            for column in columns
        ]
        dummies = self._centred(np.hstack(dummies).astype(np.float64))
        # Indicators of a column sum to 1: an orthonormal basis leaves some out.
        values, vectors = linalg.eigh(dummies.T @ dummies)
        is_large = values > 1e-10 * values[-1]
        basis = dummies @ (vectors[:, is_large] / np.sqrt(values[is_large]))
        explained = np.square(basis.T @ self.responses).sum(axis=0)
        shares = np.bincount(self.feature, explained, self.n_features)
        return self._adjusted(shares, basis.shape[1])

    def relation(self, y):
        """Test each feature alone against the target: adjusted p-values, (n_features,).

        By analysis of variance of the target's ranks, or of indicators of classes.
        """
        ranks = self._centred(stats.rankdata(y, axis=0))
        squares = np.square(ranks).sum(axis=0)
        shares = self._between(ranks) / np.where(squares > 0, squares, 1)
        shares = np.minimum(shares, 1)  # but for rounding
        n_terms = (self.n_bins - 1)[:, np.newaxis]
        n_left = self.n_rows - 1 - n_terms
        with np.errstate(divide="ignore", invalid="ignore"):
            f = (shares / n_terms) / ((1 - shares) / n_left)
        pvalues = stats.f.sf(f, n_terms, n_left)
        # A constant column, or more bins than rows, shows nothing.
        pvalues = np.where(np.isnan(pvalues), 1, pvalues)
        of_columns = np.minimum(pvalues.min(axis=1) * ranks.shape[1], 1)
        of_features = np.ones(self.n_features)
        np.minimum.at(of_features, self.feature_of_column, of_columns)
        n_columns = np.bincount(self.feature_of_column, minlength=self.n_features)
        return benjamini_hochberg(np.minimum(of_features * n_columns, 1))


def _most_frequent(codes):
    """Give numbers to the most frequent levels, and one to all others."""
    levels, counts = np.unique(codes, return_counts=True)
    levels = levels[np.argsort(-counts, kind="stable")[:_N_BINS]]
    is_level = codes[:, np.newaxis] == levels
    return np.where(is_level.any(axis=1), is_level.argmax(axis=1), _N_BINS)


def _take_turns(problem, choices):
    """Find features that folds choose in place of each other, and are correlated.

    Two take turns if at most half as many folds choose both as would by chance, each of
    the two being chosen as often as it is. (n_features,): of several such features the
    one that this is truest of, -1 where there is none.
    """
    partners = np.full(problem.n_features, -1)
    if choices is None:
        return partners
    frequencies = choices.mean(axis=0)
    for cluster in _clusters(problem, (frequencies > 0) & (frequencies < 1)):
        of_cluster = choices[:, cluster].astype(float)
        both = of_cluster.T @ of_cluster
        by_chance = len(choices) * np.outer(frequencies[cluster], frequencies[cluster])
        share = np.where(by_chance < 1, np.inf, both / by_chance)
        np.fill_diagonal(share, np.inf)
        closest = share.argmin(axis=1)
        partners[cluster] = np.where(share.min(axis=1) <= 0.5, cluster[closest], -1)
    return partners


def _clusters(problem, asked):
    """Find clusters of correlated numbers among some features: list of ndarray.

    Features of several columns are in none. There are none where very many are asked.
    """
    is_single = np.bincount(problem.feature_of_column) == 1
    columns = np.flatnonzero((asked & is_single)[problem.feature_of_column])
    columns = np.setdiff1d(columns, problem.categories)
    if len(columns) > _MANY_CLUSTERED:
        return []
    rows = spread_rows(problem.n_rows, _MAX_ROWS)
    clusters = clusters_of(problem.coded(rows, columns), CORRELATED)
    return [problem.feature_of_column[columns[cluster]] for cluster in clusters]
