"""What each cell of the ledger is: its formula, its neighbours, and the sum it is."""

import math
from typing import NamedTuple

from chainrule.explain.ledger import Ledger, Term, activation, locate, named, split, sum_of
from chainrule.explain.source import Source, find_source
from chainrule.network import Network


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


def array_formula(network: Network, name: str) -> str:
    """How a whole array comes about, in the symbols of the equations."""
    kind, l = split(name)
    L = network.depth
    below = activation(l - 1)
    squared = network.loss == "squared_error"
    match kind:
        case "x":
            return "x = the pixels of the image / 255"
        case "y":
            return "y = 1 for the true label, else 0"
        case "W" | "b":
            return f"{name} is a stored parameter"
        case "Z":
            return f"Z{l} = W{l} {below} + b{l}"
        case "A":
            return f"A{l} = softmax(Z{l})" if l == L else f"A{l} = ReLU(Z{l})"
        case "E":
            return f"E = 1/2 Σ (A{L} - y)²" if squared else f"E = -Σ y log A{L}"
        case "dA" if l == L:
            return f"dA{l} = A{l} - y" if squared else f"dA{l} = -y / A{l}"
        case "dZ" if l == L:
            return f"dZ{l} = A{l} ⊙ (dA{l} - Σ A{l} dA{l})" if squared else f"dZ{l} = A{l} - y"
        case "dA":
            return f"dA{l} = W{l + 1}ᵀ dZ{l + 1}"
        case "dZ":
            return f"dZ{l} = dA{l} ⊙ ReLU′(Z{l})"
        case "dW":
            return f"dW{l} = dZ{l} {below}ᵀ"
        case _:
            return f"db{l} = dZ{l}"


# ------------------------------------------------------------------------------ a cell in words


class Wording(NamedTuple):
    """What is the same for every cell of an array, but for the index."""

    formula: str  # dW2[i,j] = dZ2[i] A1[j]
    comes_from: tuple[str, ...]  # dZ2[i], A1[j]
    feeds: tuple[str, ...]


def pattern(network: Network, array: str) -> Wording:
    """The wording of any cell of an array; i, or i and j, stand for its index.

    With numbers put for the words i and j it is what open_cell says of that cell.
    """
    kind, _ = split(array)
    return word(network, array, *{"E": "", "W": "ij", "dW": "ij"}.get(kind, "i"))


def word(network: Network, array: str, *index: int | str) -> Wording:
    """The wording of the cell with this index, in numbers or in symbols."""
    formula, comes_from, feeds = say(network, *split(array), *index)
    cell = named(array, *index)
    return Wording(f"{cell} {formula}", tuple(comes_from.split()), tuple(feeds.split()))


def say(
    network: Network, kind: str, l: int, i: int | str = 0, j: int | str = 0
) -> tuple[str, str, str]:
    """Formula, comes_from and feeds of cell i or i, j of an array of this kind in layer l.

    Names of cells are parted by spaces.
    """
    L = network.depth
    last, squared = l == L, network.loss == "squared_error"
    below, above = activation(l - 1), l + 1
    after_dZ = f"dW{l}[{i},:] db{l}[{i}]" + (f" dA{l - 1}[:]" if l > 1 else "")
    match kind:
        case "x":
            return "= pixel / 255", "", f"Z1[:] dW1[:,{i}]"
        case "y":
            feeds = f"E dA{L}[{i}]" + ("" if squared else f" dZ{L}[{i}]")
            return "= 1 for the true label, else 0", "", feeds
        case "W":
            return "is a stored parameter", "", f"Z{l}[{i}]" + (f" dA{l - 1}[{j}]" if l > 1 else "")
        case "b":
            return "is a stored parameter", "", f"Z{l}[{i}]"
        case "Z":
            comes_from = f"W{l}[{i},:] {below}[:] b{l}[{i}]"
            feeds = f"A{l}[:]" + ("" if squared else " E") if last else f"A{l}[{i}] dZ{l}[{i}]"
            return f"= Σk W{l}[{i},k] {below}[k] + b{l}[{i}]", comes_from, feeds
        case "A" if last:
            formula = f"= exp(Z{l}[{i}] - M) / Σk exp(Z{l}[k] - M), M = max Z{l}"
            feeds = f"dA{l}[{i}] " + (f"E dZ{l}[:]" if squared else f"dZ{l}[{i}]")
            return formula, f"Z{l}[:]", feeds
        case "A":
            return f"= max(0, Z{l}[{i}])", f"Z{l}[{i}]", f"Z{above}[:] dW{above}[:,{i}]"
        case "E":
            log = f"= log Σk exp(Z{L}[k] - M) - Σk y[k] (Z{L}[k] - M), M = max Z{L}"
            formula = f"= 1/2 Σk (A{L}[k] - y[k])²" if squared else log
            return formula, f"A{L}[:] y[:]" if squared else f"Z{L}[:] y[:]", ""
        case "dA" if last:
            formula = f"= A{l}[{i}] - y[{i}]" if squared else f"= -y[{i}] / A{l}[{i}]"
            return formula, f"A{l}[{i}] y[{i}]", f"dZ{l}[:]" if squared else ""
        case "dZ" if last and squared:
            formula = f"= A{l}[{i}] (dA{l}[{i}] - Σk A{l}[k] dA{l}[k])"
            return formula, f"A{l}[:] dA{l}[:]", after_dZ
        case "dZ" if last:
            return f"= A{l}[{i}] - y[{i}]", f"A{l}[{i}] y[{i}]", after_dZ
        case "dA":
            formula = f"= Σk W{above}[k,{i}] dZ{above}[k]"
            return formula, f"W{above}[:,{i}] dZ{above}[:]", f"dZ{l}[{i}]"
        case "dZ":
            return f"= dA{l}[{i}] ReLU′(Z{l}[{i}])", f"dA{l}[{i}] Z{l}[{i}]", after_dZ
        case "dW":
            return f"= dZ{l}[{i}] {below}[{j}]", f"dZ{l}[{i}] {below}[{j}]", ""
        case _:
            return f"= dZ{l}[{i}]", f"dZ{l}[{i}]", ""


