"""Tables in partitions: rows drawn from all of them, for each of several samples."""

import warnings
from typing import NamedTuple

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
from dask.dataframe.dispatch import concat as concat_frames

from skviann.dask._cluster import item
from skviann.feature_selection._wide import BLOCK_SIZE, MAX_VALUES_OF_BLOCK

# So many partitions' rows are put together before they are dealt out to the samples.
_MAX_PARTITIONS_TO_DEAL = 32
# A target with more values in a partition is no target of classes.
_MAX_CLASSES = 10_000

# Values of a sample's table.
_MAX_VALUES = 2**27


class Partitions(NamedTuple):
    """A table in partitions, which are not computed yet."""

    X: list  # of list of delayed: blocks of columns of each partition
    y: list  # of delayed
    sample_weight: list  # of delayed or None
    lengths: list | None  # None: not known
    blocks: list  # of each: what it looks like, or how many columns it has
    first_columns: list  # of each block


class Rows(NamedTuple):
    """Samples of rows, on the workers."""

    # For each sample, for each block of columns: a future of (X, y, sample_weight).
    tables: list
    classes: np.ndarray | None  # of the whole target, if it may be one of classes


def draw_rows(
    cluster, X, y, sample_weight, *, n_tasks, rows_per_task, seed, in_blocks=False
):
    """Draw `n_tasks` samples of rows, at random from all partitions of a table.

    A table of few rows is one sample, of all its rows in their order. What is drawn
    depends on the seed, not on how the table is divided. `in_blocks` says whether a
    wide array that is divided along its columns stays so. Collections that do not fit
    together, and partitions that are not like the table, are errors.
    """
    partitions = _split_up(X, y, sample_weight, in_blocks)
    lengths = partitions.lengths
    if lengths is None:
        futures = cluster.compute([dask.delayed(len)(one) for one in partitions.y])
        lengths = _gather(cluster, futures, range(len(futures)), "y")
    empty = [number for number, length in enumerate(lengths) if length == 0]
    if len(empty) == len(lengths):
        raise ValueError("X has no rows: all of its partitions are empty.")
    if empty:
        warnings.warn(
            f"{len(empty)} of {len(lengths)} partitions are empty, the first is number "
            f"{empty[0]}.",
            stacklevel=4,
        )
    n_rows = sum(lengths)
    n_tasks, n_each = _count_rows(
        n_rows, X.shape[1], len(partitions.blocks), n_tasks, rows_per_task
    )
    # Drawn on a worker: the many numbers are not to go through the scheduler.
    chosen = cluster.submit(_choose_rows, n_rows, n_tasks, n_each, seed)
    starts = np.cumsum([0, *lengths[:-1]])
    numbers, reads = [], []
    for number, (length, start) in enumerate(zip(lengths, starts, strict=True)):
        if length == 0:
            continue
        for cells, like, first_column in zip(
            partitions.X[number],
            partitions.blocks,
            partitions.first_columns,
            strict=True,
        ):
            numbers.append(number)
            reads.append(
                dask.delayed(_read, pure=False)(
                    number,
                    cells,
                    partitions.y[number],
                    partitions.sample_weight[number],
                    chosen,
                    int(start),
                    length,
                    like,
                    first_column,
                )
            )
    futures = cluster.compute(reads)
    return _deal_out(cluster, futures, numbers, len(partitions.blocks), n_tasks)


