"""The selector: fits a network, keeps the columns that it needs."""

import copy
import functools
import warnings
from functools import partial
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import check_cv
from sklearn.preprocessing import StandardScaler
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from skviann._groups import groups_of
from skviann._sklearn_compat import (
    HasMethods,
    Interval,
    StrOptions,
    _fit_context,
    _get_output_config,
    _routing_enabled,
)
from skviann._table import (
    as_array,
    check_finite,
    check_table,
    is_frame,
    warn_about_columns,
)
from skviann._target import read_target
from skviann._validation import all_or_nothing, draw_seeds, explained
from skviann.feature_selection._base import (
    MAX_FEATURES,
    THRESHOLD,
    ImportanceSelector,
    as_select_from_model,
    check_threshold,
)
from skviann.feature_selection._findings import Findings, merge_findings
from skviann.feature_selection._multiple_testing import benjamini_hochberg, holm
from skviann.feature_selection._own_network import select_with_own_network
from skviann.feature_selection._path import choose_size
from skviann.feature_selection._progress import Progress
from skviann.feature_selection._ready_made import select_ready_made
from skviann.feature_selection._sample import own_seed
from skviann.feature_selection._sampling import ConditionalSampler
from skviann.neural_network import (
    BaseNetwork,
    VIANNClassifier,
    VIANNRegressor,
    default_network,
)

_MAX_SCALE_RATIO = 100

# Thresholds that are not of importances, but found in the data.
SIZES = ("auto", "held-out")
TESTS = ("fdr", "fwer")


