"""Weights, or their variances, during a training."""

from numbers import Integral

import numpy as np

from skviann._docstrings import composed
from skviann._plot._common import (
    SHARED,
    WIDTH,
    make_axes,
    name_features,
    shorten,
)
from skviann.variance import RunningVariance

# Okabe and Ito's palette for the colour-blind, without its yellow, which is too light
# for a line. Styles and markers tell the lines apart without colour.
_LINE_COLORS = (
    "#000000",
    "#e69f00",
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
)
_LINE_STYLES = ("-", "--", ":", "-.")
_MARKERS = "os^Dv"


@composed(SHARED)
class WeightTrajectoryDisplay:
    """How features' first weights, or their variances, move while a network trains.

    Use `from_callback` to make one. All parameters are stored as attributes.

    Parameters
    ----------
    trajectories : ndarray of shape (n_updates, n_features, n_lines)
        The values to draw, of the features to draw.
    feature_names : array-like of str of shape (n_features,), default=None
        Their names. None stands for "x0", "x1" and so on.
    kind : {"variance", "weight"}, default="variance"
        What the values are.
    update : str, default="epoch"
        What is between two values.

    Attributes
    ----------
    lines_ : list of list of matplotlib.lines.Line2D
        The lines, feature by feature.
    {ax_, figure_}

    See Also
    --------
    VarianceImportance : The Keras callback that keeps the weights.

    Examples
    --------
    >>> import keras, numpy as np
    >>> from skviann import VarianceImportance
    >>> from skviann.inspection import WeightTrajectoryDisplay
    >>> X = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
    >>> model = keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> viann = VarianceImportance(trajectory=True)
    >>> history = model.fit(X, 3 * X[:, 2], epochs=10, verbose=0, callbacks=[viann])
    >>> display = WeightTrajectoryDisplay.from_callback(viann, features=[0, 2])
    >>> display.trajectories.shape
    (10, 2, 1)
    """

    def __init__(
        self, trajectories, *, feature_names=None, kind="variance", update="epoch"
    ):
        self.trajectories = trajectories
        self.feature_names = feature_names
        self.kind = kind
        self.update = update

    @classmethod
    def from_callback(
        cls, callback, *, features=None, kind="variance", feature_names=None, ax=None
    ):
        """Draw what a callback has kept.

        Parameters
        ----------
        callback : VarianceImportance
            One with ``trajectory=True``, after a training. The weights of a feature
            are those that leave its inputs, of all members of a `PackedDense` layer
            and all inputs that a `PiecewiseLinearEncoding` makes of it; the features
            of a convolution are the flattened positions and channels of its kernel.
        features : array-like of int or str, default=None
            Indices or names of the features to draw. None draws the five most important
            ones.
        kind : {"variance", "weight"}, default="variance"
            "variance" draws, for each feature, the mean over its weights of their
            sample variance up to an update; it starts with the second update. "weight"
            draws every weight.
        feature_names : array-like of str, default=None
            Names of all features. None stands for "x0", "x1" and so on.
        {ax}

        Returns
        -------
        display : WeightTrajectoryDisplay

        Raises
        ------
        ValueError
            If a parameter cannot be used.
        AttributeError
            If the callback has not kept the weights.
        """
        if kind not in ("variance", "weight"):
            raise ValueError(f"kind must be 'variance' or 'weight', got {kind!r}.")
        weights, scores = _by_feature(callback)
        names = name_features(feature_names, len(scores))
        if features is None:
            chosen = np.argsort(-scores, kind="stable")[:5]
        else:
            chosen = [_index(feature, names) for feature in features]
        trajectories = weights[:, chosen]
        if kind == "variance":
            trajectories = _running_variance(trajectories).mean(axis=-1, keepdims=True)
        return cls(
            trajectories,
            feature_names=[names[index] for index in chosen],
            kind=kind,
            update="epoch" if callback.update == "epoch" else "update",
        ).plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw the lines.

        Parameters
        ----------
        {ax}

        Returns
        -------
        display : WeightTrajectoryDisplay

        {unusable}
        """
        n_updates, n_features, _ = self.trajectories.shape
        names = name_features(self.feature_names, n_features)
        (self.ax_,) = make_axes(self, ax, figsize=(WIDTH, 4))
        self.figure_ = self.ax_.figure
        updates = np.arange(1, n_updates + 1)
        self.lines_ = [
            self.ax_.plot(
                updates, self.trajectories[:, number], **self._style(number, n_updates)
            )
            for number in range(n_features)
        ]
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        self.ax_.set_xlabel(self.update)
        is_weight = self.kind == "weight"
        self.ax_.set_ylabel("weight" if is_weight else "mean variance of the weights")
        self.ax_.spines[["top", "right"]].set_visible(False)
        # Beside the lines, if the figure is ours to leave room there.
        beside = {"loc": "upper left", "bbox_to_anchor": (1, 1)}
        legend = self.ax_.legend(
            [lines[0] for lines in self.lines_],
            [shorten(name) for name in names],
            fontsize="small",
            **(beside if ax is None else {}),
        )
        for line, text in zip(legend.get_lines(), legend.get_texts(), strict=True):
            line.set_linewidth(1.5)
            text.set_parse_math(False)
        return self

    def _style(self, number, n_updates):
        style = {
            "color": _LINE_COLORS[number % len(_LINE_COLORS)],
            "linestyle": _LINE_STYLES[number % len(_LINE_STYLES)],
        }
        if self.kind == "weight":
            return {**style, "linewidth": 0.8}
        return {
            **style,
            "marker": _MARKERS[number % len(_MARKERS)],
            "markevery": max(1, n_updates // 10),
            "markersize": 5,
        }


def _by_feature(callback):
    """Tell apart the features' weights (n_updates, n_features, ...) and scores."""
    weights, scores = callback.weight_trajectory_, callback.importances_
    if isinstance(scores, dict):
        raise ValueError(
            "callback must have followed one input; it has followed "
            f"{list(scores)}. Name a layer with VarianceImportance(layer=)."
        )
    if callback._followed[None].is_packed:
        # All members' weights are a feature's: (updates, inputs, units, members).
        weights, scores = np.moveaxis(weights, 1, -1), scores.mean(axis=0)
    # A feature's inputs, if it has several, are next to each other.
    return weights.reshape(len(weights), scores.size, -1), scores.ravel()


def _running_variance(arrays):
    """Sample variance over the first, the first two, ... of some arrays."""
    running = RunningVariance()
    variances = np.full_like(arrays, np.nan)  # of one array it is undefined
    for number, values in enumerate(arrays):
        running.update(values)
        if number:
            variances[number] = running.variance()
    return variances


def _index(feature, names):
    """Index of a feature, which is given by its index or its name."""
    if isinstance(feature, str) and feature in names:
        return names.index(feature)
    if isinstance(feature, Integral) and 0 <= feature < len(names):
        return int(feature)
    raise ValueError(
        f"features must hold indices from 0 to {len(names) - 1} or names of features "
        f"({', '.join(names[:5])}{', ...' if len(names) > 5 else ''}), got {feature!r}."
    )
