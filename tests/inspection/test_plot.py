import subprocess
import sys
from itertools import pairwise

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from conftest import FAST, RecordKernel
from skviann import (
    VarianceImportance,
    VIANNClassifier,
    VIANNSelector,
)
from skviann.inspection import (
    ComparisonDisplay,
    ImageDisplay,
    ImportanceDisplay,
    SelectionPathDisplay,
    WeightTrajectoryDisplay,
)
from skviann.layers import PackedDense, PiecewiseLinearEncoding

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

IMPORTANCES = np.array([0.1, 0.4, 0.0, 0.3, 0.2])
RANKS = pd.DataFrame(
    {"viann": [3, 1, 2, 4], "forest": [3, 2.5, 1, 4], "shap": [4, 1, 2, 3]},
    index=["age", "sex", "bmi", "bp"],
)
# Mean ranks: 3.3, 1.5, 1.7, 3.7.
BY_MEAN_RANK = ["sex", "bmi", "age", "bp"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(labels):
    return [label.get_text() for label in labels]


def widths(display):
    return [bar.get_width() for bar in display.bars_]


def colors(display):
    return [matplotlib.colors.to_hex(bar.get_facecolor()) for bar in display.bars_]


def legend_of(ax):
    return texts(ax.get_legend().get_texts()) if ax.get_legend() else []


# Bars


def test_bars_are_sorted_with_the_most_important_on_top():
    names = ["a", "b", "c", "d", "e"]
    display = ImportanceDisplay.from_importances(IMPORTANCES, feature_names=names)
    assert_array_equal(widths(display), [0.4, 0.3, 0.2, 0.1, 0.0])
    assert texts(display.ax_.get_yticklabels()) == ["b", "d", "e", "a", "c"]
    heights = [
        display.ax_.transData.transform((0, bar.get_y()))[1] for bar in display.bars_
    ]
    assert heights == sorted(heights, reverse=True)
    assert len(set(colors(display))) == 1
    assert legend_of(display.ax_) == []
    assert display.ax_.get_xlabel() == "importance"


def test_bars_of_a_selector(classes):
    X = pd.DataFrame(classes[0], columns=["a", "b", "c", "d", "e", "f"])
    network = VIANNClassifier(**FAST)
    selector = VIANNSelector(network, threshold="mean", random_state=0)
    selector.fit(X, classes[1])
    display = ImportanceDisplay.from_estimator(selector)
    order = np.argsort(-selector.feature_importances_)
    assert_array_equal(widths(display), selector.feature_importances_[order])
    assert texts(display.ax_.get_yticklabels()) == X.columns[order].tolist()

    kept = selector.get_support()[order]
    assert 0 < kept.sum() < 6
    by_color = np.array(colors(display))
    assert len(set(by_color[kept])) == len(set(by_color[~kept])) == 1
    assert by_color[kept][0] != by_color[~kept][0]
    (line,) = [one for one in display.ax_.lines if one.get_linestyle() == "--"]
    assert_array_equal(line.get_xdata(), selector.threshold_)
    assert legend_of(display.ax_) == ["kept", "dropped", "threshold (0.167)"]

    (error_bars,) = display.bars_.errorbar.lines[2]
    lengths = [np.ptp(line[:, 0]) for line in error_bars.get_segments()]
    assert_allclose(lengths, 2 * selector.importances_std_[order])


@pytest.mark.parametrize(
    "estimator",
    [VIANNClassifier(**FAST, random_state=0), RandomForestClassifier(random_state=0)],
    ids=["VIANNClassifier", "RandomForestClassifier"],
)
def test_bars_of_other_estimators(estimator, classes):
    estimator.fit(*classes)
    display = ImportanceDisplay.from_estimator(estimator)
    expected = np.sort(estimator.feature_importances_)[::-1]
    assert_array_equal(widths(display), expected)
    assert sorted(texts(display.ax_.get_yticklabels())) == [f"x{i}" for i in range(6)]


def test_the_legend_does_not_cover_a_bar():
    display = ImportanceDisplay(
        np.ones(5), threshold=1.0, support=np.ones(5, bool)
    ).plot()
    display.figure_.draw_without_rendering()
    box = display.ax_.get_legend().get_window_extent()
    assert not any(box.overlaps(bar.get_window_extent()) for bar in display.bars_)


def test_a_threshold_of_minus_infinity_is_not_drawn():
    display = ImportanceDisplay(IMPORTANCES, threshold=-np.inf).plot()
    assert len(display.ax_.lines) == 0
    assert display.ax_.get_xlim()[0] == 0


def test_bars_of_importances_by_permutation():
    X, y = load_iris(return_X_y=True)
    X = np.column_stack([X, np.random.default_rng(0).normal(size=(len(X), 4))])
    forest = RandomForestClassifier(random_state=0).fit(X[::2], y[::2])
    result = permutation_importance(forest, X[1::2], y[1::2], random_state=0)
    assert result.importances_mean.min() < 0
    display = ImportanceDisplay.from_importances(result)
    order = np.argsort(-result.importances_mean, kind="stable")
    assert_array_equal(widths(display), result.importances_mean[order])
    assert_array_equal(display.importances_std, result.importances_std)
    left, right = display.ax_.get_xlim()
    assert left < (result.importances_mean - result.importances_std).min()
    assert right > (result.importances_mean + result.importances_std).max()


@pytest.mark.parametrize("max_features", [20, 3, None])
def test_at_most_max_features_bars(max_features):
    importances = np.random.default_rng(0).random(100)
    display = ImportanceDisplay.from_importances(importances, max_features=max_features)
    n_shown = max_features or 100
    assert_array_equal(widths(display), np.sort(importances)[::-1][:n_shown])
    note = "" if max_features is None else f" ({n_shown} of 100 features)"
    assert display.ax_.get_xlabel() == f"importance{note}"


def test_the_figure_grows_with_the_bars():
    heights = [
        ImportanceDisplay(np.arange(n)).plot().figure_.get_figheight()
        for n in (3, 10, 20)
    ]
    assert heights == sorted(set(heights))


def test_long_names_leave_half_of_the_width_to_the_bars():
    names = [f"mean_pressure_{'in_the_upper_part_' * 2}of_chamber_{i}" for i in "abcde"]
    assert len(names[0]) > 60
    display = ImportanceDisplay.from_importances(IMPORTANCES, feature_names=names)
    display.figure_.draw_without_rendering()
    assert display.ax_.get_position().width >= 0.5
    for label, index in zip(display.ax_.get_yticklabels(), "bdeac", strict=True):
        assert label.get_text().startswith("mean_pressure")
        assert label.get_text().endswith(f"of_chamber_{index}")
        assert label.get_window_extent().x0 >= 0


def test_names_are_not_read_as_formulas():
    display = ImportanceDisplay.from_importances(
        [1.0, 2.0], feature_names=["$broken", r"$\price$"]
    )
    display.figure_.draw_without_rendering()  # matplotlib would raise here
    assert texts(display.ax_.get_yticklabels()) == [r"$\price$", "$broken"]


def test_not_fitted():
    with pytest.raises(NotFittedError):
        ImportanceDisplay.from_estimator(VIANNSelector())


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression().fit([[0], [1]], [0, 1]),
        make_pipeline(RandomForestClassifier(n_estimators=1)).fit([[0], [1]], [0, 1]),
        IMPORTANCES,
    ],
    ids=["no importances", "pipeline", "array"],
)
def test_an_estimator_without_importances(estimator):
    message = r"(?s)fitted estimator with feature_importances_.*pipeline\[-1\]"
    with pytest.raises(TypeError, match=message):
        ImportanceDisplay.from_estimator(estimator)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    "importances",
    [3.0, np.ones((2, 2)), {"accuracy": {"importances_mean": [1.0]}}],
    ids=["number", "matrix", "several scorings"],
)
def test_importances_of_another_shape(importances):
    with pytest.raises(ValueError, match=r"importances must be an array of shape \(n_"):
        ImportanceDisplay.from_importances(importances)


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        (
            "feature_names",
            ["a"],
            "feature_names must be None or have a length of 5.* 1",
        ),
        ("max_features", 0, "max_features must be a positive integer or None, got 0"),
        ("max_features", 2.5, "max_features must be a positive integer or None.*2.5"),
        ("max_features", True, "max_features must be a positive integer or None.*True"),
        ("ax", "left", "ax must be None or matplotlib Axes, got 'left'"),
    ],
)
def test_parameters_of_bars_are_checked(parameter, value, message):
    with pytest.raises(ValueError, match=message):
        ImportanceDisplay.from_importances(IMPORTANCES, **{parameter: value})
    assert plt.get_fignums() == []


