"""Estimators that take Dask collections, and have rows of them looked at by workers."""

import inspect
import warnings
from numbers import Integral

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from skviann._docstrings import composed
from skviann._sklearn_compat import Interval, StrOptions
from skviann._table import take_names, warn_about_columns
from skviann._validation import all_or_nothing, draw_seeds
from skviann.dask._cluster import Cluster
from skviann.dask._rows import draw_rows
from skviann.dask._samples import Own, fit_members, open_samples
from skviann.feature_selection._base import check_threshold
from skviann.feature_selection._own_network import shuffled
from skviann.feature_selection._own_table import (
    estimator_of,
    reader_for,
    without_class_weight,
)
from skviann.feature_selection._progress import Progress
from skviann.feature_selection._selector import VIANNSelector, is_own
from skviann.feature_selection._verdict import SIZES, TESTS
from skviann.feature_selection._wide import BLOCK_SIZE
from skviann.neural_network import VIANNClassifier, VIANNRegressor

_SHARED = """
client : distributed.Client, default=None
    The cluster to work on; None is the current client. It is not a parameter of
    `get_params`, and is not pickled.
n_tasks : int or "auto", default="auto"
    How many samples of rows are drawn, each for a task of its own. "auto" is one
    for each `rows_per_task` rows of the table, but no more than 8; a table of
    fewer than one and a half times `rows_per_task` rows is one task, with all of
    its rows. More tasks look at more rows, and cost as much more.
rows_per_task : int, default=50_000
    Rows of a sample, fewer of more than 2,600 columns: a sample has at most
    134 million values.
networks:
Each task trains `n_members` networks on rows drawn at random from all partitions;
predictions and importances are means over the networks of all tasks.
X : dask data frame or dask array of shape (n_samples, n_features)
    Numbers, text, categories and dates, with or without gaps.
y : dask series, data frame or array of shape (n_samples, ...)
    The target, in the partitions of X.
sample_weight : dask series or array of shape (n_samples,), default=None
    How much each row counts.
"""


class _OnDask:
    """What the estimators on Dask have in common.

    A subclass has the estimator for one machine as its second base class, and its name
    in `_local`.
    """

    def __init__(
        self, *args, client=None, n_tasks="auto", rows_per_task=50_000, **params
    ):
        super().__init__(*args, **params)
        self.client = client
        self.n_tasks = n_tasks
        self.rows_per_task = rows_per_task

    def __init_subclass__(cls):
        """Give `__init__` the signature of all parameters, which `repr` reads."""
        super().__init_subclass__()
        if not hasattr(cls, "_local"):
            return

        def init(self, *args, **params):
            _OnDask.__init__(self, *args, **params)

        own = list(inspect.signature(_OnDask.__init__).parameters.values())
        its = list(inspect.signature(cls._local.__init__).parameters.values())
        named = [one for one in own if one.kind is one.KEYWORD_ONLY]
        init.__signature__ = inspect.Signature([*its, *named])
        cls.__init__ = init
        cls._parameter_constraints = {
            **cls._local._parameter_constraints,
            "n_tasks": [
                Interval(Integral, 1, None, closed="left"),
                StrOptions({"auto"}),
            ],
            "rows_per_task": [Interval(Integral, 10, None, closed="left")],
        }

    @classmethod
    def _get_param_names(cls):
        return sorted([*cls._local._get_param_names(), "n_tasks", "rows_per_task"])

    def __sklearn_clone__(self):
        new = super().__sklearn_clone__()
        new.client = self.client
        return new

    def __getstate__(self):
        state = super().__getstate__()
        return {**state, "client": None}

    @property
    def partial_fit(self):
        raise AttributeError("There is no partial_fit on Dask: fit takes any length.")

    adapt = partial_fit

    def to_local(self):
        """Return the ordinary estimator, fitted if this one is.

        Returns
        -------
        estimator : estimator
            For data in memory; it needs no Dask.
        """
        names = self._local._get_param_names()
        local = self._local(**{name: getattr(self, name) for name in names})
        own = {"client", "n_tasks", "rows_per_task"}
        for name, value in vars(self).items():
            if name not in own and name not in names:
                setattr(local, name, value)
        return local

    def _draw(self, cluster, X, y, sample_weight, seed, *, in_blocks=False):
        return draw_rows(
            cluster,
            X,
            y,
            sample_weight,
            n_tasks=self.n_tasks,
            rows_per_task=int(self.rows_per_task),
            seed=seed,
            in_blocks=in_blocks,
        )

    def _lazily(self, X, function, dtype, columns=None):
        """Apply a method of this estimator, by its name, to each partition of X.

        Its results are of a dtype, and have `columns`; None: they have one dimension.
        Of a table in memory, they are computed at once.
        """
        local = self.to_local()
        if isinstance(X, dd.DataFrame):
            model = dask.delayed(local, pure=True, traverse=False)
            if columns is None:
                meta = pd.Series(np.zeros(0, dtype), name=function)
            else:
                meta = pd.DataFrame(np.zeros((0, len(columns)), dtype), columns=columns)
            return X.map_partitions(_of_frame, model, function, meta, meta=meta)
        if isinstance(X, da.Array):
            model = dask.delayed(local, pure=True, traverse=False)
            X = X.rechunk({1: -1}) if len(X.chunks[1]) > 1 else X
            settings = {"drop_axis": 1, "meta": np.zeros(0, dtype)}
            if columns is not None:
                settings = {
                    "chunks": (X.chunks[0], (len(columns),)),
                    "meta": np.zeros((0, 0), dtype),
                }
            return X.map_blocks(_of_array, model=model, function=function, **settings)
        return getattr(local, function)(X)


