import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.base import clone
from sklearn.linear_model import ARDRegression, Ridge

from skviann.feature_selection._sampling import (
    ConditionalSampler,
    draw_donors,
    leave_one_out,
    normal_scores,
    relevant_regression,
)
from skviann.feature_selection._significance import randomisation_pvalue


def autoregressive(n_rows, n_features, correlation, seed):
    """Standard normal columns, each correlated with its neighbours."""
    X = np.random.default_rng(seed).normal(size=(n_rows, n_features))
    for j in range(1, n_features):
        X[:, j] = correlation * X[:, j - 1] + np.sqrt(1 - correlation**2) * X[:, j]
    return X


def test_normal_scores_by_hand():
    values = np.array([3.0, -1.0, 3.0, 7.0, 0.0])
    levels, scores, shares = normal_scores(values)
    assert_array_equal(levels, [-1, 0, 3, 7])
    # Of five fifths, -1 covers the first, 0 the next, 3 two and 7 the last.
    assert_allclose(scores, stats.norm.ppf([0.1, 0.3, 0.6, 0.9]))
    assert_allclose(shares, [0.2, 0.2, 0.4, 0.2])


def test_leave_one_out_leaves_each_row_out():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4))
    y = X @ [1, 0, -1, 2] + rng.normal(size=30)
    X, y = X - X.mean(axis=0), y - y.mean()
    penalties = np.array([0.1, 1, 5, 0])
    covariance = np.linalg.inv(X.T @ X + np.diag(penalties))
    predictions = leave_one_out(X, y, covariance @ X.T @ y, covariance)
    # Ridge regression by least squares on rows with a column of ones for the intercept.
    design = np.vstack(
        [np.c_[np.ones(30), X], np.c_[np.zeros(4), np.diag(np.sqrt(penalties))]]
    )
    target = np.r_[y, np.zeros(4)]
    for row in range(30):
        others = np.arange(34) != row
        solution = np.linalg.lstsq(design[others], target[others], rcond=None)[0]
        assert_allclose(predictions[row], design[row] @ solution, rtol=1e-8)


def test_relevant_regression_finds_what_sklearn_finds():
    X = autoregressive(200, 12, 0.7, seed=0)
    y = X[:, 2] - 0.5 * X[:, 3] + 0.5 * np.random.default_rng(1).normal(size=200)
    X, y = X - X.mean(axis=0), y - y.mean()
    kept, coefficients, _ = relevant_regression(X.T @ X, X.T @ y, y @ y, 200)
    ours = np.zeros(12)
    ours[kept] = coefficients
    assert_allclose(ours, ARDRegression(fit_intercept=False).fit(X, y).coef_, atol=0.05)
    assert {2, 3} <= set(kept)
    assert len(kept) < 12


def test_relevant_regression_of_noise_is_flatter_than_least_squares():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 20)), rng.normal(size=300)
    _, coefficients, _ = relevant_regression(X.T @ X, X.T @ y, y @ y, 300)
    least_squares = np.linalg.lstsq(X, y, rcond=None)[0]
    assert np.linalg.norm(coefficients) < 0.8 * np.linalg.norm(least_squares)


def test_donors_are_the_nearest():
    rng = np.random.default_rng(0)
    train, new = rng.normal(size=50), 2 * rng.normal(size=20)
    donors = draw_donors(train, new, 4, 200, np.random.RandomState(0))
    for row in range(20):
        nearest = np.argsort(np.abs(train - new[row]))[:4]
        assert set(donors[:, row]) == set(nearest)


def test_donors_with_the_same_prediction_are_all_drawn():
    train = np.repeat([0.0, 1.0], 20)
    donors = draw_donors(train, np.array([0.0, 1.0]), 3, 500, np.random.RandomState(0))
    assert set(donors[:, 0]) == set(range(20))
    assert set(donors[:, 1]) == set(range(20, 40))


def test_draws_follow_the_conditional_normal_distribution():
    n_features, column = 6, 2
    indices = np.arange(n_features)
    covariance = 0.8 ** np.abs(indices[:, None] - indices)
    precision = np.linalg.inv(covariance)
    X = autoregressive(3000, n_features, 0.8, seed=0)
    new = autoregressive(400, n_features, 0.8, seed=1)
    draws = ConditionalSampler().fit(X).sample(new, column, 50, random_state=0)
    others = indices != column
    means = -new[:, others] @ precision[column, others] / precision[column, column]
    standardised = (draws - means) * np.sqrt(precision[column, column])
    assert_allclose(standardised.mean(), 0, atol=0.05)
    assert_allclose(standardised.std(), 1, atol=0.05)
    # In each row, not only on average: 50 draws alone make it 0.14.
    assert np.sqrt(np.mean(standardised.mean(axis=0) ** 2)) < 0.2
    # And the draws are as correlated with the neighbours as the column is.
    assert_allclose(np.corrcoef(draws[0], new[:, 1])[0, 1], 0.8, atol=0.06)


