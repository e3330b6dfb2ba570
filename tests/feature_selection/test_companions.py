"""What dropped features tell beside those that are kept."""

import copy

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.model_selection import cross_val_score

from skviann import VIANNClassifier, VIANNRegressor, VIANNSelector
from skviann.feature_selection._companions import find_companions

RNG = np.random.default_rng(0)
N = 600
STRONG, OTHER = RNG.standard_normal((2, N))
TABLE = pd.DataFrame(
    {
        "strong": STRONG,
        "other": OTHER,
        "square": STRONG**2,
        "copy": STRONG + 0.2 * RNG.standard_normal(N),
        "sum": STRONG + OTHER,
        "level": np.where(STRONG > 0.5, "high", np.where(STRONG < -0.5, "low", "mid")),
        "gaps": np.where(RNG.uniform(size=N) < 0.3, np.nan, OTHER),
        "noise": RNG.standard_normal(N),
        "constant": 1.0,
    }
)
Y = STRONG + 0.5 * OTHER + 0.3 * RNG.standard_normal(N)


def companions_of(kept, **given):
    network = VIANNRegressor(random_state=0)
    table, target = network._read(TABLE, Y, reset=True)
    problem = network._open(table, target, None, reset=True)
    return find_companions(problem, np.arange(N), np.array(kept), **given)


def ratio(of, by, n_bins=16):
    """Correlation ratio of ranks between equal bins, adjusted: by pandas."""
    ranks = pd.Series(stats.rankdata(of))
    bins = pd.qcut(by, n_bins, labels=False)
    between = ranks.groupby(np.asarray(bins)).transform("mean").var()
    n_used = len(np.unique(bins))
    return 1 - (1 - between / ranks.var()) * (N - 1) / (N - n_used)


def test_shares_are_correlation_ratios():
    found = companions_of([0, 1])
    for number, name in enumerate(TABLE.columns[:5]):
        expected = [ratio(STRONG, TABLE[name]), ratio(OTHER, TABLE[name])]
        assert_allclose(found.stands_in[number], expected, atol=0.01)
        expected = [ratio(TABLE[name], STRONG), ratio(TABLE[name], OTHER)]
        assert_allclose(found.carried[number], np.maximum(expected, 0), atol=0.01)
    # A curve: the square is told by the column, and does not tell its sign.
    assert found.carried[2, 0] > 0.95
    assert found.stands_in[2, 0] < 0.05
    # Each carries a half of their sum, both nearly all of it.
    assert_allclose(found.carried[4], 0.5, atol=0.1)
    assert found.carried_by_all[4] > 0.9
    assert found.carried_by_all[7] < 0.1


def test_categories_and_gaps_have_bins_of_their_own():
    found = companions_of([0, 1])
    codes = pd.factorize(TABLE["level"])[0]
    between = pd.Series(stats.rankdata(STRONG)).groupby(codes).transform("mean").var()
    share = between / stats.rankdata(STRONG).var(ddof=1)
    assert found.stands_in[5, 0] == pytest.approx(share, abs=0.01)
    assert found.carried[5, 0] > 0.85
    assert 0.6 < found.stands_in[6, 1] < 0.8  # seven rows in ten are known


def test_a_relation_to_the_target_is_an_analysis_of_variance():
    found = companions_of([0])
    assert_array_equal(found.is_constant, TABLE.columns == "constant")
    assert found.relation[[0, 1, 3, 4, 5, 6]].max() < 1e-6
    assert found.relation[7] > 0.05
    assert found.relation[8] == 1


def test_noise_is_said_to_be_related_as_rarely_as_promised():
    n_related = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        network = VIANNClassifier(random_state=0)
        X, y = rng.standard_normal((150, 20)).round(1), rng.integers(3, size=150)
        problem = network._open(*network._read(X, y, reset=True), None, reset=True)
        found = find_companions(problem, np.arange(150), np.arange(2))
        n_related += (found.relation <= 0.05).any()
    # At most one in twenty of the tables, two standard errors above.
    assert n_related <= 2 + 2 * np.sqrt(40 * 0.05 * 0.95)


