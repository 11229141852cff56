"""Digits in: the bundled MNIST, any folder of IDX files, and the arrays the network reads.

An IDX file is a big-endian header (a magic number, then one length for each axis) and then one
unsigned byte for each number. Source: LeCun, Cortes and Burges, "The MNIST database".
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # what only files need is loaded at the first one
    from gzip import GzipFile
    from pathlib import Path

SIDE = 28
PIXELS = SIDE * SIDE  # 784
CLASSES = 10
PARTS = ("train", "t10k")

IMAGES_MAGIC = 0x00000803  # unsigned bytes, three axes
LABELS_MAGIC = 0x00000801  # unsigned bytes, one axis
CHUNK = 1 << 20  # bytes read at a time
LISTED = 8  # names in a message
DEFLATE_LIMIT = 1032  # no deflate stream grows by more than this factor


class DataError(ValueError):
    """A file or array of digits that cannot be used; the message names it and says why."""


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
            # Of other kinds some compute something else without a word: np.matrix, masked arrays.
            if type(array) not in (np.ndarray, np.memmap):
                raise DataError(f"{name} must be a NumPy array, got {type(array).__name__}")
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

    @property
    def X(self) -> NDArray[np.float32]:
        """The images as columns in [0, 1]: (784, m), float32.

        A transposed view of row by row memory, so one image lies in one piece. Made anew at every
        call (4 bytes a pixel: 188 MB for 60,000 images); keep it while you need it.
        """
        self.check_file()
        X = self.images.astype(np.float32)
        X /= 255
        return X.T

    @property
    def Y(self) -> NDArray[np.float32]:
        """The labels as one-hot columns: (10, m), float32; made anew at every call."""
        Y: NDArray[np.float32] = (np.arange(CLASSES)[:, None] == self.labels).astype(np.float32)
        return Y

    def by_ink(self, count: int) -> list[Inked]:
        """The same digits in another order, `count` at a time, without the pixels that are blank.

        Pixels are ranked by how many images have ink there, images by the last rank in which they
        have any: the first need few pixels. 1,920 of MNIST's at a time do without 46 % of their
        pixels; as they come, without 20 %. Takes 0.3 s and 25 MB for 60,000; what the last two
        counts gave is kept.
        """
        kept: dict[int, list[Inked]] = vars(self).setdefault("inked", {})
        if (inked := kept.get(count)) is None:
            self.check_file()
            pixels = np.argsort(-np.count_nonzero(self.images, axis=0), kind="stable")
            images = np.take(self.images, pixels, axis=1)
            beyond = (images[:, ::-1] > 0).argmax(axis=1)  # blank pixels at the end of each image
            reach = np.where(images.any(axis=1), PIXELS - beyond, 1)
            order = np.argsort(reach, kind="stable")
            inked = []
            for rows in np.split(order, range(count, len(order), count)):
                last = reach[rows[-1]]
                inked.append(Inked(images[rows, :last], self.labels[rows], pixels[:last]))
            for old in list(kept)[:-1]:
                kept.pop(old, None)
            kept[count] = inked
        return inked

    @property
    def name(self) -> str:
        """What they are called where figures are measured on them: MNIST, or their folder."""
        if self.origin is None:
            return "digits in memory"
        return "MNIST" if self.origin.folder is None else str(self.origin.folder)

    def check_file(self) -> None:
        """Raise DataError if the file that the images are mapped from has become shorter.

        To be asked before the images are gone through: to touch what is no longer there would end
        the process (SIGBUS), and nobody can catch that.
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


class Inked(NamedTuple):
    """Digits that are blank in all pixels but these."""

    images: NDArray[np.uint8]  # (m, p)
    labels: NDArray[np.uint8]  # (m,)
    pixels: NDArray[np.intp]  # (p,), which pixel each column of the images is


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


def find(folder: Path, name: str) -> Path:
    dotted = name.replace("-idx", ".idx")  # as some unpackers name it
    for each in (name, f"{name}.gz", dotted, f"{dotted}.gz"):
        if (folder / each).exists():
            return folder / each
    there = sorted(path.name for path in folder.iterdir())
    shown = ", ".join(map(printable, there[:LISTED])) or "nothing"
    more = f" and {len(there) - LISTED:,} more" if len(there) > LISTED else ""
    raise DataError(f"{folder}: wanted {name}, or {name}.gz; there lies {shown}{more}")


