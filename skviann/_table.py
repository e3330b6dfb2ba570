"""Raw tables: what each column holds, and the same table in numbers.

`check_table` looks at a table as a whole, `learn_columns` finds out what its columns
hold, and `code_table` turns rows of it, or of a later one, into numbers: levels of a
category become codes, dates days since the first one, free text several components; NaN
is a missing value. `_cells` tells what cells are, `_text` reads text that stands for
dates or numbers, `_free_text` any other.
"""

import inspect
import warnings
from collections import Counter
from numbers import Integral
from typing import NamedTuple

import narwhals as nw
import numpy as np
from scipy.sparse import issparse
from sklearn.utils import gen_batches
from sklearn.utils.validation import validate_data

from skviann._cells import (
    are_categories,
    dates_of,
    in_common_dtype,
    levels_of,
    numbers_of,
    what_it_holds,
)
from skviann._free_text import TextEncoder, is_free_text
from skviann._text import DateFormat, NumberFormat, find_format
from skviann._validation import FLOATS, explained, release_pages

NUMBER, CATEGORY, DATE, TEXT = "number", "category", "date", "text"

# A level of a category needs so many rows and such a share to have an input of its own.
_MIN_ROWS = 5
_MIN_SHARE = 0.005

_BYTES_AT_A_TIME = 2**24

_DAY = np.timedelta64(1, "D")
_EPOCH = np.datetime64("1970-01-01", "us")

_WARNED_OF = 20  # columns in one warning
_BETWEEN = {"skviann", "sklearn", "joblib"}  # a user's line and ours

# What to do about columns of which little or nothing is used.
_PASS_AS_TEXT = (
    "To have its words read, leave categorical_features='from_dtype', and pass it as "
    "text, not as a category."
)
_DROP = "Drop it, or make a number or a category of what it tells."
_PUT_TOGETHER = (
    "Put levels together, or turn them into numbers, for example with a TargetEncoder."
)


class Column(NamedTuple):
    """What a column of a table holds."""

    name: object  # for messages: its name, or its number in an array
    kind: str  # NUMBER, CATEGORY, DATE or TEXT
    holds: str  # what its cells are, see `what_it_holds`; "nothing" if all missing
    read_as: str  # in words, for a summary
    levels: list | None = None  # that have a code; all others get the next number
    day_zero: float = 0.0  # of dates: days from 1970-01-01 to what becomes 0
    format: DateFormat | NumberFormat | None = None  # of dates or numbers in text
    encoder: TextEncoder | None = None  # of free text
    advice: str | None = None  # what to do if it should be read in another way


def is_frame(X):
    """Whether X is a data frame: of pandas, Polars or another that narwhals knows."""
    return nw.dependencies.is_into_dataframe(X)


def column_names(X):
    """Names of a data frame's columns."""
    return list(X.column_names if nw.dependencies.is_pyarrow_table(X) else X.columns)


def check_table(estimator, X, *, reset):
    """Check a table as a whole, and its columns' names against those of the fit.

    In a fit (`reset`), the estimator gets `n_features_in_` and `feature_names_in_`.
    Returns a frame of narwhals, an array of floats or of objects, or a csr matrix.
    """
    if isinstance(X, nw.LazyFrame) or nw.dependencies.is_polars_lazyframe(X):
        raise TypeError("X is a lazy frame; pass X.collect().")
    if is_frame(X):
        names = column_names(X)
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(
                f"Column names must differ, but X has more than one {twice[0]!r}."
            )
        for axis, what, least in ((1, "feature", 1), (0, "sample", 1 + reset)):
            if X.shape[axis] < least:
                raise ValueError(
                    f"Found a table with {X.shape[axis]} {what}(s) "
                    f"(shape={tuple(X.shape)}) while a minimum of {least} is required."
                )
        validate_data(estimator, X, skip_check_array=True, reset=reset)
        return nw.from_native(X, eager_only=True)
    of_objects = not issparse(X) and _are_objects(X)
    if of_objects:
        X = np.asarray(X, dtype=object)
    with explained():
        return validate_data(
            estimator,
            X,
            dtype=None if of_objects else FLOATS,
            accept_sparse="csr",
            ensure_all_finite=False,
            ensure_min_samples=1 + reset,
            reset=reset,
        )


def take_names(estimator, other):
    """Give an estimator the number and the names of another one's columns."""
    for name in ("n_features_in_", "feature_names_in_"):
        vars(estimator).pop(name, None)
        if hasattr(other, name):
            setattr(estimator, name, getattr(other, name))


