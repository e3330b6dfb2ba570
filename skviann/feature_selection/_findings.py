"""What a fit of the selector has found out, with either kind of network."""

from typing import Any, NamedTuple

import numpy as np

from skviann.feature_selection._path import Path


class Findings(NamedTuple):
    """What a fit of the selector has found out."""

    importances: np.ndarray  # (n_networks, n_features)
    n_rounds: np.ndarray  # (n_features,): that a feature took part in, mean over folds
    estimator: Any  # the first network, fitted on all features
    path: Path | None = None
    pvalues: np.ndarray | None = None
