"""
Quickstart
==========

Which measurements of a tumour does a neural network need to tell it malignant?

Breast cancer data: 569 tumours, 30 measurements each, and beside them 60 columns of
noise, as tables often have columns that tell nothing. Finds out how many columns help
on tumours that the networks have not seen, names them, and compares two classifiers on
all columns with the same on those that are kept. Takes about a minute on two cores.
"""

import os
from tempfile import TemporaryDirectory

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up messages

import matplotlib

matplotlib.use("Agg")
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skviann import VIANNSelector
from skviann.inspection import ImportanceDisplay, SelectionPathDisplay

# sphinx_gallery_thumbnail_number = 2
PLOT, PATH_PLOT = "quickstart.png", "path.png"

X, y = load_breast_cancer(return_X_y=True)
# Each measurement twice more, its values shuffled: columns that look alike, and tell
# nothing.
noise = np.random.default_rng(0).permuted(np.hstack([X, X]), axis=0)
X = np.hstack([X, noise])
names = [*load_breast_cancer().feature_names, *(f"noise {j}" for j in range(60))]

selector = VIANNSelector(random_state=0).fit(X, y)

print("Of the ranking's first k columns, the loss on tumours held out:")
results = selector.cv_results_
for k, score in zip(results["n_features"], results["mean_test_score"], strict=True):
    note = "  <- kept" if k == selector.n_features_ else ""
    print(f"  {k:2}: {-score:.3f}{note}")

kept = selector.get_support()
print(f"\nThe {selector.n_features_} columns that are kept, of {len(kept)}:")
print(f"  {'column':25} importance   chosen by")
for index in np.flatnonzero(kept):
    print(
        f"  {names[index]:25} "
        f"{selector.feature_importances_[index]:.3f}        "
        f"{selector.selection_frequency_[index]:.0%} of folds"
    )

# In a pipeline, the selector is fitted on each fold's training rows alone; `memory`
# keeps what it found for the second classifier. The selector scales its inputs itself,
# the classifiers do not.
print("\n5-fold cross-validation, mean accuracy on all columns and on those kept:")
with TemporaryDirectory() as memory:
    for model in (LogisticRegression(max_iter=1000), KNeighborsClassifier()):
        downstream = make_pipeline(StandardScaler(), model)
        selected = Pipeline(
            [("select", VIANNSelector(random_state=0)), ("predict", downstream)],
            memory=memory,
        )
        scores = [
            cross_val_score(one, X, y, cv=5).mean() for one in (downstream, selected)
        ]
        name = type(model).__name__
        print(f"  {name:20} {scores[0]:.3f}, {scores[1]:.3f}")

display = ImportanceDisplay(
    selector.feature_importances_,
    importances_std=selector.importances_std_,
    feature_names=names,
    support=kept,
    selection_frequency=selector.selection_frequency_,
).plot(max_features=30)
display.ax_.set_title(
    f"Breast cancer and noise: {selector.n_features_} columns are kept"
)
display.figure_.savefig(PLOT, dpi=120)
path = SelectionPathDisplay.from_estimator(selector)
path.figure_.savefig(PATH_PLOT, dpi=120)
print(f"\nPlots of the importances and of the path are in {PLOT} and {PATH_PLOT}.")
