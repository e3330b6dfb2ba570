import keras
import numpy as np
import pytest
from keras import layers
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError

from conftest import FAST
from skviann import VIANNClassifier, VIANNRegressor, VIANNSelector
from skviann.inspection import (
    first_layer_importance,
    garson_importance,
    olden_importance,
    viann_importance,
)
from skviann.layers import PackedDense
from skviann.wrappers import KerasClassifier

OF_WEIGHTS = [first_layer_importance, garson_importance, olden_importance]


def by_name(function):
    return function.__name__


def chain(*parts):
    """A model of layers; an array stands for a dense one with that kernel."""
    stack = []
    for part in parts:
        if not isinstance(part, layers.Layer):
            kernel = np.array(part, dtype=float)
            part = layers.Dense(kernel.shape[1], "tanh")
            part.build((None, len(kernel)))
            part.set_weights([kernel, np.full(kernel.shape[1], 0.3)])
        stack.append(part)
    return keras.Sequential([keras.Input((stack[0].weights[0].shape[0],)), *stack])


def build():
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(4, "relu"), layers.Dense(1, "sigmoid")]
    )
    model.compile("adam", "binary_crossentropy")
    return model


def build_for_keras(X, y):
    model = keras.Sequential(
        [layers.Dense(4, "relu"), layers.Dropout(0.1), layers.Dense(y.shape[1])]
    )
    model.compile("adam", "mse")
    return model


# By hand

HIDDEN = [[1, -2], [3, 2], [0, 4]]


@pytest.mark.parametrize(
    ("kernels", "first_layer", "garson", "olden"),
    [
        # Inputs share the hidden units as (1, 3, 0) / 4 and (2, 2, 4) / 8, and these
        # the output as (2, 1) / 3. The first input's two paths cancel out: 1 * -2 + 2.
        (
            (HIDDEN, [[-2], [-1]]),
            [3, 5, 4],
            [
                [1 / 4 * 2 / 3 + 2 / 8 * 1 / 3],
                [3 / 4 * 2 / 3 + 2 / 8 * 1 / 3],
                [4 / 8 * 1 / 3],
            ],
            [[-2 + 2], [-6 - 2], [-4]],
        ),
        # The same, and a second output that the hidden units share as (1, 3) / 4.
        (
            (HIDDEN, [[-2, 1], [-1, 3]]),
            [3, 5, 4],
            [[1 / 4, 1 / 4], [7 / 12, 3 / 8], [1 / 6, 3 / 8]],
            [[0, -5], [-8, 9], [-4, 12]],
        ),
        # Shares (1, 3) / 4 and (2, 2) / 4; then (1, 1) / 2 and (1, 3) / 4; then
        # (2, 1) / 3, which are (5, 7) / 12 of the first hidden units.
        (
            ([[1, -2], [3, 2]], [[1, 1], [-1, 3]], [[2], [1]]),
            [3, 5],
            [[1 / 4 * 5 / 12 + 2 / 4 * 7 / 12], [3 / 4 * 5 / 12 + 2 / 4 * 7 / 12]],
            [[1 * 3 - 2 * 1], [3 * 3 + 2 * 1]],
        ),
        (([[1], [-3]],), [1, 3], [[1 / 4], [3 / 4]], [[1], [-3]]),
    ],
    ids=["one hidden layer", "two outputs", "two hidden layers", "no hidden layer"],
)
def test_networks_that_can_be_worked_out_by_hand(kernels, first_layer, garson, olden):
    model = chain(*kernels)
    result = first_layer_importance(model)
    assert_allclose(result.importances, np.transpose([first_layer]))
    for function, expected in ((garson_importance, garson), (olden_importance, olden)):
        result = function(model)
        assert_allclose(result.by_output, expected, atol=1e-12)
        mean = np.abs(expected).mean(axis=1)
        assert_allclose(result.importances, mean[:, np.newaxis])
        assert_allclose(result.importances_mean, mean)
        assert_array_equal(result.importances_std, np.zeros(len(mean)))
    assert_allclose(garson_importance(model).importances_mean.sum(), 1)


def garson_by_hand(kernels):
    """Follow the shares back from each output."""
    by_output = []
    for share in np.eye(kernels[-1].shape[1]):
        for kernel in reversed(kernels):
            sizes = np.abs(kernel)
            share = sum(
                share[unit] * sizes[:, unit] / sizes[:, unit].sum()
                for unit in range(sizes.shape[1])
            )
        by_output.append(share)
    return np.transpose(by_output)


