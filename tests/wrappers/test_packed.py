"""Copies that train at once do what Keras does with each of them."""

import keras
import numpy as np
import pytest
from keras import layers
from keras.optimizers import schedules
from numpy.testing import assert_allclose

from conftest import viann_by_hand
from skviann.feature_selection._own_network import _scores
from skviann.neural_network._cache import Cache
from skviann.variance import RunningVariance
from skviann.wrappers import (
    KerasClassifier,
    Template,
    kernel_of_columns,
    packed,
    put_back,
)
from skviann.wrappers._packed import why_not_packed

N_INPUTS, N_FOLDS, N_STEPS, BATCH_SIZE = 5, 2, 6, 8

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="copies train at once there only"
)


def build(between=(), optimizer="adam", loss="mse", last=None, **first):
    model = keras.Sequential(
        [
            keras.Input((N_INPUTS,)),
            layers.Dense(6, "relu", name="first", **first),
            *between,
            last or layers.Dense(1),
        ]
    )
    model.compile(optimizer, loss)
    return model


# Of what a model can be made, each with that which it shall be compared in.
MODELS = {
    "regularizers": lambda: build(kernel_regularizer="l2", activity_regularizer="l1"),
    "Dropout": lambda: build([layers.Dropout(0.4)]),
    "GaussianNoise": lambda: build([layers.GaussianNoise(0.5)]),
    "BatchNormalization": lambda: build([layers.BatchNormalization()]),
    "LayerNormalization": lambda: build([layers.LayerNormalization()]),
    "PReLU": lambda: build([layers.PReLU()]),
    "frozen": lambda: build([layers.Dense(4, trainable=False)]),
    "Conv1D": lambda: build(
        [layers.Reshape((6, 1)), layers.Conv1D(3, 2), layers.Flatten()]
    ),
    "sigmoid": lambda: build(
        loss="binary_crossentropy", last=layers.Dense(1, "sigmoid")
    ),
    "logits": lambda: build(loss=keras.losses.BinaryCrossentropy(from_logits=True)),
    "hinge": lambda: build(loss=keras.losses.CategoricalHinge(reduction="sum")),
    "a function": lambda: build(loss=lambda y, p: keras.ops.mean((y - p) ** 4, -1)),
    "schedule": lambda: build(
        optimizer=keras.optimizers.SGD(schedules.ExponentialDecay(0.1, 2, 0.5), 0.9)
    ),
    "clipvalue": lambda: build(optimizer=keras.optimizers.Adam(0.01, clipvalue=0.1)),
    "weight decay": lambda: build(optimizer=keras.optimizers.AdamW(0.01, 0.5)),
}
for _name in ("RMSprop", "Adadelta", "Adagrad", "Adamax", "Nadam", "Ftrl", "Lion"):
    MODELS[_name] = lambda name=_name: build(
        optimizer=getattr(keras.optimizers, name)(0.01)
    )


def draw_batches(rng, n_steps=N_STEPS):
    shape = n_steps, N_FOLDS, BATCH_SIZE
    X = rng.normal(size=(*shape, N_INPUTS)).astype(np.float32)
    y = (X[..., :1] > 0).astype(np.float32)
    return X, y, rng.uniform(0.5, 2, size=shape).astype(np.float32)


def values_of(model):
    return [
        one.numpy() for one in model.trainable_variables + model.non_trainable_variables
    ]


def member(beginnings, number):
    """What a member begins with: dropout has the first one's seeds."""
    return [
        first if first.dtype.kind in "iu" else own
        for first, own in zip(beginnings[0], beginnings[number], strict=True)
    ]


@pytest.mark.parametrize("kind", MODELS)
def test_copies_train_as_keras_trains_each(kind):
    rng = np.random.default_rng(0)
    models = []
    for seed in range(4):
        keras.utils.set_random_seed(seed)
        models.append(MODELS[kind]())
    beginnings = [values_of(model) for model in models]
    batches = draw_batches(rng)
    pack = packed(models[0], beginnings, N_FOLDS, batches, Cache(), None)
    assert pack is not None
    X, y, weights = batches
    seen = np.ones((4, N_INPUTS), dtype=np.float32)
    losses = pack.train(*batches, seen, 0 * seen)

    for number, fold in ((0, 0), (3, 1)):
        keras.utils.set_random_seed(99)
        model = MODELS[kind]()
        for variable, value in zip(
            model.trainable_variables + model.non_trainable_variables,
            member(beginnings, number),
            strict=True,
        ):
            variable.assign(value)
        by_step = []
        for of_step in zip(X[:, fold], y[:, fold], weights[:, fold], strict=True):
            model.reset_metrics()
            by_step.append(model.train_on_batch(*of_step))
        assert_allclose(losses[number], np.mean(by_step), rtol=1e-4)
        predicted = pack.predict(pack.weights(), X[0], seen, 0 * seen)
        assert_allclose(
            predicted[number], model.predict(X[0, fold], verbose=0), atol=1e-4
        )


