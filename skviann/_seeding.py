"""Repeatable training that leaves no trace in global random state."""

import random
import threading
from contextlib import contextmanager, nullcontext

import keras
import numpy as np
import tensorflow as tf

# Only users' own Keras networks are trained inside `seeded`, by `skviann.wrappers`.
# Keras and TensorFlow can be seeded in public, but offer no public way to read their
# random state, and so none to put it back; TensorFlow can turn deterministic operations
# on in public, but neither report nor turn them off.
from keras.src.backend.common import global_state
from tensorflow.python.eager import context as tf_context
from tensorflow.python.framework import config as tf_config

_KERAS_STATE = ("global_random_seed", "global_seed_generator")
_TF_STATE = ("_seed", "_rng")

# TensorFlow reads TF_DETERMINISTIC_OPS when first asked, and remembers it for good.
# Ask before scikeras sets the variable for a moment.
tf_config.is_op_determinism_enabled()

# The state is the process's: fits in several threads take turns.
_one_at_a_time = threading.RLock()


@contextmanager
def seeded(seed):
    """Make all that draws random numbers repeatable inside the block.

    Seeds Python, NumPy, Keras, TensorFlow and, if Keras runs on it, torch, and makes
    TensorFlow's operations deterministic. At the end of the block, also by an
    exception, all of it is as it was. Threads that enter it take turns.
    """
    with _one_at_a_time, _torch_kept():
        python_state = random.getstate()
        numpy_state = np.random.get_state()
        keras_state = {
            name: global_state.get_global_attribute(name) for name in _KERAS_STATE
        }
        tf_state = vars(tf_context.context())
        tf_before = {name: tf_state[name] for name in _TF_STATE if name in tf_state}
        was_deterministic = tf_config.is_op_determinism_enabled()
        try:
            keras.utils.set_random_seed(seed)
            # Older releases of Keras (3.12) keep their generator when seeded.
            global_state.set_global_attribute("global_seed_generator", None)
            tf.config.experimental.enable_op_determinism()
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)
            for name, value in keras_state.items():
                global_state.set_global_attribute(name, value)
            tf_state.pop("_rng", None)  # not there before TensorFlow is first seeded
            tf_state.update(tf_before)
            if not was_deterministic:
                tf_config.disable_op_determinism()


def _torch_kept():
    """Keep torch's random state over a block, if Keras runs on torch."""
    if keras.backend.backend() != "torch":
        return nullcontext()
    import torch

    return torch.random.fork_rng()
