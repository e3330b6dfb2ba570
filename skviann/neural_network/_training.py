"""Trains packed networks on groups of rows and columns, and evaluates them.

`Problem` holds what all trainings of one fit have in common; `train` and the functions
behind it take arrays and return values.
"""

from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logsumexp, softmax

from skviann._validation import release_pages, take_rows
from skviann.layers import Bins
from skviann.neural_network._architecture import (
    Architecture,
    draw_weights,
    make_selection,
)
from skviann.neural_network._cache import Cache
from skviann.neural_network._graph import PackedGraph
from skviann.variance import sum_by_feature, sum_to_one

# Scaled features are held as a whole up to so many values, else read row by row.
_MAX_VALUES_IN_MEMORY = 2**26
# What the graph gets in one go, and what it makes of rows to predict for.
_VALUES_AT_A_TIME = 2**23

_ROWS_PER_PREDICTION = 512

NO_MASK = np.zeros((0, 0, 0), dtype=np.float32)

# Graphs that wait for the next training of the same kind.
_graphs = Cache()


class Schedule(NamedTuple):
    """How long to train, in which steps."""

    batch_size: int
    epochs: int
    steps_per_epoch: int | None  # None: as many as the rows have batches
    learning_rate: float
    n_iter_no_change: int | None = None  # epochs without a lower loss before it stops


class Group(NamedTuple):
    """What some of the members see."""

    rows: np.ndarray
    columns: np.ndarray


class Trained(NamedTuple):
    """Members of a training, group by group."""

    architecture: Architecture
    bins: Bins  # of each group's columns
    weights: list  # of ndarray, members first
    mask: np.ndarray  # (n_members, n_inputs, 1), or empty
    importances: np.ndarray  # (n_members, n_columns): shares that sum to 1
    history: dict  # of list of float, by epoch; losses are the mean member's


class Problem:
    """Rows, targets and encoding: what the trainings of one fit have in common.

    Parameters
    ----------
    architecture : Architecture
        Networks for it.
    X : ndarray of shape (n_samples, n_features)
        Finite numbers, as they came.
    targets : ndarray of shape (n_samples, n_outputs or 1)
        Class numbers, or standardised quantities.
    sample_weight : ndarray of shape (n_samples,) or None
        How much each row counts.
    center, scale : ndarray of shape (n_features,)
        Bring features close to 0 in their own precision, before float32.
    bins : Bins
        Encoding of the scaled features.
    used : ndarray of int, default=None
        Which of a caller's rows these are; None: all.
    """

    def __init__(
        self, architecture, X, targets, sample_weight, center, scale, bins, used=None
    ):
        self.architecture = architecture
        self.X = X
        self.targets = targets.astype(np.float32)
        self.sample_weight = sample_weight
        self.center, self.scale = center, scale
        self.bins = bins
        self.used = used
        is_small = X.size <= _MAX_VALUES_IN_MEMORY
        self._scaled = scale_rows(X, center, scale) if is_small else None

    def read(self, rows, columns):
        """Scaled features of some rows: float32 of shape (n_rows, n_columns)."""
        every = len(columns) == self.X.shape[1] and (np.diff(columns) == 1).all()
        if self._scaled is not None:
            return self._scaled[rows] if every else self._scaled[rows[:, None], columns]
        X = take_rows(self.X, rows)
        if every:
            return scale_rows(X, self.center, self.scale)
        return scale_rows(X[:, columns], self.center[columns], self.scale[columns])

    def weights_of(self, rows):
        """How much rows count: float32 with a mean of 1."""
        if self.sample_weight is None:
            return np.ones(len(rows), dtype=np.float32)
        weights = self.sample_weight[rows]
        return (weights / (weights.mean() or 1)).astype(np.float32)

    def constant(self, rows):
        """Output, before its activation, of the best constant model of some rows.

        The log odds of two classes, the logarithms of the shares of several, the mean
        of a quantity.
        """
        targets, weights = self.targets[rows], self.weights_of(rows)
        if self.architecture.task == "regression":
            return np.average(targets, axis=0, weights=weights)
        n_classes = max(self.architecture.n_outputs, 2)
        counts = np.bincount(targets[:, 0].astype(int), weights, minlength=n_classes)
        logs = np.log(np.maximum(counts, 0.5) / len(rows))  # a class may be missing
        return logs if n_classes > 2 else logs[1:] - logs[:1]

    def row_losses(self, rows, outputs):
        """Loss of each row, without its weight: (..., rows, outputs) to (..., rows)."""
        targets = self.targets[rows]
        outputs = np.asarray(outputs, dtype=np.float64)
        if self.architecture.task == "regression":
            return ((targets - outputs) ** 2).mean(axis=-1)
        if self.architecture.task == "binary":
            outputs = outputs[..., 0]
            return np.logaddexp(0, outputs) - targets[:, 0] * outputs
        numbers = targets[:, 0].astype(int)
        of_class = outputs[..., np.arange(len(rows)), numbers]
        return logsumexp(outputs, axis=-1) - of_class


