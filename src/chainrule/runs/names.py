"""The id of a run: its settings and its seed in one word, and back.

It says what decides every bit of the run, so a link to it can be trained on any computer.
"""

import math
import re
from itertools import pairwise
from pathlib import Path
from typing import cast

from chainrule.data import CLASSES, PIXELS
from chainrule.descent import OPTIMIZERS, Optimizer
from chainrule.network import LOSSES, Loss
from chainrule.runs.run import Run
from chainrule.runs.settings import Change, RunError, Settings

NUMBER = r"(?:0|[1-9][0-9]{0,15})"
RATE = r"[0-9]+(?:\.[0-9]+)?(?:e[+-][0-9]+)?"
ID = re.compile(
    rf"{PIXELS}((?:-{NUMBER}){{0,20}})-{CLASSES}\.({'|'.join(LOSSES)})\.({'|'.join(OPTIMIZERS)})"
    rf"\.({RATE})\.(all|{NUMBER})\.({NUMBER})\.seed({NUMBER})((?:\.rate{NUMBER}-{RATE})*)",
    re.ASCII,
)
CHANGE = re.compile(rf"\.rate({NUMBER})-({RATE})", re.ASCII)


def run_id(run: Run) -> str:
    """The id of a run whose digits have been read: its settings, its seed, its changes of rate."""
    settings = run.settings
    parts = [
        "-".join(map(str, settings.sizes)),
        settings.loss,
        settings.optimizer,
        written(settings.learning_rate or math.nan),
        str(settings.batch_size or "all"),
        str(run.length),
        f"seed{settings.seed}",
        *(f"rate{step}-{written(rate)}" for step, rate in run.changes),
    ]
    if settings.data is not None and run.data is not None:
        parts.append(f"data-{run.data['training'][:8]}")
    return ".".join(parts)


def written(rate: float) -> str:
    """A rate as short as it can be and still be the same number."""
    return f"{rate:g}" if float(f"{rate:g}") == rate else repr(rate)


def settings_of(id: str) -> tuple[Settings, tuple[Change, ...]]:
    """What the id of a run on the bundled digits says; RunError if it is none."""
    found, shown = ID.fullmatch(id), ascii(id)
    shown = shown if len(shown) <= 40 else f"{shown[:37]}..."
    if found is None:
        why = "its digits are not in the package" if ".data-" in id else "that is no run's id"
        raise RunError(f"{shown} cannot be trained here: {why}")
    hidden, loss, optimizer, rate, size, steps, seed, changes = found.groups()
    settings = Settings(
        data=None,
        hidden=tuple(map(int, hidden.split("-")[1:])),
        loss=cast("Loss", loss),
        optimizer=cast("Optimizer", optimizer),
        learning_rate=float(rate),
        batch_size=None if size == "all" else int(size),
        steps=int(steps),
        epochs=None,
        seed=int(seed),
    )
    found_changes = tuple(Change(int(step), float(new)) for step, new in CHANGE.findall(changes))
    run = Run(Path(), settings, 0, "", (), changes=found_changes)
    ascending = all(one.step < next.step for one, next in pairwise(found_changes))
    if not ascending or not all(0 < each.learning_rate < math.inf for each in found_changes):
        raise RunError(f"{shown}: its changes of the rate cannot be")
    if run_id(run) != id:
        raise RunError(f"{shown}: that run is written {run_id(run):.200}")
    return settings, found_changes
