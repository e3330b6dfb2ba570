"""The ready-made networks, as the learner asks for them."""

import copy

import numpy as np

from skviann.neural_network._training import (
    Fold,
    Members,
    Schedule,
    as_one_fold,
    compute_outputs,
    join_members,
    train,
)

# A round with more weights in its first layer has one network a fold.
_MANY_WEIGHTS = 5_000_000

# The path's networks train for this number of steps at most, at a larger rate.
_LONGEST_PATH = 250
_LARGER_STEPS = 2.5

# The networks of a block pass over the rows twice, or over many rows once: with so many
# columns they soon learn few rows by heart.
_BATCHES = 12
_BATCH_SIZES = 16, 256
_EPOCHS = 8


class ReadyMade:
    """Trains networks such as `VIANNClassifier`.

    Parameters
    ----------
    network : estimator
        Its settings count; `fitted` makes it the result.
    """

    def __init__(self, network):
        self.network = network
        self.n_members = network.n_members

    def _schedule(self, problem, members, **length):
        n_rows = min(len(fold.rows) for fold in members.folds)
        n_inputs = _n_inputs(problem, members.folds)
        n_members = members.n_each * len(members.folds)
        return self.network._schedule(n_rows, n_inputs, n_members, **length)

    def train_round(self, problem, folds, n_networks, seed):
        """Train so many networks of each fold's features.

        Their `importances` are of shape (n_folds * n_networks, n_features); of a round
        with many weights there are fewer.
        """
        n_weights = _n_inputs(problem, folds) * len(folds) * n_networks
        n_weights *= next(iter(self.network.hidden_layer_sizes), 1)
        members = Members(folds, 1 if n_weights > _MANY_WEIGHTS else n_networks)
        return train(problem, members, self._schedule(problem, members), seed)

    def train_sets(self, problem, folds, sizes, seed, watch):
        """Train a network for each set of a fold's first features.

        `watch` is told of each epoch, see `_CheckPoints`.
        """
        members = Members(folds, len(sizes), np.array(sizes))
        schedule = self._schedule(problem, members, n_steps=_LONGEST_PATH)
        if self.network.epochs == "auto":
            rate = _LARGER_STEPS * schedule.learning_rate
            schedule = schedule._replace(learning_rate=rate)
        train(
            problem,
            members,
            schedule,
            seed,
            watch=lambda epoch, outputs_of: watch(epoch, schedule.epochs, outputs_of),
        )

    def train_block(self, problem, seed):
        """Train one network, and score its features: (n_features,)."""
        rows, features = np.arange(problem.n_rows), np.arange(problem.n_features)
        batch_size = int(np.clip(len(rows) // _BATCHES, *_BATCH_SIZES))
        batch_size = max(batch_size, self.network._least_batch())
        n_steps = max(2 * _BATCHES, len(rows) // batch_size)
        learning_rate = float(self.network.learning_rate)
        schedule = Schedule(batch_size, _EPOCHS, n_steps // _EPOCHS, learning_rate)
        trained = train(problem, Members([Fold(rows, features)], 1), schedule, seed)
        return trained.importances[0]

    def outputs(self, problem, networks, X):
        """Compute outputs of a round's networks, see `compute_outputs`."""
        return compute_outputs(networks, X)

    def sees_any_width(self, problem):
        """Whether networks can be built for fewer inputs than all."""
        return True

    def fitted(self, networks, only=None):
        """Put the members of all folds, which see the same features, into one network.

        Parameters
        ----------
        networks : list
            Of a round, for each sample.
        only : ndarray of int, default=None
            The features that they see; None: all.
        """
        network = self.network
        trained = as_one_fold(join_members(networks))
        if only is not None:
            inputs = network._learned.inputs.only(only)
            importances = np.zeros((len(trained.importances), inputs.n_features))
            importances[:, only] = trained.importances
            network._learned = network._learned._replace(inputs=inputs)
            trained = trained._replace(
                feature_of_input=inputs.feature[np.newaxis].astype(np.int32),
                importances=importances,
            )
        network._set_results(trained)
        return network

    def with_target(self, target):
        """Return the same for another scale of the target."""
        network = copy.copy(self.network)
        network._learned = network._learned._replace(target=target)
        return ReadyMade(network)


def _n_inputs(problem, folds):
    """About how many inputs each fold's features have, on average."""
    n_features = len(folds[0].features)
    return n_features * len(problem.inputs) / problem.n_features
