"""A formula as a tree: numbers, names, and what is done with them; and the tree as text again."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from chainrule.network import Array, relu


class Number(NamedTuple):
    """A constant, 0 or more."""

    value: float


class Name(NamedTuple):
    """An array of the ledger by its whole name: A2."""

    name: str


class Negative(NamedTuple):
    """Minus something."""

    operand: "Node"


class Transposed(NamedTuple):
    """Something.T"""

    operand: "Node"


class Power(NamedTuple):
    """Something to a constant."""

    base: "Node"
    exponent: float


class Joined(NamedTuple):
    """Two things and the sign between them."""

    sign: str
    left: "Node"
    right: "Node"
    at: int = 0


class Call(NamedTuple):
    """A function of one thing, or max of two."""

    function: str
    arguments: tuple["Node", ...]
    at: int = 0


Node = Number | Name | Negative | Transposed | Power | Joined | Call
FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "relu": relu,
}
SIGNS: dict[str, Callable[[Array, Array], Array]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "@": np.matmul,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
}
BINDS = {sign: 2 if sign in "*/@" else 1 if sign in "+-" else 0 for sign in SIGNS}
SIGNED, POWER, FACTOR = 3, 4, 5


def written(node: Node, least: int = 0) -> str:
    """A tree as text that is read as the same tree; in brackets if it binds less than `least`."""
    match node:
        case Number(value):
            text, binds = repr(value).removesuffix(".0"), FACTOR
        case Name(name):
            text, binds = name, FACTOR
        case Negative(operand):
            text, binds = f"-{written(operand, SIGNED)}", SIGNED
        case Transposed(Number() as number):
            text, binds = f"({written(number)}).T", FACTOR
        case Transposed(operand):
            text, binds = f"{written(operand, FACTOR)}.T", FACTOR
        case Power(base, exponent):
            constant = repr(exponent).removesuffix(".0")
            text, binds = f"{written(base, FACTOR)} ** {constant}", POWER
        case Joined(sign, left, right):
            binds = BINDS[sign]
            first = max(binds, 1)  # comparisons do not stand in a row
            text = f"{written(left, first)} {sign} {written(right, binds + 1)}"
        case Call(function, arguments):
            text, binds = f"{function}({', '.join(map(written, arguments))})", FACTOR
    return f"({text})" if binds < least else text
