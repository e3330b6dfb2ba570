"""Pictures of importances, after scikit-learn's displays.

matplotlib is imported when something is drawn, and not before.
"""

from collections.abc import Mapping
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

from skviann.variance import RunningVariance, viann_scores

# A dark and a light one, which differ in grey print too, and what shows on both.
_KEPT, _DROPPED = "#1f5a94", "#c9c9c9"
_ERROR, _THRESHOLD = "#8c8c8c", "#d55e00"

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

_LONGEST_LABEL = 30

# More cells than that in a row or column of a heat map leave no room for numbers.
_MOST_NUMBERS = 20

# Inches.
_WIDTH = 6.4
_BAR_HEIGHT = 0.27
_CELL_WIDTH, _CELL_HEIGHT = 0.42, 0.27
_LEGEND_HEIGHT = 0.4


class ImportanceDisplay:
    """Importances of features as sorted bars.

    Use `from_estimator` or `from_importances` to make one. All parameters are stored as
    attributes.

    Parameters
    ----------
    importances : ndarray of shape (n_features,)
        Importances; they may be negative, as those by permutation are.
    importances_std : ndarray of shape (n_features,), default=None
        Their standard deviations, for error bars.
    feature_names : array-like of str of shape (n_features,), default=None
        None stands for "x0", "x1" and so on.
    threshold : float, default=None
        The importance from which on features are kept.
    support : ndarray of bool of shape (n_features,), default=None
        Which features are kept.

    Attributes
    ----------
    bars_ : matplotlib.container.BarContainer
        The bars, the most important feature first.
    ax_ : matplotlib.axes.Axes
        Where they are.
    figure_ : matplotlib.figure.Figure
        The figure around them.

    See Also
    --------
    ImageDisplay : The same for the pixels of images.
    ComparisonDisplay : Several methods' importances.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skviann.inspection import ImportanceDisplay
    >>> data = load_breast_cancer()
    >>> forest = RandomForestClassifier(random_state=0).fit(data.data, data.target)
    >>> display = ImportanceDisplay.from_importances(
    ...     forest.feature_importances_, feature_names=data.feature_names,
    ...     max_features=10,
    ... )
    >>> display.ax_.get_xlabel()
    'importance (10 of 30 features)'
    """

    def __init__(
        self,
        importances,
        *,
        importances_std=None,
        feature_names=None,
        threshold=None,
        support=None,
    ):
        self.importances = importances
        self.importances_std = importances_std
        self.feature_names = feature_names
        self.threshold = threshold
        self.support = support

    @classmethod
    def from_estimator(cls, estimator, *, feature_names=None, max_features=20, ax=None):
        """Draw the importances of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted one with `feature_importances_`: a `VIANNSelector`,
            `VIANNClassifier` or `VIANNRegressor`, a random forest. Its
            `importances_std_`, `feature_names_in_`, `threshold_` and `get_support` are
            used if it has them.
        feature_names : array-like of str of shape (n_features,), default=None
            Names to use instead of the estimator's.
        max_features : int, default=20
            The most bars. None draws all.
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        display : ImportanceDisplay

        Raises
        ------
        TypeError
            If the estimator has no `feature_importances_`.
        NotFittedError
            If it is not fitted.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skviann import VIANNSelector
        >>> from skviann.inspection import ImportanceDisplay
        >>> selector = VIANNSelector(random_state=0).fit(*load_iris(return_X_y=True))
        >>> display = ImportanceDisplay.from_estimator(selector)
        >>> display.support
        array([False, False,  True,  True])
        """
        importances, std = _importances_of(estimator)
        if feature_names is None:
            feature_names = getattr(estimator, "feature_names_in_", None)
        get_support = getattr(estimator, "get_support", None)
        return cls(
            importances,
            importances_std=std,
            feature_names=feature_names,
            threshold=getattr(estimator, "threshold_", None),
            support=get_support() if get_support else None,
        ).plot(max_features=max_features, ax=ax)

    @classmethod
    def from_importances(
        cls, importances, *, feature_names=None, max_features=20, ax=None
    ):
        """Draw importances that were computed before.

        Parameters
        ----------
        importances : array-like of shape (n_features,) or Bunch
            Importances, or what `sklearn.inspection.permutation_importance` returns:
            `importances_mean` with `importances_std`.
        feature_names : array-like of str of shape (n_features,), default=None
            None stands for "x0", "x1" and so on.
        max_features : int, default=20
            The most bars. None draws all.
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        display : ImportanceDisplay

        Raises
        ------
        ValueError
            If a parameter cannot be used.
        """
        importances, std = _read_importances(importances)
        display = cls(importances, importances_std=std, feature_names=feature_names)
        return display.plot(max_features=max_features, ax=ax)

    def plot(self, *, max_features=20, ax=None):
        """Draw the bars.

        Parameters
        ----------
        max_features : int, default=20
            The most bars. None draws all.
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        display : ImportanceDisplay

        Raises
        ------
        ValueError
            If a parameter cannot be used.
        """
        n_features = len(self.importances)
        names = np.array(_names(self.feature_names, n_features), dtype=object)
        _check_length("importances_std", self.importances_std, n_features)
        _check_length("support", self.support, n_features)
        _check_count("max_features", max_features)

        importances, std = np.asarray(self.importances), self.importances_std
        shown = np.argsort(-importances, kind="stable")[:max_features]
        height = _BAR_HEIGHT * len(shown) + 1.2
        (self.ax_,) = _make_axes(self, ax, figsize=(_WIDTH, height))
        self.figure_ = self.ax_.figure
        self.bars_ = self.ax_.barh(
            np.arange(len(shown)),
            importances[shown],
            xerr=None if std is None else np.asarray(std)[shown],
            color=_KEPT if self.support is None else self._colors()[shown],
            error_kw={"ecolor": _ERROR, "elinewidth": 1.2, "capsize": 2},
        )
        _label_ticks(self.ax_.yaxis, names[shown])
        self.ax_.set_ylim(len(shown) - 0.5, -0.5)
        self.ax_.set_xlabel(f"importance{_part(len(shown), n_features)}")
        self.ax_.spines[["top", "right"]].set_visible(False)
        if importances[shown].min() < 0:
            self.ax_.axvline(0, color="0.25", linewidth=0.8)
        self._explain()
        return self

    def _colors(self):
        return np.where(self.support, _KEPT, _DROPPED)

    def _explain(self):
        """Draw the threshold, and a legend in a room of its own under the bars."""
        from matplotlib.patches import Patch

        handles = []
        if self.support is not None:
            handles += [
                Patch(color=_KEPT, label="kept"),
                Patch(color=_DROPPED, label="dropped"),
            ]
        # -inf, which keeps all that max_features allows, is no place to draw.
        if self.threshold is not None and np.isfinite(self.threshold):
            line = self.ax_.axvline(
                self.threshold,
                color=_THRESHOLD,
                linestyle="--",
                label=f"threshold ({self.threshold:.3g})",
            )
            handles.append(line)
        if not handles:
            return
        bottom, top = self.ax_.get_ylim()
        height = self.ax_.get_window_extent().height / self.figure_.dpi
        room = (bottom - top) * _LEGEND_HEIGHT / max(height - _LEGEND_HEIGHT, 0.1)
        self.ax_.set_ylim(bottom + room, top)
        self.ax_.legend(
            handles=handles,
            loc="lower right",
            ncols=len(handles),
            fontsize="small",
            handlelength=1.6,
            columnspacing=1.2,
            borderaxespad=0.2,
        )


