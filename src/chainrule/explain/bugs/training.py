"""What a mistake does to a training: the small network learns with it, and without it."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from chainrule.data import Digits
from chainrule.descent import OPTIMIZERS, Optimizer, Rule
from chainrule.explain.bugs.bug import Bug
from chainrule.explain.bugs.program import Case, Program, learn, run
from chainrule.network import Loss, Network, initialise

SIZES = (784, 10, 10)
STEPS, BATCH = 600, 100
DECAY = 0.01  # the weight decay of trainings whose mistake is in it
RATES: dict[tuple[Loss, Optimizer], float] = {  # with which the right program learns well
    ("squared_error", "descent"): 0.5,
    ("cross_entropy", "descent"): 0.1,
    ("squared_error", "momentum"): 0.1,
    ("cross_entropy", "momentum"): 0.02,
    ("squared_error", "adam"): 0.003,
    ("cross_entropy", "adam"): 0.003,
}


class Setting(NamedTuple):
    """What a training is set to, beside the mistake in it."""

    loss: Loss
    optimizer: Optimizer = "descent"
    weight_decay: float = 0.0

    @property
    def learning_rate(self) -> float:
        return RATES[self.loss, self.optimizer]


class Curve(NamedTuple):
    """How a training went: E and the accuracy on test images at some steps, as the program itself
    computes them."""

    steps: tuple[int, ...]
    loss: tuple[float, ...]
    accuracy: tuple[float, ...]


def setting_for(bug: Bug, loss: Loss) -> Setting | None:
    """The simplest setting in which a mistake can be made; None if there is none with this loss."""
    network = initialise(SIZES, loss=loss, rng=np.random.default_rng(0))
    for decay in (0.0, DECAY):
        for optimizer in OPTIMIZERS:
            case = Case(
                replace(network, weight_decay=decay),
                np.zeros((SIZES[0], 4), np.float32),
                np.arange(4),
                Rule(optimizer),
                steps=((2,), (2,)),
            )
            if bug.applies(case):
                return Setting(loss, optimizer, decay)
    return None


def train_with(program: Program, setting: Setting, digits: Digits, seed: int) -> list[Network]:
    """The small network before a training with this program and after each of its STEPS steps.

    The start is drawn from `seed`, and from 100 + `seed` which images of `digits` it sees and when.
    """
    network = initialise(
        SIZES,
        loss=setting.loss,
        weight_decay=setting.weight_decay,
        rng=np.random.default_rng(seed),
    )
    order = np.random.default_rng(100 + seed).permutation(len(digits))
    chosen = np.resize(order, STEPS * BATCH)  # again from the beginning where there are fewer
    case = Case(
        network,
        digits.X[:, chosen],
        digits.labels[chosen],
        Rule(setting.optimizer),
        setting.learning_rate,
        ((BATCH,),) * STEPS,
    )
    return [network, *(replace(network, parameters=each) for each in learn(program, case))]


def measure(program: Program, network: Network, digits: Digits) -> tuple[float, float]:
    """E and the accuracy on these images, by the program's own forward pass."""
    at = run(program, Case(network, digits.X, digits.labels))
    return float(at.E), float(np.mean(at.A[at.L].argmax(axis=0) == digits.labels))


def curve(
    program: Program, setting: Setting, train: Digits, test: Digits, *, seed: int = 0, every: int
) -> Curve:
    """A training with this program, measured on `test` every so many steps."""
    networks = train_with(program, setting, train, seed)
    steps = tuple(range(0, STEPS + 1, every))
    measured = [measure(program, networks[step], test) for step in steps]
    loss, accuracy = zip(*measured, strict=True)
    return Curve(steps, loss, accuracy)
