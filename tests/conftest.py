import keras
import numpy as np
import pytest
from sklearn.datasets import make_classification, make_regression

from skviann import VIANNClassifier, VIANNRegressor

# A network that learns the easy data below within a second.
FAST = {"hidden_layer_sizes": (8,), "learning_rate": 0.02, "epochs": 8}


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
    X, y = make_classification(
        n_samples=120,
        n_features=6,
        n_informative=2,
        n_redundant=0,
        n_clusters_per_class=1,
        class_sep=2.0,
        shuffle=False,
        random_state=0,
    )
    return X, y


@pytest.fixture(scope="session")
def quantity():
    """A target that columns 0 and 1 of six make."""
    return make_regression(
        n_samples=120, n_features=6, n_informative=2, shuffle=False, random_state=0
    )


@pytest.fixture(scope="session")
def fitted_classifier(classes):
    return VIANNClassifier(**FAST, random_state=0).fit(*classes)


@pytest.fixture(scope="session")
def fitted_regressor(quantity):
    return VIANNRegressor(**FAST, random_state=0).fit(*quantity)
