"""How much a request may ask for, and how much an answer holds: each limit is written here once.

What is drawn has handwriting's limits, and training has those of live/.
"""

from chainrule.data import SIDE
from chainrule.lab.live.control import LARGEST
from chainrule.lab.live.frames import UNITS
from chainrule.lab.live.training import CHECKPOINT_EVERY
from chainrule.lab.wire import Answer
from chainrule.runs.called import LONGEST

TEXT = 200  # characters of a name
NAME = 60  # of one that a person gives
ID = 3_000  # characters of a network's id
LAST = 10**12  # a step, a seed, a length
LAYERS = 10  # hidden layers of a network to train
WIDTH = 100_000  # units in one of them
THREADS = 64  # to train with
STROKES = 100  # in a drawing
DRAWINGS = 500  # in a collection
IMAGES = 500  # in an answer
RUNS = 100  # in an answer
MAP = 10_000  # test images on a map
SHOWN = (4, 64)  # units of a hidden layer in a picture
EDGES = 1_000  # between two layers in a picture
CHANGES = 200  # of a network, in a request
RANKED = 200  # units of a layer, in an answer
LEVELS = 20  # of lists and objects in each other, in the page's own state
FILE = 30_000_000  # bytes of a picture: photos of 50 million pixels as JPEG or HEIC have less
DAMAGE = {"noise": (0, 1), "rotation": (-180, 180), "shift": (-28, 28), "thickness": (-4, 4)}
# Over these a page draws what each damage does; its sliders go from the first to the last.
CURVES = {
    "noise": (0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1),
    "rotation": (-45, -30, -20, -10, 0, 10, 20, 30, 45),
    "shift": (0, 1, 2, 3, 4, 6, 8),
    "thickness": (-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2),
}


def limits() -> Answer:
    """The limits that a page keeps to as well."""
    from chainrule.handwriting import MOST_POINTS, PAD, PEN

    return {
        "side": SIDE,
        "pad": PAD,
        "pen": PEN,
        "strokes": STROKES,
        "points": MOST_POINTS,
        "drawings": DRAWINGS,
        "set_name": NAME,
        "file": FILE,
        "images": IMAGES,
        "runs": RUNS,
        "parameters": LARGEST,
        "layers": LAYERS,
        "width": WIDTH,
        "threads": THREADS,
        "last": LAST,
        "units": UNITS,
        "name": LONGEST,
        "checkpoint_every": CHECKPOINT_EVERY,
        "map": MAP,
        "shown": SHOWN,
        "edges": EDGES,
        "changes": CHANGES,
        "damage": {name: (x[0], x[-1]) for name, x in CURVES.items()},
    }
