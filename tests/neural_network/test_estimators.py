import copy
import pickle

import keras
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import RFE, RFECV, SelectFromModel
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import cross_val_score

from conftest import FAST
from skviann import VIANNClassifier, VIANNRegressor

BOTH = [VIANNClassifier, VIANNRegressor]


@pytest.mark.parametrize("estimator", BOTH)
def test_importances_find_the_columns_that_matter(estimator, classes, quantity):
    network = estimator(**{**FAST, "n_members": 8}, random_state=0)
    network.fit(*(classes if is_classifier(network) else quantity))
    importances = network.feature_importances_
    assert importances.shape == (6,)
    assert (importances >= 0).all()
    assert_allclose(importances.sum(), 1)
    assert set(importances.argsort()[-2:]) == {0, 1}
    assert network.importances_.shape == (8, 6)
    assert_allclose(importances, network.importances_.mean(axis=0))
    assert_allclose(network.importances_std_, network.importances_.std(axis=0))
    assert network.importances_std_.max() > 0


def test_random_state(classes, fitted_classifier):
    X, y = classes
    global_state = np.random.get_state()[1]

    def fit(random_state):
        return VIANNClassifier(**FAST, random_state=random_state).fit(X, y)

    assert_array_equal(fit(0).importances_, fitted_classifier.importances_)
    one, other = fit(None), fit(None)
    assert (one.importances_ != other.importances_).any()
    state = np.random.RandomState(3)
    one, other = fit(state), fit(state)  # an instance goes on
    assert (one.importances_ != other.importances_).any()
    assert_array_equal(one.importances_, fit(np.random.RandomState(3)).importances_)
    assert_array_equal(np.random.get_state()[1], global_state)


@pytest.mark.parametrize("n_bins", [1, 4])
@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1e20])
@pytest.mark.parametrize("shift", [0, 5, 1e6])
def test_importances_do_not_depend_on_units(scale, shift, n_bins, classes):
    X, y = classes
    network = VIANNClassifier(**{**FAST, "n_bins": n_bins}, random_state=0)
    original = clone(network).fit(X, y)
    offsets = np.array([0, 0, 0, shift, 0, shift])
    scaled = (X + offsets) * [1, scale, 1, scale, 1, 1]
    other = clone(network).fit(scaled, y)
    assert_allclose(
        other.feature_importances_, original.feature_importances_, atol=1e-3
    )
    assert_allclose(other.predict_proba(scaled), original.predict_proba(X), atol=1e-3)


def test_importances_hardly_depend_on_monotone_changes_and_outliers(classes):
    X, y = classes
    network = VIANNClassifier(**{**FAST, "n_bins": 4}, random_state=0)
    original = clone(network).fit(X, y).feature_importances_
    changed = X.copy()
    changed[:, 0], changed[:, 2] = np.exp(X[:, 0]), np.arctan(X[:, 2])
    changed[X[:, 3].argmax(), 3] = 1e30
    importances = clone(network).fit(changed, y).feature_importances_
    assert_allclose(importances, original, atol=0.05)
    assert set(importances.argsort()[-2:]) == {0, 1}


LABELS = {
    "integers": lambda y: y * 3 + 2,
    "strings": lambda y: np.array(["no", "yes"])[y],
    "objects": lambda y: np.array(["no", "yes"], dtype=object)[y],
    "booleans": lambda y: y == 1,
    "whole floats": lambda y: y.astype(float),
    "categorical": lambda y: pd.Series(np.array(["no", "yes"])[y]).astype("category"),
    "polars": lambda y: pl.Series(np.array(["no", "yes"])[y].tolist()),
    "list": lambda y: y.tolist(),
}


@pytest.mark.parametrize("kind", LABELS)
def test_binary_labels(kind, classes, fitted_classifier):
    X, y = classes
    labels = LABELS[kind](y)
    classifier = clone(fitted_classifier).fit(X, labels)
    assert_array_equal(classifier.classes_, np.unique(np.asarray(labels)))
    assert classifier.score(X, labels) > 0.9
    assert_allclose(classifier.predict_proba(X), fitted_classifier.predict_proba(X))


