"""
Using your own Keras network
============================

`skviann.VIANNSelector` finds the columns that your own network needs. This one has
batch normalisation and dropout. `skviann.wrappers.KerasClassifier`, scikeras's wrapper
with a faster feed, makes an estimator of it.
"""

# %%
# scikeras calls the function with what it has learned of the data in ``meta``. The
# number of inputs comes from there: networks for some of the columns have fewer.

import keras
from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skviann import VIANNSelector
from skviann.inspection import ImportanceDisplay, SelectionPathDisplay
from skviann.wrappers import KerasClassifier


def build(meta):
    inputs = keras.Input((meta["n_features_in_"],))
    x = keras.layers.Dense(32)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Activation("relu")(x)
    x = keras.layers.Dropout(0.2)(x)
    outputs = keras.layers.Dense(meta["n_classes_"], "softmax")(x)
    model = keras.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


# %%
# Your own network sees numbers as they are, so a scaler comes first. Copies of the
# network are trained on the rows of some folds and judged on those of the others.

network = KerasClassifier(build, epochs=30, verbose=0)
selector = VIANNSelector(network, random_state=0)
pipeline = make_pipeline(StandardScaler(), selector).set_output(transform="pandas")

X, y = load_wine(return_X_y=True, as_frame=True)
print(pipeline.fit_transform(X, y).columns.tolist())

# %%
# The names of the columns went through the pipeline with the data frames. How many of
# the folds agree on each column?

summary = selector.summary()
print(summary[["feature", "kept", "frequency", "reason"]].to_string(index=False))

# %%
# The loss on rows held out, by the number of columns.

SelectionPathDisplay.from_estimator(selector)

# %%
# An error bar is the standard deviation of a column's importance over the copies.

display = ImportanceDisplay.from_estimator(selector)
