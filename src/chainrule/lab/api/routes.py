"""Everything that can be asked, by name. Nothing here knows who asks, or how.

A server, a saved page and a worker in a tab answer from the same table.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from chainrule.lab.api import about, drawings, moment, runs, saving, testset
from chainrule.lab.api.lab import Lab
from chainrule.lab.wire import Answer

MOMENT = 1 << 18  # bytes of a body that holds a moment
UPLOAD = 14_000_000  # that holds an image file
COLLECTION = 8_000_000  # that holds labelled drawings


class Route(NamedTuple):
    """A function that answers, and the bytes of the largest body that it is asked with.

    Without a body it is asked with a list of names and values.
    """

    answer: Callable[[Lab, Any], Answer]
    body: int | None = MOMENT


ROUTES = {
    "lab": Route(about.about, None),
    "mistakes": Route(moment.mistakes, None),
    "images": Route(moment.images, None),
    "ledger": Route(moment.ledger),
    "cell": Route(moment.cell),
    "proof": Route(moment.proof),
    "impostors": Route(moment.impostors),
    "step": Route(moment.step),
    "drawing": Route(drawings.drawing, UPLOAD),
    "collect": Route(drawings.collect, COLLECTION),
    "save": Route(saving.saved),
    "evaluate": Route(testset.evaluate),
    "confused": Route(testset.confused),
    "inside": Route(testset.inside),
    "compare": Route(testset.compare),
    "map": Route(testset.plane),
    "described": Route(runs.described),
    "train": Route(runs.order),
}


def ask(lab: Lab, name: str, asked: Any) -> Answer:  # noqa: ANN401, a body or a query
    """The answer to a request; RefusedError, CellError or OverflowError if there is none."""
    return ROUTES[name].answer(lab, asked)