def test_bars_tell_how_many_folds_choose():
    display = ImportanceDisplay(
        np.array([0.2, 0.5, 0.3]), selection_frequency=[0.25, 1.0, 0.0]
    ).plot()
    assert texts(display.ax_.texts) == ["100%", "0%", "25%"]


@pytest.mark.parametrize(
    "parameter", ["importances_std", "support", "selection_frequency"]
)
def test_lengths_of_what_comes_with_importances(parameter):
    display = ImportanceDisplay(IMPORTANCES, **{parameter: np.ones(4, bool)})
    with pytest.raises(ValueError, match=f"{parameter} must be None or.*of 5, got 4"):
        display.plot()


# Heat maps


class Comparison:
    ranks = RANKS

    def correlation(self, method):
        return RANKS.corr(method=method)


@pytest.mark.parametrize("method", ["spearman", "kendall"])
def test_heat_maps(method):
    display = ComparisonDisplay.from_comparison(Comparison(), method=method)
    ranks, correlation = display.images_
    assert_array_equal(ranks.get_array(), RANKS.loc[BY_MEAN_RANK])
    assert_array_equal(correlation.get_array(), RANKS.corr(method))
    assert correlation.get_clim() == (-1, 1)
    left, right = display.ax_
    methods = ["viann", "forest", "shap"]
    assert texts(left.get_yticklabels()) == BY_MEAN_RANK
    assert texts(left.get_xticklabels()) == methods
    assert texts(right.get_xticklabels()) == texts(right.get_yticklabels()) == methods
    written = [text.get_text() for text in left.texts]
    assert written == ["1", "2.5", "1", "2", "1", "2", "3", "3", "4", "4", "4", "3"]
    assert [text.get_text() for text in right.texts][:2] == [
        "1.00",
        f"{RANKS.corr(method).iloc[0, 1]:.2f}",
    ]
    assert display.figure_.axes == [left, right]  # numbers instead of colour bars


