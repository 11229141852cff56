"""What each kind of cell is: its formula, its neighbours, and the sum it is. One rule for each.

A rule is written as the equations are, l being the layer, L the last one, i or i and j the index:

    dW[l][i,j] = dZ[l][i] A[l-1][j]

With numbers put in, that is said of a cell, dW1[3,350] = dZ1[3] x[350]; for A[0] is x, the image.
"""

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from chainrule.explain.ledger import Ledger, locate, named, split
from chainrule.explain.source import Source, find_source
from chainrule.explain.terms import (
    Term,
    Terms,
    exponentials,
    halves,
    logarithms,
    negative,
    products,
    quotients,
    relu,
    relu_slopes,
    squares,
    sum_of,
)
from chainrule.network import Loss, Network

Numbers = Callable[[str], Terms]  # the numbers of W[l][i,:], as terms of one number each


class Rule(NamedTuple):
    """What is true of every cell of an array."""

    array: str  # how the whole array is computed
    cell: str  # how one cell is computed
    terms: Callable[[Numbers], Terms]  # the cell is their sum
    comes_from: str = ""  # cells, or rows and columns of cells
    feeds: str = ""
    numerator: Callable[[Numbers], Term] | None = None  # then the cell is this divided by their sum


# -------------------------------------------------------------------------------------- the rules

GIVEN = {
    "x": Rule(
        array="x = the pixels of the image / 255",
        cell="x[i] = pixel / 255",
        terms=lambda at: at("x[i]"),
        feeds="Z[l+1][:] dW[l+1][:,i]",
    ),
    "y": Rule(
        array="y = 1 for the true label, else 0",
        cell="y[i] = 1 for the true label, else 0",
        terms=lambda at: at("y[i]"),
        feeds="E dA[L][i]",
    ),
    "W": Rule(
        array="W[l] is a stored parameter",
        cell="W[l][i,j] is a stored parameter",
        terms=lambda at: at("W[l][i,j]"),
        feeds="Z[l][i] dA[l-1][j]",
    ),
    "b": Rule(
        array="b[l] is a stored parameter",
        cell="b[l][i] is a stored parameter",
        terms=lambda at: at("b[l][i]"),
        feeds="Z[l][i]",
    ),
}

FORWARD = {
    "Z": Rule(
        array="Z[l] = W[l] A[l-1] + b[l]",
        cell="Z[l][i] = Σk W[l][i,k] A[l-1][k] + b[l][i]",
        terms=lambda at: products(at("W[l][i,:]"), at("A[l-1][:]")) + at("b[l][i]"),
        comes_from="W[l][i,:] A[l-1][:] b[l][i]",
        feeds="A[l][i] dZ[l][i]",
    ),
    "A": Rule(
        array="A[l] = ReLU(Z[l])",
        cell="A[l][i] = max(0, Z[l][i])",
        terms=lambda at: relu(at("Z[l][i]")),
        comes_from="Z[l][i]",
        feeds="Z[l+1][:] dW[l+1][:,i]",
    ),
}

BACKWARD = {
    "dA": Rule(
        array="dA[l] = W[l+1]ᵀ dZ[l+1]",
        cell="dA[l][i] = Σk W[l+1][k,i] dZ[l+1][k]",
        terms=lambda at: products(at("W[l+1][:,i]"), at("dZ[l+1][:]")),
        comes_from="W[l+1][:,i] dZ[l+1][:]",
        feeds="dZ[l][i]",
    ),
    "dZ": Rule(
        array="dZ[l] = dA[l] ⊙ ReLU′(Z[l])",
        cell="dZ[l][i] = dA[l][i] ReLU′(Z[l][i])",
        terms=lambda at: products(at("dA[l][i]"), relu_slopes(at("Z[l][i]"))),
        comes_from="dA[l][i] Z[l][i]",
        feeds="dW[l][i,:] db[l][i] dA[l-1][:]",
    ),
    "dW": Rule(
        array="dW[l] = dZ[l] A[l-1]ᵀ",
        cell="dW[l][i,j] = dZ[l][i] A[l-1][j]",
        terms=lambda at: products(at("dZ[l][i]"), at("A[l-1][j]")),
        comes_from="dZ[l][i] A[l-1][j]",
    ),
    "db": Rule(
        array="db[l] = dZ[l]",
        cell="db[l][i] = dZ[l][i]",
        terms=lambda at: at("dZ[l][i]"),
        comes_from="dZ[l][i]",
    ),
}

