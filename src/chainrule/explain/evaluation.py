"""What a formula of one's own gives, computed in NumPy from its tree.

Vectors are columns (n, 1) as in the equations, so dZ2 @ A1.T is a matrix and A.T @ dA one number.
Everything is float64, and shapes join as NumPy's do.
"""

import math
from collections.abc import Mapping

import numpy as np

from chainrule.explain.differences import quiet
from chainrule.explain.formula import FormulaError
from chainrule.explain.ledger import Ledger
from chainrule.explain.tree import (
    FUNCTIONS,
    SIGNS,
    Call,
    Joined,
    Name,
    Negative,
    Node,
    Number,
    Power,
    Transposed,
)
from chainrule.network import Array

LARGEST = 4_000_000  # numbers in an array
WORK = 30_000_000  # numbers computed for one formula; in a product of matrices 8 count as one


def columns(ledger: Ledger) -> dict[str, Array]:
    """What the names mean: the ledger's arrays, vectors as columns; m is 1, λ the weight decay."""
    found = {
        name: array[:, None] if array.ndim == 1 else array for name, array in ledger.arrays.items()
    }
    return found | {"m": np.array(1.0), "λ": np.array(ledger.network.weight_decay)}


@quiet
def evaluate(node: Node, values: Mapping[str, Array]) -> Array:
    """The array that a formula gives; FormulaError where shapes do not fit, or it is too large."""
    return np.asarray(Evaluation(values).of(node), dtype=np.float64)


class Evaluation:
    """A formula being computed, and the work that it may still take."""

    def __init__(self, values: Mapping[str, Array]) -> None:
        self.values, self.left = values, WORK

    def of(self, node: Node) -> Array:
        match node:
            case Number(value):
                return np.array(value)
            case Name(name):
                return self.values[name]
            case Negative(operand):
                return np.negative(self.paid(self.of(operand)))
            case Transposed(operand):
                return self.of(operand).T
            case Power(base, exponent):
                return np.power(self.paid(self.of(base)), exponent)
            case Joined(sign, left, right, at):
                return self.join(sign, self.of(left), self.of(right), at)
            case Call("max", (first, second), at):
                return self.join("max", self.of(first), self.of(second), at)
            case Call(function, (argument,)):
                return np.asarray(FUNCTIONS[function](self.paid(self.of(argument))))
        raise AssertionError(node)

    def join(self, sign: str, left: Array, right: Array, at: int) -> Array:
        if sign == "@":
            size, work = product_size(left, right, at)
        else:
            size = work = joined_size(sign, left, right, at)
        self.pay(size, work, at)
        join = np.maximum if sign == "max" else SIGNS[sign]
        return np.asarray(join(left, right), dtype=np.float64)

    def paid(self, array: Array) -> Array:
        self.pay(array.size, array.size)
        return array

    def pay(self, size: int, work: int, at: int | None = None) -> None:
        self.left -= work
        if size > LARGEST:
            raise FormulaError(f"an array would have {size:,} numbers, at most {LARGEST:,}", at)
        if self.left < 0:
            raise FormulaError("this formula takes too much work: make it shorter", at)


def product_size(left: Array, right: Array, at: int) -> tuple[int, int]:
    """How many numbers left @ right has, and how much work they are."""
    if not (left.ndim and right.ndim):
        raise FormulaError("@ takes two arrays; write * to multiply by a number", at)
    (n, k), (rows, p) = left.shape, right.shape
    if k != rows:
        hint = ""
        if p == 1 == k:
            hint = "; transpose one of them with .T"
        raise FormulaError(
            f"for @ the left has as many columns as the right has rows, got {sized(left)} @ "
            f"{sized(right)}{hint}",
            at,
        )
    return n * p, n * p + n * k * p // 8


def joined_size(sign: str, left: Array, right: Array, at: int) -> int:
    """How many numbers two arrays make cell by cell."""
    try:
        return math.prod(np.broadcast_shapes(left.shape, right.shape))
    except ValueError:
        product = sign == "*" and left.shape[1:] == right.shape[:1]
        hint = "; a product of matrices is @" if product else ""
        raise FormulaError(
            f"{sign} goes cell by cell, and {sized(left)} does not fit {sized(right)}{hint}", at
        ) from None


def sized(array: Array) -> str:
    """A shape in words."""
    return " × ".join(map(str, array.shape)) if array.ndim else "one number"
