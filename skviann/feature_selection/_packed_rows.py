"""The learner: networks trained at once, on one sample of rows.

A method takes values and returns values, whether it runs here or on another machine.
"""

import copy
import sys
from dataclasses import replace

import numpy as np
from joblib import Parallel, delayed
from scipy.sparse import issparse
from scipy.stats import rankdata
from sklearn.utils import gen_batches
from threadpoolctl import threadpool_limits

from skviann._losses import SQUARED_ERROR
from skviann._target import Target, scores_of_skewed
from skviann.feature_selection import _interactions
from skviann.feature_selection._companions import find_companions
from skviann.feature_selection._folds import Folds, are_few, seen_rows, split_rows
from skviann.feature_selection._learner import (
    MAX_TESTED_ROWS,
    RowsLearner,
    take_spread,
)
from skviann.feature_selection._path import MAX_HELD_OUT_ROWS, pool_rows
from skviann.feature_selection._significance import Losses
from skviann.feature_selection._wide import (
    BLOCK_SIZE,
    MAX_VALUES_OF_BLOCK,
    Block,
    WideLearner,
)
from skviann.neural_network._training import Fold, as_wide
from skviann.variance import sum_to_one

# While the path's networks train, they are looked at several times. It is over after a
# number of looks in a row at which the losses of all sets together fall by less than a
# share.
_N_CHECK_POINTS = 12
_N_WITHOUT = 2
_LEAST_GAIN = 0.003

_VALUES_CORRELATED = 2**23

# Networks that see so many columns choose the scale of the target; normal scores must
# leave less than that of the share which is unexplained with the target as it is.
_N_SEEN = 64
_LESS_UNEXPLAINED = 0.95


