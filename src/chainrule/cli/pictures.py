"""One image as people read it: drawn, opened, and proven."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.text import Text

from chainrule.arrays import DIGITS
from chainrule.cli.printing import Column, paragraph, table, visible
from chainrule.cli.tables import Pieces, one, percent
from chainrule.data import CLASSES, PIXELS, SIDE
from chainrule.explain.check import VERDICTS, Proof
from chainrule.explain.differences import H
from chainrule.explain.ledger import Ledger
from chainrule.explain.nearness import ImageBeside, merged_arrays
from chainrule.explain.rules import Cell, array_formula
from chainrule.explain.truth import CellTruth
from chainrule.network import Array

MOST_BARS = 10
INK = " ░▒▓█"  # from no ink to full ink
ABOVE, BELOW = " +*#", " -=%"  # from about 0 to the largest of a picture, by sign


# ------------------------------------------------------------------------------- a model measured


def reading(
    x: Array,
    A: Array,
    name: str,
    label: int | None,
    doubt: tuple[str, str] | None = None,
    names: Sequence[str] = DIGITS,
) -> Pieces:
    """One image (784,) beside its probabilities A (classes,); its label is the truth, if known.

    Of more than ten classes the most probable ten are shown, and the truth.

    `doubt` says what the image is instead of a digit, and why; then the text never says `read as`.
    """
    answer = int(A.argmax())
    verdict = "right" if answer == label else "wrong"
    read = names[answer]
    said = f"read as {read}" if label is None else f"{one(names[label])}, read as {read}, {verdict}"
    if doubt:
        said = f"{doubt[0]}; taken for one digit, it would be {read}"
    yield Text(visible(f"{name}: {said}"), "bold")

    first = np.argsort(-A, kind="stable")[:MOST_BARS].tolist()
    shown = sorted(first if label is None or label in first else [*first[:-1], label])
    longest_name = max(cell_len(names[k]) for k in shown)

    def bar(k: int, longest: int) -> Text:
        mark = "truth" if k == label else ""
        full = INK[-1] * round(longest * float(A[k]))
        head = set_cell_size(names[k], longest_name)
        line = f"{head} {percent(A[k], 1):>8}  {mark:6} {full}".rstrip()
        return Text(line, "bold" if k in (answer, label) else "")

    def picture_and_bars(width: int) -> Pieces:
        # The columns that a bar beside the picture has.
        beside = min(SIDE, width - SIDE - 21 - longest_name)
        for place, ink in enumerate(drawing(x)):
            if beside >= 8 and 0 <= place - 2 < len(shown):
                yield Text.assemble(f"{ink}   ", bar(shown[place - 2], beside))
            else:
                yield ink.rstrip()
        if beside < 8:
            yield from (bar(k, max(1, min(SIDE, width - 18 - longest_name))) for k in shown)

    yield picture_and_bars
    if len(shown) < len(A):
        yield f"the {len(shown)} most probable of {len(A)} classes"
    if doubt:
        yield paragraph(doubt[1])


def drawing(x: Array) -> list[str]:
    """An image (784,) in [0, 1] as 14 lines of 28 characters, each the mean of two pixels."""
    means = x.reshape(SIDE // 2, 2, SIDE).mean(axis=1)
    return ["".join(INK[min(4, int(5 * mean))] for mean in line) for line in means]


# ------------------------------------------------------------------------------- an array explained


def explained(ledger: Ledger, name: str, *, full: bool) -> Pieces:
    """An array under its formula: a small one whole, a large one as a picture and a summary."""
    array = ledger.arrays[name]
    shape = " × ".join(map(str, array.shape)) or "one number"
    formula = array_formula(ledger.network, name)

    def lines(width: int) -> Pieces:
        between = min(width, 79) - len(formula) - len(shape)
        yield ""
        yield Text(f"{formula}{' ' * between}{shape}" if between > 1 else formula, "bold")
        if between <= 1:
            yield f"  {shape}"
        if array.ndim == 0:
            yield f"  {float(array)!r}"
        elif full:
            yield from every_number(name, array, width)
        elif array.size <= 20 or array.shape == (CLASSES, CLASSES):
            yield from table_of(array, width)
        else:
            yield from picture(name, array, width)

    yield lines


def every_number(name: str, array: Array, width: int) -> Pieces:
    """All numbers, up to four a line, each line under the index of its first."""
    each = max(1, min(4, (width - 16) // 16))
    for row, values in enumerate(np.atleast_2d(array)):
        for first in range(0, len(values), each):
            place = f"{name}[{row},{first}]" if array.ndim == 2 else f"{name}[{first}]"
            yield f"  {place:14}" + "".join(f"{v:16.9g}" for v in values[first : first + each])


def table_of(array: Array, width: int) -> Pieces:
    """Up to ten numbers a line, with a power of ten taken out where they are small or large."""
    largest = largest_of(array)
    power = math.floor(math.log10(largest)) if largest else 0
    power = 0 if -2 < power < 3 else power
    if power:
        yield f"  × 1e{power:+03d}"
    each = 10 if width >= 72 else 5 if width >= 37 else 2
    for first in range(0, array.shape[-1], each):
        last = min(first + each, array.shape[-1])
        yield Text("  " + "".join(f"{column:7}" for column in range(first, last)), "bold")
        for row in np.atleast_2d(array):
            yield "  " + "".join(f"{value:7.3f}" for value in row[first:last] / 10.0**power)


def picture(name: str, array: Array, width: int) -> Pieces:
    """An array as marks, then its range, its norm and its five largest cells."""
    across = min(76, width - 4)  # marks in a line
    block = 1  # cells for which one mark stands
    if array.shape == (PIXELS,):
        lines = drawing(array)
    elif array.ndim == 2 and array.shape[1] == PIXELS:
        lines, block = list(unit_images(name, array, (width - 2) // 16)), 8
    else:
        matrix = np.atleast_2d(array)
        lines = marks(matrix, 28, across, largest_of(array))
        block = math.ceil(matrix.shape[0] / 28) * math.ceil(matrix.shape[1] / across)
    yield from (f"  {line}".rstrip() for line in lines)
    order = np.argsort(-np.abs(array), axis=None, kind="stable")[:5]
    cells = [np.unravel_index(place, array.shape) for place in order]
    if array.shape != (PIXELS,):
        of = f"; a mark is the largest of {block} cells" if block > 1 else ""
        yield f"  + * # above 0, - = % below{of}"
    low, high, norm = array.min(), array.max(), np.linalg.norm(array)
    yield f"  from {low:.4g} to {high:.4g}, norm {norm:.4g}"
    largest = "; ".join(f"{name}[{','.join(map(str, at))}] {array[at]:.3g}" for at in cells)
    yield paragraph(f"largest: {largest}", "  ", "    ")


def unit_images(name: str, array: Array, fit: int) -> Iterator[str]:
    """Rows (units, 784) as small images, as many a line as fit, at most five.

    Of many units the ten of largest norm.
    """
    each = max(1, min(5, fit))
    norms = np.linalg.norm(array, axis=1)
    chosen = np.sort(np.argsort(-norms, kind="stable")[:10])
    if len(chosen) < len(array):
        yield f"the ten of its {len(array)} rows with the largest norm"
    scale = largest_of(array)
    for first in range(0, len(chosen), each):
        group = chosen[first : first + each]
        yield "".join(f"{f'{name}[{unit}]':16}" for unit in group)
        images = [marks(array[unit].reshape(SIDE, SIDE), 7, 14, scale) for unit in group]
        yield from ("  ".join(lines) for lines in zip(*images, strict=True))


def largest_of(array: Array) -> float:
    """The largest size of its numbers that are finite; 0 if there is none."""
    return float(np.abs(array[np.isfinite(array)]).max(initial=0))


def marks(matrix: Array, most_rows: int, most_columns: int, scale: float) -> list[str]:
    """A matrix as lines of marks, sign and size in four levels up to ±scale.

    Where it has more rows or columns than fit, a mark stands for the largest of a block of cells;
    one with NaN in it is an exclamation mark.
    """
    rows = math.ceil(matrix.shape[0] / most_rows)
    columns = math.ceil(matrix.shape[1] / most_columns)
    lines = []
    for top in range(0, matrix.shape[0], rows):
        line = ""
        for left in range(0, matrix.shape[1], columns):
            block = matrix[top : top + rows, left : left + columns].ravel()
            value = float(block[np.abs(block).argmax()]) / (scale or 1.0)
            if math.isnan(value):
                line += "!"
            else:
                line += (ABOVE if value > 0 else BELOW)[int(min(3, 4 * abs(value)))]
        lines.append(line)
    return lines


# -------------------------------------------------------------------------------- a cell opened


def opened(cell: Cell, *, full: bool) -> Pieces:
    """Formula, executed line, terms and neighbours of a cell; terms of 0 only if full."""
    yield ""
    yield Text(f"{cell.name} = {cell.value!r}", "bold")
    yield f"formula     {cell.formula}"
    if cell.source:
        yield f"source      {cell.source.file}:{cell.source.line}"
        yield f"            {cell.source.code}"
        yield f"put in      {cell.source.put_in}"
    elif cell.terms[0].names == cell.name:
        yield "source      none: it is given, not computed"
    else:
        yield "source      the source of network.py cannot be read here"
    yield f"comes from  {', '.join(cell.comes_from) or 'outside: it is given'}"
    yield f"feeds       {', '.join(cell.feeds) or 'nothing more in this pass'}"
    shown = [term for term in cell.terms if full or term.value]
    zeros = len(cell.terms) - len(shown)
    yield f"terms       {len(cell.terms)}{f', {zeros} of them 0 and not shown' if zeros else ''}"
    names = max((len(term.names) for term in shown), default=0)
    numbers = max((len(term.numbers) for term in shown), default=0)

    def lines(width: int) -> Pieces:
        for term in shown:
            if names + numbers + 17 <= width:
                yield f" {term.names:{names}}  {term.numbers:{numbers}}  {term.value:+.6g}"
            else:
                yield paragraph(term.names, "  ", "    ")
                yield paragraph(f"{term.numbers}   {term.value:+.6g}", "    ", "    ")

    yield lines
    if cell.numerator:
        yield f"  the value is {cell.numerator.names} over their sum"
    yield f"total       {cell.total!r} by math.fsum"


def beside_truth(found: CellTruth) -> Pieces:
    """The digits of a number, and ours below them with a mark under each that is the same."""
    yield ""
    if found.truth is not None:
        yield f"truth       {found.truth}"
        yield f"ours        {found.ours}"
        yield f"the same    {'^' * found.agree}"
        may = f"{found.bound:.1e}" if found.bound else "0"
        off = f"{found.ulps:.3g} units in the last place; it may be off {may}"
        yield f"off by      {off}"
        if found.within is False:
            yield Text("ours is FURTHER off than it may be", "bold")
    yield from (paragraph(sentence) for sentence in found.says)


# ----------------------------------------------------------------------------- a gradient checked


def proven(proof: Proof, indices: Sequence[int], on: str) -> Pieces:
    """What was compared, on which images, then chainrule's gradient and each impostor by array."""
    of = "all" if proof.compared == proof.parameters else f"a sample of {proof.compared:,} of"
    numbers, m = ", ".join(map(str, indices)), len(indices)
    yield f"g: the gradient of E on test images {numbers} of {on} (m = {m})"
    yield f"q: (E(θ + h) - E(θ - h)) / 2h for {of} {proof.parameters:,} parameters"
    yield f"   h = {H:g}, float64"
    if proof.own.name != "chainrule":
        yield f"g of {proof.own.name} is in float32, and may be off by what rounding comes to"
    if proof.kinks:
        yield f"left out, ±h crosses a kink of ReLU: {', '.join(proof.kinks)}"
    yield ""
    rows = [
        (account.name if row is account.rows[0] else "", row)
        for account in (proof.own, *proof.impostors)
        for row in account.rows
    ]
    yield table(
        [
            Column("", [name for name, _ in rows], left=True),
            Column("", [row.array for _, row in rows], left=True),
            Column("cells", [f"{row.cells:,}" for _, row in rows], 2),
            Column("‖g - q‖/‖g‖", [f"{row.relative:.1e}" for _, row in rows]),
            Column("max |g - q|", [f"{row.largest:.1e}" for _, row in rows], 1),
            Column("", [VERDICTS[row.agrees] for _, row in rows], left=True),
        ],
        ruled=False,
        bold=[not row.agrees for _, row in rows],
    )
    yield ""
    for impostor in proof.impostors:
        fails = impostor.agrees is False
        told = "fails, as it should" if fails else "is too small here to be told apart"
        yield f"impostor {impostor.name}: {told}"


