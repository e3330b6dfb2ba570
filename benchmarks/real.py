"""What are the columns that are kept of real tables worth to other models?

    python benchmarks/real.py --data DIR      # scikit-learn's tables and those in DIR
    python benchmarks/real.py --openml adult,arrhythmia
    python benchmarks/real.py --data DIR --junk
    python benchmarks/real.py --table benchmarks/real.json

Each table is split five times into 70 % of rows to select columns on and 30 % to test
them on. Two models learn from the columns kept in the first part: gradient boosting
with categories, and ridge or logistic regression behind one-hot columns and scaling.
They read a date as its number, month and day of the week (--text-dates: as a category).
The score is the better one's on the second part: ROC AUC (the mean over classes, each
against the rest) or R2; it is 0.5 or 0 where nothing is kept. A method's loss is the
score of all columns less its own, split by split. Its rank on a table goes by the mean
loss, rounded to 0.005, then by the share of columns kept. `CHOSEN_ON` names the tables
that settings of the selector were chosen on. All others are only reported.

A second random state (--states) on the first two splits shows what chance decides.
Jaccard is the overlap of two choices; of two empty ones it is 1.

--data takes every Parquet file of a folder whose target is the column TARGET. Numbers
with more than 10 different values are a quantity, other targets are classes. --openml
takes names of OpenML's data sets (``name`` or ``name:version``). At most 2600 rows of a
table are used (--rows).

--junk adds as many columns as the table has: noise, copies of its columns with as much
noise as they vary, or products of pairs of its columns, as Cherepanova et al. (2023),
"A Performance-Driven Benchmark for Feature Selection in Tabular Deep Learning".

Results go to a JSON file one by one; --resume goes on with it. Needs the package boruta
(skipped when absent). Set TF_CPP_MIN_LOG_LEVEL=3 for a quiet TensorFlow.
"""

import argparse
import functools
import itertools
import json
import warnings
from pathlib import Path
from statistics import mean

import numpy as np
import pandas as pd
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
from ranking import fit_quietly, is_classes, random_forest
from scipy.stats import rankdata
from selection import TABLES as ARRAYS
from selection import boruta, forest_mean, l1_nonzero
from sklearn.compose import make_column_transformer
from sklearn.datasets import fetch_openml
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_selection import RFECV, SelectKBest, f_classif, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    StratifiedKFold,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

PACKAGES = ["numpy", "pandas", "scikit-learn", "tensorflow", "skviann", "boruta"]
CHOSEN_ON = {
    "telco",
    "stroke",
    "arrhythmia",
    "ames",
    "student",
    "bike",
    "colon",
    "diabetes",
    "wine",
    "breast_cancer",
}
JUNK = ["noise", "copies", "products"]


# Tables.


@functools.lru_cache(maxsize=1)
def load_table(name, data, n_rows):
    """Return columns and target; integers are classes, floats a quantity."""
    if name in ARRAYS:
        table = ARRAYS[name](as_frame=True).frame
        table = table.rename(columns={"target": "TARGET"})
    elif data and (data / f"{name}.parquet").exists():
        table = pd.read_parquet(data / f"{name}.parquet")
    else:
        name, _, version = name.partition(":")
        version = int(version) if version else "active"
        X, y = fetch_openml(name, version=version, as_frame=True, return_X_y=True)
        table = X.assign(TARGET=y)
    table = table[table["TARGET"].notna()]
    table = table.sample(min(len(table), n_rows), random_state=1, ignore_index=True)
    X, y = table.drop(columns="TARGET"), table["TARGET"]
    if pd.api.types.is_numeric_dtype(y) and y.nunique() > 10:
        return X, y.to_numpy(float)
    return X, pd.factorize(y, sort=True)[0]


