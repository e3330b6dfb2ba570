"""Targets: classes, labels, quantities or times, checked before any training."""

from typing import NamedTuple

import narwhals as nw
import numpy as np
from scipy.sparse import issparse
from scipy.special import expit, logsumexp, softmax
from scipy.stats import norm
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from skviann._cells import is_missing
from skviann._losses import SQUARED_ERROR, Loss
from skviann._survival import martingale_residuals, partial_losses
from skviann._validation import without_objects

# A quantity is far from normal if it is less correlated with its normal scores.
_SKEWED = 0.95
# Of the weight of all rows; else the score of a row with hardly any is infinite.
_TINY_SHARE = 1e-9

# A target of times to an event, as `read_target` returns it.
TIMES = np.dtype([("event", bool), ("time", np.float64)])

_CLASSIFY = (
    "For classes use VIANNClassifier, in a selector VIANNSelector(VIANNClassifier())."
)


class NormalScores(NamedTuple):
    """Quantiles of a normal distribution in place of values: only their order counts.

    Rank-based, and the same for equal values (van der Waerden, 1952).
    """

    values: np.ndarray  # (n_different,), increasing
    scores: np.ndarray  # (n_different,), increasing, too

    @classmethod
    def of(cls, y, sample_weight=None):
        """Find the scores of a target of shape (n_samples,)."""
        values, position = np.unique(y, return_inverse=True)
        weights = np.bincount(position, sample_weight)
        upto = np.cumsum(weights)
        shares = (upto - weights / 2) / upto[-1]
        return cls(values, norm.ppf(np.clip(shares, _TINY_SHARE, 1 - _TINY_SHARE)))

    def transform(self, y):
        """Return scores of values; between those known, on a straight line."""
        return np.interp(y, self.values, self.scores)

    def inverse_transform(self, scores):
        """Return values of scores."""
        return np.interp(scores, self.scores, self.values)


