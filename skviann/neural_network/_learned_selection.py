"""Networks that learn which features they need, in other ways than VIANN."""

from numbers import Real

from skviann._docstrings import composed
from skviann._sklearn_compat import Interval
from skviann.neural_network._base import (
    OF_CLASSES,
    OF_QUANTITIES,
    SHARED,
    BaseNetwork,
    NetworkClassifier,
    NetworkRegressor,
    set_parameters,
)

_ALPHA = [Interval(Real, 0, None, closed="left")]


class _DeepFeatureSelection(BaseNetwork):
    """Networks behind a one-to-one layer."""

    _parameter_constraints: dict = {
        **BaseNetwork._parameter_constraints,
        "alpha": _ALPHA,
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        hidden_layer_sizes=(64, 32),
        activation="relu",
        *,
        alpha=0.01,
        l1_ratio=0.5,
        n_members=8,
        n_bins=4,
        learning_rate=0.01,
        batch_size="auto",
        epochs="auto",
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        categorical_features="from_dtype",
        max_categories=32,
        feature_groups=None,
        random_state=None,
        verbose=0,
    ):
        set_parameters(locals())

    def _selection(self):
        settings = ("alpha", float(self.alpha)), ("l1_ratio", float(self.l1_ratio))
        return "OneToOne", *settings


_ONE_TO_ONE = """
alpha : float, default=0.01
    Size of the penalty.
l1_ratio : float, default=0.5
    1 is the lasso's penalty, 0 the ridge's.
learning_rate : float, default=0.01
    Step size of the optimizer, Adam; larger than VIANN's, for the weights have a
    way to go.
feature_importances_ : ndarray of shape (n_features,)
    Mean of `importances_`: non-negative, summing to 1.
importances_ : ndarray of shape (n_members, n_features)
    Absolute weights by each member, as shares that sum to 1.
paper:
Y. Li, C.-Y. Chen, W. W. Wasserman (2015), "Deep Feature Selection: Theory and
Application to Identify Enhancers and Promoters", RECOMB, LNCS 9029, equation 4.
"""


@composed(SHARED, OF_CLASSES, _ONE_TO_ONE)
class DeepFeatureSelectionClassifier(NetworkClassifier, _DeepFeatureSelection):
    """Classifier with a weight in front of each feature, under an elastic net.

    Every feature is multiplied by a weight of its own before the first hidden layer
    sees it. The weights start at 1, and

        ``alpha * sum over j of (l1_ratio * |w[j]| + (1 - l1_ratio) / 2 * w[j]**2)``

    is added to the loss: those of features that do not earn their cost shrink. The
    importance of a feature is the absolute weight.

    Unlike in the paper, there is no penalty on the other layers' weights; the training
    is too short for these to grow in place of the first ones.

    Parameters
    ----------
    {hidden_layer_sizes, activation, alpha, l1_ratio, learning_rate, n_members}
    {n_bins, batch_size, epochs, early_stopping, validation_fraction}
    {n_iter_no_change, categorical_features, max_categories, feature_groups}
    {random_state, verbose}

    Attributes
    ----------
    {feature_importances_, importances_, importances_std_, classes_, model_, scaler_}
    {history_, n_features_in_, feature_names_in_}

    References
    ----------
    {paper}

    Examples
    --------
    >>> from skviann import DeepFeatureSelectionClassifier
    {some_classes}
    >>> network = DeepFeatureSelectionClassifier(random_state=0).fit(X, y)
    >>> sorted(network.feature_importances_.argsort()[-3:].tolist())
    [0, 1, 2]
    """


@composed(SHARED, OF_QUANTITIES, _ONE_TO_ONE)
class DeepFeatureSelectionRegressor(NetworkRegressor, _DeepFeatureSelection):
    """Regressor with a weight in front of each feature, under an elastic net.

    See `DeepFeatureSelectionClassifier` for the method.

    Parameters
    ----------
    {hidden_layer_sizes, activation, alpha, l1_ratio, learning_rate, n_members}
    {n_bins, batch_size, epochs, early_stopping, validation_fraction}
    {n_iter_no_change, categorical_features, max_categories, feature_groups}
    {random_state, verbose}

    Attributes
    ----------
    {feature_importances_, importances_, importances_std_, model_, scaler_}
    {target_scaler_, history_, n_features_in_, feature_names_in_}

    References
    ----------
    {paper}

    Examples
    --------
    >>> from skviann import DeepFeatureSelectionRegressor
    {a_quantity}
    >>> network = DeepFeatureSelectionRegressor(random_state=0).fit(X, y)
    >>> sorted(network.feature_importances_.argsort()[-2:].tolist())
    [0, 1]
    """


