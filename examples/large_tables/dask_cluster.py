"""
More rows than one machine looks at
===================================

`skviann.dask` draws rows from all partitions of a table, in samples, and each sample is
a task of its own on a Dask cluster. More tasks see weaker columns. Here the cluster is
two processes on this machine. It needs ``pip install skviann[dask]``.
"""

# %%
# Half a million rows of 20 columns, made chunk by chunk when a worker asks for them.
# They could as well come from Parquet files, with ``dask.dataframe.read_parquet``. The
# target follows column 0, and a little column 1: a correlation of 0.06.

import dask.array as da
import matplotlib.pyplot as plt
from dask.distributed import Client, LocalCluster

from skviann.dask import DaskVIANNSelector
from skviann.inspection import SelectionPathDisplay


def make_data():
    rng = da.random.default_rng(0)
    X = rng.normal(size=(500_000, 20), chunks=(50_000, 20))
    noise = rng.normal(scale=0.86, size=500_000, chunks=50_000)
    return X, 0.5 * X[:, 0] + 0.06 * X[:, 1] + noise


# %%
# The workers are processes that import this file, so what starts them stands in a
# function that only the first process calls.


def main():
    X, y = make_data()
    _, axes = plt.subplots(1, 2, figsize=(8, 4), sharey=True, layout="constrained")
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        Client(cluster),
    ):
        for ax, n_tasks in zip(axes, (1, 10), strict=True):
            selector = DaskVIANNSelector(
                n_tasks=n_tasks, rows_per_task=20_000, random_state=0
            ).fit(X, y)
            print(f"{n_tasks} tasks keep {selector.get_support(indices=True)}")
            SelectionPathDisplay.from_estimator(selector, ax=ax)
            ax.set(title=f"{n_tasks} x 20,000 rows", xlim=(0.5, 8), ylim=(-0.79, -0.74))
        print(selector.transform(X))  # lazy: computed when asked for
    plt.show()


if __name__ == "__main__":
    main()

# %%
# The lines are held-out scores of the first 1, 2, 3, ... columns of the ranking. One
# task does not tell the weak column from noise; ten tasks rank it second and keep it.
