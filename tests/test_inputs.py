"""Inputs of a coded table, computed by hand or by pandas."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.preprocessing import StandardScaler

from skviann._inputs import learn_inputs

N = 400
RNG = np.random.default_rng(0)


def learn(columns, kinds=None, groups=None, n_bins=4, weight=None, day_zero=None):
    coded = np.column_stack(columns)
    n_columns = coded.shape[1]
    inputs = learn_inputs(
        coded,
        np.arange(len(coded)),
        weight,
        np.array(kinds or ["number"] * n_columns),
        np.zeros(n_columns) if day_zero is None else np.array(day_zero),
        np.arange(n_columns) if groups is None else np.array(groups),
        n_bins,
    )
    return inputs, inputs.encode(coded)


def standard(values):
    return StandardScaler().fit_transform(np.asarray(values, dtype=float))


def test_numbers_are_ramps_between_quantiles():
    x = RNG.normal(size=N)
    inputs, encoded = learn([x])
    levels = np.linspace(0.01, 0.99, 5)
    limits = np.quantile(x, levels, method="inverted_cdf")
    ramps = [np.clip((x - low) / (high - low), 0, 1) for low, high in pairwise(limits)]
    assert_allclose(encoded, standard(np.transpose(ramps)), atol=1e-3)
    assert_array_equal(inputs.feature, [0, 0, 0, 0])
    assert inputs.are_numbers


@pytest.mark.parametrize("unit", [1e-300, 1e-100, 1e-20, 1e20, 1e100, 1e300])
@pytest.mark.parametrize("n_bins", [1, 4])
def test_units_do_not_matter(unit, n_bins):
    # The second column is 0 in most rows: its quartiles are equal.
    rng = np.random.default_rng(0)
    columns = rng.normal(size=N), rng.normal(size=N) * (rng.random(N) < 0.1)
    inputs, encoded = learn(columns, n_bins=n_bins)
    assert set(inputs.feature) == {0, 1}
    _, in_unit = learn([unit * column for column in columns], n_bins=n_bins)
    assert_allclose(in_unit, encoded, atol=1e-4)


@pytest.mark.parametrize("unit", [1e-300, 1e300])
@pytest.mark.parametrize("density", [0.004, 0.1])
def test_units_of_sparse_columns_do_not_matter(unit, density):
    X = scipy.sparse.random(2000, 3, density, format="csr", random_state=0)
    arguments = np.arange(2000), None, np.full(3, "number"), np.zeros(3), np.arange(3)
    encoded = learn_inputs(X, *arguments, 4).encode(X)
    assert_allclose(learn_inputs(unit * X, *arguments, 4).encode(unit * X), encoded)


def test_a_large_offset_does_not_matter():
    x = np.arange(-N, N) / 1024  # exact, also after the sum
    _, encoded = learn([x])
    assert_allclose(learn([1e9 + x])[1], encoded, atol=1e-4)


def test_levels_are_indicators():
    codes = RNG.integers(0, 3, N)
    inputs, encoded = learn([codes], ["category"])
    assert_allclose(encoded, standard(codes[:, None] == np.arange(3)), atol=1e-4)
    unknown = inputs.encode(np.array([[7.0]]))
    assert_allclose(
        unknown, -encoded.mean(axis=0) + encoded.min(axis=0)[None], atol=1e-4
    )
    assert not inputs.are_numbers


def test_two_levels_are_one_input():
    codes = RNG.integers(0, 2, N)
    for kind in ("category", "number"):
        _, encoded = learn([codes], [kind])
        assert_allclose(encoded, standard(codes[:, None]), atol=1e-4)


@pytest.mark.parametrize("kind", ["number", "category"])
def test_gaps_have_an_input_and_are_neutral_else(kind):
    x = RNG.integers(0, 4, N).astype(float)
    gaps = RNG.random(N) < 0.3
    inputs, encoded = learn([np.where(gaps, np.nan, x), x], [kind, kind])
    of_first = encoded[:, inputs.feature == 0]
    assert_allclose(of_first[:, -1:], standard(gaps[:, None]), atol=1e-4)
    assert (of_first[gaps, :-1] == 0).all()
    # As if the other rows were alone; the column without gaps has no such input.
    _, alone = learn([x[~gaps]], [kind])
    assert_allclose(of_first[~gaps, :-1], alone, atol=1e-4)
    n_without = (inputs.feature == 1).sum()
    assert n_without == of_first.shape[1] - 1
    assert (inputs.encode(np.full((1, 2), np.nan))[:, inputs.feature == 1] == 0).all()


def test_dates_tell_what_repeats():
    start = pd.Timestamp("2019-05-17")
    days = RNG.uniform(0, 1200, N)
    dates = start + pd.to_timedelta(days, "D")
    zero = (start - pd.Timestamp(0)) / pd.Timedelta(days=1)
    _, encoded = learn([days], ["date"], day_zero=[zero])
    expected = [
        dates.month.to_numpy()[:, None] == np.arange(1, 13),
        dates.day_of_week.to_numpy()[:, None] == np.arange(7),
        dates.hour.to_numpy()[:, None] == np.arange(24),
    ]
    _, as_number = learn([days])
    assert_allclose(encoded[:, :4], as_number, atol=1e-4)
    assert_allclose(encoded[:, 4:], standard(np.hstack(expected)), atol=1e-3)


@pytest.mark.parametrize(
    ("span", "n_more"), [(1.5, 0), (3, 24), (13, 24), (20, 24 + 7), (700, 24 + 7)]
)
def test_dates_tell_only_what_they_cover_twice(span, n_more):
    days = np.linspace(0, span, 5000)
    _, encoded = learn([days], ["date"])
    assert encoded.shape[1] == 4 + n_more


def test_whole_days_have_no_hours():
    _, encoded = learn([RNG.integers(0, 60, N)], ["date"])
    assert encoded.shape[1] == 4 + 7


def test_columns_that_never_change_have_no_inputs():
    columns = [np.zeros(N), np.full(N, np.nan), RNG.normal(size=N), np.zeros(N)]
    inputs, encoded = learn(columns, ["number", "number", "number", "category"])
    assert set(inputs.feature) == {2}
    assert inputs.n_features == 4
    scores = inputs.scores_of_features(np.ones((2, len(inputs))))
    assert_array_equal(scores > 0, [[False, False, True, False]] * 2)
    nothing, encoded = learn(columns[:2])
    assert encoded.shape == (N, 0)
    assert_array_equal(nothing.scores_of_features(np.zeros((3, 0))), np.zeros((3, 2)))


@pytest.fixture(scope="module")
def mixed():
    gaps = RNG.random(N) < 0.2
    columns = [
        RNG.normal(size=N),
        RNG.integers(0, 5, N),
        np.where(gaps, np.nan, RNG.normal(size=N)),
        RNG.uniform(0, 900, N),
        RNG.integers(0, 2, N),
    ]
    kinds = ["number", "category", "number", "date", "number"]
    return columns, *learn(columns, kinds)


def test_some_features(mixed):
    columns, inputs, encoded = mixed
    some, position = inputs.of_features(np.array([3, 0, 2]))
    assert_array_equal(encoded[:, position], some.encode(np.column_stack(columns)))
    assert_array_equal(np.array([3, 0, 2])[some.feature], inputs.feature[position])
    few = some.on_columns(np.array([0, 2, 3]))
    assert_array_equal(
        few.encode(np.column_stack([columns[0], columns[2], columns[3]])),
        encoded[:, position],
    )


def test_a_part_counts_as_its_mean_and_a_feature_as_its_highest_part(mixed):
    _, inputs, _ = mixed
    scores = RNG.uniform(size=(2, len(inputs)))
    found = inputs.scores_of_features(scores)
    for feature, parts in enumerate([[4], [5], [4, 1], [4, 12, 7, 24], [1]]):
        of_feature = scores[:, inputs.feature == feature]
        ends = np.cumsum(parts)[:-1]
        means = [part.mean(axis=1) for part in np.split(of_feature, ends, axis=1)]
        # Noise is as high, whatever the number of parts.
        expected = np.max(means, axis=0) / len(parts) ** (1 / 6)
        assert_allclose(found[:, feature], expected)


def test_what_is_rare_counts_less():
    rare = np.zeros(N)
    rare[:5] = 1  # 1.25 % of the rows, half of 2.5 %
    inputs, _ = learn([rare, RNG.integers(0, 2, N)])
    assert_allclose(inputs.scores_of_features(np.ones(2)), [0.5, 1])


def test_one_hot_columns_are_like_the_category():
    codes = RNG.integers(0, 6, N)
    number = RNG.normal(size=N)
    inputs, encoded = learn([codes, number], ["category", "number"])
    dummies = (codes[:, None] == np.arange(6)).astype(float)
    grouped, of_group = learn([*dummies.T, number], groups=[0] * 6 + [1])
    assert_allclose(of_group, encoded, atol=1e-4)
    scores = RNG.uniform(size=len(inputs))
    assert_allclose(
        grouped.scores_of_features(scores), inputs.scores_of_features(scores)
    )


@pytest.mark.parametrize("density", [0.004, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_sparse_columns(density, weighted):
    X = scipy.sparse.random(2000, 12, density, format="csr", random_state=0)
    X.data = np.round(4 * X.data) + 1
    weight = RNG.uniform(0.5, 2, 2000) if weighted else None
    rows = np.arange(2000)
    arguments = np.full(12, "number"), np.zeros(12), np.arange(12), 4
    sparse = learn_inputs(X, rows, weight, *arguments)
    found = sparse.encode(X)
    # Each input is as many ramps of the dense column, standardised.
    dense = learn_inputs(X.toarray(), rows, weight, *arguments).encode(X.toarray())
    assert found.shape == dense.shape
    assert_allclose(found, dense, atol=1e-3)


def test_weights_are_repetitions():
    columns = [RNG.normal(size=N), RNG.integers(0, 3, N).astype(float)]
    columns[1][:40] = np.nan
    times = RNG.integers(1, 4, N)
    kinds = ["number", "category"]
    inputs, _ = learn(columns, kinds, weight=times.astype(float))
    repeated, _ = learn([np.repeat(column, times) for column in columns], kinds)
    rows = np.column_stack(columns)
    # Medians and quartiles, which bring numbers close to 0, know no weights.
    assert_allclose(inputs.encode(rows), repeated.encode(rows), atol=2e-3)


def test_terms_for_products(mixed):
    columns, inputs, encoded = mixed
    values, feature = inputs.terms(np.column_stack(columns))
    first = values[:, feature == 0]
    assert first.shape == (N, 1)
    assert np.corrcoef(first[:, 0], columns[0])[0, 1] == pytest.approx(1)
    assert_array_equal(values[:, feature == 1], encoded[:, inputs.feature == 1])
    gaps = np.isnan(columns[2])
    number, is_missing = values[:, feature == 2].T
    assert (number[gaps] == 0).all()
    assert np.corrcoef(is_missing, gaps)[0, 1] == pytest.approx(1)
