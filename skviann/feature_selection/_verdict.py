"""What a search found, what is kept of it and why. NumPy only."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import NotFittedError

from skviann.feature_selection._base import as_select_from_model
from skviann.feature_selection._companions import MAX_KEPT, STANDS_IN, Companions
from skviann.feature_selection._path import (
    MAX_HELD_OUT_ROWS,
    Path,
    choose_size,
    merge_paths,
    pool_rows,
)
from skviann.feature_selection._significance import benjamini_hochberg, holm

# Thresholds that are not of importances, but found in the data.
ALL_RELEVANT = "all-relevant"
SIZES = ("auto", "held-out", ALL_RELEVANT)
TESTS = {"fdr": benjamini_hochberg, "fwer": holm}

# So many stand-ins are named for a feature.
_N_STAND_INS = 5
# A feature is related to y if its adjusted p-value is no larger.
_RELATED = 0.05

# Below this share that the choices of two folds have in common (Jaccard), a user is
# told that other rows would lead to others.
_LEAST_AGREEMENT = 1 / 3


class Findings(NamedTuple):
    """What a search found out."""

    importances: np.ndarray  # (n_networks, n_features)
    n_rounds: np.ndarray  # (n_features,): that a feature took part in, mean over folds
    estimator: Any  # the first networks, fitted on all features
    path: Path | None = None
    # (n_sets, n_features): share of folds in which a feature is in the path's set
    frequencies: np.ndarray | None = None
    needs: np.ndarray | None = None  # (n_features,): what the second look found
    pvalues: np.ndarray | None = None
    rankings: np.ndarray | None = None  # (n_folds, n_features): those of the path
    companions: Companions | None = None
    # Of a search in layers, (n_features,): which layer found a feature, 0: none did;
    # and in how many folds it was chosen there, or in the last one.
    layers: np.ndarray | None = None
    votes: np.ndarray | None = None
    fixed: np.ndarray | None = None  # (n_features,): boolean; None: none is

    def choices(self):
        """Tell which features each fold chooses: boolean (n_folds, n_features)."""
        size = self.path.n_features[choose_size(self.path)]
        chosen = np.zeros(self.rankings.shape, dtype=bool)
        np.put_along_axis(chosen, self.rankings[:, :size], True, axis=1)
        return chosen


def merge_findings(findings, weights, seed):
    """Average what was found out on several chunks of rows, but for the test.

    Parameters
    ----------
    findings : list of Findings
        Of as many networks each.
    weights : list of float
        How much each chunk counts.
    seed : int
        Held-out losses are averaged over blocks of rows, drawn with it.

    Returns
    -------
    findings : Findings
        With the last chunk's estimator.
    """
    merged = findings[-1]

    def mean(values):
        return np.average(list(values), axis=0, weights=weights)

    merged = merged._replace(
        importances=mean(one.importances for one in findings),
        n_rounds=mean(one.n_rounds for one in findings),
    )
    if merged.path is None:
        return merged
    path = merge_paths([one.path for one in findings], weights)
    losses, of_rows = pool_rows(path.losses, path.weights, MAX_HELD_OUT_ROWS, seed)
    n_sets = len(path.n_features)
    return merged._replace(
        path=path._replace(losses=losses, weights=of_rows),
        frequencies=mean(one.frequencies[:n_sets] for one in findings),
        rankings=None,  # each chunk has its own
        needs=mean(one.needs for one in findings),
    )


class Cut(NamedTuple):
    """What is asked of a selection; parameters of `VIANNSelector`."""

    threshold: Any
    alpha: float
    n_most: int | None  # max_features
    n_least: int  # min_features_to_select

    @property
    def is_of_importances(self):
        """Whether the threshold is one of `SelectFromModel`."""
        return self.threshold not in (*SIZES, *TESTS)


class Verdict:
    """What is known of each feature after a search.

    Parameters
    ----------
    findings : Findings
        From `search`.

    Attributes
    ----------
    importances : ndarray of shape (n_features,)
        Mean over networks.
    ranking : ndarray of int of shape (n_features,)
        1 for the first: those that are fixed, then by the folds' votes, then by need,
        then by importance.
    is_fixed : ndarray of bool of shape (n_features,)
        Which are kept in any case.
    size : int or None
        How many features the path chose, with those; None: there is no path.
    votes : ndarray of shape (n_features,) or None
        In how many folds a feature is among the first `size`.
    """

    def __init__(self, findings):
        self.importances = findings.importances.mean(axis=0)
        self.n_rounds = findings.n_rounds
        self.pvalues = findings.pvalues
        self.is_fixed = findings.fixed
        if self.is_fixed is None:
            self.is_fixed = np.zeros(len(self.importances), dtype=bool)
        self.n_fixed = self.is_fixed.sum()
        self.companions = findings.companions
        self.size = self.votes = None
        self.choices = None  # of a single search, not of several chunks
        keys = [-self.n_rounds, -self.importances]  # the last one counts first
        if findings.path is not None:
            chosen = choose_size(findings.path)
            self.size = int(findings.path.n_features[chosen])
            self.n_folds = len(findings.path.split_losses)
            votes = findings.frequencies[chosen].astype(float) * self.n_folds
            self.votes = votes.round(4)  # shares are of float32
            keys += [-findings.needs, -self.votes]
            if findings.rankings is not None:
                self.choices = findings.choices()
        self.layers = findings.layers
        if self.layers is not None:
            self.votes = findings.votes
            is_found = self.layers > 0
            keys += [-self.votes * is_found, np.where(is_found, self.layers, np.inf)]
        self.ranking = np.argsort(np.lexsort([*keys, ~self.is_fixed])) + 1

    @property
    def frequencies(self):
        """Share of the folds in which a feature is among the first `size`."""
        return self.votes / self.n_folds

    def qvalues(self, cut):
        """Adjust p-values as the threshold asks; NaN for features that are fixed."""
        adjust = TESTS.get(cut.threshold, benjamini_hochberg)
        qvalues = np.full(len(self.pvalues), np.nan)
        qvalues[~self.is_fixed] = adjust(self.pvalues[~self.is_fixed])
        return qvalues

    def kept(self, cut):
        """Tell which features are kept: boolean (n_features,)."""
        is_kept = self._reach(cut)
        n_kept = max(is_kept.sum(), cut.n_least)
        n_kept = n_kept if cut.n_most is None else min(n_kept, cut.n_most)
        if n_kept != is_kept.sum():
            # The most important first, of those that are kept and then of the others.
            first = -self.importances if cut.is_of_importances else self.ranking
            in_order = np.lexsort((first, ~is_kept, self.is_fixed))
            is_kept = np.isin(np.arange(len(is_kept)), in_order[:n_kept])
        return is_kept | self.is_fixed

    def _reach(self, cut):
        """Tell which features reach the threshold, however many; of those not fixed."""
        if cut.is_of_importances:
            selector = as_select_from_model(self.importances, cut.threshold)
            return selector.get_support() & ~self.is_fixed
        needed = self.size if cut.threshold in SIZES else self.pvalues
        if cut.threshold == ALL_RELEVANT:
            needed = self.layers
        if needed is None:
            raise NotFittedError(
                f"threshold={cut.threshold!r} was set after fit; call fit again."
            )
        if cut.threshold in TESTS:
            return self.qvalues(cut) <= cut.alpha
        if cut.threshold == ALL_RELEVANT:
            return self.layers > 0
        return self.chosen()

    def chosen(self):
        """Tell which features are the first ones that the path chose, if not fixed."""
        # Constant columns never are.
        return (self.ranking <= self.size) & (self.importances > 0) & ~self.is_fixed

    def threshold(self, cut):
        """Return the importance from which features are kept, or the least kept."""
        if cut.is_of_importances:
            return as_select_from_model(self.importances, cut.threshold).threshold_
        kept = self.importances[self.kept(cut) & ~self.is_fixed]
        return float(kept.min()) if len(kept) else np.inf

    def rule(self, cut):
        """Say in words which features are kept."""
        if cut.is_of_importances:
            rule = f"threshold={cut.threshold!r}"
            if isinstance(cut.threshold, str):
                rule += f" is an importance of {self.threshold(cut):.3g}"
        elif cut.threshold in TESTS:
            test = f"{cut.threshold!r}, alpha={cut.alpha}"
            rule = f"a test on held-out rows decides ({test})"
        elif self.size == self.n_fixed:
            rule = "no set of them predicts held-out rows better than none"
            if self.n_fixed:
                rule = "no set of others helps beyond fixed_features on held-out rows"
        elif cut.threshold == ALL_RELEVANT:
            rule = "all that tell something of the target on held-out rows"
        else:
            rule = "the fewest that predict held-out rows about as well as any"
        n_kept = (self.kept(cut) & ~self.is_fixed).sum()
        n_reaching = self._reach(cut).sum()
        if n_kept > n_reaching:
            rule += f"; more for min_features_to_select={cut.n_least}"
        elif n_kept < n_reaching:
            rule += f"; others are left out for max_features={cut.n_most}"
        return rule

    def warnings(self, cut):
        """Yield what a user should hear of: no choice at all, or nothing kept."""
        n_features = len(self.importances)
        if cut.n_least > n_features:  # as RFECV says
            yield (
                f"Found min_features_to_select={cut.n_least} > {n_features=}. There "
                "will be no feature selection and all features will be kept."
            )
        if (self.kept(cut) & ~self.is_fixed).any():
            if cut.threshold in SIZES and self.size > self.n_fixed:
                yield from self._doubts()
            return
        remedy = "min_features_to_select=1 keeps the most important one all the same."
        none = "No column is kept"
        if self.n_fixed:
            none += " but those in fixed_features"
        if cut.n_most == 0:
            yield f"{none}: max_features is 0."
        elif cut.is_of_importances:
            yield f"{none}: none reaches threshold={cut.threshold!r}."
        elif cut.threshold in TESTS:
            n_clustered = 0
            if self.companions is not None:
                n_clustered = self.companions.is_clustered.sum()
            if n_clustered:
                remedy = (
                    "No column alone is shown to be needed beside the others, and "
                    f"{n_clustered} of those tested are in clusters of correlated ones,"
                    " which can stand in for each other. feature_groups="
                    f"skviann.correlated_groups(X) tests the clusters. {remedy}"
                )
            yield (
                f"No column's use is significant at alpha={cut.alpha} "
                f"(threshold={cut.threshold!r}). {none}. {remedy}"
            )
        else:
            what = ("them", "a model without any")
            if self.n_fixed:
                what = ("others", "these alone")
            yield (
                f"{none}: on rows held out, no set of {what[0]} predicts y better than "
                f"{what[1]}. {remedy}"
            )

    def _doubts(self):
        if self.choices is None or self.n_folds < 2:
            return
        choices = self.choices[:, ~self.is_fixed]
        size = self.size - self.n_fixed
        both = choices.astype(float) @ choices.T
        n_both = both[np.triu_indices(self.n_folds, 1)].mean()
        if n_both / (2 * size - n_both) < _LEAST_AGREEMENT:
            yield (
                f"Other rows would lead to other columns: of {size} that a fold "
                f"chooses, two folds have {n_both:.3g} in common, on average. Columns "
                "that can stand in for each other are one cause, few rows another. "
                "selection_frequency_ tells how many folds agree on each column."
            )

    def ranks(self, cut):
        """Rank features as RFE does: 1 for all that are kept, then 2, 3, ..."""
        kept = self.kept(cut)
        ranks = np.ones(len(kept), dtype=int)
        ranks[~kept] = np.argsort(np.argsort(self.ranking[~kept])) + 2
        return ranks

    def in_order(self, cut):
        """Return the features that are kept, first ones first."""
        kept = np.flatnonzero(self.kept(cut))
        return kept[np.argsort(self.ranking[kept])]

    def stand_ins(self, cut):
        """Find what stands in for what: dict of feature to pairs of feature and share.

        For a kept feature, dropped ones that tell at least half of its variance; for a
        dropped one, the kept feature that tells the most of it. None if fit looked at
        other features than those kept now.
        """
        companions, kept = self.companions, self.in_order(cut)
        if companions is None or not np.array_equal(kept[:MAX_KEPT], companions.kept):
            return None
        stand_ins = {}
        is_dropped = ~np.isin(np.arange(len(self.importances)), kept)
        for one, shares in zip(companions.kept, companions.stands_in.T, strict=True):
            able = np.flatnonzero(is_dropped & (shares >= STANDS_IN))
            best = able[np.argsort(-shares[able], kind="stable")][:_N_STAND_INS]
            stand_ins[int(one)] = [(int(two), float(shares[two])) for two in best]
        alone = companions.carried.max(axis=1, initial=0)
        for one in np.flatnonzero(is_dropped & (alone >= STANDS_IN)):
            best = companions.carried[one].argmax()
            share = companions.stands_in[one, best]
            stand_ins[int(one)] = [(int(companions.kept[best]), float(share))]
        return stand_ins

    def reasons(self, cut, names, read_as):
        """Say for each feature why it is kept or not: list of str."""
        reaches, threshold = self._reach(cut), self.threshold(cut)
        is_known = self.stand_ins(cut) is not None
        qvalues = None if self.pvalues is None else self.qvalues(cut)
        reasons = []
        for number, kept in enumerate(self.kept(cut)):
            if self.is_fixed[number]:
                reasons.append("in fixed_features")
                continue
            if self.importances[number] == 0:
                reason = self._no_use(number, read_as[number])
            elif cut.is_of_importances:
                than = "reaches" if reaches[number] else "is below"
                reason = f"importance {than} the threshold {threshold:.3g}"
            elif cut.threshold in TESTS:
                reason = self._reason_of_test(number, cut, qvalues[number])
            else:
                reason = self._reason_of_path(number, cut, reaches[number])
            if kept and not reaches[number]:
                reason += f"; kept for min_features_to_select={cut.n_least}"
            elif reaches[number] and not kept:
                reason += f"; left out for max_features={cut.n_most}"
            elif not kept and is_known and self.importances[number] > 0:
                reason += self._beside_kept(number, names)
            if cut.threshold in SIZES and self.companions is not None:
                partner = self.companions.partners[number]
                if partner >= 0:
                    reason += f"; takes turns with {names[partner]}"
            reasons.append(reason)
        return reasons

    def _no_use(self, number, read_as):
        if "not used" in read_as:
            return "not used: see how it was read"
        if self.companions is not None and self.companions.is_constant[number]:
            return "constant"
        return "the networks make no use of it"

    def _reason_of_test(self, number, cut, qvalue):
        if qvalue <= cut.alpha:
            return f"significant: q = {qvalue:.2g} is at most {cut.alpha}"
        reason = "not significant"
        if self.companions is not None and self.companions.is_clustered[number]:
            reason += " beside others, some of which are correlated with it"
        return (
            f"{reason}: p = {self.pvalues[number]:.2g} alone, but q = {qvalue:.2g} "
            f"among {(~self.is_fixed).sum()} tests is above {cut.alpha}"
        )

    def _reason_of_layer(self, number):
        layer = self.layers[number]
        if layer:
            return f"helps once those of layer {layer - 1:.0f} and before are set aside"
        return "in no layer: no set of what was left helps on rows held out"

    def _reason_of_path(self, number, cut, reaches):
        taken, n_rounds = self.n_rounds[number], self.n_rounds.max()
        if cut.threshold == ALL_RELEVANT and self.layers[number] != 1:
            return self._reason_of_layer(number)
        if taken < n_rounds and not reaches:
            return f"dropped after {taken:.3g} of {n_rounds:.3g} rounds, on average"
        if self.size == self.n_fixed:
            than = "fixed_features alone" if self.n_fixed else "none"
            return f"no set of columns predicts rows held out better than {than}"
        folds = "no fold"
        if self.votes[number] > 0:
            folds = f"{self.votes[number]:.3g} of {self.n_folds} folds"
        first = "first" if self.size == 1 else f"among the first {self.size}"
        return f"{first} in {folds}"

    def _beside_kept(self, number, names):
        """Say what a dropped feature tells, beside those that are kept."""
        companions = self.companions
        if companions.is_carried()[number]:
            best = companions.carried[number].argmax()
            share = companions.carried[number, best]
            if share >= STANDS_IN:
                return f"; carried by {names[companions.kept[best]]} ({share:.2f})"
            share = companions.carried_by_all[number]
            return f"; carried by those kept together ({share:.2f})"
        if companions.relation[number] > _RELATED:
            return "; no relation to y was seen"
        reason = "; related to y, but too weak to help"
        return reason + " beside those kept" * bool(len(companions.kept))


def as_cv_results(path):
    """Lay out a path as RFECV's `cv_results_`: scores are the losses, negative."""
    _, errors = path.differences(int(path.mean_losses().argmin()))
    results = {
        "n_features": path.n_features,
        "mean_test_score": -path.mean_losses(),
        "std_test_score": path.split_losses.std(axis=0),
        "std_error": errors,
    }
    for fold, losses in enumerate(path.split_losses):
        results[f"split{fold}_test_score"] = -losses
    return results


def as_table(columns):
    """Make a table of columns: a data frame, a structured array without pandas."""
    try:
        import pandas as pd
    except ImportError:
        n_rows = len(next(iter(columns.values())))
        dtype = [(name, values.dtype) for name, values in columns.items()]
        table = np.empty(n_rows, dtype=dtype)
        for name, values in columns.items():
            table[name] = values
        return table
    return pd.DataFrame(columns)
