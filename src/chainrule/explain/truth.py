"""Our numbers beside the truth: how far each may be off, and how far it is.

`error_bounds` follows the pass of network.py in float64 and adds up what each operation may be off.
It assumes that an operation rounds its result to nearest, no order of any sum, and that exp and log
are off by at most FUNCTION units in the last place. Whatever it says is compared with `exact`,
which owes nothing to floating point. The bounds are for the largest errors that there can be, so
most numbers are much better.

Source: Higham 2002, "Accuracy and Stability of Numerical Algorithms", sections 3.1 to 3.4.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cached_property
from typing import NamedTuple

import numpy as np

from chainrule.explain.exact import BITS, ONE, ZERO, Enclosure, Exact, exact, whole
from chainrule.explain.ledger import Ledger, locate, named, split
from chainrule.network import Array, by_layer

U = 2.0**-53  # the largest share of a float64 that rounding to nearest changes
SMALLEST = 2.0**-1021  # what may be lost where numbers get too small for all their digits
FUNCTION = 4.0
SLACK = 1 + 1e-9  # for the roundings of the bounds themselves
DIGITS = 30


def error_bounds(ledger: Ledger, smallest: float = SMALLEST) -> dict[str, Array]:
    """How far each number of Z, A, E and the derivatives may be off: shaped as in the ledger.

    Infinite where nothing can be said, because numbers overflow or exp is given too large an error.
    With `smallest` 0 it is what rounding alone can come to, as if no number were ever too small for
    float64: what is further off has lost digits by underflow.
    """
    with np.errstate(all="ignore"):
        found = off_forward(ledger, smallest)
        found |= off_backward(ledger, found, smallest)
    return {name: np.where(np.isnan(off), np.inf, off * SLACK) for name, off in found.items()}


def off_forward(ledger: Ledger, smallest: float) -> dict[str, Array]:
    """What is off in Z, A and E; the inputs and the parameters are taken as they are."""
    found: dict[str, Array] = {}
    arrays, (W, _), L = ledger.arrays, by_layer(ledger.network), ledger.network.depth
    A, off_A = arrays["x"], np.zeros_like(arrays["x"])
    for l in range(1, L + 1):
        Z = arrays[f"Z{l}"]
        off_Z = product(W[l], A, 0 * W[l], off_A, smallest) + U * np.abs(Z)
        A, off_A = arrays[f"A{l}"], off_Z  # ReLU makes no error larger
        found |= {f"Z{l}": off_Z, f"A{l}": off_A}
    # Softmax is the same for all Z less the largest that was computed, whatever the true one is.
    S = Z - Z.max()
    off_S = off_Z + U * np.abs(S)
    share = np.expm1(off_S) + FUNCTION * U * np.exp(off_S)
    e = np.exp(S)
    off_e = np.where(share < 0.5, e * share / (1 - share), np.inf) + smallest
    s = e.sum()
    off_s = off_e.sum() + gamma(len(S)) * s
    left = np.where(off_s < s, s - off_s, 0)
    found[f"A{L}"] = off_e / s + off_s / s * (e + off_e) / left + 2 * U * A + smallest
    away, off_away = A - arrays["y"], found[f"A{L}"] + U * np.abs(A - arrays["y"])
    if ledger.squared:
        squares_off = 2 * np.abs(away) * off_away + off_away**2 + U * away**2
        off_E: Array = np.asarray(np.sum(squares_off))
        off_E = off_E + gamma(len(S)) * np.sum(away**2) + smallest
    else:
        of_label = arrays["y"] > 0
        off_E = off_s / left + FUNCTION * U * np.log(s) + off_S[of_label][0]
    if decay := ledger.network.weight_decay:
        squares = sum(float(np.sum(each**2)) for each in W.values())
        off_E = off_E + gamma(ledger.network.parameters.size + 3) * decay * squares + smallest
    return found | {"E": off_E + 2 * U * arrays["E"]}


def off_backward(ledger: Ledger, given: dict[str, Array], smallest: float) -> dict[str, Array]:
    """What is off in the derivatives."""
    found: dict[str, Array] = {}
    arrays, (W, _), L = ledger.arrays, by_layer(ledger.network), ledger.network.depth
    A, dA, dZ = arrays[f"A{L}"], arrays[f"dA{L}"], arrays[f"dZ{L}"]
    off_A = given[f"A{L}"]
    off_away = off_A + U * np.abs(A - arrays["y"])
    if ledger.squared:
        found[f"dA{L}"] = off_away
        mean = np.sum(A * dA)
        off_mean = product(A, dA, off_A, off_away, smallest)
        off_inner = off_away + off_mean + U * np.abs(dA - mean)
        inner = np.abs(dA - mean)
        off_dZ = A * off_inner + inner * off_A + off_A * off_inner + U * np.abs(dZ) + smallest
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
        off_dW += smallest * np.outer(np.abs(dZ) + off_dZ > 0, np.abs(before) + off_before > 0)
        found |= {f"dZ{l}": off_dZ, f"db{l}": off_dZ, f"dW{l}": off_dW}
        if l > 1:
            Z, off_Z, dA = arrays[f"Z{l - 1}"], given[f"Z{l - 1}"], arrays[f"dA{l - 1}"]
            found[f"dA{l - 1}"] = off_dA = product(W[l].T, dZ, 0 * W[l].T, off_dZ, smallest)
            off_dZ = np.where(np.abs(Z) > off_Z, (Z > 0) * off_dA, np.abs(dA) + off_dA)
    return found


def product(F: Array, g: Array, off_F: Array, off_g: Array, smallest: float) -> Array:
    """What is off in F @ g: from its products and their sum in any order, and from its factors.

    A product with a 0 is exact, and so is adding it.
    """
    F, g, off_F, off_g = (np.abs(each) for each in (F, g, off_F, off_g))
    n = 1.0 * ((F + off_F) > 0) @ ((g + off_g) > 0)
    own: Array = gamma(n) * (F @ g) + F @ off_g + off_F @ g + off_F @ off_g + n * smallest
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
    ulps: float  # |ours - truth| in units in the last place that a float64 next to the truth has
    relative: float  # |ours - truth| / |truth|
    share: float  # |ours - truth| as a share of the bound
    within: bool | None  # whether it is within the bound; None: the enclosure is too wide to say
    underflow: bool  # whether it is further off than rounding alone could make it

    @property
    def in_words(self) -> tuple[str, str, int]:
        """The truth and ours to 30 digits, and how many characters of them are the same."""
        if not np.isfinite(self.ours):
            return written(self.truth), str(self.ours), 0
        texts = written(self.truth), written(whole(self.ours))
        same = [a == b for a, b in zip(*texts, strict=False)]
        return *texts, same.index(False) if False in same else len(same)


def beside(ours: float, truth: Enclosure, bound: float, rounding: float = math.inf) -> Beside:
    """A number of ours beside its enclosure, and whether it is within its bound.

    `rounding` is the bound that it would have if there were no underflow.
    """
    if not np.isfinite(ours):
        return Beside(ours, truth, bound, math.inf, math.inf, math.inf, None, False)
    at = whole(ours).low
    off = sorted((abs(at - truth.low), abs(at - truth.high)))
    nearest = 0 if truth.low <= at <= truth.high else off[0]
    may = whole(bound).low if math.isfinite(bound) else None
    within = True if may is None or off[1] <= may else False if nearest > may else None
    size = max(abs(truth.low), abs(truth.high))
    unit = 1 << max(size.bit_length() - 1, BITS - 1022) - 52
    # A bound of so small a number has lost digits itself.
    unsure = 0 if abs(ours) < 2.0**-1020 else whole(2.0**-1070).low
    return Beside(
        ours,
        truth,
        bound,
        ulps=ratio(nearest, unit),
        relative=ratio(nearest, size),
        share=0.0 if may is None else ratio(nearest, may),
        within=within,
        underflow=math.isfinite(rounding) and nearest > whole(rounding).low + unsure,
    )


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


# ------------------------------------------------------------------------------------ a whole image


class Corner(NamedTuple):
    """A hidden unit whose ReLU is at its corner, or so near that float64 cannot tell its side."""

    unit: str  # Z1[3]
    layer: int
    place: int  # of the unit in its layer
    ours: float
    bound: float  # what ours may be off
    truth: str  # its digits
    on: bool | None  # whether it is truly above 0; None: not even the enclosure says
    at_0: bool  # truly 0, where ReLU has no slope

    @property
    def sentence(self) -> str:
        """What is to be said of it."""
        if self.at_0:
            return f"{self.unit} is truly 0, the corner of ReLU; its slope there is taken as 0."
        side = {True: "it is on", False: "it is off", None: "nor do the digits known of it"}
        return (
            f"{self.unit} is {self.ours:.3g} and may be off {self.bound:.2g}, so float64 cannot "
            f"tell whether its ReLU is on; truly it is {self.truth}: {side[self.on]}."
        )


class CellTruth(NamedTuple):
    """A cell beside its true digits, in words."""

    cell: str
    truth: str | None  # thirty digits; None where there is no truth to be had
    ours: str
    agree: int  # characters at the beginning that are the same
    ulps: float
    bound: float
    within: bool | None
    undecided: tuple[str, ...]  # hidden units on the way whose ReLU float64 cannot decide
    says: tuple[str, ...]  # what else there is to know, a sentence each


@dataclass(frozen=True, eq=False)
class Truth:
    """A ledger beside the truth: every number enclosed, and how far ours may be off.

    All is worked out when it is first asked for, and kept. Of an image or parameters that are not
    finite there is no truth: `beside` raises ValueError or OverflowError, `cell` says it.
    """

    ledger: Ledger

    @cached_property
    def label(self) -> int:
        return int(self.ledger.arrays["y"].argmax())

    @cached_property
    def found(self) -> Exact:
        return exact(self.ledger.network, self.ledger.arrays["x"].tolist(), self.label)

    @cached_property
    def bounds(self) -> dict[str, Array]:
        return error_bounds(self.ledger)

    @cached_property
    def rounding(self) -> dict[str, Array]:
        """The bounds as if there were no underflow."""
        return error_bounds(self.ledger, smallest=0.0)

    @cached_property
    def corners(self) -> tuple[Corner, ...]:
        """The hidden units that are at 0, or whose sign float64 cannot decide."""
        return tuple(self.find_corners())

    def find_corners(self) -> Iterator[Corner]:
        for l in range(1, self.ledger.network.depth):
            array = f"Z{l}"
            Z, bounds = self.ledger.arrays[array], self.bounds[array]
            for unit in np.flatnonzero(~(np.abs(Z) > bounds)).tolist():
                truth, off = self.found.vectors[array][unit], float(bounds[unit])
                on = True if truth.low > 0 else False if truth.high <= 0 else None
                digits, at_0 = written(truth, 6), truth.low == truth.high == 0
                ours = float(Z[unit])
                if at_0 or off:
                    yield Corner(named(array, unit), l, unit, ours, off, digits, on, at_0)

    def beside(self, array: str, *index: int) -> Beside:
        """One number beside the truth; KeyError where there is none, see `Exact`."""
        truth = self.found.cell(array, *index)
        ours = float(self.ledger.arrays[array][index])
        if array not in self.bounds:  # it is given
            return beside(ours, truth, 0.0)
        bound, rounding = (float(each[array][index]) for each in (self.bounds, self.rounding))
        return beside(ours, truth, bound, rounding)

    def cell(self, name: str) -> CellTruth:
        """A cell in words; CellError for one that is not there."""
        array, index = locate(self.ledger, name)
        name = named(array, *index)
        try:
            found = self.beside(array, *index)
        except KeyError:
            return self.of_no_probability(name, array, index)
        except (OverflowError, ValueError):
            ours = str(self.ledger.arrays[array][index])
            reason = "The image or a parameter is infinite or NaN, so there is no truth to be had."
            return CellTruth(name, None, ours, 0, math.inf, math.inf, None, (), (reason,))
        truth, ours, agree = found.in_words
        corners = [each for each in self.corners if concerns(each, array, index)]
        remarked = remarks(found, bool(corners), given=array not in self.bounds)
        return CellTruth(
            name,
            truth,
            ours,
            agree,
            found.ulps,
            found.bound,
            found.within,
            tuple(each.unit for each in corners if not each.at_0),
            (*remarked, *(each.sentence for each in corners)),
        )

    def of_no_probability(self, name: str, array: str, index: tuple[int, ...]) -> CellTruth:
        """A dA[L] of cross-entropy, where the A[L] of the true label is too small."""
        ours, off = float(self.ledger.arrays[array][index]), float(self.bounds[array][index])
        if index[0] != self.label:
            zero = beside(ours, ZERO, off)
            return CellTruth(name, *zero.in_words, zero.ulps, off, zero.within, (), ())
        L = self.ledger.network.depth
        says = (
            f"{name} is -1 over {named(f'A{L}', *index)}, of which no more is known than that it "
            f"is below 10⁻⁴⁰⁰, so there is no truth to be had; E and dZ{L} do not need it."
        )
        return CellTruth(name, None, str(ours), 0, math.inf, off, None, (), (says,))


def concerns(corner: Corner, array: str, index: tuple[int, ...]) -> bool:
    """Whether a derivative has gone through the ReLU of this unit."""
    kind, l = split(array)
    if kind == "dA" or corner.layer > l:
        return kind[0] == "d" and corner.layer > l
    return kind[0] == "d" and (corner.layer, corner.place) == (l, index[0])


def remarks(found: Beside, cornered: bool, *, given: bool) -> Iterator[str]:
    """What else is to be said of a number, a sentence each; a corner explains a 0 by itself."""
    ours, truth = found.ours, found.truth
    if given:
        yield "It is given, not computed: ours is the truth."
    if not math.isfinite(ours):
        yield (
            f"Ours is {ours}: it, or a number on the way to it, is too large for float64, whose "
            f"largest is 1.8e308; whole numbers have no such limit."
        )
    elif found.underflow:
        lost, and_so = ("is 0", "; the truth is not 0.") if ours == 0 else ("has lost digits", ".")
        yield (
            f"Ours {lost} by underflow: it, or a number on the way to it, is below 2.2e-308, too "
            f"small for float64 to hold all its digits{and_so}"
        )
    elif ours == 0 and (truth.low > 0 or truth.high < 0) and not cornered:
        yield (
            "Ours is 0 by rounding: what is left of a difference, such as 1 - A, is smaller than "
            "the last digit of what it is taken from; the truth is not 0."
        )
    if math.isfinite(ours) and math.isinf(found.bound):
        yield "Rounding on the way to it may be so large that nothing is promised of ours."
    elif math.isfinite(ours) and found.within is None:
        yield "Too few digits of the truth are known to say whether ours is near enough."
