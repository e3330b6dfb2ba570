"""What the estimators' fit methods share."""

from contextlib import contextmanager

import numpy as np
from sklearn.utils import check_random_state

FLOATS = (np.float64, np.float32)  # kept as they come; anything else becomes float64

_LARGEST_SEED = np.iinfo(np.int32).max


@contextmanager
def all_or_nothing(estimator):
    """Put an estimator's attributes back if fitting it fails or is interrupted."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


@contextmanager
def explained():
    """Say what to do where NumPy only says that a text is no number."""
    try:
        yield
    except ValueError as error:
        if "could not convert string" not in str(error):
            raise
        raise ValueError(
            f"X, and the target of a regressor, must hold numbers: {error}. Encode "
            "text columns, for example with sklearn.preprocessing.OneHotEncoder."
        ) from error


def draw_seeds(random_state, size):
    """Draw integer seeds from what scikit-learn takes as a random state.

    None gives fresh ones each time, and leaves NumPy's global state alone.
    """
    if random_state is None:
        return np.random.default_rng().integers(1, _LARGEST_SEED, size).tolist()
    return check_random_state(random_state).randint(1, _LARGEST_SEED, size).tolist()
