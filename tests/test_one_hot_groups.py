"""Labels of a one-hot encoder's output, against scikit-learn's own names."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skviann import one_hot_groups

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "size": RNG.choice(list("SML"), 60),
        "price": RNG.normal(size=60),
        "new": RNG.choice(["yes", "no"], 60),
        "shop": RNG.choice(list("abcdefgh"), 60),
    }
)
SETTINGS = [
    {},
    {"drop": "first"},
    {"drop": "if_binary"},
    {"max_categories": 3},
    {"min_frequency": 8, "drop": "first"},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_an_encoder(settings):
    encoder = OneHotEncoder(**settings).fit(TABLE[["size", "new", "shop"]])
    names = encoder.get_feature_names_out()
    assert one_hot_groups(encoder) == [name.split("_")[0] for name in names]


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_column_transformer(settings):
    transformer = make_column_transformer(
        (OneHotEncoder(**settings), ["shop"]),
        (StandardScaler(), ["price"]),
        (OneHotEncoder(**settings), ["size", "new"]),
        verbose_feature_names_out=False,
    ).fit(TABLE)
    expected = [
        None if name == "price" else name.split("_")[0]
        for name in transformer.get_feature_names_out()
    ]
    assert one_hot_groups(transformer) == expected


def test_columns_without_a_name_do_not_meet():
    # The imputer hands on an array.
    transformer = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), [0]),
        (make_pipeline(StandardScaler()), [1]),
        (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), [2]),
    ).fit(TABLE.to_numpy())
    labels = one_hot_groups(transformer)
    assert labels[3] is None
    assert len(set(labels[:3])) == len(set(labels[4:])) == 1
    assert labels[0] != labels[4]


def test_other_transformers():
    with pytest.raises(TypeError, match="OneHotEncoder, or a ColumnTransformer or"):
        one_hot_groups(StandardScaler().fit(TABLE[["price"]]))
    with pytest.raises(NotFittedError):
        one_hot_groups(OneHotEncoder())
