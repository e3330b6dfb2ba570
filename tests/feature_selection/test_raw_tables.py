"""Selection from tables as they come, on data whose relevant columns are known."""

import copy
import pickle
import re
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import ShuffleSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from conftest import FAST
from skviann import VIANNClassifier, VIANNRegressor, VIANNSelector, one_hot_groups
from skviann.wrappers import KerasClassifier

N = 600
RELEVANT = ["number", "city", "half", "asked", "joined", "visit"]


def make_table(seed=0):
    """A table with relevant columns of every kind, and noise of every kind."""
    rng = np.random.default_rng(seed)
    days, visits = rng.uniform(0, 900, (2, N))
    city = rng.integers(0, 6, N)
    table = pd.DataFrame(
        {
            "number": rng.normal(size=N),
            "noise": rng.normal(size=N),
            "city": np.array(["Ulm", "Bonn", "Jena", "Kiel", "Hof", "Trier"])[city],
            "shop": rng.choice(["a", "b", "c", "d"], N),
            "half": np.where(rng.random(N) < 0.5, np.nan, rng.normal(size=N)),
            "gaps": np.where(rng.random(N) < 0.5, np.nan, rng.normal(size=N)),
            "asked": np.where(rng.random(N) < 0.3, np.nan, rng.normal(size=N)),
            "joined": pd.Timestamp("2022-03-01") + pd.to_timedelta(days, "D"),
            "visit": pd.Timestamp("2022-03-01") + pd.to_timedelta(visits, "D"),
            "born": pd.Timestamp("1980-03-01")
            + pd.to_timedelta(12 * visits[::-1], "D"),
            "flag": rng.random(N) < 0.5,
            "customer": [f"C{number}" for number in rng.permutation(N)],
        }
    )
    y = (
        1.5 * table["number"]
        + 1.5 * np.array([-1, -0.5, 0, 0.5, 1, 1.5])[city]
        + 1.5 * table["half"].fillna(0)
        + 2.5 * table["asked"].isna()
        + days / 250
        + 2.5 * (table["visit"].dt.day_of_week >= 5)
        + 0.5 * rng.normal(size=N)
    )
    return table, y.to_numpy()


TABLE, Y = make_table()
LABELS = np.where(np.median(Y) < Y, "high", "low")


@pytest.fixture(scope="module")
def selector():
    return VIANNSelector(n_repeats=1, random_state=0).fit(TABLE, Y)


@pytest.fixture(scope="module")
def of_polars():
    return VIANNSelector(n_repeats=1, random_state=0).fit(
        pl.from_pandas(TABLE), pl.Series(Y)
    )


@pytest.mark.parametrize("task", ["quantity", "classes"])
def test_relevant_columns_of_every_kind_are_found(task, selector):
    if task == "classes":
        selector = VIANNSelector(n_repeats=1, random_state=0).fit(TABLE, LABELS)
    assert set(RELEVANT) <= set(selector.get_feature_names_out())
    assert selector.n_features_ <= len(RELEVANT) + 1
    assert selector.feature_importances_[list(TABLE).index("customer")] == 0
    assert selector.feature_importances_.sum() == pytest.approx(1)


def test_networks_predict_for_tables():
    for network, y in ((VIANNRegressor(), Y), (VIANNClassifier(), LABELS)):
        network.set_params(random_state=0).fit(TABLE[:450], y[:450])
        assert network.score(TABLE[450:], y[450:]) > 0.8
        again = pickle.loads(pickle.dumps(network))
        assert_array_equal(again.predict(TABLE), network.predict(TABLE))


def test_the_keras_model_of_a_raw_table():
    network = VIANNClassifier(random_state=0).fit(TABLE, LABELS)
    probabilities = network.model_.predict(network.encode(TABLE), verbose=0)
    assert_allclose(probabilities[:, 0], network.predict_proba(TABLE)[:, 1], atol=1e-5)
    assert not hasattr(network, "scaler_")
    dates = VIANNClassifier(random_state=0).fit(TABLE[["born"]], LABELS)
    assert not hasattr(dates, "scaler_")


