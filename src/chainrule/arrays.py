"""What arrays mean that people have: images of 784 bytes each, and labels that are classes.

Nothing is guessed. What can be read in two ways is refused with both, and a keyword decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.idx import SIDE, DataError, printable

PIXELS = SIDE * SIDE
DIGITS = tuple("0123456789")
MOST_CLASSES = 62  # digits, capitals and small letters
LONGEST = 24  # characters of a class's name
FAINT = 16  # numbers that go beyond 1 and never reach this are no usual pixels
BLOCK = 4096  # images that are turned into bytes at a time

Labels = NDArray[Any]  # (m,) whole numbers or text


# ------------------------------------------------------------------------------------- the images


def as_images(
    images: object, *, columns: bool | None = None, most: int | None = None, transpose: bool = False
) -> NDArray[np.uint8]:
    """Images as unsigned bytes (m, 784), a row each, ink bright, as MNIST has them.

    `images` are numbers (m, 28, 28), (m, 28, 28, 1) or (m, 784); (784, m) with `columns=True`.
    `most` is the number of full ink, 1 or 255; without it floats up to 1 mean 1, and numbers
    beyond that 255. Numbers between two bytes are rounded to the nearer one. `transpose` exchanges
    rows and columns of each image.

    Raises DataError for other shapes, for what is no number, for what is outside of 0 to `most`,
    and for what may be read in two ways: 784 × 784 numbers, whole numbers of which none is beyond
    1, floats whose largest is a little more than 1.
    """
    array = numbers("images", images)
    shape = array.shape
    if columns and array.ndim != 2:
        raise DataError(f"columns=True is for images of shape (784, m), got {array.shape}")
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    if array.ndim == 3 and array.shape[1:] == (SIDE, SIDE):
        array = array.reshape(len(array), PIXELS)
    elif array.ndim == 2 and array.shape == (PIXELS, PIXELS) and columns is None:
        raise DataError(
            "784 × 784 numbers may be images in rows or in columns; "
            "say columns=False or columns=True"
        )
    elif array.ndim == 2 and columns:
        array = array.T
    if array.ndim != 2 or array.shape[1] != PIXELS:
        hint = "; images in columns need columns=True" if array.shape[:1] == (PIXELS,) else ""
        raise DataError(
            f"images must be (m, 28, 28) or (m, 784), or (784, m) with columns=True, "
            f"got {shape}{hint}"
        )
    if not len(array):
        raise DataError("there must be at least one image, got none")
    found = as_bytes(array, most)
    return transposed(found) if transpose else found


def numbers(name: str, value: object) -> NDArray[Any]:
    """The value as a plain array of numbers; DataError if it is none."""
    if isinstance(value, np.ma.MaskedArray):
        raise DataError(f"{name} must be a plain array, got a masked one; fill it first")
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DataError(f"{name} must be an array of numbers ({printable(str(error))})") from None
    if isinstance(array, np.matrix) or array.dtype.kind not in "buif":
        raise DataError(
            f"{name} must be an array of numbers, got {type(array).__name__} of {array.dtype}"
        )
    return array


def check_plain(name: str, array: object) -> None:
    """DataError unless it is an array of NumPy's own kind.

    Of other kinds some compute something else without a word: np.matrix, masked arrays.
    """
    if type(array) not in (np.ndarray, np.memmap):
        raise DataError(f"{name} must be a NumPy array, got {type(array).__name__}")


def as_bytes(array: NDArray[Any], most: int | None) -> NDArray[np.uint8]:
    """Numbers (m, 784) as bytes, 255 where they are `most`."""
    low, high = array.min(), array.max()
    if not (low >= 0 and np.isfinite(high)):
        came = "NaN" if np.isnan(low) else f"{low:g} to {high:g}"
        raise DataError(
            f"pixels go from 0 (paper) to 1 or 255 (ink), got {came}; "
            f"undo a scaling by mean and deviation first"
        )
    if most is None:
        most = full_ink(array, float(high))
    if most not in (1, 255):
        raise DataError(f"most must be 1 or 255, got {most!r:.40}")
    if high > most + 1e-6:
        raise DataError(f"pixels go from 0 to {most}, got {high:g}")
    if array.dtype == np.uint8 and most == 255:
        return array if array.flags.c_contiguous else np.ascontiguousarray(array)
    found = np.empty(array.shape, np.uint8)
    for first in range(0, len(array), BLOCK):
        block = array[first : first + BLOCK].astype(np.float64) * (255 / most)
        found[first : first + BLOCK] = np.rint(np.minimum(block, 255))
    return found


def full_ink(array: NDArray[Any], high: float) -> int:
    """The number of full ink, 1 or 255, if the numbers tell; their largest is `high`."""
    if high == 0:
        return 255
    if array.dtype.kind == "b":
        return 1
    readings = "full ink is 1, or it is 255 and these images are almost blank"
    if array.dtype.kind in "ui" and high <= 1:
        raise DataError(f"whole pixels from 0 to 1: {readings}; say most=1 or most=255")
    if 1 + 1e-6 < high < FAINT and array.dtype.kind == "f":
        raise DataError(f"pixels from 0 to {high:g}: {readings}; say most=1 or most=255")
    return 255 if high >= FAINT or array.dtype.kind in "ui" else 1


def transposed(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each image (m, 784) with rows and columns exchanged."""
    turned = images.reshape(-1, SIDE, SIDE).transpose(0, 2, 1)
    return np.ascontiguousarray(turned).reshape(-1, PIXELS)


