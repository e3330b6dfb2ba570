"""Which rows each fold's networks are trained on, and which they never see."""

from numbers import Integral

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, check_cv


def split_rows(cv, X, y, is_classes, seeds, **split_params):
    """Split rows into folds, once or several times.

    Parameters
    ----------
    cv : int, splitter or iterable
        An integer means so many folds of rows in random order; of classes, each fold
        gets its share of every class, as far as it has enough rows.
    X : ndarray of shape (n_samples, n_features)
        Passed to the splitter.
    y : ndarray of shape (n_samples, ...)
        Passed to the splitter; for classes, of shape (n_samples,).
    is_classes : bool
        Whether `y` holds classes.
    seeds : list of int
        One split for each; a splitter or iterable of a user's own is asked once.
    **split_params : dict
        Passed to the splitter: `groups`.

    Returns
    -------
    folds : list of tuple of ndarray of int
        Rows to train on, and rows held out.

    Raises
    ------
    ValueError
        If there are fewer rows than folds, or a part of a split is empty.
    """
    if not isinstance(cv, Integral):
        folds = list(check_cv(cv, y, classifier=is_classes).split(X, y, **split_params))
        folds = [(_as_rows(train), _as_rows(test)) for train, test in folds]
    elif len(y) < cv:
        raise ValueError(
            f"cv={cv} folds need at least as many rows, got {len(y)}. Pass a smaller "
            "cv, or a splitter."
        )
    else:
        # scikit-learn refuses to stratify where no class has a row for each fold.
        can_stratify = is_classes and np.unique(y, return_counts=True)[1].max() >= cv
        kind = StratifiedKFold if can_stratify else KFold
        folds = [
            fold
            for seed in seeds
            for fold in kind(cv, shuffle=True, random_state=seed).split(X, y)
        ]
    if not folds or not all(len(train) and len(test) for train, test in folds):
        raise ValueError(
            f"cv={cv!r} must give at least one split, with rows to train on and rows "
            "held out in each."
        )
    return folds


def _as_rows(rows):
    """Row numbers, also of a boolean mask."""
    rows = np.asarray(rows)
    return np.flatnonzero(rows) if rows.dtype == bool else rows


def seen_rows(folds, n_samples):
    """Return which rows each fold is trained on: boolean (n_folds, n_samples)."""
    seen = np.zeros((len(folds), n_samples), dtype=bool)
    for of_fold, (rows, _) in zip(seen, folds, strict=True):
        of_fold[rows] = True
    return seen
