"""The TensorFlow graph that trains packed networks, whatever their size.

Tracing a graph takes a second, so one serves every number of rows, inputs, units and
members; only the number of layers, the activation, the task, its loss and a layer that
learns a selection are built in. Axes are (members, inputs, units), and (folds, rows,
inputs) for what the members of a fold share; each fold has as many.
"""

from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

from skviann.neural_network._architecture import make_selection
from skviann.neural_network._cache import Cache

_BETAS = 0.9, 0.999
_EPSILON = 1e-7
_TINY = np.finfo(np.float32).tiny
# The penalty on squared weights, of networks without a layer that learns a selection.
_DECAY = 1e-3

_AXES_2, _AXES_3, _AXES_4 = ([None] * n_axes for n_axes in (2, 3, 4))
_SCALAR = tf.TensorSpec([])
_FEATURE_OF_INPUT = tf.TensorSpec(_AXES_2, tf.int32)

# Graphs that wait for the next training of the same kind.
_graphs = Cache()


@contextmanager
def borrowed(architecture):
    """Lend a graph for an architecture to nobody else meanwhile."""
    key = PackedGraph.key(architecture)
    graph = _graphs.take(key) or PackedGraph(architecture)
    yield graph
    _graphs.put(key, graph)  # not after an exception


class PackedGraph:
    """Trains weights by Adam, and computes outputs from weights.

    References
    ----------
    D. P. Kingma, J. Ba (2015), "Adam: A Method for Stochastic Optimization", ICLR,
    arXiv 1412.6980, the form before its section 2.1.
    """

    def __init__(self, architecture):
        if keras.backend.backend() != "tensorflow":
            raise RuntimeError(
                "The ready-made networks train with TensorFlow, but Keras runs on "
                f"{keras.backend.backend()!r}. Set the environment variable "
                "KERAS_BACKEND=tensorflow before Keras is imported."
            )
        self._task, self._loss = architecture.task, architecture.loss
        self._activation = keras.activations.get(architecture.activation)
        self._gates, self._sparse = make_selection(architecture)
        n_layers = len(architecture.hidden_layer_sizes) + 1
        n_weights = 2 * n_layers + (self._gates is not None)
        self._weights, self._means, self._squares = (
            [_make_variable() for _ in range(n_weights)] for _ in range(3)
        )
        self._step = tf.Variable(0, dtype=tf.int32, trainable=False)
        # Welford's running mean and sum of squares of the first kernel.
        self._kernel_mean, self._kernel_squares = _make_variable(), _make_variable()
        self._n_updates = tf.Variable(0.0, trainable=False)
        specs = [tf.TensorSpec(_AXES_3)] * n_weights
        self.outputs = tf.function(
            self._outputs,
            input_signature=[
                specs,
                tf.TensorSpec(_AXES_3),
                _FEATURE_OF_INPUT,
                tf.TensorSpec(_AXES_3),
            ],
            autograph=False,
        )

    @staticmethod
    def key(architecture):
        """Tell graphs apart: what is the same for graphs that are."""
        n_layers = len(architecture.hidden_layer_sizes)
        return architecture._replace(n_outputs=None, hidden_layer_sizes=n_layers)

    def start(self, weights):
        """Begin a training from a list of initial weights."""
        self.resume(beginning(weights, self._first_kernel))

    def _variables(self):
        """Return all that a training changes."""
        return [
            *self._weights,
            *self._means,
            *self._squares,
            self._step,
            self._kernel_mean,
            self._kernel_squares,
            self._n_updates,
        ]

    def state(self):
        """Read all that is needed to go on later: list of ndarray."""
        return [variable.numpy() for variable in self._variables()]

    def resume(self, state):
        """Go on where a training was when its state was read."""
        for variable, values in zip(self._variables(), state, strict=True):
            variable.assign(values)

    def clear(self):
        """Give the weights' memory back."""
        self.start([np.zeros((0, 0, 0), np.float32)] * len(self._weights))

    def restore(self, weights):
        """Go back to former weights."""
        for variable, values in zip(self._weights, weights, strict=True):
            variable.assign(values)

    @staticmethod
    def as_tensors(weights):
        """Bring weights to where the graph computes, once for many calls."""
        return [tf.convert_to_tensor(values) for values in weights]

    def weights(self):
        """Read the weights: list of ndarray."""
        return [variable.numpy() for variable in self._weights]

    @property
    def _first_kernel(self):
        return 0 if self._gates is None else 1

    @tf.function(
        input_signature=[
            tf.TensorSpec(_AXES_4),
            tf.TensorSpec(_AXES_4),
            tf.TensorSpec(_AXES_3),
            _FEATURE_OF_INPUT,
            tf.TensorSpec(_AXES_3),
            _SCALAR,
            tf.TensorSpec([], tf.int32),
        ],
        autograph=False,
    )
    def train(
        self, X, targets, row_weights, feature_of_input, mask, learning_rate, seed
    ):
        """Take a step of Adam for each batch.

        X, (n_steps, n_folds, n_rows, n_inputs), comes with targets as `Target.code`
        makes them, (n_steps, n_folds, n_rows, n_outputs), and with what each row's loss
        counts in the sum that a step lowers, (n_steps, n_folds, n_rows). An input
        belongs to a feature of its fold, (n_folds, n_inputs); the mask, (n_members,
        n_inputs, 1), is 1 where a member sees it, empty if all see all. Returned is the
        sum of the steps' losses, (n_members,), without penalties.
        """
        n_members = tf.shape(self._weights[-1].read_value())[0]

        def take_step(i, total):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                weights = [variable.read_value() for variable in self._weights]
                tape.watch(weights)
                draw_seed = None
                if self._gates is not None and self._gates.is_random:
                    draw_seed = [seed, self._step]
                outputs = self._outputs(
                    weights, X[i], feature_of_input, mask, draw_seed
                )
                losses = self._row_losses(targets[i], outputs, row_weights[i])
                losses *= _for_members(row_weights[i], n_members)
                losses = tf.reduce_sum(losses, axis=-1)
                objective = tf.reduce_sum(losses) + self._penalty(
                    weights, feature_of_input
                )
            gradients = tape.gradient(objective, weights)
            step = tf.cast(self._step.assign_add(1), tf.float32)
            powers = [tf.pow(beta, step) for beta in _BETAS]
            for variable, mean, square, gradient in zip(
                self._weights, self._means, self._squares, gradients, strict=True
            ):
                # One pass over the weights; as a dozen operations it takes twice as
                # long, and more memory.
                tf.raw_ops.ResourceApplyAdam(
                    var=variable.handle,
                    m=mean.handle,
                    v=square.handle,
                    beta1_power=powers[0],
                    beta2_power=powers[1],
                    lr=learning_rate,
                    beta1=_BETAS[0],
                    beta2=_BETAS[1],
                    epsilon=_EPSILON,
                    grad=gradient,
                )
            return i + 1, total + losses

        _, total = tf.while_loop(
            lambda i, total: i < tf.shape(X)[0],
            take_step,
            (0, tf.zeros([n_members])),
            parallel_iterations=1,
        )
        return total

    @tf.function(input_signature=[], autograph=False)
    def update_variance(self):
        """Update the running variance of the first kernel (Welford)."""
        kernel = self._weights[self._first_kernel].read_value()
        deviation = kernel - self._kernel_mean
        mean = self._kernel_mean + deviation / self._n_updates.assign_add(1.0)
        self._kernel_squares.assign_add(deviation * (kernel - mean))
        self._kernel_mean.assign(mean)

    @tf.function(input_signature=[], autograph=False)
    def scores(self):
        """VIANN scores of the inputs, (n_members, n_inputs): variance times weight.

        0 before there are two updates.
        """
        variance = self._kernel_squares / tf.maximum(self._n_updates - 1, 1.0)
        kernel = self._weights[self._first_kernel]
        return tf.reduce_sum(variance * tf.abs(kernel), axis=-1)

    def _outputs(self, weights, X, feature_of_input, mask, draw_seed=None):
        """Compute outputs before their activation: (members, rows, outputs)."""
        *gates, kernel, bias = weights[: self._first_kernel + 2]
        others = weights[self._first_kernel + 2 :]
        shape = tf.shape(kernel)  # members, inputs, units
        kernel = tf.cond(
            tf.size(mask) > 0, lambda: kernel * mask, lambda: tf.identity(kernel)
        )
        n_folds, n_rows = tf.shape(X)[0], tf.shape(X)[1]
        inputs = X[:, tf.newaxis]  # (folds, 1, rows, inputs)
        if gates:
            uniform = None
            if draw_seed is not None:
                uniform = tf.random.stateless_uniform(
                    [shape[0], n_rows, tf.shape(gates[0])[2]], draw_seed
                )
            factors = _by_fold(self._gates.factors(gates[0], uniform), n_folds)
            inputs *= tf.gather(factors, feature_of_input, axis=-1, batch_dims=1)
        hidden = tf.matmul(inputs, _by_fold(kernel, n_folds))
        hidden = tf.reshape(hidden, [shape[0], n_rows, shape[2]]) + bias
        for kernel, bias in zip(others[::2], others[1::2], strict=True):
            hidden = tf.matmul(self._activation(hidden), kernel) + bias
        return hidden

    def _row_losses(self, targets, outputs, row_weights):
        """Compute the loss of each row, without its weight: (members, rows)."""
        if self._task == "survival":
            return _partial_losses(targets, outputs[..., 0], row_weights)
        targets = _for_members(targets, tf.shape(outputs)[0])
        if self._task == "binary":
            losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, outputs)
            return tf.reduce_mean(losses, axis=-1)
        if self._task == "multiclass":
            return tf.nn.sparse_softmax_cross_entropy_with_logits(
                tf.cast(targets[..., 0], tf.int32), outputs
            )
        losses = self._loss.of_values(targets, outputs, tf.math)
        return tf.reduce_mean(losses, axis=-1)

    def _penalty(self, weights, feature_of_input):
        if self._gates is not None:
            return self._gates.penalty(weights[0])
        if self._sparse is not None:
            return self._sparse.penalty(weights[0], feature_of_input[0])
        return _DECAY * tf.add_n([tf.reduce_sum(kernel**2) for kernel in weights[::2]])


