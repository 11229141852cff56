"""The marks of a page: pieces of ink, in lines, and cut where two digits may touch."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from chainrule.handwriting.picture import HandwritingError, Picture
from chainrule.handwriting.stages import FAINT

LEAST = 8  # pixels: no digit is shorter
PALE = 110  # of 255: what is hardly darker is an edge of a shadow
DUST = 0.08  # of the usual length of marks: what is shorter is dust
DUSTY = 20  # times as many parts of marks as marks are allowed
SMALL = 0.3  # what is shorter is a part of a mark, or a speck, a point, a comma
CLOSE = 0.15  # of the usual length: parts of a mark are nearer
OVER = 0.5  # of the narrower: so much of it lies over the other, if both are parts of a mark
TALL = 1.4  # times the usual length: so high is a mark with its parts at most
FAR = 4.0  # of the higher mark's height: neighbours in a line are nearer
BESIDE = 0.4  # of the lower mark's height: neighbours in a line have it in common
PART = 0.7  # of the higher mark's height: what is lower may be a part of a digit
NEAR_PART = 0.2  # of the lower mark's height: a part is nearer
NEAR = 0.06  # the same for two marks of about one height
USUAL = 0.7  # of its height: so wide is a digit, where nothing else is known
MOST_CUTS = 8  # of a mark
APART = 0.12  # of a mark's height: cuts are further apart
MOST_CROSSED = 0.5  # of a mark's height: a cut goes through less ink
SLANTS = (0.0, -0.15, 0.15, -0.3, 0.3, 0.45, 0.6)  # of a cut: pixels to the left for one down


class Mark(NamedTuple):
    """A piece of ink: where its picture lies on the page."""

    top: int
    left: int
    ink: Picture  # nothing but this mark: bright on 0

    @property
    def height(self) -> int:
        return self.ink.shape[0]

    @property
    def width(self) -> int:
        return self.ink.shape[1]

    @property
    def bottom(self) -> int:
        return self.top + self.height

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def box(self) -> tuple[int, int, int, int]:
        return self.left, self.top, self.right, self.bottom

    @property
    def middle(self) -> tuple[float, float]:
        """Across and down."""
        return self.left + self.width / 2, self.top + self.height / 2


def find_marks(ink: Picture, most: int) -> list[Mark]:
    """What hangs together, with small parts that are near to it; specks and points are left out.

    Raises HandwritingError for more than `most` marks.
    """
    labels, _ = ndimage.label(ink > FAINT, np.ones((3, 3)))
    places = ndimage.find_objects(labels)
    if not places:
        return []
    lengths = np.array([max(side.stop - side.start for side in place) for place in places])
    usual = weighted_median(lengths, ndimage.sum_labels(ink, labels, range(1, len(places) + 1)))
    count = int(np.sum(lengths >= max(LEAST, SMALL * usual)))
    dust = max(3, DUST * usual)
    if count > most or np.sum(lengths >= dust) > DUSTY * most:
        raise HandwritingError(
            f"a page may have {most:,} marks, got {count:,}; cut out the part with the digits"
        )
    marks = (
        Mark(
            place[0].start,
            place[1].start,
            np.where(labels[place] == number, ink[place], 0).astype(np.uint8),
        )
        for number, place in enumerate(places, 1)
        if lengths[number - 1] >= dust
    )
    dark = [mark for mark in marks if np.percentile(mark.ink[mark.ink > FAINT], 75) > PALE]
    return with_parts(dark, usual)


def with_parts(marks: Sequence[Mark], usual: float) -> list[Mark]:
    """The marks, each with the parts above, below and in it; `usual` is how long marks are."""
    found: list[Mark] = []
    boxes = np.empty((4, 0), int)
    for mark in sorted(marks, key=lambda mark: -max(mark.ink.shape)):
        left, top, right, bottom = boxes
        across = np.minimum(right, mark.right) - np.maximum(left, mark.left)
        down = np.minimum(bottom, mark.bottom) - np.maximum(top, mark.top)
        height = np.maximum(bottom, mark.bottom) - np.minimum(top, mark.top)
        above = (across > 0) & (down < OVER * np.minimum(bottom - top, mark.height))
        over = above | (across > OVER * np.minimum(right - left, mark.width))
        small = max(mark.ink.shape) < max(LEAST, SMALL * usual)
        gaps = -np.minimum(across, down)
        near = (over | small) & (gaps < CLOSE * usual) & (height < TALL * usual)
        if near.any():
            place = int(np.where(near, gaps, np.inf).argmin())
            found[place] = joined([found[place], mark])
            boxes[:, place] = found[place].box
        elif not small:
            found.append(mark)
            boxes = np.column_stack([boxes, mark.box])
    return found


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    sums = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(sums, sums[-1] / 2)])


def in_lines(marks: Sequence[Mark]) -> list[list[Mark]]:
    """The marks in lines from top to bottom, each from left to right.

    A mark belongs to the line of its nearest neighbour to the left that is beside it.
    """
    lines: list[list[Mark]] = []
    for mark in sorted(marks, key=lambda mark: mark.middle):
        near = [(away, line) for line in lines if (away := distance(line[-1], mark)) < math.inf]
        if near:
            min(near, key=lambda each: each[0])[1].append(mark)
        else:
            lines.append([mark])
    return sorted(lines, key=lambda line: float(np.mean([mark.middle[1] for mark in line])))


def distance(one: Mark, other: Mark) -> float:
    """How far right of a mark another one stands; infinite if they are no neighbours in a line."""
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    gap = other.left - one.right
    lower, higher = sorted((one.height, other.height))
    beside = shared > BESIDE * lower and gap < FAR * higher
    return max(gap, 0) + abs(one.middle[1] - other.middle[1]) if beside else math.inf


def slope_of(lines: Sequence[Sequence[Mark]]) -> float:
    """How far lines go down for one pixel to the right, by least squares; 0 if nobody can tell."""
    along = across = 0.0
    for line in lines:
        if len(line) > 2:
            places = np.array([mark.middle for mark in line])
            x, y = (places - places.mean(axis=0)).T
            along, across = along + float(x @ x), across + float(x @ y)
    return across / along if along else 0.0


def are_near(one: Mark, other: Mark) -> bool:
    """Whether two neighbours in a line may be parts of one digit."""
    lower, higher = sorted((one.height, other.height))
    aside = max(one.left, other.left) - min(one.right, other.right)
    over = max(one.top, other.top) - min(one.bottom, other.bottom)
    return max(aside, over) < (NEAR_PART if lower < PART * higher else NEAR) * lower


def joined(marks: Sequence[Mark]) -> Mark:
    """Several marks as one."""
    top, left = min(mark.top for mark in marks), min(mark.left for mark in marks)
    bottom, right = max(mark.bottom for mark in marks), max(mark.right for mark in marks)
    ink = np.zeros((bottom - top, right - left), np.uint8)
    for mark in marks:
        part = ink[mark.top - top : mark.bottom - top, mark.left - left : mark.right - left]
        np.maximum(part, mark.ink, out=part)
    return Mark(top, left, ink)


def cut(mark: Mark) -> list[Mark]:
    """The mark in parts, from left to right: cut straight down where least ink is in the way."""
    number = np.zeros(mark.ink.shape, int)
    edge = np.full(mark.height, -math.inf)
    for middle, slant in cheapest_cuts(mark.ink):
        edge = np.maximum(edge, middle - slant * (np.arange(mark.height) - mark.height / 2))
        number += np.arange(mark.width) >= edge[:, None]
    parts = []
    for each in range(number.max() + 1):
        ink = np.where(number == each, mark.ink, 0).astype(np.uint8)
        rows, columns = np.nonzero(ink > FAINT)
        if rows.size:
            top, left = int(rows.min()), int(columns.min())
            inner = ink[top : rows.max() + 1, left : columns.max() + 1]
            parts.append(Mark(mark.top + top, mark.left + left, inner))
    return parts


def cheapest_cuts(ink: Picture) -> list[tuple[int, float]]:
    """Where to cut, from left to right: the column at half the height, and the slant of the cut.

    A slant is pixels to the left for one down. Of all slants the one counts that crosses least ink.
    """
    height, width = ink.shape
    rows = np.arange(height)[:, None]
    costs = []
    for slant in SLANTS:
        columns = np.rint(np.arange(width) - slant * (rows - height / 2)).astype(int)
        inside = (columns >= 0) & (columns < width)
        crossed = np.where(inside, ink[rows, columns.clip(0, width - 1)], 0)
        costs.append(crossed.sum(axis=0, dtype=float) * (1 + 0.3 * abs(slant)))
    best = np.argmin(costs, axis=0)
    least = np.min(costs, axis=0)
    room = max(1, round(APART * height))
    valleys = least == ndimage.minimum_filter1d(least, 2 * room + 1, mode="nearest")
    many = width / (USUAL * height)
    counts = (math.floor(many), math.ceil(many)) if many > 1.5 else ()
    equal = [width * k // n for n in counts for k in range(1, n)]
    kept: list[int] = []
    for place in [*sorted(np.flatnonzero(valleys), key=lambda place: least[place]), *equal]:
        apart = all(abs(place - other) > room for other in kept)
        possible = room <= place < width - room and least[place] <= MOST_CROSSED * height * 255
        if len(kept) < MOST_CUTS and apart and possible:
            kept.append(int(place))
    return [(place, SLANTS[best[place]]) for place in sorted(kept)]
