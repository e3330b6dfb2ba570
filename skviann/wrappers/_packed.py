"""Copies of a user's Keras model that train at once, on TensorFlow.

The weights of all copies, its members, are stacked. TensorFlow makes of one member's
forward pass and gradients those of all (`tf.vectorized_map`), and the user's optimizer
takes a step on the stacked weights: the same for all of them, if it treats each weight
by itself.
"""

import keras
import numpy as np
import tensorflow as tf

from skviann._first_layers import leaves
from skviann.neural_network._cache import Cache
from skviann.wrappers._lending import describe, describe_optimizer

# Optimizers that treat each weight by itself, with such settings.
_OPTIMIZERS = {
    getattr(keras.optimizers, name)
    for name in (
        *("SGD", "RMSprop", "Adam", "AdamW", "Adadelta", "Adagrad", "Adamax"),
        *("Nadam", "Ftrl", "Lion"),
    )
}
_SETTINGS_OF_ALL_WEIGHTS = (
    *("clipnorm", "global_clipnorm", "use_ema", "gradient_accumulation_steps"),
    "loss_scale_factor",
)

# Methods of a model that decide how it trains, beside its layers.
_METHODS = (
    *("train_step", "compute_loss", "fit", "make_train_function", "compute_metrics"),
    *("stateless_call", "__call__"),
)

_RECURRENT = keras.layers.RNN, keras.layers.Bidirectional

_MAX_WEIGHTS = 4_000_000  # of all members of a pack that is kept

# The change of the weights in the first steps may differ by that share of its length.
_TOLERANCE = 0.01

_packs = Cache()


def why_not_packed(model):
    """Tell why copies of a built, compiled model cannot train at once; None: they can.

    What is not known here is seen by `packed`, which compares.
    """
    if getattr(model, "inputs", None) is None:
        return "its model is a class of its own"
    for name in _METHODS:
        kind = next(one for one in type(model).__mro__ if name in vars(one))
        if not kind.__module__.startswith("keras."):
            return f"its model has a {name} of its own"
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return "its model has several inputs or outputs"
    config = model.get_compile_config() or {}
    if not isinstance(model.loss, (str, keras.losses.Loss)) and not callable(
        model.loss
    ):
        return "its loss is not a single one"
    if config.get("loss_weights") is not None:
        return "its loss has weights"
    optimizer = model.optimizer
    if type(optimizer) not in _OPTIMIZERS:
        return f"its optimizer is {type(optimizer).__name__}"
    of_all = [name for name in _SETTINGS_OF_ALL_WEIGHTS if getattr(optimizer, name)]
    if of_all:
        return f"its optimizer has {of_all[0]}={getattr(optimizer, of_all[0])!r}"
    if describe_optimizer(optimizer) is None or describe_optimizer(
        optimizer
    ) != describe_optimizer(_copy(optimizer)):
        return "its optimizer cannot be copied"
    if any(isinstance(one, _RECURRENT) for one in leaves(model.layers)):
        return "its model has a recurrent layer"  # takes long to trace for all at once
    if any(variable.constraint is not None for variable in model.variables):
        return "its weights are constrained"
    if any(one.dtype not in ("float32", *INTEGERS) for one in model.variables):
        return "its weights are not of float32"
    return None


INTEGERS = ("int32", "int64", "uint32", "uint8", "bool")


