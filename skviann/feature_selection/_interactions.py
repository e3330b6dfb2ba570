"""Which columns matter only together: a guard for the rounds of elimination."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from sklearn.utils import gen_batches

from skviann._validation import spread_rows, take_cells

# Bounds on the search: rows, targets and arithmetic operations of the matrix products.
_MAX_ROWS = 10_000
_MIN_ROWS = 500
_MAX_TARGETS = 8
_MAX_OPERATIONS = 1e12
_MAX_OPERATIONS_OF_ALL_TARGETS = 1e14

# Standardised values that are held at a time, features that are read at a time, and
# columns on either side of a product.
_MAX_VALUES = 2**25
_FEATURES_AT_A_TIME = 4096
_COLUMNS_AT_A_TIME = 1024


def interaction_strengths(X, y, seen=None, inputs=None):
    """Find for each feature its strongest interaction with another one.

    That is the largest ``|mean(y * x_i * x_j)|`` over all ``j != i``, of standardised
    columns and targets: where columns are independent, the correlation of `y` with
    their product. Values are clipped at 1 % and 99 % first. Among hundreds of columns,
    a network hardly finds two that matter only together.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite numbers, or a coded table, see `inputs`. Of many rows, only some at equal
        distances are used. Columns are read in blocks.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Numbers, or labels of classes, each of which is a target then. Of many targets,
        the most frequent classes or first outputs are used.
    seen : boolean ndarray of shape (n_folds, n_samples), default=None
        Which rows each fold may see; None is one fold that sees all.
    inputs : Inputs, default=None
        What a coded table's columns tell: each level of a category, and whether a value
        is missing, then is a column here. Products within a feature do not count.

    Returns
    -------
    strengths : ndarray of shape (n_folds, n_features)
        0 is none.
    """
    n_features = X.shape[1] if inputs is None else inputs.n_features
    n_terms = X.shape[1] if inputs is None else inputs.n_terms
    chosen = choose_rows(y, seen, n_terms)
    n_at_once = max(_FEATURES_AT_A_TIME, _MAX_VALUES // len(chosen.rows))
    strengths = np.zeros((len(chosen.n_seen), n_features))

    def read(first, n):
        features = np.arange(first, min(first + n, n_features))
        return read_terms(X, chosen.rows, features, inputs)

    for first in range(0, n_features, n_at_once):
        some = read(first, n_at_once)
        raise_to(strengths, pair_strengths(some, some, chosen), some, some)
        for later in range(first + n_at_once, n_features, _FEATURES_AT_A_TIME):
            others = read(later, _FEATURES_AT_A_TIME)
            raise_to(strengths, pair_strengths(some, others, chosen), some, others)
    return strengths


class Terms(NamedTuple):
    """Standardised columns, of the rows that are looked at."""

    values: np.ndarray  # (n_rows, n_terms)
    feature: np.ndarray  # (n_terms,): which feature each belongs to


class RowsWithTargets(NamedTuple):
    """Rows of the search, with their targets."""

    rows: np.ndarray  # (n_rows,)
    targets: np.ndarray  # (n_targets, n_rows), standardised
    slices: list  # of rows that the same folds see
    is_seen: np.ndarray  # boolean (n_folds, n_slices)
    n_seen: np.ndarray  # (n_folds,): rows that each fold sees


def choose_rows(y, seen, n_terms):
    """Choose the rows to look at, and prepare their targets.

    `y` and `seen` as for `interaction_strengths`; with more columns to be multiplied,
    `n_terms`, fewer rows.
    """
    targets = targets_of(y, _MAX_TARGETS)
    n_pairs = 2 * max(n_terms, 1) ** 2
    affordable = _MAX_OPERATIONS_OF_ALL_TARGETS / (n_pairs * _MIN_ROWS)
    targets = targets[:, : int(max(affordable, 1))]
    affordable = _MAX_OPERATIONS / (n_pairs * targets.shape[1])
    n_rows = int(np.clip(affordable, _MIN_ROWS, _MAX_ROWS))
    rows = spread_rows(len(y), n_rows)
    seen = np.ones((1, len(rows)), dtype=bool) if seen is None else seen[:, rows]
    # Rows that the same folds see are multiplied once for all of these.
    is_seen, slice_of_row = np.unique(seen, axis=1, return_inverse=True)
    ends = np.cumsum(np.bincount(slice_of_row.ravel())).tolist()
    slices = [slice(*limits) for limits in pairwise([0, *ends])]
    rows = rows[np.argsort(slice_of_row.ravel(), kind="stable")]
    targets = standardise(targets[rows]).T.astype(np.float32)
    return RowsWithTargets(
        rows, targets, slices, is_seen, np.maximum(seen.sum(axis=1), 1)
    )


def read_terms(X, rows, features, inputs=None):
    """Read and standardise what some features tell in some rows; X as it comes."""
    if inputs is None:
        values, feature = take_cells(X, rows, features), features
    else:
        inputs, _ = inputs.of_features(features)
        columns = np.unique(inputs.column)
        values = take_cells(X, rows, columns)
        values, number = inputs.on_columns(columns).terms(values)
        feature = features[number]
    values = values.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        values = standardise(_clip(values))
    return Terms(values.astype(np.float32), feature)


def pair_strengths(some, others, chosen):
    """Find the strongest products of each column with those on the other side.

    The same `Terms` twice: pairs within them. For each side ``|mean(y * x_i * x_j)|``
    over the rows that a fold sees, (n_folds, n_terms).
    """
    strengths = [
        np.zeros((len(chosen.n_seen), len(terms.feature)), dtype=np.float32)
        for terms in (some, others)
    ]
    n_others = None if some is others else len(others.feature)
    for a, b in pairs_of_tiles(len(some.feature), n_others):
        for target in range(len(chosen.targets)):
            found = products(some, others, a, b, target, chosen)
            for fold, product in enumerate(found):
                np.abs(product, out=product)
                for strength, tile, axis in zip(strengths, (a, b), (1, 0), strict=True):
                    highest = product.max(axis=axis)
                    np.maximum(strength[fold, tile], highest, out=strength[fold, tile])
    if some is others:
        strengths = [np.maximum(*strengths)] * 2
    return tuple(of / chosen.n_seen[:, np.newaxis] for of in strengths)


def products(some, others, a, b, target, chosen):
    """Compute ``sum(y * x_i * x_j)`` over the rows of each fold; 0 within a feature.

    Of slices `a` and `b` of the columns on either side, and the target of a number;
    yielded is one fold's array, (n_in_a, n_in_b), after the other.
    """
    weighted = some.values[:, a] * chosen.targets[target][:, np.newaxis]
    by_slice = [weighted[rows].T @ others.values[rows, b] for rows in chosen.slices]
    within = some.feature[a, np.newaxis] == others.feature[b]
    is_near = within.any()
    total = sum(by_slice[1:], start=by_slice[0])
    for is_seen in chosen.is_seen:
        # Most folds see most slices.
        product = total - sum(by_slice[i] for i in np.flatnonzero(~is_seen))
        if is_near:
            product[within] = 0
        yield product


def raise_to(strengths, found, some, others):
    """Raise the features' strengths to what was found in products of terms."""
    for of_terms, terms in zip(found, (some, others), strict=True):
        np.maximum.at(strengths.T, terms.feature, of_terms.T)


