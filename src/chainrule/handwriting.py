"""A drawing or a photo of one digit becomes 28 × 28 pixels as MNIST would have made them.

Strokes on a pad or the bytes of a PNG or JPEG file become a grey picture; then one stage after
the other, each a function of a picture that can be switched off, makes of it what a network that
learned MNIST expects. Pictures are unsigned bytes (height, width). In what comes in, 0 is black;
from the first stage on ink is bright and paper 0, as in MNIST. Needs the extra `lab`: Pillow
reads files and resizes, SciPy measures shapes.
"""

import io
import json
import math
import os
import re
import shutil
import threading
import warnings
from collections.abc import Callable, Collection, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from time import thread_time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from scipy import ndimage

from chainrule.data import PIXELS, SIDE, Digits, idx_files, loaded
from chainrule.model import sync_folder, write_whole

Picture = NDArray[np.uint8]  # (height, width)

PAD = 280  # the pad's side; strokes have whole numbers 0 to 280
PEN = 20  # the pen's width on it
MOST_POINTS = 5_000  # of a drawing
MOST_LENGTH = 50_000  # of all its strokes, on the pad: it would be covered twelve times
MOST_BYTES = 10_000_000  # of a file
MOST_PIXELS = 25_000_000  # of a file, before it is decoded
MOST_SIDE = 20_000  # pixels: each row of a picture costs memory, however short it is
MOST_SCANS = 100  # of a JPEG file: each goes over all pixels, and takes a few bytes
MOST_SECONDS = 5.0  # of a processor, to decode a file
BLOCK = 4096  # bytes of a file that are decoded at a time
PIECE = 1_000_000  # pixels that are made grey at a time
LONGEST = 560  # of a picture; larger ones are made smaller before the first stage

LEAST = 24  # of 255: what differs less from the paper is not ink
BOX = 20  # MNIST fitted each digit into 20 × 20 and placed that in 28 × 28
FAINT = 64  # of 255: what is not brighter is the rim of an edge, not ink
FINE = 100  # the picture's longer side while widths are measured
SPECK = 0.15  # of the ink of the largest mark: what has less is no part of a digit by itself
LEAN = (-0.44, 0.13)  # between them are two thirds of MNIST: pixels to the right for one down
THIN, THICK = 2.0, 4.0  # between them are three quarters of MNIST's strokes: pixels of 28
LONG = 0.4  # of the longest mark: what is shorter is a part of a digit, whatever lies around it


class HandwritingError(ValueError):
    """Strokes or a file that cannot be read as a picture; the message says in one line why."""


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


# ------------------------------------------------------------------------------ what comes in


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


decoding = threading.Lock()  # one file at a time: it bounds memory, and filters are global


def read_image(content: bytes) -> Picture:
    """The grey picture in the bytes of a PNG or JPEG file, at most 560 pixels long.

    The file's orientation is respected, what is transparent is white paper, 16 bits become 8.
    White ink on a transparent ground is ink: if nothing can be seen on white paper, what is
    opaque is taken for ink.

    Raises HandwritingError for other formats, for files that are damaged or cut short, and,
    before anything is decoded, for more than 10 MB, 25 million pixels, a side of more than 20,000
    pixels, or a JPEG of more than 100 scans. Decoding ends after 5 seconds of a processor, and
    takes at most about 300 MB.
    """
    if len(content) > MOST_BYTES:
        raise HandwritingError(
            f"an image file may have {MOST_BYTES:,} bytes, got {len(content):,}; make it smaller"
        )
    # The two classes alone, not Image.open, which would try more than two formats.
    kind: type[PngImageFile | JpegImageFile]
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        kind = PngImageFile
    elif content.startswith(b"\xff\xd8\xff"):
        kind = JpegImageFile
        if (scans := count_scans(content)) > MOST_SCANS:
            raise HandwritingError(
                f"a JPEG image may have {MOST_SCANS} scans, got {scans} or more; "
                f"save it again as a baseline JPEG or as PNG"
            )
    else:
        raise HandwritingError("wanted a PNG or JPEG image, got another kind of file")
    with decoding, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow says of broken metadata of a good image
        try:
            with kind(Timed(content)) as image:
                width, height = image.size
                if width * height <= MOST_PIXELS and max(width, height) <= MOST_SIDE:
                    return grey(image)
        except HandwritingError:
            raise
        except MemoryError:
            raise HandwritingError(
                "there is not enough memory for the image; make it smaller"
            ) from None
        except Exception as error:
            # Pillow raises a dozen classes for damaged files: OSError, SyntaxError, struct.error…
            raise HandwritingError(
                f"the {kind.format} image is damaged or cut short ({one_line(error)})"
            ) from error
    raise HandwritingError(
        f"an image may have {MOST_PIXELS:,} pixels and be {MOST_SIDE:,} long, "
        f"got {width:,} × {height:,}; make it smaller"
    )


