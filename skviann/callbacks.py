"""The Keras callback that measures VIANN while a network trains."""

from numbers import Integral

import keras
import numpy as np
from sklearn.exceptions import NotFittedError

from skviann.layers import PackedDense, PiecewiseLinearEncoding, SelectionLayer
from skviann.variance import (
    RunningVariance,
    min_max_scale,
    sum_by_feature,
    viann_scores,
)

# Layers whose kernels are scored. In all of them the last axis is the layer's units
# (filters, embedding dimensions) and the axes before it tell the inputs apart (and
# before them the members of a packed layer).
_SCORED_LAYERS = (
    keras.layers.Dense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Embedding,
    PackedDense,
)

# Layers with trainable weights of several axes that still keep every input apart.
_ELEMENTWISE_LAYERS = (
    keras.layers.PReLU,
    keras.layers.LayerNormalization,
    PiecewiseLinearEncoding,
    SelectionLayer,
)


class VarianceImportance(keras.callbacks.Callback):
    """Variance-based importance of a network's inputs, measured while it trains.

    Follows the kernel of the first trainable layer that mixes features: Dense,
    Conv1D, Conv2D, Conv3D or Embedding, in Sequential, functional and nested models.
    Layers that keep features apart (normalisation, dropout, rescaling, activations,
    reshaping) are passed over; behind a `PiecewiseLinearEncoding` the scores of a
    feature's inputs are summed. The score of input ``j`` is

        ``sum over u of Var(w[j, u]) * |w[j, u]|``

    with the sample variance over training and the weights that the model ends with,
    also where another callback (EarlyStopping with ``restore_best_weights``) sets them
    when training ends, before or behind this one in the list. For an Embedding, where a
    weight's size says nothing about its token, the score of a token is the sum of its
    variances.

    Parameters
    ----------
    layer : str, int or keras.Layer, default=None
        The layer to follow, by its name, its index in ``model.layers`` or itself.
        Naming a nested model means the first fitting layer inside it. None finds the
        first one in the model.
    update : "epoch" or int, default="epoch"
        When to take the weights in: at the end of every epoch, as in the paper, or
        every `update` batches. Where Keras runs several batches in one execution
        (``steps_per_execution``), it can be no finer than that.
    reset : bool, default=True
        Whether each training starts afresh. False continues the statistics of the
        training before, as for a model that is trained in several calls.
    trajectory : bool, default=False
        Whether to keep the kernel at every update, for `weight_trajectory_`. That
        takes as much memory as the kernel, in float64, times the number of updates.

    Attributes
    ----------
    importances_ : ndarray of shape (n_inputs,)
        Raw scores. For a `PackedDense` layer of shape (n_members, n_inputs); for a
        convolution of shape ``(*kernel_size, n_channels)``, a score for each spatial
        position and input channel; for an Embedding, for each token.
    filter_importances_ : ndarray of shape (n_units,)
        The same sum, for each filter (unit, embedding dimension) over all its inputs.
    var_scores_ : ndarray
        `importances_` scaled to [0, 1] by minimum and maximum, as published.
    variance_ : ndarray
        Sample variance of every weight, of the kernel's shape.
    weights_ : ndarray
        The kernel at the end of training.
    weight_trajectory_ : ndarray of shape (n_updates, ...)
        The kernel at every update. Only defined with ``trajectory=True``.
    n_updates_ : int
        How often the weights were taken in.

    Raises
    ------
    ValueError
        When training begins: if the model has no layer that can be followed, or if
        training is too short for the two updates that a variance needs. While it runs:
        if weights become NaN or infinite.
    NotFittedError
        When a result is read before training has ended, or after fewer than two
        updates; it is a `ValueError` and an `AttributeError`.

    References
    ----------
    C. R. de Sá (2019), "Variance-Based Feature Importance in Neural Networks",
    Discovery Science, LNCS 11828, doi 10.1007/978-3-030-33778-0_24.

    Examples
    --------
    >>> import keras, numpy as np
    >>> from skviann import VarianceImportance
    >>> X = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
    >>> y = 3 * X[:, 2]
    >>> model = keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> viann = VarianceImportance()
    >>> history = model.fit(X, y, epochs=10, verbose=0, callbacks=[viann])
    >>> int(viann.importances_.argmax())
    2
    """

    def __init__(self, layer=None, update="epoch", reset=True, trajectory=False):
        super().__init__()
        # A name instead of the layer itself: a callback that holds a layer could not
        # be pickled, nor deep-copied without taking the network along.
        layer = layer.name if isinstance(layer, keras.Layer) else layer
        if not (layer is None or isinstance(layer, (str, Integral))):
            raise TypeError(
                "layer must be None, a layer's name, its index or a keras.Layer, "
                f"got {layer!r}."
            )
        is_count = isinstance(update, Integral) and not isinstance(update, bool)
        if not (update == "epoch" or (is_count and update >= 1)):
            raise ValueError(
                "update must be 'epoch' or a positive number of batches, got "
                f"{update!r}."
            )
        self.layer = layer
        self.update = update
        self.reset = reset
        self.trajectory = trajectory
        self._running = RunningVariance()
        self._kernels = []  # one an update, if the trajectory is kept
        self._layer = None
        self._weights = None
        self._variance_only = False
        self._is_packed = False
        self._feature_of_input = None  # where several inputs belong to a feature

    @property
    def n_updates_(self):
        """How often the weights were taken in."""
        return self._running.count

    @property
    def weights_(self):
        """The kernel at the end of training."""
        self._check_trained()
        return self._weights

    @property
    def weight_trajectory_(self):
        """The kernel at every update."""
        if not self.trajectory:
            raise AttributeError(
                "weight_trajectory_ is only kept with "
                "VarianceImportance(trajectory=True)."
            )
        self._check_trained()
        return np.array(self._kernels)

    @property
    def variance_(self):
        """Sample variance of every weight."""
        self._check_trained()
        return self._running.variance()

    @property
    def importances_(self):
        """Raw score of each input."""
        scores = self._scores(feature_axis=tuple(range(self.weights_.ndim - 1)))
        if self._feature_of_input is None:
            return scores
        return sum_by_feature(scores, self._feature_of_input)

    @property
    def filter_importances_(self):
        """Raw score of each filter or unit."""
        return self._scores(feature_axis=-1)

    @property
    def var_scores_(self):
        """Scores of the inputs, scaled to [0, 1]."""
        return min_max_scale(self.importances_)

    @property
    def var_scores(self):
        """`var_scores_`, under the name in the method's published code."""
        return self.var_scores_

    def _check_trained(self):
        if self._weights is None:
            raise NotFittedError(
                "This VarianceImportance has no scores yet: pass it to the model's fit "
                "as callbacks=[...] and let the training end."
            )
        if self.n_updates_ < 2:
            raise NotFittedError(_too_few_updates(self.n_updates_))

    def _scores(self, feature_axis):
        weights = np.ones_like(self.weights_) if self._variance_only else self.weights_
        return viann_scores(self.variance_, weights, feature_axis)

    def on_train_begin(self, logs=None):
        """Find the layer to follow."""
        self._layer = None
        self._weights = None
        self._first_batch = 0
        self._batches = 0
        if self.reset:
            self._running = RunningVariance()
            self._kernels = []
            self._check_length()
        if self.model.built:
            self._follow()

    def _follow(self):
        layer = self._layer = find_layer(self.model, self.layer)
        self._feature_of_input = _feature_of_input(self.model, layer)
        self._variance_only = isinstance(layer, keras.layers.Embedding)
        self._is_packed = isinstance(layer, PackedDense)
        _run_last(getattr(self.model, "history", None), lambda: self._finish(layer))

    def _check_length(self):
        params = self.params or {}
        epochs, steps = params.get("epochs"), params.get("steps")
        if self.update == "epoch":
            updates = epochs
        else:
            updates = epochs * steps // self.update if epochs and steps else None
        if updates is not None and updates < 2:
            raise ValueError(_too_few_updates(updates))

    def on_train_batch_end(self, batch, logs=None):
        """Take the weights in, if it is a batch's turn."""
        if self._layer is None:
            self._follow()  # a model without an Input is built by its first batch
        if self.update == "epoch":
            return
        before = self._batches
        self._batches = self._first_batch + batch + 1
        if self._batches // self.update > before // self.update:
            self._take_in()

    def on_epoch_end(self, epoch, logs=None):
        """Take the weights in, if it is an epoch's turn."""
        self._first_batch = self._batches
        if self.update == "epoch":
            self._take_in()

    def on_train_end(self, logs=None):
        """Keep the weights at the end, and let go of the model."""
        self._finish(self._layer)
        self._layer = None
        self.set_model(None)

    def _take_in(self):
        kernel = _kernel(self._layer)
        self._running.update(kernel)
        if self.trajectory:
            self._kernels.append(kernel)

    def _finish(self, layer):
        self._weights = _kernel(layer)

    def __getstate__(self):
        # Also in the middle of a training, or after one that broke off.
        return {**vars(self), "_model": None, "_layer": None}


