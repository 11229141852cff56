"""A drawing or a photo of one digit becomes 28 × 28 pixels as MNIST would have made them.

Strokes on a pad or the bytes of an image file become a grey picture; then one stage after
the other, each a function of a picture that can be switched off, makes of it what a network that
learned MNIST expects. Pictures are unsigned bytes (height, width). In what comes in, 0 is black;
from the first stage on ink is bright and paper 0, as in MNIST. Needs the extra `lab`: Pillow
reads files and resizes, SciPy measures shapes.
"""

import math
from collections.abc import Callable, Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from chainrule.data import PIXELS, SIDE
from chainrule.handwriting.files import LEAST
from chainrule.handwriting.picture import HandwritingError, Picture, resize

BOX = 20  # MNIST fitted each digit into 20 × 20 and placed that in 28 × 28
FAINT = 64  # of 255: what is not brighter is the rim of an edge, not ink
FINE = 100  # the picture's longer side while widths are measured
SPECK = 0.15  # of the ink of the largest mark: a mark with less cannot be the digit
LEAN = (-0.44, 0.13)  # two thirds of MNIST lean between them: pixels to the right for one down
THIN, THICK = 2.0, 4.0  # three quarters of MNIST's strokes are between them: pixels of 28


class Stage(NamedTuple):
    """What one stage made: its picture, and what a network would see if this were the last."""

    name: str
    off: bool
    picture: Picture
    pixels: NDArray[np.uint8]  # (784,)


class Prepared(NamedTuple):
    """The stages in order, and the 784 pixels for the network, row by row, as MNIST stores them."""

    stages: tuple[Stage, ...]
    pixels: NDArray[np.uint8]  # (784,)


