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
from skviann._first_layers import scales_inputs
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


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("Dense", marks=pytest.mark.backends),
        "Conv1D",
        "Conv2D",
        "Conv3D",
        pytest.param("Embedding", marks=pytest.mark.backends),
    ],
)
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
    [
        (1, 1, 12),
        (2, 1, 6),
        pytest.param(5, 1, 2, marks=pytest.mark.backends),
        (2, 3, 4),
    ],
)
def test_update_every_few_batches(every, steps_per_execution, n_updates):
    # 48 rows in batches of 16 are 3 batches an epoch, 12 in all.
    model = keras.Sequential([keras.Input((5,)), layers.Dense(4), layers.Dense(1)])
    model.compile("adam", "mse", steps_per_execution=steps_per_execution)
    viann = VarianceImportance(update=every)
    train(model, viann)
    assert viann.n_updates_ == n_updates


@pytest.mark.backends
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


@pytest.mark.parametrize(
    "position", [pytest.param("before", marks=pytest.mark.backends), "after"]
)
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


def test_the_score_uses_averaged_weights():
    model, record = dense_model(), RecordKernel("first")
    model.compile(keras.optimizers.Adam(use_ema=True, ema_momentum=0.5), "mse")
    viann, swap = VarianceImportance(), keras.callbacks.SwapEMAWeights(True)
    train(model, viann, record, swap)
    final = model.get_layer("first").get_weights()[0]
    assert not np.array_equal(final, record.epochs[-1])  # they were swapped
    assert_array_equal(viann.weights_, final)
    assert_allclose(viann.importances_, viann_by_hand(record.epochs, final), rtol=1e-10)


@pytest.mark.parametrize(
    "dtype", [pytest.param("bfloat16", marks=pytest.mark.backends), "mixed_float16"]
)
def test_kernels_of_few_digits(dtype):
    first = layers.Dense(4, name="first", dtype=dtype)
    model, record = compiled(first, layers.Dense(1)), RecordKernel("first")
    viann = VarianceImportance()
    train(model, viann, record)
    assert viann.weights_.dtype == np.float64
    final = np.asarray(first.get_weights()[0], "float64")
    recorded = [np.asarray(kernel, "float64") for kernel in record.epochs]
    assert_allclose(viann.importances_, viann_by_hand(recorded, final), rtol=1e-10)


@pytest.mark.parametrize("rank", [None, 2])
def test_a_quantized_kernel_is_an_error(rank):
    # An int8 kernel counts in steps of a scale of its own.
    model = dense_model()
    first = model.get_layer("first")
    first.quantize("int8")
    if rank is not None:
        first.enable_lora(rank)
    model.compile("adam", "mse")
    with pytest.raises(ValueError, match="'first'.*with layer="):
        train(model, VarianceImportance())


def test_a_grouped_convolution_is_an_error():
    convolution = layers.Conv1D(4, 3, groups=2, name="first")
    stack = [convolution, layers.Flatten(), layers.Dense(1)]
    with pytest.raises(ValueError, match="'first'.*grouped"):
        train(
            compiled(*stack, input_shape=(6, 2)),
            VarianceImportance(),
            inputs=IMAGES[:, :, 0],
        )


def test_a_layer_behind_the_encoded_one_has_its_own_inputs():
    encoding = PiecewiseLinearEncoding(n_bins=3)
    encoding.adapt(X)
    second = layers.Dense(2, name="second")
    model = compiled(encoding, layers.Dense(15), second, layers.Dense(1))
    record, viann = RecordKernel("second"), VarianceImportance(layer="second")
    train(model, viann, record)
    expected = viann_by_hand(record.epochs, second.get_weights()[0])
    assert expected.shape == (15,)
    assert_allclose(viann.importances_, expected, rtol=1e-10)


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


@pytest.mark.parametrize(
    ("update", "epochs", "initial_epoch", "steps_per_execution"),
    [
        ("epoch", 1, 0, 1),
        (10, 4, 0, 1),
        (4, 1, 0, 1),
        ("epoch", 9, 8, 1),
        (2, 9, 8, 1),
        (1, 1, 0, 3),  # Keras calls back once, after all three batches
    ],
)
def test_too_short_a_training_fails_before_it_begins(
    update, epochs, initial_epoch, steps_per_execution
):
    model = dense_model()
    model.compile("adam", "mse", steps_per_execution=steps_per_execution)
    before = model.get_weights()[0]
    viann = VarianceImportance(update=update)
    with pytest.raises(ValueError, match="at least 2 updates.*more epochs"):
        train(model, viann, epochs=epochs, initial_epoch=initial_epoch)
    assert_array_equal(model.get_weights()[0], before)