def test_own_values_play_no_part():
    X = autoregressive(200, 5, 0.7, seed=0)
    sampler = ConditionalSampler().fit(X[:150])
    changed = X[150:].copy()
    changed[:, 3] = -99
    assert_array_equal(
        sampler.sample(X[150:], 3, 5, random_state=0),
        sampler.sample(changed, 3, 5, random_state=0),
    )


def test_spread_follows_the_prediction():
    # Residuals grow with the other column.
    rng = np.random.default_rng(0)
    x = rng.uniform(size=2000)
    X = np.c_[3 * x + x * rng.normal(size=2000), x]
    draws = ConditionalSampler().fit(X).sample([[0, 0.2], [0, 0.8]], 0, 2000, 0)
    assert_allclose(draws.std(axis=0), [0.2, 0.8], rtol=0.3)


def test_a_valley_is_followed_on_both_sides():
    rng = np.random.default_rng(0)
    x = rng.normal(size=1000)
    X = np.c_[x**2 + 0.3 * rng.normal(size=1000), x]
    draws = ConditionalSampler().fit(X).sample([[0, -2], [0, 0], [0, 2]], 0, 500, 0)
    assert_allclose(draws.mean(axis=0), [4, 0, 4], atol=0.7)


def test_jumps_are_followed():
    rng = np.random.default_rng(0)
    x, other = rng.normal(size=(2, 2000))
    jumps = 2.0 * (x > -0.5) - 3.0 * (x > 0.8)
    X = np.c_[jumps + 0.3 * rng.normal(size=2000), x, other]
    rows = np.array([-2, -0.8, -0.2, 0.3, 1.2, 2])
    table = np.c_[np.zeros(6), rows, rng.normal(size=6)]
    draws = ConditionalSampler().fit(X).sample(table, 0, 2000, random_state=0)
    assert_allclose(draws.mean(axis=0), [0, 0, 2, 2, -1, -1], atol=0.25)
    assert_allclose(draws.std(axis=0), 0.3, atol=0.15)


def test_spread_that_the_prediction_does_not_tell_is_followed():
    rng = np.random.default_rng(0)
    x, other = rng.normal(size=(2, 2000))
    X = np.c_[np.exp(x) * rng.normal(size=2000), x, other]
    table = [[0, -1, 0], [0, 0, 0], [0, 1, 0]]
    draws = ConditionalSampler().fit(X).sample(table, 0, 4000, random_state=0)
    assert_allclose(np.median(draws, axis=0), 0, atol=0.15)
    quartiles = np.quantile(draws, [0.25, 0.75], axis=0)
    of_normal = 2 * stats.norm.ppf(0.75)
    assert_allclose(np.diff(quartiles, axis=0)[0] / of_normal, np.exp([-1, 0, 1]), 0.3)


@pytest.mark.parametrize("as_category", [False, True])
def test_a_binary_column_follows_a_step(as_category):
    rng = np.random.default_rng(0)
    x = rng.normal(size=2000)
    is_likely = (x > 0.5) ^ (x > 1.5)
    X = np.c_[rng.random(2000) < np.where(is_likely, 0.9, 0.1), x]
    categories = [0] if as_category else None
    sampler = ConditionalSampler().fit(X, categorical_features=categories)
    table = np.c_[np.zeros(4), [-1, 0.3, 1.0, 2.0]]
    draws = sampler.sample(table, 0, 500, random_state=0)
    assert_allclose(draws.mean(axis=0), [0.1, 0.1, 0.9, 0.1], atol=0.15)


def test_a_gap_is_on_neither_side_of_a_step():
    rng = np.random.default_rng(0)
    x = rng.normal(size=3000)
    X = np.c_[(x > 0) + 0.1 * rng.normal(size=3000), x]
    table = [[0, np.nan], [0, -0.5], [0, 0.5]]
    draws = ConditionalSampler().fit(X).sample(table, 0, 1000, random_state=0)
    assert_allclose(draws.mean(axis=0), [0.5, 0, 1], atol=0.15)


