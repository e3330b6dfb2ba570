"""Keras models as scikit-learn estimators.

Nothing outside this package knows scikeras, or the wrappers of Keras itself.
"""

from skviann.wrappers._columns import NoWeightsOfColumns, kernel_of_columns
from skviann.wrappers._packed import PackedCopies, packed, put_back
from skviann.wrappers._scikeras import (
    KerasClassifier,
    KerasRegressor,
    fit_with_importances,
    is_wrapper,
    takes_any_width,
)
from skviann.wrappers._template import (
    Template,
    are_logits,
    raw_predictions,
    why_not_at_once,
)

__all__ = [
    "KerasClassifier",
    "KerasRegressor",
    "NoWeightsOfColumns",
    "PackedCopies",
    "Template",
    "are_logits",
    "fit_with_importances",
    "is_wrapper",
    "kernel_of_columns",
    "packed",
    "put_back",
    "raw_predictions",
    "takes_any_width",
    "why_not_at_once",
]
