"""What a fit of the selector has found out, with either kind of network."""

from typing import Any, NamedTuple

import numpy as np

from skviann.feature_selection._path import (
    MAX_HELD_OUT_ROWS,
    Path,
    in_blocks,
    merge_paths,
)


class Findings(NamedTuple):
    """What a fit of the selector has found out."""

    importances: np.ndarray  # (n_networks, n_features)
    n_rounds: np.ndarray  # (n_features,): that a feature took part in, mean over folds
    estimator: Any  # the first network, fitted on all features
    path: Path | None = None
    pvalues: np.ndarray | None = None
    needs: np.ndarray | None = None  # (n_features,): what the second look found


def merge_findings(findings, weights, seed):
    """Average what was found out on several chunks of rows, but for the test.

    Parameters
    ----------
    findings : list of Findings
        Of as many networks each.
    weights : list of float
        How much each chunk counts.
    seed : int
        Held-out losses are averaged over blocks of rows, drawn with it.

    Returns
    -------
    findings : Findings
        With the last chunk's estimator.
    """

    def mean(name):
        return np.average(
            [getattr(one, name) for one in findings], axis=0, weights=weights
        )

    path, needs = findings[-1].path, findings[-1].needs
    if path is not None:
        needs = mean("needs")
        path = merge_paths([one.path for one in findings], weights)
        losses, of_rows = in_blocks(path.losses, path.weights, MAX_HELD_OUT_ROWS, seed)
        path = path._replace(losses=losses, weights=of_rows)
    return findings[-1]._replace(
        importances=mean("importances"),
        n_rounds=mean("n_rounds"),
        path=path,
        needs=needs,
    )