class Timed(io.BytesIO):
    """The bytes of a file, which can be read for 5 seconds of a processor.

    Whatever a file does to Pillow, Pillow reads on in small pieces, so this ends it.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.end = thread_time() + MOST_SECONDS

    def read(self, size: int | None = -1, /) -> bytes:
        if thread_time() > self.end:
            raise HandwritingError(
                f"the image takes more than {MOST_SECONDS:g} seconds to decode; "
                f"make it smaller, or save it again"
            )
        return super().read(size)


# In a JPEG file a marker is FF and a byte. 00 and D0 to D7 stand among the coded pixels, D8 begins
# the file and 01 says nothing; every other one begins a segment that says its length, but D9, the
# end.
MARKER = re.compile(rb"\xff+([^\x00\x01\xd0-\xd8\xff])")


def count_scans(content: bytes) -> int:
    """The scans of a JPEG file, counted without decoding; no further than one too many."""
    scans, place = 0, 0
    while scans <= MOST_SCANS and (marker := MARKER.search(content, place)):
        if marker[1] == b"\xd9":
            break
        scans += marker[1] == b"\xda"
        length = int.from_bytes(content[marker.end() : marker.end() + 2])
        place = marker.end() + length
    return scans


def grey(image: Image.Image) -> Picture:
    """The image upright, grey, on white, and at most LONGEST long."""
    if isinstance(image, ImageFile):
        image.decodermaxblock = BLOCK
    image.load()
    factor = -(-max(image.size) // LONGEST)
    # In strips, so that only the decoded image itself is as large as the file says.
    rows = factor * max(1, PIECE // (factor * image.width))
    strips = [
        shrunk(image.crop((0, top, image.width, min(top + rows, image.height))), factor)
        for top in range(0, image.height, rows)
    ]
    small = Image.new(strips[0].mode, (strips[0].width, sum(strip.height for strip in strips)))
    for place, strip in enumerate(strips):
        small.paste(strip, (0, place * rows // factor))
    small.info = image.info
    ImageOps.exif_transpose(small, in_place=True)
    if small.mode == "L":
        return np.asarray(small)
    paper = Image.new("RGBA", small.size, "white")
    seen = np.asarray(Image.alpha_composite(paper, small).convert("L"))
    opaque = np.asarray(small.getchannel("A"))
    # subtle: white on a transparent ground is nothing on white paper; its shape is what is opaque.
    blank = np.ptp(seen) < LEAST <= np.ptp(opaque)
    return 255 - opaque if blank else seen


def shrunk(image: Image.Image, factor: int) -> Image.Image:
    """A part of an image, smaller by a whole factor: grey, or in colours if it is transparent."""
    if image.mode.startswith("I"):  # 16 bits, which Pillow would cut off at 255
        levels = np.asarray(image)
        clear = image.info.get("transparency")
        image = Image.fromarray((levels >> 8).astype(np.uint8))
        if clear is None:
            return image.reduce(factor)
        image.putalpha(Image.fromarray(np.where(levels == clear, 0, 255).astype(np.uint8)))
    if image.has_transparency_data:
        return image.convert("RGBA").reduce(factor)
    return image.convert("L").reduce(factor)


def one_line(error: Exception) -> str:
    words = "".join(c if c.isprintable() else " " for c in str(error)) or type(error).__name__
    return " ".join(words.split())[:100]


# -------------------------------------------------------------------------------- the stages


def polarity(picture: Picture) -> Picture:
    """Ink becomes bright, whatever it was: ink is what is rarer than the paper around it."""
    values = picture.astype(float)
    around = ndimage.uniform_filter(values, size=max(picture.shape) // 2 + 1, mode="reflect")
    # The cube keeps the sign and lets the strongest differences decide.
    return 255 - picture if np.sum((values - around) ** 3) < 0 else picture


def threshold(picture: Picture) -> Picture:
    """The paper's shade, shadows and noise become 0, ink 255; edges of ink stay grey."""
    values = picture.astype(float) - paper(picture)
    if np.ptp(values) < LEAST:
        return np.zeros_like(picture)
    middle = np.median(values)
    noise = 1.4826 * np.median(np.abs(values - middle))
    least = max(otsu(values), middle + 6 * noise)
    ink = values[values > least]
    if ink.size == 0 or np.percentile(ink, 75) - middle < LEAST:
        return np.zeros_like(picture)
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