def test_heat_map_of_some_of_the_features():
    display = ComparisonDisplay(RANKS, RANKS.corr()).plot(max_features=2)
    assert_array_equal(display.images_[0].get_array(), RANKS.loc[["sex", "bmi"]])
    assert display.ax_[0].get_title() == "rank (2 of 4 features)"


def test_an_undefined_correlation_is_legible():
    correlation = pd.DataFrame([[1, np.nan], [np.nan, 1]], ["a", "b"], ["a", "b"])
    display = ComparisonDisplay(RANKS[["viann", "shap"]], correlation).plot()
    written = {text.get_text(): text.get_color() for text in display.ax_[1].texts}
    assert written == {"1.00": "white", "nan": "black"}


def test_colour_bars_where_numbers_would_not_be_legible():
    importances = np.random.default_rng(0).random((30, 21))
    ranks = pd.DataFrame(importances).add_prefix("deep_feature_selection_").rank()
    display = ComparisonDisplay(ranks, ranks.corr()).plot(max_features=None)
    assert len(display.ax_[0].texts) == len(display.ax_[1].texts) == 0
    assert len(display.figure_.axes) == 4
    display.figure_.draw_without_rendering()
    figure = display.figure_.bbox
    for ax in display.ax_:
        for label in (*ax.get_xticklabels(), *ax.get_yticklabels()):
            box = label.get_window_extent()
            assert figure.x0 <= box.x0 <= box.x1 <= figure.x1
            assert figure.y0 <= box.y0 <= box.y1 <= figure.y1


