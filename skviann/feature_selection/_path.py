"""How many columns to keep: held-out losses of nested sets, and the choice."""

from typing import NamedTuple

import numpy as np

from skviann._validation import spread_rows

# Steps of the path: each count up to 16, then four in each octave.
_EVERY_UP_TO = 16
_IN_AN_OCTAVE = 4
# The counts that are trained at once, whose largest one is doubled each time.
_FIRST_STRETCH = 16
_SECOND_STRETCH = 64

MAX_HELD_OUT_ROWS = 20_000  # of all folds

# A set with more columns must be better by so many standard errors of the difference;
# any at all must beat the constant model by more.
_N_ERRORS = 0.5
_N_ERRORS_OVER_NONE = 2.0


class Path(NamedTuple):
    """Held-out losses of nested sets of columns."""

    n_features: np.ndarray  # (n_sets,): how many columns each holds, from 0
    losses: np.ndarray  # (n_sets, n_rows): of each row that was held out
    weights: np.ndarray  # (n_rows,): how much it counts
    split_losses: np.ndarray  # (n_folds, n_sets): means by fold

    def mean_losses(self):
        """Return the mean loss of each set, (n_sets,)."""
        return np.average(self.losses, axis=1, weights=self.weights)

    def with_smaller(self, others):
        """Put other sets in the place of those with fewer columns, but for none.

        Parameters
        ----------
        others : Path
            As many sets, on the same rows.

        Returns
        -------
        path : Path
        """
        losses, split_losses = self.losses.copy(), self.split_losses.copy()
        losses[1 : 1 + len(others.losses)] = others.losses
        split_losses[:, 1 : 1 + len(others.losses)] = others.split_losses
        return self._replace(losses=losses, split_losses=split_losses)

    def differences(self, reference):
        """Compare each set with another one, row by row.

        Parameters
        ----------
        reference : int
            Position of the other set.

        Returns
        -------
        means, errors : ndarray of shape (n_sets,)
            Mean of the loss less that of the other set, and its standard error.
        """
        return paired_difference(self.losses, self.losses[reference], self.weights)


def paired_difference(losses, others, weights):
    """Mean of paired differences of losses, and its standard error.

    Parameters
    ----------
    losses : ndarray of shape (..., n_rows)
        Losses by row.
    others : ndarray of shape (..., n_rows)
        Those of something else on the same rows.
    weights : ndarray of shape (n_rows,)
        How much each row counts.

    Returns
    -------
    means, errors : ndarray of shape (...)

    Examples
    --------
    >>> import numpy as np
    >>> from skviann.feature_selection._path import paired_difference
    >>> losses, others = np.array([3.0, 2.0, 4.0, 3.0]), np.array([2.0, 2.0, 2.0, 2.0])
    >>> mean, error = paired_difference(losses, others, np.ones(4))
    >>> print(f"{mean:.2f} +- {error:.2f}")
    1.00 +- 0.41
    """
    shares = weights / weights.sum()
    differences = losses - others
    means = differences @ shares
    squares = (differences - means[..., np.newaxis]) ** 2 @ shares**2
    n_rows = len(weights)
    return means, np.sqrt(squares * n_rows / max(n_rows - 1, 1))


def set_sizes(n_features, start=0):
    """Sizes of the nested sets of one stretch of the path.

    Parameters
    ----------
    n_features : int
        All columns.
    start : int, default=0
        Where the stretch before ended.

    Returns
    -------
    sizes : list of int
        In increasing order, none beyond `n_features`.

    Examples
    --------
    >>> from skviann.feature_selection._path import set_sizes
    >>> set_sizes(100)
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
    >>> set_sizes(100, 16)
    [20, 24, 28, 32, 40, 48, 56, 64]
    >>> set_sizes(100, 64)
    [80, 96, 100]
    """
    end = _FIRST_STRETCH if start == 0 else max(_SECOND_STRETCH, 2 * start)
    sizes = []
    size = start
    while size < min(end, n_features):
        octave = 2 ** int(np.log2(max(size, 1)))
        size += 1 if size < _EVERY_UP_TO else octave // _IN_AN_OCTAVE
        sizes.append(min(size, n_features))
    return sizes


