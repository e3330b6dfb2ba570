"""What the importances see of an estimator: its predictions, its model, its weights."""

from itertools import pairwise

import narwhals as nw
import numpy as np
from sklearn.utils import Bunch, check_array
from sklearn.utils.validation import check_is_fitted

from skviann._lazy import first_layers, keras, layers, wrappers
from skviann._outputs import is_keras_model
from skviann._table import column_names
from skviann._validation import FLOATS
from skviann.feature_selection import VIANNSelector
from skviann.neural_network._base import BaseNetwork


def make_bunch(importances, **others):
    """Return importances, repeats last, with their mean and standard deviation."""
    return Bunch(
        importances=importances,
        importances_mean=importances.mean(axis=-1),
        importances_std=importances.std(axis=-1),
        **others,
    )


def unwrap(estimator):
    """Return the fitted network of a selector, and any other estimator as it is."""
    if not is_keras_model(estimator):
        check_is_fitted(estimator)
    return estimator.estimator_ if isinstance(estimator, VIANNSelector) else estimator


def check_values(X):
    """Return a copy of X as an array of finite numbers."""
    return check_array(X, dtype=FLOATS, allow_nd=True, copy=True, input_name="X")


def open_data(estimator, X):
    """Prepare an estimator and rows to change for it.

    Returns the network of a selector, or any other estimator as it is; a copy of X as
    an array (n_samples, ..., n_features); and a function that puts such values into a
    data frame, if X is one that the estimator knows.
    """
    network, values = unwrap(estimator), check_values(X)
    of_arrays = network is not estimator and not hasattr(network, "feature_names_in_")
    if of_arrays or not hasattr(X, "columns"):
        return network, values, lambda values: values
    frame, names = type(X), column_names(X)
    is_arrow = nw.dependencies.is_pyarrow_table(X)
    kind = "schema" if hasattr(X, "schema") else "columns"  # Polars, pandas

    def wrap(values):
        if is_arrow:
            return frame.from_pydict(dict(zip(names, values.T, strict=True)))
        return frame(values, **{kind: names})

    return network, values, wrap


def open_model(estimator):
    """Return the Keras model of an estimator, and what makes its input of an array."""
    estimator = unwrap(estimator)
    if isinstance(estimator, BaseNetwork):
        if not estimator._learned.inputs.are_numbers:
            raise ValueError(
                "This importance follows the network from each column, so that the "
                "columns must be numbers without gaps and in no feature_groups. "
                "scikit-learn's permutation_importance takes any table."
            )
        return estimator.model_, estimator._learned.inputs.scale_rows
    if is_keras_model(estimator):
        return estimator, _as_float32
    if not wrappers.is_wrapper(estimator):
        raise TypeError(
            "estimator must be a fitted VIANN estimator or selector, a fitted wrapper "
            f"of scikeras or keras.wrappers, or a keras.Model; got {estimator!r}."
        )
    return estimator.model_, _as_float32


def _as_float32(X):
    return X.astype(np.float32)


def read_kernels(estimator):
    """Read the kernels of a chain of dense layers, from the input to the output.

    The scale of a BatchNormalization layer is multiplied into the kernel before it, or
    behind it where there is none before. Returns the kernels in float64, of shape
    (n_members, n_inputs, n_units) with one member unless the network is packed; and
    which feature each input of the first one belongs to.
    """
    model, _ = open_model(estimator)
    if not all(map(_is_chain, [model, *first_layers.with_nested(model.layers)])):
        raise ValueError(
            "Weights can only be followed through a chain of Dense layers, from one "
            f"input to one output; the model {model.name!r} branches, uses a layer "
            "twice, or is not built of layers alone."
        )
    elementwise = (keras.layers.PReLU, keras.layers.Normalization)
    kernels, feature_of_input, scale = [], None, 1.0
    for layer in first_layers.leaves(model.layers):
        if isinstance(layer, (keras.layers.Dense, layers.PackedDense)):
            kernel = np.asarray(layer.get_weights()[0], dtype=np.float64)
            kernel = kernel.reshape(-1, *kernel.shape[-2:])
            kernels.append(np.reshape(scale, (-1, 1)) * kernel)
            scale = 1.0
        elif isinstance(layer, keras.layers.BatchNormalization):
            if kernels:
                kernels[-1] = kernels[-1] * _scale_of(layer)
            else:
                scale = scale * _scale_of(layer, standardises=True)
        elif isinstance(layer, layers.PiecewiseLinearEncoding):
            feature_of_input = layer.feature_of_input
        elif layer.weights and not isinstance(layer, elementwise):
            raise ValueError(
                "Weights can only be followed through a chain of Dense layers; the "
                f"model {model.name!r} has the layer {layer.name!r}, a "
                f"{type(layer).__name__}."
            )
    fits = (a.shape[2] == b.shape[1] for a, b in pairwise(kernels))
    if not kernels or not all(fits):
        raise ValueError(
            "Weights can only be followed through a chain of Dense layers, each fed by "
            f"the one before; the kernels of the model {model.name!r} have the shapes "
            f"{[kernel.shape[1:] for kernel in kernels]}."
        )
    if feature_of_input is None:
        feature_of_input = np.arange(kernels[0].shape[1])
    return kernels, feature_of_input


def _scale_of(layer, standardises=False):
    """Return the factor of each unit, behind the standardisation if that is kept."""
    factor = np.ones(layer.moving_variance.shape)
    if layer.scale:
        factor = factor * np.asarray(layer.gamma)
    if standardises:
        return factor
    return factor / np.sqrt(np.asarray(layer.moving_variance) + layer.epsilon)


def _is_chain(model):
    """Whether a model calls its layers one after the other; also true of a layer."""
    if not isinstance(model, keras.Model):
        return _n_inputs(model) <= 1
    if isinstance(model, keras.Sequential):
        return model.built
    if len(getattr(model, "outputs", ())) != 1 or len(model.inputs) != 1:
        return False
    # Operations such as `+` are none of the model's layers. With one input each and
    # each called once, the layers between an input and an output form a chain.
    calls = [layer["inbound_nodes"] for layer in model.get_config()["layers"]]
    return len(model.operations) == len(model.layers) and max(map(len, calls)) <= 1


def _n_inputs(layer):
    """Return how many tensors a layer takes; an InputLayer takes none."""
    return len(layer.input) if isinstance(layer.input, (list, tuple)) else 1
