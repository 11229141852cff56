"""Strokes on a pad become a picture."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from chainrule.handwriting.picture import HandwritingError, Picture

PAD = 280  # the pad's side; strokes have whole numbers 0 to 280
PEN = 20  # the pen's width on it
MOST_POINTS = 5_000  # of a drawing
MOST_LENGTH = 50_000  # of all its strokes, on the pad: it would be covered twelve times


def draw(strokes: Sequence[Sequence[int]]) -> Picture:
    """The drawing: black ink on white paper, 280 × 280, by a round pen 20 wide.

    Each stroke is x0, y0, x1, y1, …, whole numbers 0 to 280, y down; a single point is a dot.
    A pixel is as dark as the pen covers it, so the same strokes give the same bytes everywhere.
    Raises HandwritingError for anything else, for more than 5,000 points, or for
    strokes more than 50,000 long.
    """
    check_strokes(strokes)
    covered, reach = np.zeros((PAD, PAD)), PEN // 2 + 1
    for stroke in strokes:
        points = np.array(stroke, dtype=float).reshape(-1, 2)
        for start, end in pairwise([points[0], *points]):
            low = np.maximum(0, np.minimum(start, end) - reach).astype(int)
            high = np.maximum(start, end).astype(int) + reach
            part = covered[low[1] : high[1], low[0] : high[0]]
            x = np.arange(low[0], low[0] + part.shape[1]) + 0.5
            y = np.arange(low[1], low[1] + part.shape[0])[:, None] + 0.5
            # The distance to the segment: to the nearest point start + t (end - start) of it.
            (dx, dy), length = end - start, np.sum((end - start) ** 2)
            t = ((x - start[0]) * dx + (y - start[1]) * dy) / (length or 1)
            t = np.clip(t, 0, 1)
            distance = np.hypot(x - start[0] - t * dx, y - start[1] - t * dy)
            np.maximum(part, np.clip(PEN / 2 + 0.5 - distance, 0, 1), out=part)
    return np.rint(255 * (1 - covered)).astype(np.uint8)


def check_strokes(strokes: Sequence[Sequence[int]]) -> None:
    def is_list(value: object) -> bool:
        return isinstance(value, Sequence) and not isinstance(value, str | bytes)

    if not is_list(strokes) or not all(map(is_list, strokes)):
        raise HandwritingError("strokes must be lists of numbers x0, y0, x1, y1, …, got others")
    for stroke in strokes:
        if len(stroke) < 2 or len(stroke) % 2:
            raise HandwritingError(
                f"a stroke must have an x and a y for each point, got {len(stroke)} numbers"
            )
        for number in stroke:
            if type(number) is not int or not 0 <= number <= PAD:
                raise HandwritingError(
                    f"strokes must have whole numbers from 0 to {PAD}, got {number!r:.40}"
                )
    points = sum(map(len, strokes)) // 2
    if points > MOST_POINTS:
        raise HandwritingError(f"a drawing has at most {MOST_POINTS:,} points, got {points:,}")
    length = length_of(strokes)
    if length > MOST_LENGTH:
        raise HandwritingError(
            f"the strokes of a drawing are at most {MOST_LENGTH:,} long, got {length:,.0f}"
        )


def length_of(strokes: Sequence[Sequence[int]]) -> float:
    return sum(
        math.dist(start, end)
        for stroke in strokes
        for start, end in pairwise(zip(stroke[::2], stroke[1::2], strict=True))
    )
