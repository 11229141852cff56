"""Our numbers beside the truth: how far each may be off, and how far it is.

`error_bounds` follows the pass of network.py in float64 and adds up what each operation may be off.
It assumes that an operation rounds its result to nearest, no order of any sum, and that exp and log
are off by at most FUNCTION units in the last place. Whatever it says is compared with `exact`,
which owes nothing to floating point. The bounds are for the largest errors that there can be, so
most numbers are much better.

Source: Higham 2002, "Accuracy and Stability of Numerical Algorithms", sections 3.1 to 3.4.
"""

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

import numpy as np

from chainrule.explain.exact import ONE, Enclosure, exact, whole
from chainrule.explain.ledger import Ledger
from chainrule.network import Array, by_layer

U = 2.0**-53  # the largest share of a float64 that rounding to nearest changes
SMALLEST = 2.0**-1021  # what may be lost where numbers get too small for all their digits
FUNCTION = 4.0
SLACK = 1 + 1e-9  # for the roundings of the bounds themselves
DIGITS = 30


def error_bounds(ledger: Ledger) -> dict[str, Array]:
    """How far each number of Z, A, E and the derivatives may be off: shaped as in the ledger.

    Infinite where nothing can be said, because numbers overflow or exp is given too large an error.
    """
    with np.errstate(all="ignore"):
        found = off_forward(ledger)
        found |= off_backward(ledger, found)
    return {name: np.where(np.isnan(off), np.inf, off * SLACK) for name, off in found.items()}


def off_forward(ledger: Ledger) -> dict[str, Array]:
    """What is off in Z, A and E; the inputs and the parameters are taken as they are."""
    found: dict[str, Array] = {}
    arrays, (W, _), L = ledger.arrays, by_layer(ledger.network), ledger.network.depth
    A, off_A = arrays["x"], np.zeros_like(arrays["x"])
    for l in range(1, L + 1):
        Z = arrays[f"Z{l}"]
        off_Z = product(W[l], A, 0 * W[l], off_A) + U * np.abs(Z)
        A, off_A = arrays[f"A{l}"], off_Z  # ReLU makes no error larger
        found |= {f"Z{l}": off_Z, f"A{l}": off_A}
    # Softmax is the same for all Z less the largest that was computed, whatever the true one is.
    S = Z - Z.max()
    off_S = off_Z + U * np.abs(S)
    share = np.expm1(off_S) + FUNCTION * U * np.exp(off_S)
    e = np.exp(S)
    off_e = np.where(share < 0.5, e * share / (1 - share), np.inf) + SMALLEST
    s = e.sum()
    off_s = off_e.sum() + gamma(len(S)) * s
    left = np.where(off_s < s, s - off_s, 0)
    found[f"A{L}"] = off_e / s + off_s / s * (e + off_e) / left + 2 * U * A + SMALLEST
    away, off_away = A - arrays["y"], found[f"A{L}"] + U * np.abs(A - arrays["y"])
    if ledger.squared:
        squares_off = 2 * np.abs(away) * off_away + off_away**2 + U * away**2
        off_E: Array = np.asarray(np.sum(squares_off))
        off_E = off_E + gamma(len(S)) * np.sum(away**2) + SMALLEST
    else:
        of_label = arrays["y"] > 0
        off_E = off_s / left + FUNCTION * U * np.log(s) + off_S[of_label][0]
    if decay := ledger.network.weight_decay:
        squares = sum(float(np.sum(each**2)) for each in W.values())
        off_E = off_E + gamma(ledger.network.parameters.size + 3) * decay * squares + SMALLEST
    return found | {"E": off_E + 2 * U * arrays["E"]}


def off_backward(ledger: Ledger, given: dict[str, Array]) -> dict[str, Array]:
    """What is off in the derivatives."""
    found: dict[str, Array] = {}
    arrays, (W, _), L = ledger.arrays, by_layer(ledger.network), ledger.network.depth
    A, dA, dZ = arrays[f"A{L}"], arrays[f"dA{L}"], arrays[f"dZ{L}"]
    off_A = given[f"A{L}"]
    off_away = off_A + U * np.abs(A - arrays["y"])
    if ledger.squared:
        found[f"dA{L}"] = off_away
        mean = np.sum(A * dA)
        off_mean = product(A, dA, off_A, off_away)
        off_inner = off_away + off_mean + U * np.abs(dA - mean)
        inner = np.abs(dA - mean)
        off_dZ = A * off_inner + inner * off_A + off_A * off_inner + U * np.abs(dZ) + SMALLEST
    else:
        nearest = np.where(off_A < A, A - off_A, 0)
        found[f"dA{L}"] = np.where(arrays["y"] > 0, off_A / (A * nearest) + U * np.abs(dA), 0)
        off_dZ = off_away
    for l in range(L, 0, -1):
        before, off_before = (arrays[f"A{l - 1}"], given[f"A{l - 1}"]) if l > 1 else (
            arrays["x"], np.zeros_like(arrays["x"])
        )  # fmt: skip
        dZ, dW = arrays[f"dZ{l}"], arrays[f"dW{l}"]
        decay = 2 * U * ledger.network.weight_decay * np.abs(W[l])
        off_dW = np.outer(np.abs(dZ) + off_dZ, off_before) + np.outer(off_dZ, np.abs(before))
        off_dW += 3 * U * np.abs(dW) + 3 * decay
        # A pixel without ink, and a unit that is surely off, make a product that is exactly 0.
        off_dW += SMALLEST * np.outer(np.abs(dZ) + off_dZ > 0, np.abs(before) + off_before > 0)
        found |= {f"dZ{l}": off_dZ, f"db{l}": off_dZ, f"dW{l}": off_dW}
        if l > 1:
            Z, off_Z, dA = arrays[f"Z{l - 1}"], given[f"Z{l - 1}"], arrays[f"dA{l - 1}"]
            found[f"dA{l - 1}"] = off_dA = product(W[l].T, dZ, 0 * W[l].T, off_dZ)
            off_dZ = np.where(np.abs(Z) > off_Z, (Z > 0) * off_dA, np.abs(dA) + off_dA)
    return found


