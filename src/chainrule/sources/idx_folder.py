"""A set of IDX files in a folder: found by their usual names, or by what they hold."""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.arrays import PIXELS
from chainrule.data import PARTS
from chainrule.idx import IMAGES_MAGIC, LABELS_MAGIC, DataError, find, printable, read_idx
from chainrule.sources.parts import Found, Labelled, says_test

LOOKED_AT = 200  # files of a folder
HEADS = {IMAGES_MAGIC: 16, LABELS_MAGIC: 8}  # bytes


class Head(NamedTuple):
    """What the first bytes of an IDX file say."""

    path: Path
    magic: int
    length: int


class Pair(NamedTuple):
    """The files of a part."""

    images: Path
    labels: Path


Set = dict[str, Pair]  # the files of train and t10k


def read(path: Path) -> Found:
    """The digits in a folder of IDX files, or of the set that has this file."""
    pairs = files_of(path)
    train, *others = (labelled(pairs[part]) for part in PARTS if part in pairs)
    name = pairs["train"].images.name
    return Found(train, others[0] if others else None, files=(name,))


def labelled(pair: Pair) -> Labelled:
    """A part of such files; plain images stay on disk."""

    def images() -> NDArray[np.uint8]:
        return read_idx(pair.images, IMAGES_MAGIC).reshape(-1, PIXELS)

    return Labelled(read_idx(pair.labels, LABELS_MAGIC), images)


def files_of(path: Path) -> Set:
    """The files of the set in a folder, or to which a file belongs; DataError unless it is one."""
    folder = path if path.is_dir() else path.parent
    if path.is_dir() and usual(folder):
        return usual_files(folder)
    sets = sets_in(folder)
    if not path.is_dir():
        mine = {n: s for n, s in sets.items() if any(path in pair for pair in s.values())}
        if not mine:
            raise DataError(
                f"{path}: wanted IDX files of images and of as many labels beside each other, "
                f"found no file that belongs to it"
            )
        sets = mine
    if len(sets) > 1:
        each = [files["train"].images.name for files in sets.values()]
        shown = ", ".join(map(printable, each))
        raise DataError(f"{path}: {len(sets)} sets fit; name one by a file of it: {shown}")
    return next(iter(sets.values()))


def usual(folder: Path) -> bool:
    """Whether some file in it has one of MNIST's names."""
    pattern = re.compile(r"(train|t10k)-(images[-.]idx3|labels[-.]idx1)-ubyte(\.gz)?")
    return any(pattern.fullmatch(each.name) for each in folder.iterdir())


def usual_files(folder: Path) -> Set:
    """The four files with MNIST's names; those of the test part may be missing together."""
    there = {each.name.partition("-")[0] for each in folder.iterdir()}
    return {
        part: Pair(
            find(folder, f"{part}-images-idx3-ubyte"), find(folder, f"{part}-labels-idx1-ubyte")
        )
        for part in PARTS
        if part == "train" or part in there
    }


def sets_in(folder: Path) -> dict[str, Set]:
    """The sets whose files lie in a folder, by what their names share; there may be none."""
    heads = heads_in(folder)
    images = [head for head in heads if head.magic == IMAGES_MAGIC]
    labels = [head for head in heads if head.magic == LABELS_MAGIC]
    found: dict[str, Set] = {}
    for head in images:
        fit = [each for each in labels if each.length == head.length]
        same = [each for each in fit if stem(each.path) == stem(head.path)]
        if len(same or fit) > 1:
            raise DataError(
                f"{head.path}: two files of labels fit: "
                f"{', '.join(printable(each.path.name) for each in (same or fit)[:2])}; "
                f"give their names the same beginning"
            )
        if same or fit:
            part = "t10k" if says_test(head.path.name) else "train"
            name = common(head.path)
            if part in found.get(name, {}):
                raise DataError(
                    f"{folder}: two files of {part} images fit: "
                    f"{printable(found[name][part].images.name)}, {printable(head.path.name)}; "
                    f"put them into folders of their own"
                )
            found.setdefault(name, {})[part] = Pair(head.path, (same or fit)[0].path)
    return {name: files for name, files in found.items() if "train" in files}


def heads_in(folder: Path) -> list[Head]:
    """The IDX files in a folder; of a plain and a gzipped file of one name the plain one."""
    paths = sorted(each for each in folder.iterdir() if each.is_file())[:LOOKED_AT]
    heads = [head for path in paths if (head := head_of(path))]
    plain = {head.path for head in heads}
    return [h for h in heads if h.path.suffix != ".gz" or h.path.with_suffix("") not in plain]


def head_of(path: Path) -> Head | None:
    """What a file says that it is; None if that is no IDX file of images or labels."""
    try:
        with path.open("rb") as file:
            start = file.read(16)
            if start[:2] == b"\x1f\x8b":
                file.seek(0)
                start = gzip.GzipFile(fileobj=file).read(16)
    except (OSError, EOFError, zlib.error):
        return None
    magic = int.from_bytes(start[:4])
    if len(start) < HEADS.get(magic, 17):
        return None
    return Head(path, magic, *struct.unpack(">I", start[4:8]))


def stem(path: Path) -> str:
    """What the names of images and their labels share."""
    return re.sub(r"images?|imgs?|labels?|idx[13]|ubyte|gz|[-_. ]", "", path.name.lower())


def common(path: Path) -> str:
    """What the names of both parts of a set share."""
    return re.sub(r"training|train|testing|test|t10k", "", stem(path))
