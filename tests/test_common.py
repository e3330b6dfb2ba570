"""scikit-learn's own checks, on several configurations of every estimator."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from skviann import VIANNClassifier, VIANNRegressor, VIANNSelector

MINI_BATCHES = (
    "sample_weight is not equivalent to removing or repeating rows: which rows share a "
    "mini-batch depends on how many there are. Full batches pass the check."
)
FAST = {"hidden_layer_sizes": (16,), "learning_rate": 0.05}
FULL_BATCH = {**FAST, "optimizer": "sgd", "batch_size": 1000, "epochs": 60}


def expected_failures(estimator):
    is_selector = isinstance(estimator, VIANNSelector)
    if is_selector or estimator.batch_size >= FULL_BATCH["batch_size"]:
        return {}
    return {"check_sample_weight_equivalence_on_dense_data": MINI_BATCHES}


ESTIMATORS = [
    VIANNClassifier(**FAST, epochs=15),
    VIANNClassifier(**FULL_BATCH),
    VIANNClassifier(
        hidden_layer_sizes=(),
        class_weight="balanced",
        learning_rate=0.05,
        epochs=20,
    ),
    VIANNRegressor(**FAST, epochs=15),
    VIANNRegressor(**FULL_BATCH),
    VIANNSelector(),
]


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_scikit_learns_checks(estimator, check):
    check(estimator)
