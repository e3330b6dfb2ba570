"""The ready-made networks, which measure VIANN while they train."""

from numbers import Real

import numpy as np

from skviann._docstrings import composed
from skviann._losses import LOSSES
from skviann._sklearn_compat import Interval, StrOptions
from skviann.neural_network._base import (
    OF_CLASSES,
    OF_QUANTITIES,
    OF_VIANN,
    SHARED,
    BaseNetwork,
    NetworkClassifier,
    NetworkRegressor,
    set_parameters,
)
from skviann.neural_network._survival import VIANNSurvival

# An integer target reads as a quantity rather than as labels when it has more than
# _FEW_CLASSES distinct values, and either fewer than _ROWS_PER_CLASS rows for one of
# them, as counts have, or more than _MANY_CLASSES of them.
_FEW_CLASSES = 20
_ROWS_PER_CLASS = 10
_MANY_CLASSES = 100


@composed(SHARED, OF_CLASSES, OF_VIANN)
class VIANNClassifier(NetworkClassifier, BaseNetwork):
    """Multilayer perceptron classifier with variance-based feature importances.

    Several Keras networks, trained as one, that take a table as it comes: numbers,
    text, categories and dates, with or without gaps. They scale and encode it
    themselves, and importances do not depend on the columns' units, nor on outliers.

    Parameters
    ----------
    {hidden_layer_sizes, activation, n_members, n_bins, learning_rate, batch_size}
    {epochs, early_stopping, validation_fraction, n_iter_no_change}
    {categorical_features, max_categories, feature_groups}
    class_weight : dict, "balanced" or None, default=None
        Weight of each class's rows, by label; "balanced" gives all classes the same
        weight in total.
    {random_state, verbose}

    Attributes
    ----------
    {feature_importances_, importances_, importances_std_, classes_, model_, scaler_}
    {history_, n_features_in_, feature_names_in_}

    See Also
    --------
    VIANNRegressor : For continuous targets.
    VIANNSelector : Keeps the columns that matter.

    Notes
    -----
    {notes}

    References
    ----------
    {paper}

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skviann import VIANNClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = VIANNClassifier(random_state=0).fit(X, y)
    >>> classifier.score(X, y) > 0.85
    True
    >>> classifier.feature_importances_.argmax() in (2, 3)  # the petals
    True
    """

    _parameter_constraints: dict = {
        **BaseNetwork._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes=(64, 32),
        activation="relu",
        *,
        n_members=8,
        n_bins=4,
        learning_rate=0.001,
        batch_size="auto",
        epochs="auto",
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        categorical_features="from_dtype",
        max_categories=32,
        feature_groups=None,
        class_weight=None,
        random_state=None,
        verbose=0,
    ):
        set_parameters(locals())

    def adapt(self, X, y, sample_weight=None, *, classes=None):
        """Learn bins, levels and classes from some rows, before `partial_fit`.

        Without it they are those of the first chunk.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`: rows like those to come, best drawn at random from all.
        classes : array-like of shape (n_classes,), default=None
            All classes, if these rows may lack some.

        Returns
        -------
        self : VIANNClassifier
            Not fitted yet.
        """
        return self._adapt(X, y, sample_weight, classes)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Go on training with one more chunk of rows, and score the inputs again.

        The same networks pass over the chunk once, in random order. What columns hold,
        bins, levels and classes are those of the first chunk, or of `adapt`: later
        levels count as rare ones, later classes are refused. Chunks should be like each
        other: networks forget what only early ones had, and the variance of the weights
        is one over all chunks. With many chunks the networks see more rows than `fit`
        shows them. What it does not promise is the result of one `fit` on all rows.
        `epochs` and `early_stopping` have no effect, and weights count within their
        chunk.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            The next rows. A few hundred or more make good bins.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their classes.
        classes : array-like of shape (n_classes,), default=None
            For the first chunk: all classes, if it may lack some.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        self : VIANNClassifier

        Raises
        ------
        ValueError
            If the chunk cannot be used, or holds a class that is not known.

        Examples
        --------
        >>> from sklearn.datasets import load_breast_cancer
        >>> from sklearn.utils import gen_batches, shuffle
        >>> from skviann import VIANNClassifier
        >>> X, y = shuffle(*load_breast_cancer(return_X_y=True), random_state=0)
        >>> classifier = VIANNClassifier(random_state=0)
        >>> for rows in gen_batches(569, 100):
        ...     _ = classifier.partial_fit(X[rows], y[rows], classes=[0, 1])
        >>> print(f"{classifier.score(X, y):.2f}")
        0.96
        """
        return self._partial_fit(X, y, sample_weight, classes)


@composed(SHARED, OF_QUANTITIES, OF_VIANN)
class VIANNRegressor(NetworkRegressor, BaseNetwork):
    """Multilayer perceptron regressor with variance-based feature importances.

    Several Keras networks, trained as one to the least `loss`, that take a table as it
    comes: numbers, text, categories and dates, with or without gaps. They scale and
    encode it themselves, and standardise the target; importances do not depend on the
    columns' units, nor on outliers.

    Parameters
    ----------
    {hidden_layer_sizes, activation}
    loss : {"squared_error", "absolute_error", "poisson", "quantile"}, \