@pytest.mark.parametrize("slope", [0, 1, 3])
def test_binary_draws_have_the_conditional_probability(slope):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2500, 3))
    probability = 1 / (1 + np.exp(-slope * X[:, 1]))
    X[:, 0] = rng.uniform(size=2500) < probability
    draws = ConditionalSampler().fit(X[:2000]).sample(X[2000:], 0, 200, 0)
    assert set(np.unique(draws)) == {0, 1}
    error = draws.mean(axis=0) - probability[2000:]
    assert abs(error.mean()) < 0.04
    assert np.sqrt(np.mean(error**2)) < 0.2


def test_counts_stay_counts_and_keep_their_distribution():
    latent = autoregressive(1200, 4, 0.8, seed=0)
    for mean in (2, 60):
        X = stats.poisson.ppf(stats.norm.cdf(latent), mean)
        draws = ConditionalSampler().fit(X[:1000]).sample(X[1000:], 1, 20, 0)
        assert_array_equal(draws, np.round(draws))
        assert_allclose(draws.mean(), X[1000:, 1].mean(), rtol=0.1)
        correlation = np.corrcoef(X[1000:, 1], X[1000:, 0])[0, 1]
        drawn = np.corrcoef(draws.ravel(), np.tile(X[1000:, 0], 20))[0, 1]
        assert_allclose(drawn, correlation, atol=0.1)


def test_a_column_that_others_determine_is_drawn_as_it_is():
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(300, 2))
    dummies = np.eye(3)[rng.integers(3, size=300)]
    X = np.c_[numbers, numbers[:, 0], np.exp(numbers[:, 1]), dummies]
    sampler = ConditionalSampler().fit(X[:250])
    within = np.all(np.abs(X[250:, :2]) < 1.5, axis=1)
    new = X[250:][within]
    for column in (0, 2, 4, 5, 6):
        draws = sampler.sample(new, column, 10, random_state=0)
        assert_allclose(draws, np.tile(new[:, column], (10, 1)), atol=0.05)


def test_nearly_collinear_columns_keep_their_correlation():
    X = autoregressive(600, 8, 0.99, seed=0)
    draws = ConditionalSampler().fit(X[:450]).sample(X[450:], 3, 30, random_state=0)
    error = draws - X[450:, 3]
    assert 0.1 < np.sqrt(np.mean(error**2)) < 0.2  # sqrt(2) * 0.1, and a little


def awkward_tables():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(60, 4))
    tables = {
        "constant": np.ones((60, 3)),
        "one column": z[:, :1],
        "duplicates": np.repeat(z, 3, axis=1),
        "duplicates and constants": np.c_[z, z, np.full((60, 2), 7.0)],
        "more columns than rows": rng.normal(size=(60, 200)),
        "binary": (z > 0).astype(float),
        "one positive": np.c_[np.eye(60)[:, :2], z],
        "huge and tiny": z * [1e12, 1e-12, 1, 1] + [0, 0, 1e8, 0],
        "heavy tails": z**9,
        "mostly zero": np.where(z > 1.5, z, 0),
        "one-hot": np.eye(4)[rng.integers(4, size=60)],
        "integers": np.round(30 * z),
    }
    return [pytest.param(table, id=name) for name, table in tables.items()]


@pytest.mark.parametrize("X", awkward_tables())
@pytest.mark.parametrize("n_train", [1, 2, 5, 45])
def test_awkward_tables(X, n_train):
    sampler = ConditionalSampler()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sampler.fit(X[:n_train]) is sampler
        for column in range(min(X.shape[1], 12)):
            draws = sampler.sample(X[45:], column, 4, random_state=0)
            train = X[:n_train, column]
            assert draws.shape == (4, 15)
            assert np.all((train.min() <= draws) & (draws <= train.max()))


def test_repeatable_and_leaves_its_data_alone():
    X = autoregressive(100, 3, 0.5, seed=0)
    copy = X.copy()
    state = np.random.get_state()[1].copy()
    sampler = clone(ConditionalSampler()).fit(X)
    draws = sampler.sample(X, 1, 7, random_state=3)
    assert_array_equal(draws, sampler.sample(X, 1, 7, random_state=3))
    assert not np.array_equal(draws, sampler.sample(X, 1, 7, random_state=4))
    assert_array_equal(X, copy)
    assert_array_equal(np.random.get_state()[1], state)


