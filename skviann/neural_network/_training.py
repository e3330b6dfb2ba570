"""Trains packed networks fold by fold, all at once, and evaluates them.

`train` and the functions behind it take a `Problem` and arrays, and return values.
"""

from typing import NamedTuple

import numpy as np

from skviann._lazy import packed_graph
from skviann._validation import release_pages
from skviann.neural_network._architecture import (
    Architecture,
    draw_weights,
    make_selection,
)
from skviann.variance import sum_to_one

# What the graph gets in one go, and what it makes of rows to predict for.
_VALUES_AT_A_TIME = 2**23

_ROWS_PER_PREDICTION = 512

NO_MASK = np.zeros((0, 0, 0), dtype=np.float32)


class Schedule(NamedTuple):
    """How long to train, in which steps."""

    batch_size: int
    epochs: int
    steps_per_epoch: int | None  # None: as many as the rows have batches
    learning_rate: float
    n_iter_no_change: int | None = None  # epochs without a lower loss before it stops


class Fold(NamedTuple):
    """What some of the members are trained on; all is one fold, too."""

    rows: np.ndarray
    features: np.ndarray


class Members(NamedTuple):
    """Who is trained, and on what."""

    folds: list  # of `Fold`, with the same number of features
    n_each: int  # members of each fold
    # (n_each,): members of a fold begin alike, and each sees so many of its features,
    # from the first. None: each begins in its own way, and sees all.
    n_features_seen: np.ndarray | None = None


class State(NamedTuple):
    """Where a training is, to go on with other rows."""

    graph: list | None = None  # of ndarray, from `PackedGraph.state`; None: it begins
    n_epochs: int = 0
    readings: tuple = ()  # of ndarray (n_members, n_features): shares so far


class Trained(NamedTuple):
    """What members of one or several folds have become."""

    architecture: Architecture
    feature_of_input: np.ndarray  # (n_folds, n_inputs)
    weights: list  # of ndarray, members first
    mask: np.ndarray  # (n_members, n_inputs, 1), or empty
    importances: np.ndarray  # (n_members, n_features): shares that sum to 1
    history: dict  # of list of float, by epoch; losses are the mean member's
    state: State | None = None  # if the training is to go on


