"""Examples as compiled code reads them: images as lists of ink, others as rows of numbers."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from chainrule.data import Digits, Examples
from chainrule.engine.compiled.passes import ByPixel, Data
from chainrule.engine.compiled.tree import sort_tiles
from chainrule.engine.compiled.vectors import find_ink

KEPT = (
    1 << 31
)  # bytes of ink or numbers that are kept; of more examples only those at hand are read
DENSE = 0.5  # from this share of ink on, images are read as rows of numbers
SAMPLE = 1000  # images that tell whether they are
SHADES = (np.arange(256) / np.float32(255)).astype(np.float32)  # as as_columns divides
NO_BYTES, NO_PIXELS = np.zeros(0, np.uint8), np.zeros(0, np.uint16)
NO_NUMBERS, NOWHERE = np.zeros(0, np.float32), np.zeros(0, np.int64)
NOTHING_SORTED = ByPixel(NOWHERE, NO_PIXELS, NO_BYTES)


class Source:
    """Examples: all of them if they are not too many, else those that are asked for.

    Nothing is written to it but what is found again from the examples, which do not change.
    """

    def __init__(self, examples: Examples) -> None:
        self.inputs = examples.inputs
        self.classes = examples.classes
        self.dense = is_dense(examples)
        self.whole: Data | None = None
        self.tiles: dict[int, ByPixel] = {}  # by their number of images
        m = len(examples)
        if m * (4 * self.inputs if self.dense else 3 * ink_of_one(examples)) <= KEPT:
            self.whole = read(examples, slice(0, m), self.dense)
        self.order = np.arange(m if self.whole else 0)

    def at_hand(
        self, examples: Examples, chosen: slice | NDArray[np.int64], epochs: int | NDArray[np.int64]
    ) -> tuple[Data, NDArray[np.int64]]:
        """Data in which these examples are, and where. They are the same in every epoch."""
        if self.whole is None:
            data = read(examples, chosen, self.dense)
            return data, np.arange(len(data.labels))
        return self.whole, self.order[chosen] if isinstance(chosen, slice) else chosen

    def by_pixel(self, tile: int) -> ByPixel | None:
        """The ink of each tile of so many images, pixel by pixel, if all is kept."""
        if self.whole is None or self.dense:
            return None
        if tile not in self.tiles:
            m, ink = len(self.whole.labels), len(self.whole.ink)
            self.tiles[tile] = by = ByPixel(
                np.empty(-(-m // tile) * (self.inputs + 1), np.int64),
                np.empty(ink, np.uint16),
                np.empty(ink, np.uint8),
            )
            place = np.empty(self.inputs, np.int64)
            sort_tiles(self.whole, self.order, tile, self.inputs, place, by)
        return self.tiles[tile]


def source_of(examples: Examples) -> Source:
    """The examples, read once as long as they live, if they can be found again."""
    examples.check_file()
    try:
        source = sources.get(examples)
    except TypeError:  # a program's own kind of examples may have no hash
        return Source(examples)
    if source is None:
        source = sources[examples] = Source(examples)
    return source


sources: WeakKeyDictionary[Examples, Source] = WeakKeyDictionary()


def is_dense(examples: Examples) -> bool:
    return not isinstance(examples, Digits) or ink_of_one(examples) >= DENSE * examples.inputs


def ink_of_one(examples: Examples) -> float:
    """How many pixels of an image have ink, in the mean of some that lie evenly among all."""
    if not isinstance(examples, Digits):
        return examples.inputs
    images = examples.images[:: max(1, len(examples) // SAMPLE)]
    return np.count_nonzero(images) / len(images)


def read(examples: Examples, rows: slice | NDArray[np.int64], dense: bool) -> Data:
    """Some of the examples."""
    labels = examples.labels[rows].astype(np.int64)
    if isinstance(examples, Digits) and not dense:
        return Data(*ink_of(examples.images[rows]), SHADES, NO_NUMBERS, labels)
    X = np.require(examples.columns(rows).T, np.float32, ["C", "W"])
    return Data(NOWHERE, NO_PIXELS, NO_BYTES, SHADES, X.ravel(), labels)


def ink_of(
    images: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.uint8]]:
    """Where the ink of each image (m, pixels) begins, the pixels that have ink, and how dark."""
    m, pixels = images.shape
    images = np.ascontiguousarray(images)
    inked = np.count_nonzero(images)
    start, pixel, ink = (
        np.empty(m + 1, np.int64),
        np.empty(inked, np.uint16),
        np.empty(inked, np.uint8),
    )
    find_ink(images.ctypes.data, pixels, start, pixel, ink)
    return start, pixel, ink
