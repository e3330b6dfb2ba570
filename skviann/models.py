"""Functions that build the Keras networks behind the estimators, and their parts."""

import keras
import numpy as np

from skviann import layers
from skviann.layers import MeanOfMembers, PackedDense, PiecewiseLinearEncoding

_FIRST_LAYER_STD = 0.01


def check_parts(activation, optimizer, callbacks):
    """Raise an error if Keras does not know what a network is to be made of.

    Raises
    ------
    ValueError
        If Keras knows no activation or optimizer of that name.
    TypeError
        If one of the callbacks is not a Keras callback.
    """
    for kind, known, part in (
        ("activation", keras.activations, activation),
        ("optimizer", keras.optimizers, optimizer),
    ):
        try:
            known.get(part)
        except ValueError as error:
            raise ValueError(
                f"{kind} must be a name that keras.{kind}s.get knows, or for the "
                f"optimizer an instance; got {part!r}."
            ) from error
    for callback in callbacks or ():
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(
                "callbacks must hold instances of keras.callbacks.Callback, "
                f"got {callback!r}."
            )


def make_optimizer(optimizer, learning_rate):
    """Build a new optimizer from a name, or as a copy without the original's state.

    Parameters
    ----------
    optimizer : str or keras.optimizers.Optimizer
        Which one.
    learning_rate : float or None
        None keeps the optimizer's own.

    Returns
    -------
    optimizer : keras.optimizers.Optimizer
    """
    new = keras.optimizers.get(
        optimizer
        if isinstance(optimizer, str)
        else keras.optimizers.serialize(optimizer)
    )
    if learning_rate is not None:
        new.learning_rate = learning_rate
    return new


def build_packed_mlp(
    n_features,
    n_outputs,
    *,
    n_members,
    n_bins,
    hidden_layer_sizes,
    activation,
    output_activation,
    selection=None,
):
    """Build several independent multilayer perceptrons in one Keras graph.

    They share the encoding of the features, and nothing else.

    Parameters
    ----------
    n_features, n_outputs : int
        Width of the input and of the output.
    n_members : int
        Networks.
    n_bins : int
        Bins of the features' piecewise-linear encoding.
    hidden_layer_sizes : sequence of int
        Units of each hidden layer; empty for linear models.
    activation, output_activation : str
        Keras activations of the hidden layers and of the output.
    selection : tuple, default=None
        A layer that learns which features are needed, between the encoding and the
        hidden layers: its name in `skviann.layers`, and its settings by name, as pairs.

    Returns
    -------
    members, mean : keras.Model
        Two views of the same layers, not compiled: one with the outputs of all members,
        (n_members, rows, n_outputs), the other with their mean, (rows, n_outputs).
    """
    inputs = keras.Input((n_features,))
    hidden = PiecewiseLinearEncoding(n_bins, name="encoding")(inputs)
    if selection is not None:
        name, *settings = selection
        layer = getattr(layers, name)
        hidden = layer(n_members, n_bins, **dict(settings), name="selection")(hidden)
    for units in hidden_layer_sizes:
        hidden = PackedDense(units, n_members, activation)(hidden)
    outputs = PackedDense(n_outputs, n_members, output_activation)(hidden)
    return (
        keras.Model(inputs, outputs),
        keras.Model(inputs, MeanOfMembers()(outputs)),
    )


def draw_weights(model, seed):
    """Give a packed network new initial weights.

    The first layer's come from a normal distribution with a standard deviation of 0.01,
    so that their sizes at the end, and their ways there, tell what training made of
    them rather than where they began. The others are Glorot's.

    Parameters
    ----------
    model : keras.Model
        As `build_packed_mlp` makes them.
    seed : int
        Same seed, same weights.
    """
    rng = np.random.default_rng(seed)
    first, *others = [one for one in model.layers if isinstance(one, PackedDense)]
    kernel = rng.standard_normal(first.kernel.shape, dtype=np.float32)
    kernel *= _FIRST_LAYER_STD
    first.set_weights([kernel, np.zeros(first.bias.shape)])
    for layer in model.layers:
        if isinstance(layer, layers.SelectionLayer):
            layer.restart(seed)
    for layer in others:
        _, n_inputs, n_units = layer.kernel.shape
        bound = np.sqrt(6 / (n_inputs + n_units))
        kernel = rng.uniform(-bound, bound, layer.kernel.shape)
        layer.set_weights([kernel, np.zeros(layer.bias.shape)])
