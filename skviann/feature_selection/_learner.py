"""What the search asks of networks, whichever they are and wherever they train."""

from abc import ABC, abstractmethod

import numpy as np

from skviann.feature_selection._path import held_out_rows, path_of_rows
from skviann.feature_selection._significance import (
    N_CONDITIONED_ON,
    ConditionalDraws,
    losses_with_draws,
)

# The test and the second look see no more rows, of all folds, and the test learns what
# columns are like from no more.
MAX_TESTED_ROWS = 10_000


class Learner(ABC):
    """Trains networks fold by fold, on features that the search chooses.

    Values in, values out: the same arguments give the same result. Only the networks of
    a round are whatever the learner likes; they come back to it as they are.

    Attributes
    ----------
    n_folds, n_features : int
        Folds, and features of the table.
    """

    @abstractmethod
    def train_round(self, features, seed):
        """Train networks for each fold's features.

        Parameters
        ----------
        features : ndarray of int of shape (n_folds, n_in_round)
            Which, in increasing order.
        seed : int
            Same seed, same networks.

        Returns
        -------
        networks : object
            For the other methods.
        shares : ndarray of shape (n_folds, n_networks, n_in_round)
            Importances; those of a network sum to 1.
        """

    @abstractmethod
    def path(self, rankings, sizes, seed):
        """Train networks for nested sets of features, and look at rows held out.

        Parameters
        ----------
        rankings : ndarray of int of shape (n_folds, n_features)
            Most important first.
        sizes : list of int
            How many of the first features each set has. ``[0]`` is the best constant
            model, which needs no training.
        seed : int
            Same seed, same networks.

        Returns
        -------
        path : Path
        """

    @abstractmethod
    def increases_by_shuffling(self, networks, features, seed):
        """Look by how much the loss rises on the rows trained on, a feature shuffled.

        Parameters
        ----------
        networks : object
            Of a round.
        features : ndarray of int of shape (n_folds, n_in_round)
            Of the same round; they are shuffled one at a time.
        seed : int
            Same seed, same orders of the rows.

        Returns
        -------
        increases : ndarray of shape (n_folds, n_in_round)
        """

    @abstractmethod
    def losses_with_draws(self, networks, features, rankings, sampler, seed):
        """Look at rows held out, a feature's values replaced by draws.

        Parameters
        ----------
        networks, features
            Of a round.
        rankings : ndarray of int of shape (n_folds, n_features)
            Features are drawn given the first of them.
        sampler : object
            As `ConditionalSampler`.
        seed : int
            Same seed, same draws.

        Returns
        -------
        losses : Losses
        """

    @abstractmethod
    def interaction_strengths(self):
        """Find each feature's strongest product with another one.

        Returns
        -------
        strengths : ndarray of shape (n_folds, n_features) or None
            None where products of columns cannot be looked at.
        """

    @abstractmethod
    def fitted(self, networks):
        """Make an estimator of the networks of a round with all features."""

    def correlations(self):
        """Correlate each feature's inputs with the target, on the rows trained on.

        Returns
        -------
        correlations : ndarray of shape (n_folds, n_features) or None
            The absolute value of the strongest one; None where they are not looked at.
        """
        return None

    def companions(self, kept, choices, pvalues):
        """Look at features beside those kept; None where rows are not at hand.

        See `find_companions`.
        """
        return None

    def only(self, features):
        """Return a learner that sees some features, under numbers from 0 on."""
        return Some(self, features)

    def for_rounds(self, seed, fixed):
        """Return the learner for rounds of elimination: itself, unless wide.

        `fixed` are the features that stay in any case.
        """
        return self


class Some(Learner):
    """A learner that sees some features of another one, under numbers from 0 on.

    Parameters
    ----------
    learner : Learner
        The other one.
    features : ndarray of int
        Which, in increasing order.
    """

    def __init__(self, learner, features):
        self._learner = learner
        self._features = features
        self.n_folds, self.n_features = learner.n_folds, len(features)

    def train_round(self, features, seed):
        return self._learner.train_round(self._features[features], seed)

    def path(self, rankings, sizes, seed):
        return self._learner.path(self._features[rankings], sizes, seed)

    def increases_by_shuffling(self, networks, features, seed):
        features = self._features[features]
        return self._learner.increases_by_shuffling(networks, features, seed)

    def losses_with_draws(self, networks, features, rankings, sampler, seed):
        raise NotImplementedError("a test is of all features")

    def interaction_strengths(self):
        strengths = self._learner.interaction_strengths()
        return None if strengths is None else strengths[:, self._features]

    def correlations(self):
        correlations = self._learner.correlations()
        return None if correlations is None else correlations[:, self._features]

    def fitted(self, networks):
        return None  # an estimator sees all features

    def for_rounds(self, seed, fixed):
        learner = self._learner.for_rounds(seed, self._features[fixed])
        return Some(learner, self._features)


