"""The path as a picture: SVG whose colours come from the page around it."""

import numpy as np

# The picture and the frame of its lines, in units of the SVG.
_WIDTH, _HEIGHT = 440, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 428, 24, 186

# Beyond so many features, the axis is logarithmic.
_LINEAR_UP_TO = 16
_MOST_INTERVALS = 5  # between marks of the loss


def draw_path(n_features, losses, errors, n_kept):
    """Draw held-out losses by the number of features, and the number that is kept.

    Parameters
    ----------
    n_features : ndarray of int of shape (n_sets,)
        In increasing order.
    losses, errors : ndarray of shape (n_sets,)
        Mean losses, and half the lengths of their error bars.
    n_kept : int
        Where the vertical line is.

    Returns
    -------
    svg : str
        An element for a page with the styles of `_report.css`.
    """
    lowest, highest, best = losses - errors, losses + errors, int(losses.argmin())
    levels = _round_numbers(lowest.min(), highest.max())
    most = max(n_features[-1], n_kept, 1)
    stretch = np.log1p if most > _LINEAR_UP_TO else np.asarray

    def across(number):
        return _LEFT + (_RIGHT - _LEFT) * stretch(number) / stretch(most)

    def up(loss):
        share = (loss - levels[0]) / (levels[-1] - levels[0])
        return _BOTTOM - (_BOTTOM - _TOP) * share

    elements = [
        _text(4, 12, "held-out loss", anchor="start"),
        _text((_LEFT + _RIGHT) / 2, _HEIGHT - 6, "number of features"),
    ]
    for level in levels:
        elements += [
            _line("skv-grid", (_LEFT, up(level)), (_RIGHT, up(level))),
            _text(_LEFT - 6, up(level) + 4, f"{level:.6g}", anchor="end"),
        ]
    for number in _whole_numbers(most):
        elements += [
            _line("skv-grid", (across(number), _BOTTOM), (across(number), _BOTTOM + 4)),
            _text(across(number), _BOTTOM + 17, number),
        ]
    kept_at = across(n_kept)
    elements += [
        _line("skv-kept", (kept_at, _TOP - 6), (kept_at, _BOTTOM)),
        # Not over the other text in that line.
        _text(np.clip(kept_at, 120, _RIGHT - 20), 12, f"kept: {n_kept}"),
    ]
    xs, ys = across(n_features), up(losses)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
    elements.append(f'<polyline class="skv-losses" points="{points}"/>')
    for k, number in enumerate(n_features):
        kind, radius = ("skv-best", 4.5) if k == best else ("skv-point", 2.5)
        tip = f"loss with {number}: {losses[k]:.4g} ± {errors[k]:.2g}"
        elements += [
            _line("skv-error", (xs[k], up(lowest[k])), (xs[k], up(highest[k]))),
            f'<circle class="{kind}" cx="{xs[k]:.1f}" cy="{ys[k]:.1f}" r="{radius}">'
            f"<title>{tip}</title></circle>",
        ]
    words = (
        f"Held-out loss by the number of features: {losses[0]:.3g} with "
        f"{n_features[0]}, {losses[best]:.3g} at the best, which has "
        f"{n_features[best]}. Kept: {n_kept}."
    )
    return (
        f'<svg class="skv-path" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{words}">{"".join(elements)}</svg>'
    )


def _round_numbers(low, high):
    """Choose marks of 1, 2 or 5 times a power of ten, equally far apart, around both.

    There are two or more of them.
    """
    apart = max(high - low, 1e-6 * max(abs(low), 1)) / _MOST_INTERVALS
    power = 10.0 ** np.floor(np.log10(apart))
    step = next(step for step in power * np.array([1, 2, 5, 10]) if step >= apart)
    first, last = np.floor(low / step), np.ceil(high / step)
    return np.arange(first, max(last, first + 1) + 1) * step


def _whole_numbers(most):
    """Choose the numbers of features to mark: all of few, else by doubling."""
    if most <= _LINEAR_UP_TO:
        return range(most + 1)
    doubled = 2 ** np.arange(np.log2(most) + 1e-9, dtype=int)
    ends = [most] if most >= 1.5 * doubled[-1] else []
    return [0, *doubled, *ends]


def _line(kind, start, end):
    (x1, y1), (x2, y2) = np.round([start, end], 1)
    return f'<line class="{kind}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def _text(x, y, words, anchor="middle"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'