def _are_objects(X):
    """Whether an array or nested list holds text or other things than numbers."""
    if hasattr(X, "dtype"):
        return np.asarray(X).dtype.kind in "OUS"
    if np.asarray(X, dtype=object).ndim != 2:
        return False  # which is refused as it is
    return np.asarray(X).dtype.kind not in "biufc"


def take_table_rows(table, rows):
    """Take some rows of a checked table."""
    return table[rows.tolist()] if isinstance(table, nw.DataFrame) else table[rows]


def as_array(frame):
    """Return a frame of narwhals as an array, of objects unless all are numbers."""
    columns = [column.to_numpy() for column in frame.iter_columns()]
    are_numbers = all(column.dtype.kind in "biuf" for column in columns)
    array = np.empty(frame.shape, dtype=float if are_numbers else object)
    for number, column in enumerate(columns):
        array[:, number] = column
    return array


def names_of(table):
    """Names of a checked table's columns; None of an array's."""
    return list(table.columns) if isinstance(table, nw.DataFrame) else None


def _columns_of(table):
    """Yield name and cells of each column: narwhals series or arrays."""
    if isinstance(table, nw.DataFrame):
        for name, column in zip(table.columns, table.iter_columns(), strict=True):
            yield name, in_common_dtype(column)
    else:
        yield from enumerate(table.T)


def learn_columns(table, categorical_features, max_categories):
    """Find out what the columns of a checked table hold: a list of `Column`.

    None for an array of nothing but numbers. Of a category, the levels beyond
    `max_categories`, by frequency, are one.
    """
    n_columns = table.shape[1]
    names = names_of(table)
    by_dtype = isinstance(categorical_features, str)
    is_category = np.zeros(n_columns, dtype=bool)
    if not by_dtype and categorical_features is not None:
        is_category[_positions(categorical_features, names, n_columns)] = True
    if names is None and table.dtype != object and not is_category.any():
        return None
    if issparse(table):
        raise ValueError(
            "categorical_features: columns of a sparse matrix are numbers. Put the "
            "columns of a one-hot encoder together with feature_groups."
        )
    return [
        _learn_column(name, cells, by_dtype, declared, max_categories)
        for (name, cells), declared in zip(_columns_of(table), is_category, strict=True)
    ]


def _positions(wanted, names, n_columns):
    """Positions of columns given by name, number or mask."""
    wanted = np.asarray(wanted)
    if wanted.size == 0:
        return np.zeros(0, dtype=int)
    if wanted.ndim != 1 or wanted.dtype.kind not in "biuOUT":
        raise ValueError(
            "categorical_features must be 'from_dtype', None, or names, numbers or a "
            f"mask of columns; got {wanted!r}."
        )
    if wanted.dtype.kind == "b":
        if len(wanted) != n_columns:
            raise ValueError(
                f"categorical_features is a mask of {len(wanted)} columns, but X has "
                f"{n_columns}."
            )
        return np.flatnonzero(wanted)
    return np.array(
        [
            find_column(one, names, n_columns, "categorical_features")
            for one in wanted.tolist()
        ]
    )


def find_column(wanted, names, n_columns, parameter):
    """Position of a column given by name or number; a ValueError if there is none."""
    if isinstance(wanted, Integral) and not isinstance(wanted, bool):
        if 0 <= wanted < n_columns:
            return int(wanted)
        raise ValueError(
            f"{parameter}: there is no column {wanted} in X, which has {n_columns}."
        )
    if names is None:
        raise ValueError(
            f"{parameter} names the column {wanted!r}, but X has no names. Pass a data "
            "frame, or numbers of columns."
        )
    if wanted not in names:
        raise ValueError(f"{parameter}: there is no column {wanted!r} in X.")
    return names.index(wanted)


