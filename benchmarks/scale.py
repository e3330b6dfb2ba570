"""What `skviann.dask` and blocks of columns do on data that are long or wide.

    python benchmarks/scale.py                 # all sections, about an hour
    python benchmarks/scale.py --sections agree,scaling
    python benchmarks/scale.py --table benchmarks/scale.json

Sections:

- agree: families at 20,000 x 100, rows sorted by y, in odd chunks, on 1, 2 and 4
  workers, as one task and as four: the same columns as the local fit, the same bits?
- long: 100,000,000 x 100 (80 GB in float64), made chunk by chunk when it is asked for,
  on 2 workers of 4 GB: seconds, memory, the share of time that is reading.
- weak: one column with a correlation of 0.04 with y among 50, 5,000,000 rows: is it
  kept, with 1 task of 40,000 rows and with 125?
- wide: 1000 x 200,000 in float32, memory-mapped, on this machine without Dask; a random
  forest beside it, with the first columns of its ranking.
- scaling: 1 and 2 workers of one thread, by tasks of rows and by blocks of columns. Of
  two fits on warm workers the second is timed.

Traffic is what went over the loopback interface, less what workers sent each other: all
that passes through the scheduler. Nothing else should use that interface meanwhile.

Results go to a JSON file one by one; --resume goes on with it. It needs Linux and the
extra dask; TF_CPP_MIN_LOG_LEVEL=3 keeps TensorFlow quiet.
"""

import argparse
import contextlib
import functools
import json
import resource
import tempfile
import threading
import time
import warnings
from pathlib import Path

import dask
import dask.array as da
import numpy as np
from _common import (
    add_options,
    head,
    parse_names,
    print_machine,
    row,
    run,
    unique,
    where,
)
from distributed import Client, LocalCluster, get_task_stream
from families import FAMILIES, make_data
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import average_precision_score, f1_score

from skviann import VIANNSelector
from skviann.dask import DaskVIANNSelector

PACKAGES = ["skviann", "scikit-learn", "tensorflow", "keras", "numpy", "dask"]
OUTPUT = Path(__file__).with_name("scale.json")


