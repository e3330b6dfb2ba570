import copy
from functools import partial
from itertools import combinations

import keras
import pytest
import scikeras.wrappers
from numpy.testing import assert_allclose, assert_array_equal

from conftest import RecordKernel
from skviann import VarianceImportance
from skviann.wrappers import (
    KerasClassifier,
    KerasRegressor,
    _lending,
    fit_with_importances,
)


def build(
    units=4, activation="relu", dropout=0.3, loss="binary_crossentropy", rate=1e-2
):
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(units, activation),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    optimizer = keras.optimizers.SGD(rate, momentum=0.9)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def wrapper(build=build, kind=KerasClassifier, **params):
    params = {"epochs": 3, "verbose": 0, "random_state": 0, **params}
    # Callbacks of their own: Keras's may remember a former training.
    return kind(build, **copy.deepcopy(params))


@pytest.fixture(autouse=True)
def empty_cache():
    _lending._models.clear()


def state(fitted):
    optimizer = [variable.numpy() for variable in fitted.model_.optimizer.variables]
    return [*fitted.model_.get_weights(), *optimizer]


def assert_same(one, other):
    for a, b in zip(state(one), state(other), strict=True):
        assert_array_equal(a, b)
    assert one.history_ == other.history_


def assert_trained_alike(fitted, plain, X):
    for name, values in plain.history_.items():
        assert_allclose(fitted.history_[name], values, rtol=1e-4)
    for actual, expected in zip(state(fitted), state(plain), strict=True):
        assert_allclose(actual, expected, rtol=1e-4, atol=1e-6)
    assert_allclose(fitted.model_(X), plain.model_(X), rtol=1e-4, atol=1e-5)


SETTINGS = [
    {
        "callbacks": [
            keras.callbacks.EarlyStopping("loss", restore_best_weights=True),
            keras.callbacks.ReduceLROnPlateau("loss", patience=1),
        ],
        "validation_split": 0.2,
        "class_weight": "balanced",
    },
    {"fit__callbacks": [VarianceImportance()]},
]


@pytest.mark.parametrize("params", SETTINGS, ids=lambda params: ", ".join(params))
def test_the_second_fit_reuses_what_the_first_has_traced(params, classes):
    X, y = classes
    first = wrapper(**params).fit(X, y)
    assert len(_lending._models) == 1
    wrapper(**params).set_params(random_state=1).fit(-X, y)
    second = wrapper(**params).fit(X, y)
    assert len(_lending._models) == 1
    assert_same(first, second)
    assert_array_equal(first.predict(X), second.predict(X))


def test_training_goes_on_where_it_ended(classes):
    X, y = classes
    params = {"epochs": 2, "warm_start": True, "shuffle": False}
    plain = wrapper(kind=scikeras.wrappers.KerasClassifier, **params)
    in_parts = wrapper(**params)
    for estimator in (plain, in_parts):
        estimator.fit(X, y).fit(X, y).partial_fit(X, y)
    assert_trained_alike(in_parts, plain, X)
    assert int(in_parts.model_.optimizer.iterations) == 5 * 4  # epochs, batches
    assert len(_lending._models) == 1


def of_layers(*layers, optimizer="adam", **compile_args):
    model = keras.Sequential([keras.Input((6,)), *layers, keras.layers.Dense(1)])
    model.compile(optimizer, "mse", **compile_args)
    return model


def adapted(x):
    normalization = keras.layers.Normalization()
    normalization.adapt(x)
    return of_layers(normalization, keras.layers.Dense(4, "relu"))


def without_decay(x, var_names=None):
    optimizer = keras.optimizers.AdamW(0.01, weight_decay=0.5)
    model = of_layers(keras.layers.Dense(4, "relu"))
    variables = None if var_names else [model.layers[0].kernel]
    optimizer.exclude_from_weight_decay(variables, var_names)
    model.compile(optimizer, "mse")
    return model