def polarity(picture: Picture) -> Picture:
    """Ink becomes bright, whatever it was: ink is what is rarer than the paper around it."""
    values = picture.astype(float)
    around = ndimage.uniform_filter(values, size=max(picture.shape) // 2 + 1, mode="reflect")
    # The cube keeps the sign and lets the strongest differences decide.
    return 255 - picture if np.sum((values - around) ** 3) < 0 else picture


def threshold(picture: Picture) -> Picture:
    """The paper's shade, shadows and noise become 0, ink 255; edges of ink stay grey."""
    return inked(picture.astype(float) - paper(picture))


def inked(values: NDArray[np.floating]) -> Picture:
    """What is clearly brighter than most values becomes 255, what is not 0; all 0 if nothing is."""
    if np.ptp(values) < LEAST:
        return np.zeros(values.shape, np.uint8)
    middle = np.median(values)
    noise = 1.4826 * np.median(np.abs(values - middle))
    least = max(otsu(values), middle + 6 * noise)
    ink = values[values > least]
    if ink.size == 0 or np.percentile(ink, 75) - middle < LEAST:
        return np.zeros(values.shape, np.uint8)
    low, full = middle + 4 * noise, np.percentile(ink, 75)
    return np.rint(255 * np.clip((values - low) / (full - low), 0, 1)).astype(np.uint8)


def paper(picture: Picture) -> NDArray[np.float64]:
    """The shade of the paper at each pixel: what is left where everything narrow is removed.

    On even paper as much as half the picture's side counts as narrow, so that the thickest digit
    is ink; in uneven light a fifth, so that the edge and the corner of a shadow are paper.
    """
    height, width = picture.shape
    small = resize(picture, (min(width, 64), min(height, 64))).astype(float)
    small = ndimage.gaussian_filter(small, 1)
    length = max(small.shape)
    shade = ndimage.grey_opening(small, size=length // 2 + 1, mode="nearest")
    if np.ptp(shade) > 0.15 * (small - shade).max():
        shade = ndimage.grey_opening(small, size=length // 5 + 1, mode="nearest")
    shades = Image.fromarray(shade.astype(np.float32))
    return np.asarray(shades.resize((width, height), Image.Resampling.BILINEAR)).astype(float)


def otsu(values: NDArray[np.floating]) -> float:
    """The threshold that parts values, not all the same, into the two classes that differ most.

    Source: Otsu, "A threshold selection method from gray-level histograms", 1979.
    """
    counts, edges = np.histogram(values, bins=256)
    values = (edges[1:] + edges[:-1]) / 2
    below, sums = np.cumsum(counts), np.cumsum(counts * values)
    above, rest = below[-1] - below[:-1], sums[-1] - sums[:-1]  # neither class is ever empty
    between = below[:-1] * above * (sums[:-1] / below[:-1] - rest / above) ** 2
    return float(edges[1 + np.argmax(between)])


def specks(picture: Picture) -> Picture:
    """Small marks away from the digit are removed, and large ones that come in from the border.

    The digit is the largest mark, if possible one that does not touch the border, and every mark
    that is near to it or about as large.
    """
    labels, count = ndimage.label(picture, structure=np.ones((3, 3)))
    if count < 2:
        return picture
    marks = range(1, count + 1)
    ink = ndimage.sum_labels(picture, labels, marks)
    rim = np.isin(marks, on_border(labels))
    large = ink > SPECK * ink.max()
    inside = large & ~rim
    digit = 1 + int(np.argmax(np.where(inside, ink, 0) if inside.any() else ink))
    rows, columns = np.nonzero(labels == digit)
    size = 1 + max(np.ptp(rows), np.ptp(columns))
    gaps = ndimage.minimum(ndimage.distance_transform_edt(labels != digit), labels, marks)
    near = gaps < 0.15 * size
    kept = np.where(near, ink > 0.02 * ink[digit - 1], inside if inside.any() else large)
    return np.where(np.concatenate([[False], kept])[labels], picture, 0).astype(np.uint8)


def on_border(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """The labels that touch the border of the picture."""
    return np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])


def slant(picture: Picture) -> Picture:
    """Digits that lean more than most of MNIST's are straightened to lean only as much as those."""
    height, width = picture.shape
    total = int(picture.sum(dtype=np.int64)) or 1
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    rows = picture.sum(axis=1, dtype=np.int64)
    x = x - picture.sum(axis=0, dtype=np.int64) @ x / total
    y = y - rows @ y / total
    # The line through the ink from top to bottom, by least squares: x = lean · y.
    lean = (y @ picture.astype(float) @ x) / (rows @ y**2 or 1.0)
    shear = lean - float(np.clip(lean, *LEAN))
    if shear == 0:
        return picture
    room = math.ceil(abs(shear) * height / 2)
    return np.asarray(
        Image.fromarray(picture).transform(
            (width + 2 * room, height),
            Image.Transform.AFFINE,
            (1, shear, -shear * height / 2 - room, 0, 1, 0),
            Image.Resampling.BICUBIC,
        )
    )


def crop(picture: Picture) -> Picture:
    """The smallest rectangle with all ink in it, the faint rim of its edges aside."""
    ink = picture > FAINT
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    if rows.size == 0:
        return picture
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def thickness(picture: Picture) -> Picture:
    """Strokes narrower or wider than MNIST's become as wide as its thinner or its thicker ones.

    Widths are those that the strokes will have once the picture's ink is fitted into 20 × 20. The
    picture's border moves with the edge of the ink.
    """
    height, width = picture.shape
    scale = FINE / max(height, width)
    fine = resize(picture, (max(1, round(width * scale)), max(1, round(height * scale))))
    ink = fine >= 128
    if not ink.any():
        return picture
    inside = ndimage.distance_transform_edt(np.pad(ink, 1))[1:-1, 1:-1]
    # The pixels of a stroke lie from 0 to half its width from its edge: on average a quarter.
    stroke = 4 * (np.mean(inside[ink]) - 0.5)
    size = max(np.ptp(places) + 1 for places in np.nonzero(ink))
    fitted = stroke * BOX / size
    wanted = float(np.clip(fitted, THIN, THICK))
    if fitted == wanted:
        return picture
    # An edge that moves by d makes the stroke and the size wider by 2 d:
    # (stroke + 2 d) BOX / (size + 2 d) = wanted.
    d = (wanted * size - BOX * stroke) / (2 * (BOX - wanted))
    border = round(d)
    room = max(0, border)
    inside, ink = np.pad(inside, room), np.pad(ink, room)
    outside = ndimage.distance_transform_edt(~ink) if not ink.all() else np.zeros(ink.shape)
    depth = np.where(ink, inside - 0.5, 0.5 - outside)  # from the edge, inwards
    moved = np.rint(255 * np.clip(depth + d + 0.5, 0, 1)).astype(np.uint8)
    cut = min(max(0, -border), (min(moved.shape) - 1) // 2)
    moved = moved[cut : moved.shape[0] - cut, cut : moved.shape[1] - cut]
    return moved if (moved > FAINT).any() else picture


def fit(picture: Picture) -> Picture:
    """The picture in 20 × 20, its proportions kept."""
    height, width = picture.shape
    scale = BOX / max(height, width)
    return resize(picture, (max(1, round(width * scale)), max(1, round(height * scale))))


def centre(picture: Picture) -> Picture:
    """The picture in 28 × 28, its centre of mass in the middle."""
    total = int(picture.sum(dtype=np.int64)) or 1
    # Half pixels are counted, so that whole numbers decide and never the last bit of a quotient.
    places = [
        int(picture.sum(axis=axis, dtype=np.int64) @ (2 * np.arange(length) + 1)) // (2 * total)
        for axis, length in ((1, picture.shape[0]), (0, picture.shape[1]))
    ]
    return placed(picture, SIDE // 2 - places[0], SIDE // 2 - places[1])


Way = Callable[[Picture], Picture]


def middle(picture: Picture) -> Picture:
    """The picture in the middle of 28 × 28."""
    height, width = picture.shape
    return placed(picture, (SIDE - height) // 2, (SIDE - width) // 2)


def as_it_is(picture: Picture) -> Picture:
    return picture


def shrink(picture: Picture) -> Picture:
    """The whole picture as 28 × 28, as somebody would do it who knows nothing of MNIST."""
    return resize(picture, (SIDE, SIDE))


# Each stage, and what is done in its place when it is off.
WAYS: dict[str, tuple[Way, Way]] = {
    "polarity": (polarity, as_it_is),
    "threshold": (threshold, as_it_is),
    "specks": (specks, as_it_is),
    "slant": (slant, as_it_is),
    "crop": (crop, as_it_is),
    "thickness": (thickness, as_it_is),
    "fit": (fit, shrink),
    "centre": (centre, middle),
}
STAGES = tuple(WAYS)


def prepare(picture: Picture, off: Collection[str] = ()) -> Prepared:
    """The picture after each stage, and the 784 pixels at the end.

    `picture` is grey, dark on light or light on dark, of any size; `off` names stages to leave
    out: what they would do is then done in the simplest way. Raises HandwritingError for an
    unknown stage or a picture that is none.
    """
    unknown = [name for name in off if name not in WAYS]
    if unknown:
        raise HandwritingError(f"stages are {', '.join(STAGES)}, got {unknown[0]!r:.40}")
    if picture.dtype != np.uint8 or picture.ndim != 2 or picture.size == 0:
        raise HandwritingError(
            f"a picture must be unsigned bytes (height, width), "
            f"got {picture.dtype} of shape {picture.shape}"
        )
    stages = []
    for name, (way, simple) in WAYS.items():
        picture = (simple if name in off else way)(picture)
        seen = middle(picture) if max(picture.shape) <= SIDE else shrink(picture)
        stages.append(Stage(name, name in off, picture, seen.reshape(PIXELS)))
    return Prepared(tuple(stages), stages[-1].pixels)


def placed(picture: Picture, top: int, left: int) -> Picture:
    """28 × 28 with the picture's first pixel at this row and column, what sticks out cut off."""
    page = np.zeros((SIDE, SIDE), np.uint8)
    height, width = picture.shape
    rows = slice(max(0, top), min(SIDE, top + height))
    columns = slice(max(0, left), min(SIDE, left + width))
    page[rows, columns] = picture[
        rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
    ]
    return page
