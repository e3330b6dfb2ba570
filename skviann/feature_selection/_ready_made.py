"""Selection with the ready-made networks: rounds, path and test, all of it packed."""

from functools import partial

import numpy as np
from scipy.sparse import issparse

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
from skviann.feature_selection._significance import (
    N_CONDITIONED_ON,
    ConditionalDraws,
    feature_pvalues,
)

# step="auto" eliminates from more features than that.
_FEW_FEATURES = 32
# A round with more weights in its first layer has one network a fold.
_MANY_WEIGHTS = 5_000_000


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
    n_features = problem.n_features
    targets = _class_numbers_or_quantities(problem)
    folds = split_rows(
        cv,
        problem.X,
        targets,
        targets.ndim == 1,
        split_seeds,
        **_of_used_rows(split_params, problem.used),
    )
    if step == "auto":
        step = 0.5 if n_features > _FEW_FEATURES else None
    counts = remaining_after(n_features, step)
    interactions = None
    if counts and n_features > GUARD_UNTIL and not issparse(problem.X):
        seen = seen_rows(folds, problem.n_rows)
        interactions = interaction_strengths(problem.X, targets, seen, problem.inputs)
    n_each = max(1, round(network.n_members * n_repeats / len(folds)))
    with progress(len(counts) + 1 + 2 * with_path + (sampler is not None)) as bar:
        trainings = _Trainings(network, problem, folds, seed, bar)
        elimination = eliminate(
            partial(trainings.round, n_each), n_features, counts, interactions
        )
        network._keep(learned, as_one_group(elimination.first_round))
        path = pvalues = None
        if with_path:
            path = follow_path(
                partial(trainings.sets, elimination.rankings),
                trainings.constant_losses(),
                trainings.held_out,
                problem.weights_of(np.arange(problem.n_rows)),
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
    """Return the target, of shape (n_samples,) only where it is one of classes."""
    architecture = problem.architecture
    is_multilabel = architecture.task == "binary" and architecture.n_outputs > 1
    if architecture.task == "regression" or is_multilabel:
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

    def _n_inputs(self, features):
        """About how many inputs so many features have, on average."""
        return features.shape[1] * len(self.problem.inputs) / self.problem.n_features

    def _train(self, features, n_each, **settings):
        from skviann.neural_network._training import Group, train

        groups = [
            Group(rows, of_fold)
            for (rows, _), of_fold in zip(self.folds, features, strict=True)
        ]
        n_rows = min(len(group.rows) for group in groups)
        n_members = n_each * len(groups)
        n_inputs = self._n_inputs(features)
        schedule = self.network._schedule(n_rows, n_inputs, n_members)
        seed = int(self._rng.integers(2**31))
        return train(self.problem, groups, n_each, schedule, seed, **settings)

    def round(self, n_each, features):
        """Train networks for each fold's features; return them and their shares."""
        if len(features) == 1:
            features = np.repeat(features, len(self.folds), axis=0)
        n_weights = self._n_inputs(features) * len(self.folds) * n_each
        n_weights *= next(iter(self.network.hidden_layer_sizes), 1)
        n_trained = 1 if n_weights > _MANY_WEIGHTS else n_each
        trained = self._train(features, n_trained)
        self._bar.step(f"round of {features.shape[1]} columns")
        shares = trained.importances.reshape(len(self.folds), n_trained, -1)
        return trained, np.repeat(shares, n_each // n_trained, axis=1)

    def sets(self, rankings, sizes):
        """Train a network for each fold and size; return held-out losses by fold."""
        from skviann.neural_network._training import as_wide, compute_outputs

        features = rankings[:, : sizes[-1]]
        trained = self._train(
            features, len(sizes), n_features_seen=np.array(sizes), same_weights=True
        )
        n_rows = max(len(rows) for rows in self.held_out)  # the same, for one array
        X = [
            self.problem.reader(of_fold)[0](np.resize(rows, n_rows))
            for rows, of_fold in zip(self.held_out, features, strict=True)
        ]
        n_inputs = trained.feature_of_input.shape[1]
        outputs = compute_outputs(trained, np.stack([as_wide(x, n_inputs) for x in X]))
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
        """P-value of each feature's use by the networks of the last round."""
        problem, n_folds = self.problem, len(self.folds)
        n_rows = min(_MAX_TESTED_ROWS // n_folds, *map(len, self.held_out))
        rows = [_take(of_fold, n_rows) for of_fold in self.held_out]
        tested = elimination.last_columns
        networks = _Replaced(problem, elimination.last_round, tested, rows)
        draws = []
        for number, (trained_on, _) in enumerate(self.folds):
            columns = problem.columns_of(
                elimination.rankings[number][:N_CONDITIONED_ON]
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
        pvalues = feature_pvalues(
            networks.losses, draws, tested, problem.n_features, seed
        )
        self._bar.step("test of significance")
        return pvalues


class _Replaced:
    """Losses of a round's networks on held-out rows, a feature's values replaced."""

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
