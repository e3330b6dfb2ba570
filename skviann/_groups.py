"""Groups of columns that are one thing: one importance, kept or dropped together."""

from collections import Counter
from numbers import Real
from typing import NamedTuple

import numpy as np
from scipy.cluster.hierarchy import average, fcluster
from scipy.sparse import issparse
from scipy.spatial.distance import squareform
from scipy.stats import rankdata
from sklearn.base import BaseEstimator
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from skviann._sources import default_names, sources
from skviann._table import (
    DATE,
    NUMBER,
    check_table,
    code_table,
    find_column,
    learn_columns,
    names_of,
)

CORRELATED = 0.7  # columns that can stand in for each other
_MAX_CATEGORIES = 2  # categories are in no group, however many levels they have


class Groups(NamedTuple):
    """Which feature each column of a table belongs to."""

    feature_of_column: np.ndarray  # (n_columns,), in order of appearance
    names: list | None  # of features; None where each is a column of an array

    def by_column(self, values):
        """Give each column its group's value: (..., n_features) to (..., n_columns)."""
        return values[..., self.feature_of_column]

    def by_feature(self, values):
        """Take one column's value for each group: the inverse of `by_column`."""
        return values[..., np.unique(self.feature_of_column, return_index=True)[1]]


def read_groups(feature_groups, table):
    """Find out which columns of a checked table belong together.

    `feature_groups` is a dict of columns, by name or number, of each group's name; or a
    label for each column. Columns that are in no group, or whose label is None, stand
    for themselves.
    """
    n_columns, names = table.shape[1], names_of(table)
    labels = [None] * n_columns
    if isinstance(feature_groups, dict):
        for label, columns in feature_groups.items():
            for column in [columns] if isinstance(columns, str) else list(columns):
                number = find_column(column, names, n_columns, "feature_groups")
                if labels[number] is not None:
                    raise ValueError(
                        f"feature_groups: column {column!r} is in {labels[number]!r} "
                        f"and in {label!r}; a column may be in one group."
                    )
                labels[number] = label
    elif feature_groups is not None:
        labels = list(feature_groups)
        if len(labels) != n_columns:
            raise ValueError(
                f"feature_groups must have a label for each of the {n_columns} columns "
                f"of X, got {len(labels)}; or pass a dict of names to columns."
            )
    if names is None:
        names = [f"x{number}" for number in range(n_columns)]
    features = [
        ("column", name) if label is None else ("group", label)
        for name, label in zip(names, labels, strict=True)
    ]
    number_of = {one: number for number, one in enumerate(dict.fromkeys(features))}
    found = [name for _, name in number_of]
    twice = [name for name, count in Counter(found).items() if count > 1]
    if twice:
        raise ValueError(
            f"feature_groups: {twice[0]!r} is the name of a group and of a column "
            "outside of it. Choose another."
        )
    return Groups(np.array([number_of[feature] for feature in features]), found)


def find_features(wanted, groups, names, parameter):
    """Return numbers of features, given by columns or by groups: ndarray of int.

    `wanted` are names of columns or of groups, numbers of columns, or a mask of them;
    of a group, one column stands for all. `names` are those of columns, or None.
    """
    n_columns = len(groups.feature_of_column)
    wanted = [] if wanted is None else list(wanted)
    if wanted and all(isinstance(one, (bool, np.bool_)) for one in wanted):
        if len(wanted) != n_columns:
            raise ValueError(
                f"{parameter} must be a mask of the {n_columns} columns of X, or their "
                f"names or numbers; got a mask of {len(wanted)}."
            )
        wanted = np.flatnonzero(wanted)
    names = None if names is None else list(names)
    n_features = groups.feature_of_column.max() + 1
    found = np.zeros(n_features, dtype=bool)
    for one in wanted:
        if isinstance(one, str) and groups.names is not None and one in groups.names:
            found[groups.names.index(one)] = True
        else:
            column = find_column(one, names, n_columns, parameter)
            found[groups.feature_of_column[column]] = True
    if found.all():
        raise ValueError(
            f"{parameter} has all {n_features} features of X: there are none to select."
        )
    return np.flatnonzero(found)


def clusters_of(values, threshold):
    """Find clusters of columns whose rank correlations are high on average.

    Average linkage; the sign of a correlation does not count, and of two columns those
    rows do that have both values. From (n_rows, n_columns) to the columns of each
    cluster of two or more, in order of their first ones.
    """
    if values.shape[1] < 2:
        return []
    ranks = rankdata(values, axis=0, nan_policy="omit")
    is_known = ~np.isnan(ranks)
    means = np.where(is_known, ranks, 0).sum(axis=0) / np.maximum(is_known.sum(0), 1)
    centred = np.where(is_known, ranks - means, 0)
    squares = np.square(centred).T @ is_known
    scales = np.sqrt(squares * squares.T)
    correlations = centred.T @ centred / np.where(scales > 0, scales, np.inf)
    distances = 1 - np.minimum(np.abs(correlations), 1)
    np.fill_diagonal(distances, 0)
    tree = average(squareform(distances, checks=False))
    cluster = fcluster(tree, 1 - threshold, "distance")
    members = [np.flatnonzero(cluster == one) for one in dict.fromkeys(cluster)]
    return [columns for columns in members if len(columns) > 1]


