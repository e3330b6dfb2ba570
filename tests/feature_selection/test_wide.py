"""Tables of so many columns that the first rounds look at blocks of them."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skviann import VIANNRegressor, VIANNSelector

D = 4200  # a block has 4096


def test_two_that_interact_are_found():
    X = np.random.default_rng(0).normal(size=(400, D)).astype("float32")
    y = (X[:, 7] * X[:, 4150] > 0).astype(int)
    selector = VIANNSelector(step=0.9, n_repeats=1, random_state=0).fit(X, y)
    assert_array_equal(selector.get_support(indices=True), [7, 4150])
    assert_allclose(selector.feature_importances_.sum(), 1)
    # The networks of the survivors take the whole table.
    assert selector.estimator_.predict(X).shape == (400,)


def test_a_memory_map_is_like_an_array(tmp_path):
    X = np.random.default_rng(0).normal(size=(300, D)).astype("float32")
    y = X[:, 5] - X[:, 4100]
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    selector = VIANNSelector(
        VIANNRegressor(n_members=1), threshold="mean", step=0.9, cv=2, random_state=0
    ).fit(mapped, y)
    assert set(selector.feature_importances_.argsort()[-2:]) == {5, 4100}
    expected = clone(selector).fit(X, y)
    assert_array_equal(selector.feature_importances_, expected.feature_importances_)
