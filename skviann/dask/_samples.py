"""Samples of rows that live on the workers, as a learner: each is one there."""

import copy
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np
import pandas as pd

from skviann._groups import Groups
from skviann._inputs import join_inputs
from skviann._target import read_target
from skviann.dask._cluster import item
from skviann.feature_selection import _interactions
from skviann.feature_selection._folds import Folds, hash_rows
from skviann.feature_selection._learner import Learner
from skviann.feature_selection._own_network import OwnNetwork
from skviann.feature_selection._own_table import read_table
from skviann.feature_selection._packed_rows import PackedRows, seed_of_sample
from skviann.feature_selection._path import merge_paths
from skviann.feature_selection._ready_made import ReadyMade
from skviann.feature_selection._significance import merge_losses
from skviann.feature_selection._wide import BLOCK_SIZE, Block, WideLearner
from skviann.neural_network import VIANNClassifier, default_network
from skviann.neural_network._problem import join_problems
from skviann.neural_network._training import join_members

# Results that are added up in one step.
_ADDED_AT_A_TIME = 8


class Opened(NamedTuple):
    """What is known of samples before a training."""

    network: object  # a ready-made one that knows what the table holds
    n_folds: int
    n_networks: int  # of a fold, in a round of one sample
    can_interact: bool
    sees_any_width: bool = True
    own: object = None  # `Own`: a user's own network, for which the other one reads


class Own(NamedTuple):
    """A user's own network."""

    wrapper: object
    encode: object  # as for `VIANNSelector`, in the end a bool


def open_samples(cluster, rows, network, settings, splitting, own=None):
    """Learn what the columns hold from the first sample, and prepare all of them.

    Returns a learner. `rows` are from `draw_rows`; the `network` gets the `settings`,
    and is the default one for the target if None; `splitting` says how each sample's
    rows are split into folds. With a network of the user's `own`, the other one reads.
    """
    n_samples, blocks = len(rows.tables), rows.tables[0]
    if own is not None and own.encode == "auto":
        gaps = [cluster.submit(_has_gaps, table) for (table,) in rows.tables]
        if any(cluster.gather(gaps)):
            own = own._replace(encode=True)
    if len(blocks) > 1:
        hashes = [cluster.submit(_hash, table) for table in blocks]
        splitting = cluster.submit(_with_hashes, splitting, *hashes)
    how = splitting, n_samples
    firsts = [
        cluster.submit(_open_first, network, own, settings, table, rows.classes, *how)
        for table in blocks
    ]
    about = [cluster.submit(item, one, 1) for one in firsts]
    samples = [cluster.submit(item, one, 0) for one in firsts]
    found = cluster.gather(about)
    if len(blocks) > 1:
        return InBlocks(cluster, samples, found)
    tables = [table for (table,) in rows.tables]
    samples += [
        cluster.submit(_open_another, about[0], table, number, *how)
        for number, table in enumerate(tables[1:], start=1)
    ]
    weights = cluster.gather([cluster.submit(_weight, table) for table in tables])
    return OnWorkers(cluster, samples, weights, *found)


