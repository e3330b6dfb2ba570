"""What the trainings of one fit have in common, without Keras."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from scipy.special import expit, logsumexp, softmax
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from skviann._groups import Groups
from skviann._inputs import Inputs, join_inputs
from skviann._validation import take_cells, take_rows
from skviann.neural_network._architecture import Architecture

# Inputs of all rows are held up to so many values, else computed batch by batch; those
# of a fold's features are put together beforehand up to fewer.
_MAX_VALUES_IN_MEMORY = 2**27
_MAX_VALUES_OF_FOLD = 2**24
_VALUES_AT_A_TIME = 2**23


class Target(NamedTuple):
    """What a target holds; nothing else has to know the task.

    One of several classes in each row, labels of which several may apply, or
    quantities.
    """

    task: str  # "binary", "multiclass" or "regression"
    n_outputs: int  # of a network; several of "binary" are labels
    classes: np.ndarray | None = None
    scaler: StandardScaler | None = None

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
    def of_quantities(cls, y, sample_weight=None):
        """Find mean and scale."""
        scaler = StandardScaler().fit(
            y.reshape(len(y), -1), sample_weight=sample_weight
        )
        return cls("regression", len(scaler.mean_), scaler=scaler)

    @property
    def is_multilabel(self):
        """Whether several labels may apply to a row."""
        return self.task == "binary" and self.n_outputs > 1

    @property
    def is_classes(self):
        """Whether a row is of one of several classes, so that folds can share them."""
        return self.classes is not None and not self.is_multilabel

    def code(self, y):
        """Turn rows into class numbers or standardised quantities.

        Of shape (n_samples, n_outputs), or (n_samples, 1) for class numbers.
        """
        if self.task == "regression":
            outputs = y.reshape(len(y), -1)
            self._check_shape(outputs, y, "outputs")
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
        of a quantity.
        """
        if self.task == "regression":
            return np.average(coded, axis=0, weights=weights)
        if self.task == "binary":
            positive = weights @ coded
            counts = np.maximum([weights.sum() - positive, positive], 0.5)
            return np.log(counts[1]) - np.log(counts[0])
        counts = np.bincount(coded[:, 0].astype(int), weights, self.n_outputs)
        return np.log(np.maximum(counts, 0.5) / len(coded))  # a class may be missing

    def row_losses(self, coded, outputs):
        """Loss of each row: outputs (..., rows, outputs) to (..., rows)."""
        outputs = np.asarray(outputs, dtype=np.float64)
        if self.task == "regression":
            return ((coded - outputs) ** 2).mean(axis=-1)
        if self.task == "binary":
            return (np.logaddexp(0, outputs) - coded * outputs).mean(axis=-1)
        of_class = outputs[..., np.arange(len(coded)), coded[:, 0].astype(int)]
        return logsumexp(outputs, axis=-1) - of_class

    def mean_prediction(self, outputs):
        """Average members' predictions, from their outputs before the activation.

        In float64: float32 has no number between 1 and 0.99999994.
        """
        outputs = outputs.astype(np.float64)
        if self.task == "binary":
            outputs = expit(outputs)
        elif self.task == "multiclass":
            outputs = softmax(outputs, axis=-1)
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
            return outputs if self.n_outputs > 1 else outputs[:, 0]
        probabilities = self.probabilities(predictions)
        if self.is_multilabel:
            return (probabilities > 0.5).astype(int)
        return self.classes[probabilities.argmax(axis=1)]


class Learned(NamedTuple):
    """What is known of a table and its target before a training."""

    columns: list | None  # of `Column`; None: numbers only
    groups: Groups
    inputs: Inputs
    target: Target


