"""Multilayer perceptrons that know how much they use each feature."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, _fit_context
from sklearn.preprocessing import RobustScaler, StandardScaler
from sklearn.utils import compute_sample_weight
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from skviann._validation import (
    FLOATS,
    LinkedToDocs,
    all_or_nothing,
    check_finite,
    draw_seeds,
    explained,
    spread_rows,
    take_rows,
)

# What "auto" stands for: steps in all, the most epochs of few rows, and the batches
# with which one pass over many rows is enough.
_AUTO_STEPS = 150
_AUTO_EPOCHS = 50
_AUTO_BATCH_SIZES = (32, 256)
# An epoch of epochs="auto" is at most that many steps; more where weights are many,
# for each epoch's end looks at all of them.
_AUTO_STEPS_PER_EPOCH = 10
_MANY_WEIGHTS = 5_000_000

# Scales and bins of the features are estimated from no more rows, as quantiles are in
# scikit-learn's QuantileTransformer.
_MAX_ROWS_TO_SCALE = 10_000

_VALUES_PER_PREDICTION = 2**22

# An integer target reads as a quantity rather than as labels when it has more than
# _FEW_CLASSES distinct values, and either fewer than _ROWS_PER_CLASS rows for each of
# them or more than _MANY_CLASSES of them.
_FEW_CLASSES = 20
_ROWS_PER_CLASS = 10
_MANY_CLASSES = 100


class BaseNetwork(LinkedToDocs, BaseEstimator):
    """Several multilayer perceptrons in one graph, which score their inputs."""

    _parameter_constraints: dict = {
        "hidden_layer_sizes": ["array-like"],
        "activation": [str],
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "n_bins": [Interval(Integral, 1, None, closed="left")],
        "optimizer": [str, HasMethods("get_config")],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "batch_size": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "epochs": [Interval(Integral, 2, None, closed="left"), StrOptions({"auto"})],
        "validation_split": [Interval(Real, 0, 1, closed="left")],
        "callbacks": [list, tuple, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        hidden_layer_sizes=(64, 32),
        activation="relu",
        *,
        n_members=8,
        n_bins=4,
        optimizer="adam",
        learning_rate=None,
        batch_size="auto",
        epochs="auto",
        validation_split=0.0,
        callbacks=None,
        random_state=None,
        verbose=0,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.n_members = n_members
        self.n_bins = n_bins
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.validation_split = validation_split
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    def _fit_network(self, X, y, sample_weight, *, task, n_outputs):
        """Train the network, and keep what it learned."""
        # Imported here, so that importing the library does not load TensorFlow.
        from skviann import _training, models

        models.check_parts(self.activation, self.optimizer, self.callbacks)
        (seed,) = draw_seeds(self.random_state, 1)
        some = spread_rows(len(X), _MAX_ROWS_TO_SCALE)
        sample = take_rows(X, some)
        self.scaler_ = RobustScaler().fit(sample)
        # An attribute in front of `model_`: unpickling it in a new process imports the
        # layers that the model is made of.
        self._architecture = _training.Architecture(
            task=task,
            n_features=X.shape[1],
            n_outputs=n_outputs,
            n_members=int(self.n_members),
            n_bins=int(self.n_bins),
            hidden_layer_sizes=tuple(int(size) for size in self.hidden_layer_sizes),
            activation=self.activation,
            selection=self._selection(),
        )
        self.model_, self.importances_, self.history_ = _training.train(
            self._architecture,
            models.make_optimizer(self.optimizer, self.learning_rate),
            _training.Schedule(*self._plan(*X.shape)),
            X,
            y.reshape(len(y), -1),
            sample_weight,
            prepare=self._scale,
            sample=(
                self._scale(sample),
                None if sample_weight is None else sample_weight[some],
            ),
            held_out=self.validation_split,
            callbacks=self.callbacks,
            seed=seed,
            verbose=int(self.verbose),
        )
        self.feature_importances_ = self.importances_.mean(axis=0)
        self.importances_std_ = self.importances_.std(axis=0)

    def _selection(self):
        """Name and settings of a layer that scores the inputs; None: VIANN does."""
        return None

    def _plan(self, n_samples, n_features):
        """Batch size, epochs, and steps an epoch (None: one pass over the rows)."""
        batch_size, epochs = self.batch_size, self.epochs
        if batch_size == "auto":
            batch_size = int(np.clip(n_samples // _AUTO_STEPS, *_AUTO_BATCH_SIZES))
        n_trained_on = int(n_samples * (1 - self.validation_split))
        if n_trained_on == 0:
            raise ValueError(
                f"validation_split={self.validation_split} of {n_samples} rows leaves "
                "none to train on."
            )
        if epochs != "auto":
            return batch_size, epochs, None
        n_weights = n_features * self.n_bins * self.n_members
        n_weights *= next(iter(self.hidden_layer_sizes), 1)
        steps = _AUTO_STEPS_PER_EPOCH * (3 if n_weights > _MANY_WEIGHTS else 1)
        steps = int(min(steps, np.ceil(n_trained_on / batch_size)))
        return batch_size, min(-(-_AUTO_STEPS // steps), _AUTO_EPOCHS), steps

    def _scale(self, X):
        """Bring rows close to 0 in their own precision, then round to float32."""
        with np.errstate(over="ignore"):
            return self.scaler_.transform(X).astype(np.float32)

    def _predict(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, reset=False, ensure_all_finite=False)
        check_finite(X, self)
        # In full batches, for the last digits of a matrix product depend on its number
        # of rows: a row's prediction shall not depend on the rows beside it.
        n_inputs = X.shape[1] * self.n_bins
        batch_size = int(np.clip(_VALUES_PER_PREDICTION // n_inputs, 16, 512))
        outputs = []
        for first in range(0, len(X), batch_size):
            rows = self._scale(X[first : first + batch_size])
            missing = batch_size - len(rows)
            rows = np.pad(rows, ((0, missing), (0, 0))) if missing else rows
            output = self.model_.predict_on_batch(rows)
            outputs.append(output[: batch_size - missing])
        return np.concatenate(outputs).astype(np.float64)


def check_hidden_layer_sizes(sizes):
    """Raise a ValueError if some are not positive integers."""
    if not all(isinstance(size, Integral) and size > 0 for size in sizes):
        raise ValueError(
            "hidden_layer_sizes must hold the units of each hidden layer, positive "
            f"integers; got {sizes!r}."
        )


def _drop_unweighted(X, y, sample_weight):
    """Drop rows without weight, and bring the other weights to a mean of 1.

    The learning rate then means the same in whatever unit the weights come.
    """
    if sample_weight is None:
        return X, y, None
    sample_weight = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    used = sample_weight > 0
    if not used.any():
        raise ValueError(
            "sample_weight must be positive for at least one row, got zeros only."
        )
    if not used.all():
        X, y, sample_weight = X[used], y[used], sample_weight[used]
    return X, y, sample_weight / sample_weight.mean()


class NetworkClassifier(ClassifierMixin):
    """Fits a network to classes, and predicts them."""

    class_weight = None

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train the network and score its inputs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.
        y : array-like of shape (n_samples,)
            At least two classes: integers, strings or booleans.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        self : estimator
            Itself, fitted.

        Raises
        ------
        ValueError
            If a parameter, X, y or `sample_weight` cannot be used (before training), or
            if the network's weights became NaN or infinite.
        """
        with all_or_nothing(self):
            check_hidden_layer_sizes(self.hidden_layer_sizes)
            with explained():
                X, y = validate_data(
                    self,
                    X,
                    y,
                    dtype=FLOATS,
                    ensure_min_samples=2,
                    ensure_all_finite=False,
                )
            check_finite(X, self)
            check_classification_targets(y)
            if self.class_weight is not None:
                balance = compute_sample_weight(self.class_weight, y)
                sample_weight = _check_sample_weight(sample_weight, X) * balance
            X, y, sample_weight = _drop_unweighted(X, y, sample_weight)
            self.classes_, y = np.unique(y, return_inverse=True)
            y = y.astype(np.int32)
            n_classes = len(self.classes_)
            if n_classes < 2:
                raise ValueError(
                    "y must hold at least two classes in rows of positive weight, got "
                    f"one class only: {self.classes_[0]}."
                )
            self._fit_network(
                X,
                y,
                sample_weight,
                task="binary" if n_classes == 2 else "multiclass",
                n_outputs=1 if n_classes == 2 else n_classes,
            )
        return self

    def predict_proba(self, X):
        """Estimate the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`; every row sums to 1.
        """
        probabilities = self._predict(X)
        if len(self.classes_) == 2:
            probabilities = np.hstack([1 - probabilities, probabilities])
        return probabilities / probabilities.sum(axis=1, keepdims=True)

    def predict(self, X):
        """Predict the class of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The most probable of `classes_`.
        """
        most_probable = self.predict_proba(X).argmax(axis=1)
        return self.classes_[most_probable]


