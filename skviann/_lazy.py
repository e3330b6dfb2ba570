"""The one door to Keras and TensorFlow: modules that load when they are first used.

What `skviann.feature_selection` and `skviann.inspection` are made of takes these from
here, as in ``from skviann._lazy import keras``, so that importing them stays light.
"""

from importlib import import_module
from types import ModuleType


class _Lazy(ModuleType):
    def __getattr__(self, name):
        return getattr(import_module(self.__name__), name)


keras = _Lazy("keras")
tensorflow = _Lazy("tensorflow")
layers = _Lazy("skviann.layers")
first_layers = _Lazy("skviann._first_layers")
wrappers = _Lazy("skviann.wrappers")
packed_graph = _Lazy("skviann.neural_network._graph")
