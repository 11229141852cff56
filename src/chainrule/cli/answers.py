"""What a network read in many images, as a file: CSV for a spreadsheet or Kaggle, or JSON."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import click

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


def as_fields(read: Read) -> list[dict[str, object]]:
    """Each image as JSON has it."""
    return [
        each.about if A is None else {**each.about, "prediction": A.argmax(), "probabilities": A}
        for each, A in read
    ]


def table(read: Read, outputs: int) -> bytes:
    """A line for each image: which it is, the prediction, and the probabilities p0, p1, ….

    Of a test image its label too; of a picture what it is unlike, or why it could not be read.
    """
    names = [f"p{k}" for k in range(outputs)]
    tests = all("test" in each.about for each, _ in read)
    head = ["test", "label"] if tests else ["image"]
    last = [] if tests else ["unlike", "error"]
    rows: list[list[object]] = []
    for each, A in read:
        which = [each.about[name] for name in head]
        answer = [""] * (1 + outputs) if A is None else [A.argmax(), *A]
        doubt = [] if tests else [each.doubt[0] if each.doubt else "", each.about.get("error", "")]
        rows.append([*which, *answer, *doubt])
    return lines([[*head, "prediction", *names, *last]]) + lines(
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


def in_json(read: Read, about: dict[str, object]) -> bytes:
    """The object that --json prints."""
    return (to_json({"predictions": as_fields(read), **about}) + "\n").encode("ascii")


def check_ending(path: Path) -> None:
    """UsageError for a file that is neither CSV nor JSON."""
    if path.suffix.lower() not in SUFFIXES:
        raise click.UsageError(
            f"--out must end in .csv or .json, got {path}", click.get_current_context()
        )
