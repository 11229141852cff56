"""Deformed copies of digits to learn from: turned, slanted, bent, thicker, a little noisy.

A network that never sees the same image twice learns what a digit has in common with its copies.
How a copy is deformed follows from (key, epoch, number of the image) alone, so any epoch of a run
can be made again. All arithmetic is in whole numbers, with the same result on every processor.
"""

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from chainrule.data import PIXELS, SIDE, Chosen, Digits, Examples, as_columns


class Deform(NamedTuple):
    """How strongly copies are deformed: each copy draws its own share, between minus and plus."""

    turn: float = 0.0  # degrees about the middle
    scale: float = 0.0  # share of the width, and of the height
    slant: float = 0.0  # pixels sideways for each pixel down
    shift: float = 0.0  # pixels
    elastic: float = 0.0  # pixels: each arrow that bends the sheet, sideways and down
    thickness: float = 0.0  # share of a pixel on either side of a stroke
    noise: float = 0.0  # share of full ink, where there is ink


DeformName = Literal["none", "light", "full"]
DEFORM_NAMES: tuple[DeformName, ...] = get_args(DeformName)
# Measured on validation digits: docs/design/deformations.md. Runs name them, so they never change.
LIGHT = Deform(turn=8.0, scale=0.08, slant=0.08, shift=1.0, elastic=2.0)
FULL = Deform(turn=12.0, scale=0.12, slant=0.15, shift=1.0, elastic=4.0)
MOST = Deform(turn=45.0, scale=0.5, slant=0.5, shift=8.0, elastic=8.0, thickness=1.0, noise=1.0)


def deform_of(
    deform: Deform | DeformName | None, examples: Examples | None = None
) -> Deform | None:
    """The strengths that are meant, None for none.

    Raises ValueError for what cannot be, and if the examples are no images.
    """
    if deform is None or deform == "none":
        return None
    if examples is not None and not isinstance(examples, Digits):
        raise ValueError(f"deform needs images, got {examples!r:.60}")
    if isinstance(deform, str):
        if deform not in DEFORM_NAMES:
            raise ValueError(f"deform must be one of {', '.join(DEFORM_NAMES)}, got {deform!r:.60}")
        return LIGHT if deform == "light" else FULL
    if not isinstance(deform, Deform):
        raise ValueError(f"deform must be a name or a Deform, got {type(deform).__name__}")
    for name, value, most in zip(Deform._fields, deform, MOST, strict=True):
        if not isinstance(value, Real) or not 0 <= value <= most:
            raise ValueError(f"{name} must be a number from 0 to {most:g}, got {value!r:.60}")
    return Deform(*map(float, deform))


# ------------------------------------------------------------------------------- what is drawn

UNIT = 1 << 12  # of the affine map
FINE = 1 << 13  # of a place, for each pixel
HAIR = 1 << 8  # of arrows and thickness, for each pixel
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Copies(NamedTuple):
    """How k images are deformed. A pixel of a copy looks back to the place that it comes from.

    That is the affine map of its own place, and an arrow more: the mean of the sixteen around it,
    of 6 × 6, weighted by cubic B-splines. So a smooth field is 36 arrows.
    """

    affine: NDArray[np.int32]  # (k, 6), column and row from x, y and 1; x and y in half pixels
    arrows: NDArray[np.int32]  # (k, 72), 36 of them sideways, then 36 down
    thickness: NDArray[np.int32]  # (k,)
    noise: NDArray[np.uint32]  # (k,), from which the noise of each pixel comes
    strength: int  # of the noise, in 255ths of full ink

    def some(self, chosen: slice) -> "Copies":
        """Those of some of the images."""
        affine, arrows, thickness, noise, strength = self
        return Copies(affine[chosen], arrows[chosen], thickness[chosen], noise[chosen], strength)


