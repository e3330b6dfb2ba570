"""Processes that were made by fork, in which TensorFlow hangs if it ran before."""

import os
import sys

from skviann._lazy import tensorflow as tf

_is_forked = False


def _note_fork():
    global _is_forked
    _is_forked = True


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_note_fork)


def check_process():
    """Raise a RuntimeError in a process that was made by fork after TensorFlow ran.

    To be called before TensorFlow is used: it would wait for ever for threads that the
    new process does not have.
    """
    global _is_forked
    if not _is_forked:
        return
    if "tensorflow" in sys.modules:
        threading = tf.config.threading
        n_threads = threading.get_inter_op_parallelism_threads()
        try:  # TensorFlow refuses another number from when it runs
            threading.set_inter_op_parallelism_threads(n_threads + 1)
            threading.set_inter_op_parallelism_threads(n_threads)
        except RuntimeError as error:
            raise RuntimeError(
                "This process was made by fork after TensorFlow ran, and TensorFlow "
                "would hang in it. Start processes in another way: with joblib's loky, "
                "or with multiprocessing.get_context('spawn')."
            ) from error
    _is_forked = False
