"""
Networks that learn a selection
===============================

VIANN watches a network train. Other networks have the selection in them: a weight in
front of each column that costs something
(`skviann.DeepFeatureSelectionClassifier`), a dropout rate for each
(`skviann.DropoutRankingClassifier`), or a student with a penalty on whole columns, who
imitates a teacher (`skviann.TeacherStudentSelector`).
"""

# %%
# Of 20 columns the first four make the classes.

import matplotlib.pyplot as plt
from sklearn.datasets import make_classification
from sklearn.feature_selection import SelectFromModel

from skviann import (
    DeepFeatureSelectionClassifier,
    DropoutRankingClassifier,
    TeacherStudentSelector,
    VIANNSelector,
)
from skviann.inspection import SelectionPathDisplay

X, y = make_classification(
    n_samples=400,
    n_features=20,
    n_informative=4,
    n_redundant=0,
    shuffle=False,
    random_state=0,
)

# %%
# All of them have ``feature_importances_``, so that
# `sklearn.feature_selection.SelectFromModel` can select by them, at the mean as it does
# by default.

models = {
    "VIANN": VIANNSelector(random_state=0),
    "teacher and student": TeacherStudentSelector(random_state=0),
    "deep feature selection": DeepFeatureSelectionClassifier(random_state=0),
    "dropout ranking": DropoutRankingClassifier(random_state=0),
}
figure, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
for row, (name, model) in enumerate(models.items()):
    selector = SelectFromModel(model.fit(X, y), prefit=True).fit(X, y)
    print(f"{name:22} keeps {selector.get_support(indices=True)}")
    in_means = model.feature_importances_ / model.feature_importances_.mean()
    ax.plot(in_means[4:], [row] * 16, "|", color="0.5", markersize=14)
    ax.plot(in_means[:4], [row] * 4, "o", color="tab:blue")
ax.axvline(1, color="tab:orange", linestyle="--")
ax.legend(["16 columns of noise", "4 that make the classes"], loc="lower right")
ax.set(
    yticks=range(4), yticklabels=models, xlabel="importance / mean", ylim=(3.5, -0.5)
)
plt.show()

# %%
# All four put the four columns first; how far in front is another matter. With some,
# columns of noise come close to the mean, the dashed line, or above it. The mean is no
# cut to trust. `skviann.VIANNSelector` takes the two classifiers in the place of its
# own network, ranks by what they learn, and cuts on rows held out:

networks = (DeepFeatureSelectionClassifier(), DropoutRankingClassifier())
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
for ax, network in zip(axes, networks, strict=True):
    selector = VIANNSelector(network, random_state=0).fit(X, y)
    name = type(network).__name__
    print(f"{name:30} {selector.get_support(indices=True)}")
    SelectionPathDisplay.from_estimator(selector, ax=ax)
    ax.set_title(name)
plt.show()

# %%
# No column of noise is left. Deep feature selection loses the first column to its
# penalty (``alpha``), which is a parameter to search for.