@pytest.mark.parametrize("n_axes", [1, 3])
def test_heat_maps_need_two_axes(n_axes):
    _, axes = plt.subplots(1, n_axes)
    with pytest.raises(ValueError, match="an array-like of 2 matplotlib Axes, got"):
        ComparisonDisplay(RANKS, RANKS.corr()).plot(ax=axes)


# Lines


def followed(*stack, inputs, **parameters):
    """Train a network, and return VIANN's callback and the recorded first weights."""
    model = keras.Sequential(
        [keras.Input(inputs.shape[1:]), *stack, layers.Flatten(), layers.Dense(1)]
    )
    model.compile("adam", "mse")
    viann = VarianceImportance(trajectory=True, **parameters)
    record = RecordKernel("first")
    target = inputs.reshape(len(inputs), -1)[:, 0]
    model.fit(
        inputs, target, epochs=5, batch_size=20, verbose=0, callbacks=[viann, record]
    )
    return viann, np.array(record.epochs, "float64")


@pytest.fixture(scope="module")
def table():
    return np.random.default_rng(0).normal(size=(40, 6)).astype("float32")


@pytest.fixture(scope="module")
def dense(table):
    return followed(layers.Dense(4, name="first"), inputs=table)


@pytest.fixture(scope="module")
def convolution():
    images = np.random.default_rng(0).normal(size=(40, 5, 6, 2)).astype("float32")
    return followed(layers.Conv2D(7, (3, 4), name="first"), inputs=images)


def expected_variances(weights):
    """Mean over a feature's weights (updates, features, weights) of their variance."""
    return [
        np.var(weights[:n], axis=0, ddof=1).mean(axis=-1)
        for n in range(2, len(weights) + 1)
    ]


def drawn(display):
    """(updates, features, lines)"""
    lines = [[line.get_ydata() for line in lines] for lines in display.lines_]
    return np.moveaxis(lines, -1, 0)


def test_running_variances_of_chosen_features(dense):
    viann, weights = dense
    display = WeightTrajectoryDisplay.from_callback(viann, features=[4, 1])
    lines = drawn(display)
    assert lines.shape == (5, 2, 1)
    assert np.isnan(lines[0]).all()
    assert_allclose(lines[1:, :, 0], expected_variances(weights[:, [4, 1]]), rtol=1e-8)
    assert_array_equal(display.lines_[0][0].get_xdata(), [1, 2, 3, 4, 5])
    assert display.ax_.get_xlabel() == "epoch"
    assert legend_of(display.ax_) == ["x4", "x1"]


def test_weights_of_chosen_features(dense):
    viann, weights = dense
    display = WeightTrajectoryDisplay.from_callback(
        viann,
        features=["_d", "$a"],
        kind="weight",
        feature_names=["$a", "b", "c", "_d", "e", "f"],
    )
    assert_array_equal(drawn(display), weights[:, [3, 0]])
    for lines in display.lines_:
        assert len({line.get_color() for line in lines}) == 1
    assert display.lines_[0][0].get_color() != display.lines_[1][0].get_color()
    assert display.lines_[0][0].get_linestyle() != display.lines_[1][0].get_linestyle()
    assert legend_of(display.ax_) == ["_d", "$a"]
    display.figure_.draw_without_rendering()


def test_the_five_most_important_features_are_drawn(dense):
    viann, weights = dense
    display = WeightTrajectoryDisplay.from_callback(viann)
    best = np.argsort(-viann.importances_)[:5]
    assert legend_of(display.ax_) == [f"x{index}" for index in best]
    expected = expected_variances(weights[:, best])
    assert_allclose(drawn(display)[1:, :, 0], expected, rtol=1e-8)


