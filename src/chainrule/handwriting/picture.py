"""A grey picture, and what all who make one share."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]  # (height, width)


class HandwritingError(ValueError):
    """Strokes or a file that cannot be read as a picture; the message says in one line why."""


def resize(picture: Picture, size: tuple[int, int]) -> Picture:
    """The picture in this width and height, anti-aliased."""
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
