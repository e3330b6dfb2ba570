import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skviann
import skviann.inspection
from skviann import (
    DeepBeliefRanking,
    TeacherStudentSelector,
    VIANNRegressor,
    VIANNSelector,
)


def test_importing_the_library_does_not_load_tensorflow():
    code = """
import sys
import skviann.inspection
from skviann import (
    DeepBeliefRanking,
    TeacherStudentSelector,
    VIANNClassifier,
    VIANNRegressor,
    VIANNSelector,
)
from skviann.variance import viann_scores
VIANNSelector(VIANNClassifier()).get_params()
print(repr(VIANNSelector()))
loaded = {"tensorflow", "keras", "scikeras"} & set(sys.modules)
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "estimator",
    [VIANNSelector(), VIANNRegressor(), TeacherStudentSelector(), DeepBeliefRanking()],
    ids=lambda estimator: type(estimator).__name__,
)
def test_notebooks_link_to_the_estimators_page(estimator):
    page = f"/api/skviann.{type(estimator).__name__}.html"
    assert page in estimator._repr_html_()
    assert page in make_pipeline(StandardScaler(), estimator)._repr_html_()


def test_everything_public_is_in_the_api_reference():
    reference = Path(__file__).parents[1] / "docs" / "api.rst"
    listed = set(reference.read_text().split())
    public = {*skviann.__all__, *skviann.inspection.__all__} - {"__version__"}
    assert public <= listed


def test_every_name_at_the_top_loads():
    for name in skviann.__all__:
        assert getattr(skviann, name) is not None
        assert name in dir(skviann)
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        skviann.missing  # noqa: B018