def train(
    problem,
    members,
    schedule,
    seed,
    *,
    validation_rows=None,
    on_epoch=None,
    watch=None,
    state=None,
):
    """Train members, all at once; same seed, same result.

    Parameters
    ----------
    problem, members, schedule, seed
        Rows and target; who is trained on what; how long.
    validation_rows : ndarray of int, default=None
        Rows whose loss stops the training early, see `Schedule.n_iter_no_change`.
    on_epoch : callable, default=None
        Called at the end of each epoch with the history so far.
    watch : callable, default=None
        Called at the end of each epoch with the number of epochs so far and a function
        from inputs of each fold's rows to outputs, see `compute_outputs`; the training
        ends where it returns True.
    state : State, default=None
        Of a training on other rows, to go on with; where it is given, the new one is
        returned.

    Returns
    -------
    trained : Trained

    Raises
    ------
    ValueError
        If weights became NaN or infinite.
    """
    folds, n_each, n_features_seen = members
    readers, inputs = zip(
        *(problem.reader(fold.features) for fold in folds), strict=True
    )
    feature_of_input = _side_by_side([of_fold.feature for of_fold in inputs])
    n_inputs = feature_of_input.shape[1]
    member_seeds = [
        [seed, number, member if n_features_seen is None else 0]
        for number in range(len(folds))
        for member in range(n_each)
    ]
    weights = draw_weights(
        problem.architecture, member_seeds, len(folds[0].features), n_inputs
    )
    constants = [problem.constant(fold.rows) for fold in folds]
    weights[-1][:, 0] = np.repeat(constants, n_each, axis=0)  # the base rate first
    mask = NO_MASK
    if n_features_seen is not None:
        seen = feature_of_input[:, None] < np.asarray(n_features_seen)[:, None]
        mask = np.concatenate(seen).astype(np.float32)[..., np.newaxis]
    feed = _Feed(problem, folds, readers, n_inputs, schedule, seed)
    history = {"loss": []}
    readings, best, first_epoch = [], None, 0  # readings with their epoch
    with packed_graph.borrowed(problem.architecture) as graph:
        graph.start(weights)
        if state is not None and state.graph is not None:
            graph.resume(state.graph)
            first_epoch = state.n_epochs
            readings = [(None, shares) for shares in state.readings]
        for epoch in range(first_epoch, first_epoch + schedule.epochs):
            loss = sum(
                graph.train(
                    *batches, feature_of_input, mask, schedule.learning_rate, seed
                ).numpy()
                for batches in feed.epoch()
            )
            history["loss"].append(float(loss.mean()) / feed.steps_per_epoch)
            graph.update_variance()
            if epoch + 1 >= 2 ** (2 + len(readings) / 2):
                readings.append((epoch, _shares(graph, inputs)))
            if validation_rows is not None:
                now = graph.weights()
                loss = _validation_loss(
                    problem, readers[0], validation_rows, feature_of_input, now, graph
                )
                history.setdefault("val_loss", []).append(loss)
                if best is None or loss < history["val_loss"][best[0]]:
                    best = epoch, now
            if on_epoch is not None:
                on_epoch(history)
            if best is not None and epoch - best[0] >= schedule.n_iter_no_change:
                break
            if watch is not None and watch(
                epoch + 1,
                lambda X: _outputs(graph, graph.weights(), feature_of_input, mask, X),
            ):
                break
        if best is not None:
            graph.restore(best[1])
            readings = [one for one in readings if one[0] <= best[0]]
        readings = [shares for _, shares in readings]
        shares = readings or [_shares(graph, inputs)]
        weights = graph.weights()
        if state is not None:
            state = State(graph.state(), epoch + 1, tuple(readings))
        graph.clear()
    if not all(np.isfinite(values).all() for values in weights):
        raise ValueError(
            "The network's weights became NaN or infinite while it trained, so its "
            "inputs cannot be scored. Lower the learning rate."
        )
    gates, sparse = make_selection(problem.architecture)
    if gates is not None:
        shares = [_sum_to_one(gates.importances(weights[0]))]
    elif sparse is not None:
        shares = [_sum_to_one(sparse.importances(weights[0], inputs[0].feature))]
    return Trained(
        problem.architecture,
        feature_of_input,
        weights,
        mask,
        np.mean(shares, axis=0),
        history,
        state,
    )


def _side_by_side(rows):
    """Stack arrays of different lengths, their last entries repeated at the end.

    Behind the last input, a fold's are 0: what they belong to makes no difference.
    """
    length = max(map(len, rows))
    stacked = np.zeros((len(rows), length), dtype=np.int32)
    for line, row in zip(stacked, rows, strict=True):
        line[: len(row)] = row
        line[len(row) :] = row[-1] if len(row) else 0
    return stacked


