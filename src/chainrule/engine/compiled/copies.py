"""Deformed copies as compiled code reads them: lists of ink that are made for the batch at hand."""

from __future__ import annotations

from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from chainrule.data import PIXELS, Chosen, Digits, Examples
from chainrule.deform import Deform, draw_copies
from chainrule.engine.compiled.examples import NO_NUMBERS, SHADES
from chainrule.engine.compiled.passes import ByPixel, Data
from chainrule.engine.compiled.warp import ACROSS, list_copies

BLOCK = 1000  # images for which is drawn at a time, so that it stays in the cache


class CopiesOf:
    """The copies of digits in the run with this key, as a source: none is kept.

    So many threads make them, the caller's own and those of the executor.
    """

    dense = False

    def __init__(
        self,
        digits: Digits,
        deform: Deform,
        key: int,
        executor: Executor | None = None,
        threads: int = 1,
    ) -> None:
        self.inputs, self.classes = digits.inputs, digits.classes
        self.images = np.ascontiguousarray(digits.images)
        self.deform = deform
        self.key = key
        self.executor = executor
        self.threads = threads

    def at_hand(
        self, examples: Examples, chosen: Chosen, epochs: int | NDArray[np.int64]
    ) -> tuple[Data, NDArray[np.int64]]:
        """Data in which copies of these are, each as in its epoch, and where."""
        examples.check_file()
        rows = np.arange(len(examples))[chosen]
        epochs = np.broadcast_to(epochs, rows.shape)
        k = len(rows)
        parts = min(self.threads, k) if self.executor else 1
        cuts = [k * part // parts for part in range(parts + 1)]
        # Each part has its own start of lists, so the first one of the next is one further on.
        start = np.empty(k + parts, np.int64)
        pixel, ink = np.empty(k * PIXELS, np.uint16), np.empty(k * PIXELS, np.uint8)

        def make(part: int) -> None:
            place = cuts[part] * PIXELS
            for first in range(cuts[part], cuts[part + 1], BLOCK):
                last = min(first + BLOCK, cuts[part + 1])
                some = rows[first:last]
                copies = draw_copies(self.deform, self.key, epochs[first:last], some)
                starts = start[first + part : last + part + 1]
                place = list_copies(
                    self.images.ctypes.data, some, *copies, ACROSS, place, starts, pixel, ink
                )

        others = []
        if self.executor:
            others = [self.executor.submit(make, part) for part in range(1, parts)]
        make(0)
        for other in others:
            other.result()
        place = np.arange(k) + np.repeat(np.arange(parts), np.diff(cuts))
        labels = np.zeros(k + parts, np.int64)
        labels[place] = examples.labels[rows]
        return Data(start, pixel, ink, SHADES, NO_NUMBERS, labels), place

    def by_pixel(self, tile: int) -> ByPixel | None:
        """Nothing: no batch is seen twice."""
        return None
