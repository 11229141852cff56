"""Results as people read them: lines of text and tables, in as many columns as there are.

Nothing is printed here. Each function gives what is to be printed, piece by piece; a piece that
depends on the width of the terminal is a function of it. No number is ever cut: where there is
little room, columns are left out by rank, or a picture's parts stand below each other.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np
from rich.text import Text

from chainrule.data import CLASSES, PIXELS, SIDE, Digits
from chainrule.explain.check import Proof
from chainrule.explain.differences import H
from chainrule.explain.ledger import Ledger, overflowing, prediction
from chainrule.explain.rules import Cell, array_formula
from chainrule.network import Array
from chainrule.printing import Column, Piece, narrowest, paragraph, table, visible
from chainrule.runs.compare import Comparison, Row
from chainrule.runs.listing import Entry
from chainrule.training import Evaluation

Pieces = Iterator[Piece]

DIGITS = range(CLASSES)
INK = " ░▒▓█"  # from no ink to full ink
VERDICTS = {True: "agrees", False: "differs", None: "cannot be told"}
ROWS = 11  # of two runs side by side, before those that stand out
ABOVE, BELOW = " +*#", " -=%"  # from about 0 to the largest of a picture, by sign


def percent(share: float, digits: int = 2) -> str:
    return f"{100 * share:.{digits}f} %"


# ------------------------------------------------------------------------------- a model measured


def accuracy(seen: Evaluation, on: str) -> str:
    """The accuracy on the test images of digits with this name."""
    right, m = int(np.trace(seen.confusion)), int(seen.confusion.sum())
    return f"test accuracy {percent(seen.accuracy)} on {on} ({right:,} of {m:,})"


def confusion(seen: Evaluation) -> Pieces:
    """Truth in rows, answers in columns, and at each row's end the share of it read right.

    What is read right is bold; the confusions of at least half the most frequent one's count are
    reversed. A terminal that is too narrow for all answers shows them in parts.
    """
    most = int((seen.confusion - np.diag(np.diag(seen.confusion))).max())

    def cell(digit: int, answer: int) -> Text:
        count = int(seen.confusion[digit, answer])
        style = "bold" if answer == digit else "reverse" if 2 * count >= most else ""
        return Text(f"{count}" if count else "·", style if count else "")

    truth = Column("truth", list(map(str, DIGITS)))
    shares = ["" if np.isnan(share) else f"{100 * share:.1f}" for share in seen.accuracy_per_digit]
    right = Column("right, %", shares)

    def parts(width: int) -> Pieces:
        answers = [
            # Counts are easier to compare in columns of one width, where there is room for them.
            Column(f"{answer:{4 if width >= 75 else 1}}", [cell(digit, answer) for digit in DIGITS])
            for answer in DIGITS
        ]
        for each in (10, 5, 2, 1):
            if narrowest([truth, *answers[-each:], right]) <= width:
                break
        for first in range(0, CLASSES, each):
            last = [right] if first + each == CLASSES else []
            yield table([truth, *answers[first : first + each], *last])
            yield ""

    yield "       read as"
    yield ""
    yield parts


def reading(
    x: Array, A: Array, name: str, label: int | None, doubt: tuple[str, str] | None = None
) -> Pieces:
    """One image (784,) beside its ten probabilities A (10,); its label is the truth, if known.

    A doubt says what it is instead of a digit, and why: then it is not said to be read as one.
    """
    answer = int(A.argmax())
    verdict = "right" if answer == label else "wrong"
    said = f"read as {answer}" if label is None else f"a {label}, read as {answer}, {verdict}"
    if doubt:
        said = f"{doubt[0]}; taken for one digit, it would be {answer}"
    yield Text(visible(f"{name}: {said}"), "bold")

    def bar(digit: int, longest: int) -> Text:
        mark = "truth" if digit == label else ""
        full = INK[-1] * round(longest * float(A[digit]))
        line = f"{digit} {percent(A[digit], 1):>8}  {mark:6} {full}".rstrip()
        return Text(line, "bold" if digit in (answer, label) else "")

    def picture_and_bars(width: int) -> Pieces:
        beside = min(SIDE, width - SIDE - 22)  # the columns that a bar beside the picture has
        for place, ink in enumerate(drawing(x)):
            if beside >= 8 and place - 2 in DIGITS:
                yield Text.assemble(f"{ink}   ", bar(place - 2, beside))
            else:
                yield ink.rstrip()
        if beside < 8:
            yield from (bar(digit, min(SIDE, width - 19)) for digit in DIGITS)

    yield picture_and_bars
    if doubt:
        yield paragraph(doubt[1])


def drawing(x: Array) -> list[str]:
    """An image (784,) in [0, 1] as 14 lines of 28 characters, each the mean of two pixels."""
    means = x.reshape(SIDE // 2, 2, SIDE).mean(axis=1)
    return ["".join(INK[min(4, int(5 * mean))] for mean in line) for line in means]


# ----------------------------------------------------------------------------------- a list of runs


def runs(entries: Sequence[Entry], now: datetime) -> Pieces:
    """A line for each run, and more for other digits than MNIST and for changes of the rate."""
    lines = [
        (
            str(entry.folder),
            entry.state,
            f"{entry.step:,} of {'?' if entry.length is None else f'{entry.length:,}'}",
            "" if entry.loss is None else f"{entry.loss:.4f}",
            "" if entry.test_accuracy is None else percent(entry.test_accuracy, 1),
            f"{entry.bytes / 1e6:.1f} MB",
            age((now - entry.started).total_seconds()),
        )
        for entry in entries
    ]
    heads = ("run", "state", "steps", "loss", "test", "size", "age")
    ranks = (0, 0, 2, 3, 1, 5, 4)
    yield table(
        [
            Column(head, cells, rank, left=head in ("run", "state"))
            for head, cells, rank in zip(heads, zip(*lines, strict=True), ranks, strict=True)
        ],
        bold=[entry.state == "running" for entry in entries],
    )
    yield ""
    for entry in entries:
        if entry.data != "mnist":
            yield f"{entry.folder}: measured on its own digits, {entry.data}"
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
        yield from differing_settings(found)
    else:
        yield "the settings are the same"
    yield from curves(found)
    at = [f"step {step:,}" for step in found.steps]
    yield f"A after {at[0]}, B after {at[1]}"
    if found.apart is None:
        yield "weights: networks of other sizes cannot be subtracted"
    else:
        layers = [f"W{l} {W:.3f}, b{l} {b:.3f}" for l, (W, b) in enumerate(found.apart, 1)]
        yield paragraph(f"weights apart, ‖A - B‖ over the larger norm: {'; '.join(layers)}")


def differing_settings(found: Comparison) -> Pieces:
    """A line for each setting that differs, or three where a line does not hold both values."""
    names = [name.replace("_", " ") for name in found.settings]
    A, B = ([setting(name, pair[side]) for name, pair in found.settings.items()] for side in (0, 1))
    columns = [
        Column(head, cells, left=True) for head, cells in (("setting", names), ("A", A), ("B", B))
    ]

    def lines(width: int) -> Pieces:
        if narrowest(columns) <= width:
            yield table(columns)
        else:
            for name, *pair in zip(names, A, B, strict=True):
                yield name
                for side, value in zip("AB", pair, strict=True):
                    yield paragraph(f"{side} {value}", "  ", "    ")

    yield lines
    yield ""


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
    lines = []
    for row in telling(found.rows):
        cells = [f"{loss:.4f}" for loss in row.loss]
        cells += [percent(share, 1) for share in (*row.train_accuracy, *row.test_accuracy)]
        lines.append((f"{row.step:,}", *("" if "nan" in cell else cell for cell in cells)))
    heads = ("step", "loss A", "loss B", "training A", "B", "test A", "B")
    ranks = (0, 1, 1, 2, 2, 0, 0)
    yield table(
        [Column(*column) for column in zip(heads, zip(*lines, strict=True), ranks, strict=True)]
    )
    yield ""


def telling(rows: list[Row]) -> list[Row]:
    """Eleven rows, evenly spaced, the last of each run, and of each curve what stands out most.

    If enough steps have a row in both runs, it is these that are spaced evenly.
    """
    values = np.array([(row.step, *row.loss, *row.test_accuracy) for row in rows])
    steps, curves = values[:, 0], values[:, 1:].T
    has = ~np.isnan(curves[:2])
    ends = [int(np.flatnonzero(each)[-1]) for each in has if each.any()]
    whole = np.flatnonzero(has.all(axis=0) | (steps > steps[min(ends, default=-1)]))
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


def differing_answers(found: Comparison, test_set: Digits) -> Pieces:
    """On how many test images the answers differ, and the numbers of the first of them."""
    accuracies = " and ".join(percent(share) for share in found.accuracy)
    differ = sum(map(len, found.answers))
    yield f"test accuracy {accuracies} on {test_set.name}"
    yield f"answers differ on {differ:,} of {len(test_set):,} images"
    words = ("A right, B wrong", "B right, A wrong", "both wrong, differently")
    for said, numbers in zip(words, found.answers, strict=True):
        first = ", ".join(map(str, numbers[:6])) + (", …" if len(numbers) > 6 else "")
        yield f"  {said:24}{len(numbers):6,}{'   images ' if len(numbers) else ''}{first}"


# ------------------------------------------------------------------------------- an array explained


def moment(ledger: Ledger, name: str, truth: int) -> Pieces:
    """The first lines of what is said of one image: its truth, what it is read as, and how."""
    label = int(ledger.arrays["y"].argmax())
    taken = "" if label == truth else f", taken as a {label}"
    read, A = prediction(ledger), ledger.arrays[f"A{ledger.network.depth}"]
    said = "read as nothing" if read is None else f"read as {read} ({percent(A[read], 1)})"
    yield f"{name}, a {truth}{taken}, {said}"
    yield "m = 1: E is the loss of this one image; every number is float64"
    if first := overflowing(ledger):
        yield f"{first} overflows: what is larger than 1.8e308 is inf, and what follows may be nan"


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
        lines, block = list(units(name, array, (width - 2) // 16)), 8
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


def units(name: str, array: Array, fit: int) -> Iterator[str]:
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


# ----------------------------------------------------------------------------- a gradient checked


def proven(proof: Proof, indices: Sequence[int], on: str) -> Pieces:
    """What was compared, on which images, then chainrule's gradient and each impostor by array."""
    of = "all" if proof.compared == proof.parameters else f"a sample of {proof.compared:,} of"
    numbers, m = ", ".join(map(str, indices)), len(indices)
    yield f"g: the gradient of E on test images {numbers} of {on} (m = {m})"
    yield f"q: (E(θ + h) - E(θ - h)) / 2h for {of} {proof.parameters:,} parameters"
    yield f"   h = {H:g}, float64"
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


def verdict(proof: Proof) -> str:
    """The result of a check in a sentence."""
    if proof.own.agrees is None:
        arrays = ", ".join(row.array for row in proof.own.rows if row.agrees is None)
        return (
            f"chainrule's gradient cannot be told for {arrays}: rounding hides the quotients; "
            f"try images that are read less surely, or smaller weights"
        )
    return f"chainrule's gradient {'agrees' if proof.own.agrees else 'FAILS'}"
