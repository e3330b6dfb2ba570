import copy

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import BernoulliRBM
from sklearn.preprocessing import minmax_scale

from conftest import FAST
from skviann import (
    DeepBeliefRanking,
    DeepFeatureSelectionClassifier,
    DeepFeatureSelectionRegressor,
    DropoutRankingClassifier,
    DropoutRankingRegressor,
    TeacherStudentSelector,
)
from skviann.layers import LearnedDropout, OneToOne, RowSparseDense

SMALL = {"n_units": 8, "n_members": 2, "n_bins": 1}

# Columns 0 and 1 of six make both targets.
FOR_CLASSES = [
    DeepFeatureSelectionClassifier(**FAST, random_state=0),
    DropoutRankingClassifier(**FAST, random_state=0),
    TeacherStudentSelector(**SMALL, random_state=0),
    DeepBeliefRanking((8,), n_repeats=2, random_state=0),
]
FOR_A_QUANTITY = [
    DeepFeatureSelectionRegressor(**FAST, random_state=0),
    DropoutRankingRegressor(**FAST, random_state=0),
    TeacherStudentSelector(**SMALL, random_state=0),
    DeepBeliefRanking((8,), n_repeats=2, random_state=0),
]


def name(value):
    return type(value).__name__


def check_importances(estimator, n_features):
    importances = estimator.importances_
    assert importances.shape == (2, n_features)
    assert (importances >= 0).all()
    assert_allclose(importances.sum(axis=1), 1)
    assert_allclose(estimator.feature_importances_, importances.mean(axis=0))
    assert_allclose(estimator.importances_std_, importances.std(axis=0))


@pytest.mark.parametrize("estimator", FOR_CLASSES, ids=name)
def test_the_columns_that_make_the_classes_come_first(estimator, classes):
    estimator.fit(*classes)
    check_importances(estimator, 6)
    assert set(estimator.feature_importances_.argsort()[-2:]) == {0, 1}


@pytest.mark.parametrize("estimator", FOR_A_QUANTITY, ids=name)
def test_the_columns_that_make_the_quantity_come_first(estimator, quantity):
    estimator.fit(*quantity)
    check_importances(estimator, 6)
    assert set(estimator.feature_importances_.argsort()[-2:]) == {0, 1}


@pytest.mark.parametrize("estimator", FOR_CLASSES, ids=name)
def test_same_seed_same_importances(estimator, classes):
    X, y = classes
    before = estimator.fit(X, y).feature_importances_
    # A fit between, of other data and of another seed, leaves no trace.
    estimator.set_params(random_state=1).fit(X[::-1], y)
    assert not np.array_equal(estimator.feature_importances_, before)
    estimator.set_params(random_state=0).fit(X, y)
    assert_array_equal(estimator.feature_importances_, before)


@pytest.mark.parametrize("estimator", FOR_CLASSES[:2], ids=name)
def test_the_networks_predict(estimator, classes):
    X, y = classes
    assert estimator.fit(X, y).score(X, y) > 0.8


@pytest.mark.parametrize("estimator", FOR_A_QUANTITY[:2], ids=name)
def test_the_networks_predict_quantities(estimator, quantity):
    X, y = quantity
    estimator.set_params(epochs=30).fit(X, y)
    assert estimator.score(X, y) > 0.8
    estimator.set_params(epochs=FAST["epochs"])


def test_a_penalty_drops_what_is_not_needed(classes):
    X, y = classes
    rate = {}
    for alpha in (0.0, 0.1):
        network = DropoutRankingClassifier(**FAST, alpha=alpha, random_state=0)
        layer = network.fit(X, y).model_.get_layer("selection")
        rate[alpha] = layer.importances(layer.get_weights()[0])
        shares = rate[alpha] / rate[alpha].sum(axis=1, keepdims=True)
        assert_allclose(network.importances_, shares, rtol=1e-5)
    assert (rate[0.1] < rate[0.0]).all()


def test_importances_are_the_layers_weights(classes):
    network = DeepFeatureSelectionClassifier(**FAST, random_state=0).fit(*classes)
    kernel = network.model_.get_layer("selection").get_weights()[0]
    assert kernel.shape == (2, 1, 6)
    sizes = np.abs(kernel[:, 0].astype(float))
    assert_allclose(
        network.importances_, sizes / sizes.sum(axis=1, keepdims=True), rtol=1e-6
    )


