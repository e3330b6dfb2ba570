"""The Keras callback that measures VIANN while a network trains."""

from numbers import Integral

import keras
import numpy as np
from sklearn.exceptions import NotFittedError

from skviann._first_layers import find_kernels
from skviann.variance import (
    RunningVariance,
    min_max_scale,
    sum_by_feature,
    viann_scores,
)


class VarianceImportance(keras.callbacks.Callback):
    """Variance-based importance of a network's inputs, measured while it trains.

    Follows the kernels of the layers that see the inputs first: trainable Dense,
    Conv1D, Conv2D, Conv3D or Embedding layers, in Sequential, functional and nested
    models. Layers that keep features apart (normalisation, dropout, rescaling,
    activations, reshaping) are passed over; behind a `PiecewiseLinearEncoding` the
    scores of a feature's inputs are summed. Where several layers see an input, as with
    a skip connection, their kernels stand side by side, as those of one layer with the
    units of all. The score of input ``j`` is

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
        Naming a nested model means the layers that see its inputs first. None finds
        those of the whole model. A model with code of its own (a subclass of
        ``keras.Model``) needs it, unless it has only one layer that mixes features.
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
    importances_ : ndarray of shape (n_inputs,), or dict of str to ndarray
        Raw scores. For a model with several inputs, here and below, a dict: an array
        for each of ``model.inputs``, by its name. For a `PackedDense` layer of shape
        (n_members, n_inputs); for a convolution of shape
        ``(*kernel_size, n_channels)``, a score for each spatial position and input
        channel; for an Embedding, for each token.
    filter_importances_ : ndarray of shape (n_units,), or dict
        The same sum, for each filter (unit, embedding dimension) over all its inputs.
    var_scores_ : ndarray or dict
        `importances_` scaled to [0, 1] by minimum and maximum, as published.
    variance_ : ndarray or dict
        Sample variance of every weight, of the kernel's shape.
    weights_ : ndarray or dict
        The kernel at the end of training.
    weight_trajectory_ : ndarray of shape (n_updates, ...), or dict
        The kernel at every update. Only defined with ``trajectory=True``.
    n_updates_ : int
        How often the weights were taken in.

    Raises
    ------
    ValueError
        When training begins: if the layers that see the inputs first cannot be told or
        scored, or if training is too short for the two updates that a variance needs.
        While it runs: if weights become NaN or infinite.
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
        # By input tensor; where there is only one, its name is None.
        self._followed = {}
        self._running = {}
        self._kernels = []  # one an update, if the trajectory is kept
        self._weights = None

    @property
    def n_updates_(self):
        """How often the weights were taken in."""
        return max((one.count for one in self._running.values()), default=0)

    @property
    def weights_(self):
        """The kernel at the end of training."""
        return self._results(lambda name: self._weights[name])

    @property
    def weight_trajectory_(self):
        """The kernel at every update."""
        if not self.trajectory:
            raise AttributeError(
                "weight_trajectory_ is only kept with "
                "VarianceImportance(trajectory=True)."
            )
        return self._results(
            lambda name: np.array([kernels[name] for kernels in self._kernels])
        )

    @property
    def variance_(self):
        """Sample variance of every weight."""
        return self._results(lambda name: self._running[name].variance())

    @property
    def importances_(self):
        """Raw score of each input."""
        return self._results(self._importances)

    @property
    def filter_importances_(self):
        """Raw score of each filter or unit."""
        return self._results(lambda name: self._scores(name, feature_axis=-1))

    @property
    def var_scores_(self):
        """Scores of the inputs, scaled to [0, 1]."""
        return self._results(lambda name: min_max_scale(self._importances(name)))

    @property
    def var_scores(self):
        """`var_scores_`, under the name in the method's published code."""
        return self.var_scores_

    def _results(self, function):
        if self._weights is None:
            raise NotFittedError(
                "This VarianceImportance has no scores yet: pass it to the model's fit "
                "as callbacks=[...] and let the training end."
            )
        if self.n_updates_ < 2:
            raise NotFittedError(_too_few_updates(self.n_updates_))
        return self._by_input(function)

    def _by_input(self, function):
        found = {name: function(name) for name in self._followed}
        return found.get(None, found)

    def _importances(self, name):
        scores = self._scores(name, tuple(range(self._weights[name].ndim - 1)))
        feature_of_input = self._followed[name].feature_of_input
        if feature_of_input is None:
            return scores
        return sum_by_feature(scores, feature_of_input)

    def _scores(self, name, feature_axis):
        weights = self._weights[name]
        if self._followed[name].is_embedding:
            weights = np.ones_like(weights)
        return viann_scores(self._running[name].variance(), weights, feature_axis)

    def on_train_begin(self, logs=None):
        """Find the layers to follow."""
        self._followed = {}
        self._weights = None
        self._first_batch = 0
        self._batches = 0
        self._is_length_checked = not self.reset
        if self.reset:
            self._running = {}
            self._kernels = []
        if self.model.built:
            self._follow()

    def _follow(self):
        self._sync()
        followed = self._followed = find_kernels(self.model, self.layer)
        if self._running and self._running.keys() != followed.keys():
            raise ValueError(
                "With reset=False, a training must follow the inputs of the one "
                f"before, {list(self._running)}; got {list(followed)}."
            )
        for name in followed:
            self._running.setdefault(name, RunningVariance())
        _run_last(getattr(self.model, "history", None), lambda: self._finish(followed))

    def _sync(self):
        # On JAX a model's variables hold no values while it trains, until asked to.
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()

    def on_epoch_begin(self, epoch, logs=None):
        """Check that the training is long enough, before its first epoch.

        Which one that is (``initial_epoch``, BackupAndRestore), Keras tells only here.
        """
        params = self.params or {}
        if self._is_length_checked or "epochs" not in params:
            return
        self._is_length_checked = True
        updates, steps = params["epochs"] - epoch, params.get("steps")
        if self.update != "epoch":
            if not steps:
                return
            # Keras calls back after every execution, which may be of several steps.
            executions = updates * -(-steps // self.model.steps_per_execution)
            updates = min(updates * steps // self.update, executions)
        if updates < 2:
            raise ValueError(_too_few_updates(updates))

    def on_train_batch_end(self, batch, logs=None):
        """Take the weights in, if it is a batch's turn."""
        if not self._followed:
            self._follow()  # a model without an Input is built by its first batch
        if self.update == "epoch":
            return
        before = self._batches
        self._batches = self._first_batch + batch + 1
        if self._batches // self.update > before // self.update:
            self._update()

    def on_epoch_end(self, epoch, logs=None):
        """Take the weights in, if it is an epoch's turn."""
        self._first_batch = self._batches
        if self.update == "epoch":
            self._update()

    def on_train_end(self, logs=None):
        """Keep the weights at the end, and let go of the model."""
        self._finish(self._followed)
        self._followed = self._without_layers()
        self.set_model(None)

    def _update(self):
        self._sync()
        kernels = {name: kernel.read() for name, kernel in self._followed.items()}
        for name, kernel in kernels.items():
            self._running[name].update(kernel)
        if self.trajectory:
            self._kernels.append(kernels)

    def _finish(self, followed):
        self._weights = {name: kernel.read() for name, kernel in followed.items()}

    def _without_layers(self):
        return {
            name: kernel._replace(layers=()) for name, kernel in self._followed.items()
        }

    def __getstate__(self):
        # Also in the middle of a training, or after one that broke off.
        return {**vars(self), "_model": None, "_followed": self._without_layers()}


def _run_last(history, action):
    """Have `action` run once all other callbacks have seen the training end.

    Keras calls callbacks in the order of the list, and one behind ours may still set
    weights (EarlyStopping restores the best ones). Keras puts its own History callback
    behind all of the user's and makes it ``model.history``: its turn comes last.
    """
    if isinstance(history, keras.callbacks.History):
        history.on_train_end = _OnTrainEnd(history, action)


class _OnTrainEnd:
    """A history's `on_train_end` and an action behind it, for one training."""

    def __init__(self, history, action):
        self.history = history
        self.before = history.on_train_end
        self.action = action

    def __call__(self, logs=None):
        vars(self.history).pop("on_train_end", None)
        self.before(logs)
        self.action()

    def __reduce__(self):
        # A training that broke off leaves this behind; its copy is a plain history's.
        return getattr, (self.history, "on_train_end")


def _too_few_updates(n_updates):
    return (
        f"The variance of the weights needs at least 2 updates, this training gives "
        f"{n_updates}. Train for more epochs (epochs=, or fit_kwargs={{'epochs': ...}} "
        "of a keras.wrappers estimator), or have VarianceImportance take the weights "
        "in after fewer batches (update=)."
    )