def test_multiclass_labels():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 3))
    y = np.array(["low", "middle", "high"])[np.digitize(X[:, 1], [-0.5, 0.5])]
    classifier = VIANNClassifier((16,), learning_rate=0.05, epochs=20, random_state=0)
    classifier.fit(X, y)
    assert_array_equal(classifier.classes_, ["high", "low", "middle"])
    assert classifier.feature_importances_.argmax() == 1
    probabilities = classifier.predict_proba(X)
    assert probabilities.shape == (150, 3)
    assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    predictions = classifier.predict(X)
    assert_array_equal(predictions, classifier.classes_[probabilities.argmax(axis=1)])
    assert accuracy_score(y, predictions) == classifier.score(X, y) > 0.9


def test_regression_in_the_unit_of_the_target(quantity):
    X, y = quantity
    settings = {"hidden_layer_sizes": (16,), "learning_rate": 0.02, "epochs": 40}
    plain = VIANNRegressor(**settings, random_state=0).fit(X, y)
    shifted = VIANNRegressor(**settings, random_state=0).fit(X, 1e9 + 1000 * y)
    assert r2_score(y, plain.predict(X)) == plain.score(X, y) > 0.9
    assert_allclose(
        (shifted.predict(X) - 1e9) / 1000, plain.predict(X), atol=0.01 * y.std()
    )


def test_regression_on_whole_numbers():
    # Two whole-numbered values read as classes to scikit-learn's type_of_target.
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = np.where(X[:, 0] > 0, 151.0, 75.0)
    regressor = VIANNRegressor((16,), learning_rate=0.02, epochs=30, random_state=0)
    regressor.fit(X, y)
    assert 75 < regressor.predict([[0.0, 0.0]])[0] < 151
    assert regressor.score(X, y) > 0.7


def test_several_outputs(quantity):
    X, y = quantity
    both = np.column_stack([y, -5 * y + 3])
    regressor = VIANNRegressor(
        (16,), learning_rate=0.02, epochs=40, random_state=0
    ).fit(X, both)
    assert regressor.predict(X).shape == both.shape
    assert r2_score(both, regressor.predict(X), multioutput="raw_values").min() > 0.9


@pytest.mark.parametrize("estimator", BOTH)
def test_full_batches_make_weights_equal_repetitions(estimator, classes):
    X, y = np.vstack([classes[0], -classes[0]]), np.r_[classes[1], classes[1]]
    network = estimator(
        (4,),
        learning_rate=0.05,
        batch_size=1000,
        epochs=5,
        random_state=0,
    )
    weights = np.random.default_rng(0).integers(0, 3, size=len(y))
    weighted = clone(network).fit(X, y, sample_weight=2.5 * weights)
    repeated = clone(network).fit(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    unweighted = clone(network).fit(X, y)
    predict = "predict_proba" if is_classifier(network) else "predict"
    assert_allclose(
        getattr(weighted, predict)(X),
        getattr(repeated, predict)(X),
        rtol=1e-4,
        atol=1e-5,
    )
    difference = getattr(weighted, predict)(X) - getattr(unweighted, predict)(X)
    assert np.abs(difference).max() > 1e-3


def test_class_weight_is_the_sample_weight_of_a_class(classes):
    X, y = classes
    network = VIANNClassifier(**FAST, random_state=0)
    by_class = clone(network).set_params(class_weight={0: 1, 1: 9}).fit(X, y)
    by_row = clone(network).fit(X, y, sample_weight=np.where(y == 1, 9.0, 1.0))
    assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))
    both = clone(by_class).fit(X, y, sample_weight=np.where(y == 1, 1 / 9, 1.0))
    plain = network.fit(X, y)
    assert_allclose(both.predict_proba(X), plain.predict_proba(X), atol=1e-4)
    weights = np.ones(len(y))
    by_class.fit(X, y, sample_weight=weights)
    assert_array_equal(weights, 1)


def test_balanced_class_weight(classes):
    X, y = classes
    few = np.r_[np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:12]]
    network = VIANNClassifier(**FAST, random_state=0)
    balanced = clone(network).set_params(class_weight="balanced").fit(X[few], y[few])
    plain = network.fit(X[few], y[few])
    assert balanced.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean()


