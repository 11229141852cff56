"""A drawing or a photo of a digit becomes 28 × 28 pixels as MNIST would have made them.

Strokes on a pad or the bytes of an image file become a grey picture; then one stage after
the other, each a function of a picture that can be switched off, makes of it what a network that
learned MNIST expects. `read_sheet` finds the digits of a page, and makes strings of its lines.
Needs the extra `lab`: Pillow reads files and resizes, SciPy measures shapes.
"""

from chainrule.handwriting.files import MOST_BYTES, read_image
from chainrule.handwriting.picture import HandwritingError, Picture
from chainrule.handwriting.sheet import MOST_LONG, Digit, read_sheet
from chainrule.handwriting.stages import STAGES, Prepared, Stage, prepare
from chainrule.handwriting.strokes import MOST_POINTS, PAD, PEN, draw, length_of
from chainrule.handwriting.unlike import Novelty, measured, novelty

__all__ = [
    "MOST_BYTES",
    "MOST_LONG",
    "MOST_POINTS",
    "PAD",
    "PEN",
    "STAGES",
    "Digit",
    "HandwritingError",
    "Novelty",
    "Picture",
    "Prepared",
    "Stage",
    "draw",
    "length_of",
    "measured",
    "novelty",
    "prepare",
    "read_image",
    "read_sheet",
]