def test_updates_after_batches(table):
    viann, _ = followed(layers.Dense(4, name="first"), inputs=table, update=1)
    display = WeightTrajectoryDisplay.from_callback(viann)
    assert len(drawn(display)) == 10  # 2 batches in each of 5 epochs
    assert display.ax_.get_xlabel() == "update"


@pytest.mark.parametrize("packed", [False, True])
def test_weights_of_encoded_features_and_of_members(table, packed):
    encoding = PiecewiseLinearEncoding(n_bins=3)
    encoding.adapt(table)
    if packed:
        inputs = keras.Input((6,))
        hidden = PackedDense(4, n_members=2, name="first")(encoding(inputs))
        model = keras.Model(inputs, keras.ops.mean(hidden, axis=(0, 2)))
        model.compile("adam", "mse")
        viann, record = VarianceImportance(trajectory=True), RecordKernel("first")
        model.fit(table, table[:, 0], epochs=4, verbose=0, callbacks=[viann, record])
        weights = np.array(record.epochs, "float64")
    else:
        viann, weights = followed(encoding, layers.Dense(4, name="first"), inputs=table)
        weights = weights[:, np.newaxis]  # (updates, members, inputs, units)
    # Inputs 15, 16 and 17 are those of feature 5.
    of_feature = weights[:, :, 15:18].reshape(len(weights), -1)
    display = WeightTrajectoryDisplay.from_callback(viann, features=[5], kind="weight")
    lines = drawn(display)[:, 0]
    assert_array_equal(np.sort(lines), np.sort(of_feature))
    display = WeightTrajectoryDisplay.from_callback(viann, features=[5])
    expected = expected_variances(of_feature[:, np.newaxis])
    assert_allclose(drawn(display)[1:, :, 0], expected, rtol=1e-8)
    importances = np.atleast_2d(viann.importances_).mean(axis=0)
    display = WeightTrajectoryDisplay.from_callback(viann)
    assert legend_of(display.ax_)[0] == f"x{importances.argmax()}"


def test_features_of_a_convolution(convolution):
    viann, weights = convolution
    # Row 1, column 2, channel 1 of a kernel of 3 rows, 4 columns and 2 channels.
    feature = np.ravel_multi_index((1, 2, 1), (3, 4, 2))
    display = WeightTrajectoryDisplay.from_callback(
        viann, features=[feature], kind="weight"
    )
    assert_array_equal(drawn(display)[:, 0], weights[:, 1, 2, 1])


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        ("kind", "std", "kind must be 'variance' or 'weight', got 'std'"),
        ("features", [6], "features must hold indices from 0 to 5 .* got 6"),
        ("features", ["age"], r"names of features \(x0, x1, .*got 'age'"),
        ("feature_names", ["a"], "feature_names must be None or have a length of 6"),
    ],
)
def test_parameters_of_lines_are_checked(dense, parameter, value, message):
    with pytest.raises(ValueError, match=message):
        WeightTrajectoryDisplay.from_callback(dense[0], **{parameter: value})
    assert plt.get_fignums() == []


# Path


def cv_results(n_features, best, n_splits=4):
    """A path whose best mean score is at `best`."""
    rng = np.random.default_rng(0)
    distances = np.abs(np.log((1 + np.array(n_features)) / (1 + best)))
    splits = -0.3 - 0.1 * distances + rng.normal(0, 0.001, (n_splits, len(distances)))
    results = {
        "n_features": np.array(n_features),
        # As the selector's: of rows, which is not quite the mean of the folds' means.
        "mean_test_score": splits.mean(axis=0) + 0.002,
        "std_test_score": splits.std(axis=0),
        "std_error": 0.02 * distances,
    }
    for fold, scores in enumerate(splits):
        results[f"split{fold}_test_score"] = scores
    return results


