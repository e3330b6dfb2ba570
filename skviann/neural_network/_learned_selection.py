"""Networks that learn which features they need, in other ways than VIANN."""

from numbers import Real

from skviann._sklearn_compat import Interval
from skviann.neural_network._base import (
    BaseNetwork,
    NetworkClassifier,
    NetworkRegressor,
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
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            n_members=n_members,
            n_bins=n_bins,
            learning_rate=learning_rate,
            batch_size=batch_size,
            epochs=epochs,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            categorical_features=categorical_features,
            max_categories=max_categories,
            feature_groups=feature_groups,
            random_state=random_state,
            verbose=verbose,
        )
        self.alpha = alpha
        self.l1_ratio = l1_ratio

    def _selection(self):
        settings = ("alpha", float(self.alpha)), ("l1_ratio", float(self.l1_ratio))
        return "OneToOne", *settings


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
    hidden_layer_sizes : sequence of int, default=(64, 32)
        Units of each hidden layer. Empty: a linear model.
    activation : str, default="relu"
        Keras's name of the hidden layers' activation.
    alpha : float, default=0.01
        Size of the penalty.
    l1_ratio : float, default=0.5
        1 is the lasso's penalty, 0 the ridge's.
    learning_rate : float, default=0.01
        Step size of the optimizer, Adam; larger than VIANN's, for the weights have a
        way to go.
    n_members : int, default=8
        Independent networks that are trained together, on the same batches but from
        other initial weights. Predictions and importances are their means, for the
        importances of one network are noisy.
    n_bins : int, default=4
        Quantile bins in which the networks see each feature
        (`skviann.layers.PiecewiseLinearEncoding`); 1 is standardisation alone.
    batch_size : int or "auto", default="auto"
        Rows a training step. "auto" is 32 up to 4,800 rows, then more, up to 256.
    epochs : int or "auto", default="auto"
        Passes over the rows, at least 2. "auto" means about 150 training steps,
        whatever the number of rows, but no more than 50 passes; what counts as an epoch
        for `history_` is then at most 10 steps (30 for very wide data).
    early_stopping : bool, default=False
        Whether to hold out rows, drawn at random, and to stop when their loss has not
        fallen for `n_iter_no_change` epochs. The weights of the epoch with the lowest
        loss are kept.
    validation_fraction : float, default=0.1
        Share of the rows that is held out for `early_stopping`.
    n_iter_no_change : int, default=10
        Epochs without a lower loss before the training stops.
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        Columns whose values are levels, in no order. "from_dtype": those of categories
        and of text, unless all of it is dates or numbers. Or names, numbers or a
        boolean mask of columns; None is no column.
    max_categories : int, default=32
        Levels of a column that the networks tell apart, the most frequent ones. The
        others are one level, together with those that have fewer than 5 rows or less
        than 0.5 % of those that are not missing.
    feature_groups : dict or array-like, default=None
        Columns that are one feature, as those of a one-hot encoder: a dict of the
        group's name to its columns, by name or number; or a label for each column, None
        for one on its own. Each column of a group has the importance of the group.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same result each time, to the last bit on the same machine.
        None draws a new seed for each fit; unlike elsewhere in scikit-learn, NumPy's
        global random state has no influence and is not changed.
    verbose : int, default=0
        0 is silent, 1 prints a line an epoch.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,)
        Mean of `importances_`: non-negative, summing to 1.
    importances_ : ndarray of shape (n_members, n_features)
        Absolute weights by each member, as shares that sum to 1.
    importances_std_ : ndarray of shape (n_features,)
        Standard deviation of `importances_` over members.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    model_ : keras.Model
        The trained network: from scaled features to the members' mean output, which is
        the probability of the second of two classes, or of each of several classes or
        labels. Of a table with more than numbers without gaps, from what `encode`
        returns.
    scaler_ : RobustScaler
        Scales features for `model_`. Only where all columns are numbers without gaps.
    history_ : dict of str to list of float
        By epoch: "loss", the log loss of the mean member, and with `early_stopping`
        "val_loss", that of the rows held out.
    n_features_in_ : int
        Number of features seen by fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    References
    ----------
    Y. Li, C.-Y. Chen, W. W. Wasserman (2015), "Deep Feature Selection: Theory and
    Application to Identify Enhancers and Promoters", RECOMB, LNCS 9029, equation 4.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from skviann import DeepFeatureSelectionClassifier
    >>> X, y = make_classification(
    ...     n_samples=300, n_features=10, n_informative=3, n_redundant=0,
    ...     shuffle=False, class_sep=2.0, random_state=0,
    ... )
    >>> network = DeepFeatureSelectionClassifier(random_state=0).fit(X, y)
    >>> sorted(network.feature_importances_.argsort()[-3:].tolist())
    [0, 1, 2]
    """


class DeepFeatureSelectionRegressor(NetworkRegressor, _DeepFeatureSelection):
    """Regressor with a weight in front of each feature, under an elastic net.

    See `DeepFeatureSelectionClassifier` for the method.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(64, 32)
        Units of each hidden layer. Empty: a linear model.
    activation : str, default="relu"
        Keras's name of the hidden layers' activation.
    alpha : float, default=0.01
        Size of the penalty.
    l1_ratio : float, default=0.5
        1 is the lasso's penalty, 0 the ridge's.
    learning_rate : float, default=0.01
        Step size of the optimizer, Adam; larger than VIANN's, for the weights have a
        way to go.
    n_members : int, default=8
        Independent networks that are trained together, on the same batches but from
        other initial weights. Predictions and importances are their means, for the
        importances of one network are noisy.
    n_bins : int, default=4
        Quantile bins in which the networks see each feature
        (`skviann.layers.PiecewiseLinearEncoding`); 1 is standardisation alone.
    batch_size : int or "auto", default="auto"
        Rows a training step. "auto" is 32 up to 4,800 rows, then more, up to 256.
    epochs : int or "auto", default="auto"
        Passes over the rows, at least 2. "auto" means about 150 training steps,
        whatever the number of rows, but no more than 50 passes; what counts as an epoch
        for `history_` is then at most 10 steps (30 for very wide data).
    early_stopping : bool, default=False
        Whether to hold out rows, drawn at random, and to stop when their loss has not
        fallen for `n_iter_no_change` epochs. The weights of the epoch with the lowest
        loss are kept.
    validation_fraction : float, default=0.1
        Share of the rows that is held out for `early_stopping`.
    n_iter_no_change : int, default=10
        Epochs without a lower loss before the training stops.
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        Columns whose values are levels, in no order. "from_dtype": those of categories
        and of text, unless all of it is dates or numbers. Or names, numbers or a
        boolean mask of columns; None is no column.
    max_categories : int, default=32
        Levels of a column that the networks tell apart, the most frequent ones. The
        others are one level, together with those that have fewer than 5 rows or less
        than 0.5 % of those that are not missing.
    feature_groups : dict or array-like, default=None
        Columns that are one feature, as those of a one-hot encoder: a dict of the
        group's name to its columns, by name or number; or a label for each column, None
        for one on its own. Each column of a group has the importance of the group.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same result each time, to the last bit on the same machine.
        None draws a new seed for each fit; unlike elsewhere in scikit-learn, NumPy's
        global random state has no influence and is not changed.
    verbose : int, default=0
        0 is silent, 1 prints a line an epoch.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,)
        Mean of `importances_`: non-negative, summing to 1.
    importances_ : ndarray of shape (n_members, n_features)
        Absolute weights by each member, as shares that sum to 1.
    importances_std_ : ndarray of shape (n_features,)
        Standard deviation of `importances_` over members.
    model_ : keras.Model
        The trained network: from scaled features to the members' mean prediction of
        standardised targets. Of a table with more than numbers without gaps, from what
        `encode` returns.
    scaler_ : RobustScaler
        Scales features for `model_`. Only where all columns are numbers without gaps.
    target_scaler_ : StandardScaler
        Standardises targets.
    history_ : dict of str to list of float
        By epoch: "loss", the squared error of the mean member in squared standard
        deviations of the target, and with `early_stopping` "val_loss", that of the rows
        held out.
    n_features_in_ : int
        Number of features seen by fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    References
    ----------
    Y. Li, C.-Y. Chen, W. W. Wasserman (2015), "Deep Feature Selection: Theory and
    Application to Identify Enhancers and Promoters", RECOMB, LNCS 9029, equation 4.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from skviann import DeepFeatureSelectionRegressor
    >>> X, y = make_regression(
    ...     n_features=6, n_informative=2, shuffle=False, random_state=0
    ... )
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
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            n_members=n_members,
            n_bins=n_bins,
            learning_rate=learning_rate,
            batch_size=batch_size,
            epochs=epochs,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            categorical_features=categorical_features,
            max_categories=max_categories,
            feature_groups=feature_groups,
            random_state=random_state,
            verbose=verbose,
        )
        self.alpha = alpha

    def _selection(self):
        return "LearnedDropout", ("alpha", float(self.alpha))


