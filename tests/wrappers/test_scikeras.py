import re
from pathlib import Path

import keras
import numpy as np
import pytest
import scikeras.wrappers
from numpy.testing import assert_allclose, assert_array_equal
from scikeras._saving_utils import pack_keras_model, unpack_keras_model
from scikeras._utils import route_params
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import FunctionTransformer

import skviann
from conftest import RecordKernel, viann_by_hand
from skviann.wrappers import KerasClassifier, KerasRegressor, fit_with_importances


def build(hidden=4):
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(hidden, "relu", name="first"),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy")
    return model


def build_for_keras(X, y):
    model = keras.Sequential(
        [keras.layers.Dense(4, "relu", name="first"), keras.layers.Dense(y.shape[1])]
    )
    model.compile("adam", "mse")
    return model


def test_scikit_learn_knows_the_wrappers():
    assert is_classifier(KerasClassifier(build))
    assert is_regressor(KerasRegressor(build))
    assert not is_regressor(KerasClassifier(build))
    assert not is_classifier(KerasRegressor(build))


def test_folds_are_stratified(classes):
    # Sorted labels: without stratification, folds lack a class and fitting fails or
    # scores 0.
    X, y = classes
    order = np.argsort(y, kind="stable")
    wrapper = KerasClassifier(build, epochs=1, verbose=0, random_state=0)
    search = GridSearchCV(wrapper, {"model__hidden": [4]}, cv=2, scoring="roc_auc")
    search.fit(X[order], y[order])
    assert np.isfinite(search.best_score_)
    scores = cross_val_score(wrapper, X[order], y[order], cv=2, scoring="roc_auc")
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    "kept_as",
    [
        pytest.param("list", marks=pytest.mark.backends),
        "single",
        "dict",
        "class",
        "fit__callbacks",
        "fit__ class",
    ],
)
def test_scikeras_callbacks_are_kept_and_not_changed(kept_as, classes):
    record = RecordKernel("first")
    callbacks = {
        "list": {"callbacks": [record]},
        "single": {"callbacks": record},
        "dict": {"fit__callbacks": {"record": record}},
        "class": {"callbacks": RecordKernel, "callbacks__layer_name": "first"},
        "fit__callbacks": {"fit__callbacks": [record]},
        "fit__ class": {
            "fit__callbacks": RecordKernel,
            "fit__callbacks__layer_name": "first",
        },
    }[kept_as]
    wrapper = scikeras.wrappers.KerasClassifier(build, epochs=4, verbose=0, **callbacks)
    params = dict(wrapper.get_params())
    fitted, importances = fit_with_importances(wrapper, *classes, seed=0)

    assert wrapper.get_params() == params
    assert not hasattr(wrapper, "model_")
    assert record.model is None
    assert record.epochs == []
    assert len(fitted.history_["loss"]) == 4
    if kept_as == "list":
        (trained,) = fitted.callbacks
        final = fitted.model_.get_layer("first").get_weights()[0]
        expected = viann_by_hand(trained.epochs, final)
        assert_allclose(importances, expected / expected.sum(), rtol=1e-10)
    fitted.predict(classes[0])
    clone(fitted).fit(*classes)


@pytest.mark.backends
def test_keras_wrappers_keep_fit_kwargs_and_callbacks(classes):
    record = RecordKernel("first")
    fit_kwargs = {"epochs": 4, "verbose": 0, "callbacks": [record]}
    wrapper = keras.wrappers.SKLearnClassifier(build_for_keras, fit_kwargs=fit_kwargs)
    fitted, importances = fit_with_importances(wrapper, *classes, seed=0)

    assert wrapper.fit_kwargs is fit_kwargs
    assert fit_kwargs == {"epochs": 4, "verbose": 0, "callbacks": [record]}
    assert record.model is None
    assert record.epochs == []
    assert fitted.fit_kwargs.keys() == fit_kwargs.keys()
    assert len(fitted.fit_kwargs["callbacks"]) == 1
    assert len(fitted.history_.epoch) == 4
    assert_allclose(importances.sum(), 1)


def test_a_first_layer_that_does_not_fit_x(classes):
    def build_with_crosses():
        inputs = keras.Input((6,))
        products = keras.layers.Multiply()([inputs, inputs])
        both = keras.layers.Concatenate()([inputs, products])
        model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(both))
        model.compile("adam", "binary_crossentropy")
        return model

    wrapper = scikeras.wrappers.KerasClassifier(build_with_crosses, epochs=3, verbose=0)
    with pytest.raises(ValueError, match=r"inputs of shape \(12,\), but X has 6"):
        fit_with_importances(wrapper, *classes, seed=0)


