"""What a raw table's columns become, against pandas, NumPy and the calendar."""

import datetime
import re
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

from skviann import VIANNClassifier
from skviann._table import check_table, code_table, learn_columns

N = 60
RNG = np.random.default_rng(0)
DAY = datetime.datetime(2020, 2, 29)
LEVELS = RNG.choice(["red", "green", "blue"], N, p=[0.5, 0.3, 0.2]).tolist()
CELLS = {
    "float": RNG.normal(size=N).tolist(),
    "integer": RNG.integers(0, 9, N).tolist(),
    "boolean": (RNG.random(N) < 0.5).tolist(),
    "text": LEVELS,
    "moment": [
        DAY + datetime.timedelta(hours=float(h)) for h in RNG.uniform(0, 9000, N)
    ],
    "day": [
        (DAY + datetime.timedelta(days=int(d))).date() for d in RNG.integers(0, 900, N)
    ],
    "duration": [datetime.timedelta(minutes=int(m)) for m in RNG.integers(1, 900, N)],
    "decimal": [Decimal(int(v)).scaleb(-2) for v in RNG.integers(-999, 999, N)],
    "time": [datetime.time(int(h), 30) for h in RNG.integers(0, 24, N)],
}
GAPS = RNG.random(N) < 0.2


def with_gaps(cells):
    return [None if gone else one for one, gone in zip(cells, GAPS, strict=True)]


CELLS |= {f"{name}, gaps": with_gaps(cells) for name, cells in CELLS.items()}
CELLS["nothing"] = [None] * N
FRAMES = {"pandas": pd.DataFrame(CELLS), "polars": pl.DataFrame(CELLS)}


def code(table, rows=None, categorical_features="from_dtype", max_categories=32):
    """Coded columns by name, of the table or of other rows; and what was learnt."""
    checked = check_table(VIANNClassifier(), table, reset=True)
    columns = learn_columns(checked, categorical_features, max_categories)
    if rows is not None:
        checked = check_table(VIANNClassifier(), rows, reset=True)
    coded = code_table(checked, columns)
    names = list(getattr(table, "columns", range(coded.shape[1])))
    return dict(zip(names, coded.T, strict=True)), columns


@pytest.fixture(scope="module", params=FRAMES)
def coded(request):
    return code(FRAMES[request.param])[0]


def days_of(moments):
    """Days since the midnight before the first one."""
    first = min(one for one in moments if one is not None)
    first = datetime.datetime(first.year, first.month, first.day)
    return [
        np.nan
        if one is None
        else (datetime.datetime(*one.timetuple()[:6]) - first).total_seconds() / 86400
        for one in moments
    ]


NUMBERS = {
    "float": float,
    "integer": float,
    "boolean": float,
    "decimal": float,
    "duration": datetime.timedelta.total_seconds,
    "time": lambda time: 3600 * time.hour + 60 * time.minute,
}


@pytest.mark.parametrize("suffix", ["", ", gaps"])
@pytest.mark.parametrize("name", NUMBERS)
def test_numbers(coded, name, suffix):
    expected = [
        np.nan if one is None else NUMBERS[name](one) for one in CELLS[name + suffix]
    ]
    assert_array_equal(coded[name + suffix], expected)


@pytest.mark.parametrize("suffix", ["", ", gaps"])
def test_levels_are_numbered_by_frequency(coded, suffix):
    cells = CELLS["text" + suffix]
    order = sorted(set(cells) - {None}, key=lambda one: -cells.count(one))
    expected = [np.nan if one is None else order.index(one) for one in cells]
    assert_array_equal(coded["text" + suffix], expected)


@pytest.mark.parametrize("suffix", ["", ", gaps"])
@pytest.mark.parametrize("name", ["moment", "day"])
def test_dates_are_days(coded, name, suffix):
    expected = days_of(CELLS[name + suffix])
    np.testing.assert_allclose(coded[name + suffix], expected, atol=2e-5)


def test_a_column_of_nothing(coded):
    assert np.isnan(coded["nothing"]).all()


