import keras
import numpy as np
import pytest
from keras import layers
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression

from conftest import FAST
from skviann import VIANNRegressor, VIANNSelector
from skviann.inspection import gradient_importance
from skviann.wrappers import KerasRegressor

KERNEL = np.array([[1.0, -2.0], [0.5, 0.0], [-3.0, 0.25]])


@pytest.fixture(scope="module")
def table():
    # More rows than are differentiated at a time.
    X = np.random.default_rng(0).normal(size=(1100, 3))
    return X * [1, 10, 0.5] + [0, 5, -1]


@pytest.fixture(scope="module")
def line():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    model.set_weights([KERNEL, np.array([4.0, -1.0])])
    return model


def curve(kernel, outer):
    """``tanh(x @ kernel) @ outer``"""
    kernel, outer = np.array(kernel), np.array(outer)
    model = keras.Sequential(
        [
            keras.Input((len(kernel),)),
            layers.Dense(len(outer), "tanh"),
            layers.Dense(1),
        ]
    )
    model.set_weights([kernel, np.zeros(len(outer)), outer[:, None], np.zeros(1)])
    return model


def slopes_of_curve(X, kernel, outer):
    return (outer * (1 - np.tanh(X @ kernel) ** 2)) @ np.transpose(kernel)


def slopes_by_differences(predict, X, step):
    """Central differences: (rows, ..., features) for a single output."""
    slopes = np.empty(X.shape)
    for index in np.ndindex(X.shape[1:]):
        shift = np.zeros(X.shape[1:])
        shift[index] = step
        rise = np.ravel(predict(X + shift)) - np.ravel(predict(X - shift))
        slopes[:, *index] = rise / (2 * step)
    return slopes


@pytest.mark.parametrize(
    "method", ["saliency", "gradient_x_input", "integrated_gradients"]
)
def test_derivatives_of_a_line(method, table, line):
    distance = np.abs(table - table.mean(axis=0))
    if method == "saliency":
        distance = np.tile(table.std(axis=0), (len(table), 1))
    expected = distance * np.abs(KERNEL).mean(axis=1)  # the mean over outputs
    result = gradient_importance(line, table, method=method, max_samples=None)
    assert_allclose(result.importances, expected.T, rtol=1e-4, atol=1e-6)
    assert_allclose(result.importances_mean, expected.mean(axis=0), rtol=1e-4)
    assert_allclose(result.importances_std, expected.std(axis=0), rtol=1e-4, atol=1e-6)


def test_derivatives_of_a_curve(table):
    outer = np.array([0.5, -2.0])
    model = curve(KERNEL, outer)
    mean, deviation = table.mean(axis=0), table.std(axis=0)
    slopes = slopes_of_curve(table, KERNEL, outer)
    halfway = slopes_of_curve((mean + table) / 2, KERNEL, outer)
    expected = {
        "saliency": np.abs(slopes) * deviation,
        "gradient_x_input": np.abs(slopes * (table - mean)),
        "integrated_gradients": np.abs(halfway * (table - mean)),
    }
    for method, values in expected.items():
        result = gradient_importance(
            model, table, method=method, n_steps=1, max_samples=None
        )
        assert_allclose(result.importances, values.T, rtol=1e-3, atol=1e-5)


def test_integrated_gradients_add_up_to_the_way_from_the_mean_row():
    # No slope is negative: a term's sign is that of the distance from the mean.
    kernel = np.array([[0.5, 1.0], [0.2, 0.0], [1.5, 0.3]])
    model = curve(kernel, [1.0, 2.0])
    X = np.random.default_rng(0).normal(size=(30, 3))
    signs = np.sign(X - X.mean(axis=0)).T
    output = model.predict(np.vstack([X, X.mean(axis=0)]), verbose=0)[:, 0]
    way = output[:-1] - output[-1]

    def gap(method, **parameters):
        result = gradient_importance(model, X, method=method, **parameters)
        return np.abs((signs * result.importances).sum(axis=0) - way).max()

    assert gap("integrated_gradients") < 1e-3
    assert gap("integrated_gradients", n_steps=4) > 1e-3
    assert gap("gradient_x_input") > 0.1


def test_saliency_of_a_regressor_is_in_deviations(quantity):
    X, y = quantity
    X = X * [1, 100, 0.01, 1, 1, 1] + 7
    settings = {**FAST, "activation": "tanh"}
    regressor = VIANNRegressor(**settings, random_state=0).fit(X, y)
    # Of what the network is trained to give, the standardised target, by that many
    # standard deviations of a feature.
    deviation = X.std(axis=0)

    def predict_standardised(steps):
        return (regressor.predict(steps * deviation) - y.mean()) / y.std()

    expected = np.abs(slopes_by_differences(predict_standardised, X / deviation, 0.02))
    result = gradient_importance(regressor, X)
    assert_allclose(result.importances, expected.T, atol=2e-3)
    assert result.importances_mean[:2].min() > 0.3


