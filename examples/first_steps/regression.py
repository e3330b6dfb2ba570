"""
Which columns a quantity depends on
===================================

For floating-point targets `skviann.VIANNSelector` trains a `skviann.VIANNRegressor`. It
scores a column by how far the network's weights moved, so a column can count without
rising or falling together with the target.
"""

# %%
# In Friedman's first problem the target depends on five of twelve columns: on the
# product of x0 and x1, on the squared distance of x2 from the middle of its range, and
# linearly on x3 and, half as strongly, on x4.

import numpy as np
from sklearn.datasets import make_friedman1

from skviann import VIANNSelector
from skviann.inspection import ImportanceDisplay

X, y = make_friedman1(n_samples=500, n_features=12, noise=1.0, random_state=0)
selector = VIANNSelector(random_state=0).fit(X, y)

# %%
# The correlation of each of the five with the target, beside its importance:

print("       correlation  importance")
for column in range(5):
    correlation = np.corrcoef(X[:, column], y)[0, 1]
    print(
        f"x{column} {correlation:15.2f} {selector.feature_importances_[column]:11.2f}"
    )

# %%
# The error bars are the standard deviation over the 24 networks that the selector
# trains on few rows, each without a quarter of them.

display = ImportanceDisplay.from_estimator(selector)
print("kept:", selector.get_support(indices=True))

# %%
# Along x2 the target falls and rises again, so the correlation is close to zero; the
# network uses it as it uses x0 and x1. x4 has a small share of the importance, less
# than the mean of 1/12, and is kept all the same: on rows held out, the loss is lower
# with it.
