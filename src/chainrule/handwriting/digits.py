"""Labelled pictures become a folder of digits to train on."""

import errno
import os
import shutil
from pathlib import Path

from chainrule.data import Digits, idx_files
from chainrule.files import make_folder, sync_folder, write_whole

THERE = "is there already; choose another folder"


def write_digits(folder: str | Path, train: Digits, test: Digits) -> None:
    """Write a new folder of four IDX files, which load_digits reads back.

    The same digits give the same bytes. The folder is there whole or not at all. Raises
    FileExistsError if it is there already, OSError if it cannot be written.
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
