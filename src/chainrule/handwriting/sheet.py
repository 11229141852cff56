"""A picture with lines of digits becomes strings: each digit with its box and its probabilities."""

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from chainrule import network as equations
from chainrule.data import PIXELS
from chainrule.handwriting.marks import Mark, are_near, cut, find_marks, in_lines, joined, slope_of
from chainrule.handwriting.paper import ink_of
from chainrule.handwriting.picture import HandwritingError, Picture
from chainrule.handwriting.stages import FAINT, Prepared, prepare
from chainrule.handwriting.unlike import LOOSE, Novelty, novelties
from chainrule.network import Array, Network

MOST_LONG = 2_000  # pixels of a page's longer side
MOST_MARKS = 1_000  # on a page
UPRIGHT = 1.0  # degrees: lines that are turned less are read as they are
WIDE = 1.0  # of its height: a mark that is wider may be several digits
SURE = 0.95  # a mark that is read with a lower probability may be several digits
MOST_PARTS = 4  # of one digit
MOST_RUNS = 5_000  # of parts that are read on a page: each takes a few milliseconds
BLOCK = 256  # marks that are prepared at a time
EACH = 1.0  # the cost of each digit: so few are preferred to many
STRANGE = 4.0  # the cost of what does not even have the form of a digit


class Digit(NamedTuple):
    """A digit of a page, or a mark that is unlike any digit."""

    box: tuple[int, int, int, int]  # left, top, right, bottom: pixels, the last two excluded
    pixels: NDArray[np.uint8]  # (784,), as MNIST stores them
    probabilities: Array  # (10,)
    novelty: Novelty

    @property
    def text(self) -> str:
        """The most probable digit, or ? if the mark is unlike any."""
        return "?" if self.novelty.unlike else str(int(self.probabilities.argmax()))


Line = tuple[Digit, ...]


class Read(NamedTuple):
    """A mark that was taken for one digit."""

    mark: Mark
    pixels: NDArray[np.uint8]  # (784,)
    A: Array  # (10,)
    novelty: Novelty

    @property
    def cost(self) -> float:
        """How far it is from being surely one digit."""
        if not self.novelty.by_likeness:
            return STRANGE
        unlikely = -math.log(max(float(self.A.max()), 1e-6))
        return unlikely + 10 * max(0.0, self.novelty.score - 0.1) + self.novelty.unlike

    @property
    def is_doubtful(self) -> bool:
        wide = self.mark.width > WIDE * self.mark.height
        return bool(self.novelty.unlike or wide or self.A.max() < SURE)


def read_sheet(picture: Picture, network: Network) -> list[Line]:
    """The lines of digits in a picture, from top to bottom, each from left to right.

    `picture` is grey, dark on light or light on dark, of at most 2,000 pixels a side; `network`
    reads the ten digits. A blank page has no lines. A mark that is unlike any digit is one of a
    line, too; points, commas and specks are left out, and so is what is long and comes in from
    the border.

    Raises HandwritingError for another picture, a page of more than 1,000 marks or with too many
    that are no single digits, and a network of other inputs or outputs.
    """
    check_page(picture, network)
    ink, turn = ink_of(picture), 0.0
    lines = in_lines(find_marks(ink, MOST_MARKS))
    turned = math.degrees(math.atan(slope_of(lines)))
    if abs(turned) > UPRIGHT:
        turn = turned
        ink = np.asarray(Image.fromarray(ink).rotate(turn, Image.Resampling.BICUBIC, expand=True))
        lines = in_lines(find_marks(ink, MOST_MARKS))
    return [
        tuple(Digit(box_of(read.mark, turn, ink.shape, picture.shape), *read[1:]) for read in line)
        for line in read_lines(lines, network)
    ]


def check_page(picture: Picture, network: Network) -> None:
    """HandwritingError for what cannot be read."""
    if picture.dtype != np.uint8 or picture.ndim != 2 or picture.size == 0:
        raise HandwritingError(
            f"a picture must be unsigned bytes (height, width), "
            f"got {picture.dtype} of shape {picture.shape}"
        )
    if max(picture.shape) > MOST_LONG:
        raise HandwritingError(
            f"a page may be {MOST_LONG:,} pixels long, got {max(picture.shape):,}; make it smaller"
        )
    if (network.sizes[0], network.sizes[-1]) != (PIXELS, 10):
        raise HandwritingError(
            f"a page is read by a network with {PIXELS} inputs and 10 outputs, "
            f"got {network.sizes[0]} and {network.sizes[-1]}"
        )


