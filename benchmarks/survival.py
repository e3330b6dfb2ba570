"""Are the columns found that decide when something happens, and what are they worth?

    python benchmarks/survival.py
    python benchmarks/survival.py --seeds 3 --tables linear,curved
    python benchmarks/survival.py --table benchmarks/survival.json

Generated tables have 400 rows and 20 columns, of which 4 decide the hazard: log-linear,
in curves (a square, a step, a product), or none does (null). Times are Weibull's, and
about 40 % of the rows are censored. F1 is that of columns, and concordance (Harrell's)
is measured on 1000 more rows. Two tables of scikit-survival, whas500 and gbsg2, are
split into 70 % to select on and 30 % to test on, as often as there are seeds.

The columns that a method keeps are given to the same model for all, a gradient boosting
of scikit-survival; with none, concordance is 0.5. Methods:

- VIANNSelector
- coxnet: Cox with an L1 penalty, the one with the best concordance in 5 folds
- lassonet: LassoNet's Cox regressor, the penalty with the best score in 5 folds
- all columns

Results go to a JSON file one by one; --resume goes on with it. Needs scikit-survival;
lassonet is skipped where absent. Set TF_CPP_MIN_LOG_LEVEL=3 for a quiet TensorFlow.
"""

import argparse
import json
import warnings
import zlib
from pathlib import Path

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
    unique,
    where,
    with_error,
)
from sklearn.model_selection import GridSearchCV, KFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sksurv.datasets import load_gbsg2, load_whas500
from sksurv.ensemble import GradientBoostingSurvivalAnalysis
from sksurv.linear_model import CoxnetSurvivalAnalysis
from sksurv.preprocessing import OneHotEncoder
from sksurv.util import Surv

from skviann import VIANNSelector

PACKAGES = ["numpy", "scikit-learn", "tensorflow", "skviann", "scikit-survival"]
PACKAGES += ["lassonet", "torch"]
REAL = {"whas500": load_whas500, "gbsg2": load_gbsg2}
GENERATED = ["linear", "curved", "null"]
N_RELEVANT = 4


def draw(table, seed):
    """Return columns, events and times of training and test, and what is relevant."""
    if table in REAL:
        X, y = REAL[table]()
        X = OneHotEncoder().fit_transform(X).to_numpy(float)
        event, time = (y[name] for name in y.dtype.names)
        parts = train_test_split(
            X, Surv.from_arrays(event, time), train_size=0.7, random_state=seed
        )
        return *parts, None
    rng = np.random.default_rng([zlib.crc32(table.encode()), seed])
    X = rng.normal(size=(1400, 20))
    hazard = {
        "linear": X[:, :4] @ [1, -1, 0.7, -0.7],
        "curved": X[:, 0] ** 2 - 1.5 * (X[:, 1] > 0.5) + X[:, 2] * X[:, 3],
        "null": np.zeros(len(X)),
    }[table]
    happened = rng.weibull(1.5, len(X)) * np.exp(-hazard / 1.5)
    last_seen = rng.exponential(np.quantile(happened, 0.7) * 1.5, len(X))
    y = Surv.from_arrays(happened <= last_seen, np.minimum(happened, last_seen))
    is_relevant = np.arange(20) < (0 if table == "null" else N_RELEVANT)
    return X[:400], X[400:], y[:400], y[400:], is_relevant


def viann_selector(X, y, seed):
    return VIANNSelector(random_state=seed).fit(X, y).get_support()


def coxnet(X, y, seed):
    """As in the user guide of scikit-survival, but with an L1 penalty alone."""
    pipeline = make_pipeline(StandardScaler(), CoxnetSurvivalAnalysis(l1_ratio=1.0))
    alphas = pipeline.fit(X, y)[-1].alphas_
    search = GridSearchCV(
        pipeline,
        {"coxnetsurvivalanalysis__alphas": [[alpha] for alpha in alphas]},
        cv=KFold(5, shuffle=True, random_state=seed),
    ).fit(X, y)
    return search.best_estimator_[-1].coef_[:, 0] != 0


def lassonet(X, y, seed):
    """Its regressor for Cox's likelihood, with cross-validation."""
    import torch
    from lassonet import LassoNetCoxRegressorCV

    torch.set_num_threads(1)  # its operations are so small that threads only wait
    event, time = y["event"], y["time"]
    model = LassoNetCoxRegressorCV(
        hidden_dims=(64,), path_multiplier=1.1, cv=5, random_state=seed
    )
    model.fit(scale(X), np.column_stack([time, event]).astype(np.float32))
    return np.asarray(model.best_selected_)


def all_columns(X, y, seed):
    return np.ones(X.shape[1], dtype=bool)


METHODS = {
    "VIANNSelector": viann_selector,
    "coxnet": coxnet,
    "lassonet": lassonet,
    "all columns": all_columns,
}


def measure(table, seed, method):
    """Select once, and see what a model makes of it."""
    X, X_test, y, y_test, is_relevant = draw(table, seed)
    result = {}
    with warnings.catch_warnings(), timed(result):
        warnings.simplefilter("ignore")
        kept = np.asarray(METHODS[method](X, y, seed), dtype=bool)
    concordance = 0.5
    if kept.any():
        model = GradientBoostingSurvivalAnalysis(random_state=0).fit(X[:, kept], y)
        concordance = float(model.score(X_test[:, kept], y_test))
    result |= {"n_kept": int(kept.sum()), "share": float(kept.mean())}
    if is_relevant is not None:
        hits = int((kept & is_relevant).sum())
        result["f1"] = 2 * hits / max(kept.sum() + is_relevant.sum(), 1)
    return result | {"concordance": concordance}


def print_table(record):
    """Print F1, columns kept, concordance and processor seconds."""
    print_machine(record)
    results = [one for one in record["results"] if "error" not in one]
    methods = [name for name in METHODS if where(results, method=name)]
    for figure in ("f1", "n_kept", "concordance", "cpu_seconds"):
        print(f"\n{figure}, mean ± standard error over seeds\n")
        print("\n".join(head("table", methods)))
        for table in unique(results, "table"):
            if figure == "f1" and table not in GENERATED[:2]:
                continue
            cells = [
                with_error(
                    [one[figure] for one in where(results, table=table, method=name)]
                )
                for name in methods
            ]
            print(row(table, cells))
    print_errors(record)


def main():
    """Run, or print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, n_seeds=5, sizes=False)
    tables = [*GENERATED, *REAL]
    parser.add_argument("--tables", help=f"some of {','.join(tables)}")
    parser.add_argument("--methods", help=f"some of {','.join(METHODS)}")
    parser.add_argument("--jobs", type=int, default=1, help="processes of a core each")
    args = parser.parse_args()
    if args.table:
        print_table(json.loads(args.table.read_text()))
        return
    tables = parse_names(args.tables, tables, "--tables", parser)
    methods = parse_names(args.methods, METHODS, "--methods", parser)
    methods = drop_absent(methods, {"lassonet": "lassonet"})
    jobs = [
        {"table": table, "seed": seed, "method": method}
        for seed in range(args.seeds)
        for table in tables
        for method in methods
    ]
    record = run(
        jobs,
        measure,
        lambda one: f"{one['n_kept']} kept, concordance {one['concordance']:.3f}",
        args.output or Path(__file__).with_suffix(".json"),
        packages=PACKAGES,
        resume=args.resume,
        n_jobs=args.jobs,
    )
    print_table(record)


if __name__ == "__main__":
    main()
