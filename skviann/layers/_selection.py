"""Layers that learn how much a network needs each feature."""

import keras
import numpy as np
from keras import ops

from skviann.layers._packed import PackedDense
from skviann.variance import sum_by_feature


class SelectionLayer(keras.layers.Layer):
    """Weighs the features of each member, and learns how much it needs each.

    Comes behind the encoding: `feature_of_input` says which feature an input belongs
    to. A subclass says, for weights of shape (n_members, 1, n_features), by which
    factors features are multiplied, what is added to the loss, and what the importances
    are.
    """

    start = 0.0  # what the weights begin with
    is_random = False  # whether factors are drawn while the network trains

    def __init__(self, n_members, feature_of_input, **kwargs):
        super().__init__(**kwargs)
        self.n_members = n_members
        self.feature_of_input = [int(feature) for feature in feature_of_input]

    def build(self, input_shape):
        """Create a weight for each member's features."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.n_members, 1, max(self.feature_of_input) + 1),
            initializer=keras.initializers.Constant(self.start),
        )

    def call(self, inputs, training=False):
        """(rows, inputs) to (members, rows, inputs)."""
        self.add_loss(self.penalty(self.kernel))
        uniform = None
        if training and self.is_random:
            shape = (self.n_members, ops.shape(inputs)[0], self.kernel.shape[-1])
            uniform = keras.random.uniform(shape, seed=self.seed_generator)
        factors = self.factors(self.kernel, uniform)
        return inputs * ops.take(factors, self.feature_of_input, axis=-1)

    def compute_output_shape(self, input_shape):
        """Shape of what `call` returns."""
        return (self.n_members, *input_shape)

    def get_config(self):
        """Tell the settings that make the same layer."""
        config = {
            "n_members": self.n_members,
            "feature_of_input": self.feature_of_input,
        }
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("skviann")
class OneToOne(SelectionLayer):
    """Multiply each feature by a weight of its own, under an elastic net.

    Adds ``alpha * sum(l1_ratio * |w| + (1 - l1_ratio) / 2 * w**2)`` to the loss.

    Parameters
    ----------
    n_members : int
        Networks.
    feature_of_input : sequence of int
        Which feature each input belongs to.
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
    >>> layer = OneToOne(n_members=2, feature_of_input=[0, 1, 2])
    >>> layer(np.ones((5, 3))).shape
    TensorShape([2, 5, 3])
    """

    start = 1.0

    def __init__(self, n_members, feature_of_input, alpha=0.01, l1_ratio=0.5, **kwargs):
        super().__init__(n_members, feature_of_input, **kwargs)
        self.alpha = alpha
        self.l1_ratio = l1_ratio

    def factors(self, kernel, uniform=None):
        """Return the weights themselves; nothing here is random."""
        return kernel

    def penalty(self, kernel):
        """Elastic net, summed over members and features."""
        lasso, ridge = ops.sum(ops.abs(kernel)), ops.sum(kernel**2) / 2
        return self.alpha * (self.l1_ratio * lasso + (1 - self.l1_ratio) * ridge)

    def importances(self, kernel):
        """Absolute weights: ndarray of shape (n_members, n_features)."""
        return np.abs(kernel[:, 0])

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
    feature_of_input : sequence of int
        Which feature each input belongs to.
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
    >>> layer = LearnedDropout(n_members=2, feature_of_input=[0, 1, 2])
    >>> layer(np.ones((1, 3)))[0].numpy()  # not in training: times p
    array([[0.5, 0.5, 0.5]], dtype=float32)
    """

    is_random = True

    def __init__(
        self, n_members, feature_of_input, alpha=0.01, temperature=0.1, **kwargs
    ):
        super().__init__(n_members, feature_of_input, **kwargs)
        self.alpha = alpha
        self.temperature = temperature
        self.seed_generator = keras.random.SeedGenerator()

    def factors(self, kernel, uniform=None):
        """Return probabilities, or draws where uniform numbers in [0, 1) are given."""
        if uniform is None:
            return ops.sigmoid(kernel)
        uniform = ops.clip(uniform, 1e-6, 1 - 1e-6)
        logit = kernel + ops.log(uniform) - ops.log1p(-uniform)
        return ops.sigmoid(logit / self.temperature)

    def penalty(self, kernel):
        """Cost of what is kept, summed over members and features."""
        return self.alpha * ops.sum(ops.sigmoid(kernel))

    def importances(self, kernel):
        """Probabilities to be kept: ndarray of shape (n_members, n_features)."""
        return 1 / (1 + np.exp(-kernel[:, 0]))

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
    units : int
        Width of the output, for each member.
    n_members : int
        Networks.
    feature_of_input : sequence of int
        Which feature each input belongs to; in increasing order.
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
    >>> layer = RowSparseDense(units=4, n_members=2, feature_of_input=[0, 1, 2])
    >>> layer(np.ones((5, 3))).shape
    TensorShape([2, 5, 4])
    """

    def __init__(
        self, units, n_members, feature_of_input, activation=None, alpha=0.01, **kwargs
    ):
        super().__init__(units, n_members, activation, **kwargs)
        self.feature_of_input = [int(feature) for feature in feature_of_input]
        self.alpha = alpha

    def call(self, inputs):
        """(rows, inputs) to (members, rows, units)."""
        self.add_loss(self.penalty(self.kernel, np.array(self.feature_of_input)))
        return super().call(inputs)

    def penalty(self, kernel, feature_of_input):
        """Mixed norm of the kernel, summed over members."""
        squares = ops.transpose(ops.sum(kernel**2, axis=-1))  # (inputs, members)
        squares = ops.segment_sum(squares, feature_of_input, sorted=True)
        # Away from 0, where the square root has no derivative.
        return self.alpha * ops.sum(ops.sqrt(squares + 1e-12))

    def importances(self, kernel, feature_of_input):
        """Norms of the features' weights: ndarray of shape (n_members, n_features)."""
        squares = sum_by_feature((kernel**2).sum(axis=-1), feature_of_input)
        return np.sqrt(squares)

    def get_config(self):
        """Tell the settings that make the same layer."""
        config = {"feature_of_input": self.feature_of_input, "alpha": self.alpha}
        return {**super().get_config(), **config}
