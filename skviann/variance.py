"""The arithmetic of VIANN: a running variance and the score made of it, on arrays."""

import numpy as np


class RunningVariance:
    """Mean and variance of arrays that arrive one at a time (Welford's algorithm).

    All arithmetic is in float64, and no array that was passed in is kept.

    Attributes
    ----------
    count : int
        How many arrays were seen.
    mean : ndarray or None
        Their elementwise mean, None before the first one.

    References
    ----------
    B. P. Welford (1962), "Note on a method for calculating corrected sums of squares
    and products", Technometrics 4(3), 419-420.

    Examples
    --------
    >>> from skviann.variance import RunningVariance
    >>> running = RunningVariance()
    >>> for values in ([1.0, 10.0], [2.0, 10.0], [3.0, 10.0]):
    ...     running.update(values)
    >>> running.count
    3
    >>> running.variance()
    array([1., 0.])
    """

    def __init__(self):
        self.count = 0
        self.mean = None
        self._squares = None  # sum of squared deviations from the mean

    def update(self, values):
        """Take in one more array.

        Parameters
        ----------
        values : array-like
            Of the shape of every array before it.

        Raises
        ------
        ValueError
            If the shape differs from that of the arrays before.
        """
        values = np.asarray(values, dtype=np.float64)
        if self.count == 0:
            self.mean = np.zeros_like(values)
            self._squares = np.zeros_like(values)
        if values.shape != self.mean.shape:
            raise ValueError(
                f"Expected an array of shape {self.mean.shape}, as seen before; "
                f"got shape {values.shape}."
            )
        self.count += 1
        deviation = values - self.mean
        self.mean = self.mean + deviation / self.count
        self._squares = self._squares + deviation * (values - self.mean)

    def variance(self, ddof=1):
        """Elementwise variance of what was seen so far.

        Parameters
        ----------
        ddof : int, default=1
            The divisor is ``count - ddof``: 1 gives the sample variance, 0 the
            population variance.

        Returns
        -------
        variance : ndarray
            Of the shape of the arrays seen, in their unit squared.

        Raises
        ------
        ValueError
            If no more than `ddof` arrays were seen.
        """
        if self.count <= ddof:
            raise ValueError(
                f"The variance with ddof={ddof} needs more than {ddof} updates, "
                f"got {self.count}."
            )
        return self._squares / (self.count - ddof)


def viann_scores(variance, weights, feature_axis=0):
    """VIANN's importance of each input of a layer.

    ``score[j] = sum over u of variance[j, u] * |weights[j, u]|``: an input matters as
    far as training moved the weights that leave it, and left them large.

    Parameters
    ----------
    variance : array-like
        Variance of every weight over training.
    weights : array-like
        The weights at the end of training, of the shape of `variance`.
    feature_axis : int or tuple of int, default=0
        The axis or axes that tell the inputs apart; the sum runs over all others.

    Returns
    -------
    scores : ndarray of shape (n_features,)
        Non-negative scores; with several feature axes, an array with those axes.

    Raises
    ------
    ValueError
        If `variance` and `weights` differ in shape.

    References
    ----------
    C. R. de Sá (2019), "Variance-Based Feature Importance in Neural Networks",
    Discovery Science, LNCS 11828, doi 10.1007/978-3-030-33778-0_24.

    Examples
    --------
    >>> from skviann.variance import viann_scores
    >>> viann_scores([[0.1, 0.1], [0.2, 0.0]], [[1.0, -2.0], [0.5, 3.0]])
    array([0.3, 0.1])
    """
    variance = np.asarray(variance, dtype=np.float64)
    weights = np.asarray(weights, dtype=np.float64)
    if variance.shape != weights.shape:
        raise ValueError(
            "variance and weights must have the same shape, got "
            f"{variance.shape} and {weights.shape}."
        )
    feature_axes = np.atleast_1d(feature_axis) % variance.ndim
    other_axes = tuple(set(range(variance.ndim)) - set(feature_axes.tolist()))
    return (variance * np.abs(weights)).sum(axis=other_axes)


def sum_by_feature(scores, feature_of_input):
    """Add up the scores of the inputs that belong to one feature.

    Parameters
    ----------
    scores : ndarray of shape (..., n_inputs)
        A score an input.
    feature_of_input : array-like of int of shape (n_inputs,)
        Which feature each input belongs to, in increasing order and none left out.

    Returns
    -------
    scores : ndarray of shape (..., n_features)

    Examples
    --------
    >>> import numpy as np
    >>> from skviann.variance import sum_by_feature
    >>> sum_by_feature(np.array([1.0, 2.0, 4.0]), [0, 0, 1])
    array([3., 4.])
    """
    firsts = np.flatnonzero(np.diff(feature_of_input, prepend=-1))
    return np.add.reduceat(scores, firsts, axis=-1)


def min_max_scale(scores):
    """Scale scores to [0, 1] by their minimum and maximum, as the VIANN paper does.

    Parameters
    ----------
    scores : array-like
        Finite scores.

    Returns
    -------
    scaled : ndarray
        Of the shape of `scores`. All zeros when all scores are equal.

    Examples
    --------
    >>> from skviann.variance import min_max_scale
    >>> min_max_scale([1.0, 2.0, 5.0])
    array([0.  , 0.25, 1.  ])
    >>> min_max_scale([3.0, 3.0])
    array([0., 0.])
    """
    scores = np.asarray(scores, dtype=np.float64)
    above = scores - scores.min()
    return above / (above.max() or 1.0)


def sum_to_one(scores):
    """Divide non-negative scores by their sum, so that they are shares.

    Parameters
    ----------
    scores : array-like
        Finite, non-negative scores.

    Returns
    -------
    shares : ndarray
        Of the shape of `scores`. All zeros when all scores are zero.

    Examples
    --------
    >>> from skviann.variance import sum_to_one
    >>> sum_to_one([1.0, 3.0])
    array([0.25, 0.75])
    """
    scores = np.asarray(scores, dtype=np.float64)
    return scores / (scores.sum() or 1.0)
