"""How well do selections meet the columns that are known to be relevant?

    python benchmarks/selection.py             # all families, sizes and methods
    python benchmarks/selection.py --held-out  # the families that nobody tunes on
    python benchmarks/selection.py --rare      # 2 to 30 % positives, 4000 x 60
    python benchmarks/selection.py --many      # 60 or 200 relevant columns of 1000
    python benchmarks/selection.py --noise     # nothing is relevant
    python benchmarks/selection.py --real      # real tables, and copies of columns
    python benchmarks/selection.py --table benchmarks/selection.json

Every method selects from the same data sets (see families.py). Its selection is judged
by F1 against the truth, its importances by average precision. Apart from the mean stand
noise, where no column should be kept, and madelon, where 5 columns say all that the 20
relevant ones say: there look at precision.

--rare, --many, --noise and --real run VIANNSelector alone, unless --methods names
others. --noise takes targets drawn by coin (even seeds) or from a normal distribution
(odd ones), and shuffled targets of real tables. --real fits the selector in the
training part of 5 folds, and compares a boosting and a linear model on the kept columns
with those on all; it does so again after two shuffled copies of each column joined the
table. lassonet-cv stays away from more than 50 columns, for its time.

Results go to a JSON file one by one; --resume goes on with it. Needs scikit-learn 1.9
and, apart from what skviann needs, the packages boruta and lassonet (skipped when
absent). Set TF_CPP_MIN_LOG_LEVEL=3 for a quiet TensorFlow.
"""

import argparse
import functools
import json
from operator import itemgetter
from pathlib import Path
from statistics import mean

import numpy as np
from _common import (
    add_options,
    attempt,
    drop_absent,
    head,
    make_table,
    parse_names,
    parse_sizes,
    print_errors,
    print_machine,
    row,
    run,
    timed,
    unique,
    where,
    with_error,
)
from families import FAMILIES, HELD_OUT, MANY, RARE, make_data
from ranking import fit_quietly, is_classes, l1_linear, random_forest, standardise
from sklearn import datasets
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_selection import RFECV
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import average_precision_score, f1_score, precision_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SIZES = [(300, 50), (1000, 100), (1000, 500)]
PACKAGES = [
    "numpy",
    "scikit-learn",
    "keras",
    "tensorflow",
    "skviann",
    "boruta",
    "lassonet",
    "torch",
]
TABLES = {
    "diabetes": datasets.load_diabetes,
    "breast_cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "iris": datasets.load_iris,
    "digits": datasets.load_digits,
}


# Methods: functions of X, y and a seed that return a mask, and importances or None for
# those that do not rank what they keep.


def viann_selector(X, y, seed):
    from skviann import VIANNSelector

    selector = VIANNSelector(random_state=seed).fit(X, y)
    return selector.get_support(), selector.feature_importances_


def forest_mean(X, y, seed):
    """Columns above the mean importance of a forest, as SelectFromModel does."""
    importances = random_forest(X, y, seed)
    return importances >= importances.mean(), importances


def boosting_rfecv(X, y, seed):
    """Eliminate columns one by one, from the 32 that boosting finds most important.

    From all 500 columns this would take half an hour, and with a `step` of many
    columns RFECV could not stop at a few: the step stays as long as at the beginning.
    At 1000 x 500 it takes about a minute.
    """
    kind = GradientBoostingClassifier if is_classes(y) else GradientBoostingRegressor
    importances = kind(random_state=seed).fit(X, y).feature_importances_
    best = np.argsort(-importances)[:32]
    rfecv = RFECV(kind(random_state=seed), cv=3).fit(X[:, best], y)
    mask = np.zeros(X.shape[1], dtype=bool)
    mask[best] = rfecv.support_
    return mask, None


