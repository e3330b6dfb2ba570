"""The private names of scikit-learn that the library is built on do what it expects."""

import ast
import sys
from contextlib import contextmanager
from numbers import Integral, Real
from pathlib import Path

import numpy as np
import pandas
import pytest
import sklearn
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer

WHERE = (
    f"scikit-learn {sklearn.__version__} changed it: the only file to change is "
    "skviann/_sklearn_compat.py"
)


@contextmanager
def says_where():
    try:
        yield
    except BaseException as error:
        error.add_note(WHERE)
        raise


with says_where():
    from skviann import _sklearn_compat as compat


def test_a_failure_says_what_to_change():
    @says_where()
    def fails():
        assert False, "on purpose"  # noqa: B011, PT015

    with pytest.raises(AssertionError) as caught:
        fails()
    assert "skviann/_sklearn_compat.py" in caught.value.__notes__[0]


@says_where()
def test_every_name_is_there():
    assert [name for name in compat.__all__ if not hasattr(compat, name)] == []


def test_private_names_are_imported_nowhere_else():
    package = Path(compat.__file__).parent
    found = []
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{one.name}" for one in node.names]
            elif isinstance(node, ast.Import):
                names = [one.name for one in node.names]
            found += [
                f"{path.relative_to(package)}: {name}"
                for name in names
                if name.startswith("sklearn.") and "._" in name
            ]
    assert {one.partition(":")[0] for one in found} == {"_sklearn_compat.py"}


@says_where()
def test_validation_of_parameters():
    @compat.validate_params(
        {
            "size": [compat.Interval(Integral, 1, 5, closed="left")],
            "share": [compat.Interval(Real, 0, 1, closed="neither"), None],
            "kind": [compat.StrOptions({"a", "b"}), compat.HasMethods(["fit"])],
        },
        prefer_skip_nested_validation=True,
    )
    def function(size=1, share=None, kind="a"):
        return size, share, kind

    assert function() == (1, None, "a")
    estimator = BaseEstimator()
    estimator.fit = function
    assert function(4, 0.5, estimator) == (4, 0.5, estimator)
    wrong = {"size": [0, 5, 1.5, "a"], "share": [0.0, 1.0], "kind": ["c", None]}
    for name, values in wrong.items():
        for value in values:
            with pytest.raises(
                ValueError, match=f"The '{name}' parameter of .*function"
            ):
                function(**{name: value})


@says_where()
def test_fit_checks_parameters():
    class Own(BaseEstimator):
        _parameter_constraints: dict = {"size": ["boolean"]}

        def __init__(self, size=True):
            self.size = size

        @compat._fit_context(prefer_skip_nested_validation=True)
        def fit(self, X, y=None):
            return self

    assert isinstance(Own().fit(None), Own)
    with pytest.raises(ValueError, match="The 'size' parameter of Own"):
        Own(size=3).fit(None)
    with sklearn.config_context(skip_parameter_validation=True):
        assert isinstance(Own(size=3).fit(None), Own)


@says_where()
def test_weights_of_rows():
    X = np.zeros((3, 2))
    weights = compat._check_sample_weight([1, 2, 0], X, dtype=np.float64)
    assert weights.dtype == np.float64
    assert weights.tolist() == [1, 2, 0]
    assert compat._check_sample_weight(None, X).tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="[Nn]egative"):
        compat._check_sample_weight([1, -1, 1], X, ensure_non_negative=True)
    with pytest.raises(ValueError, match="sample_weight"):
        compat._check_sample_weight([1, 1], X)


@says_where()
def test_rows_and_what_belongs_to_them():
    frame = pandas.DataFrame({"a": [1, 2, 3], "b": 0})
    assert compat._safe_indexing(frame, [0, 2])["a"].tolist() == [1, 3]
    assert list(compat._safe_indexing(frame, [1], axis=1)) == ["b"]
    params = {"sample_weight": np.arange(3), "other": "as it is"}
    taken = compat._check_method_params(frame, params, np.array([0, 2]))
    assert taken["sample_weight"].tolist() == [0, 2]
    assert taken["other"] == "as it is"


@says_where()
def test_columns_that_transformers_get():
    frame = pandas.DataFrame(np.zeros((3, 6)), columns=list("abcdef"))
    chosen = [("one", "drop", slice("b", "d")), ("two", "passthrough", [-1, 0])]
    transformer = ColumnTransformer(chosen, remainder="passthrough").fit(frame)
    found = compat.columns_of_transformers(transformer)
    expected = {"one": [1, 2, 3], "two": [5, 0], "remainder": [4]}
    assert {name: list(found[name]) for name in found} == expected


@says_where()
def test_routing():
    assert not compat._routing_enabled()
    with sklearn.config_context(enable_metadata_routing=True):
        assert compat._routing_enabled()


@says_where()
def test_html_is_made_by_one_method():
    class Own(BaseEstimator):
        def _html_repr(self):
            return "<p>own</p>" + super()._html_repr()

    html = Own()._repr_html_()
    assert html.startswith("<p>own</p>")
    assert "sk-container" in html
    assert Own()._repr_mimebundle_()["text/html"].startswith("<p>own</p>")


@says_where()
def test_matplotlib_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="own_plot requires matplotlib"):
        compat.check_matplotlib_support("own_plot")
