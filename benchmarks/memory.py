"""How much memory a process gains while it fits again and again.

    python benchmarks/memory.py
    python benchmarks/memory.py --fits 50

Tables of 300 x 20, each of its own rows. The first ten fits are not counted, for they
load TensorFlow and build the networks. Needs Linux. Set TF_CPP_MIN_LOG_LEVEL=3 for a
quiet TensorFlow.
"""

import argparse
import gc
from pathlib import Path

import numpy as np

from skviann import VIANNClassifier, VIANNSelector

WARM_UP = 10


def resident_mb():
    """Memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def growth(estimator, n_fits):
    """MB that a number of fits add."""
    for seed in range(WARM_UP + n_fits):
        if seed == WARM_UP:
            gc.collect()
            before = resident_mb()
        X = np.random.default_rng(seed).normal(size=(300, 20))
        estimator.fit(X, X[:, 0] > 0)
    gc.collect()
    return resident_mb() - before


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fits", type=int, default=200)
    options = parser.parse_args()
    for estimator in (VIANNClassifier(random_state=0), VIANNSelector(random_state=0)):
        added = growth(estimator, options.fits)
        name = type(estimator).__name__
        print(f"{name}: {added:.0f} MB in {options.fits} fits", flush=True)


if __name__ == "__main__":
    main()