class _Feed:
    """Batches of every fold's rows, epoch after epoch."""

    def __init__(self, problem, folds, readers, n_inputs, schedule, seed):
        self._problem = problem
        self._folds = folds
        self._readers = readers
        self._n_inputs = n_inputs
        size = schedule.batch_size
        n_batches = max(-(-len(fold.rows) // size) for fold in folds)
        self.steps_per_epoch = schedule.steps_per_epoch or n_batches
        n_steps = self.steps_per_epoch * schedule.epochs
        self._streams = [
            _batches(len(fold.rows), size, n_steps, np.random.default_rng([seed, i]))
            for i, fold in enumerate(folds)
        ]
        self._weights = [problem.weights_of(fold.rows) for fold in folds]
        n_values = len(folds) * size * max(n_inputs, 1)
        self._steps_at_a_time = int(max(1, _VALUES_AT_A_TIME // n_values))

    def epoch(self):
        """Yield an epoch's batches, not too many in one: X, targets, rows' weights."""
        for first in range(0, self.steps_per_epoch, self._steps_at_a_time):
            n_steps = min(self._steps_at_a_time, self.steps_per_epoch - first)
            by_fold = [self._of_fold(i, n_steps) for i in range(len(self._folds))]
            yield tuple(np.stack(one, axis=1) for one in zip(*by_fold, strict=True))
        release_pages(self._problem.X)

    def _of_fold(self, number, n_steps):
        rows = self._folds[number].rows
        chosen = np.stack([next(self._streams[number]) for _ in range(n_steps)])
        is_row = chosen >= 0
        taken = rows[chosen.ravel()]
        # A short batch is filled up with rows that do not count.
        weights = np.where(is_row, self._weights[number][chosen], 0)
        weights /= is_row.sum(axis=1, keepdims=True)
        X = as_wide(self._readers[number](taken), self._n_inputs)
        return (
            X.reshape(*chosen.shape, self._n_inputs),
            self._problem.y[taken].reshape(*chosen.shape, -1),
            weights.astype(np.float32),
        )


def as_wide(X, n_inputs):
    """Add columns of zeros up to a number of inputs."""
    missing = n_inputs - X.shape[1]
    return np.pad(X, ((0, 0), (0, missing))) if missing else X


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


def _shares(graph, inputs):
    """Read the importances as shares that sum to 1, (n_members, n_features).

    Early in the training a VIANN score tells which features promise something, late
    also which ones serve to learn the rows by heart; how early or late that is depends
    on the data. So scores are read when there were 4 updates, and whenever their number
    has grown by a factor of the square root of 2, and all readings count the same.
    """
    scores = np.split(graph.scores().numpy().astype(np.float64), len(inputs))
    return _sum_to_one(
        np.concatenate(
            [
                of_fold.scores_of_features(some[:, : len(of_fold)])
                for of_fold, some in zip(inputs, scores, strict=True)
            ]
        )
    )


def _sum_to_one(scores):
    return np.array([sum_to_one(one) for one in scores])


def compute_outputs(trained, X):
    """Compute outputs of members before their activation.

    From inputs of each fold's rows, (n_folds, n_rows, n_inputs), to outputs of shape
    (n_members, n_rows, n_outputs).
    """
    with packed_graph.borrowed(trained.architecture) as graph:
        return _outputs(
            graph, trained.weights, trained.feature_of_input, trained.mask, X
        )


def _outputs(graph, weights, feature_of_input, mask, X):
    n_units = max(bias.shape[2] for bias in weights[::-2])
    n_values = len(X) * X.shape[2] + len(weights[-1]) * n_units
    n_at_a_time = max(16, _VALUES_AT_A_TIME // n_values)
    weights = graph.as_tensors(weights)
    outputs = [
        graph.outputs(
            weights, X[:, first : first + n_at_a_time], feature_of_input, mask
        ).numpy()
        for first in range(0, X.shape[1], n_at_a_time)
    ]
    return np.concatenate(outputs, axis=1)


def _validation_loss(problem, read, rows, feature_of_input, weights, graph):
    """Mean loss of the members of one fold on rows that it was not trained on."""
    outputs = graph.outputs(weights, read(rows)[None], feature_of_input, NO_MASK)
    outputs = outputs.numpy()
    losses = problem.row_losses(rows, outputs) * problem.weights_of(rows)
    return float(losses.mean())


def join_members(trained):
    """Put the members of several trainings of the same features into the first."""
    return trained[0]._replace(
        weights=[
            np.concatenate(values)
            for values in zip(*(one.weights for one in trained), strict=True)
        ],
        importances=np.concatenate([one.importances for one in trained]),
    )


def as_one_fold(trained):
    """Put members of several folds that see the same features into one."""
    return trained._replace(feature_of_input=trained.feature_of_input[:1])


def predict(trained, X, learned):
    """Average what the members of one fold predict.

    For rows of a coded table, (n_samples, n_columns), as `learned` tells: (n_samples,
    n_outputs), probabilities, of the second class where there are two; standardised
    quantities.
    """
    # In full batches, for the last digits of a matrix product depend on its number of
    # rows: a row's prediction shall not depend on the rows beside it.
    n_values = max(len(learned.inputs), 1)
    batch_size = int(np.clip(_VALUES_AT_A_TIME // n_values, 16, _ROWS_PER_PREDICTION))
    means = []
    with packed_graph.borrowed(trained.architecture) as graph:
        weights = graph.as_tensors(trained.weights)
        for first in range(0, X.shape[0], batch_size):
            rows = learned.inputs.encode(X[first : first + batch_size])
            missing = batch_size - len(rows)
            rows = np.pad(rows, ((0, missing), (0, 0))) if missing else rows
            outputs = graph.outputs(
                weights, rows[None], trained.feature_of_input, trained.mask
            )
            outputs = outputs.numpy()[:, : batch_size - missing]
            means.append(learned.target.mean_prediction(outputs))
    return np.concatenate(means)
