"""Feeds arrays to a user's Keras model, for a whole training, from one pipeline."""

import keras
import numpy as np
import tensorflow as tf

from skviann._validation import release_pages
from skviann.callbacks import VarianceImportance

# Arrays that are larger in all stay where they are: TensorFlow would copy them twice.
_MAX_BYTES_IN_MEMORY = 2**25


def repeated_batches(arrays, batch_size, *, shuffle, seed):
    """Batches of rows, epoch after epoch.

    Every epoch holds each row exactly once, in a new order if shuffled, and ends in a
    short batch where the rows do not divide evenly: as in ``keras.Model.fit``, which
    builds its pipeline anew for every epoch. Large arrays are not copied, and a
    memory-mapped one is read batch by batch.

    `arrays` are X, y and perhaps sample weights; the same seed means the same orders.
    Returned are an endless `tf.data.Dataset` of tuples of tensors, and the number of
    batches of an epoch.
    """
    X, *others = arrays
    rows = np.arange(len(X))
    if len(X) <= np.iinfo(np.int32).max:
        rows = rows.astype(np.int32)  # half the memory for numbers of many rows
    others = [tf.convert_to_tensor(in_keras_float(array)) for array in others]
    gather_X = _gather_from(X)

    def gather(rows):
        return gather_X(rows), *(tf.gather(array, rows) for array in others)

    n_in_full_batches = len(rows) - len(rows) % batch_size
    row_numbers = tf.convert_to_tensor(rows)

    def one_epoch(epoch):
        rows = row_numbers
        if shuffle:
            rows = tf.random.experimental.stateless_shuffle(rows, [seed, epoch])
        full, rest = rows[:n_in_full_batches], rows[n_in_full_batches:]
        batches = tf.data.Dataset.from_tensor_slices(tf.reshape(full, (-1, batch_size)))
        if n_in_full_batches < len(row_numbers):
            batches = batches.concatenate(tf.data.Dataset.from_tensors(rest))
        return batches

    dataset = tf.data.Dataset.counter().flat_map(one_epoch).map(gather).prefetch(2)
    # The batches are small and the pipeline short: threads and rewriting cost more time
    # than they save.
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    options.threading.private_threadpool_size = 1
    return dataset.with_options(options), int(np.ceil(len(rows) / batch_size))


def _gather_from(X):
    """Make a function that gathers rows of X inside a TensorFlow graph."""
    if X.nbytes <= _MAX_BYTES_IN_MEMORY:
        in_memory = tf.convert_to_tensor(in_keras_float(X))
        return lambda rows: tf.gather(in_memory, rows)

    def read(rows):
        batch = in_keras_float(X[rows])
        release_pages(X)
        return batch

    dtype = read(np.zeros(1, dtype=int)).dtype

    def gather(rows):
        batch = tf.numpy_function(read, [rows], dtype, stateful=False)
        return tf.ensure_shape(batch, (None, *X.shape[1:]))

    return gather


def in_keras_float(array):
    """Convert floating-point numbers to Keras's precision, if they are in another."""
    if array.dtype.kind == "f":
        return array.astype(keras.config.floatx(), copy=False)
    return array


def acts_on_batches(callback):
    """Whether Keras has to go back to Python after each batch, for a callback."""
    if isinstance(callback, VarianceImportance):
        return callback.update != "epoch"
    hooks = ("on_batch_begin", "on_batch_end")
    hooks += ("on_train_batch_begin", "on_train_batch_end")
    return any(
        getattr(getattr(callback, hook), "__func__", None)
        is not getattr(keras.callbacks.Callback, hook)
        for hook in hooks
    )