def otsu(values: NDArray[np.float64]) -> float:
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

    A digit is its largest mark, of those that do not touch the border if there are any to
    speak of, and whatever is near to that or about as large.
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
    """Digits that lean more than most of MNIST's are set up until they lean no more than those."""
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
    """The whole picture as 28 × 28, as one would do who knew nothing of MNIST."""
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


def resize(picture: Picture, size: tuple[int, int]) -> Picture:
    """The picture in this width and height, anti-aliased."""
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


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


# -------------------------------------------------------------------------- unlike a digit


class Novelty(NamedTuple):
    """Whether an image is unlike every digit of the training set, and why."""

    unlike: bool
    several: bool  # it is unlike one digit because it has several marks
    score: float  # by the rule that `why` tells
    limit: float  # scores above it are unlike
    why: str  # one sentence, or two

    @property
    def kind(self) -> str:
        return "several marks" if self.several else "unlike any digit"


# Fitted by benchmarks/handwriting.py.
LIMIT = 0.198  # of 1 less the correlation
APART = 0.16  # the gap between two marks, of the length of the longest
SOLID = 0.28  # the radius of the largest disc in the longest mark, of its length
WIDE = 2.0  # the width of all ink, of its height


def novelty(pixels: NDArray[np.uint8], stages: Sequence[Stage] = ()) -> Novelty:
    """Whether these 784 pixels, as MNIST stores them, are unlike the digits of the training set.

    First their form: whether there are several marks, a solid shape, or one that is wider than
    digits are. The stages that `prepare` made the pixels by show it best; without them the pixels
    are looked at. Each of the three limits leaves more than 99.95 % of the training digits alone.

    Then they are compared at half size, 14 × 14, by the correlation of their pixels. The score is
    1 less the correlation with the training digit that is most similar; the limit leaves
    98.5 % of the training digits alone. Reads the bundled MNIST at the first call.
    """
    if pixels.dtype != np.uint8 or pixels.shape != (PIXELS,):
        raise HandwritingError(
            f"wanted {PIXELS} unsigned bytes, got {pixels.dtype} of shape {pixels.shape}"
        )
    if pixels.min() == pixels.max():
        return Novelty(True, False, 1.0, LIMIT, "There is no ink: all pixels are the same.")
    if strange := strange_form(pixels, stages):
        return strange
    train, seen = learned()
    likeness = seen @ compared(pixels[None])[0]
    nearest = int(likeness.argmax())
    score = 1 - float(likeness[nearest])
    return Novelty(
        score > LIMIT,
        False,
        score,
        LIMIT,
        f"Of {len(train):,} training digits the most similar, a {train.labels[nearest]}, "
        f"correlates with it by {1 - score:.2f}; for 98.5 % of digits that is above "
        f"{1 - LIMIT:.2f}.",
    )


def strange_form(pixels: NDArray[np.uint8], stages: Sequence[Stage]) -> Novelty | None:
    """What is said of an image that has not the form of one digit, or None."""
    pictures = {stage.name: stage.picture for stage in stages}
    ink = crop(pictures.get("specks", pixels.reshape(SIDE, SIDE)))
    if (marks := count_marks(ink)) > 1:
        return Novelty(
            True,
            True,
            marks,
            1,
            f"It has {marks} marks, further apart than the parts of a digit are. "
            f"Cut out one digit, and read that.",
        )
    solid = solidity(ink)
    if "polarity" in pictures:
        solid = max(solid, solidity(wide_marks(pictures["polarity"])))
    if solid > SOLID:
        why = (
            f"It is a solid shape: a disc whose radius is {solid:.2f} of its length lies in it; "
            f"in digits that is below {SOLID}."
        )
        return Novelty(True, False, solid, SOLID, why)
    wide = ink.shape[1] / ink.shape[0]
    if wide > WIDE:
        why = f"It is {wide:.1f} times as wide as it is high; digits are at most {WIDE} times."
        return Novelty(True, False, wide, WIDE, why)
    return None


