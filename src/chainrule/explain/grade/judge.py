"""Is a function right? Each by its own definition; a gradient by the difference quotient.

No solution is compared. The loss is the file's own, if it has one that is worth something: it is
compared with both known losses up to a factor. What is told of a gradient is told against
(E(θ + h) - E(θ - h)) / 2h of that loss in float64.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from chainrule.explain.bugs.program import Labels
from chainrule.explain.check import arrays as cells_of_arrays
from chainrule.explain.differences import H, central_differences, quiet
from chainrule.explain.grade.arguments import Reading
from chainrule.explain.grade.layout import SIZES, Numbers, depth_of, numbers_of
from chainrule.explain.grade.reading import Reader
from chainrule.explain.grade.results import Found
from chainrule.network import LOSSES, Array, Loss, Network, count_parameters

TOLERANCE = 2e-4  # ‖yours - right‖/‖right‖: float32 is within, float16 is not
SAMPLE = 12  # cells of each array that are measured by a quotient
PIXELS = 0.2  # of an image are ink


@dataclass(frozen=True, eq=False)
class Case:
    """A network, images and labels on which functions are judged."""

    network: Network
    X: Array
    labels: Labels

    @property
    def m(self) -> int:
        return self.X.shape[1]

    def numbers(self, loss: Loss = "squared_error") -> Numbers:
        """All numbers of the case, of this loss."""
        return numbers_of(replace(self.network, loss=loss), self.X, self.labels)


def make_case(sizes: Sequence[int], m: int, seed: int) -> Case:
    """A network as if it had learned a little, and images of which one has the last class.

    It is sure of nothing, so that no derivative is nearly 0; each hidden unit is on for some
    image and off for another where there are two.
    """
    rng = np.random.default_rng(seed)
    theta = np.zeros(count_parameters(sizes))
    network = Network(tuple(sizes), theta)
    for W, b in network.layers:
        W[:] = rng.standard_normal(W.shape) / np.sqrt(max(1, PIXELS * W.shape[1]))
        b[:] = 0.3 * rng.standard_normal(b.shape)
    X = rng.random((sizes[0], m))
    if sizes[0] > 50:
        X *= rng.random(X.shape) < PIXELS
    labels = rng.integers(0, sizes[-1], m)
    labels[-1] = sizes[-1] - 1  # some count the classes by the largest label
    return Case(network, X, labels)


def cases(*, single: bool = False, sizes: Sequence[int] = SIZES) -> tuple[Case, ...]:
    """Those on which a gradient is judged; of one image at a time, three of one image."""
    if single:
        return tuple(make_case(sizes, 1, seed) for seed in (3, 4, 5))
    return make_case(sizes, 3, 1), make_case(sizes, 1, 2)


def kinked(case: Case) -> Case:
    """The same with a last image without ink, for which some Z1 are exactly 0."""
    network = replace(case.network, parameters=case.network.parameters.copy())
    network.layers[0][1][:4] = 0
    X = case.X.copy()
    X[:, -1] = 0
    return replace(case, network=network, X=X)


# ---------------------------------------------------------------------------------- quotients


@quiet
def quotients(case: Case, loss: Loss, cells: Array) -> Array:
    """The difference quotients of a known loss for some cells; NaN where a ReLU switches."""
    network = replace(case.network, loss=loss)
    found = central_differences(network, case.X, case.numbers()["Y"], np.sort(cells))
    values = np.where(found.kinked, np.nan, found.values)
    return values[np.argsort(np.argsort(cells))]


def own_quotients(reader: Reader, reading: Reading, case: Case, cells: Array) -> Array:
    """The same of the file's own loss, as its function computes it."""
    values = []
    for cell in cells:
        ends = []
        for by in (H, -H):
            theta = case.network.parameters.copy()
            theta[cell] += by
            moved = replace(case, network=replace(case.network, parameters=theta))
            found = reader.run(reading, moved.numbers())
            ends.append(found.arrays.get("E", np.nan))
        values.append((ends[0] - ends[1]) / (2 * H))
    return np.array(values)


# ---------------------------------------------------------------------------------- the gradient


