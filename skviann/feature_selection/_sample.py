"""What is done with one sample of rows: trainings fold by fold, held-out losses.

A method takes values and returns values, whether it runs here or on another machine:
same arguments, same result.
"""

import sys

import numpy as np
from scipy.sparse import issparse

from skviann.feature_selection import _interactions
from skviann.feature_selection._folds import seen_rows, split_rows
from skviann.feature_selection._path import (
    MAX_HELD_OUT_ROWS,
    held_out_rows,
    in_blocks,
    path_of_rows,
)
from skviann.feature_selection._significance import (
    N_CONDITIONED_ON,
    ConditionalDraws,
    Losses,
    losses_with_draws,
)

# A round with more weights in its first layer has one network a fold.
_MANY_WEIGHTS = 5_000_000

# The test and the second look see no more rows, of all folds, and the test learns what
# columns are like from no more.
_MAX_TESTED_ROWS = 10_000

# Of a table that is looked at in blocks of columns, no more values are held at a time.
MAX_VALUES_OF_BLOCK = 2**26
# The networks of a block pass over the rows twice, or over many rows once: with so many
# columns they soon learn few rows by heart.
_BATCHES_OF_BLOCK = 12
_BATCH_SIZES = 16, 256
_EPOCHS_OF_BLOCK = 8


