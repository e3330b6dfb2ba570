"""What the trainings of one fit have in common, without Keras."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import gen_batches

from skviann._groups import Groups
from skviann._inputs import Inputs, join_inputs
from skviann._target import Target
from skviann._validation import take_cells, take_rows
from skviann.neural_network._architecture import Architecture

# Inputs of all rows are held up to so many values, else computed batch by batch; those
# of a fold's features are put together beforehand up to fewer.
_MAX_VALUES_IN_MEMORY = 2**27
_MAX_VALUES_OF_FOLD = 2**24
_VALUES_AT_A_TIME = 2**23


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
    labels: np.ndarray | None = None  # (n_samples, ...): the target as it came

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
            labels=None if self.labels is None else self.labels[rows],
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
        return self.target.row_losses(self.y[rows], outputs, self.weights_of(rows))

    def to_split_by(self):
        """Return class numbers or whether there is an event, (n_samples,).

        Labels and quantities, which folds do not share, as (n_samples, n_outputs).
        """
        if self.target.task == "survival":
            return (self.y[:, 1] > 0).astype(int)
        return self.y[:, 0].astype(int) if self.target.is_classes else self.y

    def n_telling(self):
        """Count rows that tell much: events, rows outside the most frequent class."""
        y = self.to_split_by()
        if self.target.task == "survival":
            return int(y.sum())
        if self.target.is_classes:
            return self.n_rows - int(np.bincount(y).max())
        return self.n_rows

    def responses(self):
        """Tell what columns may explain, see `Target.responses`."""
        weights = self.weights_of(np.arange(self.n_rows))
        return self.target.responses(self.y, weights)


def join_problems(problems):
    """Put side by side columns of numbers of the same rows, each of them a feature."""
    return replace(
        problems[0],
        X=np.hstack([problem.X for problem in problems]),
        inputs=join_inputs([problem.inputs for problem in problems]),
        feature_of_column=None,
    )
