"""Samples of rows that live on the workers: what is done with them, for a selection."""

import copy
from typing import NamedTuple

import numpy as np

from skviann._target import read_target
from skviann.dask._cluster import item
from skviann.feature_selection import _interactions
from skviann.feature_selection._sample import Block, Sample, open_sample, own_seed
from skviann.neural_network import VIANNClassifier, default_network
from skviann.neural_network._problem import Learned

# Results that are added up in one step.
_ADDED_AT_A_TIME = 8


class Opened(NamedTuple):
    """What is known of samples before a training."""

    network: object  # with the names of the columns
    learned: Learned
    n_folds: int
    can_interact: bool


def open_samples(cluster, rows, network, settings, cv, split_seeds):
    """Learn what the columns hold from the first sample, and prepare all of them.

    Parameters
    ----------
    cluster : Cluster
        Where to compute.
    rows : Rows
        From `draw_rows`.
    network : estimator or None
        None: the default one for the target, with the `settings`.
    settings : dict
        Parameters of it.
    cv : int or splitter
        As for `split_rows`.
    split_seeds : list of int
        One for each split of the rows.

    Returns
    -------
    samples : OnWorkers
    opened : Opened
    """
    blocks = [
        cluster.submit(
            _open_first,
            network,
            settings,
            table,
            rows.classes,
            cv,
            split_seeds,
            len(rows.tables),
        )
        for table in rows.tables[0]
    ]
    about = [cluster.submit(item, block, 1) for block in blocks]
    samples = [cluster.submit(item, block, 0) for block in blocks]
    found = cluster.gather(about)
    if len(blocks) > 1:
        return _in_blocks(cluster, samples, found)
    (opened,) = found
    samples += [
        cluster.submit(
            _open_another,
            about[0],
            table,
            cv,
            split_seeds,
            number,
            len(rows.tables),
        )
        for number, (table,) in enumerate(rows.tables[1:], start=1)
    ]
    weights = cluster.gather([cluster.submit(_weight, sample) for sample in samples])
    return OnWorkers(cluster, samples, weights, opened), opened


class OnWorkers:
    """Does what is to be done with samples, each where it is.

    Has the attributes and methods of `skviann.feature_selection._ready_made.Here`.
    """

    def __init__(self, cluster, samples, weights, opened):
        self._cluster = cluster
        self._samples = samples
        self._opened = opened
        self.weights = weights
        self.n_folds = opened.n_folds
        self.n_features = opened.learned.inputs.n_features
        self.can_interact = opened.can_interact

    def each(self, method, *args, of_each=None):
        """Call a method of each sample; see `Here.each`."""
        own = [()] * len(self._samples)
        if of_each is not None:
            own = [(one,) for one in of_each]
        return self.fetch(
            [
                self._cluster.submit(_call, sample, method, *first, *args)
                for sample, first in zip(self._samples, own, strict=True)
            ]
        )

    def round(self, features, n_each, seed):
        """Train networks for each fold's features; see `Here.round`."""
        both = [
            self._cluster.submit(_call, sample, "round", features, n_each, seed)
            for sample in self._samples
        ]
        trained, shares = (
            [self._cluster.submit(item, one, number) for one in both]
            for number in range(2)
        )
        return trained, self.fetch(shares)

    def fetch(self, futures):
        """Bring here what is on the workers."""
        return self._cluster.gather(futures)

    def interaction_strengths(self):
        """Find each feature's strongest interaction, (n_folds, n_features).

        Products are added up over the samples, tile by tile.
        """
        if len(self._samples) == 1:
            return self.each("interaction_strengths")[0]
        features = np.arange(self.n_features)
        terms = [
            self._cluster.submit(_call, sample, "terms", features)
            for sample in self._samples
        ]
        n_terms = self._opened.learned.inputs.n_terms
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
        for found in self.fetch(futures):
            for of_terms, feature in found:
                np.maximum.at(strengths.T, feature, of_terms.T)
        return strengths

    def importances_of_blocks(self, blocks, seeds):
        """Train a network for each block; see `Here.importances_of_blocks`."""
        (sample,) = self._samples
        return self.fetch(
            [
                self._cluster.submit(_importances_of_block, sample, fold, some, seed)
                for (fold, some), seed in zip(blocks, seeds, strict=True)
            ]
        )

    def narrowed(self, features):
        """Go on with some of the features only."""
        samples = [
            self._cluster.submit(_call, sample, "narrowed", features)
            for sample in self._samples
        ]
        narrow = copy.copy(self)
        narrow._samples = samples
        return narrow


class InBlocks(OnWorkers):
    """A single sample, whose blocks of columns live apart."""

    def __init__(self, cluster, blocks, n_features_of_blocks, opened):
        super().__init__(cluster, blocks, [1.0], opened)
        self._ends = np.cumsum(n_features_of_blocks)

    def _parts(self, features):
        """Which features of each block: block, and numbers in it."""
        block = np.searchsorted(self._ends, features, side="right")
        starts = np.concatenate([[0], self._ends[:-1]])
        return [
            (self._samples[number], features[block == number] - starts[number])
            for number in np.unique(block)
        ]

    def interaction_strengths(self):
        """Find each feature's strongest interaction, over all pairs of blocks."""
        n_terms = self._opened.learned.inputs.n_terms
        terms = [
            self._cluster.submit(_all_terms, block, n_terms) for block in self._samples
        ]
        numbers, futures = [], []
        for first, some in enumerate(terms):
            numbers.append((first, first))
            futures.append(self._cluster.submit(_pair_strengths, some))
            for second, others in enumerate(terms[first + 1 :], start=first + 1):
                numbers.append((first, second))
                futures.append(self._cluster.submit(_pair_strengths, some, others))
        strengths = [None] * len(terms)
        for pair, found in zip(numbers, self.fetch(futures), strict=True):
            for number, of_block in zip(pair, found, strict=True):
                if strengths[number] is not None:
                    of_block = np.maximum(of_block, strengths[number])
                strengths[number] = of_block
        return np.concatenate(strengths, axis=1)

    def importances_of_blocks(self, blocks, seeds):
        """Train a network for each block; see `Here.importances_of_blocks`."""
        futures, pieces = [], []
        for (fold, features), seed in zip(blocks, seeds, strict=True):
            own = [
                self._cluster.submit(_part_of_fold, sample, fold, some, len(features))
                for sample, some in self._parts(features)
            ]
            pieces += own
            futures.append(self._cluster.submit(_importances_of_parts, seed, *own))
        return self.fetch(futures)

    def narrowed(self, features):
        """Go on with some of the features only."""
        pieces = [
            self._cluster.submit(_call, sample, "narrowed", some)
            for sample, some in self._parts(features)
        ]
        sample = self._cluster.submit(_join_samples, features, *pieces)
        opened = self._opened
        return OnWorkers(self._cluster, [sample], self.weights, opened)