def beginning(weights, first_kernel=0):
    """State of a training that begins from these weights, see `PackedGraph.state`."""
    zeros = [np.zeros_like(values) for values in weights]
    kernel = zeros[first_kernel]
    return [*weights, *zeros, *zeros, np.int32(0), kernel, kernel, np.float32(0)]


def _make_variable():
    """Make a variable that takes arrays of three axes, of any length."""
    return tf.Variable(
        np.zeros((0, 0, 0), np.float32), shape=tf.TensorShape(_AXES_3), trainable=False
    )


def _partial_losses(targets, outputs, row_weights):
    """Compute minus the log of Cox's partial likelihood, event by event.

    Targets are ranks of times and events, (folds, rows, 2). At risk are the rows of the
    batch, by their weights, with the same time or a later one; see
    `skviann._survival.partial_losses`, which has the same mean.
    """
    times, n_members = targets[..., 0], tf.shape(outputs)[0]
    n_rows = tf.math.count_nonzero(row_weights, axis=1, keepdims=True, dtype=tf.float32)
    # As the sum of a batch of that many, whose loss is as positive as of the rows held
    # out; rows that fill a batch up have no weight.
    weights = _for_members(row_weights * n_rows, n_members)
    highest = tf.stop_gradient(tf.reduce_max(outputs, axis=1, keepdims=True))
    hazards = weights * tf.exp(outputs - highest)
    # By fold, (members in it, rows at risk) times (rows at risk, rows).
    is_at_risk = tf.cast(times[:, :, tf.newaxis] >= times[:, tf.newaxis], tf.float32)
    shape = [tf.shape(times)[0], -1, tf.shape(times)[1]]
    at_risk = tf.matmul(tf.reshape(hazards, shape), is_at_risk)
    at_risk = tf.reshape(at_risk, tf.shape(hazards))
    logs = tf.math.log(tf.maximum(at_risk, _TINY)) + highest
    return _for_members(targets[..., 1], n_members) * (logs - outputs)


def _by_fold(values, n_folds):
    """(members, a, b) to (folds, members in it, a, b)."""
    shape = tf.shape(values)
    return tf.reshape(values, [n_folds, -1, shape[1], shape[2]])


def _for_members(values, n_members):
    """Repeat what a fold shares for each of its members."""
    return tf.repeat(values, n_members // tf.shape(values)[0], axis=0)
