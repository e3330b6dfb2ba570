"""Selection with a network of the user's own: one training after the other."""

import numpy as np
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.utils.parallel import Parallel, delayed

from skviann._outputs import predict_outputs
from skviann._sklearn_compat import _check_method_params
from skviann._validation import draw_seeds, take_rows
from skviann.feature_selection._elimination import (
    GUARD_UNTIL,
    eliminate,
    remaining_after,
)
from skviann.feature_selection._findings import Findings
from skviann.feature_selection._folds import seen_rows, split_rows
from skviann.feature_selection._interactions import interaction_strengths
from skviann.feature_selection._path import follow_path, held_out_rows, path_of_rows

# Rounds of elimination after the first take at most so many rows.
_MAX_ROWS_OF_LATER_ROUNDS = 200_000


def select_with_own_network(
    wrapper,
    X,
    y,
    fit_params,
    *,
    cv,
    split_params,
    step,
    n_repeats,
    n_jobs,
    n_most,
    with_path,
    random_state,
    progress,
):
    """Rank columns by one or more trainings; follow the path by refits.

    Parameters
    ----------
    wrapper : estimator
        Of scikeras or ``keras.wrappers``; copies of it are fitted.
    X, y, fit_params
        As for its fit.
    cv, split_params
        As for `split_rows`; only for the path.
    step : int, float or None
        As for `VIANNSelector`.
    n_repeats, n_jobs : int
        Trainings that are averaged, and how many run at once.
    n_most : int or None
        No more columns will be kept.
    with_path : bool
        Whether to rank by folds, and to follow the path of nested sets.
    random_state : int, RandomState instance or None
        Seeds all trainings. None leaves one training to the wrapper's own.
    progress : callable
        From the number of steps to a `Progress`.

    Returns
    -------
    findings : Findings
    """
    n_samples, n_features = X.shape
    is_classes = is_classifier(wrapper)
    (split_seed,) = draw_seeds(random_state, 1)
    seeds = _draw_seeds(wrapper, random_state, n_repeats)
    everything = np.arange(n_samples)
    folds = [(everything, everything[:0])]
    if with_path:
        folds = split_rows(cv, X, y, is_classes, [split_seed], **split_params)
    counts = remaining_after(n_features, step)
    first_fit = []
    is_single = n_repeats == 1 and not with_path and not counts

    def fit_all(rows_and_columns, seeds):
        """Fit a copy for each of the rows, columns and seeds."""
        return Parallel(n_jobs=n_jobs)(
            delayed(_fit_one)(wrapper, X, y, rows, columns, seed, fit_params, is_single)
            for rows, columns in rows_and_columns
            for seed in seeds
        )

    with progress(len(counts) + 1 + 2 * with_path) as bar:

        def train_round(columns):
            if len(columns) == 1:
                columns = np.repeat(columns, len(folds), axis=0)
            parts = [
                (rows if not first_fit else _some_rows(rows, y, seeds[0]), of_fold)
                for (rows, _), of_fold in zip(folds, columns, strict=True)
            ]
            fits = fit_all(parts, seeds)
            first_fit.append(fits[0][0])
            bar.step(f"round of {columns.shape[1]} columns")
            shares = np.array([shares for _, shares in fits])
            return None, shares.reshape(len(folds), len(seeds), -1)

        interactions = None
        if counts and n_features > GUARD_UNTIL and not issparse(X):
            seen = seen_rows(folds, n_samples)
            interactions = interaction_strengths(X, y, seen)
        elimination = eliminate(train_round, n_features, counts, interactions)
        path = None
        if with_path:
            held_out = held_out_rows(folds)

            def losses_of(size):
                parts = [
                    (rows, ranking[:size])
                    for (rows, _), ranking in zip(
                        folds, elimination.rankings, strict=True
                    )
                ]
                networks = [None] * len(folds)  # predict a constant
                if size:
                    networks = [one for one, _ in fit_all(parts, seeds[:1])]
                    bar.step(f"sets of {size} columns")
                return [
                    _losses(fitted, is_classes, X, y, rows, columns, trained_on)
                    for fitted, rows, (trained_on, columns) in zip(
                        networks, held_out, parts, strict=True
                    )
                ]

            def path_of_sizes(sizes):
                losses = zip(*map(losses_of, sizes), strict=True)
                losses = [np.array(of_fold) for of_fold in losses]
                return path_of_rows(sizes, losses, held_out, np.ones(n_samples))

            path = follow_path(path_of_sizes, n_features, n_most)
    return Findings(
        elimination.importances,
        elimination.n_rounds.mean(axis=0),
        first_fit[0],
        path,
    )


def _draw_seeds(wrapper, random_state, n_repeats):
    if random_state is not None:
        return draw_seeds(random_state, n_repeats)
    if n_repeats == 1:
        return [None]
    return draw_seeds(getattr(wrapper, "random_state", None), n_repeats)


def _fit_one(wrapper, X, y, rows, columns, seed, fit_params, share_callbacks):
    """Fit a copy of the network; return it and its importances."""
    from skviann.wrappers import fit_with_importances

    if len(rows) < X.shape[0]:
        fit_params = _check_method_params(X, fit_params, rows)
        X, y = take_rows(X, rows), y[rows]
    if len(columns) < X.shape[1]:
        X = X[:, columns]
    return fit_with_importances(
        wrapper, X, y, seed, share_callbacks=share_callbacks, **fit_params
    )


def _some_rows(rows, y, seed):
    """Take some of very many rows, of every class at least one."""
    if len(rows) <= _MAX_ROWS_OF_LATER_ROUNDS:
        return rows
    rng = np.random.default_rng(seed)
    some = rng.choice(rows, _MAX_ROWS_OF_LATER_ROUNDS, replace=False)
    if y.ndim == 1 and y.dtype.kind != "f":
        some = np.union1d(some, rows[np.unique(y[rows], return_index=True)[1]])
    return np.sort(some)


def _losses(fitted, is_classes, X, y, rows, columns, trained_on):
    """Losses by row: the log loss of classes, the squared error of a quantity.

    Of a model that predicts the shares of the classes, or the mean, of the rows trained
    on if `fitted` is None.
    """
    if is_classes:
        classes, numbers = np.unique(y[trained_on], return_inverse=True)
        if fitted is None:
            predicted = np.bincount(numbers)[np.newaxis] / len(numbers)
        else:
            predicted = _predict(fitted, X, rows, columns)
            if predicted.shape[1] == 1:
                predicted = np.hstack([1 - predicted, predicted])
        of_class = y[rows][:, np.newaxis] == classes
        probability = (predicted * of_class).sum(axis=1)
        return -np.log(np.maximum(probability, np.finfo(np.float32).eps))
    y = y.reshape(len(y), -1)
    mean, deviation = y[trained_on].mean(axis=0), y[trained_on].std(axis=0)
    predicted = mean if fitted is None else _predict(fitted, X, rows, columns)
    return (((y[rows] - predicted) / np.where(deviation > 0, deviation, 1)) ** 2).mean(
        axis=1
    )


def _predict(fitted, X, rows, columns):
    return predict_outputs(fitted, X[rows][:, columns])
