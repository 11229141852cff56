"""The answers about one moment: every number of an image's pass, and what proves it.

Every number comes from the rooms that `chainrule explain` and `chainrule check` use. Arrays travel
as base64 of little-endian float64, so that every bit arrives, infinity too.
"""

import numpy as np

from chainrule.explain.learning import learn_once, share_to_learn
from chainrule.explain.ledger import (
    Ledger,
    output_terms,
    overflowing,
    prediction,
    softmax_jacobian,
    split,
)
from chainrule.explain.proof import prove, prove_output
from chainrule.explain.rules import array_formula, cell_wording, open_cell
from chainrule.explain.source import find_source
from chainrule.lab.api import checks, limits, requests
from chainrule.lab.api.changes import parse_changes
from chainrule.lab.api.doubted import doubts_of
from chainrule.lab.api.images import unlike_of
from chainrule.lab.api.lab import Lab, Resolved
from chainrule.lab.wire import Answer, encode_array, encode_bytes

# ---------------------------------------------------------------------------------- all test images


def mistakes(lab: Lab, query: list[tuple[str, str]]) -> Answer:
    """The test images a network reads wrong, in their order."""
    found = checks.parse_query(query, ("network",), ("step", "changes"))
    step, changes = found.get("step"), found.get("changes")
    named = lab.named(
        requests.parse_network(found["network"]),
        None if step is None else checks.parse_count(step, "step", 0, limits.LAST),
        parse_changes(changes and checks.parse_json(changes.encode(), "changes")),
    )
    A, labels = lab.read(named), lab.test_set_of(named).labels
    predictions = A.argmax(axis=0)
    wrong = np.flatnonzero(predictions != labels)
    return {
        "indices": wrong,
        "labels": labels[wrong],
        "predictions": predictions[wrong],
        "confidence": A.max(axis=0)[wrong].astype(np.float64),
    }


def images(lab: Lab, query: list[tuple[str, str]]) -> Answer:
    """Some of the test images of a network, one after the other, as bytes, with their labels."""
    found = checks.parse_query(query, ("network", "start", "count"))
    test_set = lab.test_set_of(lab.named(requests.parse_network(found["network"])))
    m = len(test_set)
    start = checks.parse_count(found["start"], "start", 0, m - 1)
    count = checks.parse_count(found["count"], "count", 1, limits.IMAGES)
    digits = test_set[start : start + count]
    return {
        "start": start,
        "images": encode_bytes(digits.images.tobytes()),
        "labels": digits.labels,
    }


# --------------------------------------------------------------------------------------- one moment


def ledger(lab: Lab, body: Answer) -> Answer:
    """Every number of a moment's pass, in the order of the pass."""
    moment, _ = requests.parse_moment(body)
    found = lab.resolve(moment)
    return ledger_of(found, lab.ledger(found))


def ledger_of(found: Resolved, opened: Ledger) -> Answer:
    moment, network = found.moment, opened.network
    L, decay = network.depth, network.weight_decay > 0
    is_test = isinstance(moment.image, requests.TestImage)
    return {
        "network": moment.network,
        "step": moment.step,
        "image": image_of(moment.image),
        "label": moment.label,
        "truth": int(found.image.labels[0]) if is_test else None,
        "doubt": doubt_of(found),
        "prediction": prediction(opened),
        "overflows": overflowing(opened),
        "to_learn": share_to_learn(opened),
        "m": 1,
        "arrays": [
            {
                "name": name,
                "shape": array.shape,
                "f8": encode_array(array),
                "formula": array_formula(network, name),
                "cell": cell_wording(network, name)._asdict(),
                "source": find_source(*split(name), L, network.loss, decay=decay),
            }
            for name, array in opened.arrays.items()
        ],
        "jacobian": {
            "name": f"∂A{L}/∂Z{L}",
            "shape": (network.sizes[-1], network.sizes[-1]),
            "f8": encode_array(softmax_jacobian(opened)),
            "terms": encode_array(output_terms(opened)),  # of dZ, a row for each
            "formula": f"∂A{L}[i]/∂Z{L}[j] = A{L}[i] ((i = j) - A{L}[j])",
        },
        "weighted": encode_array(
            opened.arrays["W1"] * opened.arrays["x"]
        ),  # the terms of Z1, to shade W1
        "unlike": unlike_of(found.named, moment.image),
    }


def doubt_of(found: Resolved) -> Answer | None:
    """How people judged the label of a test image, if it is doubted."""
    image = found.moment.image
    return (
        doubts_of(found.named, [image.number])[0] if isinstance(image, requests.TestImage) else None
    )


def image_of(image: requests.Image) -> Answer:
    """The image as it was asked for."""
    match image:
        case requests.TestImage(number):
            return {"test": number}
        case requests.Drawn(strokes, off):
            return {"strokes": strokes, "off": off}
        case requests.Pixels(content):
            return {"pixels": encode_bytes(content)}


def cell(lab: Lab, body: Answer) -> Answer:
    """One cell of a moment, opened."""
    opened, name = cell_asked(lab, body)
    return open_cell(opened, name)._asdict()


def proof(lab: Lab, body: Answer) -> Answer:
    """One derivative of a moment beside its central difference."""
    opened, name = cell_asked(lab, body)
    return prove(opened, name)._asdict()


def truth(lab: Lab, body: Answer) -> Answer:
    """One cell of a moment beside its true digits.

    They are asked for apart from the proof, because those of a large network take a second.
    """
    moment, more = requests.parse_moment(body, "cell")
    name = checks.parse_text(more["cell"], "cell", 40)
    return lab.truth(lab.resolve(moment)).cell(name)._asdict()


def cell_asked(lab: Lab, body: Answer) -> tuple[Ledger, str]:
    moment, more = requests.parse_moment(body, "cell")
    name = checks.parse_text(more["cell"], "cell", 40)
    return lab.ledger(lab.resolve(moment)), name


def impostors(lab: Lab, body: Answer) -> Answer:
    """dZ of the last layer, as chainrule and as the impostors compute it."""
    moment, _ = requests.parse_moment(body)
    return impostors_of(lab.ledger(lab.resolve(moment)))


def impostors_of(opened: Ledger) -> Answer:
    return prove_output(opened)._asdict()


def learning_step(lab: Lab, body: Answer) -> Answer:
    """One step on this image alone, at many learning rates."""
    moment, _ = requests.parse_moment(body)
    return learning_step_of(lab.ledger(lab.resolve(moment)))


def learning_step_of(opened: Ledger) -> Answer:
    return learn_once(opened)._asdict()
