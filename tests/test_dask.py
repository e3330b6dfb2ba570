"""On a real cluster of processes on this machine."""

import contextlib
import os
import pickle
import signal
import threading
import time

import dask.array as da
import dask.dataframe as dd
import keras
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skviann import VIANNClassifier, VIANNRegressor, VIANNSelector
from skviann.dask import DaskVIANNClassifier, DaskVIANNRegressor, DaskVIANNSelector
from skviann.wrappers import KerasClassifier

rng = np.random.default_rng(0)
N = 600


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def numbers():
    """Rows sorted by y: the worst order for whoever takes the first ones."""
    X = rng.normal(size=(N, 8))
    y = (X[:, 0] + X[:, 1] > 0).astype(int)
    order = np.argsort(y, kind="stable")
    return X[order], y[order]


@pytest.fixture(scope="module")
def table():
    table = pd.DataFrame(
        {
            "a": rng.normal(size=N),
            "b": rng.choice(list("xyz"), N),
            "c": rng.normal(size=N),
        }
    )
    y = np.where(table.a + 2 * (table.b == "x") > 0.5, "yes", "no")
    table.loc[rng.random(N) < 0.1, "c"] = np.nan
    return table.assign(y=y)


@pytest.fixture(scope="module")
def local(numbers):
    return VIANNSelector(random_state=0).fit(*numbers)


@pytest.mark.parametrize("chunks", [(100, 8), (450, 3)])
def test_a_single_task_is_the_local_fit_whatever_the_chunks(
    client, numbers, local, chunks
):
    X, y = numbers
    selector = DaskVIANNSelector(random_state=0, client=client).fit(
        da.from_array(X, chunks=chunks), da.from_array(y, chunks=250)
    )
    assert_array_equal(selector.feature_importances_, local.feature_importances_)
    assert_array_equal(selector.get_support(indices=True), [0, 1])
    kept = selector.transform(da.from_array(X, chunks=chunks))
    assert isinstance(kept, da.Array)
    assert_array_equal(kept.compute(), X[:, :2])


def test_tasks_see_rows_of_all_partitions(client, numbers):
    X, y = numbers
    # Each partition has a single class.
    data = da.from_array(X, chunks=(100, 8)), da.from_array(y, chunks=100)
    selector = DaskVIANNSelector(random_state=0, n_tasks=2, rows_per_task=200)
    selector.fit(*data)
    assert_array_equal(selector.get_support(indices=True), [0, 1])
    assert selector.importances_.shape == (2 * 8, 8)
    assert_allclose(selector.feature_importances_.sum(), 1)
    again = clone(selector).fit(*(one.rechunk({0: 77}) for one in data))
    assert_array_equal(again.feature_importances_, selector.feature_importances_)


def test_data_frames(client, table):
    data = dd.from_pandas(table, npartitions=4)
    X = data[["a", "b", "c"]]
    selector = DaskVIANNSelector(random_state=0).fit(X, data.y)
    assert list(selector.transform(X).columns) == ["a", "b"]
    expected = VIANNSelector(random_state=0).fit(table[["a", "b", "c"]], table.y)
    assert_array_equal(selector.feature_importances_, expected.feature_importances_)
    again = pickle.loads(pickle.dumps(selector))
    assert again.client is None
    assert type(again.to_local()) is VIANNSelector
    assert_array_equal(again.to_local().get_support(), selector.get_support())


def test_text_is_read_in_one_format_in_all_partitions(client, table):
    days = pd.date_range("2020-01-13", periods=N)
    texts = table.assign(c=days.strftime("%d/%m/%Y"), d=[f"C{n}" for n in range(N)])
    data = dd.from_pandas(texts, npartitions=6)
    X = data[["a", "b", "c", "d"]]
    with pytest.warns(UserWarning, match="'d' .identifier: not used"):
        classifier = DaskVIANNClassifier(epochs=2, random_state=0).fit(X, data.y)
    with pytest.warns(UserWarning, match="'d' .identifier: not used"):
        selector = DaskVIANNSelector(VIANNClassifier(epochs=2)).fit(X, data.y)
    read_as = selector.summary().set_index("feature")["read as"]
    assert read_as["c"] == "date (%d/%m/%Y)"
    known = table.assign(c=days, d="-")[["a", "b", "c", "d"]]
    expected = VIANNClassifier(epochs=2, random_state=0).fit(known, table.y)
    assert_array_equal(classifier.predict(X).compute(), expected.predict(known))


