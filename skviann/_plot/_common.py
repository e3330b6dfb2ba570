"""What the displays share: colours, axes, labels, and checks of what they are given."""

from collections.abc import Mapping
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from skviann._sklearn_compat import check_matplotlib_support

# A dark and a light one, which differ in grey print too, and what shows on both.
KEPT, DROPPED = "#1f5a94", "#c9c9c9"
THRESHOLD = "#d55e00"

WIDTH = 6.4  # inches

_LONGEST_LABEL = 30

# What the docstrings of several displays share.
SHARED = """
max_features : int, default=20
    The most bars. None draws all.
feature_names : array-like of str of shape (n_features,), default=None
    None stands for "x0", "x1" and so on.
ax : matplotlib.axes.Axes, default=None
    Where to draw. None makes a figure.
ax_ : matplotlib.axes.Axes
    Where they are.
figure_ : matplotlib.figure.Figure
    The figure around them.
unusable: Raises
------
ValueError
    If a parameter cannot be used.
"""


def importances_of(estimator):
    """Take importances, and their standard deviation or None, from an estimator."""
    if not hasattr(estimator, "feature_importances_"):
        if isinstance(estimator, BaseEstimator):
            check_is_fitted(estimator)
        raise TypeError(
            "estimator must be a fitted estimator with feature_importances_, such as a "
            "VIANNSelector, a VIANNClassifier or a RandomForestClassifier; got "
            f"{estimator!r}. Of a Pipeline, pass the last step: pipeline[-1]."
        )
    return estimator.feature_importances_, getattr(estimator, "importances_std_", None)


def read_importances(importances):
    """Take the same from an array, a Bunch or an estimator, and check it."""
    std = None
    if hasattr(importances, "fit"):
        importances, std = importances_of(importances)
    elif isinstance(importances, Mapping) and "importances_mean" in importances:
        std = importances.get("importances_std")
        importances = importances["importances_mean"]
    if isinstance(importances, Mapping) or np.ndim(importances) != 1:
        raise ValueError(
            "importances must be an array of shape (n_features,), or a Bunch with "
            "importances_mean, as permutation_importance returns for one scoring; got "
            f"{importances!r}."
        )
    return check_array(
        importances, ensure_2d=False, dtype=np.float64, input_name="importances"
    ), std


def make_axes(display, ax, n_axes=None, grid=(1, 1), figsize=None):
    """Array of axes: the user's own, or those of a new figure."""
    check_matplotlib_support(f"{type(display).__name__}.plot")
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    n_axes = n_axes or np.prod(grid)
    if ax is None:
        _, axes = plt.subplots(
            *grid, figsize=figsize, layout="constrained", squeeze=False
        )
        for unused in axes.flat[n_axes:]:
            unused.remove()
        return axes.ravel()[:n_axes]
    axes = np.array(ax, dtype=object).ravel()
    if len(axes) != n_axes or not all(isinstance(one, Axes) for one in axes):
        expected = "" if n_axes == 1 else f"an array-like of {n_axes} "
        raise ValueError(f"ax must be None or {expected}matplotlib Axes, got {ax!r}.")
    return axes


def label_ticks(axis, labels, **style):
    """Put labels at 0, 1, 2, ..."""
    labels = [shorten(str(label)) for label in labels]
    # Names may have dollar signs, which matplotlib would read as TeX.
    axis.set_ticks(range(len(labels)), labels, parse_math=False, **style)


def shorten(name):
    """Leave out the middle of a long name: names differ at their ends."""
    if len(name) <= _LONGEST_LABEL:
        return name
    end = _LONGEST_LABEL // 2
    return f"{name[: _LONGEST_LABEL - end - 1]}…{name[-end:]}"


def say_part(n_shown, n_features):
    """Say how many of the features are shown, unless it is all."""
    return "" if n_shown == n_features else f" ({n_shown} of {n_features} features)"


def name_features(feature_names, n_features):
    """Names of the features as a list, made up if there are none."""
    if feature_names is None:
        return [f"x{index}" for index in range(n_features)]
    check_length("feature_names", feature_names, n_features)
    return [str(name) for name in feature_names]


def check_length(name, values, expected):
    """Check the number of values that a parameter holds, if it is given."""
    if values is not None and len(values) != expected:
        raise ValueError(
            f"{name} must be None or have a length of {expected}, got {len(values)}."
        )


def check_count(name, value):
    """Check that a parameter is a positive integer or None."""
    is_count = isinstance(value, Integral) and not isinstance(value, bool)
    if value is not None and not (is_count and value >= 1):
        raise ValueError(f"{name} must be a positive integer or None, got {value!r}.")