def test_mistakes():
    X = autoregressive(50, 3, 0.5, seed=0)
    sampler = ConditionalSampler().fit(X)
    with pytest.raises(ValueError, match="column == 3, must be <= 2"):
        sampler.sample(X, 3)
    with pytest.raises(ValueError, match="n_draws == 0, must be >= 1"):
        sampler.sample(X, 0, n_draws=0)
    with pytest.raises(ValueError, match="X has 2 features"):
        sampler.sample(X[:, :2], 0)
    with pytest.raises(ValueError, match="infinity"):
        sampler.fit(np.where(X > 1, np.inf, X))
    for wanted in ([3], [-1], [0.5], [True], [[0]]):
        with pytest.raises(ValueError, match="numbers or a mask of the 3 columns"):
            sampler.fit(X, categorical_features=wanted)
    with pytest.raises(ValueError, match="Column 1 .* whole numbers from 0"):
        sampler.fit(X, categorical_features=[1])


def test_useless_column_is_significant_as_often_as_it_should_be():
    # A ridge regression relies on the neighbours of the only column that matters.
    pvalues = []
    for seed in range(60):
        X = autoregressive(300, 16, 0.7, seed=seed)
        y = 2 * X[:, 4] + np.random.default_rng([seed, 1]).normal(size=300)
        model = Ridge(alpha=50).fit(X[:225], y[:225])
        sampler = ConditionalSampler().fit(X[:225])
        original = (y[225:] - model.predict(X[225:])) ** 2
        for column in (3, 5):
            draws = sampler.sample(X[225:], column, 30, random_state=seed)
            change = (draws - X[225:, column]) * model.coef_[column]
            resampled = (y[225:] - model.predict(X[225:]) - change) ** 2
            pvalues.append(randomisation_pvalue(original, resampled))
    assert np.mean(np.array(pvalues) <= 0.1) < 0.16


@pytest.mark.parametrize("kind", ["jump", "spread"])
def test_what_is_no_line_is_significant_as_often_as_it_should_be(kind):
    # A linear model relies on what a useless column tells of the one that matters.
    pvalues = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        x, useless, noise = rng.normal(size=(3, 300))
        if kind == "jump":
            useless = (x > 0.3) + 0.4 * useless
            y = (x > 0.3) + 0.5 * noise
        else:
            useless = np.exp(x) * useless
            y = x + noise
        X = np.c_[x, useless]

        def inputs(table, kind=kind):
            told = np.log(np.abs(table[:, 1])) if kind == "spread" else table[:, 1]
            return np.c_[table[:, 0], told]

        model = Ridge(alpha=50).fit(inputs(X[:225]), y[:225])
        draws = ConditionalSampler().fit(X[:225]).sample(X[225:], 1, 30, seed)
        original = (y[225:] - model.predict(inputs(X[225:]))) ** 2
        resampled = [
            (y[225:] - model.predict(inputs(np.c_[X[225:, 0], draw]))) ** 2
            for draw in draws
        ]
        pvalues.append(randomisation_pvalue(original, resampled))
    assert np.mean(np.array(pvalues) <= 0.1) < 0.2


# Categories and gaps


def with_levels(n_rows, seed):
    """A number, a category that depends on it, and one that depends on nothing.

    P(level | number) is a softmax of (2, 0, -2) times the number.
    """
    rng = np.random.default_rng(seed)
    number = rng.normal(size=n_rows)
    scores = np.exp(np.outer(number, [2, 0, -2]))
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    steps = probabilities.cumsum(axis=1)[:, :2]
    level = (rng.random(n_rows)[:, None] >= steps).sum(axis=1)
    X = np.column_stack(
        [number, level, rng.integers(0, 4, n_rows), rng.normal(size=n_rows)]
    )
    return X, probabilities


def shares(draws, n_levels):
    return np.mean(draws[..., None] == np.arange(n_levels), axis=0)


def test_levels_are_drawn_with_their_probabilities():
    X, _ = with_levels(3000, 0)
    new, probabilities = with_levels(200, 1)
    sampler = ConditionalSampler().fit(X, categorical_features=[1, 2])
    draws = sampler.sample(new, 1, 500, random_state=0)
    assert draws.shape == (500, 200)
    assert np.abs(shares(draws, 3) - probabilities).mean() < 0.03
    # What depends on nothing is drawn with the shares of the levels.
    draws = sampler.sample(new, 2, 500, random_state=0)
    frequencies = np.bincount(X[:, 2].astype(int)) / 3000
    assert_allclose(shares(draws, 4), np.tile(frequencies, (200, 1)), atol=0.12)
    assert_allclose(shares(draws.ravel(), 4), frequencies, atol=0.01)