def scale_rows(X, center, scale):
    """Bring rows close to 0 in their own precision, then round to float32."""
    with np.errstate(over="ignore"):
        return ((X - center.astype(X.dtype)) / scale.astype(X.dtype)).astype(np.float32)


def train(
    problem,
    groups,
    n_each,
    schedule,
    seed,
    *,
    n_columns_seen=None,
    same_weights=False,
    validation_rows=None,
    on_epoch=None,
):
    """Train members in groups, all at once.

    Parameters
    ----------
    problem : Problem
        Rows and targets.
    groups : list of Group
        The same number of columns in each.
    n_each : int
        Members in each group.
    schedule : Schedule
        How long.
    seed : int
        Same seed, same result.
    n_columns_seen : ndarray of int of shape (n_each,), default=None
        How many of its group's columns each member sees, from the first; None: all.
    same_weights : bool, default=False
        Whether the members of a group begin with the same weights.
    validation_rows : ndarray of int, default=None
        Rows whose loss stops the training early, see `Schedule.n_iter_no_change`.
    on_epoch : callable, default=None
        Called at the end of each epoch with the history so far.

    Returns
    -------
    trained : Trained

    Raises
    ------
    ValueError
        If weights became NaN or infinite.
    """
    columns = np.array([group.columns for group in groups])
    bins = problem.bins.of_columns(columns)
    member_seeds = [
        [seed, number, 0 if same_weights else member]
        for number in range(len(groups))
        for member in range(n_each)
    ]
    weights = draw_weights(
        problem.architecture,
        member_seeds,
        columns.shape[1],
        len(bins.feature_of_input),
    )
    for number, group in enumerate(groups):  # the base rate first
        members = slice(number * n_each, (number + 1) * n_each)
        weights[-1][members] = problem.constant(group.rows)
    mask = NO_MASK
    if n_columns_seen is not None:
        seen = bins.feature_of_input < np.asarray(n_columns_seen)[:, None]
        mask = np.tile(seen[..., None], (len(groups), 1, 1)).astype(np.float32)
    feed = _Feed(problem, groups, schedule, seed)
    history = {"loss": []}
    readings, best = [], None
    with _borrowed_graph(problem.architecture) as graph:
        graph.start(weights)
        for epoch in range(schedule.epochs):
            loss = sum(
                graph.train(*batches, bins, mask, schedule.learning_rate, seed).numpy()
                for batches in feed.epoch()
            )
            history["loss"].append(float(loss.mean()) / feed.steps_per_epoch)
            graph.take_in()
            if epoch + 1 >= 2 ** (2 + len(readings) / 2):
                readings.append((epoch, graph.scores().numpy()))
            if validation_rows is not None:
                now = graph.weights()
                loss = _validation_loss(problem, validation_rows, bins, now, graph)
                history.setdefault("val_loss", []).append(loss)
                if best is None or loss < history["val_loss"][best[0]]:
                    best = epoch, now
            if on_epoch is not None:
                on_epoch(history)
            if best is not None and epoch - best[0] >= schedule.n_iter_no_change:
                break
        if best is not None:
            graph.restore(best[1])
            readings = [one for one in readings if one[0] <= best[0]]
        if not readings:
            readings = [(None, graph.scores().numpy())]
        weights = graph.weights()
        graph.clear()
    if not all(np.isfinite(values).all() for values in weights):
        raise ValueError(
            "The network's weights became NaN or infinite while it trained, so its "
            "inputs cannot be scored. Lower the learning rate."
        )
    scores = [scores for _, scores in readings]
    importances = _importances(problem.architecture, weights, bins, scores)
    return Trained(problem.architecture, bins, weights, mask, importances, history)


