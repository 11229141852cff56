"""All derivatives of an image beside the truth, at once.

Most derivatives of a network are products: dW[l] = dZ[l] A[l-1]ᵀ. Each dZ and A is written as a sum
of two float64 that is off by 2⁻¹⁰⁵ of it at most. So NumPy knows each product to 2⁻¹⁰⁰, far better
than one float64 can hold it, and how far ours is from it. What that leaves open is compared in
whole numbers, cell by cell, and so are the cells that look worst, and some that are drawn.

Source: Dekker 1971, "A floating-point technique for extending the available precision".
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.explain.exact import BITS, ZERO, Vector
from chainrule.explain.ledger import Ledger, named
from chainrule.explain.truth import Beside, Corner, Truth
from chainrule.network import Array

DRAWN = 3  # cells of each dW that are compared in whole numbers, however good they look
HEAD, FIRST = 170, 53  # bits that two float64 are made of, and those of the first
WIDE = 150  # of wider enclosures than 2⁻¹⁵⁰ of their number there are no two float64
KNOWN = 2.0**-100  # how well a product from 1/4 to 1 is known

Cells = NDArray[np.intp]


class ArrayBeside(NamedTuple):
    """How the derivatives in one array compare with the truth, over one or more images."""

    array: str  # dW1, db1, …
    cells: int
    worst: float  # ulps of the cell that is the most of them off
    median: float  # ulps, of the cells that are not exact
    relative: float  # |ours - truth| / |truth|, the largest
    share: float  # the most that a cell takes of what it may be off
    within: bool | None  # whether all are within their bounds; None: of some it cannot be said
    underflow: int  # cells that are 0, or have lost digits, by underflow
    judged: int  # cells that were compared in whole numbers


class ImageBeside(NamedTuple):
    """The derivatives of one image beside the truth."""

    arrays: list[ArrayBeside]
    corners: tuple[Corner, ...]  # units whose ReLU is at 0, or cannot be decided


def check_exactly(
    ledger: Ledger, kinds: Sequence[str] = ("dW", "db"), *, seed: int = 0
) -> ImageBeside:
    """Every derivative of these kinds beside the truth, m = 1: dW1, db1, dW2, …

    `seed` decides which cells are drawn. Raises ArithmeticError if the two ways to compare a cell
    contradict each other, which would be a fault of ours.
    """
    truth, rng = Truth(ledger), np.random.default_rng(seed)
    rows = []
    for l in range(1, ledger.network.depth + 1):
        for array in (f"{kind}{l}" for kind in kinds):
            if array.startswith("dW"):
                rows.append(compare_matrix(truth, array, rng))
                continue
            units = range(len(ledger.arrays[array]))
            if array in truth.found.vectors:
                rows.append(summary(array, len(units), [truth.beside(array, k) for k in units]))
            else:  # a dA that has no truth, see `Exact`
                rows.append(summary(array, len(units), [])._replace(within=None))
    return ImageBeside(rows, truth.corners)


def merged_arrays(images: Sequence[ImageBeside]) -> list[ArrayBeside]:
    """The arrays of some images, each once."""
    return [merged(rows) for rows in zip(*(image.arrays for image in images), strict=True)]


def merged(rows: Iterable[ArrayBeside]) -> ArrayBeside:
    """An array of many images; the median is that of their medians."""
    rows = list(rows)
    return ArrayBeside(
        rows[0].array,
        sum(row.cells for row in rows),
        worst=max(row.worst for row in rows),
        median=float(np.median([row.median for row in rows])),
        relative=max(row.relative for row in rows),
        share=max(row.share for row in rows),
        within=all_within(row.within for row in rows),
        underflow=sum(row.underflow for row in rows),
        judged=sum(row.judged for row in rows),
    )


def all_within(said: Iterable[bool | None]) -> bool | None:
    """Whether all are within their bounds; None if none is outside, and of some it is not known."""
    said = set(said)
    return False if False in said else None if None in said else True


# --------------------------------------------------------------------------- a matrix of products


class Heads(NamedTuple):
    """The numbers of a vector as (first + rest) 2^exponent, first from 1/2 to 1 without its sign.

    They are off by 2⁻¹⁰⁵ · 2^exponent at most. `at` is where they stand: no number that is 0 is
    there, and none whose enclosure is wide.
    """

    at: Cells
    first: Array
    rest: Array
    exponent: NDArray[np.intc]


def heads(vector: Vector) -> tuple[Heads, list[int]]:
    """The numbers of a vector in two float64 each, and where it has wide enclosures."""
    found, wide = [], []
    for k, (low, high) in enumerate(vector):
        if (low, high) == ZERO:
            continue
        size, sign = abs(low), 1 if low > 0 else -1
        if (high - low) << WIDE > size:
            wide.append(k)
            continue
        length = size.bit_length()
        bits = size << HEAD >> length
        first = bits >> HEAD - FIRST
        rest = bits - (first << HEAD - FIRST)
        found.append((k, sign * first / 2**FIRST, sign * rest / 2**HEAD, length - BITS))
    at, firsts, rests, exponents = zip(*found, strict=True) if found else [()] * 4
    exponent = np.array(exponents, np.intc)
    return Heads(np.array(at, np.intp), np.array(firsts), np.array(rests), exponent), wide


class Quick(NamedTuple):
    """What float64 can say of products of ours, each array (rows, columns)."""

    relative: Array  # |ours - truth| / |truth|
    give: Array  # what `relative` may be off itself
    ulps: Array
    share: Array
    fine: NDArray[np.bool_]  # surely within the bound, and no digits lost by underflow


def compare_products(a: Heads, b: Heads, ours: Array, bound: Array, rounding: Array) -> Quick:
    """Ours beside the products of a (rows) and b (columns).

    All is divided by 2^(exponents of both), which loses nothing that matters: the truth is then
    from 1/4 to 1. What is said here is safe as it stands, for any `ours`, infinite ones too.
    """
    scale = a.exponent[:, None] + b.exponent
    first, second = a.first[:, None], b.first
    product, left = exact_product(first, second)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        ours, bound, rounding = (np.ldexp(each, -scale) for each in (ours, bound, rounding))
        far = ours - product
        off = np.abs(far - (left + (first * b.rest + a.rest[:, None] * second)))
        give = KNOWN + 2.0**-51 * (np.abs(far) + off)
        exponent = np.frexp(product)[1] - 1 + scale
        return Quick(
            relative=off / np.abs(product),
            give=give / np.abs(product) * (1 + 2.0**-50),
            ulps=np.ldexp(off, 52 + scale - np.maximum(exponent, -1022)),
            share=off / bound,
            fine=off + give <= np.minimum(bound, rounding),
        )


def exact_product(a: Array, b: Array) -> tuple[Array, Array]:
    """a b as a sum of two float64, without any error, for numbers from 1/2 to 1."""
    product = a * b
    (a1, a2), (b1, b2) = halves(a), halves(b)
    return product, a2 * b2 - (((product - a1 * b1) - a2 * b1) - a1 * b2)


def halves(a: Array) -> tuple[Array, Array]:
    """a as a sum of two numbers that have half as many digits."""
    far = a * (2.0**27 + 1)
    first = far - (far - a)
    return first, a - first


def compare_matrix(truth: Truth, array: str, rng: np.random.Generator) -> ArrayBeside:
    """All cells of a dW beside the truth."""
    ledger, vectors, l = truth.ledger, truth.found.vectors, int(array[2:])
    ours = ledger.arrays[array]
    if ledger.network.weight_decay:  # no product any more
        every = [truth.beside(array, *index) for index in np.ndindex(ours.shape)]
        return summary(array, ours.size, every)
    (rows, wide_rows), (columns, wide_columns) = (
        heads(vectors[f"dZ{l}"]), heads(vectors[f"A{l - 1}" if l > 1 else "x"])
    )  # fmt: skip
    block = np.ix_(rows.at, columns.at)
    taken = (each[block] for each in (ours, truth.bounds[array], truth.rounding[array]))
    quick = compare_products(rows, columns, *taken)
    # All others are 0 times something, so that only 0 is right; or they are wide.
    others = ours != 0
    others[block] = False
    others[wide_rows] = others[:, wide_columns] = True
    chosen = ~quick.fine
    if chosen.size:
        seen = quick.ulps, quick.relative, quick.share
        looks = [np.where(chosen, -1, each).argmax() for each in seen]
        chosen.flat[[*looks, *rng.integers(chosen.size, size=DRAWN)]] = True
    judged = [truth.beside(array, *cell) for cell in np.argwhere(others).tolist()]
    for i, k in np.argwhere(chosen).tolist():
        cell = int(rows.at[i]), int(columns.at[k])
        judged.append(truth.beside(array, *cell))
        agree(named(array, *cell), judged[-1], quick.relative[i, k], quick.give[i, k])
    return summary(array, ours.size, judged, quick, ~chosen)


def agree(name: str, judged: Beside, relative: float, give: float) -> None:
    """Raise ArithmeticError unless float64 said of a cell what whole numbers say."""
    if not (np.isfinite(relative) or np.isfinite(judged.relative)):
        return
    if not abs(relative - judged.relative) <= give + 2.0**-50 * judged.relative:
        raise ArithmeticError(
            f"{name} is off by {judged.relative:.17g} of the truth in whole numbers, by "
            f"{relative:.17g} ± {give:.2g} in float64"
        )


def summary(
    array: str,
    cells: int,
    judged: list[Beside],
    quick: Quick | None = None,
    good: NDArray[np.bool_] | None = None,
) -> ArrayBeside:
    """An array in a few numbers: of cells that were judged, and of those that are `good`."""
    ulps, relative, share = (
        np.concatenate([[getattr(each, name) for each in judged], getattr(quick, name)[good]])
        if quick
        else np.array([getattr(each, name) for each in judged])
        for name in ("ulps", "relative", "share")
    )
    return ArrayBeside(
        array,
        cells,
        worst=float(ulps.max(initial=0)),
        median=float(np.median(ulps[ulps > 0])) if ulps.any() else 0.0,
        relative=float(relative.max(initial=0)),
        share=float(share.max(initial=0)),
        within=all_within(each.within for each in judged),
        underflow=sum(each.underflow for each in judged),
        judged=len(judged),
    )
