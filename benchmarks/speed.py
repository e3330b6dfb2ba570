"""How fast is skviann, and how much memory does it take?

    python benchmarks/speed.py

measures seconds, ratios and peak memory of skviann and of what else one could use: all
competitors in the same run and by turns, so that a noisy machine hits all alike. Each
has processes of its own; only the fits with and without the callback share one. Prints
a Markdown table for each section, and writes the raw numbers to a JSON file, whose
tables `--table FILE` prints again. Takes an hour or more on two cores.

A process makes its data, loads its libraries (TensorFlow too, where it is needed), then
takes the time of the first fit and of warm ones. All seeds are 0. Memory is read from
Linux's /proc. "large" writes its file to the temporary directory (`TMPDIR`).
"""

import argparse
import contextlib
import datetime
import importlib.metadata
import json
import math
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np

SEED = 0
PACKAGES = ("skviann", "numpy", "scikit-learn", "keras", "tensorflow", "scikeras")
BLOCK_VALUES = 10_000_000  # random numbers that are in memory at a time
MIN_PAIRS = 7  # of fits with and without the callback
SAMPLING_INTERVAL = 0.05  # seconds

# --------------------------------------------------------------------------------------
# What is measured: every section is a list of tasks, one for each process.
# --------------------------------------------------------------------------------------


def shape_name(shape):
    return " x ".join(map(str, shape))


def fit_task(
    shape, label, estimator, params, *, data="classes", n_warm=2, memory=False
):
    """Have a process fit an estimator once, and then `n_warm` times more.

    Tasks of the same case (here the shape) and label are repetitions of each other.
    """
    return {
        "kind": "fits",
        "case": shape_name(shape),
        "label": label,
        "estimator": estimator,
        "params": params,
        "data": data,
        "shape": shape,
        "n_warm": n_warm,
        "memory": memory,
    }


def wrappers_tasks(options):
    # Rows, columns, epochs, batch size; epochs such that no run takes minutes.
    sizes = [
        (150, 4, 100, 32),
        (569, 30, 100, 32),
        (2000, 50, 50, 32),
        (20_000, 50, 10, 32),
        (1000, 20_000, 5, 32),
        (1_000_000, 100, 1, 256),
    ]
    if options.quick:
        sizes = [(150, 4, 5, 32), (300, 200, 2, 32)]
    return [
        fit_task((n, d), name, name, {"epochs": epochs, "batch_size": batch_size})
        for n, d, epochs, batch_size in sizes
        for name in ("scikeras", "skviann", "MLPClassifier")
    ]


def callback_tasks(options):
    sizes = [(569, 30, 100), (20_000, 50, 10)]
    if options.quick:
        sizes = [(150, 4, 5), (300, 200, 5)]
    n_pairs = 1 if options.quick else math.ceil(MIN_PAIRS / options.repeats)
    return [
        {
            "kind": "callback",
            "case": shape_name((n, d)),
            "label": "skviann",
            "data": "classes",
            "shape": (n, d),
            "params": {"epochs": epochs, "batch_size": 32},
            "n_pairs": n_pairs,
        }
        for n, d, epochs in sizes
    ]


def members_tasks(options):
    sizes = [(100, 10)] if options.quick else [(833, 128), (1000, 100)]
    return [
        fit_task(shape, f"K = {k}", "VIANNClassifier", {"n_members": k})
        for shape in sizes
        for k in (1, 8, 32)
    ]


def selector_tasks(options):
    shape = (100, 10) if options.quick else (1000, 100)
    steps_per_epoch = math.ceil(shape[0] / 32)
    epochs = round(500 / steps_per_epoch)
    network = f"scikeras, {epochs * steps_per_epoch} steps"
    forest = {"n_estimators": 500, "n_jobs": 2}
    return [
        fit_task(shape, "VIANNSelector", "VIANNSelector", {}),
        fit_task(shape, network, "scikeras", {"epochs": epochs, "batch_size": 32}),
        fit_task(shape, "RandomForestClassifier", "RandomForestClassifier", forest),
    ]