@composed(_SHARED)
class _NetworkOnDask(_OnDask):
    """Fits networks on samples of rows; what they predict is averaged."""

    def fit(self, X, y, sample_weight=None):
        """Train networks on rows drawn from all partitions, and score their inputs.

        Parameters
        ----------
        {X, y, sample_weight}

        Returns
        -------
        self : estimator
            Itself, fitted.

        Raises
        ------
        ValueError
            If data or parameters cannot be used; of a partition, the message names it.
        TypeError
            If X or y are not of Dask.
        """
        self._validate_params()
        with all_or_nothing(self), Cluster(self.client) as cluster:
            (seed,) = draw_seeds(self.random_state, 1)
            rows = self._draw(cluster, X, y, sample_weight, seed)
            fitted = fit_members(cluster, rows, clone(self.to_local()), seed)
            params = self._get_param_names()
            for name, value in vars(fitted).items():
                if name not in params:
                    setattr(self, name, value)
            warn_about_columns(self._learned.columns)
        return self

    def predict(self, X):
        """Predict the target of each row, partition by partition, when asked for.

        Parameters
        ----------
        X : dask data frame or dask array of shape (n_samples, n_features)
            Rows to predict for.

        Returns
        -------
        y : dask series or array of shape (n_samples,)
            A class, or in the target's unit; a data frame or matrix of several labels
            or outputs.
        """
        check_is_fitted(self)
        target = self._learned.target
        if target.is_classes:
            return self._lazily(X, "predict", target.classes.dtype)
        columns = list(range(target.n_outputs)) if target.n_outputs > 1 else None
        kind = int if target.is_multilabel else float
        return self._lazily(X, "predict", kind, columns)