@pytest.mark.parametrize("setting", ["rate", "l2", "units"])
def test_a_pack_that_waits_is_not_taken_for_another_model(setting):
    """Models that differ in one setting train as two, and equal ones as one."""
    rng = np.random.default_rng(0)
    batches = draw_batches(rng)
    seen = np.ones((2, N_INPUTS), dtype=np.float32)

    def build_with(value):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                keras.Input((N_INPUTS,)),
                layers.Dense(
                    5 if setting == "units" and value else 4,
                    kernel_regularizer=keras.regularizers.L2(
                        value if setting == "l2" else 0.0
                    ),
                ),
                layers.Dense(1),
            ]
        )
        rate = 0.01 + (value if setting == "rate" else 0)
        model.compile(keras.optimizers.SGD(rate), "mse")
        return model

    packs = []
    for value in (0.0, 0.2, 0.2):
        model = build_with(value)
        begins = [values_of(model)] * 2
        packs.append(packed(model, begins, N_FOLDS, batches, Cache(), None))
        packs[-1].train(*batches, seen, 0 * seen)
        X, y, weights = (one[:, 0] for one in batches)
        for of_step in zip(X, y, weights, strict=True):
            model.train_on_batch(*of_step)
        for ours, theirs in zip(
            packs[-1].weights()[0], model.trainable_variables, strict=True
        ):
            assert_allclose(ours[0], theirs.numpy(), atol=1e-5)
        put_back(packs[-1])
    assert packs[0] is not packs[1]
    assert packs[1] is packs[2]


class Stepping(keras.Sequential):
    def train_step(self, data):
        return super().train_step(data)


def two_inputs():
    both = keras.Input((2,)), keras.Input((3,))
    model = keras.Model(both, layers.Dense(1)(layers.concatenate(both)))
    model.compile("adam", "mse")
    return model


