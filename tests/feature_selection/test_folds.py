import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import ShuffleSplit, StratifiedKFold

from skviann.feature_selection._folds import seen_rows, split_rows

X = np.zeros((40, 2))
Y = np.arange(40) % 2


def test_an_integer_means_shuffled_stratified_folds():
    folds = split_rows(4, X, Y, True, [3, 4])
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
        folds = split_rows(4, X, y, is_classes, [0])
        held_out = np.sort(np.concatenate([test for _, test in folds]))
        assert_array_equal(held_out, np.arange(40))


def test_splitters_and_splits_of_ones_own():
    splitter = ShuffleSplit(3, random_state=0)
    folds = split_rows(splitter, X, Y, True, [1, 2])
    assert len(folds) == 3
    mask = Y == 0
    ((train, test),) = split_rows([(mask, ~mask)], X, Y, True, [0])
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
        split_rows(cv, X, Y, True, [0])


def test_seen_rows():
    folds = [(np.array([0, 2]), np.array([1])), (np.array([1]), np.array([0]))]
    assert_array_equal(seen_rows(folds, 3), [[True, False, True], [False, True, False]])
