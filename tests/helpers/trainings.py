"""Small trainings on disk, here and in a process of their own."""

import math
import sys

import pytest

from chainrule.model import MODEL
from chainrule.runs.folder import begin, open_run, prepare
from chainrule.runs.going import go_on
from chainrule.runs.run import RUN, TRAJECTORY
from chainrule.runs.settings import Settings

COMMAND = [sys.executable, "-c", "from chainrule.cli.main import main; main()"]
BY_ENGINE = pytest.mark.parametrize("engine", ["numpy", "compiled"])
BATCHES = {"full": (None, 0.5), "batches": (50, 0.05)}


def asked(**changes):
    """Settings of a small training."""
    known = {
        "data": None, "hidden": (10,), "loss": "squared_error", "optimizer": "momentum",
        "learning_rate": 0.05, "batch_size": 50, "steps": 40, "epochs": None, "seed": 3,
    }  # fmt: skip
    return Settings(**(known | changes))


def trained(folder, digits, settings=None, engine="auto", **options):
    """A run in this folder, trained as far as the options let it; the snapshots it gave."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / RUN).exists():
        a_run = open_run(folder)
    else:
        a_run = begin(folder, settings or asked(), engine=engine)
    a_run = prepare(a_run, *digits)
    rows = list(go_on(a_run, *digits, threads=1, **options))
    return open_run(folder), rows


def until(step, at_once=math.inf):
    """An `allowed` up to this step, of so many steps at once."""
    return lambda done: min(step - done, at_once)


def content(folder):
    return {name: (folder / name).read_bytes() for name in (MODEL, TRAJECTORY)}


class Kill(BaseException):
    """What ends a training here as a kill would: nobody catches it, nothing is put in order."""