def test_free_text_is_read_by_the_same_words_in_all_partitions(client, table):
    words = np.random.default_rng(0).choice(["oak", "elm", "ash", "fir", "yew"], (N, 4))
    texts = table.assign(c=[" ".join(some) for some in words])
    data = dd.from_pandas(texts, npartitions=4)
    X = data[["a", "b", "c"]]
    settings = {"epochs": 2, "random_state": 0}
    classifier = DaskVIANNClassifier(**settings).fit(X, data.y)
    expected = VIANNClassifier(**settings).fit(texts[["a", "b", "c"]], table.y)
    assert_array_equal(classifier.importances_, expected.importances_)
    assert_array_equal(
        classifier.predict(X).compute(), expected.predict(texts[[*"abc"]])
    )
    selector = DaskVIANNSelector(
        VIANNClassifier(epochs=2), n_tasks=2, rows_per_task=N // 2, random_state=0
    ).fit(X, data.y)
    read_as = selector.summary().set_index("feature")["read as"]
    assert read_as["c"] == "free text, 5 components"


def test_networks_predict_lazily(client, numbers, table):
    X, y = numbers
    data = da.from_array(X, chunks=(200, 8)), da.from_array(y, chunks=200)
    classifier = DaskVIANNClassifier(random_state=0).fit(*data)
    expected = VIANNClassifier(random_state=0).fit(X, y)
    found = classifier.predict_proba(data[0])
    assert isinstance(found, da.Array)
    assert_allclose(found.compute(), expected.predict_proba(X))
    assert_array_equal(classifier.predict(data[0]).compute(), expected.predict(X))
    frame = dd.from_pandas(table, npartitions=3)
    regressor = DaskVIANNRegressor(random_state=0, n_members=2)
    predicted = regressor.fit(frame[["b", "c"]], frame.a).predict(frame[["b", "c"]])
    assert isinstance(predicted, dd.Series)
    assert_array_equal(predicted.compute().index, table.index)


def test_a_loss_goes_along(client, numbers):
    X, _ = numbers
    counts = np.random.default_rng(0).poisson(np.exp(X[:, 0] - X[:, 1]))
    chunked = da.from_array(X, chunks=(200, 8)), da.from_array(counts, chunks=200)
    local = VIANNRegressor(loss="poisson", random_state=0).fit(X, counts)
    network = DaskVIANNRegressor(loss="poisson", random_state=0).fit(*chunked)
    assert_allclose(network.predict(chunked[0]).compute(), local.predict(X))
    assert_allclose(network.score(*chunked), local.score(X, counts))
    selector = DaskVIANNSelector(VIANNRegressor(loss="poisson"), random_state=0)
    assert_array_equal(selector.fit(*chunked).get_support(indices=True), [0, 1])


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("infinity", "Partition 2 of X holds infinity.*column 'a'"),
        ("length", "Partition 2 of X has 149 rows"),
        ("unreadable", "Partition 2 of X cannot be read: OSError: no disk"),
    ],
)
def test_a_faulty_partition_is_named(client, table, fault, message):
    data = dd.from_pandas(table, npartitions=4)

    def spoil(part, partition_info=None):
        if not partition_info or partition_info["number"] != 2:
            return part
        part = part.copy()
        if fault == "infinity":
            part.iloc[3, 0] = np.inf
        elif fault == "unreadable":
            raise OSError("no disk")
        return part.iloc[1:] if fault == "length" else part

    X = data[["a", "c"]].map_partitions(spoil, meta=data[["a", "c"]]._meta)
    with pytest.raises(ValueError, match=message):
        DaskVIANNSelector().fit(X, data.y)


def test_an_unreadable_partition_is_named_behind_an_empty_one(client, table):
    tables = table.iloc[:0], table.iloc[:200], table.iloc[200:]
    data = dd.concat([dd.from_pandas(one, npartitions=1) for one in tables])

    def spoil(part, partition_info=None):
        if partition_info and partition_info["number"] == 2:
            raise OSError("no disk")
        return part

    X = data[["a"]].map_partitions(spoil, meta=data[["a"]]._meta)
    with (
        pytest.warns(UserWarning, match="1 of 3 partitions are empty"),
        pytest.raises(ValueError, match="Partition 2 of X cannot be read: OSError"),
    ):
        DaskVIANNSelector().fit(X, data.y)


def test_parameters_are_those_of_the_local_estimator_and_two_more():
    for on_dask, here in (
        (DaskVIANNSelector, VIANNSelector),
        (DaskVIANNClassifier, VIANNClassifier),
    ):
        own = {"n_tasks", "rows_per_task"}
        assert set(on_dask().get_params()) == {*here().get_params(), *own}
    assert repr(DaskVIANNSelector(n_tasks=2)) == "DaskVIANNSelector(n_tasks=2)"
    assert not hasattr(DaskVIANNSelector(), "partial_fit")


