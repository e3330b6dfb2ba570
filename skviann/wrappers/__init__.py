"""Keras models as scikit-learn estimators.

Nothing outside this package knows scikeras, or the wrappers of Keras itself.
"""

from skviann.wrappers._scikeras import (
    KerasClassifier,
    KerasRegressor,
    accepts_sparse,
    fit_with_importances,
    is_wrapper,
)

__all__ = [
    "KerasClassifier",
    "KerasRegressor",
    "accepts_sparse",
    "fit_with_importances",
    "is_wrapper",
]