def with_a_frozen_bias(x, optimizer):
    model = of_layers(keras.layers.Dense(4, "relu", bias_initializer="ones"))
    model.layers[0].bias.trainable = False
    model.compile(optimizer, "mse")
    return model


def in_half_precision(x):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return of_layers(keras.layers.Dense(4, "relu"))
    finally:
        keras.config.set_dtype_policy("float32")


def with_an_untracked_variable(x):
    gain = keras.Variable(3.0, trainable=False)

    def init(self, factor):
        self.factor = factor

    # A regularizer with a state that no model knows of.
    kind = type("L2", (keras.regularizers.Regularizer,), {"__init__": init})
    kind.__call__ = lambda self, x: self.factor * keras.ops.sum(x * x)
    kind.get_config = lambda self: {"factor": 1.0}
    kind.__module__ = "keras.regularizers"
    return of_layers(keras.layers.Dense(4, kernel_regularizer=kind(gain)))


WHAT_NO_COPY_HAS = {
    "adapted Normalization": adapted,
    "decay, by variable": without_decay,
    "decay, by name": partial(without_decay, var_names=["kernel"]),
    "frozen bias, SGD": partial(with_a_frozen_bias, optimizer="sgd"),
    "frozen bias, Adam": partial(with_a_frozen_bias, optimizer="adam"),
    "mixed_float16": in_half_precision,
    "untracked variable": with_an_untracked_variable,
}


def recurrent(x):
    layers = keras.layers
    return of_layers(layers.Reshape((6, 1)), layers.LSTM(3, dropout=0.2))


def regularized(x):
    hidden = keras.layers.Dense(4, kernel_regularizer="l2", activity_regularizer="l1")
    return of_layers(hidden, keras.layers.GaussianNoise(0.1), metrics=["mae"])


def with_a_schedule(x):
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    optimizer = keras.optimizers.SGD(rate, momentum=0.9, clipnorm=1.0, use_ema=True)
    nested = keras.Sequential([keras.layers.Dense(4, "gelu")])
    metrics = [keras.metrics.RootMeanSquaredError()]
    return of_layers(nested, optimizer=optimizer, metrics=metrics)


@pytest.mark.parametrize(
    ("build", "n_copies"),
    [(build, 0) for build in WHAT_NO_COPY_HAS.values()]
    + [(build, 1) for build in (recurrent, regularized, with_a_schedule)],
    ids=[*WHAT_NO_COPY_HAS, "recurrent", "regularized", "schedule"],
)
def test_all_that_a_model_holds_is_trained_as_by_scikeras(build, n_copies, quantity):
    X, y = quantity
    X, y = X * [10, 1, 1, 1, 1, 1] + 5, y / 50
    params = {"epochs": 3, "verbose": 0, "shuffle": False, "random_state": 0}
    plain = scikeras.wrappers.KerasRegressor(build, model__x=X, **params).fit(X, y)
    for _ in range(1 + n_copies):
        fitted = KerasRegressor(build, model__x=X, **params).fit(X, y)
        assert_trained_alike(fitted, plain, X)
    assert len(_lending._models) == n_copies


def test_targets_of_other_shapes_train_other_copies(quantity):
    X, y = quantity
    y = (y / 50).round()
    params = {"epochs": 2, "verbose": 0, "shuffle": False, "random_state": 0}
    plain, *fitted = (
        kind(lambda: of_layers(keras.layers.Dense(4), optimizer="sgd"), **params)
        for kind in (scikeras.wrappers.KerasRegressor, *[KerasRegressor] * 4)
    )
    plain.fit(X, y)
    targets = y, y[:, None], y.astype("float32"), y.astype(int)
    for one, target in zip(fitted, targets, strict=True):
        assert_trained_alike(one.fit(X, target), plain, X)
        assert one.predict(X).shape == target.shape


