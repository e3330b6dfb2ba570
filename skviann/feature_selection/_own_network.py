"""A user's own Keras network, as the learner asks for it: copies of it, trained.

They train at once where that is proved to be the same as Keras's own training, else one
after the other.
"""

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit, softmax
from sklearn.preprocessing import StandardScaler
from sklearn.utils.parallel import Parallel, delayed

from skviann._lazy import first_layers, wrappers
from skviann._outputs import predict_outputs
from skviann._sklearn_compat import _check_method_params
from skviann._validation import draw_seeds, spread_rows
from skviann.neural_network._cache import Cache
from skviann.neural_network._training import Fold
from skviann.variance import (
    RunningVariance,
    sum_by_feature,
    sum_to_one,
    viann_scores,
)

# Networks of all folds in a round.
_N_MEMBERS = 8

# Networks that train at once, and see fewer inputs than the table has, are built for so
# many: what is traced for one number serves others.
_WIDTHS = 16, 64

# Where a network does not see an input, it sees its mean over so many rows.
_ROWS_OF_MEANS = 10_000

# Rounds with some of the columns take at most so many rows.
_MAX_ROWS_OF_LATER_ROUNDS = 200_000

# What the graph gets in one go.
_VALUES_AT_A_TIME = 2**23

_MAX_SCALE_RATIO = 100

# Probabilities may be outside of 0 and 1 by so much.
_ROUNDING = 1e-4


class View(NamedTuple):
    """What networks see: inputs of each fold's features, at places of their own."""

    readers: list  # of each fold: from row numbers to its features' inputs
    inputs: list  # of `Inputs`: those of the fold's features
    places: list  # of ndarray: where a network has them
    neutral: np.ndarray  # (n_folds, width): what it sees where there is none

    @property
    def width(self):
        """How many inputs a network has."""
        return self.neutral.shape[1]

    def place(self, fold, X):
        """Put a fold's inputs where its networks have them: (n_rows, width)."""
        placed = np.repeat(self.neutral[[fold]], len(X), axis=0)
        placed[:, self.places[fold]] = X[:, : len(self.places[fold])]
        return placed

    def feature_of_input(self, fold):
        """Which of the fold's features each input belongs to; -1: to none."""
        features = np.full(self.width, -1)
        features[self.places[fold]] = self.inputs[fold].feature
        return features

    def told(self, fold, features):
        """Tell `build` which of the table's features each input belongs to, or -1."""
        of_fold = self.feature_of_input(fold)
        return np.where(of_fold < 0, -1, np.asarray(features)[of_fold])


class Fitted(NamedTuple):
    """The first copy of a user's network."""

    wrapper: object
    only: np.ndarray | None  # the features that it sees; None: all


@dataclass
class Networks:
    """What the copies of a round have become."""

    view: View  # without readers
    importances: np.ndarray | None  # (n_networks, n_features); None: no weights of each
    fitted: list  # of wrappers; of networks that trained at once, the first one
    # of networks that trained at once: two lists of arrays, members first
    weights: tuple | None = None
    pack: object = None  # predicts for them

    def __post_init__(self):
        self.view = self.view._replace(readers=())  # they hold the table

    def __getstate__(self):
        return {**vars(self), "pack": None}  # it is built anew where it is needed


