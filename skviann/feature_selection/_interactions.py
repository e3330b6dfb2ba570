"""Which columns matter only together: a guard for the rounds of elimination."""

import numpy as np

from skviann._validation import spread_rows, take_rows

# Bounds on the search: rows, targets and arithmetic operations of the matrix products,
# and columns of a product that are held at a time.
_MAX_ROWS = 10_000
_MIN_ROWS = 500
_MAX_TARGETS = 8
_MAX_OPERATIONS = 1e12
_COLUMNS_AT_A_TIME = 256


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
        distances are used.
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
    targets = _targets(y)
    n_columns = X.shape[1] if inputs is None else len(inputs.terms(X[:1])[1])
    affordable = _MAX_OPERATIONS / (2 * max(n_columns, 1) ** 2 * targets.shape[1])
    n_rows = int(np.clip(affordable, _MIN_ROWS, _MAX_ROWS))
    some = spread_rows(len(X), n_rows)
    Z, feature = take_rows(X, some), np.arange(n_columns)
    n_features = n_columns
    if inputs is not None:
        Z, feature = inputs.terms(Z)
        n_features = inputs.n_features
    Z = Z.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        Z = _standardise(_clip(Z))
    Z = Z.astype(np.float32)
    seen = np.ones((1, len(some)), dtype=bool) if seen is None else seen[:, some]
    # Rows that the same folds see are multiplied once for all of these.
    patterns, pattern_of_row = np.unique(seen, axis=1, return_inverse=True)
    parts = [
        np.flatnonzero(pattern_of_row.ravel() == i) for i in range(patterns.shape[1])
    ]
    strengths = np.zeros((len(seen), n_columns), dtype=np.float32)
    for target in _standardise(targets[some]).T.astype(np.float32):
        weighted = Z * target[:, np.newaxis]
        for first in range(0, n_columns, _COLUMNS_AT_A_TIME):
            columns = np.arange(first, min(first + _COLUMNS_AT_A_TIME, n_columns))
            within = feature[columns, np.newaxis] == feature
            products = [weighted[part][:, columns].T @ Z[part] for part in parts]
            for fold, strength in enumerate(strengths):
                product = np.abs(
                    sum(products[i] for i in np.flatnonzero(patterns[fold]))
                )
                product[within] = 0
                strength[columns] = np.maximum(strength[columns], product.max(axis=1))
    of_features = np.zeros((n_features, len(seen)))
    np.maximum.at(of_features, feature, strengths.T)
    return of_features.T / np.maximum(seen.sum(axis=1, keepdims=True), 1)


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