def test_polars_and_pandas_are_the_same(selector, of_polars):
    table = pl.from_pandas(TABLE)
    assert_allclose(of_polars.importances_, selector.importances_, rtol=1e-5)
    assert_allclose(
        of_polars.estimator_.predict(table), selector.estimator_.predict(TABLE)
    )


def test_a_table_of_pyarrow_is_a_frame(selector):
    table = pa.Table.from_pandas(TABLE)
    of_pyarrow = VIANNSelector(n_repeats=1, random_state=0).fit(table, Y)
    assert_array_equal(of_pyarrow.feature_names_in_, TABLE.columns)
    assert_allclose(of_pyarrow.importances_, selector.importances_, rtol=1e-5)
    kept = of_pyarrow.transform(table), selector.transform(TABLE)
    pd.testing.assert_frame_equal(*map(pd.DataFrame, kept))


def test_names_of_levels_and_units_do_not_matter(selector):
    other = TABLE.assign(
        city=TABLE["city"].str.upper().astype("category"),
        number=1000 * TABLE["number"] - 7,
        flag=TABLE["flag"].astype(int),
        shop=TABLE["shop"].map({"a": "z", "b": "y", "c": "x", "d": "w"}),
    )
    again = VIANNSelector(n_repeats=1, random_state=0).fit(other, Y)
    assert_allclose(again.importances_, selector.importances_, rtol=0.02, atol=1e-4)


def test_rows_without_weight_are_as_if_they_were_not_there():
    weight = np.ones(N)
    weight[500:] = 0
    other = TABLE.copy()
    other.loc[500:, "city"] = "nowhere"
    network = VIANNRegressor(random_state=0)
    weighted = clone(network).fit(other, Y, sample_weight=weight)
    removed = clone(network).fit(TABLE[:500], Y[:500])
    assert_allclose(weighted.importances_, removed.importances_, rtol=1e-4)


# Text that stands for dates and numbers, and text that is not used


def as_text(table):
    """The table as a file may have it, and as pandas reads it from there."""
    number, visit = table["number"].round(2), table["visit"].dt.floor("min")
    texts = table.assign(
        number=number.map("{:,.2f} $".format),
        visit=visit.dt.strftime("%d/%m/%Y %H:%M"),
        joined=table["joined"].dt.strftime("%b-%Y"),
    )
    month = table["joined"].dt.to_period("M").dt.start_time
    return texts, table.assign(number=number, visit=visit, joined=month)


@pytest.mark.filterwarnings("ignore:Some columns")
def test_dates_and_numbers_in_text_are_selected_as_what_they_are():
    texts, values = as_text(TABLE)
    network = VIANNRegressor(**FAST)
    of_text = VIANNSelector(network, n_repeats=1, random_state=0).fit(texts, Y)
    of_values = VIANNSelector(network, n_repeats=1, random_state=0).fit(values, Y)
    assert_array_equal(of_text.importances_, of_values.importances_)
    assert_array_equal(of_text.get_support(), of_values.get_support())
    assert of_text.get_support()[list(TABLE).index("number")]
    assert_array_equal(
        of_text.estimator_.predict(texts[::-1]),
        of_values.estimator_.predict(values[::-1]),
    )
    # It comes out as it came.
    kept = of_text.set_output(transform="pandas").transform(texts)
    pd.testing.assert_frame_equal(kept, texts[list(kept)])
    with pytest.raises(ValueError, match="'visit' held .*%d/%m/%Y.* holds 'soon' now"):
        of_text.estimator_.predict(texts.assign(visit="soon"))


