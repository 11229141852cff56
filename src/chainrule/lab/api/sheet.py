"""The answer to what a set of digits looks like: some images of each class, or many of one."""

import numpy as np

from chainrule.data import Digits
from chainrule.lab.api import checks, limits, requests
from chainrule.lab.api.lab import Lab
from chainrule.lab.wire import Answer, RefusedError, encode_bytes

EACH = 20  # images of a class, if there is room for so many
PAGE = 200  # of one class


def sheet(lab: Lab, query: list[tuple[str, str]]) -> Answer:
    """The contact sheet of a set: that of a `network`, or without it the one given to the lab.

    Asked with `part` (train or test), and for a page of one class with `class` and `start`, counted
    within the class. A page never names a place on the disk.

    {name, parts, part, classes: names, counts: of each class in this part, numbers: of the shown
    images in the part, class after class, labels, images: 784 bytes each}
    """
    asked = checks.parse_query(query, ("part",), ("network", "class", "start"))
    if "start" in asked and "class" not in asked:
        raise RefusedError("start counts within a class: name the class, too")
    part = checks.parse_choice(asked["part"], "part", ("train", "test"))
    name, sets = sets_asked(lab, asked.get("network"))
    digits = sets[part]
    if digits is None:
        raise RefusedError(f"all images of {name} are to test on", "missing")
    digits.check_file()
    k, labels = digits.classes, digits.labels
    if "class" in asked:
        chosen = checks.parse_count(asked["class"], "class", 0, k - 1)
        start = checks.parse_count(asked.get("start", "0"), "start", 0, len(digits))
        numbers = np.flatnonzero(labels == chosen)[start : start + PAGE]
    else:
        each = min(EACH, limits.IMAGES // k)
        numbers = np.concatenate([np.flatnonzero(labels == one)[:each] for one in range(k)])
    return {
        "name": name,
        "parts": [name for name, there in sets.items() if there is not None],
        "part": part,
        "classes": digits.names,
        "counts": np.bincount(labels, minlength=k),
        "numbers": numbers,
        "labels": labels[numbers],
        "images": encode_bytes(digits.images[numbers].tobytes()),
    }


def sets_asked(lab: Lab, network: str | None) -> tuple[str, dict[str, Digits | None]]:
    """The name of the set, and its two parts."""
    if network is None:
        given = lab.given_set
        if given is None:
            raise RefusedError("no digits were given: chainrule lab --data PLACE", "missing")
        return given.name, {"train": given.train, "test": given.test}
    named = lab.named(requests.parse_network(network))
    test_set = lab.test_set_of(named)
    return named.digits or "", {"train": lab.training_set_of(named), "test": test_set}
