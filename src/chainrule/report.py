"""Results as people read them: lines of text and tables, in at most 80 columns.

Nothing is printed here. Each function gives what is to be printed, piece by piece.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from textwrap import wrap

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from chainrule.compare import Comparison, Row
from chainrule.data import CLASSES, PIXELS, SIDE
from chainrule.ledger import Cell, Ledger, array_formula
from chainrule.network import Array
from chainrule.proof import H, Proof
from chainrule.runs import Entry
from chainrule.training import Evaluation

Pieces = Iterator[str | Text | Table]

INK = " ░▒▓█"  # from no ink to full ink
ROWS = 11  # of two runs side by side, before those that stand out
ABOVE, BELOW = " +*#", " -=%"  # from about 0 to the largest of a picture, by sign


def percent(share: float, digits: int = 2) -> str:
    return f"{100 * share:.{digits}f} %"


# ------------------------------------------------------------------------------- a model measured


def accuracy(seen: Evaluation) -> str:
    right, m = int(np.trace(seen.confusion)), int(seen.confusion.sum())
    return f"test accuracy {percent(seen.accuracy)} ({right:,} of {m:,})"


def confusion(seen: Evaluation) -> Pieces:
    """Truth in rows, answers in columns, and at each row's end the share of it read right."""
    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    table.add_column("truth", justify="right")
    for digit in range(CLASSES):
        table.add_column(str(digit), justify="right", min_width=5)
    table.add_column("right, %", justify="right", min_width=9)
    most = max(1, int((seen.confusion - np.diag(np.diag(seen.confusion))).max()))
    for digit, row in enumerate(seen.confusion):
        cells = []
        for answer, count in enumerate(row):
            pale = 230 - 180 * int(count) // most
            style = "bold green" if answer == digit else f"rgb(255,{pale},{pale})"
            cells.append(Text(str(count) if count else "·", style if count else "dim"))
        right = seen.accuracy_per_digit[digit]
        table.add_row(str(digit), *cells, "" if np.isnan(right) else f"{100 * right:.1f}")
    yield "       read as"
    yield table


def reading(x: Array, A: Array, name: str, label: int | None) -> Pieces:
    """One image (784,) beside its ten probabilities A (10,); its label is the truth, if known."""
    answer = int(A.argmax())
    verdict = "right" if answer == label else "wrong"
    said = f"read as {answer}" if label is None else f"a {label}, read as {answer}, {verdict}"
    yield Text(f"{name}: {said}", "bold")
    for place, ink in enumerate(drawing(x)):
        line = Text(ink)
        digit = place - 2
        if 0 <= digit < CLASSES:
            mark = "truth" if digit == label else ""
            wrong = digit == answer and label is not None
            style = "green" if digit == label else "red" if wrong else ""
            bar = INK[-1] * round(28 * float(A[digit]))
            line.append(f"   {digit} {percent(A[digit], 1):>8}  {mark:6} {bar}", style)
        line.rstrip()
        yield line


def drawing(x: Array) -> list[str]:
    """An image (784,) in [0, 1] as 14 lines of 28 characters, each the mean of two pixels."""
    means = x.reshape(SIDE // 2, 2, SIDE).mean(axis=1)
    return ["".join(INK[min(4, int(5 * mean))] for mean in line) for line in means]


# ----------------------------------------------------------------------------------- a list of runs


def runs(entries: Sequence[Entry], now: datetime) -> Pieces:
    """A line for each run, and one more for each whose learning rate was changed."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("run", overflow="fold")
    table.add_column("state")
    for name in ("steps", "loss", "test", "size", "age"):
        table.add_column(name, justify="right")
    colours = {"running": "green", "finished": "", "interrupted": "yellow"}
    for entry in entries:
        length = "?" if entry.length is None else f"{entry.length:,}"
        table.add_row(
            str(entry.folder),
            Text(entry.state, colours[entry.state]),
            f"{entry.step:,} of {length}",
            "" if entry.loss is None else f"{entry.loss:.4f}",
            "" if entry.test_accuracy is None else percent(entry.test_accuracy, 1),
            f"{entry.bytes / 1e6:.1f} MB",
            age((now - entry.started).total_seconds()),
        )
    yield table
    for entry in entries:
        if entry.changes:
            yield f"{entry.folder}: {entry.rates}"


def age(seconds: float) -> str:
    """A time in its largest unit."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


# ---------------------------------------------------------------------------- two runs side by side


def compared(found: Comparison) -> Pieces:
    """The settings that differ, the curves, and how far the weights are apart."""
    if found.settings:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False)
        for name in ("setting", "A", "B"):
            table.add_column(name, overflow="fold")
        for name, pair in found.settings.items():
            table.add_row(name.replace("_", " "), *(setting(name, value) for value in pair))
        yield table
    else:
        yield "the settings are the same"
    yield from curves(found)
    at = [f"step {step:,}" for step in found.steps]
    yield f"A after {at[0]}, B after {at[1]}"
    if found.apart is None:
        yield "weights: networks of other sizes cannot be subtracted"
    else:
        layers = [f"W{l} {W:.3f}, b{l} {b:.3f}" for l, (W, b) in enumerate(found.apart, 1)]
        yield from wrap(f"weights apart, ‖A - B‖ over the larger norm: {'; '.join(layers)}", 80)


