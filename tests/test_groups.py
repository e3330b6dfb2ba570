"""Columns that are one feature."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skviann import VIANNClassifier
from skviann._groups import read_groups
from skviann._table import check_table

FRAME = pd.DataFrame(np.zeros((4, 5)), columns=list("abcde"))


def read(feature_groups, table=FRAME):
    return read_groups(
        feature_groups, check_table(VIANNClassifier(), table, reset=True)
    )


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
    groups = read(feature_groups)
    assert_array_equal(groups.feature_of_column, [0, 1, 2, 0, 2])
    assert groups.names == ["first", "b", "second"]
    of_features = np.array([10, 20, 30])
    by_column = groups.by_column(of_features)
    assert_array_equal(by_column, [10, 20, 30, 10, 30])
    assert_array_equal(groups.by_feature(by_column), of_features)


def test_without_groups():
    assert read(None).names == list("abcde")
    assert read({"alone": "b"}).names == ["a", "alone", "c", "d", "e"]
    groups = read({"pair": [1, 2]}, FRAME.to_numpy())
    assert groups.names == ["x0", "pair", "x3", "x4"]


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
        read(feature_groups)
