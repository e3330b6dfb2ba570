"""A table as a user's own Keras network gets it."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.pipeline import make_pipeline

from skviann._inputs import plain_inputs
from skviann._outputs import is_classifier
from skviann._table import NUMBER, check_finite, has_gaps
from skviann.neural_network import VIANNClassifier, VIANNRegressor
from skviann.neural_network._problem import Problem


class Read(NamedTuple):
    """A table as a user's own network gets it."""

    problem: Problem
    weight_scale: float | None  # of the rows' weights; None: there are none
    is_encoded: bool


def reader_for(wrapper):
    """Make a ready-made network that reads tables for a wrapper, and never trains."""
    if not is_classifier(wrapper):
        return VIANNRegressor()
    return VIANNClassifier(class_weight=getattr(wrapper, "class_weight", None))


def without_class_weight(wrapper):
    """Return a wrapper without class weights, which the reader gives to rows."""
    if getattr(wrapper, "class_weight", None) is None:
        return wrapper
    return clone(wrapper).set_params(class_weight=None)


def read_table(
    reader, table, target, sample_weight, encode, *, reset=True, classes=None
):
    """Turn a checked table and its target into what a user's own network gets.

    Parameters
    ----------
    reader : estimator
        From `reader_for`; it learns what columns hold, if `reset`.
    table, target
        As the reader's `_read` returns them.
    sample_weight : array-like of shape (n_samples,) or None
        How much each row counts.
    encode : bool or "auto"
        Whether the network gets what ready-made ones get of the table; "auto": unless
        it holds nothing but numbers.
    classes : array-like, default=None
        All classes, if these rows may lack some.

    Returns
    -------
    read : Read
    """
    problem = reader._open(table, target, sample_weight, reset=reset, classes=classes)
    if encode == "auto":
        encode = not problem.inputs.only_numbers or has_gaps(problem.X)
    inputs = problem.inputs
    if not encode:
        for column in reader._learned.columns or ():
            if column.kind != NUMBER:
                raise ValueError(
                    "encode=False gives the network numbers as they are, but column "
                    f"{column.name!r} holds {column.holds}. Take encode='auto', or "
                    "encode the column in front of the selector."
                )
        check_finite(problem.X, reader, allow_nan=False)
        inputs = plain_inputs(problem.feature_of_column)
    used = slice(None) if problem.used is None else problem.used
    labels = target[used]
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    weight_scale = None
    if problem.sample_weight is not None:
        weight_scale = reader._total_weight(sample_weight, target)[used].mean()
    problem = replace(problem, inputs=inputs, labels=labels)
    return Read(problem, weight_scale, bool(encode))


def estimator_of(fitted, reader, is_encoded):
    """Make an estimator for tables of a network that sees their inputs."""
    if not is_encoded and fitted.only is None:
        return fitted.wrapper
    inputs = reader._learned.inputs
    if not is_encoded:
        inputs = plain_inputs(reader._learned.groups.feature_of_column)
    if fitted.only is not None:
        inputs, _ = inputs.of_features(fitted.only)
    return make_pipeline(TableEncoder(reader, inputs), fitted.wrapper)


class TableEncoder(TransformerMixin, BaseEstimator):
    """Turns a table into the inputs of a user's own network.

    Parameters
    ----------
    reader : estimator
        A ready-made network that knows what the columns hold.
    inputs : Inputs
        Those that the network has.
    """

    def __init__(self, reader, inputs):
        self.reader = reader
        self.inputs = inputs

    @property
    def n_features_in_(self):
        """Columns of the table."""
        return self.reader.n_features_in_

    @property
    def feature_names_in_(self):
        """Their names, if they have any."""
        return self.reader.feature_names_in_

    def fit(self, X, y=None):
        """Do nothing: the reader was fitted."""
        return self

    def transform(self, X):
        """Compute the inputs, (n_rows, n_inputs), of rows of a table."""
        values = self.inputs.encode(self.reader._code(X))
        return values[:, np.argsort(self.inputs.order, kind="stable")]

    def __sklearn_is_fitted__(self):
        return True