class Sample:
    """Rows to select with.

    Parameters
    ----------
    network : estimator
        A ready-made network, whose settings count.
    problem : Problem
        Rows, targets and inputs.
    folds : list of tuple of ndarray of int
        Rows to train on, and rows held out.
    number : int, default=0
        Which of several samples this is: each draws numbers of its own.
    n_samples : int, default=1
        How many there are: each returns the fewer losses.
    weight : float, default=1.0
        How much this one counts.
    features : ndarray of int, default=None
        The features of the problem, as numbered by callers; None: as they are.
    """

    def __init__(
        self,
        network,
        problem,
        folds,
        *,
        number=0,
        n_samples=1,
        weight=1.0,
        features=None,
    ):
        self.network = network
        self.problem = problem
        self.folds = folds
        self.number = number
        self.n_samples = n_samples
        self.weight = weight
        self.features = features
        self.held_out = held_out_rows(folds)

    def __sizeof__(self):
        """Bytes, for those who decide where to compute."""
        return sys.getsizeof(self.problem)

    @property
    def can_interact(self):
        """Whether products of columns can be looked at."""
        return not issparse(self.problem.X)

    def _local(self, features):
        """Numbers of features in the problem."""
        if self.features is None:
            return features
        return np.searchsorted(self.features, features)

    def _seed(self, seed):
        return own_seed(seed, self.number)

    def _n_inputs(self, n_features):
        """About how many inputs so many features have, on average."""
        return n_features * len(self.problem.inputs) / self.problem.n_features

    def _train(self, features, n_each, seed, **settings):
        from skviann.neural_network._training import Group, train

        groups = [
            Group(rows, self._local(of_fold))
            for (rows, _), of_fold in zip(self.folds, features, strict=True)
        ]
        n_rows = min(len(group.rows) for group in groups)
        n_members = n_each * len(groups)
        n_inputs = self._n_inputs(features.shape[1])
        schedule = self.network._schedule(n_rows, n_inputs, n_members)
        seed = self._seed(seed)
        return train(self.problem, groups, n_each, schedule, seed, **settings)

    def round(self, features, n_each, seed):
        """Train networks for each fold's features.

        Parameters
        ----------
        features : ndarray of int of shape (n_folds or 1, n_features)
            One row: for all folds.
        n_each : int
            Networks a fold.
        seed : int
            Same seed, same networks.

        Returns
        -------
        trained : Trained
        shares : ndarray of shape (n_folds, n_each, n_features)
        """
        if len(features) == 1:
            features = np.repeat(features, len(self.folds), axis=0)
        n_weights = self._n_inputs(features.shape[1]) * len(self.folds) * n_each
        n_weights *= next(iter(self.network.hidden_layer_sizes), 1)
        n_trained = 1 if n_weights > _MANY_WEIGHTS else n_each
        trained = self._train(features, n_trained, seed)
        shares = trained.importances.reshape(len(self.folds), n_trained, -1)
        return trained, np.repeat(shares, n_each // n_trained, axis=1)

    def path(self, rankings, sizes, seed):
        """Train a network for each fold and size, and look at it on rows held out.

        Parameters
        ----------
        rankings : ndarray of int of shape (n_folds, n_features)
            Most important first.
        sizes : list of int
            ``[0]`` is the best constant model, which needs no training.
        seed : int
            Same seed, same networks.

        Returns
        -------
        path : Path
            Of several samples, losses are averaged over blocks of rows.
        """
        losses = (
            self._constant_losses()
            if sizes == [0]
            else self._losses_of_sets(rankings, sizes, seed)
        )
        weights = self.problem.weights_of(np.arange(self.problem.n_rows))
        path = path_of_rows(sizes, losses, self.held_out, weights)
        n_blocks = max(1, MAX_HELD_OUT_ROWS // self.n_samples)
        losses, weights = in_blocks(path.losses, path.weights, n_blocks, self.number)
        return path._replace(losses=losses, weights=weights)

    def _losses_of_sets(self, rankings, sizes, seed):
        from skviann.neural_network._training import as_wide, compute_outputs

        features = rankings[:, : sizes[-1]]
        trained = self._train(
            features,
            len(sizes),
            seed,
            n_features_seen=np.array(sizes),
            same_weights=True,
        )
        n_rows = max(len(rows) for rows in self.held_out)  # the same, for one array
        X = [
            self.problem.reader(self._local(of_fold))[0](np.resize(rows, n_rows))
            for rows, of_fold in zip(self.held_out, features, strict=True)
        ]
        n_inputs = trained.feature_of_input.shape[1]
        outputs = compute_outputs(trained, np.stack([as_wide(x, n_inputs) for x in X]))
        outputs = outputs.reshape(len(self.folds), -1, *outputs.shape[1:])
        return [
            self.problem.row_losses(rows, of_fold[:, : len(rows)])
            for rows, of_fold in zip(self.held_out, outputs, strict=True)
        ]

    def _constant_losses(self):
        losses = []
        for (trained_on, _), rows in zip(self.folds, self.held_out, strict=True):
            constant = self.problem.constant(trained_on)
            outputs = np.broadcast_to(constant, (1, len(rows), len(constant)))
            losses.append(self.problem.row_losses(rows, outputs))
        return losses

    def increases_by_shuffling(self, trained, features, seed):
        """Look by how much the loss rises on the rows trained on, a feature shuffled.

        Parameters
        ----------
        trained : Trained
            Networks of this sample, in which `features` take part.
        features : ndarray of int of shape (n_folds, n_features)
            Which to shuffle, one at a time.
        seed : int
            Same seed, same orders of the rows.

        Returns
        -------
        increases : ndarray of shape (n_folds, n_features)
        """
        problem, n_folds = self.problem, len(self.folds)
        rng = np.random.default_rng(self._seed(seed))
        n_rows = min(
            _MAX_TESTED_ROWS // n_folds,
            *(len(trained_on) for trained_on, _ in self.folds),
        )
        rows = [_take(trained_on, n_rows) for trained_on, _ in self.folds]
        local = [self._local(of_fold) for of_fold in features]
        networks = _Replaced(problem, trained, local, rows)
        losses = []
        for number in range(features.shape[1]):
            shuffled = [
                problem.coded(
                    rng.permutation(of_fold), problem.columns_of([its[number]])
                )[np.newaxis]
                for of_fold, its in zip(rows, local, strict=True)
            ]
            losses.append(networks.losses(number, shuffled).mean(axis=(1, 2)))
        return np.transpose(losses) - networks.losses().mean(axis=(1, 2))[:, np.newaxis]

    def losses_with_draws(self, last_round, last_columns, rankings, sampler, seed):
        """Look at a round's networks with the values of a feature replaced by draws.

        Parameters
        ----------
        last_round : Trained
            Networks of this sample, in which `last_columns` take part.
        last_columns : ndarray of int of shape (n_folds, n_tested)
            Which to replace.
        rankings : ndarray of int of shape (n_folds, n_features)
            Features are drawn given the first of them.
        sampler : object
            As `ConditionalSampler`.
        seed : int
            Same seed, same draws.

        Returns
        -------
        losses : Losses
        """
        problem, n_folds = self.problem, len(self.folds)
        n_rows = min(_MAX_TESTED_ROWS // n_folds, *map(len, self.held_out))
        rows = [_take(of_fold, n_rows) for of_fold in self.held_out]
        tested = [self._local(of_fold) for of_fold in last_columns]
        networks = _Replaced(problem, last_round, tested, rows)
        draws = []
        for number, (trained_on, _) in enumerate(self.folds):
            columns = problem.columns_of(
                self._local(rankings[number][:N_CONDITIONED_ON])
            )
            of_tested = [
                np.flatnonzero(np.isin(columns, problem.columns_of([feature])))
                for feature in tested[number]
            ]
            draws.append(
                ConditionalDraws(
                    sampler,
                    problem.coded(_take(trained_on, _MAX_TESTED_ROWS), columns),
                    problem.coded(rows[number], columns),
                    np.flatnonzero(np.isin(columns, problem.categories)),
                    of_tested,
                )
            )
        losses = losses_with_draws(
            networks.losses, draws, last_columns, self._seed(seed)
        )
        if self.n_samples == 1:
            return losses
        n_blocks = max(1, _MAX_TESTED_ROWS // (self.n_samples * n_folds))

        def blocks(values):
            return in_blocks(values, np.ones(n_rows), n_blocks, self.number)[0]

        replaced = {key: blocks(values) for key, values in losses.replaced.items()}
        return Losses(blocks(losses.original), replaced)

    def terms(self, features, n_terms=None):
        """Prepare features to be multiplied with each other: rows, and columns.

        Parameters
        ----------
        features : ndarray of int
            Which.
        n_terms : int, default=None
            How many columns there are in all, of which more mean fewer rows; None:
            those of this sample.

        Returns
        -------
        looked_at : LookedAt
        terms : Terms
        """
        problem = self.problem
        looked_at = _interactions.choose_rows(
            problem.class_numbers_or_quantities(),
            seen_rows(self.folds, problem.n_rows),
            problem.inputs.n_terms if n_terms is None else n_terms,
        )
        terms = _interactions.read_terms(
            problem.X, looked_at.rows, features, problem.inputs
        )
        return looked_at, terms

    def interaction_strengths(self):
        """Find each feature's strongest interaction, (n_folds, n_features)."""
        return _interactions.interaction_strengths(
            self.problem.X,
            self.problem.class_numbers_or_quantities(),
            seen_rows(self.folds, self.problem.n_rows),
            self.problem.inputs,
        )

    def block(self, fold, features, n_in_all=None):
        """Take some features of the rows that a fold is trained on.

        Parameters
        ----------
        fold : int
            Which.
        features : ndarray of int
            Which.
        n_in_all : int, default=None
            Features of the block, if these are a part of it.

        Returns
        -------
        block : Block
        """
        rows = self.folds[fold][0]
        n_in_all = n_in_all or len(features)
        rows = _take(rows, max(1, MAX_VALUES_OF_BLOCK // n_in_all))
        return Block(self.network, self.problem.part(rows, features))

    def narrowed(self, features):
        """Take some features of all rows, or of some if they are very many."""
        n_rows = self.problem.n_rows
        rows = _take(
            np.arange(n_rows), max(1, 4 * MAX_VALUES_OF_BLOCK // len(features))
        )
        folds = [
            tuple(np.flatnonzero(np.isin(rows, part)) for part in fold)
            for fold in self.folds
        ]
        return Sample(
            self.network,
            self.problem.part(rows, features),
            folds,
            number=self.number,
            n_samples=self.n_samples,
            weight=self.weight,
            features=features,
        )


class Block:
    """Some features of the rows that one fold is trained on."""

    def __init__(self, network, problem):
        self.network = network
        self.problem = problem

    def __sizeof__(self):
        """Bytes, for those who decide where to compute."""
        return sys.getsizeof(self.problem)

    def importances(self, seed):
        """Train one network, and score its features: (n_features,)."""
        from skviann.neural_network._training import Group, Schedule, train

        problem = self.problem
        rows, features = np.arange(problem.n_rows), np.arange(problem.n_features)
        batch_size = int(np.clip(len(rows) // _BATCHES_OF_BLOCK, *_BATCH_SIZES))
        n_steps = max(2 * _BATCHES_OF_BLOCK, len(rows) // batch_size)
        learning_rate = float(self.network.learning_rate)
        schedule = Schedule(
            batch_size, _EPOCHS_OF_BLOCK, n_steps // _EPOCHS_OF_BLOCK, learning_rate
        )
        trained = train(problem, [Group(rows, features)], 1, schedule, seed)
        return trained.importances[0]


def own_seed(seed, number):
    """Seed of one of several samples; the first one has that of all."""
    if number == 0:
        return seed
    return int(np.random.default_rng([seed, number]).integers(2**31))


def open_sample(
    network,
    X,
    y,
    sample_weight,
    cv,
    split_params,
    split_seeds,
    *,
    learned=None,
    classes=None,
    **settings,
):
    """Check a table, learn what its columns hold, and split its rows.

    Parameters
    ----------
    network, X, y, sample_weight, learned, classes
        As for `BaseNetwork._open`.
    cv, split_params, split_seeds
        As for `split_rows`.
    **settings : dict
        Which of several samples it is, as for `Sample`.

    Returns
    -------
    sample : Sample
    learned : Learned
        What is known of the table and its target.
    """
    problem, learned = network._open(
        X, y, sample_weight, learned=learned, classes=classes
    )
    targets = problem.class_numbers_or_quantities()
    if problem.used is not None:  # leave out the groups of rows without weight
        split_params = {
            name: np.asarray(values)[problem.used]
            for name, values in split_params.items()
        }
    folds = split_rows(
        cv, problem.X, targets, targets.ndim == 1, split_seeds, **split_params
    )
    return Sample(network, problem, folds, **settings), learned


class _Replaced:
    """Losses of a round's networks on some rows, a feature's values replaced."""

    def __init__(self, problem, trained, features, rows):
        from skviann.neural_network._training import as_wide

        self._problem = problem
        self._trained = trained
        self._rows = rows
        self._n_inputs = trained.feature_of_input.shape[1]
        self._encoded, self._of_feature = [], []
        for of_fold, rows_of_fold in zip(features, rows, strict=True):
            read, inputs = problem.reader(of_fold)
            self._encoded.append(as_wide(read(rows_of_fold), self._n_inputs))
            parts = []
            for number, feature in enumerate(of_fold):
                part, position = inputs.of_features(np.array([number]))
                columns = problem.columns_of([feature])
                parts.append((part.on_columns(columns), position))
            self._of_feature.append(parts)

    def losses(self, number=None, drawn=None):
        """Weighted losses, (n_folds, n_draws, n_rows).

        Parameters
        ----------
        number : int
            Which of each fold's features; None: none is replaced.
        drawn : list of ndarray of shape (n_draws, n_rows, n_columns)
            For each fold: values of the feature's columns.
        """
        from skviann.neural_network._training import compute_outputs

        X, n_draws = np.stack(self._encoded), 1
        if number is not None:
            n_draws = len(drawn[0])
            X = np.tile(X, (1, n_draws, 1))
            for fold, values in enumerate(drawn):
                inputs, position = self._of_feature[fold][number]
                X[fold][:, position] = inputs.encode(
                    values.reshape(-1, values.shape[-1])
                )
        outputs = compute_outputs(self._trained, X)
        outputs = outputs.reshape(len(X), -1, *outputs.shape[1:])
        losses = [
            self._problem.row_losses(np.tile(rows, n_draws), by_member).mean(axis=0)
            * np.tile(self._problem.weights_of(rows), n_draws)
            for rows, by_member in zip(self._rows, outputs, strict=True)
        ]
        return np.reshape(losses, (len(X), n_draws, -1))


def _take(rows, n_most):
    """Take some rows, at about equal distances."""
    if len(rows) <= n_most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, n_most).astype(int)]
