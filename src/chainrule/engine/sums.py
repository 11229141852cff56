"""What tiles give, added in one fixed binary tree, so that the sum has the same bits anywhere."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.network import Array


class Part(NamedTuple):
    """What some tiles give: their share of E, which classes (rows) they read as which, their ∂E."""

    loss: float
    confusion: NDArray[np.intp]  # (classes, classes), or (0,) if it is not wanted
    gradient: Array  # (n,), or (0,) if it is not wanted

    def plus(self, other: "Part") -> "Part":
        return Part(
            self.loss + other.loss,
            self.confusion + other.confusion,
            self.gradient + other.gradient,
        )


class Tree:
    """A sum in one fixed binary tree over leaves that come in order.

    Leaves 2k and 2k + 1 are added, then pairs of such sums, and so on; what is left over at the
    end is added from the last. At most log₂(leaves) + 1 sums are kept.
    """

    def __init__(self) -> None:
        self.leaves = 0
        self.sums: list[Part] = []

    def add(self, part: Part) -> None:
        """Take the next leaf."""
        self.leaves += 1
        leaves = self.leaves
        while leaves % 2 == 0:
            part = self.sums.pop().plus(part)
            leaves //= 2
        self.sums.append(part)

    def root(self) -> Part:
        """The sum of all leaves."""
        part = self.sums.pop()
        while self.sums:
            part = self.sums.pop().plus(part)
        return part


def tree_sum(array: Array) -> Array:
    """The sum over the first axis, in the same tree."""
    while len(array) > 1:
        even = len(array) // 2 * 2
        pairs = array[0:even:2] + array[1:even:2]
        array = np.concatenate([pairs, array[even:]]) if even < len(array) else pairs
    return array[0]


def confusion_matrix(
    labels: NDArray[Any], answers: NDArray[np.intp], classes: int
) -> NDArray[np.intp]:
    """How often each class (rows) was read as each (columns): (classes, classes)."""
    pairs = classes * labels.astype(np.intp) + answers
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
