"""Which columns of raw tables are kept: text, gaps, dates, groups, many columns.

    python benchmarks/tables.py           # three kinds of tables, all methods
    python benchmarks/tables.py --kinds --seeds 50
    python benchmarks/tables.py --fdr --seeds 50
    python benchmarks/tables.py --table benchmarks/tables.json

churn is 4000 x 60, with 8 % positives, gaps in most columns, text columns of up to 200
levels, an identifier and dates; claims 800 x 300, with heavy tails, one-hot groups and
an integer target of many values; genes 150 x 5000, in blocks of 10 correlated columns,
with 3 classes. What is relevant is known, by column or one-hot group, and a selection
is judged by F1. The other methods see what skrub's TableVectorizer makes of the table,
gaps filled with the median and marked in a column of their own; a column is kept if any
that was made of it is, and its importance is the sum of theirs. Beside F1 stands the
score of gradient boosting with the columns kept, on new rows: ROC AUC, R2 of the
logarithm, accuracy.

--kinds takes 1000 rows, relevant columns of eight kinds among four noise columns of
each of ten kinds, for classes (odd seeds) and quantities (even ones), and counts how
often each is kept. --fdr tests at 600 rows: noise of all kinds, independent of what is
relevant or correlated with it.

Results go to a JSON file one by one; --resume goes on with it. Needs the packages skrub
and boruta (skipped when absent). Set TF_CPP_MIN_LOG_LEVEL=3 for a quiet TensorFlow.
"""

import argparse
import warnings
from pathlib import Path
from statistics import mean

import numpy as np
import pandas as pd
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
    with_error,
)
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LassoCV, LogisticRegressionCV
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    r2_score,
    roc_auc_score,
)
from sklearn.preprocessing import StandardScaler

PACKAGES = [
    "numpy",
    "pandas",
    "scikit-learn",
    "tensorflow",
    "skviann",
    "skrub",
    "boruta",
]


# Tables: functions of a number of rows, a seed and a second seed for the rows, which
# return the table, the target, the relevant features and the groups. Signals were
# chosen on seeds from 1000, so that boosting loses by each relevant feature left out.


def softmax(scores):
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)


def draw_levels(rng, probabilities):
    """Draw a level for each row of probabilities."""
    steps = probabilities.cumsum(axis=1)[:, :-1]
    return (rng.random(len(steps))[:, np.newaxis] >= steps).sum(axis=1)


def blocks(rng, n, n_blocks, size, correlation):
    """Return normal columns that are correlated within blocks: (n, n_blocks, size)."""
    common = rng.normal(size=(n, n_blocks, 1))
    own = rng.normal(size=(n, n_blocks, size))
    return np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own


def dates(days):
    return pd.Timestamp("2021-01-01") + pd.to_timedelta(np.round(days, 4), "D")


