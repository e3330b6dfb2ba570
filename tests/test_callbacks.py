import copy
import gc
import pickle
import weakref

import keras
import numpy as np
import pytest
from keras import layers
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from conftest import RecordKernel, viann_by_hand
from skviann import VarianceImportance
from skviann.callbacks import scales_inputs
from skviann.layers import PackedDense, PiecewiseLinearEncoding

N_ROWS = 48
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N_ROWS, 5)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")
IMAGES = RNG.normal(size=(N_ROWS, 6, 6, 2)).astype("float32")
TOKENS = RNG.integers(0, 9, size=(N_ROWS, 4))


def compiled(*stack, input_shape=(5,)):
    model = keras.Sequential([keras.Input(input_shape), *stack])
    model.compile("adam", "mse")
    return model


def dense_model():
    return compiled(layers.Dense(4, "relu", name="first"), layers.Dense(1))


def train(model, *callbacks, inputs=X, epochs=4, **kwargs):
    model.fit(
        inputs,
        Y,
        epochs=epochs,
        batch_size=16,
        verbose=0,
        callbacks=list(callbacks),
        **kwargs,
    )


CASES = {
    "Dense": (lambda: layers.Dense(4, name="first"), X),
    "Conv1D": (lambda: layers.Conv1D(4, 3, name="first"), IMAGES[:, :, 0]),
    "Conv2D": (lambda: layers.Conv2D(4, (3, 2), name="first"), IMAGES),
    "Conv3D": (lambda: layers.Conv3D(4, (3, 2, 1), name="first"), IMAGES[..., None]),
    "Embedding": (lambda: layers.Embedding(9, 4, name="first"), TOKENS),
}


@pytest.mark.parametrize("kind", CASES)
def test_scores_equal_those_of_recorded_weights(kind):
    make_layer, inputs = CASES[kind]
    model = compiled(
        make_layer(), layers.Flatten(), layers.Dense(1), input_shape=inputs.shape[1:]
    )
    viann, record = VarianceImportance(), RecordKernel("first")
    train(model, viann, record, inputs=inputs, epochs=5)

    final = model.get_layer("first").get_weights()[0]
    weights = np.ones_like(final) if kind == "Embedding" else final
    expected = viann_by_hand(record.epochs, weights)
    assert expected.shape == final.shape[:-1]
    assert_allclose(viann.importances_, expected, rtol=1e-10)
    assert viann.importances_.max() > 0
    assert_array_equal(viann.weights_, final)
    variance = np.var(np.asarray(record.epochs, "float64"), axis=0, ddof=1)
    assert_allclose(viann.variance_, variance, rtol=1e-10, atol=1e-20)
    assert viann.n_updates_ == 5
    by_filter = (variance * np.abs(weights)).reshape(-1, final.shape[-1]).sum(axis=0)
    assert_allclose(viann.filter_importances_, by_filter, rtol=1e-6)
    published = (expected - expected.min()) / (expected.max() - expected.min())
    assert_allclose(viann.var_scores_, published, rtol=1e-8, atol=1e-12)
    assert_array_equal(viann.var_scores, viann.var_scores_)


@pytest.mark.parametrize(
    ("every", "steps_per_execution", "n_updates"),
    [(1, 1, 12), (2, 1, 6), (5, 1, 2), (2, 3, 4)],
)
def test_update_every_few_batches(every, steps_per_execution, n_updates):
    # 48 rows in batches of 16 are 3 batches an epoch, 12 in all.
    model = keras.Sequential([keras.Input((5,)), layers.Dense(4), layers.Dense(1)])
    model.compile("adam", "mse", steps_per_execution=steps_per_execution)
    viann = VarianceImportance(update=every)
    train(model, viann)
    assert viann.n_updates_ == n_updates


def test_update_every_batch_equals_recorded_weights():
    model, seen = dense_model(), []
    record = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(model.get_weights()[0])
    )
    viann = VarianceImportance(update=1)
    train(model, viann, record, epochs=2)
    assert len(seen) == 6
    expected = viann_by_hand(seen, model.get_weights()[0])
    assert_allclose(viann.importances_, expected, rtol=1e-10)


