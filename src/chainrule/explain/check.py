"""Is this gradient right? Every derivative against a central difference, and the impostors.

The quotient (E(θ + h) - E(θ - h)) / 2h owes nothing to the chain rule: it runs the network forward
twice. The impostors are the wrong gradients that many copies of this network use; on the same data
they must fail the same check, or the check would prove nothing.

`check` proves a gradient, `prove` any single derivative of one image, `prove_output` dZ[L] beside
its impostors, and `learn_once` that a step along the gradient does what the gradient promises.
`collect_evidence` is for those who put many gradients beside the same quotients.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.explain.differences import H, Quotients, central_differences, quiet
from chainrule.explain.impostors import IMPOSTORS
from chainrule.explain.ledger import named
from chainrule.explain.rounding import loss_rounding, rounding_bound
from chainrule.network import Array, Network, backward, check_array, check_one_hot, error, forward

RELATIVE = 1e-6  # ‖g - q‖/‖g‖ that is still agreement
ABSOLUTE = 1e-8  # |g - q| of one cell that is still agreement
NOISE = 1e-9  # what rounding can make of a quotient at most, in units of max(E, 1)
TELLING = 1e-3  # ‖g - q‖/‖g‖ up to which a quotient within its rounding still tests g
TELLING_ROUNDED = 1e-2  # the same of a g in float32
ALL_UP_TO = 20_000  # parameters; of a larger network a sample is checked
SAMPLE = 2_000
VERDICTS = {True: "agrees", False: "differs", None: "cannot be told"}


class ArrayCheck(NamedTuple):
    """How one array of a gradient g compares with the quotients q, kinked cells left out."""

    array: str  # W1, b1, …
    cells: int  # compared
    relative: float  # ‖g - q‖/‖g‖
    largest: float  # the largest |g - q|
    agrees: bool | None  # None: rounding hides the quotient, so nothing can be told


class Account(NamedTuple):
    """One gradient, chainrule's or an impostor's, array by array."""

    name: str
    rows: tuple[ArrayCheck, ...]

    @property
    def agrees(self) -> bool | None:
        """Whether all its arrays agree; None if none differs, but some cannot be decided."""
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
    network: Network,
    X: Array,
    Y: Array,
    *,
    claim: Array | None = None,
    name: str = "chainrule",
    sample: int | None = None,
    h: float = H,
) -> Proof:
    """The gradient of E on X (inputs, m) and one-hot Y (10, m) against central differences.

    All in float64, on the stored parameters. Every parameter is compared; above ALL_UP_TO, or if
    `sample` is given, that many, drawn without repetition by default_rng(0). An array agrees when
    ‖g - q‖ ≤ RELATIVE ‖g‖ and every |g - q| ≤ ABSOLUTE, both give or take the quotient's rounding.
    If only that rounding makes them agree (‖g - q‖ > TELLING ‖g‖), the check cannot decide.

    `claim` is the gradient of something else, computed in float32, say by an engine; it is checked
    instead of network.py's, under this `name`. Then each |g - q| may also be as large as its
    `rounding_bound`, ‖g - q‖ as the length of these bounds, and TELLING_ROUNDED stands in the place
    of TELLING. The impostors are allowed the same.

    Raises ValueError for a Y that is not one-hot.
    """
    network, X, Y = checked(network, X, Y)
    cells = draw(network.parameters.size, sample)
    evidence = collect_evidence(network, X, Y, cells=cells, h=h, rounded=claim is not None)
    trace = forward(network, X)
    return Proof(
        parameters=network.parameters.size,
        compared=len(evidence.quotients.cells),
        kinks=evidence.kinks,
        own=evidence.account(name, backward(network, trace, Y).flat if claim is None else claim),
        impostors=tuple(
            evidence.account(name, impostor(network, trace, Y).flat)
            for name, impostor in IMPOSTORS[network.loss].items()
        ),
    )


@dataclass(frozen=True, eq=False)
class Evidence:
    """Quotients of a network on some images, beside which any number of gradients can be put."""

    network: Network  # float64
    quotients: Quotients
    scale: float  # max(E, 1), in units of which ABSOLUTE is
    noise: float  # what rounding can make of one quotient
    off: Array  # (n,) how far each number of a gradient in float32 may be rounded; else 0
    telling: float

    @property
    def kinks(self) -> tuple[str, ...]:
        cells = self.quotients.cells[self.quotients.kinked]
        return tuple(cell_name(self.network, i) for i in cells)

    def account(self, name: str, gradient: Array) -> Account:
        """How a gradient (n,) compares, array by array."""
        rows = []
        for array, first, shape in arrays(self.network):
            inside = (self.quotients.cells >= first) & (self.quotients.cells < first + prod(shape))
            inside &= ~self.quotients.kinked
            cells = self.quotients.cells[inside]
            g, q, off = gradient[cells], self.quotients.values[inside], self.off[cells]
            rows.append(judge(array, g, q, self.scale, off, self.telling, self.noise))
        return Account(name, tuple(rows))


@quiet
def collect_evidence(
    network: Network,
    X: Array,
    Y: Array,
    *,
    cells: NDArray[np.intp],
    h: float = H,
    rounded: bool = False,
) -> Evidence:
    """What `check` judges by, for these cells, in ascending order.

    `rounded` is for gradients that are computed in float32. Raises ValueError for a Y that is not
    one-hot.
    """
    network, X, Y = checked(network, X, Y)
    scale = max(float(error(network, forward(network, X), Y)), 1.0)
    # Both sides of a quotient are rounded, each for itself; beside h² of the difference itself.
    own = loss_rounding(network, X, Y) / (2**0.5 * h) + h**2
    return Evidence(
        network,
        quotients=central_differences(network, X, Y, cells, h=h),
        scale=scale,
        noise=float(np.fmin(own, NOISE * scale)),
        off=rounding_bound(network, X, Y) if rounded else np.zeros_like(network.parameters),
        telling=TELLING_ROUNDED if rounded else TELLING,
    )


def draw(n: int, sample: int | None = None) -> NDArray[np.intp]:
    """The cells that are checked of n parameters, ascending: all, or as many as `sample` says."""
    if sample is None:
        sample = n if n <= ALL_UP_TO else SAMPLE
    return np.sort(np.random.default_rng(0).permutation(n)[:sample])


def checked(network: Network, X: Array, Y: Array) -> tuple[Network, Array, Array]:
    """The three in float64, if they are what they should be."""
    check_array("X", X)
    check_one_hot(Y)
    network = replace(network, parameters=network.parameters.astype(np.float64))
    return network, X.astype(np.float64), Y.astype(np.float64)


def judge(
    array: str,
    g: Array,
    q: Array,
    scale: float,
    off: Array | float = 0.0,
    telling: float = TELLING,
    noise: float | None = None,
) -> ArrayCheck:
    """Compare numbers of a gradient with their quotients.

    `off` is how far each of them may be rounded, `noise` how far each quotient.
    """
    noise = NOISE * scale if noise is None else noise
    misses = np.abs(g - q)
    size, distance, largest = length(g), length(misses), float(misses.max(initial=0))
    wrong = (misses > ABSOLUTE * scale + off) & (misses < math.inf)
    noise = noise * len(g) ** 0.5 + length(np.broadcast_to(off, misses.shape))
    return ArrayCheck(
        array=array,
        cells=len(g),
        relative=distance / size if size else float(distance > 0),
        largest=largest,
        agrees=False if wrong.any() else verdict(size, distance, noise, telling),
    )


def verdict(size: float, distance: float, noise: float, telling: float = TELLING) -> bool | None:
    """Whether a gradient of this size agrees with quotients at this distance.

    None: the noise hides the quotients, or numbers that overflow have made them NaN.
    """
    if not math.isfinite(distance):
        return None
    if distance > RELATIVE * size + noise:
        return False
    return True if distance <= telling * size else None


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
