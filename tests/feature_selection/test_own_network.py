"""A user's own Keras network behind the search."""

import warnings

import keras
import numpy as np
import pandas as pd
import pytest
import scikeras.wrappers
import scipy.sparse
import scipy.stats
from keras import layers
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skviann import VIANNSelector
from skviann.feature_selection._folds import Splitting
from skviann.feature_selection._own_network import OwnNetwork, View, _Feed
from skviann.feature_selection._own_table import read_table, reader_for
from skviann.feature_selection._packed_rows import PackedRows
from skviann.neural_network._training import Fold
from skviann.wrappers import KerasClassifier, KerasRegressor, Template

RNG = np.random.default_rng(0)
X = RNG.normal(size=(240, 6))
Y = (X[:, 0] + 0.7 * X[:, 2] > 0).astype(int)


def build(meta, n_outputs=1, activation="sigmoid", loss="binary_crossentropy", units=8):
    model = keras.Sequential(
        [
            keras.Input((meta["n_features_in_"],)),
            layers.Dense(units, "relu", kernel_initializer="random_normal"),
            layers.Dense(n_outputs, activation),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), loss)
    return model


def of_layers(first, meta, kind=keras.Sequential, **settings):
    model = kind([keras.Input((meta["n_features_in_"],)), *first])
    model.add(layers.Dense(1, "sigmoid"))
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", **settings)
    return model


def selector(network=KerasClassifier, model=build, max_features=2, **settings):
    network = network(
        model, **{"epochs": 8, "batch_size": 16, "verbose": 0, **settings}
    )
    return VIANNSelector(
        network, max_features=max_features, cv=2, n_repeats=1, random_state=0
    )


@pytest.fixture(scope="module")
def selected():
    return selector(max_features=None).fit(X, Y)


@pytest.fixture
def few_copies(monkeypatch):
    """One network for each fold in a round: a test of many trainings is shorter."""
    monkeypatch.setattr(OwnNetwork, "n_members", 2)


# All that the search tells


def test_the_columns_that_help_are_kept(selected):
    assert_array_equal(selected.get_support(indices=True), [0, 2])
    assert_array_equal(selected.cv_results_["n_features"], range(7))
    best = selected.cv_results_["mean_test_score"].argmax()
    assert best >= 2
    assert_array_equal(selected.selection_frequency_[[0, 2]], 1)
    assert_array_equal(selected.ranking_[[0, 2]], 1)
    assert selected.importances_.shape == (8, 6)
    assert_allclose(selected.importances_.sum(axis=1), 1)
    reasons = selected.summary().set_index("feature")["reason"]
    assert reasons["x0"] == "among the first 2 in 2 of 2 folds"
    assert type(selected.estimator_) is KerasClassifier
    assert selected.estimator_.score(X, Y) > 0.9
    assert len(selected.estimator_.history_["loss"]) == 8


def test_the_same_seed_gives_the_same(selected):
    again = clone(selected).fit(X, Y)
    assert_array_equal(again.importances_, selected.importances_)
    other = clone(selected).set_params(random_state=1).fit(X, Y)
    assert (other.importances_ != selected.importances_).any()


def test_the_losses_are_those_of_networks_trained_by_keras():
    """Held-out log loss of all columns, against Keras's own trainings."""
    found = selector(max_features=None).set_params(step=None).fit(X, Y)
    of_all = -found.cv_results_["mean_test_score"].max()
    losses = []
    for train, test in KFold(2, shuffle=True, random_state=0).split(X):
        network = clone(found.estimator).set_params(random_state=0)
        predicted = network.fit(X[train], Y[train]).predict_proba(X[test])
        losses.append(-np.log(predicted[np.arange(len(test)), Y[test]]).mean())
    assert of_all == pytest.approx(np.mean(losses), abs=0.05)


def test_of_noise_nothing_is_kept():
    noise = np.random.default_rng(1).integers(0, 2, 240)
    with pytest.warns(UserWarning, match="No column is kept"):
        assert selector().fit(X, noise).n_features_ == 0


def test_a_test_of_significance():
    tested = selector(max_features=None).set_params(threshold="fdr").fit(X, Y)
    assert_array_equal(tested.get_support(indices=True), [0, 2])
    assert tested.pvalues_[[0, 2]].max() < 0.001
    assert tested.pvalues_[[1, 3, 4, 5]].min() > 0.01


def test_many_columns_are_eliminated_in_rounds():
    wide = np.hstack([X, RNG.normal(size=(240, 40))])
    found = selector(max_features=None).fit(wide, Y)
    assert_array_equal(found.get_support(indices=True), [0, 2])
    assert sorted(set(found.summary()["rounds"])) != [1]
    assert found.cv_results_["n_features"][-1] == 16