def fixed_tasks(options):
    n_warm = 2 if options.quick else 10
    brief = {"epochs": 2, "batch_size": 32}
    return [
        fit_task((20, 4), "VIANNClassifier", "VIANNClassifier", brief, n_warm=n_warm),
        fit_task((20, 4), "KerasClassifier", "skviann", brief, n_warm=n_warm),
    ]


def grid_tasks(options):
    grid = {
        "viannselector__estimator__learning_rate": [0.0003, 0.001, 0.002, 0.005, 0.01],
        "viannselector__threshold": ["0.25*mean", "0.5*mean", "mean", "1.5*mean"],
    }
    if options.quick:
        grid = {name: values[:1] for name, values in grid.items()}
    params = {"grid": grid, "cv": 2 if options.quick else 5}
    return [
        fit_task(
            (569, 30), "grid search", "grid", params, data="breast cancer", n_warm=0
        )
    ]


def large_tasks(options):
    long, wide = (1_000_000, 100), (1000, 20_000)
    n_on_disk = round(options.memmap_gb * 1e9 / (100 * 4))
    if options.quick:
        long, wide = (10_000, 100), (100, 2000)
        n_on_disk = min(n_on_disk, 50_000)
    tasks = [
        (long, "VIANNSelector", "VIANNSelector", {}, "blocks"),
        (long, "VIANNClassifier", "VIANNClassifier", {}, "blocks"),
        (wide, "VIANNSelector", "VIANNSelector", {}, "blocks"),
        ((n_on_disk, 100), "VIANNSelector, memory-mapped", "VIANNSelector", {}, "file"),
    ]
    return [fit_task(*task, data=data, n_warm=0, memory=True) for *task, data in tasks]


# --------------------------------------------------------------------------------------
# In a process of its own: data, estimators, and the clock. Libraries are imported in
# the functions that use them, so that no process loads what it does not measure.
# --------------------------------------------------------------------------------------


def make_data(task):
    n_samples, n_features = task["shape"]
    if task["data"] == "classes":
        from sklearn.datasets import make_classification

        X, y = make_classification(n_samples, n_features, random_state=SEED)
        return X.astype(np.float32), y
    if task["data"] == "breast cancer":
        from sklearn.datasets import load_breast_cancer
        from sklearn.preprocessing import scale

        X, y = load_breast_cancer(return_X_y=True)
        return scale(X), y  # or the logistic regression would not converge
    y = np.empty(n_samples, dtype=np.int64)
    if task["data"] == "blocks":
        X = np.empty((n_samples, n_features), dtype=np.float32)
        for rows, X_block, y_block in random_blocks(n_samples, n_features):
            X[rows], y[rows] = X_block, y_block
        return X, y
    path = Path(task["directory"], "X.float32")
    with path.open("wb") as file:  # not through a map: its pages would count as ours
        for rows, X_block, y_block in random_blocks(n_samples, n_features):
            X_block.tofile(file)
            y[rows] = y_block
    return np.memmap(path, np.float32, "r", shape=(n_samples, n_features)), y


def random_blocks(n_samples, n_features):
    """Rows of random numbers, and two classes that the first five columns make."""
    random = np.random.default_rng(SEED)
    n_rows = max(1, BLOCK_VALUES // n_features)
    for start in range(0, n_samples, n_rows):
        rows = slice(start, min(start + n_rows, n_samples))
        shape = (rows.stop - rows.start, n_features)
        block = random.standard_normal(shape, dtype=np.float32)
        yield rows, block, block[:, :5].sum(axis=1) > 0


def build_network(meta):
    import keras

    model = keras.Sequential(
        [
            keras.Input((meta["n_features_in_"],)),
            keras.layers.Dense(64, "relu"),
            keras.layers.Dense(32, "relu"),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.001), "binary_crossentropy")
    return model


def make_estimator(name, params):
    if name in ("scikeras", "skviann"):
        wrappers = importlib.import_module(f"{name}.wrappers")
        return wrappers.KerasClassifier(
            build_network, verbose=0, random_state=SEED, **params
        )
    if name == "MLPClassifier":
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        # It shall train as long as the others, and says that it could go on.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return MLPClassifier(
            hidden_layer_sizes=(64, 32),
            solver="adam",
            learning_rate_init=0.001,
            batch_size=params["batch_size"],
            max_iter=params["epochs"],
            n_iter_no_change=params["epochs"],
            tol=0,
            alpha=0,
            random_state=SEED,
        )
    if name == "RandomForestClassifier":
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(random_state=SEED, **params)

    import skviann
    import skviann.wrappers  # loads TensorFlow, before the clock starts

    if name == "grid":
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV
        from sklearn.pipeline import make_pipeline

        network = skviann.VIANNClassifier()
        selector = skviann.VIANNSelector(network, random_state=SEED)
        pipeline = make_pipeline(selector, LogisticRegression())
        return GridSearchCV(
            pipeline, params["grid"], cv=params["cv"], n_jobs=None, error_score="raise"
        )
    return getattr(skviann, name)(random_state=SEED, **params)


