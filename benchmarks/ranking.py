"""How well do importances rank columns whose relevance is known?

    python benchmarks/ranking.py              # all families, sizes and methods
    python benchmarks/ranking.py --held-out   # the families that nobody tunes on
    python benchmarks/ranking.py --xor-wide   # XOR of two among 2000 columns
    python benchmarks/ranking.py --table benchmarks/ranking.json

Every method ranks the same data sets (see families.py) in the same run, and is judged
by the average precision of its importances against the truth. Where there is no truth
(noise), the figure is the largest importance over the mean one: 1 means that nothing
stands out. Results go to a JSON file one by one; --resume goes on with it.

Needs scikit-learn 1.9 and, apart from what skviann needs, the packages
neural-feature-importance and lassonet (skipped when absent). Set
TF_CPP_MIN_LOG_LEVEL=3 for a quiet TensorFlow.
"""

import argparse
import gc
import importlib.metadata
import importlib.util
import json
import math
import os
import platform
import time
import warnings
from collections import Counter
from pathlib import Path
from statistics import mean, median

import numpy as np
from families import FAMILIES, HELD_OUT, make_data
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LassoCV, LogisticRegressionCV
from sklearn.metrics import average_precision_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import scale

import skviann

SIZES = [(300, 50), (1000, 100), (1000, 500)]
WIDE_SIZE = (1000, 2000)
PACKAGES = [
    "numpy",
    "scikit-learn",
    "keras",
    "tensorflow",
    "scikeras",
    "skviann",
    "neural-feature-importance",
    "lassonet",
    "torch",
]


# Methods: functions of X, y and a seed that return importances.


def fit_quietly(model, X, y):
    """Fit without a word if the default iterations are too few to converge."""
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        return model.fit(X, y)


def is_classes(y):
    return y.dtype.kind == "i"


def standardise(X, y):
    """Scale columns, and a quantity y, as linear models and networks want it."""
    return scale(X), y if is_classes(y) else scale(y)


def random_forest(X, y, seed):
    """Impurity importances of 500 trees, of 200 for a quantity in many columns.

    Each split there tries every column, half a minute for 500 of them. Fewer trees
    rank as well (within 0.02 in trials); fewer columns a split or rows a tree do not.
    """
    if is_classes(y):
        model = RandomForestClassifier(500, n_jobs=2, random_state=seed)
    else:
        n_trees = 200 if X.shape[1] > 200 else 500
        model = RandomForestRegressor(n_trees, n_jobs=2, random_state=seed)
    return model.fit(X, y).feature_importances_


def gradient_boosting(X, y, seed):
    kind = GradientBoostingClassifier if is_classes(y) else GradientBoostingRegressor
    return kind(random_state=seed).fit(X, y).feature_importances_


def mutual_information(X, y, seed):
    measure = mutual_info_classif if is_classes(y) else mutual_info_regression
    return measure(X, y, random_state=seed)


def l1_linear(X, y, seed):
    """Coefficients of a lasso or an L1 logistic regression, strength by 5 folds."""
    X, y = standardise(X, y)
    if not is_classes(y):
        return np.abs(fit_quietly(LassoCV(random_state=seed), X, y).coef_)
    model = LogisticRegressionCV(
        Cs=np.logspace(-2, 1, 7),
        l1_ratios=(1,),
        # The faster one, but it knows two classes only.
        solver="liblinear" if y.max() == 1 else "saga",
        scoring="neg_log_loss",
        use_legacy_attributes=False,
        random_state=seed,
    )
    return np.abs(fit_quietly(model, X, y).coef_).sum(axis=0)


def mlp_permutation(X, y, seed):
    """Permutation importances, on the training data, of scikit-learn's network.

    Classes are scored by log loss, not by the default accuracy: that stays at 1 on
    training data whatever single column is permuted, and ranks hardly better than dice.
    """
    X, y = standardise(X, y)
    X = X.astype(np.float32)  # half the time
    network = MLPClassifier if is_classes(y) else MLPRegressor
    model = fit_quietly(network(random_state=seed), X, y)
    scoring = "neg_log_loss" if is_classes(y) else "r2"
    result = permutation_importance(
        model, X, y, scoring=scoring, n_repeats=5, random_state=seed
    )
    return result.importances_mean


