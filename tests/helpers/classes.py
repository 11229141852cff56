"""Sets of other classes than the ten digits, made from the packaged ones, and runs that read them.

Fashion-MNIST's form with ten names, EMNIST's letters with labels from 1, one of two classes, and
one of 62.
"""

import numpy as np

from chainrule import Digits
from chainrule.runs.digits import reading_of
from chainrule.sources.opening import load_both
from helpers.sets import write_emnist
from helpers.trainings import asked, trained

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
CLOTHES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
SETS = {
    "fashion": (CLOTHES, 0),
    "emnist-letters": (LETTERS, 1),
    "two": (("even", "odd"), 0),
    "emnist-byclass": ((*"0123456789", *LETTERS, *(each.lower() for each in LETTERS)), 0),
}
COUNTS = (260, 130)  # to train on, to test on


def relabelled(digits, m, names):
    """The first m digits: the class is the digit, and of more than ten classes the ink, too."""
    ink = digits.images[:m].astype(int).sum(axis=1) // 2500
    labels = (digits.labels[:m] + 10 * (ink % 7) * (len(names) > 10)) % len(names)
    return Digits(digits.images[:m].copy(), labels.astype(np.uint8), names=names)


def sets_of(mnist, name):
    """The two parts of a set."""
    names, _ = SETS[name]
    return [relabelled(each, m, names) for each, m in zip(mnist, COUNTS, strict=True)]


def write_classes(folder, mnist, name):
    """A set in a folder of its name, as it is published, turned over; the folder."""
    _, first = SETS[name]
    write_emnist(folder / name, name, *sets_of(mnist, name), first=first)
    if name == "two":
        (folder / name / "classes.txt").write_text("even\nodd\n", encoding="utf-8")
    return folder / name


def learn_classes(folder, mnist, name, steps=12):
    """A run in runs/ that has learned such a set a little."""
    place = write_classes(folder, mnist, name)
    settings = asked(
        **{"data": str(place), "transpose": True, "hidden": (12,), "optimizer": "adam"},
        **{"learning_rate": 0.02, "batch_size": None, "steps": steps},
    )
    digits = load_both(place, reading_of(settings))
    return trained(folder / "runs" / name, digits, settings, engine="numpy")[0]
