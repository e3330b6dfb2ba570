"""
The paper's experiment, in small
================================

C. R. de Sá (`Variance-Based Feature Importance in Neural Networks
<https://doi.org/10.1007/978-3-030-33778-0_24>`_, 2019) trained networks on small tables
and compared the importances with those of a random forest, and with the loss when a
column is left out. This is the second of the paper's networks, on the wine data, with
a larger learning rate and less to wait for; :doc:`/paper` repeats the experiments.
"""

# %%
# Three hidden layers with small initial weights and a penalty on their size, trained by
# stochastic gradient descent. `skviann.VarianceImportance` is a Keras callback, which
# needs nothing else of the library.

import keras
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import StandardScaler

from skviann import VarianceImportance

X, y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)
keras.utils.set_random_seed(0)


def dense(units, activation):
    return keras.layers.Dense(
        units,
        activation,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.05),
        kernel_regularizer=keras.regularizers.L2(0.01),
    )


network = keras.Sequential(
    [dense(50, "relu"), dense(100, "relu"), dense(50, "relu"), dense(3, "softmax")]
)
network.compile(
    keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"]
)
viann = VarianceImportance()
network.fit(X, y, epochs=100, verbose=0, callbacks=[viann])
loss, accuracy = network.evaluate(X, y, verbose=0)
print(f"accuracy on the training rows: {accuracy:.2f}")

# %%
# To leave a column out of the trained network, its standardised values are set to zero.

rise_of_loss = []
for column in range(X.shape[1]):
    X_without = X.copy()
    X_without[:, column] = 0
    rise_of_loss.append(network.evaluate(X_without, y, verbose=0)[0] - loss)
forest = RandomForestClassifier(random_state=0).fit(X, y)
importances = pd.DataFrame(
    {"VIANN": viann.var_scores_, "rise of the loss": rise_of_loss}
)
importances["random forest"] = forest.feature_importances_
print(importances.corr().round(2))

# %%
# A dot is a column of the data.

figure, axes = plt.subplots(1, 2, figsize=(7, 3.4), layout="constrained")
for ax, other in zip(axes, ["rise of the loss", "random forest"], strict=True):
    importances.plot.scatter("VIANN", other, ax=ax)
plt.show()

# %%
# VIANN's importances go along with both of the others; with these data closer than the
# two go with each other.
