import re
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_html_repr

from conftest import FAST, of_keras
from skviann import VIANNClassifier, VIANNSelector
from skviann._plot.importance import ImportanceDisplay
from skviann._plot.selection_path import SelectionPathDisplay
from skviann.feature_selection import SelectionReport
from skviann.feature_selection._path_picture import draw_path
from skviann.feature_selection._report import _styles

NAMES = ["<b>bold</b>", 'a "quoted" & b', "größe", "x3", "x4", "x5"]
VOID = {"meta"}


class Page(HTMLParser):
    """A page that was read: tables as lists of dicts of text, by the title above."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes = [], set(), []
        self.tables, self.title, self.texts = {}, None, {}
        self.feed(html)
        self.close()
        assert self.open == [], "tags that are not closed"

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += attributes
        if tag in VOID:
            return
        self.open.append(tag)
        if tag in ("h3", "summary"):
            self.title = ""
        if tag == "table":
            self.rows = self.tables[self.title] = []
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        inside = self.open[-1] if self.open else None
        self.texts[inside] = self.texts.get(inside, "") + text
        if inside in ("h3", "summary"):
            self.title += text
        elif {"th", "td"} & set(self.open):
            self.rows[-1][-1] += text

    def table(self, title):
        head, *rows = next(
            rows for above, rows in self.tables.items() if above.startswith(title)
        )
        return [dict(zip(head, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def selector(classes):
    X, y = classes
    X = pd.DataFrame(X, columns=NAMES)
    X["x5"] = 1.0
    return VIANNSelector(VIANNClassifier(**FAST), random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def table():
    """A summary of 500 features, two of which are kept, with columns of later days."""
    importance = np.linspace(1, 0, 500) / 250
    columns = {
        "feature": [f"column {number}" for number in range(500)],
        "kept": np.arange(500) < 2,
        "rank": np.arange(1, 501),
        "importance": importance,
        "std": importance / 10,
        "pvalue": np.linspace(1e-9, 1, 500),
        "qvalue": np.linspace(0.01234, 1, 500),
        "stand-ins": ["column 7 <or> 8", None, *[""] * 498],
        "weight": [0.123456, np.nan, *np.ones(498)],
        "read as": "number",
        "reason": "none",
    }
    return pd.DataFrame(columns)


def test_the_page_tells_what_the_summary_tells(selector):
    report, summary = selector.report(), selector.summary()
    page = Page(report._repr_html_())
    kept = summary[summary["kept"]]
    shown = page.table("Kept")
    assert [row["feature"] for row in shown] == list(kept["feature"])
    assert [row["importance"] for row in shown] == [
        f"{value:.3f}" for value in kept["importance"]
    ]
    assert [row["folds"] for row in shown] == [
        f"{value:.0%}" for value in kept["frequency"]
    ]
    assert [row["reason"] for row in shown] == list(kept["reason"])
    (unused,) = page.table("Not used")
    assert (unused["feature"], unused["read as"]) == ("x5", "constant")
    others = summary[~summary["kept"] & (summary["feature"] != "x5")]
    dropped = [row["feature"] for row in page.table("Dropped")]
    assert dropped == list(others["feature"])
    first = f"{selector.n_features_} of 6 features are kept: the fewest that"
    assert first in page.texts["p"]
    assert str(report).startswith(first)
    assert all(name in str(report) for name in kept["feature"])


def test_names_are_escaped(selector):
    page = Page(selector.report()._repr_html_())
    shown = [row[0] for rows in page.tables.values() for row in rows]
    assert set(NAMES) <= set(shown)
    assert "b" not in page.tags


def test_the_page_loads_nothing(selector, tmp_path):
    path = tmp_path / "report.html"
    selector.report().save(path)
    html = path.read_text(encoding="utf-8")
    page = Page(html)
    assert not page.tags & {"script", "link", "img", "iframe", "object", "base"}
    loading = {"src", "href", "srcset", "xlink:href", "data", "action"}
    assert not loading & {name for name, _ in page.attributes}
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not re.search(r"https?:|//|url\(|@import|@font-face", html)


def test_save_writes_what_a_notebook_shows(selector, tmp_path):
    report = selector.report()
    path = tmp_path / "report.html"
    path.write_text("what was there before")
    report.save(str(path))
    html = path.read_text(encoding="utf-8")
    assert html.startswith("<!DOCTYPE html>")
    assert report._repr_html_() in html
    assert report._repr_html_() == selector._repr_html_()
    assert f"<title>{selector.n_features_} of 6 features are kept</title>" in html
    Page(html)


def test_any_name_can_be_saved(table, tmp_path):
    names = pd.Series(["\ud800", "emoji 🙂"], dtype=object)
    table = table[:2].assign(feature=names)
    SelectionReport(table, "all").save(tmp_path / "report.html")
    assert "emoji 🙂" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_styles_stay_inside_the_report():
    styles = re.sub(r"/\*.*?\*/", "", _styles(), flags=re.S)
    rules = re.findall(r"([^{};]+)\{", styles)
    selectors = [
        one.strip() for rule in rules if "@" not in rule for one in rule.split(",")
    ]
    assert len(selectors) > 30
    inside = re.compile(r"(\[[^]]+\] |\.vscode-\w+ )?\.(skviann-report|skv-path)\b")
    assert [one for one in selectors if not inside.match(one)] == []


def test_scikit_learn_decides_whether_html_is_shown(selector):
    report = selector.report()._repr_html_()
    assert selector._repr_mimebundle_()["text/html"] == report
    with sklearn.config_context(display="text"):
        assert not hasattr(selector, "_repr_html_")
        assert set(selector._repr_mimebundle_()) == {"text/plain"}
    with sklearn.config_context(print_changed_only=False):
        assert selector.report()._repr_html_() == report


def test_diagrams_are_those_of_scikit_learn(selector):
    unfitted = VIANNSelector()
    assert "sk-container" in unfitted._repr_html_()
    with pytest.raises(NotFittedError):
        unfitted.report()
    pipeline = make_pipeline(selector, LogisticRegression())
    for diagram in (pipeline._repr_html_(), estimator_html_repr(selector)):
        assert "sk-container" in diagram
        assert "skviann-report" not in diagram


def test_a_threshold_that_needs_another_fit_shows_the_diagram(classes):
    selector = VIANNSelector(VIANNClassifier(**FAST), threshold="mean", random_state=0)
    selector.fit(*classes)
    assert "skviann-report" in selector._repr_html_()
    selector.set_params(threshold="auto")
    for method in (selector.report, selector.plot):
        with pytest.raises(NotFittedError, match="call fit again"):
            method()
    assert "sk-container" in selector._repr_html_()


def test_code_makes_the_selector_again(selector):
    text = Page(selector.report()._repr_html_()).texts
    names = {"VIANNSelector": VIANNSelector, "VIANNClassifier": VIANNClassifier}
    again = eval(text["pre"], names)
    assert repr(again.get_params()) == repr(selector.get_params())
    assert "120" in text["dd"]  # rows
    assert sklearn.__version__ in text["dd"]


def test_the_report_is_of_its_moment(selector, classes):
    mine = VIANNSelector(VIANNClassifier(**FAST), threshold="mean", random_state=0)
    report = mine.fit(*classes).report()
    before = report._repr_html_()
    mine.set_params(threshold=-np.inf)
    assert report._repr_html_() == before
    assert mine.report()._repr_html_() != before


def test_limits_are_told(selector, classes):
    mine = VIANNSelector(VIANNClassifier(**FAST), threshold="mean", random_state=0)
    mine.fit(*classes)
    n_kept = mine.n_features_
    mine.set_params(max_features=1)
    assert "left out for max_features=1" in str(mine.report())
    mine.set_params(max_features=None, min_features_to_select=n_kept + 1)
    assert f"more for min_features_to_select={n_kept + 1}" in str(mine.report())


def test_a_test_has_p_values_and_no_path(classes):
    tested = VIANNSelector(VIANNClassifier(**FAST), threshold="fdr", random_state=0)
    page = Page(tested.fit(*classes).report()._repr_html_())
    assert "svg" not in page.tags
    assert page.table("Kept")[0]["p-value"]
    assert isinstance(tested.plot(), ImportanceDisplay)


def test_frozen_networks(classes, fitted_classifier):
    selector = VIANNSelector(FrozenEstimator(fitted_classifier)).fit(*classes)
    report = selector.report()
    assert [row["feature"] for row in Page(report._repr_html_()).table("Kept")] == [
        f"x{j}" for j in np.argsort(selector.ranking_) if selector.get_support()[j]
    ]
    assert "threshold='mean' is an importance of 0.167" in str(report)
    assert isinstance(selector.plot(max_features=2), ImportanceDisplay)


def test_own_networks_and_groups(classes):
    own = VIANNSelector(of_keras(), threshold="mean", random_state=0).fit(*classes)
    kept = Page(own.report()._repr_html_()).table("Kept")
    assert len(kept) == own.n_features_
    groups = {"<first>": [0, 1], "second": [2, 3]}
    grouped = VIANNSelector(
        VIANNClassifier(**FAST), feature_groups=groups, random_state=0
    ).fit(*classes)
    kept = Page(grouped.report()._repr_html_()).table("Kept")
    assert kept[0]["feature"] == "<first>"


def test_chunks_of_rows_are_counted(classes):
    X, y = classes
    selector = VIANNSelector(VIANNClassifier(**FAST), random_state=0)
    for rows in (slice(0, 70), slice(70, 120)):
        selector.partial_fit(X[rows], y[rows])
    page = Page(selector.report()._repr_html_())
    assert "120" in page.texts["dd"]
    assert "svg" in page.tags
    selector.fit(X[:70], y[:70])
    assert "70" in Page(selector.report()._repr_html_()).texts["dd"]


def test_nothing_kept_is_told_with_the_warning(classes):
    X, y = classes
    noise = np.random.default_rng(0).permutation(y)
    selector = VIANNSelector(VIANNClassifier(**FAST), random_state=0)
    with pytest.warns(UserWarning, match="No column is kept") as caught:
        selector.fit(X, noise)
    page = Page(selector.report()._repr_html_())
    assert "None of 6 features is kept" in page.texts["p"]
    assert str(caught[0].message) in page.texts["p"]
    assert len(page.table("Dropped")) == 6


def test_without_pandas(selector, monkeypatch):
    expected = selector.report()._repr_html_()
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert isinstance(selector.summary(), np.ndarray)
    assert selector.report()._repr_html_() == expected


def test_columns_of_any_summary(table):
    first, second = Page(SelectionReport(table, "why")._repr_html_()).table("Kept")
    assert first == {
        "feature": "column 0",
        "rank": "1",
        "importance": "0.004",
        "std": "± 0.000",
        "p-value": "< 0.0001",
        "q-value": "0.012",
        "stand-ins": "column 7 <or> 8",
        "weight": "0.123",
        "read as": "number",
        "reason": "none",
    }
    assert (second["stand-ins"], second["weight"]) == ("", "")


def test_long_lists_are_cut(table):
    report = SelectionReport(table, "why")
    page = Page(report._repr_html_())
    dropped = [row["feature"] for row in page.table("Dropped")]
    assert dropped == [f"column {number}" for number in range(2, 202)]
    assert "297 more" in page.texts["p"]  # and one with an importance of 0
    every = SelectionReport(table.assign(kept=True), "why")
    assert len(Page(every._repr_html_()).table("Kept")) == 500
    assert "and 480 more" in str(every)


@pytest.mark.parametrize("most", [5, 16, 100])
def test_the_picture_shows_the_losses(most):
    n_features = np.unique(np.r_[0:6, most // 2, most])
    losses = 0.3 + 0.6 / (1 + n_features)
    errors = 0.02 * (losses - losses.min())
    root = ElementTree.fromstring(draw_path(n_features, losses, errors, 4))
    texts = [(one.text, one.attrib) for one in root.iter("text")]

    def axis(anchor, name):
        """Marks of an axis, their places and numbers."""
        marks = [
            (float(attributes[name]), float(text))
            for text, attributes in texts
            if attributes["text-anchor"] == anchor and re.fullmatch(r"[\d.]+", text)
        ]
        return np.transpose(marks)

    y, level = axis("end", "y")
    slope, start = np.polyfit(y - 4, level, 1)  # text stands four units below
    circles = [one for one in root.iter("circle")]
    at = np.array(
        [[float(one.attrib[name]) for name in ("cx", "cy")] for one in circles]
    )
    assert_allclose(slope * at[:, 1] + start, losses, atol=1e-3)
    bars = [
        one.attrib for one in root.iter("line") if one.attrib["class"] == "skv-error"
    ]
    lengths = [float(bar["y1"]) - float(bar["y2"]) for bar in bars]
    assert_allclose(-slope * np.array(lengths), 2 * errors, atol=2e-3)

    x, number = axis("middle", "x")
    transform = np.log1p if most > 16 else np.asarray
    assert {0, most} <= set(number)
    slope, start = np.polyfit(x, transform(number), 1)
    assert_allclose(slope * at[:, 0] + start, transform(n_features), atol=1e-2)
    (kept,) = (one for one in root.iter("line") if one.attrib["class"] == "skv-kept")
    assert_allclose(slope * float(kept.attrib["x1"]) + start, transform(4), atol=1e-2)
    (best,) = (one for one in circles if one.attrib["class"] == "skv-best")
    assert best is circles[-1]


def test_a_flat_path_can_be_drawn():
    svg = draw_path(np.arange(2), np.full(2, 0.5), np.zeros(2), 0)
    assert "nan" not in svg
    heights = {one.attrib["cy"] for one in ElementTree.fromstring(svg).iter("circle")}
    assert len(heights) == 1


def test_plot(selector):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    display = selector.plot(ax=ax)
    assert isinstance(display, SelectionPathDisplay)
    assert display.ax_ is ax
    assert display.n_selected == selector.n_features_
    with pytest.raises(TypeError, match="max_features"):
        selector.plot(max_features=3)
    plt.close("all")
