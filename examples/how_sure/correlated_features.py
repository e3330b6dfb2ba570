"""
Correlated columns share the credit
===================================

Three causes, each as strong as the others, make a quantity. What happens to the first
of them if the table has it three times, with a little noise on the copies?
"""

# %%
# Two columns of noise complete the table.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import FeatureAgglomeration
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skviann import VIANNSelector
from skviann.inspection import ImportanceDisplay

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 5))
y = X[:, 0] + X[:, 1] + X[:, 2] + 0.5 * rng.normal(size=300)
copies = X[:, [0, 0]] + 0.1 * rng.normal(size=(300, 2))
X_copies = np.hstack([X, copies])

names = ["cause a", "cause b", "cause c", "noise", "noise", "copy of a", "copy of a"]
figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.4), sharex=True, layout="constrained")
for ax, table, title in zip(
    axes, [X, X_copies], ["cause a once", "cause a three times"], strict=True
):
    selector = VIANNSelector(random_state=0).fit(table, y)
    print(f"{title}: kept {selector.get_support(indices=True)}")
    ImportanceDisplay(
        selector.feature_importances_,
        importances_std=selector.importances_std_,
        feature_names=names[: table.shape[1]],
        support=selector.get_support(),
    ).plot(ax=ax)
    ax.set_title(title)
plt.show()

# %%
# The network spreads its weights over the copies, and the score, a variance times a
# weight, shrinks faster than a weight does: together the three get less than the cause
# gets alone. The cut does not go by that, but by what columns add on rows held out. The
# story of cause a stays, by one of its copies or by several; that another copy is
# dropped does not mean that it has nothing to do with the target.
#
# Near-copies can be merged before the selection:
# `sklearn.cluster.FeatureAgglomeration` replaces columns whose correlation is above 0.9
# by their mean. The score of a model shows whether something went missing; with the
# mean importance as the threshold it does, for all copies fall below it.

merge = FeatureAgglomeration(
    n_clusters=None, distance_threshold=0.1, metric="correlation", linkage="average"
)
selector = VIANNSelector(random_state=0)
by_mean = VIANNSelector(threshold="mean", random_state=0)
pipelines = {
    "all columns": make_pipeline(LinearRegression()),
    "selected": make_pipeline(selector, LinearRegression()),
    "merged, selected": make_pipeline(merge, selector, LinearRegression()),
    "at the mean": make_pipeline(by_mean, LinearRegression()),
}
scores = {
    name: cross_val_score(pipeline, X_copies, y, cv=3).mean()
    for name, pipeline in pipelines.items()
}
figure, ax = plt.subplots(figsize=(6, 2.4), layout="constrained")
bars = ax.barh(list(scores), list(scores.values()), color="tab:blue")
ax.bar_label(bars, fmt="%.2f", padding=3)
ax.set(xlabel="R2 of a linear regression, mean of 3 folds", xlim=(0, 1))
ax.invert_yaxis()
plt.show()
