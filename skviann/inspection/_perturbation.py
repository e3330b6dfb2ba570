"""Importances from what a fitted estimator does when a feature is tampered with."""

from numbers import Integral, Real

import numpy as np
from sklearn import inspection
from sklearn.metrics import check_scoring

from skviann._docstrings import composed
from skviann._outputs import predict_outputs
from skviann._sklearn_compat import Interval, StrOptions, validate_params
from skviann._validation import draw_seeds
from skviann.inspection._docs import SHARED
from skviann.inspection._known_rows import with_known_rows
from skviann.inspection._network import make_bunch, open_data


@composed(SHARED)
def permutation_importance(
    estimator, X, y, *, scoring=None, n_repeats=5, n_jobs=None, random_state=None
):
    """How far the score falls when a feature's values are shuffled among the rows.

    `sklearn.inspection.permutation_importance`, here so that it takes selectors too.

    Blind to: features that others can stand in for, which lose little. Asks the
    estimator about rows that do not occur, where features are correlated.

    Parameters
    ----------
    {fitted}
    X : array-like of shape (n_samples, n_features)
        Rows to score on; those that were not trained on tell more.
    {y, scoring}
    n_repeats : int, default=5
        Shuffles of each feature.
    n_jobs : int, default=None
        Features that are shuffled at the same time, through joblib.
    {random_state}

    Returns
    -------
    result : Bunch
        importances : ndarray of shape (n_features, n_repeats)
            Score on X less the score after each shuffle.
        importances_mean, importances_std : ndarray of shape (n_features,)
            Mean and standard deviation over repeats.

    References
    ----------
    L. Breiman (2001), "Random Forests", Machine Learning 45(1), 5-32.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skviann.inspection import permutation_importance
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> result = permutation_importance(model, X, y, random_state=0)
    >>> int(result.importances_mean.argmax())
    2
    """
    network, values, wrap = open_data(estimator, X)
    score = check_scoring(network, scoring)

    def score_wrapped(network, values, y):
        return score(network, wrap(values), y)

    return inspection.permutation_importance(
        with_known_rows(network, values),
        values,
        y,
        scoring=score_wrapped,
        n_repeats=n_repeats,
        n_jobs=n_jobs,
        random_state=draw_seeds(random_state, 1)[0],
    )