class Selector(BaseEstimator):
    """What a selector with a path looks like after fit."""

    def __init__(self, threshold="auto"):
        self.threshold = threshold

    def fit(self, results=None, n_features=None):
        self.n_features_ = n_features
        if results is not None:
            self.cv_results_ = results
        return self


SMALL = cv_results([*range(9), 10], best=4)
LARGE = cv_results([*range(9), 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64], best=6)


def major_ticks(ax):
    ax.figure.draw_without_rendering()
    return [int(text) for text in texts(ax.get_xticklabels())]


@pytest.mark.parametrize(("results", "best"), [(SMALL, 4), (LARGE, 6)])
@pytest.mark.parametrize("n_selected", [0, 3])
def test_path_of_a_selector(results, best, n_selected):
    display = SelectionPathDisplay.from_estimator(Selector().fit(results, n_selected))
    n_features, mean = results["n_features"], results["mean_test_score"]
    error = results["std_error"]
    assert_array_equal(display.line_.get_xdata(), n_features)
    assert_array_equal(display.line_.get_ydata(), mean)
    assert len(display.split_lines_) == 4
    for fold, line in enumerate(display.split_lines_):
        assert_array_equal(line.get_xdata(), n_features)
        assert_array_equal(line.get_ydata(), results[f"split{fold}_test_score"])

    corners = display.band_.get_paths()[0].vertices
    for number, middle, half in zip(n_features, mean, error, strict=True):
        heights = corners[corners[:, 0] == number, 1]
        assert_allclose([heights.min(), heights.max()], [middle - half, middle + half])

    assert_array_equal(display.best_.get_xdata(), [best])
    assert_array_equal(display.best_.get_ydata(), [mean.max()])
    assert_array_equal(display.selected_line_.get_xdata(), [n_selected] * 2)
    labels = legend_of(display.ax_)
    assert labels[:2] == [f"kept: {n_selected}", f"best: {best}"]
    assert labels[3:] == ["folds"]
    assert display.ax_.get_xlabel() == "number of features"
    assert display.ax_.get_ylabel() == "score (minus the held-out loss)"


def test_folds_are_in_order_and_behind_the_mean():
    display = SelectionPathDisplay.from_estimator(
        Selector().fit(cv_results([0, 1, 2], best=1, n_splits=12), 1)
    )
    assert display.split_scores.shape == (12, 3)
    last = display.split_lines_[11]
    expected = cv_results([0, 1, 2], best=1, n_splits=12)["split11_test_score"]
    assert_array_equal(last.get_ydata(), expected)
    above = [display.band_, display.selected_line_, display.line_, display.best_]
    assert all(last.get_zorder() < artist.get_zorder() for artist in above)


def test_of_equally_good_numbers_the_smallest_is_the_best():
    display = SelectionPathDisplay([0, 1, 2, 3], [-2, -1, -1, -1], [1, 0, 0, 0], 1)
    assert_array_equal(display.plot().best_.get_xdata(), [1])
    assert display.split_lines_ == []
    assert "folds" not in legend_of(display.ax_)


@pytest.mark.parametrize(
    ("n_features", "ticks"),
    [
        ([0, 1], [0, 1]),
        ([*range(9), 10], [*range(11)]),
        ([*range(9), 12, 16], [*range(17)]),
        ([*range(9), 12, 16, 18], [*range(9), 16]),
        ([*range(9), 16, 32, 64], [*range(9), 16, 32, 64]),
        ([*range(9), 16, 32, 54], [*range(9), 16, 32, 54]),
        ([*range(9), 16, 4000], [0, 4, 8, 16, 64, 256, 1024, 4000]),
    ],
    ids=lambda value: str(value[-1]),
)
def test_numbers_of_features_are_legible(n_features, ticks):
    display = SelectionPathDisplay.from_estimator(
        Selector().fit(cv_results(n_features, best=1), 1)
    )
    assert major_ticks(display.ax_) == ticks
    # matplotlib leaves out the minor ones that lie under others.
    all_ticks = {*ticks, *display.ax_.get_xticks(minor=True)}
    assert all_ticks >= set(n_features)
    boxes = [label.get_window_extent() for label in display.ax_.get_xticklabels()]
    for left, right in pairwise(boxes):
        assert left.x1 < right.x0


