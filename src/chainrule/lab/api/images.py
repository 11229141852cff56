"""The images of requests: strokes, files and pixels become digits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from chainrule.data import PIXELS, Digits
from chainrule.lab.api import requests
from chainrule.lab.api.networks import NamedNetwork
from chainrule.lab.wire import RefusedError

if TYPE_CHECKING:
    from chainrule.handwriting import Novelty, Prepared


def digits_of(contents: Sequence[bytes], labels: Sequence[int] | None = None) -> Digits:
    """Images of 784 bytes as digits."""
    images = np.frombuffer(b"".join(contents), np.uint8).reshape(-1, PIXELS)
    return Digits(images, np.array(labels or [0] * len(images), np.uint8))


def prepared(image: requests.Drawn | requests.Upload) -> Prepared:
    """A drawing or a file after every stage; RefusedError if it cannot be read."""
    from chainrule.handwriting import HandwritingError, draw, prepare, read_image

    try:
        match image:
            case requests.Drawn(strokes, off):
                return prepare(draw(strokes), off)
            case requests.Upload(content, off):
                return prepare(read_image(content), off)
    except HandwritingError as error:
        raise RefusedError(str(error)) from None


def bytes_of(image: requests.Drawn | requests.Pixels) -> bytes:
    """The 784 bytes of an image that is no test image."""
    return image.content if isinstance(image, requests.Pixels) else pixels_of(image)


@lru_cache(64)
def pixels_of(drawing: requests.Drawn) -> bytes:
    """The 784 bytes that a drawing becomes."""
    return prepared(drawing).pixels.tobytes()


# ---------------------------------------------------------------------------------- unlike a digit?


def unlike(made: Prepared) -> Novelty:
    """Whether what was prepared is unlike the digits of MNIST."""
    from chainrule.handwriting import novelty

    return novelty(made.pixels, made.stages)


def unlike_of(named: NamedNetwork, image: requests.Image) -> Novelty | None:
    """The same of any image; None of a test image, and for a network of other classes."""
    if isinstance(image, requests.TestImage) or not named.reads_digits:
        return None
    return novelty_of(image)


@lru_cache(64)
def novelty_of(image: requests.Drawn | requests.Pixels) -> Novelty:
    """Whether an image is unlike a digit; of pixels nothing else is known."""
    from chainrule.handwriting import Prepared

    if isinstance(image, requests.Drawn):
        return unlike(prepared(image))
    return unlike(Prepared((), np.frombuffer(image.content, np.uint8)))