def held_out_rows(folds):
    """Take some of each fold's held-out rows, if there are very many.

    Parameters
    ----------
    folds : list of tuple of ndarray of int
        Rows to train on, and rows held out.

    Returns
    -------
    rows : list of ndarray of int
    """
    n_most = max(1, MAX_HELD_OUT_ROWS // len(folds))
    return [rows[spread_rows(len(rows), n_most)] for _, rows in folds]


def path_of_rows(sizes, losses, held_out, row_weights, unit_of_row=None):
    """Make a path of the folds' losses on the rows that they hold out.

    Parameters
    ----------
    sizes : sequence of int
        How many columns each set holds.
    losses : list of ndarray of shape (n_sets, n_rows)
        On the held-out rows of each fold. A row's losses are averaged over the folds
        that hold it out.
    held_out : list of ndarray of int of shape (n_rows,)
        Which rows these are.
    row_weights : ndarray of shape (n_samples,)
        How much rows count.
    unit_of_row : ndarray of int of shape (n_samples,), default=None
        Rows of a unit are averaged, for together they say no more than one row; None:
        each row says something of its own.

    Returns
    -------
    path : Path
    """
    rows, position = np.unique(np.concatenate(held_out), return_inverse=True)
    together = np.concatenate(losses, axis=1)
    n_times = np.bincount(position)
    by_row = np.array([np.bincount(position, of_set) for of_set in together]) / n_times
    weights = row_weights[rows]
    if unit_of_row is not None:
        _, unit = np.unique(unit_of_row[rows], return_inverse=True)
        sums = np.bincount(unit, weights)
        by_row = [np.bincount(unit, of_set * weights) for of_set in by_row]
        by_row = np.array(by_row) / np.where(sums > 0, sums, 1)
        weights = sums
    split_losses = [
        np.average(of_fold, axis=1, weights=row_weights[of_rows])
        for of_fold, of_rows in zip(losses, held_out, strict=True)
    ]
    return Path(np.array(sizes), by_row, weights, np.array(split_losses))


def in_blocks(losses, weights, n_most, seed):
    """Average losses over blocks of rows, drawn at random.

    The mean is the same, and the standard error is expected to be: blocks are fewer,
    but each one's mean varies less.

    Parameters
    ----------
    losses : ndarray of shape (..., n_rows)
        Losses by row.
    weights : ndarray of shape (n_rows,)
        How much each row counts.
    n_most : int
        No more blocks than that; as many rows or fewer stay as they are.
    seed : int
        Same seed, same blocks.

    Returns
    -------
    losses : ndarray of shape (..., n_blocks)
    weights : ndarray of shape (n_blocks,)
        Sums of the rows' weights.
    """
    n_rows = len(weights)
    if n_rows <= n_most:
        return losses, weights
    order = np.random.default_rng(seed).permutation(n_rows)
    firsts = np.linspace(0, n_rows, n_most, endpoint=False).astype(int)
    sums = np.add.reduceat(weights[order], firsts)
    losses = np.add.reduceat((losses * weights)[..., order], firsts, axis=-1)
    return losses / np.where(sums > 0, sums, 1), sums


def merge_paths(paths, weights):
    """Put together the paths of several samples of rows.

    Parameters
    ----------
    paths : list of Path
        Of the same sizes, but that some may go further than others.
    weights : list of float
        How much each sample counts.

    Returns
    -------
    path : Path
    """
    n_sets = min(len(path.n_features) for path in paths)
    return Path(
        paths[0].n_features[:n_sets],
        np.concatenate([path.losses[:n_sets] for path in paths], axis=1),
        np.concatenate(
            [
                path.weights * (weight / path.weights.sum())
                for path, weight in zip(paths, weights, strict=True)
            ]
        ),
        np.average(
            [path.split_losses[:, :n_sets] for path in paths], axis=0, weights=weights
        ),
    )


def follow_path(path_of_sizes, n_features, n_most=None, at_least=0):
    """Train nested sets of columns, until more of them no longer help.

    Parameters
    ----------
    path_of_sizes : callable
        From a list of sizes to the `Path` of these sets. Asked for ``[0]`` first, which
        is a model that sees no column.
    n_features : int
        All columns.
    n_most : int, default=None
        Go no further than that many columns.
    at_least : int, default=0
        Go as far as that many, if there are.

    Returns
    -------
    path : Path
    """
    n_most = n_features if n_most is None else min(n_most, n_features)
    path = path_of_sizes([0])
    while stretch := set_sizes(n_most, path.n_features[-1]):
        more = path_of_sizes(stretch)
        path = Path(
            np.concatenate([path.n_features, more.n_features]),
            np.concatenate([path.losses, more.losses]),
            path.weights,
            np.concatenate([path.split_losses, more.split_losses], axis=1),
        )
        if path.n_features[-1] >= at_least and not _may_go_on(path):
            break
    return path


def selection_frequencies(rankings, sizes):
    """Tell in which share of the folds a column is among the first so many.

    Parameters
    ----------
    rankings : ndarray of int of shape (n_folds, n_features)
        Most important first.
    sizes : ndarray of int of shape (n_sets,)
        How many.

    Returns
    -------
    frequencies : ndarray of float32 of shape (n_sets, n_features)

    Examples
    --------
    >>> import numpy as np
    >>> from skviann.feature_selection._path import selection_frequencies
    >>> selection_frequencies(np.array([[0, 1, 2], [0, 2, 1]]), np.array([1, 2]))
    array([[1. , 0. , 0. ],
           [1. , 0.5, 0.5]], dtype=float32)
    """
    frequencies = np.zeros((len(sizes), rankings.shape[1]), dtype=np.float32)
    for size, of_size in zip(sizes, frequencies, strict=True):
        np.add.at(of_size, rankings[:, :size], 1 / len(rankings))
    return frequencies


def _may_go_on(path):
    """Whether larger sets than those of the path may be better still."""
    best = int(path.mean_losses().argmin())
    if 2 * path.n_features[best] > path.n_features[-1]:
        return True
    means, errors = path.differences(best)
    return len(means) > 1 and means[-1] < 2 * errors[-1]


def choose_size(path):
    """Choose the smallest set that predicts about as well as the best one.

    That is the smallest whose mean held-out loss is within half a standard error of the
    best one's; the error is that of the paired difference. No column at all is chosen
    where the best set is not better than none by two of them.

    Parameters
    ----------
    path : Path
        Held-out losses.

    Returns
    -------
    chosen : int
        Position in the path.

    References
    ----------
    L. Breiman, J. H. Friedman, R. A. Olshen, C. J. Stone (1984), "Classification and
    Regression Trees", section 3.4.3 (the rule of one standard error).
    """
    best = int(path.mean_losses().argmin())
    means, errors = path.differences(best)
    if means[0] <= _N_ERRORS_OVER_NONE * errors[0]:
        return 0
    return int((means <= _N_ERRORS * errors).argmax())
