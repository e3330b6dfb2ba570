"""
A report to pass on
===================

``selector.report()`` puts a selection on one page: what is kept and why, the picture of
the path, what is dropped, and the settings to repeat it. It is a single HTML file that
loads nothing, for a colleague or for the records.
"""

# %%
# In Friedman's first problem the target depends on five columns. Beside them are three
# of noise and a constant.

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import make_friedman1

from skviann import VIANNSelector

X, y = make_friedman1(n_samples=500, n_features=8, noise=1.0, random_state=0)
names = [*(f"column {j}" for j in range(1, 6)), *(f"noise {j}" for j in range(1, 4))]
X = pd.DataFrame(X, columns=names)
X["laboratory"] = "north"

# %%
# After `fit`, a notebook shows the report in place of scikit-learn's diagram. The lists
# that are folded open with a click.

selector = VIANNSelector(random_state=0)
selector.fit(X, y)

# %%
# In plain text it is short:

report = selector.report()
print(report)

# %%
# ``save`` writes the page:

with TemporaryDirectory() as folder:
    path = Path(folder) / "report.html"
    report.save(path)
    print(f"{path.stat().st_size / 1000:.0f} kB")

# %%
# ``plot`` draws the picture alone, with matplotlib:

selector.plot()
plt.show()