@pytest.mark.parametrize("estimator", BOTH)
def test_early_stopping(estimator, classes):
    X, y = classes
    mislabelled = np.where(np.arange(len(y)) % 5 == 0, 1 - y, y)
    network = estimator(
        learning_rate=0.1,
        epochs=200,
        early_stopping=True,
        validation_fraction=0.25,
        n_iter_no_change=2,
        random_state=0,
    )
    network.fit(X, mislabelled)
    assert network.history_.keys() == {"loss", "val_loss"}
    val_loss = network.history_["val_loss"]
    assert 3 <= len(val_loss) == len(network.history_["loss"]) < 200
    assert len(val_loss) == np.argmin(val_loss) + 1 + 2
    assert network.fit(X, mislabelled).history_["val_loss"] == val_loss
    # Without it, all rows are trained on, for as long as asked.
    network.set_params(early_stopping=False, epochs=12).fit(X, mislabelled)
    assert network.history_.keys() == {"loss"}
    assert len(network.history_["loss"]) == 12


def test_validation_rows_are_drawn_at_random(classes):
    # Rows sorted by class: the last quarter alone would be one class.
    X, y = classes
    order = np.argsort(y, kind="stable")
    network = VIANNClassifier(
        **FAST, early_stopping=True, validation_fraction=0.25, random_state=0
    )
    network.fit(X[order], y[order])
    assert network.score(X, y) > 0.9
    assert network.history_["val_loss"][-1] < network.history_["val_loss"][0]


def test_sizes_of_the_network(classes):
    network = VIANNClassifier((5, 3), "tanh", n_members=4, n_bins=2, epochs=2)
    model = network.fit(*classes).model_
    kernels = [w.shape for w in model.trainable_weights if w.shape[1] > 1]
    assert kernels == [(4, 12, 5), (4, 5, 3), (4, 3, 1)]
    linear = VIANNClassifier((), epochs=20, learning_rate=0.05, random_state=0)
    assert linear.fit(*classes).score(*classes) > 0.9


@pytest.mark.parametrize(("n_rows", "n_epochs"), [(10, 50), (150, 30), (320, 15)])
def test_automatic_epochs_make_150_steps(n_rows, n_epochs):
    """Of 32 rows, at most 10 an epoch, at most 50 epochs."""
    X = np.random.default_rng(0).normal(size=(n_rows, 2))
    network = VIANNRegressor((2,), n_members=1, random_state=0)
    chosen = clone(network).set_params(epochs=n_epochs, batch_size=32)
    assert_array_equal(
        network.fit(X, X[:, 0]).importances_, chosen.fit(X, X[:, 0]).importances_
    )
    assert len(network.history_["loss"]) == n_epochs


@pytest.mark.parametrize("n_rows", [320, 5000, 40_000])
def test_steps_are_150_of_many_rows_too(n_rows):
    X = np.random.default_rng(0).normal(size=(n_rows, 2))
    network = VIANNRegressor((), n_members=1, n_bins=1, random_state=0)
    # Adam's steps towards something far away are as long as the learning rate.
    network.set_params(learning_rate=1e-4).fit(X, 3 * X[:, 0])
    moved = network.model_.get_weights()
    at_start = network.set_params(learning_rate=1e-30).fit(X, 3 * X[:, 0]).model_
    changes = [
        np.abs(one - other).max()
        for one, other in zip(moved, at_start.get_weights(), strict=True)
    ]
    assert len(network.history_["loss"]) == 15
    assert_allclose(max(changes) / 1e-4, 150, rtol=0.1)


def test_verbose(classes, capsys):
    settings = {"hidden_layer_sizes": (4,), "epochs": 2, "random_state": 0}
    VIANNClassifier(**settings).fit(*classes).predict(classes[0])
    assert capsys.readouterr().out == ""
    network = VIANNClassifier(**settings, verbose=1, early_stopping=True).fit(*classes)
    lines = capsys.readouterr().out.splitlines()
    losses = zip(*network.history_.values(), strict=True)
    assert lines == [
        f"epoch {number}: loss {loss:.4g}, val_loss {val_loss:.4g}"
        for number, (loss, val_loss) in enumerate(losses, start=1)
    ]


def test_a_row_is_predicted_alike_alone_and_among_others(fitted_classifier, classes):
    X, _ = classes
    together = fitted_classifier.predict_proba(X)
    assert_array_equal(together[7:8], fitted_classifier.predict_proba(X[7:8]))
    many = np.tile(X, (10, 1))  # more than one batch
    assert_array_equal(
        fitted_classifier.predict_proba(many), np.tile(together, (10, 1))
    )


