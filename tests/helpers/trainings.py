"""Small trainings on disk, here and in a process of their own."""

import sys

from chainrule.model import MODEL
from chainrule.runs.folder import begin, open_run, prepare
from chainrule.runs.going import go_on
from chainrule.runs.run import RUN, TRAJECTORY
from chainrule.runs.settings import Settings

COMMAND = [sys.executable, "-c", "from chainrule.cli.main import main; main()"]
BATCHES = {"full": (None, 0.5), "batches": (50, 0.05)}


def asked(**changes):
    """Settings of a small training."""
    known = {
        "data": None, "hidden": (10,), "loss": "squared_error", "optimizer": "momentum",
        "learning_rate": 0.05, "batch_size": 50, "steps": 40, "epochs": None, "seed": 3,
    }  # fmt: skip
    return Settings(**(known | changes))


def trained(folder, digits, settings=None, **options):
    """A run in this folder, trained as far as the options let it; how many rows it gave."""
    folder.mkdir(parents=True, exist_ok=True)
    begun = (folder / RUN).exists()
    a_run = prepare(open_run(folder) if begun else begin(folder, settings or asked()), *digits)
    rows = list(go_on(a_run, *digits, threads=1, **options))
    return open_run(folder), rows


def stop_after(calls):
    """A `stop` that says so at its n-th call."""
    count = iter(range(1, calls + 1))
    return lambda: next(count, calls) == calls


def content(folder):
    return {name: (folder / name).read_bytes() for name in (MODEL, TRAJECTORY)}


class Kill(BaseException):
    """What ends a training here as a kill would: nobody catches it, nothing is put in order."""
