"""
Recursive elimination with cross-validation
===========================================

`skviann.VIANNClassifier` has ``feature_importances_``, so every tool of scikit-learn
that goes by importances can use it. `sklearn.feature_selection.RFECV` drops the least
important columns, trains again on the rest, and so on; the score of cross-validation
decides where to stop.
"""

# %%
# The classes are a ball in four columns and what is around it. Each column alone says
# little about the class, and a linear model could not tell the classes apart. Eight
# columns of noise are added behind.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_gaussian_quantiles
from sklearn.feature_selection import RFECV

from skviann import VIANNClassifier

X, y = make_gaussian_quantiles(n_samples=400, n_features=4, n_classes=2, random_state=0)
noise = np.random.default_rng(0).normal(size=(len(X), 8))
X = np.hstack([X, noise])

# %%
# Four columns a step: of 12, eight are left, then four, and in the end one.

search = RFECV(VIANNClassifier(random_state=0), step=4, cv=3).fit(X, y)
print("columns kept:", search.get_support(indices=True))

# %%
# The network is trained and scored on three folds at each of these sizes.

results = search.cv_results_
figure, ax = plt.subplots(layout="constrained")
ax.errorbar(
    results["n_features"],
    results["mean_test_score"],
    yerr=results["std_test_score"],
    marker="o",
    capsize=3,
)
ax.set(
    xlabel="columns left",
    ylabel="accuracy (mean and standard deviation of 3 folds)",
    xticks=results["n_features"],
)
plt.show()

# %%
# The accuracy rises while columns of noise are dropped, and falls to little more than
# guessing when only one of the four is left that make the classes.
