"""On a real cluster of processes on this machine."""

import pickle

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skviann import VIANNClassifier, VIANNSelector
from skviann.dask import DaskVIANNClassifier, DaskVIANNRegressor, DaskVIANNSelector

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