PANDAS = {
    "nullable": pd.array(CELLS["integer, gaps"], dtype="Int64"),
    "boolean": pd.array(CELLS["boolean, gaps"], dtype="boolean"),
    "string": pd.array(CELLS["text, gaps"], dtype="string"),
    "object": np.array(CELLS["text, gaps"], dtype=object),
    "category": pd.Categorical(CELLS["text, gaps"]),
    "time zone": pd.DatetimeIndex(CELLS["moment"]).tz_localize("Asia/Tokyo"),
}
POLARS = {
    "category": pl.Series(CELLS["text, gaps"], dtype=pl.Categorical),
    "enum": pl.Series(CELLS["text, gaps"], dtype=pl.Enum(["blue", "green", "red"])),
    "decimal": pl.Series(CELLS["integer, gaps"]).cast(pl.Decimal(10, 2)),
    "time zone": pl.Series(CELLS["moment"]).dt.replace_time_zone("Asia/Tokyo"),
}
LIKE = {
    "nullable": "integer, gaps",
    "decimal": "integer, gaps",
    "boolean": "boolean, gaps",
    "time zone": "moment",  # by the clock on the wall
}


@pytest.mark.parametrize(
    ("frame", "name"),
    [(pd.DataFrame(PANDAS), name) for name in PANDAS]
    + [(pl.DataFrame(POLARS), name) for name in POLARS],
)
def test_dtypes(frame, name):
    expected = code(FRAMES["polars"])[0][LIKE.get(name, "text, gaps")]
    np.testing.assert_allclose(code(frame)[0][name], expected, atol=1e-9)


def test_categories_of_numbers():
    frame = pd.DataFrame({"zip": pd.Categorical([7] * 20 + [5] * 30 + [9] * 10)})
    assert_array_equal(code(frame)[0]["zip"], [1] * 20 + [0] * 30 + [2] * 10)
    # Numbers, unless they are said to be levels.
    frame = frame.astype(float)
    assert_array_equal(code(frame)[0]["zip"], frame["zip"])
    for wanted in (["zip"], [0], [True]):
        found = code(frame, categorical_features=wanted)[0]["zip"]
        assert_array_equal(found, [1] * 20 + [0] * 30 + [2] * 10)
    array = frame.to_numpy()
    assert_array_equal(
        code(array, categorical_features=[0])[0][0], [1] * 20 + [0] * 30 + [2] * 10
    )


def test_rare_and_unknown_levels_are_one():
    frame = pd.DataFrame({"x": ["a"] * 10 + ["b"] * 9 + ["c"] * 8 + ["d"] * 4})
    rows = pd.DataFrame({"x": ["a", "c", "d", "new", None]})
    # Four rows are too few; then the third is beyond the two most frequent.
    assert_array_equal(code(frame, rows)[0]["x"], [0, 2, 3, 3, np.nan])
    assert_array_equal(
        code(frame, rows, max_categories=2)[0]["x"], [0, 2, 2, 2, np.nan]
    )
    # Below half a percent: 19 of 4000 rows.
    many = pd.DataFrame({"x": ["a"] * 3961 + ["b"] * 20 + ["c"] * 19})
    assert_array_equal(code(many, rows)[0]["x"], [0, 2, 2, 2, np.nan])


def test_plain_arrays_are_not_copied():
    X = RNG.normal(size=(5, 3))
    checked = check_table(VIANNClassifier(), X, reset=True)
    assert learn_columns(checked, "from_dtype", 32) is None
    assert np.shares_memory(code_table(checked, None), X)


def test_arrays_of_objects_and_lists():
    cells = np.column_stack([CELLS["float"], CELLS["text"]]).astype(object)
    cells[:, 0] = CELLS["float"]
    by_name, _ = code(FRAMES["pandas"][["float", "text"]])
    for table in (cells, cells.tolist()):
        found, _ = code(table)
        assert_array_equal(found[0], by_name["float"])
        assert_array_equal(found[1], by_name["text"])


MIXED = {
    "dates and numbers": ([DAY] * 30 + [1.5] * 30, "numbers|dates"),
    "text and numbers": (["n/a"] * 2 + [1] * 58, "'n/a'.*to_numeric"),
    "text and dates": (["?"] + [DAY] * 59, "to_datetime"),
    "lists": ([[1, 2]] * N, "type list .60 of 60.*Split"),
    "dicts": ([{"a": 1}] * N, "type dict .*Split"),
    "complex": ([1 + 2j] * N, "complex128.*Convert or drop"),
}


@pytest.mark.parametrize("case", MIXED)
def test_columns_that_cannot_be_used(case):
    cells, message = MIXED[case]
    frame = pd.DataFrame({"fine": range(N), "bad": cells})
    with pytest.raises((TypeError, ValueError), match=f"'bad'.*({message})"):
        code(frame)