def packed(model, beginnings, n_folds, batches, private, kernel):
    """Make a pack of copies of a model, or take one that is there.

    Parameters
    ----------
    model : keras.Model
        Built and compiled. It is trained for a moment to compare, and put back.
    beginnings : list of list of ndarray
        Of each member: values of its trainable variables, then of its others. Those of
        the first one are the model's.
    n_folds : int
        Members belong to so many folds, in order; each fold has its own rows.
    batches : tuple of ndarray
        X, y, weights of rows: a few batches, see `PackedCopies.train`.
    private : Cache
        Where packs are kept of models which have code that cannot be compared; those of
        the same shapes are taken to be the same.
    kernel : Kernel or None
        The first model's weights that leave the inputs, see `PackedCopies.kernels`.

    Returns
    -------
    pack : PackedCopies or None
        None if it does not train as Keras does.
    """
    _, y, _ = batches
    shapes = [one.shape for one in beginnings[0]]
    if any([one.shape for one in values] != shapes for values in beginnings):
        return None
    n_members = len(beginnings)
    # The learning rate is a variable, whose values `describe` leaves out.
    structure = describe(model), describe_optimizer(_copy(model.optimizer))
    packs = _packs if structure[0] is not None else private
    key = structure, shapes, n_folds, n_members, y.dtype, y.shape[3:], kernel is None
    pack = packs.take(key)
    if pack is None:
        try:
            pack = PackedCopies(model, n_members, n_folds, y, kernel)
            pack.start(beginnings)
            is_proved = _trains_as_keras_does(pack, model, batches)
        except (ValueError, TypeError, NotImplementedError, tf.errors.OpError):
            return None  # what TensorFlow cannot do for all members at once
        if not is_proved:
            return None
    pack.start(beginnings)
    pack.kept_in = packs, key
    return pack


def put_back(pack):
    """Keep a pack for the next training of models that are built the same."""
    if pack.n_weights <= _MAX_WEIGHTS:
        packs, key = pack.kept_in
        packs.put(key, pack)


