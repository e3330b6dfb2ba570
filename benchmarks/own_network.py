"""Is a user's own Keras network selected with as well as the ready-made one?

    python benchmarks/own_network.py             # F1, families of selection.py
    python benchmarks/own_network.py --noise     # nothing is relevant
    python benchmarks/own_network.py --fdr       # false discoveries of the test
    python benchmarks/own_network.py --real DIR  # real tables, see real.py
    python benchmarks/own_network.py --cost      # seconds, beside single trainings
    python benchmarks/own_network.py --table benchmarks/own-network.json

The network is what many a user has: hidden layers of 64 and 32 units with Dropout (0.1)
between them, Adam, 30 epochs in batches of 32, all else as Keras has it by default.
Columns and quantities to predict are standardised; what raw tables hold is encoded.
Judgement is that of selection.py, significance.py and real.py.

--cost takes the seconds of a default selection at 1000 x 100 beside those of a plain
scikeras training of the same network, in turns, after one of each to warm up; those of
8 and 64 copies that train at once beside one `fit` of Keras; and those of a wrapper's
`fit` beside scikeras's and scikit-learn's MLPClassifier.

Results go to a JSON file one by one; --resume goes on with it. Set
TF_CPP_MIN_LOG_LEVEL=3 for a quiet TensorFlow.
"""

import argparse
import functools
import json
import time
from pathlib import Path
from statistics import median

import numpy as np
import real
import selection
import significance
from _common import (
    add_options,
    head,
    parse_sizes,
    print_errors,
    print_machine,
    row,
    run,
    unique,
    where,
)
from families import FAMILIES, HELD_OUT
from ranking import is_classes, standardise
from sklearn.datasets import make_classification
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler, scale

SIZES = [(300, 50), (1000, 100)]
NOISE = ["300x50", "1000x100"]
DESIGNS = ["ar", "blocks", "discrete", "steps", "blocks_null"]
WRAPPED = [(569, 30, 60), (2000, 50, 20), (20_000, 100, 4)]  # rows, columns, epochs
PACKAGES = ["numpy", "scikit-learn", "keras", "tensorflow", "scikeras", "skviann"]


def build(meta):
    """Build the network."""
    from keras import Input, Sequential, layers

    n_classes = meta.get("n_classes_")
    if n_classes is None:
        last, loss = layers.Dense(1), "mse"
    elif n_classes == 2:
        last, loss = layers.Dense(1, "sigmoid"), "binary_crossentropy"
    else:
        last = layers.Dense(n_classes, "softmax")
        loss = "sparse_categorical_crossentropy"
    model = Sequential(
        [
            Input((meta["n_features_in_"],)),
            layers.Dense(64, "relu"),
            layers.Dropout(0.1),
            layers.Dense(32, "relu"),
            last,
        ]
    )
    model.compile("adam", loss)
    return model


def wrap(y, **settings):
    """Put the network into a wrapper, for classes or a quantity."""
    from skviann.wrappers import KerasClassifier, KerasRegressor

    kind = KerasClassifier if is_classes(y) else KerasRegressor
    return kind(build, **{"epochs": 30, "batch_size": 32, "verbose": 0, **settings})


def own_network(X, y, seed, **params):
    """Select with the network; parameters are those of the selector."""
    from skviann import VIANNSelector

    X, y = standardise(X, y)
    selector = VIANNSelector(wrap(y), random_state=seed, **params).fit(X, y)
    return selector.get_support(), selector.feature_importances_


def own_test(X, y, seed):
    from skviann import VIANNSelector

    X, y = standardise(X, y)
    selector = VIANNSelector(wrap(y), threshold="fdr", alpha=0.1, random_state=seed)
    return significance.reject(selector.fit(X, y).pvalues_)


def own_of_table(X, y, seed):
    """Select from a data frame; one of numbers without gaps is standardised."""
    from skviann import VIANNSelector

    if X.select_dtypes("number").shape == X.shape and not X.isna().any(axis=None):
        X = StandardScaler().set_output(transform="pandas").fit_transform(X)
    y = y if is_classes(y) else scale(y)
    selector = VIANNSelector(wrap(y), random_state=seed).fit(X, y)
    return selector.get_support()


METHODS = {
    "own, as it comes": own_network,
    "own, encode=True": functools.partial(own_network, encode=True),
    "own, mean of importances": functools.partial(own_network, threshold="mean"),
    "ready-made": selection.METHODS["VIANNSelector"],
}
selection.METHODS.update(METHODS)
significance.METHODS["own"] = own_test
real.METHODS["own"] = own_of_table


# Processes that import this module know these methods, too.


def measure_family(**job):
    return selection.measure_family(**job)


def measure_noise(**job):
    return selection.measure_noise(**job)


def measure_test(**job):
    return significance.measure(**job)


def measure_real(data, **job):
    return real.measure(junk="", data=data, n_rows=2600, **job)


# Costs.


