"""What a wrapper would have Keras do: its models, its targets, how long to train."""

import keras
import numpy as np
import scikeras.wrappers
from scikeras._utils import route_params
from sklearn import config_context
from sklearn.base import clone

from skviann._first_layers import leaves
from skviann._seeding import seeded
from skviann.wrappers._feed import in_keras_float
from skviann.wrappers._lending import describe
from skviann.wrappers._packed import INTEGERS, why_not_packed

# What a subclass of scikeras's wrappers may have changed, so that it is not known how
# the model is trained, or what becomes of its predictions.
_METHODS = (
    *("fit", "_fit", "_fit_keras_model", "_initialize", "_validate_data"),
    *("predict", "predict_proba", "_predict_raw", "target_encoder", "feature_encoder"),
)

# Arguments of Keras's fit: those that are followed or tell nothing about the weights,
# and what others must be.
_FOLLOWED = (
    *("batch_size", "epochs", "shuffle", "verbose"),
    *("validation_batch_size", "validation_freq", "validation_steps"),
)
_AS_IS = {"validation_split": 0.0, "initial_epoch": 0}


class Template:
    """Builds a scikeras wrapper's models, for tables of different widths.

    Parameters
    ----------
    wrapper : scikeras classifier or regressor
        Left as it is.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Targets as they come.
    n_inputs : int
        Inputs of the whole table.
    feature_of_input : ndarray of int of shape (n_inputs,)
        For `build`, in its `meta`.

    Attributes
    ----------
    y : ndarray of shape (n_samples, ...)
        Targets as Keras gets them.
    batch_size, epochs : int
        As the wrapper has them.
    shuffle : bool
        Whether each epoch has another order of the rows.
    classes : ndarray or None
        Those that a classifier knows.
    are_logits : bool
        Whether the model's predictions are not probabilities yet.
    why_not_at_once : str or None
        Why copies of the model cannot train at once; None: they may.
    """

    def __init__(self, wrapper, y, n_inputs, feature_of_input):
        self._wrapper = fitted = clone(wrapper)
        n_rows = len(y)
        tell_features(fitted, feature_of_input)
        with seeded(0), config_context(transform_output="default"):
            fitted.initialize(np.zeros((n_rows, n_inputs), dtype=np.float32), y)
            fitted._ensure_compiled_model()
            shape = input_shape(fitted.model_, n_inputs)
            if isinstance(shape, tuple) and shape[1] not in (n_inputs, None):
                raise ValueError(
                    f"The estimator's model has inputs of shape {shape[1:]}, but there "
                    f"are {n_inputs}. Have it built for meta['n_features_in_'] inputs."
                )
            self.y = in_keras_float(np.asarray(fitted.target_encoder_.transform(y)))
            fitted._check_model_compatibility(self.y)
        settings = _settings(fitted)
        self.epochs = int(settings["epochs"])
        batch_size = settings.get("batch_size") or 32
        self.batch_size = n_rows if batch_size == -1 else int(batch_size)
        self.shuffle = bool(settings.get("shuffle", True))
        self.classes = getattr(fitted, "classes_", None)
        self.why_not_at_once = why_not_packed(fitted.model_)
        self.are_logits = are_logits(fitted.model_)

    def build(self, n_inputs, feature_of_input, seed):
        """Build a compiled model; its weights and its dropout follow the seed.

        Returned is also whether `build` asked for `feature_of_input`.
        """
        # With parameters of its own, such as an optimizer.
        wrapper = self._fresh()
        wrapper.n_features_in_ = n_inputs
        wrapper.X_shape_ = (len(self.y), n_inputs)
        meta = tell_features(wrapper, feature_of_input)
        wrapper._random_state = seed
        with seeded(seed):
            wrapper.model_ = wrapper._build_keras_model()
            wrapper._ensure_compiled_model()
            input_shape(wrapper.model_, n_inputs)
        return wrapper.model_, meta.is_asked_for

    def _fresh(self):
        wrapper = clone(self._wrapper)
        params = wrapper.get_params()
        learned = vars(self._wrapper).items()
        vars(wrapper).update({name: one for name, one in learned if name not in params})
        return wrapper

    def beginnings(self, n_inputs, features_of_inputs, seeds):
        """Build a model, and draw the weights with which copies of it begin.

        Parameters
        ----------
        n_inputs : int
            Inputs of a network.
        features_of_inputs : list of ndarray of int of shape (n_inputs,)
            For each copy, see `build`.
        seeds : list of int
            For each copy.

        Returns
        -------
        model : keras.Model
            The first copy.
        values : list of list of ndarray or None
            Of each copy: of its trainable variables, then of its others. They are those
            of models that were built; or, where it is proved that the layers' own
            initializers drew all of them, these draw again, which is faster. None if
            the copies are not the same model.
        """
        model, is_asked_for = self.build(n_inputs, features_of_inputs[0], seeds[0])
        built = values_of(model)
        initializers = None if is_asked_for else _initializers(model)
        if initializers is None:
            structure, values = describe(model), [built]
            for of_copy in zip(features_of_inputs[1:], seeds[1:], strict=True):
                other, _ = self.build(n_inputs, *of_copy)
                is_same = other is not model and describe(other) == structure
                if not is_same or (is_asked_for and structure is None):
                    return model, None
                values.append(values_of(other))
            return model, values
        values = []
        for seed in seeds:
            rng, seed_of = np.random.default_rng(seed), {}
            for draw in initializers:  # one that layers share draws the same for them
                seed_of.setdefault(id(draw), int(rng.integers(2**31)))
            values.append(
                [
                    one if draw is None else _draw_again(draw, one, seed_of[id(draw)])
                    for draw, one in zip(initializers, built, strict=True)
                ]
            )
        for variable, value in zip(_variables(model), values[0], strict=True):
            variable.assign(value)
        return model, values

    def fitted(self, model, history):
        """Return a copy of the wrapper as it is after the training of a model."""
        fitted = self._fresh()
        del fitted._get_metadata
        fitted.model_, fitted.history_ = model, history
        fitted._initialize_callbacks()
        return fitted


