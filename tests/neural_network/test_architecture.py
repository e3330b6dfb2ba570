import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skviann.models import (
    build_packed_mlp,
    check_parts,
    draw_weights,
    make_optimizer,
)


def networks(hidden_layer_sizes=(3,), n_outputs=2, n_members=5):
    return build_packed_mlp(
        4,
        n_outputs,
        n_members=n_members,
        n_bins=1,
        hidden_layer_sizes=hidden_layer_sizes,
        activation="relu",
        output_activation="linear",
    )


def test_members_are_perceptrons_of_their_own():
    X = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
    members, mean = networks()
    members.get_layer("encoding").adapt(X)
    kernel_1, bias_1, kernel_2, bias_2 = members.trainable_weights
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    expected = [
        np.maximum(Z @ k1 + b1, 0) @ k2 + b2
        for k1, b1, k2, b2 in zip(
            *(w.numpy() for w in (kernel_1, bias_1, kernel_2, bias_2)), strict=True
        )
    ]
    assert_allclose(members(X), expected, rtol=1e-3, atol=1e-5)
    assert_allclose(mean(X), np.mean(expected, axis=0), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("hidden_layer_sizes", [(), (400, 5)])
def test_the_first_layer_starts_small(hidden_layer_sizes):
    members, _ = networks(hidden_layer_sizes, n_outputs=400, n_members=2)
    draw_weights(members, seed=0)
    kernels = [w.numpy() for w in members.trainable_weights if w.shape[1] > 1]
    assert kernels[0].std() == pytest.approx(0.01, rel=0.1)
    assert (kernels[0][0] != kernels[0][1]).all()
    for kernel in kernels[1:]:  # Glorot's uniform distribution, for each member
        limit = np.sqrt(6 / sum(kernel.shape[1:]))
        assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.1)
    before = members.get_weights()
    draw_weights(members, seed=1)
    assert (members.trainable_weights[0].numpy() != kernels[0]).all()
    draw_weights(members, seed=0)
    for one, other in zip(members.get_weights(), before, strict=True):
        assert_array_equal(one, other)


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