@dataclass(eq=False)
class Problem:
    """Rows, target and inputs: what the trainings of one fit have in common."""

    architecture: Architecture
    target: Target
    X: np.ndarray  # or a sparse matrix (n_samples, n_columns): a coded table
    y: np.ndarray  # (n_samples, n_outputs or 1): what the target makes of its values
    sample_weight: np.ndarray | None  # (n_samples,)
    inputs: Inputs
    feature_of_column: np.ndarray | None = None  # (n_columns,); None: each is a feature
    categories: np.ndarray = ()  # columns that hold codes of levels
    used: np.ndarray | None = None  # which of a caller's rows these are; None: all

    def __post_init__(self):
        self.y = self.y.astype(np.float32)
        self.categories = np.asarray(self.categories, dtype=int)
        self.n_rows, self.n_features = self.X.shape[0], self.inputs.n_features
        if self.feature_of_column is None:
            self.feature_of_column = np.arange(self.X.shape[1])
        ends = np.cumsum(np.bincount(self.feature_of_column))[:-1]
        order = np.argsort(self.feature_of_column, kind="stable")
        self._columns_of = np.split(order, ends)
        self._encoded = None

    def __sizeof__(self):
        """Bytes of the rows, for those who decide where to compute."""
        X = self.X.data if issparse(self.X) else self.X
        return object.__sizeof__(self) + X.nbytes + self.y.nbytes

    def _encode(self):
        """Compute the inputs of all rows once, unless they are very many."""
        if self._encoded is None:
            n_inputs = len(self.inputs)
            self._encoded = np.empty((self.n_rows, n_inputs), dtype=np.float32)
            size = max(1, _VALUES_AT_A_TIME // max(n_inputs, 1))
            for rows in gen_batches(self.n_rows, size):
                self._encoded[rows] = self.inputs.encode(self.X[rows])
        return self._encoded

    def subset(self, rows, features):
        """Make the problem of some rows and features; these get numbers from 0 on."""
        columns = np.sort(self.columns_of(features))
        number = np.empty(self.n_features, dtype=int)
        number[features] = np.arange(len(features))
        weights = None if self.sample_weight is None else self.sample_weight[rows]
        return replace(
            self,
            X=take_cells(self.X, rows, columns),
            y=self.y[rows],
            sample_weight=weights,
            inputs=self.inputs.of_features(features)[0].on_columns(columns),
            feature_of_column=number[self.feature_of_column[columns]],
            categories=np.flatnonzero(np.isin(columns, self.categories)),
            used=None,
        )

    def reader(self, features):
        """Prepare to read some features, in the order given.

        Returned is a function, from row numbers to inputs, float32 of shape (n_rows,
        n_inputs), and the `Inputs` of these features.
        """
        every = len(features) == self.n_features and (np.diff(features) == 1).all()
        inputs, position = self.inputs, slice(None)
        if not every:
            inputs, position = inputs.of_features(features)
        if self.n_rows * len(self.inputs) > _MAX_VALUES_IN_MEMORY:
            return lambda rows: inputs.encode(take_rows(self.X, rows)), inputs
        encoded = self._encode()
        if every:
            return encoded.__getitem__, inputs
        if self.n_rows * len(inputs) <= _MAX_VALUES_OF_FOLD:
            return encoded[:, position].__getitem__, inputs
        return lambda rows: encoded[rows[:, np.newaxis], position], inputs

    def columns_of(self, features):
        """Columns of the coded table that some features are made of, in their order."""
        return np.concatenate([self._columns_of[feature] for feature in features])

    def coded(self, rows, columns):
        """Read some columns of the coded table: (n_rows, n_columns)."""
        X = take_cells(self.X, rows, columns)
        return X.toarray() if issparse(X) else X

    def weights_of(self, rows):
        """How much rows count: float32 with a mean of 1."""
        if self.sample_weight is None:
            return np.ones(len(rows), dtype=np.float32)
        weights = self.sample_weight[rows]
        return (weights / (weights.mean() or 1)).astype(np.float32)

    def constant(self, rows):
        """Output of the best constant model of some rows, see `Target.constant`."""
        return self.target.constant(self.y[rows], self.weights_of(rows))

    def row_losses(self, rows, outputs):
        """Loss of each row, without its weight: (..., rows, outputs) to (..., rows)."""
        return self.target.row_losses(self.y[rows], outputs)

    def class_numbers_or_quantities(self):
        """Return the target, of shape (n_samples,) only where it is one of classes."""
        return self.y[:, 0].astype(int) if self.target.is_classes else self.y


def join_problems(problems):
    """Put side by side columns of numbers of the same rows, each of them a feature."""
    return replace(
        problems[0],
        X=np.hstack([problem.X for problem in problems]),
        inputs=join_inputs([problem.inputs for problem in problems]),
        feature_of_column=None,
    )
