"""Groups of columns that are one thing: one importance, kept or dropped together."""

from collections import Counter
from typing import NamedTuple

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.validation import check_is_fitted

from skviann._table import find_column, names_of


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


def groups_of(estimator, n_features):
    """Return the groups of a fitted network; of any other, each column is a feature."""
    if hasattr(estimator, "_learned"):
        return estimator._learned.groups
    return Groups(np.arange(n_features), None)


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


def one_hot_groups(transformer):
    """Tell which columns of a one-hot encoder's output come from the same column.

    Parameters
    ----------
    transformer : OneHotEncoder, ColumnTransformer or Pipeline
        Fitted. Of a `Pipeline` the last step counts, of a `ColumnTransformer` each of
        its transformers.

    Returns
    -------
    labels : list
        For each column of the output, the name of the encoded column, or None if it is
        not one of a one-hot encoder. To be passed as `feature_groups`.

    Raises
    ------
    TypeError
        If the transformer is none of these.

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
    """
    check_is_fitted(transformer)
    if isinstance(transformer, Pipeline):
        return one_hot_groups(transformer[-1])
    if isinstance(transformer, OneHotEncoder):
        default = [f"x{number}" for number in range(len(transformer.categories_))]
        names = getattr(transformer, "feature_names_in_", default)
        return [
            name
            for number, name in enumerate(names)
            for _ in range(_n_outputs(transformer, number))
        ]
    if not isinstance(transformer, ColumnTransformer):
        raise TypeError(
            "transformer must be a fitted OneHotEncoder, or a ColumnTransformer or "
            f"Pipeline with one; got {transformer!r}."
        )
    outputs = transformer.output_indices_
    labels = [None] * max((columns.stop for columns in outputs.values()), default=0)
    for name, inner, _ in transformer.transformers_:
        last = inner[-1] if isinstance(inner, Pipeline) else inner
        if isinstance(last, (OneHotEncoder, ColumnTransformer)):
            found = one_hot_groups(last)
            if not hasattr(last, "feature_names_in_"):
                # Its x0 is not that of another transformer.
                found = [one and f"{name}__{one}" for one in found]
            labels[outputs[name]] = found
    return labels


def _n_outputs(encoder, number):
    """How many columns an encoder makes of one."""
    n_outputs = len(encoder.categories_[number])
    infrequent = getattr(encoder, "infrequent_categories_", None)
    if infrequent is not None and infrequent[number] is not None:
        n_outputs -= len(infrequent[number]) - 1
    dropped = encoder.drop_idx_
    return n_outputs - (dropped is not None and dropped[number] is not None)