def lassonet(X, y, seed):
    """The penalty at which a column leaves the path.

    The default path (steps of 1.02, up to 1000 and then 100 epochs) takes several times
    as long; in single trials, shorter ones as this ranked about as well.
    """
    import torch
    from lassonet import LassoNetClassifier, LassoNetRegressor

    torch.set_num_threads(1)  # its operations are so small that threads only wait
    X, y = standardise(X, y)
    network = LassoNetClassifier if is_classes(y) else LassoNetRegressor
    model = network(
        M=10,
        path_multiplier=1.1,
        n_iters=(200, 20),
        patience=(30, 5),
        verbose=0,
        random_state=seed,
        torch_seed=seed,
    )
    importances = model.fit(X, y).feature_importances_.numpy()
    # The path ends when no column is left: infinite are those that never came in.
    return np.where(np.isinf(importances), 0, importances)


def train_plain_network(X, y, seed, callback):
    """Train a Keras network as a tutorial would, for 500 steps of 32 rows."""
    import keras
    from scikeras.wrappers import KerasClassifier, KerasRegressor

    def build(meta):
        output = (
            keras.layers.Dense(meta["n_classes_"], "softmax")
            if is_classes(y)
            else keras.layers.Dense(1)
        )
        return keras.Sequential(
            [
                keras.Input((meta["n_features_in_"],)),
                keras.layers.Dense(64, "relu"),
                keras.layers.Dense(32, "relu"),
                output,
            ]
        )

    X, y = standardise(X, y)
    wrapper = KerasClassifier if is_classes(y) else KerasRegressor
    network = wrapper(
        build,
        loss="sparse_categorical_crossentropy" if is_classes(y) else "mse",
        optimizer="adam",
        batch_size=32,
        epochs=math.ceil(500 / math.ceil(len(X) / 32)),
        callbacks=[callback],
        random_state=seed,
        verbose=0,
    )
    network.fit(X, y)


def viann_plain(X, y, seed):
    """VIANN on a plain network."""
    callback = skviann.VarianceImportance()
    train_plain_network(X, y, seed, callback)
    return callback.importances_


def neural_feature_importance(X, y, seed):
    """VIANN by its author's package, on the same plain network."""
    from neural_feature_importance import VarianceImportanceKeras

    callback = VarianceImportanceKeras()
    train_plain_network(X, y, seed, callback)
    return callback.feature_importances_


def fit_for_importances(classifier, regressor):
    def importances(X, y, seed):
        network = classifier if is_classes(y) else regressor
        return network(random_state=seed).fit(X, y).feature_importances_

    return importances


METHODS = {
    "random-forest": random_forest,
    "gradient-boosting": gradient_boosting,
    "mutual-information": mutual_information,
    "l1-linear": l1_linear,
    "mlp-permutation": mlp_permutation,
    "lassonet": lassonet,
    "viann-plain": viann_plain,
    "neural-feature-importance": neural_feature_importance,
    "deep-feature-selection": fit_for_importances(
        skviann.DeepFeatureSelectionClassifier, skviann.DeepFeatureSelectionRegressor
    ),
    "dropout-ranking": fit_for_importances(
        skviann.DropoutRankingClassifier, skviann.DropoutRankingRegressor
    ),
    "teacher-student": fit_for_importances(*[skviann.TeacherStudentSelector] * 2),
    "deep-belief": fit_for_importances(*[skviann.DeepBeliefRanking] * 2),
    "viann-estimator": fit_for_importances(
        skviann.VIANNClassifier, skviann.VIANNRegressor
    ),
    "VIANNSelector": fit_for_importances(*[skviann.VIANNSelector] * 2),
}
OPTIONAL = {
    "lassonet": "lassonet",
    "neural-feature-importance": "neural_feature_importance",
}


# Running.