def correlated_groups(X, threshold=CORRELATED):
    """Put columns that are strongly correlated into groups, to be tested as one.

    Columns that say the same stand in for each other: none of them is needed beside the
    others, and so none passes a test of significance (`threshold` "fdr" or "fwer" of
    `VIANNSelector`). Their group may.

    Parameters
    ----------
    X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
        A table, as for `VIANNSelector`. The target plays no part.
    threshold : float, default=0.7
        Columns are put together while the rank correlations between two groups, without
        their sign, are at least this on average (average linkage). More than 0, at most
        1.

    Returns
    -------
    groups : dict of str to list
        The columns of each group, by name, or by number for an array. To be passed as
        `feature_groups`. Columns that are not in it stand for themselves, as do all
        categories and free text of a data frame.

    Examples
    --------
    No column of these data passes a test, for many are correlated. Groups do:

    >>> from sklearn.datasets import load_breast_cancer
    >>> from skviann import VIANNSelector, correlated_groups
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> groups = correlated_groups(X)
    >>> groups["mean texture and 1 more"]
    ['mean texture', 'worst texture']
    >>> tested = VIANNSelector(threshold="fdr", feature_groups=groups, random_state=0)
    >>> tested.fit(X, y).n_features_
    1
    """
    check_scalar(
        threshold,
        "threshold",
        Real,
        min_val=0,
        max_val=1,
        include_boundaries="right",
    )
    table = check_table(BaseEstimator(), X, reset=True)
    columns = learn_columns(table, "from_dtype", _MAX_CATEGORIES)
    values = code_table(table, columns)
    values = values.toarray() if issparse(values) else values
    is_number = [one.kind in (NUMBER, DATE) for one in columns or ()]
    numbers = np.flatnonzero(is_number) if columns else np.arange(table.shape[1])
    names = names_of(table) or []
    has_names = names and all(isinstance(name, str) for name in names)
    if not has_names:
        names = [f"x{number}" for number in range(table.shape[1])]
    groups = {}
    for members in clusters_of(values[:, numbers], threshold):
        found = numbers[members].tolist()
        label = f"{names[found[0]]} and {len(found) - 1} more"
        groups[label] = [names[j] for j in found] if has_names else found
    return groups


def one_hot_groups(transformer):
    """Tell which input column each output of a fitted transformer comes from.

    So a network can be given encoded columns, and select among those of the table.

    Parameters
    ----------
    transformer : transformer of scikit-learn or skrub
        Fitted. It may be

        - a `OneHotEncoder`, `KBinsDiscretizer`, `SplineTransformer`,
          `PolynomialFeatures` or `TargetEncoder`;
        - an imputer or a `MissingIndicator`. Values that are filled in count as their
          column's, even if `KNNImputer` or `IterativeImputer` takes them from others;
        - what makes one column of one, such as a scaler, an `OrdinalEncoder` or a
          `FunctionTransformer` with ``feature_names_out="one-to-one"``;
        - a selector of features;
        - skrub's `TableVectorizer`, or its `ApplyToCols` of encoders of one column;
        - a `Pipeline`, `FeatureUnion` or `ColumnTransformer` of all these. In a
          `ColumnTransformer`, anything that gets a single column is read, too.

        Of a pipeline that ends in a model, pass ``pipeline[:-1]``.

    Returns
    -------
    labels : list of str or None
        For each column of the output, the name of the column it comes from ("x0", "x1",
        ... if the transformer was fitted without names), to be passed as
        `feature_groups`. Powers of "a" are "a", too. Where an output comes from several
        columns, as products do, these are a feature of their own: all products of "a"
        and "b" are "a b". To keep "a b" is to need both columns, whether "a" is kept or
        not. The constant of `PolynomialFeatures` comes from no column: its label is
        None.

    Raises
    ------
    TypeError
        If it cannot be told: for instance, `PCA` makes each output of all columns.
    ValueError
        If two features would have the same name: "a b" is a column and a product.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import OneHotEncoder
    >>> from skviann import one_hot_groups
    >>> encoder = OneHotEncoder().fit([["red", "S"], ["blue", "M"], ["red", "L"]])
    >>> encoder.get_feature_names_out().tolist()
    ['x0_blue', 'x0_red', 'x1_L', 'x1_M', 'x1_S']
    >>> one_hot_groups(encoder)
    ['x0', 'x0', 'x1', 'x1', 'x1']

    Products are features of their own:

    >>> from sklearn.preprocessing import PolynomialFeatures
    >>> products = PolynomialFeatures(include_bias=False).fit(np.zeros((1, 2)))
    >>> products.get_feature_names_out().tolist()
    ['x0', 'x1', 'x0^2', 'x0 x1', 'x1^2']
    >>> one_hot_groups(products)
    ['x0', 'x1', 'x0', 'x0 x1', 'x1']
    """
    check_is_fitted(transformer)
    found = sources(transformer)
    n_columns = found.shape[1]
    names = getattr(transformer, "feature_names_in_", default_names(n_columns))
    columns_of = {}
    labels = []
    for columns in np.split(found.indices, found.indptr[1:-1]):
        columns = sorted(columns.tolist())
        label = " ".join(names[column] for column in columns) if columns else None
        if columns_of.setdefault(label, columns) != columns:
            raise ValueError(
                f"transformer: two features would have the name {label!r}, those of "
                f"the columns {columns_of[label]} and {columns}. Rename a column."
            )
        labels.append(label)
    return labels
