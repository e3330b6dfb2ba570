"""Targets of all kinds, and what is said of those that cannot be used."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm, rankdata
from sklearn.datasets import load_digits

from skviann import VIANNClassifier, VIANNRegressor, VIANNSelector
from skviann._target import NormalScores, check_quantity, read_target
from skviann.neural_network import default_network

TEXT = ["a", "b", "b"]
NUMBERS = [3, 1, 2]


@pytest.mark.parametrize(
    "y",
    [
        TEXT,
        np.array(TEXT),
        np.array(TEXT, dtype=object),
        pd.Series(TEXT),
        pd.Series(TEXT, dtype=object),
        pd.Series(TEXT, dtype="string"),
        pd.Series(TEXT, dtype="category"),
        pl.Series(TEXT),
        pl.Series(TEXT, dtype=pl.Categorical),
    ],
    ids=lambda y: f"{type(y).__module__.split('.')[0]} {getattr(y, 'dtype', '')}",
)
def test_text(y):
    found = read_target(y, VIANNClassifier())
    assert found.dtype.kind == "U"
    assert_array_equal(found, TEXT)


@pytest.mark.parametrize(
    "y",
    [
        NUMBERS,
        np.array(NUMBERS, dtype=object),
        pd.Series(NUMBERS, dtype="Int64"),
        pd.Series(NUMBERS, dtype="category"),
        pl.Series(NUMBERS),
    ],
    ids=lambda y: f"{type(y).__module__.split('.')[0]} {getattr(y, 'dtype', '')}",
)
def test_integers(y):
    found = read_target(y, VIANNClassifier())
    assert found.dtype.kind in "iu"
    assert_array_equal(found, NUMBERS)


@pytest.mark.parametrize("dtype", [bool, "boolean"])
def test_booleans(dtype):
    y = read_target(pd.Series([True, False], dtype=dtype), VIANNClassifier())
    assert_array_equal(y, [True, False])


def test_several_outputs():
    labels = np.array([[1, 0], [0, 1], [1, 1]])
    for y in (labels, scipy.sparse.csr_matrix(labels), pd.DataFrame(labels)):
        assert_array_equal(read_target(y, VIANNClassifier()), labels)


MISSING = {
    "None among labels": ["a", None, "b", None],
    "NaN among labels": ["a", np.nan, "b", np.nan],
    "object": pd.Series(["a", None, "b", np.nan], dtype=object),
    "string": pd.Series(["a", None, "b", None], dtype="string"),
    "category": pd.Series(["a", None, "b", None], dtype="category"),
    "nullable": pd.Series([1, None, 2, None], dtype="Int64"),
    "polars": pl.Series([1, None, 2, None]),
    "numbers": np.array([1, np.nan, 2, np.nan]),
}


@pytest.mark.parametrize("case", MISSING)
def test_missing_targets_are_counted(case):
    with pytest.raises(ValueError, match="y contains NaN: 2 of 4 .*dropna"):
        read_target(MISSING[case], VIANNClassifier())


def test_what_is_no_target():
    days = [datetime.datetime(2020, 1, 1 + day) for day in range(3)]
    for y in (pd.Series(days), pl.Series(days), np.array(days, dtype="M8[s]")):
        with pytest.raises(ValueError, match="y holds dates .*dt.days"):
            read_target(y, VIANNRegressor())
    with pytest.raises(ValueError, match="y mixes text with other things .int, str"):
        read_target(np.array(["a", 1], dtype=object), VIANNClassifier())
    with pytest.raises(ValueError, match="VIANNRegressor estimator requires y"):
        read_target(None, VIANNRegressor())
    with pytest.raises(ValueError, match="such as 'a', but VIANNReg.*VIANNClassifier"):
        check_quantity(np.array(TEXT), VIANNRegressor())


def test_counts_are_not_taken_for_classes():
    rng = np.random.default_rng(0)
    y = rng.poisson(np.exp(rng.normal(2, 0.7, 1200)))
    assert 21 <= len(np.unique(y)) <= 100
    for counts in (y, pd.Series(y), pl.Series(y), y.reshape(-1, 1)):
        with pytest.raises(ValueError, match="rarest in 1: .*VIANNRegr.*VIANNClass"):
            VIANNSelector().fit(rng.normal(size=(1200, 2)), counts)


LABELS = {
    "20 of 50 rows": np.arange(1000) % 20,
    "20, one of them rare": np.append(np.arange(1000) % 19, 19),
    "50 of 10 rows": np.arange(500) % 50,
    "digits": load_digits().target,
}


@pytest.mark.parametrize("case", LABELS)
def test_labels_are_taken_for_classes(case):
    assert default_network(LABELS[case], LABELS[case]) is VIANNClassifier


def test_normal_scores_are_quantiles_at_the_ranks():
    y = np.array([3.0, -1e9, 0.5, 3.0, 7.0])
    scores = NormalScores.of(y)
    expected = norm.ppf((rankdata(y) - 0.5) / len(y))
    assert_allclose(scores.transform(y), expected)
    assert_allclose(scores.inverse_transform(expected), y)
    # Between known values on a straight line, and no further than these.
    between, beyond = scores.transform([5.0, 1e12])
    assert_allclose([between, beyond], [expected[[0, 4]].mean(), expected[4]])


def test_a_weight_counts_as_copies_in_normal_scores():
    y, weight = np.array([3.0, 1.0, 3.0, 2.0]), np.array([1, 4, 2, 3])
    weighted = NormalScores.of(y, weight)
    assert_allclose(weighted.scores, NormalScores.of(np.repeat(y, weight)).scores)
    light = NormalScores.of(np.arange(4.0), [1, 1, 1, 1e-18])
    assert np.isfinite(light.scores).all()