def test_select_from_model(classes):
    selector = SelectFromModel(VIANNClassifier(**FAST, random_state=0)).fit(*classes)
    assert_array_equal(selector.get_support(indices=True), [0, 1])


def test_rfe(quantity):
    network = VIANNRegressor(n_members=2, random_state=0)
    selector = RFE(network, n_features_to_select=2, step=2).fit(*quantity)
    assert_array_equal(selector.get_support(indices=True), [0, 1])


def test_rfecv(classes):
    network = VIANNClassifier(**FAST, random_state=0)
    selector = RFECV(network, step=2, cv=2).fit(*classes)
    assert selector.support_[:2].any()
    assert len(selector.cv_results_["mean_test_score"]) > 1


def test_permutation_importance(fitted_classifier, classes):
    found = permutation_importance(
        fitted_classifier, *classes, n_repeats=2, random_state=0
    )
    assert found.importances_mean.argmax() in (0, 1)


def test_cross_val_score_with_roc_auc(classes):
    network = VIANNClassifier(**FAST, random_state=0)
    assert cross_val_score(network, *classes, cv=2, scoring="roc_auc").min() > 0.9


def test_calibrated_classifier(classes):
    network = VIANNClassifier(**FAST, random_state=0)
    calibrated = CalibratedClassifierCV(network, cv=2).fit(*classes)
    assert calibrated.score(*classes) > 0.9


def test_voting_classifier(classes):
    members = [
        ("viann", VIANNClassifier(**FAST, random_state=0)),
        ("linear", LogisticRegression()),
    ]
    voting = VotingClassifier(members, voting="soft").fit(*classes)
    assert voting.score(*classes) > 0.9


def test_kinds():
    assert is_classifier(VIANNClassifier())
    assert is_regressor(VIANNRegressor())


@pytest.mark.parametrize("fitted", ["fitted_classifier", "fitted_regressor"])
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]
)
def test_copies_predict_the_same(fitted, copied, request, classes):
    original = request.getfixturevalue(fitted)
    twin = copied(original)
    assert_array_equal(twin.predict(classes[0]), original.predict(classes[0]))
    assert_array_equal(twin.feature_importances_, original.feature_importances_)
    unfitted = copied(clone(original))
    assert unfitted.get_params() == original.get_params()


def test_the_model_is_built_when_asked_for_and_not_pickled(classes):
    X, _ = classes
    network = VIANNClassifier(**FAST, random_state=0)
    with pytest.raises(NotFittedError):
        network.model_  # noqa: B018
    network.fit(*classes)
    size = len(pickle.dumps(network))
    model = network.model_
    assert network.model_ is model
    assert len(pickle.dumps(network)) == size
    scaled = network.scaler_.transform(X)
    expected = network.predict_proba(X)[:, 1:]
    assert_allclose(model.predict(scaled, verbose=0), expected, rtol=1e-4, atol=1e-6)
    network.fit(-X, classes[1])  # a new fit, a new model
    assert network.model_ is not model
    expected = network.predict_proba(X)[:, 1:]
    predicted = network.model_.predict(network.scaler_.transform(X), verbose=0)
    assert_allclose(predicted, expected, rtol=1e-4, atol=1e-6)


def test_the_keras_model_can_be_saved(fitted_regressor, quantity, tmp_path):
    X, y = quantity
    fitted_regressor.model_.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    scaled = fitted_regressor.scaler_.transform(X)
    predicted = loaded.predict(scaled, verbose=0)[:, 0] * y.std() + y.mean()
    assert_allclose(predicted, fitted_regressor.predict(X), rtol=1e-4, atol=1e-3)


X = np.random.default_rng(0).normal(size=(20, 4))
Y = np.arange(20) % 2

