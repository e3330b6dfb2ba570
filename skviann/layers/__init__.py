"""Keras layers: columns encoded by their quantiles, and independent networks in one."""

from skviann.layers._encoding import PiecewiseLinearEncoding
from skviann.layers._packed import MeanOfMembers, PackedDense
from skviann.layers._selection import (
    LearnedDropout,
    OneToOne,
    RowSparseDense,
    SelectionLayer,
)

__all__ = [
    "LearnedDropout",
    "MeanOfMembers",
    "OneToOne",
    "PackedDense",
    "PiecewiseLinearEncoding",
    "RowSparseDense",
    "SelectionLayer",
]
