"""Times to an event, against Cox's likelihood written out and scikit-survival."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from conftest import FAST
from skviann import VIANNClassifier, VIANNRegressor, VIANNSurvival
from skviann._survival import concordance_index, martingale_residuals, partial_losses
from skviann._target import TIMES, read_target
from skviann.feature_selection._path import paired_difference
from skviann.inspection import permutation_importance

rng = np.random.default_rng(0)
N = 240
X = rng.normal(size=(N, 4))
HAPPENED = rng.exponential(np.exp(-X[:, 0] + 0.5 * X[:, 1]))
LAST_SEEN = rng.exponential(size=N)
EVENT = HAPPENED <= LAST_SEEN
TIME = np.minimum(HAPPENED, LAST_SEEN).round(1)  # with ties
WEIGHTS = rng.integers(0, 3, N).astype(float)


def as_structured(event, time, names=("event", "time")):
    kinds = {"b": bool, "f": float}
    parts = [np.asarray(event), np.asarray(time)]
    dtype = [(name, kinds[p.dtype.kind]) for name, p in zip(names, parts, strict=True)]
    y = np.empty(len(parts[0]), dtype=dtype)
    for name, part in zip(names, parts, strict=True):
        y[name] = part
    return y


Y = as_structured(EVENT, TIME)


def minus_log_likelihood(outputs, event, time, weights):
    """Cox's, with Breslow's ties, as in a textbook."""
    total = 0.0
    for i in np.flatnonzero(event):
        at_risk = time >= time[i]
        sum_at_risk = np.sum(weights[at_risk] * np.exp(outputs[at_risk]))
        total += weights[i] * (np.log(sum_at_risk) - outputs[i])
    return total


def test_losses_add_up_to_the_partial_likelihood():
    outputs = rng.normal(size=(2, 3, N))
    losses = partial_losses(TIME, EVENT, outputs, WEIGHTS)
    assert losses.shape == (2, 3, N)
    for found, of_one in zip(losses.reshape(6, N), outputs.reshape(6, N), strict=True):
        expected = minus_log_likelihood(of_one, EVENT, TIME, WEIGHTS)
        assert_allclose(found @ WEIGHTS, expected)
    # Up to a constant the outputs are the same.
    assert_allclose(partial_losses(TIME, EVENT, outputs + 800, WEIGHTS), losses)


def test_martingale_residuals_are_events_less_nelson_and_aalens_hazard():
    expected = [
        EVENT[i]
        - sum(
            WEIGHTS[j] / WEIGHTS[TIME[j] <= TIME].sum()
            for j in np.flatnonzero(EVENT)
            if TIME[j] <= TIME[i] and WEIGHTS[j]
        )
        for i in range(N)
    ]
    residuals = martingale_residuals(TIME, EVENT, WEIGHTS)
    assert_allclose(residuals, expected)
    assert_allclose(residuals @ WEIGHTS, 0, atol=1e-9)


def test_the_standard_error_is_how_much_the_difference_varies():
    differences, errors = [], []
    for seed in range(800):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(200, 2))
        happened = rng.exponential(np.exp(-x[:, 0] - 0.5 * x[:, 1]))
        last_seen = rng.exponential(size=200)
        time, event = np.minimum(happened, last_seen), happened <= last_seen
        losses = [
            partial_losses(time, event, outputs, np.ones(200))
            for outputs in (x[:, 0] + 0.5 * x[:, 1], 0.8 * x[:, 0])
        ]
        mean, error = paired_difference(*losses, np.ones(200))
        differences.append(mean)
        errors.append(error)
    assert 0.92 < np.mean(errors) / np.std(differences) < 1.04


def test_concordance_is_that_of_all_pairs():
    risks = X[:, 0].round(1)
    right = total = 0.0
    for i in range(N):
        for j in range(N):
            same = TIME[i] == TIME[j] and not EVENT[j]
            if EVENT[i] and (TIME[i] < TIME[j] or same):
                pair = WEIGHTS[i] * WEIGHTS[j]
                total += pair
                right += pair * ((risks[i] > risks[j]) + 0.5 * (risks[i] == risks[j]))
    assert_allclose(concordance_index(EVENT, TIME, risks, WEIGHTS), right / total)
    with pytest.raises(ValueError, match="no such pair"):
        concordance_index(np.zeros(3, bool), np.arange(3), np.arange(3))


def test_concordance_is_scikit_survivals():
    metrics = pytest.importorskip("sksurv.metrics")
    risks = X[:, 0].round(1)
    expected = metrics.concordance_index_censored(EVENT, TIME, risks)[0]
    assert_allclose(concordance_index(EVENT, TIME, risks), expected)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_a_linear_network_is_coxs_regression(weights):
    network = VIANNSurvival(
        (),
        n_members=1,
        n_bins=1,
        learning_rate=0.01,
        batch_size=N,
        epochs=500,
        random_state=0,
    ).fit(X, Y, sample_weight=weights)
    w = np.ones(N) if weights is None else weights
    mean = np.average(X, axis=0, weights=w)
    scaled = (X - mean) / np.sqrt(np.average((X - mean) ** 2, axis=0, weights=w))

    def objective(coefficients):
        loss = minus_log_likelihood(scaled @ coefficients, EVENT, TIME, w)
        penalty = 1e-3 * coefficients @ coefficients
        return loss / (w @ EVENT) + penalty

    coefficients = minimize(objective, np.zeros(4)).x
    predicted = network.predict(X)
    expected = scaled @ coefficients
    assert_allclose(predicted - predicted.mean(), expected - expected.mean(), atol=0.01)
    of_keras = network.model_.predict(network.scaler_.transform(X), verbose=0)[:, 0]
    assert_allclose(of_keras, predicted, atol=1e-4)
    # The loss of the last step, in the same unit up to the weights' sum.
    loss = objective(coefficients) - 1e-3 * coefficients @ coefficients
    loss -= np.log(w.sum() / np.count_nonzero(w))
    assert_allclose(network.history_["loss"][-1], loss, atol=1e-3)


def test_it_predicts_as_well_as_coxs_regression():
    linear = pytest.importorskip("sksurv.linear_model")
    rng = np.random.default_rng(1)
    new = rng.normal(size=(500, 4))
    happened = rng.exponential(np.exp(-new[:, 0] + 0.5 * new[:, 1]))
    of_new = as_structured(np.ones(500, bool), happened)
    theirs = linear.CoxPHSurvivalAnalysis().fit(X, Y).score(new, of_new)
    ours = VIANNSurvival(random_state=0).fit(X, Y).score(new, of_new)
    assert theirs > 0.7
    assert ours > theirs - 0.03


@pytest.fixture(scope="module")
def fitted():
    return VIANNSurvival(**FAST | {"batch_size": 60}, random_state=0).fit(X, Y)


def test_what_it_tells(fitted):
    assert_array_equal(np.argsort(fitted.feature_importances_)[::-1][:2], [0, 1])
    risks = fitted.predict(X)
    assert risks.shape == (N,)
    assert np.corrcoef(risks, X[:, 0] - 0.5 * X[:, 1])[0, 1] > 0.8
    assert_allclose(fitted.score(X, Y), concordance_index(EVENT, TIME, risks))
    weighted = concordance_index(EVENT, TIME, risks, WEIGHTS)
    assert_allclose(fitted.score(X, Y, WEIGHTS), weighted)
    assert cross_val_score(fitted, X, Y, cv=2).min() > 0.65
    falls = permutation_importance(fitted, X, Y, random_state=0).importances_mean
    assert_array_equal(np.argsort(falls)[::-1][:2], [0, 1])


FORMS = {
    "time first": as_structured(TIME, EVENT, ("months", "death")),
    "pandas": pd.DataFrame({"death": EVENT, "months": TIME}),
    "pandas, time first": pd.DataFrame({"months": TIME, "death": EVENT}),
    "nullable": pd.DataFrame({"death": EVENT, "months": TIME}).convert_dtypes(),
    "polars": pl.DataFrame({"death": EVENT, "months": TIME}),
    "zeros and ones": pd.DataFrame({"death": EVENT.astype(int), "months": TIME}),
    "array": np.column_stack([EVENT, TIME]),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_the_target(fitted, form):
    again = clone(fitted).fit(X, FORMS[form])
    assert_array_equal(again.predict(X), fitted.predict(X))


def test_rows_without_weight_do_not_count(fitted):
    kept = WEIGHTS > 0
    y = Y.copy()
    y["time"][~kept] = 1000
    weighted = clone(fitted).fit(X, y, sample_weight=WEIGHTS)
    expected = clone(fitted).fit(X[kept], Y[kept], sample_weight=WEIGHTS[kept])
    assert_array_equal(weighted.predict(X), expected.predict(X))


def test_the_unit_of_time_is_no_matter(fitted):
    again = clone(fitted).fit(X, as_structured(EVENT, TIME * 1e-12))
    assert_array_equal(again.predict(X), fitted.predict(X))


def test_early_stopping_and_chunks():
    network = VIANNSurvival(**FAST, early_stopping=True, random_state=0).fit(X, Y)
    values = network.history_["val_loss"]
    assert 0 < min(values) < values[0]
    network = VIANNSurvival(**FAST, random_state=0)
    for rows in np.split(np.arange(N), 3):
        network.partial_fit(X[rows], Y[rows])
    assert network.score(X, Y) > 0.7


def test_other_booleans_and_numbers_are_no_times():
    labels = pd.DataFrame({"a": [True, False, True], "b": [0, 1, 1]})
    assert_array_equal(read_target(labels, VIANNClassifier()), labels.astype(int))
    both = pd.DataFrame({"a": [True, False, True], "b": [False, False, True]})
    assert read_target(both, VIANNClassifier()).dtype == bool
    assert read_target(FORMS["pandas"], VIANNClassifier()).dtype == TIMES


def _with(column, value):
    return (
        FORMS["pandas"]
        .astype({"death": object})
        .assign(**{column: [value, *FORMS["pandas"][column][1:]]})
    )


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (as_structured(np.zeros(N, bool), TIME), "no event .* all are censored"),
        (_with("months", -2.0), "finite and 0 or more; y holds -2.0"),
        (_with("months", np.inf), "finite and 0 or more; y holds inf"),
        (_with("months", np.nan), f"NaN: 1 of {N} targets are missing"),
        (_with("death", None), f"NaN: 1 of {N} targets are missing"),
        (TIME, "takes events and times.* shape .240,. and dtype float64"),
        (np.column_stack([TIME, EVENT]), "first column .* happened.*0 and 1; got"),
        (as_structured(TIME, TIME), "structured array.*boolean field.*'float64'"),
    ],
)
def test_what_is_no_target(y, message):
    with pytest.raises(ValueError, match=message):
        VIANNSurvival().fit(X, y)


def test_others_refuse_times():
    for network in (VIANNRegressor(), VIANNClassifier()):
        for form in ("time first", "pandas"):
            with pytest.raises(ValueError, match=r"VIANNSelector\(VIANNSurvival"):
                network.fit(X, FORMS[form])
    with pytest.raises(ValueError, match="batch_size"):
        VIANNSurvival(batch_size=1).fit(X, Y)
