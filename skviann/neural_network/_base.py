"""What all ready-made networks are made of: how they fit, predict and keep results."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.preprocessing import RobustScaler
from sklearn.utils import (
    assert_all_finite,
    check_consistent_length,
    compute_sample_weight,
)
from sklearn.utils.validation import check_is_fitted, column_or_1d

from skviann._groups import read_groups
from skviann._inputs import learn_inputs
from skviann._lazy import packed_graph
from skviann._losses import make_loss
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
    column_of_coded,
    learn_columns,
    take_table_rows,
    tell_columns,
    warn_about_columns,
)
from skviann._target import Target, check_quantity, read_target, refuse_times
from skviann._validation import (
    LinkedToDocs,
    all_or_nothing,
    draw_seeds,
    rows_with_weight,
    spread_rows,
)
from skviann.neural_network._architecture import (
    Architecture,
    build_model,
    check_activation,
)
from skviann.neural_network._problem import Learned, Problem
from skviann.neural_network._training import (
    Fold,
    Members,
    Schedule,
    State,
    predict,
    train,
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

# What the docstrings of the networks have in common.
SHARED = """
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
batch_size : int or "auto", default="auto"
    Rows a training step. "auto" is 32 up to 4,800 rows, then more, up to 256.
epochs : int or "auto", default="auto"
    Passes over the rows, at least 2. "auto" means about 150 training steps,
    whatever the number of rows, but no more than 50 passes; what counts as an epoch
    for `history_` is then at most 10 steps (30 for very wide data). In the path of
    `VIANNSelector` it means up to 250 steps at 2.5 times the `learning_rate`, as
    long as rows held out gain.
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
    and of text, unless all of it is dates or numbers, or it is free text: most of it
    rare, and of three words or more on average. Or names, numbers or a boolean mask
    of columns; None is no column.
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
importances_std_ : ndarray of shape (n_features,)
    Standard deviation of `importances_` over members.
scaler_ : RobustScaler
    Scales features for `model_`. Only where all columns are numbers without gaps.
n_features_in_ : int
    Number of features seen by fit.
feature_names_in_ : ndarray of shape (n_features,)
    Their names, if all are strings.
some_classes:
>>> from sklearn.datasets import make_classification
>>> X, y = make_classification(
...     n_samples=300, n_features=10, n_informative=3, n_redundant=0,
...     shuffle=False, class_sep=2.0, random_state=0,
... )
a_quantity:
>>> from sklearn.datasets import make_regression
>>> X, y = make_regression(
...     n_features=6, n_informative=2, shuffle=False, random_state=0
... )
"""
OF_CLASSES = """
classes_ : ndarray of shape (n_classes,)
    The labels.
model_ : keras.Model
    The trained network: from scaled features to the members' mean output, which is
    the probability of the second of two classes, or of each of several classes or
    labels. Of a table with more than numbers without gaps, from what `encode`
    returns.
history_ : dict of str to list of float
    By epoch: "loss", the log loss of the mean member, and with `early_stopping`
    "val_loss", that of the rows held out.
"""
OF_QUANTITIES = """
model_ : keras.Model
    The trained network: from scaled features to the members' mean prediction of
    standardised targets. Of a table with more than numbers without gaps, from what
    `encode` returns.
target_scaler_ : StandardScaler
    Standardises targets.
history_ : dict of str to list of float
    By epoch: "loss", that of the mean member for the standardised target (the squared
    error, unless there is another `loss`), and with `early_stopping` "val_loss", that
    of the rows held out.
"""
OF_VIANN = """
learning_rate : float, default=0.001
    Step size of the optimizer, Adam.
feature_importances_ : ndarray of shape (n_features,)
    Mean of `importances_`: non-negative, summing to 1 (over groups, if there are
    `feature_groups`). All zeros if no column varies.
importances_ : ndarray of shape (n_members, n_features)
    VIANN scores of each member as shares that sum to 1, averaged over readings in
    the course of the training (see Notes).
notes:
A column becomes one or more inputs of variance 1: a number one for each quantile
bin, a category one for each level, a date those of a number and one for each month,
weekday and hour as far as the dates cover two years, weeks or days. Free text becomes
the inputs of up to 30 numbers: the tf-idf weights of its words, projected on their
first singular vectors in the fit (latent semantic analysis). A column with gaps has
one more, which tells where they are; its other inputs are then 0. A
column's score is that of its part with the highest one (value, levels, gaps,
months, ...), and a part's score the mean over its inputs, so that no column is
better off for having many. The highest of k parts is divided by the sixth root of
k, by which it is higher in noise. Inputs that differ from their usual value in less
than 2.5 % of the rows count less, for networks learn such rows by heart.