def draw_copies(
    deform: Deform, key: int, epochs: int | NDArray[np.intp], rows: NDArray[np.intp]
) -> Copies:
    """How the images with these numbers (k,) are deformed, each in its epoch, 0 or more.

    The random numbers are SplitMix64 (Steele, Lea and Flood 2014), started by all three.
    """
    epoch_word = mixed(mixed(np.array([key], np.uint64)) + np.asarray(epochs).astype(np.uint64))
    start = mixed(epoch_word + rows.astype(np.uint64))
    words = mixed(start[:, None] + np.arange(1, 22, dtype=np.uint64) * GOLDEN)
    quarters = (words[:, :20, None] >> np.arange(0, 64, 16, dtype=np.uint64)) & np.uint64(0xFFFF)
    shares = 2 * quarters.reshape(-1, 80).astype(np.int64) - 0xFFFF  # between -2¹⁶ and 2¹⁶, odd

    def drawn(which: int | slice, strength: float, unit: int) -> NDArray[np.int64]:
        result: NDArray[np.int64] = shares[:, which] * round(strength * unit) >> 16
        return result

    # With t = tan(angle / 2), cosine and sine are fractions: (1 - t²) / (1 + t²) and 2t / (1 + t²).
    t = drawn(0, math.tan(math.radians(deform.turn) / 2), 1 << 16)
    whole = (1 << 32) + t * t
    cos, sin = ((1 << 32) - t * t) * UNIT // whole, (t << 17) * UNIT // whole
    wide, high = (UNIT + drawn(column, deform.scale, UNIT) for column in (1, 2))
    right, down = (drawn(column, deform.shift, FINE) for column in (3, 4))
    slant = drawn(5, deform.slant, UNIT)
    affine = [cos * wide >> 12, (-sin * wide >> 12) + slant, right]
    affine += [sin * high >> 12, cos * high >> 12, down]
    return Copies(
        np.stack(affine, axis=1).astype(np.int32),
        drawn(np.s_[8:], deform.elastic, HAIR).astype(np.int32),
        drawn(6, deform.thickness, HAIR).astype(np.int32),
        (words[:, 20] >> np.uint64(32)).astype(np.uint32),
        round(255 * deform.noise),
    )