def churn(n, seed, rows_seed):
    fixed, rng = np.random.default_rng(seed), np.random.default_rng([seed, rows_seed])
    names = np.array(
        ["".join(fixed.choice(list("aeioulmnrst"), 7)) for _ in range(200)]
    )
    city_effects = fixed.normal(size=200)
    frequencies = 1 / (np.arange(200) + 4.0)
    city = rng.choice(200, n, p=frequencies / frequencies.sum())
    tenure, usage, price, login = rng.normal(size=(4, n))
    contract = rng.choice(3, n, p=[0.55, 0.25, 0.2])
    autopay = rng.random(n) < 0.4
    satisfaction = rng.normal(size=n)
    is_silent = rng.random(n) < 0.25
    signal = (
        -1.1 * tenure
        + 0.8 * (usage**2 - 1)
        + 0.9 * price
        + np.array([0.9, -0.4, -1.2])[contract]
        + 1.4 * city_effects[city]
        + 1.0 * login
        + 1.7 * is_silent
        - 1.4 * autopay
    )
    levels = np.linspace(-15, 5, 400)
    rates = [(1 / (1 + np.exp(-(signal + level)))).mean() for level in levels]
    level = levels[np.argmin(np.abs(np.array(rates) - 0.08))]
    y = np.where(rng.random(n) < 1 / (1 + np.exp(-(signal + level))), "yes", "no")
    columns = {
        "tenure": np.round(np.exp(3 + 0.8 * tenure), 1),
        "usage": usage,
        "price": np.round(20 + 5 * price, 2),
        "contract": np.array(["monthly", "one year", "two years"])[contract],
        "city": names[city],
        "last_login": dates(300 - 60 * login),
        "satisfaction": np.where(is_silent, np.nan, satisfaction),
        "autopay": autopay,
    }
    relevant = list(columns)
    columns["tenure_of_partner"] = 0.6 * tenure + 0.8 * rng.normal(size=n)
    columns["channel"] = np.where(
        rng.random(n) < 0.5, columns["contract"], rng.choice(["shop", "web"], n)
    )
    for j, values in enumerate(blocks(rng, n, 3, 6, 0.8).reshape(n, 18).T):
        columns[f"block_{j}"] = values
    for j in range(9):
        columns[f"number_{j}"] = rng.normal(size=n)
    for j in range(6):
        columns[f"amount_{j}"] = np.round(np.exp(1.5 * rng.normal(size=n) + 3), 2)
    for j in range(6):
        columns[f"count_{j}"] = rng.poisson(2 + 3 * j, n)
    for j in range(4):
        columns[f"flag_{j}"] = rng.random(n) < 0.1 + 0.2 * j
    for j, n_levels in enumerate([2, 6, 12, 30]):
        columns[f"text_{j}"] = np.array([f"value {k}" for k in range(n_levels)])[
            rng.integers(0, n_levels, n)
        ]
    columns["customer"] = [f"C{number:07d}" for number in rng.integers(0, 10**7, n)]
    columns["signed_up"] = dates(rng.uniform(-1500, 300, n))
    columns["birthday"] = dates(rng.uniform(-25000, -7000, n))
    table = pd.DataFrame(columns)
    complete = {"customer", "satisfaction", "autopay", "contract"}
    for name in table:
        share = 0.0 if name in complete else rng.uniform(0.05, 0.4)
        share = share / 4 if name in relevant else share
        if fixed.random() < 0.8:
            table[name] = table[name].mask(rng.random(n) < share)
    order = fixed.permutation(table.columns)
    return table[order], pd.Series(y), relevant, None


def claims(n, seed, rows_seed):
    fixed, rng = np.random.default_rng(seed), np.random.default_rng([seed, rows_seed])
    sizes = [5, 6, 8, 8, 10, 12]
    columns, groups = {}, {}
    signal = np.zeros(n)
    for number, size in enumerate(sizes):
        shares = fixed.dirichlet(np.full(size, 3.0))
        level = rng.choice(size, n, p=shares)
        name = f"kind_{number}"
        groups[name] = [f"{name}_{k}" for k in range(size)]
        for k in range(size):
            columns[f"{name}_{k}"] = (level == k).astype(int)
        if number in (1, 2):
            effects = fixed.permutation(np.linspace(-1, 1, size))
            signal += 1.1 * effects[level]
    normal = blocks(rng, n, 40, 5, 0.7).reshape(n, 200)
    normal = np.hstack([normal, rng.normal(size=(n, 51))])
    for j in range(251):
        values = normal[:, j]
        if j % 3 == 0:
            values = np.exp(1.2 * values)
        elif j % 3 == 1:
            values = np.sign(values) * np.abs(values) ** 3
        columns[f"number_{j}"] = values
    used = [0, 7, 20, 200, 213, 240]
    for sign, j in zip((1, -1, 1, 1, -1, 1), used, strict=True):
        signal += 0.6 * sign * normal[:, j]
    signal += 0.5 * (np.abs(normal[:, 240]) - 0.8)
    y = np.round(np.exp(5 + 0.5 * signal + 0.35 * rng.normal(size=n))).astype(int)
    table = pd.DataFrame(columns)
    order = fixed.permutation(table.columns)
    relevant = ["kind_1", "kind_2", *(f"number_{j}" for j in used)]
    return table[order], pd.Series(y), relevant, groups


def genes(n, seed, rows_seed):
    fixed, rng = np.random.default_rng(seed), np.random.default_rng([seed, rows_seed])
    X = blocks(rng, n, 500, 10, 0.6).reshape(n, 5000)
    used = 10 * fixed.choice(500, 6, replace=False) + fixed.integers(0, 10, 6)
    directions = np.array([[1, 1, -1, 0, 0, -1], [-1, 0, 1, 1, -1, 0]])
    scores = 3.5 * X[:, used] @ np.vstack([directions, -directions.sum(axis=0)]).T
    y = np.array(["A", "B", "C"])[draw_levels(rng, softmax(scores))]
    table = pd.DataFrame(X, columns=[f"gene_{j}" for j in range(5000)])
    return table, pd.Series(y), [f"gene_{j}" for j in used], None