class Target(NamedTuple):
    """What a target holds; nothing else has to know the task.

    One of several classes in each row, labels of which several may apply, quantities,
    or times to an event.
    """

    task: str  # "binary", "multiclass", "regression" or "survival"
    n_outputs: int  # of a network; several of "binary" are labels
    classes: np.ndarray | None = None
    scaler: StandardScaler | None = None
    # of quantities, behind which the scaler is; an output's are None where it stays
    scores: tuple = ()
    loss: Loss = SQUARED_ERROR  # of quantities
    event_share: float = 1.0  # of rows with times to an event

    @classmethod
    def of_classes(cls, y, classes=None):
        """Find the classes: all that there are, unless they are given."""
        check_classification_targets(y)
        if type_of_target(y) == "multilabel-indicator":
            n_labels = y.shape[1]
            return cls("binary", n_labels, np.arange(n_labels))
        classes = np.unique(column_or_1d(y, warn=True) if classes is None else classes)
        if len(classes) < 2:
            raise ValueError(
                "y must hold at least two classes in rows of positive weight, got "
                f"one class only: {classes[0]}."
            )
        if len(classes) == 2:
            return cls("binary", 1, classes)
        return cls("multiclass", len(classes), classes)

    @classmethod
    def of_quantities(cls, y, sample_weight=None, scores=(), loss=SQUARED_ERROR):
        """Find zero and unit, of normal scores where there are any."""
        outputs = _each(y.reshape(len(y), -1), scores, NormalScores.transform)
        scaler = loss.scaler(outputs, sample_weight)
        n_outputs = len(scaler.mean_)
        return cls("regression", n_outputs, scaler=scaler, scores=scores, loss=loss)

    @classmethod
    def of_times(cls, y, sample_weight=None):
        """Find the share of events among rows with an event (0 or 1) and a time."""
        share = float(np.average(y[:, 0], weights=sample_weight))
        if share == 0:
            raise ValueError(
                "y holds no event in rows of positive weight: all are censored. The "
                "field or column of events is True, or 1, where the event happened."
            )
        return cls("survival", 1, event_share=share)

    @property
    def is_multilabel(self):
        """Whether several labels may apply to a row."""
        return self.task == "binary" and self.n_outputs > 1

    @property
    def is_classes(self):
        """Whether a row is of one of several classes."""
        return self.classes is not None and not self.is_multilabel

    @property
    def is_stratified(self):
        """Whether folds can share what rows hold, classes or events."""
        return self.is_classes or self.task == "survival"

    def code(self, y):
        """Turn rows into class numbers or standardised quantities.

        Of shape (n_samples, n_outputs), or (n_samples, 1) for class numbers. Times are
        ranks, of which the likelihood knows no more. Beside them, (n_samples, 2), are
        events, as a number with a mean of 1, so that a loss is that of an event.
        """
        if self.task == "survival":
            ranks = np.unique(y[:, 1], return_inverse=True)[1]
            return np.column_stack([ranks, y[:, 0] / self.event_share])
        if self.task == "regression":
            outputs = y.reshape(len(y), -1)
            self._check_shape(outputs, y, "outputs")
            outputs = _each(outputs, self.scores, NormalScores.transform)
            return (outputs - self.scaler.mean_) / self.scaler.scale_
        if self.is_multilabel:
            self._check_shape(y, y, "labels")
            return y.astype(np.float64)
        y = column_or_1d(y)
        is_unknown = ~np.isin(y, self.classes)
        if is_unknown.any():
            raise ValueError(
                f"y holds {y[is_unknown].tolist()[0]!r}, which is none of the classes "
                f"known from the start: {self.classes.tolist()}."
            )
        return np.searchsorted(self.classes, y)[:, np.newaxis]

    def _check_shape(self, outputs, y, what):
        if outputs.ndim != 2 or outputs.shape[1] != self.n_outputs:
            raise ValueError(
                f"y must have the {self.n_outputs} {what} of the first rows, got "
                f"shape {y.shape}."
            )

    def constant(self, coded, weights):
        """Output, before its activation, of the best constant model of some rows.

        The log odds of two classes, the logarithms of the shares of several, the mean
        of a quantity or what else its loss asks for; 0 for times.
        """
        if self.task == "survival":
            return np.zeros(1)
        if self.task == "regression":
            return self.loss.constant(coded, weights)
        if self.task == "binary":
            positive = weights @ coded
            counts = np.maximum([weights.sum() - positive, positive], 0.5)
            return np.log(counts[1]) - np.log(counts[0])
        counts = np.bincount(coded[:, 0].astype(int), weights, self.n_outputs)
        return np.log(np.maximum(counts, 0.5) / len(coded))  # a class may be missing

    def row_losses(self, coded, outputs, weights):
        """Loss of each row, without its weight: (..., rows, outputs) to (..., rows).

        Of times, the loss is that among these rows, which count by their weights.
        """
        outputs = np.asarray(outputs, dtype=np.float64)
        if self.task == "survival":
            return partial_losses(*coded.T, outputs[..., 0], weights)
        if self.task == "regression":
            return self.loss.of_values(coded, outputs).mean(axis=-1)
        if self.task == "binary":
            return (np.logaddexp(0, outputs) - coded * outputs).mean(axis=-1)
        of_class = outputs[..., np.arange(len(coded)), coded[:, 0].astype(int)]
        return logsumexp(outputs, axis=-1) - of_class

    def responses(self, coded, weights):
        """Tell what columns may explain: classes, or how values pull at a constant.

        Of shape (n_samples,) for one of several classes, else (n_samples, n_outputs).
        """
        if self.task == "survival":
            return martingale_residuals(*coded.T, weights)[:, np.newaxis]
        if self.is_classes:
            return coded[:, 0].astype(int)
        return self.loss.response(coded, weights) if self.classes is None else coded

    def mean_prediction(self, outputs):
        """Average members' predictions, from their outputs before the activation.

        In float64: float32 has no number between 1 and 0.99999994.
        """
        outputs = outputs.astype(np.float64)
        if self.task == "binary":
            outputs = expit(outputs)
        elif self.task == "multiclass":
            outputs = softmax(outputs, axis=-1)
        elif self.loss.activation == "exponential":
            outputs = np.exp(outputs)
        return outputs.mean(axis=0)

    def outputs(self, predictions):
        """Undo the activation of a network's output, and the scale of quantities.

        Both (n_samples, n_outputs), with a probability for each class or label.
        """
        if self.task == "regression":
            return (predictions - self.scaler.mean_) / self.scaler.scale_
        tiny = np.finfo(np.float32).eps
        outputs = np.log(np.maximum(predictions, tiny))
        if self.task == "multiclass":
            return outputs
        others = 1 - predictions
        if not self.is_multilabel:
            others, outputs = predictions[:, :1], outputs[:, 1:]
        return outputs - np.log(np.maximum(others, tiny))

    def probabilities(self, predictions):
        """Make of a network's predictions one probability a class."""
        if self.is_multilabel:
            return predictions
        if self.task == "binary":
            predictions = np.hstack([1 - predictions, predictions])
        return predictions / predictions.sum(axis=1, keepdims=True)

    def decode(self, predictions):
        """Turn a network's predictions into what y holds."""
        if self.task == "regression":
            outputs = predictions * self.scaler.scale_ + self.scaler.mean_
            outputs = _each(outputs, self.scores, NormalScores.inverse_transform)
            return outputs if self.n_outputs > 1 else outputs[:, 0]
        if self.task == "survival":
            return predictions[:, 0]
        probabilities = self.probabilities(predictions)
        if self.is_multilabel:
            return (probabilities > 0.5).astype(int)
        return self.classes[probabilities.argmax(axis=1)]


