"""Which weights of a model belong to which column of a table."""

import keras
import numpy as np

from skviann._first_layers import find_kernels


class NoWeightsOfColumns(ValueError):
    """A network that has not a vector of weights for each column."""


def kernel_of_columns(model, ends, find=None):
    """Find the weights that leave the columns of a table in a built model.

    Parameters
    ----------
    model : keras.Model
        Of one table.
    ends : ndarray of shape (2, n_columns)
        A lowest and a highest row, to see where columns go.
    find : callable, default=None
        Returns kernels by input; None: those that the model's first layers have.

    Returns
    -------
    kernel : Kernel

    Raises
    ------
    NoWeightsOfColumns
        If the model mixes or moves the columns before it weighs them.
    """
    try:
        kernels = find_kernels(model) if find is None else find()
    except ValueError as error:
        raise NoWeightsOfColumns(str(error)) from error
    shapes = {name: kernel.scores_shape() for name, kernel in kernels.items()}
    shape, n_features = shapes.get(None, shapes), ends.shape[1]
    if shape != (n_features,):
        raise NoWeightsOfColumns(
            "The first trainable layer of the estimator's model has inputs of "
            f"shape {shape}, but X has {n_features} features; VIANN needs a "
            "layer with one input for each feature of X."
        )
    kernel = kernels[None]
    if kernel.is_embedding:
        raise NoWeightsOfColumns(
            "The first trainable layer of the estimator's model is an Embedding, whose "
            "weights belong to values of the features, not to features."
        )
    if not _is_in_order(model, kernel, ends):
        raise NoWeightsOfColumns(
            "The estimator's model moves the columns of X before its first "
            "trainable layer, so that its weights cannot be given to columns. Move "
            "them in front of the model."
        )
    return kernel


def _is_in_order(model, kernel, ends):
    """Whether each input of the layer changes when its column of X does."""
    layer, _ = kernel.layers[0]
    try:
        told = [layer.input]
        if kernel.feature_of_input is not None or told[0] is model.inputs[0]:
            return True
        before = keras.Function(model.inputs, told)
    except (AttributeError, ValueError):  # called twice, or inside another model
        return True
    low, high = ends
    # Numbers of columns in binary: of two columns, one changes where not the other.
    numbers = np.arange(ends.shape[1])
    digits = numbers >> np.arange(len(numbers).bit_length())[:, np.newaxis] & 1
    changes = np.concatenate([digits, 1 - digits]).astype(bool)
    rows = np.concatenate([low[np.newaxis], np.where(changes, high, low)])
    (seen,) = before([keras.ops.convert_to_tensor(rows)])
    seen = keras.ops.convert_to_numpy(seen).reshape(len(rows), -1)
    has_changed = seen[1:] != seen[0]
    return bool((has_changed | ~changes | (low == high)).all())
