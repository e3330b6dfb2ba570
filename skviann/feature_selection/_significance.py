"""Test whether the networks make use of a feature on rows that they did not see."""

from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from skviann.feature_selection._multiple_testing import randomisation_pvalues

# A feature's distribution is estimated given that many others of a fold's ranking.
N_CONDITIONED_ON = 64
_N_DRAWS = 30
# Each fold's networks have learned from the rows that the others hold out: what two
# folds share by chance, the losses of both show, and vary twice as much as draws.
_VARIANCE_OF_FOLDS = 2.0


class Losses(NamedTuple):
    """Weighted losses of each fold's last networks on the rows that it holds out."""

    original: list  # of each fold: ndarray (n_rows,)
    # By feature and fold, where the fold's networks see the feature: with its values
    # replaced by draws, (n_draws, n_rows).
    replaced: dict


def losses_with_draws(losses_of, draws, tested, seed, units=None):
    """Replace each feature that a fold's last networks see, on its held-out rows.

    Parameters
    ----------
    losses_of : callable
        From the number of the tested feature and drawn values, an array for each fold,
        to the weighted losses of each fold's networks, (n_draws, n_rows); without
        arguments those with the true values.
    draws : list of ConditionalDraws
        Of each fold.
    tested : ndarray of int of shape (n_folds, n_tested)
        The features that each fold's last networks see.
    seed : int
        Same seed, same draws.
    units : list of ndarray of int, default=None
        Of each fold's rows: losses of a unit are added up, for together its rows say no
        more than one. None: each row is one.

    Returns
    -------
    losses : Losses
    """

    def by_unit(losses, fold):
        if units is None:
            return losses
        _, unit = np.unique(units[fold], return_inverse=True)
        return np.array([np.bincount(unit, of_draw) for of_draw in losses])

    original = [by_unit(losses, fold)[0] for fold, losses in enumerate(losses_of())]
    replaced = {}
    rng = np.random.default_rng(seed)
    for number in range(tested.shape[1]):
        # Many small matrices: threads would only wait for each other.
        with threadpool_limits(1):
            drawn = [
                of_fold.draw(number, _N_DRAWS, int(rng.integers(2**31)))
                for of_fold in draws
            ]
        for fold, losses in enumerate(losses_of(number, drawn)):
            replaced[int(tested[fold, number]), fold] = by_unit(losses, fold)
    return Losses(original, replaced)


def feature_pvalues(losses, n_features):
    """Test each feature that a fold's last networks see, on the fold's held-out rows.

    The values of a feature are replaced by draws from its distribution given the other
    features. If the networks' held-out loss is higher with the draws, they make use of
    what the feature tells beyond the others. The folds' rows are put together; where a
    fold's networks do not see a feature, it makes no difference. A feature that none
    sees has a p-value of 1.

    Where folds are compared that each are trained on the rows that the others hold out,
    what is common to the rows of two folds by chance counts twice. For networks that
    were linear in what they learn, with ``g[a]`` the chance association in the rows of
    fold ``a``, the loss falls by the sum over folds of ``g[a] * sum(g[b] for b != a)``,
    in which each pair comes twice, and whose variance is twice that of its draws.

    Parameters
    ----------
    losses : Losses
        From `losses_with_draws`.
    n_features : int
        All features.

    Returns
    -------
    pvalues : ndarray of shape (n_features,)

    References
    ----------
    W. Tansey, V. Veitch, H. Zhang, R. Rabadan, D. M. Blei (2022), "The Holdout
    Randomization Test for Feature Selection in Black Box Models", Journal of
    Computational and Graphical Statistics 31(1), 151-162.

    A. Chamma, D. A. Engemann, B. Thirion (2023), "Statistically Valid Variable
    Importance Assessment through Conditional Permutations", NeurIPS 36.
    """
    variance_factor = _VARIANCE_OF_FOLDS if len(losses.original) > 1 else 1.0
    pvalues, original = np.ones(n_features), np.concatenate(losses.original)
    for feature in np.unique([feature for feature, _ in losses.replaced]):
        resampled = [
            losses.replaced.get(
                (feature, fold), np.broadcast_to(of_fold, (_N_DRAWS, len(of_fold)))
            )
            for fold, of_fold in enumerate(losses.original)
        ]
        pvalues[feature] = randomisation_pvalues(
            original, np.concatenate(resampled, axis=1), variance_factor
        ).larger
    return pvalues


