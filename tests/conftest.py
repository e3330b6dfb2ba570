import keras
import numpy as np
import pytest

from skviann import VIANNClassifier, VIANNRegressor, VIANNSelector
from skviann.wrappers import KerasClassifier

# A network that learns the easy data below within a second.
FAST = {
    "hidden_layer_sizes": (8,),
    "n_members": 2,
    "n_bins": 1,
    "learning_rate": 0.02,
    "batch_size": 8,
    "epochs": 8,
}


def build():
    """Build a logistic regression of six columns, in Keras."""
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy")
    return model


def of_keras(**params):
    return KerasClassifier(build, epochs=3, verbose=0, random_state=0, **params)


class RecordKernel(keras.callbacks.Callback):
    """Keeps a layer's first weights after every epoch, and those at the very end."""

    def __init__(self, layer_name):
        super().__init__()
        self.layer_name = layer_name
        self.epochs = []

    def read(self):
        return self.model.get_layer(self.layer_name).get_weights()[0]

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(self.read())


def viann_by_hand(recorded, final):
    """VIANN's formula for a layer with units last, on weights recorded by epoch."""
    variance = np.var(np.asarray(recorded, dtype=np.float64), axis=0, ddof=1)
    return (variance * np.abs(np.asarray(final, dtype=np.float64))).sum(axis=-1)


@pytest.fixture(scope="session")
def classes():
    """Two classes that columns 0 and 1 of six tell apart."""
    X = np.random.default_rng(0).normal(size=(120, 6))
    return X, (X[:, 0] - X[:, 1] > 0).astype(int)


@pytest.fixture(scope="session")
def quantity():
    """A target that columns 0 and 1 of six make."""
    X = np.random.default_rng(0).normal(size=(120, 6))
    return X, 30 * X[:, 0] - 20 * X[:, 1] + 100


@pytest.fixture(scope="session")
def fitted_classifier(classes):
    return VIANNClassifier(**FAST, random_state=0).fit(*classes)


@pytest.fixture(scope="session")
def fitted_regressor(quantity):
    return VIANNRegressor(**FAST, random_state=0).fit(*quantity)


@pytest.fixture(scope="session")
def fitted_selector(classes):
    return VIANNSelector(VIANNClassifier(**FAST), random_state=0).fit(*classes)
