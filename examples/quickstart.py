"""
Quickstart
==========

Which measurements of a tumour does a neural network need to tell it malignant?

Breast cancer data: 569 tumours, 30 measurements each. Compares a classifier on all
measurements with one on those that VIANNSelector keeps, searches for the best number to
keep, and names them. Takes less than a minute on two cores.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up messages

import matplotlib

matplotlib.use("Agg")
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skviann import VIANNSelector
from skviann.inspection import ImportanceDisplay

PLOT = "quickstart.png"

X, y = load_breast_cancer(return_X_y=True)
names = load_breast_cancer().feature_names

# The selector scales its inputs itself; the logistic regression does not.
selector = VIANNSelector(random_state=0)
downstream = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
selected = make_pipeline(selector, downstream)

print("5-fold cross-validation, mean accuracy (standard deviation over folds):")
for name, pipeline in [
    ("all 30 features", downstream),
    ("features at or above the mean importance", selected),
]:
    scores = cross_val_score(pipeline, X, y, cv=5)
    print(f"  {name:42} {scores.mean():.3f} ({scores.std():.3f})")

# To keep exactly max_features, take the threshold out of the way.
selected.set_params(viannselector__threshold=-np.inf)
grid = {"viannselector__max_features": [5, 10, 15, 20]}
search = GridSearchCV(selected, grid, cv=5).fit(X, y)
print("\nHow many features? 5-fold cross-validation:")
for number, mean, deviation in zip(
    search.cv_results_["param_viannselector__max_features"],
    search.cv_results_["mean_test_score"],
    search.cv_results_["std_test_score"],
    strict=True,
):
    print(f"  the best {number:2}: {mean:.3f} ({deviation:.3f})")

best = search.best_estimator_[0]
kept = best.get_support()
print(f"\nThe {kept.sum()} features that are kept, of {len(kept)}:")
print(f"  {'rank':4}  {'feature':25} importance (standard deviation over networks)")
for index in np.argsort(best.ranking_)[: kept.sum()]:
    print(
        f"  {best.ranking_[index]:4}  {names[index]:25} "
        f"{best.feature_importances_[index]:.3f} ({best.importances_std_[index]:.3f})"
    )

display = ImportanceDisplay(
    best.feature_importances_,
    importances_std=best.importances_std_,
    feature_names=names,
    support=kept,
).plot(max_features=None)
display.ax_.set(
    xlabel="VIANN importance (mean and standard deviation of 8 networks)",
    title=f"Breast cancer: the {kept.sum()} features that are kept",
)
display.figure_.savefig(PLOT, dpi=120)
print(f"\nA plot of all importances is in {PLOT}.")
