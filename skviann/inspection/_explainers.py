"""Importances by the packages that explain single predictions: shap and lime."""

import importlib
from contextlib import contextmanager
from numbers import Integral

import numpy as np

from skviann._docstrings import composed
from skviann._outputs import is_classifier, predict_outputs
from skviann._sklearn_compat import Interval, validate_params
from skviann._validation import draw_seeds
from skviann.inspection._docs import SHARED
from skviann.inspection._gradients import draw_rows
from skviann.inspection._network import is_keras_model, make_bunch, open_data, unwrap


@composed(SHARED)
@validate_params(
    {
        "max_samples": [Interval(Integral, 1, None, closed="left")],
        "max_background": [Interval(Integral, 1, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def shap_importance(
    estimator,
    X,
    y=None,
    *,
    max_samples=50,
    max_background=50,
    random_state=None,
    verbose=0,
):
    """Mean absolute Shapley value of a feature in single predictions (shap).

    A prediction is shared out among the features: each gets what it adds to the others,
    averaged over the orders in which features can be told the network, the untold ones
    being drawn from X. By `shap.PermutationExplainer`, on a sample of the rows.

    Blind to: whether a prediction is right. Asks the network about rows that do not
    occur, where features are correlated.

    Parameters
    ----------
    {fitted_or_model, rows_or_steps, y_ignored, max_samples}
    max_background : int, default=50
        Rows to draw untold features from.
    {random_state, verbose}

    Returns
    -------
    result : Bunch
        importances : ndarray of shape (n_features, n_rows) or \
(n_steps, n_features, n_rows)
            Absolute Shapley values for each row that was explained, averaged over
            outputs (probabilities of a classifier).
        importances_mean, importances_std : ndarray of the shape of a row
            Mean and standard deviation over rows.

    Raises
    ------
    {unusable}
    ImportError
        If shap is not installed; ``pip install "skviann[compare]"`` does.

    References
    ----------
    S. M. Lundberg, S.-I. Lee (2017), "A Unified Approach to Interpreting Model
    Predictions", NeurIPS, arXiv 1705.07874.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skviann.inspection import shap_importance
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> model = LinearRegression().fit(X, 3 * X[:, 0] - X[:, 1])
    >>> result = shap_importance(model, X, max_samples=20, random_state=0)
    >>> result.importances_mean.argsort()[::-1]
    array([0, 1, 2])
    """
    shap = import_optional("shap", "shap_importance")
    values, predict = _flattened(estimator, X)
    background_seed, rows_seed, seed = draw_seeds(random_state, 3)
    background = draw_rows(values, max_background, background_seed)
    rows = draw_rows(values, max_samples, rows_seed)
    with _numpy_seed_kept():  # shap seeds NumPy
        explainer = shap.PermutationExplainer(
            predict, shap.maskers.Independent(background, len(background)), seed=seed
        )
        explained = [
            explainer(
                row[None], max_evals=2 * len(row) + 1, silent=True
            ).values.reshape(len(row), -1)
            for row in _with_progress(rows, verbose, "shap")
        ]
    return _by_row(np.abs(explained).mean(axis=2), X)


@composed(SHARED)
@validate_params(
    {
        "max_samples": [Interval(Integral, 1, None, closed="left")],
        "n_neighbours": [Interval(Integral, 1, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def lime_importance(
    estimator,
    X,
    y=None,
    *,
    max_samples=50,
    n_neighbours=1000,
    random_state=None,
    verbose=0,
):
    """Mean absolute weight of a feature in linear models of single predictions (lime).

    Around a row, a linear model is fitted to what the network predicts for its
    neighbours, which are described by whether a feature stays in the same quarter of
    its distribution. By `lime.lime_tabular.LimeTabularExplainer`, on a sample of rows.

    Blind to: whether a prediction is right; what happens within a quarter. Asks the
    network about rows that do not occur, where features are correlated.

    Parameters
    ----------
    {fitted_or_model, rows_or_steps, y_ignored, max_samples}
    n_neighbours : int, default=1000
        Neighbours of each that the network predicts for.
    {random_state, verbose}

    Returns
    -------
    result : Bunch
        importances : ndarray of shape (n_features, n_rows) or \
(n_steps, n_features, n_rows)
            Absolute weights for each row that was explained, averaged over outputs
            (probabilities of a classifier).
        importances_mean, importances_std : ndarray of the shape of a row
            Mean and standard deviation over rows.

    Raises
    ------
    {unusable}
    ImportError
        If lime is not installed; ``pip install "skviann[compare]"`` does.

    References
    ----------
    M. T. Ribeiro, S. Singh, C. Guestrin (2016), "Why Should I Trust You? Explaining the
    Predictions of Any Classifier", KDD, arXiv 1602.04938.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skviann.inspection import lime_importance
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> model = LinearRegression().fit(X, 3 * X[:, 0] - X[:, 1])
    >>> result = lime_importance(model, X, max_samples=5, random_state=0)
    >>> result.importances_mean.argsort()[::-1]
    array([0, 1, 2])
    """
    lime_tabular = import_optional("lime.lime_tabular", "lime_importance")
    values, predict = _flattened(estimator, X)
    _, rows_seed, seed = draw_seeds(random_state, 3)  # explains the rows of shap
    rows = draw_rows(values, max_samples, rows_seed)
    outputs = range(predict(rows[:1]).shape[1])
    network = unwrap(estimator)
    is_proba = not is_keras_model(network) and is_classifier(network)
    if is_proba:  # lime explains all classes at once, but one quantity at a time
        predictors = [(predict, {label: label for label in outputs})]
    else:
        # What lime says of a quantity stands under the label 1.
        predictors = [(_one_output(predict, output), {1: output}) for output in outputs]
    explainer = lime_tabular.LimeTabularExplainer(
        values, mode="classification" if is_proba else "regression", random_state=seed
    )
    explained = np.zeros((len(rows), len(outputs), values.shape[1]))
    for row, weights in zip(
        _with_progress(rows, verbose, "lime"), explained, strict=True
    ):
        for predict_some, output_of in predictors:
            found = explainer.explain_instance(
                row,
                predict_some,
                labels=list(output_of),
                num_features=len(row),
                num_samples=n_neighbours,
            ).as_map()
            for label, output in output_of.items():
                features, values_found = zip(*found[label], strict=True)
                weights[output, list(features)] = values_found
    return _by_row(np.abs(explained).mean(axis=1), X)


def import_optional(name, caller):
    """Import a package of the extra "compare"."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{caller} needs the package {name.partition('.')[0]}, which is not "
            'installed: pip install "skviann[compare]".'
        ) from error


def _flattened(estimator, X):
    """Rows of X as vectors, and what predicts from such vectors."""
    estimator, values, wrap = open_data(estimator, X)

    def predict(vectors):
        rows = vectors.reshape(-1, *values.shape[1:])
        return predict_outputs(estimator, wrap(rows))

    return values.reshape(len(values), -1), predict


def _by_row(values, X):
    """(rows, inputs) to a result with inputs in the shape that rows of X have."""
    return make_bunch(values.T.reshape(*np.shape(X)[1:], len(values)))


def _one_output(predict, output):
    return lambda X: predict(X)[:, output]


def _with_progress(rows, verbose, name):
    if not verbose:
        return rows
    from tqdm.auto import tqdm  # shap and lime bring it along

    return tqdm(rows, name)


@contextmanager
def _numpy_seed_kept():
    state = np.random.get_state()
    try:
        yield
    finally:
        np.random.set_state(state)
