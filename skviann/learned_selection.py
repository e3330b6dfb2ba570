"""Networks that learn which features they need, in other ways than VIANN."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, _fit_context, clone
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectFromModel, SelectorMixin
from sklearn.neural_network import BernoulliRBM, MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import check_array
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from skviann._validation import (
    FLOATS,
    LinkedToDocs,
    all_or_nothing,
    check_threshold,
    draw_seeds,
    explained,
    without_objects,
)
from skviann.neural_network import (
    BaseNetwork,
    NetworkClassifier,
    NetworkRegressor,
    VIANNClassifier,
    check_hidden_layer_sizes,
    default_network,
)
from skviann.variance import sum_to_one

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
        optimizer="adam",
        learning_rate=0.01,
        batch_size="auto",
        epochs="auto",
        validation_split=0.0,
        callbacks=None,
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            n_members=n_members,
            n_bins=n_bins,
            optimizer=optimizer,
            learning_rate=learning_rate,
            batch_size=batch_size,
            epochs=epochs,
            validation_split=validation_split,
            callbacks=callbacks,
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
    learning_rate : float or None, default=0.01
        Step size of the optimizer; larger than VIANN's, for the weights have a way to
        go. None: the optimizer's own.
    n_members, n_bins, optimizer, batch_size, epochs, validation_split, callbacks, \
random_state, verbose
        As in `VIANNClassifier`.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,)
        Mean of `importances_`: non-negative, summing to 1.
    importances_ : ndarray of shape (n_members, n_features)
        Absolute weights by each member, as shares that sum to 1.
    importances_std_ : ndarray of shape (n_features,)
        Their standard deviation over members.
    classes_, model_, scaler_, history_, n_features_in_, feature_names_in_
        As in `VIANNClassifier`.

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

    See `DeepFeatureSelectionClassifier` for the method and the parameters, and
    `VIANNRegressor` for targets and predictions.

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
        optimizer="adam",
        learning_rate=0.01,
        batch_size="auto",
        epochs="auto",
        validation_split=0.0,
        callbacks=None,
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            n_members=n_members,
            n_bins=n_bins,
            optimizer=optimizer,
            learning_rate=learning_rate,
            batch_size=batch_size,
            epochs=epochs,
            validation_split=validation_split,
            callbacks=callbacks,
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
    learning_rate : float or None, default=0.01
        Step size of the optimizer; larger than VIANN's, for the rates have a way to go.
        None: the optimizer's own.
    n_members, n_bins, optimizer, batch_size, epochs, validation_split, callbacks, \
random_state, verbose
        As in `VIANNClassifier`.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,)
        Mean of `importances_`: non-negative, summing to 1.
    importances_ : ndarray of shape (n_members, n_features)
        Probabilities to be kept by each member, as shares that sum to 1.
    importances_std_ : ndarray of shape (n_features,)
        Their standard deviation over members.
    classes_, model_, scaler_, history_, n_features_in_, feature_names_in_
        As in `VIANNClassifier`.

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

    See `DropoutRankingClassifier` for the method and the parameters, and
    `VIANNRegressor` for targets and predictions.

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


class _Student(NetworkRegressor, BaseNetwork):
    """One hidden layer, with weights that vanish for whole features."""

    _parameter_constraints: dict = {
        **BaseNetwork._parameter_constraints,
        "n_units": [Interval(Integral, 1, None, closed="left")],
        "alpha": _ALPHA,
    }

    def __init__(self, *, n_units, alpha, n_members, n_bins, random_state):
        super().__init__(
            hidden_layer_sizes=(),
            n_members=n_members,
            n_bins=n_bins,
            learning_rate=0.01,
            random_state=random_state,
        )
        self.n_units = n_units
        self.alpha = alpha

    def _selection(self):
        return (
            "RowSparseDense",
            ("units", int(self.n_units)),
            ("activation", self.activation),
            ("alpha", float(self.alpha)),
        )


class TeacherStudentSelector(SelectorMixin, LinkedToDocs, BaseEstimator):
    """Select the features that a simple network needs to imitate a teacher.

    The teacher finds a representation of the rows in few dimensions; the student, a
    network with one hidden layer, learns to compute it from the features, with

        ``alpha * sum over features j of the norm of the weights W[j, :]``

    added to its loss, so that the first weights of features that it can do without
    vanish as a whole. The importance of a feature is the norm of its weights.

    Parameters
    ----------
    teacher : estimator, default=None
        A transformer, as in `sklearn.decomposition` and `sklearn.manifold`, or a
        classifier or regressor, whose probabilities or predictions are then the
        representation. None: the first two principal components of the standardised
        features if `fit` is called without `y`; with `y`, a `VIANNClassifier` for
        integers, booleans, strings or categories, a `VIANNRegressor` for floating-point
        numbers.
    threshold : str or float, default=None
        As in `sklearn.feature_selection.SelectFromModel`: "mean" (None means the same),
        "median", a multiple such as "1.25*mean", or a number.
    max_features : int, default=None
        Keep no more than this many; the threshold still applies.
    n_units : int, default=64
        Units of the student's hidden layer.
    alpha : float, default=0.1
        Size of the penalty.
    n_members : int, default=8
        Students that are trained together, and averaged.
    n_bins : int, default=4
        Quantile bins in which they see each feature; 1 is standardisation alone.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same result each time. A teacher that is passed in keeps its
        own.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,)
        Mean of `importances_`: non-negative, summing to 1.
    importances_ : ndarray of shape (n_members, n_features)
        Norms by each student, as shares that sum to 1.
    importances_std_ : ndarray of shape (n_features,)
        Their standard deviation over students.
    threshold_ : float
        The threshold in force.
    teacher_ : estimator
        The fitted teacher.
    n_features_in_ : int
        Number of features seen by fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    References
    ----------
    A. Mirzaei, V. Pourahmadi, M. Soltani, H. Sheikhzadeh (2019), "Deep Feature
    Selection using a Teacher-Student Network", arXiv 1903.07045.

    Examples
    --------
    Without a target: the first two columns vary together, the others on their own.

    >>> import numpy as np
    >>> from skviann import TeacherStudentSelector
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 8))
    >>> X[:, 1] = X[:, 0] + 0.3 * X[:, 1]
    >>> X[:, 3] = X[:, 2] + 0.3 * X[:, 3]
    >>> TeacherStudentSelector(random_state=0).fit(X).get_support(indices=True)
    array([0, 1, 2, 3])
    """

    _parameter_constraints: dict = {
        "teacher": [
            HasMethods(["fit_transform"]),
            HasMethods(["fit", "predict"]),
            None,
        ],
        "threshold": SelectFromModel._parameter_constraints["threshold"],
        "max_features": [Interval(Integral, 0, None, closed="left"), None],
        "n_units": _Student._parameter_constraints["n_units"],
        "alpha": _ALPHA,
        "n_members": BaseNetwork._parameter_constraints["n_members"],
        "n_bins": BaseNetwork._parameter_constraints["n_bins"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        teacher=None,
        *,
        threshold=None,
        max_features=None,
        n_units=64,
        alpha=0.1,
        n_members=8,
        n_bins=4,
        random_state=None,
    ):
        self.teacher = teacher
        self.threshold = threshold
        self.max_features = max_features
        self.n_units = n_units
        self.alpha = alpha
        self.n_members = n_members
        self.n_bins = n_bins
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Let the teacher learn, then the student from the teacher.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The target, for a teacher that needs one.

        Returns
        -------
        self : TeacherStudentSelector

        Raises
        ------
        ValueError
            If a parameter, X or y cannot be used.
        """
        with all_or_nothing(self):
            check_threshold(self.threshold)
            y_original = y
            with explained():
                X = validate_data(self, X, dtype=FLOATS, ensure_min_samples=2)
                if y is not None:
                    y = check_array(y, ensure_2d=False, dtype=None, input_name="y")
                    y = without_objects(y)
            teacher_seed, student_seed = draw_seeds(self.random_state, 2)
            if self.teacher is not None:
                self.teacher_ = clone(self.teacher)
            elif y is None:
                n_components = min(2, *X.shape)
                self.teacher_ = make_pipeline(StandardScaler(), PCA(n_components))
            else:
                kind = default_network(y_original, y)
                self.teacher_ = kind(random_state=teacher_seed)
            student = _Student(
                n_units=self.n_units,
                alpha=self.alpha,
                n_members=self.n_members,
                n_bins=self.n_bins,
                random_state=student_seed,
            ).fit(X, self._represent(X, y))
            self.importances_ = student.importances_
            self.importances_std_ = student.importances_std_
            self.feature_importances_ = student.feature_importances_
        return self

    def _represent(self, X, y):
        if hasattr(self.teacher_, "fit_transform"):
            representation = self.teacher_.fit_transform(X, y)
        elif hasattr(self.teacher_, "predict_proba"):
            representation = self.teacher_.fit(X, y).predict_proba(X)
        else:
            representation = self.teacher_.fit(X, y).predict(X)
        return np.squeeze(representation)

    @property
    def threshold_(self):
        """Importance from which a feature is kept."""
        return self._as_select_from_model().threshold_

    def _get_support_mask(self):
        return self._as_select_from_model().get_support()

    def _as_select_from_model(self):
        check_is_fitted(self)
        selector = SelectFromModel(
            self, threshold=self.threshold, max_features=self.max_features, prefit=True
        )
        selector.estimator_ = self  # for its threshold_, which a fit would copy
        return selector


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
    n_features_in_ : int
        Number of features seen by fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    References
    ----------
    G. E. Hinton, S. Osindero, Y.-W. Teh (2006), "A Fast Learning Algorithm for Deep
    Belief Nets", Neural Computation 18(7), 1527-1554 (the pretraining).

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from skviann import DeepBeliefRanking
    >>> X, y = make_classification(
    ...     n_samples=300, n_features=10, n_informative=3, n_redundant=0,
    ...     shuffle=False, class_sep=2.0, random_state=0,
    ... )
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
            self.scaler_ = MinMaxScaler().fit(X)
            X = self.scaler_.transform(X)
            if default_network(y_original, y) is VIANNClassifier:
                check_classification_targets(y)
                kind = MLPClassifier
            else:
                kind = MLPRegressor
                y = StandardScaler().fit_transform(y.reshape(-1, 1)).ravel()
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
            ).fit(inputs)
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
