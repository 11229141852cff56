"""Pictures in folders that are named by label: data/3/scan.png, or train/3/… and test/3/…."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from chainrule.arrays import PIXELS
from chainrule.idx import SIDE, DataError, printable
from chainrule.sources.parts import Found, Labelled, held, says_test

MOST = 200_000  # pictures
MOST_FOLDERS = 1000
ENDINGS = (*(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"), *(".tif", ".tiff", ".heic"))
IGNORED = ("thumbs.db", "desktop.ini", "classes.txt")


def read(path: Path, prepare: str = "auto") -> Found:
    """The digits in a folder of pictures."""
    folders = folders_in(path)
    parts = [each for each in folders if says_test(each.name) or "train" in each.name.lower()]
    if not parts:
        return Found(read_part(path, prepare))
    tests = [each for each in parts if says_test(each.name)]
    trains = [each for each in parts if each not in tests]
    others = [each for each in folders if each not in parts and pictures_in(each)]
    if len(trains) != 1 or len(tests) > 1 or others:
        raise DataError(
            f"{path}: wanted a folder for each label, or train and test with such folders; got "
            f"{', '.join(printable(each.name) for each in (*folders[:8],))}"
        )
    return Found(read_part(trains[0], prepare), read_part(tests[0], prepare) if tests else None)


def is_such(path: Path) -> bool:
    """Whether a folder holds folders of pictures, at one depth or at two."""
    inside = folders_in(path)
    deeper = [each for one in inside[:8] for each in folders_in(one)]
    return any(is_picture(file) for one in (*inside, *deeper) for file in one.iterdir())


def read_part(folder: Path, prepare: str) -> Labelled:
    """The pictures in the folders of a folder, in the order of their names."""
    files = [(each.name, file) for each in folders_in(folder) for file in pictures_in(each)]
    if not files:
        raise DataError(f"{folder}: wanted image files in a folder for each label, found none")
    if len(files) > MOST:
        raise DataError(f"{folder}: at most {MOST:,} pictures are read, it has {len(files):,}")
    images = np.empty((len(files), PIXELS), np.uint8)
    for place, (_, file) in enumerate(files):
        images[place] = pixels_of(file, prepare)
    return held(images, np.array([label for label, _ in files]))


def folders_in(path: Path) -> list[Path]:
    """The folders in a folder, in the order of their names."""
    found = sorted(each for each in path.iterdir() if each.is_dir() and each.name[0] != ".")
    if len(found) > MOST_FOLDERS:
        raise DataError(f"{path}: it has {len(found):,} folders; wanted one for each label")
    return found


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder; DataError if there is something else, which would be left out."""
    files = sorted(each for each in folder.iterdir() if each.name[0] != ".")
    files = [each for each in files if each.name.lower() not in IGNORED]
    for each in files:
        if not is_picture(each):
            raise DataError(
                f"{folder}: wanted image files and nothing else, got {printable(each.name)}; "
                f"move it away"
            )
    return files


def is_picture(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS


def pixels_of(file: Path, prepare: str) -> NDArray[np.uint8]:
    """The 784 pixels of a picture; DataError if it cannot be read."""
    with file.open("rb") as opened:
        return pixels(str(file), opened.read(readers().MOST_BYTES + 1), prepare)


def pixels(name: str, content: bytes, prepare: str) -> NDArray[np.uint8]:
    """The 784 pixels of the picture in these bytes, which messages call by this name.

    What is 28 × 28 already is taken as it is, as long as its border is dark as MNIST's is; all else
    is prepared as drawings are. `prepare` "always" prepares all, "never" takes all as they are.
    """
    handwriting = readers()
    try:
        picture = handwriting.read_image(content)
        if prepare != "always":
            fits = picture.shape == (SIDE, SIDE)
            border = np.concatenate([picture[[0, -1]].ravel(), picture[:, [0, -1]].ravel()])
            if fits and (prepare == "never" or np.median(border) < 128):
                return np.asarray(picture.reshape(PIXELS), np.uint8)
            if prepare == "never":
                high, wide = picture.shape
                raise DataError(
                    f"{name}: it must be 28 × 28 pixels to be taken as it is, it has "
                    f"{wide} × {high}; --prepare auto makes it so"
                )
        return np.asarray(handwriting.prepare(picture).pixels, np.uint8)
    except handwriting.HandwritingError as error:
        raise DataError(f"{name}: {error}") from None


def readers() -> ModuleType:
    """The room that reads pictures; DataError where its libraries are not installed."""
    try:
        from chainrule import handwriting
    except ModuleNotFoundError:
        raise DataError("pictures need the extra lab: pip install pillow scipy") from None
    return handwriting
