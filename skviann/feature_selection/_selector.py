"""The selector: fits a network, keeps the columns that it needs."""

import copy
import functools
import warnings
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GroupKFold, check_cv
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
)

from skviann._cells import is_missing
from skviann._groups import find_features
from skviann._lazy import wrappers
from skviann._plot.importance import ImportanceDisplay
from skviann._plot.selection_path import SelectionPathDisplay
from skviann._sklearn_compat import (
    HasMethods,
    Interval,
    StrOptions,
    _check_method_params,
    _fit_context,
    _get_output_config,
    _routing_enabled,
)
from skviann._table import (
    as_array,
    check_table,
    is_frame,
    take_names,
    warn_about_columns,
)
from skviann._target import read_target
from skviann._validation import all_or_nothing, draw_seeds
from skviann.feature_selection._base import (
    MAX_FEATURES,
    THRESHOLD,
    ImportanceSelector,
    check_threshold,
)
from skviann.feature_selection._folds import Folds, Splitting
from skviann.feature_selection._own_network import (
    OwnNetwork,
    shuffled,
    warn_about_scales,
)
from skviann.feature_selection._own_table import (
    estimator_of,
    read_table,
    reader_for,
    without_class_weight,
)
from skviann.feature_selection._packed_rows import (
    PackedRows,
    seed_of_sample,
    with_best_scale,
)
from skviann.feature_selection._progress import Progress
from skviann.feature_selection._ready_made import ReadyMade
from skviann.feature_selection._report import SelectionReport, code_of, facts_of
from skviann.feature_selection._sampling import ConditionalSampler
from skviann.feature_selection._search import Plan, search, search_layers
from skviann.feature_selection._verdict import (
    ALL_RELEVANT,
    SIZES,
    TESTS,
    Cut,
    Findings,
    Verdict,
    as_cv_results,
    as_table,
    merge_findings,
)
from skviann.neural_network import (
    VIANNClassifier,
    VIANNRegressor,
    VIANNSurvival,
    default_network,
)
from skviann.neural_network._base import BaseNetwork

# Few rows are split into folds so many times.
_REPEATS_OF_FEW = 3


def _can_go_on(selector):
    """Whether there is a `partial_fit`, for scikit-learn's `available_if`."""
    if selector.threshold in (*TESTS, ALL_RELEVANT):
        raise AttributeError(
            f"threshold={selector.threshold!r} needs all rows at once: what it finds "
            "in several chunks is not averaged. partial_fit works with 'auto', "
            "'held-out' or a threshold of importances."
        )
    known = (VIANNClassifier, VIANNRegressor, VIANNSurvival, type(None))
    if not isinstance(selector.estimator, known):
        raise AttributeError(
            "partial_fit goes on with a VIANNClassifier, VIANNRegressor or "
            f"VIANNSurvival, got estimator={selector.estimator!r}."
        )
    return True


class _Stream(NamedTuple):
    """What the selector knows of the chunks of rows so far."""

    seeds: list  # of everything, then one for each split of the rows
    findings: Findings | None = None
    weight: float = 0.0
    n_chunks: int = 0


def _with_a_hint(init):
    """Have `__init__` answer those who know the parameters of RFE."""

    @functools.wraps(init)  # with its signature, which scikit-learn reads
    def init_with_a_hint(self, *args, **params):
        if "n_features_to_select" in params:
            raise TypeError(
                "VIANNSelector has no n_features_to_select. max_features=5 keeps the 5 "
                "most important features at most, and exactly 5 together with "
                "threshold=-np.inf."
            )
        init(self, *args, **params)

    return init_with_a_hint


