"""Trains packed networks, with what a former training of the same kind has built."""

import copy
import json
from contextlib import contextmanager
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from skviann import models
from skviann._feed import repeated_batches
from skviann._reuse import Shelf, is_predictable
from skviann._seeding import seeded
from skviann.callbacks import VarianceImportance
from skviann.variance import sum_to_one

_LOSSES = {
    "binary": keras.losses.binary_crossentropy,
    "multiclass": keras.losses.sparse_categorical_crossentropy,
    "regression": keras.losses.mean_squared_error,
}
_OUTPUT_ACTIVATIONS = {
    "binary": "sigmoid",
    "multiclass": "softmax",
    "regression": "linear",
}


class Architecture(NamedTuple):
    """What a packed network is built from."""

    task: str  # "binary", "multiclass" or "regression"
    n_features: int
    n_outputs: int
    n_members: int
    n_bins: int
    hidden_layer_sizes: tuple
    activation: str
    selection: tuple | None = None

    def build(self):
        """Build the network; see `skviann.models.build_packed_mlp`."""
        settings = self._asdict()
        task = settings.pop("task")
        return models.build_packed_mlp(
            **settings, output_activation=_OUTPUT_ACTIVATIONS[task]
        )


class Schedule(NamedTuple):
    """How long to train, in which batches."""

    batch_size: int
    epochs: int
    steps_per_epoch: int | None  # None: as many as the rows have batches


def train(
    architecture,
    optimizer,
    schedule,
    X,
    y,
    sample_weight,
    *,
    prepare,
    sample,
    held_out,
    callbacks,
    seed,
    verbose,
):
    """Train a packed network.

    Parameters
    ----------
    architecture : Architecture
        What to train.
    optimizer : keras.optimizers.Optimizer
        A copy without its state is used.
    schedule : Schedule
        How long.
    X : ndarray of shape (n_samples, n_features)
        Features.
    y : ndarray of shape (n_samples, n_outputs or 1)
        Class numbers or quantities.
    sample_weight : ndarray of shape (n_samples,) or None
        How much each row counts.
    prepare : callable
        From rows of X to what the network sees.
    sample : tuple of ndarray
        Prepared rows to find the encoding's bins from, and their weights or None.
    held_out : float
        Share of the rows that is not trained on.
    callbacks : list of keras.callbacks.Callback or None
        Copies are used.
    seed : int
        Same seed, same network.
    verbose : int
        Keras's.

    Returns
    -------
    model : keras.Model
        The mean of the trained members.
    importances : ndarray of shape (n_members, n_features)
        VIANN scores of each member, as shares that sum to 1; or those that a layer for
        the selection of features has learned.
    history : dict of str to list of float
        By epoch; losses are the mean member's.
    """
    arrays = [X, y] if sample_weight is None else [X, y, sample_weight]
    rows, validation_data = None, None
    if held_out:
        rows = np.random.default_rng(seed).permutation(len(X))
        n_trained_on = int(len(X) * (1 - held_out))
        rows, others = rows[:n_trained_on], rows[n_trained_on:]
        X_held_out, *rest = (array[others] for array in arrays)
        validation_data = (prepare(X_held_out), *rest)
    own_callbacks = copy.deepcopy(list(callbacks or ()))
    importance = _MemberImportance()
    with seeded(seed, forget_kernels=False):  # nothing in the graph is random
        dataset, n_batches = repeated_batches(
            arrays,
            schedule.batch_size,
            shuffle=True,
            seed=seed,
            rows=rows,
            prepare=prepare,
        )
        steps_per_epoch = schedule.steps_per_epoch or n_batches
        at_once = steps_that_can_run_at_once(steps_per_epoch, own_callbacks)
        with _compiled(architecture, optimizer, at_once, own_callbacks) as network:
            network.get_layer("encoding").adapt(*sample)
            models.draw_weights(network, seed)
            fitted = network.fit(
                dataset,
                epochs=schedule.epochs,
                steps_per_epoch=steps_per_epoch,
                shuffle=False,  # the dataset does it
                validation_data=validation_data,
                callbacks=[*own_callbacks, importance],
                verbose=verbose,
            )
            weights = network.get_weights()
            if architecture.selection is None:
                importances = importance.member_importances_
            else:
                learned = network.get_layer("selection").importances()
                importances = np.array([sum_to_one(shares) for shares in learned])
        _, model = architecture.build()
        model.set_weights(weights)
    history = {
        name: [
            float(value) / (architecture.n_members if name.endswith("loss") else 1)
            for value in values
        ]
        for name, values in fitted.history.items()
    }
    return model, importances, history