def test_a_training_that_starts_at_a_later_epoch():
    model, viann, record = dense_model(), VarianceImportance(), RecordKernel("first")
    train(model, viann, record, epochs=9, initial_epoch=6)
    assert viann.n_updates_ == 3
    expected = viann_by_hand(record.epochs, model.get_weights()[0])
    assert_allclose(viann.importances_, expected, rtol=1e-10)


def test_a_normalization_of_two_axes_is_passed_over():
    windows = IMAGES[:, :, 0]
    normalization = layers.Normalization(axis=(1, 2))
    normalization.adapt(windows)
    first = layers.Dense(4, name="first")
    stack = [normalization, layers.Flatten(), first, layers.Dense(1)]
    model, record = compiled(*stack, input_shape=(6, 2)), RecordKernel("first")
    viann = VarianceImportance()
    train(model, viann, record, inputs=windows)
    expected = viann_by_hand(record.epochs, first.get_weights()[0])
    assert_allclose(viann.importances_, expected, rtol=1e-10)


def test_a_history_can_be_copied_after_a_training_that_broke_off():
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    model, viann = dense_model(), VarianceImportance()
    with pytest.raises(KeyboardInterrupt):
        train(model, VarianceImportance(), viann, Interrupt())
    history = model.history
    for one in (copy.deepcopy(history), pickle.loads(pickle.dumps(history))):
        one.on_epoch_end(0, {"loss": 2.0})  # Keras's own comes last, so not seen yet
        one.on_train_end()
        assert one.history == {"loss": [2.0]}
    train(model, viann)
    assert viann.n_updates_ == 4


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


@pytest.mark.backends
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


@pytest.mark.backends
def test_a_low_rank_adapted_layer_is_read_anew():
    model, viann, record = dense_model(), VarianceImportance(), RecordKernel("first")
    layer = model.get_layer("first")
    layer.enable_lora(2)
    record.read = lambda: keras.ops.convert_to_numpy(layer.kernel)
    model.compile("adam", "mse")
    train(model, viann, record)
    expected = viann_by_hand(record.epochs, record.read())
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


