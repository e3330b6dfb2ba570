"""Selection with the ready-made networks: rounds, path and test, all of it packed."""

from functools import partial

import numpy as np

from skviann._validation import draw_seeds
from skviann.feature_selection._elimination import (
    GUARD_UNTIL,
    eliminate,
    remaining_after,
)
from skviann.feature_selection._findings import Findings
from skviann.feature_selection._folds import seen_rows, split_rows
from skviann.feature_selection._interactions import interaction_strengths
from skviann.feature_selection._path import (
    follow_path,
    held_out_rows,
)
from skviann.feature_selection._significance import N_CONDITIONED_ON, column_pvalues

# step="auto" eliminates from more features than that.
_FEW_FEATURES = 32
# A round with more weights in its first layer has one network a fold.
_MANY_WEIGHTS = 20_000_000


# The test looks at no more rows, of all folds, and learns what columns are like from
# no more.
_MAX_TESTED_ROWS = 10_000


def select_ready_made(
    network,
    X,
    y,
    sample_weight,
    *,
    cv,
    split_params,
    step,
    n_repeats,
    n_most,
    with_path,
    sampler,
    random_state,
    progress,
):
    """Rank columns in rounds, follow the path of nested sets, test their use.

    Parameters
    ----------
    network : estimator
        A copy of one of the ready-made networks; it is fitted.
    X, y, sample_weight
        As for its fit.
    cv, split_params
        As for `split_rows`.
    step : int, float, "auto" or None
        As for `VIANNSelector`.
    n_repeats : int
        How often rows are split.
    n_most : int or None
        No more columns will be kept.
    with_path : bool
        Whether to follow the path.
    sampler : object or None
        None: no test.
    random_state : int, RandomState instance or None
        Seeds everything.
    progress : callable
        From the number of steps to a `Progress`.

    Returns
    -------
    findings : Findings
    """
    from skviann.neural_network._training import as_one_group

    seed, *split_seeds = draw_seeds(random_state, 1 + n_repeats)
    problem, learned = network._open(X, y, sample_weight)
    n_features = problem.X.shape[1]
    targets = _class_numbers_or_quantities(problem)
    folds = split_rows(
        cv,
        problem.X,
        targets,
        problem.architecture.task != "regression",
        split_seeds,
        **_of_used_rows(split_params, problem.used),
    )
    if step == "auto":
        step = 0.5 if n_features > _FEW_FEATURES else None
    counts = remaining_after(n_features, step)
    interactions = None
    if counts and n_features > GUARD_UNTIL:
        seen = seen_rows(folds, len(problem.X))
        interactions = interaction_strengths(problem.X, targets, seen)
    n_each = max(1, round(network.n_members * n_repeats / len(folds)))
    with progress(len(counts) + 1 + 2 * with_path + (sampler is not None)) as bar:
        trainings = _Trainings(network, problem, folds, seed, bar)
        elimination = eliminate(
            partial(trainings.round, n_each), n_features, counts, interactions
        )
        network._keep(learned, problem.bins, as_one_group(elimination.first_round))
        path = pvalues = None
        if with_path:
            path = follow_path(
                partial(trainings.sets, elimination.rankings),
                trainings.constant_losses(),
                trainings.held_out,
                problem.weights_of(np.arange(len(problem.X))),
                n_features,
                n_most,
            )
        if sampler is not None:
            pvalues = trainings.test(elimination, sampler, seed)
    return Findings(
        elimination.importances,
        elimination.n_rounds.mean(axis=0),
        network,
        path,
        pvalues,
    )


def _class_numbers_or_quantities(problem):
    if problem.architecture.task == "regression":
        return problem.targets
    return problem.targets[:, 0].astype(int)


def _of_used_rows(split_params, used):
    """Leave out the groups of rows without weight."""
    if used is None:
        return split_params
    return {name: np.asarray(values)[used] for name, values in split_params.items()}