@pytest.mark.parametrize("results", [SMALL, LARGE], ids=["10", "64"])
def test_the_first_numbers_have_room(results):
    ax = SelectionPathDisplay.from_estimator(Selector().fit(results, 3)).ax_
    first, eighth = (
        ax.transAxes.inverted().transform(ax.transData.transform((number, -0.3)))[0]
        for number in (0, 8)
    )
    assert eighth - first > 0.35


def test_the_legend_of_a_path_covers_no_line():
    display = SelectionPathDisplay.from_estimator(Selector().fit(LARGE, 5))
    display.figure_.draw_without_rendering()
    box = display.ax_.get_legend().get_window_extent()
    assert box.y0 >= display.ax_.get_window_extent().y1
    assert display.figure_.bbox.x0 <= box.x0
    assert box.x1 <= display.figure_.bbox.x1
    assert box.y1 <= display.figure_.bbox.y1


def test_path_of_a_selector_that_is_not_fitted():
    with pytest.raises(NotFittedError):
        SelectionPathDisplay.from_estimator(Selector())


@pytest.mark.parametrize(
    "selector",
    [
        Selector(threshold="mean").fit(),
        Selector().fit({"mean_test_score": np.ones(2)}, 1),
        LogisticRegression().fit([[0], [1]], [0, 1]),
    ],
    ids=["no path", "a search", "classifier"],
)
def test_a_selector_without_a_path(selector):
    message = r'threshold="auto"; got \w+\('
    with pytest.raises(ValueError, match=message):
        SelectionPathDisplay.from_estimator(selector)
    assert plt.get_fignums() == []


def test_a_path_of_what_is_no_estimator():
    with pytest.raises(TypeError, match="is not an estimator instance"):
        SelectionPathDisplay.from_estimator(SMALL)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("mean_score", [-1.0, -2.0]),
        ("std_error", [0.1, 0.2]),
        ("split_scores", [[-1.0, -2.0, -3.0], [-1.0, -2.0]]),
    ],
)
def test_lengths_of_a_path(parameter, value):
    path = {
        "n_features": [0, 1, 2],
        "mean_score": [-1.0, -2.0, -3.0],
        "std_error": [0.0, 0.1, 0.2],
        "n_selected": 1,
    }
    display = SelectionPathDisplay(**{**path, parameter: value})
    with pytest.raises(ValueError, match=f"{parameter} must.* have a length of 3, got"):
        display.plot()
    assert plt.get_fignums() == []


# Pictures


@pytest.mark.parametrize("source", ["array", "bunch", "estimator"])
def test_picture_of_pixels(source, classes):
    forest = RandomForestClassifier(n_estimators=5, random_state=0).fit(*classes)
    importances = forest.feature_importances_
    given = {
        "array": importances,
        "bunch": {"importances_mean": importances},
        "estimator": forest,
    }[source]
    display = ImageDisplay.from_importances(given, (2, 3))
    assert_array_equal(display.images_[0].get_array(), importances.reshape(2, 3))
    assert display.ax_.get_xticks().size == display.ax_.get_yticks().size == 0


def test_channels_are_summed():
    importances = np.random.default_rng(0).random(24)
    display = ImageDisplay.from_importances(importances, (2, 4, 3))
    cube = importances.reshape(2, 4, 3)
    expected = cube[..., 0] + cube[..., 1] + cube[..., 2]
    assert_allclose(display.images_[0].get_array(), expected)


@pytest.mark.parametrize("shape", [(2, 2), 6, (6,), (-2, -3), (2.0, 3.0), (1, 2, 3, 1)])
def test_image_shape_is_checked(shape):
    with pytest.raises(ValueError, match="image_shape must be.*the product 6.*got"):
        ImageDisplay.from_importances(np.ones(6), shape)