@pytest.mark.filterwarnings("ignore:Some columns")
def test_later_chunks_are_read_in_the_format_of_the_first():
    texts, values = as_text(TABLE)
    # The day comes first, as the first chunk tells and the second one does not.
    is_clear = TABLE["visit"].dt.day > 12
    order = np.r_[np.flatnonzero(is_clear), np.flatnonzero(~is_clear)]
    chunks = order[: is_clear.sum()], order[is_clear.sum() :]
    of_text, of_values = (VIANNRegressor(**FAST, random_state=0) for _ in range(2))
    for rows in chunks:
        of_text.partial_fit(texts.iloc[rows], Y[rows])
        of_values.partial_fit(values.iloc[rows], Y[rows])
    assert_array_equal(of_text.importances_, of_values.importances_)


def make_odd_table():
    """A table with columns that are of little use as they are."""
    rng = np.random.default_rng(0)
    words = rng.choice(["the", "dog", "ran", "home"], (N, 9))
    names = pd.Series([f"N{number}" for number in rng.integers(0, 200, N)])
    customers = TABLE["customer"]
    return TABLE[["number", "city", "joined", "gaps"]].assign(
        price=TABLE["number"].map("${:.2f}".format),
        day=TABLE["visit"].dt.strftime("%m/%d/%Y"),
        notes=[" ".join(some) for some in words],
        customer=customers,
        half_known=customers.where(TABLE["flag"]),
        name=names.where(rng.random(N) < 0.9, "Smith"),
        surname=names,
        seldom=[f"S{number // 3}" for number in range(N)],
        unclear=[f"0{a}/0{b}/2024" for a, b in rng.integers(1, 10, (N, 2))],
        same="a",
        nothing=None,
        zero=0.0,
    )


READ_AS = {
    "number": "number",
    "gaps": "number",
    "city": "category of 6 levels",
    "joined": "date",
    "price": "number ($)",
    "day": "date (%m/%d/%Y)",
    "same": "constant",
    "zero": "constant",
    "nothing": "nothing but gaps",
    "notes": "free text, 4 components",
    "customer": "identifier: not used",
    "half_known": "identifier: only its gaps are used",
    "seldom": "200 rare levels: not used",
    "unclear": "category of 32 of 81 levels",
}
ADVICE = {
    "customer": "Drop it",
    "half_known": "Drop it",
    "name": "Put levels together",
    "surname": "Put levels together",
    "seldom": "TargetEncoder",
    "unclear": "dayfirst",
}


def warned_columns(fit):
    """Columns of the one warning, and its advice."""
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        fit()
    (warning,) = [one for one in record if "of little use" in str(one.message)]
    assert warning.filename == __file__
    lines = str(warning.message).splitlines()[1:]
    return {line.split("'")[1]: line for line in lines}


def test_columns_that_are_not_used_are_named():
    table = make_odd_table()
    selector = VIANNSelector(VIANNRegressor(**FAST), threshold="mean", n_repeats=2)
    lines = warned_columns(lambda: selector.fit(table, Y))
    assert list(lines) == [name for name in table if name in ADVICE]
    for name, advice in ADVICE.items():
        assert advice in lines[name]
    summary = selector.summary().set_index("feature")
    n_names = [table[name].nunique() for name in ("name", "surname")]
    for name, n_levels in zip(["name", "surname"], n_names, strict=True):
        words = rf"category of \d+ of {n_levels} levels"
        assert re.fullmatch(words, summary["read as"][name])
    assert summary["read as"].drop(["name", "surname"]).to_dict() == READ_AS
    is_unused = summary["importance"] == 0
    assert set(summary.index[is_unused]) == {
        *("customer", "seldom", "same", "zero", "nothing")
    }
    selector.set_params(n_repeats=1)
    assert warned_columns(lambda: selector.partial_fit(table, Y)) == lines
    assert warned_columns(lambda: make_pipeline(selector).fit(table, Y)) == lines
    network = VIANNRegressor(**FAST)
    assert warned_columns(lambda: network.fit(table, Y)) == lines
    one_fold = ShuffleSplit(1, test_size=10, random_state=0)
    assert warned_columns(lambda: cross_val_score(network, table, Y, cv=one_fold))
    assert warned_columns(lambda: network.adapt(table, Y)) == lines
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network.partial_fit(table, Y)
        network.fit(table.drop(columns=list(ADVICE)), Y)


