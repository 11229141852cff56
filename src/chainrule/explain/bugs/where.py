"""Where a mistake can be made, and where it can be seen: conditions on a case."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from chainrule.explain.bugs.program import RIGHT, Case, run

Where = Callable[[Case], bool]


def always(case: Case) -> bool:
    return True


def squared(case: Case) -> bool:
    """The loss is squared error."""
    return case.network.loss == "squared_error"


def crossed(case: Case) -> bool:
    """The loss is cross-entropy."""
    return not squared(case)


def several_images(case: Case) -> bool:
    return case.m > 1


def hidden(case: Case) -> bool:
    """There is a hidden layer."""
    return case.network.depth > 1


def equal_neighbours(case: Case) -> bool:
    """Two layers that follow each other, the inputs left out, have as many units."""
    return any(a == b for a, b in pairwise(case.network.sizes[1:]))


def equal_below(case: Case) -> bool:
    """A hidden layer has as many units as what is below it, the inputs included."""
    return any(a == b for a, b in pairwise(case.network.sizes[:-1]))


def any_equal(case: Case) -> bool:
    """The weights of some layer are a square."""
    return any(a == b for a, b in pairwise(case.network.sizes))


def decaying(case: Case) -> bool:
    """There is weight decay."""
    return case.network.weight_decay > 0


def biased(case: Case) -> bool:
    """Some bias is not 0; those of a fresh network are."""
    return any(b.any() for _, b in case.network.layers)


def unit_off(case: Case) -> bool:
    """Some hidden unit is off, and what comes back to it is not 0."""
    at = run(RIGHT, case)
    return any(((at.Z[l] < 0) & (at.dA[l] != 0)).any() for l in range(1, at.L))


def at_a_kink(case: Case) -> bool:
    """Some Z of a hidden layer is exactly 0, and what comes back to it is not."""
    at = run(RIGHT, case)
    return any(((at.Z[l] == 0) & (at.dA[l] != 0)).any() for l in range(1, at.L))


def overflowing(case: Case) -> bool:
    """exp of some Z of the last layer overflows, or those of a whole column underflow."""
    Z = run(RIGHT, case).Z[case.network.depth]
    with np.errstate(over="ignore"):
        total = np.sum(np.exp(Z), axis=0)
    return bool((np.isinf(total) | (total == 0)).any())


def several_steps(case: Case) -> bool:
    return len(case.steps) > 1


def unequal_batches(case: Case) -> bool:
    """Some step puts batches of different sizes together."""
    return any(len(set(sizes)) > 1 for sizes in case.steps)