class OnWorkers(Learner):
    """Has each sample trained where it is, and merges what comes back."""

    def __init__(self, cluster, samples, weights, opened):
        self._cluster = cluster
        self._samples = samples
        self._weights = weights
        self._opened = opened
        self.n_folds = opened.n_folds
        self._inputs = opened.network._learned.inputs
        self.n_features = self._inputs.n_features
        self.n_networks = opened.n_networks * len(samples)

    def _call_each(self, method, *args, networks=None):
        """Call a method of each sample, perhaps with its networks first; in futures."""
        firsts = [()] * len(self._samples) if networks is None else zip(networks)
        return [
            self._cluster.submit(_call, sample, method, *first, *args)
            for sample, first in zip(self._samples, firsts, strict=True)
        ]

    def train_round(self, features, seed):
        both = self._call_each("train_round", features, seed)
        networks, shares = (
            [self._cluster.submit(item, one, number) for one in both]
            for number in range(2)
        )
        shares = self._cluster.gather(shares)
        if len(shares) > 1:
            relative = self._weights / np.mean(self._weights)
            shares = [
                one * weight for one, weight in zip(shares, relative, strict=True)
            ]
        return networks, np.concatenate(shares, axis=1)

    @property
    def reader(self):
        """A ready-made network that knows what the table holds."""
        return self._opened.network

    @property
    def is_encoded(self):
        """Whether the networks see an encoded table."""
        return self._opened.own is None or self._opened.own.encode

    def fitted(self, networks, only=None):
        if self._opened.own is not None:
            first = self._cluster.submit(_first_of_own, networks[0], only)
            return self._cluster.gather([first])[0]
        return ReadyMade(self.reader).fitted(self._cluster.gather(networks), only)

    def path(self, rankings, sizes, seed):
        futures = self._call_each("path", rankings[:, : sizes[-1]], sizes, seed)
        paths = self._cluster.gather(futures)
        return paths[0] if len(paths) == 1 else merge_paths(paths, self._weights)

    def increases_by_shuffling(self, networks, features, seed):
        futures = self._call_each(
            "increases_by_shuffling", features, seed, networks=networks
        )
        increases = self._cluster.gather(futures)
        return np.average(increases, axis=0, weights=self._weights)

    def losses_with_draws(self, networks, features, rankings, sampler, seed):
        args = features, rankings, sampler, seed
        futures = self._call_each("losses_with_draws", *args, networks=networks)
        return merge_losses(self._cluster.gather(futures))

    def correlations(self):
        correlations = self._cluster.gather(self._call_each("correlations"))
        return np.average(correlations, axis=0, weights=self._weights)

    def companions(self, kept, choices, pvalues):
        """Look at the first sample."""
        call = self._cluster.submit(
            _call, self._samples[0], "companions", kept, choices, pvalues
        )
        return self._cluster.gather([call])[0]

    def why_shuffled(self):
        """Why networks of the user's own are not ranked by weights: list of str."""
        reasons = [self._cluster.submit(_why_shuffled, one) for one in self._samples]
        return [one for one in self._cluster.gather(reasons) if one is not None]

    def for_rounds(self, seed, fixed):
        is_wide = self.n_features > BLOCK_SIZE and self._opened.sees_any_width
        return WideLearner(self, seed, fixed) if is_wide else self

    def interaction_strengths(self):
        """Add up products over the samples, tile by tile."""
        if not self._opened.can_interact:
            return None
        if len(self._samples) == 1:
            return self._cluster.gather(self._call_each("interaction_strengths"))[0]
        terms = self._call_each("terms", np.arange(self.n_features))
        n_terms = self._inputs.n_terms
        futures = []
        for a, b in _interactions.pairs_of_tiles(n_terms):
            sums = [self._cluster.submit(_products, one, a, b) for one in terms]
            while len(sums) > 1:
                sums = [
                    self._cluster.submit(_add, *sums[first : first + _ADDED_AT_A_TIME])
                    for first in range(0, len(sums), _ADDED_AT_A_TIME)
                ]
            futures.append(self._cluster.submit(_strongest, sums[0], terms[0], a, b))
        strengths = np.zeros((self.n_folds, self.n_features))
        for found in self._cluster.gather(futures):
            for of_terms, feature in found:
                np.maximum.at(strengths.T, feature, of_terms.T)
        return strengths

    def importances_of_blocks(self, blocks, seeds):
        """Train a network for each block of features; see `PackedRows`."""
        (sample,) = self._samples
        return self._cluster.gather(
            [
                self._cluster.submit(_importances_of_block, sample, fold, some, seed)
                for (fold, some), seed in zip(blocks, seeds, strict=True)
            ]
        )

    def narrowed(self, features):
        """Go on with some of the features only."""
        samples = self._call_each("narrowed", features)
        return OnWorkers(self._cluster, samples, self._weights, self._opened)


