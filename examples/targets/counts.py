"""
Counts: a loss that fits
========================

Visits in a year, claims of a customer, defects of a part: small whole numbers, whose
spread grows with their mean. ``VIANNRegressor(loss="poisson")`` is for them, and the
selection follows this loss.
"""

# %%
# How often 1500 customers call in a year, made up. It depends on three columns; five
# have nothing to do with it. Most never call, a few often do.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skviann import VIANNRegressor, VIANNSelector

rng = np.random.default_rng(0)
n = 1500
table = pd.DataFrame(
    {
        "age": rng.uniform(18, 80, n).round(),
        "contract": rng.choice(["basic", "family", "business"], n),
        "new": rng.random(n) < 0.2,
    }
)
table[[f"other {j}" for j in range(1, 6)]] = rng.normal(size=(n, 5))
rate = np.exp(
    -2.5
    + 0.03 * table["age"]
    + table["contract"].map({"basic": 0, "family": 0.5, "business": 1.0})
    + 0.9 * table["new"]
)
calls = rng.poisson(rate)
print(pd.Series(calls).value_counts().sort_index().head(8).to_string())

# %%
# Whole numbers may be classes or counts, so name the network. Its loss trains, decides
# what is kept, and is the score.

network = VIANNRegressor(loss="poisson", random_state=0)
selector = VIANNSelector(network).fit(table, calls)
summary = selector.summary()
print(summary[["feature", "kept", "importance", "reason"]].to_string(index=False))

# %%
# `predict` returns the expected number, which is never negative:

kept = selector.get_feature_names_out()
expected = network.fit(table[kept], calls).predict(table[kept])
figure, ax = plt.subplots(figsize=(5, 4), layout="constrained")
for name, rows in table.groupby("contract").groups.items():
    ax.scatter(rate[rows], expected[rows], s=8, label=name)
ax.axline((0, 0), slope=1, color="0.5", linestyle=":")
ax.set(xlabel="true rate of calls", ylabel="predicted")
ax.legend()
plt.show()
