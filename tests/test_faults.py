"""Threads, forks, signals, full disks and workers that die."""

import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import keras
import numpy as np
import pytest
from joblib.externals.loky.process_executor import TerminatedWorkerError
from numpy.testing import assert_array_equal
from sklearn.base import clone

from conftest import FAST, of_keras
from skviann import VIANNClassifier, VIANNSelector

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 6))
Y = (X[:, 0] > 0).astype(int)


class Fails(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise OverflowError("the user's own")


class Dies(keras.callbacks.Callback):
    """Ends the process that it runs in, which is not the test's."""

    def __init__(self, survivor):
        super().__init__()
        self.survivor = survivor

    def on_train_begin(self, logs=None):
        if os.getpid() != self.survivor:
            os.kill(os.getpid(), signal.SIGKILL)


# Threads


def in_threads(calls):
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda call: call(), calls))


def test_threads_give_what_is_given_alone():
    networks = [VIANNClassifier(**FAST, random_state=seed) for seed in range(2)]
    alone = [clone(network).fit(X, Y) for network in networks]
    together = in_threads([lambda n=n: clone(n).fit(X, Y) for n in networks])
    for one, other in zip(alone, together, strict=True):
        assert_array_equal(one.feature_importances_, other.feature_importances_)
    expected = [network.predict_proba(X) for network in alone]
    # Each network is asked for the first time, and all of them at once.
    found = in_threads([lambda n=n: n.predict_proba(X) for n in together])
    assert_array_equal(found, expected)
    # And one network by all threads.
    found = in_threads([lambda: alone[0].predict_proba(X)] * 8)
    assert_array_equal(found, [expected[0]] * 8)


# Errors in mid-fit


def test_a_callback_that_raises_is_heard_and_leaves_the_estimator_as_it_was():
    selector = VIANNSelector(of_keras(), threshold="mean").fit(X, Y)
    before = dict(vars(selector))
    selector.set_params(estimator=of_keras(callbacks=[Fails()]))
    with pytest.raises(OverflowError, match="the user's own"):
        selector.fit(X, Y)
    after = vars(selector)
    assert after["estimator_"] is before["estimator_"]
    assert_array_equal(after["feature_importances_"], before["feature_importances_"])
    assert after.keys() == before.keys()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_workers_that_die_are_reported():
    network = of_keras(callbacks=[Dies(survivor=os.getpid())])
    selector = VIANNSelector(network, threshold="mean", n_repeats=2, n_jobs=2)
    with pytest.raises(TerminatedWorkerError, match="terminated"):
        selector.fit(X, Y)
    assert not hasattr(selector, "estimator_")
    # A new pool is made for the next fit.
    selector.set_params(estimator=of_keras()).fit(X, Y)
    assert selector.n_features_in_ == 6


def children_of(pid):
    """Processes that were started by one, and by these."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *children_of(child)]
    return found


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_sigterm_ends_a_fit_and_leaves_no_process():
    code = """
import numpy as np
from skviann import VIANNClassifier
X = np.random.default_rng(0).normal(size=(200, 2))
VIANNClassifier(n_members=1, epochs=2).fit(X, X[:, 0] > 0)
print("begins", flush=True)
VIANNClassifier(n_members=1, epochs=1_000_000).fit(X, X[:, 0] > 0)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"begins\n"
        time.sleep(2)  # into the second training
        assert process.poll() is None
        assert not children_of(process.pid)  # that could be left behind
        process.terminate()
        assert process.wait(60) == -signal.SIGTERM
    finally:
        process.kill()
        process.stdout.close()


# Saving


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("estimator", [VIANNClassifier(**FAST), of_keras()])
def test_a_full_disk_is_heard_and_harms_nothing(estimator, tmp_path):
    selector = VIANNSelector(clone(estimator), threshold="mean").fit(X, Y)
    expected = selector.estimator_.predict_proba(X)
    for dump in (pickle.dump, joblib.dump):
        with (
            open("/dev/full", "wb", buffering=0) as disk,
            pytest.raises(OSError, match="No space left"),
        ):
            dump(selector, disk)
    assert_array_equal(selector.estimator_.predict_proba(X), expected)
    joblib.dump(selector, tmp_path / "selector.joblib")
    loaded = joblib.load(tmp_path / "selector.joblib")
    assert_array_equal(loaded.get_support(), selector.get_support())


# Forks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_does_not_hang():
    code = """
import os, warnings
import numpy as np
warnings.simplefilter("ignore", DeprecationWarning)  # Python on fork and threads
from skviann import VIANNClassifier
X = np.random.default_rng(0).normal(size=(50, 2))
y = X[:, 0] > 0
network = VIANNClassifier(n_members=1, epochs=2)
def fit_in_a_fork():
    pid = os.fork()
    if pid == 0:
        try:
            network.fit(X, y)
        except RuntimeError as error:
            os._exit(3 if "loky" in str(error) else 4)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
assert fit_in_a_fork() == 0  # nothing has run in the parent
network.fit(X, y)
assert fit_in_a_fork() == 3
"""
    subprocess.run([sys.executable, "-c", code], timeout=120, check=True)
