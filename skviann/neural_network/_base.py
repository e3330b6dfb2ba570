"""What all ready-made networks are made of: how they fit, predict and keep results."""

from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.preprocessing import RobustScaler, StandardScaler
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from skviann._sklearn_compat import (
    Interval,
    StrOptions,
    _check_sample_weight,
    _fit_context,
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


class BaseNetwork(LinkedToDocs, BaseEstimator):
    """Several multilayer perceptrons, trained as one, which score their inputs."""

    _parameter_constraints: dict = {
        "hidden_layer_sizes": ["array-like"],
        "activation": [str],
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "n_bins": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "epochs": [Interval(Integral, 2, None, closed="left"), StrOptions({"auto"})],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
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
        learning_rate=0.001,
        batch_size="auto",
        epochs="auto",
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        random_state=None,
        verbose=0,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.n_members = n_members
        self.n_bins = n_bins
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, X, y, sample_weight):
        with all_or_nothing(self):
            problem, learned = self._open(X, y, sample_weight)
            self._keep(learned, problem.bins, self._train(problem))
        return self

    def _open(self, X, y, sample_weight):
        """Check everything, and prepare the data for any number of trainings.

        Returns
        -------
        problem : Problem
        learned : dict
            The attributes that are known before a training.
        """
        # Imported here, so that importing the library does not load TensorFlow.
        from skviann.layers import find_bins
        from skviann.neural_network._architecture import Architecture, check_activation
        from skviann.neural_network._training import Problem, scale_rows

        self._validate_params()  # again: a selector comes here without `fit`
        check_hidden_layer_sizes(self.hidden_layer_sizes)
        check_activation(self.activation)
        data = self._check_data(X, y, sample_weight)
        some = spread_rows(len(data.X), _MAX_ROWS_TO_SCALE)
        sample = take_rows(data.X, some)
        scaler = RobustScaler().fit(sample)
        bins = find_bins(
            scale_rows(sample, scaler.center_, scaler.scale_),
            None if data.sample_weight is None else data.sample_weight[some],
            int(self.n_bins),
        )
        architecture = Architecture(
            task=data.task,
            n_outputs=data.n_outputs,
            hidden_layer_sizes=tuple(int(size) for size in self.hidden_layer_sizes),
            activation=self.activation,
            selection=self._selection(),
        )
        problem = Problem(
            architecture,
            data.X,
            data.targets.reshape(len(data.X), -1),
            data.sample_weight,
            scaler.center_,
            scaler.scale_,
            bins,
            data.used,
        )
        return problem, {**data.learned, "scaler_": scaler}

    def _train(self, problem):
        from skviann.neural_network._training import Group, train

        (seed,) = draw_seeds(self.random_state, 1)
        rows, validation_rows = np.arange(len(problem.X)), None
        if self.early_stopping:
            rows = np.random.default_rng(seed).permutation(rows)
            n_trained_on = int(len(rows) * (1 - self.validation_fraction))
            if not 0 < n_trained_on < len(rows):
                raise ValueError(
                    f"validation_fraction={self.validation_fraction} of {len(rows)} "
                    "rows leaves none to train on, or none to validate with."
                )
            rows, validation_rows = rows[:n_trained_on], rows[n_trained_on:]
        return train(
            problem,
            [Group(rows, np.arange(problem.X.shape[1]))],
            int(self.n_members),
            self._schedule(len(rows), problem.X.shape[1], int(self.n_members)),
            seed,
            validation_rows=validation_rows,
            on_epoch=_print_epoch if self.verbose else None,
        )

    def _keep(self, learned, bins, trained):
        """Write down what was learned."""
        vars(self).update(learned)
        self._bins = bins._asdict()  # plain arrays: to unpickle them loads no Keras
        self._weights = trained.weights
        self._architecture = trained.architecture._asdict()
        self.importances_ = trained.importances
        self.feature_importances_ = trained.importances.mean(axis=0)
        self.importances_std_ = trained.importances.std(axis=0)
        self.history_ = trained.history
        vars(self).pop("_model", None)

    def _selection(self):
        """Name and settings of a layer that scores the inputs; None: VIANN does."""
        return None

    def _schedule(self, n_rows, n_features, n_members):
        """How long to train on so many rows and features."""
        from skviann.neural_network._training import Schedule

        batch_size, epochs, steps = self.batch_size, self.epochs, None
        if batch_size == "auto":
            batch_size = int(np.clip(n_rows // _AUTO_STEPS, *_AUTO_BATCH_SIZES))
        if epochs == "auto":
            n_weights = n_features * self.n_bins * n_members
            n_weights *= next(iter(self.hidden_layer_sizes), 1)
            steps = _AUTO_STEPS_PER_EPOCH * (3 if n_weights > _MANY_WEIGHTS else 1)
            steps = int(min(steps, np.ceil(n_rows / batch_size)))
            epochs = min(-(-_AUTO_STEPS // steps), _AUTO_EPOCHS)
        n_iter_no_change = int(self.n_iter_no_change) if self.early_stopping else None
        learning_rate = float(self.learning_rate)
        return Schedule(batch_size, epochs, steps, learning_rate, n_iter_no_change)

    @property
    def model_(self):
        """Keras model of the trained network, from scaled features to predictions."""
        check_is_fitted(self)
        if "_model" not in vars(self):
            from skviann.layers import Bins
            from skviann.neural_network._architecture import Architecture, build_model

            architecture = Architecture(**self._architecture)
            self._model = build_model(architecture, Bins(**self._bins), self._weights)
        return self._model

    def __getstate__(self):
        # The model can be built again, and takes long to pickle.
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_model"}

    def _scale(self, X):
        from skviann.neural_network._training import scale_rows

        return scale_rows(X, self.scaler_.center_, self.scaler_.scale_)

    def _predict(self, X):
        check_is_fitted(self)
        from skviann.neural_network._training import predict

        X = validate_data(self, X, dtype=FLOATS, reset=False, ensure_all_finite=False)
        check_finite(X, self)
        return predict(self._trained(), X, self._scale)

    def _trained(self):
        """Return the members as a training does."""
        from skviann.layers import Bins
        from skviann.neural_network._architecture import Architecture
        from skviann.neural_network._training import NO_MASK, Trained

        every = np.arange(self.n_features_in_)[np.newaxis]
        return Trained(
            Architecture(**self._architecture),
            Bins(**self._bins).of_columns(every),
            self._weights,
            NO_MASK,
            self.importances_,
            self.history_,
        )


def check_hidden_layer_sizes(sizes):
    """Raise a ValueError if some are not positive integers."""
    if not all(isinstance(size, Integral) and size > 0 for size in sizes):
        raise ValueError(
            "hidden_layer_sizes must hold the units of each hidden layer, positive "
            f"integers; got {sizes!r}."
        )


def _print_epoch(history):
    latest = ", ".join(f"{name} {values[-1]:.4g}" for name, values in history.items())
    print(f"epoch {len(history['loss'])}: {latest}")


class _Data(NamedTuple):
    """Checked data of a fit, rows without weight left out."""

    X: np.ndarray
    targets: np.ndarray  # class numbers, or standardised quantities
    sample_weight: np.ndarray | None  # with a mean of 1
    used: np.ndarray | None  # which of the original rows these are; None: all
    task: str
    n_outputs: int
    learned: dict  # attributes of the fitted estimator


def _weigh(sample_weight, X):
    """Find the rows with a weight, and bring their weights to a mean of 1.

    The learning rate then means the same in whatever unit the weights come.
    """
    if sample_weight is None:
        return None, None
    sample_weight = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    used = np.flatnonzero(sample_weight)
    if len(used) == 0:
        raise ValueError(
            "sample_weight must be positive for at least one row, got zeros only."
        )
    sample_weight = sample_weight[used] / sample_weight[used].mean()
    return (None if len(used) == len(X) else used), sample_weight


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
        return self._fit(X, y, sample_weight)

    def _check_data(self, X, y, sample_weight):
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
        used, sample_weight = _weigh(sample_weight, X)
        X, y = (X, y) if used is None else (X[used], y[used])
        classes, numbers = np.unique(y, return_inverse=True)
        n_classes = len(classes)
        if n_classes < 2:
            raise ValueError(
                "y must hold at least two classes in rows of positive weight, got "
                f"one class only: {classes[0]}."
            )
        task = "binary" if n_classes == 2 else "multiclass"
        n_outputs = 1 if n_classes == 2 else n_classes
        learned = {"classes_": classes}
        return _Data(X, numbers, sample_weight, used, task, n_outputs, learned)

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
        return self._fit(X, y, sample_weight)

    def _check_data(self, X, y, sample_weight):
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
        used, sample_weight = _weigh(sample_weight, X)
        X, y = (X, y) if used is None else (X[used], y[used])
        outputs = y.reshape(len(y), -1)
        scaler = StandardScaler().fit(outputs, sample_weight=sample_weight)
        targets = (outputs - scaler.mean_) / scaler.scale_
        learned = {"target_scaler_": scaler, "_is_single_output": y.ndim == 1}
        n_outputs = outputs.shape[1]
        return _Data(X, targets, sample_weight, used, "regression", n_outputs, learned)

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
        outputs = outputs * self.target_scaler_.scale_ + self.target_scaler_.mean_
        return outputs[:, 0] if self._is_single_output else outputs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
