"""Estimators for data on many machines, with Dask.

They take `dask.dataframe` and `dask.array` collections, and have the parameters,
attributes and methods of the estimators for one machine. Needs the extra ``dask``:
``pip install "skviann[dask]"``.
"""

try:
    import distributed as _  # noqa: F401
except ImportError as error:
    raise ImportError(
        'skviann.dask needs Dask: pip install "skviann[dask]".'
    ) from error

from skviann.dask._estimators import (
    DaskVIANNClassifier,
    DaskVIANNRegressor,
    DaskVIANNSelector,
)

__all__ = ["DaskVIANNClassifier", "DaskVIANNRegressor", "DaskVIANNSelector"]
