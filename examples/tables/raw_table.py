"""
A messy table: text, gaps, dates, a rare class
==============================================

Nothing has to be filled, encoded or scaled: `skviann.VIANNSelector` takes the table as
it is, and says for each of its columns whether it is needed.
"""

# %%
# Customers, made up; 8 % of them leave. Whether they do depends on how long they have
# been there, on the contract, on the town, on when they were last seen, and on whether
# they have answered when they were asked how content they are. The other columns have
# nothing to do with it.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import PrecisionRecallDisplay
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from skviann import VIANNClassifier, VIANNSelector
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
        "last_seen": pd.Timestamp("2024-12-31")
        - pd.to_timedelta(last_seen.round(), "D"),
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
# Two things to look at in any table: how many rows the rare class has, for there are no
# others to learn it from, and where the gaps are.

print(leaves.value_counts().to_string())
print("\nshare of gaps:")
print(table.isna().mean().round(2).to_string())

# %%
# The fit needs no preparation. The folds of the selector all get their share of the
# rare class.

selector = VIANNSelector(random_state=0).fit(table, leaves)
summary = selector.summary()
print(
    summary[["feature", "kept", "importance", "read as", "reason"]].head(8).to_string()
)

# %%
# What is kept is the same table, narrower.

kept = selector.set_output(transform="pandas").transform(table)
print(kept.dtypes)

# %%
# The identifier is not used at all, as the warning said. The twelve most important
# columns:

ImportanceDisplay.from_estimator(selector, max_features=12)
plt.show()

# %%
# Do the columns that are kept find the rare class as well as all columns do?
# `skviann.VIANNClassifier` takes raw tables, too. The selection is part of what is
# tested, and so made anew in the training part of each fold.
#
# Accuracy says little here, for who never says "yes" is right in 92 of 100 cases. The
# curve shows it better: of those who leave, how many are found (recall), and how many
# of those who are named do leave (precision)? AP is the area below it.
#
# Without the identifier, there is no warning in each fold.

table = table.drop(columns="customer")
network = VIANNClassifier(random_state=0)
models = {"all columns": network, "those kept": make_pipeline(selector, network)}
figure, ax = plt.subplots(figsize=(5.6, 4.2), layout="constrained")
for name, model in models.items():
    chances = cross_val_predict(
        model,
        table,
        leaves,
        cv=StratifiedKFold(5, shuffle=True, random_state=0),
        method="predict_proba",
    )[:, 1]
    PrecisionRecallDisplay.from_predictions(
        leaves, chances, pos_label="yes", name=name, ax=ax
    )
ax.axhline((leaves == "yes").mean(), color="0.5", linestyle=":", label="by chance")
ax.set(xlabel="recall", ylabel="precision")
ax.legend()
plt.show()
