"""What the classes of a set are called: a file classes.txt beside it, or its published names."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from chainrule.arrays import DIGITS, checked_names
from chainrule.idx import DataError

CLASSES = "classes.txt"
BYTES = 10_000  # of that file

CAPITALS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
SMALL = tuple("abcdefghijklmnopqrstuvwxyz")
APART = tuple("abdefghnqrt")  # small letters that do not look like their capitals


class Classes(NamedTuple):
    """The names of the classes in order, and the label of the first; None: 0, or 1 if it fits."""

    names: tuple[str, ...]
    first: int | None = None


# By words that are in the name of a file or of its folder. Sources: Cohen et al., "EMNIST"; Xiao et
# al., "Fashion-MNIST"; Clanuwat et al., "Deep learning for classical Japanese literature".
PUBLISHED = {
    "emnist-letters": Classes(CAPITALS, 1),
    "emnist-balanced": Classes(DIGITS + CAPITALS + APART, 0),
    "emnist-bymerge": Classes(DIGITS + CAPITALS + APART, 0),
    "emnist-byclass": Classes(DIGITS + CAPITALS + SMALL, 0),
    "fashion": Classes(
        (
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        0,
    ),
    "kmnist": Classes(tuple("おきすつなはまやれを"), 0),
}


def classes_beside(folder: Path, *names: str) -> Classes | None:
    """The classes of a set in this folder, whose files have these names; None: not known.

    classes.txt has a name a line, in the order of the labels.
    """
    path = folder / CLASSES
    if path.is_file():
        with path.open("rb") as file:
            content = file.read(BYTES + 1)
        try:
            lines = content.decode("utf-8-sig").splitlines()
            found = checked_names([line.strip() for line in lines if line.strip()])
        except UnicodeDecodeError:
            raise DataError(f"{path}: it must be text in UTF-8, a name a line") from None
        except DataError as error:
            raise DataError(f"{path}: {error}") from None
        if len(content) > BYTES:
            raise DataError(f"{path}: it may have {BYTES:,} bytes; a name a line")
        return Classes(found)
    for each in (*names, folder.absolute().name):
        for word, known in PUBLISHED.items():
            if word in each.lower().replace("_", "-"):
                return known
    return None
