"""Is this gradient right? Every derivative against a central difference, and the impostors.

The quotient (E(θ + h) - E(θ - h)) / 2h owes nothing to the chain rule: it runs the network forward
twice. The impostors are the wrong gradients that many copies of this network use; on the same data
they must fail the same check, or the check would prove nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.network import Array, Loss, Network, Trace, backward, error, forward

H = 1e-6  # in float64 the quotient then errs by about h² = 1e-12 and 1e-16/h = 1e-10
RELATIVE = 1e-6  # ‖g - q‖/‖g‖ that is still agreement
ABSOLUTE = 1e-8  # |g - q| of one cell that is still agreement
NOISE = 1e-9  # what rounding can make of a quotient, in units of max(E, 1)
ALL_UP_TO = 20_000  # parameters; of a larger network a sample is checked
SAMPLE = 2_000


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
    L = network.depth
    values = np.empty(len(cells))
    kinked = np.zeros(len(cells), dtype=bool)

    def nudged(i: int, by: float) -> tuple[float, list[NDArray[np.bool_]]]:
        stored = theta[i]
        theta[i] = stored + by
        trace = forward(moved, X)
        E = float(error(moved, trace, Y))
        theta[i] = stored
        return E, [trace.Z[l] > 0 for l in range(1, L)]

    for place, i in enumerate(cells):
        above, on_above = nudged(i, h)
        below, on_below = nudged(i, -h)
        values[place] = (above - below) / (2 * h)
        kinked[place] = not all(map(np.array_equal, on_above, on_below))
    return Quotients(cells, values, kinked)


# --------------------------------------------------------------------------------- the impostors


def cross_entropy_form(network: Network, trace: Trace, Y: Array) -> Array:
    """dZ = (A - Y)/m, which belongs to cross-entropy alone."""
    return backward(replace(network, loss="cross_entropy"), trace, Y).flat


def squared_error_form(network: Network, trace: Trace, Y: Array) -> Array:
    """dZ = A ⊙ (dA - Σ A dA) with dA = (A - Y)/m, which belongs to squared error alone."""
    return backward(replace(network, loss="squared_error"), trace, Y).flat


def sigmoid_form(network: Network, trace: Trace, Y: Array) -> Array:
    """dZ = s(1 - s) ⊙ dA with s = A: the diagonal of the softmax Jacobian, as if it were all."""
    A, m = trace.A[network.depth], Y.shape[-1]
    match network.loss:
        case "squared_error":
            dZ = A * (1 - A) * (A - Y) / m
        case "cross_entropy":
            dZ = -(1 - A) * Y / m  # dA = -Y/(mA), in which A has cancelled
    # subtle: cross-entropy starts from (A - Y)/m, so Y = A - m dZ makes it start from any dZ.
    return backward(replace(network, loss="cross_entropy"), trace, A - m * dZ).flat


IMPOSTORS: dict[Loss, dict[str, Callable[[Network, Trace, Array], Array]]] = {
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
    agrees: bool


class Account(NamedTuple):
    """One gradient, chainrule's or an impostor's, array by array."""

    name: str
    rows: tuple[Row, ...]

    @property
    def agrees(self) -> bool:
        return all(row.agrees for row in self.rows)


@dataclass(frozen=True, eq=False)
class Proof:
    """A gradient check: what was compared, chainrule's account, and the impostors'."""

    parameters: int  # of the network
    compared: int  # kinks included
    kinks: tuple[str, ...]  # the cells left out, by name
    own: Account
    impostors: tuple[Account, ...]


def check(
    network: Network, X: Array, Y: Array, *, sample: int | None = None, h: float = H
) -> Proof:
    """The gradient of E on X (inputs, m) and one-hot Y (10, m) against central differences.

    All in float64, on the stored parameters. Every parameter is compared; above ALL_UP_TO, or if
    `sample` is given, that many, drawn without repetition by default_rng(0). An array agrees when
    ‖g - q‖ ≤ RELATIVE ‖g‖ and every |g - q| ≤ ABSOLUTE, both give or take the quotient's rounding.
    """
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
            account(name, impostor(network, trace, Y))
            for name, impostor in IMPOSTORS[network.loss].items()
        ),
    )


def compare(network: Network, gradient: Array, quotients: Quotients, scale: float) -> Iterator[Row]:
    for name, first, shape in arrays(network):
        inside = (quotients.cells >= first) & (quotients.cells < first + prod(shape))
        inside &= ~quotients.kinked
        g = gradient[quotients.cells[inside]]
        misses = np.abs(g - quotients.values[inside])
        size, distance = float(np.linalg.norm(g)), float(np.linalg.norm(misses))
        largest = float(misses.max(initial=0))
        yield Row(
            array=name,
            cells=len(g),
            relative=distance / size if size else float(distance > 0),
            largest=largest,
            agrees=distance <= RELATIVE * size + NOISE * scale * len(g) ** 0.5
            and largest <= ABSOLUTE * scale,
        )


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
            return f"{name}[{row},{column}]" if name.startswith("W") else f"{name}[{row}]"
    raise IndexError(cell)