# ------------------------------------------------------------------------------------- the labels


def as_labels(labels: object, *, columns: bool | None = None) -> tuple[Labels, int | None]:
    """Labels as whole numbers or text (m,), and how many classes a one-hot table has.

    `labels` are (m,) or (m, 1): whole numbers, floats that are whole, or text; or one-hot (m, k),
    with `columns=True` (k, m). Raises DataError for others, and for a square one-hot table that
    may be read in two ways.
    """
    try:
        array = np.asarray(labels)
    except ValueError as error:
        raise DataError(f"labels must be an array ({printable(str(error))})") from None
    if isinstance(labels, np.ma.MaskedArray):
        raise DataError("labels must be a plain array, got a masked one")
    if array.dtype == object and all(isinstance(each, str) for each in array.ravel()[:1000]):
        array = array.astype(str)
    if (array.ndim == 2 and 1 in array.shape and array.size > 1) or array.shape == (1, 1):
        array = array.ravel()
    if array.ndim == 2 and array.dtype.kind in "buif":
        return one_hot(array, columns)
    if array.ndim != 1:
        raise DataError(f"labels must be (m,), or one-hot (m, classes), got {array.shape}")
    if array.dtype.kind in "US":
        return array.astype(str), None
    if array.dtype.kind == "f":
        if not (np.isfinite(array).all() and (array == np.rint(array)).all()):
            wrong = array[~np.isfinite(array) | (array != np.rint(array))][0]
            raise DataError(f"labels must be whole numbers or text, got {wrong:g}")
    elif array.dtype.kind not in "bui":
        raise DataError(f"labels must be whole numbers or text, got {array.dtype}")
    if array.size and not -(2**53) < array.min() <= array.max() < 2**53:
        raise DataError(f"labels must be small whole numbers, got {array.max()}")
    return array.astype(np.int64), None


def one_hot(array: NDArray[Any], columns: bool | None) -> tuple[Labels, int]:
    """The classes of a one-hot table, and how many there are."""
    ones = array == 1
    only = bool((ones | (array == 0)).all())
    in_rows = only and bool((ones.sum(axis=1) == 1).all())
    in_columns = only and bool((ones.sum(axis=0) == 1).all())
    if columns is None and in_rows and in_columns and not (array == array.T).all():
        raise DataError(
            f"one-hot labels of shape {array.shape} may have their examples in rows or in columns; "
            f"say columns=False or columns=True"
        )
    if not (in_columns if columns else in_rows):
        raise DataError(
            f"labels of shape {array.shape} must be one-hot: a single 1 "
            f"for each example, and 0 else"
        )
    return ones.argmax(axis=0 if columns else 1), array.shape[0 if columns else 1]


