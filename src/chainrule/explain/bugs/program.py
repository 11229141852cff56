"""The right program in parts, each of which a mistake can replace.

A part computes one thing from all that was computed before it, in the equations of network.py.
`RIGHT` has the right ones: with it, `run` gives bit for bit what `forward`, `error` and `backward`
give, and `learn` the parameters that the optimizers of descent.py lead to.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.descent import MEMORY_ROWS, Rule, take_step
from chainrule.explain.differences import quiet
from chainrule.network import (
    Array,
    Derivatives,
    Layers,
    Network,
    Trace,
    by_layer,
    error,
    relu,
    softmax,
)

Labels = NDArray[np.integer]


class Case(NamedTuple):
    """What a program is run on: a network, images X (inputs, m) in [0, 1] and their labels (m,).

    The others are for `learn`. `steps` has the sizes of the batches, in the order of X, whose
    gradients each step puts together: ((4,), (3, 1)) are two steps, the second from two batches.
    Without it, one step is taken, on all images.
    """

    network: Network
    X: Array
    labels: Labels
    rule: Rule = Rule()
    learning_rate: float = 0.5
    steps: tuple[tuple[int, ...], ...] = ()

    @property
    def m(self) -> int:
        return self.X.shape[1]


@dataclass(eq=False)
class Pass:
    """What a program has computed so far: the arrays under the names of the equations.

    A[0] is X. `previous` is the pass of the batch before, which only a mistake looks at.
    """

    case: Case
    previous: "Pass | None" = None
    Y: Array = field(init=False)
    E: Array = field(init=False)
    divisor: float = field(init=False)  # what makes a mean of the sum over the images: m
    away: Array = field(init=False)  # A[L] - Y
    Z: Layers = field(default_factory=dict)
    A: Layers = field(default_factory=dict)
    dA: Layers = field(default_factory=dict)
    dZ: Layers = field(default_factory=dict)
    dW: Layers = field(default_factory=dict)
    db: Layers = field(default_factory=dict)

    def __post_init__(self) -> None:
        network = self.case.network
        self.W, self.b = by_layer(network)
        self.L, self.decay, self.squared = (
            network.depth,
            network.weight_decay,
            network.loss == "squared_error",
        )

    @property
    def derivatives(self) -> Derivatives:
        return Derivatives(self.dA, self.dZ, self.dW, self.db)

    @property
    def flat(self) -> Array:
        """dW1, db1, dW2, db2, … as one vector (n,) in the order of the parameters."""
        return self.derivatives.flat


class Step(NamedTuple):
    """What one step is taken from; `number` counts from 1, `gradients` are those of all so far."""

    case: Case  # with the network as it is before the step
    gradients: tuple[Array, ...]
    memory: Array  # (rows, n), as the optimizers of descent.py keep it
    number: int

    @property
    def gradient(self) -> Array:
        return self.gradients[-1]


Part = Callable[[Pass, int], Array]  # the array of layer l
Gather = Callable[[Sequence[Pass]], Array]
Take = Callable[[Step], tuple[Array, Array]]


# ------------------------------------------------------------------------------- the right parts


def images(at: Pass, l: int) -> Array:
    return at.case.X


def one_hot(at: Pass, l: int) -> Array:
    classes = at.case.network.sizes[-1]
    return (np.arange(classes)[:, None] == at.case.labels).astype(at.case.X.dtype)


def Z(at: Pass, l: int) -> Array:
    return at.W[l] @ at.A[l - 1] + at.b[l]


def A(at: Pass, l: int) -> Array:
    return relu(at.Z[l])


def A_last(at: Pass, l: int) -> Array:
    return softmax(at.Z[l])


def E(at: Pass, l: int) -> Array:
    return error(at.case.network, Trace(at.Z, at.A), at.Y)


def divisor(at: Pass, l: int) -> float:
    return at.case.m


def away(at: Pass, l: int) -> Array:
    return at.A[l] - at.Y


def dA_last(at: Pass, l: int) -> Array:
    if at.squared:
        return at.away / at.divisor
    return np.divide(-at.Y, at.divisor * at.A[l], out=np.zeros_like(at.A[l]), where=at.Y > 0)


def dZ_last(at: Pass, l: int) -> Array:
    if at.squared:
        return at.A[l] * (at.dA[l] - np.sum(at.A[l] * at.dA[l], axis=0, keepdims=True))
    return at.away / at.divisor


def dA(at: Pass, l: int) -> Array:
    return at.W[l + 1].T @ at.dZ[l + 1]


def dZ(at: Pass, l: int) -> Array:
    return at.dA[l] * (at.Z[l] > 0)


def dW(at: Pass, l: int) -> Array:
    return decayed(at, l, at.dZ[l] @ at.A[l - 1].T)


def db(at: Pass, l: int) -> Array:
    return np.sum(at.dZ[l], axis=1, keepdims=True)


def decayed(at: Pass, l: int, dW: Array) -> Array:
    """dW[l] with what weight decay adds to it."""
    return dW + at.decay * at.W[l] if at.decay else dW


def gather(passes: Sequence[Pass]) -> Array:
    """The gradient of all images of some batches: the mean of theirs, each with its m's weight."""
    m = sum(each.case.m for each in passes)
    return np.sum([each.case.m / m * each.flat for each in passes], axis=0)


