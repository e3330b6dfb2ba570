"""
Where a ranking is cut
======================

`skviann.VIANNSelector` keeps as many columns as help on rows that its networks have not
seen. `skviann.inspection.SelectionPathDisplay` draws how it came to the number, and
``summary()`` tells it column by column.
"""

# %%
# In Friedman's first problem the target depends on five of twelve columns.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import make_friedman1

from skviann import VIANNSelector
from skviann.inspection import SelectionPathDisplay

X, y = make_friedman1(n_samples=500, n_features=12, noise=1.0, random_state=0)
X = pd.DataFrame(X, columns=[f"x{number}" for number in range(12)])
selector = VIANNSelector(random_state=0).fit(X, y)
print(selector.summary()[["feature", "kept", "importance", "reason"]].to_string())

# %%
# For each fold, networks are trained on the first 0, 1, 2, ... columns of its ranking.
# The score is minus the loss on the fold's rows; the thin lines are the folds.

SelectionPathDisplay.from_estimator(selector)
plt.show()

# %%
# Kept is the smallest number whose score is within half a standard error of the best
# one. Here is the path for a target that has nothing to do with the columns:

shuffled = np.random.default_rng(0).permutation(y)
nothing = VIANNSelector(random_state=0).fit(X, shuffled)
SelectionPathDisplay.from_estimator(nothing)
plt.show()

# %%
# No set is better than none by two standard errors, and nothing is kept.
# The cut bounds no error; a test does, in
# :ref:`another example <sphx_glr_auto_examples_how_sure_significance.py>`.
