"""Parquet: a column of pictures and one of labels, as Hugging Face has MNIST. Extra `tables`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.arrays import PIXELS
from chainrule.idx import DataError, printable
from chainrule.sources.parts import LABELS, Found, Labelled, check_count, held, listed, parted
from chainrule.sources.pictures import pixels

if TYPE_CHECKING:
    import pyarrow.parquet as pq

# subtle: many rows may share one picture in the file, and each has its own when it is read.
AT_ONCE = 4  # rows
MOST_BYTES = 2_000_000_000  # of a column in one group of rows, unpacked
LONGEST = 1000  # characters of a label
IMAGES = ("image", "img", "png", "picture")
MOST_METADATA = 1_000_000  # bytes of a schema's own words


def read(path: Path, prepare: str = "auto") -> Found:
    """The digits in a parquet file, or in a folder of such files, of which some may say test."""
    if not path.is_dir():
        train, names = read_part([path], prepare)
        return Found(train, None, names)
    files = sorted(each for each in path.rglob("*.parquet") if each.is_file())
    trains, tests = parted(files)
    if not trains or len({each.parent for each in files}) > 1:
        raise DataError(
            f"{path}: wanted the parquet files of one set, with test in the names of those to test "
            f"on; got {listed(files)}"
        )
    train, names = read_part(trains, prepare)
    return Found(train, read_part(tests, prepare)[0] if tests else None, names)


def read_part(files: list[Path], prepare: str) -> tuple[Labelled, tuple[str, ...] | None]:
    """The rows of some files, one after the other, and the names of their classes if they tell."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        raise DataError(
            f"{files[0]}: parquet files need the extra tables: pip install pyarrow pillow scipy"
        ) from None
    images: list[NDArray[np.uint8]] = []
    labels: list[Any] = []
    names, count = None, 0
    for path in files:
        try:
            with pq.ParquetFile(path) as file:
                count += file.metadata.num_rows
                check_count(path, count)
                image, label = columns_of(path, file)
                check_sizes(path, file.metadata)
                names = names or names_of(file, label)
                for batch in file.iter_batches(AT_ONCE, columns=[image, label]):
                    start = len(images)
                    for row, value in enumerate(batch.column(image).to_pylist(), start + 1):
                        where = f"{path}, row {row:,}"
                        images.append(pixels(where, content_of(where, value), prepare))
                    for row, value in enumerate(batch.column(label).to_pylist(), start + 1):
                        labels.append(label_of(f"{path}, row {row:,}", value))
        except (pa.ArrowException, OSError, ValueError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(
                f"{path}: the parquet file is damaged ({printable(str(error))})"
            ) from None
    found = np.array(images, np.uint8).reshape(-1, PIXELS)
    return held(found, np.array(labels)), names


def columns_of(path: Path, file: pq.ParquetFile) -> tuple[str, str]:
    """The names of the column of pictures and of that of labels."""
    columns = file.schema_arrow.names
    found = []
    for wanted in (IMAGES, LABELS):
        fit = [name for name in columns if name.lower() in wanted]
        if len(fit) != 1:
            shown = ", ".join(printable(name) for name in columns[:8])
            raise DataError(
                f"{path}: wanted one column called {IMAGES[0]}, the files of pictures, and one "
                f"called {LABELS[0]}; it has {shown}"
            )
        found += fit
    return found[0], found[1]


def check_sizes(path: Path, file: pq.FileMetaData) -> None:
    """DataError if a column of a group of rows is larger, when it is unpacked, than is read."""
    for group in map(file.row_group, range(file.num_row_groups)):
        sizes = [group.column(k).total_uncompressed_size for k in range(group.num_columns)]
        if sizes and max(sizes) > MOST_BYTES:
            raise DataError(
                f"{path}: a column in a group of rows may have {MOST_BYTES:,} bytes, one has "
                f"{max(sizes):,}; write it in smaller groups"
            )


def label_of(where: str, value: Any) -> int | float | str:  # noqa: ANN401, whatever a row holds
    """A label; DataError if it can be none."""
    if value is None:
        raise DataError(f"{where}: its label is missing")
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if not whole and not (isinstance(value, str) and len(value) <= LONGEST):
        raise DataError(f"{where}: a label is a whole number or a name, got {value!r:.40}")
    return value


def content_of(where: str, value: Any) -> bytes:  # noqa: ANN401, whatever a row holds
    """The bytes of the file of a picture, of which a row may also say the path."""
    content = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(content, bytes):
        raise DataError(f"{where}: wanted the bytes of an image file, got {type(content).__name__}")
    return content


def names_of(file: pq.ParquetFile, label: str) -> tuple[str, ...] | None:
    """The names of the classes, if the file says them as Hugging Face does."""
    said = (file.schema_arrow.metadata or {}).get(b"huggingface", b"")
    if not said or len(said) > MOST_METADATA:
        return None
    try:
        names = json.loads(said)["info"]["features"][label]["names"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    fine = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return tuple(names) if fine else None
