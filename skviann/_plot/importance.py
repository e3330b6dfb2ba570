"""Importances as bars."""

import numpy as np

from skviann._docstrings import composed
from skviann._plot._common import (
    DROPPED,
    KEPT,
    SHARED,
    THRESHOLD,
    WIDTH,
    check_count,
    check_length,
    importances_of,
    label_ticks,
    make_axes,
    name_features,
    read_importances,
    say_part,
)

_ERROR = "#8c8c8c"

# Inches.
_BAR_HEIGHT = 0.27
_LEGEND_HEIGHT = 0.4


@composed(SHARED)
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
    {feature_names}
    threshold : float, default=None
        The importance from which on features are kept.
    support : ndarray of bool of shape (n_features,), default=None
        Which features are kept.
    selection_frequency : ndarray of shape (n_features,), default=None
        The share of folds that choose each feature, written at the end of its bar.

    Attributes
    ----------
    bars_ : matplotlib.container.BarContainer
        The bars, the most important feature first.
    {ax_, figure_}

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
        selection_frequency=None,
    ):
        self.importances = importances
        self.importances_std = importances_std
        self.feature_names = feature_names
        self.threshold = threshold
        self.support = support
        self.selection_frequency = selection_frequency

    @classmethod
    def from_estimator(cls, estimator, *, feature_names=None, max_features=20, ax=None):
        """Draw the importances of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted one with `feature_importances_`: a `VIANNSelector`,
            `VIANNClassifier` or `VIANNRegressor`, a random forest. Its
            `importances_std_`, `feature_names_in_`, `threshold_`, `get_support` and
            `selection_frequency_` are used if it has them.
        feature_names : array-like of str of shape (n_features,), default=None
            Names to use instead of the estimator's.
        {max_features, ax}

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
        importances, std = importances_of(estimator)
        if feature_names is None:
            feature_names = getattr(estimator, "feature_names_in_", None)
        get_support = getattr(estimator, "get_support", None)
        return cls(
            importances,
            importances_std=std,
            feature_names=feature_names,
            threshold=getattr(estimator, "threshold_", None),
            support=get_support() if get_support else None,
            selection_frequency=getattr(estimator, "selection_frequency_", None),
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
        {feature_names, max_features, ax}

        Returns
        -------
        display : ImportanceDisplay

        {unusable}
        """
        importances, std = read_importances(importances)
        display = cls(importances, importances_std=std, feature_names=feature_names)
        return display.plot(max_features=max_features, ax=ax)

    def plot(self, *, max_features=20, ax=None):
        """Draw the bars.

        Parameters
        ----------
        {max_features, ax}

        Returns
        -------
        display : ImportanceDisplay

        {unusable}
        """
        n_features = len(self.importances)
        names = np.array(name_features(self.feature_names, n_features), dtype=object)
        check_length("importances_std", self.importances_std, n_features)
        check_length("support", self.support, n_features)
        check_length("selection_frequency", self.selection_frequency, n_features)
        check_count("max_features", max_features)

        importances, std = np.asarray(self.importances), self.importances_std
        support = self.support
        shown = np.argsort(-importances, kind="stable")[:max_features]
        height = _BAR_HEIGHT * len(shown) + 1.2
        (self.ax_,) = make_axes(self, ax, figsize=(WIDTH, height))
        self.figure_ = self.ax_.figure
        self.bars_ = self.ax_.barh(
            np.arange(len(shown)),
            importances[shown],
            xerr=None if std is None else np.asarray(std)[shown],
            color=KEPT if support is None else np.where(support, KEPT, DROPPED)[shown],
            error_kw={"ecolor": _ERROR, "elinewidth": 1.2, "capsize": 2},
        )
        label_ticks(self.ax_.yaxis, names[shown])
        self.ax_.set_ylim(len(shown) - 0.5, -0.5)
        label = f"importance{say_part(len(shown), n_features)}"
        if self.selection_frequency is not None:
            shares = np.asarray(self.selection_frequency)[shown]
            texts = [f"{share:.0%}" for share in shares]
            self.ax_.bar_label(self.bars_, texts, padding=3, fontsize="small")
            self.ax_.margins(x=0.12)
            label += "; %: of folds that choose it"
        self.ax_.set_xlabel(label)
        self.ax_.spines[["top", "right"]].set_visible(False)
        if importances[shown].min() < 0:
            self.ax_.axvline(0, color="0.25", linewidth=0.8)
        self._explain()
        return self

    def _explain(self):
        """Draw the threshold, and a legend in a room of its own under the bars."""
        from matplotlib.patches import Patch

        handles = []
        if self.support is not None:
            handles += [
                Patch(color=KEPT, label="kept"),
                Patch(color=DROPPED, label="dropped"),
            ]
        # -inf, which keeps all that max_features allows, is no place to draw.
        if self.threshold is not None and np.isfinite(self.threshold):
            line = self.ax_.axvline(
                self.threshold,
                color=THRESHOLD,
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