def step(at: Step) -> tuple[Array, Array]:
    """The parameters after a step, and the memory."""
    case = at.case
    return take_step(
        case.rule,
        case.network.parameters,
        at.gradient,
        at.memory,
        learning_rate=case.learning_rate,
        step=at.number,
    )


@dataclass(frozen=True)
class Program:
    """A part for everything that is computed, in this order; those of the last layer apart."""

    X: Part = images
    Y: Part = one_hot
    Z: Part = Z
    A: Part = A
    A_last: Part = A_last
    E: Part = E
    divisor: Callable[[Pass, int], float] = divisor
    away: Part = away
    dA_last: Part = dA_last
    dZ_last: Part = dZ_last
    dA: Part = dA
    dZ: Part = dZ
    dW: Part = dW
    db: Part = db
    gather: Gather = gather
    step: Take = step


RIGHT = Program()


# ---------------------------------------------------------------------------------- how it is run


@quiet
def run(program: Program, case: Case, previous: Pass | None = None) -> Pass:
    """Forward and backward through all parts of a program; what overflows is infinite or NaN."""
    at, L = Pass(case, previous), case.network.depth
    at.A[0], at.Y = program.X(at, 0), program.Y(at, L)
    for l in range(1, L + 1):
        at.Z[l] = program.Z(at, l)
        at.A[l] = program.A(at, l) if l < L else program.A_last(at, l)
    at.E = program.E(at, L)
    at.divisor, at.away = program.divisor(at, L), program.away(at, L)
    at.dA[L] = program.dA_last(at, L)
    at.dZ[L] = program.dZ_last(at, L)
    for l in range(L, 0, -1):
        if l < L:
            at.dA[l] = program.dA(at, l)
            at.dZ[l] = program.dZ(at, l)
        at.dW[l], at.db[l] = program.dW(at, l), program.db(at, l)
    return at


@quiet
def learn(program: Program, case: Case) -> list[Array]:
    """The parameters after each step of a case, a vector (n,) for each."""
    network, first, previous = case.network, 0, None
    theta = network.parameters
    memory: Array = np.zeros((MEMORY_ROWS[case.rule.optimizer], theta.size), theta.dtype)
    gradients: list[Array] = []
    found = []
    for number, sizes in enumerate(case.steps or ((case.m,),), 1):
        passes = []
        for size in sizes:
            X, labels = case.X[:, first : first + size], case.labels[first : first + size]
            batch = case._replace(network=network, X=X, labels=labels)
            previous = run(program, batch, previous)
            passes.append(previous)
            first += size
        gradients.append(program.gather(passes))
        now = case._replace(network=network)
        parameters, memory = program.step(Step(now, tuple(gradients), memory, number))
        network = replace(network, parameters=parameters)
        found.append(parameters)
    return found