class _Trainings:
    """Trains networks fold by fold, and looks at them on the rows held out."""

    def __init__(self, network, problem, folds, seed, bar):
        self.network = network
        self.problem = problem
        self.folds = folds
        self.held_out = held_out_rows(folds)
        self._rng = np.random.default_rng(seed)
        self._bar = bar

    def _train(self, columns, n_each, **settings):
        from skviann.neural_network._training import Group, train

        groups = [
            Group(rows, of_fold)
            for (rows, _), of_fold in zip(self.folds, columns, strict=True)
        ]
        n_rows = min(len(group.rows) for group in groups)
        n_members = n_each * len(groups)
        schedule = self.network._schedule(n_rows, columns.shape[1], n_members)
        seed = int(self._rng.integers(2**31))
        return train(self.problem, groups, n_each, schedule, seed, **settings)

    def round(self, n_each, columns):
        """Train some networks for each fold's columns; return them and their shares."""
        if len(columns) == 1:
            columns = np.repeat(columns, len(self.folds), axis=0)
        n_weights = columns.size * self.network.n_bins * n_each
        n_weights *= next(iter(self.network.hidden_layer_sizes), 1)
        n_trained = 1 if n_weights > _MANY_WEIGHTS else n_each
        trained = self._train(columns, n_trained)
        self._bar.step(f"round of {columns.shape[1]} columns")
        shares = trained.importances.reshape(len(self.folds), n_trained, -1)
        return trained, np.repeat(shares, n_each // n_trained, axis=1)

    def sets(self, rankings, sizes):
        """Train a network for each fold and size; return held-out losses by fold."""
        from skviann.neural_network._training import compute_outputs

        columns = rankings[:, : sizes[-1]]
        trained = self._train(
            columns, len(sizes), n_columns_seen=np.array(sizes), same_weights=True
        )
        n_rows = max(len(rows) for rows in self.held_out)  # the same, for one array
        X = np.stack(
            [
                self.problem.read(np.resize(rows, n_rows), of_fold)
                for rows, of_fold in zip(self.held_out, columns, strict=True)
            ]
        )
        outputs = compute_outputs(trained, X)
        outputs = outputs.reshape(len(self.folds), -1, *outputs.shape[1:])
        self._bar.step(f"sets of up to {sizes[-1]} columns")
        return [
            self.problem.row_losses(rows, of_fold[:, : len(rows)])
            for rows, of_fold in zip(self.held_out, outputs, strict=True)
        ]

    def constant_losses(self):
        """Return the same for the best constant model of the rows trained on."""
        losses = []
        for (trained_on, _), rows in zip(self.folds, self.held_out, strict=True):
            constant = self.problem.constant(trained_on)
            outputs = np.broadcast_to(constant, (len(rows), len(constant)))
            losses.append(self.problem.row_losses(rows, outputs))
        return losses

    def test(self, elimination, sampler, seed):
        """P-value of each column's use by the networks of the last round."""
        from skviann.neural_network._training import compute_outputs

        problem, n_folds = self.problem, len(self.folds)
        n_rows = min(_MAX_TESTED_ROWS // n_folds, *map(len, self.held_out))
        rows = [_take(of_fold, n_rows) for of_fold in self.held_out]

        def losses_of(values):
            n_times = values.shape[1] // n_rows
            outputs = compute_outputs(elimination.last_round, values)
            outputs = outputs.reshape(n_folds, -1, *outputs.shape[1:])
            return np.stack(
                [
                    problem.row_losses(np.tile(of_fold, n_times), by_member).mean(
                        axis=0
                    )
                    * np.tile(problem.weights_of(of_fold), n_times)
                    for of_fold, by_member in zip(rows, outputs, strict=True)
                ]
            )

        rankings = elimination.rankings[:, :N_CONDITIONED_ON]
        data = [
            (
                problem.read(_take(trained_on, _MAX_TESTED_ROWS), columns),
                problem.read(of_fold, columns),
            )
            for (trained_on, _), of_fold, columns in zip(
                self.folds, rows, rankings, strict=True
            )
        ]
        pvalues = column_pvalues(
            losses_of,
            data,
            rankings,
            elimination.last_columns,
            sampler,
            problem.X.shape[1],
            seed,
        )
        self._bar.step("test of significance")
        return pvalues


def _take(rows, n_most):
    """Take some rows, at about equal distances."""
    if len(rows) <= n_most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, n_most).astype(int)]
