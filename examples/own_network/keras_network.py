"""
Using your own Keras network
============================

Any Keras network whose first layer takes the columns in can tell which of them it uses.
This one has batch normalisation and dropout; `skviann.wrappers.KerasClassifier`,
scikeras's wrapper with a faster feed, makes an estimator of it, and
`skviann.VIANNSelector` adds the measurement.
"""

# %%
# scikeras calls the function with what it has learned of the data in ``meta``. Small
# initial weights in the first layer make the scores clearer.

import keras
import pandas as pd
from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skviann import VIANNSelector
from skviann.inspection import ImportanceDisplay
from skviann.wrappers import KerasClassifier


def build(meta):
    inputs = keras.Input((meta["n_features_in_"],))
    x = keras.layers.Dense(32, kernel_initializer="random_normal")(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Activation("relu")(x)
    x = keras.layers.Dropout(0.2)(x)
    outputs = keras.layers.Dense(meta["n_classes_"], "softmax")(x)
    model = keras.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


# %%
# Your own network sees the columns as they are, so a scaler comes first. One
# training's ranking is noisy; the selector trains the network five times, from other
# initial weights, and averages.

network = KerasClassifier(build, epochs=30, verbose=0)
selector = VIANNSelector(network, n_repeats=5, random_state=0)
pipeline = make_pipeline(StandardScaler(), selector).set_output(transform="pandas")

X, y = load_wine(return_X_y=True, as_frame=True)
print(pipeline.fit_transform(X, y).columns.tolist())

# %%
# In how many of the five trainings did a column reach the threshold? Columns close to
# it reach it in some and miss it in others. With a single training, chance would decide
# about them.

reached = (selector.importances_ >= selector.threshold_).sum(axis=0)
print(pd.Series(reached, X.columns).sort_values(ascending=False).to_string())

# %%
# The names of the columns went through the pipeline with the data frames. An error bar
# is the standard deviation of a column's importance over the five trainings.

display = ImportanceDisplay.from_estimator(selector)
