"""The BLAS that NumPy computes with: one thread of it, and what it is."""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


class OneThread:
    """One BLAS thread while anybody in this process is inside; then as many as before.

    The limit belongs to the process, so its users are counted: the first one in sets it, the last
    one out restores it, in whatever order they come.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.limit: Any = None

    def __enter__(self) -> None:
        with self.lock:
            if self.users == 0:
                take_control()
                self.limit = blas().limit(limits=1, user_api="blas")
            self.users += 1

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                take_control()
                self.limit.restore_original_limits()


one_blas_thread = OneThread()


def take_control() -> None:
    """Let this thread set the limit, whichever thread set it last.

    subtle: threadpoolctl lets one thread alone control OpenBLAS and silently ignores all others,
    so that the last one out, if it is another thread than the first one in, would restore nothing.
    """
    for library in blas().lib_controllers:
        if hasattr(library, "clear_controlling_thread"):  # since threadpoolctl 3.7
            library.clear_controlling_thread(force=True)


@cache
def blas() -> ThreadpoolController:
    """What controls the BLAS that NumPy has loaded; looking for it takes 200 times a use of it."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def blas_of_numpy() -> list[dict[str, Any]]:
    """What threadpoolctl tells of the BLAS that NumPy computes with.

    subtle: SciPy brings a BLAS of its own, which has no part in a training.
    """
    from pathlib import Path

    from threadpoolctl import threadpool_info

    loaded = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    place = str(Path(np.__file__).resolve().parent)  # numpy; its libraries are in it, or beside it
    own = [pool for pool in loaded if str(Path(pool["filepath"]).resolve()).startswith(place)]
    return own or loaded


@cache
def machine() -> dict[str, str]:
    """What the last bits of a training with NumPy depend on besides its settings."""
    import platform

    blas = blas_of_numpy()
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "processor": platform.machine(),
        "blas": ", ".join(f"{pool['internal_api']} {pool['version']}" for pool in blas),
        "kernel": ", ".join(pool.get("architecture", "unknown") for pool in blas),
    }


def cores() -> int:
    """The processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
