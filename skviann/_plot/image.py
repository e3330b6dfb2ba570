"""Importances of pixels and filters as pictures."""

import numpy as np

from skviann._docstrings import composed
from skviann._plot._common import (
    SHARED,
    check_count,
    check_length,
    make_axes,
    read_importances,
)
from skviann.variance import viann_scores


@composed(SHARED)
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
    {figure_}

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
        {ax}

        Returns
        -------
        display : ImageDisplay

        {unusable}
        """
        importances, _ = read_importances(importances)
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

        {unusable}
        """
        check_count("max_images", max_images)
        weights = callback.weights_
        if np.ndim(weights) != 4:
            is_dict = isinstance(weights, dict)  # of several inputs
            got = f"inputs {list(weights)}" if is_dict else f"shape {weights.shape}"
            raise ValueError(
                "callback must have followed a Conv2D layer, with a kernel of shape "
                f"(height, width, channels, filters); got {got}."
            )
        shown = np.argsort(-callback.filter_importances_, kind="stable")[:max_images]
        scores = viann_scores(callback.variance_, weights, feature_axis=(0, 1, 3))
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

        {unusable}
        """
        n_images, height, width = self.images.shape
        check_length("titles", self.titles, n_images)
        n_columns = int(np.ceil(np.sqrt(n_images)))
        grid = (-(-n_images // n_columns), n_columns)
        side = 4 if n_images == 1 else 1.6
        row_height = side * np.clip(height / width, 0.3, 3)
        figsize = (n_columns * side + 1, grid[0] * (row_height + 0.2) + 0.2)
        axes = make_axes(self, ax, n_axes=n_images, grid=grid, figsize=figsize)
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