def olden_by_hand(kernels):
    return np.einsum("iu,uv,vo->io", *kernels)


def first_layer_by_hand(kernels):
    return np.abs(kernels[0]).sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def binned_classifier(classes):
    """With three outputs, two members and three bins of each feature."""
    X, _ = classes
    y = np.digitize(X[:, 0] - X[:, 1], [-0.7, 0.7])
    settings = {**FAST, "hidden_layer_sizes": (5, 4), "n_bins": 3}
    return VIANNClassifier(**settings, random_state=0).fit(X, y)


@pytest.mark.parametrize(
    ("function", "by_hand"),
    [
        (first_layer_importance, first_layer_by_hand),
        (garson_importance, garson_by_hand),
        (olden_importance, olden_by_hand),
    ],
    ids=["first_layer", "garson", "olden"],
)
def test_members_and_bins_of_an_estimator(function, by_hand, binned_classifier):
    packed = [
        layer.get_weights()[0].astype(float)
        for layer in binned_classifier.model_.layers
        if isinstance(layer, PackedDense)
    ]
    assert [kernel.shape for kernel in packed] == [(2, 18, 5), (2, 5, 4), (2, 4, 3)]
    by_output = []
    for member in range(2):
        of_inputs = by_hand([kernel[member] for kernel in packed])
        # Inputs 0, 1 and 2 are those of feature 0, and so on.
        of_features = [of_inputs[3 * j : 3 * j + 3].sum(axis=0) for j in range(6)]
        by_output.append(of_features)
    expected = np.abs(by_output).mean(axis=2)  # (members, features)
    result = function(binned_classifier)
    assert_allclose(result.importances, expected.T, rtol=1e-10)
    assert_allclose(result.importances_mean, expected.mean(axis=0), rtol=1e-10)
    assert_allclose(result.importances_std, expected.std(axis=0), rtol=1e-10)
    if "by_output" in result:
        mean = np.mean(by_output, axis=0)
        assert_allclose(result.by_output, mean, rtol=1e-10, atol=1e-14)


# Other layers


def batch_normalization(gamma, variance):
    layer = layers.BatchNormalization()
    layer.build((None, len(gamma)))
    layer.set_weights([gamma, np.ones(len(gamma)), np.ones(len(gamma)), variance])
    return layer


@pytest.mark.parametrize("function", OF_WEIGHTS, ids=by_name)
def test_a_batch_normalization_is_a_scale_of_the_kernel_before_it(function):
    gamma, variance = np.array([-2.0, 0.5]), np.array([4.0, 0.01])
    normalization = batch_normalization(gamma, variance)
    model = chain(HIDDEN, normalization, [[-2], [-1]])
    scale = gamma / np.sqrt(variance + normalization.epsilon)
    folded = chain(HIDDEN * scale, [[-2], [-1]])
    plain = chain(HIDDEN, [[-2], [-1]])
    result = function(model)
    assert_allclose(result.importances, function(folded).importances, rtol=1e-6)
    if "by_output" in result:
        assert_allclose(result.by_output, function(folded).by_output, rtol=1e-6)
    if function is not garson_importance:  # which divides by a unit's weights
        assert np.abs(result.importances - function(plain).importances).max() > 0.1


@pytest.mark.parametrize("function", OF_WEIGHTS, ids=by_name)
def test_a_batch_normalization_in_front_takes_the_features_units_away(function):
    gamma = np.array([1.0, 2.0, 0.5])
    results = [
        function(
            chain(batch_normalization(gamma, np.array(variance)), HIDDEN, [[-2], [-1]])
        ).importances
        for variance in ([1.0, 1.0, 1.0], [1e4, 1e-2, 9.0])
    ]
    assert_array_equal(*results)
    folded = chain(HIDDEN * gamma[:, np.newaxis], [[-2], [-1]])
    assert_allclose(results[0], function(folded).importances)


@pytest.mark.parametrize("function", OF_WEIGHTS, ids=by_name)
def test_layers_that_keep_units_apart_are_passed_over(function):
    between = [layers.Activation("tanh"), layers.Dropout(0.5), layers.PReLU()]
    model = chain(HIDDEN, *between, [[-2], [-1]])
    nested = chain(HIDDEN, keras.Sequential([*between, chain([[-2], [-1]])]))
    plain = chain(HIDDEN, [[-2], [-1]])
    assert_array_equal(function(model).importances, function(plain).importances)
    assert_array_equal(function(nested).importances, function(plain).importances)


