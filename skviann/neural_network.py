"""Multilayer perceptrons that know how much they use each feature."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, _fit_context
from sklearn.preprocessing import StandardScaler
from sklearn.utils import compute_sample_weight
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from skviann._validation import FLOATS, all_or_nothing, draw_seeds, explained

_ROWS_PER_PREDICTION = 512

# How long epochs="auto" trains: steps, and the fewest and most epochs.
_AUTO_STEPS = 200
_AUTO_EPOCHS = (10, 50)


class _BaseVIANN(BaseEstimator):
    """A standardising multilayer perceptron, trained with VIANN's callback."""

    _parameter_constraints: dict = {
        "hidden_layer_sizes": ["array-like"],
        "activation": [str],
        "optimizer": [str, HasMethods("get_config")],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
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
        optimizer="adam",
        learning_rate=None,
        batch_size=32,
        epochs="auto",
        validation_split=0.0,
        callbacks=None,
        random_state=None,
        verbose=0,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.validation_split = validation_split
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    def _fit_network(self, X, y, sample_weight, wrapper, **network):
        """Train the network, and keep what it learned.

        `wrapper` names the class in `skviann.wrappers` that trains it, `network` are
        that wrapper's parameters on top of those that both estimators share.
        """
        # Imported here, so that importing the library does not load TensorFlow.
        from skviann import models, wrappers

        models.check_parts(self.activation, self.optimizer, self.callbacks)
        (seed,) = draw_seeds(self.random_state, 1)
        if self.validation_split:
            # Keras holds out the last rows, in whatever order they came.
            order = np.random.RandomState(seed).permutation(len(X))
            X, y = X[order], y[order]
            sample_weight = None if sample_weight is None else sample_weight[order]
        X = self._standardise(X, sample_weight)
        network = getattr(wrappers, wrapper)(
            model=models.build_mlp,
            model__n_features=X.shape[1],
            model__hidden_layer_sizes=tuple(self.hidden_layer_sizes),
            model__activation=self.activation,
            optimizer=models.make_optimizer(self.optimizer, self.learning_rate),
            batch_size=self.batch_size,
            epochs=self._count_epochs(len(X)),
            validation_split=self.validation_split,
            verbose=int(self.verbose),
            predict__batch_size=_ROWS_PER_PREDICTION,
            predict__verbose=0,
            **network,
        )
        self._wrapper, self.feature_importances_ = wrappers.fit_with_importances(
            network, X, y, seed, self.callbacks, sample_weight=sample_weight
        )
        self.model_ = self._wrapper.model_
        self.history_ = dict(self._wrapper.history_)

    def _count_epochs(self, n_samples):
        if self.epochs != "auto":
            return self.epochs
        steps_per_epoch = np.ceil(n_samples / self.batch_size)
        return int(np.clip(np.ceil(_AUTO_STEPS / steps_per_epoch), *_AUTO_EPOCHS))

    def _standardise(self, X, sample_weight):
        """Scale in the precision of X, then round to the network's float32."""
        with np.errstate(over="ignore", invalid="ignore"):
            self.scaler_ = StandardScaler().fit(X, sample_weight=sample_weight)
        if not np.isfinite(self.scaler_.scale_).all():
            raise ValueError("X holds values that are too large to be squared.")
        return self.scaler_.transform(X).astype(np.float32)

    def _check_hidden_layer_sizes(self):
        sizes = self.hidden_layer_sizes
        if not all(isinstance(size, Integral) and size > 0 for size in sizes):
            raise ValueError(
                "hidden_layer_sizes must hold the units of each hidden layer, positive "
                f"integers; got {sizes!r}."
            )

    def _predict(self, method, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        X = self.scaler_.transform(X).astype(np.float32)
        # In full batches, for the last digits of a matrix product depend on its number
        # of rows: a row's prediction shall not depend on the rows beside it.
        missing = -len(X) % _ROWS_PER_PREDICTION
        batches = np.pad(X, ((0, missing), (0, 0))) if missing else X
        return getattr(self._wrapper, method)(batches)[: len(X)].astype(np.float64)


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


class VIANNClassifier(ClassifierMixin, _BaseVIANN):
    """Multilayer perceptron classifier with variance-based feature importances.

    A Keras network, trained through scikeras, that standardises its own inputs: no
    StandardScaler is needed in front, and importances do not depend on the columns'
    units.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(64, 32)
        Units of each hidden layer. Empty: a linear model.
    activation : str, default="relu"
        Keras's name of the hidden layers' activation.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        Keras's name of the optimizer, or one that is configured; a copy is used.
    learning_rate : float, default=None
        Step size of the optimizer. None: the optimizer's own.
    batch_size : int, default=32
        Rows a training step.
    epochs : int or "auto", default="auto"
        Passes over the rows, at least 2. "auto" means as many as make about 200
        training steps, no fewer than 10 and no more than 50: a compromise, since long
        training on noisy data blurs importances, and short training predicts worse.
        `callbacks` can end training early.
    validation_split : float, default=0.0
        Share of the rows, drawn at random, that is held out of training to compute
        ``val_loss`` after every epoch.
    callbacks : list of keras.callbacks.Callback, default=None
        Copies of them are used: ``keras.callbacks.EarlyStopping(patience=5,
        restore_best_weights=True)`` with ``validation_split=0.1`` stops in time.
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
        VIANN scores as shares: non-negative, summing to 1. All zeros if no column
        varies.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    model_ : keras.Model
        The trained network: from standardised features to probabilities.
    scaler_ : StandardScaler
        Standardises features for `model_`.
    history_ : dict of str to list of float
        The loss and metrics of each epoch.
    n_features_in_ : int
        Number of features seen by fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    See Also
    --------
    VIANNRegressor : For continuous targets.
    VIANNSelector : Keeps the columns that matter.

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
        **_BaseVIANN._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes=(64, 32),
        activation="relu",
        *,
        optimizer="adam",
        learning_rate=None,
        batch_size=32,
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
        self : VIANNClassifier

        Raises
        ------
        ValueError
            If a parameter, X, y or `sample_weight` cannot be used (before training), or
            if the network's weights became NaN or infinite.
        """
        with all_or_nothing(self):
            self._check_hidden_layer_sizes()
            with explained():
                X, y = validate_data(self, X, y, dtype=FLOATS, ensure_min_samples=2)
            check_classification_targets(y)
            if self.class_weight is not None:
                balance = compute_sample_weight(self.class_weight, y)
                sample_weight = _check_sample_weight(sample_weight, X) * balance
            X, y, sample_weight = _drop_unweighted(X, y, sample_weight)
            self.classes_, y = np.unique(y, return_inverse=True)
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
                wrapper="KerasClassifier",
                model__n_outputs=1 if n_classes == 2 else n_classes,
                model__output_activation="sigmoid" if n_classes == 2 else "softmax",
                loss=(
                    "binary_crossentropy"
                    if n_classes == 2
                    else "sparse_categorical_crossentropy"
                ),
                metrics=["accuracy"],
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
        probabilities = self._predict("predict_proba", X)
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


class VIANNRegressor(RegressorMixin, _BaseVIANN):
    """Multilayer perceptron regressor with variance-based feature importances.

    A Keras network, trained through scikeras to the least squared error. It
    standardises its own inputs and its target: no scaling is needed in front, and
    importances do not depend on the columns' units.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(64, 32)
        Units of each hidden layer. Empty: a linear model.
    activation : str, default="relu"
        Keras's name of the hidden layers' activation.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        Keras's name of the optimizer, or one that is configured; a copy is used.
    learning_rate : float, default=None
        Step size of the optimizer. None: the optimizer's own.
    batch_size : int, default=32
        Rows a training step.
    epochs : int or "auto", default="auto"
        Passes over the rows, at least 2. "auto" means as many as make about 200
        training steps, no fewer than 10 and no more than 50: a compromise, since long
        training on noisy data blurs importances, and short training predicts worse.
        `callbacks` can end training early.
    validation_split : float, default=0.0
        Share of the rows, drawn at random, that is held out of training to compute
        ``val_loss`` after every epoch.
    callbacks : list of keras.callbacks.Callback, default=None
        Copies of them are used: ``keras.callbacks.EarlyStopping(patience=5,
        restore_best_weights=True)`` with ``validation_split=0.1`` stops in time.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same result each time, to the last bit on the same machine.
        None draws a new seed for each fit; unlike elsewhere in scikit-learn, NumPy's
        global random state has no influence and is not changed.
    verbose : int, default=0
        0 is silent, 1 shows a progress bar, 2 a line an epoch.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,)
        VIANN scores as shares: non-negative, summing to 1. All zeros if no column
        varies.
    model_ : keras.Model
        The trained network: from standardised features to standardised targets.
    scaler_, target_scaler_ : StandardScaler
        Standardise features and targets for `model_`.
    history_ : dict of str to list of float
        The loss of each epoch, in squared standard deviations of the target.
    n_features_in_ : int
        Number of features seen by fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    See Also
    --------
    VIANNClassifier : For classes.
    VIANNSelector : Keeps the columns that matter.

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
        self : VIANNRegressor

        Raises
        ------
        ValueError
            If a parameter, X, y or `sample_weight` cannot be used (before training), or
            if the network's weights became NaN or infinite.
        """
        with all_or_nothing(self):
            self._check_hidden_layer_sizes()
            with explained():
                X, y = validate_data(
                    self,
                    X,
                    y,
                    dtype=FLOATS,
                    multi_output=True,
                    y_numeric=True,
                    ensure_min_samples=2,
                )
            if y.ndim == 2 and y.shape[1] == 1:
                y = column_or_1d(y, warn=True)
            X, y, sample_weight = _drop_unweighted(X, y, sample_weight)
            outputs = y.reshape(len(y), -1)
            self.target_scaler_ = StandardScaler()
            self.target_scaler_.fit(outputs, sample_weight=sample_weight)
            self._fit_network(
                X,
                self.target_scaler_.transform(outputs).reshape(y.shape),
                sample_weight,
                wrapper="KerasRegressor",
                model__n_outputs=outputs.shape[1],
                model__output_activation="linear",
                loss="mean_squared_error",
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
        y = self._predict("predict", X)
        outputs = self.target_scaler_.inverse_transform(y.reshape(len(y), -1))
        return outputs.reshape(y.shape)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