class DropoutRankingClassifier(NetworkClassifier, _DropoutRanking):
    """Classifier that learns a dropout rate for each feature.

    While it trains, each feature is dropped from a row with a probability that is
    learned with the weights, and ``alpha * sum over j of (probability to keep j)`` is
    added to the loss: features that do not earn their cost are dropped more and more.
    The importance of a feature is the probability that it is kept.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(64, 32)
        Units of each hidden layer. Empty: a linear model.
    activation : str, default="relu"
        Keras's name of the hidden layers' activation.
    alpha : float, default=0.01
        Cost of a feature that is always kept, in units of the loss.
    learning_rate : float, default=0.01
        Step size of the optimizer, Adam; larger than VIANN's, for the rates have a way
        to go.
    n_members : int, default=8
        Independent networks that are trained together, on the same batches but from
        other initial weights. Predictions and importances are their means, for the
        importances of one network are noisy.
    n_bins : int, default=4
        Quantile bins in which the networks see each feature
        (`skviann.layers.PiecewiseLinearEncoding`); 1 is standardisation alone.
    batch_size : int or "auto", default="auto"
        Rows a training step. "auto" is 32 up to 4,800 rows, then more, up to 256.
    epochs : int or "auto", default="auto"
        Passes over the rows, at least 2. "auto" means about 150 training steps,
        whatever the number of rows, but no more than 50 passes; what counts as an epoch
        for `history_` is then at most 10 steps (30 for very wide data).
    early_stopping : bool, default=False
        Whether to hold out rows, drawn at random, and to stop when their loss has not
        fallen for `n_iter_no_change` epochs. The weights of the epoch with the lowest
        loss are kept.
    validation_fraction : float, default=0.1
        Share of the rows that is held out for `early_stopping`.
    n_iter_no_change : int, default=10
        Epochs without a lower loss before the training stops.
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        Columns whose values are levels, in no order. "from_dtype": those of categories
        and of text, unless all of it is dates or numbers. Or names, numbers or a
        boolean mask of columns; None is no column.
    max_categories : int, default=32
        Levels of a column that the networks tell apart, the most frequent ones. The
        others are one level, together with those that have fewer than 5 rows or less
        than 0.5 % of those that are not missing.
    feature_groups : dict or array-like, default=None
        Columns that are one feature, as those of a one-hot encoder: a dict of the
        group's name to its columns, by name or number; or a label for each column, None
        for one on its own. Each column of a group has the importance of the group.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same result each time, to the last bit on the same machine.
        None draws a new seed for each fit; unlike elsewhere in scikit-learn, NumPy's
        global random state has no influence and is not changed.
    verbose : int, default=0
        0 is silent, 1 prints a line an epoch.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,)
        Mean of `importances_`: non-negative, summing to 1.
    importances_ : ndarray of shape (n_members, n_features)
        Probabilities to be kept by each member, as shares that sum to 1.
    importances_std_ : ndarray of shape (n_features,)
        Standard deviation of `importances_` over members.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    model_ : keras.Model
        The trained network: from scaled features to the members' mean output, which is
        the probability of the second of two classes, or of each of several classes or
        labels. Of a table with more than numbers without gaps, from what `encode`
        returns.
    scaler_ : RobustScaler
        Scales features for `model_`. Only where all columns are numbers without gaps.
    history_ : dict of str to list of float
        By epoch: "loss", the log loss of the mean member, and with `early_stopping`
        "val_loss", that of the rows held out.
    n_features_in_ : int
        Number of features seen by fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    References
    ----------
    C.-H. Chang, L. Rampasek, A. Goldenberg (2017), "Dropout Feature Ranking for Deep
    Learning Models", arXiv 1712.08645, section 3.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from skviann import DropoutRankingClassifier
    >>> X, y = make_classification(
    ...     n_samples=300, n_features=10, n_informative=3, n_redundant=0,
    ...     shuffle=False, class_sep=2.0, random_state=0,
    ... )
    >>> network = DropoutRankingClassifier(random_state=0).fit(X, y)
    >>> sorted(network.feature_importances_.argsort()[-3:].tolist())
    [0, 1, 2]
    """


