"""What an estimator or a Keras model predicts: probabilities or quantities."""

import sys

import numpy as np
import sklearn.base


def is_keras_model(estimator):
    """Whether it is a Keras model itself; there is none where Keras is not loaded."""
    return "keras" in sys.modules and isinstance(estimator, sys.modules["keras"].Model)


def is_classifier(estimator):
    """Whether it predicts classes, also for scikeras's wrappers, which lack the tag."""
    kind = getattr(estimator, "_estimator_type", None)
    return kind == "classifier" or sklearn.base.is_classifier(estimator)


def predict_outputs(estimator, X):
    """Predict probabilities or quantities: float64 of shape (n_samples, n_outputs).

    Of a classifier without probabilities, 1 for the class that it predicts.
    """
    # The classifier of keras.wrappers has probabilities only in its model.
    model = estimator if is_keras_model(estimator) else getattr(estimator, "model_", 0)
    if hasattr(estimator, "predict_proba"):
        outputs = estimator.predict_proba(X)
    elif is_keras_model(model) and (model is estimator or is_classifier(estimator)):
        outputs = model.predict(np.asarray(X), verbose=0)
    elif is_classifier(estimator):
        outputs = estimator.predict(X)[:, None] == estimator.classes_
    else:
        outputs = estimator.predict(X)
    return np.asarray(outputs, dtype=np.float64).reshape(len(outputs), -1)
