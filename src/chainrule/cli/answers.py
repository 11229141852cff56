"""What a network read in many images, as a file: CSV for a spreadsheet or Kaggle, or JSON."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import click

from chainrule.arrays import DIGITS
from chainrule.encode import to_json
from chainrule.network import Array

SUFFIXES = (".csv", ".json")
# A spreadsheet takes what begins so for a formula and runs it; ' makes it text, as OWASP advises.
FORMULAS = tuple("=+-@＝＋－＠\t\r\n'")  # the wide ones of East Asia too


class Seen(NamedTuple):
    """An image to be read: its pixels, None if the file is no picture, and what is known of it."""

    name: str
    about: dict[str, object]  # its fields in JSON
    x: Array | None  # (784,)
    label: int | None = None
    doubt: tuple[str, str] | None = None  # what it is instead of a digit, and why


Read = Sequence[tuple[Seen, Array | None]]  # each with its probabilities, where it was readable


def as_fields(read: Read, names: Sequence[str] = DIGITS) -> list[dict[str, object]]:
    """Each image as JSON has it; classes that are not the ten digits with their names, too."""
    return [{**each.about, **answer_of(each, A, names)} for each, A in read]


def answer_of(each: Seen, A: Array | None, names: Sequence[str]) -> dict[str, object]:
    """What is said of an image beside which it is."""
    named = names != DIGITS
    found: dict[str, object] = {}
    if named and each.label is not None:
        found["label_name"] = names[each.label]
    if A is not None:
        found["prediction"] = A.argmax()
        if named:
            found["prediction_name"] = names[int(A.argmax())]
        found["probabilities"] = A
    return found


def table(read: Read, names: Sequence[str]) -> bytes:
    """A line for each image: which it is, the prediction, and the probabilities p0, p1, ….

    Beside label and prediction stand the names of classes that are not the ten digits. A test image
    has its label too; a picture what it is unlike, or why it could not be read.
    """
    tests = all("test" in each.about for each, _ in read)
    known = ["label_name", "prediction_name"] if names != DIGITS else []
    head = ["test", "label", *known[:1]] if tests else ["image"]
    said = ["prediction", *known[1:]]
    last = [] if tests else ["unlike", "error"]
    rows: list[list[object]] = []
    for each, A in read:
        fields = {**each.about, **answer_of(each, A, names)}
        shares: Sequence[object] = [""] * len(names) if A is None else list(A)
        doubt = [] if tests else [each.doubt[0] if each.doubt else "", each.about.get("error", "")]
        rows.append([*(fields.get(name, "") for name in [*head, *said]), *shares, *doubt])
    return lines([[*head, *said, *(f"p{k}" for k in range(len(names))), *last]]) + lines(
        map(harmless, rows), csv.QUOTE_NONNUMERIC
    )


def harmless(row: Sequence[object]) -> list[object]:
    """The row with a ' before each text that a spreadsheet would take for a formula.

    A text that begins with ' gets one, too; so whoever reads the file takes one away from each.
    """
    return [
        f"'{each}" if isinstance(each, str) and each.startswith(FORMULAS) else each for each in row
    ]


def submission(labels: Sequence[int]) -> bytes:
    """Kaggle's form: ImageId, from 1, and Label."""
    return lines([("ImageId", "Label"), *enumerate(labels, 1)])


def lines(rows: Iterable[Sequence[object]], quoting: Literal[0, 2] = csv.QUOTE_MINIMAL) -> bytes:
    """The rows as CSV; what is quoted is one cell also where ; stands between cells."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=quoting).writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")  # a file's name may be no text


def in_json(read: Read, about: dict[str, object], names: Sequence[str]) -> bytes:
    """The object that --json prints."""
    return (to_json({"predictions": as_fields(read, names), **about}) + "\n").encode("ascii")


def check_ending(path: Path) -> None:
    """UsageError for a file that is neither CSV nor JSON."""
    if path.suffix.lower() not in SUFFIXES:
        raise click.UsageError(
            f"--out must end in .csv or .json, got {path}", click.get_current_context()
        )