def boruta(X, y, seed):
    """All columns that beat the best of shuffled copies, in a forest.

    Its README's forest, but that it tries the root of the number of columns for a
    quantity, too, not all of them: that would take an hour at 1000 x 500.
    """
    from boruta import BorutaPy

    kind = RandomForestClassifier if is_classes(y) else RandomForestRegressor
    forest = kind(max_depth=5, max_features="sqrt")
    model = BorutaPy(forest, n_estimators="auto", random_state=seed).fit(X, y)
    return model.support_, None


def l1_nonzero(X, y, seed):
    """Coefficients that are not 0 at the penalty with the best score in 5 folds."""
    coefficients = l1_linear(X, y, seed)
    return coefficients > 0, coefficients


def lassonet_cv(X, y, seed):
    """The penalty with the best score in 5 folds, on the short path of ranking.py."""
    import torch
    from lassonet import LassoNetClassifierCV, LassoNetRegressorCV

    torch.set_num_threads(1)  # its operations are so small that threads only wait
    X, y = standardise(X, y)
    network = LassoNetClassifierCV if is_classes(y) else LassoNetRegressorCV
    model = network(
        M=10,
        path_multiplier=1.1,
        n_iters=(200, 20),
        patience=(30, 5),
        verbose=0,
        random_state=seed,
        torch_seed=seed,
    ).fit(X, y)
    return model.best_selected_.numpy().astype(bool), None


METHODS = {
    "VIANNSelector": viann_selector,
    "forest-mean": forest_mean,
    "boosting-rfecv": boosting_rfecv,
    "boruta": boruta,
    "l1-nonzero": l1_nonzero,
    "lassonet-cv": lassonet_cv,
}
OPTIONAL = {"boruta": "boruta", "lassonet-cv": "lassonet"}
MAX_COLUMNS = {"lassonet-cv": 50}  # of those that take minutes for more


# Generated data: F1 against the truth.


def measure_family(family, n, d, seed, method):
    """Select from one data set with one method."""
    X, y, truth = make_data(family, n, d, seed)
    result = {}
    with timed(result):
        mask, importances = METHODS[method](X, y, seed)
    result["n_kept"] = int(mask.sum())
    if truth.any():
        result["f1"] = f1_score(truth, mask, zero_division=0)
        result["precision"] = precision_score(truth, mask, zero_division=0)
        if importances is not None:
            score = average_precision_score(truth, importances)
            result["average_precision"] = score
    return result


def warm_up(methods):
    """Call every method once for classes and once for a quantity, untimed."""
    for method in methods:
        for family in ("classification", "friedman"):
            attempt(
                measure_family,
                {"family": family, "n": 60, "d": 10, "seed": 0, "method": method},
            )


def describe_family(result):
    f1 = f"F1 {result['f1']:.3f}, " if "f1" in result else ""
    return f"{f1}{result['n_kept']} kept, {result['seconds']:.1f} s"


def print_families(results):
    """Print tables of F1, average precision and columns kept for each size."""
    n_kept, f1, precision, average_precision = map(
        itemgetter, ["n_kept", "f1", "precision", "average_precision"]
    )
    for n, d in unique(results, "n", "d"):
        chosen = where(results, n=n, d=d)
        n_seeds = len(unique(chosen, "seed"))
        apart = {
            "madelon: F1": ("madelon", f1),
            "madelon: precision": ("madelon", precision),
            "noise: columns kept": ("noise", n_kept),
        }
        print(f"\nF1 of the selection, {n} rows, {d} columns, {n_seeds} seeds\n")
        print(make_table(chosen, f1, apart=apart))
        ranked = [one for one in chosen if "average_precision" in one]
        if ranked:
            apart = {"madelon": ("madelon", average_precision)}
            print("\nAverage precision of the importances\n")
            print(make_table(ranked, average_precision, apart=apart))
        print("\nColumns kept\n")
        print(make_table(chosen, n_kept))


# Data in which nothing is relevant: is nothing kept?


