"""The subjects of stories and lessons: misread test images, chosen by a rule and not by a number.

The subject of a digit is, among the test images of it that a network misreads, the one from which
the network would learn most: the one with the largest ‖g‖, the gradient of its own E.
"""

import numpy as np
from numpy.typing import NDArray

from chainrule.data import Digits
from chainrule.lab.api import checks, requests
from chainrule.lab.api.changes import parse_changes
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import NamedNetwork
from chainrule.lab.wire import Answer, RefusedError
from chainrule.network import Array, Network, backward, forward

BLOCK = 512  # images at a time
Subjects = list[list[int | None]]


def subjects(lab: Lab, named: NamedNetwork) -> Subjects | None:
    """The subjects of a network; None if it is a run, which changes, or if its numbers overflow."""
    if named.run is not None:
        return None

    def find() -> Subjects | None:
        try:
            read = lab.read(named).argmax(axis=0)
        except (OverflowError, RefusedError):  # or its digits are not known
            return None
        return find_subjects(named.exact, lab.test_set_of(named), read)

    return lab.subjects.get(named.id, find, 8 * len(named.classes) ** 2)


def find_subjects(network: Network, digits: Digits, read: NDArray[np.intp]) -> Subjects | None:
    """The number of an image for each class (row) and each class it is read as (column).

    On the diagonal stands the subject of the class, whatever it is read as; if it is never misread,
    the one of all its images with the largest ‖g‖. None is for what there is not.
    """
    labels, classes = digits.labels, range(digits.classes)
    wrong = read != labels
    never = [each for each in classes if not wrong[labels == each].any()]
    numbers = np.flatnonzero(wrong | np.isin(labels, never))
    sizes = squared_gradients(network, digits[numbers])
    if not np.isfinite(sizes).all():
        return None
    labels, read = labels[numbers], read[numbers]

    def largest(truth: int, answer: int) -> int | None:
        chosen = labels == truth
        if answer != truth:
            chosen &= read == answer
        return int(numbers[chosen][sizes[chosen].argmax()]) if chosen.any() else None

    return [[largest(truth, answer) for answer in classes] for truth in classes]


def subject(lab: Lab, body: Answer) -> Answer:
    """The subject of one class, whatever it is read as, for a network of which no table is told.

    Asked with `network`, perhaps `step` and `changes`, and `truth`, the class.
    {network, step, test: its number; null if the class has no test image, or if a number overflows}
    """
    found = checks.parse_fields(body, "the body", ("network", "truth"), ("step", "changes"))
    named = lab.named(
        requests.parse_network(found["network"]),
        requests.parse_step(found.get("step")),
        parse_changes(found.get("changes")),
    )
    truth = checks.parse_whole(found["truth"], "truth", 0, len(named.classes) - 1)
    digits = lab.test_set_of(named)
    own = digits.labels == truth
    wrong = own & (lab.read(named).argmax(axis=0) != truth)
    numbers = np.flatnonzero(wrong if wrong.any() else own)
    sizes = squared_gradients(named.exact, digits[numbers]) if len(numbers) else np.array([np.nan])
    chosen = int(numbers[sizes.argmax()]) if np.isfinite(sizes).all() else None
    return {"network": named.id, "step": named.step, "test": chosen}


def squared_gradients(network: Network, digits: Digits) -> Array:
    """‖g‖² of each image (m,), g being the gradient of its own E, by all weights and biases.

    Of one image dW[l] is dZ[l] A[l-1]ᵀ and db[l] is dZ[l], so their squares add up to
    ‖dZ[l]‖² (1 + ‖A[l-1]‖²). What weight decay adds to dW is no image's own, and is left out.
    """
    parts = []
    for start in range(0, len(digits), BLOCK):
        block = digits[start : start + BLOCK]
        with np.errstate(over="ignore", invalid="ignore"):
            trace = forward(network, block.X.astype(np.float64))
            dZ = backward(network, trace, block.Y, m=1).dZ
            layers = [squared(dZ[l]) * (1 + squared(trace.A[l - 1])) for l in dZ]
            parts.append(np.sum(layers, axis=0))
    return np.concatenate(parts)


def squared(A: Array) -> Array:
    """The squared length of each column."""
    lengths: Array = np.sum(A**2, axis=0)
    return lengths
