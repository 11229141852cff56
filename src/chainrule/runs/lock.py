"""The lock of a run: one process at a time trains it."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from chainrule.files import in_words
from chainrule.model import MODEL
from chainrule.runs.run import RUN
from chainrule.runs.settings import RunError

LOCK = ".lock"
RunState = Literal["running", "finished", "interrupted"]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run in this folder; RunError if another process does. A crash leaves no lock.

    If the folder has no run at the end, a lock file that was made here is removed.
    subtle: it is removed while the lock is still held. A process that waits for the lock then finds
    no file in the folder, and makes another. If it were removed later, it might be the file that
    the other process has just locked.
    """
    from filelock import FileLock, Timeout

    path = folder / LOCK
    check_lock(path)
    made = False
    lock = FileLock(path, timeout=1)
    try:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
            made = True
        lock.acquire()
    except Timeout:
        raise RunError(f"{folder}: another process is training this run") from None
    except OSError as error:
        raise RunError(f"{folder}: cannot be locked: {in_words(error)}") from None
    try:
        yield
    finally:
        if made and not (folder / RUN).exists():
            with suppress(OSError):
                path.unlink()
        lock.release()


def state_of(folder: Path) -> RunState:
    """Whether a run is finished, being trained by a process just now, or neither.

    A run whose lock may not be taken, as on a read-only disk, counts as interrupted. Raises
    RunError if its lock is no file.
    """
    locks = check_lock(folder / LOCK)
    if (folder / MODEL).exists():
        return "finished"
    if locks:
        from filelock import FileLock, Timeout

        try:
            with FileLock(folder / LOCK, timeout=0):
                pass
        except Timeout:
            return "running"
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
    return "interrupted"


def check_lock(path: Path) -> bool:
    """Whether there is a lock's file; RunError if something else has its name."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(kind):
        raise RunError(f"{path}: damaged: the lock of a run is a file, this is none")
    return True
