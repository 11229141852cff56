"""Sums written out: each term in names, with the numbers put in, and its value."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Term(NamedTuple):
    """One summand: in names, with the numbers put in, and its value."""

    names: str  # W2[3,7] · A1[7]
    numbers: str  # -0.31 · 1.62
    value: float


Terms = list[Term]


def sum_of(values: Iterable[float]) -> float:
    """The exact sum, rounded once; infinity or NaN where it overflows."""
    values = list(values)
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):  # a partial sum is too large; or infinity - infinity
        return sum(values)


def products(*factors: Terms) -> Terms:
    """The products of the first numbers, of the second ones, …; a single number is in each."""
    most = max(map(len, factors))
    rows = zip(*(most * each if len(each) == 1 else each for each in factors), strict=True)
    return [
        Term(
            " · ".join(each.names for each in row),
            " · ".join(each.numbers for each in row),
            math.prod(each.value for each in row),
        )
        for row in rows
    ]


def negative(terms: Terms) -> Terms:
    return [Term(f"-{names}", f"-{numbers}", -value) for names, numbers, value in terms]


def halves(terms: Terms) -> Terms:
    return [Term(f"{names}/2", f"{number}/2", value / 2) for names, number, value in terms]


def relu(Z: Terms) -> Terms:
    return [Term(f"max(0, {names})", f"max(0, {z})", max(0.0, value)) for names, z, value in Z]


def relu_slopes(Z: Terms) -> Terms:
    return [Term(f"ReLU′({names})", f"{int(value > 0)}", float(value > 0)) for names, _, value in Z]


def exponentials(some: Terms, Z: Terms) -> Terms:
    """exp(z - M) for each z of some, M being the largest of all Z."""
    M = largest(Z)
    return [
        Term(f"exp({names} - M)", f"exp({z} - {M:.6g})", math.exp(value - M))
        for names, z, value in some
    ]


def largest(Z: Terms) -> float:
    return float(np.max([z.value for z in Z]))


def squares(A: Terms, y: Terms) -> Terms:
    """The terms of squared error."""
    terms = []
    for a, b in zip(A, y, strict=True):
        names, numbers = (f"1/2 ({p} - {q})²" for p, q in zip(a[:2], b[:2], strict=True))
        difference = a.value - b.value
        terms.append(Term(names, numbers, difference * difference / 2))
    return terms


def logarithms(Z: Terms, y: Terms) -> Terms:
    """The terms of cross-entropy: the logarithm, then one for each unit."""
    M, inside = largest(Z), sum_of(each.value for each in exponentials(Z, Z))
    name = Z[0].names.replace("[0]", "[k]")
    log = math.log(inside) if inside > 0 else math.nan
    return [
        Term(f"log Σk exp({name} - M)", f"log {inside:.6g}", log),
        *(
            Term(
                f"-{b.names} ({z.names} - M)",
                f"-{b.numbers} ({z.numbers} - {M:.6g})",
                -b.value * (z.value - M),
            )
            for z, b in zip(Z, y, strict=True)
        ),
    ]


def quotients(y: Terms, A: Terms) -> Terms:
    """y / A; where A has underflowed to 0, it is 0 if y is 0, and else infinite."""
    return [
        Term(
            f"{b.names} / {a.names}",
            f"{b.numbers} / {a.numbers}",
            b.value / a.value if a.value else b.value * math.inf if b.value else 0.0,
        )
        for b, a in zip(y, A, strict=True)
    ]
