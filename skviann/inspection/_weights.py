"""Importances that are read from a network's weights alone."""

import numpy as np

from skviann._docstrings import composed
from skviann.feature_selection import VIANNSelector
from skviann.inspection._docs import SHARED
from skviann.inspection._network import make_bunch, read_kernels, unwrap
from skviann.neural_network import VIANNClassifier, VIANNRegressor
from skviann.variance import sum_by_feature


@composed(SHARED)
def viann_importance(estimator, X=None, y=None, *, random_state=None):
    """Variance of the first weights over training, times their size at the end.

    ``sum over u of Var(w[j, u]) * |w[j, u]|`` for feature ``j`` and the first layer's
    units ``u``: what the estimator measured while it was trained, and nothing new.

    Blind to: what happens behind the first layer; the direction of an influence. Shares
    the credit between correlated features. Cannot be had after the fact, for a network
    that was trained without the callback.

    Parameters
    ----------
    estimator : VIANNSelector, VIANNClassifier or VIANNRegressor
        Fitted.
    {X_and_y_ignored, random_state_ignored}

    Returns
    -------
    result : Bunch
        importances : ndarray of shape (n_features, n_networks)
            The estimator's `importances_`, transposed.
        importances_mean, importances_std : ndarray of shape (n_features,)
            Mean and standard deviation over networks.

    Raises
    ------
    TypeError
        If the estimator does not measure VIANN.

    References
    ----------
    C. R. de Sá (2019), "Variance-Based Feature Importance in Neural Networks",
    Discovery Science, LNCS 11828, doi 10.1007/978-3-030-33778-0_24.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skviann import VIANNClassifier
    >>> from skviann.inspection import viann_importance
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = VIANNClassifier(n_members=3, epochs=5, random_state=0).fit(X, y)
    >>> viann_importance(classifier).importances.shape
    (4, 3)
    """
    unwrap(estimator)  # raises NotFittedError
    if not isinstance(estimator, (VIANNSelector, VIANNClassifier, VIANNRegressor)):
        raise TypeError(
            "estimator must be a VIANNSelector, VIANNClassifier or VIANNRegressor; got "
            f"{estimator!r}. VIANN is measured during training: put a scikeras or "
            "Keras wrapper into a VIANNSelector, or train a Keras model with the "
            "callback VarianceImportance."
        )
    return make_bunch(estimator.importances_.T)


@composed(SHARED)
def first_layer_importance(estimator, X=None, y=None, *, random_state=None):
    """Absolute weights of the first layer, summed over its units.

    ``sum over u of |w[j, u]|`` for feature ``j``. With bins, summed over a feature's
    bins as well.

    Blind to: what happens behind the first layer, which may ignore a unit; the
    feature's scale, if the network does not standardise its inputs. Initial weights
    remain in it where training changed little.

    Parameters
    ----------
    estimator : estimator or keras.Model
        A fitted VIANN estimator or selector, a wrapper of scikeras or of
        ``keras.wrappers``, or a Keras model; a chain of Dense layers.
    {X_and_y_ignored, random_state_ignored}

    Returns
    -------
    result : Bunch
        {of_members, over_members}

    Raises
    ------
    TypeError, ValueError
        If there is no Keras model in the estimator, or if it is not a chain of Dense
        layers.

    Examples
    --------
    >>> import keras, numpy as np
    >>> from skviann.inspection import first_layer_importance
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    >>> model.set_weights([np.array([[1.0, -2.0], [0.5, 0.0]]), np.zeros(2)])
    >>> first_layer_importance(model).importances_mean
    array([3. , 0.5])
    """
    kernels, feature_of_input = read_kernels(estimator)
    sizes = np.abs(kernels[0]).sum(axis=2)
    return make_bunch(sum_by_feature(sizes, feature_of_input).T)


