"""The first layer of a network on tables: columns encoded by their quantiles."""

from numbers import Integral

import keras
import numpy as np
from keras import ops

from skviann._bins import clip_limits, find_bins


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
        self.start, self.slope, self.mean, self.factor = (
            self.add_weight(
                name=name, shape=(n_inputs,), initializer="zeros", trainable=False
            )
            for name in ("start", "slope", "mean", "factor")
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
        self.set_weights([values.ravel() for values in bins[:4]])

    def call(self, inputs):
        """Encode (rows, n_features) as (rows, n_inputs)."""
        encoded = ops.take(inputs, self.feature_of_input, axis=-1)
        encoded = (encoded - self.start) * self.slope
        encoded = ops.clip(encoded, *clip_limits(self.n_bins))
        return (encoded - self.mean) * self.factor

    def compute_output_shape(self, input_shape):
        """Shape of what `call` returns."""
        return (*input_shape[:-1], input_shape[-1] * self.n_bins)

    def get_config(self):
        """Tell the settings that make the same layer."""
        return {**super().get_config(), "n_bins": self.n_bins}