def _learn_column(name, cells, by_dtype, declared, max_categories):
    holds = what_it_holds(name, cells)
    is_category, format, doubt, counts = declared, None, None, None
    if by_dtype:
        is_category = are_categories(cells)
    elif holds in ("text", "categories") and not declared:
        raise ValueError(
            f"Column {name!r} holds {holds}, but is not among the "
            "categorical_features. Add it, drop the column, or leave "
            "categorical_features='from_dtype'."
        )
    if is_category or holds == "text":
        counts = Counter(level for level in levels_of(cells) if level is not None)
    if holds == "text" and not is_category:
        format, doubt = find_format(counts)
        is_category = format is None or _are_codes(format, counts, max_categories)
        if format is None and doubt is None and _is_free(counts, max_categories):
            encoder = TextEncoder(list(counts))
            read_as = f"free text, {encoder.n_components} components"
            return Column(name, TEXT, holds, read_as, encoder=encoder)
    if is_category:
        read_as, levels, advice = _learn_levels(counts, holds, max_categories)
        if counts.total() < len(cells):
            read_as = read_as.replace("not used", "only its gaps are used")
        return Column(name, CATEGORY, holds, read_as, levels, advice=doubt or advice)
    if holds == "dates" or isinstance(format, DateFormat):
        dates = dates_of(cells) if format is None else format.read(counts)
        known = dates[~np.isnat(dates)]
        first = known.min().astype("datetime64[D]") if len(known) else _EPOCH
        day_zero = float((first - _EPOCH) / _DAY)
        read_as = "date" if format is None else f"date ({format.day})"
        return Column(name, DATE, holds, read_as, day_zero=day_zero, format=format)
    read_as = {"durations": "duration", "times": "time of the day"}.get(holds, "number")
    if format is not None and format.unit:
        read_as = f"number ({format.unit})"
    return Column(name, NUMBER, holds, read_as, format=format)


def _are_codes(format, counts, max_categories):
    """Whether text that fits a format is a few whole numbers: 1, 2, 3 for levels."""
    if isinstance(format, DateFormat) or format.unit or len(counts) > max_categories:
        return False
    are_whole = not np.any(np.nan_to_num(format.read(counts)) % 1)
    return are_whole and len(counts) * _MIN_ROWS <= counts.total()


def _is_free(counts, max_categories):
    """Whether text has words to be read: most of it is in levels not told apart."""
    kept = _frequent_levels(counts, max_categories)
    return len(counts) > 1 and _are_few(kept, counts) and is_free_text(counts)


def _frequent_levels(counts, max_categories):
    """Choose the levels that have an input."""
    # The most frequent first; of equally frequent ones in order of their text.
    order = sorted(counts, key=lambda level: (-counts[level], str(level)))
    enough = max(_MIN_ROWS, _MIN_SHARE * counts.total())
    return [one for one in order[:max_categories] if counts[one] >= enough]


def _are_few(levels, counts):
    """Whether most rows are in other levels than these."""
    return 2 * sum(counts[one] for one in levels) < counts.total()


def _learn_levels(counts, holds, max_categories):
    """Choose the levels that have an input; say in words what the column is."""
    kept = _frequent_levels(counts, max_categories)
    n_levels = len(counts)
    if kept or n_levels < 2:
        few = "" if len(kept) in (0, n_levels) else f"{len(kept)} of "
        read_as = f"category of {few}{n_levels} level{'s' * (n_levels != 1)}"
        is_little = kept and _are_few(kept, counts)
        return read_as, kept, _PUT_TOGETHER if is_little else None
    if holds == "text" and is_free_text(counts):
        return "free text: not used", kept, _PASS_AS_TEXT
    if n_levels == counts.total():
        return "identifier: not used", kept, _DROP
    return f"{n_levels} rare levels: not used", kept, _PUT_TOGETHER


def warn_about_columns(columns):
    """Warn of columns of which little or nothing is used, and say what to do."""
    lines = [
        f"- {column.name!r} ({column.read_as}). {column.advice}"
        for column in columns or ()
        if column.advice is not None
    ]
    if len(lines) > _WARNED_OF:
        lines[_WARNED_OF:] = [f"- and {len(lines) - _WARNED_OF} more"]
    if not lines:
        return
    # The line that called one of our methods, perhaps through scikit-learn's.
    frame, stacklevel = inspect.currentframe(), 1
    while frame.f_globals["__name__"].partition(".")[0] in _BETWEEN:
        frame, stacklevel = frame.f_back, stacklevel + 1
    message = "Some columns of X are of little use as they are:\n" + "\n".join(lines)
    warnings.warn(message, UserWarning, stacklevel)


def tell_columns(columns, is_used):
    """Tell in words how each column was read, also whether networks see it at all."""
    if columns is None:
        return ["number" if used else "constant" for used in is_used]
    told = []
    for column, used in zip(columns, is_used, strict=True):
        words = column.read_as
        if column.holds == "nothing":
            words = "nothing but gaps"
        elif not used and "not used" not in words:
            words = "constant"
        told.append(words)
    return told