class RecordKernels(keras.callbacks.Callback):
    """Keeps the first weights of some layers after every epoch."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = layers
        self.epochs = {layer.name: [] for layer in layers}

    def on_epoch_end(self, epoch, logs=None):
        for layer in self.layers:
            self.epochs[layer.name].append(layer.get_weights()[0])

    def scores(self, layer):
        final = layer.get_weights()[0]
        is_embedding = isinstance(layer, layers.Embedding)
        weights = np.ones_like(final) if is_embedding else final
        return viann_by_hand(self.epochs[layer.name], weights)


def fit_on_inputs(model, *callbacks):
    """Train on as many of the columns and tokens as the model has inputs for."""
    arrays = {"a": X, "b": IMAGES[:, 0, 0], "tokens": TOKENS}
    model.compile("adam", "mse")
    inputs = {one.name: arrays[one.name] for one in model.inputs}
    if len(inputs) == 1:
        (inputs,) = inputs.values()
    train(model, *callbacks, inputs=inputs)


A = keras.Input((5,), name="a")
B = keras.Input((2,), name="b")
TOKEN_INPUT = keras.Input((4,), dtype="int32", name="tokens")


@pytest.mark.backends
def test_each_input_has_the_scores_of_its_branch():
    of_a, of_b = layers.Dense(4), layers.Dense(3)
    joined = layers.concatenate([of_b(B), of_a(layers.Dropout(0.1)(A))])
    model = keras.Model([A, B], layers.Dense(1)(joined))
    record = RecordKernels(of_a, of_b)
    viann = VarianceImportance(trajectory=True)
    fit_on_inputs(model, viann, record)

    kernels = {"a": of_a.get_weights()[0], "b": of_b.get_weights()[0]}
    for one in (viann, copy.deepcopy(viann), pickle.loads(pickle.dumps(viann))):
        assert list(one.importances_) == ["a", "b"]
        for name, layer in [("a", of_a), ("b", of_b)]:
            epochs = np.asarray(record.epochs[layer.name], "float64")
            variance, expected = epochs.var(axis=0, ddof=1), record.scores(layer)
            assert_allclose(one.importances_[name], expected, rtol=1e-10)
            assert_allclose(one.variance_[name], variance, rtol=1e-9, atol=1e-20)
            assert_array_equal(one.weights_[name], kernels[name])
            assert_array_equal(one.weight_trajectory_[name], epochs)
            by_unit = (variance * np.abs(kernels[name])).sum(axis=0)
            assert_allclose(one.filter_importances_[name], by_unit, rtol=1e-6)
            scaled = (expected - expected.min()) / np.ptp(expected)
            assert_allclose(one.var_scores_[name], scaled, rtol=1e-8, atol=1e-12)


def nest(inputs):
    inner = [keras.Input(one.shape[1:]) for one in inputs]
    return keras.Model(inner, layers.concatenate(inner))(inputs)


@pytest.mark.parametrize(
    "join",
    [
        lambda a, b: layers.concatenate([a, layers.BatchNormalization()(b)]),
        lambda a, b: layers.Activation("tanh")(layers.concatenate([a, b])),
        lambda a, b: keras.ops.concatenate([keras.ops.tanh(a), b], axis=1),
        lambda a, b: nest([a, keras.Sequential([layers.LayerNormalization()])(b)]),
        # A layer's outputs beside the inputs are not the inputs'.
        lambda a, b: layers.concatenate([a, b, layers.Dense(3, name="also")(b)]),
    ],
)
def test_the_rows_of_joined_inputs_are_told_apart(join):
    joined, first = join(A, B), layers.Dense(4)
    model = keras.Model([A, B], layers.Dense(1)(first(joined)))
    also = [layer for layer in model.layers if layer.name == "also"]
    record, viann = RecordKernels(first, *also), VarianceImportance()
    fit_on_inputs(model, viann, record)
    scores = record.scores(first)
    assert_allclose(viann.importances_["a"], scores[:5], rtol=1e-10)
    expected = scores[5:7] + (record.scores(also[0]) if also else 0)
    assert_allclose(viann.importances_["b"], expected, rtol=1e-10)
    assert viann.weights_["b"].shape == (2, 7 if also else 4)


@pytest.mark.backends
def test_tokens_beside_numbers():
    embedding, dense = layers.Embedding(9, 3), layers.Dense(4)
    flat = layers.Flatten()(embedding(TOKEN_INPUT))
    hidden = dense(layers.concatenate([flat, B]))
    record, viann = RecordKernels(embedding, dense), VarianceImportance()
    fit_on_inputs(keras.Model([TOKEN_INPUT, B], layers.Dense(1)(hidden)), viann, record)
    scores = viann.importances_
    assert_allclose(scores["tokens"], record.scores(embedding), rtol=1e-10)
    assert_allclose(scores["b"], record.scores(dense)[4 * 3 :], rtol=1e-10)


def wide_and_deep():
    deep, wide = layers.Dense(4), layers.Dense(1)
    both = layers.add([layers.Dense(1)(deep(layers.Dropout(0.1)(A))), wide(A)])
    return both, [(deep, slice(None)), (wide, slice(None))]


def skip_connection():
    deep, last = layers.Dense(4), layers.Dense(1)
    return last(layers.concatenate([deep(A), A])), [
        (deep, slice(None)),
        (last, slice(4, 9)),
    ]


def one_layer_called_twice():
    shared = layers.Dense(4)
    joined = layers.concatenate([shared(A), shared(layers.ReLU()(A))])
    return layers.Dense(1)(joined), [(shared, slice(None))]


@pytest.mark.parametrize(
    "build", [wide_and_deep, skip_connection, one_layer_called_twice]
)
def test_all_weights_that_leave_an_input_are_counted(build):
    outputs, parts = build()
    record, viann = RecordKernels(*(layer for layer, _ in parts)), VarianceImportance()
    fit_on_inputs(keras.Model(A, outputs), viann, record)
    expected = sum(record.scores(layer)[rows] for layer, rows in parts)
    assert_allclose(viann.importances_, expected, rtol=1e-10)
    kernels = [layer.get_weights()[0][rows] for layer, rows in parts]
    assert_array_equal(viann.weights_, np.hstack(kernels))


def test_layers_that_are_called_again_elsewhere():
    # As in an autoencoder, of which the decoder is a model of its own.
    first, last = layers.Dense(4), layers.Dense(1)
    model = keras.Model(A, last(first(A)))
    keras.Model(B, last(layers.Dense(4)(B)))
    keras.Model(B, first(layers.Dense(5)(B)))
    record, viann = RecordKernels(first), VarianceImportance()
    fit_on_inputs(model, viann, record)
    assert_allclose(viann.importances_, record.scores(first), rtol=1e-10)


def test_a_layer_that_is_shared_by_two_inputs():
    shared = layers.Dense(3)
    joined = layers.concatenate([shared(A[:, 1:3]), shared(B)])
    record, viann = RecordKernels(shared), VarianceImportance()
    fit_on_inputs(keras.Model([A, B], layers.Dense(1)(joined)), viann, record)
    for name in ("a", "b"):
        assert_allclose(viann.importances_[name], record.scores(shared), rtol=1e-10)


def unclear(case):
    """Models in which it cannot be told how an input is used."""
    first, second = layers.Dense(5, name="first"), layers.Dense(5, name="second")
    if case == "residual":
        return keras.Model(A, second(layers.add([first(A), A])))
    if case == "sum":
        return keras.Model([A, B], second(layers.add([A, layers.Dense(5)(B)])))
    if case == "columns apart":
        return keras.Model(A, first(A[:, :2]) + second(A[:, 2:4]))
    if case == "turned around":
        return keras.Model(A, first(A) + second(keras.ops.flip(A, axis=1)))
    if case == "unused":
        return keras.Model([A, B], first(A) + keras.ops.sum(B, axis=1, keepdims=True))
    if case == "in two shapes":
        pictures = keras.Input((6, 6, 2), name="a")
        one, other = layers.Conv2D(1, 3, name="first"), layers.Conv2D(1, 1)
        summed = [layers.GlobalMaxPool2D()(layer(pictures)) for layer in (one, other)]
        return keras.Model(pictures, layers.add(summed))
    joined = layers.Reshape((7, 1))(layers.concatenate([A, B]))
    return keras.Model(
        [A, B], layers.Flatten()(layers.Conv1D(1, 2, name="first")(joined))
    )


def test_an_only_layer_is_followed_whatever_it_sees_of_an_input():
    first = layers.Dense(4)
    model = keras.Model(A, layers.Dense(1)(first(layers.concatenate([A, A * A]))))
    record, viann = RecordKernels(first), VarianceImportance()
    fit_on_inputs(model, viann, record)
    assert_allclose(viann.importances_, record.scores(first), rtol=1e-10)


@pytest.mark.parametrize(
    "case",
    [
        "residual",
        "sum",
        "columns apart",
        "turned around",
        "unused",
        "in two shapes",
        "joined, reshaped",
    ],
)
def test_inputs_that_cannot_be_told_apart_need_a_layer(case):
    model = unclear(case)
    before = model.get_weights()
    with pytest.raises(ValueError, match="Name the layer to follow with layer="):
        fit_on_inputs(model, VarianceImportance())
    for weights, weights_before in zip(model.get_weights(), before, strict=True):
        assert_array_equal(weights, weights_before)


class OwnCode(keras.Model):
    """A network whose layers are assigned in another order than they are called."""

    def __init__(self, *called_last):
        super().__init__()
        self.called_last = list(called_last)
        self.scale = layers.BatchNormalization()
        self.hidden = layers.Dense(4, name="hidden")

    def build(self, input_shape):
        self.scale.build(input_shape)
        self.hidden.build(input_shape)
        for layer in self.called_last:
            layer.build((None, 4))
        self.built = True

    def call(self, inputs):
        hidden = self.hidden(self.scale(inputs))
        for layer in self.called_last:
            hidden = layer(hidden)
        return keras.ops.mean(hidden, axis=1, keepdims=True)


class OwnWeights(OwnCode):
    def build(self, input_shape):
        self.turn = self.add_weight(shape=(5, 5))
        super().build(input_shape)

    def call(self, inputs):
        return super().call(inputs @ self.turn)


class OwnCodeOverAGraph(keras.Model):
    def __init__(self):
        inputs = keras.Input((5,))
        hidden = layers.Dense(4, name="hidden")(inputs)
        super().__init__(inputs, layers.Dense(1, name="last")(hidden))

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs)


@pytest.mark.parametrize(
    ("build", "names"),
    [
        (lambda: OwnCode(layers.Dense(1, name="last")), "'last', 'hidden'"),
        (OwnWeights, "'hidden'"),
        (OwnCodeOverAGraph, "'hidden', 'last'"),
    ],
)
def test_the_order_of_a_models_own_code_is_not_guessed(build, names):
    model = build()
    model.compile("adam", "mse")
    with pytest.raises(ValueError, match=f"layer=.*{names}"):
        train(model, VarianceImportance())
    hidden = model.get_layer("hidden")
    record, viann = RecordKernels(hidden), VarianceImportance(layer="hidden")
    train(model, viann, record)
    assert_allclose(viann.importances_, record.scores(hidden), rtol=1e-10)


@pytest.mark.parametrize("nested", [False, True])
def test_an_only_layer_needs_no_order(nested):
    own = OwnCode()
    model = compiled(own, layers.Dense(1)) if nested else own
    model.compile("adam", "mse")
    record, viann = RecordKernels(own.hidden), VarianceImportance()
    train(model, viann, record)
    assert_allclose(viann.importances_, record.scores(own.hidden), rtol=1e-10)
