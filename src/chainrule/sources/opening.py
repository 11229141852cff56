"""What lies at a path becomes digits: its kind is found, its classes are named, parts are drawn."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from chainrule.arrays import classes_of, transposed
from chainrule.data import MNIST, PARTS, Digits, Origin, Part
from chainrule.idx import DataError
from chainrule.sources import csv, idx_folder, npz, parquet, pickled, pictures
from chainrule.sources.classes import classes_beside
from chainrule.sources.parts import Found, Labelled, check_count, drawn_of, listed

Prepare = Literal["auto", "never", "always"]
PREPARE: tuple[Prepare, ...] = get_args(Prepare)
TEST_SHARE = 0.1  # of digits without a test part
SPLIT = 0x5B117  # beside the seed: what is drawn does not depend on the start of a network
WANTED = "a folder or file of digits (IDX, CSV, .npz, parquet, or folders of pictures)"


@dataclass(frozen=True)
class Reading:
    """How digits are read, where their files do not say it.

    `test_share` is the share of images that are set apart to test on where the files have no test
    part, drawn from `seed`; 1: all are to test on. None: 0.1.
    """

    test_share: float | None = None
    seed: int = 0
    transpose: bool = False
    prepare: Prepare = "auto"

    def __post_init__(self) -> None:
        share = self.test_share
        if share is not None and not 0 < share <= 1:
            raise DataError(f"test_share must be above 0 and below 1, got {share!r:.40}")
        if self.prepare not in PREPARE:
            raise DataError(f"prepare must be auto, never or always, got {self.prepare!r:.40}")


PLAIN = Reading()


@dataclass(frozen=True)
class Lying:
    """Digits that lie in a file or a folder, and how they are read: a source."""

    path: Path
    reading: Reading

    @property
    def test_share(self) -> float | None:
        """The share that was drawn to test on; None: the files have a test part."""
        return self.reading.test_share

    def name_of(self, part: Part) -> str:
        """What messages and results call a part."""
        share = self.test_share
        if part == "train" or share in (None, 1):
            return str(self.path)
        return f"{self.path} ({100 * (share or 0):g} % of it, drawn with seed {self.reading.seed})"

    def load(self, part: Part) -> Digits:
        """One of the two parts."""
        return made(open_set(self.path, self.reading), part)


class Opened(NamedTuple):
    """A set that lies somewhere: its labels are read, its images as soon as they are asked for."""

    source: Lying
    parts: dict[Part, Labelled]  # with numbers of classes as labels
    names: tuple[str, ...]


# ---------------------------------------------------------------------------------- the two parts


def load_digits(
    path: str | Path,
    *,
    test_share: float | None = None,
    seed: int = 0,
    transpose: bool = False,
    prepare: Prepare = "auto",
) -> tuple[Digits, Digits]:
    """The digits to train on and to test on that lie in a file or a folder.

    A folder of IDX files, called as MNIST's are or otherwise; a CSV file with a label and 784
    pixels a row, or a folder with train.csv; an .npz file with x_train and so on, or X and y;
    pictures in folders that are named by label, each prepared as a drawing is, or with `prepare`
    "never" taken as it is ("auto": those that are 28 × 28); parquet files with a column of
    pictures. Classes other than the digits 0 to 9 are named by a file classes.txt beside them, or
    known as those of EMNIST, KMNIST and Fashion-MNIST by the name of a file or of the folder.

    Where nobody has set a test part apart, `test_share` of the images (default: 0.1) are drawn for
    it from the `seed`. `transpose` exchanges the rows and columns of each image.

    IDX images that are not gzipped stay on disk and are read as they are used: there may be more
    than memory holds, and the file must stay as it is meanwhile. All others are read into memory.

    Raises DataError for content that cannot be digits, with what was wanted, and for what can be
    read in two ways; OSError for a path that cannot be read.
    """
    return load_both(path, Reading(test_share, seed, transpose, prepare))


def load_both(path: str | Path | None, reading: Reading = PLAIN) -> tuple[Digits, Digits]:
    """The same, where None means the bundled MNIST."""
    if path is None:
        return load_one(None, "train", reading), load_one(None, "t10k", reading)
    opened = open_set(Path(path), reading)
    if reading.test_share is not None and opened.source.test_share is None:
        raise DataError(f"{path}: it has a test part of its own; no share is drawn from it")
    return made(opened, "train"), made(opened, "t10k")


def load_one(path: str | Path | None, part: Part, reading: Reading = PLAIN) -> Digits:
    """One part of them; images of the other are not read where that can be avoided."""
    if path is not None:
        return made(open_set(Path(path), reading), part)
    if reading.test_share not in (None, 1) or replace(reading, test_share=None, seed=0) != PLAIN:
        raise DataError("mnist has a test part and lies upright; only digits of one's own do not")
    return MNIST.load(part)


def load_to_measure(path: str | Path | None, reading: Reading = PLAIN) -> Digits:
    """What a network is measured on: the part to test on, or all where nobody set one apart."""
    share = 1.0 if reading.test_share is None else reading.test_share
    return load_one(path, "t10k", replace(reading, test_share=share))


def open_set(path: Path, reading: Reading) -> Opened:
    """The set at a path, its classes named, and a test part drawn if it has none."""
    found = reader_of(path)(path, reading)
    known = classes_beside(path if path.is_dir() else path.parent, path.name, *found.files)
    sets = [each.labels for each in (found.train, found.test) if each]
    names, first = (found.names, 0) if found.names else known or (None, None)
    if not all(map(len, sets)):
        raise DataError(f"{path}: there must be at least one image, got none")
    try:
        numbers, classes = classes_of(sets, names, first)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    parts = [
        part._replace(labels=each)
        for part, each in zip((found.train, found.test), numbers, strict=False)
        if part
    ]
    share = None
    if len(parts) == 1:
        share = reading.test_share or TEST_SHARE
        parts = drawn(path, parts[0], share, reading.seed)
    source = Lying(path.absolute(), replace(reading, test_share=share))
    return Opened(source, dict(zip(PARTS, parts, strict=True)), classes)


def drawn(path: Path, part: Labelled, share: float, seed: int) -> list[Labelled]:
    """The images to train on and those to test on, each in the order of the file."""
    m = len(part.labels)
    check_count(path, m)
    if share != 1 and m < 2:
        raise DataError(f"{path}: of {m} image none can be set apart to test on")
    for_test = np.ones(m, bool) if share == 1 else drawn_of(m, share, (seed, SPLIT))
    return [chosen(part, np.flatnonzero(each)) for each in (~for_test, for_test)]


def chosen(part: Labelled, places: NDArray[np.intp]) -> Labelled:
    """Some images of a part."""
    m = len(part.labels)

    def images() -> NDArray[np.uint8]:
        found = part.images()
        if len(found) != m:
            raise DataError(
                f"every image needs one label, got {len(found):,} images and {m:,} labels"
            )
        return found[places]

    return Labelled(part.labels[places], images)


def made(opened: Opened, part: Part) -> Digits:
    """A part of a set as digits, which are pickled as a reference to it."""
    source, labels, images = opened.source, *opened.parts[part]
    pixels = images()
    if source.reading.transpose:
        pixels = transposed(pixels)
    for array in (pixels, labels):
        array.flags.writeable = False
    try:
        return Digits(pixels, labels, Origin(source, part, 0, len(labels)), opened.names)
    except DataError as error:
        raise DataError(f"{source.path}, {part} files: {error}") from None


# ------------------------------------------------------------------------------------- the kinds

Reader = Callable[[Path, Reading], Found]
READERS: dict[str, Reader] = {
    "IDX files": lambda path, _: idx_folder.read(path),
    "CSV": lambda path, _: csv.read(path),
    ".npz": lambda path, _: npz.read(path),
    "parquet": lambda path, reading: parquet.read(path, reading.prepare),
    "folders of pictures": lambda path, reading: pictures.read(path, reading.prepare),
    "a pickle": lambda path, _: pickled.read(path),
}


def reader_of(path: Path) -> Reader:
    """What reads the kind of digits that lie at a path; DataError unless it is one kind."""
    if not path.exists():
        raise DataError(f"{path}: wanted {WANTED}, found nothing there")
    kinds = kinds_in(path) if path.is_dir() else [kind_of(path)]
    if len(kinds) != 1:
        there = listed(list(path.iterdir()))
        if not kinds and any(pictures.is_picture(each) for each in path.iterdir()):
            raise DataError(
                f"{path}: pictures without labels lie there; put them into a folder for each label"
            )
        if not kinds:
            raise DataError(f"{path}: wanted {WANTED}; there lies {there}")
        raise DataError(
            f"{path}: it holds {' and '.join(kinds)}; name the file or the folder to take: {there}"
        )
    return READERS[kinds[0]]


def kinds_in(folder: Path) -> list[str]:
    """The kinds of digits that lie in a folder."""
    files = [each for each in folder.iterdir() if each.is_file()]
    endings = {each.suffix.lower() for each in files}
    fit = {
        "IDX files": idx_folder.usual(folder) or bool(idx_folder.sets_in(folder)),
        "CSV": ".csv" in endings,
        ".npz": ".npz" in endings,
        "parquet": any(True for _ in folder.glob("*.parquet"))
        or any(True for _ in folder.glob("*/*.parquet")),
        "folders of pictures": pictures.is_such(folder),
    }
    found = [kind for kind, fits in fit.items() if fits]
    is_pickle = any(each.name.lower().endswith((".pkl", ".pkl.gz", ".pickle")) for each in files)
    return found or ["a pickle"] * is_pickle


def kind_of(path: Path) -> str:
    """The kind of digits in a file, by its first bytes."""
    with path.open("rb") as file:
        start = file.read(16)
    if start[:2] == b"\x1f\x8b":
        try:
            with gzip.open(path) as unpacked:
                start = unpacked.read(16)
        except (OSError, EOFError, zlib.error):
            raise DataError(f"{path}: the gzip file is damaged; fetch it again") from None
        if start[:2] not in (b"\0\0", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
            raise DataError(f"{path}: unpack it first (gunzip), and give what is in it")
    if start[:3] == b"\0\0\x08":
        return "IDX files"
    if start[:4] == b"PAR1":
        return "parquet"
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):  # the latter holds nothing
        if path.suffix.lower() == ".npz":
            return ".npz"
        raise DataError(f"{path}: unpack it first (unzip), and give what is in it")
    if start[:1] == b"\x80" or path.suffix.lower() in (".pkl", ".pickle"):
        return "a pickle"
    if start[:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe1"):
        raise DataError(f"{path}: it is one picture; wanted {WANTED}")
    if start[:6] == b"\x93NUMPY":
        raise DataError(
            f"{path}: one array, without labels; save both: numpy.savez('digits.npz', X=…, y=…)"
        )
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{path}: it is text in UTF-16; save it as UTF-8")
    if not start or (b"\0" in start):
        came = f"a file that begins with {start[:4].hex()}" if start else "an empty file"
        raise DataError(f"{path}: wanted {WANTED}, found {came}")
    return "CSV"
