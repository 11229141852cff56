"""CSV: a label and 784 pixels a row, as Kaggle has MNIST.

A file is read some megabytes at a time: by numpy.loadtxt as bytes, or as floats. Where a piece has
anything else (text, a mistake) its rows are read one by one, and what is wrong is told with the
number of its line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.arrays import PIXELS, Labels, as_images, is_whole
from chainrule.idx import DataError, printable
from chainrule.sources.classes import CLASSES
from chainrule.sources.parts import LABELS, Found, Labelled, check_count, held, listed, parted

PIECE = 1 << 22  # bytes read at a time
LONGEST = 100_000  # bytes of a line
OTHERS = ("", "id", "imageid", "index", "unnamed: 0")  # heads of columns that say nothing


class Layout(NamedTuple):
    """What the columns of a file are."""

    delimiter: str
    columns: int
    label: int | None  # the column of labels, if there is one
    pixels: NDArray[np.intp]  # the 784 columns, in order
    header: bool


class Rows(NamedTuple):
    """Some rows: bytes, or floats if they are no whole numbers, and their labels."""

    pixels: NDArray[Any]  # (rows, 784) bytes, or floats if they are not whole
    labels: Labels
    lines: NDArray[np.intp]  # the numbers of their lines in the file


def read(path: Path) -> Found:
    """The digits in a CSV file; or in a folder with one, or with one to train and one to test."""
    if not path.is_dir():
        return Found(read_labelled(path))
    files = [each for each in path.iterdir() if each.suffix.lower() == ".csv"]
    train, test = parted(files)
    train = [each for each in train if "train" in each.name.lower()] or train
    if len(train) != 1 or len(test) > 1:
        raise DataError(f"{path}: several CSV files fit; name the one to take: {listed(files)}")
    labelled = [read_labelled(each) for each in test if layout_of(each).label is not None]
    name = train[0].name
    return Found(read_labelled(train[0]), labelled[0] if labelled else None, files=(name,))


def read_labelled(path: Path) -> Labelled:
    """The images and labels of a file."""
    layout = layout_of(path)
    if layout.label is None:
        raise DataError(
            f"{path}: it has {PIXELS} pixels and no column of labels, so nothing can be learned "
            f"or measured there; chainrule predict reads such images"
        )
    return held(*read_file(path, layout))


def read_unlabelled(path: Path) -> NDArray[np.uint8]:
    """The images (m, 784) of a file, in the order of its rows, whether it has labels or not."""
    return read_file(path, layout_of(path))[0]


def read_file(path: Path, layout: Layout) -> tuple[NDArray[np.uint8], Labels]:
    found, count = [], 0
    for rows in pieces(path, layout):
        count += len(rows.pixels)
        check_count(path, count)
        found.append(rows)
    if not found:
        raise DataError(f"{path}: there must be at least one row of pixels, got none")
    try:
        images = as_images(np.concatenate([rows.pixels for rows in found]))
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    if any(rows.labels.dtype.kind == "U" for rows in found):
        labels = np.concatenate([rows.labels.astype(str) for rows in found])
        check_labels(path, labels, np.concatenate([rows.lines for rows in found]))
        return images, labels
    return images, np.concatenate([rows.labels for rows in found])


def check_labels(path: Path, labels: Labels, lines: NDArray[np.intp]) -> None:
    """DataError if some labels are numbers and some are not, and no classes.txt has both."""
    others = np.array([not is_whole(label) for label in labels.tolist()])
    if others.any() and not others.all() and not (path.parent / CLASSES).is_file():
        wrong = int(np.argmax(others))
        raise DataError(
            f"{path}: line {lines[wrong]:,}: the label {printable(labels[wrong])!r} is no number "
            f"as others are; if it is meant, name all classes in {CLASSES}"
        )


# ------------------------------------------------------------------------------------ the columns


def layout_of(path: Path) -> Layout:
    """What the first line of a file says of its columns."""
    with path.open("rb") as file:
        start = file.readline(LONGEST + 1)
    if len(start) > LONGEST:
        raise DataError(f"{path}: line 1 has more than {LONGEST:,} bytes, so it is no such CSV")
    line = text_of(path, start, 1).removeprefix("\ufeff").rstrip("\r\n")
    if not line:
        raise DataError(f"{path}: its first line is empty; wanted a label and {PIXELS} pixels")
    delimiter = max(",;\t", key=line.count)
    fields = [field.strip().lower() for field in split(path, line, delimiter, 1)]
    header = not all(map(is_number, fields))
    if not header:
        if len(fields) not in (PIXELS, PIXELS + 1):
            raise refused_columns(path, len(fields))
        label = 0 if len(fields) > PIXELS else None
    else:
        known = [place for place, field in enumerate(fields) if field in LABELS]
        if len(known) > 1:
            raise DataError(f"{path}: two columns are called as labels are; leave out one")
        label = known[0] if known else None
    pixels = [
        place
        for place, field in enumerate(fields)
        if place != label and not (header and field in OTHERS)
    ]
    if len(pixels) != PIXELS:
        raise refused_columns(path, len(fields))
    if header:
        check_order(path, [fields[place] for place in pixels])
    return Layout(delimiter, len(fields), label, np.array(pixels), header)


def refused_columns(path: Path, came: int) -> DataError:
    return DataError(
        f"{path}: wanted a column called label and {PIXELS} pixels, or {PIXELS + 1} numbers "
        f"without a header, the label first; its first line has {came:,} column{'s' * (came != 1)}"
    )


def check_order(path: Path, names: list[str]) -> None:
    """DataError if columns that are numbered stand in another order."""
    places = [tuple(map(int, re.findall(r"[0-9]{1,9}", name))) for name in names]
    if all(places) and any(one >= next for one, next in pairwise(places)):
        wrong = next(k for k in range(1, PIXELS) if places[k - 1] >= places[k])
        raise DataError(
            f"{path}: the columns of pixels must stand in order, "
            f"got {printable(names[wrong])} after {printable(names[wrong - 1])}"
        )


# --------------------------------------------------------------------------------------- the rows


def pieces(path: Path, layout: Layout) -> Iterator[Rows]:
    """The rows of a file, some at a time."""
    with path.open("rb") as file:
        rest, line = b"", 1
        if layout.header:
            file.readline()
            line = 2
        elif file.read(3) != b"\xef\xbb\xbf":
            file.seek(0)
        while piece := file.read(PIECE):
            whole, end, rest = (rest + piece).rpartition(b"\n")
            if len(rest) > LONGEST:
                raise DataError(f"{path}: a line after {line:,} has more than {LONGEST:,} bytes")
            if end:
                yield rows_of(path, whole, line, layout)
                line += whole.count(b"\n") + 1
        if rest.strip():
            yield rows_of(path, rest, line, layout)


def rows_of(path: Path, text: bytes, line: int, layout: Layout) -> Rows:
    """The rows in whole lines of a file, the first of which has this number."""
    text = text.replace(b"\r\n", b"\n").removesuffix(b"\r")
    for dtype in (np.uint8, np.float32):
        values = numbers_in(text, layout, dtype)
        if values is not None:
            labels = values[:, layout.label or 0].astype(np.int64)
            lines = line + np.arange(len(values))
            return Rows(in_bytes(values[:, layout.pixels]), labels, lines)
    return other_rows(path, text, line, layout)


def numbers_in(
    text: bytes, layout: Layout, dtype: type[np.uint8 | np.float32]
) -> NDArray[Any] | None:
    """The numbers (rows, columns) of lines that have only such as can be; None if they have more.

    With bytes as dtype, whole numbers from 0 to 255 alone can be.
    """
    if not text.strip():
        return None
    try:
        values = np.loadtxt(
            io.BytesIO(text),
            dtype,
            comments=None,
            delimiter=layout.delimiter,
            quotechar='"',
            ndmin=2,
            encoding="utf-8",
        )
    except (ValueError, OverflowError):
        return None
    if values.shape != (text.rstrip(b"\n").count(b"\n") + 1, layout.columns):
        return None
    if dtype is np.float32:
        pixels = values[:, layout.pixels]
        labels = values[:, [] if layout.label is None else [layout.label]]
        if not (pixels.min() >= 0 and pixels.max() <= 255 and (labels == np.rint(labels)).all()):
            return None
    return values


def in_bytes(pixels: NDArray[Any]) -> NDArray[Any]:
    """Pixels from 0 to 255 as bytes, if they are whole."""
    whole = pixels.astype(np.uint8)
    return whole if (whole == pixels).all() else pixels


def other_rows(path: Path, text: bytes, line: int, layout: Layout) -> Rows:
    """The rows of lines that hold anything, one by one."""
    pixels, labels, lines = [], [], []
    for number, raw in enumerate(text.split(b"\n"), line):
        said = text_of(path, raw, number)
        if not said.strip():
            continue
        fields = split(path, said, layout.delimiter, number)
        if len(fields) != layout.columns:
            raise DataError(
                f"{path}: line {number:,}: wanted {layout.columns} columns as in the first line, "
                f"got {len(fields):,}"
            )
        pixels.append(pixels_of(path, [fields[place] for place in layout.pixels], number))
        said = "0" if layout.label is None else fields[layout.label].strip()
        labels.append(label_of(path, said, number))
        lines.append(number)
    found = np.array(pixels, np.float32).reshape(-1, PIXELS)
    return Rows(in_bytes(found), np.array(labels, dtype=str), np.array(lines, np.intp))


def pixels_of(path: Path, fields: list[str], line: int) -> NDArray[np.float32]:
    """The pixels of a row; DataError, with the number of its line, unless all are such."""
    for field in fields:
        if not is_number(field) or not 0 <= float(field) <= 255:
            came = printable(field) if field.strip() else "nothing"
            if COMMA.fullmatch(field):
                came += "; decimals need a point, not a comma"
            raise DataError(f"{path}: line {line:,}: pixels go from 0 to 255, got {came}")
    return np.array(fields, np.float32)


def label_of(path: Path, text: str, line: int) -> str:
    """A label as text, a whole number without its decimals; DataError if it can be none."""
    if not text:
        raise DataError(f"{path}: line {line:,}: its label is missing")
    if is_number(text) and not float(text).is_integer():
        raise DataError(
            f"{path}: line {line:,}: a label is a whole number or a name, got {printable(text)}"
        )
    return text.partition(".")[0] if re.fullmatch(r"[0-9]+\.0*", text, re.ASCII) else text


def split(path: Path, line: str, delimiter: str, number: int) -> list[str]:
    """The fields of a line."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise DataError(f"{path}: line {number:,}: {printable(str(error))}") from None


def text_of(path: Path, line: bytes, number: int) -> str:
    """A line as text; DataError for bytes that are none."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise DataError(f"{path}: line {number:,} is no text in UTF-8, so this is no CSV")
    return text


COMMA = re.compile(r"\s*\d+,\d+\s*", re.ASCII)
NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)


def is_number(text: str) -> bool:
    return NUMBER.fullmatch(text) is not None