def draw_noise(kind, seed):
    """Draw columns and a target, or take those of a table and shuffle the target."""
    if kind in TABLES:
        X, y = TABLES[kind](return_X_y=True)
        return X, np.random.RandomState(seed).permutation(y)
    n, d = map(int, kind.split("x"))
    X, y, _ = make_data("noise", n, d, seed)
    return X, y if seed % 2 == 0 else np.random.RandomState(seed).normal(size=n)


NOISE = ["300x20", "300x50", "1000x100", "200x1000", "200x5000", *TABLES]


def measure_noise(kind, seed, method):
    X, y = draw_noise(kind, seed)
    result = {"n": len(X), "d": X.shape[1]}
    with timed(result):
        mask, _ = METHODS[method](X, y, seed)
    return result | {"n_kept": int(mask.sum())}


def describe_noise(result):
    return f"{result['n_kept']} kept, {result['seconds']:.1f} s"


def print_noise(results):
    """Print a line for each kind: runs that keep nothing, and columns that are kept."""
    for method in unique(results, "method"):
        chosen = where(results, method=method)
        print(f"\n{method}, targets that have nothing to do with the columns\n")
        columns = ["rows, columns", "runs", "nothing kept", "columns kept"]
        print("\n".join(head("data", columns)))
        kinds = [(kind, where(chosen, kind=kind)) for kind in unique(chosen, "kind")]
        for name, runs in [*kinds, ("all", chosen)]:
            kept = [one["n_kept"] for one in runs]
            shapes = unique(runs, "n", "d")
            cells = [
                "{}, {}".format(*shapes[0]) if len(shapes) == 1 else "",
                len(runs),
                f"{kept.count(0) / len(runs):.2f}",
                f"{mean(kept):.1f}",
            ]
            shuffled = f"{name}, shuffled" if name in TABLES else name
            print(row(shuffled, cells))


# Real tables: what do models lose, how many shuffled copies are kept?


def add_copies(X, n_copies, seed):
    """Append shuffled copies of all columns, each shuffled by itself."""
    rng = np.random.default_rng(seed)
    return np.hstack([X, rng.permuted(np.tile(X, n_copies), axis=0)])


def measure_real(table, copies, fold, method):
    """Score models behind a selector that sees the training part of a fold only."""
    X, y = TABLES[table](return_X_y=True)
    n_real = X.shape[1]
    X = add_copies(X, copies, seed=0) if copies else X
    folds = (StratifiedKFold if is_classes(y) else KFold)(
        5, shuffle=True, random_state=0
    )
    train, test = list(folds.split(X, y))[fold]
    result = {"n": len(X), "d": X.shape[1]}
    with timed(result):
        if method == "all columns":
            mask = np.ones(X.shape[1], dtype=bool)
        else:
            mask, _ = METHODS[method](X[train], y[train], fold)
    result["n_kept"] = int(mask.sum())
    result["n_copies_kept"] = int(mask[n_real:].sum())
    if not mask.any():
        mask[0] = True  # models need a column
    if is_classes(y):
        boosting = HistGradientBoostingClassifier(random_state=0)
        linear = LogisticRegression(max_iter=1000)
    else:
        boosting = HistGradientBoostingRegressor(random_state=0)
        linear = RidgeCV(np.logspace(-3, 3, 13))
    linear = make_pipeline(StandardScaler(), linear)
    for name, model in [("boosting", boosting), ("linear", linear)]:
        fit_quietly(model, X[train][:, mask], y[train])
        result[name] = model.score(X[test][:, mask], y[test])
    return result


def describe_real(result):
    return (
        f"boosting {result['boosting']:.3f}, linear {result['linear']:.3f}, "
        f"{result['n_kept']} of {result['d']} kept"
    )