@composed(_SHARED)
class DaskVIANNClassifier(_NetworkOnDask, VIANNClassifier):
    """`VIANNClassifier` for data on many machines.

    {networks}

    Parameters
    ----------
    {client, n_tasks, rows_per_task}
    **params : dict
        As in `VIANNClassifier`.

    Attributes
    ----------
    importances_ : ndarray of shape (n_tasks * n_members, n_features)
        Of each network; all others are as in `VIANNClassifier`.

    See Also
    --------
    VIANNClassifier : For data on one machine; `to_local` returns one.
    DaskVIANNSelector : Keeps the columns that matter.

    Examples
    --------
    >>> import dask.array as da
    >>> from dask.distributed import Client
    >>> from skviann.dask import DaskVIANNClassifier
    >>> client = Client(n_workers=1, dashboard_address=None)  # doctest: +SKIP
    >>> X = da.random.default_rng(0).normal(size=(20_000, 5), chunks=(5_000, 5))
    >>> y = X[:, 0] > 0
    >>> classifier = DaskVIANNClassifier(random_state=0).fit(X, y)  # doctest: +SKIP
    >>> classifier.predict(X)  # doctest: +SKIP
    dask.array<_of_array, shape=(20000,), dtype=bool, chunksize=(5000,), ...>
    """

    _local = VIANNClassifier

    def predict_proba(self, X):
        """Estimate the probability of each class, partition by partition.

        Parameters
        ----------
        X : dask data frame or dask array of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        probabilities : dask data frame or array of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        check_is_fitted(self)
        return self._lazily(X, "predict_proba", float, list(self.classes_))


@composed(_SHARED)
class DaskVIANNRegressor(_NetworkOnDask, VIANNRegressor):
    """`VIANNRegressor` for data on many machines.

    {networks}

    Parameters
    ----------
    {client, n_tasks, rows_per_task}
    **params : dict
        As in `VIANNRegressor`.

    Attributes
    ----------
    importances_ : ndarray of shape (n_tasks * n_members, n_features)
        Of each network; all others are as in `VIANNRegressor`.

    See Also
    --------
    VIANNRegressor : For data on one machine; `to_local` returns one.
    DaskVIANNSelector : Keeps the columns that matter.
    """

    _local = VIANNRegressor


@composed(_SHARED)
class DaskVIANNSelector(_OnDask, VIANNSelector):
    """`VIANNSelector` for data on many machines.

    Each task is a sample of rows, drawn at random from all partitions of the table,
    with folds of its own. All tasks train networks for the same columns, round by
    round; importances and held-out losses are averaged over the tasks. So what is kept
    depends neither on how the table is divided nor on the number of workers. A table of
    few rows is a single task: what is kept is what `VIANNSelector` keeps.

    A `dask.array` of more than 4096 columns that is divided along its columns is never
    put together: its blocks are looked at apart, as a single task.

    Parameters
    ----------
    {client, n_tasks, rows_per_task}
    **params : dict
        As in `VIANNSelector`.
        `estimator` is a ready-made network, or one of your own in a wrapper. `cv` is an
        integer or a splitter that needs no groups. `n_jobs` has no effect.

    Attributes
    ----------
    importances_ : ndarray of shape (n_tasks * n_networks, n_features)
        Of the networks of all tasks; all other attributes are as in `VIANNSelector`.

    See Also
    --------
    VIANNSelector : For data on one machine; `to_local` returns one.

    Notes
    -----
    Bins, levels of categories and the target's scale are learned from 10,000 rows
    (levels from all) of the first sample: a quantile's standard error is 0.5 % of the
    rows at most. All partitions are read once, and only what is drawn is kept. They are
    looked through for infinities, classes and columns that are not the table's.
    Where the number of rows in each is not known, the target is read once more before.

    Examples
    --------
    >>> import dask.array as da
    >>> from dask.distributed import Client
    >>> from skviann.dask import DaskVIANNSelector
    >>> client = Client(n_workers=2, dashboard_address=None)  # doctest: +SKIP
    >>> X = da.random.default_rng(0).normal(size=(1_000_000, 20), chunks=(50_000, 20))
    >>> y = X[:, 0] + X[:, 1] * X[:, 2] > 0
    >>> selector = DaskVIANNSelector(random_state=0).fit(X, y)  # doctest: +SKIP
    >>> selector.get_support(indices=True)  # doctest: +SKIP
    array([0, 1, 2])
    >>> selector.transform(X)  # doctest: +SKIP
    dask.array<getitem, shape=(1000000, 3), dtype=float64, chunksize=(50000, 3), ...>
    """

    _local = VIANNSelector

    def fit(self, X, y, sample_weight=None):
        """Train networks, rank the features and find out which to keep.

        Parameters
        ----------
        {X, y, sample_weight}

        Returns
        -------
        self : DaskVIANNSelector

        Raises
        ------
        ValueError
            If data or parameters cannot be used; of a partition, the message names it.
        TypeError
            If X or y are not of Dask, or the estimator is not a network.

        Warns
        -----
        UserWarning
            If no feature is kept, or partitions are empty.
        """
        self._validate_params()
        with (
            all_or_nothing(self),
            Cluster(self.client) as cluster,
            Progress(int(self.verbose)) as progress,
        ):
            self._check_estimator()
            check_threshold(self.threshold, (*SIZES, *TESTS))
            network, own = self._network()
            trained = own.wrapper if own else network or VIANNClassifier()
            seed, *split_seeds = self._draw_seeds(trained)
            rows = self._draw(
                cluster, X, y, sample_weight, seed, in_blocks=self._can_go_in_blocks()
            )
            if self.step is None and X.shape[1] > BLOCK_SIZE:
                raise ValueError(
                    f"step=None trains on all columns at once, at most {BLOCK_SIZE} of "
                    f"them, but X has {X.shape[1]}. Take step='auto'."
                )
            self._ask_max_features(X)
            learner = open_samples(
                cluster,
                rows,
                network,
                self._network_settings(),
                self._splitting(split_seeds, {}),
                own,
            )
            reader = learner.reader
            take_names(self, reader)
            findings = self._search(learner, self._plan(seed, reader), progress)
            findings = self._with_companions(learner, findings)
            if own is not None:
                estimator = estimator_of(findings.estimator, reader, learner.is_encoded)
                findings = findings._replace(estimator=estimator)
                reasons = learner.why_shuffled()
                if reasons:
                    warnings.warn(shuffled(reasons[0]), UserWarning, stacklevel=2)
            self._set_results(findings, reader)
            warn_about_columns(reader._learned.columns)
        self._warn()
        return self

    def _network(self):
        """Return copies of a ready-made network and of one of the user's own.

        The ready-made one is None if the target decides which it is; the other one is
        None where the first is all.
        """
        if isinstance(self.estimator, FrozenEstimator):
            raise TypeError(
                "estimator must be None, a ready-made network or a wrapper of your "
                f"own; got {self.estimator!r}. Use VIANNSelector."
            )
        if not isinstance(self.cv, Integral) and not hasattr(self.cv, "split"):
            raise ValueError(
                "cv must be an integer or a splitter: rows that are given by number "
                f"are not known to a task; got {self.cv!r}."
            )
        if not is_own(self.estimator):
            return self.estimator and clone(self.estimator), None
        if self.threshold not in (*SIZES, *TESTS):
            raise ValueError(
                f"threshold={self.threshold!r} takes the importances of one training "
                "of your network on all rows; on Dask it is trained on samples of "
                f"them. Take one of {[*SIZES, *TESTS]}."
            )
        wrapper = without_class_weight(self.estimator)
        return reader_for(self.estimator), Own(wrapper, self.encode)

    def _can_go_in_blocks(self):
        """Whether columns may be looked at apart: not if some belong together."""
        if is_own(self.estimator):
            return False
        network = self.estimator or VIANNClassifier()
        return all(
            one is None or isinstance(one, str)
            for owner in (self, network)
            for one in (owner.categorical_features, owner.feature_groups)
        )

    def transform(self, X):
        """Keep the columns of X that are selected, when asked for.

        Parameters
        ----------
        X : dask data frame or dask array of shape (n_samples, n_features)
            A table with the columns of the fit.

        Returns
        -------
        X : dask data frame or dask array of shape (n_samples, n_kept)
            Only what is kept is read, where the source of the data can do that.

        Raises
        ------
        ValueError
            If columns are missing or new.
        """
        check_is_fitted(self)
        if not isinstance(X, (dd.DataFrame, da.Array)):
            return self.to_local().transform(X)
        support = self.get_support(indices=True)
        if isinstance(X, dd.DataFrame):
            names = list(X.columns)
            expected = list(getattr(self, "feature_names_in_", names))
            if names != expected or len(names) != self.n_features_in_:
                raise ValueError(
                    f"X must have the {self.n_features_in_} columns of the fit, in "
                    f"their order; got {len(names)}, of which new are "
                    f"{[name for name in names if name not in expected][:5]}."
                )
            return X[[names[number] for number in support]]
        if X.ndim != 2 or X.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has shape {X.shape}, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input."
            )
        return X[:, support]


# What follows runs on the workers.


def _of_frame(table, model, function, like):
    if not len(table):
        return like
    values = getattr(model, function)(table)
    if isinstance(like, pd.Series):
        return pd.Series(values, index=table.index, name=like.name)
    return pd.DataFrame(values, index=table.index, columns=like.columns)


def _of_array(block, model=None, function=None):
    return getattr(model, function)(block)
