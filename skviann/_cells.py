"""Cells of a raw table's column: what they are, and what they are in NumPy.

A column is a series of narwhals, or an array of numbers or of Python objects.
"""

import datetime
from collections import Counter
from decimal import Decimal
from numbers import Real

import narwhals as nw
import numpy as np

_SECOND = np.timedelta64(1, "s")

# What cells of a column of Python objects may be: their types, and what we call it.
_KINDS_OF_CELLS = {
    "text": (str,),
    "numbers": (Real, Decimal, np.bool_),
    "dates": (datetime.date, np.datetime64),
    "durations": (datetime.timedelta, np.timedelta64),
    "times": (datetime.time,),
}


def in_common_dtype(column):
    """Turn pandas's rarer dtypes into those that they stand for."""
    native = column.to_native()
    dtype = type(native.dtype).__name__ if hasattr(native, "dtype") else ""
    if dtype == "SparseDtype":
        native = native.sparse.to_dense()
    elif dtype == "PeriodDtype":
        native = native.dt.to_timestamp()
    elif dtype == "IntervalDtype":
        native = native.astype("category")
    else:
        return column
    return nw.from_native(native, series_only=True)


def what_it_holds(name, cells):
    """Tell what the cells are, in words; raise if they are nothing that we can use."""
    dtype = cells.dtype
    if isinstance(cells, np.ndarray):
        return _what_objects_are(name, cells) if dtype.kind == "O" else "numbers"
    native = cells.to_native()
    if are_categories(cells):
        return _what_levels_are(cells)
    if getattr(getattr(native, "dtype", None), "kind", "") == "O" or dtype == nw.Object:
        return _what_objects_are(name, np.asarray(native, dtype=object))
    if dtype.is_numeric() or dtype == nw.Boolean:
        return "numbers"
    if dtype == nw.String:
        return "text"
    if dtype in (nw.Datetime, nw.Date):
        return "dates"
    if dtype == nw.Duration:
        return "durations"
    if dtype == nw.Time:
        return "times"
    if cells.is_null().all():
        return "nothing"
    raise ValueError(
        f"Column {name!r} is of a kind that cannot be used: "
        f"{getattr(native, 'dtype', dtype)}. A column may hold numbers, text, "
        "categories, dates or durations. Convert or drop it."
    )


def _what_levels_are(cells):
    """Tell what levels are: one kind of cells, or just categories, as of intervals."""
    known = {type(level) for level in levels_of(cells)} - {type(None)}
    if not known:
        return "nothing"
    for words, types in _KINDS_OF_CELLS.items():
        if all(issubclass(one, types) for one in known):
            return words
    return "categories"


def _what_objects_are(name, cells):
    counts = Counter(type(cell) for cell in cells if not is_missing(cell))
    if not counts:
        return "nothing"
    found = Counter()
    for kind, count in counts.items():
        words = [
            words for words, types in _KINDS_OF_CELLS.items() if issubclass(kind, types)
        ]
        if not words:
            raise TypeError(
                f"Column {name!r} holds cells of type {kind.__name__} ({count} of "
                f"{len(cells)}), but may hold numbers, text, dates or durations only. "
                "Split it into several columns, turn it into categories, or drop it."
            )
        found[words[0]] += count
    if len(found) == 1:
        return next(iter(found))
    (rare, n_rare), (most, n_most) = found.most_common()[:-3:-1]
    example = next(
        cell
        for cell in cells
        if not is_missing(cell) and isinstance(cell, _KINDS_OF_CELLS[rare])
    )
    raise ValueError(
        f"Column {name!r} holds {most} ({n_most} cells) mixed with {rare} ({n_rare}, "
        f"such as {example!r}). Make them one kind, for example with pandas.to_numeric "
        "or pandas.to_datetime and errors='coerce', or turn all into text."
    )


def is_missing(cell):
    """Whether a Python object stands for a missing value."""
    # None, NaN, NaT, and pandas's NA, which is not equal to anything either.
    return cell is None or type(cell).__name__ == "NAType" or bool(cell != cell)


def are_categories(cells):
    if isinstance(cells, np.ndarray):
        return False
    return cells.dtype in (nw.Categorical, nw.Enum)


def levels_of(cells):
    """Cells of a category as a list, None where missing."""
    if isinstance(cells, np.ndarray):
        return [None if is_missing(one) else one for one in cells.tolist()]
    levels = cells.to_list()
    missing = cells.is_null().to_numpy()
    if missing.any():
        levels = [
            None if gone else one for one, gone in zip(levels, missing, strict=True)
        ]
    return [None if one != one else one for one in levels]


def dates_of(cells):
    """Dates as datetime64, without their time zone (by the clock on the wall)."""
    if not isinstance(cells, np.ndarray):
        if cells.dtype == nw.Datetime:
            cells = cells.dt.replace_time_zone(None).to_numpy()
        elif cells.dtype == nw.Date:
            cells = cells.cast(nw.Datetime("us")).to_numpy()
        else:
            cells = np.asarray(cells.to_native(), dtype=object)
    if cells.dtype == object:
        cells = np.array(
            [
                np.datetime64("NaT")
                if is_missing(one)
                else one.replace(tzinfo=None)
                if isinstance(one, datetime.datetime)
                else one
                for one in cells
            ],
            dtype="datetime64[us]",
        )
    return cells.astype("datetime64[us]")


def numbers_of(cells, holds):
    """Numbers, seconds of durations and of times of the day, as floats."""
    if not isinstance(cells, np.ndarray):
        if cells.dtype.is_numeric() or cells.dtype == nw.Boolean:
            return cells.cast(nw.Float64).to_numpy()
        if cells.dtype == nw.Duration:
            cells = cells.to_numpy()
        elif cells.dtype == nw.Time:
            cells = np.array(cells.to_list(), dtype=object)
        else:
            cells = np.asarray(cells.to_native(), dtype=object)
    if cells.dtype.kind == "m":
        return np.where(np.isnat(cells), np.nan, cells / _SECOND)
    if cells.dtype != object:
        return cells.astype(float)
    convert = {"durations": _seconds, "times": _seconds_of_day}.get(holds, float)
    return np.array([np.nan if is_missing(one) else convert(one) for one in cells])


def _seconds(duration):
    if isinstance(duration, np.timedelta64):
        return duration / _SECOND
    return duration.total_seconds()


def _seconds_of_day(time):
    return 3600 * time.hour + 60 * time.minute + time.second + time.microsecond / 1e6
