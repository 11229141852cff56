"""Is a formula of one's own right? Its numbers beside central differences, cell by cell.

A formula may be right on one image by luck, so what fits there is tried on other images and labels.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from chainrule.explain.check import ABSOLUTE, NOISE, length, verdict
from chainrule.explain.differences import quiet
from chainrule.explain.evaluation import columns, evaluate
from chainrule.explain.ledger import Ledger, named, open_ledger, overflowing
from chainrule.explain.slips import known_mistakes
from chainrule.explain.slopes import Slopes, choose_cells, measure_slopes
from chainrule.explain.tree import Node
from chainrule.network import LOSSES, Array, Loss

MOST = 20_000  # cells of an array that are compared; of a larger one a sample
MOST_OTHERS = 2_000  # the same on other images
ROWS = 16  # cells that are told, of an array with more
WORST = 3
SAME = 1e-9  # of the size of two arrays, that rounding leaves between equal formulas
CELL = 1e-5  # of one quotient, that a right number may be off

Kind = Literal[
    "right",
    "lucky",  # right on this image, wrong on others
    "factor",  # right, but for a constant factor
    "transposed",
    "known",  # a mistake with a name
    "wrong",
    "hidden",  # rounding hides the quotients, so nothing can be told
    "shape",
    "infinite",  # somewhere it gives no number
]


class Case(NamedTuple):
    """Another image, or the same one with another label, that a formula is tried on."""

    test: int | None  # None: the same image
    label: int
    ledger: Ledger


class Row(NamedTuple):
    """One cell: what the formula gives, and what was measured."""

    cell: str
    yours: float
    measured: float


class FormulaVerdict(NamedTuple):
    """What can be said of a formula for an array of derivatives."""

    kind: Kind
    shape: tuple[int, ...]  # of what it gives
    wanted: tuple[int, ...]
    compared: int = 0  # cells
    cells: int = 0  # of the array
    kinks: int = 0  # cells left out because E has a corner there
    factor: float | None = None
    factor_name: str | None = None  # 2, 1/2, -1: if it is one of these
    mistake: str | None = None  # the name of a known one
    then_right: bool | None = None  # whether it is right once it is transposed
    other_loss: Loss | None = None  # the loss for which it would be right
    rows: tuple[Row, ...] = ()
    worst: tuple[Row, ...] = ()
    held: int = 0  # other images and labels on which it is right too
    failed: tuple[tuple[int | None, int], ...] = ()  # and those on which it is not: test, label


class Compared(NamedTuple):
    """A formula's numbers on one image beside the quotients, kinks left out."""

    slopes: Slopes
    g: Array  # (n,)
    agrees: bool | None
    given: Array  # all that the formula gives, in the shape that is wanted


@quiet
def judge_formula(
    ledger: Ledger, target: str, node: Node, others: Sequence[Case] = ()
) -> FormulaVerdict:
    """The verdict on a formula for this array, on this image and, if it may be right, on others.

    Raises FormulaError if it cannot be computed, OverflowError where the pass itself overflows.
    """
    if array := overflowing(ledger):
        raise OverflowError(f"{array} overflows on this image, so nothing can be compared")
    wanted = ledger.arrays[target].shape
    given = evaluate(node, columns(ledger))
    slopes, kinks = usable(ledger, target, MOST)
    found = FormulaVerdict(
        "shape",
        given.shape,
        column(wanted),
        compared=slopes.cells.size,
        cells=math.prod(wanted),
        kinks=kinks,
    )
    if given.shape != column(wanted):
        if given.shape != column(wanted)[::-1]:
            return found
        turned = compare(ledger, given.T.reshape(wanted), slopes)
        return found._replace(kind="transposed", then_right=turned.agrees)
    there = compare(ledger, given.reshape(wanted), slopes)
    told = found._replace(rows=rows(target, there))
    if not np.isfinite(there.g).all():
        return told._replace(kind="infinite", worst=worst(target, there))
    if there.agrees is False:
        return explain_wrong(ledger, target, node, others, there, told)
    held, failed = try_others(target, node, others)
    told = told._replace(held=held, failed=failed)
    if there.agrees is None:
        return told._replace(kind="hidden")
    return told._replace(kind="lucky" if failed else "right")


def column(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape, 1) if len(shape) == 1 else shape


def usable(ledger: Ledger, target: str, most: int) -> tuple[Slopes, int]:
    """The quotients of so many cells, without those that measure no slope, and how many kinks."""
    slopes = measure_slopes(ledger, target, choose_cells(ledger, target, most))
    kept = ~slopes.kinked & np.isfinite(slopes.values)
    left = Slopes(slopes.cells[kept], slopes.values[kept], slopes.kinked[kept])
    return left, int(slopes.kinked.sum())


def compare(ledger: Ledger, given: Array, slopes: Slopes) -> Compared:
    """Numbers in the shape of an array beside its quotients."""
    g = given.ravel()[slopes.cells]
    return Compared(slopes, g, agrees(ledger, g, slopes.values), given)


def agrees(ledger: Ledger, g: Array, q: Array) -> bool | None:
    """As `check` judges an array; a single cell may also be off by CELL of its own size."""
    scale = max(float(ledger.arrays["E"]), 1.0)
    misses = np.abs(g - q)
    if not np.isfinite(g).all() or (misses > ABSOLUTE * scale + CELL * np.abs(q)).any():
        return False
    return verdict(length(g), length(misses), NOISE * scale * len(g) ** 0.5)