SOFTMAX = Rule(
    array="A[l] = softmax(Z[l])",
    cell="A[l][i] = exp(Z[l][i] - M) / Σk exp(Z[l][k] - M), M = max Z[l]",
    terms=lambda at: exponentials(at("Z[l][:]"), at("Z[l][:]")),
    comes_from="Z[l][:]",
    numerator=lambda at: exponentials(at("Z[l][i]"), at("Z[l][:]"))[0],
)

# Where the last layer and its loss are different.
SQUARED_ERROR = {
    "y": GIVEN["y"],
    "Z": FORWARD["Z"]._replace(feeds="A[l][:]"),
    "A": SOFTMAX._replace(feeds="dA[l][i] E dZ[l][:]"),
    "E": Rule(
        array="E = 1/2 Σ (A[L] - y)²",
        cell="E = 1/2 Σk (A[L][k] - y[k])²",
        terms=lambda at: squares(at("A[L][:]"), at("y[:]")),
        comes_from="A[L][:] y[:]",
    ),
    "dA": Rule(
        array="dA[l] = A[l] - y",
        cell="dA[l][i] = A[l][i] - y[i]",
        terms=lambda at: at("A[l][i]") + negative(at("y[i]")),
        comes_from="A[l][i] y[i]",
        feeds="dZ[l][:]",
    ),
    "dZ": Rule(
        array="dZ[l] = A[l] ⊙ (dA[l] - Σ A[l] dA[l])",
        cell="dZ[l][i] = A[l][i] (dA[l][i] - Σk A[l][k] dA[l][k])",
        terms=lambda at: (
            products(at("A[l][i]"), at("dA[l][i]"))
            + negative(products(at("A[l][i]"), at("A[l][:]"), at("dA[l][:]")))
        ),
        comes_from="A[l][:] dA[l][:]",
        feeds=BACKWARD["dZ"].feeds,
    ),
}
CROSS_ENTROPY = {
    "y": GIVEN["y"]._replace(feeds="E dA[L][i] dZ[L][i]"),
    "Z": FORWARD["Z"]._replace(feeds="A[l][:] E"),
    "A": SOFTMAX._replace(feeds="dA[l][i] dZ[l][i]"),
    "E": Rule(
        array="E = -Σ y log A[L]",
        cell="E = log Σk exp(Z[L][k] - M) - Σk y[k] (Z[L][k] - M), M = max Z[L]",
        terms=lambda at: logarithms(at("Z[L][:]"), at("y[:]")),
        comes_from="Z[L][:] y[:]",
    ),
    "dA": Rule(  # nothing comes from it: in dZ it has cancelled
        array="dA[l] = -y / A[l]",
        cell="dA[l][i] = -y[i] / A[l][i]",
        terms=lambda at: quotients(negative(at("y[i]")), at("A[l][i]")),
        comes_from="A[l][i] y[i]",
    ),
    "dZ": Rule(
        array="dZ[l] = A[l] - y",
        cell="dZ[l][i] = A[l][i] - y[i]",
        terms=lambda at: at("A[l][i]") + negative(at("y[i]")),
        comes_from="A[l][i] y[i]",
        feeds=BACKWARD["dZ"].feeds,
    ),
}
LAST: dict[Loss, dict[str, Rule]] = {
    "squared_error": SQUARED_ERROR,
    "cross_entropy": CROSS_ENTROPY,
}
# How weight decay λ changes a rule.
DECAYED: dict[str, Callable[[Rule], Rule]] = {
    "W": lambda rule: rule._replace(feeds=f"{rule.feeds} dW[l][i,j] E"),
    "E": lambda rule: rule._replace(
        array=f"{rule.array} + λ/2 Σ ‖W‖²",
        cell=f"{rule.cell} + λ/2 Σ ‖W‖²",
        terms=lambda at: rule.terms(at) + products(halves(at("λ")), at("‖W‖²")),
        comes_from=f"{rule.comes_from} W[:,:]",
    ),
    "dW": lambda rule: rule._replace(
        array=f"{rule.array} + λ W[l]",
        cell=f"{rule.cell} + λ W[l][i,j]",
        terms=lambda at: rule.terms(at) + products(at("λ"), at("W[l][i,j]")),
        comes_from=f"{rule.comes_from} W[l][i,j]",
    ),
}