def product(F: Array, g: Array, off_F: Array, off_g: Array) -> Array:
    """What is off in F @ g: from its products and their sum in any order, and from its factors.

    A product with a 0 is exact, and so is adding it.
    """
    F, g, off_F, off_g = (np.abs(each) for each in (F, g, off_F, off_g))
    n = 1.0 * ((F + off_F) > 0) @ ((g + off_g) > 0)
    own: Array = gamma(n) * (F @ g) + F @ off_g + off_F @ g + off_F @ off_g + n * SMALLEST
    return own


def gamma(n: Array | float) -> Array:
    """n roundings, one after the other, at most: n u / (1 - n u)."""
    return np.asarray(n) * U / (1 - np.asarray(n) * U)


# ------------------------------------------------------------------------------- one number of ours


class Beside(NamedTuple):
    """A number of ours beside the truth."""

    ours: float
    truth: Enclosure
    bound: float  # what |ours - truth| may be
    ulps: float  # |ours - truth| in units in the last place of ours
    share: float  # |ours - truth| as a share of the bound
    within: bool | None  # whether it is within the bound; None: the enclosure is too wide to say

    @property
    def in_words(self) -> tuple[str, str, int]:
        """The truth and ours to 30 digits, and how many characters of them are the same."""
        if not np.isfinite(self.ours):
            return written(self.truth), str(self.ours), 0
        texts = written(self.truth), written(whole(self.ours))
        same = [a == b for a, b in zip(*texts, strict=False)]
        return *texts, same.index(False) if False in same else len(same)


def beside(ours: float, truth: Enclosure, bound: float) -> Beside:
    """A number of ours beside its enclosure, and whether it is within its bound."""
    if not np.isfinite(ours):
        return Beside(ours, truth, bound, np.inf, np.inf, None)
    at = whole(ours).low
    off = sorted((abs(at - truth.low), abs(at - truth.high)))
    nearest = 0 if truth.low <= at <= truth.high else off[0]
    may = whole(bound).low if np.isfinite(bound) else None
    within = True if may is None or off[1] <= may else False if nearest > may else None
    share = 0.0 if may is None else ratio(nearest, may)
    ulps = ratio(nearest, whole(np.spacing(abs(ours))).low)
    return Beside(ours, truth, bound, ulps, share, within)


def ratio(a: int, b: int) -> float:
    """a/b of whole numbers from 0 on; infinite where that is too large for a float, 0/0 is 0."""
    try:
        return a / b
    except (OverflowError, ZeroDivisionError):
        return math.inf if a else 0.0


def written(number: Enclosure, most: int = DIGITS) -> str:
    """A number rounded to as many digits as its enclosure knows, up to so many."""
    for digits in range(most, 0, -1):
        context = Context(prec=digits, rounding=ROUND_HALF_EVEN, Emin=-(10**6), Emax=10**6)
        low, high = (context.divide(Decimal(end), Decimal(ONE)) for end in number)
        if low == high:
            text = f"{low:f}" if -7 < low.adjusted() < 16 or not low else f"{low:e}"
            return "−" + text[1:] if text.startswith("-") else text
    return f"between {context.divide(Decimal(number.low), Decimal(ONE))} and {high}"


# ------------------------------------------------------------------------------- all derivatives


class ArrayBeside(NamedTuple):
    """How the derivatives in one array compare with the truth, over one or more images."""

    array: str  # dW1, db1, …
    cells: int
    worst: float  # ulps of the cell that is the most of them off
    median: float  # ulps, of the cells that are not exact
    share: float  # the most that a cell takes of what it may be off
    within: bool | None  # whether all are within their bounds; None: of some it cannot be said


def check_exactly(ledgers: Sequence[Ledger]) -> list[ArrayBeside]:
    """All derivatives by parameters of some images, m = 1 each, beside the truth.

    Raises ValueError for a network of too many parameters.
    """
    found: dict[str, list[Beside]] = {}
    for ledger in ledgers:
        label = int(ledger.arrays["y"].argmax())
        truth, bounds = (
            exact(ledger.network, ledger.arrays["x"].tolist(), label),
            error_bounds(ledger),
        )
        for l in range(1, ledger.network.depth + 1):
            for array in (f"dW{l}", f"db{l}"):
                rows = zip(
                    np.atleast_2d(ledger.arrays[array]).tolist(),
                    truth.rows(array),
                    np.atleast_2d(bounds[array]).tolist(),
                    strict=True,
                )
                cells = [beside(*each) for row in rows for each in zip(*row, strict=True)]
                found.setdefault(array, []).extend(cells)
    return [summary(array, cells) for array, cells in found.items()]


def summary(array: str, cells: list[Beside]) -> ArrayBeside:
    """The cells of an array in a few numbers."""
    ulps = [each.ulps for each in cells]
    said = {each.within for each in cells}
    return ArrayBeside(
        array,
        len(cells),
        worst=max(ulps),
        median=float(np.median([each for each in ulps if each] or [0.0])),
        share=max(each.share for each in cells),
        within=False if False in said else None if None in said else True,
    )
