"""Quantile bins of columns: where the inputs of a network on numbers begin and end."""

from typing import NamedTuple

import numpy as np

from skviann._validation import spread_rows

# As many rows as scikit-learn's QuantileTransformer takes to estimate quantiles from.
_MAX_ROWS_TO_ADAPT = 10_000
# The outermost bins end at these quantiles, so that no bin is stretched by an outlier.
_TAIL = 0.01
_COLUMNS_AT_A_TIME = 64


class Bins(NamedTuple):
    """Bins of columns, float32 of shape (n_columns, n_bins).

    A value ``x`` becomes ``(clip((x - start) * slope, low, high) - mean) * factor`` for
    each bin, with the limits of `clip_limits`. Bins that a column does not need have a
    factor of 0.
    """

    start: np.ndarray
    slope: np.ndarray
    mean: np.ndarray
    factor: np.ndarray
    apart: np.ndarray  # share of rows that are not at the commoner end of the bin


def find_bins(data, sample_weight, n_bins):
    """Find `n_bins` bins of each column of finite numbers (n_samples, n_columns).

    Of more than 10,000 rows, from some of them. `sample_weight` tells how much each row
    counts; None: all the same.
    """
    some = spread_rows(len(data), _MAX_ROWS_TO_ADAPT)
    data = np.asarray(data)[some]
    if sample_weight is None:
        sample_weight = np.ones(len(data))
    else:
        sample_weight = np.asarray(sample_weight, dtype=np.float64)[some]
    found = [
        _find_bins(
            # What the network will see, in the precision of the arithmetic here.
            data[:, first : first + _COLUMNS_AT_A_TIME].astype("f4").astype("f8"),
            sample_weight,
            n_bins,
        )
        for first in range(0, data.shape[1], _COLUMNS_AT_A_TIME)
    ]
    joined = map(np.concatenate, zip(*found, strict=True))
    return Bins(*(values.astype(np.float32) for values in joined))


def clip_limits(n_bins):
    """Where a bin's values end: a column that is only standardised is not clipped."""
    return (0.0, 1.0) if n_bins > 1 else (-np.inf, np.inf)


def _find_bins(data, weight, n_bins):
    """Bins of each column as arrays (columns, bins), see `Bins`."""
    weight = weight / weight.sum()
    if n_bins == 1:
        mean = weight @ data
        deviation = np.sqrt(weight @ (data - mean) ** 2)
        # The mean of equal numbers may differ from them by a rounding error.
        deviation[np.ptp(data, axis=0) == 0] = 0
        start, slope = mean[:, None], inverse(deviation)[:, None]
        most_common = [np.unique(x, return_counts=True)[1].max() for x in data.T]
        apart = (1 - np.array(most_common) / len(data))[:, None]
        return start, slope, np.zeros_like(start), np.ones_like(start), apart
    limits = _quantiles(data, weight, n_bins)
    start, width = limits[:-1].T, np.diff(limits, axis=0).T
    slope = np.where(width > 0, inverse(width), 1)
    encoded = np.clip((data[..., None] - start) * slope, 0, 1)
    mean = np.tensordot(weight, encoded, 1)
    variance = np.tensordot(weight, (encoded - mean) ** 2, 1)
    factor = np.where(width > 0, inverse(np.sqrt(variance)), 0)
    n_at_ends = np.maximum((encoded == 0).sum(axis=0), (encoded == 1).sum(axis=0))
    return start, slope, mean, factor, 1 - n_at_ends / len(data)


def _quantiles(data, weight, n_bins):
    """Limits of the columns' bins (n_bins + 1, columns), all of them values of data."""
    tail = max(_TAIL, min(1.5 / len(data), 0.25))
    levels = np.linspace(tail, 1 - tail, n_bins + 1)
    order = data.argsort(axis=0)
    in_order = np.take_along_axis(data, order, axis=0)
    reached = weight[order].cumsum(axis=0)
    # Half a millionth below the level: sums of weights are subject to rounding.
    rows = [(reached < level - 5e-7).sum(axis=0) for level in levels]
    limits = np.take_along_axis(in_order, np.minimum(rows, len(data) - 1), axis=0)
    # A rare value next to a single frequent one, as in most binary columns.
    one_value = limits[0] == limits[-1]
    limits[0, one_value] = in_order[0, one_value]
    limits[-1, one_value] = in_order[-1, one_value]
    return limits


def inverse(values):
    """1 / values within float32's range, and 0 where there is none."""
    with np.errstate(divide="ignore"):
        result = np.minimum(1 / values, np.finfo(np.float32).max)
    return np.where(values > 0, result, 0)
