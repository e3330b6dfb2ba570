"""Whatever comes in: a result that adds up, or an error that says what is wrong."""

import warnings

import numpy as np
import pytest

from conftest import FAST
from skviann import VIANNClassifier, VIANNRegressor, VIANNSelector

hypothesis = pytest.importorskip("hypothesis")
st = pytest.importorskip("hypothesis.strategies")

LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "view": lambda X: np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2],
    "reversed": lambda X: X[::-1, ::-1],
    "list": lambda X: X.tolist(),
}
SPOILERS = {
    "nothing": lambda X: None,
    "a gap": lambda X: X.__setitem__((0, 0), np.nan),
    "infinity": lambda X: X.__setitem__((-1, -1), np.inf),
    "a column of gaps": lambda X: X.__setitem__((slice(None), 0), np.nan),
    "huge": lambda X: X.__imul__(1e30),
    "tiny": lambda X: X.__imul__(1e-30),
    "constant": lambda X: X.__setitem__(..., 3.0),
    "one outlier": lambda X: X.__setitem__((0, 0), 1e12),
}


@st.composite
def tables(draw):
    n_rows = draw(st.sampled_from([0, 1, 2, 7, 40]))
    n_columns = draw(st.sampled_from([0, 1, 3, 8]))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    X = rng.normal(size=(n_rows, n_columns))
    spoiler = draw(st.sampled_from(sorted(SPOILERS)))
    if X.size:
        SPOILERS[spoiler](X)
    dtype = draw(st.sampled_from(["f8", "f4", "i8", "bool", "object", "complex"]))
    with np.errstate(invalid="ignore", over="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        X = X.astype(dtype)
    y = draw(st.sampled_from(["classes", "one class", "text", "quantity", "gaps"]))
    target = {
        "classes": rng.integers(0, 2, n_rows),
        "one class": np.ones(n_rows, int),
        "text": rng.choice(["a", "b", "c"], n_rows),
        "quantity": rng.normal(size=n_rows),
        "gaps": np.full(n_rows, np.nan),
    }[y]
    X = LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))](X)
    if isinstance(X, np.ndarray) and draw(st.booleans()):
        X.flags.writeable = False
    return X, target


ESTIMATORS = st.sampled_from(
    [
        VIANNClassifier(**FAST, random_state=0),
        VIANNRegressor(**FAST, random_state=0),
        VIANNSelector(VIANNClassifier(**FAST), cv=2, random_state=0),
        VIANNSelector(VIANNRegressor(**FAST), threshold="mean", cv=2, random_state=0),
    ]
)


@hypothesis.settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
)
@hypothesis.given(tables(), ESTIMATORS)
def test_a_result_that_adds_up_or_an_error_that_says_why(data, estimator):
    X, y = data
    before = np.array(X, copy=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No column is kept", UserWarning)
        try:
            estimator.fit(X, y)
        except (ValueError, TypeError) as error:
            words = ("X", "y", "column", "feature", "sample", "class", "cv", "split")
            assert any(word in str(error) for word in words), str(error)  # noqa: PT017
            return
    importances = estimator.feature_importances_
    assert np.isfinite(importances).all()
    assert (importances >= 0).all()
    total = importances.sum()
    assert total == 0 or np.isclose(total, 1)
    np.testing.assert_array_equal(np.array(X), before)
