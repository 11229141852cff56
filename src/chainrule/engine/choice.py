"""Which engine computes: NumPy, which is always there, or the compiled one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import DTypeLike

from chainrule.engine.batches import tiling
from chainrule.engine.interface import Engine
from chainrule.engine.with_numpy import numpy_engine

if TYPE_CHECKING:
    from concurrent.futures import Executor

EngineName = Literal["auto", "numpy", "compiled"]

ENGINES: tuple[EngineName, ...] = get_args(EngineName)
OLDEST_NUMBA = (0, 61)
TO_GET_IT = "pip install 'chainrule[fast]'"


def choose(name: EngineName, dtype: DTypeLike = np.float32) -> Literal["numpy", "compiled"]:
    """The engine that is meant. "auto" is the compiled one wherever it can compute this.

    The compiled engine computes with float32. Raises ValueError if it is asked for where that
    cannot be.
    """
    if name not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, got {name!r}")
    if name == "numpy":
        return "numpy"
    reason = None
    if np.dtype(dtype) != np.float32:
        reason = f"it computes with float32, and the parameters are {np.dtype(dtype)}"
    reason = reason or missing()
    if name == "compiled" and reason:
        raise ValueError(f"the compiled engine cannot be used: {reason}; engine='numpy' can")
    return "numpy" if reason else "compiled"


def shares(engine: str, sizes: tuple[int, ...], m: int, batch_size: int | None) -> bool:
    """Whether a step is cut into parts, which tasks of an executor can compute."""
    if engine == "numpy":
        return tiling(sizes, batch_size or m).stacks > 1
    from chainrule.engine.compiled.engine import LARGEST
    from chainrule.engine.compiled.tiled import tile_size

    return (batch_size or LARGEST + 1) > LARGEST and (batch_size or m) > tile_size(sizes, m)


@cache
def missing() -> str | None:
    """Why there is no compiled engine here, or None. It loads Numba."""
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return "NUMBA_DISABLE_JIT is set"
    try:
        import numba
        import platformdirs  # noqa: F401
    except ImportError as error:
        if error.name in ("numba", "platformdirs"):
            return f"{error.name} is not installed ({TO_GET_IT})"
        return f"Numba cannot be loaded: {str(error).splitlines()[0]}"
    if tuple(map(int, numba.__version__.split(".")[:2])) < OLDEST_NUMBA:
        oldest = ".".join(map(str, OLDEST_NUMBA))
        return f"Numba is {numba.__version__}, and {oldest} is wanted"
    return None


@contextmanager
def opened(
    name: EngineName,
    *,
    dtype: DTypeLike = np.float32,
    threads: int | None = None,
    executor: Executor | None = None,
    tell: Callable[[str], object] = lambda line: None,
) -> Iterator[Engine]:
    """The engine that is meant, with so many threads, or tasks of the executor.

    `tell` is given what a person should know before it begins, a line each.
    """
    if choose(name, dtype) == "numpy":
        with numpy_engine(threads, executor) as engine:
            yield engine
    else:
        from chainrule.engine.compiled.engine import compiled_engine
        from chainrule.engine.compiled.ready import make_ready

        make_ready(tell)
        with compiled_engine(threads, executor) as engine:
            yield engine
