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
# A smaller set may lose that share of what the best set gains over none.
_LEAST_SHARE = 0.005


class Path(NamedTuple):
    """Held-out losses of nested sets of columns."""

    n_features: np.ndarray  # (n_sets,): how many columns each holds, from those fixed
    losses: np.ndarray  # (n_sets, n_rows): of each row that was held out
    weights: np.ndarray  # (n_rows,): how much it counts
    split_losses: np.ndarray  # (n_folds, n_sets): means by fold

    def mean_losses(self):
        """Return the mean loss of each set, (n_sets,)."""
        return np.average(self.losses, axis=1, weights=self.weights)

    def with_smaller(self, others):
        """Put other sets, on the same rows, in place of those with fewer columns."""
        losses, split_losses = self.losses.copy(), self.split_losses.copy()
        replaced = slice(1, 1 + len(others.losses))  # not the set of none
        losses[replaced] = others.losses
        split_losses[:, replaced] = others.split_losses
        return self._replace(losses=losses, split_losses=split_losses)

    def differences(self, reference):
        """Mean loss of each set less that of another one, and its standard error.

        `reference` is the other one's position; two arrays of shape (n_sets,).
        """
        return paired_difference(self.losses, self.losses[reference], self.weights)


def paired_difference(losses, others, weights):
    """Mean of paired differences of losses, and its standard error.

    From losses on the same rows, (..., n_rows), and the rows' weights: of shape (...).
    """
    shares = weights / weights.sum()
    differences = losses - others
    means = differences @ shares
    squares = (differences - means[..., np.newaxis]) ** 2 @ shares**2
    n_rows = len(weights)
    return means, np.sqrt(squares * n_rows / max(n_rows - 1, 1))


def set_sizes(n_features, start=0):
    """Sizes of the nested sets of one stretch of the path, behind the one before.

    From 100 features: 1, 2, ..., 16, then from 16 on 20, 24, 28, 32, 40, 48, 56, 64,
    then from 64 on 80, 96, 100.
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
    """Take some of each fold's held-out rows, if there are very many."""
    n_most = max(1, MAX_HELD_OUT_ROWS // len(folds))
    return [rows[spread_rows(len(rows), n_most)] for _, rows in folds]


def path_of_rows(sizes, losses, held_out, row_weights, unit_of_row=None):
    """Make a path of the folds' losses on the rows that they hold out.

    `losses` are those of each fold, (n_sets, n_rows), on its rows `held_out`. A row's
    losses are averaged over the folds that hold it out. Rows of a unit (of
    `unit_of_row`, (n_samples,), as `row_weights`) are averaged, for together they say
    no more than one row; without units each row says something of its own.
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


def pool_rows(losses, weights, n_most, seed):
    """Average losses over pools of rows, drawn at random.

    The mean is the same, and the standard error is expected to be: pools are fewer, but
    each one's mean varies less. From losses of shape (..., n_rows) and the rows'
    weights to those of at most `n_most` pools; as many rows or fewer stay as they are.
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
    """Put together the paths of several samples of rows, which count by their weights.

    Their sizes are the same, but that some may go further than others.
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


def follow_path(path_of_sizes, n_features, n_most=None, at_least=0, n_fixed=0):
    """Train nested sets of columns, until more of them no longer help.

    `path_of_sizes` makes a `Path` of a list of sizes. It is asked first for the set of
    the `n_fixed` columns that are kept in any case; ``[0]`` is a model that sees no
    column. Then it is asked for no more than `n_most` others, and for sets of
    `at_least` columns, if there are so many.
    """
    n_free = n_features - n_fixed
    n_most = n_free if n_most is None else min(n_most, n_free)
    path = path_of_sizes([n_fixed])
    while stretch := set_sizes(n_most, path.n_features[-1] - n_fixed):
        more = path_of_sizes([n_fixed + size for size in stretch])
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

    From rankings, (n_folds, n_features), and sizes to (n_sets, n_features), of float32.
    """
    frequencies = np.zeros((len(sizes), rankings.shape[1]), dtype=np.float32)
    for size, of_size in zip(sizes, frequencies, strict=True):
        np.add.at(of_size, rankings[:, :size], 1)
    return frequencies / np.float32(len(rankings))


def _may_go_on(path):
    """Whether larger sets than those of the path may be better still."""
    best = int(path.mean_losses().argmin())
    sizes = path.n_features - path.n_features[0]
    if 2 * sizes[best] > sizes[-1]:
        return True
    means, errors = path.differences(best)
    return len(means) > 1 and means[-1] < 2 * errors[-1]


def choose_size(path):
    """Choose the smallest set that predicts about as well as the best one.

    That is the smallest whose mean held-out loss is within half a standard error of the
    best one's, or within 0.5 % of what the best one gains over none; the error is that
    of the paired difference. No column at all is chosen where the best set is not
    better than none by two of them. With columns that are kept in any case, these alone
    are "none". Returned is the set's position in the path.

    References
    ----------
    L. Breiman, J. H. Friedman, R. A. Olshen, C. J. Stone (1984), "Classification and
    Regression Trees", section 3.4.3 (the rule of one standard error).
    """
    best = int(path.mean_losses().argmin())
    means, errors = path.differences(best)
    if means[0] <= _N_ERRORS_OVER_NONE * errors[0]:
        return 0
    allowed = np.maximum(_N_ERRORS * errors, _LEAST_SHARE * means[0])
    return int((means <= allowed).argmax())