class OwnNetwork:
    """Trains copies of a user's network.

    Parameters
    ----------
    wrapper : estimator
        Of scikeras or ``keras.wrappers``; copies of it are fitted.
    fit_params : dict
        More for its fit than the rows' weights.
    weight_scale : float or None
        The mean of the rows' weights, which the problem brings to 1; None: there are
        none.
    n_jobs : int, default=None
        Trainings at the same time, of those that go one after the other.
    single : bool, default=False
        Whether one training is all: it is then just the wrapper's own `fit`, whose
        callbacks are used themselves.
    random_state : int, RandomState instance or None, default=None
        Seeds it; None leaves it to the wrapper.
    tell : callable, default=None
        Gets a line on how the networks are trained.
    """

    n_members = _N_MEMBERS

    def __init__(
        self,
        wrapper,
        fit_params,
        weight_scale,
        *,
        n_jobs=None,
        single=False,
        random_state=None,
        tell=None,
    ):
        self.wrapper = wrapper
        self.fit_params = fit_params
        self.weight_scale = weight_scale
        self.n_jobs = n_jobs
        self.single = single
        self.random_state = random_state
        self.tell = tell
        self.why_shuffled = None  # why there are no importances by weights
        self._labels_and_template = None, None
        self._packs = Cache()
        self._any_width = None
        # Why not at once; "": at once; None: not known yet.
        self._reason = "there is one" if single else None

    def __getstate__(self):
        # Keras models are built anew where they are needed.
        new = {"_labels_and_template": (None, None), "_packs": None}
        return {**vars(self), **new}

    def __setstate__(self, state):
        vars(self).update(state)
        self._packs = Cache()

    def train_round(self, problem, folds, n_networks, seed):
        """Train so many networks of each fold's features: `Networks`."""
        if len(folds[0].features) < problem.n_features:
            folds = [
                Fold(_some_rows(fold.rows, problem, seed), fold.features)
                for fold in folds
            ]
        if self._trains_at_once(problem):
            found = self._train_at_once(problem, folds, n_networks, seed)
            if found is not None:
                return found
        view = self._view(problem, folds)
        seeds = _seeds(seed, len(folds), n_networks)
        if self.single:
            seeds = [self._own_seed()]
        tasks = [
            (
                fold.rows,
                view.place(number, read(fold.rows)),
                view.told(number, fold.features),
            )
            for number, (fold, read) in enumerate(zip(folds, view.readers, strict=True))
        ]
        tasks = [one for one in tasks for _ in range(n_networks)]
        fits = self._fit_all(problem, tasks, seeds)
        fitted, scores = zip(*fits, strict=True)
        importances = None
        if all(one is not None for one in scores):
            importances = _of_features(view, np.array(scores))
        return Networks(view, importances, list(fitted))

    def train_sets(self, problem, folds, sizes, seed, watch):
        """Train a network for each set of a fold's first features.

        `watch` is told of each epoch, see `_CheckPoints`; of networks that train one
        after the other, of the last one only.
        """
        if self._trains_at_once(problem):
            trained = self._train_at_once(
                problem, folds, len(sizes), seed, sizes, watch
            )
            if trained is not None:
                return
        tasks, views = [], []
        for number, fold in enumerate(folds):
            for size in sizes:
                of_set = fold._replace(features=fold.features[:size])
                view = self._view(problem, [of_set])
                X = view.place(0, view.readers[0](fold.rows))
                tasks.append((fold.rows, X, view.told(0, of_set.features)))
                views.append((number, view))
        seeds = np.repeat(_seeds(seed, len(folds), 1), len(sizes)).tolist()
        fits = self._fit_all(problem, tasks, seeds)

        def outputs_of(X):
            return np.stack(
                [
                    self._outputs_of(problem, fitted, view.place(0, X[fold]))
                    for (fitted, _), (fold, view) in zip(fits, views, strict=True)
                ]
            )

        watch(1, 1, outputs_of)

    def train_block(self, problem, seed):
        """Train one network, and score its features: (n_features,)."""
        fold = Fold(np.arange(problem.n_rows), np.arange(problem.n_features))
        networks = self.train_round(problem, [fold], 1, seed)
        if networks.importances is None:
            raise ValueError(
                f"The network has no weights for each of {problem.n_features} columns, "
                "and these are too many to shuffle them one by one. Select some of "
                "them with a ready-made network first."
            )
        return networks.importances[0]

    def outputs(self, problem, networks, X):
        """Compute outputs of a round's networks, before their activation.

        From inputs of each fold's rows, (n_folds, n_rows, n_inputs), to outputs of
        shape (n_networks, n_rows, n_outputs), in the scale of the problem's target.
        """
        view = networks.view
        placed = [view.place(fold, of_fold) for fold, of_fold in enumerate(X)]
        if networks.weights is not None:
            template = self._template_of(problem)
            if networks.pack is None:
                networks.pack = self._pack_for(template, networks)
            predicted = networks.pack.predict(
                networks.weights, np.stack(placed), *_all_seen(networks)
            )
            return _as_outputs(
                problem, predicted, template.are_logits, template.classes
            )
        n_each = len(networks.fitted) // len(X)
        return np.stack(
            [
                self._outputs_of(problem, fitted, placed[number // n_each])
                for number, fitted in enumerate(networks.fitted)
            ]
        )

    @staticmethod
    def fitted(networks, only=None):
        """Return the first network of a round, which sees `only` some features."""
        wrapper = networks[0].fitted[0]
        if hasattr(wrapper, "X_dtype_"):
            wrapper.X_dtype_ = np.dtype(np.float64)  # scikeras refuses what is longer
        return Fitted(wrapper, only)

    def sees_any_width(self, problem):
        """Whether networks can be built for fewer inputs than all."""
        if self._any_width is None:
            n_inputs = len(problem.inputs)
            self._any_width = n_inputs == 1 or wrappers.takes_any_width(
                self.wrapper, problem.labels, (n_inputs + 1) // 2
            )
        return self._any_width

    def _view(self, problem, folds, widths=()):
        """Tell what networks see of each fold's features.

        `widths` are numbers of inputs that networks had better have.
        """
        readers, inputs = zip(
            *(problem.reader(fold.features) for fold in folds), strict=True
        )
        n_inputs, n_all = max(map(len, inputs)), len(problem.inputs)
        is_whole = n_inputs == n_all or not self.sees_any_width(problem)
        order, of_all = problem.inputs.order, None
        if is_whole:
            width, of_all = n_all, problem.reader(np.arange(problem.n_features))[0]
            positions = [problem.inputs.of_features(fold.features)[1] for fold in folds]
            places = [order[of_fold] for of_fold in positions]
        else:
            width = min([n for n in widths if n >= n_inputs], default=n_inputs)
            width = min(width, n_all)
            places = [np.arange(len(of_fold)) for of_fold in inputs]
        neutral = np.zeros((len(folds), width), dtype=np.float32)
        for number, fold in enumerate(folds):
            rows = fold.rows[spread_rows(len(fold.rows), _ROWS_OF_MEANS)]
            if is_whole:
                neutral[number, order] = of_all(rows).mean(axis=0)
            else:
                neutral[number, places[number]] = readers[number](rows).mean(axis=0)
        return View(list(readers), list(inputs), places, neutral)

    # Copies that train at once.

    def _trains_at_once(self, problem):
        if self._reason is None:
            self._reason = ""
            reason = self._why_not_at_once(problem)
            if reason:
                self._cannot(reason)
            else:
                self._say("Copies of the network train at once.")
        return not self._reason

    def _why_not_at_once(self, problem):
        if self.fit_params:
            return f"its fit is given {sorted(self.fit_params)}"
        reason = wrappers.why_not_at_once(self.wrapper)
        return reason or self._template_of(problem).why_not_at_once

    def _say(self, text):
        if self.tell is not None:
            self.tell(text)

    def _template_of(self, problem):
        labels, template = self._labels_and_template
        if template is None or labels is not problem.labels:
            inputs = problem.inputs
            features = inputs.feature[np.argsort(inputs.order)]
            template = wrappers.Template(
                self.wrapper, problem.labels, len(inputs), features
            )
            self._labels_and_template = problem.labels, template
        return template

    def _train_at_once(self, problem, folds, n_each, seed, sizes=None, watch=None):
        """Train so many networks of each fold, or one for each of its sets.

        None if that would not be Keras's own training.
        """
        template = self._template_of(problem)
        if template.epochs < 2:
            raise ValueError(
                "The variance of the weights needs at least 2 updates, one an epoch, "
                f"but epochs={template.epochs}."
            )
        view = self._view(problem, folds, _WIDTHS)
        n_members = len(folds) * n_each
        # Networks of sets begin alike, but for what they see.
        n_different = n_each if sizes is None else 1
        fold_of = np.repeat(np.arange(len(folds)), n_different)
        model, beginnings = template.beginnings(
            view.width,
            [view.told(fold, folds[fold].features) for fold in fold_of],
            _seeds(seed, len(folds), n_different),
        )
        if beginnings is None:
            return self._cannot("its model differs from fold to fold")
        seen = np.ones((n_members, view.width), dtype=np.float32)
        if sizes is not None:
            beginnings = [one for one in beginnings for _ in sizes]
            for fold, of_fold in enumerate(np.split(seen, len(folds))):
                of_fold[:] = view.feature_of_input(fold) < np.array(sizes)[:, None]
        neutral = np.repeat(view.neutral, n_each, axis=0)
        feed = _Feed(problem, folds, view, template, self.weight_scale, seed)
        first = feed.next_batches(min(2, feed.n_steps))
        kernel = self._kernel_of(model, first[0].reshape(-1, view.width))
        pack = wrappers.packed(
            model, beginnings, len(folds), first, self._packs, kernel
        )
        if pack is None:
            return self._cannot("trained at once, they would not be the same")
        running, readings, losses = RunningVariance(), [], []

        def outputs_of(X):
            placed = np.stack([view.place(fold, x) for fold, x in enumerate(X)])
            predicted = pack.predict(pack.weights(), placed, seen, neutral)
            return _as_outputs(
                problem, predicted, template.are_logits, template.classes
            )

        for epoch in range(1, template.epochs + 1):
            losses.append(
                sum(
                    pack.train(*batches, seen, neutral) * len(batches[0])
                    for batches in feed.epoch()
                )
                / feed.n_steps
            )
            if kernel is not None and watch is None:
                running.update(pack.kernels())
                is_last = epoch == template.epochs
                if epoch >= 2 ** (2 + len(readings) / 2) or (is_last and not readings):
                    readings.append(_scores(running, pack.kernels(), kernel))
            if watch is not None and watch(epoch, template.epochs, outputs_of):
                break
        weights = [[one.numpy() for one in values] for values in pack.weights()]
        fitted = pack.model_of(weights, 0, model)
        wrappers.put_back(pack)
        if not all(np.isfinite(one).all() for one in weights[0]):
            raise ValueError(
                "The network's weights became NaN or infinite while it trained. Lower "
                "the learning rate, or scale the inputs "
                "(sklearn.preprocessing.StandardScaler)."
            )
        importances = None
        if readings:
            importances = np.mean([_of_features(view, one) for one in readings], axis=0)
        history = {"loss": [float(of_members[0]) for of_members in losses]}
        fitted = template.fitted(fitted, history)
        return Networks(view, importances, [fitted], weights, pack)

    def _cannot(self, reason):
        self._reason = reason
        self._say(f"Copies of the network train one after the other: {reason}.")

    def _kernel_of(self, model, X):
        """Find the weights that leave the inputs; None if there are not any of each."""
        try:
            return wrappers.kernel_of_columns(model, np.stack([X.min(0), X.max(0)]))
        except wrappers.NoWeightsOfColumns as error:
            self.why_shuffled = str(error)
        return None

    def _pack_for(self, template, networks):
        """Build what predicts for networks that were trained elsewhere."""
        view, n_folds = networks.view, len(networks.view.neutral)
        features = view.feature_of_input(0)
        model, _ = template.build(view.width, features, 0)
        y = template.y[np.zeros((1, n_folds, 1), dtype=int)]
        n_members = len(networks.weights[0][0])
        return wrappers.PackedCopies(model, n_members, n_folds, y, None)

    # Copies that train one after the other.

    def _own_seed(self):
        """Seed of the only training; None leaves it to the wrapper."""
        if self.random_state is None:
            return None
        return draw_seeds(self.random_state, 1)[0]

    def _fit_all(self, problem, tasks, seeds):
        """Fit a copy for each task; return them and their inputs' importances.

        Tasks are rows, what the network sees of them, and which feature each of its
        inputs belongs to.
        """
        fits = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit_one)(
                self.wrapper,
                X,
                problem.labels[rows],
                feature_of_input,
                seed,
                self._params(problem, rows),
                self.single,
            )
            for (rows, X, feature_of_input), seed in zip(tasks, seeds, strict=True)
        )
        for _, scores in fits:
            if isinstance(scores, Exception):
                self.why_shuffled = str(scores)
        return [
            (fitted, None if isinstance(scores, Exception) else scores)
            for fitted, scores in fits
        ]

    def _params(self, problem, rows):
        of_rows = np.zeros((problem.n_rows, 1))
        params = _check_method_params(of_rows, self.fit_params, rows)
        if self.weight_scale is not None:
            params["sample_weight"] = problem.sample_weight[rows] * self.weight_scale
        return params

    def _outputs_of(self, problem, fitted, X):
        """Compute outputs of a fitted copy: (n_rows, n_outputs)."""
        is_logits = wrappers.are_logits(fitted.model_)
        if is_logits:
            predicted = wrappers.raw_predictions(fitted, X)
        else:
            predicted = predict_outputs(fitted, X)
        classes = getattr(fitted, "classes_", None)
        return _as_outputs(problem, predicted[np.newaxis], is_logits, classes)[0]