# Which of three features an input belongs to: also another number of inputs for each.
FEATURES = [[0, 1, 2], [0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 2, 2]]


def rows_of(features):
    rng = np.random.default_rng(0)
    return rng.normal(size=(5, len(features))).astype("float32")


@pytest.mark.parametrize("features", FEATURES, ids=str)
def test_one_to_one(features):
    rows = rows_of(features)
    layer = OneToOne(2, features, alpha=0.5, l1_ratio=0.25)
    assert_array_equal(layer(rows), np.stack([rows, rows]))
    weights = np.array([[1.0, -2.0, 0.0], [0.5, 3.0, 1.0]])
    layer.set_weights([weights[:, None]])
    assert_allclose(layer(rows), rows * weights[:, None, features], rtol=1e-6)
    penalty = 0.5 * (0.25 * np.abs(weights) + 0.75 / 2 * weights**2).sum()
    assert float(layer.penalty(layer.get_weights()[0])) == pytest.approx(penalty)
    assert float(layer.losses[0]) == pytest.approx(penalty)
    assert_array_equal(layer.importances(layer.get_weights()[0]), np.abs(weights))


def test_learned_dropout():
    chances = np.array([[0.9, 0.5, 0.1], [0.2, 0.3, 0.4]])
    layer = LearnedDropout(2, [0, 0, 1, 1, 2, 2], alpha=0.5)
    rows = np.ones((4000, 6), dtype="float32")
    layer(rows)
    layer.set_weights([np.log(chances / (1 - chances))[:, None]])
    expected = np.repeat(chances, 2, axis=1)[:, None]
    assert_allclose(layer(rows), np.broadcast_to(expected, (2, 4000, 6)), rtol=1e-5)
    assert float(layer.losses[0]) == pytest.approx(0.5 * chances.sum())
    assert_allclose(layer.importances(layer.get_weights()[0]), chances, rtol=1e-5)

    draws = np.asarray(layer(rows, training=True))
    assert_array_equal(draws[..., ::2], draws[..., 1::2])  # a feature's bins
    assert np.mean((draws < 0.1) | (draws > 0.9)) > 0.85  # all or nothing
    assert_allclose((draws > 0.5).mean(axis=1), expected[:, 0], atol=0.04)


@pytest.mark.parametrize("features", FEATURES, ids=str)
def test_row_sparse_dense(features):
    rows = rows_of(features)
    layer = RowSparseDense(4, 2, features, alpha=0.5)
    output = layer(rows)
    kernel, _ = layer.get_weights()
    assert_allclose(output, rows @ kernel, rtol=1e-5, atol=1e-6)
    norms = np.array(
        [
            [np.sqrt((member[np.array(features) == j] ** 2).sum()) for j in range(3)]
            for member in kernel
        ]
    )
    assert float(layer.losses[0]) == pytest.approx(0.5 * norms.sum(), rel=1e-5)
    assert_allclose(layer.importances(kernel, features), norms, rtol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        OneToOne(2, [0, 1, 2], alpha=0.5),
        LearnedDropout(2, [0, 1, 2]),
        RowSparseDense(4, 2, [0, 1, 2]),
    ],
    ids=name,
)
def test_a_saved_network_computes_the_same(layer, tmp_path):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layer(inputs))
    model.set_weights([np.full_like(one, 0.7) for one in model.get_weights()])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    rows = np.ones((2, 3), dtype="float32")
    assert_array_equal(loaded.predict(rows, verbose=0), model.predict(rows, verbose=0))
    assert loaded.layers[-1].get_config() == layer.get_config()


def test_a_student_without_a_target_keeps_what_varies_together():
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(150, 2))
    X = rng.normal(size=(150, 8))
    X[:, :2] = factors[:, :1] + 0.2 * X[:, :2]
    X[:, 2:4] = factors[:, 1:] + 0.2 * X[:, 2:4]
    selector = TeacherStudentSelector(**SMALL, random_state=0).fit(X)
    assert_array_equal(selector.get_support(indices=True), [0, 1, 2, 3])
    assert_array_equal(selector.transform(X), X[:, :4])