def test_a_group_is_read_as_all_of_its_columns():
    table, labels = with_dummies()
    labels[0] = "shop"
    selector = VIANNSelector(VIANNRegressor(**FAST), feature_groups=labels)
    read_as = selector.fit(table.assign(number="1.5"), Y).summary()
    read_as = read_as.set_index("feature")["read as"]
    assert read_as["shop"] == "constant, number"
    assert read_as["city"] == "number"


def test_names_of_several_levels():
    frame = pd.DataFrame(
        np.random.default_rng(0).normal(size=(N, 3)),
        columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "x")]),
    )
    selector = VIANNSelector(VIANNClassifier(**FAST), random_state=0)
    selector.fit(frame, frame["a", "y"] > 0)
    assert selector.summary()["feature"][0] == ("a", "y")
    assert_array_equal(selector.transform(frame), frame.loc[:, selector.get_support()])


# Groups


def with_dummies():
    encoder = OneHotEncoder(sparse_output=False).set_output(transform="pandas")
    dummies = encoder.fit_transform(TABLE[["city", "shop"]])
    numbers = TABLE[["number", "noise", "half"]]
    labels = [None] * 3 + one_hot_groups(encoder)
    return pd.concat([numbers, dummies], axis=1), labels


def test_columns_of_a_group_are_one_feature():
    table, labels = with_dummies()
    selector = VIANNSelector(feature_groups=labels, n_repeats=1, random_state=0).fit(
        table, Y
    )
    is_city = np.array(labels) == "city"
    for values in (
        selector.feature_importances_,
        selector.ranking_,
        selector.selection_frequency_,
        selector.get_support(),
    ):
        assert values.shape == (table.shape[1],)
        assert len(set(values[is_city])) == 1
    summary = selector.summary().set_index("feature")
    assert set(summary.index) == {"number", "noise", "half", "city", "shop"}
    assert summary["importance"].sum() == pytest.approx(1)
    assert set(summary.index[summary["kept"]]) == {"number", "half", "city"}
    assert selector.n_features_ == 3
    assert selector.transform(table).shape == (N, 8)
    # The same as the column that the dummies were made of.
    whole = TABLE[["number", "noise", "half", "city", "shop"]]
    of_text = VIANNSelector(n_repeats=1, random_state=0).fit(whole, Y)
    assert_allclose(
        summary["importance"][list(whole)], of_text.feature_importances_, rtol=0.1
    )


def test_max_features_and_thresholds_count_groups():
    table, labels = with_dummies()
    selector = VIANNSelector(
        feature_groups=labels, threshold=-np.inf, max_features=2, random_state=0
    ).fit(table, Y)
    kept = selector.summary()
    assert kept["kept"].tolist() == [True, True, False, False, False]
    selector.set_params(threshold="mean", max_features=None)
    assert selector.threshold_ == pytest.approx(1 / 5)
    assert_array_equal(
        selector.get_support(), selector.feature_importances_ >= selector.threshold_
    )


def test_groups_of_the_network_are_those_of_the_selector():
    table, labels = with_dummies()
    network = VIANNRegressor(feature_groups=labels)
    selector = VIANNSelector(network, n_repeats=1, random_state=0).fit(table, Y)
    direct = VIANNSelector(feature_groups=labels, n_repeats=1, random_state=0)
    assert_array_equal(selector.importances_, direct.fit(table, Y).importances_)


# The test of significance


def test_significance_of_every_kind():
    table, labels = with_dummies()
    table = pd.concat([table, TABLE[["asked", "joined", "customer", "flag"]]], axis=1)
    labels += [None] * 4
    # Numbers that belong together, one of which matters.
    table["extra"] = np.random.default_rng(1).normal(size=N)
    labels += ["pair"]
    labels[0] = "pair"
    selector = VIANNSelector(
        threshold="fdr", feature_groups=labels, random_state=0
    ).fit(table, Y)
    summary = selector.summary().set_index("feature")
    assert {"pair", "half", "city", "asked", "joined"} <= set(
        summary.index[summary["pvalue"] < 0.01]
    )
    assert summary["pvalue"]["customer"] == 1
    assert (summary["pvalue"][["noise", "shop", "flag"]] > 0.001).all()
    assert len(set(selector.pvalues_[np.array(labels) == "city"])) == 1


