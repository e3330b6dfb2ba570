"""Do the p-values of VIANNSelector keep what they promise, and find what is there?

    python benchmarks/significance.py --jobs 2
    python benchmarks/significance.py --designs steps,squares,mixtures,spreads \\
        --sizes 400x24 --seeds 20 --output benchmarks/significance-dependent.json
    python benchmarks/significance.py --methods knockoffs,cfi,boruta --seeds 5 \\
        --sizes 300x50 --output benchmarks/significance-peers.json
    python benchmarks/significance.py --table benchmarks/significance.json

Data sets whose relevant columns are known (see families.py), also such where none is.
A column is null if it tells nothing about the target that the others do not tell:
columns that are merely correlated with relevant ones are null, and false if selected.
(One-hot columns of one variable, in mixed, determine each other; the one that the
target was made from counts as relevant.)

From the p-values follow selections, by Benjamini-Hochberg at alpha = 0.05, 0.1 and 0.2.
For each design and alpha the table has the false discovery rate (the mean, over seeds,
of the share of false columns among those selected) with its standard error, and the
power (the mean share of relevant columns that are selected); and, for Holm's procedure
at 0.05, the share of seeds with any false column (FWER). The last line has the means
over designs, and how far the worst FDR is above its alpha, in standard errors: with
some twenty designs, up to about 2.5 is what chance does.

Peers: `knockoffs` are hidimstat's model-X knockoffs (Gaussian, lasso, no p-values but
selections); they need 1 / alpha selected columns to select any. `cfi` is hidimstat's
conditional feature importance of a random forest, whose p-values come from 5 folds.
`boruta` has one selection, at its own alpha of 0.05, and asks another question: it also
wants columns that are merely correlated with relevant ones.

Rare classes have four times the rows that a size says. Results go to a JSON file one by
one; --resume goes on with it. Needs, apart from what skviann needs, the packages
hidimstat and boruta for the peers (skipped when absent). Set TF_CPP_MIN_LOG_LEVEL=3
for a quiet TensorFlow.
"""

import argparse
import contextlib
import io
import json
import math
import warnings
from pathlib import Path
from statistics import mean

import numpy as np
from _common import (
    add_options,
    drop_absent,
    head,
    parse_names,
    parse_sizes,
    print_errors,
    print_machine,
    row,
    run,
    standard_error,
    timed,
    unique,
    where,
    with_error,
)
from families import CORRELATED, DEPENDENT, FAMILIES, HELD_OUT, RARE, make_data
from ranking import is_classes
from scipy.stats import false_discovery_control
from selection import boruta as boruta_selection
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

SIZES = [(300, 50), (1000, 200)]
ALPHAS = [0.05, 0.1, 0.2]
# In madelon any 5 of 20 columns say all that there is to say: none is null, or all are.
DESIGNS = [name for name in FAMILIES | HELD_OUT if name != "madelon"]
DESIGNS += ["rare_5", "rare_10", *CORRELATED, *DEPENDENT]
PACKAGES = [
    "numpy",
    "scipy",
    "scikit-learn",
    "keras",
    "tensorflow",
    "skviann",
    "hidimstat",
    "boruta",
]


# Methods: functions of X, y and a seed that return masks, by alpha, and by "holm".


def holm(pvalues):
    """Adjust p-values for the chance of any false rejection."""
    order = np.argsort(pvalues)
    factors = np.arange(len(pvalues), 0, -1)
    adjusted = np.empty(len(pvalues))
    adjusted[order] = np.maximum.accumulate(factors * pvalues[order])
    return np.minimum(adjusted, 1)


def reject(pvalues):
    """Select by Benjamini-Hochberg at each alpha, and by Holm at 0.05."""
    adjusted = false_discovery_control(pvalues)
    masks = {str(alpha): adjusted <= alpha for alpha in ALPHAS}
    return masks | {"holm": holm(pvalues) <= 0.05}


def viann_selector(X, y, seed):
    from skviann import VIANNSelector

    selector = VIANNSelector(threshold="fdr", alpha=0.1, random_state=seed)
    return reject(selector.fit(X, y).pvalues_)


def knockoffs(X, y, seed):
    """The difference of coefficients in a lasso; for classes, of their numbers."""
    from hidimstat import ModelXKnockoff

    model = ModelXKnockoff(random_state=seed)
    with warnings.catch_warnings(action="ignore"):
        model.fit_importance(X, scale(y.astype(float)))
    return {str(alpha): model.fdr_selection(fdr=alpha) for alpha in ALPHAS}


def cfi(X, y, seed):
    """Held-out loss of a forest when a column is drawn given the others; 5 folds.

    For its time with 20 draws, not 50, and columns of few values by a plain logistic
    regression, not one with a cross-validated penalty.
    """
    from hidimstat import CFICV

    if is_classes(y):
        forest, folds = RandomForestClassifier(100, random_state=seed), StratifiedKFold
        method, loss = "predict_proba", log_loss
    else:
        forest, folds = RandomForestRegressor(100, random_state=seed), KFold
        method, loss = "predict", mean_squared_error
    model = CFICV(
        forest,
        folds(5, shuffle=True, random_state=seed),
        method=method,
        loss=loss,
        n_permutations=20,
        imputation_model_categorical=make_pipeline(
            StandardScaler(), LogisticRegression()
        ),
        random_state=seed,
    )
    with (
        contextlib.redirect_stderr(io.StringIO()),  # progress bars
        warnings.catch_warnings(action="ignore"),
    ):
        model.fit_importance(X, y)
    # Columns that no tree looks at change no loss, and have no p-value.
    return reject(np.nan_to_num(model.pvalues_, nan=1.0))


