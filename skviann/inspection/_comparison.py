"""Many methods' importances of the same features, side by side."""

import time
from functools import partial

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_array
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from skviann._outputs import is_classifier
from skviann._plot.comparison import ComparisonDisplay
from skviann._table import column_names, is_frame
from skviann._validation import draw_seeds
from skviann.feature_selection import TeacherStudentSelector, VIANNSelector
from skviann.inspection import _explainers, _gradients, _perturbation, _refit, _weights
from skviann.inspection._network import unwrap
from skviann.neural_network import (
    DeepBeliefRanking,
    DeepFeatureSelectionClassifier,
    DeepFeatureSelectionRegressor,
    DropoutRankingClassifier,
    DropoutRankingRegressor,
)
from skviann.neural_network._base import BaseNetwork

# Those that watch the score get a finer one than the accuracy of a classifier.
_BY_SCORE = {
    "noise": _perturbation.noise_importance,
    "occlusion": _perturbation.occlusion_importance,
    "permutation": _perturbation.permutation_importance,
    "drop_column": _refit.drop_column_importance,
}
_BY_NETWORK = {
    "viann": _weights.viann_importance,
    "first_layer": _weights.first_layer_importance,
    "garson": _weights.garson_importance,
    "olden": _weights.olden_importance,
    "probe": _perturbation.probe_importance,
    "saliency": _gradients.gradient_importance,
    "gradient_x_input": partial(
        _gradients.gradient_importance, method="gradient_x_input"
    ),
    "integrated_gradients": partial(
        _gradients.gradient_importance, method="integrated_gradients"
    ),
    "shap": _explainers.shap_importance,
    "lime": _explainers.lime_importance,
    "random_forest": _refit.random_forest_importance,
}
# Fitted for themselves; a classifier and a regressor.
_BY_OWN_NETWORK = {
    "deep_feature_selection": (
        DeepFeatureSelectionClassifier,
        DeepFeatureSelectionRegressor,
    ),
    "dropout_ranking": (DropoutRankingClassifier, DropoutRankingRegressor),
    "teacher_student": (TeacherStudentSelector,) * 2,
    "deep_belief": (DeepBeliefRanking,) * 2,
}
_METHODS = (*_BY_NETWORK, *_BY_SCORE, *_BY_OWN_NETWORK)


def compare_importances(
    X,
    y,
    *,
    methods="all",
    estimator=None,
    feature_names=None,
    random_state=None,
    n_jobs=None,
    verbose=1,
):
    """Ask many methods which features matter, and put the answers side by side.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Finite numbers. All methods see all rows: those that watch a score watch it on
        the rows the network was trained on, but "drop_column", which cross-validates.
    y : array-like of shape (n_samples,)
        The target.
    methods : "all" or list of str, default="all"
        Of the network: "viann", "first_layer", "garson", "olden", "probe", "saliency",
        "gradient_x_input", "integrated_gradients", "shap", "lime", "noise",
        "occlusion", "permutation", "drop_column", each a function of this module, the
        gradients by the name of their method. On their own: "random_forest",
        "deep_feature_selection", "dropout_ranking", "teacher_student" and
        "deep_belief".
    estimator : estimator, default=None
        The network that is asked: a VIANN estimator or selector, or a wrapper of
        scikeras or ``keras.wrappers``. A fitted one is used as it is, else a clone is
        fitted. None: a `VIANNSelector`, whose first network answers for it.
    feature_names : array-like of str, default=None
        None: the columns of a data frame, or "x0", "x1" and so on.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same result each time.
    n_jobs : int, default=None
        Methods that run at the same time, through joblib; every process loads
        TensorFlow.
    verbose : int, default=1
        1 prints a line when a method is done, 0 does not.

    Returns
    -------
    comparison : ImportanceComparison
        Methods that failed are in its `errors`.

    Raises
    ------
    ValueError
        If a method is unknown, or `feature_names` has another length than X has
        columns.
    ImportError
        If pandas is not installed; ``pip install "skviann[compare]"`` does.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skviann.inspection import compare_importances
    >>> iris = load_iris()
    >>> comparison = compare_importances(
    ...     iris.data, iris.target, methods=["viann", "garson", "random_forest"],
    ...     feature_names=iris.feature_names, random_state=0, verbose=0,
    ... )
    >>> comparison.frame.sum().round(6).tolist()
    [1.0, 1.0, 1.0]
    >>> comparison.correlation().shape
    (3, 3)
    """
    pandas = _explainers.import_optional("pandas", "compare_importances")
    names = _check_methods(methods)
    n_features = check_array(X).shape[1]
    if feature_names is None:
        made_up = [f"x{j}" for j in range(n_features)]
        feature_names = column_names(X) if is_frame(X) else made_up
    if len(feature_names) != n_features:
        raise ValueError(
            f"feature_names must have a name for each of the {n_features} columns of "
            f"X, got {len(feature_names)}."
        )
    fit_seed, seed = draw_seeds(random_state, 2)
    started = time.perf_counter()
    network = _fitted(estimator, X, y, fit_seed)
    if verbose and network is not estimator:
        print(f"network fitted: {time.perf_counter() - started:.1f} s", flush=True)
    measured = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
        delayed(_measure)(name, network, X, y, seed) for name in names
    )
    found, seconds, errors = {}, {}, {}
    for number, (name, values, took, error) in enumerate(measured, start=1):
        seconds[name] = took
        if error is None:
            found[name] = values
        else:
            errors[name] = error
        if verbose:
            result = f"failed: {error}" if error else f"{took:.1f} s"
            print(f"{number:2}/{len(names)} {name}: {result}", flush=True)
    frame = pandas.DataFrame(
        {name: found[name] for name in names if name in found},
        index=list(feature_names),
    )
    return ImportanceComparison(
        frame, pandas.Series(seconds, dtype=float).reindex(names), errors
    )


