"""The first layer of a network on tables: columns encoded by their quantiles."""

from numbers import Integral
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from skviann._validation import spread_rows

# As many rows as scikit-learn's QuantileTransformer takes to estimate quantiles from.
_MAX_ROWS_TO_ADAPT = 10_000
# The outermost bins end at these quantiles, so that no bin is stretched by an outlier.
_TAIL = 0.01
_COLUMNS_AT_A_TIME = 64


@keras.saving.register_keras_serializable("skviann")
class PiecewiseLinearEncoding(keras.layers.Layer):
    """Split each feature at its quantiles into inputs that a network can weigh apart.

    With a feature's bins ``[b[0], b[1]], ..., [b[T - 1], b[T]]``, its value ``x``
    becomes

        ``e[t] = clip((x - b[t - 1]) / (b[t] - b[t - 1]), 0, 1)``

    for ``t = 1, ..., T``, and every ``e[t]`` is then standardised. The first weights of
    a network on top can bend a feature at every quantile, which lets it see features
    that matter in a non-monotone way; and nothing that it sees depends on a feature's
    unit. A feature's VIANN score is the sum over its inputs.

    The bins' limits are values of the data given to `adapt`: its quantiles at equal
    distances from 1 % to 99 % (of few rows, from the second smallest to the second
    largest value). Values beyond them are clipped, so that an outlier changes nothing
    for the others. A feature with ties has fewer bins; inputs that it does not need are
    zero.

    Parameters
    ----------
    n_bins : int, default=4
        Bins, and so inputs, of each feature. 1 standardises the features and does
        nothing else.
    **kwargs : dict
        Passed to `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If `n_bins` is not a positive integer.

    References
    ----------
    Y. Gorishniy, I. Rubachev, A. Babenko (2022), "On Embeddings for Numerical Features
    in Tabular Deep Learning", NeurIPS, arXiv 2203.05556, section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from skviann.layers import PiecewiseLinearEncoding
    >>> X = np.arange(101.0).reshape(-1, 1)
    >>> layer = PiecewiseLinearEncoding(n_bins=2)
    >>> layer.adapt(X)
    >>> layer(np.array([[1.0], [50.0], [99.0], [1e30]])).numpy().round(1)
    array([[-2.2, -0.8],
           [ 0.8, -0.8],
           [ 0.8,  2.2],
           [ 0.8,  2.2]], dtype=float32)
    """

    def __init__(self, n_bins=4, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(n_bins, Integral) or n_bins < 1:
            raise ValueError(f"n_bins must be a positive integer, got {n_bins!r}.")
        self.n_bins = int(n_bins)

    def build(self, input_shape):
        """Create the bins, for now without any effect on what comes in."""
        n_features = input_shape[-1]
        self.feature_of_input = np.repeat(np.arange(n_features), self.n_bins)
        n_inputs = len(self.feature_of_input)
        self.start = self._add_constant("start", n_inputs)
        self.slope = self._add_constant("slope", n_inputs)
        self.mean = self._add_constant("mean", n_inputs)
        self.factor = self._add_constant("factor", n_inputs)

    def _add_constant(self, name, n_inputs):
        return self.add_weight(
            name=name, shape=(n_inputs,), initializer="zeros", trainable=False
        )

    def adapt(self, data, sample_weight=None):
        """Find the bins; of more than 10,000 rows, from some at equal distances.

        Parameters
        ----------
        data : array-like of shape (n_samples, n_features)
            Finite numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.
        """
        if not self.built:
            self.build(np.shape(data))
            self.built = True
        bins = find_bins(data, sample_weight, self.n_bins)
        self.set_weights([bins.start, bins.slope, bins.mean, bins.factor])

    def call(self, inputs):
        """Encode (rows, n_features) as (rows, n_inputs)."""
        bins = Bins(
            self.feature_of_input,
            self.start,
            self.slope,
            self.mean,
            self.factor,
            *_limits(self.n_bins),
        )
        return encode(inputs, bins)

    def compute_output_shape(self, input_shape):
        """Shape of what `call` returns."""
        return (*input_shape[:-1], input_shape[-1] * self.n_bins)

    def get_config(self):
        """Tell the settings that make the same layer."""
        return {**super().get_config(), "n_bins": self.n_bins}


class Bins(NamedTuple):
    """How features become inputs: an array each, of shape (n_inputs,)."""

    feature_of_input: np.ndarray  # of integers: which feature an input belongs to
    start: np.ndarray
    slope: np.ndarray
    mean: np.ndarray
    factor: np.ndarray
    low: float = 0.0  # where values are clipped before they are standardised
    high: float = 1.0

    def of_columns(self, columns):
        """Return the bins of some features, in the order given.

        Parameters
        ----------
        columns : ndarray of int of shape (n_groups, n_columns)
            Features for each group of networks.

        Returns
        -------
        bins : Bins
            `feature_of_input` counts within a group's columns, the others are of shape
            (n_groups, 1, n_inputs).
        """
        n_inputs = len(self.start) // (self.feature_of_input[-1] + 1)  # of a feature
        inputs = (columns[..., None] * n_inputs + np.arange(n_inputs)).reshape(
            len(columns), -1
        )
        return Bins(
            np.repeat(np.arange(columns.shape[1]), n_inputs),
            *(values[inputs][:, np.newaxis] for values in self[1:5]),
            self.low,
            self.high,
        )


def encode(inputs, bins):
    """Encode (..., n_features) as (..., n_inputs), given the bins."""
    encoded = ops.take(inputs, bins.feature_of_input, axis=-1)
    encoded = ops.clip((encoded - bins.start) * bins.slope, bins.low, bins.high)
    return (encoded - bins.mean) * bins.factor


def find_bins(data, sample_weight, n_bins):
    """Find the bins of columns; of more than 10,000 rows, from some of them.

    Parameters
    ----------
    data : array-like of shape (n_samples, n_features)
        Finite numbers.
    sample_weight : array-like of shape (n_samples,) or None
        How much each row counts.
    n_bins : int
        Inputs of each feature.

    Returns
    -------
    bins : Bins
        In float32.
    """
    some = spread_rows(len(data), _MAX_ROWS_TO_ADAPT)
    data = np.asarray(data)[some]
    if sample_weight is None:
        sample_weight = np.ones(len(data))
    else:
        sample_weight = np.asarray(sample_weight, dtype=np.float64)[some]
    n_features = data.shape[1]
    found = [
        _find_bins(
            # What the layer will see, in the precision of the arithmetic here.
            data[:, first : first + _COLUMNS_AT_A_TIME].astype("f4").astype("f8"),
            sample_weight,
            n_bins,
        )
        for first in range(0, n_features, _COLUMNS_AT_A_TIME)
    ]
    parts = [
        np.concatenate(values).ravel().astype(np.float32)
        for values in zip(*found, strict=True)
    ]
    feature_of_input = np.repeat(np.arange(n_features), n_bins)
    return Bins(feature_of_input, *parts, *_limits(n_bins))


def _limits(n_bins):
    """Where an input is clipped: a feature that is only standardised is not."""
    return (0.0, 1.0) if n_bins > 1 else (-np.inf, np.inf)


def _find_bins(data, weight, n_bins):
    """Bins of each column as arrays (columns, bins): start, slope, mean, factor."""
    weight = weight / weight.sum()
    if n_bins == 1:
        mean = weight @ data
        deviation = np.sqrt(weight @ (data - mean) ** 2)
        # The mean of equal numbers may differ from them by a rounding error.
        deviation[np.ptp(data, axis=0) == 0] = 0
        start, slope = mean[:, None], _inverse(deviation)[:, None]
        return start, slope, np.zeros_like(start), np.ones_like(start)
    limits = _quantiles(data, weight, n_bins)
    start, width = limits[:-1].T, np.diff(limits, axis=0).T
    slope = np.where(width > 0, _inverse(width), 1)
    encoded = np.clip((data[..., None] - start) * slope, 0, 1)
    mean = np.tensordot(weight, encoded, 1)
    variance = np.tensordot(weight, (encoded - mean) ** 2, 1)
    factor = np.where(width > 0, _inverse(np.sqrt(variance)), 0)
    return start, slope, mean, factor


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


def _inverse(values):
    """1 / values within float32's range, and 0 where there is none."""
    with np.errstate(divide="ignore"):
        inverse = np.minimum(1 / values, np.finfo(np.float32).max)
    return np.where(values > 0, inverse, 0)
