"""The compiled engine as a reader: probabilities of the columns of any numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.compiled.answers import answer_many, answer_one
from chainrule.engine.compiled.examples import SHADES
from chainrule.engine.compiled.form import LANES, PANEL, Layout, aligned, layout
from chainrule.engine.compiled.passes import Data
from chainrule.network import Array, Network

FEW = 16  # columns for which the weights are not put into the form of lanes
TILE = 128  # columns that are read at a time


def read_columns(network: Network, X: Array, threads: int) -> NDArray[np.float32]:
    """The last A for the columns of X (inputs, m): (classes, m), all float32."""
    m = X.shape[1]
    rows = np.require(X.T, np.float32, ["C", "W"])
    if m > FEW:
        return read_many(network, rows, threads)
    sizes = np.array(network.sizes)
    out = np.empty((m, network.sizes[-1]), np.float32)
    own = aligned(2 * int(sizes.max()) + LANES * network.sizes[-1])
    where = np.empty(int(sizes.max()) // LANES + 1, np.int64)
    for x, answer in zip(rows, out, strict=True):
        answer_one(sizes, network.parameters, x, own, where, answer)
    return out.T


def read_many(network: Network, rows: NDArray[np.float32], threads: int) -> NDArray[np.float32]:
    """The same for examples (m, inputs), a tile at a time."""
    plan = layout(network.sizes, TILE, dense=False)
    P = aligned(plan.padded)
    P[plan.places] = network.parameters
    m = len(rows)
    out = np.empty((network.sizes[-1], m), np.float32)
    parts = max(1, min(threads, m // TILE))
    cuts = [m * part // parts // TILE * TILE for part in range(parts)] + [m]

    def read(part: int) -> None:
        reader = Reader(plan, rows.shape[1])
        for first in range(cuts[part], cuts[part + 1], TILE):
            last = min(first + TILE, cuts[part + 1])
            answer_many(plan.form, P, rows.ravel(), first, last, m, *reader.memory, out.ravel())

    if parts == 1:
        read(0)
    else:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(parts - 1) as others:
            rest = [others.submit(read, part) for part in range(1, parts)]
            read(0)
            for each in rest:
                each.result()
    return out


class Reader:
    """The memory of one thread that reads."""

    def __init__(self, plan: Layout, inputs: int) -> None:
        nothing = np.zeros(0, np.int64)
        ink = Data(
            np.zeros(TILE + 1, np.int64),
            np.empty(TILE * inputs + 1, np.uint16),
            np.empty(TILE * inputs + 1, np.float32),
            SHADES,
            np.zeros(0, np.float32),
            nothing,
        )
        own = aligned(PANEL * int(plan.form.lanes.max()) + LANES)
        self.memory = (ink, np.arange(TILE), aligned(plan.work), own)
