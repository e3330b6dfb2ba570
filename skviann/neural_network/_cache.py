"""Compiled networks that wait for the next fit of the same kind.

Building a Keras model takes milliseconds, but tracing its training step into a graph
takes half a second and more: most of the time of a small fit. So what was traced stays,
for as many networks as a grid search may go through in turns.
"""

import json
import re
import threading
from contextlib import contextmanager

import keras

_MAX_KEPT = 8
_MAX_WEIGHTS = 2_000_000  # of a model that is kept


class Cache:
    """Holds what takes long to build; what is not asked for longest makes room."""

    def __init__(self):
        self._kept = []  # pairs of a key and what it stands for, the latest last
        self._lock = threading.Lock()

    def __len__(self):
        return len(self._kept)

    def clear(self):
        """Drop everything."""
        with self._lock:
            self._kept.clear()

    def take(self, key):
        """Take something out, so that nobody else gets it; None if there is none."""
        with self._lock:
            for number in reversed(range(len(self._kept))):
                if self._kept[number][0] == key:
                    return self._kept.pop(number)[1]
        return None

    def put(self, key, value):
        """Put something back, or something new in."""
        with self._lock:
            self._kept.append((key, value))
            del self._kept[:-_MAX_KEPT]


def is_predictable(part):
    """Whether a model, optimizer or callback does nothing but what Keras defines.

    Of code that is not known, anything can be expected. A callback that follows a layer
    by its name relies on the names in one model.
    """
    if isinstance(part, keras.callbacks.LambdaCallback):
        return False
    if isinstance(getattr(part, "layer", None), str):
        return False
    return type(part).__module__.partition(".")[0] in ("keras", "skviann")


def copy_state(source, target):
    """Copy weights, seeds of dropout and the optimizer's state between equal models."""
    for model in (source, target):
        model.optimizer.build(model.trainable_variables)
    for from_one, to_other in zip(_state(source), _state(target), strict=True):
        to_other.assign(from_one)


def _state(model):
    of_metrics = {id(variable) for variable in model.metrics_variables}
    own = [one for one in model.variables if id(one) not in of_metrics]
    return [*own, *model.optimizer.variables]


# Copies of models that were built by functions of a user's own.
_models = Cache()


@contextmanager
def borrowed_copy(model, n_steps, callbacks):
    """Lend a model for the training of another one that is built the same.

    At the end of the block, the model that was given is as if it had been trained.

    Parameters
    ----------
    model : keras.Model
        Compiled. Where code that Keras does not know may be a part of it, or of the
        callbacks, it is lent itself.
    n_steps : int
        Steps that are run at once, unless the model was told otherwise.
    callbacks : list of keras.callbacks.Callback
        Of the training; they are given the model in the end.
    """
    key = _training_key(model, n_steps) if all(map(is_predictable, callbacks)) else None
    if key is None:
        with _steps_per_execution(model, n_steps):
            yield model
        return
    other = _models.take(key) or _copy(model, n_steps)
    copy_state(model, other)
    try:
        yield other
    finally:
        copy_state(other, model)
        model.history = other.history
        for callback in callbacks:
            if callback.model is other:
                callback.set_model(model)
    if other.count_params() <= _MAX_WEIGHTS:
        _models.put(key, other)


def _training_key(model, n_steps):
    """Text that is the same for models whose training is; None if none can be told."""
    # Keras names the history's entries after outputs, where there are several.
    if not is_predictable(model) or len(model.outputs) != 1:
        return None
    try:
        itself = {
            "module": "keras",
            "class_name": type(model).__name__,
            "config": model.get_config(),
        }
        parts = [itself, model.get_compile_config()]
        text = json.dumps(parts)
    except (TypeError, ValueError, NotImplementedError):
        return None  # something in it cannot be written down
    own_names = {}
    if not _look_through(parts, own_names):
        return None
    # Keras gives new layers and optimizers names of their own: dense, dense_1, ...
    for name, number in own_names.items():
        text = text.replace(f'"{name}"', f'"#{number}"')
    return text, n_steps, keras.config.floatx()


def _look_through(config, own_names):
    """Whether a configuration holds parts of Keras only; collect the names it gave."""
    if isinstance(config, (list, tuple)):
        return all([_look_through(part, own_names) for part in config])
    if not isinstance(config, dict):
        return True
    kind = config.get("class_name")
    if kind is not None and not kind.startswith("__"):  # as __keras_tensor__, __tuple__
        module = config.get("module") or ""
        if module.partition(".")[0] not in ("keras", "skviann") or kind == "Lambda":
            return False
        name = str(config["config"].get("name"))
        if re.sub(r"_\d+$", "", name).replace("_", "") == kind.lower():
            own_names.setdefault(name, len(own_names))
    return all([_look_through(part, own_names) for part in config.values()])


def _copy(model, n_steps):
    other = keras.models.clone_model(model)
    other.compile_from_config(model.get_compile_config())
    if other.steps_per_execution == 1:
        other.steps_per_execution = n_steps
    return other


@contextmanager
def _steps_per_execution(model, n_steps):
    """Have a model train that many steps at a time, unless it was told otherwise."""
    original = model.steps_per_execution
    if original == 1:
        model.steps_per_execution = n_steps
    model.train_function = model.test_function = None  # they have it built in
    try:
        yield
    finally:
        model.steps_per_execution = original
        model.train_function = model.test_function = None