def test_wrong_arguments(client, numbers):
    X, y = numbers
    with pytest.raises(TypeError, match="X must be a dask"):
        DaskVIANNSelector().fit(X, y)
    X = da.from_array(X)
    with pytest.raises(TypeError, match="y must be a dask"):
        DaskVIANNSelector().fit(X, y)
    with pytest.raises(ValueError, match="n_tasks"):
        DaskVIANNSelector(n_tasks=0).fit(X, da.from_array(y))
    with pytest.raises(ValueError, match="cv must be an integer or a splitter"):
        DaskVIANNSelector(cv=[([0], [1])]).fit(X, da.from_array(y))
    closed = Client(client.cluster)
    closed.close()
    with pytest.raises(ValueError, match="client is closed"):
        DaskVIANNSelector(client=closed).fit(X, da.from_array(y))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("schema", "Partition 2 of X: column 'a' holds text"),
        ("columns", "Partition 2 of X has other columns.*missing are .*'a'"),
    ],
)
def test_a_partition_of_another_schema_is_named(client, table, fault, message):
    def spoil(part, partition_info=None):
        if not partition_info or partition_info["number"] != 2:
            return part
        if fault == "columns":
            return part.rename(columns={"a": "new"})
        return part.assign(a=part.a.astype(str))

    data = dd.from_pandas(table, npartitions=4)
    X = data[["a", "c"]]
    X = X.map_partitions(spoil, meta=X._meta, enforce_metadata=False)
    with pytest.raises(ValueError, match=message):
        DaskVIANNSelector().fit(X, data.y)


def test_empty_partitions_are_told_and_left_out(client, table):
    expected = VIANNSelector(random_state=0).fit(table[["a", "b"]], table.y)
    empty = table.iloc[:0]
    data = dd.concat(
        [
            dd.from_pandas(part, npartitions=1)
            for part in (table.iloc[:200], empty, table.iloc[200:])
        ]
    )
    with pytest.warns(UserWarning, match="1 of 3 partitions are empty.*number 1"):
        selector = DaskVIANNSelector(random_state=0).fit(data[["a", "b"]], data.y)
    assert_array_equal(selector.feature_importances_, expected.feature_importances_)


def test_parquet(client, table, tmp_path):
    dd.from_pandas(table, npartitions=3).to_parquet(tmp_path / "table")
    data = dd.read_parquet(tmp_path / "table")
    selector = DaskVIANNSelector(random_state=0).fit(data[["a", "b", "c"]], data.y)
    assert_array_equal(selector.get_feature_names_out(), ["a", "b"])
    kept = selector.transform(data[["a", "b", "c"]]).compute()
    assert_array_equal(kept.a, table.a)


def test_blocks_of_columns_are_never_put_together(client, tmp_path):
    """A wide array in chunks of columns is what a memory map of it is here."""
    X = np.random.default_rng(0).normal(size=(300, 4400)).astype("float32")
    y = X[:, 17] + X[:, 4300]
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    settings = {
        "estimator": VIANNRegressor(n_members=1),
        "threshold": "mean",
        "step": 0.9,
        "cv": 2,
        "random_state": 0,
    }
    expected = VIANNSelector(**settings).fit(mapped, y)
    in_chunks = da.from_array(mapped, chunks=(300, 1100))
    selector = DaskVIANNSelector(**settings)
    selector.fit(in_chunks, da.from_array(y))
    assert set(selector.feature_importances_.argsort()[-2:]) == {17, 4300}
    # The same on some machines; on others, float32's rounding differs by some 3e-6.
    assert_allclose(
        selector.feature_importances_, expected.feature_importances_, rtol=1e-5
    )


@contextlib.contextmanager
def in_mid_fit(client, do):
    """Call a function, in a thread, as soon as samples are being looked at."""

    def wait():
        while not any("-call-" in key for keys in tasks(client) for key in keys):
            time.sleep(0.01)
        do()

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join()


def tasks(client):
    """What workers are computing, or are about to."""
    return client.processing().values()


def is_soon(condition):
    """Wait up to ten seconds for something that the scheduler does by and by."""
    end = time.monotonic() + 10
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_a_killed_worker_does_not_change_the_result(client, numbers):
    data = da.from_array(numbers[0], (100, 8)), da.from_array(numbers[1], 100)
    selector = DaskVIANNSelector(random_state=0, n_tasks=2, rows_per_task=200)
    expected = clone(selector).fit(*data)
    killed = []

    def kill():
        busy = next(worker for worker, keys in client.processing().items() if keys)
        killed.extend(client.run(os.getpid, workers=[busy]).values())
        os.kill(killed[0], signal.SIGKILL)

    with in_mid_fit(client, kill):
        selector.fit(*data)
    assert len(killed) == 1
    assert_array_equal(selector.importances_, expected.importances_)
    assert_array_equal(selector.get_support(), expected.get_support())
    client.wait_for_workers(2, timeout=60)  # of the tests that follow
    assert killed[0] not in client.run(os.getpid).values()


