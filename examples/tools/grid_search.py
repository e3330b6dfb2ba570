"""
How many columns to keep: a grid search
=======================================

By itself, `skviann.VIANNSelector` keeps as many columns as help its own networks. What
helps the model that comes behind may be another number. The selector is a step of a
pipeline like any other, so `sklearn.model_selection.GridSearchCV` can try several.

The classifier behind the selector is one of nearest neighbours, which suffers from
columns that have nothing to do with the classes: they count in its distances as much as
the others do.
"""

# %%
# Of 20 columns the first four make the classes, and the others are noise.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skviann import VIANNSelector

X, y = make_classification(
    300, 20, n_informative=4, n_redundant=0, shuffle=False, random_state=0
)

# %%
# To search by number, take the threshold out of the way: ``max_features`` is the most
# columns to keep, and without ``threshold=-np.inf`` there may be fewer. The selector is
# fitted anew on the training rows of each fold, so the rows that a score is computed on
# have no part in the choice of columns.

pipeline = make_pipeline(
    StandardScaler(),
    VIANNSelector(threshold=-np.inf, random_state=0),
    KNeighborsClassifier(),
)
grid = {"viannselector__max_features": [1, 2, 4, 8, 20]}
search = GridSearchCV(pipeline, grid, cv=4).fit(X, y)
print("best:", search.best_params_)
print("kept:", search.best_estimator_[1].get_support(indices=True))
alone = VIANNSelector(random_state=0).fit(X, y)
print("kept by the selector alone:", alone.get_support(indices=True))

# %%
# The accuracy by the number of columns, with its standard deviation over folds:

results = search.cv_results_
figure, ax = plt.subplots(layout="constrained")
ax.errorbar(
    results["param_viannselector__max_features"].astype(int),
    results["mean_test_score"],
    yerr=results["std_test_score"],
    marker="o",
    capsize=3,
)
ax.set(
    xlabel="columns kept",
    ylabel="accuracy (mean and standard deviation of 4 folds)",
    xticks=grid["viannselector__max_features"],
)
plt.show()

# %%
# A few columns are better than all 20, by more than the folds differ; one alone is not
# enough. The curve says so without being told how the data were made.
