"""One cell of the ledger proven by a central difference, and dZ[L] beside its impostors."""

import math
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from chainrule.explain.check import NOISE, judge, verdict
from chainrule.explain.differences import Nudged, Slope, central_difference, quiet, run
from chainrule.explain.impostors import IMPOSTORS
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

H_OF_ONE = 1e-5  # for one cell, seen to nine digits: the two errors are equal, about 1e-11


# -------------------------------------------------------------------------------- one cell proven


class CellProof(NamedTuple):
    """One derivative of one image's loss beside its central difference, all in float64."""

    cell: str  # dW2[3,7]
    nudged: str  # W2[3,7]: what is moved by ±h, everything after it being computed again
    h: float
    E: float  # without a nudge
    E_above: float  # E(+h)
    E_below: float  # E(-h)
    quotient: float  # (E(+h) - E(-h)) / 2h
    ours: float  # as it stands in the ledger
    difference: float  # |ours - quotient|
    relative: float  # of |ours|
    agrees: bool | None  # None: rounding hides the quotient, so nothing can be told
    kink: str | None  # where E has no slope to be measured: why, in a sentence


@quiet
def prove(ledger: Ledger, cell: str) -> CellProof:
    """A cell of dA, dZ, dW or db by a central difference: for dW2[3,7], W2[3,7] is moved by ±h.

    It agrees when |ours - quotient| ≤ RELATIVE |ours|, give or take the quotient's rounding; where
    the difference is more than TELLING |ours| but no more than that rounding, nothing can be told.
    Raises CellError for a cell that is not there, or is no derivative (see `why_not`).
    """
    array, index = locate(ledger, cell)
    if reason := why_not(ledger, cell):
        raise CellError(reason)
    by, E = array.removeprefix("d"), float(ledger.arrays["E"])
    ours = float(ledger.arrays[array][index])
    if math.isinf(ours):
        h, slope = math.nan, Slope(math.nan, math.nan, math.nan, ())
    else:
        h, slope = measure_slope(ledger, by, index)
    difference = abs(ours - slope.quotient)
    return CellProof(
        cell=named(array, *index),
        nudged=named(by, *index),
        h=h,
        E=E,
        E_above=slope.E_above,
        E_below=slope.E_below,
        quotient=slope.quotient,
        ours=ours,
        difference=difference,
        relative=difference / abs(ours) if ours else float(difference > 0),
        agrees=verdict(abs(ours), difference, NOISE * max(E, 1.0)),
        kink=infinite(named(by, *index)) if math.isinf(ours) else corner(ledger, slope.switched),
    )


def why_not(ledger: Ledger, cell: str) -> str | None:
    """Why nothing can be proven of this cell, in one line; None if it is a derivative."""
    array, index = locate(ledger, cell)
    if array.startswith("d"):
        return None
    name = named(array, *index)
    if f"d{array}" in ledger.arrays:
        return f"{name} is a value, not a derivative; prove the derivative by it, d{name}"
    derivatives = ", ".join(each for each in ledger.arrays if each.startswith("d"))
    return f"{name} is a value, not a derivative; prove a cell of {derivatives}"


def measure_slope(ledger: Ledger, array: str, index: tuple[int, ...]) -> tuple[float, Slope]:
    """h, and the slope of E when one number of W, b, Z or A of any layer is moved by it."""
    h = H_OF_ONE
    if array == f"A{ledger.network.depth}" and not ledger.squared:
        # subtle: E is -log A here, and its slope -1/A changes as fast as A does.
        h *= float(ledger.arrays[array][index]) or 1.0
    return h, central_difference(partial(nudge, ledger, array, index), h)


