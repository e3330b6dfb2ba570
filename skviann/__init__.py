"""Feature selection with neural networks: variance-based importances (VIANN).

Everything public is here. Names load when first used, so that ``import skviann`` is
light: TensorFlow is imported when a network or a Keras callback is first needed.
"""

import importlib

__version__ = "0.1.0"

_MODULE_OF = {
    "RunningVariance": "variance",
    "viann_scores": "variance",
    "min_max_scale": "variance",
    "VarianceImportance": "callbacks",
    "VIANNClassifier": "neural_network",
    "VIANNRegressor": "neural_network",
    "VIANNSelector": "feature_selection",
    "one_hot_groups": "_groups",
    "DeepFeatureSelectionClassifier": "neural_network",
    "DeepFeatureSelectionRegressor": "neural_network",
    "DropoutRankingClassifier": "neural_network",
    "DropoutRankingRegressor": "neural_network",
    "TeacherStudentSelector": "feature_selection",
    "DeepBeliefRanking": "neural_network",
    "PiecewiseLinearEncoding": "layers",
    "PackedDense": "layers",
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