def _in_blocks(cluster, blocks, found):
    """Put together what is known of blocks of columns."""
    from skviann._groups import Groups
    from skviann._inputs import join_inputs

    inputs = [one.learned.inputs for one in found]
    n_features = sum(one.n_features for one in inputs)
    learned = found[0].learned._replace(
        inputs=join_inputs(inputs),
        groups=Groups(
            np.arange(n_features), [f"x{number}" for number in range(n_features)]
        ),
    )
    network = found[0].network
    network.n_features_in_ = n_features
    opened = found[0]._replace(network=network, learned=learned)
    return InBlocks(cluster, blocks, [i.n_features for i in inputs], opened), opened


def fit_members(cluster, rows, network, seed):
    """Train members on each sample, and put them into one network.

    Parameters
    ----------
    cluster : Cluster
        Where to compute.
    rows : Rows
        From `draw_rows`.
    network : estimator
        What to train; it is not changed.
    seed : int
        Same seed, same network.

    Returns
    -------
    network : estimator
        Fitted.
    """
    from skviann.neural_network._training import join_members

    (first,), *others = rows.tables
    opened = cluster.submit(_learn, network, first, rows.classes)
    fits = [
        cluster.submit(_fit_members, opened, table, seed, number)
        for number, table in enumerate([first, *(table for (table,) in others)])
    ]
    (network, learned), *trained = cluster.gather([opened, *fits])
    network._keep(learned, join_members(trained))
    return network


# What follows runs on the workers.


def _learn(network, table, classes):
    network = copy.copy(network)
    _, learned = network._open(*table, classes=classes)
    return network, learned


def _fit_members(opened, table, seed, number):
    network, learned = opened
    problem, _ = copy.copy(network)._open(*table, learned=learned)
    return network._train(problem, own_seed(seed, number))


def _open_first(network, settings, table, classes, cv, split_seeds, n_samples):
    X, y, weight = table
    if network is None:
        network = default_network(y, read_target(y, VIANNClassifier()))()
    network.set_params(**settings)
    sample, learned = open_sample(
        network,
        X,
        y,
        weight,
        cv,
        {},
        split_seeds,
        classes=classes,
        n_samples=n_samples,
        weight=_total(weight, y),
    )
    return sample, Opened(network, learned, len(sample.folds), sample.can_interact)


def _open_another(opened, table, cv, split_seeds, number, n_samples):
    X, y, weight = table
    sample, _ = open_sample(
        copy.copy(opened.network),
        X,
        y,
        weight,
        cv,
        {},
        split_seeds,
        learned=opened.learned,
        number=number,
        n_samples=n_samples,
        weight=_total(weight, y),
    )
    return sample


def _total(weight, y):
    return float(len(y) if weight is None else np.sum(np.asarray(weight)))


def _weight(sample):
    return sample.weight


def _call(sample, method, *args):
    sample = copy.copy(sample)
    # What the problem computes on the way is not to stay in the worker's memory.
    sample.problem = copy.copy(sample.problem)
    return getattr(sample, method)(*args)


def _products(looked_at_and_terms, a, b):
    looked_at, terms = looked_at_and_terms
    return np.stack(
        [
            np.stack(
                list(_interactions.products(terms, terms, a, b, target, looked_at))
            )
            for target in range(len(looked_at.targets))
        ]
    ), looked_at.n_seen


def _add(*parts):
    products, n_seen = zip(*parts, strict=True)
    return sum(products), sum(n_seen)


def _strongest(total, looked_at_and_terms, a, b):
    products, n_seen = total
    _, terms = looked_at_and_terms
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
    looked_at, terms, n_features = some
    _, other_terms, n_others = others or some
    found = _interactions.pair_strengths(terms, other_terms, looked_at)
    strengths = []
    for of_terms, one, n in zip(
        found, (terms, other_terms), (n_features, n_others), strict=True
    ):
        of_features = np.zeros((len(of_terms), n))
        np.maximum.at(of_features.T, one.feature, of_terms.T)
        strengths.append(of_features)
    return strengths


def _part_of_fold(sample, fold, features, n_in_all):
    return sample.block(fold, features, n_in_all)


def _importances_of_parts(seed, *blocks):
    from skviann.neural_network._problem import join_problems

    problem = join_problems([block.problem for block in blocks])
    return Block(blocks[0].network, problem).importances(seed)


def _join_samples(features, *samples):
    from skviann.neural_network._problem import join_problems

    first = samples[0]
    problem = join_problems([sample.problem for sample in samples])
    return Sample(first.network, problem, first.folds, features=features)
