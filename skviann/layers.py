"""Keras layers: columns encoded by their quantiles, and independent networks in one.

The axes of packed layers are (members, rows, units), those of their kernels (members,
inputs, units).
"""

from numbers import Integral

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
        shape = (input_shape[-1], self.n_bins)
        self.start = self._add_constant("start", shape)
        self.slope = self._add_constant("slope", shape)
        self.mean = self._add_constant("mean", shape)
        self.factor = self._add_constant("factor", shape)

    def _add_constant(self, name, shape):
        return self.add_weight(
            name=name, shape=shape, initializer="zeros", trainable=False
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
                self.n_bins,
            )
            for first in range(0, n_features, _COLUMNS_AT_A_TIME)
        ]
        variables = (self.start, self.slope, self.mean, self.factor)
        for variable, values in zip(variables, zip(*found, strict=True), strict=True):
            variable.assign(np.concatenate(values))

    def call(self, inputs):
        """Encode (rows, n_features) as (rows, n_features * n_bins)."""
        encoded = (ops.expand_dims(inputs, -1) - self.start) * self.slope
        if self.n_bins > 1:
            encoded = (ops.clip(encoded, 0.0, 1.0) - self.mean) * self.factor
        return ops.reshape(encoded, (-1, inputs.shape[-1] * self.n_bins))

    def compute_output_shape(self, input_shape):
        """Shape of what `call` returns."""
        return (*input_shape[:-1], input_shape[-1] * self.n_bins)

    def get_config(self):
        """Tell the settings that make the same layer."""
        return {**super().get_config(), "n_bins": self.n_bins}


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


@keras.saving.register_keras_serializable("skviann")
class PackedDense(keras.layers.Layer):
    """Dense layers of several independent networks ("members"), computed at once.

    ``output[m] = activation(input[m] @ kernel[m] + bias[m])`` for each member ``m``; a
    first layer gives all members the same input.

    Parameters
    ----------
    units : int
        Width of the output, for each member.
    n_members : int
        Networks.
    activation : str or callable, default=None
        Keras activation; None is linear.
    **kwargs : dict
        Passed to `keras.layers.Layer`.

    Attributes
    ----------
    kernel : keras.Variable of shape (n_members, n_inputs, units)
        Drawn for each member like the kernel of a `keras.layers.Dense`.
    bias : keras.Variable of shape (n_members, 1, units)
        Zeros to begin with.

    Examples
    --------
    >>> import numpy as np
    >>> from skviann.layers import PackedDense
    >>> rows = np.ones((5, 3), dtype="float32")
    >>> hidden = PackedDense(units=4, n_members=2, activation="relu")(rows)
    >>> hidden.shape
    TensorShape([2, 5, 4])
    >>> PackedDense(units=1, n_members=2)(hidden).shape
    TensorShape([2, 5, 1])
    """

    def __init__(self, units, n_members, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.n_members = n_members
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        """Create the members' weights."""
        n_inputs = input_shape[-1]
        bound = float(np.sqrt(6 / (n_inputs + self.units)))  # Glorot's, for a member
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.n_members, n_inputs, self.units),
            initializer=keras.initializers.RandomUniform(-bound, bound),
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.n_members, 1, self.units), initializer="zeros"
        )

    def call(self, inputs):
        """(rows, inputs) or (members, rows, inputs) to (members, rows, units)."""
        return self.activation(ops.matmul(inputs, self.kernel) + self.bias)

    def compute_output_shape(self, input_shape):
        """Shape of what `call` returns."""
        return (self.n_members, input_shape[-2], self.units)

    def get_config(self):
        """Tell the settings that make the same layer."""
        return {
            **super().get_config(),
            "units": self.units,
            "n_members": self.n_members,
            "activation": keras.activations.serialize(self.activation),
        }


@keras.saving.register_keras_serializable("skviann")
class MeanOfMembers(keras.layers.Layer):
    """Average the members' outputs: (members, rows, units) to (rows, units)."""

    def call(self, inputs):
        """Average over the first axis."""
        return ops.mean(inputs, axis=0)

    def compute_output_shape(self, input_shape):
        """Shape of what `call` returns."""
        return tuple(input_shape[1:])
