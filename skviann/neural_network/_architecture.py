"""What a packed network is built from, its first weights, and the Keras model of it."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from skviann._lazy import keras, layers
from skviann._losses import SQUARED_ERROR, Loss

_FIRST_LAYER_STD = 0.01

_OUTPUT_ACTIVATIONS = {"binary": "sigmoid", "multiclass": "softmax"}


class Architecture(NamedTuple):
    """Several multilayer perceptrons of the same shape.

    They share the encoding of the features, and nothing else.
    """

    task: str  # "binary", "multiclass", "regression" or "survival"
    n_outputs: int
    hidden_layer_sizes: tuple
    activation: str
    # A layer that learns which features are needed: its name in `skviann.layers`, and
    # its settings by name, as pairs. In front of the first layer, or in place of it.
    selection: tuple | None = None
    loss: Loss = SQUARED_ERROR  # of quantities


def check_activation(activation):
    """Raise a ValueError if Keras knows no activation of that name."""
    try:
        keras.activations.get(activation)
    except ValueError as error:
        raise ValueError(
            "activation must be a name that keras.activations.get knows; got "
            f"{activation!r}."
        ) from error


def make_selection(architecture, *, n_members=1, feature_of_input=(0,)):
    """Build the layer that learns a selection: a pair, of which one or both are None.

    A `layers.SelectionLayer` in front of the first layer, or a `layers.RowSparseDense`
    in place of it.
    """
    if architecture.selection is None:
        return None, None
    name, *settings = architecture.selection
    settings = {"feature_of_input": feature_of_input, **dict(settings)}
    if issubclass(getattr(layers, name), layers.SelectionLayer):
        layer = getattr(layers, name)(n_members, name="selection", **settings)
        return layer, None
    layer = getattr(layers, name)(
        architecture.hidden_layer_sizes[0],
        n_members,
        activation=architecture.activation,
        name="selection",
        **settings,
    )
    return None, layer


def draw_weights(architecture, seeds, n_features, n_inputs):
    """Draw the initial weights of every member.

    The first layer's come from a normal distribution with a standard deviation of 0.01,
    so that their sizes at the end, and their ways there, tell what training made of
    them rather than where they began. The others are Glorot's; biases are 0.

    `seeds` has one for each member: same seed, same weights. Each sees `n_features`, by
    `n_inputs`. Arrays are of shape (n_members, n_rows, n_columns): the weights of the
    features, if they have any; then a kernel and a bias a layer.
    """
    generators = [np.random.default_rng(seed) for seed in seeds]
    gates, _ = make_selection(architecture)
    weights = []
    if gates is not None:
        shape = (len(seeds), 1, n_features)
        weights.append(np.full(shape, gates.start, dtype=np.float32))
    sizes = [n_inputs, *architecture.hidden_layer_sizes, architecture.n_outputs]
    for number, shape in enumerate(pairwise(sizes)):
        kernel = np.empty((len(seeds), *shape), dtype=np.float32)
        for member, rng in zip(kernel, generators, strict=True):
            if number == 0:
                rng.standard_normal(dtype=np.float32, out=member)
                member *= _FIRST_LAYER_STD
            else:
                bound = np.sqrt(6 / sum(shape))
                member[:] = rng.uniform(-bound, bound, shape)
        weights += [kernel, np.zeros((len(seeds), 1, shape[1]), dtype=np.float32)]
    return weights


def build_model(trained, inputs):
    """Build the Keras model of trained members, given the inputs of all features.

    From scaled features, where all of them are numbers without gaps, else from the
    inputs, to the mean of the members' outputs: (rows, n_outputs).
    """
    architecture, weights = trained.architecture, trained.weights
    n_members = len(weights[-1])
    encoding, feature_of_input, weights = _encoding_of(inputs, weights, architecture)
    gates, first = make_selection(
        architecture, n_members=n_members, feature_of_input=feature_of_input
    )
    sizes = list(architecture.hidden_layer_sizes)
    dense = [
        layers.PackedDense(size, n_members, architecture.activation, dtype="float32")
        for size in sizes
    ]
    if first is not None:
        dense[0] = first
    output_activation = _OUTPUT_ACTIVATIONS.get(
        architecture.task, architecture.loss.activation
    )
    dense.append(
        layers.PackedDense(
            architecture.n_outputs, n_members, output_activation, dtype="float32"
        )
    )
    chain = [layer for layer in (encoding, gates, *dense) if layer is not None]
    n_inputs = len(inputs) if encoding is None else inputs.n_features
    outputs = first_tensor = keras.Input((n_inputs,), dtype="float32")
    for layer in [*chain, layers.MeanOfMembers(dtype="float32")]:
        outputs = layer(outputs)
    model = keras.Model(first_tensor, outputs)
    model.set_weights(weights)
    return model


def _encoding_of(inputs, weights, architecture):
    """Find the layer that encodes numbers, and the weights with its own in front.

    The layer is None where there is more than numbers. In the middle: which feature
    each input of the first dense layer belongs to.
    """
    if not inputs.are_numbers:
        return None, inputs.feature, weights
    n_features = inputs.n_features
    # The layer has as many inputs for each feature, zeros where they are not needed.
    position, n_each = inputs.positions_in_grid(), inputs.n_bins
    bins = []
    for values in inputs.bins[:4]:
        grid = np.zeros(n_features * n_each, dtype=np.float32)
        grid[position] = values
        bins.append(grid)
    first = 0 if make_selection(architecture)[0] is None else 1
    kernel = weights[first]
    wide = np.zeros((len(kernel), n_features * n_each, kernel.shape[2]), kernel.dtype)
    wide[:, position] = kernel
    weights = [*bins, *weights[:first], wide, *weights[first + 1 :]]
    encoding = layers.PiecewiseLinearEncoding(n_each, name="encoding", dtype="float32")
    return encoding, np.repeat(np.arange(n_features), n_each), weights
