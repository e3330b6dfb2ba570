"""Generated data whose relevant columns are known, to judge rankings by.

`FAMILIES` are the ones to develop with, `HELD_OUT` those that nobody tunes on. `RARE`
have few positives (meant for 4000 rows), `MANY` many relevant columns (for 2000 rows,
1000 columns), `CORRELATED` columns that are alike, of which some matter, or none at all
(those with `_null`), `DEPENDENT` columns that tell of relevant ones in another way than
along a line, and nothing of `y` beside them. All map a name to a function of ``(n, d,
rng)`` that returns ``X, y`` and the indices of the relevant columns. Integer `y` are
classes, floating-point `y` a quantity. `make_data` adds what all have in common: the
seed, and columns in random order.
"""

import zlib
from functools import partial

import numpy as np
import scipy.special
import scipy.stats
from sklearn.datasets import make_classification, make_friedman1


def _draw_neighbours(n, d, rng):
    """Draw normal columns; each has a correlation of 0.7 with the next."""
    X = rng.normal(size=(n, d))
    for j in range(1, d):
        X[:, j] = 0.7 * X[:, j - 1] + np.sqrt(1 - 0.7**2) * X[:, j]
    return X


def draw_blocks(n, d, rng):
    """Draw normal columns in blocks of 10, with a correlation of 0.8 inside a block."""
    common = rng.normal(size=(n, -(-d // 10)))[:, np.arange(d) // 10]
    return np.sqrt(0.8) * common + np.sqrt(0.2) * rng.normal(size=(n, d))


def linear(n, d, rng):
    """Linear in 5 of the columns, all of which are correlated with their neighbours."""
    X = _draw_neighbours(n, d, rng)
    relevant = rng.choice(d, 5, replace=False)
    y = X[:, relevant] @ [3, -2, 1.5, 1, -1] + 0.5 * rng.normal(size=n)
    return X, y, relevant


def friedman(n, d, rng):
    """Friedman's first: a product inside a sine, a square and two lines."""
    X, y = make_friedman1(n, d, noise=1.0, random_state=rng)
    return X, y, np.arange(5)


def xor(n, d, rng):
    """The sign of a product: neither column tells anything alone."""
    X = rng.normal(size=(n, d))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int), np.arange(2)


def orange(n, d, rng):
    """Inside or outside of a sphere in 4 columns."""
    X = rng.normal(size=(n, d))
    radius = np.sum(X[:, :4] ** 2, axis=1)
    return X, (radius > np.median(radius)).astype(int), np.arange(4)


def additive(n, d, rng):
    """A sum of functions of one column each, two of them not monotone."""
    X = rng.normal(size=(n, d))
    y = np.sin(2 * X[:, 0]) + np.abs(X[:, 1]) + X[:, 2] + np.exp(-X[:, 3])
    return X, y + 0.3 * rng.normal(size=n), np.arange(4)


def classification(n, d, rng):
    """Two Gaussian clusters a class, 8 informative columns."""
    X, y = make_classification(
        n, d, n_informative=8, n_redundant=0, shuffle=False, random_state=rng
    )
    return X, y, np.arange(8)


def switch(n, d, rng):
    """One column decides which two of four others decide the class."""
    X = rng.normal(size=(n, d))
    decisive = np.where(X[:, 0] > 0, X[:, 1] + X[:, 2], X[:, 3] + X[:, 4])
    return X, (decisive > 0).astype(int), np.arange(5)


def madelon(n, d, rng):
    """Clusters at all 32 corners of a cube in 5 columns; 15 more are mixtures of them.

    As in the Madelon data of the NIPS 2003 challenge; corners are at +-2, so that the
    clusters (standard deviation about 1) can be told apart.
    """
    X, y = make_classification(
        n,
        d,
        n_informative=5,
        n_redundant=15,
        n_clusters_per_class=16,
        class_sep=2.0,
        flip_y=0.01,
        shuffle=False,
        random_state=rng,
    )
    return X, y, np.arange(20)


def triple(n, d, rng):
    """The product of three columns, and weak effects of each."""
    X = rng.normal(size=(n, d))
    y = X[:, :3].prod(axis=1) + 0.5 * X[:, :3].sum(axis=1)
    return X, y + 0.3 * rng.normal(size=n), np.arange(3)


def noise(n, d, rng):
    """Classes drawn by coin: no column is relevant."""
    return rng.normal(size=(n, d)), rng.randint(2, size=n), np.arange(0)


def skewed(n, d, rng):
    """Lognormal columns; the log odds are linear in the logarithms of 4."""
    logs = rng.normal(size=(n, d))
    log_odds = logs[:, :4] @ [2, -2, 1.5, -1.5]
    y = rng.uniform(size=n) < 1 / (1 + np.exp(-log_odds))
    return np.exp(logs), y.astype(int), np.arange(4)


def mixed(n, d, rng):
    """A third numbers, a third binary, a third one-hot columns; linear in 2 of each."""
    n_numbers = n_binary = d // 3
    numbers = rng.normal(size=(n, n_numbers))
    binary = rng.uniform(size=(n, n_binary)) < rng.uniform(0.3, 0.7, n_binary)
    one_hot = np.zeros((n, d - n_numbers - n_binary))
    n_variables = max(2, one_hot.shape[1] // 5)
    for columns in np.array_split(np.arange(one_hot.shape[1]), n_variables):
        one_hot[np.arange(n), rng.choice(columns, n)] = 1
    # The first two of each kind, but of one-hot columns those of different variables.
    relevant = np.array([0, 1, n_numbers, n_numbers + 1, n_numbers + n_binary, d - 1])
    X = np.hstack([numbers, binary, one_hot])
    y = X[:, relevant] @ [1, -1, 2, -2, 2.5, -2.5]  # each with a variance of about 1
    return X, y + 0.5 * rng.normal(size=n), relevant


def periodic(n, d, rng):
    """Waves, one of them with an amplitude that is a column itself."""
    X = rng.normal(size=(n, d))
    y = np.sin(3 * X[:, 0]) + np.cos(2 * X[:, 1]) * X[:, 2]
    return X, y + 0.3 * rng.normal(size=n), np.arange(3)


def ring(n, d, rng):
    """Three classes of the same size, by the radius in 3 columns."""
    X = rng.normal(size=(n, d))
    radius = np.linalg.norm(X[:, :3], axis=1)
    return X, np.digitize(radius, np.quantile(radius, [1 / 3, 2 / 3])), np.arange(3)


def poisson(n, d, rng):
    """Counts; the root of a sum of 3."""
    X = rng.poisson(rng.uniform(1, 5, d), size=(n, d)).astype(float)
    y = np.sqrt(X[:, :3].sum(axis=1))
    return X, y + 0.3 * rng.normal(size=n), np.arange(3)


def threshold(n, d, rng):
    """Two columns both above 0, or any of three others above 1."""
    X = rng.normal(size=(n, d))
    y = (X[:, :2] > 0).all(axis=1) | (X[:, 2:5] > 1).any(axis=1)
    return X, y.astype(int), np.arange(5)


def rare(n, d, rng, share):
    """A share of positives; log odds linear in 6 columns, the others are in blocks."""
    X = np.hstack([rng.normal(size=(n, 6)), draw_blocks(n, d - 6, rng)])
    # A logistic model: its intercept is the quantile, so that the share is met.
    latent = X[:, :6] @ [2, -2, 1.5, -1.5, 1, -1] + rng.logistic(size=n)
    return X, (latent > np.quantile(latent, 1 - share)).astype(int), np.arange(6)


def many(n, d, rng, n_relevant):
    """Linear in many columns, all with effects of the same size; R2 is at most 0.8."""
    X = rng.normal(size=(n, d))
    signs = rng.choice([-1, 1], n_relevant)
    y = X[:, :n_relevant] @ signs / np.sqrt(n_relevant)
    return X, y + 0.5 * rng.normal(size=n), np.arange(n_relevant)


def _respond(X, rng):
    """Make a quantity of 6 random columns: linear in 5, a hinge in the last one.

    A hinge matters in a column of two values, too, unlike a square.
    """
    relevant = rng.choice(X.shape[1], 6, replace=False)
    Z = X[:, relevant]
    Z = (Z - Z.mean(axis=0)) / Z.std(axis=0)
    y = Z[:, :5] @ [2, -2, 1.5, -1.5, 1] + 2 * np.maximum(Z[:, 5], 0)
    return X, y + rng.normal(size=len(X)), relevant


def ar(n, d, rng):
    """Columns that are correlated with their neighbours, 6 of them relevant."""
    return _respond(_draw_neighbours(n, d, rng), rng)


def blocks(n, d, rng):
    """Blocks of 10 correlated columns, 6 columns anywhere relevant."""
    return _respond(draw_blocks(n, d, rng), rng)


def discrete(n, d, rng):
    """Counts, binary columns and few levels by turns, mildly correlated; 6 relevant."""
    # Normal with a correlation of 0.3, cut where a count or a level ends.
    latent = np.sqrt(0.3) * rng.normal(size=(n, 1))
    latent = latent + np.sqrt(0.7) * rng.normal(size=(n, d))
    X = np.empty((n, d))
    for j in range(d):
        if j % 3 == 0:
            X[:, j] = scipy.stats.poisson.ppf(
                scipy.special.ndtr(latent[:, j]), rng.uniform(1, 5)
            )
        elif j % 3 == 1:
            X[:, j] = latent[:, j] > rng.uniform(-0.7, 0.7)
        else:
            X[:, j] = np.digitize(latent[:, j], np.sort(rng.uniform(-1, 1, 3)))
    return _respond(X, rng)


def _repeat_twice(columns, d):
    """Repeat the relevant columns as often as there is room, at most twice."""
    return np.tile(columns, 2)[:, : d - columns.shape[1]]


def _add_noisy(X, columns):
    """Put what relevant columns tell into the columns behind them, with noise."""
    useless = _repeat_twice(columns, X.shape[1])
    X[:, 4 : 4 + useless.shape[1]] *= 0.5
    X[:, 4 : 4 + useless.shape[1]] += useless


def steps(n, d, rng):
    """Linear in steps of 4 columns; the steps are in the table twice, with noise."""
    X = rng.normal(size=(n, d))
    is_above = (X[:, :4] > rng.uniform(-0.7, 0.7, 4)).astype(float)
    _add_noisy(X, is_above)
    y = is_above @ [2, -2, 2, -2]
    return X, y + 0.5 * rng.normal(size=n), np.arange(4)


def squares(n, d, rng):
    """Lines of 2 columns, squares of 2; squares of all are in the table, with noise."""
    X = rng.normal(size=(n, d))
    _add_noisy(X, X[:, :4] ** 2)
    y = X[:, :2] @ [1, -1] + X[:, 2:4] ** 2 @ [1, -1]
    return X, y + 0.5 * rng.normal(size=n), np.arange(4)


def mixtures(n, d, rng):
    """Rows of 3 clusters; some columns repeat a relevant one in 70 % of the rows."""
    X = rng.normal(size=(n, d)) + rng.normal(size=(3, d))[rng.randint(3, size=n)]
    useless = _repeat_twice(X[:, :4], d)
    useless += 0.3 * rng.normal(size=useless.shape)
    repeats = rng.uniform(size=useless.shape) < 0.7
    X[:, 4 : 4 + useless.shape[1]][repeats] = useless[repeats]
    y = X[:, :3] @ [1, -1, 1] + np.abs(X[:, 3])
    return X, y + 0.5 * rng.normal(size=n), np.arange(4)


def spreads(n, d, rng):
    """Lines of 2 columns, sizes of 2; they also are the spread of useless columns."""
    X = rng.normal(size=(n, d))
    useless = _repeat_twice(X[:, :4], d)
    useless[:, :4] = np.exp(useless[:, :4])
    X[:, 4 : 4 + useless.shape[1]] *= useless
    y = X[:, :2] @ [1, -1] + np.abs(X[:, 2:4]) @ [1.5, -1.5]
    return X, y + 0.5 * rng.normal(size=n), np.arange(4)


def _null(function):
    """Make a family of another one in which `y` has nothing to do with `X`."""

    def null(n, d, rng):
        X, y, _ = function(n, d, rng)
        return X, rng.permutation(y), np.arange(0)

    null.__name__ = f"{function.__name__}_null"
    return null


def _by_name(*functions):
    return {function.__name__: function for function in functions}


FAMILIES = _by_name(
    linear,
    friedman,
    xor,
    orange,
    additive,
    classification,
    switch,
    madelon,
    triple,
    noise,
)
HELD_OUT = _by_name(skewed, mixed, periodic, ring, poisson, threshold)
RARE = {f"rare_{share}": partial(rare, share=share / 100) for share in (2, 5, 10, 30)}
MANY = {f"many_{k}": partial(many, n_relevant=k) for k in (60, 200)}
CORRELATED = _by_name(ar, blocks, discrete, *map(_null, (ar, blocks, discrete)))
DEPENDENT = _by_name(steps, squares, mixtures, spreads)
ALL_FAMILIES = FAMILIES | HELD_OUT | RARE | MANY | CORRELATED | DEPENDENT


def make_data(family, n, d, seed):
    """Draw one data set.

    Parameters
    ----------
    family : str
        A name in any of the groups.
    n, d : int
        Rows and columns; madelon needs at least 20 columns, rare ones 7, many ones as
        many as are relevant, the others 10.
    seed : int
        The same data for the same seed. Every family and size has random numbers of
        its own, and none that a method draws which is given the same seed.

    Returns
    -------
    X : ndarray of shape (n, d)
    y : ndarray of shape (n,)
        Of integers for classes, of floats for a quantity.
    truth : boolean ndarray of shape (d,)
        Which columns are relevant.
    """
    rng = np.random.RandomState([zlib.crc32(f"{family} {n}x{d}".encode()), seed])
    X, y, relevant = ALL_FAMILIES[family](n, d, rng)
    truth = np.zeros(d, dtype=bool)
    truth[relevant] = True
    # In random places, so that an order among ties does not flatter anybody.
    order = rng.permutation(d)
    return np.ascontiguousarray(X[:, order]), y, truth[order]