def _deal_out(cluster, reads, numbers, n_blocks, n_samples):
    """Put the rows of each sample together, of what is read of partitions."""
    seen = [cluster.submit(item, one, 1) for one in reads]
    found = _gather(cluster, seen, numbers, "X")
    tables = []
    for block in range(n_blocks):
        of_block = reads[block::n_blocks]
        size = -(-len(of_block) // _MAX_PARTITIONS_TO_DEAL)
        dealt = [
            cluster.submit(_put_together, n_samples, *of_block[first : first + size])
            for first in range(0, len(of_block), size)
        ]
        tables.append(
            [
                cluster.submit(
                    _as_one, *[cluster.submit(item, one, number) for one in dealt]
                )
                for number in range(n_samples)
            ]
        )
    classes = None
    if all(one is not None for one in found):
        classes = np.unique(np.concatenate(found))
    return Rows([list(blocks) for blocks in zip(*tables, strict=True)], classes)


def _count_rows(n_rows, n_columns, n_blocks, n_tasks, rows_per_task):
    """Tell how many samples there are, and how many rows each has."""
    most = rows_per_task
    if n_columns > BLOCK_SIZE:
        if n_tasks not in ("auto", 1):
            raise ValueError(
                f"n_tasks={n_tasks}: a table of more than {BLOCK_SIZE} columns is one "
                f"task, for its columns are looked at in blocks; X has {n_columns}."
            )
        n_tasks = 1
        width = BLOCK_SIZE if n_blocks > 1 else n_columns
        most = min(most, max(1000, MAX_VALUES_OF_BLOCK // width))
    else:
        most = min(most, _MAX_VALUES // n_columns)
    if n_tasks == "auto":
        n_tasks = int(np.clip(round(n_rows / most), 1, 8))
        if n_tasks == 1 and n_rows < 1.5 * most:
            most = n_rows
    most = min(most, n_rows // n_tasks)
    if most < 2:
        raise ValueError(
            f"n_tasks={n_tasks} samples need at least two rows each, but X has "
            f"{n_rows}."
        )
    return n_tasks, most


def _split_up(X, y, sample_weight, in_blocks):
    """Check that collections fit together, and take them apart."""
    if not isinstance(X, (dd.DataFrame, da.Array)):
        raise TypeError(
            "X must be a dask.dataframe or dask.array, got "
            f"{type(X).__module__.split('.')[0]}.{type(X).__name__}. For data in "
            "memory there are the estimators without Dask."
        )
    lengths = None
    if isinstance(X, da.Array):
        if X.ndim != 2:
            raise ValueError(f"X must have two dimensions, got {X.ndim}.")
        if not (in_blocks and X.shape[1] > BLOCK_SIZE):
            X = X.rechunk({1: -1}) if len(X.chunks[1]) > 1 else X
        elif max(X.chunks[1]) > 2 * BLOCK_SIZE:
            X = X.rechunk({1: BLOCK_SIZE})
        blocks = list(X.chunks[1])
        first_columns = np.cumsum([0, *blocks[:-1]]).tolist()
        if not np.isnan(X.chunks[0]).any():
            lengths = list(X.chunks[0])
        tables = X.to_delayed().tolist()
    else:
        blocks, first_columns = [X._meta], [0]
        tables = [[one] for one in _partitions(X)]
    columns = {}
    for name, other in (("y", y), ("sample_weight", sample_weight)):
        if name == "sample_weight" and other is None:
            columns[name] = [None] * len(tables)
            continue
        if not isinstance(other, (dd.Series, dd.DataFrame, da.Array)):
            raise TypeError(
                f"{name} must be a dask.dataframe series or a dask.array, got "
                f"{type(other).__name__}."
            )
        if isinstance(other, da.Array):
            is_known = not np.isnan(other.chunks[0]).any()
            if lengths is not None and is_known:
                if other.shape[0] != sum(lengths):
                    raise ValueError(
                        f"X has {sum(lengths)} rows, but {name} has {other.shape[0]}."
                    )
                other = other.rechunk({0: tuple(lengths)})
            if other.ndim == 2:
                other = other.rechunk({1: -1})
            columns[name] = other.to_delayed().ravel().tolist()
        else:
            columns[name] = _partitions(other)
        if len(columns[name]) != len(tables):
            raise ValueError(
                f"X has {len(tables)} partitions, but {name} has {len(columns[name])}. "
                "Take both from the same table, or repartition them alike."
            )
    return Partitions(
        tables, lengths=lengths, blocks=blocks, **columns, first_columns=first_columns
    )


def _partitions(frame):
    """Take a data frame apart, into the partitions that its user sees.

    Dask's whole optimization puts small files together, more of them where fewer
    columns are read: partitions of X and y would be others. To read no more columns
    than are asked for is all that is wanted of it.
    """
    return frame.simplify().to_delayed(optimize_graph=False)


def _gather(cluster, futures, numbers, name):
    """Fetch what was made of partitions; name the one that cannot be read."""
    try:
        return cluster.gather(futures)
    except Exception as error:
        for number, future in zip(numbers, futures, strict=True):
            if future.status == "error" and not str(error).startswith("Partition "):
                raise ValueError(
                    f"Partition {number} of {name} cannot be read: "
                    f"{type(error).__name__}: {error}"
                ) from error
        raise


# What follows runs on the workers.


def _choose_rows(n_rows, n_samples, n_each, seed):
    """Choose the rows of each sample: arrays in increasing order, no row in two."""
    if n_samples * n_each == n_rows and n_samples == 1:
        return [np.arange(n_rows)]
    rng = np.random.default_rng([seed, n_rows])
    rows = rng.choice(n_rows, n_samples * n_each, replace=False)
    return [np.sort(of_sample) for of_sample in rows.reshape(n_samples, n_each)]


def _read(number, X, y, weight, chosen, start, length, like, first_column):
    """Check a partition, and take its rows for each sample.

    Returns rows of X, y and weights, a tuple for each sample; and all values of y, None
    if it is a quantity.
    """
    where = f"Partition {number} of X"
    for name, column in (("y", y), ("sample_weight", weight)):
        if column is not None and len(column) != len(X):
            raise ValueError(
                f"{where} has {len(X)} rows, but that of {name} has {len(column)}."
            )
    if len(X) != length:
        raise ValueError(f"{where} has {len(X)} rows, where {length} were expected.")
    if isinstance(like, pd.DataFrame):
        _check_frame(where, X, like)
    else:
        _check_array(where, X, like, first_column)
    pieces = []
    for rows in chosen:
        first, end = np.searchsorted(rows, (start, start + length))
        pieces.append(
            tuple(
                None if values is None else _take(values, rows[first:end] - start)
                for values in (X, y, weight)
            )
        )
    return pieces, _classes(y)


def _take(values, rows):
    return values.iloc[rows] if hasattr(values, "iloc") else np.asarray(values)[rows]


def _classes(y):
    """All values of a target, if they are few."""
    values = np.asarray(y.array if isinstance(y, pd.Series) else y)
    if values.ndim > 1 and values.shape[1] > 1:
        return None
    values = values.ravel()
    if values.dtype == object:
        known = pd.unique(values[~pd.isna(values)])
        if len(known) > _MAX_CLASSES:
            return None
        values = np.array(known.tolist())
    elif values.dtype.kind == "f":
        values = values[~np.isnan(values)]
    found = np.unique(values)
    return found if len(found) <= _MAX_CLASSES else None


def _check_frame(where, X, like):
    names, expected = list(X.columns), list(like.columns)
    if names != expected:
        missing = [name for name in expected if name not in names]
        new = [name for name in names if name not in expected]
        raise ValueError(
            f"{where} has other columns than the table: missing are {missing}, new are "
            f"{new}, and their order may differ."
        )
    for name in names:
        kinds = [_kind_of_dtype(table[name].dtype) for table in (X, like)]
        if kinds[0] != kinds[1]:
            raise ValueError(
                f"{where}: column {name!r} holds {kinds[0]} ({X[name].dtype}), where "
                f"the table has {kinds[1]} ({like[name].dtype})."
            )
        if kinds[0] == "numbers" and X[name].dtype.kind == "f":
            _check_infinity(where, X[name].to_numpy(), name)


def _check_array(where, X, n_columns, first_column):
    if X.ndim != 2 or X.shape[1] != n_columns:
        raise ValueError(
            f"{where} has shape {X.shape}, where {n_columns} columns were expected."
        )
    if X.dtype.kind == "f":
        sums = X.sum(axis=0)  # not finite if a value is not
        for column in np.flatnonzero(~np.isfinite(sums)):
            _check_infinity(where, X[:, column], first_column + int(column))


def _check_infinity(where, values, name):
    is_infinite = np.isinf(values)
    if is_infinite.any():
        raise ValueError(
            f"{where} holds infinity or a value too large for {values.dtype!r} in "
            f"column {name!r} (row {int(is_infinite.argmax())} of the partition)."
        )


def _kind_of_dtype(dtype):
    if pd.api.types.is_numeric_dtype(dtype):
        return "numbers"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "dates"
    if pd.api.types.is_timedelta64_dtype(dtype):
        return "durations"
    return "text or categories"


def _put_together(n_samples, *reads):
    """Pieces of some partitions, sample by sample."""
    return [_as_one(*[pieces[i] for pieces, _ in reads]) for i in range(n_samples)]


def _as_one(*pieces):
    return tuple(
        None
        if values[0] is None
        else concat_frames(list(values))
        if hasattr(values[0], "iloc")
        else np.concatenate(values)
        for values in zip(*pieces, strict=True)
    )
