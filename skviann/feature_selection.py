"""The selector: fits a network, keeps the columns that it uses."""

import copy
import time
import warnings
from numbers import Integral, Real

import numpy as np
from scipy.sparse import diags, issparse
from sklearn.base import _fit_context, clone
from sklearn.feature_selection import SelectFromModel
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_X_y
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.parallel import Parallel, delayed

# What SelectFromModel itself calls where it leaves the checks on X to its estimator,
# and what scikit-learn's splitters call to take the same rows of what comes with X.
from sklearn.utils.validation import (
    _check_feature_names,
    _check_method_params,
    check_is_fitted,
)

from skviann._elimination import (
    GUARD_UNTIL,
    accumulate,
    interaction_strength,
    remaining_after,
    strongest,
)
from skviann._validation import (
    LinkedToDocs,
    all_or_nothing,
    check_finite,
    check_threshold,
    draw_seeds,
    explained,
    take_rows,
    without_objects,
)
from skviann.neural_network import VIANNClassifier, VIANNRegressor, default_network

_READY_MADE = (VIANNClassifier, VIANNRegressor)

_MAX_SCALE_RATIO = 100

# step="auto" eliminates from more features than that.
_FEW_FEATURES = 32

# From so many columns less, a network of its own takes less time than to go on with
# the one that is there.
_WORTH_A_SMALLER_NETWORK = 400

# Rounds of elimination after the first work on a copy, of at most so many rows.
_MAX_ROWS_OF_LATER_ROUNDS = 200_000


