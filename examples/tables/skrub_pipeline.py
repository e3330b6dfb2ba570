"""
A raw table, skrub and gradient boosting
========================================

`skrub <https://skrub-data.org>`_ turns any table into numbers, and
`sklearn.ensemble.HistGradientBoostingClassifier` learns from them.
`skviann.VIANNSelector` can stand in front of both, for it takes the table as it is. Do
the trees do as well with fewer columns? It needs ``pip install skrub``.
"""

# %%
# Flights, made up; a quarter of them is late. That depends on the hour, on the airline
# and on the wind. The day of booking, the aircraft, the distance and 20 sensors have
# nothing to do with it.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from skrub import TableVectorizer

from skviann import VIANNSelector

rng = np.random.default_rng(0)
n = 800
departure = pd.Timestamp("2024-01-01") + pd.to_timedelta(
    rng.integers(0, 364 * 24 * 60, n), "min"
)
table = pd.DataFrame(
    {
        "departure": departure,
        "booked": (departure - pd.to_timedelta(rng.exponential(40, n), "D")).floor("D"),
        "airline": rng.choice([f"airline {letter}" for letter in "ABCDEFGH"], n),
        "aircraft": rng.choice(["A320", "B737", "E190", None], n),
        "wind": rng.gamma(4, 5, n).round(),
        "distance": rng.gamma(2, 500, n).round(),
    }
)
for number in range(20):
    values = rng.normal(size=n).round(2)
    table[f"sensor_{number}"] = np.where(rng.random(n) < 0.1, np.nan, values)
risk = (
    (departure.hour - 12) / 5
    + table["airline"].map(lambda name: (ord(name[-1]) - ord("D")) / 2)
    + table["wind"] / 12
    + rng.logistic(scale=0.8, size=n)
)
late = np.where(risk > np.quantile(risk, 0.75), "late", "in time")
print(table.iloc[:4, :8].to_string())

# %%
# The pipeline without and with the selector in front. The selector is fitted anew on
# the training rows of each fold, so the rows that a score is computed on have no part
# in the choice of columns. ``set_output`` makes it pass on a data frame, with its text
# and dates, and ``min_features_to_select=1`` sees to it that there is always a column.

selector = VIANNSelector(min_features_to_select=1, random_state=0)
selector.set_output(transform="pandas")
trees = HistGradientBoostingClassifier(
    learning_rate=0.2, max_iter=30, max_leaf_nodes=8, random_state=0
)
pipelines = {
    "all columns": make_pipeline(TableVectorizer(), trees),
    "those kept": make_pipeline(selector, TableVectorizer(), trees),
}
results = {
    name: cross_validate(
        pipeline, table, late, cv=5, scoring="roc_auc", return_estimator=True
    )
    for name, pipeline in pipelines.items()
}

# %%
# Which columns were kept, in how many of the five folds?

fitted = results["those kept"]["estimator"]
kept = np.concatenate([pipeline[0].get_feature_names_out() for pipeline in fitted])
print(pd.Series(kept).value_counts().to_string())

# %%
# The mean score, and how many numbers the trees get for a row: the vectorizer makes
# several of a date or of text.

for name, result in results.items():
    trees = [pipeline[-1] for pipeline in result["estimator"]]
    n_numbers = np.mean([model.n_features_in_ for model in trees])
    print(
        f"{name:11} ROC AUC {result['test_score'].mean():.3f}, "
        f"{n_numbers:.0f} numbers a row"
    )

# %%
# A grey line is a fold. If some rise and some fall, the difference is noise, and the
# other columns can go without a loss.

scores = np.array([result["test_score"] for result in results.values()])
figure, ax = plt.subplots(figsize=(5, 4), layout="constrained")
ax.plot(list(results), scores, "o-", color="0.6")
ax.plot(list(results), scores.mean(axis=1), "s-", color="tab:blue", lw=3, label="mean")
ax.set(ylabel="ROC AUC on held-out rows", xlim=(-0.3, 1.3))
ax.legend()
plt.show()
