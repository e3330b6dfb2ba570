"""Independent networks ("members") computed as one.

Axes are (members, rows, units), those of kernels (members, inputs, units).
"""

import keras
import numpy as np
from keras import ops


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