def add_junk(X, junk):
    """Append as many columns as there are, made of numbers alone."""
    rng = np.random.default_rng(0)
    n, d = X.shape
    if junk == "noise":
        made = rng.normal(size=(n, d))
    else:
        numbers = X[[name for name in X if not is_text(X[name])]].to_numpy(float)
        first, second = rng.integers(numbers.shape[1], size=(2, d))
        made = numbers[:, first]
        if junk == "copies":
            made = made + np.nanstd(made, axis=0) * rng.normal(size=(n, d))
        else:
            made = made * numbers[:, second]
    names = [f"junk_{j}" for j in range(d)]
    return pd.concat([X, pd.DataFrame(made, columns=names)], axis=1)


def is_text(column):
    return not pd.api.types.is_numeric_dtype(column)


# Methods: functions of a table, a target and a seed that return a mask of columns.


def viann_selector(X, y, seed):
    from skviann import VIANNSelector

    return VIANNSelector(random_state=seed).fit(X, y).get_support()


def in_numbers(column, one_hot):
    """Return a column of a table as one or more columns of numbers, without gaps."""
    if not is_text(column):
        numbers = column.astype(float)
        return numbers.fillna(numbers.median()).fillna(0).to_numpy()[:, np.newaxis]
    text = column.astype(str).where(column.notna(), "missing")
    codes = pd.factorize(text, sort=True)[0][:, np.newaxis]
    if not one_hot:
        return codes
    encoder = OneHotEncoder(min_frequency=10, max_categories=30, sparse_output=False)
    return encoder.fit_transform(codes)


def of_arrays(select, one_hot):
    """Make a method of one that knows numbers only.

    A column is kept if any that was made of it is.
    """

    def select_columns(X, y, seed):
        made = [in_numbers(X[name], one_hot) for name in X]
        column = np.repeat(np.arange(len(made)), [one.shape[1] for one in made])
        mask, _ = select(np.hstack(made), y, seed)
        return np.isin(np.arange(len(made)), column[mask])

    return select_columns


def forest_rfecv(X, y, seed):
    """Eliminate a tenth of the columns at a time, from the 64 most important ones."""
    importances = random_forest(X, y, seed)
    best = np.argsort(-importances)[:64]
    kind = RandomForestClassifier if is_classes(y) else RandomForestRegressor
    scoring = "roc_auc_ovr" if is_classes(y) else "r2"
    rfecv = RFECV(kind(random_state=seed), step=0.1, cv=3, scoring=scoring)
    mask = np.zeros(X.shape[1], dtype=bool)
    mask[best] = rfecv.fit(X[:, best], y).support_
    return mask, importances


def k_best_cv(X, y, seed):
    """Keep the k columns with the largest F, k by 5 folds of a linear model."""
    k = np.unique(np.geomspace(1, X.shape[1], 20).astype(int))
    if is_classes(y):
        score, model, scoring = f_classif, LogisticRegression(C=0.1), "neg_log_loss"
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    else:
        score, model, scoring = f_regression, RidgeCV(np.logspace(-2, 4, 13)), "r2"
        folds = KFold(5, shuffle=True, random_state=seed)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), SelectKBest(score), model),
        {"selectkbest__k": k},
        scoring=scoring,
        cv=folds,
    )
    with np.errstate(invalid="ignore", divide="ignore"):  # F of a constant column
        best = fit_quietly(search, X, y).best_estimator_["selectkbest"]
    return best.get_support(), best.scores_


def all_columns(X, y, seed):
    return np.ones(X.shape[1], dtype=bool)


METHODS = {
    "all columns": all_columns,
    "VIANNSelector": viann_selector,
    "forest-mean": of_arrays(forest_mean, one_hot=False),
    "l1-cv": of_arrays(l1_nonzero, one_hot=True),
    "forest-rfecv": of_arrays(forest_rfecv, one_hot=False),
    "k-best-cv": of_arrays(k_best_cv, one_hot=True),
    "boruta": of_arrays(boruta, one_hot=False),
}
OPTIONAL = {"boruta": "boruta"}


# What the columns are worth.


def predict(model, new):
    """Return probabilities of classes, those of the second one if there are two."""
    if not hasattr(model, "predict_proba"):
        return model.predict(new)
    probabilities = model.predict_proba(new)
    return probabilities[:, 1] if probabilities.shape[1] == 2 else probabilities