class PackedRows(RowsLearner):
    """Has the networks of all folds trained.

    Parameters
    ----------
    network : ReadyMade or OwnNetwork
        Trains networks.
    problem : Problem
        Rows, targets and inputs.
    folds : Folds
        From `split_rows`.
    n_networks : int
        Networks of each fold in a round.
    n_jobs : int, default=None
        Blocks of columns that are trained at the same time.
    number, n_samples : int, default=0, 1
        Which of several samples of rows this is: each draws numbers of its own, and
        returns the fewer losses.
    features : ndarray of int, default=None
        The features of the problem, as numbered by callers; None: as they are.
    """

    def __init__(
        self,
        network,
        problem,
        folds,
        n_networks,
        *,
        n_jobs=None,
        number=0,
        n_samples=1,
        features=None,
    ):
        super().__init__(
            folds, problem.n_features, problem.weights_of(np.arange(problem.n_rows))
        )
        self.network = network
        self.problem = problem
        self.n_networks = n_networks
        self.n_jobs = n_jobs
        self.number = number
        self.n_samples = n_samples
        self.features = features
        self.categories = problem.categories

    @classmethod
    def split(cls, network, problem, splitting, *, n_samples=1, **settings):
        """Split rows into folds, for as many networks as a ready-made one has.

        Of rows that are split three times, there are three times as many networks.

        Parameters
        ----------
        network, problem, n_samples
            As for the class.
        splitting : Splitting
            How. One of several samples of rows is never one of few.
        **settings : dict
            As for the class.
        """
        y, is_stratified = problem.to_split_by(), problem.target.is_stratified
        splitting = splitting.of(problem.used)
        is_few = n_samples == 1 and are_few(problem.n_rows, problem.n_telling())
        if splitting.one_if_many and not is_few:
            splitting = splitting._replace(seeds=splitting.seeds[:1])
        folds = split_rows(problem.X, y, is_stratified, splitting)
        n_networks = network.n_members * len(splitting.seeds) / len(folds.splits)
        n_networks = max(1, round(n_networks))
        return cls(network, problem, folds, n_networks, n_samples=n_samples, **settings)

    def __sizeof__(self):
        """Bytes, for those who decide where to compute."""
        return sys.getsizeof(self.problem)

    def _local(self, features):
        """Numbers of features in the problem."""
        if self.features is None:
            return features
        return np.searchsorted(self.features, features)

    def _seed(self, seed):
        return seed_of_sample(seed, self.number)

    def _of_folds(self, features):
        """Tell which rows and features each fold's networks are trained on."""
        return [
            Fold(rows, self._local(of_fold))
            for (rows, _), of_fold in zip(self.folds, features, strict=True)
        ]

    def train_round(self, features, seed):
        networks = self.network.train_round(
            self.problem, self._of_folds(features), self.n_networks, self._seed(seed)
        )
        shares = networks.importances
        if shares is None:  # there is not a weight for each input
            increases = self.increases_by_shuffling(networks, features, seed)
            shares = [sum_to_one(np.maximum(of_fold, 0)) for of_fold in increases]
        shares = np.reshape(shares, (self.n_folds, -1, features.shape[1]))
        return networks, np.repeat(shares, self.n_networks // shares.shape[1], axis=1)

    def fitted(self, networks, only=None):
        return self.network.fitted([networks], only)

    def path(self, rankings, sizes, seed):
        path = super().path(rankings, sizes, seed)
        n_blocks = max(1, MAX_HELD_OUT_ROWS // self.n_samples)
        losses, weights = pool_rows(path.losses, path.weights, n_blocks, self.number)
        return path._replace(losses=losses, weights=weights)

    def _losses_of_sets(self, rankings, sizes, seed):
        features = rankings[:, : sizes[-1]]
        X = [
            self.problem.reader(self._local(of_fold))[0](rows)
            for rows, of_fold in zip(self.held_out, features, strict=True)
        ]
        watch = _CheckPoints(
            lambda outputs_of: self._row_losses(outputs_of, X, self.held_out),
            [self.weights[rows] for rows in self.held_out],
        )
        self.network.train_sets(
            self.problem, self._of_folds(features), sizes, self._seed(seed), watch
        )
        return watch.best

    def _row_losses(self, outputs_of, X, rows, n_draws=1):
        """Losses of each fold's networks on its inputs: (n_each, n_draws * n_rows).

        Folds may have different numbers of rows; the graph takes one array for all.
        """
        n_rows, n_inputs = np.max([x.shape for x in X], axis=0)
        filled = [as_wide(x[np.resize(np.arange(len(x)), n_rows)], n_inputs) for x in X]
        outputs = outputs_of(np.stack(filled))
        outputs = outputs.reshape(len(X), -1, *outputs.shape[1:])
        losses = []
        for of_fold, its in zip(rows, outputs, strict=True):
            n_each = len(its)
            its = its[:, : n_draws * len(of_fold)]
            its = its.reshape(n_each, n_draws, len(of_fold), -1)
            of_draws = self.problem.row_losses(of_fold, its)
            losses.append(of_draws.reshape(n_each, -1))
        return losses

    def _constant_losses(self):
        losses = []
        for (trained_on, _), rows in zip(self.folds, self.held_out, strict=True):
            constant = self.problem.constant(trained_on)
            outputs = np.broadcast_to(constant, (1, len(rows), len(constant)))
            losses.append(self.problem.row_losses(rows, outputs))
        return losses

    def _losses_of_networks(self, networks, features, rows):
        encoded, of_features = [], []
        for some, of_fold in zip(rows, features, strict=True):
            read, inputs = self.problem.reader(self._local(of_fold))
            encoded.append(read(some))
            of_features.append(
                [
                    (
                        part.on_columns(self._columns_of([feature])),
                        position,
                    )
                    for number, feature in enumerate(of_fold)
                    for part, position in [inputs.of_features(np.array([number]))]
                ]
            )

        def losses(number=None, drawn=None):
            X, n_draws = encoded, 1
            if number is not None:
                n_draws = len(drawn[0])
                X = [np.tile(x, (n_draws, 1)) for x in encoded]
                for x, values, of_fold in zip(X, drawn, of_features, strict=True):
                    inputs, position = of_fold[number]
                    values = values.reshape(-1, values.shape[-1])
                    x[:, position] = inputs.encode(values)
            return [
                of_fold.mean(axis=0).reshape(n_draws, -1)
                * self.problem.weights_of(some)
                for some, of_fold in zip(
                    rows,
                    self._row_losses(
                        lambda X: self.network.outputs(self.problem, networks, X),
                        X,
                        rows,
                        n_draws,
                    ),
                    strict=True,
                )
            ]

        return losses

    def _columns_of(self, features):
        return self.problem.columns_of(self._local(np.asarray(features)))

    def _read(self, rows, columns):
        return self.problem.coded(rows, columns)

    def increases_by_shuffling(self, networks, features, seed):
        return super().increases_by_shuffling(networks, features, self._seed(seed))

    def losses_with_draws(self, networks, features, rankings, sampler, seed):
        losses = super().losses_with_draws(
            networks, features, rankings, sampler, self._seed(seed)
        )
        if self.n_samples == 1:
            return losses
        n_blocks = max(1, MAX_TESTED_ROWS // (self.n_samples * self.n_folds))

        def blocks(values):
            n_rows = values.shape[-1]
            return pool_rows(values, np.ones(n_rows), n_blocks, self.number)[0]

        replaced = {key: blocks(values) for key, values in losses.replaced.items()}
        return Losses([blocks(values) for values in losses.original], replaced)

    def terms(self, features, n_terms=None):
        """Read features to be multiplied with each other: `RowsWithTargets`, `Terms`.

        `n_terms` is how many columns there are in all, of which more mean fewer rows;
        None: those of this sample.
        """
        problem = self.problem
        rows = _interactions.choose_rows(
            problem.responses(),
            seen_rows(self.folds, problem.n_rows),
            problem.inputs.n_terms if n_terms is None else n_terms,
        )
        return rows, _interactions.read_terms(
            problem.X, rows.rows, features, problem.inputs
        )

    @property
    def can_interact(self):
        """Whether products of columns can be looked at."""
        return not issparse(self.problem.X)

    def correlations(self):
        problem = self.problem
        targets = _interactions.targets_of(problem.responses())
        correlations = np.zeros((self.n_folds, problem.n_features))
        for of_fold, (rows, _) in zip(correlations, self.folds, strict=True):
            seen = take_spread(rows, MAX_TESTED_ROWS)
            y = _interactions.standardise(rankdata(targets[seen], axis=0))
            size = max(1, _VALUES_CORRELATED // len(seen))
            for some in gen_batches(problem.n_features, size):
                part = problem.subset(seen, np.arange(some.start, some.stop))
                read, inputs = part.reader(np.arange(part.n_features))
                X = _interactions.standardise(read(np.arange(len(seen))))
                strongest = np.abs(X.T @ y / len(seen)).max(axis=1)
                np.maximum.at(of_fold[some], inputs.feature, strongest)
        return correlations

    def companions(self, kept, choices, pvalues):
        rows = np.arange(self.problem.n_rows)
        if self.unit_of_row is not None:  # copies tell nothing more
            rows = np.unique(self.unit_of_row, return_index=True)[1]
        with threadpool_limits(1):  # threads would only wait for each other
            return find_companions(self.problem, rows, kept, choices, pvalues)

    def interaction_strengths(self):
        if not self.can_interact:
            return None
        return _interactions.interaction_strengths(
            self.problem.X,
            self.problem.responses(),
            seen_rows(self.folds, self.problem.n_rows),
            self.problem.inputs,
        )

    def for_rounds(self, seed, fixed):
        is_wide = self.n_features > BLOCK_SIZE and self.network.sees_any_width(
            self.problem
        )
        return WideLearner(self, seed, fixed) if is_wide else self

    def importances_of_blocks(self, blocks, seeds):
        """Train a network for each block: list of ndarray of shape (n_features,).

        `blocks` are pairs of a fold and some features, each with a seed of its own.
        """
        return Parallel(n_jobs=self.n_jobs)(
            delayed(_importances_of_block)(self.block(*block), seed)
            for block, seed in zip(blocks, seeds, strict=True)
        )

    def block(self, fold, features, n_in_all=None):
        """Take some features of the rows that a fold is trained on, as a `Block`.

        `n_in_all` is how many features the block has, if these are some of them.
        """
        n_rows = max(1, MAX_VALUES_OF_BLOCK // (n_in_all or len(features)))
        rows = take_spread(self.folds[fold][0], n_rows)
        return Block(self.network, self.problem.subset(rows, features))

    def narrowed(self, features):
        """Take some features of all rows, or of some if they are very many."""
        n_rows = max(1, 4 * MAX_VALUES_OF_BLOCK // len(features))
        rows = take_spread(np.arange(self.problem.n_rows), n_rows)
        splits = [
            tuple(np.flatnonzero(np.isin(rows, part)) for part in fold)
            for fold in self.folds
        ]
        units = None if self.unit_of_row is None else self.unit_of_row[rows]
        return PackedRows(
            self.network,
            self.problem.subset(rows, features),
            Folds(splits, units),
            self.n_networks,
            number=self.number,
            n_samples=self.n_samples,
            features=features,
        )


def with_best_scale(learner, y, seed):
    """Choose the scale of a quantity that is far from normal: as it is, or its order.

    With squared errors, one row or a heavy tail may decide all. Of normal scores, none
    does; but where large values are what can be predicted, they hide it. So the choice
    is that of rows held out: the scale on which networks leave less of the variance.
    With another loss it is said what to predict of the quantity as it is.

    Parameters
    ----------
    learner : PackedRows
        With the target as it is.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        The target before it was coded.
    seed : int
        For the networks that are compared.

    Returns
    -------
    learner : PackedRows
        The same, or one whose target, and that of its network, are normal scores.
    """
    problem = learner.problem
    if problem.target.loss != SQUARED_ERROR:
        return learner
    scores = scores_of_skewed(y, problem.sample_weight)
    if not scores:
        return learner
    target = Target.of_quantities(y, problem.sample_weight, scores)
    other = copy.copy(learner)
    other.problem = replace(problem, target=target, y=target.code(y))
    other.network = learner.network.with_target(target)
    # The same for both: correlations are those of ranks.
    order = np.argsort(-learner.correlations(), axis=1, kind="stable")
    shares = [_unexplained(one, order, seed) for one in (learner, other)]
    return other if shares[1] < _LESS_UNEXPLAINED * shares[0] else learner


def _unexplained(learner, order, seed):
    """Share of the variance that networks leave of rows held out.

    They see the first columns of each fold's order, (n_folds, n_features).
    """
    n_seen = min(_N_SEEN, learner.n_features)
    none = learner.path(order, [0], None).mean_losses()[0]
    return learner.path(order, [n_seen], seed).mean_losses()[0] / none


class _CheckPoints:
    """Keeps the held-out losses of nested sets where each has trained long enough.

    How long that is depends on the table and on the number of columns: few rows are
    soon learned by heart, others take long. So losses are looked at several times on
    the way, at numbers of epochs that grow by a factor, and each set has those of its
    best mean over folds. It is over when these hardly fall any more.

    Parameters
    ----------
    losses_of : callable
        From a function that computes outputs to the losses of each fold, (n_sets,
        n_held_out).
    weights : list of ndarray of shape (n_held_out,)
        Of each fold's rows.

    Attributes
    ----------
    best : list of ndarray of shape (n_sets, n_held_out)
        The losses of each fold.
    """

    def __init__(self, losses_of, weights):
        self._losses_of = losses_of
        self._weights = np.concatenate(weights)
        self._lowest = self.best = None
        self._n_without = 0

    def __call__(self, epoch, n_epochs, outputs_of):
        """Look, if it is time; return whether it is over.

        Parameters
        ----------
        epoch, n_epochs : int
            How many have passed, and how many there will be.
        outputs_of : callable
            From inputs of each fold's rows to outputs, see `compute_outputs`.
        """
        points = np.geomspace(1, n_epochs, _N_CHECK_POINTS).round().astype(int)
        if epoch not in points:
            return False
        losses = self._losses_of(outputs_of)
        together = np.concatenate(losses, axis=1)
        means = np.average(together, axis=1, weights=self._weights)
        if self.best is None:
            self.best, self._lowest = losses, means
            return False
        is_better, before = means < self._lowest, self._lowest.sum()
        self._lowest = np.where(is_better, means, self._lowest)
        for best, now in zip(self.best, losses, strict=True):
            best[is_better] = now[is_better]
        gain = 1 - self._lowest.sum() / before
        self._n_without = 0 if gain > _LEAST_GAIN else self._n_without + 1
        return self._n_without >= _N_WITHOUT


def _importances_of_block(block, seed):
    return block.importances(seed)


def seed_of_sample(seed, number):
    """Seed of one of several samples; the first one has that of all."""
    if number == 0:
        return seed
    return int(np.random.default_rng([seed, number]).integers(2**31))
