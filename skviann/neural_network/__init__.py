"""Multilayer perceptrons that know how much they use each feature."""

from skviann.neural_network._deep_belief import DeepBeliefRanking
from skviann.neural_network._learned_selection import (
    DeepFeatureSelectionClassifier,
    DeepFeatureSelectionRegressor,
    DropoutRankingClassifier,
    DropoutRankingRegressor,
)
from skviann.neural_network._survival import VIANNSurvival
from skviann.neural_network._viann import (
    VIANNClassifier,
    VIANNRegressor,
    default_network,
)

__all__ = [
    "DeepBeliefRanking",
    "DeepFeatureSelectionClassifier",
    "DeepFeatureSelectionRegressor",
    "DropoutRankingClassifier",
    "DropoutRankingRegressor",
    "VIANNClassifier",
    "VIANNRegressor",
    "VIANNSurvival",
    "default_network",
]
