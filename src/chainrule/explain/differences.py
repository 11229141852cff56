"""Central differences: the slope of E by running the network forward twice."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.network import Array, Network, error, forward

H = 1e-6  # in float64 the quotient then errs by about h² = 1e-12 and 1e-16/h = 1e-10
STACK = 1_000_000  # parameters of the networks in one stack: 8 MB, fastest of 0.2 to 8 million
quiet = np.errstate(
    over="ignore", invalid="ignore", divide="ignore"
)  # what overflows becomes infinity or NaN


class Nudged(NamedTuple):
    """E after a nudge, and Z of every hidden layer that the nudge can change, each (units, m)."""

    E: float
    Z: dict[int, Array]


class Slope(NamedTuple):
    """A central difference of E."""

    E_above: float  # E(+h)
    E_below: float  # E(-h)
    quotient: float  # (E(+h) - E(-h)) / 2h
    switched: tuple[tuple[int, int], ...]  # layer and unit of each ReLU that ±h switches


def central_difference(nudged: Callable[[float], Nudged], h: float) -> Slope:
    """The slope of E, measured on both sides; where a ReLU switches E has a corner and no slope."""
    above, below = nudged(h), nudged(-h)
    switched = tuple(
        (l, int(unit))
        for l in above.Z
        for unit in np.flatnonzero(((above.Z[l] > 0) != (below.Z[l] > 0)).any(axis=-1))
    )
    return Slope(above.E, below.E, (above.E - below.E) / (2 * h), switched)


class Quotients(NamedTuple):
    """Central differences of E for some cells of the flat parameters."""

    cells: NDArray[np.intp]  # (n,) indices, ascending
    values: NDArray[np.float64]  # (n,)
    kinked: NDArray[np.bool_]  # (n,) where ±h switches a ReLU: E has a corner there


def central_differences(
    network: Network, X: Array, Y: Array, cells: NDArray[np.intp], *, h: float = H
) -> Quotients:
    """(E(θ + h eᵢ) - E(θ - h eᵢ)) / 2h for each cell i, in float64, by 2n forward passes."""
    theta = network.parameters.astype(np.float64)
    moved = replace(network, parameters=theta)  # its parameters are this very array

    def nudged(i: int, by: float) -> Nudged:
        stored = theta[i]
        theta[i] = stored + by
        after = run(moved, X, Y)
        theta[i] = stored
        return after

    slopes = [central_difference(partial(nudged, i), h) for i in cells]
    return Quotients(
        cells,
        values=np.array([slope.quotient for slope in slopes]),
        kinked=np.array([bool(slope.switched) for slope in slopes], dtype=bool),
    )


def run(network: Network, X: Array, Y: Array, *, first: int = 1) -> Nudged:
    """E, and Z of the hidden layers, if this network's layers count from `first`."""
    trace = forward(network, X)
    Z = {first - 1 + l: trace.Z[l] for l in range(1, network.depth)}
    return Nudged(float(error(network, trace, Y)), Z)