class _DropoutRanking(BaseNetwork):
    """Networks behind a layer that learns a dropout rate for each feature."""

    _parameter_constraints: dict = {
        **BaseNetwork._parameter_constraints,
        "alpha": _ALPHA,
    }

    def __init__(
        self,
        hidden_layer_sizes=(64, 32),
        activation="relu",
        *,
        alpha=0.01,
        n_members=8,
        n_bins=4,
        learning_rate=0.01,
        batch_size="auto",
        epochs="auto",
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        categorical_features="from_dtype",
        max_categories=32,
        feature_groups=None,
        random_state=None,
        verbose=0,
    ):
        set_parameters(locals())

    def _selection(self):
        return "LearnedDropout", ("alpha", float(self.alpha))


_DROPOUT = """
alpha : float, default=0.01
    Cost of a feature that is always kept, in units of the loss.
learning_rate : float, default=0.01
    Step size of the optimizer, Adam; larger than VIANN's, for the rates have a way
    to go.
feature_importances_ : ndarray of shape (n_features,)
    Mean of `importances_`: non-negative, summing to 1.
importances_ : ndarray of shape (n_members, n_features)
    Probabilities to be kept by each member, as shares that sum to 1.
paper:
C.-H. Chang, L. Rampasek, A. Goldenberg (2017), "Dropout Feature Ranking for Deep
Learning Models", arXiv 1712.08645, section 3.
"""


@composed(SHARED, OF_CLASSES, _DROPOUT)
class DropoutRankingClassifier(NetworkClassifier, _DropoutRanking):
    """Classifier that learns a dropout rate for each feature.

    While it trains, each feature is dropped from a row with a probability that is
    learned with the weights, and ``alpha * sum over j of (probability to keep j)`` is
    added to the loss: features that do not earn their cost are dropped more and more.
    The importance of a feature is the probability that it is kept.

    Parameters
    ----------
    {hidden_layer_sizes, activation, alpha, learning_rate, n_members, n_bins}
    {batch_size, epochs, early_stopping, validation_fraction, n_iter_no_change}
    {categorical_features, max_categories, feature_groups, random_state, verbose}

    Attributes
    ----------
    {feature_importances_, importances_, importances_std_, classes_, model_, scaler_}
    {history_, n_features_in_, feature_names_in_}

    References
    ----------
    {paper}

    Examples
    --------
    >>> from skviann import DropoutRankingClassifier
    {some_classes}
    >>> network = DropoutRankingClassifier(random_state=0).fit(X, y)
    >>> sorted(network.feature_importances_.argsort()[-3:].tolist())
    [0, 1, 2]
    """


@composed(SHARED, OF_QUANTITIES, _DROPOUT)
class DropoutRankingRegressor(NetworkRegressor, _DropoutRanking):
    """Regressor that learns a dropout rate for each feature.

    See `DropoutRankingClassifier` for the method.

    Parameters
    ----------
    {hidden_layer_sizes, activation, alpha, learning_rate, n_members, n_bins}
    {batch_size, epochs, early_stopping, validation_fraction, n_iter_no_change}
    {categorical_features, max_categories, feature_groups, random_state, verbose}

    Attributes
    ----------
    {feature_importances_, importances_, importances_std_, model_, scaler_}
    {target_scaler_, history_, n_features_in_, feature_names_in_}

    References
    ----------
    {paper}

    Examples
    --------
    >>> from skviann import DropoutRankingRegressor
    {a_quantity}
    >>> network = DropoutRankingRegressor(random_state=0).fit(X, y)
    >>> sorted(network.feature_importances_.argsort()[-2:].tolist())
    [0, 1]
    """
