"""Targets: classes, labels or quantities, checked before any training."""

import narwhals as nw
import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array

from skviann._cells import is_missing
from skviann._validation import without_objects

_CLASSIFY = (
    "For classes use VIANNClassifier, in a selector VIANNSelector(VIANNClassifier())."
)


def read_target(y, estimator):
    """Return a target as an array of numbers, booleans or text without gaps.

    Its shape is (n_samples,) or (n_samples, n_outputs). The estimator is for messages.
    """
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but "
            "the target y is None."
        )
    if issparse(y):
        y = y.toarray()
    elif nw.dependencies.is_into_series(y):
        y = _from_series(nw.from_native(y, series_only=True))
    elif nw.dependencies.is_into_dataframe(y):
        columns = nw.from_native(y, eager_only=True).iter_columns()
        y = np.column_stack([_from_series(column) for column in columns])
    elif not isinstance(y, np.ndarray):
        array = np.asarray(y)
        # NumPy would turn what is missing in a list of text into text.
        y = np.asarray(y, dtype=object) if array.dtype.kind in "UT" else array
    if y.dtype.kind in "OUT":
        gaps = np.array([is_missing(one) for one in y.ravel()], dtype=bool)
        if not gaps.any():
            y = _of_one_kind(y)
    if y.dtype.kind in "Mm":
        raise ValueError(
            "y holds dates or durations. Turn it into a number, such as "
            "(y - y.min()).dt.days, and say with VIANNRegressor or VIANNClassifier "
            "what it is."
        )
    if y.dtype.kind == "f":
        gaps = np.isnan(y)
    elif y.dtype.kind not in "OUT":
        gaps = np.zeros(1, dtype=bool)
    if gaps.any():
        n_missing = int(gaps.sum())
        raise ValueError(
            f"Input y contains NaN: {n_missing} of {len(y)} targets are missing. Leave "
            "these rows out, for example with table.dropna(subset=[target])."
        )
    return check_array(
        y, ensure_2d=False, dtype=None, input_name="y", estimator=estimator
    )


def _from_series(series):
    """Return a series as an array; gaps of integers become NaN, text stays text."""
    if series.dtype.is_numeric() and series.is_null().any():
        return series.cast(nw.Float64).to_numpy()
    values = series.to_numpy()
    if values.dtype.kind in "OTU" or series.dtype in (nw.Categorical, nw.Enum):
        values = np.empty(len(series), dtype=object)
        values[:] = series.to_list()
    return values


def _of_one_kind(y):
    """Turn Python objects into numbers, booleans or text."""
    y = y.astype(object)
    kinds = {type(one) for one in y.ravel().tolist()}
    if any(issubclass(kind, str) for kind in kinds) and len(kinds) > 1:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(
            f"y mixes text with other things ({names}). Make its labels one kind, for "
            "example with y.astype(str)."
        )
    return without_objects(y)


def check_quantity(y, estimator):
    """Return a target as floats; a ValueError if it is text."""
    if y.dtype.kind in "USTO":
        raise ValueError(
            f"y holds text such as {str(y.flat[0])!r}, but {type(estimator).__name__} "
            f"predicts numbers. {_CLASSIFY}"
        )
    return y if y.dtype.kind == "f" else y.astype(np.float64)