def test_ctrl_c_leaves_no_task_and_no_result(client, numbers):
    data = da.from_array(numbers[0], (100, 8)), da.from_array(numbers[1], 100)
    selector = DaskVIANNSelector(random_state=0, n_tasks=4, rows_per_task=100)
    before = vars(selector).copy()

    def interrupt():
        os.kill(os.getpid(), signal.SIGINT)

    # pytest's own processes ignore the signal.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), in_mid_fit(client, interrupt):
            selector.fit(*data)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert vars(selector) == before
    assert is_soon(lambda: not any(tasks(client)))
    assert is_soon(lambda: not any(client.has_what().values()))


def test_no_result_stays_on_the_workers(client, numbers):
    data = da.from_array(numbers[0], (100, 8)), da.from_array(numbers[1], 100)
    DaskVIANNSelector(random_state=0, n_tasks=2, rows_per_task=200).fit(*data)
    DaskVIANNRegressor(n_members=1, random_state=0).fit(data[0], data[0][:, 0])
    assert is_soon(lambda: not any(client.has_what().values()))


def test_a_network_of_ones_own(client, table):
    """One sample is the local fit; two are trained on the workers, and averaged."""

    def build(meta):
        import keras

        model = keras.Sequential(
            [
                keras.Input((meta["n_features_in_"],)),
                keras.layers.Dense(8, "relu"),
                keras.layers.Dense(1, "sigmoid"),
            ]
        )
        model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy")
        return model

    network = KerasClassifier(build, epochs=8, verbose=0)
    settings = {"n_repeats": 1, "max_features": 2, "random_state": 0}
    here = VIANNSelector(network, **settings).fit(table.drop(columns="y"), table.y)
    X = dd.from_pandas(table.drop(columns="y"), npartitions=3)
    y = dd.from_pandas(table.y, npartitions=3)
    there = DaskVIANNSelector(network, **settings).fit(X, y)
    assert_array_equal(there.get_feature_names_out(), ["a", "b"])
    assert_allclose(there.importances_, here.importances_, rtol=1e-4)
    predicted = there.estimator_.predict(table.drop(columns="y"))
    assert (predicted == table.y).mean() > 0.9
    split = DaskVIANNSelector(network, **settings, n_tasks=2, rows_per_task=300)
    assert_array_equal(split.fit(X, y).get_support(), there.get_support())
    assert split.importances_.shape == (16, 3)  # eight for each sample
    with pytest.raises(ValueError, match="threshold='mean' takes the importances of"):
        DaskVIANNSelector(network, threshold="mean").fit(X, y)


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_joblib_sends_trainings_of_a_network_of_ones_own(client, numbers, backend):
    if backend == "ray":
        pytest.importorskip("ray.util.joblib").register_ray()

    def build():  # a function of this function's goes to other processes as it is
        import keras

        model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, "sigmoid")])
        model.compile("adam", "binary_crossentropy")
        return model

    stop = keras.callbacks.TerminateOnNaN()  # sends one after the other
    network = KerasClassifier(build, epochs=2, verbose=0, callbacks=[stop])
    selector = VIANNSelector(network, threshold="mean", n_repeats=2, random_state=0)
    expected = clone(selector).fit(*numbers)
    with parallel_config(backend, n_jobs=2):
        selector.fit(*numbers)
    assert_array_equal(selector.importances_, expected.importances_)


def test_incremental_of_dask_ml_goes_through_the_chunks(client, numbers):
    wrappers = pytest.importorskip("dask_ml.wrappers")
    order = np.random.default_rng(0).permutation(N)
    X, y = (da.from_array(one[order], chunks=(200, 8)[: one.ndim]) for one in numbers)
    expected = VIANNSelector(random_state=0)
    for first in range(0, N, 200):
        rows = order[first : first + 200]
        expected.partial_fit(numbers[0][rows], numbers[1][rows])
    streamed = wrappers.Incremental(
        VIANNSelector(random_state=0),
        scoring=lambda selector, X, y: selector.n_features_,
        shuffle_blocks=False,
    )
    streamed.fit(X, y)
    assert_array_equal(streamed.estimator_.importances_, expected.importances_)
    assert_array_equal(streamed.estimator_.get_support(indices=True), [0, 1])