def boruta(X, y, seed):
    mask, _ = boruta_selection(X, y, seed)
    return {"0.05": mask}


METHODS = {
    "VIANNSelector": viann_selector,
    "knockoffs": knockoffs,
    "cfi": cfi,
    "boruta": boruta,
}
OPTIONAL = {"knockoffs": "hidimstat", "cfi": "hidimstat", "boruta": "boruta"}


# Running.


def measure(design, n, d, seed, method):
    """Test all columns of one data set with one method, and count what is found."""
    X, y, truth = make_data(design, 4 * n if design in RARE else n, d, seed)
    result = {}
    with timed(result):
        masks = METHODS[method](X, y, seed)
    return result | {
        "n_relevant": int(truth.sum()),
        "true": {rule: int((mask & truth).sum()) for rule, mask in masks.items()},
        "false": {rule: int((mask & ~truth).sum()) for rule, mask in masks.items()},
    }


def describe(result):
    rules = [
        f"{rule} {result['true'][rule]}+{result['false'][rule]}"
        for rule in result["true"]
    ]
    return (
        f"of {result['n_relevant']}, right + wrong: {', '.join(rules)}; "
        f"{result['seconds']:.1f} s"
    )


# Tables.


def false_shares(results, rule):
    """Return the share of false ones among the selected columns, 0 if there is none."""
    return [
        one["false"][rule] / max(one["false"][rule] + one["true"][rule], 1)
        for one in results
        if rule in one["false"]
    ]


def power(results, rule):
    return [
        one["true"][rule] / one["n_relevant"]
        for one in results
        if rule in one["true"] and one["n_relevant"]
    ]


def any_false(results, rule):
    return [one["false"][rule] > 0 for one in results if rule in one["false"]]


def excess(shares, alpha):
    """Return by how many standard errors the FDR is above alpha, nan without one."""
    error, difference = standard_error(shares), mean(shares) - alpha
    return difference / error if error > 0 else math.nan


def design_cells(results):
    """Return FDR and power by alpha, and the FWER."""
    rates = [false_shares(results, str(alpha)) for alpha in ALPHAS]
    powers = [power(results, str(alpha)) for alpha in ALPHAS]
    wrong = any_false(results, "holm")
    return [
        *(with_error(one) if one else "" for one in rates),
        *(f"{mean(one):.2f}" if one else "" for one in powers),
        f"{mean(wrong):.2f}" if wrong else "",
    ]


def summary_cells(by_design):
    """Return the worst excess of FDR and mean power by alpha, and the largest FWER."""
    cells = []
    for alpha in ALPHAS:
        shares = [false_shares(results, str(alpha)) for results in by_design]
        shares = [one for one in shares if one]
        excesses = [one for s in shares if math.isfinite(one := excess(s, alpha))]
        text = f"{mean(map(mean, shares)):.3f}" if shares else ""
        worst = f", worst {max(excesses):+.1f} errors" if excesses else ""
        cells.append(text + worst)
    for alpha in ALPHAS:
        powers = [one for r in by_design if (one := power(r, str(alpha)))]
        cells.append(f"{mean(map(mean, powers)):.2f}" if powers else "")
    wrong = [one for results in by_design if (one := any_false(results, "holm"))]
    cells.append(f"{mean(map(mean, wrong)):.2f}" if wrong else "")
    return cells


def print_tables(record):
    """Print a table for each size and method, then every error that came up."""
    print_machine(record)
    columns = [f"FDR at {alpha}" for alpha in ALPHAS]
    columns += [f"power at {alpha}" for alpha in ALPHAS] + ["FWER at 0.05"]
    for n, d, method in unique(record["results"], "n", "d", "method"):
        chosen = where(record["results"], n=n, d=d, method=method)
        if not chosen:
            continue
        designs = unique(chosen, "design")
        by_design = [where(chosen, design=design) for design in designs]
        n_seeds = sorted({len(results) for results in by_design})
        seconds = np.median([one["cpu_seconds"] for one in chosen])
        print(f"\n{method}, {n} rows, {d} columns, ", end="")
        print(
            f"{'-'.join(map(str, n_seeds))} seeds, {seconds:.1f} CPU seconds (median)\n"
        )
        print("\n".join(head("design", columns)))
        for design, results in zip(designs, by_design, strict=True):
            print(row(design, design_cells(results)))
        print(row("mean", summary_cells(by_design)))
    print_errors(record)


# The command.


def main():
    """Run, or print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, n_seeds=50)
    parser.add_argument("--designs", help=f"some of {','.join(DESIGNS)}")
    parser.add_argument(
        "--methods",
        default="VIANNSelector",
        help=f"some of {','.join(METHODS)}, default VIANNSelector",
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes of a core each")
    args = parser.parse_args()
    if args.table:
        print_tables(json.loads(args.table.read_text()))
        return
    designs = parse_names(args.designs, DESIGNS, "--designs", parser)
    methods = parse_names(args.methods, METHODS, "--methods", parser)
    methods = drop_absent(methods, OPTIONAL)
    sizes = parse_sizes(args.sizes) if args.sizes else SIZES
    # Seeds outermost: an interrupted run has some seeds of everything.
    jobs = [
        {"design": design, "n": n, "d": d, "seed": seed, "method": method}
        for seed in range(args.seeds)
        for n, d in sizes
        for design in designs
        for method in methods
    ]
    record = run(
        jobs,
        measure,
        describe,
        args.output or Path(__file__).with_name("significance.json"),
        packages=PACKAGES,
        resume=args.resume,
        n_jobs=args.jobs,
    )
    print_tables(record)


if __name__ == "__main__":
    main()
