"""Ways to ask which inputs matter, one interface to all of them; and their plots."""

from skviann._plot.comparison import ComparisonDisplay
from skviann._plot.image import ImageDisplay
from skviann._plot.importance import ImportanceDisplay
from skviann._plot.selection_path import SelectionPathDisplay
from skviann._plot.weight_trajectory import WeightTrajectoryDisplay
from skviann.inspection._comparison import ImportanceComparison, compare_importances
from skviann.inspection._explainers import lime_importance, shap_importance
from skviann.inspection._gradients import gradient_importance
from skviann.inspection._perturbation import (
    noise_importance,
    occlusion_importance,
    permutation_importance,
    probe_importance,
)
from skviann.inspection._refit import drop_column_importance, random_forest_importance
from skviann.inspection._weights import (
    first_layer_importance,
    garson_importance,
    olden_importance,
    viann_importance,
)

__all__ = [
    "ComparisonDisplay",
    "ImageDisplay",
    "ImportanceComparison",
    "ImportanceDisplay",
    "SelectionPathDisplay",
    "WeightTrajectoryDisplay",
    "compare_importances",
    "drop_column_importance",
    "first_layer_importance",
    "garson_importance",
    "gradient_importance",
    "lime_importance",
    "noise_importance",
    "occlusion_importance",
    "olden_importance",
    "permutation_importance",
    "probe_importance",
    "random_forest_importance",
    "shap_importance",
    "viann_importance",
]
