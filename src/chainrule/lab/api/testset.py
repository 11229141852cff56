"""The answers about all test images: how a network does on them, damaged too; two runs; a map."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.data import PIXELS, Digits
from chainrule.distort import distort
from chainrule.encode import share
from chainrule.engine.sums import confusion_matrix
from chainrule.lab.api import checks, limits, requests
from chainrule.lab.api.doubted import doubts_of
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import NamedNetwork, digits_of_run
from chainrule.lab.api.requests import Damage
from chainrule.lab.live.frames import answers_of, inside_view
from chainrule.lab.wire import Answer, RefusedError, encode_array, encode_bytes
from chainrule.network import Array
from chainrule.plane import activations, principal_plane, turned
from chainrule.reading import probabilities
from chainrule.runs.compare import RunAt, beside, comparison_fields
from chainrule.runs.digits import parts_of
from chainrule.runs.run import Run
from chainrule.training import Evaluation
from chainrule.troubles import measure

SUREST = 24  # mistakes in an answer
CONFUSED = 60  # images of a cell of the confusion matrix, in an answer


def damaged(lab: Lab, named: NamedNetwork, damage: Damage) -> Digits:
    """A network's test images, damaged like this."""
    digits = lab.test_set_of(named)
    if damage == Damage():
        return digits

    def spoil() -> Digits:
        return distort(
            digits,
            thickness=damage.thickness,
            rotation=damage.rotation,
            shift=(damage.shift, 0.0),
            noise=damage.noise,
        )

    return lab.damaged.get((named.own_digits, damage), spoil, PIXELS * len(digits))


def read_damaged(lab: Lab, named: NamedNetwork, damage: Damage) -> Array:
    """A network's probabilities of each of its test images (classes, m), damaged like this."""
    if damage == Damage():
        return lab.read(named)

    def read() -> Array:
        return probabilities(named.network, damaged(lab, named, damage).X)

    key = *named.key, damage
    size = 4 * len(named.classes) * len(lab.test_set_of(named))
    return lab.readings.get(key, read, size)


def evaluate_network(lab: Lab, body: Answer) -> Answer:
    """How a network does on the test images, all damaged alike."""
    question = requests.parse_evaluation(body)
    named = lab.named(question.network, question.step, question.changes)
    A = read_damaged(lab, named, question.damage)
    labels = lab.test_set_of(named).labels
    predictions, confidence = A.argmax(axis=0), A.max(axis=0).astype(np.float64)
    right = predictions == labels
    seen = Evaluation(np.nan, confusion_matrix(labels, predictions, len(named.classes)))
    surest = surest_of(~right, confidence)[:SUREST]
    confusion = seen.confusion
    answered = confidence >= question.threshold
    found = {
        "network": named.id,
        "step": named.step,
        "accuracy": right.mean(),
        "confusion": confusion,
        "per_digit": list(map(share, seen.accuracy_per_digit)),  # recall
        "precision": list(map(share, precision_of(confusion))),
        "counts": confusion.sum(axis=1),
        "read_as": confusion.sum(axis=0),
        "mistakes": {
            "indices": surest,
            "labels": labels[surest],
            "predictions": predictions[surest],
            "confidence": confidence[surest],
            "doubts": doubts_of(named, surest),
            "images": pictures(lab, named, question.damage, surest),
        },
        "answered": answered.mean(),
        "right_of_answered": right[answered].mean() if answered.any() else None,
    }
    return found | ({"curves": damage_curves(lab, named)} if question.curves else {})


def confused_images(lab: Lab, body: Answer) -> Answer:
    """The images of one cell of the confusion matrix, the surest first, as the network saw them."""
    question = requests.parse_confused(body)
    named = lab.named(question.network, question.step, question.changes)
    A = read_damaged(lab, named, question.damage)
    if max(question.truth, question.read) >= len(A):
        raise RefusedError(f"truth and read must be from 0 to {len(A) - 1}, the classes of it")
    confidence = A.max(axis=0).astype(np.float64)
    cell = (lab.test_set_of(named).labels == question.truth) & (A.argmax(axis=0) == question.read)
    surest = surest_of(cell, confidence)[:CONFUSED]
    return {
        "count": cell.sum(),
        "indices": surest,
        "confidence": confidence[surest],
        "doubts": doubts_of(named, surest),
        "images": pictures(lab, named, question.damage, surest),
    }


def precision_of(confusion: NDArray[np.intp]) -> NDArray[np.float64]:
    """The share that is one of the images read as each class (k,); NaN where none is read so."""
    counts = confusion.sum(axis=0)
    return np.diag(confusion) / np.where(counts, counts, np.nan)


