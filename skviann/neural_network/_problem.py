"""What the trainings of one fit have in common, without Keras."""

from typing import NamedTuple

import numpy as np
from sklearn.preprocessing import StandardScaler
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from skviann._groups import Groups
from skviann._inputs import Inputs


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

    def code(self, y):
        """Turn rows into class numbers or standardised quantities.

        Returns
        -------
        coded : ndarray of shape (n_samples, n_outputs or 1)
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

    def probabilities(self, predictions):
        """Make of a network's predictions one probability a class."""
        if self.is_multilabel:
            return predictions
        if self.task == "binary":
            predictions = np.hstack([1 - predictions, predictions])
        return predictions / predictions.sum(axis=1, keepdims=True)

    def decode(self, predictions):
        """Turn probabilities or standardised quantities into what y holds."""
        if self.task == "regression":
            outputs = predictions * self.scaler.scale_ + self.scaler.mean_
            return outputs if self.n_outputs > 1 else outputs[:, 0]
        if self.is_multilabel:
            return (predictions > 0.5).astype(int)
        return self.classes[predictions.argmax(axis=1)]


class Learned(NamedTuple):
    """What is known of a table and its target before a training."""

    columns: list | None  # of `Column`; None: numbers only
    groups: Groups
    inputs: Inputs
    target: Target
