"""The files of a run: written by hand, and read or refused."""

import hashlib
import json
import math
from dataclasses import replace

import numpy as np

from chainrule.arrays import DIGITS
from chainrule.descent import MEMORY_ROWS
from chainrule.network import count_parameters
from chainrule.runs.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from chainrule.runs.folder import begin, open_run, write_run
from chainrule.runs.run import CHECKPOINT, RUN
from chainrule.runs.settings import RunError
from helpers.trainings import asked


def with_checkpoint(folder, settings, classes=DIGITS):
    """A run with a checkpoint after step 2 of 4, of numbers that are easy to tell apart."""
    started = begin(folder, settings)
    data = {"training": "a" * 64, "test": "b" * 64}
    started = replace(started, data=data, classes=classes)
    write_run(started)
    rows = 1 + MEMORY_ROWS[settings.optimizer]
    n = count_parameters(started.sizes)
    none = math.nan
    history = np.array([[k, 1 / (k + 3), none, k / 4, k / 7, none, none] for k in range(3)])
    state = np.linspace(-1, 1, rows * n, dtype=np.float32).reshape(rows, n)
    write_checkpoint(started, Checkpoint(2, state[0], state[1:], history, (0.5, 1), 0.25, 3))
    return started


def same(a, b):
    """Whether two checkpoints are, or their first fields."""
    return all(
        x is y if x is None or y is None else np.array_equal(x, y, equal_nan=True)
        for x, y in zip(a, b, strict=True)
    )


def read_or_refused(a_run, damaged):
    """What the reader makes of these bytes; None if it says in one line what is wrong."""
    path = a_run.folder / CHECKPOINT
    path.write_bytes(damaged)
    try:
        return read_checkpoint(a_run)
    except RunError as error:
        said = str(error)
    assert said.startswith(f"{path}: ")
    assert said.isprintable()
    return None


def check_damaged(a_run, wanted, damaged):
    found = read_or_refused(a_run, damaged)
    assert found is None or same(found, wanted)


def resealed(content):
    """This run.json with a checksum that fits it, as docs/reference/files.md says it is made."""
    rest = {name: value for name, value in content.items() if name != "sha256"}
    text = json.dumps(rest, sort_keys=True)
    return {**rest, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def written(folder, changes=(), **settings):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RUN).unlink(missing_ok=True)
    begin(folder, asked())
    path = folder / RUN
    content = json.loads(path.read_text(encoding="utf-8"))
    content["settings"] |= settings
    path.write_text(json.dumps(resealed({**content, **dict(changes)})), encoding="utf-8")
    return folder


def opened(folder):
    """The run in this folder; None if it is refused in one line."""
    try:
        return open_run(folder)
    except RunError as error:
        said = str(error)
    assert said.isprintable()
    return None