def timed_fits(task):
    X, y = make_data(task)
    estimators = [
        make_estimator(task["estimator"], task["params"])
        for _ in range(1 + task["n_warm"])
    ]
    with memory_watched() if task["memory"] else contextlib.nullcontext({}) as memory:
        first, *warm = [seconds_to_fit(estimator, X, y) for estimator in estimators]
    return {"first": first, "warm": warm, **memory}


def seconds_to_fit(estimator, X, y):
    start = time.perf_counter()
    estimator.fit(X, y)
    return time.perf_counter() - start


@contextlib.contextmanager
def memory_watched():
    """Yield a dict that has the block's memory in bytes, once it has ended."""
    import resource

    before = memory_status()
    memory = {"before": before["VmRSS"], "before_anonymous": before["RssAnon"]}
    anonymous = [before["RssAnon"]]
    ended = threading.Event()

    def sample():
        while not ended.wait(SAMPLING_INTERVAL):
            anonymous.append(memory_status()["RssAnon"])

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield memory
    finally:
        ended.set()
        sampler.join()
    # The kernel's own peak misses nothing, but counts a mapped file's pages as well.
    memory["peak"] = memory_status()["VmHWM"]
    memory["peak_anonymous"] = max(anonymous)
    memory["ru_maxrss"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def memory_status():
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = (line.split() for line in lines if line.endswith(" kB"))
    return {name.rstrip(":"): int(kibibytes) * 1024 for name, kibibytes, _ in fields}


def timed_callback(task):
    """Fit with and without VIANN's callback by turns, each time the other one first."""
    X, y = make_data(task)
    result = {"without": [], "with": [], "inside": []}
    for pair in range(task["n_pairs"] + 1):
        seconds = {}
        for with_callback in (False, True) if pair % 2 else (True, False):
            params = dict(task["params"])
            if with_callback:
                callback = timed_importance()
                params["fit__callbacks"] = [callback]
            estimator = make_estimator("skviann", params)
            seconds[with_callback] = seconds_to_fit(estimator, X, y)
        if pair > 0:  # the first pair warmed the process up
            result["without"].append(seconds[False])
            result["with"].append(seconds[True])
            result["inside"].append(callback.seconds)
    return result


def timed_importance():
    """Make a VarianceImportance that adds up the time spent in its own methods."""
    from skviann import VarianceImportance

    def timed(method):
        def with_clock(self, *args, **kwargs):
            before, start = self.seconds, time.perf_counter()
            result = method(self, *args, **kwargs)
            # Set, not added: what this method calls may have its own clock.
            self.seconds = before + time.perf_counter() - start
            return result

        return with_clock

    # _finish also runs outside of the hooks, when the last callback has had its turn.
    names = ["on_train_begin", "on_train_batch_end", "on_epoch_end", "on_train_end"]
    methods = {
        name: timed(getattr(VarianceImportance, name))
        for name in [*names, "_finish"]
        if hasattr(VarianceImportance, name)
    }
    # Code that skviann does not know would have every fit traced anew.
    methods["__module__"] = VarianceImportance.__module__
    return type("Timed", (VarianceImportance,), {"seconds": 0.0, **methods})()


# --------------------------------------------------------------------------------------
# Tables, from the records: tasks together with what their processes reported.
# --------------------------------------------------------------------------------------


def wrappers_table(records):
    names = ("scikeras", "skviann", "MLPClassifier")
    yield [
        "rows x columns",
        "epochs",
        "batch size",
        *(f"{name}, first (s)" for name in names),
        *(f"{name}, warm (s)" for name in names),
        "scikeras / skviann",
        "skviann / MLP",
    ]
    for case, group in grouped(records, "case"):
        of = dict(grouped(group, "label"))
        first = [median(of.get(name, []), "first") for name in names]
        warm = [median(of.get(name, []), "warm") for name in names]
        ratios = [warm[0] / warm[1], warm[1] / warm[2]]
        yield [case, *group[0]["params"].values(), *first, *warm, *ratios]


def callback_table(records):
    yield [
        "rows x columns",
        "epochs",
        "pairs",
        "without (s)",
        "with (s)",
        "overhead (%)",
        "its quartiles (%)",
        "inside (ms)",
        "inside (% of the fit)",
    ]
    for case, group in grouped(records, "case"):
        without, with_, inside = (
            values(group, key) for key in ("without", "with", "inside")
        )
        if not len(without):
            yield [case, group[0]["params"]["epochs"], 0, *[math.nan] * 6]
            continue
        low, overhead, high = np.percentile(100 * (with_ / without - 1), [25, 50, 75])
        yield [
            case,
            group[0]["params"]["epochs"],
            len(without),
            np.median(without),
            np.median(with_),
            f"{overhead:+.1f}",
            f"{low:+.1f} to {high:+.1f}",
            1000 * np.median(inside),
            100 * np.median(inside / with_),
        ]


def fits_table(reference=None):
    """Make a table of first and warm fits, perhaps relative to one competitor's."""

    def table(records):
        heading = ["rows x columns", "competitor", "first (s)", "warm (s)"]
        if reference:
            heading += [f"first / {reference}'s", f"warm / {reference}'s"]
        yield heading
        for case, group in grouped(records, "case"):
            reference_group = [
                record
                for record in group
                if reference and record["label"].startswith(reference)
            ]
            for label, competitor in grouped(group, "label"):
                seconds = [median(competitor, key) for key in ("first", "warm")]
                row = [case, label, *seconds]
                if reference:
                    row += [
                        own / median(reference_group, key)
                        for own, key in zip(seconds, ("first", "warm"), strict=True)
                    ]
                yield row

    return table


def grid_table(records):
    yield ["rows x columns", "candidates", "folds", "fits", "all (s)", "per fit (s)"]
    for case, group in grouped(records, "case"):
        params = group[0]["params"]
        n_candidates = math.prod(map(len, params["grid"].values()))
        n_fits = n_candidates * params["cv"] + 1  # the best one again, on all rows
        seconds = median(group, "first")
        yield [case, n_candidates, params["cv"], n_fits, seconds, seconds / n_fits]


def large_table(records):
    yield [
        "rows x columns",
        "competitor",
        "seconds",
        "X (MB)",
        "resident before (MB)",
        "peak resident (MB)",
        "peak anonymous (MB)",
        "peak / X",
        "anonymous growth / X",
    ]
    for (case, label), group in grouped(records, "case", "label"):
        size = 4 * math.prod(group[0]["shape"])
        before, before_anonymous, peak, peak_anonymous = (
            median(group, key)
            for key in ("before", "before_anonymous", "peak", "peak_anonymous")
        )
        yield [
            case,
            label,
            median(group, "first"),
            *(amount / 1e6 for amount in (size, before, peak, peak_anonymous)),
            peak / size,
            (peak_anonymous - before_anonymous) / size,
        ]


def grouped(records, *keys):
    """Group records by one key or several, in order of appearance."""
    groups = {}
    for record in records:
        key = tuple(record[key] for key in keys)
        groups.setdefault(key if len(keys) > 1 else key[0], []).append(record)
    return list(groups.items())


def values(records, key):
    return np.hstack([[], *(record[key] for record in records if key in record)])


def median(records, key):
    found = values(records, key)
    return np.median(found) if len(found) else math.nan


def print_tables(results):
    machine = dict(results["machine"])
    print("\n" + ", ".join(f"{name}: {value}" for name, value in machine.items()))
    print(f"Medians of {results['repeats']} processes each; all seeds are {SEED}.")
    for section, records in results["sections"].items():
        print(f"\n## {section}\n")
        heading, *rows = SECTIONS[section][1](records)
        print_row(heading)
        print_row(["---"] * len(heading))
        for row in rows:
            print_row(row)
        for record in records:
            if "error" in record:
                print(f"\nFailed: {record['case']}, {record['label']}, ", end="")
                print(f"repeat {record['repeat'] + 1}: {record['error']}")


def print_row(cells):
    print("| " + " | ".join(map(in_words, cells)) + " |")


def in_words(cell):
    if not isinstance(cell, float):
        return str(cell)
    if math.isnan(cell):
        return "failed"
    return f"{cell:.0f}" if abs(cell) >= 100 else f"{cell:.3g}"


# --------------------------------------------------------------------------------------
# The command.
# --------------------------------------------------------------------------------------

SECTIONS = {
    "wrappers": (wrappers_tasks, wrappers_table),
    "callback": (callback_tasks, callback_table),
    "members": (members_tasks, fits_table("K = 1")),
    "selector": (selector_tasks, fits_table("scikeras")),
    "fixed": (fixed_tasks, fits_table()),
    "grid": (grid_tasks, grid_table),
    "large": (large_tasks, large_table),
}

CHILDREN = {"fits": timed_fits, "callback": timed_callback}


def main():
    options = parse_options()
    if options.child:
        task = json.loads(options.child)
        try:
            result = CHILDREN[task["kind"]](task)
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result))
        return
    if options.table:
        print_tables(json.loads(options.table.read_text()))
        return
    results = {
        "machine": describe_machine(),
        "repeats": options.repeats,
        "quick": options.quick,
        "sections": {section: [] for section in options.sections},
    }
    with tempfile.TemporaryDirectory() as directory:
        for section, records in results["sections"].items():
            tasks = SECTIONS[section][0](options)
            # The repeat outside, the competitors inside: by turns.
            for repeat in range(options.repeats):
                for task in tasks:
                    result = run_child({**task, "directory": directory})
                    records.append({**task, "repeat": repeat, **result})
                    options.output.write_text(json.dumps(results, indent=1))
                    report_progress(section, records[-1])
                Path(directory, "X.float32").unlink(missing_ok=True)
    print_tables(results)


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--sections", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    add("--repeats", type=int, default=3, help="processes for each competitor")
    add("--quick", action="store_true", help="tiny sizes, to see that all of it works")
    add("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    add("--memmap-gb", type=float, default=4.0, help="size of the memory-mapped file")
    add("--table", type=Path, metavar="FILE", help="only print a saved file's tables")
    add("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.repeats < 1:
        parser.error("--repeats must be at least 1")
    return options


def run_child(task):
    """Run a task in a fresh process; return what it reports, or how it died."""
    ended = subprocess.run(
        [sys.executable, __file__, "--child", json.dumps(task)],
        env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ},
        capture_output=True,
        text=True,
    )
    if ended.returncode == 0:
        return json.loads(ended.stdout.splitlines()[-1])
    if ended.returncode < 0:
        return {"error": f"killed by {signal.Signals(-ended.returncode).name}"}
    last_words = ended.stderr.strip().splitlines()[-1:] or ["no message"]
    return {"error": last_words[0]}


def report_progress(section, record):
    if "error" in record:
        news = f"failed: {record['error']}"
    else:
        seconds = ("first", "warm", "without", "with")
        news = ", ".join(
            f"{key} {median([record], key):.3g} s"
            for key in seconds
            if len(values([record], key))
        )
    now = f"{datetime.datetime.now():%H:%M:%S}"
    place = f"{section}, {record['case']}, {record['label']}"
    print(f"{now} {place}, repeat {record['repeat'] + 1}: {news}", flush=True)


def describe_machine():
    cpu = platform.processor()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        models = (line for line in lines if line.startswith("model name"))
        cpu = next(models, cpu).rpartition(": ")[2]
    return {
        "date": f"{datetime.date.today()}",
        "cpu": cpu,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),  # of others, before the first process
        "python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in PACKAGES},
    }


if __name__ == "__main__":
    main()
