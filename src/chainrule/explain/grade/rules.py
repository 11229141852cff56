"""By which rule do steps follow from gradients? Descent, momentum, Adam and others, and mistakes.

A rule is known by what it does with the same gradients, over several steps: each step is compared,
not the parameters, so where it begins does not matter.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal

import numpy as np

from chainrule.descent import MEMORY_ROWS, OPTIMIZERS, Optimizer, Rule
from chainrule.explain.bugs.bug import Bug
from chainrule.explain.bugs.program import RIGHT, Case, Program, Step
from chainrule.explain.bugs.zoo import ZOO
from chainrule.explain.differences import quiet
from chainrule.network import Array, Network

NEAR = 1e-3  # ‖step - rule's step‖/‖rule's step‖: ε and float32 are within
PLAIN = ("", "momentum, decay 0.9", "Adam")  # beside which steps that follow no rule are looked at
Directions = Callable[[Sequence[Array]], Iterator[Array]]


@dataclass(frozen=True)
class Known:
    """What steps follow from: a rule in words, or mistakes; and where they do not."""

    words: str = ""
    bugs: tuple[Bug, ...] = ()
    alike: tuple[Bug, ...] = ()
    wrong: tuple[str, ...] = ()  # arrays that move otherwise


# ------------------------------------------------------------------- right rules beside our three


def averaged(decay: float, gradients: Sequence[Array]) -> Iterator[Array]:
    """Momentum whose velocity is a mean: v = decay v + (1 - decay) g."""
    velocity = np.zeros_like(gradients[0])
    for g in gradients:
        velocity = decay * velocity + (1 - decay) * g
        yield velocity


def nesterov(decay: float, gradients: Sequence[Array]) -> Iterator[Array]:
    """Momentum that looks ahead: a step along g + decay v."""
    velocity = np.zeros_like(gradients[0])
    for g in gradients:
        velocity = decay * velocity + g
        yield g + decay * velocity


def root_mean_square(decay: float, gradients: Sequence[Array]) -> Iterator[Array]:
    """RMSprop: a step along g over the root of the running mean of g²."""
    square = np.zeros_like(gradients[0])
    for g in gradients:
        square = decay * square + (1 - decay) * g**2
        yield g / (np.sqrt(square) + 1e-8)


def root_of_sum(gradients: Sequence[Array]) -> Iterator[Array]:
    """AdaGrad: a step along g over the root of the sum of all g²."""
    square = np.zeros_like(gradients[0])
    for g in gradients:
        square = square + g**2
        yield g / (np.sqrt(square) + 1e-8)


def steps_of(
    program: Program, rule: Rule, gradients: Sequence[Array], rate: float = 1.0
) -> Iterator[Array]:
    """The directions in which a program steps down: its steps over the learning rate."""
    theta = np.zeros_like(gradients[0])
    memory: Array = np.zeros((MEMORY_ROWS[rule.optimizer], theta.size))
    for number in range(1, len(gradients) + 1):
        case = plain_case(theta, rule)._replace(learning_rate=rate)
        moved, memory = program.step(Step(case, tuple(gradients[:number]), memory, number))
        yield (theta - moved) / rate
        theta = moved


def plain_case(theta: Array, rule: Rule) -> Case:
    """A case of which a step reads the parameters alone: a network of one unit that has them."""
    network = Network((theta.size - 1, 1), theta)
    return Case(network, np.zeros((theta.size - 1, 1)), np.zeros(1, int), rule, 1.0)


def right_rules(decays: Sequence[float]) -> Iterator[tuple[str, Optimizer, Directions]]:
    """In words, the optimizer of ours that it is like, and the rule; plain descent first."""
    yield "", "descent", partial(steps_of, RIGHT, Rule("descent"))
    for decay in decays:
        rule = Rule("momentum", decay)
        words = f"momentum, decay {decay:g}"
        yield words, "momentum", partial(steps_of, RIGHT, rule)
        yield f"{words}, its velocity a mean", "momentum", partial(averaged, decay)
        yield f"Nesterov's {words}", "momentum", partial(nesterov, decay)
    yield "Adam", "adam", partial(steps_of, RIGHT, Rule("adam"))
    for decay in (0.9, 0.99, 0.999):
        yield f"RMSprop, decay {decay:g}", "adam", partial(root_mean_square, decay)
    yield "AdaGrad", "adam", root_of_sum


# ------------------------------------------------------------------------------------ recognising


@dataclass(eq=False)
class Walk:
    """Parameters before and after some steps, and the gradients that the steps were given."""

    thetas: Sequence[Array]
    gradients: Sequence[Array]
    places: dict[str, slice]  # where each array stands in them
    rate: float | None  # None: the file does not say its learning rate
    remembers: bool  # whether it is handed something to remember, or says so in its name

    @cached_property
    def steps(self) -> list[Array]:
        """What each step took away."""
        return [a - b for a, b in zip(self.thetas, self.thetas[1:], strict=False)]


@quiet
def recognise(walk: Walk) -> Known:
    """The rule behind some steps, or the likeliest mistake in one."""
    everything = tuple(walk.places)
    nearest: list[tuple[str, ...]] = []
    for words, optimizer, rule in right_rules((0.9, *fitted_decay(walk))):
        directions = list(rule(walk.gradients))
        if follows(walk, directions):
            if optimizer == "descent" and walk.remembers:
                return Known(bugs=(named("velocity forgotten"),), wrong=everything)
            decayed = [name for name in everything if relation(walk, directions, name) == "decays"]
            biases = tuple(name for name in decayed if name[0] == "b")
            return Known(words, (named("decay of biases"),) * bool(biases), wrong=biases)
        if follows(walk, [-each for each in directions]):
            return Known(bugs=(named("uphill"),), wrong=everything)
        if words in PLAIN:
            off = [name for name in everything if relation(walk, directions, name) == "off"]
            nearest.append(tuple(off))
    found = list({bug.name: bug for bug in mistakes(walk)}.values())
    if found:
        return Known(bugs=(found[0],), alike=tuple(found[1:]), wrong=everything)
    return Known(wrong=min(nearest, key=len))


def mistakes(walk: Walk) -> Iterator[Bug]:
    """The mistakes of the zoo that lead to these steps."""
    order = ("momentum", "adam", "descent") if walk.remembers else OPTIMIZERS
    for optimizer in order:
        for bug in ZOO:
            if bug.judged == "step" and "step" in bug.parts and fits_rule(bug, optimizer):
                rate = walk.rate or 1.0
                steps = steps_of(bug.in_(RIGHT), Rule(optimizer), walk.gradients, rate)
                directions = list(steps)
                scaled = [0.1 * each for each in directions]  # a velocity that is a mean
                if follows(walk, directions) or follows(walk, scaled):
                    yield bug


def fits_rule(bug: Bug, optimizer: Optimizer) -> bool:
    """Whether a mistake can be made with this optimizer."""
    return bug.applies(plain_case(np.zeros(2), Rule(optimizer)))


def follows(walk: Walk, directions: Sequence[Array]) -> bool:
    """Whether all arrays go these ways, but for decay; the small arrays are looked at first."""
    names = sorted(walk.places, key=lambda name: walk.places[name].stop - walk.places[name].start)
    return all(relation(walk, directions, name) != "off" for name in names)


def relation(
    walk: Walk, directions: Sequence[Array], name: str
) -> Literal["same", "decays", "off"]:
    """Whether an array goes these ways, or decays beside it, or goes others."""
    place, rate = walk.places[name], walk.rate or rate_of(walk, directions)
    left = [a[place] - rate * b[place] for a, b in zip(walk.steps, directions, strict=True)]
    sizes = [np.linalg.norm(rate * each[place]) for each in directions]
    if all(np.linalg.norm(a) <= NEAR * size for a, size in zip(left, sizes, strict=True)):
        return "same"
    before = np.concatenate([theta[place] for theta in walk.thetas[:-1]])
    rest = np.concatenate(left)
    share = float(before @ rest / (before @ before))
    decays = share > 0 and np.linalg.norm(rest - share * before) <= NEAR * np.linalg.norm(rest)
    return "decays" if decays else "off"


def rate_of(walk: Walk, directions: Sequence[Array]) -> float:
    """The learning rate that the first step must have had."""
    first, along = walk.steps[0], directions[0]
    return abs(float(first @ along / (along @ along)))


def fitted_decay(walk: Walk) -> Iterator[float]:
    """The decay of a momentum, from the second step as a sum of two gradients."""
    pair = np.stack(walk.gradients[:2], axis=1)
    (old, new), *_ = np.linalg.lstsq(pair, walk.steps[1], rcond=None)
    for decay in (old / new if new else 0.0, nesterov_decay(old, new)):
        if 0.01 < decay < 0.995:
            yield round(float(decay), 4)


def nesterov_decay(old: float, new: float) -> float:
    """The decay of Nesterov's momentum, whose steps have decay² g and (1 + decay) g."""
    ratio = old / new if new else 0.0
    return (ratio + np.sqrt(ratio**2 + 4 * ratio)) / 2 if ratio > 0 else 0.0


def named(name: str) -> Bug:
    return next(bug for bug in ZOO if bug.name == name)