def setting(name: str, value: object) -> str:
    """A setting as the command line says it."""
    if name == "changes" and isinstance(value, list):
        return ", ".join(f"{c['learning_rate']:g} from step {c['step']:,}" for c in value) or "none"
    if name == "hidden" and isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    if name == "batch_size" and value is None:
        return "all"
    if name.endswith("digits"):
        return f"SHA-256 {value:.12}…" if isinstance(value, str) else "not read yet"
    return str(value).replace("_", "-")


def curves(found: Comparison) -> Pieces:
    """Losses and accuracies of both at some of the steps, first and last among them."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False)
    for name in ("step", "loss A", "loss B", "training A", "B", "test A", "B"):
        table.add_column(name, justify="right")
    for row in telling(found.rows):
        cells = [f"{loss:.4f}" for loss in row.loss]
        cells += [percent(share, 1) for share in (*row.train_accuracy, *row.test_accuracy)]
        table.add_row(f"{row.step:,}", *("" if "nan" in cell else cell for cell in cells))
    yield table


def telling(rows: list[Row]) -> list[Row]:
    """Eleven rows, evenly spaced, the last of each run, and of each curve what stands out most.

    If enough steps have a row in both runs, it is these that are spaced evenly.
    """
    values = np.array([(row.step, *row.loss, *row.test_accuracy) for row in rows])
    steps, curves = values[:, 0], values[:, 1:].T
    has = ~np.isnan(curves[:2])
    ends = [int(np.flatnonzero(each)[-1]) for each in has]
    whole = np.flatnonzero(has.all(axis=0) | (steps > steps[min(ends)]))
    even = whole if len(whole) >= ROWS else np.arange(len(rows))
    even = even[np.linspace(0, len(even) - 1, min(len(even), ROWS)).round().astype(int)]
    shown = sorted({*even.tolist(), *ends})
    return [rows[k] for k in sorted({*shown, *(farthest(steps, each, shown) for each in curves)})]


def farthest(steps: Array, curve: Array, shown: list[int]) -> int:
    """Where a curve is farthest from the straight lines between the points of it that are shown."""
    known = np.isfinite(curve)
    drawn = [k for k in shown if known[k]]
    if not drawn:
        return shown[0]
    away = np.abs(np.interp(steps, steps[drawn], curve[drawn]) - np.where(known, curve, np.nan))
    return int(np.argmax(np.where(known, away, -1)))


def differing_answers(found: Comparison, m: int) -> Pieces:
    """On how many test images the answers differ, and the numbers of the first of them."""
    accuracies = " and ".join(percent(share) for share in found.accuracy)
    differ = sum(map(len, found.answers))
    yield f"test accuracy {accuracies}; answers differ on {differ:,} of {m:,} images"
    words = ("A right, B wrong", "B right, A wrong", "both wrong, differently")
    for said, numbers in zip(words, found.answers, strict=True):
        first = ", ".join(map(str, numbers[:6])) + (", …" if len(numbers) > 6 else "")
        yield f"  {said:24}{len(numbers):6,}{'   images ' if len(numbers) else ''}{first}"


# ------------------------------------------------------------------------------- an array explained


def explained(ledger: Ledger, name: str, *, full: bool) -> Pieces:
    """An array under its formula: a small one whole, a large one as a picture and a summary."""
    array = ledger.arrays[name]
    shape = " × ".join(map(str, array.shape)) or "one number"
    yield ""
    yield Text(f"{array_formula(ledger.network, name):60} {shape:>18}", "bold")
    if array.ndim == 0:
        yield f"  {float(array)!r}"
    elif full:
        yield from every_number(name, array)
    elif array.size <= 20 or array.shape == (CLASSES, CLASSES):
        yield from table_of(array)
    else:
        yield from picture(name, array)


def every_number(name: str, array: Array) -> Pieces:
    """All numbers, four a line, each line under the index of its first."""
    for row, values in enumerate(np.atleast_2d(array)):
        for first in range(0, len(values), 4):
            place = f"{name}[{row},{first}]" if array.ndim == 2 else f"{name}[{first}]"
            yield f"  {place:14}" + "".join(f"{v:16.9g}" for v in values[first : first + 4])


def table_of(array: Array) -> Pieces:
    """Ten numbers a line, with one power of ten taken out where they are small or large."""
    largest = float(np.abs(array).max())
    power = math.floor(math.log10(largest)) if 0 < largest < math.inf else 0
    power = 0 if -2 < power < 3 else power
    if power:
        yield f"  × 1e{power:+03d}"
    yield Text("  " + "".join(f"{column:7}" for column in range(min(10, array.shape[-1]))), "dim")
    for row in np.atleast_2d(array):
        for first in range(0, len(row), 10):
            values = row[first : first + 10] / 10.0**power
            yield "  " + "".join(f"{value:7.3f}" for value in values)


def picture(name: str, array: Array) -> Pieces:
    """An array as marks, then its range, its norm and its five largest cells."""
    block = 1  # cells for which one mark stands
    if array.shape == (PIXELS,):
        lines = drawing(array)
    elif array.ndim == 2 and array.shape[1] == PIXELS:
        lines, block = list(units(name, array)), 8
    else:
        matrix = np.atleast_2d(array)
        lines = marks(matrix, 28, 76, float(np.abs(array).max()))
        block = math.ceil(matrix.shape[0] / 28) * math.ceil(matrix.shape[1] / 76)
    yield from (f"  {line}".rstrip() for line in lines)
    order = np.argsort(-np.abs(array), axis=None, kind="stable")[:5]
    cells = [np.unravel_index(place, array.shape) for place in order]
    if array.shape != (PIXELS,):
        of = f"; a mark is the largest of {block} cells" if block > 1 else ""
        yield f"  + * # above 0, - = % below{of}"
    low, high, norm = array.min(), array.max(), np.linalg.norm(array)
    yield f"  from {low:.4g} to {high:.4g}, norm {norm:.4g}"
    largest = "; ".join(f"{name}[{','.join(map(str, at))}] {array[at]:.3g}" for at in cells)
    yield from wrap(f"largest: {largest}", 80, initial_indent="  ", subsequent_indent="    ")


def units(name: str, array: Array) -> Iterator[str]:
    """Rows (units, 784) as small images, five a line; of many units the ten of largest norm."""
    norms = np.linalg.norm(array, axis=1)
    chosen = np.sort(np.argsort(-norms, kind="stable")[:10])
    if len(chosen) < len(array):
        yield f"the ten of its {len(array)} rows with the largest norm"
    scale = float(np.abs(array).max())
    for first in range(0, len(chosen), 5):
        group = chosen[first : first + 5]
        yield "".join(f"{f'{name}[{unit}]':16}" for unit in group)
        images = [marks(array[unit].reshape(SIDE, SIDE), 7, 14, scale) for unit in group]
        yield from ("  ".join(lines) for lines in zip(*images, strict=True))


def marks(matrix: Array, most_rows: int, most_columns: int, scale: float) -> list[str]:
    """A matrix as lines of marks, sign and size in four levels up to ±scale.

    Where it has more rows or columns than fit, a mark stands for the largest of a block of cells.
    """
    rows = math.ceil(matrix.shape[0] / most_rows)
    columns = math.ceil(matrix.shape[1] / most_columns)
    lines = []
    for top in range(0, matrix.shape[0], rows):
        line = ""
        for left in range(0, matrix.shape[1], columns):
            block = matrix[top : top + rows, left : left + columns].ravel()
            value = float(block[np.abs(block).argmax()]) / (scale or 1.0)
            line += (ABOVE if value > 0 else BELOW)[min(3, int(4 * abs(value)))]
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
    for term in shown:
        yield f"  {term.names:{names}}   {term.numbers:{numbers}}   {term.value:+.6g}"
    if cell.numerator:
        yield f"  the value is {cell.numerator.names} over their sum"
    yield f"total       {cell.total!r} by math.fsum"


# ----------------------------------------------------------------------------- a gradient checked


def proven(proof: Proof, indices: Sequence[int]) -> Pieces:
    """What was compared, then chainrule's gradient and each impostor, array by array."""
    of = "all" if proof.compared == proof.parameters else f"a sample of {proof.compared:,} of"
    yield f"g: the gradient of E on test images {', '.join(map(str, indices))} (m = {len(indices)})"
    yield f"q: (E(θ + h) - E(θ - h)) / 2h for {of} {proof.parameters:,} parameters"
    yield f"   h = {H:g}, float64"
    if proof.kinks:
        yield f"left out, ±h crosses a kink of ReLU: {', '.join(proof.kinks)}"
    yield ""
    yield f"{'':20}{'array':7}{'cells':>7}{'‖g - q‖/‖g‖':>14}{'max |g - q|':>14}"
    for account in (proof.own, *proof.impostors):
        for row in account.rows:
            name = account.name if row is account.rows[0] else ""
            yield Text(
                f"{name:20}{row.array:7}{row.cells:7,}{row.relative:14.1e}{row.largest:14.1e}"
                f"   {'agrees' if row.agrees else 'differs'}",
                "green" if row.agrees else "red",
            )
    yield ""
    for impostor in proof.impostors:
        told = "is too small here to be told apart" if impostor.agrees else "fails, as it should"
        yield f"impostor {impostor.name}: {told}"


def verdict(proof: Proof) -> str:
    return f"chainrule's gradient {'agrees' if proof.own.agrees else 'FAILS'}"
