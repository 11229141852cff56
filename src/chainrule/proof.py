"""Is this gradient right? Every derivative against a central difference, and the impostors.

The quotient (E(θ + h) - E(θ - h)) / 2h owes nothing to the chain rule: it runs the network forward
twice. The impostors are the wrong gradients that many copies of this network use; on the same data
they must fail the same check, or the check would prove nothing.

`check` proves a gradient, `prove` any single derivative of one image, `prove_output` dZ[L] beside
its impostors, and `learn_once` that a step along the gradient does what the gradient promises.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.ledger import CellError, Ledger, locate, named, split
from chainrule.network import (
    Array,
    Derivatives,
    Loss,
    Network,
    Trace,
    backward,
    check_array,
    check_one_hot,
    count_parameters,
    error,
    forward,
    relu,
    softmax,
)

H = 1e-6  # in float64 the quotient then errs by about h² = 1e-12 and 1e-16/h = 1e-10
RELATIVE = 1e-6  # ‖g - q‖/‖g‖ that is still agreement
ABSOLUTE = 1e-8  # |g - q| of one cell that is still agreement
H_OF_ONE = 1e-5  # for one cell, seen to nine digits: the two errors are equal, about 1e-11
NOISE = 1e-9  # what rounding can make of a quotient, in units of max(E, 1)
TELLING = 1e-3  # ‖g - q‖/‖g‖ up to which a quotient within its rounding still says something of g
ALL_UP_TO = 20_000  # parameters; of a larger network a sample is checked
SAMPLE = 2_000
# Learning rates for one step on one image. With the first, a trained 784-10-10 keeps its promise to
# 0.2 % on each of the 670 digits it misreads; with the last, half of them get 0.6 % of it or less.
RATES = np.geomspace(1e-5, 10, 50)
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


# --------------------------------------------------------------------------------- the impostors


def cross_entropy_form(network: Network, trace: Trace, Y: Array) -> Derivatives:
    """dZ = (A - Y)/m, which belongs to cross-entropy alone."""
    return backward(replace(network, loss="cross_entropy"), trace, Y)


def squared_error_form(network: Network, trace: Trace, Y: Array) -> Derivatives:
    """dZ = A ⊙ (dA - Σ A dA) with dA = (A - Y)/m, which belongs to squared error alone."""
    return backward(replace(network, loss="squared_error"), trace, Y)


def sigmoid_form(network: Network, trace: Trace, Y: Array) -> Derivatives:
    """dZ = s(1 - s) ⊙ dA with s = A: the diagonal of the softmax Jacobian, as if it were all."""
    A, m = trace.A[network.depth], Y.shape[-1]
    match network.loss:
        case "squared_error":
            dZ = A * (1 - A) * (A - Y) / m
        case "cross_entropy":
            dZ = -(1 - A) * Y / m  # dA = -Y/(mA), in which A has cancelled
    # subtle: cross-entropy starts from (A - Y)/m, so Y = A - m dZ makes it start from any dZ.
    return backward(replace(network, loss="cross_entropy"), trace, A - m * dZ)


IMPOSTORS: dict[Loss, dict[str, Callable[[Network, Trace, Array], Derivatives]]] = {
    "squared_error": {"A - Y": cross_entropy_form, "s(1 - s)": sigmoid_form},
    "cross_entropy": {"s(1 - s)": sigmoid_form, "A ⊙ (dA - Σ A dA)": squared_error_form},
}


# ------------------------------------------------------------------------------------- the check


class Row(NamedTuple):
    """How one array of a gradient g compares with the quotients q, kinked cells left out."""

    array: str  # W1, b1, …
    cells: int  # compared
    relative: float  # ‖g - q‖/‖g‖
    largest: float  # the largest |g - q|
    agrees: bool | None  # None: rounding hides the quotient, so nothing can be told


class Account(NamedTuple):
    """One gradient, chainrule's or an impostor's, array by array."""

    name: str
    rows: tuple[Row, ...]

    @property
    def agrees(self) -> bool | None:
        """Whether all its arrays agree; None if nothing differs, but some cannot be told."""
        verdicts = {row.agrees for row in self.rows}
        return False if False in verdicts else None if None in verdicts else True


@dataclass(frozen=True, eq=False)
class Proof:
    """A gradient check: what was compared, chainrule's account, and the impostors'."""

    parameters: int  # of the network
    compared: int  # kinks included
    kinks: tuple[str, ...]  # the cells left out, by name
    own: Account
    impostors: tuple[Account, ...]


@quiet
def check(
    network: Network, X: Array, Y: Array, *, sample: int | None = None, h: float = H
) -> Proof:
    """The gradient of E on X (inputs, m) and one-hot Y (10, m) against central differences.

    All in float64, on the stored parameters. Every parameter is compared; above ALL_UP_TO, or if
    `sample` is given, that many, drawn without repetition by default_rng(0). An array agrees when
    ‖g - q‖ ≤ RELATIVE ‖g‖ and every |g - q| ≤ ABSOLUTE, both give or take the quotient's rounding.
    Where that rounding is all there is to see, ‖g - q‖ > TELLING ‖g‖, nothing can be told.

    Raises ValueError for a Y that is not one-hot.
    """
    check_array("X", X)
    check_one_hot(Y)
    network = replace(network, parameters=network.parameters.astype(np.float64))
    X, Y = X.astype(np.float64), Y.astype(np.float64)
    n = network.parameters.size
    if sample is None:
        sample = n if n <= ALL_UP_TO else SAMPLE
    cells = np.sort(np.random.default_rng(0).permutation(n)[:sample])
    quotients = central_differences(network, X, Y, cells, h=h)

    trace = forward(network, X)
    scale = max(float(error(network, trace, Y)), 1.0)

    def account(name: str, gradient: Array) -> Account:
        return Account(name, tuple(compare(network, gradient, quotients, scale)))

    return Proof(
        parameters=n,
        compared=len(cells),
        kinks=tuple(cell_name(network, i) for i in cells[quotients.kinked]),
        own=account("chainrule", backward(network, trace, Y).flat),
        impostors=tuple(
            account(name, impostor(network, trace, Y).flat)
            for name, impostor in IMPOSTORS[network.loss].items()
        ),
    )


def compare(network: Network, gradient: Array, quotients: Quotients, scale: float) -> Iterator[Row]:
    for name, first, shape in arrays(network):
        inside = (quotients.cells >= first) & (quotients.cells < first + prod(shape))
        inside &= ~quotients.kinked
        yield judge(name, gradient[quotients.cells[inside]], quotients.values[inside], scale)


def judge(array: str, g: Array, q: Array, scale: float) -> Row:
    misses = np.abs(g - q)
    size, distance, largest = length(g), length(misses), float(misses.max(initial=0))
    return Row(
        array=array,
        cells=len(g),
        relative=distance / size if size else float(distance > 0),
        largest=largest,
        agrees=False
        if ABSOLUTE * scale < largest < math.inf
        else verdict(size, distance, NOISE * scale * len(g) ** 0.5),
    )


def verdict(size: float, distance: float, noise: float) -> bool | None:
    """Whether a gradient of this size agrees with quotients at this distance.

    None: the noise hides the quotients, or numbers that overflow have made them NaN.
    """
    if not math.isfinite(distance):
        return None
    if distance > RELATIVE * size + noise:
        return False
    return True if distance <= TELLING * size else None


def length(values: Array) -> float:
    """‖values‖, from numbers made at most 1: squares of tiny ones are 0, of huge ones infinite."""
    largest = float(np.abs(values).max(initial=0))
    if not 0 < largest < math.inf:
        return largest
    return largest * float(np.linalg.norm(values / largest))


def arrays(network: Network) -> Iterator[tuple[str, int, tuple[int, int]]]:
    """Name, first cell and shape of W1, b1, W2, b2, … in the flat parameters."""
    first = 0
    for l, layer in enumerate(network.layers, 1):
        for kind, array in zip("Wb", layer, strict=True):
            yield f"{kind}{l}", first, array.shape
            first += array.size


def cell_name(network: Network, cell: int) -> str:
    """The name of a cell of the flat parameters: W2[3,7] or b1[4]."""
    for name, first, (_, columns) in reversed(list(arrays(network))):
        if cell >= first:
            row, column = divmod(int(cell) - first, columns)
            return named(name, row, column) if name.startswith("W") else named(name, row)
    raise IndexError(cell)


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
    """A cell of dA, dZ, dW or db against a quotient: what it differentiates by is moved by ±h.

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
        h, slope = measure(ledger, by, index)
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


