"""A selection that goes from chunk to chunk of rows."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skviann import (
    DeepFeatureSelectionClassifier,
    VIANNClassifier,
    VIANNRegressor,
    VIANNSelector,
)

N, D = 600, 6


def make_chunk(number):
    X = np.random.default_rng(number).normal(size=(N, D))
    return X, (X[:, 1] + X[:, 4] > 0).astype(int)


CHUNKS = [make_chunk(number) for number in range(3)]


@pytest.fixture(scope="module")
def fitted():
    return VIANNSelector(n_repeats=1, random_state=0).fit(*CHUNKS[0])


@pytest.fixture(scope="module")
def stream():
    """The selector after each chunk."""
    selector, after = VIANNSelector(random_state=0), []
    for chunk in CHUNKS:
        after.append(copy.deepcopy(selector.partial_fit(*chunk)))
    return after


def test_first_chunk_is_a_fit(stream, fitted):
    assert_array_equal(stream[0].importances_, fitted.importances_)
    assert_array_equal(stream[0].get_support(), fitted.get_support())
    for name, values in fitted.cv_results_.items():
        assert_allclose(stream[0].cv_results_[name], values, err_msg=name)


def test_importances_and_losses_are_means_over_chunks(stream):
    """Each chunk by itself is a first chunk with bins of the first and its own seed."""
    so_far = [selector.importances_ for selector in stream]
    results = [selector.cv_results_["mean_test_score"] for selector in stream]
    # What is added by the second and third chunk is a selection of its own.
    for values in (so_far, results):
        second = 2 * values[1] - values[0]
        third = 3 * values[2] - 2 * values[1]
        assert not np.allclose(second, third)
    third = 3 * so_far[2] - 2 * so_far[1]
    assert (third > -1e-9).all()
    assert_allclose(third.mean(axis=0).sum(), 1)
    assert_array_equal(third.mean(axis=0).argsort()[-2:], [1, 4])
    assert_array_equal(stream[2].get_support(indices=True), [1, 4])


def test_losses_by_row_are_those_of_all_chunks(stream, fitted):
    error = stream[2].cv_results_["std_error"][0]
    alone = fitted.cv_results_["std_error"][0]
    assert_allclose(error, alone / np.sqrt(3), rtol=0.2)


def test_the_network_is_one_that_goes_on(stream):
    selector = stream[2]
    network = VIANNClassifier(random_state=selector.estimator_.random_state)
    for chunk in CHUNKS:
        network.partial_fit(*chunk)
    X, y = make_chunk(99)
    assert_array_equal(selector.estimator_.predict_proba(X), network.predict_proba(X))
    assert network.score(X, y) > 0.9


def test_chunks_weigh_as_much_as_their_rows(stream, fitted):
    weighted = copy.deepcopy(stream[0])
    weighted.partial_fit(*CHUNKS[1], sample_weight=np.full(N, 3.0))
    first = fitted.importances_
    second = 2 * stream[1].importances_ - first
    assert_allclose(weighted.importances_, (first + 3 * second) / 4, atol=1e-6)


def test_a_pickled_stream_goes_on_as_it_would_have(stream):
    copied = pickle.loads(pickle.dumps(stream[0])).partial_fit(*CHUNKS[1])
    assert_array_equal(copied.importances_, stream[1].importances_)


def test_a_table_whose_levels_come_later():
    def chunk(levels, seed):
        rng = np.random.default_rng(seed)
        table = pd.DataFrame({"level": rng.choice(levels, N), "x": rng.normal(size=N)})
        return table, (table.level == "a") + 0.1 * rng.normal(size=N)

    selector = VIANNSelector(random_state=0)
    selector.partial_fit(*chunk(["a", "b"], 0)).partial_fit(*chunk(["a", "c"], 1))
    assert_array_equal(selector.get_feature_names_out(), ["level"])
    with pytest.raises(ValueError, match="feature"):
        selector.partial_fit(chunk(["a"], 2)[0].rename(columns={"x": "z"}), np.ones(N))


def test_an_estimator_that_was_adapted_keeps_its_bins():
    everything = np.concatenate([X for X, _ in CHUNKS])
    network = VIANNRegressor(random_state=0).adapt(everything, everything[:, 0])
    selector = VIANNSelector(network).partial_fit(CHUNKS[0][0], CHUNKS[0][0][:, 0])
    assert_allclose(
        selector.estimator_.scaler_.center_, np.median(everything, axis=0), atol=1e-6
    )
    assert not hasattr(network, "feature_importances_")


def test_classes_of_later_chunks():
    X, y = CHUNKS[0]
    is_one = y == 1
    selector = VIANNSelector(random_state=0, threshold="mean")
    selector.partial_fit(X[is_one], y[is_one], classes=[0, 1]).partial_fit(*CHUNKS[1])
    assert_array_equal(selector.estimator_.classes_, [0, 1])
    with pytest.raises(ValueError, match="none of the classes known"):
        selector.partial_fit(X, y + 1)


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        (VIANNSelector(threshold="fdr"), "threshold='fdr'"),
        (
            VIANNSelector(DeepFeatureSelectionClassifier()),
            "VIANNRegressor or VIANNSurvival",
        ),
    ],
)
def test_some_cannot_go_on(selector, message):
    assert not hasattr(selector, "partial_fit")
    with pytest.raises(AttributeError, match="partial_fit") as raised:
        selector.partial_fit(*CHUNKS[0])
    assert message in str(raised.value.__cause__)


def test_a_fit_and_a_stream_forget_each_other(fitted):
    streamed = VIANNSelector(n_repeats=1, random_state=0).partial_fit(*CHUNKS[1])
    again = copy.deepcopy(fitted).partial_fit(*CHUNKS[1])
    assert_array_equal(again.importances_, streamed.importances_)
    streamed.fit(*CHUNKS[0])
    assert_array_equal(streamed.importances_, fitted.importances_)


def test_classes_of_a_quantity_are_refused():
    X, _ = CHUNKS[0]
    with pytest.raises(ValueError, match="y is a quantity"):
        VIANNSelector().partial_fit(X, X[:, 0], classes=[0, 1])


def test_integers_with_classes_are_no_quantity():
    X = CHUNKS[0][0]
    y = np.digitize(X[:, 1], np.linspace(-2, 2, 24))  # 25 values, some of them rare
    selector = VIANNSelector(max_features=1, random_state=0)
    with pytest.raises(ValueError, match="may be a quantity or class labels"):
        selector.partial_fit(X, y)
    selector.partial_fit(X, y, classes=np.arange(25))
    assert_array_equal(selector.estimator_.classes_, np.arange(25))


def test_row_numbers_that_a_shorter_chunk_lacks():
    folds = [
        (np.arange(0, 300), np.arange(300, N)),
        (np.arange(300, N), np.arange(300)),
    ]
    selector = VIANNSelector(cv=folds, random_state=0).partial_fit(*CHUNKS[0])
    before = selector.importances_
    X, y = CHUNKS[1]
    with pytest.raises(ValueError, match="cv names row 400, but X has 400 rows"):
        selector.partial_fit(X[:400], y[:400])
    assert_array_equal(selector.importances_, before)
