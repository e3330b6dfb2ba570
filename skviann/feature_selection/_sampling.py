"""Sampling a column given the others: what its values could have been in each row."""

from numbers import Integral
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

from skviann._validation import spread_rows

# A column is few-valued with so many levels at most, or with one level in more than
# such a share of the rows.
_FEW_LEVELS = 20
_LARGE_SHARE = 0.2

# What an input tells of its column: its score, the size of the score, whether it is
# missing; or that it is at a level, whose code is 0 or more.
_SCORE, _SIZE, _MISSING = -1, -2, -3
# Further inputs are steps: whether a number is above a quantile of its column, of so
# many equally spaced ones.
_N_STEPS = 19

# Levels with fewer rows predict nothing. Probabilities of levels are learnt from at
# most so many rows, with an L2 penalty of half the squares of coefficients.
_MIN_ROWS_OF_LEVEL = 5
_MAX_ROWS_OF_LEVELS = 3000
_INVERSE_PENALTY = 1.0

# So many inputs at most predict a column, those most correlated with it, and so many
# steps, those most correlated with what the inputs leave over.
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
_MIN_SPREAD = 0.1  # residuals have at least this share of their mean size
_SAME_PREDICTION = 1e-9  # in standard deviations: equal but for rounding


def normal_scores(values):
    """Levels of a column, and of each its normal score and its share of the rows.

    The score of a level is the standard normal quantile of the share of rows below it,
    half of its own rows among them (rankits): the largest value counts by its rank,
    however large it is. `numpy.interp` takes values to scores and back, and keeps both
    within the range seen here. From (n_rows,) to three arrays of shape (n_levels,).
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

    `gram`, (n_inputs, n_inputs), and `products`, (n_inputs,), are those of the inputs,
    of mean 0, with themselves and with the target, and `square` that of the target,
    summed over `n_rows`. Returned are the inputs that are left, ``m`` of these, and
    ``S / noise``, the inverse of the penalised Gram matrix.

    References
    ----------
    D. J. C. MacKay (1992), "Bayesian interpolation", Neural Computation 4(3), 415-447,
    section 4.

    M. E. Tipping (2001), "Sparse Bayesian learning and the relevance vector machine",
    Journal of Machine Learning Research 1, 211-244, equations 16 to 18.
    """
    left = np.arange(len(gram))
    penalties = np.full(len(gram), float(len(gram)))
    noise = max(0.5 * square / n_rows, _MIN_NOISE)
    for update in range(_RELEVANCE_UPDATES):
        covariance = np.linalg.inv(gram + noise * np.diag(penalties))
        coefficients = covariance @ products
        if update == _RELEVANCE_UPDATES - 1 or len(left) == 0:
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
            left, products, penalties = left[stays], products[stays], penalties[stays]
            gram = gram[np.ix_(stays, stays)]
        penalties = np.clip(penalties, _MIN_PENALTY, _MAX_PENALTY)
    return left, coefficients, covariance


def leave_one_out(inputs, target, coefficients, covariance):
    """Predict each row by a penalised regression that was fitted without it.

    ``residual / (1 - leverage)`` is the residual of a row that the fit has not seen,
    as large as those of new rows will be. Inputs, (n_rows, n_inputs), and target,
    (n_rows,), have mean 0; coefficients are ``covariance @ inputs.T @ target``, with
    the inverse of the penalised Gram matrix. The penalties stay as they are.

    References
    ----------
    T. Hastie, R. Tibshirani, J. Friedman (2009), "The Elements of Statistical
    Learning", equation 7.64.
    """
    leverage = 1 / len(inputs) + ((inputs @ covariance) * inputs).sum(axis=1)
    residuals = target - inputs @ coefficients
    return target - residuals / (1 - np.minimum(leverage, _MAX_LEVERAGE))


