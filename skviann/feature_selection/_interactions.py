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

    Examples
    --------
    >>> import numpy as np
    >>> from skviann.feature_selection._interactions import interaction_strengths
    >>> X = np.random.default_rng(0).normal(size=(500, 4))
    >>> (strengths,) = interaction_strengths(X, X[:, 1] * X[:, 3] > 0)
    >>> sorted(strengths.argsort()[-2:].tolist())
    [1, 3]
    """
    n_features = X.shape[1] if inputs is None else inputs.n_features
    n_terms = X.shape[1] if inputs is None else inputs.n_terms
    looked_at = choose_rows(y, seen, n_terms)
    n_at_once = max(_FEATURES_AT_A_TIME, _MAX_VALUES // len(looked_at.rows))
    strengths = np.zeros((len(looked_at.n_seen), n_features))

    def read(first, n):
        features = np.arange(first, min(first + n, n_features))
        return read_terms(X, looked_at.rows, features, inputs)

    for first in range(0, n_features, n_at_once):
        some = read(first, n_at_once)
        take_in(strengths, pair_strengths(some, some, looked_at), some, some)
        for later in range(first + n_at_once, n_features, _FEATURES_AT_A_TIME):
            others = read(later, _FEATURES_AT_A_TIME)
            take_in(strengths, pair_strengths(some, others, looked_at), some, others)
    return strengths


class Terms(NamedTuple):
    """Standardised columns, of the rows that are looked at."""

    values: np.ndarray  # (n_rows, n_terms)
    feature: np.ndarray  # (n_terms,): which feature each belongs to


class LookedAt(NamedTuple):
    """Rows of the search, with their targets."""

    rows: np.ndarray  # (n_rows,)
    targets: np.ndarray  # (n_targets, n_rows), standardised
    parts: list  # of slice: rows that the same folds see
    is_seen: np.ndarray  # boolean (n_folds, n_parts)
    n_seen: np.ndarray  # (n_folds,): rows that each fold sees


def choose_rows(y, seen, n_terms):
    """Choose the rows to look at, and prepare their targets.

    Parameters
    ----------
    y, seen
        As for `interaction_strengths`.
    n_terms : int
        How many columns will be multiplied with each other.

    Returns
    -------
    looked_at : LookedAt
    """
    targets = _targets(y)
    n_pairs = 2 * max(n_terms, 1) ** 2
    affordable = _MAX_OPERATIONS_OF_ALL_TARGETS / (n_pairs * _MIN_ROWS)
    targets = targets[:, : int(max(affordable, 1))]
    affordable = _MAX_OPERATIONS / (n_pairs * targets.shape[1])
    n_rows = int(np.clip(affordable, _MIN_ROWS, _MAX_ROWS))
    rows = spread_rows(len(y), n_rows)
    seen = np.ones((1, len(rows)), dtype=bool) if seen is None else seen[:, rows]
    # Rows that the same folds see are multiplied once for all of these.
    is_seen, part_of_row = np.unique(seen, axis=1, return_inverse=True)
    ends = np.cumsum(np.bincount(part_of_row.ravel())).tolist()
    parts = [slice(*limits) for limits in pairwise([0, *ends])]
    rows = rows[np.argsort(part_of_row.ravel(), kind="stable")]
    targets = _standardise(targets[rows]).T.astype(np.float32)
    return LookedAt(rows, targets, parts, is_seen, np.maximum(seen.sum(axis=1), 1))


def read_terms(X, rows, features, inputs=None):
    """Read and standardise what some features tell.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns)
        Numbers, or a coded table.
    rows, features : ndarray of int
        Which to read.
    inputs : Inputs, default=None
        Of all features; None: they are the columns of X.

    Returns
    -------
    terms : Terms
    """
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
        values = _standardise(_clip(values))
    return Terms(values.astype(np.float32), feature)


def pair_strengths(some, others, looked_at):
    """Find the strongest products of columns of one block with those of another.

    Parameters
    ----------
    some, others : Terms
        The same object twice: pairs within one block.
    looked_at : LookedAt
        Rows and targets.

    Returns
    -------
    of_some, of_others : ndarray of shape (n_folds, n_terms)
        ``|mean(y * x_i * x_j)|``, over the rows that a fold sees.
    """
    strengths = [
        np.zeros((len(looked_at.n_seen), len(terms.feature)), dtype=np.float32)
        for terms in (some, others)
    ]
    n_others = None if some is others else len(others.feature)
    for a, b in pairs_of_tiles(len(some.feature), n_others):
        for target in range(len(looked_at.targets)):
            found = products(some, others, a, b, target, looked_at)
            for fold, product in enumerate(found):
                np.abs(product, out=product)
                for strength, tile, axis in zip(strengths, (a, b), (1, 0), strict=True):
                    highest = product.max(axis=axis)
                    np.maximum(strength[fold, tile], highest, out=strength[fold, tile])
    if some is others:
        strengths = [np.maximum(*strengths)] * 2
    return tuple(of / looked_at.n_seen[:, np.newaxis] for of in strengths)


def products(some, others, a, b, target, looked_at):
    """Compute ``sum(y * x_i * x_j)`` over the rows of each fold; 0 within a feature.

    Parameters
    ----------
    some, others : Terms
        Columns on either side.
    a, b : slice
        Which of them.
    target : int
        Which target.
    looked_at : LookedAt
        Rows and targets.

    Yields
    ------
    product : ndarray of shape (n_in_a, n_in_b)
        Of one fold after the other.
    """
    weighted = some.values[:, a] * looked_at.targets[target][:, np.newaxis]
    of_parts = [weighted[part].T @ others.values[part, b] for part in looked_at.parts]
    within = some.feature[a, np.newaxis] == others.feature[b]
    is_near = within.any()
    total = sum(of_parts[1:], start=of_parts[0])
    for is_seen in looked_at.is_seen:
        # Most folds see most parts.
        product = total - sum(of_parts[i] for i in np.flatnonzero(~is_seen))
        if is_near:
            product[within] = 0
        yield product


def take_in(strengths, found, some, others):
    """Raise the features' strengths to what was found in pairs of blocks."""
    for of_terms, terms in zip(found, (some, others), strict=True):
        np.maximum.at(strengths.T, terms.feature, of_terms.T)


def pairs_of_tiles(n_terms, n_others=None):
    """Divide a product of columns into tiles that are computed at once.

    Parameters
    ----------
    n_terms : int
        Columns.
    n_others : int, default=None
        Columns on the other side; None: the same, and each pair of tiles comes once.

    Returns
    -------
    pairs : list of tuple of slice
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


def _targets(y):
    """Columns of numbers: outputs, or an indicator of each class."""
    if y.ndim == 2 or y.dtype.kind == "f":
        return y.reshape(len(y), -1)[:, :_MAX_TARGETS].astype(np.float64)
    labels, counts = np.unique(y, return_counts=True)
    labels = labels[np.argsort(-counts, kind="stable")[:_MAX_TARGETS]]
    if len(labels) == 2:
        labels = labels[:1]  # the other one says the same
    return (y[:, np.newaxis] == labels).astype(np.float64)


def _standardise(columns):
    """Bring columns to mean 0 and variance 1; those that do not vary become zeros."""
    columns = columns - columns.mean(axis=0)
    deviation = columns.std(axis=0)
    usable = np.isfinite(deviation) & (deviation > 0)
    return np.where(usable, columns / np.where(usable, deviation, 1), 0)
