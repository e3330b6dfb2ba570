from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skviann._inputs import learn_inputs
from skviann.neural_network._architecture import (
    Architecture,
    build_model,
    draw_weights,
)


def activate(task, outputs):
    if task == "binary":
        return 1 / (1 + np.exp(-outputs))
    if task == "multiclass":
        powers = np.exp(outputs)
        return powers / powers.sum(axis=-1, keepdims=True)
    return outputs


@pytest.mark.parametrize(
    ("task", "n_outputs"), [("binary", 1), ("multiclass", 3), ("regression", 2)]
)
def test_the_model_is_the_mean_of_its_members(task, n_outputs):
    X = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
    inputs = learn_inputs(
        X,
        np.arange(50),
        None,
        np.full(4, "number"),
        np.zeros(4),
        np.arange(4),
        n_bins=1,
    )
    architecture = Architecture(task, n_outputs, (3,), "relu")
    weights = draw_weights(architecture, range(5), 4, 4)
    weights = [20 * values + 0.1 for values in weights]
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    outputs = [
        activate(task, np.maximum(Z @ k1 + b1, 0) @ k2 + b2)
        for k1, b1, k2, b2 in zip(*weights, strict=True)
    ]
    trained = SimpleNamespace(architecture=architecture, weights=weights)
    model = build_model(trained, inputs)
    X = inputs.scale_rows(X)
    expected = np.mean(outputs, axis=0)
    assert_allclose(model(X), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("hidden_layer_sizes", [(), (400, 5)])
def test_the_first_layer_starts_small(hidden_layer_sizes):
    architecture = Architecture("regression", 400, hidden_layer_sizes, "relu")
    weights = draw_weights(architecture, [0, 1], 4, 4)
    sizes = [4, *hidden_layer_sizes, 400]
    kernels, biases = weights[::2], weights[1::2]
    shapes = list(zip([2] * len(sizes), sizes, sizes[1:], strict=False))
    assert [kernel.shape for kernel in kernels] == shapes
    assert [bias.shape for bias in biases] == [(2, 1, size) for size in sizes[1:]]
    assert not any(bias.any() for bias in biases)
    assert kernels[0].std() == pytest.approx(0.01, rel=0.1)
    assert (kernels[0][0] != kernels[0][1]).all()
    for kernel in kernels[1:]:  # Glorot's uniform distribution, for each member
        limit = np.sqrt(6 / sum(kernel.shape[1:]))
        assert np.abs(kernel).max() <= limit
        assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.1)
    # A member's weights are its seed's, whoever is beside it.
    for values, alone in zip(
        weights, draw_weights(architecture, [1], 4, 4), strict=True
    ):
        assert_array_equal(values[1:], alone)
