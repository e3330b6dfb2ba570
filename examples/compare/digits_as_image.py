"""
Importances of pixels as a picture
==================================

Where columns are the pixels of an image, a picture of importances says more than bars.
`skviann.inspection.ImageDisplay` draws one or several.
"""

# %%
# Handwritten digits in 8 by 8 pixels, and two models that tell them apart.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

from skviann import VIANNClassifier
from skviann.inspection import ImageDisplay

X, y = load_digits(return_X_y=True)
network = VIANNClassifier(random_state=0).fit(X, y)
forest = RandomForestClassifier(random_state=0).fit(X, y)

# %%
# The mean digit is drawn in the unit of the importances, as shares that sum to 1.

ink = X.mean(axis=0) / X.mean() / X.shape[1]
images = {
    "mean digit": ink,
    "VIANNClassifier": network.feature_importances_,
    "random forest": forest.feature_importances_,
}

# %%
# The share of the eight pixels with the most ink, and of the 16 pixels at the left and
# the right edge, where there is hardly any:

most_ink = np.argsort(ink)[-8:]
for name, image in images.items():
    edges = image.reshape(8, 8)[:, [0, 7]].sum()
    print(f"{name:16} most ink {image[most_ink].sum():.2f}, edges {edges:.2f}")

# %%
# Bright pixels have the largest shares.

figure, axes = plt.subplots(1, 3, figsize=(8, 2.6), layout="constrained")
ImageDisplay(np.reshape(list(images.values()), (3, 8, 8)), titles=list(images)).plot(
    ax=axes
)
plt.show()

# %%
# Where nearly every digit has ink, at the top and the bottom, there is less to learn
# than the mean digit suggests: both models use the pixels in between, where digits
# differ. The edges show how the models differ. The forest hardly uses them; the network
# scales its columns, so that the ink of a few images moves weights. If such columns are
# not wanted, `sklearn.feature_selection.VarianceThreshold` can drop them before.
