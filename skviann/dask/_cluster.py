"""Runs functions on the workers of a Dask cluster, for the time of one fit."""

import os
from uuid import uuid4
from weakref import WeakSet

from distributed import default_client, get_worker

from skviann._lazy import tensorflow as tf


class Cluster:
    """The cluster, as a context: when it ends, nothing of it is left on the workers.

    A `client` of None is the current one.
    """

    def __init__(self, client):
        if client is None:
            try:
                client = default_client()
            except ValueError as error:
                raise ValueError(
                    "There is no Dask client. Start one, for example with "
                    "dask.distributed.Client(), or pass client=."
                ) from error
        if client.asynchronous:
            raise TypeError("client must not be asynchronous.")
        if client.status != "running":
            raise ValueError(
                f"The Dask client is {client.status}. Connect a new one, for example "
                "with dask.distributed.Client()."
            )
        self.client = client
        # The cluster forgets a result when nothing here refers to its future.
        self._futures = WeakSet()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None and self.client.status == "running":
            self.client.cancel(list(self._futures), force=True)
        for future in list(self._futures):
            future.release()

    def submit(self, function, *args):
        """Run a function on a worker, and return a future of its result.

        Futures among its arguments are waited for.
        """
        key = f"skviann-{function.__name__.strip('_')}-{uuid4().hex}"
        future = self.client.submit(_run, function, os.getpid(), *args, key=key)
        self._futures.add(future)
        return future

    def compute(self, delayed):
        """Begin to compute delayed values; return futures of them."""
        futures = self.client.compute(delayed)
        self._futures.update(futures)
        return futures

    def gather(self, futures):
        """Wait for results, and fetch them."""
        return self.client.gather(futures)


def item(values, number):
    """Take one of several results, on the worker."""
    return values[number]


def _run(function, pid_of_client, *args):
    if os.getpid() != pid_of_client:
        _use_threads_of_worker()
    return function(*args)


def _use_threads_of_worker():
    """Have TensorFlow use as many threads as the worker has, unless it runs already."""
    n_threads = get_worker().state.nthreads
    try:
        tf.config.threading.set_intra_op_parallelism_threads(n_threads)
        tf.config.threading.set_inter_op_parallelism_threads(n_threads)
    except RuntimeError:  # it runs
        return