# -------------------------------------------------------------------------------- opening a cell


def open_cell(ledger: Ledger, name: str) -> Cell:
    """The cell of this name, such as dW2[3,7]; CellError if the ledger has no such cell."""
    array, index = locate(ledger, name)
    kind, l = split(array)
    terms, numerator = add_up(ledger, kind, l, *index)
    total = sum_of(term.value for term in terms)
    wording = word(ledger.network, array, *index)
    return Cell(
        name=named(array, *index),
        value=float(ledger.arrays[array][index]),
        formula=wording.formula,
        source=find_source(kind, l, ledger.network.depth, ledger.network.loss),
        numerator=numerator,
        terms=tuple(terms),
        total=numerator.value / (total or math.nan) if numerator else total,
        comes_from=wording.comes_from,
        feeds=wording.feeds,
    )


def add_up(
    ledger: Ledger, kind: str, l: int, i: int = 0, j: int = 0
) -> tuple[list[Term], Term | None]:
    """The terms a cell is the sum of; or a numerator, and the terms of what it is divided by."""
    number, below, last = ledger.number, activation(l - 1), l == ledger.network.depth
    match kind:
        case "Z":
            products = [
                product(number(f"W{l}", i, k), number(below, k)) for k in ledger.units(l - 1)
            ]
            return [*products, number(f"b{l}", i)], None
        case "A" if last:
            exps = exponentials(ledger)
            return exps, exps[i]
        case "A":
            z = number(f"Z{l}", i)
            return [Term(f"max(0, {z.names})", f"max(0, {z.numbers})", max(0.0, z.value))], None
        case "E":
            return squares(ledger) if ledger.squared else logarithms(ledger), None
        case "dA" if last and not ledger.squared:
            a, y = number(f"A{l}", i), number("y", i)
            value = -y.value / a.value if a.value else (-math.inf if y.value else 0.0)
            return [Term(f"-{y.names} / {a.names}", f"-{y.numbers} / {a.numbers}", value)], None
        case "dZ" if last and ledger.squared:
            a = number(f"A{l}", i)
            return [product(a, number(f"dA{l}", i))] + [
                minus(product(a, number(f"A{l}", k), number(f"dA{l}", k))) for k in ledger.units(l)
            ], None
        case "dA" | "dZ" if last:
            return [number(f"A{l}", i), minus(number("y", i))], None
        case "dA":
            W, dZ = f"W{l + 1}", f"dZ{l + 1}"
            return [product(number(W, k, i), number(dZ, k)) for k in ledger.units(l + 1)], None
        case "dZ":
            z = number(f"Z{l}", i)
            slope = Term(f"ReLU′({z.names})", f"{int(z.value > 0)}", float(z.value > 0))
            return [product(number(f"dA{l}", i), slope)], None
        case "dW":
            return [product(number(f"dZ{l}", i), number(below, j))], None
        case "db":
            return [number(f"dZ{l}", i)], None
        case "W":
            return [number(f"W{l}", i, j)], None
        case _:  # x, y, b: given, like W
            return [number(f"{kind}{l or ''}", i)], None


def squares(ledger: Ledger) -> list[Term]:
    """The terms of squared error, one for each unit of the last layer."""
    L = ledger.network.depth
    terms = []
    for k in ledger.units(L):
        a, y = ledger.number(f"A{L}", k), ledger.number("y", k)
        names, numbers = (f"1/2 ({p} - {q})²" for p, q in zip(a[:2], y[:2], strict=True))
        difference = a.value - y.value
        terms.append(Term(names, numbers, difference * difference / 2))
    return terms


def logarithms(ledger: Ledger) -> list[Term]:
    """The terms of cross-entropy: the logarithm, then one for each unit of the last layer."""
    L = ledger.network.depth
    inside = sum_of(e.value for e in exponentials(ledger))
    log = math.log(inside) if inside > 0 else math.nan
    terms = [Term(f"log Σk exp(Z{L}[k] - M)", f"log {inside:.6g}", log)]
    M = float(ledger.arrays[f"Z{L}"].max())
    for k in ledger.units(L):
        z, y = ledger.number(f"Z{L}", k), ledger.number("y", k)
        numbers = f"-{y.numbers} ({z.numbers} - {M:.6g})"
        terms.append(Term(f"-{y.names} ({z.names} - M)", numbers, -y.value * (z.value - M)))
    return terms


def product(*factors: Term) -> Term:
    return Term(
        " · ".join(factor.names for factor in factors),
        " · ".join(factor.numbers for factor in factors),
        math.prod(factor.value for factor in factors),
    )


def minus(term: Term) -> Term:
    return Term(f"-{term.names}", f"-{term.numbers}", -term.value)


def exponentials(ledger: Ledger) -> list[Term]:
    """exp(Z - M) of each unit of the last layer, M being the largest Z."""
    L = ledger.network.depth
    Z = ledger.arrays[f"Z{L}"].tolist()
    largest = max(Z)
    return [
        Term(f"exp(Z{L}[{k}] - M)", f"exp({z:.6g} - {largest:.6g})", math.exp(z - largest))
        for k, z in enumerate(Z)
    ]
