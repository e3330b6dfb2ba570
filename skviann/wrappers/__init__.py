"""Keras models as scikit-learn estimators.

Nothing outside this package knows scikeras, or the wrappers of Keras itself.
"""

from skviann.wrappers._columns import NoWeightsOfColumns, kernel_of_columns
from skviann.wrappers._packed import packed, put_back
from skviann.wrappers._scikeras import (
    KerasClassifier,
    KerasRegressor,
    accepts_sparse,
    fit_with_importances,
    is_wrapper,
    takes_any_width,
)
from skviann.wrappers._template import Template, are_logits, why_not_at_once

__all__ = [
    "KerasClassifier",
    "KerasRegressor",
    "NoWeightsOfColumns",
    "Template",
    "accepts_sparse",
    "are_logits",
    "fit_with_importances",
    "is_wrapper",
    "kernel_of_columns",
    "packed",
    "put_back",
    "takes_any_width",
    "why_not_at_once",
]
