"""Lends a copy that is already traced for the training of a user's equal Keras model.

Building a Keras model takes milliseconds, but tracing its training step into a graph
takes half a second and more: most of the time of a small fit. So copies stay, with what
was traced of them, for as many models as a grid search may go through in turns.
"""

import inspect
import types
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

from skviann.neural_network._cache import Cache

_MAX_WEIGHTS = 2_000_000  # of a model that is kept

_models = Cache()


@contextmanager
def borrowed_copy(model, batch, n_steps, callbacks):
    """Lend a model for the training of another one that is built the same.

    At the end of the block, the model that was given is as if it had been trained. It
    is lent itself where no copy is proved equal to it, or where a callback may do
    anything with it.

    `batch` is the `tf.TensorSpec` of what it is trained on: a graph made for labels in
    a column serves no others. `n_steps` are run at once, unless the model was told
    otherwise. The callbacks of the training are given the model in the end.
    """
    original = model.steps_per_execution
    n_steps = n_steps if original == 1 else original
    all_of_it = describe(model) if all(map(_is_predictable, callbacks)) else None
    key = all_of_it, batch, n_steps, keras.config.floatx()
    other = None if all_of_it is None else _models.take(key) or _copy(model, n_steps)
    # What a configuration does not tell is not in a copy that was made from it.
    if other is None or describe(other) != all_of_it:
        model.steps_per_execution = n_steps
        model.train_function = model.test_function = None  # they have it built in
        try:
            yield model
        finally:
            model.steps_per_execution = original
            model.train_function = model.test_function = None
        return
    _copy_state(model, other)
    try:
        yield other
    finally:
        _copy_state(other, model)
        model.history = other.history
        for callback in callbacks:
            if callback.model is other:
                callback.set_model(model)
    if other.count_params() <= _MAX_WEIGHTS:
        _models.put(key, other)


def _copy(model, n_steps):
    try:
        other = keras.models.clone_model(model)
        other.compile_from_config(model.get_compile_config())
    except Exception:  # whatever the reason, the model can still be trained itself
        return None
    other.steps_per_execution = n_steps
    return other


def _copy_state(source, target):
    for from_one, to_other in zip(_state(source), _state(target), strict=True):
        to_other.assign(from_one)


def _state(model):
    """Weights, seeds of dropout and the optimizer's variables."""
    of_metrics = {id(variable) for variable in model.metrics_variables}
    own = [one for one in model.variables if id(one) not in of_metrics]
    return [*own, *model.optimizer.variables]


def _is_known(definition):
    """Whether Keras defines a class or function; others may do anything."""
    return str(definition.__module__).partition(".")[0] in ("keras", "skviann")


def _is_predictable(callback):
    """Whether a callback does to an equal model what it would do to another."""
    return (
        _is_known(type(callback))
        and not isinstance(callback, keras.callbacks.LambdaCallback)
        and not isinstance(getattr(callback, "layer", None), str)  # by one's own name
    )


# Attributes of Keras's objects that may differ between models that train the same. One
# that is missing here costs time: the models count as different.
_NOT_COMPARED = {
    # names that Keras numbers, and what is sorted by them or by id
    *("name", "_name", "_path", "_parent_path", "output_names", "_auto_config"),
    *("_nodes", "_tracker", "_tracked", "_trainable_variables_indices"),
    "_exclude_from_weight_decay_cache",
    # where else a layer is used, be it in another model
    *("_inbound_nodes", "_outbound_nodes", "_keras_history"),
    # what a training builds, counts, or begins with
    *("train_function", "test_function", "predict_function", "steps_per_execution"),
    *("_compile_loss", "_compile_metrics", "_loss_tracker", "_called", "history"),
    *("stop_training", "stop_evaluating", "_eval_epoch_iterator"),
    *("_losses", "_loss_ids", "_dropout_mask", "_recurrent_dropout_mask"),
    # TensorFlow's part
    *("_distribute_strategy", "_distribution_strategy", "_lock"),
    *("_saved_model_inputs_spec", "_saved_model_arg_spec"),
}


def describe(model):
    """List all that decides how a model trains, but for the values of its state.

    Models with equal lists train the same: whatever can be reached from them is, object
    by object, apart from names. None if there is code in it that Keras does not define,
    as anything can be expected of it.
    """
    if not model.built or len(model.outputs) != 1:
        return None  # the history's entries have the names of several outputs
    model.optimizer.build(model.trainable_variables)
    return _describe(model, {id(one): n for n, one in enumerate(_state(model))})


def describe_optimizer(optimizer):
    """List all that decides which steps an optimizer takes; None as in `describe`."""
    return _describe(optimizer, {id(one): one.numpy() for one in optimizer.variables})


def _describe(item, state):
    found, numbers, description = [item], {id(item): 0}, []
    try:
        for one in found:  # grows on the way
            kind, contents = _open(one, state)
            description.append(kind)
            for content in contents:
                value = _value(content)
                if value is None:
                    value = numbers.setdefault(id(content), len(found))
                    if value == len(found):
                        found.append(content)
                description.append(value)
    except (TypeError, ValueError, NotImplementedError):
        return None
    return description


_READABLE = (str, bytes, int, float, type(None), type, types.ModuleType)
_READABLE += (inspect.Signature, slice, tf.TensorShape, keras.DTypePolicy)


def _value(item):
    """Write down what is equal where it looks equal; None for other objects."""
    of_tuple = item if isinstance(item, tuple) else (item,)
    if all(isinstance(one, _READABLE) for one in of_tuple):
        return type(item), repr(item)
    if isinstance(item, (np.ndarray, np.generic, tf.Tensor)):
        array = np.asarray(item)
        return str(array.dtype), array.shape, array.tobytes()
    if isinstance(item, keras.initializers.Initializer):
        return type(item)  # has done its work
    return None


def _open(item, state):
    """Tell what an object is, and what is in it; an error if that is unknown."""
    if isinstance(item, dict):
        return dict, [each for pair in item.items() for each in pair]
    if isinstance(item, (list, tuple)):
        return isinstance(item, list), item
    if isinstance(item, (set, frozenset)):
        return set, sorted(item)  # TypeError where objects have no order
    if isinstance(item, types.MethodType):
        return types.MethodType, [item.__func__, item.__self__]
    is_function = isinstance(item, types.FunctionType)
    if not _is_known(item if is_function else type(item)):
        raise TypeError(f"{item!r} is not Keras's")
    if is_function:
        closure = [cell.cell_contents for cell in item.__closure__ or ()]
        return item.__code__, [*closure, item.__defaults__]
    contents = {
        name: content
        for name, content in vars(item).items()
        if name not in _NOT_COMPARED and not name.startswith("_self_")
    }
    if isinstance(item, keras.Variable):  # unknown where it is not of the state
        contents["_value"] = state.get(id(item), item.value)
    elif isinstance(item, keras.metrics.Metric):
        contents["name"] = item.name  # of an entry in the history
        state.update((id(variable), "begins anew") for variable in item.variables)
    return type(item), [each for pair in sorted(contents.items()) for each in pair]