def test_pictures_of_filters(convolution):
    viann, weights = convolution
    variance = np.var(weights, axis=0, ddof=1)
    scores = (variance * abs(weights[-1])).sum(axis=2)  # (height, width, filters)
    best = np.argsort(-scores.sum(axis=(0, 1)))
    display = ImageDisplay.from_callback(viann, max_images=5)
    assert display.ax_.shape == (5,)
    for ax, image, index in zip(display.ax_, display.images_, best[:5], strict=True):
        assert_allclose(image.get_array(), scores[..., index], rtol=1e-6)
        assert ax.get_title() == f"filter {index}"
    assert len({image.get_clim() for image in display.images_}) == 1
    assert len(display.figure_.axes) == 6  # with one colour bar
    everything = ImageDisplay.from_callback(viann, max_images=None)
    assert everything.ax_.shape == (7,)


def test_pictures_need_a_convolution(dense):
    with pytest.raises(ValueError, match=r"followed a Conv2D layer.*\(6, 4\)"):
        ImageDisplay.from_callback(dense[0])


def test_a_callback_that_followed_several_inputs(table):
    inputs = [keras.Input((3,), name="left"), keras.Input((3,), name="right")]
    model = keras.Model(inputs, layers.Dense(1)(layers.concatenate(inputs)))
    model.compile("adam", "mse")
    viann = VarianceImportance(trajectory=True)
    halves = [table[:, :3], table[:, 3:]]
    model.fit(halves, table[:, 0], epochs=2, verbose=0, callbacks=[viann])
    for display in (ImageDisplay, WeightTrajectoryDisplay):
        with pytest.raises(
            ValueError, match=r"must have followed.*\['left', 'right'\]"
        ):
            display.from_callback(viann)


def test_parameters_of_pictures_are_checked(convolution):
    with pytest.raises(ValueError, match="max_images must be a positive integer"):
        ImageDisplay.from_callback(convolution[0], max_images=0)
    with pytest.raises(ValueError, match="titles must be None or.*of 2, got 1"):
        ImageDisplay(np.ones((2, 3, 3)), titles=["one"]).plot()
    _, axes = plt.subplots(1, 2)
    with pytest.raises(ValueError, match="an array-like of 7 matplotlib Axes"):
        ImageDisplay.from_callback(convolution[0], ax=axes)


# All displays


@pytest.mark.parametrize(
    ("display", "n_axes"),
    [
        (ImportanceDisplay(IMPORTANCES, threshold=0.2), 1),
        (ComparisonDisplay(RANKS, RANKS.corr()), 2),
        (WeightTrajectoryDisplay(np.ones((3, 2, 1))), 1),
        (SelectionPathDisplay([0, 1], [-2, -1], [1, 0], 1, split_scores=[[-2, -1]]), 1),
        (ImageDisplay(np.ones((1, 2, 2))), 1),
        (ImageDisplay(np.ones((4, 2, 2))), 4),
    ],
    ids=lambda value: type(value).__name__,
)
def test_draws_on_given_axes_and_shows_nothing(display, n_axes, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("a window was opened"))
    figure, axes = plt.subplots(1, n_axes, squeeze=False)
    given = axes[0, 0] if n_axes == 1 else axes
    assert display.plot(ax=given) is display
    assert plt.get_fignums() == [figure.number]
    assert display.figure_ is figure
    assert_array_equal(np.ravel(display.ax_), axes.ravel())
    assert all(ax.has_data() for ax in axes.flat)
    display.plot()
    assert len(plt.get_fignums()) == 2


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="ImportanceDisplay.plot requires matplotlib"):
        ImportanceDisplay(IMPORTANCES).plot()


def test_import_loads_neither_matplotlib_nor_keras():
    code = """
import sys
from skviann.inspection import ImportanceDisplay
loaded = {"matplotlib", "keras", "tensorflow"} & set(sys.modules)
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", code], check=True)