def print_real(results):
    """Print scores, means over folds, with the standard error of the mean."""
    columns = ["columns", "method", "kept", "copies kept"]
    columns += ["boosting", "difference to all", "linear", "difference to all"]
    print("\nAccuracy or R2 in 5 folds, ± standard error over folds\n")
    print("\n".join(head("table", columns)))
    for table, copies in unique(results, "table", "copies"):
        chosen = where(results, table=table, copies=copies)
        for method in unique(chosen, "method"):
            folds = sorted(where(chosen, method=method), key=lambda one: one["fold"])
            if not folds:
                continue
            n_columns = folds[0]["d"]
            n_copies = n_columns * copies // (copies + 1)
            share = mean(one["n_copies_kept"] for one in folds) / max(n_copies, 1)
            cells = [n_columns, method, f"{mean(one['n_kept'] for one in folds):.1f}"]
            cells.append(f"{share:.3f}" if copies else "")
            for model in ("boosting", "linear"):
                base = {
                    one["fold"]: one[model]
                    for one in where(chosen, method="all columns")
                }
                differences = [
                    one[model] - base[one["fold"]]
                    for one in folds
                    if one["fold"] in base
                ]
                cells.append(with_error([one[model] for one in folds]))
                cells.append(with_error(differences) if differences else "")
            name = f"{table} + {copies} copies" if copies else table
            print(row(name, cells))


# The command.


def print_tables(record):
    """Print the tables that suit the results, then every error that came up."""
    print_machine(record)
    results = record["results"]
    if "family" in results[0]:
        print_families(results)
    elif "kind" in results[0]:
        print_noise(results)
    else:
        print_real(results)
    print_errors(record)


def main():
    """Run, or print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, n_seeds=5)
    parser.add_argument("--families", help=f"some of {','.join(FAMILIES)}")
    parser.add_argument("--methods", help=f"some of {','.join(METHODS)}")
    parser.add_argument("--jobs", type=int, default=1, help="processes of a core each")
    modes = parser.add_mutually_exclusive_group()
    for mode in ("held-out", "rare", "many", "noise", "real"):
        modes.add_argument(
            f"--{mode}", dest="mode", action="store_const", const=mode, default=""
        )
    args = parser.parse_args()
    if args.table:
        print_tables(json.loads(args.table.read_text()))
        return
    families, sizes = {
        "held-out": (HELD_OUT, SIZES),
        "rare": (RARE, [(4000, 60)]),
        "many": (MANY, [(2000, 1000)]),
    }.get(args.mode, (FAMILIES, SIZES))
    sizes = parse_sizes(args.sizes) if args.sizes else sizes
    families = parse_names(args.families, families, "--families", parser)
    methods = parse_names(args.methods, METHODS, "--methods", parser)
    if args.mode in ("rare", "many", "noise", "real") and not args.methods:
        methods = ["VIANNSelector"]
    methods = drop_absent(methods, OPTIONAL)
    # Seeds outermost: an interrupted run has some seeds of everything.
    if args.mode == "noise":
        measure, describe = measure_noise, describe_noise
        jobs = [
            {"kind": kind, "seed": seed, "method": method}
            for seed in range(args.seeds)
            for kind in NOISE
            for method in methods
        ]
    elif args.mode == "real":
        measure, describe = measure_real, describe_real
        jobs = [
            {"table": table, "copies": copies, "fold": fold, "method": method}
            for fold in range(5)
            for table in TABLES
            for copies in (0, 2)
            for method in ["all columns", *methods]
        ]
    else:
        measure, describe = measure_family, describe_family
        jobs = [
            {"family": family, "n": n, "d": d, "seed": seed, "method": method}
            for seed in range(args.seeds)
            for n, d in sizes
            for family in families
            for method in methods
            if d <= MAX_COLUMNS.get(method, d)
        ]
    suffix = f"-{args.mode}" if args.mode else ""
    record = run(
        jobs,
        measure,
        describe,
        args.output or Path(__file__).with_name(f"selection{suffix}.json"),
        packages=PACKAGES,
        resume=args.resume,
        n_jobs=args.jobs,
        warm_up=functools.partial(warm_up, methods),
    )
    print_tables(record)


if __name__ == "__main__":
    main()
