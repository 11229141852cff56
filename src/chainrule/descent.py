"""One step downhill: gradient descent, momentum, Adam.

All have one form, step(parameters, gradient, memory, …) -> parameters, memory. Parameters and
gradient are vectors (n,); the memory is a matrix (rows, n) of what the rule carries from one step
to the next. Nothing is written in place: what went in stays as it was.
"""

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Optimizer = Literal["descent", "momentum", "adam"]

OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
MEMORY_ROWS: dict[Optimizer, int] = {"descent": 0, "momentum": 1, "adam": 2}


class Rule(NamedTuple):
    """An optimizer and what it is set to."""

    optimizer: Optimizer = "descent"
    momentum_decay: float = 0.9  # of momentum alone


def gradient_descent(
    parameters: Array, gradient: Array, memory: Array, *, learning_rate: float
) -> tuple[Array, Array]:
    """Parameters moved by -α gradient; descent remembers nothing. Source: the founders' update."""
    return parameters - learning_rate * gradient, memory


def momentum(
    parameters: Array, gradient: Array, memory: Array, *, learning_rate: float, decay: float = 0.9
) -> tuple[Array, Array]:
    """Parameters moved by -α v, where v = decay v + gradient is the one row of memory.

    Source: Polyak 1964, "Some methods of speeding up the convergence of iteration methods".
    """
    velocity = decay * memory[0]
    velocity += gradient
    moved = -learning_rate * velocity
    moved += parameters
    return moved, velocity[None]


def adam(
    parameters: Array,
    gradient: Array,
    memory: Array,
    *,
    learning_rate: float,
    step: int,
    decay: float = 0.9,
    square_decay: float = 0.999,
    epsilon: float = 1e-8,
) -> tuple[Array, Array]:
    """Parameters moved by -α mean / (√square + ε), both running means corrected for bias.

    The two rows of memory are the running means of the gradient and of its square. `step` counts
    from 1. Source: Kingma and Ba 2015, "Adam", algorithm 1.
    """
    mean = decay * memory[0] + (1 - decay) * gradient
    square = square_decay * memory[1] + (1 - square_decay) * gradient**2
    unbiased_mean = mean / (1 - decay**step)
    unbiased_square = square / (1 - square_decay**step)
    moved = parameters - learning_rate * unbiased_mean / (np.sqrt(unbiased_square) + epsilon)
    return moved, np.stack([mean, square])


def take_step(
    rule: Rule,
    parameters: Array,
    gradient: Array,
    memory: Array,
    *,
    learning_rate: float,
    step: int,
) -> tuple[Array, Array]:
    """Step number `step` (from 1) by this rule: the new parameters and the new memory."""
    match rule.optimizer:
        case "descent":
            return gradient_descent(parameters, gradient, memory, learning_rate=learning_rate)
        case "momentum":
            decay = rule.momentum_decay
            return momentum(parameters, gradient, memory, learning_rate=learning_rate, decay=decay)
        case "adam":
            return adam(parameters, gradient, memory, learning_rate=learning_rate, step=step)