def read_lines(lines: Sequence[Sequence[Mark]], network: Network) -> list[list[Read]]:
    """Each line's digits: its marks, cut and joined where the network is surer after it.

    Marks that are not surely one digit are cut, and neighbours that are near may be parts of one
    digit. So each group of near marks is a row of parts. All runs of a few parts are read, and the
    row is divided into those runs that together cost least.
    """
    whole = iter(read_marks(list(chain(*lines)), network))
    rows = [list(rows_of([next(whole) for _ in line])) for line in lines]
    runs = list(chain(*map(runs_of, chain(*rows))))
    if len(runs) > MOST_RUNS:
        raise HandwritingError(
            "too many marks of the page are no single digits, as in a text; "
            "cut out the part with the digits"
        )
    read = iter(read_marks([joined(run) for run in runs], network))
    return [[each for row in line for each in cheapest(row, read)] for line in rows]


Row = Read | list[Mark]  # a mark that is surely one digit, or parts of one or several


def rows_of(line: Sequence[Read]) -> Iterator[Row]:
    """The groups of near marks in a line, each in parts where it is doubtful."""
    groups: list[list[Read]] = []
    for read in line:
        if groups and are_near(groups[-1][-1].mark, read.mark):
            groups[-1].append(read)
        else:
            groups.append([read])
    for group in groups:
        parts = [
            part for read in group for part in (cut(read.mark) if read.is_doubtful else [read.mark])
        ]
        yield group[0] if len(parts) == 1 else parts


def runs_of(row: Row) -> Iterator[list[Mark]]:
    """All runs of a few parts of a row that is not read yet."""
    if isinstance(row, list):
        for first, last in places_of(len(row)):
            yield row[first:last]


def places_of(parts: int) -> list[tuple[int, int]]:
    """Where runs of at most MOST_PARTS parts begin and end."""
    return [
        (first, last)
        for last in range(1, parts + 1)
        for first in range(max(0, last - MOST_PARTS), last)
    ]


def cheapest(row: Row, read: Iterator[Read]) -> list[Read]:
    """The digits of a row: of all divisions into runs the one whose cost is least."""
    if isinstance(row, Read):
        return [row]
    best: list[tuple[float, list[Read]]] = [(0.0, []), *[(math.inf, list[Read]())] * len(row)]
    for first, last in places_of(len(row)):
        run = next(read)
        cost = best[first][0] + EACH + run.cost
        if cost < best[last][0]:
            best[last] = cost, [*best[first][1], run]
    return best[-1][1]


def read_marks(marks: Sequence[Mark], network: Network) -> list[Read]:
    """What the network reads in each mark, taken for one digit."""
    read: list[Read] = []
    for first in range(0, len(marks), BLOCK):
        some = marks[first : first + BLOCK]
        made = [prepare_mark(mark) for mark in some]
        pixels = [each.pixels for each in made]
        X = np.array(pixels).T.astype(np.float32) / np.float32(255)
        A = equations.probabilities(network, X).T
        read += map(Read, some, pixels, A, novelties(made, LOOSE))
    return read


def prepare_mark(mark: Mark) -> Prepared:
    """The mark as MNIST would have prepared it; it is bright ink on 0 already, and alone."""
    room = max(2, max(mark.ink.shape) // 8)
    return prepare(np.pad(mark.ink, room), off=("polarity", "threshold", "specks"))


def box_of(
    mark: Mark, turn: float, shape: tuple[int, ...], page: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """Where the ink of a mark is in the page: left, top, right and bottom.

    `shape` is that of the page after it was turned counterclockwise by `turn` degrees.
    """
    rows, columns = np.nonzero(mark.ink > FAINT)
    y, x = rows + mark.top + 0.5 - shape[0] / 2, columns + mark.left + 0.5 - shape[1] / 2
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    x, y = cos * x - sin * y + page[1] / 2, sin * x + cos * y + page[0] / 2
    left, top = (min(max(0, math.floor(a.min())), n - 1) for a, n in ((x, page[1]), (y, page[0])))
    right, bottom = math.ceil(x.max()), math.ceil(y.max())
    return left, top, max(left + 1, min(right, page[1])), max(top + 1, min(bottom, page[0]))