@pytest.mark.parametrize("kind", [pl.DataFrame, pa.table])
def test_lists_in_frames(kind):
    with pytest.raises(
        ValueError, match="'bad' is of a kind that cannot be used: List"
    ):
        code(kind({"bad": [[1, 2]] * N}))


def test_categorical_features():
    frame = FRAMES["pandas"][["float", "text"]]
    for wanted, message in (
        (["txt"], "no column 'txt' in X"),
        ([2], "no column 2 in X, which has 2"),
        ([True], "mask of 1 columns, but X has 2"),
        ([0.5], "must be 'from_dtype', None, or names"),
        (["float"], "'text' holds text, but is not among"),
        (None, "'text' holds text, but is not among"),
    ):
        with pytest.raises(ValueError, match=message):
            code(frame, categorical_features=wanted)
    with pytest.raises(ValueError, match="'a', but X has no names"):
        code(np.zeros((5, 2)), categorical_features=["a"])


def test_tables_as_a_whole():
    for frame, message in (
        (pd.DataFrame([[1, 2]] * 5, columns=["a", "a"]), "more than one 'a'"),
        (pd.DataFrame({"a": []}), r"0 sample\(s\)"),
        (pd.DataFrame(index=range(5)), r"0 feature\(s\)"),
        (pl.DataFrame({"a": [1]}), r"1 sample\(s\)"),
    ):
        with pytest.raises(ValueError, match=message):
            code(frame)
    with pytest.raises(TypeError, match=r"X.collect\(\)"):
        code(pl.DataFrame({"a": [1, 2]}).lazy())


@pytest.mark.parametrize(
    ("name", "now", "message"),
    [
        ("float", ["a"] * N, "held numbers .* holds text now"),
        ("text", [1.0] * N, "held text .* holds numbers now"),
        ("moment", [1.0] * N, "held dates .* holds numbers now"),
        ("duration", [1.0] * N, "held durations .* holds numbers now"),
    ],
)
def test_a_column_of_another_kind(name, now, message):
    frame = FRAMES["pandas"][[name]]
    with pytest.raises(ValueError, match=f"'{name}' {message}"):
        code(frame, pd.DataFrame({name: now}))
    missing = code(frame, pd.DataFrame({name: [None] * N}))[0][name]
    assert np.isnan(missing).all()


def test_dates_in_a_csv_file():
    moments = CELLS["moment, gaps"]
    frame = pd.DataFrame(
        {
            "day": [None if one is None else f"{one:%Y-%m-%d}" for one in moments],
            "second": [
                None if one is None else f"{one:%Y-%m-%d %H:%M:%S}" for one in moments
            ],
            "zone": [
                None if one is None else f"{one:%Y-%m-%dT%H:%M:%S}+02:00"
                for one in moments
            ],
        }
    )
    coded, columns = code(frame)
    assert [column.kind for column in columns] == ["date"] * 3
    expected = days_of(moments)
    np.testing.assert_allclose(coded["second"], expected, atol=2e-5)
    np.testing.assert_allclose(coded["zone"], expected, atol=2e-5)
    assert_array_equal(coded["day"], np.floor(expected))
    # Other text among them makes it a category, and so does the parameter.
    for table, wanted in (
        (frame.assign(day=["soon", *frame["day"][1:]]), "from_dtype"),
        (frame.assign(day="2020-06-31"), "from_dtype"),
        (frame[["day"]], ["day"]),
    ):
        assert code(table, categorical_features=wanted)[1][0].kind == "category"


# Text that stands for dates and numbers

MOMENTS = pd.Series(
    pd.Timestamp("2019-11-24 22:10")
    + pd.to_timedelta(np.random.default_rng(1).integers(0, 60 * 24 * 900, N), "min")
)
AMOUNTS = pd.Series(np.random.default_rng(2).normal(1000, 2000, N).round(2))


def german(number):
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))