def steps_that_can_run_at_once(n_steps, callbacks):
    """How many steps Keras may run before it goes back to Python.

    All of them, unless a callback acts on batches, or the backend is not TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        return 1
    return 1 if any(map(_acts_on_batches, callbacks)) else n_steps


def _acts_on_batches(callback):
    if isinstance(callback, VarianceImportance):
        return callback.update != "epoch"
    hooks = ("on_batch_begin", "on_batch_end")
    hooks += ("on_train_batch_begin", "on_train_batch_end")
    return any(
        getattr(getattr(callback, hook), "__func__", None)
        is not getattr(keras.callbacks.Callback, hook)
        for hook in hooks
    )


class _MemberImportance(VarianceImportance):
    """VIANN scores of the members of a packed network, averaged over its training.

    Early in the training a score tells which features promise something, late also
    which ones serve to learn the rows by heart; how early or late that is depends on
    the data. So scores are read when there were 4 updates, and whenever their number
    has grown by a factor of the square root of 2, and all readings count the same.
    """

    def on_train_begin(self, logs=None):
        self._readings = []
        super().on_train_begin(logs)

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        if self.n_updates_ >= 2 ** (2 + len(self._readings) / 2):
            self._finish(self._layer)
            self._readings.append(self._shares())

    def _shares(self):
        return [sum_to_one(scores) for scores in self.importances_]

    @property
    def member_importances_(self):
        """Shares that sum to 1: ndarray of shape (n_members, n_features)."""
        return np.mean(self._readings or [self._shares()], axis=0)


class _SumOverMembers(keras.losses.Loss):
    """The sum of the members' losses, so that each learns as it would alone."""

    def __init__(self, loss):
        super().__init__(name="sum_over_members")
        self.loss = loss

    def call(self, y_true, y_pred):
        """(rows, outputs) and (members, rows, outputs) to (rows,)."""
        shape = (*ops.shape(y_pred)[:-1], ops.shape(y_true)[-1])
        return ops.sum(self.loss(ops.broadcast_to(y_true, shape), y_pred), axis=0)


def _accuracy_of_mean(y_true, y_pred):
    probabilities = ops.mean(y_pred, axis=0)
    if y_pred.shape[-1] == 1:
        return keras.metrics.binary_accuracy(y_true, probabilities)
    return keras.metrics.sparse_categorical_accuracy(y_true, probabilities)


# Networks from former fits.
_shelf = Shelf()


@contextmanager
def _compiled(architecture, optimizer, steps_at_once, callbacks):
    """Lend a compiled network whose optimizer has not seen a step.

    It comes from a former fit, if there is one of the same kind; its weights are left
    for the caller to set.
    """
    settings = keras.optimizers.serialize(optimizer)
    settings["config"].pop("name", None)  # Keras numbers them: adam, adam_1
    key = (
        architecture,
        json.dumps(settings, sort_keys=True, default=str),
        steps_at_once,
        keras.config.floatx(),
        keras.config.dtype_policy().name,
    )
    network = _shelf.take(key)
    if network is None:
        network = _compile(architecture, optimizer, steps_at_once)
    else:
        fresh = models.make_optimizer(optimizer, learning_rate=None)
        fresh.build(network.trainable_variables)
        for variable, start in zip(
            network.optimizer.variables, fresh.variables, strict=True
        ):
            variable.assign(start)
    yield network
    # Not after an exception.
    if all(map(is_predictable, [optimizer, *callbacks])):
        _shelf.put(key, network)


def _compile(architecture, optimizer, steps_at_once):
    network, _ = architecture.build()
    network.compile(
        models.make_optimizer(optimizer, learning_rate=None),
        _SumOverMembers(_LOSSES[architecture.task]),
        metrics=(
            []
            if architecture.task == "regression"
            else [keras.metrics.MeanMetricWrapper(_accuracy_of_mean, name="accuracy")]
        ),
        steps_per_execution=steps_at_once,
        jit_compile=False,  # compiling takes longer than it saves
    )
    network.optimizer.build(network.trainable_variables)
    return network