CORNERS = 10  # sentences about units at the corner of ReLU, or near it


def proven_exactly(found: Sequence[ImageBeside], indices: Sequence[int], on: str) -> Pieces:
    """How far the derivatives are from the truth, array by array, and what else is to be said."""
    rows = merged_arrays(found)
    numbers = ", ".join(map(str, indices))
    yield f"g: every derivative of E, one by one of test images {numbers} of {on}, in float64"
    yield "t: the same in whole numbers, enclosed to hundreds of digits"
    yield "ulps: |g - t| in units in the last place of t"
    yield ""
    yield table(
        [
            Column("", [row.array for row in rows], left=True),
            Column("cells", [f"{row.cells:,}" for row in rows], 2),
            Column("median ulps", [f"{row.median:.3g}" for row in rows]),
            Column("most ulps", [f"{row.worst:.3g}" for row in rows]),
            Column("of what it may be off", [f"{row.share:.1e}" for row in rows], 1),
            Column("", [WITHIN[row.within] for row in rows], left=True),
        ],
        ruled=False,
        bold=[row.within is not True for row in rows],
    )
    yield ""
    for row in rows:
        if row.underflow:
            cells = "1 cell" if row.underflow == 1 else f"{row.underflow:,} cells"
            yield paragraph(
                f"underflow: {cells} of {row.array} lost digits or became 0, because numbers on "
                f"the way are too small for float64"
            )
    said = [
        f"test image {index}: {corner.sentence}"
        for image, index in zip(found, indices, strict=True)
        for corner in image.corners
    ]
    yield from map(paragraph, said[:CORNERS])
    if (more := len(said) - CORNERS) > 0:
        yield f"and {more:,} more such units; --json names all"


WITHIN = {True: "within its bounds", False: "FURTHER off", None: "cannot be told"}


def verdict(proof: Proof) -> str:
    """The result of a check in a sentence."""
    if proof.own.agrees is None:
        arrays = ", ".join(row.array for row in proof.own.rows if row.agrees is None)
        return (
            f"{proof.own.name}'s gradient cannot be told for {arrays}: rounding hides the "
            f"quotients; try images that are read less surely, or smaller weights"
        )
    return f"{proof.own.name}'s gradient {'agrees' if proof.own.agrees else 'FAILS'}"