class InBlocks(OnWorkers):
    """A single sample, whose blocks of columns live apart."""

    def __init__(self, cluster, blocks, opened):
        inputs = [one.network._learned.inputs for one in opened]
        joined = join_inputs(inputs)
        names = [f"x{number}" for number in range(joined.n_features)]
        network = opened[0].network
        network._learned = network._learned._replace(
            inputs=joined, groups=Groups(np.arange(joined.n_features), names)
        )
        network.n_features_in_ = joined.n_features
        super().__init__(cluster, blocks, [1.0], opened[0])
        self.n_networks = opened[0].n_networks  # of all blocks together
        self._ends = np.cumsum([one.n_features for one in inputs])

    def companions(self, kept, choices, pvalues):
        return None  # blocks never meet

    def _by_block(self, features):
        """Which features of each block: block, and numbers in it."""
        block = np.searchsorted(self._ends, features, side="right")
        starts = np.concatenate([[0], self._ends[:-1]])
        return [
            (self._samples[number], features[block == number] - starts[number])
            for number in np.unique(block)
        ]

    def correlations(self):
        correlations = self._cluster.gather(self._call_each("correlations"))
        return np.concatenate(correlations, axis=1)

    def interaction_strengths(self):
        """Look at all pairs of blocks."""
        n_terms = self._inputs.n_terms
        terms = [
            self._cluster.submit(_all_terms, block, n_terms) for block in self._samples
        ]
        pairs = [*combinations_with_replacement(range(len(terms)), 2)]
        found = self._cluster.gather(
            [
                self._cluster.submit(
                    _pair_strengths, *(terms[n] for n in sorted({*pair}))
                )
                for pair in pairs
            ]
        )
        strengths = np.zeros((self.n_folds, self.n_features))
        of_blocks = np.split(strengths, self._ends[:-1], axis=1)  # views
        for pair, of_pair in zip(pairs, found, strict=True):
            for number, values in zip(pair, of_pair, strict=True):
                np.maximum(of_blocks[number], values, out=of_blocks[number])
        return strengths

    def importances_of_blocks(self, blocks, seeds):
        """Train a network for each block of features; see `PackedRows`."""
        # Kept until all is done, for the cluster forgets what nothing refers to.
        pieces = [
            [
                self._cluster.submit(_piece_of_block, sample, fold, some, len(features))
                for sample, some in self._by_block(features)
            ]
            for fold, features in blocks
        ]
        return self._cluster.gather(
            [
                self._cluster.submit(_importances_of_pieces, seed, *of_block)
                for of_block, seed in zip(pieces, seeds, strict=True)
            ]
        )

    def narrowed(self, features):
        """Go on with some of the features only."""
        pieces = [
            self._cluster.submit(_call, sample, "narrowed", some)
            for sample, some in self._by_block(features)
        ]
        sample = self._cluster.submit(_join_samples, features, *pieces)
        return OnWorkers(self._cluster, [sample], self._weights, self._opened)


def fit_members(cluster, rows, network, seed):
    """Train members on each sample, and return a fitted network with all of them."""
    (first,), *others = rows.tables
    opened = cluster.submit(_learn, network, first, rows.classes)
    fits = [
        cluster.submit(_fit_members, opened, table, seed, number)
        for number, table in enumerate([first, *(table for (table,) in others)])
    ]
    network, *trained = cluster.gather([opened, *fits])
    network._set_results(join_members(trained))
    return network


# What follows runs on the workers.


def _learn(network, table, classes):
    network = copy.copy(network)
    _read(network, table, reset=True, classes=classes)
    return network


def _fit_members(network, table, seed, number):
    problem = _read(copy.copy(network), table, reset=False)
    return network._train(problem, seed_of_sample(seed, number))


def _read(network, table, *, reset, classes=None):
    X, y, weight = table
    X, y = network._read(X, y, reset=reset)
    return network._open(X, y, weight, reset=reset, classes=classes)


def _hash(table):
    return hash_rows(np.asarray(table[0]))


def _with_hashes(splitting, *of_blocks):
    ids = [np.unique(hashes, return_inverse=True)[1] for hashes in of_blocks]
    return splitting._replace(hashes=hash_rows(np.column_stack(ids)))


