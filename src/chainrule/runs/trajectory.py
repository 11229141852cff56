"""The trajectory of a run: its parameters at steps spread over it, to look back."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np

from chainrule.files import open_regular
from chainrule.network import Array, Network
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.run import TRAJECTORY, Run, row_bytes
from chainrule.runs.settings import RunError


def trajectory_row(step: int, parameters: Array) -> bytes:
    import hashlib

    row = step.to_bytes(8, "little") + parameters.astype("<f4", copy=False).tobytes()
    return row + hashlib.sha256(row).digest()


@contextmanager
def growing(run: Run, rows: int) -> Iterator[BinaryIO]:
    """The trajectory's file, cut to so many rows, to write at its end."""
    path, size = run.folder / TRAJECTORY, rows * row_bytes(run.sizes)
    with open_regular(path, "r+b" if rows else "wb") as file:
        if os.fstat(file.fileno()).st_size < size:
            raise RunError(f"{path}: damaged: it must hold {rows} rows, some are missing")
        file.truncate(size)
        file.seek(size)
        yield file


def check_place(trajectory: BinaryIO, run: Run) -> None:
    """OSError unless the run's folder holds the trajectory that is written.

    The folder of a run that goes on can be moved, and another run be begun in its place.
    """
    path = run.folder / TRAJECTORY
    if not os.path.samestat(os.fstat(trajectory.fileno()), path.lstat()):
        raise FileNotFoundError(errno.ENOENT, "was replaced while it was written", str(path))


def network_at(run: Run, step: int) -> Network:
    """The network at a recorded step; RunError if it is not recorded, or its row is damaged."""
    path = run.folder / TRAJECTORY
    reached = read_checkpoint(run)
    steps = run.recorded_steps[: reached.trajectory_rows] if reached else []
    if step not in steps:
        near = min(steps, key=lambda other: abs(other - step), default=None)
        known = f"the nearest of {len(steps)} recorded ones is {near}" if steps else "none is"
        raise RunError(f"{run.folder}: step {step} is not recorded; {known}")
    size = row_bytes(run.sizes)
    with open_regular(path) as file:
        file.seek(steps.index(step) * size)
        row = file.read(size)
    whole = len(row) == size
    parameters = np.frombuffer(row[8:-32] if whole else b"", "<f4").astype(np.float32)
    if row != trajectory_row(step, parameters):
        raise RunError(f"{path}: damaged: the row of step {step} does not match its checksum")
    return run.network(parameters)