class _Feed:
    """Batches of every group's rows, epoch after epoch."""

    def __init__(self, problem, groups, schedule, seed):
        self._problem = problem
        self._groups = groups
        size = schedule.batch_size
        n_batches = max(-(-len(group.rows) // size) for group in groups)
        self.steps_per_epoch = schedule.steps_per_epoch or n_batches
        n_steps = self.steps_per_epoch * schedule.epochs
        self._streams = [
            _batches(len(group.rows), size, n_steps, np.random.default_rng([seed, i]))
            for i, group in enumerate(groups)
        ]
        self._weights = [problem.weights_of(group.rows) for group in groups]
        n_values = len(groups) * size * len(groups[0].columns)
        self._steps_at_a_time = int(max(1, _VALUES_AT_A_TIME // n_values))

    def epoch(self):
        """Yield an epoch's batches, not too many in one: X, targets, rows' weights."""
        for first in range(0, self.steps_per_epoch, self._steps_at_a_time):
            n_steps = min(self._steps_at_a_time, self.steps_per_epoch - first)
            parts = [self._of_group(i, n_steps) for i in range(len(self._groups))]
            yield tuple(np.stack(part, axis=1) for part in zip(*parts, strict=True))
        release_pages(self._problem.X)

    def _of_group(self, number, n_steps):
        rows, columns = self._groups[number]
        chosen = np.stack([next(self._streams[number]) for _ in range(n_steps)])
        is_row = chosen >= 0
        taken = rows[chosen.ravel()]
        # A short batch is filled up with rows that do not count.
        weights = np.where(is_row, self._weights[number][chosen], 0)
        weights /= is_row.sum(axis=1, keepdims=True)
        X = self._problem.read(taken, columns)
        return (
            X.reshape(*chosen.shape, -1),
            self._problem.targets[taken].reshape(*chosen.shape, -1),
            weights.astype(np.float32),
        )


def _batches(n_rows, batch_size, n_batches, rng):
    """Yield batches of row numbers; each pass holds each row once, in random order.

    A pass that does not divide evenly ends in a batch that is filled up with -1.
    """
    n_left = n_batches * batch_size
    while True:
        # Of very many rows, only those that are needed are drawn.
        n_drawn = min(n_rows, max(n_left, batch_size))
        order = rng.choice(n_rows, n_drawn, replace=False)
        n_missing = -n_drawn % batch_size
        yield from np.pad(order, (0, n_missing), constant_values=-1).reshape(
            -1, batch_size
        )
        n_left -= n_drawn + n_missing


def _importances(architecture, weights, bins, scores):
    """Shares of the features that sum to 1, (n_members, n_features).

    Early in the training a VIANN score tells which features promise something, late
    also which ones serve to learn the rows by heart; how early or late that is depends
    on the data. So scores are read when there were 4 updates, and whenever their number
    has grown by a factor of the square root of 2, and all readings count the same.
    """
    gates, sparse = make_selection(architecture)
    if gates is not None:
        scores = [gates.importances(weights[0])]
    elif sparse is not None:
        scores = [sparse.importances(weights[0], bins.feature_of_input)]
    else:
        scores = [
            sum_by_feature(of_inputs.astype(np.float64), bins.feature_of_input)
            for of_inputs in scores
        ]
    shares = [[sum_to_one(one) for one in reading] for reading in scores]
    return np.mean(shares, axis=0)


def compute_outputs(trained, X):
    """Compute outputs of members before their activation.

    Parameters
    ----------
    trained : Trained
        Members in groups.
    X : ndarray of shape (n_groups, n_rows, n_columns)
        Scaled features of each group's rows.

    Returns
    -------
    outputs : ndarray of shape (n_members, n_rows, n_outputs)
    """
    kernel = trained.weights[-2 * len(trained.architecture.hidden_layer_sizes) - 2]
    n_values = len(X) * kernel.shape[1] + len(kernel) * kernel.shape[2]
    n_at_a_time = max(16, _VALUES_AT_A_TIME // n_values)
    with _borrowed_graph(trained.architecture) as graph:
        weights = graph.as_tensors(trained.weights)
        outputs = [
            graph.outputs(
                weights, X[:, first : first + n_at_a_time], trained.bins, trained.mask
            ).numpy()
            for first in range(0, X.shape[1], n_at_a_time)
        ]
    return np.concatenate(outputs, axis=1)


def _validation_loss(problem, rows, bins, weights, graph):
    """Mean loss of the members of one group on rows that it was not trained on."""
    X = problem.read(rows, np.arange(problem.X.shape[1]))[np.newaxis]
    outputs = graph.outputs(weights, X, bins, NO_MASK).numpy()
    losses = problem.row_losses(rows, outputs) * problem.weights_of(rows)
    return float(losses.mean())


def as_one_group(trained):
    """Put members of several groups that see the same columns into one."""
    first = [values[:1] if np.ndim(values) == 3 else values for values in trained.bins]
    return trained._replace(bins=Bins(*first))


def predict(trained, X, scale):
    """Average what the members of one group predict.

    Parameters
    ----------
    trained : Trained
        Members in one group.
    X : ndarray of shape (n_samples, n_features)
        Rows as they came.
    scale : callable
        From rows as they came to scaled ones.

    Returns
    -------
    predictions : ndarray of shape (n_samples, n_outputs)
        Probabilities, of the second class where there are two; standardised quantities.
    """
    # In full batches, for the last digits of a matrix product depend on its number of
    # rows: a row's prediction shall not depend on the rows beside it.
    n_inputs = len(trained.bins.feature_of_input)
    batch_size = int(np.clip(_VALUES_AT_A_TIME // n_inputs, 16, _ROWS_PER_PREDICTION))
    means = []
    with _borrowed_graph(trained.architecture) as graph:
        weights = graph.as_tensors(trained.weights)
        for first in range(0, len(X), batch_size):
            rows = scale(X[first : first + batch_size])
            missing = batch_size - len(rows)
            rows = np.pad(rows, ((0, missing), (0, 0))) if missing else rows
            outputs = graph.outputs(weights, rows[None], trained.bins, trained.mask)
            outputs = outputs.numpy()[:, : batch_size - missing]
            means.append(mean_prediction(trained.architecture.task, outputs))
    return np.concatenate(means)


def mean_prediction(task, outputs):
    """Average members' predictions, from their outputs before the activation.

    In float64: float32 has no number between 1 and 0.99999994.
    """
    outputs = outputs.astype(np.float64)
    if task == "binary":
        outputs = expit(outputs)
    elif task == "multiclass":
        outputs = softmax(outputs, axis=-1)
    return outputs.mean(axis=0)


@contextmanager
def _borrowed_graph(architecture):
    """Lend a graph for an architecture to nobody else meanwhile."""
    key = PackedGraph.key(architecture)
    graph = _graphs.take(key) or PackedGraph(architecture)
    yield graph
    _graphs.put(key, graph)  # not after an exception
