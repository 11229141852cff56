"""The picture of a page becomes its ink alone: light evened, the rules of its paper taken out."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from chainrule.handwriting.picture import Picture
from chainrule.handwriting.stages import FAINT, inked, on_border, polarity
from chainrule.handwriting.unlike import mark_lengths

Ink = NDArray[np.floating]  # (height, width): 0 as light as paper, 1 black

NARROW = 7  # strokes are narrower than the page's longer side by this factor
DARKEST = 32.0  # of 255: paper is at least as light
LONG = 0.3  # of the page's longer side: what is straight for longer may be a rule
MOST_TURN = 12.0  # degrees: rules are turned no further
SHARP = 10.0  # by this factor rows of rules are sharper at their turn than at others
FAINTEST = 0.3  # of full ink: while rules are looked for, nothing counts as darker
FINE = 800  # pixels of the longer side while the turn of rules is looked for


def ink_of(picture: Picture) -> Picture:
    """The ink of a page, bright on 0, with grey edges. All is 0 where there is none."""
    ink = even(picture)
    full = darkness(ink)
    if full > 0:
        rules = np.maximum(rules_of(ink, full), rules_of(ink.T, full).T)
        # What is as dark as a rule becomes paper, and full ink stays what it is.
        ink = (ink - rules) * full / (full - rules)
    return without_rim(inked(255 * ink))


def even(picture: Picture) -> Ink:
    """How much darker than the paper around it each pixel is, as a share of the paper's shade.

    Light on dark is turned round. The shade is what is left where all that is narrow and dark is
    removed, so the straight edge of a shadow is paper.
    """
    values = 255 - polarity(picture).astype(np.float32)
    smooth = ndimage.gaussian_filter(values, 1, mode="nearest")
    size = max(3, max(picture.shape) // NARROW)
    shade = ndimage.grey_closing(smooth, size, mode="nearest")
    ink: Ink = 1 - values / np.maximum(shade, DARKEST)
    return ink - np.median(ink)


def rules_of(ink: Ink, full: float) -> Ink:
    """How dark the straight thin lines from left to right are at each pixel, 0 between them.

    They are turned by up to 12 degrees; `full` is how dark ink is.
    """
    height, width = ink.shape
    slope = slope_of_rules(ink, full)
    if slope is None:
        return np.zeros_like(ink)
    # The rules become level: each column is moved up or down by whole pixels.
    drop = np.rint(slope * (np.arange(width) - width / 2)).astype(int)
    room = int(np.abs(drop).max(initial=0))
    rows = np.arange(height + 2 * room)[:, None] - room + drop
    inside = (rows >= 0) & (rows < height)
    level = np.where(inside, ink[rows.clip(0, height - 1), np.arange(width)], 0)
    seen = ndimage.maximum_filter1d(level, 3, axis=0)
    # Beyond the border all is dark, so that a rule may be short where the border cuts it.
    long = round(min(LONG * max(ink.shape), 0.95 * width))
    seen = ndimage.uniform_filter1d(np.where(inside, seen, full), max(1, long // 8), axis=1)
    rules = np.where(inside, ndimage.grey_opening(seen, (1, long), mode="nearest"), 0)
    thick = ndimage.grey_opening(rules, (thickest(ink) + 4, 1), mode="nearest")
    rules = np.clip(np.where(thick > 0.5 * rules, 0, rules), 0, 0.8 * full)
    rules = ndimage.maximum_filter1d(rules, 3, axis=0)
    found: Ink = rules[np.arange(height)[:, None] + room - drop, np.arange(width)]
    return found


def noise_of(ink: Ink) -> float:
    """The deviation of the paper."""
    return 1.4826 * float(np.median(np.abs(ink)))


def darkness(ink: Ink) -> float:
    """How dark full ink is; 0 if there is none."""
    strong = ink[ink > 6 * noise_of(ink)]
    return float(np.percentile(strong, 90)) if strong.size else 0.0


def slope_of_rules(ink: Ink, full: float) -> float | None:
    """How far rules go down for one pixel to the right; None if there are none.

    Along the rules, and only there, the sums of rows have sharp peaks.
    """
    if min(ink.shape) < 16:
        return None
    factor = math.ceil(max(ink.shape) / FINE)
    faint = ndimage.uniform_filter(np.clip(ink, 0, FAINTEST * full), factor)[::factor, ::factor]
    faint[faint < noise_of(ink) / factor] = 0
    y, x = np.nonzero(faint)
    weights, x = faint[y, x], x - faint.shape[1] / 2
    wide = thickest(faint) * 2 + 1

    def sharpness(degrees: float) -> float:
        place = np.rint(y - math.tan(math.radians(degrees)) * x).astype(int)
        sums = np.bincount(place - place.min(), weights)
        peaks = sums - ndimage.median_filter(sums, wide, mode="nearest")
        return float(np.sum(np.clip(peaks, 0, None) ** 2))

    turns = np.arange(-MOST_TURN, MOST_TURN + 0.1, 0.5)
    sharp = [sharpness(turn) for turn in turns]
    best = turns[np.argmax(sharp)]
    if max(sharp) < SHARP * np.median(sharp) or abs(best) == MOST_TURN:
        return None
    best = max(best + np.arange(-0.4, 0.41, 0.1), key=sharpness)
    return math.tan(math.radians(best))


def thickest(ink: Ink) -> int:
    """Pixels: a rule is at most as thick."""
    return max(3, max(ink.shape) // 100)


def without_rim(ink: Picture) -> Picture:
    """The ink without what comes in from the border and is long: a table, the edge of a shadow."""
    labels, _ = ndimage.label(ink > FAINT, np.ones((3, 3)))
    border = np.unique(on_border(labels))
    long = np.concatenate([[False], mark_lengths(labels) > max(ink.shape) / 3])
    return np.where(np.isin(labels, border[long[border]]), 0, ink).astype(np.uint8)
