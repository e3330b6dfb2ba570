import keras
import numpy as np
import pytest
import scikeras.wrappers
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.model_selection import GridSearchCV, cross_val_score

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
    "kept_as", ["list", "single", "dict", "class", "fit__callbacks"]
)
def test_scikeras_callbacks_are_kept_and_not_changed(kept_as, classes):
    record = RecordKernel("first")
    callbacks = {
        "list": {"callbacks": [record]},
        "single": {"callbacks": record},
        "dict": {"fit__callbacks": {"record": record}},
        "class": {"callbacks": RecordKernel, "callbacks__layer_name": "first"},
        "fit__callbacks": {"fit__callbacks": [record]},
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


def test_seed_stands_in_for_random_state(classes):
    wrapper = scikeras.wrappers.KerasClassifier(
        build, epochs=3, verbose=0, random_state=1
    )
    own = fit_with_importances(wrapper, *classes, seed=None)[1]
    assert_array_equal(own, fit_with_importances(wrapper, *classes, seed=None)[1])
    assert_array_equal(own, fit_with_importances(wrapper, *classes, seed=1)[1])
    assert (own != fit_with_importances(wrapper, *classes, seed=2)[1]).all()
    assert wrapper.random_state == 1
