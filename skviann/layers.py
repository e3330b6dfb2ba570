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
        return encode(inputs, self.start, self.slope, self.mean, self.factor)

    def compute_output_shape(self, input_shape):
        """Shape of what `call` returns."""
        return (*input_shape[:-1], input_shape[-1] * self.n_bins)

    def get_config(self):
        """Tell the settings that make the same layer."""
        return {**super().get_config(), "n_bins": self.n_bins}


def encode(inputs, start, slope, mean, factor):
    """Encode (rows, n_features) as (rows, n_features * n_bins), given the bins."""
    n_features, n_bins = start.shape
    encoded = (ops.expand_dims(inputs, -1) - start) * slope
    if n_bins > 1:
        encoded = (ops.clip(encoded, 0.0, 1.0) - mean) * factor
    return ops.reshape(encoded, (-1, n_features * n_bins))


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


class SelectionLayer(keras.layers.Layer):
    """Weighs the features of each member, and learns how much it needs each.

    Comes behind the encoding: ``n_bins`` inputs belong to one feature.
    """

    def __init__(self, n_members, n_bins, **kwargs):
        super().__init__(**kwargs)
        self.n_members = n_members
        self.n_bins = n_bins

    def build(self, input_shape):
        """Create a weight for each member's features."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.n_members, 1, input_shape[-1] // self.n_bins),
            initializer="zeros",
        )

    def compute_output_shape(self, input_shape):
        """Shape of what `call` returns."""
        return (self.n_members, *input_shape)

    def get_config(self):
        """Tell the settings that make the same layer."""
        config = {"n_members": self.n_members, "n_bins": self.n_bins}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("skviann")
class OneToOne(SelectionLayer):
    """Multiply each feature by a weight of its own, under an elastic net.

    Adds ``alpha * sum(l1_ratio * |w| + (1 - l1_ratio) / 2 * w**2)`` to the loss.

    Parameters
    ----------
    n_members : int
        Networks.
    n_bins : int
        Inputs of each feature.
    alpha : float, default=0.01
        Size of the penalty.
    l1_ratio : float, default=0.5
        1 is the lasso's penalty, 0 the ridge's.
    **kwargs : dict
        Passed to `keras.layers.Layer`.

    References
    ----------
    Y. Li, C.-Y. Chen, W. W. Wasserman (2015), "Deep Feature Selection: Theory and
    Application to Identify Enhancers and Promoters", RECOMB, LNCS 9029, equation 4.

    Examples
    --------
    >>> import numpy as np
    >>> from skviann.layers import OneToOne
    >>> layer = OneToOne(n_members=2, n_bins=1)
    >>> layer(np.ones((5, 3))).shape
    TensorShape([2, 5, 3])
    """

    def __init__(self, n_members, n_bins, alpha=0.01, l1_ratio=0.5, **kwargs):
        super().__init__(n_members, n_bins, **kwargs)
        self.alpha = alpha
        self.l1_ratio = l1_ratio

    def build(self, input_shape):
        """Create the weights: 1 for each member's features."""
        super().build(input_shape)
        self.restart(seed=None)

    def restart(self, seed):
        """Begin anew, with nothing dropped; nothing here is random."""
        self.kernel.assign(ops.ones_like(self.kernel))

    def call(self, inputs):
        """(rows, inputs) to (members, rows, inputs)."""
        lasso, ridge = ops.sum(ops.abs(self.kernel)), ops.sum(self.kernel**2) / 2
        self.add_loss(
            self.alpha * (self.l1_ratio * lasso + (1 - self.l1_ratio) * ridge)
        )
        return inputs * ops.repeat(self.kernel, self.n_bins, axis=-1)

    def importances(self):
        """Absolute weights: ndarray of shape (n_members, n_features)."""
        return np.abs(ops.convert_to_numpy(self.kernel)[:, 0])

    def get_config(self):
        """Tell the settings that make the same layer."""
        config = {"alpha": self.alpha, "l1_ratio": self.l1_ratio}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("skviann")