def draw_donors(train, new, n_donors, n_draws, random_state):
    """Draw for each new row training rows with predictions near its own.

    Each draw is one of the `n_donors` nearest rows, or of more where some are equally
    far. From predictions, (n_train,) and (n_rows,), to positions in `train`, drawn with
    replacement: (n_draws, n_rows).
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


class _Regression(NamedTuple):
    """A linear regression on some inputs."""

    used: np.ndarray  # numbers of the inputs
    means: np.ndarray  # theirs, among the rows of the regression
    inputs: np.ndarray  # of these rows, less the means: (n_rows, n_used)
    coefficients: np.ndarray  # (n_used,)
    covariance: np.ndarray  # the inverse of the penalised Gram matrix

    @property
    def fitted(self):
        return self.inputs @ self.coefficients


class ConditionalSampler(BaseEstimator):
    """Draw values of a column, given the values of the other columns in the same row.

    The draws stand for what the column could have been if it told nothing beyond the
    others. A network that predicts as well with them as with the column itself does not
    need the column. All columns become normal scores; then, for the column asked for:

    1. Its scores are regressed on the scores of the others and their absolute values
       (so that it may follow another one up and down), by `relevant_regression`, and
       then also on steps: whether another one is above a quantile. So it may follow
       jumps and any curve.
    2. A number of many values: a draw is the prediction plus the residual of a random
       training row with a prediction near it, taken back through the column's
       quantiles. Residuals are those that the row has when it is left out. Their size
       is predicted in the same way, and they are scaled from the size in their own row
       to that in the new one.
    3. A number of few values (up to 20, or one of them in more than a fifth of the
       rows): a draw is the value of such a training row (predictive mean matching).
    4. A category: each of its levels is predicted by a regression on the others, the
       inputs that are left go into one logistic regression for all levels, and a level
       is drawn from its probabilities.
    5. Gaps: whether a value is missing is drawn in the same way first. Rows without a
       value play no part in the regression for the value.

    Of other columns, each level of a category and whether a value is missing is an
    input. A missing value itself is neutral: its score is 0.

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
    ``(n_draws, n_rows)`` for the rows of its `X`, in general not those of `fit`. Gaps
    are NaN. If some columns are categories, they hold codes of levels, and it is called
    as ``fit(X, categorical_features=numbers_of_columns)``. It must be one that
    `sklearn.base.clone` can copy, as are all subclasses of
    `sklearn.base.BaseEstimator`. It never sees the target.

    **What it is blind to.** One prediction stands for all that the others say: their
    joint effects (products, clusters in several columns) are seen only as far as sums
    of curves can follow. Where they cannot, a column that repeats what relevant ones
    tell together, such as their product, may pass for relevant.

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

    def fit(self, X, y=None, categorical_features=None):
        """Learn how the columns depend on each other.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Finite numbers, or NaN where a value is missing.
        y : None
            Ignored.
        categorical_features : array-like of int or bool, default=None
            Which columns hold codes of levels, whole numbers from 0 that have no order.

        Returns
        -------
        self : ConditionalSampler
            The fitted sampler.

        Raises
        ------
        ValueError
            If there is no such column, or it holds anything but such codes.
        """
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        self._train = X
        self._gaps = np.isnan(X)
        self._is_category = _as_mask(categorical_features, X)
        self._tables = [
            normal_scores(column[~gaps])
            for column, gaps in zip(X.T, self._gaps.T, strict=True)
        ]
        self._column_of_input, self._told_by_input = self._lay_out()
        self._n_lines = len(self._column_of_input)
        inputs = self._raw_inputs(X, np.arange(self._n_lines))
        self._means = np.nanmean(inputs, axis=0)
        self._scales = np.nanstd(inputs, axis=0)
        self._scales[self._scales < 1e-12] = 1.0
        self._inputs = self._standardise(inputs, slice(None))
        self._add_steps()
        return self

    def _lay_out(self):
        """Say which column each input is made of, and what it tells of it.

        First the score of each column, 0 for a category; then absolute values of
        scores, which say nothing new of a column with two levels; then levels, and
        which values are missing.
        """
        columns = range(len(self._tables))
        found = [(j, _SCORE) for j in columns]
        for j in np.flatnonzero(~self._is_category):
            if len(self._tables[j][0]) > 2:
                found.append((j, _SIZE))
        for j in np.flatnonzero(self._is_category):
            levels, _, shares = self._tables[j]
            n_rows = shares * (~self._gaps[:, j]).sum()
            told = levels[n_rows >= _MIN_ROWS_OF_LEVEL]
            found += [(j, int(level)) for level in told[len(levels) == 2 :]]
        found += [(j, _MISSING) for j in np.flatnonzero(self._gaps.any(axis=0))]
        return np.array(found).T

    def _add_steps(self):
        """Add steps to the inputs, as many as each column of numbers has levels for.

        They are not computed for all rows, only which bin of its column a value is in:
        0 is that of gaps, and the others are between steps.
        """
        shares = np.arange(1, _N_STEPS + 1) / (_N_STEPS + 1)
        thresholds = np.full((len(self._tables), _N_STEPS), np.inf)
        for j, (levels, _, of_levels) in enumerate(self._tables):
            if len(levels) > 2 and not self._is_category[j]:
                quantiles = levels[np.searchsorted(of_levels.cumsum(), shares)]
                found = np.unique(quantiles[quantiles < levels[-1]])
                thresholds[j, : len(found)] = found
        bins = [
            np.searchsorted(of_column, column) + 1
            for of_column, column in zip(thresholds, self._train.T, strict=True)
        ]
        bins = np.where(self._gaps, 0, np.transpose(bins))
        self._bins = bins + (_N_STEPS + 2) * np.arange(len(thresholds))
        self._is_step = np.isfinite(thresholds)
        self._thresholds = thresholds[self._is_step]
        self._column_of_input = np.concatenate(
            [self._column_of_input, np.nonzero(self._is_step)[0]]
        )
        above, known = self._sums_above(np.ones(len(self._train)))
        means = above / known
        self._means = np.concatenate([self._means, means])
        self._scales = np.concatenate([self._scales, np.sqrt(means * (1 - means))])

    def _sums_above(self, values):
        """Sum values of the rows, for each step: where it is 1, and where it is known.

        By counting in bins, much faster than a product with a table of all steps.
        """
        n_columns = self._bins.shape[1]
        sums = np.bincount(
            self._bins.ravel(), np.repeat(values, n_columns), n_columns * (_N_STEPS + 2)
        ).reshape(n_columns, -1)[:, 1:]
        from_bin = sums[:, ::-1].cumsum(axis=1)[:, ::-1]
        everywhere = np.broadcast_to(from_bin[:, :1], self._is_step.shape)
        return from_bin[:, 1:][self._is_step], everywhere[self._is_step]

    def sample(self, X, column, n_draws=1, random_state=None):
        """Draw values of a column for each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows, in general other ones than those of `fit`. Their own values in
            `column` play no part. Codes that `fit` has not seen are no known level.
        column : int
            Which column, from 0.
        n_draws : int, default=1
            How many values for each row.
        random_state : int, RandomState instance or None, default=None
            Makes the draws repeatable.

        Returns
        -------
        draws : ndarray of shape (n_draws, n_rows)
            In the column's own unit, or codes of levels; NaN where the draw is that the
            value is missing.

        Raises
        ------
        ValueError
            If there is no such column, or `n_draws` is less than 1.
        """
        check_is_fitted(self)
        X = validate_data(
            self, X, dtype=np.float64, reset=False, ensure_all_finite="allow-nan"
        )
        check_scalar(
            column, "column", Integral, min_val=0, max_val=self.n_features_in_ - 1
        )
        check_scalar(n_draws, "n_draws", Integral, min_val=1)
        random_state = check_random_state(random_state)

        levels = self._tables[column][0]
        gaps = self._gaps[:, column]
        if len(levels) == 0:
            return np.full((n_draws, len(X)), np.nan)
        if len(levels) == 1:
            draws = np.full((n_draws, len(X)), levels[0])
        elif self._is_category[column]:
            codes = self._train[:, column]
            draws = self._draw_levels(X, column, codes, ~gaps, n_draws, random_state)
        else:
            draws = self._draw_numbers(X, column, n_draws, random_state)
        if gaps.any():
            everywhere = np.ones(len(gaps), dtype=bool)
            is_missing = self._draw_levels(
                X, column, gaps.astype(float), everywhere, n_draws, random_state
            )
            draws[is_missing == 1] = np.nan
        return draws

    def _draw_numbers(self, X, column, n_draws, random_state):
        """Draw by regression: a row's prediction with the residual of another row."""
        levels, scores, shares = self._tables[column]
        rows = np.flatnonzero(~self._gaps[:, column])
        target = self._inputs[rows, column]  # its score is the input of its number
        mean = target.mean()
        target = target - mean
        regression = self._regress(target, rows, column)
        fitted, predictions = regression.fitted, self._predict(regression, X)

        is_few_valued = len(levels) <= _FEW_LEVELS or shares.max() > _LARGE_SHARE
        if is_few_valued:
            donors = draw_donors(
                fitted, predictions, _VALUE_DONORS, n_draws, random_state
            )
            return self._train[rows, column][donors]
        residuals = target - leave_one_out(
            regression.inputs, target, regression.coefficients, regression.covariance
        )
        sizes = np.abs(residuals)
        sizes /= max(sizes.mean(), np.finfo(float).tiny)
        spread = self._regress(sizes - sizes.mean(), rows, column)
        residuals /= np.maximum(1 + spread.fitted, _MIN_SPREAD)
        n_donors = max(_RESIDUAL_DONORS, int(_RESIDUAL_DONORS_SHARE * len(target)))
        donors = draw_donors(fitted, predictions, n_donors, n_draws, random_state)
        scale = np.maximum(1 + self._predict(spread, X), _MIN_SPREAD)
        drawn = predictions + scale * residuals[donors] + mean
        draws = np.interp(
            drawn * self._scales[column] + self._means[column], scores, levels
        )
        are_whole = np.all(levels == np.round(levels))
        return np.round(draws) if are_whole else draws

    def _draw_levels(self, X, column, codes, known, n_draws, random_state):
        """Draw codes from their probabilities given the other columns.

        `codes` are those of the training rows, (n_train,); `known`: which have one.
        """
        rows, codes = np.flatnonzero(known), codes[known]
        used = self._relevant_for_levels(codes, rows, column)
        some = spread_rows(len(codes), _MAX_ROWS_OF_LEVELS)
        levels, numbers = np.unique(codes[some], return_inverse=True)
        if len(used) == 0 or len(levels) == 1:
            shares = np.bincount(numbers) / len(numbers)
            probabilities = np.broadcast_to(shares, (len(X), len(shares)))
        else:
            model = LogisticRegression(C=_INVERSE_PENALTY, max_iter=1000)
            model.fit(self._inputs_of(rows[some], used), numbers)
            new = self._standardise(self._raw_inputs(X, used), used)
            probabilities = model.predict_proba(new)
        steps = probabilities.cumsum(axis=1)[:, :-1]
        uniform = random_state.uniform(size=(n_draws, len(X)))
        drawn = sum(uniform >= step for step in steps.T)
        return levels[np.asarray(drawn, dtype=int)]

    def _relevant_for_levels(self, codes, rows, column):
        """Find inputs that tell any level of a column apart, by linear regression.

        Only these go into the logistic regression: of many that say nothing, it would
        learn some rows by heart, and be too sure of itself.
        """
        is_level = LabelBinarizer().fit_transform(codes).astype(float)
        targets = is_level - is_level.mean(axis=0)
        deviation = targets.std(axis=0)
        targets = targets / np.where(deviation > 0, deviation, 1)
        used = [self._regress(target, rows, column).used for target in targets.T]
        return np.unique(np.concatenate(used))

    def _regress(self, target, rows, column):
        """Regress a target of some rows, of mean 0, on the inputs of other columns.

        First without steps, which would take the place of other inputs that they
        follow. Then also on steps that tell of what these leave over: more than chance
        does, for of m steps that tell nothing, the largest correlation is about
        ``sqrt(2 * log(m) / n_rows)``. The bound is lower, for steps repeat each other.
        """

        def strongest(target, candidates, bound):
            candidates = candidates[self._column_of_input[candidates] != column]
            products = np.abs(self._products(target, rows)[candidates])
            order = np.argsort(-products, kind="stable")[:_MAX_PREDICTORS]
            return candidates[order[products[order] >= bound]]

        lines, steps = np.split(np.arange(len(self._column_of_input)), [self._n_lines])
        on_lines = self._fit_to(target, rows, strongest(target, lines, 0))
        left_over = target - on_lines.fitted
        bound = np.sqrt(np.log(max(len(steps), 2)) * (left_over @ left_over))
        useful = strongest(left_over, steps, bound)
        if len(useful) == 0:
            return on_lines
        on_steps = self._fit_to(left_over, rows, useful)
        return self._fit_to(target, rows, np.append(on_lines.used, on_steps.used))

    def _products(self, target, rows):
        """Sum the products of each input with a target of some rows: (n_inputs,)."""
        everywhere = np.zeros(len(self._train))
        everywhere[rows] = target
        above, known = self._sums_above(everywhere)
        means, scales = self._means[self._n_lines :], self._scales[self._n_lines :]
        of_steps = (above - means * known) / scales
        return np.append(everywhere @ self._inputs, of_steps)

    def _fit_to(self, target, rows, inputs):
        """Fit a regression on these inputs, of which those are left that matter."""
        values = self._inputs_of(rows, inputs)
        means = values.mean(axis=0)
        values -= means
        left, coefficients, covariance = relevant_regression(
            values.T @ values, values.T @ target, target @ target, len(target)
        )
        return _Regression(
            inputs[left], means[left], values[:, left], coefficients, covariance
        )

    def _predict(self, regression, X):
        """Predict the target, less its mean, in new rows."""
        used = regression.used
        new = self._standardise(self._raw_inputs(X, used), used)
        return (new - regression.means) @ regression.coefficients

    def _inputs_of(self, rows, inputs):
        """Return inputs of some training rows, in the order of their numbers."""
        lines, steps = inputs[inputs < self._n_lines], inputs[inputs >= self._n_lines]
        raw = self._raw_inputs(self._train[rows], steps)
        return np.hstack(
            [self._inputs[np.ix_(rows, lines)], self._standardise(raw, steps)]
        )

    def _raw_inputs(self, X, inputs):
        """Compute inputs, not yet standardised; NaN where a value is missing."""
        raw = np.empty((len(X), len(inputs)))
        for i, k in enumerate(inputs):
            column = self._column_of_input[k]
            values = X[:, column]
            if k >= self._n_lines:
                above = values > self._thresholds[k - self._n_lines]
                raw[:, i] = np.where(np.isnan(values), np.nan, above)
                continue
            told = self._told_by_input[k]
            levels, scores, _ = self._tables[column]
            if told == _MISSING:
                raw[:, i] = np.isnan(values)
            elif told >= 0:
                raw[:, i] = np.where(np.isnan(values), np.nan, values == told)
            elif self._is_category[column] or len(levels) == 0:
                raw[:, i] = 0  # levels have no score, nor has a column of gaps
            else:
                raw[:, i] = np.interp(values, levels, scores)
                if told == _SIZE:
                    np.abs(raw[:, i], out=raw[:, i])
        return raw

    def _standardise(self, raw, inputs):
        """Bring inputs to mean 0 and variance 1, missing ones to 0."""
        standard = (raw - self._means[inputs]) / self._scales[inputs]
        return np.where(np.isnan(standard), 0, standard)


def _as_mask(categorical_features, X):
    """Return which columns are categories, after a check of their codes."""
    columns = np.arange(X.shape[1])
    wanted = np.asarray([] if categorical_features is None else categorical_features)
    if wanted.dtype == bool and wanted.shape == columns.shape:
        wanted = np.flatnonzero(wanted)
    are_numbers = wanted.dtype.kind in "iu" and wanted.ndim == 1
    if wanted.size and not (are_numbers and np.isin(wanted, columns).all()):
        raise ValueError(
            "categorical_features must be numbers or a mask of the "
            f"{len(columns)} columns of X, got {categorical_features!r}."
        )
    is_category = np.isin(columns, wanted)
    for column in np.flatnonzero(is_category):
        codes = X[~np.isnan(X[:, column]), column]
        if (codes < 0).any() or (codes != np.round(codes)).any():
            raise ValueError(
                f"Column {column} is one of categorical_features, so that it must hold "
                "whole numbers from 0; got others."
            )
    return is_category