def _each(outputs, scores, method):
    """Transform each output by its scores, (n_samples, n_outputs), where it has any."""
    if not scores:
        return outputs
    columns = [
        column if one is None else method(one, column)
        for column, one in zip(outputs.T, scores, strict=True)
    ]
    return np.column_stack(columns)


def scores_of_skewed(y, sample_weight=None):
    """Find normal scores of the outputs that are far from a normal distribution.

    Returned is a `NormalScores` or None for each output, see `Target.scores`; () if all
    are about normal.
    """
    scores = []
    for output in y.reshape(len(y), -1).T:
        of_output = NormalScores.of(output, sample_weight)
        pair = np.vstack([output, of_output.transform(output)])
        (own, both), (_, other) = np.cov(pair, aweights=sample_weight)
        scores.append(of_output if both**2 < _SKEWED**2 * own * other else None)
    return tuple(scores) if any(one is not None for one in scores) else ()


def read_target(y, estimator):
    """Return a target as an array of numbers, booleans or text without gaps.

    Its shape is (n_samples,) or (n_samples, n_outputs). A structured array, or a data
    frame of two columns, with something boolean and numbers has times to an event: it
    is returned as an array of `TIMES`. The estimator is for messages.
    """
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but "
            "the target y is None."
        )
    if issparse(y):
        y = y.toarray()
    elif nw.dependencies.is_into_series(y):
        y = _from_series(nw.from_native(y, series_only=True))
    elif nw.dependencies.is_into_dataframe(y):
        columns = nw.from_native(y, eager_only=True).iter_columns()
        columns = [_from_series(column) for column in columns]
        times = _as_times(columns)
        y = np.column_stack(columns) if times is None else times
    elif not isinstance(y, np.ndarray):
        array = np.asarray(y)
        # NumPy would turn what is missing in a list of text into text.
        y = np.asarray(y, dtype=object) if array.dtype.kind in "UT" else array
    elif y.dtype.names is not None:
        fields = {name: str(y.dtype[name]) for name in y.dtype.names}
        y = _as_times([y[name] for name in fields], is_told=True)
        if y is None:
            raise ValueError(
                "y is a structured array, which must have a boolean field, whether the "
                f"event happened, and one of numbers, when; got {fields}."
            )
    if y.dtype.kind in "OUT":
        gaps = np.array([is_missing(one) for one in y.ravel()], dtype=bool)
        if not gaps.any():
            y = _of_one_kind(y)
    if y.dtype.kind in "Mm":
        raise ValueError(
            "y holds dates or durations. Turn it into a number, such as "
            "(y - y.min()).dt.days, and say with VIANNRegressor or VIANNClassifier "
            "what it is."
        )
    if y.dtype.kind == "f":
        gaps = np.isnan(y)
    elif y.dtype == TIMES:
        gaps = np.isnan(y["time"])
    elif y.dtype.kind not in "OUT":
        gaps = np.zeros(1, dtype=bool)
    if gaps.any():
        n_missing = int(gaps.sum())
        raise ValueError(
            f"Input y contains NaN: {n_missing} of {len(y)} targets are missing. Leave "
            "these rows out, for example with table.dropna(subset=[target])."
        )
    if y.dtype == TIMES:
        return y
    return check_array(
        y, ensure_2d=False, dtype=None, input_name="y", estimator=estimator
    )


