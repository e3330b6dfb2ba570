"""A user's own Keras network as a learner: one training after the other."""

import warnings

import numpy as np
from scipy.sparse import issparse
from sklearn.preprocessing import StandardScaler
from sklearn.utils.parallel import Parallel, delayed

from skviann._lazy import first_layers, wrappers
from skviann._outputs import is_classifier, predict_outputs
from skviann._sklearn_compat import _check_method_params, _check_sample_weight
from skviann._target import Target
from skviann._validation import draw_seeds, rows_with_weight, take_rows
from skviann.feature_selection._folds import Folds, seen_rows, split_rows
from skviann.feature_selection._interactions import interaction_strengths
from skviann.feature_selection._learner import RowsLearner

# Rounds of elimination after the first take at most so many rows.
_MAX_ROWS_OF_LATER_ROUNDS = 200_000

_MAX_SCALE_RATIO = 100


class OwnNetwork(RowsLearner):
    """Trains copies of a network.

    Parameters
    ----------
    wrapper : estimator
        Of scikeras or ``keras.wrappers``; copies of it are fitted.
    X, y, fit_params
        As for its fit; rows without weight are left out.
    splitting : Splitting or None
        How to split the rows; None: all rows are trained on, and none held out.
    n_repeats : int
        Trainings in a round, for each fold.
    n_jobs : int or None
        Trainings that run at the same time.
    random_state : int, RandomState instance or None
        Seeds all trainings. None leaves a single one to the wrapper's own.
    share_callbacks : bool
        Whether the wrapper's own callbacks see the training, and not copies.
    """

    def __init__(
        self,
        wrapper,
        X,
        y,
        fit_params,
        splitting,
        *,
        n_repeats,
        n_jobs,
        random_state,
        share_callbacks,
    ):
        weights = np.ones(len(y))
        if fit_params.get("sample_weight") is not None:
            weights = _check_sample_weight(
                fit_params["sample_weight"], X, ensure_non_negative=True
            )
            used = rows_with_weight(weights)
            if len(used) < len(y):
                fit_params = _check_method_params(X, fit_params, used)
                X, y, weights = X[used], y[used], weights[used]
                splitting = splitting and splitting.of(used)
        everything = np.arange(len(y))
        folds = Folds([(everything, everything[:0])])
        self._is_classes = is_classifier(wrapper)
        if splitting is not None:
            if self._is_classes:
                self._target = Target.of_classes(y)
            else:
                self._target = Target.of_quantities(y, weights)
            self._coded = self._target.code(y)
            folds = split_rows(X, y, self._target.is_classes, splitting)
        super().__init__(folds, X.shape[1], weights)
        self._wrapper = wrapper
        self._X, self._y = X, y
        self._fit_params = fit_params
        self._n_jobs = n_jobs
        self._share_callbacks = share_callbacks
        if random_state is not None:
            self._seeds = draw_seeds(random_state, n_repeats)
        elif n_repeats == 1:
            self._seeds = [None]
        else:
            random_state = getattr(wrapper, "random_state", None)
            self._seeds = draw_seeds(random_state, n_repeats)

    def _fit_all(self, rows, features, seeds):
        """Fit a copy for each fold and seed; return them and their importances."""
        fits = Parallel(n_jobs=self._n_jobs)(
            delayed(_fit_one)(
                self._wrapper,
                self._X,
                self._y,
                of_fold,
                columns,
                seed,
                self._fit_params,
                self._share_callbacks,
            )
            for of_fold, columns in zip(rows, features, strict=True)
            for seed in seeds
        )
        networks, shares = zip(*fits, strict=True)
        return list(networks), np.array(shares).reshape(len(rows), len(seeds), -1)

    def train_round(self, features, seed):
        rows = [trained_on for trained_on, _ in self.folds]
        if features.shape[1] < self.n_features:
            rows = [_some_rows(some, self._y, self._seeds[0]) for some in rows]
        return self._fit_all(rows, features, self._seeds)

    def fitted(self, networks):
        return networks[0]

    def _losses_of_sets(self, rankings, sizes, seed):
        trained_on = [rows for rows, _ in self.folds]
        losses = []
        for size in sizes:
            features = rankings[:, :size]
            networks, _ = self._fit_all(trained_on, features, self._seeds[:1])
            losses.append(
                [
                    self._row_losses(fold, rows, self._predict(network, rows, columns))
                    for fold, (network, rows, columns) in enumerate(
                        zip(networks, self.held_out, features, strict=True)
                    )
                ]
            )
        return [np.array(of_fold) for of_fold in zip(*losses, strict=True)]

    def _constant_losses(self):
        losses = []
        for (trained_on, _), rows in zip(self.folds, self.held_out, strict=True):
            weights = self.weights[trained_on] / self.weights[trained_on].mean()
            constant = self._target.constant(self._coded[trained_on], weights)
            outputs = np.broadcast_to(constant, (1, len(rows), len(constant)))
            losses.append(self._target.row_losses(self._coded[rows], outputs))
        return losses

    def _losses_of_networks(self, networks, features, rows):
        n_each = len(self._seeds)

        def of_fold(fold, number, drawn):
            some, columns = rows[fold], features[fold]
            n_draws, X = 1, self._read(some, columns)
            if number is not None:
                n_draws = len(drawn[fold])
                X = np.tile(X, (n_draws, 1))
                X[:, number] = drawn[fold].ravel()
            rows_of_X = np.tile(some, n_draws)
            losses = [
                self._row_losses(fold, rows_of_X, self._outputs(network, X))
                for network in networks[fold * n_each : (fold + 1) * n_each]
            ]
            losses = np.mean(losses, axis=0).reshape(n_draws, -1)
            weights = self.weights[some]
            return losses * (weights / weights.mean())

        def losses(number=None, drawn=None):
            return [of_fold(fold, number, drawn) for fold in range(self.n_folds)]

        return losses

    def _row_losses(self, fold, rows, predicted):
        target = self._target
        if target.is_classes:  # the network knows those of the rows trained on
            if predicted.shape[1] == 1:
                predicted = np.hstack([1 - predicted, predicted])
            classes = np.unique(self._y[self.folds[fold][0]])
            of_all = np.zeros((len(predicted), len(target.classes)))
            of_all[:, np.searchsorted(target.classes, classes)] = predicted
            predicted = of_all
        return target.row_losses(self._coded[rows], target.outputs(predicted))

    def _predict(self, network, rows, columns):
        return predict_outputs(network, self._X[rows][:, columns])

    def _outputs(self, network, X):
        return predict_outputs(network, type(self._X)(X) if issparse(self._X) else X)

    def _columns_of(self, features):
        return np.asarray(features)

    def _read(self, rows, columns):
        X = self._X[rows][:, columns]
        return X.toarray() if issparse(X) else X

    def interaction_strengths(self):
        if issparse(self._X):
            return None
        seen = seen_rows(self.folds, len(self._X))
        y = self._y if self._is_classes else self._y.astype(np.float64)
        return interaction_strengths(self._X, y, seen)