def _open_first(network, own, settings, table, classes, splitting, n_samples):
    if network is None:
        y = table[1]
        network = default_network(y, read_target(y, VIANNClassifier()))()
    network.set_params(**settings)
    trainer, problem, own = _read_for(network, own, table, reset=True, classes=classes)
    sample = PackedRows.split(trainer, problem, splitting, n_samples=n_samples)
    is_wide = sample.n_features > BLOCK_SIZE
    return sample, Opened(
        network,
        sample.n_folds,
        sample.n_networks,
        sample.can_interact,
        not is_wide or trainer.sees_any_width(problem),
        own,
    )


def _open_another(opened, table, number, splitting, n_samples):
    network = copy.copy(opened.network)
    trainer, problem, _ = _read_for(network, opened.own, table, reset=False)
    which = {"number": number, "n_samples": n_samples}
    return PackedRows.split(trainer, problem, splitting, **which)


def _read_for(network, own, table, *, reset, classes=None):
    """Read a table for a ready-made network, or for a user's own one."""
    if own is None:
        problem = _read(network, table, reset=reset, classes=classes)
        return ReadyMade(network), problem, None
    X, y, weight = table
    X, y = network._read(X, y, reset=reset)
    read = read_table(network, X, y, weight, own.encode, reset=reset, classes=classes)
    trainer = OwnNetwork(own.wrapper, {}, read.weight_scale)
    return trainer, read.problem, own._replace(encode=read.is_encoded)


def _has_gaps(table):
    return bool(np.any(pd.isna(table[0])))


def _first_of_own(networks, only):
    return OwnNetwork.fitted([networks], only)


def _why_shuffled(sample):
    return sample.network.why_shuffled


def _weight(table):
    _, y, weight = table
    return float(len(y) if weight is None else np.sum(np.asarray(weight)))


def _call(sample, method, *args):
    sample = copy.copy(sample)
    # What the problem computes on the way is not to stay in the worker's memory.
    sample.problem = copy.copy(sample.problem)
    return getattr(sample, method)(*args)


def _products(rows_and_terms, a, b):
    rows, terms = rows_and_terms
    return np.stack(
        [
            np.stack(list(_interactions.products(terms, terms, a, b, target, rows)))
            for target in range(len(rows.targets))
        ]
    ), rows.n_seen


def _add(*terms):
    products, n_seen = zip(*terms, strict=True)
    return sum(products), sum(n_seen)


def _strongest(total, rows_and_terms, a, b):
    products, n_seen = total
    _, terms = rows_and_terms
    products = np.abs(products).max(axis=0) / n_seen[:, np.newaxis, np.newaxis]
    return [
        (products.max(axis=2), terms.feature[a]),
        (products.max(axis=1), terms.feature[b]),
    ]


def _importances_of_block(sample, fold, features, seed):
    return sample.block(fold, features).importances(seed)


def _all_terms(sample, n_terms):
    features = np.arange(sample.problem.n_features)
    return (*sample.terms(features, n_terms), len(features))


def _pair_strengths(some, others=None):
    rows, terms, n_features = some
    _, other_terms, n_others = others or some
    found = _interactions.pair_strengths(terms, other_terms, rows)
    strengths = []
    for of_terms, one, n in zip(
        found, (terms, other_terms), (n_features, n_others), strict=True
    ):
        of_features = np.zeros((len(of_terms), n))
        np.maximum.at(of_features.T, one.feature, of_terms.T)
        strengths.append(of_features)
    return strengths


def _piece_of_block(sample, fold, features, n_in_all):
    return sample.block(fold, features, n_in_all)


def _importances_of_pieces(seed, *pieces):
    problem = join_problems([piece.problem for piece in pieces])
    return Block(pieces[0].network, problem).importances(seed)


def _join_samples(features, *samples):
    first = samples[0]
    return PackedRows(
        first.network,
        join_problems([sample.problem for sample in samples]),
        Folds(first.folds, first.unit_of_row),
        first.n_networks,
        features=features,
    )
