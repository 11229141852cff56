"""One derivative as a slope: E of one image while one parameter is moved, and the tangent."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.explain.differences import quiet
from chainrule.explain.ledger import CellError, Ledger, locate, named, split
from chainrule.network import (
    Array,
    Network,
    Trace,
    count_parameters,
    error,
    forward,
    penalty,
    relu,
    softmax,
)

HALF = 20  # values of E on either side of the parameter's own
# Spans that are tried, each twice the one before; the last moves a weight far beyond any other.
SPANS = 2.0 ** np.arange(-10, 11)
TRIED = np.linspace(-1, 1, 9)  # the places at which each is tried
BENT = 0.2  # of the height of the curve, that its end is off the tangent
CHANGED = 0.1  # of E, that the curve rises or falls
NOTHING = 1e-6  # of E: less than that is no change that can be seen


class Curve(NamedTuple):
    """E of one image while one parameter moves, all else staying as it is."""

    parameter: str  # W2[3,7]
    derivative: str  # dW2[3,7]
    value: float  # of the parameter
    slope: float  # ours, as it stands in the ledger
    E: float  # where the parameter is
    flat: bool  # E does not depend on it, as far as the curve goes
    span: float
    moves: (
        Array  # (41,) what is added to the parameter, from -span to span; exactly 0 in the middle
    )
    errors: Array  # (41,) E there
    tangent: tuple[float, float]  # E ± slope · span, below -span and above span
    reads: NDArray[np.intp]  # (41,) the digit that is read there


@quiet
def curve(ledger: Ledger, name: str) -> Curve:
    """E while the parameter of this name is moved; dW2[3,7] means W2[3,7] too.

    The span is the shortest of SPANS at which the curve differs from its tangent for the eye: one
    of its ends is off the tangent by BENT of the curve's height, and E has changed by CHANGED of
    itself. If there is none, it is the most bent of those that change E; if none changes it, 1.
    Raises CellError for what is no parameter.
    """
    array, index = locate(ledger, name.removeprefix("d"))
    if split(array)[0] not in ("W", "b"):
        raise CellError(f"only a parameter is moved along a curve, W1, b1, …; got {name}")
    by = named(array, *index)
    E, slope = float(ledger.arrays["E"]), float(ledger.arrays[f"d{array}"][index])
    span = find_span(ledger, array, index, slope)
    moves = np.arange(-HALF, HALF + 1) / HALF * span
    errors, reads = moved(ledger, array, index, moves)
    return Curve(
        parameter=by,
        derivative=f"d{by}",
        value=float(ledger.arrays[array][index]),
        slope=slope,
        E=E,
        flat=bool((errors == errors[HALF]).all()),
        span=span,
        moves=moves,
        errors=errors,
        tangent=(E - slope * span, E + slope * span),
        reads=reads,
    )


def find_span(ledger: Ledger, array: str, index: tuple[int, ...], slope: float) -> float:
    """How far the parameter is moved to either side, by the rule of `curve`."""
    E, _ = moved(ledger, array, index, np.outer(SPANS, TRIED).ravel())
    E = E.reshape(len(SPANS), len(TRIED))
    middle = E[:, [len(TRIED) // 2]]
    height = E.max(axis=1) - E.min(axis=1)
    ends = E[:, [0, -1]] - middle - slope * SPANS[:, None] * np.array([-1, 1])
    bend = np.abs(ends).max(axis=1) / np.where(height > 0, height, np.inf)
    usable = np.isfinite(E).all(axis=1) & (height > NOTHING * middle[:, 0])
    if not usable.any():
        return 1.0
    bend = np.where(usable, bend, -1)
    good = np.flatnonzero((bend >= BENT) & (height >= CHANGED * middle[:, 0]))
    return float(SPANS[good[0] if len(good) else bend.argmax()])


def moved(
    ledger: Ledger, array: str, index: tuple[int, ...], moves: Array
) -> tuple[Array, NDArray[np.intp]]:
    """E, and the digit that is read, after a parameter has been moved by each of these: (k,).

    Of its layer only the unit whose weight or bias it is can change: k of that unit are one stack
    of networks with one output. What the layers above make of each is a column of one pass.
    """
    network, Y = ledger.network, ledger.arrays["y"][:, None]
    (kind, l), L, k = split(array), network.depth, len(moves)
    W, b = network.layers[l - 1]
    unit = index[0]
    one = np.tile(np.append(W[unit], b[unit]), (k, 1))  # (k, inputs + 1)
    one[:, index[1] if kind == "W" else -1] += moves
    x = ledger.arrays[f"A{l - 1}" if l > 1 else "x"][:, None]
    Z = np.tile(ledger.arrays[f"Z{l}"][:, None], (1, k))  # (units, k)
    Z[unit] = forward(Network((len(x), 1), one), x).Z[1][:, 0, 0]
    A = softmax(Z)
    rest = replace(network, weight_decay=0.0)
    if l < L:
        above = network.parameters[count_parameters(network.sizes[: l + 1]) :]
        rest = Network(network.sizes[l:], above, network.loss)
        trace = forward(rest, relu(Z))
        Z, A = trace.Z[L - l], trace.A[L - l]
    # Each column is an image of its own, (k, 10, 1), with an E of its own.
    each = Trace({rest.depth: Z.T[..., None]}, {rest.depth: A.T[..., None]})
    E = error(rest, each, Y) + penalty(network)
    if kind == "W":
        before = W[index]
        E += network.weight_decay / 2 * ((before + moves) ** 2 - before**2)
    return E, A.argmax(axis=0)
