"""What networks see of a table: how each column becomes one or more inputs.

A coded table is an array with a column for each one of the table: numbers as they are,
codes of levels, days since a first day; NaN where a value is missing. `Inputs` turns
its rows into inputs of variance 1, and knows which feature each belongs to.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import gen_batches

from skviann._bins import Bins, clip_limits, find_bins, inverse
from skviann._table import CATEGORY, DATE, NUMBER
from skviann._validation import take_cells

# What an input tells of its column.
_VALUE, _LEVEL, _MISSING, _MONTH, _WEEKDAY, _HOUR = range(6)
# Parts of a date which repeat: how many days until they do.
_PERIODS = {_MONTH: 365.2425, _WEEKDAY: 7.0, _HOUR: 1.0}
_N_PERIODS = 2  # that the dates must cover

# An input that differs from what it is in most rows in a smaller share of them counts
# less, for a network learns such rows by heart.
_ENOUGH_APART = 0.025

# The highest of k scores of noise is higher than one alone by about this power of k.
_EXCESS_OF_HIGHEST = 1 / 6

# Columns of a sparse matrix with fewer non-zeros are summed up, others looked through
# so many at a time.
_RARE_SHARE = 0.01
_COLUMNS_AT_A_TIME = 256

# Columns of an array are read so many at a time.
_COLUMNS_OF_BLOCK = 4096


@dataclass(eq=False)
class Inputs:
    """Inputs of features, sorted by feature."""

    feature: np.ndarray  # (n_inputs,): which one an input belongs to
    column: np.ndarray  # (n_inputs,): which one it is made of
    part: np.ndarray  # (n_inputs,): what it tells of it
    bins: Bins  # of arrays (n_inputs,); that of a level has its code in `start`
    n_features: int  # also those without any input
    # Arrays (n_columns,): what brings a column close to 0 in its own precision, before
    # float32; days from 1970-01-01 to a date's 0.
    center: np.ndarray
    scale: np.ndarray
    day_zero: np.ndarray
    n_bins: int  # most inputs of a number
    only_numbers: bool  # whether all columns of the table are

    def __post_init__(self):
        column, part = self.column, self.part
        self._used, self._position = np.unique(column, return_inverse=True)
        self._is_whole = len(self._used) == len(self.center)
        # Sources are the columns that are used, then what is read off dates.
        calendar = np.flatnonzero(part >= _MONTH)
        read_off, number = np.unique(
            np.stack([column[calendar], part[calendar]]), axis=1, return_inverse=True
        )
        self._read_off = read_off.T
        self._position[calendar] = len(self._used) + number.ravel()
        self._part_of_feature = _parts_of_features(self.feature, column, part)
        self._levels = np.flatnonzero((part == _LEVEL) | (part >= _MONTH))
        self._missing = np.flatnonzero(part == _MISSING)

    def __len__(self):
        return len(self.feature)

    @property
    def are_numbers(self):
        """Whether each feature is a column of numbers without gaps."""
        return (
            self.only_numbers
            and self.n_features == len(self.center)
            and not self.part.any()
            and (self.feature == self.column).all()
        )

    @property
    def order(self):
        """Where a user's own network has the inputs: columns as they are in the table.

        Of inputs that are columns (see `plain_inputs`) the number of the column, of any
        others that of the input.
        """
        return self.column if self.n_bins == 1 else np.arange(len(self))

    def positions_in_grid(self):
        """Where the inputs were if every feature had `n_bins` of them."""
        first = np.searchsorted(self.feature, self.feature)
        return self.feature * self.n_bins + np.arange(len(self)) - first

    def of_features(self, features):
        """Return inputs of some features, in that order, and their positions here."""
        first = np.searchsorted(self.feature, features)
        count = np.searchsorted(self.feature, features, side="right") - first
        feature = np.repeat(np.arange(len(features)), count)
        start = np.repeat(first - np.cumsum(count) + count, count)
        position = start + np.arange(len(feature))
        inputs = self._at(position, feature=feature, n_features=len(features))
        return inputs, position

    def only(self, features):
        """Return the inputs of some features, as if all others were constant."""
        return self._at(np.isin(self.feature, features))

    def _at(self, position, **others):
        arrays = {
            name: getattr(self, name)[position]
            for name in ("feature", "column", "part")
        }
        bins = Bins(*(values[position] for values in self.bins))
        return replace(self, **{**arrays, "bins": bins, **others})

    def on_columns(self, columns):
        """Return the same inputs for a table of the columns that they need alone."""
        number = np.full(len(self.center), -1)
        number[columns] = np.arange(len(columns))
        return replace(
            self,
            column=number[self.column],
            center=self.center[columns],
            scale=self.scale[columns],
            day_zero=self.day_zero[columns],
        )

    def encode(self, coded):
        """Compute the inputs of some rows: float32 of shape (n_rows, n_inputs)."""
        values = self._sources(coded)
        gaps = np.isnan(values)
        has_gaps = gaps.any()
        levels = values[:, self._position[self._levels]] if len(self._levels) else None
        values = np.take(values, self._position, axis=1)
        start, slope, mean, factor, _ = self.bins
        values -= start
        values *= slope
        np.clip(values, *clip_limits(self.n_bins), out=values)
        if levels is not None:
            values[:, self._levels] = levels == start[self._levels]
        if len(self._missing):
            values[:, self._missing] = gaps[:, self._position[self._missing]]
        values -= mean
        values *= factor
        if has_gaps:
            gaps = gaps[:, self._position]
            gaps[:, self._missing] = False
            values[gaps] = 0  # neutral: what the column tells on average
        return values

    def scale_rows(self, coded):
        """Bring the columns close to 0: float32 of shape (n_rows, n_columns)."""
        return scale_rows(coded, self.center, self.scale)

    def terms(self, coded):
        """Tell each column's value in as few numbers as possible, for products of them.

        Returns the numbers themselves and an indicator for each level and for gaps, of
        shape (n_rows, n_terms), and which feature each term belongs to.
        """
        firsts, others = self._terms()
        numbers = self._sources(coded)[:, self._position[firsts]]
        numbers = np.where(np.isnan(numbers), 0, numbers)
        if len(others):
            numbers = np.hstack([numbers, self.encode(coded)[:, others]])
        return numbers, np.r_[self.feature[firsts], self.feature[others]]

    @property
    def n_terms(self):
        """How many numbers `terms` returns for a row."""
        return sum(map(len, self._terms()))

    def _terms(self):
        """Which inputs are a column's first bin, and which tell something else."""
        is_value = self.part == _VALUE
        is_first = np.diff(self.column, prepend=-1) != 0
        return np.flatnonzero(is_first & is_value), np.flatnonzero(~is_value)

    def scores_of_features(self, scores):
        """Combine the inputs' scores: (..., n_inputs) to (..., n_features).

        A feature counts as much as the part of it that is used most, and a part as much
        as its inputs do on average. So no column is better off for having many inputs.
        The highest of several parts is higher by chance, of noise by about the sixth
        root of their number.
        """
        of_features = np.zeros((*scores.shape[:-1], self.n_features))
        if len(self):
            trust = np.minimum(self.bins.apart / _ENOUGH_APART, 1)
            firsts = np.flatnonzero(np.diff(self._part_of_feature, prepend=-1))
            sums = np.add.reduceat(scores * trust, firsts, axis=-1)
            means = sums / np.diff(np.append(firsts, len(self)))
            features, first_parts, n_parts = np.unique(
                self.feature[firsts], return_index=True, return_counts=True
            )
            highest = np.maximum.reduceat(means, first_parts, axis=-1)
            of_features[..., features] = highest / n_parts**_EXCESS_OF_HIGHEST
        return of_features

    def _sources(self, coded):
        """Read what the inputs are made of, close to 0: float32, a column each."""
        if not self._is_whole:
            coded = coded[:, self._used]
        if issparse(coded):
            coded = coded.toarray()
        values = scale_rows(coded, self.center[self._used], self.scale[self._used])
        if not len(self._read_off):
            return values
        read_off = [
            _read_off(
                coded[:, np.searchsorted(self._used, column)] + self.day_zero[column],
                part,
            )
            for column, part in self._read_off
        ]
        return np.column_stack([values, *read_off]).astype(np.float32)


