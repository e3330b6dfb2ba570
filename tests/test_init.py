import subprocess
import sys

import pytest

import skviann


def test_importing_the_library_does_not_load_tensorflow():
    code = """
import sys
import skviann
from skviann import VIANNClassifier, VIANNRegressor, VIANNSelector, viann_scores
VIANNSelector(VIANNClassifier()).get_params()
print(repr(VIANNSelector()))
loaded = {"tensorflow", "keras", "scikeras"} & set(sys.modules)
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_everything_public_is_at_the_top():
    for name in skviann.__all__:
        assert getattr(skviann, name) is not None
        assert name in dir(skviann)
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        skviann.missing  # noqa: B018