class Place(NamedTuple):
    """The cell at which a wrong array is furthest from the quotient."""

    array: str
    row: int
    column: int
    yours: float
    quotient: float


def sampled(case: Case, claim: Numbers) -> Iterator[tuple[str, int, tuple[int, int], Array]]:
    """Of each array: its name, first cell, shape, and the cells of it that are measured."""
    rng = np.random.default_rng(0)
    truths = {loss: case.numbers(loss) for loss in LOSSES}
    for name, first, shape in cells_of_arrays(case.network):
        if f"d{name}" not in claim:
            continue
        size = shape[0] * shape[1]
        chosen = set(rng.permutation(size)[:SAMPLE].tolist())
        for loss in LOSSES:
            truth = truths[loss][f"d{name}"]
            chosen.add(int(np.argmax(np.abs(truth))))
            chosen.add(int(np.nanargmax(np.abs(np.nan_to_num(claim[f"d{name}"]) - truth))))
        yield f"d{name}", first, shape, np.array(sorted(chosen))


def against_quotients(
    case: Case, claim: Numbers, loss: Loss, scale: float
) -> tuple[dict[str, bool], Place | None]:
    """Which arrays agree with the quotients of a known loss times a factor, and the worst cell."""
    agree: dict[str, bool] = {}
    worst: tuple[float, Place] | None = None
    for name, first, shape, inside in sampled(case, claim):
        measured = scale * quotients(case, loss, first + inside)
        said = claim[name].ravel()[inside]
        agree[name], place = compared(name, shape, inside, said, measured)
        if not agree[name] and (worst is None or place[0] > worst[0]):
            worst = place
    return agree, worst and worst[1]


def compared(
    name: str, shape: tuple[int, int], cells: Array, said: Array, measured: Array
) -> tuple[bool, tuple[float, Place]]:
    """Whether numbers agree with measured ones, and how far off the worst is, and where."""
    size = float(np.nanmax(np.abs(measured), initial=0))
    misses = np.abs(said - measured)
    misses[np.isnan(measured)] = 0
    misses[np.isnan(said)] = np.inf
    worst = int(np.argmax(misses))
    row, column = divmod(int(cells[worst]), shape[1])
    place = Place(name, row, column, float(said[worst]), float(measured[worst]))
    off = float(misses[worst]) / (size or 1.0)
    return bool(misses[worst] <= TOLERANCE * size + 1e-9), (off, place)


def fraction(a: Array, b: Array) -> float | None:
    """The factor s for which a = s b; None if there is none."""
    with np.errstate(all="ignore"):
        s = float((a * b).sum() / (b * b).sum())
        same = np.linalg.norm(a - s * b) <= TOLERANCE * abs(s) * np.linalg.norm(b)
    return s if same and np.isfinite(s) and s else None


def score_gradient(case: Case) -> Callable[[Found], float]:
    """How well a reading of a gradient explains itself: arrays that are right up to a factor."""
    truths = [case.numbers(loss) for loss in LOSSES]

    def score(found: Found) -> float:
        return max(sum(worth(found, name, truth) for name in found.arrays) for truth in truths)

    def worth(found: Found, name: str, truth: Numbers) -> float:
        array = found.arrays[name]
        if name in found.shapes or not np.isfinite(array).all():
            return 0.01
        return 1.0 if fraction(array, truth[name]) else 0.05

    return score


def score_forward(case: Case) -> Callable[[Found], float]:
    """How many arrays of a forward pass are what they should be, the last above all."""
    truth = case.numbers()
    last = f"A{depth_of(truth)}"

    def score(found: Found) -> float:
        right = [
            fraction(array, truth[name]) == 1 or close(array, truth[name])
            for name, array in found.arrays.items()
        ]
        return sum(right) + 0.1 * (last in found.arrays) + 0.01 * len(found.arrays)

    return score


def close(a: Array, b: Array) -> bool:
    """Whether two arrays are equal as far as float32 can tell."""
    return a.shape == b.shape and bool(np.linalg.norm(a - b) <= TOLERANCE * np.linalg.norm(b))