def on_other(target: str, node: Node, ledger: Ledger) -> Compared | None:
    """A formula of the right shape on another image; None if the pass overflows there."""
    if overflowing(ledger):
        return None
    slopes, _ = usable(ledger, target, MOST_OTHERS)
    given = evaluate(node, columns(ledger)).reshape(ledger.arrays[target].shape)
    return compare(ledger, given, slopes)


def try_others(
    target: str, node: Node, others: Sequence[Case], factor: float = 1.0
) -> tuple[int, tuple[tuple[int | None, int], ...]]:
    """On how many others the formula, divided by a factor, is right, and those where it is not."""
    held, failed = 0, []
    for case in others:
        there = on_other(target, node, case.ledger)
        if there is None:
            continue
        right = agrees(case.ledger, there.g / factor, there.slopes.values)
        held += right is True
        if right is False:
            failed.append((case.test, case.label))
    return held, tuple(failed)


# ------------------------------------------------------------------------------ what is wrong


def explain_wrong(
    ledger: Ledger,
    target: str,
    node: Node,
    others: Sequence[Case],
    there: Compared,
    told: FormulaVerdict,
) -> FormulaVerdict:
    """Why it may be wrong: transposed, a factor, a known mistake, another loss; and where most."""
    told = told._replace(worst=worst(target, there))
    if is_square(there.given) and compare(ledger, there.given.T, there.slopes).agrees:
        return told._replace(kind="transposed", then_right=True)
    told = told._replace(other_loss=right_for(ledger, target, node))
    if factor := factor_of(ledger, there):
        held, failed = try_others(target, node, others, factor)
        sure = np.count_nonzero(np.abs(there.slopes.values) > NOISE) > 1 or held > 1
        if sure and not failed:
            name = factor_name(factor)
            return told._replace(kind="factor", factor=factor, factor_name=name, held=held)
    ledgers = [ledger, *(case.ledger for case in others if not overflowing(case.ledger))]
    mistakes = [known_mistakes(each, target) for each in ledgers]
    values = [evaluate(node, columns(each)).reshape(there.given.shape) for each in ledgers]
    for name in mistakes[0]:
        pairs = [(g, each[name]) for g, each in zip(values, mistakes, strict=True)]
        times = times_of(*pairs[0])
        if times and all(equal(g, times * wrong) for g, wrong in pairs):
            told = told._replace(kind="known", mistake=name)
            named = None if times == 1 else factor_name(times)
            return told if times == 1 else told._replace(factor=times, factor_name=named)
    return told._replace(kind="wrong")


def times_of(g: Array, wrong: Array) -> float | None:
    """The factor between two arrays if they can have one; 1 for what rounding leaves."""
    there = np.isfinite(wrong) & np.isfinite(g)
    g, wrong = g[there], wrong[there]
    size = length(wrong)
    if not size:
        return None
    times = float((g / size).ravel() @ (wrong / size).ravel())
    if abs(times - 1) <= SAME:
        return 1.0
    return times if np.count_nonzero(wrong) > 1 else None


def is_square(array: Array) -> bool:
    return array.ndim == 2 and array.shape[0] == array.shape[1]


def equal(g: Array, wrong: Array) -> bool:
    """Whether two arrays are the same but for rounding."""
    there = np.isfinite(wrong) & np.isfinite(g)
    return length(g[there] - wrong[there]) <= SAME * length(wrong[there])


def factor_of(ledger: Ledger, there: Compared) -> float | None:
    """What the quotients have to be multiplied by to be the formula's numbers, if there is such."""
    g, q = there.g, there.slopes.values
    size = length(q)
    if not size or not length(g):
        return None
    factor = float((g / size) @ (q / size))
    return factor if factor and agrees(ledger, g / factor, q) else None


def factor_name(factor: float) -> str | None:
    """2 for 2.0000001, 1/60000, -1; None for what is no whole number or one over it."""
    size, sign = abs(factor), "-" if factor < 0 else ""
    for value, before in ((size, ""), (1 / size, "1/")):
        whole = round(value)
        if whole and abs(value - whole) <= CELL * whole:
            return f"{sign}{before}{whole}" if whole > 1 or not before else f"{sign}1"
    return None


def right_for(ledger: Ledger, target: str, node: Node) -> Loss | None:
    """The other loss, if the formula is right for that one."""
    for loss in LOSSES:
        if loss != ledger.network.loss:
            network = replace(ledger.network, loss=loss)
            label = int(ledger.arrays["y"].argmax())
            other = on_other(target, node, open_ledger(network, ledger.arrays["x"], label))
            if other and other.agrees:
                return loss
    return None


# --------------------------------------------------------------------------------- what is told


def worst(target: str, there: Compared) -> tuple[Row, ...]:
    """The cells that are off most, or those without a number."""
    off = np.abs(there.g - there.slopes.values)
    off[~np.isfinite(there.g)] = math.inf
    order = np.argsort(-off, kind="stable")[:WORST]
    return tuple(row(target, there, k) for k in order if off[k])


def rows(target: str, there: Compared) -> tuple[Row, ...]:
    """All cells of a short array; of a long one those that are largest, in their order."""
    sizes = np.abs(there.slopes.values)
    if sizes.size > ROWS:
        order = np.sort(np.argsort(-sizes, kind="stable")[:ROWS])
        return tuple(row(target, there, k) for k in order)
    return tuple(row(target, there, k) for k in range(sizes.size))


def row(target: str, there: Compared, k: int) -> Row:
    index = np.unravel_index(int(there.slopes.cells[k]), there.given.shape)
    name = named(target, *(int(each) for each in index))
    return Row(name, float(there.g[k]), float(there.slopes.values[k]))
