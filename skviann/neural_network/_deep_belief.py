"""A ranking by a deep belief network, made of scikit-learn's own machines."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.neural_network import BernoulliRBM, MLPClassifier, MLPRegressor
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from skviann._docstrings import composed
from skviann._sklearn_compat import Interval, _fit_context
from skviann._validation import (
    FLOATS,
    LinkedToDocs,
    all_or_nothing,
    draw_seeds,
    explained,
    without_objects,
)
from skviann.neural_network._base import SHARED, check_hidden_layer_sizes
from skviann.neural_network._viann import VIANNClassifier, default_network
from skviann.variance import sum_to_one


@composed(SHARED)
class DeepBeliefRanking(LinkedToDocs, BaseEstimator):
    """Importances by a deep belief network that was fine-tuned to the target.

    The features are scaled to [0, 1]. Restricted Boltzmann machines learn them layer by
    layer, each from the hidden units of the one before; their weights are where the
    training of a multilayer perceptron to the target begins. The importance of a
    feature is its absolute weight, carried through the trained layers ``W``,

        ``|W[1]| @ |W[2]| @ ... @ |W[L]|``, summed over outputs.

    The machines are scikit-learn's `BernoulliRBM`, the perceptrons its `MLPClassifier`
    and `MLPRegressor`.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(64, 32)
        Units of each machine, and of each hidden layer of the perceptron.
    pretraining_epochs : int, default=10
        Passes over the rows for each machine.
    max_iter : int, default=1000
        The most passes for the perceptron.
    n_repeats : int, default=5
        Networks, whose importances are averaged.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same result each time.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,)
        Mean of `importances_`: non-negative, summing to 1.
    importances_ : ndarray of shape (n_repeats, n_features)
        Carried weights by each network, as shares that sum to 1.
    importances_std_ : ndarray of shape (n_features,)
        Their standard deviation over networks.
    scaler_ : MinMaxScaler
        Scales features for the networks.
    networks_ : list of MLPClassifier or MLPRegressor
        The fine-tuned networks.
    {n_features_in_, feature_names_in_}

    References
    ----------
    G. E. Hinton, S. Osindero, Y.-W. Teh (2006), "A Fast Learning Algorithm for Deep
    Belief Nets", Neural Computation 18(7), 1527-1554 (the pretraining).

    Examples
    --------
    >>> from skviann import DeepBeliefRanking
    {some_classes}
    >>> ranking = DeepBeliefRanking(random_state=0).fit(X, y)
    >>> sorted(ranking.feature_importances_.argsort()[-3:].tolist())
    [0, 1, 2]
    """

    _parameter_constraints: dict = {
        "hidden_layer_sizes": ["array-like"],
        "pretraining_epochs": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        hidden_layer_sizes=(64, 32),
        *,
        pretraining_epochs=10,
        max_iter=1000,
        n_repeats=5,
        random_state=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.pretraining_epochs = pretraining_epochs
        self.max_iter = max_iter
        self.n_repeats = n_repeats
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Pretrain, fine-tune and score the inputs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.
        y : array-like of shape (n_samples,)
            Classes (integers, booleans, strings or categories) or a quantity
            (floating-point numbers).

        Returns
        -------
        self : DeepBeliefRanking

        Raises
        ------
        ValueError
            If a parameter, X or y cannot be used.
        """
        with all_or_nothing(self):
            check_hidden_layer_sizes(self.hidden_layer_sizes)
            y_original = y
            with explained():
                X, y = validate_data(self, X, y, dtype=FLOATS, ensure_min_samples=2)
            y = without_objects(y)
            self.scaler_ = MinMaxScaler().set_output(transform="default").fit(X)
            X = self.scaler_.transform(X)
            if default_network(y_original, y) is VIANNClassifier:
                check_classification_targets(y)
                kind = MLPClassifier
            else:
                kind = MLPRegressor
                y = (y - y.mean()) / (y.std() or 1)
            self.networks_ = [
                self._fit_network(kind, X, y, seed)
                for seed in draw_seeds(self.random_state, self.n_repeats)
            ]
            self.importances_ = np.array(
                [_carried_weights(network.coefs_) for network in self.networks_]
            )
            self.importances_std_ = self.importances_.std(axis=0)
            self.feature_importances_ = self.importances_.mean(axis=0)
        return self

    def _fit_network(self, kind, X, y, seed):
        sizes = tuple(int(size) for size in self.hidden_layer_sizes)
        network = kind(
            hidden_layer_sizes=sizes,
            activation="logistic",
            learning_rate_init=0.01,
            max_iter=self.max_iter,
            warm_start=True,
            random_state=seed,
        )
        # Creates the weights; those of the hidden layers are then replaced.
        every = {"classes": np.unique(y)} if kind is MLPClassifier else {}
        network.partial_fit(X, y, **every)
        inputs = X
        for layer, size in enumerate(sizes):
            machine = BernoulliRBM(
                size, n_iter=self.pretraining_epochs, random_state=seed
            )
            machine.set_output(transform="default").fit(inputs)
            network.coefs_[layer] = machine.components_.T
            network.intercepts_[layer] = machine.intercept_hidden_
            inputs = machine.transform(inputs)
        return network.fit(X, y)


def _carried_weights(coefs):
    """Absolute weights through all layers, as shares of the inputs."""
    carried = np.ones(coefs[-1].shape[1])
    for weights in reversed(coefs):
        carried = np.abs(weights) @ carried
    return sum_to_one(carried)
