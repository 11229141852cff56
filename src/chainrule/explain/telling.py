"""What is to be told of one image first: who made the answer, and which weight to look at.

The story in the lab says it in words; every number is one of the ledger's.
"""

from typing import NamedTuple

import numpy as np

from chainrule.explain.ledger import Ledger, named, prediction
from chainrule.explain.paths import pushes

MOST = 3  # units that are named
ENOUGH = 0.6  # of what speaks for the answer rather than the other


class Reasons(NamedTuple):
    """Why one answer won over another: the units that push the first more than the second."""

    answer: int  # the digit with the largest Z
    other: int  # the label, or, if that is the answer, the second
    units: list[tuple[int, float, float]]  # unit, what it adds to Z of the answer, and of the other


class Telling(NamedTuple):
    """The weight to look at: of those into the label's answer, the one of the steepest slope."""

    name: str  # W2[3,4]
    unit: int  # of the layer below, or the pixel if there is none
    digit: int
    value: float
    slope: float  # dW2[3,4]


def reasons(ledger: Ledger) -> Reasons | None:
    """The units that decided, the strongest first; None if the numbers overflow.

    At most MOST, and no more than it takes to make ENOUGH of all that speaks for the answer.
    """
    answer = prediction(ledger)
    if answer is None:
        return None
    L = ledger.network.depth
    label = int(ledger.arrays["y"].argmax())
    second = int(np.argsort(-ledger.arrays[f"Z{L}"], kind="stable")[1])
    other = label if label != answer else second
    push = pushes(ledger, L)
    more = np.maximum(push[answer] - push[other], 0)
    found: list[tuple[int, float, float]] = []
    said = 0.0
    for unit in np.argsort(-more, kind="stable")[:MOST]:
        if not more[unit] or said >= ENOUGH * more.sum():
            break
        said += more[unit]
        found.append((int(unit), float(push[answer, unit]), float(push[other, unit])))
    return Reasons(answer, other, found)


def steepest(ledger: Ledger) -> Telling:
    """The weight into the label's answer along which E changes fastest, the first of equals."""
    L = ledger.network.depth
    digit = int(ledger.arrays["y"].argmax())
    slopes = ledger.arrays[f"dW{L}"][digit]
    unit = int(np.nan_to_num(np.abs(slopes)).argmax())
    return Telling(
        name=named(f"W{L}", digit, unit),
        unit=unit,
        digit=digit,
        value=float(ledger.arrays[f"W{L}"][digit, unit]),
        slope=float(slopes[unit]),
    )
