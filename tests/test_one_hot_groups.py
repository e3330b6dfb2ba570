"""Where outputs come from, against what changes when a column's values do."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import issparse
from sklearn.base import OneToOneFeatureMixin
from sklearn.compose import (
    ColumnTransformer,
    make_column_selector,
    make_column_transformer,
)
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    Normalizer,
    OneHotEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.utils import all_estimators

from skviann import one_hot_groups

RNG = np.random.default_rng(0)
N = 60
TABLE = pd.DataFrame(
    {
        "size": RNG.choice(list("SML"), N),
        "price": RNG.gamma(2, size=N),
        "new": RNG.choice(["yes", "no"], N),
        "weight": RNG.gamma(3, size=N),
        "shop": RNG.choice(list("abcdefgh"), N),
        "stars": RNG.choice([1.0, 1.0, 1.0, 2.0, 3.0], N),
        "remark": [f"word{one} word{two}" for one, two in RNG.integers(5, size=(N, 2))],
    }
)
Y = RNG.integers(3, size=N)
NUMBERS = TABLE[["price", "weight", "stars"]]
WORDS = TABLE[["size", "new", "shop"]]
GAPS = NUMBERS.mask(RNG.random(NUMBERS.shape) < [[0.2, 0, 0.3]])
GAPS.insert(1, "empty", np.nan)
SETTINGS = [
    {},
    {"drop": "first"},
    {"drop": "if_binary"},
    {"max_categories": 3},
    {"min_frequency": 8, "drop": "first"},
]


def labels_by_trial(transformer, X, other=None):
    """For each output the names of those columns whose other values change it."""
    if other is None:
        other = X.sample(frac=1, random_state=1)
    before = values_of(transformer.transform(X))
    changes = []
    for name in X:
        after = X.copy()
        after[name] = other[name].to_numpy()
        after = values_of(transformer.transform(after))
        changes.append(~np.isclose(before, after, equal_nan=True).all(axis=0))
    return [" ".join(X.columns[of_one]) or None for of_one in np.transpose(changes)]


def values_of(output):
    return np.asarray(output.toarray() if issparse(output) else output, dtype=float)


def check(transformer, X, y=None):
    transformer.fit(X, y)
    labels = one_hot_groups(transformer)
    assert labels == labels_by_trial(transformer, X)
    return labels


@pytest.mark.parametrize("settings", SETTINGS)
def test_one_hot_encoders(settings):
    check(OneHotEncoder(**settings), WORDS)


@pytest.mark.parametrize(
    "transformer",
    [
        SplineTransformer(n_knots=4),
        SplineTransformer(degree=2, include_bias=False, extrapolation="periodic"),
        KBinsDiscretizer(4, encode="onehot", quantile_method="averaged_inverted_cdf"),
        KBinsDiscretizer(3, encode="onehot-dense", strategy="uniform"),
        KBinsDiscretizer(3, encode="ordinal", strategy="uniform"),
        PolynomialFeatures(degree=3),
        PolynomialFeatures(degree=(2, 3), interaction_only=True),
        FunctionTransformer(),
        FunctionTransformer(np.log1p, feature_names_out="one-to-one"),
        VarianceThreshold(2),
        make_pipeline(
            PolynomialFeatures(include_bias=False), "passthrough", SelectKBest(k=4)
        ),
        make_pipeline(KBinsDiscretizer(3, strategy="uniform"), VarianceThreshold()),
        make_pipeline(SplineTransformer(2, degree=1), PolynomialFeatures()),
        make_union(StandardScaler(), "passthrough", PolynomialFeatures(), "drop"),
    ],
)
@pytest.mark.filterwarnings("ignore:Bins whose width are too small")
def test_transformers_of_numbers(transformer):
    check(transformer, NUMBERS, Y)


def test_names_of_products():
    labels = check(PolynomialFeatures(), NUMBERS[["price", "weight"]])
    assert labels == [None, "price", "weight", "price", "price weight", "weight"]


def test_bins_that_were_merged():
    bins = KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf")
    with pytest.warns(UserWarning, match="too small"):
        labels = check(bins, NUMBERS)
    assert labels.count("stars") < labels.count("price") == 4


def test_an_encoder_of_a_target_with_classes():
    labels = check(TargetEncoder(random_state=0), WORDS, Y)
    assert labels == ["size"] * 3 + ["new"] * 3 + ["shop"] * 3


def test_scikit_learns_transformers_of_one_column_to_one():
    refused = set()
    for name, kind in all_estimators("transformer"):
        if issubclass(kind, OneToOneFeatureMixin):
            transformer = kind().set_params(
                **{"n_quantiles": 9} if name == "QuantileTransformer" else {}
            )
            target = Y > 1 if name == "TargetEncoder" else None
            try:
                labels = one_hot_groups(transformer.fit(NUMBERS, target))
            except TypeError:
                refused.add(name)
            else:
                assert labels == list(NUMBERS)
                if name != "Binarizer":  # all numbers are above 0
                    assert labels == labels_by_trial(transformer, NUMBERS)
    assert refused == {"Normalizer", "TfidfTransformer"}


# Gaps


def test_imputers_that_look_at_one_column():
    transformer = SimpleImputer(add_indicator=True).fit(GAPS)
    labels = one_hot_groups(transformer)
    assert labels == ["price", "weight", "stars", "price", "empty", "stars"]
    other = GAPS.sample(frac=1, random_state=1).assign(empty=1.0)
    assert labels == labels_by_trial(transformer, GAPS, other)
    other = other.drop(columns="weight").assign(weight=TABLE["weight"][::-1].to_numpy())
    for transformer in (
        SimpleImputer(add_indicator=True, keep_empty_features=True),
        SimpleImputer(strategy="constant", fill_value=7),
        MissingIndicator(),
        MissingIndicator(features="all"),
    ):
        labels = one_hot_groups(transformer.fit(GAPS))
        found = labels_by_trial(transformer, GAPS, other)
        # The indicator of a column without gaps is constant.
        assert [
            found or one for one, found in zip(labels, found, strict=True)
        ] == labels
        assert len(labels) == transformer.transform(GAPS).shape[1]


@pytest.mark.parametrize("keep_empty", [False, True])
@pytest.mark.parametrize("kind", [KNNImputer, IterativeImputer])
def test_imputers_that_look_at_several_columns(kind, keep_empty):
    settings = {"max_iter": 1, "tol": 1e9} if kind is IterativeImputer else {}
    transformer = kind(keep_empty_features=keep_empty, **settings).fit(GAPS)
    labels = one_hot_groups(transformer)
    full = NUMBERS.copy()
    full.insert(1, "empty", RNG.normal(size=N))
    found = labels_by_trial(transformer, full)
    assert ("empty" in labels) == keep_empty
    if keep_empty and kind is KNNImputer:  # makes it a column of zeros
        assert found.pop(1) is None
        found.insert(1, "empty")
    assert labels == found
    transformer.set_params(add_indicator=True).fit(GAPS)
    assert one_hot_groups(transformer) == [*labels, "price", "empty", "stars"]


# Column transformers


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_column_transformer(settings):
    transformer = make_column_transformer(
        (OneHotEncoder(**settings), ["shop"]),
        (StandardScaler(), ["price"]),
        (OneHotEncoder(**settings), ["size", "new"]),
        verbose_feature_names_out=False,
    )
    check(transformer, TABLE)


def test_any_transformer_of_a_single_column():
    transformer = make_column_transformer(
        (TfidfVectorizer(), "remark"),
        (make_pipeline(StandardScaler(), PCA()), ["weight"]),
        (FunctionTransformer(lambda one: np.hstack([one, one**2])), ["price"]),
        (PolynomialFeatures(), ["stars"]),
        sparse_threshold=1,
    )
    labels = check(transformer, TABLE)
    of_remark = ["remark"] * 5
    assert labels == [*of_remark, "weight", "price", "price", None, "stars", "stars"]
    assert issparse(transformer.transform(TABLE))


@pytest.mark.parametrize("remainder", ["drop", "passthrough", StandardScaler()])
def test_all_ways_to_choose_columns(remainder):
    table = TABLE.assign(more=RNG.normal(size=N), most=RNG.normal(size=N))
    is_weight = [name == "weight" for name in table]
    transformer = ColumnTransformer(
        [
            ("slice", OneHotEncoder(sparse_output=False), slice("new", "new")),
            ("mask", SplineTransformer(3), is_weight),
            ("dropped", "drop", ["remark", "size", "shop"]),
            ("empty", StandardScaler(), []),
            ("numbers", PolynomialFeatures(), [-2, 1]),
            ("kept", "passthrough", ["price"]),
            ("callable", SplineTransformer(4), make_column_selector("we|st")),
        ],
        remainder=remainder,
    )
    check(transformer, table)


def test_a_table_of_many_transformers():
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    inner = make_column_transformer(
        (StandardScaler(), ["weight"]), (words, ["shop", "new"]), remainder="drop"
    )
    outer = make_column_transformer(
        (words, ["size"]),
        (inner, ["new", "price", "weight", "shop"]),
        (make_pipeline(SimpleImputer(add_indicator=True), SplineTransformer(3)), [1]),
        sparse_threshold=0,
    )
    check(outer, TABLE)
    # Of two categories of a column, the product is always 0.
    products = make_pipeline(PolynomialFeatures(), VarianceThreshold())
    labels = check(make_pipeline(outer, products), TABLE)
    assert {"size", "size price", "price weight", "size shop"} < set(labels)


def test_columns_without_a_name():
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    transformer = make_column_transformer(
        (words, [2]), (StandardScaler(), [1]), (words, [0])
    ).fit(TABLE.to_numpy())
    assert one_hot_groups(transformer) == ["x2"] * 2 + ["x1"] + ["x0"] * 3


# skrub


@pytest.fixture
def skrub():
    return pytest.importorskip("skrub")


@pytest.fixture
def raw():
    """A table with dates and text; an empty column has the name of an output."""
    rng = np.random.default_rng(1)
    days = pd.to_timedelta(rng.integers(2000, size=N), "D")
    table = {
        "size": TABLE["size"],
        "price": TABLE["price"],
        "day": (pd.Timestamp("2019-05-01") + days).astype(str),
        "person": [f"{one} {two}" for one, two in rng.integers(99, size=(N, 2))],
        "size_L": None,
    }
    return pd.DataFrame(table)


def test_a_table_vectorizer(skrub, raw):
    vectorizer = skrub.TableVectorizer()
    labels = check(vectorizer, raw)
    assert vectorizer.all_outputs_[0] == "size_L"
    counts = {name: labels.count(name) for name in raw}
    assert counts == {"size_L": 0, "size": 3, "price": 1, "day": 4, "person": 30}


def test_a_table_vectorizer_with_encoders_of_choice(skrub, raw):
    own = SimpleImputer(add_indicator=True).set_output(transform="pandas")
    vectorizer = skrub.TableVectorizer(
        high_cardinality=skrub.GapEncoder(n_components=3, max_iter=2),
        numeric=StandardScaler(),
        datetime="drop",
        specific_transformers=[
            (skrub.MinHashEncoder(n_components=4), ["size"]),
            (own, ["gaps"]),
        ],
    )
    labels = check(vectorizer, raw.assign(gaps=GAPS["price"]))
    expected = ["size"] * 4 + ["price"] + ["person"] * 3 + ["gaps"] * 2
    assert labels == expected


def test_a_table_vectorizer_among_others(skrub, raw):
    transformer = make_column_transformer(
        (SplineTransformer(3), ["price"]),
        (skrub.TableVectorizer(), ["day", "size"]),
        (skrub.StringEncoder(n_components=3), "person"),
        verbose_feature_names_out=False,
    )
    check(make_pipeline(transformer, StandardScaler()), raw)
    model = skrub.tabular_pipeline(LogisticRegression()).fit(raw, Y)
    assert one_hot_groups(model[:-1]) == labels_by_trial(model[:-1], raw)


def test_encoders_of_single_columns(skrub, raw):
    encoder = skrub.StringEncoder(n_components=3)
    table = raw[["price", "person"]].assign(weight=TABLE["weight"])
    kept = skrub.ApplyToCols(encoder, cols=["person"], keep_original=True)
    columns = make_pipeline(kept, skrub.ApplyToCols(encoder, cols=["person"]))
    labels = check(columns, table)
    assert labels == ["price", *["person"] * 6, "weight"]
    of_several = skrub.ApplyToCols(PCA(), cols=["price", "weight"]).fit(table)
    with pytest.raises(TypeError, match="outputs of ApplyToCols"):
        one_hot_groups(of_several)


# What cannot be told


@pytest.mark.parametrize(
    ("transformer", "named"),
    [
        (PCA(), r"PCA\(\)"),
        (Normalizer(), r"Normalizer\(\)"),
        (FunctionTransformer(np.cumsum), "FunctionTransformer"),
        (make_pipeline(StandardScaler(), PCA(1)), r"PCA\(n_components=1\)"),
        (make_column_transformer((PCA(), [0, 1]), remainder="passthrough"), "PCA"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "LogisticRegression"),
    ],
)
def test_what_cannot_be_told(transformer, named):
    transformer.fit(NUMBERS, Y)
    message = f"the outputs of {named}.* come from. Accepted are .*feature_groups"
    with pytest.raises(TypeError, match=message):
        one_hot_groups(transformer)


def test_what_is_not_fitted_or_no_transformer():
    for transformer in (
        OneHotEncoder(),
        FunctionTransformer(),
        make_column_transformer((StandardScaler(), [0])),
    ):
        with pytest.raises(NotFittedError):
            one_hot_groups(transformer)
    with pytest.raises(TypeError, match="no step that does something"):
        one_hot_groups(make_pipeline("passthrough").fit(NUMBERS))
    with pytest.raises(TypeError, match="not an estimator"):
        one_hot_groups("encoder")


def test_names_that_two_features_would_have():
    table = NUMBERS.set_axis(["a", "b", "a b"], axis=1)
    with pytest.raises(ValueError, match=r"'a b', those of .* \[2\] and \[0, 1\]"):
        one_hot_groups(PolynomialFeatures().fit(table))
