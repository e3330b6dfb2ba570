import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skviann.wrappers._feed import repeated_batches

N_ROWS = 23
X = np.arange(3 * N_ROWS, dtype="float32").reshape(N_ROWS, 3)
Y = np.arange(N_ROWS)


def take(batch_size, n_epochs, **settings):
    """The first epochs, each a list of batches."""
    dataset, n_batches = repeated_batches((X, Y), batch_size, **settings)
    batches = [
        tuple(tensor.numpy() for tensor in batch)
        for batch in dataset.take(n_epochs * n_batches)
    ]
    return [batches[i : i + n_batches] for i in range(0, len(batches), n_batches)]


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [1, 5, 23, 100])
def test_every_epoch_has_every_row_once(batch_size, shuffle):
    orders = []
    for epoch in take(batch_size, 3, shuffle=shuffle, seed=0):
        sizes = [len(y) for _, y in epoch]
        full, rest = divmod(N_ROWS, batch_size)
        assert sizes == [batch_size] * full + [rest] * (rest > 0)
        rows = np.concatenate([y for _, y in epoch])
        assert_array_equal(np.sort(rows), Y)
        assert_array_equal(np.concatenate([x for x, _ in epoch]), X[rows])
        orders.append(tuple(rows))
    assert len(set(orders)) == (3 if shuffle else 1)
    if not shuffle:
        assert_array_equal(orders[0], Y)


def test_the_seed_decides_the_order():
    def order(seed):
        ((_, *_), second) = take(5, 2, shuffle=True, seed=seed)
        return np.concatenate([y for _, y in second])

    assert_array_equal(order(1), order(1))
    assert (order(1) != order(2)).any()
