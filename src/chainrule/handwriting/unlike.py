"""Is a picture unlike any digit? The answer, and the measurement that says so."""

import json
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from chainrule.data import MNIST, PIXELS, SIDE, Digits
from chainrule.handwriting.files import LEAST
from chainrule.handwriting.picture import HandwritingError, Picture, resize
from chainrule.handwriting.stages import FAINT, FINE, Prepared, Stage, crop, on_border, otsu

BLOCK = 64  # images that are compared at a time
LONG = 0.4  # of the longest mark: what is shorter is a part of a digit, whatever lies around it


# -------------------------------------------------------------------------- unlike a digit


class Novelty(NamedTuple):
    """Whether an image is unlike every digit of the training set, and why."""

    unlike: bool
    several: bool  # it is unlike one digit because it has several marks
    score: float  # by the rule that `why` names
    limit: float  # scores above it are unlike
    why: str  # one sentence, or two

    @property
    def by_likeness(self) -> bool:
        """Whether it has the form of a digit, so that its likeness was measured."""
        return self.limit in SHARES

    @property
    def kind(self) -> str:
        return "several marks" if self.several else "unlike any digit"


# Fitted by benchmarks/handwriting.py.
LIMIT = 0.198  # of 1 less the correlation
LOOSE = 0.23  # the same among other digits, where most marks are digits
SHARES = {LIMIT: "98.5 %", LOOSE: "99.5 %"}  # of the training digits that are within it
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
    return novelties([Prepared(tuple(stages), pixels)])[0]


def novelties(made: Sequence[Prepared], limit: float = LIMIT) -> list[Novelty]:
    """The same for many images at once; `limit` is that of their likeness."""
    found = [strange(each) for each in made]
    left = [place for place, each in enumerate(found) if each is None]
    train, seen = learned()
    for first in range(0, len(left), BLOCK):
        places = left[first : first + BLOCK]
        likeness = compared(np.array([made[place].pixels for place in places])) @ seen.T
        for place, nearest, row in zip(places, likeness.argmax(axis=1), likeness, strict=True):
            score = 1 - float(row[nearest])
            found[place] = Novelty(
                score > limit,
                False,
                score,
                limit,
                f"Of {len(train):,} training digits the most similar, a {train.labels[nearest]}, "
                f"correlates with it by {1 - score:.2f}; for {SHARES[limit]} of digits that is "
                f"above {1 - limit:.2f}.",
            )
    return [each for each in found if each is not None]


def strange(made: Prepared) -> Novelty | None:
    """The answer for an image without ink, or not in the form of one digit; None for others."""
    if made.pixels.min() == made.pixels.max():
        return Novelty(True, False, 1.0, LIMIT, "There is no ink: all pixels are the same.")
    return strange_form(made.pixels, made.stages)


def strange_form(pixels: NDArray[np.uint8], stages: Sequence[Stage]) -> Novelty | None:
    """The answer for an image that does not have the form of one digit; None for others."""
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
    """How many groups of marks lie `apart`, a share of the longest mark's length, or more apart.

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
    train = MNIST.load("train")
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
    path = Path(__file__).with_name("measured.json")
    return json.loads(path.read_text(encoding="utf-8"))