def test_a_model_with_several_inputs_does_not_fit_x(classes):
    class OfTwoTables(scikeras.wrappers.KerasClassifier):
        @property
        def feature_encoder(self):
            return FunctionTransformer(lambda X: [X[:, :4], X[:, 4:]])

    def build_for_two():
        inputs = [keras.Input((4,), name="left"), keras.Input((2,), name="right")]
        joined = keras.layers.Concatenate()(inputs)
        model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(joined))
        model.compile("adam", "binary_crossentropy")
        return model

    wrapper = OfTwoTables(build_for_two, epochs=3, verbose=0)
    with pytest.raises(ValueError, match=r"{'left': \(4,\), 'right': \(2,\)}"):
        fit_with_importances(wrapper, *classes, seed=0)


@pytest.mark.backends
def test_seed_stands_in_for_random_state(classes):
    wrapper = scikeras.wrappers.KerasClassifier(
        build, epochs=3, verbose=0, random_state=1
    )
    own = fit_with_importances(wrapper, *classes, seed=None)[1]
    assert_array_equal(own, fit_with_importances(wrapper, *classes, seed=None)[1])
    assert_array_equal(own, fit_with_importances(wrapper, *classes, seed=1)[1])
    assert (own != fit_with_importances(wrapper, *classes, seed=2)[1]).all()
    assert wrapper.random_state == 1


# The feed

HELD_OUT = (np.random.default_rng(1).normal(size=(20, 6)), np.arange(20) % 2)


def plain_and_fast(classes, *, method="fit", callbacks=None, fit_params=None, **params):
    """scikeras's wrapper and ours, trained alike on rows in the same order."""
    X, y = classes
    fitted = []
    for kind in (scikeras.wrappers.KerasClassifier, KerasClassifier):
        wrapper = kind(
            build,
            **{"epochs": 4, "batch_size": 50, "verbose": 0, **params},
            shuffle=False,
            random_state=0,
            callbacks=callbacks and callbacks(),
        )
        goes_on = method == "partial_fit" or wrapper.warm_start
        for _ in range(1 + goes_on):
            getattr(wrapper, method)(X, y, **(fit_params or {}))
        fitted.append(wrapper)
    return fitted


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"batch_size": 7},
        {"batch_size": -1},
        {"batch_size": 500},
        {"fit__batch_size": 11},
        {"validation_split": 0.3},
        {"class_weight": {0: 1.0, 1: 5.0}},
        {"class_weight": "balanced", "validation_split": 0.1},
        {"fit_params": {"sample_weight": np.arange(120) % 4 * 0.7}},
        {"metrics": ["accuracy"]},
        {"validation_split": 0.3, "fit__validation_data": HELD_OUT},
        {"validation_split": 0.3, "validation_batch_size": -1},
        {"warm_start": True},
        {"method": "partial_fit"},
        {"fit_params": {"epochs": 2}},
        {
            "epochs": 30,
            "validation_split": 0.2,
            "optimizer__learning_rate": 0.1,
            "callbacks": lambda: [
                keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True)
            ],
        },
    ],
    ids=lambda settings: ", ".join(settings) or "defaults",
)
def test_trains_as_scikeras_does(settings, classes):
    plain, fast = plain_and_fast(classes, **settings)
    for expected, weights in zip(
        plain.model_.get_weights(), fast.model_.get_weights(), strict=True
    ):
        assert_allclose(weights, expected, rtol=1e-3, atol=1e-5)
    assert fast.history_.keys() == plain.history_.keys()
    for name, values in plain.history_.items():
        assert_allclose(fast.history_[name], values, rtol=1e-3, atol=1e-5)
    assert fast.model_.steps_per_execution == 1


def test_keras_itself_can_predict_and_train_on(classes):
    plain, fast = plain_and_fast(classes, epochs=1)
    for one in (plain, fast):
        one.model_.fit(*classes, batch_size=50, shuffle=False, verbose=0)
    assert_allclose(
        fast.predict_proba(classes[0]), plain.predict_proba(classes[0]), atol=1e-4
    )


@pytest.mark.parametrize("kind", [list, lambda ys: {"a": ys[0], "b": ys[1]}])
def test_targets_of_several_outputs(kind, quantity):
    def build_two():
        inputs = keras.Input((6,))
        outputs = {name: keras.layers.Dense(1, name=name)(inputs) for name in "ab"}
        model = keras.Model(inputs, kind([*outputs.values()]))
        model.compile("sgd", kind(["mse", "mae"]))
        return model

    def fit(wrapper):
        class OfTwo(wrapper):
            @property
            def target_encoder(self):
                return FunctionTransformer(lambda y: kind([y, y]), check_inverse=False)

            def _check_model_compatibility(self, y):  # knows arrays only
                pass

        params = {"epochs": 2, "verbose": 0, "shuffle": False, "random_state": 0}
        return OfTwo(build_two, **params).fit(*quantity).model_.get_weights()

    expected = fit(scikeras.wrappers.KerasRegressor)
    for weights, right in zip(fit(KerasRegressor), expected, strict=True):
        assert_allclose(weights, right, rtol=1e-5)