def test_a_number_follows_a_level():
    rng = np.random.default_rng(0)
    level = rng.integers(0, 3, 2000)
    means = np.array([3.0, -1.0, 0.0])
    X = np.column_stack([means[level] + 0.5 * rng.normal(size=2000), level])
    sampler = ConditionalSampler().fit(X, categorical_features=[False, True])
    rows = np.column_stack([np.zeros(3), np.arange(3)])
    draws = sampler.sample(rows, 0, 2000, random_state=0)
    assert_allclose(draws.mean(axis=0), means, atol=0.2)
    assert_allclose(draws.std(axis=0), 0.5, atol=0.15)
    # A code that was not there is no level at all.
    unknown = sampler.sample([[0.0, 7.0]], 0, 2000, random_state=0)
    assert means.min() < unknown.mean() < means.max()


def test_gaps_are_drawn_with_their_probability():
    rng = np.random.default_rng(0)
    cause, other = rng.normal(size=(2, 4000))
    probability = 1 / (1 + np.exp(-2 * cause))
    value = 0.8 * other + 0.6 * rng.normal(size=4000)
    X = np.column_stack(
        [np.where(rng.random(4000) < probability, np.nan, value), cause, other]
    )
    sampler = ConditionalSampler().fit(X[:3000])
    draws = sampler.sample(X[3000:], 0, 300, random_state=0)
    is_missing = np.isnan(draws)
    assert np.abs(is_missing.mean(axis=0) - probability[3000:]).mean() < 0.03
    # Where it is there, it follows the other column.
    rows = np.array([[0.0, -1.0, 1.0]])
    there = sampler.sample(rows, 0, 4000, random_state=0)
    there = there[~np.isnan(there)]
    assert there.mean() == pytest.approx(0.8, abs=0.1)
    assert there.std() == pytest.approx(0.6, abs=0.1)
    # A gap in what predicts is neutral.
    neutral = sampler.sample([[0.0, -1.0, np.nan]], 0, 4000, random_state=0)
    assert np.nanmean(neutral) == pytest.approx(0, abs=0.15)


def test_names_of_codes_do_not_matter():
    X, _ = with_levels(400, 0)
    renamed = X.copy()
    renamed[:, 1] = np.array([2, 0, 1])[X[:, 1].astype(int)]
    for column in (0, 2, 3):
        draws = [
            ConditionalSampler()
            .fit(table[:300], categorical_features=[1, 2])
            .sample(table[300:], column, 5, random_state=0)
            for table in (X, renamed)
        ]
        assert_allclose(draws[0], draws[1], atol=0.2)


def test_columns_with_nothing_or_one_value():
    rng = np.random.default_rng(0)
    X = np.column_stack([np.full(50, np.nan), np.ones(50), rng.normal(size=50)])
    X[:10, 1] = np.nan
    sampler = ConditionalSampler().fit(X, categorical_features=[1])
    assert np.isnan(sampler.sample(X, 0, 3, random_state=0)).all()
    draws = sampler.sample(X, 1, 200, random_state=0)
    assert set(np.unique(draws[~np.isnan(draws)])) == {1}
    assert np.isnan(draws).mean() == pytest.approx(0.2, abs=0.05)
    assert np.isfinite(sampler.sample(X, 2, 3, random_state=0)).all()


@pytest.mark.parametrize("kind", ["level", "gaps"])
def test_useless_categories_are_significant_as_often_as_they_should_be(kind):
    # A linear model relies on a category, or on gaps, beside the number that matters.
    pvalues = []
    for seed in range(60):
        X, _ = with_levels(300, seed)
        rng = np.random.default_rng([seed, 1])
        if kind == "gaps":
            X[rng.random(300) < 1 / (1 + np.exp(-2 * X[:, 0])), 3] = np.nan
        y = 2 * X[:, 0] + rng.normal(size=300)
        column, categories = (1, [1, 2]) if kind == "level" else (3, [1, 2])

        def inputs(table, kind=kind):
            if kind == "level":
                return np.column_stack([table[..., 0], table[..., 1] == 0])
            return np.column_stack([table[..., 0], np.isnan(table[..., 3])])

        model = Ridge(alpha=100).fit(inputs(X[:225]), y[:225])
        sampler = ConditionalSampler().fit(X[:225], categorical_features=categories)
        draws = sampler.sample(X[225:], column, 30, random_state=seed)
        original = (y[225:] - model.predict(inputs(X[225:]))) ** 2
        resampled = []
        for draw in draws:
            table = X[225:].copy()
            table[:, column] = draw
            resampled.append((y[225:] - model.predict(inputs(table))) ** 2)
        pvalues.append(randomisation_pvalue(original, resampled))
    n_small = int((np.array(pvalues) < 0.1).sum())
    assert stats.binomtest(n_small, 60, 0.1, alternative="greater").pvalue > 0.01
