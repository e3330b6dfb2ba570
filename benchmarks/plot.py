"""Draws the benchmarks' results, as they are in the JSON files, into docs/images.

python benchmarks/plot.py
"""

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

HERE = Path(__file__).parent
IMAGES = HERE.parent / "docs" / "images"
# Okabe and Ito's colours for the colour-blind, which also differ in grey print.
COLORS = {
    "VIANNSelector": "#0072b2",
    "viann-estimator": "#56b4e9",
    "random-forest": "#e69f00",
    "scikeras": "#e69f00",
    "skviann": "#0072b2",
    "MLPClassifier": "#999999",
}
NAMES = {
    "VIANNSelector": "VIANNSelector",
    "forest-mean": "random forest,\nSelectFromModel",
    "boosting-rfecv": "gradient boosting,\nRFECV",
    "boruta": "Boruta",
    "l1-nonzero": "L1 with CV",
}


def load(name):
    return json.loads((HERE / name).read_text())


def draw_selection(ax, n, d):
    """Mean F1 over the families against the median seconds, a point for each method.

    As in the tables, madelon and noise stand apart from the mean.
    """
    f1, seconds = {}, {}
    for one in load("selection.json")["results"]:
        if (one["n"], one["d"]) != (n, d) or "error" in one:
            continue
        if "cpu_seconds" in one:
            seconds.setdefault(one["method"], []).append(one["cpu_seconds"])
        if one["family"] not in ("madelon", "noise"):
            by_family = f1.setdefault(one["method"], {})
            by_family.setdefault(one["family"], []).append(one["f1"])
    for method, by_family in f1.items():
        point = (
            np.median(seconds[method]),
            np.mean([np.mean(some) for some in by_family.values()]),
        )
        ax.plot(*point, "o", color=COLORS.get(method, "#666666"), markersize=9)
        above = method == "boosting-rfecv"  # below is Boruta
        ax.annotate(
            NAMES.get(method, method),
            point,
            xytext=(0, 8 if above else -9),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
        )
    ax.set(
        xscale="log",
        xlim=(0.05, 150),
        ylim=(0, 1.05),
        xlabel="seconds of the processor (median)",
        ylabel="F1 of the columns kept",
        title=f"{n} rows, {d} columns",
    )
    ax.set_xticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])


def draw_ranking(ax, n, d):
    """Mean average precision by method, a dot for each family."""
    values = {}
    for one in load("ranking.json")["results"]:
        if (one["n"], one["d"]) == (n, d) and one["family"] != "noise":
            by_family = values.setdefault(one["method"], {})
            by_family.setdefault(one["family"], []).append(one["average_precision"])
    means = {
        method: [np.mean(some) for some in by_family.values()]
        for method, by_family in values.items()
        if len(by_family) == 9 and min(map(len, by_family.values())) == 5
    }
    methods = sorted(means, key=lambda method: np.mean(means[method]))
    for position, method in enumerate(methods):
        color = COLORS.get(method, "#999999")
        ax.barh(position, np.mean(means[method]), color=color)
        ax.plot(
            means[method],
            np.full(len(means[method]), position),
            "o",
            color="black",
            markersize=3,
            alpha=0.6,
        )
    ax.set_yticks(range(len(methods)), methods)
    ax.set(title=f"{n} rows, {d} columns", xlim=(0, 1.02))


def draw_wrappers(ax):
    """Median seconds of a fit, the first one and later ones, by library and size."""
    runs = load("speed.json")["sections"]["wrappers"]
    cases = list(dict.fromkeys(one["case"] for one in runs))
    labels = list(dict.fromkeys(one["label"] for one in runs))
    for number, label in enumerate(labels):
        seconds = [
            np.median(
                [
                    value
                    for one in runs
                    if (one["case"], one["label"]) == (case, label)
                    for value in one["warm"]
                ]
            )
            for case in cases
        ]
        ax.bar(
            np.arange(len(cases)) + 0.27 * (number - 1),
            seconds,
            0.25,
            label=label,
            color=COLORS.get(label, "#999999"),
        )
    ax.set_xticks(range(len(cases)), [case.replace(" x ", "\nx ") for case in cases])
    ax.set(ylabel="seconds for a fit", title="The same network, rows x columns")
    ax.set_ylim(top=1.2 * ax.get_ylim()[1])
    ax.legend(loc="upper left", ncols=3)


if __name__ == "__main__":
    plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
    IMAGES.mkdir(exist_ok=True)
    figure, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
    draw_selection(ax, 1000, 100)
    figure.savefig(IMAGES / "selection.png", dpi=110)
    sizes = [(300, 50), (1000, 100), (1000, 500)]
    figure, axes = plt.subplots(3, figsize=(6, 7.5), layout="constrained")
    for ax, size in zip(axes, sizes, strict=True):
        draw_ranking(ax, *size)
    axes[-1].set_xlabel("average precision")
    figure.savefig(IMAGES / "ranking.png", dpi=110)
    figure, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
    draw_wrappers(ax)
    figure.savefig(IMAGES / "wrappers.png", dpi=110)
