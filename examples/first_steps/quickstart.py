"""
Quickstart
==========

Which measurements of a tumour does a neural network need to tell it malignant?

Breast cancer data: 569 tumours, 30 measurements each. Finds out how many measurements
help on tumours that the networks have not seen, names them, and compares a classifier
on all measurements with one on those that are kept. Takes less than a minute on two
cores.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up messages

import matplotlib

matplotlib.use("Agg")
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skviann import VIANNSelector
from skviann.inspection import ImportanceDisplay, SelectionPathDisplay

# sphinx_gallery_thumbnail_number = 2
PLOT, PATH_PLOT = "quickstart.png", "path.png"

X, y = load_breast_cancer(return_X_y=True)
names = load_breast_cancer().feature_names

selector = VIANNSelector(random_state=0).fit(X, y)

print("Of the ranking's first k measurements, the loss on tumours held out:")
results = selector.cv_results_
for k, score in zip(results["n_features"], results["mean_test_score"], strict=True):
    note = "  <- kept" if k == selector.n_features_ else ""
    print(f"  {k:2}: {-score:.3f}{note}")

kept = selector.get_support()
print(f"\nThe {selector.n_features_} measurements that are kept, of {len(kept)}:")
print(f"  {'rank':4}  {'measurement':25} importance (standard deviation over networks)")
for index in np.argsort(selector.ranking_)[: selector.n_features_]:
    print(
        f"  {selector.ranking_[index]:4}  {names[index]:25} "
        f"{selector.feature_importances_[index]:.3f} "
        f"({selector.importances_std_[index]:.3f})"
    )

# In a pipeline, the selector is fitted on each fold's training rows alone. It scales
# its inputs itself; the logistic regression does not.
downstream = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
print("\n5-fold cross-validation, mean accuracy (standard deviation over folds):")
for name, pipeline in [
    ("all 30 measurements", downstream),
    ("those that are kept", make_pipeline(VIANNSelector(random_state=0), downstream)),
]:
    scores = cross_val_score(pipeline, X, y, cv=5)
    print(f"  {name:20} {scores.mean():.3f} ({scores.std():.3f})")

display = ImportanceDisplay(
    selector.feature_importances_,
    importances_std=selector.importances_std_,
    feature_names=names,
    support=kept,
).plot(max_features=None)
display.ax_.set(
    xlabel="VIANN importance (mean and standard deviation of 8 networks)",
    title=f"Breast cancer: the {selector.n_features_} measurements that are kept",
)
display.figure_.savefig(PLOT, dpi=120)
path = SelectionPathDisplay.from_estimator(selector)
path.figure_.savefig(PATH_PLOT, dpi=120)
print(f"\nPlots of the importances and of the path are in {PLOT} and {PATH_PLOT}.")