def test_rows_without_weight_count_nowhere():
    weights = np.repeat([1.0, 0.0], [120, 120])
    reversed_beyond = np.where(weights > 0, Y, 1 - Y)
    weighted = selector().fit(X, reversed_beyond, sample_weight=weights)
    without = selector().fit(X[:120], Y[:120], sample_weight=weights[:120])
    assert_array_equal(weighted.get_support(indices=True), [0, 2])
    assert_array_equal(
        weighted.cv_results_["mean_test_score"], without.cv_results_["mean_test_score"]
    )


def test_weights_of_classes_are_those_of_rows():
    y = (X[:, 0] > 0.8).astype(int)
    balanced = np.where(y == 1, 1 / y.mean(), 1 / (1 - y.mean())) / 2
    by_class = selector(class_weight="balanced").fit(X, y)
    by_row = selector().fit(X, y, sample_weight=balanced)
    assert_allclose(by_class.importances_, by_row.importances_, rtol=1e-3)
    assert by_class.estimator.class_weight == "balanced"


# Targets


def test_a_column_as_target(few_copies):
    with pytest.warns(UserWarning, match="column-vector y was passed"):
        classes = selector().fit(X, Y[:, None])
    assert_array_equal(classes.importances_, selector().fit(X, Y).importances_)
    of_quantity = {"model__activation": "linear", "model__loss": "mse"}
    quantity = selector(KerasRegressor, **of_quantity)
    y = X[:, 0] - X[:, 2]
    expected = clone(quantity).fit(X, y)
    assert_array_equal(expected.get_support(indices=True), [0, 2])
    assert_array_equal(quantity.fit(X, y).importances_, expected.importances_)


def test_several_labels():
    labels = np.stack([X[:, 0] > 0, X[:, 2] > 0], axis=1).astype(int)
    selected = selector(model__n_outputs=2).fit(X, labels)
    assert_array_equal(selected.get_support(indices=True), [0, 2])
    # Of a constant, the mean over labels of their entropy.
    entropies = []
    for train, test in KFold(2, shuffle=True, random_state=1).split(X):
        shares = labels[train].mean(axis=0)
        of_rows = labels[test] * np.log(shares) + (1 - labels[test]) * np.log1p(-shares)
        entropies.append(of_rows.mean())
    scores = selected.cv_results_["mean_test_score"]
    assert_allclose(scores[0], np.mean(entropies), rtol=0.01)
    assert scores.max() > scores[0] + 0.2


def test_text_labels_and_log_odds():
    words = np.array(["no", "yes", "perhaps"])[Y + (X[:, 4] > 1)]
    settings = {"model__n_outputs": 3, "model__activation": "linear"}
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    found = selector(model__loss=loss, **settings).fit(X, words)
    assert 0 in found.get_support(indices=True)
    shares = np.unique(words, return_counts=True)[1] / len(words)
    scores = found.cv_results_["mean_test_score"]
    assert_allclose(-scores[0], scipy.stats.entropy(shares), rtol=0.01)
    assert scores.max() > scores[0] + 0.2


# Tables


@pytest.fixture(scope="module")
def table():
    frame = pd.DataFrame(X, columns=list("abcdef"))
    frame["word"] = np.where(Y ^ (RNG.random(240) < 0.05), "left", "right")
    frame.loc[::7, "b"] = np.nan
    return frame


def test_a_raw_table_is_encoded(table):
    seen = []

    def recording(meta):
        seen.append((meta["n_features_in_"], meta["feature_of_input"]))
        return build(meta)

    found = selector(model=recording).fit(table, Y)
    assert "word" in found.get_feature_names_out()
    for n_inputs, features in seen:
        assert len(features) == n_inputs
        assert set(features) <= set(range(-1, 7))
    assert any(set(features) <= {6, 0, -1} for _, features in seen)  # those that help
    width, features = max(seen, key=lambda one: one[0])
    assert width == len(features) > 7  # numbers in bins, one of them with gaps
    assert_array_equal(np.unique(features), range(7))
    assert (found.estimator_.predict(table) == Y).mean() > 0.9
    assert found.importances_.shape[1] == 7
    read_as = found.summary().set_index("feature")["read as"]
    assert read_as["word"] == "category of 2 levels"
    again = found.set_output(transform="pandas").transform(table)
    assert list(again) == list(found.get_feature_names_out())


def test_numbers_are_encoded_only_if_told_to():
    def width_of(encode):
        widths = set()

        def recording(meta):
            widths.add(meta["n_features_in_"])
            return build(meta)

        selector(model=recording, max_features=1).set_params(encode=encode).fit(X, Y)
        return max(widths)

    assert width_of("auto") == 6
    assert width_of(True) == 24  # four bins each