# What comes out


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_the_same_table_comes_out_narrower(selector, of_polars, kind):
    table = TABLE if kind == "pandas" else pl.from_pandas(TABLE)
    selector = copy.deepcopy(selector if kind == "pandas" else of_polars)
    names = list(selector.get_feature_names_out())
    kept = selector.set_output(transform=kind).transform(table)
    assert list(kept.columns) == names
    if kind == "pandas":
        pd.testing.assert_frame_equal(kept, TABLE[names])
    else:
        assert kept.equals(table[names])
    other = {"pandas": "polars", "polars": "pandas"}[kind]
    there = selector.set_output(transform=other).transform(table)
    assert list(there.columns) == names
    assert type(there).__module__.startswith(other)
    array = selector.set_output(transform="default").transform(table)
    assert array.dtype == object
    assert_array_equal(array[:, names.index("city")], TABLE["city"])


def test_numbers_come_out_as_an_array_of_numbers():
    numbers = TABLE[["number", "noise", "half"]]
    selector = VIANNSelector(n_repeats=1, random_state=0).fit(numbers, Y)
    array = selector.transform(numbers)
    assert array.dtype == float
    assert_array_equal(array, numbers[selector.get_feature_names_out()])


def test_what_is_kept_goes_into_boosting(selector):
    kept = copy.copy(selector).set_output(transform="pandas").transform(TABLE)
    kept["city"] = kept["city"].astype("category")
    kept[["joined", "visit"]] = kept[["joined", "visit"]].astype("int64")
    boosting = HistGradientBoostingClassifier(
        categorical_features="from_dtype", max_iter=30
    )
    assert boosting.fit(kept, LABELS).score(kept, LABELS) > 0.9


def test_other_tables_at_transform(selector):
    with pytest.raises(ValueError, match="yet now missing:\n- visit"):
        selector.transform(TABLE.drop(columns="visit"))
    with pytest.raises(ValueError, match="unseen at fit time:\n- new"):
        selector.transform(TABLE.assign(new=1))
    with pytest.raises(ValueError, match="'city' held text .* holds numbers now"):
        selector.transform(TABLE.assign(city=1))
    with pytest.raises(ValueError, match="'number' held numbers .* holds text now"):
        selector.estimator_.predict(TABLE.assign(number="1"))


# Sparse matrices and several labels


def test_sparse_is_as_dense():
    rng = np.random.default_rng(0)
    X = rng.poisson(0.4, (400, 40)).astype(float)
    y = (X[:, 3] > 0) ^ (X[:, 5] > 1)
    dense = VIANNSelector(n_repeats=1, random_state=0).fit(X, y)
    network = VIANNClassifier(random_state=0)
    of_dense = clone(network).fit(X, y).feature_importances_
    for kind in (scipy.sparse.csr_matrix, scipy.sparse.csc_array):
        sparse = clone(dense).fit(kind(X), y)
        assert_array_equal(sparse.get_support(), dense.get_support())
        kept = sparse.transform(kind(X))
        assert scipy.sparse.issparse(kept)
        assert_array_equal(kept.toarray(), X[:, sparse.get_support()])
        network.fit(kind(X), y)
        assert_allclose(network.feature_importances_, of_dense, atol=0.01)
        assert network.predict(kind(X)).shape == y.shape