class VIANNSelector(ImportanceSelector):
    """Select the features that a neural network needs, by the variance of its weights.

    Ranks the features by VIANN, and keeps those that help to predict rows that the
    networks have not seen, or none if none helps. Other values of `threshold` keep the
    features that pass a significance test, or that reach a threshold, as in
    `sklearn.feature_selection.SelectFromModel`.

    Parameters
    ----------
    estimator : estimator, default=None
        The network. None takes `VIANNClassifier` if `y` has integers, booleans, strings
        or categories, `VIANNRegressor` if it has floating-point numbers, and
        `VIANNSurvival` if it has events and times. Other ready-made networks are
        `DeepFeatureSelectionClassifier`, `DropoutRankingClassifier` and their
        regressors; their `early_stopping` has no effect here. Your own network can be a
        ``KerasClassifier`` or ``KerasRegressor`` of scikeras, or an
        ``SKLearnClassifier`` or ``SKLearnRegressor`` of ``keras.wrappers``: copies of
        it are trained, see the notes. If the fit trains it once, its callbacks are used
        themselves, as in Keras; else each training gets copies.
        A fitted ready-made network in a `sklearn.frozen.FrozenEstimator` is not trained
        again: features with at least the mean importance are kept, or as `threshold`
        says.
    threshold : str or float, default="auto"
        Which features are kept.

        - "auto": the first k features of the ranking. Of k = 0, 1, 2, ... it is the
          smallest one that predicts held-out rows about as well as the best one (see
          Notes). "held-out" is the same.
        - "all-relevant": every feature that tells something about the target, also
          where others tell it, too. What "auto" keeps is set aside, and the search
          begins anew among the others, layer by layer, until none of them helps. From
          the second layer on, more than half of the folds must choose a feature.
        - "fdr": features that pass a test on held-out rows, with a false discovery rate
          of at most `alpha` (Benjamini and Hochberg).
        - "fwer": the same, with a probability of at most `alpha` that any of them is
          false (Holm).
        - "mean" (the same as None), "median", a multiple such as "1.25*mean", or a
          number: features with at least this importance. Importances sum to 1, so their
          mean is ``1 / n_features``. Your own network is then trained once, on all
          rows.
    alpha : float, default=0.05
        Error rate of "fdr" and "fwer".
    max_features : int or callable, default=None
        Keep at most this many, the most important ones. A callable gets X and returns
        the number. The threshold still applies: to keep exactly this many, also set
        ``threshold=-np.inf``.
    min_features_to_select : int, default=0
        Keep at least this many, the most important ones. Set it to 1 in pipelines,
        because most models need a feature.
    fixed_features : array-like, default=None
        Columns that are kept in any case: names, numbers, or a mask of shape
        (n_features,). Of a group, one column fixes all. All networks see them, and
        the others are kept for what they tell beyond them: the path starts from the
        fixed ones alone. They count neither for `max_features` nor for
        `min_features_to_select`.
    step : int, float, "auto" or None, default="auto"
        How many features are dropped after each training, the weakest ones. A number
        below 1 is a share of those that are left. New networks are trained on the rest,
        down to 16 features. The importance of a feature is the mean of its shares over
        all trainings; after it was dropped, its share is 0. None trains once, on all
        features. "auto" is 0.5 for more than 32 features, and None otherwise, and for
        your own network with a threshold of importances.
    cv : int, splitter or iterable, default=4
        The folds. The networks of a fold are trained on the rows of the other folds.
        Each fold ranks, eliminates, makes the path and tests on its own. An integer is
        the number of folds, with rows in random order and stratified by class; rows of
        the same of `groups` (a parameter of `fit`) share a fold, as do rows that are
        copies of each other. With your own network and a threshold of importances,
        there are no folds.
    categorical_features : "from_dtype", array-like or None, default=None
        Columns whose values are levels, as in `VIANNClassifier`. None uses the setting
        of the estimator, whose default is the text and category columns of a data
        frame.
    feature_groups : dict or array-like, default=None
        Columns that are one feature, kept or dropped together, as in `VIANNClassifier`.
        None uses the setting of the estimator.
    encode : bool or "auto", default="auto"
        What your own network gets of the table. True: the inputs that ready-made
        networks get (numbers in quantile bins, levels, dates, gaps). False: the numbers
        as they are. "auto" is False for a table of nothing but finite numbers, else
        True.
    sampler : object, default=None
        For "fdr" and "fwer": draws the values of a column given the others. It has the
        methods ``fit(X)`` and ``sample(X, column, n_draws, random_state)``. None is
        `skviann.feature_selection.ConditionalSampler`.
    n_repeats : int or "auto", default="auto"
        How often all is done with other random numbers: the rows are split into other
        folds, or, where there are none (your own network and a threshold of
        importances), the network begins from other weights. "auto" is 3 for tables with
        few rows, with "auto" or "held-out" and if `cv` is a number; else it is 1. Rows
        are few if there are fewer than 1000, or fewer than 100 outside the most
        frequent class. The ranking of a single training is noisy: use 5 to 10 there.
    n_jobs : int, default=None
        How many trainings run at the same time, with joblib, where copies of your own
        network are trained one after the other. None means 1 unless in a
        `joblib.parallel_config` context, -1 means all processors. Every process loads
        TensorFlow; threads wait for each other. Other networks are always trained
        together.
    random_state : int, RandomState instance or None, default=None
        Seeds everything; pass an int for the same result each time. None uses the
        `random_state` of the estimator.
    verbose : int, default=0
        1 shows one line of progress with the time left, 2 also a line for each step. Of
        your own network, both tell whether copies train at once, and if not, why.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,)
        Mean of `importances_`: non-negative, summing to 1. Each column of a group has
        the importance of the group; the sum is then over groups.
    importances_ : ndarray of shape (n_networks, n_features)
        The importances by network, fold by fold.
    importances_std_ : ndarray of shape (n_features,)
        The standard deviation of `importances_` over networks. They have seen different
        rows (with four folds, three quarters each) and start from different weights.
    support_ : ndarray of bool of shape (n_features,)
        Which columns are kept, the same as `get_support()`.
    ranking_ : ndarray of shape (n_features,)
        1 for all that are kept, as in `sklearn.feature_selection.RFE`; then 2, 3, ...
        in the order of `summary()`, whose "rank" has no ties. There, features of
        `fixed_features` come first. Then, where there is a path, the folds' votes: in
        how many of them a feature is among those kept. Then comes its need in the
        second look (see the notes), then its importance, then its place in the table.
    stand_ins_ : dict of str to list of tuple of (str, float)
        For each kept feature, dropped ones that could stand in for it: those that tell
        at least half of its variance, and the share that they tell (see the notes), at
        most five. For a dropped feature that is told by a kept one, that one, and the
        share of it that the dropped one tells. Not with `partial_fit`, nor for more
        than 20,000 features.
    n_features_ : int
        Number of features that are kept.
    threshold_ : float
        The threshold of importances. With "auto", "held-out", "fdr" and "fwer" it is
        the lowest importance of a kept feature, and infinite if none is kept.
    cv_results_ : dict of str to ndarray
        The path, as in `sklearn.feature_selection.RFECV`: "n_features",
        "mean_test_score", "std_test_score" (over folds) and "split0_test_score", ...;
        a score is minus the held-out loss, the log loss of classes and the squared
        error of a standardised quantity (or of its normal scores, see `target_scale_`;
        or another `loss` of `VIANNRegressor`). "std_error" is the standard error of the
        difference to the best mean score. Only with "auto" and "held-out".
    selection_frequency_ : ndarray of shape (n_features,)
        The share of folds that have the feature among their first k, k being the number
        that the path chose. 1 means that all folds agree. Only with "auto" and
        "held-out".
    pvalues_ : ndarray of shape (n_features,)
        The p-value of each feature: do the networks use something that only this
        feature tells, on held-out rows? Not corrected for the number of features. It is
        1 for features that no fold kept until its last round. Only with "fdr" and
        "fwer".
    qvalues_ : ndarray of shape (n_features,)
        The p-values adjusted for the number of features, by Benjamini and Hochberg or,
        with "fwer", by Holm: features with at most `alpha` are kept. NaN for those of
        `fixed_features`. Only with "fdr" and "fwer".
    target_scale_ : str
        "raw" or "normal scores": what of a quantity the networks predicted, see the
        notes. Of several quantities, "normal scores" means those of the skewed ones.
        Only with ready-made networks, and not for classes.
    max_features_ : int
        The largest number of features to keep. Only defined if `max_features` is not
        None.
    estimator_ : estimator
        The networks of the first training, fitted on all features. Each network has
        seen all rows except those of its fold. Of your own network it is the first
        copy; where the table was encoded, a pipeline of the encoding and this copy.
    n_features_in_ : int
        Number of features seen by fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    See Also
    --------
    VIANNClassifier, VIANNRegressor : The default networks.
    VarianceImportance : The Keras callback that does the measuring.
    skviann.inspection.SelectionPathDisplay : Draws the path.
    skviann.feature_selection.SelectionReport : What is kept and why, on one page.
    sklearn.feature_selection.SelectFromModel : The same for any importances.

    Notes
    -----
    **What is kept.** The smallest set that predicts about as well as any. If columns
    carry the same information, one is enough. So not every column that is related to
    the target is kept, unless you ask for them with ``threshold="all-relevant"``.

    **The path.** Each fold trains networks on the first k features of its own ranking,
    and measures their loss on its rows. With the network's ``epochs="auto"`` they train
    for up to 250 steps, at 2.5 times the `learning_rate`, else for `epochs`. Their loss
    is looked at several times on the way, and each k has the lowest mean over folds.
    The best k is the one with the lowest mean loss. The smallest k is kept whose mean
    loss is within half a standard error of the best (the error of the paired difference
    over rows), or within 0.5 % of what the best gains over a constant. Nothing is kept
    unless the best k is better than a constant by two standard errors. k continues
    beyond 16 and 64 if more features may help. Then the folds vote: the k features are
    kept that most folds have among their first k. Copies of a row count as one row in
    standard errors, and so do the rows of one of `groups`, if there are 20 groups or
    more.

    **Your own network** goes through the same search: eight copies or more in each
    round, and in the path one for each fold and number of columns. They train with its
    own loss, optimizer, batches and epochs. On TensorFlow copies train at once, if it
    is shown that this is what Keras's ``fit`` does. Else they train one after the
    other, as with callbacks, norms over all weights (``clipnorm``), recurrent layers, a
    ``train_step`` of your own, or in a wrapper of Keras. Columns that a network with a
    fixed number of inputs shall not see are replaced by their mean. If the network has
    not a vector of weights for each column, as behind a recurrent layer, columns are
    ranked by how much its loss rises when they are shuffled, and a warning says so.

    **A second look.** While a network learns, the weights of a column that is
    correlated with a strong one move along with it. So this column may rank above
    weaker columns that are needed. If 2 to 64 columns would be kept, networks are
    therefore trained once more on these alone. Each column is shuffled in turn, and the
    columns are ordered by how much the loss on the training rows rises. The path below
    k is followed again in this order, which is taken if it is better on average, or
    shows that fewer columns are enough.
    Importances stay as they are: a column that is dropped may have a higher one than a
    column that is kept.

    **Skewed quantities.** With squared errors, one row or a heavy tail may decide
    everything. So if a quantity is far from a normal distribution (its correlation with
    its normal scores is below 0.95), networks also learn its normal scores: the
    quantiles of a normal distribution at its ranks. These are taken if the share of
    their variance that is not explained on held-out rows is less than 0.95 times that
    of the quantity itself, see `target_scale_`. `estimator_` then predicts a middle
    value, not a mean. With `partial_fit`, on Dask and with another `loss` of
    `VIANNRegressor`, quantities stay as they are.

    **The test** is holdout randomisation, see `pvalues_`: the values of a feature are
    replaced by draws from its distribution given the others. If the feature matters,
    the loss on held-out rows rises.

    **Reasons and stand-ins.** `summary()` says of each dropped feature what it tells
    beside those that are kept. It is "carried by" a kept feature if this one tells at
    least half of its variance (a correlation ratio of ranks, by 16 bins, adjusted for
    their number), or if all kept ones together do, in a sum of their bins. Else it is
    "related to y" if an analysis of variance of the target, by the bins of this feature
    alone, says so (adjusted for the number of features, at 0.05). At most 4000 rows are
    looked at.

    **Importances** tell how much a network uses a column. They do not tell in which
    direction, nor that the column is a cause. Columns that carry the same information
    share the importance. With elimination, the features of the last rounds stand out,
    even if `y` is not related to any feature.

    **Interactions.** While more than 64 features are left, elimination does not drop
    the 32 that interact most strongly with another one (at most a quarter of those
    it keeps). The strength of an interaction is the correlation between the target, or
    each class, and the product of two columns. Without this guard, a network hardly
    finds two columns among hundreds that matter only together.

    **Correlated columns.** Copies of a column share a network's attention, so that each
    of them looks weak. Half of the places after each round are therefore for the
    columns that are correlated most strongly with the target (one of their bins with
    the rank of a quantity, or with a class), on the rows that the fold trains on.

    References
    ----------
    C. R. de Sá (2019), "Variance-Based Feature Importance in Neural Networks",
    Discovery Science, LNCS 11828, doi 10.1007/978-3-030-33778-0_24.

    W. Tansey, V. Veitch, H. Zhang, R. Rabadan, D. M. Blei (2022), "The Holdout
    Randomization Test for Feature Selection in Black Box Models", Journal of
    Computational and Graphical Statistics 31(1), 151-162.

    Examples
    --------
    Of ten columns the first three make the classes:

    >>> from sklearn.datasets import make_classification
    >>> from skviann import VIANNSelector
    >>> X, y = make_classification(
    ...     n_samples=300, n_features=10, n_informative=3, n_redundant=0,
    ...     shuffle=False, class_sep=2.0, random_state=0,
    ... )
    >>> selector = VIANNSelector(random_state=0).fit(X, y)
    >>> selector.get_support(indices=True)
    array([0, 1, 2])
    >>> selector.transform(X).shape
    (300, 3)
    >>> selector.cv_results_["n_features"][:6]
    array([0, 1, 2, 3, 4, 5])
    >>> (-selector.cv_results_["mean_test_score"][:6]).round(2)  # held-out log loss
    array([0.69, 0.58, 0.27, 0.04, 0.05, 0.05])
    """

    _parameter_constraints: dict = {
        # fit checks the estimator itself, to say which ones are accepted.
        "estimator": "no_validation",
        "threshold": THRESHOLD,
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "max_features": MAX_FEATURES,
        "min_features_to_select": [Interval(Integral, 0, None, closed="left")],
        "fixed_features": ["array-like", None],
        "step": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
            StrOptions({"auto"}),
            None,
        ],
        "cv": ["cv_object"],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
        "feature_groups": [dict, "array-like", None],
        "encode": ["boolean", StrOptions({"auto"})],
        "sampler": [HasMethods(["fit", "sample"]), None],
        "n_repeats": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @_with_a_hint
    def __init__(
        self,
        estimator=None,
        *,
        threshold="auto",
        alpha=0.05,
        max_features=None,
        min_features_to_select=0,
        fixed_features=None,
        step="auto",
        cv=4,
        categorical_features=None,
        feature_groups=None,
        encode="auto",
        sampler=None,
        n_repeats="auto",
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.threshold = threshold
        self.alpha = alpha
        self.max_features = max_features
        self.min_features_to_select = min_features_to_select
        self.fixed_features = fixed_features
        self.step = step
        self.cv = cv
        self.categorical_features = categorical_features
        self.feature_groups = feature_groups
        self.encode = encode
        self.sampler = sampler
        self.n_repeats = n_repeats
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def set_params(self, **params):
        """Set the parameters of this selector and of its estimator.

        Parameters
        ----------
        **params : dict
            Those of the estimator as ``estimator__n_members`` and so on.

        Returns
        -------
        self : VIANNSelector

        Raises
        ------
        ValueError
            If there is no such parameter, or no estimator that it is one of.
        """
        nested = [name for name in params if name.startswith("estimator__")]
        if nested and params.get("estimator", self.estimator) is None:
            raise ValueError(
                f"{nested[0]} cannot be set while estimator is None, for the target "
                "decides which network it will be. Write "
                "VIANNSelector(VIANNClassifier()) or VIANNSelector(VIANNRegressor())."
            )
        return super().set_params(**params)

    @_fit_context(
        # The networks check their own parameters.
        prefer_skip_nested_validation=False
    )
    def fit(self, X, y, **fit_params):
        """Train networks, rank the features and find out which to keep.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            A table of numbers, text, categories and dates, with or without gaps.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target: classes, a matrix of zeros and ones (which of several labels
            apply), quantities, or events with times as for `VIANNSurvival`.
        **fit_params : dict
            `groups` tells which rows belong together (persons, days), and goes to `cv`.
            All others go to the fit of every network: `sample_weight`, and whatever
            else the fit of a scikeras or Keras wrapper takes. With metadata routing
            enabled, what splitter and estimator request; the default network requests
            `sample_weight`, and an integer `cv` requests `groups`.

        Returns
        -------
        self : VIANNSelector

        Raises
        ------
        ValueError
            If a parameter, X or y cannot be used, before any training; or if the
            network's weights became NaN or infinite.
        TypeError
            If the estimator is not one of those accepted, or a parameter of `fit` would
            have no effect.

        Warns
        -----
        UserWarning
            If no feature is kept; if little or nothing is used of some columns of text
            or categories; if two folds have less than a third of their choice in
            common; if the columns' standard deviations differ by more than a
            factor of 100 and a network of your own does not scale its inputs; if it
            has not a vector of weights for each column.
        """
        with all_or_nothing(self), Progress(int(self.verbose)) as progress:
            self._check_estimator()
            check_threshold(self.threshold, (*SIZES, *TESTS))
            reader = None
            if isinstance(self.estimator, FrozenEstimator):
                findings = self._findings_of_frozen(X, y, fit_params)
            elif is_own(self.estimator):
                findings, reader = self._fit_own(X, y, fit_params, progress)
            else:
                findings = self._fit_ready_made(X, y, fit_params, progress)
            self._set_results(findings, reader)
            vars(self).pop("_stream", None)
        self._warn()
        return self

    @available_if(_can_go_on)
    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Select with one more chunk of rows: for streams, and tables too long to hold.

        Each chunk is selected from by itself, with folds of its own. Importances and
        held-out losses are then averaged over all chunks so far, by weights of rows;
        what is kept follows from the averages. A column that is too weak for each
        chunk's ranking is not found by many of them: chunks of 1000 rows or more, in
        random order, are best. `estimator_` is one network that goes on from chunk to
        chunk, as `VIANNClassifier.partial_fit` does: what columns hold, bins, levels
        and classes are those of the first chunk, or of the estimator's `adapt`. What it
        does not promise is the result of one `fit` on all rows. A `fit` forgets the
        chunks, and the first chunk after it begins anew.

        There is no `partial_fit` for other estimators, nor for `threshold` "fdr" and
        "fwer", whose p-values are not averaged.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            The next rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets, of the same kind in all chunks.
        classes : array-like of shape (n_classes,), default=None
            For the first chunk: all classes, if it may lack some.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts, in the chunk and against other chunks.

        Returns
        -------
        self : VIANNSelector

        Raises
        ------
        ValueError
            If the chunk cannot be used or holds a class that is not known.

        Warns
        -----
        UserWarning
            If no feature is kept so far; after the first chunk, if two folds have less
            than a third of their choice in common.

        Examples
        --------
        >>> import numpy as np
        >>> from skviann import VIANNSelector
        >>> rng = np.random.default_rng(0)
        >>> selector = VIANNSelector(random_state=0)
        >>> for _ in range(3):
        ...     X = rng.normal(size=(1000, 8))
        ...     _ = selector.partial_fit(X, X[:, 0] * X[:, 1] > 0)
        >>> selector.get_support(indices=True)
        array([0, 1])
        """
        with all_or_nothing(self), Progress(int(self.verbose)) as progress:
            check_threshold(self.threshold, SIZES)
            is_first = not hasattr(self, "_stream")
            table, target = self._read(X, y, reset=is_first)
            if is_first:
                self._ask_max_features(X)
                network = self.estimator
                if network is None and classes is not None and target.dtype.kind != "f":
                    network = VIANNClassifier()  # for which of the two is told
                elif network is None:
                    network = default_network(y, target)()
                if hasattr(network, "_learned") and not hasattr(network, "_trained"):
                    network = copy.copy(network)  # it was adapted
                    check_table(network, X, reset=False)
                else:
                    network = self._network_like(network)
                if classes is not None and not isinstance(network, VIANNClassifier):
                    raise ValueError(
                        f"classes={classes!r} were given, but y is a quantity: its "
                        f"dtype is {target.dtype}."
                    )
                seeds = self._draw_seeds(network)
                # There are more rows than those of a chunk.
                seeds = seeds[:2] if self._repeats_if_few() else seeds
                self._stream = _Stream(seeds)
            else:
                network = copy.copy(self.estimator_)
            is_new = not hasattr(network, "_learned")
            problem = network._open(
                table, target, sample_weight, reset=is_new, classes=classes
            )
            if is_new:
                warn_about_columns(network._learned.columns)
            weight = len(target) if sample_weight is None else np.sum(sample_weight)
            self._add_chunk(network, problem, float(weight), progress)
        self._warn()
        return self

    def _ask_max_features(self, X):
        super()._ask_max_features(X)
        n_most, n_least = self._n_most(), self.min_features_to_select
        if n_most is not None and n_least > n_most:
            raise ValueError(
                f"min_features_to_select={n_least} is more than max_features={n_most}."
            )

    def _read(self, X, y, *, reset):
        """Check a table and a target for a ready-made network."""
        table, target = check_table(self, X, reset=reset), read_target(y, self)
        self._n_rows = len(target) + (0 if reset else self._n_rows)
        return table, target

    def _network_like(self, network):
        """Return a new network with the settings and the columns of the selector."""
        network = clone(network).set_params(**self._network_settings())
        take_names(network, self)
        return network

    def _splitting(self, seeds, split_params):
        is_auto = self._repeats_if_few()
        return Splitting(self.cv, seeds, split_params, one_if_many=is_auto)

    def _learner(self, network, problem, splitting):
        network = ReadyMade(network)
        return PackedRows.split(network, problem, splitting, n_jobs=self.n_jobs)

    def _add_chunk(self, network, problem, weight, progress):
        """Select with a chunk of rows, and average over all chunks."""
        stream = self._stream
        before, number = stream.findings, stream.n_chunks
        has_path = before is not None and before.path is not None
        seed, *split_seeds = (seed_of_sample(seed, number) for seed in stream.seeds)
        splitting = Splitting(self.cv, split_seeds)
        learner = self._learner(copy.copy(network), problem, splitting)
        at_least = before.path.n_features[-1] if has_path else 0
        findings = self._search(learner, self._plan(seed, network, at_least), progress)
        if before is None:
            network.random_state = stream.seeds[0]
        else:
            findings = merge_findings(
                [before, findings], [stream.weight, weight], number
            )
        network._go_on(problem)
        findings = findings._replace(estimator=network)
        self._set_results(findings)
        self._stream = _Stream(
            stream.seeds, findings, stream.weight + weight, number + 1
        )

    def _warn(self):
        for text in self._verdict.warnings(self._cut()):
            warnings.warn(text, UserWarning, stacklevel=4)

    def _fit_ready_made(self, X, y, fit_params, progress):
        table, target = self._read(X, y, reset=True)
        self._ask_max_features(X)
        network = self.estimator
        if network is None:
            network = default_network(y, target)()
        network = self._network_like(network)
        fit_params, split_params = self._route(fit_params, len(target))
        unknown = set(fit_params) - {"sample_weight"}
        if unknown:
            raise TypeError(
                "fit takes sample_weight and groups with a ready-made network, got "
                f"{sorted(unknown)}."
            )
        seed, *split_seeds = self._draw_seeds(network)
        sample_weight = fit_params.get("sample_weight")
        problem = network._open(table, target, sample_weight, reset=True)
        warn_about_columns(network._learned.columns)
        plan = self._plan(seed, network)
        splitting = self._splitting(split_seeds, split_params)
        learner = self._learner(network, problem, splitting)
        if problem.target.task == "regression":
            y = target if problem.used is None else target[problem.used]
            learner = with_best_scale(learner, y, seed)
        findings = self._search(learner, plan, progress)
        return self._with_companions(learner, findings)

    def _fit_own(self, X, y, fit_params, progress):
        """Search with copies of the user's network; return findings and the reader.

        The reader is a ready-made network that is not trained: it knows what the table
        and the target hold.
        """
        table, target = self._read(X, y, reset=True)
        self._ask_max_features(X)
        fit_params, split_params = self._route(fit_params, len(target))
        sample_weight = fit_params.pop("sample_weight", None)
        is_path = self.threshold in (*SIZES, *TESTS)
        n_repeats = 1 if self.n_repeats == "auto" else self.n_repeats
        is_single = not is_path and n_repeats == 1 and self.step in ("auto", None)
        wrapper = self.estimator
        validation = getattr(wrapper, "fit__validation_data", None)
        validation = fit_params.get("validation_data", validation)
        if not is_single and validation is not None:
            raise ValueError(
                "validation_data has all columns, but networks are trained on some of "
                "them, too. Take validation_split."
            )
        reader = self._network_like(reader_for(wrapper))
        if is_single:  # all that the wrapper's own fit does is left to it
            reader.class_weight = None
        else:
            wrapper = without_class_weight(wrapper)
        read = read_table(reader, table, target, sample_weight, self.encode)
        problem = read.problem
        if problem.used is not None:
            of_rows = np.zeros((len(target), 1))
            fit_params = _check_method_params(of_rows, fit_params, problem.used)
        if read.is_encoded:
            warn_about_columns(reader._learned.columns)
        network = OwnNetwork(
            wrapper,
            fit_params,
            read.weight_scale,
            n_jobs=self.n_jobs,
            single=is_single,
            random_state=self.random_state,
            tell=print if self.verbose else None,
        )
        seed, *split_seeds = self._draw_seeds(wrapper)
        plan = self._plan(seed, reader)
        if is_path:
            splitting = self._splitting(split_seeds, split_params)
            learner = PackedRows.split(network, problem, splitting)
        else:
            every = np.arange(problem.n_rows)
            folds = Folds([(every, every[:0])])
            learner = PackedRows(network, problem, folds, n_repeats)
            step = None if self.step == "auto" else self.step
            plan = plan._replace(step=step)
        findings = self._search(learner, plan, progress)
        findings = self._with_companions(learner, findings)
        fitted = findings.estimator
        estimator = estimator_of(fitted, reader, read.is_encoded)
        findings = findings._replace(estimator=estimator)
        if not read.is_encoded:
            warn_about_scales(problem.X, fitted.wrapper)
        if network.why_shuffled is not None:
            warnings.warn(shuffled(network.why_shuffled), UserWarning, stacklevel=4)
        return findings, reader

    def _findings_of_frozen(self, X, y, fit_params):
        """Read the importances of a network that is fitted already."""
        network = self.estimator.estimator
        if not isinstance(network, BaseNetwork):
            raise TypeError(
                "FrozenEstimator must hold a fitted VIANNClassifier, VIANNRegressor or "
                f"another of skviann's networks; got {network!r}. For others there is "
                "sklearn.feature_selection.SelectFromModel(..., prefit=True)."
            )
        check_is_fitted(network)
        self._refuse(fit_params, "a FrozenEstimator, which is not trained")
        if self.threshold in ("held-out", ALL_RELEVANT, *TESTS):
            raise ValueError(
                f"threshold={self.threshold!r} trains networks, and a FrozenEstimator "
                "is not trained again. Take 'mean' (as 'auto' does here), 'median', a "
                "multiple or a number."
            )
        vars(self).pop("_n_rows", None)  # of an earlier fit
        check_table(self, X, reset=True)
        check_table(network, X, reset=False)
        if y is not None:
            check_consistent_length(X, y)
        self._ask_max_features(X)
        importances = network._learned.groups.by_feature(network.importances_)
        n_features = importances.shape[1]
        fixed = np.isin(np.arange(n_features), self._fixed(network))
        return Findings(importances, np.ones(n_features), network, fixed=fixed)

    def _check_estimator(self):
        if isinstance(self.estimator, type):
            name = self.estimator.__name__
            raise TypeError(
                f"estimator must be an instance, got the class {name}. Write {name}()."
            )
        if not is_own(self.estimator):
            if self.encode != "auto":
                raise ValueError(
                    f"encode={self.encode!r} is for a network of your own; ready-made "
                    "ones encode every table. Leave it at 'auto'."
                )
            return
        if not wrappers.is_wrapper(self.estimator):
            raise TypeError(
                "estimator must be None, a VIANNClassifier or VIANNRegressor, another "
                "of skviann's networks, a scikeras KerasClassifier or KerasRegressor, "
                "or a keras.wrappers SKLearnClassifier or SKLearnRegressor; got "
                f"{self.estimator!r}. Put other steps of a pipeline in front of the "
                "selector, and a Keras model into one of these wrappers."
            )

    def _route(self, fit_params, n_samples):
        """Tell parameters of the network's fit from those of the splitter."""
        if _routing_enabled():
            routed = process_routing(self, "fit", **fit_params)
            fit_params, split_params = routed.estimator.fit, routed.splitter.split
        else:
            fit_params = dict(fit_params)
            split_params = {"groups": fit_params.pop("groups", None)}
        split_params = {
            name: value for name, value in split_params.items() if value is not None
        }
        if is_own(self.estimator) and self.threshold not in (*SIZES, *TESTS):
            self._refuse(
                split_params, f"your own network and threshold={self.threshold!r}"
            )
        groups = split_params.get("groups")
        if groups is not None and np.shape(groups) != (n_samples,):
            raise ValueError(
                f"groups must have one label for each of the {n_samples} rows, got an "
                f"array of shape {np.shape(groups)}."
            )
        n_missing = sum(map(is_missing, () if groups is None else groups))
        if n_missing:
            raise ValueError(
                f"groups must tell of each row which it belongs to, but {n_missing} of "
                f"{n_samples} are missing."
            )
        return fit_params, split_params

    def _refuse(self, params, where):
        """Raise a TypeError if parameters of `fit` would have no effect."""
        names = sorted(name for name, value in params.items() if value is not None)
        if names:
            raise TypeError(f"fit's {names} would have no effect with {where}.")

    def _network_settings(self):
        """Return the network's parameters that the selector has, too."""
        names = ("categorical_features", "feature_groups")
        settings = {name: getattr(self, name) for name in names}
        return {name: one for name, one in settings.items() if one is not None}

    def _repeats_if_few(self):
        """Whether "auto" splits rows several times where they are few."""
        by_path = self.threshold in SIZES and self.threshold != ALL_RELEVANT
        is_number = isinstance(self.cv, Integral)
        return self.n_repeats == "auto" and by_path and is_number

    def _draw_seeds(self, network):
        """Draw a seed, and one for each split of the rows."""
        n_repeats = 1 if self.n_repeats == "auto" else self.n_repeats
        if self._repeats_if_few():
            n_repeats = _REPEATS_OF_FEW
        random_state = self.random_state
        if random_state is None:
            random_state = getattr(network, "random_state", None)
        return draw_seeds(random_state, 1 + n_repeats)

    def _plan(self, seed, reader, at_least=0):
        """Tell what to search for in a table that was read."""
        sampler = None
        if self.threshold in TESTS:
            sampler = self.sampler or ConditionalSampler()
        return Plan(
            seed,
            self.step,
            with_path=self.threshold in SIZES,
            n_most=self._n_most(),
            at_least=at_least,
            fixed=self._fixed(reader),
            sampler=sampler,
        )

    def _fixed(self, reader):
        """Return the numbers of features to keep in any case."""
        groups = reader._learned.groups
        names = getattr(self, "feature_names_in_", None)
        return find_features(self.fixed_features, groups, names, "fixed_features")

    def _search(self, learner, plan, progress):
        search_all = search_layers if self.threshold == ALL_RELEVANT else search
        return search_all(learner, plan, progress)

    def _with_companions(self, learner, findings):
        """Add to findings how features stand beside those that are kept."""
        verdict = Verdict(findings)
        kept = verdict.in_order(self._cut())
        companions = learner.companions(kept, verdict.choices, findings.pvalues)
        return findings._replace(companions=companions)

    def _set_results(self, findings, reader=None):
        """Write down what was found out.

        The `reader` knows what the table holds; None: the estimator that was found.
        """
        verdict = self._verdict = Verdict(findings)
        self.estimator_ = findings.estimator
        self._reader = findings.estimator if reader is None else reader
        self._groups = self._reader._learned.groups
        by_column = self._groups.by_column
        self.importances_ = by_column(findings.importances)
        self.feature_importances_ = by_column(verdict.importances)
        self.importances_std_ = self.importances_.std(axis=0)
        for name in (
            "cv_results_",
            "selection_frequency_",
            "pvalues_",
            "target_scale_",
        ):
            vars(self).pop(name, None)
        if isinstance(self.estimator_, BaseNetwork):
            target = self.estimator_._learned.target
            if target.task == "regression":
                self.target_scale_ = "normal scores" if target.scores else "raw"
        if findings.path is not None and findings.layers is None:
            self.cv_results_ = as_cv_results(findings.path)
            self.selection_frequency_ = by_column(verdict.frequencies)
        if findings.pvalues is not None:
            self.pvalues_ = by_column(findings.pvalues)

    @property
    def n_features_(self):
        """Number of features that are kept, a group being one."""
        return int(self._kept_features().sum())

    @property
    def threshold_(self):
        """Importance from which a feature is kept, or the least of one that is."""
        check_is_fitted(self)
        return self._verdict.threshold(self._cut())

    @property
    def support_(self):
        """Mask of the columns that are kept, as `get_support()`."""
        return self.get_support()

    @property
    def ranking_(self):
        """Rank of each column: 1 for all that are kept."""
        check_is_fitted(self)
        return self._groups.by_column(self._verdict.ranks(self._cut()))

    @property
    def qvalues_(self):
        """Adjusted p-values, as the threshold asks."""
        check_is_fitted(self)
        if self._verdict.pvalues is None:
            raise AttributeError(
                "qvalues_ come from a test: set threshold='fdr' or 'fwer' before fit."
            )
        return self._groups.by_column(self._verdict.qvalues(self._cut()))

    @property
    def stand_ins_(self):
        """Which dropped features could stand in for each one that is kept."""
        check_is_fitted(self)
        names = list(self._names())
        stand_ins = self._verdict.stand_ins(self._cut())
        if stand_ins is None:
            raise AttributeError(
                "stand_ins_ are those of what fit kept; there are none after "
                "partial_fit, for a FrozenEstimator, for more than 20,000 features, or "
                "if a parameter was set after fit that changes what is kept."
            )
        return {
            names[one]: [(names[other], share) for other, share in others]
            for one, others in stand_ins.items()
        }

    def _cut(self):
        """Tell what the parameters ask for, as they are now."""
        threshold = self.threshold
        is_frozen = isinstance(self.estimator, FrozenEstimator)
        if threshold is None or (threshold == "auto" and is_frozen):
            threshold = "mean"
        return Cut(threshold, self.alpha, self._n_most(), self.min_features_to_select)

    def _kept_features(self):
        """Which features are kept, a group being one."""
        check_is_fitted(self)
        return self._verdict.kept(self._cut())

    def _get_support_mask(self):
        is_kept = self._kept_features()
        return self._groups.by_column(is_kept)

    def summary(self):
        """Tell for each feature whether it is kept, and why or why not.

        Returns
        -------
        table : pandas.DataFrame or ndarray
            A row for each feature (a group is one), most important first; a structured
            array where pandas is not installed. The columns are

            - "feature", "kept", "rank",
            - "importance", and its standard deviation over networks, "std",
            - "frequency", if there is a path, see `selection_frequency_`,
            - "layer", with "all-relevant": which layer found it, 0 if none did,
            - "rounds": trainings with the feature before it was dropped, the mean over
              folds,
            - "pvalue" and "qvalue", if `fit` tested,
            - "read as": number, date, category of 5 levels, identifier: not used,
              ...,
            - "stand-ins", see `stand_ins_`,
            - "reason": why it is kept, or what it tells beside those that are kept.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skviann import VIANNSelector
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> selector = VIANNSelector(random_state=0).fit(X, y)
        >>> selector.summary()[["feature", "kept", "rank", "stand-ins"]]
                     feature   kept  rank                 stand-ins
        0   petal width (cm)   True     1  sepal length (cm) (0.69)
        1  petal length (cm)   True     2  sepal length (cm) (0.78)
        2   sepal width (cm)  False     3
        3  sepal length (cm)  False     4  petal length (cm) (0.78)
        """
        check_is_fitted(self)
        cut = self._cut()
        verdict, names = self._verdict, list(self._names())
        columns = {
            "feature": np.fromiter(names, dtype=object),
            "kept": verdict.kept(cut),
            "rank": verdict.ranking,
            "importance": verdict.importances,
            "std": self._groups.by_feature(self.importances_std_),
        }
        if verdict.size is not None:
            columns["frequency"] = verdict.frequencies
        if verdict.layers is not None:
            columns["layer"] = verdict.layers.astype(int)
        columns["rounds"] = verdict.n_rounds
        if verdict.pvalues is not None:
            columns["pvalue"] = verdict.pvalues
            columns["qvalue"] = verdict.qvalues(cut)
        columns["read as"] = read_as = self._read_as()
        stand_ins = verdict.stand_ins(cut)
        if stand_ins is not None:
            columns["stand-ins"] = np.array(
                [_in_words(stand_ins.get(one, ()), names) for one in range(len(names))],
                dtype=object,
            )
        reasons = verdict.reasons(cut, names, read_as)
        columns["reason"] = np.array(reasons, dtype=object)
        order = np.argsort(verdict.ranking)
        return as_table({name: values[order] for name, values in columns.items()})

    def report(self):
        """Put together what is kept and why, on one page.

        Returns
        -------
        report : SelectionReport
            A notebook shows it, ``report.save("report.html")`` writes it to a file, and
            ``print(report)`` shows it in short.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skviann import VIANNSelector
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> print(VIANNSelector(random_state=0).fit(X, y).report())
        2 of 4 features are kept: the fewest that predict held-out rows about as well...
          petal width (cm): 0.3... (among the first 2 in 12 of 12 folds)
          petal length (cm): 0.3... (among the first 2 in 12 of 12 folds)
        """
        cut = self._cut()
        return SelectionReport(
            self.summary(),
            self._verdict.rule(cut),
            path=self.cv_results_ if self._is_by_path() else None,
            warnings=self._verdict.warnings(cut),
            code=code_of(self),
            facts=facts_of(self, getattr(self, "_n_rows", "not known")),
        )

    def plot(self, ax=None, **kwargs):
        """Draw the path to the number of features that are kept, else importances.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure.
        **kwargs : dict
            Passed to `ImportanceDisplay.from_estimator`, with a threshold that makes no
            path.

        Returns
        -------
        display : SelectionPathDisplay or ImportanceDisplay
            The latter with "fdr", "fwer", thresholds of importances, and networks in a
            `sklearn.frozen.FrozenEstimator`.

        Raises
        ------
        TypeError
            If the display does not take a parameter.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skviann import VIANNSelector
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> display = VIANNSelector(random_state=0).fit(X, y).plot()
        >>> display.n_selected
        2
        """
        self._kept_features()  # is an error if another fit is needed for the threshold
        display = SelectionPathDisplay if self._is_by_path() else ImportanceDisplay
        return display.from_estimator(self, ax=ax, **kwargs)

    def _is_by_path(self):
        """Whether what is kept is a point of the path."""
        return hasattr(self, "cv_results_") and self._cut().threshold in SIZES

    def _html_repr(self):
        """Show the report in a notebook, and scikit-learn's diagram before the fit."""
        try:
            return self.report()._repr_html_()
        except NotFittedError:
            return super()._html_repr()

    def _names(self):
        """Names of the features: those of groups, or of columns."""
        if self._groups.names is not None:
            return self._groups.names
        numbered = [f"x{number}" for number in range(self.n_features_in_)]
        return getattr(self, "feature_names_in_", numbered)

    def _read_as(self):
        """Tell in words how each feature was read, a group by all of its columns."""
        words = [{} for _ in self._verdict.importances]
        of_columns = self._reader._tell_columns()
        for number, one in zip(self._groups.feature_of_column, of_columns, strict=True):
            words[number][one] = None
        return np.array([", ".join(some) for some in words], dtype=object)

    def transform(self, X):
        """Keep the columns of X that are selected.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            A table with the columns of the fit.

        Returns
        -------
        X : data frame, ndarray or sparse matrix of shape (n_samples, n_kept)
            A data frame, of the types that the columns came with, after
            ``set_output(transform="pandas")`` or ``"polars"``; else an array.

        Raises
        ------
        ValueError
            If a column is missing, new, or of another kind than in the fit.
        """
        check_is_fitted(self)
        if not is_frame(X):
            return super().transform(X)
        table = check_table(self, X, reset=False)
        support = self.get_support(indices=True)
        self._reader._check_kinds(table, support)
        kept = table[:, support.tolist()]
        output = _get_output_config("transform", estimator=self)["dense"]
        if output == "default":
            return as_array(kept)
        return kept.to_polars() if output == "polars" else kept.to_pandas()

    def get_metadata_routing(self):
        """Get metadata routing of this object.

        Returns
        -------
        routing : sklearn.utils.metadata_routing.MetadataRouter
            What is routed to the fit of the network. The default network requests
            `sample_weight`.
        """
        estimator = self.estimator
        if estimator is None:
            estimator = VIANNClassifier().set_fit_request(sample_weight=True)
        mapping = (
            # A Pipeline calls fit_transform.
            MethodMapping()
            .add(caller="fit", callee="fit")
            .add(caller="fit_transform", callee="fit")
        )
        splitting = (
            MethodMapping()
            .add(caller="fit", callee="split")
            .add(caller="fit_transform", callee="split")
        )
        # An integer takes groups, too.
        is_number = isinstance(self.cv, Integral)
        splitter = GroupKFold() if is_number else check_cv(self.cv)
        return (
            MetadataRouter(owner=self)
            .add(estimator=estimator, method_mapping=mapping)
            .add(splitter=splitter, method_mapping=splitting)
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        is_encoded = self.encode is not False
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = is_encoded
        tags.input_tags.categorical = is_encoded
        tags.input_tags.string = is_encoded
        return tags

    def __sklearn_clone__(self):
        new = super().__sklearn_clone__()
        # Keras's wrappers lose fit_kwargs when cloned, and with them the epochs.
        if hasattr(self.estimator, "fit_kwargs"):
            new.estimator.set_params(
                fit_kwargs=copy.deepcopy(self.estimator.fit_kwargs)
            )
        return new


def _in_words(stand_ins, names):
    """Write features and the shares that they tell: "a (0.97), b (0.61)"."""
    return ", ".join(f"{names[one]} ({share:.2f})" for one, share in stand_ins)


def is_own(estimator):
    """Whether the network is the user's own."""
    return not isinstance(estimator, (BaseNetwork, FrozenEstimator, type(None)))