def measure(ledger: Ledger, array: str, index: tuple[int, ...]) -> tuple[float, Slope]:
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
    return Nudged(E, {l: values, **Z} if kind == "Z" else Z)


def last_error(ledger: Ledger, kind: str, values: Array, Y: Array) -> float:
    """E from a Z[L], or from an A[L] that need not be probabilities any more."""
    network, L = ledger.network, ledger.network.depth
    if kind == "A" and not ledger.squared:
        return float(-np.sum(Y * np.log(values, out=np.zeros_like(values), where=Y > 0)))
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
    quotients = np.array([measure(ledger, f"Z{L}", (k,))[1].quotient for k in ledger.units(L)])
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


# -------------------------------------------------------------------------- one step on one image


class Step(NamedTuple):
    """One step of descent on one image, θ - α ∇E, at many learning rates α."""

    rates: Array  # (k,) α
    slope: float  # ‖∇E‖²: how fast E falls with α, at first
    promised: Array  # (k,) -α ‖∇E‖², the change of E if it were a plane
    measured: Array  # (k,) E after the step less E before it
    E: float
    probabilities: Array  # (10,)
    prediction: int
    E_after: Array  # (k,)
    probabilities_after: Array  # (k, 10)
    predictions_after: NDArray[np.intp]  # (k,)


@quiet
def learn_once(ledger: Ledger, rates: Array = RATES) -> Step:
    """What one step on this image alone does to E and to the prediction, in float64.

    All rates are one stack of networks, or a few if the network is large. The promise holds for
    small rates: the two changes then differ by a share that shrinks like α.
    """
    network, arrays = ledger.network, ledger.arrays
    X, Y = arrays["x"][:, None], arrays["y"][:, None]
    g = backward(network, forward(network, X), Y).flat
    slope = float(g @ g)
    together = max(1, STACK // network.parameters.size)
    E_after, A_after = [], []
    for first in range(0, len(rates), together):
        alpha = rates[first : first + together, None]  # (networks, 1)
        stack = replace(network, parameters=network.parameters - alpha * g)
        trace = forward(stack, X)
        E_after.append(error(stack, trace, Y))
        A_after.append(trace.A[network.depth][..., 0])
    E, before = float(arrays["E"]), arrays[f"A{network.depth}"]
    after, probabilities = np.concatenate(E_after), np.concatenate(A_after)
    return Step(
        rates=rates,
        slope=slope,
        promised=-rates * slope,
        measured=after - E,
        E=E,
        probabilities=before,
        prediction=int(before.argmax()),
        E_after=after,
        probabilities_after=probabilities,
        predictions_after=probabilities.argmax(axis=-1),
    )