def plain_inputs(feature_of_column):
    """Make inputs of columns of finite numbers as they are.

    `feature_of_column` (n_columns,) tells which feature each belongs to.
    """
    n_columns = len(feature_of_column)
    column = np.argsort(feature_of_column, kind="stable")
    zeros, ones = np.zeros(n_columns, np.float32), np.ones(n_columns, np.float32)
    return Inputs(
        feature_of_column[column],
        column,
        np.full(n_columns, _VALUE),
        Bins(start=zeros, slope=ones, mean=zeros, factor=ones, apart=ones),
        n_features=int(feature_of_column.max()) + 1,
        center=np.zeros(n_columns),
        scale=np.ones(n_columns),
        day_zero=np.zeros(n_columns),
        n_bins=1,  # a single one has no ends
        only_numbers=True,
    )


def join_inputs(inputs):
    """Put the inputs of tables side by side, with all columns in their order."""
    first_features = np.cumsum([0, *(one.n_features for one in inputs)])
    first_columns = np.cumsum([0, *(len(one.center) for one in inputs)])

    def join(arrays):
        return np.concatenate(list(arrays))

    return Inputs(
        join(one.feature + n for one, n in zip(inputs, first_features, strict=False)),
        join(one.column + n for one, n in zip(inputs, first_columns, strict=False)),
        join(one.part for one in inputs),
        Bins(*(join(values) for values in zip(*(i.bins for i in inputs), strict=True))),
        n_features=int(first_features[-1]),
        center=join(one.center for one in inputs),
        scale=join(one.scale for one in inputs),
        day_zero=join(one.day_zero for one in inputs),
        n_bins=inputs[0].n_bins,
        only_numbers=all(one.only_numbers for one in inputs),
    )