def rule_of(network: Network, array: str) -> Rule:
    """The rule of the cells of an array of this network: A2."""
    kind, l = split(array)
    last = LAST[network.loss]
    of_last = kind in last and l in (0, network.depth)  # y and E are of no layer
    rule = last[kind] if of_last else (GIVEN | FORWARD | BACKWARD)[kind]
    return DECAYED[kind](rule) if network.weight_decay and kind in DECAYED else rule


# ------------------------------------------------------------------------------ a cell in words


class Wording(NamedTuple):
    """What a rule says of one cell, or of any."""

    formula: str  # dW2[i,j] = dZ2[i] A1[j]
    comes_from: tuple[str, ...]  # dZ2[i], A1[j]
    feeds: tuple[str, ...]


def array_formula(network: Network, array: str) -> str:
    """How a whole array is computed, in the symbols of the equations."""
    return put_in(network, array, rule_of(network, array).array)


def cell_wording(network: Network, array: str, *index: int) -> Wording:
    """The wording of the cell of an array with this index.

    Without an index it is that of any cell, with i, or i and j, instead of numbers.
    """
    rule = rule_of(network, array)
    formula, comes_from, feeds = (
        put_in(network, array, text, *index) for text in (rule.cell, rule.comes_from, rule.feeds)
    )
    # There is no dA0: E is not differentiated by the image.
    there = [cell for cell in feeds.split() if not cell.startswith("dA0")]
    if comes_from.endswith(" W[:,:]"):  # all weights
        weights = (f"W{l}[:,:]" for l in range(1, network.depth + 1))
        comes_from = comes_from.replace("W[:,:]", " ".join(weights))
    return Wording(formula, tuple(comes_from.split()), tuple(there))


def put_in(network: Network, array: str, text: str, *index: int) -> str:
    """A rule's text of a cell of this array: with the numbers of its layer and of its index."""
    numbers = dict(zip("ij", map(str, index), strict=False))
    text = put_in_layers(text, split(array)[1], network.depth)
    return re.sub(r"\b[ij]\b", lambda found: numbers.get(found[0], found[0]), text)


@lru_cache(1024)
def put_in_layers(text: str, l: int, L: int) -> str:
    """A rule's text with l and L in numbers, as arrays are called: W1, not W[1], and x, not A0."""
    layers = {"l": l, "L": L}

    def number(found: re.Match[str]) -> str:
        return f"{layers[found[1]] + int(found[2] or 0)}"

    return re.sub(r"\bA0", "x", re.sub(r"\[([lL])([+-]1)?\]", number, text))


# -------------------------------------------------------------------------------- opening a cell


class Cell(NamedTuple):
    """One number of the pass, opened."""

    name: str
    value: float  # as it stands in its array
    formula: str  # of this cell
    source: Source | None  # None for what no line computes, or if the source cannot be read
    numerator: Term | None  # the value is the sum of the terms, or this divided by that sum
    terms: tuple[Term, ...]
    total: float  # the terms put together with math.fsum; owes nothing to how value was computed
    comes_from: tuple[str, ...]  # cells, or rows and columns of cells: W1[3,:]
    feeds: tuple[str, ...]


def open_cell(ledger: Ledger, name: str) -> Cell:
    """The cell of this name, such as dW2[3,7]; CellError if the ledger has no such cell."""
    array, index = locate(ledger, name)
    network = ledger.network
    rule, wording = rule_of(network, array), cell_wording(network, array, *index)

    def numbers(cells: str) -> Terms:
        return ledger.numbers(put_in(network, array, cells, *index))

    terms = rule.terms(numbers)
    numerator = rule.numerator(numbers) if rule.numerator else None
    total = sum_of(term.value for term in terms)
    return Cell(
        name=named(array, *index),
        value=float(ledger.arrays[array][index]),
        formula=wording.formula,
        source=find_source(
            *split(array), network.depth, network.loss, decay=network.weight_decay > 0
        ),
        numerator=numerator,
        terms=tuple(terms),
        total=numerator.value / (total or math.nan) if numerator else total,
        comes_from=wording.comes_from,
        feeds=wording.feeds,
    )
