"""scikeras's wrappers with a faster feed, and the fit with VIANN's callback.

scikeras 0.13 is its last release: what is overridden or imported of its private names
is the same in every installation.
"""

import copy
import random
from numbers import Integral

import keras
import numpy as np
import scikeras.wrappers
from scikeras._saving_utils import pack_keras_model, unpack_keras_model
from scikeras._utils import route_params
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

from skviann._processes import check_process
from skviann._seeding import seeded
from skviann._validation import draw_seeds
from skviann.callbacks import VarianceImportance
from skviann.variance import sum_to_one
from skviann.wrappers._columns import kernel_of_columns
from skviann.wrappers._feed import acts_on_batches, in_keras_float, repeated_batches
from skviann.wrappers._lending import borrowed_copy
from skviann.wrappers._template import input_shape, tell_features


class _FasterWrapper:
    """What scikeras's wrappers lack: today's tags, a feed that is fast on tables."""

    def __sklearn_tags__(self):
        # scikeras lists its mixins in the wrong order, so that the inherited tags miss
        # the estimator's type; a subclass cannot reorder them.
        is_classifier = self._estimator_type == "classifier"
        return Tags(
            estimator_type=self._estimator_type,
            target_tags=TargetTags(required=True, multi_output=True),
            classifier_tags=ClassifierTags(multi_label=True) if is_classifier else None,
            regressor_tags=None if is_classifier else RegressorTags(),
            input_tags=InputTags(sparse=True, three_d_array=True),
        )

    # The state is of plain values, for those who save it without pickle, and walk
    # through it: the network as the bytes of a file of Keras's.
    def __getstate__(self):
        state = dict(super().__getstate__())
        if isinstance(state.get("model_"), keras.Model):
            _, (state["model_"],) = pack_keras_model(state["model_"])
        for name in ("_fit_callbacks", "_predict_callbacks"):
            state.pop(name, None)
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if isinstance(vars(self).get("model_"), np.ndarray):
            check_process()
            self.model_ = unpack_keras_model(self.model_)
            self._initialize_callbacks()

    # scikeras's encoders make frames where a user asked all of scikit-learn for them;
    # Keras trains and predicts on arrays.
    def _fit(self, *args, **kwargs):
        check_process()
        with config_context(transform_output="default"):
            return super()._fit(*args, **kwargs)

    def _predict_raw(self, *args, **kwargs):
        check_process()
        with config_context(transform_output="default"):
            return super()._predict_raw(*args, **kwargs)

    def _fit_keras_model(
        self, X, y, sample_weight, warm_start, epochs, initial_epoch, **fit_args
    ):
        """Train as scikeras does, but on one pipeline, an epoch at a time.

        Keras builds a new pipeline for every epoch, and goes back to Python after every
        batch. Inputs other than arrays go Keras's way, as on other backends than
        TensorFlow; with a callback that acts on batches, so does every batch.
        """
        fit = super()._fit_keras_model
        params = self.get_params()
        settings = route_params(params, destination="fit", pass_filter=self._fit_kwargs)
        settings.update(fit_args)
        arrays = [X, y] if sample_weight is None else [X, y, sample_weight]
        if (
            keras.backend.backend() != "tensorflow"
            or not all(isinstance(array, np.ndarray) for array in arrays)
            or settings.get("steps_per_epoch") is not None
        ):
            fit(X, y, sample_weight, warm_start, epochs, initial_epoch, **fit_args)
            return
        n_rows = len(X)
        batch_size, fit_args["validation_batch_size"] = (
            n_rows if settings.get(name) == -1 else settings.get(name)
            for name in ("batch_size", "validation_batch_size")
        )
        split = settings.get("validation_split")
        if split and settings.get("validation_data") is None:
            n_rows = int(n_rows * (1 - split))  # as in Keras: the first ones
            fit_args["validation_data"] = tuple(
                in_keras_float(array[n_rows:]) for array in arrays
            )
        seed = self._random_state
        if seed is None:
            seed = random.randrange(2**31)  # Keras's own source of seeds
        dataset, n_batches = repeated_batches(
            [array[:n_rows] for array in arrays],
            batch_size or 32,
            shuffle=settings["shuffle"],
            seed=seed,
        )
        # The dataset does all this.
        fit_args.update(batch_size=None, validation_split=0.0, shuffle=False)
        fit_args["steps_per_epoch"] = n_batches
        callbacks = keras.tree.flatten(self._fit_callbacks)
        at_once = 1 if any(map(acts_on_batches, callbacks)) else n_batches
        model, batch = self.model_, dataset.element_spec
        with borrowed_copy(model, batch, at_once, callbacks) as self.model_:
            try:
                fit(dataset, None, None, warm_start, epochs, initial_epoch, **fit_args)
            finally:
                self.model_ = model


class KerasClassifier(_FasterWrapper, scikeras.wrappers.KerasClassifier):
    """scikeras's KerasClassifier, known to scikit-learn as a classifier."""


class KerasRegressor(_FasterWrapper, scikeras.wrappers.KerasRegressor):
    """scikeras's KerasRegressor, known to scikit-learn as a regressor."""


