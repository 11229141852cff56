"""Arrays in an .npz file, as Keras and others have MNIST. What could run code is never loaded."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from chainrule.arrays import PIXELS, as_images, as_labels
from chainrule.idx import DEFLATE_LIMIT, DataError, printable
from chainrule.sources.parts import Found, Labelled, check_count, held, listed, says_test

MOST_BYTES = 16_000_000_000  # of an array: so many images of eight bytes a pixel are read
MOST_ARRAYS = 100
PIECE = 1 << 20
# What the standard library raises for a zip file that lies.
DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError),
    *(OSError, ValueError, OverflowError, struct.error),
)
PAIRS = (  # names of images and their labels, in small letters
    *(("x_train", "y_train"), ("train_images", "train_labels"), ("train_x", "train_y")),
    *(("x", "y"), ("images", "labels"), ("data", "target"), ("data", "labels")),
)
TESTS = (
    *(("x_test", "y_test"), ("test_images", "test_labels"), ("test_x", "test_y")),
    ("t10k_images", "t10k_labels"),
)


def read(path: Path) -> Found:
    """The digits in an .npz file, in the only one of a folder, or in four, as KMNIST has them."""
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.suffix.lower() == ".npz")
        if len(files) == 4:
            return read_four(path, files)
        if len(files) != 1:
            raise DataError(f"{path}: several .npz files fit; name one: {listed(files)}")
        (path,) = files
    with unpacked(path) as file:
        return read_parts(path, file)._replace(files=(path.name,))


@contextmanager
def unpacked(path: Path) -> Iterator[zipfile.ZipFile]:
    """An .npz file; DataError if it is damaged, also while it is read."""
    with path.open("rb") as opened:
        try:
            yield zipfile.ZipFile(opened)
        except DataError:
            raise
        except DAMAGE as error:
            raise DataError(
                f"{path}: the .npz file is damaged or encrypted ({printable(str(error))})"
            ) from None


def read_four(folder: Path, files: list[Path]) -> Found:
    """Images and labels of both parts in a file each, which has one array."""
    arrays: dict[tuple[bool, bool], NDArray[Any]] = {}
    for path in files:
        with unpacked(path) as file:
            if len(file.infolist()) != 1:
                raise DataError(f"{path}: beside three others it must have one array")
            kind = says_test(path.name), "label" in path.name.lower()
            arrays[kind] = read_array(path, file, file.infolist()[0])
    if len(arrays) != 4:
        raise DataError(
            f"{folder}: of four .npz files two must be called labels and two test, "
            f"got {listed(files)}"
        )
    train, test = (
        labelled(folder, "test" if part else "train", arrays[part, False], arrays[part, True])
        for part in (False, True)
    )
    return Found(train, test, files=(files[0].name,))


def read_parts(path: Path, file: zipfile.ZipFile) -> Found:
    members = {
        each.filename.removesuffix(".npy").lower(): each
        for each in file.infolist()[: MOST_ARRAYS + 1]
        if each.filename.endswith(".npy")
    }
    if len(file.infolist()) > MOST_ARRAYS:
        raise DataError(f"{path}: it may have {MOST_ARRAYS} arrays, it has more")
    pairs = [pair for pair in PAIRS if set(pair) <= set(members)]
    tests = [pair for pair in TESTS if set(pair) <= set(members)]
    if len(pairs) != 1 or len(tests) > 1:
        shown = ", ".join(printable(name) for name in list(members)[:8]) or "nothing"
        both = " and ".join("/".join(pair) for pair in (*pairs, *tests))
        what = f"two pairs fit, {both}" if pairs else "found no pair of images and labels"
        raise DataError(
            f"{path}: wanted the arrays x_train, y_train, x_test, y_test, or X and y; {what}; "
            f"it has {shown}"
        )
    train, *others = (
        part_of(path, file, members[images], members[labels]) for images, labels in (*pairs, *tests)
    )
    return Found(train, others[0] if others else None)


def part_of(
    path: Path, file: zipfile.ZipFile, images: zipfile.ZipInfo, labels: zipfile.ZipInfo
) -> Labelled:
    """A part: its images and its labels."""
    return labelled(
        path,
        printable(images.filename),
        *(read_array(path, file, each) for each in (images, labels)),
    )


def labelled(path: Path, name: str, images: NDArray[Any], labels: NDArray[Any]) -> Labelled:
    """A part of these arrays; messages call its images by this name."""
    if len(images) != len(labels):
        raise DataError(
            f"{path}, {name}: every image needs one label, got {len(images):,} images "
            f"and {len(labels):,} labels"
        )
    try:
        numbers, _ = as_labels(labels)
        return held(as_images(images), numbers)
    except DataError as error:
        raise DataError(f"{path}, {name}: {error}") from None


def read_array(path: Path, file: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """One array; DataError, before memory is taken, unless its header fits what the file holds."""
    where = f"{path}, {printable(member.filename)}"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{where}: it is packed in a way that NumPy does not use; save it again")
    with file.open(member) as stream:
        shape, columns_first, dtype = header_of(where, stream)
        if dtype.hasobject:
            raise DataError(
                f"{where}: it holds Python objects, which are loaded by running code; "
                f"save it as an array of numbers"
            )
        if dtype.kind not in "buifUS" or len(shape) > 4 or not shape:
            raise DataError(f"{where}: wanted an array of numbers, got {dtype} of shape {shape}")
        if len(shape) > 1 and math.prod(shape[1:]) >= PIXELS:
            check_count(path, shape[0])
        promised = math.prod(shape) * dtype.itemsize
        held_at_most = min(member.file_size, member.compress_size * DEFLATE_LIMIT + 64)
        if promised > min(held_at_most, MOST_BYTES):
            raise DataError(
                f"{where}: its header promises {promised:,} bytes, it cannot hold more than "
                f"{min(held_at_most, MOST_BYTES):,}"
            )
        content = bytearray()
        while len(content) < promised and (
            piece := stream.read(min(PIECE, promised - len(content)))
        ):
            content += piece
        if len(content) < promised or stream.read(1):
            raise DataError(f"{where}: damaged: it must hold the {promised:,} bytes of its header")
    flat = np.frombuffer(content, dtype)
    return flat.reshape(shape[::-1]).T if columns_first else flat.reshape(shape)


def header_of(where: str, stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and dtype, as the header of an array says."""
    try:
        version = npy.read_magic(stream)
        reader = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, columns_first, dtype = reader(stream)
    except (ValueError, KeyError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise DataError(f"{where}: it is no array ({printable(str(error))})") from None
    if not all(type(n) is int and n >= 0 for n in shape):
        raise DataError(f"{where}: it is no array: its shape is {shape!r:.60}")
    return shape, columns_first, dtype