def test_importances_of_a_model_with_a_normalization(quantity):
    X, y = quantity
    X, y = X * [10, 1, 1, 1, 1, 1] + 5, y / 50
    params = {"model__x": X, "epochs": 4, "verbose": 0, "shuffle": False}
    importances = [
        fit_with_importances(kind(adapted, **params), X, y, seed=0)[1]
        for kind in (scikeras.wrappers.KerasRegressor, KerasRegressor)
    ]
    assert_allclose(*importances, rtol=1e-3)


def test_networks_that_differ_are_not_mixed_up(classes):
    different = [
        {"model__dropout": 0.5},
        {"model__loss": "mse"},
        {"model__rate": 0.1},
        {"batch_size": 10},  # more steps at once
    ]
    first, again = (
        [wrapper(**params).fit(*classes) for params in different] for _ in range(2)
    )
    assert len(_lending._models) == len(different)
    for one, other in zip(first, again, strict=True):
        assert_same(one, other)
    # One that was lent another's copy would have trained as that did.
    for one, other in combinations(first, 2):
        assert (state(one)[0] != state(other)[0]).any()


def functional(lambda_layer=False):
    inputs = keras.Input((6,))
    hidden = keras.layers.Dense(4, "relu")(inputs)
    if lambda_layer:
        hidden = keras.layers.Lambda(lambda x: x * 2)(hidden)
    both = keras.layers.Concatenate()([inputs, hidden])
    model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(both))
    model.compile("sgd", "binary_crossentropy")
    return model


def test_functional_models_are_reused(classes):
    first = wrapper(functional).fit(*classes)
    assert_same(wrapper(functional).fit(*classes), first)
    assert len(_lending._models) == 1


def named():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(4, name="first"),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile("sgd", "binary_crossentropy")
    return model


class Subclassed(keras.Sequential):
    pass


def subclassed():
    model = Subclassed([keras.Input((6,)), keras.layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    return model


def own_loss(y_true, y_pred):
    return keras.ops.mean((keras.ops.cast(y_true, "float32") - y_pred) ** 2, axis=-1)


@pytest.mark.parametrize(
    "unknown",
    [
        wrapper(subclassed),
        wrapper(lambda: functional(lambda_layer=True)),
        wrapper(model__loss=own_loss),
        wrapper(named, callbacks=[RecordKernel("first")]),
        wrapper(fit__callbacks=[keras.callbacks.LambdaCallback()]),
        wrapper(named, fit__callbacks=[VarianceImportance(layer="first")]),
    ],
    ids=["model", "Lambda", "loss", "callback", "LambdaCallback", "name of a layer"],
)
def test_what_is_not_known_is_not_reused(unknown, classes):
    unknown.fit(*classes)
    assert len(_lending._models) == 0
    assert len(unknown.history_["loss"]) == 3


def test_callbacks_end_with_the_estimators_model(classes):
    for _ in range(2):
        fitted = wrapper(named, fit__callbacks=[keras.callbacks.TerminateOnNaN()])
        fitted.fit(*classes)
    (callback,) = fitted.fit__callbacks
    assert callback.model is fitted.model_
    assert fitted.model_.history.epoch == [0, 1, 2]


def test_an_interrupted_fit_keeps_the_weights_that_it_reached(classes):
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    Interrupt.__module__ = "keras.interrupt"  # as if it were one of Keras's own
    estimator = wrapper(named, callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(*classes)
    assert int(estimator.model_.optimizer.iterations) == 4
    assert len(_lending._models) == 0


def test_large_and_many_networks_are_not_kept(classes, monkeypatch):
    monkeypatch.setattr("skviann.neural_network._cache._MAX_KEPT", 1)
    for model in (named, functional):
        wrapper(model, epochs=1).fit(*classes)
    assert len(_lending._models) == 1
    _lending._models.clear()
    monkeypatch.setattr(_lending, "_MAX_WEIGHTS", 10)
    wrapper(named, epochs=1).fit(*classes)
    assert len(_lending._models) == 0
