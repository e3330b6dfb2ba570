"""What selectors by importance share: threshold, most features, support."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectFromModel, SelectorMixin
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from skviann._sklearn_compat import Interval
from skviann._validation import LinkedToDocs

# What the parameters may be, as in SelectFromModel.
THRESHOLD = [Interval(Real, None, None, closed="both"), str, None]
MAX_FEATURES = [Interval(Integral, 0, None, closed="left"), callable, None]


class ImportanceSelector(SelectorMixin, LinkedToDocs, BaseEstimator):
    """Keeps features by their importance, as SelectFromModel does.

    A subclass has the parameters `threshold` and `max_features`, and after fit
    `feature_importances_`; `max_features_` too where `max_features` is not None.
    """

    @property
    def threshold_(self):
        """Importance from which a feature is kept."""
        return self._as_select_from_model().threshold_

    def _get_support_mask(self):
        return self._as_select_from_model().get_support()

    def _as_select_from_model(self):
        check_is_fitted(self)
        n_most, n_features = self._n_most(), len(self.feature_importances_)
        if n_most is not None:  # scikit-learn 1.7 takes no more than there are
            n_most = min(n_most, n_features)
        return as_select_from_model(self.feature_importances_, self.threshold, n_most)

    def _ask_max_features(self, X):
        """Check `max_features`, and write down the number."""
        vars(self).pop("max_features_", None)
        if self.max_features is not None:
            self.max_features_ = check_max_features(self.max_features, X)

    def _n_most(self):
        """How many features to keep at the most; None: any number."""
        # A function was asked in fit; a number may have been changed since.
        if callable(self.max_features):
            return self.max_features_
        return self.max_features


def as_select_from_model(importances, threshold, max_features=None):
    """Have scikit-learn's SelectFromModel cut given importances, (n_features,).

    `threshold` and `max_features` are its own, but None always means the mean. It has
    `threshold_` and `get_support()`.
    """
    selector = SelectFromModel(
        FunctionTransformer(),  # counts as fitted
        threshold="mean" if threshold is None else threshold,
        max_features=max_features,
        prefit=True,
        importance_getter=lambda _: importances,
    )
    selector.estimator_ = selector.estimator  # which a fit would copy
    return selector


def check_threshold(threshold, others=()):
    """Raise a ValueError for what is neither SelectFromModel's nor one of `others`."""
    if threshold in others:
        return
    try:
        as_select_from_model(np.ones(1), threshold).threshold_  # noqa: B018, may raise
    except ValueError as error:
        words = "".join(f"{word!r}, " for word in others)
        raise ValueError(
            f"threshold must be {words}None, 'mean', 'median', a multiple of one such "
            f"as '1.25*mean', or a number; got {threshold!r}."
        ) from error


def check_max_features(max_features, X):
    """Return the most features to keep, which a function of X may say.

    A TypeError or ValueError if that is no integer of at least 0.
    """
    value = max_features(X) if callable(max_features) else max_features
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"max_features(X) must be an integer, got {value!r}.")
    if value < 0:
        raise ValueError(f"max_features == {value}, must be >= 0.")
    return int(value)