TABLES = {"churn": (churn, 4000), "claims": (claims, 800), "genes": (genes, 150)}


def feature_of_columns(table, groups):
    """Return the feature of each column: its group, or itself."""
    of_column = {name: name for name in table}
    for group, names in (groups or {}).items():
        of_column.update(dict.fromkeys(names, group))
    return of_column


# Methods: functions of table, target, groups and seed that return the features that are
# kept and the importance of each.


def is_quantity(y):
    return y.dtype.kind in "if"


def viann_selector(table, y, groups, seed):
    from skviann import VIANNRegressor, VIANNSelector

    estimator = VIANNRegressor() if is_quantity(y) else None
    selector = VIANNSelector(estimator, feature_groups=groups, random_state=seed)
    found = selector.fit(table, y).summary()
    importances = dict(zip(found["feature"], found["importance"], strict=True))
    return list(found["feature"][found["kept"]]), importances


def vectorize(table, groups):
    """Return the table in numbers, and the feature of each of its columns."""
    from skrub import TableVectorizer

    of_column = feature_of_columns(table, groups)
    if all(dtype.kind in "iuf" for dtype in table.dtypes):
        return table, list(of_column.values())
    vectorizer = TableVectorizer()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        numbers = vectorizer.fit_transform(table)
    made_of = vectorizer.output_to_input_
    numbers = numbers.astype(float)
    gaps = numbers.isna()
    gaps = gaps.loc[:, gaps.any()]
    features = [of_column[made_of[name]] for name in (*numbers, *gaps)]
    numbers = numbers.fillna(numbers.median()).fillna(0)
    gaps.columns = [f"{name} is missing" for name in gaps]
    return pd.concat([numbers, gaps.astype(float)], axis=1), features


def by_feature(features, kept, importances):
    total = dict.fromkeys(features, 0.0)
    if importances is not None:
        for feature, importance in zip(features, importances, strict=True):
            total[feature] += importance
    is_kept = dict.fromkeys(
        feature for feature, one in zip(features, kept, strict=True) if one
    )
    return list(is_kept), None if importances is None else total


def forest_mean(table, y, groups, seed):
    X, features = vectorize(table, groups)
    kind = RandomForestRegressor if is_quantity(y) else RandomForestClassifier
    forest = kind(500, max_features="sqrt", n_jobs=-1, random_state=seed)
    importances = forest.fit(X.to_numpy(), y).feature_importances_
    return by_feature(features, importances >= importances.mean(), importances)


def boruta(table, y, groups, seed):
    from boruta import BorutaPy

    X, features = vectorize(table, groups)
    kind = RandomForestRegressor if is_quantity(y) else RandomForestClassifier
    forest = kind(max_depth=5, max_features="sqrt", n_jobs=-1)
    model = BorutaPy(forest, n_estimators="auto", random_state=seed)
    codes = y if is_quantity(y) else np.unique(y, return_inverse=True)[1]
    model.fit(X.to_numpy(), np.asarray(codes))
    return by_feature(features, model.support_, None)


def l1_cv(table, y, groups, seed):
    X, features = vectorize(table, groups)
    X = StandardScaler().fit_transform(X.to_numpy())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if is_quantity(y):
            coefficients = LassoCV(cv=5, random_state=seed).fit(X, y).coef_[np.newaxis]
        else:
            model = LogisticRegressionCV(
                Cs=8,
                cv=5,
                l1_ratios=(1,),
                solver="saga",
                max_iter=300,
                tol=1e-3,
                random_state=seed,
                scoring="neg_log_loss",
            )
            coefficients = model.fit(X, y).coef_
    importances = np.abs(coefficients).sum(axis=0)
    return by_feature(features, importances > 0, importances)


METHODS = {
    "VIANNSelector": viann_selector,
    "boruta": boruta,
    "forest-mean": forest_mean,
    "l1-cv": l1_cv,
}
OPTIONAL = {"boruta": "boruta"}


