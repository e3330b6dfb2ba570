"""Importances from the derivatives of a network's output."""

from numbers import Integral

import numpy as np

from skviann._lazy import keras
from skviann._lazy import tensorflow as tf  # Keras has no derivatives of its own
from skviann._sklearn_compat import Interval, StrOptions, validate_params
from skviann._validation import draw_seeds
from skviann.inspection._network import check_values, make_bunch, open_model

_ROWS_AT_A_TIME = 512


@validate_params(
    {
        "method": [
            StrOptions({"saliency", "gradient_x_input", "integrated_gradients"})
        ],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "max_samples": [Interval(Integral, 1, None, closed="left"), None],
    },
    prefer_skip_nested_validation=True,
)
def gradient_importance(
    estimator,
    X,
    y=None,
    *,
    method="saliency",
    n_steps=32,
    max_samples=1000,
    random_state=None,
):
    """How steeply a network's output changes with a feature.

    With ``f`` for an output, ``x`` for a row, ``m`` for the mean row and ``s[j]`` for a
    feature's standard deviation, the importance of feature ``j`` is the mean over rows
    and outputs of

    - "saliency": ``|df/dx[j]| * s[j]``;
    - "gradient_x_input": ``|df/dx[j] * (x[j] - m[j])|``;
    - "integrated_gradients": ``|x[j] - m[j]|`` times the absolute mean of ``df/dx[j]``
      on the straight way from ``m`` to ``x``. For each row and output the signed terms
      add up to ``f(x) - f(m)``.

    All are in the output's unit, whatever the features' units.

    Blind to: saturation, the first two: where a probability is close to 0 or 1 its
    derivatives vanish, however much a feature mattered on the way. Columns that hardly
    vary; what steps in an activation do to derivatives.

    Parameters
    ----------
    estimator : estimator or keras.Model
        A fitted VIANN estimator or selector, a wrapper of scikeras or of
        ``keras.wrappers``, or a Keras model with the TensorFlow backend.
    X : array-like of shape (n_samples, ..., n_features)
        Finite numbers.
    y : ignored
        Here so that all importances are called alike.
    method : {"saliency", "gradient_x_input", "integrated_gradients"}, \
default="saliency"
        Which of the three.
    n_steps : int, default=32
        Points on the way, for "integrated_gradients".
    max_samples : int or None, default=1000
        The most rows to look at; drawn at random, if X has more. None looks at all.
    random_state : int, RandomState instance or None, default=None
        Draws them.

    Returns
    -------
    result : Bunch
        importances : ndarray of shape (..., n_features, n_rows)
            For each row that was looked at.
        importances_mean, importances_std : ndarray of shape (..., n_features)
            Mean and standard deviation over rows.

    Raises
    ------
    TypeError
        If there is no Keras model in the estimator.
    ValueError
        If a parameter cannot be used, or X does not hold finite numbers.

    References
    ----------
    K. Simonyan, A. Vedaldi, A. Zisserman (2014), "Deep Inside Convolutional Networks",
    arXiv 1312.6034 (saliency).

    A. Shrikumar, P. Greenside, A. Kundaje (2017), "Learning Important Features Through
    Propagating Activation Differences", arXiv 1704.02685 (gradient times input).

    M. Sundararajan, A. Taly, Q. Yan (2017), "Axiomatic Attribution for Deep Networks",
    arXiv 1703.01365, equation 3 (integrated gradients).

    Examples
    --------
    >>> import keras, numpy as np
    >>> from skviann.inspection import gradient_importance
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.set_weights([np.array([[3.0], [-1.0]]), np.zeros(1)])
    >>> X = np.array([[1.0, 0.0], [-1.0, 20.0]])
    >>> gradient_importance(model, X).importances_mean
    array([ 3., 10.])
    """
    model, prepare = open_model(estimator)
    inputs = prepare(check_values(X)).astype(np.float64)
    mean, deviation = inputs.mean(axis=0), inputs.std(axis=0)
    rows = draw_rows(inputs, max_samples, random_state)
    if method == "saliency":
        slopes = _slopes(model, rows)
        values = np.abs(slopes) * deviation
    elif method == "gradient_x_input":
        values = np.abs(_slopes(model, rows) * (rows - mean))
    else:
        # The midpoints of as many equal parts of the way.
        way = (np.arange(n_steps) + 0.5) / n_steps
        slopes = sum(_slopes(model, mean + part * (rows - mean)) for part in way)
        values = np.abs(slopes / n_steps * (rows - mean))
    return make_bunch(np.moveaxis(values.mean(axis=0), 0, -1))


def draw_rows(X, max_samples, random_state):
    """Return at most so many rows, drawn at random; None returns all."""
    if max_samples is None or len(X) <= max_samples:
        return X
    rng = np.random.default_rng(draw_seeds(random_state, 1))
    return X[rng.choice(len(X), max_samples, replace=False)]


def _slopes(model, rows):
    """Return derivatives: (n_outputs, n_rows, ..., n_features)."""
    parts = []
    for first in range(0, len(rows), _ROWS_AT_A_TIME):
        inputs = tf.constant(
            rows[first : first + _ROWS_AT_A_TIME], keras.config.floatx()
        )
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(inputs)
            outputs = model(inputs, training=False)
            columns = tf.unstack(tf.reshape(outputs, (len(inputs), -1)), axis=1)
        parts.append(np.stack([tape.gradient(one, inputs) for one in columns]))
    return np.concatenate(parts, axis=1).astype(np.float64)
