"""Digits become a folder of IDX files: the way back."""

import errno
import gzip
import os
import shutil
import struct
from pathlib import Path

from chainrule.arrays import DIGITS
from chainrule.data import PARTS, Digits
from chainrule.files import make_folder, sync_folder, write_whole
from chainrule.idx import IMAGES_MAGIC, LABELS_MAGIC, SIDE
from chainrule.sources.classes import CLASSES

THERE = "is there already; choose another folder"


def write_digits(folder: str | Path, train: Digits, test: Digits) -> None:
    """Write a new folder of four IDX files, which load_digits reads back.

    Classes other than the digits 0 to 9 are named in classes.txt. The same digits give the same
    bytes. The folder is there whole or not at all. Raises FileExistsError if it is there already,
    OSError if it cannot be written.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(errno.EEXIST, THERE, str(folder))
    make_folder(folder.parent, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{os.urandom(4).hex()}")
    try:
        temporary.mkdir()
        for name, content in idx_files(train, test).items():
            write_whole(temporary / name, content)
        temporary.rename(folder)
        sync_folder(folder.parent)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, OSError) and error.errno:  # nobody has heard of the temporary folder
            # A folder that is not empty was made here meanwhile.
            taken = error.errno == errno.ENOTEMPTY
            code = errno.EEXIST if taken else error.errno
            raise OSError(code, THERE if taken else error.strerror, str(folder)) from None
        raise


def idx_files(train: Digits, test: Digits) -> dict[str, bytes]:
    """The files of these digits, name by name, gzipped; the same digits, the same bytes."""
    files = {}
    for part, digits in zip(PARTS, (train, test), strict=True):
        m = len(digits)
        images = struct.pack(">4I", IMAGES_MAGIC, m, SIDE, SIDE) + digits.images.tobytes()
        labels = struct.pack(">2I", LABELS_MAGIC, m) + digits.labels.tobytes()
        for name, content in (("images-idx3", images), ("labels-idx1", labels)):
            files[f"{part}-{name}-ubyte.gz"] = gzip.compress(content, mtime=0)
    if train.names != DIGITS:
        files[CLASSES] = "".join(f"{name}\n" for name in train.names).encode()
    return files
