"""Classes that have a parameter or an attribute in common describe it alike."""

import re
from inspect import cleandoc, signature
from itertools import combinations

import pytest

from skviann import (
    DeepFeatureSelectionClassifier,
    DeepFeatureSelectionRegressor,
    DropoutRankingClassifier,
    DropoutRankingRegressor,
    VIANNClassifier,
    VIANNRegressor,
    VIANNSurvival,
)

SIBLINGS = [
    VIANNClassifier,
    VIANNRegressor,
    VIANNSurvival,
    DeepFeatureSelectionClassifier,
    DeepFeatureSelectionRegressor,
    DropoutRankingClassifier,
    DropoutRankingRegressor,
]
# What rightly differs: defaults that are chosen for the method or its loss, and
# what a loss, an output or an importance is.
DIFFERENT = {
    "Parameters": {"learning_rate", "alpha", "batch_size", "epochs"},
    "Attributes": {"feature_importances_", "history_", "importances_", "model_"},
}


def entries(estimator, section):
    """Entries of a section of a docstring, by name, white space aside."""
    text = cleandoc(estimator.__doc__)
    body = re.search(rf"^{section}\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", text, re.M | re.S)
    found = re.findall(r"^(\w+) : (.*?)(?=^\w+ : |\Z)", body[1], re.M | re.S)
    return {name: " ".join(entry.split()) for name, entry in found}


@pytest.mark.parametrize("section", DIFFERENT)
def test_siblings_describe_the_same_alike(section):
    described = {one.__name__: entries(one, section) for one in SIBLINGS}
    differences = []
    for one, other in combinations(described, 2):
        common = described[one].keys() & described[other].keys() - DIFFERENT[section]
        assert common
        differences += [
            (name, one, described[one][name], other, described[other][name])
            for name in sorted(common)
            if described[one][name] != described[other][name]
        ]
    assert not differences


@pytest.mark.parametrize("estimator", SIBLINGS)
def test_every_parameter_is_described(estimator):
    described = entries(estimator, "Parameters").keys()
    assert described == signature(estimator).parameters.keys()
