"""What the estimators' fit methods share."""

import mmap
from contextlib import contextmanager

import numpy as np
from sklearn.utils import check_random_state, gen_batches

FLOATS = (np.float64, np.float32)  # kept as they come; anything else becomes float64

_BYTES_AT_A_TIME = 2**24
_ROWS_AT_A_TIME = 200

_DOCS = "https://skviann.readthedocs.io/en/latest"

_LARGEST_SEED = np.iinfo(np.int32).max


class LinkedToDocs:
    """Links scikit-learn's HTML representation of an estimator to its page."""

    _doc_link_module = "skviann"
    _doc_link_template = f"{_DOCS}/api/skviann.{{estimator_name}}.html"


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


_COMPLEX = "Complex data not supported: X and y must hold real numbers."


@contextmanager
def explained():
    """Say what to do where NumPy and scikit-learn only say what is wrong."""
    try:
        yield
    except TypeError as error:  # of lists, in scikit-learn 1.7
        if "complex" not in str(error):
            raise
        raise ValueError(_COMPLEX) from error
    except ValueError as error:
        if "Found array with dim" in str(error):
            raise ValueError(
                f"{error} Images and sequences are for a network of your own: see "
                "VIANNSelector and VarianceImportance."
            ) from error
        if "Complex data not supported" in str(error):
            raise ValueError(_COMPLEX) from error
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


def without_objects(y):
    """Return a target of Python objects as numbers, booleans or text."""
    return np.array(y.tolist()) if y.dtype == object else y


def rows_with_weight(sample_weight):
    """Return which rows count; raise a ValueError if none does."""
    used = np.flatnonzero(sample_weight)
    if len(used) == 0:
        raise ValueError(
            "sample_weight must be positive for at least one row, got zeros only."
        )
    return used


def spread_rows(n_samples, n_most):
    """Choose at most so many rows, at equal distances."""
    return np.arange(0, n_samples, max(1, -(-n_samples // n_most)))


def take_rows(X, rows):
    """Copy rows of X; of an array that is mapped from a file, a few at a time.

    The system reads more of a file than it is asked for, many times as much where rows
    are far apart.
    """
    if not isinstance(X, np.ndarray) or X.nbytes <= _BYTES_AT_A_TIME:
        return X[rows]
    taken = np.empty((len(rows), *X.shape[1:]), dtype=X.dtype)
    for some in gen_batches(len(rows), _ROWS_AT_A_TIME):
        taken[some] = X[rows[some]]
        release_pages(X)
    return taken


def take_cells(X, rows, columns):
    """Copy some columns of some rows of X, without a copy of whole rows.

    Of an array that is mapped from a file, a few rows are read at a time.
    """
    if not isinstance(X, np.ndarray):
        return X[rows][:, columns]
    taken = np.empty((len(rows), len(columns)), dtype=X.dtype)
    n_rows = _ROWS_AT_A_TIME if X.nbytes > _BYTES_AT_A_TIME else max(len(rows), 1)
    for some in gen_batches(len(rows), n_rows):
        taken[some] = X[rows[some, np.newaxis], columns]
        release_pages(X)
    return taken


def release_pages(array):
    """Let the system have back what it read of an array that is mapped from a file."""
    while array is not None:
        mapping = getattr(array, "base", None)
        if isinstance(array, np.memmap) and isinstance(mapping, mmap.mmap):
            # Not of one whose changes are kept in memory alone.
            if array.mode != "c" and hasattr(mmap, "MADV_DONTNEED"):
                mapping.madvise(mmap.MADV_DONTNEED)
            return
        array = mapping
