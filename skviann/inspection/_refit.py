"""Importances that take new fits: without a feature, or of another estimator."""

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.model_selection import cross_val_score

from skviann._outputs import is_classifier
from skviann._sklearn_compat import _safe_indexing
from skviann._validation import draw_seeds
from skviann.feature_selection import VIANNSelector
from skviann.inspection._network import make_bunch, unwrap


def drop_column_importance(
    estimator, X, y, *, scoring=None, cv=3, n_jobs=None, random_state=None
):
    """How far the cross-validated score falls when the network must do without it.

    For each feature a clone of the estimator is fitted on the others and scored on rows
    it has not seen: ``(n_features + 1) * cv`` fits.

    Blind to: features that others can stand in for, of which each can be dropped. The
    networks differ from one fit to the next, and small differences drown in that.

    Parameters
    ----------
    estimator : estimator
        Any, fitted or not; of a fitted `VIANNSelector`, its network.
    X : array-like of shape (n_samples, n_features)
        All rows: cross-validation splits them.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    scoring : str, callable or None, default=None
        As in scikit-learn; None is the estimator's own score.
    cv : int, cross-validation generator or iterable, default=3
        The splits, as in `sklearn.model_selection.cross_val_score`.
    n_jobs : int, default=None
        Folds that are fitted at the same time, through joblib; every process loads
        TensorFlow.
    random_state : int, RandomState instance or None, default=None
        Seeds the fits, in place of the estimator's own `random_state`, if it has one.

    Returns
    -------
    result : Bunch
        importances : ndarray of shape (n_features, n_folds)
            Score with all features less the score without one, by fold.
        importances_mean, importances_std : ndarray of shape (n_features,)
            Mean and standard deviation over folds.

    Raises
    ------
    ValueError
        If X has a single feature.

    References
    ----------
    J. Lei, M. G'Sell, A. Rinaldo, R. J. Tibshirani, L. Wasserman (2018),
    "Distribution-Free Predictive Inference for Regression", JASA 113(523), 1094-1111,
    section 6 ("leave one covariate out").

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skviann.inspection import drop_column_importance
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000)
    >>> result = drop_column_importance(model, X, y, scoring="neg_log_loss")
    >>> int(result.importances_mean.argmax())
    2
    """
    network = _network_of(estimator)
    # What a wrapper of Keras's passes to fit would be lost when it is cloned.
    fit_kwargs = getattr(network, "fit_kwargs", None)
    inner = clone(network)
    if random_state is not None and "random_state" in inner.get_params():
        inner.set_params(random_state=draw_seeds(random_state, 1)[0])
    n_features = np.shape(X)[1]
    if n_features < 2:
        raise ValueError(
            "X must have at least 2 features, so that one can be dropped; got "
            f"{n_features}."
        )

    def scores_on(columns):
        return cross_val_score(
            inner,
            _safe_indexing(X, columns, axis=1),
            y,
            scoring=scoring,
            cv=cv,
            n_jobs=n_jobs,
            params=fit_kwargs,
            error_score="raise",
        )

    every = np.arange(n_features)
    full = scores_on(every)
    falls = [full - scores_on(np.delete(every, j)) for j in every]
    return make_bunch(np.array(falls))


def random_forest_importance(
    estimator, X, y, *, n_estimators=100, n_jobs=None, random_state=None
):
    """How much a random forest, fitted on the same data, lowers impurity by a feature.

    Blind to: the network, which it knows nothing of. Favours columns with many distinct
    values, and shares the credit between correlated ones.

    Parameters
    ----------
    estimator : estimator
        Tells whether to fit a classifier or a regressor, and nothing else; a
        `VIANNSelector` must be fitted.
    X : array-like of shape (n_samples, n_features)
        Rows to fit on.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    n_estimators : int, default=100
        Trees.
    n_jobs : int, default=None
        Trees that are fitted at the same time.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same result each time.

    Returns
    -------
    result : Bunch
        importances : ndarray of shape (n_features, n_estimators)
            The importances by each tree, which sum to 1.
        importances_mean, importances_std : ndarray of shape (n_features,)
            Mean and standard deviation over trees.

    References
    ----------
    L. Breiman (2001), "Random Forests", Machine Learning 45(1), 5-32.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skviann import VIANNClassifier
    >>> from skviann.inspection import random_forest_importance
    >>> X, y = load_iris(return_X_y=True)
    >>> result = random_forest_importance(VIANNClassifier(), X, y, random_state=0)
    >>> result.importances.shape
    (4, 100)
    """
    kind = (
        RandomForestClassifier
        if is_classifier(_network_of(estimator))
        else RandomForestRegressor
    )
    (seed,) = draw_seeds(random_state, 1)
    forest = kind(n_estimators=n_estimators, n_jobs=n_jobs, random_state=seed).fit(X, y)
    return make_bunch(
        np.array([tree.feature_importances_ for tree in forest.estimators_]).T
    )


def _network_of(estimator):
    return unwrap(estimator) if isinstance(estimator, VIANNSelector) else estimator