class ComparisonDisplay:
    """Ranks of features by several methods, and how well the methods agree.

    Use `from_comparison` to make one. All parameters are stored as attributes.

    Parameters
    ----------
    ranks : pandas.DataFrame of shape (n_features, n_methods)
        1 is the most important feature.
    correlation : pandas.DataFrame of shape (n_methods, n_methods)
        Correlation of the methods' rankings, in [-1, 1].

    Attributes
    ----------
    images_ : list of matplotlib.image.AxesImage
        The heat maps of the ranks and of the correlation.
    ax_ : ndarray of matplotlib.axes.Axes of shape (2,)
        Where they are.
    figure_ : matplotlib.figure.Figure
        The figure around them.

    See Also
    --------
    ImportanceDisplay : One method's importances.

    Examples
    --------
    >>> import pandas as pd
    >>> from skviann.inspection import ComparisonDisplay
    >>> ranks = pd.DataFrame(
    ...     {"viann": [1, 2, 3], "forest": [2, 1, 3]}, index=["age", "sex", "bmi"]
    ... )
    >>> display = ComparisonDisplay(ranks, ranks.corr("spearman")).plot()
    >>> [label.get_text() for label in display.ax_[0].get_xticklabels()]
    ['viann', 'forest']
    """

    def __init__(self, ranks, correlation):
        self.ranks = ranks
        self.correlation = correlation

    @classmethod
    def from_comparison(
        cls, comparison, *, max_features=20, method="spearman", ax=None
    ):
        """Draw a comparison of methods.

        Parameters
        ----------
        comparison : object
            With a DataFrame `ranks` and a method ``correlation(method=...)`` that
            returns one.
        max_features : int, default=20
            The most features, those of the best mean rank. None draws all.
        method : str, default="spearman"
            Kind of correlation, passed to ``comparison.correlation``.
        ax : array-like of two matplotlib.axes.Axes, default=None
            Where to draw, best in a figure with ``layout="constrained"``, which leaves
            room for the names. None makes one.

        Returns
        -------
        display : ComparisonDisplay
        """
        display = cls(comparison.ranks, comparison.correlation(method=method))
        return display.plot(max_features=max_features, ax=ax)

    def plot(self, *, max_features=20, ax=None):
        """Draw the two heat maps.

        A cell holds its number while there are few enough of them, otherwise there is a
        colour bar.

        Parameters
        ----------
        max_features : int, default=20
            The most features, those of the best mean rank. None draws all.
        ax : array-like of two matplotlib.axes.Axes, default=None
            Where to draw, best in a figure with ``layout="constrained"``, which leaves
            room for the names. None makes one.

        Returns
        -------
        display : ComparisonDisplay

        Raises
        ------
        ValueError
            If a parameter cannot be used.
        """
        _check_count("max_features", max_features)
        by_mean_rank = self.ranks.mean(axis=1).to_numpy().argsort(kind="stable")
        ranks = self.ranks.iloc[by_mean_rank[:max_features]]
        n_shown, n_methods = ranks.shape
        width = max(n_methods, 4) * _CELL_WIDTH
        height = max(n_shown, n_methods, 6) * _CELL_HEIGHT
        # There is no sense in stretching the correlations along many features.
        shrink = min(1, width / height)
        figsize = (2 * (width + 2.2), height + 1.8)
        self.ax_ = _make_axes(self, ax, grid=(1, 2), figsize=figsize)
        self.figure_ = self.ax_[0].figure
        self.images_ = [
            _heat_map(
                self.ax_[0],
                ranks,
                number=".4g",
                shrink=shrink,
                aspect="auto",
                cmap="viridis",
            ),
            _heat_map(
                self.ax_[1],
                self.correlation,
                number="z.2f",
                shrink=shrink,
                aspect="equal" if shrink < 1 else "auto",
                cmap="RdBu_r",
                vmin=-1,
                vmax=1,
            ),
        ]
        self.ax_[1].set_anchor("N")
        self.ax_[0].set_title(f"rank{_part(n_shown, len(self.ranks))}")
        self.ax_[1].set_title("correlation of ranks")
        return self


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
    ax_ : matplotlib.axes.Axes
        Where they are.
    figure_ : matplotlib.figure.Figure
        The figure around them.

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
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure.

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
        names = _names(feature_names, len(scores))
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
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        display : WeightTrajectoryDisplay

        Raises
        ------
        ValueError
            If a parameter cannot be used.
        """
        n_updates, n_features, _ = self.trajectories.shape
        names = _names(self.feature_names, n_features)
        (self.ax_,) = _make_axes(self, ax, figsize=(_WIDTH, 4))
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
            [_shorten(name) for name in names],
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


class ImageDisplay:
    """Importances as pictures.

    Use `from_importances` or `from_callback` to make one. All parameters are stored as
    attributes.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width)
        Importances of the pixels.
    titles : array-like of str of shape (n_images,), default=None
        What to write above the images.

    Attributes
    ----------
    images_ : list of matplotlib.image.AxesImage
        The pictures.
    ax_ : matplotlib.axes.Axes, or ndarray of them of shape (n_images,)
        Where they are; an array if there are several.
    figure_ : matplotlib.figure.Figure
        The figure around them.

    See Also
    --------
    ImportanceDisplay : Importances as bars.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skviann.inspection import ImageDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> forest = RandomForestClassifier(random_state=0).fit(X, y)
    >>> display = ImageDisplay.from_importances(forest, image_shape=(8, 8))
    >>> display.images.shape
    (1, 8, 8)
    """

    def __init__(self, images, *, titles=None):
        self.images = images
        self.titles = titles

    @classmethod
    def from_importances(cls, importances, image_shape, *, ax=None):
        """Draw the importances of pixels.

        Parameters
        ----------
        importances : array-like of shape (n_features,), Bunch or estimator
            Importances, what `sklearn.inspection.permutation_importance` returns, or
            a fitted estimator with `feature_importances_`.
        image_shape : tuple of int
            (height, width) or (height, width, channels), whose product is n_features.
            Channels are summed.
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        display : ImageDisplay

        Raises
        ------
        ValueError
            If a parameter cannot be used.
        """
        importances, _ = _read_importances(importances)
        sides = np.atleast_1d(image_shape)
        if (
            len(sides) not in (2, 3)
            or sides.dtype.kind != "i"
            or sides.min() < 1
            or sides.prod() != len(importances)
        ):
            raise ValueError(
                "image_shape must be (height, width) or (height, width, channels), "
                f"integers with the product {len(importances)}, the number of "
                f"features; got {image_shape!r}."
            )
        height, width = sides[:2]
        image = importances.reshape(height, width, -1).sum(axis=-1)
        return cls(image[np.newaxis]).plot(ax=ax)

    @classmethod
    def from_callback(cls, callback, *, max_images=16, ax=None):
        """Draw the filters of a network's first convolution.

        A picture shows a filter's VIANN score at each position of the kernel, summed
        over the input's channels. The most important filters come first.

        Parameters
        ----------
        callback : VarianceImportance
            One that has followed a Conv2D layer.
        max_images : int, default=16
            The most filters. None draws all.
        ax : matplotlib.axes.Axes, or array-like of them, default=None
            Where to draw, one for each image. None makes a figure.

        Returns
        -------
        display : ImageDisplay

        Raises
        ------
        ValueError
            If a parameter cannot be used.
        """
        _check_count("max_images", max_images)
        shape = callback.weights_.shape
        if len(shape) != 4:
            raise ValueError(
                "callback must have followed a Conv2D layer, with a kernel of shape "
                f"(height, width, channels, filters); got one of shape {shape}."
            )
        shown = np.argsort(-callback.filter_importances_, kind="stable")[:max_images]
        scores = viann_scores(
            callback.variance_, callback.weights_, feature_axis=(0, 1, 3)
        )
        # (height, width, filters) to (filters, height, width)
        images = np.moveaxis(scores, -1, 0)[shown]
        return cls(images, titles=[f"filter {index}" for index in shown]).plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw the pictures, with one colour bar for all.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, or array-like of them, default=None
            Where to draw, one for each image. None makes a figure.

        Returns
        -------
        display : ImageDisplay

        Raises
        ------
        ValueError
            If a parameter cannot be used.
        """
        n_images, height, width = self.images.shape
        _check_length("titles", self.titles, n_images)
        n_columns = int(np.ceil(np.sqrt(n_images)))
        grid = (-(-n_images // n_columns), n_columns)
        side = 4 if n_images == 1 else 1.6
        row_height = side * np.clip(height / width, 0.3, 3)
        figsize = (n_columns * side + 1, grid[0] * (row_height + 0.2) + 0.2)
        axes = _make_axes(self, ax, n_axes=n_images, grid=grid, figsize=figsize)
        limits = {"vmin": min(0, self.images.min()), "vmax": self.images.max()}
        self.images_ = [
            one.imshow(image, cmap="viridis", **limits)
            for one, image in zip(axes, self.images, strict=True)
        ]
        titles = [""] * n_images if self.titles is None else self.titles
        for one, title in zip(axes, titles, strict=True):
            one.set_title(title, fontsize="small")
            one.set(xticks=[], yticks=[])
        self.ax_ = axes[0] if n_images == 1 else axes
        self.figure_ = axes[0].figure
        self.figure_.colorbar(self.images_[0], ax=list(axes), label="importance")
        return self


def _importances_of(estimator):
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


def _read_importances(importances):
    """Take the same from an array, a Bunch or an estimator, and check it."""
    std = None
    if hasattr(importances, "fit"):
        importances, std = _importances_of(importances)
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


def _by_feature(callback):
    """Tell apart the features' weights (n_updates, n_features, ...) and scores."""
    weights, scores = callback.weight_trajectory_, callback.importances_
    if callback._is_packed:
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


def _make_axes(display, ax, n_axes=None, grid=(1, 1), figsize=None):
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


def _heat_map(ax, table, number, shrink, **style):
    """Draw a DataFrame with its labels, and numbers or a colour bar."""
    values = table.to_numpy(dtype=np.float64)
    image = ax.imshow(values, **style)
    _label_ticks(ax.yaxis, table.index)
    _label_ticks(
        ax.xaxis, table.columns, rotation=45, ha="right", rotation_mode="anchor"
    )
    if max(values.shape) > _MOST_NUMBERS:
        ax.figure.colorbar(image, ax=ax, shrink=shrink, anchor=(0, 1))
        return image
    for (row, column), value in np.ndenumerate(values):
        # NaN, the correlation with a method that tells no features apart, is clear.
        red, green, blue, alpha = image.cmap(image.norm(value))
        is_dark = alpha and 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
        ax.text(
            column,
            row,
            format(value, number),
            ha="center",
            va="center",
            fontsize=8,
            color="white" if is_dark else "black",
        )
    return image


def _label_ticks(axis, labels, **style):
    """Put labels at 0, 1, 2, ..."""
    labels = [_shorten(str(label)) for label in labels]
    # Names may have dollar signs, which matplotlib would read as TeX.
    axis.set_ticks(range(len(labels)), labels, parse_math=False, **style)


def _shorten(name):
    """Leave out the middle of a long name: names differ at their ends."""
    if len(name) <= _LONGEST_LABEL:
        return name
    end = _LONGEST_LABEL // 2
    return f"{name[: _LONGEST_LABEL - end - 1]}…{name[-end:]}"


def _part(n_shown, n_features):
    return "" if n_shown == n_features else f" ({n_shown} of {n_features} features)"


def _names(feature_names, n_features):
    """Names of the features as a list, made up if there are none."""
    if feature_names is None:
        return [f"x{index}" for index in range(n_features)]
    _check_length("feature_names", feature_names, n_features)
    return [str(name) for name in feature_names]


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


def _check_length(name, values, expected):
    if values is not None and len(values) != expected:
        raise ValueError(
            f"{name} must be None or have a length of {expected}, got {len(values)}."
        )


def _check_count(name, value):
    is_count = isinstance(value, Integral) and not isinstance(value, bool)
    if value is not None and not (is_count and value >= 1):
        raise ValueError(f"{name} must be a positive integer or None, got {value!r}.")