def find_layer(model, layer=None):
    """Find the layer whose kernel tells how a model uses its inputs.

    Parameters
    ----------
    model : keras.Model
        A built model.
    layer : str or int, default=None
        Where to look: a layer's name or its index in ``model.layers``; None looks
        through the whole model.

    Returns
    -------
    layer : keras.Layer
        The first trainable Dense, Conv1D, Conv2D, Conv3D or Embedding layer.

    Raises
    ------
    ValueError
        If there is none, or if a frozen or another kind of layer mixes the features
        before it.
    """
    for candidate in leaves(_named(model, layer)):
        if not _mixes_features(candidate):
            continue
        if not candidate.trainable_weights:
            raise ValueError(
                f"The layer {candidate.name!r} mixes the features first and is not "
                "trainable: its weights have no variance. Make it trainable, or name "
                "the layer to follow with layer=."
            )
        if not isinstance(candidate, _SCORED_LAYERS):
            raise ValueError(
                f"The first trainable layer that mixes features is {candidate.name!r}, "
                f"a {type(candidate).__name__}; only Dense, Conv1D, Conv2D, Conv3D and "
                "Embedding layers can be scored. Name one of them with layer=."
            )
        return candidate
    where = f"The model {model.name!r}" if layer is None else f"layer={layer!r}"
    raise ValueError(
        f"{where} has no Dense, Conv1D, Conv2D, Conv3D or Embedding layer to follow."
    )