class ImportanceComparison:
    """Importances of the same features by several methods.

    Made by `compare_importances`.

    Parameters
    ----------
    importances : pandas.DataFrame of shape (n_features, n_methods)
        As the methods give them.
    seconds : pandas.Series of shape (n_methods,)
        How long each took, those that failed included.
    errors : dict of str to str
        What went wrong, by the methods that failed.

    Attributes
    ----------
    frame : pandas.DataFrame of shape (n_features, n_methods)
        Importances divided by the sum of their absolute values, method by method.
        Below zero where a score is better without the feature.
    ranks : pandas.DataFrame of shape (n_features, n_methods)
        1 is the most important feature; equal ones share the best rank.
    seconds, errors
        As passed in.
    """

    def __init__(self, importances, seconds, errors):
        total = importances.abs().sum()
        self.frame = importances / total.where(total > 0, 1.0)
        self.ranks = importances.rank(ascending=False, method="min").astype(int)
        self.seconds = seconds
        self.errors = errors

    def correlation(self, method="spearman"):
        """Compute how well the methods agree.

        Parameters
        ----------
        method : {"pearson", "spearman", "kendall"}, default="spearman"
            "pearson" compares the importances themselves, the others their order.

        Returns
        -------
        correlation : pandas.DataFrame of shape (n_methods, n_methods)
            NaN for a method that finds all features equal.
        """
        return self.frame.corr(method=method)

    def plot(self, *, max_features=20, method="spearman", ax=None):
        """Draw ranks and correlations.

        Parameters
        ----------
        max_features : int, default=20
            The most features, those of the best mean rank. None draws all.
        method : {"pearson", "spearman", "kendall"}, default="spearman"
            The correlation.
        ax : array-like of two matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        display : ComparisonDisplay
        """
        return ComparisonDisplay.from_comparison(
            self, max_features=max_features, method=method, ax=ax
        )

    def __repr__(self):
        n_features, n_methods = self.frame.shape
        failed = "".join(f"; {name} failed: {why}" for name, why in self.errors.items())
        return (
            f"<ImportanceComparison of {n_features} features by {n_methods} methods"
            f"{failed}>"
        )


def _check_methods(methods):
    if isinstance(methods, str) and methods == "all":
        return list(_METHODS)
    names = [methods] if isinstance(methods, str) else list(methods)
    unknown = [name for name in names if name not in _METHODS]
    if unknown or not names:
        raise ValueError(
            f"methods must be 'all' or a list of some of {list(_METHODS)}; got "
            f"{methods!r}."
        )
    return list(dict.fromkeys(names))


def _fitted(estimator, X, y, seed):
    """Return the estimator if it is fitted, else a fitted clone."""
    if estimator is None:
        return VIANNSelector(random_state=seed).fit(X, y)
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        if isinstance(estimator, (VIANNSelector, BaseNetwork)):
            estimator = clone(estimator)
        else:  # a wrapper does not measure VIANN by itself
            estimator = VIANNSelector(estimator, threshold="mean")
        if estimator.random_state is None:
            estimator.set_params(random_state=seed)
        return estimator.fit(X, y)
    return estimator


def _measure(name, estimator, X, y, seed):
    """Return the name, importances or None, seconds, and what went wrong or None."""
    started = time.perf_counter()
    values, error = None, None
    try:
        values = _importances(name, estimator, X, y, seed)
        if not np.isfinite(values).all():
            raise ValueError(f"the importances are not all finite: {values}")
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}"
    return name, values, time.perf_counter() - started, error


def _importances(name, estimator, X, y, seed):
    if name in _BY_NETWORK:
        function = _BY_NETWORK[name]
        return function(estimator, X, y, random_state=seed).importances_mean
    network = unwrap(estimator)
    if name in _BY_SCORE:
        scoring = "neg_log_loss" if hasattr(network, "predict_proba") else None
        function = _BY_SCORE[name]
        result = function(estimator, X, y, scoring=scoring, random_state=seed)
        return result.importances_mean
    classifier, regressor = _BY_OWN_NETWORK[name]
    kind = classifier if is_classifier(network) else regressor
    return kind(random_state=seed).fit(X, y).feature_importances_
