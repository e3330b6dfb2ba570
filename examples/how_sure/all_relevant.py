"""
All that is related, or the smallest set?
=========================================

To predict, one of several columns that tell the same is enough. To learn what is
related to the target, you want them all: ``threshold="all-relevant"``.
"""

# %%
# Three columns decide about the target. Each of them was measured a second time, with
# an error. Four columns are noise.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skviann import VIANNSelector

rng = np.random.default_rng(0)
causes = rng.normal(size=(1000, 3))
table = pd.DataFrame(causes, columns=["a", "b", "c"])
table[["a again", "b again", "c again"]] = causes + 0.4 * rng.normal(size=(1000, 3))
table[[f"noise {j}" for j in range(1, 5)]] = rng.normal(size=(1000, 4))
y = causes @ [1, 1, 1] + 0.5 * rng.normal(size=1000)

smallest = VIANNSelector(random_state=0).fit(table, y)
print("the smallest set:", *smallest.get_feature_names_out(), sep="\n  ")

# %%
# With "all-relevant", what was found is set aside, and the search begins anew among the
# others, until none of them helps. "layer" tells which search found a column. The first
# layer is the smallest set; 0 means that no search did.

related = VIANNSelector(threshold="all-relevant", random_state=0).fit(table, y)
summary = related.summary()
print(summary[["feature", "kept", "layer", "reason"]].to_string(index=False))

# %%
# Both answers in a picture:

summary = summary.set_index("feature").loc[table.columns]
colors = {0: "0.8", 1: "tab:blue", 2: "tab:orange"}
figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
bars = ax.barh(summary.index, summary["importance"], color=summary["layer"].map(colors))
ax.invert_yaxis()
ax.set(xlabel="importance", title="The smallest set, and what else is related")
labels = {1: "smallest set", 2: "related, too", 0: "not related"}
handles = [plt.Rectangle((0, 0), 1, 1, color=colors[layer]) for layer in labels]
ax.legend(handles, labels.values(), loc="lower right")
plt.show()