def scales_inputs(model):
    """Whether a model brings its inputs to one scale before it first mixes them.

    Parameters
    ----------
    model : keras.Model
        A built model.

    Returns
    -------
    bool
        True if a Normalization, BatchNormalization or PiecewiseLinearEncoding layer
        comes first.
    """
    scaling = (
        keras.layers.Normalization,
        keras.layers.BatchNormalization,
        PiecewiseLinearEncoding,
    )
    for candidate in leaves(model.layers):
        if isinstance(candidate, scaling):
            return True
        if _mixes_features(candidate):
            return False
    return False


def _feature_of_input(model, layer):
    """Which feature each input of a layer belongs to; None if it is its own."""
    found = None
    for one in leaves(model.layers):
        if one is layer:
            break
        if isinstance(one, PiecewiseLinearEncoding):
            found = one.feature_of_input
    return found


def _named(model, layer):
    if layer is None:
        return model.layers
    if isinstance(layer, str):
        found = [one for one in with_nested(model.layers) if one.name == layer]
    else:
        found = model.layers[layer : layer + 1 or None]
    if not found:
        raise ValueError(
            f"The model has no layer={layer!r}; its layers are "
            f"{[one.name for one in with_nested(model.layers)]}."
        )
    return found


def with_nested(layers):
    """Go through layers, and through those of models among them."""
    for layer in layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from with_nested(layer.layers)


def leaves(layers):
    """Go through layers, models among them replaced by their layers."""
    return (one for one in with_nested(layers) if not isinstance(one, keras.Model))


def _mixes_features(layer):
    return not isinstance(layer, _ELEMENTWISE_LAYERS) and any(
        len(weight.shape) > 1 for weight in layer.weights
    )


def _run_last(history, action):
    """Have `action` run once all other callbacks have seen the training end.

    Keras calls callbacks in the order of the list, and one behind ours may still set
    weights (EarlyStopping restores the best ones). Keras puts its own History callback
    behind all of the user's and makes it ``model.history``: its turn comes last.
    """
    if not isinstance(history, keras.callbacks.History):
        return
    own_on_train_end = history.on_train_end

    def on_train_end(logs=None):
        vars(history).pop("on_train_end", None)
        own_on_train_end(logs)
        action()

    history.on_train_end = on_train_end


def _kernel(layer):
    is_embedding = isinstance(layer, keras.layers.Embedding)
    kernel = layer.embeddings if is_embedding else layer.kernel
    weights = kernel.numpy().astype(np.float64)
    if not np.isfinite(weights).all():
        raise ValueError(
            "The network's weights became NaN or infinite while it trained, so its "
            "inputs cannot be scored. Lower the learning rate, or scale the inputs "
            "(sklearn.preprocessing.StandardScaler)."
        )
    return weights


def _too_few_updates(n_updates):
    return (
        f"The variance of the weights needs at least 2 updates, this training gives "
        f"{n_updates}. Train for more epochs (epochs=, or fit_kwargs={{'epochs': ...}} "
        "of a keras.wrappers estimator), or have VarianceImportance take the weights "
        "in after fewer batches (update=)."
    )