def mixed(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The bits of each word mixed, so that neighbours have nothing in common (SplitMix64)."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


# ---------------------------------------------------------------------------------- the arrows

APART, KNOTS = 9, 6  # pixels from one arrow to the next, arrows in a row


def splines() -> NDArray[np.int32]:
    """The weights (28, 6) of the arrows in a row for each pixel: 64ths, whose sum is 64.

    A cubic B-spline at j of 9 pixels after an arrow is four fractions of 6 · 9³; what rounding
    down leaves goes to those that lost most.
    """
    weights = np.zeros((SIDE, KNOTS), np.int32)
    for x in range(SIDE):
        first = min(x // APART, KNOTS - 4)
        j, left = x - APART * first, APART * (first + 1) - x
        cubes = [left**3, 3 * j**3 - 6 * APART * j**2 + 4 * APART**3]
        cubes += [3 * left**3 - 6 * APART * left**2 + 4 * APART**3, j**3]
        parts, rest = zip(*(divmod(64 * each, 6 * APART**3) for each in cubes), strict=True)
        weights[x, first : first + 4] = parts
        for k in sorted(range(4), key=lambda k: -rest[k])[: 64 - sum(parts)]:
            weights[x, first + k] += 1
    return weights


SPLINES = splines()
# Each product with an arrow is a whole number, and so is each sum, below 2²⁴: float32 has them all,
# so this product of matrices rounds nothing, in whatever order it is summed.
FIELD = np.einsum("yi,xj->ijyx", SPLINES, SPLINES).reshape(KNOTS**2, PIXELS).astype(np.float32)
PLACES = 2 * np.arange(SIDE, dtype=np.int32) - (SIDE - 1)  # half pixels from the middle

# ---------------------------------------------------------------------------------- the copies

BLOCK = 256  # images worked on at a time, so that they stay in the processor's cache
WIDTH = 32  # of a sheet: an image with blank edges, so that all places beyond it are blank


def deformed(images: NDArray[np.uint8], copies: Copies) -> NDArray[np.uint8]:
    """The copies (k, 784) of images (k, 784). Where a place lies between pixels, it is bilinear."""
    k = len(images)
    if k > BLOCK:
        blocks = [slice(first, first + BLOCK) for first in range(0, k, BLOCK)]
        return np.concatenate([deformed(images[each], copies.some(each)) for each in blocks])
    quads = quads_of(thickened(images, copies.thickness)).ravel()
    arrows = copies.arrows.reshape(2 * k, KNOTS**2).astype(np.float32)
    field = (arrows @ FIELD).astype(np.int32).reshape(k, 2, SIDE, SIDE) >> 7  # now in FINE
    map_ = copies.affine[:, :, None, None]
    middle = (SIDE - 1) * FINE // 2
    column, row = (
        map_[:, i] * PLACES + map_[:, i + 1] * PLACES[:, None] + (map_[:, i + 2] + middle + bent)
        for i, bent in ((0, field[:, 0]), (3, field[:, 1]))
    )
    column, row = column >> 5, row >> 5  # in 256ths of a pixel
    near_column, near_row = column & 255, row & 255
    place = (np.clip((row >> 8) + 2, 0, 30) << 5) + np.clip((column >> 8) + 2, 0, 30)
    quad = quads[place + (np.arange(k, dtype=np.int32) * WIDTH**2)[:, None, None]]
    above = (256 - near_column) * (quad & 255) + near_column * (quad >> 8 & 255)
    below = (256 - near_column) * (quad >> 16 & 255) + near_column * (quad >> 24 & 255)
    ink = ((256 - near_row) * above + near_row * below + (1 << 15)) >> 16
    return noisy(ink.reshape(k, PIXELS), copies).astype(np.uint8)


def thickened(images: NDArray[np.uint8], thickness: NDArray[np.int32]) -> NDArray[np.int32]:
    """Sheets (k, 32, 32) with the images in their middle, so much thicker, below 0 thinner.

    A pixel goes so many 256ths of the way to the largest, or smallest, of its four neighbours and
    itself.
    """
    sheets = np.zeros((len(images), WIDTH, WIDTH), np.int32)
    inner = np.s_[:, 2 : 2 + SIDE, 2 : 2 + SIDE]
    sheets[inner] = images.reshape(-1, SIDE, SIDE)
    if thickness.any():
        pixel, up, down = sheets[inner], sheets[:, 1:29, 2:30], sheets[:, 3:31, 2:30]
        left, right = sheets[:, 2:30, 1:29], sheets[:, 2:30, 3:31]
        most, least = (
            best.reduce([pixel, up, down, left, right]) for best in (np.maximum, np.minimum)
        )
        share = np.abs(thickness)[:, None, None]
        aim = np.where(thickness[:, None, None] > 0, most, least)
        sheets[inner] = pixel + ((aim - pixel) * share + 128 >> 8)
    return sheets


def quads_of(sheets: NDArray[np.int32]) -> NDArray[np.int32]:
    """Each pixel with those to the right, below, and below to the right: the bytes of one number.

    So one look-up finds all four that a place lies between.
    """
    quads = sheets.copy()
    quads[:, :, :-1] |= sheets[:, :, 1:] << 8
    quads[:, :-1] |= sheets[:, 1:] << 16
    quads[:, :-1, :-1] |= sheets[:, 1:, 1:] << 24
    return quads


def noisy(ink: NDArray[np.int32], copies: Copies) -> NDArray[np.int32]:
    """Ink (k, 784) with noise where there is any: a hash of each pixel's number (MurmurHash3)."""
    if copies.strength == 0:
        return ink
    h = copies.noise[:, None] ^ (np.arange(PIXELS, dtype=np.uint32) * np.uint32(0x9E3779B1))
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    share = 2 * (h >> np.uint32(16)).astype(np.int32) - 0xFFFF
    return np.where(ink > 0, np.clip(ink + (share * copies.strength >> 16), 0, 255), 0)


# ----------------------------------------------------------------------------------- what is read

VIEW = Deform(turn=5.0, scale=0.05, slant=0.05, shift=0.7, elastic=1.5)


def view(images: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    """The images (k, 784) as another view sees them, all deformed alike; 0 is the images alone."""
    if number == 0:
        return images
    rows = np.zeros(len(images), np.intp)
    return deformed(images, draw_copies(VIEW, 0, number, rows))


# ------------------------------------------------------------------------------ what is learned


@dataclass(frozen=True, eq=False, repr=False)
class Deformed:
    """The copies of some digits in one epoch of the run with this key, as examples."""

    digits: Digits
    deform: Deform
    key: int
    epoch: int

    inputs = PIXELS

    @property
    def classes(self) -> int:
        """How many classes there may be."""
        return self.digits.classes

    @property
    def labels(self) -> NDArray[Any]:
        """Those of the digits (m,)."""
        return self.digits.labels

    def __len__(self) -> int:
        return len(self.digits)

    def images(self, chosen: Chosen) -> NDArray[np.uint8]:
        """Some of the copies (k, 784)."""
        rows = np.arange(len(self))[chosen]
        copies = draw_copies(self.deform, self.key, self.epoch, rows)
        return deformed(self.digits.images[chosen], copies)

    def columns(
        self, chosen: Chosen, out: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Some of the copies as columns (784, k), from 0 to 1."""
        return as_columns(self.images(chosen), out)

    def check_file(self) -> None:
        """As the digits' own."""
        self.digits.check_file()

    def __repr__(self) -> str:
        return f"Deformed: epoch {self.epoch:,} of {self.digits!r}"
