"""Groups of correlated columns: against SciPy's and pandas' rank correlations."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from skviann import VIANNSelector, correlated_groups

RNG = np.random.default_rng(0)
N_ROWS = 300
SIZE, AGE, OTHER = RNG.normal(size=(3, N_ROWS))
NEAR = 0.1 * RNG.normal(size=(N_ROWS, 3))
TABLE = pd.DataFrame(
    {
        "other": OTHER,
        "height": SIZE + NEAR[:, 0],
        "age": AGE,
        "weight": np.exp(3 * SIZE),
        "born": -AGE + NEAR[:, 1],
        "width": SIZE + NEAR[:, 2],
        "colour": np.where(SIZE > 0, "red", "blue"),
        "one": 1.0,
    }
)
GROUPS = {
    "height and 2 more": ["height", "weight", "width"],
    "age and 1 more": ["age", "born"],
}


def test_columns_that_say_the_same():
    assert correlated_groups(TABLE) == GROUPS
    numbers = TABLE.drop(columns="colour")
    expected = {"x1 and 2 more": [1, 3, 5], "x2 and 1 more": [2, 4]}
    assert correlated_groups(numbers.to_numpy()) == expected
    numbered = numbers.set_axis(np.arange(7)[::-1], axis=1)
    assert correlated_groups(numbered) == expected
    assert correlated_groups(TABLE[["age"]]) == {}


def test_gaps_do_not_hide_what_is_the_same():
    table = TABLE.copy()
    for name in ("height", "born"):
        table.loc[RNG.random(N_ROWS) < 0.5, name] = np.nan
    table["other"] = np.nan
    assert correlated_groups(table) == GROUPS


@pytest.mark.parametrize("threshold", [0.2, 0.6, 0.9])
def test_two_columns_are_put_together_from_the_threshold_on(threshold):
    x = RNG.normal(size=(N_ROWS, 40))
    y = RNG.uniform(0, 1.5, 40) * x + RNG.normal(size=(N_ROWS, 40))
    for pair in zip(x.T, y.T, strict=True):
        correlation = abs(spearmanr(*pair).statistic)
        found = correlated_groups(np.transpose(pair), threshold)
        assert bool(found) == (correlation >= threshold)


@pytest.mark.parametrize("threshold", [0, -0.5, 1.1])
def test_mistakes(threshold):
    with pytest.raises(ValueError, match=f"threshold == {threshold}"):
        correlated_groups(TABLE, threshold)


def test_a_cluster_is_significant_where_none_of_its_columns_is():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 10))
    truth = X[:, 0].copy()
    X[:, :5] = truth[:, None] + 0.1 * X[:, :5]
    y = truth + 0.5 * rng.normal(size=300)
    tested = VIANNSelector(threshold="fdr", random_state=0)
    with pytest.warns(UserWarning, match=r"and 5 of those .*correlated_groups\(X\)"):
        tested.fit(X, y)
    reasons = tested.summary().set_index("feature")["reason"]
    assert not tested.get_support().any()
    assert reasons[[f"x{j}" for j in range(5)]].str.contains("correlated").all()
    assert not reasons[[f"x{j}" for j in range(5, 10)]].str.contains("correlated").any()
    tested.set_params(feature_groups=correlated_groups(X)).fit(X, y)
    assert tested.get_support(indices=True).tolist() == [0, 1, 2, 3, 4]


def test_no_clusters_where_columns_are_not_correlated():
    rng = np.random.default_rng(0)
    with pytest.warns(UserWarning, match="No column's use is significant") as warned:
        VIANNSelector(threshold="fdr", random_state=0).fit(
            rng.normal(size=(100, 5)), rng.normal(size=100)
        )
    assert "correlated" not in str(warned[0].message)
