"""The examples of one step, and how they are cut into tiles."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

UNPACKED_PRODUCTS = 1_000_000  # up to so many products OpenBLAS is faster: it does not pack
WIDE_TILE = 512  # columns in a tile of a network too wide for that
HALVED_PRODUCTS = 40_000_000  # in the first layer: from so many on, two workers share a batch
STACK_BYTES = 1 << 23  # of inputs as float32 that one call works on, at most


@dataclass(frozen=True)
class Batch:
    """The examples of one step: all m as they stand, or a span of the order of an epoch."""

    m: int
    key: int = 0
    epoch: int = 0
    span: tuple[int, int] | None = None
    by_ink: bool = False  # all m in the order of their ink, which pays if they are seen often

    def __len__(self) -> int:
        return self.m if self.span is None else self.span[1] - self.span[0]

    def columns(self, first: int, last: int) -> slice | NDArray[np.intp]:
        """The examples in columns first to last of the batch."""
        if self.span is None:
            return slice(first, last)
        return order_of(self.key, self.epoch, self.m)[self.span[0] + first : self.span[0] + last]


@lru_cache(maxsize=2)
def order_of(key: int, epoch: int, m: int) -> NDArray[np.intp]:
    """The order of an epoch. It comes from the run's key, so any step can be computed alone."""
    return np.random.default_rng((key, epoch)).permutation(m)


class Tiling(NamedTuple):
    """How a batch is cut: columns in a tile, tiles in a stack (a power of 2), stacks in all."""

    tile: int
    stacked: int
    stacks: int


def tiling(sizes: tuple[int, ...], columns: int) -> Tiling:
    """The cut of a batch of so many columns for a network of these sizes."""
    weights = sizes[0] * sizes[1]
    tile = UNPACKED_PRODUCTS // weights // 8 * 8
    if tile < 32:
        tile = WIDE_TILE
        if columns <= tile and columns * weights >= HALVED_PRODUCTS:
            tile = -(-columns // 2)
    tile = min(tile, columns)
    stacked = 1
    while 2 * tile < columns > tile * stacked and 8 * stacked * tile * sizes[0] <= STACK_BYTES:
        stacked *= 2
    return Tiling(tile, stacked, -(-columns // (tile * stacked)))