class NetworkRegressor(RegressorMixin):
    """Fits a network to quantities, and predicts them."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train the network and score its inputs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Finite numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        self : estimator
            Itself, fitted.

        Raises
        ------
        ValueError
            If a parameter, X, y or `sample_weight` cannot be used (before training), or
            if the network's weights became NaN or infinite.
        """
        with all_or_nothing(self):
            check_hidden_layer_sizes(self.hidden_layer_sizes)
            with explained():
                X, y = validate_data(
                    self,
                    X,
                    y,
                    dtype=FLOATS,
                    multi_output=True,
                    y_numeric=True,
                    ensure_min_samples=2,
                    ensure_all_finite=False,
                )
            check_finite(X, self)
            if y.ndim == 2 and y.shape[1] == 1:
                y = column_or_1d(y, warn=True)
            X, y, sample_weight = _drop_unweighted(X, y, sample_weight)
            outputs = y.reshape(len(y), -1)
            self._is_single_output = y.ndim == 1
            self.target_scaler_ = StandardScaler()
            self.target_scaler_.fit(outputs, sample_weight=sample_weight)
            self._fit_network(
                X,
                self.target_scaler_.transform(outputs),
                sample_weight,
                task="regression",
                n_outputs=outputs.shape[1],
            )
        return self

    def predict(self, X):
        """Predict the target of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to predict for.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the target's unit.
        """
        outputs = self._predict(X)
        outputs = self.target_scaler_.inverse_transform(outputs)
        return outputs[:, 0] if self._is_single_output else outputs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class VIANNClassifier(NetworkClassifier, BaseNetwork):
    """Multilayer perceptron classifier with variance-based feature importances.

    Several Keras networks, trained as one, that scale and encode their own inputs: no
    StandardScaler is needed in front, and importances do not depend on the columns'
    units, nor on outliers.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(64, 32)
        Units of each hidden layer. Empty: a linear model.
    activation : str, default="relu"
        Keras's name of the hidden layers' activation.
    n_members : int, default=8
        Independent networks that are trained together, on the same batches but from
        other initial weights. Predictions and importances are their means, for the
        importances of one network are noisy.
    n_bins : int, default=4
        Quantile bins in which the networks see each feature
        (`skviann.layers.PiecewiseLinearEncoding`); 1 is standardisation alone.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        Keras's name of the optimizer, or one that is configured; a copy is used. Its
        steps must be taken weight by weight, as those of Keras's own optimizers are
        unless they clip norms, or members influence one another.
    learning_rate : float, default=None
        Step size of the optimizer. None: the optimizer's own.
    batch_size : int or "auto", default="auto"
        Rows a training step. "auto" is 32 up to 4,800 rows, then more, up to 256.
    epochs : int or "auto", default="auto"
        Passes over the rows, at least 2. "auto" means about 150 training steps,
        whatever the number of rows, but no more than 50 passes; what counts as an epoch
        for `history_` and `callbacks` is then at most 10 steps (30 for very wide data).
    validation_split : float, default=0.0
        Share of the rows, drawn at random, that is held out of training to compute
        ``val_loss`` after every epoch.
    callbacks : list of keras.callbacks.Callback, default=None
        Copies of them are used, and see the members' losses summed up.
        ``keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)`` with
        ``validation_split=0.1`` stops in time.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class's rows, by label; "balanced" gives all classes the same
        weight in total.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same result each time, to the last bit on the same machine.
        None draws a new seed for each fit; unlike elsewhere in scikit-learn, NumPy's
        global random state has no influence and is not changed.
    verbose : int, default=0
        0 is silent, 1 shows a progress bar, 2 a line an epoch.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,)
        Mean of `importances_`: non-negative, summing to 1. All zeros if no column
        varies.
    importances_ : ndarray of shape (n_members, n_features)
        VIANN scores of each member as shares that sum to 1, averaged over readings in
        the course of the training (see Notes).
    importances_std_ : ndarray of shape (n_features,)
        Standard deviation of `importances_` over members.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    model_ : keras.Model
        The trained network: from scaled features to the members' mean output, which is
        the probability of the second of two classes, or of each of several.
    scaler_ : RobustScaler
        Scales features for `model_`.
    history_ : dict of str to list of float
        The loss of the mean member, and the accuracy of the mean of members, by epoch.
    n_features_in_ : int
        Number of features seen by fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    See Also
    --------
    VIANNRegressor : For continuous targets.
    VIANNSelector : Keeps the columns that matter.

    Notes
    -----
    Importances are read when there were four updates of the variance (one an epoch),
    then whenever their number has grown by a factor of the square root of 2, and all
    readings count the same. Early readings tell which columns promise something, late
    ones also which serve to learn the rows by heart; the mean depends less on the
    length of the training than the score at its end, which is the paper's.

    References
    ----------
    C. R. de Sá (2019), "Variance-Based Feature Importance in Neural Networks",
    Discovery Science, LNCS 11828, doi 10.1007/978-3-030-33778-0_24.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skviann import VIANNClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = VIANNClassifier(random_state=0).fit(X, y)
    >>> classifier.score(X, y) > 0.85
    True
    >>> classifier.feature_importances_.argmax() in (2, 3)  # the petals
    True
    """

    _parameter_constraints: dict = {
        **BaseNetwork._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes=(64, 32),
        activation="relu",
        *,
        n_members=8,
        n_bins=4,
        optimizer="adam",
        learning_rate=None,
        batch_size="auto",
        epochs="auto",
        validation_split=0.0,
        callbacks=None,
        class_weight=None,
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
        self.class_weight = class_weight


class VIANNRegressor(NetworkRegressor, BaseNetwork):
    """Multilayer perceptron regressor with variance-based feature importances.

    Several Keras networks, trained as one to the least squared error, that scale and
    encode their own inputs, and standardise the target: no scaling is needed in front,
    and importances do not depend on the columns' units, nor on outliers.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(64, 32)
        Units of each hidden layer. Empty: a linear model.
    activation : str, default="relu"
        Keras's name of the hidden layers' activation.
    n_members : int, default=8
        Independent networks that are trained together, on the same batches but from
        other initial weights. Predictions and importances are their means, for the
        importances of one network are noisy.
    n_bins : int, default=4
        Quantile bins in which the networks see each feature
        (`skviann.layers.PiecewiseLinearEncoding`); 1 is standardisation alone.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        Keras's name of the optimizer, or one that is configured; a copy is used. Its
        steps must be taken weight by weight, as those of Keras's own optimizers are
        unless they clip norms, or members influence one another.
    learning_rate : float, default=None
        Step size of the optimizer. None: the optimizer's own.
    batch_size : int or "auto", default="auto"
        Rows a training step. "auto" is 32 up to 4,800 rows, then more, up to 256.
    epochs : int or "auto", default="auto"
        Passes over the rows, at least 2. "auto" means about 150 training steps,
        whatever the number of rows, but no more than 50 passes; what counts as an epoch
        for `history_` and `callbacks` is then at most 10 steps (30 for very wide data).
    validation_split : float, default=0.0
        Share of the rows, drawn at random, that is held out of training to compute
        ``val_loss`` after every epoch.
    callbacks : list of keras.callbacks.Callback, default=None
        Copies of them are used, and see the members' losses summed up.
        ``keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)`` with
        ``validation_split=0.1`` stops in time.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same result each time, to the last bit on the same machine.
        None draws a new seed for each fit; unlike elsewhere in scikit-learn, NumPy's
        global random state has no influence and is not changed.
    verbose : int, default=0
        0 is silent, 1 shows a progress bar, 2 a line an epoch.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,)
        Mean of `importances_`: non-negative, summing to 1. All zeros if no column
        varies.
    importances_ : ndarray of shape (n_members, n_features)
        VIANN scores of each member as shares that sum to 1, averaged over readings in
        the course of the training (see Notes).
    importances_std_ : ndarray of shape (n_features,)
        Standard deviation of `importances_` over members.
    model_ : keras.Model
        The trained network: from scaled features to the members' mean prediction of
        standardised targets.
    scaler_ : RobustScaler
        Scales features for `model_`.
    target_scaler_ : StandardScaler
        Standardises targets.
    history_ : dict of str to list of float
        The loss of the mean member by epoch, in squared standard deviations of the
        target.
    n_features_in_ : int
        Number of features seen by fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    See Also
    --------
    VIANNClassifier : For classes.
    VIANNSelector : Keeps the columns that matter.

    Notes
    -----
    Importances are read when there were four updates of the variance (one an epoch),
    then whenever their number has grown by a factor of the square root of 2, and all
    readings count the same. Early readings tell which columns promise something, late
    ones also which serve to learn the rows by heart; the mean depends less on the
    length of the training than the score at its end, which is the paper's.

    References
    ----------
    C. R. de Sá (2019), "Variance-Based Feature Importance in Neural Networks",
    Discovery Science, LNCS 11828, doi 10.1007/978-3-030-33778-0_24.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from skviann import VIANNRegressor
    >>> X, y = make_regression(
    ...     n_features=6, n_informative=2, shuffle=False, random_state=0
    ... )
    >>> regressor = VIANNRegressor(random_state=0).fit(X, y)
    >>> sorted(regressor.feature_importances_.argsort()[-2:].tolist())
    [0, 1]
    """


def default_network(y_original, y):
    """Return the class of the network for a target, of which `y` is the checked array.

    Asks for the kind of numbers, not for their values: 151.0 is a quantity.
    """
    # pandas's own dtypes know the kind, where the checked array has lost it: nullable
    # integers become floats, categories what they are made of.
    dtype = getattr(y_original, "dtype", None)
    if isinstance(dtype, np.dtype) or not hasattr(dtype, "kind"):
        dtype = y.dtype
    kind = dtype.kind
    if kind in "iu":
        n_classes = len(np.unique(y))
        few_rows_each = n_classes * _ROWS_PER_CLASS > len(y)
        if n_classes > _MANY_CLASSES or (n_classes > _FEW_CLASSES and few_rows_each):
            raise ValueError(
                f"y holds {n_classes} different integers in {len(y)} rows, which reads "
                "as a quantity, not as class labels. Say which it is: "
                "VIANNSelector(VIANNRegressor()) or VIANNSelector(VIANNClassifier()), "
                "or turn y into floats or strings."
            )
    return VIANNRegressor if kind == "f" else VIANNClassifier
