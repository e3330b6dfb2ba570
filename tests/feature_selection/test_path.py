import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from skviann.feature_selection._path import (
    MAX_HELD_OUT_ROWS,
    Path,
    choose_size,
    follow_path,
    held_out_rows,
    merge_paths,
    paired_difference,
    path_of_rows,
    pool_rows,
    set_sizes,
)

rng = np.random.default_rng(0)


def test_paired_difference_is_that_of_a_paired_t_test():
    losses, others = rng.normal(size=(2, 50))
    mean, error = paired_difference(losses, others, np.ones(50))
    assert_allclose(mean / error, stats.ttest_rel(losses, others).statistic)


def test_a_weight_of_zero_leaves_a_row_out():
    losses, others = rng.normal(size=(2, 50))
    weights = np.r_[np.full(40, 2.0), np.zeros(10)]
    mean, error = paired_difference(losses, others, weights)
    without, error_without = paired_difference(losses[:40], others[:40], np.ones(40))
    assert_allclose(mean, without)
    # But for the divisor, which counts all rows.
    assert_allclose(error * np.sqrt(49 / 50), error_without * np.sqrt(39 / 40))


@pytest.mark.parametrize("n_features", [1, 5, 16, 17, 64, 65, 1000])
def test_sizes_go_on_to_all_columns(n_features):
    sizes = [0]
    while stretch := set_sizes(n_features, sizes[-1]):
        sizes += stretch
    assert sizes[-1] == n_features
    assert sizes[:17] == list(range(min(n_features, 16) + 1))
    assert (np.diff(sizes) > 0).all()
    # From 16 on, no step is larger than a quarter.
    after = np.array(sizes[16:])
    assert (np.diff(after) <= after[:-1] / 4).all()


def test_held_out_rows_are_few_of_very_many():
    few = [(np.arange(0), np.arange(100)), (np.arange(0), np.arange(100, 130))]
    assert [len(rows) for rows in held_out_rows(few)] == [100, 30]
    assert MAX_HELD_OUT_ROWS == 20_000
    many = [np.arange(40_000), np.arange(40_000, 55_000)]
    first, second = held_out_rows([(np.arange(0), rows) for rows in many])
    assert_array_equal(first, many[0][::4])
    assert_array_equal(second, many[1][::2])


HELD_OUT = [np.arange(0, 20), np.arange(20, 40)]


def losses_around(curve, sizes):
    """Losses by row with the means that a curve has, and little else."""
    means = np.array([curve(size) for size in sizes])
    return [means[:, None] + 0.01 * rng.normal(size=(len(sizes), 20)) for _ in range(2)]


def follow(curve, n_features=100, n_most=None):
    trained = []

    def path_of_sizes(sizes):
        trained.append(sizes)
        losses = losses_around(curve, sizes)
        return path_of_rows(sizes, losses, HELD_OUT, np.ones(40))

    return follow_path(path_of_sizes, n_features, n_most), trained


@pytest.mark.parametrize(
    ("best", "ends"), [(0, 16), (3, 16), (12, 64), (40, 100), (56, 100)]
)
def test_the_path_goes_on_while_that_may_help(best, ends):
    path, trained = follow(lambda size: abs(size - best))
    assert path.n_features[-1] == ends == trained[-1][-1]
    assert path.n_features[choose_size(path)] == best
    assert_array_equal(path.n_features, np.concatenate(trained))
    assert path.losses.shape == (len(path.n_features), 40)
    assert path.split_losses.shape == (2, len(path.n_features))
    assert_allclose(path.mean_losses(), path.split_losses.mean(axis=0))


def test_the_path_goes_no_further_than_asked():
    path, _ = follow(lambda size: -size, n_most=5)
    assert_array_equal(path.n_features, [0, 1, 2, 3, 4, 5])
    path, trained = follow(lambda size: -size, n_most=0)
    assert_array_equal(path.n_features, [0])
    assert trained == [[0]]
    assert choose_size(path) == 0


