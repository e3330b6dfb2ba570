"""Several methods' importances, side by side."""

import numpy as np

from skviann._plot._common import (
    check_count,
    label_ticks,
    make_axes,
    say_part,
)

# More cells than that in a row or column of a heat map leave no room for numbers.
_MOST_NUMBERS = 20

_CELL_WIDTH, _CELL_HEIGHT = 0.42, 0.27  # inches


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
        check_count("max_features", max_features)
        by_mean_rank = self.ranks.mean(axis=1).to_numpy().argsort(kind="stable")
        ranks = self.ranks.iloc[by_mean_rank[:max_features]]
        n_shown, n_methods = ranks.shape
        width = max(n_methods, 4) * _CELL_WIDTH
        height = max(n_shown, n_methods, 6) * _CELL_HEIGHT
        # There is no sense in stretching the correlations along many features.
        shrink = min(1, width / height)
        figsize = (2 * (width + 2.2), height + 1.8)
        self.ax_ = make_axes(self, ax, grid=(1, 2), figsize=figsize)
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
        self.ax_[0].set_title(f"rank{say_part(n_shown, len(self.ranks))}")
        self.ax_[1].set_title("correlation of ranks")
        return self


def _heat_map(ax, table, number, shrink, **style):
    """Draw a DataFrame with its labels, and numbers or a colour bar."""
    values = table.to_numpy(dtype=np.float64)
    image = ax.imshow(values, **style)
    label_ticks(ax.yaxis, table.index)
    label_ticks(
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