def count_marks(picture: Picture, apart: float = APART) -> int:
    """The groups of marks of bright ink that lie apart, by a share of the longest mark's length.

    Only marks that are nearly as long as the longest count: what is shorter is a part of a digit.
    """
    labels, _ = ndimage.label(picture > FAINT, structure=np.ones((3, 3)))
    lengths = mark_lengths(labels)
    if lengths.size < 2:
        return int(lengths.size)
    long = np.concatenate([[False], lengths >= LONG * lengths.max()])[labels]
    # Each pixel is as far from the ink as half the gap: what is nearer joins two marks into one.
    room = math.ceil(apart * lengths.max() / 2)
    outside = ndimage.distance_transform_edt(~np.pad(long, room))
    return int(ndimage.label(2 * outside - 1 <= apart * lengths.max(), np.ones((3, 3)))[1])


def solidity(picture: Picture) -> float:
    """The radius of the largest disc in the longest mark of bright ink, of that mark's length."""
    scale = FINE / max(picture.shape)
    height, width = (max(1, round(side * scale)) for side in picture.shape)
    labels, count = ndimage.label(resize(picture, (width, height)) >= 128)
    if count == 0:
        return 0.0
    lengths = mark_lengths(labels)
    mark = np.pad(labels == 1 + lengths.argmax(), 1)
    return float((ndimage.distance_transform_edt(mark).max() - 0.5) / lengths.max())


def wide_marks(picture: Picture) -> Picture:
    """Bright marks longer than half the picture, which `threshold` would take for paper.

    What touches the border is paper, or a shadow on it.
    """
    values = picture.astype(float)
    if np.ptp(values) < LEAST:
        return np.zeros_like(picture)
    labels, _ = ndimage.label(values > otsu(values))
    kept = np.concatenate([[False], mark_lengths(labels) > max(picture.shape) / 2])
    kept[on_border(labels)] = False
    return np.where(kept[labels], 255, 0).astype(np.uint8)


def mark_lengths(labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """The longer side of each labelled mark."""
    return np.array(
        [max(side.stop - side.start for side in mark) for mark in ndimage.find_objects(labels)],
        np.int64,
    )


@cache
def learned() -> tuple[Digits, NDArray[np.float32]]:
    """The training digits, and each as it is compared."""
    train, _ = loaded(None)
    return train, compared(train.images)


def compared(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Images (m, 784) at half size, of mean 0 and length 1 (m, 196): products are correlations."""
    rows = images.reshape(-1, SIDE // 2, 2, SIDE)
    halves = rows[:, :, 0].astype(np.float32) + rows[:, :, 1]
    small = (halves[..., ::2] + halves[..., 1::2]).reshape(len(images), -1)
    small -= small.mean(axis=1, keepdims=True)
    lengths = np.sqrt(np.einsum("mi,mi->m", small, small))[:, None]
    small /= np.maximum(lengths, 1e-6)
    return small


# ------------------------------------------------------------------------------- what was measured


def measured() -> dict[str, Any]:
    """What benchmarks/handwriting.py measured: the cost of each stage, and what novelty catches.

    `costs`: for each stage and each bundled model, how many points of test accuracy are lost
    without it.
    """
    path = Path(__file__).with_name("handwriting.json")
    return json.loads(path.read_text(encoding="utf-8"))


# ------------------------------------------------------------------------------- what is collected


def write_digits(folder: str | Path, train: Digits, test: Digits) -> None:
    """Write a new folder of four IDX files, which load_digits reads back.

    The same digits give the same bytes. The folder is there whole or not at all. Raises
    FileExistsError if it is there already, OSError if it cannot be written.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(17, "is there already; choose another folder", str(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{os.urandom(4).hex()}")
    temporary.mkdir()
    try:
        for name, content in idx_files(train, test).items():
            write_whole(temporary / name, content)
        temporary.rename(folder)
        sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
