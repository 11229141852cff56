"""A number that somebody computed by hand for a cell: is it right, and if not, what is it?"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from typing import Literal, NamedTuple

import numpy as np

from chainrule.explain.differences import quiet
from chainrule.explain.ledger import Ledger, locate, named, split
from chainrule.explain.rules import cell_wording
from chainrule.explain.slips import known_mistakes

TEXT = 60  # characters of a number
SURE = 5e-4  # of a number, that it may be off and still be called right: three digits
CLOSE = 5e-2  # and still be called close
LARGEST = 300  # power of ten
POWERS = 6  # how many places a decimal point may have slipped

Kind = Literal[
    "right",
    "close",
    "coarse",  # rounded so far that nothing can be told
    "not zero",  # 0 was typed, and it is not
    "zero",  # it is exactly 0, and another number was typed
    "sign",
    "factor",
    "mistake",  # what a known mistake gives
    "cell",  # the number of another cell
    "wrong",
    "infinite",  # the cell itself has no number
]


class NumberError(ValueError):
    """A text that is no number: what was wanted, in one line."""


class Typed(NamedTuple):
    """A number as it was typed."""

    value: float
    unit: float  # of its last digit; 0 for a fraction, which is exact
    digits: int  # that say something: 3 in 0.0120


class GuessVerdict(NamedTuple):
    """What a typed number is, beside the cell's own, which is not told."""

    kind: Kind
    digits: int = 0  # of the typed number that are right
    typed: int = 0  # digits that were typed
    negative: bool = False  # also with the wrong sign
    factor: str | None = None  # 2, 1/2, 10^3, m, 1/m
    m: int | None = None
    mistake: str | None = None
    cell: str | None = None


NUMBER = re.compile(
    r"([+-]?)([0-9]*)(?:[.,]([0-9]*))?(?:(?:[eE]|[*·×xX]10(?:\^|\*\*)?)\(?([+-]?[0-9]{1,3})\)?)?"
)
RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def read_number(text: str) -> Typed:
    """A number as people write it: 0.5, 0,5, 50 %, −3e-4, 3·10⁻⁴ or 1/3.

    Raises NumberError for another text.
    """
    plain = re.sub(r"\s", "", text).replace("−", "-").replace("–", "-")
    wanted = f"expected a number such as 0.5, -3e-4 or 1/3, got {text[:20]!r}"
    if len(text) > TEXT:
        raise NumberError(f"a number has at most {TEXT} characters, got {len(text)}")
    if part := re.fullmatch(r"([+-]?[0-9]{1,15})/([0-9]{1,15})", plain):
        above, below = int(part[1]), int(part[2])
        if not below:
            raise NumberError("a fraction needs a number other than 0 below its line")
        return Typed(float(Fraction(above, below)), 0.0, 15)
    if "10" in plain:
        plain = plain.translate(RAISED)
    hundredths = plain.endswith("%")
    plain = plain.removesuffix("%")
    part = NUMBER.fullmatch(plain)
    if not part or not (part[2] or part[3]):
        raise NumberError(wanted)
    sign, whole, decimals, power = part[1], part[2] or "", part[3] or "", int(part[4] or 0)
    power -= 2 * hundredths
    value = float(f"{sign}{whole or 0}.{decimals or 0}e{power}")
    if math.isinf(value) or power > LARGEST:
        raise NumberError(f"{text[:20]!r} is too large a number")
    return Typed(value, 10.0 ** (power - len(decimals)), len((whole + decimals).lstrip("0")))


@quiet
def judge_number(ledger: Ledger, cell: str, text: str, *, ms: Sequence[int] = ()) -> GuessVerdict:
    """What a number typed for a cell is; `ms` are sizes of sets that someone may have divided by.

    Raises NumberError for a text that is no number, CellError for a cell that is not there.
    """
    array, index = locate(ledger, cell)
    typed = read_number(text)
    value = float(ledger.arrays[array][index])
    if not math.isfinite(value):
        return GuessVerdict("infinite")
    found = GuessVerdict("wrong", typed=typed.digits)
    if typed.value == value:
        return found._replace(kind="right", digits=max(typed.digits, 1))
    if value and (right := how_right(typed, value)):
        return found._replace(kind=right[0], digits=right[1])
    if typed.value == 0:
        return found._replace(kind="not zero")
    if value and (slipped := by_factor(typed, value, ms)):
        return slipped._replace(typed=typed.digits)
    if typed.digits > 1:
        near = others(ledger, array, index, 10 ** min(typed.digits - 1, 4))
        # dW is a product of two cells: one of them alone is half of it, whatever mistake gives it.
        factors = islice(near, 2 if array.startswith("dW") else 0)
        if other := one_of(ledger, typed, factors):
            return found._replace(kind="cell", cell=other)
        for name, wrong in known_mistakes(ledger, array).items() if array[0] == "d" else ():
            if fits(typed, float(wrong[index])):
                return found._replace(kind="mistake", mistake=name)
        if other := one_of(ledger, typed, near):
            return found._replace(kind="cell", cell=other)
    if not value:
        return found._replace(kind="zero")
    if typed.unit / 2 >= abs(typed.value - value):
        return found._replace(kind="coarse")
    close = abs(typed.value - value) <= CLOSE * abs(value)
    return found._replace(kind="close" if close else "wrong", digits=agreeing(typed, value))


