"""Compiled code is kept between processes, in a folder that is the user's own.

Its files are read with pickle, so nobody else may be able to write there. What belongs to other
sources, versions or processors lies in a folder of another name, so that it is never taken; what
has changed since it was written is not taken, either.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import llvmlite
import numba
import numpy as np
from numba import config, njit
from numba.core.registry import cpu_target

from chainrule.files import write_whole

SUMS = "SHA256SUMS"
entries: list[Any] = []  # the compiled functions that Python calls


def entry(function: Callable[..., object]) -> Callable[..., Any]:
    """Compile a function that Python calls, without the interpreter's lock, and keep the code."""
    folder, _ = place()
    if folder is None:
        compiled = njit(nogil=True)(function)
    else:
        settings: Any = config  # of Numba
        before = settings.CACHE_DIR
        settings.CACHE_DIR = str(folder)  # read when a function is decorated, and only then
        try:
            compiled = njit(nogil=True, cache=True)(function)
        finally:
            settings.CACHE_DIR = before
    entries.append(compiled)
    return compiled


@cache
def place() -> tuple[Path | None, str]:
    """The folder for compiled code, or None and why there is none."""
    from platformdirs import user_cache_path

    folder = user_cache_path("chainrule") / f"compiled-{version()}"
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        reason = not_private(folder)
        if not reason and not os.access(folder, os.W_OK | os.X_OK):
            reason = "it cannot be written"
    except OSError as error:
        reason = error.strerror or str(error)
    return (None, f"{folder}: {reason}") if reason else (folder, "")


def not_private(folder: Path) -> str:
    """Why somebody else might write into this folder, or nothing."""
    if sys.platform == "win32":
        return ""  # a user's folder is the user's there
    for each in (folder, folder.parent):
        found = each.stat()
        if found.st_uid != os.getuid():
            return f"{each} belongs to somebody else"
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return f"others may write to {each}"
    return ""


def version() -> str:
    """A word that changes with all that compiled code depends on."""
    digest = sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    processor = cpu_target.target_context.codegen().magic_tuple()
    versions = (sys.version, np.__version__, numba.__version__, llvmlite.__version__)
    digest.update(repr((versions, processor)).encode())
    return digest.hexdigest()[:16]


def own_folder() -> Path | None:
    """Where Numba keeps the code of this installation: others may keep theirs beside it."""
    return None if place()[0] is None else Path(cast(Any, entries[0])._cache.cache_path)


def checksums(folder: Path) -> str:
    """The SHA-256 and the name of each file of compiled code, a line each."""
    files = sorted(folder.glob("*.nb[ci]"))
    return "".join(f"{sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)


def is_kept() -> bool:
    """Whether all compiled code lies in the folder as it was written."""
    folder = own_folder()
    if folder is None or not folder.is_dir():
        return False
    found, sums = checksums(folder), folder / SUMS
    kept = sums.read_text(encoding="utf-8", errors="replace") if sums.exists() else ""
    return found == kept and found.count("\n") == 2 * len(entries)


def remove_kept() -> None:
    """Remove code that is not as it was written, unless it was written by this process.

    It would end the process, or compute something else. Whether it is damaged, or was left by a
    process that was killed, is all the same.
    """
    folder = own_folder()
    if folder is not None and not any(cast(Any, each).signatures for each in entries):
        for path in folder.glob("*.nb[ci]"):
            path.unlink(missing_ok=True)


def note_kept() -> None:
    """Note how the compiled code was written."""
    folder = own_folder()
    if folder is not None and folder.is_dir():
        write_whole(folder / SUMS, checksums(folder).encode())


def keep_no_more() -> None:
    """From here on compile anew what is needed, whatever lies in the folder."""
    for each in entries:
        each._cache = numba.core.caching.NullCache()
