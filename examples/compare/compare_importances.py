"""
Eight answers to the same question
==================================

Which columns matter? Methods that look at weights, gradients or the score understand
the question in different ways. `skviann.inspection.compare_importances` asks one fitted
network by all of them, and a random forest beside it.
"""

# %%
# The breast cancer data have groups of columns that measure nearly the same: radius,
# perimeter and area are three columns for the size of the mean cell nucleus, and three
# more for that of the worst one.

from sklearn.datasets import load_breast_cancer

from skviann.inspection import compare_importances

data = load_breast_cancer(as_frame=True)
methods = ["viann", "garson", "olden", "probe", "integrated_gradients"]
methods += ["permutation", "occlusion", "random_forest"]
comparison = compare_importances(
    data.data, data.target, methods=methods, random_state=0, verbose=0
)

# %%
# The mean rank, of 30, of the six columns of size:

size = [
    f"{which} {what}"
    for which in ("mean", "worst")
    for what in ("radius", "perimeter", "area")
]
print(comparison.ranks.loc[size].mean().round(1).to_string())

# %%
# Ranks of the columns, the best mean rank first, and how well the rankings agree:

display = comparison.plot()

# %%
# The methods that follow weights through the network (VIANN, Garson, Olden) agree
# closely, and integrated gradients with them. Occlusion agrees least with VIANN, and
# the columns of size show why: it sets one column to its mean and watches the score,
# which hardly falls if five others still say how large the nucleus is. Permutation has
# the same blind spot, less so. VIANN looks at the weights, and the network uses
# all six.