def largest_share(importances):
    """Return the largest importance over the mean one, 1 if all are 0."""
    importances = np.clip(importances, 0, None)  # permutation can make things better
    total = importances.sum()
    return float(importances.max() / total * len(importances)) if total > 0 else 1.0


def measure(family, n, d, seed, method):
    """Rank one data set with one method."""
    import keras

    X, y, truth = make_data("xor" if family == "xor-wide" else family, n, d, seed)
    result = {"family": family, "n": n, "d": d, "seed": seed, "method": method}
    # Networks that came before shall not slow this one down.
    keras.utils.clear_session()
    gc.collect()
    start = time.perf_counter()
    try:
        importances = METHODS[method](X, y, seed)
        result["seconds"] = round(time.perf_counter() - start, 3)
        if truth.any():
            result["average_precision"] = average_precision_score(truth, importances)
        else:
            result["largest_share"] = largest_share(importances)
    except Exception as error:  # whatever it is: the other methods go on
        result["error"] = f"{type(error).__name__}: {error}"
    return result


def warm_up(methods):
    """Call every method once for classes and once for a quantity, untimed."""
    for method in methods:
        for family in ("xor", "linear"):
            measure(family, 60, 10, 0, method)


def describe_machine():
    """Return the processor and the versions that the figures were measured with."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.split(": ")[1] for line in lines if line.startswith("model name")]
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "versions": versions,
    }


def save(record, path):
    """Write to a file beside it first: an interruption leaves the old one whole."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(record, indent=1) + "\n")
    temporary.replace(path)


def key(result):
    return tuple(result[name] for name in ("seed", "n", "d", "family", "method"))


def run(families, sizes, methods, n_seeds, path, resume):
    """Measure whatever `path` does not hold yet, and return all that it holds."""
    record = {"machine": describe_machine(), "results": []}
    if resume and path.exists():
        old = json.loads(path.read_text())
        if old["machine"] != record["machine"]:
            print("The results so far come from another machine or other versions.")
        # What failed is tried again.
        old["results"] = [result for result in old["results"] if "error" not in result]
        record = old
    done = {key(result) for result in record["results"]}
    # Seeds outermost: an interrupted run has some seeds of everything.
    todo = [
        (family, n, d, seed, method)
        for seed in range(n_seeds)
        for n, d in sizes
        for family in families
        for method in methods
        if (seed, n, d, family, method) not in done
    ]
    if todo:
        warm_up(methods)
    for count, job in enumerate(todo, 1):
        result = measure(*job)
        record["results"].append(result)
        save(record, path)
        print(f"{count}/{len(todo)} {describe(result)}", flush=True)
    return record


def describe(result):
    """Say in a line what came out."""
    job = "{family} {n}x{d} seed {seed} {method}: ".format(**result)
    if "error" in result:
        return job + f"failed, {result['error']}"
    return job + f"{figure(result):.3f}, {result['seconds']:.1f} s"


# Tables.


def figure(result):
    return result.get("average_precision", result.get("largest_share"))


def cell(results, n_seeds):
    """Average the results of one method on one family, and say if some are missing."""
    figures = [figure(result) for result in results if "error" not in result]
    if not figures:
        return "failed" if results else ""
    text = f"{mean(figures):.2f}"
    if results[0]["family"] == "xor-wide":
        # Perfect average precision: the relevant two come before all others.
        text += f", both first in {figures.count(1.0)} of {len(figures)}"
    missing = len(figures) < n_seeds
    return f"{text} ({len(figures)} of {n_seeds} seeds)" if missing else text


def mean_cell(results, families):
    """Average over families; empty unless there is a figure for each of them."""
    means = []
    for family in families:
        figures = [
            figure(result)
            for result in results
            if result["family"] == family and "error" not in result
        ]
        if not figures:
            return ""
        means.append(mean(figures))
    return f"{mean(means):.3f}"


def seconds_cell(results):
    seconds = [result["seconds"] for result in results if "error" not in result]
    return f"{median(seconds):.1f}" if seconds else ""


def row(name, cells):
    return f"| {name} | {' | '.join(cells)} |"


