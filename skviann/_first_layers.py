"""Which layers of a Keras model see its inputs first, and with which weights."""

from itertools import chain
from typing import NamedTuple

import keras
import numpy as np

from skviann.layers import PackedDense, PiecewiseLinearEncoding, SelectionLayer

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


class Kernel(NamedTuple):
    """All weights that leave an input: kernels of the layers that see it, side by side.

    `layers` are those layers, each with the slice of its kernel's inputs that are this
    input's. `feature_of_input` tells which feature each of them belongs to; None if it
    is its own.
    """

    layers: tuple
    is_embedding: bool
    is_packed: bool
    feature_of_input: np.ndarray | None

    def read(self):
        # Keras alone reads torch's tensors; NumPy warns of how it reads TensorFlow's.
        is_torch = keras.backend.backend() == "torch"
        to_numpy = keras.ops.convert_to_numpy if is_torch else np.asarray
        weights = np.concatenate(
            [to_numpy(_weights_of(layer))[..., rows, :] for layer, rows in self.layers],
            axis=-1,
            dtype=np.float64,
        )
        if not np.isfinite(weights).all():
            raise ValueError(
                "The network's weights became NaN or infinite while it trained, so its "
                "inputs cannot be scored. Lower the learning rate, or scale the inputs "
                "(sklearn.preprocessing.StandardScaler)."
            )
        return weights

    def scores_shape(self):
        shape = _shape(*self.layers[0])
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
    layout: tuple | None


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
    found = {tensor.name: [] for tensor in graph.inputs}
    seen = _first_layers(graph)
    if len(seen) == len(found) == 1:  # whatever happened to the input on its way
        return _only(_only_layer(seen[0][0], where), seen[0][1])
    for one, pieces in seen:
        one = _only_layer(one, where)
        for source, rows, layout in _rows_of_sources(one, pieces):
            found[source].append((one, rows, layout))
    if not any(found.values()):
        raise ValueError(_nothing_to_follow(where))
    for name, seeing in found.items():
        if not seeing:
            raise ValueError(
                f"The input {name!r} reaches no layer that can be followed. Name the "
                "layer to follow with layer=."
            )
    kernels = {name: _side_by_side(seeing) for name, seeing in found.items()}
    return kernels if len(kernels) > 1 else {None: kernels.popitem()[1]}


def _only(layer, *seen):
    """Follow the whole kernel of one layer, which sees some pieces or is not first."""
    _check_scored(layer)
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


def _side_by_side(seeing):
    """Make a kernel of layers, their slices of rows, and what moved their inputs."""
    layer, _, layout = seeing[0]
    kinds = {(type(one), its, _shape(one, rows)) for one, rows, its in seeing}
    if len(kinds) > 1:
        raise ValueError(
            f"The layers {sorted({one.name for one, _, _ in seeing})} see the same "
            "input in different forms, so that their scores cannot be added. Name the "
            "layer to follow with layer=."
        )
    encoding = layout[0] if layout else None
    is_encoded = isinstance(encoding, PiecewiseLinearEncoding)
    # A layer that is called twice on an input has its weights only once.
    distinct = {(id(one), str(rows)): (one, rows) for one, rows, _ in seeing}
    return Kernel(
        layers=tuple(distinct.values()),
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
    has_own = any(
        id(weight) not in known and len(weight.shape) > 1 for weight in model.weights
    )
    if not mixing and not has_own:
        raise ValueError(_nothing_to_follow(where))
    if len(mixing) != 1 or has_own:
        raise ValueError(
            f"The model {model.name!r} has code of its own, so that it cannot be told "
            "which layer sees the inputs first. Name the layer to follow with layer=; "
            f"there are {[layer.name for layer in mixing]}."
        )
    return mixing[0]


def _first_layers(graph):
    """List the layers that mix what nothing has mixed before, each with its pieces."""
    seen = []
    inputs = [[_piece(one, one.name)] for one in graph.inputs]
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
        found = [[_piece(output, None)] for output in outputs]
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
    layout = (called, number, *layouts) if is_clear else None
    return [_piece(output, max(sources, key=bool), layout)]


def _piece(tensor, source, layout=()):
    return _Piece(source, tensor.shape[-1] if tensor.shape else None, layout)


def scales_inputs(model):
    """Whether a built model brings its inputs to one scale before it mixes them."""
    scaling = (
        keras.layers.Normalization,
        keras.layers.BatchNormalization,
        PiecewiseLinearEncoding,
    )
    for layer in leaves(model.layers):
        if isinstance(layer, scaling) or _mixes_features(layer):
            return isinstance(layer, scaling)
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
