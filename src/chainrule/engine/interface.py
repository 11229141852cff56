"""What an engine is: it advances a training by steps, and measures networks.

A training asks for all steps until the next snapshot at once, and looks at nothing in between, so
they may be a compiled loop. The loss in a snapshot of a full batch costs no pass of its own: an
engine is always one pass ahead of the steps that it has taken.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from chainrule.data import Examples
from chainrule.deform import Deform
from chainrule.descent import MEMORY_ROWS, Rule
from chainrule.engine.sums import Part
from chainrule.network import Array, Loss, Network


class Plan(NamedTuple):
    """What is decided of a training before its first step."""

    sizes: tuple[int, ...]
    loss: Loss
    weight_decay: float
    examples: Examples
    rule: Rule
    batch_size: int | None  # None: all examples in each step
    key: int  # the order of epoch e comes from default_rng((key, e))
    length: int  # steps in all
    deform: Deform | None = None  # how copies differ that are seen instead of the digits

    @property
    def same(self) -> bool:
        """Whether each step sees all examples as they are, so that E is that of all of them."""
        return self.batch_size is None and self.deform is None


class Position(NamedTuple):
    """Where a training stands after `step` steps. Its arrays are never written again.

    `ahead` is what these parameters give on the batch of the next step: E, the confusion if it is
    wanted, and, unless this is the end, the gradient.
    """

    parameters: Array  # (n,)
    memory: Array  # (rows, n), the optimizer's
    step: int
    ahead: Part


class Engine(Protocol):
    """What computes a training. Only one thread at a time may use it."""

    name: str

    def begin(
        self, plan: Plan, parameters: Array, memory: Array, step: int, *, answers: bool
    ) -> Position:
        """The position with these parameters and this memory; `answers`: with the confusion."""
        ...

    def advance(
        self, plan: Plan, at: Position, rates: Sequence[float], *, answers: bool
    ) -> tuple[Position, list[float]]:
        """Take one step at each of these learning rates; also gives E of each batch.

        It ends early, at the first position whose E is not finite.
        """
        ...

    def measure(self, network: Network, examples: Examples) -> Part:
        """E, without weight decay, and the confusion of a network on all examples."""
        ...


def gradient_of(engine: Engine, network: Network, examples: Examples) -> Array:
    """∂E/∂parameters on all examples, weight decay included, as this engine computes it: (n,)."""
    rule = Rule("descent")
    memory = np.zeros((MEMORY_ROWS[rule.optimizer], network.parameters.size), np.float32)
    plan = Plan(network.sizes, network.loss, network.weight_decay, examples, rule, None, 0, 1)
    return engine.begin(plan, network.parameters, memory, 0, answers=False).ahead.gradient
