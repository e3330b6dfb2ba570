"""The Keras callback that measures VIANN while a network trains."""

from itertools import chain
from numbers import Integral
from typing import NamedTuple

import keras
import numpy as np
from sklearn.exceptions import NotFittedError

from skviann.layers import PackedDense, PiecewiseLinearEncoding, SelectionLayer
from skviann.variance import (
    RunningVariance,
    min_max_scale,
    sum_by_feature,
    viann_scores,
)

# Layers whose kernels are scored. In all of them the last axis is the layer's units
# (filters, embedding dimensions) and the axes before it tell the inputs apart (and
# before them the members of a packed layer).
_SCORED_LAYERS = (
    keras.layers.Dense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Embedding,
    PackedDense,
)

# Layers that leave every value in its place. Some have weights of several axes.
_IN_PLACE_LAYERS = (
    SelectionLayer,
    keras.layers.Normalization,
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.Rescaling,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ELU,
    keras.layers.Identity,
)


class VarianceImportance(keras.callbacks.Callback):
    """Variance-based importance of a network's inputs, measured while it trains.

    Follows the kernels of the layers that see the inputs first: trainable Dense,
    Conv1D, Conv2D, Conv3D or Embedding layers, in Sequential, functional and nested
    models. Layers that keep features apart (normalisation, dropout, rescaling,
    activations, reshaping) are passed over; behind a `PiecewiseLinearEncoding` the
    scores of a feature's inputs are summed. Where several layers see an input, as with
    a skip connection, their kernels stand side by side, as those of one layer with the
    units of all. The score of input ``j`` is

        ``sum over u of Var(w[j, u]) * |w[j, u]|``

    with the sample variance over training and the weights that the model ends with,
    also where another callback (EarlyStopping with ``restore_best_weights``) sets them
    when training ends, before or behind this one in the list. For an Embedding, where a
    weight's size says nothing about its token, the score of a token is the sum of its
    variances.

    Parameters
    ----------
    layer : str, int or keras.Layer, default=None
        The layer to follow, by its name, its index in ``model.layers`` or itself.
        Naming a nested model means the layers that see its inputs first. None finds
        those of the whole model. A model with code of its own (a subclass of
        ``keras.Model``) needs it, unless it has only one layer that mixes features.
    update : "epoch" or int, default="epoch"
        When to take the weights in: at the end of every epoch, as in the paper, or
        every `update` batches. Where Keras runs several batches in one execution
        (``steps_per_execution``), it can be no finer than that.
    reset : bool, default=True
        Whether each training starts afresh. False continues the statistics of the
        training before, as for a model that is trained in several calls.
    trajectory : bool, default=False
        Whether to keep the kernel at every update, for `weight_trajectory_`. That
        takes as much memory as the kernel, in float64, times the number of updates.

    Attributes
    ----------
    importances_ : ndarray of shape (n_inputs,), or dict of str to ndarray
        Raw scores. For a model with several inputs, here and below, a dict: an array
        for each of ``model.inputs``, by its name. For a `PackedDense` layer of shape
        (n_members, n_inputs); for a convolution of shape
        ``(*kernel_size, n_channels)``, a score for each spatial position and input
        channel; for an Embedding, for each token.
    filter_importances_ : ndarray of shape (n_units,), or dict
        The same sum, for each filter (unit, embedding dimension) over all its inputs.
    var_scores_ : ndarray or dict
        `importances_` scaled to [0, 1] by minimum and maximum, as published.
    variance_ : ndarray or dict
        Sample variance of every weight, of the kernel's shape.
    weights_ : ndarray or dict
        The kernel at the end of training.
    weight_trajectory_ : ndarray of shape (n_updates, ...), or dict
        The kernel at every update. Only defined with ``trajectory=True``.
    n_updates_ : int
        How often the weights were taken in.

    Raises
    ------
    ValueError
        When training begins: if the layers that see the inputs first cannot be told or
        scored, or if training is too short for the two updates that a variance needs.
        While it runs: if weights become NaN or infinite.
    NotFittedError
        When a result is read before training has ended, or after fewer than two
        updates; it is a `ValueError` and an `AttributeError`.

    References
    ----------
    C. R. de Sá (2019), "Variance-Based Feature Importance in Neural Networks",
    Discovery Science, LNCS 11828, doi 10.1007/978-3-030-33778-0_24.

    Examples
    --------
    >>> import keras, numpy as np
    >>> from skviann import VarianceImportance
    >>> X = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
    >>> y = 3 * X[:, 2]
    >>> model = keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> viann = VarianceImportance()
    >>> history = model.fit(X, y, epochs=10, verbose=0, callbacks=[viann])
    >>> int(viann.importances_.argmax())
    2
    """

    def __init__(self, layer=None, update="epoch", reset=True, trajectory=False):
        super().__init__()
        # A name instead of the layer itself: a callback that holds a layer could not
        # be pickled, nor deep-copied without taking the network along.
        layer = layer.name if isinstance(layer, keras.Layer) else layer
        if not (layer is None or isinstance(layer, (str, Integral))):
            raise TypeError(
                "layer must be None, a layer's name, its index or a keras.Layer, "
                f"got {layer!r}."
            )
        is_count = isinstance(update, Integral) and not isinstance(update, bool)
        if not (update == "epoch" or (is_count and update >= 1)):
            raise ValueError(
                "update must be 'epoch' or a positive number of batches, got "
                f"{update!r}."
            )
        self.layer = layer
        self.update = update
        self.reset = reset
        self.trajectory = trajectory
        # By input tensor; where there is only one, its name is None.
        self._followed = {}
        self._running = {}
        self._kernels = []  # one an update, if the trajectory is kept
        self._weights = None

    @property
    def n_updates_(self):
        """How often the weights were taken in."""
        return max((one.count for one in self._running.values()), default=0)

    @property
    def weights_(self):
        """The kernel at the end of training."""
        self._check_trained()
        return self._by_input(self._weights.get)

    @property
    def weight_trajectory_(self):
        """The kernel at every update."""
        if not self.trajectory:
            raise AttributeError(
                "weight_trajectory_ is only kept with "
                "VarianceImportance(trajectory=True)."
            )
        self._check_trained()
        return self._by_input(
            lambda name: np.array([kernels[name] for kernels in self._kernels])
        )

    @property
    def variance_(self):
        """Sample variance of every weight."""
        self._check_trained()
        return self._by_input(lambda name: self._running[name].variance())

    @property
    def importances_(self):
        """Raw score of each input."""
        self._check_trained()
        return self._by_input(self._importances)

    @property
    def filter_importances_(self):
        """Raw score of each filter or unit."""
        self._check_trained()
        return self._by_input(lambda name: self._scores(name, feature_axis=-1))

    @property
    def var_scores_(self):
        """Scores of the inputs, scaled to [0, 1]."""
        self._check_trained()
        return self._by_input(lambda name: min_max_scale(self._importances(name)))

    @property
    def var_scores(self):
        """`var_scores_`, under the name in the method's published code."""
        return self.var_scores_

    def _check_trained(self):
        if self._weights is None:
            raise NotFittedError(
                "This VarianceImportance has no scores yet: pass it to the model's fit "
                "as callbacks=[...] and let the training end."
            )
        if self.n_updates_ < 2:
            raise NotFittedError(_too_few_updates(self.n_updates_))

    def _by_input(self, function):
        found = {name: function(name) for name in self._followed}
        return found.get(None, found)

    def _importances(self, name):
        scores = self._scores(name, tuple(range(self._weights[name].ndim - 1)))
        feature_of_input = self._followed[name].feature_of_input
        if feature_of_input is None:
            return scores
        return sum_by_feature(scores, feature_of_input)

    def _scores(self, name, feature_axis):
        weights = self._weights[name]
        if self._followed[name].is_embedding:
            weights = np.ones_like(weights)
        return viann_scores(self._running[name].variance(), weights, feature_axis)

    def on_train_begin(self, logs=None):
        """Find the layers to follow."""
        self._followed = {}
        self._weights = None
        self._first_batch = 0
        self._batches = 0
        self._is_length_checked = not self.reset
        if self.reset:
            self._running = {}
            self._kernels = []
        if self.model.built:
            self._follow()

    def _follow(self):
        self._sync()
        followed = self._followed = find_kernels(self.model, self.layer)
        if self._running and self._running.keys() != followed.keys():
            raise ValueError(
                "With reset=False, a training must follow the inputs of the one "
                f"before, {list(self._running)}; got {list(followed)}."
            )
        for name in followed:
            self._running.setdefault(name, RunningVariance())
        _run_last(getattr(self.model, "history", None), lambda: self._finish(followed))

    def _sync(self):
        # On JAX a model's variables hold no values while it trains, until asked to.
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()

    def on_epoch_begin(self, epoch, logs=None):
        """Check that the training is long enough, before its first epoch.

        Which one that is (``initial_epoch``, BackupAndRestore), Keras tells only here.
        """
        params = self.params or {}
        if self._is_length_checked or "epochs" not in params:
            return
        self._is_length_checked = True
        updates, steps = params["epochs"] - epoch, params.get("steps")
        if self.update != "epoch":
            if not steps:
                return
            # Keras calls back after every execution, which may be of several steps.
            executions = updates * -(-steps // self.model.steps_per_execution)
            updates = min(updates * steps // self.update, executions)
        if updates < 2:
            raise ValueError(_too_few_updates(updates))

    def on_train_batch_end(self, batch, logs=None):
        """Take the weights in, if it is a batch's turn."""
        if not self._followed:
            self._follow()  # a model without an Input is built by its first batch
        if self.update == "epoch":
            return
        before = self._batches
        self._batches = self._first_batch + batch + 1
        if self._batches // self.update > before // self.update:
            self._take_in()

    def on_epoch_end(self, epoch, logs=None):
        """Take the weights in, if it is an epoch's turn."""
        self._first_batch = self._batches
        if self.update == "epoch":
            self._take_in()

    def on_train_end(self, logs=None):
        """Keep the weights at the end, and let go of the model."""
        self._finish(self._followed)
        self._followed = {
            name: kernel._replace(parts=()) for name, kernel in self._followed.items()
        }
        self.set_model(None)

    def _take_in(self):
        self._sync()
        kernels = {name: kernel.read() for name, kernel in self._followed.items()}
        for name, kernel in kernels.items():
            self._running[name].update(kernel)
        if self.trajectory:
            self._kernels.append(kernels)

    def _finish(self, followed):
        self._weights = {name: kernel.read() for name, kernel in followed.items()}

    def __getstate__(self):
        # Also in the middle of a training, or after one that broke off.
        followed = {
            name: kernel._replace(parts=()) for name, kernel in self._followed.items()
        }
        return {**vars(self), "_model": None, "_followed": followed}


class _Kernel(NamedTuple):
    """All weights that leave an input: kernels of the layers that see it, side by side.

    `parts` are those layers, each with the slice of its kernel's inputs that are this
    input's. `feature_of_input` tells which feature each of them belongs to; None if it
    is its own.
    """

    parts: tuple
    is_embedding: bool
    is_packed: bool
    feature_of_input: np.ndarray | None

    def read(self):
        # Keras alone reads torch's tensors; NumPy warns of how it reads TensorFlow's.
        is_torch = keras.backend.backend() == "torch"
        to_numpy = keras.ops.convert_to_numpy if is_torch else np.asarray
        weights = [
            to_numpy(_weights_of(layer))[..., rows, :] for layer, rows in self.parts
        ]
        weights = np.concatenate(weights, axis=-1, dtype=np.float64)
        if not np.isfinite(weights).all():
            raise ValueError(
                "The network's weights became NaN or infinite while it trained, so its "
                "inputs cannot be scored. Lower the learning rate, or scale the inputs "
                "(sklearn.preprocessing.StandardScaler)."
            )
        return weights

    def scores_shape(self):
        shape = _shape(*self.parts[0])
        if self.feature_of_input is None:
            return shape
        return (*shape[:-1], int(self.feature_of_input[-1]) + 1)


def _weights_of(layer):
    is_embedding = isinstance(layer, keras.layers.Embedding)
    return layer.embeddings if is_embedding else layer.kernel


def _shape(layer, rows):
    *others, n_inputs, _ = _weights_of(layer).shape
    return (*others, len(range(n_inputs)[rows]))


class _Piece(NamedTuple):
    """What stands on neighbouring places of a tensor's last axis."""

    source: str | None  # the input that it comes from; None if a layer mixed it
    size: int | None
    # The operations that moved its values about; None if that cannot be told.
    layout: tuple | None = ()


def find_kernels(model, layer=None):
    """Find the kernels that tell how a model, or a layer of it, uses its inputs.

    Returns a dict by the name of the model's input; None is the name of an only one, or
    that of a layer.
    """
    named = model if layer is None else _named(model, layer)
    where = f"The model {model.name!r}" if layer is None else f"layer={layer!r}"
    if not isinstance(named, keras.Model):
        if not _mixes_features(named):
            raise ValueError(_nothing_to_follow(where))
        graph = _graph(model)
        seen = [] if graph is None else _first_layers(graph)
        return _only(named, *(pieces for one, pieces in seen if one is named))
    graph = _graph(named)
    if graph is None:
        return _only(_only_layer(named, where))
    parts = {tensor.name: [] for tensor in graph.inputs}
    seen = _first_layers(graph)
    if len(seen) == len(parts) == 1:  # whatever happened to the input on its way
        return _only(_only_layer(seen[0][0], where), seen[0][1])
    for one, pieces in seen:
        one = _only_layer(one, where)
        for source, rows, layout in _rows_of_sources(one, pieces):
            parts[source].append((one, rows, layout))
    if not any(parts.values()):
        raise ValueError(_nothing_to_follow(where))
    for name in parts:
        if not parts[name]:
            raise ValueError(
                f"The input {name!r} reaches no layer that can be followed. Name the "
                "layer to follow with layer=."
            )
    if len(parts) == 1:
        return {None: _side_by_side(*parts.values())}
    return {name: _side_by_side(found) for name, found in parts.items()}


def _only(layer, *seen):
    """Follow the whole kernel of one layer, which sees some pieces or is not first."""
    layout = seen[0][0].layout if [len(pieces) for pieces in seen] == [1] else ()
    return {None: _side_by_side([(layer, slice(None), layout)])}


def _rows_of_sources(layer, pieces):
    """Tell which of a kernel's inputs come from which of the model's."""
    _check_scored(layer)
    shares_rows = len(pieces) == 1 or isinstance(layer, keras.layers.Embedding)
    sizes = [piece.size for piece in pieces]
    is_clear = all(piece.layout is not None for piece in pieces)
    if is_clear and not shares_rows:
        is_clear = None not in sizes and sum(sizes) == _weights_of(layer).shape[-2]
    if not is_clear:
        raise ValueError(
            f"The layer {layer.name!r} sees the model's inputs in a form in which they "
            "cannot be told apart. Name the layer to follow with layer=."
        )
    stop = 0
    for source, size, layout in pieces:
        start, stop = stop, stop + (size or 0)
        if source is not None:
            yield source, slice(None) if shares_rows else slice(start, stop), layout


def _side_by_side(parts):
    """Make a kernel of layers, their slices of rows, and what moved their inputs."""
    for layer, _, _ in parts:
        _check_scored(layer)
    layer, _, layout = parts[0]
    kinds = {
        (type(one), one_layout, _shape(one, one_rows))
        for one, one_rows, one_layout in parts
    }
    if len(kinds) > 1:
        raise ValueError(
            f"The layers {sorted({one.name for one, _, _ in parts})} see the same "
            "input in different forms, so that their scores cannot be added. Name the "
            "layer to follow with layer=."
        )
    encoding = layout[0] if layout else None
    is_encoded = isinstance(encoding, PiecewiseLinearEncoding)
    # A layer that is called twice on an input has its weights only once.
    distinct = {(id(one), str(its)): (one, its) for one, its, _ in parts}
    return _Kernel(
        parts=tuple(distinct.values()),
        is_embedding=isinstance(layer, keras.layers.Embedding),
        is_packed=isinstance(layer, PackedDense),
        feature_of_input=encoding.feature_of_input if is_encoded else None,
    )


def _check_scored(layer):
    if not any(len(weight.shape) > 1 for weight in layer.trainable_weights):
        raise ValueError(
            f"The layer {layer.name!r} mixes the features first and is not "
            "trainable: its weights have no variance. Make it trainable, or name "
            "the layer to follow with layer=."
        )
    if (
        not isinstance(layer, _SCORED_LAYERS)
        or getattr(layer, "groups", 1) > 1
        or layer.quantization_mode not in (None, "float8")
    ):
        raise ValueError(
            f"The first trainable layer that mixes features is {layer.name!r}, "
            f"a {type(layer).__name__}; only Dense, Conv1D, Conv2D, Conv3D and "
            "Embedding layers, neither grouped nor quantized, can be scored. Name one "
            "of them with layer=."
        )


def _nothing_to_follow(where):
    return f"{where} has no Dense, Conv1D, Conv2D, Conv3D or Embedding layer to follow."


def _graph(model):
    """Return the graph of a model's calls; None if code of its own makes them."""
    if not type(model).call.__module__.startswith("keras."):
        return None
    if isinstance(model, keras.Sequential) and model.built:
        return keras.Function(model.inputs, model.outputs)
    return model if isinstance(model, keras.Function) else None


def _only_layer(model, where):
    """Return the one layer that mixes features, of a model without a graph, or a layer.

    In which order a model's code calls its layers, nothing tells; least of all the
    order in which they were assigned.
    """
    if not isinstance(model, keras.Model):
        return model
    layers = list(leaves(model.layers))
    mixing = [layer for layer in layers if _mixes_features(layer)]
    known = {id(weight) for layer in layers for weight in layer.weights}
    own = [
        weight
        for weight in model.weights
        if id(weight) not in known and len(weight.shape) > 1
    ]
    if not mixing and not own:
        raise ValueError(_nothing_to_follow(where))
    if len(mixing) != 1 or own:
        raise ValueError(
            f"The model {model.name!r} has code of its own, so that it cannot be told "
            "which layer sees the inputs first. Name the layer to follow with layer=; "
            f"there are {[layer.name for layer in mixing]}."
        )
    return mixing[0]


def _first_layers(graph):
    """List the layers that mix what nothing has mixed before, each with its pieces."""
    seen = []
    inputs = [[_Piece(one.name, _last_size(one))] for one in graph.inputs]
    _trace(graph, inputs, seen)
    return seen


def _trace(graph, inputs, seen):
    # In public (`layer.input`), Keras tells only of layers that were called once.
    pieces_of = dict(zip(map(id, graph.inputs), inputs, strict=True))
    by_depth = graph._nodes_by_depth
    nodes = chain(*(by_depth[depth] for depth in sorted(by_depth, reverse=True)))
    for node in nodes:
        if node.is_input:
            continue
        called, outputs = node.operation, node.output_tensors
        given = [pieces_of[id(tensor)] for tensor in node.input_tensors]
        pieces = list(chain(*given))
        inner = _graph(called) if isinstance(called, keras.Model) else None
        if inner is not None and len(inner.inputs) != len(given):  # also a mask
            inner = None
        found = [[_Piece(None, _last_size(output))] for output in outputs]
        if all(piece.source is None for piece in pieces):
            pass
        elif inner is not None:
            found = _trace(inner, given, seen)
        elif _mixes_features(called):
            seen.append((called, pieces))
        else:
            found = [_moved(node, given, number) for number in range(len(outputs))]
        pieces_of.update(zip(map(id, outputs), found, strict=True))
    return [pieces_of[id(tensor)] for tensor in graph.outputs]


def _moved(node, given, number):
    """Tell what an output holds of an operation without a kernel."""
    called, output = node.operation, node.output_tensors[number]
    pieces = list(chain(*given))
    # The class behind keras.ops.concatenate, unlike the layer, is not public.
    is_joined = type(called).__name__ == "Concatenate" and (
        called.axis in (-1, len(output.shape) - 1)
    )
    if is_joined or isinstance(called, _IN_PLACE_LAYERS):
        return pieces
    layouts = [piece.layout for piece in pieces]
    sources = {piece.source for piece in pieces}
    is_clear = len(sources) == 1 and None not in layouts
    return [
        _Piece(
            max(sources, key=bool),
            _last_size(output),
            (called, number, *layouts) if is_clear else None,
        )
    ]


def _last_size(tensor):
    return tensor.shape[-1] if tensor.shape else None


def scales_inputs(model):
    """Whether a model brings its inputs to one scale before it first mixes them.

    Parameters
    ----------
    model : keras.Model
        A built model.

    Returns
    -------
    bool
        True if a Normalization, BatchNormalization or PiecewiseLinearEncoding layer
        comes first.
    """
    scaling = (
        keras.layers.Normalization,
        keras.layers.BatchNormalization,
        PiecewiseLinearEncoding,
    )
    for candidate in leaves(model.layers):
        if isinstance(candidate, scaling):
            return True
        if _mixes_features(candidate):
            return False
    return False


def _named(model, layer):
    if isinstance(layer, str):
        found = [one for one in with_nested(model.layers) if one.name == layer]
    else:
        found = model.layers[layer : layer + 1 or None]
    if not found:
        raise ValueError(
            f"The model has no layer={layer!r}; its layers are "
            f"{[one.name for one in with_nested(model.layers)]}."
        )
    return found[0]


def with_nested(layers):
    """Go through layers, and through those of models among them."""
    for layer in layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from with_nested(layer.layers)


def leaves(layers):
    """Go through layers, models among them replaced by their layers."""
    return (one for one in with_nested(layers) if not isinstance(one, keras.Model))


def _mixes_features(layer):
    return not isinstance(layer, (*_IN_PLACE_LAYERS, PiecewiseLinearEncoding)) and any(
        len(weight.shape) > 1 for weight in getattr(layer, "weights", ())
    )


def _run_last(history, action):
    """Have `action` run once all other callbacks have seen the training end.

    Keras calls callbacks in the order of the list, and one behind ours may still set
    weights (EarlyStopping restores the best ones). Keras puts its own History callback
    behind all of the user's and makes it ``model.history``: its turn comes last.
    """
    if isinstance(history, keras.callbacks.History):
        history.on_train_end = _OnTrainEnd(history, action)


class _OnTrainEnd:
    """A history's `on_train_end` and an action behind it, for one training."""

    def __init__(self, history, action):
        self.history = history
        self.before = history.on_train_end
        self.action = action

    def __call__(self, logs=None):
        vars(self.history).pop("on_train_end", None)
        self.before(logs)
        self.action()

    def __reduce__(self):
        # A training that broke off leaves this behind; its copy is a plain history's.
        return getattr, (self.history, "on_train_end")


def _too_few_updates(n_updates):
    return (
        f"The variance of the weights needs at least 2 updates, this training gives "
        f"{n_updates}. Train for more epochs (epochs=, or fit_kwargs={{'epochs': ...}} "
        "of a keras.wrappers estimator), or have VarianceImportance take the weights "
        "in after fewer batches (update=)."
    )