def _parts_of_features(feature, column, part):
    """Give the parts of features a number: what a column tells in one way.

    Of features of several columns, those with a single input are one part together: a
    category, spread over columns of zeros and ones.
    """
    if not len(feature):
        return np.zeros(0, dtype=int)
    same = np.stack([feature, column, part])
    starts = np.r_[True, (np.diff(same) != 0).any(axis=0)]
    number = np.cumsum(starts) - 1
    is_single = np.bincount(number)[number] == 1
    goes_on = np.r_[False, is_single[1:] & is_single[:-1] & (np.diff(feature) == 0)]
    # Being missing, or a weekday that differs, is not the same as a value.
    goes_on[1:] &= np.diff(part) == 0
    return np.cumsum(starts & ~goes_on) - 1


def scale_rows(X, center, scale):
    """Bring rows close to 0 in their own precision, then round to float32."""
    with np.errstate(over="ignore"):
        return ((X - center.astype(X.dtype)) / scale.astype(X.dtype)).astype(np.float32)


def _read_off(days, part):
    """Read month (from 0), weekday (Monday is 0) or hour off days since 1970-01-01."""
    if part == _HOUR:
        # A millisecond more, for days are fractions.
        return np.floor((days % 1 + 1e-8) * 24) % 24
    if part == _WEEKDAY:
        return (np.floor(days) + 3) % 7
    months = np.full(len(days), np.nan)
    is_known = np.isfinite(days)
    dates = np.floor(days[is_known]).astype("datetime64[D]")
    months[is_known] = dates.astype("datetime64[M]").astype(np.int64) % 12
    return months