BAD_PARAMETERS = [
    ({"hidden_layer_sizes": (8, 0)}, "hidden_layer_sizes must"),
    ({"hidden_layer_sizes": (8, 2.5)}, "hidden_layer_sizes must"),
    ({"hidden_layer_sizes": 8}, "'hidden_layer_sizes' parameter"),
    ({"activation": "relux"}, "activation must be.*'relux'"),
    ({"learning_rate": 0}, "'learning_rate' parameter"),
    ({"batch_size": 0}, "'batch_size' parameter"),
    ({"batch_size": "all"}, "'batch_size' parameter"),
    ({"n_members": 0}, "'n_members' parameter"),
    ({"n_bins": 2.5}, "'n_bins' parameter"),
    ({"epochs": 1}, "'epochs' parameter.*Got 1"),
    ({"learning_rate": None}, "'learning_rate' parameter"),
    ({"early_stopping": "auto"}, "'early_stopping' parameter"),
    ({"validation_fraction": 1.0}, "'validation_fraction' parameter"),
    ({"validation_fraction": 0.0}, "'validation_fraction' parameter"),
    (
        {"early_stopping": True, "validation_fraction": 0.99},
        "validation_fraction=0.99 of 20 rows leaves none",
    ),
    ({"n_iter_no_change": 0}, "'n_iter_no_change' parameter"),
    ({"random_state": "zero"}, "'random_state' parameter"),
    ({"verbose": -1}, "'verbose' parameter"),
]


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize(("params", "message"), BAD_PARAMETERS)
def test_bad_parameters(estimator, params, message):
    network = estimator(**params)
    with pytest.raises((ValueError, TypeError), match=message):
        network.fit(X, Y)
    assert vars(network) == vars(estimator(**params))


def test_bad_class_weight():
    with pytest.raises(ValueError, match="'class_weight' parameter"):
        VIANNClassifier(class_weight="equal").fit(X, Y)


NAN, INFINITE, STRINGS = X.copy(), X.copy(), X.astype(object)
NAN[0, 0], INFINITE[0, 0], STRINGS[0, 0] = np.nan, np.inf, "red"

BAD_DATA = [
    ((INFINITE, Y), {}, "Input X contains infinity"),
    ((STRINGS, Y), {}, "Column 0 holds numbers .* mixed with text .*'red'"),
    ((X, Y[:-1]), {}, "inconsistent numbers of samples"),
    ((X[:0], Y[:0]), {}, "0 sample"),
    ((X[:1], Y[:1]), {}, "1 sample"),
    ((X[:, :0], Y), {}, r"0 feature\(s\)"),
    ((X, None), {}, "requires y to be passed"),
    ((X[:, :, None], Y), {}, "dim 3"),
    ((X[:, 0], Y), {}, "Expected 2D array"),
    ((X, np.where(Y, np.nan, 1.0)), {}, "contains NaN"),
    ((X, Y, np.ones(3)), {}, "sample_weight.*shape"),
    ((X, Y, -np.ones(20)), {}, "[Nn]egative values"),
    (
        (X, Y, np.zeros(20)),
        {},
        "sample_weight must be positive|Sample weights must contain",
    ),
]


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize(("data", "params", "message"), BAD_DATA)
def test_bad_data(estimator, data, params, message):
    network = estimator(**params)
    with pytest.raises((ValueError, TypeError), match=message):
        network.fit(*data)
    assert vars(network) == vars(estimator(**params))


def test_bad_targets():
    with pytest.raises(ValueError, match="one class only"):
        VIANNClassifier().fit(X, np.ones(20, dtype=int))
    with pytest.raises(ValueError, match="one class only"):
        VIANNClassifier().fit(X, Y, sample_weight=Y)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        VIANNClassifier().fit(X, X[:, 0])
    with pytest.raises(ValueError, match="y holds text such as 'a'.*VIANNCl"):
        VIANNRegressor().fit(X, np.array(["a", "b"])[Y])


def test_weights_that_are_not_finite_are_an_error():
    network = VIANNRegressor(learning_rate=1e30)
    with pytest.raises(ValueError, match="NaN or infinite.*learning rate"):
        network.fit(X, X[:, 0])
    assert not hasattr(network, "feature_importances_")


def test_a_failed_fit_keeps_what_was_learned_before(fitted_classifier, classes):
    network = copy.deepcopy(fitted_classifier)
    with pytest.raises(ValueError, match="contains infinity"):
        network.fit(INFINITE, Y)
    assert network.n_features_in_ == 6
    assert_array_equal(
        network.predict_proba(classes[0]), fitted_classifier.predict_proba(classes[0])
    )