class LearnedDropout(SelectionLayer):
    """Drop each feature at a rate of its own, which is learned.

    With the probability ``p = sigmoid(kernel)`` that a feature is kept, it is
    multiplied in training by a draw ``z`` that is close to 0 or 1,

        ``z = sigmoid((logit(p) + logit(u)) / temperature)``, ``u`` uniform in (0, 1),

    and else by ``p``. Adds ``alpha * sum(p)`` to the loss.

    Parameters
    ----------
    n_members : int
        Networks.
    n_bins : int
        Inputs of each feature.
    alpha : float, default=0.01
        Size of the penalty on what is kept.
    temperature : float, default=0.1
        Of the draws; towards 0 they become zeros and ones.
    **kwargs : dict
        Passed to `keras.layers.Layer`.

    References
    ----------
    C.-H. Chang, L. Rampasek, A. Goldenberg (2017), "Dropout Feature Ranking for Deep
    Learning Models", arXiv 1712.08645, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skviann.layers import LearnedDropout
    >>> layer = LearnedDropout(n_members=2, n_bins=1)
    >>> layer(np.ones((1, 3)))[0].numpy()  # not in training: times p
    array([[0.5, 0.5, 0.5]], dtype=float32)
    """

    def __init__(self, n_members, n_bins, alpha=0.01, temperature=0.1, **kwargs):
        super().__init__(n_members, n_bins, **kwargs)
        self.alpha = alpha
        self.temperature = temperature
        self.seed_generator = keras.random.SeedGenerator(0)

    def restart(self, seed):
        """Begin anew, with even chances for every feature."""
        self.kernel.assign(ops.zeros_like(self.kernel))
        self.seed_generator.state.assign([seed, 0])

    def call(self, inputs, training=False):
        """(rows, inputs) to (members, rows, inputs)."""
        kept = ops.sigmoid(self.kernel)
        self.add_loss(self.alpha * ops.sum(kept))
        if training:
            shape = (self.n_members, ops.shape(inputs)[0], self.kernel.shape[-1])
            u = keras.random.uniform(shape, 1e-6, 1 - 1e-6, seed=self.seed_generator)
            logit = self.kernel + ops.log(u) - ops.log1p(-u)
            kept = ops.sigmoid(logit / self.temperature)
        return inputs * ops.repeat(kept, self.n_bins, axis=-1)

    def importances(self):
        """Probabilities to be kept: ndarray of shape (n_members, n_features)."""
        return ops.convert_to_numpy(ops.sigmoid(self.kernel))[:, 0]

    def get_config(self):
        """Tell the settings that make the same layer."""
        config = {"alpha": self.alpha, "temperature": self.temperature}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("skviann")
class RowSparseDense(PackedDense):
    """A packed dense layer whose weights vanish for whole features.

    Adds ``alpha * sum over features of the norm of the feature's weights`` to the loss,
    the mixed (2, 1) norm of the kernel.

    Parameters
    ----------
    n_members : int
        Networks.
    n_bins : int
        Inputs of each feature.
    units : int
        Width of the output, for each member.
    activation : str or callable, default=None
        Keras activation; None is linear.
    alpha : float, default=0.01
        Size of the penalty.
    **kwargs : dict
        Passed to `keras.layers.Layer`.

    References
    ----------
    A. Mirzaei, V. Pourahmadi, M. Soltani, H. Sheikhzadeh (2019), "Deep Feature
    Selection using a Teacher-Student Network", arXiv 1903.07045.

    Examples
    --------
    >>> import numpy as np
    >>> from skviann.layers import RowSparseDense
    >>> layer = RowSparseDense(n_members=2, n_bins=1, units=4)
    >>> layer(np.ones((5, 3))).shape
    TensorShape([2, 5, 4])
    """

    def __init__(self, n_members, n_bins, units, activation=None, alpha=0.01, **kwargs):
        super().__init__(units, n_members, activation, **kwargs)
        self.n_bins = n_bins
        self.alpha = alpha

    def call(self, inputs):
        """(rows, inputs) to (members, rows, units)."""
        squares = ops.sum(self.kernel**2, axis=-1)
        squares = ops.sum(ops.reshape(squares, (self.n_members, -1, self.n_bins)), -1)
        # Away from 0, where the square root has no derivative.
        self.add_loss(self.alpha * ops.sum(ops.sqrt(squares + 1e-12)))
        return super().call(inputs)

    def importances(self):
        """Norms of the features' weights: ndarray of shape (n_members, n_features)."""
        kernel = ops.convert_to_numpy(self.kernel)
        kernel = kernel.reshape(self.n_members, -1, self.n_bins * self.units)
        return np.linalg.norm(kernel, axis=-1)

    def get_config(self):
        """Tell the settings that make the same layer."""
        config = {"n_bins": self.n_bins, "alpha": self.alpha}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("skviann")
class MeanOfMembers(keras.layers.Layer):
    """Average the members' outputs: (members, rows, units) to (rows, units)."""

    def call(self, inputs):
        """Average over the first axis."""
        return ops.mean(inputs, axis=0)

    def compute_output_shape(self, input_shape):
        """Shape of what `call` returns."""
        return tuple(input_shape[1:])
