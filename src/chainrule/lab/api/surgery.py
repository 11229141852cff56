"""The answers about a network that is operated on: what it costs, and what each unit is worth."""

import numpy as np
from numpy.typing import NDArray

from chainrule.encode import share
from chainrule.engine.sums import confusion_matrix
from chainrule.explain.surgery import Worth, worth_of_units
from chainrule.lab.api import checks, limits, requests
from chainrule.lab.api.changes import parse_changes
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import NamedNetwork
from chainrule.lab.api.testset import surest_of
from chainrule.lab.wire import Answer, RefusedError
from chainrule.network import Array, count_parameters
from chainrule.training import Evaluation

FEW = 12  # images that are named
WORK = 2_000_000_000  # products; for a network that takes more, fewer images are looked at
LEAST = 500  # of them


def operate(lab: Lab, body: Answer) -> Answer:
    """What changes cost on all test images. Asked with `network`, `step` and `changes`.

    {network, step, images: how many there are,
     accuracy: {before, after}, per_digit: {before: [a share of each class], after: the same},
     gained: {count, indices, labels, before, after}, lost: the same}

    Gained are the images that are read right only after the changes, lost those that were read
    right only before. The lists name at most 12 of them, the surest readings first: their numbers,
    labels, and the digits read before and after.
    """
    found = checks.parse_fields(body, "the body", ("network", "changes"), ("step",))
    id, step = requests.parse_network(found["network"]), requests.parse_step(found.get("step"))
    after = lab.named(id, step, parse_changes(found["changes"]))
    before = lab.named(id, after.step)
    labels = lab.test_set_of(before).labels
    A = [lab.read(each) for each in (before, after)]
    was, now = (each.argmax(axis=0) for each in A)
    then, still = was == labels, now == labels
    sure = A[1].max(axis=0).astype(np.float64)

    def named(chosen: NDArray[np.bool_]) -> Answer:
        few = surest_of(chosen, sure)[:FEW]
        return {
            "count": chosen.sum(),
            "indices": few,
            "labels": labels[few],
            "before": was[few],
            "after": now[few],
        }

    def per_digit(read: NDArray[np.intp]) -> list[float | None]:
        seen = Evaluation(np.nan, confusion_matrix(labels, read, len(before.classes)))
        return list(map(share, seen.accuracy_per_digit))

    return {
        "network": id,
        "step": after.step,
        "images": len(labels),
        "accuracy": {"before": then.mean(), "after": still.mean()},
        "per_digit": {"before": per_digit(was), "after": per_digit(now)},
        "gained": named(~then & still),
        "lost": named(then & ~still),
    }


def matters(lab: Lab, body: Answer) -> Answer:
    """What each hidden unit of a layer is worth. Asked with `network`, `step`, `layer`, `changes`.

    {network, step, layer, images, accuracy,
     units: [{unit, accuracy, cost, digit, digit_cost}, …], more}

    A unit's `accuracy` is that without it alone, and `cost` what is lost by that; the unit that
    costs most comes first. `digit` is the one that suffers most, null if none does; of its images
    the share `digit_cost` is lost. `images` is how many were read: all, or the first ones if the
    layer is so large that they would take too long. The list has 200 units at most, `more` counts
    the others.
    """
    found = checks.parse_fields(body, "the body", ("network",), ("step", "layer", "changes"))
    named = lab.named(
        requests.parse_network(found["network"]),
        requests.parse_step(found.get("step")),
        parse_changes(found.get("changes")),
    )
    hidden = named.network.depth - 1
    if not hidden:
        raise RefusedError(f"{checks.quoted(named.id)} has no hidden units")
    l = checks.parse_whole(found.get("layer", 1), "layer", 1, hidden)
    size = 8 * (len(named.classes) + 1) * named.network.sizes[l]
    worth = lab.planes.get((*named.key, "worth", l), lambda: worth_of(lab, named, l), size)
    images, right = int(worth.images.sum()), int(worth.right.sum())
    lost = worth.right - worth.without  # (units, classes)
    order = np.argsort(-lost.sum(axis=1), kind="stable")
    shares = lost / np.maximum(worth.images, 1)
    digits = shares.argmax(axis=1)
    return {
        "network": named.id,
        "step": named.step,
        "layer": l,
        "images": images,
        "accuracy": right / images,
        "units": [
            {
                "unit": int(unit),
                "accuracy": int(worth.without[unit].sum()) / images,
                "cost": int(lost[unit].sum()) / images,
                "digit": int(digits[unit]) if shares[unit].max() > 0 else None,
                "digit_cost": float(shares[unit].max()) if shares[unit].max() > 0 else 0.0,
            }
            for unit in order[: limits.RANKED]
        ],
        "more": max(0, len(order) - limits.RANKED),
    }


def worth_of(lab: Lab, named: NamedNetwork, l: int) -> Worth:
    sizes = named.network.sizes
    above = count_parameters(sizes[l + 1 :]) if l + 2 < len(sizes) else 0
    m = max(LEAST, WORK // (sizes[l] * (sizes[l + 1] + above)))
    digits = lab.test_set_of(named)[:m]
    X: Array = digits.X
    return worth_of_units(named.network, X, digits.labels, l)