Importances are read when there were four updates of the variance (one an epoch),
then whenever their number has grown by a factor of the square root of 2, and all
readings count the same. Early readings tell which columns promise something, late
ones also which serve to learn the rows by heart; the mean depends less on the
length of the training than the score at its end, which is the paper's.
paper:
C. R. de Sá (2019), "Variance-Based Feature Importance in Neural Networks",
Discovery Science, LNCS 11828, doi 10.1007/978-3-030-33778-0_24.
"""


def set_parameters(given):
    """Set an estimator's parameters, given the ``locals()`` of its `__init__`."""
    vars(given.pop("self")).update(given)


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
        set_parameters(locals())

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train the network and score its inputs.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            A table of numbers, text, categories and dates, with or without gaps.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            For a classifier at least two classes, integers, strings or booleans, or a
            matrix of zeros and ones: which of several labels apply. For a regressor
            finite numbers.
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
            table, y = self._read(X, y, reset=True)
            problem = self._open(table, y, sample_weight, reset=True)
            warn_about_columns(self._learned.columns)
            (seed,) = draw_seeds(self.random_state, 1)
            self._set_results(self._train(problem, seed))
        return self

    def _read(self, X, y, *, reset):
        """Check a table as a whole, and the target."""
        return check_table(self, X, reset=reset), read_target(y, self)

    def _open(self, table, y, sample_weight, *, reset, classes=None):
        """Check all else, and prepare the data for any number of trainings.

        `table` and `y` are as `_read` returns them. With `reset`, learn from these rows
        what columns hold, bins, levels and the target's classes (those in `classes`, if
        the rows may lack some) or scale. Returns a `Problem`.
        """
        check_process()
        self._validate_params()  # again: a selector comes here without `fit`
        check_hidden_layer_sizes(self.hidden_layer_sizes)
        check_activation(self.activation)
        check_consistent_length(table, y)
        used, sample_weight = self._weigh(sample_weight, y)
        if used is not None:
            table, y = take_table_rows(table, used), y[used]
        y = self._check_target(y, warn=reset)
        if reset:
            target = self._learn_target(y, sample_weight, classes)
            coded, learned = self._learn_columns(table, sample_weight, target)
            self._learned = learned
        else:
            learned = self._learned
            coded = code_table(table, learned.columns)
            check_finite(coded, self)
        are_categories = [column.kind == CATEGORY for column in learned.columns or ()]
        of_coded = column_of_coded(learned.columns, table.shape[1])
        architecture = Architecture(
            learned.target.task,
            learned.target.n_outputs,
            tuple(int(size) for size in self.hidden_layer_sizes),
            self.activation,
            self._selection(),
            learned.target.loss,
        )
        return Problem(
            architecture,
            learned.target,
            coded,
            learned.target.code(y),
            sample_weight,
            learned.inputs,
            feature_of_column=learned.groups.feature_of_column[of_coded],
            categories=np.flatnonzero(are_categories),
            used=used,
        )

    def _learn_columns(self, table, sample_weight, target):
        """Find out what the columns of a table hold; return it in numbers, too."""
        columns = learn_columns(table, self.categorical_features, self.max_categories)
        groups = read_groups(self.feature_groups, table)
        coded = code_table(table, columns)
        check_finite(coded, self)
        n_columns = table.shape[1]
        of_coded = column_of_coded(columns, n_columns)
        kinds, day_zero = np.full(n_columns, NUMBER), np.zeros(n_columns)
        if columns is not None:
            kinds = np.array([column.kind for column in columns])
            day_zero = np.array([column.day_zero for column in columns])
        some = spread_rows(coded.shape[0], _MAX_ROWS_TO_SCALE)
        inputs = learn_inputs(
            coded,
            some,
            None if sample_weight is None else sample_weight[some],
            kinds[of_coded],
            day_zero[of_coded],
            groups.feature_of_column[of_coded],
            int(self.n_bins),
        )
        return coded, Learned(columns, groups, inputs, target)

    def _weigh(self, sample_weight, y):
        """Find the rows with a weight, and bring their weights to a mean of 1.

        The learning rate then means the same in whatever unit the weights come.
        """
        sample_weight = self._total_weight(sample_weight, y)
        if sample_weight is None:
            return None, None
        used = rows_with_weight(sample_weight)
        sample_weight = sample_weight[used] / sample_weight[used].mean()
        return (None if len(used) == len(y) else used), sample_weight

    def _check_target(self, y, *, warn):
        """Return the target of the rows that count, in the form to learn from."""
        return y

    def _total_weight(self, sample_weight, y):
        """How much each row counts; None: all the same."""
        if sample_weight is None:
            return None
        return _check_sample_weight(
            sample_weight, y, dtype=np.float64, ensure_non_negative=True
        )

    def _train(self, problem, seed):
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
            self._check_split(problem, rows, validation_rows)
        return train(
            problem,
            Members([Fold(rows, np.arange(problem.n_features))], int(self.n_members)),
            self._schedule(len(rows), len(problem.inputs), int(self.n_members)),
            seed,
            validation_rows=validation_rows,
            on_epoch=_print_epoch if self.verbose else None,
        )

    def _check_split(self, problem, *parts):
        """Raise a ValueError if a part of the rows cannot be learned from."""

    def _set_results(self, trained):
        """Write down what the networks have become."""
        learned = self._learned
        self._trained = trained
        self.importances_ = learned.groups.by_column(trained.importances)
        self.feature_importances_ = self.importances_.mean(axis=0)
        self.importances_std_ = self.importances_.std(axis=0)
        self.history_ = trained.history
        for name in ("_model", "scaler_"):
            vars(self).pop(name, None)
        inputs, target = learned.inputs, learned.target
        if target.classes is not None:
            self.classes_ = target.classes
        elif target.scaler is not None:
            self.target_scaler_ = target.scaler
        if inputs.are_numbers:
            self.scaler_ = RobustScaler()
            self.scaler_.center_ = inputs.center
            self.scaler_.scale_ = inputs.scale
            self.scaler_.n_features_in_ = self.n_features_in_

    def _adapt(self, X, y, sample_weight, classes=None):
        self._validate_params()
        with all_or_nothing(self):
            table, y = self._read(X, y, reset=True)
            self._open(table, y, sample_weight, reset=True, classes=classes)
            vars(self).pop("_trained", None)  # of an earlier fit
            warn_about_columns(self._learned.columns)
        return self

    def _partial_fit(self, X, y, sample_weight, classes=None):
        self._validate_params()
        with all_or_nothing(self):
            is_first = not hasattr(self, "_learned")
            table, y = self._read(X, y, reset=is_first)
            problem = self._open(
                table, y, sample_weight, reset=is_first, classes=classes
            )
            if is_first:
                warn_about_columns(self._learned.columns)
            self._go_on(problem)
        return self

    def _go_on(self, problem):
        """Train with more rows."""
        before = getattr(self, "_trained", None)
        state, history = State(), {}
        (seed,) = draw_seeds(self.random_state, 1)
        if before is not None:
            history, state = self.history_, before.state
            if state is None:  # `fit` came before
                graph = packed_graph.beginning(before.weights)
                state = State(graph, 0, (before.importances,))
            # Another order of the rows than before.
            rng = np.random.default_rng([seed, state.n_epochs])
            seed = int(rng.integers(2**31))
        n_rows = problem.n_rows
        batch_size = self._schedule(n_rows, 1, 1).batch_size
        n_batches = -(-n_rows // batch_size)
        steps = int(np.clip(n_batches // _UPDATES_A_CHUNK, 1, _AUTO_STEPS_PER_EPOCH))
        schedule = Schedule(
            batch_size, -(-n_batches // steps), steps, float(self.learning_rate)
        )
        fold = Fold(np.arange(n_rows), np.arange(problem.n_features))
        trained = train(
            problem,
            Members([fold], int(self.n_members)),
            schedule,
            seed,
            state=state,
        )
        self._set_results(trained)
        for name, values in self.history_.items():
            self.history_[name] = history.get(name, []) + values

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_trained")

    def _selection(self):
        """Name and settings of a layer that scores the inputs; None: VIANN does."""
        return None

    def _schedule(self, n_rows, n_inputs, n_members, n_steps=None):
        """How long to train on so many rows and inputs; other `n_steps` of "auto"."""
        n_steps = self._auto_steps if n_steps is None else n_steps
        batch_size, epochs, steps = self.batch_size, self.epochs, None
        if batch_size == "auto":
            batch_size = int(np.clip(n_rows // _AUTO_STEPS, *_AUTO_BATCH_SIZES))
            batch_size = max(batch_size, self._least_batch())
        if epochs == "auto":
            n_weights = n_inputs * n_members
            n_weights *= next(iter(self.hidden_layer_sizes), 1)
            steps = _AUTO_STEPS_PER_EPOCH * (3 if n_weights > _MANY_WEIGHTS else 1)
            steps = int(min(steps, np.ceil(n_rows / batch_size)))
            epochs = min(-(-n_steps // steps), _AUTO_EPOCHS * n_steps // _AUTO_STEPS)
        n_iter_no_change = int(self.n_iter_no_change) if self.early_stopping else None
        learning_rate = float(self.learning_rate)
        return Schedule(batch_size, epochs, steps, learning_rate, n_iter_no_change)

    _auto_steps = _AUTO_STEPS

    def _least_batch(self):
        """How many rows a batch should have at least."""
        return 1

    @property
    def model_(self):
        """Keras model of the trained network, from scaled features to predictions."""
        check_is_fitted(self)
        check_process()
        if "_model" not in vars(self):
            self._model = build_model(self._trained, self._learned.inputs)
        return self._model

    def __getstate__(self):
        # The model can be built again, and takes long to pickle.
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_model"}

    def _code(self, X):
        """Turn a table to predict for into numbers, as that of the fit."""
        coded = code_table(check_table(self, X, reset=False), self._learned.columns)
        check_finite(coded, self)
        return coded

    def _check_kinds(self, table, numbers):
        """Raise a ValueError if a column holds something else than in the fit."""
        if self._learned.columns is not None:
            check_kinds(table, self._learned.columns, numbers)

    def _tell_columns(self):
        """Tell in words how each column of the table was read."""
        columns, _, inputs, _ = self._learned
        of_coded = column_of_coded(columns, self.n_features_in_)
        seen = of_coded[inputs.column[inputs.bins.slope != 0]]
        is_used = np.isin(np.arange(self.n_features_in_), seen)
        return tell_columns(columns, is_used)

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
        return self._learned.inputs.encode(self._code(X))

    def predict(self, X):
        """Predict the target of each row.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict for.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The most probable of `classes_`, or a quantity in the target's unit; of
            several labels, 1 for each that is more probable than not.
        """
        predictions = self._predict(X)
        return self._learned.target.decode(predictions)

    def _predict(self, X):
        check_is_fitted(self)
        check_process()
        return predict(self._trained, self._code(X), self._learned)

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

    def _total_weight(self, sample_weight, y):
        sample_weight = super()._total_weight(sample_weight, y)
        if self.class_weight is None:
            return sample_weight
        balance = compute_sample_weight(self.class_weight, y)
        return balance if sample_weight is None else sample_weight * balance

    def _check_target(self, y, *, warn):
        refuse_times(y, self)
        return y

    def _learn_target(self, y, sample_weight, classes):
        return Target.of_classes(y, classes)

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
        predictions = self._predict(X)
        return self._learned.target.probabilities(predictions)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class NetworkRegressor(RegressorMixin):
    """Fits a network to quantities, and predicts them."""

    loss, quantile = "squared_error", None

    def _check_target(self, y, *, warn):
        loss = make_loss(self.loss, self.quantile)
        y = check_quantity(y, self)
        assert_all_finite(y, input_name="y")
        loss.check(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=warn)
        return y

    def _learn_target(self, y, sample_weight, classes):
        loss = make_loss(self.loss, self.quantile)
        return Target.of_quantities(y, sample_weight, loss=loss)

    def score(self, X, y, sample_weight=None):
        """Tell which share of a constant model's loss the network does without.

        1 is perfect, 0 as good as the best constant, less is worse.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict for.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        score : float
            Mean over outputs of `sklearn.metrics.r2_score`, with another `loss` of
            `d2_absolute_error_score`, `d2_tweedie_score` with ``power=1`` (poisson) or
            `d2_pinball_score` (quantile).
        """
        predictions = self.predict(X)
        return self._learned.target.loss.score(y, predictions, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
