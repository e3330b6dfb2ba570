"""
What VIANN measures: weights that travel
========================================

VIANN scores a column by how far the weights of the first layer moved while the network
trained. With ``trajectory=True`` the callback `skviann.VarianceImportance` keeps the
weights of every epoch, and `skviann.inspection.WeightTrajectoryDisplay` draws them.
"""

# %%
# Of six columns the first two make the class: whether they have the same sign.

import keras
import matplotlib.pyplot as plt
import numpy as np

from skviann import VarianceImportance
from skviann.inspection import WeightTrajectoryDisplay

X = np.random.default_rng(0).normal(size=(500, 6)).astype("float32")
y = X[:, 0] * X[:, 1] > 0

keras.utils.set_random_seed(0)
network = keras.Sequential(
    [
        keras.layers.Dense(8, "relu", kernel_initializer="random_normal"),
        keras.layers.Dense(1, "sigmoid"),
    ]
)
network.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
viann = VarianceImportance(trajectory=True)
history = network.fit(X, y, epochs=40, verbose=0, callbacks=[viann])

# %%
# The score of a column sums, over its weights, the variance that a weight has had times
# its absolute value at the end. As shares:

print((viann.importances_ / viann.importances_.sum()).round(3))

# %%
# Above the weights of two columns, one line for each unit of the layer; below the
# variance that each column's weights have had up to an epoch.

figure, axes = plt.subplots(2, figsize=(6, 7), layout="constrained")
WeightTrajectoryDisplay.from_callback(viann, kind="weight", features=[0, 2], ax=axes[0])
six = [0, 2, 1, 3, 4, 5]  # in the same colours
WeightTrajectoryDisplay.from_callback(viann, features=six, ax=axes[1])
plt.show()

# %%
# All weights start near zero. Those of x0 and x1 travel, up or down, and end where the
# network needs them; those of the noise stay close to where they were.