DATES_IN_TEXT = {
    "%m/%d/%Y": "D",
    "%d/%m/%Y": "D",
    "%d.%m.%Y": "D",
    "%d-%m-%Y": "D",
    "%Y/%m/%d": "D",
    "%m/%d/%y": "D",
    "%d-%b-%y": "D",
    "%d %B %Y": "D",
    "%b %d, %Y": "D",
    "%d%b%Y": "D",
    "%b-%Y": "M",
    "%B %Y": "M",
    "%Y-%m": "M",
    "%m/%d/%Y %H:%M": "min",
    "%d.%m.%Y %H:%M:%S": "min",
    "%m/%d/%Y %I:%M %p": "min",
    "%Y-%m-%dT%H:%M:%SZ": "min",
}


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, np.array])
@pytest.mark.parametrize("format", DATES_IN_TEXT)
def test_dates_in_text_are_as_pandas_reads_them(format, kind):
    texts = MOMENTS.dt.strftime(format)
    known = pd.to_datetime(texts, format=format)
    assert (known == MOMENTS.dt.to_period(DATES_IN_TEXT[format]).dt.start_time).all()
    known[::7] = None
    texts = [
        None if gone else one for one, gone in zip(texts, known.isna(), strict=True)
    ]
    expected, _ = code(pd.DataFrame({"x": known.dt.tz_localize(None)}))
    if kind is np.array:
        found, columns = code(np.array(texts, dtype=object)[:, None])
    else:
        found, columns = code(kind({"x": texts}))
    assert columns[0].kind == "date"
    assert_array_equal(*found.values(), *expected.values())


NUMBERS_IN_TEXT = {
    "plain": "{:.2f}".format,
    "scientific": "{:.5e}".format,
    "thousands": "{:,.2f}".format,
    "dollars": lambda x: f"{'-' * (x < 0)}${abs(x):,.2f}",
    "in brackets": lambda x: f"(${-x:,.2f})" if x < 0 else f"${x:,.2f}",
    "percent": "{:.2f}%".format,
    "percent, apart": "{:.2f} %".format,
    "with a sign": "{:+.2f}".format,
    "German": german,
    "German, in euros": lambda x: f"{german(x)} €",
    "French": lambda x: german(x).replace(".", "\u202f"),
    "Swiss": lambda x: f"CHF {x:,.2f}".replace(",", "'"),
}


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, np.array])
@pytest.mark.parametrize("case", NUMBERS_IN_TEXT)
def test_numbers_in_text_are_the_numbers(case, kind):
    texts = [*map(NUMBERS_IN_TEXT[case], AMOUNTS), None, "NA", " "]
    expected = [*AMOUNTS, *[np.nan] * 3]
    table = np.array(texts, object)[:, None] if kind is np.array else kind({"x": texts})
    found, columns = code(table)
    assert columns[0].kind == "number"
    np.testing.assert_allclose(*found.values(), expected, rtol=1e-14)


NO_NUMBERS = {
    "zeros in front": ["01234", "10115", "80331"],
    "two currencies": ["$5.50", "€6.20", "$7.10"],
    "words": ["1.5", "2.5", "many"],
    "times": ["10:30", "11:45", "23:59"],
    "versions": ["1.2.3", "1.10.0", "2.0.1"],
    "half in brackets": ["(5.50", "6.10", "7.20"],
    "no such day": ["31.06.2024", "01.06.2024", "30.06.2024"],
    "few whole numbers": ["1", "2", "30"],
    "few whole numbers and a gap": ["1", "2", "?"],
}


@pytest.mark.parametrize("case", NO_NUMBERS)
def test_other_text_is_a_category(case):
    frame = pd.DataFrame({"x": np.repeat(NO_NUMBERS[case], [30, 20, 10])})
    found, columns = code(frame)
    assert columns[0].kind == "category"
    assert_array_equal(found["x"], np.repeat([0, 1, 2], [30, 20, 10]))


def test_many_whole_numbers_in_text_are_numbers():
    ages = pd.DataFrame({"age": np.arange(18, 88).repeat(10)})
    assert_array_equal(code(ages.astype(str))[0]["age"], ages["age"])


def test_what_says_that_it_is_a_category_is_one():
    texts = MOMENTS.dt.strftime("%m/%d/%Y").to_frame("x")
    for frame in (texts.astype("category"), pl.DataFrame(texts).cast(pl.Categorical)):
        assert code(frame)[1][0].kind == "category"
    assert code(texts, categorical_features=["x"])[1][0].kind == "category"


