"""Sampling a column given the others: what its values could have been in each row."""

from numbers import Integral

import numpy as np
from scipy.special import ndtri
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

# A column is few-valued with so many levels at most, or with one level in more than
# such a share of the rows.
_FEW_LEVELS = 20
_LARGE_SHARE = 0.2

# So many inputs at most predict a column: those most correlated with it.
_MAX_PREDICTORS = 32

# Donors of a row: values of so many rows; residuals of so many, or such a share of all.
_VALUE_DONORS = 10
_RESIDUAL_DONORS = 20
_RESIDUAL_DONORS_SHARE = 0.1

_RELEVANCE_UPDATES = 12
_IRRELEVANT = 0.01  # of what the data say about a coefficient, its prior says the rest
_MIN_PENALTY, _MAX_PENALTY = 1e-3, 1e5  # inverse prior variances of coefficients
_MIN_NOISE = 1e-5  # of inputs of variance 1; duplicates stay invertible
_MAX_LEVERAGE = 0.95
_SAME_PREDICTION = 1e-9  # in standard deviations: equal but for rounding


def normal_scores(values):
    """Levels of a column, and the normal score of each.

    The score of a level is the standard normal quantile of the share of rows below it,
    half of its own rows among them (rankits). `numpy.interp` takes
    values to scores and back, and keeps both within the range seen here.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        Finite numbers.

    Returns
    -------
    levels : ndarray of shape (n_levels,)
        The distinct values, ascending.
    scores : ndarray of shape (n_levels,)
        In standard deviations.
    shares : ndarray of shape (n_levels,)
        Share of the rows at each level.

    Examples
    --------
    The largest value counts by its rank, however large it is.

    >>> import numpy as np
    >>> from skviann.feature_selection._sampling import normal_scores
    >>> levels, scores, shares = normal_scores(np.array([1.0, 2.0, 2.0, 900.0]))
    >>> levels
    array([  1.,   2., 900.])
    >>> scores.round(2) + 0.0
    array([-1.15,  0.  ,  1.15])
    >>> shares
    array([0.25, 0.5 , 0.25])
    """
    levels, counts = np.unique(values, return_counts=True)
    shares = counts / len(values)
    return levels, ndtri(np.cumsum(shares) - shares / 2), shares


def relevant_regression(gram, products, square, n_rows):
    """Linear regression in which irrelevant inputs drop out by themselves.

    Automatic relevance determination: coefficient ``k`` has the prior
    ``N(0, 1 / a[k])``, and its posterior the mean and covariance ::

        m = S @ products / noise,    S = inv(gram / noise + diag(a))

    Both kinds of variance follow from the data by MacKay's updates ::

        g[k] = 1 - a[k] * S[k, k],   a[k] = g[k] / m[k]**2
        noise = sum of squared residuals / (n_rows - 1 - sum(g))

    and an input leaves when its ``g``, how far the data determine it, is near 0. One
    ridge penalty for all would take from the few inputs that matter what it must take
    from the many that do not. What the neighbours of a column tell would then be
    missing in its draws, and a useless column pass for a relevant one too often.

    Parameters
    ----------
    gram : ndarray of shape (n_inputs, n_inputs)
        Products of the inputs, which have mean 0, summed over rows.
    products : ndarray of shape (n_inputs,)
        Those of the inputs and the target, of mean 0 as well.
    square : float
        That of the target and itself.
    n_rows : int
        Rows that were summed over.

    Returns
    -------
    kept : ndarray of int of shape (n_kept,)
        The inputs that are left.
    coefficients : ndarray of shape (n_kept,)
        Posterior mean ``m``.
    covariance : ndarray of shape (n_kept, n_kept)
        ``S / noise``, the inverse of the penalised Gram matrix.

    References
    ----------
    D. J. C. MacKay (1992), "Bayesian interpolation", Neural Computation 4(3), 415-447,
    section 4.

    M. E. Tipping (2001), "Sparse Bayesian learning and the relevance vector machine",
    Journal of Machine Learning Research 1, 211-244, equations 16 to 18.

    Examples
    --------
    The target is twice the second input; the first and third are noise.

    >>> import numpy as np
    >>> from skviann.feature_selection._sampling import relevant_regression
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> X -= X.mean(axis=0)
    >>> y = 2 * X[:, 1]
    >>> kept, coefficients, _ = relevant_regression(X.T @ X, X.T @ y, y @ y, 50)
    >>> kept, coefficients.round(3)
    (array([1]), array([2.]))
    """
    kept = np.arange(len(gram))
    penalties = np.full(len(gram), float(len(gram)))
    noise = max(0.5 * square / n_rows, _MIN_NOISE)
    for update in range(_RELEVANCE_UPDATES):
        covariance = np.linalg.inv(gram + noise * np.diag(penalties))
        coefficients = covariance @ products
        if update == _RELEVANCE_UPDATES - 1 or len(kept) == 0:
            break
        determined = np.clip(1 - noise * penalties * np.diag(covariance), 0, 1)
        residual = square - 2 * coefficients @ products
        residual += coefficients @ gram @ coefficients
        degrees = max(n_rows - 1 - determined.sum(), 1)
        noise = max(residual / degrees, _MIN_NOISE)
        penalties = determined / np.maximum(coefficients**2, 1e-12)
        # The first fit starts from the same guess for all, and so drops none.
        if update > 0:
            stays = (determined > _IRRELEVANT) & (penalties < _MAX_PENALTY)
            kept, products, penalties = kept[stays], products[stays], penalties[stays]
            gram = gram[np.ix_(stays, stays)]
        penalties = np.clip(penalties, _MIN_PENALTY, _MAX_PENALTY)
    return kept, coefficients, covariance


