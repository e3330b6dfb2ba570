"""The ready-made network for times to an event."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_consistent_length

from skviann._docstrings import composed
from skviann._sklearn_compat import Interval, StrOptions, _check_sample_weight
from skviann._survival import concordance_index
from skviann._target import Target, read_target, split_times
from skviann.neural_network._base import OF_VIANN, SHARED, BaseNetwork

# A batch of "auto" has about so many events, as far as so many rows will do: their
# loss is that of the rows at risk in the same batch, compared pair by pair.
_EVENTS_A_BATCH = 16
_MOST_ROWS_A_BATCH = 1024
# Steps in all. With twice as many, few rows are learned by heart: nothing in the
# partial likelihood holds the hazards of single rows back.
_AUTO_STEPS = 75


@composed(SHARED, OF_VIANN)
class VIANNSurvival(BaseNetwork):
    """Multilayer perceptron for times to an event, with variance-based importances.

    Several Keras networks, trained as one to the largest partial likelihood of Cox,
    that take a table as it comes: numbers, text, categories and dates, with or without
    gaps. They predict the logarithm of the hazard, up to a function of time: columns
    multiply the hazard, in any way. Rows may be censored: their event had not happened
    when they were last seen.

    Parameters
    ----------
    {hidden_layer_sizes, activation, n_members, n_bins, learning_rate}
    batch_size : int or "auto", default="auto"
        Rows a training step, at least 2: an event is compared with the rows of its
        batch that are at risk. "auto" is as in `VIANNRegressor`, but rows with about
        16 events, up to 1024 rows.
    epochs : int or "auto", default="auto"
        Passes over the rows, at least 2. "auto" is as in `VIANNRegressor`, but about 75
        training steps, no more than 25 passes.
    {early_stopping, validation_fraction, n_iter_no_change}
    {categorical_features, max_categories, feature_groups, random_state, verbose}

    Attributes
    ----------
    {feature_importances_, importances_, importances_std_}
    model_ : keras.Model
        The trained network: from scaled features to the members' mean log hazard. Of a
        table with more than numbers without gaps, from what `encode` returns.
    {scaler_}
    history_ : dict of str to list of float
        By epoch: "loss", minus the log partial likelihood by event of the mean member,
        in batches, and with `early_stopping` "val_loss", that of the rows held out.
    {n_features_in_, feature_names_in_}

    See Also
    --------
    VIANNRegressor : For quantities.
    VIANNSelector : Keeps the columns that matter.

    Notes
    -----
    The loss of an event is ``log(sum of exp(output) over the rows at risk) - output``.
    At risk are the rows of the batch, or of those held out, whose time is the same or
    later (ties are Breslow's). `sample_weight` counts in the sum, too.

    {notes}

    References
    ----------
    D. R. Cox (1972), "Regression Models and Life-Tables", Journal of the Royal
    Statistical Society B 34(2), 187-220.

    J. L. Katzman, U. Shaham, A. Cloninger, J. Bates, T. Jiang, Y. Kluger (2018),
    "DeepSurv: Personalized Treatment Recommender System Using a Cox Proportional
    Hazards Deep Neural Network", BMC Medical Research Methodology 18(24).

    {paper}

    Examples
    --------
    The hazard grows with the first column; after 2 years, rows are censored:

    >>> import numpy as np, pandas as pd
    >>> from skviann import VIANNSurvival
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 5))
    >>> years = rng.exponential(np.exp(-2 * X[:, 0]))
    >>> y = pd.DataFrame({"event": years < 2, "years": years.clip(max=2)})
    >>> network = VIANNSurvival(random_state=0).fit(X, y)
    >>> network.feature_importances_.argmax()
    np.int64(0)
    >>> print(f"{network.score(X, y):.2f}")
    0.86
    """

    _parameter_constraints: dict = {
        **BaseNetwork._parameter_constraints,
        "batch_size": [
            Interval(Integral, 2, None, closed="left"),
            StrOptions({"auto"}),
        ],
    }

    def fit(self, X, y, sample_weight=None):
        """Train the network and score its inputs.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            A table of numbers, text, categories and dates, with or without gaps.
        y : structured array of shape (n_samples,), or of shape (n_samples, 2)
            Whether the event happened, and when it did or the row was last seen: a
            boolean and a numeric field, as in scikit-survival, or two columns of a data
            frame. Without a boolean column, the first one has zeros and ones.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        self : VIANNSurvival
            Itself, fitted.

        Raises
        ------
        ValueError
            If a parameter, X, y or `sample_weight` cannot be used (before training): if
            there is no event, a time is negative or something is missing in y; or if
            the network's weights became NaN or infinite.
        """
        return super().fit(X, y, sample_weight)

    def adapt(self, X, y, sample_weight=None):
        """Learn bins, levels and the share of events from some rows.

        Before `partial_fit`; without it they are those of the first chunk.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`: rows like those to come, best drawn at random from all.

        Returns
        -------
        self : VIANNSurvival
            Not fitted yet.
        """
        return self._adapt(X, y, sample_weight)

    def partial_fit(self, X, y, sample_weight=None):
        """Go on training with one more chunk of rows, and score the inputs again.

        As `VIANNRegressor.partial_fit` does; rows are compared within a chunk.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`: the next rows.

        Returns
        -------
        self : VIANNSurvival

        Raises
        ------
        ValueError
            If the chunk cannot be used.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X):
        """Predict the logarithm of each row's hazard, up to a constant.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict for.

        Returns
        -------
        risk : ndarray of shape (n_samples,)
            The higher, the earlier the event. A difference of 1 between two rows is a
            hazard ratio of e.
        """
        return super().predict(X)

    def score(self, X, y, sample_weight=None):
        """Compute Harrell's concordance index.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict for.
        y : structured array of shape (n_samples,), or of shape (n_samples, 2)
            Their events and times, as for `fit`.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        index : float
            1 is perfect, 0.5 what chance does.

        Raises
        ------
        ValueError
            If y cannot be used, or holds no two rows to compare.
        """
        risks = self.predict(X)
        events, times = split_times(read_target(y, self), self).T
        check_consistent_length(risks, events)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, risks)
        return concordance_index(events == 1, times, risks, sample_weight)

    _auto_steps = _AUTO_STEPS

    def _check_target(self, y, *, warn):
        return split_times(y, self)

    def _learn_target(self, y, sample_weight, classes):
        return Target.of_times(y, sample_weight)

    def _check_split(self, problem, *parts):
        has_event = problem.to_split_by() > 0
        if not all(has_event[part].any() for part in parts):
            raise ValueError(
                f"early_stopping: of {has_event.sum()} events in {len(has_event)} "
                "rows, none is among the rows to train on, or none among those held "
                f"out (validation_fraction={self.validation_fraction}). Take a larger "
                "part, another random_state, or early_stopping=False."
            )

    def _least_batch(self):
        n_rows = int(np.ceil(_EVENTS_A_BATCH / self._learned.target.event_share))
        return min(n_rows, _MOST_ROWS_A_BATCH)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
