"""
Two columns that matter only together, among 500
================================================

The class says whether two numbers have the same sign (XOR). Neither of the two columns
tells anything alone, and 498 columns of noise are beside them: in a single training the
networks hardly find the two. `skviann.VIANNSelector` eliminates columns in rounds
instead, and keeps those in play that interact most strongly with another one.
"""

# %%
# The single training is ``step=None``; elimination is what the selector does by itself
# with more than 32 columns.

import matplotlib.pyplot as plt
import numpy as np

from skviann import VIANNSelector

X = np.random.default_rng(0).normal(size=(1000, 500))
y = X[:, 0] * X[:, 1] > 0

selectors = {
    "a single training": VIANNSelector(step=None, random_state=0).fit(X, y),
    "elimination": VIANNSelector(random_state=0).fit(X, y),
}

# %%
# Importances, the largest first, and the two columns of the XOR as dots:

figure, ax = plt.subplots(layout="constrained")
for name, selector in selectors.items():
    importances = selector.feature_importances_
    ranks = np.argsort(np.argsort(-importances)) + 1
    kept = selector.get_support(indices=True)
    print(f"{name}: importances at {ranks[0]} and {ranks[1]}, kept {kept}")
    (line,) = ax.loglog(range(1, 501), np.sort(importances)[::-1], label=name)
    ax.plot(ranks[:2], importances[:2], "o", color=line.get_color())
ax.axhline(1 / 500, color="0.5", linestyle=":", label="mean")
ax.set(xlabel="rank", ylabel="importance")
ax.legend()
plt.show()

# %%
# After a single training, columns of noise have larger importances than the two. That
# these are kept all the same is luck: a warning says that the folds hardly agree.
# Elimination puts the two first, far above the third, and keeps just them. Many columns
# of noise are above the mean importance, which would be no cut.