@composed(SHARED)
def garson_importance(estimator, X=None, y=None, *, random_state=None):
    """Share of each feature in the weights that lead to an output (Garson).

    A unit's inputs contribute to it in proportion to their absolute weights, and pass
    on what they have themselves from the features in the same way, from layer to layer:
    with the kernels ``W[1], ..., W[L]``,

        ``Q[l] = |W[l]| / (its column sums),   share = Q[1] @ Q[2] @ ... @ Q[L]``

    For one hidden layer this is Garson's formula, for each output. The importance is
    the mean over outputs, and sums to 1 where no unit has weights of zero only.

    Blind to: signs, so that two paths that cancel out count twice; activations; the
    feature's scale, if the network does not standardise its inputs.

    Parameters
    ----------
    {of_first_layer, X_and_y_ignored, random_state_ignored}

    Returns
    -------
    result : Bunch
        {of_members, over_members}
        by_output : ndarray of shape (n_features, n_outputs)
            The shares in each output, averaged over members.

    Raises
    ------
    TypeError, ValueError
        As `first_layer_importance`.

    References
    ----------
    G. D. Garson (1991), "Interpreting neural-network connection weights", AI Expert
    6(4), 46-51.

    Examples
    --------
    The first feature's share is 3/4 in the first hidden unit and 1/2 in the second, and
    the output takes 1/3 and 2/3 from these:

    >>> import keras, numpy as np
    >>> from skviann.inspection import garson_importance
    >>> model = keras.Sequential(
    ...     [keras.Input((2,)), keras.layers.Dense(2), keras.layers.Dense(1)]
    ... )
    >>> W, v = np.array([[3.0, 1.0], [1.0, -1.0]]), np.array([[1.0], [-2.0]])
    >>> model.set_weights([W, np.zeros(2), v, np.zeros(1)])
    >>> garson_importance(model).importances_mean.round(3)
    array([0.583, 0.417])
    """
    kernels, feature_of_input = read_kernels(estimator)
    shares = [_shares(np.abs(kernel)) for kernel in kernels]
    by_output = _by_feature(_chain(shares), feature_of_input)
    return make_bunch(by_output.mean(axis=2).T, by_output=by_output.mean(axis=0))


@composed(SHARED)
def olden_importance(estimator, X=None, y=None, *, random_state=None):
    """Products of the weights along all paths from a feature to an output (Olden).

    ``W[1] @ W[2] @ ... @ W[L]`` with the kernels of all layers: what the network would
    compute if its activations were the identity. The importance is the mean of the
    absolute value over outputs; `by_output` keeps the signs.

    Blind to: activations, so that a feature that only matters beyond a threshold or in
    interactions may get little; the feature's scale, if the network does not
    standardise its inputs.

    Parameters
    ----------
    {of_first_layer, X_and_y_ignored, random_state_ignored}

    Returns
    -------
    result : Bunch
        {of_members, over_members}
        by_output : ndarray of shape (n_features, n_outputs)
            The products with their signs, averaged over members.

    Raises
    ------
    TypeError, ValueError
        As `first_layer_importance`.

    References
    ----------
    J. D. Olden, M. K. Joy, R. G. Death (2004), "An accurate comparison of methods for
    quantifying variable importance in artificial neural networks using simulated data",
    Ecological Modelling 178(3-4), 389-397.

    Examples
    --------
    >>> import keras, numpy as np
    >>> from skviann.inspection import olden_importance
    >>> model = keras.Sequential(
    ...     [keras.Input((2,)), keras.layers.Dense(2), keras.layers.Dense(1)]
    ... )
    >>> W, v = np.array([[3.0, 1.0], [1.0, -1.0]]), np.array([[1.0], [-2.0]])
    >>> model.set_weights([W, np.zeros(2), v, np.zeros(1)])
    >>> olden_importance(model).by_output
    array([[1.],
           [3.]])
    """
    kernels, feature_of_input = read_kernels(estimator)
    by_output = _by_feature(_chain(kernels), feature_of_input)
    return make_bunch(
        np.abs(by_output).mean(axis=2).T, by_output=by_output.mean(axis=0)
    )


def _chain(matrices):
    """Product of matrices (members, inputs, units), the first one's inputs first."""
    product = matrices[0]
    for matrix in matrices[1:]:
        product = product @ matrix
    return product


def _shares(sizes):
    """Divide by the sums over inputs; a unit without any weight has no shares."""
    total = sizes.sum(axis=1, keepdims=True)
    return np.divide(sizes, total, out=np.zeros_like(sizes), where=total > 0)


def _by_feature(values, feature_of_input):
    """(members, inputs, outputs) to (members, features, outputs)."""
    return sum_by_feature(values.swapaxes(1, 2), feature_of_input).swapaxes(1, 2)
