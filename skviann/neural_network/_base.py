"""What all ready-made networks are made of: how they fit, predict and keep results."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.preprocessing import RobustScaler, StandardScaler
from sklearn.utils import (
    assert_all_finite,
    check_consistent_length,
    compute_sample_weight,
)
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, column_or_1d

from skviann._groups import read_groups
from skviann._processes import check_process
from skviann._sklearn_compat import (
    Interval,
    StrOptions,
    _check_sample_weight,
    _fit_context,
)
from skviann._table import (
    CATEGORY,
    NUMBER,
    check_finite,
    check_kinds,
    check_table,
    code_table,
    learn_columns,
    take_table_rows,
    tell_columns,
    warn_about_columns,
)
from skviann._target import check_quantity, read_target
from skviann._validation import (
    LinkedToDocs,
    all_or_nothing,
    draw_seeds,
    spread_rows,
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

# In `partial_fit`, the variance is updated so many times a chunk or more often.
_UPDATES_A_CHUNK = 4

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
        "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
        "max_categories": [Interval(Integral, 1, None, closed="left")],
        "feature_groups": [dict, "array-like", None],
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
        categorical_features="from_dtype",
        max_categories=32,
        feature_groups=None,
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
        self.categorical_features = categorical_features
        self.max_categories = max_categories
        self.feature_groups = feature_groups
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, X, y, sample_weight):
        with all_or_nothing(self):
            problem, learned = self._open(X, y, sample_weight)
            warn_about_columns(learned["_columns"])
            (seed,) = draw_seeds(self.random_state, 1)
            self._keep(learned, self._train(problem, seed))
        return self

    def _open(self, X, y, sample_weight, *, learned=None, classes=None):
        """Check everything, and prepare the data for any number of trainings.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        learned : dict, default=None
            What an earlier call with other rows returned; None: learn from these rows
            what columns hold, bins, levels and the target's classes or scale.
        classes : array-like, default=None
            All classes, if these rows may lack some.

        Returns
        -------
        problem : Problem
        learned : dict
            The attributes that are known before a training.
        """
        check_process()
        # Imported here, so that importing the library does not load TensorFlow.
        from skviann.neural_network._architecture import check_activation
        from skviann.neural_network._training import Problem

        self._validate_params()  # again: a selector comes here without `fit`
        check_hidden_layer_sizes(self.hidden_layer_sizes)
        check_activation(self.activation)
        table = check_table(self, X, reset=learned is None)
        y = read_target(y, self)
        check_consistent_length(table, y)
        used, sample_weight = self._weigh(sample_weight, y)
        if used is not None:
            table, y = take_table_rows(table, used), y[used]
        coded = None
        if learned is None:
            target = self._learn_target(y, sample_weight, classes)
            coded, columns = self._learn_columns(table, sample_weight)
            learned = {**target, **columns}
        else:
            coded = code_table(table, learned["_columns"])
            check_finite(coded, self)
        columns, groups = learned["_columns"], learned["_groups"]
        are_categories = [column.kind == CATEGORY for column in columns or ()]
        targets = self._code_target(y, learned)
        problem = Problem(
            self._architecture_for(learned),
            coded,
            targets.reshape(len(y), -1),
            sample_weight,
            learned["_inputs"],
            feature_of_column=groups.feature_of_column,
            categories=np.flatnonzero(are_categories),
            used=used,
        )
        return problem, learned

    def _learn_columns(self, table, sample_weight):
        """Find out what the columns of a table hold; return it in numbers, too."""
        from skviann.neural_network._inputs import learn_inputs

        columns = learn_columns(table, self.categorical_features, self.max_categories)
        groups = read_groups(self.feature_groups, table)
        coded = code_table(table, columns)
        check_finite(coded, self)
        n_columns = coded.shape[1]
        kinds, day_zero = np.full(n_columns, NUMBER), np.zeros(n_columns)
        if columns is not None:
            kinds = np.array([column.kind for column in columns])
            day_zero = np.array([column.day_zero for column in columns])
        some = spread_rows(coded.shape[0], _MAX_ROWS_TO_SCALE)
        inputs = learn_inputs(
            coded,
            some,
            None if sample_weight is None else sample_weight[some],
            kinds,
            day_zero,
            groups.feature_of_column,
            int(self.n_bins),
        )
        return coded, {"_columns": columns, "_groups": groups, "_inputs": inputs}

    def _architecture_for(self, learned):
        from skviann.neural_network._architecture import Architecture

        task, n_outputs = self._task(learned)
        return Architecture(
            task=task,
            n_outputs=n_outputs,
            hidden_layer_sizes=tuple(int(size) for size in self.hidden_layer_sizes),
            activation=self.activation,
            selection=self._selection(),
        )

    def _weigh(self, sample_weight, y):
        """Find the rows with a weight, and bring their weights to a mean of 1.

        The learning rate then means the same in whatever unit the weights come.
        """
        sample_weight = self._total_weight(sample_weight, y)
        if sample_weight is None:
            return None, None
        used = np.flatnonzero(sample_weight)
        if len(used) == 0:
            raise ValueError(
                "sample_weight must be positive for at least one row, got zeros only."
            )
        sample_weight = sample_weight[used] / sample_weight[used].mean()
        return (None if len(used) == len(y) else used), sample_weight

    def _total_weight(self, sample_weight, y):
        """How much each row counts; None: all the same."""
        if sample_weight is None:
            return None
        return _check_sample_weight(
            sample_weight, y, dtype=np.float64, ensure_non_negative=True
        )

    def _train(self, problem, seed):
        from skviann.neural_network._training import Group, train

        rows, validation_rows = np.arange(problem.n_rows), None
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
            [Group(rows, np.arange(problem.n_features))],
            int(self.n_members),
            self._schedule(len(rows), len(problem.inputs), int(self.n_members)),
            seed,
            validation_rows=validation_rows,
            on_epoch=_print_epoch if self.verbose else None,
        )

    def _keep(self, learned, trained):
        """Write down what was learned."""
        vars(self).update(learned)
        self._weights = trained.weights
        self._architecture = trained.architecture._asdict()
        self.importances_ = self._groups.by_column(trained.importances)
        self.feature_importances_ = self.importances_.mean(axis=0)
        self.importances_std_ = self.importances_.std(axis=0)
        self.history_ = trained.history
        for name in ("_model", "scaler_", "_state", "_adapted"):
            vars(self).pop(name, None)
        if self._inputs.are_numbers:
            self.scaler_ = RobustScaler()
            self.scaler_.center_ = self._inputs.center
            self.scaler_.scale_ = self._inputs.scale
            self.scaler_.n_features_in_ = self.n_features_in_

    def _learned(self):
        """Return the attributes that are known before a training."""
        if hasattr(self, "_adapted"):
            return self._adapted
        names = ("_columns", "_groups", "_inputs", *self._of_target)
        return {name: getattr(self, name) for name in names}

    def _adapt(self, X, y, sample_weight, classes=None):
        self._validate_params()
        with all_or_nothing(self):
            _, self._adapted = self._open(X, y, sample_weight, classes=classes)
            warn_about_columns(self._adapted["_columns"])
        return self

    def _partial_fit(self, X, y, sample_weight, classes=None):
        from skviann.neural_network._training import (
            Group,
            Schedule,
            state_of_weights,
            train,
        )

        self._validate_params()
        with all_or_nothing(self):
            is_known = hasattr(self, "_adapted") or hasattr(self, "_weights")
            learned = self._learned() if is_known else None
            problem, learned = self._open(
                X, y, sample_weight, learned=learned, classes=classes
            )
            if not is_known:
                warn_about_columns(learned["_columns"])
            state = getattr(self, "_state", None)
            if state is None and hasattr(self, "_weights"):  # after `fit`
                importances = self._groups.by_feature(self.importances_)
                state = state_of_weights(self._weights, importances)
            (seed,) = draw_seeds(self.random_state, 1)
            if state is not None:  # another order of the rows than before
                rng = np.random.default_rng([seed, state.n_epochs])
                seed = int(rng.integers(2**31))
            n_rows = problem.n_rows
            batch_size = self._schedule(n_rows, 1, 1).batch_size
            n_batches = -(-n_rows // batch_size)
            steps = int(
                np.clip(n_batches // _UPDATES_A_CHUNK, 1, _AUTO_STEPS_PER_EPOCH)
            )
            schedule = Schedule(
                batch_size, -(-n_batches // steps), steps, float(self.learning_rate)
            )
            trained = train(
                problem,
                [Group(np.arange(n_rows), np.arange(problem.n_features))],
                int(self.n_members),
                schedule,
                seed,
                goes_on=True,
                state=state,
            )
            history = {} if state is None else self.history_
            self._keep(learned, trained)
            for name, values in self.history_.items():
                self.history_[name] = history.get(name, []) + values
            self._state = trained.state
        return self

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_weights")

    def _selection(self):
        """Name and settings of a layer that scores the inputs; None: VIANN does."""
        return None

    def _schedule(self, n_rows, n_inputs, n_members):
        """How long to train on so many rows and inputs."""
        from skviann.neural_network._training import Schedule

        batch_size, epochs, steps = self.batch_size, self.epochs, None
        if batch_size == "auto":
            batch_size = int(np.clip(n_rows // _AUTO_STEPS, *_AUTO_BATCH_SIZES))
        if epochs == "auto":
            n_weights = n_inputs * n_members
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
        check_process()
        if "_model" not in vars(self):
            from skviann.neural_network._architecture import Architecture, build_model

            architecture = Architecture(**self._architecture)
            self._model = build_model(architecture, self._inputs, self._weights)
        return self._model

    def __getstate__(self):
        # The model can be built again, and takes long to pickle.
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_model"}

    def _code(self, X):
        """Turn a table to predict for into numbers, as that of the fit."""
        coded = code_table(check_table(self, X, reset=False), self._columns)
        check_finite(coded, self)
        return coded

    def _check_kinds(self, table, numbers):
        """Raise a ValueError if a column holds something else than in the fit."""
        if self._columns is not None:
            check_kinds(table, self._columns, numbers)

    def _tell_columns(self):
        """Tell in words how each column of the table was read."""
        varies = self._inputs.bins.slope != 0
        is_used = np.isin(np.arange(self.n_features_in_), self._inputs.column[varies])
        return tell_columns(self._columns, is_used)

    def encode(self, X):
        """Compute what the networks see of a table.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            A table with the columns of the fit.

        Returns
        -------
        inputs : ndarray of float32 of shape (n_samples, n_inputs)
            Of mean 0 and variance 1 in the table of the fit, feature by feature.
        """
        check_is_fitted(self)
        return self._inputs.encode(self._code(X))

    def _predict(self, X):
        check_is_fitted(self)
        check_process()
        from skviann.neural_network._training import predict

        return predict(self._trained(), self._code(X), self._inputs)

    def _trained(self):
        """Return the members as a training does."""
        from skviann.neural_network._architecture import Architecture
        from skviann.neural_network._training import NO_MASK, Trained

        return Trained(
            Architecture(**self._architecture),
            self._inputs.feature[np.newaxis].astype(np.int32),
            self._weights,
            NO_MASK,
            self._groups.by_feature(self.importances_),
            self.history_,
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.input_tags.sparse = True
        return tags


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


class NetworkClassifier(ClassifierMixin):
    """Fits a network to classes, and predicts them."""

    class_weight = None
    _of_target = ("classes_", "_is_multilabel")

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train the network and score its inputs.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            A table of numbers, text, categories and dates, with or without gaps.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            At least two classes: integers, strings or booleans. Or a matrix of zeros
            and ones: which of several labels apply.
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

    def _total_weight(self, sample_weight, y):
        sample_weight = super()._total_weight(sample_weight, y)
        if self.class_weight is None:
            return sample_weight
        balance = compute_sample_weight(self.class_weight, y)
        return balance if sample_weight is None else sample_weight * balance

    def _learn_target(self, y, sample_weight, classes=None):
        """Find the classes: all that there are, unless they are given."""
        check_classification_targets(y)
        if type_of_target(y) == "multilabel-indicator":
            return {"classes_": np.arange(y.shape[1]), "_is_multilabel": True}
        classes = np.unique(column_or_1d(y, warn=True) if classes is None else classes)
        if len(classes) < 2:
            raise ValueError(
                "y must hold at least two classes in rows of positive weight, got "
                f"one class only: {classes[0]}."
            )
        return {"classes_": classes, "_is_multilabel": False}

    def _code_target(self, y, learned):
        """Turn labels into numbers of classes."""
        classes = learned["classes_"]
        if learned["_is_multilabel"]:
            if y.ndim != 2 or y.shape[1] != len(classes):
                raise ValueError(
                    f"y must have the {len(classes)} labels of the first rows, got "
                    f"shape {y.shape}."
                )
            return y.astype(np.float64)
        y = column_or_1d(y)
        is_unknown = ~np.isin(y, classes)
        if is_unknown.any():
            raise ValueError(
                f"y holds {y[is_unknown].tolist()[0]!r}, which is none of the classes "
                f"known from the start: {classes.tolist()}."
            )
        return np.searchsorted(classes, y)

    def _task(self, learned):
        n_classes = len(learned["classes_"])
        if learned["_is_multilabel"]:
            return "binary", n_classes
        return ("binary", 1) if n_classes == 2 else ("multiclass", n_classes)

    def predict_proba(self, X):
        """Estimate the probability of each class.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`; every row sums to 1. Of several labels,
            the probability that each applies.
        """
        probabilities = self._predict(X)
        if self._is_multilabel:
            return probabilities
        if len(self.classes_) == 2:
            probabilities = np.hstack([1 - probabilities, probabilities])
        return probabilities / probabilities.sum(axis=1, keepdims=True)

    def predict(self, X):
        """Predict the class of each row.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_classes)
            The most probable of `classes_`; of several labels, 1 for each that is more
            probable than not.
        """
        check_is_fitted(self)
        if self._is_multilabel:
            return (self.predict_proba(X) > 0.5).astype(int)
        most_probable = self.predict_proba(X).argmax(axis=1)
        return self.classes_[most_probable]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class NetworkRegressor(RegressorMixin):
    """Fits a network to quantities, and predicts them."""

    _of_target = ("target_scaler_", "_is_single_output")

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train the network and score its inputs.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            A table of numbers, text, categories and dates, with or without gaps.
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

    def _learn_target(self, y, sample_weight, classes=None):
        """Find mean and scale of the target."""
        y = self._read_quantity(y)
        scaler = StandardScaler().fit(
            y.reshape(len(y), -1), sample_weight=sample_weight
        )
        return {"target_scaler_": scaler, "_is_single_output": y.ndim == 1}

    def _code_target(self, y, learned):
        """Standardise the target."""
        y = self._read_quantity(y, warn=False)
        scaler = learned["target_scaler_"]
        outputs = y.reshape(len(y), -1)
        if outputs.shape[1] != len(scaler.mean_):
            raise ValueError(
                f"y must have the {len(scaler.mean_)} outputs of the first rows, got "
                f"shape {y.shape}."
            )
        return (outputs - scaler.mean_) / scaler.scale_

    def _read_quantity(self, y, *, warn=True):
        y = check_quantity(y, self)
        assert_all_finite(y, input_name="y")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=warn)
        return y

    def _task(self, learned):
        return "regression", len(learned["target_scaler_"].mean_)

    def predict(self, X):
        """Predict the target of each row.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
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
