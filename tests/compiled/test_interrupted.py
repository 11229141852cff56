"""Ctrl-C and errors end every thread; what was begun can be done again."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import PATIENCE
from helpers.compiled import a_network, a_plan, begun, some_digits

from chainrule.engine.compiled import tiled, together
from chainrule.engine.compiled.engine import CompiledEngine

RATES = [0.1] * 6
WAYS = {None: tiled, 40: together, 600: tiled}  # who calls compiled code, by the size of a batch


@pytest.fixture(scope="module")
def digits():
    return some_digits(np.random.default_rng(0), 2100)


@pytest.fixture(scope="module")
def network():
    return a_network(np.random.default_rng(1), (784, 330, 10))


class Stopping:
    """Compiled code whose n-th call by this thread, or by another one, ends in an exception."""

    def __init__(self, run, call, here=True, error=KeyboardInterrupt):
        self.run, self.left, self.here, self.error = run, call, here, error
        self.thread = threading.current_thread()

    def __call__(self, *arguments):
        if (threading.current_thread() is self.thread) is self.here:
            self.left -= 1
            if self.left == 0:
                raise self.error
        return self.run(*arguments)


@pytest.mark.parametrize("call", [1, 2, 4])
@pytest.mark.parametrize("batch_size", WAYS)
def test_ctrl_c_in_the_calling_thread_ends_all_and_the_steps_can_be_taken_again(
    monkeypatch, network, digits, batch_size, call
):
    """The others wait for a thread that has not come: they are told that it never will."""
    plan = a_plan(network, digits, batch_size=batch_size)
    with ThreadPoolExecutor(2) as others:
        engine = CompiledEngine(others, 3)
        at = begun(engine, plan, network)
        wanted, losses = engine.advance(plan, at, RATES, answers=False)
        room = WAYS[batch_size]
        with monkeypatch.context() as patch:
            name = "run_tiles" if room is tiled else "run"
            patch.setattr(room, name, Stopping(getattr(room, name), call))
            if room is together:
                engine.training.at_once = 1
            with pytest.raises(KeyboardInterrupt):
                engine.advance(plan, at, RATES, answers=False)
            wait_for_all(others)
        again, same = engine.advance(plan, at, RATES, answers=False)
    assert again.parameters.tobytes() == wanted.parameters.tobytes()
    assert same == losses


def wait_for_all(others):
    """Return when no thread of the pool is busy any more: two of them meet."""
    meeting = threading.Barrier(2)
    for each in [others.submit(meeting.wait, PATIENCE) for _ in range(2)]:
        each.result()


def test_an_error_in_another_thread_is_that_of_the_caller(monkeypatch, network, digits):
    plan = a_plan(network, digits)
    with ThreadPoolExecutor(2) as others:
        engine = CompiledEngine(others, 3)
        at = begun(engine, plan, network)
        error = MemoryError("no memory")
        failing = Stopping(tiled.run_tiles, 1, here=False, error=error)
        monkeypatch.setattr(tiled, "run_tiles", failing)
        many = [1e-6] * 10_000  # until another thread has got a tile
        with pytest.raises(MemoryError, match="no memory"):
            engine.advance(plan, at, many, answers=False)
        wait_for_all(others)


def test_where_no_thread_can_be_had_nobody_waits(network, digits):
    """The first of two tasks is taken, the second refused: the first is told."""

    class Refusing(ThreadPoolExecutor):
        given = 0

        def submit(self, *arguments):
            self.given += 1
            if self.given == 2:
                raise RuntimeError("can't start new thread")
            return super().submit(*arguments)

    plan = a_plan(network, digits, batch_size=40)
    with Refusing(2) as others:
        with pytest.raises(RuntimeError, match="can't start new thread"):
            begun(CompiledEngine(others, 3), plan, network)
        assert others.given == 2


@pytest.mark.parametrize(("seconds", "most"), [(0.02, 2), (0.001, 50), (0.3, 1), (0.049, 1)])
def test_a_call_has_as_many_steps_as_last_a_twentieth_of_a_second(
    monkeypatch, network, digits, seconds, most
):
    """By a clock that the test moves: a step lasts so long. Calls grow to that, never beyond."""
    now, calls = 0.0, []
    real = together.run

    def run(task, *others):
        nonlocal now
        now += seconds * task.steps
        calls.append(task.steps)
        return real(task, *others)

    monkeypatch.setattr(together, "run", run)
    monkeypatch.setattr(together, "time", SimpleNamespace(perf_counter=lambda: now))
    plan = a_plan(network, digits, batch_size=4)
    engine = CompiledEngine(None, 1)
    at = begun(engine, plan, network)
    engine.advance(plan, at, [1e-6] * 200, answers=False)
    assert max(calls) == most
    assert sum(calls) == 200
    assert all(later <= 2 * max(sooner, 1) for sooner, later in pairwise(calls))


SCRIPT = """
import threading
import numpy as np
from chainrule import initialise, load_mnist, train
digits = load_mnist()[0][:20_000]
rng = np.random.default_rng(0)
network = initialise((784, 800, 10), rng=rng)
try:
    for snapshot in train(
        network, digits, batch_size={batch_size}, steps=10**6, every=10**6, rng=rng,
        learning_rate=1e-6, engine="compiled", threads=2,
    ):
        print("begun", flush=True)
except KeyboardInterrupt:
    print(snapshot.step, threading.active_count(), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C of another process")
@pytest.mark.parametrize("batch_size", [None, 128, 1000])
def test_ctrl_c_ends_a_training_of_a_million_steps(batch_size):
    """Between two snapshots, in a process of its own: no thread of it is left."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(batch_size=batch_size)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        encoding="utf-8",
    )
    try:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert (said, process.returncode) == ("0 1\n", 0)
