"""How well do selections do where it is hard: heavy tails, rare classes, copies.

    python benchmarks/hard.py                     # all parts but the grid
    python benchmarks/hard.py --parts tails,rare
    python benchmarks/hard.py --grid              # 1 to 20 copies of each factor
    python benchmarks/hard.py --table benchmarks/hard.json

The data are generated, and what decides the target is known: factors, each of which
stands in one column or in several that are interchangeable. A factor is found if one of
its columns is kept; its further ones are neither hits nor false. F1 is of factors found
against factors missed and columns kept that belong to no factor. Where nothing matters
(part null), it is counted how often nothing is kept; in part wine, by how many other
columns the choice on scikit-learn's table changes when any one column is left out.

Settings are chosen on seeds from 1000 (--first-seed), never on those that are reported.

Methods are those of selection.py; VIANNSelector and forest-mean run unless --methods
names others. Results go to a JSON file one by one; --resume goes on with it. Set
TF_CPP_MIN_LOG_LEVEL=3 for a quiet TensorFlow.
"""

import argparse
import functools
import itertools
import json
import warnings
import zlib
from pathlib import Path
from statistics import mean

import numpy as np
from _common import (
    add_options,
    drop_absent,
    head,
    make_table,
    parse_names,
    print_errors,
    print_machine,
    row,
    run,
    timed,
    unique,
    where,
)
from families import draw_blocks
from scipy.special import expit
from selection import METHODS, OPTIONAL, PACKAGES
from sklearn.datasets import load_wine

# Kinds: functions of a random generator that return columns, target and factors, a list
# with the columns of each. Integers are classes, floats a quantity.


def of_one_column(n_factors):
    """Return factors that stand in the first columns, one in each."""
    return [[j] for j in range(n_factors)]


TAILS = {
    "clean": lambda signal, rng: signal + 0.5 * rng.normal(size=len(signal)),
    "Cauchy noise": lambda signal, rng: signal + 0.5 * rng.standard_cauchy(len(signal)),
    "lognormal, sd 1.2": lambda signal, rng: np.exp(
        0.6 * signal + 1.2 * rng.normal(size=len(signal))
    ),
    "Pareto noise": lambda signal, rng: signal + rng.pareto(1.5, len(signal)),
    "one row 100 deviations out": lambda signal, rng: (
        signal
        + 0.5 * rng.normal(size=len(signal))
        + 100 * signal.std() * (np.arange(len(signal)) == 0)
    ),
    "counts, 60 % zeros": lambda signal, rng: (
        rng.poisson(np.exp(1 + 0.4 * signal)) * (rng.random(len(signal)) > 0.6)
    ).astype(float),
}


def tail(rng, *, name):
    """Linear in 4 of 40 columns, 400 rows."""
    X = rng.normal(size=(400, 40))
    return X, TAILS[name](X[:, :4] @ [1, -1, 1, -1], rng), of_one_column(4)


def rare(rng, *, n, n_positive):
    """Log odds linear in 4 of 60 columns; exactly so many positives."""
    X = rng.normal(size=(n, 60))
    latent = X[:, :4] @ [1.5, -1.5, 1, -1] + rng.logistic(size=n)
    y = np.zeros(n, dtype=int)
    y[np.argsort(-latent)[:n_positive]] = 1
    return X, y, of_one_column(4)


def blocks(rng):
    """90 rows; 2000 columns in blocks of ten (0.8), one column of each of 3 decides."""
    X = draw_blocks(90, 2000, rng)
    y = rng.random(90) < expit(4 * X[:, [0, 10, 20]] @ [1, -1, 1])
    return X, y.astype(int), [[0], [10], [20]]


def separated(rng):
    """30 rows, 1000 columns, the classes 6 deviations apart in one."""
    X, y = rng.normal(size=(30, 1000)), rng.permutation(np.arange(30) % 2)
    X[:, 0] += 6 * y
    return X, y, of_one_column(1)


def wide_classes(rng):
    """100 rows, 500 columns; log odds linear in 5."""
    X = rng.normal(size=(100, 500))
    y = rng.random(100) < expit(6 * X[:, :5] @ [1, -1, 1, -1, 1])
    return X, y.astype(int), of_one_column(5)


def many_classes(rng):
    """20 classes, each the nearest of as many points in 4 of 40 columns; 1000 rows."""
    X = rng.normal(size=(1000, 40))
    points = 2 * rng.normal(size=(20, 4))
    y = np.argmin(((X[:, np.newaxis, :4] - points) ** 2).sum(axis=2), axis=1)
    return X, np.unique(y, return_inverse=True)[1], of_one_column(4)


def weak(rng):
    """Linear in 23 of 100 columns: 3 strong, 20 weak; 1000 rows."""
    X = rng.normal(size=(1000, 100))
    effects = np.r_[np.ones(3), np.full(20, 0.15)] * rng.choice([-1, 1], 23)
    return X, X[:, :23] @ effects + rng.normal(size=1000), of_one_column(23)


