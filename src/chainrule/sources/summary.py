"""What is in a set of digits, and what may be wrong with it: blank, doubled and turned images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.arrays import DIGITS
from chainrule.data import SIDE, Digits
from chainrule.sources.classes import CAPITALS, SMALL

WRITTEN = {*DIGITS, *CAPITALS, *SMALL}  # names of classes that are taller than wide, mostly
LOOKED_AT = 1000  # images
FEWEST = 50  # of fewer, nothing is said
INK = 64  # of 255: what is fainter does not make an image wider
# Of 50 images of MNIST, drawn 2,000 times, the share that is wider than tall less the share that is
# taller than wide is -0.40 at most; transposed, 0.40 at least.
WIDER = 0.3
TRANSPOSED = "these look transposed, use --transpose"


class PartSummary(NamedTuple):
    """What is in a part: counts of its images."""

    images: int
    per_class: NDArray[np.intp]
    blank: int  # without any ink
    doubled: int  # images that an earlier one equals
    contradicting: int  # images that an earlier one equals, but for its label


class Summary(NamedTuple):
    """What is in a set."""

    train: PartSummary
    test: PartSummary
    overlap: int  # test images that are training images too
    transposed: bool  # whether they look so


def summary(train: Digits, test: Digits) -> Summary:
    """What is in the two parts of a set. It looks at every pixel."""
    known = {image.tobytes() for image in train.images}
    overlap = sum(image.tobytes() in known for image in test.images)
    return Summary(part_summary(train), part_summary(test), overlap, looks_transposed(train))


def part_summary(digits: Digits) -> PartSummary:
    """What is in a part."""
    digits.check_file()
    first: dict[bytes, int] = {}  # the label of each image where it comes first
    contradicting = blank = 0
    for image, label in zip(digits.images, digits.labels.tolist(), strict=True):
        contradicting += first.setdefault(image.tobytes(), label) != label
        blank += not image.any()
    counts = np.bincount(digits.labels, minlength=digits.classes)
    return PartSummary(len(digits), counts, blank, len(digits) - len(first), contradicting)


def looks_transposed(digits: Digits) -> bool:
    """Whether these look like images with rows and columns exchanged, as EMNIST is published.

    Digits and letters are mostly taller than wide. Nothing is said of other classes, and of fewer
    than 50 images.
    """
    if not {*digits.names} <= WRITTEN or len(digits) < FEWEST:
        return False
    step = -(-len(digits) // LOOKED_AT)
    ink = digits[::step].images.reshape(-1, SIDE, SIDE) >= INK
    tall, wide = (extent(np.asarray(ink.any(axis=axis))) for axis in (2, 1))
    return bool(np.mean(np.sign(wide - tall)) > WIDER)


def extent(used: NDArray[np.bool_]) -> NDArray[np.intp]:
    """From the first to the last that is used (m, n), how many it is; 0 where none is."""
    reach = used.shape[1] - used.argmax(axis=1) - used[:, ::-1].argmax(axis=1)
    return np.where(used.any(axis=1), reach, 0)
