"""What the last bits of a training with NumPy depend on besides its settings."""

import platform
from functools import cache

import numpy as np

from chainrule.engine.blas import blas_of_numpy
from chainrule.runs.run import Run


@cache
def machine() -> dict[str, str]:
    """What the last bits of a training with NumPy depend on besides its settings."""
    blas = blas_of_numpy()
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "processor": platform.machine(),
        "blas": ", ".join(f"{pool['internal_api']} {pool['version']}" for pool in blas),
        "kernel": ", ".join(pool.get("architecture", "unknown") for pool in blas),
    }


def machine_difference(run: Run) -> str | None:
    """How this machine differs from the one the run was last computed on, if its bits might.

    Those of the compiled engine do not.
    """
    if run.engine == "compiled":
        return None
    now, then = machine(), run.machines[-1]
    differ = [name for name in now if name != "python" and now[name] != then.get(name)]
    return ", ".join(f"{name} was {then.get(name)}, is {now[name]}" for name in differ) or None