# What a model makes of the columns that are kept.


def for_boosting(table, like):
    """Return text as categories, rare ones together, and dates as days."""
    prepared = {}
    for name in table:
        values = table[name]
        if values.dtype.kind == "M":
            values = (values - pd.Timestamp("2000-01-01")) / pd.Timedelta(days=1)
        elif values.dtype.kind not in "iufb":
            common = like[name].value_counts().index[:200]
            values = values.where(values.isin(common) | values.isna(), "other")
            values = values.astype(pd.CategoricalDtype([*common, "other"]))
        prepared[name] = values
    return pd.DataFrame(prepared, index=table.index)


def downstream(train, test, features, groups):
    """Score of boosting on new rows, with some features."""
    of_column = feature_of_columns(train[0], groups)
    columns = [name for name in train[0] if of_column[name] in set(features)]
    (X, y), (new, truth) = train, test
    if is_quantity(y):
        y, truth = np.log1p(y), np.log1p(truth)
    if not columns:
        return 0.0 if is_quantity(y) else 0.5 if y.nunique() == 2 else 1 / 3
    kind = (
        HistGradientBoostingRegressor
        if is_quantity(y)
        else HistGradientBoostingClassifier
    )
    model = kind(categorical_features="from_dtype", max_iter=100, random_state=0)
    model.fit(for_boosting(X[columns], X), y)
    new = for_boosting(new[columns], X)
    if is_quantity(y):
        return r2_score(truth, model.predict(new))
    if y.nunique() == 2:
        return roc_auc_score(truth == "yes", model.predict_proba(new)[:, 1])
    return accuracy_score(truth, model.predict(new))


def measure_table(family, seed, method):
    make, n = TABLES[family]
    table, y, relevant, groups = make(n, seed, 0)
    result = {}
    with timed(result):
        if method in METHODS:
            kept, importances = METHODS[method](table, y, groups, seed)
        else:
            of_column = feature_of_columns(table, groups)
            kept = relevant if method == "true columns" else set(of_column.values())
            importances = None
    names = list(dict.fromkeys(feature_of_columns(table, groups).values()))
    truth = np.isin(names, relevant)
    result["n_kept"] = len(kept)
    if method in METHODS:
        result["f1"] = f1_score(truth, np.isin(names, list(kept)), zero_division=0)
        result["missed"] = sorted(set(relevant) - set(kept))
        result["added"] = sorted(set(kept) - set(relevant))[:20]
    if importances is not None:
        score = average_precision_score(truth, [importances[name] for name in names])
        result["average_precision"] = score
    test = make(max(1000, n), seed, 1)[:2]
    result["downstream"] = downstream((table, y), test, kept, groups)
    return result


def describe_table(result):
    f1 = f"F1 {result['f1']:.3f}, " if "f1" in result else ""
    return (
        f"{f1}{result['n_kept']} kept, downstream {result['downstream']:.3f}, "
        f"{result['seconds']:.1f} s"
    )


def print_tables(record):
    results = record["results"]
    titles = {
        "f1": "F1 of the features kept",
        "average_precision": "Average precision of the importances",
        "downstream": "Boosting on the features kept, new rows",
        "n_kept": "Features kept",
        "seconds": "Seconds, mean",
    }
    for figure, title in titles.items():
        some = [one for one in results if figure in one]
        print(f"\n{title}\n")
        print(make_table(some, lambda one, figure=figure: one[figure]))
    print_errors(record)
    print_machine(record)


# Is any kind of column kept more easily than another?

NOISE = {
    "number": lambda rng, n: rng.normal(size=n),
    "heavy tails": lambda rng, n: np.exp(1.5 * rng.normal(size=n)),
    "2 levels": lambda rng, n: rng.choice(list("ab"), n),
    "5 levels": lambda rng, n: rng.choice(list("abcde"), n),
    "30 levels": lambda rng, n: [f"level {k}" for k in rng.integers(0, 30, n)],
    "200 levels": lambda rng, n: [f"level {k}" for k in rng.integers(0, 200, n)],
    "half missing": lambda rng, n: np.where(
        rng.random(n) < 0.5, np.nan, rng.normal(size=n)
    ),
    "date": lambda rng, n: dates(rng.uniform(0, 1400, n)),
    "rare boolean": lambda rng, n: rng.random(n) < 0.05,
    "identifier": lambda rng, n: [f"id {k}" for k in rng.permutation(n)],
}