def stepping():
    model = Stepping([keras.Input((N_INPUTS,)), layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def excluding():
    optimizer = keras.optimizers.AdamW()
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return build(optimizer=optimizer)


class OfItsOwn(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = layers.Dense(1)

    def call(self, x):
        return self.first(x)


def of_its_own():
    model = OfItsOwn()
    model.compile("adam", "mse")
    return model


NOT_AT_ONCE = {
    "a class of its own": of_its_own,
    "clipnorm": lambda: build(optimizer=keras.optimizers.Adam(clipnorm=1.0)),
    "global_clipnorm": lambda: build(optimizer=keras.optimizers.SGD(global_clipnorm=1)),
    "use_ema": lambda: build(optimizer=keras.optimizers.Adam(use_ema=True)),
    "optimizer is Lamb": lambda: build(optimizer=keras.optimizers.Lamb()),
    "optimizer is Adafactor": lambda: build(optimizer="adafactor"),
    "cannot be copied": excluding,
    "a train_step of its own": stepping,
    "several inputs": two_inputs,
    "recurrent": lambda: build([layers.Reshape((6, 1)), layers.LSTM(2)]),
    "constrained": lambda: build(kernel_constraint="max_norm"),
}


@pytest.mark.parametrize("reason", NOT_AT_ONCE)
def test_what_acts_on_more_than_a_weight_trains_alone(reason):
    assert reason in why_not_packed(NOT_AT_ONCE[reason]())


class Doubting(layers.Layer):
    """Trains in another way when it is not Keras that trains it."""

    n_calls = 0

    def call(self, x):
        self.n_calls += 1
        return x * self.n_calls


def test_a_copy_that_does_not_train_the_same_is_not_used():
    keras.utils.set_random_seed(0)
    model = build([Doubting()])
    before = values_of(model)
    batches = draw_batches(np.random.default_rng(0), 2)
    assert packed(model, [before] * 2, N_FOLDS, batches, Cache(), None) is None
    for after, value in zip(values_of(model), before, strict=True):
        assert_allclose(after, value)


def test_weights_are_drawn_as_build_draws_them():
    def of_any_width(meta, initial="glorot_uniform"):
        model = keras.Sequential(
            [
                keras.Input((meta["n_features_in_"],)),
                layers.Dense(4, kernel_initializer=initial),
                layers.Dense(1, bias_initializer="ones"),
            ]
        )
        if initial == "zeros":  # and then something else
            model.layers[0].set_weights([np.ones((3, 4)), np.zeros(4)])
        model.compile("adam", "mse")
        return model

    features = [np.arange(3)] * 3
    for initial in ("glorot_uniform", "zeros"):
        wrapper = KerasClassifier(of_any_width, model__initial=initial)
        template = Template(wrapper, np.arange(8) % 2, 3, features[0])
        model, beginnings = template.beginnings(3, features, [1, 2, 3])
        for value, of_first in zip(values_of(model), beginnings[0], strict=True):
            assert_allclose(value, of_first)
        first, *others = (values[0] for values in beginnings)
        if initial == "zeros":
            assert_allclose([first, *others], 1)
        else:
            limit = np.sqrt(6 / 7)  # of Glorot and Bengio's uniform distribution
            assert (np.abs(others) < limit).all()
            assert np.std([first, *others]) == pytest.approx(limit / np.sqrt(3), 0.2)
            assert all((one != first).all() for one in others)
        assert_allclose([values[3] for values in beginnings], 1)


def test_the_scores_are_those_of_viann_for_each_copy():
    rng = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    model = build()
    kernel = kernel_of_columns(model, np.array([[0.0] * 5, [1.0] * 5]))
    batches = draw_batches(rng)
    pack = packed(model, [values_of(model)] * 4, N_FOLDS, batches, Cache(), kernel)
    seen = np.ones((4, N_INPUTS), dtype=np.float32)
    running, recorded = RunningVariance(), []
    for _ in range(3):
        pack.train(*draw_batches(rng), seen, 0 * seen)
        running.update(pack.kernels())
        recorded.append(pack.weights()[0][0].numpy())
    scores = _scores(running, pack.kernels(), kernel)
    by_hand = [
        viann_by_hand(of_member, of_member[-1])
        for of_member in np.moveaxis(recorded, 1, 0)
    ]
    assert_allclose(scores, by_hand, rtol=1e-5)
    assert (scores[0] != scores[3]).all()  # folds have rows of their own


def test_what_build_is_told_of_features_makes_copies_differ():
    def scaling(meta):
        factors = 1.0 + meta["feature_of_input"]
        return of_width(meta, layers.Rescaling(factors.tolist()))

    def plain(meta):
        assert "feature_of_input" in meta
        assert meta.get("nothing") is None
        return of_width(meta, layers.Identity())

    def of_width(meta, first):
        model = keras.Sequential(
            [keras.Input((meta["n_features_in_"],)), first, layers.Dense(1, "sigmoid")]
        )
        model.compile("adam", "binary_crossentropy")
        return model

    features = [np.array([0, 1]), np.array([3, 2])]
    for build_one, is_same in ((scaling, False), (plain, True)):
        template = Template(
            KerasClassifier(build_one), np.arange(8) % 2, 2, features[0]
        )
        _, values = template.beginnings(2, features, [0, 1])
        assert (values is not None) == is_same


def test_an_input_that_is_not_seen_is_neutral():
    keras.utils.set_random_seed(0)
    model = build()
    X, y, weights = draw_batches(np.random.default_rng(0))
    pack = packed(model, [values_of(model)] * 2, 2, (X, y, weights), Cache(), None)
    seen = np.array([[1, 1, 0, 1, 1]] * 2, dtype=np.float32)
    neutral = np.full((2, N_INPUTS), 7, dtype=np.float32)
    replaced = X.copy()
    replaced[..., 2] = 7
    everything = np.ones((2, N_INPUTS), dtype=np.float32)
    assert_allclose(
        pack.predict(pack.weights(), X[0], seen, neutral),
        pack.predict(pack.weights(), replaced[0], everything, neutral),
    )
