"""A layer in lanes: in panels of 64 units where there are so many, else 16 at a time.

Each thread owns some units of every layer, and some images.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.compiled.lanes import has_wide_registers, inner, zeros
from chainrule.engine.compiled.passes import (
    backward_dense,
    forward_dense,
    forward_ink,
    slope_dense,
    slope_ink,
)

sixteen = zeros(16)
sixty_four = zeros(64)
WIDE = 64 if has_wide_registers() else 16


class Mine(NamedTuple):
    """What belongs to one thread."""

    part: int  # its number
    parts: int  # of so many
    own: NDArray[np.float32]
    place: NDArray[np.int64]  # (inputs,)


@inner
def cut(count, mine):
    """Which of so many things are this thread's: from, to."""
    return count * mine.part // mine.parts, count * (mine.part + 1) // mine.parts


@inner
def my_lanes(form, l, mine):
    first, last = cut(form.lanes[l] // 16, mine)
    return 16 * first, 16 * last


@inner
def wide_here(c, last):
    """Whether the 64 lanes from c on are one panel that ends before `last`."""
    return WIDE == 64 and c % 64 == 0 and c + 64 <= last


# ------------------------------------------------------------------------------ a layer in lanes


@inner
def layer_forward(form, l, first, last, i0, i1, dense, data, order, at, P, work):
    """A[l] in lanes first to last, of images i0 to i1."""
    c = first
    while c < last:
        wide = wide_here(c, last)
        if l == 1 and not dense:
            if wide:
                forward_ink(sixty_four(), form, c, i0, i1, data, order, at, P, work)
            else:
                forward_ink(sixteen(), form, c, i0, i1, data, order, at, P, work)
        elif wide:
            forward_dense(sixty_four(), form, l, c, i0, i1, P, work)
        else:
            forward_dense(sixteen(), form, l, c, i0, i1, P, work)
        c += 64 if wide else 16


@inner
def layer_backward(form, l, first, last, n, P, work, own):
    """D[l - 1] in lanes first to last, of all images."""
    c = first
    while c < last:
        if wide_here(c, last):
            backward_dense(sixty_four(), 64, form, l, c, n, P, work, own)
            c += 64
        else:
            backward_dense(sixteen(), 16, form, l, c, n, P, work, own)
            c += 16


@inner
def layer_slopes(form, l, c0, c1, j0, j1, n, dense, by, shades, move, P, M, half, work, own):
    """The slopes of layer l's weights in lanes c0 to c1 and rows j0 to j1."""
    c = c0
    while c < c1:
        wide = wide_here(c, c1)
        if l == 1 and not dense:
            if wide:
                slope_ink(sixty_four(), form, c, by, shades, move, P, M, half, work)
            else:
                slope_ink(sixteen(), form, c, by, shades, move, P, M, half, work)
        elif wide:
            slope_dense(sixty_four(), 64, form, l, c, j0, j1, n, move, P, M, half, work, own)
        else:
            slope_dense(sixteen(), 16, form, l, c, j0, j1, n, move, P, M, half, work, own)
        c += 64 if wide else 16
