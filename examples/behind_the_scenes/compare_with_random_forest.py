"""
VIANN next to a random forest
=============================

Do a neural network and a random forest use the same measurements of iris flowers? This
is the example that VIANN's author published: a network of one's own, trained with the
callback `skviann.VarianceImportance`, next to a random forest on the same flowers, and
to the ready-made networks of `skviann.VIANNClassifier`.
"""

# %%
# A network with one hidden layer.

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skviann import VarianceImportance, VIANNClassifier

iris = load_iris()
X_train, X_test, y_train, y_test = train_test_split(
    iris.data, iris.target, test_size=0.2, random_state=0
)

keras.utils.set_random_seed(0)
network = keras.Sequential(
    [keras.layers.Dense(16, "relu"), keras.layers.Dense(3, "softmax")]
)
network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
viann = VarianceImportance()
scaler = StandardScaler().fit(X_train)
network.fit(
    scaler.transform(X_train),
    y_train,
    epochs=200,
    batch_size=16,
    verbose=0,
    callbacks=[viann],
)
_, accuracy = network.evaluate(scaler.transform(X_test), y_test, verbose=0)

# %%
# The other two, and the accuracy of all three on flowers that they have not seen:

ready_made = VIANNClassifier(random_state=0).fit(X_train, y_train)
forest = RandomForestClassifier(random_state=0).fit(X_train, y_train)
importances = {
    "a Keras network": viann.importances_ / viann.importances_.sum(),
    "VIANNClassifier": ready_made.feature_importances_,
    "a random forest": forest.feature_importances_,
}
accuracies = [accuracy, ready_made.score(X_test, y_test), forest.score(X_test, y_test)]
for name, value in zip(importances, accuracies, strict=True):
    print(f"{name}: {value:.3f}")

# %%
# The Pearson correlation with the importances of the forest:

reference = importances["a random forest"]
for name in list(importances)[:2]:
    print(f"{name}: {np.corrcoef(importances[name], reference)[0, 1]:.3f}")

# %%
# The importances themselves, as shares:

figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
shares = pd.DataFrame(importances, index=iris.feature_names)
shares.plot.barh(ax=ax, width=0.7, xlabel="importance")
ax.invert_yaxis()
plt.show()