def test_rows_of_several_folds_count_once():
    rows = [np.arange(10), np.arange(5, 15)]
    losses = [np.array([np.full(10, 1.0)]), np.array([np.full(10, 3.0)])]
    path = path_of_rows([1], losses, rows, np.ones(15))
    assert_array_equal(path.losses[0], [1] * 5 + [2] * 5 + [3] * 5)


def test_pools_of_rows_tell_mean_and_error_of_the_rows():
    losses, others = rng.normal(size=(2, 6000))
    weights = rng.uniform(0.5, 2, 6000)
    mean, error = paired_difference(losses, others, weights)
    blocks, sums = pool_rows(np.array([losses, others]), weights, 500, seed=0)
    assert blocks.shape == (2, 500)
    of_blocks, error_of_blocks = paired_difference(*blocks, sums)
    assert_allclose(of_blocks, mean)
    assert_allclose(error_of_blocks, error, rtol=0.1)
    few, same = pool_rows(losses[:10], weights[:10], 10, seed=0)
    assert_array_equal(few, losses[:10])
    assert_array_equal(same, weights[:10])


def test_paths_of_samples_are_averaged_by_weight():
    whole = losses_around(lambda size: size, [0, 1, 2])
    path = path_of_rows([0, 1, 2], whole, HELD_OUT, np.ones(40))
    shorter = path_of_rows([0, 1], [of[:2] + 4 for of in whole], HELD_OUT, np.ones(40))
    merged = merge_paths([path, shorter], [3, 1])
    assert_array_equal(merged.n_features, [0, 1])
    assert merged.losses.shape == (2, 80)
    assert_allclose(merged.mean_losses(), path.mean_losses()[:2] + 1)
    assert_allclose(merged.split_losses, path.split_losses[:, :2] + 1)


def path_of(*losses):
    losses = np.array(losses, dtype=float)
    sizes = np.arange(len(losses))
    return Path(sizes, losses, np.ones(losses.shape[1]), losses.mean(axis=1)[None])


def test_smaller_sets_are_replaced():
    losses = np.arange(20.0).reshape(4, 5)
    path = path_of(*losses)
    others = Path(np.array([1, 2]), -losses[:2], np.ones(5), -np.ones((1, 2)))
    replaced = path.with_smaller(others)
    assert_array_equal(replaced.losses, [losses[0], *-losses[:2], losses[3]])
    assert_allclose(replaced.split_losses, [[losses[0].mean(), -1, -1, 17]])
    assert_array_equal(path.losses, losses)


def test_the_smallest_set_that_is_about_as_good_is_chosen():
    noise = np.tile([1.0, -1.0], 50)
    base = np.zeros(100)
    # The differences to the best have a standard error of about 0.1, half of it counts.
    path = path_of(base + 5, base + 1, base + 0.04 + noise, base + 0.06 + noise, base)
    assert choose_size(path) == 2
    path = path_of(base + 5, base + 1, base + 0.06 + noise, base + 0.04 + noise, base)
    assert choose_size(path) == 3
    path = path_of(base + 5, base + 1, base + 0.06 + noise, base)
    assert choose_size(path) == 3


def test_a_set_may_lose_half_a_percent_of_what_can_be_gained():
    rows = np.zeros(100)  # without an error
    assert choose_size(path_of(rows + 100, rows + 0.4, rows)) == 1
    assert choose_size(path_of(rows + 100, rows + 0.6, rows)) == 2


@pytest.mark.parametrize(("n_errors", "chosen"), [(0.4, 0), (1.5, 0), (2.5, 1)])
def test_nothing_is_chosen_unless_it_beats_a_constant_clearly(n_errors, chosen):
    noise = np.tile([1.0, -1.0], 50)  # an error of about 0.1
    path = path_of(np.full(100, 0.1 * n_errors) + noise, np.zeros(100))
    assert choose_size(path) == chosen
