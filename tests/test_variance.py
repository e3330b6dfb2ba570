import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skviann.variance import RunningVariance, min_max_scale, sum_to_one, viann_scores


def running(arrays):
    statistics = RunningVariance()
    for values in arrays:
        statistics.update(values)
    return statistics


@pytest.mark.parametrize("shape", [(), (3,), (4, 5), (2, 3, 4, 5)])
@pytest.mark.parametrize("ddof", [0, 1])
def test_running_variance_is_numpys_variance(shape, ddof):
    arrays = np.random.default_rng(0).normal(size=(7, *shape))
    statistics = running(arrays)
    assert statistics.count == 7
    assert_allclose(statistics.mean, arrays.mean(axis=0), rtol=1e-12)
    assert_allclose(
        statistics.variance(ddof=ddof), arrays.var(axis=0, ddof=ddof), rtol=1e-12
    )


def test_running_variance_survives_a_large_mean():
    # Where the difference of the mean square and the squared mean has no digit left.
    arrays = 1e8 + np.random.default_rng(0).normal(size=(50, 3))
    assert_allclose(running(arrays).variance(), arrays.var(axis=0, ddof=1), rtol=1e-7)


def test_running_variance_computes_float32_input_in_float64():
    arrays = np.random.default_rng(0).normal(1e3, 1e-2, size=(20, 4)).astype("float32")
    expected = arrays.astype("float64").var(axis=0, ddof=1)
    assert_allclose(running(arrays).variance(), expected, rtol=1e-10)


def test_no_array_is_shared_with_the_caller():
    values = np.ones(3)
    statistics = running([values])
    first_mean = statistics.mean
    values[:] = 100
    statistics.update([3.0, 3.0, 3.0])
    assert_array_equal(first_mean, 1)
    assert_array_equal(statistics.mean, 2)


def test_shapes_must_agree():
    statistics = running([np.zeros(3)])
    with pytest.raises(ValueError, match=r"\(3,\).*\(4,\)"):
        statistics.update(np.zeros(4))
    with pytest.raises(ValueError, match=r"\(3,\).*\(1, 3\)"):
        statistics.update(np.zeros((1, 3)))  # would broadcast
    assert statistics.count == 1


@pytest.mark.parametrize(("count", "ddof"), [(0, 0), (0, 1), (1, 1)])
def test_variance_needs_more_updates_than_ddof(count, ddof):
    with pytest.raises(ValueError, match=f"got {count}"):
        running([np.zeros(2)] * count).variance(ddof=ddof)


def test_viann_scores_by_hand():
    variance = [[1.0, 2.0], [0.0, 3.0], [0.5, 0.5]]
    weights = [[1.0, -1.0], [9.0, -2.0], [-2.0, 2.0]]
    assert_allclose(viann_scores(variance, weights), [1 + 2, 0 + 6, 1 + 1])
    assert_allclose(viann_scores(variance, weights, feature_axis=1), [2, 2 + 6 + 1])
    assert_allclose(viann_scores(variance, weights, feature_axis=-1), [2, 2 + 6 + 1])


def test_viann_scores_over_several_feature_axes():
    rng = np.random.default_rng(0)
    variance, weights = rng.random((2, 3, 4, 5)), rng.normal(size=(2, 3, 4, 5))
    expected = np.einsum("ijkl,ijkl->ijk", variance, np.abs(weights))
    assert_allclose(viann_scores(variance, weights, feature_axis=(0, 1, 2)), expected)


def test_viann_scores_refuse_other_shapes():
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(3, 2\)"):
        viann_scores(np.ones((2, 3)), np.ones((3, 2)))


def test_min_max_scale():
    assert_allclose(min_max_scale([2.0, 4.0, 3.0]), [0, 1, 0.5])
    with np.errstate(all="raise"):
        assert_array_equal(min_max_scale([5.0, 5.0]), [0, 0])


def test_sum_to_one():
    assert_allclose(sum_to_one([1.0, 3.0]), [0.25, 0.75])
    with np.errstate(all="raise"):
        assert_array_equal(sum_to_one([0.0, 0.0]), [0, 0])
