"""What the benchmarks of rankings, selections and tests share.

A benchmark is a list of jobs, dicts that say what to measure, and a function that takes
what is in one and returns its figures, another dict. `run` keeps both, job by job, in a
JSON file; `make_table` makes a Markdown table of them.
"""

import contextlib
import gc
import importlib.metadata
import importlib.util
import itertools
import json
import multiprocessing
import os
import platform
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from statistics import mean, median, stdev

# Running.


def describe_machine(packages):
    """Return the processor and the versions that the figures were measured with."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.split(": ")[1] for line in lines if line.startswith("model name")]
    versions = {"python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "versions": versions,
    }


def save(record, path):
    """Write to a file beside it first: an interruption leaves the old one whole."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(record, indent=1) + "\n")
    temporary.replace(path)


def load(path, machine):
    """Read the results so far, and add the versions of packages that they lack.

    Some methods may have run where the packages of others are not installed.
    """
    record = json.loads(path.read_text())
    versions = record["machine"]["versions"]
    new = {name: v for name, v in machine["versions"].items() if v}
    old = {name: v for name, v in versions.items() if v}
    if record["machine"]["cpu"] != machine["cpu"] or new | old != old | new:
        print("The results so far come from another machine or other versions.")
    record["machine"]["versions"] = dict.fromkeys(versions) | new | old
    # What failed is tried again.
    record["results"] = [one for one in record["results"] if "error" not in one]
    return record


@contextlib.contextmanager
def timed(result):
    """Put the seconds that the block took into a result, and those of the processor.

    The latter hardly change when other work goes on on the machine.
    """
    if "keras" in sys.modules:
        # Networks that came before shall not slow this one down.
        sys.modules["keras"].utils.clear_session()
    gc.collect()
    start, cpu_start = time.perf_counter(), _cpu_seconds()
    yield
    result["seconds"] = round(time.perf_counter() - start, 3)
    result["cpu_seconds"] = round(_cpu_seconds() - cpu_start, 3)


def _cpu_seconds():
    """Return processor seconds of this process and of those it started that ended."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def attempt(measure, job):
    """Measure one job, or note the error."""
    try:
        return job | measure(**job)
    except Exception as error:  # whatever it is: the other methods go on
        return job | {"error": f"{type(error).__name__}: {error}"}


def _bind(cores):
    """Give this process a core of its own: libraries then start one thread."""
    os.sched_setaffinity(0, {cores.get()})


def _attempt_all(measure, jobs, n_jobs):
    """Yield results, in any order if there are several processes."""
    if n_jobs == 1:
        for job in jobs:
            yield attempt(measure, job)
        return
    # Spawned, as forks of a process with threads can hang.
    context = multiprocessing.get_context("spawn")
    cores = context.Queue()
    for core in itertools.islice(itertools.cycle(os.sched_getaffinity(0)), n_jobs):
        cores.put(core)
    with ProcessPoolExecutor(n_jobs, context, _bind, (cores,)) as pool:
        futures = [pool.submit(attempt, measure, job) for job in jobs]
        for future in as_completed(futures):
            yield future.result()


def run(jobs, measure, describe, path, *, packages, resume, n_jobs=1, warm_up=None):
    """Measure whatever `path` does not hold yet, and return all that it holds.

    Parameters
    ----------
    jobs : list of dict
        All with the same keys, which tell them apart.
    measure : callable
        Takes what is in a job as keyword arguments, returns a dict of figures.
    describe : callable
        Says in a line what came out, from job and figures.
    path : Path
        The JSON file.
    packages : list of str
        Whose versions matter.
    resume : bool
        Whether to go on with the file that is there.
    n_jobs : int
        Processes with a core of their own.
    warm_up : callable, optional
        Called before, unless there is nothing left to measure.
    """
    machine = describe_machine(packages)
    record = {"machine": machine, "results": []}
    if resume and path.exists():
        record = load(path, machine)
    names = list(jobs[0])
    done = {tuple(one[name] for name in names) for one in record["results"]}
    todo = [job for job in jobs if tuple(job.values()) not in done]
    if todo and warm_up:
        warm_up()
    for count, result in enumerate(_attempt_all(measure, todo, n_jobs), 1):
        record["results"].append(result)
        save(record, path)
        failed = f"failed, {result['error']}" if "error" in result else None
        text = failed or describe(result)
        job = " ".join(str(result[name]) for name in names)
        print(f"{count}/{len(todo)} {job}: {text}", flush=True)
    return record


# Tables.


def row(name, cells):
    return f"| {name} | {' | '.join(map(str, cells))} |"


def head(name, columns):
    """Make a table's first two lines; all columns but the first are numbers."""
    return [row(name, columns), row("---", ["---:"] * len(columns))]


