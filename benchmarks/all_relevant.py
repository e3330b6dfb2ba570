"""Are all columns found that tell something of the target, also where others tell it?

    python benchmarks/all_relevant.py
    python benchmarks/all_relevant.py --seeds 5 --families copies,xor
    python benchmarks/all_relevant.py --table benchmarks/all_relevant.json

Three factors stand in six columns each, with noise; among 48 columns, all others are
noise, and 400 rows. Relevant are all columns of those factors that decide the target,
so F1 is that of columns. Where nothing decides it (null), columns kept are counted.
Boruta asks the same question; "auto" keeps one column of each factor, which is all that
a prediction needs. Families:

- copies, 0.9 and 0.7: a sum of the factors, correlations of column and factor
- curves: a square, a wave and a line
- classes: the sign of a sum
- xor: the sign of a product of two factors, the third is of no use
- null: a target of its own

Results go to a JSON file one by one; --resume goes on with it. Needs the package boruta
(skipped when absent). Set TF_CPP_MIN_LOG_LEVEL=3 for a quiet TensorFlow.
"""

import argparse
import functools
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
    parse_names,
    print_errors,
    print_machine,
    row,
    run,
    timed,
    where,
    with_error,
)
from selection import OPTIONAL, PACKAGES, boruta

from skviann import VIANNSelector

N_ROWS, N_COLUMNS, N_EACH = 400, 48, 6


def draw(family, seed):
    """Return columns, target and which columns are relevant."""
    rng = np.random.default_rng([zlib.crc32(family.encode()), seed])
    factors = rng.normal(size=(N_ROWS, 3))
    r = 0.7 if family == "copies 0.7" else 0.9
    noise = rng.normal(size=(N_ROWS, N_COLUMNS))
    n_real = 3 * N_EACH
    X = noise.copy()
    X[:, :n_real] *= np.sqrt(1 - r**2)
    X[:, :n_real] += r * np.repeat(factors, N_EACH, axis=1)
    n_relevant = {"xor": 2 * N_EACH, "null": 0}.get(family, n_real)
    error = 0.5 * rng.normal(size=N_ROWS)
    a, b, c = factors.T
    y = {
        "curves": a**2 + np.sin(2 * b) + c + error,
        "classes": (a + b + c + error > 0).astype(int),
        "xor": (a * b > 0).astype(int),
        "null": error,
    }.get(family, a + b + c + error)
    return X, y, np.arange(N_COLUMNS) < n_relevant


FAMILIES = ["copies 0.9", "copies 0.7", "curves", "classes", "xor", "null"]
METHODS = {
    "all-relevant": lambda X, y, seed: VIANNSelector(
        threshold="all-relevant", random_state=seed
    ).fit(X, y),
    "auto": lambda X, y, seed: VIANNSelector(random_state=seed).fit(X, y),
    "boruta": boruta,
}


def measure(family, seed, method):
    """Select once, and compare with what is relevant."""
    X, y, is_relevant = draw(family, seed)
    result = {}
    with warnings.catch_warnings(), timed(result):
        warnings.filterwarnings("ignore", "No column is kept|Other rows would")
        found = METHODS[method](X, y, seed)
    kept = found[0] if method == "boruta" else found.get_support()
    hits = int((kept & is_relevant).sum())
    return result | {
        "n_kept": int(kept.sum()),
        "n_false": int((kept & ~is_relevant).sum()),
        "f1": 2 * hits / max(kept.sum() + is_relevant.sum(), 1),
    }


def print_table(record):
    """Print F1, false ones and processor seconds, means over seeds."""
    print_machine(record)
    results = [one for one in record["results"] if "error" not in one]
    methods = [name for name in METHODS if where(results, method=name)]
    for figure in ("f1", "n_false", "cpu_seconds"):
        print(f"\n{figure}, mean ± standard error over seeds\n")
        print("\n".join(head("family", methods)))
        for family in FAMILIES:
            if figure == "f1" and family == "null":
                continue
            cells = [
                with_error([one[figure] for one in where(results, **both)])
                for both in ({"family": family, "method": name} for name in methods)
            ]
            print(row(family, cells))
    nulls = {name: where(results, family="null", method=name) for name in methods}
    print("\nKept where nothing is relevant: in how many runs, of how many\n")
    for name, runs in nulls.items():
        print(f"{name}: {sum(one['n_kept'] > 0 for one in runs)} of {len(runs)}")
    if "boruta" in methods:
        seconds = {
            name: mean(one["cpu_seconds"] for one in where(results, method=name))
            for name in methods
        }
        ratio = seconds["all-relevant"] / seconds["boruta"]
        print(f"\nProcessor seconds, all-relevant / boruta: {ratio:.2f}")
    print_errors(record)


def main():
    """Run, or print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, n_seeds=5, sizes=False)
    parser.add_argument("--families", help=f"some of {','.join(FAMILIES)}")
    parser.add_argument("--methods", help=f"some of {','.join(METHODS)}")
    parser.add_argument("--jobs", type=int, default=1, help="processes of a core each")
    args = parser.parse_args()
    if args.table:
        print_table(json.loads(args.table.read_text()))
        return
    families = parse_names(args.families, FAMILIES, "--families", parser)
    methods = parse_names(args.methods, METHODS, "--methods", parser)
    methods = drop_absent(methods, OPTIONAL)
    jobs = [
        {"family": family, "seed": seed, "method": method}
        for seed in range(args.seeds)
        for family in families
        for method in methods
    ]
    record = run(
        jobs,
        measure,
        lambda one: f"F1 {one['f1']:.2f}, {one['n_false']} false",
        args.output or Path(__file__).with_suffix(".json"),
        packages=PACKAGES,
        resume=args.resume,
        n_jobs=args.jobs,
        warm_up=functools.partial(draw, "null", 0),
    )
    print_table(record)


if __name__ == "__main__":
    main()