class VIANNSelector(LinkedToDocs, SelectFromModel):
    """Select the features that a neural network uses, by the variance of its weights.

    Trains a network with the callback that measures VIANN, and keeps the features whose
    importance reaches a threshold, as `sklearn.feature_selection.SelectFromModel` does.

    Parameters
    ----------
    estimator : estimator, default=None
        The network: a `VIANNClassifier` or `VIANNRegressor`, a ``KerasClassifier`` or
        ``KerasRegressor`` of scikeras, or an ``SKLearnClassifier`` or
        ``SKLearnRegressor`` of ``keras.wrappers``. Its own callbacks are kept. None:
        `VIANNClassifier` for a `y` of integers, booleans, strings or categories,
        `VIANNRegressor` for floating-point numbers.
    threshold : str or float, default=None
        Features whose importance is greater or equal are kept. "mean" (None means the
        same), "median", a multiple such as "1.25*mean", or a number. Importances sum to
        1, so their mean is ``1 / n_features``.
    max_features : int or callable, default=None
        Keep no more than this many, the most important ones. A callable gets X and
        returns the number. The threshold still applies: to keep exactly this many, set
        ``threshold=-np.inf``.
    step : int, float, "auto" or None, default="auto"
        Elimination: after each training the weakest features are dropped, this many or,
        below 1, this share of those that are left, and a new network is trained on the
        rest, down to 16 features. A feature's importance is the mean over all trainings
        of its share in each, 0 where it was no longer there. Trainings after the first
        see at most 200,000 rows, drawn at random. "auto" is 0.5 on more than 32
        features in a `VIANNClassifier` or `VIANNRegressor`, and else None, which is a
        single training on all features.
    n_repeats : int, default=1
        Independent trainings, whose importances are averaged: a `VIANNClassifier` or
        `VIANNRegressor` averages over its members already, for other networks one
        training's ranking is noisy, and 5 to 10 make it steadier.
    n_jobs : int, default=None
        Repeats that run at the same time, through joblib: None means 1 unless in a
        `joblib.parallel_config` context, -1 all processors. Every process loads
        TensorFlow; threads take turns.
    random_state : int, RandomState instance or None, default=None
        Seeds all trainings; pass an int for the same result each time. None leaves
        one training to the estimator's own `random_state`, and draws the seeds of
        several from it.
    verbose : int, default=0
        1 prints a line for each round of elimination.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,)
        Mean of `importances_`: non-negative, summing to 1.
    importances_ : ndarray of shape (n_networks, n_features)
        Importances by each network, repeat by repeat: the members of a
        `VIANNClassifier` or `VIANNRegressor`, one a repeat for others.
    importances_std_ : ndarray of shape (n_features,)
        Their standard deviation over networks.
    ranking_ : ndarray of shape (n_features,)
        1 for the most important feature. One that stayed for more rounds never comes
        behind one that was dropped; the first of equal ones comes first.
    threshold_ : float
        The threshold in force.
    max_features_ : int
        The most features to keep. Only defined when `max_features` is not None.
    estimator_ : estimator
        The network of the first training, fitted on all features as an array.
    n_features_in_ : int
        Number of features seen by fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    See Also
    --------
    VIANNClassifier, VIANNRegressor : The default networks.
    VarianceImportance : The Keras callback that does the measuring.
    sklearn.feature_selection.SelectFromModel : The same for any importances.

    Notes
    -----
    Importances say how much a network uses a column. They say neither in which
    direction, nor that the column is a cause, and columns that tell the same story
    share the credit.

    With elimination, the features of the last rounds stand out from those that were
    dropped early, more than they would in a single training: also where `y` has nothing
    to do with any of them, some are kept longest.

    While more than 64 features are left, elimination drops none of the 32 that interact
    most strongly with another one (or half of those it keeps, if that is less). The
    strength of an interaction is the correlation of the target, or of each class, with
    the product of two columns. Among hundreds of columns a network alone hardly finds
    two that matter only together.

    References
    ----------
    C. R. de Sá (2019), "Variance-Based Feature Importance in Neural Networks",
    Discovery Science, LNCS 11828, doi 10.1007/978-3-030-33778-0_24.

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
    """

    _parameter_constraints: dict = {
        # fit checks the estimator itself, to say which ones are accepted.
        "estimator": "no_validation",
        "threshold": SelectFromModel._parameter_constraints["threshold"],
        "max_features": SelectFromModel._parameter_constraints["max_features"],
        "step": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
            StrOptions({"auto"}),
            None,
        ],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    # Parameters of SelectFromModel that its threshold, mask and max_features read.
    prefit = False
    norm_order = 1

    def importance_getter(self, estimator):
        """Let SelectFromModel's methods see the averaged importances."""
        check_is_fitted(self, "feature_importances_")
        return self.feature_importances_

    def __init__(
        self,
        estimator=None,
        *,
        threshold=None,
        max_features=None,
        step="auto",
        n_repeats=1,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.threshold = threshold
        self.max_features = max_features
        self.step = step
        self.n_repeats = n_repeats
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(
        # The networks check their own parameters.
        prefer_skip_nested_validation=False
    )
    def fit(self, X, y, **fit_params):
        """Train the network and score the features.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Finite numbers. Sparse only for a scikeras estimator.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target.
        **fit_params : dict
            Passed to the fit of every network: `sample_weight`, and whatever else the
            fit of a scikeras or Keras wrapper takes. With metadata routing enabled,
            what the estimator requests; the default network requests `sample_weight`.

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
            If the columns' standard deviations differ by more than a factor of 100 and
            the network does not scale its inputs.
        """
        with all_or_nothing(self):
            self._check_estimator()
            check_threshold(self.threshold)
            X_original, y_original = X, y
            with explained():
                X, y = check_X_y(
                    X,
                    y,
                    accept_sparse=_accepts_sparse(self.estimator) and "csr",
                    multi_output=True,
                    ensure_min_samples=2,
                    ensure_all_finite=False,
                    estimator=self,
                )
            check_finite(X, self)
            _check_feature_names(self, X_original, reset=True)
            vars(self).pop("max_features_", None)
            self._check_max_features(X_original)
            if _routing_enabled():
                fit_params = process_routing(self, "fit", **fit_params).estimator.fit
            estimator = self.estimator
            if estimator is None:
                y = without_objects(y)
                estimator = default_network(y_original, y)()
            self._fit_rounds(estimator, X, y, fit_params)
            self._warn_about_scales(X)
        return self

    def _check_estimator(self):
        if self.estimator is None or isinstance(self.estimator, _READY_MADE):
            return
        from skviann.wrappers import is_wrapper

        if not is_wrapper(self.estimator):
            raise TypeError(
                "estimator must be None, a VIANNClassifier or VIANNRegressor, a "
                "scikeras KerasClassifier or KerasRegressor, or a keras.wrappers "
                f"SKLearnClassifier or SKLearnRegressor; got {self.estimator!r}. Put "
                "other steps of a pipeline in front of the selector, and a Keras model "
                "into one of these wrappers."
            )

    def _fit_rounds(self, estimator, X, y, fit_params):
        """Fit, drop the weakest features, and so on; then add up the importances."""
        n_features = X.shape[1]
        counts = remaining_after(n_features, self._choose_step(estimator, n_features))
        interactions = None
        if counts and n_features > GUARD_UNTIL and not issparse(X):
            interactions = interaction_strength(X, y)
        seeds = self._draw_seeds(estimator)
        features = columns = np.arange(n_features)  # in play, and in X
        rounds = []
        for number, n_kept in enumerate([*counts, None], start=1):
            start = time.perf_counter()
            fits = Parallel(n_jobs=self.n_jobs)(
                delayed(_fit_one)(estimator, X, y, seed, fit_params) for seed in seeds
            )
            if number == 1:
                self.estimator_ = fits[0][0]
            shares = np.concatenate([importances for _, importances in fits])
            rounds.append((features, shares[:, np.isin(columns, features)]))
            self.importances_ = accumulate(rounds, n_features)
            if self.verbose:
                print(
                    f"[VIANNSelector] round {number} of {len(counts) + 1}: "
                    f"{len(features)} features, {time.perf_counter() - start:.1f} s"
                )
            if n_kept is None:
                break
            so_far = self.importances_.mean(axis=0)
            features = strongest(so_far, features, n_kept, interactions)
            if number == 1:
                X, y, fit_params = _copy_rows(X, y, fit_params, seeds[0] or 0)
            if len(columns) - len(features) >= _WORTH_A_SMALLER_NETWORK:
                X = X[:, np.isin(columns, features)]
                columns = features
            X = _hide(X, ~np.isin(columns, features))
        self.importances_std_ = self.importances_.std(axis=0)
        self.feature_importances_ = self.importances_.mean(axis=0)
        n_rounds = np.bincount(np.concatenate([features for features, _ in rounds]))
        # The last key counts first.
        most_important_first = np.lexsort((-n_rounds, -self.feature_importances_))
        self.ranking_ = np.argsort(most_important_first) + 1

    def _choose_step(self, estimator, n_features):
        if self.step != "auto":
            return self.step
        # A network of the user's own may ask for a certain number of columns.
        is_ready_made = isinstance(estimator, _READY_MADE)
        return 0.5 if is_ready_made and n_features > _FEW_FEATURES else None

    def _draw_seeds(self, estimator):
        if self.random_state is not None:
            return draw_seeds(self.random_state, self.n_repeats)
        if self.n_repeats == 1:
            return [None]
        own = getattr(estimator, "random_state", None)
        return draw_seeds(own, self.n_repeats)

    def _warn_about_scales(self, X):
        from skviann.callbacks import scales_inputs

        if isinstance(self.estimator_, _READY_MADE):
            return
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
        return MetadataRouter(owner=self).add(
            estimator=estimator,
            # A Pipeline calls fit_transform.
            method_mapping=MethodMapping()
            .add(caller="fit", callee="fit")
            .add(caller="fit_transform", callee="fit"),
        )

    @property
    def partial_fit(self):
        """Not available: a variance over separate trainings would mean nothing."""
        raise AttributeError("VIANNSelector has no partial_fit.")

    def __sklearn_tags__(self):
        # Not SelectFromModel's, which asks the estimator, here perhaps None.
        tags = super(SelectFromModel, self).__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.sparse = _accepts_sparse(self.estimator)
        return tags

    def __sklearn_clone__(self):
        new = super().__sklearn_clone__()
        # Keras's wrappers lose fit_kwargs when cloned, and with them the epochs.
        if hasattr(self.estimator, "fit_kwargs"):
            new.estimator.set_params(
                fit_kwargs=copy.deepcopy(self.estimator.fit_kwargs)
            )
        return new


def _fit_one(estimator, X, y, seed, fit_params):
    """Fit a copy of the network; return it and its importances, a row a network."""
    if isinstance(estimator, _READY_MADE):
        fitted = clone(estimator)
        if seed is not None:
            fitted.set_params(random_state=seed)
        return fitted, fitted.fit(X, y, **fit_params).importances_
    from skviann.wrappers import fit_with_importances

    fitted, importances = fit_with_importances(estimator, X, y, seed, **fit_params)
    return fitted, importances[np.newaxis]


def _copy_rows(X, y, fit_params, seed):
    """Copy the rows for the rounds after the first: all, or some of very many."""
    n_samples = X.shape[0]
    rows = np.arange(n_samples)
    if n_samples > _MAX_ROWS_OF_LATER_ROUNDS:
        rng = np.random.default_rng(seed)
        rows = rng.choice(n_samples, _MAX_ROWS_OF_LATER_ROUNDS, replace=False)
        if y.ndim == 1 and y.dtype.kind != "f":
            rows = np.union1d(rows, np.unique(y, return_index=True)[1])  # every class
        rows.sort()
    return take_rows(X, rows), y[rows], _check_method_params(X, fit_params, rows)


def _hide(X, is_hidden):
    """Set columns to zero, in place where X is dense.

    Networks do not learn from a constant column; and one for as many columns as before
    is already built.
    """
    if issparse(X):
        X = X @ diags(1 - is_hidden.astype(X.dtype))
        X.sort_indices()  # which TensorFlow relies on
    else:
        X[:, is_hidden] = 0
    return X


def _accepts_sparse(estimator):
    if estimator is None or isinstance(estimator, _READY_MADE):
        return False
    from skviann.wrappers import accepts_sparse

    return accepts_sparse(estimator)