def predict_linear(X, y, new):
    """Predict new rows with ridge or logistic regression."""
    text = [name for name in X if is_text(X[name])]
    encoder = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=10,
        max_categories=30,
        sparse_output=False,
    )
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    last = RidgeCV(np.logspace(-2, 4, 13))
    if is_classes(y):
        last = LogisticRegression(C=0.1, max_iter=300)
    model = make_pipeline(
        make_column_transformer((encoder, text), remainder=imputer),
        StandardScaler(),
        last,
    )
    return predict(fit_quietly(model, X, y), new)


def predict_boosting(X, y, new):
    """Predict new rows with boosting; levels that it has not seen are missing."""
    X, new = X.copy(), new.copy()
    for name in [name for name in X if is_text(X[name])]:
        levels = X[name].value_counts().index[:200]
        for one in (X, new):
            known = one[name].where(one[name].isin(levels))
            one[name] = known.astype(pd.CategoricalDtype(levels))
    kind = HistGradientBoostingRegressor
    if is_classes(y):
        kind = HistGradientBoostingClassifier
    model = kind(
        learning_rate=0.15,
        max_iter=60,
        min_samples_leaf=20 if len(X) >= 500 else 5,
        early_stopping=False,
        random_state=0,
    )
    return predict(model.fit(X, y), new)


def dates_of(column):
    return pd.to_datetime(column, format="%Y-%m-%d", errors="coerce")


def holds_dates(column):
    """Whether all that a column of text holds are dates such as 2026-11-30."""
    return is_text(column) and dates_of(column).notna().equals(column.notna())


def spread_dates(X, names):
    """Put numbers in place of columns of dates."""
    for name in names:
        dates = dates_of(X[name])
        numbers = {
            f"{name} day": (dates - pd.Timestamp(0)).dt.days,
            f"{name} month": dates.dt.month,
            f"{name} weekday": dates.dt.dayofweek,
        }
        X = X.drop(columns=name).assign(**numbers)
    return X


def score_columns(X, y, new, truth, text_dates=False):
    """Return the better model's ROC AUC or R2 on new rows."""
    X = X.dropna(axis="columns", how="all")
    new = new[X.columns]
    if not text_dates:
        names = [name for name in X if holds_dates(X[name])]
        X, new = spread_dates(X, names), spread_dates(new, names)
    if X.empty:
        return 0.5 if is_classes(y) else 0.0
    predictions = [predict_linear(X, y, new), predict_boosting(X, y, new)]
    if not is_classes(y):
        return max(r2_score(truth, one) for one in predictions)
    return max(roc_auc_score(truth, one, multi_class="ovr") for one in predictions)


def measure(state, split, table, junk, method, *, data, n_rows, text_dates=False):
    X, y = load_table(table, data, n_rows)
    n_real = X.shape[1]
    X = add_junk(X, junk) if junk else X
    A, B, a, b = train_test_split(
        X, y, test_size=0.3, random_state=split, stratify=y if is_classes(y) else None
    )
    if method == "VIANNSelector":
        import tensorflow  # noqa: F401  the time to load it is not the selector's
    result = {
        "kind": "classes" if is_classes(y) else "quantity",
        "n": len(A),
        "d": X.shape[1],
    }
    # What a selector has to say, such as that it keeps nothing, is in the figures.
    quietly = warnings.catch_warnings(action="ignore", category=UserWarning)
    with timed(result), quietly:
        mask = METHODS[method](A, a, state)
    result["n_kept"] = int(mask.sum())
    result["n_junk_kept"] = int(mask[n_real:].sum())
    # As text, or every column would have a line of its own in the file.
    result["kept"] = " ".join(map(str, np.flatnonzero(mask)))
    result["score"] = score_columns(A.loc[:, mask], a, B.loc[:, mask], b, text_dates)
    return result


def describe(result):
    return (
        f"{result['score']:.3f} with {result['n_kept']} of {result['d']}, "
        f"{result['cpu_seconds']:.1f} s"
    )