class PackedCopies:
    """Members of one model's structure, with a leading axis in all their weights.

    Parameters
    ----------
    model : keras.Model
        Built and compiled; it lends its layers, its loss and its optimizer's settings.
    n_members, n_folds : int
        Members, those of a fold side by side.
    y : ndarray of shape (n_steps, n_folds, n_rows, ...)
        Targets, for their type and shape.
    kernel : Kernel or None
        Weights that leave the inputs.
    """

    def __init__(self, model, n_members, n_folds, y, kernel):
        self._model = model
        self._loss = _as_loss(model.loss)
        self._n_each = n_members // n_folds
        self.n_members = n_members
        self._kernel = kernel and _positions(kernel, model)
        self._trainable = [
            keras.Variable(np.zeros((n_members, *one.shape), one.dtype))
            for one in model.trainable_variables
        ]
        # Seeds of dropout and the like are those of all members.
        self._are_shared = [
            one.dtype in INTEGERS for one in model.non_trainable_variables
        ]
        self._others = [
            tf.Variable(
                np.zeros(one.shape if shared else (n_members, *one.shape)),
                dtype=one.dtype,
            )
            for one, shared in zip(
                model.non_trainable_variables, self._are_shared, strict=True
            )
        ]
        self._optimizer = _copy(model.optimizer)
        self._optimizer.build(self._trainable)
        self._beginning = [one.numpy() for one in self._optimizer.variables]
        n_inputs = model.inputs[0].shape[1]
        of_members = tf.TensorSpec((n_members, n_inputs), tf.float32)
        # Not called as a `tf.function`, which warns of many that are alike.
        self._train = tf.function(
            self._train_steps,
            input_signature=[
                tf.TensorSpec((None, n_folds, None, n_inputs), tf.float32),
                tf.TensorSpec((None, n_folds, None, *y.shape[3:]), y.dtype),
                tf.TensorSpec((None, n_folds, None), tf.float32),
                of_members,
                of_members,
            ],
            autograph=False,
        ).get_concrete_function()
        self._predict = tf.function(
            self._predict_rows,
            input_signature=[
                [tf.TensorSpec(one.shape, one.dtype) for one in self._trainable],
                [tf.TensorSpec(one.shape, one.dtype) for one in self._others],
                tf.TensorSpec((n_folds, None, n_inputs), tf.float32),
                of_members,
                of_members,
            ],
            autograph=False,
        ).get_concrete_function()

    @property
    def n_weights(self):
        """Weights of all members."""
        return sum(int(np.prod(one.shape)) for one in self._trainable)

    def start(self, beginnings):
        """Have the members begin with values of their variables."""
        variables = [*self._trainable, *self._others]
        for variable, values in zip(
            variables, zip(*beginnings, strict=True), strict=True
        ):
            is_shared = len(variable.shape) == values[0].ndim
            variable.assign(values[0] if is_shared else np.stack(values))
        for variable, value in zip(
            self._optimizer.variables, self._beginning, strict=True
        ):
            variable.assign(value)

    def train(self, X, y, weights, seen, neutral):
        """Take a step for each batch; return the members' mean losses, (n_members,).

        Parameters
        ----------
        X : ndarray of float32 of shape (n_steps, n_folds, batch_size, n_inputs)
        y : ndarray of shape (n_steps, n_folds, batch_size, ...)
        weights : ndarray of float32 of shape (n_steps, n_folds, batch_size)
        seen, neutral : ndarray of float32 of shape (n_members, n_inputs)
            Whether a member sees an input (1 or 0), and what it sees in its place.
        """
        arguments = map(tf.convert_to_tensor, (X, y, weights, seen, neutral))
        return self._train(*arguments).numpy()

    def predict(self, weights, X, seen, neutral):
        """Predict for each fold's rows: (n_members, n_rows, n_outputs).

        With any `weights` of such members, not only those that this pack has.
        """
        weights = [[tf.convert_to_tensor(one) for one in values] for values in weights]
        arguments = map(tf.convert_to_tensor, (X, seen, neutral))
        flat = [*weights[0], *weights[1], *arguments]
        return self._predict(*flat).numpy()

    def kernels(self):
        """Read the weights that leave the inputs: (n_members, n_inputs, n_units)."""
        return np.concatenate(
            [self._trainable[which].numpy()[:, rows] for which, rows in self._kernel],
            axis=-1,
            dtype=np.float64,
        )

    def weights(self):
        """Return what the members have become: two lists of tensors."""
        return (
            [one.value.read_value() for one in self._trainable],
            [one.read_value() for one in self._others],
        )

    def model_of(self, weights, member, model):
        """Give a model of the same structure the weights of a member."""
        trainable, others = weights
        for variable, value in zip(model.trainable_variables, trainable, strict=True):
            variable.assign(value[member])
        for variable, value, shared in zip(
            model.non_trainable_variables, others, self._are_shared, strict=True
        ):
            variable.assign(value if shared else value[member])
        return model

    def _place(self, X, seen, neutral):
        """Give each member its fold's rows: (n_members, n_rows, n_inputs)."""
        X = tf.repeat(X, self._n_each, axis=0)
        return tf.where(seen[:, tf.newaxis] > 0, X, neutral[:, tf.newaxis])

    def _values(self):
        trainable = [one.value for one in self._trainable]
        pairs = zip(self._others, self._are_shared, strict=True)
        return trainable, [one.read_value() for one, shared in pairs if not shared]

    def _with_shared(self, stacked):
        stacked = iter(stacked)
        return [
            one.read_value() if shared else next(stacked)
            for one, shared in zip(self._others, self._are_shared, strict=True)
        ]

    def _gradients(self, of_member):
        trainable, stacked, x, y, weights = of_member
        with tf.GradientTape() as tape:
            tape.watch(trainable)
            predicted, others, penalties = self._model.stateless_call(
                trainable,
                self._with_shared(stacked),
                x,
                training=True,
                return_losses=True,
            )
            loss = self._loss(y, predicted, sample_weight=weights)
            loss = tf.add_n([loss, *penalties])
        gradients = tape.gradient(loss, trainable)
        if any(one is None for one in gradients):
            raise ValueError("a weight has no gradient")
        return gradients, [tf.convert_to_tensor(one) for one in others], loss

    def _train_steps(self, X, y, weights, seen, neutral):
        n_steps = tf.shape(X)[0]

        def step(number, total):
            of_members = [
                tf.repeat(values[number], self._n_each, axis=0)
                for values in (y, weights)
            ]
            gradients, others, losses = tf.vectorized_map(
                self._gradients,
                (*self._values(), self._place(X[number], seen, neutral), *of_members),
                warn=False,
            )
            self._optimizer.apply(gradients, self._trainable)
            for variable, value, shared in zip(
                self._others, others, self._are_shared, strict=True
            ):
                is_stacked = len(value.shape) > len(variable.shape)
                variable.assign(value[0] if shared and is_stacked else value)
            return number + 1, total + losses

        _, total = tf.while_loop(
            lambda number, _: number < n_steps,
            step,
            (0, tf.zeros([self.n_members])),
        )
        return total / tf.cast(n_steps, tf.float32)

    def _predict_rows(self, trainable, others, X, seen, neutral):
        pairs = list(zip(others, self._are_shared, strict=True))
        of_members = [one for one, shared in pairs if not shared]

        def predict(values):
            trainable, stacked, x = values
            stacked = iter(stacked)
            all_others = [one if shared else next(stacked) for one, shared in pairs]
            return self._model.stateless_call(trainable, all_others, x, training=False)[
                0
            ]

        placed = self._place(X, seen, neutral)
        return tf.vectorized_map(predict, (trainable, of_members, placed), warn=False)