def leave_one_out(inputs, target, coefficients, covariance):
    """Predict each row by a penalised regression that was fitted without it.

    ``residual / (1 - leverage)`` is the residual of a row that the fit has not seen,
    as large as those of new rows will be.

    Parameters
    ----------
    inputs : ndarray of shape (n_rows, n_inputs)
        Of mean 0.
    target : ndarray of shape (n_rows,)
        Of mean 0.
    coefficients : ndarray of shape (n_inputs,)
        ``covariance @ inputs.T @ target``.
    covariance : ndarray of shape (n_inputs, n_inputs)
        Inverse of the penalised Gram matrix.

    Returns
    -------
    predictions : ndarray of shape (n_rows,)
        Without the row itself; the penalties stay as they are.

    References
    ----------
    T. Hastie, R. Tibshirani, J. Friedman (2009), "The Elements of Statistical
    Learning", equation 7.64.

    Examples
    --------
    The last row is far out and pulls the line towards itself, from -0.67 to 1.71.

    >>> import numpy as np
    >>> from skviann.feature_selection._sampling import leave_one_out
    >>> X = np.array([[-1.0], [0.0], [-2.0], [3.0]])
    >>> y = np.array([0.0, -1.0, -1.0, 2.0])
    >>> covariance = np.linalg.inv(X.T @ X)
    >>> coefficients = covariance @ X.T @ y
    >>> (X @ coefficients).round(2) + 0.0
    array([-0.57,  0.  , -1.14,  1.71])
    >>> leave_one_out(X, y, coefficients, covariance).round(2)
    array([-0.84,  0.33, -1.31, -0.67])
    """
    leverage = 1 / len(inputs) + ((inputs @ covariance) * inputs).sum(axis=1)
    residuals = target - inputs @ coefficients
    return target - residuals / (1 - np.minimum(leverage, _MAX_LEVERAGE))