# What is printed.


def jaccard(results):
    """Return the overlap of the columns kept, for each pair of results."""
    sets = [set(one["kept"].split()) for one in results]
    pairs = list(itertools.combinations(sets, 2))
    return [len(a & b) / len(a | b) if a | b else 1.0 for a, b in pairs]


def pair_with_all(results):
    """Add each result's loss against all columns; leave those without a pair out."""
    names = ("table", "junk", "split")
    base = {
        tuple(one[name] for name in names): one["score"]
        for one in where(results, method="all columns")
    }
    paired = []
    for one in where(results):
        key = tuple(one[name] for name in names)
        if key in base:
            paired.append(one | {"loss": base[key] - one["score"], "all": base[key]})
    return paired


def rank_methods(results):
    """Return each method's ranks, over tables that all of them could select on."""
    methods = unique(results, "method")
    ranks = {method: [] for method in methods}
    for table in unique(results, "table"):
        runs = [where(results, table=table, method=method) for method in methods]
        if not all(runs):
            continue
        keys = [
            (
                round(mean(one["loss"] for one in some) / 0.005),
                round(mean(one["n_kept"] / one["d"] for one in some), 3),
            )
            for some in runs
        ]
        order = sorted(set(keys))
        for method, rank in zip(
            methods, rankdata([order.index(key) for key in keys]), strict=True
        ):
            ranks[method].append(rank)
    return ranks


def nothing_found(one):
    """Say whether nothing is kept where there is something to find."""
    least = 0.65 if one["kind"] == "classes" else 0.1
    return one["n_kept"] == 0 and one["all"] > least


def print_summary(results):
    """Print a line a method: loss, share kept, how stable, how long."""
    first = where(results, state=0)
    ranks = rank_methods(first)
    columns = ["loss", "kept", "lost more than 0.02", "nothing kept"]
    columns += ["Jaccard of splits", "of states", "CPU seconds", "rank"]
    print("\n".join(head("method", columns)))
    for method in unique(first, "method"):
        runs = where(first, method=method)
        of_splits, of_states = [], []
        for table in unique(runs, "table"):
            of_splits += jaccard(where(runs, table=table))
            for split in unique(runs, "split"):
                of_states += jaccard(
                    where(results, table=table, method=method, split=split)
                )
        cells = [
            with_error([one["loss"] for one in runs]),
            f"{mean(one['n_kept'] / one['d'] for one in runs):.0%}",
            f"{sum(one['loss'] > 0.02 for one in runs)} of {len(runs)}",
            sum(map(nothing_found, runs)),
            f"{mean(of_splits):.2f}" if of_splits else "",
            f"{mean(of_states):.2f}" if of_states else "",
            f"{mean(one['cpu_seconds'] for one in runs):.1f}",
            f"{mean(ranks[method]):.1f}" if ranks[method] else "",
        ]
        print(row(method, cells))


def print_by_table(results):
    """Print a line a table: the score of all columns, losses and columns kept."""
    first = where(results, state=0)
    methods = [one for one in unique(first, "method") if one != "all columns"]
    print("\n".join(head("table", ["rows, columns", "all columns", *methods])))
    for table in unique(first, "table"):
        runs = where(first, table=table)
        scores = [one["score"] for one in where(runs, method="all columns")]
        cells = [f"{runs[0]['n']}, {runs[0]['d']}", f"{mean(scores):.3f}"]
        for method in methods:
            some = where(runs, method=method)
            text = ""
            if some:
                kept = mean(one["n_kept"] for one in some)
                text = f"{mean(one['loss'] for one in some):.3f} with {kept:.1f}"
            cells.append(text)
        print(row(table, cells))


