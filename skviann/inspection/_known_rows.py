"""Predictions for rows that differ from known ones in a few columns."""

import copy

import numpy as np

from skviann._lazy import keras, layers
from skviann.neural_network._base import BaseNetwork

_MOST_BYTES = 2**29


def with_known_rows(network, X):
    """Return a copy of a packed network that predicts faster for rows close to X.

    What the first layer makes of X is kept. For rows that differ from X in some
    columns, only what these columns add to it is computed anew: less work, by about the
    number of columns. The copy predicts for arrays of the shape of X (n_samples,
    n_features), and for nothing else. Any other estimator comes back as it is.
    """
    if not isinstance(network, BaseNetwork):
        return network
    if not network._learned.inputs.are_numbers:
        return network
    _, _, first, *_ = network.model_.layers
    n_members, _, n_units = first.kernel.shape
    if (
        type(first) is not layers.PackedDense
        or 4 * len(X) * n_members * n_units > _MOST_BYTES
    ):
        return network
    faster = copy.copy(network)
    faster._predict = _Predictor(network, X)
    return faster


class _Predictor:
    """Computes a network's outputs from what is known of the first layer's sums."""

    def __init__(self, network, X):
        _, _, first, *rest, _ = network.model_.layers
        self.X = X.copy()
        self.inputs = network._learned.inputs
        self.target = network._learned.target
        self.kernel, bias = network._trained.weights[:2]
        self.hidden, self.last = None, None
        if rest:
            self.hidden = _model_of(first.activation, rest[:-1], bias.shape)
            self.last = rest[-1].get_weights()
        self.known = bias + sum(  # (members, rows, units)
            self._contribution(X, columns)
            for columns in np.split(np.arange(X.shape[1]), range(256, X.shape[1], 256))
        )

    def __call__(self, X):
        X = np.asarray(X, dtype=self.X.dtype)  # of a data frame
        changed = np.flatnonzero((X != self.X).any(axis=0))
        outputs = self.known
        if len(changed):
            outputs = outputs + self._contribution(X, changed)
            outputs -= self._contribution(self.X, changed)
        if self.hidden is not None:
            kernel, bias = self.last
            outputs = self.hidden.predict_on_batch(outputs) @ kernel + bias
        return self.target.mean_prediction(outputs)

    def _contribution(self, X, columns):
        """Return what some columns add to the first layer's sums."""
        inputs, position = self.inputs.of_features(columns)
        encoded = inputs.on_columns(columns).encode(X[:, columns])
        return encoded @ self.kernel[:, position]


def _model_of(activation, hidden, shape):
    """Build the model of the hidden layers behind the first one's sums."""
    n_members, _, n_units = shape
    inputs = keras.Input((None, n_units), batch_size=n_members)
    outputs = activation(inputs)
    for layer in hidden:
        outputs = layer(outputs)
    return keras.Model(inputs, outputs)