default="squared_error"
        What the networks learn to predict, as in
        `sklearn.ensemble.HistGradientBoostingRegressor`: the mean, the median (a heavy
        tail decides nothing), the mean of counts and other quantities of 0 or more (by
        its logarithm, so that predictions are positive), or a quantile. `score` and, in
        a `VIANNSelector`, the loss on held-out rows go with it.
    quantile : float, default=None
        The quantile for ``loss="quantile"``, between 0 and 1; None with other losses.
    {n_members, n_bins, learning_rate, batch_size}
    {epochs, early_stopping, validation_fraction, n_iter_no_change}
    {categorical_features, max_categories, feature_groups, random_state, verbose}

    Attributes
    ----------
    {feature_importances_, importances_, importances_std_, model_, scaler_}
    {target_scaler_, history_, n_features_in_, feature_names_in_}

    See Also
    --------
    VIANNClassifier : For classes.
    VIANNSelector : Keeps the columns that matter.

    Notes
    -----
    The networks see the target with another zero and in another unit, see
    `target_scaler_`: its mean and standard deviation; for "absolute_error" and
    "quantile" the median or quantile, and 1.48 times the median distance from the
    median; for "poisson" 0 and the mean. The loss of "poisson" is half the deviance.

    {notes}

    References
    ----------
    {paper}

    Examples
    --------
    >>> from skviann import VIANNRegressor
    {a_quantity}
    >>> regressor = VIANNRegressor(random_state=0).fit(X, y)
    >>> sorted(regressor.feature_importances_.argsort()[-2:].tolist())
    [0, 1]

    Counts, of which the first column multiplies the mean:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 5))
    >>> counts = rng.poisson(np.exp(X[:, 0]))
    >>> regressor = VIANNRegressor(loss="poisson", random_state=0).fit(X, counts)
    >>> regressor.feature_importances_.argmax()
    np.int64(0)
    >>> rows = np.eye(5)[[1, 0]]  # the first column is 0, then 1
    >>> regressor.predict(rows).round(1)
    array([1. , 2.3])
    """

    _parameter_constraints: dict = {
        **BaseNetwork._parameter_constraints,
        "loss": [StrOptions(set(LOSSES))],
        "quantile": [Interval(Real, 0, 1, closed="neither"), None],
    }

    def __init__(
        self,
        hidden_layer_sizes=(64, 32),
        activation="relu",
        *,
        loss="squared_error",
        quantile=None,
        n_members=8,
        n_bins=4,
        learning_rate=0.001,
        batch_size="auto",
        epochs="auto",
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        categorical_features="from_dtype",
        max_categories=32,
        feature_groups=None,
        random_state=None,
        verbose=0,
    ):
        set_parameters(locals())

    def adapt(self, X, y, sample_weight=None):
        """Learn bins, levels and the target's scale from some rows.

        Before `partial_fit`; without it they are those of the first chunk.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`: rows like those to come, best drawn at random from all.

        Returns
        -------
        self : VIANNRegressor
            Not fitted yet.
        """
        return self._adapt(X, y, sample_weight)

    def partial_fit(self, X, y, sample_weight=None):
        """Go on training with one more chunk of rows, and score the inputs again.

        The same networks pass over the chunk once, in random order. What columns hold,
        bins, levels and the target's scale are those of the first chunk, or of `adapt`:
        later levels count as rare ones. Chunks should be like each other: networks
        forget what only early ones had, and the variance of the weights is one over all
        chunks. With many chunks the networks see more rows than `fit` shows them.
        What it does not promise is the result of one `fit` on all rows. `epochs` and
        `early_stopping` have no effect, and weights count within their chunk.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            The next rows. A few hundred or more make good bins.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        self : VIANNRegressor

        Raises
        ------
        ValueError
            If the chunk cannot be used.
        """
        return self._partial_fit(X, y, sample_weight)


def default_network(y_original, y):
    """Return the class of the network for a target, of which `y` is the checked array.

    Asks for the kind of numbers, not for their values: 151.0 is a quantity.
    """
    if y.dtype.names is not None:
        return VIANNSurvival
    # pandas's own dtypes know the kind, where the checked array has lost it: nullable
    # integers become floats, categories what they are made of.
    dtype = getattr(y_original, "dtype", None)
    if isinstance(dtype, np.dtype) or not hasattr(dtype, "kind"):
        dtype = y.dtype
    kind = dtype.kind
    if kind in "iu":
        _, counts = np.unique(y, return_counts=True)
        n_values, n_rarest = len(counts), counts.min()
        is_rare = n_rarest < _ROWS_PER_CLASS
        if n_values > _MANY_CLASSES or (n_values > _FEW_CLASSES and is_rare):
            raise ValueError(
                f"y holds {n_values} different integers in {len(y)} rows, the rarest "
                f"in {n_rarest}: they may be a quantity or class labels. Say which: "
                "VIANNSelector(VIANNRegressor()) or VIANNSelector(VIANNClassifier()), "
                "or turn y into floats or strings. For counts there is "
                "VIANNSelector(VIANNRegressor(loss='poisson'))."
            )
    return VIANNRegressor if kind == "f" else VIANNClassifier
