"""The sets of drawings in the lab's folder: which there are, what is in them, and their names.

A set is a folder of IDX files in `drawings/`, and perhaps its name in a small file beside them. A
page knows it by the name of the folder, which never changes, because runs were trained on it.
"""

import re
import unicodedata
from pathlib import Path
from typing import NamedTuple

import numpy as np

from chainrule.arrays import DIGITS
from chainrule.data import CLASSES, DataError, Digits
from chainrule.engine.sums import confusion_matrix
from chainrule.files import in_words, open_regular, write_whole
from chainrule.lab.api import checks, limits, requests
from chainrule.lab.api.lab import Lab
from chainrule.lab.wire import Answer, RefusedError, encode_bytes
from chainrule.reading import probabilities
from chainrule.sources.opening import load_digits

NAME = "name.txt"
PLAIN = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}", re.ASCII)  # the name of a folder


class DrawnSet(NamedTuple):
    """A set of drawings: its folder's name, the name it was given, and its two parts."""

    id: str
    name: str
    train: Digits
    test: Digits

    @property
    def all(self) -> Digits:
        """All of them, those to train on first."""
        images = np.concatenate([self.train.images, self.test.images])
        return Digits(images, np.concatenate([self.train.labels, self.test.labels]))


def sets_folder(lab: Lab) -> Path:
    return lab.folder / "drawings"


def find_set(lab: Lab, id: str) -> DrawnSet:
    """The set in the folder of this name; RefusedError if there is none, or it cannot be read."""
    folder = sets_folder(lab) / id
    if not PLAIN.fullmatch(id) or folder.is_symlink() or not folder.is_dir():
        raise RefusedError(f"no set of drawings {checks.quoted(id)} here", "missing")
    try:
        train, test = load_digits(folder)
    except (DataError, OSError) as error:
        reason = in_words(error) if isinstance(error, OSError) else str(error)
        reason = reason.replace(str(folder.absolute()), id).replace(str(folder), id)
        raise RefusedError(f"the set {id} cannot be read: {reason}", "missing") from None
    if train.names != DIGITS:
        raise RefusedError(f"the set {id} has other classes than the ten digits", "missing")
    return DrawnSet(id, name_of(folder), train, test)


def name_of(folder: Path) -> str:
    """The name that a set was given, or that of its folder if it has none that can be one."""
    try:
        with open_regular(folder / NAME) as file:
            return parse_name(file.read(8 * limits.NAME).decode("utf-8").removesuffix("\n"))
    except (OSError, ValueError):
        return folder.name


def parse_name(value: object) -> str:
    """A name that people read: no path, no control characters, nothing before or after it."""
    name = unicodedata.normalize("NFC", checks.parse_text(value, "name", limits.NAME))
    if not name.isprintable() or name != name.strip() or not name:
        raise RefusedError("a name must be one line of letters that can be seen; choose another")
    return name


def give_name(folder: Path, name: str) -> None:
    """Write down the name of a set; RefusedError if the disk does not take it."""
    try:
        write_whole(folder / NAME, f"{name}\n".encode())
    except OSError as error:
        raise RefusedError(f"the name cannot be written: {in_words(error)}", "unwritable") from None


# --------------------------------------------------------------------------------------- answers


def list_sets(lab: Lab, query: list[tuple[str, str]]) -> Answer:
    """The sets there are, the newest last, and the folders that cannot be read, with the reason."""
    checks.parse_query(query, ())
    try:
        there = [each for each in sets_folder(lab).iterdir() if PLAIN.fullmatch(each.name)]
        ids = sorted(each.name for each in there if each.is_dir())
    except OSError:
        ids = []  # there is no folder yet
    found, damaged = [], []
    for id in ids[-limits.RUNS :]:
        try:
            found.append(entry_of(find_set(lab, id)))
        except RefusedError as error:
            damaged.append({"id": id, "why": str(error)})
    return {"sets": found, "damaged": damaged}


def entry_of(found: DrawnSet) -> Answer:
    """What a list says of a set: how many drawings, to train on and to test, and of each digit."""
    labels = np.concatenate([found.train.labels, found.test.labels])
    return {
        "id": found.id,
        "name": found.name,
        "train": len(found.train),
        "test": len(found.test),
        "per_digit": np.bincount(labels, minlength=CLASSES),
    }


def rename_set(lab: Lab, body: Answer) -> Answer:
    """Give a set another name; its folder stays as it is."""
    asked = checks.parse_fields(body, "the body", ("set", "name"))
    id, name = checks.parse_text(asked["set"], "set"), parse_name(asked["name"])
    found = find_set(lab, id)
    give_name(sets_folder(lab) / id, name)
    return entry_of(found._replace(name=name))


def read_set(lab: Lab, body: Answer) -> Answer:
    """What a network reads in every drawing of a set, the first of which come with their pixels."""
    asked = checks.parse_fields(body, "the body", ("set", "network"), ("step",))
    found = find_set(lab, checks.parse_text(asked["set"], "set"))
    named = lab.named(
        requests.parse_network(asked["network"]), requests.parse_step(asked.get("step"))
    )
    if not named.reads_digits:
        raise RefusedError(f"the set {found.id} has digits, and {named.id} reads other classes")
    digits, shown = found.all, slice(limits.IMAGES)
    A = probabilities(named.network, digits.X)
    predictions, labels = A.argmax(axis=0), digits.labels
    right = predictions == labels
    confusion = confusion_matrix(labels, predictions, CLASSES)
    return entry_of(found) | {
        "network": named.id,
        "step": named.step,
        "count": len(digits),
        "right": right.sum(),
        "accuracy": right.mean(),
        "right_of_test": right[len(found.train) :].sum(),
        "confusion": confusion,
        "labels": labels[shown],
        "predictions": predictions[shown],
        "confidence": A.max(axis=0).astype(np.float64)[shown],
        "for_test": np.arange(len(digits))[shown] >= len(found.train),
        "images": encode_bytes(digits.images[shown].tobytes()),
    }