def make_table(results, n_seeds):
    """Make a Markdown table of the results of one size: families by methods."""
    methods = list(dict.fromkeys(result["method"] for result in results))
    families = list(dict.fromkeys(result["family"] for result in results))
    by_method = {
        method: [result for result in results if result["method"] == method]
        for method in methods
    }

    def family_row(family, name):
        chosen = [
            [result for result in by_method[method] if result["family"] == family]
            for method in methods
        ]
        return row(name, [cell(results, n_seeds) for results in chosen])

    with_truth = [family for family in families if family != "noise"]
    lines = [row("family", methods), row("---", ["---:"] * len(methods))]
    lines += [family_row(family, family) for family in with_truth]
    if len(with_truth) > 1:
        lines.append(
            row(
                "mean", [mean_cell(by_method[method], with_truth) for method in methods]
            )
        )
    if "noise" in families:
        lines.append(family_row("noise", "noise: largest / mean"))
    lines.append(
        row("median seconds", [seconds_cell(by_method[method]) for method in methods])
    )
    return "\n".join(lines)


def print_tables(record):
    """Print a table for each size, then every error that came up."""
    machine = record["machine"]
    versions = ", ".join(f"{name} {v}" for name, v in machine["versions"].items() if v)
    print(f"\n{machine['cpu']}, {machine['cores']} cores; {versions}")
    results = record["results"]
    for n, d in dict.fromkeys((result["n"], result["d"]) for result in results):
        chosen = [result for result in results if (result["n"], result["d"]) == (n, d)]
        n_seeds = len({result["seed"] for result in chosen})
        print(f"\nAverage precision, {n} rows, {d} columns, {n_seeds} seeds\n")
        print(make_table(chosen, n_seeds))
    errors = Counter(
        (result["method"], result["error"]) for result in results if "error" in result
    )
    for (method, error), count in errors.items():
        print(f"\n{method} failed {count} times: {error}")


# The command.


def parse_names(text, known, option, parser):
    """Split names at commas, None means all."""
    names = list(known) if text is None else text.split(",")
    unknown = [name for name in names if name not in known]
    if unknown:
        parser.error(f"{option}: {unknown} not among {', '.join(known)}")
    return names


def drop_absent(methods):
    """Leave methods out whose package is not installed, and say so."""
    present = []
    for method in methods:
        package = OPTIONAL.get(method)
        if package and importlib.util.find_spec(package) is None:
            print(f"{method} is skipped: the package {package} is not installed.")
        else:
            present.append(method)
    return present


def main():
    """Run, or print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5, help="how many, default 5")
    parser.add_argument("--sizes", help="rows x columns, as 300x50,1000x100")
    parser.add_argument("--families", help=f"some of {','.join(FAMILIES)}")
    parser.add_argument("--methods", help=f"some of {','.join(METHODS)}")
    parser.add_argument(
        "--held-out", action="store_true", help=f"families {','.join(HELD_OUT)}"
    )
    parser.add_argument(
        "--xor-wide",
        action="store_true",
        help="XOR among 2000 columns, only VIANNSelector and the random forest",
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="default ranking.json beside this script, with -held-out or -xor-wide",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with the output that is there"
    )
    parser.add_argument("--table", type=Path, help="print the tables of this file")
    args = parser.parse_args()
    if args.table:
        print_tables(json.loads(args.table.read_text()))
        return
    suffix, families, methods, sizes = "", FAMILIES, METHODS, SIZES
    if args.held_out:
        suffix, families = "-held-out", HELD_OUT
    if args.xor_wide:
        suffix, families, sizes = "-xor-wide", ["xor-wide"], [WIDE_SIZE]
        methods = ["random-forest", "VIANNSelector"]
    families = parse_names(args.families, families, "--families", parser)
    methods = drop_absent(parse_names(args.methods, methods, "--methods", parser))
    if args.sizes:
        sizes = [tuple(map(int, size.split("x"))) for size in args.sizes.split(",")]
    path = args.output or Path(__file__).with_name(f"ranking{suffix}.json")
    print_tables(run(families, sizes, methods, args.seeds, path, args.resume))


if __name__ == "__main__":
    main()
