"""Times to an event: Cox's partial likelihood by row, residuals and concordance."""

import numpy as np

_TINY = np.finfo(np.float64).tiny
_PAIRS_AT_A_TIME = 2**22


def partial_losses(times, events, outputs, weights):
    """Share of each row in minus the logarithm of Cox's partial likelihood.

    With ``h = exp(outputs)``, ``S(t)`` the weighted sum of ``h`` over the rows at risk,
    those whose time is ``t`` or later, and ``H(t)`` Breslow's cumulative hazard, the
    sum of ``weight * event / S`` over the events until ``t``, that is

        ``event * (log(S(time)) - output) + h * H(time) - event``.

    The last two terms are minus a martingale residual. Their weighted sum is 0: the
    mean over rows is that of the first term alone, which is what a training lowers.
    They are here for standard errors. First terms of two rows depend on each other, for
    they share those at risk, and a censored row has none. With the other terms each row
    has what it adds to the likelihood, as an event and in the risk sets of others (its
    influence function); to the first order these are independent, so that a paired
    difference of two networks has the standard error of a mean over rows.

    Parameters
    ----------
    times, events, weights : ndarray of shape (n_rows,)
        Events are 0 for rows that are censored; ties are Breslow's.
    outputs : ndarray of shape (..., n_rows)
        Log hazards.

    Returns
    -------
    losses : ndarray of shape (..., n_rows)
    """
    outputs = outputs - outputs.max(axis=-1, keepdims=True)
    hazards = np.exp(outputs)
    at_risk, cumulative = _risk_sets(times, events, hazards, weights)
    return events * (np.log(at_risk) - outputs) + hazards * cumulative - events


def martingale_residuals(times, events, weights):
    """Events less those expected of a row without any columns: (n_rows,)."""
    _, cumulative = _risk_sets(times, events, np.ones(len(times)), weights)
    return events - cumulative


def _risk_sets(times, events, hazards, weights):
    """Sum hazards at risk at each row's time, and the events until then over these.

    Two arrays of shape (..., n_rows).
    """
    order = np.argsort(times, kind="stable")
    in_order = times[order]
    first = np.searchsorted(in_order, times, side="left")
    last = np.searchsorted(in_order, times, side="right") - 1
    later = (weights * hazards)[..., order][..., ::-1].cumsum(axis=-1)[..., ::-1]
    at_risk = np.maximum(later[..., first], _TINY)
    steps = (weights * events / at_risk)[..., order]
    return at_risk, steps.cumsum(axis=-1)[..., last]


def concordance_index(events, times, risks, sample_weight=None):
    """Harrell's concordance index: how often of two rows the right one comes first.

    Rows are compared with an event and with another row that is later, or censored at
    the same time. Equal risks count half; a pair has the product of its weights.

    Parameters
    ----------
    events : boolean ndarray of shape (n_rows,)
        False for rows that are censored.
    times, risks : ndarray of shape (n_rows,)
        A higher risk is to come first.
    sample_weight : ndarray of shape (n_rows,), default=None
        How much each row counts.

    Returns
    -------
    index : float
        1 is perfect, 0.5 what chance does.

    Raises
    ------
    ValueError
        If there are no two rows to compare.

    References
    ----------
    F. E. Harrell, R. M. Califf, D. B. Pryor, K. L. Lee, R. A. Rosati (1982),
    "Evaluating the Yield of Medical Tests", JAMA 247(18), 2543-2546.
    """
    weights = np.ones(len(times)) if sample_weight is None else sample_weight
    rows = np.flatnonzero(events)
    right = total = 0.0
    n_at_once = max(1, _PAIRS_AT_A_TIME // len(times))
    for some in (rows[i : i + n_at_once] for i in range(0, len(rows), n_at_once)):
        one = some[:, np.newaxis]
        is_later = (times > times[one]) | ((times == times[one]) & ~events)
        counts = is_later * weights[one] * weights
        total += counts.sum()
        right += (counts * (risks < risks[one])).sum()
        right += (counts * (risks == risks[one])).sum() / 2
    if total == 0:
        raise ValueError(
            "The concordance index compares rows with an event and later rows, but y "
            "holds no such pair."
        )
    return float(right / total)
