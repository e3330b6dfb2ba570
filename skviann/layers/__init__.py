"""Keras layers: columns encoded by their quantiles, and independent networks in one."""

from skviann.layers._encoding import Bins, PiecewiseLinearEncoding, encode, find_bins
from skviann.layers._packed import MeanOfMembers, PackedDense
from skviann.layers._selection import (
    LearnedDropout,
    OneToOne,
    RowSparseDense,
    SelectionLayer,
)

__all__ = [
    "Bins",
    "LearnedDropout",
    "MeanOfMembers",
    "OneToOne",
    "PackedDense",
    "PiecewiseLinearEncoding",
    "RowSparseDense",
    "SelectionLayer",
    "encode",
    "find_bins",
]