def draw_donors(train, new, n_donors, n_draws, random_state):
    """For each new row, draw training rows with predictions near its own.

    Parameters
    ----------
    train : ndarray of shape (n_train,)
        Predictions of the training rows.
    new : ndarray of shape (n_rows,)
        Predictions of the new rows.
    n_donors : int
        Each draw is one of so many nearest rows, or of more where some are equally far.
    n_draws : int
        How many are drawn for each row, with replacement.
    random_state : RandomState
        Draws them.

    Returns
    -------
    donors : ndarray of int of shape (n_draws, n_rows)
        Positions in `train`.

    Examples
    --------
    >>> import numpy as np
    >>> from skviann.feature_selection._sampling import draw_donors
    >>> train = np.array([5.0, 1.0, 3.0, 2.0, 4.0])
    >>> rng = np.random.RandomState(0)
    >>> donors = draw_donors(train, np.array([0.0, 3.5]), 2, 6, rng)
    >>> train[donors].T
    array([[1., 2., 2., 2., 2., 2.],
           [4., 3., 4., 4., 4., 3.]])
    """
    order = np.argsort(train, kind="stable")
    ordered = train[order]
    n_donors = min(n_donors, len(train))
    # A run of neighbours moves up by one where its first row is farther than the next.
    midpoints = (ordered[: len(train) - n_donors] + ordered[n_donors:]) / 2
    start = np.searchsorted(midpoints, new)
    reach = np.maximum(new - ordered[start], ordered[start + n_donors - 1] - new)
    reach += _SAME_PREDICTION
    first = np.searchsorted(ordered, new - reach)
    last = np.searchsorted(ordered, new + reach, side="right")
    return order[random_state.randint(first, last, size=(n_draws, len(new)))]


