import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.model_selection import GroupKFold, ShuffleSplit, StratifiedKFold

from skviann.feature_selection._folds import Splitting, seen_rows, split_rows

X = np.zeros((40, 2))
Y = np.arange(40) % 2


def split(cv, X, y, is_classes, seeds, **params):
    return split_rows(X, y, is_classes, Splitting(cv, seeds, params)).splits


def test_an_integer_means_shuffled_stratified_folds():
    folds = split(4, X, Y, True, [3, 4])
    expected = [
        fold
        for seed in (3, 4)
        for fold in StratifiedKFold(4, shuffle=True, random_state=seed).split(X, Y)
    ]
    assert len(folds) == 8
    for fold, other in zip(folds, expected, strict=True):
        assert_array_equal(fold[0], other[0])
        assert_array_equal(fold[1], other[1])


def test_quantities_and_rare_classes_are_not_stratified():
    for y, is_classes in [(Y.astype(float), False), (np.arange(40), True)]:
        folds = split(4, X, y, is_classes, [0])
        held_out = np.sort(np.concatenate([test for _, test in folds]))
        assert_array_equal(held_out, np.arange(40))


def test_splitters_and_splits_of_ones_own():
    splitter = ShuffleSplit(3, random_state=0)
    folds = split(splitter, X, Y, True, [1, 2])
    assert len(folds) == 3
    mask = Y == 0
    ((train, test),) = split([(mask, ~mask)], X, Y, True, [0])
    assert_array_equal(train, np.arange(0, 40, 2))
    assert_array_equal(test, np.arange(1, 40, 2))


@pytest.mark.parametrize(
    ("cv", "message"),
    [
        (41, "cv=41 folds need at least as many rows, got 40"),
        ([], "at least one split"),
        ([(np.arange(40), np.arange(0))], "at least one split"),
    ],
)
def test_bad_folds(cv, message):
    with pytest.raises(ValueError, match=message):
        split(cv, X, Y, True, [0])


def test_seen_rows():
    folds = [(np.array([0, 2]), np.array([1])), (np.array([1]), np.array([0]))]
    assert_array_equal(seen_rows(folds, 3), [[True, False, True], [False, True, False]])


def test_an_integer_means_folds_of_whole_groups():
    rng = np.random.default_rng(0)
    X, groups = rng.normal(size=(400, 3)), np.repeat(rng.permutation(50), 8)
    y = groups % 5 == 0
    folds = split(4, X, y, True, [0], groups=groups)
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])
        assert_array_equal(np.sort(np.r_[train, test]), np.arange(400))
        assert 0.1 < y[test].mean() < 0.3  # stratified
    with pytest.raises(ValueError, match="at least as many groups, got 3"):
        split(4, X, y, True, [0], groups=np.arange(400) % 3)


@pytest.mark.parametrize("kind", [np.asarray, csr_array])
def test_copies_of_a_row_share_a_fold(kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5)) * (rng.random((60, 5)) < 0.8)
    X[:3, 0] = np.nan
    copied = np.r_[np.arange(60), rng.integers(0, 60, 140)]
    folds = split(4, kind(X[copied]), copied % 2, True, [0])
    for train, test in folds:
        assert not set(copied[train]) & set(copied[test])
        assert len(train) + len(test) == 200
    # A group with one of two copies has the other one, too.
    groups = np.arange(200) // 2
    for train, test in split(4, kind(X[copied]), copied % 2, True, [0]):
        assert not set(copied[train]) & set(copied[test])
        assert len(set(groups[train]) & set(groups[test])) > 0
    with pytest.raises(ValueError, match="as many groups, got 1"):
        split(4, kind(X[copied]), copied % 2, True, [0], groups=groups)


def test_rows_that_are_equal_by_chance_are_split_as_any_others():
    X = np.random.default_rng(0).integers(0, 3, (400, 4)).astype(float)
    y = (X[:, 0] > 1).astype(int)
    assert len(np.unique(X, axis=0)) == 81
    expected = StratifiedKFold(4, shuffle=True, random_state=0).split(X, y)
    for fold, other in zip(split(4, X, y, True, [0]), expected, strict=True):
        assert_array_equal(fold[1], other[1])


def test_row_numbers_beyond_the_table_and_groups_that_nobody_asks():
    with pytest.raises(ValueError, match="cv names row 40, but X has 40 rows"):
        split([(np.arange(40), np.array([40]))], X, Y, True, [0])
    with pytest.raises(ValueError, match="groups have no effect with cv given as row"):
        split([(Y == 0, Y == 1)], X, Y, True, [0], groups=Y)


def test_rows_that_tell_the_same_are_one_unit():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)), rng.integers(0, 2, 200)

    def units(cv, X, **params):
        return split_rows(X, y, True, Splitting(cv, [0], params)).unit_of_row

    assert units(4, X) is None
    copies = np.arange(200) // 2
    assert_array_equal(units(4, X[copies]), copies)
    assert_array_equal(units(4, X, groups=copies), copies)
    assert_array_equal(units(GroupKFold(4), X, groups=copies), copies)
    # Three groups do not tell how much groups differ.
    assert units(GroupKFold(3), X, groups=copies % 3) is None