# ------------------------------------------------------------------------------------ the classes


def classes_of(
    sets: Sequence[Labels], names: Sequence[str] | None = None, first: int | None = None
) -> tuple[list[NDArray[np.uint8]], tuple[str, ...]]:
    """Each set's labels as numbers of classes, which count from 0, and the classes' names.

    Labels are whole numbers or text. With `names`, whole numbers count them, from `first`; where
    that is not known from 0, or from 1 if they go up to the number of names; text is one of them.
    Without, whole numbers are digits 0 to 9, and other text names its classes itself, in the order
    of the alphabet.

    Raises DataError for labels that fit no class, and for fewer than 2 or more than 62 classes.
    """
    if any(labels.dtype.kind == "U" for labels in sets):
        sets = [labels.astype(str) for labels in sets]
        there = sorted({text for labels in sets for text in np.unique(labels).tolist()})
        if names is None and not all(map(is_whole, there)):
            names = checked_names(there)
        if names is not None and set(there) <= set(names):
            return [by_name(labels, names) for labels in sets], checked_names(names)
        strange = next(
            (text for text in there if not is_whole(text) and text not in (names or ())), None
        )
        if strange is not None:
            known = ", ".join(names or ())
            raise DataError(
                f"the label {printable(strange)!r} is none of the classes: {known:.200}"
            )
        sets = [labels.astype(np.int64) for labels in sets]
    classes = DIGITS if names is None else checked_names(names)
    low = min(int(labels.min()) for labels in sets if len(labels))
    high = max(int(labels.max()) for labels in sets if len(labels))
    if first is None:
        first = 1 if names is not None and low == 1 and high == len(classes) else 0
    if low < first or high >= first + len(classes):
        wrong = low if low < first else high
        where = next(np.flatnonzero(labels == wrong)[0] for labels in sets if wrong in labels)
        hint = "" if names is not None else "; of other classes the names are needed, classes.txt"
        what = f"digits {first} to {first + 9}" if names is None else f"{len(classes)} classes"
        upto = "" if names is None else f" from {first}"
        raise DataError(f"labels must be {what}{upto}, got {wrong} at index {where}{hint}")
    return [(labels - first).astype(np.uint8) for labels in sets], classes


def is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 16


def by_name(labels: Labels, names: Sequence[str]) -> NDArray[np.uint8]:
    there, places = np.unique(labels, return_inverse=True)
    found: NDArray[np.uint8] = np.array([names.index(each) for each in there], np.uint8)[places]
    return found


def names_of(classes: int, known: Sequence[str] = DIGITS) -> tuple[str, ...]:
    """The names of so many classes: those that are known, or their numbers if these are others."""
    return tuple(known) if len(known) == classes else tuple(map(str, range(classes)))


def checked_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names of classes; DataError unless there are 2 to 62, all different, that can be read."""
    found = tuple(names)
    if not 2 <= len(found) <= MOST_CLASSES:
        raise DataError(f"there may be 2 to {MOST_CLASSES} classes, got {len(found)}")
    for name in found:
        if (
            not isinstance(name, str)
            or not 0 < len(name) <= LONGEST
            or not name.isprintable()
            or name != name.strip()
        ):
            raise DataError(
                f"the name of a class has 1 to {LONGEST} characters that can be printed, "
                f"got {ascii(name)[:40]}"
            )
    if len(set(found)) < len(found):
        twice = next(name for name in found if found.count(name) > 1)
        raise DataError(f"each class needs a name of its own, got {twice!r} twice")
    return found