def learn_inputs(
    coded, rows, sample_weight, kinds, day_zero, feature_of_column, n_bins
):
    """Find out which inputs the columns need, from some rows of a coded table.

    `sample_weight` (n_rows,) tells how much each of these `rows` counts; None: all the
    same. Of each column `kinds` tells whether it is a number, a category or a date,
    `day_zero` how many days from 1970-01-01 to a date's 0, and `feature_of_column`
    which feature it belongs to. Columns of an array are read in blocks.
    """
    weight = np.ones(len(rows)) if sample_weight is None else sample_weight
    n_columns = coded.shape[1]
    laid_out = [(np.zeros(0, dtype=int),) * 2 + (np.zeros(0),) * 5]  # at least that
    center, scale = np.zeros(n_columns), np.ones(n_columns)
    if issparse(coded):
        scale, of_all = _learn_sparse(coded[rows], weight, n_bins)
        laid_out += of_all
    else:
        for block in gen_batches(n_columns, _COLUMNS_OF_BLOCK):
            values = take_cells(coded, rows, np.arange(n_columns)[block])
            center[block], scale[block], of_block = _learn_dense(
                values, weight, kinds[block], day_zero[block], n_bins
            )
            laid_out += [(column + block.start, *rest) for column, *rest in of_block]
    column, part, *bins = (
        np.concatenate(values) for values in zip(*laid_out, strict=True)
    )
    feature = feature_of_column[column]
    # Columns with a single input side by side, see `_parts_of_features`.
    is_used = bins[3] != 0
    n_inputs = np.bincount(column[is_used], minlength=n_columns)[column]
    order = np.lexsort((part, column, n_inputs == 1, feature))
    order = order[is_used[order]]  # inputs that never change are left out
    return Inputs(
        feature[order],
        column[order],
        part[order],
        Bins(*(values[order].astype(np.float32) for values in bins)),
        n_features=int(feature_of_column.max()) + 1,
        center=center,
        scale=scale,
        day_zero=day_zero,
        n_bins=n_bins,
        only_numbers=bool((kinds == NUMBER).all()),
    )


def _learn_dense(coded, weight, kinds, day_zero, n_bins):
    """Find center and scale of the columns of an array, and lay out their inputs."""
    center, scale = np.zeros(coded.shape[1]), np.ones(coded.shape[1])
    is_number = kinds != CATEGORY
    gaps = np.isnan(coded)
    n_gaps = gaps.sum(axis=0)
    numbers = np.flatnonzero(is_number & (n_gaps < len(coded)))
    if len(numbers):
        center[numbers], scale[numbers] = _center_and_scale(coded[:, numbers])
    scaled = scale_rows(coded, center, scale)
    full = np.flatnonzero(is_number & (n_gaps == 0))
    laid_out = []
    if len(full):
        laid_out.append(_values_of(full, find_bins(scaled[:, full], weight, n_bins)))
    for column in np.flatnonzero(is_number & (n_gaps > 0)):
        known = ~gaps[:, column]
        if known.sum() >= 2 and weight[known].any():
            bins = find_bins(scaled[known, column, None], weight[known], n_bins)
            laid_out.append(_values_of(np.array([column]), bins))
    for column in np.flatnonzero(~is_number):
        laid_out.append(_levels_of(coded[:, column], weight, column, _LEVEL))
    for column in np.flatnonzero(kinds == DATE):
        days = coded[:, column] + day_zero[column]
        known = days[np.isfinite(days)]
        span = np.ptp(known) if len(known) else 0
        for part, period in _PERIODS.items():
            if span >= _N_PERIODS * period:
                codes = _read_off(days, part)
                laid_out.append(_levels_of(codes, weight, column, part))
    for column in np.flatnonzero(n_gaps):
        is_missing = gaps[:, column].astype(np.float64)
        laid_out.append(_indicators(is_missing[:, None], weight, column, _MISSING))
    return center, scale, laid_out