def print_junk(results):
    """Print a line a method and kind of junk: what is kept of it, mean over tables.

    The loss is against all columns, those of junk among them.
    """
    columns = ["method", "real kept", "junk kept", "junk columns", "share", "loss"]
    print("\n".join(head("junk", columns)))
    for junk in unique(results, "junk"):
        for method in unique(results, "method"):
            runs = where(results, junk=junk, method=method)
            if not runs:
                continue
            kept = [one["n_junk_kept"] for one in runs]
            added = [one["d"] / 2 for one in runs]  # as many as there were
            shares = [k / n for k, n in zip(kept, added, strict=True)]
            cells = [
                method,
                f"{mean(one['n_kept'] - one['n_junk_kept'] for one in runs):.1f}",
                f"{mean(kept):.1f}" if junk else "",
                f"{mean(added):.1f}" if junk else "",
                f"{mean(shares):.0%}" if junk else "",
                with_error([one["loss"] for one in runs]),
            ]
            print(row(junk or "none", cells))


def print_tables(record):
    """Print the tables that settings were chosen on, the others, and all of them."""
    print_machine(record)
    # With several processes, results come in any order.
    methods, kinds = list(METHODS), ["", *JUNK]
    results = sorted(
        pair_with_all(record["results"]),
        key=lambda one: (
            one["table"],
            kinds.index(one["junk"]),
            methods.index(one["method"]),
        ),
    )
    chosen_on = [one for one in results if one["table"] in CHOSEN_ON]
    reported = [one for one in results if one["table"] not in CHOSEN_ON]
    show = print_junk if any(one["junk"] for one in results) else print_summary
    for name, some in [
        ("Tables that settings were chosen on", chosen_on),
        ("Tables that are only reported", reported),
        ("All tables", results),
    ]:
        if some:
            n_tables = len(unique(some, "table"))
            n_splits = len(unique(some, "split"))
            print(f"\n{name} ({n_tables}, {n_splits} splits)\n")
            show(some)
    if results and show is print_summary:
        print("\nLoss against all columns, and columns kept, mean over splits\n")
        print_by_table(results)
    print_errors(record)


# The command.


def main():
    """Run, or print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser)
    parser.add_argument("--data", type=Path, help="a folder of Parquet files")
    parser.add_argument("--openml", help="names of data sets of OpenML, by commas")
    parser.add_argument("--tables", help="some of the tables, by commas")
    parser.add_argument("--methods", help=f"some of {','.join(METHODS)}")
    parser.add_argument("--splits", type=int, default=5, help="how many, default 5")
    parser.add_argument(
        "--states", type=int, default=2, help="random states, default 2"
    )
    parser.add_argument(
        "--rows", type=int, default=2600, help="at most, of a table, default 2600"
    )
    parser.add_argument("--junk", action="store_true", help="add columns of junk")
    parser.add_argument(
        "--text-dates", action="store_true", help="models read dates as categories"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes of a core each")
    args = parser.parse_args()
    if args.table:
        print_tables(json.loads(args.table.read_text()))
        return
    tables = list(ARRAYS)
    if args.data:
        tables += sorted(path.stem for path in args.data.glob("*.parquet"))
    if args.openml:
        tables += args.openml.split(",")
    tables = parse_names(args.tables, tables, "--tables", parser)
    methods = parse_names(args.methods, METHODS, "--methods", parser)
    methods = drop_absent(methods, OPTIONAL)
    if "all columns" not in methods:
        methods = ["all columns", *methods]  # what the others are compared with
    # States and splits outermost: an interrupted run has some of everything.
    jobs = [
        {"state": state, "split": split, "table": table, "junk": junk, "method": method}
        for state in range(1 if args.junk else args.states)
        for split in range(args.splits if state == 0 else min(2, args.splits))
        for table in tables
        for junk in (["", *JUNK] if args.junk else [""])
        for method in methods
        if state == 0 or method != "all columns"
    ]
    name = "real-junk.json" if args.junk else "real.json"
    record = run(
        jobs,
        functools.partial(
            measure, data=args.data, n_rows=args.rows, text_dates=args.text_dates
        ),
        describe,
        args.output or Path(__file__).with_name(name),
        packages=PACKAGES,
        resume=args.resume,
        n_jobs=args.jobs,
    )
    print_tables(record)


if __name__ == "__main__":
    main()