def is_wrapper(estimator):
    """Whether an estimator is one that `fit_with_importances` can train."""
    return isinstance(
        estimator,
        (
            scikeras.wrappers.BaseWrapper,
            keras.wrappers.SKLearnClassifier,
            keras.wrappers.SKLearnRegressor,
        ),
    )


def takes_any_width(wrapper, y, n_features):
    """Whether a wrapper builds a model for as many columns as a table has.

    Tried with so many, of which none is a column of the table.
    """
    if not isinstance(wrapper, scikeras.wrappers.BaseWrapper):
        return not isinstance(wrapper.model, keras.Model)
    X = np.zeros((len(y), n_features), dtype=np.float32)
    try:
        with seeded(0), config_context(transform_output="default"):
            other = clone(wrapper)
            tell_features(other, np.full(n_features, -1))
            shape = input_shape(other.initialize(X, y).model_, n_features)
    except (ValueError, TypeError):
        return False
    return shape is None or shape[1] in (n_features, None)


def fit_with_importances(
    wrapper,
    X,
    y,
    seed,
    callbacks=None,
    *,
    share_callbacks=False,
    scored=True,
    feature_of_input=None,
    **fit_params,
):
    """Train a copy of a wrapper with VIANN's callback behind all others.

    Parameters
    ----------
    wrapper : scikeras or keras.wrappers classifier or regressor
        Left as it is, its own callbacks included.
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        Input.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Target.
    seed : int or None
        Makes the training repeatable, in place of a scikeras wrapper's `random_state`.
        None leaves that in charge; a wrapper without one then trains differently each
        time.
    callbacks : list of keras.callbacks.Callback, default=None
        More callbacks for this training alone. Copies are used.
    share_callbacks : bool, default=False
        Whether the wrapper's own callbacks themselves see the training, and not copies:
        one that reports to somebody does so only then.
    scored : bool, default=True
        Whether to train with VIANN's callback.
    feature_of_input : ndarray of int of shape (n_features,), default=None
        For the `meta` of a scikeras wrapper's `build`: which feature of a table each
        column of X tells of.
    **fit_params : dict
        Passed to the wrapper's fit.

    Returns
    -------
    fitted : a fitted copy of `wrapper`
    importances : ndarray of shape (n_features,) or None
        VIANN scores as shares that sum to 1.

    Raises
    ------
    NoWeightsOfColumns
        When training begins, if the model's first layer does not fit X.
    ValueError
        Whenever `VarianceImportance` raises one.
    """
    if seed is None and isinstance(getattr(wrapper, "random_state", None), Integral):
        seed = wrapper.random_state  # scikeras itself seeds no other backend
    viann = [_ColumnImportance(X)] if scored else []
    added = [*copy.deepcopy(callbacks or []), *viann]
    check_process()
    fitted = clone(wrapper)
    is_scikeras = isinstance(wrapper, scikeras.wrappers.BaseWrapper)
    if is_scikeras:
        if seed is not None:
            fitted.set_params(random_state=seed)
        if feature_of_input is not None:
            tell_features(fitted, feature_of_input)
        names = ("callbacks", "fit__callbacks")
        names = [name for name in names if hasattr(fitted, name)]
        own = {name: getattr(fitted, name) for name in names}
        source = wrapper if share_callbacks else fitted
        during_fit = {name: getattr(source, name) for name in names}
        initialize = fitted._initialize_callbacks

        def initialize_all():
            initialize()
            fitted._fit_callbacks = [*fitted._fit_callbacks, *added]

        fitted._initialize_callbacks = initialize_all
    else:
        # Keras's wrappers lose fit_kwargs when cloned, and write into it when fitted.
        own = {"fit_kwargs": copy.deepcopy(wrapper.fit_kwargs)}
        fit_kwargs = copy.deepcopy(wrapper.fit_kwargs) or {}
        source = wrapper.fit_kwargs if share_callbacks else fit_kwargs
        before = keras.tree.flatten((source or {}).get("callbacks") or [])
        during_fit = {"fit_kwargs": {**fit_kwargs, "callbacks": [*before, *added]}}
    fitted.set_params(**during_fit)
    with seeded(draw_seeds(None, 1)[0] if seed is None else seed):
        fitted.fit(X, y, **fit_params)
    if share_callbacks:  # whoever copies them later is not to copy the network
        for callback in keras.tree.flatten(list(during_fit.values())):
            if isinstance(callback, keras.callbacks.Callback):
                keras.callbacks.Callback.set_model(callback, None)
        own = {name: copy.deepcopy(getattr(wrapper, name, None)) for name in own}
    fitted.set_params(**own)
    if is_scikeras:
        del fitted._initialize_callbacks
        vars(fitted).pop("_get_metadata", None)
        fitted._initialize_callbacks()  # lets go of those that were added
    return fitted, sum_to_one(viann[0].importances_) if scored else None


class _ColumnImportance(VarianceImportance):
    """VarianceImportance for a table, with one score for each column."""

    def __init__(self, X):
        super().__init__()
        # A lowest and a highest row, to see where columns go.
        ends = [X.min(axis=0), X.max(axis=0)]
        ends = [end.toarray().ravel() if issparse(end) else end for end in ends]
        self._ends = np.array(ends, dtype=np.float32)

    def _follow(self):
        def find():
            super(_ColumnImportance, self)._follow()
            return self._followed

        kernel_of_columns(self.model, self._ends, find)
