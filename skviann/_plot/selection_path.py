"""Held-out scores against the number of features, and how many are kept."""

from itertools import count, takewhile

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skviann._docstrings import composed
from skviann._plot._common import (
    DROPPED,
    KEPT,
    SHARED,
    THRESHOLD,
    WIDTH,
    check_length,
    make_axes,
)

# Numbers of features are equally far apart up to this one, then their logarithms are.
_LINEAR_UP_TO = 8
# The room for the first ones is that for so many doublings.
_LINEAR_ROOM = 2.4
# Beyond that there is no room for a tick at every doubling.
_MOST_FOR_ALL_TICKS = 1024


@composed(SHARED)
class SelectionPathDisplay:
    """Held-out score by the number of features, and how many are kept.

    Use `from_estimator` to make one. All parameters are stored as attributes.

    Parameters
    ----------
    n_features : array-like of int of shape (n_sets,)
        How many features each set holds, in increasing order.
    mean_score : array-like of shape (n_sets,)
        Their scores; the highest is the best.
    std_error : array-like of shape (n_sets,)
        Standard error of the difference to the best score, 0 at the best.
    n_selected : int
        How many features are kept.
    split_scores : array-like of shape (n_splits, n_sets), default=None
        The scores by fold, for thin lines behind.

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The mean scores.
    band_ : matplotlib.collections.PolyCollection
        One standard error to both sides of them.
    split_lines_ : list of matplotlib.lines.Line2D
        The scores by fold; empty without `split_scores`.
    best_ : matplotlib.lines.Line2D
        The mark at the best mean score.
    selected_line_ : matplotlib.lines.Line2D
        The vertical line at `n_selected`.
    {ax_, figure_}

    See Also
    --------
    VIANNSelector : Makes the path, and explains how many features it keeps.
    ImportanceDisplay : The importances that the features are ranked by.

    Notes
    -----
    The band tells which sets differ from the best one: it is the error of the paired
    difference of their losses, row by row. It is narrow where two sets err on the same
    rows, even if the folds' lines are far apart.

    The axis of the numbers of features is linear up to 8, and logarithmic from there if
    there are more than 16.

    Examples
    --------
    Of ten columns the first three make the classes:

    >>> from sklearn.datasets import make_classification
    >>> from skviann import VIANNSelector
    >>> from skviann.inspection import SelectionPathDisplay
    >>> X, y = make_classification(
    ...     n_samples=300, n_features=10, n_informative=3, n_redundant=0, shuffle=False,
    ...     random_state=0,
    ... )
    >>> selector = VIANNSelector(random_state=0).fit(X, y)
    >>> display = SelectionPathDisplay.from_estimator(selector)
    >>> display.n_selected
    3
    >>> display.line_.get_xdata()
    array([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10])
    """

    def __init__(
        self, n_features, mean_score, std_error, n_selected, *, split_scores=None
    ):
        self.n_features = n_features
        self.mean_score = mean_score
        self.std_error = std_error
        self.n_selected = n_selected
        self.split_scores = split_scores

    @classmethod
    def from_estimator(cls, selector, *, ax=None):
        """Draw the path of a fitted selector.

        Parameters
        ----------
        selector : VIANNSelector
            A fitted one with `cv_results_`, that is with ``threshold="auto"``.
        {ax}

        Returns
        -------
        display : SelectionPathDisplay

        Raises
        ------
        NotFittedError
            If the selector is not fitted.
        ValueError
            If it has no path, or `ax` cannot be used.
        """
        check_is_fitted(selector)
        results = getattr(selector, "cv_results_", {})
        # Those of scikit-learn's searches and of RFECV are no such path.
        if "std_error" not in results:
            raise ValueError(
                "selector must have a path of held-out scores (cv_results_), which a "
                'VIANNSelector makes with threshold="auto"; '
                f"got {selector!r}. Of a Pipeline, pass the step that selects."
            )
        names = takewhile(
            results.__contains__, (f"split{fold}_test_score" for fold in count())
        )
        return cls(
            results["n_features"],
            results["mean_test_score"],
            results["std_error"],
            selector.n_features_,
            split_scores=np.array([results[name] for name in names]),
        ).plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw the path.

        Parameters
        ----------
        {ax}

        Returns
        -------
        display : SelectionPathDisplay

        {unusable}
        """
        n_features, mean = np.asarray(self.n_features), np.asarray(self.mean_score)
        error = np.asarray(self.std_error)
        splits = [] if self.split_scores is None else self.split_scores
        check_length("mean_score", mean, len(n_features))
        check_length("std_error", error, len(n_features))
        for scores in splits:
            check_length("each of split_scores", scores, len(n_features))

        (self.ax_,) = make_axes(self, ax, figsize=(WIDTH, 4))
        self.figure_ = self.ax_.figure
        self.split_lines_ = [
            self.ax_.plot(n_features, scores, color=DROPPED, linewidth=0.8, zorder=1)[0]
            for scores in splits
        ]
        self.band_ = self.ax_.fill_between(
            n_features,
            mean - error,
            mean + error,
            color=KEPT,
            alpha=0.25,
            linewidth=0,
            zorder=1.2,
        )
        self.selected_line_ = self.ax_.axvline(
            self.n_selected, color=THRESHOLD, linestyle="--", zorder=1.5
        )
        (self.line_,) = self.ax_.plot(
            n_features, mean, color=KEPT, marker="o", markersize=3.5
        )
        best = mean.argmax()
        (self.best_,) = self.ax_.plot(
            n_features[best],
            mean[best],
            color=KEPT,
            linestyle="none",
            marker="o",
            markersize=8,
            markerfacecolor="white",
            markeredgewidth=1.8,
        )
        _scale_axis(self.ax_, n_features)
        self.ax_.set_xlabel("number of features")
        self.ax_.set_ylabel("score (minus the held-out loss)")
        self.ax_.spines[["top", "right"]].set_visible(False)
        self._explain(n_features[best], is_above=ax is None)
        return self

    def _explain(self, n_best, is_above):
        """Draw a legend, above the lines if the figure is ours to leave room there."""
        handles = {
            f"kept: {self.n_selected}": self.selected_line_,
            f"best: {n_best}": self.best_,
            "mean ± standard error of\nthe difference to the best": (
                self.band_,
                self.line_,
            ),
        }
        if self.split_lines_:
            handles["folds"] = self.split_lines_[0]
        above = {
            "loc": "lower center",
            "bbox_to_anchor": (0.5, 1),
            "ncols": len(handles),
            "columnspacing": 1.5,
            "frameon": False,
        }
        self.ax_.legend(
            handles.values(),
            handles.keys(),
            fontsize="small",
            **(above if is_above else {}),
        )


def _scale_axis(ax, n_features):
    """Make room for small numbers, and put ticks at whole ones."""
    most = n_features[-1]
    if most <= 2 * _LINEAR_UP_TO:
        ticks = np.arange(most + 1)
    else:
        ax.set_xscale(
            "symlog",
            base=2,
            linthresh=_LINEAR_UP_TO,
            linscale=_LINEAR_ROOM / 2,  # base 2 makes it double
        )
        stride = 1 if most <= _MOST_FOR_ALL_TICKS else 2
        first = np.arange(0, _LINEAR_UP_TO + 1, stride**2)
        doubled = 2 ** np.arange(4, np.log2(most) + 1e-9, stride, dtype=int)
        ticks = np.append(first, doubled)
        if most >= ticks[-1] * 1.5**stride:
            ticks = np.append(ticks, most)
    ax.xaxis.set_ticks(ticks, ticks)
    ax.xaxis.set_ticks(n_features, minor=True)
