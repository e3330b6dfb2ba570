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


def load(name):
    return json.loads((HERE / name).read_text())


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
    sizes = [(300, 50), (1000, 100), (1000, 500)]
    figure, axes = plt.subplots(3, figsize=(6, 7.5), layout="constrained")
    for ax, size in zip(axes, sizes, strict=True):
        draw_ranking(ax, *size)
    axes[-1].set_xlabel("average precision")
    figure.savefig(IMAGES / "ranking.png", dpi=110)
    figure, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
    draw_wrappers(ax)
    figure.savefig(IMAGES / "wrappers.png", dpi=110)
