import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from skviann.layers import MeanOfMembers, PackedDense, PiecewiseLinearEncoding

rng = np.random.default_rng(0)


def encode(data, rows=None, weights=None, **settings):
    layer = PiecewiseLinearEncoding(**settings)
    layer.adapt(data, weights)
    encoded = layer(np.asarray(data if rows is None else rows, dtype="float32"))
    return encoded.numpy().reshape(len(encoded), -1, layer.n_bins)


def test_one_bin_is_standardisation():
    X = np.c_[rng.normal(3, 5, size=50), rng.integers(0, 2, 50), np.full(50, 7.3)]
    encoded = encode(X, n_bins=1)[..., 0]
    assert_allclose(encoded[:, :2], (X - X.mean(0))[:, :2] / X.std(0)[:2], atol=1e-5)
    assert_array_equal(encoded[:, 2], 0)


def test_encoding_by_hand():
    # Of 401 numbers, the quantiles at 1 %, 25.5 %, 50 %, 74.5 % and 99 %.
    x = rng.permutation(np.arange(401.0)) ** 2
    limits = np.array([4, 102, 200, 298, 396.0]) ** 2
    expected = np.column_stack(
        [np.interp(x, limits[i : i + 2], [0, 1]) for i in range(4)]
    )
    expected = (expected - expected.mean(axis=0)) / expected.std(axis=0)
    assert_allclose(encode(x[:, None])[:, 0], expected, atol=1e-5)


def test_few_rows_end_at_the_second_smallest_and_largest():
    x = np.array([5.0, 1, 9, 3, 7, 2, 8, 4, 6, 0])[:, None]
    encoded = encode(x, n_bins=2)[:, 0]
    in_order = encoded[np.argsort(x[:, 0])]
    assert_allclose(in_order[0], in_order[1])
    assert_allclose(in_order[-1], in_order[-2])
    assert (in_order[1:-2] != in_order[2:-1]).any(axis=1).all()


@pytest.mark.parametrize("scale", [1e-20, 3.7, 1e20])
def test_increasing_affine_changes_of_a_column_change_nothing(scale):
    X = rng.normal(size=(200, 3))
    assert_allclose(encode(scale * X), encode(X), atol=1e-4)
    assert_allclose(encode(X + 10), encode(X), atol=1e-4)


def test_monotone_changes_of_a_column_change_little():
    X = rng.normal(size=(2000, 1))
    original = encode(X)[:, 0]
    for changed in (np.exp(X), X**3, np.arctan(X)):
        other = encode(changed)[:, 0]
        # The same bins are full and empty; only positions within a bin differ.
        same = [
            np.corrcoef(original[:, t], other[:, t])[0, 1]
            for t in range(original.shape[1])
        ]
        assert min(same) > 0.9


def test_an_outlier_changes_nothing_for_the_others():
    X = rng.normal(size=(200, 2))
    with_outlier = X.copy()
    with_outlier[X[:, 0].argmax(), 0] = 1e30
    expected, encoded = encode(X), encode(with_outlier)
    assert_array_equal(encoded, expected)


def test_values_beyond_the_training_range_are_clipped():
    X = np.linspace(0, 1, 100)[:, None]
    far, near = encode(X, rows=[[-1e38], [0.0], [1.0], [1e38]])[[0, 3]], encode(X)
    assert_allclose(far, near[[0, -1]])


@pytest.mark.parametrize(
    ("column", "n_used"),
    [
        (np.arange(200) % 2, 1),
        (np.arange(200) == 77, 1),  # rarer than the outermost quantile
        (np.arange(200) % 3, 2),
        (np.full(200, 3.14), 0),
        (np.arange(200), 4),
        (np.maximum(np.arange(200) - 120, 0), 2),  # more than half are zero
    ],
)
def test_ties_have_fewer_bins(column, n_used):
    encoded = encode(column.astype(float)[:, None])[:, 0]
    used = encoded.std(axis=0) > 0
    assert used.sum() == n_used
    assert_array_equal(encoded[:, ~used], 0)
    assert_allclose(encoded[:, used].mean(axis=0), 0, atol=1e-5)
    assert_allclose(encoded[:, used].std(axis=0), 1, rtol=1e-4)
    # Values that differ stay apart, in those bins that there are.
    if 0 < n_used < 4:
        values = np.unique(column)[: n_used + 1]
        first_rows = [np.flatnonzero(column == value)[0] for value in values]
        assert len(np.unique(encoded[first_rows].round(4), axis=0)) == n_used + 1


@pytest.mark.parametrize("n_bins", [1, 4])
def test_weights_are_repetitions(n_bins):
    X = rng.normal(size=(300, 2))
    weights = rng.integers(0, 3, 300)
    assert_allclose(
        encode(X, weights=weights, n_bins=n_bins),
        encode(np.repeat(X, weights, axis=0), rows=X, n_bins=n_bins),
        atol=1e-5,
    )


def test_packed_layers_compute_every_member():
    rows = rng.normal(size=(6, 3)).astype("float32")
    layer = PackedDense(units=4, n_members=2, activation="tanh")
    packed = layer(rows)
    for member in range(2):
        alone = keras.layers.Dense(4, "tanh")
        alone.build(rows.shape)
        alone.set_weights(
            [layer.kernel.numpy()[member], rng.normal(size=4).astype("float32")]
        )
        bias = layer.bias.numpy()
        bias[member, 0] = alone.bias.numpy()
        layer.bias.assign(bias)
        assert_allclose(layer(rows)[member], alone(rows), atol=1e-6)
    assert packed.shape == (2, 6, 4)
    second = PackedDense(units=1, n_members=2)
    assert second(packed).shape == (2, 6, 1)
    assert_allclose(MeanOfMembers()(packed), np.mean(packed.numpy(), axis=0), atol=1e-6)


def test_members_start_like_dense_layers():
    kernel = PackedDense(units=300, n_members=2)
    kernel.build((None, 200))
    values = kernel.kernel.numpy()
    assert_array_equal(np.abs(values) <= np.sqrt(6 / 500), True)
    assert values.std() == pytest.approx(np.sqrt(2 / 500), rel=0.05)
    assert (values[0] != values[1]).any()


@pytest.fixture
def model():
    X = rng.normal(size=(100, 3)).astype("float32")
    encoding = PiecewiseLinearEncoding()
    encoding.adapt(X)
    inputs = keras.Input((3,))
    hidden = PackedDense(4, 2, "relu")(encoding(inputs))
    return keras.Model(inputs, MeanOfMembers()(PackedDense(1, 2)(hidden))), X


def test_models_can_be_saved_and_loaded(model, tmp_path):
    model, X = model
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_array_equal(loaded(X), model(X))


def test_models_can_be_exported(model, tmp_path):
    model, X = model
    model.export(tmp_path / "saved_model", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "saved_model"))
    assert_allclose(loaded.serve(X), model(X), atol=1e-6)


@pytest.mark.parametrize("n_bins", [0, -1, 2.5, "four"])
def test_bad_n_bins(n_bins):
    with pytest.raises(ValueError, match="n_bins must be a positive integer, got"):
        PiecewiseLinearEncoding(n_bins)