def _as_times(columns, is_told=False):
    """Put columns of events and of times into an array of `TIMES`; None for others.

    One is boolean. The other one has numbers, and not only zeros and ones, which would
    be another label unless it is told that these are times. Where an event is missing,
    the time becomes so.
    """
    kinds = "".join(map(_kind, columns))
    if sorted(kinds) not in (["b", "f"], ["b", "i"], ["b", "u"]):
        return None
    event, time = columns[kinds.index("b")], columns[1 - kinds.index("b")]
    if not is_told and np.isin(time, (0, 1)).all():
        return None
    is_gap = np.array([is_missing(one) for one in event], dtype=bool)
    times = np.empty(len(time), dtype=TIMES)
    times["event"] = np.where(is_gap, False, event)
    times["time"] = np.where(is_gap, np.nan, time)
    return times


def _kind(column):
    """Kind of a column's numbers; "b" if objects are booleans, with or without gaps."""
    if column.dtype.kind != "O":
        return column.dtype.kind
    known = [one for one in column if not is_missing(one)]
    are_booleans = all(isinstance(one, (bool, np.bool_)) for one in known)
    return "b" if known and are_booleans else "O"


def split_times(y, estimator):
    """Return events, 0 or 1, and times as floats, (n_samples, 2); check both."""
    if y.dtype == TIMES:
        y = np.column_stack([y["event"], y["time"]]).astype(np.float64)
    if y.ndim != 2 or y.shape[1] != 2 or y.dtype.kind not in "biuf":
        raise ValueError(
            f"{type(estimator).__name__} takes events and times. y must be a "
            "structured array with a boolean and a numeric field, or a data frame of "
            f"two columns; got an array of shape {y.shape} and dtype {y.dtype}."
        )
    y = y.astype(np.float64)
    is_other = ~np.isin(y[:, 0], (0, 1))
    if is_other.any():
        raise ValueError(
            "The first column of y must tell whether the event happened, by booleans "
            f"or 0 and 1; got {y[is_other, 0][0]}. The second one is the time."
        )
    is_wrong = ~((y[:, 1] >= 0) & np.isfinite(y[:, 1]))
    if is_wrong.any():
        raise ValueError(
            "Times to an event must be finite and 0 or more; y holds "
            f"{y[is_wrong, 1][0]}."
        )
    return y


def refuse_times(y, estimator):
    """Raise a ValueError if a target has times to an event."""
    if y.dtype == TIMES:
        raise ValueError(
            "y holds whether an event happened, and times, but "
            f"{type(estimator).__name__} predicts no such thing. There is "
            "VIANNSurvival, in a selector VIANNSelector(VIANNSurvival()). For two "
            "quantities, turn both columns into floats."
        )


def _from_series(series):
    """Return a series as an array; gaps of integers become NaN, text stays text."""
    if series.dtype.is_numeric() and series.is_null().any():
        return series.cast(nw.Float64).to_numpy()
    values = series.to_numpy()
    if values.dtype.kind in "OTU" or series.dtype in (nw.Categorical, nw.Enum):
        values = np.empty(len(series), dtype=object)
        values[:] = series.to_list()
    return values


def _of_one_kind(y):
    """Turn Python objects into numbers, booleans or text."""
    y = y.astype(object)
    kinds = {type(one) for one in y.ravel().tolist()}
    if any(issubclass(kind, str) for kind in kinds) and len(kinds) > 1:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(
            f"y mixes text with other things ({names}). Make its labels one kind, for "
            "example with y.astype(str)."
        )
    return without_objects(y)


def check_quantity(y, estimator):
    """Return a target as floats; a ValueError if it is text, or times to an event."""
    refuse_times(y, estimator)
    if y.dtype.kind in "USTO":
        raise ValueError(
            f"y holds text such as {str(y.flat[0])!r}, but {type(estimator).__name__} "
            f"predicts numbers. {_CLASSIFY}"
        )
    return y if y.dtype.kind == "f" else y.astype(np.float64)
