import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from skviann import VIANNClassifier, VIANNRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(1200, 6))
Y = (X[:, 1] + 0.5 * X[:, 4] > 0).astype(int)
CHUNKS = np.split(np.arange(1200), 6)


def test_chunks_add_up():
    classifier = VIANNClassifier(n_members=2, random_state=0)
    scores = [
        classifier.partial_fit(X[rows], Y[rows], classes=[0, 1]).score(X, Y)
        for rows in CHUNKS
    ]
    assert scores[-1] > max(0.9, scores[0])
    assert_array_equal(classifier.feature_importances_.argsort()[-2:], [4, 1])
    assert_allclose(classifier.importances_.sum(axis=1), 1)


def test_a_pickled_stream_goes_on_as_it_would_have():
    classifier = VIANNClassifier(n_members=2, random_state=0)
    classifier.partial_fit(X[CHUNKS[0]], Y[CHUNKS[0]])
    copied = pickle.loads(pickle.dumps(classifier))
    for one in (classifier, copied):
        one.partial_fit(X[CHUNKS[1]], Y[CHUNKS[1]])
    assert_array_equal(copied.importances_, classifier.importances_)


def test_adapt_tells_bins_and_scale_of_the_target():
    regressor = VIANNRegressor(n_members=2, random_state=0).adapt(X, X[:, 0] + 5)
    regressor.partial_fit(X[:100], X[:100, 0])
    assert_allclose(regressor.target_scaler_.mean_, X[:, 0].mean() + 5)
    assert_allclose(regressor.scaler_.center_, np.median(X, axis=0), atol=1e-6)


def test_chunks_that_do_not_fit_are_refused():
    classifier = VIANNClassifier(n_members=1, random_state=0)
    with pytest.raises(ValueError, match="at least two classes"):
        classifier.partial_fit(X[:50], np.zeros(50, int))
    classifier.partial_fit(X[:50], np.zeros(50, int), classes=[0, 1])
    with pytest.raises(ValueError, match="none of the classes known"):
        classifier.partial_fit(X[:50], np.full(50, 7))
    with pytest.raises(ValueError, match="features"):
        classifier.partial_fit(X[:50, :3], Y[:50])


def test_adapt_begins_anew():
    regressor = VIANNRegressor(n_members=1, random_state=0).fit(X[:100], X[:100, 0])
    regressor.adapt(X[:, :3], X[:, 0])
    with pytest.raises(NotFittedError):
        regressor.predict(X[:, :3])
    anew = VIANNRegressor(n_members=1, random_state=0).adapt(X[:, :3], X[:, 0])
    for one in (regressor, anew):
        one.partial_fit(X[:100, :3], X[:100, 0])
    assert_array_equal(regressor.importances_, anew.importances_)
