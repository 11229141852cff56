"""Damage for whole sets of digits: thicker or thinner, turned, moved, noisy.

Pixels in, pixels out: what is measured on damaged digits is what a picture of them shows.
"""

import numpy as np
from numpy.typing import NDArray

from chainrule.data import PIXELS, SIDE, Digits

BLOCK = 1000  # images worked on at a time, so that they stay in the processor's cache


def distort(
    digits: Digits,
    *,
    thickness: float = 0.0,
    rotation: float = 0.0,
    shift: tuple[float, float] = (0.0, 0.0),
    noise: float = 0.0,
    key: int = 0,
) -> Digits:
    """The digits, all damaged alike, in this order; the labels stay.

    `thickness` in pixels on either side of a stroke, below 0 thinner; `rotation` in degrees about
    the middle, counterclockwise; `shift` in pixels to the right and down; `noise` the standard
    deviation of what is added to every pixel, as a share of full ink. The noise comes from the
    key alone: more of it is the same pattern, stronger. What leaves the image is lost, paper
    comes in.
    """
    rng = np.random.default_rng(key)
    taps = sources(rotation, shift)
    images = np.empty_like(digits.images)
    for first in range(0, len(digits), BLOCK):
        block = digits.images[first : first + BLOCK]
        X = block.T.astype(np.float32)  # (784, m): a pixel of all images lies in one piece
        X = thicker(X, thickness)
        if rotation or any(shift):
            X = resampled(X, *taps)
        if noise:
            # Drawn image by image, so that it does not depend on the size of a block.
            N = rng.standard_normal(block.shape, np.float32)
            X = X + np.float32(255 * noise) * N.T
        images[first : first + BLOCK] = np.clip(np.rint(X), 0, 255).T
    return Digits(images, digits.labels)


def thicker(X: NDArray[np.float32], pixels: float) -> NDArray[np.float32]:
    """Each pixel (784, m) made the largest of itself and its four neighbours, so many times.

    The smallest, if below 0. Of 1.3 pixels, the 0.3 is three tenths of one more time.
    """
    best = np.maximum if pixels > 0 else np.minimum
    left = abs(pixels)
    while left > 0:
        image = X.reshape(SIDE, SIDE, -1)
        grown = image.copy()
        for to, of in (
            (np.s_[1:], np.s_[:-1]),
            (np.s_[:-1], np.s_[1:]),
            (np.s_[:, 1:], np.s_[:, :-1]),
            (np.s_[:, :-1], np.s_[:, 1:]),
        ):
            best(grown[to], image[of], out=grown[to])
        X = X + np.float32(min(1, left)) * (grown.reshape(PIXELS, -1) - X)
        left -= 1
    return X


def sources(
    rotation: float, shift: tuple[float, float]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The four pixels that each pixel comes from, and their weights: (4, 784) each.

    Each pixel looks back to where it was before it was turned and moved, and takes the four
    pixels around that place in proportion (bilinear).
    """
    middle = (SIDE - 1) / 2
    turn = np.deg2rad(rotation)
    down, right = np.indices((SIDE, SIDE)).reshape(2, PIXELS) - middle
    right, down = right - shift[0], down - shift[1]
    column = np.cos(turn) * right - np.sin(turn) * down + middle
    row = np.sin(turn) * right + np.cos(turn) * down + middle
    top, left = np.floor(row).astype(int), np.floor(column).astype(int)
    places, weights = [], []
    for r, near_r in ((top, top + 1 - row), (top + 1, row - top)):
        for c, near_c in ((left, left + 1 - column), (left + 1, column - left)):
            inside = (r >= 0) & (r < SIDE) & (c >= 0) & (c < SIDE)
            places.append(np.where(inside, SIDE * r + c, 0))
            weights.append(np.where(inside, near_r * near_c, 0))
    return np.array(places), np.array(weights, np.float32)


def resampled(
    X: NDArray[np.float32], places: NDArray[np.intp], weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Each pixel (784, m) as the weighted sum of those it comes from."""
    result = np.zeros_like(X)
    for place, weight in zip(places, weights, strict=True):
        result += weight[:, None] * X[place]
    return result
