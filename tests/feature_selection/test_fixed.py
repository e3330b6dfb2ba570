"""Features that are kept in any case: what else is needed?"""

import copy

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skviann import VIANNClassifier, VIANNRegressor, VIANNSelector
from skviann.feature_selection._elimination import eliminate
from skviann.feature_selection._path import choose_size, follow_path, path_of_rows

RNG = np.random.default_rng(0)
X = RNG.standard_normal((400, 40))
# 5 says nearly the same as 0; 1 and 2 matter together.
X[:, 5] = X[:, 0] + 0.2 * RNG.standard_normal(400)
Y = X[:, 0] + X[:, 1] * X[:, 2] + 0.3 * RNG.standard_normal(400)
NAMES = [f"column {number}" for number in range(40)]


@pytest.fixture(scope="module")
def fixed():
    return VIANNSelector(fixed_features=[30, 0], n_repeats=1, random_state=0).fit(X, Y)


def test_fixed_features_are_kept_with_what_helps_beyond_them(fixed):
    assert_array_equal(fixed.get_support(indices=True), [0, 1, 2, 30])
    # The path begins with the two.
    assert_array_equal(fixed.cv_results_["n_features"][:3], [2, 3, 4])
    assert_array_equal(fixed.selection_frequency_[[0, 30]], 1)
    table = fixed.summary()
    assert set(table["feature"][:2]) == {"x0", "x30"}
    assert set(table["reason"][:2]) == {"in fixed_features"}
    assert fixed.importances_[:, 30].min() > 0  # the networks saw it


def test_nothing_helps_beyond_all_that_matters():
    names = pd.DataFrame(X, columns=NAMES)
    wanted = pd.Index(NAMES)[:3]
    selector = VIANNSelector(fixed_features=wanted, n_repeats=1, random_state=0)
    with pytest.warns(UserWarning, match="but those in fixed_features: on rows held"):
        selector.fit(names, Y)
    assert_array_equal(selector.get_feature_names_out(), NAMES[:3])
    assert selector.cv_results_["n_features"][0] == 3


def test_a_stand_in_is_kept_if_it_is_fixed():
    is_fixed = np.arange(40) == 5
    selector = VIANNSelector(fixed_features=is_fixed, n_repeats=1, random_state=0).fit(
        X, Y
    )
    assert set(selector.get_support(indices=True)) >= {1, 2, 5}
    # What 0 tells beyond 5 is a fifth of a deviation.
    assert selector.n_features_ <= 4


def test_limits_count_the_others_only(fixed):
    one = copy.copy(fixed).set_params(max_features=1)
    assert one.n_features_ == 3
    assert one.get_support()[[0, 30]].all()
    least = copy.copy(fixed).set_params(min_features_to_select=4)
    assert least.n_features_ == 6
    none = copy.copy(fixed).set_params(max_features=0)
    assert_array_equal(none.get_support(indices=True), [0, 30])


def test_others_are_tested_given_those_that_are_fixed():
    selector = VIANNSelector(
        fixed_features=[5], threshold="fdr", n_repeats=1, random_state=0
    )
    selector.fit(X, Y)
    assert set(selector.get_support(indices=True)) >= {1, 2, 5}
    assert_array_equal(np.isnan(selector.qvalues_), np.arange(40) == 5)
    # Benjamini and Hochberg on the other 39.
    p = np.sort(np.delete(selector.pvalues_, 5))
    adjusted = np.minimum.accumulate((p * 39 / np.arange(1, 40))[::-1])[::-1]
    np.testing.assert_allclose(np.sort(np.delete(selector.qvalues_, 5)), adjusted)


def test_thresholds_of_importances_and_fitted_networks_keep_them_too():
    network = VIANNRegressor(epochs=3, n_members=2, random_state=0)
    by_mean = VIANNSelector(network, threshold=1.0, fixed_features=[7]).fit(X, Y)
    assert_array_equal(by_mean.get_support(indices=True), [7])
    assert by_mean.threshold_ == 1


def test_one_column_fixes_its_group():
    table = pd.DataFrame(X[:, :12], columns=NAMES[:12])
    groups = {"both": [NAMES[8], NAMES[9]]}
    network = VIANNRegressor(epochs=3, n_members=2)
    for wanted in (["both"], [NAMES[9]], [8]):
        selector = VIANNSelector(
            network, feature_groups=groups, fixed_features=wanted, threshold=1.0
        ).fit(table, Y)
        assert_array_equal(selector.get_support(indices=True), [8, 9])


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ([40], "fixed_features: there is no column 40 in X, which has 40"),
        (["age"], "fixed_features names the column 'age', but X has no names"),
        ([True, False], "fixed_features must be a mask of the 40 columns"),
        (np.arange(40), "fixed_features has all 40 features of X"),
    ],
)
def test_what_cannot_be_fixed_is_refused_before_training(wanted, message):
    with pytest.raises(ValueError, match=message):
        VIANNSelector(VIANNClassifier(), fixed_features=wanted).fit(X, Y > 0)


def test_fixed_features_take_part_in_all_rounds():
    rounds = []

    def train_round(features):
        rounds.append(features)
        shares = np.zeros((2, 1, features.shape[1]))
        shares[:, 0] = features / features.sum(axis=1, keepdims=True)
        return "networks", shares

    found = eliminate(train_round, 2, 40, [20, 16], fixed=np.array([0, 3]))
    # The least ones are dropped; 0 and 3 stay, and are not counted.
    assert_array_equal(rounds[1], np.tile([0, 3, *range(20, 40)], (2, 1)))
    assert_array_equal(rounds[2], np.tile([0, 3, *range(24, 40)], (2, 1)))
    assert_array_equal(found.rankings[:, :4], np.tile([3, 0, 39, 38], (2, 1)))


def test_the_path_starts_from_those_that_are_fixed():
    asked = []

    def path_of_sizes(sizes):
        asked.append(sizes)
        means = np.array([abs(size - 5.0) for size in sizes])
        losses = [np.tile(means[:, None], 10) + np.linspace(0, 0.1, 10)]
        return path_of_rows(sizes, losses, [np.arange(10)], np.ones(10))

    path = follow_path(path_of_sizes, 30, n_most=6, n_fixed=3)
    assert asked == [[3], [4, 5, 6, 7, 8, 9]]
    assert path.n_features[choose_size(path)] == 5


def test_a_fixed_column_of_no_use_takes_nothing_from_the_others():
    table = np.column_stack([np.ones(400), X])
    selector = VIANNSelector(fixed_features=[0], n_repeats=1, random_state=0).fit(
        table, Y
    )
    assert set(selector.get_support(indices=True)) >= {0, 2, 3}
    # Dropped ones keep the shares of the rounds that they took part in.
    assert (selector.feature_importances_[1:] > 0).all()


def test_many_that_are_fixed_do_not_crowd_out_those_that_are_tested():
    table = np.random.default_rng(1).standard_normal((120, 90))
    y = table[:, 80] + 0.1 * np.random.default_rng(2).standard_normal(120)
    selector = VIANNSelector(
        VIANNRegressor(epochs=3, n_members=4),
        fixed_features=range(70),
        threshold="fdr",
        random_state=0,
    ).fit(table, y)
    assert selector.pvalues_.shape == (90,)
    assert selector.get_support()[:70].all()
