"""Tables that are looked at in blocks of columns, with small blocks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skviann import VIANNSelector
from skviann.feature_selection import _packed_rows, _wide

N, D = 400, 300


@pytest.fixture
def small_blocks(monkeypatch):
    for module in (_wide, _packed_rows):
        monkeypatch.setattr(module, "BLOCK_SIZE", 64)


@pytest.mark.parametrize("places", [[0, 1], [7, 299]])
def test_two_that_interact_are_found_wherever_they_stand(small_blocks, places):
    X = np.random.default_rng(0).normal(size=(N, D))
    y = (X[:, places[0]] * X[:, places[1]] > 0).astype(int)
    selector = VIANNSelector(random_state=0).fit(X, y)
    assert_array_equal(selector.get_support(indices=True), places)
    assert_allclose(selector.feature_importances_.sum(), 1)
    # The networks of the survivors take the whole table.
    assert selector.estimator_.predict(X).shape == (N,)


def test_a_memory_map_is_like_an_array(small_blocks, tmp_path):
    X = np.random.default_rng(0).normal(size=(N, D)).astype("float32")
    y = X[:, 5] - X[:, 250]
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    selector = VIANNSelector(random_state=0).fit(mapped, y)
    assert_array_equal(selector.get_support(indices=True), [5, 250])
    expected = VIANNSelector(random_state=0).fit(X, y)
    assert_array_equal(selector.feature_importances_, expected.feature_importances_)