class ConditionalSampler(BaseEstimator):
    """Draw values of a column, given the values of the other columns in the same row.

    The draws stand for what the column could have been if it told nothing beyond the
    others. A network that predicts as well with them as with the column itself does not
    need the column. All columns become normal scores; then, for the column asked for:

    1. Its scores are regressed on the scores of the others and their absolute values
       (so that it may follow another one up and down), by `relevant_regression`.
    2. Many values: a draw is the prediction plus the residual of a random training row
       with a prediction near it, taken back through the column's quantiles. Residuals
       are those that the row has when it is left out.
    3. Few values (up to 20, or one of them in more than a fifth of the rows): a draw is
       the value of such a training row (predictive mean matching).

    Draws stay within the range of the training rows. Whole numbers stay whole. Constant
    columns stay constant.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns seen by `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names; only if those are strings.

    Notes
    -----
    **Your own sampler.** Wherever a sampler can be passed, any object with two methods
    will do: ``fit(X)``, which returns the object, and
    ``sample(X, column, n_draws, random_state)``, which returns finite draws of shape
    ``(n_draws, n_rows)`` for the rows of its `X`, in general not those of `fit`. It
    must be one that `sklearn.base.clone` can copy, as are all subclasses of
    `sklearn.base.BaseEstimator`. It never sees the target.

    **What it is blind to.** One prediction stands for all that the others say: their
    joint effects (products, clusters in several columns) are seen only as far as sums
    of bent lines can follow. Where they cannot, a column that repeats in another way
    what a relevant one tells, such as its square, may pass for relevant.

    **Dummies.** The columns of a one-hot variable determine each other, so that each is
    drawn as it is, and no one of them alone can be needed. Sample from a table that has
    such a variable as one column, or without its other dummies.

    References
    ----------
    W. Tansey, V. Veitch, H. Zhang, R. Rabadan, D. M. Blei (2022), "The holdout
    randomization test for feature selection in black box models", Journal of
    Computational and Graphical Statistics 31(1), 151-162.

    R. J. A. Little (1988), "Missing-data adjustments in large surveys", Journal of
    Business & Economic Statistics 6(3), 287-296 (predictive mean matching).

    Examples
    --------
    Two columns with a correlation of 0.8: given that the second one is 1, the first has
    the mean 0.8 and the standard deviation 0.6. The draws nearly so:

    >>> import numpy as np
    >>> from skviann.feature_selection._sampling import ConditionalSampler
    >>> rng = np.random.default_rng(0)
    >>> X = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], size=20000)
    >>> sampler = ConditionalSampler().fit(X)
    >>> draws = sampler.sample([[-3.0, 1.0]], column=0, n_draws=5000, random_state=0)
    >>> draws.shape
    (5000, 1)
    >>> print(f"{draws.mean():.2f} {draws.std():.2f}")
    0.79 0.59
    """

    def fit(self, X, y=None):
        """Learn how the columns depend on each other.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Finite numbers.
        y : None
            Ignored.

        Returns
        -------
        self : ConditionalSampler
            The fitted sampler.
        """
        X = validate_data(self, X, dtype=np.float64)
        n_features = X.shape[1]
        self._train = X
        self._tables = [normal_scores(column) for column in X.T]
        # Input i is the score of a column, or from n_features on its absolute value,
        # which says nothing new of a column with two levels.
        bent = [j for j, table in enumerate(self._tables) if len(table[0]) > 2]
        self._column_of_input = np.r_[np.arange(n_features), np.array(bent, dtype=int)]
        inputs = self._raw_inputs(X, np.arange(len(self._column_of_input)))
        self._means, self._scales = inputs.mean(axis=0), inputs.std(axis=0)
        self._scales[self._scales < 1e-12] = 1.0
        self._inputs = (inputs - self._means) / self._scales
        self._gram = self._inputs.T @ self._inputs
        return self

    def sample(self, X, column, n_draws=1, random_state=None):
        """Draw values of a column for each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows, in general other ones than those of `fit`. Their own values in
            `column` play no part.
        column : int
            Which column, from 0.
        n_draws : int, default=1
            How many values for each row.
        random_state : int, RandomState instance or None, default=None
            Makes the draws repeatable.

        Returns
        -------
        draws : ndarray of shape (n_draws, n_rows)
            In the column's own unit.

        Raises
        ------
        ValueError
            If there is no such column, or `n_draws` is less than 1.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        check_scalar(
            column, "column", Integral, min_val=0, max_val=self.n_features_in_ - 1
        )
        check_scalar(n_draws, "n_draws", Integral, min_val=1)
        random_state = check_random_state(random_state)

        levels, scores, shares = self._tables[column]
        if len(levels) == 1:
            return np.full((n_draws, len(X)), levels[0])
        used, coefficients, covariance = self._regress(column)
        train_inputs, target = self._inputs[:, used], self._inputs[:, column]
        fitted = train_inputs @ coefficients
        inputs = (self._raw_inputs(X, used) - self._means[used]) / self._scales[used]
        predictions = inputs @ coefficients

        is_few_valued = len(levels) <= _FEW_LEVELS or shares.max() > _LARGE_SHARE
        if is_few_valued:
            donors = draw_donors(
                fitted, predictions, _VALUE_DONORS, n_draws, random_state
            )
            return self._train[donors, column]
        left_out = leave_one_out(train_inputs, target, coefficients, covariance)
        n_donors = max(_RESIDUAL_DONORS, int(_RESIDUAL_DONORS_SHARE * len(target)))
        donors = draw_donors(fitted, predictions, n_donors, n_draws, random_state)
        drawn = predictions + (target - left_out)[donors]
        draws = np.interp(
            drawn * self._scales[column] + self._means[column], scores, levels
        )
        are_whole = np.all(levels == np.round(levels))
        return np.round(draws) if are_whole else draws

    def _raw_inputs(self, X, inputs):
        """Compute scores, or absolute values of them, not yet standardised."""
        raw = np.empty((len(X), len(inputs)))
        for i, k in enumerate(inputs):
            column = self._column_of_input[k]
            levels, scores, _ = self._tables[column]
            raw[:, i] = np.interp(X[:, column], levels, scores)
            if k >= self.n_features_in_:
                np.abs(raw[:, i], out=raw[:, i])
        return raw

    def _regress(self, column):
        """Find inputs that predict the column's score, coefficients and covariance."""
        others = np.flatnonzero(self._column_of_input != column)
        products = self._gram[others, column]
        strongest = np.argsort(-np.abs(products), kind="stable")[:_MAX_PREDICTORS]
        others, products = others[strongest], products[strongest]
        kept, coefficients, covariance = relevant_regression(
            self._gram[np.ix_(others, others)],
            products,
            self._gram[column, column],
            len(self._inputs),
        )
        return others[kept], coefficients, covariance