def unique(results, *names):
    """Return the different values of one or more entries, in order of appearance."""
    values = dict.fromkeys(tuple(one[name] for name in names) for one in results)
    return [value[0] if len(names) == 1 else value for value in values]


def where(results, **entries):
    """Return the results that have these entries and did not fail."""
    return [
        one
        for one in results
        if "error" not in one and all(one[name] == v for name, v in entries.items())
    ]


def standard_error(figures):
    """Return the standard error of their mean; nan of a single one."""
    return stdev(figures) / len(figures) ** 0.5 if len(figures) > 1 else float("nan")


def with_error(figures):
    return f"{mean(figures):.3f} ± {standard_error(figures):.3f}"


def cell(figures, n_seeds, describe):
    """Average the figures of one method on one family, and say if some are missing."""
    if not figures:
        return ""
    text = describe(figures)
    missing = len(figures) < n_seeds
    return f"{text} ({len(figures)} of {n_seeds} seeds)" if missing else text


def mean_cell(by_family):
    """Average over families; empty unless there is a figure for each of them."""
    if not by_family or not all(by_family):
        return ""
    return f"{mean(map(mean, by_family)):.3f}"


def seconds_row(results, methods):
    """Make a row of medians, of processor seconds if there are any."""
    clock = "seconds"
    if any("cpu_seconds" in one for one in results):
        clock = "cpu_seconds"
    seconds = [
        [one[clock] for one in where(results, method=method) if clock in one]
        for method in methods
    ]
    cells = [f"{median(one):.1f}" if one else "" for one in seconds]
    return row(f"median {clock.replace('cpu_seconds', 'CPU seconds')}", cells)


def two_digits(figures):
    return f"{mean(figures):.2f}"


def make_table(results, figure, *, apart=None, describe=two_digits):
    """Make a Markdown table of the results of one size: families by methods.

    Parameters
    ----------
    results : list of dict
    figure : callable
        Returns what a result is judged by.
    apart : dict, optional
        Rows that stay out of the mean: name, and a pair of family and figure.
    describe : callable
        Makes text of one method's figures for one family.
    """
    apart = apart or {}
    methods = unique(results, "method")
    families = unique(results, "family")
    n_seeds = len(unique(results, "seed"))

    def figures(family, figure):
        """Return a list for each method."""
        return [
            [figure(one) for one in where(results, family=family, method=method)]
            for method in methods
        ]

    def family_row(name, family, figure):
        cells = [cell(one, n_seeds, describe) for one in figures(family, figure)]
        return row(name, cells)

    not_averaged = {family for family, _ in apart.values()}
    averaged = [family for family in families if family not in not_averaged]
    lines = head("family", methods)
    lines += [family_row(family, family, figure) for family in averaged]
    if len(averaged) > 1:
        by_family = [figures(family, figure) for family in averaged]
        lines.append(row("mean", map(mean_cell, zip(*by_family, strict=True))))
    lines += [
        family_row(name, family, its_figure)
        for name, (family, its_figure) in apart.items()
        if family in families
    ]
    return "\n".join([*lines, seconds_row(results, methods)])


def print_machine(record):
    machine = record["machine"]
    versions = ", ".join(f"{name} {v}" for name, v in machine["versions"].items() if v)
    print(f"\n{machine['cpu']}, {machine['cores']} cores; {versions}")


def print_errors(record):
    errors = Counter(
        (one["method"], one["error"]) for one in record["results"] if "error" in one
    )
    for (method, error), count in errors.items():
        print(f"\n{method} failed {count} times: {error}")


# The command.


def add_options(parser, n_seeds=None, *, sizes=True):
    """Add the options that all of the benchmarks have; real tables know no seeds."""
    if n_seeds:
        parser.add_argument(
            "--seeds", type=int, default=n_seeds, help=f"how many, default {n_seeds}"
        )
    if n_seeds and sizes:
        parser.add_argument("--sizes", help="rows x columns, as 300x50,1000x100")
    parser.add_argument("--output", type=Path, help="the results, a JSON file")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the output that is there"
    )
    parser.add_argument("--table", type=Path, help="print the tables of this file")


def parse_sizes(text):
    return [tuple(map(int, size.split("x"))) for size in text.split(",")]


def parse_names(text, known, option, parser):
    """Split names at commas, None means all."""
    names = list(known) if text is None else text.split(",")
    unknown = [name for name in names if name not in known]
    if unknown:
        parser.error(f"{option}: {unknown} not among {', '.join(known)}")
    return names


def drop_absent(methods, packages):
    """Leave methods out whose package is not installed, and say so."""
    present = []
    for method in methods:
        package = packages.get(method)
        if package and importlib.util.find_spec(package) is None:
            print(f"{method} is skipped: the package {package} is not installed.")
        else:
            present.append(method)
    if not present:
        raise SystemExit("No method is left to run.")
    return present