def warn_about_scales(X, fitted):
    """Warn if importances depend on the columns' scales."""
    if first_layers.scales_inputs(fitted.model_):
        return
    deviations = np.sqrt(StandardScaler(with_mean=False).fit(X).var_)
    deviations = deviations[deviations > 0]
    if len(deviations) and deviations.max() > _MAX_SCALE_RATIO * deviations.min():
        warnings.warn(
            "The columns of X have standard deviations from "
            f"{deviations.min():.3g} to {deviations.max():.3g}, and the network "
            "does not scale its inputs: importances depend on the columns' scale. "
            "Put a sklearn.preprocessing.StandardScaler in front.",
            stacklevel=5,  # the line that calls fit
        )


def _fit_one(wrapper, X, y, rows, columns, seed, fit_params, share_callbacks):
    """Fit a copy of the network; return it and its importances."""
    if len(rows) < X.shape[0]:
        fit_params = _check_method_params(X, fit_params, rows)
        X, y = take_rows(X, rows), y[rows]
    if len(columns) < X.shape[1]:
        X = X[:, columns]
    return wrappers.fit_with_importances(
        wrapper, X, y, seed, share_callbacks=share_callbacks, **fit_params
    )


def _some_rows(rows, y, seed):
    """Take some of very many rows, of every class at least one."""
    if len(rows) <= _MAX_ROWS_OF_LATER_ROUNDS:
        return rows
    rng = np.random.default_rng(seed)
    some = rng.choice(rows, _MAX_ROWS_OF_LATER_ROUNDS, replace=False)
    if y.ndim == 1 and y.dtype.kind != "f":
        some = np.union1d(some, rows[np.unique(y[rows], return_index=True)[1]])
    return np.sort(some)