def copies(rng, *, shape="linear", n_factors=3, n_copies, correlation, n, n_noise=30):
    """Factors that decide, each in columns that are correlated with each other."""
    factors = rng.normal(size=(n, n_factors))
    own = rng.normal(size=(n, n_factors * n_copies))
    X = np.sqrt(correlation) * np.repeat(factors, n_copies, axis=1)
    X = np.hstack([X + np.sqrt(1 - correlation) * own, rng.normal(size=(n, n_noise))])
    if shape == "xor":
        y = (factors[:, 0] * factors[:, 1] > 0).astype(int)
    else:
        if shape == "curved":
            first, second, third = factors.T
            bent = [np.abs(first) / 0.6, np.sin(2 * second) / 0.7, (third**2 - 1) / 1.4]
            factors = np.column_stack(bent)
        signs = (-1.0) ** np.arange(n_factors)
        y = factors @ signs + 0.5 * rng.normal(size=n)
    return X, y, np.arange(n_factors * n_copies).reshape(n_factors, -1).tolist()


def null(rng, *, n, d, target):
    """Nothing matters."""
    X = rng.normal(size=(n, d))
    if target == "classes":
        return X, rng.integers(2, size=n), []
    y = rng.normal(size=n)
    return X, np.exp(1.2 * y) if target == "lognormal" else y, []


def in_blocks(rng, *, n, d):
    """Nothing matters, and columns are correlated in tens."""
    X = draw_blocks(n, d, rng)
    return X, rng.integers(2, size=n), []


PARTS = {
    "tails": {name: functools.partial(tail, name=name) for name in TAILS},
    "rare": {
        f"{k} of {n} positive": functools.partial(rare, n=n, n_positive=k)
        for k, n in [(25, 500), (40, 500), (30, 1000)]
    },
    "wide": {
        "90 x 2000 in blocks of ten": blocks,
        "100 x 500, 5 relevant": wide_classes,
        "30 x 1000, one separates": separated,
    },
    "many": {
        "20 classes": many_classes,
        "3 strong, 20 weak of 100": weak,
    },
    "copies": {
        "3 factors, 6 columns each at 0.98": functools.partial(
            copies, n_copies=6, correlation=0.98, n=400
        ),
        "4 factors, 5 columns each at 0.9": functools.partial(
            copies, n_factors=4, n_copies=5, correlation=0.9, n=400
        ),
    },
    "null": {
        f"{n} x {d}, {target}": functools.partial(null, n=n, d=d, target=target)
        for n, d in [(200, 1000), (400, 60), (100, 20), (1000, 100), (60, 2000)]
        for target in ("classes", "quantity")
    }
    | {
        "400 x 60, lognormal": functools.partial(null, n=400, d=60, target="lognormal"),
        "200 x 500 in blocks of ten": functools.partial(in_blocks, n=200, d=500),
    },
    "wine": {"wine less one column": None},
}
SHAPES = ("linear", "curved", "xor")
GRID = {
    (shape, n, correlation, n_copies): functools.partial(
        copies,
        shape=shape,
        n_factors=2 if shape == "xor" else 3,
        n_copies=n_copies,
        correlation=correlation,
        n=n,
    )
    for shape, n, correlation, n_copies in itertools.product(
        SHAPES,
        (200, 600, 2000),
        (0.8, 0.9, 0.98, 0.999),
        (1, 2, 6, 20),
    )
}
KINDS = {name: kind for part in PARTS.values() for name, kind in part.items()}


# Measuring.


def select(method, X, y, seed):
    # What a selector has to say, such as that it keeps nothing, is in the figures.
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        return METHODS[method](X, y, seed)[0]


def judge(kind, name, seed, method):
    """Select from one data set, and compare what is kept with the factors."""
    rng = np.random.default_rng([zlib.crc32(name.encode()), seed])
    X, y, factors = kind(rng)
    # In random places, so that an order among ties does not flatter anybody.
    order = rng.permutation(X.shape[1])
    result = {"n_factors": len(factors)}
    with timed(result):
        mask = select(method, np.ascontiguousarray(X[:, order]), y, seed)
    kept = set(order[mask].tolist())
    found = sum(not kept.isdisjoint(factor) for factor in factors)
    false = len(kept.difference(*factors))
    result |= {"n_kept": len(kept), "found": found, "false": false}
    if factors:
        result["f1"] = 2 * found / (found + false + len(factors))
    return result


def measure_wine(seed, method):
    """Count the columns by which choices differ, the one left out aside."""
    X, y = load_wine(return_X_y=True)
    result = {}
    with timed(result):
        of_all = np.flatnonzero(select(method, X, y, seed))
        changed = []
        for j in range(X.shape[1]):
            rest = np.delete(np.arange(X.shape[1]), j)
            kept = rest[select(method, X[:, rest], y, seed)]
            changed.append(len({*of_all} - {j} ^ {*kept}))
    return result | {"n_kept": len(of_all), "changed": changed}


