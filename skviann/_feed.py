"""Feeds arrays to a Keras model, for a whole training, from one tf.data pipeline."""

import numpy as np
import tensorflow as tf


def repeated_batches(arrays, batch_size, *, shuffle, seed):
    """Batches of rows, epoch after epoch.

    Every epoch holds each row exactly once, in a new order if shuffled, and ends in a
    short batch where the rows do not divide evenly: as in ``keras.Model.fit``, which
    builds its pipeline anew for every epoch.

    Parameters
    ----------
    arrays : tuple of ndarray of shape (n_samples, ...)
        X, y and perhaps sample weights.
    batch_size : int
        Rows a batch.
    shuffle : bool
        Whether each epoch has its own random order.
    seed : int
        Same seed, same orders.

    Returns
    -------
    dataset : tf.data.Dataset
        Endless, of tuples of tensors.
    n_batches : int
        Batches an epoch.
    """
    n_samples = len(arrays[0])
    tensors = tuple(tf.convert_to_tensor(array) for array in arrays)
    n_in_full_batches = n_samples - n_samples % batch_size

    def row_numbers(epoch):
        rows = tf.range(n_samples)
        if shuffle:
            rows = tf.random.experimental.stateless_shuffle(rows, [seed, epoch])
        full, rest = rows[:n_in_full_batches], rows[n_in_full_batches:]
        batches = tf.data.Dataset.from_tensor_slices(tf.reshape(full, (-1, batch_size)))
        if n_in_full_batches < n_samples:
            batches = batches.concatenate(tf.data.Dataset.from_tensors(rest))
        return batches

    dataset = (
        tf.data.Dataset.counter()
        .flat_map(row_numbers)
        .map(lambda rows: tuple(tf.gather(tensor, rows) for tensor in tensors))
        .prefetch(2)
    )
    # The batches are small and the pipeline short: threads and rewriting cost more time
    # than they save.
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    options.threading.private_threadpool_size = 1
    return dataset.with_options(options), int(np.ceil(n_samples / batch_size))
