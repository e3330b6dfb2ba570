"""What a wrong prediction of a quantity costs, which decides what is predicted.

Written once, for arrays and for tensors: `math` is NumPy, or TensorFlow's `tf.math`.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm
from sklearn.metrics import (
    d2_absolute_error_score,
    d2_pinball_score,
    d2_tweedie_score,
    r2_score,
)
from sklearn.preprocessing import StandardScaler

_TINY = np.finfo(np.float32).tiny


class Loss:
    """What the losses have in common: those of the mean."""

    activation = "linear"  # of outputs, which makes predictions of them

    def check(self, y):
        """Raise a ValueError if finite numbers are none to learn from."""

    def scaler(self, y, sample_weight=None):
        """Tell the zero and the unit of the outputs: a fitted `StandardScaler`."""
        return StandardScaler().fit(y, sample_weight=sample_weight)

    def constant(self, y, weights):
        """Output of the best constant model, before the activation: (n_outputs,)."""
        return np.average(y, axis=0, weights=weights)

    def of_values(self, y, outputs, math=np):
        """Loss of each value, from outputs before the activation."""
        raise NotImplementedError

    def response(self, y, weights):
        """Tell how each value pulls at the constant: what columns may explain."""
        return y

    def score(self, y, predictions, sample_weight=None):
        """Share of a constant model's loss that predictions do without."""
        raise NotImplementedError


@dataclass(frozen=True)
class SquaredError(Loss):
    """The mean is predicted."""

    def of_values(self, y, outputs, math=np):
        return (y - outputs) ** 2

    def score(self, y, predictions, sample_weight=None):
        return r2_score(y, predictions, sample_weight=sample_weight)


@dataclass(frozen=True)
class HalfPoissonDeviance(Loss):
    """The mean of counts is predicted, by its logarithm."""

    activation = "exponential"

    def check(self, y):
        if y.min() < 0:
            raise ValueError(
                "loss='poisson' takes counts and other quantities of 0 or more, but y "
                f"holds {y.min()}."
            )

    def scaler(self, y, sample_weight=None):
        mean = np.average(y, axis=0, weights=sample_weight)
        if not (mean > 0).all():
            raise ValueError(
                "loss='poisson' needs a positive sum of y, but y is 0 in all rows of "
                "positive weight."
            )
        return _make_scaler(np.zeros_like(mean), mean)

    def constant(self, y, weights):
        # Of few rows, all may be 0: they count like half a row of the mean.
        mean = np.average(y, axis=0, weights=weights)
        return np.log(np.maximum(mean, 0.5 / len(y)))

    def of_values(self, y, outputs, math=np):
        perfect = y * math.log(math.maximum(y, _TINY)) - y
        return math.exp(outputs) - y * outputs + perfect

    def score(self, y, predictions, sample_weight=None):
        # scikit-learn's takes one output.
        pairs = zip(_columns(y), _columns(predictions), strict=True)
        scores = [
            d2_tweedie_score(*pair, sample_weight=sample_weight, power=1)
            for pair in pairs
        ]
        return float(np.mean(scores))


class _LossOfQuantile(Loss):
    """What the losses have in common by which a quantile is predicted."""

    level: float  # the share of the rows that is below

    def scaler(self, y, sample_weight=None):
        # The unit is that of most rows: a heavy tail has hardly a standard deviation.
        distances = np.abs(y - weighted_quantile(y, sample_weight, 0.5))
        spread = weighted_quantile(distances, sample_weight, 0.5) / norm.ppf(0.75)
        mean = np.average(distances, axis=0, weights=sample_weight)
        scale = np.where(spread > 0, spread, mean)
        center = weighted_quantile(y, sample_weight, self.level)
        return _make_scaler(center, np.where(scale > 0, scale, 1.0))

    def constant(self, y, weights):
        return weighted_quantile(y, weights, self.level)

    def response(self, y, weights):
        return (y > self.constant(y, weights)).astype(np.float64)


@dataclass(frozen=True)
class AbsoluteError(_LossOfQuantile):
    """The median is predicted."""

    level = 0.5

    def of_values(self, y, outputs, math=np):
        return math.abs(y - outputs)

    def score(self, y, predictions, sample_weight=None):
        return d2_absolute_error_score(y, predictions, sample_weight=sample_weight)


@dataclass(frozen=True)
class PinballLoss(_LossOfQuantile):
    """A quantile is predicted."""

    level: float

    def of_values(self, y, outputs, math=np):
        distance = y - outputs
        return math.maximum(self.level * distance, (self.level - 1) * distance)

    def score(self, y, predictions, sample_weight=None):
        return d2_pinball_score(
            y, predictions, sample_weight=sample_weight, alpha=self.level
        )


SQUARED_ERROR = SquaredError()
LOSSES = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "poisson": HalfPoissonDeviance,
    "quantile": PinballLoss,
}


def make_loss(name, quantile=None):
    """Return the loss of a name; a ValueError if it does not go with the quantile."""
    if (name == "quantile") != (quantile is not None):
        raise ValueError(
            f"loss={name!r} and quantile={quantile!r} do not go together: "
            "loss='quantile' needs a quantile between 0 and 1, such as quantile=0.9, "
            "and other losses have none."
        )
    return LOSSES[name]() if quantile is None else LOSSES[name](float(quantile))


def weighted_quantile(values, weights, level):
    """Find a quantile of each column of values, (n_rows, n_columns): (n_columns,).

    Below it is a share `level` of the weight; the middle, if that leaves a choice.
    """
    if weights is None:
        weights = np.ones(len(values))
    order = np.argsort(values, axis=0, kind="stable")
    in_order = np.take_along_axis(values, order, axis=0)
    reached = np.cumsum(weights[order], axis=0, dtype=np.float64)
    reached /= reached[-1]
    # Sums of weights are subject to rounding.
    both = [(reached < level + slack).sum(axis=0) for slack in (-1e-9, 1e-9)]
    both = np.minimum(both, len(values) - 1)
    return np.take_along_axis(in_order, both, axis=0).mean(axis=0)


def _make_scaler(center, scale):
    scaler = StandardScaler()
    scaler.mean_, scaler.scale_, scaler.var_ = center, scale, scale**2
    scaler.n_features_in_ = len(center)
    return scaler


def _columns(y):
    y = np.asarray(y)
    return y.reshape(len(y), -1).T
