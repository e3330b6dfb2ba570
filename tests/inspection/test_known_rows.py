import warnings

import numpy as np
import pandas
import pytest
import sklearn.inspection
from numpy.testing import assert_allclose
from sklearn.metrics import check_scoring

from conftest import FAST
from skviann import VIANNClassifier, VIANNRegressor
from skviann.inspection import occlusion_importance, permutation_importance

X = np.random.default_rng(0).normal(size=(90, 5))


@pytest.mark.parametrize(
    "settings",
    [{}, {"n_bins": 3}, {"hidden_layer_sizes": ()}, {"hidden_layer_sizes": (4, 3)}],
    ids=str,
)
@pytest.mark.parametrize(
    "task", ["two classes", "three classes", "two quantities", "counts"]
)
def test_shortcuts_change_nothing(settings, task):
    y = {
        "two classes": (X[:, 0] > 0).astype(int),
        "three classes": (X[:, 0] > 0).astype(int) + (X[:, 1] > 0),
        "two quantities": X[:, :2] + 10,
        "counts": np.exp(X[:, 0]).round(),
    }[task]
    network, scoring = VIANNClassifier(), "neg_log_loss"
    if task in ("two quantities", "counts"):
        loss = "poisson" if task == "counts" else "squared_error"
        network, scoring = VIANNRegressor(loss=loss), None
    network.set_params(**FAST | {"epochs": 2} | settings, random_state=0).fit(X, y)

    ours = permutation_importance(network, X, y, scoring=scoring, random_state=0)
    plain = sklearn.inspection.permutation_importance(
        network,
        X,
        y,
        scoring=scoring,
        random_state=np.random.RandomState(0).randint(1, np.iinfo(np.int32).max),
    )
    assert_allclose(ours.importances, plain.importances, atol=1e-6)

    without = X.copy()
    without[:, 0] = X[:, 0].mean()
    score = check_scoring(network, scoring)
    fall = score(network, X, y) - score(network, without, y)
    occluded = occlusion_importance(network, X, y, scoring=scoring)
    assert_allclose(occluded.importances[0, 0], fall, atol=1e-6)


def test_a_network_that_knows_names():
    frame = pandas.DataFrame(X, columns=list("abcde"))
    y = (X[:, 0] > 0).astype(int)
    network = VIANNClassifier(**FAST, random_state=0).fit(frame, y)
    settings = {"scoring": "neg_log_loss", "random_state": 0}
    with warnings.catch_warnings(action="error", category=UserWarning):
        named = permutation_importance(network, frame, y, **settings)
    plain = sklearn.inspection.permutation_importance(
        network,
        frame,
        y,
        scoring="neg_log_loss",
        random_state=np.random.RandomState(0).randint(1, np.iinfo(np.int32).max),
    )
    assert_allclose(named.importances, plain.importances, atol=1e-6)