def _copy(optimizer):
    return type(optimizer).from_config(optimizer.get_config())


def _as_loss(loss):
    """Return a loss as what `compile` makes of it: a mean over rows."""
    loss = keras.losses.get(loss)
    if isinstance(loss, keras.losses.Loss):
        return loss
    return _MeanLoss(loss)


class _MeanLoss(keras.losses.Loss):
    """Mean of a function's losses."""

    def __init__(self, function):
        super().__init__()
        self._function = function

    def call(self, y_true, y_pred):
        if len(y_true.shape) == 1 and len(y_pred.shape) == 2:
            y_true = y_true[:, None]  # as Keras does
        return self._function(y_true, y_pred)


def _positions(kernel, model):
    """Find a kernel among a model's trainable variables.

    Pairs of a variable's number and a slice of its inputs. The kernel of a layer with
    LoRA is none of the variables: a ValueError.
    """
    numbers = {id(one): n for n, one in enumerate(model.trainable_variables)}
    if not all(id(layer.kernel) in numbers for layer, _ in kernel.layers):
        raise ValueError("the first layer's weights are made of others")
    return [(numbers[id(layer.kernel)], rows) for layer, rows in kernel.layers]


def _trains_as_keras_does(pack, model, batches):
    """Whether the first member goes Keras's way in the first steps."""
    X, y, weights = batches
    n_inputs = X.shape[-1]
    everything = np.ones((pack.n_members, n_inputs), dtype=np.float32)
    before = [one.numpy() for one in model.variables]
    of_model = [one.numpy() for one in model.optimizer.variables]
    pack.train(X, y, weights, everything, 0 * everything)
    ours = [values[0] for values in pack.weights()[0]]
    began = [one.numpy() for one in model.trainable_variables]
    for of_batch in zip(X[:, 0], y[:, 0], weights[:, 0], strict=True):
        model.train_step(tuple(map(tf.convert_to_tensor, of_batch)))
    theirs = [one.numpy() for one in model.trainable_variables]
    for variable, value in zip(model.variables, before, strict=True):
        variable.assign(value)
    for variable, value in zip(model.optimizer.variables, of_model, strict=True):
        variable.assign(value)

    def length(some, others):
        return np.sqrt(
            sum(np.sum((a - b) ** 2) for a, b in zip(some, others, strict=True))
        )

    return length(ours, theirs) <= _TOLERANCE * length(theirs, began)