def test_several_labels():
    labels = np.column_stack([TABLE["number"] > 0, TABLE["city"] == "Ulm"]).astype(int)
    network = VIANNClassifier(random_state=0).fit(TABLE[:450], labels[:450])
    predicted = network.predict(TABLE[450:])
    assert set(np.unique(predicted)) == {0, 1}
    exact = (predicted == labels[450:]).all(axis=1).mean()
    assert network.score(TABLE[450:], labels[450:]) == exact > 0.8
    probabilities = network.predict_proba(TABLE)
    assert probabilities.shape == (N, 2)
    assert_array_equal(probabilities > 0.5, network.predict(TABLE))
    selector = VIANNSelector(n_repeats=1, random_state=0).fit(TABLE, labels)
    assert set(selector.get_feature_names_out()) == {"number", "city"}


# Mistakes


def test_parameters_of_others():
    with pytest.raises(TypeError, match="no n_features_to_select. max_features=5"):
        VIANNSelector(n_features_to_select=5)


def test_infinity_names_its_column():
    table = TABLE.assign(half=np.where(TABLE["half"] > 2, np.inf, TABLE["half"]))
    selector = VIANNSelector()
    with pytest.raises(ValueError, match="infinity .* in column 'half'"):
        selector.fit(table, Y)
    assert not hasattr(selector, "n_features_in_")
    sparse = scipy.sparse.csr_matrix([[0.0, 1], [np.inf, 0]] * 5)
    with pytest.raises(ValueError, match="infinity .* in column 0"):
        VIANNClassifier().fit(sparse, [0, 1] * 5)


def test_images_are_for_other_networks():
    with pytest.raises(ValueError, match="dim 3.* network of your own"):
        VIANNClassifier().fit(np.zeros((10, 4, 4)), [0, 1] * 5)


def test_the_callers_table_stays_as_it_was(selector):
    copy.copy(selector).set_output(transform="pandas").transform(TABLE)
    pd.testing.assert_frame_equal(TABLE, make_table()[0])


def test_tags():
    for estimator in (VIANNSelector(), VIANNClassifier(), VIANNRegressor()):
        tags = estimator.__sklearn_tags__().input_tags
        assert tags.allow_nan
        assert tags.categorical
        assert tags.string
        assert tags.sparse
    network = KerasClassifier(lambda: None)
    assert VIANNSelector(network).__sklearn_tags__().input_tags.categorical
    of_numbers = VIANNSelector(network, encode=False).__sklearn_tags__().input_tags
    assert not of_numbers.allow_nan
    assert not of_numbers.categorical


@pytest.mark.parametrize("convert", [pd.DataFrame, pl.from_pandas])
def test_no_warning_leaks(convert):
    table = convert(TABLE.drop(columns="customer"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        selector = VIANNSelector(threshold="fdr", alpha=0.3, random_state=0)
        assert selector.fit_transform(table, LABELS).shape[0] == N
        selector.estimator_.predict_proba(table)


def test_columns_of_gaps_alone_in_rows_to_predict():
    """A file tells no other type for them than numbers."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "city": rng.choice(["Rome", "Oslo"], 80),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(80), "D"),
            "size": rng.normal(size=80),
        }
    )
    network = VIANNClassifier(**FAST, random_state=0)
    network.fit(table, table["city"] == "Rome")
    rows = table.iloc[:3]
    expected = network.predict_proba(rows.assign(city=None, day=pd.NaT))
    gaps = rows.assign(city=np.nan, day=np.nan)
    assert_array_equal(network.predict_proba(gaps), expected)
    sizes = network.predict_proba(rows.assign(size=np.nan))
    assert_array_equal(network.predict_proba(rows.assign(size=pd.NaT)), sizes)


def test_columns_of_several_levels_stay_in_order():
    names = pd.MultiIndex.from_product([["a", "b"], ["x", "y"]])
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(80, 4)), columns=names)
    y = (frame[("a", "y")] > 0).to_numpy()
    selector = VIANNSelector(VIANNClassifier(**FAST), threshold="mean").fit(frame, y)
    with pytest.raises(ValueError, match=r"\('b', 'y'\) where it had \('a', 'x'"):
        selector.estimator_.predict(frame[frame.columns[::-1]])