class RowsLearner(Learner):
    """A learner whose rows are here.

    A subclass trains, and tells losses: `_losses_of_sets`, `_constant_losses` and
    `_losses_of_networks`; and has the columns: `_columns_of`, `_read`, `categories`.

    Parameters
    ----------
    folds : Folds
        From `split_rows`.
    n_features : int
        Features of the table.
    weights : ndarray of shape (n_rows,)
        How much each row counts.
    """

    def __init__(self, folds, n_features, weights):
        self.folds = folds.splits
        self.unit_of_row = folds.unit_of_row
        self.n_folds = len(folds.splits)
        self.n_features = n_features
        self.weights = weights
        self.held_out = held_out_rows(folds.splits)

    @abstractmethod
    def _losses_of_sets(self, rankings, sizes, seed):
        """Losses of nested sets by row: for each fold, (n_sets, n_held_out)."""

    @abstractmethod
    def _constant_losses(self):
        """Losses of the best constant by row: for each fold, (1, n_held_out)."""

    @abstractmethod
    def _losses_of_networks(self, networks, features, rows):
        """Prepare to replace values of a round's features on some rows.

        Parameters
        ----------
        networks, features
            Of a round.
        rows : list of ndarray of int
            Of each fold.

        Returns
        -------
        losses : callable
            ``losses()`` are those of each fold's networks, ``losses(number, drawn)``
            those with values of each fold's feature of that number replaced, `drawn` a
            list of ndarray of shape (n_draws, n_rows, n_columns). Weighted, and for
            each fold: (n_draws, n_rows).
        """

    @abstractmethod
    def _columns_of(self, features):
        """Columns that some features are made of."""

    @abstractmethod
    def _read(self, rows, columns):
        """Values of columns: (n_rows, n_columns)."""

    categories = np.zeros(0, dtype=int)  # columns that hold codes of levels

    def path(self, rankings, sizes, seed):
        losses = (
            self._constant_losses()
            if sizes == [0]
            else self._losses_of_sets(rankings, sizes, seed)
        )
        return path_of_rows(
            sizes, losses, self.held_out, self.weights, self.unit_of_row
        )

    def increases_by_shuffling(self, networks, features, seed):
        rng = np.random.default_rng(seed)
        rows = self._tested([trained_on for trained_on, _ in self.folds])
        losses_of = self._losses_of_networks(networks, features, rows)
        before = [of_fold.mean() for of_fold in losses_of()]
        increases = np.empty(features.shape)
        for number in range(features.shape[1]):
            shuffled = [
                self._read(rng.permutation(of_fold), self._columns_of([one]))[None]
                for of_fold, one in zip(rows, features[:, number], strict=True)
            ]
            after = [of_fold.mean() for of_fold in losses_of(number, shuffled)]
            increases[:, number] = np.subtract(after, before)
        return increases

    def losses_with_draws(self, networks, features, rankings, sampler, seed):
        rows = self._tested(self.held_out)
        draws = [
            self._draws(sampler, trained_on, *of_fold)
            for (trained_on, _), *of_fold in zip(
                self.folds, rows, features, rankings, strict=True
            )
        ]
        losses_of = self._losses_of_networks(networks, features, rows)
        units = None
        if self.unit_of_row is not None:
            units = [self.unit_of_row[of_fold] for of_fold in rows]
        return losses_with_draws(losses_of, draws, features, seed, units)

    def _tested(self, rows):
        return [take_spread(some, MAX_TESTED_ROWS // self.n_folds) for some in rows]

    def _draws(self, sampler, trained_on, rows, tested, ranking):
        # Those tested are among the first ones, unless very many are fixed.
        known = ranking[:N_CONDITIONED_ON]
        known = np.concatenate([known, np.setdiff1d(tested, known)])
        columns = self._columns_of(known)
        return ConditionalDraws(
            sampler,
            self._read(take_spread(trained_on, MAX_TESTED_ROWS), columns),
            self._read(rows, columns),
            np.flatnonzero(np.isin(columns, self.categories)),
            [
                np.flatnonzero(np.isin(columns, self._columns_of([feature])))
                for feature in tested
            ],
        )


def take_spread(rows, n_most):
    """Take some rows, at about equal distances."""
    if len(rows) <= n_most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, max(n_most, 1)).astype(int)]