def _center_and_scale(values):
    """Median and range between quartiles of columns, as scikit-learn's RobustScaler.

    It takes ranges below 2e-15 for 0. Here a column may have any unit; where the
    quartiles are equal, it is scaled by its largest difference from them.
    """
    center = np.nanmedian(values, axis=0)
    low, high = np.nanpercentile(values, (25, 75), axis=0)
    scale = high - low
    is_flat = scale == 0
    scale[is_flat] = np.nanmax(abs(values[:, is_flat] - center[is_flat]), axis=0)
    return center, np.where(scale > 0, scale, 1)


def _values_of(columns, bins):
    """Lay out inputs for bins of columns: column, part, and what `Bins` holds."""
    column = np.repeat(columns, bins.start.shape[1])
    return column, np.full(len(column), _VALUE), *(values.ravel() for values in bins)


def _levels_of(codes, weight, column, part):
    """Lay out inputs for the levels of a column; of two, one says it all."""
    known = np.isfinite(codes)
    levels = np.unique(codes[known])
    is_level = codes[:, np.newaxis] == levels
    if len(levels) == 2:
        is_level, levels = is_level[:, 1:], levels[1:]
    weight = np.where(known, weight, 0)
    return _indicators(is_level, weight, column, part, levels)


def _indicators(is_level, weight, column, part, levels=None):
    """Lay out inputs for indicators (rows, indicators) of one column."""
    known = weight > 0
    mean = weight @ is_level / (weight.sum() or 1.0)
    share = is_level[known].mean(axis=0)
    factor = inverse(np.sqrt(np.maximum(mean * (1 - mean), 0)))
    column, part = np.full(len(mean), column), np.full(len(mean), part)
    levels = np.zeros(len(mean)) if levels is None else levels
    apart = np.minimum(share, 1 - share)
    return column, part, levels, np.ones(len(mean)), mean, factor, apart


def _learn_sparse(coded, weight, n_bins):
    """Find scale and bins of the columns of a sparse matrix, where zeros stay zeros."""
    columns = coded.tocsc()
    n_rows = columns.shape[0]
    largest = abs(columns).max(axis=0).toarray().ravel()
    scale = np.where(largest > 0, largest, 1.0)
    counts = np.diff(columns.indptr)
    columns.data = columns.data / np.repeat(scale, counts)
    rare = np.flatnonzero((counts > 0) & (counts < _RARE_SHARE * n_rows))
    laid_out = [_values_of(rare, _bins_of_rare(columns[:, rare], weight))]
    others = np.flatnonzero(counts >= _RARE_SHARE * n_rows)
    for first in range(0, len(others), _COLUMNS_AT_A_TIME):
        some = others[first : first + _COLUMNS_AT_A_TIME]
        values = columns[:, some].toarray()
        laid_out.append(_values_of(some, find_bins(values, weight, n_bins)))
    return scale, laid_out


def _bins_of_rare(columns, weight):
    """One bin a column, from the smallest to the largest value, where most are 0.

    The same as `find_bins` makes of columns that are 0 up to the outermost quantiles.
    """
    lowest = np.minimum(columns.min(axis=0).toarray().ravel(), 0)
    highest = np.maximum(columns.max(axis=0).toarray().ravel(), 0)
    width = highest - lowest
    slope = inverse(width)
    shares = columns.multiply(weight[:, np.newaxis] / weight.sum()).tocsc()
    mean = np.asarray(shares.sum(axis=0)).ravel()
    square = np.asarray(shares.multiply(columns).sum(axis=0)).ravel()
    deviation = np.sqrt(np.maximum(square - mean**2, 0)) * slope
    factor = inverse(deviation)
    apart = np.diff(columns.indptr) / columns.shape[0]
    bins = lowest, slope, (mean - lowest) * slope, factor, apart
    return Bins(*(values[:, np.newaxis] for values in bins))
