import contextlib
import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.metrics import log_loss, mean_squared_error

from conftest import FAST, viann_by_hand
from skviann import VIANNClassifier, VIANNRegressor
from skviann._inputs import learn_inputs, scale_rows
from skviann._target import Target
from skviann.neural_network import _problem, _training
from skviann.neural_network._architecture import Architecture, draw_weights
from skviann.neural_network._problem import Problem
from skviann.neural_network._training import Fold, Members, Schedule, train

N_OUTPUTS = {"binary": 1, "multiclass": 3, "regression": 2}
N_BINS = 2


def make_problem(
    task="binary", weighted=False, *, n_rows=40, sizes=(5, 4), activation="relu"
):
    """A problem of six columns, of which three make the target."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 6))
    sums = np.column_stack([X[:, 0] - X[:, 1], X[:, 2]])
    targets = {
        "binary": (sums[:, :1] > 0.3).astype(int),
        "multiclass": np.digitize(sums[:, :1], [-0.5, 1]),
        "regression": sums,
    }[task]
    weights = rng.uniform(0.5, 1.5, n_rows) if weighted else None
    if weighted:
        weights /= weights.mean()
    inputs = learn_inputs(
        X,
        np.arange(n_rows),
        weights,
        np.full(6, "number"),
        np.zeros(6),
        np.arange(6),
        N_BINS,
    )
    return Problem(
        Architecture(task, N_OUTPUTS[task], sizes, activation),
        Target(task, N_OUTPUTS[task]),
        X,
        targets,
        weights,
        inputs,
    )


def every_row(problem):
    return Members([Fold(np.arange(len(problem.X)), np.arange(6))], 2)


def encode_by_hand(problem, columns):
    """Inputs of a network that sees these columns: (rows, columns * bins)."""
    X = (problem.X - np.median(problem.X, axis=0)) / (
        np.quantile(problem.X, 0.75, axis=0) - np.quantile(problem.X, 0.25, axis=0)
    )
    X = np.repeat(X[:, columns].astype("float32"), N_BINS, axis=1)
    inputs = (columns[:, None] * N_BINS + np.arange(N_BINS)).ravel()
    start, slope, mean, factor = (values[inputs] for values in problem.inputs.bins[:4])
    return (np.clip((X - start) * slope, 0, 1) - mean) * factor


def constant_by_hand(task, targets, weights):
    if task == "regression":
        return (weights[:, None] * targets).sum(axis=0) / weights.sum()
    shares = np.array(
        [weights[targets[:, 0] == number].sum() for number in range(N_OUTPUTS[task])]
        if task == "multiclass"
        else [weights[targets[:, 0] == number].sum() for number in (0, 1)]
    )
    shares = shares / weights.sum()
    return np.log(shares) if task == "multiclass" else np.log(shares[1:] / shares[0])


LOSSES = {
    "binary": lambda y, z: keras.ops.binary_crossentropy(y, z, from_logits=True)[:, 0],
    "multiclass": lambda y, z: keras.ops.sparse_categorical_crossentropy(
        y[:, 0], z, from_logits=True
    ),
    "regression": lambda y, z: keras.ops.mean((y - z) ** 2, axis=-1),
}


def train_alone(problem, fold, member_seed, schedule, seed, n_seen=None):
    """Train one member as a Keras model of its own, step by step."""
    task = problem.architecture.task
    inputs = encode_by_hand(problem, fold.features)
    weights = np.ones(len(fold.rows))
    if problem.sample_weight is not None:
        weights = problem.sample_weight[fold.rows]
        weights = weights / weights.mean()
    drawn = draw_weights(
        problem.architecture, [member_seed], len(fold.features), inputs.shape[1]
    )
    drawn = [values[0] for values in drawn]
    drawn[-1] = constant_by_hand(task, problem.y[fold.rows], weights)[None]
    layers = [
        keras.layers.Dense(size, "relu", kernel_regularizer=keras.regularizers.L2(1e-3))
        for size in problem.architecture.hidden_layer_sizes
    ]
    layers.append(
        keras.layers.Dense(
            problem.architecture.n_outputs,
            kernel_regularizer=keras.regularizers.L2(1e-3),
        )
    )
    model = keras.Sequential([keras.Input((inputs.shape[1],)), *layers])
    model.set_weights([w if i % 2 == 0 else w[0] for i, w in enumerate(drawn)])
    optimizer = keras.optimizers.Adam(schedule.learning_rate)
    seen = np.arange(inputs.shape[1]) < (n_seen or 6) * N_BINS
    n_each = -(-len(fold.rows) // schedule.batch_size)
    n_steps = schedule.epochs * (schedule.steps_per_epoch or n_each)
    batches = _training._batches(
        len(fold.rows), schedule.batch_size, n_steps, np.random.default_rng(seed)
    )
    losses = []
    for _ in range(n_steps):
        batch = next(batches)
        batch = batch[batch >= 0]
        rows = fold.rows[batch]
        with tf.GradientTape() as tape:
            outputs = model(inputs[rows] * seen)
            row_losses = LOSSES[task](tf.constant(problem.y[rows]), outputs)
            loss = tf.reduce_mean(row_losses * weights[batch].astype("float32"))
            objective = loss + sum(model.losses)  # with the penalty on weights
        gradients = tape.gradient(objective, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        losses.append(float(loss))
    return model.get_weights(), losses


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("task", N_OUTPUTS)
def test_a_packed_training_equals_separate_trainings(task, weighted):
    problem = make_problem(task, weighted)
    folds = [
        Fold(np.arange(0, 30), np.array([0, 1, 2, 3])),
        Fold(np.arange(8, 40)[::-1], np.array([5, 2, 0, 1])),
    ]
    schedule = Schedule(9, 3, 4, 0.01)
    n_seen = np.array([4, 2])
    trained = train(problem, Members(folds, 2, n_seen), schedule, 7)
    losses = []
    for number, fold in enumerate(folds):
        for member in range(2):
            alone, losses_alone = train_alone(
                problem,
                fold,
                [7, number, 0],  # members that see other features begin alike
                schedule,
                [7, number],
                n_seen[member],
            )
            losses.append(losses_alone)
            together = [values[2 * number + member] for values in trained.weights]
            for i, (one, other) in enumerate(zip(together, alone, strict=True)):
                one = one[0] if i % 2 else one
                assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    by_epoch = np.mean(losses, axis=0).reshape(3, 4).mean(axis=1)
    assert_allclose(trained.history["loss"], by_epoch, rtol=1e-4)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("task", N_OUTPUTS)
def test_training_begins_at_the_base_rate(task, weighted):
    problem = make_problem(task, weighted)
    rows = np.arange(3, 33)
    weights = problem.weights_of(rows)
    assert_allclose(weights.mean(), 1, rtol=1e-6)
    expected = constant_by_hand(task, problem.y[rows], weights)
    assert_allclose(problem.constant(rows), expected, rtol=1e-4, atol=1e-6)
    # One tiny step leaves the output biases where they began.
    trained = train(
        problem, Members([Fold(rows, np.arange(6))], 2), Schedule(30, 2, 1, 1e-9), 0
    )
    assert_allclose(trained.weights[-1], [[expected]] * 2, rtol=1e-4, atol=1e-6)


def test_a_class_may_be_missing_from_the_rows():
    for task in ("binary", "multiclass"):
        problem = make_problem(task)
        rows = np.flatnonzero(problem.y[:, 0] == 0)
        constant = problem.constant(rows)
        assert np.isfinite(constant).all()
        n = len(rows)
        expected = np.log(0.5 / n)
        assert_allclose(constant[-1], expected, rtol=1e-6)


@pytest.mark.parametrize("task", N_OUTPUTS)
def test_row_losses_are_those_of_scikit_learn(task):
    problem = make_problem(task)
    rows = np.arange(5, 35)
    outputs = np.random.default_rng(1).normal(size=(2, 30, N_OUTPUTS[task]))
    losses = problem.row_losses(rows, outputs)
    assert losses.shape == (2, 30)
    weights = np.random.default_rng(2).uniform(size=30)
    targets = problem.y[rows]
    for of_member, found in zip(outputs, losses, strict=True):
        if task == "regression":
            expected = mean_squared_error(targets, of_member, sample_weight=weights)
        else:
            if task == "binary":
                positive = 1 / (1 + np.exp(-of_member))
                probabilities = np.hstack([1 - positive, positive])
            else:
                probabilities = np.exp(of_member)
                probabilities /= probabilities.sum(axis=1, keepdims=True)
            labels = list(range(probabilities.shape[1]))
            expected = log_loss(
                targets[:, 0].astype(int),
                probabilities,
                sample_weight=weights,
                labels=labels,
            )
        assert_allclose(np.average(found, weights=weights), expected, rtol=1e-6)


def test_losses_of_very_sure_outputs_are_finite():
    problem = make_problem("binary")
    rows = np.arange(40)
    losses = problem.row_losses(rows, np.full((40, 1), 1e5))
    assert_allclose(losses, np.where(problem.y[:, 0] == 1, 0, 1e5))


def test_rows_are_scaled_in_their_own_precision():
    X = 1e9 + np.arange(12.0).reshape(4, 3)
    scaled = scale_rows(X, np.full(3, 1e9), np.array([1.0, 2, 4]))
    assert scaled.dtype == np.float32
    assert_array_equal(scaled, np.arange(12.0).reshape(4, 3) / [1, 2, 4])


@pytest.mark.parametrize(("n_rows", "size"), [(23, 5), (20, 5), (3, 8), (5, 1)])
def test_each_pass_holds_each_row_once(n_rows, size):
    n_batches = -(-n_rows // size)
    stream = _training._batches(n_rows, size, 4 * n_batches, np.random.default_rng(0))
    orders = []
    for _ in range(3):
        batches = np.array([next(stream) for _ in range(n_batches)])
        assert batches.shape == (n_batches, size)
        rows = batches.ravel()
        assert_array_equal(rows[n_rows:], -1)  # only the last batch is filled up
        assert_array_equal(np.sort(rows[:n_rows]), np.arange(n_rows))
        orders.append(tuple(rows))
    assert len(set(orders)) > 1


def test_of_very_many_rows_only_those_that_are_needed_are_drawn():
    drawn = []

    class Watch:
        def choice(self, n_rows, n_drawn, replace):
            drawn.append((n_rows, n_drawn, replace))
            return np.arange(n_drawn)

    stream = _training._batches(10**9, 5, 3, Watch())
    batches = [next(stream) for _ in range(3)]
    assert_array_equal(np.concatenate(batches), np.arange(15))
    assert drawn == [(10**9, 15, False)]


@pytest.mark.parametrize(("n_epochs", "read_after"), [(3, [3]), (8, [4, 6, 8])])
def test_importances_are_means_of_readings(n_epochs, read_after):
    """Readings are each about the root of 2 times as late as the one before."""
    problem = make_problem("binary")
    # Weights are recorded by training anew, for fewer epochs.
    trainings = [
        train(problem, every_row(problem), Schedule(8, n, 5, 0.02), 3)
        for n in range(1, n_epochs + 1)
    ]
    recorded = [trained.weights[0] for trained in trainings]
    readings = []
    for n_updates in read_after:
        scores = viann_by_hand(recorded[:n_updates], recorded[n_updates - 1])
        scores = scores.reshape(2, 6, N_BINS).sum(axis=2)
        readings.append(scores / scores.sum(axis=1, keepdims=True))
    expected = np.mean(readings, axis=0)
    assert_allclose(trainings[-1].importances, expected, rtol=1e-3, atol=1e-6)


def test_on_epoch_is_told_the_history_so_far():
    problem = make_problem()
    lengths = []
    trained = train(
        problem,
        every_row(problem),
        Schedule(8, 4, 5, 0.01),
        0,
        on_epoch=lambda history: lengths.append(len(history["loss"])),
    )
    assert lengths == [1, 2, 3, 4]
    assert len(trained.history["loss"]) == 4


def test_early_stopping_goes_back_to_the_best_epoch():
    problem = make_problem(weighted=True)
    rng = np.random.default_rng(3)
    wrong = rng.random(40) < 0.3  # labels that can only be learnt by heart
    problem.y[wrong] = 1 - problem.y[wrong]
    rows, held_out = np.arange(25), np.arange(25, 40)
    trained = train(
        problem,
        Members([Fold(rows, np.arange(6))], 2),
        Schedule(8, 200, 4, 0.05, 3),
        0,
        validation_rows=held_out,
    )
    val_loss = trained.history["val_loss"]
    assert len(val_loss) == len(trained.history["loss"]) < 200
    best = int(np.argmin(val_loss))
    assert len(val_loss) == best + 1 + 3
    inputs = encode_by_hand(problem, np.arange(6))
    outputs = _training.compute_outputs(trained, inputs[None, held_out])
    weights = problem.sample_weight[held_out]
    expected = np.mean(
        [
            log_loss(
                problem.y[held_out, 0],
                1 / (1 + np.exp(-of_member[:, 0])),
                sample_weight=weights,
            )
            for of_member in outputs
        ]
    )
    assert_allclose(val_loss[best], expected, rtol=1e-4)
    # What it is given is the training that ends there.
    members = Members([Fold(rows, np.arange(6))], 2)
    shorter = train(problem, members, Schedule(8, best + 1, 4, 0.05), 0)
    for one, other in zip(trained.weights, shorter.weights, strict=True):
        assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    if best:  # after one epoch alone there is no variance
        assert np.isfinite(trained.importances).all()


def test_members_that_see_nested_features_begin_alike():
    problem = make_problem()
    folds = every_row(problem).folds * 2
    schedule, n_seen = Schedule(8, 2, 3, 0.01), np.array([6, 6])
    same = train(problem, Members(folds, 2, n_seen), schedule, 0)
    other = train(problem, Members(folds, 2), schedule, 0)
    for fold in (0, 2):
        assert_array_equal(same.weights[0][fold], same.weights[0][fold + 1])
        assert (other.weights[0][fold] != other.weights[0][fold + 1]).any()
    assert (same.weights[0][0] != same.weights[0][2]).any()


def test_outputs_do_not_depend_on_the_parts_they_are_computed_in(monkeypatch):
    problem = make_problem()
    trained = train(problem, every_row(problem), Schedule(8, 2, 3, 0.01), 0)
    X = encode_by_hand(problem, np.arange(6))[None]
    whole = _training.compute_outputs(trained, X)
    assert whole.shape == (2, 40, 1)
    monkeypatch.setattr(_training, "_VALUES_AT_A_TIME", 1)
    assert_allclose(_training.compute_outputs(trained, X), whole, rtol=1e-5, atol=1e-6)


def test_networks_of_other_sizes_use_the_same_graph(classes, monkeypatch):
    X, y = classes
    traced, matmul = [], tf.matmul

    def watched(*args, **kwargs):  # Python runs it while a graph is traced
        traced.append(args)
        return matmul(*args, **kwargs)

    monkeypatch.setattr(tf, "matmul", watched)
    # An activation that no other test has.
    network = VIANNClassifier(**FAST, activation="softsign", random_state=0)
    alone = clone(network).fit(X, y)
    expected = alone.predict_proba(X)
    n_traced = len(traced)
    assert n_traced > 0
    # Other rows, columns, weights, widths, members and seeds.
    clone(network).set_params(
        random_state=1, hidden_layer_sizes=(3,), n_members=3, n_bins=3
    ).fit(X[::-1, :4], y, np.arange(len(y)) + 1).predict(X[:, :4])
    again = clone(network).fit(X, y)
    assert_array_equal(again.importances_, alone.importances_)
    assert_array_equal(again.predict_proba(X), expected)
    assert again.history_ == alone.history_
    assert len(traced) == n_traced


def test_networks_of_other_settings_are_not_mixed_up(classes):
    X, y = classes
    networks = [
        VIANNClassifier(**FAST, random_state=0),
        VIANNRegressor(**FAST, random_state=0),
        VIANNClassifier(**FAST, activation="tanh", random_state=0),
        VIANNClassifier(**{**FAST, "hidden_layer_sizes": (8, 3)}, random_state=0),
        VIANNClassifier(**{**FAST, "learning_rate": 0.1}, random_state=0),
    ]
    found = []
    for network in [*networks, *networks]:
        network.fit(X, y)
        predicted = (
            network.predict_proba(X)[:, 1]
            if is_classifier(network)
            else (network.predict(X) - y.mean()) / y.std()
        )
        by_keras = network.model_.predict(network.scaler_.transform(X), verbose=0)
        assert_allclose(predicted, by_keras[:, 0], rtol=1e-4, atol=1e-5)
        found.append(network.importances_)
    assert_array_equal(found[:5], found[5:])
    assert len(np.unique(found, axis=0)) == 5


class Interrupts(io.StringIO):
    """Where lines are printed, as Ctrl-C comes."""

    def write(self, text):
        raise KeyboardInterrupt


def test_an_interrupted_training_leaves_nothing_behind(classes, fitted_classifier):
    network = clone(fitted_classifier).set_params(verbose=1)
    with contextlib.redirect_stdout(Interrupts()), pytest.raises(KeyboardInterrupt):
        network.fit(*classes)
    assert not hasattr(network, "importances_")
    network.fit(*classes)
    assert_array_equal(network.importances_, fitted_classifier.importances_)


def test_a_fitted_estimator_is_not_touched_by_later_fits(classes):
    X, y = classes
    network = VIANNClassifier(**FAST, random_state=0).fit(X, y)
    before = network.predict_proba(X)
    clone(network).set_params(random_state=1).fit(-X, y)
    assert_array_equal(network.predict_proba(X), before)


def test_large_arrays_are_read_in_parts(classes, monkeypatch, tmp_path):
    X, y = classes
    network = VIANNRegressor(
        **FAST, random_state=0, early_stopping=True, validation_fraction=0.2
    )
    expected = clone(network).fit(X, y.astype(float))
    monkeypatch.setattr(_problem, "_MAX_VALUES_IN_MEMORY", 0)
    monkeypatch.setattr(_training, "_VALUES_AT_A_TIME", 100)
    monkeypatch.setattr("skviann._table._BYTES_AT_A_TIME", 1000)
    np.save(tmp_path / "X.npy", X)
    for mode in ("r", "c"):
        mapped = np.load(tmp_path / "X.npy", mmap_mode=mode)
        if mode == "c":
            mapped[0] = X[0]  # a change that is not in the file
        fitted = clone(network).fit(mapped, y.astype(float))
        assert_allclose(fitted.importances_, expected.importances_, rtol=1e-4)
        assert_allclose(fitted.predict(mapped), expected.predict(X), rtol=1e-4)
        assert_array_equal(mapped, X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r+")
    mapped[-1, 2] = np.inf
    with pytest.raises(ValueError, match="contains infinity .* in column 2"):
        network.fit(mapped, y.astype(float))