AMBIGUOUS = {
    "day or month": (["01/02/2024", "03/04/2023", "12/11/2022"], "'01/02/2024'.*dayf"),
    "two digits": (["01-02-24", "03-04-23", "12-11-22"], "'01-02-24'.*dayfirst"),
    "the year first": (["23-07-15", "24-11-28", "20-01-03"], "'23-07-15'.*dayfirst"),
    "thousands or decimals": (["950 €", "1.250 €", "12.000 €"], "'1.250 €'.*convert"),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_what_may_be_read_in_two_ways_is_text(case):
    cells, message = AMBIGUOUS[case]
    table = pd.DataFrame({"x": np.repeat(cells, 20), "y": np.arange(60.0)})
    assert [column.kind for column in code(table)[1]] == ["category", "number"]
    with pytest.warns(UserWarning, match=f"'x' .category of 3 levels.*{message}"):
        VIANNClassifier(epochs=2).adapt(table, [0, 1] * 30)


def test_one_value_decides_which_comes_first():
    for last in ("13/02/2024", "02/13/2024"):
        cells = ["01/01/2024", "01/02/2024", last]
        days = code(pd.DataFrame({"x": cells}))[0]["x"]
        known = pd.to_datetime(pd.Series(cells), dayfirst=last[0] == "1")
        assert_array_equal(days, (known - known.min()).dt.days)


def test_later_text_is_read_in_the_format_of_the_fit():
    frame = pd.DataFrame(
        {"x": MOMENTS.dt.strftime("%d/%m/%Y"), "y": AMOUNTS.map(german)}
    )
    rows = pd.DataFrame({"x": ["01/02/2020", "", None], "y": ["1.500,00", "2", "n/a"]})
    first = MOMENTS.min().normalize()
    expected = (pd.Timestamp("2020-02-01") - first).days
    coded, _ = code(frame, rows)
    assert_array_equal(coded["x"], [expected, np.nan, np.nan])
    assert_array_equal(coded["y"], [1500, 2, np.nan])
    for name, text, words in (
        ("x", "02/13/2020", "dates in the format %d/%m/%Y"),
        ("x", "soon", "dates in the format %d/%m/%Y"),
        ("y", "1,500.00", "numbers with the decimal mark ','"),
        ("y", "$1", "numbers with the decimal mark ',' and no unit"),
    ):
        message = f"'{name}' held {words}.*holds '{re.escape(text)}' now"
        with pytest.raises(ValueError, match=message):
            code(frame, rows.assign(**{name: [text, None, None]}))


# Rarer dtypes


def test_categories_need_not_be_text():
    x = np.random.default_rng(3).normal(size=N)
    months = pd.Series(MOMENTS.dt.to_period("Q"))
    cells = {
        "interval": pd.Series(pd.cut(x, [-9, -0.5, 0.5, 9])),
        "period": months.astype("category"),
        "tuple": pd.Series([("a", n % 3) for n in range(N)]).astype("category"),
        "mixed": pd.Series([1, "b", 1.5] * (N // 3)).astype("category"),
    }
    frame = pd.DataFrame(cells)
    coded, columns = code(frame)
    as_text, _ = code(frame.astype(object).map(str))
    for column in columns:
        assert column.kind == "category"
        assert_array_equal(coded[column.name], as_text[column.name])
    later = frame.assign(interval=pd.cut(x, [-9, 0, 9]))
    assert set(code(frame, later)[0]["interval"]) == {len(columns[0].levels)}
    with pytest.raises(ValueError, match="'interval' holds categories, but is not"):
        code(frame, categorical_features=["mixed"])


def test_periods_are_dates_and_intervals_levels():
    periods = MOMENTS.dt.to_period("M")
    intervals = pd.cut(MOMENTS.dt.hour, [-1, 5, 11, 17, 23])
    frame = pd.DataFrame({"month": periods, "time": pd.arrays.IntervalArray(intervals)})
    known = pd.DataFrame({"month": periods.dt.start_time, "time": intervals})
    expected, _ = code(known)
    for name, column in code(frame)[0].items():
        assert_array_equal(column, expected[name])


def test_sparse_columns_of_pandas_are_as_dense():
    dense = pd.DataFrame({"x": AMOUNTS.where(AMOUNTS > 0, 0.0), "y": AMOUNTS > 0})
    sparse = dense.astype({"x": "Sparse[float]", "y": "Sparse[bool]"})
    for name, column in code(sparse)[0].items():
        assert_array_equal(column, dense[name])