@pytest.mark.parametrize("position", ["before", "after"])
def test_the_score_uses_restored_weights(position):
    # Targets of the last rows, held out, are other ones: validation soon worsens.
    y = np.where(np.arange(N_ROWS) < 36, 3 * X[:, 0], -9 * X[:, 0])
    keras.utils.set_random_seed(0)  # it does stop
    model, record = dense_model(), RecordKernel("first")
    stop = keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
    viann = VarianceImportance()
    ordered = [viann, stop] if position == "before" else [stop, viann]
    model.fit(
        X, y, epochs=50, validation_split=0.25, verbose=0, callbacks=[record, *ordered]
    )
    final = model.get_layer("first").get_weights()[0]
    assert len(record.epochs) < 50
    assert not np.array_equal(final, record.epochs[-1])  # they were restored
    assert_array_equal(viann.weights_, final)
    assert_allclose(viann.importances_, viann_by_hand(record.epochs, final), rtol=1e-10)


def test_two_callbacks_in_one_training_agree():
    one, two = VarianceImportance(), VarianceImportance()
    train(dense_model(), one, two)
    assert_array_equal(one.importances_, two.importances_)


def nested_model():
    inner = keras.Sequential(
        [keras.Input((5,)), layers.BatchNormalization(), layers.Dense(4, name="inner")],
        name="block",
    )
    return compiled(layers.Dropout(0.1), inner, layers.Dense(1, name="outer"))


def functional_model():
    inputs = keras.Input((5,))
    normalised = layers.PReLU()(layers.LayerNormalization()(inputs))
    outputs = layers.Dense(1)(layers.Dense(4, name="inner")(normalised))
    model = keras.Model(inputs, outputs)
    model.compile("adam", "mse")
    return model


