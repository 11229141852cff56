"""What a step needs beside the slopes: numbers for compiled code, the same on every processor."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chainrule.descent import OPTIMIZERS, Rule
from chainrule.engine.compiled.passes import KEEP

KINDS = {name: kind for kind, name in enumerate(OPTIMIZERS, KEEP + 1)}
DECAY, SQUARE_DECAY = 0.9, 0.999  # Adam's, as in descent.py


def rates_of(rule: Rule, step: int, rates: Sequence[float]) -> NDArray[np.float32]:
    """For each step after so many: its rate, and the divisors that make Adam's means unbiased."""
    table = np.ones((len(rates), 3), np.float32)
    table[:, 0] = rates
    if rule.optimizer == "adam":
        for row, number in enumerate(range(step + 1, step + 1 + len(rates))):
            table[row, 1:] = 1 - power(DECAY, number), 1 - power(SQUARE_DECAY, number)
    return table.ravel()


def power(x: float, n: int) -> float:
    """xⁿ by products alone: what `**` gives may differ from system to system."""
    result = 1.0
    while n:
        if n & 1:
            result *= x
        x *= x
        n >>= 1
    return result
