"""What a reader finds: the parts of a set of digits as they stand in their files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.idx import DataError, printable

MOST_IMAGES = 2_000_000  # of a part that is read into memory: 1.6 GB of pixels
LISTED = 8  # names in a message
# What a column of labels is called, in small letters.
LABELS = ("label", "labels", "class", "target", "digit", "y", "fine_label")


class Labelled(NamedTuple):
    """A part as it stands in its files: labels as they are, and what gives its images."""

    labels: NDArray[Any]  # (m,) whole numbers or text
    images: Callable[[], NDArray[np.uint8]]  # (m, 784)


class Found(NamedTuple):
    """A set of digits as it lies there; without a test part if nobody set one apart."""

    train: Labelled
    test: Labelled | None = None
    names: tuple[str, ...] | None = None  # of the classes, if its files tell
    files: tuple[str, ...] = ()  # names of its files, which may tell them too


def held(images: NDArray[np.uint8], labels: NDArray[Any]) -> Labelled:
    """A part that is in memory already."""
    return Labelled(labels, lambda: images)


def check_count(path: Path, count: int) -> None:
    """DataError if a part has more images than are read."""
    if count > MOST_IMAGES:
        raise DataError(
            f"{path}: at most {MOST_IMAGES:,} images are read, it has {count:,}; "
            f"write them as IDX files, which may be larger than memory"
        )


def drawn_of(m: int, share: float, key: tuple[int, int]) -> NDArray[np.bool_]:
    """Which of m images are drawn, by a key: a share of them."""
    drawn = np.zeros(m, bool)
    drawn[np.random.default_rng(key).permutation(m)[: count_apart(m, share)]] = True
    return drawn


def count_apart(m: int, share: float) -> int:
    """How many of m images a share of them is: at least one, and not all."""
    return min(max(1, round(share * m)), m - 1)


def listed(paths: Sequence[Path]) -> str:
    """Some names of files, as they may stand in a message."""
    names = sorted(path.name for path in paths)
    shown = ", ".join(map(printable, names[:LISTED])) or "nothing"
    return shown + (f" and {len(names) - LISTED:,} more" if len(names) > LISTED else "")


def parted(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The files of a set whose names say test, and the others."""
    tests = [path for path in paths if says_test(path.name)]
    return [path for path in paths if path not in tests], tests


def says_test(name: str) -> bool:
    """Whether the name of a file or a folder says that it holds test images."""
    return any(word in name.lower() for word in ("test", "t10k"))
