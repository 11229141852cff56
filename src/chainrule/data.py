"""Examples: images with labels, the bundled MNIST, or any table, as a network reads them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from chainrule.arrays import DIGITS, as_images, as_labels, check_plain, checked_names, classes_of
from chainrule.arrays import PIXELS as PIXELS
from chainrule.idx import IMAGES_MAGIC, LABELS_MAGIC, read_idx
from chainrule.idx import SIDE as SIDE
from chainrule.idx import DataError as DataError

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = 10  # of digits, as of MNIST
Part = Literal["train", "t10k"]
PARTS: tuple[Part, Part] = ("train", "t10k")
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


def as_columns(
    images: NDArray[np.uint8], out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Images (k, p) of bytes as columns (p, k) from 0 to 1, in the memory of `out` if given."""
    X = None if out is None else out.reshape(images.shape)
    return np.divide(images, np.float32(255), out=X, dtype=np.float32).T


# ------------------------------------------------------------------------------------ the digits


@dataclass(frozen=True, eq=False, repr=False)
class Digits:
    """Images (m, 784) of unsigned bytes, as stored, and their labels (m,): digits 0 to 9.

    With `names` the labels are the numbers of other classes, 2 to 62 of them, counted from 0.
    Loaded digits, and slices of them, are pickled as a reference to where they lie, others with
    their pixels. Raises DataError for other shapes, types or labels, if they are no plain arrays,
    or if the two counts differ.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    origin: Origin | None = None
    names: tuple[str, ...] = DIGITS

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        for name, array in (("images", images), ("labels", labels)):
            check_plain(name, array)
        if images.dtype != np.uint8 or images.ndim != 2 or images.shape[1] != PIXELS:
            raise DataError(
                f"images must be unsigned bytes of shape (m, {PIXELS}), got {images.dtype} of "
                f"shape {images.shape}; Digits.from_arrays takes other shapes and numbers"
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
        if self.names is not DIGITS:
            checked_names(self.names)
        if labels.max() >= self.classes:
            place = int(np.argmax(labels >= self.classes))
            what = "digits 0 to 9" if self.names == DIGITS else f"0 to {self.classes - 1}"
            raise DataError(f"labels must be {what}, got {labels[place]} at index {place}")

    @classmethod
    def from_arrays(
        cls,
        images: object,
        labels: object,
        *,
        columns: bool | None = None,
        most: int | None = None,
        names: Sequence[str] | None = None,
        transpose: bool = False,
    ) -> Digits:
        """Digits from arrays or lists as people have them.

        `images` are (m, 28, 28), (m, 28, 28, 1) or (m, 784), or (784, m) with `columns=True`;
        numbers from 0 to 255, or floats from 0 to 1, which are rounded to the nearest of 256
        levels. `most`, 1 or 255, says what full ink is where the numbers alone do not.
        `transpose` exchanges the rows and columns of each image.

        `labels` are (m,): whole numbers, floats that are whole, or text; or one-hot (m, classes),
        with `columns=True` (classes, m). `names` are the classes in order, 2 to 62 of them; without
        them numbers are digits 0 to 9, and text names its classes itself, in alphabetical order.
        A second set that belongs to a first one needs `names=first.names`. Raises DataError for
        all else, and for what may be read in two ways; it says both.
        """
        given, classes = as_labels(labels, columns=columns)
        if names is None and classes not in (None, CLASSES):
            names = [str(k) for k in range(classes or 0)]
        (numbers,), found = classes_of([given], names) if len(given) else ([given], DIGITS)
        pixels = as_images(images, columns=columns, most=most, transpose=transpose)
        return cls(pixels, numbers, names=found)

    @property
    def classes(self) -> int:
        """How many classes there may be."""
        return len(self.names)

    inputs = PIXELS

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
        """The labels as one-hot columns: (classes, m), float32; made anew at every call."""
        places = np.arange(self.classes)[:, None]
        Y: NDArray[np.float32] = (places == self.labels).astype(np.float32)
        return Y

    @property
    def name(self) -> str:
        """Their name beside results that are measured on them: MNIST, or where they lie."""
        return "digits in memory" if self.origin is None else self.origin.name

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
            where = f"{origin.source.path}, {origin.part} files" if origin else "a mapped file"
            raise DataError(
                f"{where}: the images have become shorter while they are in use: "
                f"they had {len(file):,} bytes, now {file.size():,}; put the file back"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(
        self, chosen: int | np.integer[Any] | slice | list[int] | NDArray[np.intp]
    ) -> Digits:
        """Some of the digits, as digits: one index, a slice, or a list of indices."""
        if isinstance(chosen, int | np.integer):
            chosen = [int(chosen)]
        origin = None
        if self.origin and isinstance(chosen, slice):
            start, stop, step = chosen.indices(len(self))
            first = self.origin.first
            origin = self.origin._replace(first=first + start, last=first + stop)
            origin = origin if step == 1 else None
        self.check_file()
        return Digits(self.images[chosen], self.labels[chosen], origin, self.names)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.origin:
            return found, (self.origin,)
        return Digits, (self.images, self.labels, None, self.names)

    def __repr__(self) -> str:
        return f"Digits: {len(self):,} images {SIDE} × {SIDE} with labels"


class Source(Hashable, Protocol):
    """Where digits lie. It is hashable and is pickled, so every process can load them again."""

    @property
    def path(self) -> Path | None:
        """The file or folder; None for the bundled MNIST."""
        ...

    @property
    def test_share(self) -> float | None:
        """The share of images that was drawn to test on; None: it has a test part."""
        ...

    def name_of(self, part: Part) -> str:
        """What messages and results call a part."""
        ...

    def load(self, part: Part) -> Digits:
        """One of its two parts."""
        ...


class Origin(NamedTuple):
    """Where digits lie: a source, one of its two parts, and a slice of that."""

    source: Source
    part: Part
    first: int
    last: int

    @property
    def name(self) -> str:
        """What messages and results call them."""
        return self.source.name_of(self.part)


@lru_cache(maxsize=4)
def found(origin: Origin) -> Digits:
    """The digits that lie there; each process reads a part once."""
    return loaded(origin.source, origin.part)[origin.first : origin.last]


@cache
def loaded(source: Source, part: Part) -> Digits:
    return source.load(part)


# -------------------------------------------------------------------------------------- the MNIST


@dataclass(frozen=True)
class Bundled:
    """The MNIST of the package as a source."""

    path = None
    test_share = None

    def name_of(self, part: Part) -> str:
        return "MNIST"

    def load(self, part: Part) -> Digits:
        """One of its two parts; DataError if a file is not, byte for byte, the published one."""
        checksums = published()
        arrays = []
        for name, magic in (
            (f"{part}-images-idx3-ubyte", IMAGES_MAGIC),
            (f"{part}-labels-idx1-ubyte", LABELS_MAGIC),
        ):
            checksum = checksums.get(name, "missing")
            arrays.append(read_idx(bundled_mnist() / f"{name}.gz", magic, checksum))
        images, labels = arrays
        return Digits(images.reshape(-1, PIXELS), labels, Origin(self, part, 0, len(labels)))


MNIST = Bundled()


def load_mnist() -> tuple[Digits, Digits]:
    """The bundled MNIST: 60,000 digits to train on, 10,000 to test on.

    Raises DataError if a bundled file is not, byte for byte, the published one. Source: LeCun,
    Cortes and Burges, "The MNIST database of handwritten digits".
    """
    train, test = (MNIST.load(part) for part in PARTS)
    return train, test


def published() -> dict[str, str]:
    """The SHA-256 of each bundled file, unpacked."""
    lines = (bundled_mnist() / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    return {name: checksum for checksum, name in map(str.split, lines)}


def bundled_mnist() -> Path:
    """The folder of the four files and their checksums."""
    from pathlib import Path

    return Path(__file__).with_name("mnist")