def test_random_state_decides_all(classes):
    def weights(random_state):
        wrapper = KerasClassifier(build, epochs=2, batch_size=20, verbose=0)
        wrapper.set_params(random_state=random_state).fit(*classes)
        return wrapper.model_.get_weights()[0]

    assert_array_equal(weights(0), weights(0))
    assert_array_equal(
        weights(np.random.RandomState(0)), weights(np.random.RandomState(0))
    )
    assert (weights(0) != weights(1)).all()
    assert (weights(None) != weights(None)).all()


def test_batch_callbacks_get_their_batches(classes):
    seen = []

    class Count(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

    wrapper = KerasClassifier(build, epochs=2, batch_size=50, verbose=0)
    wrapper.set_params(callbacks=[Count()]).fit(*classes)
    assert seen == [0, 1, 2] * 2
    seen.clear()
    by_hand = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: seen.append(batch)
    )
    wrapper.set_params(callbacks=[by_hand]).fit(*classes)
    assert seen == [0, 1, 2] * 2


def test_a_progress_bar_is_shown(classes, capsys):
    KerasClassifier(build, epochs=2, batch_size=50, verbose=1).fit(*classes)
    shown = capsys.readouterr().out
    assert "Epoch 2/2" in shown
    assert "3/3" in shown


# What is used of scikeras's private names


def test_scikeras_goes_through_the_methods_that_are_overridden(classes):
    called = set()

    def recorded(name):
        def method(self, *args, **kwargs):
            called.add(name)
            return getattr(super(Recorded, self), name)(*args, **kwargs)

        return method

    names = ("_fit", "_fit_keras_model", "_predict_raw", "_initialize_callbacks")
    methods = {name: recorded(name) for name in names}
    Recorded = type("Recorded", (KerasClassifier,), methods)
    callback = keras.callbacks.TerminateOnNaN()
    wrapper = Recorded(build, epochs=1, verbose=0, callbacks=callback, random_state=3)
    wrapper.fit(*classes).predict(classes[0])
    assert called == set(names)
    assert wrapper._fit_callbacks == wrapper._predict_callbacks == [callback]
    assert wrapper._random_state == 3
    assert wrapper._estimator_type == "classifier"


def test_a_routed_parameter_stands_before_a_plain_one():
    params = {"batch_size": 7, "epochs": 2, "fit__batch_size": 11, "predict__a": 1}
    wrapper = scikeras.wrappers.KerasClassifier(build)
    assert {"batch_size", "shuffle", "validation_split"} <= set(wrapper._fit_kwargs)
    routed = route_params(params, destination="fit", pass_filter={"batch_size"})
    assert routed == {"batch_size": 11}


def test_a_model_as_bytes(classes):
    model = build()
    unpack, (as_bytes,) = pack_keras_model(model)
    assert unpack is unpack_keras_model
    assert as_bytes.dtype == np.uint8
    restored = unpack_keras_model(as_bytes)
    assert_array_equal(restored(classes[0]), model(classes[0]))


def test_nothing_else_knows_scikeras():
    package = Path(skviann.__file__).parent
    for path in package.rglob("*.py"):
        if path.parent.name != "wrappers":
            assert not re.search(r"^\s*(import|from) scikeras", path.read_text(), re.M)


MOVES = {
    "reversed": lambda x: keras.ops.flip(x, axis=1),
    "the last first": lambda x: keras.ops.concatenate([x[:, 2:], x[:, :2]], axis=1),
    "taken": lambda x: keras.ops.take(x, [1, 0, 2, 3], axis=1),
}


@pytest.mark.parametrize("how", MOVES)
def test_columns_that_a_model_moves_are_refused(how):
    X = np.random.default_rng(0).normal(size=(40, 4))

    def build(move):
        inputs = keras.Input((4,))
        outputs = keras.layers.Dense(1)(move(inputs))
        model = keras.Model(inputs, outputs)
        model.compile("adam", "mse")
        return model

    network = KerasRegressor(build, move=MOVES[how], epochs=2, verbose=0)
    with pytest.raises(ValueError, match="moves the columns of X before its first"):
        fit_with_importances(network, X, X[:, 0], 0)
    # What only changes values is no matter.
    network.set_params(move=lambda x: keras.ops.log1p(keras.ops.exp(x)) / 3)
    _, importances = fit_with_importances(network, X, X[:, 0], 0)
    assert importances.shape == (4,)
