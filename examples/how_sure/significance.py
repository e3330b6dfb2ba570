"""
Which columns pass a test?
==========================

By itself, `skviann.VIANNSelector` keeps columns to predict well, and bounds no error.
With ``threshold="fdr"`` it tests each column: does it tell something that the other
columns do not? Of the columns that pass, on average at most a share of ``alpha`` is
false.
"""

# %%
# The data are made up, so that the truth is known. Six of 40 columns make the target.
# Two of them, x3 and x4, matter only together. Column x6 is an echo: it follows x0, and
# has nothing to do with the target beyond that.

import matplotlib.pyplot as plt
import numpy as np

from skviann import VIANNSelector

ALPHA = 0.1
TRUE = range(6)
ECHO = 6


def make_table(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(500, 40))
    X[:, ECHO] = 0.7 * X[:, 0] + 0.7 * X[:, ECHO]
    y = X[:, 0] + 0.7 * X[:, 1] + 0.5 * X[:, 2] + X[:, 3] * X[:, 4] + 0.4 * X[:, 5]
    return X, y + rng.normal(size=500)


X, y = make_table(seed=9)
tested = VIANNSelector(threshold="fdr", alpha=ALPHA, random_state=0).fit(X, y)
print("pass the test:", tested.get_support(indices=True))

# %%
# To be correlated with the target is another matter. The echo is correlated, but tells
# nothing new. Each of the two that matter together is hardly correlated, but is needed.
# Columns are kept whose q-value, the p-value adjusted for all 40 tests, is at most 0.1.

for column in (0, 3, 4, ECHO):
    correlation = np.corrcoef(X[:, column], y)[0, 1]
    pvalue, qvalue = tested.pvalues_[column], tested.qvalues_[column]
    print(f"x{column}: correlation {correlation:5.2f}, p {pvalue:.4f}, q {qvalue:.4f}")

# %%
# The bound holds on average over many tables, not in each. Here are six more. A column
# is false if it is none of the six.

shares_false, found = [], []
for seed in range(6):
    selector = VIANNSelector(threshold="fdr", alpha=ALPHA, random_state=0)
    kept = selector.fit(*make_table(seed)).get_support(indices=True)
    n_true = np.isin(kept, TRUE).sum()
    shares_false.append(1 - n_true / len(kept) if len(kept) else 0)
    found.append(n_true)
print(f"false, mean share of those kept: {np.mean(shares_false):.2f}")
print(f"found, mean of the six: {np.mean(found):.1f}")

# %%
# What the threshold does to the p-values of the first table: it sorts them, and draws a
# line that starts at ``alpha`` divided by the number of columns, and rises by as much
# with each column (Benjamini and Hochberg). The last point below the line, and all
# before it, pass. Smaller p-values than a millionth are
# drawn at a millionth.

order = np.argsort(tested.pvalues_)
ranks = np.arange(1, len(order) + 1)
shown = np.maximum(tested.pvalues_[order], 1e-6)
kinds = {
    "makes the target": np.isin(order, TRUE),
    "echo of x0": order == ECHO,
    "noise": order > ECHO,
}
colors = ["tab:blue", "tab:orange", "0.6"]
figure, ax = plt.subplots(figsize=(5.6, 4), layout="constrained")
ax.semilogy(ranks, ALPHA * ranks / X.shape[1], "k--", label="line of the threshold")
for (kind, is_kind), color in zip(kinds.items(), colors, strict=True):
    ax.semilogy(ranks[is_kind], shown[is_kind], "o", ms=7, color=color, label=kind)
ax.set(xlabel="columns, sorted by p-value", ylabel="p-value")
ax.legend()
plt.show()

# %%
# A column that does not pass may still help to predict, if others tell the same.
# :doc:`/user_guide/significance` says when the test is too bold, and when too shy.