def code_table(table, columns):
    """Turn rows of a checked table into numbers: (n_rows, n_coded).

    See `column_of_coded` for the columns. It is an error if one of the table holds
    something else than in the fit.
    """
    if columns is None:
        if issparse(table) or getattr(table, "dtype", None) in FLOATS:
            return table
        columns = [
            Column(name, NUMBER, "numbers", NUMBER) for name, _ in _columns_of(table)
        ]
    if issparse(table):  # of numbers, where the fit was on a data frame
        table = table.toarray()
    of_coded = column_of_coded(columns, table.shape[1])
    coded = np.empty((table.shape[0], len(of_coded)))
    for number, ((name, cells), column) in enumerate(
        zip(_columns_of(table), columns, strict=True)
    ):
        places = of_coded == number if column.kind == TEXT else number
        coded[:, places] = _code(name, cells, column)
    return coded


def column_of_coded(columns, n_columns):
    """Tell which column of a table each one of the coded table is made of: (n_coded,).

    The first `n_columns` are those of the table. Further components of free text follow
    after all of them.
    """
    n_more = [
        0 if column.encoder is None else column.encoder.n_components - 1
        for column in columns or ()
    ]
    more = np.repeat(np.arange(len(n_more)), n_more)
    return np.concatenate([np.arange(n_columns), more])


def check_kinds(table, columns, numbers):
    """Raise a ValueError if some columns hold something else than in the fit."""
    for number, (name, cells) in enumerate(_columns_of(table)):
        if number in numbers:
            _check_kind(name, cells, columns[number])


def _check_kind(name, cells, column):
    """Tell what the cells are, if that is what they were in the fit."""
    if isinstance(name, tuple) and name != column.name:
        # Of names that are not text, scikit-learn keeps no account.
        raise ValueError(
            f"X has the column {name!r} where it had {column.name!r} when the "
            "estimator was fitted. Put the columns in that order."
        )
    holds = what_it_holds(name, cells)
    if holds != column.holds and all(one is None for one in levels_of(cells)):
        return "nothing"  # of whatever type: a file has no other for gaps
    if column.holds not in (holds, "nothing") and holds != "nothing":
        raise ValueError(
            f"Column {name!r} held {column.holds} when the estimator was fitted, and "
            f"holds {holds} now. Convert it to what it was."
        )
    return holds


def _code(name, cells, column):
    holds = _check_kind(name, cells, column)
    if column.kind == TEXT:
        return column.encoder.encode(levels_of(cells))
    if holds == "nothing":
        return np.nan
    if column.kind == CATEGORY:
        codes = {level: code for code, level in enumerate(column.levels)}
        codes[None], rest = np.nan, len(column.levels)
        return np.array([codes.get(one, rest) for one in levels_of(cells)], dtype=float)
    if column.format is not None:
        values = _read_text(name, cells, column.format)
    else:
        values = dates_of(cells) if column.kind == DATE else numbers_of(cells, holds)
    if column.kind == DATE:
        return (values - _EPOCH) / _DAY - column.day_zero
    return values


def _read_text(name, cells, format):
    """Read text in the format of the fit, each different one once."""
    texts = ["" if text is None else text for text in levels_of(cells)]
    position = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    try:
        values = format.read(position)
    except ValueError as error:
        raise ValueError(
            f"Column {name!r} held {format} when the estimator was fitted, and holds "
            f"{error.args[0]!r} now. Correct it, or replace it by None."
        ) from None
    return values[[position[text] for text in texts]]


def has_gaps(X):
    """Whether a coded table, an array or csr matrix, has missing values."""
    values = X.data[:, np.newaxis] if issparse(X) else X
    n_rows = max(1, _BYTES_AT_A_TIME // max(values[:1].nbytes, 1))
    for rows in gen_batches(len(values), n_rows):
        if np.isnan(values[rows]).any():
            return True
        release_pages(X)
    return False


def check_finite(X, estimator, *, allow_nan=True):
    """Raise a ValueError that names the column if numbers are infinite, or missing.

    A large array is looked through in blocks: one that is mapped from a file need not
    fit into memory.
    """
    values = X.data[:, np.newaxis] if issparse(X) else X
    n_rows = max(1, _BYTES_AT_A_TIME // max(values[:1].nbytes, 1))
    for rows in gen_batches(len(values), n_rows):
        is_bad = np.isinf(values[rows])
        what = f"infinity or a value too large for {X.dtype!r}"
        if not allow_nan and not is_bad.any():
            is_bad, what = np.isnan(values[rows]), "NaN"
        if is_bad.any():
            column = int(is_bad.any(axis=0).argmax())
            if issparse(X):
                column = int(X.indices[np.flatnonzero(is_bad)[0] + rows.start])
            names = getattr(estimator, "feature_names_in_", None)
            name = column if names is None else names[column]
            raise ValueError(f"Input X contains {what}, in column {name!r}.")
        release_pages(X)