def nudge(ledger: Ledger, array: str, index: tuple[int, ...], by: float) -> Nudged:
    """E after one number was moved: the rest of the forward pass runs on from there."""
    network, Y = ledger.network, ledger.arrays["y"][:, None]
    kind, l = split(array)
    if kind in "Wb":
        moved = replace(network, parameters=network.parameters.copy())
        moved.layers[l - 1]["Wb".index(kind)][index] += by
        return run(moved, ledger.arrays["x"][:, None], Y)
    moved_array = ledger.arrays[array].copy()
    moved_array[index] += by
    if l == network.depth:
        return Nudged(last_error(ledger, kind, moved_array[:, None], Y), {})
    # The layers above are a network of their own, and A[l] is what it reads.
    rest = Network(
        network.sizes[l:],
        network.parameters[count_parameters(network.sizes[: l + 1]) :],
        network.loss,
    )
    values = moved_array[:, None]
    E, Z = run(rest, relu(values) if kind == "Z" else values, Y, first=l + 1)
    E += float(penalty(network))  # that of all its layers
    return Nudged(E, {l: values, **Z} if kind == "Z" else Z)


def last_error(ledger: Ledger, kind: str, values: Array, Y: Array) -> float:
    """E from a Z[L], or from an A[L] that need not be probabilities any more."""
    network, L = ledger.network, ledger.network.depth
    if kind == "A" and not ledger.squared:
        logs = np.log(values, out=np.zeros_like(values), where=Y > 0)
        return float(penalty(network) - np.sum(Y * logs))
    A = softmax(values) if kind == "Z" else values
    return float(error(network, Trace({L: values}, {L: A}), Y))


def corner(ledger: Ledger, switched: tuple[tuple[int, int], ...]) -> str | None:
    """What ±h does at a corner of E, naming the units whose ReLU it switches."""
    if not switched:
        return None
    at_0 = [(l, unit) for l, unit in switched if ledger.arrays[f"Z{l}"][unit] == 0]
    units = [named(f"Z{l}", unit) for l, unit in at_0 or switched]
    names = " and ".join(units) if len(units) < 3 else f"{units[0]} and {len(units) - 1} others"
    one = len(units) == 1
    slopes = "the corner of ReLU: E has one slope below it and another above"
    if at_0:
        is_at = "is at 0" if one else "are at 0"
        return f"{names} {is_at}, {slopes}; the quotient is their mean, ours takes ReLU′(0) as 0"
    passes = "passes" if one else "pass"
    return f"between -h and +h {names} {passes} through 0, {slopes}, and the quotient mixes the two"


def infinite(name: str) -> str:
    return (
        f"{name} is the true label's probability and has become 0, so -1/{name} is infinite and "
        f"no nudge can measure it; E and dZ are computed without it and stay finite"
    )


# --------------------------------------------------------------------- the impostors of one image


class OutputAccount(NamedTuple):
    """One way to compute dZ[L], chainrule's or an impostor's, compared with the quotients."""

    name: str
    values: Array  # (10,)
    relative: float  # ‖values - quotients‖/‖values‖
    largest: float  # the largest |values - quotients|
    agrees: bool | None  # None: rounding hides the quotients, so nothing can be told


class OutputProof(NamedTuple):
    """dZ[L] of one image: the quotients from moving each Z[L], and who agrees with them."""

    array: str  # dZ2
    quotients: Array  # (10,)
    accounts: tuple[OutputAccount, ...]  # chainrule first


@quiet
def prove_output(ledger: Ledger) -> OutputProof:
    """dZ[L] as chainrule has it and as each impostor would, against ten quotients."""
    network, L = ledger.network, ledger.network.depth
    array = f"dZ{L}"
    quotients = np.array(
        [measure_slope(ledger, f"Z{L}", (k,))[1].quotient for k in range(network.sizes[L])]
    )
    trace = forward(network, ledger.arrays["x"][:, None])
    Y = ledger.arrays["y"][:, None]
    values = {"chainrule": ledger.arrays[array]} | {
        name: impostor(network, trace, Y).dZ[L][:, 0]
        for name, impostor in IMPOSTORS[network.loss].items()
    }
    scale = max(float(ledger.arrays["E"]), 1.0)
    accounts = []
    for name, dZ in values.items():
        row = judge(array, dZ, quotients, scale)
        accounts.append(OutputAccount(name, dZ, row.relative, row.largest, row.agrees))
    return OutputProof(array, quotients, tuple(accounts))