class DropoutRankingRegressor(NetworkRegressor, _DropoutRanking):
    """Regressor that learns a dropout rate for each feature.

    See `DropoutRankingClassifier` for the method.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(64, 32)
        Units of each hidden layer. Empty: a linear model.
    activation : str, default="relu"
        Keras's name of the hidden layers' activation.
    alpha : float, default=0.01
        Cost of a feature that is always kept, in units of the loss.
    learning_rate : float, default=0.01
        Step size of the optimizer, Adam; larger than VIANN's, for the rates have a way
        to go.
    n_members : int, default=8
        Independent networks that are trained together, on the same batches but from
        other initial weights. Predictions and importances are their means, for the
        importances of one network are noisy.
    n_bins : int, default=4
        Quantile bins in which the networks see each feature
        (`skviann.layers.PiecewiseLinearEncoding`); 1 is standardisation alone.
    batch_size : int or "auto", default="auto"
        Rows a training step. "auto" is 32 up to 4,800 rows, then more, up to 256.
    epochs : int or "auto", default="auto"
        Passes over the rows, at least 2. "auto" means about 150 training steps,
        whatever the number of rows, but no more than 50 passes; what counts as an epoch
        for `history_` is then at most 10 steps (30 for very wide data).
    early_stopping : bool, default=False
        Whether to hold out rows, drawn at random, and to stop when their loss has not
        fallen for `n_iter_no_change` epochs. The weights of the epoch with the lowest
        loss are kept.
    validation_fraction : float, default=0.1
        Share of the rows that is held out for `early_stopping`.
    n_iter_no_change : int, default=10
        Epochs without a lower loss before the training stops.
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        Columns whose values are levels, in no order. "from_dtype": those of categories
        and of text, unless all of it is dates or numbers. Or names, numbers or a
        boolean mask of columns; None is no column.
    max_categories : int, default=32
        Levels of a column that the networks tell apart, the most frequent ones. The
        others are one level, together with those that have fewer than 5 rows or less
        than 0.5 % of those that are not missing.
    feature_groups : dict or array-like, default=None
        Columns that are one feature, as those of a one-hot encoder: a dict of the
        group's name to its columns, by name or number; or a label for each column, None
        for one on its own. Each column of a group has the importance of the group.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same result each time, to the last bit on the same machine.
        None draws a new seed for each fit; unlike elsewhere in scikit-learn, NumPy's
        global random state has no influence and is not changed.
    verbose : int, default=0
        0 is silent, 1 prints a line an epoch.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,)
        Mean of `importances_`: non-negative, summing to 1.
    importances_ : ndarray of shape (n_members, n_features)
        Probabilities to be kept by each member, as shares that sum to 1.
    importances_std_ : ndarray of shape (n_features,)
        Standard deviation of `importances_` over members.
    model_ : keras.Model
        The trained network: from scaled features to the members' mean prediction of
        standardised targets. Of a table with more than numbers without gaps, from what
        `encode` returns.
    scaler_ : RobustScaler
        Scales features for `model_`. Only where all columns are numbers without gaps.
    target_scaler_ : StandardScaler
        Standardises targets.
    history_ : dict of str to list of float
        By epoch: "loss", the squared error of the mean member in squared standard
        deviations of the target, and with `early_stopping` "val_loss", that of the rows
        held out.
    n_features_in_ : int
        Number of features seen by fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    References
    ----------
    C.-H. Chang, L. Rampasek, A. Goldenberg (2017), "Dropout Feature Ranking for Deep
    Learning Models", arXiv 1712.08645, section 3.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from skviann import DropoutRankingRegressor
    >>> X, y = make_regression(
    ...     n_features=6, n_informative=2, shuffle=False, random_state=0
    ... )
    >>> network = DropoutRankingRegressor(random_state=0).fit(X, y)
    >>> sorted(network.feature_importances_.argsort()[-2:].tolist())
    [0, 1]
    """
