"""The report of a selection: one page that says what is kept, and why."""

import platform
import sys
from functools import cache
from html import escape
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import numpy as np
from sklearn import config_context

from skviann import __version__
from skviann.feature_selection._path_picture import draw_path

# Longer lists are cut: those of dropped features, and of kept ones in plain text.
_MOST_ROWS = 200
_MOST_LINES = 20

# What the head of a column says, where that is not its name in the summary.
_HEADS = {"frequency": "folds", "pvalue": "p-value", "qvalue": "q-value"}

# What is not clear from the head of a column.
_NOTES = {
    "importance": "Importances are shares of what the networks use of all features.",
    "std": "std is their standard deviation over networks.",
    "frequency": "folds: the share of the folds that choose the feature.",
    "pvalue": "p-values are not corrected for the number of features.",
}

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ margin: 0 }}
@media screen {{ html {{ background: light-dark(#ffffff, #16191d) }} }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


class SelectionReport:
    """What a selector keeps and why, on one page.

    `VIANNSelector.report` makes it. It is a picture of that moment: parameters that are
    set later do not change it. A notebook shows the page, `save` writes it to a file,
    and ``str(report)`` is a short form in plain text.

    Parameters
    ----------
    table : pandas.DataFrame or ndarray
        A row a feature, as `VIANNSelector.summary` returns it.
    rule : str
        Which features are kept, in words.
    path : dict of str to ndarray, default=None
        The `cv_results_` of a selector with a path.
    warnings : list of str, default=()
        What a user should hear of.
    code : str, default=None
        The code that makes the selector.
    facts : dict of str to object, default=None
        What else it takes to repeat the selection: versions, sizes.

    See Also
    --------
    VIANNSelector.summary : The table alone.
    VIANNSelector.plot : The picture alone.

    Notes
    -----
    The page is a single file of HTML. It loads nothing, runs no scripts, follows the
    reader's choice of light or dark, and prints.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skviann import VIANNSelector
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> report = VIANNSelector(random_state=0).fit(X, y).report()
    >>> print(str(report).partition(":")[0])
    2 of 4 features are kept
    >>> report.save("iris.html")  # doctest: +SKIP
    """

    def __init__(self, table, rule, *, path=None, warnings=(), code=None, facts=None):
        names = getattr(table, "columns", None)
        names = table.dtype.names if names is None else list(names)
        self._columns = {name: np.asarray(table[name]) for name in names}
        self._is_kept = self._columns.pop("kept").astype(bool)
        self._rule = rule
        self._path = path
        self._warnings = list(warnings)
        self._code = code
        self._facts = dict(facts or {})

    def __repr__(self):
        lines = [self._result()]
        kept = np.flatnonzero(self._is_kept)
        for row in kept[:_MOST_LINES]:
            name, importance, reason = (
                self._columns[name][row] for name in ("feature", "importance", "reason")
            )
            lines.append(f"  {name}: {importance:.3f} ({reason})")
        if len(kept) > _MOST_LINES:
            lines.append(f"  and {len(kept) - _MOST_LINES} more")
        lines += [f"Warning: {text}" for text in self._warnings]
        return "\n".join(lines)

    def _repr_html_(self):
        is_unused = ~self._is_kept & (self._columns["importance"] == 0)
        parts = [
            f'<div class="skviann-report"><style>{_styles()}</style>',
            "<h2>Feature selection</h2>",
            f'<p class="skv-result">{escape(self._result())}</p>',
            *map(_warning, self._warnings),
            *self._draw(),
            *self._tell_kept(np.flatnonzero(self._is_kept)),
            *self._tell_dropped(np.flatnonzero(~self._is_kept & ~is_unused)),
            *self._tell_unused(np.flatnonzero(is_unused)),
            *self._tell_settings(),
            "</div>",
        ]
        return "\n".join(parts)

    def save(self, path):
        """Write the page to a file.

        Parameters
        ----------
        path : str or path-like
            Where to. A file that is there is replaced.
        """
        page = _PAGE.format(title=escape(self._head()), body=self._repr_html_())
        # Names may hold what is no text in UTF-8.
        Path(path).write_text(page, encoding="utf-8", errors="xmlcharrefreplace")

    def _head(self):
        n_features, n_kept = len(self._is_kept), int(self._is_kept.sum())
        are = "is" if n_kept <= 1 else "are"
        features = "feature" if n_features == 1 else "features"
        return f"{n_kept or 'None'} of {n_features} {features} {are} kept"

    def _result(self):
        return f"{self._head()}: {self._rule}."

    def _draw(self):
        if self._path is None:
            return []
        picture = draw_path(
            self._path["n_features"],
            -self._path["mean_test_score"],
            self._path["std_error"],
            int(self._is_kept.sum()),
        )
        note = (
            "Mean loss on held-out rows with the first features of the ranking. The "
            "circle is the lowest one. Bars are one standard error of the difference "
            "to it."
        )
        return [
            f'<div class="skv-figure">{picture}<p class="skv-note">{note}</p></div>'
        ]

    def _tell_kept(self, rows):
        if not len(rows):
            return []
        notes = [_NOTES[name] for name in self._columns if name in _NOTES]
        return [
            f"<h3>Kept ({len(rows)})</h3>",
            self._lay_out(rows, self._columns),
            f'<p class="skv-note">{" ".join(notes)}</p>',
        ]

    def _tell_dropped(self, rows):
        return self._fold(f"Dropped ({len(rows):,})", rows, self._columns)

    def _tell_unused(self, rows):
        names = ("feature", "read as", "reason")
        return self._fold(f"Not used at all ({len(rows):,})", rows, names)

    def _fold(self, title, rows, names):
        """Lay out some rows below a title to click on."""
        if not len(rows):
            return []
        n_more = len(rows) - _MOST_ROWS
        more = f"<p>{n_more:,} more are in summary().</p>" if n_more > 0 else ""
        table = self._lay_out(rows[:_MOST_ROWS], names)
        return [f"<details><summary>{title}</summary>{table}{more}</details>"]

    def _lay_out(self, rows, names):
        """Make a table of some rows and columns of the summary."""
        heads, cells = [], [[] for _ in rows]
        for name in names:
            values = self._columns[name]
            head = escape(_HEADS.get(name, str(name)))
            is_number = np.issubdtype(values.dtype, np.number)
            kind = ' class="skv-number"' if is_number else ""
            heads.append(f'<th scope="col"{kind}>{head}</th>')
            for row, of_row in zip(rows, cells, strict=True):
                words = self._show(name, values[row])
                if name == "feature":
                    of_row.append(f'<th scope="row">{words}</th>')
                else:
                    of_row.append(f'<td{kind} data-label="{head}">{words}</td>')
        body = "\n".join(f"<tr>{''.join(of_row)}</tr>" for of_row in cells)
        return (
            f'<div class="skv-scroll"><table><thead><tr>{"".join(heads)}</tr></thead>'
            f"<tbody>\n{body}\n</tbody></table></div>"
        )

    def _show(self, name, value):
        """Write a cell of the summary, as HTML."""
        is_float = isinstance(value, (float, np.floating))
        if value is None or (is_float and np.isnan(value)):
            return ""
        if name == "importance":
            share = value / (self._columns["importance"].max() or 1)
            bar = f'<span class="skv-bar" style="--skv-share:{share:.0%}"></span>'
            return f"{bar}{value:.3f}"
        if name == "std":
            return f"± {value:.3f}"
        if name == "frequency":
            return f"{value:.0%}"
        if name in ("pvalue", "qvalue"):
            return f"{value:.2g}" if value >= 1e-4 else "&lt; 0.0001"
        return escape(f"{value:.3g}" if is_float else str(value))

    def _tell_settings(self):
        code = "" if self._code is None else f"<pre>{escape(self._code)}</pre>"
        facts = "".join(
            f"<dt>{escape(name)}</dt><dd>{escape(str(fact))}</dd>"
            for name, fact in self._facts.items()
        )
        if not code and not facts:
            return []
        return [
            "<details><summary>Settings to repeat it</summary>"
            f"{code}<dl>{facts}</dl></details>"
        ]


def _warning(text):
    return f'<p class="skv-warning"><strong>Warning:</strong> {escape(text)}</p>'


@cache
def _styles():
    return files(__package__).joinpath("_report.css").read_text(encoding="utf-8")


def code_of(selector):
    """Write the code that makes a selector: all parameters that are not defaults."""
    with config_context(print_changed_only=True):
        return selector.__repr__(N_CHAR_MAX=np.inf)


def facts_of(selector, n_rows):
    """Tell what else it takes to repeat a selection: seed, size and versions."""
    seed = selector.random_state
    if seed is None:
        seed = getattr(selector.estimator, "random_state", None)
    if seed is None:
        seed = "None: another fit gives somewhat other numbers"
    facts = {
        "random_state": seed,
        "rows": n_rows,
        "columns": selector.n_features_in_,
        "Python": platform.python_version(),
        "skviann": __version__,
    }
    facts |= {name: version(name) for name in ("scikit-learn", "numpy", "keras")}
    # Keras runs on one of these. A distribution may have another name (tensorflow-cpu).
    for name in ("tensorflow", "jax", "torch"):
        if name in sys.modules:
            facts[name] = sys.modules[name].__version__
    return facts