@contextlib.contextmanager
def workers(number, memory_limit="auto"):
    """Start workers of one thread each."""
    with (
        LocalCluster(
            n_workers=number,
            threads_per_worker=1,
            memory_limit=memory_limit,
            dashboard_address=None,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def loopback_bytes():
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, counters = line.partition(":")
        if name.strip() == "lo":
            return int(counters.split()[0])
    return 0


def _received(dask_worker):
    return sum(one["total"] for one in dask_worker.transfer_incoming_log)


def _peak_of_process():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextlib.contextmanager
def watched(client, result):
    """Measure what a fit takes: seconds, traffic, memory of workers."""
    between = sum(client.run(_received).values())
    bytes_before, start = loopback_bytes(), time.perf_counter()
    yield
    result["seconds"] = round(time.perf_counter() - start, 2)
    total = loopback_bytes() - bytes_before
    between = sum(client.run(_received).values()) - between
    result["scheduler_mb"] = round((total - between) / 1e6, 1)
    result["between_workers_mb"] = round(between / 1e6, 1)
    peaks = client.run(_peak_of_process).values()
    result["worker_peak_gb"] = round(max(peaks) / 1e9, 2)


def f1(support, relevant):
    truth = np.zeros(len(support), bool)
    truth[relevant] = True
    return float(f1_score(truth, support))


# agree

_ROWS, _COLUMNS = 20_000, 100


@functools.cache
def sorted_data(family, seed):
    X, y, truth = make_data(family, _ROWS, _COLUMNS, seed)
    order = np.argsort(y, kind="stable")
    return X[order], y[order], truth


@functools.cache
def local_fit(family, seed):
    X, y, _ = sorted_data(family, seed)
    selector = VIANNSelector(random_state=seed).fit(X, y)
    return selector.get_support(), selector.feature_importances_


@functools.cache
def _first_importances(family, seed, n_tasks):
    """Return a place to keep them, for a comparison of clusters."""
    return []


def measure_agree(n_workers, n_tasks, n_seeds):
    """Count over families and seeds what is equal."""
    counts = dict.fromkeys(
        ("fits", "columns as local", "bits as local", "bits as first"), 0
    )
    scores = {"local": [], "dask": []}
    with workers(n_workers) as client:
        for family in FAMILIES:
            for seed in range(n_seeds):
                X, y, truth = sorted_data(family, seed)
                size = _ROWS // (5 * n_workers) + 13
                selector = DaskVIANNSelector(
                    random_state=seed,
                    client=client,
                    n_tasks=n_tasks,
                    rows_per_task=_ROWS // n_tasks,
                ).fit(da.from_array(X, (size, 60)), da.from_array(y, size))
                support, importances = local_fit(family, seed)
                found = selector.feature_importances_
                first = _first_importances(family, seed, n_tasks)
                first.append(found)
                counts["fits"] += 1
                counts["columns as local"] += bool(
                    (selector.get_support() == support).all()
                )
                counts["bits as local"] += bool((found == importances).all())
                counts["bits as first"] += bool((found == first[0]).all())
                scores["local"].append(f1(support, truth))
                scores["dask"].append(f1(selector.get_support(), truth))
    means = {
        f"f1 {name}": round(float(np.mean(some)), 4) for name, some in scores.items()
    }
    return counts | means


# long

_LONG_CHUNK = 250_000
_LINEAR = np.array([7, 21, 22, 60, 99])


def make_long(family, seed, number, n_rows):
    """Draw a chunk of rows, of 100 columns."""
    rng = np.random.default_rng([seed, number])
    if family == "friedman":
        X = rng.random((n_rows, 100))
        y = 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2
        y += 10 * X[:, 3] + 5 * X[:, 4] + rng.standard_normal(n_rows)
        return X, y
    X = rng.standard_normal((n_rows, 100))
    if family == "switch":
        y = np.where(X[:, 0] > 0, X[:, 1] + X[:, 2], X[:, 3] + X[:, 4])
        return X, (y > 0).astype(int)
    for j in range(1, 100):  # a correlation of 0.7 with the next column
        X[:, j] = 0.7 * X[:, j - 1] + np.sqrt(1 - 0.7**2) * X[:, j]
    y = X[:, _LINEAR] @ [3, -2, 1.5, 1, -1] + 0.5 * rng.standard_normal(n_rows)
    return X, y


def lazily(make, n_rows, chunk, n_columns, dtype):
    """Make X and y of chunks that are drawn when they are asked for."""
    X, y = [], []
    for number in range(n_rows // chunk):
        both = dask.delayed(make, nout=2)(number, chunk)
        X.append(da.from_delayed(both[0], (chunk, n_columns), float))
        y.append(da.from_delayed(both[1], (chunk,), dtype))
    return da.concatenate(X), da.concatenate(y)


def reading_seconds(stream):
    """Seconds from the first to the last task that makes or reads a chunk."""
    times = [
        (one["start"], one["stop"])
        for task in stream.data
        if any(name in str(task["key"]) for name in ("make_long", "_read"))
        for one in task["startstops"]
    ]
    return max(stop for _, stop in times) - min(start for start, _ in times)


def measure_long(family, n_rows, seed):
    result = {}
    make = functools.partial(make_long, family, seed)
    make.__name__ = "make_long"
    dtype = int if family == "switch" else float
    X, y = lazily(make, n_rows, _LONG_CHUNK, 100, dtype)
    with (
        workers(2, "4GB") as client,
        watched(client, result),
        get_task_stream(client) as stream,
    ):
        selector = DaskVIANNSelector(random_state=seed, client=client).fit(X, y)
    result["reading_seconds"] = round(reading_seconds(stream), 1)
    relevant = _LINEAR if family == "linear" else np.arange(5)
    return result | {
        "f1": f1(selector.get_support(), relevant),
        "kept": selector.get_support(indices=True).tolist(),
        "gb": X.nbytes / 1e9,
    }


# weak

_WEAK = 0.04


def make_weak(seed, number, n_rows):
    """Draw a chunk: one strong column, one weak one, 48 of noise."""
    rng = np.random.default_rng([seed, number])
    X = rng.standard_normal((n_rows, 50))
    rest = np.sqrt(1 - 0.5**2 - _WEAK**2)
    return X, 0.5 * X[:, 0] + _WEAK * X[:, 1] + rest * rng.standard_normal(n_rows)


def measure_weak(n_tasks, seed):
    result = {}
    make = functools.partial(make_weak, seed)
    make.__name__ = "make_weak"
    X, y = lazily(make, 5_000_000, 100_000, 50, float)
    with workers(2) as client, watched(client, result):
        selector = DaskVIANNSelector(
            random_state=seed, client=client, n_tasks=n_tasks, rows_per_task=40_000
        ).fit(X, y)
    return result | {
        "kept": selector.get_support(indices=True).tolist(),
        "found": bool(selector.get_support()[1]),
        "f1": f1(selector.get_support(), [0, 1]),
        "rank of the weak": int(selector.ranking_[1]),
    }


# wide


class PeakMemory(threading.Thread):
    """Watches the memory of this process that is not a file's."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak, self._ended = 0, threading.Event()

    def run(self):
        while not self._ended.wait(0.1):
            status = Path("/proc/self/status").read_text()
            kilobytes = [
                int(line.split()[1])
                for line in status.splitlines()
                if line.startswith("RssAnon")
            ]
            self.peak = max(self.peak, 1024 * kilobytes[0])

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self.join()


def save_wide(path, family, n_columns, seed):
    """Write a table of normal columns to a file, and return y and what matters."""
    rng = np.random.default_rng(seed)
    X = np.lib.format.open_memmap(path, "w+", "f4", (1000, n_columns))
    for first in range(0, 1000, 50):
        X[first : first + 50] = rng.standard_normal((50, n_columns), "f4")
    relevant = rng.choice(n_columns, 2 if family == "xor" else 5, replace=False)
    values = np.array(X[:, relevant], float)
    X.flush()
    if family == "xor":
        return (values[:, 0] * values[:, 1] > 0).astype(int), relevant
    noise = 0.5 * rng.standard_normal(1000)
    return values @ [3, -2, 1.5, 1, -1] + noise, relevant


def measure_wide(family, n_columns, method, seed):
    result = {}
    with tempfile.TemporaryDirectory() as folder, PeakMemory() as memory:
        path = Path(folder) / "X.npy"
        y, relevant = save_wide(path, family, n_columns, seed)
        X = np.load(path, mmap_mode="r")
        truth = np.isin(np.arange(n_columns), relevant)
        start = time.perf_counter()
        if method == "VIANNSelector":
            selector = VIANNSelector(random_state=seed).fit(X, y)
            importances, support = selector.feature_importances_, selector.get_support()
        else:
            forest = (
                RandomForestClassifier if family == "xor" else RandomForestRegressor
            )
            settings = {"max_features": "sqrt", "n_jobs": -1, "random_state": seed}
            importances = forest(500, **settings).fit(X, y).feature_importances_
            order = np.argsort(-importances)
            support = np.isin(np.arange(n_columns), order[: truth.sum()])
        result["seconds"] = round(time.perf_counter() - start, 1)
    return result | {
        "peak_gb": round(memory.peak / 1e9, 2),
        "average_precision": float(average_precision_score(truth, importances)),
        "f1": f1(support, relevant),
        "n_kept": int(support.sum()),
        "found": int((support & truth).sum()),
    }


# scaling


def measure_scaling(by, n_workers):
    result = {}
    if by == "tasks":
        make = functools.partial(make_long, "linear", 0)
        X, y = lazily(make, 1_000_000, 50_000, 100, float)
        settings = {"n_tasks": 16, "rows_per_task": 50_000}
    else:
        rng = da.random.default_rng(0)
        X = rng.standard_normal((1000, 65_536), chunks=(1000, 4096)).astype("f4")
        y = X[:, 0] + X[:, 40_000] > 0
        settings = {}
    with workers(n_workers) as client:
        for _ in range(2):
            with watched(client, result):
                DaskVIANNSelector(random_state=0, client=client, **settings).fit(X, y)
    return result


# The command.

MEASURES = {
    "agree": measure_agree,
    "long": measure_long,
    "weak": measure_weak,
    "wide": measure_wide,
    "scaling": measure_scaling,
}


def make_jobs(section, n_seeds):
    """Return the arguments of a section's measurements."""
    seeds = range(n_seeds)
    return {
        "agree": [
            {"n_workers": n_workers, "n_tasks": n_tasks, "n_seeds": n}
            for n_tasks, n in ((1, n_seeds), (4, min(n_seeds, 2)))
            for n_workers in (1, 2, 4)
        ],
        "long": [
            {"family": family, "n_rows": n_rows, "seed": 0}
            for n_rows in (1_000_000, 100_000_000)
            for family in ("linear", "friedman", "switch")
        ],
        "weak": [
            {"n_tasks": n_tasks, "seed": seed} for seed in seeds for n_tasks in (1, 125)
        ],
        "wide": [
            {"family": family, "n_columns": 200_000, "method": method, "seed": seed}
            for method in ("VIANNSelector", "random forest")
            for seed in seeds
            for family in ("xor", "linear")
        ],
        "scaling": [
            {"by": by, "n_workers": n_workers}
            for by in ("tasks", "blocks")
            for n_workers in (1, 2)
        ],
    }[section]


def measure(section, arguments):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No column is kept", UserWarning)
        return MEASURES[section](**json.loads(arguments))


def show(record):
    """Print a table of each section."""
    for section in unique(record["results"], "section"):
        print(f"\n{section}\n")
        some = where(record["results"], section=section)
        if not some:
            continue
        arguments = [json.loads(one["arguments"]) for one in some]
        job = {"section", "arguments"}
        figures = [name for name in some[0] if name not in job]
        print("\n".join(head(", ".join(arguments[0]), figures)))
        for of_one, one in zip(arguments, some, strict=True):
            name = ", ".join(map(str, of_one.values()))
            print(row(name, [one[figure] for figure in figures]))
    for one in record["results"]:
        if "error" in one:
            print(f"\n{one['section']} {one['arguments']} failed: {one['error']}")
    print_machine(record)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, n_seeds=3)
    parser.add_argument("--sections", help=f"some of {','.join(MEASURES)}")
    options = parser.parse_args()
    if options.table:
        show(json.loads(options.table.read_text()))
        return
    sections = parse_names(options.sections, MEASURES, "--sections", parser)
    jobs = [
        {"section": section, "arguments": json.dumps(job)}
        for section in sections
        for job in make_jobs(section, options.seeds)
    ]
    show(
        run(
            jobs,
            measure,
            lambda one: ", ".join(
                f"{name} {value}"
                for name, value in one.items()
                if name not in ("section", "arguments")
            ),
            options.output or OUTPUT,
            packages=PACKAGES,
            resume=options.resume,
        )
    )


if __name__ == "__main__":
    main()