def test_a_selector_is_asked_for_its_networks(quantity):
    selector = VIANNSelector(VIANNRegressor(**FAST), random_state=0).fit(*quantity)
    result = gradient_importance(selector, quantity[0])
    expected = gradient_importance(selector.estimator_, quantity[0])
    assert_array_equal(result.importances, expected.importances)
    assert result.importances_mean.argmax() == 0


def test_a_wrapper_is_asked_for_its_model(table, line):
    def build():
        copy = keras.models.clone_model(line)
        copy.compile("adam", "mse")
        return copy

    wrapper = KerasRegressor(build, epochs=1, verbose=0, random_state=0)
    wrapper.fit(table, table[:, :2])
    kernel, _ = wrapper.model_.get_weights()
    expected = np.abs(kernel).mean(axis=1) * table.std(axis=0)
    result = gradient_importance(wrapper, table)
    assert_allclose(result.importances_mean, expected, rtol=1e-4)


# Steps in time


def test_derivatives_of_a_line_by_steps_and_features():
    X = np.random.default_rng(0).normal(size=(20, 4, 3)) * [1, 5, 10]
    model = keras.Sequential([keras.Input((4, 3)), layers.Flatten(), layers.Dense(1)])
    kernel = np.random.default_rng(1).normal(size=(12, 1))
    model.set_weights([kernel, np.zeros(1)])
    result = gradient_importance(model, X)
    expected = np.abs(kernel).reshape(4, 3) * X.std(axis=0)
    assert result.importances.shape == (4, 3, 20)
    assert_allclose(result.importances_mean, expected, rtol=1e-4)


def test_derivatives_of_a_recurrent_network():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4, 3)), layers.LSTM(5), layers.Dense(1)])
    X = np.random.default_rng(0).normal(size=(20, 4, 3))

    def predict(rows):
        return keras.ops.convert_to_numpy(model(rows))

    expected = np.abs(slopes_by_differences(predict, X, 0.02)) * X.std(axis=0)
    result = gradient_importance(model, X)
    assert result.importances.shape == (4, 3, 20)
    assert_allclose(result.importances, np.moveaxis(expected, 0, -1), atol=2e-4)
    assert expected.mean() > 0.01


# Rows and mistakes


def test_some_rows_are_drawn(table):
    model = curve(KERNEL, [0.5, -2.0])

    def run(**parameters):
        return gradient_importance(model, table, **parameters).importances

    every = run(max_samples=None)
    assert every.shape == (3, 1100)
    assert run().shape == (3, 1000)
    assert_array_equal(run(max_samples=1100), every)
    some = run(max_samples=15, random_state=0)
    distance = np.abs(every[:, :, np.newaxis] - some[:, np.newaxis]).max(axis=0)
    assert_allclose(distance.min(axis=0), 0, atol=1e-6)
    assert len(set(distance.argmin(axis=0))) == 15
    assert_array_equal(run(max_samples=15, random_state=0), some)
    assert (run(max_samples=15, random_state=1) != some).any()
    assert (run(max_samples=15) != run(max_samples=15)).any()


def test_nothing_else_changes(table, line):
    X = table.copy()
    before = np.random.get_state()
    gradient_importance(line, X, max_samples=5)
    assert_array_equal(np.random.get_state()[1], before[1])
    assert_array_equal(X, table)


@pytest.mark.parametrize(
    "settings", [{"method": "deeplift"}, {"n_steps": 0}, {"max_samples": 0}], ids=str
)
def test_bad_parameters(settings, table, line):
    ((name, value),) = settings.items()
    message = f"'{name}' parameter of gradient_importance must be.*Got {value!r}"
    with pytest.raises(ValueError, match=message):
        gradient_importance(line, table, **settings)


def test_missing_values(line):
    with pytest.raises(ValueError, match="Input X contains NaN"):
        gradient_importance(line, np.array([[1, 2, np.nan], [1, 2, 3]]))


def test_an_estimator_without_derivatives(table):
    with pytest.raises(TypeError, match="estimator must be .*LinearRegression"):
        gradient_importance(LinearRegression().fit(table, table[:, 0]), table)
    with pytest.raises(NotFittedError):
        gradient_importance(VIANNRegressor(), table)
