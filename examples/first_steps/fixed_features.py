"""
Age and sex in any case: what else helps?
=========================================

Some columns are kept whatever a selection says: those that a study was planned with, or
that are known for every patient. ``fixed_features`` names them. All networks see them,
and the others are kept for what they tell beyond them.
"""

# %%
# 442 patients with diabetes: ten measurements, and how far the disease went on in a
# year. Without ``fixed_features``, these columns are kept:

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes

from skviann import VIANNSelector

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
free = VIANNSelector(random_state=0).fit(X, y)
print(free.get_feature_names_out())

# %%
# Now age and sex are in any case. Names, numbers or a mask will do.

selector = VIANNSelector(fixed_features=["age", "sex"], random_state=0).fit(X, y)
summary = selector.summary()
print(summary[["feature", "kept", "rank", "reason"]].to_string(index=False))

# %%
# The path begins with the two, not with a constant. Its left end tells what they are
# worth alone, and the rise what the others tell beyond them.

selector.plot()
plt.show()
