"""Which rows each fold's networks are trained on, and which they never see."""

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import coo_array, issparse
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    check_cv,
)
from sklearn.utils import gen_batches

from skviann._validation import release_pages

# Equal rows go into the same fold only if there are so many different ones a fold: in
# a table of few different rows, no row would be like one that was trained on.
_DIFFERENT_ROWS_A_FOLD = 10

# Errors of means are those of groups, not of rows, if there are so many groups.
_ENOUGH_GROUPS = 20

_VALUES_AT_A_TIME = 2**16


# Rows are few if there are fewer, or fewer that tell much (see `Problem.n_telling`).
_FEW_ROWS = 1000
_FEW_TELLING = 100


class Splitting(NamedTuple):
    """How to split rows into folds."""

    cv: Any  # int, splitter or iterable
    seeds: list  # one for each split; a splitter or iterable is asked once
    params: dict = {}  # for the splitter: `groups` tells the rows that belong together
    hashes: np.ndarray | None = None  # from `hash_rows`, of more columns than X has
    one_if_many: bool = False  # whether rows that are not few are split only once

    def of(self, rows):
        """Return the same for some of the rows, all if None."""
        if rows is None:
            return self
        params = {name: np.asarray(one)[rows] for name, one in self.params.items()}
        hashes = None if self.hashes is None else self.hashes[rows]
        return self._replace(params=params, hashes=hashes)


class Folds(NamedTuple):
    """Rows split into folds."""

    splits: list  # of tuple of ndarray of int: rows to train on, and rows held out
    # Rows with the same number tell the same thing: copies, or rows of a group.
    unit_of_row: np.ndarray | None = None


def are_few(n_rows, n_telling):
    """Whether a table has few rows, or few that tell much."""
    return n_rows < _FEW_ROWS or n_telling < _FEW_TELLING


def split_rows(X, y, is_classes, splitting):
    """Split rows into folds, once or several times.

    An integer means so many folds of rows in random order; of classes, each fold gets
    its share of every class, as far as it has enough rows. Rows of a group, and rows
    that are copies of each other (see `find_copies`), share a fold.

    Parameters
    ----------
    X : ndarray or csr matrix of shape (n_samples, n_features)
        Numbers, or a coded table; passed to the splitter.
    y : ndarray of shape (n_samples, ...)
        Passed to the splitter; for classes, of shape (n_samples,).
    is_classes : bool
        Whether `y` holds classes.
    splitting : Splitting
        How.

    Returns
    -------
    folds : Folds

    Raises
    ------
    ValueError
        If there are fewer rows or groups than folds, or a part of a split is empty.
    """
    cv, n_rows = splitting.cv, X.shape[0]
    groups = splitting.params.get("groups")
    if isinstance(cv, Integral):
        folds = _random_folds(X, y, is_classes, splitting, groups)
    else:
        if groups is not None and not hasattr(cv, "split"):
            raise ValueError(
                "groups have no effect with cv given as row numbers. Pass an integer "
                "or a splitter, such as sklearn.model_selection.GroupKFold."
            )
        splitter = check_cv(cv, y, classifier=is_classes)
        splits = [
            tuple(_as_rows(part, n_rows) for part in split)
            for split in splitter.split(X, y, **splitting.params)
        ]
        folds = Folds(splits, _as_units(groups))
    if not folds.splits or not all(len(a) and len(b) for a, b in folds.splits):
        raise ValueError(
            f"cv={cv!r} must give at least one split, with rows to train on and rows "
            "held out in each."
        )
    return folds


def _random_folds(X, y, is_classes, splitting, groups):
    n_folds, n_rows = splitting.cv, X.shape[0]
    if n_rows < n_folds:
        raise ValueError(
            f"cv={n_folds} folds need at least as many rows, got {n_rows}. Pass a "
            "smaller cv, or a splitter."
        )
    # Copies are split as the first one of them is; the others follow it.
    firsts, unit_of_row = find_copies(X, n_folds, splitting.hashes)
    if groups is not None:
        # Groups that share a copied row are one.
        _, groups = np.unique(groups, return_inverse=True)
        links = unit_of_row, groups + len(firsts)
        n_nodes = len(firsts) + n_rows
        graph = coo_array((np.ones(n_rows), links), shape=(n_nodes, n_nodes))
        groups = connected_components(graph, directed=False)[1][: len(firsts)]
        n_groups = len(np.unique(groups))
        if n_groups < n_folds:
            raise ValueError(
                f"cv={n_folds} folds need at least as many groups, got {n_groups} "
                "(groups with copies of the same row are one). Pass a smaller cv, or a "
                "splitter."
            )
    y = y[firsts]
    # scikit-learn refuses to stratify where no class has a row for each fold.
    can_stratify = is_classes and np.unique(y, return_counts=True)[1].max() >= n_folds
    splits = []
    for seed in splitting.seeds:
        shuffled = {"shuffle": True, "random_state": seed}
        if groups is None:
            kind = StratifiedKFold if can_stratify else KFold
            parts = kind(n_folds, **shuffled).split(firsts, y)
        elif can_stratify:
            # Groups that are alike in their classes go in order of their numbers, which
            # is random here; scikit-learn 1.7 shuffles, and no longer stratifies.
            numbers = np.random.default_rng(seed).permutation(groups.max() + 1)
            parts = StratifiedGroupKFold(n_folds).split(firsts, y, numbers[groups])
        else:
            parts = GroupKFold(n_folds, **shuffled).split(firsts, y, groups)
        for _, held_out in parts:
            is_held_out = np.zeros(len(firsts), dtype=bool)
            is_held_out[held_out] = True
            is_held_out = is_held_out[unit_of_row]
            splits.append((np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)))
    units = None if groups is None else _as_units(groups[unit_of_row])
    if units is None and len(firsts) < n_rows:
        units = unit_of_row
    return Folds(splits, units)


