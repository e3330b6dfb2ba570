import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from skviann.models import build_mlp, check_parts, make_optimizer


def network(hidden_layer_sizes=(3,), n_outputs=2):
    return build_mlp(
        4,
        n_outputs,
        hidden_layer_sizes=hidden_layer_sizes,
        activation="relu",
        output_activation="linear",
    )


def test_the_network_is_a_perceptron():
    X = np.random.default_rng(0).normal(size=(50, 4))
    model = network()
    kernel_1, bias_1, kernel_2, bias_2 = model.get_weights()
    expected = np.maximum(X @ kernel_1 + bias_1, 0) @ kernel_2 + bias_2
    assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("hidden_layer_sizes", [(), (400, 5)])
def test_the_first_layer_starts_small(hidden_layer_sizes):
    model = network(hidden_layer_sizes, n_outputs=400)
    first, *others = [w for w in model.get_weights() if w.ndim == 2]
    assert first.std() == pytest.approx(0.05, rel=0.1)
    for kernel in others:  # Glorot's uniform distribution
        limit = np.sqrt(6 / sum(kernel.shape))
        assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.1)


def test_make_optimizer():
    assert float(make_optimizer("sgd", 0.5).learning_rate) == 0.5
    default = keras.optimizers.Adam().learning_rate
    assert float(make_optimizer("adam", None).learning_rate) == float(default)
    original = keras.optimizers.SGD(0.25, momentum=0.5)
    copied = make_optimizer(original, None)
    assert copied is not original
    assert (float(copied.learning_rate), copied.momentum) == (0.25, 0.5)


def test_check_parts():
    check_parts("relu", keras.optimizers.SGD(), [keras.callbacks.EarlyStopping()])
    check_parts("tanh", "adam", None)
    with pytest.raises(ValueError, match="activation must be .*'relux'"):
        check_parts("relux", "adam", None)
    with pytest.raises(ValueError, match="optimizer must be .*'adamant'"):
        check_parts("relu", "adamant", None)
    with pytest.raises(TypeError, match="callbacks must hold .*EarlyStopping"):
        check_parts("relu", "adam", [keras.callbacks.EarlyStopping])
