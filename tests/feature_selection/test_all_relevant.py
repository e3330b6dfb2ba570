"""Every feature that tells something of the target, also where others tell it."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError

from skviann import VIANNSelector

RNG = np.random.default_rng(0)
FACTORS = RNG.standard_normal((400, 2))
# Each factor stands in four columns; the last twelve are noise.
X = np.hstack(
    [
        np.repeat(FACTORS, 4, axis=1) + 0.3 * RNG.standard_normal((400, 8)),
        RNG.standard_normal((400, 12)),
    ]
)
Y = FACTORS.sum(axis=1) + 0.3 * RNG.standard_normal(400)


@pytest.fixture(scope="module")
def selected():
    return VIANNSelector(threshold="all-relevant", random_state=0).fit(X, Y)


def test_copies_are_kept_and_noise_is_not(selected):
    assert_array_equal(selected.get_support(indices=True), np.arange(8))
    assert_array_equal(selected.ranking_ == 1, np.arange(20) < 8)
    table = selected.summary()
    assert set(table["layer"][table["kept"]]) <= {1, 2, 3, 4}
    assert (table["layer"][~table["kept"]] == 0).all()
    assert not hasattr(selected, "cv_results_")  # there are several paths
    assert str(selected.report()).startswith("8 of 20 features are kept: all that tell")
    later = table[table["layer"] > 1].iloc[0]
    assert later["reason"] == (
        f"helps once those of layer {later['layer'] - 1} and before are set aside"
    )


def test_the_first_layer_is_what_auto_keeps(selected):
    first = copy.copy(selected).set_params(threshold="auto")
    auto = VIANNSelector(random_state=0, n_repeats=1).fit(X, Y)
    assert_array_equal(first.get_support(), auto.get_support())
    table = selected.summary().set_index("feature")
    names = [f"x{number}" for number in auto.get_support(indices=True)]
    assert_array_equal(table["layer"][names], 1)
    with pytest.raises(NotFittedError, match="'all-relevant' was set after fit"):
        auto.set_params(threshold="all-relevant").get_support()


def test_nothing_is_relevant_to_noise():
    y = np.random.default_rng(1).standard_normal(400)
    selector = VIANNSelector(threshold="all-relevant", random_state=0)
    with pytest.warns(UserWarning, match="No column is kept: on rows held out"):
        selector.fit(X, y)
    assert selector.n_features_ == 0


def test_limits_and_fixed_features():
    selector = VIANNSelector(
        threshold="all-relevant", fixed_features=[19], max_features=6, random_state=0
    ).fit(X, Y)
    kept = selector.get_support(indices=True)
    assert len(kept) == 7
    assert kept[-1] == 19
    assert kept[:-1].max() < 8


def test_there_is_no_partial_fit():
    assert not hasattr(VIANNSelector(threshold="all-relevant"), "partial_fit")