def seconds_of(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def measure_cost(what, repeat):
    """Take the seconds of two things, one after the other."""
    import scikeras.wrappers

    kind, *shape = what.split()
    if kind == "selection":
        n, d, epochs = 1000, 100, 30
    elif kind == "copies":
        n, d, epochs = 992, 100, 30
    else:
        n, d, epochs = map(int, shape[0].split("x"))
    X, y = make_classification(n, d, n_informative=5, random_state=repeat)
    X = scale(X).astype("f4")
    batch_size = int(shape[1]) if kind == "wrapper" else 32
    wrapper = wrap(y, epochs=epochs, batch_size=batch_size)
    plain = scikeras.wrappers.KerasClassifier(**wrapper.get_params())
    if kind == "selection":
        from skviann import VIANNSelector

        selector = VIANNSelector(wrapper, random_state=repeat)
        ours, others = {"selection": selector.fit}, {"scikeras": plain.fit}
    elif kind == "copies":
        ours = {"copies": functools.partial(train_copies, int(shape[0]))}
        others = {"Keras": fit_with_keras}
    else:
        mlp = MLPClassifier(
            (64, 32), batch_size=batch_size, max_iter=epochs, n_iter_no_change=1000
        )
        ours = {"wrapper": wrapper.fit}
        others = {"scikeras": plain.fit, "MLPClassifier": mlp.fit}
    times = {}
    for name, fit in (ours | others).items():
        fit(X, y)  # warm
        times[name] = seconds_of(lambda fit=fit: fit(X, y))
    return {"seconds": times}


def fit_with_keras(X, y):
    model = build({"n_features_in_": X.shape[1], "n_classes_": 2})
    model.fit(X, y, epochs=30, batch_size=32, verbose=0)


def train_copies(n_copies, X, y):
    """Train copies on all rows."""
    from skviann.feature_selection._own_network import OwnNetwork
    from skviann.feature_selection._own_table import read_table, reader_for
    from skviann.neural_network._training import Fold

    wrapper = wrap(y)
    reader = reader_for(wrapper)
    table, target = reader._read(X, y, reset=True)
    problem = read_table(reader, table, target, None, encode=False).problem
    everything = Fold(np.arange(len(X)), np.arange(X.shape[1]))
    OwnNetwork(wrapper, {}, None).train_round(problem, [everything], n_copies, 0)


def describe_cost(result):
    return ", ".join(f"{name} {one:.2f} s" for name, one in result["seconds"].items())


def print_costs(results):
    """Print a line for each comparison: medians, and ratios in pairs."""
    print("\n".join(head("what", ["seconds", "beside", "seconds", "ratio"])))
    for what in unique(results, "what"):
        chosen = where(results, what=what)
        ours, *others = chosen[0]["seconds"]
        for other in others:
            pairs = [(one["seconds"][ours], one["seconds"][other]) for one in chosen]
            mine, its = (median(one) for one in zip(*pairs, strict=True))
            ratio = median(a / b for a, b in pairs)
            print(row(what, [f"{mine:.2f}", other, f"{its:.2f}", f"{ratio:.2f}"]))


# The command.


def print_tables(record):
    """Print the tables that suit the results."""
    first = record["results"][0]
    if "what" in first:
        print_machine(record)
        print_costs(record["results"])
        print_errors(record)
    elif "design" in first:
        significance.print_tables(record)
    elif "split" in first:
        for one in record["results"]:
            one.setdefault("junk", "")
        real.print_tables(record)
    else:
        selection.print_tables(record)


def main():
    """Run, or print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, n_seeds=3)
    parser.add_argument("--jobs", type=int, default=1, help="processes of a core each")
    modes = parser.add_mutually_exclusive_group()
    for mode in ("noise", "fdr", "cost"):
        modes.add_argument(f"--{mode}", dest="mode", action="store_const", const=mode)
    modes.add_argument("--real", type=Path, help="a folder of Parquet files")
    args = parser.parse_args()
    if args.table:
        print_tables(json.loads(args.table.read_text()))
        return
    seeds = range(args.seeds)
    name, describe = f"own-network-{args.mode}.json", selection.describe_family
    if args.mode == "noise":
        measure, describe = measure_noise, selection.describe_noise
        jobs = [
            {"kind": kind, "seed": seed, "method": "own, as it comes"}
            for seed in seeds
            for kind in NOISE
        ]
    elif args.mode == "fdr":
        measure, describe = measure_test, significance.describe
        jobs = [
            {"design": design, "n": 400, "d": 24, "seed": seed, "method": "own"}
            for seed in seeds
            for design in DESIGNS
        ]
    elif args.mode == "cost":
        measure, describe = measure_cost, describe_cost
        shapes = [
            f"wrapper {n}x{d}x{epochs} {batch_size}"
            for n, d, epochs in WRAPPED
            for batch_size in (32, 64)
        ]
        jobs = [
            {"what": what, "repeat": repeat}
            for repeat in seeds
            for what in ("selection", "copies 8", "copies 64", *shapes)
        ]
    elif args.real:
        name = "own-network-real.json"
        measure = functools.partial(measure_real, args.real)
        describe = real.describe
        tables = [
            *real.ARRAYS,
            *sorted(one.stem for one in args.real.glob("*.parquet")),
        ]
        jobs = [
            {"state": 0, "split": split, "table": table, "method": method}
            for split in seeds
            for table in tables
            for method in ("all columns", "own")
        ]
    else:
        measure, name = measure_family, "own-network.json"
        jobs = [
            {"family": family, "n": n, "d": d, "seed": seed, "method": method}
            for seed in seeds
            for n, d in (parse_sizes(args.sizes) if args.sizes else SIZES)
            for family in (*FAMILIES, *HELD_OUT)
            for method in METHODS
        ]
    record = run(
        jobs,
        measure,
        describe,
        args.output or Path(__file__).with_name(name),
        packages=PACKAGES,
        resume=args.resume,
        n_jobs=args.jobs,
    )
    print_tables(record)


if __name__ == "__main__":
    main()
