"""Test whether the networks make use of a column on rows that they did not see."""

import numpy as np
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from skviann.feature_selection._multiple_testing import randomisation_pvalues

# A column's distribution is estimated given that many others of a fold's ranking.
N_CONDITIONED_ON = 64
_N_DRAWS = 30


def column_pvalues(losses_of, data, rankings, tested, sampler, n_features, seed):
    """Test each column that a fold's last networks see, on the fold's held-out rows.

    The values of a column are replaced by draws from its distribution given the other
    columns. If the networks' held-out loss is higher with the draws, they make use of
    what the column tells beyond the others. The folds' rows are put together; where a
    fold's networks do not see a column, it makes no difference. A column that none sees
    has a p-value of 1.

    Parameters
    ----------
    losses_of : callable
        From values of the tested columns, ndarray of shape (n_folds, n_rows,
        n_tested), in the order of `tested`, to the losses of each fold's networks on
        them, (n_folds, n_rows), weighted. Rows are a fold's held-out rows, again and
        again.
    data : list of tuple of ndarray
        For each fold: columns of its ranking, up to 64, of the rows trained on and of
        those held out. As many held-out rows in each.
    rankings : ndarray of int of shape (n_folds, n_features)
        Each fold's columns, most important first.
    tested : ndarray of int of shape (n_folds, n_tested)
        The columns that each fold's last networks see.
    sampler : object
        With ``fit(X)`` and ``sample(X, column, n_draws, random_state)``, as
        `ConditionalSampler`. Copies are used.
    n_features : int
        All columns.
    seed : int
        Same seed, same draws.

    Returns
    -------
    pvalues : ndarray of shape (n_features,)

    References
    ----------
    W. Tansey, V. Veitch, H. Zhang, R. Rabadan, D. M. Blei (2022), "The Holdout
    Randomization Test for Feature Selection in Black Box Models", Journal of
    Computational and Graphical Statistics 31(1), 151-162.

    A. Chamma, D. A. Engemann, B. Thirion (2023), "Statistically Valid Variable
    Importance Assessment through Conditional Permutations", NeurIPS 36.
    """
    positions = [  # of the tested columns in a fold's data
        np.array([np.flatnonzero(ranking == column)[0] for column in of_fold])
        for ranking, of_fold in zip(rankings, tested, strict=True)
    ]
    samplers = [clone(sampler).fit(trained_on) for trained_on, _ in data]
    values = np.stack(
        [
            held_out[:, of_fold]
            for (_, held_out), of_fold in zip(data, positions, strict=True)
        ]
    )
    n_folds, n_rows, n_tested = values.shape
    original = losses_of(values)
    raised = {}  # by column and fold: losses with draws, (n_draws, n_rows)
    rng = np.random.default_rng(seed)
    for number in range(n_tested):
        drawn = np.repeat(values[:, np.newaxis], _N_DRAWS, axis=1)
        # Many small matrices: threads would only wait for each other.
        with threadpool_limits(1):
            for fold, (_, held_out) in enumerate(data):
                drawn[fold, :, :, number] = samplers[fold].sample(
                    held_out,
                    int(positions[fold][number]),
                    _N_DRAWS,
                    int(rng.integers(2**31)),
                )
        losses = losses_of(drawn.reshape(n_folds, -1, n_tested))
        for fold, of_fold in enumerate(losses.reshape(n_folds, _N_DRAWS, n_rows)):
            raised[tested[fold, number], fold] = of_fold
    pvalues = np.ones(n_features)
    for column in np.unique(tested):
        resampled = np.stack(
            [
                raised.get((column, fold), np.broadcast_to(losses, (_N_DRAWS, n_rows)))
                for fold, losses in enumerate(original)
            ],
            axis=1,
        )
        pvalues[column] = randomisation_pvalues(
            original.ravel(), resampled.reshape(_N_DRAWS, -1)
        ).larger
    return pvalues
