"""One step of each rule, against the formulas worked by hand."""

import numpy as np
import pytest

from chainrule.descent import (
    MEMORY_ROWS,
    OPTIMIZERS,
    Rule,
    adam,
    gradient_descent,
    momentum,
    take_step,
)


def test_gradient_descent_by_hand():
    moved, memory = gradient_descent(
        np.array([1.0, 2.0]), np.array([10.0, -4.0]), np.zeros((0, 2)), learning_rate=0.5
    )
    assert moved.tolist() == [-4, 4]
    assert memory.shape == (0, 2)


def test_two_steps_of_momentum_by_hand():
    """v = 1, then 0.9 · 1 + 2 = 2.9; θ = 0 - 0.1 · 1 - 0.1 · 2.9 = -0.39."""
    theta, memory = momentum(np.zeros(1), np.array([1.0]), np.zeros((1, 1)), learning_rate=0.1)
    theta, memory = momentum(theta, np.array([2.0]), memory, learning_rate=0.1)
    assert theta == pytest.approx([-0.39])
    assert memory == pytest.approx(np.array([[2.9]]))


def test_two_steps_of_adam_by_hand():
    """Freed of its zero start, the first step is α · g/|g|, whatever the size of g.

    Second step, g = 3 after g = 1: mean = (0.09 + 0.3)/0.19 = 0.39/0.19, square =
    (0.000999 + 0.009)/(1 - 0.998001) = 0.009999/0.001999.
    """
    theta, memory = adam(np.zeros(1), np.array([1.0]), np.zeros((2, 1)), learning_rate=0.1, step=1)
    assert theta == pytest.approx([-0.1], rel=1e-7)
    theta, memory = adam(theta, np.array([3.0]), memory, learning_rate=0.1, step=2)
    assert theta == pytest.approx(
        [-0.1 - 0.1 * (0.39 / 0.19) / np.sqrt(0.009999 / 0.001999)], rel=1e-7
    )
    assert memory == pytest.approx(np.array([[0.39], [0.009999]]))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_step_writes_nothing_in_place_and_keeps_the_type(optimizer, dtype):
    rng = np.random.default_rng(0)
    arrays = [rng.random(5).astype(dtype), rng.random(5).astype(dtype)]
    arrays.append(rng.random((MEMORY_ROWS[optimizer], 5)).astype(dtype))
    before = [array.tobytes() for array in arrays]
    moved, memory = take_step(Rule(optimizer), *arrays, learning_rate=0.1, step=3)
    assert [array.tobytes() for array in arrays] == before
    assert moved.dtype == memory.dtype == dtype
    assert memory.shape == arrays[2].shape
    assert not np.shares_memory(moved, arrays[0])
