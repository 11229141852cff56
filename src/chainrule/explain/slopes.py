"""Central differences of many cells of one image's ledger at once.

As in `proof`, one number is moved by ±h and the rest of the forward pass runs on from there; here
the passes of many cells are one stack. A weight or a bias moves the Z of its own unit alone, by
h A[l-1][j] or by h, so its pass runs on from that Z.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.explain.differences import STACK, quiet
from chainrule.explain.ledger import Ledger, split
from chainrule.explain.proof import H_OF_ONE
from chainrule.network import (
    Array,
    Layers,
    Network,
    Trace,
    count_parameters,
    error,
    forward,
    relu,
    softmax,
)

Cells = NDArray[np.intp]


class Slopes(NamedTuple):
    """Central differences of E for some cells of an array."""

    cells: Cells  # (n,) where they stand in the array, flat
    values: Array  # (n,)
    kinked: NDArray[np.bool_]  # (n,) where ±h switches a ReLU: E has a corner there


def choose_cells(ledger: Ledger, array: str, most: int) -> Cells:
    """All cells of an array of derivatives, or `most` of them: first those with ink.

    The cells of dW whose input is 0 have no slope to speak of; a twentieth of the sample is theirs.
    """
    size = ledger.arrays[array].size
    every = np.arange(size)
    if size <= most:
        return every
    order = np.random.default_rng(0).permutation(size)
    kind, l = split(array)
    if kind != "dW":
        return np.sort(order[:most])
    inputs = inputs_of(ledger, l)
    inked = inputs[order % inputs.size] != 0
    wanted = order[inked][: most - most // 20]
    return np.sort(np.concatenate([wanted, order[~inked][: most - wanted.size]]))


def inputs_of(ledger: Ledger, l: int) -> Array:
    return ledger.arrays["x" if l == 1 else f"A{l - 1}"]


@quiet
def measure_slopes(ledger: Ledger, array: str, cells: Cells) -> Slopes:
    """Central differences of E by these cells of W, b, Z or A; `array` is the derivative's name."""
    kind, l = split(array.removeprefix("d"))
    start = ledger.arrays[f"A{l}" if kind == "A" else f"Z{l}"]
    together = max(1, STACK // sum(ledger.network.sizes[l:]))
    values, kinked = [], []
    for first in range(0, cells.size, together):
        part = cells[first : first + together]
        units, reach, h = nudges(ledger, kind, l, part)
        E, Z = [], []
        for by in (h, -h):
            moved = np.repeat(start[None, :, None], part.size, axis=0)  # (cells, units, 1)
            moved[np.arange(part.size), units, 0] += by * reach
            after, hidden = run_on(ledger, kind, l, moved)
            E.append(after + decayed(ledger, kind, l, part, by))
            Z.append(hidden)
        values.append((E[0] - E[1]) / (2 * h))
        switched = [((Z[0][k] > 0) != (Z[1][k] > 0)).any(axis=(1, 2)) for k in Z[0]]
        kinked.append(np.any([np.zeros(part.size, dtype=bool), *switched], axis=0))
    return Slopes(cells, np.concatenate(values), np.concatenate(kinked))


def nudges(ledger: Ledger, kind: str, l: int, cells: Cells) -> tuple[Cells, Array, Array]:
    """Which unit each cell moves, by how many times h, and h."""
    one = np.ones(cells.size)
    if kind == "W":
        inputs = inputs_of(ledger, l)
        return cells // inputs.size, inputs[cells % inputs.size], H_OF_ONE * one
    if kind == "A" and l == ledger.network.depth and not ledger.squared:
        # subtle: E is -log A here, and its slope -1/A changes as fast as A does.
        A = ledger.arrays[f"A{l}"][cells]
        return cells, one, H_OF_ONE * np.where(A == 0, 1, A)
    return cells, one, H_OF_ONE * one


def run_on(ledger: Ledger, kind: str, l: int, moved: Array) -> tuple[Array, Layers]:
    """E of each column in a stack of Z[l] or A[l], without weight decay, and the hidden Z."""
    network, L = ledger.network, ledger.network.depth
    Y = ledger.arrays["y"][:, None]
    plain = Network(network.sizes, network.parameters, network.loss)
    if l == L and kind == "A" and not ledger.squared:
        logs = np.log(moved, out=np.zeros_like(moved), where=Y > 0)
        return -np.sum(Y * logs, axis=(1, 2)), {}
    if l == L:
        A = moved if kind == "A" else softmax(moved)
        return error(plain, Trace({L: moved}, {L: A}), Y), {}
    # The layers above are a network of their own, and A[l] is what it reads.
    start = count_parameters(network.sizes[: l + 1])
    rest = Network(network.sizes[l:], network.parameters[start:], network.loss)
    trace = forward(rest, moved if kind == "A" else relu(moved))
    hidden = {l + k: trace.Z[k] for k in range(1, rest.depth)}
    return error(rest, trace, Y), hidden if kind == "A" else {l: moved, **hidden}


def decayed(ledger: Ledger, kind: str, l: int, cells: Cells, by: Array) -> Array | float:
    """What a moved weight adds to weight decay's part of E, λ/2 ((w + h)² - w²)."""
    network = ledger.network
    if kind != "W" or not network.weight_decay:
        return 0.0
    w = ledger.arrays[f"W{l}"].ravel()[cells]
    return network.weight_decay / 2 * (by**2 + 2 * w * by)
