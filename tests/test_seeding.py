import os
import random
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from joblib import Parallel, delayed, parallel_config
from numpy.testing import assert_array_equal
from scikeras.wrappers import KerasClassifier as ScikerasClassifier
from tensorflow.python.framework import config as tf_config

from conftest import FAST
from skviann import VIANNClassifier, VIANNSelector
from skviann._seeding import seeded


def noisy_model(meta=None, X=None, y=None):
    """Draws random numbers in each way that Keras has (on JAX, all need a seed)."""

    @keras.saving.register_keras_serializable("tests")
    class GlobalNoise(keras.layers.Layer):
        def call(self, inputs):
            return inputs + 0.01 * keras.random.normal(keras.ops.shape(inputs))

    model = keras.Sequential(
        [
            keras.Input((6,)),
            *([] if keras.backend.backend() == "jax" else [GlobalNoise()]),
            keras.layers.Dense(4, "relu"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(1 if y is None else y.shape[1], "sigmoid"),
        ]
    )
    model.compile("sgd", "binary_crossentropy")
    return model


NETWORKS = {
    "VIANN": lambda: VIANNClassifier(**FAST),
    "scikeras": lambda: ScikerasClassifier(noisy_model, epochs=3, verbose=0),
    "scikeras, seeded": lambda: ScikerasClassifier(
        noisy_model, epochs=3, verbose=0, random_state=7
    ),
    "keras.wrappers": lambda: keras.wrappers.SKLearnClassifier(
        noisy_model, fit_kwargs={"epochs": 3, "verbose": 0}
    ),
}


def draw():
    """One number from every global source."""
    if keras.backend.backend() == "torch":
        import torch

        from_torch = [float(torch.rand(1))]
    else:
        from_torch = []
    return [
        *from_torch,
        random.random(),
        np.random.random(),
        float(tf.random.uniform([])),
        float(keras.random.uniform([])),
        float(keras.initializers.RandomNormal()([1])[0]),
    ]


def settings():
    return (
        dict(os.environ),
        tf_config.is_op_determinism_enabled(),
        tf.config.functions_run_eagerly(),
        tf.config.threading.get_intra_op_parallelism_threads(),
        tf.config.threading.get_inter_op_parallelism_threads(),
        keras.config.floatx(),
        keras.config.dtype_policy().name,
        keras.config.image_data_format(),
    )


@pytest.mark.parametrize("random_state", [None, 0])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_fit_leaves_no_trace_in_random_state(network, random_state, classes):
    before = settings()
    selector = VIANNSelector(
        NETWORKS[network](), threshold="mean", random_state=random_state
    )
    with seeded(3):
        expected = [draw(), draw()]
    with seeded(3):
        first = draw()
        selector.fit(*classes)
        assert [first, draw()] == expected
    assert settings() == before


def test_a_fit_that_fails_leaves_no_trace_either(classes, monkeypatch):
    before = settings()
    monkeypatch.setattr("skviann.neural_network._training._shares", _interrupt)
    selector = VIANNSelector(VIANNClassifier())
    with seeded(3):
        expected = draw()
    with pytest.raises(KeyboardInterrupt):
        selector.fit(*classes)
    assert settings() == before
    with seeded(3):
        with pytest.raises(KeyboardInterrupt):
            selector.fit(*classes)
        assert draw() == expected


def _interrupt(*args):
    raise KeyboardInterrupt


def test_tensorflow_stays_unseeded_if_it_was():
    # In a fresh process: there, TensorFlow has no seed to put back.
    code = """
import tensorflow as tf
from skviann._seeding import seeded
values = []
for seed in (1, 1, 2):
    with seeded(seed):
        values.append(float(tf.random.uniform([])))
    outside = [float(tf.random.uniform([])), float(tf.random.uniform([]))]
    assert outside[0] != outside[1]
    values.extend(outside)
assert values[0] == values[3] != values[6]
assert values[1] != values[4], "seeding leaked"
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.backends
def test_a_fit_of_a_wrapper_leaves_no_trace_on_any_backend(classes):
    with seeded(3):
        expected = [draw(), draw()]
    with seeded(3):
        first = draw()
        network = NETWORKS["scikeras"]()
        VIANNSelector(network, threshold="mean", random_state=0).fit(*classes)
        assert [first, draw()] == expected


@pytest.mark.backends
def test_seeded_draws_the_same_numbers():
    draws = []
    for seed in (1, 1, 2):
        with seeded(seed):
            draws.append(draw())
    assert draws[0] == draws[1]
    assert all(one != other for one, other in zip(draws[0], draws[2], strict=True))


@pytest.mark.parametrize(
    "network",
    ["VIANN", "scikeras", pytest.param("keras.wrappers", marks=pytest.mark.backends)],
)
def test_same_random_state_same_importances(network, classes):
    def importances(random_state):
        selector = VIANNSelector(
            NETWORKS[network](), threshold="mean", random_state=random_state
        )
        return selector.fit(*classes).feature_importances_

    assert_array_equal(importances(0), importances(0))
    assert (importances(0) != importances(1)).all()
    assert (importances(None) != importances(None)).all()


def importances_of(X, y, random_state):
    network = VIANNClassifier(**FAST, random_state=random_state)
    return network.fit(X, y).feature_importances_


# Workers of loky are processes that begin anew.
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_same_importances_in_joblib_workers(backend, classes):
    seeds = [0, 1, 0, 1]
    with parallel_config(backend, n_jobs=2):
        found = Parallel()(delayed(importances_of)(*classes, seed) for seed in seeds)
    assert_array_equal(found, [importances_of(*classes, seed) for seed in seeds])
