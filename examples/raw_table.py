"""
A table as it comes
===================

Text, gaps, dates, an identifier, and a target that is rare: `skviann.VIANNSelector`
takes the table as it is, and says for each of its columns whether it is needed.
"""

# %%
# Customers, made up; 8 % of them leave. Whether they do depends on how long they have
# been there, on the contract, on the town, on when they were last seen, and on whether
# they have answered when they were asked how content they are.

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from skviann import VIANNSelector
from skviann.inspection import ImportanceDisplay

rng = np.random.default_rng(0)
n = 3000
towns = {"Ulm": 1.5, "Bonn": 0.5, "Jena": 0, "Kiel": -0.5, "Hof": -1.5}
last_seen = rng.uniform(0, 300, n)
table = pd.DataFrame(
    {
        "customer": [f"C{number:05d}" for number in rng.permutation(n)],
        "years": rng.exponential(3, n).round(1),
        "contract": rng.choice(["monthly", "yearly", None], n, p=[0.6, 0.3, 0.1]),
        "town": rng.choice(list(towns), n),
        "last_seen": pd.Timestamp("2024-12-31") - pd.to_timedelta(last_seen, "D"),
        "content": np.where(rng.random(n) < 0.3, np.nan, rng.integers(1, 6, n)),
        "birthday": pd.Timestamp("2000-01-01")
        - pd.to_timedelta(rng.integers(0, 20000, n), "D"),
        "channel": rng.choice(["shop", "web", "phone"], n),
        "newsletter": rng.random(n) < 0.4,
    }
)
for number in range(8):
    amount = rng.lognormal(3, 1, n).round(2)
    table[f"amount_{number}"] = np.where(rng.random(n) < 0.2, np.nan, amount)
risk = (
    table["town"].map(towns)
    + 1.5 * (table["contract"] == "monthly")
    + 1.8 * table["content"].isna()
    + last_seen / 100
    - table["years"] / 2
)
risk += rng.logistic(size=n)
leaves = pd.Series(np.where(risk > np.quantile(risk, 0.92), "yes", "no"))
print(table.head().to_string())

# %%
# Nothing has to be filled, encoded or scaled.

selector = VIANNSelector(random_state=0).fit(table, leaves)
print(selector.summary().head(8).to_string())

# %%
# What is kept is the same table, narrower.

kept = selector.set_output(transform="pandas").transform(table)
print(kept.dtypes)

# %%
# Does gradient boosting do as well with these columns alone? The selection is part of
# what is tested, and so made anew in the training part of each fold.


def prepare(frame):
    """Text as categories, dates as numbers."""
    frame = frame.copy()
    for name in frame:
        if frame[name].dtype.kind == "M":
            frame[name] = frame[name].astype("int64")
        elif frame[name].dtype.kind not in "biuf":
            frame[name] = frame[name].astype("category")
    return frame


model = HistGradientBoostingClassifier(categorical_features="from_dtype")
columns = table.drop(columns="customer")  # of which boosting can make nothing
scores = []
for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(
    columns, leaves
):
    selector.fit(columns.iloc[train], leaves.iloc[train])
    of_fold = []
    for frame in (columns, selector.transform(columns)):
        frame = prepare(frame)
        model.fit(frame.iloc[train], leaves.iloc[train])
        probabilities = model.predict_proba(frame.iloc[test])[:, 1]
        of_fold.append(roc_auc_score(leaves.iloc[test], probabilities))
    scores.append(of_fold)
all_columns, selected = np.mean(scores, axis=0)
print(f"ROC AUC, all columns: {all_columns:.3f}, those kept: {selected:.3f}")

# %%
# The importances; the identifier is not used at all.

selector.fit(table, leaves)
display = ImportanceDisplay.from_estimator(selector)
