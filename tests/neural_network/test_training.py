import threading

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from conftest import FAST
from skviann import VIANNClassifier, VIANNRegressor, _reuse, _training
from skviann._feed import repeated_batches
from skviann._training import Architecture

TARGETS = {
    "binary": (lambda y: y, 1, "sigmoid", "binary_crossentropy"),
    "multiclass": (
        lambda y: y + (np.arange(len(y)) % 2),
        3,
        "softmax",
        "sparse_categorical_crossentropy",
    ),
    "regression": (lambda y: 2.0 * y - 1, 1, "linear", "mean_squared_error"),
}


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("task", TARGETS)
def test_a_packed_fit_equals_separate_fits(task, weighted, optimizer, classes):
    X, y = classes
    X = X.astype("float32")
    convert, n_outputs, activation, loss = TARGETS[task]
    y = convert(y).reshape(-1, 1).astype("float32")
    arrays = [X, y]
    if weighted:
        arrays.append(np.linspace(0.5, 1.5, len(y)).astype("float32"))
    architecture = Architecture(task, 6, n_outputs, 3, 4, (5, 4), "relu")
    packed = _training._compile(
        architecture, keras.optimizers.get(optimizer), steps_at_once=1
    )
    encoding = packed.get_layer("encoding")
    encoding.adapt(X)

    def train(model):
        batches, n_batches = repeated_batches(arrays, 25, shuffle=True, seed=0)
        model.fit(batches, epochs=3, steps_per_epoch=n_batches, verbose=0)

    separate = []
    for member in range(3):
        layers = [keras.layers.Dense(5, "relu"), keras.layers.Dense(4, "relu")]
        layers.append(keras.layers.Dense(n_outputs, activation))
        model = keras.Sequential([keras.Input((24,)), *layers])
        for alone, together in zip(layers, packed.layers[2:], strict=True):
            kernel, bias = (weight.numpy() for weight in together.weights)
            alone.set_weights([kernel[member], bias[member, 0]])
        whole = keras.Sequential([keras.Input((6,)), encoding, model])
        whole.compile(optimizer, loss)
        train(whole)
        separate.append(layers)
    train(packed)
    for member, layers in enumerate(separate):
        for alone, together in zip(layers, packed.layers[2:], strict=True):
            kernel, bias = (weight.numpy()[member] for weight in together.weights)
            assert_allclose(kernel, alone.kernel.numpy(), rtol=1e-3, atol=1e-5)
            assert_allclose(bias[0], alone.bias.numpy(), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("callbacks", [None, [keras.callbacks.EarlyStopping("loss")]])
def test_fits_with_and_without_a_kept_network_are_the_same(callbacks, classes):
    X, y = classes
    network = VIANNClassifier(**FAST, random_state=0, callbacks=callbacks)
    _training._shelf.clear()
    alone = clone(network).fit(X, y)
    assert len(_training._shelf) == 1
    # Other rows, weights and seeds use the same compiled network meanwhile.
    clone(network).set_params(random_state=1).fit(X[::-1], y, np.arange(len(y)) + 1)
    assert len(_training._shelf) == 1
    again = clone(network).fit(X, y)
    assert_array_equal(again.importances_, alone.importances_)
    assert_array_equal(again.predict_proba(X), alone.predict_proba(X))
    assert again.history_ == alone.history_


def test_networks_of_other_settings_are_not_mixed_up(classes):
    X, y = classes
    _training._shelf.clear()
    network = VIANNClassifier(**FAST, random_state=0)
    settings = [
        {},
        {"optimizer": "sgd"},
        {"learning_rate": 0.5},
        {"activation": "tanh"},
        {"n_bins": 4},
        {"optimizer": keras.optimizers.SGD(momentum=0.9)},
    ]
    fresh = []
    for one in settings:
        _training._shelf.clear()
        fresh.append(clone(network).set_params(**one).fit(X, y).importances_)
    for _ in range(2):
        for one, expected in zip(settings, fresh, strict=True):
            fitted = clone(network).set_params(**one).fit(X, y)
            assert_array_equal(fitted.importances_, expected)
    assert len(_training._shelf) == len(settings)


def test_few_networks_are_kept_and_none_that_may_have_changed(classes):
    X, y = classes
    _training._shelf.clear()
    for n_units in range(1, 12):
        VIANNClassifier((n_units,), n_members=1, n_bins=1, epochs=2).fit(X, y)
    assert len(_training._shelf) == _reuse._MAX_KEPT
    _training._shelf.clear()

    class Freeze(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            self.model.layers[-1].trainable = False

    VIANNClassifier(**FAST, callbacks=[Freeze()]).fit(X, y)
    assert len(_training._shelf) == 0


def test_a_fitted_estimator_is_not_touched_by_later_fits(classes):
    X, y = classes
    network = VIANNClassifier(**FAST, random_state=0).fit(X, y)
    before = network.predict_proba(X)
    clone(network).set_params(random_state=1).fit(-X, y)
    assert_array_equal(network.predict_proba(X), before)


def test_threads_get_the_same_results(classes):
    X, y = classes
    expected = VIANNClassifier(**FAST, random_state=0).fit(X, y).importances_
    found = [None] * 4

    def fit(number):
        found[number] = VIANNClassifier(**FAST, random_state=0).fit(X, y).importances_

    threads = [threading.Thread(target=fit, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for importances in found:
        assert_array_equal(importances, expected)


def test_large_arrays_are_read_in_batches(classes, monkeypatch, tmp_path):
    X, y = classes
    network = VIANNRegressor(**FAST, random_state=0, validation_split=0.2)
    expected = clone(network).fit(X, y.astype(float))
    monkeypatch.setattr("skviann._feed._MAX_BYTES_IN_MEMORY", 0)
    monkeypatch.setattr("skviann._validation._BYTES_AT_A_TIME", 1000)
    np.save(tmp_path / "X.npy", X)
    for mode in ("r", "c"):
        mapped = np.load(tmp_path / "X.npy", mmap_mode=mode)
        if mode == "c":
            mapped[0] = X[0]  # a change that is not in the file
        fitted = clone(network).fit(mapped, y.astype(float))
        assert_allclose(fitted.importances_, expected.importances_, rtol=1e-6)
        assert_allclose(fitted.predict(mapped), expected.predict(X), rtol=1e-5)
        assert_array_equal(mapped, X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r+")
    mapped[-1, 2] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        network.fit(mapped, y.astype(float))