def surest_of(chosen: NDArray[np.bool_], confidence: NDArray[np.float64]) -> NDArray[np.intp]:
    """The numbers of the chosen images, the most confidently read first."""
    numbers = np.flatnonzero(chosen)
    return numbers[np.argsort(-confidence[numbers], kind="stable")]


def pictures(lab: Lab, named: NamedNetwork, damage: Damage, numbers: NDArray[np.intp]) -> str:
    """The images of these numbers, damaged like this: 784 bytes each, as base64."""
    return encode_bytes(damaged(lab, named, damage).images[numbers].tobytes())


def damage_curves(lab: Lab, named: NamedNetwork) -> Answer:
    """The accuracy over the range of each kind of damage alone."""
    labels = lab.test_set_of(named).labels

    def accuracy(damage: Damage) -> float:
        return float(np.mean(read_damaged(lab, named, damage).argmax(axis=0) == labels))

    return {
        name: {"x": x, "accuracy": [accuracy(Damage(**{name: float(value)})) for value in x]}
        for name, x in limits.CURVES.items()
    }


# -------------------------------------------------------------------------------------- two runs


def compare_runs(lab: Lab, body: Answer) -> Answer:
    """Two runs side by side, each after a step, in the words of `chainrule compare --json`."""
    pair = requests.parse_pair(body)
    stands = [run_at_step(lab, *each) for each in pair]
    (one, two), at = (run for run, _ in stands), [there for _, there in stands]
    counts = [len(each.classes) for each in (one, two)]
    if counts[0] != counts[1]:
        raise RefusedError(
            f"A tells {counts[0]} classes apart, B {counts[1]}: compare runs of as many"
        )
    found = beside(one, two, at[0], at[1], lab.own_set(one))
    return {
        "a": pair[0][0],
        "b": pair[1][0],
        **comparison_fields(found),
        "digits": digits_of_run(one),
    }


def run_at_step(lab: Lab, id: str, step: int | None) -> tuple[Run, RunAt]:
    """A run, and where it stands after a step, also if it is being trained."""
    named = lab.named(id, step)
    training = lab.live.training
    if training is not None and training.id == id:
        run, rows = training.run, np.array(training.rows, np.float64).reshape(-1, 6)
    else:
        found = lab.shelf.find(id)
        standing = found and lab.shelf.standing(found)
        if not found or not standing:
            raise RefusedError(f"{checks.quoted(id)} is no run here; runs are compared", "missing")
        run, rows = found, standing.history
    at = named.step or 0
    return run, RunAt(at, named.network, rows[rows[:, 0] <= at])


def look_inside(lab: Lab, body: Answer) -> Answer:
    """What a step of a run looks like from inside, its troubles then, and what it said."""
    run, at = run_at_step(lab, *requests.parse_run_step(body))
    digits, _ = parts_of(run, lab.own_set(run, "training"))
    seen = inside_view(measure(at.network, digits), at.history, run.settings.loss)
    return {**seen, "answers": answers_of(at.network, lab.own_set(run))}


# ----------------------------------------------------------------------------------------- a map


class Points(NamedTuple):
    """Where test images fall on a plane (2, m), and how much of the variance it shows."""

    places: Array
    shares: tuple[float, float]


def map_images(lab: Lab, body: Answer) -> Answer:
    """The first test images as points on the plane of their pixels or of what a layer makes."""
    question = requests.parse_map(body)
    named = lab.named(question.network, question.step, question.changes)
    test_set = lab.test_set_of(named)
    layer, count = question.layer, min(question.most, len(test_set))
    if layer > named.network.depth:
        raise RefusedError(f"of must be pixels or A1 to A{named.network.depth}, got A{layer}")
    digits = test_set[:count]

    def points(layer: int) -> Points:
        # Pixels belong to no network, but to a set of digits.
        key = (named.own_digits, None) if layer == 0 else named.key
        return lab.planes.get((*key, layer, count), lambda: found(layer), 16 * count)

    def found(layer: int) -> Points:
        plane = principal_plane(activations(named.network, digits.X, layer))
        # Turned as the pixels lie, all moments of a run can be laid on each other.
        places = turned(plane.points, points(0).places) if layer else plane.points
        return Points(places, plane.shares)

    places, shares = points(layer)
    return {
        "network": named.id,
        "step": named.step,
        "x": encode_array(places[0]),
        "y": encode_array(places[1]),
        "labels": digits.labels,
        "predictions": lab.read(named)[:, :count].argmax(axis=0),
        "explained": sum(shares),
    }