def pairs_of_tiles(n_terms, n_others=None):
    """Divide a product of columns into tiles, pairs of slices, each computed at once.

    Without `n_others` the other side is the same, and each pair of tiles comes once.
    """
    some = list(gen_batches(n_terms, _COLUMNS_AT_A_TIME))
    if n_others is None:
        return [(a, b) for number, a in enumerate(some) for b in some[number:]]
    others = list(gen_batches(n_others, _COLUMNS_AT_A_TIME))
    return [(a, b) for a in some for b in others]


def _clip(Z):
    """Clip columns at 1 % and 99 %, but for those that have two values."""
    low, high = np.quantile(Z, [0.01, 0.99], axis=0)
    are_equal = low == high
    return np.clip(
        Z, np.where(are_equal, -np.inf, low), np.where(are_equal, np.inf, high)
    )


def targets_of(y, n_most=None):
    """Columns of numbers: outputs, or an indicator of each class.

    At most so many: the first outputs, the most frequent classes; None: all.
    """
    if y.ndim == 2 or y.dtype.kind == "f":
        return y.reshape(len(y), -1)[:, :n_most].astype(np.float64)
    labels, counts = np.unique(y, return_counts=True)
    labels = labels[np.argsort(-counts, kind="stable")[:n_most]]
    if len(labels) == 2:
        labels = labels[:1]  # the other one says the same
    return (y[:, np.newaxis] == labels).astype(np.float64)


def standardise(columns):
    """Bring columns to mean 0 and variance 1; those that do not vary become zeros."""
    columns = columns - columns.mean(axis=0)
    deviation = columns.std(axis=0)
    usable = np.isfinite(deviation) & (deviation > 0)
    return np.where(usable, columns / np.where(usable, deviation, 1), 0)
