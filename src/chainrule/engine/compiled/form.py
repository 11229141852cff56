"""How a network lies in memory for lanes, and back.

The weights of a layer lie transposed: a row for each input, with the units side by side, padded
with zeros to a multiple of 16. So that what is read together lies together, the units are cut into
panels of 64, the last one smaller, and each panel is whole: all its rows, one after the other.
Then come the biases, padded the same way. Gradients and the memory of optimizers lie likewise.
"""

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.network import Array

LANES = 16
PANEL = 64  # units in a panel
GAP = 16  # between long rows of activations: rows 4096 bytes apart share few lines of the cache

Numbers = NDArray[np.int64]


class Form(NamedTuple):
    """The places of all arrays of a network, layer by layer from 0; what layer 0 lacks is 0."""

    depth: int  # L
    inputs: Numbers  # how many a layer has
    units: Numbers
    rows: Numbers  # of the weights: the inputs, from layer 2 on padded
    lanes: Numbers  # the units, padded
    W: Numbers  # where the weights begin in the padded vector
    b: Numbers
    A: Numbers  # where the activations begin in the working memory: so many rows of `stride`
    D: Numbers  # and their derivatives
    stride: Numbers


class Layout(NamedTuple):
    """A form, and how much memory it needs."""

    form: Form
    padded: int  # numbers in a padded vector of parameters
    work: int  # numbers in the working memory
    places: Numbers  # (n,), where each parameter lies in the padded vector


def padded(count: int) -> int:
    return -(-count // LANES) * LANES


@lru_cache(maxsize=8)
def layout(sizes: tuple[int, ...], images: int, *, dense: bool) -> Layout:
    """The form of a network of these sizes for so many images at a time.

    `dense`: the working memory has room for the inputs, too.
    """
    arrays = (np.zeros(len(sizes), np.int64) for _ in Form._fields[1:])
    form = Form(len(sizes) - 1, *arrays)
    capacity = padded(images)
    form.units[:] = sizes
    form.lanes[:] = [padded(size) for size in sizes]
    form.stride[:] = np.where(form.lanes < PANEL, form.lanes, form.lanes + GAP)
    places, end, work = [], 0, 0
    for l, (inputs, units) in enumerate(pairwise(sizes), 1):
        form.inputs[l] = inputs
        form.rows[l] = inputs if l == 1 else padded(inputs)
        form.W[l] = end
        form.b[l] = end + form.rows[l] * form.lanes[l]
        unit = np.arange(units)[:, None]
        first = unit // PANEL * PANEL
        width = np.minimum(PANEL, form.lanes[l] - first)
        row = np.arange(inputs) * width
        places += [(end + form.rows[l] * first + row + unit - first).ravel()]
        places += [form.b[l] + np.arange(units)]
        end = int(form.b[l] + form.lanes[l])
    for l in range(len(sizes)):
        if l > 0 or dense:
            form.A[l] = work
            work += capacity * int(form.stride[l])
        if l > 0:
            form.D[l] = work
            work += capacity * int(form.stride[l])
    return Layout(form, end, work, np.concatenate(places))


def aligned(count: int) -> NDArray[np.float32]:
    """Zeros (count,) that begin where a line of the cache does."""
    memory = np.zeros(4 * count + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + 4 * count].view(np.float32)


class State:
    """A network in training: its parameters and its optimizer's memory, padded, to be written."""

    def __init__(self, form: Layout, rows: int) -> None:
        self.layout = form
        self.rows = rows  # of memory, of two
        self.P = aligned(form.padded)
        self.M = aligned(2 * form.padded)

    def put(self, parameters: Array, memory: Array) -> None:
        """Begin with these parameters (n,) and this memory (rows, n)."""
        places, size = self.layout.places, self.layout.padded
        self.P[places] = parameters
        for row, values in enumerate(memory):
            self.M[row * size + places] = values

    def take(self) -> tuple[Array, Array]:
        """The parameters (n,) and the memory (rows, n) as they are."""
        places, size = self.layout.places, self.layout.padded
        rows = [self.M[row * size + places] for row in range(self.rows)]
        return self.P[places], np.array(rows, np.float32).reshape(self.rows, len(places))
