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
import functools
import importlib
import json
import math
import warnings
from pathlib import Path

import numpy as np
from _common import (
    add_options,
    attempt,
    drop_absent,
    make_table,
    parse_names,
    parse_sizes,
    print_errors,
    print_machine,
    run,
    timed,
    two_digits,
    unique,
)
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
    from skviann import VarianceImportance

    callback = VarianceImportance()
    train_plain_network(X, y, seed, callback)
    return callback.importances_


def neural_feature_importance(X, y, seed):
    """VIANN by its author's package, on the same plain network."""
    from neural_feature_importance import VarianceImportanceKeras

    callback = VarianceImportanceKeras()
    train_plain_network(X, y, seed, callback)
    return callback.feature_importances_


def fit_for_importances(classifier, regressor=None):
    """Make a method of the names of skviann's estimators, of one for both kinds of y.

    By name, so that other methods run where skviann is not installed.
    """

    def importances(X, y, seed):
        name = classifier if is_classes(y) else regressor or classifier
        estimator = getattr(importlib.import_module("skviann"), name)
        return estimator(random_state=seed).fit(X, y).feature_importances_

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
        "DeepFeatureSelectionClassifier", "DeepFeatureSelectionRegressor"
    ),
    "dropout-ranking": fit_for_importances(
        "DropoutRankingClassifier", "DropoutRankingRegressor"
    ),
    "teacher-student": fit_for_importances("TeacherStudentSelector"),
    "deep-belief": fit_for_importances("DeepBeliefRanking"),
    "viann-estimator": fit_for_importances("VIANNClassifier", "VIANNRegressor"),
    "VIANNSelector": fit_for_importances("VIANNSelector"),
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
    X, y, truth = make_data("xor" if family == "xor-wide" else family, n, d, seed)
    result = {}
    with timed(result):
        importances = METHODS[method](X, y, seed)
    if truth.any():
        result["average_precision"] = average_precision_score(truth, importances)
    else:
        result["largest_share"] = largest_share(importances)
    return result


def warm_up(methods):
    """Call every method once for classes and once for a quantity, untimed."""
    for method in methods:
        for family in ("xor", "linear"):
            attempt(
                measure,
                {"family": family, "n": 60, "d": 10, "seed": 0, "method": method},
            )


def figure(result):
    return result.get("average_precision", result.get("largest_share"))


def first_and_mean(figures):
    """Perfect average precision says that the relevant two come before all others."""
    first = f"both first in {figures.count(1.0)} of {len(figures)}"
    return f"{two_digits(figures)}, {first}"


def describe(result):
    return f"{figure(result):.3f}, {result['seconds']:.1f} s"


def print_tables(record):
    """Print a table for each size, then every error that came up."""
    print_machine(record)
    results = record["results"]
    for n, d in unique(results, "n", "d"):
        chosen = [one for one in results if (one["n"], one["d"]) == (n, d)]
        n_seeds = len(unique(chosen, "seed"))
        print(f"\nAverage precision, {n} rows, {d} columns, {n_seeds} seeds\n")
        noise = {"noise: largest / mean": ("noise", figure)}
        wide = chosen[0]["family"] == "xor-wide"
        text = first_and_mean if wide else two_digits
        print(make_table(chosen, figure, apart=noise, describe=text))
    print_errors(record)


def main():
    """Run, or print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, n_seeds=5)
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
    methods = parse_names(args.methods, methods, "--methods", parser)
    methods = drop_absent(methods, OPTIONAL)
    sizes = parse_sizes(args.sizes) if args.sizes else sizes
    # Seeds outermost: an interrupted run has some seeds of everything.
    jobs = [
        {"family": family, "n": n, "d": d, "seed": seed, "method": method}
        for seed in range(args.seeds)
        for n, d in sizes
        for family in families
        for method in methods
    ]
    record = run(
        jobs,
        measure,
        describe,
        args.output or Path(__file__).with_name(f"ranking{suffix}.json"),
        packages=PACKAGES,
        resume=args.resume,
        warm_up=functools.partial(warm_up, methods),
    )
    print_tables(record)


if __name__ == "__main__":
    main()
