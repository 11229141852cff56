"""Results as people read them: lines of text and tables, in as many columns as there are.

Nothing is printed here. Each function gives what is to be printed, piece by piece; a piece that
depends on the width of the terminal is a function of it. No number is ever cut: where there is
little room, columns are left out by rank, or a picture's parts stand below each other.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np
from rich.cells import cell_len
from rich.text import Text

from chainrule.arrays import DIGITS
from chainrule.cli.printing import Column, Piece, narrowest, paragraph, table
from chainrule.data import SIDE, Digits
from chainrule.explain.ledger import Ledger, overflowing, prediction
from chainrule.network import Array
from chainrule.runs.compare import ComparedStep, Comparison, setting
from chainrule.runs.listing import Entry
from chainrule.sources.summary import Summary
from chainrule.training import Evaluation

Pieces = Iterator[Piece]
ROWS = 11  # of two runs side by side, not counting those that stand out


def percent(share: float, digits: int = 2) -> str:
    return f"{100 * share:.{digits}f} %"


# ------------------------------------------------------------------------------- a model measured


def accuracy(seen: Evaluation, on: str) -> str:
    """The accuracy on the test images of digits with this name."""
    right, m = int(np.trace(seen.confusion)), int(seen.confusion.sum())
    return f"test accuracy {percent(seen.accuracy)} on {on} ({right:,} of {m:,})"


def one(name: str) -> str:
    """A thing of this class, in a sentence: a 7, Ankle boot."""
    return f"a {name}" if len(name) == 1 else name


def confusion(seen: Evaluation, names: Sequence[str] = DIGITS) -> Pieces:
    """Truth in rows, answers in columns, and at each row's end the share of it read right.

    The columns of classes with long names have numbers, which the rows explain.

    What is read right is bold; the confusions of at least half the most frequent one's count are
    reversed. A terminal that is too narrow for all answers shows them in parts.
    """
    most = int((seen.confusion - np.diag(np.diag(seen.confusion))).max())

    def cell(digit: int, answer: int) -> Text:
        count = int(seen.confusion[digit, answer])
        style = "bold" if answer == digit else "reverse" if 2 * count >= most else ""
        return Text(f"{count}" if count else "·", style if count else "")

    classes = range(len(names))
    short = all(cell_len(name) <= 2 for name in names)
    heads = list(names) if short else list(map(str, classes))
    rows = heads if short else [f"{head} {name}" for head, name in zip(heads, names, strict=True)]
    truth = Column("truth", rows, left=not short)
    shares = ["" if np.isnan(share) else f"{100 * share:.1f}" for share in seen.accuracy_per_digit]
    right = Column("right, %", shares)

    def laid(width: int) -> Pieces:
        answers = [
            # Counts are easier to compare in columns of one width, where there is room for them.
            Column(
                f"{heads[answer]:>{4 if width >= 75 else 1}}",
                [cell(truth, answer) for truth in classes],
            )
            for answer in classes
        ]
        for parts in range(1, len(names) + 1):
            each = -(-len(names) // parts)
            if narrowest([truth, *answers[-each:], right]) <= width:
                break
        for first in range(0, len(names), each):
            last = [right] if first + each >= len(names) else []
            yield table([truth, *answers[first : first + each], *last])
            yield ""

    yield "       read as"
    yield ""
    yield laid


# --------------------------------------------------------------------------------- a set of digits


def set_of_digits(place: str, train: Digits, test: Digits, found: Summary) -> Pieces:
    """How many images of each class lie at this place, and what may be wrong with them."""
    yield f"{place}: {train.classes} classes, images of {SIDE} × {SIDE} pixels"
    share = train.origin.source.test_share if train.origin else None
    if share is not None:
        yield f"no test part lies there: {100 * share:g} % are drawn to test on"
    yield ""
    counts = [
        [f"{n:,}" for n in (*part.per_class, part.images)] for part in (found.train, found.test)
    ]
    yield table(
        [
            Column("class", [*train.names, "all"], left=True),
            Column("training", counts[0]),
            Column("test", counts[1]),
        ],
        bold=[*(False for _ in train.names), True],
    )
    yield ""
    for name, part in (("training", found.train), ("test", found.test)):
        against = f", {part.contradicting:,} of them with another label" if part.doubled else ""
        yield f"{name}: {part.blank:,} blank, {part.doubled:,} like an earlier one{against}"
    yield f"in both: {found.overlap:,} test images are training images too"


# ----------------------------------------------------------------------------------- a list of runs


def runs(entries: Sequence[Entry], now: datetime) -> Pieces:
    """A line for each run, and more for its name, other digits, and changes of the rate."""
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
        if entry.name is not None:
            yield f"{entry.folder}: called {entry.name}"
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
    yield from history_table(found)
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


def history_table(found: Comparison) -> Pieces:
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


def telling(rows: list[ComparedStep]) -> list[ComparedStep]:
    """Eleven evenly spaced rows, each run's last, and the point of each curve that stands out most.

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


def moment(ledger: Ledger, name: str, truth: int, names: Sequence[str] = DIGITS) -> Pieces:
    """The first lines about one image: its label, what it is read as, and how it is computed."""
    label = int(ledger.arrays["y"].argmax())
    taken = "" if label == truth else f", taken as {one(names[label])}"
    read, A = prediction(ledger), ledger.arrays[f"A{ledger.network.depth}"]
    said = "read as nothing" if read is None else f"read as {names[read]} ({percent(A[read], 1)})"
    yield f"{name}, {one(names[truth])}{taken}, {said}"
    yield "m = 1: E is the loss of this one image; every number is float64"
    if first := overflowing(ledger):
        yield f"{first} overflows: what is larger than 1.8e308 is inf, and what follows may be nan"