@composed(SHARED)
@validate_params(
    {
        "noise": [Interval(Real, 0, None, closed="neither")],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def noise_importance(
    estimator, X, y, *, scoring=None, noise=1.0, n_repeats=5, random_state=None
):
    """How far the score falls when noise is added to a feature.

    The noise is Gaussian, and its variance is `noise` times the feature's own.

    Blind to: features that others can stand in for; steps that are so far apart that
    the noise does not reach across. Columns of few values are given values that do not
    occur.

    Parameters
    ----------
    {fitted, rows_to_score, y, scoring}
    noise : float, default=1.0
        Variance of the noise, in variances of the feature.
    n_repeats : int, default=5
        Draws of noise for each feature.
    {random_state}

    Returns
    -------
    result : Bunch
        importances : ndarray of shape (n_features, n_repeats)
            Score on X less the score with each draw of noise.
        importances_mean, importances_std : ndarray of shape (n_features,)
            Mean and standard deviation over repeats.

    Raises
    ------
    {unusable}

    References
    ----------
    M. Gevrey, I. Dimopoulos, S. Lek (2003), "Review and comparison of methods to study
    the contribution of variables in artificial neural network models", Ecological
    Modelling 160(3), 249-264 (there called "perturb").

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skviann.inspection import noise_importance
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> result = noise_importance(model, X, y, random_state=0)
    >>> int(result.importances_mean.argmax())
    2
    """
    rng = np.random.default_rng(draw_seeds(random_state, 1))

    def add_noise(column):
        return column + np.sqrt(noise) * column.std() * rng.normal(size=len(column))

    return _falls_of_score(estimator, X, y, scoring, add_noise, n_repeats)


@composed(SHARED)
def occlusion_importance(estimator, X, y, *, scoring=None, random_state=None):
    """How far the score falls when a feature's mean stands in for all of its values.

    The VIANN paper calls this "leave one feature out", with the loss for a score.

    Blind to: features that others can stand in for; features that matter by their
    distance from the mean, if the network takes the mean for a typical value.

    Parameters
    ----------
    {fitted, rows_to_score, y}
    scoring : str, callable or None, default=None
        As in scikit-learn; None is the estimator's own score. ``"neg_log_loss"`` tells
        more than the accuracy, which often does not change at all.
    {random_state_ignored}

    Returns
    -------
    result : Bunch
        importances : ndarray of shape (n_features, 1)
            Score on X less the score without the feature.
        {nothing_random}

    Raises
    ------
    ValueError
        If X does not hold finite numbers.

    References
    ----------
    C. R. de Sá (2019), "Variance-Based Feature Importance in Neural Networks",
    Discovery Science, LNCS 11828, doi 10.1007/978-3-030-33778-0_24.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skviann.inspection import occlusion_importance
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> result = occlusion_importance(model, X, y, scoring="neg_log_loss")
    >>> int(result.importances_mean.argmax())
    2
    """
    return _falls_of_score(estimator, X, y, scoring, np.mean, n_repeats=1)


@composed(SHARED)
@validate_params(
    {"baseline": [StrOptions({"mean", "zero"})]}, prefer_skip_nested_validation=True
)
def probe_importance(estimator, X, y=None, *, baseline="mean", random_state=None):
    """How far the output moves when one feature alone is switched on.

    The estimator predicts for a row where nothing is switched on, and for rows where
    one feature is; the importance is the absolute difference of the outputs, averaged
    over outputs (probabilities of a classifier, predictions of a regressor).

    Blind to: whatever happens elsewhere than at this one point, interactions and
    non-monotone influences before all.

    Parameters
    ----------
    {fitted_or_model}
    X : array-like of shape (n_samples, n_features)
        Finite numbers.
    {y_ignored}
    baseline : {"mean", "zero"}, default="mean"
        "mean": off is the feature's mean, on is one standard deviation above. "zero":
        off is 0 and on is 1, as they stand, for networks whose inputs are standardised
        already; X then only tells the number of features.
    {random_state_ignored}

    Returns
    -------
    result : Bunch
        importances : ndarray of shape (n_features, 1)
            The absolute differences.
        {nothing_random}

    Raises
    ------
    ValueError
        If `baseline` is another one, or X does not hold finite numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skviann.inspection import probe_importance
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> model = LinearRegression().fit(X, 3 * X[:, 0] - X[:, 1])
    >>> probe_importance(model, X, baseline="zero").importances_mean.round(3)
    array([3., 1.])
    """
    network, values, wrap = open_data(estimator, X)
    n_features = values.shape[1]
    if baseline == "zero":
        off, on = np.zeros(n_features), np.ones(n_features)
    else:
        off = values.mean(axis=0)
        on = off + values.std(axis=0)
    rows = np.vstack([off, np.where(np.eye(n_features, dtype=bool), on, off)])
    outputs = predict_outputs(network, wrap(rows))
    return make_bunch(np.abs(outputs[1:] - outputs[0]).mean(axis=1, keepdims=True))


def _falls_of_score(estimator, X, y, scoring, replace, n_repeats):
    """Score less the score with each column replaced, in turn."""
    network, values, wrap = open_data(estimator, X)
    network = with_known_rows(network, values)
    score = check_scoring(network, scoring)

    def score_now():
        return score(network, wrap(values), y)

    full = score_now()
    importances = np.empty((values.shape[1], n_repeats))
    for j, falls in enumerate(importances):
        column = values[:, j].copy()
        for repeat in range(n_repeats):
            values[:, j] = replace(column)
            falls[repeat] = full - score_now()
        values[:, j] = column
    return make_bunch(importances)
