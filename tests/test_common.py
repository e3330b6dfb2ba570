"""scikit-learn's own checks, on several configurations of every estimator."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from skviann import (
    DeepBeliefRanking,
    DeepFeatureSelectionClassifier,
    DropoutRankingRegressor,
    TeacherStudentSelector,
    VIANNClassifier,
    VIANNRegressor,
    VIANNSelector,
)
from skviann.neural_network._base import BaseNetwork

FAST = {"hidden_layer_sizes": (16,), "learning_rate": 0.05, "epochs": 10}
LINEAR = {
    "hidden_layer_sizes": (),
    "n_members": 1,
    "n_bins": 1,
    "learning_rate": 0.1,
}

ESTIMATORS = [
    VIANNClassifier(**FAST),
    VIANNClassifier(**LINEAR, epochs=15, class_weight="balanced"),
    VIANNRegressor(**FAST),
    VIANNRegressor(**LINEAR, epochs=15, early_stopping=True),
    VIANNSelector(),
    VIANNSelector(VIANNRegressor(epochs=2), threshold="median", n_repeats=2),
    VIANNSelector(threshold="fdr"),
    # Classifier and regressor differ in what the VIANN estimators have as well.
    DeepFeatureSelectionClassifier(**FAST),
    DropoutRankingRegressor(**FAST),
    TeacherStudentSelector(n_units=8),
    DeepBeliefRanking((8,), n_repeats=1),
]


def expected_failures(estimator):
    """The list, with reasons, that stands in docs/scikit-learn-checks.md."""
    if not isinstance(estimator, BaseNetwork):
        return {}
    return {
        "check_sample_weight_equivalence_on_sparse_data": (
            "which rows meet in a mini-batch depends on how many there are"
        ),
        "check_sample_weight_equivalence_on_dense_data": (
            "sample_weight is not equivalent to removing or repeating rows: which rows "
            "meet in a mini-batch depends on how many there are."
        ),
    }


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_scikit_learns_checks(estimator, check):
    check(estimator)