def why_not_at_once(wrapper):
    """Tell why copies of a wrapper cannot train at once; None: its model may do."""
    if keras.backend.backend() != "tensorflow":
        return f"Keras runs on {keras.backend.backend()}"
    if not isinstance(wrapper, scikeras.wrappers.BaseWrapper):
        return "it is in a wrapper of Keras, not of scikeras"
    for name in _METHODS:
        owner = next(
            (one for one in type(wrapper).__mro__ if name in vars(one)), object
        )
        if owner.__module__.partition(".")[0] not in (
            "scikeras",
            "skviann",
            "builtins",
        ):
            return f"its wrapper has a {name} of its own"
    if wrapper.warm_start:
        return "its wrapper has warm_start=True"
    if isinstance(wrapper.model, keras.Model):
        return "its wrapper has a model, not a function that builds one"
    params = wrapper.get_params()
    if any(params.get(name) for name in ("callbacks", "fit__callbacks")):
        return "it has callbacks"
    for name, value in _settings(wrapper).items():
        if name not in _FOLLOWED and value is not None and value != _AS_IS.get(name):
            return f"its fit has {name}={value!r}"
    return None


def are_logits(model):
    """Whether a model's loss takes its outputs for log odds."""
    config = (
        model.loss.get_config() if isinstance(model.loss, keras.losses.Loss) else {}
    )
    return bool(config.get("from_logits"))


def _draw_again(initializer, like, seed):
    """Draw with a seed of one's own: Keras's are from a generator that all share."""
    config = initializer.get_config()
    if config.get("seed", 0) is None:
        config["seed"] = seed
    return np.asarray(type(initializer).from_config(config)(like.shape))


def values_of(model):
    """Read a model's trainable variables, then its others."""
    return [one.numpy() for one in _variables(model)]


def _variables(model):
    return [*model.trainable_variables, *model.non_trainable_variables]


def _initializers(model):
    """Find what drew each variable of a new model; None if that is not proved.

    An initializer draws the same values each time. For the seeds of dropout there is
    None.
    """
    of_variables = {}
    for layer in leaves(model.layers):
        for variable in layer.weights:
            of_variables[id(variable)] = getattr(
                layer, f"{variable.name}_initializer", None
            )
    found = []
    for variable in _variables(model):
        initializer = of_variables.get(id(variable))
        is_seed = variable.dtype in INTEGERS
        if not is_seed and (
            not isinstance(initializer, keras.initializers.Initializer)
            or not np.array_equal(initializer(variable.shape), variable.numpy())
        ):
            return None
        found.append(None if is_seed else initializer)
    return found


class Meta(dict):
    """What `build` is told, and whether it asks for `feature_of_input`."""

    is_asked_for = False

    def __init__(self, feature_of_input):
        super().__init__()
        self._feature_of_input = feature_of_input

    def __missing__(self, name):
        if name != "feature_of_input":
            raise KeyError(name)
        self.is_asked_for = True
        return self._feature_of_input

    def __contains__(self, name):
        return name == "feature_of_input" or super().__contains__(name)

    def get(self, name, default=None):
        """Return an entry, or the default."""
        try:
            return self[name]
        except KeyError:
            return default


def tell_features(wrapper, feature_of_input):
    """Have a wrapper's `build` find in `meta` which feature each input belongs to.

    Returns what it will be told, a `Meta`.
    """
    meta = Meta(feature_of_input)
    get_metadata = type(wrapper)._get_metadata

    def with_features():
        meta.update(get_metadata(wrapper))
        return meta

    wrapper._get_metadata = with_features
    return meta


def input_shape(model, n_inputs):
    """Return a model's input shape, also of one that is not built; None: unknown."""
    if isinstance(model, keras.Sequential) and not model.built:
        model.build((None, n_inputs))
    return getattr(model, "input_shape", None)


def raw_predictions(fitted, X):
    """Predict with the model of a fitted wrapper, whatever its outputs mean."""
    if isinstance(fitted, scikeras.wrappers.BaseWrapper):
        return np.asarray(fitted._predict_raw(X))
    return np.asarray(fitted.model_.predict(X, verbose=0))


def _settings(wrapper):
    """Arguments of Keras's fit, but for callbacks."""
    settings = route_params(
        wrapper.get_params(), destination="fit", pass_filter=wrapper._fit_kwargs
    )
    settings["epochs"] = getattr(wrapper, "fit__epochs", wrapper.epochs)
    return {
        name: value
        for name, value in settings.items()
        if not name.startswith("callbacks")
    }
