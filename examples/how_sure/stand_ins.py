"""
What could stand in for a column?
=================================

Of columns that tell the same, a selection keeps one or a few. ``stand_ins_`` names the
others: dropped columns that could take its place, if it is expensive to measure.
"""

# %%
# 569 tumours, 30 measurements each. Many of them are related: radius, perimeter and
# area tell nearly the same.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

from skviann import VIANNSelector

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
selector = VIANNSelector(random_state=0).fit(X, y)
summary = selector.summary()
kept, dropped = summary[summary["kept"]], summary[~summary["kept"]]
print(kept[["feature", "stand-ins"]].to_string(index=False))

# %%
# The number is the share of the kept column's variance that a dropped one tells, in any
# shape of relation. 1 means that it tells all of it. Those with at least a half are
# named, at most five for a column.
#
# For a dropped column, the reason says what it tells beside those that are kept:

print(dropped[["feature", "reason"]].head(8).to_string(index=False))

# %%
# A picture of it: a row for each kept column, with its stand-ins beside it. The darker
# the box, the more a stand-in tells.

shares = np.full((len(kept), 5), np.nan)
figure, ax = plt.subplots(figsize=(9, 5.5), layout="constrained")
for row, one in enumerate(kept["feature"]):
    for column, (other, share) in enumerate(selector.stand_ins_[one]):
        shares[row, column] = share
        color = "white" if share > 0.8 else "black"
        text = f"{other}\n{share:.2f}"
        ax.text(column, row, text, color=color, size=8, ha="center", va="center")
ax.imshow(shares, cmap="Blues", vmin=0.3, vmax=1.1, aspect="auto")
ax.set_yticks(range(len(kept)), kept["feature"])
ax.set_xticks([])
ax.spines[:].set_visible(False)
ax.set(title="Columns that are kept, and what could stand in for them")
plt.show()