def measure(seed, part, family, method):
    if part == "wine":
        return measure_wine(seed, method)
    return judge(KINDS[family], family, seed, method)


def measure_grid(seed, shape, n, correlation, n_copies, method):
    key = (shape, n, correlation, n_copies)
    return judge(GRID[key], " ".join(map(str, key)), seed, method)


def describe(result):
    if "changed" in result:
        return f"{mean(result['changed']):.1f} columns change"
    f1 = f"F1 {result['f1']:.2f}, " if "f1" in result else ""
    return f"{f1}{result['n_kept']} kept, {result['cpu_seconds']:.1f} s"


# What is printed.


def print_parts(record):
    """Print tables of what suits a part: F1, or how often nothing is kept."""
    print_machine(record)
    figures = {
        "F1": lambda one: one["f1"],
        "Factors found": lambda one: one["found"],
        "Columns kept that belong to no factor": lambda one: one["false"],
    }
    of_part = {
        "null": {
            "Share of runs that keep nothing": lambda one: one["n_kept"] == 0,
            "Columns kept": lambda one: one["n_kept"],
        },
        "wine": {
            "Columns by which the choice changes, mean": lambda one: mean(
                one["changed"]
            ),
            "Columns by which the choice changes, most": lambda one: max(
                one["changed"]
            ),
        },
    }
    results = record["results"]
    # With several processes, results come in any order.
    kinds, methods = list(KINDS), list(METHODS)
    results.sort(
        key=lambda one: (kinds.index(one["family"]), methods.index(one["method"]))
    )
    for part in unique(results, "part"):
        some = where(results, part=part)
        for title, figure in of_part.get(part, figures).items():
            if some:
                n_seeds = len(unique(some, "seed"))
                print(f"\n{title}: {part}, {n_seeds} seeds\n")
                print(make_table(some, figure))
    print_errors(record)


def print_grid(record):
    """Print a table of F1 for each method: copies by all else."""
    print_machine(record)
    kinds = list(GRID)
    results = sorted(
        record["results"],
        key=lambda one: kinds.index(
            (one["shape"], one["n"], one["correlation"], one["n_copies"])
        ),
    )
    for method in unique(results, "method"):
        chosen = where(results, method=method)
        numbers = sorted(unique(chosen, "n_copies"))
        print(f"\nF1 of {method}, {len(unique(chosen, 'seed'))} seeds\n")
        titles = [f"{k} columns each" if k > 1 else "1 column each" for k in numbers]
        print("\n".join(head("kind", titles)))
        for shape, n, correlation in unique(chosen, "shape", "n", "correlation"):
            cells = []
            for n_copies in numbers:
                runs = where(
                    chosen,
                    shape=shape,
                    n=n,
                    correlation=correlation,
                    n_copies=n_copies,
                )
                f1 = [one["f1"] for one in runs]
                cells.append(f"{mean(f1):.2f}" if f1 else "")
            print(row(f"{shape}, {n} rows, r = {correlation}", cells))
    print_errors(record)


# The command.


def main():
    """Run, or print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, n_seeds=5, sizes=False)
    parser.add_argument("--first-seed", type=int, default=0, help="default 0")
    parser.add_argument(
        "--parts", help=f"some of {','.join(PARTS)}; of the grid {','.join(SHAPES)}"
    )
    parser.add_argument("--methods", help=f"some of {','.join(METHODS)}")
    parser.add_argument("--grid", action="store_true", help="the grid of copies")
    parser.add_argument("--jobs", type=int, default=1, help="processes of a core each")
    args = parser.parse_args()
    show = print_grid if args.grid else print_parts
    if args.table:
        record = json.loads(args.table.read_text())
        (print_grid if "shape" in record["results"][0] else print_parts)(record)
        return
    known = SHAPES if args.grid else PARTS
    parts = parse_names(args.parts, known, "--parts", parser)
    methods = ["VIANNSelector", "forest-mean"]
    if args.methods:
        methods = parse_names(args.methods, METHODS, "--methods", parser)
    methods = drop_absent(methods, OPTIONAL)
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    # Seeds outermost: an interrupted run has some seeds of everything.
    if args.grid:
        names = ("shape", "n", "correlation", "n_copies")
        jobs = [
            {"seed": seed, **dict(zip(names, key, strict=True)), "method": method}
            for seed in seeds
            for key in GRID
            if key[0] in parts
            for method in methods
        ]
    else:
        jobs = [
            {"seed": seed, "part": part, "family": family, "method": method}
            for seed in seeds
            for part in parts
            for family in PARTS[part]
            for method in methods
        ]
    record = run(
        jobs,
        measure_grid if args.grid else measure,
        describe,
        args.output
        or Path(__file__).with_name("hard-grid.json" if args.grid else "hard.json"),
        packages=PACKAGES,
        resume=args.resume,
        n_jobs=args.jobs,
    )
    show(record)


if __name__ == "__main__":
    main()