def _as_units(groups):
    """Return numbers of groups; None if too few to tell how much they differ."""
    if groups is None:
        return None
    labels, units = np.unique(groups, return_inverse=True)
    return units if len(labels) >= _ENOUGH_GROUPS else None


def find_copies(X, n_folds, hashes=None):
    """Find rows that are equal in all columns, and not by chance.

    A table with few columns of few values has equal rows without any being a copy. So
    rows count as copies only if pairs of equal rows are more than twice as many as they
    would be if the columns were independent, and at least ten rows for each fold
    differ.

    Parameters
    ----------
    X : ndarray or csr matrix of shape (n_samples, n_columns)
        Numbers; NaN is equal to NaN.
    n_folds : int
        Folds that the rows are to be split into.
    hashes : ndarray of uint64 of shape (n_samples,), default=None
        Of more columns than X has, too many for chance; None: of X.

    Returns
    -------
    firsts : ndarray of int of shape (n_different,)
        The first row of each set of copies, in increasing order.
    first_of_row : ndarray of int of shape (n_samples,)
        Which of them each row is a copy of.

    Examples
    --------
    >>> import numpy as np
    >>> from skviann.feature_selection._folds import find_copies
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> firsts, first_of_row = find_copies(np.vstack([X, X[:5]]), 4)
    >>> len(firsts), first_of_row[50:].tolist()
    (50, [0, 1, 2, 3, 4])
    """
    n_rows = X.shape[0]
    every = np.arange(n_rows)
    is_wide = hashes is not None
    hashes = hashes if is_wide else hash_rows(X)
    # Most tables have none: sorting alone is fast.
    n_different = 1 + np.count_nonzero(np.diff(np.sort(hashes)))
    if n_different == n_rows or n_different < _DIFFERENT_ROWS_A_FOLD * n_folds:
        return every, every
    _, firsts, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    n_equal = np.sum(np.bincount(inverse).astype(float) ** 2) - n_rows
    if n_equal <= 2 * (0 if is_wide else _n_equal_by_chance(X)):
        return every, every
    order = np.argsort(firsts)
    return firsts[order], np.argsort(order)[inverse]


def _n_equal_by_chance(X):
    """Count ordered pairs of equal rows to expect of independent columns."""
    n_rows, n_columns = X.shape
    n_pairs = float(n_rows) * (n_rows - 1)
    for column in range(n_columns):
        if n_pairs < 1:
            break
        values = X[:, [column]].toarray() if issparse(X) else X[:, column]
        counts = np.unique(values, return_counts=True)[1].astype(float)
        n_pairs *= (counts @ counts - n_rows) / (n_rows * (n_rows - 1))
    return n_pairs


def hash_rows(X):
    """Hash rows of numbers: uint64, the same for equal rows."""
    keys = np.random.default_rng(0).integers(2**64, size=X.shape[1], dtype=np.uint64)
    if issparse(X):
        X, zero = X.tocsr(), np.uint64(0)
        of_cells = np.where(X.data != 0, _hash_cells(X.data, keys[X.indices]), zero)
        reached = np.concatenate([[zero], np.cumsum(of_cells)])
        return reached[X.indptr[1:]] - reached[X.indptr[:-1]]
    hashes = np.empty(len(X), dtype=np.uint64)
    for rows in gen_batches(len(X), max(1, _VALUES_AT_A_TIME // max(X.shape[1], 1))):
        hashes[rows] = _hash_cells(X[rows], keys).sum(axis=1)
        release_pages(X)
    return hashes


def _hash_cells(values, keys):
    values = values.astype(np.float64) + 0.0  # -0.0 becomes 0.0
    values[np.isnan(values)] = np.nan  # there are many
    bits = values.view(np.uint64)
    bits ^= keys
    bits ^= bits >> np.uint64(32)
    bits *= np.uint64(0x9E3779B97F4A7C15)
    bits ^= bits >> np.uint64(29)
    return bits


def _as_rows(rows, n_rows):
    """Row numbers, also of a boolean mask."""
    rows = np.asarray(rows)
    if rows.dtype == bool:
        if len(rows) != n_rows:
            raise ValueError(f"cv holds a mask of {len(rows)} rows, X has {n_rows}.")
        return np.flatnonzero(rows)
    outside = rows[(rows < -n_rows) | (rows >= n_rows)]
    if len(outside):
        raise ValueError(f"cv names row {outside[0]}, but X has {n_rows} rows.")
    return rows


def seen_rows(folds, n_samples):
    """Return which rows each fold is trained on: boolean (n_folds, n_samples)."""
    seen = np.zeros((len(folds), n_samples), dtype=bool)
    for of_fold, (rows, _) in zip(seen, folds, strict=True):
        of_fold[rows] = True
    return seen