def kinds_table(seed, n=1000):
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(3, n))
    five, thirty = rng.integers(0, 5, n), rng.integers(0, 30, n)
    half = np.where(rng.random(n) < 0.5, np.nan, rng.normal(size=n))
    days, weekdays = rng.uniform(0, 1400, (2, n))
    gone = np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n))
    columns = {
        "linear": numbers[0],
        "at both ends": numbers[1],
        "wave": numbers[2],
        "5 levels": np.array(list("abcde"))[five],
        "30 levels": [f"level {k}" for k in thirty],
        "half missing": half,
        "trend": dates(days),
        "weekend": dates(weekdays),
        "being missing": gone,
    }
    relevant = list(columns)
    is_weekend = pd.DatetimeIndex(columns["weekend"]).day_of_week >= 5
    y = (
        numbers[0]
        + 1.5 * np.abs(numbers[1])
        + np.sin(2 * numbers[2])
        + 1.2 * np.array([1, -1, 0.5, -0.5, 0])[five]
        + rng.normal(size=30)[thirty]
        + 1.2 * np.nan_to_num(half)
        + (days - 700) / 400
        + 2 * is_weekend
        + 2 * np.isnan(gone)
        + rng.normal(size=n)
    )
    for kind, draw in NOISE.items():
        for j in range(4):
            columns[f"noise: {kind} {j}"] = draw(rng, n)
    y = np.asarray(y)
    return (
        pd.DataFrame(columns),
        pd.Series((y > np.quantile(y, 0.7)) if seed % 2 else y),
        relevant,
    )


def measure_kinds(seed):
    from skviann import VIANNSelector

    table, y, relevant = kinds_table(seed)
    result = {}
    with timed(result):
        selector = VIANNSelector(random_state=seed).fit(table, y)
    found = selector.summary().set_index("feature")
    result["found"] = [name for name in relevant if found["kept"][name]]
    ranks = found["rank"].drop(relevant).rank()
    names = {kind: [f"noise: {kind} {j}" for j in range(4)] for kind in NOISE}
    result["kept"] = {kind: int(found["kept"][names[kind]].sum()) for kind in NOISE}
    result["rank"] = {kind: float(ranks[names[kind]].mean()) for kind in NOISE}
    return result


def print_kinds(record):
    results = record["results"]
    print("\nRelevant columns found\n")
    print("\n".join(head("column", ["found"])))
    for kind in kinds_table(0)[2]:
        print(row(kind, [f"{mean(kind in one['found'] for one in results):.2f}"]))
    print("\nNoise columns kept, and their mean rank among the 40 of them\n")
    print("\n".join(head("kind", ["kept", "rank"])))
    for kind in NOISE:
        kept = mean(one["kept"][kind] for one in results) / 4
        rank = mean(one["rank"][kind] for one in results)
        print(row(kind, [f"{kept:.3f}", f"{rank:.1f}"]))
    print_errors(record)
    print_machine(record)


# False discoveries.


