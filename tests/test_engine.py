"""The engine: n steps at once are n steps, and it ends where the loss is no longer finite."""

import math

import numpy as np
import pytest

from chainrule import initialise, train
from chainrule.descent import MEMORY_ROWS, OPTIMIZERS, Rule
from chainrule.engine.interface import Plan
from chainrule.engine.with_numpy import numpy_engine


@pytest.fixture(scope="module")
def digits(mnist):
    return mnist[0][:500]


def begun(digits, optimizer="momentum", size=None, length=12):
    network = initialise((784, 10, 10), rng=np.random.default_rng(0))
    memory = np.zeros((MEMORY_ROWS[optimizer], network.parameters.size), np.float32)
    plan = Plan(network.sizes, network.loss, 0.0, digits, Rule(optimizer), size, 7, length)
    return plan, network.parameters, memory


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("size", [None, 60])
def test_many_steps_at_once_are_single_steps(digits, optimizer, size):
    rates = [0.1, 0.05, 0.2, 0.01, 0.02]
    plan, parameters, memory = begun(digits, optimizer, size)
    with numpy_engine(1, None) as engine:
        start = engine.begin(plan, parameters, memory, 0, answers=False)
        many, losses = engine.advance(plan, start, rates, answers=True)
        at, one_by_one = start, []
        for rate in rates:
            at, more = engine.advance(plan, at, [rate], answers=True)
            one_by_one += more
        assert engine.advance(plan, start, [], answers=False) == (start, [])
    assert many.parameters.tobytes() == at.parameters.tobytes()
    assert many.memory.tobytes() == at.memory.tobytes()
    assert (many.step, losses) == (5, one_by_one)
    assert many.ahead.loss == at.ahead.loss
    assert np.array_equal(many.ahead.confusion, at.ahead.confusion)


def test_the_last_position_has_a_loss_and_no_gradient(digits):
    plan, parameters, memory = begun(digits, length=2)
    with numpy_engine(1, None) as engine:
        at = engine.begin(plan, parameters, memory, 0, answers=False)
        assert at.ahead.gradient.shape == parameters.shape
        at, _ = engine.advance(plan, at, [0.1, 0.1], answers=False)
    assert math.isfinite(at.ahead.loss)
    assert at.ahead.gradient.size == 0


def test_it_ends_where_the_loss_is_no_longer_finite(digits):
    plan, parameters, memory = begun(digits)
    with numpy_engine(1, None) as engine:
        start = engine.begin(plan, parameters, memory, 0, answers=False)
        at, losses = engine.advance(plan, start, [0.1, 1e38, 1e38, 0.1], answers=False)
    assert at.step == len(losses) < 4
    assert not math.isfinite(at.ahead.loss)
    assert all(map(math.isfinite, losses))


@pytest.mark.parametrize("size", [None, 60])
@pytest.mark.parametrize("every", [1, 4, 100])
def test_how_often_there_are_snapshots_changes_no_bit(digits, size, every):
    """Also with a function for the rate, which is asked before each step."""
    network = initialise((784, 10, 10), rng=np.random.default_rng(0))
    asked = []

    def rate(step):
        asked.append(step)
        return 0.1

    def snapshots(rate, every):
        rng = np.random.default_rng(3)
        return list(
            train(
                network, digits, learning_rate=rate, batch_size=size, steps=11, every=every, rng=rng
            )
        )

    *_, wanted = snapshots(0.1, 1)
    fixed, changing = snapshots(0.1, every), snapshots(rate, every)
    assert asked == list(range(11))
    steps = sorted({*range(0, 12, every), 11})
    for found in (fixed, changing):
        assert [each.step for each in found] == steps
        assert found[-1].network.parameters.tobytes() == wanted.network.parameters.tobytes()
    assert [each.loss for each in fixed] == [each.loss for each in changing]
