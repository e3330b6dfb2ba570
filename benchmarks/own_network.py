"""Is a user's own Keras network selected with as well as the ready-made one?

    python benchmarks/own_network.py                   # F1, at two sizes
    python benchmarks/own_network.py --noise           # nothing is relevant
    python benchmarks/own_network.py --fdr             # false discoveries of the test
    python benchmarks/own_network.py --cost            # seconds, beside one training
    python benchmarks/own_network.py --table benchmarks/own_network.json

The network is what many a user has: two hidden layers (64 and 32 units) with Dropout
between them, Adam, 30 epochs in batches of 32. Columns, and the target if it is a
quantity, are standardised; Keras's settings are its defaults. Families and judgement
are those of selection.py and significance.py.

--cost takes the seconds of a default selection at 1000 x 100, once the process is warm,
against those of plain scikeras trainings of the same network, in turns; and those of 8
and 64 copies that train at once against one of Keras's own `fit`.

Results go to a JSON file one by one; --resume goes on with it. Set
TF_CPP_MIN_LOG_LEVEL=3 for a quiet TensorFlow.
"""

import argparse
import functools
import json
import time
from pathlib import Path
from statistics import median

import numpy as np
import selection
from _common import (
    add_options,
    head,
    parse_names,
    parse_sizes,
    print_errors,
    print_machine,
    row,
    run,
    unique,
    where,
    with_error,
)
from families import CORRELATED, DEPENDENT, FAMILIES, HELD_OUT, make_data
from ranking import is_classes, standardise

SIZES = [(300, 50), (1000, 100)]
NOISE = ["300x50", "1000x100"]


def build(meta, units=(64, 32)):
    """Build the network."""
    import keras

    layers = [keras.Input((meta["n_features_in_"],))]
    for number, n_units in enumerate(units):
        layers.append(keras.layers.Dense(n_units, "relu"))
        if number == 0:
            layers.append(keras.layers.Dropout(0.1))
    n_classes = meta.get("n_classes_")
    if n_classes is None:
        loss = "mse"
        layers.append(keras.layers.Dense(1))
    elif n_classes == 2:
        loss = "binary_crossentropy"
        layers.append(keras.layers.Dense(1, "sigmoid"))
    else:
        loss = "sparse_categorical_crossentropy"
        layers.append(keras.layers.Dense(n_classes, "softmax"))
    model = keras.Sequential(layers)
    model.compile("adam", loss)
    return model


def wrap(y, **settings):
    """Wrap the network for classes or a quantity."""
    from skviann.wrappers import KerasClassifier, KerasRegressor

    kind = KerasClassifier if is_classes(y) else KerasRegressor
    return kind(build, **{"epochs": 30, "batch_size": 32, "verbose": 0, **settings})


def own_network(X, y, seed, **params):
    """Select with the network; parameters are those of the selector."""
    from skviann import VIANNSelector

    X, y = standardise(X, y)
    selector = VIANNSelector(wrap(y), random_state=seed, **params).fit(X, y)
    return selector.get_support(), selector.feature_importances_


METHODS = {
    "own, as it comes": own_network,
    "own, encode=True": functools.partial(own_network, encode=True),
    "own, mean of importances": functools.partial(own_network, threshold="mean"),
}
selection.METHODS.update(METHODS)