def fdr_table(seed, n=600):
    rng = np.random.default_rng(seed)
    hidden, z, other = rng.normal(size=(3, n))
    five = draw_levels(rng, softmax(np.outer(hidden, [1, -1, 0, 0.5, 0.2])))
    twelve = draw_levels(rng, np.tile(softmax(0.7 * rng.normal(size=(1, 12))), (n, 1)))
    gone = np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n))
    half = 0.8 * z + 0.6 * rng.normal(size=n)
    half[rng.random(n) < 1 / (1 + np.exp(-1.5 * other))] = np.nan
    columns = {
        "number": z,
        "bent": other,
        "5 levels": np.array(list("abcde"))[five],
        "12 levels": np.array(list("abcdefghijkl"))[twelve],
        "being missing": gone,
    }
    relevant = list(columns)
    near = {
        "2 levels": rng.random(n) < 1 / (1 + np.exp(-2 * z)),
        "5 levels": draw_levels(rng, softmax(np.outer(z, [2, 1, 0, -1, -2]))),
        "20 levels": draw_levels(
            rng, softmax(1.5 * np.outer(other, rng.normal(size=20)))
        ),
        "copy of 5 levels": np.where(rng.random(n) < 0.6, five, rng.integers(0, 5, n)),
        "half missing": half,
        "number": 0.8 * z + 0.6 * rng.normal(size=n),
        "mostly zero": np.where(
            rng.random(n) < 0.4, 0, np.exp(0.7 * z + 0.7 * rng.normal(size=n))
        ),
        "number by level": np.array([-1, 1, 0, 0.5, -0.5])[five]
        + 0.7 * rng.normal(size=n),
    }
    for name, values in near.items():
        is_text = "levels" in name
        columns[f"near: {name}"] = [f"v{v}" for v in values] if is_text else values
    for kind in ("number", "2 levels", "5 levels", "30 levels", "half missing", "date"):
        for j in range(3):
            columns[f"noise: {kind} {j}"] = NOISE[kind](rng, n)
    y = (
        z
        + 0.7 * other**2
        + np.array([1, -1, 0, 0.6, -0.6])[five]
        + 0.8 * rng.normal(size=12)[twelve]
        + 1.2 * np.isnan(gone)
        + rng.normal(size=n)
    )
    if seed % 3 == 2:  # nothing matters
        y, relevant = rng.normal(size=n), []
    is_binary = seed % 2 == 1
    return (
        pd.DataFrame(columns),
        pd.Series(y > np.median(y) if is_binary else y),
        relevant,
    )


def measure_fdr(seed):
    from skviann import VIANNSelector

    table, y, relevant = fdr_table(seed)
    result = {"relevant": relevant}
    with timed(result), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="No column's use is significant")
        selector = VIANNSelector(threshold="fdr", random_state=seed).fit(table, y)
    for alpha in (0.05, 0.1, 0.2):
        selector.set_params(alpha=alpha)
        kept = set(selector.get_feature_names_out())
        false = len(kept - set(relevant))
        result[f"fdr at {alpha}"] = false / max(len(kept), 1)
        if relevant:
            result[f"power at {alpha}"] = len(kept & set(relevant)) / len(relevant)
    return result


def print_fdr(record):
    results = record["results"]
    levels = (0.05, 0.1, 0.2)
    print("\nFalse discovery rate of threshold='fdr', and power\n")
    print("\n".join(head("tables", [f"FDR at {a}" for a in levels] + ["power at 0.1"])))
    for name, some in (
        ("five columns matter", [one for one in results if one["relevant"]]),
        ("nothing matters", [one for one in results if not one["relevant"]]),
    ):
        cells = [with_error([one[f"fdr at {a}"] for one in some]) for a in levels]
        power = [one["power at 0.1"] for one in some if "power at 0.1" in one]
        cells.append(with_error(power) if power else "")
        print(row(f"{name} ({len(some)})", cells))
    print_errors(record)
    print_machine(record)


# The command.


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, n_seeds=5)
    parser.add_argument("--methods", help="some of them, by commas")
    parser.add_argument("--families", help="some of churn,claims,genes")
    parser.add_argument("--kinds", action="store_true", help="by kind of column")
    parser.add_argument("--fdr", action="store_true", help="false discoveries")
    options = parser.parse_args()
    folder = Path(__file__).parent
    part = "kinds" if options.kinds else "fdr" if options.fdr else None
    show = {"kinds": print_kinds, "fdr": print_fdr, None: print_tables}[part]
    if options.table:
        import json

        show(json.loads(options.table.read_text()))
        return
    settings = {"packages": PACKAGES, "resume": options.resume}
    name = f"tables-{part}.json" if part else "tables.json"
    path = options.output or folder / name
    if part:
        measure = measure_kinds if part == "kinds" else measure_fdr
        jobs = [{"seed": seed} for seed in range(options.seeds)]
        record = run(
            jobs, measure, lambda one: f"{one['seconds']:.1f} s", path, **settings
        )
    else:
        methods = [*METHODS, "true columns", "all columns"]
        methods = parse_names(options.methods, methods, "--methods", parser)
        methods = drop_absent(methods, OPTIONAL)
        families = parse_names(options.families, TABLES, "--families", parser)
        jobs = [
            {"family": family, "seed": seed, "method": method}
            for family in families
            for seed in range(options.seeds)
            for method in methods
        ]
        record = run(jobs, measure_table, describe_table, path, **settings)
    show(record)


if __name__ == "__main__":
    main()