@pytest.mark.parametrize(
    ("teacher", "needed"),
    [(LogisticRegression(), {0, 1}), (LinearRegression(), {0, 1}), (PCA(1), {5})],
    ids=name,
)
def test_a_teacher_of_ones_own(teacher, needed, classes):
    X, y = classes
    X = X * [1, 1, 1, 1, 1, 9]
    selector = TeacherStudentSelector(teacher, **SMALL, random_state=0).fit(X, y)
    assert type(selector.teacher_) is type(teacher)
    assert not hasattr(teacher, "n_features_in_")  # a clone was fitted
    assert selector.teacher_.n_features_in_ == 6
    first = selector.feature_importances_.argsort()[-len(needed) :]
    assert set(first.tolist()) == needed


@pytest.fixture(scope="module")
def fitted(classes):
    return TeacherStudentSelector(**SMALL, random_state=0).fit(*classes)


def test_max_features_counts_in_fit(fitted, classes):
    selector = clone(fitted).set_params(max_features=1).fit(*classes)
    assert selector.max_features_ == selector.get_support().sum() == 1


@pytest.mark.parametrize("threshold", [None, "median", "1.5*mean", 0.1])
@pytest.mark.parametrize("max_features", [None, 1])
def test_thresholds_are_those_of_select_from_model(
    threshold, max_features, fitted, classes
):
    settings = {"threshold": threshold, "max_features": max_features}
    other = SelectFromModel(fitted, prefit=True, **settings).fit(*classes)
    selector = copy.copy(fitted).set_params(**settings)
    if max_features is not None:
        selector.max_features_ = other.max_features_
    assert_array_equal(selector.get_support(), other.get_support())
    assert selector.threshold_ == other.threshold_


def test_carried_weights_by_hand(classes):
    ranking = DeepBeliefRanking((5, 4), n_repeats=2, random_state=0).fit(*classes)
    for network, importances in zip(
        ranking.networks_, ranking.importances_, strict=True
    ):
        first, second, last = map(np.abs, network.coefs_)
        carried = np.einsum("iu,uv,vo->i", first, second, last)
        assert_allclose(importances, carried / carried.sum())


def test_networks_start_from_the_machines(classes):
    X, y = classes
    with pytest.warns(ConvergenceWarning):
        ranking = DeepBeliefRanking(
            (5,), max_iter=1, pretraining_epochs=30, n_repeats=1, random_state=0
        ).fit(X, y)
    (network,) = ranking.networks_
    machine = BernoulliRBM(5, n_iter=30, random_state=network.random_state)
    expected = machine.fit(minmax_scale(X)).components_.T
    # One pass of steps of 0.01 does not lead far away.
    assert_allclose(network.coefs_[0], expected, atol=0.05)


def test_text_and_floats_decide_the_kind_of_network(classes):
    X, y = classes
    ranking = DeepBeliefRanking((4,), n_repeats=1, random_state=0)
    labels = np.array(["no", "yes"], dtype=object)[y]
    assert_array_equal(ranking.fit(X, labels).networks_[0].classes_, ["no", "yes"])
    assert not hasattr(ranking.fit(X, y.astype(float)).networks_[0], "classes_")


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (DeepFeatureSelectionClassifier(alpha=-1), "'alpha' parameter"),
        (DeepFeatureSelectionRegressor(l1_ratio=2), "'l1_ratio' parameter"),
        (DropoutRankingClassifier(alpha=-1), "'alpha' parameter"),
        (TeacherStudentSelector(alpha=-1), "'alpha' parameter"),
        (TeacherStudentSelector(teacher="pca"), "'teacher' parameter"),
        (TeacherStudentSelector(n_units=0), "'n_units' parameter"),
        (TeacherStudentSelector(threshold="2*max"), "threshold must be"),
        (DeepBeliefRanking(max_iter=0), "'max_iter' parameter"),
        (DeepBeliefRanking((0,)), "hidden_layer_sizes must hold"),
    ],
    ids=str,
)
def test_bad_parameters(estimator, message, classes):
    with pytest.raises(ValueError, match=message):
        estimator.fit(*classes)
