"""Columns that are one feature."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skviann import VIANNRegressor, VIANNSelector

FRAME = pd.DataFrame(
    np.random.default_rng(0).normal(size=(20, 5)), columns=list("abcde")
)
Y = FRAME["a"] - FRAME["c"]


def fit(feature_groups, table=FRAME):
    network = VIANNRegressor((2,), n_members=1, epochs=2, random_state=0)
    selector = VIANNSelector(
        network, threshold="mean", cv=2, feature_groups=feature_groups
    )
    return selector.fit(table, Y)


def names(selector):
    return sorted(selector.summary()["feature"])


@pytest.mark.parametrize(
    "feature_groups",
    [
        {"first": ["a", "d"], "second": ["c", "e"]},
        {"first": [0, 3], "second": (2, 4)},
        {"first": np.array(["a", "d"]), "second": pd.Index(["c", "e"])},
        ["first", None, "second", "first", "second"],
        np.array(["first", None, "second", "first", "second"], dtype=object),
    ],
)
def test_groups(feature_groups):
    selector = fit(feature_groups)
    assert names(selector) == ["b", "first", "second"]
    for values in (selector.feature_importances_, selector.get_support()):
        assert_array_equal(values[[0, 2]], values[[3, 4]])
    assert len(set(selector.feature_importances_)) == 3


def test_without_groups():
    assert names(fit(None)) == list("abcde")
    assert names(fit({"alone": "b"})) == ["a", "alone", "c", "d", "e"]
    of_array = fit({"pair": [1, 2]}, FRAME.to_numpy())
    assert names(of_array) == ["pair", "x0", "x3", "x4"]


@pytest.mark.parametrize(
    ("feature_groups", "message"),
    [
        ({"g": ["a", "q"]}, "no column 'q' in X"),
        ({"g": [5]}, "no column 5 in X, which has 5"),
        ({"g": ["a", "b"], "h": ["b"]}, "'b' is in 'g' and in 'h'"),
        (["g", "g"], "a label for each of the 5 columns of X, got 2"),
        ({"e": ["a", "b"]}, "'e' is the name of a group and of a column"),
    ],
)
def test_mistakes(feature_groups, message):
    with pytest.raises(ValueError, match=message):
        fit(feature_groups)
