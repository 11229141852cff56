"""The answers to what a person worked out: a formula for an array, or the number of a cell."""

from collections.abc import Iterator

from chainrule.explain.formula import LENGTH, FormulaError, read_formula, targets
from chainrule.explain.guess import TEXT, NumberError, judge_number
from chainrule.explain.ledger import overflowing
from chainrule.explain.slips import SENTENCES
from chainrule.explain.tree import written
from chainrule.explain.verdicts import Case, judge_formula
from chainrule.lab.api import checks, requests
from chainrule.lab.api.lab import Lab, Resolved
from chainrule.lab.wire import Answer, RefusedError

OTHERS = (0, 1, 2, 3)  # test images, of which the first three others are taken
AS_IF = (1, 5)  # and this image with its label so much further on
TRAINING_IMAGES = 60_000  # of MNIST: whoever trains on them divides by it


def formula(lab: Lab, body: Answer) -> Answer:
    """The verdict on a formula; of one that cannot be read or computed, why and where."""
    moment, more = requests.parse_moment(body, "target", "formula")
    text = checks.parse_text(more["formula"], "formula", LENGTH)
    found = lab.resolve(moment)
    opened = lab.ledger(found)
    target = checks.parse_choice(more["target"], "target", tuple(targets(opened)))
    try:
        node = read_formula(opened, target, text)
        verdict = judge_formula(opened, target, node, tuple(others(lab, found)))
    except FormulaError as error:
        return {"target": target, "kind": "unread", "why": str(error), "at": error.at}
    says = SENTENCES.get(verdict.mistake or "")
    return {"target": target, "read": written(node), "says": says, **verdict._asdict()}


def others(lab: Lab, found: Resolved) -> Iterator[Case]:
    """The other images and labels that a formula is tried on: always the same for one moment."""
    moment = found.moment
    tests = [k for k in OTHERS if k < len(lab.test_set_of(found.named))]
    images = [each for each in map(requests.TestImage, tests) if each != moment.image][:3]
    moments = [moment._replace(image=image, label=None) for image in images]
    classes = found.named.network.sizes[-1]
    moments += [moment._replace(label=(found.label + more) % classes) for more in AS_IF]
    for each in moments:
        other = lab.resolve(each)
        image = each.image if each.label is None else None
        test = image.number if isinstance(image, requests.TestImage) else None
        yield Case(test, other.label, lab.ledger(other))


def number(lab: Lab, body: Answer) -> Answer:
    """What the number is that a person worked out for a cell; the cell's own is not told."""
    moment, more = requests.parse_moment(body, "cell", "number")
    cell = checks.parse_text(more["cell"], "cell", 40)
    text = checks.parse_text(more["number"], "number", TEXT)
    found = lab.resolve(moment)
    opened = lab.ledger(found)
    if array := overflowing(opened):
        raise RefusedError(f"{array} overflows on this image, so nothing can be compared")
    run = found.named.run
    batch = run.settings.batch_size if run else None
    try:
        verdict = judge_number(
            opened, cell, text, ms=[m for m in (batch, TRAINING_IMAGES) if m and m > 1]
        )
    except NumberError as error:
        return {"kind": "unread", "why": str(error)}
    return {"says": SENTENCES.get(verdict.mistake or ""), **verdict._asdict()}