@pytest.fixture(scope="module")
def selected():
    return VIANNSelector(n_repeats=1, random_state=0).fit(TABLE.drop(columns="sum"), Y)


def test_the_summary_says_what_each_dropped_feature_tells(selected):
    assert_array_equal(selected.get_feature_names_out(), ["strong", "other"])
    table = selected.summary().set_index("feature")
    assert "; carried by strong (0." in table["reason"]["copy"]
    assert "; carried by strong (0." in table["reason"]["square"]
    assert "; carried by other (0." in table["reason"]["gaps"]
    assert table["reason"]["noise"].endswith("; no relation to y was seen")
    assert table["reason"]["constant"] == "constant"
    (best, share), *_ = selected.stand_ins_["strong"]
    assert best == "copy"
    assert share == pytest.approx(ratio(STRONG, TABLE["copy"]), abs=0.01)
    assert table["stand-ins"]["strong"].startswith(f"copy ({share:.2f})")
    assert selected.stand_ins_["copy"] == [("strong", pytest.approx(share))]
    assert "noise" not in selected.stand_ins_


def test_other_features_than_those_of_fit_have_no_stand_ins(selected):
    fewer = copy.copy(selected).set_params(max_features=1)
    with pytest.raises(AttributeError, match="those of what fit kept"):
        _ = fewer.stand_ins_
    assert "stand-ins" not in fewer.summary().columns
    assert not fewer.summary()["reason"].str.contains("carried").any()


def test_what_stands_in_predicts_as_well_when_trained_anew(selected):
    """The measure agrees with networks that get the one in place of the other."""

    def score(columns):
        X = TABLE[columns].assign(
            **{
                name: pd.factorize(TABLE[name])[0]
                for name in columns
                if name == "level"
            }
        )
        model = ExtraTreesRegressor(50, min_samples_leaf=5, random_state=0)
        return cross_val_score(model, X, Y, cv=4).mean()

    worth = score(["strong", "other"]) - score(["other"])
    for name in ("copy", "level", "square"):
        kept_worth = (score([name, "other"]) - score(["other"])) / worth
        told = companions_of([0, 1]).stands_in[list(TABLE.columns).index(name), 0]
        assert kept_worth == pytest.approx(told, abs=0.15)


def test_few_rows_tell_nothing_apart_from_chance():
    rng = np.random.default_rng(0)
    for n_rows, n_kept in ((16, 1), (25, 1), (60, 50), (400, 300)):
        X, y = rng.standard_normal((n_rows, n_kept + 100)), rng.standard_normal(n_rows)
        network = VIANNRegressor(random_state=0)
        problem = network._open(*network._read(X, y, reset=True), None, reset=True)
        found = find_companions(problem, np.arange(n_rows), np.arange(n_kept))
        is_carried = found.is_carried()[n_kept:]
        assert is_carried.mean() < 0.05, (n_rows, n_kept)
        assert (found.stands_in[n_kept:] >= 0.5).mean() < 0.05


def test_a_copy_of_the_target_is_related_to_it():
    for n_rows in range(50, 90):
        y = np.arange(n_rows) % 2
        X = np.column_stack([y, np.random.default_rng(0).standard_normal(n_rows)])
        network = VIANNClassifier(random_state=0)
        problem = network._open(*network._read(X, y, reset=True), None, reset=True)
        found = find_companions(problem, np.arange(n_rows), np.arange(0))
        assert found.relation[0] < 1e-6


def test_stand_ins_are_those_of_all_that_is_kept():
    selector = VIANNSelector(max_features=1, n_repeats=1, random_state=0).fit(
        TABLE.drop(columns="sum"), Y
    )
    assert {*selector.get_feature_names_out()} < {*selector.stand_ins_}
    selector.set_params(max_features=None, min_features_to_select=3)
    assert not hasattr(selector, "stand_ins_")
