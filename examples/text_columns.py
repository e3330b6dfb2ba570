"""
A table with text columns
=========================

Networks want numbers; `sklearn.preprocessing.OneHotEncoder` makes a column for each
value of a text column. `skviann.VIANNSelector` scores these columns apart. How
important is the text column as a whole?
"""

# %%
# The rent of some flats, made up: it depends on the area, on the district and on the
# heating, but neither on the floor nor on the colour of the door.

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skviann import VIANNSelector
from skviann.inspection import ImportanceDisplay

rng = np.random.default_rng(0)
n = 500
by_district = dict(centre=400, hill=200, north=0, east=-100, south=-200, west=-300)
flats = pd.DataFrame(
    {
        "area": rng.uniform(20, 120, n),
        "floor": rng.integers(0, 8, n),
        "district": rng.choice(list(by_district), n),
        "heating": rng.choice(["gas", "oil", "wood"], n),
        "door": rng.choice(["red", "green", "blue", "white"], n),
    }
)
rent = 10 * flats["area"] + flats["district"].map(by_district)
rent += 300 * (flats["heating"] == "gas") + rng.normal(0, 50, n)

# %%
# The numbers pass, and the text columns are encoded.

prepare = make_column_transformer(
    (OneHotEncoder(sparse_output=False), make_column_selector(dtype_exclude="number")),
    remainder="passthrough",
    verbose_feature_names_out=False,
)
pipeline = make_pipeline(prepare, VIANNSelector(random_state=0))
pipeline.set_output(transform="pandas").fit(flats, rent)
print("kept:", pipeline.get_feature_names_out().tolist())

# %%
# The encoder's names begin with the name of the text column, so the importances can be
# summed by it.

selector = pipeline[-1]
importances = pd.Series(selector.feature_importances_, selector.feature_names_in_)
sums = importances.groupby(lambda name: name.split("_")[0]).sum()
print(importances.round(3).to_string())
display = ImportanceDisplay.from_importances(sums, feature_names=sums.index)

# %%
# No district's column comes up to the area, and one is dropped; the district as a whole
# counts for more than the area. Columns of noise add up as well: the sum of the four
# colours comes close to the floor, a single column, which does not matter either. The
# floor is kept all the same: the cut is made to predict, and bounds no error.
