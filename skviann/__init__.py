"""Feature selection with neural networks: variance-based importances (VIANN).

The estimators, the selectors and the callback are here; `skviann.inspection` has other
importances and the plots, `skviann.layers` the Keras layers, `skviann.variance` the
arithmetic, `skviann.wrappers` the wrappers of Keras models and `skviann.dask` the
estimators for clusters. Names load when first used, so that ``import skviann`` is
light: TensorFlow is imported when a network or a Keras callback is first needed.
"""

import importlib

__version__ = "0.1.0"

_MODULE_OF = {
    "VarianceImportance": "callbacks",
    "VIANNClassifier": "neural_network",
    "VIANNRegressor": "neural_network",
    "VIANNSurvival": "neural_network",
    "VIANNSelector": "feature_selection",
    "correlated_groups": "_groups",
    "one_hot_groups": "_groups",
    "DeepFeatureSelectionClassifier": "neural_network",
    "DeepFeatureSelectionRegressor": "neural_network",
    "DropoutRankingClassifier": "neural_network",
    "DropoutRankingRegressor": "neural_network",
    "TeacherStudentSelector": "feature_selection",
    "DeepBeliefRanking": "neural_network",
}

__all__ = ["__version__", *_MODULE_OF]


def __getattr__(name):
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted([*globals(), *_MODULE_OF])
