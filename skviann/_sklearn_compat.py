"""Every private name of scikit-learn that skviann uses, in one place.

They are what scikit-learn's own estimators are made of, and have no public twin. When
one of them moves, `tests/test_sklearn_compat.py` says so, and this is the only file to
change.
"""

from sklearn.base import _fit_context
from sklearn.utils import _safe_indexing
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    StrOptions,
    validate_params,
)
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.metadata_routing import _routing_enabled
from sklearn.utils.validation import _check_method_params, _check_sample_weight

__all__ = [
    "HasMethods",
    "Interval",
    "StrOptions",
    "_check_method_params",
    "_check_sample_weight",
    "_fit_context",
    "_get_output_config",
    "_routing_enabled",
    "_safe_indexing",
    "check_matplotlib_support",
    "columns_of_transformers",
    "validate_params",
]


def columns_of_transformers(column_transformer):
    """Numbers of the columns that each transformer gets: a dict of name to list."""
    return column_transformer._transformer_to_input_indices