def test_what_cannot_be_a_number(table):
    with pytest.raises(ValueError, match="column 'word' holds text"):
        selector().set_params(encode=False).fit(table, Y)
    with pytest.raises(ValueError, match="contains NaN, in column 'b'"):
        selector().set_params(encode=False).fit(table.drop(columns="word"), Y)
    with pytest.raises(ValueError, match="encode=True is for a network of your own"):
        VIANNSelector(encode=True).fit(X, Y)


def test_groups_and_categories_of_columns(table):
    numbers = pd.DataFrame(X, columns=list("abcdef"))
    grouped = selector().set_params(feature_groups={"both": ["a", "c"]})
    grouped.fit(numbers, Y)
    assert_array_equal(grouped.get_support(indices=True), [0, 2])
    assert grouped.n_features_ == 1
    assert grouped.estimator_.score(X, Y) > 0.9  # in the order of the table
    codes = np.column_stack([RNG.integers(0, 5, 240), X[:, 1]])
    y = np.isin(codes[:, 0], [1, 3]).astype(int)
    found = selector(max_features=1).set_params(categorical_features=[0])
    assert_array_equal(found.fit(codes, y).get_support(indices=True), [0])


@pytest.mark.parametrize(
    ("batch_size", "n_steps"), [(-1, 1), (1000, 1), (119, 2), (60, 2), (32, 4)]
)
def test_an_epoch_has_the_steps_that_keras_makes(batch_size, n_steps):
    problem, template = opened(selector(batch_size=batch_size).estimator)
    folds = [Fold(np.arange(n), np.arange(6)) for n in (119, 120)]
    readers, inputs = zip(*(problem.reader(f.features) for f in folds), strict=True)
    view = View(readers, inputs, [np.arange(6)] * 2, np.zeros((2, 6), np.float32))
    feed = _Feed(problem, folds, view, template, None, seed=0)
    (batches,) = feed.epoch()
    assert len(batches[0]) == feed.n_steps == n_steps
    rows = {row.tobytes() for row in batches[0][:, 1].reshape(-1, 6)}
    assert len(rows) >= min(120, n_steps * len(batches[0][0, 0]))  # each once


def test_names_of_columns_behind_a_scaler():
    frame = pd.DataFrame(X, columns=list("abcdef"))
    scaler = StandardScaler().set_output(transform="pandas")
    pipeline = make_pipeline(scaler, selector()).fit(frame, Y)
    assert_array_equal(pipeline.get_feature_names_out(), ["a", "c"])


def test_sparse_tables():
    thinned = np.where(np.abs(X) < 0.3, 0, X)
    dense = selector().fit(thinned, Y)
    sparse = selector().fit(scipy.sparse.csr_array(thinned), Y)
    assert_array_equal(sparse.get_support(), dense.get_support())
    assert_allclose(sparse.importances_, dense.importances_, rtol=1e-3)


# Networks


def long_short(meta):
    return of_layers([layers.Reshape((-1, 1)), layers.LSTM(6)], meta)


def convolution(meta):
    return of_layers(
        [
            layers.Reshape((-1, 1)),
            layers.Conv1D(8, 1, activation="relu"),
            layers.Flatten(),
        ],
        meta,
    )


def two_branches(meta):
    inputs = keras.Input((meta["n_features_in_"],))
    half = meta["n_features_in_"] // 2 or 1
    branches = [
        layers.Dense(6, "relu")(inputs[:, :half]),
        layers.Dense(6, "relu")(inputs[:, -half:]),
    ]
    model = keras.Model(
        inputs, layers.Dense(1, "sigmoid")(layers.concatenate(branches))
    )
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy")
    return model


class Stepping(keras.Sequential):
    def train_step(self, data):
        return super().train_step(data)


def stepping(meta):
    return of_layers([layers.Dense(8, "relu")], meta, kind=Stepping)


def of_six(meta):
    return build({"n_features_in_": 6})


