"""Everything that can be asked, by name. Nothing here knows who asks, or how.

A server, a saved page and a worker in a tab answer from the same table.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from chainrule.lab.api import (
    about,
    bugs,
    drawings,
    grading,
    lessons,
    moment,
    picture,
    runs,
    saving,
    seen,
    sets,
    sheet,
    subjects,
    surgery,
    testset,
    trying,
)
from chainrule.lab.api.lab import Lab
from chainrule.lab.wire import Answer

MOMENT = 1 << 18  # bytes of a body that holds a moment
UPLOAD = 41_000_000  # that holds an image file
COLLECTION = 8_000_000  # that holds labelled drawings
CODE = 22_000_000  # that holds a file of code or a notebook, as text or as base64


class Route(NamedTuple):
    """A function that answers, and the bytes of the largest body that it is asked with.

    Without a body it is asked with a list of names and values. What is `apart` mostly waits for
    another process, one at a time, and must not keep others from being answered.
    """

    answer: Callable[[Lab, Any], Answer]
    body: int | None = MOMENT
    apart: bool = False


ROUTES = {
    "lab": Route(about.about, None),
    "mistakes": Route(moment.mistakes, None),
    "images": Route(moment.images, None),
    "ledger": Route(moment.ledger),
    "cell": Route(moment.cell),
    "proof": Route(moment.proof),
    "truth": Route(moment.truth),
    "impostors": Route(moment.impostors),
    "step": Route(moment.learning_step),
    "picture": Route(picture.picture),
    "curve": Route(picture.curve),
    "formula": Route(trying.formula),
    "number": Route(trying.number),
    "drawing": Route(drawings.read_drawing, UPLOAD),
    "collect": Route(drawings.collect_drawings, COLLECTION),
    "sets": Route(sets.list_sets, None),
    "name-set": Route(sets.rename_set),
    "read-set": Route(sets.read_set),
    "save": Route(saving.save_moment),
    "evaluate": Route(testset.evaluate_network),
    "subject": Route(subjects.subject),
    "sheet": Route(sheet.sheet, None),
    "confused": Route(testset.confused_images),
    "inside": Route(testset.look_inside),
    "compare": Route(testset.compare_runs),
    "seen": Route(seen.seen, None),
    "map": Route(testset.map_images),
    "operate": Route(surgery.operate),
    "matters": Route(surgery.matters),
    "described": Route(runs.describe_run),
    "preview": Route(runs.preview_run),
    "rename": Route(runs.rename_run),
    "train": Route(runs.order_training),
    "zoo": Route(bugs.zoo, None),
    "bug": Route(bugs.bug),
    "forms": Route(grading.forms, None),
    "code": Route(grading.code, CODE),
    "grade": Route(grading.grade, CODE, apart=True),
    "lessons": Route(lessons.list_lessons, None),
    "answer": Route(lessons.check_answer),
}


def ask(lab: Lab, name: str, asked: Any) -> Answer:  # noqa: ANN401, a body or a query
    """The answer to a request; RefusedError, CellError or OverflowError if there is none."""
    return ROUTES[name].answer(lab, asked)
