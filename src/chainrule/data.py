"""Examples in: the bundled MNIST, a folder of digits, or any table, as a network reads them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, SupportsIndex, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from chainrule.idx import IMAGES_MAGIC, LABELS_MAGIC, find, read_idx
from chainrule.idx import SIDE as SIDE
from chainrule.idx import DataError as DataError

if TYPE_CHECKING:
    from pathlib import Path

PIXELS = SIDE * SIDE  # 784
CLASSES = 10
PARTS = ("train", "t10k")
Chosen = slice | NDArray[np.intp]  # which examples


# --------------------------------------------------------------------------- what can be learned


@runtime_checkable
class Examples(Protocol):
    """What a network learns from: m examples, each of them some numbers and a class.

    `Digits` are examples, a `Table` is; training and evaluation take any. Digits know where they
    lie, a program's own examples may come from anywhere.
    """

    @property
    def inputs(self) -> int:
        """Numbers in one example."""
        ...

    @property
    def classes(self) -> int:
        """How many classes there may be, 2 or more."""
        ...

    @property
    def labels(self) -> NDArray[Any]:
        """The class of each example (m,): whole numbers from 0."""
        ...

    def __len__(self) -> int:
        """m."""
        ...

    def columns(
        self, chosen: Chosen, out: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Some of the examples as columns (inputs, k), float32.

        `out` is memory (inputs · k,) that may be used for them; nobody else needs it.
        """
        ...

    def check_file(self) -> None:
        """Raise DataError if they lie in a file that can no longer be read."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Any numbers as examples: X (inputs, m), float32, one example a column, and labels (m,).

    Labels are whole numbers from 0 to classes - 1; without `classes` the largest one tells how many
    there are. Raises DataError for other shapes and types, for numbers that are not finite, for
    labels that are not there, and for fewer than two classes.
    """

    X: NDArray[np.float32]
    labels: NDArray[np.intp]
    classes: int = 0

    def __post_init__(self) -> None:
        X, labels = self.X, self.labels
        for name, array in (("X", X), ("labels", labels)):
            check_plain(name, array)
        if X.dtype != np.float32 or X.ndim != 2 or X.size == 0:
            raise DataError(
                f"X must be float32 of shape (inputs, m), got {X.dtype} of shape {X.shape}; "
                f"X.astype(numpy.float32) makes it"
            )
        if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
            raise DataError(
                f"labels must be whole numbers of shape (m,), "
                f"got {labels.dtype} of shape {labels.shape}"
            )
        if X.shape[1] != len(labels):
            hint = "; examples are columns: pass X.T" if len(X) == len(labels) else ""
            raise DataError(
                f"every example needs one label, got {X.shape[1]:,} examples "
                f"and {len(labels):,} labels{hint}"
            )
        if not np.isfinite(X).all():
            raise DataError("X must be finite, got NaN or infinity")
        classes = self.classes or int(labels.max()) + 1
        if classes < 2 or labels.min() < 0 or labels.max() >= classes:
            raise DataError(
                f"labels must be from 0 to {max(classes, 2) - 1} and of two classes or more, "
                f"got {labels.min()} to {labels.max()}"
            )
        object.__setattr__(self, "classes", classes)

    @property
    def inputs(self) -> int:
        """Numbers in one example."""
        return len(self.X)

    def __len__(self) -> int:
        return len(self.labels)

    def columns(
        self, chosen: Chosen, out: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Some of the examples as columns (inputs, k)."""
        return self.X[:, chosen]

    def check_file(self) -> None:
        """Nothing: the numbers are in memory."""

    def __repr__(self) -> str:
        return f"Table: {len(self):,} examples of {self.inputs:,} numbers, {self.classes} classes"


def check_plain(name: str, array: object) -> None:
    """DataError unless it is an array of NumPy's own kind.

    Of other kinds some compute something else without a word: np.matrix, masked arrays.
    """
    if type(array) not in (np.ndarray, np.memmap):
        raise DataError(f"{name} must be a NumPy array, got {type(array).__name__}")


def as_columns(
    images: NDArray[np.uint8], out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Images (k, p) of bytes as columns (p, k) from 0 to 1, in the memory of `out` if given."""
    X = None if out is None else out.reshape(images.shape)
    return np.divide(images, np.float32(255), out=X, dtype=np.float32).T


# ------------------------------------------------------------------------------------ the digits


@dataclass(frozen=True, eq=False, repr=False)
class Digits:
    """Images (m, 784) of unsigned bytes, as stored, and their labels (m,), digits 0 to 9.

    Digits that were loaded, or are a slice of such, are pickled as a reference to where they lie;
    others are pickled with their pixels. Raises DataError for other shapes, types or labels, if
    they are no plain arrays, or if the two counts differ.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    origin: Origin | None = None

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        for name, array in (("images", images), ("labels", labels)):
            check_plain(name, array)
        if images.dtype != np.uint8 or images.ndim != 2 or images.shape[1] != PIXELS:
            raise DataError(
                f"images must be unsigned bytes of shape (m, {PIXELS}), "
                f"got {images.dtype} of shape {images.shape}"
            )
        if labels.dtype != np.uint8 or labels.ndim != 1:
            raise DataError(
                f"labels must be unsigned bytes of shape (m,), "
                f"got {labels.dtype} of shape {labels.shape}"
            )
        if len(images) != len(labels):
            raise DataError(
                f"every image needs one label, got {len(images):,} images "
                f"and {len(labels):,} labels"
            )
        if len(labels) == 0:
            raise DataError("there must be at least one image, got none")
        if labels.max() >= CLASSES:
            place = int(np.argmax(labels >= CLASSES))
            raise DataError(f"labels must be digits 0 to 9, got {labels[place]} at index {place}")

    inputs = PIXELS
    classes = CLASSES

    def columns(
        self, chosen: Chosen, out: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Some of the images as columns (784, k), from 0 to 1."""
        return as_columns(self.images[chosen], out)

    @property
    def X(self) -> NDArray[np.float32]:
        """The images as columns in [0, 1]: (784, m), float32.

        A transposed view: in memory the pixels of one image lie next to each other. Made anew at
        every call (4 bytes a pixel: 188 MB for 60,000 images); keep it while you need it.
        """
        self.check_file()
        return as_columns(self.images)

    @property
    def Y(self) -> NDArray[np.float32]:
        """The labels as one-hot columns: (10, m), float32; made anew at every call."""
        Y: NDArray[np.float32] = (np.arange(CLASSES)[:, None] == self.labels).astype(np.float32)
        return Y

    @property
    def name(self) -> str:
        """Their name beside results that are measured on them: MNIST, or their folder."""
        if self.origin is None:
            return "digits in memory"
        return "MNIST" if self.origin.folder is None else str(self.origin.folder)

    def check_file(self) -> None:
        """Raise DataError if the file that the images are mapped from has become shorter.

        Call it before going through the images: to read a part that is no longer there ends the
        process (SIGBUS), and that cannot be caught.
        """
        import mmap

        array: Any = self.images
        while isinstance(array, np.ndarray):
            array = array.base
        file = array.obj if isinstance(array, memoryview) else None
        if isinstance(file, mmap.mmap) and file.size() < len(file):
            origin = self.origin
            where = f"{origin.folder}, {origin.part} files" if origin else "a mapped file"
            raise DataError(
                f"{where}: the images have become shorter while they are in use: "
                f"they had {len(file):,} bytes, now {file.size():,}; put the file back"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, chosen: SupportsIndex | slice | list[int] | NDArray[np.intp]) -> Digits:
        """Some of the digits, as digits: one index, a slice, or a list of indices."""
        if isinstance(chosen, SupportsIndex) and not isinstance(chosen, np.ndarray):
            chosen = [int(chosen)]
        origin = None
        if self.origin and isinstance(chosen, slice):
            start, stop, step = chosen.indices(len(self))
            first = self.origin.first
            origin = self.origin._replace(first=first + start, last=first + stop)
            origin = origin if step == 1 else None
        self.check_file()
        return Digits(self.images[chosen], self.labels[chosen], origin)

    def __reduce__(self) -> tuple[Any, ...]:
        return (found, (self.origin,)) if self.origin else (Digits, (self.images, self.labels))

    def __repr__(self) -> str:
        return f"Digits: {len(self):,} images {SIDE} × {SIDE} with labels"


class Origin(NamedTuple):
    """Where digits lie: a folder (None: the bundled MNIST), one of its two parts, and a slice."""

    folder: Path | None
    part: str  # train or t10k
    first: int
    last: int


@lru_cache(maxsize=4)
def found(origin: Origin) -> Digits:
    """The digits that lie there; each process reads a folder once."""
    sets = dict(zip(PARTS, loaded(origin.folder), strict=True))
    return sets[origin.part][origin.first : origin.last]


@cache
def loaded(folder: Path | None) -> tuple[Digits, Digits]:
    return load_mnist() if folder is None else load_digits(folder)


# ----------------------------------------------------------------------------------- the folders


def load_mnist() -> tuple[Digits, Digits]:
    """The bundled MNIST: 60,000 digits to train on, 10,000 to test on.

    Raises DataError if a bundled file is not, byte for byte, the published one. Source: LeCun,
    Cortes and Burges, "The MNIST database of handwritten digits".
    """
    train, test = (load_one(None, part) for part in PARTS)
    return train, test


def load_one(folder: str | Path | None, part: str) -> Digits:
    """One part, train or t10k, of load_digits(folder), or of load_mnist() if the folder is None."""
    if folder is None:
        return load_part(bundled_mnist(), part, None, published())
    from pathlib import Path

    folder = Path(folder)
    if not folder.is_dir():
        kind = "a file" if folder.exists() else "nothing there"
        raise DataError(f"{folder}: wanted a folder with the four IDX files, found {kind}")
    return load_part(folder, part, folder.absolute(), None)


def published() -> dict[str, str]:
    """The SHA-256 of each bundled file, unpacked."""
    lines = (bundled_mnist() / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    return {name: checksum for checksum, name in map(str.split, lines)}


def bundled_mnist() -> Path:
    """The folder of the four files and their checksums."""
    from pathlib import Path

    return Path(__file__).with_name("mnist")


def load_digits(folder: str | Path) -> tuple[Digits, Digits]:
    """The digits to train on and to test on in a folder of four IDX files with the usual names.

    Those are {train,t10k}-images-idx3-ubyte and {train,t10k}-labels-idx1-ubyte, or with a dot in
    place of the second hyphen, each as it is or gzipped with the ending .gz. Images that are not
    gzipped stay on disk and are read as they are used: there may be more than memory holds, and
    the file must stay as it is meanwhile.

    Raises DataError for content that is not what its header says, or is not 28 × 28 images with
    labels 0 to 9; OSError for a path that cannot be read.
    """
    train, test = (load_one(folder, part) for part in PARTS)
    return train, test


def load_part(
    folder: Path, part: str, reference: Path | None, checksums: dict[str, str] | None
) -> Digits:
    """The images and labels of one part, which pickle as a reference to this folder."""
    arrays = []
    for name, magic in (
        (f"{part}-images-idx3-ubyte", IMAGES_MAGIC),
        (f"{part}-labels-idx1-ubyte", LABELS_MAGIC),
    ):
        checksum = None if checksums is None else checksums.get(name, "missing")
        arrays.append(read_idx(find(folder, name), magic, checksum))
    images, labels = arrays
    try:
        return Digits(images.reshape(-1, PIXELS), labels, Origin(reference, part, 0, len(labels)))
    except DataError as error:
        raise DataError(f"{folder}, {part} files: {error}") from None


# ---------------------------------------------------------------------------------- the way back


def idx_files(train: Digits, test: Digits) -> dict[str, bytes]:
    """The four IDX files of these digits, name by name, gzipped; the same digits, the same bytes.

    load_digits reads the folder that holds them.
    """
    import gzip

    files = {}
    for part, digits in zip(PARTS, (train, test), strict=True):
        m = len(digits)
        images = struct.pack(">4I", IMAGES_MAGIC, m, SIDE, SIDE) + digits.images.tobytes()
        labels = struct.pack(">2I", LABELS_MAGIC, m) + digits.labels.tobytes()
        for name, content in (("images-idx3", images), ("labels-idx1", labels)):
            files[f"{part}-{name}-ubyte.gz"] = gzip.compress(content, mtime=0)
    return files