def one_of(
    ledger: Ledger, typed: Typed, cells: Iterable[tuple[str, tuple[int, ...]]]
) -> str | None:
    """The name of the first of these cells that has the number."""
    for array, index in cells:
        if fits(typed, float(ledger.arrays[array][index])):
            return named(array, *index)
    return None


def fits(typed: Typed, value: float) -> bool:
    """Whether a value is what was typed, as far as that goes: rounded, or to three digits."""
    return bool(value) and how_right(typed, value) is not None


def how_right(typed: Typed, value: float) -> tuple[Literal["right"], int] | None:
    """To how many digits a number is right, if it is: rounded to its last digit, or to three."""
    off = abs(typed.value - value)
    rounded = off <= typed.unit / 2 * (1 + 1e-9) and typed.unit <= first_place(value)
    if rounded:
        return "right", max(typed.digits, 1)
    return ("right", agreeing(typed, value)) if off <= SURE * abs(value) else None


def first_place(value: float) -> float:
    """The unit of a number's first digit: 0.01 for 0.034."""
    return 10.0 ** math.floor(math.log10(abs(value)))


def agreeing(typed: Typed, value: float) -> int:
    """The digits that two different numbers share, rounded; no more than were typed."""
    off = abs(typed.value - value) / abs(value)
    if not 0 < off < 1:
        return 0 if off else typed.digits
    return max(0, min(typed.digits, math.floor(-math.log10(2 * off))))


def by_factor(typed: Typed, value: float, ms: Sequence[int]) -> GuessVerdict | None:
    """The usual factor by which a number is off, with or without the wrong sign."""
    if fits(typed, -value):
        return GuessVerdict("sign")
    factors: list[tuple[str, float, int | None]] = [("2", 2.0, None), ("1/2", 0.5, None)]
    places = (each for k in range(1, POWERS + 1) for each in (k, -k))
    factors += [(f"10^{k}", 10.0**k, None) for k in places]
    for m in ms if typed.digits > 1 else ():
        factors += [("m", float(m), m), ("1/m", 1 / m, m)]
    for sign in (1, -1):
        for name, factor, of in factors:
            product = sign * factor * value
            # One digit would fit some factor by luck, unless nothing was rounded.
            near = typed.digits > 1 or abs(typed.value - product) <= SURE * abs(product)
            if near and fits(typed, product):
                return GuessVerdict("factor", factor=name, m=of, negative=sign < 0)
    return None


def others(
    ledger: Ledger, array: str, index: tuple[int, ...], most: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Cells that one takes for another: the same index elsewhere, the neighbours, then the array.

    An array of more than `most` cells is left out: some cell of it would have the number by luck.
    """
    for name in cell_wording(ledger.network, array, *index).comes_from:
        if ":" not in name:
            yield locate(ledger, name)
    kind, l = split(array)
    kinds = ("dZ", "dA", "db", "dW", "Z", "A", "b", "W")
    near = [f"{each}{n}" for n in (l, l - 1, l + 1) for each in kinds]
    alike = [name for name in near if (name[0] == "d") == (kind[0] == "d")]
    for name in alike + [name for name in near if name not in alike]:
        if name in ledger.arrays and name != array and inside(ledger, name, index):
            yield name, index
    steps = [(axis, by) for axis in range(len(index)) for by in (1, -1)]
    moved = [tuple(i + by * (k == axis) for k, i in enumerate(index)) for axis, by in steps]
    for each in (index[::-1], *moved):
        if each != index and inside(ledger, array, each):
            yield array, each
    if ledger.arrays[array].size <= most:
        yield from ((array, each) for each in np.ndindex(ledger.arrays[array].shape))


def inside(ledger: Ledger, array: str, index: tuple[int, ...]) -> bool:
    """Whether an array has a cell with this index."""
    shape = ledger.arrays[array].shape
    return len(shape) == len(index) and all(0 <= i < n for i, n in zip(index, shape, strict=True))