def _can_go_on(selector):
    """Whether there is a `partial_fit`, for scikit-learn's `available_if`."""
    if selector.threshold in TESTS:
        raise AttributeError(
            f"threshold={selector.threshold!r} tests the networks of one fit: p-values "
            "of several chunks are not averaged. partial_fit works with 'auto', "
            "'held-out' or a threshold of importances."
        )
    known = (VIANNClassifier, VIANNRegressor, type(None))
    if not isinstance(selector.estimator, known):
        raise AttributeError(
            "partial_fit goes on with a VIANNClassifier or VIANNRegressor, got "
            f"estimator={selector.estimator!r}."
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
        or categories, and `VIANNRegressor` if it has floating-point numbers. Other
        ready-made networks are `DeepFeatureSelectionClassifier`,
        `DropoutRankingClassifier` and their regressors; their `early_stopping` has no
        effect here. Your own network can be a ``KerasClassifier`` or ``KerasRegressor``
        of scikeras, or an ``SKLearnClassifier`` or ``SKLearnRegressor`` of
        ``keras.wrappers``. If the fit trains it once, its callbacks are used
        themselves, as in Keras; if it trains several times, each training gets copies.
        A fitted ready-made network in a `sklearn.frozen.FrozenEstimator` is not trained
        again: features with at least the mean importance are kept, or as `threshold`
        says.
    threshold : str or float, default="auto"
        Which features are kept.

        - "auto": the first k features of the ranking. Of k = 0, 1, 2, ... it is the
          smallest one that predicts held-out rows about as well as the best one (see
          Notes). For your own network it is the same as "mean".
        - "held-out": the same, for your own network, too. It is trained again for each
          number of features and each fold.
        - "fdr": features that pass a test on held-out rows, with a false discovery rate
          of at most `alpha` (Benjamini and Hochberg). Ready-made networks only.
        - "fwer": the same, with a probability of at most `alpha` that any of them is
          false (Holm).
        - "mean" (the same as None), "median", a multiple such as "1.25*mean", or a
          number: features with at least this importance. Importances sum to 1, so their
          mean is ``1 / n_features``.
    alpha : float, default=0.05
        Error rate of "fdr" and "fwer".
    max_features : int or callable, default=None
        Keep at most this many, the most important ones. A callable gets X and returns
        the number. The threshold still applies: to keep exactly this many, also set
        ``threshold=-np.inf``.
    min_features_to_select : int, default=0
        Keep at least this many, the most important ones, with "auto", "held-out", "fdr"
        and "fwer". Set it to 1 in pipelines, because most models need a feature.
    step : int, float, "auto" or None, default="auto"
        How many features are dropped after each training, the weakest ones. A number
        below 1 is a share of those that are left. New networks are trained on the rest,
        down to 16 features. The importance of a feature is the mean of its shares over
        all trainings; after it was dropped, its share is 0. None trains once, on all
        features. "auto" is 0.5 for ready-made networks and more than 32 features, and
        None otherwise.
    cv : int, splitter or iterable, default=4
        The folds. The networks of a fold are trained on the rows of the other folds.
        Each fold ranks, eliminates, makes the path and tests on its own. An integer is
        the number of folds, with rows in random order and stratified by class. With
        your own network, folds are used for "held-out" only.
    categorical_features : "from_dtype", array-like or None, default=None
        Columns whose values are levels, as in `VIANNClassifier`. None uses the setting
        of the estimator, whose default is the text and category columns of a data
        frame. Ready-made networks only.
    feature_groups : dict or array-like, default=None
        Columns that are one feature, kept or dropped together, as in `VIANNClassifier`.
        None uses the setting of the estimator. Ready-made networks only.
    sampler : object, default=None
        For "fdr" and "fwer": draws the values of a column given the others. It has the
        methods ``fit(X)`` and ``sample(X, column, n_draws, random_state)``. None is
        `skviann.feature_selection.ConditionalSampler`.
    n_repeats : int, default=1
        For ready-made networks, how often the rows are split into folds. For your own
        network, how many trainings are averaged; the ranking of one training is noisy,
        so use 5 to 10.
    n_jobs : int, default=None
        How many trainings of your own network run at the same time, with joblib. None
        means 1 unless in a `joblib.parallel_config` context, -1 means all processors.
        Every process loads TensorFlow; threads wait for each other. Ready-made networks
        are always trained together.
    random_state : int, RandomState instance or None, default=None
        Seeds everything; pass an int for the same result each time. None uses the
        `random_state` of the estimator.
    verbose : int, default=0
        1 shows one line of progress with the time left, 2 also a line for each step.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,)
        Mean of `importances_`: non-negative, summing to 1. Each column of a group has
        the importance of the group; the sum is then over groups.
    importances_ : ndarray of shape (n_networks, n_features)
        The importances by network, fold by fold. For your own network, one row for each
        training.
    importances_std_ : ndarray of shape (n_features,)
        The standard deviation of `importances_` over networks. Ready-made networks have
        seen different rows (with four folds, three quarters each) and start from
        different weights.
    ranking_ : ndarray of shape (n_features,)
        1 for the first feature. The features of the second look come first, in its
        order (see the notes), then the others by importance; the first of equal ones
        comes first.
    n_rounds_ : ndarray of shape (n_features,)
        The number of trainings with the feature before it was dropped, mean over folds.
    n_features_ : int
        Number of features that are kept.
    threshold_ : float
        The threshold of importances. With "auto", "held-out", "fdr" and "fwer" it is
        the lowest importance of a kept feature, and infinite if none is kept.
    cv_results_ : dict of str to ndarray
        The path, as in `sklearn.feature_selection.RFECV`: "n_features",
        "mean_test_score", "std_test_score" (over folds) and "split0_test_score", ...;
        a score is minus the held-out loss, the log loss of classes and the squared
        error of a standardised quantity. "std_error" is the standard error of the
        difference to the best mean score. Only with "auto" and "held-out".
    pvalues_ : ndarray of shape (n_features,)
        The p-value of each feature: do the networks use something that only this
        feature tells, on held-out rows? Not corrected for the number of features. It is
        1 for features that no fold kept until its last round. Only with "fdr" and
        "fwer".
    max_features_ : int
        The largest number of features to keep. Only defined if `max_features` is not
        None.
    estimator_ : estimator
        The networks of the first training, fitted on all features. Each network has
        seen all rows except those of its fold. Your own network is fitted on an array.
    n_features_in_ : int
        Number of features seen by fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    See Also
    --------
    VIANNClassifier, VIANNRegressor : The default networks.
    VarianceImportance : The Keras callback that does the measuring.
    skviann.inspection.SelectionPathDisplay : Draws the path.
    sklearn.feature_selection.SelectFromModel : The same for any importances.

    Notes
    -----
    **What is kept.** The smallest set that predicts about as well as any. If columns
    carry the same information, one is enough. So not every column that is related to
    the target is kept.

    **The path.** Each fold trains networks on the first k features of its own ranking,
    and measures their loss on its rows. The best k is the one with the lowest mean
    loss. The smallest k is kept whose mean loss is within half a standard error of the
    best (the error of the paired difference over rows). Nothing is kept unless the best
    k is better than a constant by two standard errors. k continues beyond 16 and 64 if
    more features may help. The rankings of the folds are averaged, and the first k
    features are kept.

    **A second look.** While a network learns, the weights of a column that is
    correlated with a strong one move along with it. So this column may rank above
    weaker columns that are needed. If 2 to 64 columns would be kept, the ready-made
    networks are therefore trained once more on these alone. Each column is shuffled in
    turn, and the columns are ordered by how much the loss on the training rows rises.
    The path below k is followed again in this order, and may show that fewer columns
    are enough. The mean rise over folds decides which come first. `ranking_` has this
    order, importances stay as they are: one that is dropped may have a higher
    importance than one that is kept.

    **The test** is holdout randomisation, see `pvalues_`: the values of a feature are
    replaced by draws from its distribution given the others. If the feature matters,
    the loss on held-out rows rises.

    **Importances** tell how much a network uses a column. They do not tell in which
    direction, nor that the column is a cause. Columns that carry the same information
    share the importance. With elimination, the features of the last rounds stand out,
    even if `y` is not related to any feature.

    **Interactions.** While more than 64 features are left, elimination does not drop
    the 32 that interact most strongly with another one (at most half of those it
    keeps). The strength of an interaction is the correlation between the target, or
    each class, and the product of two columns. Without this guard, a network hardly
    finds two columns among hundreds that matter only together.

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
    array([0.69, 0.58, 0.31, 0.06, 0.06, 0.07])
    """

    _parameter_constraints: dict = {
        # fit checks the estimator itself, to say which ones are accepted.
        "estimator": "no_validation",
        "threshold": THRESHOLD,
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "max_features": MAX_FEATURES,
        "min_features_to_select": [Interval(Integral, 0, None, closed="left")],
        "step": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
            StrOptions({"auto"}),
            None,
        ],
        "cv": ["cv_object"],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
        "feature_groups": [dict, "array-like", None],
        "sampler": [HasMethods(["fit", "sample"]), None],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
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
        step="auto",
        cv=4,
        categorical_features=None,
        feature_groups=None,
        sampler=None,
        n_repeats=1,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.threshold = threshold
        self.alpha = alpha
        self.max_features = max_features
        self.min_features_to_select = min_features_to_select
        self.step = step
        self.cv = cv
        self.categorical_features = categorical_features
        self.feature_groups = feature_groups
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
            A table of numbers, text, categories and dates, with or without gaps. For a
            network of your own finite numbers, sparse only for one of scikeras.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target: classes, a matrix of zeros and ones (which of several labels
            apply), or quantities.
        **fit_params : dict
            `groups` goes to the splitter `cv`, all others to the fit of every network:
            `sample_weight`, and whatever else the fit of a scikeras or Keras wrapper
            takes. With metadata routing enabled, what splitter and estimator request;
            the default network requests `sample_weight`.

        Returns
        -------
        self : VIANNSelector

        Raises
        ------
        ValueError
            If a parameter, X or y cannot be used, before any training; or if the
            network's weights became NaN or infinite.
        TypeError
            If the estimator is not one of those accepted.

        Warns
        -----
        UserWarning
            If no feature is kept; if little or nothing is used of some columns of text
            or categories; if the columns' standard deviations differ by more than a
            factor of 100 and a network of your own does not scale its inputs.
        """
        with all_or_nothing(self):
            self._check_estimator()
            check_threshold(self.threshold, (*SIZES, *TESTS))
            estimator, X_original = self.estimator, X
            if isinstance(estimator, FrozenEstimator):
                findings = self._findings_of(estimator.estimator, X)
                self._ask_max_features(X_original)
            else:
                if is_own(estimator):
                    X, y = self._check_numbers(X, y)
                else:
                    y_original = y
                    X, y = self._read(X, y, reset=True)
                    if estimator is None:
                        estimator = default_network(y_original, y)()
                self._ask_max_features(X_original)
                routed = self._route(fit_params)
                findings = self._select(estimator, X, y, *routed)
                columns = getattr(findings.estimator, "_columns", None)
                warn_about_columns(columns)
            self._keep(findings)
            vars(self).pop("_stream", None)
            if is_own(self.estimator):
                self._warn_about_scales(X)
        self._warn_if_none()
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
            If no feature is kept so far.

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
        with all_or_nothing(self):
            check_threshold(self.threshold, SIZES)
            is_first = not hasattr(self, "_stream")
            X_original, y_original = X, y
            X, y = self._read(X, y, reset=is_first)
            if is_first:
                self._ask_max_features(X_original)
                network = self._adapted_network(
                    X, y, y_original, classes, sample_weight
                )
                self._stream = _Stream(self._draw_seeds(network))
            else:
                network = copy.copy(self.estimator_)
            self._keep_chunk(network, X, y, sample_weight)
        self._warn_if_none()
        return self

    def _read(self, X, y, *, reset):
        """Check a table and a target for a ready-made network.

        A frame stays as it is: the network turns it into numbers.
        """
        table = check_table(self, X, reset=reset)
        return X if is_frame(X) else table, read_target(y, self)

    def _adapted_network(self, X, y, y_original, classes, sample_weight):
        """Return a network that knows what columns and target hold."""
        network = self.estimator or default_network(y_original, y)()
        if hasattr(network, "_adapted"):
            return copy.copy(network)
        network = clone(network).set_params(**self._network_settings())
        if isinstance(network, VIANNClassifier):
            return network.adapt(X, y, sample_weight, classes=classes)
        if classes is not None:
            raise ValueError(
                f"classes={classes!r} were given, but y is a quantity: its dtype is "
                f"{y.dtype}."
            )
        return network.adapt(X, y, sample_weight)

    def _keep_chunk(self, network, X, y, sample_weight):
        """Select with a chunk of rows, and average over all chunks."""
        stream = self._stream
        before, number = stream.findings, stream.n_chunks
        has_path = before is not None and before.path is not None
        findings = select_ready_made(
            copy.copy(network),
            X,
            y,
            sample_weight,
            cv=self.cv,
            split_params={},
            n_jobs=self.n_jobs,
            seeds=[own_seed(seed, number) for seed in stream.seeds],
            learned=network._learned(),
            at_least=before.path.n_features[-1] if has_path else 0,
            **self._settings(),
        )
        weight = len(y) if sample_weight is None else float(np.sum(sample_weight))
        if before is None:
            network.random_state = stream.seeds[0]
        else:
            findings = merge_findings(
                [before, findings], [stream.weight, weight], number
            )
        network.partial_fit(X, y, sample_weight=sample_weight)
        findings = findings._replace(estimator=network)
        self._keep(findings)
        self._stream = _Stream(
            stream.seeds, findings, stream.weight + weight, number + 1
        )

    def _warn_if_none(self):
        if not self.get_support().any():
            warnings.warn(self._why_none(), UserWarning, stacklevel=4)

    def _findings_of(self, network, X):
        """Read the importances of a network that is fitted already."""
        if not isinstance(network, BaseNetwork):
            raise TypeError(
                "FrozenEstimator must hold a fitted VIANNClassifier, VIANNRegressor or "
                f"another of skviann's networks; got {network!r}. For others there is "
                "sklearn.feature_selection.SelectFromModel(..., prefit=True)."
            )
        check_is_fitted(network)
        if self.threshold in ("held-out", *TESTS):
            raise ValueError(
                f"threshold={self.threshold!r} trains networks, and a FrozenEstimator "
                "is not trained again. Take 'mean' (as 'auto' does here), 'median', a "
                "multiple or a number."
            )
        check_table(self, X, reset=True)
        check_table(network, X, reset=False)
        importances = network._groups.by_feature(network.importances_)
        return Findings(importances, np.ones(importances.shape[1]), network)

    def _check_numbers(self, X, y):
        """Check data for a network of the user's own."""
        for name in ("categorical_features", "feature_groups"):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"{name} works with the ready-made networks only, got a network of "
                    "your own. Encode the columns in front of the selector."
                )
        with explained():
            X, y = validate_data(
                self,
                X,
                y,
                accept_sparse=_accepts_sparse(self.estimator) and "csr",
                multi_output=True,
                ensure_min_samples=2,
                ensure_all_finite=False,
            )
        check_finite(X, self, allow_nan=False)
        return X, y

    def _check_estimator(self):
        if isinstance(self.estimator, type):
            name = self.estimator.__name__
            raise TypeError(
                f"estimator must be an instance, got the class {name}. Write {name}()."
            )
        if not is_own(self.estimator):
            return
        from skviann.wrappers import is_wrapper

        if not is_wrapper(self.estimator):
            raise TypeError(
                "estimator must be None, a VIANNClassifier or VIANNRegressor, another "
                "of skviann's networks, a scikeras KerasClassifier or KerasRegressor, "
                "or a keras.wrappers SKLearnClassifier or SKLearnRegressor; got "
                f"{self.estimator!r}. Put other steps of a pipeline in front of the "
                "selector, and a Keras model into one of these wrappers."
            )
        if self.threshold in TESTS:
            raise ValueError(
                f"threshold={self.threshold!r} tests the ready-made networks only, "
                "got a network of your own. threshold='held-out' finds the number of "
                "columns for it."
            )

    def _route(self, fit_params):
        """Tell parameters of the network's fit from those of the splitter."""
        if _routing_enabled():
            routed = process_routing(self, "fit", **fit_params)
            return routed.estimator.fit, routed.splitter.split
        split_params = {}
        if fit_params.get("groups") is not None:
            split_params["groups"] = fit_params["groups"]
        fit_params = {name: fit_params[name] for name in fit_params if name != "groups"}
        return fit_params, split_params

    def _select(self, estimator, X, y, fit_params, split_params):
        """Rank the features; follow the path and test, if the threshold asks for it."""
        if isinstance(estimator, BaseNetwork):
            network = clone(estimator).set_params(**self._network_settings())
            unknown = set(fit_params) - {"sample_weight"}
            if unknown:
                raise TypeError(
                    "fit takes sample_weight and groups with a ready-made network, got "
                    f"{sorted(unknown)}."
                )
            return select_ready_made(
                network,
                X,
                y,
                fit_params.get("sample_weight"),
                cv=self.cv,
                split_params=split_params,
                n_jobs=self.n_jobs,
                seeds=self._draw_seeds(network),
                **self._settings(),
            )
        return select_with_own_network(
            estimator,
            X,
            y,
            fit_params,
            cv=self.cv,
            split_params=split_params,
            # A network of the user's own may ask for a certain number of columns.
            step=None if self.step == "auto" else self.step,
            n_repeats=self.n_repeats,
            n_most=self._n_most(),
            n_jobs=self.n_jobs,
            with_path=self.threshold == "held-out",
            random_state=self.random_state,
            progress=partial(Progress, verbose=int(self.verbose)),
        )

    def _network_settings(self):
        """Return the network's parameters that the selector has, too."""
        names = ("categorical_features", "feature_groups")
        settings = {name: getattr(self, name) for name in names}
        return {name: one for name, one in settings.items() if one is not None}

    def _draw_seeds(self, network):
        """Draw a seed, and one for each split of the rows."""
        random_state = self.random_state
        if random_state is None:
            random_state = network.random_state
        return draw_seeds(random_state, 1 + self.n_repeats)

    def _settings(self):
        """Tell how to select with a ready-made network, whatever the rows."""
        sampler = None
        if self.threshold in TESTS:
            sampler = self.sampler or ConditionalSampler()
        return {
            "step": self.step,
            "n_repeats": self.n_repeats,
            "n_most": self._n_most(),
            "with_path": self.threshold in SIZES,
            "sampler": sampler,
            "progress": partial(Progress, verbose=int(self.verbose)),
        }

    def _keep(self, findings):
        """Write down what was found out."""
        self.estimator_ = findings.estimator
        self._groups = groups_of(self.estimator_, findings.importances.shape[1])
        by_column = self._groups.by_column
        self.importances_ = by_column(findings.importances)
        shares = findings.importances.mean(axis=0)
        self.feature_importances_ = by_column(shares)
        self.importances_std_ = self.importances_.std(axis=0)
        self.n_rounds_ = by_column(findings.n_rounds)
        needs = findings.needs
        needs = np.zeros_like(shares) if needs is None else needs
        # The last key counts first.
        in_order = np.lexsort((-findings.n_rounds, -shares, -needs))
        self._was_looked_at = needs > 0
        self.ranking_ = by_column(np.argsort(in_order) + 1)
        for name in ("cv_results_", "pvalues_", "_size"):
            vars(self).pop(name, None)
        if findings.path is not None:
            self.cv_results_ = _as_cv_results(findings.path)
            self._size = int(findings.path.n_features[choose_size(findings.path)])
        if findings.pvalues is not None:
            self.pvalues_ = by_column(findings.pvalues)

    @property
    def n_features_(self):
        """Number of features that are kept, a group being one."""
        return int(self._kept_features().sum())

    @property
    def threshold_(self):
        """Importance from which a feature is kept, or the least of one that is."""
        if not self._is_cut_by_data():
            return super().threshold_
        kept = self._by_feature("feature_importances_")[self._kept_features()]
        return float(kept.min()) if len(kept) else np.inf

    def _is_cut_by_data(self):
        check_is_fitted(self)
        if self.threshold == "auto":  # else the mean
            is_frozen = isinstance(self.estimator, FrozenEstimator)
            return isinstance(self.estimator_, BaseNetwork) and not is_frozen
        return self.threshold in (*SIZES, *TESTS)

    def _as_select_from_model(self):
        check_is_fitted(self)
        threshold = "mean" if self.threshold == "auto" else self.threshold
        importances = self._by_feature("feature_importances_")
        return as_select_from_model(importances, threshold, self._n_most())

    def _get_support_mask(self):
        check_is_fitted(self)
        return self._groups.by_column(self._kept_features())

    def _by_feature(self, name):
        """Read an attribute by feature, a group being one."""
        return self._groups.by_feature(getattr(self, name))

    def _kept_features(self):
        """Which features are kept, a group being one."""
        if not self._is_cut_by_data():
            return self._as_select_from_model().get_support()
        wanted = "_size" if self.threshold in SIZES else "pvalues_"
        if not hasattr(self, wanted):
            raise NotFittedError(
                f"threshold={self.threshold!r} was set after fit; call fit again."
            )
        if self.threshold in SIZES:
            is_kept = self._by_feature("ranking_") <= self._size
            # Constant columns never are.
            is_kept &= self._by_feature("feature_importances_") > 0
        else:
            correct = benjamini_hochberg if self.threshold == "fdr" else holm
            is_kept = correct(self._by_feature("pvalues_"), self.alpha)
        n_most = self._n_most()
        n_kept = max(is_kept.sum(), self.min_features_to_select)
        n_kept = n_kept if n_most is None else min(n_kept, n_most)
        if n_kept == is_kept.sum():
            return is_kept
        # The most important first, of those that are kept and then of the others.
        in_order = np.lexsort((self._by_feature("ranking_"), ~is_kept))
        return np.isin(np.arange(len(is_kept)), in_order[:n_kept])

    def _why_none(self):
        if self.threshold in TESTS:
            return (
                f"No column's use is significant at alpha={self.alpha} "
                f"(threshold={self.threshold!r}): none is kept. "
                "min_features_to_select=1 keeps the most important one all the same."
            )
        if self._is_cut_by_data():
            return (
                "No column is kept: on rows held out, no set of them predicts y better "
                "than a model without any. min_features_to_select=1 keeps the most "
                "important one all the same."
            )
        return f"No column is kept: none reaches threshold={self.threshold!r}."

    def summary(self):
        """Tell for each feature whether it is kept, and why or why not.

        Returns
        -------
        table : pandas.DataFrame or ndarray
            A row a feature (a group is one), most important first; a structured array
            where pandas is not installed. The columns are "feature", "kept", "rank",
            "importance", its standard deviation over networks "std", "pvalue" if `fit`
            tested, "read as" if the network is a ready-made one (number, date, category
            of 5 levels, free text: not used, ...), and "reason".

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skviann import VIANNSelector
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> selector = VIANNSelector(random_state=0).fit(X, y)
        >>> selector.summary()[["feature", "kept", "rank"]]
                     feature   kept  rank
        0   petal width (cm)   True     1
        1  petal length (cm)   True     2
        2  sepal length (cm)  False     3
        3   sepal width (cm)  False     4
        """
        check_is_fitted(self)
        is_kept = self._kept_features()
        columns = {
            "feature": np.fromiter(self._names(), dtype=object),
            "kept": is_kept,
            "rank": self._by_feature("ranking_"),
            "importance": self._by_feature("feature_importances_"),
            "std": self._by_feature("importances_std_"),
        }
        if hasattr(self, "pvalues_"):
            columns["pvalue"] = self._by_feature("pvalues_")
        if isinstance(self.estimator_, BaseNetwork):
            columns["read as"] = self._read_as()
        columns["reason"] = np.array(self._reasons(is_kept), dtype=object)
        order = np.argsort(columns["rank"])
        columns = {name: values[order] for name, values in columns.items()}
        try:
            import pandas as pd
        except ImportError:
            dtype = [(name, values.dtype) for name, values in columns.items()]
            table = np.empty(len(order), dtype=dtype)
            for name, values in columns.items():
                table[name] = values
            return table
        return pd.DataFrame(columns)

    def _names(self):
        """Names of the features: those of groups, or of columns."""
        if self._groups.names is not None:
            return self._groups.names
        numbered = [f"x{number}" for number in range(self.n_features_in_)]
        return getattr(self, "feature_names_in_", numbered)

    def _read_as(self):
        """Tell in words how each feature was read, a group by all of its columns."""
        words = [{} for _ in self._by_feature("ranking_")]
        of_columns = self.estimator_._tell_columns()
        for number, one in zip(self._groups.feature_of_column, of_columns, strict=True):
            words[number][one] = None
        return np.array([", ".join(some) for some in words], dtype=object)

    def _reasons(self, is_kept):
        importances = self._by_feature("feature_importances_")
        n_rounds_of = self._by_feature("n_rounds_")
        n_rounds = n_rounds_of.max()
        reasons = []
        for number, kept in enumerate(is_kept):
            if importances[number] == 0:
                reason = "the networks make no use of it"
            elif self.threshold in TESTS:
                verb = "significant" if kept else "not significant"
                reason = f"{verb} at {self.alpha} ({self.threshold})"
            elif n_rounds_of[number] < n_rounds and not kept:
                taken = n_rounds_of[number]
                reason = f"dropped after {taken:.3g} of {n_rounds:.3g} rounds"
            elif self._is_cut_by_data() and kept:
                reason = "helps on rows held out"
            elif self._is_cut_by_data():
                besides = " beside those kept" if self._was_looked_at[number] else ""
                reason = f"does not help on rows held out{besides}"
            else:
                than = "reaches" if kept else "is below"
                reason = f"importance {than} the threshold {self.threshold_:.3g}"
            reasons.append(reason)
        return reasons

    def _warn_about_scales(self, X):
        from skviann.callbacks import scales_inputs

        if scales_inputs(self.estimator_.model_):
            return
        deviations = np.sqrt(StandardScaler(with_mean=False).fit(X).var_)
        deviations = deviations[deviations > 0]
        if len(deviations) and deviations.max() > _MAX_SCALE_RATIO * deviations.min():
            warnings.warn(
                "The columns of X have standard deviations from "
                f"{deviations.min():.3g} to {deviations.max():.3g}, and the network "
                "does not scale its inputs: importances depend on the columns' scale. "
                "Put a sklearn.preprocessing.StandardScaler in front.",
                stacklevel=4,  # the line that calls fit
            )

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
        if not isinstance(self.estimator_, BaseNetwork) or not is_frame(X):
            return super().transform(X)
        table = check_table(self, X, reset=False)
        support = self.get_support(indices=True)
        self.estimator_._check_kinds(table, support)
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
        return (
            MetadataRouter(owner=self)
            .add(estimator=estimator, method_mapping=mapping)
            .add(splitter=check_cv(self.cv), method_mapping=splitting)
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        is_ready_made = not is_own(self.estimator)
        tags.input_tags.sparse = is_ready_made or _accepts_sparse(self.estimator)
        tags.input_tags.allow_nan = is_ready_made
        tags.input_tags.categorical = is_ready_made
        tags.input_tags.string = is_ready_made
        return tags

    def __sklearn_clone__(self):
        new = super().__sklearn_clone__()
        # Keras's wrappers lose fit_kwargs when cloned, and with them the epochs.
        if hasattr(self.estimator, "fit_kwargs"):
            new.estimator.set_params(
                fit_kwargs=copy.deepcopy(self.estimator.fit_kwargs)
            )
        return new


def _as_cv_results(path):
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


def is_own(estimator):
    """Whether the network is the user's own."""
    return not isinstance(estimator, (BaseNetwork, FrozenEstimator, type(None)))


def _accepts_sparse(estimator):
    """Whether a network of the user's own takes sparse matrices."""
    from skviann.wrappers import accepts_sparse

    return accepts_sparse(estimator)