def printable(name: str) -> str:
    """A name of a file as it may stand in a message; it may hold anything."""
    return "".join(c if c.isprintable() else "?" for c in name[:60])


# -------------------------------------------------------------------------------- one file, alone


def read_idx(path: Path, magic: int, checksum: str | None = None) -> NDArray[np.uint8]:
    """The unsigned bytes of an IDX file with this magic number, in the shape of its header.

    A plain file of images is mapped, not read: pixels come into memory as they are used.
    Whatever the header promises, no more memory is taken than the file truly fills. `checksum` is
    the SHA-256 of the content, header included. Raises DataError, or OSError if unreadable.
    """
    import gzip
    import mmap
    import zlib

    with path.open("rb") as file:
        size = path.stat().st_size
        if path.suffix != ".gz":
            header, promised = read_header(path, file, magic, most=size)
            held = size - len(header)
            if held < promised:
                raise DataError(
                    f"{path}: the header promises {promised:,} bytes, "
                    f"the file holds {held:,}; fetch it again"
                )
            more = held > promised
            content: bytes | bytearray | memoryview
            if magic == IMAGES_MAGIC:
                content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
                content = content[len(header) :]
            else:
                content = file.read(promised)
        else:
            try:
                stream = gzip.GzipFile(fileobj=file)
                header, promised = read_header(path, stream, magic, most=size * DEFLATE_LIMIT)
                content = read_content(path, stream, promised)
                more = bool(stream.read(1))
            except EOFError:
                raise DataError(f"{path}: the gzip file is cut short; fetch it again") from None
            except (zlib.error, gzip.BadGzipFile) as error:
                raise DataError(
                    f"{path}: the gzip file is damaged ({error}); fetch it again"
                ) from None
    if more:
        raise DataError(f"{path}: the file holds more than the {promised:,} bytes of its header")
    if checksum:
        import hashlib  # at the first file: it loads OpenSSL

        sha256 = hashlib.sha256(header)
        sha256.update(content)
        if sha256.hexdigest() != checksum:
            raise DataError(f"{path}: not the published content (SHA-256 differs); install again")
    _, *shape = struct.unpack(f">{len(header) // 4}I", header)
    array = np.frombuffer(content, dtype=np.uint8).reshape(shape)
    array.flags.writeable = False
    return array


def read_header(
    path: Path, stream: BinaryIO | GzipFile, magic: int, *, most: int
) -> tuple[bytes, int]:
    """The header and how many bytes it promises; `most` is the most the file can hold."""
    axes = magic & 0xFF
    header = stream.read(4 + 4 * axes)
    if len(header) < 4 + 4 * axes or header[:4] != magic.to_bytes(4, "big"):
        raise DataError(
            f"{path}: not an IDX file of {'images' if axes == 3 else 'labels'}: it must begin with "
            f"{magic:08x} and {axes} lengths, got {header[:4].hex() or 'an empty file'}"
        )
    _, *shape = struct.unpack(f">{1 + axes}I", header)
    if axes == 3 and shape[1:] != [SIDE, SIDE]:
        raise DataError(
            f"{path}: images must be {SIDE} × {SIDE} pixels, the header has {shape[1]} × {shape[2]}"
        )
    promised = math.prod(shape)
    if promised > most:
        raise DataError(
            f"{path}: the header promises {promised:,} bytes, the file cannot hold more than "
            f"{most:,}; fetch it again"
        )
    return header, promised


def read_content(path: Path, stream: GzipFile, promised: int) -> bytearray:
    """The promised bytes, piece by piece: a promise alone takes no memory."""
    content = bytearray()
    while len(content) < promised:
        chunk = stream.read(min(CHUNK, promised - len(content)))
        if not chunk:
            raise DataError(
                f"{path}: the header promises {promised:,} bytes, "
                f"the file holds {len(content):,}; fetch it again"
            )
        content += chunk
    return content


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
