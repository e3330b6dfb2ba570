"""
VIANN next to a random forest
=============================

Do a neural network and a random forest use the same measurements of iris flowers?

The example that VIANN's author published, on a network of one's own: one hidden layer,
trained with the callback `VarianceImportance`, next to a random forest on the same
flowers, and to the ready-made networks of `VIANNClassifier`. Takes a quarter of a
minute on two cores, much of it to load TensorFlow.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up messages

import keras
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skviann import VarianceImportance, VIANNClassifier
from skviann.inspection import ImportanceDisplay

PLOT = "compare_with_random_forest.png"

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

ready_made = VIANNClassifier(random_state=0).fit(X_train, y_train)
forest = RandomForestClassifier(random_state=0).fit(X_train, y_train)

importances = {
    "a Keras network": viann.importances_ / viann.importances_.sum(),
    "VIANNClassifier": ready_made.feature_importances_,
    "a random forest": forest.feature_importances_,
}
accuracies = [accuracy, ready_made.score(X_test, y_test), forest.score(X_test, y_test)]

print(f"{'importance for':18}" + "".join(f"{name:>17}" for name in importances))
for number, feature in enumerate(iris.feature_names):
    shares = "".join(f"{values[number]:17.3f}" for values in importances.values())
    print(f"{feature:18}{shares}")
print(f"{'test accuracy':18}" + "".join(f"{value:17.3f}" for value in accuracies))

reference = importances["a random forest"]
print("\nPearson correlation with the random forest's importances:")
for name in list(importances)[:2]:
    print(f"  {name}: {np.corrcoef(importances[name], reference)[0, 1]:.3f}")

figure, axes = plt.subplots(1, 3, figsize=(11, 2.8), layout="constrained")
for ax, (name, values) in zip(axes, importances.items(), strict=True):
    ImportanceDisplay.from_importances(values, feature_names=iris.feature_names, ax=ax)
    ax.set(title=name, xlim=(0, 0.75))
figure.savefig(PLOT, dpi=120)
print(f"\nA plot is in {PLOT}.")