class _Feed:
    """Batches of every fold's rows, epoch after epoch.

    An epoch of the fold with the most rows is one of all folds. Where rows do not
    divide evenly into batches, the last one is filled up with the next epoch's.
    """

    def __init__(self, problem, folds, view, template, weight_scale, seed):
        self._problem = problem
        self._folds = folds
        self._view = view
        self._y = template.y
        self._weight_scale = weight_scale
        n_rows = [len(fold.rows) for fold in folds]
        self._batch_size = min(template.batch_size, *n_rows)
        self.n_steps = -(-max(n_rows) // template.batch_size)
        self._streams = [
            _orders(len(fold.rows), template.shuffle, np.random.default_rng([seed, i]))
            for i, fold in enumerate(folds)
        ]
        self._left = [np.zeros(0, dtype=int) for _ in folds]
        n_values = len(folds) * self._batch_size * view.width
        self._steps_at_a_time = max(1, _VALUES_AT_A_TIME // n_values)

    def epoch(self):
        """Yield an epoch's batches, not too many in one, see `next_batches`."""
        for first in range(0, self.n_steps, self._steps_at_a_time):
            yield self.next_batches(min(self._steps_at_a_time, self.n_steps - first))

    def next_batches(self, n_steps):
        """Take X, y and weights of batches, (n_steps, n_folds, batch_size, ...)."""
        of_folds = [
            self._of_fold(number, n_steps) for number in range(len(self._folds))
        ]
        return tuple(np.stack(one, axis=1) for one in zip(*of_folds, strict=True))

    def _of_fold(self, number, n_steps):
        n_rows = n_steps * self._batch_size
        while len(self._left[number]) < n_rows:
            more = next(self._streams[number])
            self._left[number] = np.concatenate([self._left[number], more])
        chosen, self._left[number] = np.split(self._left[number], [n_rows])
        rows = self._folds[number].rows[chosen]
        X = self._view.place(number, self._view.readers[number](rows))
        weights = np.ones(n_rows, dtype=np.float32)
        if self._weight_scale is not None:
            weights[:] = self._problem.sample_weight[rows] * self._weight_scale
        return tuple(
            one.reshape(n_steps, self._batch_size, *one.shape[1:])
            for one in (X, self._y[rows], weights)
        )


def _orders(n_rows, shuffle, rng):
    """Yield one order of the rows after the other."""
    while True:
        yield rng.permutation(n_rows) if shuffle else np.arange(n_rows)


def _seeds(seed, n_folds, n_each):
    """Draw a seed for each network."""
    rng = np.random.default_rng(seed)
    return rng.integers(1, 2**31 - 1, size=n_folds * n_each).tolist()


def _scores(running, kernels, kernel):
    """Score the inputs of all networks by VIANN: (n_networks, n_inputs)."""
    scores = viann_scores(running.variance(), kernels, feature_axis=(0, 1))
    if kernel.feature_of_input is not None:
        scores = sum_by_feature(scores, kernel.feature_of_input)
    return scores


def _of_features(view, scores):
    """Make shares of features, (n_networks, n_features), of the inputs' scores."""
    n_each = len(scores) // len(view.inputs)
    return np.array(
        [
            sum_to_one(inputs.scores_of_features(one[places]))
            for inputs, places, of_fold in zip(
                view.inputs,
                view.places,
                np.split(scores, len(view.inputs)),
                strict=True,
            )
            for one in of_fold
        ]
    ).reshape(len(view.inputs) * n_each, -1)


def _as_outputs(problem, predicted, are_logits, classes):
    """Turn predictions, (n_networks, n_rows, ...), into outputs before an activation.

    `classes` are those that the network knows.
    """
    target = problem.target
    predicted = predicted.reshape(*predicted.shape[:2], -1).astype(np.float64)
    n_networks, n_rows, n_outputs = predicted.shape
    if target.classes is not None:
        if are_logits:
            is_one = target.is_multilabel or n_outputs == 1
            predicted = expit(predicted) if is_one else softmax(predicted, axis=-1)
        low, high = predicted.min(initial=0), predicted.max(initial=1)
        if low < -_ROUNDING or high > 1 + _ROUNDING:
            raise ValueError(
                f"The network predicts classes with values from {low:.3g} to "
                f"{high:.3g}, which are not probabilities. End it with a sigmoid or a "
                "softmax, or give it a loss that knows: "
                "keras.losses.BinaryCrossentropy(from_logits=True)."
            )
        predicted = np.clip(predicted, 0, 1)
        if target.is_classes and n_outputs == 1:
            predicted = np.concatenate([1 - predicted, predicted], axis=-1)
        if target.is_classes and len(classes) < len(target.classes):
            of_all = np.zeros((n_networks, n_rows, len(target.classes)))
            of_all[..., np.searchsorted(target.classes, classes)] = predicted
            predicted = of_all
    outputs = target.outputs(predicted.reshape(n_networks * n_rows, -1))
    return outputs.reshape(n_networks, n_rows, -1)


def _all_seen(networks):
    """Have all networks of a round see all that they have: two arrays."""
    neutral = networks.view.neutral
    neutral = np.repeat(neutral, len(networks.weights[0][0]) // len(neutral), axis=0)
    return np.ones_like(neutral), neutral


def _fit_one(wrapper, X, y, feature_of_input, seed, fit_params, share_callbacks):
    """Fit a copy of the network; return it and its importances.

    Instead of these, the error if there is not a vector of weights for each input.
    """
    settings = {"feature_of_input": feature_of_input, **fit_params}
    try:
        return wrappers.fit_with_importances(
            wrapper, X, y, seed, share_callbacks=share_callbacks, **settings
        )
    except wrappers.NoWeightsOfColumns as error:
        return wrappers.fit_with_importances(
            wrapper,
            X,
            y,
            seed,
            scored=False,
            share_callbacks=share_callbacks,
            **settings,
        )[0], error


def _some_rows(rows, problem, seed):
    """Take some of very many rows, of every class at least one."""
    if len(rows) <= _MAX_ROWS_OF_LATER_ROUNDS:
        return rows
    rng = np.random.default_rng(seed)
    some = rng.choice(rows, _MAX_ROWS_OF_LATER_ROUNDS, replace=False)
    if problem.target.is_classes:
        firsts = np.unique(problem.y[rows, 0], return_index=True)[1]
        some = np.union1d(some, rows[firsts])
    return np.sort(some)


def shuffled(reason):
    """Say that columns are not ranked by weights."""
    return (
        f"{reason} So columns are ranked by how much the loss of the network rises "
        "when their values are shuffled."
    )


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