def unbuilt_model():
    model = keras.Sequential([layers.Dense(4, name="inner"), layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def passes_over_model():
    normalization = layers.Normalization()
    normalization.adapt(X)
    return compiled(
        normalization,
        layers.Rescaling(2.0),
        layers.GaussianNoise(0.1),
        layers.Activation("tanh"),
        layers.Dense(4, name="inner"),
        layers.Dense(1),
    )


@pytest.mark.parametrize(
    "build", [nested_model, functional_model, unbuilt_model, passes_over_model]
)
def test_the_first_layer_that_mixes_features_is_followed(build):
    model, viann = build(), VarianceImportance()
    train(model, viann)
    inner = next(
        layer
        for layer in (*model.layers, *(getattr(model.layers[1], "layers", ())))
        if layer.name == "inner"
    )
    assert_array_equal(viann.weights_, inner.get_weights()[0])


def test_a_frozen_first_layer_is_an_error_unless_another_is_named():
    model = compiled(layers.Dense(3, name="frozen", trainable=False), layers.Dense(1))
    with pytest.raises(ValueError, match="'frozen' mixes the features first"):
        train(model, VarianceImportance())
    viann = VarianceImportance(layer=1)
    train(model, viann)
    assert_array_equal(viann.weights_, model.layers[1].get_weights()[0])


@pytest.mark.parametrize("how", ["name", "index", "negative index", "layer"])
def test_layer_to_follow(how):
    model = dense_model()
    second = model.layers[1]
    layer = {"name": second.name, "index": 1, "negative index": -1, "layer": second}[
        how
    ]
    viann = VarianceImportance(layer=layer)
    train(model, viann)
    assert_array_equal(viann.weights_, second.get_weights()[0])


def test_layer_may_name_a_nested_model():
    model, viann = nested_model(), VarianceImportance(layer="block")
    train(model, viann)
    assert viann.weights_.shape == (5, 4)


@pytest.mark.parametrize(
    ("build", "layer", "message"),
    [
        (lambda: compiled(layers.BatchNormalization()), None, "has no Dense"),
        (dense_model, "missing", "no layer='missing'.*first"),
        (dense_model, 7, "no layer=7"),
        (
            lambda: compiled(
                layers.Reshape((5, 1)), layers.LSTM(2, name="memory"), layers.Dense(1)
            ),
            None,
            "'memory', a LSTM",
        ),
    ],
)
def test_a_model_that_cannot_be_followed(build, layer, message):
    model = build()
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y, epochs=3, verbose=0, callbacks=[VarianceImportance(layer)])
    for weights, weights_before in zip(model.get_weights(), before, strict=True):
        assert_array_equal(weights, weights_before)


@pytest.mark.parametrize("update", ["batch", 0, -1, 1.5, None, True])
def test_update_is_checked(update):
    with pytest.raises(ValueError, match="update must be 'epoch' or a positive"):
        VarianceImportance(update=update)


def test_layer_is_checked():
    with pytest.raises(TypeError, match="layer must be"):
        VarianceImportance(layer=1.5)


@pytest.mark.parametrize(("update", "epochs"), [("epoch", 1), (10, 4), (4, 1)])
def test_too_short_a_training_fails_before_it_begins(update, epochs):
    model = dense_model()
    before = model.get_weights()[0]
    with pytest.raises(ValueError, match="at least 2 updates.*more epochs"):
        train(model, VarianceImportance(update=update), epochs=epochs)
    assert_array_equal(model.get_weights()[0], before)


def test_a_training_cut_short_gives_no_scores():
    class StopAtOnce(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    viann = VarianceImportance()
    train(dense_model(), viann, StopAtOnce())
    assert viann.n_updates_ == 1
    for name in ("importances_", "var_scores_", "var_scores", "variance_", "weights_"):
        with pytest.raises(ValueError, match="at least 2 updates.*more epochs"):
            getattr(viann, name)


def test_no_scores_before_training():
    with pytest.raises(NotFittedError, match="pass it to the model's fit"):
        VarianceImportance().importances_  # noqa: B018
    assert not hasattr(VarianceImportance(), "var_scores")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite(bad):
    class Poison(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                kernel = self.model.layers[0].kernel
                kernel.assign(np.full(kernel.shape, bad))

    viann = VarianceImportance()
    with pytest.raises(ValueError, match="NaN or infinite.*learning rate.*scale"):
        train(dense_model(), viann, Poison())
    assert not hasattr(viann, "importances_")


def test_training_again_starts_afresh():
    model, viann, record = dense_model(), VarianceImportance(), RecordKernel("first")
    train(model, viann)
    train(model, viann, record)
    assert viann.n_updates_ == 4
    expected = viann_by_hand(record.epochs, model.get_weights()[0])
    assert_allclose(viann.importances_, expected, rtol=1e-10)


def test_training_again_can_continue():
    model, record = dense_model(), RecordKernel("first")
    viann = VarianceImportance(reset=False)
    train(model, viann, record, epochs=1)
    with pytest.raises(NotFittedError, match="at least 2 updates"):
        viann.importances_  # noqa: B018
    train(model, viann, record, epochs=3)
    assert viann.n_updates_ == 4
    expected = viann_by_hand(record.epochs, model.get_weights()[0])
    assert_allclose(viann.importances_, expected, rtol=1e-10)


def test_continuing_on_another_shape_is_an_error():
    viann = VarianceImportance(reset=False)
    train(dense_model(), viann)
    with pytest.raises(ValueError, match="shape"):
        train(compiled(layers.Dense(3), layers.Dense(1)), viann)


@pytest.mark.parametrize("reset", [True, False])
def test_the_trajectory_is_kept_at_every_update(reset):
    model, recorded = dense_model(), []
    viann = VarianceImportance(trajectory=True, reset=reset)
    for _ in range(2):
        record = RecordKernel("first")
        train(model, viann, record)
        recorded.append(record.epochs)
    expected = recorded[1] if reset else [*recorded[0], *recorded[1]]
    for one in (viann, copy.deepcopy(viann), pickle.loads(pickle.dumps(viann))):
        assert one.weight_trajectory_.dtype == np.float64
        assert_array_equal(one.weight_trajectory_, expected)
    assert_allclose(viann.weight_trajectory_.var(axis=0, ddof=1), viann.variance_)


def test_a_trajectory_that_is_not_there():
    viann = VarianceImportance(trajectory=True)
    with pytest.raises(NotFittedError, match="pass it to the model's fit"):
        viann.weight_trajectory_  # noqa: B018
    viann = VarianceImportance()
    train(dense_model(), viann)
    with pytest.raises(AttributeError, match="trajectory=True"):
        viann.weight_trajectory_  # noqa: B018
    assert not hasattr(viann, "weight_trajectory_")


def test_the_model_can_be_collected_once_training_has_ended():
    model, viann = dense_model(), VarianceImportance(layer="first")
    train(model, viann)
    model = weakref.ref(model)
    keras.utils.clear_session()
    gc.collect()
    assert model() is None
    assert viann.importances_.shape == (5,)


def test_pickles_and_copies_before_and_after():
    model = dense_model()
    for prepare in (
        lambda one: one,
        copy.deepcopy,
        lambda one: pickle.loads(pickle.dumps(one)),
    ):
        viann = prepare(VarianceImportance(layer=model.layers[0], update=1))
        assert (viann.layer, viann.update) == ("first", 1)
        train(model, viann)
        copied, unpickled = copy.deepcopy(viann), pickle.loads(pickle.dumps(viann))
        assert_array_equal(copied.importances_, viann.importances_)
        assert_array_equal(unpickled.importances_, viann.importances_)
        assert unpickled.n_updates_ == 12


def test_works_without_a_history_callback():
    model, viann = dense_model(), VarianceImportance()
    loop = keras.callbacks.CallbackList([viann], add_history=False, model=model)
    loop.on_train_begin()
    recorded = []
    for epoch in range(3):
        model.train_on_batch(X, Y)
        loop.on_epoch_end(epoch)
        recorded.append(model.get_weights()[0])
    loop.on_train_end()
    expected = viann_by_hand(recorded, recorded[-1])
    assert_allclose(viann.importances_, expected, rtol=1e-10)


def test_a_low_rank_adapted_layer_is_read_anew():
    model, viann, record = dense_model(), VarianceImportance(), RecordKernel("first")
    layer = model.get_layer("first")
    layer.enable_lora(2)
    record.read = lambda: np.array(layer.kernel)
    model.compile("adam", "mse")
    train(model, viann, record)
    expected = viann_by_hand(record.epochs, np.array(layer.kernel))
    assert expected.max() > 0
    assert_allclose(viann.importances_, expected, rtol=1e-10)


def test_can_be_copied_while_training():
    viann, copies = VarianceImportance(), []
    during = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: copies.append(
            pickle.loads(pickle.dumps(viann))
        )
    )
    train(dense_model(), viann, during)
    assert [one.n_updates_ for one in copies] == [1, 2, 3, 4]


@pytest.mark.parametrize("n_members", [None, 3])
def test_scores_of_encoded_inputs_are_summed_for_each_feature(n_members):
    encoding = PiecewiseLinearEncoding(n_bins=3)
    encoding.adapt(X)
    if n_members is None:
        first = layers.Dense(4, name="first")
        model = compiled(encoding, first, layers.Dense(1))
    else:
        inputs = keras.Input((5,))
        first = PackedDense(4, n_members, name="first")
        hidden = first(encoding(inputs))
        model = keras.Model(inputs, keras.ops.mean(hidden, axis=(0, 2)))
        model.compile("adam", "mse")
    record, viann = RecordKernel("first"), VarianceImportance()
    train(model, record, viann)
    expected = viann_by_hand(record.epochs, record.epochs[-1])
    expected = expected.reshape(*expected.shape[:-1], 5, 3).sum(axis=-1)
    assert expected.shape == ((5,) if n_members is None else (3, 5))
    assert_allclose(viann.importances_, expected, rtol=1e-10)
    assert scales_inputs(model)