# Estimators


@pytest.mark.parametrize(
    "wrapper",
    [
        KerasClassifier(build, epochs=2, verbose=0, random_state=0),
        keras.wrappers.SKLearnClassifier(
            build_for_keras, fit_kwargs={"epochs": 2, "verbose": 0}
        ),
    ],
    ids=["scikeras", "keras.wrappers"],
)
def test_a_wrapper_is_asked_for_its_model(wrapper, classes):
    wrapper.fit(*classes)
    kernels = [one for one in wrapper.model_.get_weights() if one.ndim == 2]
    for function in OF_WEIGHTS:
        expected = function(chain(*kernels)).importances
        assert expected.shape == (6, 1)
        assert_array_equal(function(wrapper).importances, expected)


@pytest.mark.parametrize("function", OF_WEIGHTS, ids=by_name)
def test_a_selector_is_asked_for_its_network(function, fitted_selector):
    expected = function(fitted_selector.estimator_).importances
    assert expected.shape == (6, 12)  # a network for each of twelve folds
    assert_array_equal(function(fitted_selector).importances, expected)


@pytest.mark.parametrize(
    "kind", ["fitted_classifier", "fitted_regressor", "fitted_selector"]
)
def test_viann_is_what_the_estimator_measured(kind, request):
    estimator = request.getfixturevalue(kind)
    result = viann_importance(estimator)
    assert_array_equal(result.importances, estimator.importances_.T)
    assert_allclose(result.importances_mean, estimator.feature_importances_)
    assert_allclose(result.importances_std, estimator.importances_std_)


@pytest.mark.parametrize("function", [viann_importance, *OF_WEIGHTS], ids=by_name)
@pytest.mark.parametrize(
    "estimator",
    [VIANNClassifier(), VIANNRegressor(), VIANNSelector(), KerasClassifier(build)],
    ids=lambda estimator: type(estimator).__name__,
)
def test_not_fitted(estimator, function):
    with pytest.raises(NotFittedError):
        function(estimator)


@pytest.mark.parametrize("function", [viann_importance, *OF_WEIGHTS], ids=by_name)
def test_an_estimator_that_is_no_network(function, classes):
    forest = RandomForestClassifier(n_estimators=1).fit(*classes)
    with pytest.raises(TypeError, match="estimator must be a .*VIANN.*RandomForest"):
        function(forest)


def test_a_network_that_did_not_measure_viann(classes):
    wrapper = KerasClassifier(build, epochs=1, verbose=0).fit(*classes)
    with pytest.raises(TypeError, match="put a scikeras.*wrapper into a VIANNSelector"):
        viann_importance(wrapper)
    with pytest.raises(TypeError, match="the callback VarianceImportance"):
        viann_importance(chain(HIDDEN))


def convolution(inputs):
    steps = layers.Reshape((3, 1))(inputs)
    return layers.Dense(1)(layers.Flatten()(layers.Conv1D(2, 2)(steps)))


def added(inputs):
    hidden = layers.Dense(3)(inputs)
    return layers.Dense(1)(layers.Add()([hidden, layers.Dense(3)(hidden)]))


def added_by_operator(inputs):
    hidden = layers.Dense(3)(inputs)
    return layers.Dense(1)(hidden + layers.Dense(3)(hidden))


def concatenated(inputs):
    return layers.Dense(1)(layers.Concatenate()([inputs, inputs]))


def two_heads(inputs):
    return [layers.Dense(3)(inputs), layers.Dense(3)(inputs)]


def used_twice(inputs):
    dense = layers.Dense(3)
    return layers.Dense(1)(dense(dense(inputs)))


def wide_and_deep(inputs):
    return [layers.Dense(1)(layers.Dense(3)(inputs)), layers.Dense(2)(inputs)]


def without_weights(inputs):
    return layers.Activation("relu")(inputs)


@pytest.mark.parametrize("function", OF_WEIGHTS, ids=by_name)
@pytest.mark.parametrize(
    "network",
    [
        convolution,
        added,
        added_by_operator,
        concatenated,
        two_heads,
        used_twice,
        wide_and_deep,
        without_weights,
    ],
    ids=by_name,
)
def test_networks_that_are_no_chain_of_dense_layers(network, function):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, network(inputs))
    with pytest.raises(ValueError, match="through a chain of Dense layers.*the model"):
        function(model)
