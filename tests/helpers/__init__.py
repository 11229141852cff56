"""What tests share: where the project lies, small problems, and the command line."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from chainrule import initialise

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "src/chainrule/lab/page"
PATIENCE = 600  # seconds after which something hangs; nothing is ever asked to be faster


def toy_problem(rng, sizes=(5, 4, 3), m=6, loss="squared_error", dtype=np.float64):
    """A network with biases that are not zero, X and one-hot Y."""
    network = initialise(sizes, loss=loss, rng=rng, dtype=dtype)
    network.parameters[:] += 0.1 * rng.standard_normal(network.parameters.size)
    X = rng.random((sizes[0], m)).astype(dtype)
    Y = np.eye(sizes[-1], dtype=dtype)[:, rng.integers(sizes[-1], size=m)]
    return network, X, Y


def run(*arguments, cwd=None, timeout=PATIENCE, **environment):
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "chainrule", *map(str, arguments)]
    env = {**os.environ, "PYTHONWARNINGS": "error", "PYTHONUTF8": "1", **environment}
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", cwd=cwd, env=env, timeout=timeout
    )
