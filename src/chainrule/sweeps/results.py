"""How the runs of a sweep came out: each alone, and those that differ in their seed together."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.runs.checkpoint import read_progress
from chainrule.runs.folder import open_run
from chainrule.runs.patience import kept_step
from chainrule.runs.run import Run
from chainrule.runs.settings import Settings
from chainrule.sweeps.grid import Wanted, is_finished


class Outcome(NamedTuple):
    """What the history of a finished run says at the step of its model.

    `loss` is that of the history: in a run by batches the mean of the batches before the step.
    `validation` is the share of the validation images read right; None where none are set apart.
    """

    accuracy: float
    loss: float
    seconds: float  # of training
    validation: float | None


class Spread(NamedTuple):
    """The mean of some numbers and their standard deviation (n - 1); None of a single one."""

    mean: float
    deviation: float | None


class Row(NamedTuple):
    """The runs that differ in nothing but the seed. A run that is not finished has no outcome."""

    settings: Settings  # those of the first
    runs: list[tuple[Wanted, Outcome | None]]

    def spread(self, what: str) -> Spread | None:
        """How a field of the outcomes came out; None if no run is finished, or none has it."""
        values = [getattr(found, what) for _, found in self.runs if found is not None]
        return None if None in values or not values else spread_of(values)

    @property
    def finished(self) -> int:
        return sum(found is not None for _, found in self.runs)


def spread_of(values: Sequence[float]) -> Spread:
    """The mean and the standard deviation of these numbers, of which there is one at least."""
    numbers = np.asarray(values, np.float64)
    return Spread(float(numbers.mean()), float(numbers.std(ddof=1)) if len(numbers) > 1 else None)


def outcome_of(run: Run) -> Outcome | None:
    """How a run came out; None if it is not finished. RunError if its checkpoint is damaged."""
    if not is_finished(run):
        return None
    run = open_run(run.folder)  # its patience may have ended it
    reached = read_progress(run)
    if reached is None or reached.step < run.length:
        return None
    step = kept_step(run, reached.step, reached.history)
    row = reached.history[reached.history[:, 0] == step][0]
    _, loss, _, accuracy, _, _, validation = row.tolist()
    apart = None if run.settings.validation_share is None else validation
    return Outcome(accuracy, loss, reached.seconds, apart)


def rows_of(wanted: Sequence[Wanted]) -> list[Row]:
    """A row for each combination of settings but the seed, in the order in which they come."""
    rows: dict[Any, Row] = {}
    for each in wanted:
        fields = each.settings.as_json() | {"seed": None}
        row = rows.setdefault(repr(fields), Row(each.settings, []))
        row.runs.append((each, outcome_of(each.run) if each.begun else None))
    return list(rows.values())


def best_of(rows: Sequence[Row]) -> Row | None:
    """The row with the highest mean share read right, of validation images where all have them."""
    done = [row for row in rows if row.finished]
    apart = all(row.spread("validation") is not None for row in done)

    def mean(row: Row) -> float:
        found = row.spread("validation" if apart else "accuracy")
        return found.mean if found else 0.0

    return max(done, key=mean, default=None)