def build_for_keras(X, y):
    model = keras.Sequential(
        [
            keras.Input((X.shape[1],)),
            layers.Dense(8, "relu"),
            layers.Dense(y.shape[1], "softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "categorical_crossentropy")
    return model


def of_keras(model, epochs, batch_size, verbose):
    fit_kwargs = {"epochs": epochs, "batch_size": batch_size, "verbose": verbose}
    return keras.wrappers.SKLearnClassifier(model, fit_kwargs=fit_kwargs)


STOP = keras.callbacks.EarlyStopping("loss", patience=3)
AT_ONCE, ALONE = "train at once", "train one after the other"


def single(*args, **settings):
    return selector(*args, max_features=1, **settings)


NETWORKS = {
    "LSTM": (single(model=long_short, epochs=10), ALONE, "recurrent"),
    "Conv1D": (single(model=convolution), AT_ONCE, ""),
    "two branches": (single(model=two_branches), AT_ONCE, ""),
    "train_step": (single(model=stepping), ALONE, "a train_step of its own"),
    "fixed width": (single(model=of_six), AT_ONCE, ""),
    "scikeras": (single(scikeras.wrappers.KerasClassifier), AT_ONCE, ""),
    "keras.wrappers": (single(of_keras, build_for_keras), ALONE, "wrapper of Keras"),
    "callbacks": (single(callbacks=[STOP]), ALONE, "it has callbacks"),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_each_kind_of_network_selects(kind, capsys, few_copies):
    network, way, reason = NETWORKS[kind]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = clone(network).set_params(verbose=1).fit(X, Y)
    assert found.get_support(indices=True) in (0, 2)
    assert_array_equal(found.cv_results_["n_features"], [0, 1])
    told = capsys.readouterr().out
    assert way in told
    assert reason in told
    shuffled = [one for one in caught if "are shuffled" in str(one.message)]
    assert len(shuffled) == (kind in ("LSTM", "Conv1D", "two branches"))
    assert {one.filename for one in shuffled} <= {__file__}


@pytest.mark.backends
def test_any_backend_selects():
    found = selector().fit(X, Y)
    assert_array_equal(found.get_support(indices=True), [0, 2])


def test_a_pipeline_in_a_grid_search(few_copies):
    pipeline = make_pipeline(StandardScaler(), selector(), LogisticRegression())
    grid = {"viannselector__estimator__model__units": [4, 8]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, Y)
    assert search.best_score_ > 0.9
    best = search.best_estimator_[1]
    assert_array_equal(best.get_support(indices=True), [0, 2])
    first = best.estimator_.model_.layers[0]
    assert first.units == search.best_params_["viannselector__estimator__model__units"]


def test_predictions_that_are_no_probabilities():
    linear = selector(model__activation="linear", model__loss="mse")
    with pytest.raises(
        ValueError, match="are not probabilities. End it with a sigmoid"
    ):
        linear.fit(X, Y)


def test_validation_data_have_all_columns():
    network = selector(fit__validation_data=(X, Y))
    with pytest.raises(ValueError, match="Take validation_split"):
        network.fit(X, Y)


def test_a_model_for_another_number_of_columns():
    with pytest.raises(ValueError, match=r"inputs of shape \(6,\), but there are 5"):
        selector(model=of_six).fit(X[:, :5], Y)


# The learner


def opened(wrapper):
    reader = reader_for(wrapper)
    table, target = reader._read(X, Y, reset=True)
    problem = read_table(reader, table, target, None, "auto").problem
    return problem, Template(wrapper, problem.labels, 6, np.arange(6))


def test_the_second_look_shuffles_what_the_networks_see():
    """A linear network: shuffling a column costs what its coefficient says."""
    y = 3 * X[:, 0] + X[:, 2] + 0.1 * RNG.normal(size=240)

    def linear(meta):
        model = keras.Sequential(
            [keras.Input((meta["n_features_in_"],)), layers.Dense(1)]
        )
        model.compile(keras.optimizers.Adam(0.1), "mse")
        return model

    by_hand = 2 * LinearRegression().fit(X[:, :3], y).coef_ ** 2 / y.var()
    for callbacks in ([], [STOP]):  # at once, and one after the other
        wrapper = KerasRegressor(
            linear, epochs=30, batch_size=16, verbose=0, callbacks=callbacks
        )
        reader = reader_for(wrapper)
        table, target = reader._read(X, y, reset=True)
        problem = read_table(reader, table, target, None, "auto").problem
        network = OwnNetwork(wrapper, {}, None)
        network.n_members = 2
        learner = PackedRows.split(network, problem, Splitting(2, [0]))
        features = np.tile([0, 1, 2], (2, 1))
        networks, _ = learner.train_round(features, seed=0)
        assert (networks.weights is None) == bool(callbacks)
        found = learner.increases_by_shuffling(networks, features, seed=0)
        assert_allclose(found.mean(axis=0), by_hand, rtol=0.25, atol=0.01)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(240), "at least one"),
        (np.full(240, -1.0), "Negative"),
    ],
)
def test_bad_weights_fail_before_training(weights, message):
    with pytest.raises(ValueError, match=message):
        selector().fit(X, Y, sample_weight=weights)
