"""
Times to an event: survival analysis
====================================

Which columns tell how long it takes until something happens, if some rows were only
seen until earlier (censored)? `skviann.VIANNSelector` takes such a target: a boolean
column, whether it happened, and one of times.
"""

# %%
# 1200 machines, made up. How fast one breaks depends on its load, and on its
# temperature, which does most harm at both ends. Four columns have nothing to do with
# it. The study ends after two years.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skviann import VIANNSelector, VIANNSurvival

rng = np.random.default_rng(0)
n = 1200
table = pd.DataFrame(
    {"load": rng.uniform(0, 1, n), "temperature": rng.normal(20, 8, n)}
)
table[[f"reading {j}" for j in range(1, 5)]] = rng.normal(size=(n, 4))
log_hazard = 3 * table["load"] + ((table["temperature"] - 20) / 8) ** 2 - 2.5
years = rng.exponential(np.exp(-log_hazard))
y = pd.DataFrame({"broken": years < 2, "years": years.clip(max=2)})
print(f"{1 - y['broken'].mean():.0%} of the machines were still running.")

# %%
# The networks learn Cox's partial likelihood, and held-out rows are judged by it. The
# last 400 machines are left for later.

train, new = slice(0, 800), slice(800, n)
selector = VIANNSelector(random_state=0).fit(table[train], y[train])
summary = selector.summary()
print(summary[["feature", "kept", "importance", "reason"]].to_string(index=False))

# %%
# `skviann.VIANNSurvival` predicts: the larger the value, the sooner a machine breaks.
# The concordance index is the share of pairs of machines in the right order; 0.5 is
# chance. Here it is that of the 400 machines, which nothing has seen so far:

kept = selector.get_feature_names_out()
network = VIANNSurvival(random_state=0).fit(table[kept][train], y[train])
print(f"concordance index: {network.score(table[kept][new], y[new]):.2f}")

# %%
# The network found the two ends of the temperature, which a linear model cannot:

risk = network.predict(table[kept][new])
figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
points = ax.scatter(table["temperature"][new], risk, c=table["load"][new], s=12)
figure.colorbar(points, label="load")
ax.set(xlabel="temperature", ylabel="predicted log hazard")
plt.show()
