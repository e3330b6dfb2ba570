"""Selection with the ready-made networks: rounds, path and test, all of it packed.

What is done with rows is done by `Sample`, here or elsewhere; this is what is made of
it.
"""

import numpy as np
from joblib import Parallel, delayed

from skviann.feature_selection._elimination import (
    GUARD_UNTIL,
    eliminate,
    remaining_after,
)
from skviann.feature_selection._findings import Findings
from skviann.feature_selection._path import choose_size, follow_path, merge_paths
from skviann.feature_selection._sample import open_sample
from skviann.feature_selection._significance import feature_pvalues, merge_losses

# step="auto" eliminates from more features than that.
_FEW_FEATURES = 32
# More features are looked at in random blocks of so many, which bound the memory.
BLOCK_SIZE = 4096
# If more are to be kept, there is no second look at them.
_MANY_KEPT = 64


def select_ready_made(
    network,
    X,
    y,
    sample_weight,
    *,
    cv,
    split_params,
    n_jobs,
    seeds,
    learned=None,
    **settings,
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
    n_jobs : int or None
        Blocks of columns that are trained at the same time.
    seeds : list of int
        Of everything, then one for each split of the rows.
    learned : Learned, default=None
        As for `BaseNetwork._open`.
    **settings
        As for `select`.

    Returns
    -------
    findings : Findings
    """
    seed, *split_seeds = seeds
    sample, learned = open_sample(
        network, X, y, sample_weight, cv, split_params, split_seeds, learned=learned
    )
    return select(Here(sample, n_jobs), network, learned, seed=seed, **settings)


class Here:
    """Does what is to be done with a sample in this process.

    Blocks of columns may go to others, through joblib.

    Attributes
    ----------
    n_folds, n_features : int
        Of the sample.
    weights : list of float
        How much each sample counts: there is one.
    can_interact : bool
        Whether products of columns can be looked at.
    """

    def __init__(self, sample, n_jobs=None):
        self._sample = sample
        self._n_jobs = n_jobs
        self.n_folds = len(sample.folds)
        self.n_features = sample.problem.n_features
        self.weights = [sample.weight]
        self.can_interact = sample.can_interact

    def each(self, method, *args, of_each=None):
        """Call a method of each sample.

        Parameters
        ----------
        method : str
            Its name.
        *args
            Passed to it.
        of_each : list, default=None
            One more argument, the first, which differs from sample to sample.

        Returns
        -------
        results : list
            One for each sample.
        """
        if of_each is not None:
            args = (of_each[0], *args)
        return [getattr(self._sample, method)(*args)]

    def round(self, features, n_each, seed):
        """Train networks for each fold's features.

        Parameters
        ----------
        features, n_each, seed
            As for `Sample.round`.

        Returns
        -------
        trained : list
            The networks of each sample, to be used by `each` or `fetch`.
        shares : list of ndarray of shape (n_folds, n_each, n_features)
            Of each sample.
        """
        trained, shares = self._sample.round(features, n_each, seed)
        return [trained], [shares]

    def fetch(self, results):
        """Bring here what `round` left where it was trained."""
        return results

    def interaction_strengths(self):
        """Find each feature's strongest interaction, (n_folds, n_features)."""
        return self._sample.interaction_strengths()

    def importances_of_blocks(self, blocks, seeds):
        """Train a network for each block.

        Parameters
        ----------
        blocks : list of tuple of int and ndarray of int
            Fold and features of each.
        seeds : list of int
            One for each.

        Returns
        -------
        importances : list of ndarray of shape (n_features,)
        """
        return Parallel(n_jobs=self._n_jobs)(
            delayed(_importances_of_block)(self._sample.block(*block), seed)
            for block, seed in zip(blocks, seeds, strict=True)
        )

    def narrowed(self, features):
        """Go on with some of the features only."""
        return Here(self._sample.narrowed(features), self._n_jobs)


def _importances_of_block(block, seed):
    return block.importances(seed)


def select(
    samples,
    network,
    learned,
    *,
    step,
    n_repeats,
    n_most,
    with_path,
    sampler,
    seed,
    progress,
    at_least=0,
):
    """Rank columns in rounds, follow the path of nested sets, test their use.

    Parameters
    ----------
    samples : Here
        The rows; or another object with the same methods.
    network : estimator
        It is fitted, on all rows of all samples.
    learned : Learned
        What is known of the table and its target.
    step : int, float, "auto" or None
        As for `VIANNSelector`.
    n_repeats : int
        How often rows were split.
    n_most : int or None
        No more columns will be kept.
    with_path : bool
        Whether to follow the path.
    sampler : object or None
        None: no test.
    seed : int
        Same seed, same result.
    progress : callable
        From the number of steps to a `Progress`.
    at_least : int, default=0
        How far to follow the path in any case.

    Returns
    -------
    findings : Findings
    """
    n_features = samples.n_features
    if step == "auto":
        step = 0.5 if n_features > _FEW_FEATURES else None
    counts = remaining_after(n_features, step)
    interactions = None
    if counts and n_features > GUARD_UNTIL and samples.can_interact:
        interactions = samples.interaction_strengths()
    n_each = max(1, round(network.n_members * n_repeats / samples.n_folds))
    with progress(len(counts) + 1 + 4 * with_path + (sampler is not None)) as bar:
        trainings = _Trainings(samples, n_each, seed, bar, in_blocks=bool(counts))
        elimination = eliminate(trainings.round, n_features, counts, interactions)
        trainings.keep_first(network, learned, elimination)
        path = pvalues = needs = None
        if with_path:
            path = follow_path(
                lambda sizes: trainings.path(elimination.rankings, sizes),
                n_features,
                n_most,
                at_least,
            )
            path, needs = trainings.look_again(elimination.rankings, path)
        if sampler is not None:
            pvalues = trainings.test(elimination, sampler)
    return Findings(
        elimination.importances,
        elimination.n_rounds.mean(axis=0),
        network,
        path,
        pvalues,
        needs,
    )


class _Trainings:
    """Has networks trained, one training after the other, and merges the samples'."""

    def __init__(self, samples, n_each, seed, bar, *, in_blocks):
        self._samples = samples
        self._n_each = n_each
        self._seed = seed
        self._rng = np.random.default_rng(seed)
        self._bar = bar
        self._is_narrow = samples.n_features <= BLOCK_SIZE or not in_blocks

    def _next_seed(self):
        return int(self._rng.integers(2**31))

    def round(self, features):
        """Train networks for each fold's features; return them and their shares."""
        if not self._is_narrow:
            if features.shape[1] > BLOCK_SIZE:
                return None, self._shares_of_blocks(features)
            self._survivors = np.unique(features)
            self._samples = self._samples.narrowed(self._survivors)
            self._is_narrow = True
        trained, shares = self._samples.round(features, self._n_each, self._next_seed())
        self._bar.step(f"round of {features.shape[1]} columns")
        weights = self._samples.weights
        if len(shares) > 1:
            shares = [
                of_sample * (weight / np.mean(weights))
                for of_sample, weight in zip(shares, weights, strict=True)
            ]
        return trained, np.concatenate(shares, axis=1)

    def _shares_of_blocks(self, features):
        """Train a network for each fold and each of random blocks of its features.

        Shares of a block are relative to its median, so that a feature is not worse off
        for being in a block with a strong one.
        """
        n_features = features.shape[1]
        n_blocks = -(-n_features // BLOCK_SIZE)
        n_folds = self._samples.n_folds
        features = np.broadcast_to(features, (n_folds, n_features))
        places, blocks = [], []
        for fold in range(n_folds):
            order = self._rng.permutation(n_features)
            for block in np.array_split(order, n_blocks):
                block.sort()
                places.append((fold, block))
                blocks.append((fold, features[fold, block]))
        seeds = [self._next_seed() for _ in blocks]
        importances = self._samples.importances_of_blocks(blocks, seeds)
        shares = np.zeros((n_folds, n_features))
        for (fold, block), of_block in zip(places, importances, strict=True):
            positive = of_block[of_block > 0]
            shares[fold, block] = of_block / (
                np.median(positive) if len(positive) else 1
            )
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        self._bar.step(f"round of {n_features} columns, in blocks")
        n_networks = self._n_each * len(self._samples.weights)
        return np.repeat(shares[:, np.newaxis], n_networks, axis=1)

    def keep_first(self, network, learned, elimination):
        """Fit a network with the members of the first training on all features.

        Where all were looked at in blocks only, with a training on the most important
        ones, as many as a block has.
        """
        from skviann.neural_network._training import as_one_group, join_members

        trained = elimination.first_round
        if trained is None:
            shares = elimination.importances.mean(axis=0)
            order = np.argsort(-shares[self._survivors], kind="stable")
            best = np.sort(self._survivors[order[:BLOCK_SIZE]])
            found, _ = self._samples.round(
                best[np.newaxis], self._n_each, self._next_seed()
            )
            inputs = learned.inputs.only(best)
            learned = learned._replace(inputs=inputs)
            trained = [
                one._replace(
                    feature_of_input=inputs.feature[np.newaxis].astype(np.int32),
                    importances=_spread(one.importances, best, len(shares)),
                )
                for one in self._samples.fetch(found)
            ]
        else:
            trained = self._samples.fetch(trained)
        network._keep(learned, join_members([as_one_group(one) for one in trained]))

    def path(self, rankings, sizes):
        """Train nested sets of the rankings' first features."""
        seed = None if sizes == [0] else self._next_seed()
        firsts = rankings[:, : sizes[-1]]
        paths = self._samples.each("path", firsts, sizes, seed)
        if sizes != [0]:
            self._bar.step(f"sets of up to {sizes[-1]} columns")
        return (
            paths[0] if len(paths) == 1 else merge_paths(paths, self._samples.weights)
        )

    def look_again(self, rankings, path):
        """Put the columns that would be kept in order of need, and follow that, too.

        While a network learns, the weights of columns that are correlated with a strong
        one move along with it: such a column may come before weak ones that are needed,
        and be kept for their sake. Networks that see only what would be kept tell which
        it is, by how much their loss rises when a column is shuffled.

        Parameters
        ----------
        rankings : ndarray of int of shape (n_folds, n_features)
            Most important first.
        path : Path
            The path along them.

        Returns
        -------
        path : Path
            With smaller sets along the other order.
        needs : ndarray of shape (n_features,)
            By how much the loss rises, mean over folds; 0 where it was not looked at.
        """
        n_features = rankings.shape[1]
        n_kept = int(path.n_features[choose_size(path)])
        if not 1 < n_kept <= _MANY_KEPT:
            return path, np.zeros(n_features)
        kept = np.sort(rankings[:, :n_kept])
        trained, _ = self._samples.round(kept, self._n_each, self._next_seed())
        needs = np.average(
            self._samples.each(
                "increases_by_shuffling", kept, self._seed, of_each=trained
            ),
            axis=0,
            weights=self._samples.weights,
        )
        self._bar.step(f"second look at {n_kept} columns")
        order = np.argsort(-needs, axis=1, kind="stable")
        sizes = path.n_features[(path.n_features > 0) & (path.n_features < n_kept)]
        again = path.with_smaller(
            self.path(np.take_along_axis(kept, order, axis=1), sizes.tolist())
        )
        if choose_size(again) == 0:
            return path, np.zeros(n_features)
        of_all = np.zeros(rankings.shape)
        # What was looked at comes before what was not.
        needs = np.maximum(needs, np.finfo(float).tiny)
        np.put_along_axis(of_all, kept, needs, axis=1)
        return again, of_all.mean(axis=0)

    def test(self, elimination, sampler):
        """P-value of each feature's use by the networks of the last round."""
        losses = self._samples.each(
            "losses_with_draws",
            elimination.last_columns,
            elimination.rankings,
            sampler,
            self._seed,
            of_each=elimination.last_round,
        )
        self._bar.step("test of significance")
        n_features = elimination.rankings.shape[1]
        return feature_pvalues(merge_losses(losses), n_features)


def _spread(importances, features, n_features):
    """Put importances of some features among those of all, zeros elsewhere."""
    spread = np.zeros((len(importances), n_features))
    spread[:, features] = importances
    return spread
