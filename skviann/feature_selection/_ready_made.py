"""Selection with the ready-made networks: rounds, path and test, all of it packed."""

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
    from skviann.neural_network import _training

    seed, *split_seeds = draw_seeds(random_state, 1 + n_repeats)
    problem, learned = network._open(X, y, sample_weight)
    n_features = problem.X.shape[1]
    is_classes = problem.architecture.task != "regression"
    targets = problem.targets[:, 0].astype(int) if is_classes else problem.targets
    if problem.used is not None and split_params.get("groups") is not None:
        groups = np.asarray(split_params["groups"])[problem.used]
        split_params = {**split_params, "groups": groups}
    folds = split_rows(cv, problem.X, targets, is_classes, split_seeds, **split_params)
    n_rows = min(len(rows) for rows, _ in folds)
    rng = np.random.default_rng(seed)
    if step == "auto":
        step = 0.5 if n_features > _FEW_FEATURES else None
    counts = remaining_after(n_features, step)
    n_each = max(1, round(network.n_members * n_repeats / len(folds)))

    def train(columns, n_each, **settings):
        groups = [
            _training.Group(rows, of_fold)
            for (rows, _), of_fold in zip(folds, columns, strict=True)
        ]
        n_members = n_each * len(groups)
        schedule = network._schedule(n_rows, columns.shape[1], n_members)
        seed = int(rng.integers(2**31))
        return _training.train(problem, groups, n_each, schedule, seed, **settings)

    with progress(len(counts) + 1 + 2 * with_path + (sampler is not None)) as bar:

        def train_round(columns):
            if len(columns) == 1:
                columns = np.repeat(columns, len(folds), axis=0)
            n_weights = columns.size * network.n_bins * n_each
            n_weights *= next(iter(network.hidden_layer_sizes), 1)
            n = 1 if n_weights > _MANY_WEIGHTS else n_each
            trained = train(columns, n)
            bar.step(f"round of {columns.shape[1]} columns")
            shares = trained.importances.reshape(len(folds), n, -1)
            return trained, np.repeat(shares, n_each // n, axis=1)

        interactions = None
        if counts and n_features > GUARD_UNTIL:
            seen = seen_rows(folds, len(problem.X))
            interactions = interaction_strengths(problem.X, targets, seen)
        elimination = eliminate(train_round, n_features, counts, interactions)
        network._keep(
            learned, problem.bins, _training.as_one_group(elimination.first_round)
        )
        held_out = held_out_rows(folds)
        path = pvalues = None
        if with_path:

            def train_sets(sizes):
                columns = elimination.rankings[:, : sizes[-1]]
                trained = train(
                    columns,
                    len(sizes),
                    n_columns_seen=np.array(sizes),
                    same_weights=True,
                )
                bar.step(f"sets of up to {sizes[-1]} columns")
                return _held_out_losses(problem, trained, held_out, columns)

            path = follow_path(
                train_sets,
                [
                    _constant_losses(problem, trained_on, rows)
                    for rows, (trained_on, _) in zip(held_out, folds, strict=True)
                ],
                held_out,
                problem.weights_of(np.arange(len(problem.X))),
                n_features,
                n_most,
            )
        if sampler is not None:
            pvalues = _test(problem, elimination, folds, held_out, sampler, seed)
            bar.step("test of significance")
    return Findings(
        elimination.importances,
        elimination.n_rounds.mean(axis=0),
        network,
        path,
        pvalues,
    )


def _held_out_losses(problem, trained, held_out, columns):
    """Losses of members on their fold's held-out rows.

    Returns
    -------
    losses : list of ndarray of shape (n_members_of_fold, n_rows)
    """
    from skviann.neural_network._training import compute_outputs

    n_rows = max(len(rows) for rows in held_out)  # all the same, for one array
    X = np.stack(
        [
            problem.read(np.resize(rows, n_rows), of_fold)
            for rows, of_fold in zip(held_out, columns, strict=True)
        ]
    )
    outputs = compute_outputs(trained, X)
    outputs = outputs.reshape(len(held_out), -1, *outputs.shape[1:])
    return [
        problem.row_losses(rows, of_fold[:, : len(rows)])
        for rows, of_fold in zip(held_out, outputs, strict=True)
    ]


def _constant_losses(problem, trained_on, rows):
    """Losses of the best constant model of some rows on others."""
    constant = problem.constant(trained_on)
    return problem.row_losses(
        rows, np.broadcast_to(constant, (len(rows), len(constant)))
    )


def _take(rows, n_most):
    """Take some rows, at about equal distances."""
    if len(rows) <= n_most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, n_most).astype(int)]


def _test(problem, elimination, folds, held_out, sampler, seed):
    """P-value of each column's use by the networks of the last round."""
    from skviann.neural_network._training import compute_outputs

    n_rows = min(_MAX_TESTED_ROWS // len(folds), *map(len, held_out))
    rows = np.array([_take(of_fold, n_rows) for of_fold in held_out])
    weights = [problem.weights_of(of_fold) for of_fold in rows]

    def losses_of(values):
        n_times = values.shape[1] // n_rows
        outputs = compute_outputs(elimination.last_round, values)
        outputs = outputs.reshape(len(folds), -1, *outputs.shape[1:])
        return np.stack(
            [
                problem.row_losses(np.tile(of_fold, n_times), by_member).mean(axis=0)
                * np.tile(of_rows, n_times)
                for of_fold, by_member, of_rows in zip(
                    rows, outputs, weights, strict=True
                )
            ]
        )

    rankings = elimination.rankings[:, :N_CONDITIONED_ON]
    data = [
        (
            problem.read(_take(trained_on, _MAX_TESTED_ROWS), of_fold),
            problem.read(of_rows, of_fold),
        )
        for (trained_on, _), of_rows, of_fold in zip(folds, rows, rankings, strict=True)
    ]
    return column_pvalues(
        losses_of,
        data,
        rankings,
        elimination.last_columns,
        sampler,
        problem.X.shape[1],
        seed,
    )
