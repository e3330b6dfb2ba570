"""Do the networks use a feature on rows that they did not see? Losses to p-values."""

from typing import NamedTuple

import numpy as np
from scipy import stats
from sklearn.base import clone
from threadpoolctl import threadpool_limits

# A feature's distribution is estimated given that many others of a fold's ranking.
N_CONDITIONED_ON = 64
_N_DRAWS = 30
# A change of the mean loss by less than this share of it is rounding: networks compute
# in float32, and not to the last digit the same in batches of another size.
_ROUNDING = 1e-6
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

    `losses_of` takes the number of the tested feature and drawn values, an array for
    each fold, to the weighted losses of each fold's networks, (n_draws, n_rows);
    without arguments it returns those with the true values. `draws` has the
    `ConditionalDraws` of each fold, `tested` the features that each fold's last
    networks see, (n_folds, n_tested). Losses of a unit (of `units`, of each fold's
    rows) are added up, for together its rows say no more than one.
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

    Returned are p-values of all features, (n_features,).
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
        pvalues[feature] = randomisation_pvalue(
            original, np.concatenate(resampled, axis=1), variance_factor
        )
    return pvalues


def merge_losses(losses):
    """Put together losses of several samples, of the same folds and features."""
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


def randomisation_pvalue(original, resampled, variance_factor=1.0):
    """Compute the p-value of a column, whose losses are compared with those of draws.

    It is the larger one of two, each by Student's t, one-sided. The first takes the
    rows as given: is the mean loss of the rows as they are one more draw of the normal
    distribution of the draws' mean losses? A rank among the draws would never be below
    ``1 / (n_draws + 1)``. The second takes the draws as given: does the loss of a row
    rise, on average over draws (a paired test over rows)? The larger one is a valid
    p-value whenever one of the two is.

    `original` are the held-out losses of each row, (n_rows,), `resampled` the same with
    the column's values redrawn given the other columns, (n_draws, n_rows). By chance,
    the mean loss varies `variance_factor` times as much as among draws, or rows. The
    p-value is 1 if the mean loss stays the same, or does not vary over draws, or
    changes by the same amount in all rows.

    References
    ----------
    W. Tansey, V. Veitch, H. Zhang, R. Rabadan, D. M. Blei (2022), "The holdout
    randomization test for feature selection in black box models", Journal of
    Computational and Graphical Statistics 31(1), 151-162, algorithm 1.

    A. Chamma, D. A. Engemann, B. Thirion (2023), "Statistically valid variable
    importance assessment through conditional permutations", NeurIPS 36, section 4.
    """
    original, resampled = np.asarray(original, float), np.asarray(resampled, float)
    means, rises = resampled.mean(axis=1), resampled.mean(axis=0) - original
    n_draws, n_rows = resampled.shape
    rise = rises.mean()
    errors = [
        _deviation(means) * np.sqrt(1 + 1 / n_draws),
        _deviation(rises) / np.sqrt(n_rows),
    ]
    error_is_known = min(errors) > 1e-9 * abs(rise)
    if abs(rise) <= _ROUNDING * np.abs(original).mean() or not error_is_known:
        return 1.0
    t = rise / (np.array(errors) * np.sqrt(variance_factor))
    return float(stats.t.sf(t, [n_draws - 1, n_rows - 1]).max())


def _deviation(values):
    return values.std(ddof=1) if len(values) > 1 else 0.0


def benjamini_hochberg(pvalues):
    """Adjust p-values for the false discovery rate.

    With the p-values sorted, that of test i becomes the least ``p[j] * n_tests / j`` of
    all j from i on. Selecting those of at most `alpha` controls the false discovery
    rate of independent and of positively dependent tests.

    From p-values to adjusted ones, (n_tests,).

    References
    ----------
    Y. Benjamini, Y. Hochberg (1995), "Controlling the false discovery rate", Journal
    of the Royal Statistical Society B 57(1), 289-300.
    """
    return stats.false_discovery_control(pvalues, method="bh")


def holm(pvalues):
    """Adjust p-values for the probability that any selected one is false.

    With the p-values sorted, that of the test i becomes the largest
    ``p[j] * (n_tests - j + 1)`` of all j up to i. Selecting those of at most `alpha`
    controls the family-wise error rate, however the tests depend on each other.

    From p-values to adjusted ones, (n_tests,).

    References
    ----------
    S. Holm (1979), "A simple sequentially rejective multiple test procedure",
    Scandinavian Journal of Statistics 6(2), 65-70.
    """
    pvalues = np.asarray(pvalues, dtype=np.float64)
    order = np.argsort(pvalues, kind="stable")
    adjusted = np.empty(len(pvalues))
    factors = np.arange(len(pvalues), 0, -1)
    adjusted[order] = np.maximum.accumulate(pvalues[order] * factors)
    return np.minimum(adjusted, 1)


class ConditionalDraws:
    """Draws a feature given the others, for the held-out rows of one fold.

    `trained_on` and `held_out` are rows of a coded table, (n_rows, n_columns), whose
    `categories` are columns that hold codes of levels; `columns` are those of each
    feature to be drawn. The sampler is copied, and fitted to what was trained on.
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