def merge_losses(losses):
    """Put together the losses of several samples of rows.

    Parameters
    ----------
    losses : list of Losses
        Of the same folds and features.

    Returns
    -------
    losses : Losses
    """
    return Losses(
        [
            np.concatenate(of_fold)
            for of_fold in zip(*(one.original for one in losses), strict=True)
        ],
        {
            key: np.concatenate([one.replaced[key] for one in losses], axis=-1)
            for key in losses[0].replaced
        },
    )


class ConditionalDraws:
    """Draws a feature given the others, for the held-out rows of one fold.

    Parameters
    ----------
    sampler : object
        With ``fit(X)`` and ``sample(X, column, n_draws, random_state)``, as
        `ConditionalSampler`. Copies are used.
    trained_on, held_out : ndarray of shape (n_rows, n_columns)
        Columns of a coded table, for rows of two kinds.
    categories : ndarray of int
        Columns that hold codes of levels.
    columns : list of ndarray of int
        Those of each feature to be drawn.
    """

    def __init__(self, sampler, trained_on, held_out, categories, columns):
        self._sampler = sampler
        self._trained_on, self._held_out = trained_on, held_out
        self._categories = categories
        self._columns = columns
        self._fitted = self._fit(trained_on, categories)

    def _fit(self, X, categories):
        # Samplers that know nothing of categories will do where there are none.
        settings = {"categorical_features": categories} if len(categories) else {}
        return clone(self._sampler).fit(X, **settings)

    def draw(self, number, n_draws, seed):
        """Draw a feature's columns: ndarray of shape (n_draws, n_rows, n_columns)."""
        columns = self._columns[number]
        if len(columns) == 1:
            return self._fitted.sample(self._held_out, int(columns[0]), n_draws, seed)[
                ..., np.newaxis
            ]
        if _is_one_hot(self._trained_on[:, columns]):
            return self._draw_one_hot(columns, n_draws, seed)
        return self._draw_in_turn(columns, n_draws, seed)

    def _draw_one_hot(self, columns, n_draws, seed):
        """Draw a category that is spread over columns of zeros and ones."""
        others = np.setdiff1d(np.arange(self._held_out.shape[1]), columns)
        tables = [
            np.column_stack([X[:, others], _as_codes(X[:, columns])])
            for X in (self._trained_on, self._held_out)
        ]
        categories = np.flatnonzero(np.isin(others, self._categories))
        fitted = self._fit(tables[0], np.append(categories, len(others)))
        codes = fitted.sample(tables[1], len(others), n_draws, seed)
        return (codes[..., np.newaxis] == np.arange(len(columns))).astype(float)

    def _draw_in_turn(self, columns, n_draws, seed):
        """Draw the first column given all others, the next one given that, too, ..."""
        others = np.setdiff1d(np.arange(self._held_out.shape[1]), columns)
        X = np.tile(self._held_out, (n_draws, 1))
        for n_drawn, column in enumerate(columns):
            known = np.concatenate([others, columns[: n_drawn + 1]])
            categories = np.flatnonzero(np.isin(known, self._categories))
            fitted = self._fit(self._trained_on[:, known], categories)
            X[:, column] = fitted.sample(
                X[:, known], len(known) - 1, 1, seed + n_drawn
            )[0]
        return X[:, columns].reshape(n_draws, -1, len(columns))


def _is_one_hot(values):
    """Whether columns are zeros, and a one in one of them at most."""
    return bool(np.isin(values, (0, 1)).all() and (values.sum(axis=1) <= 1).all())


def _as_codes(values):
    """Which of the columns is 1; their number if none is."""
    return np.where(values.any(axis=1), values.argmax(axis=1), values.shape[1])
