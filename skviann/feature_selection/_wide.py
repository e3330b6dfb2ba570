"""Tables of very many columns: their first rounds look at blocks of columns."""

import sys

import numpy as np

from skviann.feature_selection._elimination import CORE_SIZE
from skviann.feature_selection._learner import Learner

# More features are looked at in random blocks of so many, which bound the memory.
BLOCK_SIZE = 4096
# Of a table that is looked at in blocks, no more values are held at a time.
MAX_VALUES_OF_BLOCK = 2**26


class WideLearner(Learner):
    """Trains on random blocks of the features, until few enough are left for one.

    Parameters
    ----------
    learner : Learner
        Has these methods, too: ``importances_of_blocks(blocks, seeds)``,
        ``narrowed(features)`` and ``n_networks``, those of a fold; and its `fitted`
        takes the only features that the networks see.
    seed : int
        Of the training that `fitted` needs.
    fixed : ndarray of int
        Features that all networks see.
    """

    def __init__(self, learner, seed, fixed):
        self._learner = learner
        self._seed = seed
        if len(fixed) + CORE_SIZE > BLOCK_SIZE:
            raise ValueError(
                f"fixed_features has {len(fixed)} features, and networks see at most "
                f"{BLOCK_SIZE} at once: fix at most {BLOCK_SIZE - CORE_SIZE}."
            )
        self._fixed = fixed
        self._survivors = None
        self.n_folds, self.n_features = learner.n_folds, learner.n_features

    def train_round(self, features, seed):
        if features.shape[1] > BLOCK_SIZE:
            return None, self._shares_of_blocks(features, seed)
        is_first = self._survivors is None
        if is_first:
            self._survivors = np.unique(features)
            self._learner = self._learner.narrowed(self._survivors)
        networks, shares = self._learner.train_round(features, seed)
        if is_first:
            means = shares.mean(axis=1)
            self._importances = np.bincount(
                np.searchsorted(self._survivors, features.ravel()), means.ravel()
            )
        return networks, shares

    def _shares_of_blocks(self, features, seed):
        """Train a network for each fold and each of random blocks of its features.

        Shares of a block are relative to its median, so that a feature is not worse off
        for being in a block with a strong one.
        """
        rng = np.random.default_rng(seed)
        n_blocks = -(-features.shape[1] // BLOCK_SIZE)
        places, blocks = [], []
        for fold, of_fold in enumerate(features):
            is_fixed = np.isin(of_fold, self._fixed)
            order = rng.permutation(np.flatnonzero(~is_fixed))
            for block in np.array_split(order, n_blocks):
                block = np.union1d(block, np.flatnonzero(is_fixed))
                places.append((fold, block))
                blocks.append((fold, of_fold[block]))
        seeds = rng.integers(2**31, size=len(blocks)).tolist()
        importances = self._learner.importances_of_blocks(blocks, seeds)
        shares = np.zeros(features.shape)
        for place, of_block in zip(places, importances, strict=True):
            positive = of_block[of_block > 0]
            shares[place] = of_block / (np.median(positive) if len(positive) else 1)
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        return np.repeat(shares[:, np.newaxis], self._learner.n_networks, axis=1)

    def fitted(self, networks):
        """Train on the most important features, as many as a block has.

        All features were looked at in blocks only, by networks of as many kinds.
        """
        is_free = ~np.isin(self._survivors, self._fixed)
        order = np.lexsort((-self._importances, is_free))
        best = np.sort(self._survivors[order[:BLOCK_SIZE]])
        features = np.tile(best, (self.n_folds, 1))
        networks, _ = self._learner.train_round(features, self._seed)
        return self._learner.fitted(networks, best)

    # The others go on with what is left.

    def path(self, *args):
        return self._learner.path(*args)

    def increases_by_shuffling(self, *args):
        return self._learner.increases_by_shuffling(*args)

    def losses_with_draws(self, *args):
        return self._learner.losses_with_draws(*args)

    def correlations(self):
        return self._learner.correlations()

    def interaction_strengths(self):
        return self._learner.interaction_strengths()


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
        return self.network.train_block(self.problem, seed)
